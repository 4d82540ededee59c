//! Lists of row numbers.

/// Keeps the rows for which `holds`. Which do is not to be guessed, so it is not branched on.
pub(crate) fn keep(rows: &mut Vec<u32>, mut holds: impl FnMut(usize) -> bool) {
    let mut kept = 0;
    for at in 0..rows.len() {
        let row = rows[at];
        rows[kept] = row;
        kept += usize::from(holds(row as usize));
    }
    rows.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_order() {
        let mut rows = vec![9, 2, 4, 7, 6];
        keep(&mut rows, |row| row % 2 == 0);
        assert_eq!(rows, [2, 4, 6]);
        keep(&mut rows, |_| false);
        assert!(rows.is_empty());
    }
}
