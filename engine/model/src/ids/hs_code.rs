//! Harmonized System codes.

use super::{IdError, shown, text_id};

const WHAT: &str = "HS code";

/// A Harmonized System code: six digits or more, of which the first six are international.
/// Only [`HsCode::parse`] makes one, so nothing downstream checks again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HsCode(Box<str>);

text_id!(HsCode);

impl HsCode {
    /// Reads 6 to 12 digits; dots and blanks between them are dropped.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let digits: String = text.chars().filter(|c| !matches!(c, '.' | ' ')).collect();
        if let Some(got) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(IdError::Character {
                what: WHAT,
                text: shown(text),
                expected: "digits, dots and blanks only",
                got,
            });
        }
        match digits.len() {
            0 => Err(IdError::Empty { what: WHAT }),
            6..=12 => Ok(Self(digits.into())),
            got => Err(IdError::Length { what: WHAT, text: shown(text), expected: "6 to 12 digits", got }),
        }
    }

    /// Chapter.
    pub fn hs2(&self) -> &str {
        &self.0[..2]
    }

    /// Heading.
    pub fn hs4(&self) -> &str {
        &self.0[..4]
    }

    /// Subheading.
    pub fn hs6(&self) -> &str {
        &self.0[..6]
    }
}
