//! The columns of a batch of published selections, each once checked and named, for who goes through it row by row.

use arrow::array::{
    Array, AsArray, BooleanArray, DictionaryArray, FixedSizeBinaryArray, ListArray, PrimitiveArray, RecordBatch,
    StringArray,
};
use arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowNativeType, Float64Type, Int16Type, Int32Type, Int64Type, TimestampMillisecondType,
};
use haechi_model::SubjectKind;

/// A batch does not have the columns of [`haechi_model::selection::published_schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not published selections: column `{column}` is missing or of another type")]
pub struct NotPublished {
    /// The first that differs.
    pub column: &'static str,
}

/// A batch in [`haechi_model::selection::published_schema`], column by column.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "they are the columns of the schema, which says what each means")]
pub struct Published<'a> {
    pub positions: &'a PrimitiveArray<Int64Type>,
    pub subject_ids: &'a DictionaryArray<Int32Type>,
    pub versions: &'a PrimitiveArray<Int32Type>,
    pub streams: &'a DictionaryArray<Int16Type>,
    pub lanes: &'a DictionaryArray<Int16Type>,
    pub requested_lanes: &'a DictionaryArray<Int16Type>,
    pub scores: &'a PrimitiveArray<Float64Type>,
    pub reasons: &'a ListArray,
    pub instructions: &'a ListArray,
    pub random_strata: &'a DictionaryArray<Int16Type>,
    pub lowered_by: &'a DictionaryArray<Int32Type>,
    pub mandatory: &'a BooleanArray,
    pub rows: &'a PrimitiveArray<Int32Type>,
    pub ruleset_hashes: &'a FixedSizeBinaryArray,
    pub policy_hashes: &'a FixedSizeBinaryArray,
    pub decided_at: &'a PrimitiveArray<TimestampMillisecondType>,
}

impl<'a> Published<'a> {
    /// Looks at a batch.
    pub fn of(batch: &'a RecordBatch) -> Result<Self, NotPublished> {
        /// A column by name, as what `cast` makes of it.
        fn get<'a, T>(
            batch: &'a RecordBatch,
            column: &'static str,
            cast: impl FnOnce(&'a dyn Array) -> Option<T>,
        ) -> Result<T, NotPublished> {
            batch.column_by_name(column).and_then(|array| cast(array.as_ref())).ok_or(NotPublished { column })
        }
        let code = |column| get(batch, column, texts::<Int16Type>);
        let id = |column| get(batch, column, texts::<Int32Type>);
        let list =
            |column| get(batch, column, |a| a.as_list_opt().filter(|l| l.values().as_string_opt::<i32>().is_some()));
        let hash = |column| get(batch, column, AsArray::as_fixed_size_binary_opt);
        Ok(Self {
            positions: get(batch, "position", AsArray::as_primitive_opt)?,
            subject_ids: id("subject_id")?,
            versions: get(batch, "version", AsArray::as_primitive_opt)?,
            streams: code("stream")?,
            lanes: code("lane")?,
            requested_lanes: code("requested_lane")?,
            scores: get(batch, "score", AsArray::as_primitive_opt)?,
            reasons: list("reasons")?,
            instructions: list("instructions")?,
            random_strata: code("random_stratum")?,
            lowered_by: id("lowered_by")?,
            mandatory: get(batch, "mandatory", AsArray::as_boolean_opt)?,
            rows: get(batch, "rows", AsArray::as_primitive_opt)?,
            ruleset_hashes: hash("ruleset_hash")?,
            policy_hashes: hash("policy_hash")?,
            decided_at: get(batch, "decided_at", AsArray::as_primitive_opt)?,
        })
    }

    /// How many selections.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where a selection stands in the journal: its name for ever.
    pub fn position(&self, row: usize) -> u64 {
        self.positions.value(row) as u64
    }

    /// What kind of subject it is about; `None` where that is none we know.
    pub fn kind(&self, row: usize) -> Option<SubjectKind> {
        let stream = text(self.streams, row)?;
        SubjectKind::ALL.into_iter().find(|kind| kind.stream() == stream)
    }

    /// What is to be done.
    pub fn lane(&self, row: usize) -> Option<&'a str> {
        text(self.lanes, row)
    }

    /// Whose it is.
    pub fn subject_id(&self, row: usize) -> &'a str {
        text(self.subject_ids, row).unwrap_or_default()
    }
}

fn texts<K: ArrowDictionaryKeyType>(array: &dyn Array) -> Option<&DictionaryArray<K>> {
    array.as_dictionary_opt().filter(|d: &&DictionaryArray<K>| d.values().as_string_opt::<i32>().is_some())
}

/// The text that a row of a dictionary column has.
pub(super) fn text<K: ArrowDictionaryKeyType>(column: &DictionaryArray<K>, row: usize) -> Option<&str> {
    let values: &StringArray = column.values().as_string();
    let code = column.keys().is_valid(row).then(|| column.keys().value(row).as_usize())?;
    values.is_valid(code).then(|| values.value(code))
}
