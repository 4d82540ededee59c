//! What can go wrong, by whose move it is.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use haechi_store::{Position, StoreError};
use parquet::errors::ParquetError;

/// Why something could not be archived, or a query not be answered.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive's address cannot be used.
    #[error("archive `{url}`: {reason}")]
    Url {
        /// As it was written.
        url: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The place of the archive did not do what it was asked.
    #[error("archive, `{path}`: {source}")]
    Storage {
        /// File or folder in the archive.
        path: String,
        /// What it said.
        source: object_store::Error,
    },
    /// A file of the local archive could not be made safe on disk.
    #[error("archive, `{path}`: {source}")]
    Disk {
        /// File or folder.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file cannot be read or written as Parquet.
    #[error("archive, `{path}`: {source}")]
    Parquet {
        /// File in the archive.
        path: String,
        /// What is wrong.
        source: ParquetError,
    },
    /// The store failed below us.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A step panicked.
    #[error("archiving panicked; this is a bug")]
    Panicked,
    /// Rows of the store do not fit the columns of the archive.
    #[error("position {position}: rows cannot be archived: {source}")]
    Rows {
        /// Where they begin.
        position: Position,
        /// Why.
        source: ArrowError,
    },
    /// Files hold the same positions and neither holds all of the other.
    #[error(
        "archive, `{one}` and `{other}` hold the same positions in part: two stores write to this archive, or one was \
         restored; give each an archive of its own, and move the files of the wrong one away"
    )]
    Overlap {
        /// A file.
        one: String,
        /// Another.
        other: String,
    },
    /// The archive has rows that the store never gave.
    #[error(
        "archive, `{path}` goes up to position {last}, the store only to {store}: the archive belongs to another store, \
         or the store was restored from an older backup; archive to another place"
    )]
    Ahead {
        /// File in the archive.
        path: String,
        /// Up to where it goes.
        last: Position,
        /// The last position of the store.
        store: Position,
    },
    /// A file holds less or more rows than it says.
    #[error("archive, `{path}`: {copied} rows where it says {rows}; it is not merged, and stays as it is")]
    Miscounted {
        /// File in the archive.
        path: String,
        /// Rows read.
        copied: u64,
        /// Rows that its footer says.
        rows: u64,
    },
    /// What is noted of the archive in the store cannot be read.
    #[error("the store's note of what is archived cannot be read: {0}")]
    Note(#[from] serde_json::Error),
    /// The query is wrong, or asks for what is not allowed.
    #[error("{}", told(.0))]
    Query(#[from] DataFusionError),
}

/// The query's mistake without the name of the library's part that found it.
fn told(error: &DataFusionError) -> String {
    error.strip_backtrace().lines().next().unwrap_or_default().to_owned()
}

impl ArchiveError {
    /// Whether who asked has to ask otherwise: a wrong query or address.
    pub fn is_wrongly_asked(&self) -> bool {
        match self {
            Self::Url { .. } => true,
            Self::Query(error) => matches!(
                error.find_root(),
                DataFusionError::SQL(..)
                    | DataFusionError::Plan(_)
                    | DataFusionError::SchemaError(..)
                    | DataFusionError::NotImplemented(_)
                    | DataFusionError::Diagnostic(..)
            ),
            _ => false,
        }
    }

    pub(crate) fn storage(path: impl Into<String>) -> impl FnOnce(object_store::Error) -> Self {
        let path = path.into();
        move |source| Self::Storage { path, source }
    }

    pub(crate) fn parquet(path: impl Into<String>) -> impl FnOnce(ParquetError) -> Self {
        let path = path.into();
        move |source| Self::Parquet { path, source }
    }
}
