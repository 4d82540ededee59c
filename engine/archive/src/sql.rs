//! Queries over an archive. They read, and nothing else: no other tables, no other files, nothing written.

use std::num::NonZero;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio_stream::StreamExt;

use crate::{ArchiveError, Place, TableInfo, tables};

/// Under which the archive is known inside a session.
const URL: &str = "archive://files";
/// Consumers of memory that are named where it runs out.
const NAMED: NonZero<usize> = NonZero::new(3).expect("three is not zero");

/// How queries are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlOptions {
    /// Memory for sorting, joining and grouping, in bytes; what does not fit is spilled.
    pub memory_bytes: usize,
    /// Disk for what is spilled, in bytes, in the folder for temporary files.
    pub spill_bytes: u64,
    /// Threads; by default one a core.
    pub threads: Option<usize>,
    /// Shows personal data as it is.
    pub unmasked: bool,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, spill_bytes: 64 << 30, threads: None, unmasked: false }
    }
}

/// An archive that answers queries.
pub struct Archive {
    session: SessionContext,
}

/// The rows that answer a query, as they are found.
pub struct Answer {
    batches: SendableRecordBatchStream,
}

impl Answer {
    /// Their columns.
    pub fn schema(&self) -> SchemaRef {
        self.batches.schema()
    }

    /// The next of them; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, ArchiveError> {
        Ok(self.batches.next().await.transpose()?)
    }
}

impl Archive {
    /// The archive at an address: a folder, `file:///folder` or `s3://bucket/prefix`.
    pub async fn open(url: &str, options: SqlOptions) -> Result<Self, ArchiveError> {
        Self::at(&Place::open(url)?, options).await
    }

    /// The archive at a place.
    pub async fn at(place: &Place, options: SqlOptions) -> Result<Self, ArchiveError> {
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(TrackConsumersPool::new(FairSpillPool::new(options.memory_bytes), NAMED)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_max_temp_directory_size(options.spill_bytes))
            .build_arc()?;
        let mut config = SessionConfig::new().with_information_schema(true);
        if let Some(threads) = options.threads {
            config = config.with_target_partitions(threads);
        }
        let url = ObjectStoreUrl::parse(URL)?;
        runtime.register_object_store(url.as_ref(), place.store().clone());
        let session = SessionContext::new_with_config_rt(config, runtime);
        tables::register(&session, place, &url, options.unmasked).await?;
        Ok(Self { session })
    }

    /// Answers a query.
    pub async fn sql(&self, query: &str) -> Result<Answer, ArchiveError> {
        let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let answer = self.session.sql_with_options(query, reading).await?;
        Ok(Answer { batches: answer.execute_stream().await? })
    }

    /// Every table there is, whether anything was archived of it or not.
    pub fn tables() -> Vec<TableInfo> {
        tables::all()
    }
}
