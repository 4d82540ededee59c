//! One round: the rows of a span of positions, from the store to one file a dataset, stream and day.
//!
//! What a round writes follows from its span alone, so doing it again after a crash writes the same files.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use haechi_model::{DeriveContext, Stream};
use haechi_store::Store;
use metrics::counter;
use tokio_util::sync::CancellationToken;

use crate::layout::{Dataset, Day, Partition, Span};
use crate::write::{FileWriter, Standing, Written};
use crate::{ArchiveError, Place, rows};

/// Entries of few rows are put together until they are this many: a batch costs by the column, not by the row.
const GATHERED_ROWS: usize = 4_096;
/// Encoded rows in memory, over all files, before the largest is sent on its way.
const MEMORY_BYTES: usize = 128 << 20;

/// What a round does its work with.
pub(crate) struct Task<'a> {
    pub place: &'a Place,
    pub store: &'a Store,
    pub context: &'a DeriveContext,
    pub stop: &'a CancellationToken,
}

/// Writes everything in the span, and says what that was; `None` where it was stopped. Nothing has a name then.
pub(crate) async fn write(task: &Task<'_>, span: Span) -> Result<Option<Written>, ArchiveError> {
    let mut files = Files { task, span, open: BTreeMap::new() };
    match files.fill().await {
        Ok(true) => files.finish().await.map(Some),
        Ok(false) => {
            files.abort().await;
            Ok(None)
        }
        Err(error) => {
            files.abort().await;
            Err(error)
        }
    }
}

/// The files of a round.
struct Files<'a> {
    task: &'a Task<'a>,
    span: Span,
    open: BTreeMap<Partition, OpenFile>,
}

struct OpenFile {
    stream: &'static Stream,
    writer: FileWriter,
    /// Batches of one schema that wait to be put together.
    gathered: Vec<RecordBatch>,
    gathered_rows: usize,
    /// The first position of what was gathered last, to say where something is wrong.
    position: u64,
}

impl Files<'_> {
    /// Whether everything was written: not where it was stopped.
    async fn fill(&mut self) -> Result<bool, ArchiveError> {
        let Task { store, stop, .. } = self.task;
        for entry in store.entries(self.span.first) {
            let entry = entry?;
            if entry.first > self.span.last {
                break;
            }
            if stop.is_cancelled() {
                return Ok(false);
            }
            let decoded = rows::journalled(&entry.decode()?, entry.first, entry.known_at_ms);
            self.add(Dataset::Journal, entry.stream, entry.known_at_ms, entry.first, decoded).await?;
        }
        for decisions in store.decisions(self.span.first - 1) {
            let decisions = decisions?;
            if decisions.first > self.span.last {
                break;
            }
            if stop.is_cancelled() {
                return Ok(false);
            }
            let (stream, known_at_ms, first) = (decisions.stream, decisions.known_at_ms, decisions.first);
            let hits = rows::placed_hits(&decisions, &decisions.hits()?);
            self.add(Dataset::Selections, stream, known_at_ms, first, Ok(decisions.selections)).await?;
            self.add(Dataset::Hits, stream, known_at_ms, first, hits).await?;
        }
        Ok(true)
    }

    async fn add(
        &mut self,
        dataset: Dataset,
        stream: &'static Stream,
        known_at_ms: i64,
        position: u64,
        batch: Result<RecordBatch, ArrowError>,
    ) -> Result<(), ArchiveError> {
        let batch = batch.map_err(|source| ArchiveError::Rows { position, source })?;
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let partition = Partition { dataset, stream: stream.name, day: Day::of_ms(known_at_ms) };
        let file = match self.open.entry(partition) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                let writer = FileWriter::create(self.task.place, partition, stream, self.span, Standing::UntilMerged)?;
                vacant.insert(OpenFile { stream, writer, gathered: Vec::new(), gathered_rows: 0, position })
            }
        };
        let joins = file.gathered.first().is_none_or(|first| first.schema_ref() == batch.schema_ref());
        if !joins || file.gathered_rows + batch.num_rows() > GATHERED_ROWS {
            file.put(partition.dataset, self.task.context).await?;
        }
        file.position = position;
        file.gathered_rows += batch.num_rows();
        file.gathered.push(batch);
        self.bound_memory().await
    }

    async fn bound_memory(&mut self) -> Result<(), ArchiveError> {
        let bytes: usize = self.open.values().map(|file| file.writer.memory_bytes()).sum();
        if bytes > MEMORY_BYTES
            && let Some(largest) = self.open.values_mut().max_by_key(|file| file.writer.memory_bytes())
        {
            largest.writer.flush().await?;
        }
        Ok(())
    }

    async fn finish(self) -> Result<Written, ArchiveError> {
        let mut all = Written::default();
        for (partition, mut file) in self.open {
            file.put(partition.dataset, self.task.context).await?;
            let Written { rows, bytes } = file.writer.finish(self.task.place).await?;
            let labels = [("dataset", partition.dataset.folder()), ("stream", partition.stream)];
            counter!("haechi_archive_rows_total", &labels).increment(rows);
            counter!("haechi_archive_bytes_total", &labels).increment(bytes);
            all = Written { rows: all.rows + rows, bytes: all.bytes + bytes };
        }
        Ok(all)
    }

    async fn abort(self) {
        for file in self.open.into_values() {
            file.writer.abort().await;
        }
    }
}

impl OpenFile {
    /// Writes what was gathered.
    async fn put(&mut self, dataset: Dataset, context: &DeriveContext) -> Result<(), ArchiveError> {
        let Some(first) = self.gathered.first() else { return Ok(()) };
        let schema = rows::file_schema(dataset, self.stream);
        let shaped = concat_batches(first.schema_ref(), &self.gathered)
            .and_then(|batch| rows::shaped(dataset, self.stream, &schema, &batch, context))
            .map_err(|source| ArchiveError::Rows { position: self.position, source })?;
        self.gathered.clear();
        self.gathered_rows = 0;
        self.writer.write(&shaped).await
    }
}
