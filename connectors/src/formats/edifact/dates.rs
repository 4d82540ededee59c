//! Dates and times of C507 and S004: format codes, lengths where there is none, two-digit years.

use chrono::{Datelike, NaiveDate, NaiveTime};

use super::words::are_digits;

/// How much of a date is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// All of it.
    Day,
    /// Its day was sent as 00.
    Month,
    /// Its month was sent as 00, or only a year was sent.
    Year,
}

impl Precision {
    /// As the column `birth_date_precision` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }
}

/// A date with what else was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The day; the first one possible where the precision is less.
    pub date: NaiveDate,
    /// How much of it is known.
    pub precision: Precision,
    /// Time of the day.
    pub time: Option<NaiveTime>,
    /// Minutes east of UTC, where sent.
    pub offset_minutes: Option<i32>,
}

/// What a two-digit year means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Century {
    /// A time on a message or schedule: 1980 to 2079.
    Recent,
    /// A birth or an issue: the latest year not after this day.
    NotAfter(NaiveDate),
    /// An expiry: within fifty years of this day.
    Near(NaiveDate),
}

/// Why a value is no date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date")]
pub struct NotADate;

/// Reads `value` by its format code (DE 2379), by its length where the code is missing or does not fit.
pub fn parse(value: &str, format: &str, century: Century) -> Result<Moment, NotADate> {
    let only_digits = are_digits(value.as_bytes());
    let value = if only_digits { value } else { value.trim() };
    if is_clock(format) {
        return Err(NotADate);
    }
    // A period: its first day, or minute.
    let period = format.len() == 3 && format.starts_with('7');
    let value = if period { value.split('-').next().unwrap_or_default() } else { value };
    let joined = if only_digits { None } else { without_hyphens(value) };
    let value = joined.as_deref().unwrap_or(value);
    let digits = if only_digits { value.len() } else { value.bytes().take_while(u8::is_ascii_digit).count() };
    let (date, rest) = value.split_at(digits);
    // Behind the seconds come parts of one.
    let digits = if (15..=20).contains(&digits) { 14 } else { digits };
    let date = &date[..digits];
    let year_first = in_order_of_year(date, format);
    let date = year_first.as_deref().unwrap_or(date);
    let offset_minutes = offset(rest.trim())?;
    let long_year = match (format, digits) {
        ("602" | "610" | "102" | "203" | "204" | "205" | "303" | "304" | "718", _) => {
            digits % 2 == 0 && digits != 6 || format == "610"
        }
        ("101" | "201", _) => !matches!(digits, 6 | 10),
        // With seconds, and twelve digits for it.
        ("202" | "302", _) => !matches!(digits, 6 | 10 | 12),
        (_, 4 | 8 | 12 | 14) => true,
        _ => false,
    };
    let year_digits = if long_year && digits != 10 { 4 } else { 2 };
    // Of a few digits, which they all are.
    let number = |from: usize, to: usize| {
        let digits = date.as_bytes().get(from..to)?;
        Some(digits.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0')))
    };
    let (month, day) = match (digits - year_digits.min(digits), digits) {
        (0, 4) => (Some(0), Some(0)),
        (2, 6) if year_digits == 4 => (number(4, 6), Some(0)),
        (4.., _) => (number(year_digits, year_digits + 2), number(year_digits + 2, year_digits + 4)),
        _ => return Err(NotADate),
    };
    let (year, month, day) = (number(0, year_digits).ok_or(NotADate)?, month.ok_or(NotADate)?, day.ok_or(NotADate)?);
    let time = match digits - year_digits {
        0 | 2 | 4 => None,
        8 => Some((number(year_digits + 4, year_digits + 6), number(year_digits + 6, year_digits + 8), Some(0))),
        10 => Some((
            number(year_digits + 4, year_digits + 6),
            number(year_digits + 6, year_digits + 8),
            number(year_digits + 8, year_digits + 10),
        )),
        _ => return Err(NotADate),
    };
    // `2027-03` is no year with an offset.
    if time.is_none() && offset_minutes.is_some_and(|minutes| minutes != 0) && digits == 4 {
        return Err(NotADate);
    }
    // Nothing but zeros stands for nothing, and is not the year 2000.
    if (year, month, day) == (0, 0, 0) {
        return Err(NotADate);
    }
    let precision = match (month, day) {
        (0, _) => Precision::Year,
        (_, 0) => Precision::Month,
        _ => Precision::Day,
    };
    let (month, day) = (month.max(1), if month == 0 { 1 } else { day.max(1) });
    let date = if year_digits == 4 {
        NaiveDate::from_ymd_opt(year as i32, month, day).filter(|d| (1800..2200).contains(&d.year()))
    } else {
        two_digit(year, month, day, century)
    }
    .ok_or(NotADate)?;
    let (date, time) = match time {
        None => (date, None),
        // Midnight at the end of the day.
        Some((Some(24), Some(0), Some(0))) => (date.succ_opt().ok_or(NotADate)?, NaiveTime::from_hms_opt(0, 0, 0)),
        Some((Some(h), Some(m), Some(s))) => (date, Some(NaiveTime::from_hms_opt(h, m, s).ok_or(NotADate)?)),
        Some(_) => return Err(NotADate),
    };
    Ok(Moment { date, precision, time, offset_minutes })
}

/// The digits of a day as ISO 8601 writes it for people: `2027-03-14`.
fn without_hyphens(value: &str) -> Option<String> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *value.as_bytes() else { return None };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    are_digits(&digits).then(|| digits.iter().map(|digit| char::from(*digit)).collect())
}

