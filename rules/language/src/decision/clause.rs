//! One cell under a column's name, as a condition on that column:
//! `6402|6403`, `>4.5`, `1..5`, `!=CN`, `LIKE 64%`, `null`, `not null`.

use std::ops::Range;

use haechi_model::{Column, Kind};

use super::Composer;
use crate::load::form::Form;
use crate::load::rules::parse_day;
use crate::tables::cells::Cell;
use crate::yaml::number;

/// Whether a cell can be compared with a column of this kind.
pub(super) fn can_ask(kind: Kind) -> bool {
    !matches!(kind, Kind::List(_) | Kind::Records(_) | Kind::Hash)
}

/// Comparisons a cell may open with, the longer ones first.
const OPERATORS: &[&str] = &[">=", "<=", "!=", "<>", ">", "<", "="];

/// Adds the clause; `false` where the cell does not fit, which is reported.
pub(super) fn compose(form: &mut Form<'_>, sql: &mut Composer, column: &Column, cell: &Cell) -> bool {
    let text = cell.text.as_str();
    let whole = 0..text.len();
    sql.clause(cell);
    if text.eq_ignore_ascii_case("null") {
        sql.word(&format!("{} IS NULL", column.name), cell);
        return true;
    }
    if text.eq_ignore_ascii_case("not null") {
        sql.word(&format!("{} IS NOT NULL", column.name), cell);
        return true;
    }
    if column.kind == Kind::Bool {
        return flag(form, sql, column, cell);
    }
    for pattern in ["LIKE ", "ILIKE ", "NOT LIKE ", "NOT ILIKE "] {
        if text.get(..pattern.len()).is_some_and(|start| start.eq_ignore_ascii_case(pattern)) {
            let range = trimmed(text, pattern.len()..text.len());
            sql.word(&format!("{} {pattern}", column.name), cell);
            sql.quoted(cell, unquoted(text, range));
            return true;
        }
    }
    if let Some(operator) = OPERATORS.iter().find(|operator| text.starts_with(**operator)) {
        let range = trimmed(text, operator.len()..text.len());
        return match *operator {
            "!=" | "<>" => one_of(form, sql, column, cell, range, true),
            "=" => one_of(form, sql, column, cell, range, false),
            operator => {
                sql.word(&format!("{} {operator} ", column.name), cell);
                literal(form, sql, column, cell, range)
            }
        };
    }
    if let Some((low, high)) = ends(text) {
        if !in_order(column.kind, &text[low.clone()], &text[high.clone()]) {
            let message = format!("nothing lies in the range `{text}`");
            form.error("E0424", cell.at.clone(), message, "the lower end comes first");
            return false;
        }
        sql.word(&format!("{} BETWEEN ", column.name), cell);
        let fits = literal(form, sql, column, cell, low);
        sql.word(" AND ", cell);
        return literal(form, sql, column, cell, high) && fits;
    }
    one_of(form, sql, column, cell, whole, false)
}

fn flag(form: &mut Form<'_>, sql: &mut Composer, column: &Column, cell: &Cell) -> bool {
    match cell.text.to_ascii_lowercase().as_str() {
        "true" | "yes" => sql.word(column.name, cell),
        "false" | "no" => sql.word(&format!("NOT {}", column.name), cell),
        _ => {
            misfit(form, column, cell, 0..cell.text.len());
            return false;
        }
    }
    true
}

/// `a|b|c`: any of these, or none of them.
fn one_of(
    form: &mut Form<'_>,
    sql: &mut Composer,
    column: &Column,
    cell: &Cell,
    range: Range<usize>,
    negated: bool,
) -> bool {
    let parts = alternatives(&cell.text, range);
    let many = parts.len() > 1;
    let (one, open) = if negated { (" <> ", " NOT IN (") } else { (" = ", " IN (") };
    sql.word(&format!("{}{}", column.name, if many { open } else { one }), cell);
    let mut fits = true;
    for (i, part) in parts.into_iter().enumerate() {
        if i > 0 {
            sql.word(", ", cell);
        }
        fits &= literal(form, sql, column, cell, part);
    }
    if many {
        sql.word(")", cell);
    }
    fits
}

/// The ranges between `|`; a text in single quotes is one whatever it holds.
pub(super) fn alternatives(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    if unquoted(text, range.clone()) != range {
        return vec![range];
    }
    let mut parts = Vec::new();
    let mut start = range.start;
    for part in text[range.clone()].split('|') {
        parts.push(trimmed(text, start..start + part.len()));
        start += part.len() + 1;
    }
    parts
}

/// A value of the column's kind, as SQL.
fn literal(form: &mut Form<'_>, sql: &mut Composer, column: &Column, cell: &Cell, range: Range<usize>) -> bool {
    let inner = unquoted(&cell.text, range.clone());
    let text = &cell.text[inner.clone()];
    let fits = !text.is_empty()
        && match column.kind {
            Kind::I32 | Kind::I64 | Kind::F64 => number(text).is_some(),
            Kind::Date => parse_day(text).is_some(),
            Kind::Ts => text.get(..10).is_some_and(|day| parse_day(day).is_some()),
            _ => true,
        };
    if !fits {
        misfit(form, column, cell, range);
        return false;
    }
    match column.kind {
        Kind::I32 | Kind::I64 | Kind::F64 => sql.part(cell, inner),
        Kind::Date => {
            sql.word("DATE ", cell);
            sql.quoted(cell, inner);
        }
        Kind::Ts => {
            sql.word("TIMESTAMP ", cell);
            sql.quoted(cell, inner);
        }
        _ => sql.quoted(cell, inner),
    }
    true
}

fn misfit(form: &mut Form<'_>, column: &Column, cell: &Cell, range: Range<usize>) {
    let wanted = match column.kind {
        Kind::Bool => "`true` or `false`",
        Kind::I32 | Kind::I64 | Kind::F64 => "a number, `>4.5`, `<=10`, or `1..5`",
        Kind::Date => "a date such as `>=2026-03-01`",
        Kind::Ts => "an instant such as `>=2026-03-01T00:00:00Z`",
        _ => "a text, or several with `|` between them",
    };
    let shown = &cell.text[range.clone()];
    let at = if range.is_empty() { cell.at.clone() } else { cell.origin(range.start)..cell.origin(range.end - 1) + 1 };
    let message = format!("`{shown}` does not fit `{}`, which is {}", column.name, column.kind.word());
    form.error("E0423", at, message, format!("write {wanted}, `null`, `not null`, or nothing"));
}

/// The two ends of `a..b`.
fn ends(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let dots = text.find("..").filter(|_| !text.starts_with('\''))?;
    let low = trimmed(text, 0..dots);
    let high = trimmed(text, dots + 2..text.len());
    (!low.is_empty() && !high.is_empty() && !text[high.clone()].starts_with('.')).then_some((low, high))
}

fn in_order(kind: Kind, low: &str, high: &str) -> bool {
    match (number(low), number(high)) {
        (Some(low), Some(high)) if !kind.is_text() => low <= high,
        _ if kind.is_text() || matches!(kind, Kind::Date | Kind::Ts) => low <= high,
        _ => true,
    }
}

/// The range without blanks at its ends.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

/// Inside the single quotes, if the range has them.
pub(super) fn unquoted(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    if part.len() >= 2 && part.starts_with('\'') && part.ends_with('\'') {
        range.start + 1..range.end - 1
    } else {
        range
    }
}
