//! Paths → the sources of a run: finds edgesig.yaml and the signature files, reads them within limits, and gives
//! `semantic` the files that they name. Every command that reads signatures starts here.
//!
//! Signatures come in pull requests: nothing that a signature or the project file names is read outside the project's
//! folder, no link leads out of it, and no file is read whole before its size is known.

mod find;

pub use find::named_files;

use super::failure::{Failure, reason};
use super::lock::LOCK_FILE;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::semantic::{self, Files};
use crate::source::{SourceId, SourceMap, Span};
use crate::syntax::ast;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Name of the project file.
pub const PROJECT_FILE: &str = "edgesig.yaml";
/// How it is named by mistake.
const MISNAMED_PROJECT_FILE: &str = "edgesig.yml";
/// Where signatures are when nothing says it.
pub const DEFAULT_SIGNATURES: &str = "signatures";
/// Largest signature or project file.
pub const SOURCE_LIMIT: u64 = 1 << 20;
/// Largest list, test or block file.
const FILE_LIMIT: u64 = 16 << 20;

/// The sources of one run.
pub struct Workspace {
    /// The folder of edgesig.yaml; without one, the folder that the paths were seen from. Absolute, without links.
    pub root: PathBuf,
    pub sources: SourceMap,
    pub project: Option<ast::Project>,
    /// The project file, when there is one that could be read.
    pub project_source: Option<SourceId>,
    /// Signature files that could be read, sorted by name.
    pub signatures: Vec<SourceId>,
    /// What was wrong with files, and everything about the project file.
    pub diagnostics: Diagnostics,
    /// Path of each source, absolute.
    paths: Vec<PathBuf>,
    /// The files of lists that are text.
    lists: BTreeMap<PathBuf, SourceId>,
    /// Stems of the project's signature files beside those that were asked for.
    others: Vec<String>,
}

impl Workspace {
    /// Finds and reads everything that `paths` name; without paths what the project file names.
    pub fn load(paths: &[PathBuf]) -> Result<Workspace, Failure> {
        let current = std::env::current_dir()
            .and_then(fs::canonicalize)
            .map_err(|error| Failure::file("find", Path::new("."), &error))?;
        let given = paths.iter().map(|path| find::existing(path)).collect::<Result<Vec<_>, _>>()?;
        let start = given.first().unwrap_or(&current);
        let project_file = find::project_file(start);
        if let Some(file) = find::misnamed_project_file(start, project_file.as_deref()) {
            return Err(find::misnamed(&file));
        }
        let root = match (&project_file, given.first()) {
            (Some(file), _) => folder_of(file),
            (None, Some(path)) if !path.starts_with(&current) => {
                if path.is_dir() {
                    path.clone()
                } else {
                    folder_of(path)
                }
            }
            (None, _) => current,
        };
        let mut workspace = Workspace {
            root,
            sources: SourceMap::default(),
            project: None,
            project_source: None,
            signatures: Vec::new(),
            diagnostics: Diagnostics::default(),
            paths: Vec::new(),
            lists: BTreeMap::new(),
            others: Vec::new(),
        };
        if let Some(file) = project_file {
            let content = read_limited(&file, SOURCE_LIMIT);
            let source = workspace.add_source(name(&workspace.root, &file), file, content)?;
            workspace.project_source = source;
            let Workspace { sources, diagnostics, project, .. } = &mut workspace;
            *project = crate::parse_project(sources, source, diagnostics);
            workspace.read_lists();
        }
        let starts = if paths.is_empty() {
            workspace.default_paths()?
        } else {
            workspace.others = workspace.other_signatures_than(&given);
            given
        };
        workspace.read_signatures(&starts)?;
        Ok(workspace)
    }

