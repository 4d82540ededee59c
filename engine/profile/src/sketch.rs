//! What stands for values that are too many to keep: sketches of Apache DataSketches, each with the error it is held to.
//!
//! A sketch is kept as the bytes it serialises to, with the values that came since beside it. So what is in memory and
//! what was read back after a restart are the same thing, and every later answer with it: sketches that differ inside
//! may answer differently though they were given the same values. Nothing can be taken out of a sketch.

use std::fmt::Debug;
use std::sync::Arc;

use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use datasketches::hll::{HllSketch, HllType, HllUnion};
use datasketches::tdigest::TDigestMut;
use haechi_rules::profile::Aggregate;

use crate::bag::{Asked, Bag, entropy};
use crate::cell::Answer;
use crate::codec::{Reader, Writer};
use crate::series::Question;

/// Values that wait beside the bytes until they are put in together.
const WAITING: usize = 64;
/// 2,048 registers: standard error 1.04 / sqrt(2048).
const DISTINCT_LG_K: u8 = 11;
/// Centroids of a digest.
const QUANTILE_K: u16 = 200;
/// Places for frequent values; 192 are kept.
const FREQUENT_PLACES: usize = 256;

/// The error of a number of different values: three standard errors, relative.
pub const DISTINCT_ERROR: f64 = 0.07;
/// The error of a quantile: in rank, by experience.
pub const QUANTILE_ERROR: f64 = 0.02;
/// The error of the count of a frequent value, relative to all values.
pub const FREQUENT_ERROR: f64 = 0.02;

/// A kind of sketch.
pub(crate) trait Kind: Clone + Debug + Sized {
    /// What is put in.
    type Item: Asked;
    fn new() -> Self;
    fn read(bytes: &[u8]) -> Option<Self>;
    fn put(&mut self, item: &Self::Item);
    fn absorb(&mut self, other: &Self);
    fn write(self) -> Vec<u8>;
    fn answer(&mut self, question: &Question) -> Answer;
}

/// A sketch at rest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sketch<T> {
    /// Shared with what it was before, while that may come back.
    packed: Arc<[u8]>,
    waiting: Vec<T>,
    /// Values put in, with those that wait.
    weight: u64,
}

impl<T: Asked> Sketch<T> {
    /// That of values that were kept one by one.
    pub fn of<K: Kind<Item = T>>(values: &Bag<T>) -> Self {
        let (mut sketch, mut weight) = (K::new(), 0);
        for (value, count) in values.iter() {
            weight += u64::from(count);
            (0..count).for_each(|_| sketch.put(value));
        }
        Self { packed: sketch.write().into(), waiting: Vec::new(), weight }
    }

    pub fn add<K: Kind<Item = T>>(&mut self, value: T) {
        self.weight += 1;
        self.waiting.push(value);
        if self.waiting.len() >= WAITING {
            self.put_in::<K>();
        }
    }

    /// Adds all of another.
    pub fn absorb<K: Kind<Item = T>>(&mut self, other: &Self) {
        let mut whole = self.open::<K>(1);
        whole.absorb(&other.open::<K>(1));
        *self = Self { packed: whole.write().into(), waiting: Vec::new(), weight: self.weight + other.weight };
    }

    /// Nothing waits any more.
    pub fn put_in<K: Kind<Item = T>>(&mut self) {
        if !self.waiting.is_empty() {
            self.packed = self.open::<K>(1).write().into();
            self.waiting.clear();
        }
    }

    /// The sketch with what waits, whole steps of it. One that cannot be read, which only a damaged store can bring,
    /// counts as empty.
    pub fn open<K: Kind<Item = T>>(&self, step: usize) -> K {
        let mut sketch = K::read(&self.packed).unwrap_or_else(K::new);
        for value in &self.waiting[..self.waiting(step)] {
            sketch.put(value);
        }
        sketch
    }

    /// How many wait, in whole steps.
    pub fn waiting(&self, step: usize) -> usize {
        self.waiting.len() - self.waiting.len() % step
    }

    /// Values in the bytes.
    pub fn packed_weight(&self) -> u64 {
        self.weight.saturating_sub(self.waiting.len() as u64)
    }

    pub fn write(&self, to: &mut Writer<'_>) {
        to.unsigned(self.weight);
        to.text(&self.packed);
        to.unsigned(self.waiting.len() as u64);
        self.waiting.iter().for_each(|value| value.write(None, to));
    }

    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let weight = from.unsigned()?;
        let packed = from.text()?.into();
        let len = from.length()?;
        let mut waiting = Vec::with_capacity(len);
        for _ in 0..len {
            waiting.push(T::read(None, from)?);
        }
        Some(Self { packed, waiting, weight })
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.packed.len() + self.waiting.capacity() * size_of::<T>()
    }
}

/// How many different values, by hash.
#[derive(Clone, Debug)]
pub(crate) struct Distinct(HllUnion);

impl Distinct {
    pub fn estimate(&self) -> f64 {
        // Does not depend on the order in which values came, or tiles were put together.
        self.0.composite_estimate()
    }
}

impl Kind for Distinct {
    type Item = u64;

    fn new() -> Self {
        // The constant lies within the bounds of the library.
        Self(HllUnion::new(DISTINCT_LG_K).unwrap_or_else(|_| unreachable!("a constant that the library takes")))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut union = Self::new();
        union.0.update(&HllSketch::deserialize(bytes).ok()?);
        Some(union)
    }

    fn put(&mut self, item: &u64) {
        self.0.update_value(*item);
    }

    fn absorb(&mut self, other: &Self) {
        self.0.update(&other.0.to_sketch(HllType::Hll8));
    }

    fn write(self) -> Vec<u8> {
        self.0.to_sketch(HllType::Hll8).serialize()
    }

