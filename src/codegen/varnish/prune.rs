//! Drops what nothing refers to: varnishd refuses an unused ACL, sub or object, and a condition that is constant takes its
//! parts with it. Empty subs go too, with the calls of them.

use super::super::vcl::{Expression, Item, Statement};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The items that `vcl_*` subs reach. What a set defines bears its prefix; other names need not be looked up.
pub fn prune(mut items: Vec<Item>, prefix: &str) -> Vec<Item> {
    loop {
        let empty: BTreeSet<String> = items
            .iter()
            .filter_map(|item| match item {
                Item::Sub { name, body, .. } if body.is_empty() => Some(name.clone()),
                Item::Sub { .. }
                | Item::Comment(_)
                | Item::Version
                | Item::Import(_)
                | Item::Acl { .. }
                | Item::Table { .. }
                | Item::Statement(_)
                | Item::Store(..) => None,
            })
            .collect();
        if empty.is_empty() {
            break;
        }
        items.retain(|item| !matches!(item, Item::Sub { name, .. } if empty.contains(name)));
        for item in &mut items {
            if let Item::Sub { body, .. } = item {
                without_calls(body, &empty);
            }
        }
    }
    // What each sub refers to, then what the engine's own subs reach. Items that are no subs refer to nothing.
    let references: Vec<HashSet<&str>> = items
        .par_iter()
        .map(|item| {
            let mut used = Used { prefix, names: HashSet::new() };
            if let Item::Sub { body, .. } = item {
                body.iter().for_each(|statement| note_statement(statement, &mut used));
            }
            used.names
        })
        .collect();
    let mut waiting: Vec<usize> = Vec::new();
    let mut subs: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        if let Item::Sub { name, .. } = item {
            if name.starts_with("vcl_") && name != "vcl_init" {
                waiting.push(index);
            } else {
                subs.entry(name).or_default().push(index);
            }
        }
    }
    let mut used: HashSet<&str> = HashSet::new();
    while let Some(index) = waiting.pop() {
        for name in &references[index] {
            if used.insert(name) {
                waiting.extend(subs.get(name).into_iter().flatten());
            }
        }
    }
    let keeps = |item: &Item| match item {
        Item::Acl { name, .. } => used.contains(name.as_str()),
        Item::Sub { name, body, .. } if name == "vcl_init" => body
            .iter()
            .any(|statement| matches!(statement, Statement::New(object, _) if used.contains(object.as_str()))),
        Item::Sub { name, .. } => name.starts_with("vcl_") || used.contains(name.as_str()),
        Item::Comment(_)
        | Item::Version
        | Item::Import(_)
        | Item::Table { .. }
        | Item::Statement(_)
        | Item::Store(..) => true,
    };
    let kept: Vec<bool> = items.iter().map(keeps).collect();
    let mut kept = kept.into_iter();
    items.retain(|_| kept.next().unwrap_or(true));
    items
}

/// Names that something refers to.
struct Used<'a> {
    prefix: &'a str,
    names: HashSet<&'a str>,
}

impl<'a> Used<'a> {
    fn note(&mut self, name: &'a str) {
        if name.starts_with(self.prefix) {
            self.names.insert(name);
        }
    }
}

fn without_calls(statements: &mut Vec<Statement>, empty: &BTreeSet<String>) {
    statements.retain(|statement| !matches!(statement, Statement::Call(name) if empty.contains(name)));
    for statement in statements {
        match statement {
            Statement::If { branches, otherwise } => {
                branches.iter_mut().for_each(|(_, body)| without_calls(body, empty));
                without_calls(otherwise, empty);
            }
            Statement::Signature(_, body) => without_calls(body, empty),
            Statement::Comment(_)
            | Statement::Blank
            | Statement::Set(..)
            | Statement::Unset(_)
            | Statement::Call(_)
            | Statement::Do(_)
            | Statement::Return
            | Statement::Leave(_)
            | Statement::Synth(_)
            | Statement::Synthetic(_)
            | Statement::New(..)
            | Statement::Declare(..)
            | Statement::Increase(..)
            | Statement::Divide(..)
            | Statement::Error(..)
            | Statement::Log(_) => {}
        }
    }
}

fn note_statement<'a>(statement: &'a Statement, used: &mut Used<'a>) {
    match statement {
        Statement::Set(target, value) | Statement::Increase(target, value) | Statement::Divide(target, value) => {
            note(target, used);
            note(value, used);
        }
        Statement::Unset(expression)
        | Statement::Do(expression)
        | Statement::Synth(expression)
        | Statement::Synthetic(expression)
        | Statement::Error(_, expression)
        | Statement::Log(expression) => note(expression, used),
        Statement::Call(name) => used.note(name),
        Statement::If { branches, otherwise } => {
            for (condition, body) in branches {
                note(condition, used);
                body.iter().for_each(|inner| note_statement(inner, used));
            }
            otherwise.iter().for_each(|inner| note_statement(inner, used));
        }
        Statement::Signature(_, body) => body.iter().for_each(|inner| note_statement(inner, used)),
        Statement::Comment(_)
        | Statement::Blank
        | Statement::Return
        | Statement::Leave(_)
        | Statement::New(..)
        | Statement::Declare(..) => {}
    }
}

fn note<'a>(expression: &'a Expression, used: &mut Used<'a>) {
    match expression {
        Expression::Name(name) => used.note(name),
        Expression::Call(function, arguments) => {
            if let Some((object, _)) = function.split_once('.') {
                used.note(object);
            }
            arguments.iter().for_each(|(_, argument)| note(argument, used));
        }
        Expression::Compare(_, left, right)
        | Expression::Difference(left, right)
        | Expression::Product(left, right) => {
            note(left, used);
            note(right, used);
        }
        Expression::Not(inner) => note(inner, used),
        Expression::And(parts) | Expression::Or(parts) | Expression::Sum(parts) => {
            parts.iter().for_each(|part| note(part, used));
        }
        Expression::Text(_)
        | Expression::Pattern(_)
        | Expression::Integer(_)
        | Expression::Duration(_)
        | Expression::Bytes(_)
        | Expression::Boolean(_)
        | Expression::Header(..) => {}
    }
}
