//! Positions of every scalar style by hand, then the invariants on generated documents.

use granit_parser::{Event, Parser, ScalarStyle};
use proptest::prelude::*;

use super::scalar_map::{Mismatch, ScalarMap};
use crate::source::SourceId;

/// Every scalar of a document, with its map.
fn maps(source: &str) -> Vec<(String, Result<ScalarMap, Mismatch>)> {
    let mut maps = Vec::new();
    for event in Parser::new_from_str(source) {
        let Ok((event, span)) = event else { break };
        if let Event::Scalar(value, style, ..) = event {
            let range = span.byte_range().unwrap();
            let implied = range.is_empty() && style == ScalarStyle::Plain;
            if !implied {
                maps.push((value.to_string(), ScalarMap::build(source, range, style, &value)));
            }
        }
    }
    maps
}

/// Where `needle` of a decoded scalar stands in the source.
#[track_caller]
fn check(source: &str, needle: &str, expected: &str) {
    let maps = maps(source);
    let (value, map) = maps.iter().find(|(value, _)| value.contains(needle)).expect("no scalar has the text");
    let at = value.find(needle).unwrap();
    let map = map.as_ref().unwrap();
    let range = map.span(at..at + needle.len());
    assert_eq!(&source[range.clone()], expected, "{map:?}");
    // The positions kept in the tree say the same.
    let positions = map.positions(SourceId(0), at..at + needle.len());
    assert_eq!(positions.span(0, needle.len()).range(), range);
}

#[test]
fn plain() {
    check("k: é select x\n", "select", "select");
    check("k: é a\n   select\n\n   x\n", "select", "select");
    check("k: é a\n   b\n\n   x\n", "a b", "a\n   b");
    check("k: a\n\n   x\n", "\n", "\n");
}

#[test]
fn single_quoted() {
    check("k: 'é ''select'' x'\n", "select", "select");
    check("k: 'é ''select'' x'\n", "'select'", "''select''");
    check("k: 'é ''a\n\n  b'' x'", "b' x", "b'' x");
}

#[test]
fn double_quoted() {
    let text = r#"k: "é \"union\" \u00e9\x41\U0001F600 \uD83D\uDE00 select""#;
    check(text, "select", "select");
    check(text, "éA", r"\u00e9\x41");
    check(r#"k: "a \uD83D\uDE00 b""#, "😀", r"\uD83D\uDE00");
    check(r#"k: "a \\s+ b""#, r"\s+", r"\\s+");
    check("k: \"é a\\\n   bc\"", "abc", "a\\\n   bc");
    check("k: \"é a  \n   bc\"", "a bc", "a  \n   bc");
    check("k: \"é a\\t  \n   bc\"", "a\t bc", "a\\t  \n   bc");
    check("k: \"a\\\n\n\n   bc\"", "bc", "bc");
}

#[test]
fn literal() {
    check("k: |\n  é a\n  select x\n", "select", "select");
    check("k: |\n  é a\n  select x\n", "a\nselect", "a\n  select");
    check("k: |2-  # c\n    é a\n  select x\n", "select", "select");
    check("k: |+\n\n\n  é a\n\n  select x\n\n\nz: 1\n", "select", "select");
    check("k: |\r\n  é a\r\n  select x\r\n", "a\nselect", "a\r\n  select");
    check("k: |\n  a\n  select", "select\n", "select");
    check("- k: |\n    é a\n    select x\n", "select", "select");
    check("? |\n  key\n  select\n: v\n", "select", "select");
}

#[test]
fn folded() {
    check("k: >-\n  é a\n  select x\n", "a select", "a\n  select");
    check("k: >\n  é a\n\n  select x\n", "a\nselect", "a\n\n  select");
    check("k: >\n  é a\n    more\n  select x\n", "more\nselect", "more\n  select");
    check("k: >2-\n\n    é\n   \n  select\n", "select", "select");
    check("k: >\r\n  é a\r\n  select x\r\n", "a select", "a\r\n  select");
    check("k: >+\n  é a\n  select x\n\n\nz: 1\n", "select x\n\n\n", "select x\n\n\n");
}

/// What is missing at the end points after the last character.
#[test]
fn ends() {
    for source in ["k: 'a and'\n", "k: |\n  a and\nz: 1\n", "k: >-\n  a\n  and\nz: 1\n", "k: |\r\n  a and\r\n"] {
        let map = maps(source).swap_remove(1).1.unwrap();
        assert_eq!(map.span(5..5).start, source.find("and").unwrap() + 3, "{source:?}");
    }
}

/// In every document each scalar maps; each character to itself, to an escape or to a line break.
fn invariants(source: &str) {
    for (value, map) in maps(source) {
        let map = map.unwrap_or_else(|_| panic!("{source:?}: {value:?} has no map"));
        let mut last = 0;
        for (at, character) in value.char_indices() {
            let range = map.span(at..at + character.len_utf8());
            assert!(range.start >= last, "{source:?}: {map:?} goes back at {at}");
            last = range.start;
            let raw = source.get(range).expect("no character boundary");
            let is_break = matches!(raw, "\n" | "\r\n" | "\r");
            let fits = raw.chars().eq([character])
                || raw.starts_with('\\')
                || raw == "''"
                || (character == ' ' && is_break)
                || (character == '\n' && (is_break || raw.is_empty()));
            assert!(fits, "{source:?}: {character:?} at {at} is {raw:?} in {map:?}");
        }
    }
}

const WORDS: &[&str] = &[
    "a", "é", "select", "\\", "\\n", "'", "''", "\"", "–€", "😀", "(", "x=1", "\\s+", "and", "  ", "\t", "\\u0041",
    "#x", ":", "- ", "|",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_style(
        lines in proptest::collection::vec(
            proptest::collection::vec(proptest::sample::select(WORDS), 0..6).prop_map(|words| words.join(" ")), 0..6),
        style in 0..5usize,
        indent in 1..5usize,
        line_break in proptest::sample::select(&["\n", "\r\n"][..]),
        header in 0..6usize,
        trailing in 0..3usize,
        nesting in 0..3usize,
    ) {
        let base = "  ".repeat(nesting);
        let padding = format!("{base}{}", " ".repeat(indent));
        let mut source = String::from("# é–\n");
        for level in 0..nesting {
            source.push_str(&format!("{}p{level}:\n", "  ".repeat(level)));
        }
        source.push_str(&format!("{base}k: "));
        let text = lines.join(&format!("{line_break}{padding}"));
        match style {
            0 => source.push_str(&text),
            1 => source.push_str(&format!("'{}'", text.replace('\'', "''"))),
            2 => source.push_str(&format!("\"{}\"", text.replace('"', "\\\""))),
            _ => {
                source.push_str(["|", ">"][style - 3]);
                let indicator = indent.to_string();
                source.push_str(["", "-", "+", &indicator, &format!("{indent}-"), &format!("{indent}+ # c")][header]);
                for line in &lines {
                    source.push_str(line_break);
                    if !line.is_empty() {
                        source.push_str(&format!("{padding}{line}"));
                    }
                }
            }
        }
        source.push_str(&line_break.repeat(trailing));
        if trailing > 0 {
            source.push_str(&format!("{base}z: 1\n"));
        }
        invariants(&source);
    }
}
