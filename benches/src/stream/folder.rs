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
    ready: VecDeque<(OsString, u64)>,
    moved_in: u64,
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
            ready.push_back((OsString::from(name), count));
            first += count;
        }
        Ok(Self { ready, moved_in: 0, lie_in: lie_in.to_owned(), go_to: go_to.to_owned() })
    }

    /// Moves the next one in; false where none is left.
    pub fn next(&mut self) -> io::Result<bool> {
        let Some((name, declarations)) = self.ready.pop_front() else { return Ok(false) };
        fs::rename(self.lie_in.join(&name), self.go_to.join(&name))?;
        self.moved_in += declarations;
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

    /// Whether there are some left to move in.
    pub fn has_more(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Declarations in the files that were moved in.
    pub fn moved_in(&self) -> u64 {
        self.moved_in
    }

    /// How many files lie in the watched folder itself.
    pub fn waiting(&self) -> io::Result<usize> {
        let mut count = 0;
        for entry in fs::read_dir(&self.go_to)? {
            count += usize::from(entry?.file_type()?.is_file());
        }
        Ok(count)
    }
}
