//! JSON as people write it, given on as NDJSON: an object spread over several lines, or objects in one array over the
//! whole file, each come on a line of their own, at its number in the file.
//!
//! Streaming, in the memory of a line. What is no JSON is given on as it is: whoever reads the lines says so.

use std::io::{self, Read};

use super::documents::is_several;
use super::ndjson::cut_bom;

const READ_BYTES: usize = 64 * 1024;

/// Whether a file that begins so has its objects over several lines, or in an array.
pub fn is_spread(head: &[u8]) -> bool {
    let text = cut_bom(head).trim_ascii_start();
    match text.first() {
        Some(b'[') => true,
        Some(b'{') => {
            let Some(end) = memchr::memchr(b'\n', text) else { return false };
            let first: Result<serde_json::Value, _> = serde_json::from_slice(&text[..end]);
            // Damage on the first line of many must not cost the others.
            first.is_err_and(|error| error.is_eof()) && !is_several(text)
        }
        _ => false,
    }
}

/// Gives objects a line each.
pub struct OneALine<R> {
    inner: R,
    read: Box<[u8]>,
    lines: Vec<u8>,
    given: usize,
    state: State,
    ended: bool,
}

/// What stands around the objects.
#[derive(Clone, Copy, Default, PartialEq)]
enum Around {
    /// Nothing was seen yet.
    #[default]
    Unknown,
    /// An array over the whole file, that has not ended.
    Array,
    /// Nothing.
    File,
}

/// Whether a byte is in a text.
#[derive(Clone, Copy, Default, PartialEq)]
enum Text {
    #[default]
    Outside,
    Inside,
    /// Behind a backslash.
    Escaped,
}

#[derive(Default)]
struct State {
    around: Around,
    /// How deep inside of an object; 0 between them.
    depth: usize,
    text: Text,
    /// Line breaks inside of the object, given behind it.
    held: usize,
    /// Line breaks given that the file does not have, as between two objects of one line.
    ahead: usize,
    /// An object has ended on this line.
    ends_here: bool,
}

impl<R: Read> OneALine<R> {
    /// Objects of what `inner` gives.
    pub fn new(inner: R) -> Self {
        let read = vec![0; READ_BYTES].into_boxed_slice();
        Self { inner, read, lines: Vec::new(), given: 0, state: State::default(), ended: false }
    }
}

impl State {
    fn take(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.depth == 0 { self.between(byte, out) } else { self.inside(byte, out) }
    }

    fn between(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            b'\n' if self.ahead > 0 => self.ahead -= 1,
            b'\n' => {
                self.ends_here = false;
                out.push(byte);
            }
            b'[' if self.around == Around::Unknown => self.around = Around::Array,
            b']' if self.around == Around::Array => self.around = Around::File,
            b',' if self.around == Around::Array => {}
            _ => {
                if self.ends_here && !byte.is_ascii_whitespace() {
                    out.push(b'\n');
                    (self.ends_here, self.ahead) = (false, self.ahead + 1);
                }
                if byte == b'{' {
                    self.depth = 1;
                    if self.around == Around::Unknown {
                        self.around = Around::File;
                    }
                }
                out.push(byte);
            }
        }
    }

    fn inside(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            // No text goes over a line: its end is missing, and what follows is read by itself.
            b'\n' if self.text != Text::Outside => {
                self.end(out);
                out.push(byte);
                self.ends_here = false;
                return;
            }
            b'\n' => {
                self.held += 1;
                return out.push(b' ');
            }
            _ => match (self.text, byte) {
                (Text::Escaped, _) | (Text::Outside, b'"') => self.text = Text::Inside,
                (Text::Inside, b'\\') => self.text = Text::Escaped,
                (Text::Inside, b'"') => self.text = Text::Outside,
                (Text::Outside, b'{' | b'[') => self.depth += 1,
                (Text::Outside, b'}' | b']') => self.depth -= 1,
                _ => {}
            },
        }
        out.push(byte);
        if self.depth == 0 {
            self.ends_here = true;
            self.end(out);
        }
    }

    /// An object ends: its line breaks follow it, and stand in for those that were given too many.
    fn end(&mut self, out: &mut Vec<u8>) {
        let breaks = self.held.saturating_sub(self.ahead);
        self.ahead = self.ahead.saturating_sub(self.held);
        out.extend(std::iter::repeat_n(b'\n', breaks));
        if breaks > 0 {
            self.ends_here = false;
        }
        (self.depth, self.held, self.text) = (0, 0, Text::Outside);
    }
}

