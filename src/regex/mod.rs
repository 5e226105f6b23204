//! Regular expressions: PCRE2 exactly as Varnish uses it. `rewrite` turns a pattern into engine text (the one text
//! that the evaluator and every target run, options 0), `ffi` compiles and runs it, `attack` looks for an input that
//! makes it exceed Varnish's limits, `needs` says of most texts without a run that they do not match, `behind` finds what
//! older versions of PCRE2 refuse.

mod attack;
mod behind;
mod bytes;
#[allow(unsafe_code)]
mod ffi;
mod literal;
mod needs;
mod rewrite;
mod tree;

pub use attack::{Runaway, find_runaway};
pub use ffi::{Compiled, MatchError, has_jit, pcre2_version};
pub use literal::escape;
pub use needs::{Needs, Presence};

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

/// Bytes of a text that the interpreter reads.
const SHORT: usize = 512;
/// Texts that the interpreter reads before the JIT's code is made.
const FEW: u32 = 16;

/// A pattern that compiles.
#[derive(Debug)]
pub struct Regex {
    /// As written, without quotes.
    pub pattern: String,
    pub ignore_case: bool,
    /// What engines run with options 0.
    pub engine_text: String,
    /// Without the JIT, whose code takes longer to make than a few short texts take to read.
    interpreted: Compiled,
    /// How many texts the interpreter has read.
    read: AtomicU32,
    compiled: OnceLock<Compiled>,
    needs: OnceLock<Needs>,
}

impl PartialEq for Regex {
    fn eq(&self, other: &Regex) -> bool {
        (&self.pattern, self.ignore_case) == (&other.pattern, other.ignore_case)
    }
}

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// Byte range in the pattern as written; `start == end` is a point.
    pub start: usize,
    pub end: usize,
    /// Lower case, no full stop.
    pub message: String,
    /// PCRE2 does not accept it, or edgesig does not.
    pub kind: PatternErrorKind,
    pub help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternErrorKind {
    Invalid,
    Unsupported,
}

impl Regex {
    /// Rewrites and compiles (without JIT: cheap) a pattern.
    pub fn new(pattern: &str, ignore_case: bool) -> Result<Arc<Regex>, PatternError> {
        let engine_text = rewrite::rewrite(pattern, ignore_case)?;
        let checked = Compiled::interpreted(engine_text.as_bytes());
        // Which library is linked must make no difference: some refuse it themselves.
        if checked.as_ref().err().is_none_or(|error| error.message.contains("lookbehind"))
            && let Some((place, look)) = behind::unfixed(&engine_text)
        {
            return Err(rewrite::unfixed_look_behind(pattern, ignore_case, place, look));
        }
        let interpreted = checked.map_err(|error| rewrite::map_error(pattern, ignore_case, error))?;
        Ok(Arc::new(Regex {
            pattern: pattern.to_owned(),
            ignore_case,
            engine_text,
            interpreted,
            read: AtomicU32::new(0),
            compiled: OnceLock::new(),
            needs: OnceLock::new(),
        }))
    }

    /// Whether a text with these bytes can match at all. Where it cannot, [`Regex::is_match`] is false or an error.
    pub fn may_match(&self, presence: &Presence) -> bool {
        self.needs().are_met(presence)
    }

    /// See [`Needs::keys`].
    pub fn keys(&self) -> Option<&[u16]> {
        self.needs().keys()
    }

    fn needs(&self) -> &Needs {
        self.needs.get_or_init(|| Needs::of(&self.engine_text))
    }

    /// Whether it matches the empty text.
    pub fn accepts_empty(&self) -> bool {
        // Most patterns are cleared, so that code generators need not compile them.
        self.may_match(&Presence::of(b"")) && self.is_match(b"") == Ok(true)
    }

    /// Whether it matches somewhere in `subject`, under Varnish's limits. `Err` when a limit is exceeded.
    pub fn is_match(&self, subject: &[u8]) -> Result<bool, MatchError> {
        if let Some(compiled) = self.compiled.get() {
            return compiled.is_match(subject);
        }
        // A test has few requests, and a pattern in it is asked for few texts.
        if subject.len() <= SHORT && self.read.load(Ordering::Relaxed) < FEW {
            self.read.fetch_add(1, Ordering::Relaxed);
            if let Some(matches) = self.interpreted.is_quick_match(subject) {
                return Ok(matches);
            }
        }
        // INVARIANT: `new` compiled the same text.
        self.compiled
            .get_or_init(|| Compiled::new(self.engine_text.as_bytes()).expect("the pattern compiled before"))
            .is_match(subject)
    }
}
