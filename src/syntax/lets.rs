//! `let:` of a signature: names → expressions. Called by `signature`. A text or a list between quotes or brackets that
//! are YAML's, not the expression's, is answered with the form that was meant.

use super::ast::{Expression, ExpressionKind, Let};
use super::nodes::Reader;
use super::terms;
use super::yaml::{Node, NodeKind};
use crate::diagnostic::{Code, Diagnostic, Label};
use crate::source::Spanned;
use granit_parser::ScalarStyle;

/// The way out where YAML took the quotes of a text away.
pub const OWN_QUOTES: &str = "YAML takes these quotes away: a text has its own inside of them";

/// Each costs time, and no signature has so many.
const MOST_LETS: usize = 1000;
/// Longest text that is proposed.
const LONGEST: usize = 400;

/// Words that a `let` name cannot be: the grammar reads them as something else.
const RESERVED: [&str; 13] = [
    "and",
    "or",
    "not",
    "in",
    "contains",
    "starts_with",
    "ends_with",
    "matches",
    "exists",
    "any",
    "all",
    "true",
    "false",
];

/// `let: {from_office: client.ip in @office}`
pub(super) fn lets(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Vec<Let> {
    let expected = "a mapping of names to expressions";
    if !reader.is_mapping(node, expected, |_, _| None, "let: {from_office: client.ip in @office}") {
        return Vec::new();
    }
    let Some(entries) = reader.entries(node, expected) else { return Vec::new() };
    let entries = reader.at_most(&entries, MOST_LETS, "names under `let`", node.span);
    let mut lets = Vec::with_capacity(entries.len());
    for (name, key, value) in entries.iter().copied() {
        let mut characters = name.bytes();
        let starts = characters.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        let valid = starts && characters.all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let usable = valid && !RESERVED.contains(&name);
        if !usable {
            let message = format!("`{}` cannot be a name", terms::shorten(name));
            let why = if valid { "has a meaning in conditions" } else { "not a name" };
            let diagnostic = Diagnostic::new(Code::InvalidValue, reader.first_line(key.span), message, why)
                .help("a name is made of letters, digits and `_`, and starts with a letter");
            let fixed = name.replace('-', "_");
            reader.report.push(match name.contains('-') && name.is_ascii() {
                true => diagnostic.fix(format!("write it as `{fixed}`"), key.span, fixed),
                false => diagnostic,
            });
        }
        let expression = expression(reader, name, value);
        if !usable {
            continue;
        }
        lets.push(Let { name: Spanned::new(name.to_owned(), key.span), value: expression });
    }
    lets
}

fn expression(reader: &mut Reader<'_, '_>, name: &str, node: &Node<'_>) -> Expression {
    if let NodeKind::Sequence(items) = &node.kind {
        let diagnostic = reader.wrong_type(node, "an expression");
        let texts: Option<Vec<String>> = items.iter().map(|item| element(reader.text, item)).collect();
        let list = texts.filter(|texts| !texts.is_empty()).map(|texts| format!("[{}]", texts.join(", ")));
        reader.report.push(match list.filter(|list| list.len() <= LONGEST) {
            Some(list) => {
                diagnostic.proposal("a list of a condition stands in quotes of YAML's", node.span, in_yaml(&list))
            }
            None => {
                diagnostic.help(format!("a list is written as a block scalar: `{name}: |`, `[\"a\", \"b\"]` below"))
            }
        });
        return Expression { kind: ExpressionKind::Error, span: reader.first_line(node.span) };
    }
    let (before, span) = (reader.report.count(), reader.first_line(node.span));
    let expression = reader.condition(node, name);
    if reader.report.count() > before
        && !reader.report.is_full()
        && let Some(text) = unquoted(node)
        && let Some(last) = reader.report.last_mut()
    {
        // What else was guessed took the text for a part of a condition.
        let mut meant = last.clone();
        meant.message =
            format!("expected an expression, found the text `{}`", terms::shorten(&text[1..text.len() - 1]));
        meant.primary = Label { span, text: "no quotes of its own".to_owned() };
        meant.secondary.clear();
        meant.help.clear();
        meant.fixes.clear();
        *last = meant.proposal(OWN_QUOTES, node.span, in_yaml(&text));
    }
    expression
}

/// An element of a list as it stands in a condition.
fn element(text: &str, item: &Node<'_>) -> Option<String> {
    let NodeKind::Scalar(value, style) = &item.kind else { return None };
    let is_plain = matches!(style, ScalarStyle::Plain);
    let is_literal = value.starts_with(|first: char| first.is_ascii_digit()) || value.contains(['"', ':']);
    if is_plain && is_literal { Some(text[item.span.range()].to_owned()) } else { literal(value) }
}

/// The string literal that a scalar was meant as which has the quotes of YAML alone, and names no field or list.
fn unquoted(node: &Node<'_>) -> Option<String> {
    let is_condition = |value: &str| ["req.", "client.", "tls.", "resp.", "@"].iter().any(|name| value.contains(name));
    match &node.kind {
        NodeKind::Scalar(value, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) if !is_condition(value) => {
            literal(value)
        }
        NodeKind::Null | NodeKind::Scalar(..) | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
    }
}

fn literal(value: &str) -> Option<String> {
    let plain = value.len() <= LONGEST && !value.contains(['"', '\\']) && !value.chars().any(char::is_control);
    plain.then(|| format!("\"{value}\""))
}

/// An expression as a scalar in single quotes.
fn in_yaml(expression: &str) -> String {
    format!("'{}'", expression.replace('\'', "''"))
}
