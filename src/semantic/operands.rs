//! One comparison: which operator takes which types on its two sides, and the IR check that it becomes.

use super::patterns::{PatternPlace, PatternUse, subject_limit};
use super::scope::Checker;
use super::term::{Constant, Literals, Term, list_element};
use super::typeck::{Quantified, comparison};
use crate::catalog::{Operator, Type};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{
    Check, IntegerOperator, Integers, Needles, Networks, Patterns, Predicate, Quantifier, TextOperator, Value,
};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{Expression, ExpressionKind};

/// A comparison as written.
pub(super) struct Comparing<'a> {
    pub span: Span,
    pub operator: &'a Spanned<Operator>,
    pub left: &'a Expression,
    pub right: &'a Expression,
    pub quantified: Option<Quantified>,
}

impl Comparing<'_> {
    fn is_equality(&self) -> bool {
        matches!(self.operator.value, Operator::Equal | Operator::NotEqual)
    }

    pub fn name(&self) -> &'static str {
        self.operator.value.name()
    }
}

impl<'a> Checker<'a> {
    /// The predicate of a comparison; `None` after its error.
    pub fn comparison(&mut self, at: &Comparing<'a>, left: Term<'a>, right: Term<'a>) -> Option<Predicate> {
        if matches!(left, Term::Error) || matches!(right, Term::Error) {
            return None;
        }
        if left.is_constant() && right.is_constant() {
            self.report(
                Diagnostic::new(
                    Code::ConstantCondition,
                    at.span,
                    "both sides of this comparison are constants",
                    "always the same",
                )
                .help("compare a field with a constant"),
            );
            return None;
        }
        if let Some(predicate) = self.bool_comparison(at, &left, &right) {
            return predicate;
        }
        // `"POST" == req.method`, and `req.host == req.args["h"]`, where the list leads.
        let leads = |term: &Term| match term {
            Term::Quantified(..) => 2,
            Term::Value(value) if value.value_type().is_list() => 2,
            Term::Value(_) => 1,
            Term::Predicate(_) | Term::Constant(_) | Term::Reference(_) | Term::Error => 0,
        };
        let swap = at.is_equality() && leads(&right) > leads(&left);
        let (subject, other) = if swap { (&right, &left) } else { (&left, &right) };
        let (value, quantified) = match subject {
            Term::Value(value) => (value, at.quantified),
            Term::Quantified(quantifier, value) => {
                if let Some(outer) = at.quantified {
                    let message = "`any` or `all` within `any` or `all`";
                    self.report(
                        Diagnostic::new(Code::TypeMismatch, at.span, message, "has a quantifier already")
                            .secondary(outer.span, "the outer one")
                            .help("keep one of the two"),
                    );
                    return None;
                }
                let span = if swap { at.right.span } else { at.left.span };
                (value, Some(Quantified { quantifier: *quantifier, negated: false, span }))
            }
            Term::Predicate(_) | Term::Constant(_) | Term::Reference(_) | Term::Error => {
                self.report_mismatch(at, &left, &right);
                return None;
            }
        };
        let (check, contrary) = self.check(at, value, other, &left, &right)?;
        self.quantify(at, value.clone(), quantified, check, contrary)
    }

    /// Puts the quantifier on a check; without one, a list means any of it.
    fn quantify(
        &mut self,
        at: &Comparing<'a>,
        value: Value,
        quantified: Option<Quantified>,
        check: Check,
        contrary: bool,
    ) -> Option<Predicate> {
        let is_list = value.value_type().is_list();
        match quantified {
            Some(how) if !is_list => {
                let found = value.value_type();
                let message = format!("`any` and `all` need a list, found {found}");
                self.report(
                    Diagnostic::new(Code::TypeMismatch, at.left.span, message, format!("this is {found}"))
                        .secondary(how.span, "asks each element of a list")
                        .help("leave `any` or `all` out: there is one value at most"),
                );
                None
            }
            Some(how) => Some(comparison(value, Some(how.quantifier), how.negated != contrary, check, at.span)),
            None if is_list && contrary => {
                self.report_ambiguous(at);
                None
            }
            None if is_list => Some(comparison(value, Some(Quantifier::Any), false, check, at.span)),
            None => {
                let positive = comparison(value, None, false, check, at.span);
                Some(if contrary { Predicate::Not(Box::new(positive)) } else { positive })
            }
        }
    }

