//! Ids → identifiers of a target's language: legal, unique in the one namespace that ACLs, subs, objects and backends
//! share, and the same for the same set whatever the order of files.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Gives out identifiers.
#[derive(Clone, Debug)]
pub struct Names {
    prefix: String,
    /// In lower case: to Varnish's compiler `A` and `a` are one name. With each the number to try next behind it: all
    /// smaller ones are taken.
    taken: HashMap<String, u32>,
}

/// Longer ids are cut; uniqueness is kept by a number.
const LONGEST: usize = 80;

impl Names {
    /// `prefix` is legal by itself: `[a-z][a-z0-9_]*`.
    pub fn new(prefix: &str) -> Names {
        Names { prefix: prefix.to_owned(), taken: HashMap::new() }
    }

    /// `PREFIX_text`, with a number behind it when that is taken.
    pub fn unique(&mut self, text: &str) -> String {
        let legal: String = text
            .bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte) } else { '_' })
            .take(LONGEST)
            .collect();
        let name = format!("{}_{legal}", self.prefix);
        let lower = name.to_ascii_lowercase();
        let Some(mut number) = self.taken.get(&lower).copied() else {
            self.taken.insert(lower, 2);
            return name;
        };
        let candidate = loop {
            let candidate = format!("{name}_{number}");
            number += 1;
            if let Entry::Vacant(free) = self.taken.entry(candidate.to_ascii_lowercase()) {
                free.insert(2);
                break candidate;
            }
        };
        self.taken.insert(lower, number);
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::Names;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn names_are_legal_and_unique(ids in proptest::collection::vec("[a-zA-Z0-9_.é -]{0,100}", 0..20)) {
            let mut names = Names::new("edgesig");
            let given: Vec<String> = ids.iter().map(|id| names.unique(id)).collect();
            let lower: BTreeSet<String> = given.iter().map(|name| name.to_ascii_lowercase()).collect();
            prop_assert_eq!(lower.len(), given.len());
            for name in &given {
                prop_assert!(name.starts_with("edgesig_") && name.len() <= 126);
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            }
        }
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let mut names = Names::new("p");
        assert_eq!([names.unique("a-b"), names.unique("a_b"), names.unique("a.b")], ["p_a_b", "p_a_b_2", "p_a_b_3"]);
    }
}
