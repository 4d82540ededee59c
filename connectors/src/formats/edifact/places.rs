//! Airports, ports and countries as messages name them; local times to UTC through them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::{LocalResult, NaiveDateTime, NaiveTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use haechi_model::codes;
use haechi_model::intake::Warning;

use super::dates::Moment;
use super::ports::PORTS;
use super::words;

/// Upper case, without copying what is upper case already.
pub fn upper(text: &str) -> Cow<'_, str> {
    if words::are_upper(text.as_bytes()) { Cow::Borrowed(text) } else { Cow::Owned(text.to_uppercase()) }
}

/// A country as streams write it: ISO alpha-2, else as sent.
pub fn country<'t>(code: &'t str, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) -> Cow<'t, str> {
    let code = upper(code);
    if let Some(country) = codes::country(&code) {
        return letters(country.as_str());
    }
    if !codes::is_passport_code(&code) {
        let text = format!("`{}` is in no country list", short(&code));
        warnings.push(Warning { code: "unknown_country", path: path(), text });
    }
    code
}

/// Two letters that are borrowed from nobody: every row has several, and none is worth an allocation.
fn letters(code: &str) -> Cow<'static, str> {
    static ALL: LazyLock<String> = LazyLock::new(|| {
        let pairs = (b'A'..=b'Z').flat_map(|a| (b'A'..=b'Z').flat_map(move |b| [a as char, b as char]));
        pairs.collect()
    });
    match code.as_bytes() {
        [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => {
            let at = 2 * (26 * usize::from(a - b'A') + usize::from(b - b'A'));
            Cow::Borrowed(&ALL[at..at + 2])
        }
        _ => Cow::Owned(code.to_owned()),
    }
}

/// An airport: IATA, or the last three letters of a UN/LOCODE whose country fits (`NZAKL`); else as sent.
pub fn airport<'t>(code: &'t str, path: &dyn Fn() -> String, warnings: &mut Vec<Warning>) -> Cow<'t, str> {
    let code = upper(code);
    if codes::airport(&code).is_some() {
        return code;
    }
    if let (5, Some((country, iata))) = (code.len(), code.split_at_checked(2))
        && codes::airport(iata).is_some_and(|a| a.country.as_str() == country)
    {
        return Cow::Owned(iata.to_owned());
    }
    let text = format!("`{}` is in no airport list", short(&code));
    warnings.push(Warning { code: "unknown_airport", path: path(), text });
    code
}

/// As much of a code as messages show of it: all of a place, a date or a number, and of a text that stands where a code
/// belongs no more than its beginning.
pub fn short(code: &str) -> &str {
    const CHARS_MAX: usize = 17;
    code.char_indices().nth(CHARS_MAX).map_or(code, |(end, _)| &code[..end])
}

/// An instant in UTC milliseconds: by its own offset, else by the zone of the airport. A bare day is its midnight.
/// `None` where the airport is unknown.
pub fn to_utc_at(moment: Moment, airport: Option<&str>) -> Option<i64> {
    if moment.offset_minutes.is_some() {
        return to_utc_in(moment, Tz::UTC);
    }
    to_utc_in(moment, codes::airport(airport?)?.tz)
}

/// The zone of a port by UN/LOCODE or IATA code, or of a country: of the airport or city of its name, else of its country where that
/// keeps one time only, else of [`PORTS`].
pub fn zone_of_port(code: &str) -> Option<Tz> {
    let (country, place) = match code.len() {
        2 => return SINGLE_ZONES.get(code).copied().flatten(),
        3 => return codes::airport(code).map(|a| a.tz),
        5 => code.split_at_checked(2)?,
        _ => return None,
    };
    let same = codes::airport(place).filter(|a| a.country.as_str() == country);
    same.map(|a| a.tz).or_else(|| SINGLE_ZONES.get(country).copied().flatten()).or_else(|| {
        let at = PORTS.binary_search_by_key(&code, |(port, _)| port).ok()?;
        Some(PORTS[at].1)
    })
}

/// Countries whose airports all keep the same time, by whatever name (Kuala Lumpur, Kuching). The airport table is asked
/// for every code there can be, once.
static SINGLE_ZONES: LazyLock<HashMap<String, Option<Tz>>> = LazyLock::new(|| {
    let letters = || b'A'..=b'Z';
    let mut zones: HashMap<String, Option<Tz>> = HashMap::new();
    for (a, b, c) in letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| (a, b, c)))) {
        let code = [a as char, b as char, c as char].iter().collect::<String>();
        if let Some(airport) = codes::airport(&code) {
            let zone = zones.entry(airport.country.as_str().to_owned()).or_insert(Some(airport.tz));
            *zone = zone.filter(|z| *z == airport.tz || same_time(*z, airport.tz));
        }
    }
    zones
});

