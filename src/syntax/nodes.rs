//! Typed access to YAML nodes: text, integers, lists, mappings with known keys, conditions. `signature`, `tests` and
//! `project` read their keys with it; every problem is reported, and reading goes on.

use granit_parser::ScalarStyle;

use super::ast::{Expression, ExpressionKind, Positions};
use super::report::Report;
use super::scalar_map::Place;
use super::terms::{TermParser, quoted, shorten};
use super::yaml::{Node, NodeKind};
use super::{condition, foreign, hazards, keys};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::source::{Span, Spanned};

/// Reads the nodes of one file.
pub(super) struct Reader<'r, 'd> {
    pub(super) text: &'r str,
    pub(super) report: Report<'d>,
}

/// Entries of a mapping, keys read as text.
pub(super) struct Fields<'n, 's> {
    what: &'static str,
    entries: Vec<Field<'n, 's>>,
    /// Behind the entry that was asked for last.
    next: usize,
    missing: Vec<&'static str>,
    /// Where a missing key is reported.
    start: Span,
}

struct Field<'n, 's> {
    name: &'n str,
    key: &'n Node<'s>,
    value: &'n Node<'s>,
    /// Somebody asked for it.
    seen: bool,
}

impl Reader<'_, '_> {
    /// Reports a value of the wrong kind.
    pub(super) fn wrong_type(&mut self, node: &Node<'_>, expected: &str) -> Diagnostic {
        let found = describe(node);
        let span = self.first_line(node.span);
        Diagnostic::new(
            Code::WrongType,
            span,
            format!("expected {expected}, found {found}"),
            format!("expected {expected}"),
        )
    }

    /// A span without the lines after its first.
    pub(super) fn first_line(&self, span: Span) -> Span {
        let text = &self.text[span.range()];
        let length = memchr::memchr2(b'\n', b'\r', text.as_bytes()).unwrap_or(text.len());
        Span { end: span.start + length as u32, ..span }
    }

    pub(super) fn mapping<'n, 's>(&mut self, node: &'n Node<'s>, what: &'static str) -> Option<Fields<'n, 's>> {
        let NodeKind::Mapping(entries) = &node.kind else {
            let diagnostic = self.wrong_type(node, &format!("a mapping ({what})"));
            self.report.push(diagnostic);
            return None;
        };
        let entries = self.named(entries, |name, key, value| Field { name, key, value, seen: false });
        let start = entries.first().map_or(node.span, |field| field.key.span);
        Some(Fields { what, entries, next: 0, missing: Vec::new(), start: self.first_line(start) })
    }

    /// The entries of a mapping with free keys.
    pub(super) fn entries<'n, 's>(
        &mut self,
        node: &'n Node<'s>,
        expected: &str,
    ) -> Option<Vec<(&'n str, &'n Node<'s>, &'n Node<'s>)>> {
        let NodeKind::Mapping(entries) = &node.kind else {
            let diagnostic = self.wrong_type(node, expected);
            self.report.push(diagnostic);
            return None;
        };
        Some(self.named(entries, |name, key, value| (name, key, value)))
    }

