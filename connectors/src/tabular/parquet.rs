//! Parquet files, a row group to a thread: each column comes as one array, or few, with the row group's own dictionary,
//! and whatever can be checked in it is checked where it was decoded.
//!
//! A column chunk whose dictionary grew too large goes on plain in its middle. Read as a dictionary, all of it would be
//! copied out and looked up again value by value; so text that need not be one is read as text, and of a subject's key,
//! whose rows stand together, only neighbours are compared. Other ids are looked up: they repeat, and rules ask for
//! their values by code.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use bytes::Bytes;
use haechi_model::Kind;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};

use super::columnar::{ColumnFile, Part, Parts, Shape, decoding};
use super::convert::{Converter, is_text};
use super::in_order::{InOrder, Outlet};
use super::statistics::summary;
use crate::options::ReadOptions;
use crate::sources::Place;

/// A Parquet file.
pub struct ParquetFile {
    place: Place,
    metadata: ArrowReaderMetadata,
}

impl ParquetFile {
    /// Opens a Parquet file and reads its footer.
    pub fn open(place: &Place) -> Result<Self, ArrowError> {
        let metadata = ArrowReaderMetadata::load(&Chunks::open(place)?, ArrowReaderOptions::new())?;
        Ok(Self { place: place.clone(), metadata })
    }

    /// The row groups that are read. Where each begins is counted here, so that leaving one out moves no position.
    fn row_groups(&self, shape: &Shape, options: &ReadOptions) -> Vec<RowGroup> {
        let keep = options.keep.as_ref().filter(|_| options.rows_alone);
        let is_read = |group: &RowGroupMetaData| {
            keep.is_none_or(|keep| keep.keeps(summary(shape.stream, shape.plan(), self.metadata.schema(), group)))
        };
        let mut first_row = 0;
        let groups = self.metadata.metadata().row_groups().iter().enumerate().filter_map(|(index, group)| {
            let rows = n_rows(group);
            first_row += rows;
            is_read(group).then(|| RowGroup { index, first_row: first_row - rows, rows: rows as usize })
        });
        groups.collect()
    }
}

impl ColumnFile for ParquetFile {
    fn schema(&self) -> SchemaRef {
        self.metadata.schema().clone()
    }

    fn read(self: Box<Self>, shape: Arc<Shape>, options: &ReadOptions) -> Result<Parts, ArrowError> {
        let groups = self.row_groups(&shape, options);
        let n_rows: u64 = self.metadata.metadata().row_groups().iter().map(n_rows).sum();
        let n_read: u64 = groups.iter().map(|group| group.rows as u64).sum();
        let worker = |_| {
            let mut decoder = Decoder {
                // A file of its own: handles that are copies share the place they read at.
                chunks: Chunks::open(&self.place)?,
                metadata: self.metadata.clone(),
                converters: shape.converters(),
                shape: shape.clone(),
                batch_rows: options.batch_rows.max(1),
                text_by_code: options.text_by_code,
            };
            Ok(move |group: RowGroup, outlet: &Outlet<Result<Part, ArrowError>>| {
                if let Err(error) = decoding(|| decoder.read(&group, outlet)) {
                    outlet.put(Err(error));
                }
            })
        };
        let workers = options.threads.clamp(1, groups.len().max(1));
        let workers = (0..workers).map(worker).collect::<Result<Vec<_>, ArrowError>>()?;
        Ok(Parts {
            decoded: Box::new(InOrder::start(groups, workers)?),
            n_rows: Some(n_rows),
            n_skipped: n_rows - n_read,
        })
    }
}

/// A row group to be read.
struct RowGroup {
    index: usize,
    /// Rows of the file before it.
    first_row: u64,
    rows: usize,
}

/// The bytes of a Parquet file, wherever they are.
enum Chunks {
    File(File),
    Memory(Bytes),
}

impl Chunks {
    fn open(place: &Place) -> Result<Self, ArrowError> {
        Ok(match place {
            Place::File(path) => Self::File(File::open(path)?),
            Place::Memory(bytes) => Self::Memory(bytes.clone()),
        })
    }

