//! Message formats: one folder or file each, and the list of them.

pub mod edifact;

use crate::format::MessageFormat;

/// Every message format we read, in the order they are tried.
pub const FORMATS: &[MessageFormat] = &[edifact::FORMAT];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<_> = FORMATS.iter().map(|f| f.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FORMATS.len());
    }
}
