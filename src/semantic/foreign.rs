//! What other rule languages call our fields and functions → how it is written here. VCL of Varnish and Fastly,
//! Cloudflare, ModSecurity, Sigma and web server logs, nginx. `resolve` and `calls` ask it before they guess by spelling.

use super::resolve::is_token;

/// What a name of another language means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Ours, to be put in its place.
    Ours(String),
    /// Nothing that could stand in its place: a sentence without full stop.
    Explained(&'static str),
}

/// Names with one of ours that means the same, in lower case.
const FIELDS: &[(&str, &str)] = &[
    ("bereq.method", "req.method"),
    ("bereq.url", "req.url"),
    ("beresp.status", "resp.status"),
    ("c-ip", "client.ip"),
    ("cf.bot_management.ja3_hash", "tls.ja3"),
    ("cf.bot_management.ja4", "tls.ja4"),
    ("client.as.name", "client.as_name"),
    ("client.as.number", "client.asn"),
    ("client.country_code", "client.country"),
    ("client.geo.country_code", "client.country"),
    ("client.geo.proxy_type", "client.proxy_type"),
    ("client.identity", "client.ip"),
    ("client_ip", "client.ip"),
    ("clientip", "client.ip"),
    ("cookies", "req.cookies"),
    ("cs-cookie", "req.headers[\"cookie\"]"),
    ("cs-host", "req.host"),
    ("cs-method", "req.method"),
    ("cs-referer", "req.headers[\"referer\"]"),
    ("cs-uri", "req.url"),
    ("cs-uri-path", "req.path"),
    ("cs-uri-query", "req.query"),
    ("cs-uri-stem", "req.path"),
    ("cs-user-agent", "req.headers[\"user-agent\"]"),
    ("geoip.country", "client.country"),
    ("headers", "req.headers"),
    ("host", "req.host"),
    ("http.cookie", "req.headers[\"cookie\"]"),
    ("http.host", "req.host"),
    ("http.referer", "req.headers[\"referer\"]"),
    ("http.request.body", "req.body"),
    ("http.request.body.raw", "req.body"),
    ("http.request.body.truncated", "req.body.truncated"),
    ("http.request.cookies", "req.cookies"),
    ("http.request.full_uri", "req.url"),
    ("http.request.headers", "req.headers"),
    ("http.request.method", "req.method"),
    ("http.request.uri", "req.url"),
    ("http.request.uri.args", "req.args"),
    ("http.request.uri.args.names", "req.arg_names"),
    ("http.request.uri.path", "req.path"),
    ("http.request.uri.path.extension", "req.path.ext"),
    ("http.request.uri.query", "req.query"),
    ("http.request.version", "req.proto"),
    ("http.response.code", "resp.status"),
    ("http.response.headers", "resp.headers"),
    ("http.user_agent", "req.headers[\"user-agent\"]"),
    ("http.x_forwarded_for", "req.headers[\"x-forwarded-for\"]"),
    ("ip", "client.ip"),
    ("ip.geoip.asnum", "client.asn"),
    ("ip.geoip.country", "client.country"),
    ("ip.src", "client.ip"),
    ("ip.src.asnum", "client.asn"),
    ("ip.src.country", "client.country"),
    ("method", "req.method"),
    ("path", "req.path"),
    ("query", "req.query"),
    ("query_string", "req.query"),
    ("querystring", "req.query"),
    ("raw.http.request.uri", "req.url.raw"),
    ("raw.http.request.uri.path", "req.path.raw"),
    ("raw.http.request.uri.query", "req.query.raw"),
    ("remote_addr", "client.ip"),
    ("req.cookie", "req.cookies"),
    ("req.header", "req.headers"),
    ("req.http", "req.headers"),
    ("req.ip", "client.ip"),
    ("req.qs", "req.query"),
    ("req.query_string", "req.query"),
    ("req.querystring", "req.query"),
    ("req.request", "req.method"),
    ("req.uri", "req.url"),
    ("req.url.ext", "req.path.ext"),
    ("req.url.path", "req.path"),
    ("req.url.qs", "req.query"),
    ("req.url.query", "req.query"),
    ("req.useragent", "req.headers[\"user-agent\"]"),
    ("req.user_agent", "req.headers[\"user-agent\"]"),
    ("request.body", "req.body"),
    ("request.headers", "req.headers"),
    ("request.method", "req.method"),
    ("request.path", "req.path"),
    ("request.uri", "req.url"),
    ("request.url", "req.url"),
    ("request_basename", "req.path"),
    ("request_body", "req.body"),
    ("request_cookies", "req.cookies"),
    ("request_filename", "req.path"),
    ("request_headers", "req.headers"),
    ("request_method", "req.method"),
    ("request_protocol", "req.proto"),
    ("request_uri", "req.url"),
    ("request_uri_raw", "req.url.raw"),
    ("resp.code", "resp.status"),
    ("resp.http", "resp.headers"),
    ("resp.status_code", "resp.status"),
    ("response.status", "resp.status"),
    ("response_status", "resp.status"),
    ("sc-status", "resp.status"),
    ("src_ip", "client.ip"),
    ("status", "resp.status"),
    ("tls.client.ja3_md5", "tls.ja3"),
    ("tls.client.ja4", "tls.ja4"),
    ("tls.client.protocol", "tls.version"),
    ("tls.client.servername", "tls.sni"),
    ("tls.ja3_hash", "tls.ja3"),
    ("uri", "req.url"),
    ("url", "req.url"),
    ("user_agent", "req.headers[\"user-agent\"]"),
    ("useragent", "req.headers[\"user-agent\"]"),
];

