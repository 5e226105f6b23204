//! The file from top to bottom, and the order in which a request goes through it: address, headers, room, URL, lists, plain
//! allows, limits, body, rules, score, rates, record.

use super::super::Options;
use super::super::vcl::{Comparator, Expression, File, Item, Statement, one_line, when, when_else};
use super::Generator;
use super::rates::RateCode;
use super::response::SENTINEL;
use super::room::{TAGS, over, register};
use super::views::regsub;
use super::visit::PER_SUB;
use crate::catalog::Field;
use crate::diagnostic::counted;
use crate::ir::{Action, RatePoint, Rule, TemplatePart};
use std::sync::Arc;

/// The tree of a set; `None` when it was reported that there is none.
pub fn file(generator: &mut Generator<'_>, options: &Options) -> Option<File> {
    generator.check_support();
    generator.file(options)
}

impl<'r> Generator<'r> {
    fn file(&mut self, options: &Options) -> Option<File> {
        let span = self.any_span();
        self.need("std", span, "every signature");
        self.need("var", span, "every signature");
        self.claim_views();
        let (mut allows, mut rules, mut rates) = (Vec::new(), Vec::new(), RateCode::default());
        let ruleset = self.ruleset;
        for rule in ruleset.rules.iter().filter(|rule| super::is_rate(rule)) {
            self.rate_block(rule, &mut rates);
        }
        let (first, then): (Vec<&Rule>, Vec<&Rule>) = ruleset
            .rules
            .iter()
            .map(Arc::as_ref)
            .filter(|rule| !super::is_rate(rule))
            .partition(|rule| rule.is_allow());
        rules.extend(self.rule_blocks(&then));
        allows.extend(first.iter().map(|rule| self.rule_block(rule)));

        let mut items = Vec::new();
        let client = self.client_items();
        if self.reads_url {
            self.need("blob", span, "decoding the URL");
        }
        self.joins_answers = !rates.response_headers.is_empty();
        let room = self.room_items();
        let (url_calls, url_lists) = self.visit_items(true);
        let (cookie_calls, cookie_lists) = self.visit_items(false);
        let mut body = Vec::new();
        if self.uses_register() {
            body.push(self.set("identity", register()));
        }
        body.extend(set_evaluating(true));
        body.push(self.call("client"));
        let prepare = self.prepare_items(&url_calls, &cookie_calls, &mut body);

        let (allow_calls, allow_items) = self.groups("allow", "Signatures that allow.", allows);
        for call in allow_calls {
            body.push(call);
            body.push(when(self.get_int("done").equals(Expression::Integer(1)), vec![Statement::Return]));
        }
        body.push(when(
            self.over().compare(Comparator::NotEqual, Expression::Integer(0)),
            vec![self.call("limit"), Statement::Return],
        ));
        if self.reads_body {
            let before_allows = first.iter().any(|rule| reads_body(rule));
            let client = body.iter().position(|statement| matches!(statement, Statement::Call(_))).unwrap_or(0);
            let at = if before_allows { client + 1 } else { body.len() };
            body.insert(at, self.call("body"));
        }
        let (rule_calls, rule_items) = self.groups("rules", "Signatures, by severity.", rules);
        body.extend(rule_calls);
        if let Some(threshold) = self.score_threshold() {
            body.push(when(
                self.get_int("score").compare(Comparator::GreaterOrEqual, Expression::Integer(i64::from(threshold))),
                vec![
                    self.set_int("status", Expression::Integer(i64::from(self.settings.block.status))),
                    self.set("action", Expression::text("block")),
                    self.set("by", self.get("crossed")),
                    self.call("finish"),
                    self.set_int("acted", Expression::Integer(1)),
                    Statement::Synth(Expression::Integer(SENTINEL + i64::from(self.settings.block.status))),
                ],
            ));
        }
        let (rate_calls, rate_items) = self.groups("rates", "Rates.", std::mem::take(&mut rates.recv));
        body.extend(rate_calls.into_iter().flat_map(|call| {
            [call, when(self.get_int("done").equals(Expression::Integer(1)), vec![Statement::Return])]
        }));
        body.push(self.call("effects"));
        body.push(self.call("finish"));

        items.extend(self.acl_items());
        if self.canary {
            items.push(Item::Sub {
                name: "vcl_init".to_owned(),
                comment: vec!["Its key() is what a canary's share is taken of; it directs nothing.".to_owned()],
                body: vec![Statement::New(self.sub("shard"), "directors.shard")],
            });
        }
        items.extend(client);
        items.extend(prepare);
        items.extend(room);
        items.extend(cookie_lists);
        items.extend(url_lists);
        if self.reads_body {
            items.push(self.body_item());
        }
        items.extend(allow_items);
        items.extend(rule_items);
        items.extend(rate_items);
        items.extend(self.end_items());
        items.push(Item::Sub { name: self.sub("recv"), comment: vec!["Once per client request.".to_owned()], body });
        let counts = !rates.response.is_empty();
        items.extend(self.later_items(rates));
        items.push(self.recv_item());
        items.extend(self.synth_items(counts));
        if options.only_refusals {
            // All that can be refused was; nobody reads the text.
            return Some(File { items, ..File::default() });
        }
        let mut head = self.head(options);
        head.extend(super::prune::prune(items, &self.settings.prefix));
        Some(File { items: head, ..File::default() })
    }

