//! pest's pairs → [`Expression`], operators by precedence with pest's Pratt parser. Called by `condition::parse`; the
//! error productions of the grammar are reported here.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::LazyLock;

use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::operators::{Meaning, meaning};
use super::{Place, Report, Rule, literals, problem};
use crate::catalog::Operator;
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{Expression, ExpressionKind, Quantifier, RegexLiteral};

/// Loosest first.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    PrattParser::new()
        .op(Op::infix(Rule::or, Assoc::Left))
        .op(Op::infix(Rule::and, Assoc::Left))
        .op(Op::prefix(Rule::negation))
        .op(Op::infix(Rule::comparison, Assoc::Left) | Op::postfix(Rule::bad_exists))
});

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

struct Lower<'l, 'd> {
    place: &'l Place,
    report: RefCell<&'l mut Report<'d>>,
}

fn range(pair: &Pair<'_, Rule>) -> Range<usize> {
    pair.as_span().start()..pair.as_span().end()
}

/// The range of a primary. pest's own goes over the blanks after it where the rule ends in something optional.
fn written(pair: &Pair<'_, Rule>) -> Range<usize> {
    let whole = range(pair);
    let optional_end = matches!(pair.as_rule(), Rule::reference | Rule::exists | Rule::bad_call);
    match pair.clone().into_inner().last() {
        Some(last) if optional_end => whole.start..written(&last).end,
        Some(_) | None => whole,
    }
}

