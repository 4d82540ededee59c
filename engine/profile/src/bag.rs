//! Values and how often each is there: what can be counted exactly and taken out again.

use std::fmt::Debug;

use haechi_rules::profile::Aggregate;

use crate::cell::{Answer, Cell, Fact};
use crate::codec::{Reader, Writer};
use crate::exact::{ordered, unordered};
use crate::series::Question;

/// What can be in a bag.
pub(crate) trait Value: Ord + Clone + Debug {
    /// What a record brings, as a value.
    fn of(fact: Fact<'_>) -> Option<Self>;
    /// `before` is the next smaller value of the bag.
    fn write(&self, before: Option<&Self>, to: &mut Writer<'_>);
    fn read(before: Option<&Self>, from: &mut Reader<'_>) -> Option<Self>;
}

/// A multiset, sorted by value.
#[derive(Clone, Debug)]
pub(crate) enum Bag<K> {
    /// Most tiles hold one value, and there are millions of them.
    One((K, u32)),
    Many(Vec<(K, u32)>),
}

impl<K> Default for Bag<K> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// Room for so many more is no reason to move the others.
const FIRST_ROOM: usize = 4;

impl<K: Ord + Clone> Bag<K> {
    fn entries(&self) -> &[(K, u32)] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(all) => all,
        }
    }

    pub fn add(&mut self, value: K, count: u32) {
        match self {
            Self::One((known, n)) if *known == value => *n += count,
            Self::Many(all) if all.is_empty() && all.capacity() == 0 => *self = Self::One((value, count)),
            _ => add_to(self.many(), value, count),
        }
    }

    /// The entries, where they may be more than one.
    fn many(&mut self) -> &mut Vec<(K, u32)> {
        if let Self::One(_) = self {
            let Self::One(one) = std::mem::take(self) else { unreachable!("it was one above") };
            let mut all = Vec::with_capacity(FIRST_ROOM);
            all.push(one);
            *self = Self::Many(all);
        }
        match self {
            Self::Many(all) => all,
            Self::One(_) => unreachable!("made many above"),
        }
    }

    /// Takes out as many as there are, `count` at most.
    pub fn remove(&mut self, value: &K, count: u32) {
        match self {
            Self::One((known, n)) if known == value => {
                *n = n.saturating_sub(count);
                if *n == 0 {
                    *self = Self::default();
                }
            }
            Self::One(_) => {}
            Self::Many(all) => {
                if let Ok(at) = all.binary_search_by(|(known, _)| known.cmp(value)) {
                    all[at].1 = all[at].1.saturating_sub(count);
                    if all[at].1 == 0 {
                        all.remove(at);
                    }
                }
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        let (mine, theirs) = (self.len(), other.entries());
        if mine == 0 {
            self.clone_from(other);
            return;
        }
        if theirs.len() * 8 < mine || theirs.len() < FIRST_ROOM {
            for (value, count) in theirs {
                self.add(value.clone(), *count);
            }
            return;
        }
        let all = self.many();
        let mine = std::mem::replace(all, Vec::with_capacity(mine + theirs.len()));
        let (mut mine, mut theirs) = (mine.into_iter().peekable(), theirs.iter().peekable());
        loop {
            match (mine.peek(), theirs.peek()) {
                (Some((left, _)), Some((right, more))) => match left.cmp(right) {
                    std::cmp::Ordering::Less => all.extend(mine.next()),
                    std::cmp::Ordering::Greater => all.extend(theirs.next().cloned()),
                    std::cmp::Ordering::Equal => {
                        let more = *more;
                        all.extend(mine.next().map(|(value, count)| (value, count + more)));
                        theirs.next();
                    }
                },
                (Some(_), None) => all.extend(mine.next()),
                (None, Some(_)) => all.extend(theirs.next().cloned()),
                (None, None) => return,
            }
        }
    }

    pub fn unmerge(&mut self, other: &Self) {
        other.entries().iter().for_each(|(value, count)| self.remove(value, *count));
    }

    /// Drops all but the first and the last `n` different values.
    pub fn keep_ends(&mut self, n: usize) {
        if let Self::Many(all) = self
            && all.len() > 2 * n
        {
            all.drain(n..all.len() - n);
        }
    }

    /// Different values.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.entries().iter().map(|(value, count)| (value, *count))
    }

    pub fn first(&self) -> Option<&K> {
        self.entries().first().map(|(value, _)| value)
    }

    pub fn last(&self) -> Option<&K> {
        self.entries().last().map(|(value, _)| value)
    }

    /// All values, each as often as it is there.
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| u64::from(count)).sum()
    }

