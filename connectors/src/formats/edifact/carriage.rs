//! How a TDT says goods are carried.

use haechi_model::codes;

use super::places::upper;
use super::segments::Segment;

/// Mode of transport: C220, with or without a zero before it; else by the kind of means in C228.
pub fn mode(tdt: Segment<'_, '_>) -> Option<&'static str> {
    let mode = tdt.get(2, 0);
    let known = codes::transport_mode("cuscar", mode);
    known.or_else(|| codes::transport_mode("cuscar", mode.trim_start_matches('0'))).or_else(|| match tdt.get(3, 0) {
        "6" | "40" => Some("air"),
        "8" | "11" | "13" => Some("sea"),
        "23" | "25" => Some("rail"),
        "31" | "32" => Some("road"),
        _ => None,
    })
}

/// The flight of an aircraft: its number, before which stands the airline, or by itself in C040; else where others have
/// the name of a ship.
pub fn flight(tdt: Segment<'_, '_>) -> Option<String> {
    let Some(number) = tdt.value(1, 0) else {
        return tdt.value(7, 3).filter(|name| is_flight(name)).map(|name| upper(name).into_owned());
    };
    let number = upper(number);
    let bare = number.bytes().all(|b| b.is_ascii_digit());
    let airline = tdt.value(4, 0).filter(|airline| bare && airline.len() < 4).map(upper).unwrap_or_default();
    Some(format!("{airline}{number}"))
}

/// `QF253`, `5X0012A`, `QFA253`: an airline of two letters, of which one may be a digit, or of three letters, then up to
/// four digits and perhaps a letter.
fn is_flight(text: &str) -> bool {
    let numbered = |number: &str| {
        let digits = number.strip_suffix(|c: char| c.is_ascii_alphabetic()).unwrap_or(number);
        (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let two = text.split_at_checked(2).is_some_and(|(airline, number)| {
        let letters = airline.bytes().filter(u8::is_ascii_alphabetic).count();
        letters > 0 && airline.bytes().all(|b| b.is_ascii_alphanumeric()) && numbered(number)
    });
    let three = || {
        let parts = text.split_at_checked(3);
        parts.is_some_and(|(airline, number)| airline.bytes().all(|b| b.is_ascii_alphabetic()) && numbered(number))
    };
    two || three()
}

#[cfg(test)]
mod tests {
    use super::super::segments::{Arena, Cutter};
    use super::super::service::ServiceChars;
    use super::*;

    #[test]
    fn a_flight_is_told_from_a_registration_and_from_a_name() {
        const CHARS: ServiceChars = ServiceChars::DEFAULT;
        for (tdt, expected) in [
            ("TDT+20+KE123+4++KE:172:3+++HL7531'", Some("KE123")),
            ("TDT+20+569++6+QF::3'", Some("QF569")),
            ("TDT+20++4+++++:::QF253'", Some("QF253")),
            ("TDT+20++4+++++:::5x0012A'", Some("5X0012A")),
            ("TDT+20++4+++++:::QFA253'", Some("QFA253")),
            ("TDT+20++4+++++:::SPIRIT OF AIR'", None),
            ("TDT+20++4+++++HL7531'", None),
        ] {
            let mut arena = Arena::new(CHARS);
            for raw in Cutter::new(tdt, CHARS) {
                arena.push(raw).unwrap();
            }
            assert_eq!(flight(arena.first().unwrap()).as_deref(), expected, "{tdt}");
        }
    }

    #[test]
    fn the_mode_stands_in_one_of_two_elements() {
        const CHARS: ServiceChars = ServiceChars::DEFAULT;
        for (tdt, expected) in [
            ("TDT+20+027W+1'", Some("sea")),
            ("TDT+11++03++LOCK:172'", Some("road")),
            ("TDT+20+936++11++++8811924::11'", Some("sea")),
            ("TDT+20+++6'", Some("air")),
            ("TDT+20+KE1+4+11'", Some("air")),
            ("TDT+20+027W'", None),
            ("TDT+20+027W+99'", None),
        ] {
            let mut arena = Arena::new(CHARS);
            for raw in Cutter::new(tdt, CHARS) {
                arena.push(raw).unwrap();
            }
            assert_eq!(mode(arena.first().unwrap()), expected, "{tdt}");
        }
    }
}
