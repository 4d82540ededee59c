//! A header with a `?`: the cell's value stands in its place.

use haechi_model::{Kind, Stream};

use super::Composer;
use super::clause::{alternatives, unquoted};
use crate::tables::cells::Cell;
use crate::yaml::number;

/// A condition with one place for a value.
pub(super) struct Template {
    place: usize,
    /// The value is text, even where it looks like a number.
    text: bool,
    /// `IN (?)`: several values may stand in the cell.
    many: bool,
}

/// Bytes at which a `?` stands outside quotes.
pub(super) fn places(text: &str) -> Vec<usize> {
    let mut quote = None;
    let mut places = Vec::new();
    for (i, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'?') => places.push(i),
            _ => {}
        }
    }
    places
}

/// Functions whose argument at the place is text: names of lists, keys, patterns.
const TEXT_FUNCTIONS: &[&str] = &[
    "in_list",
    "any_in_list",
    "mentions",
    "lookup",
    "starts_with",
    "ends_with",
    "contains",
    "strpos",
    "regexp_like",
    "array_has",
];

impl Template {
    pub fn new(text: &str, place: usize, stream: &Stream) -> Self {
        let before = text[..place].trim_end();
        let after = text[place + 1..].trim_start();
        let in_list = before.strip_suffix('(').map(|before| before.trim_end().to_ascii_lowercase());
        let many = after.starts_with(')') && in_list.is_some_and(|before| before.ends_with(" in"));
        Self { place, text: is_text(before, stream), many }
    }

    /// Adds the clause, in parentheses since a template may hold an `OR`.
    pub fn compose(&self, sql: &mut Composer, header: &Cell, cell: &Cell) -> bool {
        sql.clause(cell);
        if sql.cells.iter().all(|at| *at != header.at) {
            // Before the cell itself: a range over both is shown at the value.
            sql.cells.insert(0, header.at.clone());
        }
        sql.word("(", cell);
        sql.part(header, 0..self.place);
        let whole = 0..cell.text.len();
        let parts = if self.many { alternatives(&cell.text, whole) } else { vec![whole] };
        for (i, part) in parts.into_iter().enumerate() {
            if i > 0 {
                sql.word(", ", cell);
            }
            let inner = unquoted(&cell.text, part.clone());
            let bare = inner == part && !self.text && number(&cell.text[inner.clone()]).is_some();
            if bare {
                sql.part(cell, inner);
            } else {
                sql.quoted(cell, inner);
            }
        }
        sql.part(header, self.place + 1..header.text.len());
        sql.word(")", cell);
        true
    }
}

/// Whether what stands before the place asks for text: a text column and a comparison, or a function over text.
fn is_text(before: &str, stream: &Stream) -> bool {
    let lower = before.to_ascii_lowercase();
    if lower.ends_with("like") {
        return true;
    }
    if let Some(open) = lower.rfind('(') {
        let function = lower[..open].trim_end();
        let name_at = function.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |i| i + 1);
        let closed = lower[open..].contains(')');
        if !closed && TEXT_FUNCTIONS.contains(&&function[name_at..]) {
            return true;
        }
        // `column IN (?)`
        if let Some(column) = function.strip_suffix(" in").filter(|_| lower[open..].trim() == "(") {
            return column_is_text(column.strip_suffix(" not").unwrap_or(column), stream);
        }
    }
    let left = lower.trim_end_matches(['=', '<', '>', '!']);
    left.len() < lower.len() && column_is_text(left, stream)
}

/// Whether the expression ends in the bare name of a text column.
fn column_is_text(expression: &str, stream: &Stream) -> bool {
    let expression = expression.trim_end();
    let start = expression.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |i| i + 1);
    let column = stream.column(&expression[start..]);
    column.is_some_and(|column| matches!(column.kind, Kind::Id | Kind::Code | Kind::Text))
}
