//! Record batches to bytes: Arrow IPC messages without what can be known otherwise. Schemas are kept once, under a
//! hash; columns that are all NULL are left out; of dictionaries only the values that occur are written, and in batches
//! of a few rows the texts themselves, since a message a dictionary costs more than the texts.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::{Arc, PoisonError, RwLock};

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::buffer::Buffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{StreamDecoder, StreamReader, read_record_batch};
use arrow::ipc::root_as_message;
use arrow::ipc::writer::{
    DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions, StreamEncoder, write_message,
};
use arrow_select::dictionary::garbage_collect_any_dictionary;
use haechi_model::Stream;
use sha2::{Digest, Sha256};

use crate::bytes::Reader;

/// Batches of up to this many rows are written without dictionaries.
const PLAIN_ROWS_MAX: usize = 64;
const PLAIN: u8 = 1;
/// How many schemas a thread remembers the bytes of. There are some ten in a running system.
const REMEMBERED_MAX: usize = 64;

/// What names a schema: the beginning of the hash of its bytes.
pub(crate) type SchemaId = u64;

/// A schema as it stands on disk.
#[derive(Clone, Debug)]
pub(crate) struct WrittenSchema {
    pub id: SchemaId,
    /// Its IPC message.
    pub message: Arc<[u8]>,
}

