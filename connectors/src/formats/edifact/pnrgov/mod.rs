//! PNRGOV: bookings of one flight, pushed by its carrier, to traveller rows.
//!
//! Versions 10.1 to 21.1 are one message: level 0 says which flight, each SRC starts a booking (PNR), whose travellers
//! give a row each. A full push (MSG 22) names all bookings, an update (MSG 141) only what changed; a booking that is
//! nothing but its locator and an empty ORG is cancelled and gives one row without a name, in state `cancelled`.
//!
//! Times of a flight are local to its airports. All others (booked, ticketed, checked in) are UTC, as the guide says;
//! where a check-in would then lie behind the departure, the sender writes the clock of the departure airport, and all
//! of the message is read so.

mod booking;
mod header;
mod hyphens;
mod person;
mod rows;
pub(in crate::formats) mod services;
pub(in crate::formats) mod texts;

use chrono_tz::Tz;
use haechi_model::codes;
use haechi_model::intake::Warning;

use super::dates::day_first;
use super::interchange::Message;
use super::output::Output;
use super::places::to_utc_in;
use super::segments::{Arena, Raw};
use booking::Booking;
use header::{Flights, Header};
use rows::Rows;

/// The column `message_format`.
pub const FORMAT: &str = "pnrgov";
/// More segments than one booking has.
const GROUP_SEGMENTS_MAX: usize = 10_000;
/// More bytes than one booking has; its travellers repeat parts of it.
const GROUP_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How many check-ins are looked at to tell the clock.
const CHECK_INS_ASKED: usize = 8;

/// Reads a booking message.
pub fn read(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(FORMAT, &message.version);
    let (mut split, mut hyphenated) = (Vec::new(), Vec::new());
    let mut warnings = Vec::new();
    let released = hyphens::released(message);
    let segments = if released.iter().any(Option::is_some) {
        hyphenated.extend(hyphens::replaced(message, &released));
        glued(&hyphenated, message, &mut split, &mut warnings)
    } else {
        glued(message.segments, message, &mut split, &mut warnings)
    };
    let first = segments.iter().position(|s| s.tag() == "SRC").unwrap_or(segments.len());
    let arena = message.header(segments[..first].iter().copied(), &mut warnings);
    let header = Header::read(&arena, message, &mut warnings);
    let bookings = groups(segments, first);
    let zone = clock(message, &header, segments, &mut warnings);
    for warning in warnings {
        out.warn_with(warning);
    }
    if !header.flight.is_named() {
        out.count("people_set_aside", bookings.len() as u64);
        let position = message.position(1);
        let reason = format!("{position}: no TVL before the first booking names a flight; send the push again with it");
        return out.set_aside("no_flight", position, reason, message.raw(message.segments).as_bytes());
    }
    out.flights.insert(header.flight.key());
    let pnrs = bookings.len() as u64;
    out.count("pnrs", pnrs);
    // EQN counts what the whole push holds, and so says nothing against a part of it.
    if let Some(said) = header.bookings.filter(|said| *said != pnrs && message.is_whole()) {
        out.warn("cnt_mismatch", message.path(1), format!("EQN says {said}, {pnrs} bookings follow"));
    }
    let mut rows = Rows::new(message, &header, complete(message, &header, pnrs));
    let mut shared = Shared { arena, flights: Flights::new(message.chars) };
    for (from, to) in bookings {
        booking(message, &header, &segments[from..to], zone, &mut rows, &mut shared, out);
    }
    rows.end(out);
}

