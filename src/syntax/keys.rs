//! Every key of a signature file and of the project file: its place in canonical order, what it holds and what it is
//! for. One table with many readers: the parser knows its keys from it, the formatter their order and which values are
//! conditions, `edgesig schema` writes it as a JSON schema.

pub use super::terms::{ACTIONS, BARE_ACTIONS, MODES};
use std::ops::RangeInclusive;

mod project;
mod signature;

pub use project::PROJECT;
pub(super) use project::*;
pub use signature::SIGNATURE;
pub(super) use signature::*;

/// One key of a mapping.
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub is_required: bool,
    /// What it is for: sentences for a person who edits the file.
    pub doc: &'static str,
    /// A value, as it is written in YAML; empty where the doc says enough.
    pub example: &'static str,
}

/// A mapping with known keys, in canonical order.
pub struct Mapping {
    pub keys: &'static [Key],
    /// Where a mapping has several forms: exactly one of them fits.
    pub forms: &'static [Form],
}

/// One form of a mapping.
pub struct Form {
    pub required: &'static [&'static str],
    /// The keys that it can have.
    pub keys: &'static [&'static str],
}

/// What a value may be.
pub enum Shape {
    /// `1`: the version of the language.
    Version,
    /// Text that is neither empty nor a number.
    Text,
    /// Text as it stands, a number too.
    Verbatim,
    /// Text that this regular expression describes.
    Pattern(&'static str),
    Date,
    Integer(RangeInclusive<u64>),
    /// One of a few words.
    Word(fn() -> Vec<&'static str>),
    /// A mode: `monitor`, `canary 10%`.
    Mode,
    /// `10/60s`
    Limit,
    /// `10m`
    Duration,
    /// `block(403)`
    Action,
    /// An expression: the formatter writes it as a block scalar.
    Condition,
    /// An expression that stays on its key's line where it can: a named part of a condition, a part of a rate's key.
    Expression,
    /// `null`, or what follows.
    Optional(&'static Shape),
    List(&'static Shape),
    /// One, or a list of them.
    OneOrMany(&'static Shape),
    /// A mapping with known keys.
    Mapping(&'static Mapping),
    /// A mapping with free keys: what this regular expression describes, or what another table lists.
    Free(Names, &'static Shape),
    /// Whatever fits one of them.
    Either(&'static [Shape]),
    /// Anything at all.
    Any,
}

impl Shape {
    /// A text of the language of conditions.
    pub fn is_expression(&self) -> bool {
        matches!(self, Shape::Condition | Shape::Expression)
    }
}

/// What the free keys of a mapping are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// What this regular expression describes.
    Pattern(&'static str),
    /// Names of fields: `facts`.
    Fields,
    /// Ids of lints, and `warnings`: `lints`.
    Lints,
}

/// Of an id.
pub const KEBAB_CASE: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";
/// Of a `let`.
pub const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// Of anything else that the author names.
pub const ANY_NAME: &str = "^.+$";

impl Mapping {
    /// The names of the keys, in canonical order.
    pub fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }

    /// The key with this name, and its place.
    pub fn find(&self, name: &str) -> Option<(usize, &'static Key)> {
        self.keys.iter().enumerate().find(|(_, key)| key.name == name)
    }
}

/// Every key of a mapping and of those inside it, with its place (`rate.key`) and the mapping that it is of.
pub fn each(mapping: &'static Mapping, outer: &str, visit: &mut dyn FnMut(&str, &'static Mapping, &'static Key)) {
    for key in mapping.keys {
        let place = if outer.is_empty() { key.name.to_owned() } else { format!("{outer}.{}", key.name) };
        visit(&place, mapping, key);
        each_shape(&key.shape, &place, visit);
    }
}

fn each_shape(shape: &'static Shape, place: &str, visit: &mut dyn FnMut(&str, &'static Mapping, &'static Key)) {
    match shape {
        Shape::Mapping(mapping) => each(mapping, place, visit),
        Shape::Optional(inner) | Shape::List(inner) | Shape::OneOrMany(inner) | Shape::Free(_, inner) => {
            each_shape(inner, place, visit);
        }
        Shape::Either(shapes) => shapes.iter().for_each(|shape| each_shape(shape, place, visit)),
        Shape::Version
        | Shape::Text
        | Shape::Verbatim
        | Shape::Pattern(_)
        | Shape::Date
        | Shape::Integer(_)
        | Shape::Word(_)
        | Shape::Mode
        | Shape::Limit
        | Shape::Duration
        | Shape::Action
        | Shape::Condition
        | Shape::Expression
        | Shape::Any => {}
    }
}

/// A row that may be left out.
const fn key(name: &'static str, shape: Shape, doc: &'static str, example: &'static str) -> Key {
    Key { name, shape, is_required: false, doc, example }
}

/// A row that must be there.
const fn required(name: &'static str, shape: Shape, doc: &'static str, example: &'static str) -> Key {
    Key { name, shape, is_required: true, doc, example }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn rows_are_complete() {
        for mapping in [&SIGNATURE, &PROJECT] {
            each(mapping, "", &mut |place, mapping, key| {
                let names = mapping.names();
                assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{place}: {names:?}");
                let starts = key.doc.starts_with(|first: char| first.is_uppercase() || first == '`');
                assert!(starts && key.doc.ends_with('.'), "{place}");
                for form in mapping.forms {
                    assert!(form.required.iter().all(|name| form.keys.contains(name)), "{place}: {names:?}");
                    assert!(form.keys.iter().all(|name| names.contains(name)), "{place}: {names:?}");
                }
            });
        }
    }
}
