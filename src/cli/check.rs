//! `edgesig check`: everything that a repository demands of its signatures before they are merged.

mod fix;
pub mod gate;
mod output;
mod policy;
mod route;
mod scope;

use super::console::Console;
use super::engines;
use super::failure::{Exit, Failure};
use super::git;
use super::load::{self, Loaded, Paths};
use super::render::report::Report;
use super::targets;
use super::tests_of;
use super::workspace::project_folder;
use crate::codegen::{Options, Target};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::ir::{self, Date, Mode, Predicate, Rule, Ruleset, Selection};
use crate::lint::{self, Level, Levels};
use crate::source::SourceId;
use crate::syntax::ast;
use gate::Gate;
use output::Format;
use rayon::prelude::*;
use scope::Scope;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const AFTER_HELP: &str = "\
Demands of every signature: it compiles for every target of the project, it has at least one test
that matches and one that does not, and its tests pass. Where there is an edgesig.lock, a changed
meaning needs a new version, and no signature gets lost. Warnings leave the exit code at 0.

Examples:
  edgesig check
  edgesig check signatures/cve/log4shell-jndi.yaml
  edgesig check --deny warnings                   in CI
  edgesig check --fix                             mends what keeps the meaning, shows the difference
  edgesig check --update-lock                     after a change, to be committed with it
  edgesig check --changed --base origin/main      only what this branch touches and affects
  edgesig check --format sarif > edgesig.sarif    for code scanning; docs/ci.md has all formats
  edgesig check --target all                      which signature can run where?
  edgesig check --allow short-literal --deny unanchored-pattern

