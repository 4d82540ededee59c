//! A part of the entities of one kind: those in use open, the others packed.

use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::entity::Entity;
use crate::plan::EntityPlan;
use crate::series::Series;
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
    /// About how many bytes those take.
    open_bytes: usize,
    /// Where packed ones are unpacked, one after the other, and the bytes that they are packed into again.
    spare: Option<Box<Open>>,
    packing: Vec<u8>,
    unshelved: Unshelved,
    /// Up to where everything is in an entity that was taken from the shelf; asked only while catching up.
    has: HashMap<KeyHash, Position, BuildHasherDefault<Spread>>,
}

enum Slot {
    /// None while it is taken out.
    Open(Option<Box<Open>>),
    Packed(Box<[u8]>),
}

/// An entity as it is asked and added to.
struct Open {
    entity: Entity,
    /// Since it was looked at for packing.
    used: bool,
    /// About how many it takes.
    bytes: usize,
}

/// An entity that was taken out, to be asked and added to.
pub(crate) struct Taken {
    key: KeyHash,
    open: Box<Open>,
    /// Whether it is to stay open.
    stays: bool,
    /// Whether anything was known of it before.
    pub known: bool,
}

impl Taken {
    pub fn entity(&mut self) -> &mut Entity {
        &mut self.open.entity
    }
}

/// Entities of so few bytes are packed whenever nobody asks: to unpack them costs less than their memory.
const SMALL_BYTES: usize = 256;
/// About how many bytes open entities may take, of all kinds together, where `known` entities are in memory: what the
/// packed ones leave of what both may take.
pub(crate) fn open_bytes_max(known: usize) -> usize {
    /// About what a packed entity and its slot take.
    const PACKED_BYTES: usize = 160;
    const BYTES_MAX: usize = 768 << 20;
    BYTES_MAX.saturating_sub(known * PACKED_BYTES).clamp(32 << 20, 256 << 20)
}

impl Shard {
    /// Looks at entities that are about to be taken, one after the other without waiting for any: they are in the caches
    /// then.
    pub fn warm(&self, keys: impl Iterator<Item = KeyHash>) {
        let look = |key| match self.slots.get(&key) {
            Some(Slot::Open(Some(open))) => open.entity.series.iter().map(Series::warm).fold(0, i64::wrapping_add),
            Some(Slot::Packed(bytes)) => bytes.last().copied().map_or(0, i64::from),
            _ => 0,
        };
        black_box(keys.map(look).fold(0, i64::wrapping_add));
    }

    /// Takes an entity out, to be given back; one of whom nothing is known where it is new.
    pub fn take(&mut self, plan: &EntityPlan, key: KeyHash) -> Taken {
        let new = || Box::new(Open { entity: Entity::new(plan), used: true, bytes: 0 });
        let (packed, known) = match self.slots.get_mut(&key) {
            Some(Slot::Open(open)) => {
                let open = open.take().unwrap_or_else(new);
                return Taken { key, open, stays: true, known: true };
            }
            Some(Slot::Packed(bytes)) => (&**bytes, true),
            None => (&[][..], false),
        };
        let mut open = self.spare.take().unwrap_or_else(new);
        if open.entity.read(plan, packed).is_none() {
            open.entity.clear(plan);
        }
        Taken { key, open, stays: packed.len() > SMALL_BYTES, known }
    }

    /// Puts back what was taken out; what was not known stays unknown, unless it has `changed`.
    pub fn give_back(&mut self, taken: Taken, changed: bool) {
        let Taken { key, mut open, stays, .. } = taken;
        if changed && !stays {
            self.packing.clear();
            open.entity.write(&mut self.packing);
        }
        if stays || changed && self.packing.len() > SMALL_BYTES {
            self.stay_open(key, open);
            return;
        }
        if changed {
            let packed = self.packing.as_slice();
            match self.slots.get_mut(&key) {
                Some(Slot::Packed(bytes)) if bytes.len() == packed.len() => bytes.copy_from_slice(packed),
                Some(slot) => *slot = Slot::Packed(packed.into()),
                None => drop(self.slots.insert(key, Slot::Packed(packed.into()))),
            }
        }
        open.bytes = 0;
        self.spare = Some(open);
    }

