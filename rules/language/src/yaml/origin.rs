//! From the text of a scalar back to the bytes it was written with: through quotes, escapes and folded lines.
//!
//! The text and its spelling are walked side by side. Where they part (a spelling not foreseen here) the rest of the
//! text points at the place where they did: a place a little off, and never a panic.

use std::ops::Range;

use super::{Node, Scalar, Style, Value};
use crate::diagnostic::{Diagnostic, Span};
use crate::rule::{Origin, SqlText};
use crate::source::FileId;

/// The condition that `node` holds, every byte with its origin; `None` if it is no text.
///
/// Line breaks and comments become blanks, byte for byte, except inside SQL quotes, so that the text is one line.
/// The mistake is a comment that folding would let run on over the lines after it.
pub fn sql_text(file: FileId, source: &str, node: &Node) -> Option<(SqlText, Option<Diagnostic>)> {
    let Value::Scalar(scalar) = &node.value else { return None };
    if node.is_null() {
        return None;
    }
    let origin = align(source, &node.at, scalar);
    let end = scalar.text.trim_end().len();
    let mut sql = SqlText { text: scalar.text[..end].to_owned(), file, origin };
    if let Origin::Map(map) = &mut sql.origin {
        map.truncate(end + 1);
        if let (Some(last), true) = (map.len().checked_sub(2).map(|i| map[i]), map.len() == end + 1) {
            map[end] = last + 1;
        }
    }
    let mut mistake = None;
    for comment in flatten(&mut sql.text) {
        let at = sql.span(comment.start..comment.start + 2);
        let rest = source.get(at.range.start..node.at.end).unwrap_or("");
        let swallows = rest
            .find('\n')
            .is_some_and(|newline| !rest[newline..].trim_matches(['\'', '"', ' ', '\n', '\r', '\t']).is_empty());
        if scalar.style != Style::Literal && swallows && mistake.is_none() {
            let message = "the comment would swallow the rest of the condition: its lines are folded into one";
            let diagnostic = Diagnostic::error("E0111", Span { file, range: at.range }, message)
                .label("from here to the end")
                .help("write `when: |` to keep the lines, or leave the comment out");
            mistake = Some(diagnostic);
        }
    }
    Some((sql, mistake))
}

/// Turns line breaks and `--` comments outside quotes into blanks; returns where the comments were.
pub(crate) fn flatten(text: &mut String) -> Vec<Range<usize>> {
    let mut bytes = std::mem::take(text).into_bytes();
    let mut comments = Vec::new();
    let mut quote = None;
    let mut i = 0;
    while i < bytes.len() {
        match (quote, bytes[i]) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'\'' | b'"')) => quote = Some(byte),
            (None, b'\n' | b'\r' | b'\t') => bytes[i] = b' ',
            (None, b'-') if bytes.get(i + 1) == Some(&b'-') => {
                let end = bytes[i..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| i + n);
                bytes[i..end].fill(b' ');
                comments.push(i..end);
                continue;
            }
            (None, _) => {}
        }
        i += 1;
    }
    // Only whole characters were overwritten: a comment runs from an ASCII byte to an ASCII byte or the end.
    *text = String::from_utf8(bytes).expect("only whole characters became blanks");
    comments
}

/// Where the closing quote of the scalar that opens at `start` ends.
pub(super) fn quoted_end(source: &str, start: usize, quote: char) -> usize {
    let bytes = source.as_bytes();
    let quote = quote as u8;
    let mut i = start + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if quote == b'"' => i += 1,
            byte if byte == quote && quote == b'\'' && bytes.get(i + 1) == Some(&quote) => i += 1,
            byte if byte == quote => return i + 1,
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}

