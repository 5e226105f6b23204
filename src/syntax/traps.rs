//! An error of the YAML parser → what probably caused it, and how it is mended: the parser knows only where it stopped.
//! Called by `yaml`.

use super::keys;
use super::signature::action_call;
use super::terms::shorten;
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::source::{SourceId, Span};

/// Says what the error `what` at `at` probably comes from.
pub(super) fn explain(source: SourceId, text: &str, at: usize, end: usize, what: &str) -> Diagnostic {
    let span = Span::new(source, at, end);
    let line = Line::at(text, at);
    let of_layout = line
        .named_with_at(source)
        .or_else(|| line.without_blank(source))
        .or_else(|| line.dash(source))
        .or_else(|| line.not_indented(source, what))
        .or_else(|| line.off(source, what));
    if let Some(diagnostic) = of_layout {
        return diagnostic;
    }
    let diagnostic =
        Diagnostic::new(Code::InvalidYaml, span, format!("invalid YAML: {what}"), "the YAML parser stopped here");
    if what.contains("flow")
        && let Some((key, value)) = line.entry_in_flow(at)
    {
        return diagnostic
            .note("inside `[…]` and `{…}` YAML divides at commas, brackets and `: `")
            .help(format!("put the text in quotes: `{key}: {}`", quoted(value).unwrap_or_else(|| "\"…\"".to_owned())));
    }
    of_value(diagnostic, text, at, source)
}

/// A line of a file.
struct Line<'t> {
    text: &'t str,
    start: usize,
    /// Without its line break.
    line: &'t str,
    indentation: usize,
}

impl<'t> Line<'t> {
    fn at(text: &'t str, at: usize) -> Line<'t> {
        let start = text[..at].rfind('\n').map_or(0, |index| index + 1);
        let end = text[at..].find('\n').map_or(text.len(), |index| at + index);
        let line = text[start..end].trim_end_matches('\r');
        Line { text, start, line, indentation: indentation(line) }
    }

    /// The lines above it that have something in them, nearest first.
    fn above(&self) -> impl Iterator<Item = &'t str> {
        self.text[..self.start].lines().rev().filter(|line| !line.trim().is_empty()).take(1000)
    }

