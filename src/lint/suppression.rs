//! `# edgesig: allow(LINT) until 2027-01-31 REASON`: a comment that excuses the findings of a lint in its file, for a
//! time. Called with everything that the lints found.

use super::levels::UnknownLint;
use super::{Check, Input, Lint, find};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Kind};
use crate::ir::Date;
use crate::source::{SourceId, Span, Spanned};
use crate::syntax::ast::Duration;
use std::collections::HashMap;

/// How it is written, for messages.
const FORM: &str = "write `# edgesig: allow(LINT) until 2027-01-31 REASON`";

/// One lint that a comment excuses.
struct Suppression {
    lint: &'static Lint,
    until: Date,
    /// Of the date in the comment.
    until_span: Span,
    /// Of the lint's id in the comment.
    span: Span,
    used: bool,
}

/// Leaves out what is excused; reports what is wrong with the excuses.
pub fn apply(input: &Input<'_>, found: Vec<Diagnostic>) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let policy = input.project.and_then(|project| project.policy.as_ref());
    let longest = policy.and_then(|policy| policy.longest_suppression.as_ref());
    let mut by_source: HashMap<SourceId, Vec<Suppression>> = HashMap::new();
    let of_signatures = input.signatures.iter().map(|signature| (signature.source, &signature.comments));
    for (source, comments) in of_signatures.chain(input.project.map(|project| (project.source, &project.comments))) {
        for comment in comments {
            let text = input.sources.slice(*comment);
            if let Some(at) = directive(text) {
                let read = read(text, at, *comment, &mut diagnostics);
                diagnostics.list.extend(longest.and_then(|longest| too_long(read.first()?, longest, input.today)));
                by_source.entry(comment.source).or_default().extend(read);
            }
        }
        misplaced(input, source, comments, &mut diagnostics);
    }
    for mut diagnostic in found {
        let of_file = by_source.get_mut(&diagnostic.primary.span.source);
        let excuse = of_file
            .and_then(|list| list.iter_mut().find(|suppression| diagnostic.code == Kind::Lint(suppression.lint.id)));
        match excuse {
            Some(suppression) if suppression.until >= input.today => suppression.used = true,
            Some(suppression) => {
                suppression.used = true;
                let until = suppression.until;
                diagnostic = diagnostic.secondary(suppression.span, format!("was allowed until {until}"));
                diagnostics.push(diagnostic);
            }
            None => diagnostics.push(diagnostic),
        }
    }
    for suppression in by_source.into_values().flatten() {
        let Suppression { lint, until, until_span: _, span, used } = suppression;
        if until < input.today {
            diagnostics.push(
                Diagnostic::new(
                    Code::ExpiredSuppression,
                    span,
                    format!("`{}` was allowed until {until}", lint.id),
                    "is over",
                )
                .help("mend the signature, or give the suppression a new date and a reason that still holds"),
            );
            continue;
        }
        // A lint of the set looks at nothing less, and any signature may show what is wrong with a list.
        let of_project = input.project.is_some_and(|project| project.source == span.source);
        let needs_all = matches!(lint.check, Check::Set(_)) || of_project;
        let looked = !needs_all || (input.whole && (input.only.is_none() || !of_project));
        let could_fire = input.levels.severity(lint).is_some() && looked;
        if !used && could_fire {
            diagnostics.push(
                Diagnostic::new(
                    Code::UnusedSuppression,
                    span,
                    format!("`{}` finds nothing here", lint.id),
                    "excuses nothing",
                )
                .help("remove the comment, so that it can't hide a mistake of tomorrow"),
            );
        }
    }
    diagnostics.sort();
    diagnostics
}

/// Reports suppressions that stand in a block scalar: to YAML they are text of the condition, no comments.
fn misplaced(input: &Input<'_>, source: SourceId, comments: &[Span], diagnostics: &mut Diagnostics) {
    let text = input.sources.text(source);
    for at in memchr::memmem::find_iter(text.as_bytes(), b"edgesig: allow(") {
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = &text[line..at];
        let next = comments.partition_point(|comment| comment.start as usize <= at);
        let is_comment = next.checked_sub(1).is_some_and(|last| comments[last].range().contains(&at));
        if before.contains('#') && before.trim_start_matches([' ', '\t', '#']).is_empty() && !is_comment {
            let end = text[at..].find(['\n', '\r']).map_or(text.len(), |length| at + length);
            diagnostics.push(
                Diagnostic::new(
                    Code::InvalidSuppression,
                    Span::new(source, at, end),
                    "this comment is a part of the text that it stands in, and excuses nothing",
                    "to YAML this is no comment",
                )
                .help("move it out of the text: onto a line of its own above the key"),
            );
        }
    }
}

