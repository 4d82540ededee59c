//! Strings of a column under construction, one behind the other, and those of a dictionary, each once.

use std::hash::{BuildHasher, Hasher};

use arrow::array::StringArray;
use arrow::buffer::{Buffer as Bytes, NullBuffer, OffsetBuffer, ScalarBuffer};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;

use super::buffer::{ROOM_BYTES_MAX, Refusal, more, taken};

const BYTES: &str = "2 GiB of text";

/// Strings one behind the other.
#[derive(Debug)]
pub(super) struct Texts {
    bytes: String,
    /// Where each begins, and where the last ends.
    offsets: Vec<i32>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: String::new(), offsets: vec![0] }
    }
}

impl Texts {
    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    #[inline]
    pub(super) fn push(&mut self, text: &str) -> Result<(), Refusal> {
        let Ok(end) = i32::try_from(self.bytes.len() + text.len()) else { return Err(Refusal::Full(BYTES)) };
        self.bytes.push_str(text);
        self.offsets.push(end);
        Ok(())
    }

    pub(super) fn push_empty(&mut self, n: usize) {
        let end = self.offsets[self.len()];
        more(&mut self.offsets, end, n);
    }

    pub(super) fn append(&mut self, other: &Self, n: usize) {
        self.bytes.reserve(n * other.bytes.len());
        self.offsets.reserve(n * other.len());
        for _ in 0..n {
            let before = self.bytes.len() as i32;
            self.bytes.push_str(&other.bytes);
            self.offsets.extend(other.offsets[1..].iter().map(|end| before + end));
        }
    }

    #[inline]
    pub(super) fn get(&self, i: usize) -> &[u8] {
        &self.bytes.as_bytes()[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }

    pub(super) fn truncate(&mut self, n: usize) {
        if n < self.len() {
            self.bytes.truncate(self.offsets[n] as usize);
            self.offsets.truncate(n + 1);
        }
    }

    pub(super) fn finish(&mut self, nulls: Option<NullBuffer>) -> StringArray {
        let Self { bytes, offsets } = self;
        let room = Some(bytes.len()).filter(|n| *n <= ROOM_BYTES_MAX);
        let bytes = std::mem::replace(bytes, String::with_capacity(room.unwrap_or(0))).into_bytes();
        let ends = taken(offsets);
        offsets.push(0);
        StringArray::new(OffsetBuffer::new(ScalarBuffer::from(ends)), Bytes::from_vec(bytes), nulls)
    }
}

/// Distinct strings, numbered in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Interner {
    values: Texts,
    /// Their numbers, each behind its hash: a look does not go to the texts of others, nor does the table when it grows.
    by_text: HashTable<(u32, u32)>,
    /// The number given last: what rows behind one another share is not looked up again.
    last: u32,
}

impl Interner {
    #[inline]
    pub(super) fn intern(&mut self, text: &str) -> Result<u32, Refusal> {
        let last = self.last as usize;
        if last < self.values.len() && same(self.values.get(last), text.as_bytes()) {
            return Ok(self.last);
        }
        self.last = self.look_up(text)?;
        Ok(self.last)
    }

    fn look_up(&mut self, text: &str) -> Result<u32, Refusal> {
        let hash = hash(text.as_bytes());
        let values = &self.values;
        let same = |(other, i): &(u32, u32)| *other == hash && same(values.get(*i as usize), text.as_bytes());
        match self.by_text.entry(spread(hash), same, |(hash, _)| spread(*hash)) {
            Entry::Occupied(found) => Ok(found.get().1),
            Entry::Vacant(place) => {
                let next = self.values.len() as u32;
                self.values.push(text)?;
                place.insert((hash, next));
                Ok(next)
            }
        }
    }

    pub(super) fn finish(&mut self) -> StringArray {
        self.by_text.clear();
        self.values.finish(None)
    }
}

/// Whether two texts are the same. They are short: without the call that compares long ones.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    fn ends<const N: usize>(a: &[u8], b: &[u8]) -> bool {
        a.first_chunk::<N>() == b.first_chunk() && a.last_chunk::<N>() == b.last_chunk()
    }
    a.len() == b.len()
        && match a.len() {
            0 => true,
            1..4 => a[0] == b[0] && a[a.len() / 2] == b[a.len() / 2] && a[a.len() - 1] == b[a.len() - 1],
            4..8 => ends::<4>(a, b),
            8..=16 => ends::<8>(a, b),
            _ => a == b,
        }
}

fn hash(text: &[u8]) -> u32 {
    let mut hasher = FxBuildHasher.build_hasher();
    hasher.write(text);
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}

/// The table takes the place of a value from the lower bits of its hash and tells those beside it by the upper ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
