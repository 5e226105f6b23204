//! The workspace: what the copies of a request may take, reckoned before they are made. Varnish fails a request, or
//! silently loses a value, when its workspace is full; here such a request is over a limit of its own. Every text is
//! measured once it is there: a decoded one is shorter than what it was decoded from.

use super::super::vcl::{Comparator, Expression, Item, Statement, when, when_else};
use super::Generator;
use super::functions::{REFERENCE, dots};
use super::rules::tag_room;
use super::views::{BROKEN_ESCAPE, Cost, ESCAPE, Operand, Presence, Source, View, many_broken_escapes};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Action, Call, TemplatePart, Value};
use std::collections::BTreeMap;

/// Values of the variable `over`.
pub mod over {
    /// Some copy does not fit the workspace: nothing more is looked at.
    pub const WORKSPACE: i64 = -1;
    pub const URL: i64 = 1;
    /// More `..` than `path_normalize` resolves; shown as the URL's limit.
    pub const CLIMB: i64 = 2;
    pub const VALUES: i64 = 3;
    pub const NAMES: i64 = 4;
}

/// Holds a text without a copy of its own: the text that is measured, the element that is checked. Varnish keeps a
/// pointer in it, where vmod var copies. Nothing of it is logged, and the service finds in it what it held before.
pub const REGISTER: &str = "client.identity";
/// Longest URL that `limits.url` may allow: its escaped form must fit the stack buffer of `blob.transcode`.
pub const LONGEST_URL: u32 = 8192;
/// What `workspace_client` (96 KB) has left for a request, its copies and the service: measured on 7.1.1.
const WORKSPACE: i64 = 77_000;
/// The request itself lies there. One whose head is longer than this (up to `http_req_size`, 32 KB), or that is sent
/// together with the next ones, and that is full of copies as well, fails, and `vcl_synth` answers it.
const REQUEST: i64 = 16_384;
/// As much again: what of the body came with the head lies there too, up to `http_req_size`.
const BODY: i64 = 16_384;
/// Content-Lengths, and what they take; one below 1,000 is no matter.
const BODIES: &[(&str, i64)] = &[("[0-9]{5}", BODY), ("[4-9][0-9]{3}", 10_000), ("[0-9]{4}", 4_000)];
/// A joined header, a URL in absolute form: at most about `http_req_size`.
const LONGEST: i64 = 32_768;
/// For the log record, the response and the service's own code.
const SERVICE: i64 = 5_000;
/// For the joined lines of a response header.
const ANSWER: i64 = 8192;
/// For tags: more are refused.
pub const TAGS: i64 = 12_000;
/// Of one variable: its record and its name.
pub const VARIABLE: i64 = 96;
/// Sizes to which a length is rounded up.
const SIZES: &[i64] = &[
    32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 2560, 3072, 3584, 4096, 4352, 5120, 6144, 7168, 8192, 12_288,
    16_384,
];

/// The register's text.
pub(super) fn register() -> Expression {
    Expression::name(REGISTER)
}

impl<'r> Generator<'r> {
    pub(super) fn over(&self) -> Expression {
        self.get_int("over")
    }

    /// What the copies of a header or of the method take, in its lengths: cut, lower-cased, part of a rate's key.
    fn header_costs(&self) -> BTreeMap<Source, Cost> {
        let mut costs: BTreeMap<Source, Cost> = BTreeMap::new();
        let mut add = |source: Source, cost: Cost| costs.entry(source).or_default().add(cost);
        let header = |name: &str| Source::Header(name.to_owned());
        if self.views.forwarded {
            add(header("x-forwarded-for"), Cost::flat(3));
        }
        if self.walks {
            add(header("x-forwarded-for"), Cost::flat(2));
        }
        if self.views.host {
            add(header("host"), Cost::flat(3 + self.repeated(&TemplatePart::Host)));
        }
        for (source, cost) in &self.keyed {
            match source {
                Source::Header(_) | Source::Method => add(source.clone(), *cost),
                Source::Small | Source::Url(_) | Source::Element => {}
            }
        }
        costs
    }

