//! An offset in a *decoded* YAML scalar → the byte in the file. Made by `nodes` for every condition, read by
//! `condition` to place its errors and its syntax tree.
//!
//! The raw slice of the scalar is scanned again by a small decoder for its style. The decoder builds no text: it
//! checks what it would have produced against the value that the YAML parser gave and records
//! `decoded offset → source offset` segments. Where the two differ the map is refused, and the caller falls back to
//! the span of the whole scalar: a place can be coarse, but never wrong.

use granit_parser::ScalarStyle;
use std::ops::Range;

use super::ast::Positions;
use crate::source::{SourceId, Span};

/// A run of decoded bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// First decoded byte.
    decoded: u32,
    /// First source byte.
    source: u32,
    origin: Origin,
}

/// How the decoded bytes of a segment stand in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Byte for byte.
    Verbatim,
    /// All of them come from this many source bytes as a whole: an escape, a folded line break, or nothing (the
    /// line feed that YAML adds at the end of a file).
    Atom(u32),
}

/// Where each byte of a decoded scalar stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ScalarMap {
    /// The decoded text is a verbatim slice of the source: the usual case, no allocation.
    Linear {
        base: u32,
        length: u32,
    },
    Segments {
        segments: Box<[Segment]>,
        length: u32,
        source_end: u32,
    },
}

/// The scan and the parser's value differ; see the module's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mismatch;

impl ScalarMap {
    /// `span` is the parser's byte range of the scalar: quotes included; of a block scalar the content without its
    /// header. The content indentation of a block scalar is the column of its first content byte.
    pub(super) fn build(
        source: &str,
        span: Range<usize>,
        style: ScalarStyle,
        value: &str,
    ) -> Result<ScalarMap, Mismatch> {
        let bytes = source.as_bytes();
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let quotes = usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
        let (start, end) = (span.start + quotes, span.end.saturating_sub(quotes));
        if !block && bytes.get(start..end) == Some(value.as_bytes()) {
            return Ok(ScalarMap::Linear { base: start as u32, length: value.len() as u32 });
        }
        let mut scan = Scan {
            source: bytes,
            value: value.as_bytes(),
            decoded: 0,
            segments: Vec::with_capacity(8),
            verbatim_end: usize::MAX,
        };
        let source_end = if block {
            scan.block(start, end, style == ScalarStyle::Folded)?
        } else {
            scan.flow(start, end, style)?;
            end
        };
        scan.finish(source_end)
    }

    /// The source range of a decoded range; an empty range gives a point.
    pub(super) fn span(&self, range: Range<usize>) -> Range<usize> {
        let start = self.locate(range.start).0;
        if range.start >= range.end {
            return start..start;
        }
        start..self.locate(range.end - 1).1.max(start)
    }

    /// The places of the bytes of a decoded range, to be kept in the syntax tree.
    pub(super) fn positions(&self, source: SourceId, range: Range<usize>) -> Positions {
        let whole = self.span(range.clone());
        let verbatim = match self {
            ScalarMap::Linear { .. } => true,
            ScalarMap::Segments { segments, .. } => {
                let first = segments.partition_point(|segment| segment.decoded as usize <= range.start);
                let last = segments.partition_point(|segment| (segment.decoded as usize) < range.end);
                first >= last && first > 0 && segments[first - 1].origin == Origin::Verbatim
            }
        };
        if verbatim || range.is_empty() {
            return Positions::Linear { source, base: whole.start as u32, length: range.len() as u32 };
        }
        let places = range.clone().map(|offset| self.locate(offset)).chain([(whole.end, whole.end)]);
        Positions::Table { source, places: places.map(|(start, end)| (start as u32, end as u32)).collect() }
    }

    /// Source range of what produced the decoded byte at `offset`: the byte itself, or a whole escape.
    fn locate(&self, offset: usize) -> (usize, usize) {
        match self {
            ScalarMap::Linear { base, length } => {
                let place = *base as usize + offset.min(*length as usize);
                (place, place + usize::from(offset < *length as usize))
            }
            ScalarMap::Segments { segments, length, source_end } => {
                let index = segments.partition_point(|segment| segment.decoded as usize <= offset);
                if offset >= *length as usize || index == 0 {
                    return (*source_end as usize, *source_end as usize);
                }
                let segment = segments[index - 1];
                let start = segment.source as usize;
                match segment.origin {
                    Origin::Verbatim => {
                        let place = start + (offset - segment.decoded as usize);
                        (place, place + 1)
                    }
                    Origin::Atom(length) => (start, start + length as usize),
                }
            }
        }
    }
}

