//! What a check found, with everything that the machine formats have in common: places with lines and columns, paths,
//! which tests ran. `check` makes it; `json`, `sarif`, `github` and `junit` write it.

use super::safe;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::ir::Rule;
use crate::source::{SourceId, SourceMap, Span};
use serde::Serialize;

/// The result of one check.
pub struct Report<'r> {
    pub sources: &'r SourceMap,
    /// Sorted.
    pub diagnostics: &'r Diagnostics,
    /// Warnings fail the run.
    pub deny_warnings: bool,
    /// The project's folder in its repository: empty, or a path that ends with `/`.
    pub folder: &'r str,
    /// Every signature file that was looked at.
    pub signatures: Vec<SourceId>,
    /// The signatures of these files that could be compiled.
    pub rules: Vec<&'r Rule>,
    /// The tests were run (not so where the project file is wrong).
    pub tested: bool,
}

/// A place in a file, as the machine formats name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Offset in the file.
    pub byte: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in Unicode code points.
    pub column: usize,
}

/// `start..end`; `end` is behind the last character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range {
    pub start: Position,
    pub end: Position,
}

impl Report<'_> {
    /// The path of a file, as seen from the project's folder.
    pub fn path(&self, source: SourceId) -> &str {
        self.sources.name(source)
    }

    /// The path of a file, as seen from the top of the repository.
    pub fn repository_path(&self, source: SourceId) -> String {
        let mut path = self.folder.to_owned();
        let mut rest = self.sources.name(source);
        while let Some(up) = rest.strip_prefix("../").filter(|_| !path.is_empty()) {
            rest = up;
            let parent = path[..path.len() - 1].rfind('/').map_or(0, |slash| slash + 1);
            path.truncate(parent);
        }
        path + rest
    }

    pub fn range(&self, span: Span) -> Range {
        Range { start: self.position(span.source, span.start), end: self.position(span.source, span.end) }
    }

    fn position(&self, source: SourceId, offset: u32) -> Position {
        let text = self.sources.text(source);
        let mut byte = (offset as usize).min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let (line, column) = self.sources.line_column(source, byte as u32);
        Position { byte, line, column }
    }

    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.list.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Whether a finding fails the run.
    pub fn fails(&self, diagnostic: &Diagnostic) -> bool {
        match diagnostic.severity {
            Severity::Error => true,
            Severity::Warning => self.deny_warnings,
            Severity::Note => false,
        }
    }
}

/// A message, what is marked, and the ways out, as sentences of one text.
pub fn prose(diagnostic: &Diagnostic) -> Vec<String> {
    let mut text = crate::cli::docs::capitalised(&diagnostic.message);
    if !diagnostic.primary.text.is_empty() {
        text.push_str(&format!(": {}", diagnostic.primary.text));
    }
    let fixes = diagnostic.fixes.iter().map(super::fix_text).filter(|text| !diagnostic.help.contains(text));
    let help = diagnostic.help.iter().cloned().chain(fixes).map(|text| format!("Help: {text}"));
    let notes = diagnostic.notes.iter().map(|text| format!("Note: {text}"));
    std::iter::once(text).chain(help).chain(notes).map(|text| sentence(&safe::text(&text, super::HELP_LIMIT))).collect()
}

/// With a full stop.
fn sentence(text: &str) -> String {
    let end = if text.ends_with(['.', '?', '!', '…']) { "" } else { "." };
    format!("{text}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_top_of_the_repository() {
        let mut sources = SourceMap::default();
        let inside = sources.add("signatures/a.yaml", "é\nx");
        let beside = sources.add("../beside/b.yaml", "");
        let outside = sources.add("../../../c.yaml", "");
        let diagnostics = Diagnostics::default();
        let report = |folder| Report {
            sources: &sources,
            diagnostics: &diagnostics,
            deny_warnings: false,
            folder,
            signatures: Vec::new(),
            rules: Vec::new(),
            tested: true,
        };
        assert_eq!(report("").repository_path(inside), "signatures/a.yaml");
        assert_eq!(report("edge/waf/").repository_path(inside), "edge/waf/signatures/a.yaml");
        assert_eq!(report("edge/waf/").repository_path(beside), "edge/beside/b.yaml");
        assert_eq!(report("waf/").repository_path(outside), "../../c.yaml");
        let range = report("").range(Span { source: inside, start: 1, end: 90 });
        assert_eq!(range.start, Position { byte: 0, line: 1, column: 1 });
        assert_eq!(range.end, Position { byte: 4, line: 2, column: 2 });
    }
}
