//! Comma-separated cells with the bytes they stand at (RFC 4180, and lines that begin with `#` as comments).
//! A cell's place is what a mistake is underlined by; CSV readers give the place of a record at best.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Span};
use crate::source::FileId;

/// One cell, blanks around it taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Its text, quotes resolved.
    pub text: String,
    /// Where it stands, quotes included.
    pub at: Range<usize>,
    /// Byte of the file of every byte of `text`, where doubled quotes shift them; else they follow on from `start`.
    map: Option<Vec<usize>>,
    start: usize,
}

impl Cell {
    /// The byte of the file that a byte of the text came from.
    pub fn origin(&self, byte: usize) -> usize {
        match &self.map {
            Some(map) => map.get(byte).copied().unwrap_or(self.at.end),
            None => self.start + byte,
        }
    }
}

/// One line of cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The cells in order; never none.
    pub cells: Vec<Cell>,
    /// Where the row stands.
    pub at: Range<usize>,
}

/// Cells of one table.
const CELLS_MAX: usize = 2_000_000;

/// The rows of a file, without comments and empty lines.
pub(crate) fn rows(file: FileId, text: &str, mistakes: &mut Vec<Diagnostic>) -> Vec<Row> {
    let mut reader = Reader { text, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    let mut rows = Vec::new();
    let mut n_cells = 0;
    while reader.at < text.len() {
        let line = reader.line();
        if line.starts_with('#') || line.trim().is_empty() {
            reader.at += line.len();
            reader.skip_break();
            continue;
        }
        let start = reader.at;
        let mut cells = Vec::new();
        loop {
            let (cell, unclosed) = reader.cell();
            if unclosed {
                let span = Span { file, range: cell.at.start..cell.at.start + 1 };
                let diagnostic = Diagnostic::error("E0415", span, "a quote that is never closed")
                    .label("opens here")
                    .help("close it, or double a quote that belongs to the text: `\"4\"\" pipes\"`");
                mistakes.push(diagnostic);
            }
            cells.push(cell);
            if reader.peek() != Some(b',') {
                break;
            }
            reader.at += 1;
        }
        n_cells += cells.len();
        if n_cells > CELLS_MAX {
            let span = Span { file, range: start..start };
            let message = "more than two million cells in one table";
            mistakes.push(Diagnostic::error("E0102", span, message).help("split it"));
            break;
        }
        rows.push(Row { at: start..reader.at, cells });
        reader.skip_break();
    }
    if let Some([only]) = rows.first().map(|row| row.cells.as_slice())
        && let Some(separator) = only.text.find([';', '\t'])
    {
        let at = only.origin(separator);
        let diagnostic = Diagnostic::error("E0416", Span { file, range: at..at + 1 }, "cells are separated by commas")
            .help("export the table again with commas, cells that hold a comma in double quotes");
        mistakes.push(diagnostic);
        return Vec::new();
    }
    rows
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.rest().bytes().next()
    }

    fn line(&self) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())]
    }

    fn skip_break(&mut self) {
        if self.rest().starts_with("\r\n") {
            self.at += 2;
        } else if matches!(self.peek(), Some(b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next cell, and whether its quote was never closed. Stops at the comma, line break or end after it.
    fn cell(&mut self) -> (Cell, bool) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        let rest = self.rest();
        let raw = &rest[..rest.find([',', '\n', '\r']).unwrap_or(rest.len())];
        let start = self.at;
        self.at += raw.len();
        let text = raw.trim_end();
        (Cell { text: text.to_owned(), at: start..start + text.len(), map: None, start }, false)
    }

    fn quoted(&mut self) -> (Cell, bool) {
        let opens = self.at;
        let mut text = String::new();
        let mut map = Vec::new();
        let mut doubled = false;
        let mut chars = self.rest().char_indices().skip(1).peekable();
        let mut closed = None;
        while let Some((i, c)) = chars.next() {
            if c == '"' && chars.next_if(|(_, next)| *next == '"').is_none() {
                closed = Some(i + 1);
                break;
            }
            doubled |= c == '"';
            map.extend((0..c.len_utf8()).map(|byte| opens + i + byte));
            text.push(c);
        }
        let end = opens + closed.unwrap_or(self.rest().len());
        self.at = end;
        // Whatever stands between the closing quote and the comma belongs to no cell; only blanks are right there.
        let rest = self.rest();
        let stray = &rest[..rest.find([',', '\n', '\r']).unwrap_or(rest.len())];
        if !stray.trim().is_empty() {
            text.push_str(stray);
            map.extend((0..stray.len()).map(|byte| end + byte));
        }
        self.at += stray.len();
        let cell = Cell { text, at: opens..end, map: (doubled || !stray.is_empty()).then_some(map), start: opens + 1 };
        (cell, closed.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Vec<String>>, Vec<&'static str>) {
        let mut mistakes = Vec::new();
        let rows = rows(FileId(0), text, &mut mistakes);
        let texts = rows.into_iter().map(|row| row.cells.into_iter().map(|cell| cell.text).collect()).collect();
        (texts, mistakes.iter().map(|m| m.code).collect())
    }

    #[test]
    fn cells_are_split_as_in_rfc_4180() {
        let text = "\u{feff}# note, with a comma\r\nhs6, price\r\n\r\n640299,\"4\"\" pipes, \"\r\n\"신발\",";
        let (rows, mistakes) = read(text);
        assert_eq!(rows, [vec!["hs6", "price"], vec!["640299", "4\" pipes, "], vec!["신발", ""]]);
        assert!(mistakes.is_empty());
    }

    #[test]
    fn every_byte_of_a_cell_knows_where_it_came_from() {
        let text = "a\n\"say \"\"신\"\"!\"";
        let rows = rows(FileId(0), text, &mut Vec::new());
        let cell = &rows[1].cells[0];
        assert_eq!(cell.text, "say \"신\"!");
        let shout = cell.text.find('!').unwrap();
        assert_eq!(&text[cell.origin(shout)..=cell.origin(shout)], "!");
        assert_eq!(&text[cell.at.clone()], "\"say \"\"신\"\"!\"");
    }

    #[test]
    fn a_quote_left_open_and_other_separators_are_mistakes() {
        assert_eq!(read("a,b\n1,\"x\n2,y\n").1, ["E0415"]);
        assert_eq!(read("a;b\n1;2\n").1, ["E0416"]);
    }
}
