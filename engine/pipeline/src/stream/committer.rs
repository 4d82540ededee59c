//! Makes commits durable, as many as wait at once, and then answers.
//!
//! Encoding runs on a thread of its own beside it. Where the disk refuses, the same is written again, with pauses, until
//! it is taken: what was settled is never settled anew, so nothing can come out differently. Meanwhile nobody is
//! answered, the inbox fills, and sources wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use haechi_connectors::NotCommitted;
use haechi_store::{Encoded, Position, Store, StoreError};
use tokio::sync::watch;

use super::answer::{Answer, Answered};
use super::inbox::Reply;
use super::work::{From, Pending, Settled, Work};

/// Commits written together at most: what bounds the memory of one write.
const TOGETHER_MAX: usize = 256;
/// Pauses between two tries of a write, the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How often a disk that goes on refusing is complained of.
const COMPLAIN: Duration = Duration::from_secs(10);

/// A commit that is encoded, and who waits for it.
pub(crate) struct Ready {
    encoded: Encoded,
    work: Work,
}

/// Encodes until nothing more comes.
pub(crate) fn encode_all(works: &Receiver<Work>, to_committer: &SyncSender<Ready>, committed: &AtomicU64) {
    for mut work in works {
        match std::mem::take(&mut work.commit).encode() {
            Ok(encoded) => {
                if to_committer.send(Ready { encoded, work }).is_err() {
                    return;
                }
            }
            Err(error) => {
                // Rows that the evaluator took are rows that can be written, so this is a bug. Who sent them is told.
                tracing::error!(%error, "a block cannot be encoded, and is refused");
                let reason = error.to_string();
                for order in work.orders {
                    if let Reply::Committed(receipt) = order.reply {
                        let _ = receipt.send(Err(NotCommitted { reason: reason.clone() }));
                    }
                }
                committed.fetch_max(work.number, Ordering::AcqRel);
            }
        }
    }
}

/// Writes and answers.
pub(crate) struct Committer {
    pub store: Store,
    /// Number of the last commit written.
    pub committed: Arc<AtomicU64>,
    /// The last position written, for those who publish.
    pub position: watch::Sender<Position>,
    /// Why nothing can be written, while that is so.
    pub failing: Arc<Mutex<Option<String>>>,
}

impl Committer {
    /// Works until nothing more comes.
    pub fn run(self, ready: &Receiver<Ready>) {
        while let Ok(first) = ready.recv() {
            let more = std::iter::from_fn(|| ready.try_recv().ok());
            let (encoded, works): (Vec<Encoded>, Vec<Work>) =
                std::iter::once(first).chain(more).take(TOGETHER_MAX).map(|r| (r.encoded, r.work)).unzip();
            if let Err(error) = self.write(&encoded) {
                // Senders keep what was not answered, and hand it over again after a restart.
                tracing::error!(%error, "a commit cannot be written by trying again; the engine stops");
                return;
            }
            if let Some(last) = works.last() {
                self.committed.store(last.number, Ordering::Release);
            }
            self.position.send_replace(self.store.next_position().saturating_sub(1));
            fail::fail_point!("committed-not-answered");
            for work in works {
                work.report();
                let urgency = work.urgency.name();
                for order in work.orders {
                    metrics::histogram!("haechi_delivery_seconds", "urgency" => urgency)
                        .record(order.arrived.elapsed());
                    self.answer(order);
                }
            }
        }
    }

    /// Writes, however long that takes. An error is one that no further try would mend.
    #[tracing::instrument(name = "commit", skip_all, fields(commits = encoded.len()))]
    fn write(&self, encoded: &[Encoded]) -> Result<(), StoreError> {
        let start = Instant::now();
        let mut pause = PAUSES.0;
        let mut complained: Option<Instant> = None;
        while let Err(error) = self.store.write(encoded) {
            if complained.is_none_or(|last| last.elapsed() > COMPLAIN) {
                complained = Some(Instant::now());
                tracing::error!(%error, "cannot commit; nothing is lost, senders wait, and it is tried again");
            }
            self.fails(Some(&error));
            if !error.may_pass() {
                return Err(error);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
            if let Err(error) = self.store.recover() {
                tracing::debug!(%error, "the store cannot be opened again yet");
            }
        }
        if complained.is_some() {
            tracing::info!(seconds = start.elapsed().as_secs_f64(), "commits go on");
            self.fails(None);
        }
        metrics::histogram!("haechi_commit_seconds").record(start.elapsed());
        metrics::histogram!("haechi_commit_group").record(encoded.len() as f64);
        Ok(())
    }

    fn fails(&self, error: Option<&StoreError>) {
        metrics::gauge!("haechi_store_failing").set(if error.is_some() { 1.0 } else { 0.0 });
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = error.map(ToString::to_string);
    }

    /// Tells who waits. Whoever has gone away meanwhile learns it when it sends again.
    fn answer(&self, order: Settled) {
        match order.reply {
            Reply::Committed(receipt) => {
                let _ = receipt.send(Ok(()));
            }
            Reply::Answer(answer) => {
                if answer.is_closed() {
                    return;
                }
                let subjects = order.subjects.into_iter().map(|subject| self.answered(subject)).collect();
                let _ = answer.send(Answer { subjects, set_aside: order.set_aside, warnings: order.warnings });
            }
        }
    }

    fn answered(&self, pending: Pending) -> Answered {
        let Pending { subject_id, version, outcome, superseded, from } = pending;
        let selection = match from {
            From::Here(batch, row) => Some((batch, row)),
            From::Store(stream, version) => match self.store.selection(stream, &subject_id, version) {
                Ok(found) => found.filter(|found| found.selections.num_rows() > 0).map(|found| (found.selections, 0)),
                Err(error) => {
                    tracing::error!(%error, stream = stream.name, "cannot read an earlier selection");
                    None
                }
            },
        };
        Answered { subject_id, version, outcome, selection, superseded }
    }
}
