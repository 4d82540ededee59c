//! The bytes of an entity at rest: small numbers in few bytes, times as how far they are from the one before.
//!
//! Equal content gives equal bytes. Whatever bytes are read, damaged ones too, nothing is reserved that they do not hold.

const DAY_MS: i64 = 86_400_000;
/// In each of eight bytes the bit that says that more follow.
const MORE: u64 = 0x8080_8080_8080_8080;
/// What eight bytes hold of a number.
const WORD_BITS: u32 = 56;

/// Seven bits of each of eight bytes, put together.
fn gather(bytes: u64) -> u64 {
    let pairs = bytes & 0x007F_007F_007F_007F | (bytes & 0x7F00_7F00_7F00_7F00) >> 1;
    let fours = pairs & 0x0000_3FFF_0000_3FFF | (pairs & 0x3FFF_0000_3FFF_0000) >> 2;
    fours & 0x0FFF_FFFF | (fours & 0x0FFF_FFFF_0000_0000) >> 4
}

/// 56 bits over eight bytes, seven each.
fn spread(bits: u64) -> u64 {
    let fours = bits & 0x0FFF_FFFF | bits << 4 & 0x0FFF_FFFF_0000_0000;
    let pairs = fours & 0x0000_3FFF_0000_3FFF | fours << 2 & 0x3FFF_0000_3FFF_0000;
    pairs & 0x007F_007F_007F_007F | pairs << 1 & 0x7F00_7F00_7F00_7F00
}

/// Appends to bytes.
pub(crate) struct Writer<'w> {
    pub bytes: &'w mut Vec<u8>,
    /// The day that times are near to: the first tile of days written last.
    pub day: i64,
    hashes: Hashes,
}

/// Takes from bytes.
pub(crate) struct Reader<'r> {
    bytes: &'r [u8],
    pub day: i64,
    hashes: Hashes,
}

/// The last few hashes: those of one entity are the same on most days.
#[derive(Default)]
struct Hashes {
    last: [u64; 4],
    next: usize,
}

impl Hashes {
    fn note(&mut self, hash: u64) {
        self.last[self.next] = hash;
        self.next = (self.next + 1) % self.last.len();
    }
}

impl<'w> Writer<'w> {
    pub fn new(bytes: &'w mut Vec<u8>) -> Self {
        Self { bytes, day: 0, hashes: Hashes::default() }
    }