    /// Comparisons of bool: with `true` or `false` only. `None`: no side is bool.
    fn bool_comparison(&mut self, at: &Comparing<'a>, left: &Term<'a>, right: &Term<'a>) -> Option<Option<Predicate>> {
        let truth = |term: &Term| match term {
            Term::Constant(Constant { list: false, literals: Literals::Boolean(value) }) => Some(*value),
            Term::Constant(_)
            | Term::Predicate(_)
            | Term::Value(_)
            | Term::Quantified(..)
            | Term::Reference(_)
            | Term::Error => None,
        };
        let of_bool = |term: &Term<'a>, span: Span| match term {
            Term::Predicate(predicate) => Some(predicate.clone()),
            Term::Value(value) if value.value_type() == Type::Bool => {
                Some(comparison(value.clone(), None, false, Check::IsTrue, span))
            }
            Term::Value(_) | Term::Quantified(..) | Term::Constant(_) | Term::Reference(_) | Term::Error => None,
        };
        let (left_bool, right_bool) = (of_bool(left, at.left.span), of_bool(right, at.right.span));
        if left_bool.is_none() && right_bool.is_none() {
            return None;
        }
        let pair = match (&left_bool, truth(left), &right_bool, truth(right)) {
            (Some(_), _, _, Some(value)) => left_bool.map(|predicate| (predicate, value)),
            (_, Some(value), Some(_), _) => right_bool.map(|predicate| (predicate, value)),
            (Some(_), _, Some(_), _) if at.is_equality() => {
                self.report(
                    Diagnostic::new(
                        Code::TypeMismatch,
                        at.operator.span,
                        format!("`{}` does not compare two conditions", at.name()),
                        "between two bools",
                    )
                    .secondary(at.left.span, "this is bool")
                    .secondary(at.right.span, "this is bool")
                    .help("write `(a and b) or (not a and not b)`"),
                );
                return Some(None);
            }
            _ => None,
        };
        match pair {
            Some((predicate, value)) if at.is_equality() && at.quantified.is_none() => {
                let positive = value == (at.operator.value == Operator::Equal);
                Some(Some(if positive { predicate } else { Predicate::Not(Box::new(predicate)) }))
            }
            Some(_) | None => {
                self.report_mismatch(at, left, right);
                Some(None)
            }
        }
    }

    /// The check of `value` against `other`, and whether its contrary is meant (`!=`).
    fn check(
        &mut self,
        at: &Comparing<'a>,
        value: &Value,
        other: &Term<'a>,
        left: &Term<'a>,
        right: &Term<'a>,
    ) -> Option<(Check, bool)> {
        let contrary = at.operator.value == Operator::NotEqual;
        if let Term::Value(second) = other {
            let same = second.value_type() == value.value_type().element();
            if same && at.is_equality() {
                return Some((Check::SameAs(second.clone()), contrary));
            }
            if same {
                let message = format!("the right side of `{}` is a literal, a list or a `let` of them", at.name());
                self.report(
                    Diagnostic::new(Code::TypeMismatch, at.right.span, message, "this is a field")
                        .secondary(at.left.span, format!("this is {}", value.value_type()))
                        .help("two fields can be compared by `==` and `!=` only"),
                );
                return None;
            }
        }
        let check = match value.value_type().element() {
            Type::String => self.text_check(at, value, other),
            Type::Int => self.integer_check(at, other),
            Type::Ip => self.address_check(at, other),
            Type::Bool | Type::Regex | Type::Cidr | Type::Duration | Type::Strings | Type::Ints => Fit::No,
        };
        match check {
            Fit::Yes(check) => Some((check, contrary)),
            Fit::Reported => None,
            Fit::No => {
                self.report_mismatch(at, left, right);
                None
            }
        }
    }

    fn text_check(&mut self, at: &Comparing<'a>, value: &Value, other: &Term<'a>) -> Fit {
        let operator = match at.operator.value {
            Operator::Equal | Operator::NotEqual => TextOperator::Equals,
            Operator::In => match other {
                Term::Constant(constant) if !constant.list => return Fit::No,
                Term::Constant(_)
                | Term::Reference(_)
                | Term::Predicate(_)
                | Term::Value(_)
                | Term::Quantified(..)
                | Term::Error => TextOperator::Equals,
            },
            Operator::Contains => TextOperator::Contains,
            Operator::StartsWith => TextOperator::StartsWith,
            Operator::EndsWith => TextOperator::EndsWith,
            Operator::Matches => return self.match_check(value, other),
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => return Fit::No,
        };
        match other {
            Term::Constant(Constant { literals: Literals::Texts(texts), .. }) => {
                if texts.iter().any(|text| text.bytes.is_empty()) {
                    let place = empty_text(at.right).or_else(|| empty_text(at.left)).unwrap_or(at.right.span);
                    self.report(empty_operand(operator, at.name(), place));
                    return Fit::Reported;
                }
                Fit::Yes(Check::Text { operator, needles: Needles::Literals(texts.clone()) })
            }
            Term::Reference(index) if list_element(&self.context.lists[index.0]) == Type::String => {
                Fit::Yes(Check::Text { operator, needles: Needles::List(*index) })
            }
            Term::Constant(_)
            | Term::Reference(_)
            | Term::Predicate(_)
            | Term::Value(_)
            | Term::Quantified(..)
            | Term::Error => Fit::No,
        }
    }

    fn match_check(&mut self, value: &Value, other: &Term<'a>) -> Fit {
        let limit = subject_limit(value, self.context.limits);
        match other {
            Term::Constant(Constant { literals: Literals::Patterns(patterns), .. }) => {
                for pattern in patterns {
                    self.pattern_uses.push(PatternUse { place: PatternPlace::Literal(pattern.clone()), limit });
                }
                let patterns = patterns.iter().map(|pattern| pattern.regex.clone()).collect();
                Fit::Yes(Check::Matches(Patterns::Literals(patterns)))
            }
            Term::Reference(index) if list_element(&self.context.lists[index.0]) == Type::Regex => {
                self.pattern_uses.push(PatternUse { place: PatternPlace::List(*index), limit });
                Fit::Yes(Check::Matches(Patterns::List(*index)))
            }
            Term::Constant(_)
            | Term::Reference(_)
            | Term::Predicate(_)
            | Term::Value(_)
            | Term::Quantified(..)
            | Term::Error => Fit::No,
        }
    }

    fn integer_check(&mut self, at: &Comparing<'a>, other: &Term<'a>) -> Fit {
        let operator = match at.operator.value {
            Operator::Equal | Operator::NotEqual => Some(IntegerOperator::Equal),
            Operator::Less => Some(IntegerOperator::Less),
            Operator::LessOrEqual => Some(IntegerOperator::LessOrEqual),
            Operator::Greater => Some(IntegerOperator::Greater),
            Operator::GreaterOrEqual => Some(IntegerOperator::GreaterOrEqual),
            Operator::In => None,
            Operator::Contains | Operator::StartsWith | Operator::EndsWith | Operator::Matches => return Fit::No,
        };
        // A list is fine for `==`, `!=` and `in` alone.
        let takes_list = matches!(operator, None | Some(IntegerOperator::Equal));
        match other {
            Term::Constant(Constant { list, literals: Literals::Integers(values) }) => {
                match (operator, values[..].split_first()) {
                    (Some(operator), Some((value, _))) if !*list => {
                        Fit::Yes(Check::Integer { operator, value: *value })
                    }
                    (_, _) if *list && takes_list => Fit::Yes(Check::IntegerIn(Integers::Literals(values.clone()))),
                    (_, _) => Fit::No,
                }
            }
            Term::Reference(index) if takes_list && list_element(&self.context.lists[index.0]) == Type::Int => {
                Fit::Yes(Check::IntegerIn(Integers::List(*index)))
            }
            Term::Constant(_)
            | Term::Reference(_)
            | Term::Predicate(_)
            | Term::Value(_)
            | Term::Quantified(..)
            | Term::Error => Fit::No,
        }
    }

    fn address_check(&mut self, at: &Comparing<'a>, other: &Term<'a>) -> Fit {
        let equality = at.is_equality();
        if !equality && at.operator.value != Operator::In {
            return Fit::No;
        }
        match other {
            Term::Constant(Constant { list, literals: Literals::Networks(networks) }) => {
                let single = !*list && networks.iter().all(|network| network.address);
                if equality && networks.iter().any(|network| !network.address) {
                    self.report_wants_in(at, other, "an address is never equal to a network");
                    return Fit::Reported;
                }
                if !equality && single {
                    let diagnostic = Diagnostic::new(
                        Code::TypeMismatch,
                        at.right.span,
                        "`in` takes a list, a network or `@list`, found ip",
                        "a single address",
                    )
                    .secondary(at.left.span, "this is ip")
                    .fix("write `==`", at.operator.span, "==");
                    self.report(diagnostic);
                    return Fit::Reported;
                }
                Fit::Yes(Check::Network(Networks::Literals(networks.iter().map(|network| network.network).collect())))
            }
            Term::Reference(index) if list_element(&self.context.lists[index.0]) == Type::Ip => {
                if equality {
                    self.report_wants_in(at, other, "an address is never equal to a list of networks");
                    return Fit::Reported;
                }
                Fit::Yes(Check::Network(Networks::List(*index)))
            }
            Term::Constant(_)
            | Term::Reference(_)
            | Term::Predicate(_)
            | Term::Value(_)
            | Term::Quantified(..)
            | Term::Error => Fit::No,
        }
    }
}

