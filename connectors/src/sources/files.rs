//! Local files: paths and globs, read in the order named, a glob's matches in name order; and bytes in memory, read the
//! same way. Plain, gzip or zstd, told apart by their first bytes.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::format::HEAD_BYTES;

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// As it is shown, and as the column `source` has it.
    pub name: Arc<str>,
    /// Size on disk.
    pub bytes: u64,
}

/// Where the bytes of an input are.
#[derive(Clone, Debug)]
pub enum Place {
    /// On disk.
    File(PathBuf),
    /// Here: what was posted, or a message of a broker.
    Memory(Bytes),
}

impl Place {
    /// Opens what is there, unwraps it, and counts what is read of it into `bytes_read`.
    pub fn unwrap(&self, bytes_read: Arc<AtomicU64>) -> io::Result<Unwrapped> {
        match self {
            Self::File(path) => unwrap(path, bytes_read),
            Self::Memory(bytes) => unwrap_from(Cursor::new(bytes.clone()), bytes_read),
        }
    }
}

/// Why an input could not be found or opened.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing there.
    #[error("{path}: cannot be read")]
    Unreadable {
        /// As written by the user.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A folder where a file is wanted.
    #[error("{path}: is a folder; name its files, as in `{path}/*.csv`")]
    Folder {
        /// As written by the user.
        path: String,
    },
    /// A pattern that matches nothing.
    #[error("{pattern}: matches no file")]
    NoMatch {
        /// As written by the user.
        pattern: String,
    },
    /// A pattern that is none.
    #[error("{pattern}: is not a pattern: {reason}")]
    BadPattern {
        /// As written by the user.
        pattern: String,
        /// Where and why.
        reason: String,
    },
}

/// The files that paths and globs name. What exists under the very name is a path, whatever its characters.
pub fn expand(inputs: &[String]) -> Result<Vec<InputFile>, FileError> {
    let mut files = Vec::new();
    for input in inputs {
        let is_glob = input.contains(['*', '?', '[']) && !Path::new(input).exists();
        if !is_glob {
            files.push(input_file(Path::new(input))?);
            continue;
        }
        let bad = |reason: String| FileError::BadPattern { pattern: input.clone(), reason };
        let mut matches = Vec::new();
        for entry in glob::glob(input).map_err(|e| bad(e.to_string()))? {
            let path =
                entry.map_err(|e| FileError::Unreadable { path: e.path().display().to_string(), source: e.into() })?;
            if !path.is_dir() {
                matches.push(path);
            }
        }
        if matches.is_empty() {
            return Err(FileError::NoMatch { pattern: input.clone() });
        }
        matches.sort();
        for path in matches {
            files.push(input_file(&path)?);
        }
    }
    Ok(files)
}

fn input_file(path: &Path) -> Result<InputFile, FileError> {
    let shown = path.display().to_string();
    match std::fs::metadata(path) {
        Err(source) => Err(FileError::Unreadable { path: shown, source }),
        Ok(found) if found.is_dir() => Err(FileError::Folder { path: shown }),
        Ok(found) => Ok(InputFile { path: path.to_owned(), name: shown.into(), bytes: found.len() }),
    }
}

/// How a file is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// As it is.
    Plain,
    /// gzip, of one or several members.
    Gzip,
    /// Zstandard, of one or several frames.
    Zstd,
}

/// An opened file: its first bytes, and a reader that begins with them.
pub struct Unwrapped {
    /// How it was wrapped.
    pub wrapping: Wrapping,
    /// First bytes of the content, [`HEAD_BYTES`] at most.
    pub head: Vec<u8>,
    /// The content from its first byte.
    pub content: Box<dyn Read + Send>,
}

/// Opens a file, unwraps it, and counts what is read from disk into `bytes_read`.
pub fn unwrap(path: &Path, bytes_read: Arc<AtomicU64>) -> io::Result<Unwrapped> {
    unwrap_from(BufReader::with_capacity(1 << 17, File::open(path)?), bytes_read)
}

