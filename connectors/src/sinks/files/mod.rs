//! `files`: selections as NDJSON or Parquet files in a folder, a file a stream at a time.
//!
//! A file that is finished has the first and last position that it holds in its name
//! (`declaration-00000000000000001042-00000000000000009999.ndjson`), so that files sort, and never changes again: who
//! takes it may move it away. What ends in `.unfinished` is ours. Files are for their owner only.
//!
//! Each selection is in one file, once. A delivery is done when its selections are on disk: lines of NDJSON, or frames
//! of Arrow IPC that become a Parquet file of good size when it is due ([`frames`]). After a crash the folder itself
//! says how far it is: what is whole in an unfinished file is kept and the file finished, what is torn is cut off and
//! delivered again. So folder and journal belong together, and a folder has one sink.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};

use self::folder::{Folder, Roll};
use super::only::Only;
use crate::sink::{DeliverError, Sink};
use crate::source::BoxFuture;

mod folder;
mod frames;
mod names;
mod recovery;
#[cfg(test)]
mod tests;

/// What stands in the settings of a sink of the kind `files`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder; made where it does not exist.
    pub path: PathBuf,
    /// `ndjson` (default) or `parquet`.
    #[serde(default)]
    pub format: Format,
    /// Which selections are written; default: all.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
    /// A file that has grown to so much is finished; default: 128. For Parquet counted before it is compressed.
    #[serde(default = "default_roll_mib")]
    pub roll_mib: u64,
    /// A file that was begun so long ago is finished; default: 900. A file has decisions of one day (UTC) in any case.
    #[serde(default = "default_roll_secs")]
    pub roll_secs: u64,
}

/// What files are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A JSON object a line.
    #[default]
    Ndjson,
    /// The columns of [`haechi_model::selection::published_schema`].
    Parquet,
}

fn default_roll_mib() -> u64 {
    128
}

fn default_roll_secs() -> u64 {
    900
}

/// Delivers selections to files.
pub struct FilesSink {
    name: String,
    /// Shared with the thread that writes: a delivery that nobody waits for any more still comes to its end.
    folder: Arc<Mutex<Folder>>,
}

impl FilesSink {
    /// Checks the settings.
    pub fn open(name: &str, settings: &Settings) -> Result<Self, String> {
        if settings.roll_mib == 0 || settings.roll_secs == 0 {
            return Err("`roll_mib` and `roll_secs` are at least 1".to_owned());
        }
        if settings.path.exists() && !settings.path.is_dir() {
            return Err(format!("`path`: `{}` is not a folder", settings.path.display()));
        }
        let roll = Roll { bytes: settings.roll_mib << 20, age: Duration::from_secs(settings.roll_secs) };
        let folder = Folder::new(name, &settings.path, settings.format, roll, settings.only.filter()?);
        Ok(Self { name: name.to_owned(), folder: Arc::new(Mutex::new(folder)) })
    }

    /// Works on the folder, on a thread that may wait for the disk.
    fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Folder) -> Result<T, DeliverError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, DeliverError>> {
        let folder = self.folder.clone();
        let work = move || work(&mut folder.lock().unwrap_or_else(PoisonError::into_inner));
        Box::pin(async { tokio::task::spawn_blocking(work).await.map_err(DeliverError::later)? })
    }
}

impl Sink for FilesSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn begin(&mut self, delivered: u64) -> BoxFuture<'_, Result<u64, DeliverError>> {
        self.on_disk(move |folder| folder.begin(delivered))
    }

    fn deliver<'a>(&'a mut self, selections: &'a RecordBatch) -> BoxFuture<'a, Result<(), DeliverError>> {
        let selections = selections.clone();
        self.on_disk(move |folder| folder.deliver(&selections))
    }

    fn idle(&mut self) -> BoxFuture<'_, Result<(), DeliverError>> {
        self.on_disk(Folder::finish_due)
    }
}
