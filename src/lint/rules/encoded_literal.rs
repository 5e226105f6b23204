//! `req.path contains "%2e%2e"`.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint};

pub const LINT: Lint = Lint {
    id: "encoded-literal",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for percent-escapes in text that is compared with a decoded value.",
    why: "A bare field is decoded already: `%2e` is a dot there. Text with an escape in it finds only what is \
          encoded twice. Write the character itself, or compare with the `.raw` twin.",
    example: r#"
when: req.path contains "/%2e%2e/"
tests:
  - {name: encoded once gets away, request: GET /a/%2e%2e/b, expect: no_match}
  - {name: encoded twice, request: GET /a/%252e%252e/b, expect: match}
"#,
    instead: r#"
when: req.path contains "/../"
tests:
  - {name: encoded, request: GET /a/%2e%2e/b, expect: match}
  - {name: dots, request: GET /a/..b/c, expect: no_match}
"#,
    check: Check::Signature(check),
};

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for leaf in &subject.leaves {
        let value = &leaf.comparison.value;
        let decoded = value.field().field.row().raw_twin.is_some() && leaf.is_bare();
        if !decoded {
            continue;
        }
        for (expression, text, _) in leaf.texts() {
            // `%00` stays as it is, and `%25` is how a percent sign is looked for that was encoded twice.
            let escape = text.windows(3).find(|part| {
                part[0] == b'%' && part[1].is_ascii_hexdigit() && part[2].is_ascii_hexdigit() && &part[1..] != b"00"
            });
            if let Some(escape) = escape {
                let escape = String::from_utf8_lossy(escape);
                findings.push(
                    findings
                        .at(
                            expression.span,
                            format!("`{escape}` in a decoded value is one that was encoded twice"),
                            "the value has no escapes",
                        )
                        .help("write the character itself, or compare with the `.raw` twin"),
                );
            }
        }
    }
}
