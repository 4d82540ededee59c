//! Travel document numbers, ICAO 9303.

use std::fmt;

use super::IdError;

const WHAT: &str = "document number";
/// Characters of the number in the machine readable zone of a passport; longer ones overflow elsewhere.
const FIELD: usize = 9;
const LONGEST: usize = 30;

/// The number of a passport, visa or identity card. Personal data: it prints masked, also in errors.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentNumber(Box<str>);

impl DocumentNumber {
    /// Reads letters and digits; blanks, hyphens and the filler `<` are dropped.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let number: String =
            text.chars().filter(|c| !matches!(c, ' ' | '-' | '<')).map(|c| c.to_ascii_uppercase()).collect();
        if let Some(got) = number.chars().find(|c| !c.is_ascii_alphanumeric()) {
            let expected = "letters and digits only";
            return Err(IdError::Character { what: WHAT, text: masked(&number), expected, got });
        }
        match number.len() {
            0 => Err(IdError::Empty { what: WHAT }),
            1..=LONGEST => Ok(Self(number.into())),
            got => {
                Err(IdError::Length { what: WHAT, text: masked(&number), expected: "1 to 30 letters and digits", got })
            }
        }
    }

    /// Reads a number with its check digit behind, as the machine readable zone has it: `L898902C36`.
    pub fn parse_checked(text: &str) -> Result<Self, IdError> {
        let mut field = text.trim().chars();
        let got = field.next_back().ok_or(IdError::Empty { what: WHAT })?;
        let number = Self::parse(field.as_str())?;
        let expected = number.check_digit();
        if mrz::verify(&number.field(), got) {
            Ok(number)
        } else {
            Err(IdError::CheckDigit { what: WHAT, text: masked(&number.0), expected, got })
        }
    }

    /// The ICAO 9303 check digit that belongs behind the number.
    pub fn check_digit(&self) -> char {
        let digit = mrz::check_digit(&self.field()).expect("letters, digits and fillers only");
        char::from_digit(digit, 10).expect("modulo 10")
    }

    /// The number in clear.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn field(&self) -> String {
        format!("{:<<FIELD$}", self.0)
    }
}

/// Three characters at most, and never more than half.
fn masked(number: &str) -> String {
    let count = number.chars().count();
    let shown = 3.min(count / 2);
    number.chars().enumerate().map(|(i, c)| if i + shown < count { '*' } else { c }).collect()
}

impl fmt::Display for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.0))
    }
}

impl fmt::Debug for DocumentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DocumentNumber({self})")
    }
}