/// Names that nothing here can take the place of.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "args",
        "one parameter is `req.args[\"name\"]`, the whole query `req.query`, all forms of it `any_form(req.query)`",
    ),
    ("args_get", "one parameter is `req.args[\"name\"]`, the whole query `req.query`"),
    ("args_names", "the names of all parameters are `req.arg_names`"),
    ("args_post", BODY),
    ("args_post_names", BODY),
    (
        "cf.bot_management.score",
        "edgesig knows no bot score: name what gives the bot away, such as a header or `tls.ja4`",
    ),
    ("cf.bot_management.verified_bot", GOOD_BOT),
    ("cf.client.bot", GOOD_BOT),
    ("cf.verified_bot_category", GOOD_BOT),
    ("cf.threat_score", "edgesig knows no threat score: name what gives the attack away"),
    ("cf.waf.score", "edgesig knows no score of a WAF: name what gives the attack away"),
    ("null", "whether there is a value is asked with `exists x`, or `not exists x`"),
    ("nil", "whether there is a value is asked with `exists x`, or `not exists x`"),
    ("none", "whether there is a value is asked with `exists x`, or `not exists x`"),
    ("files", BODY),
    ("files_names", BODY),
    ("http.request.body.form", BODY),
    ("http.request.body.form.values", BODY),
    ("https", SCHEME),
    ("req.body.json", BODY),
    ("req.form", BODY),
    ("req.json", BODY),
    ("req.post", BODY),
    ("req.post_args", BODY),
    ("req.is_ssl", SCHEME),
    ("request.form", BODY),
    ("request.json", BODY),
    ("ssl", SCHEME),
    ("tls", SCHEME),
    (
        "req.body.size",
        "the length of the body is `length(req.body)`, what the client says it is `int(req.headers[\"content-length\"])`",
    ),
    ("req.restarts", "a request is judged once, not again on restarts"),
    ("request_line", "method, URL and version are `req.method`, `req.url` and `req.proto`"),
    ("selection", "there are no selections: write the condition itself, or name its parts under `let:`"),
    ("filter", "there are no filters: write the condition under `except:`, or name it under `let:`"),
];

const BODY: &str = "bodies are not parsed: match the text of the body as it was sent, `req.body contains \"name=\"`";
const GOOD_BOT: &str = "edgesig knows no list of good bots: name them by their networks, `client.ip in @good_bots`";
const SCHEME: &str = "whether a request came encrypted is `req.scheme == \"https\"`";

/// Headers, parameters and cookies that are named behind a dot or a colon, in lower case.
const KEYED: &[(&str, &str)] = &[
    ("arg_", "req.args"),
    ("args:", "req.args"),
    ("args_get:", "req.args"),
    ("bereq.http.", "req.headers"),
    ("beresp.http.", "resp.headers"),
    ("cookie_", "req.cookies"),
    ("http.request.headers.", "req.headers"),
    ("http_", "req.headers"),
    ("obj.http.", "resp.headers"),
    ("req.args.", "req.args"),
    ("req.cookie.", "req.cookies"),
    ("req.cookies.", "req.cookies"),
    ("req.header.", "req.headers"),
    ("req.headers.", "req.headers"),
    ("req.http.", "req.headers"),
    ("req.params.", "req.args"),
    ("req.query.", "req.args"),
    ("request.headers.", "req.headers"),
    ("request_cookies:", "req.cookies"),
    ("request_headers:", "req.headers"),
    ("resp.http.", "resp.headers"),
    ("response_headers:", "resp.headers"),
];

