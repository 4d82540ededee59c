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

impl<'t> Marks<'t> {
    /// The block that comes next and its first byte, once all places before it were given; not one that is cut short.
    #[inline]
    pub fn next_block(&self) -> Option<(&'t [u8; BLOCK], usize)> {
        let from = self.block + BLOCK;
        let block = self.bytes.get(from..).filter(|_| self.left == 0)?.first_chunk()?;
        Some((block, from))
    }

    /// Gives no place in that block.
    #[inline]
    pub fn skip_block(&mut self) {
        self.block += BLOCK;
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

/// Whether a segment that begins with this byte is none of the envelope, and nothing is before its tag.
#[inline]
pub fn is_plain_start(byte: u8) -> bool {
    byte.is_ascii_uppercase() && byte != b'U'
}

/// Looks through blocks for what needs no look at each segment: segments of no envelope, right behind each other or each
/// in a line, without other control characters.
pub struct PlainSegments {
    terminator: u8x16,
    release: u8x16,
}

impl PlainSegments {
    /// Ended and released by these bytes; without a release character it is zero.
    pub fn of(terminator: u8, release: u8) -> Self {
        Self { terminator: u8x16::splat(terminator), release: u8x16::splat(release) }
    }

    /// Where the last segment begins of those up to the end of this block, which stands at `from`, or right behind it.
    /// The first of them begins at `segment`: there, or before, and then it is plain. `None` where the block has more
    /// than plain segments.
    #[inline]
    pub fn last_start(&self, block: &[u8; BLOCK], from: usize, segment: usize) -> Option<usize> {
        let [control, a, z, u, lf, cr] = [b' ' - 1, b'A', b'Z', b'U', b'\n', b'\r'].map(u8x16::splat);
        let (mut ends, mut plain_starts, mut controls, mut line_ends, mut releases) = (0, 0, 0, 0, 0);
        for (i, sixteen) in block.as_chunks::<16>().0.iter().enumerate() {
            let sixteen = u8x16::from(*sixteen);
            let places = |found: u8x16| u64::from(found.to_bitmask()) << (16 * i);
            let capital = sixteen.max(a).simd_eq(sixteen) & sixteen.min(z).simd_eq(sixteen);
            ends |= places(sixteen.simd_eq(self.terminator));
            plain_starts |= places(capital & !sixteen.simd_eq(u));
            controls |= places(sixteen.min(control).simd_eq(sixteen));
            line_ends |= places(sixteen.simd_eq(lf) | sixteen.simd_eq(cr));
            releases |= places(sixteen.simd_eq(self.release));
        }
        // What releases one that releases, or one in the next block, is for a look at each.
        let released = releases << 1;
        let odd_releases = (releases & released) | (releases & 1 << (BLOCK - 1));
        ends &= !released;
        // A start more than there are bytes: behind a terminator at the end.
        let mut starts = u128::from(ends) << 1 | u128::from(segment == from);
        let mut between = 0;
        // A line ends in one character or two.
        for _ in 0..2 {
            let before = starts & u128::from(line_ends);
            between |= before as u64;
            starts = (starts ^ before) | before << 1;
        }
        let plain = (controls ^ between) | odd_releases | (starts as u64 & !plain_starts) == 0;
        plain.then(|| starts.checked_ilog2().map_or(segment, |last| from + last as usize))
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

        /// A block is plain where each byte is.
        #[test]
        fn plain_segments_are_told_from_others(
            text in "[A-TV-Z]{0,9}('(|\n|\r\n|\r|\n\n)([A-TV-Z+]|\\?['?+]){3,20}){3,20}",
            at in 0usize..64,
            byte in prop_oneof![Just(b'\n'), Just(b'?'), Just(b'\''), Just(b'U'), any::<u8>()],
            at_start: bool,
        ) {
            let mut text = text.into_bytes();
            text.resize(64, b'A');
            for _ in 0..2 {
                let block: &[u8; BLOCK] = text.first_chunk().unwrap();
                let (mut begins, mut lines, mut last, mut plain) = (at_start, 0, if at_start { 100 } else { 7 }, block[63] != b'?');
                let mut released = false;
                for (at, b) in block.iter().copied().enumerate() {
                    let line_end = begins && lines < 2 && matches!(b, b'\n' | b'\r');
                    plain &= line_end || (b >= b' ' && !(released && b == b'?') && (!begins || is_plain_start(b)));
                    (begins, lines) = if line_end { (true, lines + 1) } else { (b == b'\'' && !released, 0) };
                    released = b == b'?';
                    last = if begins { 100 + at + 1 } else { last };
                }
                let segment = if at_start { 100 } else { 7 };
                prop_assert_eq!(PlainSegments::of(b'\'', b'?').last_start(block, 100, segment), plain.then_some(last));
                text[at] = byte;
            }
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
