//! How a passenger is reached.

use std::borrow::Cow;

use super::super::output::Row;
use super::super::tree::Element;
use super::super::value::Value;
use super::{EACH_MAX, SHEET};
use crate::formats::edifact::people::phone;
use crate::formats::edifact::pnrgov::texts::{email, without_letter};

/// Phones and addresses of a passenger and of the booking, behind those that services tell.
pub(super) fn contacts<'u>(
    [pnr, passenger]: [Element<'u>; 2],
    mut phones: Vec<String>,
    mut emails: Vec<String>,
    path: &str,
    row: &mut Row<'u>,
) {
    for contact in passenger.all("ContactInfo").chain(pnr.all("ContactInfo")) {
        if phones.len().max(emails.len()) >= EACH_MAX {
            row.warn("value_cut", format!("{path}/ContactInfo"), format!("{EACH_MAX} contacts are kept"));
            break;
        }
        for name in ["PhoneNumber", "Email", "EmailAddress"] {
            let Some(sent) = contact.attribute_value(name) else { continue };
            if sent.contains('@') || sent.contains("//") {
                let email = mail(&sent, name == "PhoneNumber");
                emails.extend(email.filter(|email| !emails.contains(email)));
                continue;
            }
            let bare = sent.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            if let Some(phone) = phone(bare).filter(|phone| !phones.contains(phone)) {
                phones.push(phone);
            }
        }
    }
    row.put_at(SHEET.at("phones"), Value::texts(phones.into_iter().map(Cow::Owned)));
    row.put_at(SHEET.at("emails"), Value::texts(emails.into_iter().map(Cow::Owned)));
}

/// A mail address, as people write it or with `//` for `@`. Among numbers the letter of its kind stands before it, as
/// before them; elsewhere only where a sign behind it says so.
fn mail(sent: &str, among_numbers: bool) -> Option<String> {
    const SIGNS: [char; 3] = [':', '-', ' '];
    let own = if among_numbers { without_letter(sent, "E") } else { sent };
    let own = sent.strip_prefix('E').filter(|rest| rest.starts_with(SIGNS)).unwrap_or(own).trim_start_matches(SIGNS);
    // What is no address is kept as it is, where its `@` says that it was meant as one.
    email(own).or_else(|| sent.contains('@').then(|| own.to_lowercase()))
}
