//! Numbers, dates, instants: every one becomes an i64 that sorts as it does, so that one kernel compares them all.
//! Doubles sort in IEEE total order of their canonical values: -0.0 equals 0.0, NaN equals NaN and is above all.
//!
//! Where many thresholds are asked of whole blocks, a key becomes its *rank* among them, once; then every threshold is a
//! comparison of small integers, many rows at a time ([`Cuts`]).

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use haechi_rules::program::{Class, Cmp, Literal, canonical};
use wide::{i8x16, i16x8};

use crate::rows;

/// The sortable integer of a double.
pub(crate) fn float_key(value: f64) -> i64 {
    let bits = canonical(value).to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The sortable integer of a constant that is compared with an operand of this class.
pub(crate) fn literal_key(class: Class, literal: &Literal) -> Option<i64> {
    match (class, literal) {
        (Class::Float, literal) => literal.as_f64().map(float_key),
        (Class::Int | Class::Date | Class::Ts, Literal::Int(value)) => Some(*value),
        _ => None,
    }
}

/// The sortable integers of a column, into `out`; what stands at NULL rows has no meaning. `false`: not a type that has
/// any.
pub(crate) fn keys(array: &ArrayRef, out: &mut Vec<i64>) -> bool {
    out.clear();
    match array.data_type() {
        DataType::Float64 => out.extend(array.as_primitive::<Float64Type>().values().iter().map(|v| float_key(*v))),
        DataType::Int64 => out.extend_from_slice(array.as_primitive::<Int64Type>().values()),
        DataType::Int32 => out.extend(array.as_primitive::<Int32Type>().values().iter().map(|v| i64::from(*v))),
        DataType::Date32 => out.extend(array.as_primitive::<Date32Type>().values().iter().map(|v| i64::from(*v))),
        DataType::Timestamp(..) => match array.as_primitive_opt::<TimestampMillisecondType>() {
            Some(instants) => out.extend_from_slice(instants.values()),
            None => return false,
        },
        _ => return false,
    }
    true
}

/// Sets the bit of every row whose key compares so with the threshold.
pub(crate) fn compare(keys: &[i64], cmp: Cmp, threshold: i64, out: &mut [u64]) {
    match cmp {
        Cmp::Eq => fill(keys, out, |key| key == threshold),
        Cmp::Ne => fill(keys, out, |key| key != threshold),
        Cmp::Lt => fill(keys, out, |key| key < threshold),
        Cmp::Le => fill(keys, out, |key| key <= threshold),
        Cmp::Gt => fill(keys, out, |key| key > threshold),
        Cmp::Ge => fill(keys, out, |key| key >= threshold),
    }
}

/// Keeps the rows whose key compares so with the threshold.
pub(crate) fn keep(rows: &mut Vec<u32>, keys: &[i64], cmp: Cmp, threshold: i64) {
    match cmp {
        Cmp::Eq => rows::keep(rows, |row| keys[row] == threshold),
        Cmp::Ne => rows::keep(rows, |row| keys[row] != threshold),
        Cmp::Lt => rows::keep(rows, |row| keys[row] < threshold),
        Cmp::Le => rows::keep(rows, |row| keys[row] <= threshold),
        Cmp::Gt => rows::keep(rows, |row| keys[row] > threshold),
        Cmp::Ge => rows::keep(rows, |row| keys[row] >= threshold),
    }
}

fn fill(keys: &[i64], out: &mut [u64], holds: impl Fn(i64) -> bool) {
    for (word, chunk) in out.iter_mut().zip(keys.chunks(64)) {
        *word = chunk.iter().enumerate().fold(0, |word, (i, key)| word | u64::from(holds(*key)) << i);
    }
}

/// Sets the bit of every row whose key is one of `values` (sorted).
pub(crate) fn one_of(keys: &[i64], values: &[i64], out: &mut [u64]) {
    match values {
        [] => out.fill(0),
        [one] => compare(keys, Cmp::Eq, *one, out),
        many => fill(keys, out, |key| many.binary_search(&key).is_ok()),
    }
}

/// The comparison that is true where this one is false.
pub(crate) fn opposite(cmp: Cmp) -> Cmp {
    match cmp {
        Cmp::Eq => Cmp::Ne,
        Cmp::Ne => Cmp::Eq,
        Cmp::Lt => Cmp::Ge,
        Cmp::Le => Cmp::Gt,
        Cmp::Gt => Cmp::Le,
        Cmp::Ge => Cmp::Lt,
    }
}

/// Whether any key from `first` to `last` compares so with the threshold.
pub(crate) fn may_hold(cmp: Cmp, first: i64, last: i64, threshold: i64) -> bool {
    match cmp {
        Cmp::Eq => first <= threshold && threshold <= last,
        Cmp::Ne => first != threshold || last != threshold,
        Cmp::Lt => first < threshold,
        Cmp::Le => first <= threshold,
        Cmp::Gt => last > threshold,
        Cmp::Ge => last >= threshold,
    }
}

/// A comparison as a question about ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RankTest {
    /// Place of its cut: the key reaches it exactly where the rank is above this.
    cut: u16,
    /// True where the key reaches the cut, or where it does not.
    reaches: bool,
}

