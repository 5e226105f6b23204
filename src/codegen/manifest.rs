//! `manifest.json`: what a build holds, for those who deploy it and those who look for a line of it. The same for every
//! target; the order is that of evaluation, no times, no paths of the machine.

use super::vcl::Printed;
use crate::ir::Ruleset;
use serde::Serialize;
use sha2::Digest as _;

#[derive(Serialize)]
struct Manifest<'m> {
    manifest: u32,
    edgesig: &'static str,
    target: &'m str,
    target_version: &'m str,
    /// Of the emitted signatures' own hashes and modes.
    set_hash: String,
    vmods: &'m [&'static str],
    /// Beside this one; the first holds the signatures, and `lines` are its own.
    files: &'m [&'m str],
    signatures: Vec<Entry<'m>>,
}

#[derive(Serialize)]
struct Entry<'m> {
    id: &'m str,
    version: u32,
    title: &'m str,
    mode: String,
    severity: &'static str,
    hash: &'m str,
    /// First and last line of each place in the VCL.
    lines: Vec<[usize; 2]>,
}

/// The manifest's text.
pub fn manifest(
    ruleset: &Ruleset,
    target: &str,
    target_version: &str,
    vmods: &[&'static str],
    printed: &Printed,
    files: &[&str],
) -> String {
    let mut digest = sha2::Sha256::new();
    let mut signatures = Vec::new();
    for rule in &ruleset.rules {
        for part in [rule.id.as_str(), &rule.hash, &rule.mode.to_string()] {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        let lines = printed.lines.get(&rule.id).map_or(&[][..], Vec::as_slice);
        signatures.push(Entry {
            id: &rule.id,
            version: rule.version,
            title: &rule.title,
            mode: rule.mode.to_string(),
            severity: rule.risk.name(),
            hash: &rule.hash,
            lines: lines.iter().map(|(first, last)| [*first, *last]).collect(),
        });
    }
    let set_hash = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = Manifest {
        manifest: 1,
        edgesig: env!("CARGO_PKG_VERSION"),
        target,
        target_version,
        set_hash,
        vmods,
        files,
        signatures,
    };
    // INVARIANT: numbers and strings alone always serialize.
    serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n"
}
