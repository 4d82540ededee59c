//! An event to its rows: one for each consignment and each container that it names.

use std::sync::LazyLock;

use haechi_model::Cell;
use haechi_model::intake::Warning;
use haechi_model::streams::CARGO_EVENT;
use sha2::{Digest, Sha256};

use super::super::dates::Moment;
use super::super::interchange::Message;
use super::super::output::{Output, Sheet, columns};
use super::super::places::{short, to_utc_in, zone_of_port};
use super::super::segments::Raw;
use super::Header;
use super::told::{Levels, Marks, Place, Told};

/// Rows that a message may make whatever its length; beyond them as many as its segments allow, twice over. Who names a
/// thousand containers once and a thousand events behind them does not get a million rows.
pub const ROWS_MIN: usize = 256;
/// Warnings that a row repeats.
const ROW_WARNINGS_MAX: usize = 32;
/// Warnings that the rows of one event repeat together, of which each has one.
const EVENT_WARNINGS_MAX: usize = 1_024;

columns! {
    /// Where tracking writes.
    Columns {
        cargo_event_id, consignment_id, container_id, event_kind, happened_at, recorded_at, place_id, place_name,
        reference_id, declaration_id, packages, gross_mass_kg, text, version, change_kind, source, source_position,
        message_format, message_version, message_id, sender_id, message_issued_at, message_path, warnings,
    }
}

static SHEET: Sheet = Sheet { stream: &CARGO_EVENT, also: &["message_path", "warnings"] };

/// The columns it writes.
#[cfg(test)]
pub(super) const COLUMN_NAMES: &[&str] = Columns::NAMES;

/// Looked up once, not a message.
static COLUMNS: LazyLock<Columns> = LazyLock::new(|| Columns::of(&SHEET.builder()));

/// What is told of one event.
pub struct Event<'e> {
    /// What happened; `None` where nobody says.
    pub kind: Option<String>,
    /// Its own group, with what was tolerated there.
    pub told: &'e Told,
    /// The group of its consignment, where there is one.
    pub consignment: Option<&'e Told>,
    /// Its segments.
    pub segments: &'e [Raw<'e>],
    /// What was tolerated in them.
    pub warnings: Vec<Warning>,
}

/// Writes the events of one message.
pub struct Rows<'m> {
    message: &'m Message<'m>,
    header: &'m Header,
    format: &'static str,
    id: String,
    left: usize,
}

/// When an event happened.
struct When {
    at: i64,
    /// The code of a warning that this is no time of the event's own.
    instead: Option<&'static str>,
}

impl<'m> Rows<'m> {
    /// For a message.
    pub fn new(message: &'m Message<'m>, header: &'m Header, format: &'static str) -> Self {
        let left = ROWS_MIN + 2 * message.segments.len();
        Self { message, header, format, id: message.id(), left }
    }

    /// Writes an event, or sets it aside.
    pub fn write(&mut self, mut event: Event<'_>, out: &mut Output<'_>) {
        let number = event.segments.first().map_or(1, |segment| segment.number);
        let mut levels = vec![event.told];
        levels.extend(event.consignment);
        levels.push(&self.header.told);
        let levels = Levels(&levels);
        let containers = levels.containers();
        let position = self.message.position(number);
        let raw = || self.message.raw(event.segments);
        let each = levels.consignments_named().saturating_mul(containers.len().max(1));
        if each > self.left {
            let reason = format!("{position}: one event of {each} rows; send its containers in parts");
            return out.set_aside("group_too_long", position, reason, raw().as_bytes());
        }
        let mut consignments = levels.consignments();
        let marks = Marks::of(event.kind.as_deref().unwrap_or_default());
        let place = levels.place(&marks);
        let when = self.when(levels, &marks, place, number, out, &mut event.warnings);
        for warning in &event.warnings {
            out.warn_with(warning.clone());
        }
        let nobody = consignments.is_empty() && containers.is_empty();
        let missing = match (&event.kind, &when) {
            (None, _) => Some("what happened: no code of a status, and no words for it"),
            _ if nobody => Some("to what it happened: no bill, no booking and no container"),
            (_, None) => Some("when it happened, nor when it was written"),
            _ => None,
        };
        let raw = || self.message.raw(event.segments);
        if let Some(missing) = missing {
            let reason = format!("{position}: it is not said {missing}; send the event again with it");
            return out.set_aside("no_event", position, reason, raw().as_bytes());
        }
        let (Some(kind), Some(when)) = (&event.kind, when) else { return };
        self.left -= each;
        event.warnings.truncate(ROW_WARNINGS_MAX.min(EVENT_WARNINGS_MAX / each).max(1));
        // What it happened to is the container, where no bill says more.
        if consignments.is_empty() {
            consignments.push(String::new());
        }
        for consignment in &consignments {
            let of = |container: Option<&'_ str>, out: &mut Output<'_>| {
                let consignment = if consignment.is_empty() { container.unwrap_or_default() } else { consignment };
                let row = Row { consignment, container, kind, at: when.at, place, levels };
                self.row(&row, number, &event, out);
            };
            if containers.is_empty() {
                of(None, out);
            }
            for container in containers {
                of(Some(container), out);
            }
        }
    }