    /// What `make` makes of each entry whose key is a text; the others are reported.
    fn named<'n, 's, T>(
        &mut self,
        entries: &'n [(Node<'s>, Node<'s>)],
        make: impl Fn(&'n str, &'n Node<'s>, &'n Node<'s>) -> T,
    ) -> Vec<T> {
        let mut named = Vec::with_capacity(entries.len());
        let (mut after_text, mut divided) = (false, false);
        for (index, (key, value)) in entries.iter().enumerate() {
            // `{url: /a?b=c,d}`: the rest of the text before it, which a comma divides.
            if after_text && self.is_cut_off(key, value) {
                if !divided {
                    self.divided(entries, index);
                }
                divided = true;
                continue;
            }
            divided = false;
            after_text = matches!(value.kind, NodeKind::Scalar(_, ScalarStyle::Plain));
            match &key.kind {
                NodeKind::Scalar(name, _) => named.push(make(name, key, value)),
                NodeKind::Null | NodeKind::Sequence(_) | NodeKind::Mapping(_) => {
                    let diagnostic = self.wrong_type(key, "text as a key");
                    self.report.push(diagnostic);
                }
            }
        }
        named
    }

    /// Whether an entry in `{…}` is a bare text between commas.
    fn is_cut_off(&self, key: &Node<'_>, value: &Node<'_>) -> bool {
        let (NodeKind::Scalar(_, ScalarStyle::Plain), NodeKind::Null) = (&key.kind, &value.kind) else { return false };
        let after = self.text[key.span.range().end..].trim_start();
        let before = self.text[..key.span.range().start].trim_end();
        after.starts_with([',', '}']) && before.ends_with(',')
    }

    /// Says once what divides a text, and quotes all of it.
    fn divided(&mut self, entries: &[(Node<'_>, Node<'_>)], index: usize) {
        let (key, value) = &entries[index - 1];
        let rest = entries[index..].iter().take_while(|(key, value)| self.is_cut_off(key, value));
        let Some((last, _)) = rest.last() else { return };
        let whole = Span { end: last.span.end, ..value.span };
        let comma = self.text[value.span.range().end..].find(',').map_or(0, |length| value.span.end as usize + length);
        let comma = Span::new(value.span.source, comma, comma + 1);
        let name = shorten(&self.text[key.span.range()]);
        let message = format!("a comma ends the value of `{name}`: inside `{{…}}` YAML divides there");
        let diagnostic = Diagnostic::new(Code::YamlHazard, comma, message, "the value ends here");
        let written = self.text[whole.range()].to_owned();
        self.report.push(match written.contains(['"', '\\', '\n']) {
            true => diagnostic.help("put the value in quotes, or write one key per line, without `{…}`"),
            false => diagnostic.fix("put the value in quotes", whole, format!("\"{written}\"")),
        });
    }

    pub(super) fn sequence<'n, 's>(&mut self, node: &'n Node<'s>, expected: &str) -> Option<&'n [Node<'s>]> {
        if let NodeKind::Sequence(items) = &node.kind {
            return Some(items);
        }
        let mut diagnostic = self.wrong_type(node, expected);
        if let NodeKind::Scalar(_, style) = &node.kind {
            let written = &self.text[node.span.range()];
            // Commas divide in brackets; in those of a call they should not.
            let one_part = !written.contains(',') || (*style == ScalarStyle::Plain && !written.contains('('));
            if one_part && !written.contains(['\n', '[', ']', '{', '}', '|', '>']) {
                diagnostic = diagnostic.fix("make it a list", node.span, format!("[{written}]"));
            }
        }
        self.report.push(diagnostic);
        None
    }

