//! One signature → one rule. The driver runs it on every signature, in parallel.

use super::patterns::PatternUse;
use super::project::refuse_constant_exception;
use super::scope::{Checker, Context};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::ir::{Action, Places, Predicate, Rule, meaning};
use crate::source::Span;
use crate::syntax::ast;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What became of a signature.
pub(super) struct Outcome<'a> {
    /// `None`: it has errors.
    pub rule: Option<Arc<Rule>>,
    pub diagnostics: Diagnostics,
    pub pattern_uses: Vec<PatternUse<'a>>,
}

pub(super) fn signature<'a>(context: &'a Context<'a>, signature: &'a ast::Signature) -> Outcome<'a> {
    let mut checker = Checker::new(context);
    let rule = checker.rule(signature);
    let failed = checker.diagnostics.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    Outcome {
        rule: rule.filter(|_| !failed).map(Arc::new),
        diagnostics: checker.diagnostics,
        pattern_uses: checker.pattern_uses,
    }
}

impl<'a> Checker<'a> {
    fn rule(&mut self, signature: &'a ast::Signature) -> Option<Rule> {
        self.check_header(signature);
        self.define(&signature.lets);
        let when = self.request_condition(&signature.when, "`when`");
        let except = match &signature.except {
            None => Some(None),
            Some(except) => {
                let predicate = self.request_condition(except, "`except`");
                if let Some(predicate) = &predicate {
                    refuse_constant_exception(predicate, except.span, self);
                }
                predicate.map(Some)
            }
        };
        let rate = match &signature.rate {
            None => Some(None),
            Some(rate) => self.rate(rate).map(Some),
        };
        self.report_unused(&signature.lets);
        let actions = self.actions(signature);
        if let Some(when) = &when {
            self.check_constant_when(signature, when, &actions);
        }
        let tests = self.tests(signature);
        let id_span = signature.id.span;
        let line = self.context.sources.line(id_span.source, id_span.start);
        let mut rule = Rule {
            id: signature.id.value.clone(),
            version: signature.version.value,
            title: signature.title.value.trim().to_owned(),
            risk: signature.severity.value,
            mode: signature.mode.value,
            tags: signature.tags.iter().map(|tag| tag.value.clone()).collect(),
            targets: signature
                .targets
                .as_ref()
                .map(|targets| targets.iter().map(|target| target.value.clone()).collect()),
            expires: signature.expires.as_ref().map(|date| date.value),
            span: id_span,
            places: Places {
                expires: signature.expires.as_ref().map(|date| date.span),
                terminal: signature.then.iter().find(|action| ends(&action.value)).map(|action| action.span),
            },
            origin: format!("{}:{line}", self.context.sources.name(signature.source)),
            hash: String::new(),
            when: when?,
            except: except?,
            rate: rate?,
            actions,
            tests,
        };
        let digest = Sha256::digest(meaning(&rule, self.context.lists).as_bytes());
        rule.hash = format!("{digest:x}");
        Some(rule)
    }

    /// What is said about a signature besides its conditions.
    fn check_header(&mut self, signature: &'a ast::Signature) {
        let title = signature.title.value.trim();
        if title.is_empty() || title.chars().any(char::is_control) {
            self.invalid_value(
                signature.title.span,
                "a title is one line of printable text",
                "shorten it; what needs more room goes into `description`",
            );
        }
        for tag in &signature.tags {
            if tag.value.is_empty() || tag.value.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',') {
                self.invalid_value(tag.span, format!("`{}` cannot be a tag", tag.value), "a tag is one word");
            }
        }
    }

    fn invalid_value(&mut self, span: Span, message: impl Into<String>, help: &str) {
        self.report(Diagnostic::new(Code::InvalidValue, span, message, "not allowed").help(help));
    }

    /// `when: true` is for rates and for what is done to every request.
    fn check_constant_when(&mut self, signature: &'a ast::Signature, when: &Predicate, actions: &[Action]) {
        let harmless = actions.iter().all(|action| matches!(action, Action::Strip(_) | Action::Tag(_)));
        let (message, help) = if *when == Predicate::FALSE {
            ("this condition never holds", "use `mode: draft` or `mode: retired` to keep a signature out")
        } else if *when == Predicate::TRUE && signature.rate.is_none() && !harmless {
            ("this condition always holds", "`when: true` goes with a `rate`, or with `strip` and `tag` alone")
        } else {
            return;
        };
        self.report(
            Diagnostic::new(Code::ConstantCondition, signature.when.span, message, "always the same").help(help),
        );
    }
}

/// Whether an action as written is one that ends the evaluation.
fn ends(action: &ast::Action) -> bool {
    match action {
        ast::Action::Block(_)
        | ast::Action::Allow(None)
        | ast::Action::Redirect { .. }
        | ast::Action::Throttle
        | ast::Action::Tarpit(_) => true,
        ast::Action::Log
        | ast::Action::Tag(_)
        | ast::Action::Score(_)
        | ast::Action::Strip(_)
        | ast::Action::Allow(Some(_)) => false,
    }
}
