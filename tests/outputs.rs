//! The formats of `check` for programs, over everything that the cases of errors and the examples of lints can make it
//! say: SARIF is judged by Microsoft's validator and its places are looked up in the sources, JUnit XML is read by an
//! XML parser, annotations by what GitHub does with them. (Small whole outputs are goldens of `cli.rs`.)

mod support;

use edgesig::cli::render::report::Report;
use edgesig::cli::render::{github, json, junit, sarif};
use edgesig::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use edgesig::ir::Rule;
use edgesig::lint::{self, LINTS, Level, Levels, example};
use edgesig::source::{SourceId, SourceMap, Span};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::OnceLock;
use support::cases::{Beside, cases_of, check};

/// Many checks put together as if they were one.
#[derive(Default)]
struct All {
    sources: SourceMap,
    diagnostics: Diagnostics,
    signatures: Vec<SourceId>,
    rules: Vec<Arc<Rule>>,
}

impl All {
    fn add(&mut self, folder: &str, sources: &SourceMap, diagnostics: Diagnostics, rules: Vec<Arc<Rule>>) {
        let base = self.sources.ids().count() as u32;
        for id in sources.ids() {
            let id = self.sources.add(format!("{folder}/{}", sources.name(id)), sources.text(id));
            self.signatures.push(id);
        }
        let move_span = |span: &mut Span| span.source.0 += base;
        for mut diagnostic in diagnostics.list {
            move_span(&mut diagnostic.primary.span);
            diagnostic.secondary.iter_mut().for_each(|label| move_span(&mut label.span));
            let edits = diagnostic.fixes.iter_mut().flat_map(|fix| &mut fix.edits);
            edits.for_each(|(span, _)| move_span(span));
            self.diagnostics.push(diagnostic);
        }
        for mut rule in rules {
            let own = Arc::make_mut(&mut rule);
            move_span(&mut own.span);
            own.tests.iter_mut().for_each(|test| move_span(&mut test.span));
            self.rules.push(rule);
        }
    }

    fn report(&self) -> Report<'_> {
        Report {
            sources: &self.sources,
            diagnostics: &self.diagnostics,
            deny_warnings: false,
            folder: "edge/",
            signatures: self.signatures.clone(),
            rules: self.rules.iter().map(Arc::as_ref).collect(),
            tested: true,
        }
    }
}

/// What every case of an error and every example of a lint says, in folders with blanks and letters of other scripts.
fn everything() -> &'static All {
    static ALL: OnceLock<All> = OnceLock::new();
    ALL.get_or_init(gather)
}

fn gather() -> All {
    let mut all = All::default();
    for (name, path) in cases_of("errors") {
        let checked = check(&path);
        all.add(&format!("fälle/error {name}"), &checked.sources, checked.diagnostics, checked.ruleset.rules);
    }
    for lint in LINTS {
        let (sources, diagnostics, rules) = lint_example(lint.example);
        all.add(&format!("ルール/{}", lint.id), &sources, diagnostics, rules);
    }
    // What only a check with files and tests says: one of each at least.
    let mut sources = SourceMap::default();
    let id = sources.add("a: b#c?d%.yaml", "\u{feff}édge\r\nx\u{1b}[31m \u{202e}\u{ffff}]]>&<\n\nlast");
    let mut diagnostics = Diagnostics::default();
    let length = sources.text(id).len();
    for (index, code) in Code::ALL.iter().enumerate() {
        let start = if index % 7 == 0 { length } else { [0, 3, 5, 10][index % 4] };
        let end = if index % 3 == 0 { length } else { start };
        let span = Span::new(id, start.min(end), end);
        diagnostics.push(
            Diagnostic::new(
                *code,
                span,
                "100% of [this](1) \u{1b}]0;x\u{7} is `<a>&\"b\"`\n::error::no",
                "\r\n{0} {{1}}",
            )
            .secondary(Span::new(id, 0, 0), "")
            .help("help\u{0}")
            .fix("fix it", span, "new\ntext")
            .proposal("remove it", span, ""),
        );
    }
    all.add("..", &sources, diagnostics, Vec::new());
    all.diagnostics.sort();
    all
}

