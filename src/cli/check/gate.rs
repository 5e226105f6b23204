//! The part of `check` that compares the repository with its lock file, and writes that.

use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::git::Changes;
use crate::cli::load::Loaded;
use crate::cli::lock::{self, LOCK_FILE, Lock, Repository};
use crate::cli::render::counted;
use crate::diagnostic::{Code, Diagnostics};
use crate::source::SourceId;
use std::collections::BTreeSet;
use std::path::Path;

/// Writes the first lock file of a new repository. False: something in the folder is wrong, and `check` will say what.
pub fn lock_new_repository(folder: &Path, console: &mut Console) -> Result<bool, Failure> {
    let mut loaded = Loaded::load(&[folder.to_owned()])?;
    let gate = Gate::open(&mut loaded, true, None)?;
    let invalid = loaded.diagnostics.has_errors();
    gate.update(&loaded, invalid, false, console)?;
    Ok(!invalid)
}

/// The lock file of a run.
pub struct Gate {
    /// Of the file, where there is one.
    source: Option<SourceId>,
    /// Of the file as it was at the base of a pull request, with the name of the base.
    before: Option<(SourceId, String)>,
    ids: BTreeSet<String>,
    /// Every signature of the project is in the run.
    whole: bool,
}

impl Gate {
    /// Reads the lock file, if there is one; with `changes` also the one that the pull request found.
    pub fn open(loaded: &mut Loaded, whole: bool, changes: Option<&Changes>) -> Result<Gate, Failure> {
        let source = loaded.workspace.read_lock()?;
        let mut before = None;
        if let Some(changes) = changes {
            let path = loaded.workspace.root.join(LOCK_FILE);
            // A project that moved to another folder left its lock file behind.
            let moved = changes.deleted.iter().filter(|path| path.ends_with(LOCK_FILE));
            for path in std::iter::once(&path).chain(moved) {
                if let Some(bytes) = changes.before(path)? {
                    before = Some((loaded.workspace.add_lock(&bytes), changes.base.clone()));
                    break;
                }
            }
        }
        let sources = &loaded.workspace.sources;
        let stem = |source: &SourceId| Some(Path::new(sources.name(*source)).file_stem()?.to_str()?.to_owned());
        let ids = loaded.workspace.signatures.iter().filter_map(stem).collect();
        Ok(Gate { source, before, ids, whole })
    }

    fn repository<'r>(&'r self, loaded: &'r Loaded) -> Repository<'r> {
        Repository {
            sources: &loaded.workspace.sources,
            signatures: &loaded.signatures,
            ruleset: &loaded.ruleset,
            ids: &self.ids,
            whole: self.whole,
        }
    }

    /// What the lock file forbids, and where it is behind. Without a lock file nothing. The one of the base forbids as
    /// well, so that no pull request changes a signature together with its line.
    pub fn check(&self, loaded: &Loaded) -> Diagnostics {
        let mut found = self.check_own(loaded);
        if let Some((source, base)) = &self.before
            && let Some(lock) = lock::parse(&loaded.workspace.sources, *source, &mut Diagnostics::default())
        {
            // What cannot be read here is said, and is not gone.
            if self.source.is_none() || !found.list.iter().any(|diagnostic| diagnostic.code == Code::InvalidLock) {
                let now = self.lock(loaded, &mut Diagnostics::default());
                found.extend(lock::tampering(&lock, now.as_ref(), base));
            }
            let said: BTreeSet<String> = found.list.iter().map(|diagnostic| diagnostic.message.clone()).collect();
            let mut violations = lock::violations(&lock, &self.repository(loaded));
            violations.list.retain(|diagnostic| !said.contains(&diagnostic.message));
            // What the own lock file would only call new is forbidden.
            let forbidden: BTreeSet<_> = violations.list.iter().map(|found| found.primary.span.source).collect();
            found.list.retain(|own| own.code != Code::StaleLock || !forbidden.contains(&own.primary.span.source));
            for diagnostic in violations.list {
                found.push(diagnostic.note(format!("{LOCK_FILE} is shown as it was at the base, `{base}`")));
            }
        }
        found
    }

    fn check_own(&self, loaded: &Loaded) -> Diagnostics {
        let mut found = Diagnostics::default();
        if let Some(lock) = self.lock(loaded, &mut found) {
            let repository = self.repository(loaded);
            found.extend(lock::violations(&lock, &repository));
            if self.whole {
                // What forbids the merge is said once.
                let said: BTreeSet<_> = found.list.iter().map(|diagnostic| diagnostic.primary.span.source).collect();
                let mut stale = lock::stale(&lock, &repository);
                stale.list.retain(|diagnostic| {
                    Some(diagnostic.primary.span.source) == self.source
                        || !said.contains(&diagnostic.primary.span.source)
                });
                found.extend(stale);
            }
        }
        found
    }

    /// The signatures that mean something else than their version in the lock file does.
    pub fn changed(&self, loaded: &Loaded) -> BTreeSet<String> {
        let Some(lock) = self.lock(loaded, &mut Diagnostics::default()) else { return BTreeSet::new() };
        let mut violations = lock::violations(&lock, &self.repository(loaded));
        violations.list.retain(|found| found.code == Code::ChangedWithoutVersion);
        let sources: BTreeSet<SourceId> = violations.list.iter().map(|found| found.primary.span.source).collect();
        let rules = loaded.ruleset.rules.iter().filter(|rule| sources.contains(&rule.span.source));
        rules.map(|rule| rule.id.clone()).collect()
    }

    /// Writes the lock file anew, unless something forbids it; gives what does. `tell`: people read along.
    pub fn update(
        &self,
        loaded: &Loaded,
        invalid: bool,
        tell: bool,
        console: &mut Console,
    ) -> Result<Diagnostics, Failure> {
        let mut found = Diagnostics::default();
        let lock = self.lock(loaded, &mut found);
        let repository = self.repository(loaded);
        if let Some(lock) = &lock {
            found.extend(lock::violations(lock, &repository));
        }
        if invalid || found.has_errors() {
            if tell {
                console.message("warning", &format!("{LOCK_FILE} is not written: there are errors"))?;
            }
            return Ok(found);
        }
        let text = lock::updated(lock.as_ref(), &repository);
        if self.source.map(|source| loaded.workspace.sources.text(source)) == Some(&text) {
            return Ok(found);
        }
        loaded.workspace.write_lock(&text)?;
        if tell {
            let lines = text.lines().filter(|line| !line.starts_with('#')).count() - 1;
            console.message("note", &format!("wrote {LOCK_FILE} with {}", counted(lines, "signature")))?;
        }
        Ok(found)
    }

    fn lock(&self, loaded: &Loaded, found: &mut Diagnostics) -> Option<Lock> {
        lock::parse(&loaded.workspace.sources, self.source?, found)
    }
}