    fn answer(&mut self, _: &Question) -> Answer {
        Answer::Count(self.estimate().round() as i64)
    }
}

/// Quantiles of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Quantiles(TDigestMut);

impl Quantiles {
    pub fn at(&mut self, share: f64) -> Option<f64> {
        self.0.quantile(share).ok().flatten()
    }
}

impl Kind for Quantiles {
    type Item = i64;

    fn new() -> Self {
        Self(TDigestMut::new(QUANTILE_K).unwrap_or_else(|_| unreachable!("a constant that the library takes")))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        TDigestMut::deserialize(bytes).ok().map(Self)
    }

    fn put(&mut self, item: &i64) {
        self.0.update(crate::exact::unordered(*item));
    }

    fn absorb(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    fn write(mut self) -> Vec<u8> {
        self.0.serialize()
    }

    fn answer(&mut self, question: &Question) -> Answer {
        Answer::number(self.at(question.share))
    }
}

/// Which values are there most often.
#[derive(Clone, Debug)]
pub(crate) struct Frequent(FrequentItemsSketch<String>);

impl Frequent {
    pub fn most(&self) -> Option<String> {
        let rows = self.0.frequent_items(ErrorType::NoFalseNegatives);
        let most = rows.iter().max_by(|a, b| {
            let count = |row: &datasketches::frequencies::Row<String>| row.estimate();
            count(a).cmp(&count(b)).then_with(|| b.item().cmp(a.item()))
        });
        most.map(|row| row.item().clone())
    }

    /// Of the values that are kept, with what is not kept counted as different values.
    pub fn entropy(&self) -> Option<f64> {
        let mut counts: Vec<f64> =
            self.0.frequent_items(ErrorType::NoFalseNegatives).iter().map(|row| row.lower_bound() as f64).collect();
        counts.retain(|count| *count > 0.0);
        // In one order, whatever the sketch has inside.
        counts.sort_by(f64::total_cmp);
        let known: f64 = counts.iter().sum();
        let rest = (self.0.total_weight() as f64 - known).max(0.0);
        entropy(counts.into_iter().chain(std::iter::repeat_n(1.0, rest as usize)))
    }
}

impl Kind for Frequent {
    type Item = Box<str>;

    fn new() -> Self {
        let sketch = FrequentItemsSketch::new(FREQUENT_PLACES);
        Self(sketch.unwrap_or_else(|_| unreachable!("a constant that the library takes")))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        FrequentItemsSketch::deserialize(bytes).ok().map(Self)
    }

    fn put(&mut self, item: &Box<str>) {
        self.0.update(item.to_string());
    }

    fn absorb(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    fn write(self) -> Vec<u8> {
        self.0.serialize()
    }

    fn answer(&mut self, question: &Question) -> Answer {
        if question.aggregate == Aggregate::Entropy {
            return Answer::number(self.entropy());
        }
        self.most().map_or(Answer::Nothing, |value| Answer::Text(value.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::ordered;

    fn mixed(n: u64) -> impl Iterator<Item = u64> {
        (0..n).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31))
    }

    #[test]
    fn numbers_of_different_values_keep_their_error() {
        for n in [300, 5_000, 200_000] {
            let mut sketch = Sketch::of::<Distinct>(&Bag::default());
            mixed(n).for_each(|value| sketch.add::<Distinct>(value));
            let estimate = sketch.open::<Distinct>(1).estimate();
            assert!((estimate / n as f64 - 1.0).abs() < DISTINCT_ERROR, "{estimate} of {n}");
            assert_eq!(sketch.weight, n);
        }
    }

    #[test]
    fn quantiles_keep_their_error() {
        for n in [600u64, 50_000] {
            // Far from even: a few values are a million times the others.
            let values: Vec<f64> = mixed(n).map(|value| (value as f64 / u64::MAX as f64 * 14.0).exp()).collect();
            let mut sketch = Sketch::of::<Quantiles>(&Bag::default());
            for value in &values {
                sketch.add::<Quantiles>(ordered(*value));
            }
            let mut open = sketch.open::<Quantiles>(1);
            for share in [0.01, 0.1, 0.5, 0.9, 0.99] {
                let value = open.at(share).unwrap();
                let rank = values.iter().filter(|v| **v <= value).count() as f64 / n as f64;
                assert!((rank - share).abs() < QUANTILE_ERROR, "{share} of {n}: rank {rank}");
            }
        }
    }

    #[test]
    fn frequent_values_are_found_among_many() {
        let mut sketch = Sketch::of::<Frequent>(&Bag::default());
        for (i, value) in mixed(20_000).enumerate() {
            let text = if i % 5 == 0 { "often".to_owned() } else { format!("v{value}") };
            sketch.add::<Frequent>(text.into());
        }
        let open = sketch.open::<Frequent>(1);
        assert_eq!(open.most().as_deref(), Some("often"));
        let exact = entropy([4_000.0].into_iter().chain(std::iter::repeat_n(1.0, 16_000))).unwrap();
        assert!((open.entropy().unwrap() / exact - 1.0).abs() < 0.05);
    }

    #[test]
    fn read_back_is_the_same_thing() {
        let mut one = Sketch::of::<Quantiles>(&Bag::default());
        let mut other = one.clone();
        for (i, value) in mixed(10_000).enumerate() {
            one.add::<Quantiles>(ordered(value as f64));
            other.add::<Quantiles>(ordered(value as f64));
            if i % 777 == 0 {
                let mut bytes = Vec::new();
                other.write(&mut Writer::new(&mut bytes));
                other = Sketch::read(&mut Reader::new(&bytes)).unwrap();
            }
        }
        assert_eq!(one, other);
    }
}
