//! `a == "/x" and a starts_with "/"`.

use crate::ir::{Comparison, Predicate};
use crate::lint::logic;
use crate::lint::subject::{Subject, ungrouped, without};
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::source::Span;
use crate::syntax::ast::ExpressionKind;

pub const LINT: Lint = Lint {
    id: "redundant-clause",
    category: Category::Logic,
    level: Level::Warn,
    what: "Looks for a part of a condition that follows from another part beside it.",
    why: "Under `and` a part that the other implies does nothing; under `or` a part that implies the other. \
          Readers think that it matters, and a test for it can't be written.",
    example: r#"
when: req.path == "/setup.php" and req.path ends_with ".php"
tests:
  - {name: the setup, request: GET /set%75p.php, expect: match}
  - {name: another page, request: GET /index.php, expect: no_match}
"#,
    instead: r#"
when: req.path == "/setup.php"
tests:
  - {name: the setup, request: GET /set%75p.php, expect: match}
  - {name: another page, request: GET /index.php, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    subject.rule.predicates().for_each(|predicate| visit(subject, predicate, findings));
}

fn visit(subject: &Subject<'_>, predicate: &Predicate, findings: &mut Findings) {
    match predicate {
        Predicate::All(parts) => beside(subject, parts, true, findings),
        Predicate::Any(parts) => beside(subject, parts, false, findings),
        Predicate::Not(inner) => visit(subject, inner, findings),
        Predicate::Compare(_) => {}
    }
}

/// What to cut so that this comparison goes, where it is an operand of `and` or `or` by itself.
fn operand(subject: &Subject<'_>, span: Span) -> Option<Span> {
    let mut cut = None;
    subject.each_expression(&mut |expression| {
        let (ExpressionKind::And(parts) | ExpressionKind::Or(parts)) = &expression.kind else { return };
        if let Some(index) = parts.iter().position(|part| {
            let inner = ungrouped(part);
            inner.span == span && matches!(inner.kind, ExpressionKind::Compare { .. } | ExpressionKind::Exists(_))
        }) {
            cut = without(parts, index);
        }
    });
    cut
}

/// Comparisons that are looked at in one condition.
const MAX_PARTS: usize = 64;

fn beside(subject: &Subject<'_>, parts: &[Predicate], conjunction: bool, findings: &mut Findings) {
    let comparisons: Vec<&Comparison> = parts
        .iter()
        .filter_map(|part| if let Predicate::Compare(comparison) = part { Some(comparison) } else { None })
        .take(MAX_PARTS)
        .collect();
    for (index, one) in comparisons.iter().enumerate() {
        let by = comparisons.iter().enumerate().find(|(other, by)| {
            let implied = |a, b| logic::comparison_implies(subject.ruleset, a, b);
            let redundant = if conjunction { implied(by, one) } else { implied(one, by) };
            // Of two that say the same the second one is too much.
            *other != index && redundant && (*other < index || !implied(one, by) || !implied(by, one))
        });
        if let Some((_, by)) = by.filter(|(_, by)| by.span != one.span) {
            let word = if conjunction { "holds wherever the other does" } else { "the other holds wherever this does" };
            let diagnostic = findings
                .at(one.span, "this part of the condition changes nothing", word)
                .secondary(by.span, "the other one")
                .help("leave it out, or look for what was meant instead");
            findings.push(match operand(subject, one.span) {
                // What is redundant where a name is used here may be needed where it is used there.
                Some(cut) if subject.is_in_let(one.span) => diagnostic
                    .note("it is part of a `let`, which may need it where else the name is used")
                    .proposal("leave it out", cut, ""),
                Some(cut) => diagnostic.fix("leave it out", cut, ""),
                None => diagnostic,
            });
        }
    }
    parts.iter().for_each(|part| visit(subject, part, findings));
}
