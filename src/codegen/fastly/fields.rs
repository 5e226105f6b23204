//! The fields of a request as operands: locals that are set once, before the first rule, for what has to be computed;
//! Fastly's own variables for the rest.

use super::functions::{query_decoded, replace, url_decoded};
use super::place::{Operand, Place};
use super::{BODY_LIMIT, Generator, deviations, set};
use crate::catalog::Field;
use crate::codegen::vcl::{Comparator, Expression, Statement, when, when_else};
use crate::ir::FieldReference;
use crate::source::Span;

/// An absolute-form target's scheme.
const SCHEME: &str = r"(?s)^[A-Za-z][A-Za-z0-9+.\-]*+://";

pub(super) fn name(name: &str) -> Expression {
    Expression::name(name.to_owned())
}

fn always(text: Expression) -> Operand {
    Operand::Text { text, present: None }
}

/// A header's name that can stand in VCL.
fn is_plain(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl Generator<'_> {
    /// A scalar field. Lists come from [`Generator::listed`] and are known in their place.
    pub(super) fn field(&mut self, place: &mut Place, reference: &FieldReference, span: Span) -> Option<Operand> {
        let statements = &mut place.statements;
        Some(match reference.field {
            Field::Method => self.method(statements),
            Field::Scheme => {
                let scheme = self.local("scheme", "STRING");
                if self.claim("scheme") {
                    let texts = [name("req.is_ssl"), Expression::text("https"), Expression::text("http")];
                    statements.push(set(&scheme, Expression::call("if", texts)));
                }
                always(scheme)
            }
            Field::Host => self.host(statements),
            Field::UrlRaw => always(self.url(statements)),
            Field::PathRaw => always(self.split(statements).0),
            Field::QueryRaw => always(self.split(statements).1),
            Field::Path => always(self.path(statements)),
            Field::Query => always(self.query(statements)),
            Field::Url => always(self.decoded_url(statements)),
            Field::PathExt => self.extension(statements),
            Field::Headers => {
                let key = reference.keys.first().map_or(&[][..], Vec::as_slice);
                let (text, present) = self.request_header(statements, &String::from_utf8_lossy(key), span)?;
                Operand::Text { text, present: Some(present) }
            }
            Field::Body => {
                self.body(statements, span);
                let (body, truncated) = (self.local("body", "STRING"), self.local("body_truncated", "BOOL"));
                Operand::Text { text: body, present: Some(truncated.not()) }
            }
            Field::BodyTruncated => {
                self.body(statements, span);
                Operand::Truth(self.local("body_truncated", "BOOL"))
            }
            Field::Proto => always(name("req.proto")),
            Field::ClientIp => {
                self.find_client(statements, span)?;
                Operand::Address { bits: None }
            }
            Field::ClientAsn => {
                self.network_of_client(statements, span)?;
                self.touch(deviations::FACTS, span);
                let number = name("client.as.number");
                let differs = |value| number.clone().compare(Comparator::NotEqual, Expression::Integer(value));
                // What Fastly says of an address that it does not know.
                let present = Expression::all([differs(0), differs(4_294_967_294)]);
                Operand::Integer { value: number, present: Some(present) }
            }
            Field::ClientAsName => {
                self.network_of_client(statements, span)?;
                self.fact(statements, "client.as.name", &["?"], span)?
            }
            Field::ClientCountry => self.fact(statements, "client.geo.country_code", &["**", "??"], span)?,
            Field::ClientProxyType => self.fact(statements, "client.geo.proxy_type", &["?"], span)?,
            Field::TlsJa3 => self.known(statements, "tls.client.ja3_md5", &[]),
            Field::TlsJa4 => self.known(statements, "tls.client.ja4", &[]),
            Field::TlsVersion => self.known(statements, "tls.client.protocol", &[]),
            Field::TlsSni => self.known(statements, "tls.client.servername", &[]),
            Field::RespStatus => Operand::Integer { value: name("resp.status"), present: None },
            Field::RespHeaders => {
                let key = reference.keys.first().map_or(&[][..], Vec::as_slice);
                let key = String::from_utf8_lossy(key).into_owned();
                self.plain_name(&key, span)?;
                self.response_headers.insert(key.clone());
                let header = Expression::Header("resp", key);
                Operand::Text { text: header.clone(), present: Some(header) }
            }
            // INVARIANT: a list; the place of its elements knows it.
            Field::Args | Field::ArgsRaw | Field::ArgNames | Field::Cookies => return None,
        })
    }

    /// Text that Fastly knows; `unknown` are its words for not knowing, besides the empty one.
    fn known(&mut self, statements: &mut Vec<Statement>, variable: &'static str, unknown: &[&str]) -> Operand {
        let local = self.local(&variable.replace('.', "_"), "STRING");
        if self.claim(variable) {
            let text = Expression::call("if", [name(variable), name(variable), Expression::text("")]);
            statements.push(set(&local, text));
        }
        let differs = std::iter::once(&"").chain(unknown);
        let differs = differs.map(|word| local.clone().compare(Comparator::NotEqual, Expression::text(*word)));
        let present = Expression::all(differs.collect::<Vec<_>>());
        Operand::Text { text: local, present: Some(present) }
    }

    /// What is known of the client's address.
    fn fact(
        &mut self,
        statements: &mut Vec<Statement>,
        variable: &'static str,
        unknown: &[&str],
        span: Span,
    ) -> Option<Operand> {
        self.look_up_client(statements, span)?;
        self.touch(deviations::FACTS, span);
        Some(self.known(statements, variable, unknown))
    }

    /// Whose network the client's address is. Fastly's page on geolocation variables covers `client.as` beside
    /// `client.geo`, and says that the address of the lookup is `client.ip` unless `client.geo.ip_override` is set.
    fn network_of_client(&mut self, statements: &mut Vec<Statement>, span: Span) -> Option<()> {
        if self.settings.trusted_proxies.is_some() {
            self.touch(deviations::NETWORKS, span);
        }
        self.look_up_client(statements, span)
    }

    /// Claims a view; false when it is there already.
    pub(super) fn claim(&mut self, view: &'static str) -> bool {
        self.views.insert(view)
    }

    fn method(&mut self, statements: &mut Vec<Statement>) -> Operand {
        let method = self.local("method", "STRING");
        if self.claim("method") {
            statements.push(set(&method, name("req.method")));
            // How Fastly shows a purge.
            let purge = method.clone().equals(Expression::text("FASTLYPURGE"));
            statements.push(when(purge, vec![set(&method, Expression::text("PURGE"))]));
        }
        always(method)
    }

    /// A request header that rules read and what holds when it is there: a variable, or where VCL's grammar has no word for its name a local.
    pub(super) fn request_header(
        &mut self,
        statements: &mut Vec<Statement>,
        key: &str,
        span: Span,
    ) -> Option<(Expression, Expression)> {
        self.is_as_sent(key, span)?;
        if let Some(key) = super::client::FORWARDED.iter().find(|name| **name == key) {
            return Some(self.forwarded(statements, key));
        }
        if is_plain(key) {
            self.headers.insert(key.to_owned());
            if key == "cookie" {
                self.touch(deviations::COOKIES, span);
            }
            let header = Expression::Header("req", key.to_owned());
            return Some((header.clone(), header));
        }
        self.touch(deviations::ODD_NAMES, span);
        let local = self.odd_header(key);
        if !self.odd_headers.iter().any(|known| known == key) {
            self.odd_headers.push(key.to_owned());
            let value = Expression::call("header.get", [name("req"), Expression::text(key)]);
            statements.push(set(&local, value));
        }
        Some((local.clone(), local))
    }

    /// Whether VCL sees a header as the client sent it: not one that the generated code writes or Fastly sets.
    pub(super) fn is_as_sent(&mut self, key: &str, span: Span) -> Option<()> {
        let (why, way_out) = if key.starts_with(&self.header_name("")) {
            ("the verdict is kept in headers of that name", "choose another `prefix`, or leave fastly out of `targets`")
        } else if key.starts_with("fastly-") {
            ("Fastly sets headers of that name itself", "ask for another header, or leave fastly out of `targets`")
        } else {
            if key == "accept-encoding" {
                self.touch(deviations::ENCODINGS, span);
            }
            return Some(());
        };
        let message = format!("`{}`: on Fastly `{key}` is not what the client sent", self.rule);
        self.unsupported(span, message, why, way_out);
        None
    }

    fn odd_header(&mut self, key: &str) -> Expression {
        let hex: String = key.bytes().map(super::recv::hexed).collect();
        self.local(&format!("header_{hex}"), "STRING")
    }

    pub(super) fn plain_name(&mut self, key: &str, span: Span) -> Option<()> {
        if is_plain(key) {
            return Some(());
        }
        self.unsupported(
            span,
            format!("`{}`: the header name `{key}` cannot be written in Fastly's VCL", self.rule),
            "letters, digits, `-` and `_`, a letter first",
            "leave fastly out of `targets`",
        );
        None
    }

    /// The URL in origin form.
    pub(super) fn url(&mut self, statements: &mut Vec<Statement>) -> Expression {
        let url = self.local("url", "STRING");
        if self.claim("url") {
            let (authority, absolute) = (self.local("authority", "STRING"), self.local("absolute", "BOOL"));
            let found = |url_text: Expression| {
                vec![
                    set(&absolute, Expression::Boolean(true)),
                    set(&authority, name("re.group.1")),
                    set(&url, url_text),
                ]
            };
            statements.push(set(&url, name("req.url")));
            statements.push(Statement::If {
                branches: vec![
                    (url.clone().matches(format!(r"{SCHEME}([^/]*+)(/.*)\z")), found(name("re.group.2"))),
                    (
                        url.clone().matches(format!(r"{SCHEME}([^?#]*+)(.*)\z")),
                        found(Expression::Sum(vec![Expression::text("/"), name("re.group.2")])),
                    ),
                ],
                otherwise: Vec::new(),
            });
        }
        url
    }

    /// Path and query, raw.
    pub(super) fn split(&mut self, statements: &mut Vec<Statement>) -> (Expression, Expression) {
        let url = self.url(statements);
        let (path, query) = (self.local("path_raw", "STRING"), self.local("query_raw", "STRING"));
        if self.claim("split") {
            let has_query = self.local("has_query", "BOOL");
            statements.push(when_else(
                url.clone().matches(r"(?s)^([^?]*+)\?(.*)\z"),
                vec![
                    set(&path, name("re.group.1")),
                    set(&query, name("re.group.2")),
                    set(&has_query, Expression::Boolean(true)),
                ],
                vec![set(&path, url), set(&query, Expression::text(""))],
            ));
        }
        (path, query)
    }

    fn path(&mut self, statements: &mut Vec<Statement>) -> Expression {
        let (raw, _) = self.split(statements);
        let path = self.local("path", "STRING");
        if self.claim("path") {
            statements.push(set(&path, url_decoded(raw)));
        }
        path
    }

    fn query(&mut self, statements: &mut Vec<Statement>) -> Expression {
        let (_, raw) = self.split(statements);
        let query = self.local("query", "STRING");
        if self.claim("query") {
            statements.push(set(&query, query_decoded(raw)));
        }
        query
    }

    fn decoded_url(&mut self, statements: &mut Vec<Statement>) -> Expression {
        let (path, query) = (self.path(statements), self.query(statements));
        let url = self.local("url_decoded", "STRING");
        if self.claim("url_decoded") {
            let has_query = self.local("has_query", "BOOL");
            statements.push(set(&url, path));
            let whole = Expression::Sum(vec![url.clone(), Expression::text("?"), query]);
            statements.push(when(has_query, vec![set(&url, whole)]));
        }
        url
    }

    fn extension(&mut self, statements: &mut Vec<Statement>) -> Operand {
        let path = self.path(statements);
        let (extension, exists) = (self.local("extension", "STRING"), self.local("has_extension", "BOOL"));
        if self.claim("extension") {
            statements.push(when(
                path.matches(r"\.([^./]++)\z"),
                vec![
                    set(&extension, Expression::call("std.tolower", [name("re.group.1")])),
                    set(&exists, Expression::Boolean(true)),
                ],
            ));
        }
        Operand::Text { text: extension, present: Some(exists) }
    }

    pub(super) fn host(&mut self, statements: &mut Vec<Statement>) -> Operand {
        self.url(statements);
        let (host, exists) = (self.local("host", "STRING"), self.local("has_host", "BOOL"));
        if self.claim("host") {
            let normal = |text: Expression| {
                let lower = Expression::call("std.tolower", [replace(text, r"\.?+(?::[0-9]*+)?+\z", "")]);
                vec![set(&host, lower), set(&exists, Expression::Boolean(true))]
            };
            let (absolute, authority) = (self.local("absolute", "BOOL"), self.local("authority", "STRING"));
            let header = Expression::Header("req", "host".to_owned());
            statements.push(Statement::If {
                branches: vec![(absolute, normal(authority)), (header.clone(), normal(header))],
                otherwise: Vec::new(),
            });
        }
        Operand::Text { text: host, present: Some(exists) }
    }

    /// The body, and whether it holds the whole of it. Its length must be said, fit, and be what is there: a NUL hides
    /// what follows it.
    fn body(&mut self, statements: &mut Vec<Statement>, span: Span) {
        if self.settings.limits.body > BODY_LIMIT {
            self.touch(deviations::BODY, span);
        }
        self.touch(deviations::NUL_IN_BODY, span);
        let (body, truncated) = (self.local("body", "STRING"), self.local("body_truncated", "BOOL"));
        if !self.claim("body") {
            return;
        }
        let length = self.local("body_length", "INTEGER");
        let header = |name: &str| Expression::Header("req", name.to_owned());
        let cut = set(&truncated, Expression::Boolean(true));
        let limit = i64::from(self.settings.limits.body.min(BODY_LIMIT));
        let seen = Expression::call("std.strlen", [body.clone()]);
        let unframed = Expression::all([
            name("req.proto").matches(r"^HTTP/[23](?:\.|\z)"),
            name("req.method").matches(r"^(?:GET|HEAD|OPTIONS|TRACE|DELETE)\z").not(),
        ]);
        statements.push(set(&body, Expression::text("")));
        statements.push(Statement::If {
            branches: vec![
                (header("transfer-encoding"), vec![cut.clone()]),
                (
                    header("content-length"),
                    vec![
                        set(&length, Expression::call("std.atoi", [header("content-length")])),
                        when_else(
                            length.clone().compare(Comparator::Greater, Expression::Integer(limit)),
                            vec![cut.clone()],
                            vec![
                                when(name("req.body"), vec![set(&body, name("req.body"))]),
                                when(seen.compare(Comparator::NotEqual, length), vec![cut.clone()]),
                            ],
                        ),
                    ],
                ),
                (unframed, vec![cut]),
            ],
            otherwise: Vec::new(),
        });
    }
}
