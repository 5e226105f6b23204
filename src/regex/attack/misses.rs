//! Generated patterns to what the search misses: inputs that know a pattern's words, but nothing of the search, are run
//! against each in which it finds nothing.
//!
//! The same patterns each time; `SOUND=COUNT SEED=NUMBER cargo test --release --lib regex::attack` tries others, and lists
//! every miss.

use super::find_runaway;
use crate::regex::Regex;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rayon::prelude::*;

const LIMIT: usize = 8192;
const LENGTHS: [usize; 2] = [600, LIMIT];
/// How many random inputs each pattern has to stand.
const RANDOM_INPUTS: usize = 300;
const WORDS: &[&str] = &[
    "union",
    "select",
    "from",
    "foo",
    "bar",
    "zap",
    "sleep",
    "md5",
    "iframe",
    "src",
    "http",
    "a",
    "z",
    "=",
    "<p",
    "xx",
    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
];
const BETWEEN: &[&str] = &[
    ".*",
    ".*",
    ".*",
    ".+",
    ".*?",
    ".+?",
    "[^;]*",
    "[^>]+",
    "[\\s\\S]*",
    "\\s*",
    "\\w*",
    "[a-z]*",
    ".{0,200}",
    "[^&]{1,200}",
    ".{0,60}",
    "(?:.|x)*+",
    ".{0,2000}",
    "(?:\\w+\\s)*",
    "(?:,?\\w+\\s*?)*",
    "(?:\\s??-?\\d+)+?",
];
/// What inputs have besides the words.
const FILLERS: &[&str] = &["c", " ", "a ", ";", ",a", "-0", " 0", "\n"];

/// Words of each place, and the whole pattern.
type Generated = (Vec<Vec<&'static str>>, String);

fn patterns() -> impl Strategy<Value = Generated> {
    let place = prop::collection::vec(prop::sample::select(WORDS), 1..3);
    let places = prop::collection::vec((place, prop::sample::select(BETWEEN), 0..4_u8), 2..6);
    let ends = (
        prop::sample::select(&["", "", "(?i)", "^", "\\b", "(?=.)", ".*"][..]),
        prop::sample::select(&["", "", "$", "\\d", "[0-9]?", "\\b", "\\d+", ".*"][..]),
        prop::sample::select(&["", "", "", "+", "*", "?"][..]),
    );
    (places, ends).prop_map(|(places, (first, last, again))| {
        let mut pattern = String::new();
        for (index, (words, between, form)) in places.iter().enumerate() {
            if index > 0 {
                pattern.push_str(between);
            }
            pattern.push_str(&match (form, &words[..]) {
                (0, [one, two]) => format!("(?:{one}|{two})"),
                (1, [one, two]) => format!("({one}|{two}\\s)"),
                (2, [one, ..]) => format!("(?>{one})"),
                (_, words) => words[0].to_owned(),
            });
        }
        let body = if again.is_empty() { pattern } else { format!("(?:{pattern}){again}") };
        (places.into_iter().map(|(words, _, _)| words).collect(), format!("{first}{body}{last}"))
    })
}

/// As many values as asked for, the same for each seed.
fn generate<T>(strategy: &impl Strategy<Value = T>, seed: u64, count: usize) -> Vec<T> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn shown(before: &str, pump: &str, times: usize, end: &str) -> String {
    format!("{before:?} + {pump:?} × {times} + {end:?}")
}

fn fails(regex: &Regex, before: &str, pump: &str, end: &str) -> Option<String> {
    LENGTHS.iter().find_map(|length| {
        let times = length.saturating_sub(before.len() + end.len()) / pump.len();
        let input = format!("{before}{}{end}", pump.repeat(times));
        regex.is_match(input.as_bytes()).is_err().then(|| shown(before, pump, times, end))
    })
}

/// Each word many times, behind the words before it and before what is left of another one.
fn fails_on_words(regex: &Regex, places: &[Vec<&str>]) -> Option<String> {
    let first = |places: &[Vec<&str>]| places.iter().map(|words| words[0]).collect::<String>();
    let mut repeated: Vec<String> = places.iter().flatten().map(|word| (*word).to_owned()).collect();
    repeated.extend((1..places.len()).map(|end| first(&places[1..end])));
    repeated.extend(FILLERS.iter().map(|&filler| filler.to_owned()));
    repeated.retain(|pump| !pump.is_empty());
    let mut ends = vec![String::new()];
    for word in places.iter().flatten() {
        ends.extend([word[..1].to_owned(), word[1..].to_owned(), word[..word.len() - 1].to_owned()]);
        ends.push(word[word.len() - 1..].to_owned());
    }
    ends.sort_unstable();
    ends.dedup();
    (0..places.len()).find_map(|count| {
        let before = first(&places[..count]);
        repeated.iter().find_map(|pump| ends.iter().find_map(|end| fails(regex, &before, pump, end)))
    })
}

/// A part of a text made of words and fillers.
fn pieces(words: &[&'static str], most: usize) -> impl Strategy<Value = String> + use<> {
    let words: Vec<&str> = words.iter().chain(words).chain(words).copied().chain(FILLERS.iter().copied()).collect();
    let piece = (prop::sample::select(words), 0..8_u8).prop_map(|(word, part)| match part {
        0 => word[..1].to_owned(),
        1 => word[word.len() - 1..].to_owned(),
        2 => word[..word.len() - 1].to_owned(),
        3 => word[1..].to_owned(),
        _ => word.to_owned(),
    });
    prop::collection::vec(piece, 0..=most).prop_map(|pieces| pieces.concat())
}

/// The words before a place, then some of what a text may hold many times.
fn fails_at_random(regex: &Regex, places: &[Vec<&'static str>], seed: u64) -> Option<String> {
    let words: Vec<&str> = places.iter().flatten().copied().collect();
    let inputs = (
        0..places.len(),
        prop::collection::vec(0..2_usize, 8),
        pieces(&words, 2),
        pieces(&words, 3),
        pieces(&words, 2),
    );
    generate(&inputs, seed, RANDOM_INPUTS).into_iter().find_map(|(count, choices, more, pump, end)| {
        let chosen = places[..count].iter().zip(&choices).map(|(words, choice)| words[choice % words.len()]);
        let before = chosen.collect::<String>() + &more;
        if pump.is_empty() { None } else { fails(regex, &before, &pump, &end) }
    })
}

#[test]
fn nothing_fails_where_nothing_is_found() {
    let number = |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |number| number.parse().unwrap());
    let (count, seed) = (number("SOUND", 40), number("SEED", 7));
    let misses: Vec<String> = generate(&patterns(), seed, usize::try_from(count).unwrap())
        .into_par_iter()
        .enumerate()
        .filter_map(|(index, (places, pattern))| {
            let regex = Regex::new(&pattern, false).ok()?;
            if find_runaway(&regex, LIMIT).is_some() {
                return None;
            }
            let failing = fails_on_words(&regex, &places)
                .or_else(|| fails_at_random(&regex, &places, seed ^ u64::try_from(index).unwrap()))?;
            Some(format!("{pattern}: {failing}"))
        })
        .collect();
    assert!(misses.is_empty(), "{} misses\n{}", misses.len(), misses.join("\n"));
}

/// Each place of a run of blanks is tried, and none is beside a word.
#[test]
fn runs_without_a_boundary_count() {
    let regex = Regex::new(r".*(?:union.*union)*\b", false).unwrap();
    assert!(find_runaway(&regex, LIMIT).is_some());
}
