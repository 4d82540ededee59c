//! The least and the greatest of many values, with a few next to them: when one is taken back, the next stands in.

use haechi_rules::profile::Aggregate;

use crate::bag::{Bag, Value};
use crate::cell::{Answer, Cell, Fact};
use crate::codec::{Reader, Writer};
use crate::exact::unordered;
use crate::series::Question;

/// Different values kept at either end: so many may be taken back one after the other, as the items of a declaration are.
const KEPT: usize = 16;
const DAY_MS: f64 = 86_400_000.0;

/// The values at both ends. Up to twice [`KEPT`] different ones all are kept.
#[derive(Clone, Debug)]
pub(crate) struct Ends<K>(Bag<K>);

impl<K> Default for Ends<K> {
    fn default() -> Self {
        Self(Bag::default())
    }
}

/// When something was, in ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(i64);

impl Value for Instant {
    fn of(fact: Fact<'_>) -> Option<Self> {
        if let Fact::At(at) = fact { Some(Self(at)) } else { None }
    }

    fn write(&self, before: Option<&Self>, to: &mut Writer<'_>) {
        match before {
            Some(before) => to.unsigned(self.0.wrapping_sub(before.0) as u64),
            None => to.signed(self.0.wrapping_sub(to.day_ms())),
        }
    }

    fn read(before: Option<&Self>, from: &mut Reader<'_>) -> Option<Self> {
        Some(Self(match before {
            Some(before) => before.0.wrapping_add(from.unsigned()? as i64),
            None => from.signed()?.wrapping_add(from.day_ms()),
        }))
    }
}

/// Values of which the ends are asked.
pub(crate) trait Ended: Value {
    fn answer(ends: &Bag<Self>, question: &Question, now: i64) -> Answer;
}

impl Ended for i64 {
    fn answer(ends: &Bag<Self>, question: &Question, _: i64) -> Answer {
        let end = if question.aggregate == Aggregate::Min { ends.first() } else { ends.last() };
        Answer::number(end.map(|value| unordered(*value)))
    }
}

impl Ended for Instant {
    fn answer(ends: &Bag<Self>, question: &Question, now: i64) -> Answer {
        let instant = |at: Option<&Self>| at.map_or(Answer::Nothing, |at| Answer::Instant(at.0));
        match question.aggregate {
            Aggregate::FirstSeen => instant(ends.first()),
            Aggregate::LastSeen => instant(ends.last()),
            _ => Answer::number(ends.last().map(|last| now.saturating_sub(last.0) as f64 / DAY_MS)),
        }
    }
}

impl<K: Ended> Ends<K> {
    fn shorten(&mut self) {
        if self.0.len() > 2 * KEPT {
            self.0.keep_ends(KEPT);
        }
    }
}

impl<K: Ended> Cell for Ends<K> {
    fn add(&mut self, fact: Fact<'_>) {
        if let Some(value) = K::of(fact) {
            self.0.add(value, 1);
            self.shorten();
        }
    }

    fn remove(&mut self, fact: Fact<'_>) {
        if let Some(value) = K::of(fact) {
            self.0.remove(&value, 1);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
        self.shorten();
    }

    fn unmerge(&mut self, _: &Self) -> bool {
        false
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn answer(&self, question: &Question, now: i64) -> Answer {
        K::answer(&self.0, question, now)
    }

    fn write(&self, to: &mut Writer<'_>) {
        self.0.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Bag::read(from).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ends_are_right_whatever_lies_between(values in prop::collection::vec(-50i64..50, 1..80)) {
            let mut ends = Ends::<Instant>::default();
            let of = |ends: &Ends<Instant>| (ends.0.first().map(|at| at.0), ends.0.last().map(|at| at.0));
            for value in &values {
                ends.add(Fact::At(*value));
            }
            prop_assert_eq!(of(&ends), (values.iter().min().copied(), values.iter().max().copied()));
            // The newest is taken back, as an amendment does.
            let (last, before) = values.split_last().unwrap();
            ends.remove(Fact::At(*last));
            prop_assert_eq!(of(&ends), (before.iter().min().copied(), before.iter().max().copied()));
        }
    }
}