/// Where a text stands, for the parsers of the small languages: a map, or the whole scalar where there is none.
pub(super) struct Place {
    source: SourceId,
    whole: Span,
    map: Option<ScalarMap>,
}

impl Place {
    /// The place of a scalar with this span, style and decoded value.
    pub(super) fn of_scalar(text: &str, span: Span, style: ScalarStyle, value: &str) -> Place {
        Place { source: span.source, whole: span, map: ScalarMap::build(text, span.range(), style, value).ok() }
    }

    /// The place of a text that stands for itself: its spans are its own offsets.
    pub(super) fn of_text(source: SourceId, text: &str) -> Place {
        let map = ScalarMap::Linear { base: 0, length: text.len() as u32 };
        Place { source, whole: Span::new(source, 0, text.len()), map: Some(map) }
    }

    /// The span in the file of a range of the decoded text.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        match &self.map {
            Some(map) => {
                let range = map.span(range);
                Span::new(self.source, range.start, range.end)
            }
            None => self.whole,
        }
    }

    /// The places of the bytes of a range.
    pub(super) fn positions(&self, range: Range<usize>) -> Positions {
        match &self.map {
            Some(map) => map.positions(self.source, range),
            None => Positions::Table { source: self.source, places: Box::new([(self.whole.start, self.whole.end)]) },
        }
    }
}

struct Scan<'a> {
    source: &'a [u8],
    value: &'a [u8],
    /// Decoded bytes accounted for so far.
    decoded: usize,
    segments: Vec<Segment>,
    /// End of the last verbatim run in the source, so that the next one can join it.
    verbatim_end: usize,
}

