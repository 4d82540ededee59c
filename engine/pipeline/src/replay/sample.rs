//! Decides a sample of all decisions again, as long as the stream runs. How many came out differently is a metric that
//! has to be zero.

use haechi_store::{Position, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Replayed, Replayer};
use crate::release::ReleaseContext;

/// Entries looked at in one go, between two looks at whether to stop.
const STEP: usize = 64;

/// Replays a share (0 to 1) of the journal's entries, from `after` on, until it is stopped. Which entries are in the
/// sample depends on their positions alone.
pub async fn sample(
    store: Store,
    context: ReleaseContext,
    share: f64,
    mut after: Position,
    mut position: watch::Receiver<Position>,
    stop: CancellationToken,
) {
    metrics::counter!("haechi_replay_mismatches_total").absolute(0);
    let mut replayer = Replayer::new(store.clone(), context);
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
                let next = step(&store, &mut replayer, share, after, committed);
                (replayer, next)
            }
        });
        let Ok((kept, next)) = stepped.await else { return };
        replayer = kept;
        after = next;
        if stop.is_cancelled() {
            return;
        }
    }
}

/// Looks at the next entries; up to where it came.
fn step(store: &Store, replayer: &mut Replayer, share: f64, after: Position, committed: Position) -> Position {
    let mut through = after;
    let mut looked = 0;
    for entry in store.entries(after + 1).take(STEP) {
        looked += 1;
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                tracing::error!(%error, "cannot read the journal to decide again");
                return committed;
            }
        };
        through = entry.first + u64::from(entry.rows).saturating_sub(1);
        if drawn(entry.first) >= share {
            continue;
        }
        match replayer.entry(&entry) {
            Ok(None) => {}
            Ok(Some(replayed)) => report(&replayed),
            Err(error) => {
                metrics::counter!("haechi_replay_failures_total").increment(1);
                tracing::error!(position = entry.first, %error, "cannot decide again");
            }
        }
    }
    if looked < STEP { through.max(committed) } else { through }
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
    use super::*;

    #[test]
    fn the_sample_is_as_large_as_its_share() {
        for share in [0.0, 0.01, 0.5, 1.0] {
            let taken = (0..100_000).filter(|position| drawn(*position) < share).count() as f64;
            assert!((taken / 100_000.0 - share).abs() < 0.01, "{share}: {taken}");
        }
    }
}
