//! Properties of the semantic layer: whatever is written, it does not panic; what it accepts is well typed and lists
//! its rules in the order of evaluation; nothing depends on the order of files; and no input costs much.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

use edgesig::catalog::{Field, KeyKind, Type};
use edgesig::diagnostic::{Code, Diagnostics};
use edgesig::ir::{
    self, Check, Comparison, Date, Integers, ListIndex, ListValues, Mode, Needles, Networks, Patterns, Ruleset,
    Selection, Value,
};
use edgesig::semantic::Files;
use edgesig::source::{SourceId, SourceMap};
use proptest::prelude::*;
use std::time::Instant;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: SourceId, _: &str) -> Result<Vec<u8>, String> {
        Err("no file here".to_owned())
    }
}

const PROJECT: &str = include_str!("cases/edgesig.yaml");

/// Checks signatures (file name and text) beside the project of the golden cases.
fn analyze(files: &[(String, String)]) -> (SourceMap, Ruleset, Diagnostics) {
    analyze_with(PROJECT, files)
}

fn analyze_with(project: &str, files: &[(String, String)]) -> (SourceMap, Ruleset, Diagnostics) {
    let mut sources = SourceMap::default();
    let project = sources.add("edgesig.yaml", project);
    let ids: Vec<SourceId> = files.iter().map(|(name, text)| sources.add(name.as_str(), text.as_str())).collect();
    let mut diagnostics = Diagnostics::default();
    let project = edgesig::parse_project(&sources, Some(project), &mut diagnostics);
    let signatures = edgesig::parse_signatures(&sources, &ids, &mut diagnostics);
    let ruleset = edgesig::analyze(&sources, project.as_ref(), &signatures, &NoFiles, &mut diagnostics);
    diagnostics.sort();
    (sources, ruleset, diagnostics)
}

/// A signature file; `rest` are further keys.
fn signature(id: &str, rest: &str) -> (String, String) {
    (format!("{id}.yaml"), format!("edgesig: 1\nid: {id}\ntitle: A case\nseverity: low\n{rest}"))
}

/// What `Ruleset` promises to those who read it.
fn check_types(ruleset: &Ruleset) {
    for rule in &ruleset.rules {
        for predicate in rule.predicates() {
            predicate.each_comparison(&mut |comparison| check_comparison(comparison, ruleset));
            assert_eq!(ir::simplify(predicate.clone()), *predicate);
        }
        assert!(!rule.actions.is_empty());
        let terminal = rule.actions.iter().position(ir::Action::is_terminal);
        assert!(terminal.is_none_or(|index| index + 1 == rule.actions.len()));
    }
}

fn check_comparison(comparison: &Comparison, ruleset: &Ruleset) {
    let value_type = comparison.value.value_type();
    check_value(&comparison.value);
    let exists = comparison.check == Check::Exists;
    assert_eq!(comparison.quantifier.is_some(), value_type.is_list() && !exists, "{comparison:?}");
    assert!(!comparison.negated || comparison.quantifier.is_some(), "{comparison:?}");
    let list = |index: &ListIndex| &ruleset.lists[index.0].values;
    let expected = match &comparison.check {
        Check::Exists => return,
        Check::IsTrue => Type::Bool,
        Check::Text { needles: Needles::Literals(literals), .. } => {
            assert!(!literals.is_empty());
            Type::String
        }
        Check::Text { needles: Needles::List(index), .. } => {
            assert!(matches!(list(index), ListValues::Strings(_)));
            Type::String
        }
        Check::Matches(Patterns::Literals(literals)) => {
            assert!(!literals.is_empty());
            Type::String
        }
        Check::Matches(Patterns::List(index)) => {
            assert!(matches!(list(index), ListValues::Regex(_)));
            Type::String
        }
        Check::Integer { .. } | Check::IntegerIn(Integers::Literals(_)) => Type::Int,
        Check::IntegerIn(Integers::List(index)) => {
            assert!(matches!(list(index), ListValues::Int(_)));
            Type::Int
        }
        Check::Network(Networks::Literals(_)) => Type::Ip,
        Check::Network(Networks::List(index)) => {
            assert!(matches!(list(index), ListValues::Ip(_)));
            Type::Ip
        }
        Check::SameAs(other) => {
            check_value(other);
            other.value_type()
        }
    };
    assert_eq!(value_type.element(), expected, "{comparison:?}");
}

