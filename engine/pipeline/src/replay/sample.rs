//! Decides a sample of all decisions again, as long as the stream runs. How many came out differently is a metric that
//! has to be zero.

use std::panic::{AssertUnwindSafe, catch_unwind};

use haechi_store::{Position, Store, StoredEntry};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{ReplayError, Replayed, Replayer};
use crate::release::ReleaseContext;

/// Entries looked at in one go, between two looks at whether to stop.
const STEP: usize = 64;

/// Replays a share (0 to 1) of the journal's entries, from `after` on, until it is stopped. Which entries are in the
/// sample depends on their positions alone. What cannot be decided again, for whatever reason, is logged, counted and
/// passed over.
pub async fn sample(
    store: Store,
    context: ReleaseContext,
    share: f64,
    mut after: Position,
    mut position: watch::Receiver<Position>,
    stop: CancellationToken,
) {
    metrics::counter!("haechi_replay_mismatches_total").absolute(0);
    let mut replayer = Replayer::new(store.clone(), context.clone());
    loop {
        let committed = *position.borrow_and_update();
        if after >= committed {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = position.changed() => if changed.is_err() { return },
            }
            continue;
        }
        let stepped = tokio::task::spawn_blocking({
            let store = store.clone();
            move || {
                let next = step(&store, share, after, committed, |entry| replayer.entry(entry));
                (replayer, next)
            }
        });
        (replayer, after) = match stepped.await {
            Ok(stepped) => stepped,
            Err(panicked) if panicked.is_panic() => {
                fails(after + 1, &"reading the journal panicked; this is a bug");
                (Replayer::new(store.clone(), context.clone()), committed)
            }
            // The runtime is going down, and we with it.
            Err(_) => return,
        };
        if stop.is_cancelled() {
            return;
        }
    }
}

/// Looks at the next entries; up to where it came.
fn step(
    store: &Store,
    share: f64,
    after: Position,
    committed: Position,
    mut replay: impl FnMut(&StoredEntry) -> Result<Option<Replayed>, ReplayError>,
) -> Position {
    let mut through = after;
    let mut looked = 0;
    for entry in store.entries(after + 1).take(STEP) {
        looked += 1;
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                fails(through + 1, &error);
                return committed;
            }
        };
        through = entry.first + u64::from(entry.rows).saturating_sub(1);
        if drawn(entry.first) >= share {
            continue;
        }
        match catch_unwind(AssertUnwindSafe(|| replay(&entry))) {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(replayed))) => report(&replayed),
            Ok(Err(error)) => fails(entry.first, &error),
            Err(_) => fails(entry.first, &"it panicked; this is a bug"),
        }
    }
    if looked < STEP { through.max(committed) } else { through }
}

fn fails(position: Position, error: &dyn std::fmt::Display) {
    metrics::counter!("haechi_replay_failures_total").increment(1);
    tracing::error!(position, %error, "cannot decide again");
}

fn report(replayed: &Replayed) {
    metrics::counter!("haechi_replay_checked_total").increment(replayed.then.num_rows() as u64);
    if !replayed.same() {
        metrics::counter!("haechi_replay_mismatches_total").increment(1);
        tracing::error!(
            position = replayed.position,
            release = replayed.release,
            differing = replayed.differing().join(", "),
            "decided again, an entry comes out differently"
        );
    }
}

/// A number in [0, 1) that a position stands for.
fn drawn(position: Position) -> f64 {
    // SplitMix64's last step: neighbours are far apart.
    let mut x = position.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, RecordBatch};
    use haechi_model::streams::DECLARATION;
    use haechi_store::{Commit, Entry, StoreOptions};

    use super::*;

    #[test]
    fn an_entry_over_which_deciding_panics_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &StoreOptions::default()).unwrap();
        let numbers = Int32Array::from(vec![1]);
        let rows = RecordBatch::try_from_iter([("item_no", std::sync::Arc::new(numbers) as _)]).unwrap();
        for first in 1..=3 {
            let rows = rows.clone();
            let entry = Entry { first, stream: &DECLARATION, known_at_ms: 1, rows, subjects: None, decided: None };
            store.write([Commit { entries: vec![entry], ..Commit::default() }.encode().unwrap()]).unwrap();
        }
        let mut tried = Vec::new();
        let through = step(&store, 1.0, 0, 3, |entry| {
            tried.push(entry.first);
            assert!(entry.first != 2, "a bug");
            Ok(None)
        });
        assert_eq!((through, tried), (3, vec![1, 2, 3]));
    }

    #[test]
    fn the_sample_is_as_large_as_its_share() {
        for share in [0.0, 0.01, 0.5, 1.0] {
            let taken = (0..100_000).filter(|position| drawn(*position) < share).count() as f64;
            assert!((taken / 100_000.0 - share).abs() < 0.01, "{share}: {taken}");
        }
    }
}
