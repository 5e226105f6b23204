//! The fields: one row each. The order is the order of docs/fields.md.

use super::{Availability, Phase, Type};

/// What stands in brackets after a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Nothing.
    None,
    /// Exactly one, case-sensitive.
    One,
    /// One or more header names, case-insensitive (kept in lower case); more than one makes a list.
    HeaderNames,
    /// Exactly one header name, case-insensitive (kept in lower case).
    HeaderName,
}

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct FieldRow {
    pub field: Field,
    /// As written, without key: `req.args` and `req.args.raw` are two rows.
    pub name: &'static str,
    /// With one key. `req.headers` with several keys is [`Type::Strings`].
    pub value_type: Type,
    pub key: KeyKind,
    pub phase: Phase,
    /// Can be absent. Lists never are.
    pub absentable: bool,
    /// The client chooses the value freely.
    pub spoofable: bool,
    /// The field that holds what came over the wire, for a normalised one.
    pub raw_twin: Option<Field>,
    pub varnish: Availability,
    pub fastly: Availability,
    /// One or two sentences for docs and `explain`.
    pub doc: &'static str,
}

macro_rules! fields {
    ($($field:ident { $name:literal, $type:ident, $key:ident, $phase:ident, absentable: $absent:literal, spoofable: $spoof:literal,
        raw: $raw:expr, varnish: $varnish:expr, fastly: $fastly:expr, $doc:literal })*) => {
        /// A field of the language, without its key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field { $(#[doc = $doc] $field,)* }

        /// Every field.
        pub static FIELDS: &[FieldRow] = &[$(FieldRow {
            field: Field::$field, name: $name, value_type: Type::$type, key: KeyKind::$key, phase: Phase::$phase,
            absentable: $absent, spoofable: $spoof, raw_twin: $raw, varnish: $varnish, fastly: $fastly, doc: $doc,
        },)*];
    };
}

use Availability::{Emulated, Native, Profile};