/// Where the bookings are, as ranges of segments.
fn groups(segments: &[Raw<'_>], first: usize) -> Vec<(usize, usize)> {
    let starts: Vec<usize> = (first..segments.len()).filter(|i| segments[*i].tag() == "SRC").collect();
    let ends = starts.iter().skip(1).copied().chain([segments.len()]);
    starts.iter().copied().zip(ends).collect()
}

/// Whether every booking of the flight is in this message; `None` where it alone cannot say.
fn complete(message: &Message<'_>, header: &Header, pnrs: u64) -> Option<bool> {
    if !message.complete {
        return Some(false);
    }
    if let Some((_, mark)) = message.part.as_ref().filter(|_| !message.is_whole()) {
        return (mark != "F").then_some(false);
    }
    (header.function == "22").then(|| header.bookings.map(|said| said == pnrs))?
}

/// The zone of times in bookings: UTC, or where a check-in lies behind the departure, that of the departure airport.
fn clock(message: &Message<'_>, header: &Header, segments: &[Raw<'_>], warnings: &mut Vec<Warning>) -> Tz {
    let airport = header.flight.from.as_deref().and_then(codes::airport);
    let (Some(departs_at), Some(airport)) = (header.flight.departs_at, airport) else { return Tz::UTC };
    let check_ins = segments.iter().filter(|s| s.tag() == "DAT" && s.qualifier(message.chars) == "2");
    let mut arena = Arena::new(message.chars);
    for raw in check_ins.take(CHECK_INS_ASKED) {
        arena.clear();
        if arena.push(*raw).is_err() {
            continue;
        }
        let Some(s) = arena.first() else { continue };
        let Ok(moment) = day_first(s.get(0, 1), s.get(0, 2)) else { continue };
        let late = |zone| to_utc_in(moment, zone).is_some_and(|at| at > departs_at);
        if late(Tz::UTC) && !late(airport.tz) {
            let text = "checked in after the departure if times were UTC; read in the zone of the departure airport";
            warnings.push(Warning { code: "local_times", path: message.path(raw.number), text: text.to_owned() });
            return airport.tz;
        }
    }
    Tz::UTC
}

/// What one booking leaves to the next.
struct Shared<'t> {
    /// Room for its segments.
    arena: Arena<'t>,
    flights: Flights<'t>,
}

fn booking<'t>(
    message: &Message<'_>,
    header: &Header,
    group: &[Raw<'t>],
    zone: Tz,
    rows: &mut Rows<'_>,
    Shared { arena, flights }: &mut Shared<'t>,
    out: &mut Output<'_>,
) {
    let at = group.first().map_or(1, |s| s.number);
    let position = || message.position(at);
    let bytes: usize = group.iter().map(|s| s.text.len()).sum();
    if group.len() > GROUP_SEGMENTS_MAX || bytes > GROUP_BYTES_MAX {
        let position = position();
        let reason = format!("{position}: one booking of {} segments, {bytes} bytes; send it again", group.len());
        return out.set_aside("group_too_long", position, reason, message.raw(group).as_bytes());
    }
    let mut warnings = Vec::new();
    arena.clear();
    for raw in group {
        message.push(arena, *raw, &mut warnings);
    }
    // Every traveller repeats what is of the whole booking.
    for number in arena.cut_long_values() {
        let tag = group.iter().find(|raw| raw.number == number).map_or("", Raw::tag);
        if !matches!(tag, "LTS" | "IFT") {
            let text = format!("{tag} has a value that was cut");
            warnings.push(Warning { code: "value_cut", path: message.path(number), text });
        }
    }
    let allowed = &out.input.options.services_kept;
    let mut booking = Booking::read(arena, header, message, zone, allowed, flights);
    if booking.locators.is_empty() {
        let text = "a booking without RCI".to_owned();
        warnings.push(Warning { code: "no_locator", path: message.path(at), text });
    }
    warnings.append(&mut booking.warnings);
    booking.warnings = warnings;
    for warning in &booking.warnings {
        out.warn_with(warning.clone());
    }
    out.count("docs", booking.docs);
    out.count("split", booking.split.len() as u64);
    if booking.cancelled {
        if rows.cancelled(&booking, at, group, out) {
            out.count("cancelled", 1);
        }
        return;
    }
    if booking.people.is_empty() {
        let position = position();
        let reason = format!("{position}: a booking without travellers; send it again with its TIF");
        return out.set_aside("no_identity", position, reason, message.raw(group).as_bytes());
    }
    if header.function == "141" {
        out.count("changed", 1);
    }
    for person in &booking.people {
        if !person.has_identity() {
            let position = message.position(person.segment);
            let reason =
                format!("{position}: a traveller without name and document; send the booking again with either");
            let own = group.iter().filter(|raw| raw.number == person.segment).copied().collect::<Vec<_>>();
            out.count("people_set_aside", 1);
            out.set_aside("no_identity", position, reason, message.raw(&own).as_bytes());
            continue;
        }
        if rows.write(&booking, person, group, out) {
            out.count("travellers", 1);
            out.count("infants", u64::from(person.kind == Some("infant")));
            let on = booking.flown.and_then(|leg| person.bags_on(leg));
            out.count("bags", on.and_then(|b| b.count).unwrap_or(0).max(0) as u64);
            out.count("documents", person.documents.len() as u64);
        }
    }
}

