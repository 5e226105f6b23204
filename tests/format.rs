//! The formatter: what is shipped is formatted, formatting twice changes nothing more, comments stay, and the typed
//! program before is the typed program after.

mod support;

use edgesig::diagnostic::Diagnostics;
use edgesig::lint::{LINTS, example};
use edgesig::semantic::Files;
use edgesig::source::{SourceId, SourceMap};
use edgesig::syntax::{self, Formatted};
use std::path::{Path, PathBuf};
use support::rng::Rng;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

struct Beside(PathBuf);

impl Files for Beside {
    fn read(&self, _base: SourceId, path: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.0.join(path)).map_err(|_| "no such file".to_owned())
    }
}

/// The formatted text of a signature; `None` for one with errors.
fn format(name: &str, text: &str) -> Option<String> {
    let mut sources = SourceMap::default();
    let source = sources.add(name, text);
    let mut found = Diagnostics::default();
    let formatted = if name.ends_with("edgesig.yaml") || name.starts_with("project-") {
        syntax::format_project(&sources, source, &mut found)
    } else {
        syntax::format_signature(&sources, source, &mut found)
    };
    match formatted {
        Formatted::Text(text) => Some(text),
        Formatted::HasErrors => None,
        Formatted::Refused { reason, .. } => {
            assert!(reason.contains("alias"), "{name}: {reason}\n{text}");
            None
        }
    }
}

/// The typed program of a signature, without places.
fn program(name: &str, text: &str, folder: &Path) -> String {
    let mut sources = SourceMap::default();
    let project = sources.add("edgesig.yaml", example::PROJECT);
    let source = sources.add(name, text);
    let mut found = Diagnostics::default();
    let project = edgesig::parse_project(&sources, Some(project), &mut found);
    let signatures = edgesig::parse_signatures(&sources, &[source], &mut found);
    let files = Beside(folder.to_owned());
    let ruleset = edgesig::analyze(&sources, project.as_ref(), &signatures, &files, &mut found);
    let mut ids: Vec<&str> = found.list.iter().map(|diagnostic| diagnostic.code.id()).collect();
    ids.sort_unstable();
    format!("{}\n{ids:?}", edgesig::ir::display(&ruleset))
}

/// How often each comment of the generated files is there; the order may change with that of the keys.
fn comments(text: &str) -> Vec<usize> {
    let known = [
        "# why: this",
        "# a \"comment\" (here",
        "# before a key",
        "# the end",
        "# behind",
        "# before\n",
        "# after",
        "# yaml-language-server: $schema=x.json",
    ];
    let text = text.replace('\r', "");
    known.iter().map(|comment| text.matches(comment).count()).collect()
}

/// Formats, and checks everything that has to hold of it.
fn check(name: &str, text: &str, folder: &Path) -> Option<String> {
    let formatted = format(name, text)?;
    assert_eq!(format(name, &formatted).as_ref(), Some(&formatted), "{name} is not stable:\n{text}\n----\n{formatted}");
    if !name.ends_with("edgesig.yaml") && !name.starts_with("project-") {
        let (before, after) = (program(name, text, folder), program(name, &formatted, folder));
        assert_eq!(before, after, "{name} means something else:\n{text}\n----\n{formatted}");
    }
    Some(formatted)
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect()
}

