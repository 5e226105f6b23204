//! New texts for files of a repository → a diff for people, and the files. `fmt` and `check --fix` write with it.
//!
//! A file is replaced as a whole or not at all: a temporary file beside it takes its mode and then its name. A file that
//! is not what was read any more is left alone, and so is everything but a regular file.

use super::console::Console;
use super::failure::Failure;
use super::render::safe;
use super::workspace;
use similar::{ChangeTag, TextDiff};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lines of context in a diff.
const CONTEXT: usize = 3;
/// Past this a diff is coarser than it could be.
const PATIENCE: Duration = Duration::from_secs(1);
/// Characters of a line that a diff shows.
const LINE_LIMIT: usize = 2000;

/// A file with a new text.
pub struct Rewrite {
    pub path: PathBuf,
    /// As shown to people.
    pub name: String,
    pub before: String,
    pub after: String,
}

impl Rewrite {
    /// Shows a unified diff, on standard output or on standard error.
    pub fn show(&self, console: &mut Console, on_output: bool) -> Result<(), Failure> {
        let name = safe::line(&self.name, 4096);
        let colours = if on_output { console.colours_out } else { console.colours };
        let paint = |code: &str, text: &str| match colours {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        };
        let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(&self.before, &self.after);
        let mut lines = vec![paint("1", &format!("--- {name}")), paint("1", &format!("+++ {name}"))];
        for group in diff.grouped_ops(CONTEXT) {
            let hunk = similar::udiff::UnifiedDiffHunk::new(group, &diff, false);
            lines.push(paint("36", hunk.header().to_string().trim_end()));
            for change in hunk.iter_changes() {
                let (sign, code) = match change.tag() {
                    ChangeTag::Delete => ('-', Some("31")),
                    ChangeTag::Insert => ('+', Some("32")),
                    ChangeTag::Equal => (' ', None),
                };
                let text = safe::text(change.value().trim_end_matches(['\n', '\r']), LINE_LIMIT);
                let line = format!("{sign}{text}");
                let line = safe::no_command(&line).into_owned();
                lines.push(code.map_or(line.clone(), |code| paint(code, &line)));
                if change.missing_newline() {
                    lines.push("\\ No newline at end of file".to_owned());
                }
            }
        }
        if on_output {
            return lines.iter().try_for_each(|line| console.line(line));
        }
        console.text(&(lines.join("\n") + "\n"))
    }

