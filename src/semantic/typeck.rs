//! Expressions → typed terms and predicates. `operands` builds the check of one comparison, `resolve` the names.

use super::operands::Comparing;
use super::scope::Checker;
use super::term::{Constant, Literals, Network, Term};
use crate::catalog::{Operator, Type};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Check, Comparison, Predicate, Quantifier, Text, Value};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{self, Expression, ExpressionKind};

/// How the elements of a list are asked: by `any(…)` or `all(…)`, with or without a `not` inside.
#[derive(Clone, Copy)]
pub(super) struct Quantified {
    pub quantifier: Quantifier,
    pub negated: bool,
    /// Of the word.
    pub span: Span,
}

impl<'a> Checker<'a> {
    /// Resolves and types an expression. What is wrong is reported, and then it is [`Term::Error`].
    pub fn expression(&mut self, expression: &'a Expression) -> Term<'a> {
        self.nested(expression.span, |checker| checker.expression_here(expression))
    }

    fn expression_here(&mut self, expression: &'a Expression) -> Term<'a> {
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::Or(parts) => self.junction(parts, Predicate::Any),
            ExpressionKind::And(parts) => self.junction(parts, Predicate::All),
            ExpressionKind::Not(inner) => match self.condition(inner) {
                Some(predicate) => Term::Predicate(Predicate::Not(Box::new(predicate))),
                None => Term::Error,
            },
            ExpressionKind::Group(inner) => self.expression(inner),
            ExpressionKind::Compare { operator, left, right } => self.compare(span, operator, left, right, None),
            ExpressionKind::Exists(inner) => self.exists(inner, span),
            ExpressionKind::Quantified { quantifier, body } => self.quantified(quantifier, body),
            ExpressionKind::Call { name, arguments } => self.call(name, arguments, span),
            ExpressionKind::Path { name, keys } => self.path(name, keys.as_deref(), span),
            ExpressionKind::String { value, ignore_case } => {
                constant(Literals::Texts(vec![Text { bytes: value.clone(), ignore_case: *ignore_case }]))
            }
            ExpressionKind::Regex(literal) => self.pattern(literal, span),
            ExpressionKind::Integer(value) => constant(Literals::Integers(vec![*value])),
            ExpressionKind::Boolean(value) => constant(Literals::Boolean(*value)),
            ExpressionKind::Ip(address) => {
                constant(Literals::Networks(vec![Network { network: (*address).into(), address: true }]))
            }
            ExpressionKind::Cidr(network) => {
                constant(Literals::Networks(vec![Network { network: *network, address: false }]))
            }
            ExpressionKind::Duration(_) => constant(Literals::Duration),
            ExpressionKind::List(elements) => self.list_literal(elements, span),
            ExpressionKind::ListReference(name) => self.list_reference(name, span),
            ExpressionKind::Error => Term::Error,
        }
    }

    /// `a and b and c`, `a or b or c`: every part is checked, whatever is wrong with another.
    fn junction(&mut self, parts: &'a [Expression], join: fn(Vec<Predicate>) -> Predicate) -> Term<'a> {
        let checked: Vec<Option<Predicate>> = parts.iter().map(|part| self.condition(part)).collect();
        match checked.into_iter().collect() {
            Some(parts) => Term::Predicate(join(parts)),
            None => Term::Error,
        }
    }

    /// An expression that must be a condition.
    pub fn condition(&mut self, expression: &'a Expression) -> Option<Predicate> {
        let term = self.expression(expression);
        // Only a mistake needs the name of a type.
        let found = match &term {
            Term::Predicate(_) => String::new(),
            Term::Value(_) | Term::Quantified(..) | Term::Constant(_) | Term::Reference(_) | Term::Error => {
                term.type_name(self.context.lists)
            }
        };
        let mut can_be_absent = false;
        let help = match term {
            Term::Predicate(predicate) => return Some(predicate),
            Term::Constant(Constant { literals: Literals::Boolean(value), .. }) => {
                return Some(if value { Predicate::TRUE } else { Predicate::FALSE });
            }
            Term::Value(value) if value.value_type() == Type::Bool => {
                return Some(comparison(value, None, false, Check::IsTrue, expression.span));
            }
            Term::Error => return None,
            Term::Value(value) => {
                can_be_absent = is_absentable(&value);
                "compare it with something, or ask for its presence with `exists`"
            }
            Term::Quantified(..) => "compare it: `any(x == \"…\")`",
            Term::Constant(Constant { literals: Literals::Networks(_), .. }) => {
                "compare the client with it: `client.ip in 192.0.2.0/24`"
            }
            Term::Constant(_) | Term::Reference(_) => {
                "compare a field with it; several values are a list: `req.path contains [\"a\", \"b\"]`"
            }
        };
        let message = format!("expected a condition, which is bool, found {found}");
        let mut diagnostic =
            Diagnostic::new(Code::TypeMismatch, expression.span, message, format!("this is {found}")).help(help);
        if can_be_absent {
            // What a header alone means in VCL.
            let start = Span { end: expression.span.start, ..expression.span };
            diagnostic = diagnostic.fix("ask whether it is there", start, "exists ");
        }
        self.report(diagnostic);
        None
    }

    fn exists(&mut self, inner: &'a Expression, span: Span) -> Term<'a> {
        let term = self.expression(inner);
        let found = term.type_name(self.context.lists);
        let (message, help) = match term {
            Term::Value(value) => return Term::Predicate(comparison(value, None, false, Check::Exists, span)),
            Term::Error => return Term::Error,
            Term::Quantified(..) => (
                "`exists` asks for a field, found `any(…)` or `all(…)`".to_owned(),
                "`exists` of a list is true when the list is not empty: leave `any` or `all` out",
            ),
            Term::Predicate(_) => (
                format!("`exists` asks for a field, found {found}"),
                "write `exists` before the field alone: `exists req.host`",
            ),
            Term::Constant(_) | Term::Reference(_) => {
                (format!("`exists` asks for a field, found a constant {found}"), "a constant is always there")
            }
        };
        self.report(Diagnostic::new(Code::TypeMismatch, inner.span, message, "not a field").help(help));
        Term::Error
    }

    /// `any(…)`, `all(…)`: around one comparison of a list, or around the list alone.
    fn quantified(&mut self, quantifier: &Spanned<ast::Quantifier>, body: &'a Expression) -> Term<'a> {
        let word = match quantifier.value {
            ast::Quantifier::Any => "any",
            ast::Quantifier::All => "all",
        };
        let kind = match quantifier.value {
            ast::Quantifier::Any => Quantifier::Any,
            ast::Quantifier::All => Quantifier::All,
        };
        let mut negated = false;
        let mut inner = body;
        loop {
            match &inner.kind {
                ExpressionKind::Group(next) => inner = next,
                ExpressionKind::Not(next) => {
                    negated = !negated;
                    inner = next;
                }
                ExpressionKind::Compare { operator, left, right } => {
                    let how = Quantified { quantifier: kind, negated, span: quantifier.span };
                    return self.compare(inner.span, operator, left, right, Some(how));
                }
                ExpressionKind::Or(_)
                | ExpressionKind::And(_)
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
                | ExpressionKind::Error => break,
            }
        }
        let term = self.expression(inner);
        match term {
            Term::Value(value) if value.value_type().is_list() && !negated => return Term::Quantified(kind, value),
            Term::Error => return Term::Error,
            Term::Value(_) | Term::Predicate(_) | Term::Quantified(..) | Term::Constant(_) | Term::Reference(_) => {}
        }
        let message = format!("`{word}(…)` holds one comparison of a list, or a list");
        let found = term.type_name(self.context.lists);
        let diagnostic = Diagnostic::new(Code::TypeMismatch, inner.span, message, format!("this is {found}"))
            .secondary(quantifier.span, format!("`{word}` of this"));
        let help = if matches!(inner.kind, ExpressionKind::Or(_) | ExpressionKind::And(_)) {
            format!("write one `{word}(…)` for each comparison, or a list on the right side")
        } else {
            format!("write `{word}(req.args[\"id\"] == \"1\")`")
        };
        self.report(diagnostic.help(help));
        Term::Error
    }

    fn compare(
        &mut self,
        span: Span,
        operator: &'a Spanned<Operator>,
        left: &'a Expression,
        right: &'a Expression,
        quantified: Option<Quantified>,
    ) -> Term<'a> {
        let (left_term, right_term) = (self.expression(left), self.expression(right));
        let comparing = Comparing { span, operator, left, right, quantified };
        match self.comparison(&comparing, left_term, right_term) {
            Some(predicate) => Term::Predicate(predicate),
            None => Term::Error,
        }
    }
}

fn constant<'a>(literals: Literals<'a>) -> Term<'a> {
    Term::Constant(Constant::scalar(literals))
}

pub(super) fn comparison(
    value: Value,
    quantifier: Option<Quantifier>,
    negated: bool,
    check: Check,
    span: Span,
) -> Predicate {
    Predicate::Compare(Comparison { value, quantifier, negated, check, span })
}

/// A field that is not always there, itself.
fn is_absentable(value: &Value) -> bool {
    match value {
        Value::Field(reference) => reference.field.row().absentable || value.value_type() == Type::Strings,
        Value::Call(..) => false,
    }
}
