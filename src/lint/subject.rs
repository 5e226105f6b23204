//! One signature as lints look at it: its tree, its rule, and every comparison of the rule beside the place where it is
//! written.

use super::Input;
use crate::catalog::{Field, Operator};
use crate::eval;
use crate::ir::{Action, Check, Comparison, Mode, Predicate, Rule, Ruleset, TestStep, Value};
use crate::request::Request;
use crate::source::{SourceMap, Span, Spanned};
use crate::syntax::ast::{self, Expression, ExpressionKind, RegexLiteral};
use std::collections::HashMap;
use std::sync::OnceLock;

/// A signature without errors.
pub struct Subject<'s> {
    pub sources: &'s SourceMap,
    pub signature: &'s ast::Signature,
    pub rule: &'s Rule,
    pub ruleset: &'s Ruleset,
    /// Of the rule.
    pub index: usize,
    pub today: crate::ir::Date,
    /// A service gives it a mode in which it acts.
    pub acts_in_service: Option<Mode>,
    /// Every comparison of the rule, left to right: `when`, `except`, `rate.count`.
    pub leaves: Vec<Leaf<'s>>,
    truths: OnceLock<Vec<Truths<'s>>>,
}

/// What a test's request makes of the comparisons of `when`.
pub struct Truths<'s> {
    pub step: &'s TestStep,
    /// One for each comparison, left to right.
    pub comparisons: Vec<bool>,
}

/// Whether `when` sees the same of both.
fn alike(one: &TestStep, other: &TestStep) -> bool {
    let (a, b) = (&one.request, &other.request);
    (&a.target, &a.method, &a.headers, &a.body, &a.client_ip, &a.facts, &a.raw)
        == (&b.target, &b.method, &b.headers, &b.body, &b.client_ip, &b.facts, &b.raw)
}

/// One comparison.
pub struct Leaf<'s> {
    pub comparison: &'s Comparison,
    /// Under an even number of `not`s; of a quantified one: and not of the contrary.
    pub positive: bool,
    pub place: Place,
    /// Where it is written; `None` for what is no comparison (`exists x`, a bare bool).
    pub written: Option<Written<'s>>,
    /// The literals on the right side, those of `let` names too. Many lints look at them.
    pub literals: Vec<Literal<'s>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    When,
    Except,
    Count,
}

/// A comparison as written.
#[derive(Clone, Copy)]
pub struct Written<'s> {
    pub whole: Span,
    pub operator: &'s Spanned<Operator>,
    pub left: &'s Expression,
    pub right: &'s Expression,
}

/// A literal of the right side, possibly written in a `let`.
#[derive(Clone, Copy)]
pub struct Literal<'s> {
    pub expression: &'s Expression,
    pub kind: LiteralKind<'s>,
}

