//! Drives a sink: selections go to it in the order of the journal, again and again until it has them.
//!
//! A sink has a cursor in the store, up to which all is delivered. It is moved after each delivery and not forced to
//! disk: what a crash loses of it is delivered once more, under the same names.

use std::time::Duration;

use haechi_connectors::{DeliverError, Outgoing, Sink};
use haechi_store::{DeadLetter, Position, Store, StoreError, StoredDecisions};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Pauses between two tries, the first and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// Entries read ahead of a sink.
const AHEAD: usize = 8;

/// Delivers to a sink until it is stopped.
pub async fn publish(
    mut sink: Box<dyn Sink>,
    store: Store,
    mut position: watch::Receiver<Position>,
    stop: CancellationToken,
) {
    let name = sink.name().to_owned();
    let Some(mut delivered) = begin(&mut *sink, &name, &store, &stop).await else { return };
    loop {
        metrics::gauge!("haechi_sink_position", "sink" => name.clone()).set(delivered as f64);
        let committed = *position.borrow_and_update();
        metrics::gauge!("haechi_sink_lag", "sink" => name.clone()).set(committed.saturating_sub(delivered) as f64);
        if delivered >= committed {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = position.changed() => if changed.is_err() { return },
            }
            continue;
        }
        let found = match read(&store, delivered).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(sink = name, %error, "cannot read what is to be delivered");
                if pause(PAUSES.1, &stop).await { continue } else { return }
            }
        };
        // Entries without selections, and units set aside, have positions too.
        let (through, exhausted) = (found.last().map_or(committed, |last| last.last_position()), found.len() < AHEAD);
        for decisions in found {
            let last = decisions.last_position();
            let outgoing = Outgoing { stream: decisions.stream, selections: decisions.selections };
            if !deliver(&mut *sink, &name, &outgoing, &store, &stop).await {
                return;
            }
            delivered = last;
            moved(&store, &name, delivered);
        }
        delivered = if exhausted { through.max(committed) } else { through };
        moved(&store, &name, delivered);
    }
}

/// Where to go on from; `None` if it is stopped before that is known.
async fn begin(sink: &mut dyn Sink, name: &str, store: &Store, stop: &CancellationToken) -> Option<Position> {
    let mut wait = PAUSES.0;
    loop {
        let cursor = store.cursor(name).map(Option::unwrap_or_default);
        let begun = match cursor {
            Ok(cursor) => sink.begin(cursor).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match begun {
            Ok(delivered) => return Some(delivered),
            Err(reason) => tracing::warn!(sink = name, reason, "the sink cannot begin yet"),
        }
        if !pause(wait, stop).await {
            return None;
        }
        wait = (wait * 2).min(PAUSES.1);
    }
}

/// Delivers, however long that takes; `false` if it is stopped before.
async fn deliver(
    sink: &mut dyn Sink,
    name: &str,
    outgoing: &Outgoing,
    store: &Store,
    stop: &CancellationToken,
) -> bool {
    let mut wait = PAUSES.0;
    let mut attempts = 0_u32;
    loop {
        attempts = attempts.saturating_add(1);
        metrics::counter!("haechi_sink_attempts_total", "sink" => name.to_owned()).increment(1);
        let result = tokio::select! {
            () = stop.cancelled() => return false,
            result = sink.deliver(outgoing) => result,
        };
        match result {
            Ok(()) => break,
            Err(DeliverError::Later { reason }) => {
                metrics::counter!("haechi_sink_failures_total", "sink" => name.to_owned()).increment(1);
                metrics::gauge!("haechi_sink_up", "sink" => name.to_owned()).set(0.0);
                // Once when it begins, then as often as the longest pause.
                if attempts == 1 || wait == PAUSES.1 {
                    tracing::warn!(sink = name, attempts, reason, "cannot deliver; others are not held up by it");
                }
                if !pause(wait, stop).await {
                    return false;
                }
                wait = (wait * 2).min(PAUSES.1);
            }
            Err(DeliverError::Refused { refused }) => {
                let at_ms = super::clock::wall_ms();
                let letters: Vec<DeadLetter> = refused
                    .into_iter()
                    .map(|refusal| DeadLetter { position: refusal.position, reason: refusal.reason, at_ms, attempts })
                    .collect();
                metrics::counter!("haechi_sink_dead_letters_total", "sink" => name.to_owned())
                    .increment(letters.len() as u64);
                tracing::error!(
                    sink = name,
                    selections = letters.len(),
                    first = letters.first().map_or("", |l| l.reason.as_str()),
                    "refused for good; kept as dead letters"
                );
                if let Err(error) = store.put_dead_letters(name, &letters) {
                    tracing::error!(sink = name, %error, "cannot keep dead letters; they are delivered again");
                    if !pause(wait, stop).await {
                        return false;
                    }
                    continue;
                }
                break;
            }
        }
    }
    if attempts > 1 {
        tracing::info!(sink = name, attempts, "delivered again");
    }
    metrics::gauge!("haechi_sink_up", "sink" => name.to_owned()).set(1.0);
    metrics::counter!("haechi_sink_delivered_total", "sink" => name.to_owned())
        .increment(outgoing.selections.num_rows() as u64);
    true
}

async fn read(store: &Store, after: Position) -> Result<Vec<StoredDecisions>, StoreError> {
    let store = store.clone();
    let read = tokio::task::spawn_blocking(move || store.decisions(after).take(AHEAD).collect());
    read.await.unwrap_or_else(|_| Ok(Vec::new()))
}

fn moved(store: &Store, name: &str, delivered: Position) {
    if let Err(error) = store.set_cursor(name, delivered) {
        // Delivered again after a crash, under the same names.
        tracing::warn!(sink = name, %error, "cannot note how far the sink is");
    }
}

/// Waits; `false` if it is stopped.
async fn pause(length: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(length) => true,
    }
}
