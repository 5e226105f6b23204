//! What no output for Fastly has, whatever the signatures: every compile case, the shipped signatures and the examples, in
//! each layout, line by line. `falco_traps.rs` says which of the ways of going wrong is shown here.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::codegen::Layout;
use edgesig::engine::falco::as_on_fastly;
use edgesig::ir::{Mode, Selection, select};
use support::cases::{cases_of, check};
use support::fastly::{build, project};

/// Name and text of every VCL file.
fn outputs() -> Vec<(String, String)> {
    let mut sets = Vec::new();
    for (name, path) in cases_of("compile") {
        let selection = Selection { target: Some("fastly".to_owned()), ..Selection::default() };
        sets.push((name, as_on_fastly(&select(&check(&path).ruleset, &selection))));
    }
    for folder in ["", "examples/json-api", "examples/media-cdn", "examples/wordpress-shop"] {
        for mode in [Mode::Monitor, Mode::Enforce, Mode::Canary(10)] {
            sets.push((format!("{folder} {mode}"), project(folder, mode)));
        }
    }
    let mut outputs = Vec::new();
    for (name, set) in &sets {
        for layout in [Layout::Snippets, Layout::Include] {
            // What Fastly cannot express has no output.
            for (path, text) in build(set, layout).into_iter().flatten().filter(|(path, _)| path.ends_with(".vcl")) {
                outputs.push((format!("{name}, {layout:?}, {path}"), text));
            }
        }
    }
    outputs
}

/// The lines of a text that are no comments, each with its code and its texts in turn, code first.
fn lines(text: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    let code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    code.map(|line| (line, line.split('"').collect()))
}

/// The subs of a text: name and body.
fn subs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices("\nsub ").map(|(at, start)| {
        let (name, rest) = text[at + start.len()..].split_once(" {\n").expect("a sub");
        (name, rest.split_once("\n}\n").map_or(rest, |(body, _)| body))
    })
}

/// The arguments of each call of a function, which hold no call themselves.
fn arguments<'t>(line: &'t str, function: &str) -> Vec<Vec<&'t str>> {
    let calls = line.match_indices(function).filter_map(|(at, name)| line[at + name.len()..].strip_prefix('('));
    calls.map(|rest| rest.split(')').next().unwrap_or_default().split(", ").collect()).collect()
}

#[test]
fn nothing_has_what_goes_wrong() {
    let outputs = outputs();
    assert!(outputs.len() > 150, "{}", outputs.len());
    for (name, text) in &outputs {
        for (line, parts) in lines(text) {
            // 8: texts are short ones, and end.
            assert_eq!(parts.len() % 2, 1, "{name}: {line}");
            for (index, part) in parts.iter().enumerate() {
                if index % 2 == 1 {
                    text_is_valid(part, &format!("{name}: {line}"));
                    continue;
                }
                assert!(!part.ends_with('{') || index + 1 == parts.len(), "{name}: {line}");
                // 9: no local but plain ones; no pattern of names.
                assert!(!part.contains("declare block") && !part.contains("-*"), "{name}: {line}");
                // 5: what may be absent is neither unequal to anything nor logged as it is.
                for operator in [" != ", " !~ "] {
                    let left = part.split(operator).next().filter(|left| left.len() < part.len());
                    let left = left.and_then(|left| left.rsplit([' ', '(', '!']).next());
                    assert!(left.is_none_or(|left| !left.contains(".http.")), "{name}: {line}");
                }
                for escaped in ["json.escape(", "json.escape(substr("] {
                    assert!(!part.contains(&format!("{escaped}req.http.")), "{name}: {line}");
                }
            }
            // 12: one status of our own.
            if line.starts_with("error ") {
                assert_eq!(line, "error 640 var.by;", "{name}");
            }
            // 16: what follows is not cut off, but for our own answer.
            if line.starts_with("return") {
                assert_eq!(line, "return (deliver);", "{name}");
            }
            rate_is_in_range(line, name);
        }
        acls_are_plain(text, name);
        used(text, name);
        subs(text).for_each(|(sub, body)| sub_is_plain(body, &format!("{name}, {sub}")));
    }
}

/// 6, 7, 8: ASCII; every `%` starts two digits; what they say is UTF-8 without a NUL.
fn text_is_valid(text: &str, place: &str) {
    assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{place}");
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        bytes.extend(&rest.as_bytes()[..at]);
        let digits = rest.get(at + 1..at + 3).unwrap_or_default();
        bytes.push(u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{place}: %{digits}")));
        rest = &rest[at + 3..];
    }
    bytes.extend(rest.as_bytes());
    assert!(std::str::from_utf8(&bytes).is_ok() && !bytes.contains(&0), "{place}");
}

