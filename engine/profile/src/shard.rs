//! A part of the entities of one kind: those in use open, the others packed.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::hint::black_box;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::codec::Writer;
use crate::entity::Entity;
use crate::journal::{Before, Journal, PassNumber};
use crate::packs::{Packs, Place};
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

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

/// A key as it stands in a slot: one of 128 bits in one piece would take half as much again to lie where it has to.
#[derive(Clone, Copy, PartialEq, Eq)]
struct SlotKey([u64; 2]);

impl From<KeyHash> for SlotKey {
    fn from(key: KeyHash) -> Self {
        Self([key as u64, (key >> 64) as u64])
    }
}

impl From<SlotKey> for KeyHash {
    fn from(SlotKey([low, high]): SlotKey) -> Self {
        Self::from(high) << 64 | Self::from(low)
    }
}

impl Hash for SlotKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// Entities by key.
#[derive(Default)]
pub(crate) struct Shard {
    slots: HashMap<SlotKey, Slot, BuildHasherDefault<Spread>>,
    packs: Packs,
    /// By [`Slot::Open`]; none while it is taken out, or where nobody stands.
    opened: Vec<Option<Box<Open>>>,
    free: Vec<u32>,
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
    /// What may have to be taken back, and the pass that goes on; none where nothing may have to.
    journal: Journal,
    pass: Option<PassNumber>,
    /// The last pass that will not be taken back.
    kept: PassNumber,
}

#[derive(Clone, Copy)]
enum Slot {
    /// Which of those that are open.
    Open(u32),
    Packed(u32, u16),
}

impl From<Place> for Slot {
    fn from(Place { at, len }: Place) -> Self {
        Self::Packed(at, len)
    }
}

/// An entity as it is asked and added to.
struct Open {
    entity: Entity,
    /// Since it was looked at for packing.
    used: bool,
    /// The last pass before which the journal has what it was.
    noted: PassNumber,
    /// About how many it takes.
    bytes: usize,
}

impl Open {
    /// One of whom nothing is known.
    fn new(plan: &EntityPlan) -> Self {
        Self { entity: Entity::new(plan), used: true, noted: 0, bytes: 0 }
    }
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
const SMALL_BYTES: usize = 1_024;
/// About what a slot takes: tables are two thirds full.
const SLOT_BYTES: usize = size_of::<(SlotKey, Slot)>() * 3 / 2;
/// About how many bytes all entities may take, where the shelf has what leaves the memory.
pub(crate) const BYTES_MAX: usize = 640 << 20;

/// About how many bytes open entities may take, of all kinds together, where packed ones take so many.
pub(crate) fn open_bytes_max(packed: usize) -> usize {
    BYTES_MAX.saturating_sub(packed).clamp(32 << 20, 256 << 20)
}

impl Shard {
    /// Looks at entities that are about to be taken, one after the other without waiting for any: they are in the caches
    /// then.
    pub fn warm(&self, keys: impl Iterator<Item = KeyHash>) {
        let look = |key: KeyHash| match self.slot(key) {
            Some(Slot::Open(open)) => self.opened[open as usize]
                .as_ref()
                .map_or(0, |open| open.entity.series.iter().map(Series::warm).fold(0, i64::wrapping_add)),
            Some(Slot::Packed(at, len)) => self.packs.get(Place { at, len }).last().copied().map_or(0, i64::from),
            None => 0,
        };
        black_box(keys.map(look).fold(0, i64::wrapping_add));
    }

    fn slot(&self, key: KeyHash) -> Option<Slot> {
        self.slots.get(&SlotKey::from(key)).copied()
    }

    /// What is passed from here on may have to be taken back, if that pass has a number.
    pub fn begin(&mut self, pass: Option<PassNumber>) {
        self.pass = pass;
    }

    /// What an entity says as it is; `None` where it is not in memory. It is only looked at, so nothing is noted of it.
    pub fn look<T>(&mut self, plan: &EntityPlan, key: KeyHash, say: impl FnOnce(&Entity) -> T) -> Option<T> {
        let packed = match self.slot(key)? {
            Slot::Open(place) => {
                let open = self.opened[place as usize].as_mut()?;
                open.used = true;
                return Some(say(&open.entity));
            }
            Slot::Packed(at, len) => self.packs.get(Place { at, len }),
        };
        let mut open = self.spare.take().unwrap_or_else(|| Box::new(Open::new(plan)));
        if open.entity.read(plan, packed).is_none() {
            open.entity.clear(plan);
        }
        let said = say(&open.entity);
        if packed.len() > SMALL_BYTES {
            // To unpack it for each look would cost more than its memory.
            self.stay_open(key, open);
        } else {
            self.spare = Some(open);
        }
        Some(said)
    }

