//! Amounts with their currency.

use std::fmt;

use super::{IdError, shown};
use crate::codes;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: [u8; 3],
    minor_digits: Option<u8>,
}

impl Currency {
    /// Reads a three-letter code in either case.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let code = text.trim();
        if code.is_empty() {
            return Err(IdError::Empty { what: "currency code" });
        }
        codes::currency(&code.to_ascii_uppercase())
            .ok_or_else(|| IdError::Unknown { what: "currency code", text: shown(code) })
    }

    pub(crate) fn from_letters(letters: &str, minor_digits: Option<u8>) -> Option<Self> {
        let code: [u8; 3] = letters.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self { code, minor_digits })
    }

    /// The ISO code.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.code).expect("three ASCII letters")
    }

    /// Digits behind the point; `None` where there is no minor unit (gold).
    pub fn minor_digits(self) -> Option<u8> {
        self.minor_digits
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

/// An amount in a currency. Never added to another without asking for the rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Money {
    /// In major units: 12.50 is twelve and a half dollars.
    pub amount: f64,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// Reads `USD 1250.00` or `1250.00 USD`: a decimal point, no thousands separators.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        const WHAT: &str = "amount of money";
        let text = text.trim();
        if text.is_empty() {
            return Err(IdError::Empty { what: WHAT });
        }
        let of_currency = |c: char| c.is_ascii_alphabetic();
        let (code, number) = if text.starts_with(of_currency) {
            text.split_at(text.find(|c| !of_currency(c)).unwrap_or(text.len()))
        } else {
            let (number, code) = text.split_at(text.find(of_currency).unwrap_or(text.len()));
            (code, number)
        };
        let currency = Currency::parse(code)?;
        let number = number.trim();
        if let Some(got) = number.chars().find(|c| !c.is_ascii_digit() && !matches!(c, '.' | '-')) {
            let expected = "digits and a decimal point";
            return Err(IdError::Character { what: WHAT, text: shown(text), expected, got });
        }
        match number.parse::<f64>() {
            Ok(amount) if amount.is_finite() => Ok(Self { amount, currency }),
            _ => Err(IdError::Unknown { what: WHAT, text: shown(text) }),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.minor_digits.unwrap_or(2));
        write!(f, "{:.digits$} {}", self.amount, self.currency)
    }
}
