//! The error productions of the grammar, forms of other languages → what they mean, and the report of how they are
//! written here. Called by `lower`.

use std::ops::Range;

use pest::iterators::Pair;

use super::lower::{Lower, range, written};
use super::operators::{Meaning, meaning};
use super::{Rule, modsecurity, problem};
use crate::catalog::Operator;
use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{Expression, ExpressionKind};

/// An operator as another language writes it.
pub(super) struct Foreign<'t, 'p> {
    pub(super) token: &'t Pair<'p, Rule>,
    pub(super) operator: Operator,
    pub(super) negated: bool,
    pub(super) ignore_case: bool,
}

/// What stands before a token.
pub(super) fn before<'t>(pair: &Pair<'t, Rule>) -> &'t str {
    pair.get_input()[..pair.as_span().start()].trim_end()
}

/// Whether `matches`, or what other languages say for it, stands before a literal.
pub(super) fn is_after_matches(pair: &Pair<'_, Rule>) -> bool {
    // `req.path.matches("x")`
    let before = before(pair).trim_end_matches('(');
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = before.trim_end_matches(is_word);
    let token = if words.len() < before.len() {
        &before[words.len()..]
    } else {
        &before[before.trim_end_matches(['~', '=', '!', '*']).len()..]
    };
    matches!(meaning(token), Meaning::Own(Operator::Matches) | Meaning::Foreign { operator: Operator::Matches, .. })
        && !token.is_empty()
}

fn start(span: Span) -> Span {
    Span { end: span.start, ..span }
}

fn between(left: Span, right: Span) -> Span {
    Span { start: left.end, end: right.start, ..left }
}

fn after(inner: Span, outer: Span) -> Span {
    Span { start: inner.end, end: outer.end, ..outer }
}

impl Lower<'_, '_> {
    /// Reports an operator of another language; what it is here, and its right side as far as it need be looked at.
    pub(super) fn foreign(
        &self,
        written: &Foreign<'_, '_>,
        left: &Expression,
        right: Expression,
    ) -> (Operator, Expression) {
        let Foreign { token, mut operator, negated, ignore_case } = *written;
        let word = token.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
        let is_sign = word.contains('~');
        let failed = Expression { kind: ExpressionKind::Error, span: right.span };
        let mut edits = Vec::new();
        if negated {
            edits.push((start(left.span), "not ".to_owned()));
        }
        let mut way = operator.name().to_owned();
        let mut complete = true;
        let word_is = |name: &str| word.trim_start_matches('@').eq_ignore_ascii_case(name);
        let text = if let ExpressionKind::String { value, .. } = &right.kind {
            Some(String::from_utf8_lossy(value).into_owned())
        } else {
            None
        };
        let right = if let ExpressionKind::Path { name, keys: None } = &right.kind
            && is_sign
            && !name.value.contains(['.', ':', '$'])
        {
            // VCL: `client.ip ~ office`, where `office` is an ACL.
            operator = Operator::In;
            let list = name.value.clone();
            way = format!("in @{list}");
            edits.push((right.span, format!("@{list}")));
            Expression { kind: ExpressionKind::ListReference(list), span: right.span }
        } else if let ExpressionKind::ListReference(list) = &right.kind
            && is_sign
        {
            let message = format!("unknown operator `{word}`");
            let not = if negated { "not … " } else { "" };
            let diagnostic = self.problem(Code::UnknownOperator, token, message, "of another language");
            self.push(diagnostic.help(format!(
                "a list of addresses or whole texts: `{not}in @{list}`, of regular expressions: `{not}matches @{list}`"
            )));
            return (operator, failed);
        } else if let Some(text) = text.as_deref().filter(|_| word_is("pm")) {
            way = "contains [i\"…\"]".to_owned();
            edits.push((right.span, modsecurity::phrases(text)));
            failed
        } else if let Some(text) = text.as_deref().filter(|_| word_is("ipmatch")) {
            edits.push((right.span, modsecurity::networks(text)));
            failed
        } else {
            complete = adapt(&right, operator, ignore_case, &mut edits);
            // `path ~ "x"`: the fix makes it a regex, the type checker need not complain about the string.
            if operator == Operator::Matches && has_text(&right) { failed } else { right }
        };
        if ignore_case && !way.contains(' ') {
            way.push_str(if operator == Operator::Matches { " ri\"…\"" } else { " i\"…\"" });
        }
        if negated {
            way = format!("not … {way}");
        }
        edits.push((self.span(token), operator.name().to_owned()));
        edits.sort_by_key(|(span, _)| span.start);
        let message = format!("unknown operator `{word}`");
        let label = format!("use `{way}`");
        let mut diagnostic = self.problem(Code::UnknownOperator, token, message, &label);
        if complete {
            diagnostic.fixes.push(Fix { title: label, edits, safe: true });
        } else {
            diagnostic = diagnostic
                .help("a text that ignores case has an `i` before its quotes; of a list it has the type `i-string`");
        }
        self.push(diagnostic);
        (operator, right)
    }

