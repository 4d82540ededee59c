//! Columns of a generated stream, built for speed: most values come from tables that live as long as the program,
//! and are recognised by their address. Lists go through the model's own builder.
//!
//! The model's builder alone would do, at half the speed: it checks every cell, as it must for readers.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanBuilder, DictionaryArray, NullBufferBuilder, PrimitiveArray, PrimitiveBuilder,
    StringBuilder,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowNativeType, Date32Type, Float64Type, Int16Type, Int32Type, TimestampMillisecondType,
};
use haechi_model::Kind;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher;

/// One column under construction. A list holds nothing here: its rows are in the model's builder, at this place.
pub(crate) enum Column {
    Code(Codes<Int16Type>),
    Id(Codes<Int32Type>),
    Text(StringBuilder),
    I32(PrimitiveBuilder<Int32Type>),
    F64(PrimitiveBuilder<Float64Type>),
    Bool(BooleanBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Ts(PrimitiveBuilder<TimestampMillisecondType>),
    List(usize),
}

impl Column {
    /// An empty column; `lists` is how many list columns stand before it.
    pub(crate) fn new(kind: Kind, lists: usize) -> Self {
        match kind {
            Kind::Code => Self::Code(Codes::default()),
            Kind::Id => Self::Id(Codes::default()),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::I32 => Self::I32(PrimitiveBuilder::new()),
            Kind::F64 => Self::F64(PrimitiveBuilder::new()),
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Date => Self::Date(PrimitiveBuilder::new()),
            Kind::Ts => Self::Ts(PrimitiveBuilder::new().with_timezone("UTC")),
            // No generated stream writes positions and hashes: they are the engine's.
            Kind::List(_) | Kind::Records(_) | Kind::I64 | Kind::Hash => Self::List(lists),
        }
    }

    /// Appends a text.
    #[inline]
    pub(crate) fn push_text(&mut self, text: &str) {
        match self {
            Self::Code(codes) => codes.push(text),
            Self::Id(codes) => codes.push(text),
            Self::Text(texts) => texts.append_value(text),
            _ => self.push_mismatch(),
        }
    }

    /// Appends an amount.
    #[inline]
    pub(crate) fn push_f64(&mut self, value: f64) {
        match self {
            Self::F64(values) => values.append_value(value),
            _ => self.push_mismatch(),
        }
    }

    /// Appends a count.
    #[inline]
    pub(crate) fn push_i32(&mut self, value: i32) {
        match self {
            Self::I32(values) => values.append_value(value),
            _ => self.push_mismatch(),
        }
    }

    /// Appends a flag.
    #[inline]
    pub(crate) fn push_bool(&mut self, value: bool) {
        match self {
            Self::Bool(values) => values.append_value(value),
            _ => self.push_mismatch(),
        }
    }

    /// Appends a day.
    #[inline]
    pub(crate) fn push_date(&mut self, value: i32) {
        match self {
            Self::Date(values) => values.append_value(value),
            _ => self.push_mismatch(),
        }
    }

    /// Appends an instant.
    #[inline]
    pub(crate) fn push_ts(&mut self, value: i64) {
        match self {
            Self::Ts(values) => values.append_value(value),
            _ => self.push_mismatch(),
        }
    }

    /// The writers' values and columns agree: every test that makes a row would come through here.
    #[cold]
    fn push_mismatch(&mut self) {
        debug_assert!(false, "a generated value is of its column's kind");
        self.push_null();
    }

    /// Appends a text that lives as long as the program.
    #[inline]
    pub(crate) fn push_static(&mut self, text: Option<&'static str>) {
        match (self, text) {
            (Self::Code(codes), Some(text)) => codes.push_static(text),
            (Self::Id(codes), Some(text)) => codes.push_static(text),
            (column, Some(text)) => column.push_text(text),
            (column, None) => column.push_null(),
        }
    }

    /// Appends NULL; a list's rows are elsewhere.
    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Code(codes) => codes.push_null(),
            Self::Id(codes) => codes.push_null(),
            Self::Text(texts) => texts.append_null(),
            Self::I32(values) => values.append_null(),
            Self::F64(values) => values.append_null(),
            Self::Bool(values) => values.append_null(),
            Self::Date(values) => values.append_null(),
            Self::Ts(values) => values.append_null(),
            Self::List(_) => {}
        }
    }

    /// Takes the rows; `lists` are the list columns made beside.
    pub(crate) fn finish(&mut self, lists: &[ArrayRef]) -> ArrayRef {
        match self {
            Self::Code(codes) => codes.finish(),
            Self::Id(codes) => codes.finish(),
            Self::Text(texts) => Arc::new(texts.finish()),
            Self::I32(values) => Arc::new(values.finish()),
            Self::F64(values) => Arc::new(values.finish()),
            Self::Bool(values) => Arc::new(values.finish()),
            Self::Date(values) => Arc::new(values.finish()),
            Self::Ts(values) => Arc::new(values.finish()),
            Self::List(place) => lists[*place].clone(),
        }
    }
}

