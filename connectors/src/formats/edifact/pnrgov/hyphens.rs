//! Hyphens that separate elements, and stand in names and addresses too: `TIF-KIM-SOO-JIN:A:1`.
//!
//! What an element must have tells which hyphens are of the text: these are released, and the segment is then read as any
//! other. Texts of remarks and services are joined by their readers.

use super::super::interchange::Message;
use super::super::segments::{Raw, unreleased};

/// The segments as they would have been sent with these hyphens released, by number; none where the message separates
/// with anything else.
pub fn released(message: &Message<'_>) -> Vec<Option<String>> {
    // Without a release character nothing can be released.
    if message.chars.element != b'-' || message.chars.release == 0 {
        return Vec::new();
    }
    message.segments.iter().map(|raw| one(message, raw)).collect()
}

/// The segments, those of `released` in their place.
pub fn replaced<'r>(message: &Message<'r>, released: &'r [Option<String>]) -> Vec<Raw<'r>> {
    let replaced = |(raw, released): (&Raw<'r>, &'r Option<String>)| {
        released.as_ref().map_or(*raw, |text| Raw::new(text, raw.number, raw.terminated))
    };
    message.segments.iter().zip(released).map(replaced).collect()
}

#[cold]
fn one(message: &Message<'_>, raw: &Raw<'_>) -> Option<String> {
    let chars = message.chars;
    let begins: fn(&[&str], usize, u8) -> bool = match raw.tag() {
        "TIF" => begins_traveller,
        "ADD" => begins_address,
        _ => return None,
    };
    let parts = unreleased(raw.text, chars.element, chars.release);
    let mut text = String::with_capacity(raw.text.len() + parts.len());
    let mut any = false;
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            let begins = begins(&parts, at, chars.component);
            any |= !begins;
            text.extend((!begins).then_some(chars.release as char));
            text.push(chars.element as char);
        }
        text.push_str(part);
    }
    any.then_some(text)
}

/// Behind the tag and the surname: given names end where the type of the traveller stands behind them.
fn begins_traveller(parts: &[&str], at: usize, component: u8) -> bool {
    at <= 2 || parts[at - 1].as_bytes().contains(&component)
}

/// Behind the tag and an empty element: an address begins with its purpose, `700`.
fn begins_address(parts: &[&str], at: usize, component: u8) -> bool {
    let purpose = |bytes: &[u8]| {
        let (digits, rest) = bytes.split_at_checked(3)?;
        Some(digits.iter().all(u8::is_ascii_digit) && rest.first() == Some(&component))
    };
    at <= 2 || purpose(parts[at].as_bytes()).unwrap_or(false)
}
