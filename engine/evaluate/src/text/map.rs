//! Texts and the numbers that belong to each, in three pieces of memory whatever their count: a lookup waits for the
//! line of its slot and, where a text has several numbers, for theirs. With a map of boxed texts to lists it would be
//! four, and a row that comes alone asks for twenty.

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};

/// Slots for each text, in quarters: a third stays empty, so that a search ends soon.
const SLOTS_QUARTERS: usize = 6;

/// Texts that were collected, and their numbers in the order they came.
pub(super) type Collected = FxHashMap<Box<str>, Vec<u32>>;

/// Numbers by text.
#[derive(Debug, Default)]
pub(super) struct TextMap {
    /// By the last bits of a hash, or the next free place; a power of two, or none.
    slots: Vec<Slot>,
    /// Texts longer than a word, one after the other.
    long: String,
    /// Where a text has more than one number.
    several: Vec<u32>,
}

/// Twenty-four bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// The text, if it fits; else its hash.
    word: u64,
    len: u32,
    /// Where a long text begins.
    start: u32,
    /// The number, or where the numbers begin.
    first: u32,
    /// Zero in an empty slot.
    count: u32,
}

impl TextMap {
    pub fn new(collected: Collected) -> Self {
        let mut map = Self::default();
        if collected.is_empty() {
            return map;
        }
        map.slots = vec![Slot::default(); (collected.len() * SLOTS_QUARTERS / 4 + 1).next_power_of_two()];
        for (text, numbers) in collected {
            let [first, ..] = *numbers else { continue };
            let (word, len) = (word(&text), text.len() as u32);
            let mut slot = Slot { word, len, start: map.long.len() as u32, first, count: numbers.len() as u32 };
            if text.len() > size_of::<u64>() {
                map.long.push_str(&text);
            }
            if numbers.len() > 1 {
                slot.first = map.several.len() as u32;
                map.several.extend(numbers);
            }
            let at = map.find(|other| other.count == 0, word, len);
            map.slots[at] = slot;
        }
        map
    }

    /// The numbers of a text.
    pub fn get(&self, text: &str) -> Option<&[u32]> {
        if self.slots.is_empty() {
            return None;
        }
        let (word, len) = (word(text), text.len() as u32);
        let same = |slot: &Slot| {
            slot.word == word && slot.len == len && (text.len() <= size_of::<u64>() || self.long(slot) == text)
        };
        let slot = &self.slots[self.find(|slot| slot.count == 0 || same(slot), word, len)];
        match slot.count {
            0 => None,
            1 => Some(std::slice::from_ref(&slot.first)),
            count => Some(&self.several[slot.first as usize..(slot.first + count) as usize]),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The first slot, from where a text belongs, that is the right one. A third is empty, so some slot is.
    fn find(&self, right: impl Fn(&Slot) -> bool, word: u64, len: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = spread(word, len, self.slots.len());
        while !right(&self.slots[at]) {
            at = (at + 1) & mask;
        }
        at
    }

    fn long(&self, slot: &Slot) -> &str {
        &self.long[slot.start as usize..(slot.start + slot.len) as usize]
    }
}

/// A text of up to eight bytes as a number; of a longer one its hash. With the length beside it, no two short texts
/// are the same.
fn word(text: &str) -> u64 {
    let bytes = text.as_bytes();
    // Of a known length, the first and the last four bytes say it all, and are read without a loop.
    match (bytes, bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        ([], ..) => 0,
        (_, Some(first), Some(last)) if bytes.len() <= size_of::<u64>() => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        (_, Some(_), _) => {
            let mut hasher = FxHasher::default();
            hasher.write(bytes);
            hasher.finish()
        }
        ([first, ..], ..) => {
            let (middle, last) = (bytes[bytes.len() / 2], bytes[bytes.len() - 1]);
            u64::from(*first) << 16 | u64::from(middle) << 8 | u64::from(last)
        }
    }
}

/// Its place among so many slots, two at least: the highest bits of a product, which alone depend on all bits.
fn spread(word: u64, len: u32, slots: usize) -> usize {
    ((word ^ u64::from(len)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - slots.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_as_in_a_map() {
        let texts =
            ["", "a", "a\0", "ab", "12345678", "123456789", "1234567890", "총", "총총총", "I0003875", "I0003876"];
        for n in 0..=texts.len() {
            let collected: Collected =
                texts[..n].iter().enumerate().map(|(i, text)| ((*text).into(), (0..=i as u32 % 3).collect())).collect();
            let map = TextMap::new(collected.clone());
            assert_eq!(map.is_empty(), n == 0);
            for text in texts.iter().chain(&["b", "\0", "1234567", "123456780", "a\0\0"]) {
                assert_eq!(map.get(text), collected.get(*text).map(Vec::as_slice), "{text:?} of {n}");
            }
        }
    }

    #[test]
    fn short_texts_of_one_length_are_told_apart() {
        for len in 0..=8 {
            let texts: Vec<String> = (0..len)
                .flat_map(|at| ['x', 'y'].map(|c| (0..len).map(|i| if i == at { c } else { 'a' }).collect()))
                .collect();
            for (i, text) in texts.iter().enumerate() {
                assert!(texts[..i].iter().all(|other| word(other) != word(text)), "{text}");
            }
        }
    }

    /// What customs data is full of: numbers of one length that count up.
    #[test]
    fn keys_that_look_alike_lie_near_their_places() {
        let families: [Vec<String>; 4] = [
            (0..20_000).map(|n| format!("I{:07}", n * 50)).collect(),
            (0..8_000).map(|n| format!("{:08}", n * 1_000)).collect(),
            (0..13_000).map(|n| format!("{}{:02}{:02}", 1990 + n / 372, n / 31 % 12 + 1, n % 31 + 1)).collect(),
            (0..676u32)
                .map(|n| format!("BK{}{}DEFF", (b'A' + (n / 26) as u8) as char, (b'A' + (n % 26) as u8) as char))
                .collect(),
        ];
        for texts in families {
            let map = TextMap::new(texts.iter().map(|text| (text.as_str().into(), vec![0])).collect());
            let mask = map.slots.len() - 1;
            let steps = |text: &String| {
                let (word, len) = (word(text), text.len() as u32);
                let at = map.find(|slot| slot.word == word && slot.len == len, word, len);
                at.wrapping_sub(spread(word, len, map.slots.len())) & mask
            };
            let all: usize = texts.iter().map(steps).sum();
            assert!(all < 2 * texts.len(), "{}: {all} steps", texts[1]);
        }
    }

    #[test]
    fn many_texts_are_found() {
        let text = |n: u32| if n.is_multiple_of(2) { format!("{n}") } else { format!("a rather long text {n}") };
        let map = TextMap::new((0..40_000).map(|n| (text(n).into(), vec![n])).collect());
        assert!((0..40_000).all(|n| map.get(&text(n)) == Some(&[n])));
        assert!((40_000..80_000).all(|n| map.get(&text(n)).is_none()));
    }
}
