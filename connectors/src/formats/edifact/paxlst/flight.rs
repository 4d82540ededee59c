//! Flights of a passenger list: the TDT groups, each a leg or several.
//!
//! Under a TDT, LOC 125 and 87 mark the leg that crosses the border, LOC 92 the ends of the others; DTM 189 and 232
//! tell departure from arrival. One TDT with four stops and two TDT with two give the same legs.

use std::borrow::Cow;

use chrono_tz::Tz;
use haechi_model::codes;
use haechi_model::intake::Warning;

use super::super::dates::{self, Century, Moment};
use super::super::interchange::Message;
use super::super::places::{airport, to_utc_at, to_utc_in, upper};
use super::super::segments::Segment;

/// More legs than one list has. Every person gets a row for each across the border, and every row carries all.
const LEGS_MAX: usize = 8;

/// One leg of a flight.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Leg {
    /// Operating carrier; empty if unknown.
    pub carrier: String,
    /// Number without leading zeros.
    pub number: Option<i32>,
    /// Letter behind it.
    pub suffix: Option<String>,
    /// Where from.
    pub departure: Option<String>,
    /// Where to.
    pub arrival: Option<String>,
    /// Local, as sent.
    pub departs: Option<Moment>,
    /// Local, as sent.
    pub arrives: Option<Moment>,
    /// UTC milliseconds; `None` where the airport is unknown.
    pub departs_at: Option<i64>,
    /// UTC milliseconds; `None` where the airport is unknown.
    pub arrives_at: Option<i64>,
    /// It crosses the border of whom the list is for.
    pub border: bool,
    /// Of a road carrier the reference of the trip, by which it is known instead of its ends and time.
    pub trip: Option<String>,
    /// Number of its TDT.
    pub segment: u32,
}

impl Leg {
    /// `UA123 YVR-JFK`, or `ABCD TRIP0042`, for people.
    pub fn label(&self) -> String {
        if let Some(trip) = &self.trip {
            return format!("{} {trip}", self.carrier);
        }
        let number = self.number.map(|n| n.to_string()).unwrap_or_default();
        let end = |airport: &Option<String>| airport.clone().unwrap_or_else(|| "?".into());
        let suffix = self.suffix.as_deref().unwrap_or_default();
        format!("{}{number}{suffix} {}-{}", self.carrier, end(&self.departure), end(&self.arrival))
    }

    /// Column `flight_id` of a trip: carrier and reference. That of a flight follows from other columns.
    pub fn trip_id(&self) -> Option<String> {
        let trip = self.trip.as_ref().filter(|_| !self.carrier.is_empty())?;
        Some(format!("{}/{trip}", self.carrier))
    }

    /// What tells it from other flights.
    pub fn key(&self) -> String {
        let day = self.departs.map(|m| m.date.to_string()).unwrap_or_default();
        format!("{} {day}", self.label())
    }

    /// Whether it says which flight it is.
    pub fn is_named(&self) -> bool {
        !self.carrier.is_empty() || self.number.is_some()
    }

    /// Whether it goes from one country to another.
    pub fn is_abroad(&self) -> bool {
        let country = |airport: &Option<String>| airport.as_deref().and_then(codes::airport).map(|a| a.country);
        matches!((country(&self.departure), country(&self.arrival)), (Some(from), Some(to)) if from != to)
    }
}

/// Carrier, number and suffix of `UA0989`, `B2740`, `ZZ800A`, or of `123` with `carrier` beside it.
pub fn split_number(text: &str, carrier: &str) -> (String, Option<i32>, Option<String>) {
    let text: String = upper(text).chars().filter(|c| !c.is_whitespace()).collect();
    let carrier = upper(carrier).into_owned();
    let rest_is_number = |n: usize| text.as_bytes().get(n).is_some_and(u8::is_ascii_digit);
    let letters = |n: usize| text.get(..n).is_some_and(|t| t.bytes().all(|b| b.is_ascii_uppercase()));
    let designator = text
        .get(..2)
        .is_some_and(|t| t.bytes().all(|b| b.is_ascii_alphanumeric()) && t.bytes().any(|b| b.is_ascii_uppercase()));
    let cut = if !carrier.is_empty() && text.len() > carrier.len() && text.starts_with(&carrier) {
        carrier.len()
    } else if letters(3) && rest_is_number(3) {
        3
    } else if designator && rest_is_number(2) {
        2
    } else {
        0
    };
    let (prefix, number) = text.split_at(cut);
    let carrier = if cut > 0 { prefix.to_owned() } else { carrier };
    // A trip reference keeps its digits only.
    let number = number.trim_start_matches(|c: char| !c.is_ascii_digit());
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let suffix = number[digits..].chars().next().filter(char::is_ascii_uppercase).map(String::from);
    let suffix = suffix.filter(|_| number.len() == digits + 1);
    (carrier, number[..digits].parse().ok(), suffix)
}

