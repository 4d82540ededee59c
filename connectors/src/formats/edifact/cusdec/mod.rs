//! CUSDEC: goods declarations to declaration rows, one an item.
//!
//! D.95B to D.16B are one reader: the header runs to the first item (a CST with a number), items to UNS S, CNT or the
//! end; senders without UNS are read the same. An amendment (BGM 4) gives rows for the items it names and no others, a
//! cancellation (BGM 1) one row that holds the key. Some declare goods of little value without any item: one row stands
//! for all of them. Dialects differ in where the tariff stands (CST 122, 169, 108, or
//! RFF ABD) and how the kind is named (BGM); all are read everywhere.

mod header;
mod item;
mod lines;
mod money;
mod rows;

use std::collections::HashSet;

use haechi_model::Warning;

use super::interchange::Message;
use super::measure::number;
use super::output::Output;
use super::party::Party;
use super::places::short;
use super::segments::{Arena, Raw};
use header::Header;
use item::Item;
use lines::ModelLines;
use money::Money;
use rows::Rows;

/// The column `message_format`.
pub const FORMAT: &str = "cusdec";
/// More segments than one item has.
const GROUP_SEGMENTS_MAX: usize = 20_000;
/// What is read of a declaration without items, with where lines begin and where they end.
const OF_GOODS: &[&str] = &[
    "CST", "FTX", "MEA", "TAX", "MOA", "RFF", "DOC", "DTM", "GIN", "LIN", "IMD", "QTY", "PRI", "UNS", "DMS", "CNT",
    "PAC", "GIS", "GEI", "EQD",
];

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
    let mut header = Header::read(&arena, message, out.input.options.zone, &mut warnings);
    if header.bound(items.len()) {
        let text = "more containers or earlier declarations than are kept".to_owned();
        warnings.push(Warning { code: "value_cut", path: message.path(1), text });
    }
    if header.freight_usd.is_none() && !header.changes_items() {
        header.freight_usd = freight(message, &items, &header.money, &mut warnings);
    }
    if header.lines.cut {
        let text = format!("more than {} LIN", header.lines.len());
        warnings.push(Warning { code: "value_cut", path: message.path(1), text });
    }
    if items.len() > 1 && !header.lines.is_empty() {
        let text = format!("{} LIN before {} items", header.lines.len(), items.len());
        warnings.push(Warning { code: "line_without_item", path: message.path(1), text });
        header.lines = ModelLines::default();
    }
    let n = items.len() as u64;
    // A part of a series tells the items of all; an amendment lists those that change, of as many as there are.
    let in_part = |said: u64| said >= n && (header.changes_items() || !message.is_whole());
    if let Some(said) = header.items.filter(|said| *said != n && !in_part(*said)) {
        let text = format!("CNT says items {said}, listed {n}");
        warnings.push(Warning { code: "cnt_mismatch", path: message.path(1), text });
    }
    if header.office.is_none() && header.change_kind() == "new" {
        let text = "no LOC 41 or 22".to_owned();
        warnings.push(Warning { code: "no_office", path: message.path(1), text });
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
    // Where its end is missing, so may its items be; and one row for all goods would amend the first item.
    let why = if header.change_kind() == "cancel" {
        None
    } else if !message.complete {
        Some("cut off before its first CST; send the declaration again")
    } else if header.changes_items() {
        Some(
            "an amendment that names no item; send it again with the items that change, or send the declaration again as \
             replacement (5)",
        )
    } else {
        None
    };
    if let Some(why) = why.filter(|_| items.is_empty()) {
        let position = message.position(1);
        let reason = format!("{position}: {why}");
        return out.set_aside("no_item", position, reason, message.raw(segments).as_bytes());
    }
    out.count("declarations", 1);
    out.count("version", header.version() as u64);
    if header.change_kind() == "cancel" {
        out.count("cancelled", 1);
    }
    if items.is_empty() {
        return whole(message, &header, out);
    }
    let departure = items.iter().find_map(|(from, to)| departure(message, &segments[*from..*to]));
    let supplier = if header.exporter.party().is_none() { supplier(message, &items) } else { None };
    let rows = Rows::new(message, &header, departure, supplier);
    let sent = items.iter().filter_map(|(from, _)| segments[*from].qualifier(message.chars).parse().ok());
    let mut numbers = Numbers { sent: sent.collect(), ..Numbers::default() };
    for (from, to) in items {
        item(message, &header, &mut numbers, &segments[from..to], &rows, &mut arena, out);
    }
}

/// A declaration without items: what others say of an item, it says of all its goods. One that is cancelled says
/// nothing of them.
fn whole(message: &Message<'_>, header: &Header, out: &mut Output<'_>) {
    let mut whole = Item { number: 1, ..Item::default() };
    if header.change_kind() != "cancel" {
        let of_goods = message.segments.iter().copied().filter(|raw| match raw.tag() {
            "LOC" => raw.qualifier(message.chars) == "27",
            tag => OF_GOODS.contains(&tag),
        });
        // What is odd about a segment was told when the header was read.
        let arena = message.header(of_goods, &mut Vec::new());
        whole = Item::read(&arena, message, &header.money, 1);
        whole.prior.retain(|number| !header.prior.contains(number) && Some(number) != header.id.as_ref());
        let text = "no CST of an item: one row stands for all goods".to_owned();
        whole.warnings.push(Warning { code: "no_items", path: message.path(1), text });
    }
    let taken = Rows::new(message, header, None, None).write(&mut whole, 1, message.segments, out);
    for warning in &whole.warnings {
        out.warn_with(warning.clone());
    }
    if taken && header.change_kind() != "cancel" {
        out.count("customs_value", whole.value().round() as u64);
        out.count("duty", whole.duty().round() as u64);
    }
}

