//! A text → where its lines start, which are empty, and the column of a byte, in a time that does not grow with the line:
//! a file may have everything on one. Asked by `layout`.

/// Bytes between two places whose characters are counted.
const BLOCK: usize = 256;

pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    /// Of each line: nothing but blanks is in it.
    blank: Vec<bool>,
    /// Characters before each block.
    characters: Vec<usize>,
    total: usize,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Lines<'t> {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let blank = text.split('\n').map(|line| line.trim().is_empty()).collect();
        let mut total = 0;
        let mut characters = Vec::with_capacity(text.len() / BLOCK + 1);
        for block in text.as_bytes().chunks(BLOCK) {
            characters.push(total);
            total += count(block);
        }
        Lines { text, starts, blank, characters, total }
    }

    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// Where the line of a byte starts.
    pub(super) fn start(&self, at: usize) -> usize {
        self.starts[self.line(at)]
    }

    /// Where a byte is on its line, in characters.
    pub(super) fn column(&self, at: usize) -> usize {
        self.characters(at) - self.characters(self.start(at))
    }

    /// The line before that of a byte is empty.
    pub(super) fn is_after_blank(&self, at: usize) -> bool {
        self.line(at).checked_sub(1).is_some_and(|before| self.blank[before])
    }

    /// Characters before a byte.
    fn characters(&self, at: usize) -> usize {
        let block = at / BLOCK;
        match self.characters.get(block) {
            Some(before) => before + count(&self.text.as_bytes()[block * BLOCK..at]),
            // The end of a text of whole blocks.
            None => self.total,
        }
    }
}

/// Characters that start in these bytes.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_if_counted() {
        let text = format!("a\n \t\r\n{}é: [\u{1f600}]\n\n{}", "é".repeat(300), "x".repeat(700));
        let lines = Lines::new(&text);
        for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let start = text[..at].rfind('\n').map_or(0, |index| index + 1);
            assert_eq!((lines.start(at), lines.column(at)), (start, text[start..at].chars().count()), "{at}");
            let before = text[..start].strip_suffix('\n').map(|before| before.rsplit('\n').next().unwrap());
            assert_eq!(lines.is_after_blank(at), before.is_some_and(|line| line.trim().is_empty()), "{at}");
        }
        assert_eq!(Lines::new(&"x".repeat(BLOCK)).column(BLOCK), BLOCK);
        assert_eq!(Lines::new("").column(0), 0);
    }
}
