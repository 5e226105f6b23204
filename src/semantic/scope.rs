//! What conditions are checked against: the project ([`Context`]), the set's ids ([`Ids`]) and the state of one
//! signature's check ([`Checker`]) with its `let` names and its budget.

use super::Files;
use super::patterns::PatternUse;
use super::term::Term;
use crate::catalog::Phase;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, nearest};
use crate::ir::{Limits, List, Predicate, simplify};
use crate::source::{SourceMap, Span};
use crate::syntax::ast;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Nodes that the conditions of one signature may have with every `let` put in its places.
const MAX_NODES: usize = 10_000;
/// Levels that a condition may have with every `let` put in its place.
const MAX_DEPTH: usize = 256;

/// What every signature of the set shares.
pub(super) struct Context<'a> {
    pub sources: &'a SourceMap,
    pub files: &'a dyn Files,
    /// Sorted by name.
    pub lists: &'a [List],
    pub limits: &'a Limits,
    pub ids: &'a Ids<'a>,
}

/// The ids of the set.
#[derive(Default)]
pub(super) struct Ids<'a> {
    by_id: HashMap<&'a str, &'a ast::Signature>,
    by_tag: HashMap<&'a str, Vec<&'a ast::Signature>>,
    /// Stems of YAML files: a signature too broken to be here is not called unknown where another names it.
    stems: HashSet<&'a str>,
    /// The project has more signatures than this run: an unknown tag may be one of theirs.
    partial: bool,
}

impl<'a> Ids<'a> {
    /// `others`: ids of signatures that are not in this run.
    pub fn new(sources: &'a SourceMap, signatures: &'a [ast::Signature], others: &'a [String]) -> Ids<'a> {
        let mut ids = Ids { partial: !others.is_empty(), ..Ids::default() };
        ids.by_id.reserve(signatures.len());
        ids.stems.extend(others.iter().map(String::as_str));
        ids.stems.extend(sources.ids().filter_map(|source| file_stem(sources.name(source))));
        for signature in signatures {
            ids.by_id.entry(&signature.id.value).or_insert(signature);
            for tag in &signature.tags {
                ids.by_tag.entry(&tag.value).or_default().push(signature);
            }
        }
        ids
    }

    pub fn get(&self, id: &str) -> Option<&'a ast::Signature> {
        self.by_id.get(id).copied()
    }

    pub fn is_known(&self, id: &str) -> bool {
        self.by_id.contains_key(id) || self.stems.contains(id)
    }

    pub fn is_partial(&self) -> bool {
        self.partial
    }

    pub fn tagged(&self, tag: &str) -> &[&'a ast::Signature] {
        self.by_tag.get(tag).map_or(&[], Vec::as_slice)
    }

    pub fn nearest_id(&self, id: &str) -> Option<&'a str> {
        nearest(id, sorted(&self.by_id))
    }

    pub fn nearest_tag(&self, tag: &str) -> Option<&'a str> {
        nearest(tag, sorted(&self.by_tag))
    }
}

/// The keys in an order of their own: of two that are as near, the first is suggested.
fn sorted<'a, V>(map: &HashMap<&'a str, V>) -> impl Iterator<Item = &'a str> + use<'a, V> {
    let mut keys: Vec<&str> = map.keys().copied().collect();
    keys.sort_unstable();
    keys.into_iter()
}

/// `signatures/a/x.yaml` → `x`
fn file_stem(name: &str) -> Option<&str> {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml"))
}

/// A `let` that was checked.
pub(super) struct LetEntry<'a> {
    pub term: Term<'a>,
    pub span: Span,
    nodes: usize,
    depth: usize,
    response: bool,
    used: bool,
}

/// The check of one signature (or of a service's exceptions).
pub(super) struct Checker<'a> {
    pub context: &'a Context<'a>,
    pub diagnostics: Diagnostics,
    pub pattern_uses: Vec<PatternUse<'a>>,
    pub(super) lets: BTreeMap<&'a str, LetEntry<'a>>,
    /// Names that a `let` further down defines, and the one being defined.
    pub(super) later: BTreeMap<&'a str, Span>,
    spent: usize,
    exhausted: bool,
    depth: usize,
    deepest: usize,
    /// Where the condition at hand reads the response.
    pub(super) response_reads: Vec<(Span, String)>,
}