/// Appends a batch, and gives the schema that is needed to read it.
pub(crate) fn pack(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<WrittenSchema, ArrowError> {
    let schema = written(batch.schema_ref())?;
    let rows = batch.num_rows();
    let plain = rows <= PLAIN_ROWS_MAX;
    out.push(if plain { PLAIN } else { 0 });
    out.extend_from_slice(&schema.id.to_le_bytes());
    out.extend_from_slice(&(rows as u32).to_le_bytes());
    let present: Vec<bool> = batch.columns().iter().map(|column| column.null_count() < rows).collect();
    for eight in present.chunks(8) {
        out.push(eight.iter().enumerate().map(|(bit, present)| u8::from(*present) << bit).sum());
    }
    let kept = projected(batch.schema_ref(), &present, plain);
    if kept.fields().is_empty() {
        return Ok(schema);
    }
    let columns = batch.columns().iter().zip(&present).filter(|(_, present)| **present);
    let columns = columns
        .map(|(column, _)| match column.data_type() {
            DataType::Dictionary(_, values) if plain => cast(column, values),
            DataType::Dictionary(..) => garbage_collect_any_dictionary(column.as_any_dictionary()),
            _ => Ok(column.clone()),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let kept = RecordBatch::try_new(Arc::new(kept), columns)?;
    if plain {
        // Without dictionaries nothing of the schema's message is needed to write the batch's, nor made.
        let options = IpcWriteOptions::default();
        let mut tracker = DictionaryTracker::new(false);
        let generator = IpcDataGenerator::default();
        let (_, message) = generator.encode(&kept, &mut tracker, &options, &mut IpcWriteContext::default())?;
        write_message(out, message, &options)?;
    } else {
        let mut messages = whole(&StreamEncoder::try_new(kept.schema_ref())?.encode(&kept)?);
        messages.drain(..first_message_bytes(&messages));
        out.append(&mut messages);
    }
    Ok(schema)
}

/// Reads what [`pack`] appended. The error says what is wrong with the bytes.
pub(crate) fn unpack(bytes: &[u8], schemas: &Schemas) -> Result<RecordBatch, String> {
    unpack_columns(bytes, schemas, None)
}

/// As [`unpack`], in the columns of a stream alone.
pub(crate) fn unpack_of(stream: &'static Stream, bytes: &[u8], schemas: &Schemas) -> Result<RecordBatch, String> {
    unpack_columns(bytes, schemas, Some(stream))
}

fn unpack_columns(bytes: &[u8], schemas: &Schemas, of: Option<&'static Stream>) -> Result<RecordBatch, String> {
    let mut reader = Reader(bytes);
    let short = || "the batch ends too early".to_owned();
    let plain = reader.u8().ok_or_else(short)? == PLAIN;
    let id = reader.u64().ok_or_else(short)?;
    let rows = reader.u32().ok_or_else(short)? as usize;
    let schema = schemas.get(id).ok_or_else(|| format!("its schema {id:016x} is missing"))?;
    let present = reader.take(schema.fields().len().div_ceil(8)).ok_or_else(short)?;
    let shape = shape(id, &schema, present, of, plain);
    let batch = |error: ArrowError| format!("its rows cannot be decoded: {error}");
    let mut columns = Vec::new();
    if !shape.written.fields().is_empty() {
        let read = if plain {
            unpack_plain(reader.0, &shape).map_err(batch)?
        } else {
            let mut messages = message_of(&shape.written).map_err(batch)?;
            messages.extend_from_slice(reader.0);
            let all = StreamDecoder::new().decode(&mut Buffer::from_vec(messages)).map_err(batch)?.ok_or_else(short)?;
            all.project(&shape.wanted).map_err(batch)?
        };
        columns.extend(read.columns().iter().cloned());
        if read.num_rows() != rows {
            return Err(format!("{} rows where {rows} were written", read.num_rows()));
        }
    }
    let mut columns = columns.into_iter();
    let fields = shape.schema.fields().iter().zip(&shape.present);
    let columns = fields.map(|(field, present)| match columns.next_if(*present) {
        Some(column) if column.data_type() == field.data_type() => Ok(column),
        Some(column) => cast(&column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), rows)),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(batch)?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(&shape.schema), columns, &options).map_err(batch)
}

/// Which columns a batch has, and which are read.
struct Shape {
    /// The columns that are written.
    written: SchemaRef,
    /// Those of them that are read.
    wanted: Vec<usize>,
    /// What comes out, and what of it is among those.
    schema: SchemaRef,
    present: Vec<bool>,
}

/// The shape of a batch of a schema, of which the columns with a bit in `present` are written; of these, and of those that
/// are not, the columns `of` a stream are read. Made once a thread: entries of single requests are all alike.
fn shape(id: SchemaId, schema: &SchemaRef, present: &[u8], of: Option<&'static Stream>, plain: bool) -> Rc<Shape> {
    type Remembered = (SchemaId, Vec<u8>, Option<&'static Stream>, bool, Rc<Shape>);
    thread_local! {
        static REMEMBERED: RefCell<Vec<Remembered>> = const { RefCell::new(Vec::new()) };
    }
    let make = || {
        let present: Vec<bool> = (0..schema.fields().len()).map(|i| present[i / 8] >> (i % 8) & 1 == 1).collect();
        let written = Arc::new(projected(schema, &present, plain));
        let is_wanted = |name: &str| of.is_none_or(|stream| stream.column(name).is_some());
        let wanted = written.fields().iter().enumerate().filter(|(_, field)| is_wanted(field.name()));
        let wanted = wanted.map(|(place, _)| place).collect();
        if of.is_none() {
            return Shape { written, wanted, schema: Arc::clone(schema), present };
        }
        let read = schema.fields().iter().zip(present).filter(|(field, _)| is_wanted(field.name()));
        let (fields, present): (Vec<_>, _) = read.map(|(field, present)| (Arc::clone(field), present)).unzip();
        Shape { written, wanted, schema: Arc::new(Schema::new(fields)), present }
    };
    REMEMBERED.with_borrow_mut(|remembered| {
        let known = remembered.iter().find(|(schema, columns, stream, is_plain, _)| {
            (*schema, *stream, *is_plain) == (id, of, plain) && columns == present
        });
        if let Some((.., shape)) = known {
            return Rc::clone(shape);
        }
        let shape = Rc::new(make());
        if remembered.len() == REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.push((id, present.to_vec(), of, plain, Rc::clone(&shape)));
        shape
    })
}

/// Reads a message of rows without dictionaries, which needs no message of their schema before it.
fn unpack_plain(bytes: &[u8], shape: &Shape) -> Result<RecordBatch, ArrowError> {
    let broken = |what: &dyn Display| ArrowError::IpcError(what.to_string());
    let mut reader = Reader(bytes);
    let (_mark, head_bytes) = (reader.u32(), reader.u32());
    let head = head_bytes.and_then(|bytes| reader.take(bytes as usize)).ok_or_else(|| broken(&"it ends too early"))?;
    let message = root_as_message(head).map_err(|error| broken(&error))?;
    let rows = message.header_as_record_batch().ok_or_else(|| broken(&"it is no message of rows"))?;
    let (schema, version) = (Arc::clone(&shape.written), message.version());
    let wanted = Some(&*shape.wanted).filter(|wanted| wanted.len() < schema.fields().len());
    read_record_batch(&Buffer::from(reader.0), rows, schema, &HashMap::new(), wanted, &version)
}

/// `next`, if `wanted`.
trait NextIf: Iterator {
    fn next_if(&mut self, wanted: bool) -> Option<Self::Item> {
        if wanted { self.next() } else { None }
    }
}

impl<I: Iterator> NextIf for I {}

/// The columns that are written, as they are written.
fn projected(schema: &Schema, present: &[bool], plain: bool) -> Schema {
    let fields = schema.fields().iter().zip(present).filter(|(_, present)| **present);
    let fields = fields.map(|(field, _)| match field.data_type() {
        DataType::Dictionary(_, values) if plain => {
            Arc::new(Field::new(field.name(), values.as_ref().clone(), field.is_nullable()))
        }
        _ => Arc::clone(field),
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The IPC message of a schema.
fn message_of(schema: &Schema) -> Result<Vec<u8>, ArrowError> {
    let mut message = whole(&StreamEncoder::try_new(schema)?.finish()?);
    message.truncate(first_message_bytes(&message));
    Ok(message)
}

fn whole(buffers: &[Buffer]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(buffers.iter().map(Buffer::len).sum());
    for buffer in buffers {
        whole.extend_from_slice(buffer);
    }
    whole
}

/// How long the first message is, if it has no body: a mark, its length, and that many bytes.
fn first_message_bytes(messages: &[u8]) -> usize {
    let mut reader = Reader(messages);
    let (_mark, bytes) = (reader.u32(), reader.u32());
    bytes.map_or(messages.len(), |bytes| messages.len().min(8 + bytes as usize))
}

/// The bytes of a schema, made once a thread.
fn written(schema: &SchemaRef) -> Result<WrittenSchema, ArrowError> {
    thread_local! {
        static REMEMBERED: RefCell<Vec<(SchemaRef, WrittenSchema)>> = const { RefCell::new(Vec::new()) };
    }
    REMEMBERED.with_borrow_mut(|remembered| {
        let known = remembered.iter().find(|(known, _)| Arc::ptr_eq(known, schema) || known == schema);
        if let Some((_, written)) = known {
            return Ok(written.clone());
        }
        let message: Arc<[u8]> = message_of(schema)?.into();
        let hash = Sha256::digest(&message);
        let id = hash.iter().take(8).fold(0, |id, byte| id << 8 | SchemaId::from(*byte));
        if remembered.len() == REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.push((Arc::clone(schema), WrittenSchema { id, message: Arc::clone(&message) }));
        Ok(WrittenSchema { id, message })
    })
}

/// The schemas that values of the store were written with.
#[derive(Debug, Default)]
pub(crate) struct Schemas(RwLock<Vec<(SchemaId, SchemaRef)>>);

impl Schemas {
    /// The schema of that name.
    pub fn get(&self, id: SchemaId) -> Option<SchemaRef> {
        let schemas = self.0.read().unwrap_or_else(PoisonError::into_inner);
        schemas.iter().find(|(known, _)| *known == id).map(|(_, schema)| Arc::clone(schema))
    }

    /// Adds a schema from its message. The error says what is wrong with it.
    pub fn add(&self, id: SchemaId, message: &[u8]) -> Result<(), String> {
        let schema = StreamReader::try_new(message, None).map_err(|error| error.to_string())?.schema();
        self.0.write().unwrap_or_else(PoisonError::into_inner).push((id, schema));
        Ok(())
    }
}
