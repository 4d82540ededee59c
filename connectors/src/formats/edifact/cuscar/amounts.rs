//! What carriage costs and what goods are worth (MOA), of a bill and of each of its lines, in dollars.
//!
//! What a bill says of itself, before its first line, goes before the sum of its lines. A sum of which a part is in
//! another currency would be too small: it is left out.

use super::super::measure::{self, Unreadable};
use super::super::places::short;
use super::super::segments::Segment;

/// Qualifiers of what goods are worth, the surest first: for customs, for carriage, of the goods, of the invoice.
const VALUES: [&str; 4] = ["40", "44", "14", "39"];

/// An amount as told once or several times.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Amount {
    /// Not at all.
    #[default]
    Untold,
    /// In a currency we do not convert, or as no number.
    Unreadable,
    /// In dollars, by the qualifier of this rank.
    Usd(usize, f64),
}

/// The amounts of a bill or of a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Amounts {
    /// MOA 64.
    pub freight: Amount,
    /// MOA 40, 44, 14, 39.
    pub value: Amount,
}

impl Amounts {
    /// Takes a MOA, which is in `currency` where it names none itself.
    pub fn read(&mut self, moa: Segment<'_, '_>, currency: &str) -> Result<(), Unreadable> {
        let kind = moa.get(0, 0);
        let (into, rank) = match VALUES.iter().position(|value| *value == kind) {
            Some(rank) => (&mut self.value, rank),
            None if kind == "64" => (&mut self.freight, 0),
            None => return Ok(()),
        };
        let currency = if moa.get(0, 2).is_empty() { currency } else { moa.get(0, 2) };
        let problem = match (currency, measure::number(moa.get(0, 1))) {
            ("USD", Some(amount)) => {
                if !matches!(into, Amount::Usd(known, _) if *known < rank) {
                    *into = Amount::Usd(rank, amount);
                }
                return Ok(());
            }
            (_, None) => ("bad_number", format!("MOA {kind}")),
            (other, _) => ("amount_currency", format!("MOA {kind} in `{}`", short(other))),
        };
        if *into == Amount::Untold {
            *into = Amount::Unreadable;
        }
        Err(problem)
    }
}

/// The amount of a bill, else the sum of those of its lines.
pub fn total(own: Amount, lines: impl Iterator<Item = Amount>) -> Option<f64> {
    if let Amount::Usd(_, amount) = own {
        return Some(amount);
    }
    let mut sum = None;
    for line in lines {
        match line {
            Amount::Untold => {}
            Amount::Unreadable => return None,
            Amount::Usd(_, amount) => sum = Some(sum.unwrap_or(0.0) + amount),
        }
    }
    sum
}
