//! One Parquet file of an archive, from its first rows to its name.

use arrow::array::RecordBatch;
use haechi_model::Stream;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use tracing::warn;

use crate::layout::{Dataset, Partition, Span};
use crate::{ArchiveError, Place, rows};

/// Rows of a row group: what a query skips or reads at once.
const ROW_GROUP_ROWS: usize = 128 * 1024;
/// Bytes of a part of an upload: ten thousand of them are the most a bucket takes.
const PART_BYTES: usize = 8 << 20;
/// Parts on their way at once.
const PARTS_MAX: usize = 2;
/// A middle way between what archiving costs the processor and what reading costs the disk.
const ZSTD_LEVEL: i32 = 3;

/// How long a file is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Until its day is over.
    UntilMerged,
    /// For good: worth an index of subjects.
    ForGood,
}

/// A file that is being written. It has no name before [`FileWriter::finish`].
pub(crate) struct FileWriter {
    path: Path,
    writer: AsyncArrowWriter<BufWriter>,
}

/// A file that was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub rows: u64,
    pub bytes: u64,
}

impl FileWriter {
    pub fn create(
        place: &Place,
        partition: Partition,
        stream: &'static Stream,
        span: Span,
        standing: Standing,
    ) -> Result<Self, ArchiveError> {
        let path = partition.path(span);
        let schema = rows::file_schema(partition.dataset, stream);
        let upload = BufWriter::with_capacity(place.store().clone(), path.clone(), PART_BYTES);
        let upload = upload.with_max_concurrency(PARTS_MAX);
        let properties =
            properties(partition.dataset, stream, standing).map_err(ArchiveError::parquet(path.as_ref()))?;
        let writer = AsyncArrowWriter::try_new(upload, schema, Some(properties))
            .map_err(ArchiveError::parquet(path.as_ref()))?;
        Ok(Self { path, writer })
    }

    /// Adds rows, which come after those before.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), ArchiveError> {
        self.writer.write(batch).await.map_err(ArchiveError::parquet(self.path.as_ref()))
    }

    /// Memory of rows that are not on their way yet, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.writer.memory_size()
    }

    /// Sends what is in memory on its way.
    pub async fn flush(&mut self) -> Result<(), ArchiveError> {
        self.writer.flush().await.map_err(ArchiveError::parquet(self.path.as_ref()))
    }

    /// Gives the file its name. It is on the disk when this returns.
    pub async fn finish(mut self, place: &Place) -> Result<Written, ArchiveError> {
        let metadata = self.writer.finish().await.map_err(ArchiveError::parquet(self.path.as_ref()))?;
        place.sync(&self.path)?;
        let rows = metadata.file_metadata().num_rows().unsigned_abs();
        Ok(Written { rows, bytes: self.writer.bytes_written() as u64 })
    }

    /// Gives the file up. A bucket may keep its parts until its own rules remove them, which changes nothing for
    /// readers.
    pub async fn abort(self) {
        let path = self.path;
        if let Err(error) = self.writer.into_inner().abort().await {
            warn!(%path, %error, "an unfinished upload could not be taken back");
        }
    }
}

fn properties(
    dataset: Dataset,
    stream: &Stream,
    standing: Standing,
) -> Result<WriterProperties, parquet::errors::ParquetError> {
    let position = ColumnPath::from("position");
    let builder = WriterProperties::builder()
        .set_created_by(concat!("haechi ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_sorting_columns(Some(vec![SortingColumn { column_idx: 0, descending: false, nulls_first: false }]))
        .set_column_dictionary_enabled(position.clone(), false)
        .set_column_encoding(position, Encoding::DELTA_BINARY_PACKED);
    let builder = match standing {
        Standing::UntilMerged => builder,
        Standing::ForGood => {
            with_subjects(builder, if dataset == Dataset::Journal { stream.subject_key } else { "subject_id" })
        }
    };
    Ok(builder.build())
}

/// Whoever looks for one subject reads only the row groups that may have it.
fn with_subjects(builder: WriterPropertiesBuilder, key: &str) -> WriterPropertiesBuilder {
    let key = ColumnPath::from(key);
    builder
        .set_column_bloom_filter_enabled(key.clone(), true)
        .set_column_bloom_filter_fpp(key.clone(), 0.01)
        .set_column_bloom_filter_max_ndv(key, ROW_GROUP_ROWS as u64)
}
