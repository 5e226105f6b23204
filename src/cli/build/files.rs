//! The files of a build and those on disk: written, compared, and what an earlier build left removed.

use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::render::safe;
use crate::codegen::{Artifact, Target};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Names the files of the last build.
pub const MANIFEST: &str = "manifest.json";

/// Refuses to follow, in the default folder for output, links out of the project or of the current folder: a repository
/// can hold such a link, and whoever named no folder did not mean what it leads to.
pub fn refuse_link_out(path: &Path, project: &Path) -> Result<(), Failure> {
    let current = std::env::current_dir()
        .and_then(fs::canonicalize)
        .map_err(|error| Failure::file("find", Path::new("."), &error))?;
    let mut part = PathBuf::new();
    for component in path.components() {
        part.push(component);
        let Ok(target) = fs::read_link(&part) else { continue };
        // Of a link to nothing it is not known what a run would make of it.
        let found = fs::canonicalize(&part);
        if found.as_ref().is_ok_and(|found| found.starts_with(project) || found.starts_with(&current)) {
            continue;
        }
        return Err(Failure::with_help(
            format!(
                "`{}` is a link that leads out of the project's folder, to `{}`",
                part.display(),
                found.unwrap_or(target).display()
            ),
            "remove the link; if that is where the output shall be, name the folder: `--out DIR`",
        ));
    }
    Ok(())
}

/// Files that the last build of this target wrote and this one does not: a snippet that calls a sub that is gone, for
/// example. The manifest of that build names them.
pub fn leftovers(artifacts: &[Artifact], out: &Path, target: &Target) -> Vec<PathBuf> {
    let manifest = fs::read(out.join(MANIFEST)).ok();
    let manifest: Option<serde_json::Value> = manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(manifest) = manifest.filter(|manifest| manifest["target"] == target.name) else { return Vec::new() };
    let names = manifest["files"].as_array().into_iter().flatten().filter_map(|name| name.as_str());
    let is_ours = |name: &&str| is_written_by_builds(name);
    let is_left = |name: &&str| artifacts.iter().all(|artifact| artifact.path != **name);
    names.filter(is_ours).filter(is_left).map(|name| out.join(name)).filter(|path| path.is_file()).collect()
}

/// Whether a build could have written a file of this name. A manifest is a file that anybody may have changed: what it says
/// is never a reason to remove anything else.
fn is_written_by_builds(name: &str) -> bool {
    const NAMES: &[&str] = &["edgesig.vcl", "fastly-api.json", "plan.json", "deploy.sh"];
    const PLACES: &[&str] = &["init", "recv", "miss", "pass", "deliver", "error", "log"];
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let between = |start: &str, end: &str| name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    let ends = ["_override.tf.json", "_lists.tf.json"];
    NAMES.contains(&name)
        || [".vcl", ".form"].iter().any(|end| between("", end).is_some_and(|place| PLACES.contains(&place)))
        || ["acl-", "dictionary-"].iter().any(|start| between(start, ".json").is_some_and(is_word))
        || ends.iter().any(|end| between("", end).is_some_and(is_word))
}

/// Writes every file next to its place first and then renames it, so that a reader sees the old one or the new one.
pub fn write(artifacts: &[Artifact], out: &Path) -> Result<(), Failure> {
    fs::create_dir_all(out).map_err(|error| Failure::file("create", out, &error))?;
    let mut ready = Vec::new();
    for artifact in artifacts {
        let path = out.join(&artifact.path);
        let folder = path.parent().unwrap_or(out);
        fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
        let failed = |error: std::io::Error| Failure::file("write", &path, &error);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".edgesig-");
        #[cfg(unix)]
        {
            // The file is read by a server under another user, or run; the process's umask still applies.
            use std::os::unix::fs::PermissionsExt;
            let mode = if artifact.path.ends_with(".sh") { 0o777 } else { 0o666 };
            builder.permissions(fs::Permissions::from_mode(mode));
        }
        let mut file = builder.tempfile_in(folder).map_err(failed)?;
        file.write_all(artifact.content.as_bytes()).map_err(failed)?;
        ready.push((file, path));
    }
    for (file, path) in ready {
        file.persist(&path).map_err(|error| Failure::file("write", &path, &error.error))?;
    }
    Ok(())
}

/// Compares the files on disk with what would be written.
pub fn check(artifacts: &[Artifact], out: &Path, console: &mut Console) -> Result<bool, Failure> {
    let mut same = true;
    for artifact in artifacts {
        let path = out.join(&artifact.path);
        let shown = path.display();
        match fs::read(&path) {
            Ok(bytes) if bytes == artifact.content.as_bytes() => console.line(&format!("{shown} is up to date"))?,
            Ok(bytes) => {
                same = false;
                let text = difference(&safe::name(&shown.to_string(), 4096), &bytes, artifact.content.as_bytes());
                let (first, lines) = text.split_once('\n').unwrap_or((&text, ""));
                console.message("error", first)?;
                console.text(&format!("{lines}\n"))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                same = false;
                console.message("error", &format!("{shown} is missing"))?;
            }
            Err(error) => return Err(Failure::file("read", &path, &error)),
        }
    }
    Ok(same)
}

/// Names the first line that differs.
fn difference(path: &str, on_disk: &[u8], compiled: &[u8]) -> String {
    let mut disk_lines = on_disk.split(|byte| *byte == b'\n');
    let mut compiled_lines = compiled.split(|byte| *byte == b'\n');
    let mut number = 1;
    loop {
        match (disk_lines.next(), compiled_lines.next()) {
            (Some(a), Some(b)) if a == b => number += 1,
            (a, b) => {
                let show = |line: Option<&[u8]>| line.map_or("(end of file)".to_owned(), |line| safe::bytes(line, 160));
                return format!(
                    "{path} is not what the signatures compile to; line {number} differs\n  on disk:  {}\n  compiled: {}",
                    show(a),
                    show(b)
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let text = difference("b/x", b"a\nb\nc\n", b"a\nB\nc\n");
        assert_eq!(text, "b/x is not what the signatures compile to; line 2 differs\n  on disk:  b\n  compiled: B");
        assert!(difference("x", b"a", b"a\nb").contains("on disk:  (end of file)"));
    }

    #[test]
    fn only_what_a_build_wrote_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("build");
        fs::create_dir_all(out.join("log.vcl")).unwrap();
        let outside = folder.path().join("recv.vcl");
        fs::write(&outside, "").unwrap();
        let names = [
            "default.vcl",
            ".hidden",
            "main.tf",
            "../recv.vcl",
            "acl-../x.json",
            "recv.vcl",
            "acl-denied.json",
            "log.vcl",
        ];
        for name in &names[..3] {
            fs::write(out.join(name), "").unwrap();
        }
        for name in &names[5..7] {
            fs::write(out.join(name), "").unwrap();
        }
        let outside = outside.display().to_string();
        let files: Vec<&str> = names.iter().copied().chain([outside.as_str()]).collect();
        let manifest = serde_json::json!({"target": "fastly", "files": files});
        fs::write(out.join("manifest.json"), manifest.to_string()).unwrap();
        let found = leftovers(&[], &out, crate::cli::load::target("fastly").unwrap());
        assert_eq!(found, [out.join("recv.vcl"), out.join("acl-denied.json")]);
    }

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/build");
        let artifact = |content: &str| vec![Artifact { path: "edgesig.vcl".into(), content: content.into() }];
        write(&artifact("one"), &out).unwrap();
        write(&artifact("two"), &out).unwrap();
        assert_eq!(fs::read_to_string(out.join("edgesig.vcl")).unwrap(), "two");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
    }
}