/// The segments, those cut in two that lack a terminator between them (`...+9TIF+KIM`): a tag of bookings right behind a
/// digit, or behind the status of a leg, and before a separator. Free text is left alone.
fn glued<'s, 'm: 's>(
    segments: &'s [Raw<'m>],
    message: &Message<'_>,
    split: &'s mut Vec<Raw<'m>>,
    warnings: &mut Vec<Warning>,
) -> &'s [Raw<'m>] {
    const TAGS: &[&str] = &[
        "TIF", "FTI", "IFT", "REF", "FAR", "SSR", "ADD", "TKT", "MON", "PTK", "TXD", "DAT", "FOP", "TVL", "TRA", "RPI",
        "APD", "RCI", "TRI", "SSD", "TBD", "EQN", "MSG", "ABI", "SAC", "LTS", "ORG", "EBD",
    ];
    /// Those without free text.
    const WITHOUT_TEXT: [&[u8; 3]; 13] =
        [b"ORG", b"RPI", b"DAT", b"TIF", b"SSD", b"EQN", b"REF", b"TRI", b"APD", b"TVL", b"RCI", b"EBD", b"FAR"];
    let word = |[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]);
    let cut = |raw: &Raw<'m>| {
        // All are compared: that is sooner done than guessed which one it is.
        let tag = word(*raw.tag().as_bytes().first_chunk()?);
        if !WITHOUT_TEXT.iter().fold(false, |found, without| found | (word(**without) == tag)) {
            return None;
        }
        let bytes = raw.text.as_bytes();
        raw.ends_of_four(message.chars.element).find_map(|at| {
            let [before, a, b, c] = *at.checked_sub(4).and_then(|from| bytes[from..at].first_chunk::<4>())?;
            // What hardly any element ends in, seen at once, before the lists are asked.
            let capitals = a.is_ascii_uppercase() & b.is_ascii_uppercase() & c.is_ascii_uppercase();
            if !(capitals & before.is_ascii_alphanumeric()) {
                return None;
            }
            let glued = before.is_ascii_digit() || (before.is_ascii_uppercase() && raw.tag() == "RPI");
            (glued && TAGS.contains(&&raw.text[at - 3..at])).then_some(at - 3)
        })
    };
    if !segments.iter().any(|raw| cut(raw).is_some()) {
        return segments;
    }
    for raw in segments {
        let mut rest = *raw;
        while let Some(at) = cut(&rest) {
            let text = format!("{} and {} were cut apart", rest.tag(), &rest.text[at..at + 3]);
            warnings.push(Warning { code: "missing_terminator", path: message.path(raw.number), text });
            split.push(Raw::new(&rest.text[..at], rest.number, true));
            rest = Raw::new(&rest.text[at..], rest.number, rest.terminated);
        }
        split.push(rest);
    }
    split
}

/// The columns it writes.
#[cfg(test)]
pub(super) const COLUMNS: &[&str] = rows::COLUMN_NAMES;

#[cfg(test)]
mod tests;
