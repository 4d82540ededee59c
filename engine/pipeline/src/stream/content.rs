//! What a subject says, as a hash: whether a message was sent before is a question of its content, not of where it came
//! from or when.
//!
//! Kept for as long as the store is, so its form is fixed: for each row, for each column with a value, by name, a tag
//! of the name and the value; numbers as eight bytes, text with its length. SHA-256 of that, its first 16 bytes.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowDictionaryKeyType, DataType, Date32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    TimestampMillisecondType,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sha2::{Digest, Sha256};

/// Hash of what a subject says.
pub(crate) type Content = [u8; 16];

/// Columns about the delivery and not about the subject: where it came from, when, in which envelope.
const OF_THE_DELIVERY: &[&str] = &[
    "version",
    "change_kind",
    "known_at",
    "as_of",
    "journal_position",
    "source",
    "source_position",
    "message_id",
    "message_issued_at",
    "received_at",
    "content_hash",
    "message_path",
    "warnings",
];
/// Columns that tell one sending of a message from another.
const OF_THE_ENVELOPE: &[&str] = &["message_id", "message_issued_at"];

/// Hashes the rows of subjects.
pub(crate) struct Hasher<'a> {
    content: Vec<(u32, Cells<'a>)>,
    envelope: Vec<(u32, Cells<'a>)>,
    room: Vec<u8>,
}

impl<'a> Hasher<'a> {
    /// For the rows of a batch.
    pub fn new(batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let schema = batch.schema_ref();
        let mut content = Vec::with_capacity(batch.num_columns());
        let mut envelope = Vec::new();
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            let name = field.name().as_str();
            if array.null_count() == array.len() {
                continue;
            }
            if !OF_THE_DELIVERY.contains(&name) {
                content.push((name, Cells::of(array)?));
            } else if OF_THE_ENVELOPE.contains(&name) {
                envelope.push((name, Cells::of(array)?));
            }
        }
        Ok(Self { content: tagged(content), envelope: tagged(envelope), room: Vec::new() })
    }

    /// What these rows say, and in which envelope: 0 where it has none.
    pub fn hash(&mut self, rows: std::ops::Range<usize>) -> (Content, u64) {
        self.room.clear();
        for row in rows.clone() {
            self.room.push(0xFF);
            write_row(&self.content, row, &mut self.room);
        }
        let content = digest(&self.room);
        self.room.clear();
        write_row(&self.envelope, rows.start, &mut self.room);
        let [a, b, c, d, e, f, g, h, ..] = digest(&self.room);
        let envelope = if self.room.is_empty() { 0 } else { u64::from_le_bytes([a, b, c, d, e, f, g, h]).max(1) };
        (content, envelope)
    }
}

fn tagged<'a>(mut columns: Vec<(&str, Cells<'a>)>) -> Vec<(u32, Cells<'a>)> {
    columns.sort_unstable_by_key(|(name, _)| *name);
    columns.into_iter().map(|(name, cells)| (crc32(name), cells)).collect()
}

/// CRC-32 (IEEE) of a column's name; a few dozen names, so no table.
fn crc32(name: &str) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !name.bytes().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

fn digest(bytes: &[u8]) -> Content {
    let mut content = [0; 16];
    content.copy_from_slice(&Sha256::digest(bytes)[..16]);
    content
}

