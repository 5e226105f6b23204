//! Every decoding at its edges.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(function: fn(&[u8]) -> Cow<'_, [u8]>, cases: &[(&str, &str)]) {
    for (input, expected) in cases {
        let output = function(input.as_bytes());
        assert_eq!(String::from_utf8_lossy(&output), *expected, "of {input:?}");
    }
}

#[test]
fn url_decode_decodes_once_behind_the_guard() {
    check(
        url_decode,
        &[
            ("", ""),
            ("plain", "plain"),
            ("%41%62", "Ab"),
            ("%2e%2E", ".."),
            ("%2541", "%41"),
            ("%", "%"),
            ("%4", "%4"),
            ("%4g%41", "%4gA"),
            ("%%41", "%A"),
            ("%%%41", "%%A"),
            ("%00", "%00"),
            ("%000", "%000"),
            ("a%00%41", "a%00A"),
            ("%u0041", "%u0041"),
            ("a+b", "a+b"),
            ("%2b", "+"),
            ("%25", "%"),
            ("%2500", "%00"),
        ],
    );
    assert_eq!(&*url_decode(b"%ff%80"), b"\xff\x80");
}

#[test]
fn query_decode_reads_plus_first() {
    check(query_decode, &[("a+b", "a b"), ("a%2Bb", "a+b"), ("+", " "), ("%+41", "% 41"), ("1+%00", "1 %00")]);
}

