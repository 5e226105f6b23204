//! Every lint by its two examples: the first fires, exactly this lint and at its place (goldens in `snapshots/lints`),
//! the second is silent. Then levels and suppressions.

use edgesig::cli::render;
use edgesig::diagnostic::{Code, Diagnostics, Kind, Severity};
use edgesig::eval;
use edgesig::lint::{self, LINTS, Level, Levels, Lint, example};
use edgesig::semantic::Files;
use edgesig::source::{SourceId, SourceMap};
use std::collections::BTreeSet;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _base: SourceId, _path: &str) -> Result<Vec<u8>, String> {
        Err("there are no files here".to_owned())
    }
}

/// What is said about the files of an example, tests included.
fn check(files: &[example::File], levels: &mut dyn FnMut(&mut Levels)) -> (SourceMap, Diagnostics) {
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
    let ruleset = edgesig::analyze(&sources, project.as_ref(), &signatures, &NoFiles, &mut diagnostics);
    let mut found = Levels::of_project(project.as_ref(), &mut diagnostics);
    levels(&mut found);
    diagnostics.extend(lint::lint(&lint::Input {
        sources: &sources,
        project: project.as_ref(),
        signatures: &signatures,
        ruleset: &ruleset,
        levels: &found,
        today: example::TODAY.parse().unwrap(),
        whole: true,
        only: None,
    }));
    diagnostics.sort();
    if !diagnostics.has_errors() || diagnostics.list.iter().all(|d| matches!(d.code, Kind::Lint(_))) {
        for (index, rule) in ruleset.rules.iter().enumerate() {
            for test in &rule.tests {
                for (step, outcome) in test.steps.iter().zip(eval::run_test(&ruleset, index, test)) {
                    assert_eq!(outcome.matched, step.expect_match, "{}: {}", rule.id, test.name);
                }
            }
        }
    }
    (sources, diagnostics)
}

/// Every lint on, whatever its level.
fn all_on(levels: &mut Levels) {
    for lint in LINTS.iter().filter(|lint| lint.level == Level::Allow) {
        levels.set(lint.id, Level::Warn).unwrap();
    }
}

fn example_of(lint: &Lint, text: &str) -> (SourceMap, Diagnostics) {
    // A lint that is off by default is for those who want it: it need not be silent on the others' examples.
    check(&example::files(text), &mut |levels| {
        if lint.level == Level::Allow {
            levels.set(lint.id, Level::Warn).unwrap();
        }
    })
}

