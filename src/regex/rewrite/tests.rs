use super::super::ffi::{Compiled, test_help};
use super::super::{PatternErrorKind, Regex};
use super::rewrite;
use proptest::prelude::*;

#[track_caller]
fn becomes(pattern: &str, text: &str) {
    assert_eq!(rewrite(pattern, false).as_deref(), Ok(text), "{pattern}");
}

#[track_caller]
fn refused(pattern: &str, at: (usize, usize), help: &str) {
    let error = Regex::new(pattern, false).expect_err(pattern);
    assert_eq!(
        (error.start, error.end, error.kind),
        (at.0, at.1, PatternErrorKind::Unsupported),
        "{pattern}: {error:?}"
    );
    assert!(error.help.as_deref().unwrap_or_default().contains(help), "{pattern}: {error:?}");
}

#[track_caller]
fn invalid(pattern: &str, at: usize) {
    let error = Regex::new(pattern, false).expect_err(pattern);
    assert_eq!((error.start, error.kind), (at, PatternErrorKind::Invalid), "{pattern}: {error:?}");
}

#[test]
fn texts() {
    becomes("", "(?s)");
    becomes(r"a.b$", r"(?s)a.b\z");
    assert_eq!(rewrite("a", true).as_deref(), Ok("(?si)a"));
    becomes(r#"a"b\"c["]"#, r"(?s)a\x22b\x22c[\x22]");
    becomes(r"[$.]\$", r"(?s)[$.]\$");
    becomes("\t\\\n\x7f[\n]", r"(?s)\x09\x0a\x7f[\x0a]");
    becomes("né", r"(?s)n\xc3\xa9");
    becomes("né+", r"(?s)n(?:\xc3\xa9)+");
    becomes(r"\é{2}x", r"(?s)(?:\xc3\xa9){2}x");
    becomes(r"\Qa.b\E+", r"(?s)(?#)a\.b(?#)+");
    becomes(r"[\Qa-z]\E]", r"(?s)[\x61\-z\]]");
    becomes(r"\x4\x{41}\x", r"(?s)\x04\x41\x00");
    becomes(r#"\c"\cM"#, r"(?s)\x62\x0d");
    becomes("a(?#é\n\")b", "(?s)a(?#)b");
    becomes("a{2,3}{x}{", r"(?s)a{2,3}\{x}\{");
    becomes(r"${jndi:[^}]{0,15}", r"(?s)\z\{jndi:[^}]{0,15}");
    becomes(r"(?^i:a)(?^)", r"(?s)(?^si:a)(?^s)");
    becomes(r"\N{3}\N", r"(?s)[^\n]{3}[^\n]");
    becomes(r"[]a][^]a][[:alpha:][]", r"(?s)[\]a][^\]a][[:alpha:]\[]");
    becomes(
        r"(a)(?<n>b)\1\k<n>\g{-1}(?(1)c|d)(?(<n>)e)(?(?=f)g)",
        r"(?s)(a)(?<n>b)\1\k<n>\g{-1}(?(1)c|d)(?(<n>)e)(?(?=f)g)",
    );
    becomes(r"(?-i)(?s)(?-m)(?-x:a)(?i-x:b)", r"(?s)(?-i)(?s)(?-m)(?-x:a)(?i-x:b)");
}

#[test]
fn refusals() {
    refused(r"a(?m)b", (1, 5), r"(?:^|\n)");
    refused(r"(?i-s:b)", (0, 6), r"[^\n]");
    refused(r"(?x: a)", (0, 4), "(?#");
    refused(r"(?^x: a)", (0, 5), "(?#");
    refused(r"(?U)a+", (0, 4), "*?");
    refused(r"(*UTF)a", (0, 6), "bytes");
    refused(r"a(*ACCEPT)", (1, 10), "leave it out");
    refused(r"(*pla:a)", (0, 8), "(?=…)");
    refused(r"a\C", (1, 3), ".");
    refused(r"[\C]", (1, 3), ".");
    refused(r"a\K", (1, 3), "leave");
    refused(r"\G", (0, 2), r"\A");
    refused(r"\X", (0, 2), ".");
    refused(r"\R", (0, 2), r"\r\n");
    refused(r"\p{L}+", (0, 5), "[A-Za-z]");
    refused(r"[\pL]", (1, 4), "[A-Za-z]");
    refused(r"(?C1)", (0, 5), "leave");
    refused(r"a(?R)", (1, 5), "write");
    refused(r"(a)(?1)", (3, 7), "write");
    refused(r"(a)(?-1)", (3, 8), "write");
    refused(r"(?<n>a)(?&n)", (7, 12), "write");
    refused(r"(?<n>a)(?P>n)", (7, 13), "write");
    refused(r"(?<n>a)\g<n>", (7, 12), "write");
    refused(r"(?(DEFINE)a)", (0, 10), "write");
    refused(r"(?(R)a)", (0, 5), "write");
    refused(r"\u0041", (0, 6), r"\x41");
    refused(r"\u{e9}", (0, 6), r"(?:\xc3\xa9)");
    refused(r"\u20ac", (0, 6), r"(?:\xe2\x82\xac)");
    refused(r"\N{U+e9}", (0, 8), r"(?:\xc3\xa9)");
    refused(r"a\L", (1, 3), "(?i)");
    refused(r"\x{20ac}", (0, 8), r"(?:\xe2\x82\xac)");
    refused(r"[\x{100}]", (1, 8), r"(?:\xc4\x80)");
    refused(r"\o{400}", (0, 7), "write");
    refused("a[é]", (2, 4), "(?:é|");
    refused(r"a[\é]", (2, 5), "(?:é|");
    refused(r"a{,5}", (1, 5), "{0,5}");
    refused(r"a{ 1, 2 }", (1, 9), "{1,2}");
    refused(r"(?<*a)", (0, 3), "(?<=");
}

#[test]
fn errors_point_into_the_pattern_as_written() {
    invalid("a\0", 1);
    invalid("\\\0", 1);
    invalid("[\0]", 1);
    invalid("\\Q\0", 2);
    invalid("a(b", 3);
    invalid("a)", 1);
    invalid(r#"""""a**"#, 6);
    invalid("éé[b", 6);
    invalid(r"\Q((((\Eé(?<=a+)", 10);
    invalid(r"\", 1);
    invalid(r"[z-a]", 3);
    invalid(r"\x{zz}", 0);
    invalid(r"(?<né>a)", 4);
    let class = Regex::new("[[:foo:]]", false).expect_err("[[:foo:]]");
    assert_eq!(class.message, "unknown POSIX class name");
    // PCRE2 10.42 points to the class, later versions behind it.
    assert!([3, 8].contains(&class.start), "{class:?}");
    invalid(r"a[:alpha:]", 1);
    invalid("a(?#x", 4);
    invalid(r"\y", 1);
}

/// Whatever is linked.
#[test]
fn what_older_versions_refuse_is_refused() {
    let refused = |pattern: &str| Regex::new(pattern, false).expect_err(pattern);
    for (pattern, start, end) in [
        ("(?<=a{1,2})x", 0, 11),
        ("(?<=(?:a|bc))x", 0, 13),
        ("(?<=(a|bc))x", 0, 11),
        ("(?<!a{0,3})x", 0, 11),
        ("é(?<=(?:ab|c)d)x", 2, 16),
        ("(?<=a+)x", 0, 7),
        ("(?<=(?<!a{1,2})d|ee)x", 4, 15),
        ("(?<=a)(?<=(?|(a)|(bc)))x", 6, 23),
        (r"(a|bc)(?<=\1)x", 6, 13),
        (r"(?<=(a\1))x", 0, 10),
        ("(?<=a{2})(?=(?<!a?))", 12, 19),
    ] {
        let error = refused(pattern);
        assert_eq!((error.start, error.end, error.kind), (start, end, PatternErrorKind::Invalid), "{pattern}");
        assert_eq!(error.message, "this look-behind has no fixed length; PCRE2 before 10.43 refuses it", "{pattern}");
        let both = if pattern.contains("(?<!") { "(?<!a)(?<!aa)" } else { "(?:(?<=a)|(?<=aa))" };
        assert!(error.help.as_deref().unwrap_or_default().contains(both), "{pattern}: {error:?}");
    }
    for (pattern, end) in
        [(r"(?a)\w", 4), (r"(?aD)\d", 5), ("(?r)k", 4), ("(?i-r)k", 6), ("(?^a:k)", 5), ("(?ir:k)", 5)]
    {
        let error = refused(pattern);
        assert_eq!((error.start, error.end, error.kind), (0, end, PatternErrorKind::Invalid), "{pattern}");
        assert!(error.message.contains("10.43"), "{pattern}: {error:?}");
    }
    let name = "n".repeat(33);
    for (pattern, end) in [(format!("(?<{name}>a)"), 36), (format!("(?P<{name}>a)"), 37), (format!("(?'{name}'a)"), 36)]
    {
        let error = refused(&pattern);
        assert_eq!((error.start, error.end, error.kind), (0, end, PatternErrorKind::Invalid), "{pattern}");
    }
}

#[test]
fn what_older_versions_accept_is_accepted() {
    for pattern in [
        "(?<=a|bc)x",
        "(?<!a|b{2}|)x",
        "(?<=(?:ab|cd)d)x",
        "(?<=(?>ab|cd))x",
        "(?<=(?|(a)|(b)))x",
        r"(?<=^|\ba|$)x",
        "(?<=(?=a+)a)x",
        "(?<=(?=a)?b)x",
        "(?<=(?<=a|bc)d)x",
        "(?<=(ab){2}c)x",
        "(?<=a{0})x",
        r"(?<=(a)\1)x",
        r"(?<=\g{+1})(a)x",
        "(?<=(?(?=a)a|b))x",
        "(x)(?<=(?(1)a|b))y",
        "(?<=é|(?:a|b))x",
    ] {
        assert!(Regex::new(pattern, false).is_ok(), "{pattern}");
    }
}

#[test]
fn wide_characters_are_repeated_whole() {
    let regex = Regex::new(r"^é{2}(?#x)\Qé\E?$", false).unwrap();
    assert_eq!(regex.is_match("éé".as_bytes()), Ok(true));
    assert_eq!(regex.is_match("ééé".as_bytes()), Ok(true));
    assert_eq!(regex.is_match("é".as_bytes()), Ok(false));
    assert_eq!(regex.is_match(b"\xc3\xa9\xa9"), Ok(false));
}

/// Pieces of patterns whose meaning under options 0 the rewriter must not change, beyond its two readings.
fn fragments() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "a",
        "b",
        "z",
        "1",
        "4",
        "é",
        ".",
        "$",
        "^",
        "|",
        "*",
        "+",
        "?",
        "+?",
        "*+",
        "{2}",
        "{1,2}",
        "{1",
        "}",
        "{",
        ",",
        "-",
        "]",
        "\"",
        "\\\"",
        "\n",
        "\\\n",
        "\t",
        " ",
        "(",
        ")",
        "(?:",
        "(?>",
        "(?=",
        "(?!",
        "(?|",
        "(?i)",
        "(?i:",
        "(?-i)",
        "(?#c\n)",
        "(?#",
        "(?",
        "(?<n>",
        "\\1",
        "\\4",
        "\\k<n>",
        "\\g{1}",
        "\\x4",
        "\\x41",
        "\\x{a}",
        "\\x{ff}",
        "\\o{12}",
        "\\cA",
        "\\c\"",
        "\\n",
        "\\s",
        "\\S",
        "\\d",
        "\\w",
        "\\W",
        "\\h",
        "\\v",
        "\\b",
        "\\B",
        "\\A",
        "\\z",
        "\\Z",
        "\\N",
        "\\.",
        "\\[",
        "\\]",
        "\\-",
        "\\\\",
        "\\Q",
        "\\E",
        "\\Qa.b\\E",
        "\\Q]\\E",
        "[",
        "[^",
        "[]",
        "[a-z]",
        "[^a\n]",
        "[[:alpha:]",
        "[:",
        ":]",
        "[a\\Q-\\Ez]",
        "[a\\E-z]",
        "[\\E^a]",
        "[\\Q\\E]]",
        "[$\"]",
        "\\x80",
        "\\xe9",
        "(?<=a)",
        "(?<!b)",
        "(?(1)",
        "\\0",
        "\\012",
    ];
    prop::collection::vec(prop::sample::select(PIECES).prop_map(str::to_owned), 0..9).prop_map(|parts| parts.concat())
}

fn subjects() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop::sample::select(&b"aAbBzZ14.-]\"\n\n\r\t \\{}(\xc3\xa9\x80\xff\x01$^|"[..]);
    prop::collection::vec(prop::collection::vec(byte, 0..7), 24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, max_global_rejects: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn options_in_the_text_mean_the_same_as_options_of_the_call(pattern in fragments(), ignore_case: bool, subjects in subjects()) {
        // The engine repeats the last byte of a wide character, we the whole one; `\N` and `{,2}` of other versions aside.
        prop_assume!(!wide_is_repeated(&pattern));
        let wanted = test_help::with_options(pattern.as_bytes(), ignore_case);
        match (Regex::new(&pattern, ignore_case), wanted) {
            (Ok(regex), Some(wanted)) => {
                prop_assert!(regex.engine_text.bytes().all(|byte| matches!(byte, 0x20..=0x7e) && byte != b'"'));
                for subject in &subjects {
                    prop_assert_eq!(regex.is_match(subject), wanted.is_match(subject), "{} as {} on {:?}", pattern, regex.engine_text, subject);
                }
            }
            (Ok(regex), None) => prop_assert!(false, "{} is invalid, {} is not", pattern, regex.engine_text),
            (Err(error), Some(_)) => prop_assert!(error.kind == PatternErrorKind::Unsupported, "{pattern} {error:?}"),
            (Err(_), None) => {}
        }
    }

    #[test]
    fn any_text_is_an_answer(pattern in any::<String>()) {
        if let Err(error) = Regex::new(&pattern, false) {
            prop_assert!(error.start <= error.end && pattern.get(error.start..error.end).is_some());
        }
    }
}

fn wide_is_repeated(pattern: &str) -> bool {
    // `\E`, `\Q` and comments may stand between a character and its quantifier.
    pattern.match_indices('é').any(|(at, _)| {
        let rest = &pattern[at + 'é'.len_utf8()..];
        rest.chars().next().is_some_and(|next| "*+?{(\\".contains(next))
    })
}

#[test]
fn engine_text_runs() {
    let compiled = Compiled::new(rewrite("a.b$", false).unwrap().as_bytes()).unwrap();
    assert_eq!(compiled.is_match(b"a\nb"), Ok(true));
    assert_eq!(compiled.is_match(b"a\nb\n"), Ok(false));
}