    /// Replaces the file.
    pub fn write(&self) -> Result<(), Failure> {
        let failed = |error: std::io::Error| Failure::file("write", &self.path, &error);
        let metadata = fs::symlink_metadata(&self.path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(Failure::usage(format!("`{}` is not a regular file, it is left alone", self.path.display())));
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut fresh = tempfile::Builder::new().prefix(".edgesig-").tempfile_in(folder).map_err(failed)?;
        fresh.write_all(self.after.as_bytes()).map_err(failed)?;
        fresh.as_file().set_permissions(metadata.permissions()).map_err(failed)?;
        fresh.as_file().sync_all().map_err(failed)?;
        // Last, so that as little time as possible lies between looking and replacing.
        if fs::read(&self.path).map_err(failed)? != self.before.as_bytes() {
            return Err(Failure::usage(format!(
                "`{}` was changed while edgesig ran, it is left alone",
                self.path.display()
            )));
        }
        fresh.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// Refuses paths of a command that writes where what they lead to may be elsewhere: a link in a project's folder, or
/// below the current one, wherever in the path it stands.
pub fn refuse_links(paths: &[PathBuf]) -> Result<(), Failure> {
    let current = std::env::current_dir()
        .and_then(fs::canonicalize)
        .map_err(|error| Failure::file("find", Path::new("."), &error))?;
    for path in paths {
        let mut part = PathBuf::new();
        let last = path.components().count().saturating_sub(1);
        for (number, component) in path.components().enumerate() {
            let folder = fs::canonicalize(current.join(&part)).unwrap_or_default();
            part.push(component);
            // What is not there, the command says.
            let is_link = fs::symlink_metadata(&part).is_ok_and(|metadata| metadata.file_type().is_symlink());
            // A link above all of that is the machine's own.
            let is_ours = || folder.starts_with(&current) || workspace::project_folder(&folder).is_some();
            if is_link && (number == last || is_ours()) {
                return Err(Failure::with_help(
                    format!("`{}` is a link, and what it leads to would be written", part.display()),
                    "name the file or folder itself",
                ));
            }
        }
    }
    Ok(())
}

/// Paths that are in the same project.
pub struct OfProject {
    /// Of its project file.
    pub folder: Option<PathBuf>,
    pub paths: Vec<PathBuf>,
}

/// The paths of each project, in the order in which they are first named. Who names a project means projects: what is in
/// none is refused beside one.
pub fn by_project(paths: &[PathBuf]) -> Result<Vec<OfProject>, Failure> {
    let mut projects: Vec<OfProject> = Vec::new();
    for path in paths {
        let folder = fs::canonicalize(path).ok().and_then(|path| workspace::project_folder(&path));
        match projects.iter_mut().find(|known| known.folder == folder) {
            Some(known) => known.paths.push(path.clone()),
            None => projects.push(OfProject { folder, paths: vec![path.clone()] }),
        }
    }
    let strays = projects.iter().filter(|project| project.folder.is_none()).flat_map(|project| &project.paths);
    let folder = projects.iter().find_map(|project| project.folder.as_ref());
    // What is not there, the command says.
    if let (Some(stray), Some(folder)) = (strays.into_iter().find(|path| path.exists()), folder) {
        return Err(outside_of(stray, folder, "name files of projects, or only files without one"));
    }
    Ok(projects)
}

fn outside_of(path: &Path, project: &Path, help: &str) -> Failure {
    Failure::with_help(format!("`{}` is outside the project's folder, `{}`", path.display(), project.display()), help)
}

/// Refuses paths outside the project of the first one, for a command that looks at one set as a whole.
pub fn refuse_other_projects(paths: &[PathBuf]) -> Result<(), Failure> {
    let project = paths.first().and_then(|path| workspace::project_folder(&fs::canonicalize(path).ok()?));
    let Some(project) = project else { return Ok(()) };
    let outside = |path: &&PathBuf| fs::canonicalize(path).is_ok_and(|found| !found.starts_with(&project));
    match paths.iter().find(outside) {
        None => Ok(()),
        Some(path) => Err(outside_of(path, &project, "a run mends one project: give the other one a run of its own")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewrite(path: PathBuf) -> Rewrite {
        Rewrite { path, name: "a.yaml".to_owned(), before: "read\n".to_owned(), after: "written\n".to_owned() }
    }

    fn names(folder: &Path) -> Vec<std::ffi::OsString> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn what_changed_meanwhile_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "read\n").unwrap();
        rewrite(path.clone()).write().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "written\n");
        // Somebody saves the file after it was read; the same length makes no difference.
        for text in ["rEad\n", "read\nmore\n", ""] {
            fs::write(&path, text).unwrap();
            let refusal = rewrite(path.clone()).write().unwrap_err().to_string();
            assert_eq!(refusal, format!("`{}` was changed while edgesig ran, it is left alone", path.display()));
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::remove_file(&path).unwrap();
        assert!(rewrite(path.clone()).write().is_err());
        fs::create_dir(&path).unwrap();
        let refusal = rewrite(path.clone()).write().unwrap_err().to_string();
        assert!(refusal.ends_with("is not a regular file, it is left alone"), "{refusal}");
        // Nothing lies around.
        assert_eq!(names(folder.path()), ["a.yaml"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_was_put_there_meanwhile_is_left_alone() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.yaml"), folder.path().join("other"));
        fs::write(&other, "read\n").unwrap();
        symlink(&other, &path).unwrap();
        assert!(rewrite(path.clone()).write().is_err());
        assert_eq!(fs::read_to_string(&other).unwrap(), "read\n");
        // A file keeps its mode.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "read\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        rewrite(path.clone()).write().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
