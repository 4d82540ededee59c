//! Batches as CSV and NDJSON, the way the readers expect them: header of column names, times in ISO 8601 with
//! zone, lists as JSON text, empty for NULL.

use std::io::{self, Write};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMillisecondType};
use chrono::{DateTime, NaiveDate, SecondsFormat};
use serde_json::Value;

use crate::damage::{self, Damage, Targets};

/// A cell as JSON.
pub(crate) fn json(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Dictionary(key, _) => {
            let (values, at) = if **key == DataType::Int16 {
                let codes = array.as_dictionary::<Int16Type>();
                (codes.values(), codes.key(row))
            } else {
                let codes = array.as_dictionary::<Int32Type>();
                (codes.values(), codes.key(row))
            };
            at.map_or(Value::Null, |at| Value::from(values.as_string::<i32>().value(at)))
        }
        DataType::Utf8 => Value::from(array.as_string::<i32>().value(row)),
        DataType::Int32 => Value::from(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => Value::from(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::from(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::from(array.as_boolean().value(row)),
        DataType::Date32 => {
            let day = array.as_primitive::<Date32Type>().value(row);
            Value::from(NaiveDate::from_num_days_from_ce_opt(day + 719_163).unwrap_or_default().to_string())
        }
        DataType::Timestamp(..) => {
            let ms = array.as_primitive::<TimestampMillisecondType>().value(row);
            let instant = DateTime::from_timestamp_millis(ms).unwrap_or_default();
            Value::from(instant.to_rfc3339_opts(SecondsFormat::Secs, true))
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|i| json(&items, i)).collect()
        }
        DataType::Struct(fields) => {
            let record = array.as_struct();
            fields.iter().zip(record.columns()).map(|(f, c)| (f.name().clone(), json(c, row))).collect()
        }
        // The generated streams have no other types.
        _ => Value::Null,
    }
}

/// Writes rows of one stream as text, damaging some.
pub(crate) struct TextWriter<'a, W> {
    pub(crate) out: W,
    pub(crate) as_json: bool,
    pub(crate) targets: &'a Targets,
    /// The line the next row comes to stand on, from 1.
    pub(crate) line: u64,
    buffer: Vec<u8>,
}

impl<'a, W: Write> TextWriter<'a, W> {
    pub(crate) fn new(out: W, as_json: bool, targets: &'a Targets) -> Self {
        Self { out, as_json, targets, line: 1, buffer: Vec::with_capacity(2_048) }
    }

    /// Writes a batch; `damage` says what each line takes, and is told of no line twice.
    pub(crate) fn write(
        &mut self,
        batch: &RecordBatch,
        mut damage: impl FnMut(u64) -> Option<Damage>,
    ) -> io::Result<()> {
        let schema = batch.schema();
        if self.line == 1 && !self.as_json {
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            writeln!(self.out, "{}", names.join(","))?;
            self.line = 2;
        }
        for row in 0..batch.num_rows() {
            let taken = damage(self.line);
            self.buffer.clear();
            for (n, (field, column)) in schema.fields().iter().zip(batch.columns()).enumerate() {
                let changed = taken.and_then(|kind| damage::value(kind, self.targets, field.name()));
                let value = changed.unwrap_or_else(|| json(column, row));
                if self.as_json {
                    json_cell(&mut self.buffer, field.name(), &value)?;
                } else {
                    csv_cell(&mut self.buffer, n, &value);
                }
            }
            if self.as_json {
                if self.buffer.is_empty() {
                    self.buffer.push(b'{');
                }
                self.buffer.push(b'}');
            }
            if let Some(kind) = taken {
                damage::line(kind, self.as_json, &mut self.buffer);
            }
            self.buffer.push(b'\n');
            self.out.write_all(&self.buffer)?;
            self.line += 1;
        }
        Ok(())
    }
}

/// Appends `"name":value`; NULL and empty lists are left out.
fn json_cell(out: &mut Vec<u8>, name: &str, value: &Value) -> io::Result<()> {
    if value.is_null() || value.as_array().is_some_and(Vec::is_empty) {
        return Ok(());
    }
    out.push(if out.is_empty() { b'{' } else { b',' });
    serde_json::to_writer(&mut *out, name)?;
    out.push(b':');
    serde_json::to_writer(out, value)?;
    Ok(())
}

/// Appends a field, quoted where RFC 4180 asks for it.
fn csv_cell(out: &mut Vec<u8>, n: usize, value: &Value) {
    if n > 0 {
        out.push(b',');
    }
    let text = match value {
        Value::Null => return,
        Value::Array(items) if items.is_empty() => return,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.contains([',', '"', '\n', '\r']) {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}
