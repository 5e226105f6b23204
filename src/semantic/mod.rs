//! Syntax tree → IR: resolves names, checks types, compiles patterns, reads test requests. Every problem of every
//! file is reported.
//!
//! `lists` and `project` read the project file. Then `signature` turns each signature into a rule, in parallel:
//! `typeck` types its conditions, with `resolve` and `calls` for names (`foreign` knows those of other languages), `operands` and `mismatch` for comparisons and
//! `patterns` for regular expressions; `actions`, `rates` and `requests` do the rest. `scope` is what they share.

mod actions;
mod calls;
mod foreign;
mod lists;
mod mismatch;
mod operands;
mod patterns;
mod project;
mod rates;
mod requests;
mod resolve;
mod scope;
mod signature;
mod term;
mod typeck;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::ir::{List, Rule, Ruleset, Settings};
use crate::source::{FILES_AT_ONCE, SourceId, SourceMap, Span};
use crate::syntax::ast;
use patterns::{ListSpans, PatternUse};
use rayon::prelude::*;
use scope::{Checker, Context, Ids};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What the caller knows of the files around: the content of one that a list, a block body or a test names. `path` is as written; `base` is the file
/// that names it. The error is a sentence without full stop. IO is the caller's (`cli`).
pub trait Files: Sync {
    fn read(&self, base: SourceId, path: &str) -> Result<Vec<u8>, String>;

    /// The source that holds the text of a list's file, so that a problem can be shown on its line. None where the file is no text.
    fn source(&self, _base: SourceId, _path: &str) -> Option<SourceId> {
        None
    }

    /// Ids (file stems) of the project's signatures that are not in this run, when it is about some of them only.
    fn other_signatures(&self) -> &[String] {
        &[]
    }
}

/// Checks and lowers a whole set. Signatures with errors are left out of the result (with those that `diagnostics`
/// holds of their files already), the others are in it. Diagnostics come in the
/// order of their places.
pub fn analyze(
    sources: &SourceMap,
    project: Option<&ast::Project>,
    signatures: &[ast::Signature],
    files: &dyn Files,
    diagnostics: &mut Diagnostics,
) -> Ruleset {
    let mut found = Diagnostics::default();
    let (lists, list_spans) = match project {
        Some(project) => lists::lists(&project.lists, project.source, files, &mut found),
        None => (Vec::new(), ListSpans::new()),
    };
    let mut settings = match project {
        Some(project) => project::settings(project, &lists, files, &mut found),
        None => project::defaults(),
    };
    let ids = Ids::new(sources, signatures, files.other_signatures());
    let (services, mut rules) =
        signature_rules(sources, project, signatures, files, (&settings, &lists, &list_spans, &ids), &mut found);
    settings.services = services;
    // What could not be read whole must not be emitted in part.
    let broken: BTreeSet<SourceId> =
        diagnostics.list.iter().filter(|d| d.severity == Severity::Error).map(|d| d.primary.span.source).collect();
    if !broken.is_empty() {
        rules.retain(|rule| !broken.contains(&rule.span.source));
    }
    found.sort();
    crate::syntax::fit_fixes(sources, &mut found.list);
    diagnostics.extend(found);
    Ruleset { settings, lists, rules }
}

/// The rules in order of evaluation, and the services, whose exceptions are conditions too.
fn signature_rules<'a>(
    sources: &'a SourceMap,
    project: Option<&'a ast::Project>,
    signatures: &'a [ast::Signature],
    files: &'a dyn Files,
    (settings, lists, list_spans, ids): (&'a Settings, &'a [List], &'a ListSpans, &'a Ids<'a>),
    found: &mut Diagnostics,
) -> (Vec<crate::ir::Service>, Vec<Arc<Rule>>) {
    let context = Context { sources, files, lists, limits: &settings.limits, ids };
    let mut checker = Checker::new(&context);
    let services = project.map_or(Vec::new(), |project| project::services(&project.services, &mut checker));
    found.extend(std::mem::take(&mut checker.diagnostics));

    let outcomes: Vec<_> = signatures
        .par_iter()
        .with_max_len(FILES_AT_ONCE)
        .map(|signature| signature::signature(&context, signature))
        .collect();

    let mut rules: Vec<Option<Arc<Rule>>> = Vec::with_capacity(outcomes.len());
    // Each use of a pattern with the signature it is in; `None`: a service.
    let mut uses: Vec<PatternUse> = Vec::new();
    let mut owners: Vec<Option<usize>> = Vec::with_capacity(outcomes.len());
    for (owner, pattern_uses) in std::iter::once((None, std::mem::take(&mut checker.pattern_uses))).chain(
        outcomes.into_iter().enumerate().map(|(index, outcome)| {
            rules.push(outcome.rule);
            found.extend(outcome.diagnostics);
            (Some(index), outcome.pattern_uses)
        }),
    ) {
        owners.resize(owners.len() + pattern_uses.len(), owner);
        uses.extend(pattern_uses);
    }
    for (index, error) in patterns::runaways(&context, list_spans, &uses) {
        found.push(error);
        if let Some(owner) = owners[index] {
            rules[owner] = None;
        }
    }
    for index in report_duplicate_ids(signatures, found) {
        rules[index] = None;
    }
    // Rules are large: each is moved once.
    let mut order: Vec<usize> = (0..rules.len()).filter(|index| rules[*index].is_some()).collect();
    order.par_sort_by(|a, b| {
        rules[*a].as_deref().map(evaluation_order).cmp(&rules[*b].as_deref().map(evaluation_order))
    });
    (services, order.into_iter().filter_map(|index| rules[index].take()).collect())
}

/// Plain `allow` first (the limits come right after them), scoped ones, then the others, and rates at the origin last: an
/// engine asks them where it leaves for the origin. In each the worst attack first, then by id.
fn evaluation_order(rule: &Rule) -> (bool, bool, bool, Reverse<crate::ir::Risk>, &str) {
    let at_origin = rule.rate.as_ref().is_some_and(|rate| rate.at == crate::ir::RatePoint::Origin);
    (!rule.is_plain_allow(), !rule.is_allow(), at_origin, Reverse(rule.risk), &rule.id)
}

/// Reports each id that is used again, and gives the signatures (by index) that do.
fn report_duplicate_ids(signatures: &[ast::Signature], found: &mut Diagnostics) -> BTreeSet<usize> {
    let mut order: Vec<usize> = (0..signatures.len()).collect();
    order.sort_by_key(|index| signatures[*index].id.span);
    let mut first: HashMap<&str, Span> = HashMap::with_capacity(signatures.len());
    let mut again = BTreeSet::new();
    for index in order {
        let id = &signatures[index].id;
        match first.get(id.value.as_str()) {
            None => {
                first.insert(&id.value, id.span);
            }
            Some(earlier) => {
                again.insert(index);
                found.push(
                    Diagnostic::new(
                        Code::DuplicateId,
                        id.span,
                        format!("the id `{}` is used again", id.value),
                        "has this id too",
                    )
                    .secondary(*earlier, "the first signature with this id")
                    .help("an id means one signature for ever: give this one another"),
                );
            }
        }
    }
    again
}

/// The place of a file's start: where a finding about the whole file points.
pub fn file_start(source: SourceId) -> Span {
    Span { source, start: 0, end: 0 }
}
