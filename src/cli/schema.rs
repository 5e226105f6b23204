//! `edgesig schema`: the keys of signature and project files as JSON schema, for the YAML servers of editors.
//!
//! Draft 7, because that is what yaml-language-server (VS Code, Neovim, JetBrains' and others' too) reads in full; of later
//! drafts it knows parts. Everything comes from `syntax::keys` and from the tables of lints and fields.

use super::console::Console;
use super::failure::{Exit, Failure};
use crate::catalog::FIELDS;
use crate::lint::{LINTS, Level};
use crate::syntax::keys::{self, Form, Mapping, Names, Shape};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Folder in a repository that `init` writes the schemas to.
pub const FOLDER: &str = "schema";

const AFTER_HELP: &str = "\
Editors with a YAML server complete and check signature files by it. The first line of a file names its
schema, seen from the file:
  # yaml-language-server: $schema=../../schema/signature.json

Examples:
  edgesig schema                       of signature files, to standard output
  edgesig schema project               of edgesig.yaml
  edgesig schema --write schema        both, as schema/signature.json and schema/project.json";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Which file it describes
    #[arg(value_enum, value_name = "signature|project", default_value_t, hide_possible_values = true)]
    kind: Kind,
    /// Write both into this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    write: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    #[default]
    Signature,
    Project,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Signature, Kind::Project];

    /// Of the file in its folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Kind::Signature => "signature.json",
            Kind::Project => "project.json",
        }
    }
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Some(folder) = &arguments.write else {
        console.line(text(arguments.kind).trim_end())?;
        return Ok(Exit::Clean);
    };
    fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    for kind in Kind::ALL {
        let path = folder.join(kind.file_name());
        write(&path, &text(kind))?;
        console.line(&format!("wrote {}", path.display()))?;
    }
    Ok(Exit::Clean)
}

/// Replaces a file as a whole.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::file("write", path, &error))
}

/// The schema as text.
pub fn text(kind: Kind) -> String {
    let (mapping, title) = match kind {
        Kind::Signature => (&keys::SIGNATURE, "An edgesig signature"),
        Kind::Project => (&keys::PROJECT, "An edgesig project: edgesig.yaml"),
    };
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    schema.insert("title".to_owned(), json!(title));
    schema.extend(of_mapping(mapping));
    // A value of strings and numbers is always text.
    serde_json::to_string_pretty(&Value::Object(schema)).unwrap_or_default() + "\n"
}

fn of_mapping(mapping: &Mapping) -> Map<String, Value> {
    let properties: Map<String, Value> = mapping
        .keys
        .iter()
        .map(|key| {
            let mut schema = of_shape(&key.shape);
            schema.insert("description".to_owned(), json!(key.doc));
            if let Some(example) = example(key.example) {
                schema.insert("examples".to_owned(), json!([example]));
            }
            (key.name.to_owned(), Value::Object(schema))
        })
        .collect();
    let required: Vec<&str> = mapping.keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
    let mut schema = object(json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    }));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    if !mapping.forms.is_empty() {
        let form = |form: &Form| json!({"required": form.required, "propertyNames": {"enum": form.keys}});
        schema.insert("oneOf".to_owned(), mapping.forms.iter().map(form).collect());
    }
    schema
}

/// The value that an example of a row is.
fn example(written: &str) -> Option<Value> {
    if written.is_empty() { None } else { serde_yaml::from_str(written).ok() }
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

fn of_shape(shape: &Shape) -> Map<String, Value> {
    object(match shape {
        Shape::Version => json!({"const": 1}),
        Shape::Text => json!({"type": "string", "pattern": r"\S"}),
        // A plain number is its own text.
        Shape::Verbatim => json!({"type": ["string", "number"]}),
        Shape::Pattern(pattern) => json!({"type": "string", "pattern": pattern}),
        Shape::Date => json!({"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
        Shape::Integer(range) => json!({"type": "integer", "minimum": range.start(), "maximum": range.end()}),
        Shape::Word(words) => json!({"enum": words()}),
        Shape::Mode => {
            let words: Vec<&str> = keys::MODES.iter().copied().filter(|word| *word != "canary").collect();
            json!({"anyOf": [{"enum": words}, {"type": "string", "pattern": r"^\s*canary\s+[1-9][0-9]?\s*%\s*$"}]})
        }
        Shape::Limit => json!({"type": "string", "pattern": r"^\s*\d+\s*/\s*\d+(ms|s|m|h|d)\s*$"}),
        Shape::Duration => json!({"type": "string", "pattern": r"^\s*\d+(ms|s|m|h|d)\s*$"}),
        Shape::Action => {
            let pattern = format!(r"^\s*({})\s*(\((.|\n)*\)\s*)?$", keys::ACTIONS.join("|"));
            json!({"anyOf": [{"enum": keys::BARE_ACTIONS}, {"type": "string", "pattern": pattern}]})
        }
        // `when: true` is a condition that YAML reads as a boolean, `let: {n: 5}` an expression that it reads as a number.
        Shape::Condition => json!({"type": ["string", "boolean"]}),
        Shape::Expression => json!({"type": ["string", "boolean", "number"]}),
        Shape::Optional(inner) => json!({"anyOf": [{"type": "null"}, of_shape(inner)]}),
        Shape::List(inner) => json!({"type": "array", "items": of_shape(inner)}),
        Shape::OneOrMany(inner) => {
            let one = of_shape(inner);
            json!({"anyOf": [one.clone(), {"type": "array", "items": one, "minItems": 1}]})
        }
        Shape::Mapping(mapping) => return of_mapping(mapping),
        Shape::Free(names, inner) => return of_free(*names, of_shape(inner)),
        Shape::Either(shapes) => json!({"anyOf": shapes.iter().map(of_shape).collect::<Vec<_>>()}),
        Shape::Any => json!({}),
    })
}

/// A mapping with free keys.
fn of_free(names: Names, value: Map<String, Value>) -> Map<String, Value> {
    let known: Map<String, Value> = match names {
        Names::Pattern(pattern) => {
            return object(json!({
                "type": "object",
                "propertyNames": {"pattern": pattern},
                "additionalProperties": value,
            }));
        }
        Names::Fields => {
            let facts = FIELDS.iter().filter(|row| row.field.is_fact());
            facts.map(|row| (row.name.to_owned(), described(&value, row.doc))).collect()
        }
        Names::Lints => {
            let lints = LINTS.iter().map(|lint| {
                let text = format!("{} Default: {}.", lint.what, lint.level.name());
                (lint.id.to_owned(), described(&value, &text))
            });
            let warnings = json!({
                "enum": [Level::Warn.name(), Level::Deny.name()],
                "description": "Every warning, of lints and of the compiler. Default: warn.",
            });
            lints.chain([(crate::lint::WARNINGS.to_owned(), warnings)]).collect()
        }
    };
    object(json!({"type": "object", "properties": known, "additionalProperties": false}))
}

fn described(value: &Map<String, Value>, text: &str) -> Value {
    let mut value = value.clone();
    value.insert("description".to_owned(), json!(text));
    Value::Object(value)
}

/// The line at the top of a file that tells editors where its schema is. `None` where there is no way from the one
/// folder to the other.
pub fn modeline(file: &Path, schema: &Path) -> Option<String> {
    let folder = file.parent()?;
    let common = folder.components().zip(schema.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| "..".to_owned());
    let down = schema.components().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    Some(format!("# yaml-language-server: $schema={}\n", parts.join("/")))
}