#[derive(Clone, Copy)]
pub enum LiteralKind<'s> {
    Text { value: &'s [u8], ignore_case: bool },
    Regex(&'s RegexLiteral),
    Other,
}

impl<'s> Subject<'s> {
    /// `acting`: the ids to which a service gives a mode that acts.
    pub fn new(
        input: &Input<'s>,
        acting: &HashMap<&str, Mode>,
        signature: &'s ast::Signature,
        rule: &'s Rule,
        index: usize,
    ) -> Subject<'s> {
        let mut written = HashMap::new();
        let mut note = |expression: &'s Expression| {
            each(expression, &mut |part| {
                if let ExpressionKind::Compare { operator, left, right } = &part.kind {
                    written.insert(part.span, Written { whole: part.span, operator, left, right });
                }
            });
        };
        conditions(signature).for_each(&mut note);
        let mut leaves = Vec::new();
        let mut collect = |predicate: &'s Predicate, place: Place| {
            each_leaf(predicate, true, &mut |comparison, positive| {
                let written = written.get(&comparison.span).copied();
                let literals = written.map_or(Vec::new(), |written| literals(&written, signature));
                leaves.push(Leaf { comparison, positive: positive != comparison.negated, place, written, literals });
            });
        };
        collect(&rule.when, Place::When);
        if let Some(except) = &rule.except {
            collect(except, Place::Except);
        }
        if let Some(count) = rule.rate.as_ref().and_then(|rate| rate.count.as_ref()) {
            collect(count, Place::Count);
        }
        let Input { sources, ruleset, today, .. } = *input;
        let acts_in_service = acting.get(rule.id.as_str()).copied();
        Subject { sources, signature, rule, ruleset, index, today, acts_in_service, leaves, truths: OnceLock::new() }
    }

    /// Of each request of the tests. A repetition says nothing new and is left out.
    pub fn truths(&self) -> &[Truths<'s>] {
        self.truths.get_or_init(|| {
            let mut steps: Vec<&'s TestStep> = Vec::new();
            for step in self.rule.tests.iter().flat_map(|test| &test.steps) {
                let is_known = |known: &&TestStep| known.expect_match == step.expect_match && alike(known, step);
                if !steps.iter().rev().take(4).any(is_known) {
                    steps.push(step);
                }
            }
            let requests: Vec<&Request> = steps.iter().map(|step| &step.request).collect();
            let truths = eval::comparison_truths(self.ruleset, &self.rule.when, &requests);
            steps.into_iter().zip(truths).map(|(step, comparisons)| Truths { step, comparisons }).collect()
        })
    }

    /// Every expression of the file with all its parts, `let`s too.
    pub fn each_expression(&self, visit: &mut dyn FnMut(&'s Expression)) {
        conditions(self.signature).for_each(|expression| each(expression, visit));
    }

    /// The pattern literals of every `matches`, each once.
    pub fn patterns(&self) -> impl Iterator<Item = (&Leaf<'s>, &'s Expression, &'s RegexLiteral)> {
        let mut seen = Vec::new();
        self.leaves.iter().flat_map(|leaf| leaf.literals.iter().map(move |literal| (leaf, literal))).filter_map(
            move |(leaf, literal)| {
                let LiteralKind::Regex(regex) = literal.kind else { return None };
                let span = literal.expression.span;
                if seen.contains(&span) {
                    return None;
                }
                seen.push(span);
                Some((leaf, literal.expression, regex))
            },
        )
    }

    /// Those with one of the signs: what a lint looks for has one of them, and without it needs no tree of the pattern.
    pub fn patterns_with(&self, signs: &[char]) -> impl Iterator<Item = (&'s Expression, &'s RegexLiteral)> {
        let has_one =
            move |(_, _, regex): &(&Leaf<'s>, &'s Expression, &'s RegexLiteral)| regex.pattern.contains(signs);
        self.patterns().filter(has_one).map(|(_, expression, regex)| (expression, regex))
    }

    /// What stands there is part of a `let`: each use of the name means it.
    pub fn is_in_let(&self, span: Span) -> bool {
        let holds = |whole: Span| whole.source == span.source && whole.start <= span.start && span.end <= whole.end;
        self.signature.lets.iter().any(|definition| holds(definition.value.span))
    }

    /// Says `any` or `all` of a list, perhaps by a name.
    pub fn is_quantified(&self, expression: &Expression) -> bool {
        let mut expression = ungrouped(expression);
        for _ in 0..MAX_DEPTH {
            let ExpressionKind::Path { name, keys: None } = &expression.kind else { break };
            let Some(value) = definition(&name.value, self.signature) else { break };
            expression = ungrouped(value);
        }
        matches!(expression.kind, ExpressionKind::Quantified { .. })
    }

    /// The file's text of a span.
    pub fn slice(&self, span: Span) -> &'s str {
        self.sources.slice(span)
    }

    /// Takes its terminal refusal for some clients.
    pub fn blocks(&self) -> bool {
        self.rule.actions.iter().any(|action| match action {
            Action::Block(_) | Action::Redirect { .. } | Action::Tarpit(_) => true,
            Action::Throttle
            | Action::Log
            | Action::Tag(_)
            | Action::Score(_)
            | Action::Allow(_)
            | Action::Strip(_) => false,
        }) && self.rule.rate.is_none()
    }

    /// Whether it matches a GET of `path` with these headers.
    pub fn matches_get(&self, path: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request { target: path.into(), ..Request::default() };
        request.headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        request.facts.scheme = Some("https".to_owned());
        request.complete();
        eval::matches(self.ruleset, self.index, &request)
    }

    /// The comparisons of `when`.
    pub fn when(&self) -> impl Iterator<Item = &Leaf<'s>> {
        self.leaves.iter().filter(|leaf| leaf.place == Place::When)
    }
}

