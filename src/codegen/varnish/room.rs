//! The workspace: what the copies of a request may take, reckoned before they are made. Varnish fails a request, or
//! silently loses a value, when its workspace is full; here such a request is over a limit of its own.

use super::super::vcl::{Comparator, Expression, Item, Statement, when, when_else};
use super::Generator;
use super::room_url::{ABSOLUTE_COPIES, Heaviest as _};
use super::views::{Cost, Source};
use std::collections::BTreeMap;

/// Values of the variable `over`.
pub mod over {
    /// Some copy does not fit the workspace: nothing more is looked at.
    pub const WORKSPACE: i64 = -1;
    pub const URL: i64 = 1;
    /// More `..` than `path_normalize` resolves; shown as the URL's limit.
    pub const CLIMB: i64 = 2;
    pub const VALUES: i64 = 3;
    pub const NAMES: i64 = 4;
}

/// Longest URL that `limits.url` may allow: its escaped form must fit the stack buffer of `blob.transcode`.
pub const LONGEST_URL: u32 = 8192;
/// What `workspace_client` (96 KB) has left for a request, its copies and the service: measured on 7.1.1.
const WORKSPACE: i64 = 77_000;
/// The request itself lies there; one longer than this and full of copies fails, and `vcl_synth` makes the same of it.
const REQUEST: i64 = 16_384;
/// A joined header, a URL in absolute form: at most about `http_req_size`.
pub(super) const LONGEST: i64 = 32_768;
/// For the log record, the response and the service's own code.
const SERVICE: i64 = 5_000;
/// A header that is no longer counts as this long.
const SHORT: i64 = 128;
/// Of one variable: its record and its name.
const VARIABLE: i64 = 96;

impl<'r> Generator<'r> {
    pub(super) fn over(&self) -> Expression {
        self.get_int("over")
    }

    /// What a header's copies take, in its lengths: joined, seen by functions, walked as cookies, part of a rate's key.
    fn header_costs(&self) -> BTreeMap<String, Cost> {
        let mut costs: BTreeMap<String, Cost> = BTreeMap::new();
        let mut add = |header: &str, cost: Cost| costs.entry(header.to_owned()).or_default().add(cost);
        for header in self.headers.iter().filter(|header| !matches!(header.as_str(), "host" | "content-length")) {
            add(header, Cost::flat(1));
        }
        for view in &self.views.functions {
            if let Source::Header(header) = &view.operand.source {
                add(header, view.cost);
            }
        }
        if self.views.forwarded {
            add("x-forwarded-for", Cost::flat(3));
        }
        if self.walks {
            add("x-forwarded-for", Cost::flat(2));
        }
        if self.views.host {
            add("host", Cost::flat(3));
        }
        let (_, cookies) = self.visit_costs();
        if cookies > 0 {
            add("cookie", Cost::flat(cookies));
        }
        for header in &self.keyed_headers {
            add(header, Cost::flat(4));
        }
        costs
    }

    /// Room for copies.
    fn budget(&self) -> i64 {
        let flags: usize = self.visits.iter().map(|visit| visit.flags().min(40)).sum();
        let variables = 24 + self.views.functions.len() + self.views.url_fields.len() + flags + 2 * self.tags.len();
        let keys = self.ruleset.rules.iter().filter(|rule| super::is_rate(rule)).count();
        WORKSPACE - REQUEST - SERVICE - VARIABLE * i64::try_from(variables + 3 * keys).unwrap_or(i64::MAX / VARIABLE)
    }

