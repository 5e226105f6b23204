//! `--changed`: from the files that differ from the base to the signatures that a pull request touches or affects, and
//! to the findings that are its matter.
//!
//! Affected are signatures that read a changed list, that test with a changed request, or that `allow` skips a changed
//! signature; a changed project file affects all, and so does a link or a submodule that signatures are found by. What one signature does to another (order, duplicates) is found with
//! the whole set, and reported where either of the two is touched. Nothing is kept on disk between runs.

use super::route::passes;
use crate::cli::git::Changes;
use crate::cli::load::Loaded;
use crate::cli::workspace::{DEFAULT_SIGNATURES, PROJECT_FILE, Workspace};
use crate::diagnostic::{Code, Diagnostic, Kind, Severity};
use crate::lint;
use crate::source::SourceId;
use crate::syntax::ast::{self, ExpressionKind};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// What a run is about.
pub struct Scope {
    /// Everything: the project file changed, or how the signatures are found.
    everything: bool,
    /// Signatures that are touched or affected.
    pub signatures: HashSet<SourceId>,
    /// The project file and those of its lists.
    project: HashSet<SourceId>,
    /// A list or another file that the project file names is touched.
    project_is_affected: bool,
    /// The base, for the summary.
    pub base: String,
}

impl Scope {
    pub fn new(loaded: &Loaded, changes: &Changes) -> Scope {
        let workspace = &loaded.workspace;
        // A link that changed leads to a file that may not have. One to a folder is met on the way to what is in it.
        let differing = changes.present.iter().chain(&changes.deleted).chain(&changes.links).cloned();
        let behind_links =
            changes.present.iter().filter_map(|path| std::fs::canonicalize(path).ok()).filter(|path| path.is_file());
        let touched: HashSet<PathBuf> = differing.chain(behind_links).collect();
        let project = workspace.project.as_ref();
        let is_touched = |path: &Path| touched.contains(path);
        let named = |folder: &Path, path: &str| passes(folder, Path::new(path), is_touched);
        let block_file = project.and_then(|project| project.block.body.as_ref());
        let everything = named(&workspace.root, PROJECT_FILE)
            || block_file.is_some_and(|file| named(&workspace.root, &file.value))
            || finds_others(workspace, &changes.links);
        let lists: BTreeSet<&str> = project
            .iter()
            .flat_map(|project| &project.lists)
            .filter(|list| list.file.as_ref().is_some_and(|file| named(&workspace.root, &file.value)))
            .map(|list| list.name.value.as_str())
            .collect();
        // Whom the proxies are changes the client of every request.
        let proxies = project.and_then(|project| project.trusted_proxies.as_ref());
        let everything = everything || proxies.is_some_and(|list| lists.contains(list.value.as_str()));
        let mut scope = Scope {
            everything,
            signatures: HashSet::new(),
            project: project.map(|project| project.source).into_iter().chain(workspace.list_sources()).collect(),
            project_is_affected: !lists.is_empty(),
            base: changes.base.clone(),
        };
        let of_run = workspace.signatures.iter();
        scope.signatures.extend(of_run.filter(|source| everything || is_touched(workspace.path(**source))));
        if everything {
            return scope;
        }
        let gone: BTreeSet<&str> = changes.deleted.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
        let new: BTreeSet<&str> = loaded
            .signatures
            .iter()
            .filter(|s| scope.signatures.contains(&s.source))
            .map(|s| s.id.value.as_str())
            .collect();
        let tags: BTreeSet<&str> = loaded
            .signatures
            .iter()
            .filter(|signature| scope.signatures.contains(&signature.source))
            .flat_map(|signature| signature.tags.iter().map(|tag| tag.value.as_str()))
            .collect();
        let mut exceptions: HashMap<&str, Vec<&ast::Expression>> = HashMap::new();
        for (id, exception) in project.iter().flat_map(|project| &project.services).flat_map(|service| &service.except)
        {
            exceptions.entry(&id.value).or_default().push(exception);
        }
        for signature in loaded.signatures.iter() {
            let folder = workspace.path(signature.source).parent().unwrap_or(Path::new(""));
            let affected = reads(signature, &exceptions, &lists)
                || requests(signature).any(|file| named(folder, file))
                || skips(
                    signature,
                    |id| gone.contains(id) || new.contains(id),
                    |tag| !gone.is_empty() || tags.contains(tag),
                );
            if affected {
                scope.signatures.insert(signature.source);
            }
        }
        scope
    }

