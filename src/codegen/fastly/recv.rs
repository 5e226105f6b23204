//! The order of evaluation as one sub: values, plain allows, limits, rules, score, rates, and one exit. It is called at
//! the start of `vcl_recv`.

use super::fields::name;
use super::{ERROR_STATUS, Generator, set};
use crate::codegen::vcl::{Comparator, Expression, Statement, when};
use crate::ir::{Action, AllowScope, Mode, Rule, TemplatePart};

/// What an enforced terminal action leaves for the exit.
pub(super) const BLOCK: &str = "block";
pub(super) const THROTTLE: &str = "throttle";
pub(super) const REDIRECT: &str = "redirect";
pub(super) const TARPIT: &str = "tarpit";
pub(super) const ALLOW: &str = "allow";

/// The body of the main sub.
pub(super) fn main(generator: &mut Generator<'_>) -> Vec<Statement> {
    generator.main()
}

pub(super) fn empty() -> Expression {
    Expression::text("")
}

/// A local that was given a text.
pub(super) fn filled(local: Expression) -> Expression {
    local.compare(Comparator::NotEqual, empty())
}

/// Locals of headers whose names VCL lacks: their being not set means something.
pub(super) const ODD_HEADER: &str = "var.header_";

pub(super) fn yes(target: &Expression) -> Statement {
    set(target, Expression::Boolean(true))
}

impl<'r> Generator<'r> {
    fn main(&mut self) -> Vec<Statement> {
        let ruleset = self.ruleset;
        let is_rate = |rule: &Rule| rule.rate.is_some();
        let mut allows = Vec::new();
        let mut others = Vec::new();
        let mut rates = Vec::new();
        for (index, rule) in ruleset.rules.iter().enumerate() {
            self.rule = &rule.id;
            if is_rate(rule) {
                if let Some(statements) = self.rate_rule(index, rule) {
                    rates.extend(statements);
                }
            } else if let Some(statements) = self.plain_rule(index, rule) {
                if rule.is_plain_allow() { allows.extend(statements) } else { others.extend(statements) }
            }
        }
        self.rule = "";
        self.known_client();
        let limits = self.limits();
        let score = self.score();
        let given_up = self.given_up();
        let mut end = self.end();
        let visits = self.all_visits();
        // Last, when every local is known.
        let mut body = self.start();
        body.append(&mut self.collected());
        body.append(&mut self.prelude.statements);
        body.extend(visits);
        body.extend(limits.0);
        body.extend(allows);
        body.extend(limits.1);
        body.extend(others);
        body.extend(score);
        body.extend(given_up);
        body.extend(rates);
        body.append(&mut end);
        let mut main: Vec<Statement> =
            self.locals.iter().map(|(name, kind)| Statement::Declare(name.clone(), kind)).collect();
        main.push(when(first_run(), body));
        main
    }

    /// The log shows the client whether a rule reads it or not.
    fn known_client(&mut self) {
        let Some(span) = self.ruleset.rules.first().map(|rule| rule.span) else { return };
        let mut prelude = std::mem::take(&mut self.prelude);
        // What is wrong with the list of proxies is said at the rules that need the client.
        let _ = self.find_client(&mut prelude.statements, span);
        self.prelude = prelude;
    }

    /// Removes what a client could have sent in our name, and gives the locals their first values.
    fn start(&mut self) -> Vec<Statement> {
        let mut statements: Vec<Statement> = self
            .internal_headers()
            .into_iter()
            .chain([self.header_name("tags")])
            .map(|header| Statement::Unset(Expression::Header("req", header)))
            .collect();
        statements.push(Statement::Unset(name(super::over::ERROR)));
        let open = self.local("open", "BOOL");
        // A string is "not set" until it is set, and that is unequal to everything.
        let strings = self.locals.iter().filter(|(name, kind)| *kind == "STRING" && !name.starts_with(ODD_HEADER));
        statements.extend(strings.map(|(local, _)| set(&name(local), empty())));
        statements.push(yes(&open));
        statements
    }

    /// Several instances of a header as one.
    fn collected(&mut self) -> Vec<Statement> {
        let collect = |header: &String| {
            let separator = if header == "cookie" { ";" } else { "," };
            let arguments = [Expression::Header("req", header.clone()), Expression::text(separator)];
            Statement::Do(Expression::call("std.collect", arguments))
        };
        let single = |header: &&String| !PROTECTED.contains(&header.as_str());
        self.headers.iter().filter(single).map(collect).collect()
    }

