//! A file that gets its name when it is whole: what stood under that name is not lost to a run that fails.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// More links than any name goes through.
const LINKS_MAX: usize = 40;

/// Where a file goes, and where it is written until it is whole. What is not finished leaves nothing behind.
pub struct NewFile {
    path: PathBuf,
    /// None where the name stands for a device or a pipe, which is written to and never replaced, and once it is finished.
    unfinished: Option<PathBuf>,
}

impl NewFile {
    /// Begins it beside its name. Nobody else may read it, for there may be personal data in it, unless they could read
    /// what it replaces.
    ///
    /// # Errors
    /// What the system says of the name or its folder.
    pub fn create(path: &Path) -> io::Result<(Self, File)> {
        let Some(path) = replaced(path) else {
            let file = OpenOptions::new().append(true).open(path)?;
            return Ok((Self { path: path.to_owned(), unfinished: None }, file));
        };
        let unfinished = unfinished(&path);
        let file = create_private(&unfinished)?;
        let new = Self { unfinished: Some(unfinished), path };
        if let Ok(known) = fs::metadata(&new.path) {
            file.set_permissions(known.permissions())?;
        }
        Ok((new, file))
    }

    /// The names that a file of this name would be written under.
    pub fn names(path: &Path) -> Vec<PathBuf> {
        replaced(path).map_or_else(Vec::new, |path| vec![unfinished(&path), path])
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// What the system says of the name.
    pub fn finish(mut self) -> io::Result<()> {
        let Some(unfinished) = &self.unfinished else { return Ok(()) };
        fs::rename(unfinished, &self.path)?;
        self.unfinished = None;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(unfinished) = &self.unfinished {
            // Nobody is left to be told; the next run removes it.
            let _ = fs::remove_file(unfinished);
        }
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    PathBuf::from(name)
}

/// The file that a name leads to, be it there or not; none where it stands for something that takes what is written to it,
/// as `/dev/null` and `/dev/stdout` do.
fn replaced(path: &Path) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        // What is open already, though it may be a file.
        if path.starts_with("/proc") || path.starts_with("/dev/fd") {
            return None;
        }
        let Ok(to) = fs::read_link(&path) else { break };
        path = path.parent().map_or_else(|| to.clone(), |folder| folder.join(&to));
    }
    Some(path).filter(|path| fs::metadata(path).map_or(true, |there| there.is_file()))
}

fn create_private(path: &Path) -> io::Result<File> {
    // One that a run left that was killed may be open to others.
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
