//! The folder: writes what is delivered and finishes files that are due.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use haechi_model::selection::published_schema;

use super::{Format, frames, names};
use crate::sink::DeliverError;
use crate::sinks::json::SelectionJson;
use crate::sinks::only::Filter;
use crate::sinks::parquet::ParquetSink;
use crate::sinks::published::Published;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Locked while a process writes to the folder.
const LOCK: &str = ".haechi-sink.lock";

/// When a file is finished.
#[derive(Clone, Copy, Debug)]
pub struct Roll {
    pub bytes: u64,
    pub age: Duration,
}

/// A folder that selections are written to.
#[derive(Debug)]
pub struct Folder {
    name: String,
    pub(super) path: PathBuf,
    format: Format,
    roll: Roll,
    filter: Filter,
    lock: Option<File>,
    /// By stream: the file that is being written.
    pub(super) growing: BTreeMap<&'static str, Growing>,
    /// Up to where everything is on disk.
    pub(super) through: u64,
    /// Whether what is on disk is known: not so at the start, and after a write that could not be taken back.
    pub(super) is_known: bool,
}

/// A file that is being written. All that is in it is on disk.
#[derive(Debug)]
pub(super) struct Growing {
    pub(super) file: File,
    path: PathBuf,
    first: u64,
    last: u64,
    bytes: u64,
    day: i64,
    since: Instant,
}

/// What went wrong with a file, as the reason to try again later.
pub(super) fn cannot(what: &str, path: &Path, error: &dyn std::fmt::Display) -> DeliverError {
    DeliverError::later(format!("cannot {what} `{}`: {error}", path.display()))
}

