//! What Varnish cannot do at all, found before anything is translated: versions, limits, lists that live elsewhere. What a
//! single value lacks is reported where it is translated.

use super::Generator;
use super::room::LONGEST_URL;
use super::visit::{MOST_NAMES, MOST_VALUES};
use crate::catalog::Field;
use crate::codegen::vcl::Expression;
use crate::ir::{Action, Check, Integers, ListIndex, Needles, Networks, Patterns, Predicate, Rule, Value};
use crate::source::Span;
use std::collections::BTreeSet;

/// Characters in the name of a header.
const LONGEST_NAME: usize = 126;

impl<'r> Generator<'r> {
    pub(super) fn check_support(&mut self) {
        let span = self.any_span();
        let limits = &self.settings.limits;
        let version = &self.settings.varnish.version;
        if !matches!(version.split('.').next().and_then(|major| major.parse::<u32>().ok()), Some(7..)) {
            self.unsupported(
                self.settings.varnish.version_span.unwrap_or(span),
                format!("the VCL is for Varnish 7.1 and later, not {version}"),
                "built for an older version",
                "set `targets.varnish.version: \"7.1\"` and upgrade: 6.x passes what a regular expression fails on",
            );
        }
        for (name, value, most) in [
            ("url", limits.url, LONGEST_URL),
            ("values", limits.values, MOST_VALUES),
            ("names", limits.names, MOST_NAMES),
        ] {
            if value > most {
                self.unsupported(
                    span,
                    format!("`limits.{name}: {value}` is more than varnish can look at"),
                    "the set is built with it",
                    format!("set `limits.{name}` to {most} or less"),
                );
            }
        }
        if let Expression::Header(_, own) = self.tags_header() {
            for (field, name) in
                self.settings.facts.iter().filter(|(_, name)| *name == own || name.len() > LONGEST_NAME)
            {
                self.unsupported(
                    span,
                    format!("the fact `{}` cannot come in `{name}` on varnish", field.row().name),
                    "the set is built with it",
                    format!("name another header under `facts` in edgesig.yaml: `{own}` holds the tags, and a name has at most {LONGEST_NAME} characters"),
                );
            }
        }
        for rule in &self.ruleset.rules {
            // In every mode: what is watched now is to be enforced one day.
            if rule.actions.iter().any(|action| matches!(action, Action::Tarpit(_))) {
                self.unsupported(
                    rule.places.terminal.unwrap_or(rule.span),
                    "Varnish cannot answer slowly: `tarpit` is not available on varnish".to_owned(),
                    "uses `tarpit`",
                    "use `block` or `throttle`, or restrict the signature with `targets: [fastly]`",
                );
            }
            self.refuse_own_header(rule);
            self.refuse_long_header(rule);
            let mut edge = BTreeSet::new();
            for predicate in rule.predicates() {
                each_list(predicate, &mut |index, span| {
                    if let Some(list) = self.ruleset.lists.get(index.0).filter(|list| list.edge.is_some()) {
                        edge.insert((span, list.name.clone()));
                    }
                });
            }
            for (span, name) in edge {
                self.unsupported(
                    span,
                    format!("list `@{name}` lives at Fastly's edge; varnish cannot read it"),
                    "uses an edge list",
                    format!("give `@{name}` `values` or a `file`, or restrict the signature with `targets: [fastly]`"),
                );
            }
        }
    }

    /// varnishd's compiler takes no longer name.
    fn refuse_long_header(&mut self, rule: &Rule) {
        let is_long = |name: &[u8]| name.len() > LONGEST_NAME;
        let is_read = rule.fields().iter().any(|reference| {
            matches!(reference.field, Field::Headers | Field::RespHeaders)
                && reference.keys.iter().any(|key| is_long(key))
        });
        let is_stripped = rule
            .actions
            .iter()
            .any(|action| matches!(action, Action::Strip(names) if names.iter().any(|name| is_long(name.as_bytes()))));
        if is_read || is_stripped {
            self.unsupported(
                rule.span,
                format!("`{}` names a header of more than {LONGEST_NAME} characters: varnish cannot name it", rule.id),
                "names it",
                "shorten the name, or restrict the signature with `targets: [fastly]`",
            );
        }
    }

    /// The header of the tags is ours: a client's own is taken off before anything is looked at.
    fn refuse_own_header(&mut self, rule: &Rule) {
        let Expression::Header(_, own) = self.tags_header() else { return };
        let is_own = |value: &Value| {
            let reference = value.field();
            reference.field == Field::Headers && reference.keys.iter().any(|key| key == own.as_bytes())
        };
        let mut spans = BTreeSet::new();
        for predicate in rule.predicates() {
            predicate.each_comparison(&mut |comparison| {
                let other = if let Check::SameAs(other) = &comparison.check { Some(other) } else { None };
                if is_own(&comparison.value) || other.is_some_and(is_own) {
                    spans.insert((comparison.span, "reads"));
                }
            });
        }
        if let Some(rate) = rule.rate.as_ref().filter(|rate| rate.key.iter().any(is_own)) {
            spans.insert((rate.span, "counts by"));
        }
        if rule.actions.iter().any(|action| matches!(action, Action::Strip(names) if names.contains(&own))) {
            spans.insert((rule.span, "strips"));
        }
        for (span, does) in spans {
            self.unsupported(
                span,
                format!("`{}` {does} `{own}`, in which the tags go to the origin: on varnish it is not the client's", rule.id),
                "a header of edgesig's own",
                "what a client sends in it is removed anyway; for another meaning choose another `prefix` in edgesig.yaml",
            );
        }
    }
}

fn each_list(predicate: &Predicate, visit: &mut dyn FnMut(ListIndex, Span)) {
    predicate.each_comparison(&mut |comparison| match &comparison.check {
        Check::Text { needles: Needles::List(index), .. }
        | Check::Matches(Patterns::List(index))
        | Check::IntegerIn(Integers::List(index))
        | Check::Network(Networks::List(index)) => visit(*index, comparison.span),
        Check::Exists
        | Check::IsTrue
        | Check::Text { .. }
        | Check::Matches(_)
        | Check::Integer { .. }
        | Check::IntegerIn(_)
        | Check::Network(_)
        | Check::SameAs(_) => {}
    });
}
