//! `edgesig test`: the signatures' own tests, in the evaluator or in a real engine.

use super::check::failing_test;
use super::console::Console;
use super::engines;
use super::failure::{Exit, Failure};
use super::load::{self, Loaded, Paths};
use super::render::counted;
use super::tests_of;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::engine::falco;
use crate::engine::{TestOutcome, TestResult, run_tests};
use crate::ir::{Mode, Ruleset};
use rayon::prelude::*;
use std::collections::BTreeMap;

const AFTER_HELP: &str = "\
Each signature is judged alone, whatever its mode. `--engine varnish` starts a varnishd
on this machine; tests of rates move its clock, which needs a C compiler. `--engine falco` runs what is built for
Fastly in falco's tester; EDGESIG_FALCO or PATH leads to falco.

Examples:
  edgesig test
  edgesig test --engine varnish signatures/cve";

#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    paths: Paths,
    /// Where the tests run
    #[arg(long, value_name = "ENGINE", default_value = "eval")]
    engine: Engine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Engine {
    /// The reference semantics, with a virtual clock
    Eval,
    /// A real varnishd
    Varnish,
    /// falco, the model of Fastly
    Falco,
}

/// What came of all tests.
#[derive(Default)]
struct Results {
    /// Signatures whose tests are for the engine.
    signatures: usize,
    run: usize,
    within_tolerance: usize,
    /// By reason.
    skipped: BTreeMap<&'static str, usize>,
    failures: Diagnostics,
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let mut loaded = Loaded::load(&arguments.paths.paths)?;
    if let Some(exit) = loaded.show(console)? {
        return Ok(exit);
    }
    let results = match arguments.engine {
        Engine::Eval => in_eval(&loaded.ruleset),
        Engine::Varnish => in_varnish(&loaded, console)?,
        Engine::Falco => in_falco(&loaded, console)?,
    };
    let failed = results.failures.list.len();
    loaded.diagnostics = results.failures;
    loaded.diagnostics.sort();
    loaded.show(console)?;
    let mut parts = Vec::new();
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    parts.push(format!("{} passed", results.run - failed));
    if results.within_tolerance > 0 {
        parts.push(format!("{} of them within the tolerance of a rate", results.within_tolerance));
    }
    for (reason, count) in &results.skipped {
        parts.push(format!("{count} skipped ({reason})"));
    }
    let all = loaded.ruleset.rules.iter().filter(|rule| rule.mode != Mode::Retired).count();
    let some = if results.signatures < all { format!("{} of ", results.signatures) } else { String::new() };
    console.line(&format!("tests of {some}{}: {}", counted(all, "signature"), parts.join(", ")))?;
    Ok(if failed > 0 { Exit::Findings } else { Exit::Clean })
}

fn in_eval(ruleset: &Ruleset) -> Results {
    let rules = ruleset.rules.par_iter().enumerate().filter(|(_, rule)| rule.mode != Mode::Retired);
    let misses: Vec<_> = rules.map(|(index, rule)| (rule, tests_of::run(ruleset, index))).collect();
    let mut results = Results { signatures: misses.len(), ..Results::default() };
    for (rule, misses) in misses {
        results.run += rule.tests.len();
        misses.iter().for_each(|miss| results.failures.push(failing_test(rule, miss)));
    }
    results
}

fn in_varnish(loaded: &Loaded, console: &mut Console) -> Result<Results, Failure> {
    let target = load::target("varnish")?;
    let ruleset = engines::for_tests(&loaded.ruleset, target);
    if ruleset.rules.is_empty() {
        return Ok(Results::default());
    }
    let build = |set: &Ruleset| engines::vcl(set, target, &loaded.workspace.sources);
    let total: usize = ruleset.rules.iter().map(|rule| rule.tests.len()).sum();
    let progress = engines::Progress::new(console, "tests in varnishd", Some(total as u64));
    let (list, counters) = run_tests(&ruleset, &build, &mut |_| progress.advance(1))?;
    progress.finish();
    let results = collected(&ruleset, &list, "varnishd");
    for fault in engines::faults(&counters) {
        console.message("warning", &fault)?;
    }
    Ok(results)
}

fn in_falco(loaded: &Loaded, console: &mut Console) -> Result<Results, Failure> {
    let target = load::target("fastly")?;
    let all = falco::as_on_fastly(&engines::for_tests(&loaded.ruleset, target));
    let (ruleset, _) = engines::expressible(&all, target);
    let falco = falco::Falco::find()?;
    let build = |set: &Ruleset| engines::files(set, target, &loaded.workspace.sources);
    let progress = engines::Progress::new(console, "tests in falco", None);
    let list = falco::run_tests(&falco, &ruleset, &build, &mut |_| progress.advance(1))?;
    progress.finish();
    let mut results = collected(&ruleset, &list, "falco");
    let count = |set: &Ruleset| set.rules.iter().map(|rule| rule.tests.len()).sum::<usize>();
    let unexpressed = count(&all) - count(&ruleset);
    if unexpressed > 0 {
        results.skipped.insert("Fastly cannot express their signatures: `check --target fastly` says why", unexpressed);
    }
    Ok(results)
}

fn collected(ruleset: &Ruleset, list: &[TestResult], engine: &str) -> Results {
    let mut results = Results { signatures: ruleset.rules.len(), ..Results::default() };
    for result in list {
        match &result.outcome {
            TestOutcome::Passed => results.run += 1,
            TestOutcome::WithinTolerance => {
                results.run += 1;
                results.within_tolerance += 1;
            }
            TestOutcome::Skipped(reason) => *results.skipped.entry(reason).or_default() += 1,
            TestOutcome::Failed { step, seen } => {
                results.run += 1;
                results.failures.push(failed_in_engine(ruleset, result, *step, seen, engine));
            }
        }
    }
    results
}

fn failed_in_engine(ruleset: &Ruleset, result: &TestResult, step: usize, seen: &str, engine: &str) -> Diagnostic {
    let test = &ruleset.rules[result.rule].tests[result.test];
    let wanted = &test.steps[step];
    let expected = if wanted.expect_match { "match" } else { "no_match" };
    let which = match test.steps.len() {
        1 => String::new(),
        count => format!(" at request {} of {count}", step + 1),
    };
    let message = format!("the test `{}` expects `{expected}`{which}, but {engine} gives {seen}", test.name);
    Diagnostic::new(Code::FailingTest, wanted.span, message, "")
        .help("`edgesig test` without `--engine` shows whether the evaluator agrees with the test")
}
