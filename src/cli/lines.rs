//! Standard input or a file → batches of whole lines, as they come: a batch holds what has arrived, so that a slow
//! sender gets its answers at once and a fast one keeps all cores busy. `eval` and `verify` read with it.

use super::failure::{Failure, reason};
use super::render::safe;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

/// Bytes of one read; of one batch unless a line is longer.
const CHUNK: usize = 1 << 18;
const BATCH: usize = 1 << 21;
/// Reads ahead of the reader of batches.
const WAITING: usize = 8;
/// A longer line is cut to nothing, so that it is an unreadable line in its place.
const LINE_LIMIT: usize = 32 << 20;

/// Whole lines.
pub struct Batch {
    text: Vec<u8>,
    /// The number of the first line.
    first: usize,
}

impl Batch {
    /// Every line that is not blank, without its end and without the mark that Windows puts at the start of a file, with
    /// its number in the input.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut rest = Some(&self.text[..]);
        let lines = std::iter::from_fn(move || {
            let text = rest?;
            let end = memchr::memchr(b'\n', text);
            rest = end.map(|end| &text[end + 1..]);
            let line = &text[..end.unwrap_or(text.len())];
            Some(line.strip_suffix(b"\r").unwrap_or(line))
        });
        let unmarked = |number: usize, line| match number {
            1 => <[u8]>::strip_prefix(line, b"\xef\xbb\xbf").unwrap_or(line),
            _ => line,
        };
        (self.first..).zip(lines).map(move |(number, line)| (number, unmarked(number, line))).filter(|(_, line)| {
            // A line too long stands as a NUL.
            !line.iter().all(|byte| byte.is_ascii_whitespace())
        })
    }
}

/// What is wrong with a line, for the terminal: it is the text of a stranger.
pub fn unreadable(number: usize, id: &serde_json::Value, message: &str) -> String {
    let id = if id.is_null() { String::new() } else { format!(" (id {})", safe::line(&id.to_string(), 80)) };
    format!("line {number}{id}: {}", safe::line(message, 300))
}

/// An iterator of batches.
pub struct Batches {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// The start of a line whose end has not come.
    rest: Vec<u8>,
    /// In a line that was cut.
    skipping: bool,
    done: bool,
    /// The number of the line that comes next.
    next: usize,
}

impl Batches {
    /// Reads a file, or standard input.
    pub fn open(path: Option<&Path>) -> Result<Batches, Failure> {
        Ok(match path {
            Some(path) if path != Path::new("-") => {
                let file = File::open(path).map_err(|error| Failure::file("read", path, &error))?;
                Batches::of(file)
            }
            Some(_) | None => Batches::of(io::stdin()),
        })
    }

    fn of(mut input: impl Read + Send + 'static) -> Batches {
        let (sender, chunks) = sync_channel(WAITING);
        // Ends with its input, or with the first chunk that nobody takes. Nobody waits for it: a read of standard
        // input may never return.
        std::thread::spawn(move || {
            loop {
                let mut chunk = vec![0; CHUNK];
                match input.read(&mut chunk) {
                    Ok(0) => return,
                    Ok(count) => chunk.truncate(count),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => {
                        let _ = sender.send(Err(error));
                        return;
                    }
                }
                if sender.send(Ok(chunk)).is_err() {
                    return;
                }
            }
        });
        Batches { chunks, rest: Vec::new(), skipping: false, done: false, next: 1 }
    }

    fn push(&mut self, chunk: &[u8]) {
        let mut chunk = chunk;
        if self.skipping {
            match memchr::memchr(b'\n', chunk) {
                Some(end) => {
                    self.skipping = false;
                    chunk = &chunk[end..];
                }
                None => return,
            }
        }
        self.rest.extend_from_slice(chunk);
        let start = memchr::memrchr(b'\n', &self.rest).map_or(0, |end| end + 1);
        if self.rest.len() - start > LINE_LIMIT {
            self.rest.truncate(start);
            self.rest.push(0);
            self.skipping = true;
        }
    }

    /// The whole lines that have come so far.
    fn take(&mut self) -> Option<Batch> {
        if self.done {
            return (!self.rest.is_empty()).then(|| Batch { text: std::mem::take(&mut self.rest), first: self.next });
        }
        let end = memchr::memrchr(b'\n', &self.rest)? + 1;
        let rest = self.rest.split_off(end);
        let text = std::mem::replace(&mut self.rest, rest);
        let first = self.next;
        self.next += memchr::memchr_iter(b'\n', &text).count();
        Some(Batch { text, first })
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.chunks.recv() {
                Ok(Ok(chunk)) => self.push(&chunk),
                Ok(Err(error)) => {
                    self.done = true;
                    self.rest.clear();
                    return Some(Err(Failure::usage(format!("cannot read the requests: {}", reason(&error)))));
                }
                Err(_) => self.done = true,
            }
            while self.rest.len() < BATCH {
                match self.chunks.try_recv() {
                    Ok(Ok(chunk)) => self.push(&chunk),
                    Ok(Err(error)) => {
                        self.done = true;
                        self.rest.clear();
                        return Some(Err(Failure::usage(format!("cannot read the requests: {}", reason(&error)))));
                    }
                    Err(_) => break,
                }
            }
            if let Some(batch) = self.take() {
                return Some(Ok(batch));
            }
        }
        self.take().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(input: &[u8]) -> Vec<Vec<u8>> {
        let batches = Batches::of(io::Cursor::new(input.to_vec()));
        batches.flat_map(|batch| batch.unwrap().lines().map(|(_, line)| line.to_vec()).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn lines_have_the_numbers_of_the_input() {
        let long = vec![b'x'; 3 * CHUNK];
        let input = [b"a\n\nb\n", &long[..], b"\r\n \nc"].concat();
        let batches = Batches::of(io::Cursor::new(input));
        let numbers: Vec<usize> =
            batches.flat_map(|batch| batch.unwrap().lines().map(|(number, _)| number).collect::<Vec<_>>()).collect();
        assert_eq!(numbers, [1, 3, 4, 6]);
    }

    #[test]
    fn every_line_comes_once_and_whole() {
        assert_eq!(lines_of(b"a\r\n\n  \nb\nc"), [b"a", b"b", b"c"]);
        assert!(lines_of(b"").is_empty());
        let long = vec![b'x'; 3 * CHUNK];
        let input = [b"a\n", &long[..], b"\n", &long[..]].concat();
        assert_eq!(lines_of(&input).iter().map(Vec::len).collect::<Vec<_>>(), [1, long.len(), long.len()]);
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let input = [b"a\n", &vec![b'x'; LINE_LIMIT + 2 * CHUNK][..], b"\nb\n"].concat();
        assert_eq!(lines_of(&input), [&b"a"[..], b"\0", b"b"]);
    }
}