/// Legs while the header is read.
#[derive(Default)]
pub struct Legs {
    read: Vec<Leg>,
    open: bool,
    /// The stop that a DTM belongs to.
    stop: Stop,
    pending: Option<Cow<'static, str>>,
    /// Departure and arrival that were told before any flight.
    early: [Option<Moment>; 2],
    /// They are trips of a road carrier.
    pub on_road: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Stop {
    #[default]
    None,
    Departure,
    Arrival,
    /// A LOC 92 whose DTM will tell.
    Open,
}

impl Legs {
    /// TDT: another flight.
    pub fn flight(&mut self, tdt: Segment<'_, '_>) {
        self.settle();
        let carrier = [tdt.get(4, 0), tdt.get(3, 0)].into_iter().find(|c| !c.is_empty()).unwrap_or_default();
        let (carrier, number, suffix) = split_number(tdt.get(1, 0), carrier);
        let trip = tdt.value(1, 0).filter(|_| self.on_road).map(|trip| upper(trip).into_owned());
        self.read.push(Leg { carrier, number, suffix, trip, segment: tdt.number(), ..Leg::default() });
        self.open = true;
        self.stop = Stop::None;
    }

    /// A trip for those that have none of their own, and its digits as their number.
    pub fn trip(&mut self, trip: &str) {
        for leg in self.read.iter_mut().filter(|leg| leg.trip.is_none()) {
            if leg.number.is_none() {
                (_, leg.number, _) = split_number(trip.trim_start_matches(char::is_alphabetic), &leg.carrier);
            }
            leg.trip = Some(trip.to_owned());
        }
    }

    /// LOC under TDT. Returns whether it is one that we know.
    pub fn stop(&mut self, loc: Segment<'_, '_>, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) -> bool {
        if !self.open {
            return true;
        }
        let code = loc.get(1, 0);
        let place =
            |warnings: &mut Vec<Warning>| (!code.is_empty()).then(|| airport(code, path, warnings).into_owned());
        match loc.get(0, 0) {
            "125" | "005" | "5" => {
                self.settle();
                let place = place(warnings);
                self.depart(place, true);
            }
            "87" | "008" | "8" => {
                self.settle();
                let place = place(warnings);
                self.arrive(place, true);
            }
            "92" => {
                self.settle();
                self.pending = place(warnings).map(Cow::Owned);
                self.stop = Stop::Open;
            }
            // Where a trip comes in: an office at the border, by a code of customs.
            "60" if self.on_road => {
                self.settle();
                self.arrive((!code.is_empty()).then(|| upper(code).into_owned()), true);
            }
            // Read and kept in the bytes: places that are no stop of the flight.
            "130" | "172" | "188" => {}
            _ => return false,
        }
        true
    }

    /// DTM under TDT: scheduled departure (`189`, `136`) or arrival (`232`, `132`).
    pub fn time(&mut self, departure: bool, moment: Moment) {
        if !self.open {
            self.early[usize::from(!departure)] = Some(moment);
            return;
        }
        if self.stop == Stop::Open {
            let place = self.pending.take().map(Cow::into_owned);
            if departure { self.depart(place, false) } else { self.arrive(place, false) }
        } else if departure && self.stop == Stop::Arrival && self.read.last().is_none_or(|leg| leg.departs.is_some()) {
            // One stop with both times: it arrives, then leaves again.
            let place = self.read.last().and_then(|l| l.arrival.clone());
            self.depart(place, false);
        }
        if let Some(leg) = self.read.last_mut() {
            *(if departure { &mut leg.departs } else { &mut leg.arrives }) = Some(moment);
        }
    }

