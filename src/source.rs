//! The files of one run and places in them. Everything that can be wrong points into a [`SourceMap`] with a
//! [`Span`]; the front end makes the spans, the renderer reads them.

use std::ops::Range;
use std::sync::OnceLock;

/// Files that a core takes at once: few, so that none has much left to do when the others are done.
pub const FILES_AT_ONCE: usize = 32;

/// Index of a file in a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A byte range `start..end` in one file; `start == end` is a point. Always on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The span of the bytes `start..end` of `source`.
    pub fn new(source: SourceId, start: usize, end: usize) -> Span {
        Span { source, start: start as u32, end: end as u32 }
    }

    /// The bytes as a range, for slicing the file's text.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The smallest span that holds both; they must be of one file.
    pub fn to(self, other: Span) -> Span {
        Span { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A value and the place it was written at. Equality looks at both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

/// Bytes between two entries of the table of characters.
const STRIDE: usize = 1024;

/// The bytes with which a character of UTF-8 starts.
fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| !matches!(byte, 0x80..=0xbf)).count()
}

/// A file: the name shown to people (relative, `/` as separator) and its text.
#[derive(Debug)]
pub struct SourceFile {
    pub name: String,
    pub text: String,
    /// Start of each line; built on first use, so that a clean file never pays for it.
    lines: OnceLock<Vec<u32>>,
    /// Characters before each [`STRIDE`]th byte; built where a column far inside of a line is asked for.
    characters: OnceLock<Vec<u32>>,
}

/// All files of one run, in the order in which they were added.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file. Files of 4 GiB and more don't fit a [`Span`]: whoever reads files refuses them before.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.files.push(SourceFile {
            name: name.into(),
            text: text.into(),
            lines: OnceLock::new(),
            characters: OnceLock::new(),
        });
        SourceId(self.files.len() as u32 - 1)
    }

    /// Makes room for files that will be added.
    pub fn reserve(&mut self, files: usize) {
        self.files.reserve(files);
    }

    pub fn ids(&self) -> impl Iterator<Item = SourceId> + use<> {
        (0..self.files.len() as u32).map(SourceId)
    }

    pub fn file(&self, id: SourceId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    pub fn text(&self, id: SourceId) -> &str {
        &self.file(id).text
    }

    pub fn name(&self, id: SourceId) -> &str {
        &self.file(id).name
    }

    /// The text of a span.
    pub fn slice(&self, span: Span) -> &str {
        &self.text(span.source)[span.range()]
    }

    /// Byte offsets of the line starts of a file.
    pub fn lines(&self, id: SourceId) -> &[u32] {
        let file = self.file(id);
        file.lines.get_or_init(|| {
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', file.text.as_bytes()).map(|i| i as u32 + 1)).collect()
        })
    }

    /// Line of a byte, from 1. Builds no table: for one place in each of many files.
    pub fn line(&self, id: SourceId, offset: u32) -> usize {
        memchr::memchr_iter(b'\n', &self.text(id).as_bytes()[..offset as usize]).count() + 1
    }

    /// Line and column of a byte, both from 1; the column counts Unicode scalar values.
    pub fn line_column(&self, id: SourceId, offset: u32) -> (usize, usize) {
        let lines = self.lines(id);
        let line = lines.partition_point(|start| *start <= offset) - 1;
        (line + 1, self.characters(id, lines[line] as usize, offset as usize) + 1)
    }

    /// Characters in `start..end` of a file. As fast for a long line as for a short one: thousands of places on one line
    /// would otherwise be counted from its start each.
    fn characters(&self, id: SourceId, start: usize, end: usize) -> usize {
        let file = self.file(id);
        let bytes = file.text.as_bytes();
        if end - start <= STRIDE {
            return starts(&bytes[start..end]);
        }
        let table = file.characters.get_or_init(|| {
            let mut before = 0;
            let next = |chunk: &[u8]| {
                let all_before = before;
                before += starts(chunk) as u32;
                all_before
            };
            bytes.chunks(STRIDE).map(next).collect()
        });
        let before = |offset: usize| {
            // Where the text ends with a chunk, the one behind it does not exist.
            let chunk = (offset / STRIDE).min(table.len() - 1);
            table[chunk] as usize + starts(&bytes[chunk * STRIDE..offset])
        };
        before(end) - before(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_on_lines_of_any_length() {
        for line in ["a".repeat(STRIDE * 4), "aé€𝄞".repeat(STRIDE), "é".repeat(STRIDE / 2)] {
            let text = format!("x\n{line}\n{line}");
            let mut sources = SourceMap::default();
            let id = sources.add("a", text.clone());
            for (number, start) in [(2, 2), (3, 2 + line.len() + 1)] {
                assert_eq!(sources.line(id, start as u32), number);
                assert_eq!(sources.line(id, start as u32 - 1), number - 1);
                for (index, (at, _)) in line.char_indices().chain([(line.len(), ' ')]).enumerate() {
                    assert_eq!(sources.line_column(id, (start + at) as u32).1, index + 1, "{at}");
                }
            }
        }
    }
}