/// Keys at which an operand's comparisons change their answer, sorted. The rank of a key is how many of them it reaches.
#[derive(Debug, Default)]
pub(crate) struct Cuts(Vec<i64>);

/// A rank for each row: in a byte, if it fits.
#[derive(Debug)]
pub(crate) enum Ranks {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Default for Ranks {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Cuts {
    /// As many as a rank of two bytes can tell apart.
    pub const MAX: usize = u16::MAX as usize;

    /// The cuts of these keys; `None` where there are too many, or none.
    pub fn new(mut keys: Vec<i64>) -> Option<Self> {
        keys.sort_unstable();
        keys.dedup();
        (1..=Self::MAX).contains(&keys.len()).then_some(Self(keys))
    }

    /// The key at which an order comparison changes its answer: it holds from there on, or up to there. `None` for
    /// equality, which changes twice, and where nothing is past the threshold.
    pub fn key(cmp: Cmp, threshold: i64) -> Option<(i64, bool)> {
        match cmp {
            Cmp::Ge => Some((threshold, true)),
            Cmp::Lt => Some((threshold, false)),
            Cmp::Gt => threshold.checked_add(1).map(|key| (key, true)),
            Cmp::Le => threshold.checked_add(1).map(|key| (key, false)),
            Cmp::Eq | Cmp::Ne => None,
        }
    }

    /// The question about ranks that a comparison is, where its cut is among these.
    pub fn test(&self, cmp: Cmp, threshold: i64) -> Option<RankTest> {
        let (key, reaches) = Self::key(cmp, threshold)?;
        self.0.binary_search(&key).ok().map(|cut| RankTest { cut: cut as u16, reaches })
    }

    /// The rank of every key.
    pub fn ranks(&self, keys: &[i64], out: &mut Ranks) {
        match out {
            Ranks::Bytes(ranks) if self.fits_bytes() => self.fill(keys, ranks, |rank| rank as u8),
            Ranks::Words(ranks) if !self.fits_bytes() => self.fill(keys, ranks, |rank| rank as u16),
            // A frame that served another schedule.
            _ => {
                *out = if self.fits_bytes() { Ranks::Bytes(Vec::new()) } else { Ranks::Words(Vec::new()) };
                self.ranks(keys, out);
            }
        }
    }

    fn fits_bytes(&self) -> bool {
        u8::try_from(self.0.len()).is_ok()
    }

