//! One signature on one request, clause by clause: what held, and what it saw. `cli` prints it
//! (`explain --signature ID --request …`).

use super::address::canonical_text;
use super::limits::Reads;
use super::plan::{Node, Planner, Prepared, Sight, Slot, Test};
use super::view::Seen;
use super::{LimitKind, wire};
use crate::ir::{Predicate, Ruleset, Window};
use crate::request::Request;
use crate::source::Span;
use std::fmt;
use std::net::IpAddr;

/// How a signature came to its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// `when` holds and `except` does not. With a rate: the request is subject to it.
    pub matched: bool,
    /// `client.ip`, whose share decides in a canary.
    pub client: IpAddr,
    /// A limit of the project that the request is over, as far as this signature reads: it is then not inspected.
    pub limit: Option<LimitKind>,
    pub when: TraceNode,
    pub except: Option<TraceNode>,
    pub rate: Option<TraceRate>,
}

/// A part of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceNode {
    pub held: bool,
    pub kind: TraceKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TraceKind {
    All(Vec<TraceNode>),
    Any(Vec<TraceNode>),
    Not(Box<TraceNode>),
    Compare(TraceComparison),
}

/// One comparison and what it saw.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceComparison {
    /// The comparison as written, whole.
    pub span: Span,
    /// The left side, functions applied.
    pub seen: SeenValue,
    /// The right side where it is a value of the request too.
    pub other: Option<SeenValue>,
    /// A pattern exceeded the engine's limits, which counts as no match.
    pub runaway: bool,
}

/// A value; its `Display` is one line, escaped and cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenValue {
    Absent,
    Text(Vec<u8>),
    Integer(i64),
    Truth(bool),
    /// As text.
    Address(String),
    List(Vec<SeenValue>),
}

/// A rate as it looks at the request.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceRate {
    /// Each part of the key.
    pub key: Vec<SeenValue>,
    pub windows: Vec<Window>,
    /// What the request weighs: 0 when `count` does not hold or the request is not subject to the rate.
    pub weight: u32,
    pub count: Option<TraceNode>,
    /// The weight comes with the response.
    pub on_response: bool,
}

/// Traces rule number `rule` on a request; `None` when there is no such rule.
pub fn trace(ruleset: &Ruleset, rule: usize, request: &Request) -> Option<Trace> {
    let rule = ruleset.rules.get(rule)?;
    let mut planner = Planner::new(ruleset, false);
    let when = planner.node(&rule.when);
    let except = rule.except.as_ref().map(|except| planner.node(except));
    let rate = rule.rate.as_ref().map(|rate| {
        let key: Vec<Slot> = rate.key.iter().map(|part| planner.slot(part)).collect();
        (rate, key, rate.count.as_ref().map(|count| planner.node(count)))
    });
    let reads = Reads::of(std::iter::once(rule.as_ref()), &mut planner);
    let slots = planner.finish();
    let request = wire::received(request);
    let sight = Sight::new(&slots, &request);
    let sight = &sight;

    let when = follow(&when, sight);
    let except = except.map(|except| follow(&except, sight));
    let matched = when.held && !except.as_ref().is_some_and(|except| except.held);
    let rate = rate.map(|(rate, key, count)| {
        let count = count.map(|count| follow(&count, sight));
        let counts = matched && count.as_ref().is_none_or(|count| count.held);
        TraceRate {
            key: key.iter().map(|slot| show(sight.seen(*slot))).collect(),
            windows: rate.windows.clone(),
            weight: if counts { rate.cost } else { 0 },
            count,
            on_response: rate.count.is_some() && rate.count_phase == crate::catalog::Phase::Response,
        }
    });
    Some(Trace {
        matched,
        client: sight.view.client(),
        limit: reads.over(&ruleset.settings.limits, sight),
        when,
        except,
        rate,
    })
}

