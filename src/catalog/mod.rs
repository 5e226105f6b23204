//! What the language knows about: types, fields, operators and functions, one row each. The type checker, the
//! evaluator, every target and the generated docs read these rows; nothing else names a field.

mod fields;
mod functions;
mod operators;
mod support;

pub use fields::{FIELDS, Field, FieldRow, KeyKind, MAX_HOPS};
pub use functions::{FUNCTIONS, Function, FunctionRow, HTML_NAMES, MAX_PARENT_SEGMENTS};
pub use operators::{OPERATORS, Operator, OperatorRow};

pub use support::{ACTIONS, RATES, SupportRow};

use std::fmt;

/// Static types of the language. There is no implicit conversion between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    Bool,
    Int,
    String,
    Regex,
    Ip,
    Cidr,
    Duration,
    /// A list of strings, the only list that a field can be.
    Strings,
    /// The result of an integer function over each element of a list of strings.
    Ints,
}

impl Type {
    /// The name in messages and docs.
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::String => "string",
            Type::Regex => "regex",
            Type::Ip => "ip",
            Type::Cidr => "cidr",
            Type::Duration => "duration",
            Type::Strings => "list<string>",
            Type::Ints => "list<int>",
        }
    }

    /// The type of one element of a list, the type itself otherwise.
    pub fn element(self) -> Type {
        match self {
            Type::Strings => Type::String,
            Type::Ints => Type::Int,
            Type::Bool | Type::Int | Type::String | Type::Regex | Type::Ip | Type::Cidr | Type::Duration => self,
        }
    }

    pub fn is_list(self) -> bool {
        matches!(self, Type::Strings | Type::Ints)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When a value is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// With the request: usable everywhere.
    Request,
    /// With the response: usable in `rate.count` only.
    Response,
}

/// How a target gives a field, function or action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Availability {
    /// The engine has it; the text is its spelling.
    Native(&'static str),
    /// edgesig's generated code computes it; the text says from what.
    Emulated(&'static str),
    /// The project must say where it comes from; the text says how.
    Profile(&'static str),
    /// The target cannot; the text is the way out.
    No(&'static str),
}
