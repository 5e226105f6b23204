//! Lists of unknown length: arguments, argument names, cookies. VCL has no loop, so the n-th element is found by a pattern of
//! its own, as often as the limits allow. Each is put into one variable, over which every check of the set on that list
//! runs; a check that holds sets a flag, which the rules read.

use super::super::vcl::{Comparator, Expression, Item, Statement, when};
use super::Generator;
use super::parts::{Renamed, add_functions};
use super::room::{REGISTER, over, register};
use super::views::{Cost, ESCAPE, View, regsub, regsuball, url_decoded};
use crate::catalog::Field;
use crate::ir::{Call, Check, Comparison, FieldReference, Integers, Needles, Networks, Patterns, Quantifier, Value};
use crate::regex::escape;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// More occurrences than these are not unrolled.
pub const MOST_VALUES: u32 = 32;
pub const MOST_NAMES: u32 = 128;
/// Statements of a sub: beyond, the C compiler's time grows faster than the sub.
pub const PER_SUB: usize = 20;

/// Where elements come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Arguments,
    Names,
    Cookies,
}

/// One list that rules read.
#[derive(Debug)]
pub struct Visit {
    pub reference: FieldReference,
    /// Each element raw, decoded once and twice.
    forms: bool,
    /// As in a signature.
    pub name: String,
    checks: Vec<VisitCheck>,
    /// Indices of `checks` by [`fingerprint`]: a set may have thousands of checks on one list.
    known: HashMap<u64, Vec<usize>>,
    functions: Vec<View>,
}

#[derive(Debug)]
struct VisitCheck {
    value: Value,
    check: Check,
    /// An element for which the check has this truth sets the flag.
    marks: bool,
    flag: String,
    /// Until it is printed.
    condition: Expression,
    rule: String,
    fingerprint: u64,
}

/// A number that equal checks share.
fn fingerprint(value: &Value, check: &Check, marks: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (value, marks, std::mem::discriminant(check)).hash(&mut hasher);
    match check {
        Check::Exists | Check::IsTrue => {}
        Check::Text { operator, needles: Needles::Literals(needles) } => (operator, needles).hash(&mut hasher),
        Check::Text { operator, needles: Needles::List(list) } => (operator, list).hash(&mut hasher),
        Check::Matches(Patterns::Literals(patterns)) => {
            patterns.iter().for_each(|regex| (&regex.pattern, regex.ignore_case).hash(&mut hasher));
        }
        Check::Integer { operator, value } => (operator, value).hash(&mut hasher),
        Check::IntegerIn(Integers::Literals(values)) => values.hash(&mut hasher),
        Check::Network(Networks::Literals(networks)) => networks.hash(&mut hasher),
        Check::Matches(Patterns::List(list))
        | Check::IntegerIn(Integers::List(list))
        | Check::Network(Networks::List(list)) => list.hash(&mut hasher),
        Check::SameAs(other) => other.hash(&mut hasher),
    }
    hasher.finish()
}

impl<'r> Generator<'r> {
    /// The condition of a comparison with a list that is visited.
    pub(super) fn visited(&mut self, comparison: &Comparison) -> Expression {
        let value = &comparison.value;
        let forms = has_forms(value);
        let index = self.visit_index(value.field(), forms);
        if comparison.check == Check::Exists {
            return self.visits[index].is_there();
        }
        let all = comparison.quantifier == Some(Quantifier::All);
        // `any` looks for an element that counts, `all` for one that does not.
        let marks = comparison.negated == all;
        let fingerprint = fingerprint(value, &comparison.check, marks);
        let flag = match self.visits[index].flag_of(fingerprint, value, &comparison.check, marks) {
            Some(flag) => flag.to_owned(),
            None => {
                std::mem::swap(&mut self.views.element_functions, &mut self.visits[index].functions);
                let holds = self.check(value, &comparison.check, comparison.span).unwrap_or(Expression::Boolean(false));
                std::mem::swap(&mut self.views.element_functions, &mut self.visits[index].functions);
                let check = VisitCheck {
                    value: value.clone(),
                    check: comparison.check.clone(),
                    marks,
                    flag: String::new(),
                    condition: if marks { holds } else { holds.not() },
                    rule: self.rule.to_owned(),
                    fingerprint,
                };
                self.visits[index].add(check)
            }
        };
        self.get_int(&flag).equals(Expression::Integer(i64::from(!all)))
    }

