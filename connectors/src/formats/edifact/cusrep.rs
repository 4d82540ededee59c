//! CUSREP: reports that a conveyance arrives or departs, to cargo events of its manifests.
//!
//! BGM 98 is an arrival at LOC 60, and tells when the last port (LOC 94) was left; 124 is a departure. Each event stands
//! for every manifest the report names (RFF CN), else for the trip (BGM 336 and its number), else for the voyage. The times also belong on the bills of the voyage,
//! which is for whoever knows them to see to. A withdrawn report (BGM 1, 3 or 50) cancels its events; without a time, that
//! the conveyance arrived, or departed, at the time of the message.

use std::sync::LazyLock;

use chrono::NaiveTime;
use chrono_tz::Tz;
use haechi_model::Cell;
use haechi_model::intake::Warning;
use haechi_model::streams::CARGO_EVENT;
use sha2::{Digest, Sha256};

use super::dates::{Century, Moment, clock, parse};
use super::interchange::{Message, leading_number};
use super::output::{Output, Sheet, columns};
use super::places::{short, to_utc_in, upper, zone_of_port};
use super::segments::{Arena, Segment};

/// The column `message_format`.
pub const FORMAT: &str = "cusrep";
/// More manifests than one conveyance carries.
const MANIFESTS_MAX: usize = 10_000;

columns! {
    /// Where a report writes.
    Columns {
        cargo_event_id, consignment_id, event_kind, happened_at, recorded_at, place_id, reference_id, text, version,
        change_kind, source, source_position, message_format, message_version, message_id, sender_id, message_issued_at,
        message_path, warnings,
    }
}

static SHEET: Sheet = Sheet { stream: &CARGO_EVENT, also: &["message_path", "warnings"] };

/// The columns it writes.
#[cfg(test)]
pub(super) const COLUMN_NAMES: &[&str] = Columns::NAMES;

/// Looked up once, not a message.
static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::of(&SHEET.builder()));

/// BGM 1001 of a trip on the road.
const TRIP: &str = "336";

/// A qualifier, a port, and the times there by their qualifiers.
type Port = (String, String, Vec<(String, Moment)>);

/// What a report says.
#[derive(Debug, Default)]
struct Report {
    /// BGM 1001.
    kind: String,
    /// BGM 1004.
    number: Option<String>,
    /// BGM 1225.
    function: String,
    /// RFF CN.
    manifests: Vec<String>,
    /// RFF VON, else TDT 8028.
    voyage: Option<String>,
    /// TDT C222.
    conveyance: Option<String>,
    /// TDT C222 name.
    name: Option<String>,
    /// DTM of the header: 132, 178, 252; 133, 136, 253.
    times: Vec<(String, Moment, u32)>,
    /// LOC with their DTM: qualifier, port, times.
    ports: Vec<Port>,
    containers: u64,
    /// QTY 115 and 114.
    crew: u64,
    passengers: u64,
}

/// What happened, where, when.
struct Event<'r> {
    kind: &'static str,
    place: Option<&'r str>,
    at: i64,
    segment: u32,
}

/// Reads a report.
pub fn read(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(FORMAT, &message.version);
    let mut warnings = Vec::new();
    let arena = message.header(message.segments.iter().copied(), &mut warnings);
    let report = Report::read(&arena, message, &mut warnings);
    let mut events = report.events(message, out.input.options.zone, &mut warnings);
    if events.is_empty() && report.change_kind() == "cancel" {
        events.extend(report.withdrawn(message, out.input.options.zone, &mut warnings));
    }
    let subjects = report.subjects();
    for warning in &warnings {
        out.warn_with(warning.clone());
    }
    if events.is_empty() || subjects.is_empty() {
        let position = message.position(1);
        let reason = format!("{position}: no voyage or no usable time; send the report again with LOC, DTM and TDT");
        return out.set_aside("no_report", position, reason, message.raw(message.segments).as_bytes());
    }
    out.count("conveyances", 1);
    // Ports called at before are listed under TDT, the voyage's own in the header.
    let own = report.ports.iter().take_while(|(.., times)| times.iter().all(|(q, _)| q != "186")).count();
    out.count("ports", own as u64);
    out.count("containers", report.containers);
    out.count("crew", report.crew);
    out.count("passengers", report.passengers);
    for subject in &subjects {
        for event in &events {
            report.write(message, &COLUMNS, subject, event, &warnings, out);
        }
    }
}

