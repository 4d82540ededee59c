//! Which rows of a canonical batch stay: those without a fault whose key is admitted.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_model::{Cell, Stream};

use super::cell::Fault;
use super::convert::Faults;
use super::rows::RowSink;
use super::seams::key_at;
use super::subjects::{KeyHasher, RowKey, column_hash, hash};

/// Lets those rows of a canonical batch through that have no fault and whose key is admitted; `shown` has their text.
pub fn admit(
    stream: &'static Stream,
    sink: &mut RowSink,
    batch: RecordBatch,
    faults: &Faults,
    place: &dyn Fn(usize) -> (String, String),
    shown: &RecordBatch,
) -> Result<(), ArrowError> {
    let mut keys = if sink.gate.is_some() { Keys::of(stream, &batch) } else { None };
    if keys.is_none() && faults.is_empty() {
        sink.push_batch(batch);
        return Ok(());
    }
    // A derived key (a traveller's) may follow from the other columns, later: such a row has no key to compare yet.
    let follows = stream.column(stream.subject_key).is_some_and(|column| column.derived);
    let no_key = Fault { code: "missing_key", reason: format!("`{}` is missing", stream.subject_key) };
    let mut refused = Vec::new();
    for row in 0..batch.num_rows() {
        let fault = if faults.is_empty() { None } else { faults.get(&row) };
        if let Some(fault) = fault {
            refused.push(row);
            refuse(sink, place(row), fault, shown, row);
            continue;
        }
        let Some(keys) = &mut keys else { continue };
        let Some(key) = keys.at(row) else {
            if !follows {
                refused.push(row);
                refuse(sink, place(row), &no_key, shown, row);
            }
            continue;
        };
        if let Some(Err(why)) = sink.gate.as_mut().map(|gate| gate.admit(key)) {
            refused.push(row);
            let fault = sink.refusal(why, keys.subject(row));
            refuse(sink, place(row), &fault, shown, row);
        }
    }
    drop(keys);
    if refused.is_empty() {
        sink.push_batch(batch);
        return Ok(());
    }
    let mut kept = vec![true; batch.num_rows()];
    for row in refused {
        kept[row] = false;
    }
    sink.push_batch(filter_record_batch(&batch, &BooleanArray::from(kept))?);
    Ok(())
}

fn refuse(sink: &mut RowSink, (source, position): (String, String), fault: &Fault, shown: &RecordBatch, row: usize) {
    sink.refuse_at(&source, &position, fault, row_text(shown, row).as_bytes());
}

/// The key columns of a batch.
struct Keys<'a> {
    subjects: &'a DictionaryArray<Int32Type>,
    /// Code and hash of the subject before: rows of a subject stand together.
    last: Option<(i32, u64)>,
    others: Vec<Other<'a>>,
}

enum Other<'a> {
    Number { name: &'static str, hashed: u64, numbers: &'a Int32Array },
    Text { name: &'static str, array: &'a ArrayRef },
}

impl<'a> Keys<'a> {
    fn of(stream: &'static Stream, batch: &'a RecordBatch) -> Option<Self> {
        let subjects = batch.column_by_name(stream.subject_key)?.as_dictionary_opt::<Int32Type>()?;
        let columns = stream.all_columns().filter(|c| c.key && c.name != stream.subject_key);
        let others = columns.filter_map(|c| {
            let array = batch.column_by_name(c.name)?;
            Some(match array.as_primitive_opt::<Int32Type>() {
                Some(numbers) => Other::Number { name: c.name, hashed: column_hash(c.name), numbers },
                None => Other::Text { name: c.name, array },
            })
        });
        Some(Self { subjects, last: None, others: others.collect() })
    }

    /// The key of a row; `None` where its subject is NULL.
    fn at(&mut self, row: usize) -> Option<RowKey> {
        if self.subjects.is_null(row) {
            return None;
        }
        let code = self.subjects.keys().value(row);
        let subject = match self.last {
            Some((last, hashed)) if last == code => hashed,
            _ => hash(self.subject(row)),
        };
        self.last = Some((code, subject));
        let mut key = KeyHasher::default();
        key.subject_hash(subject);
        for other in &self.others {
            match other {
                Other::Number { name, hashed, numbers } if numbers.is_valid(row) => {
                    key.and_number(name, *hashed, i64::from(numbers.value(row)));
                }
                Other::Number { .. } => {}
                Other::Text { name, array } => key.and(name, &key_at(array, row).map_or(Cell::Null, Cell::Text)),
            }
        }
        Some(key.finish())
    }

    fn subject(&self, row: usize) -> &'a str {
        key_at(self.subjects, row).unwrap_or("")
    }
}

/// A row as one line of JSON, for people to read.
pub fn row_text(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_display_error(true);
    let mut object = serde_json::Map::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        if array.is_null(row) {
            continue;
        }
        let cell = array.slice(row, 1);
        // Arrow shows times with a zone only where it is built with all zones; these are UTC inside.
        let cell = match cell.data_type() {
            DataType::Timestamp(unit, Some(_)) => cast(&cell, &DataType::Timestamp(*unit, None)).unwrap_or(cell),
            _ => cell,
        };
        if let Ok(formatter) = ArrayFormatter::try_new(cell.as_ref(), &options) {
            object.insert(field.name().clone(), formatter.value(0).to_string().into());
        }
    }
    serde_json::Value::Object(object).to_string()
}
