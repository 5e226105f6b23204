//! Diagnostics → text for people, through codespan-reporting, and with a [`report`] of a check → the formats for
//! programs. Every command prints with it; golden tests use [`plain`], which has no colours and a fixed width.
//!
//! Signatures come in pull requests, so nothing of a source reaches the terminal raw (see [`safe`]), and no line of
//! output grows with a line of input (see [`window`]).

pub mod github;
pub mod json;
pub mod junit;
pub mod report;
pub mod safe;
pub mod sarif;
mod window;

pub use crate::diagnostic::counted;
use crate::diagnostic::{Diagnostic, Diagnostics, Fix, Severity};
use crate::source::{SourceId, SourceMap};
use codespan_reporting::diagnostic::{self as shown_as, LabelStyle};
use codespan_reporting::term;
use codespan_reporting::term::termcolor::Ansi;
use std::collections::{BTreeMap, BTreeSet};
use window::Pieces;

/// The text of a finding has at most this many characters, its labels too.
const MESSAGE_LIMIT: usize = 600;
/// Help may hold a whole pattern to copy.
const HELP_LIMIT: usize = 8000;
/// Of one kind in one file; more are counted only.
const SAME_LIMIT: usize = 20;

/// Every diagnostic and the summary line, without colours.
pub fn plain(sources: &SourceMap, diagnostics: &Diagnostics) -> String {
    plain_of(&mut Pieces::new(sources), diagnostics)
}

/// The same for one of many texts about the same sources: `pieces` keeps what was made of them.
fn plain_of(pieces: &mut Pieces<'_>, diagnostics: &Diagnostics) -> String {
    let mut text = String::new();
    let (shown, hidden) = shown(pieces.sources(), diagnostics);
    for diagnostic in shown {
        let report = report(pieces, diagnostic);
        // A string cannot refuse to be written to, and `Pieces` knows each of its own pieces.
        text.push_str(&term::emit_into_string(&config(), &*pieces, &report).unwrap_or_default());
    }
    text.push_str(&hidden);
    if let Some(summary) = summary(diagnostics) {
        text.push_str(&summary);
        text.push('\n');
    }
    text
}

/// The same with the colours of a terminal.
pub fn coloured(sources: &SourceMap, diagnostics: &Diagnostics) -> String {
    let mut pieces = Pieces::new(sources);
    let styles = term::Styles::default();
    let mut buffer = Ansi::new(Vec::new());
    let (shown, hidden) = shown(sources, diagnostics);
    for diagnostic in shown {
        let report = report(&mut pieces, diagnostic);
        let mut writer = term::StylesWriter::new(&mut buffer, &styles);
        if term::emit_to_write_style(&mut writer, &config(), &pieces, &report).is_err() {
            continue;
        }
    }
    let mut text = String::from_utf8_lossy(&buffer.into_inner()).into_owned();
    text.push_str(&hidden);
    if let Some(summary) = summary(diagnostics) {
        text.push_str(&format!("\u{1b}[1m{summary}\u{1b}[0m\n"));
    }
    text
}

/// The diagnostics to show, and a line for each kind of which a file has too many.
fn shown<'d>(sources: &SourceMap, diagnostics: &'d Diagnostics) -> (Vec<&'d Diagnostic>, String) {
    let mut counts: BTreeMap<(SourceId, &'static str), usize> = BTreeMap::new();
    let mut shown = Vec::new();
    for diagnostic in &diagnostics.list {
        let count = counts.entry((diagnostic.primary.span.source, diagnostic.code.id())).or_default();
        *count += 1;
        if *count <= SAME_LIMIT {
            shown.push(diagnostic);
        }
    }
    let mut hidden = String::new();
    for ((source, code), count) in counts.into_iter().filter(|(_, count)| *count > SAME_LIMIT) {
        let name = safe::line(sources.name(source), 4096);
        hidden.push_str(&format!("{} more {code} in {name}\n", count - SAME_LIMIT));
    }
    if !hidden.is_empty() {
        hidden.push('\n');
    }
    (shown, hidden)
}

/// `2 errors, 1 warning in 3 files`; nothing when there is nothing to count.
pub fn summary(diagnostics: &Diagnostics) -> Option<String> {
    let count = |severity| diagnostics.list.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let parts: Vec<String> = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")]
        .into_iter()
        .map(|(severity, noun)| (count(severity), noun))
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| counted(count, noun))
        .collect();
    if parts.is_empty() {
        return None;
    }
    let files: BTreeSet<SourceId> = diagnostics.list.iter().map(|diagnostic| diagnostic.primary.span.source).collect();
    Some(format!("{} in {}", parts.join(", "), counted(files.len(), "file")))
}

