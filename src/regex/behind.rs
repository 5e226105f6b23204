//! Engine text to its first look-behind without a fixed length, which PCRE2 before 10.43 refuses: what is linked here may be
//! newer than what the servers run. Called by `Regex::new`, of what compiled or was refused for a look-behind.
//!
//! As 10.42 reckons: the alternatives at the top of a look-behind may each have a length of their own, those of a group in it
//! must have the same; a quantifier must have one number.

use super::tree::{self, Look, Node};
use std::collections::BTreeMap;

/// Where a look-behind without a fixed length is in the engine text, and whether it is one that must not match.
pub(super) fn unfixed(text: &str) -> Option<((usize, usize), Look)> {
    // Most patterns need no tree.
    if !text.contains("(?<=") && !text.contains("(?<!") {
        return None;
    }
    let tree = tree::parse(text)?;
    let mut groups = BTreeMap::new();
    // Where a number can be that of several groups, PCRE2 does not ask how long they are.
    if !text.contains("(?|") && !text.contains("(?J") {
        number(&tree, &mut groups);
    }
    let mut lengths = Lengths { groups, known: BTreeMap::new(), open: Vec::new() };
    find(&tree, &mut lengths)
}

/// The capturing groups by number.
fn number<'t>(node: &'t Node, groups: &mut BTreeMap<u32, &'t Node>) {
    match node {
        Node::Empty | Node::Bytes(_) | Node::Anchor | Node::Reference(_) => {}
        Node::Concat(items) | Node::Alternate(items) | Node::Conditional(items) => {
            items.iter().for_each(|item| number(item, groups));
        }
        Node::Group(own, body) => {
            groups.extend(own.map(|own| (own, &**body)));
            number(body, groups);
        }
        Node::Atomic(body) | Node::Look(_, _, body) => number(body, groups),
        Node::Repeat(repeat) => number(&repeat.body, groups),
    }
}

fn find<'t>(node: &'t Node, lengths: &mut Lengths<'t>) -> Option<((usize, usize), Look)> {
    match node {
        Node::Empty | Node::Bytes(_) | Node::Anchor | Node::Reference(_) => None,
        Node::Concat(items) | Node::Alternate(items) | Node::Conditional(items) => {
            items.iter().find_map(|item| find(item, lengths))
        }
        Node::Look(look @ (Look::Behind | Look::NotBehind), place, body) => {
            let branches =
                if let Node::Alternate(branches) = &**body { branches } else { core::slice::from_ref(&**body) };
            let fixed = branches.iter().all(|branch| lengths.of(branch).is_some());
            if fixed { find(body, lengths) } else { Some((*place, *look)) }
        }
        Node::Group(group, body) => lengths.inside(*group, |lengths| find(body, lengths)),
        Node::Atomic(body) | Node::Look(Look::Ahead | Look::NotAhead, _, body) => find(body, lengths),
        Node::Repeat(repeat) => find(&repeat.body, lengths),
    }
}

struct Lengths<'t> {
    groups: BTreeMap<u32, &'t Node>,
    /// Those of groups that were referred to; none while a group is being reckoned, which may refer to itself.
    known: BTreeMap<u32, Option<u64>>,
    /// The groups around what is reckoned: a reference to one is to itself.
    open: Vec<u32>,
}

