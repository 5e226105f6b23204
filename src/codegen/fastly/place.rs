//! Where values are computed: a list of statements, and what they have computed so far. One place is the start of the
//! main sub; every list of arguments or cookies has one that runs for each element; one is `vcl_deliver`.

use super::Generator;
use crate::codegen::vcl::{Expression, Statement};
use crate::ir::Value;
use crate::source::Span;
use std::collections::BTreeSet;

/// A value that can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// `present`: what holds when it is there; `None` is always.
    Text {
        text: Expression,
        present: Option<Expression>,
    },
    Integer {
        value: Expression,
        present: Option<Expression>,
    },
    /// `client.ip`, or the network of so many bits around it.
    Address {
        bits: Option<(u8, u8)>,
    },
    Truth(Expression),
}

#[derive(Default, Debug)]
pub(super) struct Place {
    pub statements: Vec<Statement>,
    known: Vec<(Value, Operand)>,
}

/// What belongs to one sub: its locals, and what is computed at its start.
#[derive(Default, Debug)]
pub(super) struct Scope {
    pub locals: Vec<(String, &'static str)>,
    pub prelude: Place,
    pub views: BTreeSet<&'static str>,
}

impl Place {
    /// A place where the elements of a list are known.
    pub fn with(known: Vec<(Value, Operand)>) -> Place {
        Place { statements: Vec::new(), known }
    }
}

impl<'r> Generator<'r> {
    /// A scalar value, computed in `place` unless it is known there.
    pub(super) fn operand(&mut self, place: &mut Place, value: &Value, span: Span) -> Option<Operand> {
        if let Some((_, operand)) = place.known.iter().find(|(known, _)| known == value) {
            return Some(operand.clone());
        }
        let operand = match value {
            Value::Field(reference) => self.field(place, reference, span)?,
            Value::Call(call, argument) => {
                let argument_operand = self.operand(place, argument, span)?;
                self.function(place, *call, argument, argument_operand, span)?
            }
        };
        place.known.push((value.clone(), operand.clone()));
        Some(operand)
    }

    fn swap(&mut self, scope: &mut Scope) {
        std::mem::swap(&mut self.locals, &mut scope.locals);
        std::mem::swap(&mut self.prelude, &mut scope.prelude);
        std::mem::swap(&mut self.views, &mut scope.views);
    }

    /// Works in the scope of `vcl_deliver`.
    pub(super) fn in_deliver<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let mut scope = std::mem::take(&mut self.deliver_scope);
        self.swap(&mut scope);
        let result = work(self);
        self.swap(&mut scope);
        self.deliver_scope = scope;
        result
    }

    /// Works in the scope of `vcl_miss` and `vcl_pass`.
    pub(super) fn in_origin<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let mut scope = std::mem::take(&mut self.origin_scope);
        self.swap(&mut scope);
        let result = work(self);
        self.swap(&mut scope);
        self.origin_scope = scope;
        result
    }

    /// [`Generator::operand`] at the start of the main sub.
    pub(super) fn scalar(&mut self, value: &Value, span: Span) -> Option<Operand> {
        let mut place = std::mem::take(&mut self.prelude);
        let operand = self.operand(&mut place, value, span);
        self.prelude = place;
        operand
    }
}