    /// The sub that reckons, unless everything fits anyway. Reports a set that could not work at all.
    pub(super) fn room_items(&mut self) -> Vec<Item> {
        let (url, headers, budget) = (self.url_factors(), self.header_costs(), self.budget());
        let (lists, _) = self.visit_costs();
        let limit = i64::from(self.settings.limits.url);
        let reads_url = self.reads_url && (!url.is_empty() || lists != Cost::default());
        let heaviest = |of: &dyn Fn(Cost) -> u32| url.heaviest(lists, of);
        // Short headers are not measured: what they may take is set aside.
        let computed = headers.values().filter(|cost| cost.worst() > 1);
        let budget = budget - computed.map(|cost| i64::from(cost.plain) * SHORT).sum::<i64>();
        if i64::from(heaviest(&|cost| cost.plain)) * limit.min(1024) > budget {
            let rules = self.heavy_rules().join(", ");
            self.unsupported(
                self.any_span(),
                format!("the values that these signatures compute do not fit Varnish's workspace: {rules}"),
                "too many copies of the request",
                "compute fewer of them: match without functions, ignore case by `i\"…\"` and `ri\"…\"`, or build the signatures for fewer services each",
            );
            return Vec::new();
        }
        let worst_header = headers.values().map(|cost| i64::from(cost.worst())).max().unwrap_or(0) * LONGEST;
        let worst_url = if reads_url { i64::from(heaviest(&Cost::worst) + ABSOLUTE_COPIES) * limit } else { 0 };
        if worst_header + worst_url <= budget {
            return Vec::new();
        }
        let mut items = Vec::new();
        let mut body = Vec::new();
        let sizes: Vec<Statement> = headers.iter().flat_map(|(header, cost)| self.header_room(header, *cost)).collect();
        for chunk in sizes.chunks(super::visit::PER_SUB) {
            let name = self.names.unique("room_headers");
            body.push(Statement::Call(name.clone()));
            items.push(Item::Sub {
                name,
                comment: vec!["Lengths of headers that are copied.".to_owned()],
                body: chunk.to_vec(),
            });
        }
        if reads_url {
            for (part, code) in self.url_room(&url, lists) {
                let name = self.names.unique(&format!("room_{part}"));
                body.push(Statement::Call(name.clone()));
                let comment = if part == "absolute" {
                    "What putting a URL in absolute form into origin form takes.".to_owned()
                } else {
                    format!("Length of the {part}, and how many copies what stands in it makes necessary.")
                };
                items.push(Item::Sub { name, comment: vec![comment], body: code });
            }
        }
        body.push(self.over_when_needed(budget));
        items.insert(0, Item::Sub {
            name: self.sub("room"),
            comment: vec![
                "Bytes that the copies below may take of the workspace. Varnish would fail the request or lose a value".to_owned(),
                "without a word when it is full; a request that needs too much is over a limit instead.".to_owned(),
            ],
            body,
        });
        self.reckons = true;
        if lists != Cost::default() {
            let product =
                Expression::Product(Box::new(self.get_int("query size")), Box::new(self.get_int("list copies")));
            let body = vec![when(
                self.get_int("lists reckoned").equals(Expression::Integer(0)),
                vec![
                    self.set_int("lists reckoned", Expression::Integer(1)),
                    self.add_int("need", product),
                    self.over_when_needed(budget),
                ],
            )];
            self.reckons_lists = true;
            items.push(Item::Sub {
                name: self.sub("lists"),
                comment: vec!["The same for the parameters, once one that rules read is there.".to_owned()],
                body,
            });
        }
        items
    }

    /// Adds what one header may take.
    fn header_room(&self, header: &str, cost: Cost) -> Vec<Statement> {
        let text = || Expression::Header("req", header.to_owned());
        let add = |bytes: i64, times: u32| vec![self.add_int("need", Expression::Integer(bytes * i64::from(times)))];
        // What is joined and nothing else is measured coarsely.
        let sizes: &[i64] =
            if cost.worst() == 1 { &[1024, 4096, 8192] } else { &[SHORT, 256, 512, 1024, 2048, 4096, 8192] };
        let usual = cost.plain.max(cost.escaped) + cost.nested;
        let charge = |bytes: i64| {
            if cost.worst() == usual {
                return add(bytes, usual);
            }
            let mut pattern = super::views::BROKEN_ESCAPE.to_owned();
            if cost.references > 0 {
                pattern.push_str("|&[#A-Za-z]");
            }
            vec![when_else(text().matches(pattern), add(bytes, cost.worst()), add(bytes, usual))]
        };
        let branches = (1..sizes.len())
            .rev()
            .map(|index| {
                // A joined header can be as long as the request.
                let to = sizes.get(index + 1).copied().unwrap_or(LONGEST - 4096);
                (text().matches(format!("^.{{{}}}", sizes[index])), charge(to))
            })
            .collect();
        // Absent and short ones, which are usual, are told by one pattern.
        let shortest = text().matches(format!("^.{{{}}}", sizes[0]));
        vec![when(shortest, vec![Statement::If { branches, otherwise: charge(sizes[1]) }])]
    }

    fn over_when_needed(&self, budget: i64) -> Statement {
        when(
            self.get_int("need").compare(Comparator::Greater, Expression::Integer(budget)),
            vec![self.set_int("over", Expression::Integer(over::WORKSPACE))],
        )
    }

    /// Ids of the rules that compute something.
    fn heavy_rules(&self) -> Vec<String> {
        let calls = |value: &crate::ir::Value| matches!(value, crate::ir::Value::Call(..));
        let heavy = self.ruleset.rules.iter().filter(|rule| {
            rule.predicates().any(|predicate| {
                let mut found = false;
                predicate.each_comparison(&mut |comparison| found |= calls(&comparison.value));
                found
            })
        });
        heavy.map(|rule| rule.id.clone()).take(20).collect()
    }
}