    /// When it happened: by its own times, on the clock of its place; else when it was planned, or written.
    fn when(
        &self,
        levels: Levels<'_>,
        marks: &Marks,
        place: Option<&Place>,
        segment: u32,
        out: &Output<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Option<When> {
        let mut warn = |code, text: String| warnings.push(Warning { code, path: self.message.path(segment), text });
        let zone = out.input.options.zone;
        let code = place.and_then(|place| place.code.as_deref());
        let mut at = |moment: Moment| {
            let known = code.and_then(zone_of_port);
            if known.is_none() && moment.offset_minutes.is_none() {
                let text = match code {
                    Some(code) => {
                        format!("`{}` has no time zone we know; read in that of the office, {zone}", short(code))
                    }
                    None => format!("no place is told by its code; read in the zone of the office, {zone}"),
                };
                warn("unknown_port", text);
            }
            if moment.time.is_none() {
                warn("day_only", "taken as the beginning of the day".to_owned());
            }
            to_utc_in(moment, known.unwrap_or(zone))
        };
        // An order is given when it is written.
        let order = self.format == super::COPRAR;
        let own = levels
            .time(marks, order)
            .and_then(|(moment, planned)| Some(When { at: at(moment)?, instead: planned.then_some("planned_time") }));
        let written = || {
            let told = levels.written().and_then(|moment| to_utc_in(moment, zone));
            let at = told.or(self.message.envelope.issued_at)?;
            Some(When { at, instead: (!order).then_some("no_event_time") })
        };
        let found =
            own.or_else(written).or_else(|| Some(When { at: at(levels.call()?)?, instead: Some("planned_time") }));
        if let Some(code) = found.as_ref().and_then(|when| when.instead) {
            let text = if code == "planned_time" { "a planned time was taken" } else { "the message's was taken" };
            warn(code, text.to_owned());
        }
        found
    }

    fn row(&self, row: &Row<'_>, segment: u32, event: &Event<'_>, out: &mut Output<'_>) {
        let c = &*COLUMNS;
        let position = self.message.position(segment);
        let source = out.input.source;
        let issued = self.message.envelope.issued_at.map(Cell::Ts);
        let table = out.table(&SHEET);
        table.set(c.cargo_event_id, row.id().as_str());
        table.set(c.consignment_id, row.consignment);
        table.set(c.container_id, row.container);
        table.set(c.event_kind, row.kind);
        table.set(c.happened_at, Cell::Ts(row.at));
        table.set(c.recorded_at, issued.clone());
        table.set(c.place_id, row.place.and_then(|place| place.code.as_deref()));
        table.set(c.place_name, row.place.and_then(|place| place.name.as_deref()));
        table.set(c.reference_id, self.header.number.as_deref().or(row.levels.booking()));
        table.set(c.declaration_id, row.levels.declaration());
        table.set(c.packages, event.told.packages);
        table.set(c.gross_mass_kg, event.told.gross_mass_kg);
        let words = [self.header.told.voyage.as_str(), event.told.words.as_str()];
        let words: Vec<&str> = words.into_iter().filter(|words| !words.is_empty()).collect();
        table.set(c.text, (!words.is_empty()).then(|| words.join(": ")).as_deref());
        table.set(c.version, 1);
        table.set(c.change_kind, self.header.change_kind());
        table.set(c.source, source);
        table.set(c.source_position, position.as_str());
        table.set(c.message_format, self.format);
        table.set(c.message_version, self.message.version.as_str());
        table.set(c.message_id, self.id.as_str());
        table.set(c.sender_id, self.message.envelope.sender.as_str());
        table.set(c.message_issued_at, issued);
        table.set(c.message_path, self.message.path(segment).as_str());
        table.set_warnings(c.warnings, &event.warnings);
        let taken = out.finish_row(&SHEET, &position, || self.message.raw(event.segments));
        out.count("events", u64::from(taken));
    }
}

/// One row of an event.
struct Row<'r> {
    consignment: &'r str,
    container: Option<&'r str>,
    kind: &'r str,
    at: i64,
    place: Option<&'r Place>,
    levels: Levels<'r>,
}

impl Row<'_> {
    /// The same however often it is told, and by whom: a report of a conveyance names it so too.
    fn id(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(format!("{}\0{}\0{}", self.consignment, self.kind, self.at));
        if let Some(container) = self.container {
            digest.update(format!("\0{container}"));
        }
        hex::encode(&digest.finalize()[..12])
    }
}
