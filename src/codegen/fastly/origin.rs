//! Rates `at: origin`: judged in `vcl_miss` and `vcl_pass`, in a scope of locals of their own. Which node of the POP runs
//! these, and whether what it sets reaches `vcl_log`, depends on clustering; so a match is logged there and then, and the
//! answer is carried to `vcl_error`, which runs on the same node.

use super::fields::name;
use super::rate_forms::Forms;
use super::rates::Stores;
use super::recv::{filled, guarded, yes};
use super::{ERROR_STATUS, Generator, set};
use crate::codegen::vcl::{Expression, Statement, when};
use crate::ir::{Action, Mode, Rate, RatePoint, Rule};

/// Whether a canary of a rate at the origin takes its action for this client.
const ACTS: &str = "acts";

impl<'r> Generator<'r> {
    /// At the origin a request is refused or recorded; the rest comes too late.
    pub(super) fn fits_origin(&mut self, rule: &'r Rule, rate: &Rate) -> Option<()> {
        if rate.at == RatePoint::Edge {
            return Some(());
        }
        let late = rule.actions.iter().find_map(|action| match action {
            Action::Tag(_) => Some("tag"),
            Action::Strip(_) => Some("strip"),
            Action::Allow(_) => Some("allow"),
            Action::Redirect { .. } => Some("redirect"),
            Action::Tarpit(_) => Some("tarpit"),
            Action::Block(_) | Action::Log | Action::Score(_) | Action::Throttle => None,
        });
        let Some(late) = late else { return Some(()) };
        self.unsupported(
            rate.span,
            format!("`{}`: on Fastly a rate `at: origin` can throttle, block or log, not `{late}`", rule.id),
            "judged where the request leaves for the origin",
            "write `at: edge`, or `then: throttle`",
        );
        None
    }

    /// What `vcl_recv` leaves about a canary: the lot is the client's, which is known there.
    pub(super) fn origin_share(&mut self, rule: &'r Rule, header: &str) -> Option<Option<Vec<Statement>>> {
        let Mode::Canary(share) = rule.mode else { return Some(None) };
        let acts = self.flag(header, ACTS);
        self.canary(rule, share, vec![set(&acts, Expression::text("1"))]).map(Some)
    }

    /// The judgement, kept for [`Generator::origin_code`].
    pub(super) fn origin_rule(
        &mut self,
        rule: &'r Rule,
        rate: &'r Rate,
        forms: &Forms,
        stores: &Stores,
        header: &str,
        is_counted_apart: bool,
    ) {
        let on_response = rate.count.is_some() && rate.count_phase == crate::catalog::Phase::Response;
        let counts = if is_counted_apart { self.flag(header, "counts") } else { Expression::Boolean(true) };
        let acts = matches!(rule.mode, Mode::Canary(_)).then(|| self.flag(header, ACTS));
        let kept = Expression::Header("req", header.to_owned());
        let statements = self.in_origin(|generator| {
            let (open, key, ids) =
                (generator.local("open", "BOOL"), generator.local("key", "STRING"), generator.local("ids", "STRING"));
            let mut body = vec![set(&key, kept.clone())];
            body.extend(generator.judged(rate, forms, stores, on_response, counts));
            let listed = Expression::Sum(vec![ids.clone(), Expression::text(format!("{},", rule.id))]);
            let mut matched = vec![set(&ids, listed)];
            match rule.mode {
                Mode::Enforce => matched.extend(generator.actions(rule).unwrap_or_default()),
                Mode::Canary(_) => {
                    let actions = generator.actions(rule).unwrap_or_default();
                    matched.extend(guarded(acts.unwrap_or(Expression::Boolean(true)), actions));
                }
                Mode::Draft | Mode::Monitor | Mode::Retired => {}
            }
            body.push(when(generator.local("over", "BOOL"), matched));
            vec![Statement::Comment(format!("{}: {}", rule.id, rule.title)), when(Expression::all([open, kept]), body)]
        });
        self.origin.push(Statement::Signature(rule.id.clone(), statements));
    }

    /// What `vcl_miss` and `vcl_pass` do of all rates at the origin.
    pub(super) fn origin_code(&mut self) -> Vec<Statement> {
        let rules = std::mem::take(&mut self.origin);
        if rules.is_empty() {
            return Vec::new();
        }
        let (status, retry_after) = (self.header("status"), self.header("retry-after"));
        self.in_origin(|generator| {
            let (open, ids) = (generator.local("open", "BOOL"), generator.local("ids", "STRING"));
            let [action, by, code] = ["action", "by", "status"].map(|local| generator.local(local, "STRING"));
            let shown = generator.local("shown", "STRING");
            let mut body: Vec<Statement> = generator
                .locals
                .iter()
                .filter(|(_, kind)| *kind == "STRING")
                .map(|(local, _)| set(&name(local), Expression::text("")))
                .collect();
            body.push(yes(&open));
            body.extend(rules);
            let listed = generator.listed(ids.clone());
            let line = generator.log_line([action, by.clone(), Expression::text(""), listed], shown.clone());
            body.push(when(
                filled(ids),
                vec![
                    set(&shown, Expression::text("0")),
                    when(filled(code.clone()), vec![set(&shown, code.clone())]),
                    Statement::Log(line),
                ],
            ));
            let mut refuse = vec![set(&status, code.clone())];
            if generator.locals.iter().any(|(local, _)| local == "var.retry_after") {
                let seconds = generator.local("retry_after", "STRING");
                refuse.push(when(filled(seconds.clone()), vec![set(&retry_after, seconds)]));
            }
            refuse.push(Statement::Error(ERROR_STATUS, by));
            body.push(when(filled(code), refuse));
            let zero = name("req.restarts").equals(Expression::Integer(0));
            let once = Expression::all([zero, name("req.is_esi_subreq").not(), name("req.is_background_fetch").not()]);
            let mut statements: Vec<Statement> =
                generator.locals.iter().map(|(local, kind)| Statement::Declare(local.clone(), kind)).collect();
            statements.push(when(once, body));
            statements
        })
    }
}