    /// Takes an entity out, to be given back; one of whom nothing is known where it is new.
    pub fn take(&mut self, plan: &EntityPlan, key: KeyHash) -> Taken {
        let new = || Box::new(Open::new(plan));
        let slot = self.slot(key);
        if self.pass.is_some() {
            self.note(key, slot);
        }
        let packed = match slot {
            Some(Slot::Open(open)) => {
                let mut open = self.opened[open as usize].take().unwrap_or_else(new);
                if self.pass.is_none() && std::mem::take(&mut open.noted) > 0 {
                    open.entity.begin(None, self.kept);
                }
                return Taken { key, open, stays: true, known: true };
            }
            Some(Slot::Packed(at, len)) => self.packs.get(Place { at, len }),
            None => &[],
        };
        let mut open = self.spare.take().unwrap_or_else(new);
        if open.entity.read(plan, packed).is_none() {
            open.entity.clear(plan);
        }
        // Should it stay open, all that this pass does to it is taken back with what it was, which has been noted.
        open.noted = self.pass.unwrap_or_default();
        Taken { key, open, stays: packed.len() > SMALL_BYTES, known: slot.is_some() }
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
            match self.slots.entry(key.into()) {
                Entry::Occupied(mut slot) => {
                    let place = match *slot.get() {
                        Slot::Packed(at, len) => self.packs.replace(Place { at, len }, &self.packing),
                        Slot::Open(_) => self.packs.put(&self.packing),
                    };
                    *slot.get_mut() = place.into();
                }
                Entry::Vacant(slot) => {
                    slot.insert(self.packs.put(&self.packing).into());
                }
            }
        }
        (open.bytes, open.noted) = (0, 0);
        self.spare = Some(open);
    }

    fn stay_open(&mut self, key: KeyHash, mut open: Box<Open>) {
        let bytes = open.entity.size();
        self.open_bytes = self.open_bytes + bytes - open.bytes;
        (open.bytes, open.used) = (bytes, true);
        let place = match self.slot(key) {
            Some(Slot::Open(place)) => place,
            packed => {
                if let Some(Slot::Packed(at, len)) = packed {
                    self.packs.remove(Place { at, len });
                }
                self.open.push_back(key);
                let place = self.free.pop().unwrap_or(self.opened.len() as u32);
                if place as usize == self.opened.len() {
                    self.opened.push(None);
                }
                self.slots.insert(key.into(), Slot::Open(place));
                place
            }
        };
        self.opened[place as usize] = Some(open);
    }

    /// Packs open ones until they take no more than about `max` bytes, or all have been in use since they were last
    /// looked at.
    pub fn pack(&mut self, max: usize) {
        for _ in 0..self.open.len() {
            if self.open_bytes <= max {
                break;
            }
            let Some(key) = self.open.pop_front() else { break };
            let Some(Slot::Open(place)) = self.slot(key) else { continue };
            let Some(open) = &mut self.opened[place as usize] else { continue };
            if std::mem::take(&mut open.used) || open.noted > self.kept {
                self.open.push_back(key);
            } else {
                let packed = open.entity.pack();
                self.put(key, &packed);
            }
        }
        if self.packs.is_loose() {
            self.tighten();
        }
    }

    /// Moves packed ones together.
    fn tighten(&mut self) {
        let mut tight = Packs::default();
        for slot in self.slots.values_mut() {
            if let Slot::Packed(at, len) = *slot {
                *slot = tight.put(self.packs.get(Place { at, len })).into();
            }
        }
        self.packs = tight;
    }

    /// Keeps an entity as these bytes, whatever is there.
    fn put(&mut self, key: KeyHash, packed: &[u8]) {
        self.remove(key);
        self.slots.insert(key.into(), self.packs.put(packed).into());
    }

    /// About how many bytes all that is known takes.
    pub fn bytes(&self) -> usize {
        self.packs.bytes() + self.open_bytes + self.slots.len() * SLOT_BYTES
    }

    /// Keeps what an entity is before this pass: of one that is open once, before the first change.
    fn note(&mut self, key: KeyHash, slot: Option<Slot>) {
        let Some(pass) = self.pass else { return };
        let before = match slot {
            None => Before::Unknown,
            Some(Slot::Packed(at, len)) => Before::Packed(self.packs.get(Place { at, len })),
            Some(Slot::Open(place)) => {
                let Some(open) = &mut self.opened[place as usize] else { return };
                if open.noted == pass {
                    return;
                }
                open.noted = pass;
                open.entity.begin(Some(pass), self.kept);
                self.packing.clear();
                open.entity.write_seen(&mut Writer::new(&mut self.packing));
                Before::Open(&self.packing)
            }
        };
        self.journal.note(pass, key, !self.unshelved.has_changed(key), before);
    }