    /// Whether texts are put into the register.
    pub(super) fn uses_register(&self) -> bool {
        self.reckons || !self.visits.is_empty()
    }

    /// Views that redirects need; claimed before the conditions are translated.
    fn claim_views(&mut self) {
        for rule in &self.ruleset.rules {
            for action in &rule.actions {
                if let Action::Redirect { template, .. } = action {
                    if template.contains(&TemplatePart::Host) {
                        self.views.host = true;
                    }
                    if template.contains(&TemplatePart::UrlRaw) {
                        self.reads_url = true;
                        self.redirects_url = true;
                    }
                }
            }
        }
    }

    /// What stands at the top: comment, version, imports.
    fn head(&self, options: &Options) -> Vec<Item> {
        let prefix = &self.settings.prefix;
        let mut lines =
            vec![format!("{prefix}: generated by edgesig {}; do not edit, build again.", env!("CARGO_PKG_VERSION"))];
        if let Some(service) = &options.service {
            lines.push(format!("Service: {}", one_line(service)));
        }
        let acting = self.ruleset.rules.iter().filter(|rule| rule.mode.can_act()).count();
        lines.push(format!(
            "{}; {}",
            counted(self.ruleset.rules.len(), "signature"),
            if acting == 0 { "all monitor only".to_owned() } else { format!("{acting} of them can act") }
        ));
        let vmods: Vec<&str> = self.vmods.iter().copied().collect();
        lines.extend([
            String::new(),
            "Include this file before everything else of the service, right after its own `vcl 4.1;`:".to_owned(),
            "    include \"/etc/varnish/edgesig.vcl\";".to_owned(),
            "What returns in vcl_recv before it is not inspected; what returns in vcl_synth before it hides the body of refusals.".to_owned(),
            format!("Vmods: {}", vmods.join(", ")),
            String::new(),
            format!("Log: one record per request with anything to tell, {prefix}:v1|ACTION|BY|STATUS|CLIENT|ids=A,B"),
            format!("    varnishlog -g request -q 'VCL_Log ~ \"^{prefix}[+]?:v1\"'"),
            format!("    varnishlog -g request -i VCL_Log -q 'VCL_Log:{prefix} ~ \"[=,]some-id(,|$)\"'"),
            format!("Ids that find no room in it follow in records {prefix}+:v1|XID|ids=C,D of the same request."),
        ]);
        let at_origin = |rule: &Arc<Rule>| rule.rate.as_ref().is_some_and(|rate| rate.at == RatePoint::Origin);
        if self.ruleset.rules.iter().any(at_origin) {
            lines.push("What rates at the origin find follows in a record of its own.".to_owned());
        }
        let mut items = vec![Item::Comment(lines), Item::Version];
        items.extend(self.vmods.iter().map(|vmod| Item::Import(vmod)));
        items
    }

    fn score_threshold(&self) -> Option<u32> {
        let scores =
            self.ruleset.rules.iter().any(|rule| {
                rule.mode.can_act() && rule.actions.iter().any(|action| matches!(action, Action::Score(_)))
            });
        self.settings.score_threshold.filter(|_| scores)
    }

