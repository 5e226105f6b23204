//! `policy:` of the project file: node → [`Policy`]. Called by `project`; `check` holds the signatures against it.

use super::ast::{Lifetime, Policy, PolicyKey, PolicyMode};
use super::nodes::Reader;
use super::yaml::Node;
use super::{keys, terms};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Spanned;

/// Keys that a policy can demand.
pub(super) const REQUIRABLE: [(&str, PolicyKey); 7] = [
    ("description", PolicyKey::Description),
    ("owner", PolicyKey::Owner),
    ("created", PolicyKey::Created),
    ("expires", PolicyKey::Expires),
    ("refs", PolicyKey::References),
    ("tags", PolicyKey::Tags),
    ("notes", PolicyKey::Notes),
];

/// Actions by the word that they start with.
pub(super) const ACTIONS: [&str; 9] =
    ["block", "log", "tag", "score", "allow", "redirect", "strip", "throttle", "tarpit"];

pub(super) fn policy(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Policy> {
    let mut fields = reader.mapping(node, "`policy`")?;
    let require = fields.get("require").map(|node| reader.words(node, "key", &REQUIRABLE)).unwrap_or_default();
    let tags = fields.get("tags").and_then(|node| tags(reader, node)).unwrap_or_default();
    let lifetime = fields.get("lifetime").map(|node| lifetime(reader, node)).unwrap_or_default();
    let longest_suppression =
        fields.get("longest_suppression").and_then(|node| reader.term(node, "a duration", terms::duration));
    let mut actions = Vec::new();
    if let Some(node) = fields.get("actions")
        && let Some(mut fields) = reader.mapping(node, "`actions`")
    {
        let known = ACTIONS.map(|word| (word, word));
        for (name, mode) in PolicyMode::ALL.map(|mode| (mode.name(), mode)) {
            if let Some(node) = fields.get(name) {
                let allowed = reader.words(node, "action", &known);
                actions.push((mode, Spanned::new(allowed.into_iter().map(|word| word.value).collect(), node.span)));
            }
        }
        fields.finish(reader, &keys::POLICY_ACTIONS);
    }
    fields.finish(reader, &keys::POLICY);
    Some(Policy { require, tags, lifetime, longest_suppression, actions })
}

fn tags(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Vec<Spanned<String>>> {
    let tags = reader.texts(node, "a list of tags")?;
    if tags.is_empty() {
        let message = "no signature can have one of no tags";
        let diagnostic = Diagnostic::new(Code::InvalidValue, node.span, message, "nothing in it");
        reader.report.push(diagnostic.help("name the tags, or leave the key out"));
    }
    Some(tags)
}

fn lifetime(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Lifetime {
    let Some(mut fields) = reader.mapping(node, "`lifetime`") else { return Lifetime::default() };
    let mut duration = |key: &str| fields.get(key).and_then(|node| reader.term(node, "a duration", terms::duration));
    let (patch, any) = (duration("patch"), duration("any"));
    fields.finish(reader, &keys::LIFETIME);
    Lifetime { patch, any }
}
