//! VCL as a tree, and its printer: the only place with VCL syntax, escaping and literal splitting. The targets build
//! trees, [`print`] gives the text and the lines on which each signature stands.

#![expect(clippy::wildcard_enum_match_arm, reason = "special cases of a tree: all other shapes are alike")]

use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Whose VCL it is: strings, lists and concatenation are written differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    #[default]
    Varnish,
    Fastly,
}

/// A whole file.
#[derive(Clone, Debug, Default)]
pub struct File {
    pub dialect: Dialect,
    pub items: Vec<Item>,
}

/// What stands at the top level.
#[derive(Clone, Debug)]
pub enum Item {
    /// Lines of a `#` comment.
    Comment(Vec<String>),
    /// `vcl 4.1;`
    Version,
    Import(&'static str),
    /// An address list with `+table`; entries are canonical networks.
    Acl {
        name: String,
        comment: Vec<String>,
        entries: Vec<ipnet::IpNet>,
    },
    Sub {
        name: String,
        comment: Vec<String>,
        body: Vec<Statement>,
    },
    /// Fastly: a table of strings; every value is `1`.
    Table {
        name: String,
        comment: Vec<String>,
        keys: Vec<String>,
    },
    /// Fastly: a snippet is statements without a sub.
    Statement(Statement),
    /// Fastly: `KIND NAME { }`, a ratecounter or a penaltybox.
    Store(&'static str, String),
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    Comment(String),
    Blank,
    Set(Expression, Expression),
    Unset(Expression),
    Call(String),
    /// A call of a function without result.
    Do(Expression),
    If {
        branches: Vec<(Expression, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    /// `return;`
    Return,
    /// `return (deliver);`
    Leave(&'static str),
    /// `return (synth(STATUS));`
    Synth(Expression),
    Synthetic(Expression),
    /// `new NAME = CONSTRUCTOR();`
    New(String, &'static str),
    /// Fastly: `declare local NAME TYPE;`
    Declare(String, &'static str),
    /// Fastly: `set NAME += VALUE;`
    Increase(Expression, Expression),
    /// Fastly: `error STATUS TEXT;`
    Error(u16, Expression),
    /// Fastly: `log TEXT;`
    Log(Expression),
    /// The statements of one signature; the printer notes their lines.
    Signature(String, Vec<Statement>),
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A string. Free of NUL, CR and LF are allowed.
    Text(String),
    /// A regular expression: printable ASCII without a double quote.
    Pattern(String),
    Integer(i64),
    /// Milliseconds.
    Duration(u64),
    Bytes(u64),
    Boolean(bool),
    /// A variable, an ACL, an enumeration value.
    Name(String),
    /// `req.http.NAME`, `resp.http.NAME`
    Header(&'static str, String),
    Call(String, Vec<(Option<&'static str>, Expression)>),
    Compare(Comparator, Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    /// Two or more.
    And(Vec<Expression>),
    /// Two or more.
    Or(Vec<Expression>),
    /// `+` of strings or integers.
    Sum(Vec<Expression>),
    /// `a - b`
    Difference(Box<Expression>, Box<Expression>),
    /// `a * b`
    Product(Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    Equal,
    NotEqual,
    Match,
    NoMatch,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparator {
    fn text(self) -> &'static str {
        match self {
            Comparator::Equal => "==",
            Comparator::NotEqual => "!=",
            Comparator::Match => "~",
            Comparator::NoMatch => "!~",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        }
    }

    fn contrary(self) -> Comparator {
        match self {
            Comparator::Equal => Comparator::NotEqual,
            Comparator::NotEqual => Comparator::Equal,
            Comparator::Match => Comparator::NoMatch,
            Comparator::NoMatch => Comparator::Match,
            Comparator::Less => Comparator::GreaterOrEqual,
            Comparator::LessOrEqual => Comparator::Greater,
            Comparator::Greater => Comparator::LessOrEqual,
            Comparator::GreaterOrEqual => Comparator::Less,
        }
    }
}

impl Expression {
    pub fn text(text: impl Into<String>) -> Expression {
        Expression::Text(text.into())
    }

    pub fn pattern(pattern: impl Into<String>) -> Expression {
        Expression::Pattern(pattern.into())
    }

    pub fn name(name: impl Into<String>) -> Expression {
        Expression::Name(name.into())
    }

    pub fn call(function: impl Into<String>, arguments: impl IntoIterator<Item = Expression>) -> Expression {
        Expression::Call(function.into(), arguments.into_iter().map(|argument| (None, argument)).collect())
    }

    pub fn compare(self, comparator: Comparator, right: Expression) -> Expression {
        Expression::Compare(comparator, Box::new(self), Box::new(right))
    }

    /// `self ~ "pattern"`
    pub fn matches(self, pattern: impl Into<String>) -> Expression {
        self.compare(Comparator::Match, Expression::pattern(pattern))
    }

    pub fn equals(self, right: Expression) -> Expression {
        self.compare(Comparator::Equal, right)
    }

    /// Constants are folded, and what is said twice in a row; nothing is true.
    pub fn all(parts: impl IntoIterator<Item = Expression>) -> Expression {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Expression::Boolean(true) => {}
                Expression::Boolean(false) => return part,
                Expression::And(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        kept.dedup();
        if kept.len() > 1 { Expression::And(kept) } else { kept.pop().unwrap_or(Expression::Boolean(true)) }
    }

    /// Constants are folded; nothing is false.
    pub fn any(parts: impl IntoIterator<Item = Expression>) -> Expression {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Expression::Boolean(false) => {}
                Expression::Boolean(true) => return part,
                Expression::Or(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        if kept.len() > 1 { Expression::Or(kept) } else { kept.pop().unwrap_or(Expression::Boolean(false)) }
    }

    /// The contrary.
    #[allow(clippy::should_implement_trait, reason = "an operator for trees would read worse")]
    pub fn not(self) -> Expression {
        match self {
            Expression::Boolean(value) => Expression::Boolean(!value),
            Expression::Not(inner) => *inner,
            Expression::Compare(comparator, left, right) => Expression::Compare(comparator.contrary(), left, right),
            other => Expression::Not(Box::new(other)),
        }
    }
}

/// Shorthand for an `if` with one branch.
pub fn when(condition: Expression, body: Vec<Statement>) -> Statement {
    Statement::If { branches: vec![(condition, body)], otherwise: Vec::new() }
}

/// Shorthand for an `if` with an `else`.
pub fn when_else(condition: Expression, body: Vec<Statement>, otherwise: Vec<Statement>) -> Statement {
    Statement::If { branches: vec![(condition, body)], otherwise }
}

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

fn write_string_literal(text: &str, out: &mut String) {
    if text.contains(['"', '\n', '\r', '\0']) {
        return out.push_str(&string_literal(text));
    }
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// VCL strings have no escapes. Short ones hold neither `"` nor line ends; long ones anything but `"}`, so a text is
/// split between a `"` and a `}`. Its pieces are joined with `+`.
pub fn string_literal(text: &str) -> String {
    let text = text.replace('\0', "");
    if !text.contains(['"', '\n', '\r']) {
        return format!("\"{text}\"");
    }
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\"}") {
        let (piece, tail) = rest.split_at(at + 1);
        pieces.push(piece);
        rest = tail;
    }
    pieces.push(rest);
    pieces
        .iter()
        .map(
            |piece| if piece.contains(['"', '\n', '\r']) { format!("{{\"{piece}\"}}") } else { format!("\"{piece}\"") },
        )
        .collect::<Vec<_>>()
        .join(" + ")
}

/// A short string of Fastly's VCL: `%` begins its only escapes, a backslash is none. A backslash before the closing quote is
/// written as one because a linter misreads it, and so is U+FFFD by its number, whose bytes falco takes for broken ones.
pub fn fastly_literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for (index, character) in text.char_indices() {
        let last = index + 1 == text.len();
        match character {
            // A NUL would end the string there.
            '\0' => {}
            '\u{FFFD}' => literal.push_str("%uFFFD"),
            '\\' if last => literal.push_str("%5C"),
            ' '..='~' if !matches!(character, '"' | '%') => literal.push(character),
            _ => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(literal, "%{byte:02X}");
                }
            }
        }
    }
    literal.push('"');
    literal
}

fn safe_pattern(pattern: &str) -> Cow<'_, str> {
    let fits = |byte: u8| byte != b'"' && (b' '..=b'~').contains(&byte);
    if pattern.bytes().all(fits) {
        return Cow::Borrowed(pattern);
    }
    let mut safe = String::with_capacity(pattern.len());
    for byte in pattern.bytes() {
        if fits(byte) {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "\\x{byte:02x}");
        }
    }
    Cow::Owned(safe)
}

/// `User-Agent` for `user-agent`; in quotes where VCL's grammar wants them.
fn header_name(name: &str) -> String {
    let mut upper = true;
    let title: String = name
        .chars()
        .map(|character| {
            let shown = if upper { character.to_ascii_uppercase() } else { character };
            upper = character == '-';
            shown
        })
        .collect();
    let plain = title.starts_with(|first: char| first.is_ascii_alphabetic())
        && title.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'));
    if plain { title } else { format!("\"{title}\"") }
}

/// Text that stays on its line: a comment ends at a line feed only, but people read other controls as line ends too.
pub fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a printed string back as VCL's lexer does.
    fn read_back(mut literal: &str) -> Option<String> {
        let mut text = String::new();
        loop {
            if let Some(long) = literal.strip_prefix("{\"") {
                let end = long.find("\"}")?;
                text.push_str(&long[..end]);
                literal = &long[end + 2..];
            } else {
                // `""` followed by `"` would open a third form.
                if literal.starts_with("\"\"\"") {
                    return None;
                }
                let short = literal.strip_prefix('"')?;
                let end = short.find(['"', '\n', '\r'])?;
                if !short[end..].starts_with('"') {
                    return None;
                }
                text.push_str(&short[..end]);
                literal = &short[end + 1..];
            }
            if literal.is_empty() {
                return Some(text);
            }
            literal = literal.strip_prefix(" + ")?;
        }
    }

    proptest! {
        #[test]
        fn printed_strings_read_back(text in "[\"{}a\\\\\n%+ é]{0,24}") {
            prop_assert_eq!(read_back(&string_literal(&text)), Some(text));
        }

        #[test]
        fn any_printed_string_reads_back(text in "[^\u{0}]{0,40}") {
            prop_assert_eq!(read_back(&string_literal(&text)), Some(text));
        }

        #[test]
        fn any_printed_fastly_string_reads_back(text in "[^\u{0}]{0,40}|[%a\u{fffd}\"]{0,8}") {
            let literal = fastly_literal(&text);
            let inner = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
            prop_assert!(inner.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"'));
            prop_assert!(!inner.ends_with('\\'));
            let mut bytes = Vec::new();
            let mut rest = inner.as_bytes();
            while let Some((&byte, tail)) = rest.split_first() {
                if let Some(after) = rest.strip_prefix(b"%uFFFD") {
                    bytes.extend("\u{FFFD}".as_bytes());
                    rest = after;
                } else if byte == b'%' {
                    let digits = std::str::from_utf8(&tail[..2]).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                    rest = &tail[2..];
                } else {
                    bytes.push(byte);
                    rest = tail;
                }
            }
            prop_assert_eq!(bytes, text.into_bytes());
        }

        #[test]
        fn comments_stay_on_their_line(text in ".{0,40}") {
            prop_assert!(!one_line(&text).contains(['\n', '\r']));
        }
    }

    #[test]
    fn literals_that_break_naive_printers() {
        for (text, expected) in [
            ("", "\"\""),
            ("plain", "\"plain\""),
            ("say \"x\"", "{\"say \"x\"\"}"),
            ("{\"id\":\"}", "{\"{\"id\":\"\"} + \"}\""),
            ("\"}", "{\"\"\"} + \"}\""),
        ] {
            assert_eq!(string_literal(text), expected, "{text}");
        }
    }

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

    #[test]
    fn headers_are_spelled_for_the_grammar() {
        for (name, expected) in
            [("user-agent", "User-Agent"), ("x_y", "X_y"), ("x.y", "\"X.y\""), ("1a", "\"1a\""), ("a+b", "\"A+b\"")]
        {
            assert_eq!(header_name(name), expected);
        }
    }
}
