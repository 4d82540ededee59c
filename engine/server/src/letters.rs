//! Dead letters: selections that a sink has refused, delivered to it once more, or given up.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use haechi_connectors::sink::open;
use haechi_connectors::{DeliverError, SinkOpenError, SinkSettings};
use haechi_store::{DeadLetter, Position, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::settings::Connector;

/// Letters given up at once.
const AT_ONCE: usize = 1_000;

/// What became of a retry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    /// Taken after all; they are no dead letters any more.
    pub delivered: usize,
    /// Refused again, with what was said this time.
    pub refused: Vec<(Position, String)>,
    /// Archived and gone from the store: they cannot be delivered from here.
    pub archived: Vec<Position>,
    /// Where to go on, if there may be more.
    pub next: Option<Position>,
}

/// Which letters are given up.
#[derive(Clone, Debug)]
pub enum Given {
    /// All up to a position.
    Through(Position),
    /// Those at these positions.
    Listed(Vec<Position>),
}

/// Why nothing could be tried.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// The sink's settings are wrong.
    #[error(transparent)]
    Open(#[from] SinkOpenError),
    /// The sink is away. What was delivered before stays so.
    #[error("the sink cannot take them now: {0}; try again later")]
    Away(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A thread failed.
    #[error("retrying failed; this is a bug")]
    Failed,
}

/// Delivers dead letters of a sink again, the oldest ones after a position, by a connection of its own, so that what is
/// new is not held up.
pub async fn retry(
    store: &Store,
    sink: &Connector<SinkSettings>,
    after: Position,
    limit: usize,
) -> Result<Retried, RetryError> {
    let name = sink.name.clone();
    let letters = found(store, move |store| store.dead_letters(&name, after, limit)).await?;
    let next = (letters.len() == limit).then(|| letters.last().map(|letter| letter.position)).flatten();
    let mut retried = Retried { next, ..Retried::default() };
    if letters.is_empty() {
        return Ok(retried);
    }
    let mut letters: BTreeMap<Position, DeadLetter> =
        letters.into_iter().map(|letter| (letter.position, letter)).collect();
    let mut again = open(&sink.name, &sink.settings)?;
    let delivered = store.cursor(&sink.name)?.unwrap_or_default();
    again.begin(delivered).await.map_err(|error| RetryError::Away(error.to_string()))?;
    let positions: Vec<Position> = letters.keys().copied().collect();
    for position in positions {
        let selection = found(store, move |store| selection_at(store, position)).await?;
        let Some(selection) = selection else {
            retried.archived.push(position);
            continue;
        };
        match again.deliver(&selection).await {
            Ok(()) => {
                retried.delivered += 1;
                letters.remove(&position);
                store.remove_dead_letters(&sink.name, &[position])?;
            }
            Err(DeliverError::Refused { refused }) => {
                let reason = refused.into_iter().next().map(|refusal| refusal.reason).unwrap_or_default();
                if let Some(letter) = letters.get_mut(&position) {
                    letter.attempts = letter.attempts.saturating_add(1);
                    letter.reason.clone_from(&reason);
                    store.put_dead_letters(&sink.name, std::slice::from_ref(letter))?;
                }
                retried.refused.push((position, reason));
            }
            Err(DeliverError::Later { reason, .. }) => return Err(RetryError::Away(reason)),
        }
    }
    Ok(retried)
}

/// Gives dead letters of a sink up, and logs by whom and why; how many it were. Blocks.
pub fn discard(store: &Store, sink: &str, given: Given, who: &str, reason: &str) -> Result<usize, StoreError> {
    let mut discarded = 0;
    let mut give_up = |positions: &[Position]| -> Result<(), StoreError> {
        store.remove_dead_letters(sink, positions)?;
        discarded += positions.len();
        if let (Some(first), Some(last)) = (positions.first(), positions.last()) {
            tracing::warn!(sink, who, reason, first, last, letters = positions.len(), "dead letters are given up");
        }
        Ok(())
    };
    match given {
        Given::Through(through) => loop {
            let letters = store.dead_letters(sink, 0, AT_ONCE)?;
            let old: Vec<Position> = letters.iter().map(|letter| letter.position).filter(|at| *at <= through).collect();
            give_up(&old)?;
            if old.len() < AT_ONCE {
                break;
            }
        },
        Given::Listed(positions) => {
            let mut there = Vec::new();
            for position in positions {
                let found = store.dead_letters(sink, position.saturating_sub(1), 1)?;
                there.extend(found.first().map(|letter| letter.position).filter(|at| *at == position));
            }
            there.sort_unstable();
            there.dedup();
            give_up(&there)?;
        }
    }
    Ok(discarded)
}

/// The selection at a position, if the store still has it.
fn selection_at(store: &Store, position: Position) -> Result<Option<RecordBatch>, StoreError> {
    let Some(decisions) = store.decisions(position.saturating_sub(1)).next().transpose()? else { return Ok(None) };
    let first = decisions.selections.slice(0, decisions.selections.num_rows().min(1));
    let at = haechi_connectors::sinks::published::Published::of(&first).map(|columns| columns.position(0));
    Ok((at == Ok(position)).then_some(first))
}

async fn found<T: Send + 'static>(
    store: &Store,
    ask: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, RetryError> {
    let store = store.clone();
    Ok(tokio::task::spawn_blocking(move || ask(&store)).await.map_err(|_| RetryError::Failed)??)
}
