//! A condition → its lines in canonical spelling, comments kept. `print` calls it for every expression of a file.
//!
//! One line where it fits; else one operand of `and` or `or` a line, the operator first; lists filled between their
//! brackets. Parentheses stand where the grammar needs them, and around `and` beside `or`, where people do.

use super::literals;
use crate::diagnostic::Diagnostics;
use crate::source::{SourceId, Span, Spanned};
use crate::syntax::ast::{Expression, ExpressionKind, Quantifier};
use crate::syntax::condition;
use crate::syntax::report::Report;
use crate::syntax::scalar_map::Place;
use std::ops::Range;

/// Characters of a line, its indentation within the condition included.
const WIDTH: usize = 100;
/// Blanks per level.
const STEP: usize = 2;

/// Binds tighter than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
    Comparison,
    Primary,
}

/// Reads a condition by itself: its spans are offsets in the text. `None` when it has errors.
pub(super) fn parse(text: &str) -> Option<Expression> {
    let mut found = Diagnostics::default();
    let place = Place::of_text(SourceId(0), text);
    let expression = condition::parse(text, &place, &mut Report::new(&mut found));
    found.list.is_empty().then_some(expression)
}

/// The lines of a condition. `None` when it has errors.
pub(super) fn lines(text: &str) -> Option<Vec<String>> {
    let expression = parse(text)?;
    let mut printer = Printer { text, comments: condition::comments(text), next: 0, lines: Vec::new() };
    printer.term(&expression, Binding::Or, 0, "", "");
    printer.comments_before(text.len(), 0);
    Some(printer.lines)
}

struct Printer<'t> {
    text: &'t str,
    comments: Vec<Range<usize>>,
    /// The first comment that is not written yet.
    next: usize,
    lines: Vec<String>,
}

/// The expression inside parentheses.
fn bare(expression: &Expression) -> &Expression {
    if let ExpressionKind::Group(inner) = &expression.kind { bare(inner) } else { expression }
}

fn binding(expression: &Expression) -> Binding {
    match &bare(expression).kind {
        ExpressionKind::Or(_) => Binding::Or,
        ExpressionKind::And(_) => Binding::And,
        ExpressionKind::Not(_) => Binding::Not,
        ExpressionKind::Compare { .. } => Binding::Comparison,
        ExpressionKind::Group(_)
        | ExpressionKind::Exists(_)
        | ExpressionKind::Quantified { .. }
        | ExpressionKind::Call { .. }
        | ExpressionKind::Path { .. }
        | ExpressionKind::String { .. }
        | ExpressionKind::Regex(_)
        | ExpressionKind::Integer(_)
        | ExpressionKind::Boolean(_)
        | ExpressionKind::Ip(_)
        | ExpressionKind::Cidr(_)
        | ExpressionKind::Duration(_)
        | ExpressionKind::List(_)
        | ExpressionKind::ListReference(_)
        | ExpressionKind::Error => Binding::Primary,
    }
}

/// Where what is written of an expression starts: parentheses that are left out hold no comments either.
fn first(outer: &Expression, least: Binding) -> usize {
    let inner = bare(outer);
    if binding(inner) < least {
        return outer.span.start as usize;
    }
    let part = if let ExpressionKind::Or(parts) | ExpressionKind::And(parts) = &inner.kind {
        parts.first().map(|part| first(part, PART))
    } else if let ExpressionKind::Compare { left, .. } = &inner.kind {
        Some(first(left, Binding::Primary))
    } else {
        None
    };
    part.unwrap_or(inner.span.start as usize)
}

/// Where it ends.
fn last(outer: &Expression, least: Binding) -> usize {
    let inner = bare(outer);
    if binding(inner) < least {
        return outer.span.end as usize;
    }
    let part = if let ExpressionKind::Or(parts) | ExpressionKind::And(parts) = &inner.kind {
        parts.last().map(|part| last(part, PART))
    } else if let ExpressionKind::Compare { right, .. } = &inner.kind {
        Some(last(right, Binding::Primary))
    } else if let ExpressionKind::Not(inner) = &inner.kind {
        Some(last(inner, Binding::Not))
    } else {
        None
    };
    part.unwrap_or(inner.span.end as usize)
}

/// What a part of `and` or `or` must bind like to stand without parentheses: beside `or`, `and` gets them too.
const PART: Binding = Binding::Not;

