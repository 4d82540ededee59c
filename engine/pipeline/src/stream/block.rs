//! Deliveries of one stream put together: one batch of rows, and which of them belong to which subject of which
//! delivery.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow::compute::{cast, concat, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::error::ArrowError;
use haechi_model::derive::across_subjects;
use haechi_model::{Column, Stream, conform};

/// The longest identifier: subjects are kept under them, and no real one comes near it.
pub(crate) const ID_BYTES_MAX: usize = 1_024;

/// Columns that only the engine may fill: what a sender writes there is not believed.
const OWNED: &[&str] = &["known_at", "as_of", "journal_position", "received_at"];

/// Rows of several deliveries, one behind the other, in canonical types and without columns of the engine's own.
pub(crate) fn unite(stream: &'static Stream, parts: &[&RecordBatch]) -> Result<RecordBatch, ArrowError> {
    let parts: Vec<RecordBatch> =
        parts.iter().map(|part| conform(stream, without_owned(part)?)).collect::<Result<_, _>>()?;
    if let [part] = parts.as_slice() {
        return Ok(part.clone());
    }
    let columns: Vec<_> =
        stream.all_columns().filter(|c| parts.iter().any(|part| part.column_by_name(c.name).is_some())).collect();
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    for column in columns {
        let field = column.field().with_nullable(true);
        let pieces: Vec<ArrayRef> = parts
            .iter()
            .map(|part| match part.column_by_name(column.name) {
                Some(array) if array.data_type() == field.data_type() => Ok(Arc::clone(array)),
                Some(array) => cast(array, field.data_type()),
                None => Ok(new_null_array(field.data_type(), part.num_rows())),
            })
            .collect::<Result<_, _>>()?;
        arrays.push(concat(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>())?);
        fields.push(field);
    }
    let rows = parts.iter().map(RecordBatch::num_rows).sum();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

fn without_owned(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema_ref();
    if OWNED.iter().all(|name| schema.column_with_name(name).is_none()) {
        return Ok(batch.clone());
    }
    let kept: Vec<usize> =
        (0..batch.num_columns()).filter(|i| !OWNED.contains(&schema.field(*i).name().as_str())).collect();
    batch.project(&kept)
}

/// Rows that belong together: one subject in one version, from one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Which delivery.
    pub order: usize,
    /// Which rows.
    pub rows: Range<usize>,
    /// The version that the sender gives, if any.
    pub version: Option<i32>,
}

/// The subjects of rows, by the column of ids; `ends` says where the rows of each delivery end. Rows without an id are
/// given apart: they belong to nobody.
pub(crate) fn runs(ids: &Ids<'_>, versions: Option<&ArrayRef>, ends: &[usize]) -> (Vec<Run>, Vec<usize>) {
    let versions = versions.and_then(|array| array.as_primitive_opt::<Int32Type>());
    let version = |row: usize| versions.filter(|v| v.is_valid(row)).map(|v| v.value(row));
    let (mut runs, mut nobody): (Vec<Run>, _) = (Vec::new(), Vec::new());
    let mut begin = 0;
    for (order, &end) in ends.iter().enumerate() {
        let mut current: Option<Run> = None;
        for row in begin..end {
            let Some(id) = ids.get(row) else {
                nobody.push(row);
                runs.extend(current.take());
                continue;
            };
            match &mut current {
                Some(run) if ids.get(run.rows.start) == Some(id) && run.version == version(row) => {
                    run.rows.end = row + 1;
                }
                _ => {
                    let begun = Run { order, rows: row..row + 1, version: version(row) };
                    runs.extend(current.replace(begun));
                }
            }
        }
        runs.extend(current);
        begin = end;
    }
    (runs, nobody)
}

/// The id of each row.
pub(crate) enum Ids<'a> {
    Plain(&'a StringArray),
    ByKey(&'a arrow::array::Int32Array, &'a StringArray),
}

impl<'a> Ids<'a> {
    /// The ids in a column, as streams have them.
    pub fn of(column: &'a ArrayRef) -> Option<Self> {
        if let Some(plain) = column.as_string_opt::<i32>() {
            return Some(Self::Plain(plain));
        }
        let dictionary = column.as_dictionary_opt::<Int32Type>()?;
        Some(Self::ByKey(dictionary.keys(), dictionary.values().as_string_opt::<i32>()?))
    }

    /// The id of a row, if it has one that can be used.
    pub fn get(&self, row: usize) -> Option<&'a str> {
        self.given(row).filter(|id| id.len() <= ID_BYTES_MAX)
    }

    /// The id of a row, if it has one.
    pub fn given(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Plain(ids) => ids.is_valid(row).then(|| ids.value(row)),
            Self::ByKey(keys, values) => {
                let key = keys.is_valid(row).then(|| keys.value(row) as usize)?;
                values.is_valid(key).then(|| values.value(key))
            }
        }
    }
}

