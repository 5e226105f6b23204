//! Paths of the command line → the signature files they mean, and the project file above them.

use super::super::guess;
use super::{Failure, MISNAMED_PROJECT_FILE, PROJECT_FILE};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// A path of the command line, absolute and without links.
pub fn existing(path: &Path) -> Result<PathBuf, Failure> {
    fs::canonicalize(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            let message = format!("there is no file or folder `{}`", path.display());
            match guess::path(path) {
                Some(help) => Failure::with_help(message, help),
                None => Failure::usage(message),
            }
        } else {
            Failure::file("open", path, &error)
        }
    })
}

/// The nearest edgesig.yaml at or above `start`.
pub fn project_file(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(PROJECT_FILE)).find(|file| file.is_file())
}

/// A project file with an ending that is not read, nearer than `found`: its author would think that it counts.
pub fn misnamed_project_file(start: &Path, found: Option<&Path>) -> Option<PathBuf> {
    let nearest = found.and_then(Path::parent);
    start
        .ancestors()
        .take_while(|folder| nearest.is_none_or(|nearest| folder.starts_with(nearest)))
        .map(|folder| folder.join(MISNAMED_PROJECT_FILE))
        .find(|file| file.is_file())
}

/// The failure to be made of such a file.
pub fn misnamed(file: &Path) -> Failure {
    Failure::with_help(
        format!("`{}` is not read: the project file is `{PROJECT_FILE}`", file.display()),
        format!("rename it to `{PROJECT_FILE}`"),
    )
}

/// Every signature file at or below `starts` (absolute, without links), each once, sorted by the bytes of its path. Hidden files and folders are
/// skipped in folders. Links inside a folder are followed when they stay in the project or in the folder given.
pub fn signature_files(starts: &[PathBuf], root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for start in starts {
        let metadata = fs::metadata(start).map_err(|error| Failure::file("open", start, &error))?;
        if metadata.is_dir() {
            walk(start, root, &mut files)?;
        } else if start.file_name().is_some_and(|name| name == PROJECT_FILE) {
            return Err(Failure::with_help(
                format!("`{PROJECT_FILE}` is the project file, not a signature"),
                "name a signature file or a folder; the project file is found from there",
            ));
        } else if start.file_name().is_some_and(|name| name == MISNAMED_PROJECT_FILE) {
            return Err(misnamed(start));
        } else if metadata.is_file() && guess::holds_requests(start) {
            let name = start.file_name().unwrap_or_default().display();
            let message = format!("`{name}` holds requests, no signature");
            return Err(Failure::with_help(message, guess::requests_help(start)));
        } else if metadata.is_file() {
            files.push(start.clone());
        } else {
            return Err(Failure::usage(format!("`{}` is neither a file nor a folder", start.display())));
        }
    }
    // As bytes, which is quicker than part by part.
    files.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    files.dedup();
    Ok(files)
}

/// The signature files of the project here, or below `folder` where there is none, as they are named from here. For a
/// suggestion: what cannot be read is left out.
pub fn named_files(folder: &Path) -> Vec<String> {
    let Ok(current) = std::env::current_dir().and_then(fs::canonicalize) else { return Vec::new() };
    let root = project_file(&current).and_then(|file| file.parent().map(Path::to_owned));
    let start = root.unwrap_or_else(|| current.join(folder));
    let files = signature_files(std::slice::from_ref(&start), &start).unwrap_or_default();
    files.iter().map(|file| file.strip_prefix(&current).unwrap_or(file).display().to_string()).collect()
}

fn walk(start: &Path, root: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    // Folders without links in their path, so a loop of links comes back to a name that was seen.
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut level = vec![start.to_owned()];
    while !level.is_empty() {
        let found: Vec<_> = level.par_iter().map(|folder| entries(folder, start, root)).collect();
        level.clear();
        for found in found {
            let found = found?;
            files.extend(found.files);
            level.extend(found.folders.into_iter().filter(|folder| seen.insert(folder.clone())));
        }
    }
    Ok(())
}

/// What is in a folder and counts, links followed.
#[derive(Default)]
struct Entries {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

fn entries(folder: &Path, start: &Path, root: &Path) -> Result<Entries, Failure> {
    let failed = |error: std::io::Error| Failure::file("read", folder, &error);
    let mut found = Entries::default();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let file_name = entry.file_name();
        if file_name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let mut path = folder.join(&file_name);
        let mut kind = entry.file_type().map_err(failed)?;
        if kind.is_symlink() {
            path = fs::canonicalize(&path).map_err(|error| Failure::file("follow", &path, &error))?;
            kind = fs::metadata(&path).map_err(|error| Failure::file("follow", &path, &error))?.file_type();
            if (kind.is_dir() || is_signature_name(&file_name)) && !path.starts_with(root) && !path.starts_with(start) {
                return Err(Failure::usage(format!(
                    "the link `{}` leads outside the project's folder",
                    folder.join(&file_name).display()
                )));
            }
        }
        if kind.is_file() && file_name == MISNAMED_PROJECT_FILE {
            return Err(misnamed(&path));
        }
        if kind.is_dir() {
            found.folders.push(path);
        } else if kind.is_file() && is_signature_name(&file_name) {
            found.files.push(path);
        }
    }
    Ok(found)
}

fn is_signature_name(name: &std::ffi::OsStr) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension == "yaml" || extension == "yml") && name != PROJECT_FILE
}

/// Whether `folder/path` is in `root` as far as the names say.
pub fn stays_inside(folder: &Path, path: &Path, root: &Path) -> bool {
    let mut place = folder.to_owned();
    for component in path.components() {
        match component {
            Component::Normal(part) => place.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !place.pop() {
                    return false;
                }
            }
            Component::RootDir | Component::Prefix(_) => return false,
        }
        if !place.starts_with(root) {
            return false;
        }
    }
    place.starts_with(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_what_is_inside() {
        let root = Path::new("/p");
        let folder = Path::new("/p/signatures");
        for (path, inside) in [
            ("lists/a.txt", true),
            ("../lists/a.txt", true),
            ("./../signatures/x", true),
            ("../../p/lists/a.txt", false),
            ("../../etc/passwd", false),
            ("/etc/passwd", false),
            ("/p/x", false),
        ] {
            assert_eq!(stays_inside(folder, Path::new(path), root), inside, "{path}");
        }
    }

    #[test]
    fn folders_are_walked_once_and_links_stay_inside() {
        let project = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(project.path()).unwrap();
        let set = root.join("signatures");
        fs::create_dir_all(set.join("deep/.hidden")).unwrap();
        for name in ["b.yaml", "deep/a.yml", "deep/.hidden/x.yaml", ".y.yaml", "edgesig.yaml", "notes.txt"] {
            fs::write(set.join(name), "").unwrap();
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&set, set.join("deep/loop")).unwrap();
            std::os::unix::fs::symlink(set.join("b.yaml"), set.join("again.yaml")).unwrap();
        }
        let files = signature_files(&[set.clone(), set.join("b.yaml")], &root).unwrap();
        assert_eq!(files, [set.join("b.yaml"), set.join("deep/a.yml")]);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/hostname", set.join("out.yaml")).unwrap();
            assert!(signature_files(&[set], &root).unwrap_err().to_string().contains("outside"));
        }
    }
}
