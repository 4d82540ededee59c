//! FFM: what is on a flight, point of unloading by point of unloading, ULD by ULD.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveTime};
use haechi_model::codes;
use haechi_model::intake::Warning;

use super::super::edifact::dates::{Moment, Precision};
use super::super::edifact::output::Output;
use super::super::edifact::places::{short, to_utc_at};
use super::consignment::{Consignment, day, waybill};
use super::format_of;
use super::lines::{Message, position};
use super::rows::{Shared, write};

/// Reads a flight manifest.
pub fn read(message: &Message<'_>, out: &mut Output<'_>) {
    out.saw(format_of(message), message.version);
    let mut reader = Reader {
        near: out.input.options.received_on,
        shared: Shared::default(),
        unloading: None,
        arrives_at: None,
        uld: None,
        consignments: Vec::new(),
        place: HashMap::new(),
        waybills: HashSet::new(),
        last: None,
        block: "",
        warnings: Vec::new(),
        n_lines: 0,
        n_ulds: 0,
    };
    for (n, line) in message.lines.iter().enumerate() {
        reader.line(line.text, line.number, n, message, out);
    }
    reader.finish(message, out);
}

struct Reader {
    near: Option<NaiveDate>,
    shared: Shared,
    unloading: Option<String>,
    arrives_at: Option<i64>,
    uld: Option<String>,
    consignments: Vec<(Consignment, Vec<Warning>)>,
    /// Where a waybill already stands.
    place: HashMap<String, usize>,
    /// Those seen so far, wherever they are unloaded.
    waybills: HashSet<String>,
    /// The consignment that further lines go on with.
    last: Option<usize>,
    /// What a line that begins with a slash goes on with.
    block: &'static str,
    warnings: Vec<Warning>,
    n_lines: u64,
    n_ulds: u64,
}

impl Reader {
    fn line(&mut self, text: &str, number: usize, nth: usize, message: &Message<'_>, out: &mut Output<'_>) {
        if nth == 0 {
            return self.flight(text, number, message);
        }
        if let Some((mut part, rest)) = waybill(text, number) {
            self.n_lines += 1;
            self.block = "";
            // Description first, handling codes behind it.
            let (description, codes) = rest.split_once('/').unwrap_or((rest, ""));
            part.describe(description);
            part.handle(codes);
            part.unloading.clone_from(&self.unloading);
            part.arrives_at = self.arrives_at;
            part.ulds = self.uld.iter().map(|uld| (uld.clone(), part.pieces)).collect();
            return self.take(part, message);
        }
        let (tag, rest) = text.split_once('/').unwrap_or((text, ""));
        if !tag.is_empty() {
            self.block = BLOCKS.into_iter().find(|block| *block == tag).unwrap_or_default();
        }
        match tag {
            "" | "OCI" if self.block == "OCI" => {
                if let Some((own, _)) = self.last.and_then(|i| self.consignments.get_mut(i)) {
                    own.note(rest);
                }
            }
            // Goes on with dimensions, texts, references.
            "" if !self.block.is_empty() => {}
            "ULD" => {
                self.n_ulds += 1;
                let id = rest.split(['/', '-']).next().unwrap_or_default().trim();
                self.uld = (!id.is_empty()).then(|| id.to_owned());
                self.last = None;
            }
            "" => match self.last.and_then(|i| self.consignments.get_mut(i)) {
                Some((own, _)) => own.handle(rest),
                None => self.orphan(rest, number, message, out),
            },
            "NIL" | "LAST" | "CONT" | "DIM" | "OSI" | "COR" | "SCI" | "SPH" | "ONT" | "CUS" | "SRI" => {}
            place if place.len() == 3 && place.bytes().all(|b| b.is_ascii_uppercase()) => {
                self.unload(place, rest, number, message);
            }
            _ if is_numbered(text) => {
                let position = position(number);
                let reason = format!("{position}: a waybill whose number cannot be read; send it again");
                out.set_aside("no_bill", position, reason, text.as_bytes());
            }
            other => self.warn("unknown_segment", number, message, format!("`{}` in a flight manifest", short(other))),
        }
    }

    /// A line that goes on with a waybill, of which there is none: one that names a waybill is set aside with its goods.
    fn orphan(&mut self, rest: &str, number: usize, message: &Message<'_>, out: &mut Output<'_>) {
        let of_goods = rest.split_once('/').is_some_and(|(_, goods)| waybill(goods, number).is_some());
        if of_goods || waybill(rest, number).is_some() {
            let position = position(number);
            let reason = format!(
                "{position}: a waybill behind a slash, under no point of unloading; send it again on a line of its own"
            );
            return out.set_aside("no_bill", position, reason, rest.as_bytes());
        }
        self.warn("orphan_segment", number, message, "a line that goes on with no waybill".to_owned());
    }

    fn warn(&mut self, code: &'static str, line: usize, message: &Message<'_>, text: String) {
        self.warnings.push(Warning { code, path: message.path(line), text });
    }

    /// `1/ZZ123/12MAR1230/ICN/registration`.
    fn flight(&mut self, text: &str, number: usize, message: &Message<'_>) {
        let parts: Vec<&str> = text.split('/').map(str::trim).collect();
        let [_, flight, date, port, ..] = parts[..] else {
            return self.warn("malformed", number, message, "the line of the flight".to_owned());
        };
        self.shared.flight = (!flight.is_empty()).then(|| flight.to_owned());
        self.shared.loading = (!port.is_empty()).then(|| port.to_owned());
        let day_only = date.get(..5).unwrap_or(date);
        self.shared.manifest = Some(format!("{flight}/{day_only}/{port}"));
        self.shared.departs_at = self.instant(date, port, number, message);
        self.shared.issued_at = self.shared.departs_at;
    }

