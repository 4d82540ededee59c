//! Cargo control numbers (화물관리번호): which manifest, which master bill on it, which house bill on that.

use super::{IdError, shown, text_id};

const WHAT: &str = "cargo control number";
const MANIFEST: usize = 11;
const MASTER: usize = 15;

/// Manifest (11), master line (4) and, where the master bill has houses, house line (4; 3 in older numbers).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CargoControlNumber(Box<str>);

text_id!(CargoControlNumber);

impl CargoControlNumber {
    /// Reads 15, 18 or 19 letters and digits; hyphens and blanks between the parts are dropped.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let number: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_uppercase()).collect();
        if let Some(got) = number.chars().find(|c| !c.is_ascii_alphanumeric()) {
            let expected = "letters and digits only";
            return Err(IdError::Character { what: WHAT, text: shown(text), expected, got });
        }
        match number.len() {
            0 => return Err(IdError::Empty { what: WHAT }),
            15 | 18 | 19 => {}
            got => {
                let expected = "15 (master) or 19 (house) characters";
                return Err(IdError::Length { what: WHAT, text: shown(text), expected, got });
            }
        }
        if let Some(got) = number[MANIFEST..].chars().find(|c| !c.is_ascii_digit()) {
            let expected = "digits after the 11 characters of the manifest";
            return Err(IdError::Character { what: WHAT, text: shown(text), expected, got });
        }
        Ok(Self(number.into()))
    }

    /// Manifest reference number: year, carrier, serial.
    pub fn manifest(&self) -> &str {
        &self.0[..MANIFEST]
    }

    /// Line of the master bill.
    pub fn master(&self) -> &str {
        &self.0[MANIFEST..MASTER]
    }

    /// Line of the house bill; `None` for a master bill.
    pub fn house(&self) -> Option<&str> {
        Some(&self.0[MASTER..]).filter(|house| !house.is_empty())
    }
}
