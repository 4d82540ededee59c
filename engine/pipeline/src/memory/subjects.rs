//! Columns of the subjects that records speak of: an outcome of the declaration that was inspected.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::error::ArrowError;
use haechi_model::Stream;
use haechi_model::streams::{Reference, references};

use super::plan::{Joined, MemoryPlan};

/// Rows of subjects.
#[derive(Default)]
pub(crate) struct Found {
    /// Batches of one schema.
    pub batches: Vec<RecordBatch>,
    /// For each subject asked for its batch, and its rows in it; `None` where it is not known.
    pub rows: Vec<Option<(usize, Range<usize>)>>,
}

/// Records with the columns of the subjects that they speak of, beside their own. `find` gives subjects of a stream, one
/// for each row, in the columns asked for.
pub(crate) fn join_subjects<E: From<ArrowError>>(
    plan: &MemoryPlan,
    stream: &'static Stream,
    records: &RecordBatch,
    mut find: impl FnMut(&Joined, &[Option<&str>]) -> Result<Found, E>,
) -> Result<RecordBatch, E> {
    let mut fields: Vec<_> = records.schema_ref().fields().iter().cloned().collect();
    let mut arrays = records.columns().to_vec();
    for joined in plan.joined(stream) {
        let named = Named::of(stream, joined.subject, records)?;
        let ids: Vec<Option<&str>> = (0..records.num_rows()).map(|row| named.id(row)).collect();
        let found = find(joined, &ids)?;
        let places = found.places(&named)?;
        for name in &joined.columns {
            let Some(column) = joined.subject.column(name) else { continue };
            let array = found.column(name, &column.kind.data_type(), &places)?;
            fields.push(Arc::new(Field::new(
                format!("{}.{name}", joined.subject.name),
                array.data_type().clone(),
                true,
            )));
            arrays.push(array);
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
}

impl Found {
    /// For each record the row of its subject: that of the item it speaks of, or else the first. The batch after the
    /// last is one row of nothing.
    fn places(&self, named: &Named) -> Result<Vec<(usize, usize)>, ArrowError> {
        let items = |batch: &RecordBatch| match batch.column_by_name("item_no") {
            Some(items) => Ok(Some(cast(items, &DataType::Int32)?.as_primitive::<Int32Type>().clone())),
            None => Ok(None),
        };
        let items: Vec<Option<Int32Array>> = self.batches.iter().map(items).collect::<Result<_, ArrowError>>()?;
        let nothing = (self.batches.len(), 0);
        let place = |(record, found): (usize, &Option<(usize, Range<usize>)>)| {
            let Some((batch, rows)) = found else { return nothing };
            match (named.item(record), &items[*batch]) {
                (Some(wanted), Some(items)) => {
                    let item = rows.clone().find(|row| items.is_valid(*row) && items.value(*row) == wanted);
                    item.map_or(nothing, |row| (*batch, row))
                }
                _ => (*batch, rows.start),
            }
        };
        Ok(self.rows.iter().enumerate().map(place).collect())
    }

    fn column(&self, name: &str, data_type: &DataType, places: &[(usize, usize)]) -> Result<ArrayRef, ArrowError> {
        let given = self.batches.iter().find_map(|batch| batch.column_by_name(name));
        let Some(given) = given.map(|array| array.data_type().clone()) else {
            return Ok(new_null_array(data_type, places.len()));
        };
        let of_batch = |batch: &RecordBatch| match batch.column_by_name(name) {
            Some(array) => Arc::clone(array),
            None => new_null_array(&given, batch.num_rows()),
        };
        let nothing = new_null_array(&given, 1);
        let arrays: Vec<ArrayRef> = self.batches.iter().map(of_batch).chain([nothing]).collect();
        // Few rows of a large batch may be wanted: it is not brought into another form as a whole.
        cast(&interleave(&arrays.iter().map(AsRef::as_ref).collect::<Vec<_>>(), places)?, data_type)
    }
}

/// The subjects of a stream that records speak of.
pub(super) fn named(
    from: &Stream,
    subject: &'static Stream,
    records: &RecordBatch,
) -> Result<Vec<Box<str>>, ArrowError> {
    let named = Named::of(from, subject, records)?;
    Ok((0..records.num_rows()).filter_map(|row| named.id(row).map(Box::from)).collect())
}

/// Which subject of a stream each record speaks of. Several references may lead there: the first that says something.
struct Named(Vec<ByReference>);

struct ByReference {
    ids: StringArray,
    /// Only of records for which this is the stream's name.
    kinds: Option<StringArray>,
    items: Option<Int32Array>,
    subject: &'static str,
}

impl Named {
    fn of(from: &Stream, subject: &'static Stream, records: &RecordBatch) -> Result<Self, ArrowError> {
        let text = |name: &str| -> Result<Option<StringArray>, ArrowError> {
            let array = records.column_by_name(name).map(|array| cast(array, &DataType::Utf8)).transpose()?;
            Ok(array.map(|array| array.as_string().clone()))
        };
        let by = |reference: &Reference| -> Result<Option<ByReference>, ArrowError> {
            let Some(ids) = text(reference.column)? else { return Ok(None) };
            let kinds = reference.kind_column.map(text).transpose()?.flatten();
            if reference.kind_column.is_some() && kinds.is_none() {
                return Ok(None);
            }
            let items = reference.item_column.and_then(|name| records.column_by_name(name));
            let items = items.map(|items| cast(items, &DataType::Int32)).transpose()?;
            let items = items.map(|items| items.as_primitive::<Int32Type>().clone());
            Ok(Some(ByReference { ids, kinds, items, subject: subject.name }))
        };
        let by = references(from).filter(|reference| reference.subject == subject).map(by);
        Ok(Self(by.filter_map(Result::transpose).collect::<Result<_, _>>()?))
    }

    fn by(&self, record: usize) -> Option<&ByReference> {
        self.0.iter().find(|by| by.speaks(record))
    }

    fn id(&self, record: usize) -> Option<&str> {
        self.by(record).map(|by| by.ids.value(record))
    }

    fn item(&self, record: usize) -> Option<i32> {
        let items = self.by(record)?.items.as_ref()?;
        items.is_valid(record).then(|| items.value(record))
    }
}

impl ByReference {
    fn speaks(&self, record: usize) -> bool {
        let of_kind = |kinds: &StringArray| kinds.is_valid(record) && kinds.value(record) == self.subject;
        self.ids.is_valid(record) && self.kinds.as_ref().is_none_or(of_kind)
    }
}