impl Folder {
    pub fn new(name: &str, path: &Path, format: Format, roll: Roll, filter: Filter) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            format,
            roll,
            filter,
            lock: None,
            growing: BTreeMap::new(),
            through: 0,
            is_known: false,
        }
    }

    /// Takes the folder, finishes what a crash left, and says how far it is.
    pub fn begin(&mut self, delivered: u64) -> Result<u64, DeliverError> {
        self.take()?;
        self.through = delivered;
        self.recover()?;
        Ok(self.through)
    }

    /// Makes the folder and locks it.
    fn take(&mut self) -> Result<(), DeliverError> {
        if self.lock.is_some() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path).map_err(|error| cannot("make", &self.path, &error))?;
        let path = self.path.join(LOCK);
        let lock = private().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(|error| cannot("open", &path, &error))?;
        lock.try_lock().map_err(|error| cannot("lock (does another sink write to this folder?)", &path, &error))?;
        self.lock = Some(lock);
        Ok(())
    }

    /// Writes what is not there yet; returns when it is on disk. Whatever is on disk, all before it is too: what the
    /// folder has of the highest position says how far it is.
    pub fn deliver(&mut self, batch: &RecordBatch) -> Result<(), DeliverError> {
        self.take()?;
        if !self.is_known {
            self.recover()?;
        }
        self.finish_due()?;
        let selections = Published::of(batch).map_err(DeliverError::later)?;
        let mut rows = self.filter.rows(&selections);
        rows.retain(|row| selections.position(*row) > self.through);
        let days: Vec<_> = selections.decided_at.values().iter().map(|millis| millis.div_euclid(DAY_MS)).collect();
        let mut rows = rows.as_slice();
        while let Some(first) = rows.first() {
            let kind = selections.kind(*first);
            let stream = kind.ok_or_else(|| DeliverError::later("selections of a stream that has no files"))?.stream();
            let day = self.file_for(stream, selections.position(*first), days[*first])?;
            // A clock that jumps back begins no file.
            let n = rows.iter().take_while(|row| selections.kind(**row) == kind && days[**row] <= day).count();
            let (now, later) = rows.split_at(n);
            self.append(stream, batch, &selections, now)?;
            rows = later;
        }
        if let Some(last) = selections.len().checked_sub(1) {
            self.through = self.through.max(selections.position(last));
        }
        Ok(())
    }

    /// Makes sure that a file for a selection is being written; gives the day of the file.
    fn file_for(&mut self, stream: &'static str, first: u64, day: i64) -> Result<i64, DeliverError> {
        if self.growing.get(stream).is_some_and(|file| file.day < day) {
            self.finish(stream)?;
        }
        if let Some(file) = self.growing.get(stream) {
            return Ok(file.day);
        }
        let path = self.path.join(names::growing(stream, first, self.format));
        let file =
            private().append(true).create_new(true).open(&path).map_err(|error| cannot("begin", &path, &error))?;
        let growing = Growing { file, path, first, last: first, bytes: 0, day, since: Instant::now() };
        self.growing.insert(stream, growing);
        self.sync_names()?;
        Ok(day)
    }

    fn append(
        &mut self,
        stream: &str,
        batch: &RecordBatch,
        selections: &Published<'_>,
        rows: &[usize],
    ) -> Result<(), DeliverError> {
        let content = encode(self.format, batch, selections, rows).map_err(DeliverError::later)?;
        let (Some(file), Some(last)) = (self.growing.get_mut(stream), rows.last()) else { return Ok(()) };
        let last = selections.position(*last);
        if let Err(error) = file.append(&content) {
            let error = cannot("write", &file.path, &error);
            if file.take_back().is_err() {
                // The file may hold more than we know of: the folder is looked through before anything else is written.
                self.is_known = false;
            }
            return Err(error);
        }
        file.last = last;
        self.through = last;
        metrics::counter!("haechi_sink_bytes_total", "sink" => self.name.clone()).increment(content.len() as u64);
        Ok(())
    }

    /// Finishes files that have grown large or old.
    pub fn finish_due(&mut self) -> Result<(), DeliverError> {
        let Roll { bytes, age } = self.roll;
        let due = |file: &Growing| file.bytes >= bytes || file.since.elapsed() >= age;
        let due: Vec<_> = self.growing.iter().filter(|(_, file)| due(file)).map(|(stream, _)| *stream).collect();
        due.into_iter().try_for_each(|stream| self.finish(stream))
    }

    fn finish(&mut self, stream: &'static str) -> Result<(), DeliverError> {
        let Some(file) = self.growing.get(stream) else { return Ok(()) };
        let (path, first, last, is_empty) = (file.path.clone(), file.first, file.last, file.bytes == 0);
        if is_empty {
            fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))?;
        } else {
            match self.format {
                Format::Ndjson => self.give_name(&path, stream, first, last, Format::Ndjson)?,
                Format::Parquet => self.make_parquet(&path, stream, first, last)?,
            }
        }
        self.growing.remove(stream);
        Ok(())
    }

    /// Makes a Parquet file of frames. It has its name only once the frames are gone: were both there and the file moved
    /// away, the frames would be made into the same again.
    pub(super) fn make_parquet(&self, frames: &Path, stream: &str, first: u64, last: u64) -> Result<(), DeliverError> {
        let whole = self.path.join(names::whole(stream, first, last));
        let options = private().write(true).create(true).truncate(true).clone();
        let fails = |error: &dyn std::fmt::Display| cannot("make", &whole, error);
        let mut parquet = ParquetSink::create_with(&whole, &published_schema(), &options).map_err(|e| fails(&e))?;
        for batch in frames::read(frames).map_err(|error| cannot("read", frames, &error))? {
            let batch = batch.map_err(|error| cannot("read", frames, &error))?;
            parquet.write(&batch).map_err(|error| fails(&error))?;
        }
        parquet.close_durably().map_err(|error| fails(&error))?;
        self.sync_names()?;
        self.name_whole(frames, stream, first, last)
    }

    /// Removes the frames of a whole Parquet file, and gives it its name.
    pub(super) fn name_whole(&self, frames: &Path, stream: &str, first: u64, last: u64) -> Result<(), DeliverError> {
        match fs::remove_file(frames) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot("remove", frames, &error)),
            _ => self.sync_names()?,
        }
        self.give_name(&self.path.join(names::whole(stream, first, last)), stream, first, last, Format::Parquet)
    }

    /// Gives a file the name of a finished one.
    pub(super) fn give_name(
        &self,
        path: &Path,
        stream: &str,
        first: u64,
        last: u64,
        format: Format,
    ) -> Result<(), DeliverError> {
        let finished = self.path.join(names::finished(stream, first, last, format));
        if finished.exists() {
            return Err(cannot("finish", &finished, &"there is one already: is the folder another journal's?"));
        }
        fs::rename(path, &finished).map_err(|error| cannot("finish", &finished, &error))?;
        metrics::counter!("haechi_sink_files_total", "sink" => self.name.clone()).increment(1);
        self.sync_names()
    }

    /// Brings names to disk.
    pub(super) fn sync_names(&self) -> Result<(), DeliverError> {
        #[cfg(unix)]
        File::open(&self.path).and_then(|f| f.sync_all()).map_err(|error| cannot("sync", &self.path, &error))?;
        Ok(())
    }
}

impl Growing {
    fn append(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.file.sync_data()?;
        self.bytes += content.len() as u64;
        Ok(())
    }

    /// Cuts off what a failed write left.
    fn take_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.bytes)?;
        self.file.sync_data()
    }
}

fn encode(
    format: Format,
    batch: &RecordBatch,
    selections: &Published<'_>,
    rows: &[usize],
) -> Result<Vec<u8>, arrow::error::ArrowError> {
    let mut content = Vec::new();
    match format {
        Format::Ndjson => {
            let json = SelectionJson::over(*selections);
            for row in rows {
                json.write(*row, &mut content);
                content.push(b'\n');
            }
        }
        Format::Parquet => {
            let rows = UInt32Array::from_iter_values(rows.iter().map(|row| *row as u32));
            frames::write(&take_record_batch(batch, &rows)?, &mut content)?;
        }
    }
    Ok(content)
}

/// Options for files that only their owner reads.
fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "elsewhere the folder's rights count"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
