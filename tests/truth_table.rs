//! `cases/truth_table.txt`, through the whole front end and the evaluator.

use edgesig::diagnostic::Diagnostics;
use edgesig::eval::{matches, run_test};
use edgesig::ir::{Ruleset, Test, TestStep};
use edgesig::request::Request;
use edgesig::semantic::Files;
use edgesig::source::{SourceId, SourceMap};

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _base: SourceId, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("{path} is not there"))
    }
}

/// A set of one signature with this condition.
fn compile(condition: &str) -> Ruleset {
    let text = format!(
        "edgesig: 1\nid: row\ntitle: a row of the truth table\nseverity: low\nmode: monitor\nwhen: |\n  {condition}\n"
    );
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let source = sources.add("row.yaml", text);
    let signatures = edgesig::parse_signatures(&sources, &[source], &mut diagnostics);
    let ruleset = edgesig::analyze(&sources, None, &signatures, &NoFiles, &mut diagnostics);
    assert_eq!(ruleset.rules.len(), 1, "{condition}: {diagnostics:#?}");
    ruleset
}

/// `TARGET [NAME: VALUE]…`: a name ends in a colon, its value is the next word unless that is a name too.
fn request(line: &str) -> Request {
    let mut words = line.split(' ').filter(|word| !word.is_empty()).peekable();
    let mut request = Request { target: words.next().unwrap_or("/").into(), ..Request::default() };
    while let Some(word) = words.next() {
        let name = word.strip_suffix(':').expect("a header's name");
        let value = words.next_if(|word| !word.ends_with(':')).unwrap_or_default();
        request.headers.push((name.into(), value.into()));
    }
    request.complete();
    request
}

#[test]
fn conditions_hold_as_the_table_says() {
    let mut requests: Vec<Request> = Vec::new();
    let (mut after_condition, mut rows, mut wrong) = (false, 0, Vec::new());
    for line in include_str!("cases/truth_table.txt").lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(rest) = line.strip_prefix("request ") {
            if std::mem::take(&mut after_condition) {
                requests.clear();
            }
            requests.push(request(rest));
            continue;
        }
        after_condition = true;
        rows += 1;
        let (condition, expected) = line.rsplit_once("=>").expect("`=>` in a row");
        let ruleset = compile(condition.trim());
        let found: Vec<&str> =
            requests.iter().map(|request| if matches(&ruleset, 0, request) { "1" } else { "0" }).collect();
        if found != expected.split_whitespace().collect::<Vec<_>>() {
            wrong.push(format!("{line}\n  found {}", found.join(" ")));
        }
        // The same through the order of evaluation.
        let rule = &ruleset.rules[0];
        let steps = requests.iter().map(|request| TestStep {
            request: request.clone(),
            expect_match: false,
            span: rule.span,
            dots_removed: false,
        });
        let test = Test { name: String::new(), span: rule.span, steps: steps.collect() };
        let tested: Vec<bool> = run_test(&ruleset, 0, &test).iter().map(|outcome| outcome.matched).collect();
        assert_eq!(tested, found.iter().map(|found| *found == "1").collect::<Vec<_>>(), "{condition}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 60, "{rows}");
}
