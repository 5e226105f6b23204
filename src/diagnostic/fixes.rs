//! Fixes → new texts. Which of several fixes that touch each other is taken does not depend on the order in which they
//! were found. `check --fix` calls it.

use super::{Diagnostic, Fix};
use crate::source::{SourceId, SourceMap, Span};
use std::collections::BTreeMap;

/// The texts of the files that the safe fixes of these diagnostics change, of each diagnostic the first one. Of fixes that
/// touch the same place the first one in the file is taken, whole or not at all; the others can be found again afterwards.
/// A fix that would take a comment away is left to a person.
pub fn apply<'d>(
    sources: &SourceMap,
    diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
) -> BTreeMap<SourceId, String> {
    let mut fixes: Vec<(&'static str, &Fix)> = diagnostics
        .into_iter()
        .filter_map(|found| Some((found.code.id(), found.fixes.iter().find(|fix| fix.safe)?)))
        .filter(|(_, fix)| !fix.edits.is_empty() && fix.edits.iter().all(|edit| keeps_comments(sources, edit)))
        .collect();
    fixes.sort_by(|(a, first), (b, second)| {
        let place = |fix: &Fix| fix.edits.iter().map(|(span, _)| *span).min();
        (place(first), a, &first.title, &first.edits).cmp(&(place(second), b, &second.title, &second.edits))
    });
    let mut taken: BTreeMap<SourceId, BTreeMap<u32, (Span, &str)>> = BTreeMap::new();
    for (_, fix) in fixes {
        let is_free = |(span, _): &(Span, String)| {
            let edits = taken.get(&span.source);
            edits.is_none_or(|edits| {
                let before = edits.range(..=span.end).next_back();
                before.is_none_or(|(_, (other, _))| other.end < span.start)
            })
        };
        if fix.edits.iter().all(is_free) {
            for (span, text) in &fix.edits {
                taken.entry(span.source).or_default().insert(span.start, (*span, text));
            }
        }
    }
    taken
        .into_iter()
        .map(|(source, edits)| {
            let old = sources.text(source);
            let mut text = String::with_capacity(old.len());
            let mut at = 0;
            for (span, new) in edits.into_values() {
                text.push_str(&old[at..span.start as usize]);
                text.push_str(new);
                at = span.end as usize;
            }
            text.push_str(&old[at..]);
            (source, text)
        })
        .collect()
}

fn keeps_comments(sources: &SourceMap, (span, new): &(Span, String)) -> bool {
    let old = sources.slice(*span);
    !old.contains('\n') || old.matches('#').count() <= new.matches('#').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn found(source: SourceId, edits: &[(usize, usize, &str)], safe: bool) -> Diagnostic {
        let edits: Vec<_> =
            edits.iter().map(|(start, end, text)| (Span::new(source, *start, *end), (*text).to_owned())).collect();
        let mut diagnostic = Diagnostic::new(Code::UnusedLet, edits[0].0, "m", "");
        diagnostic.fixes.push(Fix { title: "t".to_owned(), edits, safe });
        diagnostic
    }

    #[test]
    fn the_first_of_those_that_touch_is_taken_whatever_their_order() {
        let mut sources = SourceMap::default();
        let source = sources.add("a", "0123456789");
        let mut all = vec![
            found(source, &[(1, 3, "a")], true),
            found(source, &[(3, 4, "touches")], true),
            found(source, &[(5, 6, "b"), (2, 3, "half of it is taken")], true),
            found(source, &[(8, 9, "")], true),
            found(source, &[(6, 7, "a person decides")], false),
        ];
        let text = apply(&sources, &all)[&source].clone();
        assert_eq!(text, "0a345679");
        all.reverse();
        assert_eq!(apply(&sources, &all)[&source], text);
    }

    #[test]
    fn comments_are_kept() {
        let mut sources = SourceMap::default();
        let source = sources.add("a", "not ( # why\n x)");
        assert!(apply(&sources, &[found(source, &[(0, 15, "x")], true)]).is_empty());
    }
}
