//! A rate per User-Agent.

use crate::catalog::Field;
use crate::ir::{Rule, Value, display_value};
use crate::lint::logic;
use crate::lint::{Category, Check, Findings, Level, Lint, Set};

pub const LINT: Lint = Lint {
    id: "spoofable-rate-key",
    category: Category::Rate,
    level: Level::Warn,
    what: "Looks for rates whose key has a header, a parameter or another text that the client chooses.",
    why: "A client that sends another value with each request gets a new counter each time and is never over \
          the limit. Count per `client.ip`; beside a rate per address for the same requests such a key does no \
          harm.",
    example: r#"
when: req.method == "POST" and req.path == "/login"
rate:
  key: [client.ip, 'req.headers["user-agent"]']
  limit: 3/10s
then: throttle
tests:
  - name: the fourth
    sequence:
      - {repeat: 3, request: POST /log%69n, expect: no_match}
      - {request: POST /login, expect: match}
  - name: a page
    sequence:
      - {repeat: 9, request: GET /login, expect: no_match}
  - name: another form
    sequence:
      - {repeat: 9, request: POST /logins, expect: no_match}
"#,
    instead: r#"
when: req.method == "POST" and req.path == "/login"
rate:
  key: [client.ip]
  limit: 3/10s
then: throttle
tests:
  - name: the fourth
    sequence:
      - {repeat: 3, request: POST /log%69n, expect: no_match}
      - {request: POST /login, expect: match}
  - name: a page
    sequence:
      - {repeat: 9, request: GET /login, expect: no_match}
  - name: another form
    sequence:
      - {repeat: 9, request: POST /logins, expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    // Rates that no header gets around.
    let firm: Vec<&Rule> = set
        .subjects
        .iter()
        .map(|subject| subject.rule)
        .filter(|rule| {
            rule.rate.as_ref().is_some_and(|rate| {
                !rate.key.is_empty() && rate.key.iter().all(|part| !part.field().field.row().spoofable)
            })
        })
        .take(MAX_FIRM)
        .collect();
    for subject in set.subjects {
        if let Some(rate) = &subject.rule.rate {
            let covered = || {
                firm.iter()
                    .any(|other| other.except.is_none() && logic::implies(set.ruleset, &subject.rule.when, &other.when))
            };
            if let Some(part) = rate.key.iter().find(|part| is_chosen(part)).filter(|_| !covered()) {
                let name = display_value(part);
                findings.push(
                    findings
                        .at(
                            rate.span,
                            format!("the client chooses `{name}`, a part of the key"),
                            "a new value, a new count",
                        )
                        .help("count per `client.ip` alone, here or in a second signature for the same requests"),
                );
            }
        }
    }
}

/// Rates of a set that are looked at as a second line.
const MAX_FIRM: usize = 16;

fn is_chosen(part: &Value) -> bool {
    match part.field().field {
        Field::Headers
        | Field::Args
        | Field::ArgsRaw
        | Field::Cookies
        | Field::Body
        | Field::ArgNames
        | Field::Method
        | Field::Proto
        | Field::TlsSni => true,
        Field::Scheme
        | Field::Host
        | Field::Url
        | Field::UrlRaw
        | Field::Path
        | Field::PathRaw
        | Field::PathExt
        | Field::Query
        | Field::QueryRaw
        | Field::BodyTruncated
        | Field::ClientIp
        | Field::ClientAsn
        | Field::ClientAsName
        | Field::ClientCountry
        | Field::ClientProxyType
        | Field::TlsJa3
        | Field::TlsJa4
        | Field::TlsVersion
        | Field::RespStatus
        | Field::RespHeaders => false,
    }
}
