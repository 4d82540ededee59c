//! How the kinds of entities stand: what is known of them, and from where on records are told of them.

use std::sync::{Arc, MutexGuard, PoisonError};

use haechi_model::Stream;
use haechi_profile::{Portrait, ProfileError, Profiler, StateId};
use haechi_store::{Position, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::entities::{Entities, ReachesBack, journal_begins};
use super::kept::usable_from;
use super::past::{Past, counts_before};
use super::reach::Reach;
use super::remembering::{Known, Remembering};
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
    /// How far back its history reaches, where earlier days had been archived and forgotten when it was filled; none for
    /// the beginning of the journal.
    #[serde(default)]
    pub reaches_back: Option<ReachesBack>,
    /// How many are in memory.
    pub in_memory: u64,
}

/// Every kind, in the order of their declaration. The store is asked once nobody waits for it any more.
pub(super) fn standing(entities: &Entities, known: &Known) -> Result<Vec<EntityStanding>, StoreError> {
    let kinds: Vec<(String, StateId, bool, usize)> = {
        let known = look(known);
        let kinds = known.kinds().zip(known.known());
        kinds.map(|((entity, id, usable), (_, in_memory))| (entity.to_owned(), id, usable, in_memory)).collect()
    };
    let stands = kinds.into_iter().map(|(entity, id, usable, in_memory)| {
        let usable_from = usable_from(entities.store(), id)?;
        let reaches_back = entities.reaches_back(id);
        Ok(EntityStanding { entity, usable, usable_from, reaches_back, in_memory: in_memory as u64 })
    });
    stands.collect()
}

/// Where the journal begins, where earlier days were archived and forgotten: what comes from now on is not joined to the
/// subjects of those days, nor put in their place.
pub(super) fn forgotten_before(store: &Store) -> Result<Option<ReachesBack>, StoreError> {
    journal_begins(store, 0)
}

/// What is known of one. Whoever passes records waits while it is looked up in memory, and no longer.
pub(super) fn portrait(
    known: &Known,
    entity: &str,
    key: &str,
    at_ms: i64,
    days: u16,
) -> Result<Option<Portrait>, ProfileError> {
    let sitter = look(known).sitter(entity, key, at_ms)?;
    sitter.map_or(Ok(None), |sitter| sitter.portrait(at_ms, days))
}

fn look(known: &Known) -> MutexGuard<'_, Profiler> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
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
        portrait(&self.0.shared(), entity, key, at_ms, days)
    }

    /// As [`super::Engine::entities`].
    pub fn entities(&self) -> Result<Vec<EntityStanding>, StoreError> {
        standing(self.0.entities(), &self.0.shared())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Mutex, OnceLock, Weak};

    use haechi_profile::{ProfilePlan, Shelf, ShelfError};

    use super::*;
    use crate::packs::Packs;

    /// Has nothing, and is asked while nobody holds what is known.
    #[derive(Default)]
    struct Watching {
        known: OnceLock<Weak<Mutex<Profiler>>>,
        asked: AtomicBool,
    }

    impl Shelf for Watching {
        fn fetch(&self, _of: StateId, keys: &[u128]) -> Result<Vec<Option<Vec<u8>>>, ShelfError> {
            let known = self.known.get().unwrap().upgrade().unwrap();
            assert!(known.try_lock().is_ok(), "records wait for the store");
            self.asked.store(true, Ordering::Relaxed);
            Ok(vec![None; keys.len()])
        }
    }

    #[test]
    fn nobody_waits_while_the_store_is_asked_for_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("profiles")).unwrap();
        let profile = "entity: importer\nkeys: {declaration: importer_id}\nfeatures:\n  \
                       - {name: n, aggregate: count, window: 90d}\n";
        std::fs::write(folder.path().join("profiles/importer.yaml"), profile).unwrap();
        let packs = Packs::load(&[folder.path().to_owned()], None, None);
        let plan = Arc::new(ProfilePlan::new(&packs.profiles, chrono_tz::Tz::UTC).unwrap());
        let shelf = Arc::new(Watching::default());
        let profiler = Profiler::on(plan, 7, Arc::<Watching>::clone(&shelf), |_| true);
        let known: Known = Arc::new(Mutex::new(profiler));
        shelf.known.set(Arc::downgrade(&known)).unwrap();
        assert!(portrait(&known, "importer", "I1", 0, 1).unwrap().is_none());
        assert!(shelf.asked.load(Ordering::Relaxed));
        assert!(portrait(&known, "nobody", "I1", 0, 1).unwrap().is_none());
    }
}
