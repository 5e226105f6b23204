//! Text ↔ syntax tree; knows no field and no type. `yaml` reads a file into spanned nodes, `signature` and `project`
//! turn nodes into the tree of `ast`, `condition` parses expressions with the pest grammar in `grammar/`.

pub mod ast;
pub mod values;

use crate::diagnostic::Diagnostics;
use crate::source::{SourceId, SourceMap};

/// Reads one signature file. `None` when so much is wrong that nothing can be analyzed; every problem is in
/// `diagnostics`.
pub fn parse_signature(sources: &SourceMap, source: SourceId, diagnostics: &mut Diagnostics) -> Option<ast::Signature> {
    let _ = (sources, source, diagnostics);
    None
}

/// Reads the project file.
pub fn parse_project(sources: &SourceMap, source: SourceId, diagnostics: &mut Diagnostics) -> Option<ast::Project> {
    let _ = (sources, source, diagnostics);
    None
}