    /// A finding that the pull request has to do with.
    pub fn holds(&self, diagnostic: &Diagnostic) -> bool {
        let place = diagnostic.primary.span.source;
        if self.everything || diagnostic.of_set || self.signatures.contains(&place) {
            return true;
        }
        if self.project.contains(&place) {
            // Without a sound project file nothing can be said about anything.
            return self.project_is_affected || diagnostic.severity == Severity::Error;
        }
        // The lock file speaks of the whole repository.
        if let Kind::Code(
            Code::ChangedWithoutVersion
            | Code::LowerVersion
            | Code::ReusedId
            | Code::LostSignature
            | Code::StaleLock
            | Code::InvalidLock,
        ) = diagnostic.code
        {
            return true;
        }
        diagnostic.secondary.iter().any(|label| self.signatures.contains(&label.span.source))
    }
}

/// Signatures are found by one of the links: which there were at the base is unknown.
fn finds_others(workspace: &Workspace, links: &[PathBuf]) -> bool {
    if links.is_empty() {
        return false;
    }
    let named = workspace.project.as_ref().map(|project| project.signatures.as_slice()).unwrap_or_default();
    let mut starts: Vec<&Path> = named.iter().map(|path| Path::new(&path.value)).collect();
    if starts.is_empty() {
        starts.push(Path::new(DEFAULT_SIGNATURES));
    }
    let is_link: HashSet<&Path> = links.iter().map(PathBuf::as_path).collect();
    if starts.iter().any(|start| passes(&workspace.root, start, |path| is_link.contains(path))) {
        return true;
    }
    let mut folders: HashSet<PathBuf> =
        starts.iter().filter_map(|start| workspace.root.join(start).canonicalize().ok()).collect();
    folders
        .extend(workspace.signatures.iter().filter_map(|source| workspace.path(*source).parent()).map(Path::to_owned));
    let above: HashSet<&Path> = folders.iter().flat_map(|folder| folder.ancestors()).collect();
    links.iter().any(|link| {
        link.ancestors().any(|folder| folders.contains(folder))
            || link.canonicalize().is_ok_and(|target| above.contains(target.as_path()))
    })
}

/// It reads one of the lists, by itself or by the exception of a service.
fn reads(
    signature: &ast::Signature,
    exceptions: &HashMap<&str, Vec<&ast::Expression>>,
    lists: &BTreeSet<&str>,
) -> bool {
    if lists.is_empty() {
        return false;
    }
    let mut found = false;
    let mut visit = |expression: &ast::Expression| {
        if let ExpressionKind::ListReference(name) = &expression.kind {
            found |= lists.contains(name.as_str());
        }
    };
    lint::each_expression(signature, &mut visit);
    for exception in exceptions.get(signature.id.value.as_str()).into_iter().flatten() {
        lint::each_part(exception, &mut visit);
    }
    found
}

/// Files with requests of its tests.
fn requests(signature: &ast::Signature) -> impl Iterator<Item = &str> {
    let steps = signature.tests.iter().flat_map(|test| match &test.body {
        ast::TestBody::Single(step) => std::slice::from_ref(step),
        ast::TestBody::Sequence(steps) => steps.as_slice(),
    });
    steps.filter_map(|step| match &step.request {
        ast::RequestForm::File(file) => Some(file.value.as_str()),
        ast::RequestForm::Text(_) | ast::RequestForm::Curl { .. } | ast::RequestForm::Map(_) => None,
    })
}

/// It is a scoped `allow` of such an id or tag.
fn skips(signature: &ast::Signature, id: impl Fn(&str) -> bool, tag: impl Fn(&str) -> bool) -> bool {
    signature.then.iter().filter_map(|action| action.value.scope()).any(|scope| match scope {
        ast::AllowScope::Id(name) => std::str::from_utf8(&name.value).is_ok_and(&id),
        ast::AllowScope::Tag(name) => std::str::from_utf8(&name.value).is_ok_and(&tag),
    })
}
