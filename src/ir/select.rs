//! From the whole set to what one build emits: target, service, modes, exclusions, expiry.

use super::{Action, AllowScope, Date, Mode, Predicate, Rule, Ruleset, Service, simplify};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// What to emit.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// `None`: rules of every target.
    pub target: Option<String>,
    pub service: Option<String>,
    /// Overrides the mode of every emitted rule.
    pub mode: Option<Mode>,
    /// Ids to leave out.
    pub exclude: Vec<String>,
    /// An `allow` that expired before this day is not emitted.
    pub today: Option<Date>,
}

/// The rules that `selection` emits, with their modes. Unknown names are the caller's to report, who knows where they
/// were written: here an unknown service selects nothing, an unknown excluded id excludes nothing.
pub fn select(ruleset: &Ruleset, selection: &Selection) -> Ruleset {
    let service = match &selection.service {
        None => None,
        Some(name) => match ruleset.settings.services.iter().find(|service| service.name == *name) {
            Some(service) => Some(service),
            None => return ruleset.with_rules(Vec::new()),
        },
    };
    let selected = service.map(Selected::new);
    let excluded: BTreeSet<&str> = selection.exclude.iter().map(String::as_str).collect();
    let mut rules: Vec<Arc<Rule>> = ruleset
        .rules
        .par_iter()
        .with_min_len(64)
        .filter(|rule| !excluded.contains(rule.id.as_str()))
        .filter(|rule| selected.as_ref().is_none_or(|service| service.has(rule)))
        .filter(|rule| is_of_target(rule, selection.target.as_deref()) && !is_lapsed(rule, selection.today))
        .filter_map(|rule| {
            let mode = emitted_mode(rule, service, selection.mode)?;
            let mut rule = Arc::clone(rule);
            if mode != rule.mode {
                Arc::make_mut(&mut rule).mode = mode;
            }
            add_exception(&mut rule, service);
            Some(rule)
        })
        .collect();
    drop_idle_scopes(&mut rules);
    ruleset.with_rules(rules)
}

/// What a service selects.
struct Selected<'s> {
    everything: bool,
    tags: HashSet<&'s str>,
    ids: HashSet<&'s str>,
}

impl<'s> Selected<'s> {
    fn new(service: &'s Service) -> Selected<'s> {
        Selected {
            everything: service.select_tags.is_none() && service.select_ids.is_none(),
            tags: service.select_tags.iter().flatten().map(String::as_str).collect(),
            ids: service.select_ids.iter().flatten().map(String::as_str).collect(),
        }
    }

    fn has(&self, rule: &Rule) -> bool {
        self.everything
            || self.ids.contains(rule.id.as_str())
            || rule.tags.iter().any(|tag| self.tags.contains(tag.as_str()))
    }
}

/// What a list that is sorted by id has for an id.
fn of_id<'l, T>(list: &'l [(String, T)], id: &str) -> Option<&'l T> {
    list.binary_search_by(|(name, _)| name.as_str().cmp(id)).ok().map(|at| &list[at].1)
}

fn is_of_target(rule: &Rule, target: Option<&str>) -> bool {
    match (target, &rule.targets) {
        (Some(target), Some(targets)) => targets.iter().any(|name| name == target),
        (None, _) | (_, None) => true,
    }
}

/// An expired `allow`: it would go on opening a hole. Any other expired rule still protects and stays.
fn is_lapsed(rule: &Rule, today: Option<Date>) -> bool {
    match (rule.expires, today) {
        (Some(expires), Some(today)) => rule.is_allow() && expires < today,
        (None, _) | (_, None) => false,
    }
}

/// `None`: not emitted. A draft or retired signature stays out whatever a service or a build says.
fn emitted_mode(rule: &Rule, service: Option<&Service>, forced: Option<Mode>) -> Option<Mode> {
    if !rule.mode.is_emitted() {
        return None;
    }
    let mode = service.and_then(|service| of_id(&service.modes, &rule.id)).copied().unwrap_or(rule.mode);
    mode.is_emitted().then(|| forced.unwrap_or(mode))
}

/// Or-s the service's exception into the rule's own.
fn add_exception(rule: &mut Arc<Rule>, service: Option<&Service>) {
    if let Some(added) = service.and_then(|service| of_id(&service.except, &rule.id)) {
        let rule = Arc::make_mut(rule);
        let parts = rule.except.take().into_iter().chain([added.clone()]).collect();
        rule.except = Some(simplify(Predicate::Any(parts)));
    }
}

/// Scoped allows forget the rules that are not emitted; one that names none any more does nothing and goes.
fn drop_idle_scopes(rules: &mut Vec<Arc<Rule>>) {
    let is_scope = |action: &Action| matches!(action, Action::Allow(AllowScope::Rules(_)));
    let has_scopes = rules.iter().any(|rule| rule.actions.iter().any(is_scope));
    if !has_scopes {
        return;
    }
    let ids: BTreeSet<String> = rules.iter().map(|rule| rule.id.clone()).collect();
    for rule in rules.iter_mut().filter(|rule| rule.actions.iter().any(is_scope)) {
        let rule = Arc::make_mut(rule);
        for action in &mut rule.actions {
            if let Action::Allow(AllowScope::Rules(scope)) = action {
                scope.retain(|id| ids.contains(id));
            }
        }
        rule.actions.retain(|action| match action {
            Action::Allow(AllowScope::Rules(scope)) => !scope.is_empty(),
            Action::Allow(AllowScope::Everything)
            | Action::Block(_)
            | Action::Log
            | Action::Tag(_)
            | Action::Score(_)
            | Action::Redirect { .. }
            | Action::Strip(_)
            | Action::Throttle
            | Action::Tarpit(_) => true,
        });
    }
    rules.retain(|rule| !rule.actions.is_empty());
}