    /// ModSecurity's `REQUEST_URI "@contains ../"`.
    pub(super) fn quoted_operator(&self, left: Expression, pair: Pair<'_, Rule>) -> Expression {
        let span = left.span.to(self.span(&pair));
        let whole = pair.clone();
        let mut inner = pair.into_inner();
        let word = inner.next().map_or("", |word| word.as_str());
        let operand = inner.next().map_or("", |operand| operand.as_str()).trim();
        let negated = word.starts_with('!');
        let name = word.trim_start_matches('!');
        let message = format!("the operator of ModSecurity `{name}` in quotes");
        let diagnostic = self.problem(Code::UnknownOperator, &whole, message, "not written so here");
        let diagnostic = match modsecurity::operation(name, operand) {
            Ok(operation) => {
                let mut edits = vec![(self.span(&whole), operation.clone())];
                if negated {
                    edits.insert(0, (start(left.span), "not ".to_owned()));
                }
                let not = if negated { "not … " } else { "" };
                let title = format!("write `{not}{}`", crate::syntax::terms::shorten(&operation));
                Diagnostic { fixes: vec![Fix { title, edits, safe: true }], ..diagnostic }
            }
            Err(help) => diagnostic.help(help),
        };
        self.push(diagnostic);
        let right = Expression { kind: ExpressionKind::Error, span: self.span(&whole) };
        let operator = Spanned::new(Operator::Contains, self.span(&whole));
        let kind = ExpressionKind::Compare { operator, left: Box::new(left), right: Box::new(right) };
        Expression { kind, span }
    }

    /// `x is missing`, `x is not null`: it is no text that is asked for.
    pub(super) fn missing(&self, left: &Expression, token: &Pair<'_, Rule>, right: &Expression) -> Option<Expression> {
        let ExpressionKind::Path { name, keys: None } = &right.kind else { return None };
        let word = token.as_str().split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let missing = match name.value.to_lowercase().as_str() {
            "missing" | "null" | "nil" | "none" | "absent" | "undefined" | "unset" => true,
            "present" | "set" | "defined" => false,
            "empty" if word.starts_with("is") => {
                let diagnostic = self.problem(
                    Code::UnknownOperator,
                    token,
                    format!("unknown operator `{word} empty`"),
                    "of another language",
                );
                self.push(
                    diagnostic
                        .help("whether there is a value is asked with `exists x`, or `not exists x`")
                        .help("of a value that is there and has no character: `length(x) == 0`"),
                );
                return Some(Expression { kind: ExpressionKind::Error, span: left.span.to(right.span) });
            }
            _ => return None,
        };
        let negated = match word.as_str() {
            "is" => false,
            "is not" => true,
            _ => return None,
        };
        let way = if missing == negated { "exists " } else { "not exists " };
        let message = format!("unknown operator `{word} {}`", name.value);
        let mut diagnostic = self.problem(Code::UnknownOperator, token, message, &format!("use `{way}x`"));
        let edits = vec![(start(left.span), way.to_owned()), (after(left.span, right.span), String::new())];
        diagnostic.fixes.push(Fix { title: format!("write `{way}x`"), edits, safe: true });
        self.push(diagnostic);
        let exists = ExpressionKind::Exists(Box::new(left.clone()));
        let span = left.span.to(right.span);
        Some(Expression { kind: exists, span })
    }

