//! What is said about a comparison whose two sides do not fit, with the way out. `operands` calls it.

use super::operands::Comparing;
use super::resolve::is_text_literal;
use super::scope::Checker;
use super::term::{Term, list_element};
use crate::catalog::{Operator, Type};
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::source::Span;
use crate::syntax::ast::ExpressionKind;

impl<'a> Checker<'a> {
    /// `list != x`
    pub fn report_ambiguous(&mut self, at: &Comparing<'a>) {
        let start = Span { end: at.span.start, ..at.span };
        let end = Span { start: at.span.end, ..at.span };
        let (left, right) = (self.slice(at.left.span), self.slice(at.right.span));
        let fix = Fix {
            title: format!("no element is equal: `not any({left} == {right})`, which is `all({left} != {right})`"),
            edits: vec![(start, "not any(".to_owned()), (at.operator.span, "==".to_owned()), (end, ")".to_owned())],
            // One of two readings: the message names both.
            safe: false,
        };
        let message = "`!=` on a list can mean two things";
        let mut diagnostic =
            Diagnostic::new(Code::AmbiguousQuantifier, at.operator.span, message, "no element, or some element?")
                .secondary(at.left.span, "this is a list")
                .help(format!("some element differs: `any({left} != {right})`"));
        diagnostic.fixes.push(fix);
        self.report(diagnostic);
    }

    /// `ip == cidr`
    pub fn report_wants_in(&mut self, at: &Comparing<'a>, other: &Term<'a>, message: &str) {
        let found = other.type_name(self.context.lists);
        let swapped = matches!(at.left.kind, ExpressionKind::Ip(_) | ExpressionKind::Cidr(_) | ExpressionKind::List(_));
        let (address, network) = if swapped { (at.right, at.left) } else { (at.left, at.right) };
        let diagnostic = Diagnostic::new(Code::TypeMismatch, network.span, message, format!("this is {found}"))
            .secondary(address.span, "this is ip");
        if at.operator.value == Operator::Equal && !swapped {
            self.report(diagnostic.fix("write `in`", at.operator.span, "in"));
            return;
        }
        let (address, network) = (self.slice(address.span), self.slice(network.span));
        let not = if at.operator.value == Operator::NotEqual { "not " } else { "" };
        self.report(diagnostic.help(format!("write `{not}{address} in {network}`")));
    }

    /// Two sides whose types do not fit.
    pub fn report_mismatch(&mut self, at: &Comparing<'a>, left: &Term<'a>, right: &Term<'a>) {
        let lists = self.context.lists;
        let (left_name, right_name) = (left.type_name(lists), right.type_name(lists));
        let name = at.name();
        let message = format!("`{name}` does not fit {left_name} on the left and {right_name} on the right");
        let diagnostic = Diagnostic::new(Code::TypeMismatch, at.right.span, message, format!("this is {right_name}"))
            .secondary(at.left.span, format!("this is {left_name}"));
        let diagnostic = self.with_way_out(diagnostic, at, left, right);
        self.report(diagnostic);
    }

    /// `client.ip starts_with "192.0.2."`
    fn address_as_text(&self, diagnostic: Diagnostic, at: &Comparing<'a>, right: &Term<'a>) -> Diagnostic {
        let diagnostic = diagnostic.help(format!("`{}` is for text; an address is asked for with `in`", at.name()));
        let whole = at.operator.span.to(at.right.span);
        let right_side = if matches!(right, Term::Reference(_)) {
            Some(self.slice(at.right.span).to_owned())
        } else if let ExpressionKind::String { value, .. } = &at.right.kind
            && at.operator.value == Operator::StartsWith
        {
            network_of_start(value)
        } else {
            None
        };
        match right_side {
            Some(right) => diagnostic.fix(format!("write `in {right}`"), whole, format!("in {right}")),
            None => diagnostic.help(format!("write `{} in 192.0.2.0/24`", self.slice(at.left.span))),
        }
    }

