//! `edgesig check`: everything that a repository demands of its signatures before they are merged.

use super::console::Console;
use super::engines;
use super::failure::{Exit, Failure};
use super::load::{self, Loaded, Paths};
use super::render::counted;
use super::tests_of;
use crate::codegen::Options;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::ir::{self, Date, Mode, Rule, Ruleset, Selection};
use rayon::prelude::*;

const AFTER_HELP: &str = "\
Demands of every signature: it compiles for every target of the project, it has at least one test
that matches and one that does not, and its tests pass. Warnings leave the exit code at 0.

Examples:
  edgesig check
  edgesig check signatures/cve/log4shell-jndi.yaml
  edgesig check --deny warnings                   in CI";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
    /// Make warnings count like errors
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
    /// The day that decides what has expired [default: today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = load::parse_date)]
    today: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    Warnings,
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let mut loaded = Loaded::load(&arguments.paths.paths)?;
    let ruleset = &loaded.ruleset;
    let mut invalid = loaded.diagnostics.has_errors();
    let mut found = Diagnostics::default();
    compile(ruleset, &mut found);
    // What a build notes is for a build; what it refuses belongs here.
    found.list.retain(|diagnostic| diagnostic.severity != Severity::Note);
    invalid |= found.has_errors();
    // Where the project file is wrong, lists are empty and tests would fail for that alone.
    let project = loaded.workspace.project.as_ref().map(|project| project.source);
    let of_project = |diagnostic: &Diagnostic| Some(diagnostic.primary.span.source) == project;
    let tests_make_sense = !loaded
        .diagnostics
        .list
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error && of_project(diagnostic));
    demand(ruleset, load::today(arguments.today), tests_make_sense, &mut found);
    loaded.diagnostics.extend(found);
    loaded.diagnostics.sort();
    loaded.show(console)?;
    let tests: usize = loaded.ruleset.rules.iter().map(|rule| rule.tests.len()).sum();
    let has = |severity| loaded.diagnostics.list.iter().any(|diagnostic| diagnostic.severity == severity);
    let denied = arguments.deny == Some(Deny::Warnings) && has(Severity::Warning);
    if invalid {
        Ok(Exit::Invalid)
    } else if has(Severity::Error) || denied {
        Ok(Exit::Findings)
    } else {
        let count = counted(loaded.workspace.signatures.len(), "signature");
        console.line(&format!("checked {count}, {} passed", counted(tests, "test")))?;
        Ok(Exit::Clean)
    }
}

/// Compiles the set for every target of the project, whole and for each service, drafts included.
fn compile(ruleset: &Ruleset, found: &mut Diagnostics) {
    let with_drafts;
    let ruleset = if ruleset.rules.iter().any(|rule| rule.mode == Mode::Draft) {
        with_drafts = engines::with_drafts(ruleset, |mode| if mode == Mode::Draft { Mode::Monitor } else { mode });
        &with_drafts
    } else {
        ruleset
    };
    let services = ruleset.settings.services.iter().map(|service| Some(service.name.clone()));
    let services: Vec<Option<String>> = std::iter::once(None).chain(services).collect();
    for target in ruleset.settings.targets.iter().filter_map(|name| crate::target(name)) {
        for service in &services {
            let selection =
                Selection { target: Some(target.name.to_owned()), service: service.clone(), ..Selection::default() };
            let options = Options { service: service.clone() };
            crate::emit(&ir::select(ruleset, &selection), target, &options, found);
        }
    }
}

/// What `check` demands beyond what compiles.
fn demand(ruleset: &Ruleset, today: Date, run_tests: bool, found: &mut Diagnostics) {
    let of_rules: Vec<Vec<Diagnostic>> = ruleset
        .rules
        .par_iter()
        .enumerate()
        .filter(|(_, rule)| rule.mode != Mode::Retired)
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
    let effect = if rule.is_allow() { "an expired `allow` is no longer built" } else { "it is still built" };
    Some(
        Diagnostic::new(Code::Expired, rule.span, format!("`{}` expired on {expires}", rule.id), "")
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
    let diagnostic = Diagnostic::new(Code::FailingTest, step.span, message, "");
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
