//! Fields → operands, and the code of those that are computed: host, protocol, the parts of the URL.

use super::super::vcl::{Expression, Statement, when, when_else};
use super::Generator;
use super::room::register;
use super::room_url::TWICE;
use super::views::{ESCAPE, Operand, Presence, Source, regsub, regsuball, url_decoded};
use crate::catalog::{Availability, Field};
use crate::ir::FieldReference;
use crate::source::Span;

/// A URL in absolute form. varnishd rewrites `http://AUTHORITY/path` itself and leaves the others.
pub const ABSOLUTE: &str = "^[A-Za-z][A-Za-z0-9+.-]*+://";
/// The two parts of what follows: a slash counts before `?` and `#`.
const AUTHORITY: &str = "^[A-Za-z][A-Za-z0-9+.-]*+://(?:([^/]*+)/.*|([^?#]*+).*)";
const ORIGIN_FORM: &str = "^[A-Za-z][A-Za-z0-9+.-]*+://(?:[^/]*+/(.*)|[^?#]*+(.*))";

fn url() -> Expression {
    Expression::name("req.url")
}

impl<'r> Generator<'r> {
    /// The operand of a scalar field, or of an element of a list field.
    pub(super) fn field_operand(&mut self, reference: &FieldReference, span: Span) -> Option<Operand> {
        let always = |text, source| Some(Operand { text, presence: Presence::Always, source });
        let field = reference.field;
        match field {
            Field::Method => always(Expression::name("req.method"), Source::Method),
            Field::Proto => {
                self.views.proto = true;
                always(self.get("req.proto"), Source::Small)
            }
            Field::Host => {
                self.views.host = true;
                let text = self.get("req.host");
                let presence = Presence::IfSet(text.clone());
                Some(Operand { text, presence, source: Source::Header("host".to_owned()) })
            }
            Field::UrlRaw => {
                self.reads_url = true;
                always(url(), Source::Url(field))
            }
            Field::Url | Field::Path | Field::PathRaw | Field::Query | Field::QueryRaw | Field::PathExt => {
                self.reads_url = true;
                self.views.url_fields.insert(field);
                let text = self.get(field.row().name);
                let presence = if field == Field::PathExt { Presence::IfSet(text.clone()) } else { Presence::Always };
                Some(Operand { text, presence, source: Source::Url(field) })
            }
            Field::Args | Field::ArgsRaw | Field::ArgNames | Field::Cookies => always(register(), Source::Element),
            Field::Headers => {
                let name = header_key(reference);
                Some(self.header_operand(&name))
            }
            Field::Scheme
            | Field::ClientAsn
            | Field::ClientAsName
            | Field::ClientCountry
            | Field::ClientProxyType
            | Field::TlsJa3
            | Field::TlsJa4
            | Field::TlsVersion
            | Field::TlsSni => self.fact_operand(field, span),
            Field::RespHeaders => self.answer_operand(&header_key(reference), span),
            Field::Body | Field::BodyTruncated | Field::ClientIp | Field::RespStatus => {
                self.unsupported(
                    span,
                    format!("`{}` cannot be read as a text on varnish", field.row().name),
                    "not a text here",
                    "compare it by itself, without a function, and count per `client.ip` or a header; or restrict the signature \
                     with `targets: [fastly]`",
                );
                None
            }
        }
    }

    /// A request header. X-Forwarded-For is shown without the peer that varnishd appended.
    pub(super) fn header_operand(&mut self, name: &str) -> Operand {
        if name == "x-forwarded-for" {
            self.views.forwarded = true;
            let text = self.get("x-forwarded-for");
            return Operand { presence: Presence::IfSet(text.clone()), text, source: Source::Header(name.to_owned()) };
        }
        self.headers.insert(name.to_owned());
        let text = Expression::Header("req", name.to_owned());
        Operand { presence: Presence::IfSet(text.clone()), text, source: Source::Header(name.to_owned()) }
    }

    /// A header that a trusted terminator sends; empty is absent.
    fn fact_operand(&mut self, field: Field, span: Span) -> Option<Operand> {
        let header = self.settings.facts.iter().find(|(other, _)| *other == field).map(|(_, header)| header.clone());
        let (Some(header), true) = (header, self.settings.trusted_proxies.is_some()) else {
            let help = match field.row().varnish {
                Availability::Profile(how) | Availability::No(how) => format!("set {how}, or `targets: [fastly]`"),
                Availability::Native(_) | Availability::Emulated(_) => "use `targets: [fastly]`".to_owned(),
            };
            let name = field.row().name;
            self.unsupported(span, format!("varnish does not know `{name}` by itself"), "comes from nowhere", help);
            return None;
        };
        self.uses_trust = true;
        let operand = self.header_operand(&header);
        let trusted = self.get_int("trusted").equals(Expression::Integer(1));
        let there = Expression::all([trusted, operand.text.clone().matches(".")]);
        Some(Operand { presence: Presence::Guarded(there), ..operand })
    }

    /// Host and protocol.
    pub(super) fn small_views(&self) -> Vec<Statement> {
        let mut code = Vec::new();
        if self.views.proto {
            let upper = Expression::call("std.toupper", [Expression::name("req.proto")]);
            code.push(self.set("req.proto", regsub(upper, r"^HTTP/([23])\.0\z", r"HTTP/\1")));
        }
        if self.views.host {
            let host = Expression::Header("req", "host".to_owned());
            let lower = |text| Expression::call("std.tolower", [text]);
            let normal = |text| regsub(text, r"\.?(?::[0-9]*+)?\z", "");
            code.push(Statement::If {
                branches: vec![
                    (
                        url().matches(ABSOLUTE),
                        vec![self.set("req.host", normal(lower(regsub(url(), AUTHORITY, r"\1\2"))))],
                    ),
                    (host.clone(), vec![self.set("req.host", normal(lower(host)))]),
                ],
                otherwise: Vec::new(),
            });
        }
        code
    }