impl Scan<'_> {
    /// The source bytes `start..end` stand for themselves.
    fn verbatim(&mut self, start: usize, end: usize) -> Result<(), Mismatch> {
        if start >= end {
            return Ok(());
        }
        let length = end - start;
        if self.value.get(self.decoded..self.decoded + length) != Some(&self.source[start..end]) {
            return Err(Mismatch);
        }
        let joins = self.verbatim_end == start && self.segments.last().is_some_and(|s| s.origin == Origin::Verbatim);
        if !joins {
            self.push(start, Origin::Verbatim);
        }
        self.verbatim_end = end;
        self.decoded += length;
        Ok(())
    }

    /// The source bytes `start..end` stand for `text` as a whole.
    fn atom(&mut self, start: usize, end: usize, text: &[u8]) -> Result<(), Mismatch> {
        if self.source.get(start..end) == Some(text) {
            return self.verbatim(start, end);
        }
        if self.value.get(self.decoded..self.decoded + text.len()) != Some(text) {
            return Err(Mismatch);
        }
        self.push(start, Origin::Atom((end - start) as u32));
        self.verbatim_end = usize::MAX;
        self.decoded += text.len();
        Ok(())
    }

    fn push(&mut self, start: usize, origin: Origin) {
        self.segments.push(Segment { decoded: self.decoded as u32, source: start as u32, origin });
    }

    fn is_done(&self) -> bool {
        self.decoded == self.value.len()
    }

    fn finish(self, source_end: usize) -> Result<ScalarMap, Mismatch> {
        if !self.is_done() {
            return Err(Mismatch);
        }
        let length = self.decoded as u32;
        Ok(match self.segments[..] {
            [] => ScalarMap::Linear { base: source_end as u32, length: 0 },
            [Segment { decoded: 0, source, origin: Origin::Verbatim }] => ScalarMap::Linear { base: source, length },
            _ => ScalarMap::Segments {
                segments: self.segments.into_boxed_slice(),
                length,
                source_end: source_end as u32,
            },
        })
    }

    /// Plain and quoted scalars; `start..end` is the text between the quotes.
    fn flow(&mut self, start: usize, end: usize, style: ScalarStyle) -> Result<(), Mismatch> {
        let source = self.source;
        let mut at = start;
        // Start of the verbatim run that is not recorded yet.
        let mut run = start;
        while at < end {
            if style == ScalarStyle::SingleQuoted && source[at] == b'\'' {
                self.verbatim(run, at)?;
                self.atom(at, at + 2, b"'")?;
                at += 2;
                run = at;
            } else if style == ScalarStyle::DoubleQuoted && source[at] == b'\\' {
                self.verbatim(run, at)?;
                let line_break = break_length(source, at + 1);
                if line_break > 0 {
                    // An escaped line break is nothing; each empty line after it is a line feed.
                    at = self.empty_lines(at + 1 + line_break, end)?;
                } else {
                    let (character, length) = double_quoted_escape(source, at, end).ok_or(Mismatch)?;
                    let mut buffer = [0; 4];
                    let text = character.encode_utf8(&mut buffer).as_bytes();
                    self.atom(at, at + length, text)?;
                    at += length;
                }
                run = at;
            } else if break_length(source, at) > 0 {
                let line_break = break_length(source, at);
                // White space at the end of a line is dropped, but never what was escaped (that is before `run`).
                let mut text_end = at;
                while text_end > run && is_white(source.get(text_end - 1)) {
                    text_end -= 1;
                }
                self.verbatim(run, text_end)?;
                // One break is a blank; of several, each after the first is a line feed.
                let checkpoint = self.decoded;
                let next = self.empty_lines(at + line_break, end)?;
                if self.decoded == checkpoint {
                    self.atom(at, at + line_break, b" ")?;
                }
                at = next;
                run = at;
            } else {
                at += 1;
            }
        }
        self.verbatim(run, end)
    }

    /// Records a line feed for each empty line from `at`; gives the start of the text after them.
    fn empty_lines(&mut self, mut at: usize, end: usize) -> Result<usize, Mismatch> {
        loop {
            let mut text = at;
            while text < end && is_white(self.source.get(text)) {
                text += 1;
            }
            let line_break = if text < end { break_length(self.source, text) } else { 0 };
            if line_break == 0 {
                return Ok(text);
            }
            self.atom(text, text + line_break, b"\n")?;
            at = text + line_break;
        }
    }

    /// Literal and folded block scalars; `start` is the first content byte, after its indentation. Gives the source
    /// offset just after the last content byte.
    fn block(&mut self, start: usize, end: usize, folded: bool) -> Result<usize, Mismatch> {
        let source = self.source;
        let line = line_start(source, start);
        let indent = if source[line..start].iter().all(|byte| *byte == b' ') { start - line } else { 0 };
        if let Some(end) = self.leading_empty_lines(start, end)? {
            return Ok(end);
        }
        let mut at = start;
        // Line breaks of a folded scalar that wait for what comes after them.
        let mut pending: Vec<(usize, usize)> = Vec::new();
        let mut previous_spaced = false;
        let mut has_text = false;
        let mut content_end = start;
        while at < end && (!self.is_done() || !pending.is_empty()) {
            if at != start {
                let line_indent = source[at..end].iter().take(indent).take_while(|byte| **byte == b' ').count();
                at += line_indent;
            }
            let text = at;
            while at < end && break_length(source, at) == 0 {
                at += 1;
            }
            let text_end = at;
            let line_break = if at < end { break_length(source, at) } else { 0 };
            at += line_break;
            if self.is_done() && text == text_end {
                continue;
            }
            if !folded {
                if self.is_done() {
                    break;
                }
                self.verbatim(text, text_end)?;
                content_end = text_end;
                if self.is_done() {
                    break;
                }
                self.atom(text_end, text_end + line_break, b"\n")?;
                content_end = text_end + line_break;
                continue;
            }
            if text == text_end {
                if line_break == 0 {
                    break;
                }
                pending.push((text_end, text_end + line_break));
                continue;
            }
            let spaced = is_white(source.get(text));
            if has_text && !spaced && !previous_spaced {
                // Between two ordinary lines: one break is a blank, of several the first is dropped.
                if let [(from, to)] = pending[..] {
                    self.atom(from, to, b" ")?;
                } else {
                    for (from, to) in pending.iter().skip(1) {
                        self.atom(*from, *to, b"\n")?;
                    }
                }
            } else {
                for (from, to) in &pending {
                    self.atom(*from, *to, b"\n")?;
                }
            }
            pending.clear();
            // Only what YAML drops can be left after the value, such as a less indented comment.
            if self.is_done() {
                break;
            }
            self.verbatim(text, text_end)?;
            content_end = text_end;
            has_text = true;
            previous_spaced = spaced;
            pending.push((text_end, text_end + line_break));
        }
        for (from, to) in pending {
            if self.is_done() {
                break;
            }
            self.atom(from, to, b"\n")?;
            content_end = to;
        }
        Ok(content_end)
    }

    /// Empty lines before a block scalar's text are not in the parser's span, but each gives a line feed. Gives an
    /// end where nothing else is in the scalar.
    fn leading_empty_lines(&mut self, start: usize, end: usize) -> Result<Option<usize>, Mismatch> {
        let source = self.source;
        let count = self.value.iter().take_while(|byte| **byte == b'\n').count();
        if count > 0 && count == self.value.len() && matches!(source.get(start), Some(b'|' | b'>')) {
            // Nothing but empty lines up to the end of the input: the span is the header.
            let mut at = start;
            while at < source.len() && break_length(source, at) == 0 {
                at += 1;
            }
            at += break_length(source, at);
            for _ in 0..count {
                while is_white(source.get(at)) {
                    at += 1;
                }
                let line_break = break_length(source, at);
                self.atom(at, at + line_break, b"\n")?;
                at += line_break;
            }
            return Ok(Some(at));
        }
        if count > 0 && !(start < end && break_length(source, start) > 0) {
            let mut at = line_start(source, start);
            let mut breaks = Vec::new();
            while breaks.len() < count && at > 0 {
                let length = if source[..at].ends_with(b"\r\n") { 2 } else { 1 };
                breaks.push((at - length, at));
                at = line_start(source, at - length);
            }
            for (from, to) in breaks.into_iter().rev() {
                self.atom(from, to, b"\n")?;
            }
            if start == end {
                return Ok(Some(start));
            }
        }
        Ok(None)
    }
}

