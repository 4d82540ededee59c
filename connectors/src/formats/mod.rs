//! Message formats: one folder or file each, and the list of them.

pub mod cargo_imp;
pub mod catalogue;
pub mod ebxml;
pub mod edifact;
pub mod xml;

mod kept;

use crate::format::MessageFormat;

/// Every message format we read, in the order they are tried: an envelope stands around the others, XML is sure of
/// itself, while an interchange may begin behind anything.
pub const FORMATS: &[MessageFormat] = &{
    let mut all = [edifact::FORMAT; xml::FORMATS.len() + 3];
    all[0] = ebxml::FORMAT;
    all[xml::FORMATS.len() + 2] = cargo_imp::FORMAT;
    let mut n = 0;
    while n < xml::FORMATS.len() {
        all[n + 1] = xml::FORMATS[n];
        n += 1;
    }
    all
};

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