    /// Blocks in subs that the C compiler takes quickly.
    fn groups(&mut self, name: &str, comment: &str, blocks: Vec<Statement>) -> (Vec<Statement>, Vec<Item>) {
        let (mut calls, mut items) = (Vec::new(), Vec::new());
        let mut blocks = blocks.into_iter();
        for index in 1.. {
            let Some(first) = blocks.next() else { break };
            let sub = self.names.unique(&format!("{name}_{index}"));
            calls.push(Statement::Call(sub.clone()));
            let mut body = vec![first];
            for block in blocks.by_ref().take(PER_SUB - 1) {
                body.extend([Statement::Blank, block]);
            }
            items.push(Item::Sub { name: sub, comment: vec![comment.to_owned()], body });
        }
        (calls, items)
    }

    /// What the blocks call: ids, effects, record, refusals.
    fn end_items(&mut self) -> Vec<Item> {
        let mut items = vec![self.matched_item()];
        if let Some(threshold) = self.score_threshold() {
            let limit = || Expression::Integer(i64::from(threshold));
            items.push(Item::Sub {
                name: self.sub("score"),
                comment: vec!["Adds points, and keeps the id that reaches the threshold.".to_owned()],
                body: vec![
                    self.add_int("score", self.get_int("points")),
                    when(
                        Expression::all([
                            self.get_int("score").compare(Comparator::GreaterOrEqual, limit()),
                            self.get("crossed").not(),
                        ]),
                        vec![self.set("crossed", self.get("id"))],
                    ),
                ],
            });
        }
        items.push(self.effects_item());
        items.push(self.log_item());
        let mut finish = Vec::new();
        if self.reads_url {
            finish.push(self.original_form());
        }
        if self.uses_register() {
            finish.push(Statement::Set(register(), self.get("identity")));
        }
        finish.extend(set_evaluating(false));
        if self.reckons && self.ruleset.rules.iter().any(|rule| rule.is_plain_allow()) {
            // Signatures that read what found no room were passed over before this one.
            finish.push(when(
                Expression::all([
                    self.over().equals(Expression::Integer(over::WORKSPACE)),
                    self.get("action").equals(Expression::text("allow")),
                ]),
                vec![self.set("id", Expression::text("limit-workspace")), self.call("matched")],
            ));
        }
        finish.push(self.call("log"));
        items.push(Item::Sub {
            name: self.sub("finish"),
            comment: vec!["The end of the evaluation, however it ended.".to_owned()],
            body: finish,
        });
        let used = |wanted: fn(&Action) -> bool| {
            self.ruleset.rules.iter().any(|rule| rule.mode.can_act() && rule.actions.iter().any(wanted))
        };
        let refusals = [
            ("block", used(|action| matches!(action, Action::Block(_)))),
            ("redirect", used(|action| matches!(action, Action::Redirect { .. }))),
            ("throttle", used(|action| matches!(action, Action::Throttle))),
        ];
        for (name, _) in refusals.into_iter().filter(|(_, used)| *used) {
            items.push(Item::Sub {
                name: self.sub(name),
                comment: Vec::new(),
                body: vec![
                    self.call("matched"),
                    self.set("action", Expression::text(name)),
                    self.set("by", self.get("id")),
                    self.set_int("acted", Expression::Integer(1)),
                    self.call("finish"),
                    Statement::Synth(Expression::Sum(vec![Expression::Integer(SENTINEL), self.get_int("status")])),
                ],
            });
        }
        if used(|action| matches!(action, Action::Allow(crate::ir::AllowScope::Everything))) {
            items.push(Item::Sub {
                name: self.sub("allows"),
                comment: Vec::new(),
                body: vec![
                    self.call("matched"),
                    self.set("action", Expression::text("allow")),
                    self.set("by", self.get("id")),
                    self.call("effects"),
                    self.call("finish"),
                    self.set_int("done", Expression::Integer(1)),
                ],
            });
        }
        items.push(self.limit_item());
        if self.can_act() {
            items.push(self.full_item());
        }
        items
    }

