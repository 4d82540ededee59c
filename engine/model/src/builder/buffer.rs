//! One column under construction. Unlike Arrow's own builders these can be cut back to an earlier row, which
//! is what setting a cell twice and discarding a row need.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, DictionaryArray, FixedSizeBinaryArray, ListArray, PrimitiveArray,
    StructArray,
};
use arrow::buffer::{BooleanBuffer, Buffer as Bytes, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, FieldRef, Fields, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMillisecondType,
};

use super::texts::{Interner, Texts};
use super::{Cell, CellError};
use crate::stream::{Column, Kind, Member};

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

/// Values and their validity, of one kind. It may be behind the rows that are finished: those that it lacks are made by
/// [`Buffer::pad`] all at once, since most columns of a wide stream are empty in most rows.
#[derive(Debug)]
pub(super) struct Buffer {
    kind: Kind,
    /// The type of its arrays: made once, since lists and instants share parts of it.
    data_type: DataType,
    /// Takes no room before the first NULL.
    valid: Validity,
    data: Data,
    /// The value of rows that set none; NULL where nothing is held.
    held: Option<Held>,
    absent: Absent,
}

/// Which rows have a value.
#[derive(Debug, Default)]
struct Validity {
    len: usize,
    /// A bit a row, those behind the last one zero; none while all have a value.
    bits: Option<Vec<u8>>,
}

impl Validity {
    /// One row that has a value.
    #[inline]
    fn append_valid(&mut self) {
        if let Some(bits) = &mut self.bits {
            match bits.get_mut(self.len / 8) {
                Some(eight) => *eight |= 1 << (self.len % 8),
                None => bits.push(1),
            }
        }
        self.len += 1;
    }

    fn append(&mut self, n: usize, valid: bool) {
        if valid && self.bits.is_none() {
            self.len += n;
        } else if valid {
            (0..n).for_each(|_| self.append_valid());
        } else {
            let end = self.len + n;
            self.bits().resize(end.div_ceil(8), 0);
            self.len = end;
        }
    }

    /// Those of `other`, `n` times.
    fn append_all(&mut self, other: &Self, n: usize) {
        match &other.bits {
            None => self.append(n * other.len, true),
            Some(_) => {
                for row in (0..n).flat_map(|_| 0..other.len) {
                    self.append(1, other.is_valid(row));
                }
            }
        }
    }

    fn bits(&mut self) -> &mut Vec<u8> {
        let len = self.len;
        self.bits.get_or_insert_with(|| {
            let mut bits = Vec::with_capacity(len / 8 + 8);
            bits.resize(len.div_ceil(8), u8::MAX);
            cut_bits(&mut bits, len);
            bits
        })
    }

    fn is_valid(&self, row: usize) -> bool {
        self.bits.as_ref().is_none_or(|bits| bits[row / 8] & (1 << (row % 8)) != 0)
    }

    fn truncate(&mut self, rows: usize) {
        self.len = self.len.min(rows);
        if let Some(bits) = &mut self.bits {
            cut_bits(bits, self.len);
        }
    }

    fn finish(&mut self) -> Option<NullBuffer> {
        let Self { len, bits } = std::mem::take(self);
        let nulls = NullBuffer::new(BooleanBuffer::new(Bytes::from_vec(bits?), 0, len));
        Some(nulls).filter(|nulls| nulls.null_count() > 0)
    }
}

/// Leaves `len` bits, and zeros behind them.
fn cut_bits(bits: &mut Vec<u8>, len: usize) {
    bits.truncate(len.div_ceil(8));
    if let Some(last) = bits.last_mut().filter(|_| !len.is_multiple_of(8)) {
        *last &= (1 << (len % 8)) - 1;
    }
}

/// What a column is where no row has a value. Small batches share it: making it anew would be most of what they cost.
#[derive(Debug, Default)]
struct Absent {
    /// The most rows that were needed.
    longest: Option<ArrayRef>,
    /// What was needed last; the next batch has often as many rows.
    last: Option<ArrayRef>,
}

