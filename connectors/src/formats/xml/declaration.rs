//! What readers of goods declarations share: a row an item, the header on each, numbers of items, totals.

use std::sync::LazyLock;

use haechi_model::streams::DECLARATION;
use rustc_hash::FxHashSet;

use super::convert::{id, number};
use super::output::{LazySheet, Output, Row, Sheet};
use super::tree::Element;
use super::unit::{Parts, tell};
use super::value::Value;

/// The columns of declarations, with those that only a reader may know.
pub static SHEET: LazySheet = LazyLock::new(|| Sheet::new(&DECLARATION, ALSO));
const ALSO: &[&str] = &["message_path", "warnings", "importer_is_person", "importer_aeo", "declared_hour"];

/// Of a declaration with more items, only the first repeats what was odd about the header.
pub const HEADER_WARNINGS_ROWS_MAX: usize = 1000;

/// Writes the rows of a declaration: one an item, or one for all of it where no item comes. `read` reads an item.
pub fn write<'u>(
    parts: &Parts<'_, 'u>,
    mut header: Row<'u>,
    items: &[Element<'u>],
    item_path: &str,
    out: &mut Output<'_>,
    mut read: impl FnMut(Element<'u>, &dyn Fn() -> String, &Row<'u>, &mut Row<'u>),
) {
    out.count("declarations", 1);
    if items.is_empty() {
        if header.text(&SHEET, "change_kind") == Some("new") {
            let text = "a new declaration without items";
            header.warn("no_items", item_path, text);
        } else {
            header.warn("no_items", item_path, "a change without items: one row stands for it");
        }
        tell(&header, out);
        let mut row = Row::default();
        row.put(&SHEET, "item_no", 1);
        row.put(&SHEET, "preference_claimed", false);
        let stand = parts.stand(parts.unit.element, parts.unit.element.name().to_owned());
        out.write(&SHEET, &[&header, &row], &stand);
        return;
    }
    let n_max = out.options.subject_rows_max;
    if items.len() > n_max {
        let position = format!("byte {}, {item_path}", parts.unit.place.byte);
        let reason = format!("has {} items, more than the {n_max} that are read as one", items.len());
        return out.set_aside("too_many_items", &position, &reason, parts.unit.element.raw());
    }
    header.bound(items.len(), item_path);
    tell(&header, out);
    if parts.unit.truncated.is_some() {
        // Told once for the document; each row lacks what would have come.
        header.warn("truncated", item_path, "the message does not end");
    }
    let mut seen = FxHashSet::default();
    let mut free = 1;
    for (index, item) in items.iter().enumerate() {
        let path = || format!("{item_path}[{}]", index + 1);
        if !parts.is_whole(*item, &path(), out) {
            continue;
        }
        let mut row = Row::default();
        read(*item, &path, &header, &mut row);
        row.put_if_none(&SHEET, "preference_claimed", false);
        let sent = row.number(&SHEET, "item_no").filter(|n| *n >= 1.0).map(|n| n as i32);
        let number = match sent {
            Some(number) if seen.insert(number) => number,
            _ => {
                let mut number = i32::try_from(index + 1).unwrap_or(i32::MAX).max(free);
                while !seen.insert(number) {
                    number += 1;
                }
                free = number;
                row.warn("item_numbers", path(), format!("numbered {number} by its place"));
                number
            }
        };
        row.put(&SHEET, "item_no", number);
        let stand = parts.stand(*item, path());
        if out.write(&SHEET, &[&header, &row], &stand) {
            out.count("items", 1);
            if items.len() > HEADER_WARNINGS_ROWS_MAX {
                header.hush();
            }
        }
    }
}

/// Compares a number in the header with what it counts.
pub fn compare(header: &mut Row<'_>, code: &'static str, path: &str, said: Option<&str>, found: f64) {
    let Some(said) = said else { return };
    let Some(said) = number(said) else {
        if !header.warnings.iter().any(|warning| warning.path == path) {
            header.warn("bad_number", path, format!("`{}`", super::convert::short(said)));
        }
        return;
    };
    // The sum of nothing is -0.
    let found = found + 0.0;
    // Sums of decimals differ in the last place.
    if (said - found).abs() > 0.005 + 1e-9 * found.abs() {
        header.warn(code, path, format!("says {said}, the message holds {found}"));
    }
}

/// The number at a path, if it is one.
pub fn amount(element: Element<'_>, path: &str) -> Option<f64> {
    element.get(path).and_then(number)
}

/// A list of records, as a column takes it.
pub fn records<'u>(records: impl IntoIterator<Item = Vec<Value<'u>>>) -> Value<'u> {
    Value::List(records.into_iter().map(Value::Record).collect())
}

/// An ISO 4217 code and what stands behind it, of an element with `currencyID`.
pub fn money(element: Element<'_>) -> Option<(Option<std::borrow::Cow<'_, str>>, f64)> {
    let amount = element.value().and_then(number)?;
    Some((element.attribute_value("currencyID").map(id), amount))
}
