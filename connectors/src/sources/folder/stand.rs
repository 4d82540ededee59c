//! How far a file is read, and which file that is.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::source::Delivery;

/// How much of the beginning of a file tells it from another.
const HEAD_BYTES: u64 = 64 * 1024;

/// How far a file is read: what of it is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStand {
    /// Rows, of the first on.
    pub rows: u64,
    /// Units set aside, of the first on.
    pub set_aside: u64,
    /// Rows that batches have: to the end those that they had at the beginning, whatever the settings say by then, since
    /// what is set aside between which rows may follow from it.
    pub batch_rows: usize,
    /// Which file it is.
    pub file: Identity,
}

/// What tells a file from another of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    bytes: u64,
    /// Since 1970, as far as the file system knows it.
    modified_ns: i64,
    /// Hash of its first bytes.
    head: String,
}

impl FileStand {
    /// Nothing is read yet.
    pub fn begin(file: Identity, batch_rows: usize) -> Self {
        Self { rows: 0, set_aside: 0, batch_rows, file }
    }

    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Counts a delivery.
    pub fn add(&mut self, delivery: &Delivery) {
        self.rows += delivery.rows.num_rows() as u64;
        self.set_aside += delivery.set_aside.len() as u64;
    }
}

impl fmt::Display for FileStand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Identity {
    /// Of the file that is there now.
    pub fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let found = file.metadata()?;
        let mut head = Vec::new();
        file.take(HEAD_BYTES).read_to_end(&mut head)?;
        let head = hex::encode(&Sha256::digest(&head)[..8]);
        Ok(Self { bytes: found.len(), modified_ns: modified_ns(&found), head })
    }
}

/// When a file was last changed, in nanoseconds since 1970; 0 where the file system does not say.
pub fn modified_ns(found: &std::fs::Metadata) -> i64 {
    let since = found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}
