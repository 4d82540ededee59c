//! Lists of numbers, one list an index, all in one piece of memory.

/// A list of numbers for each index.
#[derive(Debug)]
pub(crate) struct Groups {
    /// Where each list begins, and the end of the last.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Default for Groups {
    fn default() -> Self {
        Self { starts: vec![0], items: Vec::new() }
    }
}

impl Groups {
    pub fn with_capacity(groups: usize) -> Self {
        let mut starts = Vec::with_capacity(groups + 1);
        starts.push(0);
        Self { starts, items: Vec::new() }
    }

    /// From pairs of index and number, each list sorted.
    pub fn sorted(groups: usize, pairs: &[(u32, u32)]) -> Self {
        let mut all = Self::from_pairs(groups, pairs);
        for group in 0..groups {
            all.items[all.starts[group] as usize..all.starts[group + 1] as usize].sort_unstable();
        }
        all
    }

    /// From pairs of index and number; numbers keep their order.
    pub fn from_pairs(groups: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0u32; groups + 1];
        for (group, _) in pairs {
            starts[*group as usize + 1] += 1;
        }
        for group in 0..groups {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut items = vec![0; pairs.len()];
        for (group, item) in pairs {
            let slot = &mut next[*group as usize];
            items[*slot as usize] = *item;
            *slot += 1;
        }
        Self { starts, items }
    }

    /// Adds a number to the list that is being made.
    pub fn push(&mut self, item: u32) {
        self.items.push(item);
    }

    /// Ends the list that is being made and sorts it; with `repeats`, each number stays once.
    pub fn close(&mut self, repeats: bool) {
        let start = self.starts.last().copied().unwrap_or_default() as usize;
        if self.items.len() > start + 1 {
            let last = &mut self.items[start..];
            if !last.is_sorted() {
                last.sort_unstable();
            }
        }
        if repeats {
            let mut kept = start;
            for at in start..self.items.len() {
                if kept == start || self.items[at] != self.items[kept - 1] {
                    self.items[kept] = self.items[at];
                    kept += 1;
                }
            }
            self.items.truncate(kept);
        }
        self.starts.push(self.items.len() as u32);
    }

    /// How many lists.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The list of an index; empty past the last.
    pub fn of(&self, group: usize) -> &[u32] {
        match (self.starts.get(group), self.starts.get(group + 1)) {
            (Some(start), Some(end)) => &self.items[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// Whether the list of an index has anything in it.
    pub fn any(&self, group: usize) -> bool {
        matches!((self.starts.get(group), self.starts.get(group + 1)), (Some(start), Some(end)) if end > start)
    }

    /// Whether a number stands in the (sorted) list of an index.
    pub fn has(&self, group: usize, item: u32) -> bool {
        match self.of(group) {
            few if few.len() <= 8 => few.contains(&item),
            many => many.binary_search(&item).is_ok(),
        }
    }

    /// Whether all lists are empty.
    pub fn all_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_closed_sorted_and_without_repeats() {
        let mut groups = Groups::default();
        for list in [&[3, 1, 3, 2][..], &[], &[7, 7]] {
            for item in list {
                groups.push(*item);
            }
            groups.close(true);
        }
        assert_eq!(
            (groups.of(0), groups.of(1), groups.of(2), groups.of(3)),
            (&[1, 2, 3][..], &[][..], &[7][..], &[][..])
        );
    }

    #[test]
    fn pairs_are_grouped_in_their_order() {
        let groups = Groups::from_pairs(3, &[(2, 5), (0, 1), (2, 4)]);
        assert_eq!((groups.of(0), groups.of(1), groups.of(2)), (&[1][..], &[][..], &[5, 4][..]));
        assert_eq!(Groups::sorted(3, &[(2, 5), (0, 1), (2, 4)]).of(2), [4, 5]);
    }
}
