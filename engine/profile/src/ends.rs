//! The least and the greatest of many values, with a few next to them: when one is taken back, the next stands in.

use serde::{Deserialize, Serialize};

use crate::bag::Bag;

/// Different values kept at either end: so many may be taken back one after the other, as the items of a declaration are.
const KEPT: usize = 16;

/// The values at both ends. Up to twice [`KEPT`] different ones all are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ends(Bag<i64>);

impl Ends {
    pub fn add(&mut self, value: i64) {
        self.0.add(value, 1);
        self.shorten();
    }

    pub fn remove(&mut self, value: i64) {
        self.0.remove(&value, 1);
    }

    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
        self.shorten();
    }

    fn shorten(&mut self) {
        if self.0.len() > 2 * KEPT {
            self.0.keep_ends(KEPT);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn least(&self) -> Option<i64> {
        self.0.iter().next().map(|(value, _)| *value)
    }

    pub fn greatest(&self) -> Option<i64> {
        self.0.iter().last().map(|(value, _)| *value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ends_are_right_whatever_lies_between(values in prop::collection::vec(-50i64..50, 1..80)) {
            let mut ends = Ends::default();
            for value in &values {
                ends.add(*value);
            }
            prop_assert_eq!(ends.least(), values.iter().min().copied());
            prop_assert_eq!(ends.greatest(), values.iter().max().copied());
            // The newest is taken back, as an amendment does.
            let (last, before) = values.split_last().unwrap();
            ends.remove(*last);
            prop_assert_eq!(ends.least(), before.iter().min().copied());
            prop_assert_eq!(ends.greatest(), before.iter().max().copied());
        }
    }
}
