//! The real engines, driven: a varnishd on loopback, a small origin, a raw-socket client. Used by `cli` (test,
//! verify) and by the tests.
//!
//! ```text
//! Request → client → varnishd (built VCL + service VCL) → origin
//!              ↓           ↓ varnishlog
//!           status      log record        → Seen, compared with eval's Verdict
//! ```

mod client;
mod clock;
mod compare;
pub mod falco;
mod log;
mod origin;
mod process;
mod session;
mod testing;
mod varnishd;
mod verify;

pub use client::{Answer, Client, Reply};
pub use clock::Clock;
pub use compare::{Comparison, Seen, as_seen_by_varnish, expected, is_own_refusal};
pub use log::{Log, LogRecord, parse_record};
pub use origin::{Origin, Received};
pub use session::{Observed, Session, Setup};
pub use testing::{TestOutcome, TestResult, run_tests};
pub use varnishd::{Counters, Start, Varnishd, compile, is_installed, service};
pub use verify::{Class, Difference, Options, Report, verify, verify_in};

use std::path::PathBuf;

/// Why an engine could not be used.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("`{program}` is not installed; on Debian or Ubuntu: apt-get install {packages}")]
    NotInstalled { program: String, packages: &'static str },
    /// The compiler's whole message.
    #[error("varnishd does not accept the VCL:\n{0}")]
    Rejected(String),
    #[error("varnishd: {message}{}", tail(.stderr))]
    Failed { message: String, stderr: String },
    #[error("{path}: {source}", path = .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{doing}: {source}")]
    Io { doing: &'static str, source: std::io::Error },
    #[error("varnishlog lost track: {0}")]
    Log(String),
    #[error("the C compiler failed on the clock: {0}")]
    Clock(String),
    #[error("falco is not installed; `scripts/install-falco` builds it, and EDGESIG_FALCO or PATH leads to it")]
    NoFalco,
    #[error("falco: {0}")]
    Falco(String),
    /// The caller's builder of VCL gave this.
    #[error("{0}")]
    Build(String),
}

fn tail(stderr: &str) -> String {
    if stderr.trim().is_empty() { String::new() } else { format!("\n{}", stderr.trim_end()) }
}

impl EngineError {
    fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> EngineError {
        move |source| EngineError::Io { doing, source }
    }

    fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> EngineError {
        let path = path.to_owned();
        move |source| EngineError::File { path, source }
    }
}
