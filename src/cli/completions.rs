//! `edgesig completions`: a completion script for a shell.

use super::console::Console;
use super::failure::{Exit, Failure};
use std::io::Write;

#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  edgesig completions bash > /etc/bash_completion.d/edgesig")]
pub struct Arguments {
    shell: clap_complete::Shell,
}

pub fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    // Into memory first: the generator panics where its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "edgesig", &mut script);
    console.out.write_all(&script)?;
    Ok(Exit::Clean)
}
