//! What Fastly's API takes: one JSON file with every body, and a form for each snippet, as `curl --data @FILE` posts it.

use super::{Load, Snippet, acl_entries, dictionary_items, pretty};
use crate::codegen::Artifact;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// A part of a form. A server decodes `%XX` and `+`, which VCL is full of: everything but letters, digits and `-._` is
/// encoded.
fn form_part(text: &str) -> String {
    let mut part = String::with_capacity(text.len() + text.len() / 2);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => part.push(char::from(byte)),
            b' ' => part.push('+'),
            _ => {
                let _ = write!(part, "%{byte:02X}");
            }
        }
    }
    part
}

/// Of a snippet. Numbers are strings, as in what the API answers.
fn fields(snippet: &Snippet) -> [(&'static str, String); 5] {
    [
        ("name", snippet.name.clone()),
        ("type", snippet.kind.to_owned()),
        ("dynamic", "0".to_owned()),
        ("priority", snippet.priority.to_string()),
        ("content", snippet.content.clone()),
    ]
}

/// The files.
pub(in super::super) fn api(load: &Load<'_>) -> Vec<Artifact> {
    let snippets: Vec<Value> = load
        .snippets
        .iter()
        .map(|snippet| {
            let fields = fields(snippet).into_iter().map(|(key, value)| (key.to_owned(), Value::String(value)));
            Value::Object(fields.collect())
        })
        .collect();
    let acls = load.edge.acls.iter().map(|(name, networks)| (name.clone(), acl_entries(networks)));
    let dictionaries = load.edge.dictionaries.iter().map(|(name, keys)| (name.clone(), dictionary_items(keys)));
    let value = json!({
        "snippets": snippets,
        "deleted_snippets": load.absent,
        "acls": Value::Object(acls.collect::<Map<_, _>>()),
        "dictionaries": Value::Object(dictionaries.collect::<Map<_, _>>()),
    });
    let mut files = vec![Artifact { path: "fastly-api.json".to_owned(), content: pretty(&value) }];
    files.extend(load.snippets.iter().map(|snippet| {
        let parts = fields(snippet).map(|(key, value)| format!("{key}={}", form_part(&value)));
        Artifact { path: format!("{}.form", snippet.kind), content: parts.join("&") }
    }));
    files
}

#[cfg(test)]
mod tests {
    use super::form_part;
    use proptest::prelude::*;

    /// As the URL Standard decodes application/x-www-form-urlencoded.
    fn decode(part: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = part.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
            match (byte, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
                (b'%', Some(decoded)) => {
                    bytes.push(decoded);
                    rest = &tail[2..];
                    continue;
                }
                (b'+', _) => bytes.push(b' '),
                _ => bytes.push(byte),
            }
            rest = tail;
        }
        bytes
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in "[%+&= 2527aF\n]{0,24}|(?s).{0,40}") {
            let part = form_part(&text);
            prop_assert!(!part.contains(['&', '=', '\n', '\r', ' ', '@']));
            prop_assert_eq!(decode(&part), text.into_bytes());
        }
    }

    #[test]
    fn what_plain_data_would_corrupt_survives() {
        // `regsuball(x, "%2500", "")` posted as it is arrives as `regsuball(x, "%00", "")`.
        assert_eq!(decode("regsuball(x,\"%2500\",\"a+b\")"), b"regsuball(x,\"%00\",\"a b\")");
        assert_eq!(form_part("\"%2500\" a+b"), "%22%252500%22+a%2Bb");
    }
}