/// What tells the subjects of a stream apart, or its facts: the id of a subject, all parts of the key of a fact. `None`
/// where the rows lack the column.
pub(crate) fn identities(stream: &'static Stream, rows: &RecordBatch) -> Result<Option<ArrayRef>, ArrowError> {
    let Some(first) = rows.column_by_name(stream.subject_key) else { return Ok(None) };
    let more = stream.columns.iter().filter(|column| column.key && column.name != stream.subject_key);
    let more: Vec<_> = more.map(|column| column.name).collect();
    if stream.lanes.is_some() || more.is_empty() {
        return Ok(Some(Arc::clone(first)));
    }
    // A part that the rows lack is one that is not given: what else is in a block changes nobody's identity.
    let texts = |array: Option<&ArrayRef>| match array {
        Some(array) => Ok::<_, ArrowError>(cast(array, &DataType::Utf8)?.as_string::<i32>().clone()),
        None => Ok(StringArray::new_null(rows.num_rows())),
    };
    let parts = std::iter::once(Some(first)).chain(more.into_iter().map(|name| rows.column_by_name(name)));
    let parts = parts.map(texts).collect::<Result<Vec<_>, _>>()?;
    let identity = |row: usize| {
        let whole = parts[0].is_valid(row).then(|| {
            let part =
                |texts: &StringArray| if texts.is_valid(row) { unjoined(texts.value(row)) } else { String::new() };
            parts.iter().map(part).collect::<Vec<_>>().join("\u{1f}")
        });
        whole.filter(|whole| !whole.is_empty())
    };
    Ok(Some(Arc::new((0..rows.num_rows()).map(identity).collect::<StringArray>())))
}

/// A part of a key without the character that joins parts, so that no two keys are the same when they are joined. No
/// identifier that means well has it in it, and those stay as they are.
fn unjoined(part: &str) -> String {
    part.replace('\u{1b}', "\u{1b}e").replace('\u{1f}', "\u{1b}j")
}

/// How many rows from `first` on are of the subject and version of that row.
pub(crate) fn subject_rows(stream: &'static Stream, rows: &RecordBatch, first: usize) -> usize {
    let ids = rows.column_by_name(stream.subject_key).and_then(Ids::of);
    ids.map_or(0, |ids| same_rows(&ids, rows.column_by_name("version"), first, rows.num_rows()))
}

/// As [`subject_rows`], of rows with these identities and versions.
pub(crate) fn same_rows(ids: &Ids<'_>, versions: Option<&ArrayRef>, first: usize, rows: usize) -> usize {
    let versions = versions.and_then(|array| array.as_primitive_opt::<Int32Type>());
    let version = |row: usize| versions.filter(|v| v.is_valid(row)).map(|v| v.value(row));
    let same = |row: &usize| ids.get(*row) == ids.get(first) && version(*row) == version(first);
    (first..rows).take_while(same).count()
}

/// The rows with what has to be kept with them since it cannot be had from them alone: the subjects' ids (they may be
/// pseudonyms, under a secret that changes), and columns that follow from other subjects of the same message, of which
/// `derive` gives one for some rows. `parts` are the rows by delivery.
pub(crate) fn with_what_follows<E: From<ArrowError>>(
    stream: &'static Stream,
    rows: &RecordBatch,
    parts: &[&RecordBatch],
    key: &ArrayRef,
    derive: impl Fn(&RecordBatch, &'static str) -> Result<Option<ArrayRef>, E>,
) -> Result<RecordBatch, E> {
    let mut kept = rows.clone();
    if stream.column(stream.subject_key).is_some_and(|column| column.derived) {
        kept = with_column(stream, &kept, stream.subject_key, Arc::clone(key))?;
    }
    for column in across_subjects(stream) {
        let mut pieces: Vec<ArrayRef> = Vec::new();
        let mut begin = 0;
        for part in parts.iter().filter(|part| part.num_rows() > 0) {
            pieces.extend(derive(&rows.slice(begin, part.num_rows()), column)?);
            begin += part.num_rows();
        }
        // Rows of one block have the same columns, so there is one for all of them or for none.
        if begin == rows.num_rows() && pieces.iter().map(Array::len).sum::<usize>() == begin {
            let whole = concat(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>())?;
            kept = with_column(stream, &kept, column, whole)?;
        }
    }
    Ok(kept)
}

/// The rows for which `keep` is true; the batch itself where that is all.
pub(crate) fn keep(batch: &RecordBatch, keep: &[bool]) -> Result<RecordBatch, ArrowError> {
    if keep.iter().all(|kept| *kept) {
        return Ok(batch.clone());
    }
    filter_record_batch(batch, &BooleanArray::from(keep.to_vec()))
}

/// The batch with another column of that name, or one more.
pub(crate) fn with_column(
    stream: &'static Stream,
    batch: &RecordBatch,
    name: &str,
    array: ArrayRef,
) -> Result<RecordBatch, ArrowError> {
    let mut fields: Vec<_> = batch.schema_ref().fields().iter().cloned().collect();
    let mut arrays = batch.columns().to_vec();
    let typed = |field: Field| Arc::new(field.with_data_type(array.data_type().clone()).with_nullable(true));
    if let Some((place, field)) = batch.schema_ref().column_with_name(name) {
        fields[place] = typed(field.clone());
        arrays[place] = array;
    } else {
        let declared = stream.column(name).map(Column::field);
        fields.push(typed(declared.unwrap_or_else(|| Field::new(name, DataType::Null, true))));
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

#[cfg(test)]
mod tests;
