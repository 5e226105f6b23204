//! `check --fix`: applies what the lints know to be safe, shows the difference, and replaces the files.
//!
//! Only findings of lints are mended, and only in files that compile: what an author meant who wrote something else than
//! the language has, the message can guess but a program should not. After each round the set is checked again, and a
//! file whose tests say something else than before, or that has an error now, is left as it was.

use super::gate::Gate;
use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::load::Loaded;
use crate::cli::lock::LOCK_FILE;
use crate::cli::render::counted;
use crate::cli::rewrite::{self, Rewrite};
use crate::cli::tests_of;
use crate::diagnostic::{Diagnostic, Diagnostics, Kind, Severity, fixes};
use crate::ir::{Date, Ruleset};
use crate::lint::{self, Levels};
use crate::source::{SourceId, SourceMap};
use crate::syntax::ast;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Rounds until nothing more is found. Each fix makes its file simpler, so this is never reached in practice.
const MAX_ROUNDS: usize = 20;

/// What a run needs besides the paths.
pub struct Options<'o> {
    pub levels: &'o dyn Fn(Option<&ast::Project>) -> Result<Levels, Failure>,
    pub today: Date,
    /// The difference goes to standard output, not to standard error.
    pub people_read: bool,
}

/// What is known of a file: its errors, and the verdicts of its tests.
#[derive(PartialEq, Eq)]
struct State {
    has_errors: bool,
    verdicts: Vec<(String, usize, usize, bool)>,
}

/// Mends the files that the paths name.
pub fn run(paths: &[PathBuf], options: &Options<'_>, console: &mut Console) -> Result<(), Failure> {
    rewrite::refuse_links(paths)?;
    rewrite::refuse_other_projects(paths)?;
    let mut loaded = Loaded::load(paths)?;
    let gate = Gate::open(&mut loaded, paths.is_empty(), None)?;
    let changed_before = gate.changed(&loaded);
    let before: Vec<String> = loaded.workspace.sources.ids().map(|id| text(&loaded, id).to_owned()).collect();
    let mut left: BTreeSet<SourceId> = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let found = found(&loaded, paths.is_empty(), options)?;
        let states = states(&loaded);
        let usable = |diagnostic: &&Diagnostic| {
            let source = diagnostic.primary.span.source;
            matches!(diagnostic.code, Kind::Lint(_))
                && !left.contains(&source)
                && states.get(&source).is_none_or(|state| !state.has_errors)
        };
        let changed = fixes::apply(&loaded.workspace.sources, found.list.iter().filter(usable));
        if changed.is_empty() {
            break;
        }
        let old: Vec<String> = loaded.workspace.sources.ids().map(|id| text(&loaded, id).to_owned()).collect();
        loaded = again(loaded, &changed)?;
        let after = self::states(&loaded);
        let worse: Vec<SourceId> = changed.keys().copied().filter(|id| states.get(id) != after.get(id)).collect();
        if !worse.is_empty() {
            let restored = worse.iter().map(|id| (*id, old[id.0 as usize].clone())).collect();
            left.extend(&worse);
            loaded = again(loaded, &restored)?;
        }
    }
    let mut count = 0;
    for id in loaded.workspace.sources.ids() {
        let (old, new) = (&before[id.0 as usize], text(&loaded, id));
        if old == new {
            continue;
        }
        let rewrite = Rewrite {
            path: loaded.workspace.path(id).to_owned(),
            name: loaded.workspace.sources.name(id).to_owned(),
            before: old.clone(),
            after: new.to_owned(),
        };
        // First what is in nobody's way: a difference that was shown was made.
        rewrite.write()?;
        rewrite.show(console, options.people_read)?;
        count += 1;
    }
    for id in left {
        let name = loaded.workspace.sources.name(id);
        console.message("warning", &format!("`{name}` is left alone: a fix would have changed what its tests say"))?;
    }
    let changed = gate.changed(&loaded);
    let changed: Vec<String> = changed.difference(&changed_before).map(|id| format!("`{id}`")).collect();
    if !changed.is_empty() {
        // The same requests match, but the lock file compares what is written.
        let text = format!(
            "{LOCK_FILE} has another hash of {}: the condition is written differently now. Raise `version`, then run \
             `edgesig check --update-lock`",
            changed.join(", ")
        );
        console.message("note", &text)?;
    }
    console.message("note", &format!("{} mended", counted(count, "file")))
}

fn text(loaded: &Loaded, id: SourceId) -> &str {
    loaded.workspace.sources.text(id)
}

/// What the lints find.
fn found(loaded: &Loaded, whole: bool, options: &Options<'_>) -> Result<Diagnostics, Failure> {
    let project = loaded.workspace.project.as_ref();
    let levels = (options.levels)(project)?;
    Ok(lint::lint(&lint::Input {
        sources: &loaded.workspace.sources,
        project,
        signatures: &loaded.signatures,
        ruleset: &loaded.ruleset,
        levels: &levels,
        today: options.today,
        whole,
        only: None,
    }))
}

/// The state of every file.
fn states(loaded: &Loaded) -> BTreeMap<SourceId, State> {
    let mut states: BTreeMap<SourceId, State> =
        loaded.workspace.sources.ids().map(|id| (id, State { has_errors: false, verdicts: Vec::new() })).collect();
    for diagnostic in loaded.diagnostics.list.iter().filter(|found| found.severity == Severity::Error) {
        if let Some(state) = states.get_mut(&diagnostic.primary.span.source) {
            state.has_errors = true;
        }
    }
    for (index, rule) in loaded.ruleset.rules.iter().enumerate() {
        if let Some(state) = states.get_mut(&rule.span.source) {
            state.verdicts = verdicts(&loaded.ruleset, index);
        }
    }
    states
}

/// What the tests of a rule say other than they expect.
fn verdicts(ruleset: &Ruleset, index: usize) -> Vec<(String, usize, usize, bool)> {
    let misses = tests_of::run(ruleset, index).into_iter();
    misses.map(|miss| (ruleset.rules[index].id.clone(), miss.test, miss.step, miss.matched)).collect()
}

/// The same set with other texts.
fn again(mut loaded: Loaded, changed: &BTreeMap<SourceId, String>) -> Result<Loaded, Failure> {
    let mut sources = SourceMap::default();
    for id in loaded.workspace.sources.ids() {
        let text = changed.get(&id).map_or_else(|| text(&loaded, id).to_owned(), Clone::clone);
        sources.add(loaded.workspace.sources.name(id), text);
    }
    loaded.workspace.sources = sources;
    loaded.analyze_again()
}
