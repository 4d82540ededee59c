//! A dataset as a folder: the streams in the format asked for, the outcomes, and both answer keys.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde::Serialize;

use crate::damage::{self, Damaged, Targets};
use crate::spec::{Spec, SpecError};
use crate::text::TextWriter;

/// How the subject streams are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Parquet, zstd. Never damaged.
    Parquet,
    /// CSV with a header, lists as JSON text.
    Csv,
    /// A JSON object a line.
    Ndjson,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Parquet, Self::Csv, Self::Ndjson];

    /// The file name's ending, which is also the format's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// The format of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.extension() == name)
    }
}

/// What was written, as `written.json` holds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Written {
    /// What was asked for.
    pub spec: Spec,
    /// How the subject streams were written.
    pub format: Format,
    /// Files in the order they were written.
    pub files: Vec<WrittenFile>,
}

/// One file of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WrittenFile {
    /// Name in the folder.
    pub name: String,
    /// What it holds.
    pub holds: &'static str,
    /// Rows or entries, damaged ones too.
    pub rows: u64,
    /// Rows damaged on purpose; the lines are in `damaged.json`.
    pub damaged: u64,
}

impl Written {
    /// Rows of the file of that name.
    pub fn rows(&self, name: &str) -> Option<u64> {
        self.files.iter().find(|file| file.name == name).map(|file| file.rows)
    }
}

/// Why a dataset was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Nothing was begun.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// What is there may be incomplete.
    #[error("cannot write `{}`", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is there may be incomplete.
    #[error("cannot write `{}`", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the writer said.
        source: ParquetError,
    },
}

impl WriteError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// Writes a dataset into a folder, which is made if it is not there: `declarations`, `consignments` and
/// `travellers` in `format`, `outcomes.parquet`, `planted.json`, `damaged.json`, `written.json`.
pub fn write(spec: &Spec, dir: &Path, format: Format) -> Result<Written, WriteError> {
    spec.check()?;
    fs::create_dir_all(dir).map_err(WriteError::file(dir))?;
    let mut folder = Folder { spec, dir, format, files: Vec::new(), damaged: Vec::new() };
    folder.stream(
        "declarations",
        "import declarations, a row an item",
        crate::declarations(spec),
        &damage::DECLARATION,
    )?;
    folder.stream("consignments", "house bills, a row a bill", crate::consignments(spec), &damage::CONSIGNMENT)?;
    folder.stream(
        "travellers",
        "travellers and crew, a row a person and flight",
        crate::travellers(spec),
        &damage::TRAVELLER,
    )?;
    folder.parquet("outcomes.parquet", "what an inspection of each subject finds", crate::outcomes(spec))?;
    folder.list("planted.json", "the planted schemes, an entry a subject", &crate::planted(spec))?;
    let damaged = std::mem::take(&mut folder.damaged);
    folder.list("damaged.json", "the damaged rows, an entry a line", &damaged)?;
    let written = Written { spec: spec.clone(), format, files: folder.files };
    let path = dir.join("written.json");
    let text = serde_json::to_vec_pretty(&written).map_err(|e| WriteError::file(&path)(e.into()))?;
    fs::write(&path, text).map_err(WriteError::file(&path))?;
    Ok(written)
}

struct Folder<'a> {
    spec: &'a Spec,
    dir: &'a Path,
    format: Format,
    files: Vec<WrittenFile>,
    damaged: Vec<Damaged>,
}

impl Folder<'_> {
    fn stream(
        &mut self,
        stem: &str,
        holds: &'static str,
        batches: impl Iterator<Item = RecordBatch>,
        targets: &Targets,
    ) -> Result<(), WriteError> {
        let name = format!("{stem}.{}", self.format.extension());
        if self.format == Format::Parquet {
            self.parquet(&name, holds, batches)
        } else {
            self.text(name, holds, batches, targets)
        }
    }

    fn parquet(
        &mut self,
        name: &str,
        holds: &'static str,
        batches: impl Iterator<Item = RecordBatch>,
    ) -> Result<(), WriteError> {
        let path = self.dir.join(name);
        let fail = |source| WriteError::Parquet { path: path.clone(), source };
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(fail)?))
            .set_max_row_group_row_count(Some(262_144))
            .build();
        let file = File::create(&path).map_err(WriteError::file(&path))?;
        let mut batches = batches.peekable();
        let mut rows = 0;
        if let Some(first) = batches.peek() {
            let mut writer = ArrowWriter::try_new(file, first.schema(), Some(properties)).map_err(fail)?;
            for batch in batches {
                rows += batch.num_rows() as u64;
                writer.write(&batch).map_err(fail)?;
            }
            writer.close().map_err(fail)?;
        }
        self.files.push(WrittenFile { name: name.to_owned(), holds, rows, damaged: 0 });
        Ok(())
    }

    fn text(
        &mut self,
        name: String,
        holds: &'static str,
        batches: impl Iterator<Item = RecordBatch>,
        targets: &Targets,
    ) -> Result<(), WriteError> {
        let path = self.dir.join(&name);
        let out = BufWriter::new(File::create(&path).map_err(WriteError::file(&path))?);
        let mut writer = TextWriter::new(out, self.format == Format::Ndjson, targets);
        let (file, before) = (self.files.len(), self.damaged.len());
        let mut rows = 0;
        for batch in batches {
            rows += batch.num_rows() as u64;
            let damaged = &mut self.damaged;
            let damage = |line| {
                let kind = damage::draw(self.spec.seed, self.spec.bad_share, file, line)?;
                damaged.push(Damaged { file: name.clone(), line, kind });
                Some(kind)
            };
            writer.write(&batch, damage).map_err(WriteError::file(&path))?;
        }
        writer.out.flush().map_err(WriteError::file(&path))?;
        let damaged = (self.damaged.len() - before) as u64;
        self.files.push(WrittenFile { name, holds, rows, damaged });
        Ok(())
    }

    /// A JSON array, an element a line.
    fn list<T: Serialize>(&mut self, name: &str, holds: &'static str, entries: &[T]) -> Result<(), WriteError> {
        let path = self.dir.join(name);
        let write = || -> io::Result<()> {
            let mut out = BufWriter::new(File::create(&path)?);
            for (n, entry) in entries.iter().enumerate() {
                out.write_all(if n == 0 { b"[\n" } else { b",\n" })?;
                serde_json::to_writer(&mut out, entry)?;
            }
            out.write_all(if entries.is_empty() { b"[]\n" } else { b"\n]\n" })?;
            out.flush()
        };
        write().map_err(WriteError::file(&path))?;
        self.files.push(WrittenFile { name: name.to_owned(), holds, rows: entries.len() as u64, damaged: 0 });
        Ok(())
    }
}