docs/lints.md and `edgesig explain LINT` say what each lint looks for; `lints:` in edgesig.yaml sets
levels for good. A comment excuses one file for a time:
  # edgesig: allow(short-literal) until 2027-01-31 the parameter has two letters";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
    /// Compile for this target instead of the project's; `all` lists where each signature can run
    #[arg(long, value_name = "NAME|all")]
    target: Option<String>,
    /// Make a lint an error, or with `warnings` count every warning like one
    #[arg(long, value_name = "LINT|warnings", value_delimiter = ',')]
    deny: Vec<String>,
    /// Make a lint a warning
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    warn: Vec<String>,
    /// Do not look for what a lint looks for
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    allow: Vec<String>,
    /// The day that decides what has expired [default: today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = load::parse_date)]
    today: Option<Date>,
    /// How to say what was found: human, json, sarif, github (annotations) or junit; docs/ci.md
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t, hide_possible_values = true)]
    format: Format,
    /// Mend what lints find where that keeps the meaning, and show the difference; then check what is left
    #[arg(long, conflicts_with = "changed")]
    fix: bool,
    /// Write edgesig.lock anew, unless a signature changed without a new version, or is gone
    #[arg(long, conflicts_with = "paths")]
    update_lock: bool,
    /// Report only what differs from a base in git, uncommitted changes too, and what that affects
    #[arg(long, conflicts_with_all = ["paths", "update_lock"])]
    changed: bool,
    /// The branch or commit that --changed compares with, at their merge base [default: origin/HEAD]
    #[arg(long, value_name = "REV", requires = "changed")]
    base: Option<String>,
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let is_whole = arguments.paths.paths.is_empty();
    console.annotates = arguments.format == Format::Github;
    if arguments.fix {
        if arguments.target.as_deref() == Some("all") {
            return Err(Failure::usage("`--target all` lists where signatures can run and mends nothing: no `--fix`"));
        }
        let options = fix::Options {
            levels: &|project| levels(arguments, project, &mut Diagnostics::default()),
            today: load::today(arguments.today),
            people_read: arguments.format == Format::Human,
        };
        fix::run(&arguments.paths.paths, &options, console)?;
    }
    // git looks while the signatures are read.
    let looking = arguments.changed.then(|| early_changes(arguments)).flatten();
    let mut loaded = Loaded::load(&arguments.paths.paths)?;
    let mut of_levels = Diagnostics::default();
    let levels = levels(arguments, loaded.workspace.project.as_ref(), &mut of_levels)?;
    loaded.diagnostics.extend(of_levels);
    let targets: Vec<&'static Target> = match arguments.target.as_deref() {
        Some("all") => {
            let is_said = matches!(arguments.format, Format::Human | Format::Json);
            if !is_said || arguments.update_lock || arguments.changed {
                let message = "`--target all` lists where signatures can run, for people or with `--format json`: no other \
                               format, no `--update-lock`, no `--changed`";
                return Err(Failure::usage(message));
            }
            if let Some(exit) = loaded.show(console)? {
                return Ok(exit);
            }
            targets::portability(&loaded.ruleset, arguments.format == Format::Json, console)?;
            return Ok(Exit::Clean);
        }
        named => load::targets(&loaded.ruleset, named)?,
    };
    let changes = match arguments.changed {
        true => Some(match looking {
            Some((folder, changes)) if folder == loaded.workspace.root => changes.join().unwrap_or_else(|panic| {
                // What went wrong there goes wrong here.
                std::panic::resume_unwind(panic)
            })?,
            Some(_) | None => git::changes(&loaded.workspace.root, arguments.base.as_deref())?,
        }),
        false => None,
    };
    let scope = changes.as_ref().map(|changes| Scope::new(&loaded, changes));
    let gate = Gate::open(&mut loaded, is_whole, changes.as_ref())?;
    // Where the project file is wrong, lists are empty and tests would fail for that alone.
    let project = loaded.workspace.project.as_ref().map(|project| project.source);
    let of_project = |diagnostic: &Diagnostic| Some(diagnostic.primary.span.source) == project;
    let tests_make_sense = !loaded
        .diagnostics
        .list
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error && of_project(diagnostic));
    let today = load::today(arguments.today);
    let (compiled, found) = look(&loaded, &targets, &levels, today, is_whole, tests_make_sense, scope.as_ref());
    loaded.diagnostics.extend(compiled);
    if let Some(scope) = &scope {
        loaded.diagnostics.list.retain(|diagnostic| scope.holds(diagnostic));
    }
    let invalid = loaded.diagnostics.has_errors();
    loaded.diagnostics.extend(found);
    let people_read = arguments.format == Format::Human;
    let of_lock = match arguments.update_lock {
        true => gate.update(&loaded, invalid, people_read, console)?,
        false => gate.check(&loaded),
    };
    loaded.diagnostics.extend(of_lock);
    if let Some(scope) = &scope {
        loaded.diagnostics.list.retain(|diagnostic| scope.holds(diagnostic));
    }
    loaded.diagnostics.sort();
    let has = |severity| loaded.diagnostics.list.iter().any(|diagnostic| diagnostic.severity == severity);
    let denied = levels.deny_warnings && has(Severity::Warning);
    let exit = if invalid {
        Exit::Invalid
    } else if has(Severity::Error) || denied {
        Exit::Findings
    } else {
        Exit::Clean
    };
    let is_looked_at = |source: &SourceId| scope.as_ref().is_none_or(|scope| scope.signatures.contains(source));
    let report = Report {
        sources: &loaded.workspace.sources,
        diagnostics: &loaded.diagnostics,
        deny_warnings: levels.deny_warnings,
        folder: &loaded.workspace.folder_in_repository(),
        signatures: loaded.workspace.signatures.iter().copied().filter(is_looked_at).collect(),
        rules: loaded.ruleset.rules.iter().map(Arc::as_ref).filter(|rule| is_looked_at(&rule.span.source)).collect(),
        tested: tests_make_sense,
    };
    let part_of = scope.as_ref().map(|scope| (loaded.workspace.signatures.len(), scope.base.as_str()));
    output::write(&report, arguments.format, exit == Exit::Clean, part_of, console)?;
    Ok(exit)
}