    /// All legs, times in UTC. What comes in by road does so at an office, whose local times are those of `zone`.
    pub fn finish(mut self, message: &Message<'_>, zone: Tz, warnings: &mut Vec<Warning>) -> Vec<Leg> {
        self.settle();
        if let Some(first) = self.read.first_mut() {
            let [departs, arrives] = self.early;
            (first.departs, first.arrives) = (first.departs.or(departs), first.arrives.or(arrives));
        }
        if self.read.len() > LEGS_MAX {
            let text = format!("{} legs, {LEGS_MAX} are read", self.read.len());
            warnings.push(Warning { code: "too_many_legs", path: message.path(1), text });
            let n_border = self.read.iter().filter(|leg| leg.border).count();
            let mut others = LEGS_MAX.saturating_sub(n_border);
            self.read.retain(|leg| leg.border || others.checked_sub(1).map(|left| others = left).is_some());
            self.read.truncate(LEGS_MAX);
        }
        for leg in &mut self.read {
            leg.departs_at = leg.departs.and_then(|m| to_utc_at(m, leg.departure.as_deref()));
            leg.arrives_at = leg.arrives.and_then(|m| to_utc_at(m, leg.arrival.as_deref()));
            if leg.trip.is_some() {
                // Known by its reference, it needs no time of departure, and its days come without hours.
                leg.arrives_at = leg.arrives_at.or_else(|| leg.arrives.and_then(|m| to_utc_in(m, zone)));
                continue;
            }
            let mut warn = |code, text: &str| {
                warnings.push(Warning {
                    code,
                    path: message.path(leg.segment),
                    text: format!("{}: {text}", leg.label()),
                });
            };
            if leg.departs_at.is_none() {
                warn("no_departure_time", "no departure time that could be converted to UTC");
            }
            if leg.departs_at.is_some() && leg.departs.is_some_and(|m| m.time.is_none()) {
                warn("day_only", "the day of departure is known, not the hour: taken as its beginning");
            }
            if leg.number.is_none() && leg.is_named() {
                warn("flight_number", "no number in it");
            }
            if let (Some(departs), Some(arrives)) = (leg.departs_at, leg.arrives_at)
                && arrives < departs
            {
                warn("arrival_before_departure", "kept as sent");
            }
        }
        self.read
    }

    /// A LOC 92 without DTM is the next free end.
    fn settle(&mut self) {
        if self.stop == Stop::Open {
            let place = self.pending.take().map(Cow::into_owned);
            let free = self.read.last().is_some_and(|l| l.departure.is_some() && l.arrival.is_none());
            if free { self.arrive(place, false) } else { self.depart(place, false) }
        }
    }

    fn depart(&mut self, place: Option<String>, border: bool) {
        if self.read.last().is_some_and(|l| l.departure.is_some()) {
            self.another();
        }
        if let Some(leg) = self.read.last_mut() {
            leg.departure = place;
            leg.border |= border;
        }
        self.stop = Stop::Departure;
    }

    fn arrive(&mut self, place: Option<String>, border: bool) {
        if self.read.last().is_some_and(|l| l.arrival.is_some()) {
            self.another();
        }
        if let Some(leg) = self.read.last_mut() {
            leg.arrival = place;
            leg.border |= border;
        }
        self.stop = Stop::Arrival;
    }

    /// Another leg of the same flight.
    fn another(&mut self) {
        if let Some(last) = self.read.last() {
            let Leg { carrier, number, suffix, trip, segment, .. } = last.clone();
            self.read.push(Leg { carrier, number, suffix, trip, segment, ..Leg::default() });
        }
    }
}

/// A scheduled time; the year of a flight is a recent one.
pub fn scheduled(value: &str, format: &str) -> Result<Moment, dates::NotADate> {
    dates::parse(value, format, Century::Recent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flight_numbers_split_into_carrier_number_and_suffix() {
        for (text, carrier, expected) in [
            ("UA0989", "UA", "UA 989"),
            ("UA123", "", "UA 123"),
            ("B2740", "", "B2 740"),
            ("A92707", "", "A9 2707"),
            ("9W12", "", "9W 12"),
            ("KAL012", "", "KAL 12"),
            ("ZZ800A", "ZZ", "ZZ 800 A"),
            ("123", "KE", "KE 123"),
            ("0123", "KE", "KE 123"),
            ("ke 12", "", "KE 12"),
            ("TRIP0042", "ABCD", "ABCD 42"),
            ("OPEN", "ZZ", "ZZ"),
            ("", "", ""),
        ] {
            let (carrier, number, suffix) = split_number(text, carrier);
            let parts = [Some(carrier), number.map(|n| n.to_string()), suffix];
            let parts: Vec<_> = parts.into_iter().flatten().filter(|p| !p.is_empty()).collect();
            assert_eq!(parts.join(" "), expected, "{text}");
        }
    }
}