impl<'s> Leaf<'s> {
    pub fn field(&self) -> Field {
        self.comparison.value.field().field
    }

    /// The value is the field itself, without a function.
    pub fn is_bare(&self) -> bool {
        matches!(self.comparison.value, Value::Field(_))
    }

    /// The text literals, those of `let` names too: each with whether it ignores case.
    pub fn texts(&self) -> impl Iterator<Item = (&'s Expression, &'s [u8], bool)> {
        self.literals.iter().filter_map(|literal| match literal.kind {
            LiteralKind::Text { value, ignore_case } => Some((literal.expression, value, ignore_case)),
            LiteralKind::Regex(_) | LiteralKind::Other => None,
        })
    }

    /// Only asks whether there is a value.
    pub fn is_exists(&self) -> bool {
        self.comparison.check == Check::Exists
    }
}

/// The conditions of a file, `let`s first.
pub fn conditions(signature: &ast::Signature) -> impl Iterator<Item = &Expression> {
    let rate = signature.rate.iter().flat_map(|rate| rate.key.iter().chain(&rate.count));
    let lets = signature.lets.iter().map(|definition| &definition.value);
    lets.chain(std::iter::once(&signature.when)).chain(&signature.except).chain(rate)
}

/// An expression and all its parts. As deep as the parser lets it be.
pub fn each<'e>(expression: &'e Expression, visit: &mut dyn FnMut(&'e Expression)) {
    visit(expression);
    match &expression.kind {
        ExpressionKind::Or(parts) | ExpressionKind::And(parts) | ExpressionKind::List(parts) => {
            parts.iter().for_each(|part| each(part, visit));
        }
        ExpressionKind::Not(inner) | ExpressionKind::Group(inner) | ExpressionKind::Exists(inner) => each(inner, visit),
        ExpressionKind::Quantified { body, .. } => each(body, visit),
        ExpressionKind::Compare { left, right, .. } => {
            each(left, visit);
            each(right, visit);
        }
        ExpressionKind::Call { arguments, .. } => arguments.iter().for_each(|part| each(part, visit)),
        ExpressionKind::Path { .. }
        | ExpressionKind::String { .. }
        | ExpressionKind::Regex(_)
        | ExpressionKind::Integer(_)
        | ExpressionKind::Boolean(_)
        | ExpressionKind::Ip(_)
        | ExpressionKind::Cidr(_)
        | ExpressionKind::Duration(_)
        | ExpressionKind::ListReference(_)
        | ExpressionKind::Error => {}
    }
}

/// The span to cut so that one of several parts goes, with the comma or the operator beside it. `None` for the only one.
pub fn without(parts: &[Expression], index: usize) -> Option<Span> {
    let own = parts.get(index)?.span;
    match (index.checked_sub(1).and_then(|before| parts.get(before)), parts.get(index + 1)) {
        (Some(before), _) => Some(Span { start: before.span.end, ..own }),
        (None, Some(after)) => Some(Span { end: after.span.start, ..own }),
        (None, None) => None,
    }
}

/// The expression inside parentheses.
pub fn ungrouped(expression: &Expression) -> &Expression {
    if let ExpressionKind::Group(inner) = &expression.kind { ungrouped(inner) } else { expression }
}

