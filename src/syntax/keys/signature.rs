//! The keys of a signature file. Their order here is the order in which the formatter writes them.

use super::{ANY_NAME, Form, KEBAB_CASE, Mapping, NAME, Names, Shape, TARGET_NAMES, key, required};
use crate::syntax::cases::MAX_REPEAT;
use crate::syntax::values::Risk;
use std::ops::RangeInclusive;

const TEXTS: Shape = Shape::List(&Shape::Verbatim);

/// Of `version`.
pub(in crate::syntax) const VERSIONS: RangeInclusive<u64> = 1..=u32::MAX as u64;
/// Of `rate: cost`.
pub(in crate::syntax) const COSTS: RangeInclusive<u64> = 1..=100;
/// Of the status that a test's response has.
pub(in crate::syntax) const STATUSES: RangeInclusive<u64> = 100..=599;
/// Of the AS number of a test's client.
pub(in crate::syntax) const AS_NUMBERS: RangeInclusive<u64> = 0..=u32::MAX as u64;

/// A signature file.
pub static SIGNATURE: Mapping = Mapping {
    keys: &[
        required("edgesig", Shape::Version, "The version of the signature language.", "1"),
        required(
            "id",
            Shape::Pattern(KEBAB_CASE),
            "Kebab-case, unique in the set and never used again. It is the file's name without `.yaml`.",
            "log4shell-jndi",
        ),
        key("version", Shape::Integer(VERSIONS), "Raised by the author when behaviour changes. Default: 1.", "3"),
        required(
            "title",
            Shape::Text,
            "One line that names the attack, for logs and reports.",
            "Log4Shell JNDI lookup in the URL or a logged header",
        ),
        key("description", Shape::Text, "Why the signature exists and what the attack does.", ""),
        required(
            "severity",
            Shape::Word(|| Risk::ALL.iter().map(|risk| risk.name()).collect()),
            "How bad the attack is. Signatures are evaluated by severity, critical first.",
            "high",
        ),
        key(
            "mode",
            Shape::Mode,
            "`draft` is tested and never built, `monitor` records, `canary 10%` acts for a share of the clients, \
             `enforce` acts, `retired` only keeps the id from being used again. Default: monitor.",
            "canary 10%",
        ),
        key("owner", Shape::Text, "Who answers for the signature.", "edge-security"),
        key("created", Shape::Date, "The day on which it was written.", "2026-11-22"),
        key(
            "expires",
            Shape::Date,
            "The last day on which it is wanted: a virtual patch must not live for ever. A scoped `allow` needs it.",
            "2027-11-22",
        ),
        key("refs", Shape::Mapping(&REFERENCES), "Where the attack is described.", "{cve: [CVE-2021-44228]}"),
        key("tags", TEXTS, "Words by which services and `allow` select signatures.", "[java, rce]"),
        key(
            "targets",
            TARGET_NAMES,
            "Builds it for these targets only. Default: every target of the project.",
            "[varnish]",
        ),
        key(
            "let",
            Shape::Free(Names::Pattern(NAME), &Shape::Expression),
            "Named parts of the condition. Later ones may use earlier ones.",
            "",
        ),
        required(
            "when",
            Shape::Condition,
            "The condition: which requests the signature matches, or with `rate` which ones are subject to it. \
             `true` only with a rate, `strip` or `tag`.",
            "req.path contains \"/.git/\"",
        ),
        key("except", Shape::Condition, "No match where this holds.", "client.ip in @pentest_team"),
        key("rate", Shape::Mapping(&RATE), "`then` is taken only once a client is over this rate.", ""),
        key(
            "then",
            Shape::OneOrMany(&Shape::Action),
            "What a match does: one action or a list with at most one terminal action. Default: block, and throttle \
             with a rate.",
            "block(403)",
        ),
        key(
            "tests",
            Shape::List(&Shape::Mapping(&TEST)),
            "Requests and what is expected of them. `check` demands at least one that matches and one that does not.",
            "",
        ),
        key(
            "notes",
            Shape::Free(Names::Pattern(ANY_NAME), &Shape::Verbatim),
            "What a reader should know: `false_positives`, `blind_spots`.",
            "{false_positives: none known}",
        ),
    ],
    forms: &[],
};

