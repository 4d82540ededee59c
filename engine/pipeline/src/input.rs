//! Reading beside deciding: a thread reads ahead by a few batches, and no further.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use haechi_connectors::mapping::Mapping;
use haechi_connectors::options::ReadOptions;
use haechi_connectors::tabular::{self, OpenError, ReadError};
use haechi_model::{Intake, Stream};

/// Batches read ahead: enough that neither side waits, few enough that memory stays bounded.
const AHEAD: usize = 2;

/// What to read.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Files or globs.
    pub files: Vec<String>,
    /// Their columns to ours.
    pub mapping: Option<Mapping>,
    /// How to read what the files leave open.
    pub options: ReadOptions,
}

/// How far reading is.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of all files.
    pub total_bytes: AtomicU64,
    /// Bytes read.
    pub bytes: AtomicU64,
    /// Rows decided.
    pub rows: AtomicU64,
    /// Rows not read, since nothing is found there.
    pub rows_skipped: AtomicU64,
}

/// Why reading failed as a whole; a bad row does not, it is set aside.
#[derive(Debug, thiserror::Error)]
pub enum ReadFailure {
    /// Before the first row.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// In the middle.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The reading thread ended without saying why.
    #[error("reading stopped unexpectedly; this is a bug")]
    Died,
}

/// A reader on its own thread.
pub(crate) struct ReadAhead {
    receiver: Option<Receiver<Result<Intake, ReadError>>>,
    thread: Option<JoinHandle<f64>>,
}

impl ReadAhead {
    /// Opens the inputs and begins to read `columns` of them.
    pub fn start(
        inputs: &Inputs,
        stream: &'static Stream,
        columns: &[&str],
        progress: &Arc<Progress>,
    ) -> Result<Self, ReadFailure> {
        let mut reader = tabular::open(&inputs.files, stream, inputs.mapping.as_ref(), &inputs.options, Some(columns))?;
        progress.total_bytes.store(reader.total_bytes(), Ordering::Relaxed);
        let progress = Arc::clone(progress);
        let (sender, receiver) = sync_channel(AHEAD);
        let thread = std::thread::spawn(move || {
            let mut busy = 0.0;
            loop {
                let start = Instant::now();
                let next = reader.next();
                busy += start.elapsed().as_secs_f64();
                progress.bytes.store(reader.bytes_read(), Ordering::Relaxed);
                progress.rows_skipped.store(reader.rows_skipped(), Ordering::Relaxed);
                let Some(step) = next else { return busy };
                let failed = step.is_err();
                // Nobody listens any more: the other side has failed and says so itself.
                if sender.send(step).is_err() || failed {
                    return busy;
                }
            }
        });
        Ok(Self { receiver: Some(receiver), thread: Some(thread) })
    }

    /// Reads no further.
    pub fn stop(&mut self) {
        self.receiver = None;
    }

    /// Seconds spent reading, once all has been read.
    pub fn finish(mut self) -> Result<f64, ReadFailure> {
        self.stop();
        self.thread.take().and_then(|thread| thread.join().ok()).ok_or(ReadFailure::Died)
    }
}

impl Iterator for ReadAhead {
    type Item = Result<Intake, ReadFailure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.receiver.as_ref()?.recv().ok().map(|step| step.map_err(ReadFailure::Read))
    }
}