/// Whether two zones keep the same time, in winter and in summer.
fn same_time(one: Tz, other: Tz) -> bool {
    const SECONDS_OF_A_YEAR: i64 = 31_556_952;
    let offset = |zone: Tz, seconds: i64| {
        Some(zone.offset_from_utc_datetime(&chrono::DateTime::from_timestamp(seconds, 0)?.naive_utc()).fix())
    };
    // Half years from 2015 to 2025.
    (90..110).all(|half| offset(one, half * SECONDS_OF_A_YEAR / 2) == offset(other, half * SECONDS_OF_A_YEAR / 2))
}

/// An instant in UTC milliseconds: by its own offset, else in `zone`.
pub fn to_utc_in(moment: Moment, zone: Tz) -> Option<i64> {
    let local = moment.date.and_time(moment.time.unwrap_or(NaiveTime::MIN));
    if let Some(minutes) = moment.offset_minutes {
        return Some((local.and_utc() - chrono::TimeDelta::minutes(i64::from(minutes))).timestamp_millis());
    }
    Some(in_zone(local, zone)?.timestamp_millis())
}

/// The earlier of two, where clocks go back; the hour after, where they skip it.
fn in_zone(local: NaiveDateTime, zone: Tz) -> Option<chrono::DateTime<Utc>> {
    if zone == Tz::UTC {
        return Some(local.and_utc());
    }
    match zone.from_local_datetime(&local) {
        LocalResult::Single(t) | LocalResult::Ambiguous(t, _) => Some(t.to_utc()),
        LocalResult::None => {
            zone.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).earliest().map(|t| t.to_utc())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dates::{Century, parse};
    use super::*;

    fn utc(value: &str, airport: &str) -> String {
        let moment = parse(value, "", Century::Recent).unwrap();
        let millis = to_utc_at(moment, Some(airport));
        millis.map_or("none".into(), |ms| Utc.timestamp_millis_opt(ms).unwrap().format("%Y-%m-%dT%H:%M").to_string())
    }

    #[test]
    fn local_times_take_the_zone_of_the_airport() {
        assert_eq!(utc("2703140105", "BKK"), "2027-03-13T18:05");
        assert_eq!(utc("202703141300-0700", "ZZX"), "2027-03-14T20:00");
        assert_eq!(utc("2703140105", "ZZX"), "none");
        assert_eq!(utc("2703140230", "JFK"), "2027-03-14T07:30", "skipped by daylight saving: the hour after");
        assert_eq!(utc("2711070130", "JFK"), "2027-11-07T05:30", "twice that night: the first");
    }

    #[test]
    fn ports_take_the_zone_of_their_airport_or_of_their_country() {
        for (port, zone) in [
            ("KRPUS", Some(Tz::Asia__Seoul)),
            ("KRKAN", Some(Tz::Asia__Seoul)),
            ("CRMOB", Some(Tz::America__Costa_Rica)),
            ("USLAX", Some(Tz::America__Los_Angeles)),
            ("USNYC", Some(Tz::America__New_York)),
            ("MYTPP", Some(Tz::Asia__Kuala_Lumpur)),
            ("NZPOE", Some(Tz::Pacific__Auckland)),
            ("CAVAN", Some(Tz::America__Vancouver)),
            ("SEL", Some(Tz::Asia__Seoul)),
            ("ZA", Some(Tz::Africa__Johannesburg)),
            ("US", None),
            ("USZZZ", None),
            ("ICN", Some(Tz::Asia__Seoul)),
            ("", None),
        ] {
            assert_eq!(zone_of_port(port), zone, "{port}");
        }
    }

    #[test]
    fn codes_are_mapped_or_kept_with_a_warning() {
        let mut warnings = Vec::new();
        let path = || "A/1".to_owned();
        assert_eq!(country("deu", &path, &mut warnings), "DE");
        assert_eq!(country("D", &path, &mut warnings), "DE");
        assert_eq!(country("XXB", &path, &mut warnings), "XXB");
        assert_eq!(airport("NZAKL", &path, &mut warnings), "AKL");
        assert_eq!(airport("icn", &path, &mut warnings), "ICN");
        assert!(warnings.is_empty());
        assert_eq!(country("QQQ", &path, &mut warnings), "QQQ");
        assert_eq!(airport("ZZX", &path, &mut warnings), "ZZX");
        assert_eq!(warnings.iter().map(|w| w.code).collect::<Vec<_>>(), ["unknown_country", "unknown_airport"]);
    }
}