#[test]
fn html_decode_reads_references_once() {
    check(
        html_decode,
        &[
            ("a&b", "a&b"),
            ("&lt;", "<"),
            ("&lt", "&lt"),
            ("&LT;", "&LT;"),
            ("&amp;lt;", "&lt;"),
            ("&#60;", "<"),
            ("&#60script", "<script"),
            ("&#0060;x", "<x"),
            ("&#x3c;", "<"),
            ("&#X3C", "<"),
            ("&#x3cscript", "<script"),
            ("&#x3cb", "&#x3cb"),
            ("&#600", "&#600"),
            ("&#0;", "&#0;"),
            ("&#x0;", "&#x0;"),
            ("&#127;", "\x7f"),
            ("&#128;", "&#128;"),
            ("&#x80;", "&#x80;"),
            ("&#;", "&#;"),
            ("&#x;", "&#x;"),
            ("&#99999999999999999999;", "&#99999999999999999999;"),
            ("&&lt;&", "&<&"),
            ("&Tab;&NewLine;&colon;", "\t\n:"),
            ("&lbrace;&lcub;&dollar;", "{{$"),
            ("&nbsp;", "&nbsp;"),
            ("%26lt;", "%26lt;"),
        ],
    );
    // Every name of the catalogue's row is there, and no other.
    let doc = crate::catalog::Function::HtmlDecode.row().doc;
    let named: Vec<&str> = doc.split([' ', '`']).filter_map(|word| word.strip_prefix('&')).collect();
    assert_eq!(named, crate::catalog::HTML_NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[test]
fn base64_decode_is_strict() {
    let cases: &[(&str, Option<&str>)] = &[
        ("", Some("")),
        ("YQ==", Some("a")),
        ("YWI=", Some("ab")),
        ("YWJj", Some("abc")),
        ("YQ", None),
        ("YQ=", None),
        ("YR==", Some("a")),
        ("YWJj\n", None),
        (" YWJj", None),
        ("YW_-", None),
        ("YQ==YQ==", None),
        ("====", None),
        ("YQBi", Some("a")),
        ("AAAA", Some("")),
        ("+/+/", None),
    ];
    for (input, expected) in &cases[..cases.len() - 1] {
        assert_eq!(base64_decode(input.as_bytes()).as_deref(), expected.map(str::as_bytes), "of {input:?}");
    }
    assert_eq!(base64_decode(b"+/+/").as_deref(), Some(&[0xfb, 0xff, 0xbf][..]));
}

#[test]
fn path_normalize_stays_below_the_root() {
    check(
        path_normalize,
        &[
            ("/", "/"),
            ("", ""),
            ("*", "*"),
            ("a/../b", "a/../b"),
            ("/a/b", "/a/b"),
            ("//", "/"),
            ("//a///b//", "/a/b/"),
            ("/.", "/"),
            ("/./a/./b", "/a/b"),
            ("/a/.", "/a/"),
            ("/..", "/"),
            ("/../..", "/"),
            ("/../a", "/a"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/b/../", "/a/"),
            ("/a/b/../../../c", "/c"),
            ("/a//../b", "/b"),
            ("/a/...", "/a/..."),
            ("/.a/..b/c..", "/.a/..b/c.."),
            ("/a/..;/b", "/a/..;/b"),
            ("/a/%2e%2e/b", "/a/%2e%2e/b"),
        ],
    );
    assert_eq!(parent_segments(b"/../a/../..a/.."), 3);
    assert_eq!(parent_segments(b"../.."), 0);
}

#[test]
fn white_space_functions() {
    check(squeeze, &[("a  b", "a b"), ("\t", " "), ("a\r\n\x0b\x0cb ", "a b "), ("a b", "a b"), ("", "")]);
    check(remove_whitespace, &[(" u n\ti\r\no\x0b\x0cn ", "union"), ("", "")]);
    check(|text| Cow::Borrowed(trim(text)), &[("\t a b\r\n", "a b"), (" \x0b\x0c", ""), ("", ""), ("x", "x")]);
    check(|text| Cow::Borrowed(trim_blanks(text)), &[("\t a\r ", "a\r"), ("  ", "")]);
    // A no-break space and other bytes above 127 are no white space.
    assert_eq!(trim(b"\xa0a\x85"), b"\xa0a\x85");
}

#[test]
fn letters_numbers_and_hashes() {
    check(lower, &[("AbZ[`", "abz[`"), ("\u{c4}", "\u{c4}")]);
    check(upper, &[("aBz{", "ABZ{"), ("\u{e4}", "\u{e4}")]);
    let cases: &[(&str, Option<i64>)] = &[
        ("0", Some(0)),
        ("007", Some(7)),
        ("999999999999999", Some(999_999_999_999_999)),
        ("1000000000000000", None),
        ("", None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1\n", None),
        ("0x1", None),
    ];
    for (input, expected) in cases {
        assert_eq!(integer(input.as_bytes()), *expected, "of {input:?}");
    }
    assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(md5_hex(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
}

/// The guard as the contract writes it: escape what must stay, then decode every escape there is.
fn guarded(text: &[u8]) -> Vec<u8> {
    let mut guarded = Vec::new();
    for (index, byte) in text.iter().enumerate() {
        guarded.push(*byte);
        let rest = &text[index + 1..];
        let valid = rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit);
        if *byte == b'%' && (rest.starts_with(b"00") || !valid) {
            guarded.extend_from_slice(b"25");
        }
    }
    let mut decoded = Vec::new();
    let mut index = 0;
    while index < guarded.len() {
        if guarded[index] == b'%' {
            let digits = std::str::from_utf8(&guarded[index + 1..index + 3]).unwrap();
            decoded.push(u8::from_str_radix(digits, 16).unwrap());
            index += 3;
        } else {
            decoded.push(guarded[index]);
            index += 1;
        }
    }
    decoded
}

proptest! {
    #[test]
    fn url_decode_is_the_guard_and_a_plain_decoder(text in "[%0-9a-fA-Fg+/]{0,24}") {
        prop_assert_eq!(&*url_decode(text.as_bytes()), &guarded(text.as_bytes())[..]);
    }

    #[test]
    fn nothing_panics_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for function in [url_decode, query_decode, html_decode, path_normalize, lower, upper, squeeze, remove_whitespace] {
            let _ = function(&bytes);
        }
        let _ = (trim(&bytes), trim_blanks(&bytes), base64_decode(&bytes), integer(&bytes), parent_segments(&bytes));
    }

    #[test]
    fn path_normalize_has_a_fixed_point(path in "/[a./]{0,20}") {
        let once = path_normalize(path.as_bytes()).into_owned();
        prop_assert_eq!(&*path_normalize(&once), &once[..]);
        prop_assert_eq!(parent_segments(&once), 0);
    }
}