impl Printer<'_> {
    fn has_comment_before(&self, end: usize) -> bool {
        self.comments.get(self.next).is_some_and(|comment| comment.start < end)
    }

    /// Writes the comments before `end` on lines of their own.
    fn comments_before(&mut self, end: usize, indent: usize) {
        while self.has_comment_before(end) {
            let comment = self.take_comment();
            self.line(indent, &comment);
        }
    }

    fn take_comment(&mut self) -> String {
        let comment = self.text[self.comments[self.next].clone()].trim_end().to_owned();
        self.next += 1;
        comment
    }

    /// Puts a comment that stands on the line where something ends behind it.
    fn trailing_comment(&mut self, end: usize) {
        let Some(comment) = self.comments.get(self.next) else { return };
        if comment.start >= end && !self.text[end..comment.start].contains('\n') {
            let comment = self.take_comment();
            if let Some(line) = self.lines.last_mut() {
                line.push(' ');
                line.push_str(&comment);
            }
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.lines.push(format!("{:indent$}{text}", ""));
    }

    fn fits(&self, indent: usize, parts: &[&str]) -> bool {
        indent + parts.iter().map(|part| part.chars().count()).sum::<usize>() <= WIDTH
    }

    /// Writes an expression between `lead` and `tail`, with all comments up to its end and behind it.
    fn term(&mut self, outer: &Expression, least: Binding, indent: usize, lead: &str, tail: &str) {
        let inner = bare(outer);
        let (start, end) = (first(outer, least), last(outer, least));
        self.comments_before(start, indent);
        let flat = self.flat(outer, least);
        if self.has_comment_before(end) || !self.fits(indent, &[lead, &flat, tail]) {
            self.broken(inner, end, least, indent, lead, tail);
        } else {
            self.line(indent, &format!("{lead}{flat}{tail}"));
        }
        self.trailing_comment(end);
        self.comments_before(outer.span.end as usize, indent);
    }

    /// Writes an expression over several lines, if it can be.
    fn broken(&mut self, expression: &Expression, end: usize, least: Binding, indent: usize, lead: &str, tail: &str) {
        if binding(expression) < least {
            self.line(indent, &format!("{lead}("));
            self.term(expression, Binding::Or, indent + STEP, "", "");
            self.comments_before(end, indent + STEP);
            self.line(indent, &format!("){tail}"));
            return;
        }
        match &expression.kind {
            ExpressionKind::Or(parts) => self.chain(parts, "or ", indent, lead, tail),
            ExpressionKind::And(parts) => self.chain(parts, "and ", indent, lead, tail),
            ExpressionKind::Not(inner) => self.term(inner, Binding::Not, indent, &format!("{lead}not "), tail),
            ExpressionKind::Quantified { quantifier, body } => {
                self.line(indent, &format!("{lead}{}(", word(quantifier.value)));
                self.term(body, Binding::Or, indent + STEP, "", "");
                self.comments_before(end, indent + STEP);
                self.line(indent, &format!("){tail}"));
            }
            ExpressionKind::Compare { operator, left, right } => {
                self.comparison(operator.value.name(), left, right, indent, lead, tail);
            }
            ExpressionKind::List(items) => {
                self.line(indent, &format!("{lead}["));
                self.items(items, end, indent + STEP);
                self.line(indent, &format!("]{tail}"));
            }
            ExpressionKind::Group(_)
            | ExpressionKind::Exists(_)
            | ExpressionKind::Call { .. }
            | ExpressionKind::Path { .. }
            | ExpressionKind::String { .. }
            | ExpressionKind::Regex(_)
            | ExpressionKind::Integer(_)
            | ExpressionKind::Boolean(_)
            | ExpressionKind::Ip(_)
            | ExpressionKind::Cidr(_)
            | ExpressionKind::Duration(_)
            | ExpressionKind::ListReference(_)
            | ExpressionKind::Error => {
                // Nothing to divide: the comments inside go before it.
                self.comments_before(end, indent);
                let flat = self.flat(expression, least);
                self.line(indent, &format!("{lead}{flat}{tail}"));
            }
        }
    }

    fn chain(&mut self, parts: &[Expression], operator: &str, indent: usize, lead: &str, tail: &str) {
        for (index, part) in parts.iter().enumerate() {
            let lead = if index == 0 { lead } else { operator };
            let tail = if index + 1 == parts.len() { tail } else { "" };
            self.term(part, PART, indent, lead, tail);
        }
    }

    fn comparison(
        &mut self,
        operator: &str,
        left: &Expression,
        right: &Expression,
        indent: usize,
        lead: &str,
        tail: &str,
    ) {
        let (left_text, right_text) = (self.flat(left, Binding::Primary), self.flat(right, Binding::Primary));
        let (left, right) = (bare(left), bare(right));
        let left_end = left.span.end as usize;
        let keys = if let ExpressionKind::Path { name, keys: Some(keys) } = &left.kind
            && keys.len() > 1
        {
            Some((name, keys))
        } else {
            None
        };
        let list = if let ExpressionKind::List(items) = &right.kind { Some(items) } else { None };
        let is_commented = keys.is_some() && self.has_comment_before(left_end);
        if !is_commented {
            self.comments_before(right.span.start as usize, indent);
        }
        let rest = if list.is_some() { "[" } else { &right_text };
        let mut line = lead.to_owned();
        if let Some((name, keys)) = keys
            && (is_commented || !self.fits(indent, &[lead, &left_text, " ", operator, " ", rest]))
        {
            let (base, suffix) = split_suffix(&name.value);
            self.line(indent, &format!("{lead}{base}["));
            self.keys(keys, left_end, indent + STEP);
            self.comments_before(right.span.start as usize, indent + STEP);
            line = format!("]{suffix}");
        } else {
            line.push_str(&left_text);
        }
        line.push_str(&format!(" {operator} "));
        let end = right.span.end as usize;
        if let Some(items) = list
            && (self.has_comment_before(end) || !self.fits(indent, &[&line, &right_text, tail]))
        {
            self.line(indent, &format!("{line}["));
            self.items(items, end, indent + STEP);
            self.line(indent, &format!("]{tail}"));
        } else {
            self.comments_before(end, indent);
            self.line(indent, &format!("{line}{right_text}{tail}"));
        }
    }

    fn items(&mut self, items: &[Expression], end: usize, indent: usize) {
        let items: Vec<_> = items.iter().map(|item| (self.flat(item, Binding::Or), item.span)).collect();
        self.fill(&items, end, indent);
    }

    fn keys(&mut self, keys: &[Spanned<Vec<u8>>], end: usize, indent: usize) {
        let items: Vec<_> = keys.iter().map(|key| (self.string(key.span), key.span)).collect();
        self.fill(&items, end, indent);
    }

    /// Writes what stands between brackets: as much as fits on a line, or one a line where there are comments.
    fn fill(&mut self, items: &[(String, Span)], end: usize, indent: usize) {
        let commented = self.has_comment_before(end);
        let mut line = String::new();
        for (index, (item, span)) in items.iter().enumerate() {
            let comma = if index + 1 < items.len() { "," } else { "" };
            if commented {
                self.comments_before(span.start as usize, indent);
                self.line(indent, &format!("{item}{comma}"));
                self.trailing_comment(span.end as usize);
                continue;
            }
            if line.is_empty() {
                line = format!("{item}{comma}");
            } else if self.fits(indent, &[&line, " ", item, comma]) {
                line.push_str(&format!(" {item}{comma}"));
            } else {
                self.line(indent, &line);
                line = format!("{item}{comma}");
            }
        }
        if !line.is_empty() {
            self.line(indent, &line);
        }
        self.comments_before(end, indent);
    }

    /// An expression on one line, without its comments.
    fn flat(&self, expression: &Expression, least: Binding) -> String {
        let expression = bare(expression);
        let text = self.flat_kind(expression);
        if binding(expression) < least { format!("({text})") } else { text }
    }

    fn flat_kind(&self, expression: &Expression) -> String {
        let join = |parts: &[Expression], least, between: &str| {
            parts.iter().map(|part| self.flat(part, least)).collect::<Vec<_>>().join(between)
        };
        match &expression.kind {
            ExpressionKind::Or(parts) => join(parts, PART, " or "),
            ExpressionKind::And(parts) => join(parts, PART, " and "),
            ExpressionKind::Not(inner) => format!("not {}", self.flat(inner, Binding::Not)),
            ExpressionKind::Group(inner) => self.flat(inner, Binding::Or),
            ExpressionKind::Compare { operator, left, right } => {
                let (left, right) = (self.flat(left, Binding::Primary), self.flat(right, Binding::Primary));
                format!("{left} {} {right}", operator.value.name())
            }
            // The grammar takes no second `exists` right behind one.
            ExpressionKind::Exists(inner) if matches!(bare(inner).kind, ExpressionKind::Exists(_)) => {
                format!("exists ({})", self.flat(inner, Binding::Or))
            }
            ExpressionKind::Exists(inner) => format!("exists {}", self.flat(inner, Binding::Primary)),
            ExpressionKind::Quantified { quantifier, body } => {
                format!("{}({})", word(quantifier.value), self.flat(body, Binding::Or))
            }
            ExpressionKind::Call { name, arguments } => {
                format!("{}({})", name.value, join(arguments, Binding::Or, ", "))
            }
            ExpressionKind::Path { name, keys: None } => name.value.clone(),
            ExpressionKind::Path { name, keys: Some(keys) } => {
                let (base, suffix) = split_suffix(&name.value);
                let keys: Vec<String> = keys.iter().map(|key| self.string(key.span)).collect();
                format!("{base}[{}]{suffix}", keys.join(", "))
            }
            ExpressionKind::String { .. } => self.string(expression.span),
            ExpressionKind::Regex(regex) => literals::regex(&regex.pattern, regex.ignore_case),
            ExpressionKind::Integer(value) => value.to_string(),
            ExpressionKind::Boolean(value) => value.to_string(),
            ExpressionKind::Ip(address) => address.to_string(),
            ExpressionKind::Cidr(network) => network.to_string(),
            ExpressionKind::List(items) => format!("[{}]", join(items, Binding::Or, ", ")),
            ExpressionKind::ListReference(name) => format!("@{name}"),
            // The unit is the author's.
            ExpressionKind::Duration(_) | ExpressionKind::Error => self.text[expression.span.range()].to_owned(),
        }
    }

    fn string(&self, span: Span) -> String {
        literals::string(&self.text[span.range()])
    }
}

/// `req.args.raw` with a key is written `req.args["k"].raw`.
fn split_suffix(name: &str) -> (&str, &str) {
    match name.strip_suffix(".raw") {
        Some(base) => (base, ".raw"),
        None => (name, ""),
    }
}

fn word(quantifier: Quantifier) -> &'static str {
    match quantifier {
        Quantifier::Any => "any",
        Quantifier::All => "all",
    }
}