    fn visit_index(&mut self, reference: &FieldReference, forms: bool) -> usize {
        let found = self.visits.iter().position(|visit| visit.reference == *reference && visit.forms == forms);
        if let Some(index) = found {
            return index;
        }
        if reference.field.reads_url() {
            self.reads_url = true;
            self.vmods.insert("blob");
        } else {
            self.headers.insert("cookie".to_owned());
        }
        self.reads_names |= reference.field == Field::ArgNames;
        let mut name = Self::value_name(&Value::Field(reference.clone()));
        if forms {
            name = format!("any_form({name})");
        }
        self.visits.push(Visit::new(reference.clone(), forms, name));
        self.visits.len() - 1
    }

    /// Takes over the checks of a part of the rules.
    pub(super) fn absorb_visit(&mut self, part: Visit, renamed: &mut Renamed) {
        let is_same = |visit: &Visit| visit.reference == part.reference && visit.forms == part.forms;
        let index = self.visits.iter().position(is_same).unwrap_or_else(|| {
            self.visits.push(Visit::new(part.reference.clone(), part.forms, part.name));
            self.visits.len() - 1
        });
        for mut check in part.checks {
            let own = std::mem::take(&mut check.flag);
            let visit = &mut self.visits[index];
            let flag = match visit.flag_of(check.fingerprint, &check.value, &check.check, check.marks) {
                Some(flag) => flag.to_owned(),
                None => visit.add(check),
            };
            if flag != own {
                renamed.variables.insert(self.variable(&own), self.variable(&flag));
            }
        }
        add_functions(&mut self.visits[index].functions, part.functions);
    }

    /// Takes out and checks the elements of every list: the calls for the driver, and the subs. `from_url` chooses the
    /// lists of the URL or the others.
    pub(super) fn visit_items(&mut self, from_url: bool) -> (Vec<Statement>, Vec<Item>) {
        let (mut calls, mut items) = (Vec::new(), Vec::new());
        let mut visits = std::mem::take(&mut self.visits);
        for visit in visits.iter_mut().filter(|visit| visit.reference.field.reads_url() == from_url) {
            let checks = self.check_items(visit, &mut items);
            let limit = match visit.kind() {
                Kind::Names => self.settings.limits.names,
                Kind::Arguments | Kind::Cookies => self.settings.limits.values,
            };
            let most = if checks.is_empty() { 0 } else { limit };
            let mut body = self.list_start(visit, limit);
            let mut name = self.names.unique(&format!("list_{}", visit.name));
            calls.push(Statement::Call(name.clone()));
            let mut comment = format!("{}: each element into {REGISTER}, then every check on it.", visit.name);
            for start in (0..limit).step_by(8) {
                for index in start..most.min(start + 8) {
                    if index > 0 {
                        body.push(when(self.more(visit.kind(), index).not(), vec![Statement::Return]));
                    }
                    body.push(self.take_element(visit.kind(), index, &mut items));
                    body.extend(self.element_forms(visit, &checks));
                }
                // Called from here alone: where this sub returns before its end, `list` may be that of another visit.
                let next = (start + 8 < most).then(|| self.names.unique(&format!("list_{}", visit.name)));
                body.extend(next.clone().map(Statement::Call));
                items.push(Item::Sub { name, comment: vec![comment], body: std::mem::take(&mut body) });
                let Some(next) = next else { break };
                name = next;
                comment = format!("{}, elements from {}", visit.name, start + 9);
            }
        }
        self.visits = visits;
        (calls, items)
    }

