//! Edits in decoded text → edits in the file. The passes write a fix as the condition should read; where it stands in
//! a quoted YAML scalar, YAML's own quotes and backslashes have to be escaped. Called where a pass hands over what it found.

use granit_parser::{Event, Parser, ScalarStyle};
use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, SourceMap};

/// Makes the edits of these diagnostics fit the scalars in which they stand. Costs nothing without such edits.
pub fn fit_fixes(sources: &SourceMap, diagnostics: &mut [Diagnostic]) {
    let mut quoted: BTreeMap<SourceId, Vec<(Range<usize>, ScalarStyle)>> = BTreeMap::new();
    for (span, text) in diagnostics.iter_mut().flat_map(|found| &mut found.fixes).flat_map(|fix| &mut fix.edits) {
        if !text.contains(['"', '\'', '\\']) {
            continue;
        }
        let scalars = quoted.entry(span.source).or_insert_with(|| quoted_scalars(sources.text(span.source)));
        let before = scalars.partition_point(|(range, _)| range.start < span.start as usize);
        let Some((range, style)) = before.checked_sub(1).and_then(|index| scalars.get(index)) else { continue };
        // An edit of a whole scalar brings its own quotes.
        if span.end as usize >= range.end {
            continue;
        }
        *text = match style {
            ScalarStyle::DoubleQuoted => text.replace('\\', "\\\\").replace('"', "\\\""),
            ScalarStyle::SingleQuoted => text.replace('\'', "''"),
            ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => continue,
        };
    }
}

/// The quoted scalars of a file, quotes included, in order; up to an error in it.
// granit's events are a foreign enum that may grow.
#[allow(clippy::wildcard_enum_match_arm)]
fn quoted_scalars(text: &str) -> Vec<(Range<usize>, ScalarStyle)> {
    let events = Parser::new_from_str_with_options(text, super::yaml::options());
    let scalars = events.map_while(Result::ok).filter_map(|(event, place)| match event {
        Event::Scalar(_, style @ (ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted), ..) => {
            Some((place.byte_range()?, style))
        }
        _ => None,
    });
    scalars.collect()
}
