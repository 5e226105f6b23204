//! `edgesig explain`: what a word of the language or a diagnostic means, or why a signature matches a request (see
//! `why`).

mod keys;
mod request;
mod sequence;
mod why;

use super::console::Console;
use super::docs::{availability, capitalised, field_facts, lint_text, severity, spelled};
use super::failure::{Exit, Failure};
use super::guess;
use super::load::Paths;
use crate::catalog::{FIELDS, FUNCTIONS, OPERATORS};
use crate::diagnostic::Code;
use crate::lint;

const AFTER_HELP: &str = r#"REQUEST is the name of one of the signature's tests, a request line, a raw HTTP
message, a curl command, a mapping as in a test, a JSON object, or @FILE with any of these.

Examples:
  edgesig explain runaway-regex
  edgesig explain req.args
  edgesig explain --signature log4shell-jndi --request 'GET /?q=$%7Bjndi:x%7D'
  edgesig explain --signature log4shell-jndi --request '{url: /?q=1, headers: {referer: x}}'
  edgesig explain --signature log4shell-jndi --request @burp.http
  edgesig explain --signature log4shell-jndi --request "curl 'https://h/' -H 'X: y'""#;

const USAGE: &str = "edgesig explain TOPIC\n       edgesig explain --signature ID --request REQUEST";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP, override_usage = USAGE)]
pub struct Arguments {
    /// A diagnostic code, a lint, a field, a function, an operator, a key of a file, a mode, an action or a word of the log
    #[arg(required_unless_present = "signature", conflicts_with = "signature")]
    topic: Option<String>,
    /// Explain what this signature says of a request
    #[arg(long, value_name = "ID", requires = "request")]
    signature: Option<String>,
    /// The request
    #[arg(long, value_name = "REQUEST", requires = "signature")]
    request: Option<String>,
    /// Where the signature is [default: as for `check`]; can be repeated
    #[arg(long = "path", value_name = "PATH", requires = "signature")]
    paths: Vec<std::path::PathBuf>,
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    match (&arguments.topic, &arguments.signature, &arguments.request) {
        (Some(topic), _, _) => {
            for line in explain(topic)?.lines() {
                console.line(line)?;
            }
            Ok(Exit::Clean)
        }
        (None, Some(signature), Some(request)) => {
            let paths = Paths { paths: arguments.paths.clone() };
            why::run(&paths, signature, request, console)
        }
        (None, _, _) => Err(Failure::with_help(
            "nothing to explain",
            "name a topic, or a signature and a request: `edgesig explain --help`",
        )),
    }
}

/// The text for a topic.
fn explain(topic: &str) -> Result<String, Failure> {
    // `req.args["q"]` and `lower(x)` are asked for by name; an operator has neither bracket.
    let name = topic.split(['[', '(']).next().unwrap_or_default().trim();
    let name = if name.is_empty() { topic.trim() } else { name };
    let keyless = topic.find(']').map(|end| format!("{name}{}", topic[end + 1..].trim()));
    let field_name = keyless.as_deref().unwrap_or(name);
    if let Some(row) = FIELDS.iter().find(|row| row.name == field_name) {
        let facts: Vec<String> = field_facts(row).iter().map(|fact| format!("  {}", fact.replace('`', ""))).collect();
        return Ok(format!("{} (field)\n\n{}\n\n{}\n", spelled(row), wrapped(row.doc), facts.join("\n")));
    }
    if let Some(row) = FUNCTIONS.iter().find(|row| row.name == name) {
        return Ok(format!(
            "{} -> {} (function)\n\n{}\n\n  Varnish: {}\n  Fastly: {}\n  Example: {}\n",
            row.signature,
            row.result,
            wrapped(row.doc),
            availability(row.varnish).replace('`', ""),
            availability(row.fastly).replace('`', ""),
            row.example
        ));
    }
    if let Some(row) = OPERATORS.iter().find(|row| row.name == name) {
        return Ok(format!("{} (operator)\n\n{}\n\n  Example: {}\n", row.name, wrapped(row.doc), row.example));
    }
    if let Some(code) = Code::from_id(name) {
        return Ok(format!(
            "{} ({})\n\n{}.\n\n{}\n",
            code.id(),
            severity(code.severity()),
            capitalised(code.summary()),
            wrapped(code.explanation())
        ));
    }
    if let Some(lint) = lint::find(name) {
        return Ok(format!("{} (lint)\n\n{}", lint.id, lint_text(lint)));
    }
    if let Some(text) = keys::explain(name) {
        return Ok(text);
    }
    let known = FIELDS
        .iter()
        .map(|row| row.name)
        .chain(FUNCTIONS.iter().map(|row| row.name))
        .chain(OPERATORS.iter().map(|row| row.name))
        .chain(Code::ALL.iter().map(|code| code.id()))
        .chain(lint::LINTS.iter().map(|lint| lint.id))
        .chain(keys::names());
    if guess::signature(name).is_some() {
        return Err(Failure::with_help(
            format!("`{name}` is a signature"),
            format!("`edgesig explain --signature {name} --request 'GET /'` says why it matches a request or does not"),
        ));
    }
    let failure = Failure::unknown("field, function, operator, key, diagnostic or lint", topic, known);
    if failure.help().is_some() {
        return Err(failure);
    }
    Err(Failure::with_help(
        failure.to_string(),
        "fields, functions and operators are in docs/fields.md, diagnostics in docs/diagnostics.md, lints in \
         docs/lints.md",
    ))
}

/// Broken into lines of at most 90 characters at blanks.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if line.chars().count() + word.chars().count() >= 90 && !line.is_empty() {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_language_is_explained() {
        let names = FIELDS.iter().map(|row| row.name).chain(FUNCTIONS.iter().map(|row| row.name));
        for name in names.chain(OPERATORS.iter().map(|row| row.name)).chain(Code::ALL.iter().map(|code| code.id())) {
            assert!(explain(name).is_ok_and(|text| text.contains(name)), "{name}");
        }
        for word in ["then", "rate", "mode", "canary", "severity", "trusted_proxies", "facts", "limits", "score"] {
            assert!(explain(word).is_ok_and(|text| text.contains(word)), "{word}");
        }
        for name in keys::names() {
            assert!(explain(name).is_ok_and(|text| text.contains(name)), "{name}");
        }
        assert!(explain("req.args[\"q\"]").unwrap().starts_with("req.args["));
        assert!(explain("req.args[\"q\"].raw").is_ok_and(|text| text.contains("req.args.raw")));
        assert!(explain("lower(req.path)").unwrap().starts_with("lower("));
    }

    #[test]
    fn a_misspelled_topic_gets_a_suggestion() {
        for (topic, near) in [("req.pth", "req.path"), ("runaway-regx", "runaway-regex"), ("lowr", "lower")] {
            assert_eq!(explain(topic).unwrap_err().help(), Some(format!("did you mean `{near}`?").as_str()));
        }
        for hostile in ["", "]", "[", "(", "é]x", "a]é", "\u{1b}["] {
            assert!(explain(hostile).is_err(), "{hostile:?}");
        }
    }
}