/// `refs`
pub(in crate::syntax) static REFERENCES: Mapping = Mapping {
    keys: &[
        key("cve", TEXTS, "CVE numbers.", "[CVE-2021-44228]"),
        key("cwe", TEXTS, "Weaknesses.", "[CWE-917]"),
        key("attack", TEXTS, "Techniques of MITRE ATT&CK.", "[T1190]"),
        key("owasp", TEXTS, "Categories of the OWASP Top Ten.", "[\"A03:2021\"]"),
        key("urls", TEXTS, "Pages about it.", "[\"https://nvd.nist.gov/vuln/detail/CVE-2021-44228\"]"),
    ],
    forms: &[],
};

/// `rate`
pub(in crate::syntax) static RATE: Mapping = Mapping {
    keys: &[
        required(
            "key",
            Shape::List(&Shape::Expression),
            "The fields whose values make one counter; `[]` is one for all.",
            "[client.ip]",
        ),
        required("limit", Shape::OneOrMany(&Shape::Limit), "A number per time, or several of them.", "[5/10s, 20/10m]"),
        key("cost", Shape::Integer(COSTS), "What one request weighs. Default: 1.", "1"),
        key(
            "at",
            Shape::Word(|| vec!["edge", "origin"]),
            "`edge` counts every request, `origin` only what the cache does not answer. Default: edge.",
            "edge",
        ),
        key(
            "count",
            Shape::Condition,
            "What counts, by the request or its response. Default: `when`.",
            "resp.status in [401, 403]",
        ),
        key(
            "penalty",
            Shape::Duration,
            "How long it is refused, from the first refusal. Default: until the rate falls.",
            "10m",
        ),
    ],
    forms: &[],
};

const REQUEST_SHAPE: Shape = Shape::Either(&[Shape::Text, Shape::Mapping(&REQUEST)]);
const REQUEST_DOC: &str =
    "A request line, a whole HTTP message, or a mapping. Left out: GET, HTTP/1.1, www.example.com, 192.0.2.1.";
const CURL_DOC: &str = "A curl command line, as copied from a browser's or Burp's menu.";
const RESPONSE_SHAPE: Shape = Shape::Either(&[Shape::Integer(STATUSES), Shape::Mapping(&RESPONSE)]);
const RESPONSE_DOC: &str = "What the origin answers: a status, or a mapping. Default: 200.";
const EXPECT: fn() -> Vec<&'static str> = || vec!["match", "no_match"];

/// An entry of `tests`
pub(in crate::syntax) static TEST: Mapping = Mapping {
    keys: &[
        required("name", Shape::Text, "What the test shows.", "classic payload in the query"),
        key("request", REQUEST_SHAPE, REQUEST_DOC, "GET /?q=1"),
        key("curl", Shape::Text, CURL_DOC, "curl 'https://www.example.com/'"),
        key("response", RESPONSE_SHAPE, RESPONSE_DOC, "401"),
        key("expect", Shape::Word(EXPECT), "The verdict of this signature alone.", "match"),
        key(
            "sequence",
            Shape::List(&Shape::Mapping(&STEP)),
            "Requests one after the other, for a rate: empty counters, starts at 0 s.",
            "",
        ),
    ],
    forms: &[
        Form { required: &["name", "request", "expect"], keys: &["name", "request", "response", "expect"] },
        Form { required: &["name", "curl", "expect"], keys: &["name", "curl", "response", "expect"] },
        SEQUENCE_TEST,
    ],
};

/// A test with a sequence.
pub(in crate::syntax) const SEQUENCE_TEST: Form = Form { required: &["name", "sequence"], keys: &["name", "sequence"] };