/// What became of a check.
enum Fit {
    Yes(Check),
    /// The types do not fit.
    No,
    /// Something else is wrong, and reported.
    Reported,
}

/// `x contains ""` is always true; `x == ""` reads like a question for presence, which it is not.
fn empty_operand(operator: TextOperator, name: &str, place: Span) -> Diagnostic {
    match operator {
        TextOperator::Equals => {
            Diagnostic::new(Code::EmptyOperand, place, format!("`{name}` with an empty string"), "is empty")
        }
        TextOperator::Contains | TextOperator::StartsWith | TextOperator::EndsWith => Diagnostic::new(
            Code::EmptyOperand,
            place,
            format!("`{name}` with an empty string is always true"),
            "is in every text",
        ),
    }
    .help("`exists x` asks whether there is a text, `x matches r\"^$\"` whether it is there and empty")
}

/// The empty literal of a side, where it is written there.
fn empty_text(side: &Expression) -> Option<Span> {
    let is_empty =
        |expression: &Expression| matches!(&expression.kind, ExpressionKind::String { value, .. } if value.is_empty());
    if let ExpressionKind::List(elements) = &side.kind {
        return elements.iter().find(|element| is_empty(element)).map(|element| element.span);
    }
    is_empty(side).then_some(side.span)
}
