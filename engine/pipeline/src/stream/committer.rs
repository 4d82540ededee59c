//! Makes commits durable, as many as wait at once, and then answers.
//!
//! Encoding runs on a thread of its own beside it. Where the disk refuses, the same is written again, with pauses, until
//! it is taken: what was settled is never settled anew, so nothing can come out differently. Meanwhile nobody is
//! answered, the inbox fills, and sources wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use haechi_connectors::NotCommitted;
use haechi_store::{Encoded, Position, Store, StoreError};
use tokio::sync::watch;

use super::answer::{Answer, Answered};
use super::health::Health;
use super::inbox::Reply;
use super::work::{From, Pending, Settled, Work};

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
pub(crate) fn encode_all(works: &Receiver<Work>, to_committer: &SyncSender<Ready>, health: &Health) {
    for mut work in works {
        let start = Instant::now();
        match std::mem::take(&mut work.commit).encode() {
            Ok(encoded) => {
                metrics::histogram!("haechi_encode_seconds", "urgency" => work.urgency.name()).record(start.elapsed());
                if to_committer.send(Ready { encoded, work }).is_err() {
                    return;
                }
            }
            Err(error) => {
                // Rows that the evaluator took are rows that can be written, so this is a bug. What comes after rests on
                // these, so nothing more is taken.
                tracing::error!(%error, "a block cannot be encoded; the engine stops");
                let reason = format!("rows cannot be written ({error}); this is a bug, nothing more is taken");
                health.fails(reason.clone());
                for order in work.orders {
                    if let Reply::Committed(receipt) = order.reply {
                        let _ = receipt.send(Err(NotCommitted { reason: reason.clone() }));
                    }
                }
                return;
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
    pub health: Arc<Health>,
    /// Who answers what has to be read from the store first.
    pub to_reader: Sender<Settled>,
}

impl Committer {
    /// Works until nothing more comes.
    pub fn run(self, ready: &Receiver<Ready>) {
        while let Ok(first) = ready.recv() {
            // Few: what waits longer is still in the inbox, where it becomes one block.
            let more = ready.try_iter();
            let (encoded, works): (Vec<Encoded>, Vec<Work>) =
                std::iter::once(first).chain(more).map(|r| (r.encoded, r.work)).unzip();
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
                    if order.subjects.iter().any(|subject| subject.in_store().is_some()) {
                        let _ = self.to_reader.send(order);
                    } else {
                        answer(order, &mut || None);
                    }
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
            self.fails(error)?;
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSES.1);
            if let Err(error) = self.store.recover() {
                tracing::warn!(%error, "the store cannot be opened again yet");
                self.fails(error)?;
            }
        }
        if complained.is_some() {
            tracing::info!(seconds = start.elapsed().as_secs_f64(), "commits go on");
            metrics::gauge!("haechi_store_failing").set(0.0);
            self.health.recovers();
        }
        metrics::histogram!("haechi_commit_seconds").record(start.elapsed());
        metrics::histogram!("haechi_commit_group").record(encoded.len() as f64);
        Ok(())
    }

    /// Says why nothing can be written; gives the error back where no further try would mend it.
    fn fails(&self, error: StoreError) -> Result<(), StoreError> {
        metrics::gauge!("haechi_store_failing").set(1.0);
        self.health.fails(error.to_string());
        if error.may_pass() { Ok(()) } else { Err(error) }
    }
}

/// Answers what repeats something that was committed long ago, until nothing more comes. On a thread of its own: reading
/// takes a while, and nobody's commit waits for it.
pub(crate) fn answer_from_store(store: &Store, orders: &Receiver<Settled>) {
    for order in orders {
        let wanted: Vec<Position> = order.subjects.iter().filter_map(Pending::in_store).collect();
        let found = store.selections_at(&wanted).unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read earlier selections");
            Vec::new()
        });
        let mut found = found.into_iter();
        // They are asked for in the order of the subjects.
        answer(order, &mut || found.next().flatten());
    }
}

/// Tells who waits. Whoever has gone away meanwhile learns it when it sends again.
fn answer(order: Settled, next_in_store: &mut dyn FnMut() -> Option<(RecordBatch, usize)>) {
    match order.reply {
        Reply::Committed(receipt) => {
            let _ = receipt.send(Ok(()));
        }
        Reply::Answer(answer) => {
            if answer.is_closed() {
                return;
            }
            let subjects = order.subjects.into_iter().map(|subject| {
                let Pending { subject_id, version, outcome, superseded, from } = subject;
                let selection = from.and_then(|from| match from {
                    From::Here(batch, row) => Some((batch, row)),
                    From::Store(_) => next_in_store(),
                });
                Answered { subject_id, version, outcome, selection, superseded }
            });
            let subjects = subjects.collect();
            let _ = answer.send(Answer { subjects, set_aside: order.set_aside, warnings: order.warnings });
        }
    }
}
