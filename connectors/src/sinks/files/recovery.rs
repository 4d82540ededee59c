//! What a crash left in the folder: kept as far as it is whole, and finished.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::folder::{Folder, cannot};
use super::names::{self, Named};
use super::{Format, frames};
use crate::sink::DeliverError;
use crate::sinks::published::Published;

impl Folder {
    /// Finishes every file that was being written, and learns how far the folder is.
    pub(super) fn recover(&mut self) -> Result<(), DeliverError> {
        self.growing.clear();
        let found = self.list().map_err(|error| cannot("list", &self.path, &error))?;
        for (path, named) in &found {
            match named {
                Named::Half => fs::remove_file(path).map_err(|error| cannot("remove", path, &error))?,
                Named::Whole { stream, first, last } => {
                    let frames = self.path.join(names::growing(stream, *first, Format::Parquet));
                    self.name_whole(&frames, stream, *first, *last)?;
                    self.through = self.through.max(*last);
                }
                Named::Finished { last } => self.through = self.through.max(*last),
                Named::Growing { .. } => {}
            }
        }
        for (path, named) in found {
            let Named::Growing { stream, first, format } = named else { continue };
            if path.exists() {
                self.finish_left(&path, &stream, first, format)?;
            }
        }
        self.is_known = true;
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<(PathBuf, Named)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if let Some(named) = entry.file_name().to_str().and_then(names::parse) {
                found.push((entry.path(), named));
            }
        }
        Ok(found)
    }

    /// Cuts what is torn off a file, and finishes it.
    fn finish_left(&mut self, path: &Path, stream: &str, first: u64, format: Format) -> Result<(), DeliverError> {
        let last = match format {
            Format::Ndjson => whole_lines(path),
            Format::Parquet => whole_frames(path),
        };
        match (last.map_err(|error| cannot("mend", path, &error))?, format) {
            (None, _) => {
                fs::remove_file(path).map_err(|error| cannot("remove", path, &error))?;
                return self.sync_names();
            }
            (Some(last), Format::Ndjson) => {
                self.give_name(path, stream, first, last, format)?;
                self.through = self.through.max(last);
            }
            (Some(last), Format::Parquet) => {
                self.make_parquet(path, stream, first, last)?;
                self.through = self.through.max(last);
            }
        }
        tracing::info!(file = %path.display(), "finished a file that was being written at the last stop");
        Ok(())
    }
}

/// The position of the last whole line; what comes after is cut off.
fn whole_lines(path: &Path) -> io::Result<Option<u64>> {
    #[derive(Deserialize)]
    struct Line {
        position: u64,
    }
    let mut lines = BufReader::new(File::open(path)?);
    let (mut line, mut whole_bytes, mut last) = (Vec::new(), 0, None);
    while lines.read_until(b'\n', &mut line)? > 0 {
        let read: Option<Line> = line.ends_with(b"\n").then(|| serde_json::from_slice(&line).ok()).flatten();
        // After a power cut a file may be as long as it was, with anything in it.
        let Some(Line { position }) = read.filter(|line| Some(line.position) > last) else { break };
        last = Some(position);
        whole_bytes += line.len() as u64;
        line.clear();
    }
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(whole_bytes)?;
    file.sync_all()?;
    Ok(last)
}

/// The position of the last selection in whole frames.
fn whole_frames(path: &Path) -> io::Result<Option<u64>> {
    let mut last = None;
    for batch in frames::read(path)? {
        let batch = batch?;
        let selections = Published::of(&batch).map_err(io::Error::other)?;
        last = selections.len().checked_sub(1).map(|row| selections.position(row)).or(last);
    }
    Ok(last)
}
