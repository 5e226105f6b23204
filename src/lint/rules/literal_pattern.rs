//! `matches r"^/admin"` where `starts_with "/admin"` says it.

use crate::diagnostic::Fix;
use crate::lint::pattern;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use crate::syntax::ast::{ExpressionKind, Positions};

pub const LINT: Lint = Lint {
    id: "literal-pattern",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for regular expressions that are nothing but a text, perhaps anchored.",
    why: "`contains`, `starts_with`, `ends_with` and `==` say the same, can be read without counting \
          backslashes, and cost less.",
    example: r#"
when: req.path matches r"^/\.svn/entries"
tests:
  - {name: a repository, request: GET /%2esvn/entries, expect: match}
  - {name: a page, request: GET /svn/entries, expect: no_match}
"#,
    instead: r#"
when: req.path starts_with "/.svn/entries"
tests:
  - {name: a repository, request: GET /%2esvn/entries, expect: match}
  - {name: a page, request: GET /svn/entries, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in &subject.leaves {
        let Some(written) = leaf.written else { continue };
        let ExpressionKind::Regex(regex) = &written.right.kind else { continue };
        let Some(plain) = pattern::plain(regex) else { continue };
        let operator = match (plain.at_start, plain.at_end) {
            (true, true) => "==",
            (true, false) => "starts_with",
            (false, true) => "ends_with",
            (false, false) => "contains",
        };
        let quote = if regex.ignore_case { "i\"" } else { "\"" };
        let literal = format!("{quote}{}\"", plain.text.replace('\\', "\\\\").replace('"', "\\\""));
        let message = format!("this regular expression is a text: `{operator} {literal}`");
        let mut diagnostic = findings.at(written.right.span, message, "no pattern in it");
        // In a string a quote and a backslash would need escapes; a scalar that is not verbatim has its own.
        let verbatim = matches!(regex.positions, Positions::Linear { .. });
        if verbatim && !plain.text.contains(['"', '\\', '\'']) {
            // In a double-quoted scalar the quotes of the pattern have backslashes, and so will those of the text.
            let is_escaped = subject.slice(written.right.span).contains("\\\"");
            let literal = if is_escaped { literal.replace('"', "\\\"") } else { literal };
            let edits = vec![(written.operator.span, operator.to_owned()), (written.right.span, literal)];
            diagnostic.fixes.push(Fix { title: format!("compare with `{operator}`"), edits, safe: true });
        }
        findings.push(diagnostic);
    }
}
