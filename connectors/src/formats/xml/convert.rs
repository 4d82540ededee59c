//! Texts to values: ids, measures, countries, days and instants.

use std::borrow::Cow;

use chrono_tz::Tz;
use haechi_model::codes;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::super::edifact::dates::{self, Century, Moment};
use super::super::edifact::places;
use super::map::Read;
use super::output::Row;
use super::tree::Element;
use super::value::Value;

/// What was odd about a value: a code of [`super::codes::WARNINGS`] and what was met, without personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// Its code.
    pub code: &'static str,
    /// What was met.
    pub text: String,
}

fn odd(code: &'static str, text: impl Into<String>) -> Oddity {
    Oddity { code, text: text.into() }
}

/// As much of a value as a warning shows: a time with its zone, most names of events.
const SHORT_CHARS: usize = 25;

/// The beginning of a value, for messages.
pub fn short(text: &str) -> &str {
    text.char_indices().nth(SHORT_CHARS).map_or(text, |(end, _)| &text[..end])
}

/// Reads a text by its kind. What cannot be read is nothing, with the reason.
pub fn value<'u>(read: Read, element: Element<'u>, text: Cow<'u, str>, zone: Tz) -> (Value<'u>, Option<Oddity>) {
    match read {
        Read::Id | Read::Ids | Read::Code => (id(text).into(), None),
        Read::Text | Read::Joined | Read::By(_) => (self::text(text).into(), None),
        Read::Number => match number(&text) {
            Some(n) => (n.into(), None),
            None => (Value::Null, Some(odd("bad_number", format!("`{}`", short(&text))))),
        },
        Read::Count => match text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && n.abs() < 2e9) {
            Some(n) => (Value::I32(n as i32), None),
            None => (Value::Null, Some(odd("bad_number", format!("`{}`", short(&text))))),
        },
        Read::Mass(unit) => measure(element, &text, unit, mass_factor),
        Read::Volume(unit) => measure(element, &text, unit, volume_factor),
        Read::Country | Read::Countries => {
            let (country, odd) = country(text);
            (country.into(), odd)
        }
        Read::Tariff => match tariff(&text) {
            Some(code) => (code.into_owned().into(), None),
            None => (Value::Null, Some(odd("bad_tariff", format!("`{}`", short(&text))))),
        },
        Read::Instant | Read::DayOrInstant => {
            let format = element.attribute_value("formatCode");
            instant(read, &text, format.as_deref().unwrap_or_default(), zone)
        }
        Read::Day => match moment(&text) {
            Some(moment) => (Value::Date(dates::days(moment.date)), None),
            None => (Value::Null, Some(odd("bad_date", format!("`{}`", short(&text))))),
        },
        Read::Flag => match flag(&text) {
            Some(flag) => (flag.into(), None),
            None => (Value::Null, Some(odd("unknown_code", format!("`{}` is neither yes nor no", short(&text))))),
        },
        Read::Mode(source) => match codes::transport_mode(source, &text) {
            Some(mode) => (mode.into(), None),
            None => ("unknown".into(), Some(odd("unknown_code", format!("mode of transport `{}`", short(&text))))),
        },
        Read::OneOf(pairs) => {
            if let Some((_, ours)) = pairs.iter().find(|(theirs, _)| *theirs == text) {
                return ((*ours).into(), None);
            }
            let oddity = odd("unknown_code", format!("`{}`", short(&text)));
            (id(text).into(), Some(oddity))
        }
        Read::First(n) => {
            let text = id(text);
            let end = text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
            (text[..end].to_owned().into(), None)
        }
    }
}

/// Upper case.
pub fn id(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii() && !b.is_ascii_lowercase()) {
        return text;
    }
    let changes = text.chars().any(char::is_lowercase);
    let text = self::text(text);
    if changes { Cow::Owned(text.to_uppercase()) } else { text }
}

/// In normal form C, line ends as ` `.
pub fn text(text: Cow<'_, str>) -> Cow<'_, str> {
    let normal = text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes;
    let text = if normal { text } else { Cow::Owned(text.nfc().collect()) };
    if memchr::memchr3(b'\n', b'\r', b'\t', text.as_bytes()).is_none() {
        return text;
    }
    let words: Vec<&str> = text.split(['\n', '\r', '\t']).map(str::trim).filter(|line| !line.is_empty()).collect();
    Cow::Owned(words.join(" "))
}

/// Different texts joined by ` / `; nothing of nothing.
pub fn joined<'u>(texts: impl IntoIterator<Item = Cow<'u, str>>) -> Option<Cow<'u, str>> {
    let mut each: Vec<Cow<'u, str>> = Vec::new();
    for text in texts {
        if each.len() < 1000 && !each.contains(&text) {
            each.push(text);
        }
    }
    if each.len() > 1 { Some(Cow::Owned(each.join(" / "))) } else { each.pop() }
}

