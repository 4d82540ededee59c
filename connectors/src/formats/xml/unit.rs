//! What readers of all formats do with a unit: set faulty parts aside, say where a row stands, read by tables.

use std::sync::LazyLock;

use chrono_tz::Tz;
use haechi_model::Stream;

use super::map::{Field, Table};
use super::output::{Output, Row, Sheet, Stand};
use super::scan::{Fault, Unit};
use super::tree::Element;

/// A table of a format, made ready when it is first asked.
pub type LazyTable = LazyLock<Table>;

/// A table for rows of a sheet.
pub fn table(fields: &'static [Field], sheet: &Sheet) -> Table {
    Table::new(fields, sheet.stream, sheet.also)
}

/// Derived columns that only a reader can know, in every stream.
pub const ALSO: &[&str] = &["message_path", "warnings"];

/// A sheet of a stream with them.
pub fn sheet(stream: &'static Stream) -> Sheet {
    Sheet::new(stream, ALSO)
}

/// Where parts of a unit stand, and which of them are whole.
pub struct Parts<'r, 'u> {
    /// Their unit.
    pub unit: &'r Unit<'u>,
}

impl<'u> Parts<'_, 'u> {
    /// The unit, unless something is wrong with what no part of it holds: then it is set aside. Of one that is cut
    /// off, what stands before is read.
    pub fn of<'r>(unit: &'r Unit<'u>, parts: &[Element<'_>], out: &mut Output<'_>) -> Option<Parts<'r, 'u>> {
        let in_part = |fault: &Fault| parts.iter().any(|part| part.holds(fault.node));
        for fault in unit.faults.iter().filter(|fault| !fault.breaks()) {
            let position = position(unit, fault);
            if fault.code == "text_too_long" {
                out.set_aside(fault.code, &position, fault.reason, "");
            } else {
                out.warn(fault.code, position, fault.reason);
            }
        }
        if let Some(fault) = unit.faults.iter().find(|fault| fault.breaks() && !in_part(fault)) {
            let position = position(unit, fault);
            if fault.code == "truncated" && !parts.is_empty() {
                out.warn("truncated", position, "the header is cut off behind the last part; what is there was read");
            } else {
                out.set_aside(fault.code, &position, fault.reason, unit.element.raw());
                return None;
            }
        }
        if unit.truncated.is_some() && unit.faults.iter().any(|fault| fault.code == "truncated" && in_part(fault)) {
            out.warn("truncated", format!("line {}", unit.place.line), "the message does not end");
        }
        Some(Parts { unit })
    }

    /// Whether a part is whole; else it is set aside.
    pub fn is_whole(&self, part: Element<'u>, path: &str, out: &mut Output<'_>) -> bool {
        let Some(fault) = self.unit.faults.iter().find(|fault| fault.breaks() && part.holds(fault.node)) else {
            return true;
        };
        out.set_aside(fault.code, &format!("{path}, {}", position(self.unit, fault)), fault.reason, part.raw());
        false
    }

    /// Where a part stands.
    pub fn stand(&self, part: Element<'u>, path: String) -> Stand<'u> {
        Stand { position: format!("byte {}, {path}", self.unit.byte(part)), path, raw: part.raw() }
    }
}

fn position(unit: &Unit<'_>, fault: &Fault) -> String {
    format!("{}, line {}, column {}", unit.element.name(), fault.line, fault.column)
}

/// Reads an element by a table into a row.
pub fn fill<'u>(table: &Table, element: Element<'u>, zone: Tz, at: &dyn Fn() -> String, row: &mut Row<'u>) {
    let mut warnings = std::mem::take(&mut row.warnings);
    table.read(element, zone, at, &mut warnings, &mut |column, value| row.put_at(column, value));
    row.warnings = warnings;
}

/// What every row says of the message it came in.
pub struct Envelope<'u> {
    /// Column `message_format`.
    pub format: &'static str,
    /// Column `message_version`.
    pub version: String,
    /// Column `message_id`.
    pub id: String,
    /// Column `sender_id`.
    pub sender: std::borrow::Cow<'u, str>,
    /// Column `message_issued_at`.
    pub issued_at: Option<i64>,
    /// Column `change_kind`.
    pub change: &'static str,
    /// Column `change_reason`.
    pub reason: Option<String>,
}

impl<'u> Envelope<'u> {
    /// Puts it into a row.
    pub fn put(self, sheet: &Sheet, row: &mut Row<'u>) {
        use super::value::Value;
        row.put(sheet, "version", 1);
        row.put(sheet, "change_kind", self.change);
        row.put(sheet, "change_reason", self.reason);
        row.put(sheet, "message_format", self.format);
        row.put(sheet, "message_version", if self.version.is_empty() { "unknown".to_owned() } else { self.version });
        row.put(sheet, "message_id", self.id);
        row.put(sheet, "sender_id", self.sender);
        row.put(sheet, "message_issued_at", self.issued_at.map_or(Value::Null, Value::Ts));
    }
}

/// Warnings of a header are told once, though every row has them.
pub fn tell(row: &Row<'_>, out: &mut Output<'_>) {
    for warning in &row.warnings {
        out.warn_with(warning);
    }
}
