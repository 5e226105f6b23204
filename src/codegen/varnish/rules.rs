//! A rule → its block: a comment that names it, its condition, and what happens when it matches.

use super::super::vcl::{Comparator, Expression, Statement, one_line, when, when_else};
use super::Generator;
use super::room::{TAGS, VARIABLE, over};
use crate::catalog::Field;
use crate::ir::{Action, AllowScope, Call, Check, Mode, Rule, Value};
use std::sync::Arc;

impl<'r> Generator<'r> {
    /// The block of a rule without a rate.
    pub(super) fn rule_block(&mut self, rule: &'r Rule) -> Statement {
        self.rule = &rule.id;
        let condition = self.rule_condition(rule);
        let consequence = self.consequence(rule);
        let mut body = self.rule_comment(rule);
        body.push(when(condition, consequence));
        Statement::Signature(rule.id.clone(), body)
    }

    /// Who it is, for whoever reads the VCL at night.
    pub(super) fn rule_comment(&self, rule: &Rule) -> Vec<Statement> {
        vec![
            Statement::Comment(format!(
                "{} v{} [{}, {}] {}",
                rule.id,
                rule.version,
                rule.risk.name(),
                rule.mode,
                one_line(&rule.title)
            )),
            Statement::Comment(format!("  {}", one_line(&rule.origin))),
        ]
    }

    /// Not skipped, `when` and not `except`.
    pub(super) fn rule_condition(&mut self, rule: &'r Rule) -> Expression {
        let mut parts = self.skip_guards(rule);
        let when = self.condition(&rule.when);
        let except = rule.except.as_ref().map(|except| self.condition(except).not());
        if rule.is_plain_allow() && rule.rate.is_none() {
            parts.extend(self.limit_guards(rule));
        } else if rule.is_allow() && rule.rate.is_none() {
            parts.push(self.over().equals(Expression::Integer(0)));
        }
        parts.push(when);
        parts.extend(except);
        Expression::all(parts)
    }

    /// Scoped allows that may skip this rule.
    fn skip_guards(&self, rule: &Rule) -> Vec<Expression> {
        let skips = |other: &&Rule| {
            other.mode.can_act()
                && other
                    .actions
                    .iter()
                    .any(|action| matches!(action, Action::Allow(AllowScope::Rules(ids)) if ids.contains(&rule.id)))
        };
        // The `allow` rules stand first: the others need not be looked at for each rule.
        self.ruleset
            .rules
            .iter()
            .map(Arc::as_ref)
            .take_while(|other| other.is_allow())
            .filter(skips)
            .map(|allow| self.get_int(&format!("skip by {}", allow.id)).equals(Expression::Integer(0)))
            .collect()
    }

    /// A plain allow comes before the limits, but what is over one it must not read.
    fn limit_guards(&self, rule: &Rule) -> Vec<Expression> {
        let mut guards = Vec::new();
        let is_not = |kind| self.over().compare(Comparator::NotEqual, Expression::Integer(kind));
        let (mut copies, mut url, mut climbs) = (false, false, false);
        for reference in rule.fields() {
            url |= reference.field.reads_url();
            // Joined headers and the method can be too long to be looked at.
            copies |= reference.field.reads_url()
                || matches!(reference.field, Field::Host | Field::Cookies | Field::Headers | Field::Method)
                || self.settings.facts.iter().any(|(fact, _)| *fact == reference.field);
            for visit in self.visits.iter().filter(|visit| visit.reference == *reference) {
                guards.push(self.get_int(&format!("over {}", visit.name)).equals(Expression::Integer(0)));
            }
        }
        for predicate in rule.predicates() {
            predicate.each_comparison(&mut |comparison| {
                let mut look = |value: &Value| {
                    copies |= matches!(value, Value::Call(..));
                    climbs |= normalizes(value);
                };
                look(&comparison.value);
                if let Check::SameAs(other) = &comparison.check {
                    look(other);
                }
            });
        }
        if climbs {
            guards.insert(0, is_not(over::CLIMB));
        }
        if url {
            guards.insert(0, is_not(over::URL));
        }
        if copies {
            guards.insert(0, is_not(over::WORKSPACE));
        }
        guards
    }

