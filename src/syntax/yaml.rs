//! The text of a YAML file → a tree of nodes with their places. `signature` and `project` read the tree through
//! `nodes`. Nothing recurses over the input, and nesting, nodes and aliases are bounded: files come in pull requests.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Tag};

use super::report::Report;
use super::{hazards, traps};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceId, Span};

/// A node and its place; of an alias, the place of what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Node<'s> {
    pub(super) kind: NodeKind<'s>,
    pub(super) span: Span,
}

#[derive(Clone, Debug)]
pub(super) enum NodeKind<'s> {
    /// Nothing, `~` or `null`.
    Null,
    Scalar(Cow<'s, str>, ScalarStyle),
    Sequence(Vec<Node<'s>>),
    Mapping(Vec<(Node<'s>, Node<'s>)>),
}

/// What a file holds.
pub(super) struct Document<'s> {
    pub(super) root: Node<'s>,
    /// In written order.
    pub(super) comments: Vec<Span>,
    /// An alias: the tree holds what it stands for, so it cannot be written back as it was.
    pub(super) alias: Option<Span>,
}

/// Nodes of one file, aliases counted as expanded.
pub(super) const MAX_NODES: usize = 100_000;
/// Levels of nesting, aliases counted as expanded.
const MAX_DEPTH: usize = 64;
/// Bytes of one file.
const MAX_LENGTH: usize = 8 * 1024 * 1024;

/// How every file is read.
pub(super) fn options() -> granit_parser::Options {
    granit_parser::options! {
        strict_indentation: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        disallow_directives: true,
        max_buffered_comment_events: 1 << 20,
        emit_unresolved_aliases: true,
    }
}

/// Reads a file. `None`: it is no YAML, or too large; said in `report`. An empty file is a null.
pub(super) fn parse<'s>(source: SourceId, text: &'s str, report: &mut Report<'_>) -> Option<Document<'s>> {
    if text.len() > MAX_LENGTH {
        let message = format!("the file is {} bytes long, more than {MAX_LENGTH}", text.len());
        let start = Span::new(source, 0, 0);
        report.push(Diagnostic::new(Code::LimitExceeded, start, message, "in this file"));
        return None;
    }
    hazards::invisible_characters(source, text, report);
    let mut builder = Builder::new(source, text, report);
    for event in Parser::new_from_str_with_options(text, options()) {
        match event {
            Ok((event, place)) => builder.event(event, &place).ok()?,
            Err(error) => {
                builder.report.push(syntax_error(source, text, &error));
                return None;
            }
        }
    }
    let root = builder.root.take().unwrap_or(Node { kind: NodeKind::Null, span: Span::new(source, 0, 0) });
    builder.comments.sort_unstable();
    Some(Document { root, comments: builder.comments, alias: builder.alias })
}

/// A collection whose end has not come yet.
struct Open<'s> {
    children: Children<'s>,
    start: Span,
    anchor: usize,
}

enum Children<'s> {
    Sequence {
        /// Where its items start in [`Builder::items`].
        first: usize,
    },
    Mapping {
        /// Where its entries start in [`Builder::entries`].
        first: usize,
        key: Option<Node<'s>>,
        /// Keys by name; made only for large mappings.
        index: Option<Box<Index<'s>>>,
        /// Its first key came again, because the dash of the next item is missing.
        without_dash: bool,
    },
}

type Index<'s> = HashMap<Cow<'s, str>, usize>;

/// Mappings up to this size are searched linearly for duplicate keys.
const SMALL_MAPPING: usize = 32;

/// A node that aliases can stand for, with its size.
struct Anchored<'s> {
    node: Node<'s>,
    nodes: usize,
    depth: usize,
}

struct Builder<'s, 'r, 'd> {
    source: SourceId,
    text: &'s str,
    report: &'r mut Report<'d>,
    open: Vec<Open<'s>>,
    /// Items of the open sequences, the inner ones last: each list is made once its length is known.
    items: Vec<Node<'s>>,
    /// Entries of the open mappings, in the same way.
    entries: Vec<(Node<'s>, Node<'s>)>,
    anchors: HashMap<usize, Anchored<'s>>,
    nodes: usize,
    documents: usize,
    /// End of the last scalar or bracket: a block collection ends there.
    content_end: u32,
    root: Option<Node<'s>>,
    comments: Vec<Span>,
    alias: Option<Span>,
}

/// A limit is passed, reading on makes no sense; it was reported.
struct Stop;

