//! Currencies of a declaration: CUX says in which money amounts are, and at which rate they become local.

use super::super::measure::number;
use super::super::segments::Segment;

/// What CUX says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Money {
    /// Of the invoice, `USD`.
    invoice: Option<String>,
    /// Of the office, `KRW`.
    local: Option<String>,
    /// Local units for one of the invoice's.
    rate: Option<f64>,
}

impl Money {
    /// Reads `2:USD:4+3:KRW+1350.00`, or `2++1350.00`.
    pub fn read(&mut self, cux: Segment<'_, '_>) {
        for element in 0..2 {
            let currency = cux.value(element, 1).map(str::to_owned);
            match cux.get(element, 0) {
                "2" | "1" | "6" => self.invoice = currency.or(self.invoice.take()),
                "3" => self.local = currency.or(self.local.take()),
                _ => {}
            }
        }
        self.rate = number(cux.get(2, 0)).filter(|rate| *rate > 0.0).or(self.rate);
    }

    /// The currency of an amount: its own, else the invoice's.
    pub fn currency_of<'c>(&'c self, sent: &'c str) -> &'c str {
        if sent.is_empty() { self.invoice.as_deref().unwrap_or_default() } else { sent }
    }

    /// An amount in dollars; `None` where its currency or the rate is not known.
    pub fn usd(&self, amount: f64, currency: &str) -> Option<f64> {
        if currency == "USD" {
            return Some(amount);
        }
        let convertible = self.invoice.as_deref() == Some("USD") && self.local.as_deref() == Some(currency);
        self.rate.filter(|_| convertible).map(|rate| cents(amount / rate))
    }

    /// An amount in the office's currency; `None` where its currency or the rate is not known.
    pub fn local(&self, amount: f64, currency: &str) -> Option<f64> {
        match (&self.local, &self.invoice) {
            (Some(local), _) if local == currency => Some(amount),
            (_, Some(invoice)) if invoice == currency => self.rate.map(|rate| cents(amount * rate)),
            // Without any rate, an amount without currency is local.
            (None, _) if currency.is_empty() => Some(amount),
            _ => None,
        }
    }
}

/// To hundredths, which no currency of trade goes below but by rounding.
fn cents(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}
