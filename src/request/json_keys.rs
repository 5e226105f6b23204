//! A key of a JSON line that the reader does not know, or a value that does not fit its key → a sentence for whoever
//! wrote the line. Called by `json`; what is right never comes here but for its foreign columns.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

/// A key, what it holds, and whether a value is that.
type Key = (&'static str, &'static str, fn(&Value) -> bool);

/// Every key of a line.
const KEYS: &[Key] = &[
    ("id", "anything", |_| true),
    ("method", "text", Value::is_string),
    ("uri", "text", Value::is_string),
    ("url", "text", Value::is_string),
    ("version", "text such as \"HTTP/1.1\"", Value::is_string),
    ("headers", HEADERS, is_headers),
    ("body", "text", Value::is_string),
    ("body_b64", "true or false", Value::is_boolean),
    ("raw_b64", "text in base64", Value::is_string),
    ("client_ip", "an IP address as text", Value::is_string),
    ("country", "text", Value::is_string),
    ("asn", "a number from 0 to 4294967295", |value| value.as_u64().is_some_and(|asn| u32::try_from(asn).is_ok())),
    ("as_name", "text", Value::is_string),
    ("proxy_type", "text", Value::is_string),
    ("scheme", "text", Value::is_string),
    ("tls", "a mapping of ja3, ja4, version and sni", Value::is_object),
    ("time", "a number of seconds", Value::is_number),
    ("response", "a mapping of status and headers", Value::is_object),
];

const TLS: &[Key] = &[
    ("ja3", "text", Value::is_string),
    ("ja4", "text", Value::is_string),
    ("version", "text", Value::is_string),
    ("sni", "text", Value::is_string),
];

const RESPONSE: &[Key] = &[
    ("status", "a number from 100 to 999", |value| value.as_u64().is_some_and(|status| (100..=999).contains(&status))),
    ("headers", HEADERS, is_headers),
];

const HEADERS: &str = "a list of [name, value] pairs, or a mapping of names to a text or a list of texts";

/// Words that say something of the request, and how it is said here.
const MEANT: &[(&str, &str)] = &[
    ("request", "a request is written as `method`, `url` and `headers`, or whole as `raw_b64`"),
    ("curl", "a request is written as `method`, `url` and `headers`; `edgesig explain` reads curl commands"),
    ("raw", "did you mean `raw_b64`?"),
    ("ip", "did you mean `client_ip`?"),
    ("path", "did you mean `url`?"),
    ("host", "did you mean `headers`: {\"Host\": …}?"),
    ("status", "did you mean `response`: {\"status\": …}?"),
];

/// What is left of a line's mapping without the keys that are not known: they are passed over as they come, nothing of
/// them is kept but the first that is a mistake.
pub(super) struct KnownKeys<'m, A> {
    pub map: A,
    pub mistake: &'m mut Option<String>,
}

impl<'d, A: MapAccess<'d>> MapAccess<'d> for KnownKeys<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'d>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = seed;
        loop {
            match self.map.next_key_seed(KnownKey { seed, mistake: self.mistake })? {
                None => return Ok(None),
                Some(Ok(key)) => return Ok(Some(key)),
                Some(Err(unused)) => seed = unused,
            }
            self.map.next_value::<IgnoredAny>()?;
        }
    }

    fn next_value_seed<V: DeserializeSeed<'d>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A key for `seed` if it is known; if not, the seed back.
struct KnownKey<'m, K> {
    seed: K,
    mistake: &'m mut Option<String>,
}

impl<'d, K: DeserializeSeed<'d>> DeserializeSeed<'d> for KnownKey<'_, K> {
    type Value = Result<K::Value, K>;

    fn deserialize<D: Deserializer<'d>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'d, K: DeserializeSeed<'d>> Visitor<'d> for KnownKey<'_, K> {
    type Value = Result<K::Value, K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if KEYS.iter().any(|(known, _, _)| *known == key) {
            return self.seed.deserialize(StrDeserializer::new(key)).map(Ok);
        }
        if self.mistake.is_none() {
            *self.mistake = FOREIGN.with_borrow_mut(|foreign| new_mistake(key, foreign));
        }
        Ok(Err(self.seed))
    }
}

