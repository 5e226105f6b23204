//! The subs besides the main one: the answers of `vcl_error`, what must not reach the origin, the log line, and what
//! `vcl_deliver` has to do.

use super::fields::name;
use super::functions::replace;
use super::recv::REDIRECT;
use super::{ERROR_STATUS, Generator, set};
use crate::codegen::vcl::{Expression, Statement, when};
use crate::ir::{Action, BlockBody};

/// Bytes that the log line shows of each text. A line has 16 KB, and a byte can become the six of `\u007F`.
const LOGGED_IDS: i64 = 2048;
const LOGGED_METHOD: i64 = 32;
const LOGGED_HOST: i64 = 256;
const LOGGED_URL: i64 = 1536;
const LOGGED_AGENT: i64 = 256;

impl Generator<'_> {
    /// `vcl_miss` and `vcl_pass`: nothing but the tags goes to the origin or to a shield; and the rates that count there.
    pub(super) fn clean_sub(&mut self) -> Vec<Statement> {
        let internal = self.internal_headers().into_iter();
        let mut statements = self.origin_code();
        let unset: Vec<Statement> =
            internal.map(|header| Statement::Unset(Expression::Header("bereq", header))).collect();
        let declarations =
            statements.iter().take_while(|statement| matches!(statement, Statement::Declare(..))).count();
        statements.splice(declarations..declarations, unset);
        statements
    }

    /// `vcl_error`
    pub(super) fn error_sub(&self) -> Vec<Statement> {
        let object = |header: &str| Expression::Header("obj", header.to_owned());
        let action_is = |action: &str| self.header("action").equals(Expression::text(action));
        let status = self.header("status");
        let mut answer = vec![
            set(&name("obj.status"), Expression::call("std.atoi", [status.clone()])),
            set(&name("obj.response"), Expression::text("Blocked")),
        ];
        let mut statuses: Vec<u16> = self.statuses();
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            if let Some(reason) = reason(status) {
                let equal = name("obj.status").equals(Expression::Integer(status.into()));
                answer.push(when(equal, vec![set(&name("obj.response"), Expression::text(reason))]));
            }
        }
        answer.push(set(&object("cache-control"), Expression::text("private, no-store")));
        if self.has_local("retry_after") || self.origin_scope.locals.iter().any(|(name, _)| name == "var.retry_after") {
            let retry = self.header("retry-after");
            answer.push(when(retry.clone(), vec![set(&object("retry-after"), retry)]));
        }
        let (content_type, body) = self.body_text();
        if self.has_local("location") {
            let to = self.header("location");
            answer.push(when(
                action_is(REDIRECT),
                vec![
                    set(&object("location"), to),
                    Statement::Synthetic(Expression::text("")),
                    Statement::Leave("deliver"),
                ],
            ));
        }
        answer.push(set(&object("content-type"), Expression::text(content_type)));
        answer.push(Statement::Synthetic(body));
        answer.push(Statement::Leave("deliver"));
        let ours = Expression::all([name("obj.status").equals(Expression::Integer(ERROR_STATUS.into())), status]);
        vec![when(ours, answer)]
    }

    fn has_local(&self, local: &str) -> bool {
        self.locals.iter().any(|(name, _)| *name == format!("var.{local}"))
    }

    /// Every status that the set answers with.
    fn statuses(&self) -> Vec<u16> {
        let mut statuses = vec![self.settings.block.status, 429];
        statuses.extend(self.settings.limits.over);
        for action in self.ruleset.rules.iter().flat_map(|rule| &rule.actions) {
            match action {
                Action::Block(Some(status)) | Action::Redirect { status, .. } => statuses.push(*status),
                Action::Block(None)
                | Action::Log
                | Action::Tag(_)
                | Action::Score(_)
                | Action::Allow(_)
                | Action::Strip(_)
                | Action::Throttle
                | Action::Tarpit(_) => {}
            }
        }
        statuses
    }

    fn body_text(&self) -> (&str, Expression) {
        let status = Expression::call("std.itoa", [name("obj.status")]);
        let response = name("obj.response");
        let parts = match &self.settings.block.body {
            BlockBody::Json => {
                return (
                    "application/json",
                    Expression::Sum(vec![
                        Expression::text("{\"error\":\""),
                        Expression::call("json.escape", [response]),
                        Expression::text("\",\"status\":"),
                        status,
                        Expression::text(",\"id\":\""),
                        name("req.xid"),
                        Expression::text("\"}\n"),
                    ]),
                );
            }
            BlockBody::Html => {
                return (
                    "text/html; charset=utf-8",
                    Expression::Sum(vec![
                        Expression::text("<!doctype html>\n<html lang=\"en\">\n<head><title>"),
                        status.clone(),
                        Expression::text(" "),
                        response.clone(),
                        Expression::text("</title></head>\n<body>\n<h1>"),
                        status,
                        Expression::text(" "),
                        response,
                        Expression::text("</h1>\n<p>Request "),
                        name("req.xid"),
                        Expression::text("</p>\n</body>\n</html>\n"),
                    ]),
                );
            }
            BlockBody::Text => {
                return (
                    "text/plain; charset=utf-8",
                    Expression::Sum(vec![
                        status,
                        Expression::text(" "),
                        response,
                        Expression::text("\nRequest "),
                        name("req.xid"),
                        Expression::text("\n"),
                    ]),
                );
            }
            BlockBody::File { content, content_type } => (content_type.as_str(), content.split("{id}")),
        };
        let (content_type, pieces) = parts;
        let mut sum = Vec::new();
        for (index, piece) in pieces.enumerate() {
            if index > 0 {
                sum.push(name("req.xid"));
            }
            if !piece.is_empty() {
                sum.push(Expression::text(piece));
            }
        }
        match sum.len() {
            0 => (content_type, Expression::text("")),
            1 => (content_type, sum.remove(0)),
            _ => (content_type, Expression::Sum(sum)),
        }
    }

    /// `vcl_deliver`, when there is something to do.
    pub(super) fn deliver_sub(&mut self) -> Vec<Statement> {
        let mut body = Vec::new();
        if !self.deliver.is_empty() {
            for header in &self.response_headers {
                let arguments = [Expression::Header("resp", header.clone()), Expression::text(",")];
                body.push(Statement::Do(Expression::call("std.collect", arguments)));
            }
        }
        let collected = body.len();
        body.append(&mut self.deliver);
        let mut statements = Vec::new();
        let scope = std::mem::take(&mut self.deliver_scope);
        statements.extend(scope.locals.iter().map(|(name, kind)| Statement::Declare(name.clone(), kind)));
        let texts = scope.locals.iter().filter(|(_, kind)| *kind == "STRING");
        let first: Vec<Statement> = texts.map(|(local, _)| set(&name(local), Expression::text(""))).collect();
        body.splice(collected..collected, first.into_iter().chain(scope.prelude.statements));
        if self.has_local("tarpit") {
            let mut seconds: Vec<u32> = Vec::new();
            for action in self.ruleset.rules.iter().flat_map(|rule| &rule.actions) {
                if let Action::Tarpit(wanted) = action {
                    seconds.push(*wanted);
                }
            }
            seconds.sort_unstable();
            seconds.dedup();
            for wanted in seconds {
                let chosen = self.header("tarpit").equals(Expression::text(wanted.to_string()));
                let tarpit = Expression::call("resp.tarpit", [Expression::Integer(wanted.into())]);
                body.push(when(chosen, vec![Statement::Do(tarpit)]));
            }
        }
        if body.is_empty() {
            return Vec::new();
        }
        let here = Expression::all([
            name("fastly.ff.visits_this_service").equals(Expression::Integer(0)),
            name("req.is_esi_subreq").not(),
        ]);
        statements.push(when(here, body));
        statements
    }

    /// `vcl_log`: one line for each request with a match, a limit or an action.
    pub(super) fn log_sub(&self) -> Vec<Statement> {
        let carried = ["action", "by", "limit", "ids"].map(|header| either(self.header(header)));
        let line = self.log_line(carried, Expression::call("std.itoa", [name("resp.status")]));
        let something = Expression::any(["ids", "limit", "action"].map(|header| self.header(header)));
        let here = Expression::all([
            name("fastly.ff.visits_this_service").equals(Expression::Integer(0)),
            name("req.is_esi_subreq").not(),
            something,
        ]);
        vec![when(here, vec![Statement::Log(line)])]
    }

    /// The ids in `ids`, each with a comma behind it, as a list: as many whole ones as are logged. A request has 256 KB for
    /// all the headers that are written, so that the list has a bound where everything together could have more.
    pub(super) fn listed(&self, ids: Expression) -> Expression {
        let all: usize = self.ruleset.rules.iter().map(|rule| rule.id.len() + 1).sum();
        if i64::try_from(all).is_ok_and(|all| all <= LOGGED_IDS) {
            return replace(ids, r",\z", "");
        }
        let start = Expression::call("substr", [ids, Expression::Integer(0), Expression::Integer(LOGGED_IDS)]);
        replace(start, r",[^,]*+\z", "")
    }

    /// A line about a request. `verdict`: action, by, limit, ids.
    pub(super) fn log_line(&self, verdict: [Expression; 4], status: Expression) -> Expression {
        let endpoint = &self.settings.fastly.log_endpoint;
        let escaped = |value: Expression| Expression::call("json.escape", [value]);
        let cut = |value: Expression, length: i64| {
            Expression::call("substr", [value, Expression::Integer(0), Expression::Integer(length)])
        };
        let quoted = |key: &str, value: Expression| {
            vec![Expression::text(format!(",\"{key}\":\"")), value, Expression::text("\"")]
        };
        let header = |name: &str| Expression::Header("req", name.to_owned());
        let mut line = vec![
            Expression::text("syslog "),
            name("req.service_id"),
            Expression::text(format!(" {endpoint} :: {{\"{}\":1", self.settings.prefix)),
        ];
        let [action, by, limit, ids] = verdict;
        for (key, value) in [("action", action), ("by", by), ("limit", limit), ("ids", cut(ids, LOGGED_IDS))] {
            line.extend(quoted(key, escaped(value)));
        }
        line.extend([Expression::text(",\"status\":"), status]);
        let client = match self.settings.trusted_proxies {
            Some(_) => escaped(either(self.header("client"))),
            None => name("client.ip"),
        };
        line.extend(quoted("client", client));
        line.extend(quoted("method", escaped(cut(name("req.method"), LOGGED_METHOD))));
        line.extend(quoted("host", escaped(cut(either(header("host")), LOGGED_HOST))));
        line.extend(quoted("url", escaped(cut(name("req.url"), LOGGED_URL))));
        line.extend(quoted("user_agent", escaped(cut(either(header("user-agent")), LOGGED_AGENT))));
        line.extend(quoted("pop", name("server.datacenter")));
        line.extend(quoted("id", name("req.xid")));
        line.push(Expression::text("}"));
        Expression::Sum(line)
    }
}

/// A text that may not be set, never printed as `(null)`.
fn either(value: Expression) -> Expression {
    Expression::call("if", [value.clone(), value, Expression::text("")])
}

/// What is said beside a status.
fn reason(status: u16) -> Option<&'static str> {
    Some(match status {
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => return None,
    })
}