    /// The least value that this share of all do not exceed.
    pub fn quantile(&self, share: f64) -> Option<&K> {
        let rank = ((share * self.total() as f64).ceil() as u64).max(1);
        let mut below = 0;
        self.iter()
            .find(|(_, count)| {
                below += u64::from(*count);
                below >= rank
            })
            .map(|(value, _)| value)
    }

    /// The value that is there most often; of several the least.
    pub fn most_frequent(&self) -> Option<&K> {
        self.iter().max_by(|(a, n), (b, m)| n.cmp(m).then_with(|| b.cmp(a))).map(|(value, _)| value)
    }

    /// Shannon's entropy in bits; 0 where all are the same.
    pub fn entropy(&self) -> Option<f64> {
        entropy(self.iter().map(|(_, count)| f64::from(count)))
    }
}

fn add_to<K: Ord>(all: &mut Vec<(K, u32)>, value: K, count: u32) {
    match all.last_mut() {
        // Times come in order, and so do many numbers.
        Some((last, n)) if *last == value => *n += count,
        Some((last, _)) if *last < value => all.push((value, count)),
        None => all.push((value, count)),
        Some(_) => match all.binary_search_by(|(known, _)| known.cmp(&value)) {
            Ok(at) => all[at].1 += count,
            Err(at) => all.insert(at, (value, count)),
        },
    }
}

impl<K: Value> Bag<K> {
    /// How many, and whether any is there more than once; only then how often each is.
    pub fn write(&self, to: &mut Writer<'_>) {
        let repeats = self.iter().any(|(_, count)| count != 1);
        to.unsigned((self.len() as u64) << 1 | u64::from(repeats));
        let mut before = None;
        for (value, count) in self.iter() {
            value.write(before, to);
            if repeats {
                to.unsigned(count.into());
            }
            before = Some(value);
        }
    }

    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let header = from.unsigned()?;
        let (len, repeats) = (from.fits(header >> 1)?, header & 1 == 1);
        let one = |before: Option<&K>, from: &mut Reader<'_>| -> Option<(K, u32)> {
            Some((K::read(before, from)?, if repeats { from.unsigned()? as u32 } else { 1 }))
        };
        if len == 1 {
            return Some(Self::One(one(None, from)?));
        }
        let mut all: Vec<(K, u32)> = Vec::with_capacity(len);
        for _ in 0..len {
            let next = one(all.last().map(|(value, _)| value), from)?;
            all.push(next);
        }
        Some(Self::Many(all))
    }
}

/// A number, as [`ordered`] makes it.
impl Value for i64 {
    fn of(fact: Fact<'_>) -> Option<Self> {
        if let Fact::Number(value) = fact { Some(ordered(value)) } else { None }
    }

    fn write(&self, _: Option<&Self>, to: &mut Writer<'_>) {
        to.fixed(*self as u64);
    }

    fn read(_: Option<&Self>, from: &mut Reader<'_>) -> Option<Self> {
        Some(from.fixed()? as i64)
    }
}

/// A value by its hash.
impl Value for u64 {
    fn of(fact: Fact<'_>) -> Option<Self> {
        if let Fact::Hash(hash) = fact { Some(hash) } else { None }
    }

    /// The first of a tile may be that of other tiles; where there are many, few are.
    fn write(&self, before: Option<&Self>, to: &mut Writer<'_>) {
        if before.is_none() { to.hash(*self) } else { to.fixed(*self) }
    }

    fn read(before: Option<&Self>, from: &mut Reader<'_>) -> Option<Self> {
        if before.is_none() { from.hash() } else { from.fixed() }
    }
}

/// A tie.
impl Value for u128 {
    fn of(fact: Fact<'_>) -> Option<Self> {
        if let Fact::Tie(other) = fact { Some(other) } else { None }
    }

    fn write(&self, _: Option<&Self>, to: &mut Writer<'_>) {
        to.fixed((*self >> 64) as u64);
        to.fixed(*self as u64);
    }

    fn read(_: Option<&Self>, from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::from(from.fixed()?) << 64 | Self::from(from.fixed()?))
    }
}

