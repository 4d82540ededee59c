//! Files for a watched folder: made beforehand, since making them would take the processor from who reads them, and
//! moved in one by one, so that some always wait.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Failure;
use super::traffic::{Format, Traffic};

/// Files that lie ready, in the order of their names.
pub struct Files {
    ready: VecDeque<OsString>,
    lie_in: PathBuf,
    go_to: PathBuf,
}

impl Files {
    /// Makes files of these declarations, `each` so many.
    pub fn make(
        traffic: &Traffic,
        format: Format,
        declarations: Range<u64>,
        each: u64,
        lie_in: &Path,
        go_to: &Path,
    ) -> Result<Self, Failure> {
        fs::create_dir_all(lie_in)?;
        fs::create_dir_all(go_to)?;
        let mut ready = VecDeque::new();
        let mut first = declarations.start;
        while first < declarations.end {
            let name = format!("{}.{}", traffic.id(first), format.ending());
            let count = each.min(declarations.end - first);
            traffic.write(&lie_in.join(&name), format, first, count)?;
            ready.push_back(OsString::from(name));
            first += count;
        }
        Ok(Self { ready, lie_in: lie_in.to_owned(), go_to: go_to.to_owned() })
    }

    /// Moves the next one in; false where none is left.
    pub fn next(&mut self) -> io::Result<bool> {
        let Some(name) = self.ready.pop_front() else { return Ok(false) };
        fs::rename(self.lie_in.join(&name), self.go_to.join(&name))?;
        Ok(true)
    }

    /// Moves in as many as it takes for `wanted` to wait, and says how many waited before.
    pub fn top_up(&mut self, wanted: usize) -> io::Result<usize> {
        let waited = self.waiting()?;
        for _ in waited..wanted {
            if !self.next()? {
                break;
            }
        }
        Ok(waited)
    }

    /// How many have not been moved in.
    pub fn left(&self) -> usize {
        self.ready.len()
    }

    /// How many files lie in the watched folder itself.
    fn waiting(&self) -> io::Result<usize> {
        let mut count = 0;
        for entry in fs::read_dir(&self.go_to)? {
            count += usize::from(entry?.file_type()?.is_file());
        }
        Ok(count)
    }
}