impl<'s, 'r, 'd> Builder<'s, 'r, 'd> {
    fn new(source: SourceId, text: &'s str, report: &'r mut Report<'d>) -> Builder<'s, 'r, 'd> {
        Builder {
            source,
            text,
            report,
            open: Vec::with_capacity(8),
            items: Vec::with_capacity(16),
            entries: Vec::with_capacity(32),
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            content_end: 0,
            root: None,
            comments: Vec::new(),
            alias: None,
        }
    }

    /// Takes one event.
    // granit's events are a foreign enum that may grow.
    #[allow(clippy::wildcard_enum_match_arm)]
    fn event(&mut self, event: Event<'s>, place: &granit_parser::Span) -> Result<(), Stop> {
        let span = self.span(place);
        match event {
            Event::Scalar(value, style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), place);
                self.content_end = span.end;
                let null = style == ScalarStyle::Plain && matches!(&*value, "" | "~" | "null" | "Null" | "NULL");
                let kind = if null { NodeKind::Null } else { NodeKind::Scalar(value, style) };
                self.add(Node { kind, span }, anchor, 1, 1)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), place);
                self.open.push(Open { children: Children::Sequence { first: self.items.len() }, start: span, anchor });
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), place);
                let first = self.entries.len();
                let children = Children::Mapping { first, key: None, index: None, without_dash: false };
                self.open.push(Open { children, start: span, anchor });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::UnresolvedAlias(name) => self.stop(hazards::unknown_alias(&name, span)),
            Event::Comment(..) => {
                self.comments.push(span);
                Ok(())
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return self.stop(hazards::second_document(span));
                }
                Ok(())
            }
            // Stream and document marks; anchors are read off their nodes.
            _ => Ok(()),
        }
    }

    fn span(&self, place: &granit_parser::Span) -> Span {
        let range = place.byte_range().unwrap_or(0..0);
        Span::new(self.source, range.start, range.end)
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, place: &granit_parser::Span) {
        if let Some(tag) = tag {
            let span = self.span(&place.tag_span().unwrap_or(*place));
            self.report.push(hazards::tag(&tag.original(), span));
        }
    }

    fn stop(&mut self, diagnostic: Diagnostic) -> Result<(), Stop> {
        self.report.push(diagnostic);
        Err(Stop)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        self.content_end = span.end;
        self.alias.get_or_insert(span);
        let Some(Anchored { node, nodes, depth }) = self.anchors.get(&anchor) else {
            let message = "an alias refers to the node that contains it".to_owned();
            return self.stop(Diagnostic::new(Code::InvalidYaml, span, message, "recursive alias"));
        };
        let (nodes, depth) = (*nodes, *depth);
        if !self.fits(nodes, depth) {
            return self.stop(too_large(span));
        }
        let node = node.clone();
        self.add(node, 0, nodes, depth)
    }

    fn close(&mut self, span: Span) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        // The end of a block collection is a point, often lines below its content.
        if span.end > span.start {
            self.content_end = span.end;
        }
        let kind = match open.children {
            Children::Sequence { first } => NodeKind::Sequence(self.items.drain(first..).collect()),
            Children::Mapping { first, .. } => NodeKind::Mapping(self.entries.drain(first..).collect()),
        };
        let span = Span { end: self.content_end.max(open.start.end), ..open.start };
        self.add(Node { kind, span }, open.anchor, 1, 1)
    }

    fn fits(&self, nodes: usize, depth: usize) -> bool {
        self.nodes + nodes <= MAX_NODES && self.open.len() + depth <= MAX_DEPTH + 1
    }

    /// Puts a complete node in its place.
    fn add(&mut self, node: Node<'s>, anchor: usize, nodes: usize, depth: usize) -> Result<(), Stop> {
        if !self.fits(nodes, depth) {
            return self.stop(too_large(node.span));
        }
        self.nodes += nodes;
        if anchor > 0 {
            let (nodes, depth) = measure(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, depth });
        }
        match self.open.last_mut().map(|open| &mut open.children) {
            None => self.root = Some(node),
            Some(Children::Sequence { .. }) => self.items.push(node),
            Some(Children::Mapping { key: key @ None, .. }) => *key = Some(node),
            Some(Children::Mapping { key, .. }) => {
                if let Some(key) = key.take() {
                    self.entry(key, node);
                }
            }
        }
        Ok(())
    }

    /// Puts an entry into the innermost mapping.
    fn entry(&mut self, key: Node<'s>, value: Node<'s>) {
        let [outer @ .., Open { children: Children::Mapping { first, index, without_dash, .. }, .. }] =
            &mut self.open[..]
        else {
            return;
        };
        if *without_dash {
            return;
        }
        let NodeKind::Scalar(name, style) = &key.kind else {
            self.entries.push((key, value));
            return;
        };
        let entries = &self.entries[*first..];
        if let Some((first_key, _)) = entries.first()
            && matches!(outer, [.., Open { children: Children::Sequence { .. }, .. }])
            && let Some(diagnostic) = missing_dash(self.text, first_key, &key)
        {
            *without_dash = true;
            self.report.push(diagnostic);
            return;
        }
        if name == "<<" && *style == ScalarStyle::Plain {
            self.report.push(hazards::merge_key(key.span));
            return;
        }
        let duplicate = if entries.len() < SMALL_MAPPING {
            entries.iter().position(|(key, _)| matches!(&key.kind, NodeKind::Scalar(other, _) if other == name))
        } else {
            let index = index.get_or_insert_with(|| Box::new(by_name(entries)));
            let found = index.get(name).copied();
            if found.is_none() {
                index.insert(name.clone(), entries.len());
            }
            found
        };
        if let Some((first, _)) = duplicate.and_then(|position| entries.get(position)) {
            let message = format!("duplicate key `{}`", super::terms::shorten(name));
            self.report.push(
                Diagnostic::new(Code::DuplicateKey, key.span, message, "set again here")
                    .secondary(first.span, "first set here")
                    .help("remove one of the two"),
            );
            return;
        }
        self.entries.push((key, value));
    }
}

