//! What comes before the first rule: headers joined, limits told, values computed. `driver` puts the calls at the start of
//! its sub.

use super::super::vcl::{Comparator, Expression, Item, Statement, when};
use super::Generator;
use super::room::{over, register};
use super::views::{Source, View, lost, regsub, regsuball};
use crate::catalog::Field;

impl<'r> Generator<'r> {
    /// Joined headers, limits, views; their subs, and the calls in `body`.
    pub(super) fn prepare_items(
        &mut self,
        url_calls: &[Statement],
        cookie_calls: &[Statement],
        body: &mut Vec<Statement>,
    ) -> Vec<Item> {
        let mut items = Vec::new();
        body.extend(self.body_room());
        let joined = self.joined_headers(&mut items);
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
        if self.measures_method {
            body.push(self.full_when(is_long(Expression::name("req.method"))));
        }
        let is_within = self.over().equals(Expression::Integer(0));
        if self.reads_url {
            let long = Expression::all([is_within, self.url_is_long()]);
            body.push(when(long, vec![self.set_int("over", Expression::Integer(over::URL))]));
        }
        let mut calls = self.header_values(&mut items);
        if !cookie_calls.is_empty() {
            calls.push(self.with_room(cookie_calls.to_vec()));
        }
        if self.reads_url {
            let values = self.url_values(&mut items, url_calls);
            let is_not = |kind| self.over().compare(Comparator::NotEqual, Expression::Integer(kind));
            calls.push(when(Expression::all([is_not(over::WORKSPACE), is_not(over::URL)]), values));
        }
        body.extend(calls);
        items
    }

    fn joined_headers(&mut self, items: &mut Vec<Item>) -> Vec<Statement> {
        // varnishd joins X-Forwarded-For itself and refuses a second Host or Content-Length.
        let once = ["host", "content-length", "x-forwarded-for"];
        let headers: Vec<String> =
            self.headers.iter().filter(|header| !once.contains(&header.as_str())).cloned().collect();
        let mut code = Vec::new();
        let mut trims = Vec::new();
        if self.views.host || self.headers.contains("host") {
            trims.push(self.trimmed_end("host"));
        }
        for header in &headers {
            // It joins the lines of Cookie itself, too, if they came over HTTP/2.
            if header == "cookie" {
                trims.push(self.trimmed_end(header));
            } else {
                trims.extend(self.trimmed_lines(header));
            }
            if self.reckons {
                // Below there is but one line, and over HTTP/2 that may be long itself.
                trims.push(self.full_when(is_long(Expression::Header("req", header.clone()))));
            }
        }
        if !trims.is_empty() {
            let (mut calls, subs) =
                self.chunks("trim", "Only over HTTP/2 do lines arrive with blanks at their ends.", trims);
            items.extend(subs);
            if self.reckons {
                calls.insert(0, self.set_int("copies", Expression::Integer(3)));
            }
            code.push(when(Expression::name("req.proto").matches("^HTTP/2"), calls));
        }
        if self.reckons {
            code.push(self.set_int("copies", Expression::Integer(1)));
        }
        for header in &headers {
            let value = || Expression::Header("req", header.clone());
            let join = collect(header, if header == "cookie" { Some("; ") } else { None });
            if !self.reckons {
                code.push(join);
                code.push(self.full_when(is_long(value())));
                continue;
            }
            // Of one line no copy is made, and it is no longer than `http_req_hdr_len` lets it be.
            let is_joined = value().compare(Comparator::NotEqual, register());
            let mut reckon = vec![Statement::Set(register(), value()), self.call("room")];
            reckon.push(self.full_when(is_long(register())));
            code.push(when(value(), vec![Statement::Set(register(), value()), join, when(is_joined, reckon)]));
        }
        if self.headers.contains("x-forwarded-for") {
            code.push(self.full_when(is_long(Expression::Header("req", "x-forwarded-for".to_owned()))));
        }
        code
    }

    /// Takes the blanks off the end of a header of one line.
    fn trimmed_end(&self, header: &str) -> Statement {
        let value = Expression::Header("req", header.to_owned());
        let trimmed = regsub(value.clone(), r"(?<![ \t])[ \t]++\z", "");
        when(value.clone().matches(r"[ \t]\z"), self.trim(value, trimmed))
    }

    /// Joins the lines of a header, each without the blanks at its ends. First by what nobody writes: a blank before a comma
    /// inside of a line stays. No run of blanks is looked at from within.
    fn trimmed_lines(&self, header: &str) -> [Statement; 2] {
        let value = Expression::Header("req", header.to_owned());
        // Of an empty last line, what joins it is left. Of an empty first one, Varnish itself drops the tab.
        let end = r"(?:(?<![ \t])(?<!\t,)|(?<=\t,\t))[ \t]++\z";
        let joint = r"(?:(?:(?<![ \t])|(?<=\t,\t))[ \t]*+(?<=\t)|^),\t";
        let trimmed = regsuball(regsub(value.clone(), end, ""), joint, ", ");
        let needs = value.clone().matches(r"(?:^|\t),\t|[ \t]\z");
        [collect(header, Some("\t,\t")), when(needs, self.trim(value, trimmed))]
    }

