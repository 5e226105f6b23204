//! Text ↔ syntax tree; knows no field and no type. `yaml` reads a file into spanned nodes, `signature` and `project`
//! turn nodes into the tree of `ast`, `condition` parses expressions with the pest grammar in `grammar/`.

pub mod ast;
mod cases;
mod condition;
#[cfg(test)]
mod condition_tests;
mod foreign;
mod format;
mod hazards;
pub mod keys;
mod lets;
mod nodes;
mod policy;
mod project;
mod quoting;
mod report;
mod scalar_map;
#[cfg(test)]
mod scalar_map_tests;
mod shapes;
mod signature;
mod terms;
mod traps;
pub mod values;
mod yaml;
#[cfg(test)]
mod yaml_tests;

pub use condition::networks;
pub use format::{Formatted, format_project, format_signature};
pub use lets::OWN_QUOTES;
pub use quoting::fit_fixes;

use crate::diagnostic::Diagnostics;
use crate::source::{SourceId, SourceMap};

/// Reads one signature file. `None` when so much is wrong that nothing can be analyzed; every problem is in
/// `diagnostics`. A signature beside errors may stand in for what could not be read: check it, never emit it.
pub fn parse_signature(sources: &SourceMap, source: SourceId, diagnostics: &mut Diagnostics) -> Option<ast::Signature> {
    let mut found = Diagnostics::default();
    let text = sources.text(source);
    let mut reader = nodes::Reader { text, report: report::Report::new(&mut found) };
    let document = yaml::parse(source, text, &mut reader.report);
    let signature =
        document.and_then(|document| signature::signature(&mut reader, source, sources.name(source), document));
    fit_fixes(sources, &mut found.list);
    diagnostics.extend(found);
    signature
}

/// Reads the project file.
pub fn parse_project(sources: &SourceMap, source: SourceId, diagnostics: &mut Diagnostics) -> Option<ast::Project> {
    let mut found = Diagnostics::default();
    let text = sources.text(source);
    let mut reader = nodes::Reader { text, report: report::Report::new(&mut found) };
    let document = yaml::parse(source, text, &mut reader.report);
    let project = document.and_then(|document| project::project(&mut reader, source, document));
    fit_fixes(sources, &mut found.list);
    diagnostics.extend(found);
    project
}
