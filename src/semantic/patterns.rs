//! Regular expressions of conditions and lists: compiles them, and looks for inputs that exceed Varnish's limits, once
//! for each pattern and subject length of the whole set.

use super::scope::{Checker, Context};
use super::term::{Constant, Literals, Pattern, Term};
use crate::catalog::Field;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Limits, List, ListIndex, ListValues, Value};
use crate::regex::{MatchError, PatternError, PatternErrorKind, Regex, Runaway, find_runaway};
use crate::source::Span;
use crate::syntax::ast::{Positions, RegexLiteral};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest header that Varnish and Fastly let through by default, and the bound for every field without its own.
const HEADER_LIMIT: usize = 8192;
/// Patterns between two looks at how many were found.
const SEARCHED_TOGETHER: usize = 128;
/// Runaway patterns after which the search ends.
const MOST_RUNAWAYS: usize = 100;

/// A pattern that runs on subjects of up to `limit` bytes.
#[derive(Clone, Debug)]
pub(super) struct PatternUse<'a> {
    pub place: PatternPlace<'a>,
    pub limit: usize,
}

#[derive(Clone, Debug)]
pub(super) enum PatternPlace<'a> {
    Literal(Pattern<'a>),
    /// Every pattern of a project list.
    List(ListIndex),
}

impl<'a> Checker<'a> {
    /// `r"…"`
    pub fn pattern(&mut self, literal: &'a RegexLiteral, span: Span) -> Term<'a> {
        if literal.pattern.is_empty() {
            self.report(empty_pattern(span));
            return Term::Error;
        }
        match Regex::new(&literal.pattern, literal.ignore_case) {
            Ok(regex) => Term::Constant(Constant::scalar(Literals::Patterns(vec![Pattern { regex, span, literal }]))),
            Err(error) => {
                let place = literal.positions.span(error.start, error.end);
                self.report(pattern_error(&error, place));
                Term::Error
            }
        }
    }
}

/// `r""`
fn empty_pattern(span: Span) -> Diagnostic {
    Diagnostic::new(Code::EmptyOperand, span, "an empty regular expression matches everything", "matches any text")
        .help("`exists x` asks whether there is a value at all")
}

/// What is wrong with a pattern, reported at `place`.
pub(super) fn pattern_error(error: &PatternError, place: Span) -> Diagnostic {
    let (code, label) = match error.kind {
        PatternErrorKind::Invalid => (Code::InvalidRegex, "PCRE2 stops here"),
        PatternErrorKind::Unsupported => (Code::UnsupportedRegex, "not supported"),
    };
    let mut diagnostic = Diagnostic::new(code, place, error.message.clone(), label);
    diagnostic.help.extend(error.help.clone());
    diagnostic
}

/// The longest subject that a comparison of `value` can see. Functions never make a text longer.
pub(super) fn subject_limit(value: &Value, limits: &Limits) -> usize {
    let field = value.field().field;
    if field == Field::Body {
        limits.body as usize
    } else if field.reads_url() {
        limits.url as usize
    } else {
        HEADER_LIMIT
    }
}

/// The errors of every pattern in `uses` that an attacker can make fail; with each the index (into `uses`) of the use
/// it belongs to. Each pattern is searched once per subject length.
pub(super) fn runaways(context: &Context, regex_spans: &ListSpans, uses: &[PatternUse]) -> Vec<(usize, Diagnostic)> {
    let mut searches: Vec<((&str, usize), &Arc<Regex>)> = Vec::with_capacity(uses.len());
    for used in uses {
        let patterns = patterns_of(&used.place, context.lists);
        searches.extend(patterns.iter().map(|regex| ((regex.engine_text.as_str(), used.limit), regex)));
    }
    searches.par_sort_by_key(|(key, _)| *key);
    searches.dedup_by_key(|(key, _)| *key);
    let mut found: BTreeMap<(&str, usize), Runaway> = BTreeMap::new();
    for searches in searches.chunks(SEARCHED_TOGETHER) {
        found.par_extend(searches.into_par_iter().filter_map(|(key, regex)| Some((*key, find_runaway(regex, key.1)?))));
        // As many as this are a signature that was made to cost time: the others wait for the next run.
        if found.len() >= MOST_RUNAWAYS {
            break;
        }
    }
    let mut errors = Vec::new();
    if found.is_empty() {
        return errors;
    }
    for (index, used) in uses.iter().enumerate() {
        for regex in patterns_of(&used.place, context.lists) {
            if let Some(runaway) = found.get(&(regex.engine_text.as_str(), used.limit)) {
                errors.push((index, runaway_error(runaway, &used.place, regex, used.limit, regex_spans)));
            }
        }
    }
    errors
}

/// Where each pattern of a regex list is written.
pub(super) type ListSpans = BTreeMap<(ListIndex, String), Span>;

fn patterns_of<'p>(place: &'p PatternPlace, lists: &'p [List]) -> &'p [Arc<Regex>] {
    match place {
        PatternPlace::Literal(pattern) => std::slice::from_ref(&pattern.regex),
        PatternPlace::List(index) => match &lists[index.0].values {
            ListValues::Regex(patterns) => patterns,
            ListValues::Ip(_) | ListValues::Strings(_) | ListValues::Int(_) => &[],
        },
    }
}

fn runaway_error(
    runaway: &Runaway,
    place: &PatternPlace,
    regex: &Regex,
    limit: usize,
    regex_spans: &ListSpans,
) -> Diagnostic {
    let exceeded = match runaway.error {
        MatchError::MatchLimit => "match limit",
        MatchError::DepthLimit => "depth limit",
        MatchError::JitStack => "JIT stack",
        MatchError::Other(_) => "limits",
    };
    let message = format!("an attacker can make this pattern exceed Varnish's {exceeded}");
    let (whole, positions) = match place {
        PatternPlace::Literal(pattern) => (pattern.span, Some(&pattern.literal.positions)),
        PatternPlace::List(index) => {
            let key = (*index, regex.pattern.clone());
            (regex_spans.get(&key).copied().unwrap_or(crate::semantic::file_start(crate::source::SourceId(0))), None)
        }
    };
    let span = match (runaway.culprit, positions) {
        (Some((start, end)), Some(positions)) => positions.span(start, end),
        (_, None) | (None, _) => whole,
    };
    let mut diagnostic = Diagnostic::new(Code::RunawayRegex, span, message, "takes too many steps on the input below")
        .note(format!(
            "input of {} bytes (the subject can be {limit} bytes long): {}",
            runaway.input.len(),
            runaway.shown
        ));
    if let Some(suggestion) = &runaway.suggestion {
        let way = format!("possessive, it does not fail: `{suggestion}`");
        // Only where the pattern stands verbatim in the file does its replacement need no quoting of YAML's. A
        // possessive pattern can match less, so a person decides.
        diagnostic = match positions {
            Some(positions @ Positions::Linear { .. }) => {
                diagnostic.proposal(way, positions.span(0, regex.pattern.len()), suggestion.clone())
            }
            Some(Positions::Table { .. }) | None => diagnostic.help(way),
        };
    } else {
        diagnostic = diagnostic.help(
            "make the repetition possessive (`(?:…)*+`), bound it, or give it a class that the next part cannot match",
        );
    }
    diagnostic
}
