//! What is made of the URL, in two steps: its parts, reckoned from the URL as it came; then what is made of those parts,
//! each measured when it is there.

use super::super::vcl::{Expression, Statement, when};
use super::Generator;
use super::views::{Cost, ESCAPE, Source, UrlPart};
use crate::catalog::Field;
use crate::ir::TemplatePart;
use std::collections::BTreeMap;

/// Of a URL in absolute form: the original and the origin form.
const ABSOLUTE_COPIES: u32 = 3;
/// A form decoded twice.
pub const TWICE: Cost =
    Cost { plain: 0, escapes: 2, pluses: 0, guards: 1, blanks: 0, spaces: 0, dots: 0, references: 0, bars: 0 };
/// More when its host is long.
const LONG_HOST: &str = "^[^:]*+://[^/?#]{128}";

impl<'r> Generator<'r> {
    /// Whether the decoded URL is put together from its decoded parts.
    pub(super) fn joins_url(&self) -> bool {
        let reads = |field| self.reads_part(field);
        reads(Field::Url) && reads(Field::Query) && (reads(Field::Path) || reads(Field::PathExt))
    }

    /// A field of the URL that is computed.
    pub(super) fn reads_part(&self, field: Field) -> bool {
        self.views.url_fields.contains(&field) || self.views.twice.contains(&field)
    }

    /// What the parts take, in the length of the URL as it came.
    fn part_costs(&self) -> BTreeMap<UrlPart, Cost> {
        let reads = |field| self.reads_part(field);
        let mut costs: BTreeMap<UrlPart, Cost> = BTreeMap::new();
        let mut add = |part, cost: Cost| costs.entry(part).or_default().add(cost);
        // Cut out and kept; what is decoded is cut out, unless the raw part is there, decoded and kept.
        for (part, raw, decoded, decoding) in [
            (
                UrlPart::Path,
                Field::PathRaw,
                reads(Field::Path) || reads(Field::PathExt),
                Cost { escapes: 1, guards: 1, ..Cost::flat(1) },
            ),
            // A plus is one more copy.
            (
                UrlPart::Query,
                Field::QueryRaw,
                reads(Field::Query),
                Cost { escapes: 1, pluses: 1, guards: 1, ..Cost::flat(1) },
            ),
        ] {
            if reads(raw) {
                add(part, Cost::flat(2));
            }
            if decoded {
                add(part, decoding);
                add(part, Cost::flat(u32::from(!reads(raw))));
            }
        }
        if reads(Field::Url) && !self.joins_url() {
            add(UrlPart::Whole, Cost { escapes: 1, pluses: 1, guards: 1, ..Cost::flat(1) });
        }
        let redirects = u32::from(self.redirects_url) + self.repeated(&TemplatePart::UrlRaw);
        add(UrlPart::Whole, Cost::flat(redirects));
        for (source, cost) in &self.keyed {
            if matches!(source, Source::Url(_)) {
                add(UrlPart::Whole, *cost);
            }
        }
        costs
    }

    /// What is made of the parts, in the length of each; functions and what is decoded twice are reckoned
    /// later.
    fn view_costs(&self) -> BTreeMap<Field, Cost> {
        let mut costs: BTreeMap<Field, Cost> = BTreeMap::new();
        let joins = self.joins_url();
        let mut add = |field: Field, cost: Cost| {
            let both = [Field::Path, Field::Query];
            let one = [if field == Field::PathExt { Field::Path } else { field }];
            let fields: &[Field] = if joins && field == Field::Url { &both } else { &one };
            for field in fields {
                costs.entry(*field).or_default().add(cost);
            }
        };
        if joins {
            add(Field::Url, Cost::flat(1));
        }
        costs
    }

    /// Copies of the heaviest byte of a URL: it lies in the path or in the query, and perhaps in a list.
    pub(super) fn url_copies(&self, of: &dyn Fn(Cost) -> u32) -> u32 {
        if !self.reads_url {
            return 0;
        }
        let mut copies = self.part_costs();
        for (field, cost) in self.view_costs() {
            copies.entry(UrlPart::of(field)).or_default().add(cost);
        }
        for field in &self.views.twice {
            copies.entry(UrlPart::of(*field)).or_default().add(TWICE);
        }
        for view in &self.views.functions {
            if let Source::Url(field) = view.operand.source {
                copies.entry(UrlPart::of(field)).or_default().add(view.cost);
            }
        }
        // An occurrence has one name, so different names share the query's length; several lists of one name do not.
        let mut names: BTreeMap<&[Vec<u8>], u32> = BTreeMap::new();
        for visit in self.visits.iter().filter(|visit| visit.reference.field.reads_url()) {
            *names.entry(&visit.reference.keys).or_default() += 2 + of(visit.cost());
        }
        let lists = names.into_values().max().unwrap_or(0);
        let part = |part| of(copies.get(&part).copied().unwrap_or_default());
        part(UrlPart::Whole) + part(UrlPart::Path).max(part(UrlPart::Query) + lists)
    }

    /// Reckons the parts.
    pub(super) fn part_room(&self) -> Vec<Statement> {
        if !self.reckons || !self.reads_url {
            return Vec::new();
        }
        let costs = self.part_costs();
        let part = |part| costs.get(&part).copied().unwrap_or_default();
        let mut cost = part(UrlPart::Path).max(part(UrlPart::Query));
        cost.add(part(UrlPart::Whole));
        let url = || Expression::name("req.url");
        let mut code = self.reckon_with(url(), cost, &format!(r"\+|{ESCAPE}"));
        let copies = |copies: u32| self.set_int("copies", Expression::Integer(i64::from(copies)));
        let long_host = when(url().matches(LONG_HOST), vec![copies(ABSOLUTE_COPIES + 3)]);
        let absolute = vec![copies(ABSOLUTE_COPIES), long_host, self.call("room")];
        code.push(when(url().matches(super::fields::ABSOLUTE), absolute));
        // The longest that a list can be.
        code.push(self.set_int("url size", self.get_int("size")));
        code
    }

    /// Reckons what is made of the parts.
    pub(super) fn view_room(&self) -> Vec<Statement> {
        if !self.reckons {
            return Vec::new();
        }
        let text = |field: Field| self.get(field.row().name);
        let mut code = Vec::new();
        // Decoded parts take two copies, of what they are now and no longer of the URL; put together, they take another.
        let copies = if self.joins_url() { 3 } else { 2 };
        let decoded = [Field::Path, Field::Query].into_iter().filter(|field| self.reads_part(*field));
        let decoded: Vec<Statement> = decoded.flat_map(|field| self.reckon(text(field), Cost::flat(copies))).collect();
        if !decoded.is_empty() {
            let twice = Expression::Product(Box::new(self.get_int("url size")), Box::new(Expression::Integer(2)));
            let less = Expression::Difference(Box::new(self.get_int("need")), Box::new(twice));
            let mut body = vec![self.set_int("need", less)];
            body.extend(decoded);
            code.push(when(Expression::name("req.url").matches(format!(r"\+|{ESCAPE}")), body));
        }
        code.extend(self.view_costs().into_iter().flat_map(|(field, cost)| self.reckon(text(field), cost)));
        if self.reads_part(Field::PathExt) {
            // Cut out, lower-cased and kept; hardly ever as long as this.
            let path = self.get(Field::Path.row().name);
            code.push(when(path.clone().matches(r"\.[^./]{128}[^./]*+\z"), self.reckon(path, Cost::flat(3))));
        }
        code
    }
}