    fn unload(&mut self, place: &str, rest: &str, number: usize, message: &Message<'_>) {
        self.unloading = Some(place.to_owned());
        (self.uld, self.last) = (None, None);
        // `ORD/14APR1235`, `ORD//14APR1235`; where nothing is unloaded, `ANC/NIL/14APR0200/14APR0330`.
        let date = rest.split('/').map(str::trim).find(|part| !part.is_empty() && *part != "NIL");
        self.arrives_at = date.and_then(|date| self.instant(date, place, number, message));
    }

    fn instant(&mut self, text: &str, port: &str, line: usize, message: &Message<'_>) -> Option<i64> {
        let Some((date, time)) = day(text, self.near) else {
            let (code, text) = undated(text, self.near);
            self.warn(code, line, message, text);
            return None;
        };
        if codes::airport(port).is_none() {
            self.warn("unknown_airport", line, message, format!("`{}` is in no airport list", short(port)));
        }
        to_utc_at(moment(date, time), Some(port))
    }

    fn take(&mut self, mut part: Consignment, message: &Message<'_>) {
        let mut warnings = Vec::new();
        if !part.check_digit_ok() {
            let text = format!("waybill {}", part.waybill);
            warnings.push(Warning { code: "check_digit", path: message.path(part.line), text });
        }
        if let Some(warning) = amounts(&part, message) {
            warnings.push(warning);
        }
        if part.unloading.is_none() {
            let text = "a waybill before any point of unloading; its destination was taken".to_owned();
            warnings.push(Warning { code: "orphan_segment", path: message.path(part.line), text });
        }
        // A waybill comes again at another point of unloading as another consignment.
        let key = format!("{}{}", part.waybill, part.unloading.as_deref().unwrap_or_default());
        let at = *self.place.entry(key).or_insert(self.consignments.len());
        if let Some((known, told)) = self.consignments.get_mut(at) {
            known.add(&part);
            told.extend(warnings);
        } else {
            part.again = !self.waybills.insert(part.waybill.clone());
            self.consignments.push((part, warnings));
        }
        self.last = Some(at);
    }

    fn finish(mut self, message: &Message<'_>, out: &mut Output<'_>) {
        if self.shared.flight.is_none() {
            let position = position(message.line);
            let reason = format!("{position}: no flight; send the manifest again with it");
            let raw: Vec<&str> = message.lines.iter().map(|line| line.text).collect();
            return out.set_aside("no_flight", position, reason, raw.join("\n").as_bytes());
        }
        if !self.consignments.is_empty() {
            let text = "a flight manifest does not say what happens to the goods; taken as import".to_owned();
            self.warn("no_nature", message.line, message, text);
        }
        for warning in std::mem::take(&mut self.warnings) {
            out.warn_with(warning);
        }
        out.count("lines", self.n_lines);
        out.count("ulds", self.n_ulds);
        for (consignment, warnings) in &self.consignments {
            for warning in warnings {
                out.warn_with(warning.clone());
            }
            if write(message, &self.shared, consignment, warnings, out) {
                out.count("masters", 1);
                out.count("pieces", consignment.pieces.unwrap_or_default() as u64);
            }
        }
    }
}

/// What may go on over several lines, but for goods and their handling codes.
const BLOCKS: [&str; 7] = ["OCI", "DIM", "OSI", "ONT", "CUS", "SRI", "SCI"];

/// Whether a line begins as a waybill does: with a number that a hyphen parts, or that is as long.
fn is_numbered(text: &str) -> bool {
    let head = text.split('/').next().unwrap_or_default();
    text.starts_with(|c: char| c.is_ascii_digit())
        && (text.contains('-') || head.bytes().filter(u8::is_ascii_digit).count() >= 8)
}

/// That nobody tells how many pieces a waybill has, or amounts of it that cannot be read.
pub fn amounts(own: &Consignment, message: &Message<'_>) -> Option<Warning> {
    let text = match &own.unread {
        Some(sent) => format!("waybill {}: `{}`; what cannot be read of it is left NULL", own.waybill, short(sent)),
        None if own.pieces.is_none() => format!("waybill {} tells no number of pieces; left NULL", own.waybill),
        None => return None,
    };
    Some(Warning { code: "bad_number", path: message.path(own.line), text })
}

/// Code and text of a warning that a day is none, or of no year that anybody knows: a day of some year is one of a leap
/// year.
pub fn undated(text: &str, near: Option<NaiveDate>) -> (&'static str, String) {
    if near.is_some() || day(text, NaiveDate::from_ymd_opt(2024, 2, 29)).is_none() {
        return ("bad_date", format!("`{}` is no day", short(text)));
    }
    let text = format!(
        "`{}` has no year, and on what day it came is not told; left NULL (`haechi serve` knows the day, a file does not)",
        short(text)
    );
    ("no_year", text)
}

/// A day and a time on the clock of an airport.
pub fn moment(date: NaiveDate, time: Option<NaiveTime>) -> Moment {
    Moment { date, precision: Precision::Day, time, offset_minutes: None }
}