#[test]
fn each_lint_fires_on_its_example_and_nowhere_else() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/lints");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut wrong = Vec::new();
    for lint in LINTS {
        let (sources, found) = example_of(lint, lint.example);
        let text = render::plain(&sources, &found);
        let ids: BTreeSet<&str> = found.list.iter().map(|diagnostic| diagnostic.code.id()).collect();
        if ids != BTreeSet::from([lint.id]) {
            wrong.push(format!("the example of {} says {ids:?}\n{text}", lint.id));
            continue;
        }
        settings.bind(|| insta::assert_snapshot!(lint.id, text));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_lint_is_silent_on_what_to_write_instead() {
    for lint in LINTS {
        let (sources, found) = example_of(lint, lint.instead);
        assert!(found.list.is_empty(), "{}:\n{}", lint.id, render::plain(&sources, &found));
    }
}

/// The files after every safe fix that does not touch another one.
fn fixed(files: &[example::File], sources: &SourceMap, found: &Diagnostics) -> Vec<example::File> {
    let mut edits: Vec<_> =
        found.list.iter().flat_map(|d| &d.fixes).filter(|fix| fix.safe).flat_map(|fix| fix.edits.clone()).collect();
    edits.sort_by_key(|(span, _)| std::cmp::Reverse((span.source, span.start)));
    let mut files = files.to_vec();
    let mut before = u32::MAX;
    for (span, text) in edits {
        let name = sources.name(span.source);
        let file = files.iter_mut().find(|file| file.id.as_ref().is_some_and(|id| name == format!("{id}.yaml")));
        if let Some(file) = file.filter(|_| span.end <= before) {
            file.text.replace_range(span.range(), &text);
            before = span.start;
        }
    }
    files
}

#[test]
fn safe_fixes_mend_and_keep_what_the_tests_say() {
    let mut mended = 0;
    for lint in LINTS {
        let files = example::files(lint.example);
        let (sources, found) = example_of(lint, lint.example);
        let after = fixed(&files, &sources, &found);
        if after != files {
            // `check` runs the tests of the signature, too.
            let (sources, found) = check(&after, &mut |_| {});
            let text = render::plain(&sources, &found);
            assert!(found.list.iter().all(|d| d.code.id() != lint.id), "{}:\n{text}", lint.id);
            assert!(found.list.iter().all(|d| matches!(d.code, Kind::Lint(_))), "{}:\n{text}", lint.id);
            mended += 1;
        }
    }
    assert!(mended >= 6, "only {mended} lints have a safe fix");
}

#[test]
fn ids_are_in_order_and_of_two_words_or_more() {
    assert!(LINTS.is_sorted_by_key(|lint| lint.id));
    for lint in LINTS {
        assert!(lint.id.contains('-') && lint.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", lint.id);
        assert!(edgesig::diagnostic::Code::from_id(lint.id).is_none(), "{}", lint.id);
        assert!(lint.what.starts_with("Looks for ") && lint.what.ends_with('.'), "{}", lint.id);
        let file = format!("src/lint/rules/{}.rs", lint.id.replace('-', "_"));
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        assert!(path.is_file(), "{} is in a file of another name", lint.id);
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lint/rules");
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, LINTS.len() + 1, "a file of src/lint/rules is not in the table of src/lint/rules/mod.rs");
}

/// Forms of which an example shows one.
#[test]
fn other_forms_are_found() {
    let forms = [
        ("wildcard-in-string", r#"req.headers["user-agent"] == "*sqlmap*""#),
        ("wildcard-in-string", r#"req.headers["referer"] contains "*.example.com""#),
        ("relative-path", r#"req.url starts_with "https://www.example.com/a""#),
    ];
    let mut said = String::new();
    for (id, condition) in forms {
        let files = example::files(&format!("when: |\n  {condition}\nthen: log\n"));
        let (sources, mut found) = check(&files, &mut |_| {});
        found.list.retain(|found| found.code.id() == id);
        said.push_str(&render::plain(&sources, &found));
    }
    insta::assert_snapshot!("other-forms", said);
}

/// Who writes a backslash twice wants one, and no pattern.
#[test]
fn an_escaped_backslash_is_no_pattern() {
    let files = example::files(
        r#"
when: req.query contains ["\\share\docs", "C:\Windows\system32", ".\bin"]
tests:
  - {name: a share, request: GET /?f=%5c%5cshare%5cdocs, expect: match}
  - {name: a folder, request: GET /?f=share/docs, expect: no_match}
"#,
    );
    let (sources, found) = check(&files, &mut |_| {});
    let said = render::plain(&sources, &found);
    assert!(!said.contains("regex-in-string"), "{said}");
}

const TWICE_NOT: &str = r#"
when: not (req.method != "TRACE")
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#;

fn suppressed(comment: &str) -> String {
    let mut files = example::files(TWICE_NOT);
    files[0].text.insert_str(0, &format!("{comment}\n"));
    let (sources, found) = check(&files, &mut |_| {});
    render::plain(&sources, &found)
}

#[test]
fn suppressions() {
    let mut said = String::new();
    for comment in [
        "# edgesig: allow(double-negation) until 2027-01-31 rewritten with the next release",
        "# edgesig: allow(double-negation, mixed-operators) until 2027-01-31 rewritten with the next release",
        "# edgesig: allow(double-negation) until 2026-11-23 the last day counts",
        "# edgesig: allow(double-negation) until 2026-11-22 rewritten with the next release",
        "# edgesig: allow(double-negation) until 2027-01-31",
        "# edgesig: allow(double-negation) because we want to",
        "# edgesig: allow(double-negatoin) until 2027-01-31 a misspelled lint",
        "# edgesig: allow(unknown-key) until 2027-01-31 an error of the compiler",
        "# edgesig: allow(double-negation",
        "# edgesig: deny(double-negation)",
        "# a comment about edgesig: allow(double-negation)",
    ] {
        said.push_str(&format!("== {comment}\n{}", suppressed(comment)));
    }
    let inside = TWICE_NOT.replace(
        "when: not",
        "when: |\n  # edgesig: allow(double-negation) until 2027-01-31 rewritten with the next release\n  not",
    );
    let (sources, found) = check(&example::files(&inside), &mut |_| {});
    said.push_str(&format!("== in the text of the condition\n{}", render::plain(&sources, &found)));
    insta::assert_snapshot!("suppressions", said);
}

/// What lints find in edgesig.yaml is excused there, with the same rules.
#[test]
fn suppressions_in_the_project_file() {
    let signature = "when: client.ip in @wide and req.method == \"TRACE\"\ntests:\n  - {name: a, request: TRACE /, expect: \
                     match}\n  - {name: b, request: GET /TRACE, expect: no_match}\n";
    let mut said = String::new();
    for comment in [
        "# edgesig: allow(whole-internet) until 2027-01-31 the list is a stand-in for the one at the edge",
        "# edgesig: allow(whole-internet, overlapping-network) until 2027-01-31 the list is a stand-in",
        "# edgesig: allow(whole-internet) until 2026-11-22 the list is a stand-in for the one at the edge",
        "# edgesig: allow(whole-internet",
        "policy: {longest_suppression: 30d} # edgesig: allow(whole-internet) until 2027-01-31 the list is a stand-in",
    ] {
        let mut files = example::files(signature);
        let text = format!("{comment}\nedgesig: 1\nlists:\n  wide: {{type: ip, values: [0.0.0.0/0]}}\n");
        files.push(example::File { id: None, text });
        let (sources, found) = check(&files, &mut |_| {});
        said.push_str(&format!("== {comment}\n{}", render::plain(&sources, &found)));
    }
    insta::assert_snapshot!("suppressions_in_the_project_file", said);
}

/// Only lints can be excused: no code of the compiler, the tests, the lock file, the policy or a suppression.
#[test]
fn nothing_but_lints_can_be_excused() {
    for code in Code::ALL {
        let said = suppressed(&format!("# edgesig: allow({}) until 2027-01-31 it is in our way", code.id()));
        let refusal = format!("error[invalid-suppression]: `{}` cannot be excused, only lints can", code.id());
        assert!(said.contains(&refusal) && said.contains("warning[double-negation]"), "{said}");
    }
}

#[test]
fn levels_of_a_project() {
    let mut files = example::files(TWICE_NOT);
    let mut said = String::new();
    for lints in [
        "{double-negation: allow}",
        "{double-negation: deny}",
        "{double-negation: never}",
        "{double-negatoin: deny}",
        "{warnings: deny}",
        "{warnings: allow}",
        "{expired: allow}",
        "[double-negation]",
    ] {
        files.truncate(1);
        let text = format!("{}lints: {lints}\n", example::PROJECT);
        files.push(example::File { id: None, text });
        let (sources, found) = check(&files, &mut |_| {});
        said.push_str(&format!("== {lints}\n{}", render::plain(&sources, &found)));
    }
    insta::assert_snapshot!("levels", said);
}

#[test]
fn a_denied_lint_is_an_error() {
    let files = example::files(TWICE_NOT);
    let (_, found) = check(&files, &mut |levels| {
        all_on(levels);
        levels.set("double-negation", Level::Deny).unwrap();
    });
    let severity = found.list.iter().find(|d| d.code.id() == "double-negation").map(|d| d.severity);
    assert_eq!(severity, Some(Severity::Error));
}

/// Conditions that look like what a lint looks for, and are not.
const NEAR_MISSES: &[(&str, &str)] = &[
    ("double-negation", r#"not all(req.args["a"] != "x")"#),
    ("double-negation", r#"not (not exists req.headers["a"] or req.method == "PUT")"#),
    ("negated-negations", r#"not (req.method != "PUT" and req.path == "/x")"#),
    ("negated-negations", r#"not (all(req.args["a"] != "x") or not req.path == "/x")"#),
    ("mixed-operators", r#"(req.path == "/x" and req.method == "PUT") or req.method == "TRACE""#),
    ("mixed-operators", r#"req.method == "TRACE" or (req.path == "/x" and (req.method == "PUT" or req.query == "a"))"#),
    ("bare-list-negation", r#"not req.headers["x-a"] == "1" and req.path == "/x""#),
    ("bare-list-negation", r#"not any(req.args["a"] == "1") and req.path == "/x""#),
    ("redundant-clause", r#"req.path == "/a" and req.path.raw starts_with "/a""#),
    ("redundant-clause", r#"req.args["a"] == "x" and req.args["b"] contains "x""#),
    ("redundant-clause", r#"req.path contains "/a" and req.path ends_with "/b""#),
    ("redundant-clause", r#"req.query contains "abc" and req.query contains i"ABCD""#),
    ("redundant-element", r#"req.path starts_with ["/admin", "/x/admin"]"#),
    ("redundant-element", r#"req.path ends_with [".php", ".php5"]"#),
    ("redundant-element", r#"req.path == ["/admin", "/admin/"]"#),
    ("redundant-element", r#"req.query contains ["Select", "select"]"#),
    ("duplicate-element", r#"req.query contains ["select(", "select["]"#),
    ("overlapping-network", "client.ip in [192.0.2.0/25, 192.0.2.128/25, 2001:db8::/33, 2001:db8:8000::/33]"),
    ("literal-pattern", r#"req.path matches r"^/a.b""#),
    ("literal-pattern", r#"req.path matches r"/admin\b""#),
    ("literal-pattern", r#"req.path matches r"a|b""#),
    ("redundant-wildcard", r#"req.path matches r"^/a.*/b""#),
    ("redundant-wildcard", r#"req.path matches r"^.+admin""#),
    ("redundant-wildcard", r#"req.path matches r"(?:.*a|b)/c""#),
    ("unused-capture", r#"req.path matches r"(a)x\1""#),
    ("unused-capture", r#"req.path matches r"\(a\)[(]b""#),
    ("unescaped-dot", r#"req.host matches r"^(?:www\.)?example\.com$""#),
    ("unescaped-dot", r#"req.query matches r"union.select""#),
    ("escaped-twice", r##"req.query matches r#""(?:[^"\\]|\\.)*+;""#"##),
    ("escaped-twice", r#"req.query matches r"[a-z]:\\.*\.exe""#),
    ("escaped-twice", r#"req.query matches r"^\\\\.\\pipe""#),
    ("escaped-twice", r#"req.query matches r"c:\\windows\\system32""#),
    ("unanchored-pattern", r#"req.host matches r"(?:^|\.)example\.com$""#),
    ("never-matching-condition", r#"req.args["a"] == "1" and req.args["a"] == "2""#),
    ("never-matching-condition", r#"req.headers["x-a", "x-b"] == "1" and req.headers["x-a", "x-b"] == "2""#),
    ("never-matching-condition", r#"req.path starts_with "/a" and req.path.raw starts_with "/%61""#),
    ("never-matching-condition", r#"req.path == i"/A" and req.path == "/a""#),
    ("always-true-condition", r#"not (exists req.headers["x-a"] and not exists req.headers["x-b"])"#),
    ("always-matching-pattern", r#"req.query matches r"^a*$""#),
    ("absent-passes", r#"req.method != "GET" and req.path == "/x""#),
    ("absent-passes", r#"req.path != "/x" and not req.query contains "y""#),
    ("case-never-matches", r#"lower(req.path) == "/a-1_é""#),
    ("case-never-matches", r#"lower(req.path) contains i"ADMIN""#),
    ("encoded-literal", r#"req.path.raw contains "%2e%2e""#),
    ("encoded-literal", r#"req.query contains "100%""#),
    ("dead-path-literal", r#"req.path contains "/../""#),
    ("dead-path-literal", r#"path_normalize(req.path) contains "/.git/""#),
    ("undecoded-match", r#"req.path contains "/phpinfo.php""#),
    ("lower-before-decode", r#"lower(url_decode(req.headers["referer"])) contains "<script""#),
    ("plus-in-query", r#"req.query.raw contains "union+select""#),
    ("query-in-path", r#"req.url contains "/x?a=1""#),
    ("regex-in-string", r#"req.query contains "a.b""#),
    ("wildcard-in-string", r#"req.query contains "select * from""#),
    ("wildcard-in-string", r#"req.headers["accept"] == "*/*""#),
    ("relative-path", r#"req.query contains "https://www.example.com/""#),
    ("impossible-host", r#"req.host == "www.example.com""#),
    ("lowercase-method", r#"req.method == "PROPFIND""#),
    ("geo-only-block", r#"client.country == "DE" and req.path == "/x""#),
    ("spoofable-only-block", r#"req.headers["user-agent"] contains "sqlmap" and req.path == "/x""#),
    ("blocks-health-check", r#"req.path == "/healthz" and not exists req.headers["accept-language"]"#),
    ("blocks-health-check", r#"req.method == "POST" and not exists req.headers["accept-language"]"#),
    ("blocks-health-check", r#"not exists req.headers["user-agent"] and req.method == "GET""#),
    ("blocks-health-check", r#"not exists req.headers["accept-language"] and not client.ip in @our_lb"#),
];

/// A status that is nobody's may be one's own; the request of a test with other bytes is found, or the test is none.
#[test]
fn near_misses_beside_the_condition_are_silent() {
    let trace = |status: u32| format!("when: req.method == \"TRACE\"\nthen: block({status})\n");
    let overlong = |when: &str, expect: &str| {
        format!("when: |\n  {when}\ntests:\n  - {{name: a, request: \"GET /%C0%aF\", expect: {expect}}}\n")
    };
    let cases =
        [400, 401, 403, 404, 405, 410, 413, 414, 421, 429, 451, 466].map(|status| ("odd-status", trace(status)));
    let overlong = [
        ("missed-overlong", overlong(r#"req.url contains ["\xc0\xaf", "\xe0\x80\xaf"]"#, "match")),
        ("missed-overlong", overlong(r#"req.url contains "\xc0\xae""#, "no_match")),
        ("missed-overlong", overlong(r#"req.method == "GET""#, "match")),
    ];
    for (id, text) in cases.into_iter().chain(overlong) {
        let (sources, found) = check(&example::files(&text), &mut all_on);
        assert!(found.list.iter().all(|found| found.code.id() != id), "{id}: {}", render::plain(&sources, &found));
    }
}

#[test]
fn near_misses_are_silent() {
    let mut wrong = Vec::new();
    for (id, condition) in NEAR_MISSES {
        assert!(lint::find(id).is_some(), "{id}");
        let files = example::files(&format!("when: |\n  {condition}\n"));
        let (sources, found) = check(&files, &mut all_on);
        let shown = render::plain(&sources, &found);
        if found.list.iter().any(|found| found.code.id() == *id || matches!(found.code, Kind::Code(_))) {
            wrong.push(format!("{id}: {condition}\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
