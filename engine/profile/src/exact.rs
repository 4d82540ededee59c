//! Numbers that add up to the same sum in any order, and that can be taken off again without a rest.
//!
//! A sum of doubles depends on the order of its parts, so a window that slides would drift away from the same window
//! counted anew. Here a value is a whole number of 2^-40 and its square one of 2^-20: what is added is exact, and what
//! is taken off was there. Values beyond 1e15 are kept at that bound.

use haechi_rules::profile::Aggregate;

use crate::cell::{Answer, Cell, Fact};
use crate::codec::{Reader, Writer};
use crate::series::Question;

/// Parts of one that values are counted in.
const VALUE_PARTS: f64 = (1u64 << 40) as f64;
/// The same for squares.
const SQUARE_PARTS: f64 = (1u64 << 20) as f64;
/// No amount or mass comes near it; ten million squares of it still fit.
const VALUE_MAX: f64 = 1e15;

/// An integer of 128 bits that need not lie where the processor likes it: tiles are a third smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wide {
    low: u64,
    high: i64,
}

impl Wide {
    fn of(value: i128) -> Self {
        Self { low: value as u64, high: (value >> 64) as i64 }
    }

    fn get(self) -> i128 {
        i128::from(self.high) << 64 | i128::from(self.low)
    }

    fn shift(&mut self, by: i128) {
        *self = Self::of(self.get().wrapping_add(by));
    }
}

/// How many values, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    n: i64,
    sum: Wide,
}

impl Sums {
    fn shift(&mut self, value: f64, by: i64) {
        self.n += by;
        self.sum.shift(fixed(value, VALUE_PARTS) * i128::from(by));
    }

    pub fn sum(&self) -> f64 {
        float(self.sum.get(), VALUE_PARTS)
    }

    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum() / self.n as f64)
    }
}

/// A value that can be a sum.
fn bounded(fact: Fact<'_>) -> Option<f64> {
    if let Fact::Number(value) = fact { Some(value.clamp(-VALUE_MAX, VALUE_MAX)) } else { None }
}

impl Cell for Sums {
    fn add(&mut self, fact: Fact<'_>) {
        if let Some(value) = bounded(fact) {
            self.shift(value, 1);
        }
    }

    fn remove(&mut self, fact: Fact<'_>) {
        if let Some(value) = bounded(fact) {
            self.shift(value, -1);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum.shift(other.sum.get());
    }

    fn unmerge(&mut self, other: &Self) -> bool {
        self.n -= other.n;
        self.sum.shift(other.sum.get().wrapping_neg());
        true
    }

    fn is_empty(&self) -> bool {
        self.n <= 0
    }

    fn answer(&self, question: &Question, _: i64) -> Answer {
        match question.aggregate {
            Aggregate::Sum => Answer::Number(self.sum()),
            _ => Answer::number(self.mean()),
        }
    }

    fn write(&self, to: &mut Writer<'_>) {
        let sum = self.sum.get();
        let cents = Cents::of(sum).filter(Cents::is_short);
        to.unsigned((self.n as u64) << 1 | u64::from(cents.is_some()));
        match cents {
            Some(Cents { cents, rest }) => {
                to.signed(cents);
                to.signed(rest);
            }
            None => to.wide(sum),
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let header = from.unsigned()?;
        let sum =
            if header & 1 == 1 { Cents { cents: from.signed()?, rest: from.signed()? }.sum() } else { from.wide()? };
        Some(Self { n: (header >> 1) as i64, sum: Wide::of(sum) })
    }
}

/// A sum as hundredths and what is left, which is next to nothing for amounts: half the bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cents {
    cents: i64,
    rest: i64,
}

impl Cents {
    fn of(sum: i128) -> Option<Self> {
        let sum = i64::try_from(sum).ok()?;
        let cents = ((i128::from(sum) * 100 + (1 << 39)) >> 40) as i64;
        let whole = Self { cents, rest: 0 }.sum();
        Some(Self { cents, rest: (i128::from(sum) - whole) as i64 })
    }

    /// Whether fewer bytes do for it.
    fn is_short(&self) -> bool {
        self.rest.unsigned_abs() < 1 << 13
    }

    fn sum(self) -> i128 {
        let (whole, hundredths) = (self.cents.div_euclid(100), self.cents.rem_euclid(100));
        (i128::from(whole) << 40) + i128::from(((hundredths << 40) + 50) / 100) + i128::from(self.rest)
    }
}

/// How many values, their sum and the sum of their squares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moments {
    sums: Sums,
    squares: Wide,
}

impl Moments {
    fn shift(&mut self, value: f64, by: i64) {
        self.sums.shift(value, by);
        self.squares.shift(fixed(value * value, SQUARE_PARTS) * i128::from(by));
    }

    /// Of a sample; needs two values.
    pub fn standard_deviation(&self) -> Option<f64> {
        let (n, sum) = (self.sums.n, self.sums.sum());
        let mean = self.sums.mean().filter(|_| n > 1)?;
        let spread = float(self.squares.get(), SQUARE_PARTS) - sum * mean;
        Some((spread / (n - 1) as f64).max(0.0).sqrt())
    }
}

