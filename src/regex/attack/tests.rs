use super::super::{MatchError, Regex};
use super::{Runaway, find_runaway};
use core::fmt::Write as _;

fn cases() -> impl Iterator<Item = (bool, usize, &'static str)> {
    include_str!("cases.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let mut words = line.splitn(3, ' ');
        let (verdict, limit, pattern) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        (verdict == "bad", limit.parse().unwrap(), pattern)
    })
}

fn check(pattern: &str, limit: usize) -> Option<Runaway> {
    let regex = Regex::new(pattern, false).unwrap();
    let found = find_runaway(&regex, limit)?;
    assert!(found.input.len() <= limit, "{pattern}: {} bytes", found.input.len());
    assert_eq!(regex.is_match(&found.input), Err(found.error), "{pattern}");
    Some(found)
}

#[test]
fn known_patterns() {
    let mut wrong = String::new();
    for (bad, limit, pattern) in cases() {
        let found = check(pattern, limit);
        if found.is_some() != bad {
            let _ =
                writeln!(wrong, "{limit} {pattern}: {}", found.map_or("nothing found".to_owned(), |found| found.shown));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[track_caller]
fn cured(pattern: &str, culprit: &str, suggestion: Option<&str>) -> Runaway {
    let found = check(pattern, 8192).expect(pattern);
    assert_eq!(found.culprit.map(|(start, end)| &pattern[start..end]), Some(culprit), "{pattern}");
    assert_eq!(found.suggestion.as_deref(), suggestion, "{pattern}");
    found
}

#[test]
fn reports_say_what_is_wrong_and_what_to_write() {
    let found = cured(r"^(a+)+$", "(a+)+", Some(r"^(a+)++$"));
    assert_eq!(found.error, MatchError::MatchLimit);
    assert!(found.shown.starts_with("\"a\" × ") && found.shown.ends_with(" + \"b\""), "{}", found.shown);
    let found = cured(r"(?:a|b|c)*d", "(?:a|b|c)*", Some(r"(?:a|b|c)*+d"));
    assert_eq!(found.error, MatchError::JitStack);
    // Quotes and wide characters shift the engine text.
    cured("\"é\\Qé\\E(?#\n)(?:a|b)*!", "(?:a|b)*", Some("\"é\\Qé\\E(?#\n)(?:a|b)*+!"));
    cured(r"select.*from.*where", ".*", Some(r"select(?>.*?from).*where"));
    let found = cured("union.*select.*from", ".*", Some("union(?>.*?select).*from"));
    assert_eq!(found.error, MatchError::MatchLimit);
    assert!(found.input.len() < 600, "{}", found.shown);
    // Possessive would not match any more.
    cured(r"^(a?){30}a{30}b", "(a?){30}", None);
    cured(r"^(?:.*,){11}P", "(?:.*,){11}", None);
}

/// The input as shown, but for how often: that depends on the size of the JIT's frames.
fn shape(pattern: &str) -> String {
    let found = check(pattern, 8192).expect(pattern);
    found
        .shown
        .split(' ')
        .map(|word| if word.parse::<u32>().is_ok() { "n" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_least_of_what_is_optional_costs_the_most() {
    for (pattern, input) in [
        (r"(?:a?c+\W*?)*", r#""ac" × n"#),
        (r"evil(?:-?\d+\s*?)*", r#""evil" + "-0" × n"#),
        (r"(?:-?\d+\s*?)+", r#""-0" × n"#),
        (r"evil=(?:-?\d+,*?)+", r#""evil=" + "-0" × n"#),
        (r"select(?:,?\w+\s*?)+", r#""select" + ",a" × n"#),
        (r"(?:[ab]?c{1,200}x??)*", r#""ac" × n"#),
        (r"(?:\s??-?\d+\s*?)*", r#""0 " × n"#),
        (r"(?:(?!.*?c{0,20}?)\W+|[ab]?c{1,200}\W*?)*", r#""ac" × n"#),
    ] {
        assert_eq!(shape(pattern), input, "{pattern}");
        assert_eq!(check(pattern, 8192).map(|found| found.error), Some(MatchError::JitStack), "{pattern}");
    }
}

#[test]
fn a_repetition_is_pumped_with_what_another_eats() {
    assert_eq!(shape(r"(?=.)union(?:\w+\s)*(?>union).+zap"), r#""unionunion" + "a " × n + "p""#);
    assert_eq!(shape(r"union(?:\w+\s)*union.+zap"), r#""unionunion" + "a " × n + "p""#);
}

#[test]
fn the_way_to_a_repetition_may_be_of_the_same_byte() {
    assert_eq!(shape(r"(?<=[ab]x)(a)?[ab][ab](?(1)(?:b??|.)|(?:[ab]|b{2,})*)"), r#""bxbb" + "b" × n"#);
    assert_eq!(shape(r"(.)\1(?:a)?(b??x{2,})+?(c??|[^b])\1\1z"), r#""x" × n + "dz""#);
}

#[test]
fn odd_patterns_take_bounded_time() {
    let words: Vec<String> = (0..1000).map(|word| format!("w{word}x")).collect();
    let nested = |inside: &str, after: &str| format!("{}{inside}{}!", "(?:".repeat(200), after.repeat(200));
    for pattern in [
        format!("(?:{})+!", words.join("|")),
        nested("a", ")+"),
        nested("a", "|b)*"),
        nested("a?", "){2}?"),
        "a?".repeat(500) + "a*b",
        "(a)".repeat(99) + r"\99*\98*\97*x",
        "[a-z]*".repeat(60),
    ] {
        if let Ok(regex) = Regex::new(&pattern, false) {
            find_runaway(&regex, 65_536);
        }
    }
}

mod soundness {
    use super::super::{attack, cost, inputs, tree};
    use crate::regex::Regex;
    use crate::regex::ffi::Compiled;
    use proptest::prelude::*;

    const LIMIT: usize = 4096;
    const LENGTHS: &[usize] = &[40, 97, 130, 260, 700, 2000, LIMIT];

    /// Patterns with many ways to match the same text.
    fn patterns() -> impl Strategy<Value = String> {
        const ATOMS: &[&str] = &[
            "a",
            "b",
            "c",
            ".",
            "[ab]",
            "[^a]",
            "[bc]",
            "\\w",
            "\\s",
            "\\d",
            " ",
            "1",
            "=",
            "(?:ab)",
            "$",
            "\\b",
            "[^b]",
            "\\1",
            "[a-z0-9]",
            "\\W",
            "ab",
            "aab",
            "abc",
            "(?:a|ab)",
            "(?:a|b)",
            "(?:ab|ac)",
            "(?<=a)",
            "(?:a|)",
            "^",
            "x",
            "(?:a?c+b*?)",
            "(?:[ab]??1+ ?)",
        ];
        const QUANTIFIERS: &[&str] = &[
            "", "", "", "", "*", "+", "?", "*?", "+?", "*+", "++", "{2}", "{0,9}", "{1,40}", "{3,}", "{0,200}", "??",
            "{2,5}?", "{0,30}+",
        ];
        const GROUPS: &[&str] = &["(?:", "(", "(?>", "(?=", "(?!", "(?:", "(?i:"];
        let quantifier = || prop::sample::select(QUANTIFIERS);
        let atom =
            (prop::sample::select(ATOMS), quantifier()).prop_map(|(atom, quantifier)| format!("{atom}{quantifier}"));
        atom.prop_recursive(3, 24, 4, move |inner| {
            let sequence = || prop::collection::vec(inner.clone(), 1..5).prop_map(|items| items.concat());
            let alternatives = prop::collection::vec(sequence(), 1..4).prop_map(|items| items.join("|"));
            prop_oneof![
                sequence(),
                (prop::sample::select(GROUPS), alternatives, prop::sample::select(QUANTIFIERS))
                    .prop_map(|(group, body, quantifier)| format!("{group}{body}){quantifier}"))
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: std::env::var("SOUND").map_or(300, |n| n.parse().unwrap()), max_global_rejects: 1_000_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_found_against_what_is_harmless(pattern in patterns(), pieces in prop::collection::vec((prop::sample::select(&["a", "b", "c", "ab", " ", "1", "=", "A", "a1", "aab ", "ac", "b1"][..]), 1_usize..1500), 1..5)) {
            let Ok(regex) = Regex::new(&pattern, false) else { return Ok(()) };
            let tree = tree::parse(&regex.engine_text);
            prop_assert!(tree.is_some(), "{pattern}");
            let Some(tree) = tree else { return Ok(()) };
            prop_assume!(cost::is_harmless(&tree, LIMIT));
            if let Some(found) = attack(&regex, &tree, LIMIT) {
                prop_assert!(false, "{pattern}: {}", inputs::show(&found.parts));
            }
            // Every candidate at every length, whatever shorter ones promise: what was cleared must stand all of them.
            let probes = [Compiled::anchored(regex.engine_text.as_bytes()).unwrap(), Compiled::new(regex.engine_text.as_bytes()).unwrap()];
            for shape in inputs::shapes(&tree, probes[0].last_literal(), LIMIT) {
                for length in LENGTHS.iter().filter(|length| **length > shape.fixed()) {
                    let input = shape.input(*length);
                    let fails = probes.iter().any(|probe| probe.is_match(&input).is_err());
                    prop_assert!(!fails, "{pattern}: {}", inputs::show(&shape.parts(*length)));
                }
            }
            let mut subject: Vec<u8> = pieces.iter().flat_map(|(piece, times)| piece.as_bytes().repeat(*times)).collect();
            subject.truncate(LIMIT);
            for probe in &probes {
                prop_assert!(probe.is_match(&subject).is_ok(), "{pattern}");
            }
        }
    }
}
