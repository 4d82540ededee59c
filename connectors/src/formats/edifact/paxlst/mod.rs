//! PAXLST: passenger and crew lists, close-outs, cancellations, to traveller rows.
//!
//! One reader serves D.99A to D.16B, the US variant and the road dialect: groups are found by their trigger (TDT, NAD
//! of a person, PDT), segments inside a group come in any order. A person is on the legs between LOC 178 and 179;
//! rows are made for those that cross the border (LOC 125 and 87); where none is marked, for the last between two
//! countries, best the one that ends where the person is cleared (LOC 22), else for the last. The itinerary holds every
//! leg. A close-out gives rows for the people it names; what follows for the others on the
//! flight is the pipeline's, which knows them.

mod flight;
mod header;
mod person;
mod rows;
mod us;

use super::interchange::Message;
use super::output::Output;
use super::segments::{Arena, Raw};
use super::service::ServiceChars;
use flight::Leg;
pub(super) use flight::split_number;
use header::{Change, Header, List};
use person::{Person, role_of};
use rows::Rows;

/// The column `message_format`.
pub const FORMAT: &str = "paxlst";
/// More segments than one person has.
const GROUP_SEGMENTS_MAX: usize = 2_000;

/// Reads a passenger list.
pub fn read(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(FORMAT, &message.version);
    let groups = people(message);
    let mut warnings = Vec::new();
    let end = message.segments.len();
    let starts = groups.iter().map(|(from, _)| *from).chain([end]);
    let ends = std::iter::once(0).chain(groups.iter().map(|(_, to)| *to));
    let around = ends.zip(starts).flat_map(|(from, to)| &message.segments[from..to]).copied();
    let mut arena = message.header(around, &mut warnings);
    let header = Header::read(&arena, message, out.input.options.zone, &mut warnings);
    for warning in warnings {
        out.warn_with(warning);
    }
    if header.list == List::MasterCrew {
        out.count("crew", groups.len() as u64);
        let text = format!("master crew list: {} people and no flight, so no traveller", groups.len());
        return out.warn("person_without_flight", message.path(1), text);
    }
    if !header.legs.iter().any(Leg::is_named) {
        out.count("people_set_aside", groups.len() as u64);
        let position = message.position(1);
        let reason = format!("{position}: no TDT names a flight; send the list again with carrier and flight number");
        return out.set_aside("no_flight", position, reason, message.raw(message.segments).as_bytes());
    }
    out.count("legs", header.legs.len() as u64);
    out.flights.extend(header.legs.iter().map(Leg::key));

    let mut tally = Tally::default();
    let listed = groups.len() as u64;
    let crew = || groups.iter().filter(|(from, _)| is_crew(&message.segments[*from], message.chars)).count() as u64;
    let complete = complete(message, &header, listed, crew);
    let mut rows = Rows::new(message, &header, complete);
    for (from, to) in &groups {
        person(message, &header, &message.segments[*from..*to], &mut rows, &mut arena, &mut tally, out);
    }
    rows.end(out);
    tally.report(&header, message, listed, complete, out);
}

/// Where the groups of people are, as ranges of segments.
fn people(message: &Message<'_>) -> Vec<(usize, usize)> {
    let mut groups: Vec<(usize, usize)> = Vec::new();
    let mut open = None;
    let mut behind_flight = false;
    for (i, segment) in message.segments.iter().enumerate() {
        let (starts, ends) = match segment.tag().as_bytes() {
            b"NAD" => {
                let known = !role_of(segment.qualifier(message.chars)).is_empty();
                (known || (behind_flight && is_person(&message.segments[i + 1..], message.chars)), true)
            }
            b"PDT" => (true, true),
            b"TDT" => {
                behind_flight = true;
                (false, true)
            }
            b"CNT" | b"AUT" | b"UNS" | b"BGM" => (false, true),
            _ => (false, false),
        };
        if ends {
            groups.extend(open.take().map(|from| (from, i)));
        }
        if starts {
            open = Some(i);
        }
    }
    groups.extend(open.map(|from| (from, message.segments.len())));
    groups
}