fn check_value(value: &Value) {
    let reference = value.field();
    let keys = match reference.field.row().key {
        KeyKind::None => 0..=0,
        KeyKind::One | KeyKind::HeaderName => 1..=1,
        KeyKind::HeaderNames => 1..=usize::MAX,
    };
    assert!(keys.contains(&reference.keys.len()), "{value:?}");
    if let Value::Call(call, argument) = value {
        check_value(argument);
        let wanted = call.function().row().argument;
        assert_eq!(argument.value_type().element(), wanted, "{value:?}");
    }
}

const VALUES: &[&str] = &[
    "req.path",
    "req.args[\"a\"]",
    "req.headers[\"a\", \"b\"]",
    "req.headers[\"a\"]",
    "req.arg_names",
    "client.ip",
    "client.asn",
    "resp.status",
    "req.body.truncated",
    "lower(req.path)",
    "length(req.args[\"a\"])",
    "int(req.headers[\"n\"])",
    "any_form(req.url)",
    "prefix(client.ip, 24, 56)",
    "lower(any_form(req.args[\"a\"]))",
    "\"x\"",
    "i\"y\"",
    "\"\"",
    "r\"a+\"",
    "5",
    "true",
    "192.0.2.1",
    "192.0.2.0/24",
    "10s",
    "[\"a\", i\"b\"]",
    "[1, 2]",
    "[192.0.2.1, 10.0.0.0/8]",
    "[r\"a\", ri\"b\"]",
    "@words",
    "@office",
    "@codes",
    "@patterns",
    "@none",
    "any(req.args[\"a\"])",
    "all(any_form(req.path))",
    "one",
    "two",
    "three",
    "req.none",
    "nonsense",
];

const LETS: &str = "let: {one: 'req.args[\"a\"]', two: '[\"/a\", i\"/b\"]', three: 'one == two'}\n";

const OPERATORS: &[&str] = &["==", "!=", "<", "<=", ">", ">=", "in", "contains", "starts_with", "ends_with", "matches"];

/// Well typed.
const SOUND: &[&str] = &[
    "req.path == two",
    "req.args[\"a\"] contains [\"a\", i\"b\"]",
    "one matches @patterns",
    "any(one != \"x\")",
    "all(length(any_form(req.url)) > 5)",
    "client.ip in [192.0.2.1, 10.0.0.0/8]",
    "client.asn in @codes",
    "three",
    "exists one",
    "req.host == req.args[\"h\"]",
    "req.body.truncated == false",
    "int(req.headers[\"n\"]) <= 7",
    "req.headers[\"a\", \"b\"] starts_with @words",
];

