//! A check's result → workflow commands of GitHub Actions, which become annotations in the pull request,
//! `check --format github`.
//!
//! A command is a line, `::error file=…,line=…::message`. Whatever stands in it is escaped, so that no text of a pull
//! request is a command of its own. Columns count on one line only: GitHub refuses an annotation with columns that
//! spans several.

use super::report::{Report, prose};
use super::safe;
use crate::diagnostic::Severity;
use std::fmt::Write as _;

/// One line per finding, then the summary for those who read the log.
pub fn render(report: &Report<'_>) -> String {
    let mut text = String::new();
    for diagnostic in &report.diagnostics.list {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let path = property(&report.repository_path(diagnostic.primary.span.source));
        let range = report.range(diagnostic.primary.span);
        let (start, end) = (range.start, range.end);
        let _ = write!(text, "::{command} file={path},line={}", start.line);
        if start.line == end.line {
            // Here the end is the last column, elsewhere the one behind it.
            let last = end.column.saturating_sub(1).max(start.column);
            let _ = write!(text, ",col={},endLine={},endColumn={last}", start.column, end.line);
        } else {
            // A span that ends before the first character of a line has nothing of it.
            let last = if end.column == 1 { end.line - 1 } else { end.line };
            let _ = write!(text, ",endLine={last}");
        }
        let title = property(&format!("edgesig: {}", diagnostic.code.id()));
        let _ = writeln!(text, ",title={title}::{}", data(&prose(diagnostic).join("\n")));
    }
    match super::summary(report.diagnostics) {
        Some(summary) => text.push_str(&summary),
        None => text.push_str(&super::counted(report.signatures.len(), "signature")),
    }
    text.push('\n');
    text
}

/// A message of the tool itself, such as the reason for which nothing was checked.
pub fn message(severity: &str, text: &str) -> String {
    let command = match severity {
        "error" | "warning" => severity,
        _ => "notice",
    };
    format!("::{command} title=edgesig::{}\n", data(text))
}

/// The message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(&safe::text(text, 4096)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Diagnostic, Diagnostics};
    use crate::source::{SourceMap, Span};

    #[test]
    fn commands_are_escaped() {
        let mut sources = SourceMap::default();
        let source = sources.add("signatures/50% of, it: x.yaml", "ab\r\ncd\nef\n");
        let at = |start, end| {
            Diagnostic::new(Code::InvalidYaml, Span::new(source, start, end), "100%\n::error::x", "a: b, c\r")
        };
        let diagnostics = Diagnostics {
            list: vec![
                at(0, 2).help("do this"),
                at(0, 0),
                at(4, 7),
                Diagnostic::new(Code::EmptyList, Span::new(source, 4, 9), "m", ""),
            ],
        };
        let report = Report {
            sources: &sources,
            diagnostics: &diagnostics,
            deny_warnings: false,
            folder: "a,b/",
            signatures: Vec::new(),
            rules: Vec::new(),
            tested: true,
        };
        insta::assert_snapshot!(render(&report), @r"
        ::error file=a%2Cb/signatures/50%25 of%2C it%3A x.yaml,line=1,col=1,endLine=1,endColumn=2,title=edgesig%3A invalid-yaml::100%25%0A::error::x: a: b, c\u{d}.%0AHelp: do this.
        ::error file=a%2Cb/signatures/50%25 of%2C it%3A x.yaml,line=1,col=1,endLine=1,endColumn=1,title=edgesig%3A invalid-yaml::100%25%0A::error::x: a: b, c\u{d}.
        ::error file=a%2Cb/signatures/50%25 of%2C it%3A x.yaml,line=2,endLine=2,title=edgesig%3A invalid-yaml::100%25%0A::error::x: a: b, c\u{d}.
        ::warning file=a%2Cb/signatures/50%25 of%2C it%3A x.yaml,line=2,endLine=3,title=edgesig%3A empty-list::M.
        3 errors, 1 warning in 1 file
        ");
    }
}