    /// What a match does.
    pub(super) fn consequence(&mut self, rule: &'r Rule) -> Vec<Statement> {
        let mut body = vec![self.set("id", Expression::text(rule.id.clone()))];
        let monitored = vec![self.call("matched")];
        match rule.mode {
            Mode::Enforce => body.extend(self.enforced(rule)),
            Mode::Canary(share) => {
                self.canary = true;
                self.need("directors", rule.span, "`mode: canary`");
                let key = Expression::Sum(vec![Expression::text(format!("{}:", rule.id)), self.get("client.ip")]);
                let chosen = Expression::call(format!("{}.key", self.sub("shard")), [key]);
                let bound = i64::try_from((u64::from(share) << 32) / 100).unwrap_or(i64::MAX);
                body.push(Statement::Comment(format!("the same {share}% of the addresses everywhere")));
                body.push(when_else(
                    chosen.compare(Comparator::Less, Expression::Integer(bound)),
                    self.enforced(rule),
                    monitored,
                ));
            }
            Mode::Draft | Mode::Monitor | Mode::Retired => body.extend(monitored),
        }
        body
    }

    /// Keeps a tag, once, and adds up what the tags take. Which set has so many that a request may have too many is known
    /// when all are.
    fn add_tag(&self, tag: &str) -> Statement {
        let text = format!("tag {tag}");
        let has_room = self.get_int("tagged").compare(Comparator::Less, Expression::Integer(TAGS));
        let add = vec![
            self.set(&text, Expression::text(format!(",{tag}"))),
            self.add_int("tagged", Expression::Integer(tag_room(tag))),
        ];
        when(Expression::all([self.get(&text).not(), has_room]), add)
    }

    fn enforced(&mut self, rule: &'r Rule) -> Vec<Statement> {
        let mut effects = Vec::new();
        let mut terminal = Vec::new();
        let status = |generator: &Generator<'_>, status: u16| {
            generator.set_int("status", Expression::Integer(i64::from(status)))
        };
        for action in &rule.actions {
            match action {
                Action::Block(given) => {
                    terminal = vec![status(self, given.unwrap_or(self.settings.block.status)), self.call("block")];
                }
                Action::Redirect { status: given, .. } => terminal = vec![status(self, *given), self.call("redirect")],
                Action::Throttle => terminal = vec![status(self, 429), self.call("throttle")],
                Action::Allow(AllowScope::Everything) => {
                    terminal = vec![status(self, 200), self.call("allows"), Statement::Return];
                }
                Action::Allow(AllowScope::Rules(_)) => {
                    effects.push(self.set_int(&format!("skip by {}", rule.id), Expression::Integer(1)));
                }
                Action::Log => {}
                Action::Tag(tag) => {
                    self.tags.insert(tag.clone());
                    effects.push(self.add_tag(tag));
                }
                Action::Score(points) => {
                    if self.settings.score_threshold.is_some() {
                        effects.push(self.set_int("points", Expression::Integer(i64::from(*points))));
                        effects.push(self.call("score"));
                    }
                }
                Action::Strip(names) => {
                    for name in names {
                        self.strips.insert(name.clone());
                        effects.push(self.set_int(&format!("strip {name}"), Expression::Integer(1)));
                    }
                }
                // Refused by `support`.
                Action::Tarpit(_) => {}
            }
        }
        if terminal.is_empty() {
            effects.push(self.call("matched"));
            return effects;
        }
        effects.extend(terminal);
        effects
    }
}

/// What a tag takes of the workspace: its variable, and the header that is put together of all.
pub fn tag_room(tag: &str) -> i64 {
    VARIABLE + 5 * i64::try_from(tag.len()).unwrap_or(i64::MAX / 8)
}

fn normalizes(value: &Value) -> bool {
    match value {
        Value::Field(_) => false,
        Value::Call(Call::PathNormalize, _) => true,
        Value::Call(_, argument) => normalizes(argument),
    }
}
