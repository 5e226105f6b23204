//! The clock of a varnishd that we start: a small library, built here with the C compiler and preloaded, adds an
//! offset to its time. Minutes of a rate pass at once.

use super::EngineError;
use super::process::Scratch;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SOURCE: &str = include_str!("clock.c");

/// A clock that only moves forward.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    path: PathBuf,
    offset: File,
    /// When its time was 0.
    start: Instant,
    added: Duration,
    added_at_reset: Duration,
    _folder: Scratch,
}

impl Clock {
    /// Builds the library; `None` where there is no C compiler.
    pub fn new() -> Result<Option<Clock>, EngineError> {
        let folder = Scratch::new()?;
        let source = folder.path().join("clock.c");
        let library = folder.path().join("clock.so");
        std::fs::write(&source, SOURCE).map_err(EngineError::file(&source))?;
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&library)
            .arg(&source)
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(EngineError::Io { doing: "starting the C compiler", source }),
        };
        if !output.status.success() {
            return Err(EngineError::Clock(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let path = folder.path().join("offset");
        std::fs::write(&path, 0i64.to_ne_bytes()).map_err(EngineError::file(&path))?;
        let offset = File::options().write(true).open(&path).map_err(EngineError::file(&path))?;
        Ok(Some(Clock {
            library,
            path,
            offset,
            start: Instant::now(),
            added: Duration::ZERO,
            added_at_reset: Duration::ZERO,
            _folder: folder,
        }))
    }

    pub fn library(&self) -> &Path {
        &self.library
    }

    pub fn offset_file(&self) -> &Path {
        &self.path
    }

    /// Now is time 0.
    pub fn reset(&mut self) {
        self.start = Instant::now();
        self.added_at_reset = self.added;
    }

    /// The time since [`Clock::reset`].
    pub fn now(&self) -> Duration {
        self.start.elapsed() + (self.added - self.added_at_reset)
    }

    /// Moves to `time` since [`Clock::reset`], unless it is past already.
    pub fn advance_to(&mut self, time: Duration) -> Result<(), EngineError> {
        if let Some(missing) = time.checked_sub(self.now()) {
            self.added += missing;
            let nanoseconds = i64::try_from(self.added.as_nanos()).unwrap_or(i64::MAX);
            self.offset.write_all_at(&nanoseconds.to_ne_bytes(), 0).map_err(EngineError::file(&self.path))?;
        }
        Ok(())
    }
}
