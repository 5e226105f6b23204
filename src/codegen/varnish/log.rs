//! The log record of a request, and where the ids wait for it. Constants, our own texts and a canonical address only: no byte
//! of a client's reaches the log.

use super::super::vcl::{Comparator, Expression, Item, Statement, when, when_else};
use super::Generator;

/// Bytes of a record; varnishd cuts at `vsl_reclen` (255).
const LONGEST_RECORD: usize = 240;
/// `|redirect|`, `|599|`, an address, `ids=` and the separators.
const FIXED: usize = 4 + 9 + 4 + 40 + 5 + 2;
/// `+:v1|`, a transaction's number, `|ids=`.
const FIXED_MORE: usize = 5 + 20 + 5;

impl<'r> Generator<'r> {
    fn longest_id(&self) -> usize {
        self.ruleset.rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0).max("limit-workspace".len())
    }

    /// Ids in the first record and in each further one.
    fn slots(&self) -> (usize, usize) {
        let (id, prefix) = (self.longest_id(), self.settings.prefix.len());
        let first = LONGEST_RECORD.saturating_sub(prefix + FIXED + id) / (id + 1);
        let more = LONGEST_RECORD.saturating_sub(prefix + FIXED_MORE) / (id + 1);
        (first.clamp(1, 8), more.clamp(1, 8))
    }

    /// Notes the id in `id`. What finds no slot is logged at once.
    pub(super) fn matched_item(&self) -> Item {
        let (first, more) = self.slots();
        let count = self.get_int("matched");
        let mut branches = Vec::new();
        for slot in 1..=first + more {
            let id = self.get("id");
            let starts_record = slot == 1 || slot == first + 1;
            let text = if starts_record { id } else { Expression::Sum(vec![Expression::text(","), id]) };
            branches.push((
                count.clone().equals(Expression::Integer(i64::try_from(slot).unwrap_or(0))),
                vec![self.set(&format!("id {slot}"), text)],
            ));
        }
        let more_record = self.more_record([self.get("id")]);
        Item::Sub {
            name: self.sub("matched"),
            comment: vec!["Keeps the id of a signature that matched for the log record.".to_owned()],
            body: vec![
                self.add_int("matched", Expression::Integer(1)),
                Statement::If { branches, otherwise: vec![more_record] },
            ],
        }
    }

    /// What was told is not told again. An empty text is still there for VCL: how many ids there are is what counts.
    pub(super) fn forget_ids(&self) -> Statement {
        let (first, more) = self.slots();
        let mut body: Vec<Statement> =
            (1..=first + more).map(|slot| self.set(&format!("id {slot}"), Expression::text(""))).collect();
        body.push(self.set_int("matched", Expression::Integer(0)));
        when(self.get_int("matched").compare(Comparator::Greater, Expression::Integer(0)), body)
    }

    fn more_record(&self, ids: impl IntoIterator<Item = Expression>) -> Statement {
        let mut parts = vec![
            Expression::text(format!("{}+:v1|", self.settings.prefix)),
            Expression::name("req.xid"),
            Expression::text("|ids="),
        ];
        parts.extend(ids);
        Statement::Do(Expression::call("std.log", [Expression::Sum(parts)]))
    }

    /// `PREFIX:v1|ACTION|BY|STATUS|CLIENT|ids=…`
    pub(super) fn log_item(&self) -> Item {
        let (first, more) = self.slots();
        let slots = |from: usize, to: usize| (from..to).map(|slot| self.get(&format!("id {slot}")));
        let has_more = self
            .get_int("matched")
            .compare(Comparator::Greater, Expression::Integer(i64::try_from(first).unwrap_or(i64::MAX)));
        let bar = || Expression::text("|");
        let mut parts = vec![
            Expression::text(format!("{}:v1|", self.settings.prefix)),
            self.get("action"),
            bar(),
            self.get("by"),
            bar(),
            self.get_int("status"),
            bar(),
            self.get("client.ip"),
            Expression::text("|ids="),
        ];
        parts.extend(slots(1, first + 1));
        let record = vec![
            Statement::Do(Expression::call("std.log", [Expression::Sum(parts)])),
            when(has_more, vec![self.more_record(slots(first + 1, first + more + 1))]),
        ];
        let acted = self.get("action");
        let nothing = vec![
            self.set("action", Expression::text("none")),
            self.set("by", Expression::text("-")),
            self.set_int("status", Expression::Integer(200)),
        ];
        Item::Sub {
            name: self.sub("log"),
            comment: vec![
                "One record for a request with anything to tell; further ids in records with a plus.".to_owned(),
            ],
            body: vec![when_else(
                acted.clone(),
                record.clone(),
                vec![when(
                    self.get_int("matched").compare(Comparator::Greater, Expression::Integer(0)),
                    nothing.into_iter().chain(record).collect(),
                )],
            )],
        }
    }
}
