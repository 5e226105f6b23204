//! What comes before the first rule: headers joined, limits told, values computed. `driver` puts the calls at the start of
//! its sub.

use super::super::vcl::{Comparator, Expression, Item, Statement, when};
use super::Generator;
use super::room::over;
use super::views::{Source, View, lost};
use super::visit::PER_SUB;
use crate::catalog::Field;

impl<'r> Generator<'r> {
    /// Joined headers, limits, views; their subs, and the calls in `body`.
    pub(super) fn prepare_items(
        &mut self,
        has_room: bool,
        url_calls: &[Statement],
        cookie_calls: &[Statement],
        body: &mut Vec<Statement>,
    ) -> Vec<Item> {
        let mut items = Vec::new();
        let joined = self.joined_headers();
        if !joined.is_empty() {
            let name = self.sub("headers");
            // Joining comes first: the room is reckoned from the joined headers.
            body.push(Statement::Call(name.clone()));
            items.push(Item::Sub {
                name,
                comment: vec![
                    "req.http.X is the first instance only: headers that signatures read are joined with \", \"."
                        .to_owned(),
                ],
                body: joined,
            });
        }
        let is_within = self.over().equals(Expression::Integer(0));
        if self.reads_url {
            let long = Expression::all([is_within.clone(), self.url_is_long()]);
            body.push(when(long, vec![self.set_int("over", Expression::Integer(over::URL))]));
        }
        if has_room {
            body.push(when(is_within, vec![self.call("room")]));
        }
        let mut open = self.header_values(&mut items);
        open.extend_from_slice(cookie_calls);
        if self.reads_url {
            let mut calls = self.url_values(&mut items);
            calls.extend_from_slice(url_calls);
            open.push(when(self.over().compare(Comparator::NotEqual, Expression::Integer(over::URL)), calls));
        }
        if !open.is_empty() {
            body.push(when(self.over().compare(Comparator::NotEqual, Expression::Integer(over::WORKSPACE)), open));
        }
        items
    }

    fn joined_headers(&self) -> Vec<Statement> {
        // varnishd joins X-Forwarded-For itself and refuses a second Host or Content-Length.
        let once = ["host", "content-length", "x-forwarded-for"];
        let headers = self.headers.iter().filter(|header| !once.contains(&header.as_str()));
        headers
            .map(|header| {
                let mut arguments = vec![Expression::Header("req", header.clone())];
                if header == "cookie" {
                    arguments.push(Expression::text("; "));
                }
                Statement::Do(Expression::call("std.collect", arguments))
            })
            .collect()
    }

    /// Values that are no part of the URL: subs, and the calls of them.
    fn header_values(&mut self, items: &mut Vec<Item>) -> Vec<Statement> {
        let mut code = self.forwarded_view();
        code.extend(self.small_views());
        let views: Vec<View> = self
            .views
            .functions
            .iter()
            .filter(|view| !matches!(view.operand.source, Source::Url(_)))
            .cloned()
            .collect();
        code.extend(views.iter().flat_map(|view| view.code.clone()));
        code.extend(lost(&views).map(|lost| self.full_when(lost)));
        let mut calls = Vec::new();
        for chunk in code.chunks(PER_SUB) {
            let name = self.names.unique("header_values");
            calls.push(Statement::Call(name.clone()));
            items.push(Item::Sub {
                name,
                comment: vec![
                    "Values of headers and functions of them, each under the name that signatures use.".to_owned(),
                ],
                body: chunk.to_vec(),
            });
        }
        calls
    }

    /// Values of the URL: subs, and the calls of them.
    fn url_values(&mut self, items: &mut Vec<Item>) -> Vec<Statement> {
        let mut code = vec![self.origin_form()];
        code.extend(self.url_views());
        let views: Vec<View> =
            self.views.functions.iter().filter(|view| matches!(view.operand.source, Source::Url(_))).cloned().collect();
        code.extend(views.iter().flat_map(|view| view.code.clone()));
        if self.redirects_url {
            code.push(self.set("redirect url", Expression::name("req.url")));
        }
        let mut calls = Vec::new();
        for (index, chunk) in code.chunks(PER_SUB).enumerate() {
            let name = if index == 0 { self.sub("url") } else { self.names.unique("url") };
            calls.push(Statement::Call(name.clone()));
            items.push(Item::Sub {
                name,
                comment: vec![
                    "The URL in origin form and its parts, decoded once. A `%` that starts no escape and that of `%00`"
                        .to_owned(),
                    "are escaped before: blob.transcode fails on the one and cuts at the other.".to_owned(),
                ],
                body: chunk.to_vec(),
            });
        }
        if !self.normalizes.is_empty() {
            calls.push(when(
                Expression::all([self.over().equals(Expression::Integer(0)), self.climbs()]),
                vec![self.set_int("over", Expression::Integer(over::CLIMB))],
            ));
        }
        let fields = [Field::Url, Field::Path, Field::PathRaw, Field::Query, Field::QueryRaw];
        let gone = fields
            .into_iter()
            .filter(|field| self.views.url_fields.contains(field))
            .map(|field| self.get(field.row().name).not());
        let gone = Expression::any(gone.chain(lost(&views)));
        if gone != Expression::Boolean(false) {
            calls.push(self.full_when(gone));
        }
        calls
    }

    /// A value that must be there is not: the workspace was full.
    fn full_when(&self, lost: Expression) -> Statement {
        when(lost, vec![self.set_int("over", Expression::Integer(over::WORKSPACE))])
    }
}
