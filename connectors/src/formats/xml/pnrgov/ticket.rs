//! Tickets, what they cost and who paid.

use std::borrow::Cow;

use super::super::convert::{id, moment, number, short, text};
use super::super::output::Row;
use super::super::tree::Element;
use super::super::value::Value;
use super::SHEET;
use crate::formats::edifact::places::to_utc_in;
use crate::formats::edifact::pnrgov::texts::masked;

/// An element with a ticket.
pub(super) const TICKET: &str = "TicketDocument";

/// Tickets and who paid: of the passenger and those that his services name, else what stands under none.
pub(super) fn tickets<'u>(
    shared: &[Element<'u>],
    (passenger, named): (Element<'u>, &[Cow<'u, str>]),
    path: &str,
    row: &mut Row<'u>,
) {
    let own: Vec<Element<'u>> = passenger.descendants().filter(|element| element.name() == TICKET).collect();
    // A service names a ticket of this passenger, documents under nobody may be of another.
    let tickets = if own.is_empty() && named.is_empty() { shared } else { &own };
    let numbers = tickets.iter().filter_map(|e| e.attribute_value("TicketDocumentNbr").map(id));
    let mut numbers: Vec<Cow<'u, str>> = numbers.collect();
    numbers.extend(named.iter().filter(|told| !numbers.contains(told)).cloned().collect::<Vec<_>>());
    row.put_at(SHEET.at("tickets"), Value::texts(numbers));
    let tickets = if own.is_empty() { shared } else { &own };
    let dated = tickets.iter().find_map(|ticket| ticket.attribute_value("DateOfIssue"));
    let issued = dated.as_deref().and_then(moment);
    if let Some(sent) = dated.filter(|_| issued.is_none()) {
        row.warn("bad_date", format!("{path}//{TICKET}@DateOfIssue"), format!("`{}`", short(&sent)));
    }
    let issued = issued.and_then(|moment| to_utc_in(moment, chrono_tz::Tz::UTC));
    row.put_at(SHEET.at("ticketed_at"), issued.map_or(Value::Null, Value::Ts));
    let fares = tickets.iter().filter_map(|ticket| ticket.at("TotalFare"));
    let mut fare: Option<f64> = None;
    for sent in fares {
        match sent.attribute_value("CurrencyCode").map(id).as_deref() {
            Some("USD") => {
                let told = sent.attribute_value("Amount");
                let amount = told.as_deref().and_then(number);
                if let Some(told) = told.filter(|_| amount.is_none()) {
                    row.warn("bad_number", format!("{path}//TotalFare@Amount"), format!("`{}`", short(&told)));
                }
                fare = amount.map(|n| n + fare.unwrap_or(0.0)).or(fare);
            }
            _ => row.warn("amount_currency", format!("{path}//TotalFare"), "not in USD"),
        }
    }
    row.put(&SHEET, "fare_amount_usd", fare);
    let paid = tickets.iter().flat_map(|ticket| ticket.descendants()).find(|e| e.name() == "PaymentInfo");
    let Some(paid) = paid else { return };
    let kind = paid.attribute_value("PaymentType").map(id).map(|kind| match kind.as_ref() {
        "CC" | "DC" => "card",
        "CA" => "cash",
        "CK" => "cheque",
        "PT" | "FF" => "points",
        _ => "misc",
    });
    row.put(&SHEET, "payment_kind", kind);
    if kind == Some("card") {
        row.put(&SHEET, "card_issuer", paid.attribute_value("VendorCode").map(id));
        let number = paid.attribute_value("AccountNbr").map(|number| Cow::Owned(masked(&number)));
        row.put(&SHEET, "card_number_masked", number);
    }
    row.put(&SHEET, "payer_name", paid.attribute_value("CardHolderName").map(text));
}