/// What the targets refuse, and what else there is to say; of what is in `scope`, and of what that does to others.
fn look(
    loaded: &Loaded,
    targets: &[&'static Target],
    levels: &Levels,
    today: Date,
    is_whole: bool,
    run_tests: bool,
    scope: Option<&Scope>,
) -> (Diagnostics, Diagnostics) {
    let ruleset = &loaded.ruleset;
    let only = scope.map(|scope| &scope.signatures);
    let input = lint::Input {
        sources: &loaded.workspace.sources,
        project: loaded.workspace.project.as_ref(),
        signatures: &loaded.signatures,
        ruleset,
        levels,
        today,
        whole: is_whole,
        only,
    };
    // A target is written by one thread; the others look at the signatures meanwhile.
    rayon::join(
        || match only {
            None => compile(ruleset, targets),
            Some(only) => compile_part(ruleset, targets, only),
        },
        || {
            let mut found = Diagnostics::default();
            demand(ruleset, today, run_tests, only, &mut found);
            found.extend(lint::lint(&input));
            found.extend(policy::check(input.project, input.signatures, ruleset, today));
            found
        },
    )
}

/// What the project says of lints, then the command line; the strictest word about a lint counts.
fn levels(
    arguments: &Arguments,
    project: Option<&ast::Project>,
    diagnostics: &mut Diagnostics,
) -> Result<Levels, Failure> {
    let mut levels = Levels::of_project(project, diagnostics);
    for (ids, level) in
        [(&arguments.allow, Level::Allow), (&arguments.warn, Level::Warn), (&arguments.deny, Level::Deny)]
    {
        for id in ids {
            levels.set(id, level).map_err(|unknown| match unknown.near {
                Some(near) => Failure::with_help(unknown.message, format!("did you mean `{near}`?")),
                None => Failure::with_help(
                    unknown.message,
                    "docs/lints.md has them all; `warnings` stands for every warning: `--deny warnings`",
                ),
            })?;
        }
    }
    Ok(levels)
}

/// Compiles the set for every target, whole and for each service, drafts included: what is refused. What
/// a build would note is for a build.
fn compile(ruleset: &Ruleset, targets: &[&'static Target]) -> Diagnostics {
    let with_drafts;
    let ruleset = if ruleset.rules.iter().any(|rule| rule.mode == Mode::Draft) {
        with_drafts = engines::with_drafts(ruleset, |mode| if mode == Mode::Draft { Mode::Monitor } else { mode });
        &with_drafts
    } else {
        ruleset
    };
    let services = ruleset.settings.services.iter().map(|service| Some(service.name.clone()));
    let services: Vec<Option<String>> = std::iter::once(None).chain(services).collect();
    let builds: Vec<_> =
        targets.iter().flat_map(|target| services.iter().map(move |service| (*target, service))).collect();
    let refused: Vec<Diagnostics> = builds
        .into_par_iter()
        .map(|(target, service)| {
            let selection =
                Selection { target: Some(target.name.to_owned()), service: service.clone(), ..Selection::default() };
            let options = Options { service: service.clone(), only_refusals: true, ..Options::default() };
            let mut found = Diagnostics::default();
            crate::emit(&ir::select(ruleset, &selection), target, &options, &mut found);
            found.list.retain(|diagnostic| diagnostic.severity != Severity::Note);
            found
        })
        .collect();
    let mut found = Diagnostics::default();
    refused.into_iter().for_each(|refused| found.extend(refused));
    found
}

/// What git says of a folder, once it is asked for.
type EarlyChanges = (PathBuf, std::thread::JoinHandle<Result<git::Changes, Failure>>);

/// Asks git about the folder that the project will be found in; what cannot be told before it is read is asked later.
fn early_changes(arguments: &Arguments) -> Option<EarlyChanges> {
    let start = arguments.paths.paths.first().map_or(Path::new("."), PathBuf::as_path);
    let folder = project_folder(&std::fs::canonicalize(start).ok()?)?;
    let base = arguments.base.clone();
    let asked = folder.clone();
    Some((folder, std::thread::spawn(move || git::changes(&asked, base.as_deref()))))
}

/// What is refused of some signatures, and of all of them together because of these.
fn compile_part(ruleset: &Ruleset, targets: &[&'static Target], only: &HashSet<SourceId>) -> Diagnostics {
    let rules: Vec<_> = ruleset.rules.iter().filter(|rule| only.contains(&rule.span.source)).cloned().collect();
    if rules.is_empty() || rules.len() == ruleset.rules.len() {
        return compile(&ruleset.with_rules(rules), targets);
    }
    let part = ruleset.with_rules(rules);
    let (mut refused, mut together) = rayon::join(|| compile(&part, targets), || compile(ruleset, targets));
    together.list.retain(|diagnostic| diagnostic.of_set);
    // The part has numbers of its own; where the rest is refused for itself, they are all there is.
    if !together.list.is_empty() {
        refused.list.retain(|diagnostic| !diagnostic.of_set);
    }
    refused.extend(together);
    refused
}

/// What `check` demands beyond what compiles.
fn demand(ruleset: &Ruleset, today: Date, run_tests: bool, only: Option<&HashSet<SourceId>>, found: &mut Diagnostics) {
    let of_rules: Vec<Vec<Diagnostic>> = ruleset
        .rules
        .par_iter()
        .enumerate()
        .filter(|(_, rule)| rule.mode != Mode::Retired)
        .filter(|(_, rule)| only.is_none_or(|only| only.contains(&rule.span.source)))
        .map(|(index, rule)| {
            let mut list = Vec::new();
            list.extend(missing_tests(rule));
            list.extend(expired(rule, today));
            if run_tests {
                list.extend(tests_of::run(ruleset, index).iter().map(|miss| failing_test(rule, miss)));
            }
            list
        })
        .collect();
    of_rules.into_iter().flatten().for_each(|diagnostic| found.push(diagnostic));
}

fn missing_tests(rule: &Rule) -> Option<Diagnostic> {
    let has = |wanted| rule.tests.iter().flat_map(|test| &test.steps).any(|step| step.expect_match == wanted);
    let (message, help) = match (has(true), has(false)) {
        (true, true) => return None,
        // What holds for every request has no near miss.
        (true, false) if rule.when == Predicate::TRUE && rule.except.is_none() && rule.rate.is_none() => return None,
        (false, false) => (
            "has no tests",
            "add under `tests:` a request with `expect: match` and a near miss with `expect: no_match`",
        ),
        (false, true) => ("has no test that matches", "add a test of the attack with `expect: match`"),
        (true, false) => (
            "has no test that does not match",
            "add a test with `expect: no_match`: a benign request that looks like the attack",
        ),
    };
    Some(Diagnostic::new(Code::MissingTests, rule.span, format!("`{}` {message}", rule.id), "").help(help))
}

fn expired(rule: &Rule, today: Date) -> Option<Diagnostic> {
    let expires = rule.expires.filter(|expires| *expires < today)?;
    if rule.mode.can_act() && !rule.is_allow() {
        // The lint `expired-enforcement` says so.
        return None;
    }
    let effect = if rule.is_allow() { "an expired `allow` is no longer built" } else { "it is still built" };
    Some(
        Diagnostic::new(
            Code::Expired,
            rule.places.expires.unwrap_or(rule.span),
            format!("`{}` expired on {expires}", rule.id),
            "is over",
        )
        .note(effect)
        .help("renew `expires` with a reason, or retire the signature with `mode: retired`"),
    )
}

/// The finding that a test went wrong.
pub fn failing_test(rule: &Rule, miss: &tests_of::Miss) -> Diagnostic {
    let test = &rule.tests[miss.test];
    let step = &test.steps[miss.step];
    let word = |matched| if matched { "match" } else { "no_match" };
    let which = match test.steps.len() {
        1 => String::new(),
        count => format!(" at request {} of {count}", miss.step + 1),
    };
    let (expected, found) = (word(step.expect_match), word(miss.matched));
    let message = format!("the test `{}` expects `{expected}`{which}, but the evaluator says `{found}`", test.name);
    let mut diagnostic = Diagnostic::new(Code::FailingTest, step.span, message, "");
    if let Some(rate) = rule.rate.as_ref().filter(|_| step.expect_match) {
        if test.steps.len() == 1 {
            diagnostic = diagnostic.help(
                "a signature with a rate matches once its rate is over, which one request is not: write a `sequence`",
            );
        } else if rate.count_phase == crate::catalog::Phase::Response {
            diagnostic = diagnostic.help(
                "responses count here: a step is answered with 200 unless it says otherwise, as `response: 401` does",
            );
        }
    }
    if step.dots_removed {
        diagnostic = diagnostic
            .note("curl takes `.` and `..` out of a path before it sends it, and so does this test")
            .help("with `--path-as-is` in the command the path is sent as it is written");
    }
    match miss.limit {
        Some(limit) => diagnostic.note(format!(
            "the request is over `{}`, so no signature sees it; see `limits` in edgesig.yaml",
            limit.name()
        )),
        None => diagnostic.help(format!(
            "`edgesig explain --signature {} --request {}` shows which part held",
            rule.id,
            shlex::try_quote(&test.name).unwrap_or_default()
        )),
    }
}