impl Lower<'_, '_> {
    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        self.place.span(range(pair))
    }

    fn push(&self, diagnostic: Diagnostic) {
        self.report.borrow_mut().push(diagnostic);
    }

    fn problem(&self, code: Code, pair: &Pair<'_, Rule>, message: String, label: &str) -> Diagnostic {
        problem(code, self.place, range(pair), message, label)
    }

    fn expression(&self, pair: Pair<'_, Rule>) -> Expression {
        let mut parts = pair.into_inner();
        // An argument, an element: most expressions are a single operand.
        if parts.len() == 1
            && let Some(operand) = parts.next()
        {
            return self.primary(operand);
        }
        PRECEDENCE
            .map_primary(|pair| self.primary(pair))
            .map_prefix(|operator, operand| self.negation(&operator, operand))
            .map_postfix(|operand, operator| self.postfix_exists(operand, &operator))
            .map_infix(|left, operator, right| {
                if operator.as_rule() == Rule::comparison {
                    self.comparison(left, &operator, right)
                } else {
                    self.logic(left, &operator, right)
                }
            })
            .parse(parts)
    }

    /// An element of a list: an expression, or a literal as it is.
    fn element(&self, pair: Pair<'_, Rule>) -> Expression {
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
        let is_or = operator.as_rule() == Rule::or;
        let own = if is_or { "or" } else { "and" };
        if operator.as_str() != own {
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
        let operator_span = self.span(token);
        let meaning = meaning(token.as_str());
        if let Meaning::MisspelledLogic(word) = meaning {
            self.push(self.unknown(token).fix(format!("did you mean `{word}`?"), operator_span, word));
            return failed;
        }
        if let ExpressionKind::Compare { operator, .. } = &left.kind {
            self.push(
                self.problem(
                    Code::ChainedComparison,
                    token,
                    "comparisons cannot be chained".to_owned(),
                    "second comparison",
                )
                .secondary(operator.span, "first comparison")
                .help("write two comparisons joined by `and`"),
            );
            return failed;
        }
        let compare = |operator: Operator, right: Expression, left: Expression| ExpressionKind::Compare {
            operator: Spanned::new(operator, operator_span),
            left: Box::new(left),
            right: Box::new(right),
        };
        match meaning {
            Meaning::Own(operator) => Expression { kind: compare(operator, right, left), span },
            Meaning::Foreign { operator, negated } => {
                self.push(self.foreign(token, operator, negated, &left, &right));
                // `path ~ "x"`: the fix makes it a regex, the type checker need not complain about the string.
                let fixed = operator == Operator::Matches && matches!(right.kind, ExpressionKind::String { .. });
                let kind = if fixed { ExpressionKind::Error } else { right.kind };
                let kind = compare(operator, Expression { kind, span: right.span }, left);
                let positive = Expression { kind, span };
                if negated { Expression { kind: ExpressionKind::Not(Box::new(positive)), span } } else { positive }
            }
            Meaning::MisspelledLogic(_) => failed,
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

    fn foreign(
        &self,
        token: &Pair<'_, Rule>,
        operator: Operator,
        negated: bool,
        left: &Expression,
        right: &Expression,
    ) -> Diagnostic {
        let name = operator.name();
        let written = token.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
        let way = if negated { format!("not … {name}") } else { name.to_owned() };
        let mut diagnostic = self.problem(
            Code::UnknownOperator,
            token,
            format!("unknown operator `{written}`"),
            &format!("use `{way}`"),
        );
        let mut edits = Vec::new();
        if negated {
            edits.push((Span { end: left.span.start, ..left.span }, "not ".to_owned()));
        }
        edits.push((self.span(token), name.to_owned()));
        if operator == Operator::Matches
            && let ExpressionKind::String { ignore_case, .. } = &right.kind
        {
            let start = if *ignore_case { right.span.start + 1 } else { right.span.start };
            let prefix = if *ignore_case || written.ends_with('*') { "ri" } else { "r" };
            edits.push((Span { end: start, ..right.span }, prefix.to_owned()));
        }
        diagnostic.fixes.push(Fix { title: format!("use `{way}`"), edits, safe: true });
        diagnostic
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
        if rule == Rule::list {
            return ExpressionKind::List(pair.into_inner().map(|element| self.element(element)).collect());
        }
        if rule == Rule::reference {
            return self.reference(pair);
        }
        if rule == Rule::quantifier || rule == Rule::exists {
            return self.prefixed(pair);
        }
        if rule == Rule::string || rule == Rule::bad_quotes || rule == Rule::bad_prefix {
            let (value, ignore_case) = self.string(pair);
            return ExpressionKind::String { value, ignore_case };
        }
        if rule == Rule::regex {
            return self.regex(pair);
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
            let name = text[1..].to_owned();
            let message = format!("names are written without `$`: `{name}`");
            let diagnostic = self.problem(Code::InvalidCondition, &pair, message, "no `$` here");
            self.push(diagnostic.fix(format!("use `{name}`"), self.span(&pair), name.clone()));
            return ExpressionKind::Path { name: Spanned::new(name, self.span(&pair)), keys: None };
        }
        let literal = if rule == Rule::address6 {
            literals::address(text, range(&pair), self.place)
        } else {
            literals::number(text, range(&pair), self.place)
        };
        literal.unwrap_or_else(|diagnostic| {
            self.push(*diagnostic);
            ExpressionKind::Error
        })
    }

    /// `(…)`; and with the wrong brackets, a list.
    fn group(&self, pair: Pair<'_, Rule>) -> ExpressionKind {
        let whole = pair.clone();
        let mut parts: Vec<Expression> = pair.into_inner().map(|part| self.expression(part)).collect();
        if whole.as_rule() == Rule::group && parts.len() == 1 {
            return parts.pop().map_or(ExpressionKind::Error, |body| ExpressionKind::Group(Box::new(body)));
        }
        let text = whole.as_str();
        let range = range(&whole);
        let bracket = |at: usize| self.place.span(at..at + 1);
        let mut edits = vec![(bracket(range.start), "[".to_owned())];
        // Between two elements there is their comma, or a blank of a set.
        if !text.contains(',') {
            let gaps =
                parts.windows(2).map(|pair| Span { end: pair[0].span.end, start: pair[0].span.end, ..pair[0].span });
            edits.extend(gaps.map(|gap| (gap, ",".to_owned())));
        }
        edits.push((bracket(range.end - 1), "]".to_owned()));
        let title = "write it in `[…]`".to_owned();
        let mut diagnostic = self.problem(
            Code::InvalidCondition,
            &whole,
            "a list is written as `[\"a\", \"b\"]`".to_owned(),
            "not in `[…]`",
        );
        diagnostic.fixes.push(Fix { title, edits, safe: true });
        self.push(diagnostic);
        ExpressionKind::List(parts)
    }

    /// `starts_with(a, b)`
    fn bad_call(&self, pair: Pair<'_, Rule>) -> ExpressionKind {
        let mut inner = pair.clone().into_inner();
        let (Some(name), Some(arguments)) = (inner.next(), inner.next()) else { return ExpressionKind::Error };
        let arguments: Vec<Expression> = arguments.into_inner().map(|argument| self.expression(argument)).collect();
        match meaning(name.as_str()) {
            Meaning::Own(operator) => self.called_operator(&pair, &name, operator, arguments),
            Meaning::Foreign { .. } | Meaning::Explained(_) | Meaning::MisspelledLogic(_) | Meaning::Unknown(_) => {
                ExpressionKind::Error
            }
        }
    }

    /// An operator written like a function.
    fn called_operator(
        &self,
        whole: &Pair<'_, Rule>,
        name: &Pair<'_, Rule>,
        operator: Operator,
        arguments: Vec<Expression>,
    ) -> ExpressionKind {
        let word = operator.name();
        let message = format!("`{word}` stands between its operands");
        let diagnostic = self.problem(Code::UnknownOperator, name, message, "written like a function");
        let Ok([left, right]) = <[Expression; 2]>::try_from(arguments) else {
            self.push(diagnostic.help(format!("write `a {word} b`")));
            return ExpressionKind::Error;
        };
        let span = self.place.span(written(whole));
        let before = Span { end: left.span.start, ..span };
        let between = Span { start: left.span.end, end: right.span.start, ..span };
        let after = Span { start: right.span.end, ..span };
        let edits = vec![(before, String::new()), (between, format!(" {word} ")), (after, String::new())];
        let mut diagnostic = diagnostic;
        diagnostic.fixes.push(Fix { title: format!("write `a {word} b`"), edits, safe: true });
        self.push(diagnostic);
        let operator = Spanned::new(operator, self.span(name));
        ExpressionKind::Compare { operator, left: Box::new(left), right: Box::new(right) }
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
                let arguments: Vec<_> = part.into_inner().map(|argument| self.expression(argument)).collect();
                // `startswith(a, b)`: no function has the name of an operator.
                if arguments.len() == 2
                    && let Meaning::Foreign { operator, negated: false } = meaning(&name)
                {
                    return self.called_operator(&whole, &name_pair, operator, arguments);
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
        let mut inner = pair.clone().into_inner();
        if rule == Rule::bad_quotes {
            let text = inner.next().map_or("", |quoted| quoted.as_str());
            let diagnostic = self.problem(
                Code::InvalidCondition,
                &pair,
                "strings are written with double quotes: `\"…\"`".to_owned(),
                "single quotes",
            );
            let fixed = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            self.push(diagnostic.fix("use double quotes", self.place.span(whole), fixed));
            return (text.as_bytes().to_vec(), false);
        }
        let open = inner.next().map_or("", |open| open.as_str());
        let Some(characters) = inner.next() else { return (Vec::new(), false) };
        if rule == Rule::bad_prefix {
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
            return (characters.as_str().as_bytes().to_vec(), false);
        }
        let base = characters.as_span().start();
        let value = literals::unescape(characters.as_str(), base, self.place, &mut |problem| self.push(problem));
        (value, open.starts_with('i'))
    }

    fn regex(&self, pair: Pair<'_, Rule>) -> ExpressionKind {
        let mut inner = pair.into_inner();
        let (Some(open), Some(pattern)) = (inner.next(), inner.next()) else { return ExpressionKind::Error };
        if pattern.as_str().contains('\0') {
            self.push(self.problem(
                Code::InvalidLiteral,
                &pattern,
                "a regular expression cannot hold a NUL".to_owned(),
                "there is a NUL in it",
            ));
            return ExpressionKind::Error;
        }
        ExpressionKind::Regex(RegexLiteral {
            pattern: pattern.as_str().to_owned(),
            ignore_case: open.as_str() == "ri",
            positions: self.place.positions(range(&pattern)),
        })
    }

    /// `/x/i`: a regular expression where `matches` stands before it, else a text such as a path.
    fn slashes(&self, pair: &Pair<'_, Rule>) -> ExpressionKind {
        let mut inner = pair.clone().into_inner();
        let body = inner.next().map_or("", |body| body.as_str());
        let flags = inner.next().map_or("", |flags| flags.as_str());
        let before = pair.get_input()[..pair.as_span().start()].trim_end();
        let is_text = ["==", "!=", "=", "in", "contains", "starts_with", "ends_with", "[", ","];
        if flags.is_empty() && !before.ends_with("~=") && is_text.iter().any(|operator| before.ends_with(operator)) {
            let diagnostic = self.problem(
                Code::InvalidCondition,
                pair,
                "text is written in double quotes; a regular expression as `r\"…\"`, with `matches`".to_owned(),
                "not in quotes",
            );
            let fixed = format!("\"/{}/\"", body.replace('"', "\\\""));
            self.push(diagnostic.fix(
                format!("write `{}`", crate::syntax::terms::shorten(&fixed)),
                self.span(pair),
                fixed,
            ));
            return ExpressionKind::Error;
        }
        let body = body.replace("\\/", "/");
        let (prefix, hashes) =
            (if flags.contains('i') { "ri" } else { "r" }, if body.contains('"') { "#" } else { "" });
        let fixed = format!("{prefix}{hashes}\"{body}\"{hashes}");
        let diagnostic = self.problem(
            Code::InvalidCondition,
            pair,
            "regular expressions are written as `r\"…\"`, or `ri\"…\"` to ignore case".to_owned(),
            "slashes",
        );
        self.push(diagnostic.fix(format!("use `{prefix}\"…\"`"), self.span(pair), fixed));
        ExpressionKind::Error
    }
}