impl Report {
    fn read(arena: &Arena<'_>, message: &Message<'_>, warnings: &mut Vec<Warning>) -> Self {
        let mut report = Self::default();
        let mut transport = false;
        for s in arena.iter() {
            let mut warn = |code, text: String| warnings.push(Warning { code, path: message.path(s.number()), text });
            match s.tag() {
                "BGM" => {
                    s.get(0, 0).clone_into(&mut report.kind);
                    report.number = s.value(1, 0).map(|n| upper(n).into_owned());
                    s.get(2, 0).clone_into(&mut report.function);
                    if !matches!(s.get(0, 0), "98" | "124" | "336" | "185" | "186") {
                        warn("unknown_code", format!("BGM {}; taken as arrival", short(s.get(0, 0))));
                    }
                }
                // The time of the day, behind the day.
                "DTM" if clock(s.get(0, 1), s.get(0, 2)).is_some() => {
                    report.hour(s.get(0, 0), clock(s.get(0, 1), s.get(0, 2)));
                }
                "DTM" => match parse(s.get(0, 1), s.get(0, 2), Century::Recent) {
                    Ok(moment) => report.time(s, moment, transport),
                    Err(_) => warn("bad_date", format!("DTM {}", short(s.get(0, 0)))),
                },
                "LOC" => {
                    if let Some(port) = s.value(1, 0) {
                        report.ports.push((s.get(0, 0).to_owned(), upper(port).into_owned(), Vec::new()));
                    }
                }
                "RFF" => match (s.get(0, 0), s.value(0, 1).map(|r| upper(r).into_owned())) {
                    ("CN", Some(manifest)) if report.manifests.len() < MANIFESTS_MAX => report.manifests.push(manifest),
                    ("VON", voyage) => report.voyage = voyage.or(report.voyage.take()),
                    _ => {}
                },
                "TDT" => {
                    transport = true;
                    report.voyage = report.voyage.take().or_else(|| s.value(1, 0).map(|v| upper(v).into_owned()));
                    report.conveyance = s.value(7, 0).map(|c| upper(c).into_owned());
                    report.name = s.value(7, 3).map(str::to_owned);
                }
                "EQD" => report.containers += 1,
                "QTY" => match s.get(0, 0) {
                    "114" => report.passengers = leading_number(s.get(0, 1)).unwrap_or(0),
                    "115" => report.crew = leading_number(s.get(0, 1)).unwrap_or(0),
                    _ => {}
                },
                // Read and kept in the bytes.
                "FTX" | "MEA" | "GIS" | "GEI" | "NAD" | "CTA" | "COM" | "SEL" | "POC" | "CNT" | "AUT" | "TSR"
                | "DIM" | "DOC" | "HAN" | "FTI" | "PNA" => {}
                tag => warn("unknown_segment", format!("{tag} in a report of a conveyance")),
            }
        }
        report
    }

    /// A DTM: of the port before it; before any port, and right behind TDT, of the conveyance.
    fn time(&mut self, dtm: Segment<'_, '_>, moment: Moment, transport: bool) {
        let qualifier = dtm.get(0, 0).to_owned();
        let behind_tdt = transport && self.ports.iter().all(|(.., times)| !times.is_empty());
        match self.ports.last_mut() {
            Some((.., times)) if !behind_tdt => times.push((qualifier, moment)),
            _ => self.times.push((qualifier, moment, dtm.number())),
        }
    }

    /// The hour of the day that was sent last under a qualifier.
    fn hour(&mut self, qualifier: &str, hour: Option<NaiveTime>) {
        let of_ports = self.ports.iter_mut().rev().flat_map(|(.., times)| times.iter_mut().rev().map(|(q, m)| (q, m)));
        let own = self.times.iter_mut().rev().map(|(q, m, _)| (q, m));
        if let Some((_, moment)) = of_ports.chain(own).find(|(q, m)| *q == qualifier && m.time.is_none()) {
            moment.time = hour;
        }
    }

    /// Whom it happened to: the manifests, else the trip, which is also the number of its manifest; else the voyage.
    fn subjects(&self) -> Vec<String> {
        if !self.manifests.is_empty() {
            return self.manifests.clone();
        }
        if let (TRIP, Some(number)) = (self.kind.as_str(), &self.number) {
            return vec![number.clone()];
        }
        let parts: Vec<&str> = [&self.conveyance, &self.voyage].into_iter().flatten().map(String::as_str).collect();
        if parts.is_empty() { Vec::new() } else { vec![parts.join("/")] }
    }

