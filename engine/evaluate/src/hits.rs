//! Hits: which rule matched which row.

use crate::bits;
use crate::frame::CodedRows;
use crate::groups::Groups;

/// The rules that matched each row of a batch, rows and rules ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// The rule of each hit; row by row.
    rules: Vec<u32>,
    /// By row: where its hits end.
    ends: Vec<usize>,
}

/// Hits of a block that rules were run for, rule by rule.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// A rule that hit, and how many rows; in order of rules.
    pub counts: Vec<(u32, u32)>,
    /// Rows from the block's start, rule by rule, each once within a rule; unless only counts are asked for.
    rows: Vec<u32>,
    count_only: bool,
    /// Rows that the starts of rules have left to look at, of all rules.
    pub looked_at: u64,
}

impl Found {
    /// Forgets the last block.
    pub fn begin(&mut self, count_only: bool) {
        self.counts.clear();
        self.rows.clear();
        self.looked_at = 0;
        self.count_only = count_only;
    }

    /// Takes the rows of a rule.
    pub fn rows(&mut self, rule: u32, rows: &[u32]) {
        if !rows.is_empty() {
            self.counts.push((rule, rows.len() as u32));
            if !self.count_only {
                self.rows.extend_from_slice(rows);
            }
        }
    }

    /// Takes the rows of a rule, as bits.
    pub fn bits(&mut self, rule: u32, bits: &[u64]) {
        let count = bits::count(bits) as u32;
        if count > 0 {
            self.counts.push((rule, count));
            if !self.count_only {
                bits::append_rows(bits, &mut self.rows);
            }
        }
    }

    fn by_rule(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let mut start = 0;
        self.counts.iter().map(move |(rule, count)| {
            let rows = &self.rows[start..start + *count as usize];
            start += *count as usize;
            (*rule, rows)
        })
    }
}

/// Rules that hit because of one value alone, by row.
pub(crate) struct Settled<'e> {
    /// Columns whose values settle rules.
    pub coded: Vec<CodedRows<'e>>,
    /// Rules by row, of columns that were looked at value by value.
    pub looked_at: Option<Groups>,
}

impl Settled<'_> {
    fn each(&self, row: usize, mut visit: impl FnMut(&[u32])) {
        self.coded.iter().map(|column| column.settled(row)).for_each(&mut visit);
        if let Some(looked_at) = &self.looked_at {
            visit(looked_at.of(row));
        }
    }
}

impl Hits {
    /// How many.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The rule of each hit, by its place in the ruleset; row by row.
    pub fn rules(&self) -> &[u32] {
        &self.rules
    }

    /// The rules that matched a row of the batch; panics past its last.
    pub fn of(&self, row: usize) -> &[u32] {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.rules[start..self.ends[row]]
    }

    /// The row of each hit.
    pub fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.ends.len()).flat_map(|row| std::iter::repeat_n(row as u32, self.of(row).len()))
    }

    /// Row and rule of each hit.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.rows().zip(self.rules.iter().copied())
    }

    /// Adds the number of hits of each rule to `counts`, one entry a rule.
    pub fn count_into(&self, counts: &mut [u64]) {
        for rule in &self.rules {
            counts[*rule as usize] += 1;
        }
    }

    /// Those of a row alone, by rule.
    pub(crate) fn of_row(rules: Vec<u32>) -> Self {
        Self { ends: vec![rules.len()], rules }
    }

    /// Those of the blocks of a batch, in order.
    pub(crate) fn joined(mut blocks: Vec<Self>) -> Self {
        if let [_] = &*blocks {
            return blocks.remove(0);
        }
        let (hits, rows) = (blocks.iter().map(Self::len).sum(), blocks.iter().map(|block| block.ends.len()).sum());
        let mut all = Self { rules: Vec::with_capacity(hits), ends: Vec::with_capacity(rows) };
        for block in blocks {
            let before = all.rules.len();
            all.ends.extend(block.ends.iter().map(|end| before + end));
            all.rules.extend_from_slice(&block.rules);
        }
        all
    }

    /// Of one block of so many rows: what was found rule by rule is put in order of rows by counting; what values settle
    /// comes row by row, already in order of rules, and is merged in.
    pub(crate) fn from_block(rows: usize, found: &Found, settled: &Settled<'_>) -> Self {
        let mut next = vec![0u32; rows + 1];
        for row in &found.rows {
            next[*row as usize + 1] += 1;
        }
        for row in 0..rows {
            next[row + 1] += next[row];
        }
        let mut loose = vec![0; found.rows.len()];
        for (rule, rows) in found.by_rule() {
            for row in rows {
                let slot = &mut next[*row as usize];
                loose[*slot as usize] = rule;
                *slot += 1;
            }
        }
        // Every slot has moved on to the end of its row.
        let mut hits = Self { rules: Vec::with_capacity(loose.len()), ends: Vec::with_capacity(rows) };
        let mut start = 0;
        for (row, end) in next[..rows].iter().enumerate() {
            let first = hits.rules.len();
            settled.each(row, |rules| merge(&mut hits.rules, first, rules));
            merge(&mut hits.rules, first, &loose[start as usize..*end as usize]);
            hits.ends.push(hits.rules.len());
            start = *end;
        }
        hits
    }
}

/// Merges sorted numbers into those that stand from `first` on, sorted too.
fn merge(into: &mut Vec<u32>, first: usize, more: &[u32]) {
    let mut left = into.len();
    into.extend_from_slice(more);
    if left == first {
        return;
    }
    let mut right = more.len();
    while right > 0 && left > first {
        // From the back, where there is room; which side is larger is not to be guessed, so it is not branched on.
        let (a, b) = (into[left - 1], more[right - 1]);
        let from_left = a > b;
        into[left + right - 1] = if from_left { a } else { b };
        left -= usize::from(from_left);
        right -= usize::from(!from_left);
    }
    into[first..first + right].copy_from_slice(&more[..right]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_come_by_row_then_rule() {
        let mut found = Found::default();
        found.begin(false);
        for (rule, rows) in [(0, &[2][..]), (1, &[0, 2]), (4, &[]), (7, &[0])] {
            found.rows(rule, rows);
        }
        assert_eq!(found.counts, [(0, 1), (1, 2), (7, 1)]);
        let settled = Groups::from_pairs(3, &[(0, 3), (0, 9), (1, 4)]);
        let settled = Settled { coded: Vec::new(), looked_at: Some(settled) };
        let hits = Hits::from_block(3, &found, &settled);
        let mut expected = vec![(0, 1), (0, 3), (0, 7), (0, 9), (1, 4), (2, 0), (2, 1)];
        assert_eq!(hits.iter().collect::<Vec<_>>(), expected);
        let joined = Hits::joined(vec![hits.clone(), hits]);
        expected.extend([(3, 1), (3, 3), (3, 7), (3, 9), (4, 4), (5, 0), (5, 1)]);
        assert_eq!(joined.iter().collect::<Vec<_>>(), expected);
        assert_eq!((joined.of(0), joined.of(4)), (&[1, 3, 7, 9][..], &[4][..]));
    }

    #[test]
    fn sorted_numbers_are_merged() {
        for (into, more) in
            [(&[][..], &[][..]), (&[1, 5], &[]), (&[], &[2]), (&[3], &[1, 2, 9]), (&[1, 4, 6], &[0, 5, 7])]
        {
            let mut merged = [&[9, 9], into].concat();
            merge(&mut merged, 2, more);
            let mut expected = [into, more].concat();
            expected.sort_unstable();
            assert_eq!(merged[2..], expected);
        }
    }
}