fields! {
    Method { "req.method", String, None, Request, absentable: false, spoofable: true, raw: None,
        varnish: Native("req.method"), fastly: Native("req.method"),
        "The request method as sent; methods are case-sensitive. A purge is `PURGE` on every target." }
    Scheme { "req.scheme", String, None, Request, absentable: true, spoofable: false, raw: None,
        varnish: Profile("`facts: {req.scheme: x-forwarded-proto}` and `trusted_proxies` in edgesig.yaml"), fastly: Emulated("req.is_ssl"),
        "`http` or `https`, where the target or a trusted terminator knows." }
    Host { "req.host", String, None, Request, absentable: true, spoofable: true, raw: None,
        varnish: Emulated("req.http.Host, or the authority of an absolute-form URL"), fastly: Emulated("req.http.Host"),
        "The Host header, lower-cased, without port and trailing dot; of an absolute-form URL its authority." }
    Url { "req.url", String, None, Request, absentable: false, spoofable: true, raw: Some(Field::UrlRaw),
        varnish: Emulated("req.url, decoded once"), fastly: Emulated("req.url, decoded once"),
        "Path and query in origin form, percent-decoded once; `+` in the query is a space. Scheme and authority of an absolute form are cut." }
    UrlRaw { "req.url.raw", String, None, Request, absentable: false, spoofable: true, raw: None,
        varnish: Emulated("req.url, in origin form"), fastly: Native("req.url"),
        "Path and query in origin form, as they came over the wire." }
    Path { "req.path", String, None, Request, absentable: false, spoofable: true, raw: Some(Field::PathRaw),
        varnish: Emulated("req.url up to `?`, decoded once"), fastly: Emulated("req.url.path, decoded once"),
        "The path, up to the first `?`, percent-decoded once. `#` is an ordinary byte; nothing else is normalised." }
    PathRaw { "req.path.raw", String, None, Request, absentable: false, spoofable: true, raw: None,
        varnish: Emulated("req.url up to `?`"), fastly: Native("req.url.path"),
        "The path, up to the first `?`, as it came over the wire." }
    PathExt { "req.path.ext", String, None, Request, absentable: true, spoofable: true, raw: None,
        varnish: Emulated("the decoded path"), fastly: Emulated("the decoded path"),
        "The extension of the last path segment, decoded, lower-cased, without the dot: `/a/b.PHP` has `php`, `/.env` has `env`. Absent when the segment has no dot or ends in one." }
    Query { "req.query", String, None, Request, absentable: false, spoofable: true, raw: Some(Field::QueryRaw),
        varnish: Emulated("req.url after `?`, decoded once"), fastly: Emulated("req.url.qs, decoded once"),
        "The query, after the first `?`, `+` as a space and percent-decoded once; empty when there is none." }
    QueryRaw { "req.query.raw", String, None, Request, absentable: false, spoofable: true, raw: None,
        varnish: Emulated("req.url after `?`"), fastly: Native("req.url.qs"),
        "The query, after the first `?`, as it came over the wire; empty when there is none." }
    Args { "req.args", Strings, One, Request, absentable: false, spoofable: true, raw: Some(Field::ArgsRaw),
        varnish: Emulated("req.url after `?`"), fastly: Emulated("req.url.qs"),
        "The values of one query parameter in order, decoded like the query. Names are decoded and case-sensitive; `?k` is one empty value." }
    ArgsRaw { "req.args.raw", Strings, One, Request, absentable: false, spoofable: true, raw: None,
        varnish: Emulated("req.url after `?`"), fastly: Emulated("req.url.qs"),
        "The values of one query parameter as they came over the wire; the name is compared decoded." }
    ArgNames { "req.arg_names", Strings, None, Request, absentable: false, spoofable: true, raw: None,
        varnish: Emulated("req.url after `?`"), fastly: Emulated("req.url.qs"),
        "The names of the query parameters in order, decoded, with repetitions." }
    Headers { "req.headers", String, HeaderNames, Request, absentable: true, spoofable: true, raw: None,
        varnish: Native("req.http.NAME, instances joined"),
        fastly: Native("req.http.NAME, instances joined"),
        "A request header as the client sent it, outer blanks trimmed, several instances joined with `, `. With several names: the list of those present, in written order." }
    Cookies { "req.cookies", Strings, One, Request, absentable: false, spoofable: true, raw: None,
        varnish: Emulated("req.http.Cookie"), fastly: Emulated("req.http.Cookie"),
        "The values of every cookie of that name, as sent; names are case-sensitive." }
    Body { "req.body", String, None, Request, absentable: true, spoofable: true, raw: None,
        varnish: Emulated("std.cache_req_body and vmod bodyaccess"), fastly: Native("req.body"),
        "The request body as sent; empty when there is none; absent when it is longer than `limits.body` or its length is not known beforehand." }
    BodyTruncated { "req.body.truncated", Bool, None, Request, absentable: false, spoofable: true, raw: None,
        varnish: Emulated("Content-Length and Transfer-Encoding"), fastly: Emulated("Content-Length and req.body"),
        "True when there is a body that `req.body` does not hold: above `limits.body`, or of unknown length." }
    Proto { "req.proto", String, None, Request, absentable: false, spoofable: true, raw: None,
        varnish: Emulated("req.proto"), fastly: Native("req.proto"),
        "`HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`." }
    ClientIp { "client.ip", Ip, None, Request, absentable: false, spoofable: false, raw: None,
        varnish: Emulated("client.ip, behind trusted_proxies X-Forwarded-For"),
        fastly: Emulated("client.ip, behind trusted_proxies X-Forwarded-For"),
        "The TCP peer; behind `trusted_proxies` the first untrusted address of X-Forwarded-For from the right (at most 5 hops). IPv4-mapped IPv6 is IPv4." }
    ClientAsn { "client.asn", Int, None, Request, absentable: true, spoofable: false, raw: None,
        varnish: Profile("`facts: {client.asn: HEADER}` and `trusted_proxies` in edgesig.yaml"), fastly: Native("client.as.number"),
        "The number of the autonomous system that `client.ip` belongs to." }
    ClientAsName { "client.as_name", String, None, Request, absentable: true, spoofable: false, raw: None,
        varnish: Profile("`facts: {client.as_name: HEADER}` and `trusted_proxies` in edgesig.yaml"), fastly: Native("client.as.name"),
        "The name of the autonomous system that `client.ip` belongs to." }
    ClientCountry { "client.country", String, None, Request, absentable: true, spoofable: false, raw: None,
        varnish: Profile("`facts: {client.country: HEADER}` and `trusted_proxies` in edgesig.yaml"), fastly: Native("client.geo.country_code"),
        "The ISO 3166-1 alpha-2 code of the country of `client.ip`." }
    ClientProxyType { "client.proxy_type", String, None, Request, absentable: true, spoofable: false, raw: None,
        varnish: Profile("`facts: {client.proxy_type: HEADER}` and `trusted_proxies` in edgesig.yaml"), fastly: Native("client.geo.proxy_type"),
        "What kind of proxy `client.ip` is known as: on Fastly `anonymous`, `aol`, `blackberry`, `consumer-privacy`, `corporate`, `edu`, `hosting`, `public` or `transparent`, and `?` for none; elsewhere as the terminator writes it." }
    TlsJa3 { "tls.ja3", String, None, Request, absentable: true, spoofable: false, raw: None,
        varnish: Profile("`facts: {tls.ja3: HEADER}` and `trusted_proxies` in edgesig.yaml"), fastly: Native("tls.client.ja3_md5"),
        "The JA3 fingerprint (MD5, lower-case hex) of the client's TLS handshake." }
    TlsJa4 { "tls.ja4", String, None, Request, absentable: true, spoofable: false, raw: None,
        varnish: Profile("`facts: {tls.ja4: HEADER}` and `trusted_proxies` in edgesig.yaml"), fastly: Native("tls.client.ja4"),
        "The JA4 fingerprint of the client's TLS handshake." }
    TlsVersion { "tls.version", String, None, Request, absentable: true, spoofable: false, raw: None,
        varnish: Profile("`facts: {tls.version: HEADER}` and `trusted_proxies` in edgesig.yaml"), fastly: Native("tls.client.protocol"),
        "The TLS version of the client's connection: on Fastly `TLSv1.2`, `TLSv1.3` and so on; elsewhere as the terminator writes it." }
    TlsSni { "tls.sni", String, None, Request, absentable: true, spoofable: true, raw: None,
        varnish: Profile("`facts: {tls.sni: HEADER}` and `trusted_proxies` in edgesig.yaml"), fastly: Native("tls.client.servername"),
        "The server name that the client asked for in its TLS handshake." }
    RespStatus { "resp.status", Int, None, Response, absentable: false, spoofable: false, raw: None,
        varnish: Native("resp.status"), fastly: Native("resp.status"),
        "The response's status. Only in `rate.count`." }
    RespHeaders { "resp.headers", String, HeaderName, Response, absentable: true, spoofable: false, raw: None,
        varnish: Native("resp.http.NAME"), fastly: Native("resp.http.NAME"),
        "A response header, instances joined with `, `. Only in `rate.count`." }
}

