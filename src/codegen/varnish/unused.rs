//! Drops the ACLs and subs that nothing refers to: Varnish's compiler refuses a file with one. They are left over where
//! a condition turned out to be constant.

use super::super::vcl::{File, Item, print};
use std::collections::{BTreeMap, BTreeSet};

/// The file without them.
pub fn drop_unused(file: File, prefix: &str) -> File {
    let names: BTreeMap<&str, usize> =
        file.items.iter().enumerate().filter_map(|(index, item)| Some((name(item)?, index))).collect();
    let mut used = BTreeSet::new();
    let mut waiting: Vec<usize> = Vec::new();
    for (index, item) in file.items.iter().enumerate() {
        // Varnish's own subs and what has no name is where everything starts.
        if name(item).is_none_or(|name| !name.starts_with(prefix)) {
            waiting.push(index);
        }
    }
    while let Some(index) = waiting.pop() {
        if !used.insert(index) {
            continue;
        }
        let text = print(&File { dialect: file.dialect, items: vec![file.items[index].clone()] }).text;
        let words = text.split(|byte: char| !byte.is_ascii_alphanumeric() && byte != '_');
        waiting.extend(words.filter_map(|word| names.get(word)));
    }
    let items = file.items.into_iter().enumerate().filter(|(index, _)| used.contains(index));
    File { dialect: file.dialect, items: items.map(|(_, item)| item).collect() }
}

fn name(item: &Item) -> Option<&str> {
    match item {
        Item::Acl { name, .. } | Item::Sub { name, .. } | Item::Table { name, .. } | Item::Store(_, name) => Some(name),
        Item::Comment(_) | Item::Version | Item::Import(_) | Item::Statement(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::vcl::Statement;
    use super::*;

    #[test]
    fn what_nobody_calls_goes_with_what_it_calls() {
        let sub = |name: &str, calls: &[&str]| Item::Sub {
            name: name.to_owned(),
            comment: Vec::new(),
            body: calls.iter().map(|call| Statement::Call((*call).to_owned())).collect(),
        };
        let items = vec![
            Item::Version,
            sub("e_used", &[]),
            sub("e_lost", &["e_lost_too"]),
            sub("e_lost_too", &[]),
            sub("vcl_recv", &["e_used"]),
        ];
        let left = drop_unused(File { items, ..File::default() }, "e_");
        let names: Vec<_> = left.items.iter().filter_map(name).collect();
        assert_eq!(names, ["e_used", "vcl_recv"]);
    }
}