    fn fill<T>(&self, keys: &[i64], out: &mut Vec<T>, narrow: impl Fn(usize) -> T) {
        out.clear();
        let cuts = self.0.as_slice();
        // Few cuts: counting those that are reached has no branch and no lookup.
        if cuts.len() <= 8 {
            out.extend(keys.iter().map(|key| narrow(cuts.iter().map(|cut| usize::from(key >= cut)).sum())));
            return;
        }
        // Halving without a branch: the largest power of two that fits, at either end, and then within.
        let step = 1 << cuts.len().ilog2();
        let rest = cuts.len() - step;
        out.extend(keys.iter().map(|key| {
            let mut base = if *key >= cuts[rest] { rest } else { 0 };
            let mut half = step / 2;
            while half > 0 {
                base += if *key >= cuts[base + half] { half } else { 0 };
                half /= 2;
            }
            narrow(base + usize::from(*key >= cuts[base]))
        }));
    }
}

/// Sets the bit of every row whose rank answers the question.
pub(crate) fn compare_ranks(ranks: &Ranks, test: RankTest, out: &mut [u64]) {
    // There is no unsigned comparison of lanes: both sides are shifted into the signed range.
    match ranks {
        Ranks::Bytes(ranks) => {
            let (cut, shift) = (i8x16::splat((test.cut as u8 ^ 0x80) as i8), i8x16::splat(i8::MIN));
            let above = |lanes: &[u8; 16]| {
                let lanes = i8x16::new(lanes.map(|rank| rank as i8)) ^ shift;
                u64::from(lanes.simd_gt(cut).to_bitmask() as u16)
            };
            compare_lanes(ranks, test, u16::from, above, out);
        }
        Ranks::Words(ranks) => {
            let (cut, shift) = (i16x8::splat((test.cut ^ 0x8000) as i16), i16x8::splat(i16::MIN));
            let above = |lanes: &[u16; 8]| {
                let lanes = i16x8::new(lanes.map(|rank| rank as i16)) ^ shift;
                u64::from(lanes.simd_gt(cut).to_bitmask() as u8)
            };
            compare_lanes(ranks, test, |rank| rank, above, out);
        }
    }
}

fn compare_lanes<T: Copy, const N: usize>(
    ranks: &[T],
    test: RankTest,
    wide: impl Fn(T) -> u16,
    above: impl Fn(&[T; N]) -> u64,
    out: &mut [u64],
) {
    let flip = if test.reaches { 0 } else { u64::MAX };
    let (chunks, rest) = ranks.as_chunks::<64>();
    for (word, chunk) in out.iter_mut().zip(chunks) {
        let lanes = chunk.as_chunks::<N>().0.iter().enumerate();
        *word = flip ^ lanes.fold(0, |word, (i, lanes)| word | above(lanes) << (N * i));
    }
    if let Some(word) = out.get_mut(chunks.len())
        && !rest.is_empty()
    {
        let bits = rest.iter().enumerate();
        let bits = bits.fold(0, |word, (i, rank)| word | u64::from(wide(*rank) > test.cut) << i);
        *word = (bits ^ flip) & (u64::MAX >> (64 - rest.len()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn doubles_sort_in_total_order() {
        let sorted = [f64::NEG_INFINITY, -1.5, 0.0, f64::MIN_POSITIVE, 1.5, f64::INFINITY, f64::NAN];
        let keys = sorted.map(float_key);
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        assert_eq!([-0.0, -f64::NAN].map(float_key), [0.0, f64::NAN].map(float_key));
    }

    #[test]
    fn comparisons_fill_words() {
        let keys: Vec<i64> = (0..130).collect();
        let mut out = vec![0; 3];
        compare(&keys, Cmp::Ge, 64, &mut out);
        assert_eq!(out, [0, u64::MAX, 0b11]);
        one_of(&keys, &[1, 65, 500], &mut out);
        assert_eq!(out, [2, 2, 0]);
    }

    const ORDERS: [Cmp; 4] = [Cmp::Lt, Cmp::Le, Cmp::Gt, Cmp::Ge];

    proptest! {
        #[test]
        fn ranks_answer_as_keys_do(
            thresholds in proptest::collection::vec((-9i64..9, 0usize..4), 1..700),
            extremes: bool,
            mut keys in proptest::collection::vec(-12i64..12, 0..200),
        ) {
            // Some alike, some spread, so that ranks take a byte or two.
            let spread = |n: usize, t: i64| if n.is_multiple_of(2) { t } else { t * 1000 + n as i64 };
            let mut tests: Vec<(Cmp, i64)> =
                thresholds.iter().enumerate().map(|(n, (t, cmp))| (ORDERS[*cmp], spread(n, *t))).collect();
            if extremes {
                tests.extend(ORDERS.map(|cmp| (cmp, i64::MAX)));
                tests.extend(ORDERS.map(|cmp| (cmp, i64::MIN)));
                keys.extend([i64::MAX, i64::MIN, i64::MAX - 1]);
            }
            keys.extend(tests.iter().map(|(_, threshold)| *threshold));
            let cuts = tests.iter().filter_map(|(cmp, t)| Cuts::key(*cmp, *t)).map(|(key, _)| key).collect();
            let Some(cuts) = Cuts::new(cuts) else { return Ok(()) };
            let (mut ranks, words) = (Ranks::default(), keys.len().div_ceil(64));
            cuts.ranks(&keys, &mut ranks);
            for (cmp, threshold) in tests {
                let Some(test) = cuts.test(cmp, threshold) else { continue };
                let (mut by_rank, mut by_key) = (vec![7; words], vec![0; words]);
                compare_ranks(&ranks, test, &mut by_rank);
                compare(&keys, cmp, threshold, &mut by_key);
                prop_assert_eq!(&by_rank, &by_key, "{:?} {}", cmp, threshold);
            }
        }
    }
}
