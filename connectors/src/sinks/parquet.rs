//! `parquet`: batches to one file, which appears under its name only when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

/// Rows a row group: what the writer holds in memory.
const ROW_GROUP_ROWS: usize = 131_072;

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The file system refused.
    #[error("cannot write `{}`: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The rows cannot be written as Parquet.
    #[error("cannot write `{}` as Parquet: {source}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
}

/// A Parquet file being written.
#[derive(Debug)]
pub struct ParquetSink {
    path: PathBuf,
    unfinished: PathBuf,
    writer: ArrowWriter<File>,
    rows: u64,
}

impl ParquetSink {
    /// Begins `path` as `path.unfinished`; a file of that name is replaced when this one is closed.
    pub fn create(path: &Path, schema: &SchemaRef) -> Result<Self, SinkError> {
        Self::create_with(path, schema, OpenOptions::new().write(true).create(true).truncate(true))
    }

    /// The same, with the file opened in a way of one's own, as for its owner only.
    pub fn create_with(path: &Path, schema: &SchemaRef, options: &OpenOptions) -> Result<Self, SinkError> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        let file = options.open(&unfinished).map_err(|source| SinkError::File { path: unfinished.clone(), source })?;
        let level = ZstdLevel::try_new(1).unwrap_or_default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))
            .map_err(|source| SinkError::Parquet { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), unfinished, writer, rows: 0 })
    }

    /// Adds rows of the schema.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SinkError> {
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|source| SinkError::Parquet { path: self.path.clone(), source })
    }

    /// Finishes the file and gives it its name; how many rows it has.
    pub fn close(self) -> Result<u64, SinkError> {
        let Self { path, unfinished, writer, rows } = self;
        writer.close().map_err(|source| SinkError::Parquet { path: path.clone(), source })?;
        fs::rename(&unfinished, &path).map_err(|source| SinkError::File { path, source })?;
        Ok(rows)
    }

    /// The same, with the content on disk before it has its name.
    pub fn close_durably(self) -> Result<u64, SinkError> {
        let Self { path, unfinished, writer, rows } = self;
        let file = writer.into_inner().map_err(|source| SinkError::Parquet { path: path.clone(), source })?;
        let named = file.sync_all().and_then(|()| fs::rename(&unfinished, &path));
        named.map_err(|source| SinkError::File { path, source })?;
        Ok(rows)
    }
}