/// Whether a format code (401 to 406) is of a time of the day, which some send behind the day in a DTM of its own.
fn is_clock(format: &str) -> bool {
    format.len() == 3 && format.starts_with('4')
}

/// A time of the day by itself: `0700:401`.
pub fn clock(value: &str, format: &str) -> Option<NaiveTime> {
    let value = value.trim();
    if !is_clock(format) || !matches!(value.len(), 4 | 6) || !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize| value.get(from..from + 2).and_then(|digits| digits.parse().ok());
    NaiveTime::from_hms_opt(number(0)?, number(2)?, number(4).unwrap_or(0))
}

/// The digits of a format that puts the day or the month first (2 DDMMYY, 3 MMDDYY, 4 DDMMCCYY, 5 MMDDCCYY), the year
/// first; `None` for the others, and where other digits were sent.
fn in_order_of_year(date: &str, format: &str) -> Option<String> {
    let (length, day_first) = match format {
        "2" => (6, true),
        "3" => (6, false),
        "4" => (8, true),
        "5" => (8, false),
        _ => return None,
    };
    let (first, rest) = date.split_at_checked(2).filter(|_| date.len() == length)?;
    let (second, year) = rest.split_at(2);
    let (month, day) = if day_first { (second, first) } else { (first, second) };
    Some(format!("{year}{month}{day}"))
}

/// A date as bookings write it, DDMMYY, with HHMM or HHMMSS beside it where a time was sent.
pub fn day_first(date: &str, time: &str) -> Result<Moment, NotADate> {
    let time = match time.as_bytes() {
        time if are_digits(time) => time,
        // What are no seconds are none.
        [time @ .., _, _] if time.len() == 4 && are_digits(time) => time,
        _ => return Err(NotADate),
    };
    if !are_digits(date.as_bytes()) {
        return Err(NotADate);
    }
    let number = |[ten, one]: [u8; 2]| 10 * u32::from(ten - b'0') + u32::from(one - b'0');
    let ([day, month, year], []) = date.as_bytes().as_chunks() else { return Err(NotADate) };
    let mut date = two_digit(number(*year), number(*month), number(*day), Century::Recent).ok_or(NotADate)?;
    let time = match time.as_chunks() {
        ([], []) => None,
        ([h, m, s @ ..], []) if s.len() < 2 => {
            let (h, m, s) = (number(*h), number(*m), s.first().map_or(0, |s| number(*s)));
            // Midnight at the end of the day.
            let h = if (h, m, s) == (24, 0, 0) {
                date = date.succ_opt().ok_or(NotADate)?;
                0
            } else {
                h
            };
            Some(NaiveTime::from_hms_opt(h, m, s).ok_or(NotADate)?)
        }
        _ => return Err(NotADate),
    };
    Ok(Moment { date, precision: Precision::Day, time, offset_minutes: None })
}