/// Length of the line break at `at`, 0 where there is none.
fn break_length(source: &[u8], at: usize) -> usize {
    match source.get(at) {
        Some(b'\n') => 1,
        Some(b'\r') if source.get(at + 1) == Some(&b'\n') => 2,
        Some(b'\r') => 1,
        _ => 0,
    }
}

fn is_white(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b' ' | b'\t'))
}

fn line_start(source: &[u8], at: usize) -> usize {
    source[..at].iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |index| index + 1)
}

/// The character of the escape at `at` and the escape's length (YAML 1.2.2, section 5.7).
fn double_quoted_escape(source: &[u8], at: usize, end: usize) -> Option<(char, usize)> {
    let hex = |from: usize, length: usize| -> Option<u32> {
        let digits = source.get(from..from + length).filter(|_| from + length <= end)?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let simple = |character: char| Some((character, 2));
    match *source.get(at + 1)? {
        b'0' => simple('\0'),
        b'a' => simple('\x07'),
        b'b' => simple('\x08'),
        b't' | b'\t' => simple('\t'),
        b'n' => simple('\n'),
        b'v' => simple('\x0b'),
        b'f' => simple('\x0c'),
        b'r' => simple('\r'),
        b'e' => simple('\x1b'),
        b' ' => simple(' '),
        b'"' => simple('"'),
        b'/' => simple('/'),
        b'\\' => simple('\\'),
        b'N' => simple('\u{85}'),
        b'_' => simple('\u{a0}'),
        b'L' => simple('\u{2028}'),
        b'P' => simple('\u{2029}'),
        b'x' => Some((char::from_u32(hex(at + 2, 2)?)?, 4)),
        b'u' => {
            let high = hex(at + 2, 4)?;
            if (0xd800..0xdc00).contains(&high) && source.get(at + 6..at + 8) == Some(b"\\u") {
                let low = hex(at + 8, 4)?.checked_sub(0xdc00)?;
                Some((char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)?, 12))
            } else {
                Some((char::from_u32(high)?, 6))
            }
        }
        b'U' => Some((char::from_u32(hex(at + 2, 8)?)?, 10)),
        _ => None,
    }
}