/// A text.
impl Value for Box<str> {
    fn of(fact: Fact<'_>) -> Option<Self> {
        if let Fact::Text(text) = fact { Some(text.into()) } else { None }
    }

    fn write(&self, _: Option<&Self>, to: &mut Writer<'_>) {
        to.text(self.as_bytes());
    }

    fn read(_: Option<&Self>, from: &mut Reader<'_>) -> Option<Self> {
        std::str::from_utf8(from.text()?).ok().map(Into::into)
    }
}

/// Values of which more is asked than which is the least.
pub(crate) trait Asked: Value {
    fn answer(bag: &Bag<Self>, question: &Question) -> Answer;
}

impl Asked for i64 {
    fn answer(bag: &Bag<Self>, question: &Question) -> Answer {
        Answer::number(bag.quantile(question.share).map(|value| unordered(*value)))
    }
}

impl Asked for u64 {
    fn answer(bag: &Bag<Self>, _: &Question) -> Answer {
        Answer::Count(bag.len() as i64)
    }
}

/// Ties are followed, not asked.
impl Asked for u128 {
    fn answer(bag: &Bag<Self>, _: &Question) -> Answer {
        Answer::Count(bag.len() as i64)
    }
}

impl Asked for Box<str> {
    fn answer(bag: &Bag<Self>, question: &Question) -> Answer {
        if question.aggregate == Aggregate::Entropy {
            return Answer::number(bag.entropy());
        }
        bag.most_frequent().map_or(Answer::Nothing, |value| Answer::Text(value.clone()))
    }
}

impl<K: Asked> Cell for Bag<K> {
    fn add(&mut self, fact: Fact<'_>) {
        if let Some(value) = K::of(fact) {
            Self::add(self, value, 1);
        }
    }

    fn remove(&mut self, fact: Fact<'_>) {
        if let Some(value) = K::of(fact) {
            Self::remove(self, &value, 1);
        }
    }

    fn merge(&mut self, other: &Self) {
        Self::merge(self, other);
    }

    fn unmerge(&mut self, other: &Self) -> bool {
        Self::unmerge(self, other);
        true
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }

    fn entries(&self) -> usize {
        self.len()
    }

    fn answer(&self, question: &Question, _: i64) -> Answer {
        K::answer(self, question)
    }

    fn write(&self, to: &mut Writer<'_>) {
        Self::write(self, to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Self::read(from)
    }
}

/// Shannon's entropy of counts, in bits.
pub(crate) fn entropy(counts: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut total, mut weighted) = (0.0, 0.0);
    for count in counts {
        total += count;
        weighted += count * count.log2();
    }
    (total > 0.0).then(|| (total.log2() - weighted / total).max(0.0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn bag(values: &[u8]) -> Bag<u8> {
        let mut bag = Bag::default();
        for value in values {
            bag.add(*value, 1);
        }
        bag
    }

    proptest! {
        #[test]
        fn merging_is_adding_and_unmerging_takes_it_back(
            left in prop::collection::vec(0u8..20, 0..60), right in prop::collection::vec(0u8..20, 0..60)
        ) {
            let mut merged = bag(&left);
            merged.merge(&bag(&right));
            let both = bag(&[left.clone(), right.clone()].concat());
            prop_assert_eq!(merged.entries(), both.entries());
            merged.unmerge(&bag(&right));
            let left = bag(&left);
            prop_assert_eq!(merged.entries(), left.entries());
        }

        #[test]
        fn quantiles_are_nearest_ranks(mut values in prop::collection::vec(0u8..20, 1..60), share in 0.0..=1.0f64) {
            let bag = bag(&values);
            values.sort_unstable();
            let rank = ((share * values.len() as f64).ceil() as usize).max(1);
            prop_assert_eq!(bag.quantile(share), Some(&values[rank - 1]));
            let mut counts = BTreeMap::new();
            for value in &values {
                *counts.entry(*value).or_insert(0) += 1;
            }
            let most = counts.iter().rev().max_by_key(|(_, count)| **count).map(|(value, _)| *value);
            prop_assert_eq!(bag.most_frequent().copied(), most);
        }
    }

    #[test]
    fn entropy_is_in_bits() {
        assert_eq!(bag(&[]).entropy(), None);
        assert_eq!(bag(&[1, 1]).entropy(), Some(0.0));
        assert_eq!(bag(&[1, 2, 3, 4]).entropy(), Some(2.0));
    }
}