fn unwrap_from(inner: impl Read + Send + 'static, bytes_read: Arc<AtomicU64>) -> io::Result<Unwrapped> {
    let mut file = Counted { inner, bytes_read };
    let mut magic = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut magic)?;
    let wrapping = match magic.as_slice() {
        [0x1F, 0x8B, ..] => Wrapping::Gzip,
        [0x28, 0xB5, 0x2F, 0xFD] => Wrapping::Zstd,
        _ => Wrapping::Plain,
    };
    let whole = Cursor::new(magic).chain(file);
    let content: Box<dyn Read + Send> = match wrapping {
        Wrapping::Plain => Box::new(whole),
        Wrapping::Gzip => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        Wrapping::Zstd => Box::new(zstd::stream::read::Decoder::new(whole)?),
    };
    let (head, content) = begun(content, HEAD_BYTES)?;
    Ok(Unwrapped { wrapping, head, content: Box::new(content) })
}

/// The first bytes of a content, and all of it from its first byte. Where it breaks off within them, it is told behind what
/// came before: that can be read.
pub(crate) fn begun(mut content: impl Read, bytes: usize) -> io::Result<(Vec<u8>, impl Read)> {
    let mut head = Vec::with_capacity(bytes);
    let broken = content.by_ref().take(bytes as u64).read_to_end(&mut head).err();
    match broken {
        Some(error) if head.is_empty() || !is_damage(&error) => Err(error),
        broken => Ok((head.clone(), Cursor::new(head).chain(Broken(broken)).chain(content))),
    }
}

/// Whether an error is in the data, a compression that is cut off or is none, and comes again however often it is read;
/// what the system says may pass.
pub fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    error.raw_os_error().is_none() && matches!(error.kind(), UnexpectedEof | InvalidData | InvalidInput | Other)
}

/// Where a content breaks off, if it does: told once.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

struct Counted<R> {
    inner: R,
    bytes_read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.bytes_read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn names(files: &[InputFile]) -> Vec<String> {
        files.iter().map(|f| f.path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn globs_are_read_in_name_order_and_inputs_in_the_order_given() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", "c.txt", "10.csv", "9.csv", "odd[1].csv"] {
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let at = |name: &str| dir.path().join(name).display().to_string();
        let files = expand(&[at("c.txt"), at("?.csv"), at("odd[1].csv")]).unwrap();
        assert_eq!(names(&files), ["c.txt", "9.csv", "a.csv", "b.csv", "odd[1].csv"]);
        assert!(matches!(expand(&[at("*.parquet")]), Err(FileError::NoMatch { .. })));
        assert!(matches!(expand(&[at("gone.csv")]), Err(FileError::Unreadable { .. })));
        assert!(matches!(expand(&[dir.path().display().to_string()]), Err(FileError::Folder { .. })));
    }

    #[test]
    fn what_is_whole_of_a_broken_file_is_read() {
        let text = "UNB+UNOA:4+A'".repeat(100);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let gzip = gzip.finish().unwrap();
        let cut = &gzip[..gzip.len() - 8];
        let mut opened = Place::Memory(cut.to_vec().into()).unwrap(Arc::default()).unwrap();
        assert!(text.as_bytes().starts_with(&opened.head) && opened.head.len() > 100);
        let mut content = Vec::new();
        let error = opened.content.read_to_end(&mut content).unwrap_err();
        assert!(is_damage(&error), "{error:?}");
        assert_eq!(content, opened.head);
        // Of one that is none nothing is.
        let none = Place::Memory(vec![0x1F, 0x8B, 0xFF, 0xFF].into()).unwrap(Arc::default());
        assert!(none.is_err_and(|error| is_damage(&error)));
        assert!(!is_damage(&io::Error::from_raw_os_error(5)));
    }

    #[test]
    fn wrapping_is_found_by_content() {
        let dir = tempfile::tempdir().unwrap();
        let text = "declaration_id\n".repeat(HEAD_BYTES / 10);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        for (bytes, wrapping) in [
            (text.clone().into_bytes(), Wrapping::Plain),
            (gzip.finish().unwrap(), Wrapping::Gzip),
            (zstd::encode_all(text.as_bytes(), 1).unwrap(), Wrapping::Zstd),
        ] {
            let path = dir.path().join("input");
            std::fs::write(&path, &bytes).unwrap();
            for place in [Place::File(path), Place::Memory(bytes.clone().into())] {
                let counter = Arc::new(AtomicU64::new(0));
                let mut opened = place.unwrap(counter.clone()).unwrap();
                assert_eq!(opened.wrapping, wrapping);
                assert_eq!(opened.head.len(), HEAD_BYTES);
                let mut content = String::new();
                opened.content.read_to_string(&mut content).unwrap();
                assert_eq!(content, text);
                assert_eq!(counter.load(Ordering::Relaxed), bytes.len() as u64);
            }
        }
    }
}
