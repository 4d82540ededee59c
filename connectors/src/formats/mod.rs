//! Message formats: one folder or file each, and the list of them.

pub mod cargo_imp;
pub mod catalogue;
pub mod ebxml;
pub mod edifact;
pub mod mail;
pub mod xml;

mod kept;

use crate::format::MessageFormat;

/// Every message format we read, in the order they are tried: an envelope stands around the others, and so does mail, XML
/// is sure of itself, while an interchange may begin behind anything.
pub const FORMATS: &[MessageFormat] = &{
    let mut all = [edifact::FORMAT; xml::FORMATS.len() + 4];
    all[0] = ebxml::FORMAT;
    all[1] = mail::FORMAT;
    all[xml::FORMATS.len() + 3] = cargo_imp::FORMAT;
    let mut n = 0;
    while n < xml::FORMATS.len() {
        all[n + 2] = xml::FORMATS[n];
        n += 1;
    }
    all
};

/// What codes of a family of formats mean.
#[derive(Clone, Copy, Debug)]
pub struct Codes {
    /// The family.
    pub of: &'static str,
    /// What is tolerated.
    pub warnings: &'static [(&'static str, &'static str)],
    /// Why something is set aside.
    pub reasons: &'static [(&'static str, &'static str)],
}

/// All codes, by family; some families share some.
pub const CODES: &[Codes] = &[
    Codes { of: "EDIFACT", warnings: edifact::codes::WARNINGS, reasons: edifact::codes::REASONS },
    Codes { of: "XML", warnings: xml::codes::WARNINGS, reasons: xml::codes::REASONS },
    Codes { of: "ebXML", warnings: ebxml::codes::WARNINGS, reasons: ebxml::codes::REASONS },
];

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
