//! Keys and words of other rule languages → ours: Sigma, Cloudflare, ModSecurity, Fastly, nginx, Kubernetes-like YAML.
//! `nodes` and `terms` ask it before they guess by spelling.

/// What a key of another language means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Ours, with the same value.
    Ours(&'static str),
    /// Something that is written in another way: a sentence without full stop.
    Explained(&'static str),
}

use Meaning::{Explained, Ours};

/// By what holds the key, as it is named in messages.
const KEYS: &[(&str, &[(&str, Meaning)])] = &[
    ("a signature", SIGNATURE),
    ("`rate`", RATE),
    ("a test", TEST),
    ("a step", TEST),
    ("a request", REQUEST),
    ("`refs`", REFERENCES),
];

const SIGNATURE: &[(&str, Meaning)] = &[
    ("action", Ours("then")),
    ("actions", Ours("then")),
    ("allowlist", Explained("exceptions are a condition under `except:`")),
    ("author", Ours("owner")),
    ("condition", Ours("when")),
    ("conditions", Ours("when")),
    ("cve", Explained("references stand under `refs:`: `refs: {cve: [CVE-2021-44228]}`")),
    ("date", Ours("created")),
    ("detection", Explained("the condition stands under `when:`, its parts can be named under `let:`")),
    ("do", Ours("then")),
    ("enabled", Explained("whether it acts is its `mode:`: `draft`, `monitor`, `canary 10%`, `enforce`, `retired`")),
    ("examples", Ours("tests")),
    ("exception", Ours("except")),
    ("exceptions", Ours("except")),
    ("exclude", Ours("except")),
    ("expiration", Ours("expires")),
    ("expiry", Ours("expires")),
    ("expr", Ours("when")),
    ("expression", Ours("when")),
    ("falsepositives", Explained("what is known stands under `notes:`: `notes: {false_positives: …}`")),
    ("filter", Explained("exceptions are a condition under `except:`")),
    ("if", Ours("when")),
    ("count", Explained(COUNTED)),
    ("key", Explained(COUNTED)),
    ("level", Ours("severity")),
    ("limit", Explained(COUNTED)),
    ("logsource", Explained("leave it out: every signature is about HTTP requests")),
    ("match", Ours("when")),
    ("message", Ours("title")),
    ("modified", Explained("leave it out: the history of the file says it, `version:` counts changes of behaviour")),
    ("msg", Ours("title")),
    ("name", Ours("title")),
    ("penalty", Explained(COUNTED)),
    ("period", Explained(COUNTED)),
    ("phase", Explained("leave it out: it follows from the fields that are read")),
    ("priority", Ours("severity")),
    ("ratelimit", Ours("rate")),
    ("rate_limit", Ours("rate")),
    ("references", Ours("refs")),
    ("reference", Ours("refs")),
    ("rule", Ours("when")),
    ("selection", Explained("the condition stands under `when:`, its parts can be named under `let:`")),
    ("status", Ours("mode")),
    ("test", Ours("tests")),
    ("threshold", Explained(COUNTED)),
    ("unless", Ours("except")),
    ("until", Ours("expires")),
    ("vars", Ours("let")),
    ("variables", Ours("let")),
    ("where", Ours("when")),
    ("whitelist", Explained("exceptions are a condition under `except:`")),
];

const COUNTED: &str = "what is counted stands under `rate:`: `rate: {key: [client.ip], limit: 10/60s}`";

const RATE: &[(&str, Meaning)] = &[
    ("block_duration", Ours("penalty")),
    ("block_for", Ours("penalty")),
    ("by", Ours("key")),
    ("characteristics", Ours("key")),
    ("counting_expression", Ours("count")),
    ("interval", Explained(LIMIT)),
    ("keys", Ours("key")),
    ("max", Explained(LIMIT)),
    ("mitigation_timeout", Ours("penalty")),
    ("per", Explained("what is counted apart is the `key:`, the time stands in `limit: 10/60s`")),
    ("period", Explained(LIMIT)),
    ("requests", Explained(LIMIT)),
    ("requests_per_period", Explained(LIMIT)),
    ("rps", Explained(LIMIT)),
    ("threshold", Explained(LIMIT)),
    ("timeout", Ours("penalty")),
    ("ttl", Ours("penalty")),
    ("weight", Ours("cost")),
    ("window", Explained(LIMIT)),
];
const LIMIT: &str = "number and time stand together: `limit: 10/60s`";

const TEST: &[(&str, Meaning)] = &[
    ("count", Ours("repeat")),
    ("delay", Ours("after")),
    ("description", Ours("name")),
    ("expected", Ours("expect")),
    ("http", Ours("request")),
    ("interval", Ours("every")),
    ("req", Ours("request")),
    ("result", Ours("expect")),
    ("sleep", Ours("after")),
    ("steps", Ours("sequence")),
    ("times", Ours("repeat")),
    ("title", Ours("name")),
    ("wait", Ours("after")),
    ("want", Ours("expect")),
];

const REQUEST: &[(&str, Meaning)] = &[
    ("client", Ours("client_ip")),
    ("cookies", Explained("cookies are a header: `headers: {cookie: \"a=1; b=2\"}`")),
    ("data", Ours("body")),
    ("host", Explained("it is a header: `headers: {host: www.example.com}`")),
    ("ip", Ours("client_ip")),
    ("ja3", Explained("it stands under `tls:`: `tls: {ja3: …}`")),
    ("ja4", Explained("it stands under `tls:`: `tls: {ja4: …}`")),
    ("path", Ours("url")),
    ("payload", Ours("body")),
    ("proto", Ours("version")),
    ("protocol", Ours("version")),
    ("query", Explained("it is a part of the `url:`")),
    ("src_ip", Ours("client_ip")),
    ("target", Ours("url")),
    ("uri", Ours("url")),
];

const REFERENCES: &[(&str, Meaning)] =
    &[("links", Ours("urls")), ("mitre", Ours("attack")), ("references", Ours("urls")), ("url", Ours("urls"))];

/// Words for a value, by what it is, as it is named in messages.
const WORDS: &[(&str, &[(&str, &str)])] = &[
    (
        "severity",
        &[
            ("emergency", "critical"),
            ("error", "high"),
            ("informational", "info"),
            ("minor", "low"),
            ("major", "high"),
            ("moderate", "medium"),
            ("none", "info"),
            ("notice", "info"),
            ("warning", "medium"),
        ],
    ),
    (
        "mode",
        &[
            ("active", "enforce"),
            ("audit", "monitor"),
            ("block", "enforce"),
            ("blocking", "enforce"),
            ("deprecated", "retired"),
            ("detect", "monitor"),
            ("detection", "monitor"),
            ("detectiononly", "monitor"),
            ("disabled", "draft"),
            ("enabled", "enforce"),
            ("enforcing", "enforce"),
            ("experimental", "draft"),
            ("learning", "monitor"),
            ("log", "monitor"),
            ("logging", "monitor"),
            ("off", "draft"),
            ("on", "enforce"),
            ("production", "enforce"),
            ("simulate", "monitor"),
            ("stable", "enforce"),
            ("test", "monitor"),
        ],
    ),
    (
        "level",
        &[
            ("disable", "allow"),
            ("disabled", "allow"),
            ("error", "deny"),
            ("false", "allow"),
            ("forbid", "deny"),
            ("ignore", "allow"),
            ("no", "allow"),
            ("none", "allow"),
            ("off", "allow"),
            ("on", "warn"),
            ("true", "warn"),
            ("warning", "warn"),
            ("yes", "warn"),
        ],
    ),
    (
        "expectation",
        &[
            ("allow", "no_match"),
            ("allowed", "no_match"),
            ("benign", "no_match"),
            ("block", "match"),
            ("blocked", "match"),
            ("deny", "match"),
            ("false", "no_match"),
            ("hit", "match"),
            ("miss", "no_match"),
            ("pass", "no_match"),
            ("true", "match"),
        ],
    ),
    (
        "action",
        &[
            ("accept", "allow"),
            ("alert", "log"),
            ("audit", "log"),
            ("ban", "block"),
            ("bypass", "allow"),
            ("count", "log"),
            ("delay", "tarpit"),
            ("deny", "block"),
            ("drop", "block"),
            ("error", "block"),
            ("forbid", "block"),
            ("label", "tag"),
            ("log_only", "log"),
            ("mark", "tag"),
            ("monitor", "log"),
            ("none", "log"),
            ("pass", "allow"),
            ("permit", "allow"),
            ("rate_limit", "throttle"),
            ("ratelimit", "throttle"),
            ("refuse", "block"),
            ("reject", "block"),
            ("remove", "strip"),
            ("skip", "allow"),
            ("synth", "block"),
            ("unset", "strip"),
        ],
    ),
];

/// The key that another language calls `name` in `what`.
pub(super) fn key(what: &str, name: &str) -> Option<Meaning> {
    let keys = KEYS.iter().find(|(place, _)| *place == what)?.1;
    let name = name.to_ascii_lowercase().replace('-', "_");
    keys.iter().find(|(theirs, _)| *theirs == name).map(|(_, meaning)| *meaning)
}

/// The word for a severity, mode, expectation or action that another language calls `word`.
pub(super) fn word(what: &str, word: &str) -> Option<&'static str> {
    let words = WORDS.iter().find(|(place, _)| *place == what)?.1;
    let word = word.to_ascii_lowercase();
    words.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| *ours)
}