impl<'a> Checker<'a> {
    pub fn new(context: &'a Context<'a>) -> Checker<'a> {
        Checker {
            context,
            diagnostics: Diagnostics::default(),
            pattern_uses: Vec::new(),
            lets: BTreeMap::new(),
            later: BTreeMap::new(),
            spent: 0,
            exhausted: false,
            depth: 0,
            deepest: 0,
            response_reads: Vec::new(),
        }
    }

    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The text of a place.
    pub fn slice(&self, span: Span) -> &'a str {
        self.context.sources.slice(span)
    }

    /// Checks the `let`s in order; each may use those above it.
    pub fn define(&mut self, lets: &'a [ast::Let]) {
        self.later = lets.iter().map(|definition| (definition.name.value.as_str(), definition.name.span)).collect();
        for definition in lets {
            self.response_reads.clear();
            let before = self.spent;
            self.deepest = 0;
            let term = self.expression(&definition.value);
            let entry = LetEntry {
                term,
                span: definition.name.span,
                nodes: self.spent - before,
                depth: self.deepest,
                response: !self.response_reads.is_empty(),
                used: false,
            };
            self.later.remove(definition.name.value.as_str());
            self.lets.insert(&definition.name.value, entry);
        }
    }

    /// The term of a `let` name, put in place at `span`. `None`: there is no such name (yet).
    pub fn inline(&mut self, name: &str, span: Span) -> Option<Term<'a>> {
        let entry = self.lets.get_mut(name)?;
        entry.used = true;
        let (nodes, depth, response) = (entry.nodes, entry.depth, entry.response);
        if !self.spend(nodes, depth, span) {
            return Some(Term::Error);
        }
        if response {
            self.response_reads.push((span, name.to_owned()));
        }
        self.lets.get(name).map(|entry| entry.term.clone())
    }

    /// Charges `nodes` nodes on `depth` more levels to the signature's budget. `false` (reported once): it is used up.
    pub fn spend(&mut self, nodes: usize, depth: usize, span: Span) -> bool {
        self.spent = self.spent.saturating_add(nodes);
        self.deepest = self.deepest.max(self.depth + depth);
        if self.spent <= MAX_NODES && self.depth + depth <= MAX_DEPTH {
            return true;
        }
        if !self.exhausted {
            self.exhausted = true;
            let (what, help) = if self.spent > MAX_NODES {
                (
                    format!(
                        "the conditions of this signature have more than {MAX_NODES} parts, every `let` put in its places"
                    ),
                    "move long lists of values to a list of the project, or split the signature",
                )
            } else {
                (
                    format!("this condition nests deeper than {MAX_DEPTH} levels, every `let` put in its place"),
                    "use fewer `let`s that build on one another",
                )
            };
            self.report(Diagnostic::new(Code::LimitExceeded, span, what, "passes the limit here").help(help));
        }
        false
    }

    /// Runs `check` one level deeper, unless the budget is used up.
    pub fn nested(&mut self, span: Span, check: impl FnOnce(&mut Self) -> Term<'a>) -> Term<'a> {
        if self.exhausted || !self.spend(1, 1, span) {
            return Term::Error;
        }
        self.depth += 1;
        let term = check(self);
        self.depth -= 1;
        term
    }

    /// A whole condition, simplified, and the latest phase that it reads. `None`: it has errors.
    pub fn whole_condition(&mut self, expression: &'a ast::Expression) -> Option<(Predicate, Phase)> {
        self.response_reads.clear();
        let predicate = self.condition(expression)?;
        let phase = if self.response_reads.is_empty() { Phase::Request } else { Phase::Response };
        Some((simplify(predicate), phase))
    }

    /// A condition that is judged with the request; `place` names it in messages: "`when`".
    pub fn request_condition(&mut self, expression: &'a ast::Expression, place: &str) -> Option<Predicate> {
        let (predicate, _) = self.whole_condition(expression)?;
        self.refuse_response_reads(place).then_some(predicate)
    }

    /// Reports every read of the response since the last clearing. `true`: there was none.
    pub fn refuse_response_reads(&mut self, place: &str) -> bool {
        let reads = std::mem::take(&mut self.response_reads);
        for (span, name) in &reads {
            let message = format!("`{name}` is known only with the response, and {place} is judged with the request");
            self.report(
                Diagnostic::new(Code::PhaseConflict, *span, message, "not known yet").help(
                    "a response can count for a rate: `rate: {…, count: \"resp.status in [401, 403]\"}`, in quotes",
                ),
            );
        }
        reads.is_empty()
    }

    /// Warns about each `let` that nothing used.
    pub fn report_unused(&mut self, lets: &'a [ast::Let]) {
        for definition in lets {
            let unused = self.lets.get(definition.name.value.as_str()).is_some_and(|entry| {
                !entry.used && entry.span == definition.name.span && !matches!(entry.term, Term::Error)
            });
            if unused {
                let message = format!("`{}` is never used", definition.name.value);
                self.report(
                    Diagnostic::new(Code::UnusedLet, definition.name.span, message, "nothing reads this name")
                        .help("remove it, or use it in a condition"),
                );
            }
        }
    }
}