    fn with_way_out(
        &self,
        diagnostic: Diagnostic,
        at: &Comparing<'a>,
        left: &Term<'a>,
        right: &Term<'a>,
    ) -> Diagnostic {
        let operator = at.operator.value;
        let element = match left {
            Term::Value(value) | Term::Quantified(_, value) => value.value_type().element(),
            Term::Constant(_) | Term::Reference(_) if operator == Operator::In => {
                return diagnostic.help("the field stands on the left; of a list of values: `req.arg_names == \"a\"`");
            }
            Term::Constant(_) | Term::Reference(_) => {
                let lists = self.context.lists;
                let are_numbers = left.type_name(lists) == "int" && right.type_name(lists).contains("int");
                let Some(mirrored) = mirrored(operator).filter(|_| are_numbers) else {
                    return diagnostic.help("the field stands on the left, the constant on the right");
                };
                let turned = format!("{} {mirrored} {}", self.slice(at.right.span), self.slice(at.left.span));
                let whole = at.left.span.to(at.right.span);
                let mut diagnostic = diagnostic.fix("turn it around", whole, turned);
                diagnostic.message = format!("`{}` has the field on the left and the constant on the right", at.name());
                return diagnostic;
            }
            Term::Predicate(_) => {
                return diagnostic
                    .help("a condition compares with `true` and `false` only; join conditions with `and`, `or`");
            }
            Term::Error => return diagnostic,
        };
        let (right_element, right_is_list) = match right {
            Term::Constant(constant) => (constant.element_type(), constant.list),
            Term::Reference(index) => (list_element(&self.context.lists[index.0]), true),
            Term::Value(value) | Term::Quantified(_, value) if value.value_type().is_list() => {
                return diagnostic.help("a list of the request stands on the left, and on one side only");
            }
            Term::Value(value) | Term::Quantified(_, value) => (value.value_type(), false),
            Term::Predicate(_) => (Type::Bool, false),
            Term::Error => return diagnostic,
        };
        let orders = [Operator::Less, Operator::LessOrEqual, Operator::Greater, Operator::GreaterOrEqual];
        let orders = orders.contains(&operator);
        let of_texts = [Operator::Contains, Operator::StartsWith, Operator::EndsWith, Operator::Matches];
        let name = at.name();
        if of_texts.contains(&operator) && element == Type::Ip {
            return self.address_as_text(diagnostic, at, right);
        }
        if of_texts.contains(&operator) && element != Type::String {
            return diagnostic.help(format!("`{name}` is for text"));
        }
        if let ExpressionKind::String { value, .. } = &at.right.kind
            && operator == Operator::In
            && let Some(list) =
                self.context.lists.iter().find(|list| value.strip_prefix(b"@") == Some(list.name.as_bytes()))
        {
            let list = format!("@{}", list.name);
            return diagnostic.fix(format!("a list is named without quotes: `{list}`"), at.right.span, list);
        }
        let equal = |diagnostic: Diagnostic| diagnostic.proposal("write `==`", at.operator.span, "==");
        match (element, right_element) {
            (Type::String, Type::String) if operator == Operator::Matches && is_text_literal(at.right) => {
                let start = Span { end: at.right.span.start, ..at.right.span };
                diagnostic.help("a regular expression is written `r\"…\"`, or `ri\"…\"` to ignore case").fix(
                    "put an `r` before the quote",
                    start,
                    "r",
                )
            }
            (Type::String, Type::String) if operator == Operator::Matches => {
                diagnostic.help("a regular expression is written `r\"…\"`, or `ri\"…\"` to ignore case")
            }
            (Type::String, Type::Regex) => {
                diagnostic.fix("a regular expression goes with `matches`", at.operator.span, "matches")
            }
            (Type::String, Type::String) if operator == Operator::In && !right_is_list => equal(
                diagnostic
                    .help("`in` takes a list or `@list`; one text compares with `==`, and `contains` looks inside"),
            ),
            (Type::Int, Type::Int) if operator == Operator::In && !right_is_list => {
                equal(diagnostic.help("`in` takes a list; one integer compares with `==`"))
            }
            (Type::Int, Type::Int) if orders => diagnostic.help(format!("`{name}` compares with one integer")),
            (Type::String, Type::Int) if orders => {
                let left = self.slice(at.left.span);
                diagnostic.help(format!("text has no order; write `length({left})` or `int({left})`"))
            }
            (Type::String, Type::Int) if !right_is_list => diagnostic
                .help("text compares with text: write the number in double quotes, or `int(…)` around the field"),
            (Type::Int, Type::String) => match number_of_text(self.slice(at.right.span)) {
                Some(number) => {
                    let number = number.to_owned();
                    diagnostic.proposal("an integer is written without quotes", at.right.span, number)
                }
                None => diagnostic.help("an integer is written without quotes"),
            },
            (Type::Ip, Type::String) => {
                diagnostic.help("addresses are written without quotes: `192.0.2.1`, `192.0.2.0/24`")
            }
            _ if orders => diagnostic.help("`<`, `<=`, `>` and `>=` are for integers"),
            _ => diagnostic.help(format!("{element} compares with {element}; there is no implicit conversion")),
        }
    }
}

/// `"13335"`, `"AS13335"` → `13335`
fn number_of_text(written: &str) -> Option<&str> {
    let text = written.strip_prefix('"')?.strip_suffix('"')?;
    number_of_system(text).or_else(|| is_number(text).then_some(text))
}

/// `AS13335` → `13335`
pub(super) fn number_of_system(word: &str) -> Option<&str> {
    let (letters, number) = word.split_at_checked(2)?;
    (letters.eq_ignore_ascii_case("as") && is_number(number)).then_some(number)
}

fn is_number(text: &str) -> bool {
    (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `192.0.2.` → `192.0.2.0/24`; only of whole numbers, `192.0.2` may go on.
fn network_of_start(start: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(start).ok()?.strip_suffix('.')?;
    let parts: Vec<u8> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let part = |index: usize| parts.get(index).copied().unwrap_or(0);
    let address = std::net::Ipv4Addr::new(part(0), part(1), part(2), part(3));
    (parts.len() <= 3).then(|| format!("{address}/{}", 8 * parts.len()))
}

/// `10 < x` is `x > 10`.
fn mirrored(operator: Operator) -> Option<&'static str> {
    match operator {
        Operator::Less => Some(">"),
        Operator::LessOrEqual => Some(">="),
        Operator::Greater => Some("<"),
        Operator::GreaterOrEqual => Some("<="),
        Operator::Equal
        | Operator::NotEqual
        | Operator::In
        | Operator::Contains
        | Operator::StartsWith
        | Operator::EndsWith
        | Operator::Matches => None,
    }
}