fn lint_example(text: &str) -> (SourceMap, Diagnostics, Vec<Arc<Rule>>) {
    let files = example::files(text);
    let mut sources = SourceMap::default();
    let own = files.iter().find(|file| file.id.is_none());
    let project = sources.add("edgesig.yaml", own.map_or(example::PROJECT, |file| &file.text));
    let signatures: Vec<SourceId> = files
        .iter()
        .filter_map(|file| Some(sources.add(format!("{}.yaml", file.id.as_ref()?), file.text.clone())))
        .collect();
    let mut diagnostics = Diagnostics::default();
    let project = edgesig::parse_project(&sources, Some(project), &mut diagnostics);
    let signatures = edgesig::parse_signatures(&sources, &signatures, &mut diagnostics);
    let files = Beside(".".into());
    let ruleset = edgesig::analyze(&sources, project.as_ref(), &signatures, &files, &mut diagnostics);
    let mut levels = Levels::of_project(project.as_ref(), &mut diagnostics);
    for lint in LINTS.iter().filter(|lint| lint.level == Level::Allow) {
        levels.set(lint.id, Level::Warn).unwrap();
    }
    diagnostics.extend(lint::lint(&lint::Input {
        sources: &sources,
        project: project.as_ref(),
        signatures: &signatures,
        ruleset: &ruleset,
        levels: &levels,
        today: example::TODAY.parse().unwrap(),
        whole: true,
        only: None,
    }));
    diagnostics.sort();
    (sources, diagnostics, ruleset.rules)
}

/// Runs the validator on files; what it calls an error.
fn errors_of_validator(files: &[&Path]) -> Option<Vec<String>> {
    let tool = support::installed(
        "sarif-multitool/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool",
        "scripts/install-sarif-multitool",
    )?;
    let output = Command::new(tool)
        .arg("validate")
        .args(files)
        .args(["--rule-kind", "Sarif;Ghas"])
        .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(&format!("{} files scanned", files.len())), "{said}");
    let mut errors: Vec<String> = said.lines().filter(|line| line.contains(": error ")).map(str::to_owned).collect();
    if !output.status.success() && errors.is_empty() {
        errors.push(said);
    }
    Some(errors)
}

#[test]
fn the_validator_accepts_the_sarif_of_every_case() {
    let all = everything();
    let ids: BTreeSet<&str> = all.diagnostics.list.iter().map(|diagnostic| diagnostic.code.id()).collect();
    assert_eq!(ids.len(), Code::ALL.len() + LINTS.len());
    let severities: BTreeSet<Severity> = all.diagnostics.list.iter().map(|diagnostic| diagnostic.severity).collect();
    assert_eq!(severities.len(), 3);
    let folder = tempfile::tempdir().unwrap();
    let clean = All { signatures: all.signatures.clone(), ..All::default() };
    let files = [("every case.sarif", sarif::render(&all.report())), ("clean.sarif", sarif::render(&clean.report()))];
    let paths: Vec<_> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    for (path, (_, text)) in paths.iter().zip(&files) {
        std::fs::write(path, text).unwrap();
    }
    let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    if let Some(errors) = errors_of_validator(&paths) {
        assert!(errors.is_empty(), "{} errors\n{}", errors.len(), errors.join("\n"));
    }
    // The validator does find something, where there is something.
    let broken = folder.path().join("broken.sarif");
    std::fs::write(&broken, files[0].1.replace("\"startLine\": 2,", "\"startLine\": 0,")).unwrap();
    if let Some(errors) = errors_of_validator(&[broken.as_path()]) {
        assert!(!errors.is_empty());
    }
}