/// A condition that parses and may or may not be well typed.
fn conditions() -> impl Strategy<Value = String> {
    let value = proptest::sample::select(VALUES);
    let sound = proptest::sample::select(SOUND);
    let leaf = prop_oneof![
        8 => sound.prop_map(str::to_owned),
        4 => (value.clone(), proptest::sample::select(OPERATORS), value.clone())
            .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        1 => value.clone().prop_map(|value| format!("exists {value}")),
        1 => value.prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.clone().prop_map(|inner| format!("not {inner}")),
            inner.clone().prop_map(|inner| format!("any({inner})")),
            inner.prop_map(|inner| format!("all(not {inner})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_is_well_typed(when in conditions()) {
        let rest = format!("{LETS}when: |
  {when}
rate: {{key: [], limit: 5/60s}}
");
        let (sources, ruleset, diagnostics) = analyze(&[signature("case", &rest)]);
        prop_assert_eq!(ruleset.rules.is_empty(), diagnostics.has_errors());
        check_types(&ruleset);
        ir::display(&ruleset);
        // Every place is in the file, and every fix can be applied.
        for diagnostic in &diagnostics.list {
            let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary).map(|label| label.span);
            let edits = diagnostic.fixes.iter().flat_map(|fix| fix.edits.iter().map(|(span, _)| *span));
            for span in labels.chain(edits) {
                prop_assert!(sources.text(span.source).get(span.range()).is_some(), "{:?}", diagnostic);
            }
        }
    }
}

#[test]
fn files_in_any_order_give_the_same() {
    let mut files: Vec<_> = (0..40)
        .map(|number| {
            let when = if number % 5 == 0 { "req.pth == \"/a\"" } else { "req.path == \"/a\"" };
            let then = if number % 3 == 0 { "allow" } else { "block" };
            signature(&format!("s{number}"), &format!("when: '{when}'\nthen: {then}\n"))
        })
        .collect();
    let dump = |files: &[(String, String)]| {
        let (sources, ruleset, diagnostics) = analyze(files);
        let mut found: Vec<String> = diagnostics
            .list
            .iter()
            .map(|found| format!("{} {}", sources.name(found.primary.span.source), found.message))
            .collect();
        found.sort();
        (ir::display(&ruleset), found)
    };
    let forward = dump(&files);
    files.reverse();
    assert_eq!(forward, dump(&files));
}

/// The hash is of what a rule means.
#[test]
fn hash_covers_behaviour_alone() {
    let hash = |rest: &str| {
        let (_, ruleset, diagnostics) = analyze(&[signature("case", rest)]);
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        ruleset.rules[0].hash.clone()
    };
    let plain = hash("when: 'req.path == \"/a\"'\n");
    assert_eq!(
        plain,
        hash("version: 7\nmode: enforce\nowner: me\nlet: {x: '\"/a\"'}\nwhen: |\n  not not (req.path == x)\n")
    );
    for other in [
        "when: 'req.path == \"/b\"'\n",
        "when: 'req.path == \"/a\"'\nexcept: client.ip in @office\n",
        "when: 'req.path == \"/a\"'\nthen: log\n",
        "when: 'req.path == \"/a\"'\nthen: block\nrate: {key: [], limit: 1/1s}\n",
    ] {
        assert_ne!(plain, hash(other));
    }
}

#[test]
fn hostile_conditions_cost_little() {
    let doubling: String = (1..60).map(|i| format!("  x{i}: x{} and x{}\n", i - 1, i - 1)).collect();
    let chain: String = (1..900).map(|i| format!("  x{i}: not x{}\n", i - 1)).collect();
    let nested: String =
        (1..300).map(|i| format!("  x{i}: {}x{}{}\n", "lower(".repeat(60), i - 1, ")".repeat(60))).collect();
    let list: String = (0..15_000).map(|i| format!("{i},")).collect();
    let many: String = (0..900).map(|i| format!("  x{i}: 'client.asn in small'\n")).collect();
    let small: String = (0..500).map(|i| format!("{i},")).collect();
    let cases = [
        ("doubling lets", format!("let:\n  x0: 'req.path == \"/a\"'\n{doubling}when: x59\n"), true),
        ("chained lets", format!("let:\n  x0: 'req.path == \"/a\"'\n{chain}when: x899\n"), true),
        ("nested calls", format!("let:\n  x0: req.path\n{nested}when: x299 == \"a\"\n"), true),
        ("long list", format!("when: |\n  client.asn in [{list}1]\n"), true),
        ("a list again and again", format!("let:\n  small: |\n    [{small}1]\n{many}when: x1\n"), true),
        ("a long or", format!("when: |\n  {}req.path == \"a\"\n", "req.path == \"a\" or ".repeat(1_500)), false),
        ("deep brackets", format!("when: |\n  {}req.path == \"a\"{}\n", "(".repeat(60), ")".repeat(60)), false),
    ];
    for (name, rest, refused) in cases {
        let file = signature("case", &rest);
        let start = Instant::now();
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let found = thread.spawn(move || analyze(&[file]).2).unwrap().join().expect(name);
        let limit = found.list.iter().filter(|diagnostic| diagnostic.code == Code::LimitExceeded).count();
        assert_eq!(limit, usize::from(refused), "{name}: {:?}", found.list.first());
        // Optimised, milliseconds; the bound is for a build without optimisation on a busy machine.
        assert!(start.elapsed().as_secs() < 10, "{name} took {:?}", start.elapsed());
    }
}

/// Ids of what a selection keeps.
fn selected(ruleset: &Ruleset, selection: Selection) -> Vec<String> {
    ir::select(ruleset, &selection).rules.iter().map(|rule| format!("{} {}", rule.id, rule.mode)).collect()
}

#[test]
fn selections() {
    let project = "edgesig: 1\nservices:\n  shop: {select: {tags: [java], ids: [b]}, modes: {a: enforce, b: draft, e: enforce}, except: {a: 'req.path == \"/x\"'}}\n";
    let when = "when: 'req.path == \"/a\"'\n";
    let files = [
        signature("a", &format!("tags: [java]\n{when}except: req.path == \"/y\"\n")),
        signature("b", &format!("mode: enforce\n{when}")),
        signature("c", &format!("mode: draft\ntags: [java]\n{when}")),
        signature("d", &format!("mode: retired\n{when}")),
        signature("e", &format!("targets: [fastly]\ntags: [java]\n{when}")),
        signature("f", &format!("expires: 2026-01-01\nmode: enforce\n{when}then: allow\n")),
        signature("g", &format!("expires: 2026-01-01\nmode: enforce\n{when}")),
        signature("h", &format!("expires: 2027-01-01\nmode: enforce\n{when}then: 'allow(id: \"b\")'\n")),
    ];
    let (_, ruleset, diagnostics) = analyze_with(project, &files);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    let all = ["f enforce", "h enforce", "a monitor", "b enforce", "e monitor", "g enforce"];
    assert_eq!(selected(&ruleset, Selection::default()), all);
    let varnish = Selection { target: Some("varnish".to_owned()), ..Selection::default() };
    assert_eq!(selected(&ruleset, varnish), ["f enforce", "h enforce", "a monitor", "b enforce", "g enforce"]);
    let on = |day: &str| Selection { today: Some(day.parse::<Date>().unwrap()), ..Selection::default() };
    assert_eq!(selected(&ruleset, on("2026-01-01")), all);
    assert_eq!(selected(&ruleset, on("2026-01-02")), all[1..]);
    let without = Selection { exclude: vec!["b".to_owned()], ..Selection::default() };
    // `h` allowed nothing but `b`.
    assert_eq!(selected(&ruleset, without), ["f enforce", "a monitor", "e monitor", "g enforce"]);
    let forced = Selection { mode: Some(Mode::Monitor), exclude: vec!["f".to_owned()], ..Selection::default() };
    assert_eq!(selected(&ruleset, forced), ["h monitor", "a monitor", "b monitor", "e monitor", "g monitor"]);
    let shop = Selection { service: Some("shop".to_owned()), ..Selection::default() };
    assert_eq!(selected(&ruleset, shop.clone()), ["a enforce", "e enforce"]);
    let except = ir::select(&ruleset, &shop).rules[0].except.clone().unwrap();
    assert_eq!(ir::display_predicate(&except, &[]), "or\n  req.path == \"/y\"\n  req.path == \"/x\"\n");
    let unknown = Selection { service: Some("none".to_owned()), ..Selection::default() };
    assert!(selected(&ruleset, unknown).is_empty());
}

/// Every field that the catalogue names has its compile case.
#[test]
fn every_field_has_a_case() {
    let dump = include_str!("cases/compile/fields.snap");
    for row in edgesig::catalog::FIELDS {
        let name = match row.field {
            Field::ArgsRaw => "req.args[\"k\"].raw".to_owned(),
            _ if row.key == KeyKind::None => format!("{} ", row.name),
            _ => format!("{}[", row.name),
        };
        assert!(dump.contains(&name) || dump.contains(&format!("{}\n", row.name)), "no case for {}", row.name);
    }
}
