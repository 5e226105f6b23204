//! What an expression is once its names are resolved: a condition, a value of the request, or a constant. Made by
//! `resolve` and `typeck`, taken apart by `operands`, `rates` and `project`.

use crate::catalog::Type;
use crate::ir::{List, ListIndex, ListValues, Predicate, Quantifier, Text, Value};
use crate::regex::Regex;
use crate::source::Span;
use crate::syntax::ast::RegexLiteral;
use std::sync::Arc;

/// A resolved expression.
#[derive(Clone, Debug)]
pub(super) enum Term<'a> {
    /// Of type bool.
    Predicate(Predicate),
    /// A field, or a function of one.
    Value(Value),
    /// `any(LIST)` and `all(LIST)`, before its operator.
    Quantified(Quantifier, Value),
    Constant(Constant<'a>),
    /// `@name`
    Reference(ListIndex),
    /// Was reported already.
    Error,
}

/// A literal, or a list of literals of one type.
#[derive(Clone, Debug)]
pub(super) struct Constant<'a> {
    /// Written in brackets.
    pub list: bool,
    /// Never empty.
    pub literals: Literals<'a>,
}

#[derive(Clone, Debug)]
pub(super) enum Literals<'a> {
    Texts(Vec<Text>),
    Patterns(Vec<Pattern<'a>>),
    Integers(Vec<i64>),
    Networks(Vec<Network>),
    /// Scalar only.
    Boolean(bool),
    /// Scalar only; nothing takes one, so its length does not matter.
    Duration,
}

/// A compiled pattern and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Pattern<'a> {
    pub regex: Arc<Regex>,
    pub span: Span,
    pub literal: &'a RegexLiteral,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    pub network: ipnet::IpNet,
    /// Written without a prefix length.
    pub address: bool,
}

impl<'a> Constant<'a> {
    pub fn scalar(literals: Literals<'a>) -> Constant<'a> {
        Constant { list: false, literals }
    }

    /// The type of one literal. A list of addresses and networks is one of networks.
    pub fn element_type(&self) -> Type {
        match &self.literals {
            Literals::Texts(_) => Type::String,
            Literals::Patterns(_) => Type::Regex,
            Literals::Integers(_) => Type::Int,
            Literals::Networks(networks) if networks.iter().all(|network| network.address) => Type::Ip,
            Literals::Networks(_) => Type::Cidr,
            Literals::Boolean(_) => Type::Bool,
            Literals::Duration => Type::Duration,
        }
    }
}

impl Term<'_> {
    /// The type as messages name it.
    pub fn type_name(&self, lists: &[List]) -> String {
        match self {
            Term::Predicate(_) => Type::Bool.name().to_owned(),
            Term::Value(value) | Term::Quantified(_, value) => value.value_type().name().to_owned(),
            Term::Constant(constant) if constant.list => format!("list<{}>", constant.element_type()),
            Term::Constant(constant) => constant.element_type().name().to_owned(),
            Term::Reference(index) => {
                format!("list<{}>", list_element(&lists[index.0]))
            }
            Term::Error => "unknown".to_owned(),
        }
    }

    /// Known without a request.
    pub fn is_constant(&self) -> bool {
        match self {
            Term::Constant(_) | Term::Reference(_) => true,
            Term::Predicate(_) | Term::Value(_) | Term::Quantified(..) | Term::Error => false,
        }
    }
}

/// The type of a project list's entries.
pub(super) fn list_element(list: &List) -> Type {
    match list.values {
        ListValues::Ip(_) => Type::Ip,
        ListValues::Strings(_) => Type::String,
        ListValues::Int(_) => Type::Int,
        ListValues::Regex(_) => Type::Regex,
    }
}
