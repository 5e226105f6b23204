//! The tree of VCL → its text, and the lines on which each signature stands.

#![expect(clippy::wildcard_enum_match_arm, reason = "special cases of a tree: all other shapes are alike")]

use super::text::{fastly_literal, header_name, one_line, safe_pattern, write_string_literal};
use super::{Dialect, Expression, File, Item, Statement};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A printed file.
#[derive(Clone, Debug, Default)]
pub struct Printed {
    pub text: String,
    /// First and last line of each signature, from 1; a signature can stand in several places.
    pub lines: BTreeMap<String, Vec<(usize, usize)>>,
}

/// The text of a file.
pub fn print(file: &File) -> Printed {
    // Every core prints items; they are put together in order.
    let parts = file.items.par_iter().map(|item| {
        let mut printer = Printer { dialect: file.dialect, ..Printer::default() };
        printer.item(item);
        (matches!(item, Item::Import(_)), printer)
    });
    let parts: Vec<(bool, Printer)> = parts.collect();
    let mut printed = Printed::default();
    printed.text.reserve(parts.iter().map(|(_, part)| part.out.len() + 1).sum());
    let mut line_number = 0;
    let mut previous_is_import = false;
    for (is_import, part) in parts {
        let together = is_import && previous_is_import;
        if !printed.text.is_empty() && !together {
            printed.text.push('\n');
            line_number += 1;
        }
        previous_is_import = is_import;
        printed.text.push_str(&part.out);
        for (id, places) in part.lines {
            let places = places.into_iter().map(|(first, last)| (first + line_number, last + line_number));
            printed.lines.entry(id).or_default().extend(places);
        }
        line_number += part.line_number;
    }
    printed
}

/// Room for a line before a condition is broken into several.
const WIDTH: usize = 110;

#[derive(Default)]
struct Printer {
    dialect: Dialect,
    out: String,
    line_number: usize,
    lines: BTreeMap<String, Vec<(usize, usize)>>,
}

impl Printer {
    fn flat(&self, expression: &Expression) -> String {
        flat(self.dialect, expression)
    }

    fn line(&mut self, depth: usize, text: &str) {
        if !text.is_empty() {
            self.out.extend(std::iter::repeat_n('\t', depth));
            self.out.push_str(text);
        }
        self.out.push('\n');
        self.line_number += 1 + text.bytes().filter(|byte| *byte == b'\n').count();
    }

