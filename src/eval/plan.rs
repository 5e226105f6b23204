//! A ruleset made ready: every distinct value has a slot that is filled at most once per request, every comparison a
//! prepared check. [`super::verdict`], [`super::trace`] and [`super::testing`] run it.

use super::address::NetworkSet;
use super::functions;
use super::presences::Presences;
use super::search::TextMatcher;
use super::view::{Context, HeaderName, HeaderNames, Seen, View};
use crate::catalog::Field;
use crate::ir::{
    Call, Check, Comparison, FieldReference, IntegerOperator, Integers, ListIndex, ListValues, Needles, Networks,
    Patterns, Predicate, Quantifier, Ruleset, TextOperator, Value,
};
use crate::regex::Regex;
use crate::request::Request;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Index of a distinct value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(usize);

/// Where a slot's value comes from.
#[derive(Debug)]
enum Origin<'r> {
    Field(&'r FieldReference),
    Headers(Vec<HeaderName>),
    Forms(&'r FieldReference),
    Call(Call, Slot),
}

/// So many values are compared one by one: one signature has no more, and its plan is made for a handful of requests.
const FEW_VALUES: usize = 16;

/// Builds slots and checks; what rules share is built once.
pub struct Planner<'r> {
    ruleset: &'r Ruleset,
    origins: Vec<Origin<'r>>,
    /// Of each slot.
    values: Vec<&'r Value>,
    /// The same the other way round, when there are many.
    slots: HashMap<&'r Value, Slot>,
    networks: HashMap<ListIndex, Arc<NetworkSet>>,
    texts: HashMap<(TextOperator, ListIndex), Arc<TextMatcher<'r>>>,
    headers: HeaderNames,
    /// Cheap parts first; off where the written order is to be shown.
    reorder: bool,
}

/// The slots of a plan: what a [`Sight`] of a request needs.
#[derive(Debug)]
pub struct Slots<'r> {
    origins: Vec<Origin<'r>>,
    pub context: Context,
}

