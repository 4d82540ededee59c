//! The disk alone: how long it takes until 4 KiB more of a file are on it. No commit can be answered sooner.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Failure;
use super::latency::Latencies;

/// Bytes appended before each `fdatasync`.
const APPEND: [u8; 4096] = [b'.'; 4096];

/// A file that grows by 4 KiB a time.
struct Probe {
    file: File,
    path: std::path::PathBuf,
}

impl Probe {
    fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join("fdatasync.probe");
        Ok(Self { file: File::create(&path)?, path })
    }

    fn append(&mut self) -> io::Result<Duration> {
        let start = Instant::now();
        self.file.write_all(&APPEND)?;
        self.file.sync_data()?;
        Ok(start.elapsed())
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // A left-over file of some megabytes does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

/// So many appends, one after the other.
pub fn appends(folder: &Path, count: usize) -> Result<Latencies, Failure> {
    let mut probe = Probe::open(folder).map_err(|e| format!("cannot write in `{}`: {e}", folder.display()))?;
    Ok((0..count).map(|_| probe.append()).collect::<io::Result<_>>()?)
}

/// Appends every `pause` while `work` runs: what the disk has left for others then.
pub fn beside<T>(
    folder: &Path,
    pause: Duration,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<(T, Latencies), Failure> {
    let mut probe = Probe::open(folder)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let probing = scope.spawn(|| {
            let mut taken = Vec::new();
            while !done.load(Ordering::Acquire) {
                taken.push(probe.append()?);
                thread::sleep(pause);
            }
            Ok::<_, io::Error>(taken.into_iter().collect())
        });
        let worked = work();
        done.store(true, Ordering::Release);
        let probed = probing.join().map_err(|_| "the probe of the disk failed")??;
        Ok((worked?, probed))
    })
}
