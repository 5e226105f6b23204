//! `policy:` of edgesig.yaml against the signatures. Only `check` asks: a build does not depend on it.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::ir::{Action, Date, Mode, Rule, Ruleset};
use crate::source::{SourceId, Span, Spanned};
use crate::syntax::ast::{self, Policy, PolicyKey, PolicyMode, Signature};
use std::collections::HashMap;

/// What the signatures owe to the project's policy. Retired ones owe nothing.
pub fn check(project: Option<&ast::Project>, signatures: &[Signature], ruleset: &Ruleset, today: Date) -> Diagnostics {
    let mut found = Diagnostics::default();
    let Some(project) = project else { return found };
    let Some(policy) = &project.policy else { return found };
    let by_source: HashMap<SourceId, &Signature> =
        signatures.iter().map(|signature| (signature.source, signature)).collect();
    let mut of_services: HashMap<&str, Vec<&Spanned<Mode>>> = HashMap::new();
    for (id, mode) in project.services.iter().flat_map(|service| &service.modes) {
        of_services.entry(&id.value).or_default().push(mode);
    }
    for rule in ruleset.rules.iter().filter(|rule| rule.mode != Mode::Retired) {
        let Some(signature) = by_source.get(&rule.span.source) else { continue };
        required(policy, signature, &mut found);
        tagged(policy, signature, &mut found);
        short_lived(policy, signature, today, &mut found);
        let of_services = of_services.get(rule.id.as_str()).into_iter().flatten().copied();
        for mode in std::iter::once(&signature.mode).chain(of_services) {
            allowed(policy, signature, rule, mode, &mut found);
        }
    }
    found
}

fn violation(span: Span, message: String, label: &str, demand: Span) -> Diagnostic {
    Diagnostic::new(Code::PolicyViolation, span, message, label).secondary(demand, "the project's policy")
}

fn required(policy: &Policy, signature: &Signature, found: &mut Diagnostics) {
    for key in &policy.require {
        let (name, is_there, example) = match key.value {
            PolicyKey::Description => ("description", signature.description.is_some(), "what the attack does"),
            PolicyKey::Owner => ("owner", signature.owner.is_some(), "who answers for it"),
            PolicyKey::Created => ("created", signature.created.is_some(), "the day on which it was written"),
            PolicyKey::Expires => ("expires", signature.expires.is_some(), "the day on which somebody looks again"),
            PolicyKey::References => {
                let refs = &signature.refs;
                let lists = [&refs.cve, &refs.cwe, &refs.attack, &refs.owasp, &refs.urls];
                ("refs", lists.iter().any(|list| !list.is_empty()), "where the facts come from, as in `{cve: [CVE-…]}`")
            }
            PolicyKey::Tags => ("tags", !signature.tags.is_empty(), "what it belongs to"),
            PolicyKey::Notes => ("notes", !signature.notes.is_empty(), "`false_positives` and `blind_spots`"),
        };
        if !is_there {
            let message = format!("`{}` has no `{name}`", signature.id.value);
            let diagnostic = violation(signature.id.span, message, "", key.span);
            found.push(diagnostic.help(format!("add `{name}:`, {example}")));
        }
    }
}

fn tagged(policy: &Policy, signature: &Signature, found: &mut Diagnostics) {
    let Some(first) = policy.tags.first() else { return };
    if signature.tags.iter().any(|tag| policy.tags.iter().any(|wanted| wanted.value == tag.value)) {
        return;
    }
    let names: Vec<String> = policy.tags.iter().map(|tag| format!("`{}`", tag.value)).collect();
    let message = format!("`{}` has none of the project's tags", signature.id.value);
    let demand = policy.tags.last().map_or(first.span, |last| first.span.to(last.span));
    let diagnostic = violation(signature.id.span, message, "", demand);
    found.push(diagnostic.help(format!("give it one under `tags:`: {}", names.join(", "))));
}

fn short_lived(policy: &Policy, signature: &Signature, today: Date, found: &mut Diagnostics) {
    let is_patch = !signature.refs.cve.is_empty();
    let limits = [policy.lifetime.patch.as_ref().filter(|_| is_patch), policy.lifetime.any.as_ref()];
    let Some(limit) = limits.into_iter().flatten().min_by_key(|limit| limit.value) else { return };
    let (id, days) = (&signature.id.value, limit.value.0 / ast::Duration::DAY.0);
    let what = if is_patch { "a virtual patch" } else { "a signature" };
    let Some(expires) = &signature.expires else {
        let message = format!("`{id}` has no end, {what} may live {days} days");
        let diagnostic = violation(signature.id.span, message, "no `expires`", limit.span);
        found.push(diagnostic.help("add `expires:` with the day on which somebody looks at it again"));
        return;
    };
    // Without the day of its making it is as old as today. One that is still to come would make any life long enough.
    let created = signature.created.as_ref().filter(|created| created.value <= today);
    let born = created.map_or(today, |created| created.value);
    let latest = born.checked_add(jiff::Span::new().days(i64::try_from(days).unwrap_or(i64::MAX).min(4_000_000)));
    if let Ok(latest) = latest
        && expires.value > latest
    {
        let message = format!("`{id}` lives too long, {what} may live {days} days");
        let diagnostic = violation(expires.span, message, &format!("later than {latest}"), limit.span);
        let diagnostic = match (created, &signature.created) {
            (Some(created), _) => diagnostic.secondary(created.span, "counted from here"),
            (None, Some(future)) => diagnostic.secondary(future.span, "not yet: it is counted from today"),
            (None, None) => diagnostic.note("without `created` it is counted from today"),
        };
        found.push(diagnostic.help(format!("set `expires` to {latest} at the latest")));
    }
}

fn allowed(policy: &Policy, signature: &Signature, rule: &Rule, mode: &Spanned<Mode>, found: &mut Diagnostics) {
    let name = match mode.value {
        Mode::Monitor => PolicyMode::Monitor,
        Mode::Canary(_) => PolicyMode::Canary,
        Mode::Enforce => PolicyMode::Enforce,
        Mode::Draft | Mode::Retired => return,
    };
    let Some((_, allowed)) = policy.actions.iter().find(|(of_mode, _)| *of_mode == name) else { return };
    for (index, action) in rule.actions.iter().enumerate() {
        let word = word(action);
        if allowed.value.contains(&word) {
            continue;
        }
        // Without `then` the action is the default one, and stands nowhere.
        let place = signature.then.get(index).map_or(rule.span, |written| written.span);
        let message = format!("`{}` may not `{word}` in mode `{}`", rule.id, name.name());
        let mut diagnostic = violation(place, message, "not allowed in this mode", allowed.span);
        let is_default = mode.span.start <= signature.span.start && mode.span.source == signature.source;
        if !is_default {
            diagnostic = diagnostic.secondary(mode.span, "the mode");
        }
        let words: Vec<String> = allowed.value.iter().map(|word| format!("`{word}`")).collect();
        found.push(match words.is_empty() {
            true => diagnostic.help(format!("no action is allowed in mode `{}`: choose another mode", name.name())),
            false => diagnostic.help(format!("choose another mode, or one of {}", words.join(", "))),
        });
    }
}

/// The word that an action starts with.
fn word(action: &Action) -> &'static str {
    match action {
        Action::Block(_) => "block",
        Action::Log => "log",
        Action::Tag(_) => "tag",
        Action::Score(_) => "score",
        Action::Allow(_) => "allow",
        Action::Redirect { .. } => "redirect",
        Action::Strip(_) => "strip",
        Action::Throttle => "throttle",
        Action::Tarpit(_) => "tarpit",
    }
}