/// A condition, ready.
#[derive(Debug)]
pub enum Node<'r> {
    All(Vec<Node<'r>>),
    Any(Vec<Node<'r>>),
    Not(Box<Node<'r>>),
    Compare(Test<'r>),
}

/// A comparison, ready.
#[derive(Debug)]
pub struct Test<'r> {
    pub source: &'r Comparison,
    pub slot: Slot,
    pub check: Prepared<'r>,
}

/// A [`Check`], ready.
#[derive(Debug)]
pub enum Prepared<'r> {
    Exists,
    IsTrue,
    Text(Arc<TextMatcher<'r>>),
    Matches(&'r [Arc<Regex>]),
    Integer(IntegerOperator, i64),
    /// Sorted.
    IntegerIn(Vec<i64>),
    Network(Arc<NetworkSet>),
    SameAs(Slot),
    /// Of a list with values of another type; the type checker lets none through.
    Never,
}

impl Prepared<'_> {
    /// Whether it looks for something anywhere in a text.
    pub fn searches(&self) -> bool {
        match self {
            Prepared::Text(matcher) => matcher.searches(),
            Prepared::Matches(_) => true,
            Prepared::Exists
            | Prepared::IsTrue
            | Prepared::Integer(..)
            | Prepared::IntegerIn(_)
            | Prepared::Network(_)
            | Prepared::SameAs(_)
            | Prepared::Never => false,
        }
    }

    /// Marks of a [`Presence`](crate::regex::Presence) of which every text that it holds for has one.
    pub fn keys(&self) -> Option<Vec<u16>> {
        match self {
            Prepared::Text(matcher) => matcher.keys().map(<[u16]>::to_vec),
            Prepared::Matches(patterns) => {
                let mut all = Vec::new();
                for pattern in *patterns {
                    all.extend_from_slice(pattern.keys()?);
                }
                Some(all)
            }
            Prepared::Never => Some(Vec::new()),
            Prepared::Exists
            | Prepared::IsTrue
            | Prepared::Integer(..)
            | Prepared::IntegerIn(_)
            | Prepared::Network(_)
            | Prepared::SameAs(_) => None,
        }
    }
}

impl<'r> Planner<'r> {
    pub fn new(ruleset: &'r Ruleset, reorder: bool) -> Planner<'r> {
        let mut headers = HeaderNames::default();
        // What the view itself looks for.
        for name in ["cookie", "host", "x-forwarded-for"] {
            headers.add(name.as_bytes());
        }
        for (_, name) in &ruleset.settings.facts {
            headers.add(name.as_bytes());
        }
        Planner {
            ruleset,
            origins: Vec::new(),
            values: Vec::new(),
            slots: HashMap::new(),
            networks: HashMap::new(),
            texts: HashMap::new(),
            headers,
            reorder,
        }
    }

    pub fn finish(self) -> Slots<'r> {
        Slots { origins: self.origins, context: Context::new(self.ruleset, self.headers) }
    }

    /// The slot of a value.
    pub fn slot(&mut self, value: &'r Value) -> Slot {
        if let Some(slot) = self.known(value) {
            return slot;
        }
        let origin = match value {
            Value::Field(reference) if reference.field == Field::Headers => {
                Origin::Headers(reference.keys.iter().map(|name| self.headers.add(name)).collect())
            }
            Value::Field(reference) => Origin::Field(reference),
            Value::Call(Call::AnyForm, argument) => Origin::Forms(argument.field()),
            Value::Call(call, argument) => Origin::Call(*call, self.slot(argument)),
        };
        let slot = Slot(self.origins.len());
        self.origins.push(origin);
        self.values.push(value);
        if self.values.len() > FEW_VALUES {
            let new = self.slots.len();
            self.slots.extend(self.values.iter().enumerate().skip(new).map(|(index, value)| (*value, Slot(index))));
        }
        slot
    }

    fn known(&self, value: &Value) -> Option<Slot> {
        if self.values.len() > FEW_VALUES {
            return self.slots.get(value).copied();
        }
        self.values.iter().position(|known| *known == value).map(Slot)
    }

    pub fn node(&mut self, predicate: &'r Predicate) -> Node<'r> {
        match predicate {
            Predicate::All(parts) => Node::All(self.nodes(parts)),
            Predicate::Any(parts) => Node::Any(self.nodes(parts)),
            Predicate::Not(inner) => Node::Not(Box::new(self.node(inner))),
            Predicate::Compare(comparison) => Node::Compare(self.test(comparison)),
        }
    }

    fn nodes(&mut self, parts: &'r [Predicate]) -> Vec<Node<'r>> {
        let mut nodes: Vec<Node<'r>> = parts.iter().map(|part| self.node(part)).collect();
        if self.reorder {
            nodes.sort_by_cached_key(|node| self.cost(node));
        }
        nodes
    }

    fn test(&mut self, comparison: &'r Comparison) -> Test<'r> {
        let slot = self.slot(&comparison.value);
        let check = match &comparison.check {
            Check::Exists => Prepared::Exists,
            Check::IsTrue => Prepared::IsTrue,
            Check::Text { operator, needles } => match needles {
                Needles::Literals(needles) => Prepared::Text(Arc::new(TextMatcher::new(*operator, needles))),
                Needles::List(index) => self.text_list(*operator, *index),
            },
            Check::Matches(Patterns::Literals(patterns)) => Prepared::Matches(patterns),
            Check::Matches(Patterns::List(index)) => match self.list(*index) {
                Some(ListValues::Regex(patterns)) => Prepared::Matches(patterns),
                Some(ListValues::Ip(_) | ListValues::Strings(_) | ListValues::Int(_)) | None => Prepared::Never,
            },
            Check::Integer { operator, value } => Prepared::Integer(*operator, *value),
            Check::IntegerIn(Integers::Literals(values)) => Prepared::IntegerIn(sorted(values)),
            Check::IntegerIn(Integers::List(index)) => match self.list(*index) {
                Some(ListValues::Int(values)) => Prepared::IntegerIn(sorted(values)),
                Some(ListValues::Ip(_) | ListValues::Strings(_) | ListValues::Regex(_)) | None => Prepared::Never,
            },
            Check::Network(Networks::Literals(networks)) => Prepared::Network(Arc::new(NetworkSet::new(networks))),
            Check::Network(Networks::List(index)) => self.network_list(*index),
            Check::SameAs(other) => Prepared::SameAs(self.slot(other)),
        };
        Test { source: comparison, slot, check }
    }

    fn list(&self, index: ListIndex) -> Option<&'r ListValues> {
        self.ruleset.lists.get(index.0).map(|list| &list.values)
    }

    fn text_list(&mut self, operator: TextOperator, index: ListIndex) -> Prepared<'r> {
        let Some(ListValues::Strings(needles)) = self.list(index) else {
            return Prepared::Never;
        };
        let matcher =
            self.texts.entry((operator, index)).or_insert_with(|| Arc::new(TextMatcher::new(operator, needles)));
        Prepared::Text(Arc::clone(matcher))
    }

    fn network_list(&mut self, index: ListIndex) -> Prepared<'r> {
        let Some(ListValues::Ip(networks)) = self.list(index) else {
            return Prepared::Never;
        };
        let set = self.networks.entry(index).or_insert_with(|| Arc::new(NetworkSet::new(networks)));
        Prepared::Network(Arc::clone(set))
    }

    /// Rough, for ordering only.
    fn cost(&self, node: &Node<'r>) -> usize {
        match node {
            Node::All(parts) | Node::Any(parts) => parts.iter().map(|part| self.cost(part)).sum(),
            Node::Not(inner) => self.cost(inner),
            Node::Compare(test) => {
                let check = match &test.check {
                    Prepared::Exists
                    | Prepared::IsTrue
                    | Prepared::Integer(..)
                    | Prepared::IntegerIn(_)
                    | Prepared::Never => 1,
                    Prepared::Network(_) | Prepared::SameAs(_) => 2,
                    Prepared::Text(matcher) => 1 + matcher.len(),
                    Prepared::Matches(patterns) => 16 * patterns.len(),
                };
                check + self.depth(test.slot)
            }
        }
    }

    fn depth(&self, Slot(index): Slot) -> usize {
        match &self.origins[index] {
            Origin::Field(_) | Origin::Headers(_) => 0,
            Origin::Forms(_) => 3,
            Origin::Call(_, inner) => 3 + self.depth(*inner),
        }
    }
}

fn sorted(values: &[i64]) -> Vec<i64> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values
}

/// One request with the slots that were filled for it. Use it as `&'v Sight<'v>`: later slots borrow from earlier
/// ones.
pub struct Sight<'v> {
    pub view: View<'v>,
    slots: &'v Slots<'v>,
    seen: Vec<OnceCell<Seen<'v>>>,
    /// Of the texts in `seen`, which stay where they are.
    pub presences: Presences,
}

