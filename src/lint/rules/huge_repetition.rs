//! `{0,5000}`.

use crate::lint::pattern;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use regex_syntax::ast::{Ast, RepetitionKind, RepetitionRange};

pub const LINT: Lint = Lint {
    id: "huge-repetition",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for repetitions that are bounded by more than 4,096.",
    why: "The engine may try every length up to the bound at every place. A bound that is larger than what an \
          attack needs only buys time for a denial of service.",
    example: r#"
when: req.query matches r"a=[^&]{0,8000}b"
tests:
  - {name: both, request: "GET /?a=%41b", expect: match}
  - {name: only one, request: "GET /?a=1", expect: no_match}
"#,
    instead: r#"
when: req.query matches r"a=[^&]{0,64}b"
tests:
  - {name: both, request: "GET /?a=%41b", expect: match}
  - {name: only one, request: "GET /?a=1", expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for (expression, regex) in subject.patterns_with(&['{']) {
        let Some(tree) = pattern::parse(regex) else { continue };
        pattern::each(&tree, &mut |part| {
            let Ast::Repetition(repetition) = part else { return };
            let RepetitionKind::Range(RepetitionRange::Bounded(_, most)) = &repetition.op.kind else { return };
            if *most > 4_096 {
                let span = regex.positions.span(repetition.op.span.start.offset, repetition.op.span.end.offset);
                findings.push(
                    findings
                        .at(span, format!("a repetition of up to {most}"), "more than any attack needs")
                        .secondary(expression.span, "in this regular expression")
                        .help("lower the bound, or ask for the two ends in two comparisons"),
                );
            }
        });
    }
}
