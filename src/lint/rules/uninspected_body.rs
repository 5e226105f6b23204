//! An enforced signature reads bodies, and nothing looks at those that are too long for it.

use crate::catalog::Field;
use crate::ir::Action;
use crate::lint::{Category, Check, Findings, Level, Lint, Set};

pub const LINT: Lint = Lint {
    id: "uninspected-body",
    category: Category::Set,
    level: Level::Warn,
    what: "Looks for an enforced signature that reads `req.body` in a set where no signature asks for \
           `req.body.truncated`.",
    why: "A body above the limit, or of unknown length, is absent: no comparison with it holds. Padding is then a way \
          around the signature. A companion that matches `req.body.truncated` on the same paths, even if it only adds \
          to a score, sees the padding.",
    example: r#"
mode: enforce
when: req.path == "/upload" and req.body contains "<?php"
tests:
  - {name: code, request: {method: POST, url: /%75pload, body: "<?php eval"}, expect: match}
  - {name: a text about it, request: {method: POST, url: /upload, body: "php?"}, expect: no_match}
"#,
    instead: r#"
mode: enforce
when: req.path == "/upload" and req.body contains "<?php"
tests:
  - {name: code, request: {method: POST, url: /%75pload, body: "<?php eval"}, expect: match}
  - {name: a text about it, request: {method: POST, url: /upload, body: "php?"}, expect: no_match}
---
id: upload-uninspected
when: req.path == "/upload" and req.body.truncated
then: score(5)
tests:
  - name: of unknown length
    request: {method: POST, url: /%75pload, headers: {transfer-encoding: chunked}, body: "a"}
    expect: match
  - {name: a small one, request: {method: POST, url: /upload, body: "a"}, expect: no_match}
"#,
    check: Check::Set(check),
};

fn check(set: &Set<'_>, findings: &mut Findings) {
    // In a part of the set the companion may be in the other part.
    if !set.whole {
        return;
    }
    let reads = |field: Field| {
        set.subjects.iter().filter(move |subject| subject.leaves.iter().any(|leaf| leaf.field() == field))
    };
    if reads(Field::BodyTruncated).next().is_some() {
        return;
    }
    let refuses = |action: &Action| matches!(action, Action::Block(_) | Action::Redirect { .. } | Action::Tarpit(_));
    let mut blind = reads(Field::Body)
        .filter(|subject| subject.rule.mode.can_act() && subject.rule.actions.iter().any(refuses))
        .filter_map(|subject| {
            subject.leaves.iter().find(|leaf| leaf.field() == Field::Body && leaf.positive).map(|leaf| (subject, leaf))
        });
    let Some((subject, leaf)) = blind.next() else { return };
    let others = blind.count();
    let diagnostic = findings
        .at(leaf.comparison.span, "a longer body is not looked at by any signature", "absent above the limit")
        .help("add a signature with `req.body.truncated` for the same paths, at least with a score");
    let id = &subject.rule.id;
    findings.push(match others {
        0 => diagnostic,
        others => diagnostic.note(format!("`{id}` is the first of {} enforced ones that read bodies", others + 1)),
    });
}