impl<'v> Sight<'v> {
    pub fn new(slots: &'v Slots<'v>, request: &'v Request) -> Sight<'v> {
        let mut seen = Vec::new();
        seen.resize_with(slots.origins.len(), OnceCell::new);
        Sight { view: View::new(request, &slots.context), slots, seen, presences: Presences::default() }
    }

    pub fn seen(&'v self, Slot(index): Slot) -> &'v Seen<'v> {
        self.seen[index].get_or_init(|| match &self.slots.origins[index] {
            Origin::Field(reference) => self.view.field(reference),
            Origin::Headers(names) => self.view.headers(names),
            Origin::Forms(reference) => self.view.forms(reference),
            Origin::Call(call, argument) => functions::apply(*call, self.seen(*argument)),
        })
    }
}

impl Node<'_> {
    pub fn holds<'v>(&self, sight: &'v Sight<'v>) -> bool {
        match self {
            Node::All(parts) => parts.iter().all(|part| part.holds(sight)),
            Node::Any(parts) => parts.iter().any(|part| part.holds(sight)),
            Node::Not(inner) => !inner.holds(sight),
            Node::Compare(test) => test.holds(sight),
        }
    }
}

/// Bytes of a text from which on a search costs more than the question whether it can find anything.
const WORTH_A_LOOK: usize = 16;