    fn comment(&mut self, depth: usize, text: &str) {
        self.line(depth, format!("# {}", one_line(text)).trim_end());
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Comment(lines) => lines.iter().for_each(|line| self.comment(0, line)),
            Item::Version => self.line(0, "vcl 4.1;"),
            Item::Import(vmod) => self.line(0, &format!("import {vmod};")),
            Item::Acl { name, comment, entries } => {
                comment.iter().for_each(|line| self.comment(0, line));
                let flags = match self.dialect {
                    Dialect::Varnish => " +table",
                    Dialect::Fastly => "",
                };
                self.line(0, &format!("acl {name}{flags} {{"));
                for entry in entries {
                    self.line(1, &format!("\"{}\"/{};", entry.network(), entry.prefix_len()));
                }
                self.line(0, "}");
            }
            Item::Sub { name, comment, body } => {
                comment.iter().for_each(|line| self.comment(0, line));
                self.line(0, &format!("sub {name} {{"));
                self.statements(1, body);
                self.line(0, "}");
            }
            Item::Table { name, comment, keys } => {
                comment.iter().for_each(|line| self.comment(0, line));
                self.line(0, &format!("table {name} {{"));
                for key in keys {
                    self.line(1, &format!("{}: \"1\",", fastly_literal(key)));
                }
                self.line(0, "}");
            }
            Item::Statement(statement) => self.statement(0, statement),
            Item::Store(kind, name) => self.line(0, &format!("{kind} {name} {{ }}")),
        }
    }

    fn statements(&mut self, depth: usize, statements: &[Statement]) {
        for statement in statements {
            self.statement(depth, statement);
        }
    }

    fn statement(&mut self, depth: usize, statement: &Statement) {
        match statement {
            Statement::Comment(text) => self.comment(depth, text),
            Statement::Blank => self.line(0, ""),
            Statement::Set(target, value) => {
                self.line(depth, &format!("set {} = {};", self.flat(target), self.flat(value)))
            }
            Statement::Unset(target) => self.line(depth, &format!("unset {};", self.flat(target))),
            Statement::Call(name) => self.line(depth, &format!("call {name};")),
            Statement::Do(call) => self.line(depth, &format!("{};", self.flat(call))),
            Statement::If { branches, otherwise } => {
                for (index, (condition, body)) in branches.iter().enumerate() {
                    let keyword = if index == 0 { "if (" } else { "} elsif (" };
                    let condition = condition_text(self.dialect, condition, depth, keyword.len());
                    self.line(depth, &format!("{keyword}{condition}) {{"));
                    self.statements(depth + 1, body);
                }
                if !otherwise.is_empty() {
                    self.line(depth, "} else {");
                    self.statements(depth + 1, otherwise);
                }
                self.line(depth, "}");
            }
            Statement::Return => self.line(depth, "return;"),
            Statement::Leave(action) => self.line(depth, &format!("return ({action});")),
            Statement::Synth(status) => self.line(depth, &format!("return (synth({}));", self.flat(status))),
            Statement::Synthetic(body) => {
                let body = self.flat(body);
                let line = match self.dialect {
                    Dialect::Varnish => format!("synthetic({body});"),
                    Dialect::Fastly => format!("synthetic {body};"),
                };
                self.line(depth, &line);
            }
            Statement::New(name, constructor) => self.line(depth, &format!("new {name} = {constructor}();")),
            Statement::Declare(name, kind) => self.line(depth, &format!("declare local {name} {kind};")),
            Statement::Increase(target, value) => {
                self.line(depth, &format!("set {} += {};", self.flat(target), self.flat(value)));
            }
            Statement::Divide(target, value) => {
                self.line(depth, &format!("set {} /= {};", self.flat(target), self.flat(value)));
            }
            Statement::Error(status, text) => self.line(depth, &format!("error {status} {};", self.flat(text))),
            Statement::Log(text) => self.line(depth, &format!("log {};", self.flat(text))),
            Statement::Signature(id, body) => {
                let first = self.line_number + 1;
                self.statements(depth, body);
                let last = self.line_number.max(first);
                self.lines.entry(id.clone()).or_default().push((first, last));
            }
        }
    }
}

/// A condition, on several lines when it is long.
fn condition_text(dialect: Dialect, condition: &Expression, depth: usize, used: usize) -> String {
    let mut out = flat(dialect, condition);
    if out.len() + depth * 8 + used > WIDTH {
        out.clear();
        broken(dialect, condition, depth, 4, &mut out);
    }
    out
}

fn broken(dialect: Dialect, expression: &Expression, depth: usize, column: usize, out: &mut String) {
    let (parts, operator) = match expression {
        Expression::And(parts) => (parts, "&& "),
        Expression::Or(parts) => (parts, "|| "),
        Expression::Not(inner) if matches!(**inner, Expression::And(_) | Expression::Or(_)) => {
            out.push_str("!(");
            broken(dialect, inner, depth, column + 4, out);
            out.push(')');
            return;
        }
        other => return write_flat(dialect, other, out),
    };
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push('\n');
            out.extend(std::iter::repeat_n('\t', depth));
            out.extend(std::iter::repeat_n(' ', column));
            out.push_str(operator);
        }
        if matches!(part, Expression::And(_) | Expression::Or(_)) {
            out.push('(');
            let start = out.len();
            write_flat(dialect, part, out);
            if out.len() - start + column + depth * 8 > WIDTH {
                out.truncate(start);
                broken(dialect, part, depth, column + 4, out);
            }
            out.push(')');
        } else {
            broken(dialect, part, depth, column, out);
        }
    }
}

/// An expression on one line.
fn flat(dialect: Dialect, expression: &Expression) -> String {
    let mut out = String::with_capacity(128);
    write_flat(dialect, expression, &mut out);
    out
}

