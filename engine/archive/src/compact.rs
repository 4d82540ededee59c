//! Merges the many files of a finished day into one a stream.
//!
//! What a file's name says makes it safe (see [`crate::layout`]): the merged one speaks for all positions of those it
//! was merged from, so from the instant it appears they are superseded, and it does not matter when they go. They stay
//! a while for queries that have already begun. A crash leaves nothing to mend: the next run merges and deletes what
//! is left.

use std::time::Duration;

use chrono::{DateTime, Utc};
use haechi_model::Stream;
use object_store::ObjectStoreExt;
use object_store::buffered::BufReader;
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use serde::Serialize;
use tokio_stream::StreamExt;
use tracing::info;

use crate::layout::{ArchivedFile, Dataset, Day, Span, list};
use crate::write::{FileWriter, Standing, Written};
use crate::{ArchiveError, Place, rows};

/// How long merged files are kept for queries that began before.
pub const MERGED_FOR: Duration = Duration::from_mins(15);
/// Rows read at once.
const BATCH_ROWS: usize = 8_192;

/// What was merged and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// Files that were merged.
    pub merged: u64,
    /// Into how many.
    pub into: u64,
    /// Rows of those.
    pub rows: u64,
    /// Files deleted, those of earlier runs too.
    pub deleted: u64,
    /// Files that wait to be deleted.
    pub waiting: u64,
}

/// Merges the files of each day before `today`, and deletes those that another has spoken for since `keep` before
/// `now`.
pub async fn compact(place: &Place, today: Day, now: DateTime<Utc>, keep: Duration) -> Result<Compacted, ArchiveError> {
    let mut done = Compacted::default();
    for dataset in Dataset::ALL {
        let listing = list(place, dataset, None).await?;
        for files in listing.current.chunk_by(|one, other| one.partition == other.partition) {
            if files.len() > 1 && files[0].partition.day < today {
                let written = merge(place, files).await?;
                done.merged += files.len() as u64;
                done.into += 1;
                done.rows += written.rows;
            }
        }
        for (file, since) in list(place, dataset, None).await?.superseded {
            if now.signed_duration_since(since).to_std().is_ok_and(|age| age >= keep) {
                let path = &file.meta.location;
                match place.store().delete(path).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => done.deleted += 1,
                    Err(source) => return Err(ArchiveError::Storage { path: path.to_string(), source }),
                }
            } else {
                done.waiting += 1;
            }
        }
    }
    if done != Compacted::default() {
        info!(merged = done.merged, into = done.into, deleted = done.deleted, waiting = done.waiting, "compacted");
    }
    Ok(done)
}

/// Writes one file that speaks for all of these, which are of one partition and in order.
async fn merge(place: &Place, files: &[ArchivedFile]) -> Result<Written, ArchiveError> {
    let (Some(first), Some(last)) = (files.first(), files.last()) else { return Ok(Written::default()) };
    let span = Span { first: first.span.first, last: last.span.last };
    let partition = first.partition;
    let Some(stream) = Stream::find(partition.stream) else { return Ok(Written::default()) };
    let mut writer = FileWriter::create(place, partition, stream, span, Standing::ForGood)?;
    let copied = async {
        for file in files {
            copy(place, file, stream, &mut writer).await?;
        }
        Ok(())
    };
    if let Err(error) = copied.await {
        writer.abort().await;
        return Err(error);
    }
    writer.finish(place).await
}

/// Adds the rows of a file to another.
async fn copy(
    place: &Place,
    file: &ArchivedFile,
    stream: &'static Stream,
    to: &mut FileWriter,
) -> Result<(), ArchiveError> {
    let path = &file.meta.location;
    let at = || ArchiveError::parquet(path.as_ref());
    let schema = rows::file_schema(file.partition.dataset, stream);
    let reader = BufReader::new(place.store().clone(), &file.meta);
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(at())?.with_batch_size(BATCH_ROWS);
    let rows = builder.metadata().file_metadata().num_rows().unsigned_abs();
    let mut batches = builder.build().map_err(at())?;
    let mut copied = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(at())?;
        // Written by an earlier version, it may lack columns.
        let batch = rows::aligned(&schema, &batch)
            .map_err(|source| ArchiveError::Rows { position: file.span.first, source })?;
        copied += batch.num_rows() as u64;
        to.write(&batch).await?;
    }
    // What is to be superseded is counted first.
    if copied == rows { Ok(()) } else { Err(ArchiveError::Miscounted { path: path.to_string(), copied, rows }) }
}
