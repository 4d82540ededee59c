//! The value of the newest record, with a few before it: when a record is taken back, the one before it stands in.

use crate::cell::{Answer, Cell, Fact};
use crate::codec::{Reader, Writer};
use crate::series::Question;

/// Values kept.
const KEPT: usize = 8;

/// A value as text, or nothing where the record has none; by time, and among equals in the order they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latest(Vec<(i64, Option<Box<str>>)>);

impl Latest {
    fn put(&mut self, at: i64, value: Option<Box<str>>) {
        let place = self.0.partition_point(|(known, _)| *known <= at);
        self.0.insert(place, (at, value));
        if self.0.len() > KEPT {
            self.0.remove(0);
        }
    }

    fn value(&self) -> Option<&str> {
        self.0.last()?.1.as_deref()
    }
}

impl Cell for Latest {
    fn add(&mut self, fact: Fact<'_>) {
        if let Fact::TextAt(value, at) = fact {
            self.put(at, value.map(Box::from));
        }
    }

    fn remove(&mut self, fact: Fact<'_>) {
        let Fact::TextAt(value, at) = fact else { return };
        let same = |(known, of): &(i64, Option<Box<str>>)| *known == at && of.as_deref() == value;
        if let Some(place) = self.0.iter().rposition(same) {
            self.0.remove(place);
        }
    }

    fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(at, value)| self.put(*at, value.clone()));
    }

    fn unmerge(&mut self, _: &Self) -> bool {
        false
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn answer(&self, _: &Question, _: i64) -> Answer {
        self.value().map_or(Answer::Nothing, |value| Answer::Text(value.into()))
    }

    fn write(&self, to: &mut Writer<'_>) {
        to.unsigned(self.0.len() as u64);
        let mut before = to.day_ms();
        for (at, value) in &self.0 {
            to.signed(at.wrapping_sub(before));
            before = *at;
            // One byte more than the text has, so that nothing and the empty text differ.
            match value {
                None => to.unsigned(0),
                Some(text) => {
                    to.unsigned(text.len() as u64 + 1);
                    to.bytes.extend_from_slice(text.as_bytes());
                }
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.length()?;
        let mut all = Vec::with_capacity(len);
        let mut before = from.day_ms();
        for _ in 0..len {
            before = before.wrapping_add(from.signed()?);
            let value = match from.unsigned()? {
                0 => None,
                more => Some(std::str::from_utf8(from.take(usize::try_from(more - 1).ok()?)?).ok()?.into()),
            };
            all.push((before, value));
        }
        Some(Self(all))
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
            latest.add(Fact::TextAt(value, at));
        }
        assert_eq!(latest.value(), Some("d"));
        latest.remove(Fact::TextAt(Some("d"), 3));
        assert_eq!(latest.value(), Some("c"));
        latest.remove(Fact::TextAt(Some("c"), 3));
        assert_eq!(latest.value(), None, "the newest record says nothing");
        latest.add(Fact::TextAt(Some("z"), 9));
        assert_eq!(latest.value(), Some("z"));
    }
}
