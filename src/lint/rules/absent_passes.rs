//! `req.headers["x"] != "a"` and nothing else.

use crate::catalog::Field;
use crate::ir::{self, Predicate};
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "absent-passes",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for conditions made of nothing but negative comparisons of values that can be absent.",
    why: "`a != b` is `not (a == b)`, and true when `a` is absent: the signature matches every request without \
          the header. Where that is meant, say `not exists` or add what else has to hold.",
    example: r#"
when: req.headers["x-api-version"] != "2"
tests:
  - {name: an old client, request: {url: /, headers: {x-api-version: "1"}}, expect: match}
  - {name: everybody without the header, request: GET /, expect: match}
  - {name: a new client, request: {url: /, headers: {x-api-version: "2"}}, expect: no_match}
then: log
"#,
    instead: r#"
when: exists req.headers["x-api-version"] and req.headers["x-api-version"] != "2"
tests:
  - {name: an old client, request: {url: /, headers: {x-api-version: "1"}}, expect: match}
  - {name: without the header, request: GET /, expect: no_match}
  - {name: a new client, request: {url: /, headers: {x-api-version: "2"}}, expect: no_match}
then: log
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    if subject.rule.rate.is_some() {
        return;
    }
    let negated = |part: &Predicate| match part {
        Predicate::Not(inner) => match &**inner {
            Predicate::Compare(comparison) => {
                // A request without Host is hardly one: an allow-list of hosts is to refuse it.
                let field = comparison.value.field().field;
                let absentable = field.row().absentable && comparison.quantifier.is_none() && field != Field::Host;
                (absentable && comparison.check != ir::Check::Exists).then_some(comparison.span)
            }
            Predicate::All(_) | Predicate::Any(_) | Predicate::Not(_) => None,
        },
        Predicate::All(_) | Predicate::Any(_) | Predicate::Compare(_) => None,
    };
    let parts = match &subject.rule.when {
        Predicate::All(parts) => parts.as_slice(),
        other @ (Predicate::Any(_) | Predicate::Not(_) | Predicate::Compare(_)) => std::slice::from_ref(other),
    };
    let spans: Vec<_> = parts.iter().map_while(negated).collect();
    if let Some(first) = spans.first().filter(|_| spans.len() == parts.len()) {
        findings.push(
            findings
                .at(*first, "this also holds for every request without the value", "true of what is absent")
                .help("add `exists …`, or what else has to hold"),
        );
    }
}
