//! Drives a sink: selections go to it in the order of the journal, again and again until it has them.
//!
//! A sink has a cursor in the store, up to which all is delivered ([`Cursor`]). It is not forced to disk: what a crash
//! loses of it is delivered once more, under the same names. All work with the store is done on threads that may wait
//! for the disk, since a write waits behind the committer's.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use haechi_connectors::sink::GATHER_MAX;
use haechi_connectors::{DeliverError, Refusal, Sink};
use haechi_store::{DeadLetter, Position, Store, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[cfg(test)]
mod tests;

/// Pauses between two tries, the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(1));
/// How long nothing is to be delivered before the sink is told so.
const IDLE: Duration = Duration::from_secs(1);
/// How often the cursor is written while there is more to deliver.
const NOTE: Duration = Duration::from_millis(200);

/// Delivers to a sink until it is stopped.
pub async fn publish(sink: Box<dyn Sink>, store: Store, position: watch::Receiver<Position>, stop: CancellationToken) {
    let name = sink.name().to_owned();
    let disk = Disk { store, at_work: TaskTracker::new() };
    let cursor = Cursor::new(&name, &disk);
    let mut publisher = Publisher { sink, name, disk, position, cursor, attempts: 0, wait: PAUSES.0 };
    // Whatever a sink is doing when it is stopped, it takes up again.
    tokio::select! {
        () = stop.cancelled() => {}
        () = publisher.run() => {}
    }
    publisher.disk.done().await;
    publisher.cursor.note().await;
}

struct Publisher {
    sink: Box<dyn Sink>,
    name: String,
    disk: Disk,
    position: watch::Receiver<Position>,
    cursor: Cursor,
    /// Tries of what comes next, and the pause after the last of them.
    attempts: u32,
    wait: Duration,
}

impl Publisher {
    async fn run(&mut self) {
        self.begin().await;
        loop {
            let (committed, delivered) = (*self.position.borrow_and_update(), self.cursor.delivered);
            metrics::gauge!("haechi_sink_position", "sink" => self.name.clone()).set(delivered as f64);
            metrics::gauge!("haechi_sink_lag", "sink" => self.name.clone())
                .set(committed.saturating_sub(delivered) as f64);
            if delivered >= committed {
                if !self.wait_for_more().await {
                    return;
                }
                continue;
            }
            match self.disk.work(move |store| gather(store, delivered, committed)).await {
                Ok((through, None)) => self.moved(through).await,
                Ok((through, Some(selections))) => self.deliver(&selections, through).await,
                Err(reason) => {
                    tracing::error!(sink = self.name, reason, "cannot read what is to be delivered; it is tried again");
                    self.is_up(false);
                    tokio::time::sleep(PAUSES.1).await;
                }
            }
        }
    }

    fn is_up(&self, is_up: bool) {
        metrics::gauge!("haechi_sink_up", "sink" => self.name.clone()).set(f64::from(u8::from(is_up)));
    }

    /// Waits for a commit; `false` where none will come.
    async fn wait_for_more(&mut self) -> bool {
        loop {
            match tokio::time::timeout(IDLE, self.position.changed()).await {
                Ok(changed) => return changed.is_ok(),
                Err(_) => {
                    if let Err(error) = self.sink.idle().await {
                        tracing::warn!(sink = self.name, %error, "cannot finish what is open; it is tried again");
                    }
                }
            }
        }
    }

    /// Learns where to go on from.
    async fn begin(&mut self) {
        loop {
            let begun = match self.cursor.read().await {
                Ok(cursor) => self.sink.begin(cursor).await.map_err(|error| error.to_string()),
                Err(reason) => Err(reason),
            };
            let end = self.disk.store.next_position();
            match begun {
                Ok(delivered) if delivered < end => {
                    self.cursor.delivered = delivered;
                    self.wait = PAUSES.0;
                    return;
                }
                Ok(delivered) => tracing::error!(
                    sink = self.name,
                    delivered,
                    end,
                    "the sink has more than the journal: it belongs to another store; give it an empty place, or its own store"
                ),
                Err(reason) => tracing::warn!(sink = self.name, reason, "the sink cannot begin yet"),
            }
            self.is_up(false);
            tokio::time::sleep(self.next_wait()).await;
        }
    }

    fn next_wait(&mut self) -> Duration {
        let wait = self.wait;
        self.wait = (wait * 2).min(PAUSES.1);
        wait
    }

    /// Delivers once. What is to be tried again is read again first: more may have come, and a sink that takes what is
    /// newer shows that only one selection ails.
    async fn deliver(&mut self, selections: &RecordBatch, through: Position) {
        self.attempts = self.attempts.saturating_add(1);
        metrics::counter!("haechi_sink_attempts_total", "sink" => self.name.clone()).increment(1);
        let refused = match self.sink.deliver(selections).await {
            Ok(()) => Vec::new(),
            Err(DeliverError::Refused { refused }) => refused,
            Err(DeliverError::Later { reason, pause }) => {
                metrics::counter!("haechi_sink_failures_total", "sink" => self.name.clone()).increment(1);
                self.is_up(false);
                // Once when it begins, then as often as the longest pause.
                if self.attempts == 1 || self.wait == PAUSES.1 {
                    let attempts = self.attempts;
                    tracing::warn!(sink = self.name, attempts, reason, "cannot deliver; nobody else is held up by it");
                }
                self.cursor.note().await;
                return tokio::time::sleep(pause_for(pause, self.next_wait())).await;
            }
        };
        let delivered = selections.num_rows() - refused.len();
        // It is delivered: only keeping what was refused may have to be tried again.
        while !self.keep(&refused).await {
            tokio::time::sleep(PAUSES.1).await;
        }
        if self.attempts > 1 {
            tracing::info!(sink = self.name, attempts = self.attempts, "delivered again");
        }
        metrics::counter!("haechi_sink_delivered_total", "sink" => self.name.clone()).increment(delivered as u64);
        (self.attempts, self.wait) = (0, PAUSES.0);
        self.moved(through).await;
    }

    /// Keeps what was refused as dead letters; `false` where the store does not take them.
    async fn keep(&mut self, refused: &[Refusal]) -> bool {
        let Some(first) = refused.first() else { return true };
        tracing::error!(
            sink = self.name,
            selections = refused.len(),
            first = first.reason,
            "refused for good; kept as dead letters"
        );
        let (at_ms, attempts) = (super::clock::wall_ms(), self.attempts);
        let letter = |refusal: &Refusal| {
            let (position, reason) = (refusal.position, refusal.reason.clone());
            DeadLetter { position, reason, at_ms, attempts }
        };
        let letters: Vec<DeadLetter> = refused.iter().map(letter).collect();
        let name = self.name.clone();
        if let Err(reason) = self.disk.work(move |store| store.put_dead_letters(&name, &letters)).await {
            tracing::error!(sink = self.name, reason, "cannot keep dead letters; it is tried again");
            return false;
        }
        metrics::counter!("haechi_sink_dead_letters_total", "sink" => self.name.clone())
            .increment(refused.len() as u64);
        true
    }

    async fn moved(&mut self, delivered: Position) {
        self.is_up(true);
        let is_all = delivered >= *self.position.borrow();
        self.cursor.moved(delivered, is_all).await;
    }
}

/// How far a sink is. The store learns it at once when there is nothing more to deliver, else now and then.
struct Cursor {
    sink: String,
    disk: Disk,
    delivered: Position,
    /// What the store has.
    noted: Position,
    noted_at: Instant,
}

impl Cursor {
    fn new(sink: &str, disk: &Disk) -> Self {
        Self { sink: sink.to_owned(), disk: disk.clone(), delivered: 0, noted: 0, noted_at: Instant::now() }
    }

    /// Learns what the store has.
    async fn read(&mut self) -> Result<Position, String> {
        let sink = self.sink.clone();
        self.noted = self.disk.work(move |store| store.cursor(&sink)).await?.unwrap_or_default();
        self.delivered = self.noted;
        Ok(self.noted)
    }

    /// Takes note that so much is delivered, and whether that is all there is.
    async fn moved(&mut self, delivered: Position, is_all: bool) {
        self.delivered = delivered;
        if is_all || self.noted_at.elapsed() >= NOTE {
            self.note().await;
        }
    }

    /// Has the store learn how far the sink is, if it does not know.
    async fn note(&mut self) {
        let (sink, delivered) = (self.sink.clone(), self.delivered);
        if delivered == self.noted {
            return;
        }
        self.noted_at = Instant::now();
        match self.disk.work(move |store| store.set_cursor(&sink, delivered)).await {
            Ok(()) => self.noted = delivered,
            // Delivered again after a crash, under the same names.
            Err(reason) => tracing::warn!(sink = self.sink, reason, "cannot note how far the sink is"),
        }
    }
}

/// How long to wait: as long as the other side asks, and never shorter than we would by ourselves.
fn pause_for(asked: Option<Duration>, own: Duration) -> Duration {
    asked.map_or(own, |asked| asked.max(own))
}

/// The store, worked with on threads that may wait for the disk.
#[derive(Clone)]
struct Disk {
    store: Store,
    /// What is at work, also where nobody waits for it any more.
    at_work: TaskTracker,
}

impl Disk {
    /// A panic in the work is a failure like others.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, String> {
        let store = self.store.clone();
        match self.at_work.spawn_blocking(move || work(&store)).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(error) => Err(format!("{error}; this is a bug")),
        }
    }

    /// Waits until nothing is at work: a write must not come after a later one.
    async fn done(&self) {
        self.at_work.close();
        self.at_work.wait().await;
    }
}

/// The selections after a position, and how far all is delivered with them. Entries without selections, and units set
/// aside, have positions too: where no more selections follow, that is `committed`.
fn gather(store: &Store, after: Position, committed: Position) -> Result<(Position, Option<RecordBatch>), StoreError> {
    let mut through = after;
    let mut parts = Vec::new();
    let mut rows = 0;
    for decisions in store.decisions(after) {
        let decisions = match decisions {
            Ok(decisions) => decisions,
            // What comes before it can be delivered all the same.
            Err(_) if rows > 0 => return Ok((through, together(parts)?)),
            Err(error) => return Err(error),
        };
        let n = decisions.selections.num_rows();
        if rows > 0 && rows + n > GATHER_MAX {
            return Ok((through, together(parts)?));
        }
        through = decisions.last_position();
        rows += n;
        parts.push(decisions.selections);
    }
    // All that was committed when this began has been read.
    Ok((through.max(committed), together(parts)?))
}

fn together(mut parts: Vec<RecordBatch>) -> Result<Option<RecordBatch>, StoreError> {
    let Some(first) = parts.first() else { return Ok(None) };
    if parts.len() > 1 {
        parts = vec![concat_batches(&first.schema(), &parts)?];
    }
    Ok(parts.pop())
}
