//! Days and instants from text: ISO 8601 by hand, since most cells are exactly that, other shapes by pattern.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// Years a date may have.
pub(super) const YEARS: std::ops::RangeInclusive<i32> = 1900..=2100;
const UNIX_EPOCH_DAY: i32 = 719_163;

/// Why text is no date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadTime {
    /// Another shape.
    Shape,
    /// The shape is right, and there is no such day or time.
    Impossible,
    /// Outside [`YEARS`].
    Range,
}

/// An instant, and whether the text gave no more than the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant {
    pub ms: i64,
    pub day_only: bool,
}

/// Days since 1970.
pub(super) fn day_number(date: NaiveDate) -> Result<i32, BadTime> {
    if YEARS.contains(&date.year()) { Ok(date.num_days_from_ce() - UNIX_EPOCH_DAY) } else { Err(BadTime::Range) }
}

/// A day: `2026-01-31`, `20260131`, or as the pattern says.
pub(super) fn date(text: &str, pattern: Option<&str>) -> Result<i32, BadTime> {
    let date = match pattern {
        Some(pattern) => NaiveDate::parse_from_str(text, pattern).map_err(bad)?,
        None => match iso_date(text.as_bytes())? {
            (date, b"") => date,
            _ => return Err(BadTime::Shape),
        },
    };
    day_number(date)
}

/// An instant: ISO 8601, or as the pattern says. Without a zone of its own it is wall time in `zone`.
pub(super) fn instant(text: &str, pattern: Option<&str>, zone: Tz) -> Result<Instant, BadTime> {
    match pattern {
        Some(pattern) => by_pattern(text, pattern, zone),
        None => iso(text.as_bytes(), zone),
    }
}

/// Milliseconds since 1970 of a wall time. In the hour that a clock repeats the first is meant; in the hour that
/// it skips, the offset before.
pub(super) fn wall_to_utc_ms(wall: NaiveDateTime, zone: Tz) -> i64 {
    if zone == Tz::UTC {
        return wall.and_utc().timestamp_millis();
    }
    if let Some(instant) = zone.from_local_datetime(&wall).earliest() {
        return instant.timestamp_millis();
    }
    let before = zone.offset_from_utc_datetime(&(wall - TimeDelta::days(1))).fix().local_minus_utc();
    wall.and_utc().timestamp_millis() - i64::from(before) * 1000
}

fn bad(error: chrono::ParseError) -> BadTime {
    match error.kind() {
        chrono::format::ParseErrorKind::OutOfRange | chrono::format::ParseErrorKind::Impossible => BadTime::Impossible,
        _ => BadTime::Shape,
    }
}

fn by_pattern(text: &str, pattern: &str, zone: Tz) -> Result<Instant, BadTime> {
    if let Ok(exact) = DateTime::parse_from_str(text, pattern) {
        day_number(exact.date_naive())?;
        return Ok(Instant { ms: exact.timestamp_millis(), day_only: false });
    }
    if let Ok(wall) = NaiveDateTime::parse_from_str(text, pattern) {
        day_number(wall.date())?;
        return Ok(Instant { ms: wall_to_utc_ms(wall, zone), day_only: false });
    }
    // The pattern has no time, or the text does not fit; the error for the day says which.
    let date = NaiveDate::parse_from_str(text, pattern).map_err(bad)?;
    day_number(date)?;
    Ok(Instant { ms: wall_to_utc_ms(date.and_time(NaiveTime::MIN), zone), day_only: true })
}

fn iso(text: &[u8], zone: Tz) -> Result<Instant, BadTime> {
    let (date, rest) = iso_date(text)?;
    day_number(date)?;
    let Some((b'T' | b't' | b' ', rest)) = rest.split_first() else {
        return match rest {
            b"" => Ok(Instant { ms: wall_to_utc_ms(date.and_time(NaiveTime::MIN), zone), day_only: true }),
            _ => Err(BadTime::Shape),
        };
    };
    let (time, rest) = iso_time(rest)?;
    // None: the end of the day (ISO 8601-1, 4.3.8), which is the beginning of the next.
    let wall = match time {
        Some(time) => date.and_time(time),
        None => date.succ_opt().ok_or(BadTime::Range)?.and_time(NaiveTime::MIN),
    };
    let ms = match rest {
        b"" => wall_to_utc_ms(wall, zone),
        b"Z" | b"z" => wall.and_utc().timestamp_millis(),
        offset => wall.and_utc().timestamp_millis() - offset_minutes(offset)? * 60_000,
    };
    Ok(Instant { ms, day_only: false })
}

fn iso_date(text: &[u8]) -> Result<(NaiveDate, &[u8]), BadTime> {
    let (year, rest) = digits(text, 4)?;
    let dashed = rest.first() == Some(&b'-');
    let skip = usize::from(dashed);
    let (month, rest) = digits(rest.get(skip..).unwrap_or_default(), 2)?;
    if dashed && rest.first() != Some(&b'-') {
        return Err(BadTime::Shape);
    }
    let (day, rest) = digits(rest.get(skip..).unwrap_or_default(), 2)?;
    let date = NaiveDate::from_ymd_opt(year as i32, month, day).ok_or(BadTime::Impossible)?;
    Ok((date, rest))
}