/// The origin of every byte of a scalar that stands at `at`.
pub(super) fn align(source: &str, at: &Range<usize>, scalar: &Scalar) -> Origin {
    let start = match scalar.style {
        Style::SingleQuoted | Style::DoubleQuoted => at.start + 1,
        _ => at.start,
    };
    if source.get(start..).is_some_and(|raw| raw.starts_with(&scalar.text)) {
        return Origin::At(start);
    }
    let walk = Walk { raw: source, at: start, map: Vec::with_capacity(scalar.text.len() + 1) };
    Origin::Map(match scalar.style {
        Style::Literal | Style::Folded => walk.block(&scalar.text),
        _ => walk.flow(&scalar.text, scalar.style),
    })
}

struct Walk<'a> {
    raw: &'a str,
    at: usize,
    map: Vec<usize>,
}

impl Walk<'_> {
    fn rest(&self) -> &[u8] {
        self.raw.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Bytes of the line break at the place reached, 0 if there is none.
    fn line_break(&self) -> usize {
        match self.rest() {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        }
    }

    /// The character stands in the file as it is.
    fn same(&mut self, c: char) {
        let same = self.raw.get(self.at..).is_some_and(|raw| raw.starts_with(c));
        for byte in 0..c.len_utf8() {
            self.map.push(if same { self.at + byte } else { self.at });
        }
        if same {
            self.at += c.len_utf8();
        }
    }

    /// The character is written as `len` other bytes.
    fn spelled(&mut self, c: char, len: usize) {
        self.map.extend(std::iter::repeat_n(self.at, c.len_utf8()));
        self.at = (self.at + len).min(self.raw.len());
    }

    fn done(mut self) -> Vec<usize> {
        self.map.push(self.at);
        self.map
    }

    /// Plain and quoted text: blanks around a line break fold into one blank, or into the empty lines between.
    fn flow(mut self, text: &str, style: Style) -> Vec<usize> {
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            while style == Style::DoubleQuoted && matches!(self.rest(), [b'\\', b'\r' | b'\n', ..]) {
                self.at += 1;
                self.at += self.line_break();
                self.skip_blanks();
            }
            match self.peek() {
                Some(b'\\') if style == Style::DoubleQuoted => self.spelled(c, self.escape_len()),
                Some(b'\'') if style == Style::SingleQuoted && c == '\'' => self.spelled(c, 2),
                Some(b' ' | b'\t' | b'\r' | b'\n') if self.blanks_hold_break() => {
                    self.map.extend(std::iter::repeat_n(self.at, c.len_utf8()));
                    if !(c == '\n' && chars.peek() == Some(&'\n')) {
                        self.skip_white();
                    }
                }
                _ => self.same(c),
            }
        }
        self.done()
    }

    /// Text after `|` or `>`: every line loses the indentation of the first.
    fn block(mut self, text: &str) -> Vec<usize> {
        let indent = self.at - self.raw.get(..self.at).and_then(|b| b.rfind(['\n', '\r'])).map_or(0, |n| n + 1);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '\n' && (c != ' ' || self.line_break() == 0) {
                self.same(c);
                continue;
            }
            if self.line_break() == 0 {
                self.map.push(self.at);
                continue;
            }
            // `>` writes one line break as a blank and drops one of several; `|` keeps them all.
            let mut breaks = 0;
            let first = self.at;
            while self.line_break() > 0 {
                self.at += self.line_break();
                breaks += 1;
                for _ in 0..indent {
                    if self.peek() == Some(b' ') {
                        self.at += 1;
                    }
                }
            }
            self.map.push(first);
            if c == '\n' {
                for _ in 1..breaks {
                    if chars.next_if_eq(&'\n').is_some() {
                        self.map.push(first);
                    }
                }
            }
        }
        self.done()
    }

    fn escape_len(&self) -> usize {
        match self.rest().get(1) {
            Some(b'x') => 4,
            Some(b'u') => 6,
            Some(b'U') => 10,
            _ => 2,
        }
    }

    fn blanks_hold_break(&self) -> bool {
        self.rest().iter().take_while(|b| b.is_ascii_whitespace()).any(|b| matches!(b, b'\n' | b'\r'))
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn skip_white(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }
}
