//! A file → the same file in canonical form: keys in the order of the language, conditions as block scalars in one
//! spelling, quotes only where they are needed, every comment kept. `cli` (fmt) calls it.
//!
//! What is written is read again and compared with what was read: a file never changes its meaning here. Brackets
//! around lists and mappings, and the empty lines between entries, stay the author's choice.

mod condition;
mod layout;
mod lines;
mod literals;
mod print;
mod same;
mod scalar;

use super::keys::{self, Shape};
use super::report::Report;
use super::yaml;
use crate::diagnostic::{Diagnostics, Severity};
use crate::source::{SourceId, SourceMap, Span};

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formatted {
    /// Its canonical text.
    Text(String),
    /// It has errors, which are in the diagnostics: it stays as it is.
    HasErrors,
    /// It stays as it is for this reason.
    Refused { span: Span, reason: &'static str },
}

/// Formats a signature file.
pub fn format_signature(sources: &SourceMap, source: SourceId, diagnostics: &mut Diagnostics) -> Formatted {
    let before = errors(diagnostics);
    super::parse_signature(sources, source, diagnostics);
    if errors(diagnostics) > before {
        return Formatted::HasErrors;
    }
    format(source, sources.text(source), &SIGNATURE)
}

/// Formats the project file.
pub fn format_project(sources: &SourceMap, source: SourceId, diagnostics: &mut Diagnostics) -> Formatted {
    let before = errors(diagnostics);
    super::parse_project(sources, source, diagnostics);
    if errors(diagnostics) > before {
        return Formatted::HasErrors;
    }
    format(source, sources.text(source), &PROJECT)
}

fn errors(diagnostics: &Diagnostics) -> usize {
    diagnostics.list.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
}

/// Formats a file that has no errors.
fn format(source: SourceId, text: &str, shape: &'static Shape) -> Formatted {
    let text = text.trim_start_matches('\u{feff}');
    let mut ignored = Diagnostics::default();
    let mut report = Report::new(&mut ignored);
    let Some(document) = yaml::parse(source, text, &mut report) else { return Formatted::HasErrors };
    if let Some(span) = document.alias {
        let reason = "it uses a YAML alias, which stands for another place of the file; write the value out";
        return Formatted::Refused { span, reason };
    }
    let Some(layout) = layout::layout(text, &document) else { return Formatted::Text(text.to_owned()) };
    let mut formatted = print::print(&layout, shape);
    let again = yaml::parse(source, &formatted, &mut report);
    let is_same = again.is_some_and(|again| {
        same::nodes(&document.root, &again.root, shape) && document.comments.len() == again.comments.len()
    });
    if !is_same {
        // INVARIANT: the printer keeps what the reader reads. Where it should not, nothing is written.
        let reason = "the formatter could not write it without changing it, which is a bug of edgesig";
        return Formatted::Refused { span: document.root.span, reason };
    }
    if text.find('\n').is_some_and(|at| text[..at].ends_with('\r')) {
        formatted = formatted.replace('\n', "\r\n");
    }
    Formatted::Text(formatted)
}

static SIGNATURE: Shape = Shape::Mapping(&keys::SIGNATURE);
static PROJECT: Shape = Shape::Mapping(&keys::PROJECT);
