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
    /// The file as it is now. What is no regular file is none: a pipe blocks who reads it, and a link leads anywhere.
    pub fn at(path: PathBuf) -> io::Result<Self> {
        let found = fs::symlink_metadata(&path)?;
        if !found.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is no regular file"));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, path, bytes: found.len(), modified_ns: modified_ns(&found) })
    }

    /// Whether this is the other, moved.
    fn is_like(&self, other: &Self) -> bool {
        (self.bytes, self.modified_ns) == (other.bytes, other.modified_ns)
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
    /// The names of what is neither file nor folder, but would be read if it were a file.
    pub no_files: Vec<String>,
    /// Whether files were put away here before: a folder that is not mounted looks like an empty one.
    pub is_ours: bool,
}

/// What became of a file that was put away.
#[derive(Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is here now.
    To(PathBuf),
    /// Another has taken its place meanwhile, and still has it.
    Replaced,
    /// Another had taken its place, was moved instead and cannot be moved back: it is here, unread.
    Astray(PathBuf),
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
        let is_ours = self.done.is_dir();
        let mut listed = Listed { files: Vec::new(), all: HashSet::new(), no_files: Vec::new(), is_ours };
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let unfinished = name.starts_with('.') || UNFINISHED.iter().any(|end| name.ends_with(end));
            let is_wanted = !unfinished && pattern.matches(&name);
            match entry.file_type() {
                Ok(kind) if kind.is_file() => {}
                Ok(kind) if is_wanted && !kind.is_dir() => {
                    listed.no_files.push(name);
                    continue;
                }
                _ => continue,
            }
            // One that was taken away meanwhile is none.
            let Ok(found) = Found::at(entry.path()) else { continue };
            listed.all.insert(name);
            if is_wanted {
                listed.files.push(found);
            }
        }
        listed.files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(listed)
    }

    /// Moves a file to where those go that were read, or to where those go that failed.
    ///
    /// What is moved is whatever has its name by then. So it is looked at afterwards, and moved back if it is another.
    pub fn put_away(&self, found: &Found, is_read: bool) -> io::Result<Moved> {
        let folder = if is_read { &self.done } else { &self.failed };
        fs::create_dir_all(folder)?;
        let to = free_name(folder, found)?;
        if let Err(error) = fs::rename(&found.path, &to) {
            let _ = fs::remove_file(&to);
            return Err(error);
        }
        let moved = if Found::at(to.clone()).is_ok_and(|moved| moved.is_like(found)) {
            Moved::To(to)
        } else {
            back(to, &found.path)
        };
        File::open(folder)?.sync_all()?;
        File::open(&self.path)?.sync_all()?;
        Ok(moved)
    }
}

/// Takes a name for a file in a folder, which no two can do; then nothing but our own empty file is overwritten.
fn free_name(folder: &Path, found: &Found) -> io::Result<PathBuf> {
    let name = found.path.file_name().unwrap_or_default();
    for n in 1_u64.. {
        let mut numbered = OsString::from(name);
        if n > 1 {
            numbered.push(format!(".{n}"));
        }
        let to = folder.join(numbered);
        match OpenOptions::new().write(true).create_new(true).open(&to) {
            Ok(_) => return Ok(to),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Moves back what should not have been moved. A link overwrites nothing, as a renaming would.
fn back(from: PathBuf, to: &Path) -> Moved {
    if fs::hard_link(&from, to).is_err() {
        return Moved::Astray(from);
    }
    // If this fails, it has two names, and is read all the same.
    let _ = fs::remove_file(&from);
    Moved::Replaced
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

    fn folders(dir: &Path) -> Folders {
        Folders::new(dir, Path::new("done"), Path::new("failed"))
    }

    fn file(dir: &Path, content: &str) -> Found {
        let path = dir.join("a.csv");
        fs::write(&path, content).unwrap();
        Found::at(path).unwrap()
    }

    #[test]
    fn what_is_put_away_never_takes_the_place_of_another() {
        let dir = tempfile::tempdir().unwrap();
        for (content, expected) in [("1", "a.csv"), ("2", "a.csv.2"), ("3", "a.csv.3")] {
            let found = file(dir.path(), content);
            let to = dir.path().join("done").join(expected);
            assert_eq!(folders(dir.path()).put_away(&found, true).unwrap(), Moved::To(to.clone()));
            assert_eq!(fs::read_to_string(to).unwrap(), content);
        }
        let gone = file(dir.path(), "4");
        fs::remove_file(&gone.path).unwrap();
        assert!(folders(dir.path()).put_away(&gone, true).is_err());
        assert_eq!(fs::read_dir(dir.path().join("done")).unwrap().count(), 3, "no empty file is left");
    }

    #[test]
    fn a_file_replaced_before_it_is_moved_stays_to_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let found = file(dir.path(), "read");
        file(dir.path(), "not read yet");
        assert_eq!(folders(dir.path()).put_away(&found, true).unwrap(), Moved::Replaced);
        assert_eq!(fs::read_to_string(&found.path).unwrap(), "not read yet");
        assert_eq!(fs::read_dir(dir.path().join("done")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_moved_back_overwrites_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let found = file(dir.path(), "the latest");
        let from = dir.path().join("moved");
        fs::write(&from, "the one before").unwrap();
        assert_eq!(back(from.clone(), &found.path), Moved::Astray(from.clone()));
        assert_eq!(fs::read_to_string(&found.path).unwrap(), "the latest");
        assert_eq!(fs::read_to_string(&from).unwrap(), "the one before");
    }
}
