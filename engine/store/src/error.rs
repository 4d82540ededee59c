//! What can go wrong, by whose move it is.

use std::path::PathBuf;

use arrow::error::ArrowError;

use crate::Position;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else has the folder open.
    #[error("{}: another process has this store open; stop it, or give this one its own folder", .path.display())]
    Locked {
        /// Folder of the store.
        path: PathBuf,
    },
    /// There is none.
    #[error(
        "{}: no store is there; name the settings of the service with --config, or start it once with `haechi serve`",
        .path.display()
    )]
    Missing {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// The folder was written by a newer program.
    #[error(
        "{}: the store has format {found}, this program knows up to {known}; use the one that wrote it or newer",
        .path.display()
    )]
    Newer {
        /// Folder of the store.
        path: PathBuf,
        /// Format on disk.
        found: u32,
        /// Newest format this program reads.
        known: u32,
    },
    /// The database cannot be opened: files are missing or damaged.
    #[error("{}: the store is damaged ({reason}); restore it from a backup and check the disk", .path.display())]
    Damaged {
        /// Folder of the store.
        path: PathBuf,
        /// What the database says.
        reason: String,
    },
    /// A value is not what was written.
    #[error(
        "{keyspace} at {key}: {reason}; it is not used; `haechi inspect --verify` lists all like it: \
         restore them from a backup or the archive"
    )]
    Corrupt {
        /// Keyspace the value is in.
        keyspace: &'static str,
        /// Position or other key of the value.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A write failed, or work behind it did. Nothing of the write is visible, nor will be.
    #[error("{}: cannot write: {reason}; nothing of it is kept", .path.display())]
    NotWritten {
        /// Folder of the store.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The store could not recover; it serves nothing until a later attempt succeeds.
    #[error("{}: the store is not open: {reason}", .path.display())]
    Unavailable {
        /// Folder of the store.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// It was closed, and stays so.
    #[error("{}: the store was closed", .path.display())]
    Closed {
        /// Folder of the store.
        path: PathBuf,
    },
    /// Reading failed below us.
    #[error("{}: cannot read: {reason}", .path.display())]
    NotRead {
        /// Folder of the store.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// What was asked for was archived and forgotten.
    #[error("position {position}: archived; the store begins at {first}")]
    Forgotten {
        /// What was asked for.
        position: Position,
        /// Where the store begins.
        first: Position,
    },
    /// Nothing was set aside at that position.
    #[error("position {position}: nothing was set aside there")]
    NotSetAside {
        /// What was asked for.
        position: Position,
    },
    /// A commit does not fit together: we have a bug.
    #[error("a commit that does not fit together: {reason}")]
    Inconsistent {
        /// What does not fit.
        reason: String,
    },
    /// Rows could not be encoded.
    #[error("cannot encode rows: {0}")]
    Encode(#[from] ArrowError),
}

impl StoreError {
    /// Whether the same may succeed when it is tried again.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NotWritten { .. } | Self::Unavailable { .. } | Self::NotRead { .. })
    }
}
