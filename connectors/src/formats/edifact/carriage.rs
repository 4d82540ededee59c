//! How a TDT says goods are carried.

use haechi_model::codes;

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

#[cfg(test)]
mod tests {
    use super::super::segments::{Arena, Cutter};
    use super::super::service::ServiceChars;
    use super::*;

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
