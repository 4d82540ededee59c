//! The bytes of packed entities, side by side.
//!
//! There are millions, of about a hundred bytes each: an allocation for each would cost more memory, a pointer and a
//! length in each slot, and the time to find room for it.

/// Bytes by place.
pub(crate) struct Packs {
    chunks: Vec<Box<[u8]>>,
    /// Units taken of the last chunk.
    taken: usize,
    /// By units less one: room of that many that is free again.
    free: [Vec<u32>; UNITS_MAX],
    free_units: usize,
    /// Those that are too large for a chunk.
    large: Vec<Box<[u8]>>,
    free_large: Vec<u32>,
    large_bytes: usize,
}

impl Default for Packs {
    fn default() -> Self {
        let free = std::array::from_fn(|_| Vec::new());
        let (chunks, large, free_large) = (Vec::new(), Vec::new(), Vec::new());
        Self { chunks, taken: 0, free, free_units: 0, large, free_large, large_bytes: 0 }
    }
}

/// Where some bytes are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Chunk and unit in it, or which of the large ones.
    pub at: u32,
    /// How many; [`Place::LARGE`] where that is known elsewhere.
    pub len: u16,
}

impl Place {
    const LARGE: u16 = u16::MAX;
}

/// Room is given out in units of so many bytes.
const UNIT: usize = 8;
/// The most units in one piece: what is packed whenever nobody asks takes no more.
const UNITS_MAX: usize = 128;
/// Units of a chunk.
const CHUNK: usize = 4_096;

fn units(len: usize) -> usize {
    len.div_ceil(UNIT).max(1)
}

fn whole(at: u32) -> (usize, usize) {
    let at = at as usize;
    (at / CHUNK, at % CHUNK * UNIT)
}

impl Packs {
    /// The bytes at a place.
    pub fn get(&self, place: Place) -> &[u8] {
        if place.len == Place::LARGE {
            return &self.large[place.at as usize];
        }
        let (chunk, from) = whole(place.at);
        &self.chunks[chunk][from..from + usize::from(place.len)]
    }

    /// Keeps bytes.
    pub fn put(&mut self, bytes: &[u8]) -> Place {
        if bytes.len() > UNITS_MAX * UNIT {
            self.large_bytes += bytes.len();
            if let Some(at) = self.free_large.pop() {
                self.large[at as usize] = bytes.into();
                return Place { at, len: Place::LARGE };
            }
            self.large.push(bytes.into());
            return Place { at: self.large.len() as u32 - 1, len: Place::LARGE };
        }
        let place = Place { at: self.room(units(bytes.len())), len: bytes.len() as u16 };
        let (chunk, from) = whole(place.at);
        self.chunks[chunk][from..from + bytes.len()].copy_from_slice(bytes);
        place
    }

    /// Keeps bytes in place of others, where they stand if they fit.
    pub fn replace(&mut self, place: Place, bytes: &[u8]) -> Place {
        let fits = place.len != Place::LARGE
            && bytes.len() <= UNITS_MAX * UNIT
            && units(bytes.len()) == units(place.len.into());
        if !fits {
            self.remove(place);
            return self.put(bytes);
        }
        let (chunk, from) = whole(place.at);
        self.chunks[chunk][from..from + bytes.len()].copy_from_slice(bytes);
        Place { at: place.at, len: bytes.len() as u16 }
    }

    /// Lets bytes go.
    pub fn remove(&mut self, place: Place) {
        if place.len == Place::LARGE {
            self.large_bytes -= std::mem::take(&mut self.large[place.at as usize]).len();
            return self.free_large.push(place.at);
        }
        let units = units(place.len.into());
        self.free[units - 1].push(place.at);
        self.free_units += units;
    }

    /// Room of so many units.
    fn room(&mut self, units: usize) -> u32 {
        // Of what is larger the rest stays free. Entities grow, and new ones come, so that small room is wanted again.
        for larger in units..=UNITS_MAX {
            let Some(at) = self.free[larger - 1].pop() else { continue };
            self.free_units -= units;
            if larger > units {
                self.free[larger - units - 1].push(at + units as u32);
            }
            return at;
        }
        if self.chunks.is_empty() || self.taken + units > CHUNK {
            let rest = CHUNK - self.taken;
            if !self.chunks.is_empty() && rest > 0 {
                self.free[rest - 1].push(self.place_in_last());
                self.free_units += rest;
            }
            self.chunks.push(vec![0; CHUNK * UNIT].into());
            self.taken = 0;
        }
        let at = self.place_in_last();
        self.taken += units;
        at
    }

    fn place_in_last(&self) -> u32 {
        ((self.chunks.len() - 1) * CHUNK + self.taken) as u32
    }

    /// Bytes that are kept.
    pub fn bytes(&self) -> usize {
        let chunks = self.chunks.len().saturating_sub(1) * CHUNK + self.taken;
        (chunks - self.free_units) * UNIT + self.large_bytes
    }

    /// Whether so much room is free that moving all together is worth it: pieces that others left are seldom of the size
    /// that is wanted next, as entities grow.
    pub fn is_loose(&self) -> bool {
        self.free_units * UNIT > (self.bytes() / 8).max(CHUNK * UNIT)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_stay_what_they_were(changes in prop::collection::vec((0usize..40, 0usize..400), 0..600)) {
            let mut packs = Packs::default();
            let mut kept: Vec<Option<(Place, Vec<u8>)>> = vec![None; 40];
            for (i, (which, len)) in changes.into_iter().enumerate() {
                let bytes = vec![i as u8; len];
                kept[which] = match kept[which].take() {
                    None => Some((packs.put(&bytes), bytes)),
                    Some((place, _)) if len % 5 == 0 => {
                        packs.remove(place);
                        None
                    }
                    Some((place, _)) => Some((packs.replace(place, &bytes), bytes)),
                };
            }
            for (place, bytes) in kept.iter().flatten() {
                prop_assert_eq!(packs.get(*place), bytes.as_slice());
            }
            let room = |(_, bytes): &(Place, Vec<u8>)| {
                if bytes.len() > UNITS_MAX * UNIT { bytes.len() } else { units(bytes.len()) * UNIT }
            };
            prop_assert_eq!(packs.bytes(), kept.iter().flatten().map(room).sum::<usize>());
        }
    }

    #[test]
    fn room_that_is_free_is_used_again() {
        let mut packs = Packs::default();
        let places: Vec<Place> = (0..20_000).map(|i| packs.put(&vec![0; 40 + i % 100])).collect();
        let chunks = packs.chunks.len();
        for place in &places {
            packs.remove(*place);
        }
        assert_eq!(packs.bytes(), 0);
        for i in 0..20_000 {
            packs.put(&vec![0; 40 + i % 100]);
        }
        assert_eq!(packs.chunks.len(), chunks);
    }
}
