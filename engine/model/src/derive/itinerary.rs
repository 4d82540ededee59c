//! The shape of a journey, read off its legs.

use std::ops::Range;

use arrow::array::{Array, AsArray, ListArray, PrimitiveArray, StringArray};
use arrow::datatypes::TimestampMillisecondType;

use super::kernels::{DAY_MS, HOUR_MS};
use super::rows::Rows;
use crate::codes::{self, Airport};

/// From here on a stop is a stay and not a connection.
const STAY_HOURS: f64 = 24.0;
/// Airports nearer than this serve the same city.
const SAME_CITY_KM: f64 = 100.0;

/// The itinerary column, by its members.
pub(super) struct Itineraries<'a> {
    lists: &'a ListArray,
    from: &'a StringArray,
    to: &'a StringArray,
    departs: &'a PrimitiveArray<TimestampMillisecondType>,
    arrives: &'a PrimitiveArray<TimestampMillisecondType>,
}

/// One journey.
#[derive(Debug, PartialEq)]
pub(super) struct Journey {
    /// `oneway`, `round`, `openjaw` or `multi`.
    pub kind: &'static str,
    /// From arriving at the first stay to leaving the last.
    pub stay_days: Option<f64>,
    /// Longest stop.
    pub dwell_hours: Option<f64>,
}

impl<'a> Itineraries<'a> {
    pub(super) fn of(rows: &'a Rows<'_>) -> Option<Self> {
        let lists = rows.list("itinerary")?;
        let legs = lists.values().as_struct_opt()?;
        let text = |name| legs.column_by_name(name)?.as_string_opt();
        let time = |name| legs.column_by_name(name)?.as_primitive_opt();
        Some(Self {
            lists,
            from: text("from")?,
            to: text("to")?,
            departs: time("departs_at")?,
            arrives: time("arrives_at")?,
        })
    }

    fn legs(&self, row: usize) -> Range<usize> {
        self.lists.value_offsets()[row] as usize..self.lists.value_offsets()[row + 1] as usize
    }

    /// Where the first leg begins.
    pub(super) fn origin(&self, row: usize) -> Option<&'a str> {
        let first = self.legs(row).next()?;
        self.from.is_valid(first).then(|| self.from.value(first))
    }

    /// Where the last leg ends.
    pub(super) fn end(&self, row: usize) -> Option<&'a str> {
        let last = self.legs(row).next_back()?;
        self.to.is_valid(last).then(|| self.to.value(last))
    }

    /// The shape of the journey; `None` without legs or where an end of a leg is not known.
    pub(super) fn journey(&self, row: usize) -> Option<Journey> {
        let legs = self.legs(row);
        let (origin, end) = (self.origin(row)?, self.end(row)?);
        let known = legs.clone().all(|leg| self.from.is_valid(leg) && self.to.is_valid(leg));
        if !known {
            return None;
        }

        let (mut gaps, mut stays) = (0, 0);
        let (mut first_stay, mut last_stay) = (None, None);
        let mut longest: Option<(f64, i64, i64)> = None;
        for (leg, next) in legs.clone().zip(legs.skip(1)) {
            gaps += usize::from(!same_city(self.to.value(leg), self.from.value(next)));
            if self.arrives.is_null(leg) || self.departs.is_null(next) {
                continue;
            }
            let (arrives, departs) = (self.arrives.value(leg), self.departs.value(next));
            let hours = (departs as f64 - arrives as f64) / HOUR_MS;
            if longest.is_none_or(|(h, ..)| hours > h) {
                longest = Some((hours, arrives, departs));
            }
            if hours >= STAY_HOURS {
                stays += 1;
                first_stay = first_stay.or(Some(arrives));
                last_stay = Some(departs);
            }
        }

        let kind = match (returns(origin, end, self.turn(row)), gaps, stays) {
            (Return::Home, 0, 0 | 1) => "round",
            (Return::Home, 1, 0 | 1) | (Return::HomeCountry, 0, 0 | 1) => "openjaw",
            (Return::No, 0, 0) => "oneway",
            _ => "multi",
        };
        let stay = match first_stay.zip(last_stay) {
            Some(stay) => Some(stay),
            None if matches!(kind, "round" | "openjaw") => longest.map(|(_, arrives, departs)| (arrives, departs)),
            None => None,
        };
        Some(Journey {
            kind,
            stay_days: stay.map(|(arrives, departs)| (departs as f64 - arrives as f64) / DAY_MS),
            dwell_hours: longest.map(|(hours, ..)| hours),
        })
    }

    /// A place on the way in another country than the origin, if any.
    fn turn(&self, row: usize) -> Option<&'a str> {
        let home = country(self.origin(row)?);
        self.legs(row).map(|leg| self.to.value(leg)).find(|place| country(place) != home)
    }
}

enum Return {
    Home,
    HomeCountry,
    No,
}

fn returns(origin: &str, end: &str, abroad: Option<&str>) -> Return {
    if same_city(origin, end) {
        Return::Home
    } else if abroad.is_some() && country(origin).is_some() && country(origin) == country(end) {
        Return::HomeCountry
    } else {
        Return::No
    }
}

fn country(airport: &str) -> Option<crate::ids::Country> {
    codes::airport(airport).map(|a| a.country)
}

fn same_city(one: &str, other: &str) -> bool {
    let near =
        |(one, other): (Airport, Airport)| one.country == other.country && one.distance_km(&other) < SAME_CITY_KM;
    one == other || codes::airport(one).zip(codes::airport(other)).is_some_and(near)
}
