//! List cells: a JSON array, or the text of one in a CSV cell. Small and rare beside the other cells, so they may
//! allocate: values are brought into form in place, then handed on borrowed.

use std::borrow::Cow;

use chrono_tz::Tz;
use haechi_model::{Cell, Kind, Member};
use serde_json::Value;

use super::cell::{CELL_BYTES_MAX, CellReader, Fault, Raw, composed, flag, is_null, upper};
use super::notes::Notes;
use super::time;

/// Reads a list cell into `room`.
pub(super) fn read<'a>(
    reader: &CellReader,
    raw: Raw<'_>,
    room: &'a mut Value,
    notes: &mut Notes,
) -> Result<Cell<'a>, Fault> {
    let text = match raw {
        Raw::Missing | Raw::Json(Value::Null) => return Ok(Cell::Null),
        Raw::Json(Value::String(text)) => text,
        Raw::Text(text) => text,
        Raw::Json(other) => {
            *room = other.clone();
            return settle(reader, room, notes);
        }
    };
    if text.len() > CELL_BYTES_MAX {
        return Err(reader.fault("cell_too_long", text, &format!("has more than {CELL_BYTES_MAX} bytes; shorten it")));
    }
    let text = text.trim();
    if is_null(text) {
        return Ok(Cell::Null);
    }
    let no_list = || reader.fault("bad_list", text, "is no JSON list; write [\"A\", \"B\"]");
    *room = serde_json::from_str(text).map_err(|_| no_list())?;
    settle(reader, room, notes)
}

fn settle<'a>(reader: &CellReader, value: &'a mut Value, notes: &mut Notes) -> Result<Cell<'a>, Fault> {
    let kind = reader.column().kind;
    let Value::Array(elements) = value else {
        return Err(reader.fault("bad_list", "", "is no list; write [\"A\", \"B\"]"));
    };
    elements.retain(|element| !element.is_null());
    for (i, element) in elements.iter_mut().enumerate() {
        form_element(element, kind, reader.zone(), reader, notes)
            .map_err(|wrong| reader.fault("bad_list", "", &format!("has a bad element {}: {wrong}", i + 1)))?;
    }
    Ok(Cell::List(elements.iter().map(|element| cell(element, kind)).collect()))
}

fn form_element(
    element: &mut Value,
    kind: Kind,
    zone: Tz,
    reader: &CellReader,
    notes: &mut Notes,
) -> Result<(), Cow<'static, str>> {
    let members = match kind {
        Kind::List(scalar) => return form(element, *scalar, zone),
        Kind::Records(members) => members,
        _ => return Err("it is no list".into()),
    };
    let Value::Object(record) = element else { return Err("it is no object".into()) };
    for name in record.keys() {
        if !members.iter().any(|member| member.name == name) {
            let column = reader.column().name;
            notes.row("unknown_member", column, name, || {
                format!("column {:?}: no member {name:?} is known; left out", reader.shown())
            });
        }
    }
    for Member { name, kind, nullable } in members {
        let value = record.entry(*name).or_insert(Value::Null);
        if let (Kind::List(scalar), Value::Array(values)) = (kind, &mut *value) {
            for value in values {
                form(value, **scalar, zone)?;
            }
            continue;
        }
        form(value, *kind, zone).map_err(|wrong| Cow::from(format!("{name:?} {wrong}")))?;
        if value.is_null() && !nullable && !matches!(kind, Kind::List(_)) {
            return Err(format!("{name:?} is missing").into());
        }
    }
    Ok(())
}

/// Brings a value into the form that [`cell`] reads: text trimmed and normal, dates and times as numbers.
fn form(value: &mut Value, kind: Kind, zone: Tz) -> Result<(), Cow<'static, str>> {
    if let Value::String(text) = value {
        if text.contains('\0') {
            return Err("holds a NUL character".into());
        }
        let trimmed = text.trim();
        if is_null(trimmed) {
            *value = Value::Null;
        } else if trimmed.len() != text.len() {
            *text = trimmed.to_owned();
        }
    }
    let mut room = String::new();
    *value = match (kind, &*value) {
        (_, Value::Null) => Value::Null,
        (Kind::Id, Value::String(text)) => upper(text, &mut room).into(),
        (Kind::Text, Value::String(text)) => composed(text, &mut room).into(),
        (Kind::Id | Kind::Code | Kind::Text, Value::Number(n)) => n.to_string().into(),
        (Kind::Code, Value::String(text)) => text.as_str().into(),
        (Kind::I32, Value::Number(n)) => {
            let n = n.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or("is not a whole number in range")?;
            n.into()
        }
        (Kind::I32, Value::String(text)) => text.parse::<i32>().map_err(|_| "is not a whole number")?.into(),
        (Kind::F64, Value::Number(n)) => amount(n.as_f64())?,
        (Kind::F64, Value::String(text)) => amount(text.parse().ok())?,
        (Kind::Bool, Value::Bool(yes)) => (*yes).into(),
        (Kind::Bool, Value::Number(n)) => flag(&n.to_string()).ok_or("is no yes or no")?.into(),
        (Kind::Bool, Value::String(text)) => flag(text).ok_or("is no yes or no")?.into(),
        (Kind::Date, Value::String(text)) => time::date(text, None).map_err(|_| "is no date")?.into(),
        (Kind::Ts, Value::String(text)) => time::instant(text, None, zone).map_err(|_| "is no time")?.ms.into(),
        _ => return Err("is of the wrong type".into()),
    };
    Ok(())
}

fn amount(x: Option<f64>) -> Result<Value, Cow<'static, str>> {
    match x {
        Some(x) if x.is_finite() && x >= 0.0 => Ok(x.into()),
        Some(x) if x.is_finite() => Err("is negative".into()),
        _ => Err("is not a number".into()),
    }
}

/// A value in form, as a cell.
fn cell(value: &Value, kind: Kind) -> Cell<'_> {
    match (kind, value) {
        (Kind::List(scalar), Value::Array(values)) => Cell::List(values.iter().map(|v| cell(v, *scalar)).collect()),
        (Kind::List(scalar), value) => cell(value, *scalar),
        (Kind::Records(members), Value::Object(record)) => {
            let member = |m: &Member| match (m.kind, record.get(m.name)) {
                (_, None | Some(Value::Null)) => Cell::Null,
                (kind @ Kind::List(_), Some(value @ Value::Array(_))) => cell(value, kind),
                (kind, Some(value)) => cell(value, kind),
            };
            Cell::Record(members.iter().map(member).collect())
        }
        (Kind::Date, Value::Number(n)) => Cell::Date(n.as_i64().unwrap_or(0) as i32),
        (Kind::Ts, Value::Number(n)) => Cell::Ts(n.as_i64().unwrap_or(0)),
        (Kind::I32, Value::Number(n)) => Cell::I32(n.as_i64().unwrap_or(0) as i32),
        (_, Value::Number(n)) => n.as_f64().map_or(Cell::Null, Cell::F64),
        (_, Value::Bool(yes)) => Cell::Bool(*yes),
        (_, Value::String(text)) => Cell::Text(text),
        _ => Cell::Null,
    }
}