fn config() -> term::Config {
    term::Config { tab_width: 4, ..term::Config::default() }
}

fn report(pieces: &mut Pieces<'_>, diagnostic: &Diagnostic) -> shown_as::Diagnostic<usize> {
    let severity = match diagnostic.severity {
        Severity::Error => shown_as::Severity::Error,
        Severity::Warning => shown_as::Severity::Warning,
        Severity::Note => shown_as::Severity::Note,
    };
    let mut labels = Vec::new();
    let all = std::iter::once((LabelStyle::Primary, &diagnostic.primary))
        .chain(diagnostic.secondary.iter().map(|label| (LabelStyle::Secondary, label)));
    let whole = pieces.all_lines_are_short(all.clone().map(|(_, label)| label.span));
    for (style, label) in all {
        let (piece, range) = pieces.place(label.span, whole);
        let text = safe::line(&label.text, MESSAGE_LIMIT);
        labels.push(shown_as::Label::new(style, piece, range).with_message(text));
    }
    let help = diagnostic.help.iter().map(|text| format!("help: {}", safe::text(text, HELP_LIMIT)));
    // A pass may have said in a help line what its fix does.
    let fixes = diagnostic.fixes.iter().map(|fix| shown_fix(pieces.sources(), fix));
    let fixes = fixes.filter(|text| !diagnostic.help.contains(text));
    let fixes = fixes.map(|text| format!("help: {}", safe::text(&text, HELP_LIMIT)));
    let notes = diagnostic.notes.iter().map(|text| format!("note: {}", safe::text(text, HELP_LIMIT)));
    shown_as::Diagnostic::new(severity)
        .with_code(diagnostic.code.id())
        .with_message(safe::line(&diagnostic.message, MESSAGE_LIMIT))
        .with_labels(labels)
        .with_notes(help.chain(fixes).chain(notes).collect())
}

/// Longer lines are not shown once more with a fix in them.
const FIXED_LINE_LIMIT: usize = 160;

/// The fix for people: a sentence, and where that does not say it already the line as it would be.
fn shown_fix(sources: &SourceMap, fix: &Fix) -> String {
    if let [(span, replacement)] = fix.edits.as_slice()
        && span.end > span.start
        && fix.title.contains(&format!("`{}`", replacement.trim()))
    {
        return fix.title.clone();
    }
    match fixed_line(sources, fix) {
        Some(line) => {
            let colon = if fix.title.ends_with('?') { "" } else { ":" };
            format!("{}{colon}\n      {}", fix.title, line.trim())
        }
        None => fix_text(fix),
    }
}

/// A longer replacement is not shown.
const LONGEST_SHOWN: usize = 1000;

/// The fix as a sentence, with what to write instead where the title does not say it already.
fn fix_text(fix: &Fix) -> String {
    match fix.edits.as_slice() {
        // What nobody reads is left to whoever applies it.
        [(_, replacement)] if replacement.len() > LONGEST_SHOWN => fix.title.clone(),
        [(_, replacement)] if !replacement.trim().is_empty() && !fix.title.contains(replacement.trim()) => {
            if replacement.contains('\n') {
                format!("{}, try\n{}", fix.title, replacement.trim_end())
            } else {
                format!("{}, try `{}`", fix.title, replacement.trim())
            }
        }
        _ => fix.title.clone(),
    }
}