    fn again(&self) -> Result<Self, ArrowError> {
        Ok(match self {
            Self::File(file) => Self::File(file.try_clone()?),
            Self::Memory(bytes) => Self::Memory(bytes.clone()),
        })
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        match self {
            Self::File(file) => Length::len(file),
            Self::Memory(bytes) => Length::len(bytes),
        }
    }
}

impl ChunkReader for Chunks {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(match self {
            Self::File(file) => Box::new(file.get_read(start)?),
            Self::Memory(bytes) => Box::new(bytes.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match self {
            Self::File(file) => file.get_bytes(start, length),
            Self::Memory(bytes) => bytes.get_bytes(start, length),
        }
    }
}

/// Decodes and shapes row groups, one after the other.
struct Decoder {
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
    shape: Arc<Shape>,
    converters: Vec<Converter>,
    batch_rows: usize,
    text_by_code: bool,
}

impl Decoder {
    fn read(&mut self, group: &RowGroup, outlet: &Outlet<Result<Part, ArrowError>>) -> Result<(), ArrowError> {
        let metadata = self.metadata_of(group);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), self.shape.inputs().iter().copied());
        // Cut into even parts: one part that is much smaller than the others would be copied to its neighbours.
        let n_parts = group.rows.div_ceil(self.batch_rows).max(1);
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(self.chunks.again()?, metadata)
            .with_row_groups(vec![group.index])
            .with_projection(mask)
            .with_batch_size(group.rows.div_ceil(n_parts).max(1))
            .build()?;
        let mut first_row = group.first_row;
        for batch in batches {
            let batch = batch?;
            let rows = batch.num_rows() as u64;
            let part = self.shape.part(&mut self.converters, first_row, batch)?;
            first_row += rows;
            if !outlet.put(Ok(part)) {
                return Ok(());
            }
        }
        if first_row - group.first_row != group.rows as u64 {
            return Err(ArrowError::ParquetError("a row group has fewer rows than the footer says".to_owned()));
        }
        Ok(())
    }

    /// How the columns of a row group are read.
    fn metadata_of(&self, group: &RowGroup) -> ArrowReaderMetadata {
        let (file, schema) = (self.metadata.metadata(), self.metadata.schema());
        let by_code = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let parquet_schema = self.metadata.parquet_schema();
        let chunks = file.row_group(group.index).columns();
        let kept_whole = |root: usize| {
            let leaf = (0..chunks.len()).find(|leaf| parquet_schema.get_column_root_idx(*leaf) == root);
            leaf.is_some_and(|leaf| all_by_code(&chunks[leaf]))
        };
        let stream = self.shape.stream;
        let fields = schema.fields().iter().enumerate().map(|(root, field)| {
            if !is_text(field.data_type()) {
                return field.as_ref().clone();
            }
            let reads_code = match stream.column(field.name()) {
                Some(column) if column.name == stream.subject_key => kept_whole(root),
                Some(column) if column.kind == Kind::Text => self.text_by_code && kept_whole(root),
                Some(column) => matches!(column.kind, Kind::Id | Kind::Code),
                None => true,
            };
            let plain = || match field.data_type() {
                DataType::Dictionary(..) => DataType::Utf8,
                as_it_is => as_it_is.clone(),
            };
            Field::clone(field).with_data_type(if reads_code { by_code.clone() } else { plain() })
        });
        let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        ArrowReaderMetadata::try_new(file.clone(), options).unwrap_or_else(|_| self.metadata.clone())
    }
}

fn n_rows(group: &RowGroupMetaData) -> u64 {
    group.num_rows().max(0) as u64
}

/// Whether all pages of a column chunk are in its dictionary.
fn all_by_code(chunk: &ColumnChunkMetaData) -> bool {
    let only = |encoding| chunk.page_encoding_stats_mask().is_some_and(|mask| mask.is_only(encoding));
    chunk.dictionary_page_offset().is_some() && (only(Encoding::RLE_DICTIONARY) || only(Encoding::PLAIN_DICTIONARY))
}

#[cfg(test)]
mod tests;
