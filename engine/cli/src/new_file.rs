//! A file that gets its name when it is whole: what stood under that name is not lost to a run that fails.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Where a file goes, and where it is written until it is whole.
pub struct NewFile {
    path: PathBuf,
    /// None where the name stands for a device or a pipe, which is written to and never replaced.
    unfinished: Option<PathBuf>,
}

impl NewFile {
    /// Begins it beside its name. Nobody else may read it: there may be personal data in it.
    ///
    /// # Errors
    /// What the system says of the name or its folder.
    pub fn create(path: &Path) -> io::Result<(Self, File)> {
        if is_written_through(path) {
            let file = OpenOptions::new().append(true).open(path)?;
            return Ok((Self { path: path.to_owned(), unfinished: None }, file));
        }
        // The file that a link leads to is replaced, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        let file = create_private(&unfinished)?;
        Ok((Self { path, unfinished: Some(unfinished) }, file))
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// What the system says of the name.
    pub fn finish(&self) -> io::Result<()> {
        self.unfinished.as_ref().map_or(Ok(()), |unfinished| fs::rename(unfinished, &self.path))
    }
}

/// Whether a name stands for something that takes what is written to it, as `/dev/null` and `/dev/stdout` do.
fn is_written_through(path: &Path) -> bool {
    // What is open already, though it may be a file.
    let is_open = |path: &Path| path.starts_with("/proc") || path.starts_with("/dev/fd");
    is_open(path)
        || fs::read_link(path).is_ok_and(|to| is_open(&to))
        || fs::metadata(path).is_ok_and(|there| !there.is_file())
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
