//! JSON as people write it, given on as NDJSON: an object spread over several lines, or objects in one array over the
//! whole file, each come on a line of their own, with the number of the line they begin on.
//!
//! Streaming, in the memory of what is read at once. What is no JSON is given on as it is: whoever reads the lines says so.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use super::ndjson::cut_bom;

const READ_BYTES: usize = 64 * 1024;

/// Whether a file that begins so has its objects over several lines, or in an array.
pub fn is_spread(head: &[u8]) -> bool {
    let text = cut_bom(head).trim_ascii_start();
    match text.first() {
        Some(b'[') => true,
        Some(b'{') => {
            let mut lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
            let (Some(first), Some(second)) = (lines.next(), lines.find(|line| !line.is_empty())) else { return false };
            let goes_on = serde_json::from_slice::<serde_json::Value>(first).is_err_and(|error| error.is_eof());
            // Damage on the first line of many must not cost the others: no object holds another without a name.
            goes_on && (second.first() != Some(&b'{') || matches!(first.last(), Some(b':' | b'[')))
        }
        _ => false,
    }
}

/// The line that each object begins on, of those that were given and not yet taken.
#[derive(Clone, Debug, Default)]
pub struct Numbers(Arc<Mutex<VecDeque<u64>>>);

impl Numbers {
    /// That of the next object.
    pub fn next(&self) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Gives objects a line each.
pub struct OneALine<R> {
    inner: R,
    read: Box<[u8]>,
    lines: Vec<u8>,
    given: usize,
    state: State,
    numbers: Numbers,
    ended: bool,
}

/// What stands around the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Around {
    /// Nothing was seen yet.
    #[default]
    Unknown,
    /// An array over the whole file, that has not ended.
    Array,
    /// Nothing.
    File,
}

/// Where a byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Between objects.
    #[default]
    Between,
    /// In what is no object.
    Other,
    /// In an object, outside of its texts.
    Object,
    /// In a text.
    Text,
    /// In a text, behind a backslash.
    Escaped,
}

#[derive(Debug, Default)]
struct State {
    around: Around,
    place: Place,
    /// How deep inside of an object.
    depth: usize,
    /// The last byte of an object that is neither blank nor in a text.
    last: u8,
    /// Line breaks that were read.
    breaks: u64,
}

impl<R: Read> OneALine<R> {
    /// Objects of what `inner` gives, and where their lines are told.
    pub fn new(inner: R) -> (Self, Numbers) {
        let (read, numbers) = (vec![0; READ_BYTES].into_boxed_slice(), Numbers::default());
        let told = numbers.clone();
        (Self { inner, read, lines: Vec::new(), given: 0, state: State::default(), numbers, ended: false }, told)
    }
}

impl State {
    /// Takes a byte. Returns whether something begins with it, whose line is to be told.
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        self.breaks += u64::from(byte == b'\n');
        match self.place {
            Place::Between => return self.between(byte, out),
            Place::Other if byte == b'\n' || (byte == b',' && self.around == Around::Array) => self.end(out),
            Place::Other => out.push(byte),
            Place::Object => return self.object(byte, out),
            // No text goes over a line: its end is missing, and what follows is read by itself.
            Place::Text | Place::Escaped if byte == b'\n' => self.end(out),
            Place::Text | Place::Escaped => {
                out.push(byte);
                self.place = match (self.place, byte) {
                    (Place::Text, b'\\') => Place::Escaped,
                    (Place::Text, b'"') => Place::Object,
                    _ => Place::Text,
                };
            }
        }
        false
    }

    fn between(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        match byte {
            b'[' if self.around == Around::Unknown => self.around = Around::Array,
            b']' if self.around == Around::Array => self.around = Around::File,
            b',' if self.around == Around::Array => {}
            // A byte order mark.
            0xEF | 0xBB | 0xBF if self.around == Around::Unknown => {}
            _ if byte.is_ascii_whitespace() => {}
            _ => {
                if self.around == Around::Unknown {
                    self.around = Around::File;
                }
                out.push(byte);
                let object = byte == b'{';
                self.place = if object { Place::Object } else { Place::Other };
                (self.depth, self.last) = (usize::from(object), byte);
                return true;
            }
        }
        false
    }

    fn object(&mut self, byte: u8, out: &mut Vec<u8>) -> bool {
        match byte {
            // The end of the object before is missing: none holds another without a name.
            b'{' if self.depth == 1 && self.last != b':' => {
                self.end(out);
                return self.between(byte, out);
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            b'"' => self.place = Place::Text,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            self.last = byte;
        }
        out.push(if byte == b'\n' { b' ' } else { byte });
        if self.depth == 0 {
            self.end(out);
        }
        false
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.push(b'\n');
        self.place = Place::Between;
    }
}