/// Numbers of items, each of which names a row: one that stands twice, or is none, is replaced by the item's place, or
/// the next number that is no other's.
#[derive(Default)]
struct Numbers {
    /// Those that items have.
    sent: HashSet<i32>,
    seen: HashSet<i32>,
    /// Items so far.
    n_items: i32,
    free: i32,
}

impl Numbers {
    /// Looks at the number of the next item. Returns whether it had to be replaced.
    fn settle(&mut self, number: &mut i32) -> bool {
        self.n_items += 1;
        if *number >= 1 && self.seen.insert(*number) {
            return false;
        }
        *number = self.n_items.max(self.free);
        while self.sent.contains(number) || !self.seen.insert(*number) {
            *number = number.saturating_add(1);
        }
        self.free = *number;
        true
    }
}

/// Where the items are, as ranges of segments.
fn items(message: &Message<'_>) -> Vec<(usize, usize)> {
    let mut items: Vec<(usize, usize)> = Vec::new();
    let mut open = None;
    // The summary names totals by the same tags as the items.
    let mut summary = false;
    // Behind the section control every CST is of an item, be its number sent or not; before it none without number.
    let mut detail = false;
    let is_section = |s: &Raw<'_>| s.tag() == "UNS" && s.qualifier(message.chars) == "D";
    let sectioned = message.segments.iter().any(is_section);
    for (i, segment) in message.segments.iter().enumerate() {
        let has_number = || !segment.qualifier(message.chars).is_empty();
        let numbered = || detail || has_number() || (!sectioned && names_tariff(message, *segment));
        let starts = !summary && segment.tag() == "CST" && numbered();
        if starts || matches!(segment.tag(), "UNS" | "CNT" | "AUT") {
            items.extend(open.take().map(|from| (from, i)));
        }
        summary |= segment.tag() == "UNS" && segment.qualifier(message.chars) == "S";
        detail |= is_section(segment);
        if starts {
            open = Some(i);
        }
    }
    items.extend(open.map(|from| (from, message.segments.len())));
    items
}

/// Whether a CST without number is of an item all the same: it names a tariff.
fn names_tariff(message: &Message<'_>, cst: Raw<'_>) -> bool {
    let mut arena = Arena::new(message.chars);
    let pushed = arena.push(cst).is_ok();
    let Some(cst) = arena.first().filter(|_| pushed) else { return false };
    (1..cst.len()).any(|element| item::is_tariff(cst, element))
}

/// MOA 64 of the items together, where the header tells none; nothing where one is in money that cannot be converted.
fn freight(message: &Message<'_>, items: &[(usize, usize)], money: &Money, warnings: &mut Vec<Warning>) -> Option<f64> {
    let mut sum = None;
    let mut arena = Arena::new(message.chars);
    for raw in items.iter().flat_map(|(from, to)| &message.segments[*from..*to]) {
        if raw.tag() != "MOA" || raw.qualifier(message.chars) != "64" {
            continue;
        }
        arena.clear();
        arena.push(*raw).ok()?;
        let moa = arena.first()?;
        let Some(amount) = number(moa.get(0, 1)) else { continue };
        let currency = money.currency_of(moa.get(0, 2));
        let Some(usd) = money.usd(amount, currency) else {
            let text = format!("MOA 64 in `{}`; the freight of the items is left NULL", short(currency));
            warnings.push(Warning { code: "amount_currency", path: message.path(raw.number), text });
            return None;
        };
        sum = Some(sum.unwrap_or(0.0) + usd);
    }
    sum
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
    numbers: &mut Numbers,
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
    let mut item = Item::read(arena, message, &header.money, numbers.n_items.saturating_add(1));
    if numbers.settle(&mut item.number) {
        let text = format!("numbered {} by its place", item.number);
        warnings.push(Warning { code: "item_numbers", path: message.path(at), text });
    }
    warnings.append(&mut item.warnings);
    if let (Some(own), Some(all)) = (item.departure.as_deref(), rows.departure_country())
        && own != all
    {
        let text = format!("LOC 35 `{}`; the declaration is from `{}`", short(own), short(all));
        warnings.push(Warning { code: "item_differs", path: message.path(at), text });
    }
    if item.lines.cut {
        let text = format!("more than {} LIN", item.lines.len());
        warnings.push(Warning { code: "value_cut", path: message.path(at), text });
    }
    item.warnings = warnings;
    item.origin = item.origin.take().or_else(|| header.origin_country.clone());
    let (value, duty) = (item.value(), item.duty());
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
