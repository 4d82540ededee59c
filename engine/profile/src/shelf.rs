//! Where what is not in memory is kept, and what of memory is not there yet.

use std::collections::VecDeque;
use std::error::Error;
use std::hash::BuildHasherDefault;

use hashbrown::HashMap;

use crate::shard::{KeyHash, Spread};

/// What names the state of one kind of entity: another definition, zone or secret is another state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateId(pub u64);

/// A place in the journal.
pub type Position = u64;

/// Keeps entities by key; a store.
pub trait Shelf: Send + Sync {
    /// The bytes kept last under each of these keys, in their order; `None` where nothing is.
    fn fetch(&self, of: StateId, keys: &[u128]) -> Result<Vec<Option<Vec<u8>>>, ShelfError>;
}

/// The shelf cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ShelfError(pub Box<dyn Error + Send + Sync>);

/// An entity as it is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelved {
    /// Which kind.
    pub of: StateId,
    /// Which one.
    pub key: u128,
    /// For [`Shelf::fetch`] to give back.
    pub bytes: Vec<u8>,
}

/// The bytes of an entity on the shelf: up to which position everything is in it, then what it packs to.
pub(crate) fn on_shelf(upto: Position, packed: &[u8]) -> Vec<u8> {
    [&upto.to_le_bytes(), packed].concat()
}

/// The parts of [`on_shelf`].
pub(crate) fn from_shelf(bytes: &[u8]) -> Option<(Position, &[u8])> {
    let (upto, packed) = bytes.split_first_chunk()?;
    Some((Position::from_le_bytes(*upto), packed))
}

/// Up to which position everything is in an entity, by its bytes on the shelf; `None` where they cannot be read.
pub fn shelved_upto(bytes: &[u8]) -> Option<Position> {
    from_shelf(bytes).map(|(upto, _)| upto)
}

type ByKey<T> = HashMap<KeyHash, T, BuildHasherDefault<Spread>>;

/// Which entities of a part are not on the shelf as they are in memory.
#[derive(Default)]
pub(crate) struct Unshelved {
    /// Changed: since the position of a record at or before the first that the shelf lacks.
    since: ByKey<Position>,
    /// The same, oldest first.
    oldest: VecDeque<(Position, KeyHash)>,
    /// On their way: the commit that they are in.
    on_the_way: ByKey<u64>,
    /// The same, oldest first.
    commits: VecDeque<(u64, KeyHash)>,
    /// Those that the shelf has, in the order they got there; some have changed since.
    shelved: VecDeque<KeyHash>,
}

impl Unshelved {
    /// An entity changes from here on.
    pub fn changed(&mut self, key: KeyHash, at: Position) {
        if self.since.try_insert(key, at).is_ok() {
            self.oldest.push_back((at, key));
        }
    }

    /// Whether an entity has changed since it was last on its way to the shelf.
    pub fn has_changed(&self, key: KeyHash) -> bool {
        self.since.contains_key(&key)
    }

    /// The entity that changed last has not.
    pub fn unchanged(&mut self, key: KeyHash) {
        if self.since.remove(&key).is_some() {
            self.oldest.pop_back_if(|(_, last)| *last == key);
        }
    }

    /// The least position that the shelf lacks anything of.
    pub fn lacks(&self) -> Option<Position> {
        self.oldest.front().map(|(at, _)| *at)
    }

    /// The next entity that has changed before a position, which is in that commit from now on.
    pub fn next(&mut self, before: Position, commit: u64) -> Option<KeyHash> {
        let (_, key) = self.oldest.pop_front_if(|(at, _)| *at < before)?;
        self.since.remove(&key);
        self.on_the_way.insert(key, commit);
        self.commits.push_back((commit, key));
        Some(key)
    }

    /// Everything up to that commit is on the shelf.
    pub fn committed(&mut self, commit: u64) {
        while let Some((of, key)) = self.commits.pop_front_if(|(of, _)| *of <= commit) {
            if self.on_the_way.get(&key) == Some(&of) {
                self.on_the_way.remove(&key);
                self.shelved.push_back(key);
            }
        }
    }

    /// The shelf has an entity as it is in memory.
    pub fn is_there(&mut self, key: KeyHash) {
        self.shelved.push_back(key);
    }

    /// Whether the shelf has an entity as it is.
    pub fn is_shelved(&self, key: KeyHash) -> bool {
        !self.since.contains_key(&key) && !self.on_the_way.contains_key(&key)
    }

    /// Keeps the newest word on each of `n` entities, where there are many more words.
    pub fn compact(&mut self, n: usize) {
        if self.shelved.len() <= 2 * n + 1_024 {
            return;
        }
        let mut seen: ByKey<()> = HashMap::default();
        let mut newest: VecDeque<KeyHash> = VecDeque::with_capacity(n);
        while let Some(key) = self.shelved.pop_back() {
            if seen.try_insert(key, ()).is_ok() {
                newest.push_front(key);
            }
        }
        self.shelved = newest;
    }

    /// An entity whose bytes on the shelf are those in memory; each is given once.
    pub fn dispensable(&mut self) -> Option<KeyHash> {
        loop {
            let key = self.shelved.pop_front()?;
            if self.is_shelved(key) {
                return Some(key);
            }
        }
    }
}