impl Field {
    /// The field's row.
    pub fn row(self) -> &'static FieldRow {
        // INVARIANT: the table has one row per variant, in the order of the variants (both come from one macro).
        &FIELDS[self as usize]
    }

    /// The field with this name (without key).
    pub fn from_name(name: &str) -> Option<Field> {
        FIELDS.iter().find(|row| row.name == name).map(|row| row.field)
    }

    /// Reads the URL or a part of it, so that `limits.url` guards it.
    pub fn reads_url(self) -> bool {
        use Field::*;
        match self {
            Url | UrlRaw | Path | PathRaw | PathExt | Query | QueryRaw | Args | ArgsRaw | ArgNames => true,
            Method | Scheme | Host | Headers | Cookies | Body | BodyTruncated | Proto | ClientIp | ClientAsn
            | ClientAsName | ClientCountry | ClientProxyType | TlsJa3 | TlsJa4 | TlsVersion | TlsSni | RespStatus
            | RespHeaders => false,
        }
    }

    /// Comes from `facts` on a target that does not know it by itself.
    pub fn is_fact(self) -> bool {
        matches!(self.row().varnish, Availability::Profile(_))
    }
}

/// Addresses of X-Forwarded-For that the walk to `client.ip` looks at.
pub const MAX_HOPS: usize = 5;
