//! The rows under derivation: typed columns by name, given or derived so far.

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Float64Array, Int32Array, ListArray, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Date32Type, Float64Type, Int16Type, Int32Type, TimestampMillisecondType};
use rustc_hash::FxHashMap;

use super::DeriveContext;

/// A batch in canonical types, and the columns derived from it so far.
pub(super) struct Rows<'a> {
    batch: RecordBatch,
    derived: FxHashMap<&'static str, ArrayRef>,
    pub(super) context: &'a DeriveContext,
}

impl<'a> Rows<'a> {
    pub(super) fn new(batch: RecordBatch, context: &'a DeriveContext) -> Self {
        Self { batch, derived: FxHashMap::default(), context }
    }

    pub(super) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    pub(super) fn put(&mut self, column: &'static str, array: ArrayRef) {
        self.derived.insert(column, array);
    }

    pub(super) fn into_parts(self) -> (RecordBatch, FxHashMap<&'static str, ArrayRef>) {
        (self.batch, self.derived)
    }

    pub(super) fn array(&self, column: &str) -> Option<&ArrayRef> {
        self.derived.get(column).or_else(|| self.batch.column_by_name(column))
    }

    pub(super) fn f64(&self, column: &str) -> Option<&Float64Array> {
        self.array(column)?.as_primitive_opt::<Float64Type>()
    }

    pub(super) fn i32(&self, column: &str) -> Option<&Int32Array> {
        self.array(column)?.as_primitive_opt::<Int32Type>()
    }

    pub(super) fn date(&self, column: &str) -> Option<&Date32Array> {
        self.array(column)?.as_primitive_opt::<Date32Type>()
    }

    pub(super) fn ts(&self, column: &str) -> Option<&TimestampMillisecondArray> {
        self.array(column)?.as_primitive_opt::<TimestampMillisecondType>()
    }

    pub(super) fn list(&self, column: &str) -> Option<&ListArray> {
        self.array(column)?.as_list_opt::<i32>()
    }

    /// An id, code or text column.
    pub(super) fn text(&self, column: &str) -> Option<Texts<'_>> {
        Texts::of(self.array(column)?.as_ref())
    }
}

/// A text column by its distinct values: what is computed per value is computed once.
pub(super) struct Texts<'a> {
    /// Per row, the place of its value.
    keys: Vec<u32>,
    nulls: Option<NullBuffer>,
    values: &'a StringArray,
}

impl<'a> Texts<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        let nulls = array.logical_nulls();
        if let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() {
            let keys = dictionary.keys().values().iter().map(|k| *k as u32).collect();
            return Some(Self { keys, nulls, values: dictionary.values().as_string_opt()? });
        }
        if let Some(dictionary) = array.as_dictionary_opt::<Int16Type>() {
            let keys = dictionary.keys().values().iter().map(|k| *k as u32).collect();
            return Some(Self { keys, nulls, values: dictionary.values().as_string_opt()? });
        }
        let values = array.as_string_opt()?;
        Some(Self { keys: (0..values.len() as u32).collect(), nulls, values })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Place of the row's value; `None` where NULL.
    pub(super) fn key(&self, row: usize) -> Option<usize> {
        let valid = self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        valid.then(|| self.keys[row] as usize)
    }

    pub(super) fn get(&self, row: usize) -> Option<&'a str> {
        Some(self.values.value(self.key(row)?))
    }

    /// As [`Texts::get`], of a column that may be absent.
    pub(super) fn get_opt(texts: Option<&Self>, row: usize) -> Option<&'a str> {
        texts?.get(row)
    }

    /// How many places there are.
    pub(super) fn places(&self) -> usize {
        self.values.len()
    }

    /// The value at a place.
    pub(super) fn value(&self, place: usize) -> &'a str {
        self.values.value(place)
    }

    /// Whether two rows have the same value; NULL is like nothing.
    pub(super) fn same(&self, one: usize, other: usize) -> bool {
        match (self.key(one), self.key(other)) {
            (Some(one), Some(other)) => one == other || self.value(one) == self.value(other),
            _ => false,
        }
    }
}