/// A number, with point or comma for its decimals.
pub fn number(text: &str) -> Option<f64> {
    let parsed: f64 = match text.bytes().filter(|b| *b == b',').count() {
        0 => text.parse().ok()?,
        // `1.850,5` has points between its thousands.
        1 if text.rfind('.') < text.find(',') => text.replace('.', "").replace(',', ".").parse().ok()?,
        _ => text.replace(',', "").parse().ok()?,
    };
    // Neither `inf` nor `nan`, which Rust reads.
    (parsed.is_finite() && text.bytes().any(|b| b.is_ascii_digit())).then_some(parsed)
}

/// Yes or no.
pub fn flag(text: &str) -> Option<bool> {
    match text {
        "Y" | "y" | "1" | "true" | "TRUE" | "True" | "YES" => Some(true),
        "N" | "n" | "0" | "false" | "FALSE" | "False" | "NO" => Some(false),
        _ => None,
    }
}

fn measure<'u>(
    element: Element<'u>,
    text: &str,
    unit: &str,
    factor: fn(&str) -> Option<f64>,
) -> (Value<'u>, Option<Oddity>) {
    let Some(n) = number(text).filter(|n| *n >= 0.0) else {
        return (Value::Null, Some(odd("bad_number", format!("`{}`", short(text)))));
    };
    let unit = unit_of(element, unit);
    match unit.as_deref().map_or(Some(1.0), factor) {
        Some(factor) => (scaled(n, factor).into(), None),
        None => (Value::Null, Some(odd("bad_unit", format!("`{}`", short(unit.as_deref().unwrap_or_default()))))),
    }
}

/// The unit of an element: what the first of these attributes says.
pub fn unit_of<'u>(element: Element<'u>, names: &str) -> Option<Cow<'u, str>> {
    names.split('|').filter(|name| !name.is_empty()).find_map(|name| element.attribute_value(name))
}

/// The number as sent where the unit is ours.
pub fn scaled(n: f64, factor: f64) -> f64 {
    // A thousandth is no binary number, a thousand is: 199,000 cm3 are 0.199 m3 and not 0.19899999999999998.
    let whole = factor.recip().round();
    let divides = factor < 1.0 && (whole * factor - 1.0).abs() < f64::EPSILON;
    if (factor - 1.0).abs() < f64::EPSILON {
        n
    } else if divides {
        n / whole
    } else {
        n * factor
    }
}

/// A number of an element, not below nothing; what is none is left out, with a warning.
pub fn told(element: Element<'_>, name: &str, path: &str, row: &mut Row<'_>) -> Option<f64> {
    let sent = element.get(name)?;
    let found = number(sent).filter(|n| *n >= 0.0);
    if found.is_none() {
        row.warn("bad_number", format!("{path}/{name}"), format!("`{}`", short(sent)));
    }
    found
}

/// Kilograms in a unit of mass.
pub fn mass_factor(unit: &str) -> Option<f64> {
    let unit = unit.split('#').next().unwrap_or(unit);
    Some(match unit.to_ascii_uppercase().as_str() {
        "KGM" | "KG" | "K" | "KGS" => 1.0,
        "GRM" | "G" | "GM" => 0.001,
        "TNE" | "T" | "TON" | "MT" => 1000.0,
        "LBR" | "LB" | "L" => 0.453_592_37,
        "DTN" => 100.0,
        "HTN" => 100_000.0,
        _ => return None,
    })
}

/// Cubic metres in a unit of volume.
pub fn volume_factor(unit: &str) -> Option<f64> {
    Some(match unit.to_ascii_uppercase().as_str() {
        "MTQ" | "M3" | "MC" | "CBM" => 1.0,
        "DMQ" | "LTR" | "L" => 0.001,
        "CMQ" | "CC" => 0.000_001,
        "FTQ" | "CF" => 0.028_316_846_592,
        "INQ" | "CI" => 0.000_016_387_064,
        _ => return None,
    })
}

/// A country as streams write it: ISO alpha-2, else as sent, with a warning.
pub fn country(text: Cow<'_, str>) -> (Cow<'_, str>, Option<Oddity>) {
    let code = id(text);
    match codes::country(&code) {
        Some(country) => (Cow::Borrowed(country.as_str()), None),
        None if codes::is_passport_code(&code) => (code, None),
        None => {
            let oddity = odd("unknown_country", format!("`{}` is in no country list", short(&code)));
            (code, Some(oddity))
        }
    }
}