    /// The names of the headers that carry the verdict from `vcl_recv` to the other subs.
    pub(super) fn internal_headers(&self) -> Vec<String> {
        let client = self.settings.trusted_proxies.map(|_| "client");
        ["ids", "action", "by", "status", "limit", "location", "retry-after", "tarpit"]
            .into_iter()
            .chain(client)
            .map(|text| self.header_name(text))
            .chain(self.extra_headers.iter().cloned())
            .collect()
    }

    /// A rule without a rate.
    fn plain_rule(&mut self, index: usize, rule: &'r Rule) -> Option<Vec<Statement>> {
        let condition = self.subject(index, rule)?;
        let taken = self.matched(rule)?;
        let comment = Statement::Comment(format!("{}: {}", rule.id, rule.title));
        let mut statements = vec![comment];
        statements.extend(guarded(condition, taken));
        Some(vec![Statement::Signature(rule.id.clone(), statements)])
    }

    /// What makes a request subject to a rule: the evaluation goes on, no allow skips it, `when` and not `except`.
    pub(super) fn subject(&mut self, index: usize, rule: &'r Rule) -> Option<Expression> {
        let mut parts = vec![self.local("open", "BOOL")];
        // The `allow` rules stand first: the others need not be looked at for each rule.
        let allows = self.ruleset.rules.iter().take_while(|other| other.is_allow());
        let is_skipped = allows.flat_map(|other| &other.actions).any(|action| match action {
            Action::Allow(AllowScope::Rules(ids)) => ids.contains(&rule.id),
            Action::Allow(AllowScope::Everything)
            | Action::Block(_)
            | Action::Log
            | Action::Tag(_)
            | Action::Score(_)
            | Action::Redirect { .. }
            | Action::Strip(_)
            | Action::Throttle
            | Action::Tarpit(_) => false,
        });
        if is_skipped {
            parts.push(self.local(&format!("skip{index}"), "BOOL").not());
        }
        let when = self.predicate(&rule.when);
        let except = rule.except.as_ref().map(|except| self.predicate(except));
        let when = when?;
        if rule.is_plain_allow() {
            parts.extend(self.own_limits(rule));
        }
        parts.push(when);
        if let Some(except) = except {
            parts.push(except?.not());
        }
        Some(Expression::all(parts))
    }

    /// Records a match and takes the actions where the rule is enforced.
    pub(super) fn matched(&mut self, rule: &'r Rule) -> Option<Vec<Statement>> {
        let ids = self.local("ids", "STRING");
        let mut statements =
            vec![set(&ids, Expression::Sum(vec![ids.clone(), Expression::text(format!("{},", rule.id))]))];
        match rule.mode {
            Mode::Enforce => statements.extend(self.actions(rule)?),
            Mode::Canary(share) => {
                let actions = self.actions(rule)?;
                statements.extend(self.canary(rule, share, actions)?);
            }
            Mode::Draft | Mode::Monitor | Mode::Retired => {}
        }
        Some(statements)
    }

    /// The last four bytes of the hash, little-endian, against the share.
    pub(super) fn canary(&mut self, rule: &'r Rule, share: u8, actions: Vec<Statement>) -> Option<Vec<Statement>> {
        let mut prelude = std::mem::take(&mut self.prelude);
        let found = self.find_client(&mut prelude.statements, rule.span);
        self.prelude = prelude;
        found?;
        if actions.is_empty() {
            return Some(Vec::new());
        }
        let (hash, lot) = (self.local("hash", "STRING"), self.local("lot", "INTEGER"));
        let salted = Expression::Sum(vec![Expression::text(format!("{}:", rule.id)), self.client_text()]);
        let byte =
            |at: i64| Expression::call("substr", [hash.clone(), Expression::Integer(at), Expression::Integer(2)]);
        let bound = (i64::from(share) << 32) / 100;
        Some(vec![
            set(&hash, salted),
            set(&hash, Expression::call("digest.hash_sha256", [hash.clone()])),
            set(&hash, Expression::Sum(vec![byte(62), byte(60), byte(58), byte(56)])),
            set(&lot, Expression::call("std.strtol", [hash.clone(), Expression::Integer(16)])),
            when(lot.compare(Comparator::Less, Expression::Integer(bound)), actions),
        ])
    }

