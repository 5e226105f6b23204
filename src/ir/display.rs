//! The IR as text: what `build --emit ir` prints and what a rule's hash is made of. Stable: no span, no thread and no
//! order of files shows in it.

use super::{
    Action, AllowScope, Block, BlockBody, Check, Comparison, FieldReference, IntegerOperator, Integers, List,
    ListIndex, ListValues, Needles, Networks, Patterns, Predicate, Quantifier, Rate, RatePoint, Rule, Ruleset,
    Settings, TemplatePart, Text, TextOperator, Value,
};
use crate::catalog::{KeyKind, Phase};
use crate::ir::Call;
use crate::regex::Regex;
use std::fmt::Write;

/// The whole set as text.
pub fn display(ruleset: &Ruleset) -> String {
    let mut printer = Printer { out: String::new(), lists: &ruleset.lists };
    printer.settings(&ruleset.settings);
    for list in &ruleset.lists {
        printer.list(list);
    }
    for rule in &ruleset.rules {
        printer.rule(rule);
    }
    printer.out
}

/// What a rule means, as text: severity, conditions, rate and actions; nothing that changes no verdict (title, tests,
/// version), and not the mode, which is the operator's.
pub fn meaning(rule: &Rule, lists: &[List]) -> String {
    let mut printer = Printer { out: String::new(), lists };
    printer.meaning(rule);
    printer.out
}

/// A condition on indented lines.
pub fn display_predicate(predicate: &Predicate, lists: &[List]) -> String {
    let mut printer = Printer { out: String::new(), lists };
    printer.predicate(predicate, 0);
    printer.out
}

struct Printer<'r> {
    out: String,
    lists: &'r [List],
}

