//! Countries.

use std::fmt;

use super::{IdError, shown};
use crate::codes;

/// A country by its ISO 3166-1 alpha-2 code, or `XK`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// Korea, where nothing else is said.
    pub const KR: Self = Self(*b"KR");

    /// Reads alpha-2, alpha-3 or a passport code (`D`, `GBD`); case and blanks around it do not matter.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let code = text.trim();
        if code.is_empty() {
            return Err(IdError::Empty { what: "country code" });
        }
        codes::country(code)
            .or_else(|| codes::country(&code.to_ascii_uppercase()))
            .ok_or_else(|| IdError::Unknown { what: "country code", text: shown(code) })
    }

    /// Two upper-case letters, taken at their word: for tables only.
    pub(crate) fn from_letters(letters: &str) -> Option<Self> {
        let letters: [u8; 2] = letters.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The alpha-2 code.
    pub fn as_str(self) -> &'static str {
        let [first, second] = self.0.map(|letter| usize::from(letter - b'A'));
        str::from_utf8(&PAIRS[first][second]).expect("two ASCII letters")
    }

    /// Short English name.
    pub fn name(self) -> &'static str {
        codes::country_name(self)
    }
}

/// Every pair of letters, so that a code can be lent out for ever.
static PAIRS: [[[u8; 2]; 26]; 26] = {
    let mut pairs = [[[b'A'; 2]; 26]; 26];
    let mut i = 0;
    while i < 26 * 26 {
        pairs[i / 26][i % 26] = [b'A' + (i / 26) as u8, b'A' + (i % 26) as u8];
        i += 1;
    }
    pairs
};

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Country({self})")
    }
}

impl std::str::FromStr for Country {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}
