//! `block(444)`, `block(408)`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::syntax::ast::Action;

pub const LINT: Lint = Lint {
    id: "odd-status",
    category: Category::Action,
    level: Level::Warn,
    what: "Looks for refusals with a status that stands in a server's own log only, as 444 and 499, or that makes \
          clients do something else than stop, as 407, 408, 425 and 426.",
    why: "Monitoring and the people who read logs take such a refusal for a fault of the server, and a client \
          that is told to try again does.",
    example: r#"
when: req.method == "TRACE"
then: block(444)
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    instead: r#"
when: req.method == "TRACE"
then: block(405)
tests:
  - {name: a trace, request: TRACE /, expect: match}
  - {name: a page, request: GET /TRACE, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for action in &subject.signature.then {
        let Action::Block(Some(status)) = &action.value else { continue };
        let Some((_, reason)) = ODD.iter().find(|(of, _)| *of == status.value) else { continue };
        findings.push(
            findings
                .at(status.span, format!("{} {reason}", status.value), "says something else than a refusal")
                .help("use 403, 404, 405, 410 or 429"),
        );
    }
}

/// What a client makes of it (RFC 9110, RFC 8470), or whose log it is from. A number that nobody uses may be one's own.
const ODD: [(u64, &str); 13] = [
    (407, "makes a browser ask for the password of a proxy"),
    (408, "lets a client send the request again"),
    (425, "lets a client send the request again"),
    (426, "makes a client look for an Upgrade header"),
    (444, "is a word of nginx's own log, for a connection that was closed without an answer"),
    (460, "is a word of a load balancer's own log"),
    (463, "is a word of a load balancer's own log"),
    (494, "is a word of nginx's own log"),
    (495, "is a word of nginx's own log"),
    (496, "is a word of nginx's own log"),
    (497, "is a word of nginx's own log"),
    (498, "is a word of another server's own log"),
    (499, "is a word of nginx's own log, for a client that has gone"),
];