    /// The first items of a list that nobody writes that long: what comes after is an error and not looked at.
    pub(super) fn at_most<'l, T>(&mut self, items: &'l [T], most: usize, what: &str, span: Span) -> &'l [T] {
        let Some(first) = items.get(..most).filter(|_| items.len() > most) else { return items };
        let message = format!("{} {what}, more than {most}", items.len());
        let diagnostic = Diagnostic::new(Code::LimitExceeded, self.first_line(span), message, "too many");
        self.report.push(diagnostic.help(format!("split the signature: one takes {most} {what}")));
        first
    }

    /// Text as it is written: a plain number is its own text. A boolean or null of YAML is an error, and so is a word
    /// that other YAML tools take for a boolean.
    pub(super) fn verbatim(&mut self, node: &Node<'_>, expected: &str) -> Option<Spanned<String>> {
        let NodeKind::Scalar(value, style) = &node.kind else {
            let diagnostic = self.wrong_type(node, expected);
            self.report.push(diagnostic);
            return None;
        };
        if *style == ScalarStyle::Plain && node.span.end > node.span.start {
            let is_one_of = |words: &[&str]| words.iter().any(|word| value.eq_ignore_ascii_case(word));
            let quotes = || format!("\"{value}\"");
            if is_one_of(&["true", "false"]) {
                let diagnostic = self.wrong_type(node, expected).fix("put it in quotes", node.span, quotes());
                self.report.push(diagnostic);
                return None;
            }
            if is_one_of(&["yes", "no", "on", "off"]) {
                let message = format!("`{value}` is text here but a boolean to other YAML tools");
                let diagnostic = Diagnostic::new(Code::YamlHazard, node.span, message, "ambiguous without quotes");
                self.report.push(diagnostic.fix("put it in quotes", node.span, quotes()));
            }
        }
        Some(Spanned::new(value.to_string(), node.span))
    }

    /// Text that should not be a number or nothing.
    pub(super) fn text(&mut self, node: &Node<'_>, expected: &str) -> Option<Spanned<String>> {
        let text = self.verbatim(node, expected)?;
        if let NodeKind::Scalar(_, ScalarStyle::Plain) = node.kind
            && is_number(&text.value)
        {
            let diagnostic = self.wrong_type(node, expected);
            self.report.push(diagnostic.fix("put it in quotes", node.span, format!("\"{}\"", text.value)));
            return None;
        }
        if text.value.trim().is_empty() {
            let message = format!("expected {expected}, found empty text");
            self.report.push(Diagnostic::new(Code::InvalidValue, node.span, message, "nothing in it"));
            return None;
        }
        Some(text)
    }

    /// Where each byte of a scalar's text stands.
    pub(super) fn positions(&self, node: &Node<'_>) -> Option<Positions> {
        let NodeKind::Scalar(value, style) = &node.kind else { return None };
        Some(Place::of_scalar(self.text, node.span, *style, value).positions(0..value.len()))
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, node: &Node<'_>, expected: &str) -> Option<Vec<Spanned<String>>> {
        let items = self.sequence(node, expected)?;
        Some(each(items, |item| self.verbatim(item, "text")))
    }

    /// A plain decimal integer in a range.
    pub(super) fn integer(&mut self, node: &Node<'_>, range: std::ops::RangeInclusive<u64>) -> Option<Spanned<u64>> {
        let (low, high) = (*range.start(), *range.end());
        let expected = || match high {
            999_999_999_999_999.. => format!("an integer of at least {low}"),
            _ => format!("an integer from {low} to {high}"),
        };
        if let NodeKind::Scalar(value, style) = &node.kind {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let canonical = digits && value.len() <= 15 && (value.len() == 1 || !value.starts_with('0'));
            if let Some(integer) = value.parse().ok().filter(|_| canonical && *style == ScalarStyle::Plain) {
                if range.contains(&integer) {
                    return Some(Spanned::new(integer, node.span));
                }
                let message = format!("expected {}, found `{integer}`", expected());
                self.report.push(Diagnostic::new(Code::InvalidValue, node.span, message, "out of range"));
                return None;
            }
            let mut diagnostic = self.wrong_type(node, &expected());
            let bare = value.trim_start_matches(['v', 'V']);
            let whole = bare.split_once('.').map_or(bare, |(whole, _)| whole);
            let is_whole = (1..=9).contains(&whole.len())
                && whole.bytes().all(|byte| byte.is_ascii_digit())
                && (whole.len() == 1 || !whole.starts_with('0'))
                && bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
                && bare.matches('.').count() <= 1;
            let in_bytes = bytes_of(value).filter(|bytes| range.contains(bytes));
            if let Some(bytes) = in_bytes {
                diagnostic = diagnostic.proposal(format!("write `{bytes}`"), node.span, bytes.to_string());
            } else if is_whole && whole.len() < value.len() {
                diagnostic = diagnostic.proposal(format!("it is a whole number: write `{whole}`"), node.span, whole);
            } else if canonical {
                diagnostic = diagnostic.fix("remove the quotes", node.span, value.to_string());
            } else if digits && value.len() <= 15 {
                diagnostic = diagnostic.note("a leading zero makes it octal to other YAML tools").fix(
                    "remove the zero",
                    node.span,
                    value.trim_start_matches('0').to_owned(),
                );
            }
            self.report.push(diagnostic);
            return None;
        }
        let diagnostic = self.wrong_type(node, &expected());
        self.report.push(diagnostic);
        None
    }

    /// A text in one of the small languages.
    pub(super) fn term<T>(&mut self, node: &Node<'_>, expected: &str, parser: TermParser<T>) -> Option<Spanned<T>> {
        let NodeKind::Scalar(value, style) = &node.kind else {
            let diagnostic = self.wrong_type(node, expected);
            self.report.push(diagnostic);
            return None;
        };
        let place = Place::of_scalar(self.text, node.span, *style, value);
        parser(value, &place, &mut self.report).map(|term| Spanned::new(term, node.span))
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node<'_>,
        what: &str,
        words: &[(&'static str, T)],
    ) -> Option<Spanned<T>> {
        let names = || words.iter().map(|(name, _)| *name).collect::<Vec<&'static str>>();
        let NodeKind::Scalar(value, _) = &node.kind else {
            let diagnostic = self.wrong_type(node, &format!("one of {}", quoted(&names())));
            self.report.push(diagnostic);
            return None;
        };
        if let Some((_, word)) = words.iter().find(|(name, _)| *name == &**value) {
            return Some(Spanned::new(*word, node.span));
        }
        let message = format!("unknown {what} `{}`", shorten(value));
        let diagnostic = Diagnostic::new(Code::InvalidValue, self.first_line(node.span), message, "not one of them");
        let short = value.get(..64).unwrap_or(value);
        self.report.push(match foreign::word(what, short).or_else(|| nearest(short, names())) {
            Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), node.span, near),
            None => diagnostic.help(format!("it is one of {}", quoted(&names()))),
        });
        None
    }

    /// A list of words out of a table.
    pub(super) fn words<T: Copy>(
        &mut self,
        node: &Node<'_>,
        what: &'static str,
        known: &[(&'static str, T)],
    ) -> Vec<Spanned<T>> {
        let Some(items) = self.sequence(node, &format!("a list of {what}s")) else { return Vec::new() };
        items.iter().filter_map(|item| self.word(item, what, known)).collect()
    }

    /// The condition under `key`. An expression even where there is an error, so that the rest can be checked.
    pub(super) fn condition(&mut self, node: &Node<'_>, key: &str) -> Expression {
        let failed = Expression { kind: ExpressionKind::Error, span: self.first_line(node.span) };
        let NodeKind::Scalar(value, style) = &node.kind else {
            let mut diagnostic = self.wrong_type(node, "a condition");
            // A list or mapping by its lines, not by brackets: rules of other languages have such.
            if !matches!(node.kind, NodeKind::Null) && !self.text[node.span.range()].starts_with(['[', '{']) {
                diagnostic = diagnostic.help(format!(
                    "a condition is one text, its parts joined with `and` or `or`; on several lines: `{key}: |`, the \
                     text indented below"
                ));
            } else if !matches!(node.kind, NodeKind::Null) {
                diagnostic = diagnostic
                    .help(format!("a condition that starts with `[` or `{{` is written as a block scalar: `{key}: |`"));
            }
            self.report.push(diagnostic);
            return failed;
        };
        if hazards::rewritten_escapes(self.text, node.span, *style, key, &mut self.report) {
            return failed;
        }
        let place = Place::of_scalar(self.text, node.span, *style, value);
        let before = self.report.count();
        let expression = condition::parse(value, &place, &mut self.report);
        if self.report.count() > before
            && !self.report.is_full()
            && let Some(comment) = hazards::cut_by_comment(self.text, node.span, *style)
            && let Some(last) = self.report.last_mut()
        {
            let label = "to YAML a comment starts here, the condition ends before it";
            *last = last.clone().secondary(comment, label).help(format!(
                "if it belongs to the condition, write that as a block scalar: `{key}: |`, the text indented below"
            ));
        }
        expression
    }
}

impl<'n, 's> Fields<'n, 's> {
    /// The value of a key.
    pub(super) fn get(&mut self, key: &str) -> Option<&'n Node<'s>> {
        // Most files have their keys in the order in which they are asked for.
        let is_next = self.entries.get(self.next).is_some_and(|field| field.name == key);
        let index = if is_next { self.next } else { self.entries.iter().position(|field| field.name == key)? };
        self.next = index + 1;
        let field = &mut self.entries[index];
        field.seen = true;
        Some(field.value)
    }

    /// The value of a key that must be there; [`Fields::finish`] reports it if not.
    pub(super) fn require(&mut self, key: &'static str) -> Option<&'n Node<'s>> {
        let value = self.get(key);
        if value.is_none() {
            self.missing.push(key);
        }
        value
    }

    /// Reports what is missing and what nobody asked for.
    pub(super) fn finish(self, reader: &mut Reader<'_, '_>, mapping: &keys::Mapping) {
        self.finish_with(reader, &|| mapping.names());
    }

    /// The same for one form of a mapping.
    pub(super) fn finish_form(self, reader: &mut Reader<'_, '_>, form: &keys::Form) {
        self.finish_with(reader, &|| form.keys.to_vec());
    }

    /// `known` gives all keys, for a suggestion.
    fn finish_with(mut self, reader: &mut Reader<'_, '_>, known: &dyn Fn() -> Vec<&'static str>) {
        if self.missing.is_empty() && self.entries.iter().all(|field| field.seen) {
            return;
        }
        let known = known();
        let is_present = |key: &str| self.entries.iter().any(|field| field.name == key);
        let free: Vec<&'static str> = known.iter().copied().filter(|key| !is_present(key)).collect();
        for Field { name, key, seen, .. } in &self.entries {
            if *seen || reader.report.is_full() {
                continue;
            }
            let message = format!("unknown key `{}` in {}", shorten(name), self.what);
            let diagnostic = Diagnostic::new(Code::UnknownKey, reader.first_line(key.span), message, "unknown key");
            let foreign = foreign::key(self.what, name.get(..64).unwrap_or(name));
            let near = match foreign {
                Some(foreign::Meaning::Ours(ours)) => Some(ours).filter(|ours| free.contains(ours)),
                Some(foreign::Meaning::Explained(_)) => None,
                None => nearest(name.get(..64).unwrap_or(name), free.iter().copied()),
            };
            reader.report.push(match (near, foreign) {
                (Some(near), _) => {
                    self.missing.retain(|missing| *missing != near);
                    diagnostic.fix(format!("did you mean `{near}`?"), key.span, near)
                }
                (None, Some(foreign::Meaning::Explained(text))) => diagnostic.help(text),
                (None, Some(foreign::Meaning::Ours(ours))) => {
                    diagnostic.help(format!("that is `{ours}`, which is set already"))
                }
                (None, None) => diagnostic.help(format!("known keys are {}", quoted(&known))),
            });
        }
        for key in self.missing {
            let message = format!("missing key `{key}` in {}", self.what);
            let diagnostic =
                Diagnostic::new(Code::MissingKey, self.start, message, format!("`{key}` is required here"));
            reader.report.push(match example(key) {
                Some(example) => diagnostic.help(format!("for example `{example}`")),
                None => diagnostic,
            });
        }
    }
}

/// What `read` makes of each item, in a list of that length: trees live long, and `collect` leaves room at the end.
pub(super) fn each<'n, 's, T>(items: &'n [Node<'s>], mut read: impl FnMut(&'n Node<'s>) -> Option<T>) -> Vec<T> {
    let mut all = Vec::with_capacity(items.len());
    all.extend(items.iter().filter_map(&mut read));
    all
}