/// The positions of the entries by their names.
fn by_name<'s>(entries: &[(Node<'s>, Node<'s>)]) -> Index<'s> {
    let mut index = Index::new();
    for (position, (key, _)) in entries.iter().enumerate() {
        if let NodeKind::Scalar(name, _) = &key.kind {
            index.insert(name.clone(), position);
        }
    }
    index
}

/// Where the first key of an item of a list comes again on a line of its own: the next item lacks its dash.
fn missing_dash(text: &str, first: &Node<'_>, key: &Node<'_>) -> Option<Diagnostic> {
    let (NodeKind::Scalar(first_name, _), NodeKind::Scalar(name, _)) = (&first.kind, &key.kind) else { return None };
    if first_name != name {
        return None;
    }
    let start = key.span.start as usize;
    let line = text[..start].rsplit('\n').next().unwrap_or("");
    if line.len() < 2 || !line.bytes().all(|byte| byte == b' ') {
        return None;
    }
    let message = format!("duplicate key `{}`", super::terms::shorten(name));
    let dash = Span::new(key.span.source, start - 2, start);
    Some(
        Diagnostic::new(Code::DuplicateKey, key.span, message, "set again here")
            .secondary(first.span, "first set here")
            .fix("each item of a list starts with `- `: write it before this one", dash, "- "),
    )
}

/// Nodes and levels of a node. The depth is bounded, so recursion is.
fn measure(node: &Node<'_>) -> (usize, usize) {
    let (nodes, depth) = match &node.kind {
        NodeKind::Null | NodeKind::Scalar(..) => (0, 0),
        NodeKind::Sequence(items) => sum(items.iter().map(measure)),
        NodeKind::Mapping(entries) => sum(entries.iter().flat_map(|(key, value)| [measure(key), measure(value)])),
    };
    (nodes + 1, depth + 1)
}

fn sum(sizes: impl Iterator<Item = (usize, usize)>) -> (usize, usize) {
    sizes.fold((0, 0), |(nodes, depth), (more, deep)| (nodes + more, depth.max(deep)))
}

fn too_large(span: Span) -> Diagnostic {
    let message = format!("more than {MAX_NODES} YAML nodes or {MAX_DEPTH} levels in one file");
    Diagnostic::new(Code::LimitExceeded, span, message, "the limit is reached here")
        .note("aliases count as what they stand for")
        .help("move long value lists to a list file")
}

/// The parser's own error, with what probably caused it.
fn syntax_error(source: SourceId, text: &str, error: &ScanError) -> Diagnostic {
    let mut at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let end = text[at..].chars().next().filter(|c| !matches!(c, '\n' | '\r')).map_or(at, |c| at + c.len_utf8());
    let span = Span::new(source, at, end);
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        let message = format!("the file is nested more than {MAX_DEPTH} levels deep");
        return Diagnostic::new(Code::LimitExceeded, span, message, "this level is too deep");
    }
    if *error.kind() == ErrorKind::DirectiveDisallowed {
        return Diagnostic::new(Code::YamlHazard, span, "YAML directives are not allowed", "a directive")
            .help("remove the line; YAML 1.2 is what edgesig reads");
    }
    if let Some(tabs) = hazards::tab_in_indentation(text, at, error.info().contains("tab")) {
        let span = Span::new(source, tabs.start, tabs.end);
        return Diagnostic::new(Code::InvalidYaml, span, "invalid YAML: a tab in the indentation", "a tab")
            .help("indent with spaces only, as the lines around it are");
    }
    let what = if let ErrorKind::UnexpectedCharacter { character } = error.kind() {
        format!("a value cannot start with `{character}`")
    } else {
        error.info().trim_end_matches('.').to_lowercase()
    };
    traps::explain(source, text, at, end, &what)
}
