//! Drives a sink: selections go to it in the order of the journal, again and again until it has them.
//!
//! A sink has a cursor in the store, up to which all is delivered. It is moved after each delivery and not forced to
//! disk: what a crash loses of it is delivered once more, under the same names.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use haechi_connectors::sink::GATHER_MAX;
use haechi_connectors::{DeliverError, Refusal, Sink};
use haechi_store::{DeadLetter, Position, Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Pauses between two tries, the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(1));
/// How long nothing is to be delivered before the sink is told so.
const IDLE: Duration = Duration::from_secs(1);

/// Delivers to a sink until it is stopped.
pub async fn publish(sink: Box<dyn Sink>, store: Store, position: watch::Receiver<Position>, stop: CancellationToken) {
    let name = sink.name().to_owned();
    let publisher = Publisher { sink, name, store, position, delivered: 0, attempts: 0, wait: PAUSES.0 };
    // Whatever a sink is doing when it is stopped, it takes up again.
    tokio::select! {
        () = stop.cancelled() => {}
        () = publisher.run() => {}
    }
}

struct Publisher {
    sink: Box<dyn Sink>,
    name: String,
    store: Store,
    position: watch::Receiver<Position>,
    delivered: Position,
    /// Tries of what comes next, and the pause after the last of them.
    attempts: u32,
    wait: Duration,
}

impl Publisher {
    async fn run(mut self) {
        self.begin().await;
        loop {
            let committed = *self.position.borrow_and_update();
            metrics::gauge!("haechi_sink_position", "sink" => self.name.clone()).set(self.delivered as f64);
            metrics::gauge!("haechi_sink_lag", "sink" => self.name.clone())
                .set(committed.saturating_sub(self.delivered) as f64);
            if self.delivered >= committed {
                if !self.wait_for_more().await {
                    return;
                }
                continue;
            }
            let (store, after) = (self.store.clone(), self.delivered);
            let read = tokio::task::spawn_blocking(move || gather(&store, after, committed)).await;
            match read {
                Ok(Ok((through, None))) => self.moved(through),
                Ok(Ok((through, Some(selections)))) => self.deliver(&selections, through).await,
                Ok(Err(error)) => {
                    tracing::error!(sink = self.name, %error, "cannot read what is to be delivered");
                    tokio::time::sleep(PAUSES.1).await;
                }
                Err(_) => return,
            }
        }
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
            let begun = match self.store.cursor(&self.name).map(Option::unwrap_or_default) {
                Ok(cursor) => self.sink.begin(cursor).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let end = self.store.next_position();
            match begun {
                Ok(delivered) if delivered < end => {
                    self.delivered = delivered;
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
            metrics::gauge!("haechi_sink_up", "sink" => self.name.clone()).set(0.0);
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
                metrics::gauge!("haechi_sink_up", "sink" => self.name.clone()).set(0.0);
                // Once when it begins, then as often as the longest pause.
                if self.attempts == 1 || self.wait == PAUSES.1 {
                    let attempts = self.attempts;
                    tracing::warn!(sink = self.name, attempts, reason, "cannot deliver; nobody else is held up by it");
                }
                let wait = self.next_wait();
                return tokio::time::sleep(pause.unwrap_or(wait)).await;
            }
        };
        let delivered = selections.num_rows() - refused.len();
        // It is delivered: only keeping what was refused may have to be tried again.
        while !self.keep(&refused) {
            tokio::time::sleep(PAUSES.1).await;
        }
        if self.attempts > 1 {
            tracing::info!(sink = self.name, attempts = self.attempts, "delivered again");
        }
        metrics::gauge!("haechi_sink_up", "sink" => self.name.clone()).set(1.0);
        metrics::counter!("haechi_sink_delivered_total", "sink" => self.name.clone()).increment(delivered as u64);
        (self.attempts, self.wait) = (0, PAUSES.0);
        self.moved(through);
    }

    /// Keeps what was refused as dead letters; `false` where the store does not take them.
    fn keep(&self, refused: &[Refusal]) -> bool {
        let Some(first) = refused.first() else { return true };
        tracing::error!(
            sink = self.name,
            selections = refused.len(),
            first = first.reason,
            "refused for good; kept as dead letters"
        );
        metrics::counter!("haechi_sink_dead_letters_total", "sink" => self.name.clone())
            .increment(refused.len() as u64);
        let (at_ms, attempts) = (super::clock::wall_ms(), self.attempts);
        let letter = |refusal: &Refusal| {
            let (position, reason) = (refusal.position, refusal.reason.clone());
            DeadLetter { position, reason, at_ms, attempts }
        };
        let letters: Vec<DeadLetter> = refused.iter().map(letter).collect();
        let kept = self.store.put_dead_letters(&self.name, &letters);
        kept.inspect_err(|error| tracing::error!(sink = self.name, %error, "cannot keep dead letters")).is_ok()
    }

    fn moved(&mut self, delivered: Position) {
        self.delivered = delivered;
        if let Err(error) = self.store.set_cursor(&self.name, delivered) {
            // Delivered again after a crash, under the same names.
            tracing::warn!(sink = self.name, %error, "cannot note how far the sink is");
        }
    }
}

/// The selections after a position, and how far all is delivered with them. Entries without selections, and units set
/// aside, have positions too: where no more selections follow, that is `committed`.
fn gather(store: &Store, after: Position, committed: Position) -> Result<(Position, Option<RecordBatch>), StoreError> {
    let mut through = after;
    let mut parts = Vec::new();
    let mut rows = 0;
    for decisions in store.decisions(after) {
        let decisions = decisions?;
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
