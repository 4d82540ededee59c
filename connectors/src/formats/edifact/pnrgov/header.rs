//! Level 0 of a booking message: what kind of push it is, of which flight, and how many bookings follow.

use std::rc::Rc;

use chrono::NaiveDate;
use haechi_model::intake::Warning;
use rustc_hash::FxHashMap;

use super::super::dates::{Moment, day_first};
use super::super::interchange::{Message, leading_number};
use super::super::paxlst::split_number;
use super::super::places::{airport, short, to_utc_at, upper};
use super::super::segments::{Arena, Segment};
use super::super::service::ServiceChars;

/// Everything before the first SRC.
#[derive(Debug, Default)]
pub struct Header {
    /// MSG 1225: `22` full push, `141` only what changed.
    pub function: String,
    /// TVL.
    pub flight: Flight,
    /// EQN.
    pub bookings: Option<u64>,
}

/// A flight or a leg of one, as TVL tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flight {
    /// Operating carrier; empty if unknown.
    pub carrier: String,
    /// Marketing carrier, where another one is named.
    pub marketing: Option<String>,
    /// Number without leading zeros.
    pub number: Option<i32>,
    /// Letter behind it.
    pub suffix: Option<String>,
    /// Where from.
    pub from: Option<String>,
    /// Where to.
    pub to: Option<String>,
    /// Local, as sent.
    pub departs: Option<Moment>,
    /// UTC milliseconds; `None` where the airport is unknown.
    pub departs_at: Option<i64>,
    /// UTC milliseconds; `None` where the airport is unknown.
    pub arrives_at: Option<i64>,
    /// Class of service.
    pub class: Option<String>,
}

impl Header {
    /// Reads the segments before the first SRC.
    pub fn read(arena: &Arena<'_>, message: &Message<'_>, warnings: &mut Vec<Warning>) -> Self {
        let mut header = Self::default();
        for s in arena.iter() {
            let path = || message.path(s.number());
            match s.tag() {
                "MSG" => {
                    s.get(0, 1).clone_into(&mut header.function);
                    if !matches!(s.get(0, 1), "22" | "141") {
                        let text = format!("MSG {}", short(s.get(0, 1)));
                        warnings.push(Warning { code: "unknown_code", path: path(), text });
                    }
                }
                "TVL" => header.flight = Flight::read(s, &path, warnings),
                "EQN" => header.bookings = leading_number(s.get(0, 0)),
                "ORG" | "DAT" | "IFT" | "RCI" | "REF" => {}
                tag => {
                    let text = format!("{tag} before the first booking");
                    warnings.push(Warning { code: "unknown_segment", path: path(), text });
                }
            }
        }
        let flight = &header.flight;
        if flight.is_named() && flight.departs_at.is_none() {
            let text = format!("{}: no departure time that could be converted to UTC", flight.label());
            warnings.push(Warning { code: "no_departure_time", path: message.path(1), text });
        }
        if let (Some(departs), Some(arrives)) = (flight.departs_at, flight.arrives_at)
            && arrives < departs
        {
            let text = format!("{}: kept as sent", flight.label());
            warnings.push(Warning { code: "arrival_before_departure", path: message.path(1), text });
        }
        header
    }

    /// The day of the flight, for two-digit years.
    pub fn day(&self) -> Option<NaiveDate> {
        self.flight.departs.map(|m| m.date)
    }
}