/// The digits of a tariff code of at least four; points, blanks, dashes and a check letter behind are dropped.
pub fn tariff(text: &str) -> Option<Cow<'_, str>> {
    let bare = text.trim_end_matches(|c: char| c.is_ascii_uppercase());
    let code = if bare.bytes().all(|b| b.is_ascii_digit()) {
        Cow::Borrowed(bare)
    } else {
        if bare.contains(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ' ' | '-'))) {
            return None;
        }
        Cow::Owned(bare.chars().filter(char::is_ascii_digit).collect())
    };
    (4..=14).contains(&code.len()).then_some(code)
}

fn instant<'u>(read: Read, text: &str, format: &str, zone: Tz) -> (Value<'u>, Option<Oddity>) {
    // By most formats the digits stand in the order that their number tells; by these the year comes last.
    let year_last = matches!(format, "2" | "3" | "4" | "5");
    let read_by = if year_last { dates::parse(text, format, Century::Recent).ok() } else { moment(text) };
    let Some(moment) = read_by else {
        return (Value::Null, Some(odd("bad_date", format!("`{}`", short(text)))));
    };
    let Some(instant) = places::to_utc_in(moment, zone) else {
        return (Value::Null, Some(odd("bad_date", format!("`{}`", short(text)))));
    };
    let day_only = moment.time.is_none() && matches!(read, Read::DayOrInstant);
    (Value::Ts(instant), day_only.then(|| odd("day_only", "a day without time: its midnight was taken")))
}

/// A day or an instant: digits one behind the other (8, 12, 14 of them; 6 and 10 with a short year), ISO 8601, or
/// month/day/year; `Z`, `UTC` or an offset behind it.
pub fn moment(text: &str) -> Option<Moment> {
    if let Some(text) = text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT")) {
        return moment(&format!("{}Z", text.get(..40.min(text.len()))?.trim_end()));
    }
    let bytes = text.as_bytes();
    if bytes.iter().all(u8::is_ascii_digit) {
        let format = match bytes.len() {
            8 => "102",
            12 => "203",
            14 => "204",
            _ => "",
        };
        return dates::parse(text, format, Century::Recent).ok();
    }
    if text.contains('/') {
        return month_first(text);
    }
    if bytes.len() > 40 {
        return None;
    }
    let (day, rest) = match bytes.get(4) {
        Some(b'-') if bytes.len() >= 10 => text.split_at_checked(10)?,
        _ => text.split_at_checked(8)?,
    };
    let rest = rest.trim_start_matches(['T', ' ']);
    let clock = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (clock, offset) = rest.split_at(clock);
    let clock = clock.split('.').next().unwrap_or(clock);
    // All digits one behind the other: of forty characters at most.
    let mut compact = String::with_capacity(40);
    let bare = |part: &str, compact: &mut String| {
        let before = compact.len();
        compact.extend(part.chars().filter(|c| !matches!(c, '-' | ':')));
        compact.len() - before
    };
    bare(day, &mut compact);
    let format = match bare(clock, &mut compact) {
        0 => "102",
        4 => "203",
        6 => "204",
        _ => return None,
    };
    if let Some(behind) = offset.strip_prefix(['+', '-']) {
        compact.push_str(&offset[..1]);
        bare(behind, &mut compact);
    } else {
        compact.push_str(offset);
    }
    dates::parse(&compact, format, Century::Recent).ok()
}

/// `3/2/27`, `03/02/2027`, `2027/03/02`: month, day, year; day, month, year where the first is no month; the year first
/// where it has four digits. A time of day may stand behind a blank.
fn month_first(text: &str) -> Option<Moment> {
    let (day, clock) = text.split_once(' ').map_or((text, ""), |(day, clock)| (day, clock.trim()));
    let mut parts = day.split('/');
    let mut next = || parts.next()?.parse::<u32>().ok();
    let (first, second, third) = (next()?, next()?, next()?);
    let (month, day, year) = if first > 31 { (second, third, first) } else { (first, second, third) };
    let year = if year < 80 {
        2000 + year
    } else if year < 100 {
        1900 + year
    } else {
        year
    };
    // A month behind the twelfth can only be the day.
    let (month, day) = if month > 12 { (day, month) } else { (month, day) };
    let date = chrono::NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    if !(1800..2200).contains(&year) {
        return None;
    }
    Some(Moment { date, precision: dates::Precision::Day, time: time_of_day(clock), offset_minutes: None })
}

/// `10:15`, `10:15:00`, `1:05:00 PM`.
fn time_of_day(text: &str) -> Option<chrono::NaiveTime> {
    let known = ["%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p"];
    known.into_iter().find_map(|known| chrono::NaiveTime::parse_from_str(text, known).ok())
}