/// Columns of somebody's own that a thread remembers.
const REMEMBERED: usize = 32;

thread_local! {
    /// The lines of a file have the same ones: each is looked into once.
    static FOREIGN: RefCell<Vec<Box<str>>> = const { RefCell::new(Vec::new()) };
}

/// [`mistake`] of a key that is not among the foreign ones, where it is put if there is none.
fn new_mistake(key: &str, foreign: &mut Vec<Box<str>>) -> Option<String> {
    if foreign.iter().any(|other| **other == *key) {
        return None;
    }
    let mistake = mistake(key);
    if mistake.is_none() && key.len() <= LONGEST_SLIP && foreign.len() < REMEMBERED {
        foreign.push(key.into());
    }
    mistake
}

/// Longer than any known key by more than a slip of the hand is a word from here on.
const LONGEST_SLIP: usize = 12;

/// What is wrong with a key that is not known; nothing for the column of somebody's own.
fn mistake(key: &str) -> Option<String> {
    if key.len() > LONGEST_SLIP {
        return None;
    }
    let mut word = Cow::Borrowed(key);
    if key.contains(|letter: char| letter.is_ascii_uppercase() || matches!(letter, '-' | ' ')) {
        word = Cow::Owned(key.to_ascii_lowercase().replace(['-', ' '], "_"));
    }
    let meant = MEANT.iter().find(|(meant, _)| *meant == word).map(|(_, advice)| (*advice).to_owned());
    let advice = meant.or_else(|| near(&word).map(|known| format!("did you mean `{known}`?")))?;
    Some(format!("unknown key `{}`: {advice}", key.escape_debug()))
}

/// The known key that was probably meant. Short words are near to too much.
fn near(word: &str) -> Option<&'static str> {
    let slips = |known: &str| match known.len() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    // A slip brings in at most one letter that was not there: most columns are cleared without counting slips.
    let word_letters = letters(word);
    KEYS.iter()
        .zip(KEY_LETTERS)
        .filter(|((known, _, _), letters)| {
            let strange = (word_letters & !letters).count_ones() as usize;
            strange <= slips(known) && known.len().abs_diff(word.len()) <= slips(known)
        })
        .map(|((known, _, _), _)| *known)
        .map(|known| (strsim::osa_distance(known, word), known))
        .filter(|(distance, known)| *distance <= slips(known))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// One bit for each letter of a word, roughly. Outside of ASCII a letter has none, so that it is never strange.
const fn letters(word: &str) -> u32 {
    let bytes = word.as_bytes();
    let (mut letters, mut index) = (0, 0);
    while index < bytes.len() {
        if bytes[index].is_ascii() {
            letters |= 1 << (bytes[index] % 32);
        }
        index += 1;
    }
    letters
}

/// Of each of [`KEYS`].
const KEY_LETTERS: [u32; KEYS.len()] = {
    let mut all = [0; KEYS.len()];
    let mut index = 0;
    while index < KEYS.len() {
        all[index] = letters(KEYS[index].0);
        index += 1;
    }
    all
};

