//! Where commands write: results on standard output, findings and messages on standard error. Colours only where a
//! person looks.

use super::failure::{Exit, Failure};
use super::render::{self, safe};
use crate::diagnostic::Diagnostics;
use crate::source::SourceMap;
use std::io::{self, IsTerminal, Write};

/// The two streams of a run.
pub struct Console {
    /// Buffered; [`Console::finish`] writes what is left.
    pub out: io::BufWriter<Box<dyn Write + Send>>,
    err: Box<dyn Write + Send>,
    /// Standard error is a terminal that shows colours.
    pub colours: bool,
    /// Standard output is a terminal that shows colours.
    pub colours_out: bool,
    /// Standard error is a terminal: progress may be shown there.
    pub interactive: bool,
}

impl Console {
    /// The process's own streams.
    pub fn of_process() -> Console {
        let interactive = io::stderr().is_terminal();
        // https://no-color.org: present and not empty, whatever its value.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Console {
            out: io::BufWriter::with_capacity(1 << 16, Box::new(io::stdout())),
            err: Box::new(io::stderr()),
            colours: interactive && !refused && !dumb,
            colours_out: io::stdout().is_terminal() && !refused && !dumb,
            interactive,
        }
    }

    /// Shows findings with their summary.
    pub fn diagnostics(&mut self, sources: &SourceMap, diagnostics: &Diagnostics) -> Result<(), Failure> {
        if diagnostics.list.is_empty() {
            return Ok(());
        }
        let text =
            if self.colours { render::coloured(sources, diagnostics) } else { render::plain(sources, diagnostics) };
        self.out.flush()?;
        Ok(self.err.write_all(text.as_bytes())?)
    }

    /// One message for people on standard error: `warning: …`
    pub fn message(&mut self, severity: &str, text: &str) -> Result<(), Failure> {
        let text = safe::text(text, 4000);
        self.out.flush()?;
        if self.colours {
            let colour = match severity {
                "error" => "31",
                "warning" => "33",
                _ => "36",
            };
            writeln!(self.err, "\u{1b}[1;{colour}m{severity}\u{1b}[0m: {text}")?;
        } else {
            writeln!(self.err, "{severity}: {text}")?;
        }
        Ok(())
    }

    /// Findings that are rendered already.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.out.flush()?;
        Ok(self.err.write_all(text.as_bytes())?)
    }

    /// One line of result on standard output.
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Ends the run: what is left is written, a failure is told.
    pub fn finish(&mut self, result: Result<Exit, Failure>) -> Exit {
        let result = result.and_then(|exit| self.out.flush().map(|()| exit).map_err(Failure::from));
        match result {
            Ok(exit) => exit,
            Err(failure) if failure.is_broken_pipe() => Exit::Clean,
            Err(failure) => {
                // Nobody is left to tell when this fails.
                let _ = self.message("error", &failure.to_string());
                if let Some(help) = failure.help() {
                    let _ = self.message("help", help);
                }
                Exit::Failed
            }
        }
    }
}