    /// How often a redirect's text shows the same part again. Once has its room with the answer.
    pub(super) fn repeated(&self, part: &TemplatePart) -> u32 {
        let shown = |action: &Action| match action {
            Action::Redirect { template, .. } => template.iter().filter(|shown| *shown == part).count(),
            Action::Block(_)
            | Action::Throttle
            | Action::Log
            | Action::Tag(_)
            | Action::Score(_)
            | Action::Allow(_)
            | Action::Strip(_)
            | Action::Tarpit(_) => 0,
        };
        let most = self.ruleset.rules.iter().flat_map(|rule| &rule.actions).map(shown).max().unwrap_or(0);
        u32::try_from(most.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// The most that can be made of one header.
    fn worst_header(&self) -> u32 {
        let mut costs = self.header_costs();
        for header in &self.headers {
            costs.entry(Source::Header(header.clone())).or_default().add(Cost::flat(1));
        }
        for view in &self.views.functions {
            match &view.operand.source {
                Source::Header(_) | Source::Method => {
                    costs.entry(view.operand.source.clone()).or_default().add(view.cost);
                }
                Source::Small | Source::Url(_) | Source::Element => {}
            }
        }
        let cookies = self.visits.iter().filter(|visit| !visit.reference.field.reads_url());
        let cookies = cookies.map(|visit| visit.cost().worst() + 2).max().unwrap_or(0);
        costs.into_values().map(Cost::worst).max().unwrap_or(0) + cookies
    }

    /// Room for copies.
    fn budget(&self) -> i64 {
        let flags: usize = self.visits.iter().map(|visit| visit.flags().min(40)).sum();
        let variables = 24 + self.views.functions.len() + self.views.url_fields.len() + flags;
        let keys = self.ruleset.rules.iter().filter(|rule| super::is_rate(rule)).count();
        let answer = if self.joins_answers { ANSWER } else { 0 };
        WORKSPACE
            - REQUEST
            - SERVICE
            - answer
            - self.tags_room().min(TAGS)
            - VARIABLE * i64::try_from(variables + 3 * keys).unwrap_or(i64::MAX / VARIABLE)
    }

    /// What all tags together take of the workspace.
    fn tags_room(&self) -> i64 {
        self.tags.iter().map(|tag| tag_room(tag)).fold(0, i64::saturating_add)
    }

    /// No request can have too many tags.
    pub(super) fn tags_fit(&self) -> bool {
        self.tags_room() < TAGS
    }

    /// The subs that reckon, unless everything fits anyway. Reports a set that could not work at all.
    pub(super) fn room_items(&mut self) -> Vec<Item> {
        let budget = self.budget();
        let limit = i64::from(self.settings.limits.url);
        if i64::from(self.url_copies(&|cost| cost.plain)) * limit.min(1024) > budget {
            let rules = self.heavy_rules().join(", ");
            let message = format!("the values that these signatures compute do not fit Varnish's workspace: {rules}");
            let label = "too many copies of the request";
            self.diagnostics.push(
                Diagnostic::new(Code::UnsupportedOnTarget, self.any_span(), message, label)
                    .help(
                        "compute fewer of them: match without functions, ignore case by `i\"…\"` and `ri\"…\"`, or \
                         build the signatures for fewer services each",
                    )
                    .of_set(),
            );
            return Vec::new();
        }
        let worst_url = i64::from(self.url_copies(&Cost::worst)) * limit;
        if i64::from(self.worst_header()) * LONGEST + worst_url <= budget - BODY {
            return Vec::new();
        }
        self.reckons = true;
        let need = Expression::Product(Box::new(self.get_int("size")), Box::new(self.get_int("copies")));
        let size = |bytes: i64| vec![self.set_int("size", Expression::Integer(bytes))];
        let longer = |bytes: i64| register().matches(format!("(?s)^.{{{bytes}}}"));
        let branches = SIZES.iter().enumerate().rev();
        let branches = branches
            .map(|(index, from)| (longer(*from), size(SIZES.get(index + 1).copied().unwrap_or(LONGEST))))
            .collect();
        let shortest = SIZES.first().copied().unwrap_or(LONGEST);
        vec![Item::Sub {
            name: self.sub("room"),
            comment: vec![
                format!(
                    "Bytes that `copies` copies of the text in {REGISTER} take of the workspace. Varnish would fail"
                ),
                "the request or lose a value without a word when it is full; a request that needs too much is over a"
                    .to_owned(),
                format!(
                    "limit instead. ({REGISTER} holds a text without a copy; the service finds what it held before.)"
                ),
            ],
            body: vec![
                when_else(longer(shortest), vec![Statement::If { branches, otherwise: Vec::new() }], size(shortest)),
                self.add_int("need", need),
                when(
                    self.get_int("need").compare(Comparator::Greater, Expression::Integer(budget)),
                    vec![self.set_int("over", Expression::Integer(over::WORKSPACE))],
                ),
            ],
        }]
    }

    /// Reckons the body.
    pub(super) fn body_room(&self) -> Option<Statement> {
        let header = |name: &str| Expression::Header("req", name.to_owned());
        let takes = |bytes: i64| vec![self.add_int("need", Expression::Integer(bytes))];
        let length = |(pattern, bytes): &(&str, i64)| (header("content-length").matches(*pattern), takes(*bytes));
        let branches = [(header("transfer-encoding"), takes(BODY))].into_iter().chain(BODIES.iter().map(length));
        self.reckons.then(|| Statement::If { branches: branches.collect(), otherwise: Vec::new() })
    }

    /// Reckons what is made of headers as such.
    pub(super) fn header_room(&self) -> Vec<Statement> {
        if !self.reckons {
            return Vec::new();
        }
        let header = |name: &str| Expression::Header("req", name.to_owned());
        let reckoned = |(source, cost): (Source, Cost)| match source {
            Source::Header(name) => vec![when(header(&name), self.reckon(header(&name), cost))],
            Source::Method => self.reckon(Expression::name("req.method"), cost),
            Source::Small | Source::Url(_) | Source::Element => Vec::new(),
        };
        self.header_costs().into_iter().flat_map(reckoned).collect()
    }

    /// Functions, those of the fields first: the calls of what reckons and computes them.
    pub(super) fn function_calls(&mut self, name: &str, views: &[View], items: &mut Vec<Item>) -> Vec<Statement> {
        let mut calls = Vec::new();
        let deepest = views.iter().map(|view| view.depth).max().unwrap_or(0);
        for depth in 1..=deepest {
            let views: Vec<&View> = views.iter().filter(|view| view.depth == depth).collect();
            let mut costs: Vec<(&Operand, Cost)> = Vec::new();
            for view in &views {
                match costs.iter_mut().find(|(argument, _)| argument.text == view.argument.text) {
                    Some((_, cost)) => cost.add(view.cost),
                    None => costs.push((&view.argument, view.cost)),
                }
            }
            let mut room = Vec::new();
            for (argument, cost) in costs.into_iter().filter(|_| self.reckons) {
                match argument.presence {
                    Presence::Always => room.extend(self.reckon(argument.text.clone(), cost)),
                    Presence::IfSet(_) | Presence::Guarded(_) => {
                        room.push(when(argument.text.clone(), self.reckon(argument.text.clone(), cost)));
                    }
                }
            }
            let (reckoning, subs) = self.chunks(&format!("{name}_room"), "What the values below take.", room);
            items.extend(subs);
            let mut code: Vec<Statement> = views.iter().flat_map(|view| view.code.clone()).collect();
            for view in views.iter().filter(|_| self.reckons) {
                if let Value::Call(Call::UrlDecode, _) = view.value {
                    let text = view.argument.text.clone();
                    let shrunk = self.shrink(text.clone(), view.operand.text.clone());
                    code.push(when(text.matches(ESCAPE), shrunk));
                }
            }
            let comment = "Functions, each under the name that signatures use.";
            let (computing, subs) = self.chunks(&format!("{name}_values"), comment, code);
            items.extend(subs);
            // What is too long is not measured either.
            calls.extend((!reckoning.is_empty()).then(|| self.with_room(reckoning)));
            calls.push(self.with_room(computing));
        }
        calls
    }

    /// Statements for a request that has room for them.
    pub(super) fn with_room(&self, code: Vec<Statement>) -> Statement {
        when(self.over().compare(Comparator::NotEqual, Expression::Integer(over::WORKSPACE)), code)
    }

    /// Statements in subs of a good size.
    pub(super) fn chunks(&mut self, name: &str, comment: &str, code: Vec<Statement>) -> (Vec<Statement>, Vec<Item>) {
        let (mut calls, mut items) = (Vec::new(), Vec::new());
        for chunk in code.chunks(super::visit::PER_SUB) {
            let name = self.names.unique(name);
            calls.push(Statement::Call(name.clone()));
            items.push(Item::Sub { name, comment: vec![comment.to_owned()], body: chunk.to_vec() });
        }
        (calls, items)
    }

    /// Adds to `need` what is made of a text, and leaves the text in the register.
    pub(super) fn reckon(&self, text: Expression, cost: Cost) -> Vec<Statement> {
        self.reckon_with(text, cost, ESCAPE)
    }

    /// The same with a pattern for what `Cost::escapes` is about.
    pub(super) fn reckon_with(&self, text: Expression, cost: Cost, escape: &str) -> Vec<Statement> {
        let mut code = vec![self.set_int("copies", Expression::Integer(i64::from(cost.plain)))];
        if text != register() {
            code.insert(0, Statement::Set(register(), text));
        }
        let more = |times: u32| self.add_int("copies", Expression::Integer(i64::from(times)));
        let holds = |pattern: &str| register().matches(pattern);
        if cost.escapes > 0 {
            let mut body = vec![more(cost.escapes)];
            if cost.guards > 0 {
                let many = when(register().matches(many_broken_escapes()), vec![more(2 * cost.guards)]);
                body.push(when(holds(BROKEN_ESCAPE), vec![more(cost.guards), many]));
            }
            code.push(when(holds(escape), body));
        }
        if cost.bars > 0 {
            code.push(when(holds(r"^(?:[^|]*+\|){32}"), vec![more(cost.bars)]));
        }
        if cost.references > 0 {
            let many = when(holds("^(?:[^%]*+%){32}"), vec![more(cost.references)]);
            code.push(when(holds(REFERENCE), vec![more(cost.references), many]));
        }
        let dots = dots();
        for (pattern, times) in
            [(r"\+", cost.pluses), (r"[\t-\r]|  |^ | \z", cost.blanks), (r"\s", cost.spaces), (&dots, cost.dots)]
        {
            code.extend((times > 0).then(|| when(holds(pattern), vec![more(times)])));
        }
        code.push(self.call("room"));
        code
    }

    /// What was decoded took two copies of the result, and not of what it was decoded from.
    pub(super) fn shrink(&self, text: Expression, decoded: Expression) -> Vec<Statement> {
        let count = |text, copies| {
            [Statement::Set(register(), text), self.set_int("copies", Expression::Integer(copies)), self.call("room")]
        };
        count(text, -2).into_iter().chain(count(decoded, 2)).collect()
    }

    /// Ids of the rules that compute something.
    fn heavy_rules(&self) -> Vec<String> {
        let calls = |value: &Value| matches!(value, Value::Call(..));
        let heavy = self.ruleset.rules.iter().filter(|rule| {
            rule.predicates().any(|predicate| {
                let mut found = false;
                predicate.each_comparison(&mut |comparison| found |= calls(&comparison.value));
                found
            })
        });
        heavy.map(|rule| rule.id.clone()).take(20).collect()
    }
}
