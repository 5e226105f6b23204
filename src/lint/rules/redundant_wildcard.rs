//! `.*` at an end of a pattern.

use crate::lint::pattern;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use regex_syntax::ast::{Assertion, Ast, RepetitionKind};

pub const LINT: Lint = Lint {
    id: "redundant-wildcard",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for `.*` at the start or the end of a regular expression.",
    why: "`matches` finds a pattern anywhere, so `.*` at an end changes nothing but the time it takes: the \
          engine walks to the end and back.",
    example: r#"
when: req.path matches r".*/\.git/config"
tests:
  - {name: a repository, request: GET /a/%2egit/config, expect: match}
  - {name: a page about git, request: GET /git/config, expect: no_match}
"#,
    instead: r#"
when: req.path contains "/.git/config"
tests:
  - {name: a repository, request: GET /a/%2egit/config, expect: match}
  - {name: a page about git, request: GET /git/config, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for (expression, regex) in subject.patterns_with(&['.']) {
        let Some(tree) = pattern::parse(regex) else { continue };
        let Ast::Concat(concat) = &tree else { continue };
        let parts = concat.asts.as_slice();
        let is = |index: usize| parts.get(index).is_some_and(is_any);
        // An end of the text is within reach of `.*`; `\b` and `\B` ask for something.
        let holds = |index: usize, is_anchor: fn(&Assertion) -> bool| matches!(parts.get(index), Some(Ast::Assertion(assertion)) if is_anchor(assertion));
        let last = parts.len() - 1;
        let is_start = holds(0, pattern::is_start) && is(1);
        let is_end = holds(last, pattern::is_end) && is(last - 1);
        let start = if is(0) { Some((0, 0)) } else { is_start.then_some((0, 1)) };
        let end = if is(last) { Some((last, last)) } else { is_end.then_some((last - 1, last)) };
        for (first, last) in start.into_iter().chain(end) {
            // Something has to be left.
            if last + 1 - first >= parts.len() {
                continue;
            }
            let span = regex.positions.span(parts[first].span().start.offset, parts[last].span().end.offset);
            findings.push(
                findings
                    .at(span, "`.*` at an end of a regular expression changes nothing", "matches whatever is there")
                    .secondary(expression.span, "`matches` finds this anywhere")
                    .fix("leave it out", span, ""),
            );
            break;
        }
    }
}

/// `.*`, greedy or lazy. A possessive one would leave nothing for the rest: another matter.
fn is_any(part: &Ast) -> bool {
    matches!(part, Ast::Repetition(repetition)
        if matches!(repetition.op.kind, RepetitionKind::ZeroOrMore) && matches!(*repetition.ast, Ast::Dot(_)))
}