    fn events(&self, message: &Message<'_>, zone: Tz, warnings: &mut Vec<Warning>) -> Vec<Event<'_>> {
        let departure = self.is_departure();
        // By what the place is called, not by where it stands: the last port often comes before this one.
        let of = |qualifiers: &[&str]| qualifiers.iter().find_map(|q| self.ports.iter().find(|(own, ..)| own == q));
        let mut at = |moment: Moment, port: Option<&str>| {
            let known = port.and_then(zone_of_port);
            if known.is_none() && moment.offset_minutes.is_none() {
                let text = match port {
                    Some(port) => {
                        format!("`{}` has no time zone we know; read in that of the office, {zone}", short(port))
                    }
                    None => format!("no place is told by its code; read in the zone of the office, {zone}"),
                };
                warnings.push(Warning { code: "unknown_port", path: message.path(1), text });
            }
            to_utc_in(moment, known.unwrap_or(zone))
        };
        let mut events = Vec::new();
        // Actual before expected.
        let time_of = |port: Option<&Port>, qualifiers: &[&str]| {
            let of_port = port.map(|(.., times)| times.as_slice()).unwrap_or_default();
            qualifiers.iter().find_map(|q| {
                let there = of_port.iter().find(|(own, _)| own == q).map(|(_, m)| (*m, 1));
                there.or_else(|| self.times.iter().find(|(own, ..)| own == q).map(|(_, m, segment)| (*m, *segment)))
            })
        };
        let left = if departure { of(&["5", "9", "60", "94"]) } else { of(&["94"]) };
        if let Some((moment, segment)) =
            time_of(left, &["186", "136", "133", "253"]).filter(|_| left.is_some() || departure)
        {
            let place = left.map(|(_, port, _)| port.as_str());
            events.extend(at(moment, place).map(|at| Event { kind: "departed", place, at, segment }));
        }
        if !departure {
            let reached = of(&["60", "11", "8"]);
            if let Some((moment, segment)) = time_of(reached, &["178", "132", "252"]) {
                let place = reached.map(|(_, port, _)| port.as_str());
                events.extend(at(moment, place).map(|at| Event { kind: "arrived", place, at, segment }));
            }
        }
        events
    }

    /// Column `change_kind`.
    fn change_kind(&self) -> &'static str {
        match self.function.as_str() {
            "1" | "3" | "50" => "cancel",
            "4" | "5" => "amend",
            _ => "new",
        }
    }

    /// What a withdrawal withdraws that repeats neither place nor time: at the time it was written.
    fn withdrawn(&self, message: &Message<'_>, zone: Tz, warnings: &mut Vec<Warning>) -> Option<Event<'_>> {
        let written = self.times.iter().find(|(qualifier, ..)| qualifier == "137");
        let written = written.and_then(|(_, moment, _)| to_utc_in(*moment, zone));
        let at = written.or(message.envelope.issued_at)?;
        let text = "a withdrawal without the time of its event; that of the message was taken".to_owned();
        warnings.push(Warning { code: "no_event_time", path: message.path(1), text });
        let departure = self.is_departure();
        let here: &[&str] = if departure { &["5", "9", "60", "94"] } else { &["60", "11", "8"] };
        let place = here.iter().find_map(|q| self.ports.iter().find(|(own, ..)| own == q));
        let kind = if departure { "departed" } else { "arrived" };
        Some(Event { kind, place: place.map(|(_, port, _)| port.as_str()), at, segment: 1 })
    }

    fn is_departure(&self) -> bool {
        matches!(self.kind.as_str(), "124" | "186")
    }

    fn write(
        &self,
        message: &Message<'_>,
        c: &Columns,
        subject: &str,
        event: &Event<'_>,
        warnings: &[Warning],
        out: &mut Output<'_>,
    ) {
        let digest = Sha256::digest(format!("{subject}\0{}\0{}", event.kind, event.at));
        let id = hex::encode(&digest[..12]);
        let position = message.position(event.segment);
        let source = out.input.source;
        let words: Vec<&str> = [&self.name, &self.voyage].into_iter().flatten().map(String::as_str).collect();
        let table = out.table(&SHEET);
        table.set(c.cargo_event_id, id.as_str());
        table.set(c.consignment_id, subject);
        table.set(c.event_kind, event.kind);
        table.set(c.happened_at, Cell::Ts(event.at));
        table.set(c.recorded_at, message.envelope.issued_at.map(Cell::Ts));
        table.set(c.place_id, event.place);
        table.set(c.reference_id, self.number.as_deref());
        table.set(c.text, (!words.is_empty()).then(|| words.join(" ")).as_deref());
        table.set(c.version, 1);
        table.set(c.change_kind, self.change_kind());
        table.set(c.source, source);
        table.set(c.source_position, position.as_str());
        table.set(c.message_format, FORMAT);
        table.set(c.message_version, message.version.as_str());
        table.set(c.message_id, message.id().as_str());
        table.set(c.sender_id, message.envelope.sender.as_str());
        table.set(c.message_issued_at, message.envelope.issued_at.map(Cell::Ts));
        table.set(c.message_path, message.path(event.segment).as_str());
        table.set_warnings(c.warnings, &warnings[..warnings.len().min(32)]);
        if out.finish_row(&SHEET, &position, || message.raw(message.segments)) {
            out.count("events", 1);
        }
    }
}

#[cfg(test)]
mod tests;
