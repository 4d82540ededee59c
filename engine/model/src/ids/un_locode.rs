//! UN/LOCODE places.

use super::{Country, IdError, shown, text_id};
use crate::codes;

const WHAT: &str = "UN/LOCODE";

/// A place in trade and transport: `KRPUS`. The first two letters are its country.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnLocode(Box<str>);

text_id!(UnLocode);

impl UnLocode {
    /// Reads two letters and three of A-Z, 2-9; a blank between them (`KR PUS`) is dropped.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let code: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
        let got = code.chars().count();
        if got == 0 {
            return Err(IdError::Empty { what: WHAT });
        }
        if got != 5 {
            return Err(IdError::Length { what: WHAT, text: shown(text), expected: "5 characters", got });
        }
        for (i, c) in code.chars().enumerate() {
            let fits = c.is_ascii_uppercase() || (i >= 2 && matches!(c, '2'..='9'));
            if !fits {
                let expected = if i < 2 { "two letters first" } else { "letters and digits 2 to 9" };
                return Err(IdError::Character { what: WHAT, text: shown(text), expected, got: c });
            }
        }
        Ok(Self(code.into()))
    }

    /// The country; `XZ` (international waters) has none.
    pub fn country(&self) -> Option<Country> {
        codes::country(&self.0[..2])
    }
}