/// Each region holds, counted in code points, the bytes that the finding marks.
#[test]
fn regions_of_sarif_hold_what_is_marked() {
    let all = everything();
    let log: Value = serde_json::from_str(&sarif::render(&all.report())).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(log["runs"][0]["columnKind"], "unicodeCodePoints");
    assert_eq!(results.len(), all.diagnostics.list.len());
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let mut prints = BTreeSet::new();
    for (result, diagnostic) in results.iter().zip(&all.diagnostics.list) {
        let span = diagnostic.primary.span;
        let text = all.sources.text(span.source);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(slice(text, &place["region"]), marked(text, span), "{}", diagnostic.message);
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()) && !uri.starts_with('/'), "{uri}");
        let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["text"].as_str().unwrap().len() > 40, "{rule}");
        for (fix, written) in result["fixes"].as_array().into_iter().flatten().zip(&diagnostic.fixes) {
            let replacements = fix["artifactChanges"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|change| change["replacements"].as_array().unwrap().iter());
            let edits: Vec<(&str, &str)> = replacements
                .map(|replacement| {
                    let inserted = replacement["insertedContent"]["text"].as_str().unwrap_or_default();
                    (slice(text, &replacement["deletedRegion"]), inserted)
                })
                .collect();
            let expected: Vec<(&str, &str)> =
                written.edits.iter().map(|(span, new)| (marked(text, *span), new.as_str())).collect();
            assert_eq!(edits, expected);
        }
        let print = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap();
        assert!(prints.insert((result["ruleId"].to_string(), uri.to_owned(), print.to_owned())), "{print} twice");
    }
}

/// The bytes of a span, without a byte-order mark.
fn marked(text: &str, span: Span) -> &str {
    text[span.range()].trim_start_matches('\u{feff}')
}

/// The text of a region; a byte-order mark has no column.
fn slice<'t>(text: &'t str, region: &Value) -> &'t str {
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let offset = |line: &str, column: &str| {
        let number = |key: &str| region[key].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(number(line) - 1).map(str::len).sum();
        let start = if number(line) == 1 { mark } else { start };
        let rest = &text[start..];
        start + rest.char_indices().nth(number(column) - 1).map_or(rest.len(), |(at, _)| at)
    };
    let (start, end) = (offset("startLine", "startColumn"), offset("endLine", "endColumn"));
    &text[start..end.max(start)]
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let prints = |before: &str| {
        let mut sources = SourceMap::default();
        let text = format!("{before}  when: x\n  other\n  when: x\n");
        let source = sources.add("a.yaml", text.clone());
        let mut diagnostics = Diagnostics::default();
        for (at, _) in text.match_indices("when") {
            diagnostics.push(Diagnostic::new(Code::InvalidYaml, Span::new(source, at, at + 4), "m", ""));
        }
        let all = All { sources, diagnostics, ..All::default() };
        let log: Value = serde_json::from_str(&sarif::render(&all.report())).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect::<Vec<_>>()
    };
    let first = prints("");
    assert_eq!(first, prints("# a comment\n\nid: a\n"));
    assert_ne!(first[0], first[1]);
}

/// A mark on a line that is too long to be hashed for each of its marks is known by what stands around it.
#[test]
fn fingerprints_on_long_lines_are_of_their_place() {
    let prints = |before: &str, after: &str| {
        let line = format!("{}mark {}other{}", "a ".repeat(2000), "b ".repeat(3000), "c ".repeat(2000));
        let mut sources = SourceMap::default();
        let source = sources.add("a.yaml", format!("{before}{line}{after}\n"));
        let mut diagnostics = Diagnostics::default();
        for word in ["mark", "other"] {
            let at = before.len() + line.find(word).unwrap();
            diagnostics.push(Diagnostic::new(Code::InvalidYaml, Span::new(source, at, at + 4), "m", ""));
        }
        let all = All { sources, diagnostics, ..All::default() };
        let log: Value = serde_json::from_str(&sarif::render(&all.report())).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"].to_string()).collect::<Vec<_>>()
    };
    let first = prints("", "");
    assert_ne!(first[0], first[1]);
    assert_eq!(first, prints("# a comment\n\nid: a\n", ""));
    // Another end far away is none of their matter.
    assert_eq!(first, prints("", "another end"));
}

