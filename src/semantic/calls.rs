//! Calls of functions in conditions.

use super::foreign;
use super::scope::Checker;
use super::term::{Constant, Literals, Term};
use crate::catalog::{FIELDS, FUNCTIONS, Field, Function, KeyKind, Type};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::ir::{Call, Value};
use crate::source::{Span, Spanned};
use crate::syntax::ast::{Expression, ExpressionKind};

impl<'a> Checker<'a> {
    /// `name(arguments)`
    pub fn call(&mut self, name: &'a Spanned<String>, arguments: &'a [Expression], span: Span) -> Term<'a> {
        let Some(function) = Function::from_name(&name.value) else {
            let word = name.value.as_str();
            if let Some(diagnostic) = self.called_field(name, arguments, span) {
                self.report(diagnostic);
                return Term::Error;
            }
            let diagnostic = Diagnostic::new(
                Code::UnknownFunction,
                name.span,
                format!("there is no function `{word}`"),
                "unknown function",
            );
            let near = || nearest(word, FUNCTIONS.iter().map(|row| row.name));
            let diagnostic = match (foreign::function(word), near()) {
                (Some(foreign::Meaning::Ours(ours)), _) => self.suggest(diagnostic, name, &ours),
                (Some(foreign::Meaning::Explained(text)), _) => diagnostic.help(text),
                (None, Some(near)) => self.suggest(diagnostic, name, near),
                (None, None) => diagnostic.help("`docs/fields.md` lists every function"),
            };
            self.report(diagnostic);
            return Term::Error;
        };
        let row = function.row();
        let wanted = if function == Function::Prefix { 3 } else { 1 };
        if arguments.len() != wanted {
            let count = arguments.len();
            let message =
                format!("`{}` takes {wanted} argument{}, found {count}", row.name, if wanted == 1 { "" } else { "s" });
            self.report(
                Diagnostic::new(Code::TypeMismatch, span, message, format!("{count} given"))
                    .help(format!("write `{}`", row.signature)),
            );
            return Term::Error;
        }
        let argument = &arguments[0];
        let value = match self.expression(argument) {
            Term::Value(value) => value,
            Term::Error => return Term::Error,
            other @ (Term::Predicate(_) | Term::Quantified(..) | Term::Constant(_) | Term::Reference(_)) => {
                let found = match &other {
                    Term::Quantified(..) => "`any(…)` or `all(…)`".to_owned(),
                    Term::Constant(_) | Term::Reference(_) => {
                        format!("a constant {}", other.type_name(self.context.lists))
                    }
                    Term::Predicate(_) | Term::Value(_) | Term::Error => other.type_name(self.context.lists),
                };
                let message = format!("`{}` works on a field of type {}, found {found}", row.name, row.argument);
                let diagnostic = Diagnostic::new(Code::TypeMismatch, argument.span, message, found)
                    .secondary(name.span, format!("this is `{}`", row.signature));
                self.report(match other {
                    Term::Quantified(..) => diagnostic.help(format!("write `any({}(…) …)`", row.name)),
                    Term::Constant(_) | Term::Reference(_) => {
                        diagnostic.help("write the constant as the function would leave it")
                    }
                    Term::Predicate(_) | Term::Value(_) | Term::Error => diagnostic,
                });
                return Term::Error;
            }
        };
        let found = value.value_type();
        let fits = found == row.argument || (row.argument == Type::String && found == Type::Strings);
        if !fits {
            let message = format!("`{}` takes a {}, found {found}", row.name, row.argument);
            self.report(
                Diagnostic::new(Code::TypeMismatch, argument.span, message, format!("this is {found}"))
                    .secondary(name.span, format!("this is `{}`", row.signature)),
            );
            return Term::Error;
        }
        match self.lowered_call(function, &value, arguments) {
            Some(call) => Term::Value(Value::Call(call, Box::new(value))),
            None => Term::Error,
        }
    }

    /// `req.headers("x")`: a key in the brackets of a call; `req.path.toLowerCase()`: a method.
    fn called_field(&self, name: &Spanned<String>, arguments: &[Expression], span: Span) -> Option<Diagnostic> {
        let word = name.value.as_str();
        let field_of = |word: &str| match foreign::field(word) {
            _ if Field::from_name(word).is_some() => Some(word.to_owned()),
            Some(foreign::Meaning::Ours(ours)) => Some(ours),
            Some(foreign::Meaning::Explained(_)) | None => None,
        };
        if let Some(field) = field_of(word) {
            let takes_key = Field::from_name(&field).is_some_and(|field| field.row().key != KeyKind::None);
            let message = format!("`{word}` is a field, no function");
            let diagnostic = Diagnostic::new(Code::UnknownFunction, name.span, message, "called like a function");
            let [argument] = arguments else {
                return Some(diagnostic.help(format!("write `{field}` without brackets")));
            };
            if !takes_key {
                return Some(diagnostic.help(format!("`{field}` takes neither key nor argument")));
            }
            if !matches!(argument.kind, ExpressionKind::String { ignore_case: false, .. }) {
                return Some(diagnostic.help(format!("a key is a text in square brackets: `{field}[\"name\"]`")));
            }
            let written = self.slice(argument.span);
            let whole = format!("{field}[{written}]");
            return Some(diagnostic.fix(format!("a key stands in square brackets: `{whole}`"), span, whole));
        }
        let (base, method) = word.rsplit_once('.')?;
        let base = field_of(base)?;
        let function = match foreign::function(method) {
            Some(foreign::Meaning::Ours(ours)) => ours,
            Some(foreign::Meaning::Explained(_)) | None => Function::from_name(method)?.row().name.to_owned(),
        };
        let diagnostic = Diagnostic::new(
            Code::UnknownFunction,
            name.span,
            "there are no methods: a function stands around what it works on",
            "written like a method",
        );
        let call = format!("{function}({base})");
        Some(match arguments.is_empty() {
            true => diagnostic.fix(format!("write `{call}`"), span, call),
            false => diagnostic.help(format!("write `{call}`")),
        })
    }

    fn lowered_call(&mut self, function: Function, value: &Value, arguments: &'a [Expression]) -> Option<Call> {
        Some(match function {
            Function::Lower => Call::Lower,
            Function::Upper => Call::Upper,
            Function::Length => Call::Length,
            Function::Trim => Call::Trim,
            Function::Squeeze => Call::Squeeze,
            Function::RemoveWhitespace => Call::RemoveWhitespace,
            Function::UrlDecode => Call::UrlDecode,
            Function::HtmlDecode => Call::HtmlDecode,
            Function::Base64Decode => Call::Base64Decode,
            Function::PathNormalize => Call::PathNormalize,
            Function::Sha256 => Call::Sha256,
            Function::Md5 => Call::Md5,
            Function::Int => Call::Int,
            Function::Prefix => {
                let ipv4 = self.prefix_bits(&arguments[1], 32);
                let ipv6 = self.prefix_bits(&arguments[2], 128);
                Call::Prefix(ipv4?, ipv6?)
            }
            Function::AnyForm => {
                self.check_any_form(value, &arguments[0])?;
                Call::AnyForm
            }
        })
    }

    fn prefix_bits(&mut self, argument: &'a Expression, most: u8) -> Option<u8> {
        let term = self.expression(argument);
        let bits = match &term {
            Term::Constant(Constant { list: false, literals: Literals::Integers(values) }) => {
                values.first().and_then(|value| u8::try_from(*value).ok()).filter(|bits| *bits <= most)
            }
            Term::Error => return None,
            Term::Constant(_) | Term::Predicate(_) | Term::Value(_) | Term::Quantified(..) | Term::Reference(_) => None,
        };
        if bits.is_none() {
            let family = if most == 32 { "IPv4" } else { "IPv6" };
            let message = format!("`prefix` takes the bits of an {family} network, a constant from 0 to {most}");
            self.report(
                Diagnostic::new(Code::TypeMismatch, argument.span, message, "not a number of bits")
                    .help("write `prefix(client.ip, 24, 56)`"),
            );
        }
        bits
    }

    fn check_any_form(&mut self, value: &Value, argument: &Expression) -> Option<()> {
        if let Value::Field(reference) = value {
            let row = reference.field.row();
            if row.raw_twin.is_some() {
                return Some(());
            }
            let message = format!("`any_form` needs a field with a `.raw` twin, `{}` has none", row.name);
            let mut diagnostic = Diagnostic::new(Code::TypeMismatch, argument.span, message, "has only one form");
            if let Some(base) = row.name.strip_suffix(".raw") {
                diagnostic = diagnostic.help(format!("write `any_form({base})`: the raw form is one of its three"));
            } else {
                let twins: Vec<&str> = FIELDS.iter().filter(|row| row.raw_twin.is_some()).map(|row| row.name).collect();
                diagnostic = diagnostic.help(format!("fields with a raw twin: {}", twins.join(", ")));
            }
            self.report(diagnostic);
        } else {
            self.report(
                Diagnostic::new(
                    Code::TypeMismatch,
                    argument.span,
                    "`any_form` takes a field itself, found a function",
                    "not a field",
                )
                .help("write the function outside: `lower(any_form(req.url))`"),
            );
        }
        None
    }
}
