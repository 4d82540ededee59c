//! Rows that were mended, put where they belong: among those of their subject that could be read before.
//!
//! A declaration of which one item was set aside has been decided on without it. Its mended item alone would be taken
//! for the whole declaration, and the others would be gone; so it goes with them, as the next version.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Int32Type, Schema};
use arrow::error::ArrowError;
use haechi_model::{Stream, conform};
use haechi_store::{Position, Store, StoreError};

/// Why the rest of a subject cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The journal no longer has it.
    #[error("the rest of {subject} (position {position}) is not in the store any more; send the subject whole")]
    Archived {
        /// Whose.
        subject: String,
        /// Where it stood.
        position: Position,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows do not go together.
    #[error("the mended rows do not go with those read before: {0}")]
    Rows(#[from] ArrowError),
}

/// Where a row of the result is taken from: which batch, which row.
type Place = (usize, usize);

/// The mended rows with all others of the newest version of their subjects, each such subject under the next version. A
/// subject that came anew meanwhile is then a conflict and not overwritten. Mended rows lack what the header says where
/// they were parts of a message: they take it from the others. Subjects of one row, and new ones, are as they were.
pub fn merge(store: &Store, stream: &'static Stream, mended: RecordBatch) -> Result<RecordBatch, MergeError> {
    let item = stream.columns.iter().find(|column| column.key && column.name != stream.subject_key);
    let (Some(_), Some(item)) = (stream.together, item) else { return Ok(mended) };
    let mended = conform(stream, mended)?;
    let (ids, items) = (texts(&mended, stream.subject_key)?, numbers(&mended, item.name)?);
    let given = numbers(&mended, "version")?;
    let mut subjects: Vec<(&str, Vec<usize>)> = Vec::new();
    for row in 0..mended.num_rows() {
        let id = if ids.is_valid(row) { ids.value(row) } else { "" };
        match subjects.iter_mut().find(|(known, _)| *known == id) {
            Some((_, rows)) => rows.push(row),
            None => subjects.push((id, vec![row])),
        }
    }
    let mut batches = vec![mended.clone()];
    let mut places: Vec<Place> = Vec::new();
    let mut versions: Vec<Option<i32>> = Vec::new();
    // For a mended row the one its header is taken from.
    let mut headers: HashMap<usize, Place> = HashMap::new();
    for (id, rows) in subjects {
        let known = store.versions(stream, [id])?.pop().unwrap_or_default();
        let newest = known.iter().filter(|version| version.decided).max_by_key(|version| version.version);
        let Some(newest) = newest else {
            versions.extend(rows.iter().map(|row| given.is_valid(*row).then(|| given.value(*row))));
            places.extend(rows.iter().map(|row| (0, *row)));
            continue;
        };
        let base = rows_of(store, stream, id, newest.position)?;
        let base_items = numbers(&base, item.name)?;
        let is_mended = |row: &usize| {
            base_items.is_valid(*row)
                && rows.iter().any(|m| items.is_valid(*m) && items.value(*m) == base_items.value(*row))
        };
        let number = |(batch, row): &Place| if *batch == 0 { items.value(*row) } else { base_items.value(*row) };
        let kept = (0..base.num_rows()).filter(|row| !is_mended(row)).map(|row| (batches.len(), row));
        let mut merged: Vec<Place> = kept.chain(rows.iter().map(|row| (0, *row))).collect();
        merged.sort_by_key(number);
        headers.extend(rows.iter().map(|row| (*row, (batches.len(), 0))));
        let next = known.iter().map(|version| version.version).max().unwrap_or_default().saturating_add(1);
        versions.extend(std::iter::repeat_n(Some(next), merged.len()));
        places.extend(merged);
        batches.push(base);
    }
    Ok(assemble(stream, &batches, &places, &headers, &versions)?)
}

/// The rows of a subject that begin at a position of the journal.
fn rows_of(store: &Store, stream: &'static Stream, id: &str, first: Position) -> Result<RecordBatch, MergeError> {
    let archived = || MergeError::Archived { subject: format!("{} `{id}`", stream.name), position: first };
    let entry = match store.entry(first) {
        Err(StoreError::Forgotten { .. }) => return Err(archived()),
        entry => entry?.ok_or_else(archived)?,
    };
    let rows = conform(stream, entry.decode()?)?;
    let start = (first - entry.first) as usize;
    let (ids, versions) = (texts(&rows, stream.subject_key)?, numbers(&rows, "version")?);
    let same =
        |row: &usize| ids.is_valid(*row) && ids.value(*row) == id && versions.value(*row) == versions.value(start);
    let n = (start..rows.num_rows()).take_while(same).count();
    Ok(rows.slice(start, n))
}

/// Rows from several batches in the columns of all of them.
fn assemble(
    stream: &'static Stream,
    batches: &[RecordBatch],
    places: &[Place],
    headers: &HashMap<usize, Place>,
    versions: &[Option<i32>],
) -> Result<RecordBatch, ArrowError> {
    let (mut fields, mut arrays): (Vec<_>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for column in stream.all_columns() {
        if column.name == "version" {
            fields.push(column.field().with_nullable(true));
            arrays.push(Arc::new(Int32Array::from(versions.to_vec())));
            continue;
        }
        if batches.iter().all(|batch| batch.column_by_name(column.name).is_none()) {
            continue;
        }
        let of_batch = |batch: &RecordBatch| match batch.column_by_name(column.name) {
            Some(array) => Arc::clone(array),
            None => new_null_array(&column.kind.data_type(), batch.num_rows()),
        };
        let parts: Vec<ArrayRef> = batches.iter().map(of_batch).collect();
        let place = |(batch, row): Place| match headers.get(&row) {
            Some(header) if batch == 0 && column.header && parts[0].is_null(row) => *header,
            _ => (batch, row),
        };
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        let taken: Vec<Place> = places.iter().copied().map(place).collect();
        let array = interleave(&parts, &taken)?;
        fields.push(column.field().with_data_type(array.data_type().clone()).with_nullable(true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    Ok(cast(&column(batch, name), &DataType::Utf8)?.as_string().clone())
}

fn numbers(batch: &RecordBatch, name: &str) -> Result<Int32Array, ArrowError> {
    Ok(cast(&column(batch, name), &DataType::Int32)?.as_primitive::<Int32Type>().clone())
}

/// The column of that name; NULL in all rows where there is none.
fn column(batch: &RecordBatch, name: &str) -> ArrayRef {
    batch.column_by_name(name).map_or_else(|| new_null_array(&DataType::Null, batch.num_rows()), Arc::clone)
}
