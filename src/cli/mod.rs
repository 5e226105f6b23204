//! The command line: the only layer with IO, printing and exit codes. One file per subcommand and a variant of
//! [`Command`]; `workspace` finds and reads files, `render` shows findings.

pub mod render;
pub mod workspace;

mod build;
mod check;
mod completions;
mod console;
mod docs;
mod engines;
mod eval;
mod explain;
mod failure;
mod fmt;
mod git;
mod guess;
mod init;
mod lines;
mod load;
mod lock;
#[cfg(test)]
mod lock_tests;
mod rewrite;
mod schema;
mod targets;
mod test;
mod tests_of;
mod verify;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use console::Console;
use failure::{Exit, Failure};
use std::process::ExitCode;

/// Compiles edge-security signatures: YAML in, tested VCL out.
#[derive(Parser, Debug)]
#[command(name = "edgesig", version, max_term_width = 100, after_help = AFTER_HELP, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  edgesig init my-rules                     start a repository
  edgesig check                             are all signatures right, do their tests pass?
  edgesig build --target varnish            write build/edgesig.vcl and build/manifest.json
  edgesig explain req.args                  what is this field?
  edgesig explain --signature log4shell-jndi --request 'GET /?q=$%7Bjndi:'
                                            why does this request match?

Exit codes: 0 clean, 1 findings or failed tests, 2 invalid input, 3 usage, configuration or IO.
`edgesig COMMAND --help` says more.";

#[derive(Subcommand, Debug)]
enum Command {
    /// Compile signatures for a target
    Build(build::Arguments),
    /// Check signatures as a repository demands: they compile everywhere and their tests pass
    Check(check::Arguments),
    /// Write signature files in their canonical form
    Fmt(fmt::Arguments),
    /// Print the JSON schema of signature or project files, for editors
    Schema(schema::Arguments),
    /// Judge requests with the reference semantics: JSON lines in, verdicts out
    Eval(eval::Arguments),
    /// Run the signatures' own tests
    Test(test::Arguments),
    /// Compare a real engine with the reference semantics on given requests
    Verify(verify::Arguments),
    /// Print what each target has of the language
    Targets(targets::Arguments),
    /// Explain a word of the language, a diagnostic, or why a signature matches a request
    Explain(explain::Arguments),
    /// Start a repository, or a signature in one
    Init(init::Arguments),
    /// Print a completion script for a shell
    Completions(completions::Arguments),
    /// Print a generated page of the documentation
    #[command(hide = true)]
    Docs(docs::Arguments),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let cli = match command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let error = guess::improved(error);
            // `--help` and `--version` come this way too. Nobody is left to tell when printing fails.
            let _ = error.print();
            return if error.use_stderr() { Exit::Failed.into() } else { Exit::Clean.into() };
        }
    };
    let mut console = Console::of_process();
    let result = execute(&cli.command, &mut console);
    console.finish(result).into()
}

/// The whole command line. The version names the library whose reading of patterns is the language's.
fn command() -> clap::Command {
    let version = format!("{} (PCRE2 {})", env!("CARGO_PKG_VERSION"), crate::regex::pcre2_version());
    Cli::command().version(version)
}

fn execute(command: &Command, console: &mut Console) -> Result<Exit, Failure> {
    match command {
        Command::Build(arguments) => build::run(arguments, console),
        Command::Check(arguments) => check::run(arguments, console),
        Command::Fmt(arguments) => fmt::run(arguments, console),
        Command::Schema(arguments) => schema::run(arguments, console),
        Command::Eval(arguments) => eval::run(arguments, console),
        Command::Test(arguments) => test::run(arguments, console),
        Command::Verify(arguments) => verify::run(arguments, console),
        Command::Targets(arguments) => targets::run(arguments, console),
        Command::Explain(arguments) => explain::run(arguments, console),
        Command::Init(arguments) => init::run(arguments, console),
        Command::Completions(arguments) => completions::run(arguments, console),
        Command::Docs(arguments) => docs::run(arguments, console),
    }
}