impl Test<'_> {
    /// Absent semantics live here: a check of an absent value is false; a list is never absent, `any` of an empty one
    /// is false, `all` true.
    pub fn holds<'v>(&self, sight: &'v Sight<'v>) -> bool {
        match sight.seen(self.slot) {
            Seen::Text(text) => text.as_deref().is_some_and(|text| self.text(text, sight)),
            Seen::Texts(texts) => {
                if matches!(self.check, Prepared::Exists) {
                    return !texts.is_empty();
                }
                self.quantify(texts, |text| text.as_deref().is_some_and(|text| self.text(text, sight)))
            }
            Seen::Integer(value) => value.is_some_and(|value| self.integer(value, sight)),
            Seen::Integers(values) => {
                if matches!(self.check, Prepared::Exists) {
                    return !values.is_empty();
                }
                self.quantify(values, |value| value.is_some_and(|value| self.integer(value, sight)))
            }
            Seen::Address(address) => self.address(*address, sight),
            Seen::Truth(truth) => self.truth(*truth, sight),
        }
    }

    fn quantify<T>(&self, elements: &[T], holds: impl Fn(&T) -> bool) -> bool {
        let counts = |element: &T| holds(element) != self.source.negated;
        match self.source.quantifier.unwrap_or(Quantifier::Any) {
            Quantifier::Any => elements.iter().any(counts),
            Quantifier::All => elements.iter().all(counts),
        }
    }

    fn text<'v>(&self, text: &[u8], sight: &'v Sight<'v>) -> bool {
        match &self.check {
            Prepared::Exists => true,
            // What a text holds is asked once for all; most searches are then not begun.
            Prepared::Text(matcher) => match matcher.needs() {
                Some(needs) if text.len() >= WORTH_A_LOOK => {
                    sight.presences.with(text, |presence| needs.are_met(presence)) && matcher.is_match(text)
                }
                Some(_) | None => matcher.is_match(text),
            },
            // A pattern that can exceed the engine's limits is an error before it gets here; were there one, the
            // engine would fail the request and no rule would match.
            Prepared::Matches(patterns) => sight.presences.with(text, |presence| {
                patterns.iter().any(|pattern| pattern.may_match(presence) && pattern.is_match(text).unwrap_or(false))
            }),
            Prepared::SameAs(other) => match sight.seen(*other) {
                Seen::Text(other) => other.as_deref() == Some(text),
                Seen::Texts(_) | Seen::Integer(_) | Seen::Integers(_) | Seen::Address(_) | Seen::Truth(_) => false,
            },
            Prepared::IsTrue
            | Prepared::Integer(..)
            | Prepared::IntegerIn(_)
            | Prepared::Network(_)
            | Prepared::Never => false,
        }
    }

    fn integer<'v>(&self, value: i64, sight: &'v Sight<'v>) -> bool {
        match &self.check {
            Prepared::Exists => true,
            Prepared::Integer(operator, bound) => match operator {
                IntegerOperator::Equal => value == *bound,
                IntegerOperator::Less => value < *bound,
                IntegerOperator::LessOrEqual => value <= *bound,
                IntegerOperator::Greater => value > *bound,
                IntegerOperator::GreaterOrEqual => value >= *bound,
            },
            Prepared::IntegerIn(values) => values.binary_search(&value).is_ok(),
            Prepared::SameAs(other) => match sight.seen(*other) {
                Seen::Integer(other) => *other == Some(value),
                Seen::Text(_) | Seen::Texts(_) | Seen::Integers(_) | Seen::Address(_) | Seen::Truth(_) => false,
            },
            Prepared::IsTrue | Prepared::Text(_) | Prepared::Matches(_) | Prepared::Network(_) | Prepared::Never => {
                false
            }
        }
    }

    fn address<'v>(&self, address: IpAddr, sight: &'v Sight<'v>) -> bool {
        match &self.check {
            Prepared::Exists => true,
            Prepared::Network(set) => set.contains(address),
            Prepared::SameAs(other) => match sight.seen(*other) {
                Seen::Address(other) => *other == address,
                Seen::Text(_) | Seen::Texts(_) | Seen::Integer(_) | Seen::Integers(_) | Seen::Truth(_) => false,
            },
            Prepared::IsTrue
            | Prepared::Text(_)
            | Prepared::Matches(_)
            | Prepared::Integer(..)
            | Prepared::IntegerIn(_)
            | Prepared::Never => false,
        }
    }

    fn truth<'v>(&self, truth: bool, sight: &'v Sight<'v>) -> bool {
        match &self.check {
            Prepared::Exists => true,
            Prepared::IsTrue => truth,
            Prepared::SameAs(other) => match sight.seen(*other) {
                Seen::Truth(other) => *other == truth,
                Seen::Text(_) | Seen::Texts(_) | Seen::Integer(_) | Seen::Integers(_) | Seen::Address(_) => false,
            },
            Prepared::Text(_)
            | Prepared::Matches(_)
            | Prepared::Integer(..)
            | Prepared::IntegerIn(_)
            | Prepared::Network(_)
            | Prepared::Never => false,
        }
    }
}