#[test]
fn junit_is_xml_with_everything_in_it() {
    let all = everything();
    let text = junit::render(&all.report());
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!(root.tag_name().name(), "testsuites");
    let number = |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<usize>().unwrap();
    let mut totals = [0; 3];
    for suite in root.children().filter(roxmltree::Node::is_element) {
        assert_eq!(suite.tag_name().name(), "testsuite");
        let cases: Vec<_> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
        let with = |name: &str| cases.iter().filter(|case| case.children().any(|node| node.has_tag_name(name))).count();
        assert!(!cases.is_empty());
        for (total, (name, count)) in
            totals.iter_mut().zip([("tests", cases.len()), ("failures", with("failure")), ("skipped", with("skipped"))])
        {
            assert_eq!(number(suite, name), count);
            *total += count;
        }
        for case in cases {
            for name in ["name", "classname", "file", "line", "time"] {
                assert!(case.attribute(name).is_some_and(|value| !value.is_empty()), "{name} of {case:?}");
            }
            // The order that schemas of JUnit demand: the outcome, then the output.
            let children: Vec<&str> =
                case.children().filter(|node| node.is_element()).map(|node| node.tag_name().name()).collect();
            assert!(
                matches!(children.as_slice(), [] | ["failure" | "skipped" | "system-out"] | ["failure", "system-out"]),
                "{children:?}"
            );
        }
    }
    assert_eq!([number(root, "tests"), number(root, "failures")], totals[..2]);
    let failing: BTreeSet<_> = all
        .diagnostics
        .list
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| (diagnostic.primary.span.source, diagnostic.code.id()))
        .collect();
    assert_eq!(totals[1], failing.len());
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character in the XML");
    let hostile = root.descendants().find(|node| node.attribute("type") == Some("invalid-yaml")).unwrap();
    assert!(hostile.attribute("message").is_some());
}

/// An element of the schema by which Jenkins' xUnit plugin judges JUnit files (`junit-10.xsd`): its attributes, those that
/// must be there, and its children. Where it has text, its children may be none.
struct Element {
    name: &'static str,
    attributes: &'static [&'static str],
    required: &'static [&'static str],
    children: &'static [&'static str],
    has_text: bool,
}

const JUNIT_10: &[Element] = &[
    Element {
        name: "testsuites",
        attributes: &["name", "time", "tests", "failures", "errors"],
        required: &[],
        children: &["testsuite"],
        has_text: false,
    },
    Element {
        name: "testsuite",
        attributes: &[
            "name",
            "tests",
            "failures",
            "errors",
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
        ],
        required: &["name", "tests", "failures", "errors"],
        children: &["testsuite", "properties", "testcase", "system-out", "system-err"],
        has_text: false,
    },
    Element {
        name: "testcase",
        // `file` and `line` are not of the schema. GitLab and the actions that annotate pull requests read them.
        attributes: &["name", "time", "classname", "group", "file", "line"],
        required: &["name"],
        children: &["skipped", "error", "failure", "system-out", "system-err"],
        has_text: false,
    },
    Element { name: "failure", attributes: &["type", "message"], required: &[], children: &[], has_text: true },
    Element { name: "skipped", attributes: &["type", "message"], required: &[], children: &[], has_text: true },
    Element { name: "properties", attributes: &[], required: &[], children: &["property"], has_text: false },
    Element {
        name: "property",
        attributes: &["name", "value"],
        required: &["name", "value"],
        children: &[],
        has_text: false,
    },
    Element { name: "system-out", attributes: &[], required: &[], children: &[], has_text: true },
];