    /// The project's folder as seen from the top of its repository, the folder with `.git` in it: empty, or a path that
    /// ends with `/`. Empty too where there is no repository.
    pub fn folder_in_repository(&self) -> String {
        match self.root.ancestors().find(|folder| folder.join(".git").exists()) {
            Some(top) if top != self.root => name(top, &self.root) + "/",
            Some(_) | None => String::new(),
        }
    }

    /// The folder of the project file as it is shown: empty where it is the current one, or where there is no project file.
    pub fn beside_project_file(&self) -> PathBuf {
        let current = std::env::current_dir().and_then(fs::canonicalize).ok();
        match self.project_source {
            Some(_) if current.as_ref() != Some(&self.root) => self.root.clone(),
            Some(_) | None => PathBuf::new(),
        }
    }

    /// Reads the lock file beside the project file into the sources, if there is one.
    pub fn read_lock(&mut self) -> Result<Option<SourceId>, Failure> {
        let Some(path) = self.lock_file()? else { return Ok(None) };
        let Content::Whole(bytes) = read_limited(&path, FILE_LIMIT)? else {
            return Err(Failure::usage(format!("`{LOCK_FILE}` is larger than {} MiB", FILE_LIMIT >> 20)));
        };
        Ok(Some(self.add_lock(&bytes)))
    }

    /// Adds what a lock file holds, or held once.
    pub fn add_lock(&mut self, bytes: &[u8]) -> SourceId {
        self.paths.push(self.root.join(LOCK_FILE));
        // What is no UTF-8 is no line of a lock file either.
        self.sources.add(LOCK_FILE, String::from_utf8_lossy(bytes))
    }

    pub fn write_lock(&self, text: &str) -> Result<(), Failure> {
        let path = self.lock_file()?.unwrap_or_else(|| self.root.join(LOCK_FILE));
        fs::write(&path, text).map_err(|error| Failure::file("write", &path, &error))
    }

    /// Where the lock file is; a link must not lead out of the project's folder.
    fn lock_file(&self) -> Result<Option<PathBuf>, Failure> {
        if fs::symlink_metadata(self.root.join(LOCK_FILE)).is_err() {
            return Ok(None);
        }
        let path = self.inside(&self.root, LOCK_FILE);
        path.map(Some).map_err(|reason| Failure::usage(format!("`{LOCK_FILE}`: {reason}")))
    }

    /// The file of a source: absolute, without links.
    pub fn path(&self, source: SourceId) -> &Path {
        &self.paths[source.0 as usize]
    }

    /// What edgesig.yaml names, else `signatures`.
    fn default_paths(&self) -> Result<Vec<PathBuf>, Failure> {
        let named = self.project.as_ref().map(|project| project.signatures.as_slice()).unwrap_or_default();
        if named.is_empty() {
            let folder = self.root.join(DEFAULT_SIGNATURES);
            return match fs::canonicalize(&folder) {
                Ok(folder) if folder.starts_with(&self.root) => Ok(vec![folder]),
                Ok(_) => {
                    Err(Failure::usage(format!("the link `{DEFAULT_SIGNATURES}` leads outside the project's folder")))
                }
                Err(_) => Err(Failure::with_help(
                    format!("there is no folder `{DEFAULT_SIGNATURES}` here, and no path was given"),
                    "name a signature file or a folder of them, or start a repository with `edgesig init`",
                )),
            };
        }
        named
            .iter()
            .map(|path| {
                self.inside(&self.root, &path.value).map_err(|reason| {
                    let message = format!("`signatures` in {PROJECT_FILE}: `{}`: {reason}", path.value);
                    if self.root.join(&path.value).exists() {
                        return Failure::usage(message);
                    }
                    Failure::with_help(
                        message,
                        "git keeps no empty folder: `edgesig init --signature ID` writes a first signature; or name another folder",
                    )
                })
            })
            .collect()
    }