fn iso_time(text: &[u8]) -> Result<(Option<NaiveTime>, &[u8]), BadTime> {
    let (hour, rest) = digits(text, 2)?;
    let colon = rest.first() == Some(&b':');
    let skip = usize::from(colon);
    let (minute, mut rest) = digits(rest.get(skip..).unwrap_or_default(), 2)?;
    let (mut second, mut ms) = (0, 0);
    let more = if colon { rest.first() == Some(&b':') } else { rest.first().is_some_and(u8::is_ascii_digit) };
    if more {
        (second, rest) = digits(rest.get(skip..).unwrap_or_default(), 2)?;
        if let Some((b'.' | b',', fraction)) = rest.split_first() {
            let n = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            if n == 0 {
                return Err(BadTime::Shape);
            }
            ms = (0..3).fold(0, |ms, i| ms * 10 + fraction.get(i).filter(|_| i < n).map_or(0, |b| u32::from(b - b'0')));
            rest = fraction.get(n..).unwrap_or_default();
        }
    }
    if (hour, minute, second, ms) == (24, 0, 0, 0) {
        return Ok((None, rest));
    }
    let time = NaiveTime::from_hms_milli_opt(hour, minute, second, ms).ok_or(BadTime::Impossible)?;
    Ok((Some(time), rest))
}

fn offset_minutes(text: &[u8]) -> Result<i64, BadTime> {
    let (sign, rest) = match text.split_first() {
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        _ => return Err(BadTime::Shape),
    };
    let (hours, rest) = digits(rest, 2)?;
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    let (minutes, rest) = if rest.is_empty() { (0, rest) } else { digits(rest, 2)? };
    if !rest.is_empty() {
        return Err(BadTime::Shape);
    }
    if hours > 14 || minutes > 59 {
        return Err(BadTime::Impossible);
    }
    Ok(sign * i64::from(hours * 60 + minutes))
}

fn digits(text: &[u8], n: usize) -> Result<(u32, &[u8]), BadTime> {
    let (head, rest) = text.split_at_checked(n).ok_or(BadTime::Shape)?;
    let mut value = 0;
    for b in head {
        if !b.is_ascii_digit() {
            return Err(BadTime::Shape);
        }
        value = value * 10 + u32::from(b - b'0');
    }
    Ok((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str, pattern: Option<&str>, zone: Tz) -> String {
        match instant(text, pattern, zone) {
            Ok(Instant { ms, day_only }) => {
                let shown = DateTime::from_timestamp_millis(ms).unwrap().format("%Y-%m-%dT%H:%M:%S%.3f");
                format!("{shown}{}", if day_only { " day_only" } else { "" })
            }
            Err(bad) => format!("{bad:?}"),
        }
    }

    #[test]
    fn instants() {
        let seoul = Tz::Asia__Seoul;
        for (text, pattern, zone, expected) in [
            ("2027-03-02T00:00:00+09:00", None, Tz::UTC, "2027-03-01T15:00:00.000"),
            ("2027-03-02T00:00:00Z", None, seoul, "2027-03-02T00:00:00.000"),
            ("2027-12-31T24:00:00+09:00", None, seoul, "2027-12-31T15:00:00.000"),
            ("2027-03-02T24:01", None, seoul, "Impossible"),
            ("2027-03-02 10:30", None, seoul, "2027-03-02T01:30:00.000"),
            ("2027-03-02T10:30:15.25", None, seoul, "2027-03-02T01:30:15.250"),
            ("20270302T103015-0330", None, seoul, "2027-03-02T14:00:15.000"),
            ("2027-03-02", None, seoul, "2027-03-01T15:00:00.000 day_only"),
            ("2027-02-29", None, seoul, "Impossible"),
            ("2027-03-02T25:00", None, seoul, "Impossible"),
            ("1899-12-31", None, seoul, "Range"),
            ("2101-01-01", None, seoul, "Range"),
            ("02/03/2027", None, seoul, "Shape"),
            ("2027-0302", None, seoul, "Shape"),
            ("2027-03-02T", None, seoul, "Shape"),
            ("2027-03-02Tx", None, seoul, "Shape"),
            ("", None, seoul, "Shape"),
            ("02/03/2027", Some("%d/%m/%Y"), seoul, "2027-03-01T15:00:00.000 day_only"),
            ("31/02/2027", Some("%d/%m/%Y"), seoul, "Impossible"),
            ("02/03/2027 10:30", Some("%d/%m/%Y %H:%M"), seoul, "2027-03-02T01:30:00.000"),
            ("020327 1030 +0100", Some("%d%m%y %H%M %z"), seoul, "2027-03-02T09:30:00.000"),
            // Clocks in Berlin skip 02:30 on that day, and pass 02:30 twice on the other.
            ("2027-03-28T02:30", None, Tz::Europe__Berlin, "2027-03-28T01:30:00.000"),
            ("2027-10-31T02:30", None, Tz::Europe__Berlin, "2027-10-31T00:30:00.000"),
        ] {
            assert_eq!(utc(text, pattern, zone), expected, "{text}");
        }
    }

    #[test]
    fn days() {
        assert_eq!(date("1970-01-02", None), Ok(1));
        assert_eq!(date("19700102", None), Ok(1));
        assert_eq!(date("02.01.1970", Some("%d.%m.%Y")), Ok(1));
        assert_eq!(date("1970-01-02T00:00", None), Err(BadTime::Shape));
        assert_eq!(date("2026-02-30", None), Err(BadTime::Impossible));
        assert_eq!(date("9999-12-31", None), Err(BadTime::Range));
    }
}
