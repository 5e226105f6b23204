//! Where commands write: results on standard output, findings and messages on standard error. Colours only where a
//! person looks.

use super::failure::{Exit, Failure};
use super::render::{self, github, safe};
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
    /// Messages are annotations of GitHub Actions.
    pub annotates: bool,
}

/// The text of a message has at most this many characters.
const MESSAGE_LIMIT: usize = 4000;

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
            annotates: false,
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

    /// One message for people on standard error, on one line: `warning: …`
    pub fn message(&mut self, severity: &str, text: &str) -> Result<(), Failure> {
        let text = safe::name(text, MESSAGE_LIMIT);
        self.out.flush()?;
        if self.annotates {
            self.err.write_all(github::message(severity, &text).as_bytes())?;
        } else if self.colours {
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

    /// Tells why a command could not do its work.
    fn failure(&mut self, failure: &Failure) -> Result<(), Failure> {
        let text = failure.to_string();
        let (first, rest) =
            if failure.is_of_engine() { text.split_once('\n').unwrap_or((&text, "")) } else { (&*text, "") };
        self.message("error", first)?;
        // What an engine said has lines of its own; none of them starts as it likes.
        for line in safe::text(rest, MESSAGE_LIMIT).lines() {
            writeln!(self.err, "  | {line}")?;
        }
        match failure.help() {
            Some(help) => self.message("help", help),
            None => Ok(()),
        }
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
                let _ = self.failure(&failure);
                Exit::Failed
            }
        }
    }
}
