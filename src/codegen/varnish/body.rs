//! The request body: buffered when its length is known beforehand and within the limit, and then only searched. Nothing
//! else can be done with it in Varnish; it never is a VCL string.

use super::super::vcl::{Comparator, Expression, Item, Statement, when_else};
use super::Generator;
use super::views::regsub;
use crate::codegen::needles;
use crate::ir::{Check, Value};
use crate::source::Span;

/// Varnish's own match limit: bodyaccess sets none.
const LIMIT: &str = "(*LIMIT_MATCH=10000)";

impl<'r> Generator<'r> {
    /// State of the body: 0 none or empty, 1 buffered, 2 not looked at.
    pub(super) fn body_check(&mut self, value: &Value, check: &Check, span: Span) -> Option<Expression> {
        if let Value::Call(call, _) = value {
            self.unsupported(
                span,
                format!("`{}` of `req.body` cannot be computed on varnish", call.function().row().name),
                "the body can only be searched",
                "compare `req.body` by `contains`, `starts_with`, `ends_with`, `matches` or `==`; or `targets: [fastly]`",
            );
            return None;
        }
        self.reads_body = true;
        self.need("bodyaccess", span, "`req.body`");
        let state = |number| self.get_int("body").equals(Expression::Integer(number));
        let search = |pattern: &str| {
            let found =
                Expression::call("bodyaccess.rematch_req_body", [Expression::pattern(format!("{LIMIT}{pattern}"))]);
            found.equals(Expression::Integer(1))
        };
        Some(match check {
            Check::Exists => self.get_int("body").compare(Comparator::NotEqual, Expression::Integer(2)),
            Check::Text { operator, needles } => {
                let patterns = needles::patterns(*operator, &self.needles(needles), false);
                let found = Expression::any(patterns.iter().map(|pattern| search(pattern)));
                Expression::all([state(1), found])
            }
            Check::Matches(patterns) => {
                let regexes = self.regexes(patterns);
                let accepts_empty = regexes.iter().any(|regex| regex.accepts_empty());
                let found = Expression::any(regexes.iter().map(|regex| search(&regex.engine_text)));
                let found = Expression::all([state(1), found]);
                if accepts_empty { Expression::any([state(0), found]) } else { found }
            }
            Check::IsTrue | Check::Integer { .. } | Check::IntegerIn(_) | Check::Network(_) | Check::SameAs(_) => {
                self.unsupported(
                    span,
                    "`req.body` compares with constants only on varnish".to_owned(),
                    "another value",
                    "compare `req.body` by `contains`, `starts_with`, `ends_with`, `matches` or `==` with literals",
                );
                return None;
            }
        })
    }

    pub(super) fn body_item(&self) -> Item {
        let length = Expression::Header("req", "content-length".to_owned());
        let header = |name: &str| Expression::Header("req", name.to_owned());
        let limit = self.settings.limits.body;
        let unknown = Expression::any([
            header("transfer-encoding"),
            Expression::all([
                Expression::name("req.proto").matches("^HTTP/[23]"),
                length.clone().not(),
                Expression::name("req.method").matches(r"^(?:GET|HEAD|OPTIONS|TRACE|DELETE)\z").not(),
            ]),
        ]);
        let bytes = Expression::call(
            "std.integer",
            [regsub(length.clone(), "^0+(?=[0-9])", ""), Expression::Integer(999_999_999)],
        );
        let buffered = Expression::call("std.cache_req_body", [Expression::Bytes(u64::from(limit))]);
        let state = |number| self.set_int("body", Expression::Integer(number));
        let body = vec![Statement::If {
            branches: vec![
                (unknown, vec![state(2)]),
                (
                    Expression::all([
                        length.clone(),
                        bytes.clone().compare(Comparator::Greater, Expression::Integer(i64::from(limit))),
                    ]),
                    vec![state(2)],
                ),
                (
                    Expression::all([length, bytes.compare(Comparator::Greater, Expression::Integer(0))]),
                    vec![when_else(buffered, vec![state(1)], vec![state(2)])],
                ),
            ],
            otherwise: Vec::new(),
        }];
        Item::Sub {
            name: self.sub("body"),
            comment: vec![
                "The body: 0 none, 1 buffered, 2 not looked at (longer than the limit, or of unknown length; over HTTP/2 no".to_owned(),
                "header shows that). A body longer than std.cache_req_body's limit would lose the connection.".to_owned(),
            ],
            body,
        }
    }
}