    /// The actions of an enforced rule.
    pub(super) fn actions(&mut self, rule: &'r Rule) -> Option<Vec<Statement>> {
        let mut statements = Vec::new();
        let mut terminal = None;
        for action in &rule.actions {
            match action {
                Action::Block(status) => terminal = Some((BLOCK, status.unwrap_or(self.settings.block.status))),
                Action::Redirect { status, template } => {
                    let location = self.local("location", "STRING");
                    let parts = self.template(template, rule);
                    statements.push(set(&location, parts));
                    terminal = Some((REDIRECT, *status));
                }
                Action::Throttle => {
                    let seconds = rule.rate.as_ref().map_or(60, |rate| {
                        rate.penalty
                            .unwrap_or_else(|| rate.windows.iter().map(|window| window.seconds).max().unwrap_or(60))
                    });
                    let retry = self.local("retry_after", "STRING");
                    statements.push(set(&retry, Expression::text(seconds.to_string())));
                    terminal = Some((THROTTLE, 429));
                }
                Action::Tarpit(seconds) => {
                    let tarpit = self.local("tarpit", "STRING");
                    statements.push(set(&tarpit, Expression::text(seconds.to_string())));
                    terminal = Some((TARPIT, 200));
                }
                Action::Allow(AllowScope::Everything) => terminal = Some((ALLOW, 200)),
                Action::Allow(AllowScope::Rules(ids)) => {
                    let ruleset = self.ruleset;
                    for (index, _) in ruleset.rules.iter().enumerate().filter(|(_, other)| ids.contains(&other.id)) {
                        let skip = self.local(&format!("skip{index}"), "BOOL");
                        statements.push(yes(&skip));
                    }
                }
                Action::Log => {}
                Action::Tag(tag) => {
                    self.tags.insert(tag.clone());
                    let local = self.tag_local(tag);
                    statements.push(yes(&local));
                }
                Action::Score(score) => {
                    let total = self.local("score", "INTEGER");
                    statements.push(Statement::Increase(total.clone(), Expression::Integer(i64::from(*score))));
                    // Scores of rates come too late for the threshold.
                    if let Some(threshold) = self.settings.score_threshold.filter(|_| rule.rate.is_none()) {
                        let crossed = self.local("crossed", "STRING");
                        statements.push(when(
                            Expression::all([
                                total.compare(Comparator::GreaterOrEqual, Expression::Integer(i64::from(threshold))),
                                crossed.clone().equals(empty()),
                            ]),
                            vec![set(&crossed, Expression::text(rule.id.clone()))],
                        ));
                    }
                }
                Action::Strip(headers) => {
                    for header in headers {
                        self.strippable(header, rule)?;
                        self.strips.insert(header.clone());
                        let local = self.strip_local(header);
                        statements.push(yes(&local));
                    }
                }
            }
        }
        if let Some((action, status)) = terminal {
            statements.extend(self.outcome(action, &rule.id, status));
        }
        Some(statements)
    }

    fn outcome(&mut self, action: &str, by: &str, status: u16) -> Vec<Statement> {
        let (open, outcome, local_by) =
            (self.local("open", "BOOL"), self.local("action", "STRING"), self.local("by", "STRING"));
        let mut statements = vec![
            set(&open, Expression::Boolean(false)),
            set(&outcome, Expression::text(action)),
            set(&local_by, Expression::text(by)),
        ];
        if ![ALLOW, TARPIT].contains(&action) {
            let local = self.local("status", "STRING");
            statements.push(set(&local, Expression::text(status.to_string())));
        }
        statements
    }

    fn template(&mut self, template: &[TemplatePart], rule: &'r Rule) -> Expression {
        let mut parts = Vec::new();
        for part in template {
            match part {
                TemplatePart::Text(text) => parts.push(Expression::text(text.clone())),
                TemplatePart::Host => {
                    let mut prelude = std::mem::take(&mut self.prelude);
                    self.host(&mut prelude.statements);
                    let host = self.local("host", "STRING");
                    if self.views.insert("host_text") {
                        // Never printed as `(null)`.
                        prelude.statements.insert(0, set(&host, empty()));
                    }
                    self.prelude = prelude;
                    parts.push(host);
                }
                TemplatePart::UrlRaw => {
                    let mut prelude = std::mem::take(&mut self.prelude);
                    parts.push(self.url(&mut prelude.statements));
                    self.prelude = prelude;
                }
            }
        }
        let _ = rule;
        if parts.len() == 1 { parts.remove(0) } else { Expression::Sum(parts) }
    }

    fn strippable(&mut self, header: &str, rule: &'r Rule) -> Option<()> {
        self.plain_name(header, rule.span)?;
        if header.starts_with(&self.header_name("")) {
            self.is_as_sent(header, rule.span)?;
        }
        if !PROTECTED.contains(&header) {
            return Some(());
        }
        self.unsupported(
            rule.span,
            format!("`{}`: Fastly does not let `{header}` be removed", rule.id),
            "strips a protected header",
            "strip another header, or leave fastly out of `targets`",
        );
        None
    }

