//! A block for a country alone.

use crate::catalog::Field;
use crate::ir::Action;
use crate::lint::subject::Leaf;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "geo-only-block",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for signatures that block for nothing but a country or a network operator.",
    why: "Databases of addresses are wrong often enough, and customers travel. Such a block hits people, not \
          attacks; together with a path or a rate it does its work.",
    example: r#"
when: client.country == "AQ"
tests:
  - {name: from there, request: {url: /, country: AQ}, expect: match}
  - {name: from elsewhere, request: {url: /, country: NZ}, expect: no_match}
"#,
    instead: r#"
when: client.country == "AQ" and req.path starts_with "/wp-login.php"
tests:
  - {name: from there, request: {url: /wp-log%69n.php, country: AQ}, expect: match}
  - {name: a page, request: {url: /wp-logins, country: AQ}, expect: no_match}
  - {name: from elsewhere, request: {url: /wp-login.php, country: NZ}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let is_geo =
        |leaf: &Leaf<'_>| matches!(leaf.field(), Field::ClientCountry | Field::ClientAsn | Field::ClientAsName);
    let allowed_status = |action: &Action| matches!(action, Action::Block(Some(451)));
    if subject.blocks()
        && !subject.rule.actions.iter().any(allowed_status)
        && subject.when().next().is_some()
        && subject.when().all(is_geo)
    {
        findings.push(
            findings
                .at(subject.signature.when.span, "blocks everybody from there", "says only where a client is")
                .help("add what the attack does; where a law demands it, `block(451)` says so"),
        );
    }
}
