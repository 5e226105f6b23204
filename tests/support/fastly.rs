//! Sets built for Fastly.

use edgesig::codegen::{Options, TARGETS};
use edgesig::diagnostic::Diagnostics;
use edgesig::engine::falco::{as_on_fastly, service};
use edgesig::ir::Ruleset;

/// Paths and contents; the error is what is said, with the ways out.
pub fn try_files(set: &Ruleset, options: &Options) -> Result<Vec<(String, String)>, Vec<String>> {
    let target = TARGETS.iter().find(|target| target.name == "fastly").expect("there is the target");
    let mut found = Diagnostics::default();
    let artifacts = (target.emit)(&as_on_fastly(set), options, &mut found);
    if found.has_errors() {
        return Err(found
            .list
            .iter()
            .map(|diagnostic| format!("{} {:?}", diagnostic.message, diagnostic.help))
            .collect());
    }
    Ok(artifacts.into_iter().map(|artifact| (artifact.path, artifact.content)).collect())
}

/// The VCL of a whole service with the set in it.
pub fn whole(set: &Ruleset) -> String {
    let set = as_on_fastly(set);
    let files = try_files(&set, &Options::default()).expect("Fastly can express it");
    service(&files, "edgesig", &set.lists)
}

/// Reads a template of Terraform, as HCL's specification says; the error is what would be interpolated.
pub fn read_template(template: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("$${") || rest.starts_with("%%{") {
            out.push_str(&rest[1..3]);
            rest = &rest[3..];
            continue;
        }
        if rest.starts_with("${") || rest.starts_with("%{") {
            return Err(format!("interpolated: {rest:.40}"));
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    Ok(out)
}