    /// What was passed after a pass is as if it had never been.
    pub fn take_back(&mut self, after: PassNumber) {
        let mut journal = std::mem::take(&mut self.journal);
        journal.undo(after, |key, shelved, before| {
            match before {
                Before::Unknown => self.remove(key),
                Before::Packed(packed) => self.put(key, packed),
                Before::Open(seen) => {
                    if let Some(Slot::Open(place)) = self.slot(key)
                        && let Some(mut open) = self.opened[place as usize].take()
                    {
                        open.entity.undo(after, seen);
                        self.stay_open(key, open);
                    }
                }
            }
            if shelved {
                self.unshelved.unchanged(key);
            }
        });
        self.journal = journal;
    }

    /// Nothing that was passed up to this pass will be taken back.
    pub fn keep(&mut self, pass: PassNumber) {
        self.kept = pass;
        self.journal.clear();
    }

    /// How much may have to be taken back.
    #[cfg(test)]
    pub fn noted(&self) -> usize {
        self.journal.len()
    }

    /// Of these keys those that are not in memory.
    pub fn missing(&self, keys: impl Iterator<Item = KeyHash>) -> Vec<KeyHash> {
        keys.filter(|key| self.slot(*key).is_none()).collect()
    }

    /// Whether one is not in memory.
    pub fn lacks_key(&self, key: KeyHash) -> bool {
        self.slot(key).is_none()
    }

    /// Puts here what the shelf has of an entity. What cannot be read is nothing.
    ///
    /// `again`: some of what comes next may be in it already.
    pub fn take_from_shelf(&mut self, key: KeyHash, bytes: &[u8], again: bool) {
        let Some((upto, packed)) = from_shelf(bytes) else { return };
        self.note(key, None);
        self.put(key, packed);
        // It may leave again whether it changes or not.
        self.unshelved.is_there(key);
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
            let packed = self.slot(key).and_then(|slot| self.packed_in(slot));
            shelved.extend(packed.map(|packed| Shelved { of, key, bytes: on_shelf(upto, &packed) }));
        }
        shelved
    }

    /// What is in commits up to this one is on the shelf: beyond about `max` bytes that leaves the memory.
    pub fn committed(&mut self, commit: u64, max: usize) {
        self.unshelved.committed(commit);
        self.unshelved.compact(self.slots.len());
        while self.bytes() > max {
            let Some(key) = self.unshelved.dispensable() else { return };
            self.remove(key);
        }
    }

    fn remove(&mut self, key: KeyHash) {
        match self.slots.remove(&SlotKey::from(key)) {
            None => {}
            Some(Slot::Packed(at, len)) => self.packs.remove(Place { at, len }),
            Some(Slot::Open(place)) => {
                self.free.push(place);
                self.open_bytes -= self.opened[place as usize].take().map_or(0, |open| open.bytes);
            }
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
        self.slot(key).and_then(|slot| self.packed_in(slot)).map(Into::into)
    }

    fn packed_in(&self, slot: Slot) -> Option<Cow<'_, [u8]>> {
        match slot {
            Slot::Open(place) => self.opened[place as usize].as_ref().map(|open| open.entity.pack().into_vec().into()),
            Slot::Packed(at, len) => Some(self.packs.get(Place { at, len }).into()),
        }
    }

    /// About how many bytes packed ones take.
    pub fn packed_bytes(&self) -> usize {
        self.bytes() - self.open_bytes
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Every entity as bytes, by key: what two runs are compared by.
    pub fn packed(&self) -> Vec<(KeyHash, Box<[u8]>)> {
        let slots = self.slots.iter();
        let mut all: Vec<_> =
            slots.map(|(key, slot)| ((*key).into(), self.packed_in(*slot).unwrap_or_default().into())).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_ones_are_moved_together_where_much_room_is_free() {
        let mut shard = Shard::default();
        let bytes = |key: KeyHash, len: usize| vec![key as u8; len];
        for key in 0..4_000 {
            shard.put(key, &bytes(key, 100 + key as usize % 2_000));
        }
        for key in (0..4_000).filter(|key| key % 3 > 0) {
            shard.remove(key);
        }
        assert!(shard.packs.is_loose());
        let taken = shard.packs.bytes();
        shard.pack(usize::MAX);
        assert!(!shard.packs.is_loose());
        assert_eq!((shard.packs.bytes(), shard.len()), (taken, 1_334));
        for (key, packed) in shard.packed() {
            assert_eq!(*packed, bytes(key, 100 + key as usize % 2_000), "{key}");
        }
    }

    #[test]
    fn a_slot_is_small() {
        // There are millions of them.
        assert_eq!(size_of::<(SlotKey, Slot)>(), 24);
    }
}
