//! A part of the entities of one kind: those in use open, the others packed.

use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::entity::Entity;
use crate::plan::EntityPlan;

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
