//! The node tree of a file and its comments → the tree that is written: each entry with the comments before it, behind
//! it, and at the end of its collection. Called by `format`, read by `print`.

use super::lines::Lines;
use crate::source::Span;
use crate::syntax::yaml::{Document, Node, NodeKind};

/// A comment, as it is written.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    pub(super) text: String,
    /// An empty line stands before it.
    pub(super) after_blank: bool,
    /// Where it starts on its line, in characters.
    pub(super) column: usize,
}

/// An entry of a mapping or an item of a sequence.
#[derive(Debug)]
pub(super) struct Entry<'n, 's> {
    pub(super) key: Option<&'n Node<'s>>,
    pub(super) node: &'n Node<'s>,
    /// What the node holds, when it is a collection.
    pub(super) collection: Option<usize>,
    pub(super) before: Vec<Comment>,
    /// Behind its first line.
    pub(super) trailing: Option<Comment>,
    /// An empty line stands before it (and before its first comment, if it has one: that one knows).
    pub(super) after_blank: bool,
    start: usize,
    /// The collection that it is in.
    parent: usize,
}

/// A mapping or a sequence.
#[derive(Debug)]
pub(super) struct Collection {
    pub(super) entries: Vec<usize>,
    /// Comments behind the last entry.
    pub(super) after: Vec<Comment>,
    pub(super) is_flow: bool,
    pub(super) is_mapping: bool,
    /// The entry whose value it is.
    parent: Option<usize>,
    column: usize,
    start: usize,
    end: usize,
}

/// The whole file.
#[derive(Debug)]
pub(super) struct Layout<'n, 's> {
    pub(super) entries: Vec<Entry<'n, 's>>,
    /// The root first.
    pub(super) collections: Vec<Collection>,
    /// Comments that belong to the file: they stay at its top.
    pub(super) header: Vec<Comment>,
    /// An empty line stands behind the header.
    pub(super) blank_after_header: bool,
}

/// Reads the places of nodes and comments. `None` for a file that is no mapping.
pub(super) fn layout<'n, 's>(text: &str, document: &'n Document<'s>) -> Option<Layout<'n, 's>> {
    let NodeKind::Mapping(_) = document.root.kind else { return None };
    let mut builder = Builder {
        text,
        lines: Lines::new(text),
        comments: &document.comments,
        layout: Layout { entries: Vec::new(), collections: Vec::new(), header: Vec::new(), blank_after_header: false },
    };
    builder.collection(&document.root, None);
    for span in &document.comments {
        builder.assign(*span);
    }
    builder.header();
    Some(builder.layout)
}

struct Builder<'n, 's, 't> {
    text: &'t str,
    lines: Lines<'t>,
    comments: &'t [Span],
    layout: Layout<'n, 's>,
}

