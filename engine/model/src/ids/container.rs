//! Freight containers, ISO 6346.

use super::{IdError, shown, text_id};

const WHAT: &str = "container id";

/// Owner (3 letters), category (`U`, `J`, `Z`, `R`), serial (6 digits) and a check digit that fits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(Box<str>);

text_id!(ContainerId);

impl ContainerId {
    /// Reads eleven characters; blanks and hyphens between them are dropped.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let id = normal(text);
        let got = id.chars().count();
        if got == 0 {
            return Err(IdError::Empty { what: WHAT });
        }
        if got != 11 {
            return Err(IdError::Length { what: WHAT, text: shown(text), expected: "11 characters", got });
        }
        for (i, c) in id.chars().enumerate() {
            let (fits, expected) = match i {
                0..=3 => (c.is_ascii_uppercase(), "four letters first"),
                _ => (c.is_ascii_digit(), "digits after the letters"),
            };
            if !fits {
                return Err(IdError::Character { what: WHAT, text: shown(text), expected, got: c });
            }
        }
        let expected = check_digit(&id);
        match id.chars().last() {
            Some(got) if got != expected => Err(IdError::CheckDigit { what: WHAT, text: id, expected, got }),
            _ => Ok(Self(id.into())),
        }
    }

    /// Owner and category: whose container it is.
    pub fn owner(&self) -> &str {
        &self.0[..4]
    }
}

fn normal(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, ' ' | '-' | '/')).map(|c| c.to_ascii_uppercase()).collect()
}

/// Letters count 10 upwards without the multiples of 11, each place twice the one before, modulo 11, 10 as 0.
fn check_digit(id: &str) -> char {
    let value = |c: char| match c {
        '0'..='9' => c as u32 - '0' as u32,
        'A' => 10,
        'B'..='K' => c as u32 - 'B' as u32 + 12,
        'L'..='U' => c as u32 - 'L' as u32 + 23,
        'V'..='Z' => c as u32 - 'V' as u32 + 34,
        _ => 0,
    };
    let sum: u32 = id.chars().take(10).enumerate().map(|(place, c)| value(c) << place).sum();
    char::from_digit(sum % 11 % 10, 10).unwrap_or('0')
}
