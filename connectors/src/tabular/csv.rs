//! CSV: UTF-8, a header line, separated by comma, semicolon or tab, RFC 4180 quotes.
//!
//! Every line of the file is part of a row that is kept or of one that is set aside, whatever is wrong with it. The
//! danger is the stray quote: read naively it opens a cell that swallows the rows behind it. So a record of several
//! lines is believed only if it closes within [`JOIN_LINES_MAX`] lines with the right number of cells, and if no
//! line it would take in looks like a row of its own; otherwise the first line alone is set aside, and reading goes
//! on at the next.

use std::io;
use std::sync::Arc;

use memchr::memchr;

use super::cell::Fault;
use super::lines::{Ahead, Line, Lines};
use super::rows::{Position, RowSink, Wired};
use super::split::{Cells, SEPARATORS, Split, literal_cells};

/// Lines that one record may have.
pub const JOIN_LINES_MAX: usize = 100;
/// Bytes that a record of several lines may have.
const JOIN_BYTES_MAX: usize = 256 * 1024;
const UTF8_BOM: &str = "\u{FEFF}";

/// The header line of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Column names, trimmed.
    pub names: Vec<String>,
    /// What stands between cells.
    pub separator: u8,
}

/// Why a header line does not do.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The file broke off or cannot be read.
    #[error("cannot be read")]
    Io(#[from] io::Error),
    /// No line at all.
    #[error("has no header line")]
    None,
    /// No line break where a header would end.
    #[error("the header line has more than {} bytes", super::lines::LINE_BYTES_MAX)]
    TooLong,
    /// Some other encoding.
    #[error("line {line}: the header is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// Of the header.
        line: u64,
    },
    /// A quote in the header is not closed.
    #[error("line {line}: a quote in the header is not closed")]
    Quote {
        /// Of the header.
        line: u64,
    },
}

impl Header {
    /// Reads the header; the separator is the one that gives most names that `known` knows.
    pub fn read(lines: &mut Lines, known: impl Fn(&str) -> bool) -> Result<Self, HeaderError> {
        loop {
            let number = lines.number();
            let line = match lines.ahead(0) {
                Ahead::Line(line) => line,
                Ahead::TooLong => return Err(HeaderError::TooLong),
                Ahead::Torn(_) | Ahead::End => {
                    return Err(lines.take_error().map_or(HeaderError::None, HeaderError::Io));
                }
            };
            let bytes = lines.bytes(line.start, line.end).unwrap_or_default();
            let text = str::from_utf8(bytes).map_err(|_| HeaderError::NotUtf8 { line: number })?;
            let text = text.strip_prefix(UTF8_BOM).unwrap_or(text);
            if text.trim().is_empty() {
                lines.advance(line.next, 1);
                continue;
            }
            let best = SEPARATORS
                .into_iter()
                .filter_map(|separator| names(text, separator).map(|names| Self { names, separator }))
                .max_by_key(|header| {
                    let n_known = header.names.iter().filter(|name| known(name)).count();
                    // The first of equals is wanted and `max` gives the last.
                    (n_known, header.names.len(), SEPARATORS.iter().rev().position(|s| *s == header.separator))
                })
                .ok_or(HeaderError::Quote { line: number })?;
            lines.advance(line.next, 1);
            return Ok(best.in_our_letters(known));
        }
    }
}

impl Header {
    /// Names that are ours but for their case become ours: some programs write `DECLARATION_ID`.
    fn in_our_letters(mut self, known: impl Fn(&str) -> bool) -> Self {
        for name in self.names.iter_mut().filter(|name| !known(name)) {
            let lower = name.to_lowercase();
            if known(&lower) {
                *name = lower;
            }
        }
        self
    }
}

fn names(text: &str, separator: u8) -> Option<Vec<String>> {
    let mut cells = Cells::default();
    if cells.split(text, separator) != Split::Whole {
        return None;
    }
    let record = cells.of(text);
    Some((0..cells.len()).filter_map(|i| record.get(i)).map(|name| name.trim().to_owned()).collect())
}