    /// nginx's `$request_uri`, Cloudflare's `$office`. What name is meant is asked where names are known.
    pub(super) fn dollar(&self, pair: &Pair<'_, Rule>) -> ExpressionKind {
        let name = &pair.as_str()[1..];
        let before = before(pair);
        let is_list = before.split_whitespace().next_back() == Some("in");
        if !is_list {
            return ExpressionKind::Path { name: Spanned::new(pair.as_str().to_owned(), self.span(pair)), keys: None };
        }
        let message = format!("a list is named with `@`: `@{name}`");
        let diagnostic = self.problem(Code::InvalidCondition, pair, message, "no `$` here");
        self.push(diagnostic.fix(format!("use `@{name}`"), self.span(pair), format!("@{name}")));
        ExpressionKind::ListReference(name.to_owned())
    }

    /// `"x"i`, `r"x"i`: `prefix` is what belongs before the quotes.
    pub(super) fn flags(&self, whole: Range<usize>, written: &str, prefix: &str, flags: &str) {
        let Range { start, end } = whole;
        let place = end - flags.len()..end;
        let mut diagnostic = problem(
            Code::InvalidCondition,
            self.place,
            place.clone(),
            format!("flags stand before the quotes, not behind them as `{flags}`"),
            "behind the quotes",
        );
        if flags != "i" {
            diagnostic = diagnostic.help(
                "`i\"…\"` and `ri\"…\"` ignore case; `(?s)` in a pattern lets `.` match line breaks, others are not \
                 needed",
            );
        }
        let edits = vec![
            (self.place.span(start..start + written.len()), prefix.to_owned()),
            (self.place.span(place), String::new()),
        ];
        let title = match prefix {
            "" => "remove it".to_owned(),
            prefix => format!("write `{prefix}\"…\"`"),
        };
        diagnostic.fixes.push(Fix { title, edits, safe: true });
        self.push(diagnostic);
    }

    /// `req.args[*]`, `req.cookies[0]`: there is no key that could be meant.
    pub(super) fn no_key(&self, name: &str, keys: &Pair<'_, Rule>) -> Option<ExpressionKind> {
        let key = keys.clone().into_inner().find(|key| {
            let text = key.as_str();
            key.as_rule() == Rule::bad_key && (text == "*" || text.bytes().all(|byte| byte.is_ascii_digit()))
        })?;
        let text = key.as_str();
        let message = format!("a key is a name in double quotes, and `{text}` is none");
        let mut diagnostic = self.problem(Code::InvalidCondition, &key, message, "not a name");
        let lower = name.to_ascii_lowercase();
        if lower.contains("arg") {
            diagnostic = diagnostic.help(
                "the values of all parameters stand in the query: `any_form(req.query) contains \"x\"`, their names are \
                 `req.arg_names`",
            );
        } else if lower.contains("cookie") {
            diagnostic =
                diagnostic.help("all cookies together are the header: `req.headers[\"cookie\"] contains \"x\"`");
        } else if lower.contains("header") {
            diagnostic =
                diagnostic.help("name the headers: `any(req.headers[\"referer\", \"user-agent\"] contains \"x\")`");
        }
        if text != "*" {
            diagnostic = diagnostic.help(format!("what is named `{text}` is `{name}[\"{text}\"]`"));
        }
        self.push(diagnostic);
        Some(ExpressionKind::Error)
    }