    /// Names of the project's signature files that are not below `starts`. What cannot be found is none.
    fn other_signatures_than(&self, starts: &[PathBuf]) -> Vec<String> {
        let of_project = self.default_paths().and_then(|paths| find::signature_files(&paths, &self.root));
        let asked = find::signature_files(starts, &self.root);
        let (Ok(of_project), Ok(asked)) = (of_project, asked) else { return Vec::new() };
        let is_asked = |path: &PathBuf| asked.binary_search_by(|other| other.as_os_str().cmp(path.as_os_str())).is_ok();
        let others = of_project.iter().filter(|path| !is_asked(path));
        others.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect()
    }

    /// Adds the files of lists to the sources. One that cannot be read is reported where the lists are checked.
    fn read_lists(&mut self) {
        let named = self.project.iter().flat_map(|project| &project.lists).filter_map(|list| list.file.as_ref());
        let files: Vec<PathBuf> = named.filter_map(|file| self.inside(&self.root, &file.value).ok()).collect();
        for file in files {
            if self.lists.contains_key(&file) {
                continue;
            }
            let Ok(Content::Whole(bytes)) = read_limited(&file, FILE_LIMIT) else { continue };
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let source = self.sources.add(name(&self.root, &file), text);
            self.paths.push(file.clone());
            self.lists.insert(file, source);
        }
    }

    /// The sources that are files of lists.
    pub fn list_sources(&self) -> impl Iterator<Item = SourceId> {
        self.lists.values().copied()
    }

    fn read_signatures(&mut self, starts: &[PathBuf]) -> Result<(), Failure> {
        let root = &self.root;
        let mut files: Vec<(String, PathBuf)> =
            find::signature_files(starts, root)?.into_par_iter().map(|path| (name(root, &path), path)).collect();
        files.par_sort_unstable();
        let contents: Vec<_> = files.par_iter().map(|(_, path)| read_limited(path, SOURCE_LIMIT)).collect();
        self.sources.reserve(files.len());
        self.paths.reserve(files.len());
        self.signatures.reserve(files.len());
        for ((name, path), content) in files.into_iter().zip(contents) {
            if let Some(source) = self.add_source(name, path, content)? {
                self.signatures.push(source);
            }
        }
        Ok(())
    }

    /// Adds a file that was read; one that is too large or no text is a finding, and not to be parsed.
    fn add_source(
        &mut self,
        name: String,
        path: PathBuf,
        content: Result<Content, Failure>,
    ) -> Result<Option<SourceId>, Failure> {
        self.paths.push(path);
        let bytes = match content? {
            Content::Whole(bytes) => bytes,
            Content::TooLarge => {
                let source = self.sources.add(name, "");
                let message = format!("the file is larger than {} KiB", SOURCE_LIMIT >> 10);
                self.diagnostics.push(
                    Diagnostic::new(Code::LimitExceeded, semantic::file_start(source), message, "")
                        .help("move long value lists to a list file: `lists:` in edgesig.yaml, `file: …`"),
                );
                return Ok(None);
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(self.sources.add(name, text))),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let byte = error.as_bytes()[at];
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let source = self.sources.add(name, text);
                self.diagnostics.push(
                    Diagnostic::new(
                        Code::InvalidYaml,
                        Span::new(source, at, at + '\u{fffd}'.len_utf8()),
                        format!("the file is not UTF-8: byte 0x{byte:02x}"),
                        "here",
                    )
                    .help("save the file as UTF-8; write other bytes in a condition as `\\xHH`"),
                );
                Ok(None)
            }
        }
    }

    /// The file that `path`, seen from `folder`, names. The error says what is wrong with it, without its name.
    fn inside(&self, folder: &Path, path: &str) -> Result<PathBuf, String> {
        let outside = || "it leads outside the project's folder".to_owned();
        // Decided from the names first, so that the answer tells nothing about files elsewhere.
        if !find::stays_inside(folder, Path::new(path), &self.root) {
            return Err(outside());
        }
        let found = fs::canonicalize(folder.join(path)).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                match name(&self.root, folder).as_str() {
                    "." => "there is no such file in the project's folder".to_owned(),
                    folder => format!("there is no such file in `{folder}`"),
                }
            } else {
                reason(&error)
            }
        })?;
        if found.starts_with(&self.root) { Ok(found) } else { Err(outside()) }
    }
}

