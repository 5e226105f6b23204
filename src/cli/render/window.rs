//! What codespan-reporting is shown of the sources: whole files where the marked lines are short, and else one-line
//! windows around each mark that keep the true line and column numbers.

use super::safe;
use crate::source::{SourceId, SourceMap, Span};
use codespan_reporting::files::{Error, Files};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// Longer lines are shown in windows.
const LINE_LIMIT: usize = 200;
/// Bytes shown before a mark, of a long mark, and after it.
const BEFORE: usize = 80;
const MARKED: usize = 80;
const AFTER: usize = 40;
/// More lines than this of one mark are shown by the first only.
const MARKED_LINES: usize = 50;

/// Part of a source, as shown.
struct Piece<'s> {
    name: Cow<'s, str>,
    text: Cow<'s, str>,
    /// The source, for its line table; `None`: a window.
    whole: Option<SourceId>,
    /// Of a window: its line, and what to add to a character index in it to get the column.
    line: usize,
    column: isize,
}

/// The pieces that the diagnostics so far needed.
pub struct Pieces<'s> {
    sources: &'s SourceMap,
    pieces: Vec<Piece<'s>>,
    /// Whole files by source.
    whole: HashMap<SourceId, usize>,
}

impl<'s> Pieces<'s> {
    pub fn new(sources: &'s SourceMap) -> Pieces<'s> {
        Pieces { sources, pieces: Vec::new(), whole: HashMap::new() }
    }

    pub fn sources(&self) -> &'s SourceMap {
        self.sources
    }

    /// Whether every line that the spans touch can be shown whole.
    pub fn all_lines_are_short(&self, mut spans: impl Iterator<Item = Span>) -> bool {
        spans.all(|span| {
            let length = self.sources.text(span.source).len();
            let (start, end) = (self.line_of(span.source, span.start), self.line_of(span.source, span.end));
            let lines = self.sources.lines(span.source);
            end.saturating_sub(start) <= MARKED_LINES
                && (start..=end).all(|line| {
                    let line_end = lines.get(line + 1).map_or(length, |next| *next as usize);
                    line_end - lines[line] as usize <= LINE_LIMIT
                })
        })
    }

    /// The piece that shows a span, and the span's place in it.
    pub fn place(&mut self, span: Span, whole: bool) -> (usize, Range<usize>) {
        let text = self.sources.text(span.source);
        let start = boundary_before(text, span.start as usize);
        let end = boundary_before(text, span.end as usize).max(start);
        if whole { (self.whole_file(span.source), start..end) } else { self.window(span.source, start, end) }
    }

    fn whole_file(&mut self, source: SourceId) -> usize {
        let (sources, pieces) = (self.sources, &mut self.pieces);
        *self.whole.entry(source).or_insert_with(|| {
            pieces.push(Piece {
                name: shown_name(sources.name(source)),
                text: safe::source(sources.text(source)),
                whole: Some(source),
                line: 0,
                column: 0,
            });
            pieces.len() - 1
        })
    }

    fn window(&mut self, source: SourceId, start: usize, end: usize) -> (usize, Range<usize>) {
        let text = self.sources.text(source);
        let line = self.line_of(source, start as u32);
        let lines = self.sources.lines(source);
        let line_start = lines[line] as usize;
        let line_end = lines.get(line + 1).map_or(text.len(), |next| *next as usize);
        let line_end = line_start + text[line_start..line_end].trim_end_matches(['\n', '\r']).len();
        let end = end.min(line_end).max(start);
        // A place among the carriage returns that end a line is shown at the end of its text.
        let from = boundary_before(text, start.min(line_end).saturating_sub(BEFORE).max(line_start));
        let to = boundary_before(text, (end.min(start + MARKED) + AFTER).min(line_end)).max(start.min(line_end));
        let before = if from > line_start { "…" } else { "" };
        let after = if to < line_end { "…" } else { "" };
        let shown = format!("{before}{}{after}", safe::source(&text[from..to]));
        let mark = start - from + before.len()..end.min(to).max(start) - from + before.len();
        let mark = mark.start.min(shown.len())..mark.end.min(shown.len());
        let (_, column) = self.sources.line_column(source, start as u32);
        let index = shown[..mark.start].chars().count();
        self.pieces.push(Piece {
            name: shown_name(self.sources.name(source)),
            text: Cow::Owned(shown),
            whole: None,
            line: line + 1,
            column: column as isize - index as isize,
        });
        (self.pieces.len() - 1, mark)
    }

    /// Index of the line that holds a byte.
    fn line_of(&self, source: SourceId, offset: u32) -> usize {
        let offset = offset.min(self.sources.text(source).len() as u32);
        self.sources.lines(source).partition_point(|start| *start <= offset) - 1
    }
}

/// A file's name is a stranger's text too.
fn shown_name(name: &str) -> Cow<'_, str> {
    let shown = safe::line(name, 4096);
    if shown == name { Cow::Borrowed(name) } else { Cow::Owned(shown) }
}

/// The last character boundary that is not after `offset`.
fn boundary_before(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

impl<'a, 's: 'a> Files<'a> for Pieces<'s> {
    type FileId = usize;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, id: usize) -> Result<&'a str, Error> {
        Ok(&self.pieces.get(id).ok_or(Error::FileMissing)?.name)
    }

    fn source(&'a self, id: usize) -> Result<&'a str, Error> {
        Ok(&self.pieces.get(id).ok_or(Error::FileMissing)?.text)
    }

    fn line_index(&'a self, id: usize, byte_index: usize) -> Result<usize, Error> {
        let piece = self.pieces.get(id).ok_or(Error::FileMissing)?;
        Ok(piece.whole.map_or(0, |source| self.line_of(source, byte_index as u32)))
    }

    fn line_number(&'a self, id: usize, line_index: usize) -> Result<usize, Error> {
        let piece = self.pieces.get(id).ok_or(Error::FileMissing)?;
        Ok(if piece.whole.is_some() { line_index + 1 } else { piece.line })
    }

    fn column_number(&'a self, id: usize, line_index: usize, byte_index: usize) -> Result<usize, Error> {
        let piece = self.pieces.get(id).ok_or(Error::FileMissing)?;
        let line = self.line_range(id, line_index)?;
        let end = boundary_before(&piece.text, byte_index).clamp(line.start, line.end);
        let index = piece.text[line.start..end].chars().count();
        Ok(if piece.whole.is_some() { index + 1 } else { (index as isize + piece.column).max(1) as usize })
    }

    fn line_range(&'a self, id: usize, line_index: usize) -> Result<Range<usize>, Error> {
        let piece = self.pieces.get(id).ok_or(Error::FileMissing)?;
        let Some(source) = piece.whole else { return Ok(0..piece.text.len()) };
        let lines = self.sources.lines(source);
        let start = *lines.get(line_index).ok_or(Error::LineTooLarge { given: line_index, max: lines.len() - 1 })?;
        let end = lines.get(line_index + 1).map_or(piece.text.len(), |next| *next as usize);
        Ok(start as usize..end)
    }
}