    fn tag_local(&mut self, tag: &str) -> Expression {
        let tag: String = tag.bytes().map(hexed).collect();
        self.local(&format!("tag_{tag}"), "BOOL")
    }

    fn strip_local(&mut self, header: &str) -> Expression {
        let header: String = header.bytes().map(hexed).collect();
        self.local(&format!("strip_{header}"), "BOOL")
    }

    fn score(&mut self) -> Vec<Statement> {
        if !self.locals.iter().any(|(name, _)| name == "var.crossed") {
            return Vec::new();
        }
        let (open, crossed) = (self.local("open", "BOOL"), self.local("crossed", "STRING"));
        let mut taken = self.outcome(BLOCK, "", self.settings.block.status);
        taken.push(set(&self.local("by", "STRING"), crossed.clone()));
        let over = crossed.compare(Comparator::NotEqual, empty());
        vec![when(Expression::all([open, over]), taken)]
    }

    /// The only place that writes headers and leaves.
    fn end(&mut self) -> Vec<Statement> {
        let mut statements = vec![Statement::Comment("What is to be done, at once".to_owned())];
        let mut carry = |generator: &mut Generator<'r>, local: &str, header: &str| {
            if generator.locals.iter().any(|(name, _)| *name == format!("var.{local}")) {
                let local = generator.local(local, "STRING");
                let filled = filled(local.clone());
                let value = if header == "ids" { generator.listed(local) } else { local };
                statements.push(when(filled, vec![set(&generator.header(header), value)]));
            }
        };
        for (local, header) in [
            ("ids", "ids"),
            ("limit", "limit"),
            ("action", "action"),
            ("by", "by"),
            ("status", "status"),
            ("client", "client"),
        ] {
            carry(self, local, header);
        }
        let mut optional = Vec::new();
        for (local, header) in [("location", "location"), ("retry_after", "retry-after"), ("tarpit", "tarpit")] {
            if self.locals.iter().any(|(name, _)| *name == format!("var.{local}")) {
                let local = self.local(local, "STRING");
                let mut inner = vec![set(&self.header(header), local.clone())];
                optional.push(when(filled(local), std::mem::take(&mut inner)));
            }
        }
        statements.extend(optional);
        for header in self.strips.clone() {
            let local = self.strip_local(&header);
            statements.push(when(local, vec![Statement::Unset(Expression::Header("req", header))]));
        }
        let list = self.local("tag_list", "STRING");
        for tag in self.tags.clone() {
            let local = self.tag_local(&tag);
            let first = list.clone().equals(empty());
            statements.push(when(
                local,
                vec![Statement::If {
                    branches: vec![(first, vec![set(&list, Expression::text(tag.clone()))])],
                    otherwise: vec![set(
                        &list,
                        Expression::Sum(vec![list.clone(), Expression::text(format!(", {tag}"))]),
                    )],
                }],
            ));
        }
        if self.tags.is_empty() {
            self.locals.retain(|(name, _)| name != "var.tag_list");
        } else {
            let header = self.header("tags");
            statements.push(when(filled(list.clone()), vec![set(&header, list)]));
        }
        if self.locals.iter().any(|(name, _)| name == "var.status") {
            let by = self.local("by", "STRING");
            let status = self.local("status", "STRING");
            statements.push(when(filled(status), vec![Statement::Error(ERROR_STATUS, by)]));
        }
        statements
    }
}

/// The node that the client talks to, in the first run of a request of its own.
pub(super) fn first_run() -> Expression {
    let zero = |variable: &str| name(variable).equals(Expression::Integer(0));
    Expression::all([zero("fastly.ff.visits_this_service"), zero("req.restarts"), name("req.is_esi_subreq").not()])
}

/// `if (condition) body`, without a condition that is constant.
pub(super) fn guarded(condition: Expression, body: Vec<Statement>) -> Vec<Statement> {
    if condition == Expression::Boolean(true) {
        return body;
    }
    if condition == Expression::Boolean(false) { Vec::new() } else { vec![when(condition, body)] }
}

/// A byte of a name that can be any text: `_` and what is no letter or digit in hexadecimal.
pub(super) fn hexed(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("_{byte:02x}") }
}

/// Headers that VCL may not unset.
const PROTECTED: &[&str] = &[
    "proxy-authenticate",
    "proxy-authorization",
    "content-length",
    "content-range",
    "te",
    "trailer",
    "expect",
    "transfer-encoding",
    "upgrade",
    "fastly-ff",
    "host",
];
