#![doc = include_str!("../docs/architecture.md")]
//!
//! # As a library
//!
//! The steps, as the command line and the tests call them: [`parse_project`] and [`parse_signatures`], [`analyze`],
//! [`ir::select`], then [`emit`] or [`eval`].

// Only `cli` and `engine` touch the world outside; clippy.toml lists what that means.
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_macros))]

extern crate alloc;

pub mod catalog;
#[allow(clippy::disallowed_methods, clippy::disallowed_macros)]
pub mod cli;
pub mod codegen;
pub mod diagnostic;
#[allow(clippy::disallowed_methods, clippy::disallowed_macros)]
pub mod engine;
pub mod eval;
pub mod ir;
pub mod lint;
pub mod regex;
pub mod request;
pub mod semantic;
pub mod source;
pub mod syntax;

use diagnostic::Diagnostics;
use rayon::prelude::*;
use source::{SourceId, SourceMap};

/// Reads the project file, when there is one.
pub fn parse_project(
    sources: &SourceMap,
    project: Option<SourceId>,
    diagnostics: &mut Diagnostics,
) -> Option<syntax::ast::Project> {
    syntax::parse_project(sources, project?, diagnostics)
}

/// Reads signature files, on all cores. The result and the diagnostics are in the order of `signatures`.
pub fn parse_signatures(
    sources: &SourceMap,
    signatures: &[SourceId],
    diagnostics: &mut Diagnostics,
) -> Vec<syntax::ast::Signature> {
    let (trees, found): (Vec<_>, Vec<_>) = signatures
        .par_iter()
        .with_max_len(source::FILES_AT_ONCE)
        .map(|source| {
            let mut found = Diagnostics::default();
            (syntax::parse_signature(sources, *source, &mut found), found)
        })
        .unzip();
    found.into_iter().for_each(|found| diagnostics.extend(found));
    // Trees are large: `flatten` would move each of them into memory of its own.
    #[expect(clippy::filter_map_identity, reason = "this is done in place")]
    trees.into_iter().filter_map(|tree| tree).collect()
}

/// Checks a whole set and lowers it to the typed program. Signatures with errors are left out.
pub fn analyze(
    sources: &SourceMap,
    project: Option<&syntax::ast::Project>,
    signatures: &[syntax::ast::Signature],
    files: &dyn semantic::Files,
    diagnostics: &mut Diagnostics,
) -> ir::Ruleset {
    semantic::analyze(sources, project, signatures, files, diagnostics)
}

/// The files of one target for a selected set. Only to be written when `diagnostics` has no error.
pub fn emit(
    ruleset: &ir::Ruleset,
    target: &codegen::Target,
    options: &codegen::Options,
    diagnostics: &mut Diagnostics,
) -> Vec<codegen::Artifact> {
    (target.emit)(ruleset, options, diagnostics)
}

/// The target with this name.
pub fn target(name: &str) -> Option<&'static codegen::Target> {
    codegen::TARGETS.iter().find(|target| target.name == name)
}