/// A date as documents in bookings carry it: `14FEB88`, `14FEB1988`.
pub fn month_named(text: &str, century: Century) -> Option<Moment> {
    const MONTHS: [[u8; 3]; 12] =
        [*b"JAN", *b"FEB", *b"MAR", *b"APR", *b"MAY", *b"JUN", *b"JUL", *b"AUG", *b"SEP", *b"OCT", *b"NOV", *b"DEC"];
    let word = |[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]);
    let bytes = text.as_bytes();
    let ([day @ .., a, b, c], year) = bytes.split_first_chunk::<5>().filter(|_| matches!(bytes.len(), 7 | 9))?;
    if !are_digits(day) || !are_digits(year) {
        return None;
    }
    // All twelve are compared: which one it is, nobody can guess.
    let named = word([*a, *b, *c].map(|b| b.to_ascii_uppercase()));
    let month = MONTHS.iter().zip(1..).map(|(name, month)| if word(*name) == named { month } else { 0 }).sum();
    let number = |digits: &[u8]| digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'));
    let (day, year) = (number(day), number(year));
    let precision = if day == 0 { Precision::Month } else { Precision::Day };
    let day = day.max(1);
    let date = if bytes.len() == 9 {
        NaiveDate::from_ymd_opt(year as i32, month, day).filter(|d| (1800..2200).contains(&d.year()))
    } else {
        two_digit(year, month, day, century)
    };
    Some(Moment { date: date?, precision, time: None, offset_minutes: None })
}

fn two_digit(year: u32, month: u32, day: u32, century: Century) -> Option<NaiveDate> {
    let of = |base: i32| NaiveDate::from_ymd_opt(base + year as i32, month, day);
    match century {
        Century::Recent => of(if year < 80 { 2000 } else { 1900 }),
        Century::NotAfter(limit) => {
            let base = limit.year() - limit.year().rem_euclid(100);
            [base, base - 100].into_iter().filter_map(of).find(|d| *d <= limit)
        }
        Century::Near(day) => {
            let base = day.year() - day.year().rem_euclid(100);
            // Fewer than fifty years off, no other century is nearer.
            let between = base + year as i32 - day.year();
            let nearest = base
                + if between < -50 {
                    100
                } else if between > 50 {
                    -100
                } else {
                    0
                };
            if between.rem_euclid(100) != 50
                && let Some(date) = of(nearest)
            {
                return Some(date);
            }
            let far = |d: &NaiveDate| (d.num_days_from_ce() - day.num_days_from_ce()).abs();
            [base - 100, base, base + 100].into_iter().filter_map(of).min_by_key(far)
        }
    }
}

/// `-0700`, `+09`, `Z`, nothing.
fn offset(text: &str) -> Result<Option<i32>, NotADate> {
    let (sign, digits) = match text.as_bytes() {
        [] => return Ok(None),
        b"Z" | b"UTC" | b"GMT" => return Ok(Some(0)),
        // Letters that stand for one clock in the trade; `CST` and `IST` do not.
        b"WET" => return Ok(Some(0)),
        b"CET" | b"BST" | b"WEST" => return Ok(Some(60)),
        b"CEST" | b"EET" | b"SAST" => return Ok(Some(2 * 60)),
        b"EEST" | b"MSK" => return Ok(Some(3 * 60)),
        b"ICT" | b"WIB" => return Ok(Some(7 * 60)),
        b"SST" | b"SGT" | b"HKT" | b"MYT" | b"PHT" | b"AWST" => return Ok(Some(8 * 60)),
        b"KST" | b"JST" => return Ok(Some(9 * 60)),
        b"AEST" => return Ok(Some(10 * 60)),
        b"AEDT" => return Ok(Some(11 * 60)),
        b"NZST" => return Ok(Some(12 * 60)),
        b"NZDT" => return Ok(Some(13 * 60)),
        b"EDT" => return Ok(Some(-4 * 60)),
        b"EST" | b"CDT" => return Ok(Some(-5 * 60)),
        b"MDT" => return Ok(Some(-6 * 60)),
        b"MST" | b"PDT" => return Ok(Some(-7 * 60)),
        b"PST" => return Ok(Some(-8 * 60)),
        [b'+', ..] => (1, &text[1..]),
        [b'-', ..] => (-1, &text[1..]),
        _ => return Err(NotADate),
    };
    // `+09:00` too.
    let (hours, minutes) = digits.split_at_checked(2).ok_or(NotADate)?;
    let minutes = minutes.strip_prefix(':').filter(|m| m.len() == 2).unwrap_or(minutes);
    if !matches!(minutes.len(), 0 | 2) || !(hours.bytes().chain(minutes.bytes())).all(|b| b.is_ascii_digit()) {
        return Err(NotADate);
    }
    let hours: i32 = hours.parse().map_err(|_| NotADate)?;
    let minutes: i32 = minutes.parse().unwrap_or(0);
    if hours > 14 || minutes > 59 {
        return Err(NotADate);
    }
    Ok(Some(sign * (hours * 60 + minutes)))
}

