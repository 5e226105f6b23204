//! A pattern that runs away to one that says the same and does not: a possessive quantifier, or "the first one" for `.*`
//! between fixed texts. Called by `find_runaway`. A cure is offered only when it compiles, the search finds nothing against
//! it, and both patterns agree on texts made from the tree.

use super::super::bytes::ByteSet;
use super::super::ffi::Compiled;
use super::super::tree::{Mode, Node, Repeat};
use super::super::{Regex, rewrite};
use super::{Found, inputs, is_clean};

/// How many edits are tried.
const MOST_EDITS: usize = 8;
const SAMPLES: usize = 24;
/// The match limit under which the pattern's own answers are asked for.
const PATIENCE: u32 = 1_000_000;

/// Text to insert, by place in the pattern as written, ascending.
type Edit = Vec<(usize, &'static str)>;

pub(super) fn cure(regex: &Regex, tree: &Node, found: &Found, subject_limit: usize) -> Option<String> {
    let translation = rewrite::translate(&regex.pattern, regex.ignore_case).ok()?;
    let place = |engine: usize| translation.source_offset(engine);
    let mut greedy = Vec::new();
    repeats(tree, &mut |repeat| {
        if repeat.mode == Mode::Greedy && repeat.max != Some(1) {
            greedy.push((repeat.start, repeat.end));
        }
    });
    // The repetition at fault and those around it first, the inner before the outer; then the others.
    greedy.sort_by_key(|&(start, end)| {
        let around = found.culprit.is_some_and(|culprit| start <= culprit.0 && culprit.1 <= end);
        (!around, end - start)
    });
    let single = greedy.iter().map(|&(_, end)| vec![(place(end), "+")]);
    let mut edits: Vec<Edit> = single.take(MOST_EDITS).collect();
    edits.extend(first_ones(tree, regex, &place));
    let mut all: Edit = greedy.iter().map(|&(_, end)| (place(end), "+")).collect();
    all.sort_unstable();
    edits.push(all);
    let before = Compiled::new(regex.engine_text.as_bytes()).ok()?;
    let samples: Vec<(Vec<u8>, bool)> = inputs::samples(tree, SAMPLES)
        .into_iter()
        .map(|text| before.is_match_within(&text, PATIENCE).map(|matches| (text, matches)))
        .collect::<Result<_, _>>()
        .ok()?;
    edits.into_iter().find_map(|edit| {
        let pattern = apply(&regex.pattern, &edit)?;
        let cured = Regex::new(&pattern, regex.ignore_case).ok()?;
        let agree = samples.iter().all(|(text, matches)| cured.is_match(text) == Ok(*matches));
        (agree && cured.is_match(&inputs::join(&found.parts)).is_ok() && is_clean(&cured, subject_limit))
            .then_some(pattern)
    })
}

fn apply(pattern: &str, edit: &Edit) -> Option<String> {
    let mut text = pattern.to_owned();
    for (at, insert) in edit.iter().rev() {
        if !text.is_char_boundary(*at) {
            return None;
        }
        text.insert_str(*at, insert);
    }
    Some(text)
}

fn repeats(node: &Node, visit: &mut impl FnMut(&Repeat)) {
    match node {
        Node::Empty | Node::Anchor | Node::Bytes(_) | Node::Reference(_) => {}
        Node::Concat(items) | Node::Alternate(items) | Node::Conditional(items) => {
            for item in items {
                repeats(item, visit);
            }
        }
        Node::Group(_, body) | Node::Atomic(body) | Node::Look(_, _, body) => repeats(body, visit),
        Node::Repeat(repeat) => {
            visit(repeat);
            repeats(&repeat.body, visit);
        }
    }
}

/// `a.*b.*c` as `a(?>.*?b).*c`: where another `.*` follows, the first `b` is as good as any other.
fn first_ones(tree: &Node, regex: &Regex, place: &impl Fn(usize) -> usize) -> Option<Edit> {
    let Node::Concat(items) = tree else { return None };
    let any: Vec<(usize, &Repeat)> = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| match item {
            Node::Repeat(repeat) if is_any(repeat) => Some((index, &**repeat)),
            Node::Repeat(_)
            | Node::Empty
            | Node::Bytes(_)
            | Node::Anchor
            | Node::Concat(_)
            | Node::Alternate(_)
            | Node::Group(..)
            | Node::Atomic(_)
            | Node::Look(..)
            | Node::Reference(_)
            | Node::Conditional(_) => None,
        })
        .collect();
    let mut edit = Edit::new();
    for pair in any.windows(2) {
        let [(index, repeat), (next_index, next)] = pair else { continue };
        if items[index + 1..*next_index].iter().all(|item| matches!(item, Node::Bytes(_))) {
            edit.push((place(repeat.start), "(?>"));
            if repeat.mode == Mode::Greedy {
                edit.push((place(repeat.end), "?"));
            }
            edit.push((place(next.start), ")"));
        }
    }
    let sound = edit.iter().all(|(at, _)| regex.pattern.is_char_boundary(*at));
    (sound && !edit.is_empty()).then_some(edit)
}

fn is_any(repeat: &Repeat) -> bool {
    repeat.body == Node::Bytes(ByteSet::ALL) && repeat.max.is_none() && repeat.mode != Mode::Possessive
}
