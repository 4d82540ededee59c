//! The files of a run. They are written beside their names and get them together at the end, so that a folder never
//! holds part of a run under the name of a whole one: what a run that failed or was killed leaves ends in
//! `.unfinished`, and what stood there before still stands.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use haechi_connectors::sinks::QuarantineFile;
use haechi_connectors::sinks::parquet::ParquetSink;
use haechi_model::SetAside;
use haechi_model::selection::{hit_schema, selection_schema};

use crate::run::{Manifest, RunError};

const SELECTIONS: &str = "selections.parquet";
const HITS: &str = "hits.parquet";
const QUARANTINE: &str = "quarantine.ndjson";
/// Written last and taken away first: where it stands, the other files are whole and belong to it.
pub(crate) const MANIFEST: &str = "run.json";

/// What goes into the files.
pub(crate) enum Output {
    Decided { selections: RecordBatch, hits: RecordBatch },
    SetAside(Vec<SetAside>),
}

/// The files of a run that is going on.
pub(crate) struct OutputFiles {
    folder: PathBuf,
    selections: ParquetSink,
    hits: ParquetSink,
    quarantine: QuarantineFile,
}

impl OutputFiles {
    /// Begins them in a folder, which is made if missing.
    pub fn create(folder: &Path) -> Result<Self, RunError> {
        fs::create_dir_all(folder).map_err(|source| RunError::File { path: folder.to_owned(), source })?;
        let quarantine = folder.join(unfinished(QUARANTINE));
        Ok(Self {
            folder: folder.to_owned(),
            selections: ParquetSink::create(&folder.join(SELECTIONS), &selection_schema())?,
            hits: ParquetSink::create(&folder.join(HITS), &hit_schema())?,
            quarantine: QuarantineFile::create(&quarantine)
                .map_err(|source| RunError::File { path: quarantine, source })?,
        })
    }

    /// Adds what became of a batch.
    pub fn write(&mut self, output: &Output) -> Result<(), RunError> {
        match output {
            Output::Decided { selections, hits } => {
                self.selections.write(selections)?;
                self.hits.write(hits)?;
            }
            Output::SetAside(units) => self.quarantine.write(units).map_err(self.quarantine_failed())?,
        }
        Ok(())
    }

    /// The run is done: the files get their names.
    pub fn commit(self, manifest: &Manifest) -> Result<(), RunError> {
        let failed = self.quarantine_failed();
        let manifest_path = self.folder.join(MANIFEST);
        match fs::remove_file(&manifest_path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(RunError::File { path: manifest_path, source });
            }
            _ => {}
        }
        self.selections.close()?;
        self.hits.close()?;
        self.quarantine
            .finish()
            .and_then(|_| fs::rename(self.folder.join(unfinished(QUARANTINE)), self.folder.join(QUARANTINE)))
            .map_err(failed)?;
        manifest.write(&self.folder)
    }

    fn quarantine_failed(&self) -> impl FnOnce(io::Error) -> RunError + use<> {
        let path = self.folder.join(QUARANTINE);
        move |source| RunError::File { path, source }
    }
}

fn unfinished(name: &str) -> OsString {
    let mut name = OsString::from(name);
    name.push(".unfinished");
    name
}