    /// Is there any, are there too many, is there room; then the elements of the name alone in `list`.
    fn list_start(&self, visit: &Visit, limit: u32) -> Vec<Statement> {
        let mut body = vec![when(visit.is_there().not(), vec![Statement::Return])];
        let is_full = || when(self.over().equals(Expression::Integer(over::WORKSPACE)), vec![Statement::Return]);
        if self.reckons {
            // As long as all that it is cut out of, for now.
            let whole = if visit.kind() == Kind::Cookies {
                Expression::Header("req", "cookie".to_owned())
            } else {
                Expression::name("req.url")
            };
            body.push(self.set_int("before", self.get_int("need")));
            body.extend(self.reckon(whole, Cost::flat(1)));
            body.push(is_full());
        }
        body.push(Statement::Set(register(), visit.alone()));
        if self.reckons {
            // Cut out and kept.
            let mut cost = visit.cost();
            cost.add(Cost::flat(2));
            body.push(self.set_int("need", self.get_int("before")));
            body.extend(self.reckon_with(register(), cost, &format!(r"\+|{ESCAPE}")));
            body.push(is_full());
        }
        body.push(self.set("list", register()));
        let full = self.set_int("over", Expression::Integer(over::WORKSPACE));
        body.push(when(self.get("list").not(), vec![full, Statement::Return]));
        body.push(when(self.more(visit.kind(), limit), self.over_of(visit)));
        body
    }

    /// Whether `list` has more than `index` elements.
    fn more(&self, kind: Kind, index: u32) -> Expression {
        let separator = kind.separator();
        self.get("list").matches(format!("{}[^{separator}]", kind.before(index)))
    }

    /// Puts the element at `index` of `list` into the register; lists of a kind share the subs that do.
    fn take_element(&mut self, kind: Kind, index: u32, items: &mut Vec<Item>) -> Statement {
        if let Some(name) = self.takes.get(&(kind as u8, index)) {
            return Statement::Call(name.clone());
        }
        let (noun, value) = match kind {
            Kind::Arguments => {
                ("argument", regsub(self.get("list"), &format!("{}[^&=]*+=?+([^&]*+).*", kind.before(index)), r"\1"))
            }
            Kind::Names => ("name", regsub(self.get("list"), &format!("{}([^&=]*+).*", kind.before(index)), r"\1")),
            Kind::Cookies => {
                let value = regsub(self.get("list"), &format!("{}[^=]*+=([^;]*+).*", kind.before(index)), r"\1");
                ("cookie", regsub(value, r"(?<![ \t])[ \t]++\z", ""))
            }
        };
        let name = self.names.unique(&format!("{noun}_{}", index + 1));
        self.takes.insert((kind as u8, index), name.clone());
        items.push(Item::Sub {
            name: name.clone(),
            comment: Vec::new(),
            body: vec![Statement::Set(register(), value)],
        });
        Statement::Call(name)
    }

    /// The first limit that is exceeded is the one that counts: values before names, the workspace before all.
    fn over_of(&self, visit: &Visit) -> Vec<Statement> {
        let kind = match visit.kind() {
            Kind::Names => over::NAMES,
            Kind::Arguments | Kind::Cookies => over::VALUES,
        };
        let worse = Expression::any([
            self.over().equals(Expression::Integer(0)),
            self.over().compare(Comparator::Greater, Expression::Integer(kind)),
        ]);
        vec![
            self.set_int(&format!("over {}", visit.name), Expression::Integer(1)),
            when(worse, vec![self.set_int("over", Expression::Integer(kind))]),
            Statement::Return,
        ]
    }

