//! What tests share: the cases, whether there is an engine or a tool, a seeded source of requests and signatures.
#![allow(dead_code, reason = "each test binary uses a part")]

use edgesig::codegen::{Options, TARGETS};
use edgesig::diagnostic::Diagnostics;
use edgesig::engine::falco::Falco;
use edgesig::ir::Ruleset;

pub mod cases;
pub mod coverage;
pub mod edges;
pub mod fastly;
pub mod ir;
pub mod requests;
pub mod rng;
pub mod signatures;
pub mod traps;
pub mod written;

/// Whether varnishd can be used. Without it a test is skipped visibly, and fails where `CI` is `true`.
pub fn has_varnishd() -> bool {
    if edgesig::engine::is_installed() {
        return true;
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "varnishd is not installed, and CI must have it");
    eprintln!("SKIPPED: varnishd is not installed (apt-get install varnish varnish-modules)");
    false
}

/// The falco to use; without one a test is skipped visibly, and fails where `CI` is `true`.
pub fn falco() -> Option<Falco> {
    match Falco::find() {
        Ok(falco) => Some(falco),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
            eprintln!("SKIPPED: {error}");
            None
        }
    }
}

/// The VCL of a set; `None` when a rule of it cannot be expressed.
pub fn build(ruleset: &Ruleset) -> Option<String> {
    let target = TARGETS.iter().find(|target| target.name == "varnish")?;
    let mut diagnostics = Diagnostics::default();
    let artifacts = (target.emit)(ruleset, &Options::default(), &mut diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    artifacts.into_iter().find(|artifact| artifact.path.ends_with(".vcl")).map(|artifact| artifact.content)
}

/// A tool that scripts/test installs below `target`. Without it a test is skipped visibly, and fails where `CI` is `true`.
pub fn installed(path: &str, script: &str) -> Option<std::path::PathBuf> {
    let tool = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(path);
    if tool.is_file() {
        return Some(tool);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{path} is not installed, and CI must have it ({script})");
    eprintln!("SKIPPED: {path} is not installed ({script})");
    None
}