fn write_flat(dialect: Dialect, expression: &Expression, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = match expression {
        Expression::Text(text) => match dialect {
            Dialect::Varnish => return write_string_literal(text, out),
            Dialect::Fastly => return out.push_str(&fastly_literal(text)),
        },
        // A pattern from `regex` fits as it is; anything else would end the literal and is neutralised.
        Expression::Pattern(pattern) => match dialect {
            Dialect::Varnish => write!(out, "\"{}\"", safe_pattern(pattern)),
            Dialect::Fastly => return out.push_str(&fastly_literal(&safe_pattern(pattern))),
        },
        Expression::Integer(value) => write!(out, "{value}"),
        Expression::Duration(milliseconds) if milliseconds % 1000 == 0 => write!(out, "{}s", milliseconds / 1000),
        Expression::Duration(milliseconds) => write!(out, "{}.{:03}s", milliseconds / 1000, milliseconds % 1000),
        Expression::Bytes(bytes) => write!(out, "{bytes}B"),
        Expression::Boolean(value) => write!(out, "{value}"),
        Expression::Name(name) => return out.push_str(name),
        Expression::Header(object, name) => write!(out, "{object}.http.{}", header_name(name)),
        Expression::Call(function, arguments) => {
            out.push_str(function);
            out.push('(');
            for (index, (name, value)) in arguments.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                if let Some(name) = name {
                    out.push_str(name);
                    out.push('=');
                }
                write_flat(dialect, value, out);
            }
            return out.push(')');
        }
        Expression::Compare(comparator, left, right) => {
            write_operand(dialect, left, out);
            let _ = write!(out, " {} ", comparator.text());
            return write_operand(dialect, right, out);
        }
        Expression::Not(inner) => match &**inner {
            Expression::Name(_) | Expression::Header(..) | Expression::Call(..) => {
                out.push('!');
                return write_flat(dialect, inner, out);
            }
            other => {
                out.push_str("!(");
                write_flat(dialect, other, out);
                return out.push(')');
            }
        },
        Expression::And(parts) => return write_joined(dialect, parts, " && ", out),
        Expression::Or(parts) => return write_joined(dialect, parts, " || ", out),
        Expression::Sum(parts) => {
            let operator = match dialect {
                Dialect::Varnish => " + ",
                // Strings stand side by side; `+` is no operator.
                Dialect::Fastly => " ",
            };
            return write_joined(dialect, parts, operator, out);
        }
        Expression::Difference(left, right) | Expression::Product(left, right) => {
            write_operand(dialect, left, out);
            out.push_str(if matches!(expression, Expression::Product(..)) { " * " } else { " - " });
            return write_operand(dialect, right, out);
        }
    };
}

fn write_joined(dialect: Dialect, parts: &[Expression], operator: &str, out: &mut String) {
    for (index, part) in parts.iter().enumerate() {
        out.push_str(if index > 0 { operator } else { "" });
        write_operand(dialect, part, out);
    }
}

/// In brackets where an operator around it would bind tighter.
fn write_operand(dialect: Dialect, expression: &Expression, out: &mut String) {
    match expression {
        Expression::And(_) | Expression::Or(_) | Expression::Difference(..) => {
            out.push('(');
            write_flat(dialect, expression, out);
            out.push(')');
        }
        Expression::Text(_)
        | Expression::Pattern(_)
        | Expression::Integer(_)
        | Expression::Duration(_)
        | Expression::Bytes(_)
        | Expression::Boolean(_)
        | Expression::Name(_)
        | Expression::Header(..)
        | Expression::Call(..)
        | Expression::Compare(..)
        | Expression::Not(_)
        | Expression::Product(..)
        | Expression::Sum(_) => write_flat(dialect, expression, out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::when;
    use super::*;

    #[test]
    fn long_conditions_are_broken() {
        let part = |n: usize| Expression::name(format!("req.http.a-long-header-name-{n}"));
        let condition =
            Expression::all([part(1), Expression::any([part(2), part(3), part(4), part(5)]), part(6).not()]);
        let file = File {
            dialect: Dialect::Varnish,
            items: vec![Item::Sub {
                name: "x".to_owned(),
                comment: Vec::new(),
                body: vec![Statement::Signature("s".to_owned(), vec![when(condition, vec![Statement::Return])])],
            }],
        };
        let printed = print(&file);
        insta::assert_snapshot!(printed.text);
        assert_eq!(printed.lines["s"], [(2, printed.text.lines().count() - 1)]);
    }
}