/// Every comparison of a predicate, with whether it stands under an even number of `not`s.
pub fn each_leaf<'p>(predicate: &'p Predicate, positive: bool, visit: &mut dyn FnMut(&'p Comparison, bool)) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            parts.iter().for_each(|part| each_leaf(part, positive, visit));
        }
        Predicate::Not(inner) => each_leaf(inner, !positive, visit),
        Predicate::Compare(comparison) => visit(comparison, positive),
    }
}

/// What a `let` name stands for. Names are defined before they are used, so this ends.
fn definition<'s>(name: &str, signature: &'s ast::Signature) -> Option<&'s Expression> {
    signature.lets.iter().find(|definition| definition.name.value == name).map(|definition| &definition.value)
}

/// `let`s inside of `let`s that are followed.
const MAX_DEPTH: usize = 64;

fn is_literal(expression: &Expression, signature: &ast::Signature, depth: usize) -> bool {
    match &expression.kind {
        ExpressionKind::Group(inner) => is_literal(inner, signature, depth),
        ExpressionKind::Path { name, keys: None } if depth < MAX_DEPTH => {
            definition(&name.value, signature).is_some_and(|value| is_literal(value, signature, depth + 1))
        }
        ExpressionKind::String { .. }
        | ExpressionKind::Regex(_)
        | ExpressionKind::Integer(_)
        | ExpressionKind::Ip(_)
        | ExpressionKind::Cidr(_)
        | ExpressionKind::List(_) => true,
        ExpressionKind::Path { .. }
        | ExpressionKind::Or(_)
        | ExpressionKind::And(_)
        | ExpressionKind::Not(_)
        | ExpressionKind::Compare { .. }
        | ExpressionKind::Exists(_)
        | ExpressionKind::Quantified { .. }
        | ExpressionKind::Call { .. }
        | ExpressionKind::Boolean(_)
        | ExpressionKind::Duration(_)
        | ExpressionKind::ListReference(_)
        | ExpressionKind::Error => false,
    }
}

/// The literals of a comparison: its right side, unless it was turned round.
fn literals<'s>(written: &Written<'s>, signature: &'s ast::Signature) -> Vec<Literal<'s>> {
    let mut literals = Vec::new();
    let side = if is_literal(written.left, signature, 0) { written.left } else { written.right };
    collect_literals(side, signature, 0, &mut literals);
    literals
}

fn collect_literals<'s>(
    expression: &'s Expression,
    signature: &'s ast::Signature,
    depth: usize,
    literals: &mut Vec<Literal<'s>>,
) {
    let kind = match &expression.kind {
        ExpressionKind::Group(inner) => return collect_literals(inner, signature, depth, literals),
        ExpressionKind::List(parts) => {
            return parts.iter().for_each(|part| collect_literals(part, signature, depth, literals));
        }
        ExpressionKind::Path { name, keys: None } => {
            if let Some(value) = definition(&name.value, signature).filter(|_| depth < MAX_DEPTH) {
                collect_literals(value, signature, depth + 1, literals);
            }
            return;
        }
        ExpressionKind::String { value, ignore_case } => LiteralKind::Text { value, ignore_case: *ignore_case },
        ExpressionKind::Regex(regex) => LiteralKind::Regex(regex),
        ExpressionKind::Integer(_) | ExpressionKind::Ip(_) | ExpressionKind::Cidr(_) => LiteralKind::Other,
        ExpressionKind::Path { .. }
        | ExpressionKind::Or(_)
        | ExpressionKind::And(_)
        | ExpressionKind::Not(_)
        | ExpressionKind::Compare { .. }
        | ExpressionKind::Exists(_)
        | ExpressionKind::Quantified { .. }
        | ExpressionKind::Call { .. }
        | ExpressionKind::Boolean(_)
        | ExpressionKind::Duration(_)
        | ExpressionKind::ListReference(_)
        | ExpressionKind::Error => return,
    };
    literals.push(Literal { expression, kind });
}
