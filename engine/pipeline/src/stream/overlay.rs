//! What is known of subjects: what the store has, and over it what is decided and not yet committed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use haechi_model::Stream;
use haechi_store::{Store, StoreError, SubjectVersion};
use rustc_hash::FxHashMap;

type Key = (&'static str, Box<str>);

/// Versions of subjects that are on their way to the store.
pub(crate) struct Overlay {
    known: FxHashMap<Key, (u64, Vec<SubjectVersion>)>,
    /// What each commit on its way has put here, oldest first.
    on_the_way: VecDeque<(u64, Vec<Key>)>,
    committed: Arc<AtomicU64>,
}

impl Overlay {
    /// `committed` is the number of the last commit that the store has.
    pub fn new(committed: Arc<AtomicU64>) -> Self {
        Self { known: FxHashMap::default(), on_the_way: VecDeque::new(), committed }
    }

    /// All versions of these subjects, in the order they came.
    pub fn versions<'a>(
        &self,
        store: &Store,
        stream: &'static Stream,
        ids: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<Vec<SubjectVersion>>, StoreError> {
        let mut missing = Vec::new();
        let mut places = Vec::new();
        let mut all: Vec<Vec<SubjectVersion>> = Vec::new();
        for (place, id) in ids.enumerate() {
            all.push(Vec::new());
            let pending = if self.known.is_empty() { None } else { self.known.get(&(stream.name, Box::from(id))) };
            if let Some((_, versions)) = pending {
                all[place].clone_from(versions);
            } else {
                missing.push(id);
                places.push(place);
            }
        }
        for (place, versions) in places.into_iter().zip(store.versions(stream, missing)?) {
            all[place] = versions;
        }
        Ok(all)
    }

    /// Takes note of what commit `number` will make of subjects.
    pub fn note(
        &mut self,
        number: u64,
        stream: &'static Stream,
        subjects: impl Iterator<Item = (Box<str>, Vec<SubjectVersion>)>,
    ) {
        let mut keys = Vec::new();
        for (id, versions) in subjects {
            let key = (stream.name, id);
            self.known.insert(key.clone(), (number, versions));
            keys.push(key);
        }
        self.on_the_way.push_back((number, keys));
    }

    /// Forgets what the store has by now.
    pub fn prune(&mut self) {
        let committed = self.committed.load(Ordering::Acquire);
        while self.on_the_way.front().is_some_and(|(number, _)| *number <= committed) {
            let Some((_, keys)) = self.on_the_way.pop_front() else { return };
            for key in keys {
                // A later commit may have more to say of the subject.
                if self.known.get(&key).is_some_and(|(number, _)| *number <= committed) {
                    self.known.remove(&key);
                }
            }
        }
    }
}