impl Files for Workspace {
    fn read(&self, base: SourceId, path: &str) -> Result<Vec<u8>, String> {
        let folder = folder_of(self.paths.get(base.0 as usize).ok_or("the file that names it is unknown")?);
        let file = self.inside(&folder, path)?;
        if let Some(source) = self.lists.get(&file) {
            return Ok(self.sources.text(*source).as_bytes().to_vec());
        }
        match read_limited(&file, FILE_LIMIT) {
            Ok(Content::Whole(bytes)) => Ok(bytes),
            Ok(Content::TooLarge) => Err(format!("it is larger than {} MiB", FILE_LIMIT >> 20)),
            Err(Failure::File { reason, .. }) => Err(reason),
            Err(failure @ (Failure::Usage { .. } | Failure::Engine(_) | Failure::Output(_))) => {
                Err(failure.to_string())
            }
        }
    }

    fn source(&self, base: SourceId, path: &str) -> Option<SourceId> {
        let file = self.inside(&folder_of(self.paths.get(base.0 as usize)?), path).ok()?;
        self.lists.get(&file).copied()
    }

    fn other_signatures(&self) -> &[String] {
        &self.others
    }
}

/// The folder of the nearest project file at or above a path, which is absolute and without links.
pub fn project_folder(path: &Path) -> Option<PathBuf> {
    find::project_file(path).map(|file| folder_of(&file))
}

/// What the project file in this folder names as places of signatures, else the usual one. Read as far as it can be.
pub fn signature_places(root: &Path) -> Vec<PathBuf> {
    let mut sources = SourceMap::default();
    let source = read_text(&root.join(PROJECT_FILE)).ok().map(|text| sources.add(PROJECT_FILE, text));
    let project = crate::parse_project(&sources, source, &mut Diagnostics::default());
    let named = project.map(|project| project.signatures).unwrap_or_default();
    let places: Vec<PathBuf> = named.iter().map(|path| root.join(&path.value)).collect();
    if places.is_empty() { vec![root.join(DEFAULT_SIGNATURES)] } else { places }
}

/// What a file held.
pub enum Content {
    Whole(Vec<u8>),
    TooLarge,
}

/// Reads a whole source file as text.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    match read_limited(path, SOURCE_LIMIT)? {
        Content::Whole(bytes) => {
            String::from_utf8(bytes).map_err(|_| Failure::usage(format!("`{}` is not UTF-8", path.display())))
        }
        Content::TooLarge => {
            Err(Failure::usage(format!("`{}` is larger than {} KiB", path.display(), SOURCE_LIMIT >> 10)))
        }
    }
}

/// Reads a regular file of at most `limit` bytes.
pub fn read_limited(path: &Path, limit: u64) -> Result<Content, Failure> {
    let failed = |error: std::io::Error| Failure::file("read", path, &error);
    let file = fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        let path = path.display().to_string();
        return Err(Failure::File { action: "read", path, reason: "it is no regular file".to_owned() });
    }
    if metadata.len() > limit {
        return Ok(Content::TooLarge);
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    // The file may have grown since; it is still cut.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(if bytes.len() as u64 > limit { Content::TooLarge } else { Content::Whole(bytes) })
}

/// The name shown to people and kept in the output: relative to the project's folder, so that it does not depend on
/// where the command runs.
fn name(root: &Path, path: &Path) -> String {
    let common = root.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = root.components().skip(common).map(|_| "..".into());
    let down = path.components().skip(common).filter_map(|component| match component {
        Component::Normal(part) => Some(part.to_string_lossy()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
    });
    let parts: Vec<_> = up.chain(down).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(Path::new("/")).to_owned()
}