impl<R: Read> Read for OneALine<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.lines.len() && !self.ended {
            self.lines.clear();
            self.given = 0;
            let n = self.inner.read(&mut self.read)?;
            for byte in &self.read[..n] {
                self.state.take(*byte, &mut self.lines);
            }
            if n == 0 {
                self.ended = true;
                if self.state.around == Around::Array && self.state.depth == 0 {
                    // So that a file cut off between two objects is told apart from a whole one.
                    self.lines.extend_from_slice(b"\n[");
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

    fn lines(text: &str) -> String {
        let mut lines = String::new();
        OneALine::new(text.as_bytes()).read_to_string(&mut lines).unwrap();
        lines
    }

    #[test]
    fn objects_come_on_the_lines_they_begin_on() {
        for (text, expected) in [
            ("{\n \"a\": 1\n}\n{\"a\": 2}\n", "{  \"a\": 1 }\n\n\n{\"a\": 2}\n"),
            ("[{\"a\": 1}, {\"a\": 2},\n{\"a\": 3}]\n", "{\"a\": 1}\n {\"a\": 2}{\"a\": 3}\n"),
            ("[\n{\"a\": [1,\n2]},\n{\"b\": \"}\\\"{\"}\n]\n", "\n{\"a\": [1, 2]}\n\n{\"b\": \"}\\\"{\"}\n\n"),
            ("[]", ""),
        ] {
            let objects = |text: &str| text.split(['\n', ' ']).collect::<String>().replace("}{", "},{");
            let given = lines(text);
            assert_eq!(objects(&given), objects(expected), "{text:?} gave {given:?}");
            for line in given.lines().filter(|line| !line.trim().is_empty()) {
                assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{text:?} gave {line:?}");
            }
        }
        let at = |text: &str, what: &str| lines(text).lines().position(|line| line.contains(what)).unwrap() + 1;
        assert_eq!(at("[\n{\"a\": [1,\n2]},\n\n{\"b\": 2}\n]\n", "b"), 5);
        assert_eq!(at("[{\"x\": 1}, {\"y\": 2},\n{\"a\": [1,\n2]},\n\n{\"b\": 2}\n]\n", "b"), 5);
    }

    #[test]
    fn damage_costs_one_object_and_is_not_hidden() {
        // A text without its end: the lines behind it are read again.
        assert!(lines("[\n{\"a\": \"x\n},\n{\"b\": 2}\n]").lines().any(|line| line.trim() == "{\"b\": 2}"));
        assert!(lines("[\n{\"a\": 1},\n").ends_with("\n["), "an array without its end is told");
        assert!(lines("[{\"a\": 1}, {\"b\"").ends_with("{\"b\""));
    }

    #[test]
    fn what_is_spread_is_known_by_its_first_line() {
        for (head, spread) in [
            (" [\n{}\n]", true),
            ("{\n\"a\": 1}\n", true),
            ("\u{FEFF}{ \"a\":\n1}\n", true),
            ("{\"a\": 1}\n{\"a\": 2}\n", false),
            ("{\"a\": 1\n{\"a\": 2}\n", false),
            ("{\"a\": 1x}\n{\"a\": 2}\n", false),
            ("{\"a\": 1}", false),
            ("a,b\n", false),
        ] {
            assert_eq!(is_spread(head.as_bytes()), spread, "{head:?}");
        }
    }
}