fn write_row(columns: &[(u32, Cells<'_>)], row: usize, out: &mut Vec<u8>) {
    for (tag, cells) in columns {
        let before = out.len();
        out.extend_from_slice(&tag.to_le_bytes());
        if !cells.write(row, out) {
            out.truncate(before);
        }
    }
}

/// The cells of a column, ready to be written one by one.
enum Cells<'a> {
    Int32(&'a arrow::array::Int32Array),
    Int64(&'a arrow::array::Int64Array),
    Float64(&'a arrow::array::Float64Array),
    Date(&'a arrow::array::Date32Array),
    Instant(&'a arrow::array::TimestampMillisecondArray),
    Bool(&'a BooleanArray),
    Bytes(&'a FixedSizeBinaryArray),
    Text(&'a StringArray),
    Code(&'a arrow::array::Int16Array, &'a StringArray),
    Id(&'a arrow::array::Int32Array, &'a StringArray),
    /// Lists and whatever else a stream may hold, as it is shown.
    Shown(ArrayRef),
}

impl<'a> Cells<'a> {
    fn of(array: &'a ArrayRef) -> Result<Self, ArrowError> {
        let cells = match array.data_type() {
            DataType::Int32 => array.as_primitive_opt::<Int32Type>().map(Self::Int32),
            DataType::Int64 => array.as_primitive_opt::<Int64Type>().map(Self::Int64),
            DataType::Float64 => array.as_primitive_opt::<Float64Type>().map(Self::Float64),
            DataType::Date32 => array.as_primitive_opt::<Date32Type>().map(Self::Date),
            DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, _) => {
                array.as_primitive_opt::<TimestampMillisecondType>().map(Self::Instant)
            }
            DataType::Boolean => array.as_boolean_opt().map(Self::Bool),
            DataType::FixedSizeBinary(_) => array.as_fixed_size_binary_opt().map(Self::Bytes),
            DataType::Utf8 => array.as_string_opt::<i32>().map(Self::Text),
            DataType::Dictionary(..) => by_key::<Int32Type>(array)
                .map(|(keys, values)| Self::Id(keys, values))
                .or_else(|| by_key::<Int16Type>(array).map(|(keys, values)| Self::Code(keys, values))),
            _ => None,
        };
        Ok(match cells {
            Some(cells) => cells,
            // Shown, so that the same values in another Arrow type hash alike.
            None => Self::Shown(match array.data_type() {
                DataType::Dictionary(..) | DataType::LargeUtf8 | DataType::Utf8View => cast(array, &DataType::Utf8)?,
                _ => array.clone(),
            }),
        })
    }

    /// Writes the value of a row; `false` where it has none.
    fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        fn number(value: i64, out: &mut Vec<u8>) {
            out.extend_from_slice(&value.to_le_bytes());
        }
        fn text(value: &[u8], out: &mut Vec<u8>) {
            out.extend_from_slice(&(value.len() as u32).to_le_bytes());
            out.extend_from_slice(value);
        }
        match self {
            Self::Int32(cells) if cells.is_valid(row) => number(cells.value(row).into(), out),
            Self::Int64(cells) if cells.is_valid(row) => number(cells.value(row), out),
            Self::Date(cells) if cells.is_valid(row) => number(cells.value(row).into(), out),
            Self::Instant(cells) if cells.is_valid(row) => number(cells.value(row), out),
            Self::Bool(cells) if cells.is_valid(row) => number(cells.value(row).into(), out),
            // Both zeros are one number.
            Self::Float64(cells) if cells.is_valid(row) => number((cells.value(row) + 0.0).to_bits() as i64, out),
            Self::Bytes(cells) if cells.is_valid(row) => text(cells.value(row), out),
            Self::Text(cells) if cells.is_valid(row) => text(cells.value(row).as_bytes(), out),
            Self::Code(keys, values) if keys.is_valid(row) => {
                text(values.value(keys.value(row) as usize).as_bytes(), out);
            }
            Self::Id(keys, values) if keys.is_valid(row) => {
                text(values.value(keys.value(row) as usize).as_bytes(), out);
            }
            Self::Shown(array) if array.is_valid(row) => {
                let options = FormatOptions::default();
                let shown = ArrayFormatter::try_new(array, &options).map(|f| f.value(row).to_string());
                match shown.as_deref() {
                    // An empty list says as much as none.
                    Ok("[]") | Err(_) => return false,
                    Ok(shown) => text(shown.as_bytes(), out),
                }
            }
            _ => return false,
        }
        true
    }
}

fn by_key<K: ArrowDictionaryKeyType>(array: &ArrayRef) -> Option<(&arrow::array::PrimitiveArray<K>, &StringArray)> {
    let dictionary = array.as_dictionary_opt::<K>()?;
    let values = dictionary.values().as_string_opt::<i32>()?;
    // A value that is NULL inside the dictionary is rare enough to go the slow way.
    (values.null_count() == 0).then(|| (dictionary.keys(), values))
}

#[cfg(test)]
mod tests;
