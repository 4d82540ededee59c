//! Where the few bytes that mean something stand in a text, looked for in sixty-four bytes at once: they are so close to
//! each other that a search for the next one takes longer to begin than to end.

use wide::u8x16;

/// Bytes looked at together, one bit each.
const BLOCK: usize = 64;

/// The places of wanted bytes in a text, in order.
pub struct Marks<'t> {
    bytes: &'t [u8],
    wanted: [u8x16; 4],
    /// Every byte up to this one is wanted too.
    controls: Option<u8x16>,
    /// First byte of the block at hand.
    block: usize,
    /// Places in it not given yet.
    left: u64,
}

impl<'t> Marks<'t> {
    /// Of these bytes, from `from` on. Zero stands for no byte.
    pub fn of(bytes: &'t [u8], from: usize, wanted: [u8; 4]) -> Self {
        let some = wanted.into_iter().find(|b| *b != 0).unwrap_or(0);
        let wanted = wanted.map(|b| u8x16::splat(if b == 0 { some } else { b }));
        let mut marks = Self { bytes, wanted, controls: None, block: from, left: 0 };
        marks.left = marks.look();
        marks
    }

    /// Of these bytes and of all control characters.
    pub fn with_controls(bytes: &'t [u8], from: usize, wanted: [u8; 4]) -> Self {
        let mut marks = Self::of(bytes, from, wanted);
        marks.controls = Some(u8x16::splat(b' ' - 1));
        marks.left = marks.look();
        marks
    }

    /// The places in the block at hand.
    fn look(&self) -> u64 {
        let rest = self.bytes.get(self.block..).unwrap_or_default();
        if let Some(block) = rest.first_chunk::<BLOCK>() {
            return self.places(block);
        }
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        self.places(&block) & ((1 << rest.len()) - 1)
    }

    #[inline]
    fn places(&self, block: &[u8; BLOCK]) -> u64 {
        let mut places = 0;
        for (i, sixteen) in block.as_chunks::<16>().0.iter().enumerate() {
            let sixteen = u8x16::from(*sixteen);
            let [a, b, c, d] = self.wanted.map(|wanted| sixteen.simd_eq(wanted));
            let mut found = (a | b) | (c | d);
            if let Some(last) = self.controls {
                found |= sixteen.min(last).simd_eq(sixteen);
            }
            places |= u64::from(found.to_bitmask()) << (16 * i);
        }
        places
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            if self.block + BLOCK >= self.bytes.len() {
                return None;
            }
            self.block += BLOCK;
            self.left = self.look();
        }
        let at = self.block + self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(at)
    }
}

/// How many kinds of byte are told apart.
const KINDS: usize = 4;

/// Where bytes of four kinds stand in a text, a bit for each byte: what is asked of the next sixty-four bytes together
/// needs no loop over them.
pub struct Ahead<'t> {
    bytes: &'t [u8],
    wanted: [u8x16; KINDS],
    /// Places in the two blocks that the last look went over.
    blocks: [[u64; KINDS]; 2],
    /// The first of them.
    first: usize,
}

impl<'t> Ahead<'t> {
    /// How far a look goes.
    pub const BYTES: usize = BLOCK;

    /// Of these bytes.
    pub fn of(bytes: &'t [u8], wanted: [u8; KINDS]) -> Self {
        let mut ahead = Self { bytes, wanted: wanted.map(u8x16::splat), blocks: [[0; KINDS]; 2], first: 0 };
        ahead.blocks = [ahead.places(0), ahead.places(1)];
        ahead
    }

    /// The places of each kind in the bytes from `from` on.
    #[inline]
    pub fn look(&mut self, from: usize) -> [u64; KINDS] {
        let block = from / BLOCK;
        if block == self.first + 1 {
            self.blocks = [self.blocks[1], self.places(block + 1)];
            self.first = block;
        } else if block != self.first {
            self.blocks = [self.places(block), self.places(block + 1)];
            self.first = block;
        }
        let [first, second] = &self.blocks;
        let shift = from % BLOCK;
        // In two steps, since all of a block cannot be shifted away in one.
        std::array::from_fn(|kind| first[kind] >> shift | second[kind] << (BLOCK - 1 - shift) << 1)
    }

    #[inline]
    fn places(&self, block: usize) -> [u64; KINDS] {
        let rest = self.bytes.get(block * BLOCK..).unwrap_or_default();
        if let Some(block) = rest.first_chunk::<BLOCK>() {
            return self.places_in(block);
        }
        let mut block = [0; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        self.places_in(&block).map(|places| places & ((1 << rest.len()) - 1))
    }

    #[inline]
    fn places_in(&self, block: &[u8; BLOCK]) -> [u64; KINDS] {
        let mut places = [0; KINDS];
        for (i, sixteen) in block.as_chunks::<16>().0.iter().enumerate() {
            let sixteen = u8x16::from(*sixteen);
            for (places, wanted) in places.iter_mut().zip(self.wanted) {
                *places |= u64::from(sixteen.simd_eq(wanted).to_bitmask()) << (16 * i);
            }
        }
        places
    }
}

/// The places that bits stand for, in order.
#[inline]
pub fn places_of(mut bits: u64) -> impl Iterator<Item = usize> + Clone {
    std::iter::from_fn(move || {
        let at = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(at)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a byte after the other finds them.
        #[test]
        fn every_wanted_byte_is_found(bytes in prop::collection::vec(prop_oneof![0u8..64, any::<u8>()], 0..300), from in 0usize..310) {
            let wanted = [b'+', b':', b'\'', 0];
            let expected = |controls: bool| -> Vec<usize> {
                let is = |b: u8| wanted[..3].contains(&b) || (controls && b < b' ');
                (from..bytes.len()).filter(|at| is(bytes[*at])).collect()
            };
            prop_assert_eq!(Marks::of(&bytes, from, wanted).collect::<Vec<_>>(), expected(false));
            prop_assert_eq!(Marks::with_controls(&bytes, from, wanted).collect::<Vec<_>>(), expected(true));
        }

        /// A look ahead finds what stands there, wherever it begins and however far it jumps.
        #[test]
        fn what_is_ahead_is_found(
            bytes in prop::collection::vec(prop_oneof![0u8..64, any::<u8>()], 0..600),
            steps in prop::collection::vec(0usize..300, 0..20),
        ) {
            let wanted = [b'+', b':', b'\'', b'?'];
            let mut ahead = Ahead::of(&bytes, wanted);
            let mut from = 0;
            for step in steps {
                from += step;
                let rest = bytes.get(from..).unwrap_or_default();
                for (kind, bits) in wanted.into_iter().zip(ahead.look(from)) {
                    let expected = (0..rest.len().min(Ahead::BYTES)).filter(|at| rest[*at] == kind);
                    prop_assert_eq!(places_of(bits).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
                }
            }
        }
    }
}
