//! Hits: which rule matched which row.

/// Pairs of row and rule, sorted by row, then rule. Rows count from the start of the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// The row of each hit.
    pub rows: Vec<u32>,
    /// The rule of each hit, by its place in the ruleset.
    pub rules: Vec<u32>,
}

/// Hits of a block, rule by rule.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// A rule that hit, and where its rows end; in order of rules.
    rules: Vec<(u32, u32)>,
    /// Rows from the block's start, ascending within a rule.
    pub rows: Vec<u32>,
    /// Rows that the starts of rules have left to look at, of all rules.
    pub looked_at: u64,
}

impl Found {
    /// Forgets the last block.
    pub fn clear(&mut self) {
        self.rules.clear();
        self.rows.clear();
        self.looked_at = 0;
    }

    /// The rows added since the last rule are this rule's.
    pub fn close(&mut self, rule: u32) {
        let end = self.rows.len() as u32;
        if self.rules.last().map_or(0, |(_, end)| *end) < end {
            self.rules.push((rule, end));
        }
    }

    /// Rules that hit, with their rows.
    pub fn by_rule(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let mut start = 0;
        self.rules.iter().map(move |(rule, end)| {
            let rows = &self.rows[start as usize..*end as usize];
            start = *end;
            (*rule, rows)
        })
    }
}

impl Hits {
    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All hits in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.rows.iter().copied().zip(self.rules.iter().copied())
    }

    /// Adds the number of hits of each rule to `counts`, one entry a rule.
    pub fn count_into(&self, counts: &mut [u64]) {
        for rule in &self.rules {
            counts[*rule as usize] += 1;
        }
    }

    /// Those of the blocks of a batch, in order.
    pub(crate) fn joined(mut blocks: Vec<Self>) -> Self {
        if let [_] = &*blocks {
            return blocks.remove(0);
        }
        let total = blocks.iter().map(Self::len).sum();
        let mut all = Self { rows: Vec::with_capacity(total), rules: Vec::with_capacity(total) };
        for block in blocks {
            all.rows.extend_from_slice(&block.rows);
            all.rules.extend_from_slice(&block.rules);
        }
        all
    }

    /// From hits found rule by rule in one block of rows: a counting sort by row keeps rules in order.
    pub(crate) fn from_block(first_row: usize, rows: usize, found: &Found) -> Self {
        let mut starts = vec![0u32; rows + 1];
        for row in &found.rows {
            starts[*row as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut hits = Self { rows: Vec::with_capacity(found.rows.len()), rules: vec![0; found.rows.len()] };
        for row in 0..rows {
            hits.rows.resize(starts[row + 1] as usize, (first_row + row) as u32);
        }
        for (rule, rows) in found.by_rule() {
            for row in rows {
                let slot = &mut starts[*row as usize];
                hits.rules[*slot as usize] = rule;
                *slot += 1;
            }
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_come_by_row_then_rule() {
        let mut found = Found::default();
        for (rule, rows) in [(0, &[2][..]), (1, &[0, 2]), (4, &[]), (7, &[0])] {
            found.rows.extend(rows);
            found.close(rule);
        }
        assert_eq!(found.by_rule().count(), 3);
        let hits = Hits::from_block(100, 3, &found);
        assert_eq!(hits.iter().collect::<Vec<_>>(), [(100, 1), (100, 7), (102, 0), (102, 1)]);
    }
}
