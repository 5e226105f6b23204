//! An exception for an X-Forwarded-For.

use crate::catalog::Field;
use crate::ir;
use crate::lint::subject::Place;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "spoofable-address",
    category: Category::Network,
    level: Level::Warn,
    what: "Looks for headers with the client's address (X-Forwarded-For, X-Real-IP, True-Client-IP, …) that \
          decide who is let through.",
    why: "Anybody can send such a header. `client.ip` is the address that can be believed: behind \
          `trusted_proxies` it is read from X-Forwarded-For, from the right.",
    example: r#"
when: req.path == "/admin"
except: req.headers["x-forwarded-for"] == "198.51.100.7"
tests:
  - {name: the page, request: GET /adm%69n, expect: match}
  - {name: another one, request: GET /adm, expect: no_match}
  - {name: so it is said, request: {url: /admin, headers: {x-forwarded-for: 198.51.100.7}}, expect: no_match}
"#,
    instead: r#"
when: req.path == "/admin"
except: client.ip == 198.51.100.7
tests:
  - {name: the page, request: GET /adm%69n, expect: match}
  - {name: another one, request: GET /adm, expect: no_match}
  - {name: from there, request: {url: /admin, client_ip: 198.51.100.7}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in subject.leaves.iter().filter(|leaf| leaf.field() == Field::Headers) {
        let lets_through = match leaf.place {
            Place::When => subject.rule.is_allow() == leaf.positive,
            Place::Except => leaf.positive,
            Place::Count => false,
        };
        let keys = &leaf.comparison.value.field().keys;
        let is_address = |key: &Vec<u8>| HEADERS.contains(&String::from_utf8_lossy(key).as_ref());
        let compares = matches!(leaf.comparison.check, ir::Check::Text { .. } | ir::Check::Matches(_));
        if lets_through && compares && keys.iter().any(is_address) {
            findings.push(
                findings.at(leaf.comparison.span, "anybody can send this address", "lets requests through").help(
                    "compare `client.ip`; `trusted_proxies` in edgesig.yaml says whose X-Forwarded-For is believed",
                ),
            );
        }
    }
}

const HEADERS: [&str; 7] = [
    "x-forwarded-for",
    "x-real-ip",
    "true-client-ip",
    "x-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "forwarded",
];
