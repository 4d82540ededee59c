//! IFTSTA: the status of consignments, one STS after the other under the CNI of each.
//!
//! Senders leave the CNI out where they tell of one consignment, and write EQD, LOC and DTM before the STS they belong to:
//! what stands before the first STS of a consignment is said of all its events.

use haechi_model::intake::Warning;

use super::super::interchange::Message;
use super::super::output::Output;
use super::super::places::{short, upper};
use super::super::segments::{Arena, Raw};
use super::rows::{Event, Rows};
use super::told::Told;
use super::{Header, group, kinds};

/// The column `message_format`.
pub const FORMAT: &str = "iftsta";
/// Longest event in words, which a status without code is kept as.
const KIND_BYTES_MAX: usize = 35;

/// Reads a message.
pub fn read(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(FORMAT, &message.version);
    let segments = message.segments;
    let first = segments.iter().position(|s| matches!(s.tag(), "CNI" | "STS")).unwrap_or(segments.len());
    let header = Header::read(&segments[..first], message, out);
    let mut rows = Rows::new(message, &header, FORMAT);
    let mut from = first;
    while from < segments.len() {
        let next = segments[from + 1..].iter().position(|s| s.tag() == "CNI");
        let to = next.map_or(segments.len(), |n| from + 1 + n);
        consignment(&segments[from..to], message, &mut rows, out);
        from = to;
    }
    if first == segments.len() {
        no_status(segments, message, out);
    }
}

/// Reads the events of one consignment.
fn consignment<'m>(segments: &'m [Raw<'m>], message: &'m Message<'m>, rows: &mut Rows<'m>, out: &mut Output<'_>) {
    out.count("consignments", 1);
    let is_status = |segment: &Raw<'_>| segment.tag() == "STS";
    let Some(first) = segments.iter().position(is_status) else { return no_status(segments, message, out) };
    let mut warnings = Vec::new();
    let Some(arena) = group(message, &segments[..first], &mut warnings) else {
        return too_long(segments, message, out);
    };
    let told = Told::group(&arena, message, &mut warnings);
    for warning in warnings {
        out.warn_with(warning);
    }
    let mut from = first;
    while from < segments.len() {
        let next = segments[from + 1..].iter().position(is_status);
        let to = next.map_or(segments.len(), |n| from + 1 + n);
        let own = &segments[from..to];
        from = to;
        let mut warnings = Vec::new();
        let Some(arena) = group(message, own, &mut warnings) else {
            too_long(own, message, out);
            continue;
        };
        let kind = kind(&arena, message, &mut warnings);
        let event = Told::group(&arena, message, &mut warnings);
        rows.write(Event { kind, told: &event, consignment: Some(&told), segments: own, warnings }, out);
    }
}

/// What an STS says that happened; what is in no list as it was sent.
fn kind(arena: &Arena<'_>, message: &Message<'_>, warnings: &mut Vec<Warning>) -> Option<String> {
    let sts = arena.first()?;
    let mut warn = |text| warnings.push(Warning { code: "unknown_code", path: message.path(sts.number()), text });
    if let Some(code) = sts.value(1, 0).map(upper) {
        let known = kinds::of_status(&code, sts.get(0, 0), sts.get(1, 2));
        if known.is_none() {
            warn(format!("status `{}`", short(&code)));
        }
        return Some(known.map_or_else(|| code.into_owned(), str::to_owned));
    }
    let words = sts.value(1, 3).or_else(|| sts.value(0, 1))?;
    let words = &words[..words.floor_char_boundary(KIND_BYTES_MAX)];
    warn(format!("a status without code: `{}`", short(words)));
    Some(words.to_owned())
}

fn no_status(segments: &[Raw<'_>], message: &Message<'_>, out: &mut Output<'_>) {
    let position = message.position(segments.first().map_or(1, |segment| segment.number));
    let reason = format!("{position}: no STS says what happened; send the status again with it");
    out.set_aside("no_event", position, reason, message.raw(segments).as_bytes());
}

fn too_long(segments: &[Raw<'_>], message: &Message<'_>, out: &mut Output<'_>) {
    let position = message.position(segments.first().map_or(1, |segment| segment.number));
    let reason = format!("{position}: {} segments of one event; send it again in parts", segments.len());
    out.set_aside("group_too_long", position, reason, message.raw(segments).as_bytes());
}
