//! The patterns that the Varnish target writes itself: none may exceed an engine's limits, whatever a client sends. Those of
//! signatures are searched when they are checked; these are searched here, in the golden VCL of every case and example.

use edgesig::regex::{Regex, find_runaway};
use std::collections::BTreeSet;
use std::path::Path;

/// The longest text that a pattern is run on: `limits.url` is 8192 at most, a header too.
const LONGEST: usize = 8192;

/// Every string literal of a VCL text; those that are no patterns are harmless ones.
fn literals(vcl: &str) -> impl Iterator<Item = &str> {
    let code = vcl.lines().filter(|line| !line.trim_start().starts_with('#'));
    code.flat_map(|line| line.split('"').skip(1).step_by(2))
}

#[test]
fn no_generated_pattern_can_be_made_to_fail() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_vcl = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".varnish.snap") || name == "edgesig.vcl"
    };
    let files = ["tests/cases/compile", "examples"].map(|folder| walkdir::WalkDir::new(root.join(folder)));
    let mut patterns = BTreeSet::new();
    for entry in files.into_iter().flatten().filter_map(Result::ok).filter(|entry| is_vcl(entry.path())) {
        let text = std::fs::read_to_string(entry.path()).expect("a text");
        patterns.extend(literals(&text).map(str::to_owned));
    }
    assert!(patterns.len() > 300, "{}", patterns.len());
    let failing: Vec<String> = patterns
        .iter()
        .filter_map(|pattern| {
            let regex = Regex::new(pattern, false).ok()?;
            find_runaway(&regex, LONGEST).map(|found| {
                format!("{pattern}: {}", String::from_utf8_lossy(&found.input[..found.input.len().min(60)]))
            })
        })
        .collect();
    assert!(failing.is_empty(), "{}", failing.join("\n"));
}