/// `8k`, `64KB`, `1 MiB`: a number of bytes.
fn bytes_of(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let factor = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(factor)
}

/// A line for a required key.
fn example(key: &str) -> Option<&'static str> {
    Some(match key {
        "edgesig" => "edgesig: 1",
        "severity" => "severity: high",
        "when" => "when: req.path starts_with \"/admin\"",
        "title" => "title: Administration reached from outside",
        "name" => "name: an encoded path",
        "request" => "request: GET /admin?x=1",
        "expect" => "expect: match",
        "key" => "key: [client.ip]",
        "limit" => "limit: 10/60s",
        "type" => "type: ip` (or `string`, `i-string`, `int`, `regex`): `{type: ip, values: [192.0.2.0/24]}",
        _ => return None,
    })
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) && text.parse::<f64>().is_ok()
}

/// A node in words.
fn describe(node: &Node<'_>) -> String {
    match &node.kind {
        NodeKind::Null => "nothing".to_owned(),
        NodeKind::Sequence(_) => "a list".to_owned(),
        NodeKind::Mapping(_) => "a mapping".to_owned(),
        NodeKind::Scalar(value, ScalarStyle::Plain) if matches!(&*value.to_lowercase(), "true" | "false") => {
            format!("the boolean `{value}`")
        }
        NodeKind::Scalar(value, ScalarStyle::Plain) if is_number(value) => format!("the number `{}`", shorten(value)),
        NodeKind::Scalar(value, ScalarStyle::Plain) => format!("the text `{}`", shorten(value)),
        NodeKind::Scalar(value, _) => format!("the text `\"{}\"`", shorten(value)),
    }
}