    /// From the element as it came to the calls of the checks.
    fn element_forms(&self, visit: &Visit, checks: &[Statement]) -> Vec<Statement> {
        let encoded = register().matches(format!(r"\+|{ESCAPE}"));
        let decoded = || Statement::Set(register(), url_decoded(regsuball(register(), r"\+", " ")));
        let mut code = Vec::new();
        if visit.forms {
            code.extend_from_slice(checks);
            let mut once = vec![decoded()];
            once.extend_from_slice(checks);
            let mut twice = vec![Statement::Set(register(), url_decoded(register()))];
            twice.extend_from_slice(checks);
            once.push(when(register().matches(ESCAPE), twice));
            code.push(when(encoded, once));
            return code;
        }
        if visit.kind() != Kind::Cookies && visit.reference.field != Field::ArgsRaw {
            code.push(when(encoded, vec![decoded()]));
        }
        code.extend_from_slice(checks);
        code
    }

    /// The subs that check one element, and the calls of them. The conditions move there: a set may have thousands.
    fn check_items(&mut self, visit: &mut Visit, items: &mut Vec<Item>) -> Vec<Statement> {
        if visit.checks.is_empty() {
            return Vec::new();
        }
        let mut statements: Vec<Statement> = visit.functions.iter().flat_map(|view| view.code.clone()).collect();
        if let Some(lost) = super::views::lost(&visit.functions) {
            // A value that was lost must not pass for an empty one.
            statements.push(when(lost, vec![self.set_int("over", Expression::Integer(over::WORKSPACE))]));
        }
        for check in &mut visit.checks {
            let mark = self.set_int(&check.flag, Expression::Integer(1));
            statements.push(Statement::Comment(format!("{}: {}", check.flag, check.rule)));
            let condition = std::mem::replace(&mut check.condition, Expression::Boolean(false));
            statements.push(when(condition, vec![mark]));
        }
        let mut calls = Vec::new();
        let mut statements = statements.into_iter().peekable();
        while statements.peek().is_some() {
            let name = self.names.unique(&format!("check_{}", visit.name));
            calls.push(Statement::Call(name.clone()));
            items.push(Item::Sub {
                name,
                comment: vec![format!("Checks on one element of {}.", visit.name)],
                body: statements.by_ref().take(PER_SUB * 2).collect(),
            });
        }
        calls
    }
}

impl Visit {
    fn new(reference: FieldReference, forms: bool, name: String) -> Visit {
        Visit { reference, forms, name, checks: Vec::new(), known: HashMap::new(), functions: Vec::new() }
    }

    /// The flag of a check that is made already.
    fn flag_of(&self, fingerprint: u64, value: &Value, check: &Check, marks: bool) -> Option<&str> {
        let candidates = self.known.get(&fingerprint).into_iter().flatten().map(|place| &self.checks[*place]);
        let mut same =
            candidates.filter(|known| known.marks == marks && known.check == *check && known.value == *value);
        same.next().map(|known| known.flag.as_str())
    }

    /// Adds a check: its flag.
    fn add(&mut self, check: VisitCheck) -> String {
        let flag = format!("{} #{}", self.name, self.checks.len() + 1);
        self.known.entry(check.fingerprint).or_default().push(self.checks.len());
        self.checks.push(VisitCheck { flag: flag.clone(), ..check });
        flag
    }

    /// How many flags its checks set.
    pub fn flags(&self) -> usize {
        self.checks.len()
    }

    /// What its elements take, in the length of the list.
    pub fn cost(&self) -> Cost {
        let functions: u32 = self.functions.iter().map(|view| view.cost.worst()).sum();
        if self.kind() == Kind::Cookies {
            // Cut out, and blanks taken off.
            return Cost::flat(2 + functions);
        }
        // The register keeps the decoded text without another copy.
        let decoding = Cost { escapes: 1, guards: 1, ..Cost::default() };
        let mut cost = Cost::flat(1 + functions);
        if self.forms || self.reference.field != Field::ArgsRaw {
            cost.add(Cost { pluses: 1, ..decoding });
        }
        if self.forms {
            cost.add(decoding);
            cost.add(Cost { escapes: 2 * functions, ..Cost::default() });
        }
        cost
    }

