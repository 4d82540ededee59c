//! Bitmaps of a block: one bit a row, 64 rows a word, bits past the last row always zero.

use arrow::buffer::{BooleanBuffer, NullBuffer};

/// Words for that many rows.
pub(crate) fn words(rows: usize) -> usize {
    rows.div_ceil(64)
}

/// Ones for all rows.
pub(crate) fn ones(rows: usize) -> Vec<u64> {
    let mut bits = Vec::new();
    set_ones(&mut bits, rows);
    bits
}

/// Makes these ones for all rows.
pub(crate) fn set_ones(bits: &mut Vec<u64>, rows: usize) {
    bits.clear();
    bits.resize(words(rows), u64::MAX);
    if let Some(last) = bits.last_mut()
        && !rows.is_multiple_of(64)
    {
        *last = (1u64 << (rows % 64)) - 1;
    }
}

/// Keeps the bits that both have; whether any is left.
pub(crate) fn and(out: &mut [u64], other: &[u64]) -> bool {
    let mut any = 0;
    for (out, other) in out.iter_mut().zip(other) {
        *out &= other;
        any |= *out;
    }
    any != 0
}

pub(crate) fn set(bits: &mut [u64], row: usize) {
    bits[row / 64] |= 1 << (row % 64);
}

pub(crate) fn clear(bits: &mut [u64], row: usize) {
    bits[row / 64] &= !(1 << (row % 64));
}

pub(crate) fn get(bits: &[u64], row: usize) -> bool {
    bits[row / 64] >> (row % 64) & 1 == 1
}

pub(crate) fn any(bits: &[u64]) -> bool {
    bits.iter().any(|word| *word != 0)
}

pub(crate) fn count(bits: &[u64]) -> usize {
    bits.iter().map(|word| word.count_ones() as usize).sum()
}

/// The rows whose bit is set.
pub(crate) fn rows(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(i, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                i * 64 + bit
            })
        })
    })
}

/// Adds the rows whose bit is set to a list.
pub(crate) fn append_rows(bits: &[u64], out: &mut Vec<u32>) {
    for (at, word) in bits.iter().enumerate().filter(|(_, word)| **word != 0) {
        let mut rest = *word;
        out.reserve(rest.count_ones() as usize);
        while rest != 0 {
            out.push(at as u32 * 64 + rest.trailing_zeros());
            rest &= rest - 1;
        }
    }
}

/// Whether any bit in `range` is set.
pub(crate) fn any_in(bits: &[u64], range: std::ops::Range<usize>) -> bool {
    if range.is_empty() {
        return false;
    }
    let (first, last) = (range.start / 64, (range.end - 1) / 64);
    let low = u64::MAX << (range.start % 64);
    let high = u64::MAX >> (63 - (range.end - 1) % 64);
    if first == last {
        return bits[first] & low & high != 0;
    }
    bits[first] & low != 0 || bits[last] & high != 0 || bits[first + 1..last].iter().any(|word| *word != 0)
}

/// How many bits in `range` are set.
pub(crate) fn count_in(bits: &[u64], range: std::ops::Range<usize>) -> usize {
    range.filter(|row| get(bits, *row)).count()
}

/// A bit where the array is NULL; `None` where it never is.
pub(crate) fn nulls(nulls: Option<&NullBuffer>) -> Option<Vec<u64>> {
    let nulls = nulls.filter(|n| n.null_count() > 0)?;
    let mut bits = from_buffer(nulls.inner());
    let ones = ones(nulls.len());
    for (word, one) in bits.iter_mut().zip(ones) {
        *word = !*word & one;
    }
    Some(bits)
}

/// The bits of an Arrow bitmap, aligned to its first row.
fn from_buffer(buffer: &BooleanBuffer) -> Vec<u64> {
    let mut bits = vec![0; words(buffer.len())];
    copy_from_buffer(buffer, &mut bits);
    bits
}

/// Copies the bits of an Arrow bitmap, aligned to its first row.
pub(crate) fn copy_from_buffer(buffer: &BooleanBuffer, out: &mut [u64]) {
    out.iter_mut().zip(buffer.bit_chunks().iter_padded()).for_each(|(out, word)| *out = word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_across_words() {
        let mut bits = vec![0u64; 3];
        set(&mut bits, 64);
        assert!(any_in(&bits, 0..65) && any_in(&bits, 64..65) && any_in(&bits, 10..190));
        assert!(!any_in(&bits, 0..64) && !any_in(&bits, 65..192) && !any_in(&bits, 5..5));
        assert_eq!((count(&bits), rows(&bits).collect::<Vec<_>>()), (1, vec![64]));
    }

    #[test]
    fn bits_past_the_last_row_stay_zero() {
        assert_eq!(ones(65), [u64::MAX, 1]);
        let nulls_of = nulls(Some(&NullBuffer::from(vec![true, false, true]))).unwrap();
        assert_eq!(nulls_of, [0b010]);
    }
}