/// The one line that a fix changes, changed. `None`: it changes several, or is too long to be read.
fn fixed_line(sources: &SourceMap, fix: &Fix) -> Option<String> {
    let mut edits: Vec<_> = fix.edits.iter().collect();
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    let (first, last) = (edits.first()?.0, edits.last()?.0);
    let text = sources.text(first.source);
    let start = text.get(..first.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(last.end as usize..)?.find('\n').map_or(text.len(), |at| last.end as usize + at);
    if end - start > 2 * FIXED_LINE_LIMIT {
        return None;
    }
    let mut line = String::new();
    let mut at = start;
    for (span, replacement) in edits {
        line.push_str(text.get(at..span.start as usize)?);
        line.push_str(replacement);
        at = span.end as usize;
    }
    line.push_str(text.get(at..end)?);
    let fits = line.chars().count() <= FIXED_LINE_LIMIT;
    (fits && !line.trim().is_empty() && !line.trim_end().contains('\n')).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::Span;

    fn sources(text: &str) -> (SourceMap, SourceId) {
        let mut sources = SourceMap::default();
        let id = sources.add("signatures/a.yaml", text);
        (sources, id)
    }

    fn one(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics { list: vec![diagnostic] }
    }

    #[test]
    fn everything_of_a_diagnostic_is_shown() {
        let (sources, id) = sources("id: a\nwhen: req.path conains \"x\"\n");
        let diagnostic = Diagnostic::new(
            Code::UnknownOperator,
            Span::new(id, 21, 28),
            "unknown operator `conains`",
            "not an operator",
        )
        .secondary(Span::new(id, 12, 20), "of this field")
        .help("operators are words")
        .fix("did you mean `contains`?", Span::new(id, 21, 28), "contains")
        .fix("or compare exactly", Span::new(id, 21, 28), "==")
        .note("one more fact");
        insta::assert_snapshot!(plain(&sources, &one(diagnostic)), @r#"
        error[unknown-operator]: unknown operator `conains`
          ┌─ signatures/a.yaml:2:16
          │
        2 │ when: req.path conains "x"
          │       -------- ^^^^^^^ not an operator
          │       │         
          │       of this field
          │
          = help: operators are words
          = help: did you mean `contains`?
          = help: or compare exactly:
                  when: req.path == "x"
          = note: one more fact

        1 error in 1 file
        "#);
    }

    #[test]
    fn nothing_raw_reaches_the_terminal() {
        let (sources, id) = sources("id: \u{1b}[31mred\u{202e}evil\u{200b}\nmode: x\u{7}\n");
        let message = "found `\u{1b}[2J`\nand \u{2066}more";
        let diagnostic = Diagnostic::new(Code::InvisibleCharacter, Span::new(id, 4, 9), message, "here \u{9b}")
            .help("remove \u{1b}");
        let text = plain(&sources, &one(diagnostic.clone()));
        assert!(!text.chars().any(|c| safe::is_hazardous(c) && c != '\n'), "{text:?}");
        assert!(text.contains("\\u{1b}"), "{text}");
        let coloured = coloured(&sources, &one(diagnostic));
        assert!(!coloured.contains("\u{1b}[31mred") && !coloured.contains('\u{202e}'));
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let line = format!("when: é {} = 1 {}", "a == b and ".repeat(3000), "or b ".repeat(5000));
        let (sources, id) = sources(&format!("id: a\n{line}\nmode: monitor\n"));
        let at = 6 + line.find(" = 1").unwrap() + 1;
        let diagnostic =
            Diagnostic::new(Code::UnknownOperator, Span::new(id, at, at + 1), "unknown operator `=`", "use `==`")
                .secondary(Span::new(id, 0, 2), "of this signature")
                .secondary(Span::new(id, 6, 6 + line.len() + 5), "in this condition");
        let text = plain(&sources, &one(diagnostic));
        assert!(text.lines().all(|line| line.chars().count() < 260), "{text}");
        let (line, column) = sources.line_column(id, at as u32);
        assert!(text.contains(&format!("signatures/a.yaml:{line}:{column}")), "{text}");
        assert!(text.contains("…"), "{text}");
    }

    #[test]
    fn spans_at_the_edges_do_not_panic() {
        let (sources, id) = sources("é\n");
        for span in
            [Span::new(id, 0, 0), Span::new(id, 3, 3), Span::new(id, 0, 3), Span::new(id, 1, 900), Span::new(id, 7, 3)]
        {
            assert!(!plain(&sources, &one(Diagnostic::new(Code::InvalidYaml, span, "x", "y"))).is_empty());
        }
        let empty = sources_empty();
        assert!(
            !plain(&empty.0, &one(Diagnostic::new(Code::InvalidYaml, Span::new(empty.1, 0, 0), "x", ""))).is_empty()
        );
    }

    fn sources_empty() -> (SourceMap, SourceId) {
        sources("")
    }

    #[test]
    fn a_flood_of_one_kind_is_counted() {
        let (sources, id) = sources(&"x".repeat(100));
        let list = (0..50).map(|at| Diagnostic::new(Code::InvalidYaml, Span::new(id, at, at + 1), "m", "")).collect();
        let text = plain(&sources, &Diagnostics { list });
        assert_eq!(text.matches("error[invalid-yaml]").count(), SAME_LIMIT);
        assert!(text.ends_with("30 more invalid-yaml in signatures/a.yaml\n\n50 errors in 1 file\n"), "{text}");
    }

    #[test]
    fn the_summary_counts() {
        let (mut sources, a) = sources("x");
        let b = sources.add("b.yaml", "y");
        let at = |id, code| Diagnostic::new(code, Span::new(id, 0, 1), "m", "");
        let list = vec![at(a, Code::InvalidYaml), at(b, Code::InvalidYaml), at(b, Code::Expired)];
        assert_eq!(summary(&Diagnostics { list }).unwrap(), "2 errors, 1 warning in 2 files");
        assert_eq!(summary(&Diagnostics::default()), None);
    }
}
