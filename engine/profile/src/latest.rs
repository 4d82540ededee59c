//! The value of the newest record, with a few before it: when a record is taken back, the one before it stands in.

use serde::{Deserialize, Serialize};

/// Values kept.
const KEPT: usize = 8;

/// A value as text, or nothing where the record has none; by time, and among equals in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latest(Vec<(i64, Option<Box<str>>)>);

impl Latest {
    pub fn add(&mut self, at: i64, value: Option<Box<str>>) {
        let place = self.0.partition_point(|(known, _)| *known <= at);
        self.0.insert(place, (at, value));
        if self.0.len() > KEPT {
            self.0.remove(0);
        }
    }

    pub fn remove(&mut self, at: i64, value: Option<&str>) {
        let same = |(known, of): &(i64, Option<Box<str>>)| *known == at && of.as_deref() == value;
        if let Some(place) = self.0.iter().rposition(same) {
            self.0.remove(place);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(at, value)| self.add(*at, value.clone()));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn value(&self) -> Option<&str> {
        self.0.last()?.1.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_counts_and_the_one_before_stands_in() {
        let mut latest = Latest::default();
        assert_eq!(latest.value(), None);
        for (at, value) in [(3, Some("c")), (1, Some("a")), (3, Some("d")), (2, None)] {
            latest.add(at, value.map(Box::from));
        }
        assert_eq!(latest.value(), Some("d"));
        latest.remove(3, Some("d"));
        assert_eq!(latest.value(), Some("c"));
        latest.remove(3, Some("c"));
        assert_eq!(latest.value(), None, "the newest record says nothing");
        latest.add(9, Some("z".into()));
        assert_eq!(latest.value(), Some("z"));
    }
}