    /// Tags and strips, when the request goes on to the origin.
    fn effects_item(&self) -> Item {
        let mut body = Vec::new();
        if !self.tags.is_empty() {
            let texts: Vec<Expression> = self.tags.iter().map(|tag| self.get(&format!("tag {tag}"))).collect();
            // Each copied once: put together one after the other, many tags would fill the workspace.
            let all = if texts.len() > 1 {
                Expression::Sum(texts)
            } else {
                texts.into_iter().next().unwrap_or_else(|| Expression::text(""))
            };
            let set = Statement::Set(self.tags_header(), regsub(all, "^,", ""));
            let set = match self.tags_fit() {
                true => set,
                false => when_else(
                    self.get_int("tagged").compare(Comparator::Less, Expression::Integer(TAGS)),
                    vec![set],
                    vec![Statement::Unset(self.tags_header())],
                ),
            };
            // A request that fills every header line leaves none for the tags: the origin would take it for an untagged one.
            let mut lost = vec![
                self.set("action", Expression::text("block")),
                self.set("by", Expression::text("limit-workspace")),
                self.set_int("status", Expression::Integer(431)),
                self.call("finish"),
            ];
            lost.extend(self.refuse_full());
            let tagged = vec![set, when(self.tags_header().not(), lost)];
            body.push(when(self.get_int("tagged").compare(Comparator::Greater, Expression::Integer(0)), tagged));
        }
        for name in &self.strips {
            body.push(when(
                self.get_int(&format!("strip {name}")).equals(Expression::Integer(1)),
                vec![Statement::Unset(Expression::Header("req", name.clone()))],
            ));
        }
        Item::Sub { name: self.sub("effects"), comment: vec!["What the origin sees of it.".to_owned()], body }
    }

    /// Refuses a request that varnishd has given up: one that lost a header is answered with 500, whatever VCL says,
    /// unless it is taken back to how it came.
    fn refuse_full(&self) -> [Statement; 2] {
        let roll_back = Statement::Do(Expression::call("std.rollback", [Expression::name("req")]));
        [roll_back, self.call("full")]
    }

    /// What follows. A sub of its own: a sub looks up the variables when it begins, and the ones of before are gone.
    fn full_item(&self) -> Item {
        let mut body = vec![self.set_int("acted", Expression::Integer(1))];
        if self.uses_register() {
            body.push(Statement::Set(register(), Expression::name("client.ip")));
        }
        body.push(Statement::Synth(Expression::Integer(SENTINEL + 431)));
        Item::Sub {
            name: self.sub("full"),
            comment: vec!["Every header line is taken, so that varnishd itself would answer 500.".to_owned()],
            body,
        }
    }

    pub(super) fn tags_header(&self) -> Expression {
        Expression::Header("req", format!("x-{}-tags", self.settings.prefix.replace('_', "-")))
    }

    fn limit_item(&self) -> Item {
        let named = |name: &str| vec![self.set("id", Expression::text(name))];
        let is = |kind: i64| self.over().equals(Expression::Integer(kind));
        let mut body = vec![Statement::If {
            branches: vec![
                (is(over::WORKSPACE), named("limit-workspace")),
                (is(over::VALUES), named("limit-values")),
                (is(over::NAMES), named("limit-names")),
            ],
            otherwise: named("limit-url"),
        }];
        match self.settings.limits.over.filter(|_| self.can_act()) {
            Some(status) => body.extend([
                self.set("action", Expression::text("block")),
                self.set("by", self.get("id")),
                self.set_int("acted", Expression::Integer(1)),
                self.set_int("status", Expression::Integer(i64::from(status))),
                when(is(over::WORKSPACE), vec![self.set_int("status", Expression::Integer(431))]),
                self.call("finish"),
                Statement::Synth(Expression::Sum(vec![Expression::Integer(SENTINEL), self.get_int("status")])),
            ]),
            None => body.extend([self.call("matched"), self.call("finish")]),
        }
        Item::Sub {
            name: self.sub("limit"),
            comment: vec!["Over a limit: nothing else is looked at.".to_owned()],
            body,
        }
    }

