//! The files of a folder: which there are, which of them are finished, and where they go.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use glob::Pattern;

use super::stand::modified_ns;

/// Ends of names that are not finished.
const UNFINISHED: [&str; 3] = [".tmp", ".part", ".unfinished"];

/// A file, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Without the folder.
    pub name: String,
    /// With it.
    pub path: PathBuf,
    bytes: u64,
    modified_ns: i64,
}

impl Found {
    /// The file as it is now.
    pub fn at(path: PathBuf) -> io::Result<Self> {
        let found = fs::metadata(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, path, bytes: found.len(), modified_ns: modified_ns(&found) })
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What a look at the folder found.
#[derive(Debug)]
pub struct Listed {
    /// Files that may be read, by name.
    pub files: Vec<Found>,
    /// The names of all files.
    pub all: HashSet<String>,
    /// Whether files were put away here before: a folder that is not mounted looks like an empty one.
    pub is_ours: bool,
}

/// The folder and where its files go.
#[derive(Debug)]
pub struct Folders {
    path: PathBuf,
    done: PathBuf,
    failed: PathBuf,
}

impl Folders {
    /// Relative folders are inside the first.
    pub fn new(path: &Path, done: &Path, failed: &Path) -> Self {
        Self { path: path.to_owned(), done: path.join(done), failed: path.join(failed) }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All files, in the order of their names.
    pub fn list(&self, pattern: &Pattern) -> io::Result<Listed> {
        let mut listed = Listed { files: Vec::new(), all: HashSet::new(), is_ours: self.done.is_dir() };
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            // One that was taken away meanwhile is none.
            let Ok(found) = Found::at(path) else { continue };
            if found.path.is_dir() {
                continue;
            }
            listed.all.insert(found.name.clone());
            let unfinished = found.name.starts_with('.') || UNFINISHED.iter().any(|end| found.name.ends_with(end));
            if !unfinished && pattern.matches(&found.name) {
                listed.files.push(found);
            }
        }
        listed.files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    /// Moves a file to where those go that were read, or to where those go that failed; says where it is then.
    pub fn put_away(&self, path: &Path, is_read: bool) -> io::Result<PathBuf> {
        let folder = if is_read { &self.done } else { &self.failed };
        fs::create_dir_all(folder)?;
        let name = path.file_name().unwrap_or_default();
        for n in 1_u64.. {
            let mut numbered = OsString::from(name);
            if n > 1 {
                numbered.push(format!(".{n}"));
            }
            let to = folder.join(numbered);
            // The name is taken first, which no two can do; then nothing but our own empty file is overwritten.
            match OpenOptions::new().write(true).create_new(true).open(&to) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            if let Err(error) = fs::rename(path, &to) {
                let _ = fs::remove_file(&to);
                return Err(error);
            }
            File::open(folder)?.sync_all()?;
            File::open(&self.path)?.sync_all()?;
            return Ok(to);
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// Looks at files again and again, to see which stay as they are.
#[derive(Debug, Default)]
pub struct Look {
    seen: HashMap<String, (Found, Instant)>,
}

impl Look {
    /// Those that have been the same for a while.
    pub fn finished(&mut self, files: Vec<Found>, settle: Duration, now: Instant) -> Vec<Found> {
        let before = std::mem::take(&mut self.seen);
        let mut finished = Vec::new();
        for found in files {
            let since = match before.get(&found.name) {
                Some((same, since)) if *same == found => *since,
                _ => now,
            };
            if now.duration_since(since) >= settle {
                finished.push(found.clone());
            }
            self.seen.insert(found.name.clone(), (found, since));
        }
        finished
    }

    /// The next file of that name is another.
    pub fn forget(&mut self, name: &str) {
        self.seen.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_finished_once_it_stays_as_it_is() {
        let mut look = Look::default();
        let begin = Instant::now();
        let found = |bytes, modified_ns| Found { name: "a".into(), path: "a".into(), bytes, modified_ns };
        for (second, file, expected) in [
            (0, Some(found(1, 1)), 0),
            (1, Some(found(1, 1)), 0),
            (2, Some(found(2, 1)), 0),
            (3, Some(found(2, 2)), 0),
            (4, Some(found(2, 2)), 0),
            (5, Some(found(2, 2)), 1),
            (6, None, 0),
            (7, Some(found(2, 2)), 0),
        ] {
            let now = begin + Duration::from_secs(second);
            let finished = look.finished(file.into_iter().collect(), Duration::from_secs(2), now);
            assert_eq!(finished.len(), expected, "second {second}");
        }
        assert_eq!(look.finished(vec![found(3, 3)], Duration::ZERO, begin).len(), 1);
    }

    #[test]
    fn what_is_put_away_never_takes_the_place_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let folders = Folders::new(dir.path(), Path::new("done"), Path::new("failed"));
        for (content, expected) in [("1", "a.csv"), ("2", "a.csv.2"), ("3", "a.csv.3")] {
            fs::write(dir.path().join("a.csv"), content).unwrap();
            let to = folders.put_away(&dir.path().join("a.csv"), true).unwrap();
            assert_eq!(to, dir.path().join("done").join(expected));
            assert_eq!(fs::read_to_string(to).unwrap(), content);
        }
        assert!(folders.put_away(&dir.path().join("gone.csv"), true).is_err());
        assert_eq!(fs::read_dir(dir.path().join("done")).unwrap().count(), 3, "no empty file is left");
    }
}