fn is_headers(value: &Value) -> bool {
    match value {
        Value::Array(lines) => lines
            .iter()
            .all(|line| line.as_array().is_some_and(|pair| pair.len() == 2 && pair.iter().all(Value::is_string))),
        Value::Object(lines) => lines.values().all(|value| match value {
            Value::Array(values) => values.iter().all(Value::is_string),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => value.is_string(),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The id of a line that is not right, where it comes before what is wrong, and the sentence about it.
pub(super) fn why_unreadable(line: &[u8], error: &serde_json::Error) -> (Value, String) {
    let mut id = Value::Null;
    // Fails where the line does; the id has been seen by then or not.
    let _ = FindId(&mut id).deserialize(&mut serde_json::Deserializer::from_slice(line));
    let reason = match (serde_json::from_slice::<Value>(line), error.to_string()) {
        (Err(error), _) if error.classify() == Category::Eof => {
            format!("the JSON ends too early, at column {}", error.column())
        }
        (Err(error), _) => format!("this is no JSON, from column {} on", error.column()),
        (Ok(Value::Object(row)), text) => misfit("", KEYS, &row)
            .or_else(|| nested("tls", TLS, &row))
            .or_else(|| nested("response", RESPONSE, &row))
            .unwrap_or_else(|| match text.strip_prefix("duplicate field `").and_then(|rest| rest.split_once('`')) {
                Some(("uri", _)) => "the request has two of `url` and `uri`".to_owned(),
                Some((key, _)) => format!("the key `{key}` is there twice"),
                None => format!("this cannot be read, from column {} on", error.column()),
            }),
        (Ok(other), _) => format!("expected a JSON object such as {{\"url\": \"/\"}}, found {}", shown(&other)),
    };
    (id, reason)
}

type Row = serde_json::Map<String, Value>;

fn nested(key: &str, keys: &[Key], row: &Row) -> Option<String> {
    let inner = row.get(key)?.as_object()?;
    let unknown = inner.keys().find(|name| keys.iter().all(|(known, _, _)| known != name)).map(|name| {
        let known: Vec<String> = keys.iter().map(|(known, _, _)| format!("`{known}`")).collect();
        format!("unknown key `{}` in `{key}`: known are {}", name.escape_debug(), known.join(", "))
    });
    unknown.or_else(|| misfit(&format!("{key}."), keys, inner))
}

/// The first value that its key cannot have. Nothing (`null`) is as if the key were not there.
fn misfit(place: &str, keys: &[Key], row: &Row) -> Option<String> {
    let value = |key: &str| row.get(key).filter(|value| !value.is_null());
    let (key, wanted, value) = keys
        .iter()
        .find_map(|(key, wanted, fits)| value(key).filter(|value| !fits(value)).map(|value| (key, wanted, value)))?;
    Some(format!("`{place}{key}` is {wanted}, found {}", shown(value)))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {:?}", text.chars().take(60).collect::<String>()),
        Value::Array(_) => format!("the list {}", start(value)),
        Value::Object(_) => format!("the mapping {}", start(value)),
    }
}

/// The start of a value as it is written.
fn start(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Reads a line for its id alone, as far as it can be read.
struct FindId<'i>(&'i mut Value);

impl<'d> DeserializeSeed<'d> for FindId<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'d>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'d> Visitor<'d> for FindId<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" {
                *self.0 = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{KEYS, REMEMBERED, near, new_mistake};
    use proptest::prelude::*;

    #[test]
    fn columns_are_remembered_and_slips_are_not() {
        let mut foreign = Vec::new();
        for _ in 0..2 {
            assert_eq!(new_mistake("source", &mut foreign), None);
            assert_eq!(new_mistake("methd", &mut foreign).unwrap(), "unknown key `methd`: did you mean `method`?");
            assert_eq!(new_mistake("a_word_that_is_long", &mut foreign), None);
        }
        assert_eq!(foreign, ["source".into()]);
        for number in 0..100 {
            assert_eq!(new_mistake(&format!("{number}"), &mut foreign), None);
        }
        assert_eq!(foreign.len(), REMEMBERED);
    }

    proptest! {
        #[test]
        fn no_slip_is_overlooked(
            key in 0..KEYS.len(),
            slips in proptest::collection::vec((0..4_usize, any::<prop::sample::Index>(), "[a-z_0-9é]"), 0..4),
        ) {
            let mut word: Vec<char> = KEYS[key].0.chars().collect();
            for (kind, place, letter) in &slips {
                let (place, letter) = (place.index(word.len().max(1)), letter.chars().next().unwrap());
                match kind {
                    0 => word.insert(place.min(word.len()), letter),
                    1 if place < word.len() => word[place] = letter,
                    2 if place < word.len() => drop(word.remove(place)),
                    _ if place + 1 < word.len() => word.swap(place, place + 1),
                    _ => {}
                }
            }
            let word: String = word.into_iter().collect();
            let least = KEYS
                .iter()
                .map(|(known, _, _)| (strsim::osa_distance(known, &word), known))
                .filter(|(distance, known)| {
                    let length = known.len();
                    let allowed = if length < 4 { 0 } else if length < 8 { 1 } else { 2 };
                    length.abs_diff(word.len()) <= allowed && *distance <= allowed
                })
                .min_by_key(|(distance, _)| *distance);
            prop_assert_eq!(near(&word), least.map(|(_, known)| *known), "{}", word);
        }
    }
}