impl Absent {
    fn of(&mut self, rows: usize) -> Option<ArrayRef> {
        if self.last.as_ref().is_none_or(|last| last.len() != rows) {
            let longest = self.longest.as_ref().filter(|longest| longest.len() >= rows)?;
            self.last = Some(longest.slice(0, rows));
        }
        self.last.clone()
    }

    fn keep(&mut self, absent: ArrayRef) {
        self.last = Some(Arc::clone(&absent));
        self.longest = Some(absent);
    }
}

/// A value on its way into many rows.
#[derive(Debug)]
enum Held {
    /// In the dictionary.
    Code(u32),
    /// The only row of a buffer of its own.
    Row(Box<Buffer>),
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

impl Buffer {
    /// An empty top-level column.
    pub(super) fn new(kind: Kind, data_type: &DataType) -> Self {
        let data = match kind {
            Kind::Id => Data::Id { codes: Vec::new(), values: Interner::default() },
            Kind::Code => Data::Code { codes: Vec::new(), values: Interner::default() },
            Kind::List(item) => {
                let items = Self::in_list(*item, item_field(data_type).data_type());
                Data::List { ends: Vec::new(), items: Box::new(items) }
            }
            Kind::Records(members) => {
                let item = item_field(data_type).data_type();
                let of = |(member, field): (&Member, &FieldRef)| Self::in_list(member.kind, field.data_type());
                let members = members.iter().zip(record_fields(item)).map(of).collect();
                let record = Self::with(kind, item, Data::Record { members });
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
        Self::with(kind, data_type, data)
    }

    fn with(kind: Kind, data_type: &DataType, data: Data) -> Self {
        let data_type = data_type.clone();
        Self { kind, data_type, valid: Validity::default(), data, held: None, absent: Absent::default() }
    }

    /// The same inside a list, where text is plain.
    fn in_list(kind: Kind, data_type: &DataType) -> Self {
        match kind {
            Kind::Id | Kind::Code => Self::new(Kind::Text, data_type),
            other => Self::new(other, data_type),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.valid.len
    }

    /// Whether there is a value in that row, which may not have been padded yet.
    pub(super) fn is_valid(&self, row: usize) -> bool {
        if row < self.len() { self.valid.is_valid(row) } else { self.held.is_some() }
    }

    /// Brings the buffer to this many rows.
    #[inline]
    pub(super) fn cut_or_pad(&mut self, rows: usize) {
        if self.len() != rows {
            if self.len() > rows { self.truncate(rows) } else { self.pad(rows) }
        }
    }

    /// Makes rows up to `rows`: of the value held, else of NULL.
    #[inline]
    pub(super) fn pad(&mut self, rows: usize) {
        let n = rows.saturating_sub(self.len());
        if n > 0 {
            match self.held.take() {
                None => self.push_nulls(n),
                Some(held) => {
                    self.push_copies(&held, n);
                    self.held = Some(held);
                }
            }
        }
    }

    /// Takes `cell` for every row from here on that sets none, until [`Buffer::release`]. NULL holds nothing.
    pub(super) fn hold(&mut self, cell: Cell<'_>) -> Result<(), Refusal> {
        if matches!(cell, Cell::Null) {
            return Ok(());
        }
        self.held = Some(match (&mut self.data, cell) {
            (Data::Id { values, .. }, Cell::Text(text)) => Held::Code(id_code(values, text)? as u32),
            (Data::Code { values, .. }, Cell::Text(text)) => Held::Code(short_code(values, text)? as u32),
            (_, cell) => {
                let mut row = Self::new(self.kind, &self.data_type);
                row.push(&cell)?;
                Held::Row(Box::new(row))
            }
        });
        Ok(())
    }

    /// Rows up to `rows` have what was held, those behind it no longer.
    pub(super) fn release(&mut self, rows: usize) {
        if self.held.is_some() {
            self.pad(rows);
            self.held = None;
        }
    }

    /// Appends a value. After a refusal, cut back to the row before.
    pub(super) fn push(&mut self, cell: &Cell<'_>) -> Result<(), Refusal> {
        if matches!(cell, Cell::Null) {
            self.push_nulls(1);
            return Ok(());
        }
        match (&mut self.data, cell) {
            (_, Cell::Text(text)) => return self.push_text(text),
            (Data::I32(values), Cell::I32(value)) => values.push(*value),
            (Data::I64(values), Cell::I64(value)) => values.push(*value),
            (Data::I64(values), Cell::I32(value)) => values.push(i64::from(*value)),
            (Data::F64(values), Cell::I32(value)) => values.push(f64::from(*value)),
            (Data::F64(values), Cell::I64(value)) => values.push(*value as f64),
            (Data::F64(values), Cell::F64(value)) if value.is_finite() => values.push(*value),
            (Data::F64(_), Cell::F64(_)) => return Err(Refusal::NotFinite),
            (Data::Bool(values), Cell::Bool(value)) => values.append(*value),
            (Data::Date(values), Cell::Date(day)) => values.push(*day),
            (Data::Ts(values), Cell::Ts(instant)) => values.push(*instant),
            (Data::Hash(values), Cell::Bytes(bytes)) if bytes.len() == HASH_BYTES => values.extend_from_slice(bytes),
            (Data::List { items, .. }, Cell::List(cells)) => {
                cells.iter().try_for_each(|cell| items.push(cell))?;
                return self.end_list();
            }
            (Data::Record { members }, Cell::Record(cells)) if cells.len() <= members.len() => {
                push_members(members, cells)?;
            }
            (_, cell) => return Err(Refusal::Kind { expected: self.kind.word(), got: cell.word() }),
        }
        self.valid.append_valid();
        Ok(())
    }

    /// Appends a text: what nearly every cell is.
    #[inline]
    pub(super) fn push_text(&mut self, text: &str) -> Result<(), Refusal> {
        match &mut self.data {
            Data::Text(texts) => texts.push(text)?,
            Data::Id { codes, values } => codes.push(id_code(values, text)?),
            Data::Code { codes, values } => codes.push(short_code(values, text)?),
            _ => return Err(Refusal::Kind { expected: self.kind.word(), got: Cell::Text(text).word() }),
        }
        self.valid.append_valid();
        Ok(())
    }

    /// Appends a list of these elements.
    pub(super) fn push_list<'c>(&mut self, cells: impl IntoIterator<Item = Cell<'c>>) -> Result<(), Refusal> {
        let Data::List { items, .. } = &mut self.data else {
            return Err(Refusal::Kind { expected: self.kind.word(), got: "list" });
        };
        for cell in cells {
            items.push(&cell)?;
        }
        self.end_list()
    }

    /// Appends a list of records, each of these members.
    pub(super) fn push_records<'c, const N: usize>(
        &mut self,
        records: impl IntoIterator<Item = [Cell<'c>; N]>,
    ) -> Result<(), Refusal> {
        let Data::List { items, .. } = &mut self.data else {
            return Err(Refusal::Kind { expected: self.kind.word(), got: "list" });
        };
        for cells in records {
            match &mut items.data {
                Data::Record { members } if N <= members.len() => push_members(members, &cells)?,
                _ => return Err(Refusal::Kind { expected: items.kind.word(), got: "record" }),
            }
            items.valid.append_valid();
        }
        self.end_list()
    }

    fn end_list(&mut self) -> Result<(), Refusal> {
        if let Data::List { ends, items } = &mut self.data {
            ends.push(i32::try_from(items.len()).map_err(|_| Refusal::Full("2^31 list elements"))?);
        }
        self.valid.append_valid();
        Ok(())
    }

    /// Appends NULL `n` times; the empty list in a list column.
    fn push_nulls(&mut self, n: usize) {
        match &mut self.data {
            Data::Text(texts) => texts.push_empty(n),
            Data::Id { codes, .. } => more(codes, 0, n),
            Data::Code { codes, .. } => more(codes, 0, n),
            Data::I32(values) | Data::Date(values) => more(values, 0, n),
            Data::I64(values) | Data::Ts(values) => more(values, 0, n),
            Data::F64(values) => more(values, 0.0, n),
            Data::Bool(values) => values.append_n(n, false),
            Data::Hash(values) => more(values, 0, n * HASH_BYTES),
            Data::List { ends, .. } => {
                let end = ends.last().copied().unwrap_or(0);
                more(ends, end, n);
                return self.valid.append(n, true);
            }
            Data::Record { members } => members.iter_mut().for_each(|member| member.push_nulls(n)),
        }
        self.valid.append(n, false);
    }

    /// Appends what is held `n` times.
    fn push_copies(&mut self, held: &Held, n: usize) {
        match (&mut self.data, held) {
            (Data::Id { codes, .. }, Held::Code(code)) => more(codes, *code as i32, n),
            (Data::Code { codes, .. }, Held::Code(code)) => more(codes, *code as i16, n),
            (_, Held::Row(row)) => return self.append(row, n),
            (_, Held::Code(_)) => unreachable!("codes are held of dictionaries only"),
        }
        self.valid.append(n, true);
    }

    /// Appends all rows of `other`, of the same kind and without a dictionary, `n` times.
    fn append(&mut self, other: &Self, n: usize) {
        match (&mut self.data, &other.data) {
            (Data::Text(texts), Data::Text(other)) => texts.append(other, n),
            (Data::I32(values), Data::I32(other)) | (Data::Date(values), Data::Date(other)) => again(values, other, n),
            (Data::I64(values), Data::I64(other)) | (Data::Ts(values), Data::Ts(other)) => again(values, other, n),
            (Data::F64(values), Data::F64(other)) => again(values, other, n),
            (Data::Hash(values), Data::Hash(other)) => again(values, other, n),
            (Data::Bool(values), Data::Bool(other)) => {
                (0..n).for_each(|_| (0..other.len()).for_each(|row| values.append(other.get_bit(row))));
            }
            (Data::List { ends, items }, Data::List { ends: other_ends, items: other }) => {
                let before = items.len();
                items.append(other, n);
                for nth in 0..n {
                    let before = (before + nth * other.len()) as i32;
                    ends.extend(other_ends.iter().map(|end| before + end));
                }
            }
            (Data::Record { members }, Data::Record { members: other }) => {
                members.iter_mut().zip(other).for_each(|(member, other)| member.append(other, n));
            }
            _ => unreachable!("both are of one kind"),
        }
        self.valid.append_all(&other.valid, n);
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
        self.valid.truncate(rows);
    }

    /// Takes `rows` rows as an array. What is held stays held.
    pub(super) fn finish(&mut self, rows: usize) -> ArrayRef {
        if self.len() > 0 || self.held.is_some() {
            self.pad(rows);
            return self.take();
        }
        if let Some(absent) = self.absent.of(rows) {
            return absent;
        }
        self.push_nulls(rows);
        let absent = self.take();
        self.absent.keep(Arc::clone(&absent));
        absent
    }

    /// Takes the rows there are.
    fn take(&mut self) -> ArrayRef {
        let rows = self.len();
        let nulls = self.valid.finish();
        match &mut self.data {
            Data::Text(texts) => Arc::new(texts.finish(nulls)),
            Data::Id { codes, values } => dictionary::<Int32Type>(codes, values, &mut self.held, nulls),
            Data::Code { codes, values } => dictionary::<Int16Type>(codes, values, &mut self.held, nulls),
            Data::I32(values) => primitive::<Int32Type>(values, nulls),
            Data::I64(values) => primitive::<Int64Type>(values, nulls),
            Data::F64(values) => primitive::<Float64Type>(values, nulls),
            Data::Bool(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Data::Date(values) => primitive::<Date32Type>(values, nulls),
            Data::Ts(values) => {
                let instants = ScalarBuffer::from(taken(values));
                Arc::new(
                    PrimitiveArray::<TimestampMillisecondType>::new(instants, nulls)
                        .with_data_type(self.data_type.clone()),
                )
            }
            Data::Hash(values) => Arc::new(
                FixedSizeBinaryArray::try_new_with_len(HASH_BYTES as i32, Bytes::from_vec(taken(values)), nulls, rows)
                    .expect("32 bytes a row"),
            ),
            Data::List { ends, items } => {
                let mut offsets = Vec::with_capacity(ends.len() + 1);
                offsets.push(0);
                offsets.append(ends);
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Arc::new(ListArray::new(Arc::clone(item_field(&self.data_type)), offsets, items.take(), nulls))
            }
            Data::Record { members } => {
                let arrays = members.iter_mut().map(Self::take).collect();
                Arc::new(
                    StructArray::try_new_with_length(record_fields(&self.data_type).clone(), arrays, nulls, rows)
                        .expect("every member has a value a record"),
                )
            }
        }
    }
}

fn push_members(members: &mut [Buffer], cells: &[Cell<'_>]) -> Result<(), Refusal> {
    let mut cells = cells.iter();
    for member in members {
        match cells.next() {
            Some(cell) => member.push(cell)?,
            None => member.push_nulls(1),
        }
    }
    Ok(())
}

fn id_code(values: &mut Interner, text: &str) -> Result<i32, Refusal> {
    i32::try_from(values.intern(text)?).map_err(|_| Refusal::Full("2^31 different values"))
}

fn short_code(values: &mut Interner, text: &str) -> Result<i16, Refusal> {
    i16::try_from(values.intern(text)?).map_err(|_| Refusal::Full("32,768 different codes"))
}

/// Most bytes of a column that it keeps room for. Small batches come one behind the other and would grow it anew each time; of a
/// large one the room would stand beside its rows, which nobody has taken yet.
pub(super) const ROOM_BYTES_MAX: usize = 16 << 10;

/// All of `values`. Of a few they keep room for as many: the next batch has about as many rows.
pub(super) fn taken<T>(values: &mut Vec<T>) -> Vec<T> {
    let n = Some(values.len()).filter(|n| n * size_of::<T>() <= ROOM_BYTES_MAX);
    std::mem::replace(values, Vec::with_capacity(n.unwrap_or(0)))
}

/// `other` behind `values`, `n` times.
fn again<T: Copy>(values: &mut Vec<T>, other: &[T], n: usize) {
    values.reserve(n * other.len());
    (0..n).for_each(|_| values.extend_from_slice(other));
}

pub(super) fn more<T: Clone>(values: &mut Vec<T>, value: T, n: usize) {
    values.resize(values.len() + n, value);
}

fn primitive<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(taken(values)), nulls))
}

fn dictionary<K: arrow::datatypes::ArrowDictionaryKeyType>(
    codes: &mut Vec<K::Native>,
    values: &mut Interner,
    held: &mut Option<Held>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    let codes = PrimitiveArray::<K>::new(ScalarBuffer::from(taken(codes)), nulls);
    let texts = values.finish();
    // What is held goes on into the next dictionary, which has room for it.
    if let Some(Held::Code(code)) = held {
        *code = values.intern(texts.value(*code as usize)).unwrap_or(0);
    }
    Arc::new(DictionaryArray::new(codes, Arc::new(texts)))
}

fn item_field(list: &DataType) -> &FieldRef {
    match list {
        DataType::List(item) => item,
        other => unreachable!("{other} is no list"),
    }
}

fn record_fields(record: &DataType) -> &Fields {
    match record {
        DataType::Struct(fields) => fields,
        other => unreachable!("{other} is no record"),
    }
}