impl<R: Read> Read for OneALine<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.lines.len() && !self.ended {
            self.lines.clear();
            self.given = 0;
            let n = self.inner.read(&mut self.read)?;
            let mut numbers = self.numbers.0.lock().unwrap_or_else(PoisonError::into_inner);
            for byte in &self.read[..n] {
                if self.state.take(*byte, &mut self.lines) {
                    numbers.push_back(self.state.breaks + 1);
                }
            }
            if n == 0 {
                self.ended = true;
                if self.state.around == Around::Array && self.state.place == Place::Between {
                    // So that a file cut off between two objects is told apart from a whole one.
                    numbers.push_back(self.state.breaks + 1);
                    self.lines.push(b'[');
                }
            }
        }
        let n = into.len().min(self.lines.len() - self.given);
        into[..n].copy_from_slice(&self.lines[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as they are given, each behind its number.
    fn lines(text: &str) -> Vec<String> {
        let mut given = String::new();
        let (mut reader, numbers) = OneALine::new(text.as_bytes());
        reader.read_to_string(&mut given).unwrap();
        let lines = given.lines().map(|line| format!("{}: {line}", numbers.next().unwrap())).collect();
        assert_eq!(numbers.next(), None);
        lines
    }

    #[test]
    fn objects_come_with_the_lines_they_begin_on() {
        for (text, expected) in [
            ("{\n \"a\": 1\n}\n\n{\"a\": 2}\n", &["1: {  \"a\": 1 }", "5: {\"a\": 2}"][..]),
            (
                "[{\"a\": 1}, {\"a\": 2},\n{\"a\": 3},\n{\"a\": 4}]\n",
                &["1: {\"a\": 1}", "1: {\"a\": 2}", "2: {\"a\": 3}", "3: {\"a\": 4}"],
            ),
            ("[\n{\"a\": [1,\n2]},\n\n{\"b\": \"}\\\"{\"}\n]\n", &["2: {\"a\": [1, 2]}", "5: {\"b\": \"}\\\"{\"}"]),
            ("\u{FEFF}[{\"a\": {\"b\": [{\"c\":\n{}}]}}]", &["1: {\"a\": {\"b\": [{\"c\": {}}]}}"]),
            ("[]", &[]),
        ] {
            assert_eq!(lines(text), expected, "{text:?}");
        }
    }

    #[test]
    fn damage_costs_one_object_and_is_not_hidden() {
        for (text, expected) in [
            // Without the end of a text, of an object, of the array; what is no object.
            ("[\n{\"a\": \"x\n},\n{\"b\": 2}\n]", &["2: {\"a\": \"x", "3: }", "4: {\"b\": 2}"][..]),
            ("[\n{\"a\": 1,\n{\"b\": 2},\n{\"c\": 3}]", &["2: {\"a\": 1, ", "3: {\"b\": 2}", "4: {\"c\": 3}"]),
            ("[\n{\"a\": 1},\n", &["2: {\"a\": 1}", "3: ["]),
            ("[{\"a\": 1}, {\"b\"", &["1: {\"a\": 1}", "1: {\"b\""]),
            ("[1, x\n{\"a\": 1}]", &["1: 1", "1: x", "2: {\"a\": 1}"]),
        ] {
            assert_eq!(lines(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_spread_is_known_by_its_first_lines() {
        for (head, spread) in [
            (" [\n{}\n]", true),
            ("{\n\"a\": 1}\n", true),
            ("{\"items\": [\n{\"a\": 1}]}\n", true),
            ("\u{FEFF}{ \"a\":\n1}\n", true),
            ("{\"a\": 1}\n{\"a\": 2}\n", false),
            ("{\"a\": 1\n{\"a\": 2}\n", false),
            ("{\"a\": 1,\n{\"a\": 2}\n", false),
            ("{\"a\": 1x}\n{\"a\": 2}\n", false),
            ("{\"a\": 1}", false),
            ("a,b\n", false),
        ] {
            assert_eq!(is_spread(head.as_bytes()), spread, "{head:?}");
        }
    }
}
