//! `edgesig.lock`: what the repository has released under which id and version, one line per signature. `check` compares
//! it with the signatures, `check --update-lock` and `init` write it.
//!
//! ```text
//! edgesig-lock 1
//! admin-path 2 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! old-token 1 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11e752 retired
//! ```
//!
//! The hash is of what a signature means ([`crate::ir::meaning`]): severity, conditions, rate and actions. It is not of the
//! mode, which is the operator's, nor of what is in a list, which the project keeps by itself. A draft was never released
//! and has no line.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::ir::{Action, AllowScope, Mode, Rule, Ruleset, meaning};
use crate::source::{SourceId, SourceMap, Span};
use crate::syntax::ast;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

/// Name of the lock file, beside the project file.
pub const LOCK_FILE: &str = "edgesig.lock";
/// Raised when a line or the hash is made differently.
const HEADER: &str = "edgesig-lock 1";
const COMMENT: &str = "# Written by `edgesig check --update-lock`; commit it. Id, version, hash of the meaning.";
/// Lines reported of a file that is no lock file.
const MAX_PROBLEMS: usize = 20;
/// How the lock comes up to date.
const UPDATE: &str = "`edgesig check --update-lock` writes it; commit it with the change";

/// What a line says of its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    version: u32,
    hash: String,
    retired: bool,
}

/// A lock file, read.
#[derive(Debug, Default)]
pub struct Lock {
    /// By id, with the place of the line.
    entries: BTreeMap<String, (State, Span)>,
}

/// What `check` knows of the repository.
pub struct Repository<'r> {
    pub sources: &'r SourceMap,
    pub signatures: &'r [ast::Signature],
    pub ruleset: &'r Ruleset,
    /// File stems of all signatures, also of those that could not be read.
    pub ids: &'r BTreeSet<String>,
    /// Every signature of the project is in it.
    pub whole: bool,
}

/// Reads the lock file; what is wrong with it is reported, and then there is no lock.
pub fn parse(sources: &SourceMap, source: SourceId, diagnostics: &mut Diagnostics) -> Option<Lock> {
    let mut lock = Lock::default();
    let mut problems = 0;
    let mut report = |span: Span, message: String, label: &str| {
        problems += 1;
        if problems <= MAX_PROBLEMS {
            diagnostics.push(Diagnostic::new(Code::InvalidLock, span, message, label).help(
                "restore the file from version control, then let `edgesig check --update-lock` write what is new",
            ));
        }
    };
    let mut start = 0;
    let mut header = false;
    for whole in sources.text(source).split_inclusive('\n') {
        let line = whole.trim_end_matches(['\n', '\r']);
        let span = Span::new(source, start, start + line.len());
        start += whole.len();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !header {
            header = true;
            if line != HEADER {
                let message = format!("expected `{HEADER}`, found `{}`", shortened(line));
                report(span, message, "not a lock file of this edgesig");
                break;
            }
            continue;
        }
        match entry(line) {
            Err(wrong) => report(span, wrong.to_owned(), "cannot be read"),
            Ok((id, state)) => {
                if lock.entries.insert(id.to_owned(), (state, span)).is_some() {
                    report(span, format!("`{id}` is in the lock file twice"), "the second line of this id");
                }
            }
        }
    }
    if !header {
        report(Span::new(source, 0, 0), format!("expected `{HEADER}`, found an empty file"), "nothing in it");
    }
    (problems == 0).then_some(lock)
}

/// One line.
fn entry(line: &str) -> Result<(&str, State), &'static str> {
    const FORM: &str = "expected `ID VERSION HASH` or `ID VERSION HASH retired`";
    let words: Vec<&str> = line.split(' ').take(5).collect();
    let (id, state) = match words.as_slice() {
        [id, version, hash] => (*id, released(version, hash, false).ok_or(FORM)?),
        [id, version, hash, "retired"] => (*id, released(version, hash, true).ok_or(FORM)?),
        _ => return Err(FORM),
    };
    let is_id = |id: &str| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if is_id(id) { Ok((id, state)) } else { Err("the line does not begin with the id of a signature") }
}

fn released(version: &str, hash: &str, retired: bool) -> Option<State> {
    let is_canonical = !version.starts_with(['0', '+']);
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let version = version.parse().ok().filter(|_| is_canonical && is_hash)?;
    Some(State { version, hash: hash.to_owned(), retired })
}

