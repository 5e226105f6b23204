//! `\\.` in a pattern: a backslash and any byte, where a dot was meant.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint, pattern};
use regex_syntax::ast::{Ast, LiteralKind};

pub const LINT: Lint = Lint {
    id: "escaped-twice",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for `\\\\.`, `\\\\s+`, `\\\\d+` and `\\\\w+` in a regular expression: an escaped backslash before what an escape of its \
           own would make a dot, a blank, a digit or a word character.",
    why: "Between `r\"` and `\"` a backslash is written once. With two of them the pattern waits for a backslash in the request, and \
          the attack that it was copied for passes.",
    example: r#"
when: req.path matches r"\\.\\./(?:etc|proc)/"
then: block
tests:
  - {name: as it is written, request: {url: "/x%5Cx%5Cx/etc/"}, expect: match}
  - {name: a page, request: {url: "/etc/"}, expect: no_match}
"#,
    instead: r#"
when: req.path matches r"\.\./(?:etc|proc)/"
then: block
tests:
  - {name: a parent folder, request: {url: "/a/..%2Fetc/"}, expect: match}
  - {name: a page, request: {url: "/etc/"}, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let twice = subject.patterns().filter(|(_, _, regex)| regex.pattern.contains(r"\\"));
    for (_, expression, regex) in twice {
        let Some(tree) = pattern::parse(regex) else { continue };
        pattern::each(&tree, &mut |part| {
            let Ast::Concat(concat) = part else { return };
            for (index, pair) in concat.asts.windows(2).enumerate() {
                let [first, second] = pair else { continue };
                // Two backslashes begin a path of Windows.
                let after_another = index > 0 && is_backslash(&concat.asts[index - 1]);
                if !is_backslash(first) || after_another {
                    continue;
                }
                // The last part may well be any byte: `(?:[^"\\]|\\.)*` reads a quoted string.
                let is_last = index + 2 == concat.asts.len();
                let Some((meant, end)) = meant(second, is_last) else { continue };
                let span = regex.positions.span(first.span().start.offset, end);
                let message = format!("`\\\\{meant}` waits for a backslash");
                findings.push(
                    findings
                        .at(span, message, "escaped twice")
                        .secondary(expression.span, "in this regular expression")
                        .proposal(format!("write `\\{meant}`"), span, format!("\\{meant}")),
                );
            }
        });
    }
}

fn is_backslash(part: &Ast) -> bool {
    matches!(part, Ast::Literal(literal) if literal.c == '\\' && literal.kind == LiteralKind::Meta)
}

/// What was meant to be escaped, and where it ends in the pattern.
fn meant(part: &Ast, is_last: bool) -> Option<(char, usize)> {
    if let Ast::Dot(dot) = part {
        return (!is_last).then_some(('.', dot.end.offset));
    }
    let Ast::Repetition(repetition) = part else { return None };
    let Ast::Literal(letter) = &*repetition.ast else { return None };
    let is_class = letter.kind == LiteralKind::Verbatim && "sdwSDW".contains(letter.c);
    is_class.then_some((letter.c, letter.span.end.offset))
}
