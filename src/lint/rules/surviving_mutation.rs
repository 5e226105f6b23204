//! A part of `when` that could be left out.

use super::untested_clause::decisions;
use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "surviving-mutation",
    category: Category::Tests,
    level: Level::Allow,
    what: "Looks for a comparison of `when` that could always be true, or always be false, without any test \
          noticing. Off by default: it asks for a test of each part, both ways.",
    why: "A test suite that says nothing about a part can not tell a right change of it from a wrong one. For \
          signatures that are enforced the effort pays.",
    example: r#"
when: req.method == "POST" and req.path == "/upload.php"
tests:
  - {name: an upload, request: POST /uplo%61d.php, expect: match}
  - {name: another page, request: POST /uploads, expect: no_match}
"#,
    instead: r#"
when: req.method == "POST" and req.path == "/upload.php"
tests:
  - {name: an upload, request: POST /uplo%61d.php, expect: match}
  - {name: the form, request: GET /upload.php, expect: no_match}
  - {name: another page, request: POST /uploads, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for (comparison, decided) in decisions(subject) {
        let constant = match decided {
            (false, true) => "true",
            (true, false) => "false",
            // Both: tested. None: `untested-clause` says so.
            (true, true) | (false, false) => continue,
        };
        let message = format!("no test notices when this part is always {constant}");
        findings.push(
            findings
                .at(comparison.span, message, "could be left out")
                .help("add a test in which everything else is as it should be and only this decides"),
        );
    }
}
