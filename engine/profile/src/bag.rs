//! Values and how often each is there: what can be counted exactly and taken out again.

use serde::{Deserialize, Serialize};

/// A multiset, sorted by value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bag<K>(Vec<(K, u32)>);

impl<K> Default for Bag<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord + Clone> Bag<K> {
    pub fn add(&mut self, value: K, count: u32) {
        match self.0.last_mut() {
            // Times come in order, and so do many numbers.
            Some((last, n)) if *last == value => *n += count,
            Some((last, _)) if *last < value => self.0.push((value, count)),
            None => self.0.push((value, count)),
            Some(_) => match self.0.binary_search_by(|(known, _)| known.cmp(&value)) {
                Ok(at) => self.0[at].1 += count,
                Err(at) => self.0.insert(at, (value, count)),
            },
        }
    }

    /// Takes out as many as there are, `count` at most.
    pub fn remove(&mut self, value: &K, count: u32) {
        if let Ok(at) = self.0.binary_search_by(|(known, _)| known.cmp(value)) {
            self.0[at].1 = self.0[at].1.saturating_sub(count);
            if self.0[at].1 == 0 {
                self.0.remove(at);
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        if other.0.len() * 8 < self.0.len() {
            other.0.iter().for_each(|(value, count)| self.add(value.clone(), *count));
            return;
        }
        let mine = std::mem::take(&mut self.0);
        self.0.reserve(mine.len() + other.0.len());
        let (mut mine, mut theirs) = (mine.into_iter().peekable(), other.0.iter().peekable());
        loop {
            match (mine.peek(), theirs.peek()) {
                (Some((left, _)), Some((right, more))) => match left.cmp(right) {
                    std::cmp::Ordering::Less => self.0.extend(mine.next()),
                    std::cmp::Ordering::Greater => self.0.extend(theirs.next().cloned()),
                    std::cmp::Ordering::Equal => {
                        let more = *more;
                        self.0.extend(mine.next().map(|(value, count)| (value, count + more)));
                        theirs.next();
                    }
                },
                (Some(_), None) => self.0.extend(mine.next()),
                (None, Some(_)) => self.0.extend(theirs.next().cloned()),
                (None, None) => return,
            }
        }
    }

    pub fn unmerge(&mut self, other: &Self) {
        other.0.iter().for_each(|(value, count)| self.remove(value, *count));
    }

    /// Drops all but the first and the last `n` different values.
    pub fn keep_ends(&mut self, n: usize) {
        if self.0.len() > 2 * n {
            self.0.drain(n..self.0.len() - n);
        }
    }

    /// Different values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.0.iter().map(|(value, count)| (value, *count))
    }

    /// All values, each as often as it is there.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// The least value that this share of all do not exceed.
    pub fn quantile(&self, share: f64) -> Option<&K> {
        let rank = ((share * self.total() as f64).ceil() as u64).max(1);
        let mut below = 0;
        self.0
            .iter()
            .find(|(_, count)| {
                below += u64::from(*count);
                below >= rank
            })
            .map(|(value, _)| value)
    }

    /// The value that is there most often; of several the least.
    pub fn most_frequent(&self) -> Option<&K> {
        self.0.iter().max_by(|(a, n), (b, m)| n.cmp(m).then_with(|| b.cmp(a))).map(|(value, _)| value)
    }

    /// Shannon's entropy in bits; 0 where all are the same.
    pub fn entropy(&self) -> Option<f64> {
        entropy(self.0.iter().map(|(_, count)| f64::from(*count)))
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
            prop_assert_eq!(&merged, &bag(&[left.clone(), right.clone()].concat()));
            merged.unmerge(&bag(&right));
            prop_assert_eq!(merged, bag(&left));
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
