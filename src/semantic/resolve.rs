//! Names in conditions: fields with their keys, `let` names, lists and functions.

use super::foreign;
use super::scope::Checker;
use super::term::{Constant, Literals, Term};
use crate::catalog::{FIELDS, FUNCTIONS, Field, KeyKind, Phase};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::ir::{FieldReference, ListIndex, Value};
use crate::source::{Span, Spanned};
use crate::syntax::OWN_QUOTES;
use crate::syntax::ast::{Expression, ExpressionKind};

impl<'a> Checker<'a> {
    /// `@name`
    pub fn list_reference(&mut self, name: &str, span: Span) -> Term<'a> {
        let lists = self.context.lists;
        if let Ok(index) = lists.binary_search_by(|list| list.name.as_str().cmp(name)) {
            return Term::Reference(ListIndex(index));
        }
        let mut diagnostic =
            Diagnostic::new(Code::UnknownList, span, format!("the project has no list `{name}`"), "not in `lists:`");
        match nearest(name, lists.iter().map(|list| list.name.as_str())) {
            Some(near) => {
                diagnostic = diagnostic.fix(format!("did you mean `@{near}`?"), span, format!("@{near}"));
            }
            None => {
                diagnostic =
                    diagnostic.help(format!("define it in edgesig.yaml: `lists: {{{name}: {{type: …, values: […]}}}}`"))
            }
        }
        self.report(diagnostic);
        Term::Error
    }

    /// A field or a `let` name.
    pub fn path(&mut self, name: &'a Spanned<String>, keys: Option<&'a [Spanned<Vec<u8>>]>, span: Span) -> Term<'a> {
        if let Some(bare) = name.value.strip_prefix('$') {
            // The `let` that is meant is used, whatever is wrong with it.
            self.inline(bare, span);
            let diagnostic = self.with_dollar(name, bare);
            self.report(diagnostic);
            return Term::Error;
        }
        if let Some(field) = Field::from_name(&name.value) {
            return self.field(field, keys, span);
        }
        if let Some(term) = self.inline(&name.value, span) {
            if keys.is_some() {
                let message = format!("`{}` is a `let` name and takes no key", name.value);
                self.report(
                    Diagnostic::new(Code::FieldKey, span, message, "has a key")
                        .help("put the key where the `let` names the field"),
                );
                return Term::Error;
            }
            return term;
        }
        let diagnostic =
            if name.value.contains(['.', ':']) { self.unknown_field(name) } else { self.unknown_name(name) };
        self.report(diagnostic);
        Term::Error
    }

    /// nginx's `$request_uri`: what is meant, in one answer.
    fn with_dollar(&self, name: &Spanned<String>, bare: &str) -> Diagnostic {
        let message = format!("names are written without `$`, found `{}`", name.value);
        let diagnostic = Diagnostic::new(Code::UnknownName, name.span, message, "no `$` here");
        if self.lets.contains_key(bare) || Field::from_name(bare).is_some() {
            return self.suggest(diagnostic, name, bare);
        }
        if self.context.lists.iter().any(|list| list.name == bare) {
            return self.suggest(diagnostic, name, &format!("@{bare}"));
        }
        match foreign::field(bare) {
            Some(foreign::Meaning::Ours(ours)) => return self.suggest(diagnostic, name, &ours),
            Some(foreign::Meaning::Explained(text)) => return diagnostic.help(text),
            None => {}
        }
        let names = self.let_names().into_iter().chain(FIELDS.iter().map(|row| row.name));
        match nearest(bare, names) {
            Some(near) => self.suggest(diagnostic, name, near),
            None => diagnostic.help("`docs/fields.md` lists every field; a name of your own stands under `let:`"),
        }
    }

    fn unknown_field(&self, name: &Spanned<String>) -> Diagnostic {
        let word = name.value.as_str();
        let diagnostic =
            Diagnostic::new(Code::UnknownField, name.span, format!("there is no field `{word}`"), "unknown field");
        if let Some(base) = word.strip_suffix(".raw").and_then(Field::from_name) {
            let base = base.row().name;
            let help = format!("`{base}` is never decoded: it is what came over the wire already");
            return self.suggest(diagnostic.help(help), name, base);
        }
        match foreign::field(word) {
            Some(foreign::Meaning::Ours(ours)) => return self.suggest(diagnostic, name, &ours),
            Some(foreign::Meaning::Explained(text)) => return diagnostic.help(text),
            None => {}
        }
        match nearest(word, FIELDS.iter().map(|row| row.name)) {
            Some(near) => self.suggest(diagnostic, name, near),
            None => diagnostic.help("`docs/fields.md` lists every field"),
        }
    }

    fn unknown_name(&self, name: &Spanned<String>) -> Diagnostic {
        let word = name.value.as_str();
        let diagnostic = Diagnostic::new(
            Code::UnknownName,
            name.span,
            format!("`{word}` is no field and no name from `let:`"),
            "unknown name",
        );
        if let Some(later) = self.later.get(word) {
            return diagnostic
                .secondary(*later, "defined here")
                .help("a `let` may use only the names defined above it");
        }
        if let Some(row) = FUNCTIONS.iter().find(|row| row.name == word) {
            return diagnostic.help(format!("`{word}` is a function: `{}`", row.signature));
        }
        if self.context.lists.iter().any(|list| list.name == word) {
            let list = format!("@{word}");
            return self.suggest(diagnostic, name, &list);
        }
        if let Some(near) = nearest(word, self.let_names()) {
            return self.suggest(diagnostic, name, near);
        }
        if let Some(number) = super::mismatch::number_of_system(word) {
            return diagnostic.proposal("an autonomous system is its number alone", name.span, number);
        }
        match foreign::field(word) {
            Some(foreign::Meaning::Ours(ours)) => return self.suggest(diagnostic, name, &ours),
            Some(foreign::Meaning::Explained(text)) => return diagnostic.help(text),
            None => {}
        }
        match nearest(word, FIELDS.iter().map(|row| row.name)) {
            Some(near) => self.suggest(diagnostic, name, near),
            None if self.has_quotes_of_yaml(name) => {
                let span = Span { start: name.span.start - 1, end: name.span.end + 1, ..name.span };
                diagnostic.proposal(OWN_QUOTES, span, format!("'\"{word}\"'"))
            }
            None => diagnostic.help(format!("text is written in double quotes: `\"{word}\"`")),
        }
    }

    /// Whether a name is a whole scalar between YAML's own quotes: no condition has one beside a quote.
    fn has_quotes_of_yaml(&self, name: &Spanned<String>) -> bool {
        let text = self.context.sources.text(name.span.source).as_bytes();
        let range = name.span.range();
        let before = range.start.checked_sub(1).and_then(|before| text.get(before));
        matches!(before, Some(b'"' | b'\'')) && before == text.get(range.end)
    }

    /// The names defined so far, sorted: the same suggestion in every run.
    fn let_names(&self) -> Vec<&'a str> {
        self.lets.keys().copied().collect()
    }

    /// "did you mean", with a fix where the name stands verbatim in the file.
    pub fn suggest(&self, diagnostic: Diagnostic, name: &Spanned<String>, near: &str) -> Diagnostic {
        let title = format!("did you mean `{near}`?");
        let verbatim = self.slice(name.span) == name.value;
        if verbatim { diagnostic.fix(title, name.span, near) } else { diagnostic.help(title) }
    }

    fn field(&mut self, field: Field, keys: Option<&[Spanned<Vec<u8>>]>, span: Span) -> Term<'a> {
        let row = field.row();
        let keys = match (row.key, keys) {
            (KeyKind::None, None) => Vec::new(),
            (KeyKind::None, Some(_)) => {
                let message = format!("`{}` takes no key", row.name);
                self.report(
                    Diagnostic::new(Code::FieldKey, span, message, "has a key").help(format!("write `{}`", row.name)),
                );
                return Term::Error;
            }
            (KeyKind::One | KeyKind::HeaderName | KeyKind::HeaderNames, None | Some([])) => {
                self.report(missing_key(field, span));
                return Term::Error;
            }
            (KeyKind::One | KeyKind::HeaderName, Some([_, second, ..])) => {
                let message = format!("`{}` takes one key", row.name);
                self.report(
                    Diagnostic::new(Code::FieldKey, second.span, message, "a second key")
                        .help("write one comparison for each, joined by `or`"),
                );
                return Term::Error;
            }
            (KeyKind::One, Some([key])) if field == Field::Cookies && !is_cookie_name(&key.value) => {
                let message = format!("no cookie has the name `{}`", String::from_utf8_lossy(&key.value));
                self.report(Diagnostic::new(Code::FieldKey, key.span, message, "no such name").help(
                    "a name ends before the first `=` or `;` and begins with no blank: ask for it, and compare the value",
                ));
                return Term::Error;
            }
            (KeyKind::One, Some([key])) => vec![key.value.clone()],
            (KeyKind::HeaderName | KeyKind::HeaderNames, Some(keys)) => match self.header_names(keys) {
                Some(names) => names,
                None => return Term::Error,
            },
        };
        if row.phase == Phase::Response {
            self.response_reads.push((span, row.name.to_owned()));
        }
        Term::Value(Value::Field(FieldReference { field, keys }))
    }

    fn header_names(&mut self, keys: &[Spanned<Vec<u8>>]) -> Option<Vec<Vec<u8>>> {
        let mut names: Vec<Vec<u8>> = Vec::with_capacity(keys.len());
        let mut valid = true;
        for key in keys {
            let name = key.value.to_ascii_lowercase();
            if !is_token(&name) {
                let message = format!("`{}` cannot be the name of a header", String::from_utf8_lossy(&key.value));
                self.report(
                    Diagnostic::new(Code::FieldKey, key.span, message, "not a header name")
                        .help("header names are letters, digits and ``!#$%&'*+-.^_`|~``"),
                );
                valid = false;
            } else if names.contains(&name) {
                let message = format!("the header `{}` is named twice", String::from_utf8_lossy(&name));
                self.report(
                    Diagnostic::new(Code::FieldKey, key.span, message, "named before").help("remove one of the two"),
                );
                valid = false;
            } else {
                names.push(name);
            }
        }
        valid.then_some(names)
    }

    /// `[…]`
    pub fn list_literal(&mut self, elements: &'a [Expression], span: Span) -> Term<'a> {
        if elements.is_empty() {
            self.report(
                Diagnostic::new(
                    Code::EmptyOperand,
                    span,
                    "this list is empty, and nothing is in an empty list",
                    "no element",
                )
                .help("name the values, or use a list of the project that may be empty: `@name`"),
            );
            return Term::Error;
        }
        let mut joined: Option<(Constant<'a>, Span)> = None;
        let mut failed = false;
        for element in elements {
            match self.expression(element) {
                Term::Error => failed = true,
                Term::Constant(constant) if !constant.list => match &mut joined {
                    None => joined = Some((Constant { list: true, ..constant }, element.span)),
                    Some((list, first)) => {
                        let found = constant.element_type();
                        if !append(&mut list.literals, constant.literals) {
                            failed = true;
                            let (wanted, first) = (list.element_type(), *first);
                            self.report(
                                Diagnostic::new(
                                    Code::TypeMismatch,
                                    element.span,
                                    format!("a list has one type: found {found} in a list of {wanted}"),
                                    format!("this is {found}"),
                                )
                                .secondary(first, format!("this is {wanted}")),
                            );
                        }
                    }
                },
                other @ (Term::Constant(_)
                | Term::Predicate(_)
                | Term::Value(_)
                | Term::Quantified(..)
                | Term::Reference(_)) => {
                    failed = true;
                    let found = other.type_name(self.context.lists);
                    let message = if other.is_constant() {
                        format!("a list holds literals, found {found}")
                    } else {
                        format!("a list holds literals, found a field or condition of type {found}")
                    };
                    self.report(
                        Diagnostic::new(Code::TypeMismatch, element.span, message, "not a literal")
                            .help("write one comparison for each, joined by `or`"),
                    );
                }
            }
        }
        match joined {
            Some((list, first)) if !failed => match list.literals {
                Literals::Boolean(_) | Literals::Duration => {
                    let found = list.element_type();
                    let message = format!("there are no lists of {found}");
                    self.report(Diagnostic::new(Code::TypeMismatch, first, message, format!("this is {found}")));
                    Term::Error
                }
                Literals::Texts(_) | Literals::Patterns(_) | Literals::Integers(_) | Literals::Networks(_) => {
                    Term::Constant(list)
                }
            },
            Some(_) | None => Term::Error,
        }
    }
}

/// Adds `more` to a list of the same type. `false`: the types differ.
fn append<'a>(list: &mut Literals<'a>, more: Literals<'a>) -> bool {
    match (list, more) {
        (Literals::Texts(list), Literals::Texts(more)) => list.extend(more),
        (Literals::Patterns(list), Literals::Patterns(more)) => list.extend(more),
        (Literals::Integers(list), Literals::Integers(more)) => list.extend(more),
        (Literals::Networks(list), Literals::Networks(more)) => list.extend(more),
        (Literals::Boolean(_), Literals::Boolean(_)) | (Literals::Duration, Literals::Duration) => {}
        (
            Literals::Texts(_)
            | Literals::Patterns(_)
            | Literals::Integers(_)
            | Literals::Networks(_)
            | Literals::Boolean(_)
            | Literals::Duration,
            _,
        ) => return false,
    }
    true
}

fn missing_key(field: Field, span: Span) -> Diagnostic {
    let name = field.row().name;
    let written = match name.strip_suffix(".raw") {
        Some(base) => format!("{base}[\"name\"].raw"),
        None => format!("{name}[\"name\"]"),
    };
    let diagnostic = Diagnostic::new(Code::FieldKey, span, format!("`{name}` needs a key"), "which one?")
        .help(format!("write `{written}`"));
    if matches!(field, Field::Args | Field::ArgsRaw) {
        diagnostic.help("`req.arg_names` are the names of all parameters; the whole query is `req.query`")
    } else if field == Field::Cookies {
        diagnostic.help("all cookies together are `req.headers[\"cookie\"]`")
    } else {
        diagnostic
    }
}

/// A header name: RFC 9110, token.
pub(super) fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Whether an expression is written as a string literal.
pub(super) fn is_text_literal(expression: &Expression) -> bool {
    matches!(expression.kind, ExpressionKind::String { .. })
}

/// Whether a piece of a Cookie header can begin with this name: see "Cookies" in docs/language.md.
fn is_cookie_name(name: &[u8]) -> bool {
    !name.iter().any(|byte| matches!(byte, b'=' | b';')) && !matches!(name.first(), Some(b' ' | b'\t'))
}
