//! One column under construction. Unlike Arrow's own builders these can be cut back to an earlier row, which
//! is what setting a cell twice and discarding a row need.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, DictionaryArray, FixedSizeBinaryArray, ListArray, PrimitiveArray,
    StringArray, StructArray,
};
use arrow::buffer::{Buffer as Bytes, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, FieldRef, Fields, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMillisecondType,
};
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::{Cell, CellError};
use crate::stream::{Column, Kind};

/// Why a value was not taken, before the column's name is known.
pub(super) enum Refusal {
    Kind { expected: String, got: &'static str },
    NotFinite,
    Full(&'static str),
}

impl Refusal {
    pub(super) fn of(self, column: &Column) -> CellError {
        let column = column.name;
        match self {
            Self::Kind { expected, got } => CellError::Kind { column, expected, got },
            Self::NotFinite => CellError::NotFinite { column },
            Self::Full(limit) => CellError::Full { column, limit },
        }
    }
}

/// Values and their validity, of one kind.
#[derive(Debug)]
pub(super) struct Buffer {
    kind: Kind,
    valid: BooleanBufferBuilder,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Text(Texts),
    Id { codes: Vec<i32>, values: Interner },
    Code { codes: Vec<i16>, values: Interner },
    I32(Vec<i32>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    Bool(BooleanBufferBuilder),
    Date(Vec<i32>),
    Ts(Vec<i64>),
    Hash(Vec<u8>),
    List { ends: Vec<i32>, items: Box<Buffer> },
    Record { members: Vec<Buffer> },
}

const HASH_BYTES: usize = 32;
const BYTES: &str = "2 GiB of text";

impl Buffer {
    /// An empty top-level column.
    pub(super) fn new(kind: Kind) -> Self {
        let data = match kind {
            Kind::Id => Data::Id { codes: Vec::new(), values: Interner::default() },
            Kind::Code => Data::Code { codes: Vec::new(), values: Interner::default() },
            Kind::List(item) => Data::List { ends: Vec::new(), items: Box::new(Self::in_list(*item)) },
            Kind::Records(members) => {
                let members = members.iter().map(|m| Self::in_list(m.kind)).collect();
                let record = Self { kind, valid: BooleanBufferBuilder::new(0), data: Data::Record { members } };
                Data::List { ends: Vec::new(), items: Box::new(record) }
            }
            Kind::Text => Data::Text(Texts::default()),
            Kind::I32 => Data::I32(Vec::new()),
            Kind::I64 => Data::I64(Vec::new()),
            Kind::F64 => Data::F64(Vec::new()),
            Kind::Bool => Data::Bool(BooleanBufferBuilder::new(0)),
            Kind::Date => Data::Date(Vec::new()),
            Kind::Ts => Data::Ts(Vec::new()),
            Kind::Hash => Data::Hash(Vec::new()),
        };
        Self { kind, valid: BooleanBufferBuilder::new(0), data }
    }

    /// The same inside a list, where text is plain.
    fn in_list(kind: Kind) -> Self {
        match kind {
            Kind::Id | Kind::Code => Self::new(Kind::Text),
            other => Self::new(other),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.valid.len()
    }

    pub(super) fn is_valid(&self, row: usize) -> bool {
        self.valid.get_bit(row)
    }

    /// Appends a value. After a refusal, cut back to the row before.
    pub(super) fn push(&mut self, cell: Cell<'_>) -> Result<(), Refusal> {
        if matches!(cell, Cell::Null) {
            self.push_null();
            return Ok(());
        }
        match (&mut self.data, cell) {
            (Data::Text(texts), Cell::Text(text)) => texts.push(text)?,
            (Data::Id { codes, values }, Cell::Text(text)) => {
                let code = i32::try_from(values.intern(text)?).map_err(|_| Refusal::Full("2^31 different values"))?;
                codes.push(code);
            }
            (Data::Code { codes, values }, Cell::Text(text)) => {
                let code = i16::try_from(values.intern(text)?).map_err(|_| Refusal::Full("32,768 different codes"))?;
                codes.push(code);
            }
            (Data::I32(values), Cell::I32(value)) => values.push(value),
            (Data::I64(values), Cell::I64(value)) => values.push(value),
            (Data::I64(values), Cell::I32(value)) => values.push(i64::from(value)),
            (Data::F64(values), Cell::I32(value)) => values.push(f64::from(value)),
            (Data::F64(values), Cell::I64(value)) => values.push(value as f64),
            (Data::F64(values), Cell::F64(value)) if value.is_finite() => values.push(value),
            (Data::F64(_), Cell::F64(_)) => return Err(Refusal::NotFinite),
            (Data::Bool(values), Cell::Bool(value)) => values.append(value),
            (Data::Date(values), Cell::Date(day)) => values.push(day),
            (Data::Ts(values), Cell::Ts(instant)) => values.push(instant),
            (Data::Hash(values), Cell::Bytes(bytes)) if bytes.len() == HASH_BYTES => values.extend_from_slice(bytes),
            (Data::List { ends, items }, Cell::List(cells)) => {
                for cell in cells {
                    items.push(cell)?;
                }
                ends.push(i32::try_from(items.len()).map_err(|_| Refusal::Full("2^31 list elements"))?);
            }
            (Data::Record { members }, Cell::Record(cells)) if cells.len() <= members.len() => {
                let mut cells = cells.into_iter();
                for member in members {
                    match cells.next() {
                        Some(cell) => member.push(cell)?,
                        None => member.push_null(),
                    }
                }
            }
            (_, cell) => return Err(Refusal::Kind { expected: self.kind.word(), got: cell.word() }),
        }
        self.valid.append(true);
        Ok(())
    }

    /// Appends NULL; the empty list in a list column.
    pub(super) fn push_null(&mut self) {
        let mut valid = false;
        match &mut self.data {
            Data::Text(texts) => texts.push_empty(),
            Data::Id { codes, .. } => codes.push(0),
            Data::Code { codes, .. } => codes.push(0),
            Data::I32(values) | Data::Date(values) => values.push(0),
            Data::I64(values) | Data::Ts(values) => values.push(0),
            Data::F64(values) => values.push(0.0),
            Data::Bool(values) => values.append(false),
            Data::Hash(values) => values.extend_from_slice(&[0; HASH_BYTES]),
            Data::List { ends, .. } => {
                ends.push(ends.last().copied().unwrap_or(0));
                valid = true;
            }
            Data::Record { members } => members.iter_mut().for_each(Self::push_null),
        }
        self.valid.append(valid);
    }

    /// Cuts back to `rows` rows, also after a refusal half way through a list.
    pub(super) fn truncate(&mut self, rows: usize) {
        match &mut self.data {
            Data::Text(texts) => texts.truncate(rows),
            Data::Id { codes, .. } => codes.truncate(rows),
            Data::Code { codes, .. } => codes.truncate(rows),
            Data::I32(values) | Data::Date(values) => values.truncate(rows),
            Data::I64(values) | Data::Ts(values) => values.truncate(rows),
            Data::F64(values) => values.truncate(rows),
            Data::Bool(values) => values.truncate(rows.min(values.len())),
            Data::Hash(values) => values.truncate(rows * HASH_BYTES),
            Data::List { ends, items } => {
                ends.truncate(rows);
                items.truncate(ends.last().map_or(0, |end| *end as usize));
            }
            Data::Record { members } => members.iter_mut().for_each(|m| m.truncate(rows)),
        }
        self.valid.truncate(rows.min(self.valid.len()));
    }

    /// Takes the rows as an array.
    pub(super) fn finish(&mut self) -> ArrayRef {
        let rows = self.valid.len();
        let valid = NullBuffer::new(self.valid.finish());
        let nulls = (valid.null_count() > 0).then_some(valid);
        match &mut self.data {
            Data::Text(texts) => Arc::new(texts.finish(nulls)),
            Data::Id { codes, values } => dictionary::<Int32Type>(codes, values, nulls),
            Data::Code { codes, values } => dictionary::<Int16Type>(codes, values, nulls),
            Data::I32(values) => primitive::<Int32Type>(values, nulls),
            Data::I64(values) => primitive::<Int64Type>(values, nulls),
            Data::F64(values) => primitive::<Float64Type>(values, nulls),
            Data::Bool(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Data::Date(values) => primitive::<Date32Type>(values, nulls),
            Data::Ts(values) => {
                let instants = ScalarBuffer::from(std::mem::take(values));
                Arc::new(PrimitiveArray::<TimestampMillisecondType>::new(instants, nulls).with_timezone("UTC"))
            }
            Data::Hash(values) => Arc::new(
                FixedSizeBinaryArray::try_new_with_len(
                    HASH_BYTES as i32,
                    Bytes::from_vec(std::mem::take(values)),
                    nulls,
                    rows,
                )
                .expect("32 bytes a row"),
            ),
            Data::List { ends, items } => {
                let mut offsets = Vec::with_capacity(ends.len() + 1);
                offsets.push(0);
                offsets.append(ends);
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Arc::new(ListArray::new(item_field(self.kind), offsets, items.finish(), nulls))
            }
            Data::Record { members } => {
                let arrays = members.iter_mut().map(Self::finish).collect();
                Arc::new(
                    StructArray::try_new_with_length(record_fields(self.kind), arrays, nulls, rows)
                        .expect("every member has a value a record"),
                )
            }
        }
    }
}

fn primitive<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(std::mem::take(values)), nulls))
}

fn dictionary<K: arrow::datatypes::ArrowDictionaryKeyType>(
    codes: &mut Vec<K::Native>,
    values: &mut Interner,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let codes = PrimitiveArray::<K>::new(ScalarBuffer::from(std::mem::take(codes)), nulls);
    Arc::new(DictionaryArray::new(codes, Arc::new(values.finish())))
}

fn item_field(kind: Kind) -> FieldRef {
    match kind.data_type() {
        DataType::List(item) => item,
        other => unreachable!("{other} is no list"),
    }
}

fn record_fields(kind: Kind) -> Fields {
    match item_field(kind).data_type() {
        DataType::Struct(fields) => fields.clone(),
        other => unreachable!("{other} is no record"),
    }
}

/// Strings one behind the other.
#[derive(Debug, Default)]
struct Texts {
    bytes: String,
    ends: Vec<i32>,
}

impl Texts {
    fn push(&mut self, text: &str) -> Result<(), Refusal> {
        let end = i32::try_from(self.bytes.len() + text.len()).map_err(|_| Refusal::Full(BYTES))?;
        self.bytes.push_str(text);
        self.ends.push(end);
        Ok(())
    }

    fn push_empty(&mut self) {
        self.ends.push(self.end_of(self.ends.len()));
    }

    fn get(&self, i: usize) -> &str {
        &self.bytes[self.end_of(i) as usize..self.end_of(i + 1) as usize]
    }

    /// Where the first `n` strings end.
    fn end_of(&self, n: usize) -> i32 {
        n.checked_sub(1).map_or(0, |last| self.ends[last])
    }

    fn truncate(&mut self, n: usize) {
        if n < self.ends.len() {
            self.bytes.truncate(self.end_of(n) as usize);
            self.ends.truncate(n);
        }
    }

    fn finish(&mut self, nulls: Option<NullBuffer>) -> StringArray {
        let Self { bytes, ends } = std::mem::take(self);
        let mut offsets = Vec::with_capacity(ends.len() + 1);
        offsets.push(0);
        offsets.extend(ends);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        StringArray::new(offsets, Bytes::from_vec(bytes.into_bytes()), nulls)
    }
}

/// Distinct strings, numbered in order of appearance.
#[derive(Debug, Default)]
struct Interner {
    values: Texts,
    by_text: HashTable<u32>,
}

impl Interner {
    fn intern(&mut self, text: &str) -> Result<u32, Refusal> {
        let hash = hash(text);
        if let Some(found) = self.by_text.find(hash, |i| self.values.get(*i as usize) == text) {
            return Ok(*found);
        }
        let next = self.values.ends.len() as u32;
        self.values.push(text)?;
        self.by_text.insert_unique(hash, next, |i| self::hash(self.values.get(*i as usize)));
        Ok(next)
    }

    fn finish(&mut self) -> StringArray {
        self.by_text.clear();
        self.values.finish(None)
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}