/// Traces a condition that belongs to no rule.
pub fn trace_predicate(ruleset: &Ruleset, predicate: &Predicate, request: &Request) -> TraceNode {
    let mut planner = Planner::new(ruleset, false);
    let node = planner.node(predicate);
    let slots = planner.finish();
    let request = wire::received(request);
    let sight = Sight::new(&slots, &request);
    follow(&node, &sight)
}

/// Unlike `Node::holds` it looks at every part, held or not.
fn follow<'v>(node: &Node<'_>, sight: &'v Sight<'v>) -> TraceNode {
    let all = |parts: &[Node<'_>]| -> Vec<TraceNode> { parts.iter().map(|part| follow(part, sight)).collect() };
    let kind = match node {
        Node::All(parts) => TraceKind::All(all(parts)),
        Node::Any(parts) => TraceKind::Any(all(parts)),
        Node::Not(inner) => TraceKind::Not(Box::new(follow(inner, sight))),
        Node::Compare(test) => TraceKind::Compare(compare(test, sight)),
    };
    TraceNode { held: node.holds(sight), kind }
}

fn compare<'v>(test: &Test<'_>, sight: &'v Sight<'v>) -> TraceComparison {
    let seen = sight.seen(test.slot);
    let (other, runaway) = match &test.check {
        Prepared::SameAs(other) => (Some(show(sight.seen(*other))), false),
        Prepared::Matches(patterns) => {
            let fails = |text: &[u8]| patterns.iter().any(|pattern| pattern.is_match(text).is_err());
            let runaway = match seen {
                Seen::Text(text) => text.as_deref().is_some_and(fails),
                Seen::Texts(texts) => texts.iter().flatten().any(|text| fails(text)),
                Seen::Integer(_) | Seen::Integers(_) | Seen::Address(_) | Seen::Truth(_) => false,
            };
            (None, runaway)
        }
        Prepared::Exists
        | Prepared::IsTrue
        | Prepared::Text(_)
        | Prepared::Integer(..)
        | Prepared::IntegerIn(_)
        | Prepared::Network(_)
        | Prepared::Never => (None, false),
    };
    TraceComparison { span: test.source.span, seen: show(seen), other, runaway }
}

fn show(seen: &Seen<'_>) -> SeenValue {
    let text = |text: Option<&[u8]>| text.map_or(SeenValue::Absent, |text| SeenValue::Text(text.to_vec()));
    let integer = |value: Option<i64>| value.map_or(SeenValue::Absent, SeenValue::Integer);
    match seen {
        Seen::Text(value) => text(value.as_deref()),
        Seen::Texts(values) => SeenValue::List(values.iter().map(|value| text(value.as_deref())).collect()),
        Seen::Integer(value) => integer(*value),
        Seen::Integers(values) => SeenValue::List(values.iter().map(|value| integer(*value)).collect()),
        Seen::Address(address) => SeenValue::Address(canonical_text(*address)),
        Seen::Truth(truth) => SeenValue::Truth(*truth),
    }
}

/// Bytes of a text that are shown, and elements of a list.
const SHOWN_BYTES: usize = 80;
const SHOWN_ELEMENTS: usize = 8;

impl fmt::Display for SeenValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeenValue::Absent => f.write_str("absent"),
            SeenValue::Text(text) => {
                let shown = &text[..text.len().min(SHOWN_BYTES)];
                write!(f, "\"{}\"", shown.escape_ascii())?;
                if shown.len() < text.len() {
                    write!(f, "… ({} bytes)", text.len())?;
                }
                Ok(())
            }
            SeenValue::Integer(value) => write!(f, "{value}"),
            SeenValue::Truth(truth) => write!(f, "{truth}"),
            SeenValue::Address(address) => f.write_str(address),
            SeenValue::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().take(SHOWN_ELEMENTS).enumerate() {
                    let separator = if index > 0 { ", " } else { "" };
                    write!(f, "{separator}{value}")?;
                }
                if values.len() > SHOWN_ELEMENTS {
                    write!(f, ", … ({} values)", values.len())?;
                }
                f.write_str("]")
            }
        }
    }
}