impl Printer<'_> {
    /// One line.
    fn line(&mut self, indent: usize, text: &str) {
        // Conditions can nest deeply; past this the text would be mostly blanks, and the depth is a number.
        self.out.extend(std::iter::repeat_n("  ", indent.min(40)));
        if indent > 40 {
            let _ = write!(self.out, "{indent}| ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn settings(&mut self, settings: &Settings) {
        let limits = &settings.limits;
        let over = limits.over.map_or("log".to_owned(), |status| format!("block({status})"));
        self.line(0, &format!("prefix {}", settings.prefix));
        self.line(
            0,
            &format!(
                "limits url {} values {} names {} body {} over {over}",
                limits.url, limits.values, limits.names, limits.body
            ),
        );
        self.line(0, &block(&settings.block));
        if let Some(threshold) = settings.score_threshold {
            self.line(0, &format!("score threshold {threshold}"));
        }
        if let Some(list) = settings.trusted_proxies {
            self.line(0, &format!("trusted_proxies {}", self.list_name(list)));
        }
        for (field, header) in &settings.facts {
            self.line(0, &format!("fact {} from {header}", field.row().name));
        }
        self.line(0, &format!("targets {}", settings.targets.join(", ")));
        for service in &settings.services {
            self.line(0, &format!("service {}", service.name));
            for (name, selected) in [("tags", &service.select_tags), ("ids", &service.select_ids)] {
                if let Some(selected) = selected {
                    self.line(1, &format!("{name} {}", selected.join(", ")));
                }
            }
            for (id, mode) in &service.modes {
                self.line(1, &format!("mode {id} {mode}"));
            }
            for (id, predicate) in &service.except {
                self.line(1, &format!("except {id}"));
                self.predicate(predicate, 2);
            }
        }
    }

    fn list(&mut self, list: &List) {
        let values: Vec<String> = match &list.values {
            ListValues::Ip(networks) => networks.iter().map(ToString::to_string).collect(),
            ListValues::Strings(texts) => texts.iter().map(text).collect(),
            ListValues::Int(values) => values.iter().map(ToString::to_string).collect(),
            ListValues::Regex(patterns) => patterns.iter().map(|pattern| regex(pattern)).collect(),
        };
        let edge = list.edge.as_ref().map_or(String::new(), |edge| format!(" edge {edge}"));
        self.line(0, &format!("list {}{edge} [{}]", list.name, values.join(", ")));
    }

    fn rule(&mut self, rule: &Rule) {
        self.out.push('\n');
        self.line(0, &format!("rule {} version {} mode {}", rule.id, rule.version, rule.mode));
        self.line(1, &format!("title {}", rule.title));
        self.line(1, &format!("hash {}", rule.hash));
        if !rule.tags.is_empty() {
            self.line(1, &format!("tags {}", rule.tags.join(", ")));
        }
        if let Some(targets) = &rule.targets {
            self.line(1, &format!("targets {}", targets.join(", ")));
        }
        if let Some(expires) = rule.expires {
            self.line(1, &format!("expires {expires}"));
        }
        self.meaning(rule);
        for test in &rule.tests {
            self.line(1, &format!("test {}", test.name));
            for step in &test.steps {
                let request = &step.request;
                self.line(
                    2,
                    &format!(
                        "{}s {} {} {} from {} expect {}",
                        request.time.as_secs_f64(),
                        bytes(&request.method),
                        bytes(&request.target),
                        bytes(&request.version),
                        request.client_ip,
                        if step.expect_match { "match" } else { "no_match" }
                    ),
                );
            }
        }
    }

    fn meaning(&mut self, rule: &Rule) {
        self.line(1, &format!("severity {}", rule.risk.name()));
        self.line(1, "when");
        self.predicate(&rule.when, 2);
        if let Some(except) = &rule.except {
            self.line(1, "except");
            self.predicate(except, 2);
        }
        if let Some(rate) = &rule.rate {
            self.rate(rate);
        }
        let actions: Vec<String> = rule.actions.iter().map(action).collect();
        self.line(1, &format!("then {}", actions.join(", ")));
    }

    fn rate(&mut self, rate: &Rate) {
        let key: Vec<String> = rate.key.iter().map(value).collect();
        let windows: Vec<String> =
            rate.windows.iter().map(|window| format!("{}/{}s", window.limit, window.seconds)).collect();
        let at = match rate.at {
            RatePoint::Edge => "edge",
            RatePoint::Origin => "origin",
        };
        let penalty = rate.penalty.map_or(String::new(), |seconds| format!(" penalty {seconds}s"));
        self.line(
            1,
            &format!("rate key [{}] limit {} cost {} at {at}{penalty}", key.join(", "), windows.join(", "), rate.cost),
        );
        if let Some(count) = &rate.count {
            let phase = match rate.count_phase {
                Phase::Request => "request",
                Phase::Response => "response",
            };
            self.line(2, &format!("count in the {phase}"));
            self.predicate(count, 3);
        }
    }

    fn predicate(&mut self, predicate: &Predicate, indent: usize) {
        match predicate {
            Predicate::All(parts) if parts.is_empty() => self.line(indent, "true"),
            Predicate::Any(parts) if parts.is_empty() => self.line(indent, "false"),
            Predicate::All(parts) => self.group("and", parts, indent),
            Predicate::Any(parts) => self.group("or", parts, indent),
            Predicate::Not(inner) => self.group("not", std::slice::from_ref(inner.as_ref()), indent),
            Predicate::Compare(comparison) => {
                let text = self.comparison(comparison);
                self.line(indent, &text);
            }
        }
    }

    fn group(&mut self, word: &str, parts: &[Predicate], indent: usize) {
        self.line(indent, word);
        for part in parts {
            self.predicate(part, indent + 1);
        }
    }

    fn comparison(&self, comparison: &Comparison) -> String {
        let mut text = String::new();
        match comparison.quantifier {
            Some(Quantifier::Any) => text.push_str("any "),
            Some(Quantifier::All) => text.push_str("all "),
            None => {}
        }
        if comparison.negated {
            text.push_str("not ");
        }
        let subject = value(&comparison.value);
        // Writing to a String cannot fail.
        let _ = match &comparison.check {
            Check::Exists => write!(text, "exists {subject}"),
            Check::IsTrue => write!(text, "{subject}"),
            Check::Text { operator, needles } => {
                let needles = match needles {
                    Needles::Literals(literals) => list(literals.iter().map(self::text)),
                    Needles::List(index) => self.list_name(*index),
                };
                write!(text, "{subject} {} {needles}", text_operator(*operator))
            }
            Check::Matches(patterns) => {
                let patterns = match patterns {
                    Patterns::Literals(literals) => list(literals.iter().map(|pattern| regex(pattern))),
                    Patterns::List(index) => self.list_name(*index),
                };
                write!(text, "{subject} matches {patterns}")
            }
            Check::Integer { operator, value } => write!(text, "{subject} {} {value}", integer_operator(*operator)),
            Check::IntegerIn(integers) => {
                let integers = match integers {
                    Integers::Literals(literals) => list(literals.iter().map(ToString::to_string)),
                    Integers::List(index) => self.list_name(*index),
                };
                write!(text, "{subject} in {integers}")
            }
            Check::Network(networks) => {
                let networks = match networks {
                    Networks::Literals(literals) => list(literals.iter().map(ToString::to_string)),
                    Networks::List(index) => self.list_name(*index),
                };
                write!(text, "{subject} in {networks}")
            }
            Check::SameAs(other) => write!(text, "{subject} == {}", value(other)),
        };
        text
    }

    fn list_name(&self, index: ListIndex) -> String {
        format!("@{}", self.lists[index.0].name)
    }
}

/// One item as it is, several in brackets.
fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match items.as_slice() {
        [one] => one.clone(),
        _ => format!("[{}]", items.join(", ")),
    }
}

