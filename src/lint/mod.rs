//! What compiles and is still likely to be a mistake: a set of signatures → diagnostics that carry the ids of lints.
//! `cli` (check) runs it; docs/lints.md and `explain` are made from the rows.
//!
//! `rules` has one file per lint, `levels` says which run, `suppression` reads the comments that excuse a finding,
//! `subject` gives a lint what it looks at, `logic` proves things about conditions, `pattern` reads regular expressions,
//! `example` completes the examples of the rows. A lint that can't be sure says nothing.

mod cover;
pub mod example;
mod levels;
mod logic;
#[cfg(test)]
mod logic_tests;
mod pattern;
mod rules;
mod subject;
mod suppression;
mod texts;

pub use levels::{Level, Levels, WARNINGS};
pub use rules::LINTS;
pub use subject::each as each_part;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::ir::{Date, Mode, Ruleset};
use crate::source::{SourceId, SourceMap, Span};
use crate::syntax::ast;
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};
use subject::Subject;

/// One lint.
pub struct Lint {
    /// Kebab-case, two words or more, reads after "allow"; final once released.
    pub id: &'static str,
    pub category: Category,
    /// Unless the project or the command line says otherwise.
    pub level: Level,
    /// What it does: a sentence that starts with "Looks for".
    pub what: &'static str,
    /// Why it matters, and what to do.
    pub why: &'static str,
    /// Signatures that it fires on; see [`example::files`].
    pub example: &'static str,
    /// The same ones, mended.
    pub instead: &'static str,
    pub check: Check,
}

/// What a lint looks at.
pub enum Check {
    /// One signature by itself.
    Signature(fn(&Subject<'_>, &mut Findings)),
    /// The whole set. Never slower than the set is large.
    Set(fn(&Set<'_>, &mut Findings)),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Metadata,
    Tests,
    Logic,
    Text,
    Network,
    Rate,
    Action,
    Set,
}

impl Category {
    /// In the order of docs/lints.md.
    pub const ALL: [Category; 8] = [
        Category::Logic,
        Category::Text,
        Category::Network,
        Category::Rate,
        Category::Action,
        Category::Set,
        Category::Tests,
        Category::Metadata,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Category::Metadata => "metadata",
            Category::Tests => "tests",
            Category::Logic => "logic",
            Category::Text => "text",
            Category::Network => "network",
            Category::Rate => "rate",
            Category::Action => "action",
            Category::Set => "set",
        }
    }
}

/// What [`lint`] looks at.
pub struct Input<'i> {
    pub sources: &'i SourceMap,
    pub project: Option<&'i ast::Project>,
    pub signatures: &'i [ast::Signature],
    pub ruleset: &'i Ruleset,
    pub levels: &'i Levels,
    /// Decides what is over: signatures and suppressions.
    pub today: Date,
    /// Every signature of the project is in it. In a part, a suppression of a lint about the set may well be unused.
    pub whole: bool,
    /// Lints about one signature look at these only; `None`: at all.
    pub only: Option<&'i HashSet<SourceId>>,
}

/// What a lint about the set looks at: the rules that are not retired, each with its signature.
pub struct Set<'s> {
    pub sources: &'s SourceMap,
    pub project: Option<&'s ast::Project>,
    pub ruleset: &'s Ruleset,
    pub subjects: &'s [Subject<'s>],
    pub today: Date,
    /// Every signature of the project is in it.
    pub whole: bool,
}

/// The sink of one lint.
pub struct Findings {
    id: &'static str,
    severity: Severity,
    list: Vec<Diagnostic>,
}

impl Findings {
    fn new(lint: &Lint, severity: Severity) -> Findings {
        Findings { id: lint.id, severity, list: Vec::new() }
    }

    /// A finding to be completed and pushed.
    pub fn at(&self, span: Span, message: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic::lint(self.id, self.severity, span, message, label)
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic.shortened());
    }
}

/// Visits every expression of a file with all its parts, `let`s too.
pub fn each_expression<'s>(signature: &'s ast::Signature, visit: &mut dyn FnMut(&'s ast::Expression)) {
    subject::conditions(signature).for_each(|expression| each_part(expression, visit));
}

/// The lint with this id.
pub fn find(id: &str) -> Option<&'static Lint> {
    LINTS.iter().copied().find(|lint| lint.id == id)
}

/// Runs every lint that is on, and applies the suppressions. Signatures with errors are in no ruleset and not looked at.
pub fn lint(input: &Input<'_>) -> Diagnostics {
    let active: Vec<(&Lint, Severity)> =
        LINTS.iter().filter_map(|lint| Some((*lint, input.levels.severity(lint)?))).collect();
    let by_source: HashMap<_, _> = input.signatures.iter().map(|signature| (signature.source, signature)).collect();
    let of_services = input.ruleset.settings.services.iter().flat_map(|service| &service.modes);
    let acting: HashMap<&str, Mode> =
        of_services.filter(|(_, mode)| mode.can_act()).map(|(id, mode)| (id.as_str(), *mode)).collect();
    let prepared: Vec<(Subject<'_>, Vec<Diagnostic>)> = input
        .ruleset
        .rules
        .par_iter()
        .enumerate()
        .filter(|(_, rule)| rule.mode != Mode::Retired)
        .filter_map(|(index, rule)| Some((index, rule, *by_source.get(&rule.span.source)?)))
        .map(|(index, rule, signature)| {
            let subject = Subject::new(input, &acting, signature, rule, index);
            let mut list = Vec::new();
            if input.only.is_some_and(|only| !only.contains(&signature.source)) {
                return (subject, list);
            }
            for (lint, severity) in &active {
                if let Check::Signature(check) = lint.check {
                    let mut findings = Findings::new(lint, *severity);
                    check(&subject, &mut findings);
                    list.append(&mut findings.list);
                }
            }
            (subject, list)
        })
        .collect();
    let (subjects, lists): (Vec<_>, Vec<_>) = prepared.into_iter().unzip();
    let mut found: Vec<Diagnostic> = lists.into_iter().flatten().collect();
    let set = Set {
        sources: input.sources,
        project: input.project,
        ruleset: input.ruleset,
        subjects: &subjects,
        today: input.today,
        whole: input.whole,
    };
    let of_set: Vec<Vec<Diagnostic>> = active
        .par_iter()
        .map(|(lint, severity)| {
            let mut findings = Findings::new(lint, *severity);
            if let Check::Set(check) = lint.check {
                check(&set, &mut findings);
            }
            findings.list
        })
        .collect();
    found.extend(of_set.into_iter().flatten());
    suppression::apply(input, found)
}