#[test]
fn what_is_shipped_is_formatted() {
    let mut files = vec![root().join("edgesig.yaml")];
    files.extend(yaml_files(&root().join("signatures")));
    files.extend(yaml_files(&root().join("examples")));
    assert!(files.len() > 60);
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy();
        if check(&name, &text, file.parent().unwrap()).as_deref() != Some(text.as_str()) {
            wrong.push(file.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    assert!(wrong.is_empty(), "`edgesig fmt` was not run on:\n{}", wrong.join("\n"));
}

#[test]
fn cases_keep_their_meaning() {
    let mut count = 0;
    for file in yaml_files(&root().join("tests/cases")) {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let name = file.file_name().unwrap().to_string_lossy();
        count += usize::from(check(&name, &text, file.parent().unwrap()).is_some());
    }
    assert!(count > 60, "{count}");
}

#[test]
fn examples_of_lints_keep_their_meaning() {
    for lint in LINTS {
        for file in [lint.example, lint.instead].into_iter().flat_map(example::files) {
            let name = file.id.map_or("edgesig.yaml".to_owned(), |id| format!("{id}.yaml"));
            check(&name, &file.text, &root()).unwrap_or_else(|| panic!("{}", lint.id));
        }
    }
}

#[test]
fn generated_signatures_keep_their_meaning_and_comments() {
    let mut count = 0;
    for seed in 0..600 {
        let mut rng = Rng::new(seed);
        let text = support::written::signature(&mut rng, "a", seed % 5 != 0);
        if let Some(formatted) = check("a.yaml", &text, &root()) {
            count += 1;
            assert_eq!(comments(&text), comments(&formatted), "{text}\n----\n{formatted}");
            assert_eq!(text.contains('\r'), formatted.contains('\r'));
        }
    }
    assert!(count > 500, "only {count} of 600 were valid");
}

#[test]
fn damaged_files_do_not_panic() {
    for seed in 0..1_200 {
        let mut rng = Rng::new(seed);
        let mut text = support::written::signature(&mut rng, "a", true).into_bytes();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(text.len());
            match rng.below(3) {
                0 => text[at] = rng.pick(b"\"'#|>-:[]{},&*!%@`\n \t~?\\"),
                1 => drop(text.remove(at)),
                _ => text.insert(at, rng.pick(b"\"'#|>-:[]{},&*!%@`\n \t~?\\")),
            }
        }
        let Ok(text) = String::from_utf8(text) else { continue };
        check("a.yaml", &text, &root());
    }
}

/// As much as a file may hold, on one line: a time that grew with the square of it would be minutes.
#[test]
fn a_long_line_takes_no_longer_than_many() {
    let elements: Vec<String> = (0..90_000).map(|number| format!("t{number}")).collect();
    let text = |between: &str| {
        let tags = elements.join(between);
        format!("edgesig: 1\nid: a\ntitle: é\nseverity: low\nwhen: req.path == \"/\"\ntags: [{tags}]\n")
    };
    let time = |text: &str| {
        let start = std::time::Instant::now();
        let formatted = format("a.yaml", text);
        (formatted, start.elapsed())
    };
    let (many, of_many) = time(&text(",\n  "));
    let (one, of_one) = time(&text(", "));
    assert!(one.is_some() && many.is_some());
    assert!(of_one < of_many * 4 + std::time::Duration::from_secs(1), "{of_one:?} for one line, {of_many:?} for many");
}

/// Before and after of files in odd shapes.
#[test]
fn odd_files() {
    let mut said = String::new();
    for (name, text) in ODD {
        let formatted = check("a.yaml", text, &root());
        said.push_str(&format!("== {name}\n{}", formatted.unwrap_or_else(|| panic!("{name}")).replace('\r', "␍")));
    }
    insta::assert_snapshot!("odd_files", said);
}

const ODD: &[(&str, &str)] = &[
    (
        "comments everywhere",
        r#"# yaml-language-server: $schema=x.json

# about the title
title:   'It is "odd"'   # trailing
id: a
edgesig: 1

# the severity
severity: high
# mode below

mode: "monitor"
tests: # all of them
- {name: 'a', request: "GET /?q=\x41", expect: match} # first
# second
- name: b   # b
  # before request
  request:
    # url next
    url: /x
    # end of request
  expect:
    # between
    no_match
  # end of item
when: |
  # leading
  ((req.path  contains "a"))   # why a
  or   # here
    req.query contains "\x62" and (not (req.method  ==   "GET"))

  # before c
  or req.headers [ "a" ,
    "b", # bee
    "c" ] contains "c"
then:
    - log
    # last

# end of file
"#,
    ),
    (
        "everything in brackets",
        r#"{edgesig: 1, id: a, title: "C: the third", severity: low, when: 'req.path == "/x"  and  (exists req.headers["a"]  or not (req.host=="x"))',
 then: [log, throttle], refs: {cve: []}, rate: {limit: 10/60s, key: [ client.ip,
  # comment
  'req.headers["a"]'], count: resp.status==401}}
"#,
    ),
    (
        "quantifiers, lists, blocks",
        r#"edgesig: 1
id: a
title: E
severity: low
when: |
  any( # first
    req.args["a"] # second
      contains [ # third
      "a", "b" # fourth
      ] # fifth
  ) # sixth
  # seventh
description: |2
    indented first
  then
notes:
  a: |+
    keep

  b: "two\nlines\n"
  c: "\tx"
tests:
  -
    name: x
    request: GET /
    expect: match
  - # comment here
    name: y
    request: |
      GET / HTTP/1.1
      Host: x

    expect: no_match
"#,
    ),
    (
        "lines of another system",
        "edgesig: 1\r\nid: a\r\ntitle: B\r\nseverity: low\r\nwhen: |\r\n  req.path == \"/x\" # c\r\n  or req.path == \"/y\"\r\ndescription: >\r\n  folded text\r\n  more\r\n\r\n  para\r\ntests: []\r\n",
    ),
];