    fn trim(&self, value: Expression, trimmed: Expression) -> Vec<Statement> {
        let mut code = vec![Statement::Set(value.clone(), trimmed)];
        if self.reckons {
            code.extend([Statement::Set(register(), value), self.call("room")]);
        }
        code
    }

    /// Values that are no part of the URL: subs, and the calls of them.
    fn header_values(&mut self, items: &mut Vec<Item>) -> Vec<Statement> {
        let room = self.header_room();
        let (room, subs) = self.chunks("header_room", "What is made of headers.", room);
        items.extend(subs);
        let mut calls = if room.is_empty() { room } else { vec![self.with_room(room)] };
        let mut code = self.forwarded_view();
        code.extend(self.small_views());
        let (values, subs) = self.chunks("header_values", "Values of headers.", code);
        items.extend(subs);
        if !values.is_empty() {
            calls.push(self.with_room(values));
        }
        let views = self.views.functions.iter().filter(|view| !matches!(view.operand.source, Source::Url(_)));
        let views: Vec<View> = views.cloned().collect();
        calls.extend(self.function_calls("header", &views, items));
        calls.extend(lost(&views).map(|lost| self.full_when(lost)));
        calls
    }

    /// Values of the URL: subs, and the calls of them and of its lists.
    fn url_values(&mut self, items: &mut Vec<Item>, url_calls: &[Statement]) -> Vec<Statement> {
        let room = self.part_room();
        let (mut calls, subs) = self.chunks("url_room", "What the parts of the URL take.", room);
        items.extend(subs);
        let mut code = vec![self.origin_form()];
        code.extend(self.url_views());
        if self.redirects_url {
            code.push(self.set("redirect url", Expression::name("req.url")));
        }
        let name = self.sub("url");
        let room = self.view_room();
        let (room, subs) = self.chunks("parts_room", "What is made of the parts: each is measured.", room);
        items.push(Item::Sub {
            name: name.clone(),
            comment: vec![
                "The URL in origin form and its parts, decoded once. A `%` that starts no escape and that of `%00`"
                    .to_owned(),
                "are escaped before: blob.transcode fails on the one and cuts at the other.".to_owned(),
            ],
            body: code,
        });
        items.extend(subs);
        let code = self.part_views();
        let (mut then, subs) = self.chunks("parts", "What is made of the parts.", code);
        items.extend(subs);
        let views = self.views.functions.iter().filter(|view| matches!(view.operand.source, Source::Url(_)));
        let views: Vec<View> = views.cloned().collect();
        then.extend(self.function_calls("url", &views, items));
        self.check_parts(&views, &mut then);
        if !url_calls.is_empty() {
            then.push(self.with_room(url_calls.to_vec()));
        }
        let mut after = vec![Statement::Call(name)];
        after.extend(room);
        after.push(self.with_room(then));
        if calls.is_empty() {
            return after;
        }
        calls.push(self.with_room(after));
        calls
    }

    /// Whether there is more to climb than is resolved, and whether everything is there.
    fn check_parts(&self, views: &[View], calls: &mut Vec<Statement>) {
        if !self.normalizes.is_empty() {
            // Too many cookies may have been told already: the limit of the URL is the one that counts.
            let is_worse = Expression::any([
                self.over().equals(Expression::Integer(0)),
                self.over().compare(Comparator::Greater, Expression::Integer(over::CLIMB)),
            ]);
            calls.push(when(
                Expression::all([is_worse, self.climbs()]),
                vec![self.set_int("over", Expression::Integer(over::CLIMB))],
            ));
        }
        let fields = [Field::Url, Field::Path, Field::PathRaw, Field::Query, Field::QueryRaw];
        let gone = fields
            .into_iter()
            .filter(|field| self.views.url_fields.contains(field))
            .map(|field| self.get(field.row().name).not());
        let gone = Expression::any(gone.chain(lost(views)));
        if gone != Expression::Boolean(false) {
            calls.push(self.full_when(gone));
        }
    }

    /// A value that must be there is not, or one is longer than patterns are cleared for: the workspace was full.
    fn full_when(&self, lost: Expression) -> Statement {
        when(lost, vec![self.set_int("over", Expression::Integer(over::WORKSPACE))])
    }
}

/// Patterns are searched for runaway input up to the length of one header line: what is longer, as joined lines and methods
/// can be, is not looked at.
pub fn is_long(text: Expression) -> Expression {
    text.matches(format!("(?s)^.{{{}}}", LONGEST_TEXT + 1))
}

/// Bytes: varnishd's `http_req_hdr_len`.
const LONGEST_TEXT: usize = 8192;

/// Joins the lines of a header; `, ` when nothing else is asked for.
fn collect(header: &str, separator: Option<&str>) -> Statement {
    let mut arguments = vec![Expression::Header("req", header.to_owned())];
    arguments.extend(separator.map(Expression::text));
    Statement::Do(Expression::call("std.collect", arguments))
}
