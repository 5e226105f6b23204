//! `example.com` in a pattern: the dot is any byte.

use crate::lint::subject::Subject;
use crate::lint::{Category, Check, Findings, Level, Lint, pattern};
use regex_syntax::ast::{Ast, LiteralKind};

pub const LINT: Lint = Lint {
    id: "unescaped-dot",
    category: Category::Text,
    level: Level::Warn,
    what: "Looks for a bare `.` before the ending of a host or file name in a regular expression.",
    why: "A dot in a pattern is any byte: `example.com` matches `exampleXcom`, which anybody can register. In an `allow` \
          or an exception that is a hole, elsewhere a false alarm.",
    example: r#"
when: req.headers["referer"] matches r"^https://(?:spam|junk)\.example.com/"
then: log
tests:
  - {name: from there, request: {headers: {referer: "https://spam.example.com/"}}, expect: match}
  - {name: from elsewhere, request: {headers: {referer: "https://example.com/"}}, expect: no_match}
"#,
    instead: r#"
when: req.headers["referer"] matches r"^https://(?:spam|junk)\.example\.com/"
then: log
tests:
  - {name: from there, request: {headers: {referer: "https://spam.example.com/"}}, expect: match}
  - {name: from elsewhere, request: {headers: {referer: "https://example.com/"}}, expect: no_match}
"#,
    check: Check::Signature(check),
};

/// Endings of hosts and files. Short words that are common in patterns for other things are not among them.
const ENDINGS: [&str; 42] = [
    "com",
    "net",
    "org",
    "edu",
    "gov",
    "info",
    "local",
    "internal",
    "localhost",
    "php",
    "phtml",
    "asp",
    "aspx",
    "ashx",
    "asmx",
    "jsp",
    "jspx",
    "html",
    "htm",
    "css",
    "json",
    "xml",
    "yaml",
    "yml",
    "toml",
    "ini",
    "conf",
    "cfg",
    "env",
    "log",
    "sql",
    "bak",
    "zip",
    "tar",
    "tgz",
    "rar",
    "exe",
    "dll",
    "cgi",
    "svg",
    "png",
    "jpg",
];

fn check(subject: &Subject<'_>, findings: &mut Findings) {
    for (expression, regex) in subject.patterns_with(&['.']) {
        let Some(tree) = pattern::parse(regex) else { continue };
        pattern::each(&tree, &mut |part| {
            let Ast::Concat(concat) = part else { return };
            for (index, part) in concat.asts.iter().enumerate() {
                let Ast::Dot(dot) = part else { continue };
                let before = index.checked_sub(1).and_then(|before| letter(&concat.asts[before]));
                let ending: String = concat.asts[index + 1..].iter().map_while(letter).collect();
                if before.is_none() || !ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
                    continue;
                }
                let span = regex.positions.span(dot.start.offset, dot.end.offset);
                findings.push(
                    findings
                        .at(span, format!("the dot before `{ending}` is any byte"), "not only a dot")
                        .secondary(expression.span, "in this regular expression")
                        .proposal("escape it", span, "\\."),
                );
            }
        });
    }
}

fn letter(part: &Ast) -> Option<char> {
    let Ast::Literal(literal) = part else { return None };
    let bare = literal.kind == LiteralKind::Verbatim && literal.c.is_ascii_alphanumeric();
    bare.then_some(literal.c)
}
