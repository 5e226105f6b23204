//! pest's pairs → [`Expression`], operators by precedence. Called by `condition::parse`; the
//! error productions of the grammar are reported here.

use std::cell::{LazyCell, RefCell};
use std::iter::Peekable;
use std::ops::Range;

use pest::iterators::{Pair, Pairs};

use super::foreign::{Foreign, before, is_after_matches};
use super::operators::{Meaning, meaning};
use super::{Place, Report, Rule, literals, problem};
use crate::catalog::Operator;
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{Expression, ExpressionKind, Quantifier, RegexLiteral};

/// Lowers the pair of an `expression`.
pub(super) fn expression(pair: Pair<'_, Rule>, place: &Place, report: &mut Report<'_>) -> Expression {
    Lower { place, report: RefCell::new(report) }.expression(pair)
}

/// The value of a `string` pair (or of the `bad_quotes` beside it) and its place.
pub(in crate::syntax) fn string_token(
    pair: Pair<'_, Rule>,
    place: &Place,
    report: &mut Report<'_>,
) -> Spanned<Vec<u8>> {
    let lower = Lower { place, report: RefCell::new(report) };
    let span = lower.span(&pair);
    Spanned::new(lower.string(pair).0, span)
}

pub(super) struct Lower<'l, 'd> {
    pub(super) place: &'l Place,
    report: RefCell<&'l mut Report<'d>>,
}

pub(super) fn range(pair: &Pair<'_, Rule>) -> Range<usize> {
    pair.as_span().start()..pair.as_span().end()
}

/// The range of a primary. pest's own goes over the blanks after it where the rule ends in something optional.
pub(super) fn written(pair: &Pair<'_, Rule>) -> Range<usize> {
    let whole = range(pair);
    let named = matches!(pair.as_rule(), Rule::reference | Rule::other_reference | Rule::path);
    if !named && pair.as_rule() != Rule::exists {
        return whole;
    }
    match pair.clone().into_inner().next_back() {
        Some(last) if named => whole.start..last.as_span().end(),
        Some(last) => whole.start..written(&last).end,
        None => whole,
    }
}

/// The range of an operator without the blank that the grammar reads with it.
fn token_range(pair: &Pair<'_, Rule>) -> Range<usize> {
    let start = pair.as_span().start();
    start..start + token(pair).len()
}

/// An operator without the blank that the grammar reads with it.
fn token<'t>(pair: &Pair<'t, Rule>) -> &'t str {
    pair.as_str().trim_end()
}

fn is_or(operator: &str) -> bool {
    operator.starts_with(['o', 'O', '|'])
}