    /// Whether the URL is longer than the limit, told without a copy.
    pub(super) fn url_is_long(&self) -> Expression {
        let limit = self.settings.limits.url;
        let absolute = url().matches(ABSOLUTE);
        // In absolute form the path's slash may have to be put in, so it counts in both alternatives.
        let long_origin = format!("^[A-Za-z][A-Za-z0-9+.-]*+://(?:[^/]*+/|(?![^/]*+/)[^?#]*+).{{{limit}}}");
        Expression::any([
            url().matches(long_origin),
            Expression::all([absolute.not(), url().matches(format!("^.{{{}}}", u64::from(limit) + 1))]),
        ])
    }

    /// `req.url` in origin form, as every expression below and in the rules reads it. The original comes back in `finish`.
    pub(super) fn origin_form(&self) -> Statement {
        when(
            url().matches(ABSOLUTE),
            vec![
                self.set("original url", url()),
                Statement::Set(
                    url(),
                    Expression::Sum(vec![Expression::text("/"), regsub(url(), ORIGIN_FORM, r"\1\2")]),
                ),
            ],
        )
    }

    /// Puts back what [`Generator::origin_form`] changed.
    pub(super) fn original_form(&self) -> Statement {
        when(self.get("original url"), vec![Statement::Set(url(), self.get("original url"))])
    }

    /// The parts of the URL that rules read, from `req.url` in origin form.
    pub(super) fn url_views(&self) -> Vec<Statement> {
        let reads = |field| self.reads_part(field);
        let reads_path = reads(Field::Path) || reads(Field::PathExt);
        let raw_path = || regsub(url(), r"\?.*", "");
        let raw_query = || regsub(url(), r"^[^?]*+\??", "");
        let mut code = Vec::new();
        // What stands in a variable is not cut out of the URL again: each copy takes room.
        let (raw_path, raw_query) = if reads(Field::PathRaw) && reads(Field::QueryRaw) {
            code.push(self.set("req.path.raw", raw_path()));
            code.push(self.set("req.query.raw", raw_query()));
            (self.get("req.path.raw"), self.get("req.query.raw"))
        } else if reads(Field::PathRaw) {
            code.push(self.set("req.path.raw", raw_path()));
            (self.get("req.path.raw"), raw_query())
        } else if reads(Field::QueryRaw) {
            code.push(self.set("req.query.raw", raw_query()));
            (raw_path(), self.get("req.query.raw"))
        } else {
            (raw_path(), raw_query())
        };
        if reads_path {
            code.push(when_else(
                url().matches(format!("^[^?]*?{ESCAPE}")),
                vec![self.set("req.path", url_decoded(raw_path.clone()))],
                vec![self.set("req.path", raw_path)],
            ));
        }
        if reads(Field::Query) {
            code.push(when_else(
                url().matches(format!(r"^[^?]*+\?.*?(?:\+|{ESCAPE})")),
                vec![self.set("req.query", url_decoded(regsuball(raw_query.clone(), r"\+", " ")))],
                vec![self.set("req.query", raw_query)],
            ));
        }
        if reads(Field::Url) && !self.joins_url() {
            // In the path a plus stays.
            let decoded = vec![self.set("req.url", url_decoded(regsuball(url(), r"^[^?]*+(*SKIP)(*FAIL)|\+", " ")))];
            code.push(when_else(url().matches(format!(r"\+|{ESCAPE}")), decoded, vec![self.set("req.url", url())]));
        }
        code
    }

    /// What is made of the parts.
    pub(super) fn part_views(&self) -> Vec<Statement> {
        let mut code = Vec::new();
        if self.joins_url() {
            let both = Expression::Sum(vec![self.get("req.path"), Expression::text("?"), self.get("req.query")]);
            let decoded = vec![when_else(
                url().matches(r"\?"),
                vec![self.set("req.url", both)],
                vec![self.set("req.url", self.get("req.path"))],
            )];
            code.push(when_else(url().matches(format!(r"\+|{ESCAPE}")), decoded, vec![self.set("req.url", url())]));
        }
        if self.reads_part(Field::PathExt) {
            let path = self.get("req.path");
            let extension = Expression::call("std.tolower", [regsub(path.clone(), r"(?s)^.*\.", "")]);
            code.push(when(path.matches(r"\.[^./]++\z"), vec![self.set("req.path.ext", extension)]));
        }
        for field in &self.views.twice {
            let name = field.row().name;
            let once = self.get(name);
            let twice = format!("{name} twice");
            let set = self.set(&twice, url_decoded(once.clone()));
            let body = if self.reckons {
                let mut body = self.reckon(once.clone(), TWICE);
                let mut decode = vec![set];
                decode.extend(self.shrink(once.clone(), self.get(&twice)));
                body.push(self.with_room(decode));
                body
            } else {
                vec![set]
            };
            code.push(when(once.matches(ESCAPE), body));
        }
        code
    }

    /// X-Forwarded-For without the peer that varnishd appended; absent when the client sent none.
    pub(super) fn forwarded_view(&self) -> Vec<Statement> {
        if !self.views.forwarded {
            return Vec::new();
        }
        let header = Expression::Header("req", "x-forwarded-for".to_owned());
        vec![when(header.clone().matches(","), vec![self.set("x-forwarded-for", regsub(header, r",[^,]*\z", ""))])]
    }
}

/// The one name of a header field.
pub fn header_key(reference: &FieldReference) -> String {
    reference.keys.first().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default()
}
