//! `quarantine.ndjson`: what was set aside, one JSON object a line, to be listed, mended and read again.
//!
//! The raw text may hold personal data, so the file is readable by its owner only.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use haechi_model::intake::SetAside;

/// Writes what was set aside to a file.
#[derive(Debug)]
pub struct QuarantineFile<W: Write = BufWriter<File>> {
    out: W,
    n_written: u64,
}

impl QuarantineFile {
    /// Begins a new file, in place of an old one.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self::new(BufWriter::new(options.open(path)?)))
    }
}

impl<W: Write> QuarantineFile<W> {
    /// Writes to anything.
    pub fn new(out: W) -> Self {
        Self { out, n_written: 0 }
    }

    /// Adds units.
    pub fn write<'a>(&mut self, units: impl IntoIterator<Item = &'a SetAside>) -> io::Result<()> {
        for unit in units {
            serde_json::to_writer(&mut self.out, unit)?;
            self.out.write_all(b"\n")?;
            self.n_written += 1;
        }
        Ok(())
    }

    /// How many were written.
    pub fn n_written(&self) -> u64 {
        self.n_written
    }

    /// Writes out what is buffered; gives how many were written.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.n_written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_unit() {
        let unit =
            SetAside::new("a.csv", "line 17", "bad_number", "line 17, column \"Net Mass\": ...", b"1,\"abc\"\n2");
        let mut bytes = Vec::new();
        let mut file = QuarantineFile::new(&mut bytes);
        file.write([&unit, &unit]).unwrap();
        assert_eq!(file.finish().unwrap(), 2);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().count(), 2);
        let back: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(back["text"], "1,\"abc\"\n2");
        assert_eq!(back["code"], "bad_number");
    }
}
