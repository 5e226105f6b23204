//! What conditions mean, as trees in prefix form, and where their parts stand in the file.

use super::ast::{Expression, ExpressionKind, Quantifier};
use crate::diagnostic::Diagnostics;
use crate::source::SourceMap;

/// A signature with this value of `when`, as YAML.
fn signature(when: &str) -> String {
    format!("edgesig: 1\nid: x\ntitle: x\nseverity: low\nwhen: {when}\n")
}

/// The sources and the condition of a signature without errors.
#[track_caller]
fn parse(when: &str) -> (SourceMap, Expression) {
    let mut sources = SourceMap::default();
    let source = sources.add("x.yaml", signature(when));
    let mut diagnostics = Diagnostics::default();
    let signature = super::parse_signature(&sources, source, &mut diagnostics);
    assert!(diagnostics.list.is_empty(), "{when}: {:?}", diagnostics.list);
    (sources, signature.unwrap().when)
}

fn prefix(expression: &Expression) -> String {
    let list = |name: &str, parts: &[Expression]| {
        let parts: String = parts.iter().map(|part| format!(" {}", prefix(part))).collect();
        format!("({name}{parts})")
    };
    match &expression.kind {
        ExpressionKind::Or(terms) => list("or", terms),
        ExpressionKind::And(terms) => list("and", terms),
        ExpressionKind::Not(operand) => format!("(not {})", prefix(operand)),
        ExpressionKind::Group(body) => format!("[{}]", prefix(body)),
        ExpressionKind::Compare { operator, left, right } => {
            format!("({} {} {})", operator.value.name(), prefix(left), prefix(right))
        }
        ExpressionKind::Exists(operand) => format!("(exists {})", prefix(operand)),
        ExpressionKind::Quantified { quantifier, body } => match quantifier.value {
            Quantifier::Any => format!("(any {})", prefix(body)),
            Quantifier::All => format!("(all {})", prefix(body)),
        },
        ExpressionKind::Call { name, arguments } => list(&name.value, arguments),
        ExpressionKind::Path { name, keys: None } => name.value.clone(),
        ExpressionKind::Path { name, keys: Some(keys) } => {
            let keys: Vec<_> = keys.iter().map(|key| String::from_utf8_lossy(&key.value)).collect();
            format!("{}{{{}}}", name.value, keys.join(","))
        }
        ExpressionKind::String { value, ignore_case } => {
            format!("{}{:?}", if *ignore_case { "i" } else { "" }, bstr::BStr::new(value))
        }
        ExpressionKind::Regex(regex) => format!("{}/{}/", if regex.ignore_case { "i" } else { "" }, regex.pattern),
        ExpressionKind::Integer(integer) => integer.to_string(),
        ExpressionKind::Boolean(boolean) => boolean.to_string(),
        ExpressionKind::Ip(ip) => ip.to_string(),
        ExpressionKind::Cidr(network) => network.to_string(),
        ExpressionKind::Duration(duration) => format!("{}ms", duration.0),
        ExpressionKind::List(items) => list("list", items),
        ExpressionKind::ListReference(name) => format!("@{name}"),
        ExpressionKind::Error => "error".to_owned(),
    }
}

