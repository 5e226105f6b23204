//! A block that hits what machines ask to see whether the site is there.

use crate::catalog::Field;
use crate::ir::Action;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "blocks-health-check",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for signatures that refuse, whatever the path, the health checks of balancers and clusters, or \
          the validation of a certificate authority under /.well-known/acme-challenge/.",
    why: "These machines send few headers: no Accept-Language, no cookie, no Sec-Fetch. A signature against \
          scripts that asks for what browsers send takes servers out of the pool and lets certificates expire. \
          The evaluator says that it matches.",
    example: r#"
when: req.method == "GET" and not exists req.headers["accept-language"]
tests:
  - {name: a script, request: "GET /%61", expect: match}
  - {name: a browser, request: {url: /a, headers: {accept-language: en}}, expect: no_match}
"#,
    instead: r#"
when: req.method == "GET" and req.path starts_with "/shop/" and not exists req.headers["accept-language"]
tests:
  - {name: a script, request: "GET /sh%6fp/", expect: match}
  - {name: a browser, request: {url: /shop/, headers: {accept-language: en}}, expect: no_match}
  - {name: another place, request: GET /shops, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let refuses = subject.rule.actions.iter().any(|action| matches!(action, Action::Block(_) | Action::Tarpit(_)));
    // From where they come is for the site to say; a condition about the URL alone is meant for that URL.
    let of_request = |field: Field| {
        field.reads_url()
            || matches!(field, Field::Method | Field::Proto | Field::Headers | Field::Cookies | Field::Body)
    };
    let of_software = |field: Field| matches!(field, Field::Headers | Field::Cookies | Field::Proto);
    if !refuses
        || subject.rule.rate.is_some()
        || !subject.leaves.iter().all(|leaf| of_request(leaf.field()))
        || !subject.when().any(|leaf| of_software(leaf.field()))
    {
        return;
    }
    if let Some((who, paths, _)) =
        PROBES.iter().find(|(_, paths, headers)| paths.iter().all(|path| subject.matches_get(path, headers)))
    {
        let path = paths.first().unwrap_or(&"/");
        findings.push(
            findings
                .at(subject.signature.when.span, format!("{who} is refused"), "holds for it")
                .note(format!("`GET {path}` with the headers that it sends matches"))
                .help("say for which paths it is meant, or add `except` with what you know of these machines"),
        );
    }
}

/// Paths that are asked for health; a condition that holds for all of them is not about one of them.
const HEALTH: &[&str] = &["/healthz", "/health", "/ping", "/status", "/"];

/// Who asks, for what, and with which headers.
type Probe = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const PROBES: [Probe; 4] = [
    (
        "the health check of Kubernetes",
        HEALTH,
        &[("Host", "192.0.2.10:8080"), ("User-Agent", "kube-probe/1.31"), ("Accept", "*/*"), ("Connection", "close")],
    ),
    (
        "the health check of a load balancer (AWS)",
        HEALTH,
        &[
            ("Host", "192.0.2.10"),
            ("Connection", "close"),
            ("User-Agent", "ELB-HealthChecker/2.0"),
            ("Accept-Encoding", "gzip, compressed"),
        ],
    ),
    (
        "the health check of a load balancer (Google)",
        HEALTH,
        &[("Host", "192.0.2.10"), ("User-Agent", "GoogleHC/1.0"), ("Connection", "keep-alive")],
    ),
    (
        "the validation of a certificate authority",
        &["/.well-known/acme-challenge/3xK9dQ0vBf5aYhW1"],
        &[
            ("Host", "www.example.com"),
            ("User-Agent", "Mozilla/5.0 (compatible; Let's Encrypt validation server; +https://www.letsencrypt.org)"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "gzip"),
            ("Connection", "close"),
        ],
    ),
];
