//! What a refused client gets. A refusal leaves `vcl_recv` with a status of its own (10000 more), which `vcl_synth` maps back:
//! should the service's own `vcl_synth` come first, the wire still shows the right status.

use super::super::vcl::{Comparator, Expression, Item, Statement, when};
use super::Generator;
use super::driver::{evaluating, set_evaluating};
use super::room::register;
use crate::ir::{Action, BlockBody, Rule, TemplatePart};

/// Added to the status of a refusal.
pub const SENTINEL: i64 = 10_000;
/// In the place of an id: the generated code failed on the request.
const LIMIT_ERROR: &str = "limit-error";

impl<'r> Generator<'r> {
    /// `vcl_synth` and the subs that it calls.
    pub(super) fn synth_items(&mut self, counts_responses: bool) -> Vec<Item> {
        let mut items = Vec::new();
        let mut body = Vec::new();
        let mut first = Vec::new();
        let acted = self.get_int("acted").equals(Expression::Integer(1));
        // Our code failed. Why, VCL is not told (VCL_Error in the log says it), so this has a name of its own.
        let reason = Expression::name("resp.reason").equals(Expression::text("VCL failed"));
        let failed = Expression::all(std::iter::once(reason).chain(evaluating()));
        let record = |action: &str, by: &str, status: u16, ids: &str| {
            let prefix = &self.settings.prefix;
            let parts = vec![
                Expression::text(format!("{prefix}:v1|{action}|{by}|{status}|")),
                Expression::name("client.ip"),
                Expression::text(format!("|ids={ids}")),
            ];
            Statement::Do(Expression::call("std.log", [Expression::Sum(parts)]))
        };
        let mut react: Vec<Statement> = set_evaluating(false).collect();
        if self.can_act() {
            let refused = SENTINEL + 431;
            react.extend([
                record("block", LIMIT_ERROR, 431, ""),
                self.set_int("acted", Expression::Integer(1)),
                Statement::Set(Expression::name("resp.status"), Expression::Integer(refused)),
            ]);
            first = vec![when(failed, react)];
            let status = || Expression::name("resp.status");
            let header = |name: &str| Expression::Header("resp", name.to_owned());
            let mut ours = vec![
                Statement::Set(
                    status(),
                    Expression::Difference(Box::new(status()), Box::new(Expression::Integer(SENTINEL))),
                ),
                Statement::Set(header("cache-control"), Expression::text("no-store")),
            ];
            let mut special = Vec::new();
            let ruleset = self.ruleset;
            for rule in ruleset.rules.iter().filter(|rule| rule.mode.can_act()) {
                special.extend(self.special_headers(rule));
            }
            for chunk in special.chunks(super::visit::PER_SUB) {
                let name = self.names.unique("respond_by");
                ours.push(Statement::Call(name.clone()));
                items.push(Item::Sub {
                    name,
                    comment: vec!["Location and Retry-After of single signatures.".to_owned()],
                    body: chunk.to_vec(),
                });
            }
            ours.extend(self.response_body());
            ours.push(Statement::Leave("deliver"));
            body.push(when(
                Expression::all([acted.clone(), status().compare(Comparator::Greater, Expression::Integer(SENTINEL))]),
                ours,
            ));
        } else {
            // Nothing here may act, so an engine error must not either: the request runs once more, without the rules.
            let again = Expression::all([failed, Expression::name("req.restarts").equals(Expression::Integer(0))]);
            react.push(record("none", "-", 200, LIMIT_ERROR));
            if self.uses_register() {
                // What it held lay in a variable, and those are gone: its default is what the service has to find.
                react.push(Statement::Set(register(), Expression::name("client.ip")));
            }
            react.push(Statement::Leave("restart"));
            body.push(when(again, react));
        }
        if counts_responses {
            let main = Expression::name("req.esi_level").equals(Expression::Integer(0));
            body.push(when(Expression::all([main, acted.not()]), vec![self.call("count")]));
        }
        first.extend(body);
        items.push(Item::Sub { name: "vcl_synth".to_owned(), comment: Vec::new(), body: first });
        items
    }

    fn special_headers(&self, rule: &'r Rule) -> Option<Statement> {
        let mut body = Vec::new();
        for action in &rule.actions {
            match action {
                Action::Redirect { template, .. } => {
                    let header = Expression::Header("resp", "location".to_owned());
                    body.push(Statement::Set(header, self.location(template)));
                }
                Action::Throttle | Action::Block(_) => {
                    if let Some(rate) = &rule.rate {
                        let header = Expression::Header("resp", "retry-after".to_owned());
                        body.push(Statement::Set(header, self.retry_after(rule, rate)));
                    }
                }
                Action::Log
                | Action::Tag(_)
                | Action::Score(_)
                | Action::Allow(_)
                | Action::Strip(_)
                | Action::Tarpit(_) => {}
            }
        }
        let by = self.get("by").equals(Expression::text(rule.id.clone()));
        (!body.is_empty()).then(|| when(by, body))
    }

    fn location(&self, template: &[TemplatePart]) -> Expression {
        let mut parts: Vec<Expression> = template
            .iter()
            .map(|part| match part {
                TemplatePart::Text(text) => Expression::text(text.clone()),
                TemplatePart::Host => self.get("req.host"),
                TemplatePart::UrlRaw => self.get("redirect url"),
            })
            .collect();
        if parts.len() == 1 { parts.remove(0) } else { Expression::Sum(parts) }
    }

    fn response_body(&self) -> Vec<Statement> {
        let xid = || Expression::name("req.xid");
        let (content_type, parts) = match &self.settings.block.body {
            BlockBody::Json => (
                "application/json".to_owned(),
                vec![Expression::text(r#"{"error":"request refused","id":""#), xid(), Expression::text("\"}\n")],
            ),
            BlockBody::Html => (
                "text/html; charset=utf-8".to_owned(),
                vec![
                    Expression::text(
                        "<!DOCTYPE html>\n<title>Request refused</title>\n<h1>Request refused</h1>\n<p>If this is a mistake, tell the operator this number: ",
                    ),
                    xid(),
                    Expression::text("</p>\n"),
                ],
            ),
            BlockBody::Text => (
                "text/plain; charset=utf-8".to_owned(),
                vec![Expression::text("Request refused. Number: "), xid(), Expression::text("\n")],
            ),
            BlockBody::File { content, content_type } => {
                let mut parts = Vec::new();
                for (index, piece) in content.split("{id}").enumerate() {
                    if index > 0 {
                        parts.push(xid());
                    }
                    parts.push(Expression::text(piece));
                }
                let printable = content_type.chars().filter(|character| (' '..='~').contains(character)).collect();
                (printable, parts)
            }
        };
        let body = if parts.len() == 1 {
            parts.into_iter().next().unwrap_or_else(|| Expression::text(""))
        } else {
            Expression::Sum(parts)
        };
        vec![
            Statement::Set(Expression::Header("resp", "content-type".to_owned()), Expression::text(content_type)),
            Statement::Synthetic(body),
        ]
    }
}
