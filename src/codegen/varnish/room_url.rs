//! How long a URL's path and query are and how many copies will be made of each: the part of `room` that is about the
//! URL. A path is short and a query can be long, so each is measured by itself, and so is what stands in it.

use super::super::vcl::{Expression, Statement, when, when_else};
use super::Generator;
use super::room::LONGEST;
use super::views::{Cost, Source, UrlPart};
use std::collections::BTreeMap;

/// The original and the origin form of a URL in absolute form.
pub const ABSOLUTE_COPIES: u32 = 4;

/// What is made of each part of the URL.
pub type UrlFactors = BTreeMap<UrlPart, Cost>;

/// Sums over [`UrlFactors`].
pub trait Heaviest {
    /// Copies of the heaviest byte of a URL: it lies in the path or in the query.
    fn heaviest(&self, lists: Cost, of: &dyn Fn(Cost) -> u32) -> u32;
}

impl Heaviest for UrlFactors {
    fn heaviest(&self, lists: Cost, of: &dyn Fn(Cost) -> u32) -> u32 {
        let part = |part| of(self.get(&part).copied().unwrap_or_default());
        part(UrlPart::Whole) + part(UrlPart::Path).max(part(UrlPart::Query) + of(lists))
    }
}

impl UrlPart {
    /// In the names of variables.
    fn name(self) -> &'static str {
        match self {
            UrlPart::Whole => "url",
            UrlPart::Path => "path",
            UrlPart::Query => "query",
        }
    }

    /// A pattern for something in this part of `req.url`.
    fn holds(self, pattern: &str) -> Expression {
        let target = Expression::name("req.url");
        target.matches(match self {
            UrlPart::Whole => pattern.to_owned(),
            UrlPart::Path => format!("^[^?]*?(?:{pattern})"),
            UrlPart::Query => format!(r"^[^?]*+\?.*?(?:{pattern})"),
        })
    }

    /// So many `%` that start no escape that the guard of a decoding would make much of them. Those of the query are also
    /// counted where the path is asked: that errs on the safe side.
    fn starts_with_many_broken_escapes(self) -> Expression {
        let start = match self {
            UrlPart::Whole | UrlPart::Path => "^",
            UrlPart::Query => r"^[^?]*+\?",
        };
        Expression::name("req.url").matches(super::views::many_broken_escapes(start))
    }

    /// At least so many bytes.
    fn has_bytes(self, bytes: i64) -> Expression {
        let target = Expression::name("req.url");
        target.matches(match self {
            UrlPart::Whole => format!("^.{{{bytes}}}"),
            UrlPart::Path => format!("^[^?]{{{bytes}}}"),
            UrlPart::Query => format!(r"^[^?]*+\?.{{{bytes}}}"),
        })
    }
}

/// A part that is no longer counts as this long.
const SHORT: i64 = 256;

impl<'r> Generator<'r> {
    /// What the URL's views take, in the lengths of its parts.
    pub(super) fn url_factors(&self) -> UrlFactors {
        let mut factors = self.url_costs();
        for view in &self.views.functions {
            if let Source::Url(part) = view.operand.source {
                factors.entry(part).or_default().add(view.cost);
            }
        }
        if self.keyed_urls > 0 {
            factors.entry(UrlPart::Whole).or_default().add(Cost::flat(4 * self.keyed_urls));
        }
        factors
    }

