//! What can be set about the store.

use serde::{Deserialize, Serialize};

/// How much memory and disk the store takes for its own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreOptions {
    /// Memory for blocks read from disk, in bytes.
    pub cache_bytes: u64,
    /// Disk for the write-ahead log, in bytes, at least 64 MiB. All of it is read again after a kill: it bounds how
    /// long a start takes.
    pub log_bytes_max: u64,
    /// Memory for what is not in tables yet, in bytes for each of the three large keyspaces (journal, decisions,
    /// index), at least 64 KiB. Up to three times as much while tables are written. Taken when the store is made.
    pub write_buffer_bytes: u64,
    /// Threads that write and merge tables; one of them does nothing but write where there are two or more.
    pub threads: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, log_bytes_max: 128 << 20, write_buffer_bytes: 16 << 20, threads: 2 }
    }
}

impl StoreOptions {
    /// The same within what the database can do.
    pub(crate) fn bounded(self) -> Self {
        Self {
            cache_bytes: self.cache_bytes.max(1 << 20),
            log_bytes_max: self.log_bytes_max.max(64 << 20),
            write_buffer_bytes: self.write_buffer_bytes.max(64 << 10),
            threads: self.threads.clamp(1, 16),
        }
    }
}
