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
    let mut printer = Printer { out: String::with_capacity(1024), lists };
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
        self.indent(indent);
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn indent(&mut self, indent: usize) {
        // Conditions can nest deeply; past this the text would be mostly blanks, and the depth is a number.
        self.out.extend(std::iter::repeat_n("  ", indent.min(40)));
        if indent > 40 {
            let _ = write!(self.out, "{indent}| ");
        }
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
            ListValues::Strings(texts) => texts.iter().map(|text| shown(|out| write_text(out, text))).collect(),
            ListValues::Int(values) => values.iter().map(ToString::to_string).collect(),
            ListValues::Regex(patterns) => patterns.iter().map(|regex| shown(|out| write_regex(out, regex))).collect(),
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
                self.indent(indent);
                self.comparison(comparison);
                self.out.push('\n');
            }
        }
    }

    fn group(&mut self, word: &str, parts: &[Predicate], indent: usize) {
        self.line(indent, word);
        for part in parts {
            self.predicate(part, indent + 1);
        }
    }

    /// Written straight into the text: every rule's hash is made of it, and a set has many comparisons.
    fn comparison(&mut self, comparison: &Comparison) {
        let lists = self.lists;
        let out = &mut self.out;
        match comparison.quantifier {
            Some(Quantifier::Any) => out.push_str("any "),
            Some(Quantifier::All) => out.push_str("all "),
            None => {}
        }
        if comparison.negated {
            out.push_str("not ");
        }
        if comparison.check == Check::Exists {
            out.push_str("exists ");
        }
        write_value(out, &comparison.value);
        match &comparison.check {
            Check::Exists | Check::IsTrue => {}
            Check::Text { operator, needles } => {
                out.push(' ');
                out.push_str(text_operator(*operator));
                out.push(' ');
                match needles {
                    Needles::Literals(literals) => write_list(out, literals, write_text),
                    Needles::List(index) => write_list_name(out, lists, *index),
                }
            }
            Check::Matches(patterns) => {
                out.push_str(" matches ");
                match patterns {
                    Patterns::Literals(literals) => write_list(out, literals, |out, pattern| write_regex(out, pattern)),
                    Patterns::List(index) => write_list_name(out, lists, *index),
                }
            }
            Check::Integer { operator, value } => {
                // Writing to a String cannot fail.
                let _ = write!(out, " {} {value}", integer_operator(*operator));
            }
            Check::IntegerIn(integers) => {
                out.push_str(" in ");
                match integers {
                    Integers::Literals(literals) => write_list(out, literals, write_shown),
                    Integers::List(index) => write_list_name(out, lists, *index),
                }
            }
            Check::Network(networks) => {
                out.push_str(" in ");
                match networks {
                    Networks::Literals(literals) => write_list(out, literals, write_shown),
                    Networks::List(index) => write_list_name(out, lists, *index),
                }
            }
            Check::SameAs(other) => {
                out.push_str(" == ");
                write_value(out, other);
            }
        }
    }

    fn list_name(&self, index: ListIndex) -> String {
        shown(|out| write_list_name(out, self.lists, index))
    }
}

fn write_list_name(out: &mut String, lists: &[List], index: ListIndex) {
    out.push('@');
    out.push_str(&lists[index.0].name);
}

/// One item as it is, several in brackets.
fn write_list<T>(out: &mut String, items: &[T], write: fn(&mut String, &T)) {
    if let [one] = items {
        return write(out, one);
    }
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        write(out, item);
    }
    out.push(']');
}

fn shown(write: impl Fn(&mut String)) -> String {
    let mut text = String::new();
    write(&mut text);
    text
}

fn write_shown<T: std::fmt::Display>(out: &mut String, value: &T) {
    let _ = write!(out, "{value}");
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
    shown(|out| write_value(out, value))
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Field(reference) => write_field(out, reference),
        Value::Call(call, argument) => {
            out.push_str(call.function().row().name);
            out.push('(');
            write_value(out, argument);
            if let Call::Prefix(ipv4, ipv6) = call {
                let _ = write!(out, ", {ipv4}, {ipv6}");
            }
            out.push(')');
        }
    }
}

fn write_field(out: &mut String, reference: &FieldReference) {
    let row = reference.field.row();
    if row.key == KeyKind::None {
        return out.push_str(row.name);
    }
    let (base, suffix) = row.name.strip_suffix(".raw").map_or((row.name, ""), |base| (base, ".raw"));
    out.push_str(base);
    out.push('[');
    for (index, key) in reference.keys.iter().enumerate() {
        out.push_str(if index > 0 { ", \"" } else { "\"" });
        write_bytes(out, key);
        out.push('"');
    }
    out.push(']');
    out.push_str(suffix);
}

fn write_text(out: &mut String, text: &Text) {
    out.push_str(if text.ignore_case { "i\"" } else { "\"" });
    write_bytes(out, &text.bytes);
    out.push('"');
}

/// Bytes with everything but printable ASCII escaped.
fn bytes(bytes: &[u8]) -> String {
    shown(|out| write_bytes(out, bytes))
}

fn write_bytes(out: &mut String, mut bytes: &[u8]) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    loop {
        let plain = bytes.iter().take_while(|byte| is_plain(byte)).count();
        // INVARIANT: plain bytes are ASCII.
        out.push_str(std::str::from_utf8(&bytes[..plain]).unwrap_or_default());
        let Some((byte, rest)) = bytes[plain..].split_first() else { return };
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
        bytes = rest;
    }
}

fn write_regex(out: &mut String, regex: &Regex) {
    // As many `#` as it takes that the pattern cannot end the literal early.
    let run = |tail: &str| tail.bytes().take_while(|byte| *byte == b'#').count();
    let longest = regex.pattern.split('"').skip(1).map(run).max();
    let hashes = "#".repeat(longest.map_or(0, |longest| longest + 1));
    out.push_str(if regex.ignore_case { "ri" } else { "r" });
    out.push_str(&hashes);
    out.push('"');
    for part in regex.pattern.split_inclusive(char::is_control) {
        let text = part.trim_end_matches(char::is_control);
        out.push_str(text);
        out.extend(part[text.len()..].chars().flat_map(char::escape_default));
    }
    out.push('"');
    out.push_str(&hashes);
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
