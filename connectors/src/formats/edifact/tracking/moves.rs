//! COARRI, CODECO and COPRAR: what BGM says happened, or is to happen, to each container that an EQD names.
//!
//! The port of call and its ship stand before the first EQD. Where BGM has a code that nobody knows, the header tells by
//! its LOC which way a ship was worked: 11 is where it was unloaded, 9 where it was loaded.

use super::super::interchange::Message;
use super::super::output::Output;
use super::super::places::short;
use super::super::segments::Arena;
use super::kinds::{self, Move};
use super::rows::{Event, Rows};
use super::told::{Told, is_chassis};
use super::{Header, group};

/// The column `message_format`: what was unloaded and loaded.
pub const COARRI: &str = "coarri";
/// What came through a gate.
pub const CODECO: &str = "codeco";
/// What is to be unloaded and loaded.
pub const COPRAR: &str = "coprar";

/// Reads a message of one of these formats.
pub fn read(format: &'static str, message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(format, &message.version);
    let segments = message.segments;
    let starts: Vec<usize> = (0..segments.len()).filter(|i| segments[*i].tag() == "EQD").collect();
    let first = starts.first().copied().unwrap_or(segments.len());
    let header = Header::read(&segments[..first], message, out);
    if starts.is_empty() {
        let position = message.position(1);
        let reason = format!("{position}: no EQD names a container; send the message again with them");
        return out.set_aside("no_event", position, reason, message.raw(segments).as_bytes());
    }
    let kind = kind(format, &header, message, out);
    let mut rows = Rows::new(message, &header, format);
    let mut counted = None;
    let ends = starts.iter().skip(1).copied().chain([segments.len()]);
    for (start, end) in starts.iter().copied().zip(ends) {
        let own = &segments[start..end];
        // It went through the gate with its container, or without one, which moves no goods.
        let qualifier = own[0].qualifier(message.chars);
        if is_chassis(qualifier) {
            out.warn(
                "other_equipment",
                message.path(own[0].number),
                format!("EQD {qualifier}; its events are left out"),
            );
            continue;
        }
        out.count("containers", 1);
        let mut warnings = Vec::new();
        let Some(arena) = group(message, own, &mut warnings) else {
            let position = message.position(own[0].number);
            let reason = format!("{position}: {} segments of one container; send it again", own.len());
            out.set_aside("group_too_long", position, reason, message.raw(own).as_bytes());
            continue;
        };
        let told = Told::group(&arena, message, &mut warnings);
        counted = told.equipment_counted.or(counted);
        let kind = kind.as_deref().map(|kind| of_container(kind, &arena).to_owned());
        rows.write(Event { kind, told: &told, consignment: None, segments: own, warnings }, out);
    }
    if counted.is_some_and(|counted| counted != starts.len() as u64) {
        let text = format!("CNT says {} containers, listed {}", counted.unwrap_or_default(), starts.len());
        out.warn("cnt_mismatch", message.path(1), text);
    }
}

/// What the message tells of its containers; a code that is in no list as it was sent.
fn kind(format: &str, header: &Header, message: &Message<'_>, out: &mut Output<'_>) -> Option<String> {
    let moves: &[Move] = match format {
        COARRI => kinds::COARRI,
        CODECO => kinds::CODECO,
        _ => kinds::COPRAR,
    };
    let named = moves.iter().find(|told| told.codes.contains(&header.kind.as_str()));
    let said = || moves.iter().find(|told| told.words.iter().any(|word| header.kind_text.contains(word)));
    let found = named.or_else(said);
    if found.is_none() {
        let by_port = by_port(moves, &header.told);
        let taken = by_port.map_or_else(|| "kept as sent".to_owned(), |told| format!("taken as {}", told.kind));
        out.warn("unknown_code", message.path(1), format!("BGM {}; {taken}", short(&header.kind)));
        let kept = || Some(header.kind.clone()).filter(|kind| !kind.is_empty());
        return by_port.map(|told| told.kind.to_owned()).or_else(kept);
    }
    found.map(|told| told.kind.to_owned())
}

/// The way a ship was worked, by the one place that the header names of where it was.
fn by_port<'k>(moves: &'k [Move], header: &Told) -> Option<&'k Move> {
    let of = |kind: &str| moves.iter().find(|told| told.kind.starts_with(kind));
    match (header.has_place("11"), header.has_place("9")) {
        (true, false) => of("unload"),
        (false, true) => of("load"),
        _ => None,
    }
}

/// Of a container that was to be unloaded and was not there, and of one that was there and was not to be: EQD 8249 says
/// so, and it is another event.
fn of_container<'k>(kind: &'k str, arena: &Arena<'_>) -> &'k str {
    match arena.first().map_or("", |eqd| eqd.get(4, 0)) {
        "7" if kind == "unloaded" => "short_landed",
        "8" if kind == "unloaded" => "over_landed",
        _ => kind,
    }
}