    /// `vcl_recv`: our own header is nobody else's; the rules run once per client request.
    fn recv_item(&self) -> Item {
        let is_zero = |name: &'static str| Expression::name(name).equals(Expression::Integer(0));
        let first = Expression::all([is_zero("req.restarts"), is_zero("req.esi_level")]);
        let mut body = vec![Statement::Unset(self.tags_header())];
        let again =
            if self.tags.is_empty() && self.strips.is_empty() { Vec::new() } else { vec![self.call("effects")] };
        // varnishd appends the peer to X-Forwarded-For before VCL runs: without it the request has no room left for a line
        // or a byte, and nothing of it can be told for sure.
        let prefix = &self.settings.prefix;
        let mut full = Vec::new();
        let record = if self.can_act() {
            format!("{prefix}:v1|block|limit-workspace|431|-|ids=")
        } else {
            format!("{prefix}:v1|none|-|200|-|ids=limit-workspace")
        };
        full.push(Statement::Do(Expression::call("std.log", [Expression::text(record)])));
        if self.can_act() {
            full.extend(self.refuse_full());
        }
        let whole = Expression::Header("req", "x-forwarded-for".to_owned());
        let entry = vec![when_else(whole, vec![self.call("recv")], full)];
        body.push(when_else(first, entry, again));
        Item::Sub {
            name: "vcl_recv".to_owned(),
            comment: vec![
                "Restarts and ESI fragments come here too: a client's own copy of our header goes at every entry, the"
                    .to_owned(),
                "signatures run at the first one only.".to_owned(),
            ],
            body,
        }
    }

    /// The rates at the origin, and what they found: effects, and a record, for the one of `vcl_recv` is written.
    fn origin_item(&self, calls: Vec<Statement>) -> Item {
        let mut body = vec![self.forget_ids()];
        body.extend(calls);
        let mut found = Vec::new();
        if !self.tags.is_empty() || !self.strips.is_empty() {
            found.push(self.call("effects"));
        }
        found.push(self.call("log"));
        body.push(when(self.get_int("matched").compare(Comparator::Greater, Expression::Integer(0)), found));
        Item::Sub {
            name: self.sub("origin"),
            comment: vec!["The request goes to the origin. What is found now has a log record of its own.".to_owned()],
            body,
        }
    }

    /// Rates at the origin and of responses.
    fn later_items(&mut self, rates: RateCode) -> Vec<Item> {
        let mut items = Vec::new();
        let main = || Expression::name("req.esi_level").equals(Expression::Integer(0));
        if !rates.origin.is_empty() {
            let (calls, subs) = self.groups("origin", "Rates of what goes to the origin.", rates.origin);
            items.extend(subs);
            items.push(self.origin_item(calls));
            for name in ["vcl_miss", "vcl_pass"] {
                items.push(Item::Sub {
                    name: name.to_owned(),
                    comment: Vec::new(),
                    body: vec![when(main(), vec![self.call("origin")])],
                });
            }
        }
        if !rates.response.is_empty() {
            let mut body = super::answers::joined(&rates.response_headers);
            let (calls, subs) = self.groups("responses", "Rates of responses.", rates.response);
            items.extend(subs);
            body.extend(calls);
            items.push(Item::Sub {
                name: self.sub("count"),
                comment: vec!["The response is known: what counts, counts once.".to_owned()],
                body,
            });
            items.push(Item::Sub {
                name: "vcl_deliver".to_owned(),
                comment: Vec::new(),
                body: vec![when(main(), vec![self.call("count")])],
            });
        }
        items
    }
}

/// True while our code runs. These outlive a failure of VCL, which takes back the request and all variables; three, for a
/// service that fails may have set one or two of them itself.
const EVALUATING: [&str; 3] = ["req.hash_ignore_vary", "req.hash_ignore_busy", "req.hash_always_miss"];

/// Whether our code runs, or failed.
pub fn evaluating() -> impl Iterator<Item = Expression> {
    EVALUATING.into_iter().map(|sign| Expression::name(sign).equals(Expression::Boolean(true)))
}

/// Our code begins or ends.
pub fn set_evaluating(begins: bool) -> impl Iterator<Item = Statement> {
    EVALUATING.into_iter().map(move |sign| Statement::Set(Expression::name(sign), Expression::Boolean(begins)))
}

fn reads_body(rule: &Rule) -> bool {
    rule.fields().iter().any(|reference| matches!(reference.field, Field::Body | Field::BodyTruncated))
}
