//! The end of the write-ahead log, looked at before the database opens it.
//!
//! A commit that was cut off by a kill or a power cut is no damage: nobody was told that it is there. The database
//! drops the end of a log that it cannot read, which is right for such a commit, and loses acknowledged ones without a
//! word where a page in the middle went bad. And it refuses to open where the last batch has all its parts but some of
//! its pages did not reach the disk. So we look first: what follows the last whole batch is cut off, unless a whole
//! commit comes after it, which could only be acknowledged if all before it was on disk.
//!
//! Batches stand in the log as `1 count seqno`, then `count` items `2 type compression keyspace key-length value-length
//! written-length key value` or `4 keyspace`, then `3 checksum` of the items `FJL 3`.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::bytes::Reader;
use crate::{StoreError, meta};

const START: u8 = 1;
const ITEM: u8 = 2;
const FINISH: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";
const CHUNK_BYTES: usize = 1 << 20;

/// Cuts off what is no whole batch at the ends of the log's files, or says that the log is damaged. Leaves it alone
/// where somebody has it open.
pub(crate) fn check(folder: &Path) -> Result<(), StoreError> {
    // Held until this returns; the database takes it anew and for as long as it is open.
    let Some(_lock) = lock(folder)? else { return Ok(()) };
    for path in files(folder).map_err(|error| unavailable(folder, &error))? {
        let (log, whole) = read_whole(folder, &path)?;
        if log[whole..].iter().all(|byte| *byte == 0) {
            continue;
        }
        tracing::info!(file = %path.display(), whole, "the last write was not finished: it is cut off the log");
        let cut = || {
            let file = File::options().write(true).open(&path)?;
            file.set_len(whole as u64)?;
            file.sync_all()
        };
        cut().map_err(|error| unavailable(folder, &error))?;
    }
    Ok(())
}

/// The database's lock; `None` where there is no database yet.
fn lock(folder: &Path) -> Result<Option<File>, StoreError> {
    let file = match File::options().read(true).write(true).open(folder.join("lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unavailable(folder, &error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::Locked { path: folder.to_owned() }),
        Err(fs::TryLockError::Error(error)) => Err(unavailable(folder, &error)),
    }
}

/// A file of the log, and how many of its bytes are whole batches; an error where a commit follows after these.
fn read_whole(folder: &Path, path: &Path) -> Result<(Vec<u8>, usize), StoreError> {
    let log = read(path).map_err(|error| unavailable(folder, &error))?;
    let whole = whole_bytes(&log);
    let Some(later) = later_commit(&log[whole..]) else { return Ok((log, whole)) };
    Err(StoreError::Damaged {
        path: folder.to_owned(),
        reason: format!(
            "{}: the log cannot be read at byte {whole}, and a whole commit follows at byte {}",
            path.display(),
            whole + later
        ),
    })
}

/// Writes the newest file of the log again as it reads now, and syncs it: after a failed sync it is unknown which of
/// its pages are on disk, and syncing it once more may say nothing true. Or says that the log is damaged.
pub(crate) fn rewrite(folder: &Path) -> Result<(), StoreError> {
    let Some(_lock) = lock(folder)? else { return Ok(()) };
    let Some(path) = files(folder).map_err(|error| unavailable(folder, &error))?.pop() else { return Ok(()) };
    let (log, whole) = read_whole(folder, &path)?;
    let write = || {
        let fresh = path.with_extension("fresh");
        let mut file = File::create(&fresh)?;
        file.write_all(&log[..whole])?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|error| unavailable(folder, &error))
}

/// The log's files, oldest first.
fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (Some(number), Some("jnl")) = (number, path.extension().and_then(|extension| extension.to_str())) {
            files.push((number, path));
        }
    }
    files.sort();
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// A file without the zeros at its end: files are made 64 MiB long and filled.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    static ZEROS: [u8; CHUNK_BYTES] = [0; CHUNK_BYTES];
    let mut file = File::open(path)?;
    let (mut log, mut chunk, mut zeros) = (Vec::new(), Vec::with_capacity(CHUNK_BYTES), 0);
    loop {
        chunk.clear();
        let read = Read::by_ref(&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
        if read == 0 {
            return Ok(log);
        }
        if chunk == ZEROS[..read] {
            zeros += read;
        } else {
            log.resize(log.len() + std::mem::take(&mut zeros), 0);
            log.extend_from_slice(&chunk);
        }
    }
}

/// How many bytes whole batches take from the beginning on.
fn whole_bytes(log: &[u8]) -> usize {
    let mut whole = 0;
    while let Some(batch) = Batch::read(&log[whole..]) {
        whole += batch.bytes;
    }
    whole
}

/// Where a whole commit begins.
fn later_commit(rest: &[u8]) -> Option<usize> {
    let starts = rest.iter().enumerate().filter(|(_, byte)| **byte == START).map(|(at, _)| at);
    starts.into_iter().find(|at| Batch::read(&rest[*at..]).is_some_and(|batch| batch.is_commit))
}

struct Batch {
    bytes: usize,
    /// Whether it is a commit, and not a cursor or the like, which is not synced.
    is_commit: bool,
}

impl Batch {
    /// The batch that begins here, if all of it is here and as it was written.
    fn read(log: &[u8]) -> Option<Self> {
        let mut reader = Reader(log);
        if reader.u8()? != START {
            return None;
        }
        let (count, _seqno) = (reader.u32()?, reader.u64()?);
        let items = reader.0;
        let mut is_commit = false;
        for _ in 0..count {
            match reader.u8()? {
                ITEM => {
                    let (_type, _compression, _keyspace) = (reader.u8()?, reader.u8()?, reader.u64()?);
                    let (key_bytes, _value_bytes, written_bytes) = (reader.u16()?, reader.u32()?, reader.u32()?);
                    is_commit |= reader.take(key_bytes as usize)? == meta::END;
                    reader.take(written_bytes as usize)?;
                }
                CLEAR => drop(reader.u64()?),
                _ => return None,
            }
        }
        let items = &items[..items.len() - reader.0.len()];
        let (finish, checksum, trailer) = (reader.u8()?, reader.u64()?, reader.take(TRAILER.len())?);
        let whole = finish == FINISH && trailer == TRAILER && xxh3_64(items) == checksum;
        whole.then(|| Self { bytes: log.len() - reader.0.len(), is_commit })
    }
}

fn unavailable(folder: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable { path: folder.to_owned(), reason: error.to_string() }
}