    /// Seven bits a byte, the lowest first.
    pub fn unsigned(&mut self, mut value: u64) {
        if value < 0x80 {
            return self.bytes.push(value as u8);
        }
        if value < 1 << WORD_BITS {
            return self.word(value, (u64::BITS - value.leading_zeros()).div_ceil(7) as usize);
        }
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// So many bytes, eight at most, at once.
    fn word(&mut self, value: u64, size: usize) {
        let more = MORE & !(!0 << (8 * size - 8));
        let end = self.bytes.len() + size;
        self.bytes.extend_from_slice(&(spread(value) | more).to_le_bytes());
        self.bytes.truncate(end);
    }

    /// Small whatever the sign.
    pub fn signed(&mut self, value: i64) {
        self.unsigned((value << 1 ^ value >> 63) as u64);
    }

    pub fn wide(&mut self, value: i128) {
        let mut value = (value << 1 ^ value >> 127) as u128;
        while value > u128::from(u64::MAX) {
            self.bytes.extend_from_slice(&(spread(value as u64) | MORE).to_le_bytes());
            value >>= WORD_BITS;
        }
        self.unsigned(value as u64);
    }

    /// Eight bytes, for what is never small.
    pub fn fixed(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A hash, which may be one of the last few: one byte then.
    pub fn hash(&mut self, hash: u64) {
        let place = self.hashes.last.iter().position(|known| *known == hash);
        self.unsigned(place.map_or(0, |place| place as u64 + 1));
        if place.is_none() {
            self.hashes.note(hash);
            self.fixed(hash);
        }
    }

    pub fn text(&mut self, text: &[u8]) {
        self.unsigned(text.len() as u64);
        self.bytes.extend_from_slice(text);
    }

    /// The beginning of the day that times are near to.
    pub fn day_ms(&self) -> i64 {
        self.day.wrapping_mul(DAY_MS)
    }
}

impl<'r> Reader<'r> {
    pub fn new(bytes: &'r [u8]) -> Self {
        Self { bytes, day: 0, hashes: Hashes::default() }
    }

    pub fn unsigned(&mut self) -> Option<u64> {
        u64::try_from(self.varint()?).ok()
    }

    pub fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    pub fn wide(&mut self) -> Option<i128> {
        let value = self.varint()?;
        Some((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    fn varint(&mut self) -> Option<u128> {
        let (first, rest) = self.bytes.split_first()?;
        if *first < 0x80 {
            self.bytes = rest;
            return Some(u128::from(*first));
        }
        if let Some(chunk) = self.bytes.first_chunk::<8>() {
            let word = u64::from_le_bytes(*chunk);
            let ends = !word & MORE;
            if ends != 0 {
                self.bytes = &self.bytes[1 + ends.trailing_zeros() as usize / 8..];
                // Everything up to the first end.
                return Some(u128::from(gather(word & (ends ^ (ends - 1)))));
            }
            if let Some(chunk) = self.bytes[8..].first_chunk::<8>() {
                let high = u64::from_le_bytes(*chunk);
                let ends = !high & MORE;
                if ends != 0 {
                    self.bytes = &self.bytes[9 + ends.trailing_zeros() as usize / 8..];
                    let high = gather(high & (ends ^ (ends - 1)));
                    return Some(u128::from(high) << WORD_BITS | u128::from(gather(word)));
                }
            }
        }
        // At the end of the bytes, or very long. Up to nine bytes fit a word.
        let mut low = 0u64;
        for (place, byte) in self.bytes.iter().take(9).enumerate() {
            low |= u64::from(byte & 0x7F) << (7 * place);
            if *byte < 0x80 {
                self.bytes = &self.bytes[place + 1..];
                return Some(u128::from(low));
            }
        }
        let mut value = u128::from(low);
        for (place, byte) in self.bytes.iter().enumerate().take(19).skip(9) {
            value |= u128::from(byte & 0x7F).checked_shl(7 * place as u32)?;
            if *byte < 0x80 {
                self.bytes = &self.bytes[place + 1..];
                return Some(value);
            }
        }
        None
    }

    pub fn fixed(&mut self) -> Option<u64> {
        let (value, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(u64::from_le_bytes(*value))
    }

    pub fn hash(&mut self) -> Option<u64> {
        if let Some(place) = self.unsigned()?.checked_sub(1) {
            return self.hashes.last.get(usize::try_from(place).ok()?).copied();
        }
        let hash = self.fixed()?;
        self.hashes.note(hash);
        Some(hash)
    }

    pub fn take(&mut self, length: usize) -> Option<&'r [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    pub fn text(&mut self) -> Option<&'r [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// How many follow; each takes a byte at least.
    pub fn length(&mut self) -> Option<usize> {
        let length = self.unsigned()?;
        self.fits(length)
    }

    /// So many, if there can be as many: each takes a byte at least.
    pub fn fits(&self, length: u64) -> Option<usize> {
        usize::try_from(length).ok().filter(|length| *length <= self.bytes.len())
    }

    pub fn day_ms(&self) -> i64 {
        self.day.wrapping_mul(DAY_MS)
    }

    pub fn is_done(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(small in 0u64..300, any in any::<u64>(), signed in any::<i64>(), wide in any::<i128>(),
            shift in 0u32..128, hashes in prop::collection::vec(0u64..7, 0..20), text in ".{0,9}") {
            let mut bytes = Vec::new();
            let mut to = Writer::new(&mut bytes);
            to.unsigned(small);
            to.unsigned(any);
            to.signed(signed);
            to.wide(wide >> shift);
            to.fixed(any);
            for hash in &hashes {
                to.hash(*hash);
            }
            to.text(text.as_bytes());
            let mut from = Reader::new(&bytes);
            prop_assert_eq!((from.unsigned(), from.unsigned(), from.signed()), (Some(small), Some(any), Some(signed)));
            prop_assert_eq!((from.wide(), from.fixed()), (Some(wide >> shift), Some(any)));
            for hash in hashes {
                prop_assert_eq!(from.hash(), Some(hash));
            }
            prop_assert_eq!(from.text(), Some(text.as_bytes()));
            prop_assert!(from.is_done());
        }

        #[test]
        fn numbers_have_seven_bits_a_byte(any in any::<u128>(), shift in 0u32..128, behind in 0usize..20) {
            let signed = (any >> shift) as i128;
            let mut expected = Vec::new();
            let mut rest = (signed << 1 ^ signed >> 127) as u128;
            while rest >= 0x80 {
                expected.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            expected.push(rest as u8);
            let mut bytes = Vec::new();
            Writer::new(&mut bytes).wide(signed);
            prop_assert_eq!(&bytes, &expected);
            // Whatever stands behind it.
            bytes.resize(bytes.len() + behind, 0xFF);
            let mut from = Reader::new(&bytes);
            prop_assert_eq!((from.wide(), from.bytes.len()), (Some(signed), behind));
        }

        #[test]
        fn damaged_bytes_are_refused_and_no_more(bytes in prop::collection::vec(any::<u8>(), 0..30)) {
            let mut from = Reader::new(&bytes);
            while from.wide().is_some() && from.hash().is_some() && from.length().is_some() && from.text().is_some() {}
        }
    }
}
