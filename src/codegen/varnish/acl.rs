//! Networks → ACLs: those that rules use, equal ones shared, entries canonical and sorted.

use super::super::vcl::Item;
use super::Generator;
use super::parts::Renamed;
use crate::ir::Networks;
use ipnet::IpNet;

/// The ACLs of a set.
#[derive(Clone, Debug, Default)]
pub struct Acls {
    list: Vec<Acl>,
}

#[derive(Clone, Debug)]
struct Acl {
    name: String,
    /// What the name is made of.
    stem: String,
    comment: String,
    entries: Vec<IpNet>,
}

impl<'r> Generator<'r> {
    /// The name of the ACL that holds these networks; `None` when there are none.
    pub(super) fn acl(&mut self, networks: &Networks) -> Option<String> {
        let mut entries: Vec<IpNet> = self.networks(networks).iter().map(IpNet::trunc).collect();
        entries.sort_unstable();
        entries.dedup();
        if entries.is_empty() {
            return None;
        }
        if let Some(acl) = self.acls.list.iter().find(|acl| acl.entries == entries) {
            return Some(acl.name.clone());
        }
        let (stem, comment) = match networks {
            Networks::List(index) => {
                let list = self.ruleset.lists.get(index.0).map_or("list", |list| list.name.as_str());
                (format!("acl_{list}"), format!("@{list}: {} networks", entries.len()))
            }
            Networks::Literals(_) => (format!("acl_{}", self.rule), format!("networks that {} names", self.rule)),
        };
        let name = self.names.unique(&stem);
        self.acls.list.push(Acl { name: name.clone(), stem, comment, entries });
        Some(name)
    }

    /// Takes over the ACLs of a part of the rules.
    pub(super) fn absorb_acls(&mut self, part: Acls, renamed: &mut Renamed) {
        for acl in part.list {
            let known = self.acls.list.iter().find(|known| known.entries == acl.entries);
            let name = match known {
                Some(known) => known.name.clone(),
                None => {
                    let name = self.names.unique(&acl.stem);
                    self.acls.list.push(Acl { name: name.clone(), ..acl.clone() });
                    name
                }
            };
            if name != acl.name {
                renamed.acls.insert(acl.name, name);
            }
        }
    }

    pub(super) fn acl_items(&self) -> Vec<Item> {
        self.acls
            .list
            .iter()
            .map(|acl| Item::Acl {
                name: acl.name.clone(),
                comment: vec![acl.comment.clone()],
                entries: acl.entries.clone(),
            })
            .collect()
    }
}
