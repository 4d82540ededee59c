//! Hits: which rule matched which row.

/// Pairs of row and rule, sorted by row, then rule. Rows count from the start of the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// The row of each hit.
    pub rows: Vec<u32>,
    /// The rule of each hit, by its place in the ruleset.
    pub rules: Vec<u32>,
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

    pub(crate) fn append(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.rules.extend(other.rules);
    }

    /// From hits found rule by rule in one block of rows: a counting sort by row keeps rules in order.
    pub(crate) fn from_block(first_row: usize, rows: usize, found: &[(u32, u32)]) -> Self {
        let mut starts = vec![0u32; rows + 1];
        for (row, _) in found {
            starts[*row as usize + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut hits = Self { rows: vec![0; found.len()], rules: vec![0; found.len()] };
        for (row, rule) in found {
            let slot = &mut starts[*row as usize];
            hits.rows[*slot as usize] = first_row as u32 + row;
            hits.rules[*slot as usize] = *rule;
            *slot += 1;
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_come_by_row_then_rule() {
        let hits = Hits::from_block(100, 3, &[(2, 0), (0, 1), (2, 1), (0, 7)]);
        assert_eq!(hits.iter().collect::<Vec<_>>(), [(100, 1), (100, 7), (102, 0), (102, 1)]);
    }
}