/// An entry of `sequence`
pub(in crate::syntax) static STEP: Mapping = Mapping {
    keys: &[
        key("repeat", Shape::Integer(1..=MAX_REPEAT), "How often. Default: 1.", "10"),
        key("every", Shape::Duration, "Time between repetitions. Default: 0s.", "1s"),
        key("after", Shape::Duration, "Time since the request before. Default: 0s.", "11m"),
        key("request", REQUEST_SHAPE, REQUEST_DOC, "POST /login"),
        key("curl", Shape::Text, CURL_DOC, "curl 'https://www.example.com/'"),
        key("response", RESPONSE_SHAPE, RESPONSE_DOC, "401"),
        required("expect", Shape::Word(EXPECT), "The verdict for each of these requests.", "no_match"),
    ],
    forms: &[
        Form { required: &["request", "expect"], keys: &["repeat", "every", "after", "request", "response", "expect"] },
        Form { required: &["curl", "expect"], keys: &["repeat", "every", "after", "curl", "response", "expect"] },
    ],
};

/// `response`
pub(in crate::syntax) static RESPONSE: Mapping = Mapping {
    keys: &[
        key("status", Shape::Integer(STATUSES), "The status. Default: 200.", "401"),
        key("headers", HEADERS, HEADERS_DOC, "{retry-after: \"5\"}"),
    ],
    forms: &[],
};

const HEADERS: Shape = Shape::Free(
    Names::Pattern(ANY_NAME),
    &Shape::Optional(&Shape::Either(&[Shape::Verbatim, Shape::List(&Shape::Verbatim)])),
);
const HEADERS_DOC: &str = "Header lines by name; a list gives several lines, `~` none.";

/// A request as a mapping
pub(in crate::syntax) static REQUEST: Mapping = Mapping {
    keys: &[
        key("method", Shape::Verbatim, "Default: GET.", "POST"),
        key("url", Shape::Verbatim, "Path and query. Default: /.", "/login?next=%2F"),
        key("version", Shape::Verbatim, "Default: HTTP/1.1.", "HTTP/1.0"),
        key("headers", HEADERS, HEADERS_DOC, "{user-agent: curl/8.5.0}"),
        key("body", Shape::Verbatim, "The body.", "a=1&b=2"),
        key("client_ip", Shape::Verbatim, "The TCP peer. Default: 192.0.2.1.", "203.0.113.7"),
        key("country", Shape::Verbatim, "The client's country.", "DE"),
        key("asn", Shape::Integer(AS_NUMBERS), "The client's AS number.", "64496"),
        key("as_name", Shape::Verbatim, "The name of the client's network.", "Example Hosting"),
        key("proxy_type", Shape::Verbatim, "The kind of proxy that the client is.", "hosting"),
        key("scheme", Shape::Verbatim, "The scheme: http or https.", "https"),
        key("tls", Shape::Mapping(&TLS), "What is known of the TLS handshake.", "{version: TLSv1.3}"),
        key("file", Shape::Text, "A file with a whole HTTP message, seen from this file's folder.", "requests/a.http"),
        key("curl", Shape::Text, CURL_DOC, "curl 'https://www.example.com/'"),
    ],
    forms: &[
        Form {
            required: &[],
            keys: &[
                "method",
                "url",
                "version",
                "headers",
                "body",
                "client_ip",
                "country",
                "asn",
                "as_name",
                "proxy_type",
                "scheme",
                "tls",
            ],
        },
        FILE_REQUEST,
        CURL_REQUEST,
    ],
};

/// `{file: a.http}`
pub(in crate::syntax) const FILE_REQUEST: Form = Form { required: &["file"], keys: &["file"] };
/// `{curl: "…"}`
pub(in crate::syntax) const CURL_REQUEST: Form = Form { required: &["curl"], keys: &["curl"] };

/// `tls`
pub(in crate::syntax) static TLS: Mapping = Mapping {
    keys: &[
        key("ja3", Shape::Verbatim, "JA3 fingerprint.", "e7d705a3286e19ea42f587b344ee6865"),
        key("ja4", Shape::Verbatim, "JA4 fingerprint.", "t13d1516h2_8daaf6152771_e5627efa2ab1"),
        key("version", Shape::Verbatim, "Protocol version.", "TLSv1.3"),
        key("sni", Shape::Verbatim, "The server name that the client asked for.", "www.example.com"),
    ],
    forms: &[],
};
