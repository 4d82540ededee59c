//! CUSDEC: goods declarations to declaration rows, one an item.
//!
//! D.95B to D.16B are one reader: the header runs to the first item (a CST with a number), items to UNS S, CNT or the
//! end; senders without UNS are read the same. An amendment (BGM 4) gives rows for the items it names and no others, a
//! cancellation (BGM 1) one row that holds the key. Dialects differ in where the tariff stands (CST 122, 169, 108, or
//! RFF ABD) and how the kind is named (BGM); all are read everywhere.

mod header;
mod item;
mod money;
mod rows;

use super::interchange::Message;
use super::output::Output;
use super::party::Party;
use super::segments::{Arena, Raw};
use header::Header;
use item::Item;
use rows::Rows;

/// The column `message_format`.
pub const FORMAT: &str = "cusdec";
/// More segments than one item has.
const GROUP_SEGMENTS_MAX: usize = 20_000;

/// Reads a declaration.
pub fn read(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(FORMAT, &message.version);
    let segments = message.segments;
    let items = items(message);
    let first = items.first().map_or(segments.len(), |(from, _)| *from);
    let last = items.last().map_or(segments.len(), |(_, to)| *to);
    let mut warnings = Vec::new();
    let around = segments[..first].iter().chain(&segments[last..]).copied();
    let mut arena = message.header(around, &mut warnings);
    let header = Header::read(&arena, message, out.input.options.zone, &mut warnings);
    let n = items.len() as u64;
    if let Some(said) = header.items.filter(|said| *said != n) {
        let text = format!("CNT says items {said}, listed {n}");
        warnings.push(haechi_model::Warning { code: "cnt_mismatch", path: message.path(1), text });
    }
    if header.office.is_none() && header.change_kind() == "new" {
        let text = "no LOC 41 or 22".to_owned();
        warnings.push(haechi_model::Warning { code: "no_office", path: message.path(1), text });
    }
    for warning in warnings {
        out.warn_with(warning);
    }
    if header.id.is_none() {
        let position = message.position(1);
        let reason =
            format!("{position}: neither BGM nor RFF ABE or ABO gives a number; send the declaration again with one");
        return out.set_aside("no_declaration", position, reason, message.raw(segments).as_bytes());
    }
    if items.is_empty() && header.change_kind() != "cancel" {
        let position = message.position(1);
        let reason = format!("{position}: a declaration without items; send it again with its CST");
        return out.set_aside("no_item", position, reason, message.raw(segments).as_bytes());
    }
    out.count("declarations", 1);
    out.count("version", header.version() as u64);
    if header.change_kind() == "cancel" {
        out.count("cancelled", 1);
    }
    if items.is_empty() {
        let mut nothing = Item { number: 1, ..Item::default() };
        Rows::new(message, &header, None, None).write(&mut nothing, 1, segments, out);
        return;
    }
    let departure = items.iter().find_map(|(from, to)| departure(message, &segments[*from..*to]));
    let supplier = if header.exporter.party().is_none() { supplier(message, &items) } else { None };
    let rows = Rows::new(message, &header, departure, supplier);
    for (nth, (from, to)) in items.into_iter().enumerate() {
        item(message, &header, nth as i32 + 1, &segments[from..to], &rows, &mut arena, out);
    }
}

/// Where the items are, as ranges of segments.
fn items(message: &Message<'_>) -> Vec<(usize, usize)> {
    let mut items: Vec<(usize, usize)> = Vec::new();
    let mut open = None;
    // The summary names totals by the same tags as the items.
    let mut summary = false;
    // Behind the section control every CST is of an item, be its number sent or not.
    let mut detail = false;
    for (i, segment) in message.segments.iter().enumerate() {
        let numbered = || detail || !segment.qualifier(message.chars).is_empty();
        let starts = !summary && segment.tag() == "CST" && numbered();
        if starts || matches!(segment.tag(), "UNS" | "CNT" | "AUT") {
            items.extend(open.take().map(|from| (from, i)));
        }
        summary |= segment.tag() == "UNS" && segment.qualifier(message.chars) == "S";
        detail |= segment.tag() == "UNS" && segment.qualifier(message.chars) == "D";
        if starts {
            open = Some(i);
        }
    }
    items.extend(open.map(|from| (from, message.segments.len())));
    items
}

/// LOC 35 of an item.
fn departure(message: &Message<'_>, group: &[Raw<'_>]) -> Option<String> {
    let loc = group.iter().find(|raw| raw.tag() == "LOC" && raw.qualifier(message.chars) == "35")?;
    let mut arena = Arena::new(message.chars);
    arena.push(*loc).ok()?;
    let code = arena.first()?.value(1, 0)?;
    Some(super::places::country(code, &String::new, &mut Vec::new()).into_owned())
}

/// Who supplies the items, where all that name somebody name the same.
fn supplier(message: &Message<'_>, items: &[(usize, usize)]) -> Option<Party> {
    let mut supplier = None;
    let mut arena = Arena::new(message.chars);
    for raw in items.iter().flat_map(|(from, to)| &message.segments[*from..*to]) {
        if raw.tag() != "NAD" || !matches!(raw.qualifier(message.chars), "SU" | "SE" | "EX") {
            continue;
        }
        arena.clear();
        arena.push(*raw).ok()?;
        let party = Party::read(arena.first()?, &String::new, &mut Vec::new());
        match &supplier {
            Some(known) if *known != party => return None,
            _ => supplier = Some(party),
        }
    }
    supplier
}

fn item<'t>(
    message: &Message<'_>,
    header: &Header,
    nth: i32,
    group: &[Raw<'t>],
    rows: &Rows<'_>,
    arena: &mut Arena<'t>,
    out: &mut Output<'_>,
) {
    let at = group.first().map_or(1, |s| s.number);
    if group.len() > GROUP_SEGMENTS_MAX {
        let position = message.position(at);
        let reason = format!("{position}: one item of {} segments; send the item again", group.len());
        return out.set_aside("group_too_long", position, reason, message.raw(group).as_bytes());
    }
    let mut warnings = Vec::new();
    arena.clear();
    for raw in group {
        message.push(arena, *raw, &mut warnings);
    }
    let mut item = Item::read(arena, message, &header.money, nth);
    warnings.append(&mut item.warnings);
    item.warnings = warnings;
    let value = item.customs_value.as_ref().map(|(amount, _)| *amount).unwrap_or_default();
    let duty = item.duty.as_ref().map(|(amount, _)| *amount).unwrap_or_default();
    let taken = rows.write(&mut item, at, group, out);
    for warning in &item.warnings {
        out.warn_with(warning.clone());
    }
    if taken {
        out.count("items", 1);
        out.count("items_changed", u64::from(header.change_kind() == "amend"));
        out.count("customs_value", value.round() as u64);
        out.count("duty", duty.round() as u64);
    }
}

/// The columns it writes.
#[cfg(test)]
pub(super) const COLUMNS: &[&str] = rows::COLUMN_NAMES;

#[cfg(test)]
mod tests;
