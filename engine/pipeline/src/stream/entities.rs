//! Entities in the store, and how far back what is known of them reaches.
//!
//! Days of the journal that were archived are forgotten. What is filled from the journal after that knows nothing of them,
//! and says so. What the store still has of entities may be older: of a definition that was given up and comes back. The
//! days between are gone, and to go on with a gap would be wrong without a sign, so such an entity begins anew.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use haechi_profile::{Shelf, ShelfError, StateId, shelved_upto};
use haechi_store::{Position, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::kept::{complete_from, state_key, told};

/// How far back a history reaches, where that is not the beginning of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachesBack {
    /// Of what stood before this position of the journal nothing is known, but of entities that the store had up to it.
    pub position: Position,
    /// When what stood there became known, in ms since 1970 UTC.
    pub known_at_ms: i64,
}

/// Entities as the store keeps them.
pub(super) struct Entities {
    store: Store,
    /// By kind, where that is not the beginning of all. What the store has of an entity up to an earlier position only
    /// is as good as nothing.
    reach_back: RwLock<BTreeMap<StateId, ReachesBack>>,
}

impl Entities {
    /// Those of a store.
    pub fn new(store: Store) -> Self {
        Self { store, reach_back: RwLock::default() }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Kinds whose history is about to be read, each with the position from which on it has to be: where the store lacks
    /// anything of it, or where the journal begins.
    pub fn begin(&self, kinds: Vec<StateId>) -> Result<Vec<(StateId, Position)>, StoreError> {
        let begin = |(of, from): (StateId, Position)| {
            let cut = journal_begins(&self.store, from)?;
            if let Some(ReachesBack { position, .. }) = cut {
                tracing::warn!(position, "days were archived and forgotten: what is filled now knows nothing of them");
            }
            let reaches_back = cut.or(told(&self.store, of)?.reaches_back);
            let mut known = self.reach_back.write().unwrap_or_else(PoisonError::into_inner);
            match reaches_back {
                Some(reaches_back) => drop(known.insert(of, reaches_back)),
                None => drop(known.remove(&of)),
            }
            Ok((of, cut.map_or(from, |cut| cut.position)))
        };
        complete_from(&self.store, kinds)?.into_iter().map(begin).collect()
    }

    /// How far back a kind reaches; `None` for the beginning.
    pub fn reaches_back(&self, of: StateId) -> Option<ReachesBack> {
        self.reach_back.read().unwrap_or_else(PoisonError::into_inner).get(&of).copied()
    }

    /// Whether what the store has of an entity is older than what its kind knows: what came between is gone.
    pub fn is_too_old(&self, of: StateId, bytes: &[u8]) -> bool {
        let reaches_back = self.reaches_back(of);
        reaches_back.is_some_and(|from| shelved_upto(bytes).is_none_or(|upto| upto < from.position))
    }
}

impl Shelf for Entities {
    fn fetch(&self, of: StateId, keys: &[u128]) -> Result<Vec<Option<Vec<u8>>>, ShelfError> {
        let keys = keys.iter().map(|key| state_key(of, *key));
        let found = self.store.states_at(keys).map_err(|error| ShelfError(Box::new(error)))?;
        Ok(found.into_iter().map(|bytes| bytes.filter(|bytes| !self.is_too_old(of, bytes))).collect())
    }
}

/// Where the journal begins, where what stood at or after a position was forgotten.
pub(super) fn journal_begins(store: &Store, from: Position) -> Result<Option<ReachesBack>, StoreError> {
    // The first position of all is 1.
    let position = match store.entry(from.max(1)) {
        Err(StoreError::Forgotten { first, .. }) => first,
        other => return other.map(|_| None),
    };
    let first = store.entries(position).next().transpose()?;
    let known_at_ms = first.map_or_else(|| store.last_known_at_ms(), |entry| entry.known_at_ms);
    Ok(Some(ReachesBack { position, known_at_ms }))
}
