//! Days of the office's zone, and where a unit of the calendar begins.

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;
use haechi_rules::profile::Calendar;

const DAY_MS: i64 = 86_400_000;

/// Instants to days.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Days {
    zone: Tz,
}

impl Days {
    pub fn new(zone: Tz) -> Self {
        Self { zone }
    }

    /// The day of an instant, since 1970-01-01.
    pub fn of(self, at_ms: i64) -> i64 {
        let offset_s = match DateTime::from_timestamp_millis(at_ms) {
            Some(at) if self.zone != Tz::UTC => {
                self.zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
            }
            _ => 0,
        };
        at_ms.saturating_add(i64::from(offset_s) * 1_000).div_euclid(DAY_MS)
    }
}

/// The first day of the unit that a day is in.
pub(crate) fn first_day(unit: Calendar, day: i64) -> i64 {
    let date = i32::try_from(day).ok().and_then(NaiveDate::from_epoch_days);
    // Beyond all calendars a day is its own unit.
    let Some(date) = date else { return day };
    let back = match unit {
        Calendar::Day => 0,
        Calendar::Week => date.weekday().num_days_from_monday(),
        Calendar::Month => date.day0(),
        Calendar::Quarter => {
            let first = NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1);
            first.map_or(0, |first| date.ordinal0() - first.ordinal0())
        }
        Calendar::Year => date.ordinal0(),
    };
    day - i64::from(back)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        text.parse::<NaiveDate>().unwrap().to_epoch_days().into()
    }

    #[test]
    fn units_begin_where_the_calendar_says() {
        for (unit, of, first) in [
            (Calendar::Day, "2028-02-29", "2028-02-29"),
            (Calendar::Week, "2026-11-22", "2026-11-16"),
            (Calendar::Week, "2026-11-16", "2026-11-16"),
            (Calendar::Month, "2028-02-29", "2028-02-01"),
            (Calendar::Quarter, "2026-12-31", "2026-10-01"),
            (Calendar::Quarter, "2026-03-31", "2026-01-01"),
            (Calendar::Year, "2028-12-31", "2028-01-01"),
        ] {
            assert_eq!(first_day(unit, day(of)), day(first), "{unit:?} {of}");
            assert!(day(of) - day(first) <= i64::from(unit.days()));
        }
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let late = at("2026-11-22T15:30:00Z");
        assert_eq!(Days::new(Tz::UTC).of(late), day("2026-11-22"));
        assert_eq!(Days::new(Tz::Asia__Seoul).of(late), day("2026-11-23"));
        assert_eq!(Days::new(Tz::UTC).of(-1), -1);
        assert!(Days::new(Tz::Asia__Seoul).of(i64::MAX) > 0);
    }
}
