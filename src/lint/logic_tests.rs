//! The proofs of `logic` against the evaluator: whatever is proven of random conditions holds for every request.

use super::logic;
use crate::diagnostic::Diagnostics;
use crate::eval;
use crate::ir::Ruleset;
use crate::request::{Request, parse_request_line};
use crate::semantic::Files;
use crate::source::{SourceId, SourceMap};

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _base: SourceId, _path: &str) -> Result<Vec<u8>, String> {
        Err(String::new())
    }
}

const ATOMS: [&str; 22] = [
    r#"req.method == "GET""#,
    r#"req.method in ["GET", "POST"]"#,
    r#"req.method == i"post""#,
    r#"req.path == "/a""#,
    r#"req.path starts_with "/a""#,
    r#"req.path starts_with i"/A""#,
    r#"req.path ends_with ["b", "ab"]"#,
    r#"req.path contains "a""#,
    r#"req.path contains i"AB""#,
    r#"req.path matches r"^/a""#,
    r#"req.path matches r"b$""#,
    "length(req.path) > 2",
    "length(req.path) <= 2",
    "length(req.path) in [2, 3]",
    "length(req.path) >= 0",
    r#"exists req.headers["x"]"#,
    r#"req.headers["x"] == "1""#,
    r#"length(req.headers["x"]) >= 0"#,
    r#"any(req.args["q"] == "1")"#,
    r#"any(req.args["q"] contains "1")"#,
    r#"all(req.args["q"] != "1")"#,
    "client.ip in [192.0.2.0/24, 198.51.100.0/24]",
];

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn condition(state: &mut u64, depth: u32) -> String {
    let atom = ATOMS[next(state) as usize % ATOMS.len()].to_owned();
    if depth == 0 {
        return atom;
    }
    match next(state) % 6 {
        0 | 1 => format!("({} and {})", condition(state, depth - 1), condition(state, depth - 1)),
        2 | 3 => format!("({} or {})", condition(state, depth - 1), condition(state, depth - 1)),
        4 => format!("not ({})", condition(state, depth - 1)),
        _ => atom,
    }
}

fn requests() -> Vec<Request> {
    let mut requests = Vec::new();
    for method in ["GET", "POST", "post"] {
        for target in ["/", "/a", "/A", "/ab", "/b?q=1", "/xab?q=2", "/a?q=21&q=1", "/aB"] {
            for header in [None, Some("1"), Some(""), Some("2")] {
                let mut request = parse_request_line(&format!("{method} {target}")).unwrap();
                request.headers.extend(header.map(|value| (b"X".to_vec(), value.into())));
                requests.push(request);
            }
        }
    }
    requests
}

fn ruleset(conditions: &[String]) -> Ruleset {
    let mut sources = SourceMap::default();
    let texts = conditions.iter().enumerate().map(|(index, condition)| {
        format!("edgesig: 1\nid: r{index:05}\ntitle: x\nseverity: low\nwhen: |\n  {condition}\nthen: log\n")
    });
    let ids: Vec<SourceId> =
        texts.enumerate().map(|(index, text)| sources.add(format!("r{index:05}.yaml"), text)).collect();
    let mut diagnostics = Diagnostics::default();
    let trees = crate::parse_signatures(&sources, &ids, &mut diagnostics);
    crate::analyze(&sources, None, &trees, &NoFiles, &mut diagnostics)
}

#[test]
fn what_is_proven_holds() {
    let mut state = 7;
    let conditions: Vec<String> = (0..300).map(|_| condition(&mut state, 3)).collect();
    let ruleset = ruleset(&conditions);
    let requests = requests();
    assert!(ruleset.rules.len() > 250);
    let holds = |rule: usize, request: &Request| eval::predicate_holds(&ruleset, &ruleset.rules[rule].when, request);
    let truths: Vec<Vec<bool>> =
        (0..ruleset.rules.len()).map(|rule| requests.iter().map(|request| holds(rule, request)).collect()).collect();
    let (mut never, mut always, mut implied) = (0, 0, 0);
    for (index, rule) in ruleset.rules.iter().enumerate() {
        let shown = crate::ir::display_predicate(&rule.when, &ruleset.lists);
        if logic::never(&ruleset, &rule.when) {
            never += 1;
            assert!(!truths[index].contains(&true), "never: {shown}");
        }
        if logic::always(&ruleset, &rule.when) {
            always += 1;
            assert!(!truths[index].contains(&false), "always: {shown}");
        }
        for (other, by) in ruleset.rules.iter().enumerate().skip(index + 1).take(40) {
            if logic::implies(&ruleset, &rule.when, &by.when) {
                implied += 1;
                let by = crate::ir::display_predicate(&by.when, &ruleset.lists);
                let wrong = truths[index].iter().zip(&truths[other]).any(|(one, other)| *one && !other);
                assert!(!wrong, "{shown} implies {by}");
            }
        }
    }
    // The proofs find something: otherwise this test says nothing.
    assert!(never > 2 && implied > 50, "{never} {always} {implied}");
}