    fn kind(&self) -> Kind {
        if self.reference.field == Field::Cookies {
            Kind::Cookies
        } else if self.reference.field == Field::ArgNames {
            Kind::Names
        } else {
            Kind::Arguments
        }
    }

    fn key(&self) -> &[u8] {
        self.reference.keys.first().map_or(&[], Vec::as_slice)
    }

    /// Whether there is an element. No pattern goes over the other elements in a group: PCRE2 counts each pass, and a client
    /// can send thousands.
    pub fn is_there(&self) -> Expression {
        let (subject, pattern) = match self.kind() {
            Kind::Arguments => {
                let name = argument_name(self.key());
                (Expression::name("req.url"), format!(r"(?s)^[^?]*+\?(?:.*&|){name}"))
            }
            Kind::Names => (Expression::name("req.url"), r"^[^?]*+\?&*+[^&]".to_owned()),
            Kind::Cookies => {
                let name = cookie_name(self.key());
                (Expression::Header("req", "cookie".to_owned()), format!("(?:^|;){name}"))
            }
        };
        subject.matches(pattern)
    }

    /// The elements of this name with their separators, without all others.
    fn alone(&self) -> Expression {
        let url = || Expression::name("req.url");
        match self.kind() {
            Kind::Arguments => {
                let name = argument_name(self.key());
                regsuball(url(), &format!(r"^[^?]*+(?:\?(?={name})|\?(?!{name})[^&]*+)|&(?!{name})[^&]*+"), "")
            }
            // The values go too: most of a query is values.
            Kind::Names => regsuball(url(), r"^[^?]*+\?&*+|&(?=&|\z)|(?<=[^&?])=[^&]*+", ""),
            Kind::Cookies => {
                let name = cookie_name(self.key());
                regsuball(Expression::Header("req", "cookie".to_owned()), &format!("(?:^(?!;)|;)(?!{name})[^;]*+"), "")
            }
        }
    }
}

impl Kind {
    fn separator(self) -> char {
        match self {
            Kind::Arguments | Kind::Names => '&',
            Kind::Cookies => ';',
        }
    }

    /// What stands in `list` before the element at `index`.
    fn before(self, index: u32) -> String {
        let separator = self.separator();
        let earlier = if index > 0 { format!("(?:[^{separator}]*+{separator}){{{index}}}") } else { String::new() };
        format!("^{separator}?+{earlier}")
    }
}

/// A cookie's name up to its value; blanks before it do not count.
fn cookie_name(name: &[u8]) -> String {
    format!(r"[ \t]*+{}=", escape(name))
}

/// A parameter's name, however it is encoded, up to where it ends.
fn argument_name(name: &[u8]) -> String {
    if name.is_empty() {
        return "(?==)".to_owned();
    }
    let mut pattern = String::new();
    for byte in name {
        let (high, low) = (hex_digit(byte >> 4), hex_digit(byte & 15));
        let literal = match byte {
            b'%' => Some(format!("{}|", super::views::BROKEN_ESCAPE)),
            b' ' => Some(r"\+|".to_owned()),
            b'+' | b'&' | b'=' => None,
            other => Some(format!("{}|", escape(&[*other]))),
        };
        pattern.push_str(&format!("(?:{}%{high}{low})", literal.unwrap_or_default()));
    }
    pattern + r"(?=[=&]|\z)"
}

/// One digit in both cases.
fn hex_digit(value: u8) -> String {
    match value {
        0..=9 => char::from(b'0' + value).to_string(),
        _ => format!("[{}{}]", char::from(b'A' + value - 10), char::from(b'a' + value - 10)),
    }
}

fn has_forms(value: &Value) -> bool {
    match value {
        Value::Field(_) => false,
        Value::Call(Call::AnyForm, _) => true,
        Value::Call(_, argument) => has_forms(argument),
    }
}
