//! What is legal YAML but not what its reader sees: invisible characters, tags, merge keys, several documents, and
//! the places where YAML cuts or rewrites a condition. Called by `yaml` and `nodes`.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceId, Span};
use granit_parser::ScalarStyle;
use std::ops::Range;

use super::report::Report;

/// Reports characters that nobody sees or that change the direction of the text. A byte-order mark at the start of
/// the file is fine.
pub(super) fn invisible_characters(source: SourceId, text: &str, report: &mut Report<'_>) {
    // Most files have nothing to look at; a whole chunk at once is quick.
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n');
    if text.as_bytes().chunks(64).all(|chunk| chunk.iter().fold(true, |all, byte| all & plain(byte))) {
        return;
    }
    // Of a file that an old Mac could have written, every line end is the same finding.
    let of_old_mac = text.find('\r').filter(|_| !text.contains('\n'));
    if let Some(at) = of_old_mac {
        let span = Span::new(source, at, at + 1);
        let message = "the lines of this file end with a carriage return alone";
        report.push(
            Diagnostic::new(Code::InvisibleCharacter, span, message, "no line end to other tools")
                .help("save the file with line ends of Unix (LF) or Windows (CRLF)"),
        );
    }
    // A run of one character is one finding.
    let mut reported_to = 0;
    for (at, character) in text.char_indices() {
        if at < reported_to {
            continue;
        }
        if character.is_ascii_graphic() || character == ' ' || character == '\n' || !is_invisible(character, at) {
            continue;
        }
        if character == '\r' && (of_old_mac.is_some() || text[at + 1..].starts_with('\n')) {
            continue;
        }
        let code = character as u32;
        let escape = if code < 0x80 { format!("\\x{code:02x}") } else { format!("\\u{{{code:x}}}") };
        let mut rest = text[at..].char_indices().skip_while(|(_, other)| *other == character);
        reported_to = rest.next().map_or(text.len(), |(end, _)| at + end);
        if character == '\r' && text[reported_to..].starts_with('\n') {
            // The last one belongs to the end of the line.
            reported_to -= 1;
        }
        let count = (reported_to - at) / character.len_utf8();
        let what = if count > 1 { format!("{count} invisible characters") } else { "invisible character".to_owned() };
        let span = Span::new(source, at, reported_to);
        report.push(
            Diagnostic::new(
                Code::InvisibleCharacter,
                span,
                format!("{what} U+{code:04X} ({})", describe(character)),
                "nobody sees this",
            )
            .help(format!("where a string of a condition needs it, write it as `{escape}`"))
            .fix("remove it", span, ""),
        );
        if report.is_full() {
            return;
        }
    }
}

fn is_invisible(character: char, at: usize) -> bool {
    match character {
        '\t' => false,
        '\u{feff}' => at > 0,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180e}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{ffa0}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        character => character.is_control(),
    }
}

fn describe(character: char) -> &'static str {
    match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            "changes the direction of the text"
        }
        '\u{2028}' | '\u{2029}' | '\r' => "a line break to some tools",
        '\u{feff}' => "a byte-order mark",
        character if character.is_control() => "a control character",
        _ => "has no width",
    }
}

/// A tag such as `!x`.
pub(super) fn tag(tag: &str, span: Span) -> Diagnostic {
    Diagnostic::new(Code::YamlHazard, span, format!("YAML tags are not allowed, found `{tag}`"), "has a tag")
        .help("a condition that starts with `!` is written with `not`; other text that does is put in quotes")
}

pub(super) fn merge_key(span: Span) -> Diagnostic {
    Diagnostic::new(Code::YamlHazard, span, "merge keys (`<<`) are not allowed", "a merge key")
        .help("write the values out; a condition is shared with `let:`, a set of values with a list")
}

pub(super) fn second_document(span: Span) -> Diagnostic {
    Diagnostic::new(Code::YamlHazard, span, "several documents in one file", "the second document starts here")
        .help("one file, one signature: put it into a file of its own")
}

pub(super) fn unknown_alias(name: &str, span: Span) -> Diagnostic {
    let message = format!("unknown YAML alias `*{}`", super::terms::shorten(name));
    Diagnostic::new(Code::InvalidYaml, span, message, "no `&` with this name before this place")
        .help("text that starts with `*` is put in quotes, a condition into a block scalar: `when: |`")
}

/// The tabs in the indentation of the line of an error; where the parser speaks of a tab, of a line below it, because
/// its mark is then where the value began.
pub(super) fn tab_in_indentation(text: &str, at: usize, below: bool) -> Option<Range<usize>> {
    let mut start = text[..at].rfind('\n').map_or(0, |index| index + 1);
    for line in text[start..].split_inclusive('\n').take(if below { usize::MAX } else { 1 }) {
        let indentation = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if let (Some(first), Some(last)) = (indentation.find('\t'), indentation.rfind('\t'))
            && !line.trim().is_empty()
        {
            return Some(start + first..start + last + 1);
        }
        start += line.len();
    }
    None
}

/// Reports escapes that YAML itself replaces in a double-quoted condition. True where there are any.
pub(super) fn rewritten_escapes(
    text: &str,
    span: Span,
    style: ScalarStyle,
    key: &str,
    report: &mut Report<'_>,
) -> bool {
    if style != ScalarStyle::DoubleQuoted {
        return false;
    }
    let raw = &text[span.range()];
    let mut at = 0;
    let mut found = false;
    while let Some(length) = raw[at..].find('\\') {
        at += length;
        let Some(escaped) = raw[at + 1..].chars().next() else { break };
        let end = at + 1 + escaped.len_utf8();
        if !matches!(escaped, '"' | '\\') {
            found = true;
            let shown =
                if escaped.is_control() { "at the end of the line".to_owned() } else { format!("`\\{escaped}`") };
            let place = Span::new(span.source, span.start as usize + at, span.start as usize + end);
            report.push(
                Diagnostic::new(
                    Code::EscapeInDoubleQuotes,
                    place,
                    format!("YAML replaces the escape {shown} before the condition is read"),
                    "replaced by YAML",
                )
                .help(format!("write the condition as a block scalar: `{key}: |`, the text indented below")),
            );
        }
        at = end;
    }
    found
}

/// Where a YAML comment cuts a plain scalar that ends at `span.end`: the comment's place.
pub(super) fn cut_by_comment(text: &str, span: Span, style: ScalarStyle) -> Option<Span> {
    if style != ScalarStyle::Plain {
        return None;
    }
    let rest = &text[span.end as usize..];
    let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
    let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
    line[blanks..].starts_with('#').then(|| {
        let start = span.end as usize + blanks;
        Span::new(span.source, start, span.end as usize + line.trim_end().len())
    })
}
