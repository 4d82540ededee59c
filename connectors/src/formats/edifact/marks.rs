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
    }
}