/// What a document has that the schema does not allow.
fn violations_of_junit_10(text: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(text).unwrap();
    let mut violations = Vec::new();
    if document.root_element().tag_name().name() != "testsuites" {
        violations.push("another root".to_owned());
    }
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        let mut wrong = |what: String| violations.push(format!("<{name}>: {what}"));
        let Some(element) = JUNIT_10.iter().find(|element| element.name == name) else {
            wrong("unknown".to_owned());
            continue;
        };
        for attribute in node.attributes().filter(|attribute| !element.attributes.contains(&attribute.name())) {
            wrong(format!("the attribute {}", attribute.name()));
        }
        for required in element.required.iter().filter(|required| !node.has_attribute(**required)) {
            wrong(format!("no attribute {required}"));
        }
        for child in node.children() {
            if child.is_element() && !element.children.contains(&child.tag_name().name()) {
                wrong(format!("<{}> in it", child.tag_name().name()));
            }
            if child.is_text() && !element.has_text && !child.text().unwrap_or_default().trim().is_empty() {
                wrong("text in it".to_owned());
            }
        }
        // `SUREFIRE_TIME`, and numbers where readers count.
        for count in ["time", "tests", "failures", "errors", "skipped", "line"] {
            let value = node.attribute(count);
            if value.is_some_and(|value| value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit())) {
                wrong(format!("{count}={value:?}"));
            }
        }
    }
    violations
}

#[test]
fn junit_keeps_to_the_schema() {
    let text = junit::render(&everything().report());
    assert_eq!(violations_of_junit_10(&text), Vec::<String>::new());
    let skipped = junit::render(&Report { tested: false, ..everything().report() });
    assert!(skipped.contains("<skipped"));
    assert_eq!(violations_of_junit_10(&skipped), Vec::<String>::new());
    // It sees what is wrong.
    for (from, to) in [
        ("<testsuites ", "<testsuites skipped=\"1\" "),
        ("<testsuite name=", "<testsuite title="),
        ("<failure type", "<failure kind"),
        ("<properties>", "<properties>x"),
        ("tests=\"", "tests=\"x"),
        ("system-out>", "system-log>"),
    ] {
        assert!(!violations_of_junit_10(&text.replace(from, to)).is_empty(), "{from}");
    }
}

/// One command a line, and none that a text of the pull request smuggled in.
#[test]
fn annotations_are_one_line_each() {
    let all = everything();
    let text = github::render(&all.report());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), all.diagnostics.list.len() + 1);
    for (line, diagnostic) in lines.iter().zip(&all.diagnostics.list) {
        let (properties, message) = line[2..].split_once("::").unwrap();
        let (command, properties) = properties.split_once(' ').unwrap();
        assert!(["error", "warning", "notice"].contains(&command), "{line}");
        let properties: Vec<(&str, &str)> =
            properties.split(',').map(|property| property.split_once('=').unwrap()).collect();
        let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
        let one_line = ["file", "line", "col", "endLine", "endColumn", "title"];
        assert!(names == one_line || names == ["file", "line", "endLine", "title"], "{names:?}");
        let decoded = |text: &str| {
            let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
            text.replace("%25", "%")
        };
        assert_eq!(decoded(properties.last().unwrap().1), format!("edgesig: {}", diagnostic.code.id()));
        assert!(!decoded(message).trim().is_empty() && !line.contains('\r'));
    }
}