    /// Measures the parts of the URL and adds what the copies of each take to `need`; those of the parameters are
    /// added later, when one that rules read is there. Each part with its name: a sub of its own.
    pub(super) fn url_room(&self, url: &UrlFactors, lists: Cost) -> Vec<(&'static str, Vec<Statement>)> {
        let mut parts = Vec::new();
        for part in [UrlPart::Path, UrlPart::Query, UrlPart::Whole] {
            let cost = url.get(&part).copied().unwrap_or_default();
            let lists = if part == UrlPart::Query { lists } else { Cost::default() };
            if cost != Cost::default() || lists != Cost::default() {
                parts.push((part.name(), self.part_room(part, cost, lists)));
            }
        }
        let absolute = self.measured(UrlPart::Whole, "url size");
        let product = Expression::Product(
            Box::new(self.get_int("url size")),
            Box::new(Expression::Integer(i64::from(ABSOLUTE_COPIES))),
        );
        let mut measured = if url.contains_key(&UrlPart::Whole) { Vec::new() } else { absolute };
        measured.push(self.add_int("need", product));
        let absolute = when(Expression::name("req.url").matches(super::fields::ABSOLUTE), measured);
        parts.push(("absolute", vec![absolute]));
        parts
    }

    /// Sets the variable `name` to the length of a part, rounded up.
    fn measured(&self, part: UrlPart, name: &str) -> Vec<Statement> {
        let limit = i64::from(self.settings.limits.url);
        let step = match part {
            // Doubling: a long path is rare.
            UrlPart::Path => None,
            UrlPart::Whole | UrlPart::Query => Some(SHORT),
        };
        let mut sizes = vec![SHORT];
        while let Some(last) = sizes.last().copied().filter(|last| *last < limit) {
            sizes.push(step.map_or(last * 2, |step| last + step.max(limit.div_euclid(32))));
        }
        sizes.extend([8192, 16_384].into_iter().filter(|size| *size > limit + SHORT));
        let size = |bytes: i64| vec![self.set_int(name, Expression::Integer(bytes))];
        let branches = sizes
            .iter()
            .enumerate()
            .rev()
            .map(|(index, from)| (part.has_bytes(*from), size(sizes.get(index + 1).copied().unwrap_or(LONGEST))))
            .collect();
        vec![when_else(part.has_bytes(SHORT), vec![Statement::If { branches, otherwise: Vec::new() }], size(SHORT))]
    }

    /// One part: its size, the copies that are made of it, and their product.
    fn part_room(&self, part: UrlPart, cost: Cost, lists: Cost) -> Vec<Statement> {
        let (size, copies) = (format!("{} size", part.name()), format!("{} copies", part.name()));
        let mut body = self.measured(part, &size);
        let set = |times: u32, lists: Option<u32>| {
            let mut body = vec![self.set_int(&copies, Expression::Integer(i64::from(times)))];
            body.extend(lists.map(|times| self.set_int("list copies", Expression::Integer(i64::from(times)))));
            body
        };
        let with_lists = lists != Cost::default();
        let chosen = |of: &dyn Fn(Cost) -> u32| set(of(cost), with_lists.then(|| of(lists)));
        body.push(Statement::If {
            branches: vec![
                (part.starts_with_many_broken_escapes(), chosen(&|cost| cost.broken)),
                (part.holds(super::views::BROKEN_ESCAPE), chosen(&|cost| cost.stray)),
                (part.holds("%25"), chosen(&|cost| cost.escaped + cost.nested)),
                (part.holds("[%+]"), chosen(&|cost| cost.escaped)),
            ],
            otherwise: chosen(&|cost| cost.plain),
        });
        let more = |pattern: &str, of: &dyn Fn(Cost) -> u32| {
            let mut body = Vec::new();
            for (name, times) in [(copies.as_str(), of(cost)), ("list copies", of(lists))] {
                if times > 0 {
                    body.push(self.add_int(name, Expression::Integer(i64::from(times))));
                }
            }
            (!body.is_empty()).then(|| when(part.holds(pattern), body))
        };
        body.extend(more(r"//|/\.|%2[5EeFf]|%[^0-9A-Fa-f]", &|cost| cost.dots));
        body.extend(more("[#;]|%(?:2[35]|3[Bb])|%[^0-9A-Fa-f]", &|cost| cost.references));
        let product = Expression::Product(Box::new(self.get_int(&size)), Box::new(self.get_int(&copies)));
        body.push(self.add_int("need", product));
        body
    }
}
