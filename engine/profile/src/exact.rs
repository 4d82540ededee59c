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

/// How many values, their sum and the sum of their squares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moments {
    n: i64,
    sum: i128,
    squares: i128,
}

impl Moments {
    fn shift(&mut self, value: f64, by: i64) {
        let value = value.clamp(-VALUE_MAX, VALUE_MAX);
        self.n += by;
        self.sum = self.sum.wrapping_add(fixed(value, VALUE_PARTS) * i128::from(by));
        self.squares = self.squares.wrapping_add(fixed(value * value, SQUARE_PARTS) * i128::from(by));
    }

    pub fn sum(&self) -> f64 {
        float(self.sum, VALUE_PARTS)
    }

    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum() / self.n as f64)
    }

    /// Of a sample; needs two values.
    pub fn standard_deviation(&self) -> Option<f64> {
        let mean = self.mean().filter(|_| self.n > 1)?;
        let spread = float(self.squares, SQUARE_PARTS) - self.sum() * mean;
        Some((spread / (self.n - 1) as f64).max(0.0).sqrt())
    }
}

/// Of one value the square follows from the sum, but for the last bit of it now and then.
fn square_of(sum: i128) -> i128 {
    let value = float(sum, VALUE_PARTS);
    fixed(value * value, SQUARE_PARTS)
}

impl Cell for Moments {
    fn add(&mut self, fact: Fact<'_>) {
        if let Fact::Number(value) = fact {
            self.shift(value, 1);
        }
    }

    fn remove(&mut self, fact: Fact<'_>) {
        if let Fact::Number(value) = fact {
            self.shift(value, -1);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum = self.sum.wrapping_add(other.sum);
        self.squares = self.squares.wrapping_add(other.squares);
    }

    fn unmerge(&mut self, other: &Self) -> bool {
        self.n -= other.n;
        self.sum = self.sum.wrapping_sub(other.sum);
        self.squares = self.squares.wrapping_sub(other.squares);
        true
    }

    fn is_empty(&self) -> bool {
        self.n <= 0
    }

    fn answer(&self, question: &Question, _: i64) -> Answer {
        match question.aggregate {
            Aggregate::Sum => Answer::Number(self.sum()),
            Aggregate::Mean => Answer::number(self.mean()),
            _ => Answer::number(self.standard_deviation()),
        }
    }

    fn write(&self, to: &mut Writer<'_>) {
        let follows = self.n == 1 && self.squares == square_of(self.sum);
        to.unsigned((self.n as u64) << 1 | u64::from(follows));
        to.wide(self.sum);
        if !follows {
            to.wide(self.squares);
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let header = from.unsigned()?;
        let sum = from.wide()?;
        let squares = if header & 1 == 1 { square_of(sum) } else { from.wide()? };
        Some(Self { n: (header >> 1) as i64, sum, squares })
    }
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
        fn order_is_kept(left in any::<f64>(), right in any::<f64>()) {
            let (l, r) = (haechi_rules::program::canonical(left), haechi_rules::program::canonical(right));
            prop_assert_eq!(ordered(left).cmp(&ordered(right)), l.total_cmp(&r));
            prop_assert_eq!(unordered(ordered(left)).to_bits(), l.to_bits());
        }
    }

    #[test]
    fn of_a_few_values() {
        let mut moments = Moments::default();
        assert_eq!((moments.mean(), moments.standard_deviation(), moments.sum()), (None, None, 0.0));
        for value in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            moments.add(Fact::Number(value));
        }
        assert_eq!((moments.sum(), moments.mean()), (40.0, Some(5.0)));
        assert!((moments.standard_deviation().unwrap() - (32.0f64 / 7.0).sqrt()).abs() < 1e-12);
    }
}
