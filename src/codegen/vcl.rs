//! VCL as a tree, which the targets build. [`print()`] gives the text and the lines on which each signature stands; no other
//! place has VCL's syntax, escaping and literal splitting.

#![expect(clippy::wildcard_enum_match_arm, reason = "special cases of a tree: all other shapes are alike")]

mod print;
mod text;

pub use print::{Printed, print};
pub use text::one_line;

use std::borrow::Cow;

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
    /// Fastly: `set NAME /= VALUE;`
    Divide(Expression, Expression),
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
    /// A variable, an ACL, an enumeration value. Most names are constants: nothing is allocated for them.
    Name(Cow<'static, str>),
    /// `req.http.NAME`, `resp.http.NAME`
    Header(&'static str, String),
    Call(Cow<'static, str>, Vec<(Option<&'static str>, Expression)>),
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

    pub fn name(name: impl Into<Cow<'static, str>>) -> Expression {
        Expression::Name(name.into())
    }

    pub fn call(function: impl Into<Cow<'static, str>>, arguments: impl IntoIterator<Item = Expression>) -> Expression {
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