impl Flight {
    /// Reads a TVL: dates, ends, carriers, number and class.
    pub fn read(tvl: Segment<'_, '_>, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) -> Self {
        let mut place = |element| tvl.value(element, 0).map(|code| airport(code, path, warnings).into_owned());
        let (from, to) = (place(1), place(2));
        // Marketing carrier first, the one that flies behind it, if it is another.
        let (first, second) = (tvl.get(3, 0), tvl.get(3, 1));
        let (carrier, marketing) =
            if second.is_empty() { (first, None) } else { (second, Some(upper(first).into_owned())) };
        let (carrier, number, suffix) = split_number(tvl.get(4, 0), carrier);
        let (departs, arrives) = times(tvl).unwrap_or_else(|| {
            warnings.push(Warning { code: "bad_date", path: path(), text: "TVL".to_owned() });
            (None, None)
        });
        Self {
            marketing: marketing.filter(|m| *m != carrier && !m.is_empty()),
            carrier,
            number,
            suffix,
            departs_at: departs.filter(|m| m.time.is_some()).and_then(|m| to_utc_at(m, from.as_deref())),
            arrives_at: arrives.filter(|m| m.time.is_some()).and_then(|m| to_utc_at(m, to.as_deref())),
            departs,
            from,
            to,
            class: tvl.value(4, 1).map(|c| upper(c).into_owned()),
        }
    }

    /// `UA123 YVR-JFK`, for people.
    pub fn label(&self) -> String {
        let number = self.number.map(|n| n.to_string()).unwrap_or_default();
        let end = |airport: &Option<String>| airport.clone().unwrap_or_else(|| "?".into());
        let suffix = self.suffix.as_deref().unwrap_or_default();
        format!("{}{number}{suffix} {}-{}", self.carrier, end(&self.from), end(&self.to))
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

    /// How well a leg of a booking fits this flight; 0 where it is another one. Codeshares have another number, and
    /// senders repeat a leg under another day.
    pub fn fits(&self, leg: &Self) -> u32 {
        let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        let (from, to) = (same(&self.from, &leg.from), same(&self.to, &leg.to));
        let number = self.number.is_some() && self.number == leg.number;
        if !from || !(number || to) {
            return 0;
        }
        let day = self.departs.map(|m| m.date) == leg.departs.map(|m| m.date);
        1 + 4 * u32::from(number) + 2 * u32::from(to) + 3 * u32::from(day)
    }
}

/// More flights than the bookings of one flight go on with.
const FLIGHTS_MAX: usize = 4_096;

/// The flights that bookings of a message name, each read once: nearly all of them name the same few.
#[derive(Debug)]
pub struct Flights<'t> {
    /// Repeats an element: of such a segment several flights are made.
    repetition: u8,
    /// By the segment that names them; those that were read without a warning.
    known: FxHashMap<&'t str, Rc<Flight>>,
}

impl<'t> Flights<'t> {
    /// None known yet.
    pub fn new(chars: ServiceChars) -> Self {
        Self { repetition: chars.repetition, known: FxHashMap::default() }
    }

    /// Reads a TVL of a booking.
    pub fn read(&mut self, tvl: Segment<'_, 't>, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) -> Rc<Flight> {
        if let Some(known) = self.known.get(tvl.raw()) {
            return Rc::clone(known);
        }
        let before = warnings.len();
        let mut flight = Flight::read(tvl, path, warnings);
        if matches!(upper(tvl.get(4, 0)).as_ref(), "ARNK" | "OPEN") {
            flight.number = None;
        }
        let flight = Rc::new(flight);
        let alone = self.repetition == 0 || !tvl.raw().as_bytes().contains(&self.repetition);
        if alone && warnings.len() == before && self.known.len() < FLIGHTS_MAX {
            self.known.insert(tvl.raw(), Rc::clone(&flight));
        }
        flight
    }
}

/// Departure and arrival: `date:time:date:time`, `date:time::time` and `date:time:time` on the day of departure.
/// `None` where a date was sent that is none.
fn times(tvl: Segment<'_, '_>) -> Option<(Option<Moment>, Option<Moment>)> {
    let (day, time) = (tvl.get(0, 0), tvl.get(0, 1));
    if day.is_empty() {
        return Some((None, None));
    }
    let departs = day_first(day, time).ok()?;
    let (arrival_day, arrival_time) = match (tvl.get(0, 2), tvl.get(0, 3)) {
        ("", "") => return Some((Some(departs), None)),
        ("", time) => (day, time),
        (time, "") if time.len() == 4 => (day, time),
        (day, time) => (day, time),
    };
    Some((Some(departs), Some(day_first(arrival_day, arrival_time).ok()?)))
}