/// The field that another language calls `word`.
pub(super) fn field(word: &str) -> Option<Meaning> {
    let lower = word.to_ascii_lowercase();
    if lower.starts_with("t:") {
        return Some(Meaning::Explained("a transformation is a function around the field: `lower(req.path)`"));
    }
    if let Some((_, ours)) = FIELDS.iter().find(|(theirs, _)| *theirs == lower) {
        return Some(Meaning::Ours((*ours).to_owned()));
    }
    if let Some((_, text)) = EXPLAINED.iter().find(|(theirs, _)| *theirs == lower) {
        return Some(Meaning::Explained(text));
    }
    let (prefix, ours) = KEYED.iter().find(|(prefix, _)| lower.starts_with(prefix))?;
    let key = &word[prefix.len()..];
    // VCL reads a cookie in a header as `req.http.Cookie:name`.
    if let Some((header, name)) = key.split_once(':')
        && header.eq_ignore_ascii_case("cookie")
        && *ours == "req.headers"
    {
        return Some(Meaning::Ours(format!("req.cookies[\"{name}\"]")));
    }
    let is_header = ours.ends_with("headers");
    let key = match (is_header, prefix.ends_with('_')) {
        (true, true) => key.to_ascii_lowercase().replace('_', "-"),
        (true, false) => key.to_ascii_lowercase(),
        (false, _) => key.to_owned(),
    };
    is_token(key.as_bytes()).then(|| Meaning::Ours(format!("{ours}[\"{key}\"]")))
}

/// The function that another language calls `word`.
pub(super) fn function(word: &str) -> Option<Meaning> {
    let lower = word.to_ascii_lowercase();
    // ModSecurity's transformations: `t:lowercase`.
    let ours = match lower.strip_prefix("t:").unwrap_or(&lower) {
        "len" | "strlen" | "size" | "std.strlen" => "length",
        "tolower" | "lowercase" | "to_lower" | "tolowercase" | "std.tolower" => "lower",
        "toupper" | "uppercase" | "to_upper" | "touppercase" | "std.toupper" => "upper",
        "urldecode" | "urldecodeuni" | "percent_decode" | "decode_uri" => "url_decode",
        "html_entity_decode" | "htmldecode" | "htmlentitydecode" => "html_decode",
        "b64decode" | "base64decode" | "decode_base64" | "digest.base64_decode" => "base64_decode",
        "normalize_path" | "normalise_path" | "path_normalise" | "normalizepath" => "path_normalize",
        "compress_whitespace" | "compresswhitespace" => "squeeze",
        "removewhitespace" => "remove_whitespace",
        "to_int" | "number" | "atoi" | "std.integer" | "std.atoi" => "int",
        "digest.hash_sha256" => "sha256",
        "digest.hash_md5" => "md5",
        "regex" | "regexp" | "re" => {
            return Some(Meaning::Explained(
                "a regular expression is a literal: `x matches r\"…\"`, `ri\"…\"` without case",
            ));
        }
        "empty" | "isempty" | "is_empty" | "isset" | "defined" => {
            return Some(Meaning::Explained(
                "whether there is a value is asked with `exists x`, or `not exists x`; whether it has no character with \
                 `length(x) == 0`",
            ));
        }
        "regsub" | "regsuball" | "regex_replace" | "replace" | "substring" | "concat" => {
            return Some(Meaning::Explained(
                "text is not rewritten in conditions: match it as it is, `docs/fields.md` lists every function",
            ));
        }
        "table.lookup" | "table.contains" => {
            return Some(Meaning::Explained("a table is a list of the project: `x in @name`"));
        }
        "querystring.get" | "subfield" => {
            return Some(Meaning::Explained(
                "a parameter of the query is `req.args[\"name\"]`, a cookie `req.cookies[\"name\"]`",
            ));
        }
        "if" => {
            return Some(Meaning::Explained(
                "there is no `if`: the condition stands alone, what is done stands under `then:`",
            ));
        }
        _ => return None,
    };
    Some(Meaning::Ours(ours.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Field, Function};

    #[test]
    fn what_is_offered_exists() {
        for (theirs, ours) in FIELDS.iter().chain(KEYED) {
            let name = ours.split('[').next().unwrap();
            assert!(Field::from_name(name).is_some(), "{theirs}: {ours}");
            assert!(Field::from_name(theirs).is_none(), "{theirs} is one of ours");
            assert_eq!(*theirs, theirs.to_lowercase());
        }
        assert!(EXPLAINED.iter().all(|(theirs, _)| Field::from_name(theirs).is_none()));
        assert_eq!(function("std.tolower"), Some(Meaning::Ours("lower".to_owned())));
        assert!(Function::from_name("lower").is_some());
    }

    #[test]
    fn keys_are_taken_over() {
        let ours = |word: &str| match field(word) {
            Some(Meaning::Ours(ours)) => ours,
            other => panic!("{word}: {other:?}"),
        };
        assert_eq!(ours("req.http.User-Agent"), "req.headers[\"user-agent\"]");
        assert_eq!(ours("REQUEST_HEADERS:User-Agent"), "req.headers[\"user-agent\"]");
        assert_eq!(ours("http_x_forwarded_for"), "req.headers[\"x-forwarded-for\"]");
        assert_eq!(ours("req.http.Cookie:Session"), "req.cookies[\"Session\"]");
        assert_eq!(ours("ARGS:Id"), "req.args[\"Id\"]");
        assert_eq!(field("req.pth"), None);
    }
}
