//! A part of the entities of one kind: those in use open, the others packed.

use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::entity::Entity;
use crate::plan::EntityPlan;
use crate::shelf::{Position, Shelved, StateId, Unshelved, from_shelf, on_shelf};

/// A key by hash: 128 bits, under a secret seed, so that nobody makes two of them meet and nobody reads them back.
pub(crate) type KeyHash = u128;

/// A key is a hash already.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

/// Entities by key.
#[derive(Default)]
pub(crate) struct Shard {
    slots: HashMap<KeyHash, Slot, BuildHasherDefault<Spread>>,
    /// Those that are open, in the order in which they are looked at for packing.
    open: VecDeque<KeyHash>,
    unshelved: Unshelved,
    /// Up to where everything is in an entity that was taken from the shelf; asked only while catching up.
    has: HashMap<KeyHash, Position, BuildHasherDefault<Spread>>,
}

enum Slot {
    Open { entity: Box<Entity>, used: bool },
    Packed(Box<[u8]>),
}

/// Entities of one kind that are open at once, unless told otherwise.
pub(crate) const OPEN_MAX: usize = 1 << 20;

impl Shard {
    /// An entity, to be asked; `None` where nothing is known of it.
    pub fn get(&mut self, plan: &EntityPlan, key: KeyHash) -> Option<&mut Entity> {
        let slot = self.slots.get_mut(&key)?;
        if let Slot::Packed(bytes) = slot {
            let entity = Entity::unpack(plan, bytes).unwrap_or_else(|| Entity::new(plan));
            *slot = Slot::Open { entity: Box::new(entity), used: true };
            self.open.push_back(key);
        }
        match slot {
            Slot::Open { entity, used } => {
                *used = true;
                Some(entity)
            }
            Slot::Packed(_) => None,
        }
    }

    /// An entity, to be added to; a new one where there is none.
    pub fn get_or_new(&mut self, plan: &EntityPlan, key: KeyHash) -> &mut Entity {
        let slot = match self.slots.entry(key) {
            Entry::Occupied(slot) => {
                let slot = slot.into_mut();
                if let Slot::Packed(bytes) = slot {
                    let entity = Entity::unpack(plan, bytes).unwrap_or_else(|| Entity::new(plan));
                    *slot = Slot::Open { entity: Box::new(entity), used: true };
                    self.open.push_back(key);
                }
                slot
            }
            Entry::Vacant(slot) => {
                self.open.push_back(key);
                slot.insert(Slot::Open { entity: Box::new(Entity::new(plan)), used: true })
            }
        };
        match slot {
            Slot::Open { entity, used } => {
                *used = true;
                entity
            }
            Slot::Packed(_) => unreachable!("it was opened above"),
        }
    }

    /// Packs those that were not used for longest, until no more than `max` are open.
    pub fn pack(&mut self, max: usize) {
        while self.open.len() > max {
            let Some(key) = self.open.pop_front() else { return };
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            match slot {
                Slot::Open { used, .. } if *used => {
                    *used = false;
                    self.open.push_back(key);
                }
                Slot::Open { entity, .. } => *slot = Slot::Packed(entity.pack()),
                Slot::Packed(_) => {}
            }
        }
    }

    /// Of these keys those that are not in memory.
    pub fn missing(&self, keys: impl Iterator<Item = KeyHash>) -> Vec<KeyHash> {
        keys.filter(|key| !self.slots.contains_key(key)).collect()
    }

    /// Puts here what the shelf has of an entity. What cannot be read is nothing.
    pub fn take_from_shelf(&mut self, key: KeyHash, bytes: &[u8]) {
        let Some((upto, packed)) = from_shelf(bytes) else { return };
        self.slots.insert(key, Slot::Packed(packed.into()));
        self.has.insert(key, upto);
    }

    /// Whether what is at a position is in an entity already, since the shelf had it.
    pub fn has(&self, key: KeyHash, position: Position) -> bool {
        self.has.get(&key).is_some_and(|upto| position < *upto)
    }

    /// Nothing is told twice from here on.
    pub fn caught_up(&mut self) {
        self.has = HashMap::default();
    }

    /// An entity is not any more as the shelf has it, by a record at or after a position.
    pub fn changed(&mut self, key: KeyHash, at: Position) {
        self.unshelved.changed(key, at);
    }

    /// The least position that the shelf lacks anything of.
    pub fn lacks(&self) -> Option<Position> {
        self.unshelved.lacks()
    }

    /// The entities that have changed before a position, to be kept with that commit. All that is before `upto` is in
    /// them.
    pub fn shelve(&mut self, of: StateId, before: Position, upto: Position, commit: u64) -> Vec<Shelved> {
        let mut shelved = Vec::new();
        while let Some(key) = self.unshelved.next(before, commit) {
            let bytes = match self.slots.get(&key) {
                Some(Slot::Open { entity, .. }) => on_shelf(upto, &entity.pack()),
                Some(Slot::Packed(bytes)) => on_shelf(upto, bytes),
                None => continue,
            };
            shelved.push(Shelved { of, key, bytes });
        }
        shelved
    }

    /// What is in commits up to this one is on the shelf: beyond `max` entities those leave the memory.
    pub fn committed(&mut self, commit: u64, max: usize) {
        self.unshelved.committed(commit);
        while self.slots.len() > max {
            let Some(key) = self.unshelved.dispensable() else { return };
            self.slots.remove(&key);
        }
    }

    /// The bytes of one that is in memory.
    pub fn packed_one(&self, key: KeyHash) -> Option<Box<[u8]>> {
        Some(match self.slots.get(&key)? {
            Slot::Open { entity, .. } => entity.pack(),
            Slot::Packed(bytes) => bytes.clone(),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Every entity as bytes, by key: what two runs are compared by.
    pub fn packed(&self) -> Vec<(KeyHash, Box<[u8]>)> {
        let mut all: Vec<_> = self
            .slots
            .iter()
            .map(|(key, slot)| match slot {
                Slot::Open { entity, .. } => (*key, entity.pack()),
                Slot::Packed(bytes) => (*key, bytes.clone()),
            })
            .collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }
}