    /// `req.path.startsWith("/a")`
    pub(super) fn method(
        &self,
        whole: &Pair<'_, Rule>,
        name: &Pair<'_, Rule>,
        operator: Operator,
        arguments: Vec<Expression>,
    ) -> ExpressionKind {
        let Some((base, method)) = name.as_str().rsplit_once('.') else { return ExpressionKind::Error };
        let Ok([right]) = <[Expression; 1]>::try_from(arguments) else { return ExpressionKind::Error };
        let at = range(name);
        let base_span = self.place.span(at.start..at.start + base.len());
        let word = operator.name();
        let message = format!("there are no methods: `{word}` stands between its operands");
        let method = self.place.span(at.end - method.len()..at.end);
        let span = self.place.span(written(whole));
        let mut edits = vec![(between(base_span, right.span), format!(" {word} "))];
        adapt(&right, operator, false, &mut edits);
        edits.push((after(right.span, span), String::new()));
        let mut diagnostic = Diagnostic::new(Code::UnknownOperator, method, message, "written like a method");
        diagnostic.fixes.push(Fix { title: format!("write `a {word} b`"), edits, safe: true });
        self.push(diagnostic);
        let mended = operator == Operator::Matches && has_text(&right);
        let right = if mended { Expression { kind: ExpressionKind::Error, span: right.span } } else { right };
        let path = ExpressionKind::Path { name: Spanned::new(base.to_owned(), base_span), keys: None };
        let left = Expression { kind: path, span: base_span };
        let operator = Spanned::new(operator, method);
        ExpressionKind::Compare { operator, left: Box::new(left), right: Box::new(right) }
    }

    /// `(…)`; and with the wrong brackets, a list.
    pub(super) fn group(&self, pair: Pair<'_, Rule>) -> ExpressionKind {
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
    pub(super) fn bad_call(&self, pair: Pair<'_, Rule>) -> ExpressionKind {
        let mut inner = pair.clone().into_inner();
        let (Some(name), Some(arguments)) = (inner.next(), inner.next()) else { return ExpressionKind::Error };
        let arguments: Vec<Expression> = arguments.into_inner().map(|argument| self.element(argument)).collect();
        match meaning(name.as_str()) {
            Meaning::Own(operator) => self.called_operator(&pair, &name, operator, arguments),
            Meaning::Foreign { .. }
            | Meaning::Explained(_)
            | Meaning::ExplainedLogic(_)
            | Meaning::MisspelledLogic(_)
            | Meaning::Unknown(_) => ExpressionKind::Error,
        }
    }

    /// An operator written like a function.
    pub(super) fn called_operator(
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

    /// `/x/i`: a regular expression where `matches` stands before it, else a text such as a path.
    pub(super) fn slashes(&self, pair: &Pair<'_, Rule>) -> ExpressionKind {
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

/// The prefixes that the texts and patterns of a right side need. `false`: it is none of them, so none helps.
fn adapt(right: &Expression, operator: Operator, ignore_case: bool, edits: &mut Vec<(Span, String)>) -> bool {
    if let ExpressionKind::String { ignore_case: ignores, .. } = &right.kind {
        let new = match (operator == Operator::Matches, ignore_case || *ignores) {
            (true, true) => "ri",
            (true, false) => "r",
            (false, true) => "i",
            (false, false) => "",
        };
        let old = if *ignores { "i" } else { "" };
        if old != new {
            edits.push((Span { end: right.span.start + old.len() as u32, ..right.span }, new.to_owned()));
        }
        return true;
    }
    if let ExpressionKind::Regex(regex) = &right.kind {
        if ignore_case && !regex.ignore_case {
            edits.push((Span { end: right.span.start + 1, ..right.span }, "ri".to_owned()));
        }
        return true;
    }
    if let ExpressionKind::List(items) = &right.kind {
        let mut all = true;
        for item in items {
            all &= adapt(item, operator, ignore_case, edits);
        }
        return all;
    }
    !ignore_case
}

/// A text, or a list with one in it.
fn has_text(right: &Expression) -> bool {
    if let ExpressionKind::List(items) = &right.kind {
        return items.iter().any(|item| matches!(item.kind, ExpressionKind::String { .. }));
    }
    matches!(right.kind, ExpressionKind::String { .. })
}