/// A comment that excuses for longer than the project's policy allows. It excuses all the same: the error is its own.
fn too_long(suppression: &Suppression, longest: &Spanned<Duration>, today: Date) -> Option<Diagnostic> {
    let days = longest.value.0 / Duration::DAY.0;
    let latest = today.checked_add(jiff::Span::new().days(i64::try_from(days).ok()?.min(4_000_000))).ok()?;
    (suppression.until > latest).then(|| {
        let message = format!("a lint is excused for too long, it may be {days} days");
        Diagnostic::new(Code::PolicyViolation, suppression.until_span, message, format!("later than {latest}"))
            .secondary(longest.span, "counted from today")
            .help(format!("set the end to {latest} at the latest, and look at it again then"))
    })
}

/// Where the text after `edgesig:` starts in a comment that speaks to us.
fn directive(comment: &str) -> Option<usize> {
    let text = comment.trim_start_matches(['#', ' ', '\t']);
    let start = comment.len() - text.len();
    text.strip_prefix("edgesig:").map(|_| start + "edgesig:".len())
}

/// Reads a comment from the byte after `edgesig:`.
fn read(comment: &str, at: usize, place: Span, diagnostics: &mut Diagnostics) -> Vec<Suppression> {
    let span = |start: usize, end: usize| Span {
        start: place.start + start as u32,
        end: place.start + end as u32,
        source: place.source,
    };
    let whole = span(at, comment.trim_end().len());
    let mut wrong = |span: Span, message: String, label: &str| {
        diagnostics.push(Diagnostic::new(Code::InvalidSuppression, span, message, label).help(FORM));
    };
    let rest = comment[at..].trim_start();
    let Some(inside) = rest.strip_prefix("allow(") else {
        wrong(whole, "this comment speaks to edgesig but allows nothing".to_owned(), "not understood");
        return Vec::new();
    };
    let Some((ids, after)) = inside.split_once(')') else {
        wrong(whole, "`allow(` is not closed".to_owned(), "no `)`");
        return Vec::new();
    };
    let words = after.trim().split_once(char::is_whitespace).unwrap_or((after.trim(), ""));
    let (date, reason) = match words {
        ("until", rest) => rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), "")),
        _ => ("", ""),
    };
    let Ok(until) = date.parse::<Date>() else {
        wrong(whole, "a suppression says until which day it holds".to_owned(), "no `until` with a date");
        return Vec::new();
    };
    if reason.trim().chars().filter(|c| c.is_alphanumeric()).count() < 3 {
        wrong(whole, "a suppression says why".to_owned(), "no reason after the date");
        return Vec::new();
    }
    let date_start = comment.len() - after.trim_start().len() + after.trim_start().find(date).unwrap_or(0);
    let until_span = span(date_start, date_start + date.len());
    let mut read = Vec::new();
    let mut start = at + (comment[at..].len() - inside.len());
    for part in ids.split(',') {
        let id = part.trim();
        let id_start = start + (part.len() - part.trim_start().len());
        let id_span = span(id_start, id_start + id.len());
        start += part.len() + 1;
        match find(id) {
            Some(lint) => read.push(Suppression { lint, until, until_span, span: id_span, used: false }),
            None if Code::from_id(id).is_some() => {
                let message = format!("`{id}` cannot be excused, only lints can");
                let diagnostic = Diagnostic::new(Code::InvalidSuppression, id_span, message, "not a lint");
                diagnostics.push(diagnostic.help("mend what it says, and remove it from the comment"));
            }
            None => {
                let unknown = UnknownLint::new(id);
                let diagnostic = Diagnostic::new(Code::InvalidSuppression, id_span, unknown.message, "not a lint");
                diagnostics.push(match unknown.near {
                    Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), id_span, near),
                    None => diagnostic.help("docs/lints.md has them all"),
                });
            }
        }
    }
    read
}
