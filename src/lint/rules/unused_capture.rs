//! `(a|b)` where `(?:a|b)` would do.

use crate::diagnostic::Fix;
use crate::lint::pattern;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};
use regex_syntax::ast::{Ast, GroupKind};

pub const LINT: Lint = Lint {
    id: "unused-capture",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for capturing groups in regular expressions.",
    why: "Nothing in a signature reads what a group captured, and every group costs the engine memory on each \
          try. Varnish keeps a stack of 32 KiB for it.",
    example: r#"
when: req.path matches r"/(setup|install)\.php\z"
tests:
  - {name: the installer, request: GET /%69nstall.php, expect: match}
  - {name: an article, request: GET /install.php.html, expect: no_match}
  - {name: the setup, request: GET /setup.php, expect: match}
"#,
    instead: r#"
when: req.path matches r"/(?:setup|install)\.php\z"
tests:
  - {name: the installer, request: GET /%69nstall.php, expect: match}
  - {name: an article, request: GET /install.php.html, expect: no_match}
  - {name: the setup, request: GET /setup.php, expect: match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for (expression, regex) in subject.patterns_with(&['(']) {
        // A pattern with a backreference is not parsed, and left alone.
        let Some(tree) = pattern::parse(regex) else { continue };
        let mut opened = Vec::new();
        pattern::each(&tree, &mut |part| {
            if let Ast::Group(group) = part
                && let GroupKind::CaptureIndex(_) = group.kind
            {
                opened.push(group.span.start.offset);
            }
        });
        if let Some(first) = opened.first() {
            let span = regex.positions.span(*first, first + 1);
            let edits = opened.iter().map(|at| (regex.positions.span(*at, at + 1), "(?:".to_owned())).collect();
            let mut diagnostic = findings
                .at(span, "nothing reads what this group captures", "captures")
                .secondary(expression.span, "in this regular expression");
            let title = "open groups with `(?:`".to_owned();
            diagnostic.fixes.push(Fix { title, edits, safe: true });
            findings.push(diagnostic);
        }
    }
}