impl Lower<'_, '_> {
    pub(super) fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        self.place.span(range(pair))
    }

    pub(super) fn push(&self, diagnostic: Diagnostic) {
        self.report.borrow_mut().push(diagnostic);
    }

    pub(super) fn problem(&self, code: Code, pair: &Pair<'_, Rule>, message: String, label: &str) -> Diagnostic {
        problem(code, self.place, range(pair), message, label)
    }

    /// Operators by precedence, each as soon as its right side is read.
    pub(super) fn expression(&self, pair: Pair<'_, Rule>) -> Expression {
        let mut parts = pair.into_inner().peekable();
        let mut left = self.operand(&mut parts);
        let mut or: Option<(Expression, Pair<'_, Rule>)> = None;
        while let Some(operator) = parts.next() {
            if is_or(operator.as_str()) {
                if let Some((before, operator)) = or.take() {
                    left = self.logic(before, &operator, left);
                }
                or = Some((left, operator));
                left = self.operand(&mut parts);
            } else {
                let right = self.operand(&mut parts);
                left = self.logic(left, &operator, right);
            }
        }
        match or {
            Some((before, operator)) => self.logic(before, &operator, left),
            None => left,
        }
    }

    /// Negations, a primary and its comparisons: those bind tighter than the negations.
    fn operand<'t>(&self, parts: &mut Peekable<Pairs<'t, Rule>>) -> Expression {
        let mut negations = Vec::new();
        while let Some(negation) = parts.next_if(|part| part.as_rule() == Rule::negation) {
            negations.push(negation);
        }
        let mut operand = self.next_primary(parts);
        while let Some(operator) = parts.next_if(|part| part.as_rule() != Rule::logic) {
            let rule = operator.as_rule();
            operand = if rule == Rule::bad_exists {
                self.postfix_exists(operand, &operator)
            } else if rule == Rule::bad_quoted_operator {
                self.quoted_operator(operand, operator)
            } else {
                let right = self.next_primary(parts);
                self.comparison(operand, &operator, right)
            };
        }
        while let Some(negation) = negations.pop() {
            operand = self.negation(&negation, operand);
        }
        operand
    }

    fn next_primary(&self, parts: &mut Peekable<Pairs<'_, Rule>>) -> Expression {
        match parts.next() {
            Some(pair) => self.primary(pair),
            // The grammar has one there.
            None => Expression { kind: ExpressionKind::Error, span: self.place.span(0..0) },
        }
    }

    /// An element of a list, an argument of a call: an expression, or a primary as it is.
    pub(super) fn element(&self, pair: Pair<'_, Rule>) -> Expression {
        if pair.as_rule() == Rule::expression { self.expression(pair) } else { self.primary(pair) }
    }

    fn negation(&self, operator: &Pair<'_, Rule>, operand: Expression) -> Expression {
        let written = operator.as_str();
        let span = self.span(operator);
        if written != "not" {
            // `!` touches what it negates, `not` must not.
            let replacement = if written == "!" && operand.span.start == span.end { "not " } else { "not" };
            self.push(
                self.problem(
                    Code::UnknownOperator,
                    operator,
                    format!("unknown operator `{written}`"),
                    "negation is written `not`",
                )
                .fix("use `not`", span, replacement),
            );
        }
        Expression { span: span.to(operand.span), kind: ExpressionKind::Not(Box::new(operand)) }
    }

    fn postfix_exists(&self, operand: Expression, operator: &Pair<'_, Rule>) -> Expression {
        let span = self.span(operator);
        let mut diagnostic = self.problem(
            Code::UnknownOperator,
            operator,
            "`exists` stands before its operand".to_owned(),
            "comes after its operand",
        );
        diagnostic.fixes.push(Fix {
            title: "write `exists x`".to_owned(),
            edits: vec![
                (Span { end: operand.span.start, ..operand.span }, "exists ".to_owned()),
                (Span { start: operand.span.end, ..span }, String::new()),
            ],
            safe: true,
        });
        self.push(diagnostic);
        Expression { span: operand.span.to(span), kind: ExpressionKind::Exists(Box::new(operand)) }
    }

    /// Chains of one operator become one node, whatever their length.
    fn logic(&self, left: Expression, operator: &Pair<'_, Rule>, right: Expression) -> Expression {
        let is_or = is_or(operator.as_str());
        let own = if is_or { "or" } else { "and" };
        if token(operator) != own {
            self.push(
                self.problem(
                    Code::UnknownOperator,
                    operator,
                    format!("unknown operator `{}`", operator.as_str()),
                    &format!("use `{own}`"),
                )
                .fix(format!("use `{own}`"), self.span(operator), own),
            );
        }
        let span = left.span.to(right.span);
        let kind = match (left.kind, is_or) {
            (ExpressionKind::Or(mut terms), true) => {
                terms.push(right);
                ExpressionKind::Or(terms)
            }
            (ExpressionKind::And(mut terms), false) => {
                terms.push(right);
                ExpressionKind::And(terms)
            }
            (kind, true) => ExpressionKind::Or(vec![Expression { kind, span: left.span }, right]),
            (kind, false) => ExpressionKind::And(vec![Expression { kind, span: left.span }, right]),
        };
        Expression { kind, span }
    }

    fn comparison(&self, left: Expression, token: &Pair<'_, Rule>, right: Expression) -> Expression {
        let span = left.span.to(right.span);
        let failed = Expression { kind: ExpressionKind::Error, span };
        let operator_range = token_range(token);
        let operator_span = self.place.span(operator_range.clone());
        let meaning = meaning(self::token(token));
        if let Meaning::MisspelledLogic(word) = meaning {
            self.push(self.unknown(token).fix(format!("did you mean `{word}`?"), operator_span, word));
            return failed;
        }
        if let Meaning::ExplainedLogic(text) = meaning {
            self.push(self.unknown(token).help(text));
            return failed;
        }
        if let ExpressionKind::Compare { operator, .. } = &left.kind {
            self.push(
                problem(
                    Code::ChainedComparison,
                    self.place,
                    operator_range,
                    "comparisons cannot be chained".to_owned(),
                    "second comparison",
                )
                .secondary(operator.span, "first comparison")
                .help("write two comparisons joined by `and`"),
            );
            return failed;
        }
        if let Some(missing) = self.missing(&left, token, &right) {
            return missing;
        }
        let compare = |operator: Operator, right: Expression, left: Expression| ExpressionKind::Compare {
            operator: Spanned::new(operator, operator_span),
            left: Box::new(left),
            right: Box::new(right),
        };
        match meaning {
            Meaning::Own(operator) => Expression { kind: compare(operator, right, left), span },
            Meaning::Foreign { operator, negated, ignore_case } => {
                let written = Foreign { token, operator, negated, ignore_case };
                let (operator, right) = self.foreign(&written, &left, right);
                let positive = Expression { kind: compare(operator, right, left), span };
                if negated { Expression { kind: ExpressionKind::Not(Box::new(positive)), span } } else { positive }
            }
            Meaning::MisspelledLogic(_) | Meaning::ExplainedLogic(_) => failed,
            Meaning::Explained(text) => {
                let message = format!("unknown operator `{}`", token.as_str());
                self.push(self.problem(Code::UnknownOperator, token, message, "of another language").help(text));
                failed
            }
            Meaning::Unknown(Some(near)) => {
                let name = near.name();
                self.push(self.unknown(token).fix(format!("did you mean `{name}`?"), operator_span, name));
                Expression { kind: compare(near, right, left), span }
            }
            Meaning::Unknown(None) => {
                self.push(self.unknown(token).help(
                    "operators are `and or not`, `== != < <= > >=`, `in`, `contains`, `starts_with`, `ends_with`, \
                     `matches`",
                ));
                failed
            }
        }
    }

    fn unknown(&self, token: &Pair<'_, Rule>) -> Diagnostic {
        let message = format!("expected an operator, found `{}`", token.as_str());
        self.problem(Code::UnknownOperator, token, message, "unknown operator")
    }

    fn primary(&self, pair: Pair<'_, Rule>) -> Expression {
        let written = written(&pair);
        let kind = self.primary_kind(pair);
        Expression { kind, span: self.place.span(written) }
    }

    fn primary_kind(&self, pair: Pair<'_, Rule>) -> ExpressionKind {
        let rule = pair.as_rule();
        if rule == Rule::group || rule == Rule::bad_set {
            return self.group(pair);
        }
        if rule == Rule::bad_call {
            return self.bad_call(pair);
        }
        if rule == Rule::list || rule == Rule::literals {
            return ExpressionKind::List(pair.into_inner().map(|element| self.element(element)).collect());
        }
        if matches!(rule, Rule::reference | Rule::other_reference | Rule::path) {
            return self.reference(pair);
        }
        if rule == Rule::quantifier || rule == Rule::exists {
            return self.prefixed(pair);
        }
        if rule == Rule::string || rule == Rule::bad_quotes || rule == Rule::bad_prefix {
            let is_pattern = rule == Rule::string && !pair.as_str().ends_with('"') && is_after_matches(&pair);
            let no_text = rule == Rule::bad_prefix && pair.as_str().starts_with(['r', 'R', 'i', 'I']) || is_pattern;
            let (value, ignore_case) = self.string(pair);
            // What it is was said: `matches R"x"` need not be told that `R"x"` is no regular expression.
            if no_text {
                return ExpressionKind::Error;
            }
            return ExpressionKind::String { value, ignore_case };
        }
        if rule == Rule::regex {
            return self.regex(&pair);
        }
        if rule == Rule::bad_slashes {
            return self.slashes(&pair);
        }
        let text = pair.as_str();
        if rule == Rule::boolean {
            return ExpressionKind::Boolean(text == "true");
        }
        if rule == Rule::list_reference {
            return ExpressionKind::ListReference(text[1..].to_owned());
        }
        if rule == Rule::bad_dollar {
            return self.dollar(&pair);
        }
        let literal = if rule == Rule::address6 {
            literals::address(text, range(&pair), self.place)
        } else {
            literals::number(text, range(&pair), self.place, before(&pair).ends_with(['[', ',']))
        };
        literal.unwrap_or_else(|diagnostic| {
            self.push(*diagnostic);
            ExpressionKind::Error
        })
    }

    /// `any(…)`, `all(…)` and `exists x`.
    fn prefixed(&self, pair: Pair<'_, Rule>) -> ExpressionKind {
        let quantified = pair.as_rule() == Rule::quantifier;
        let mut inner = pair.into_inner();
        let (Some(word), Some(body)) = (inner.next(), inner.next()) else { return ExpressionKind::Error };
        if !quantified {
            return ExpressionKind::Exists(Box::new(self.primary(body)));
        }
        let quantifier = if word.as_str() == "any" { Quantifier::Any } else { Quantifier::All };
        ExpressionKind::Quantified {
            quantifier: Spanned::new(quantifier, self.span(&word)),
            body: Box::new(self.expression(body)),
        }
    }

    /// A field, a `let` name or a call.
    fn reference(&self, pair: Pair<'_, Rule>) -> ExpressionKind {
        let whole = pair.clone();
        let mut inner = pair.into_inner();
        let Some(name_pair) = inner.next() else { return ExpressionKind::Error };
        let mut name = name_pair.as_str().to_owned();
        let mut name_span = self.span(&name_pair);
        let mut keys = None;
        for part in inner {
            if part.as_rule() == Rule::arguments {
                let arguments: Vec<_> = part.into_inner().map(|argument| self.element(argument)).collect();
                // `startswith(a, b)`: no function has the name of an operator.
                if arguments.len() == 2
                    && let Meaning::Foreign { operator, negated: false, .. } = meaning(&name)
                {
                    return self.called_operator(&whole, &name_pair, operator, arguments);
                }
                if arguments.len() == 1
                    && let Some((_, method)) = name.rsplit_once('.')
                    && let Meaning::Own(operator) | Meaning::Foreign { operator, negated: false, .. } = meaning(method)
                {
                    return self.method(&whole, &name_pair, operator, arguments);
                }
                return ExpressionKind::Call { name: Spanned::new(name, name_span), arguments };
            }
            if part.as_rule() == Rule::bad_index {
                let message = "the lines of a header are one text, joined with `, `".to_owned();
                let diagnostic = self.problem(Code::InvalidCondition, &part, message, "no index here");
                self.push(diagnostic.fix("remove it", self.span(&part), ""));
                continue;
            }
            if part.as_rule() == Rule::keys {
                if let Some(kind) = self.no_key(&name, &part) {
                    return kind;
                }
                keys = Some(part.into_inner().map(|key| self.key(key)).collect());
            } else {
                name.push_str(part.as_str());
                name_span = name_span.to(self.span(&part));
            }
        }
        ExpressionKind::Path { name: Spanned::new(name, name_span), keys }
    }

    fn key(&self, pair: Pair<'_, Rule>) -> Spanned<Vec<u8>> {
        let span = self.span(&pair);
        if pair.as_rule() == Rule::bad_key {
            let key = pair.as_str();
            let message = format!("a key is written in double quotes: `[\"{key}\"]`");
            let diagnostic = self.problem(Code::InvalidCondition, &pair, message, "quotes are missing");
            self.push(diagnostic.fix("add the quotes", span, format!("\"{key}\"")));
            return Spanned::new(key.as_bytes().to_vec(), span);
        }
        let written = range(&pair);
        let (value, ignore_case) = self.string(pair);
        if ignore_case {
            self.push(
                problem(
                    Code::InvalidCondition,
                    self.place,
                    written.clone(),
                    "a key takes no `i` before its quotes".to_owned(),
                    "an `i\"…\"` string",
                )
                .help("header names ignore case anyway, names of arguments and cookies never do")
                .fix("remove the `i`", self.place.span(written.start..written.start + 1), ""),
            );
        }
        Spanned::new(value, span)
    }

    /// The value of a string, and whether it ignores case.
    fn string(&self, pair: Pair<'_, Rule>) -> (Vec<u8>, bool) {
        let rule = pair.as_rule();
        let whole = range(&pair);
        if rule == Rule::bad_quotes || rule == Rule::bad_prefix {
            return (self.bad_string(pair), false);
        }
        let Quoted { prefix, body, start, flags } = quoted(pair.as_str());
        // Of a text that should be a regular expression the escapes are right: it only lacks its `r`. Seldom asked.
        let is_regex = LazyCell::new(|| is_after_matches(&pair));
        let value = literals::unescape(body, whole.start + start, self.place, &mut |problem| {
            if !*is_regex {
                self.push(problem);
            }
        });
        let ignore_case = prefix == "i";
        if !flags.is_empty() {
            let right = match (*is_regex, ignore_case || flags.contains('i')) {
                (false, false) => "",
                (false, true) => "i",
                (true, false) => "r",
                (true, true) => "ri",
            };
            self.flags(whole, prefix, right, flags);
        }
        (value, ignore_case)
    }

    /// The text of a string as another language writes it.
    fn bad_string(&self, pair: Pair<'_, Rule>) -> Vec<u8> {
        let whole = range(&pair);
        let mut inner = pair.clone().into_inner();
        if pair.as_rule() == Rule::bad_quotes {
            let text = inner.next().map_or("", |quoted| quoted.as_str());
            let diagnostic = self.problem(
                Code::InvalidCondition,
                &pair,
                "strings are written with double quotes: `\"…\"`".to_owned(),
                "single quotes",
            );
            let fixed = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            self.push(diagnostic.fix("use double quotes", self.place.span(whole), fixed));
            return text.as_bytes().to_vec();
        }
        let open = inner.next().map_or("", |open| open.as_str());
        let Some(characters) = inner.next() else { return Vec::new() };
        let diagnostic = self.problem(
            Code::InvalidCondition,
            &pair,
            format!("unknown string prefix `{open}`"),
            "prefixes are `i`, `r` and `ri`",
        );
        let near = ["i", "r", "ri"].into_iter().find(|known| {
            let lower = open.to_lowercase();
            lower == *known || lower.chars().rev().eq(known.chars())
        });
        let prefix = self.place.span(whole.start..whole.start + open.len());
        self.push(match near {
            Some(near) => diagnostic.fix(format!("use `{near}`"), prefix, near),
            None => diagnostic.help("`i\"…\"` ignores case, `r\"…\"` is a regular expression, `ri\"…\"` is both"),
        });
        characters.as_str().as_bytes().to_vec()
    }

    fn regex(&self, pair: &Pair<'_, Rule>) -> ExpressionKind {
        let whole = range(pair);
        let Quoted { prefix, body, start, flags } = quoted(pair.as_str());
        if !flags.is_empty() {
            let right = if prefix == "ri" || flags.contains('i') { "ri" } else { "r" };
            self.flags(whole.clone(), prefix, right, flags);
        }
        let start = whole.start + start;
        let pattern = start..start + body.len();
        if body.contains('\0') {
            self.push(problem(
                Code::InvalidLiteral,
                self.place,
                pattern,
                "a regular expression cannot hold a NUL".to_owned(),
                "there is a NUL in it",
            ));
            return ExpressionKind::Error;
        }
        ExpressionKind::Regex(RegexLiteral {
            pattern: body.to_owned(),
            ignore_case: prefix == "ri",
            positions: self.place.positions(pattern),
        })
    }
}

/// The parts of a string or regular expression: `ri`, what is between its quotes and `#`s and where in the token
/// that starts, the flags that do not belong there.
struct Quoted<'t> {
    prefix: &'t str,
    body: &'t str,
    start: usize,
    flags: &'t str,
}

fn quoted(token: &str) -> Quoted<'_> {
    let open = token.find('"').unwrap_or(0);
    let close = token.rfind('"').unwrap_or(0);
    let prefix = token[..open].trim_end_matches('#');
    let hashes = open - prefix.len();
    let start = (open + 1).min(close);
    Quoted { prefix, body: &token[start..close], start, flags: token.get(close + 1 + hashes..).unwrap_or("") }
}