/// When a message was prepared, as some tell it in two elements: YYMMDD or CCYYMMDD, and HHMM.
pub fn prepared(day: &str, time: Option<&str>) -> String {
    let century = if day.len() == 6 { "20" } else { "" };
    let time: String = time.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    // Some put day and time there.
    let whole = matches!(time.len(), 12 | 14) && time.starts_with(&format!("{century}{day}"));
    let time = if whole { time[8..].to_owned() } else { time };
    // A clock that leaves out its first zero.
    let zero = if matches!(time.len(), 3 | 5) { "0" } else { "" };
    let time = format!("{zero}{time}0000");
    format!("{century}{day}{}", time.get(..4).unwrap_or("0000"))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn instants_are_read_in_every_form_met() {
        for (text, expected) in [
            ("20270302", "2027-03-01T15:00"),
            ("202703021234", "2027-03-02T03:34"),
            ("20200213110723Z", "2020-02-13T11:07"),
            ("20200213110723+01", "2020-02-13T10:07"),
            ("2027-03-04T09:00:00+09:00", "2027-03-04T00:00"),
            ("2027-03-03 15:58:11", "2027-03-03T06:58"),
            ("2027-03-04T09:00:00.123Z", "2027-03-04T09:00"),
            ("2027-02-24", "2027-02-23T15:00"),
            ("3/2/27", "2027-03-01T15:00"),
            ("25/3/27", "2027-03-24T15:00"),
            ("2027/03/02", "2027-03-01T15:00"),
            ("3/2/27 10:15:00", "2027-03-02T01:15"),
            ("3/2/2027 1:05 PM", "2027-03-02T04:05"),
            ("20270302123456UTC", "2027-03-02T12:34"),
            ("20271302", "none"),
            ("soon", "none"),
            ("2027-03-04T0", "none"),
        ] {
            let (value, odd) = instant(Read::Instant, text, "", Tz::Asia__Seoul);
            let found = match value {
                Value::Ts(ms) => chrono::Utc.timestamp_millis_opt(ms).unwrap().format("%Y-%m-%dT%H:%M").to_string(),
                _ => "none".to_owned(),
            };
            assert_eq!(found, expected, "{text}");
            assert_eq!(odd.is_some(), expected == "none", "{text}");
        }
    }

    #[test]
    fn a_format_code_is_obeyed() {
        for (format, text, expected) in [
            ("2", "020327", Some((2027, 3, 2))),
            ("3", "030227", Some((2027, 3, 2))),
            ("4", "02032027", Some((2027, 3, 2))),
            ("102", "20270302", Some((2027, 3, 2))),
            ("101", "270302", Some((2027, 3, 2))),
            ("4", "20270302", None),
        ] {
            let (value, _) = instant(Read::Instant, text, format, Tz::UTC);
            let days = match value {
                Value::Ts(ms) => chrono::Utc.timestamp_millis_opt(ms).single().map(|at| at.date_naive()),
                _ => None,
            };
            let expected = expected.and_then(|(y, m, d)| chrono::NaiveDate::from_ymd_opt(y, m, d));
            assert_eq!(days, expected, "{format} {text}");
        }
        for (day, time, expected) in [
            ("270302", Some("2359"), "202703022359"),
            ("20270302", Some("23:59:10"), "202703022359"),
            ("270302", Some("930"), "202703020930"),
            ("270302", None, "202703020000"),
            ("20191212", Some("201912122344"), "201912122344"),
        ] {
            assert_eq!(prepared(day, time), expected, "{day} {time:?}");
        }
    }

    #[test]
    fn numbers_tariffs_and_texts() {
        for (text, n) in [
            ("1850.5", Some(1850.5)),
            ("1,5", Some(1.5)),
            ("1,234.5", Some(1234.5)),
            ("1.850,5", Some(1850.5)),
            ("1.234.567,5", Some(1_234_567.5)),
            ("nan", None),
        ] {
            assert_eq!(number(text), n, "{text}");
        }
        for (text, code) in [
            ("6402.99.1000", Some("6402991000")),
            ("6402.99-1000", Some("6402991000")),
            ("6402991000G", Some("6402991000")),
            ("comco", None),
            ("12", None),
        ] {
            assert_eq!(tariff(text).as_deref(), code, "{text}");
        }
        assert_eq!(text("A\n  B".into()), "A B");
        assert_eq!(id("abc".into()), "ABC");
        assert_eq!(joined(["A".into(), "B".into(), "A".into()]).as_deref(), Some("A / B"));
        assert_eq!((mass_factor("KGM#G"), volume_factor("XYZ")), (Some(1.0), None));
    }
}