#[test]
fn trees() {
    for (condition, tree) in [
        ("a or b and c", "(or a (and b c))"),
        ("a and b or c and d", "(or (and a b) (and c d))"),
        ("a or b or c or d", "(or a b c d)"),
        ("(a or b) or c", "(or [(or a b)] c)"),
        ("not a == b and c", "(and (not (== a b)) c)"),
        ("not client.ip in @x", "(not (in client.ip @x))"),
        ("not not a", "(not (not a))"),
        ("a and not exists b", "(and a (not (exists b)))"),
        ("exists(a)", "(exists [a])"),
        ("exists req.headers[\"x\"] and a", "(and (exists req.headers{x}) a)"),
        ("any(req.args[\"id\"] != \"1\") == true", "(== (any (!= req.args{id} \"1\")) true)"),
        ("all(not a matches r\"b\")", "(all (not (matches a /b/)))"),
        ("any_form(req.url) contains i\"x\"", "(contains (any_form req.url) i\"x\")"),
        ("lower(trim(a)) starts_with [\"b\", \"c\",]", "(starts_with (lower (trim a)) (list \"b\" \"c\"))"),
        ("prefix(client.ip, 24, 56) == 192.0.2.0", "(== (prefix client.ip 24 56) 192.0.2.0)"),
        ("req.headers[\"a\", \"b\"].raw == \"\"", "(== req.headers.raw{a,b} \"\")"),
        ("order and android or notes", "(or (and order android) notes)"),
        ("a in [192.0.2.0/24, 2001:db8::/32, ::1, ::]", "(in a (list 192.0.2.0/24 2001:db8::/32 ::1 ::))"),
        ("a in abcd::/16 or face == fe80::1", "(or (in a abcd::/16) (== face fe80::1))"),
        ("a == 10s or b == 500ms or c == 2d", "(or (== a 10000ms) (== b 500ms) (== c 172800000ms))"),
        ("a<=1 and b>=2 and c<3 and d>999999999999999", "(and (<= a 1) (>= b 2) (< c 3) (> d 999999999999999))"),
        (r#"a == "q\"b\\\n\x41\u{e9}""#, "(== a \"q\\\"b\\\\\\nAé\")"),
        (r#"a == "\xff""#, "(== a \"\\xff\")"),
        (r##"a matches r#"say "x""# or a matches ri"\.\d""##, r#"(or (matches a /say "x"/) (matches a i/\.\d/))"#),
        ("a # one\n  # two\n  and b == \"#\" # three", "(and a (== b \"#\"))"),
        ("a\n\n\n  or\n    b", "(or a b)"),
        ("true", "true"),
    ] {
        let (_, expression) = parse(&format!("|\n  {condition}"));
        assert_eq!(prefix(&expression), tree, "{condition}");
    }
}

/// The regular expressions of a condition.
fn regexes<'e>(expression: &'e Expression, found: &mut Vec<&'e super::ast::RegexLiteral>) {
    if let ExpressionKind::Regex(regex) = &expression.kind {
        found.push(regex);
    } else if let ExpressionKind::And(terms) | ExpressionKind::Or(terms) = &expression.kind {
        terms.iter().for_each(|term| regexes(term, found));
    } else if let ExpressionKind::Compare { right, .. } = &expression.kind {
        regexes(right, found);
    }
}

/// The byte of a pattern, through the YAML scalar, in the file: for every style of scalar.
#[test]
fn places_of_patterns() {
    for (when, paren, escape) in [
        (r##"x matches r"\d+(a" and b"##, "(", r"\d"),
        (r##"'x matches r"''\d+(a" and b'"##, "(", r"\d"),
        (r##""x matches r\"\\d+\\\\(a\" and b""##, "(", r"\\d"),
        ("|\n  x\n  matches r\"\\d+(a\" and b", "(", r"\d"),
        ("|\r\n  x\r\n  matches r\"\\d+(a\"\r\n  and b", "(", r"\d"),
        (">-\n  x\n  matches r#\"\\d+(a\"# and\n  b", "(", r"\d"),
        ("x matches\n  ri\"\\d+(a\" and b", "(", r"\d"),
    ] {
        let text = format!("# é\n{}", signature(when));
        let mut sources = SourceMap::default();
        let source = sources.add("x.yaml", text);
        let mut diagnostics = Diagnostics::default();
        let signature = super::parse_signature(&sources, source, &mut diagnostics).unwrap();
        assert!(diagnostics.list.is_empty(), "{when}: {:?}", diagnostics.list);
        let mut found = Vec::new();
        regexes(&signature.when, &mut found);
        let regex = found[0];
        let at = regex.pattern.find('(').unwrap();
        assert_eq!(sources.slice(regex.positions.place(at)), paren, "{when}");
        let at = regex.pattern.find(r"\d").unwrap();
        assert_eq!(sources.slice(regex.positions.span(at, at + 2)), escape, "{when}");
        // The end is a point just before the closing quote.
        let end = regex.positions.place(regex.pattern.len());
        assert!(end.start == end.end && matches!(sources.text(source).as_bytes()[end.start as usize], b'"' | b'\\'));
    }
}

/// The span of every operand is what was written.
#[test]
fn spans() {
    let (sources, expression) = parse("'a == \"it''s\" or not exists req.headers[\"x\"].raw'");
    let ExpressionKind::Or(terms) = &expression.kind else { panic!() };
    let slices: Vec<&str> = terms.iter().map(|term| sources.slice(term.span)).collect();
    assert_eq!(slices, ["a == \"it''s\"", "not exists req.headers[\"x\"].raw"]);
    assert_eq!(sources.slice(expression.span), "a == \"it''s\" or not exists req.headers[\"x\"].raw");
}

/// Every problem's fix together make a condition without one.
#[test]
fn fixes() {
    for (written, fixed) in [
        ("a = \"x\" && b is \"y\"", "a == \"x\" and b == \"y\""),
        ("a ~ \"^/x\" || b =~ i\"y\"", "a matches r\"^/x\" or b matches ri\"y\""),
        ("a !~ r\"x\" OR b not in @c", "not a matches r\"x\" or not b in @c"),
        ("!a or ! b or NOT c", "not a or not b or not c"),
        ("a.b exists and a startsWith \"x\"", "exists a.b and a starts_with \"x\""),
        ("a mathces /x\\/y/i adn b == 'it\"s'", "a matches ri\"x/y\" and b == \"it\\\"s\""),
        ("h[user-agent] <> x or h[i\"x\"] == ir\"y\"", "h[\"user-agent\"] != x or h[\"x\"] == ri\"y\""),
        ("a ~ acl and not b !~ acl", "a in @acl and not not b in @acl"),
        ("a icontains [\"x\", i\"y\"] or a ~* \"z\"", "a contains [i\"x\", i\"y\"] or a matches ri\"z\""),
        ("a starts with \"x\" or a does not contain \"y\"", "a starts_with \"x\" or not a contains \"y\""),
        ("a is missing or a is not null", "not exists a or exists a"),
        ("a.b.startsWith(\"x\") or a.b.matches(\"\\.\")", "a.b starts_with \"x\" or a.b matches r\"\\.\""),
        ("a \"@contains .\\.\" or a \"!@rx \\\"\\s\"", "a contains \".\\\\.\" or not a matches r#\"\"\\s\"#"),
        ("a @pm \"x y\" or a @ipMatch \"192.0.2.1\"", "a contains [i\"x\", i\"y\"] or a in [192.0.2.1]"),
        ("a matches r\"x\"i or a == \"y\"i or a in $c", "a matches ri\"x\" or a == i\"y\" or a in @c"),
        ("a in 192.0.2.8-192.0.2.11 or a in [192.0.2.1-2]", "a in 192.0.2.8/30 or a in [192.0.2.1, 192.0.2.2]"),
        ("a in [192.0.2.1/24, ::ffff:192.0.2.1, ::ffff:10.0.0.0/104]", "a in [192.0.2.0/24, 192.0.2.1, 10.0.0.0/8]"),
    ] {
        let mut sources = SourceMap::default();
        let source = sources.add("x.yaml", signature(&format!("|\n  {written}")));
        let mut diagnostics = Diagnostics::default();
        super::parse_signature(&sources, source, &mut diagnostics);
        let mut edits: Vec<_> =
            diagnostics.list.iter().flat_map(|d| d.fixes.iter().flat_map(|fix| &fix.edits)).collect();
        edits.sort_by_key(|(span, _)| std::cmp::Reverse(*span));
        let mut text = sources.text(source).to_owned();
        for (span, replacement) in edits {
            text.replace_range(span.range(), replacement);
        }
        let condition = text.split_once("when: |\n  ").unwrap().1.trim_end();
        assert_eq!(condition, fixed, "{written}");
        parse(&format!("|\n  {condition}"));
    }
}