fn header_line(names: &[String], separator: u8) -> Arc<str> {
    let quoted = |name: &String| {
        let bare = !name.contains(['"', '\n', '\r', char::from(separator)]);
        if bare { name.clone() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    };
    let names: Vec<String> = names.iter().map(quoted).collect();
    names.join(char::from(separator).to_string().as_str()).into()
}

/// A CSV file behind its header.
pub struct CsvFile {
    source: Arc<str>,
    lines: Lines,
    separator: u8,
    wired: Wired,
    n_cells: usize,
    cells: Cells,
    /// The header line, written as it would be read.
    head: Arc<str>,
    /// Blank lines seen since the last row: first and how many. At the end of the file they mean nothing.
    blank: Option<(u64, u64)>,
}

impl CsvFile {
    /// Reads rows as `wired` says.
    pub fn new(source: Arc<str>, lines: Lines, separator: u8, wired: Wired) -> Self {
        let n_cells = wired.plan.inputs.len();
        let head = header_line(&wired.plan.inputs, separator);
        Self { source, lines, separator, wired, n_cells, cells: Cells::default(), head, blank: None }
    }

    /// Reads some records; `false` at the end.
    pub fn step(&mut self, sink: &mut RowSink, records: usize) -> io::Result<bool> {
        sink.head = Some(Arc::clone(&self.head));
        let more = self.records(sink, records);
        sink.head = None;
        more
    }

    fn records(&mut self, sink: &mut RowSink, records: usize) -> io::Result<bool> {
        for _ in 0..records {
            if !self.record(sink) {
                return self.lines.take_error().map_or(Ok(false), Err);
            }
            if sink.is_ready() {
                break;
            }
        }
        Ok(true)
    }

    fn record(&mut self, sink: &mut RowSink) -> bool {
        let at = Position::Line(self.lines.number());
        let line = match self.lines.ahead(0) {
            Ahead::Line(line) => line,
            Ahead::End => return false,
            Ahead::Torn(line) => {
                self.blank_lines(sink);
                let fault = Fault { code: "torn_line", reason: "the file breaks off in this line".to_owned() };
                sink.refuse(&self.source, at, &fault, self.lines.bytes(line.start, line.end).unwrap_or_default());
                self.lines.advance(line.next, 1);
                return true;
            }
            Ahead::TooLong => {
                self.blank_lines(sink);
                let begin = self.lines.skip_long_line();
                let reason = format!("the line has more than {} bytes", super::lines::LINE_BYTES_MAX);
                sink.refuse(&self.source, at, &Fault { code: "line_too_long", reason }, &begin);
                return true;
            }
        };
        let bytes = self.lines.bytes(line.start, line.end).unwrap_or_default();
        if bytes.trim_ascii().is_empty() {
            let (first, n) = self.blank.unwrap_or((self.lines.number(), 0));
            self.blank = Some((first, n + 1));
            self.lines.advance(line.next, 1);
            return true;
        }
        self.blank_lines(sink);
        let bytes = self.lines.bytes(line.start, line.end).unwrap_or_default();
        let (text, split) = match checked_text(bytes) {
            Ok(text) => (text, self.cells.split(text, self.separator)),
            Err(fault) => {
                sink.refuse(&self.source, at, &fault, bytes);
                self.lines.advance(line.next, 1);
                return true;
            }
        };
        match split {
            Split::Whole if self.cells.len() == self.n_cells => {
                sink.row(&self.source, at, &mut self.wired, &self.cells.of(text), bytes);
            }
            Split::Whole => {
                let (n, wanted) = (self.cells.len(), self.n_cells);
                let advice = if n > wanted {
                    "put quotes around cells that hold a separator"
                } else {
                    "the row is cut, or lacks a separator"
                };
                let reason = format!("the row has {n} cells and the header {wanted}; {advice}");
                sink.refuse(&self.source, at, &Fault { code: "wrong_cell_count", reason }, bytes);
            }
            Split::AfterQuote(cell) => {
                let reason =
                    format!("{}: text follows a closing quote; double the quotes inside a cell", self.name(cell));
                sink.refuse(&self.source, at, &Fault { code: "bad_quote", reason }, bytes);
            }
            Split::Open(cell) => {
                self.open_quote(sink, at, line, cell);
                return true;
            }
        }
        self.lines.advance(line.next, 1);
        true
    }

    /// A record whose first line leaves a quote open: several lines, or damage.
    fn open_quote(&mut self, sink: &mut RowSink, at: Position, first: Line, cell: usize) {
        if let Some((last, n_lines)) = self.join(first) {
            let bytes = self.lines.bytes(0, last.end).unwrap_or_default();
            match checked_text(bytes) {
                Ok(text) => sink.row(&self.source, at, &mut self.wired, &self.cells.of(text), bytes),
                Err(fault) => sink.refuse(&self.source, at, &fault, bytes),
            }
            self.lines.advance(last.next, n_lines);
            return;
        }
        let reason = format!("{}: a quote is opened and not closed; close it, or double it", self.name(cell));
        let bytes = self.lines.bytes(first.start, first.end).unwrap_or_default();
        sink.refuse(&self.source, at, &Fault { code: "open_quote", reason }, bytes);
        self.lines.advance(first.next, 1);
    }

    /// The last line of the record that begins with `first`, and how many there are, if there is such a record. Its
    /// cells are split as far as the first line goes.
    fn join(&mut self, first: Line) -> Option<(Line, u64)> {
        let looks_like_row = |lines: &Lines, line: Line| {
            let bytes = lines.bytes(line.start, line.end).unwrap_or_default();
            // With one or two columns any text has the right number of cells.
            self.n_cells > 2 && literal_cells(bytes, self.separator) == self.n_cells
        };
        let first_looks_like_row = looks_like_row(&self.lines, first);
        let mut last = first;
        for n_lines in 2..=JOIN_LINES_MAX {
            let Ahead::Line(line) = self.lines.ahead(last.next) else { return None };
            if line.end > JOIN_BYTES_MAX {
                return None;
            }
            last = line;
            let alone = looks_like_row(&self.lines, line);
            let own = self.lines.bytes(line.start, line.end).unwrap_or_default();
            let split = match memchr(b'"', own) {
                None => Split::Open(0),
                Some(_) => match str::from_utf8(self.lines.bytes(0, line.end).unwrap_or_default()) {
                    Ok(text) => self.cells.go_on(text, self.separator),
                    Err(_) => return None,
                },
            };
            match split {
                Split::Open(_) if !alone => {}
                Split::Whole if self.cells.len() == self.n_cells && !(alone && first_looks_like_row) => {
                    return Some((line, n_lines as u64));
                }
                _ => return None,
            }
        }
        None
    }

    /// Blank lines between rows may have been rows.
    fn blank_lines(&mut self, sink: &mut RowSink) {
        let Some((first, n)) = self.blank.take() else { return };
        for line in first..first + n {
            let fault = Fault { code: "blank_line", reason: "the line is blank; remove it".to_owned() };
            sink.refuse(&self.source, Position::Line(line), &fault, b"");
        }
    }

    fn name(&self, cell: usize) -> String {
        match self.wired.plan.inputs.get(cell) {
            Some(name) => format!("column {name:?}"),
            None => format!("cell {}", cell + 1),
        }
    }
}

/// The bytes as text, or which of them is none.
pub(super) fn checked_text(bytes: &[u8]) -> Result<&str, Fault> {
    if let Some(at) = memchr(0, bytes) {
        let reason = format!("byte {}: a NUL; remove it", at + 1);
        return Err(Fault { code: "nul_byte", reason });
    }
    str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or(0);
        Fault { code: "bad_utf8", reason: format!("byte {}: 0x{byte:02X} is no UTF-8; save the file as UTF-8", at + 1) }
    })
}
