//! The layout of a file → its text in canonical form. Called by `format`.

use super::layout::{Collection, Comment, Entry, Layout};
use super::{condition, scalar};
use crate::syntax::keys::Shape;
use crate::syntax::yaml::NodeKind;
use granit_parser::ScalarStyle;

/// Longest line of a collection in brackets, in characters.
const WIDTH: usize = 120;
/// Blanks per level.
const STEP: usize = 2;

/// Writes a whole file.
pub(super) fn print(layout: &Layout<'_, '_>, shape: &'static Shape) -> String {
    let mut printer = Printer { layout, text: String::new() };
    for comment in &layout.header {
        printer.comment(comment, 0);
    }
    if layout.blank_after_header {
        printer.blank_line();
    }
    if let Some(root) = layout.collections.first() {
        if root.entries.is_empty() {
            printer.text.push_str("{}\n");
        }
        printer.block(root, shape, 0, false);
    }
    printer.text
}

struct Printer<'l, 'n, 's> {
    layout: &'l Layout<'n, 's>,
    text: String,
}

/// What a value of this shape is when it is a collection or when it is not.
fn resolve(shape: &'static Shape, is_mapping: bool, is_sequence: bool) -> &'static Shape {
    if let Shape::Optional(inner) = shape {
        return resolve(inner, is_mapping, is_sequence);
    }
    if let Shape::OneOrMany(inner) = shape
        && !is_sequence
    {
        return resolve(inner, is_mapping, is_sequence);
    }
    let Shape::Either(shapes) = shape else { return shape };
    let fits = |shape: &&'static Shape| {
        let is_of_mappings = matches!(shape, Shape::Mapping(_) | Shape::Free(..));
        let is_of_sequences = matches!(shape, Shape::List(_) | Shape::OneOrMany(_));
        (is_of_mappings, is_of_sequences) == (is_mapping, is_sequence)
    };
    shapes.iter().find(fits).map_or(&Shape::Any, |shape| resolve(shape, is_mapping, is_sequence))
}

/// The shape of an entry in a collection of this shape.
pub(super) fn shape_of_entry(shape: &'static Shape, key: Option<&str>, kind: &NodeKind<'_>) -> &'static Shape {
    let inner = match (shape, key) {
        (Shape::Mapping(mapping), Some(key)) => mapping.find(key).map_or(&Shape::Any, |(_, row)| &row.shape),
        (Shape::Free(_, inner), Some(_)) => inner,
        (Shape::List(inner) | Shape::OneOrMany(inner), None) => inner,
        _ => &Shape::Any,
    };
    resolve(inner, matches!(kind, NodeKind::Mapping(_)), matches!(kind, NodeKind::Sequence(_)))
}

fn name<'e>(entry: &'e Entry<'_, '_>) -> Option<&'e str> {
    match entry.key.map(|key| &key.kind) {
        Some(NodeKind::Scalar(name, _)) => Some(name),
        Some(NodeKind::Null | NodeKind::Sequence(_) | NodeKind::Mapping(_)) | None => None,
    }
}