fn text_operator(operator: TextOperator) -> &'static str {
    match operator {
        TextOperator::Equals => "==",
        TextOperator::Contains => "contains",
        TextOperator::StartsWith => "starts_with",
        TextOperator::EndsWith => "ends_with",
    }
}

fn integer_operator(operator: IntegerOperator) -> &'static str {
    match operator {
        IntegerOperator::Equal => "==",
        IntegerOperator::Less => "<",
        IntegerOperator::LessOrEqual => "<=",
        IntegerOperator::Greater => ">",
        IntegerOperator::GreaterOrEqual => ">=",
    }
}

/// A value as it would be written in a condition.
pub fn value(value: &Value) -> String {
    match value {
        Value::Field(reference) => field(reference),
        Value::Call(Call::Prefix(ipv4, ipv6), argument) => format!("prefix({}, {ipv4}, {ipv6})", self::value(argument)),
        Value::Call(call, argument) => format!("{}({})", call.function().row().name, self::value(argument)),
    }
}

fn field(reference: &FieldReference) -> String {
    let row = reference.field.row();
    let keys: Vec<String> = reference.keys.iter().map(|key| format!("\"{}\"", bytes(key))).collect();
    let keys = format!("[{}]", keys.join(", "));
    match row.key {
        KeyKind::None => row.name.to_owned(),
        KeyKind::One | KeyKind::HeaderNames | KeyKind::HeaderName => match row.name.strip_suffix(".raw") {
            Some(base) => format!("{base}{keys}.raw"),
            None => format!("{}{keys}", row.name),
        },
    }
}

fn text(text: &Text) -> String {
    format!("{}\"{}\"", if text.ignore_case { "i" } else { "" }, bytes(&text.bytes))
}

/// Bytes with everything but printable ASCII escaped.
fn bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

fn regex(regex: &Regex) -> String {
    let i = if regex.ignore_case { "i" } else { "" };
    // As many `#` as it takes that the pattern cannot end the literal early.
    let run = |tail: &str| tail.bytes().take_while(|byte| *byte == b'#').count();
    let longest = regex.pattern.split('"').skip(1).map(run).max();
    let hashes = "#".repeat(longest.map_or(0, |longest| longest + 1));
    let pattern: String = regex
        .pattern
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect();
    format!("r{i}{hashes}\"{pattern}\"{hashes}")
}

fn block(block: &Block) -> String {
    match &block.body {
        BlockBody::Json => format!("block {} json", block.status),
        BlockBody::Html => format!("block {} html", block.status),
        BlockBody::Text => format!("block {} text", block.status),
        BlockBody::File { content, content_type } => {
            format!("block {} {content_type} \"{}\"", block.status, bytes(content.as_bytes()))
        }
    }
}

/// An action as it would be written in a signature.
pub fn action(action: &Action) -> String {
    match action {
        Action::Block(None) => "block".to_owned(),
        Action::Block(Some(status)) => format!("block({status})"),
        Action::Log => "log".to_owned(),
        Action::Tag(name) => format!("tag(\"{name}\")"),
        Action::Score(points) => format!("score({points})"),
        Action::Allow(AllowScope::Everything) => "allow".to_owned(),
        Action::Allow(AllowScope::Rules(ids)) => format!("allow(ids: {})", ids.join(", ")),
        Action::Redirect { status, template } => {
            let template: String = template
                .iter()
                .map(|part| match part {
                    TemplatePart::Text(text) => text.as_str(),
                    TemplatePart::Host => "{req.host}",
                    TemplatePart::UrlRaw => "{req.url.raw}",
                })
                .collect();
            format!("redirect({status}, \"{}\")", bytes(template.as_bytes()))
        }
        Action::Strip(names) => format!("strip({})", names.join(", ")),
        Action::Throttle => "throttle".to_owned(),
        Action::Tarpit(seconds) => format!("tarpit({seconds}s)"),
    }
}
