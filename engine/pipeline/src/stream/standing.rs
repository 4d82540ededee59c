//! How the kinds of entities stand: what is known of them, and from where on records are told of them.

use std::sync::Arc;

use haechi_model::Stream;
use haechi_profile::{Portrait, ProfileError, Profiler};
use haechi_store::{Position, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::kept::usable_from;
use super::past::{Past, counts_before};
use super::reach::Reach;
use super::remembering::Remembering;
use super::sequencer::SettleError;
use crate::decide::DecideError;
use crate::release::Release;

/// How one kind of entity stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EntityStanding {
    /// Its name.
    pub entity: String,
    /// Whether records are told of it; not while it is filled from the journal.
    pub usable: bool,
    /// From which position on they are.
    pub usable_from: Option<Position>,
    /// How many are in memory.
    pub in_memory: u64,
}

/// Every kind, in the order of their declaration.
pub(super) fn standing(store: &Store, known: &Profiler) -> Result<Vec<EntityStanding>, StoreError> {
    let kinds = known.kinds().zip(known.known());
    let stands = kinds.map(|((entity, id, usable), (_, in_memory))| {
        let usable_from = usable_from(store, id)?;
        Ok(EntityStanding { entity: entity.to_owned(), usable, usable_from, in_memory: in_memory as u64 })
    });
    stands.collect()
}

/// Whom the newest version of a subject is about: the kinds of entities, each with its key.
pub fn entities_of(
    store: &Store,
    release: &Release,
    stream: &'static Stream,
    id: &str,
) -> Result<Vec<(String, String)>, RememberedError> {
    let failed = |error: SettleError| RememberedError(error.to_string());
    let of = || -> Result<Vec<(String, String)>, SettleError> {
        let known = store.versions(stream, [id])?.pop().unwrap_or_default();
        let position = counts_before(&known, Position::MAX).map(|version| version.position);
        let plan = &release.memory;
        let past = Past::new(store.clone(), Arc::default());
        let found = past.rows_at(stream, &[position], |rows, known_at_ms| {
            Ok::<_, SettleError>(plan.derive(stream, rows, known_at_ms)?)
        })?;
        let Some(rows) = found.batches.first() else { return Ok(Vec::new()) };
        let keys = plan.profiles().keys(stream, rows, 0).map_err(DecideError::from)?;
        Ok(keys.into_iter().map(|(entity, key)| (entity.to_owned(), key)).collect())
    };
    of().map_err(failed)
}

/// What is remembered in a store that no engine works on.
pub struct Remembered(Remembering);

/// Why it cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what is remembered cannot be read: {0}")]
pub struct RememberedError(String);

impl Remembered {
    /// Reads it, up to the end of the journal, as these rules declare it. Nothing is written.
    pub fn read(store: &Store, release: &Release) -> Result<Self, RememberedError> {
        let read = Remembering::start(store, Arc::clone(&release.memory), Arc::default(), Reach::whole());
        read.map(Self).map_err(|error: SettleError| RememberedError(error.to_string()))
    }

    /// As [`super::Engine::portrait`].
    pub fn portrait(&self, entity: &str, key: &str, at_ms: i64, days: u16) -> Result<Option<Portrait>, ProfileError> {
        self.0.known().portrait(entity, key, at_ms, days)
    }

    /// As [`super::Engine::entities`].
    pub fn entities(&self, store: &Store) -> Result<Vec<EntityStanding>, StoreError> {
        standing(store, &self.0.known())
    }
}
