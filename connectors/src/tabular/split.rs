//! Splitting a CSV record into cells, and telling a record of several lines from a row with a stray quote.
//!
//! RFC 4180, with one liberty: a quote inside a cell that did not begin with one is a character like any other.

use memchr::{memchr, memchr_iter};

use super::cell::Raw;
use super::rows::RawRow;

/// What may stand between cells, the likelier first.
pub const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Where a cell stands: in the record, or (quotes inside were doubled) in the text put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
    rewritten: bool,
}

/// A record split into cells; kept between records for its room.
#[derive(Debug, Default)]
pub struct Cells {
    spans: Vec<Span>,
    rewritten: String,
    /// Where the cell begins that was left open.
    open_at: usize,
}

/// How a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// All cells are there.
    Whole,
    /// A quote opened in this cell (from 0) is not closed.
    Open(usize),
    /// Behind the closing quote of this cell (from 0) stands something other than a separator.
    AfterQuote(usize),
}

/// The cells of a record, for reading.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    text: &'a str,
    cells: &'a Cells,
}

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Splits a record.
    pub fn split(&mut self, text: &str, separator: u8) -> Split {
        self.spans.clear();
        self.rewritten.clear();
        let bytes = text.as_bytes();
        if memchr(b'"', bytes).is_none() {
            let mut start = 0;
            for at in memchr_iter(separator, bytes) {
                self.push(start, at);
                start = at + 1;
            }
            self.push(start, bytes.len());
            return Split::Whole;
        }
        self.split_from(text, separator, 0)
    }

    /// Goes on where [`Cells::split`] found a cell open, `text` now reaching further. What stands before that cell is
    /// not read again, or a record of many lines would cost their square.
    pub fn go_on(&mut self, text: &str, separator: u8) -> Split {
        self.split_from(text, separator, self.open_at)
    }

    fn split_from(&mut self, text: &str, separator: u8, mut start: usize) -> Split {
        let bytes = text.as_bytes();
        loop {
            let end = if bytes.get(start) == Some(&b'"') {
                let rewritten = self.rewritten.len();
                match self.quoted(text, start + 1) {
                    Some(after) if after == bytes.len() || bytes.get(after) == Some(&separator) => after,
                    Some(_) => return Split::AfterQuote(self.spans.len() - 1),
                    None => {
                        self.rewritten.truncate(rewritten);
                        self.open_at = start;
                        return Split::Open(self.spans.len());
                    }
                }
            } else {
                let end =
                    bytes.get(start..).and_then(|rest| memchr(separator, rest)).map_or(bytes.len(), |at| start + at);
                self.push(start, end);
                end
            };
            if end >= bytes.len() {
                return Split::Whole;
            }
            start = end + 1;
        }
    }

    /// Reads the rest of a quoted cell; gives the offset behind the closing quote.
    fn quoted(&mut self, text: &str, start: usize) -> Option<usize> {
        let rewritten_from = self.rewritten.len();
        let mut from = start;
        loop {
            let quote = from + memchr(b'"', text.as_bytes().get(from..)?)?;
            let doubled = text.as_bytes().get(quote + 1) == Some(&b'"');
            if doubled {
                self.rewritten.push_str(text.get(from..=quote)?);
                from = quote + 2;
                continue;
            }
            if from == start {
                self.push(start, quote);
            } else {
                self.rewritten.push_str(text.get(from..quote)?);
                self.spans.push(Span {
                    start: rewritten_from as u32,
                    end: self.rewritten.len() as u32,
                    rewritten: true,
                });
            }
            return Some(quote + 1);
        }
    }

    fn push(&mut self, start: usize, end: usize) {
        self.spans.push(Span { start: start as u32, end: end as u32, rewritten: false });
    }

    /// The cells with the record they were split from.
    pub fn of<'a>(&'a self, text: &'a str) -> Record<'a> {
        Record { text, cells: self }
    }
}

impl<'a> Record<'a> {
    /// The cell at a position.
    pub fn get(&self, at: usize) -> Option<&'a str> {
        let Span { start, end, rewritten } = *self.cells.spans.get(at)?;
        let text = if rewritten { self.cells.rewritten.as_str() } else { self.text };
        text.get(start as usize..end as usize)
    }
}

impl RawRow for Record<'_> {
    fn cell(&self, input: usize) -> Raw<'_> {
        self.get(input).map_or(Raw::Missing, Raw::Text)
    }
}

/// How many cells a line has if quotes are characters like any other.
pub fn literal_cells(line: &[u8], separator: u8) -> usize {
    memchr_iter(separator, line).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> String {
        let mut cells = Cells::default();
        match cells.split(text, b',') {
            Split::Whole => {
                let record = cells.of(text);
                (0..cells.len()).map(|i| record.get(i).unwrap()).collect::<Vec<_>>().join("|")
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_record_read_line_by_line_is_the_record_read_at_once() {
        let text = "a,\"b\"\"\nc\"\"d\n,\",\"e\n\",\"\"\"f\n\"\"\",g";
        let mut cells = Cells::default();
        let ends = text.match_indices('\n').map(|(at, _)| at).chain([text.len()]);
        let mut splits = ends.enumerate().map(|(i, end)| match i {
            0 => cells.split(&text[..end], b','),
            _ => cells.go_on(&text[..end], b','),
        });
        assert!(splits.by_ref().take(4).all(|split| matches!(split, Split::Open(_))));
        assert_eq!(splits.next(), Some(Split::Whole));
        drop(splits);
        let record = cells.of(text);
        let found: Vec<_> = (0..cells.len()).map(|i| record.get(i).unwrap()).collect();
        assert_eq!(found, ["a", "b\"\nc\"d\n,", "e\n", "\"f\n\"", "g"]);
    }

    #[test]
    fn records() {
        for (text, expected) in [
            ("a,b,c", "a|b|c"),
            ("a,,c,", "a||c|"),
            ("", ""),
            ("\"a,b\",c", "a,b|c"),
            ("\"\",c", "|c"),
            ("\"say \"\"yes\"\"\",\"x\"\"\"", "say \"yes\"|x\""),
            ("\"two\nlines\",c", "two\nlines|c"),
            ("5\" pipe,c", "5\" pipe|c"),
            ("가,\"나,\"\"다\"", "가|나,\"다"),
            ("a,\"b", "Open(1)"),
            ("a,\"b\"\"", "Open(1)"),
            ("a,\"b\"c,d", "AfterQuote(1)"),
            ("\"", "Open(0)"),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
