//! Where an archive is: a folder on this machine, or a bucket.

use std::fmt;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;

use crate::ArchiveError;
use crate::layout::Dataset;

/// An archive that files can be put into and read from.
#[derive(Clone)]
pub struct Place {
    url: String,
    store: Arc<dyn ObjectStore>,
    /// The folder, where it is one of this machine.
    folder: Option<PathBuf>,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Place {
    /// The archive at an address, to write to: a folder is made where there is none.
    pub fn create(url: &str) -> Result<Self, ArchiveError> {
        if let Some(folder) = folder(url)? {
            std::fs::create_dir_all(&folder).map_err(|e| refused(url, e))?;
        }
        Self::open(url)
    }

    /// The archive at an address, to read from.
    pub fn open(url: &str) -> Result<Self, ArchiveError> {
        let Some(folder) = folder(url)? else { return Self::bucket(url) };
        if !folder.is_dir() {
            return Err(refused(url, "there is no such folder; nothing was archived there yet, or it is another"));
        }
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|e| refused(url, e))?;
        Ok(Self { url: url.to_owned(), store: Arc::new(store), folder: Some(folder) })
    }

    /// An archive in whatever keeps objects.
    pub fn of(store: Arc<dyn ObjectStore>) -> Self {
        Self { url: store.to_string(), store, folder: None }
    }

    fn bucket(url: &str) -> Result<Self, ArchiveError> {
        let (_, rest) = url.split_once("://").unwrap_or_default();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(refused(url, "names no bucket; write `s3://bucket/prefix`"));
        }
        let s3 = AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(|e| refused(url, e))?;
        let store: Arc<dyn ObjectStore> = match prefix.trim_matches('/') {
            "" => Arc::new(s3),
            prefix => Arc::new(PrefixStore::new(s3, prefix)),
        };
        Ok(Self { url: url.to_owned(), store, folder: None })
    }

    /// As it was written.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Waits until a file that was put is on the disk, and its name too. Buckets promise it with the answer to the put.
    pub(crate) fn sync(&self, path: &Path) -> Result<(), ArchiveError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let file = folder.join(path.as_ref());
        let sync = |path: &FsPath| {
            let synced = std::fs::File::open(path).and_then(|file| file.sync_all());
            synced.map_err(|source| ArchiveError::Disk { path: path.display().to_string(), source })
        };
        sync(&file)?;
        file.ancestors().skip(1).take_while(|above| above.starts_with(folder)).try_for_each(sync)
    }

    /// Removes what writers that were killed left half written: local files that never got their names.
    pub(crate) fn sweep_unfinished(&self) -> Result<(), ArchiveError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        Dataset::ALL.iter().try_for_each(|dataset| sweep(&folder.join(dataset.folder())))
    }
}

/// The folder that an address names, if it names one of this machine.
fn folder(url: &str) -> Result<Option<PathBuf>, ArchiveError> {
    match url.split_once("://") {
        None if url.is_empty() => {
            Err(refused(url, "is empty; name a folder, `file:///folder` or `s3://bucket/prefix`"))
        }
        None => Ok(Some(PathBuf::from(url))),
        Some(("file", path)) if path.starts_with('/') => Ok(Some(PathBuf::from(path))),
        Some(("file", _)) => Err(refused(url, "has a host; write `file:///folder`, with three slashes")),
        Some(("s3" | "s3a", _)) => Ok(None),
        Some((scheme, _)) => Err(refused(
            url,
            format!("`{scheme}` is not known; name a folder, `file:///folder` or `s3://bucket/prefix`"),
        )),
    }
}

fn refused(url: &str, reason: impl fmt::Display) -> ArchiveError {
    ArchiveError::Url { url: url.to_owned(), reason: reason.to_string() }
}

/// `object_store` writes to `NAME#NUMBER`, and renames what is whole.
fn sweep(folder: &FsPath) -> Result<(), ArchiveError> {
    let at = |path: &FsPath| {
        let path = path.display().to_string();
        |source| ArchiveError::Disk { path, source }
    };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(at(folder))?,
    };
    for entry in entries {
        let path = entry.map_err(at(folder))?.path();
        let unfinished = |name: &str| {
            let number = name.rsplit_once(".parquet#").map(|(_, number)| number);
            number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        };
        if path.is_dir() {
            sweep(&path)?;
        } else if path.file_name().and_then(|name| name.to_str()).is_some_and(unfinished) {
            std::fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folders_or_buckets() {
        let cases = [
            ("/var/archive", Some("/var/archive")),
            ("archive", Some("archive")),
            ("file:///var/archive", Some("/var/archive")),
            ("s3://bucket/prefix", None),
        ];
        for (url, expected) in cases {
            assert_eq!(folder(url).unwrap(), expected.map(PathBuf::from), "{url}");
        }
        for wrong in ["", "file://host/folder", "ftp://host/folder", "s3://"] {
            assert!(matches!(Place::open(wrong), Err(ArchiveError::Url { .. })), "{wrong}");
        }
    }

    #[test]
    fn only_what_has_no_name_yet_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let day = folder.path().join("hits/stream=traveller/day=2027-03-13");
        std::fs::create_dir_all(&day).unwrap();
        for name in ["1-2.parquet", "1-2.parquet#1", "1-2.parquet#12", "notes#1"] {
            std::fs::write(day.join(name), "").unwrap();
        }
        Place::open(folder.path().to_str().unwrap()).unwrap().sweep_unfinished().unwrap();
        let mut left: Vec<_> = std::fs::read_dir(&day).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["1-2.parquet", "notes#1"]);
    }
}
