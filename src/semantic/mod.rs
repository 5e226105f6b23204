//! Syntax tree → IR: resolves names, checks types, compiles patterns, reads test requests. Every problem of every
//! file is reported.

use crate::diagnostic::Diagnostics;
use crate::ir::Ruleset;
use crate::source::{SourceMap, Span};
use crate::syntax::ast;

/// Gives the content of a file that a list, a block body or a test names. `path` is as written; `base` is the file
/// that names it. The error is a sentence without full stop. IO is the caller's (`cli`).
pub trait Files: Sync {
    fn read(&self, base: crate::source::SourceId, path: &str) -> Result<Vec<u8>, String>;
}

/// Checks and lowers a whole set. Signatures with errors are left out of the result, the others are in it.
/// `extra` is for findings of the project file. `today` decides nothing here: see `ir::select`.
pub fn analyze(
    sources: &SourceMap,
    project: Option<&ast::Project>,
    signatures: &[ast::Signature],
    files: &dyn Files,
    diagnostics: &mut Diagnostics,
) -> Ruleset {
    let _ = (sources, project, signatures, files, diagnostics);
    unimplemented!()
}

/// The place of a file's start: where a finding about the whole file points.
pub fn file_start(source: crate::source::SourceId) -> Span {
    Span { source, start: 0, end: 0 }
}