/// 3 and 4: what falco takes as it comes.
fn rate_is_in_range(line: &str, name: &str) {
    let number = |text: &str| text.parse::<u32>().unwrap_or_else(|_| panic!("{name}: {line}"));
    let minutes = |text: &str| {
        let seconds = number(text.trim_end_matches('s'));
        assert!(seconds % 60 == 0 && (120..=3600).contains(&seconds), "{name}: {line}");
    };
    let key = |text: &str| {
        assert!(
            text.starts_with("var.key") || (text.starts_with("req.http.X-") && text.contains("-Rate-")),
            "{name}: {line}"
        );
    };
    for call in arguments(line, "ratelimit.penaltybox_add") {
        key(call[1]);
        minutes(call[2]);
    }
    for call in arguments(line, "ratelimit.check_rate") {
        key(call[0]);
        minutes(call[6]);
        assert!(number(call[2]) <= 100_000 && call[3] == "1", "{name}: {line}");
        assert!((10..=70_000_000).contains(&number(call[4])), "{name}: {line}");
    }
    for call in arguments(line, "ratelimit.ratecounter_increment") {
        key(call[1]);
        assert!(number(call[2]) <= 100_000, "{name}: {line}");
    }
    for call in arguments(line, "ratelimit.penaltybox_has") {
        key(call[1]);
    }
}

/// 13: an address, a mask, no exception.
fn acls_are_plain(text: &str, name: &str) {
    for (at, start) in text.match_indices("\nacl ") {
        let body = text[at + start.len()..].split_once("{\n").and_then(|(_, rest)| rest.split_once('}'));
        for entry in body.expect("an ACL").0.lines().map(str::trim) {
            let (address, mask) = entry.trim_start_matches('"').split_once("\"/").expect("a mask");
            let address: std::net::IpAddr = address.parse().unwrap_or_else(|_| panic!("{name}: {entry}"));
            let bits = mask.strip_suffix(';').and_then(|mask| mask.parse::<u8>().ok());
            let most = if address.is_ipv4() { 32 } else { 128 };
            assert!(entry.starts_with('"') && bits.is_some_and(|bits| bits <= most), "{name}: {entry}");
        }
    }
}

/// 19: what is declared is used.
fn used(text: &str, name: &str) {
    for kind in ["acl", "table", "ratecounter", "penaltybox"] {
        for (at, start) in text.match_indices(&format!("\n{kind} ")) {
            let declared = text[at + start.len()..].split([' ', '{']).next().expect("a name");
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(declared.chars().all(is_name), "{name}: {declared}");
            let whole = |(at, _): &(usize, &str)| {
                !text[..*at].ends_with(is_name) && !text[at + declared.len()..].starts_with(is_name)
            };
            assert!(text.match_indices(declared).filter(whole).count() > 1, "{name}: {declared}");
        }
    }
}

fn sub_is_plain(body: &str, place: &str) {
    let mut strings = Vec::new();
    let mut written = std::collections::BTreeSet::new();
    let mut condition = "";
    for (line, _) in lines(body) {
        if let Some(local) = line.strip_prefix("declare local ") {
            // 9: at the top of the sub, nothing assigned.
            let (variable, kind) = local.trim_end_matches(';').split_once(' ').expect("a type");
            assert!(matches!(kind, "STRING" | "BOOL" | "INTEGER" | "TIME" | "IP"), "{place}: {line}");
            assert!(condition.is_empty() && variable.starts_with("var."), "{place}: {line}");
            if kind == "STRING" {
                strings.push(variable);
            }
        } else if !line.starts_with("set ") || condition.is_empty() {
            condition = line;
        }
        // 15: a header is written once at most, and never from itself.
        if let Some((header, value)) = line.strip_prefix("set req.http.").and_then(|rest| rest.split_once(" = ")) {
            assert!(written.insert(header.to_owned()), "{place}: {header} is written twice");
            assert!(!value.contains(&format!("req.http.{header}")), "{place}: {line}");
        }
        // 17: groups of the pattern in the condition right before.
        if line.contains("re.group.") {
            assert!(condition.contains(" ~ \"") && !condition.contains("||"), "{place}: {condition} … {line}");
        }
    }
    // 5: none is read before it has a text.
    for variable in strings {
        let first = body.lines().map(str::trim).find(|line| {
            !line.starts_with("declare") && line.split(['"', ' ', '(', ')', ';', ',']).any(|word| word == variable)
        });
        assert!(
            first.is_some_and(|line| line.starts_with(&format!("set {variable} = "))),
            "{place}: {variable} {first:?}"
        );
    }
    // 10, 11: what describes another node or cannot be read.
    let is = |name: &str| place.ends_with(name);
    assert!(!is("_error") || !(body.contains("tls.client") || body.contains("resp.")), "{place}");
    assert!(!is("_clean") || !body.contains("tls.client"), "{place}");
    if is("_recv") {
        let once = "\tif (fastly.ff.visits_this_service == 0 && req.restarts == 0 && !req.is_esi_subreq) {\n";
        assert_eq!(body.matches(once).count(), 1, "{place}");
        let returns = lines(body).any(|(line, _)| line.starts_with("return"));
        assert!(body.trim_end().ends_with("\n\t}") && !returns, "{place}");
    }
}
