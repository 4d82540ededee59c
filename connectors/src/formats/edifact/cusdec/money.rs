//! Currencies of a declaration: CUX says in which money amounts are, and at which rate they become local.

use chrono_tz::Tz;

use super::super::measure::number;
use super::super::segments::Segment;

/// What CUX says, and what goes without saying at the office.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Money {
    /// Of the country of the office, where CUX names none.
    at_home: Option<&'static str>,
    /// Of the invoice, `USD`.
    invoice: Option<String>,
    /// Of the office, `KRW`.
    local: Option<String>,
    /// Local units for one of the invoice's.
    rate: Option<f64>,
}

impl Money {
    /// Of an office in this zone: Korean declarations are in won without a word of it.
    pub fn at_office(zone: Tz) -> Self {
        Self { at_home: (zone == Tz::Asia__Seoul).then_some("KRW"), ..Self::default() }
    }

    /// The currency of the office.
    fn local_currency(&self) -> Option<&str> {
        self.local.as_deref().or(self.at_home)
    }

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
        // Where dollars are the money of the office, what is local is in dollars.
        if self.local.as_deref() == Some("USD") {
            return self.local(amount, currency);
        }
        let convertible = self.invoice.as_deref() == Some("USD") && self.local_currency() == Some(currency);
        self.rate.filter(|_| convertible).map(|rate| cents(amount / rate))
    }

    /// An amount in the office's currency; `None` where its currency or the rate is not known.
    pub fn local(&self, amount: f64, currency: &str) -> Option<f64> {
        if self.local_currency() == Some(currency) {
            return Some(amount);
        }
        match (&self.local, &self.invoice) {
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