/// Whether a NAD of a party that we do not know names a person: what only people have follows it.
#[cold]
fn is_person(behind: &[Raw<'_>], chars: ServiceChars) -> bool {
    let mut own =
        behind.iter().take(GROUP_SEGMENTS_MAX).take_while(|s| !matches!(s.tag(), "NAD" | "TDT" | "CNT" | "PDT"));
    own.any(|s| match s.tag() {
        "ATT" | "NAT" | "DOC" => true,
        "DTM" => s.qualifier(chars) == "329",
        "RFF" => matches!(s.qualifier(chars), "AVF" | "ABO"),
        _ => false,
    })
}

fn is_crew(first: &Raw<'_>, chars: ServiceChars) -> bool {
    matches!(role_of(first.qualifier(chars)), "crew" | "transit_crew" | "driver")
}

fn person<'h, 't>(
    message: &Message<'_>,
    header: &'h Header,
    group: &[Raw<'t>],
    rows: &mut Rows<'h>,
    arena: &mut Arena<'t>,
    tally: &mut Tally,
    out: &mut Output<'_>,
) {
    let at = group.first().map_or(1, |s| s.number);
    if group.len() > GROUP_SEGMENTS_MAX {
        let position = message.position(at);
        let reason = format!("{position}: one person of {} segments; send the person again", group.len());
        return out.set_aside("group_too_long", position, reason, message.raw(group).as_bytes());
    }
    let mut warnings = Vec::new();
    arena.clear();
    for raw in group {
        message.push(arena, *raw, &mut warnings);
    }
    let mut person = match arena.first() {
        Some(pdt) if pdt.tag() == "PDT" => us::read(pdt, message, header.day()),
        _ => Person::read(arena, message, header.day()),
    };
    warnings.append(&mut person.warnings);
    person.warnings = warnings;
    for warning in &person.warnings {
        out.warn_with(warning.clone());
    }
    // Who closes a flight, or takes people off it, may name them by the number that he gave them before.
    let known_before = header.list.is_status() || header.list.state() == "cancelled";
    let is_numbered = known_before && person.reference.is_some();
    if !person.has_identity() && !is_numbered {
        let position = message.position(at);
        let reason = format!("{position}: a person without name and document; send the person again with either");
        return out.set_aside("no_identity", position, reason, message.raw(group).as_bytes());
    }
    if rows.write(&person, legs_of(&person, header), at, group, out) {
        tally.add(&person);
    }
}

/// The legs of a person that get a row: between LOC 178 and 179, those across the border; where none is marked so, one
/// between two countries, else the last.
fn legs_of<'h>(person: &Person<'_>, header: &'h Header) -> impl Iterator<Item = &'h Leg> {
    let legs = &header.legs;
    let from = person.embark.as_deref().and_then(|a| legs.iter().position(|l| l.departure.as_deref() == Some(a)));
    let to = person.debark.as_deref().and_then(|a| legs.iter().rposition(|l| l.arrival.as_deref() == Some(a)));
    let (from, to) = (from.unwrap_or(0), to.map_or(legs.len(), |i| i + 1));
    // Ends that contradict each other tell nothing.
    let own = if from < to { &legs[from..to] } else { &legs[..] };
    let border = own.iter().filter(|l| l.border && l.is_named());
    let named = || own.iter().rev().filter(|l| l.is_named());
    let abroad = || named().filter(|l| l.is_abroad());
    let clearance = person.clearance.as_deref();
    let cleared = || abroad().find(|l| clearance.is_some() && l.arrival.as_deref() == clearance);
    let inland = || cleared().or_else(|| abroad().next()).or_else(|| named().next()).or(legs.first());
    let none = border.clone().next().is_none();
    border.chain(none.then(inland).flatten())
}

/// Whether everybody on the flight is in this message; `None` where the message alone cannot say.
fn complete(message: &Message<'_>, header: &Header, listed: u64, crew: impl FnOnce() -> u64) -> Option<bool> {
    if !message.complete {
        return Some(false);
    }
    if let Some((_, mark)) = message.part.as_ref().filter(|_| !message.is_whole()) {
        // Behind the last of several parts, only who has seen the others knows.
        return (mark != "F").then_some(false);
    }
    match header.list {
        List::Passengers(Change::New) | List::Crew(Change::New) => header.is_complete(listed, crew),
        _ => None,
    }
}

/// What was counted in a message.
#[derive(Default)]
struct Tally {
    people: u64,
    passengers: u64,
    crew: u64,
    in_transit: u64,
    documents: u64,
    bags: u64,
}

impl Tally {
    fn add(&mut self, person: &Person<'_>) {
        self.people += 1;
        match person.role {
            "crew" | "transit_crew" | "driver" => self.crew += 1,
            _ => self.passengers += 1,
        }
        self.in_transit += u64::from(person.role.starts_with("transit"));
        self.documents += person.documents.len() as u64;
        self.bags += person.bag_count.unwrap_or(0).max(0) as u64;
    }

    fn report(
        &self,
        header: &Header,
        message: &Message<'_>,
        listed: u64,
        complete: Option<bool>,
        out: &mut Output<'_>,
    ) {
        let declared = header.declared();
        match header.list {
            List::OnBoard => out.count("on_board", self.people),
            List::NotOnBoard => out.count("not_on_board", self.people),
            List::Closed | List::FlightChanged => {}
            List::FlightCancelled => out.count("flight_cancelled", 1),
            _ => {
                out.count("passengers", self.passengers);
                out.count("crew", self.crew);
            }
        }
        match header.list {
            List::Passengers(Change::Replace) | List::Crew(Change::Replace) => out.count("changes", self.people),
            List::Passengers(Change::Cancel) | List::Crew(Change::Cancel) => out.count("cancelled", self.people),
            _ => {}
        }
        if header.list.is_status() {
            out.count("listed", listed);
            if let Some(total) = declared {
                out.count("on_board_total", total);
            }
        }
        // Every part says the same of all of them.
        if message.part.is_some()
            && let Some(total) = declared
            && out.series.insert(message.common_reference.clone())
        {
            out.count("series_total", total);
        }
        out.count("in_transit", self.in_transit);
        out.count("documents", self.documents);
        out.count("bags", self.bags);
        if listed == 0 {
            for leg in &header.legs {
                let what = match header.list {
                    List::FlightCancelled => "the flight is cancelled",
                    List::Closed => "the flight is closed",
                    _ => "nobody is listed",
                };
                out.warn("nobody_listed", message.path(leg.segment), format!("{}: {what}", leg.label()));
            }
        } else if let (Some(false), Some(declared), None, true) = (complete, declared, &message.part, message.complete)
        {
            out.warn("cnt_mismatch", message.path(1), format!("CNT says {declared}, {listed} are listed"));
        }
    }
}

/// The columns it writes.
#[cfg(test)]
pub(super) const COLUMNS: &[&str] = rows::COLUMN_NAMES;

#[cfg(test)]
mod tests;