impl Cell for Moments {
    fn add(&mut self, fact: Fact<'_>) {
        if let Some(value) = bounded(fact) {
            self.shift(value, 1);
        }
    }

    fn remove(&mut self, fact: Fact<'_>) {
        if let Some(value) = bounded(fact) {
            self.shift(value, -1);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.sums.merge(&other.sums);
        self.squares.shift(other.squares.get());
    }

    fn unmerge(&mut self, other: &Self) -> bool {
        self.squares.shift(other.squares.get().wrapping_neg());
        self.sums.unmerge(&other.sums)
    }

    fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    fn answer(&self, question: &Question, now: i64) -> Answer {
        match question.aggregate {
            Aggregate::Sum | Aggregate::Mean => self.sums.answer(question, now),
            _ => Answer::number(self.standard_deviation()),
        }
    }

    /// Of one value the square follows from it, but for the last bit now and then.
    fn write(&self, to: &mut Writer<'_>) {
        self.sums.write(to);
        let follows = if self.sums.n == 1 { square_of(self.sums.sum.get()) } else { 0 };
        to.wide(self.squares.get().wrapping_sub(follows));
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let sums = Sums::read(from)?;
        let follows = if sums.n == 1 { square_of(sums.sum.get()) } else { 0 };
        Some(Self { sums, squares: Wide::of(from.wide()?.wrapping_add(follows)) })
    }
}

fn square_of(sum: i128) -> i128 {
    let value = float(sum, VALUE_PARTS);
    fixed(value * value, SQUARE_PARTS)
}

/// Below it, integers of half the width do, and cost a tenth.
const HALF_MAX: f64 = (1u64 << 62) as f64;

fn fixed(value: f64, parts: f64) -> i128 {
    let parts = (value * parts).round();
    if parts.abs() < HALF_MAX { i128::from(parts as i64) } else { parts as i128 }
}

fn float(value: i128, parts: f64) -> f64 {
    i64::try_from(value).map_or(value as f64, |value| value as f64) / parts
}

/// A double as an integer of the same order; NaN is above all.
pub(crate) fn ordered(value: f64) -> i64 {
    let bits = haechi_rules::program::canonical(value).to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// The double that [`ordered`] made an integer of.
pub(crate) fn unordered(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63) as u64 >> 1) as i64) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_taken_off_leaves_nothing(values in prop::collection::vec(-1e12..1e12f64, 1..50), kept in 0usize..50) {
            let mut moments = Moments::default();
            for value in &values {
                moments.add(Fact::Number(*value));
            }
            let kept = kept.min(values.len());
            values[kept..].iter().rev().for_each(|value| moments.remove(Fact::Number(*value)));
            let mut fresh = Moments::default();
            values[..kept].iter().rev().for_each(|value| fresh.add(Fact::Number(*value)));
            prop_assert_eq!(moments, fresh);
        }

        #[test]
        fn what_is_written_is_read(cents in prop::collection::vec(-1e11..1e11f64, 0..4), any in any::<f64>(), n in 0i64..2) {
            let mut moments = Moments::default();
            for value in &cents {
                moments.add(Fact::Number((value * 100.0).round() / 100.0));
            }
            moments.add(Fact::Number(if any.is_finite() { any } else { 0.0 }));
            moments.sums.n -= n;
            let mut bytes = Vec::new();
            moments.write(&mut Writer::new(&mut bytes));
            prop_assert_eq!(Moments::read(&mut Reader::new(&bytes)), Some(moments));
        }

        #[test]
        fn order_is_kept(left in any::<f64>(), right in any::<f64>()) {
            let (l, r) = (haechi_rules::program::canonical(left), haechi_rules::program::canonical(right));
            prop_assert_eq!(ordered(left).cmp(&ordered(right)), l.total_cmp(&r));
            prop_assert_eq!(unordered(ordered(left)).to_bits(), l.to_bits());
        }
    }

    #[test]
    fn amounts_take_few_bytes() {
        for (value, bytes) in [(12_345.67, 6), (1_000_000.0, 6), (0.1 + 0.2, 3), (1.0 / 3.0, 7)] {
            let mut sums = Sums::default();
            sums.add(Fact::Number(value));
            let mut written = Vec::new();
            sums.write(&mut Writer::new(&mut written));
            assert_eq!(written.len(), bytes, "{value}");
        }
    }

    #[test]
    fn of_a_few_values() {
        let mut moments = Moments::default();
        assert_eq!((moments.sums.mean(), moments.standard_deviation(), moments.sums.sum()), (None, None, 0.0));
        for value in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            moments.add(Fact::Number(value));
        }
        assert_eq!((moments.sums.sum(), moments.sums.mean()), (40.0, Some(5.0)));
        assert!((moments.standard_deviation().unwrap() - (32.0f64 / 7.0).sqrt()).abs() < 1e-12);
    }
}