/// What forbids a merge, whether or not the lock is written anew: a version that stands for two meanings, goes back,
/// an id that comes back as something else, a signature that is gone.
pub fn violations(lock: &Lock, repository: &Repository<'_>) -> Diagnostics {
    let mut found = Diagnostics::default();
    let by_source: HashMap<SourceId, &ast::Signature> =
        repository.signatures.iter().map(|signature| (signature.source, signature)).collect();
    for rule in &repository.ruleset.rules {
        let (Some(signature), Some((State { version, hash, retired }, line))) =
            (by_source.get(&rule.span.source), lock.entries.get(&rule.id))
        else {
            continue;
        };
        if rule.mode == Mode::Retired {
            continue;
        }
        let is_same = *hash == hash_of(rule, signature, repository.ruleset);
        let diagnostic = if rule.mode == Mode::Draft && !retired {
            withdrawn(rule, signature)
        } else if *retired && !is_same {
            reused(rule)
        } else if rule.version < *version {
            lower_version(rule, signature, *version)
        } else if !is_same && rule.version == *version {
            changed(rule, signature, repository.sources)
        } else {
            continue;
        };
        found.push(diagnostic.secondary(*line, "in the lock file"));
    }
    if repository.whole {
        for (id, (state, line)) in &lock.entries {
            if !state.retired && !repository.ids.contains(id) {
                found.push(lost(id, *line));
            }
        }
    }
    found
}

fn reused(rule: &Rule) -> Diagnostic {
    let message = format!("the id `{}` was retired, and is used again for something else", rule.id);
    Diagnostic::new(Code::ReusedId, rule.span, message, "means another signature already")
        .help("give this signature an id of its own: logs and exceptions of the old one stay readable")
        .help("to bring the old signature back, bring it back unchanged, and change it in a later version")
}

fn lower_version(rule: &Rule, signature: &ast::Signature, locked: u32) -> Diagnostic {
    let (version, id) = (rule.version, &rule.id);
    let message = format!("`{id}` goes back from version {locked} to {version}");
    let label = format!("lower than {locked}");
    Diagnostic::new(Code::LowerVersion, version_place(rule, signature), message, label)
        .help(format!("an old state comes back under a new number: `version: {}`", locked.saturating_add(1)))
}

fn changed(rule: &Rule, signature: &ast::Signature, sources: &SourceMap) -> Diagnostic {
    let (version, next) = (rule.version, rule.version.saturating_add(1));
    let message = format!("`{}` means something else than its version {version} did", rule.id);
    let place = version_place(rule, signature);
    let diagnostic = Diagnostic::new(Code::ChangedWithoutVersion, place, message, "the version is the same");
    if place == signature.version.span {
        return diagnostic.proposal("raise the version", place, next.to_string());
    }
    // No `version:` yet: a line of its own below the id's, where the id is alone on its line.
    let text = sources.text(place.source);
    let end = text[place.end as usize..].find('\n').map(|at| place.end as usize + at + 1);
    let line = text[..place.start as usize].rfind('\n').map_or(0, |at| at + 1);
    match end.filter(|_| &text[line..place.start as usize] == "id: ") {
        Some(end) => {
            let at = Span::new(place.source, end, end);
            diagnostic.proposal("raise the version", at, format!("version: {next}\n"))
        }
        None => diagnostic.help(format!("raise the version: `version: {next}`")),
    }
}

/// Where the version is, or with the default the id.
fn version_place(rule: &Rule, signature: &ast::Signature) -> Span {
    let span = signature.version.span;
    // Without the key the span is that of the file's first line.
    if span.start > signature.span.start { span } else { rule.span }
}

fn lost(id: &str, line: Span) -> Diagnostic {
    Diagnostic::new(Code::LostSignature, line, format!("the signature `{id}` is gone"), "no file has this id any more")
        .help(format!(
            "bring `{id}.yaml` back with `mode: retired`; once the lock file says so, the file can be removed"
        ))
        .help("a signature that got a new id is a new signature: the old one is retired")
        .help("one that was never merged can go together with its line in the lock file")
}

/// A draft is in no build: nobody would see that the protection is gone.
fn withdrawn(rule: &Rule, signature: &ast::Signature) -> Diagnostic {
    let message = format!("`{}` was released, and as a draft it is in no build any more", rule.id);
    Diagnostic::new(Code::LostSignature, signature.mode.span, message, "takes the signature out")
        .help("`mode: monitor` records and lets pass, `mode: retired` takes it out of service for good")
}