    fn content(&self) -> &'t str {
        &self.line[self.indentation..]
    }

    fn problem(&self, source: SourceId, length: usize, message: String, label: &str) -> Diagnostic {
        let start = self.start + self.indentation;
        let span = Span::new(source, start, start + length);
        Diagnostic::new(Code::InvalidYaml, span, format!("invalid YAML: {message}"), label)
    }

    /// `@office:` under `lists:`.
    fn named_with_at(&self, source: SourceId) -> Option<Diagnostic> {
        let name = &self.content().strip_prefix('@')?.split_once(':')?.0;
        let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        let start = self.start + self.indentation;
        let message = "a key cannot start with `@`".to_owned();
        plain.then(|| {
            self.problem(source, 1 + name.len(), message, "has an `@`")
                .help("a list is declared without `@`, conditions name it with one: `client.ip in @office`")
                .fix(format!("write `{}:`", shorten(name)), Span::new(source, start, start + 1), "")
        })
    }

    /// `title:Traversal`
    fn without_blank(&self, source: SourceId) -> Option<Diagnostic> {
        let item = self.content().strip_prefix("- ").unwrap_or(self.content());
        let (key, value) = item.split_once(':')?;
        let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !plain || value.is_empty() || value.starts_with([' ', '\t', '/', ':']) || value.contains(": ") {
            return None;
        }
        let start = self.start + self.line.len() - item.len();
        let colon = start + key.len();
        let message = format!("a blank is missing after `{key}:`");
        let span = Span::new(source, start, colon + 1);
        Some(Diagnostic::new(Code::InvalidYaml, span, format!("invalid YAML: {message}"), "no key without it").fix(
            format!("write `{key}: {}`", shorten(value)),
            Span::new(source, colon + 1, colon + 1),
            " ",
        ))
    }

    /// `– name: x`, as a word processor writes it.
    fn dash(&self, source: SourceId) -> Option<Diagnostic> {
        let dash = self.content().chars().next().filter(|c| matches!(c, '–' | '—' | '−' | '•'))?;
        let length = dash.len_utf8();
        let start = self.start + self.indentation;
        let message = format!("an item of a list starts with `-`, found `{dash}`");
        let span = Span::new(source, start, start + length);
        Some(self.problem(source, length, message, "another character").fix("write `-`", span, "-"))
    }

    /// The text of `when: |`, not indented below it.
    fn not_indented(&self, source: SourceId, what: &str) -> Option<Diagnostic> {
        let above = self.above().next()?;
        let head = above.trim_end();
        let key = head.trim_end_matches(['-', '+']).strip_suffix(['|', '>'])?.trim_end().strip_suffix(':')?;
        let is_cause = what.contains("simple key") || what.contains("mapping values");
        if !is_cause || self.indentation > indentation(above) {
            return None;
        }
        let key = key.trim().trim_start_matches("- ").trim_start();
        let wanted = " ".repeat(indentation(above) + 2 - self.indentation);
        let mut edits = Vec::new();
        let mut start = self.start;
        // Up to the next key.
        for line in self.text[self.start..].split_inclusive('\n').take(1000) {
            let is_key = key_and_value(line).is_some() || line.trim_end().ends_with(':');
            if line.trim().is_empty() || (is_key && start > self.start) {
                break;
            }
            edits.push((Span::new(source, start, start), wanted.clone()));
            start += line.len();
        }
        let message = format!("the text of `{}: |` is not indented below it", shorten(key));
        let mut diagnostic = self.problem(source, self.content().len(), message, "starts where its key starts");
        diagnostic.fixes.push(Fix { title: "indent it by two blanks".to_owned(), edits, safe: true });
        Some(diagnostic)
    }

    /// A line, with what belongs to it, a blank or two beside the column of its neighbours.
    fn off(&self, source: SourceId, what: &str) -> Option<Diagnostic> {
        let is_cause = what.contains("did not find expected") || what.contains("indentation");
        let is_item = self.content().starts_with("- ");
        let key = key_and_value(self.content()).map(|(key, _)| key);
        // A key that is indented too far goes on with the text above it, as long as the text of one has no key in it.
        let goes_on = what.contains("mapping values") && !is_item && key.is_some_and(is_key);
        // What follows an open bracket is in it.
        let open = self.above().next().and_then(key_and_value).and_then(|(_, value)| unclosed(value));
        if !is_cause && !goes_on || open.is_some() || what.contains("flow") || (!is_item && key.is_none()) {
            return None;
        }
        // The column of a neighbour of the same kind; of a key beside a dash, the one after it.
        let column = |line: &str| match (is_item, line.trim_start().starts_with("- ")) {
            (true, false) => None,
            (true, true) => Some(indentation(line)),
            (false, true) => Some(indentation(line) + 2),
            (false, false) => key_and_value(line).map(|_| indentation(line)),
        };
        let wanted = self
            .above()
            .filter_map(column)
            .find(|column| *column != self.indentation && column.abs_diff(self.indentation) <= 2)
            .filter(|column| !goes_on || *column < self.indentation)?;
        let mut edits = Vec::new();
        let mut start = self.start;
        for line in self.text[self.start..].split_inclusive('\n').take(1000) {
            let belongs = start == self.start || indentation(line) > self.indentation || line.trim().is_empty();
            if !belongs {
                break;
            }
            let span = |length: usize| Span::new(source, start, start + length);
            match line.trim().is_empty() {
                true => {}
                false if wanted > self.indentation => edits.push((span(0), " ".repeat(wanted - self.indentation))),
                false => edits.push((span(self.indentation - wanted), String::new())),
            }
            start += line.len();
        }
        let message = format!(
            "this line is indented by {}, those that it belongs to by {wanted}",
            count(self.indentation, "blank")
        );
        let mut diagnostic = self.problem(source, self.content().len(), message, "not in their column");
        let title = match wanted {
            0 => "remove the blanks before it".to_owned(),
            _ => format!("indent it by {}", count(wanted, "blank")),
        };
        diagnostic.fixes.push(Fix { title, edits, safe: false });
        Some(diagnostic)
    }

    /// Key and value of the entry of a flow mapping around `at`.
    fn entry_in_flow(&self, at: usize) -> Option<(&'t str, &'t str)> {
        let before = &self.text[self.start..at];
        let colon = before.rfind(": ")?;
        let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let key = before[..colon].trim_end_matches(is_key).len();
        let value = &self.line[colon + 2..];
        let mut depth = 0usize;
        let end = value.char_indices().find(|(_, c)| match c {
            '[' | '{' => {
                depth += 1;
                false
            }
            ']' | '}' if depth > 0 => {
                depth -= 1;
                false
            }
            ',' => depth == 0,
            ']' | '}' => true,
            _ => false,
        });
        let value = value[..end.map_or(value.len(), |(end, _)| end)].trim();
        (!value.is_empty() && key < colon && !value.starts_with(['[', '{'])).then(|| (&self.line[key..colon], value))
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A text in double quotes, where they need no escape in it.
fn quoted(value: &str) -> Option<String> {
    let plain = value.len() <= 200 && !value.contains(['"', '\\']) && !value.chars().any(char::is_control);
    plain.then(|| format!("\"{value}\""))
}

/// The way out for the value of a key that YAML does not read.
fn way_out(diagnostic: Diagnostic, key: &str, value: &str, span: Span) -> Diagnostic {
    let pair = value.split_once(": ").map(|(name, argument)| (name.trim(), argument.trim()));
    let call = pair.and_then(|(name, argument)| action_call(name, Some(argument)));
    match (key, pair) {
        ("then", _) => match call {
            Some(call) => diagnostic.proposal(format!("an action is written as a call: `{call}`"), span, call),
            // It is a call already: `allow(id: "x")`.
            None if value.ends_with(')') && !value.contains(['\'', '#']) => {
                diagnostic.fix("put it in quotes", span, format!("'{value}'"))
            }
            None => {
                diagnostic.help("an action is a word, with its arguments in brackets: `block(403)`, `tag(\"name\")`")
            }
        },
        ("mode", Some(("canary", share))) => {
            diagnostic.proposal(format!("write `canary {}`", shorten(share)), span, format!("canary {share}"))
        }
        ("title" | "description" | "name" | "owner" | "request" | "url" | "body" | "curl", _) => match quoted(value) {
            Some(quoted) => diagnostic.fix("put it in quotes", span, quoted),
            None => diagnostic.help(format!("write it as a block scalar (`{key}: |`, the text indented below)")),
        },
        _ => diagnostic.help(format!(
            "write a condition as a block scalar (`{key}: |`, the text indented below), put other text in quotes"
        )),
    }
}

/// A value that YAML reads in its own way.
fn of_value(diagnostic: Diagnostic, text: &str, at: usize, source: SourceId) -> Diagnostic {
    let line_start = text[..at].rfind('\n').map_or(0, |index| index + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |index| at + index);
    let own = &text[line_start..line_end];
    // An error that shows only at the next line was often made on the one before.
    let previous = text[..line_start.saturating_sub(1)].rfind('\n').map_or(0, |index| index + 1);
    let before = &text[previous.min(line_start)..line_start];
    if own.trim_start().starts_with('-') && before.contains("curl ") {
        return diagnostic
            .note("to YAML a value that goes on below its line is one text, and `: ` in it starts another key")
            .help("write it as a block scalar below `request:`: `curl: |`, and the command indented below that");
    }
    if let Some((call, start)) = action_item(own) {
        let span = Span::new(source, line_start + start, line_start + start + call.len());
        return diagnostic.note("this item has `: ` in it, so YAML does not read it as it stands").fix(
            "put it in quotes",
            span,
            format!("'{call}'"),
        );
    }
    for line in [own, before] {
        let Some((key, value)) = key_and_value(line) else { continue };
        if value.starts_with(['[', '{']) && value.ends_with([']', '}']) {
            return diagnostic
                .note("inside `[…]` and `{…}` YAML divides at commas, brackets and `: `")
                .help("put text with a comma or a bracket in quotes, or write a list with one `- …` per line");
        }
        if let Some(bracket) = unclosed(value) {
            return diagnostic
                .note(format!("the `{bracket}` that the value of `{key}` starts with is not closed on its line"))
                .help(format!(
                    "close it: `{key}: {}{}`",
                    super::terms::shorten(value),
                    if bracket == '[' { ']' } else { '}' }
                ))
                .help(format!("a condition that starts so is written as a block scalar: `{key}: |`"));
        }
        if let Some(quote) = unclosed_quote(value) {
            return diagnostic
                .note(format!("the `{quote}` that the value of `{key}` starts with is not closed on its line"))
                .help(format!(
                    "close it, or write a condition as a block scalar (`{key}: |`, the text indented below)"
                ));
        }
        let Some(cause) = trap(value) else { continue };
        let diagnostic =
            diagnostic.note(format!("the value of `{key}` {cause}, so YAML does not read it as it stands"));
        let line_at = if std::ptr::eq(line, own) { line_start } else { previous };
        let start = line_at + line.trim_end().len() - value.len();
        return way_out(diagnostic, key, value, Span::new(source, start, start + value.len()));
    }
    // A value that goes on below its key.
    let mut above = text[..line_start].lines().rev().filter(|line| !line.trim().is_empty()).take(1000);
    let head = above.find(|line| indentation(line) < indentation(own)).and_then(key_and_value);
    match (head, trap(own.trim())) {
        (Some((key, _)), Some(cause)) => diagnostic
            .note(format!("the value of `{key}` {cause}, so YAML does not read it as it stands"))
            .help(format!("write it as a block scalar (`{key}: |`, the text indented below)")),
        (_, _) => diagnostic,
    }
}

/// Whether it is a key of a signature, a test or the project file.
fn is_key(word: &str) -> bool {
    let mappings = [&keys::SIGNATURE, &keys::TEST, &keys::STEP, &keys::RATE, &keys::PROJECT];
    mappings.iter().any(|mapping| mapping.find(word).is_some())
}

/// The call of a line `- allow(id: "x")`, and where it starts in the line.
fn action_item(line: &str) -> Option<(&str, usize)> {
    let call = line.trim().strip_prefix("- ")?.trim_start();
    let (name, _) = call.split_once('(')?;
    let is_call = super::terms::ACTIONS.contains(&name) && call.contains(": ") && call.ends_with(')');
    (is_call && !call.contains(['\'', '#'])).then(|| (call, line.trim_end().len() - call.len()))
}

/// `key` and the value of a line `- key: value`.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let line = line.trim().trim_start_matches("- ").trim_start();
    let (key, value) = line.split_once(": ")?;
    let plain =
        !key.is_empty() && key.len() <= 64 && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    plain.then(|| (key, value.trim()))
}