/// Addresses remembered by a dictionary column; a power of two.
const REMEMBERED: usize = 256;

/// A dictionary column: distinct texts in order of appearance, and a number for each row.
pub(crate) struct Codes<K: ArrowPrimitiveType> {
    numbers: Vec<K::Native>,
    valid: NullBufferBuilder,
    /// Distinct texts one behind the other, and where each ends.
    text: String,
    ends: Vec<usize>,
    by_text: HashTable<u32>,
    /// Where texts that live as long as the program stand in memory, and their number. One that has another
    /// address with the same remainder takes its place.
    by_address: Vec<(usize, usize, u32)>,
    /// The number pushed last: the columns of a header repeat.
    last: u32,
}

impl<K: ArrowPrimitiveType> Default for Codes<K> {
    fn default() -> Self {
        Self {
            numbers: Vec::new(),
            valid: NullBufferBuilder::new(0),
            text: String::new(),
            ends: Vec::new(),
            by_text: HashTable::new(),
            by_address: vec![(0, 0, 0); REMEMBERED],
            last: 0,
        }
    }
}

impl<K: ArrowDictionaryKeyType> Codes<K> {
    fn get<'a>(text: &'a str, ends: &[usize], number: u32) -> Option<&'a str> {
        let at = number as usize;
        let begin = if at == 0 { 0 } else { *ends.get(at - 1)? };
        text.get(begin..*ends.get(at)?)
    }

    fn push(&mut self, text: &str) {
        if Self::get(&self.text, &self.ends, self.last) != Some(text) {
            self.last = self.number_of(text);
        }
        self.push_number();
    }

    fn push_static(&mut self, text: &'static str) {
        let address = (text.as_ptr() as usize, text.len());
        let place = (address.0 ^ address.0 >> 8) % REMEMBERED;
        let (begin, length, number) = self.by_address[place];
        self.last = if (begin, length) == address {
            number
        } else {
            let number = self.number_of(text);
            self.by_address[place] = (address.0, address.1, number);
            number
        };
        self.push_number();
    }

    fn push_number(&mut self) {
        self.numbers.push(K::Native::usize_as(self.last as usize));
        self.valid.append_non_null();
    }

    fn push_null(&mut self) {
        self.numbers.push(K::Native::default());
        self.valid.append_null();
    }

    fn number_of(&mut self, text: &str) -> u32 {
        let Self { text: texts, ends, by_text, .. } = self;
        let hash = FxBuildHasher.hash_one(text);
        if let Some(number) = by_text.find(hash, |n| Self::get(texts, ends, *n) == Some(text)) {
            return *number;
        }
        let number = ends.len() as u32;
        texts.push_str(text);
        ends.push(texts.len());
        by_text.insert_unique(hash, number, |n| FxBuildHasher.hash_one(Self::get(texts, ends, *n).unwrap_or_default()));
        number
    }

    fn finish(&mut self) -> ArrayRef {
        let mut values = StringBuilder::with_capacity(self.ends.len(), self.text.len());
        let mut begin = 0;
        for end in self.ends.drain(..) {
            values.append_value(&self.text[begin..end]);
            begin = end;
        }
        self.text.clear();
        self.by_text.clear();
        self.by_address.fill((0, 0, 0));
        // The next batch is about as long.
        let room = Vec::with_capacity(self.numbers.len());
        let numbers = ScalarBuffer::from(std::mem::replace(&mut self.numbers, room));
        let numbers = PrimitiveArray::<K>::new(numbers, self.valid.finish());
        Arc::new(DictionaryArray::new(numbers, Arc::new(values.finish())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    #[test]
    fn texts_are_numbered_once_however_they_come() {
        let mut column = Column::new(Kind::Code, 0);
        let owned = String::from("sea");
        column.push_static(Some("sea"));
        column.push_text(&owned);
        column.push_null();
        column.push_static(Some("air"));
        // The same bytes at another address.
        column.push_static(Some(&"xsea"[1..]));
        let array = column.finish(&[]);
        let codes = array.as_dictionary::<Int16Type>();
        assert_eq!(codes.values().len(), 2);
        let rows: Vec<Option<&str>> = codes.downcast_dict::<arrow::array::StringArray>().unwrap().into_iter().collect();
        assert_eq!(rows, [Some("sea"), Some("sea"), None, Some("air"), Some("sea")]);
        // Finished, the column begins anew.
        column.push_static(Some("air"));
        assert_eq!(column.finish(&[]).as_dictionary::<Int16Type>().values().len(), 1);
    }
}
