//! The limits that are part of the meaning: what a set of rules reads, and whether a request is over.

use super::LimitKind;
use super::decode::parent_segments;
use super::plan::{Planner, Sight, Slot};
use super::view::Seen;
use crate::catalog::{Field, MAX_PARENT_SEGMENTS, Phase};
use crate::ir::{Call, Check, Limits, Rule, Value};

/// What of a request some rules read, as far as limits guard it.
#[derive(Debug, Default)]
pub struct Reads<'r> {
    url: bool,
    arguments: Vec<&'r [u8]>,
    cookies: Vec<&'r [u8]>,
    argument_names: bool,
    /// Arguments of `path_normalize`.
    normalized: Vec<Slot>,
}

impl<'r> Reads<'r> {
    pub fn of(rules: impl Iterator<Item = &'r Rule>, planner: &mut Planner<'r>) -> Reads<'r> {
        let mut reads = Reads::default();
        for rule in rules {
            for reference in rule.fields() {
                reads.url |= reference.field.reads_url();
                reads.argument_names |= reference.field == Field::ArgNames;
                let names = match reference.field {
                    Field::Args | Field::ArgsRaw => &mut reads.arguments,
                    Field::Cookies => &mut reads.cookies,
                    Field::Method
                    | Field::Scheme
                    | Field::Host
                    | Field::Url
                    | Field::UrlRaw
                    | Field::Path
                    | Field::PathRaw
                    | Field::PathExt
                    | Field::Query
                    | Field::QueryRaw
                    | Field::ArgNames
                    | Field::Headers
                    | Field::Body
                    | Field::BodyTruncated
                    | Field::Proto
                    | Field::ClientIp
                    | Field::ClientAsn
                    | Field::ClientAsName
                    | Field::ClientCountry
                    | Field::ClientProxyType
                    | Field::TlsJa3
                    | Field::TlsJa4
                    | Field::TlsVersion
                    | Field::TlsSni
                    | Field::RespStatus
                    | Field::RespHeaders => continue,
                };
                names.extend(reference.keys.iter().map(Vec::as_slice));
            }
            for value in values(rule) {
                reads.add_normalized(value, planner);
            }
        }
        for names in [&mut reads.arguments, &mut reads.cookies] {
            names.sort_unstable();
            names.dedup();
        }
        reads
    }

    fn add_normalized(&mut self, value: &'r Value, planner: &mut Planner<'r>) {
        let Value::Call(call, argument) = value else { return };
        if *call == Call::PathNormalize && value.phase() == Phase::Request {
            let slot = planner.slot(argument);
            if !self.normalized.contains(&slot) {
                self.normalized.push(slot);
            }
        }
        self.add_normalized(argument, planner);
    }

    /// The first limit that the request is over: URL, then occurrences of a name, then the number of names.
    pub fn over<'v>(&self, limits: &Limits, sight: &'v Sight<'v>) -> Option<LimitKind> {
        let more = |count: usize, limit: u32| u64::try_from(count).is_ok_and(|count| count > u64::from(limit));
        let view = &sight.view;
        if self.url && more(view.url().len(), limits.url) {
            return Some(LimitKind::Url);
        }
        if self.normalized.iter().any(|slot| climbs(sight.seen(*slot))) {
            return Some(LimitKind::Url);
        }
        // Where there are few of all names, none is there too often.
        if !self.arguments.is_empty()
            && more(view.parameter_count(), limits.values)
            && self.arguments.iter().any(|name| more(view.argument_count(name), limits.values))
        {
            return Some(LimitKind::Values);
        }
        if !self.cookies.is_empty()
            && more(view.all_cookies().len(), limits.values)
            && self.cookies.iter().any(|name| more(view.cookie_count(name), limits.values))
        {
            return Some(LimitKind::Values);
        }
        if self.argument_names && more(view.parameter_count(), limits.names) {
            return Some(LimitKind::Names);
        }
        None
    }
}

/// Every value that a rule compares or keys a rate with.
fn values(rule: &Rule) -> Vec<&Value> {
    let mut values = Vec::new();
    for predicate in rule.predicates() {
        predicate.each_comparison(&mut |comparison| {
            values.push(&comparison.value);
            if let Check::SameAs(other) = &comparison.check {
                values.push(other);
            }
        });
    }
    values.extend(rule.rate.iter().flat_map(|rate| &rate.key));
    values
}

fn climbs(seen: &Seen<'_>) -> bool {
    let over = |text: &[u8]| parent_segments(text) > MAX_PARENT_SEGMENTS;
    match seen {
        Seen::Text(text) => text.as_deref().is_some_and(over),
        Seen::Texts(texts) => texts.iter().flatten().any(|text| over(text)),
        Seen::Integer(_) | Seen::Integers(_) | Seen::Address(_) | Seen::Truth(_) => false,
    }
}