/// The bracket that a value starts with and that is never closed.
fn unclosed(value: &str) -> Option<char> {
    let first = value.chars().next().filter(|c| matches!(c, '[' | '{'))?;
    let close = if first == '[' { ']' } else { '}' };
    (!value.contains(close)).then_some(first)
}

/// The quote that a value starts with, if as many are in it that one is left open.
fn unclosed_quote(value: &str) -> Option<char> {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    // An escaped quote closes nothing; a doubled single one counts twice.
    let plain = if quote == '"' { value.replace("\\\\", "").replace("\\\"", "") } else { value.to_owned() };
    (plain.matches(quote).count() % 2 == 1).then_some(quote)
}

fn trap(value: &str) -> Option<String> {
    let first = value.chars().next()?;
    if matches!(first, '"' | '\'' | '[' | '{' | '@' | '!' | '*' | '&' | '%' | '`') {
        return Some(format!("starts with `{first}`"));
    }
    if value.contains(": ") {
        return Some("has `: ` in it".to_owned());
    }
    value.contains(" #").then(|| "has ` #` in it, where a YAML comment starts".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Diagnostics;
    use crate::source::SourceMap;

    /// Wherever a character of several bytes stands, the places are those of whole characters.
    #[test]
    fn characters_of_several_bytes() {
        for broken in [
            "when: |\nreq.path == \"/a\"\nthen: block\n",
            "title:Traversal: x\nwhen: true\n",
            "tests:\n  - {name: a, request: {url: /b[]=c,d}, x}\n",
            "tests:\n  - name: a\n   expect: match\n – name: b\n",
            "lists:\n  @office: {type: ip}\n",
            "then: block: 403\n",
        ] {
            for (at, _) in broken.char_indices() {
                for character in ["–", "é", "\u{a0}", "😀", "{", "\t"] {
                    let mut text = broken.to_owned();
                    text.insert_str(at, character);
                    let mut sources = SourceMap::default();
                    let source = sources.add("x.yaml", &text);
                    let mut diagnostics = Diagnostics::default();
                    crate::syntax::parse_signature(&sources, source, &mut diagnostics);
                    for found in &diagnostics.list {
                        let edits = found.fixes.iter().flat_map(|fix| &fix.edits).map(|(span, _)| *span);
                        for span in edits.chain([found.primary.span]) {
                            assert!(text.get(span.range()).is_some(), "{text:?}: {found:?}");
                        }
                    }
                }
            }
        }
    }
}