impl<'t> Lengths<'t> {
    fn inside<T>(&mut self, group: Option<u32>, ask: impl FnOnce(&mut Lengths<'t>) -> T) -> T {
        self.open.extend(group);
        let answer = ask(self);
        if group.is_some() {
            self.open.pop();
        }
        answer
    }

    /// The one length of all that a piece matches.
    fn of(&mut self, node: &Node) -> Option<u64> {
        match node {
            // What a look-around looks at is no part of the match.
            Node::Empty | Node::Anchor | Node::Look(..) => Some(0),
            Node::Bytes(_) => Some(1),
            Node::Concat(items) => items.iter().try_fold(0_u64, |sum, item| sum.checked_add(self.of(item)?)),
            Node::Alternate(branches) => self.of_all(branches),
            // The test of a conditional, where it has one, is in front of its two branches.
            Node::Conditional(parts) => self.of_all(&parts[parts.len().saturating_sub(2)..]),
            Node::Group(group, body) => self.inside(*group, |lengths| lengths.of(body)),
            Node::Atomic(body) => self.of(body),
            // PCRE2 reads over what is asked of a look-ahead how often.
            Node::Repeat(repeat) if matches!(repeat.body, Node::Look(Look::Ahead | Look::NotAhead, ..)) => Some(0),
            Node::Repeat(repeat) => {
                let body = self.of(&repeat.body)?;
                (repeat.max == Some(repeat.min)).then(|| body.checked_mul(u64::from(repeat.min)))?
            }
            Node::Reference(group) => {
                let group = (*group).filter(|group| !self.open.contains(group))?;
                if let Some(known) = self.known.get(&group) {
                    return *known;
                }
                let body = *self.groups.get(&group)?;
                self.known.insert(group, None);
                let length = self.of(body);
                self.known.insert(group, length);
                length
            }
        }
    }

    fn of_all(&mut self, branches: &[Node]) -> Option<u64> {
        let (first, others) = branches.split_first()?;
        let length = self.of(first)?;
        others.iter().all(|branch| self.of(branch) == Some(length)).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ffi::{Compiled, pcre2_version};
    use super::super::rewrite::rewrite;
    use super::unfixed;
    use proptest::prelude::*;

    fn insides() -> impl Strategy<Value = String> {
        const ATOMS: &[&str] = &[
            "a", "b", "é", "[ab]", ".", r"\d", r"\b", "^", "", "ab", r"\1", r"\2", r"\g{-1}", "(?i)", "(?#c)",
            r"\Qab\E",
        ];
        const QUANTIFIERS: &[&str] = &["", "", "", "", "{2}", "{1,1}", "{0}", "{1,2}", "?", "*", "+?", "{2}+"];
        const GROUPS: &[&str] =
            &["(?:", "(", "(?>", "(?=", "(?!", "(?<=", "(?<!", "(?|", "(?i:", "(?(1)a|(?:", "(?(?=a)b|(?:", "(?<n>"];
        prop::sample::select(ATOMS).prop_map(str::to_owned).prop_recursive(3, 16, 3, |inner| {
            let sequence = prop::collection::vec(inner, 1..3).prop_map(|items| items.concat());
            let branches = prop::collection::vec(sequence, 1..3).prop_map(|items| items.join("|"));
            (prop::sample::select(GROUPS), branches, prop::sample::select(QUANTIFIERS)).prop_map(
                |(group, body, quantifier)| {
                    format!("{group}{body}){}{quantifier}", if group.contains("|(?:") { ")" } else { "" })
                },
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, max_global_rejects: 100_000, ..ProptestConfig::default() })]

        /// An older library is asked itself.
        #[test]
        fn older_versions_refuse_the_same(inside in insides(), before in prop::sample::select(&["", "(a)", "(ab|c)"][..])) {
            let pattern = format!("{before}(?<={inside})x(b)");
            let Ok(text) = rewrite(&pattern, false) else { return Ok(()) };
            let (_, minor) = pcre2_version().split_once('.').map(|(_, rest)| ((), rest.to_owned())).unwrap();
            let minor: u32 = minor.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap();
            if minor >= 43 {
                return Ok(());
            }
            match Compiled::interpreted(text.as_bytes()) {
                Ok(_) => prop_assert_eq!(unfixed(&text), None, "{}", pattern),
                Err(error) if error.message.contains("not fixed length") => prop_assert!(unfixed(&text).is_some(), "{}", pattern),
                Err(_) => {}
            }
        }
    }
}