impl Printer<'_, '_, '_> {
    fn indent(&mut self, indent: usize) {
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    /// An empty line: one, and none at the start of the file or of a collection. Behind a text that ends with empty
    /// lines of its own, one more would be the text's.
    fn blank_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(":\n") && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn comment(&mut self, comment: &Comment, indent: usize) {
        if comment.after_blank {
            self.blank_line();
        }
        self.indent(indent);
        self.text.push_str(&comment.text);
        self.text.push('\n');
    }

    /// Ends a line, with the comment behind it where it was, if there is room.
    fn end_line(&mut self, comment: Option<&Comment>) {
        if let Some(comment) = comment {
            let line = &self.text[self.text.rfind('\n').map_or(0, |index| index + 1)..];
            let gap = comment.column.saturating_sub(line.chars().count()).max(1);
            self.indent(gap);
            self.text.push_str(&comment.text);
        }
        self.text.push('\n');
    }

    /// The entries of a collection in canonical order.
    fn ordered(&self, collection: &Collection, shape: &Shape) -> Vec<usize> {
        let mut entries = collection.entries.clone();
        if let Shape::Mapping(mapping) = shape {
            let place = |entry: &usize| {
                let name = name(&self.layout.entries[*entry]).unwrap_or_default();
                mapping.find(name).map_or(usize::MAX, |(place, _)| place)
            };
            entries.sort_by_key(place);
        }
        entries
    }

    /// Writes a collection one entry a line. `inline`: the first one continues a line that has a dash on it.
    fn block(&mut self, collection: &Collection, shape: &'static Shape, indent: usize, inline: bool) {
        for (place, index) in self.ordered(collection, shape).into_iter().enumerate() {
            let entry = &self.layout.entries[index];
            let is_inline = inline && place == 0;
            if !is_inline {
                entry.before.iter().for_each(|comment| self.comment(comment, indent));
                if entry.after_blank && (place > 0 || !entry.before.is_empty()) {
                    self.blank_line();
                }
            }
            self.entry(entry, shape, indent, is_inline);
        }
        collection.after.iter().for_each(|comment| self.comment(comment, indent));
    }

    fn entry(&mut self, entry: &Entry<'_, '_>, shape: &'static Shape, indent: usize, is_inline: bool) {
        if entry.key.is_none() && entry.collection.is_some_and(|own| self.is_block(own, shape, entry, indent)) {
            return self.item_block(entry, shape, indent, is_inline);
        }
        if !is_inline {
            self.indent(indent);
        }
        match entry.key.map(|key| &key.kind) {
            Some(NodeKind::Scalar(key, style)) => {
                let key = scalar::inline(key, *style, false);
                self.text.push_str(&key);
                self.text.push(':');
            }
            Some(NodeKind::Null | NodeKind::Sequence(_) | NodeKind::Mapping(_)) | None => self.text.push('-'),
        }
        let own = shape_of_entry(shape, name(entry), &entry.node.kind);
        match (&entry.node.kind, entry.collection) {
            (NodeKind::Scalar(value, style), _) => {
                let mut lines = self.scalar(value, *style, own, indent + STEP).into_iter();
                self.text.push(' ');
                self.text.push_str(&lines.next().unwrap_or_default());
                self.end_line(entry.trailing.as_ref());
                for line in lines {
                    if !line.is_empty() {
                        self.indent(indent + STEP);
                        self.text.push_str(&line);
                    }
                    self.text.push('\n');
                }
            }
            (_, Some(index)) if self.is_block(index, shape, entry, indent) => {
                self.end_line(entry.trailing.as_ref());
                self.block(&self.layout.collections[index], own, indent + STEP, false);
            }
            (_, Some(index)) => {
                let flow = self.flow(&self.layout.collections[index], own);
                self.text.push(' ');
                self.text.push_str(&flow);
                self.end_line(entry.trailing.as_ref());
            }
            (_, None) => {
                self.text.push_str(" ~");
                self.end_line(entry.trailing.as_ref());
            }
        }
    }

    /// An item that is a collection over several lines: its first entry stands behind the dash.
    fn item_block(&mut self, entry: &Entry<'_, '_>, shape: &'static Shape, indent: usize, is_inline: bool) {
        let Some(collection) = entry.collection.map(|index| &self.layout.collections[index]) else { return };
        let own = shape_of_entry(shape, None, &entry.node.kind);
        let first = self.ordered(collection, own).first().copied();
        if !is_inline {
            // Comments between the dash and the first entry go before the dash.
            let first = first.map(|first| self.layout.entries[first].before.as_slice()).unwrap_or_default();
            for comment in entry.trailing.iter().chain(first) {
                let comment = Comment { after_blank: false, ..comment.clone() };
                self.comment(&comment, indent);
            }
            self.indent(indent);
        }
        self.text.push_str("- ");
        self.block(collection, own, indent + STEP, true);
    }

    /// Whether a collection is written over several lines: it was, it does not fit on one, or something in it cannot
    /// stand in brackets.
    fn is_block(&self, index: usize, shape: &'static Shape, entry: &Entry<'_, '_>, indent: usize) -> bool {
        let collection = &self.layout.collections[index];
        if collection.entries.is_empty() && collection.after.is_empty() {
            return false;
        }
        let own = shape_of_entry(shape, name(entry), &entry.node.kind);
        if !collection.is_flow || self.needs_lines(collection, own) {
            return true;
        }
        let key = entry.key.map_or(0, |key| match &key.kind {
            NodeKind::Scalar(key, style) => scalar::inline(key, *style, false).chars().count(),
            NodeKind::Null | NodeKind::Sequence(_) | NodeKind::Mapping(_) => 0,
        });
        indent + key + 2 + self.flow(collection, own).chars().count() > WIDTH
    }

    fn needs_lines(&self, collection: &Collection, shape: &'static Shape) -> bool {
        !collection.after.is_empty()
            || collection.entries.iter().map(|index| &self.layout.entries[*index]).any(|entry| {
                let own = shape_of_entry(shape, name(entry), &entry.node.kind);
                !entry.before.is_empty()
                    || entry.trailing.is_some()
                    || matches!(own, Shape::Condition)
                    || entry.collection.is_some_and(|index| self.needs_lines(&self.layout.collections[index], own))
            })
    }

    /// A collection in brackets.
    fn flow(&self, collection: &Collection, shape: &'static Shape) -> String {
        let entries = self.ordered(collection, shape).into_iter().map(|index| {
            let entry = &self.layout.entries[index];
            let own = shape_of_entry(shape, name(entry), &entry.node.kind);
            let value = match (&entry.node.kind, entry.collection) {
                (NodeKind::Scalar(value, style), _) if own.is_expression() => {
                    let line = one_line(value).unwrap_or_else(|| value.to_string());
                    scalar::inline(&line, *style, true)
                }
                (NodeKind::Scalar(value, style), _) => scalar::inline(value, *style, true),
                (_, Some(index)) => self.flow(&self.layout.collections[index], own),
                (_, None) => "~".to_owned(),
            };
            match entry.key.map(|key| &key.kind) {
                Some(NodeKind::Scalar(key, style)) => format!("{}: {value}", scalar::inline(key, *style, true)),
                Some(NodeKind::Null | NodeKind::Sequence(_) | NodeKind::Mapping(_)) | None => value,
            }
        });
        let entries = entries.collect::<Vec<_>>().join(", ");
        if collection.is_mapping { format!("{{{entries}}}") } else { format!("[{entries}]") }
    }

    /// The lines of a scalar: what stands behind its key, then those of a block.
    fn scalar(&self, value: &str, style: ScalarStyle, shape: &Shape, indent: usize) -> Vec<String> {
        if !shape.is_expression() {
            return text(value, style, indent);
        }
        if matches!(shape, Shape::Expression)
            && let Some(line) = one_line(value).filter(|line| scalar::is_plain(line, false))
            && !scalar::is_special(&line)
        {
            return vec![line];
        }
        block_of(condition::lines(value), value, style)
    }
}

/// A condition as one line, if it is one.
fn one_line(value: &str) -> Option<String> {
    let mut lines = condition::lines(value)?;
    if lines.len() == 1 { lines.pop() } else { None }
}

/// A condition as a block; one that cannot be read stays as it is.
fn block_of(lines: Option<Vec<String>>, value: &str, style: ScalarStyle) -> Vec<String> {
    match lines {
        Some(lines) if !lines.is_empty() => std::iter::once("|".to_owned()).chain(lines).collect(),
        Some(_) | None => vec![scalar::inline(value, style, false)],
    }
}

fn text(value: &str, style: ScalarStyle, indent: usize) -> Vec<String> {
    let block = match style {
        ScalarStyle::Literal => scalar::literal(value),
        ScalarStyle::Folded => scalar::folded(value, indent).or_else(|| scalar::literal(value)),
        ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if value.contains('\n') => {
            scalar::literal(value)
        }
        ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => None,
    };
    block.unwrap_or_else(|| vec![scalar::inline(value, style, false)])
}
