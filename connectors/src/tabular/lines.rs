//! Lines of a text of any length, in bounded memory, with a look at what follows.

use std::io::{self, Read};

use memchr::memchr;

/// Longest line. One that is longer is passed over and reported.
pub const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;
const READ_BYTES: usize = 256 * 1024;
/// Least room to read into: what is posted is mostly small.
const READ_BYTES_MIN: usize = 16 * 1024;
const KEPT_OF_LONG_LINE: usize = 4 * 1024;

/// Reads lines from a buffer that moves along.
pub struct Lines {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Bytes that are read at once.
    read_bytes: usize,
    /// Where the current line begins.
    start: usize,
    /// Where the bytes end.
    end: usize,
    at_eof: bool,
    /// What broke the reader off, if anything did.
    error: Option<io::Error>,
    broken: bool,
    /// Number of the current line, from 1.
    number: u64,
}

/// A line, as offsets from the current line's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it begins.
    pub start: usize,
    /// Where it ends, without its line break.
    pub end: usize,
    /// Where the next begins.
    pub next: usize,
}

/// What stands at some offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// A line.
    Line(Line),
    /// The beginning of a line whose end could not be read.
    Torn(Line),
    /// More than [`LINE_BYTES_MAX`] without a line break.
    TooLong,
    /// Nothing more.
    End,
}

impl Lines {
    /// Lines of what a reader gives, about `bytes` bytes.
    pub fn new(reader: Box<dyn Read + Send>, bytes: u64) -> Self {
        let read_bytes = usize::try_from(bytes).unwrap_or(READ_BYTES).clamp(READ_BYTES_MIN, READ_BYTES);
        Self {
            reader,
            buffer: Vec::new(),
            read_bytes,
            start: 0,
            end: 0,
            at_eof: false,
            error: None,
            broken: false,
            number: 1,
        }
    }

    /// Number of the current line.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What broke the reader off, once: all that was read before is given as lines first.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// The line that begins at an offset from the current line.
    pub fn ahead(&mut self, offset: usize) -> Ahead {
        let mut searched = offset;
        loop {
            let have = self.end - self.start;
            if let Some(found) = self.bytes(searched, have).and_then(|bytes| memchr(b'\n', bytes)) {
                let end = searched + found;
                let cr = usize::from(end > offset && self.bytes(end - 1, end) == Some(b"\r"));
                return Ahead::Line(Line { start: offset, end: end - cr, next: end + 1 });
            }
            searched = have.max(offset);
            if self.at_eof {
                let line = Line { start: offset, end: have, next: have };
                return match (have > offset, self.broken) {
                    (false, _) => Ahead::End,
                    (true, false) => Ahead::Line(line),
                    (true, true) => Ahead::Torn(line),
                };
            }
            if have.saturating_sub(offset) > LINE_BYTES_MAX {
                return Ahead::TooLong;
            }
            self.fill();
        }
    }

    /// The bytes between two offsets from the current line.
    pub fn bytes(&self, from: usize, to: usize) -> Option<&[u8]> {
        self.buffer.get(self.start..self.end)?.get(from..to)
    }

    /// Goes on to the line that begins at an offset, `lines` lines further.
    pub fn advance(&mut self, offset: usize, lines: u64) {
        self.start = (self.start + offset).min(self.end);
        self.number += lines;
    }

    /// Passes over a line that is too long; gives its beginning.
    pub fn skip_long_line(&mut self) -> Vec<u8> {
        let kept = self.bytes(0, KEPT_OF_LONG_LINE.min(self.end - self.start)).unwrap_or_default().to_vec();
        loop {
            let have = self.end - self.start;
            if let Some(found) = self.bytes(0, have).and_then(|bytes| memchr(b'\n', bytes)) {
                self.advance(found + 1, 1);
                return kept;
            }
            self.start = self.end;
            if self.at_eof {
                self.number += 1;
                return kept;
            }
            self.fill();
        }
    }

    fn fill(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() < self.end + self.read_bytes {
            self.buffer.resize((self.end + self.read_bytes).next_multiple_of(self.read_bytes), 0);
        }
        let Some(room) = self.buffer.get_mut(self.end..) else { return };
        match self.reader.read(room) {
            Ok(0) => self.at_eof = true,
            Ok(n) => self.end += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                (self.at_eof, self.broken) = (true, true);
                self.error = Some(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(room.len());
            room[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn lines(text: &'static [u8], step: usize) -> Vec<(u64, String)> {
        let mut lines = Lines::new(Box::new(Drops(text, step)), READ_BYTES as u64);
        let mut found = Vec::new();
        loop {
            match lines.ahead(0) {
                Ahead::Line(line) => {
                    let text = String::from_utf8_lossy(lines.bytes(line.start, line.end).unwrap()).into_owned();
                    found.push((lines.number(), text));
                    lines.advance(line.next, 1);
                }
                Ahead::TooLong => {
                    let kept = lines.skip_long_line();
                    found.push((0, format!("{} bytes kept", kept.len())));
                }
                Ahead::Torn(_) | Ahead::End => return found,
            }
        }
    }

    #[test]
    fn lines_do_not_depend_on_how_bytes_arrive() {
        let expected: Vec<(u64, String)> =
            [(1, "a"), (2, ""), (3, "b\rc"), (4, "d")].map(|(n, text)| (n, text.to_owned())).into();
        for step in [1, 2, 3, 100] {
            assert_eq!(lines(b"a\r\n\nb\rc\nd", step), expected, "{step}");
        }
    }

    #[test]
    fn a_line_without_end_is_passed_over() {
        let text: &'static [u8] =
            [b"a\n".to_vec(), vec![b'x'; LINE_BYTES_MAX + 2 * READ_BYTES], b"\nb\n".to_vec()].concat().leak();
        let found = lines(text, READ_BYTES);
        assert_eq!(found, [(1, "a".to_owned()), (0, "4096 bytes kept".to_owned()), (3, "b".to_owned())]);
    }
}