impl<'n, 's> Builder<'n, 's, '_> {
    /// Adds a collection and what is in it, in written order. As deep as the reader lets it be.
    fn collection(&mut self, node: &'n Node<'s>, parent: Option<usize>) -> Option<usize> {
        let start = node.span.start as usize;
        let is_flow = self.text[start..].starts_with(['[', '{']);
        let (is_mapping, count) = match &node.kind {
            NodeKind::Mapping(entries) => (true, entries.len()),
            NodeKind::Sequence(items) => (false, items.len()),
            NodeKind::Null | NodeKind::Scalar(..) => return None,
        };
        let own = self.layout.collections.len();
        self.layout.collections.push(Collection {
            entries: Vec::with_capacity(count),
            after: Vec::new(),
            is_flow,
            is_mapping,
            parent,
            column: self.lines.column(start),
            start,
            end: node.span.end as usize,
        });
        match &node.kind {
            NodeKind::Mapping(entries) => {
                for (key, value) in entries {
                    self.entry(own, Some(key), value, key.span.start as usize);
                }
            }
            NodeKind::Sequence(items) => {
                let mut from = start;
                for item in items {
                    let start = if is_flow { item.span.start as usize } else { self.dash(from, item) };
                    self.entry(own, None, item, start);
                    from = item.span.end as usize;
                }
            }
            NodeKind::Null | NodeKind::Scalar(..) => {}
        }
        Some(own)
    }

    fn entry(&mut self, parent: usize, key: Option<&'n Node<'s>>, node: &'n Node<'s>, start: usize) {
        let index = self.layout.entries.len();
        let after_blank = self.lines.is_after_blank(start);
        self.layout.entries.push(Entry {
            key,
            node,
            collection: None,
            before: Vec::new(),
            trailing: None,
            after_blank,
            start,
            parent,
        });
        self.layout.collections[parent].entries.push(index);
        self.layout.entries[index].collection = self.collection(node, Some(index));
    }

    /// The `-` of an item of a block sequence.
    fn dash(&self, from: usize, item: &Node<'_>) -> usize {
        let bytes = self.text.as_bytes();
        let limit = item.span.start as usize;
        let mut at = from;
        while at < limit {
            match bytes[at] {
                b'-' => return at,
                b'#' => {
                    at = self.text[at..].find('\n').map_or(limit, |length| at + length);
                }
                _ => at += 1,
            }
        }
        limit
    }

    /// Gives a comment to the entry or collection that it is about.
    fn assign(&mut self, span: Span) {
        let at = span.start as usize;
        let comment = Comment {
            text: self.text[span.range()].trim_end().to_owned(),
            after_blank: self.lines.is_after_blank(at),
            column: self.lines.column(at),
        };
        let next = self.layout.entries.partition_point(|entry| entry.start < at);
        let alone = self.text[self.lines.start(at)..at].trim().is_empty();
        let previous = next.checked_sub(1);
        let next = Some(next).filter(|next| *next < self.layout.entries.len());
        let Some(previous) = previous else {
            match next {
                Some(next) => self.layout.entries[next].before.push(comment),
                None => self.layout.collections[0].after.push(comment),
            }
            return;
        };
        if !alone {
            let owner = self.owner_on_line(previous, at);
            let entry = &mut self.layout.entries[owner];
            match entry.trailing {
                None => entry.trailing = Some(comment),
                Some(_) => entry.before.push(comment),
            }
            return;
        }
        let entry = &self.layout.entries[previous];
        if entry.collection.is_none() && at < entry.node.span.start as usize {
            // Between a key and its value.
            self.layout.entries[previous].before.push(comment);
            return;
        }
        match self.ended_collection(previous, next, at, comment.column) {
            Some(collection) => self.layout.collections[collection].after.push(comment),
            None => match next {
                Some(next) => self.layout.entries[next].before.push(comment),
                None => self.layout.collections[0].after.push(comment),
            },
        }
    }

    /// The entry that a comment behind something on its line is about.
    fn owner_on_line(&self, previous: usize, at: usize) -> usize {
        let mut owner = previous;
        loop {
            let collection = &self.layout.collections[self.layout.entries[owner].parent];
            match collection.parent {
                Some(parent) if collection.is_flow && at >= collection.end => owner = parent,
                _ => return owner,
            }
        }
    }

    /// The collection at whose end a comment stands: one that ended before it, and is not indented more.
    fn ended_collection(&self, previous: usize, next: Option<usize>, at: usize, column: usize) -> Option<usize> {
        let (next_column, next_start) = match next {
            Some(next) => (self.lines.column(self.layout.entries[next].start), self.layout.entries[next].start),
            None => (0, usize::MAX),
        };
        let mut inner = self.layout.entries[previous].collection;
        let mut current = Some(self.layout.entries[previous].parent);
        // An empty collection holds comments of its own.
        if let Some(empty) = inner.take()
            && self.layout.collections[empty].is_flow
            && at < self.layout.collections[empty].end
        {
            return Some(empty);
        }
        while let Some(index) = current {
            let collection = &self.layout.collections[index];
            let holds_next = collection.start <= next_start && next_start < collection.end;
            if collection.is_flow && at < collection.end {
                return (!holds_next).then_some(index);
            }
            if holds_next || collection.parent.is_none() && next.is_some() {
                return None;
            }
            if !collection.is_flow && collection.column <= column && (next.is_none() || column > next_column) {
                return Some(index);
            }
            current = collection.parent.map(|entry| self.layout.entries[entry].parent);
        }
        None
    }

    /// Takes the comments that are about the file from its first entry: those up to the last empty line, and those to
    /// programs.
    fn header(&mut self) {
        let Some(first) = self.layout.collections[0].entries.first().copied() else { return };
        let entry = &mut self.layout.entries[first];
        let start = self.comments.first().map_or(0, |span| span.start as usize);
        if start > entry.start {
            return;
        }
        let blank = entry.before.iter().rposition(|comment| comment.after_blank).unwrap_or(0);
        let program = entry.before.iter().rposition(|comment| is_to_a_program(&comment.text)).map_or(0, |at| at + 1);
        let count = if entry.after_blank { entry.before.len() } else { blank.max(program) };
        self.layout.header = entry.before.drain(..count).collect();
        self.layout.blank_after_header = count > 0
            && match entry.before.first_mut() {
                Some(comment) => std::mem::take(&mut comment.after_blank),
                None => entry.after_blank,
            };
    }
}

/// A modeline, or a suppression.
fn is_to_a_program(comment: &str) -> bool {
    let text = comment.trim_start_matches('#').trim_start();
    ["yaml-language-server:", "edgesig:", "yamllint", "vim:", "-*-"].iter().any(|start| text.starts_with(start))
}