/// Days since 1970-01-01.
pub fn days(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// `value:format` reads as.
    fn check(value: &str, format: &str, century: Century, expected: &str) {
        let read = parse(value, format, century).map_or_else(
            |_| "none".to_owned(),
            |m| {
                let time = m.time.map_or(String::new(), |t| format!(" {}", t.format("%H:%M:%S")));
                let offset = m.offset_minutes.map_or(String::new(), |o| format!(" {o:+}"));
                let precision = if m.precision == Precision::Day { "" } else { m.precision.name() };
                format!("{}{time}{offset}{precision}", m.date)
            },
        );
        assert_eq!(read, expected, "{value}:{format}");
    }

    #[test]
    fn a_format_code_is_obeyed_and_without_one_the_length_decides() {
        for (value, format, expected) in [
            ("2703140105", "201", "2027-03-14 01:05:00"),
            ("202703140105", "203", "2027-03-14 01:05:00"),
            ("20270314010559", "204", "2027-03-14 01:05:59"),
            ("202703141300-0700", "205", "2027-03-14 13:00:00 -420"),
            ("202703151720+0900", "205", "2027-03-15 17:20:00 +540"),
            ("20270314", "102", "2027-03-14"),
            ("270314", "101", "2027-03-14"),
            ("960314", "101", "1996-03-14"),
            ("2027", "602", "2027-01-01year"),
            ("202703", "610", "2027-03-01month"),
            ("20270301-20270314", "718", "2027-03-01"),
            ("2703140105", "", "2027-03-14 01:05:00"),
            ("202703140105", "", "2027-03-14 01:05:00"),
            (" 270314", "", "2027-03-14"),
            ("2703142400", "201", "2027-03-15 00:00:00"),
            ("000000", "", "none"),
            ("000000", "101", "none"),
            ("00000000", "102", "none"),
            ("00000000", "", "none"),
            ("0000000000", "201", "none"),
            ("000100", "", "2000-01-01month"),
            ("140327", "2", "2027-03-14"),
            ("031427", "3", "2027-03-14"),
            ("14032027", "4", "2027-03-14"),
            ("03142027", "5", "2027-03-14"),
            ("20270314", "2", "2027-03-14"),
            ("200314010559", "202", "2020-03-14 01:05:59"),
            ("2703140105KST", "301", "2027-03-14 01:05:00 +540"),
            ("20270314010500SST", "304", "2027-03-14 01:05:00 +480"),
            ("2703140105EST", "301", "2027-03-14 01:05:00 -300"),
            ("2703140105CST", "301", "none"),
            ("200314010559UTC", "302", "2020-03-14 01:05:59 +0"),
            ("202703140105GMT", "303", "2027-03-14 01:05:00 +0"),
            ("2703140105-2703150105", "713", "2027-03-14 01:05:00"),
            ("202703140105-202703150105", "719", "2027-03-14 01:05:00"),
            ("20270314010559090090", "ZZZ", "2027-03-14 01:05:59"),
            ("202703140105590900900", "ZZZ", "none"),
            ("2027-03", "", "none"),
            ("2027-03-14", "", "2027-03-14"),
            ("2027-03-14", "102", "2027-03-14"),
            ("2027-13-14", "102", "none"),
            ("202703141300+09:00", "205", "2027-03-14 13:00:00 +540"),
            ("202703141300-0700", "205", "2027-03-14 13:00:00 -420"),
            ("202703141300+9", "205", "none"),
            ("202703141300+09:0", "205", "none"),
            ("2703140105XYZ", "301", "none"),
            ("202703140105", "201", "2027-03-14 01:05:00"),
            ("991399", "", "none"),
            ("2703142560", "201", "none"),
            ("12", "", "none"),
            ("", "", "none"),
            ("ABC", "102", "none"),
            ("1830", "401", "none"),
            ("203000", "402", "none"),
        ] {
            check(value, format, Century::Recent, expected);
        }
    }

    #[test]
    fn a_birth_year_is_the_latest_not_after_the_flight() {
        let flight = Century::NotAfter(day("2027-03-14"));
        check("260102", "", flight, "2026-01-02");
        check("270315", "", flight, "1927-03-15");
        check("690115", "", flight, "1969-01-15");
        check("19260301", "102", flight, "1926-03-01");
        check("000520", "", flight, "2000-05-20");
        check("700000", "", flight, "1970-01-01year");
        check("700500", "", flight, "1970-05-01month");
        check("19700000", "102", flight, "1970-01-01year");
    }

    #[test]
    fn an_expiry_is_near_the_flight() {
        check("360101", "", Century::Near(day("2021-08-27")), "2036-01-01");
        check("990909", "", Century::Near(day("2002-01-31")), "1999-09-09");
        check("610218", "", Century::Near(day("2017-01-27")), "2061-02-18");
    }

    #[test]
    fn no_century_is_nearer_than_the_one_taken() {
        for limit in ["2000-02-29", "2027-03-14", "2049-12-31", "2050-01-01", "2099-12-31"].map(day) {
            for (year, (month, of_month)) in (0..100).flat_map(|y| [(1, 1), (2, 29), (3, 14), (12, 31)].map(|d| (y, d)))
            {
                let all = (18..23).filter_map(|c| NaiveDate::from_ymd_opt(c * 100 + year, month, of_month));
                let nearest = all.min_by_key(|d| (*d - limit).abs());
                assert_eq!(two_digit(year as u32, month, of_month, Century::Near(limit)), nearest, "{limit} {year}");
            }
        }
    }

    #[test]
    fn bookings_write_the_day_first() {
        let read = |date, time| day_first(date, time).map_or("none".into(), |m| format!("{} {:?}", m.date, m.time));
        assert_eq!(read("140327", "0105"), "2027-03-14 Some(01:05:00)");
        assert_eq!(read("230513", "181348"), "2013-05-23 Some(18:13:48)");
        assert_eq!(read("140327", ""), "2027-03-14 None");
        assert_eq!(read("140327", "2400"), "2027-03-15 Some(00:00:00)");
        assert_eq!(read("140327", "0105XX"), "2027-03-14 Some(01:05:00)");
        for (date, time) in [("310227", ""), ("14032", ""), ("", "0105"), ("140327", "2560"), ("14MAR7", "")] {
            assert_eq!(read(date, time), "none", "{date} {time}");
        }
    }

    #[test]
    fn documents_name_the_month() {
        let limit = Century::NotAfter(day("2027-03-14"));
        let read = |text| month_named(text, limit).map_or("none".into(), |m| m.date.to_string());
        assert_eq!((read("14FEB88"), read("01mar28")), ("1988-02-14".to_owned(), "1928-03-01".to_owned()));
        assert_eq!((read("14FEB1988"), read("00FEB88")), ("1988-02-14".to_owned(), "1988-02-01".to_owned()));
        for text in ["30FEB88", "14FEX88", "140288", "", "AAFEB88", "1\u{e9}FEB8"] {
            assert_eq!(read(text), "none", "{text}");
        }
    }

    #[test]
    fn a_time_of_the_day_stands_alone() {
        for (value, format, expected) in [
            ("0700", "401", Some((7, 0, 0))),
            ("203015", "402", Some((20, 30, 15))),
            ("2460", "401", None),
            ("0700", "203", None),
            ("20040127", "102", None),
            ("", "401", None),
        ] {
            let expected = expected.and_then(|(h, m, s)| NaiveTime::from_hms_opt(h, m, s));
            assert_eq!(clock(value, format), expected, "{value}:{format}");
        }
    }

    #[test]
    fn days_count_from_1970() {
        assert_eq!((days(day("1970-01-01")), days(day("2027-03-14"))), (0, 20_891));
    }
}