#[test]
fn json_names_every_place() {
    let all = everything();
    let text = json::render(&all.report());
    let document: Value = serde_json::from_str(&text).unwrap();
    let list = document["diagnostics"].as_array().unwrap();
    assert_eq!(list.len(), all.diagnostics.list.len());
    for (entry, diagnostic) in list.iter().zip(&all.diagnostics.list) {
        let span = diagnostic.primary.span;
        let bytes = |end: &str| entry["span"][end]["byte"].as_u64().unwrap() as usize;
        assert_eq!((bytes("start"), bytes("end")), (span.start as usize, span.end as usize));
        assert_eq!(entry["message"], diagnostic.message.as_str());
        let (line, column) = all.sources.line_column(span.source, span.start);
        assert_eq!(entry["span"]["start"]["line"], line);
        assert_eq!(entry["span"]["start"]["column"], column);
    }
    assert_eq!(text, json::render(&all.report()));
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let mut keys = BTreeSet::new();
    keys_of(&document, &mut keys);
    for key in keys {
        assert!(page.contains(&format!("`{key}`")), "docs/ci.md does not document `{key}`");
    }
}

fn keys_of(value: &Value, keys: &mut BTreeSet<String>) {
    if let Some(map) = value.as_object() {
        keys.extend(map.keys().cloned());
        map.values().for_each(|value| keys_of(value, keys));
    }
    value.as_array().into_iter().flatten().for_each(|value| keys_of(value, keys));
}

/// A file that a pull request made to keep the renderers busy: a mark on each of many lines, and thousands on one.
#[test]
fn findings_take_time_by_their_number_alone() {
    let mut sources = SourceMap::default();
    let short = "a: é b\n";
    let many_lines = sources.add("signatures/lines.yaml", short.repeat(30_000));
    let one_line = sources.add("signatures/line.yaml", "é, ".repeat(300_000));
    let lines = (0..30_000).map(|line| Span::new(many_lines, line * short.len(), line * short.len() + 1));
    let marks = (0..10_000).map(|mark| Span::new(one_line, 80 * mark, 80 * mark + 2));
    let mut diagnostics = Diagnostics::default();
    // More kinds than one: of each there is a text of its own.
    for (index, span) in lines.chain(marks).enumerate() {
        let code = [Code::InvalidYaml, Code::UnknownOperator, Code::FailingTest][index % 3];
        diagnostics.push(Diagnostic::new(code, span, "m", ""));
    }
    let all = All { sources, diagnostics, signatures: vec![many_lines, one_line], rules: Vec::new() };
    type Renderer = fn(&Report<'_>) -> String;
    let renderers: [(&str, Renderer); 4] =
        [("sarif", sarif::render), ("junit", junit::render), ("json", json::render), ("github", github::render)];
    for (name, render) in renderers {
        let start = std::time::Instant::now();
        let text = render(&all.report());
        assert!(!text.is_empty());
        let took = start.elapsed();
        assert!(took < std::time::Duration::from_secs(15), "{name} took {took:?}");
    }
}

/// Each test of a hostile file fails; each case has its text, and none reads the file again.
#[test]
fn failed_tests_take_time_by_their_number_alone() {
    let mut rule = (**everything().rules.first().unwrap()).clone();
    let mut test = everything().rules.iter().find_map(|rule| rule.tests.first()).unwrap().clone();
    let mut sources = SourceMap::default();
    let line = "  - {name: é, request: GET /, expect: match}\n";
    let source = sources.add("signatures/tests.yaml", line.repeat(20_000));
    rule.span = Span::new(source, 0, 1);
    let mut diagnostics = Diagnostics::default();
    rule.tests.clear();
    for at in (0..20_000).map(|index| index * line.len()) {
        test.span = Span::new(source, at, at + line.len() - 1);
        rule.tests.push(test.clone());
        diagnostics.push(Diagnostic::new(Code::FailingTest, Span::new(source, at + 4, at + 8), "m", ""));
    }
    let all = All { sources, diagnostics, signatures: vec![source], rules: vec![rule.into()] };
    let start = std::time::Instant::now();
    let text = junit::render(&all.report());
    let took = start.elapsed();
    assert_eq!(text.matches("<failure ").count(), 20_000);
    assert!(took < std::time::Duration::from_secs(15), "it took {took:?}");
}