/// What a pull request did to the lock file that no run of `--update-lock` does: removed it, or removed or changed the
/// line of a retired signature. `base` names what it is compared with.
pub fn tampering(before: &Lock, now: Option<&Lock>, base: &str) -> Diagnostics {
    let mut found = Diagnostics::default();
    let restore = format!("`git checkout {base} -- {LOCK_FILE}` brings it back, then `edgesig check --update-lock`");
    let Some(now) = now else {
        if let Some((_, (_, line))) = before.entries.iter().next() {
            let message = format!("{LOCK_FILE} is gone: the base, `{base}`, has one");
            found.push(Diagnostic::new(Code::InvalidLock, *line, message, "is not locked any more").help(restore));
        }
        return found;
    };
    for (id, (state, line)) in before.entries.iter().filter(|(_, (state, _))| state.retired) {
        let is_kept = now
            .entries
            .get(id)
            .is_some_and(|(now, _)| !now.retired || (now.version, &now.hash) == (state.version, &state.hash));
        if !is_kept {
            let message = format!("the line of the retired signature `{id}` is gone or says something else");
            let label = format!("as it is at the base, `{base}`");
            found.push(
                Diagnostic::new(Code::InvalidLock, *line, message, label)
                    .help("the lines of retired signatures stay, so that nobody uses their ids again")
                    .help(restore.clone()),
            );
        }
    }
    found
}

/// Where the lock is behind the signatures, though nothing forbids it.
pub fn stale(lock: &Lock, repository: &Repository<'_>) -> Diagnostics {
    let mut found = Diagnostics::default();
    let next = next(Some(lock), repository);
    for rule in &repository.ruleset.rules {
        let (message, line) = match (lock.entries.get(&rule.id), next.get(&rule.id)) {
            (None, Some(_)) => (format!("`{}` is not in {LOCK_FILE}", rule.id), None),
            (Some((before, line)), Some(after)) if before != after => {
                (format!("{LOCK_FILE} has `{}` as {}, here it is {}", rule.id, told(before), told(after)), Some(*line))
            }
            _ => continue,
        };
        let diagnostic = Diagnostic::new(Code::StaleLock, rule.span, message, "").help(UPDATE);
        found.push(match line {
            Some(line) => diagnostic.secondary(line, "in the lock file"),
            None => diagnostic,
        });
    }
    found
}

fn told(state: &State) -> String {
    format!("version {}{}", state.version, if state.retired { ", retired" } else { "" })
}

/// The lock file that the repository should have. Only where nothing is violated and every signature compiles.
pub fn updated(lock: Option<&Lock>, repository: &Repository<'_>) -> String {
    let mut text = format!("{COMMENT}\n{HEADER}\n");
    for (id, State { version, hash, retired }) in next(lock, repository) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{id} {version} {hash}{}", if retired { " retired" } else { "" });
    }
    text
}

/// What each line should say.
fn next(lock: Option<&Lock>, repository: &Repository<'_>) -> BTreeMap<String, State> {
    let by_source: HashMap<SourceId, &ast::Signature> =
        repository.signatures.iter().map(|signature| (signature.source, signature)).collect();
    // What was released stays known for ever.
    let mut next: BTreeMap<String, State> =
        lock.iter().flat_map(|lock| &lock.entries).map(|(id, (state, _))| (id.clone(), state.clone())).collect();
    for rule in &repository.ruleset.rules {
        let Some(signature) = by_source.get(&rule.span.source) else { continue };
        match (rule.mode, next.get_mut(&rule.id)) {
            (Mode::Draft, _) => {}
            (Mode::Retired, Some(state)) => state.retired = true,
            (mode @ (Mode::Monitor | Mode::Canary(_) | Mode::Enforce | Mode::Retired), _) => {
                let hash = hash_of(rule, signature, repository.ruleset);
                let state = State { version: rule.version, hash, retired: mode == Mode::Retired };
                next.insert(rule.id.clone(), state);
            }
        }
    }
    next
}

/// The hash of a rule's meaning. `allow(tag: …)` counts as it is written: which signatures have the tag is theirs to say.
fn hash_of(rule: &Rule, signature: &ast::Signature, ruleset: &Ruleset) -> String {
    let scopes = signature.then.iter().filter_map(|action| action.value.scope());
    let mut has_tag = false;
    let written_scope: BTreeSet<String> = scopes
        .map(|scope| match scope {
            ast::AllowScope::Tag(tag) => {
                has_tag = true;
                format!("tag:{}", String::from_utf8_lossy(&tag.value))
            }
            ast::AllowScope::Id(id) => String::from_utf8_lossy(&id.value).into_owned(),
        })
        .collect();
    if !has_tag {
        return rule.hash.clone();
    }
    let mut written = rule.clone();
    for action in &mut written.actions {
        // The scopes of a signature are joined to one.
        if let Action::Allow(AllowScope::Rules(scope)) = action {
            *scope = written_scope.iter().cloned().collect();
        }
    }
    let text = meaning(&written, &ruleset.lists);
    Sha256::digest(text).iter().fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

/// The start of a line, for messages.
fn shortened(line: &str) -> String {
    let mut short: String = line.chars().take(40).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}