    fn stay_open(&mut self, key: KeyHash, mut open: Box<Open>) {
        let bytes = open.entity.size();
        self.open_bytes = self.open_bytes + bytes - open.bytes;
        (open.bytes, open.used) = (bytes, true);
        match self.slots.entry(key) {
            Entry::Occupied(slot) => {
                let slot = slot.into_mut();
                if let Slot::Packed(_) = slot {
                    self.open.push_back(key);
                }
                *slot = Slot::Open(Some(open));
            }
            Entry::Vacant(slot) => {
                self.open.push_back(key);
                slot.insert(Slot::Open(Some(open)));
            }
        }
    }

    /// Packs open ones until they take no more than about `max` bytes, or all have been in use since they were last
    /// looked at.
    pub fn pack(&mut self, max: usize) {
        for _ in 0..self.open.len() {
            if self.open_bytes <= max {
                return;
            }
            let Some(key) = self.open.pop_front() else { return };
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            let Slot::Open(Some(open)) = slot else { continue };
            if std::mem::take(&mut open.used) {
                self.open.push_back(key);
            } else {
                self.open_bytes -= open.bytes;
                *slot = Slot::Packed(open.entity.pack());
            }
        }
    }

    /// Of these keys those that are not in memory.
    pub fn missing(&self, keys: impl Iterator<Item = KeyHash>) -> Vec<KeyHash> {
        keys.filter(|key| !self.slots.contains_key(key)).collect()
    }

    /// Puts here what the shelf has of an entity. What cannot be read is nothing.
    ///
    /// `again`: some of what comes next may be in it already.
    pub fn take_from_shelf(&mut self, key: KeyHash, bytes: &[u8], again: bool) {
        let Some((upto, packed)) = from_shelf(bytes) else { return };
        self.slots.insert(key, Slot::Packed(packed.into()));
        if again {
            self.has.insert(key, upto);
        }
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
                Some(Slot::Open(Some(open))) => on_shelf(upto, &open.entity.pack()),
                Some(Slot::Packed(bytes)) => on_shelf(upto, bytes),
                Some(Slot::Open(None)) | None => continue,
            };
            shelved.push(Shelved { of, key, bytes });
        }
        shelved
    }

    /// What is in commits up to this one is on the shelf: beyond `max` entities those leave the memory.
    pub fn committed(&mut self, commit: u64, max: usize) {
        self.unshelved.committed(commit);
        self.unshelved.compact(self.slots.len());
        while self.slots.len() > max {
            let Some(key) = self.unshelved.dispensable() else { return };
            self.remove(key);
        }
    }

    fn remove(&mut self, key: KeyHash) {
        if let Some(Slot::Open(Some(open))) = self.slots.remove(&key) {
            self.open_bytes -= open.bytes;
        }
    }

    /// Drops one from memory, if nothing of it is on its way to the shelf.
    pub fn forget(&mut self, key: KeyHash) -> bool {
        let may_go = self.unshelved.is_shelved(key);
        if may_go {
            self.remove(key);
        }
        may_go
    }

    /// The bytes of one that is in memory.
    pub fn packed_one(&self, key: KeyHash) -> Option<Box<[u8]>> {
        match self.slots.get(&key)? {
            Slot::Open(open) => open.as_ref().map(|open| open.entity.pack()),
            Slot::Packed(bytes) => Some(bytes.clone()),
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
                Slot::Open(open) => (*key, open.as_ref().map_or_else(Box::default, |open| open.entity.pack())),
                Slot::Packed(bytes) => (*key, bytes.clone()),
            })
            .collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_small() {
        // There are millions of them.
        assert_eq!(size_of::<(KeyHash, Slot)>(), 32);
    }
}
