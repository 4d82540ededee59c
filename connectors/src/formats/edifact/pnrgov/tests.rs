//! Bookings, level by level and oddity by oddity.

use super::super::tests::{column, read, reasons, warnings};
use crate::format::MessageReading;

/// A push of this function with these bookings of ZZ421.
fn push(function: &str, bookings: &str) -> MessageReading {
    let n = bookings.matches("SRC'").count();
    let text = format!(
        "UNB+IATA:1+ZZ+KR+270313:1530+R1'UNH+A1+PNRGOV:15:1:IA'MSG+:{function}'ORG+ZZ:BKK'\
         TVL+140327:0105:140327:0830+BKK+ICN+ZZ+421'EQN+{n}'{bookings}UNT+0+A1'UNZ+1+R1'"
    );
    let mut reading = read(&text);
    reading.warnings.retain(|w| w.code != "unt_count");
    reading
}

const LEG: &str = "TVL+140327:0105:140327:0830+BKK+ICN+ZZ+421:Y'RPI+1+HK'";

/// A booking of one traveller, with these segments behind the name and behind the leg.
fn one_with(person: &str, leg: &str) -> MessageReading {
    push("22", &format!("SRC'RCI+ZZ:AAAAAA::010227:0912'TIF+KIM+ARA:A:1'{person}{LEG}{leg}"))
}

fn one(reading: &MessageReading, name: &str) -> String {
    column(reading, "traveller", name).into_iter().next().unwrap_or_else(|| "no row".into())
}

#[test]
fn every_level_of_a_booking_is_read() {
    let reading = push(
        "22",
        "SRC'RCI+ZZ:AAAAAA::010227:0912+1G:XK0001'DAT+700:130327:0120+710:020227:1015'IFT+4:28::ZZ+CTCR 02 0000 0000'\
         ORG+1G:BKK+99999992:BKKZZ01AA+BKK++T+TH:THB+GS0001'ADD++700:1 ROAD:BANGKOK:::TH:10000:H020000000'\
         TIF+KIM+ARA MS:A:1'FTI+ZZ:000000001:::GOLD'REF+:0000000000000001'FAR+A+32'\
         SSR+DOCS:HK:1:ZZ:::::/P/KOR/M1/KOR/14FEB88/F/30JUN31/KIM/ARA+::1'\
         SSR+DOCO:HK:1:ZZ:::::SEOUL KOR/V/V5/BANGKOK/01SEP26/TH+::1'SSR+DOCA:HK:1:ZZ:::::/D/KOR/2 HOTEL/SEOUL+::1'\
         SSR+CTCE:HK:1:ZZ:::::ARA..KIM//EXAMPLE.COM+::1'TKT+0000000000001:T:1'MON+B:300.00:USD+T:400.00:USD'\
         FOP+CC::400.00:VI:4000001234560002:0629'IFT+4:43+ARA KIM+1 ROAD'\
         TVL+130327:1800:130327:2130+CAN+BKK+ZZ+410:Y'RPI+2+HK'TVL+140327:0105:140327:0830+BKK+ICN+ZZ+421:Y'\
         TVL+++++972:M'RPI+2+HK'APD+333'SSR+SEAT:HK:1:ZZ:::BKK:ICN+14A::1'DAT+2:130327:1501'TRI++17:::1'\
         TIF+KIM+ARA MS:A:1'SSD+014B++++Y'TBD++2:31:700++HP+ZZ:0000000101:2:ICN'\
         EQN+1'RCI+ZZ:BBBBBB'MSG+8'TVL+140327:1500:150327+ICN:HOTEL++VN+67576:ROH'\
         ABI+4++++ZZ'DAT+T:130327:0120'SAC+++X'SSR+SEAT:HK:1:ZZ:::BKK:ICN+20A::1'SAC+++A'TIF+LEE+BO:A:9'",
    );
    for (name, value) in [
        ("carrier", "ZZ"),
        ("flight_no", "421"),
        ("departure_scheduled_at", "2027-03-13T18:05:00Z"),
        ("arrival_scheduled_at", "2027-03-13T23:30:00Z"),
        ("marketing_flights", "ZZ972"),
        ("state", "checked_in"),
        ("surname", "KIM"),
        ("given_names", "ARA"),
        ("gender", "F"),
        ("person_kind", "adult"),
        ("birth_date", "1988-02-14"),
        ("birth_place", "SEOUL KOR"),
        ("nationality", "KR"),
        ("document_no", "M1"),
        ("document_expires_on", "2031-06-30"),
        ("locator", "AAAAAA"),
        ("booked_at", "2027-02-01T09:12:00Z"),
        ("ticketed_at", "2027-02-02T10:15:00Z"),
        ("agency_id", "99999992"),
        ("agency_country", "TH"),
        ("booking_channel", "agency"),
        ("party_size", "2"),
        ("split_locators", "BBBBBB"),
        ("booking_changes", "2"),
        ("tickets", "0000000000001"),
        ("fare_amount_usd", "400.0"),
        ("payment_kind", "card"),
        ("card_issuer", "VI"),
        ("card_number_masked", "400000XXXXXX0002"),
        ("payer_name", "ARA KIM"),
        ("seat", "14B"),
        ("checked_in_at", "2027-03-13T15:01:00Z"),
        ("bag_count", "2"),
        ("bag_mass_kg", "31.0"),
        ("bag_tags", "0000000101|0000000102"),
        ("bag_pool_head", "true"),
        ("phones", "020000000|0200000000"),
        ("emails", "ara_kim@example.com"),
        ("address", "1 ROAD, BANGKOK, 10000"),
        ("address_country", "TH"),
        ("stay_address", "2 HOTEL, SEOUL"),
        ("carrier_pax_ref", "0000000000000001"),
        ("change_kind", "new"),
        ("change_reason", "22"),
        ("in_pnr", "true"),
        ("flight_complete", "true"),
    ] {
        let mut found = one(&reading, name);
        if name == "phones" {
            let mut parts: Vec<_> = found.split('|').collect();
            parts.sort_unstable();
            found = parts.join("|");
        }
        assert_eq!(found, value, "{name}");
    }
    assert_eq!((warnings(&reading), reasons(&reading), reading.counts["travellers"]), (vec![], vec![], 1));
    assert_eq!(reading.counts["pnrs"], 1);
}

#[test]
fn an_update_changes_and_cancels() {
    let reading =
        push("141", &format!("SRC'RCI+ZZ:AAAAAA'TIF+KIM+ARA:A:1'{LEG}SRC'RCI+ZZ:BBBBBB'ORG'SRC'RCI+ZZ:CCCCCC'"));
    assert_eq!(column(&reading, "traveller", "change_kind"), ["amend", "cancel", "cancel"]);
    assert_eq!(column(&reading, "traveller", "state"), ["booked", "cancelled", "cancelled"]);
    assert_eq!(column(&reading, "traveller", "locator"), ["AAAAAA", "BBBBBB", "CCCCCC"]);
    assert_eq!((reading.counts["travellers"], reading.counts["cancelled"], reading.counts["changed"]), (1, 2, 1));
    assert_eq!(one(&reading, "flight_complete"), "");
}

#[test]
fn the_infant_s_document_hangs_on_the_adult() {
    let people = "SRC'RCI+ZZ:AAAAAA'TIF+KIM+ARA:A:1:1'SSR+DOCS:HK:1:ZZ:::::/P/KOR/M1/KOR/14FEB88/F/30JUN31/KIM/ARA+::1'\
                  SSR+DOCS:HK:1:ZZ:::::/P/KOR/M2/KOR/02JAN26/FI/30JUN31/KIM/NURI+::1'";
    let with_own = push("22", &format!("{people}TIF+KIM+NURI:IN:3'{LEG}"));
    let without = push("22", &format!("{people}{LEG}"));
    for reading in [with_own, without] {
        assert_eq!(column(&reading, "traveller", "given_names"), ["ARA", "NURI"]);
        assert_eq!(column(&reading, "traveller", "document_no"), ["M1", "M2"]);
        assert_eq!(column(&reading, "traveller", "person_kind"), ["adult", "infant"]);
        assert_eq!(column(&reading, "traveller", "birth_date"), ["1988-02-14", "2026-01-02"]);
        assert_eq!(reading.counts["infants"], 1);
    }
}

#[test]
fn an_infant_that_only_a_service_names_is_not_lost() {
    let inft = "SSR+INFT:HK:1:ZZ:::BKK:ICN:KIM/NURI 20SEP26+::1'";
    let reading = one_with("", &format!("{inft}{inft}"));
    assert_eq!(column(&reading, "traveller", "given_names"), ["ARA", "NURI"]);
    assert_eq!(column(&reading, "traveller", "person_kind"), ["adult", "infant"]);
    assert_eq!(column(&reading, "traveller", "birth_date"), ["", "2026-09-20"]);
    assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
    // Known by a TIF, or by a document that stands behind the service.
    let tif = one_with("TIF+KIM+NURIMISS:IN:2'", inft);
    assert_eq!(column(&tif, "traveller", "birth_date"), ["", "2026-09-20"]);
    let docs = one_with("", &format!("{inft}SSR+DOCS:HK:1:ZZ:::::/P/KOR/M2/KOR/20SEP26/FI/30JUN31/KIM/NURI BO+::1'"));
    assert_eq!(column(&docs, "traveller", "given_names"), ["ARA", "NURI BO"]);
    for text in ["", "NURI", "KIM/", "/"] {
        assert_eq!(
            column(&one_with("", &format!("SSR+INFT:HK:1:ZZ:::BKK:ICN:{text}'")), "traveller", "surname"),
            ["KIM"]
        );
    }
}

#[test]
fn several_travellers_in_one_tif_are_a_row_each() {
    let reading = push("22", &format!("SRC'RCI+ZZ:AAAAAA'TIF+KIM+ARA MS:A:1+BO MSTR:C:2'{LEG}"));
    assert_eq!(column(&reading, "traveller", "given_names"), ["ARA", "BO"]);
    assert_eq!(column(&reading, "traveller", "person_kind"), ["adult", "child"]);
    assert_eq!(column(&reading, "traveller", "party_size"), ["1", "1"], "as the leg says");
}

#[test]
fn check_in_follows_the_name_where_numbers_differ() {
    let bags = "DAT+2:130327:1501'TRI++17:::7'TIF+KIM+ARA:A:1'SSD+14A'TBD++1:10:700'\
                TRI++18:::2'SSD+14B'TBD++2:100:701'";
    let reading = push("22", &format!("SRC'RCI+ZZ:AAAAAA'TIF+KIM+ARA:A:1'TIF+LEE+BO:A:2'{LEG}{bags}"));
    assert_eq!(column(&reading, "traveller", "seat"), ["14A", "14B"]);
    assert_eq!(column(&reading, "traveller", "bag_count"), ["1", "2"]);
    assert_eq!(column(&reading, "traveller", "bag_mass_kg"), ["10.0", "45.359237"]);
    let stranger = one_with("", "TRI++17:::9'TIF+PARK+CHO:A:9'SSD+1A'");
    assert_eq!(
        (column(&stranger, "traveller", "seat"), warnings(&stranger)),
        (vec![String::new(), "1A".into()], vec!["unknown_reference"])
    );
}

#[test]
fn times_are_utc_unless_the_check_in_shows_the_clock_of_the_airport() {
    let utc = one_with("DAT+710:010227:1000'", "DAT+2:130327:1501'TRI++1:::1'");
    assert_eq!(
        (one(&utc, "checked_in_at"), one(&utc, "booked_at")),
        ("2027-03-13T15:01:00Z".into(), "2027-02-01T09:12:00Z".into())
    );
    let local = one_with("DAT+710:010227:1000'", "DAT+2:130327:2201'TRI++1:::1'");
    assert_eq!(
        (one(&local, "checked_in_at"), one(&local, "booked_at")),
        ("2027-03-13T15:01:00Z".into(), "2027-02-01T02:12:00Z".into())
    );
    assert_eq!((warnings(&utc), warnings(&local)), (vec![], vec!["local_times"]));
}

#[test]
fn services_that_tell_of_health_or_belief_are_kept_only_where_allowed() {
    let bookings = format!("SRC'RCI+ZZ:AAAAAA'SSR+VGML:HK:1:ZZ'TIF+KIM+ARA:A:1'SSR+WCHR:HK:1:ZZ+::1'{LEG}");
    assert_eq!(one(&push("22", &bookings), "ssr_codes"), "");
    let text = format!(
        "UNB+IATA:1+ZZ+KR+270313:1530+R1'UNH+A1+PNRGOV:15:1:IA'MSG+:22'\
         TVL+140327:0105:140327:0830+BKK+ICN+ZZ+421'{bookings}UNT+0+A1'UNZ+1+R1'"
    );
    let options = crate::options::ReadOptions { services_kept: vec!["WCHR".into()], ..Default::default() };
    let input = crate::format::MessageInput { source: "s", bytes: text.as_bytes(), options: &options };
    assert_eq!(one(&super::super::read(input), "ssr_codes"), "WCHR");
}

#[test]
fn a_push_of_one_part_is_whole() {
    let complete = |part: &str| {
        let text = format!(
            "UNB+IATA:1+ZZ+KR+270313:1530+R1'UNH+A1+PNRGOV:15:1:IA{part}'MSG+:22'ORG+ZZ:BKK'\
             TVL+140327:0105:140327:0830+BKK+ICN+ZZ+421'EQN+1'SRC'RCI+ZZ:AAAAAA'TIF+KIM+ARA:A:1'{LEG}UNT+0+A1'UNZ+1+R1'"
        );
        one(&read(&text), "flight_complete")
    };
    assert_eq!(["", "+X+01:F", "+X+01:C", "+X+02:F"].map(complete), ["true", "true", "false", ""]);
}

#[test]
fn oddities_are_taken_with_a_warning() {
    for (person, leg, column, value, code) in [
        (
            "SSR+DOCS:HK:1:ZZ:::::/P/KOR/M1/KOR/99XXX88/F/30JUN31/KIM/ARA+::1'",
            "",
            "document_no",
            "M1",
            Some("bad_date"),
        ),
        ("SSR+DOCS:HK:1:ZZ:::::/P/KOR/M1/KOR/30FEB88/F/30JUN31/KIM/ARA'", "", "gender", "F", Some("bad_date")),
        (
            "SSR+DOCS:HK:1:ZZ:::::/P/QQQ/M1/KOR/14FEB88/F/30JUN31/KIM/ARA'",
            "",
            "document_country",
            "QQQ",
            Some("unknown_country"),
        ),
        ("SSR+DOCS:HK:1:ZZ'", "", "surname", "KIM", Some("malformed")),
        ("SSR+DOCO:KH:1:UA::::: HERE VA/V/8675309/OTHER PLACE/22DEC06/LI+::002'", "", "document_no", "8675309", None),
        ("TKT+:700'", "", "tickets", "", Some("malformed")),
        ("TKT+1801234567890:T:2+1801234567891:4::1234'", "", "tickets", "1801234567890|1801234567891", None),
        ("", "TRI++:::1'TBD++2:31:KG'", "bag_mass_kg", "31.0", None),
        ("", "TRI++:::1'TBD++2:31'", "bag_mass_kg", "", Some("bad_unit")),
        ("MON+:235.85:+:250.00:'", "", "fare_amount_usd", "", Some("malformed")),
        ("MON+T:250.00:THB'", "", "fare_amount_usd", "", Some("amount_currency")),
        ("FOP+CA::1.00'", "", "payment_kind", "cash", None),
        ("FOP+XX::1.00'", "", "payment_kind", "misc", Some("unknown_code")),
        ("IFT+4:28+YY CTC M 123456789'", "", "phones", "123456789", None),
        ("XYZ+1'", "", "surname", "KIM", Some("unknown_segment")),
        ("", "TVL+ARNK'", "surname", "KIM", Some("bad_date")),
        ("", "TVL+++++OPEN'", "surname", "KIM", None),
        ("", "TVL+140327+ICN'", "surname", "KIM", None),
        ("", "TVL+140327:1000+ICN+ZZX+ZZ+9'", "surname", "KIM", Some("unknown_airport")),
        ("", "SSR+SEAT:HK:1:ZZ:::BKK:ICN++15A::1'", "seat", "15A", None),
        ("", "SSR+SEAT:HK:1:ZZ:::BKK:ICN+15A'", "seat", "15A", None),
        ("SSR+SEAT:HK:1:ZZ:::BKK:ICN+15A'", "", "seat", "15A", None),
        ("", "SSR+SEAT:HK:1:ZZ:::BKK:ICN+15A::9'", "seat", "", Some("unknown_reference")),
        ("", "SSR+SEAT:HK:1:ZZ:::BKK:ICN+XXX::1'", "seat", "", None),
        ("", "RPI+1+HX'", "state", "cancelled", None),
        (
            "",
            "TRI++1:::1'TBD++2:34:700++MP+618:1026000001:2:MPM+618:1026000002:3:MPM'",
            "bag_tags",
            "1026000001|1026000002",
            None,
        ),
        ("", "LTS+0/O/NM/KIM'XYZ+1'", "surname", "KIM", None),
        ("FAR+A+9TIF+LEE+BO:A:2'", "", "surname", "KIM", Some("missing_terminator")),
    ] {
        let reading = one_with(person, leg);
        assert_eq!(one(&reading, column), value, "{person}{leg}");
        assert_eq!(warnings(&reading), code.into_iter().collect::<Vec<_>>(), "{person}{leg}");
    }
    let glued = one_with("FAR+A+9TIF+LEE+BO:A:2'", "");
    assert_eq!(column(&glued, "traveller", "surname"), ["KIM", "LEE"]);
}

#[test]
fn one_bad_traveller_or_booking_is_set_aside_alone() {
    let reading = push(
        "22",
        &format!("SRC'RCI+ZZ:AAAAAA'TIF++:A:1'TIF+KIM+ARA:A:2'{LEG}SRC'RCI+ZZ:BBBBBB'{LEG}SRC'TIF+LEE+BO:A:1'{LEG}"),
    );
    assert_eq!(reasons(&reading), ["no_identity", "no_identity"]);
    assert_eq!(column(&reading, "traveller", "surname"), ["KIM", "LEE"]);
    assert_eq!(warnings(&reading), ["no_locator"]);
    assert_eq!(reading.set_aside[0].text, "TIF++:A:1'");
}

#[test]
fn a_push_without_flight_is_refused_whole() {
    let text =
        "UNB+IATA:1+ZZ+KR+270313:1530+R1'UNH+A1+PNRGOV:15:1:IA'MSG+:22'SRC'RCI+ZZ:A'TIF+KIM+ARA:A:1'UNT+6+A1'UNZ+1+R1'";
    assert_eq!(reasons(&read(text)), ["no_flight"]);
}

#[test]
fn hyphens_in_text_survive_where_hyphens_separate() {
    let text = "UNA:-.? *UNB-IATA:1-ZZ-KR-270313:1530-R1*UNH-A1-PNRGOV:13:1:IA*MSG-:22*TVL-140327:0105:140327:0830-BKK-ICN-ZZ-421*EQN-1*\
                SRC*RCI-ZZ:AAAAAA*TIF-KIM-ARA:A:1*IFT-4:28::YY-CTCH 02-000-0000*\
                SSR-DOCS:HK::ZZ:::::/P/THA/917/THA/20OCT94/M/20APR28/KIM-LEE/ARA-BO*UNT-10-A1*UNZ-1-R1*";
    let reading = read(text);
    assert_eq!((one(&reading, "phones"), one(&reading, "document_no")), ("020000000".into(), "917".into()));
    assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
}

#[test]
fn hyphens_in_names_and_addresses_survive_where_hyphens_separate() {
    for (people, expected) in [
        ("TIF-KIM-SOO-JIN:A:1*", vec!["KIM/SOO-JIN"]),
        ("TIF-KIM-ARA:A:1-SOO-JIN:C:2*", vec!["KIM/ARA", "KIM/SOO-JIN"]),
        ("TIF-KIM-SOO-JIN:A:1-BO:C:2*", vec!["KIM/SOO-JIN", "KIM/BO"]),
        ("TIF-KIM-SOO?-JIN:A:1*", vec!["KIM/SOO-JIN"]),
        ("TIF-KIM-SOO-JIN*", vec!["KIM/SOO-JIN"]),
    ] {
        let text = format!(
            "UNA:-.? *UNB-IATA:1-ZZ-KR-270313:1530-R1*UNH-A1-PNRGOV:13:1:IA*MSG-:22*TVL-140327:0105:140327:0830-BKK-ICN-ZZ-421*\
             EQN-1*SRC*RCI-ZZ:AAAAAA*ADD--700:12-3 MAIN-ST:SEOUL:::KR:04524-702:9-1 WAY:BUSAN*{people}UNT-9-A1*UNZ-1-R1*"
        );
        let reading = read(&text);
        let names =
            column(&reading, "traveller", "surname").into_iter().zip(column(&reading, "traveller", "given_names"));
        assert_eq!(
            names.map(|(surname, given)| format!("{surname}/{given}")).collect::<Vec<_>>(),
            expected,
            "{people}"
        );
        assert_eq!(one(&reading, "address"), "12-3 MAIN-ST, SEOUL, 04524");
        assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]), "{people}");
    }
}

#[test]
fn a_terminator_in_a_name_of_a_booking_ends_nothing() {
    for name in ["O'NEIL", "D'ANGELO"] {
        let reading = push("22", &format!("SRC'RCI+ZZ:AAAAAA::010227:0912'TIF+{name}+PAT:A:1'{LEG}"));
        assert_eq!((one(&reading, "surname"), one(&reading, "given_names")), (name.into(), "PAT".into()));
        assert_eq!(warnings(&reading), ["unreleased_terminator"]);
    }
    // A cancelled booking is nothing but segments without text.
    let cancelled = push("141", "SRC'RCI+ZZ:AAAAAA'ORG'");
    assert_eq!((one(&cancelled, "state"), warnings(&cancelled)), ("cancelled".into(), vec![]));
}

#[test]
fn addresses_keep_every_line_and_all_split_bookings_are_known() {
    for (address, line, country) in [
        ("1 ROAD:CITY:ON:ONTARIO:CA:10000", "1 ROAD, CITY, ON, ONTARIO, 10000", "CA"),
        ("1 ROAD:CITY:ON:CA::10000", "1 ROAD, CITY, ON, 10000", "CA"),
        ("1 ROAD:CITY:ON:ONTARIO::10000", "1 ROAD, CITY, ON, ONTARIO, 10000", ""),
        ("1 ROAD:CITY:::CANADA:10000", "1 ROAD, CITY, CANADA, 10000", ""),
    ] {
        let reading = one_with(&format!("ADD++700:{address}'"), "");
        assert_eq!((one(&reading, "address"), one(&reading, "address_country")), (line.into(), country.into()));
    }
    let split = one_with("", "EQN+2'RCI+ZZ:BBBBBB+1G:CCCCCC'RCI+ZZ:DDDDDD'");
    assert_eq!(one(&split, "split_locators"), "BBBBBB|CCCCCC|DDDDDD");
}

/// A flight is read once a message, and told of as often as it is named.
#[test]
fn bookings_share_flights_and_not_what_is_wrong_with_them() {
    let onward = "TVL+140327:1100:140327:1400+ICN+QQQ+ZZ+600:Y'RPI+1+HK'";
    let booking = |locator: &str| format!("SRC'RCI+ZZ:{locator}'TIF+KIM+ARA:A:1'{LEG}TVL+++++12:M'{onward}");
    let reading = push("22", &format!("{}{}", booking("AAAAAA"), booking("BBBBBB")));
    assert_eq!(warnings(&reading), ["unknown_airport", "unknown_airport"]);
    let legs = reading.records[0].1.column_by_name("itinerary").unwrap();
    assert_eq!(legs.slice(0, 1).as_ref(), legs.slice(1, 1).as_ref());
    assert!(format!("{legs:?}").contains("QQQ"), "{legs:?}");
    assert_eq!(column(&reading, "traveller", "marketing_flights"), ["ZZ12", "ZZ12"]);
}

#[test]
fn a_segment_of_repeated_elements_names_a_flight_for_each() {
    let text = "UNA:+.?*'UNB+IATA:1+ZZ+KR+270313:1530+R1'UNH+A1+PNRGOV:15:1:IA'MSG+:22'ORG+ZZ:BKK'\
                TVL+140327:0105:140327:0830+BKK+ICN+ZZ+421'EQN+1'SRC'RCI+ZZ:AAAAAA'TIF+KIM+ARA:A:1'\
                TVL+140327:0105:140327:0830*140327:1100:140327:1400+BKK*ICN+ICN*NRT+ZZ+421:Y*600:Y'UNT+9+A1'UNZ+1+R1'";
    let legs = format!("{:?}", read(text).records[0].1.column_by_name("itinerary").unwrap());
    assert!(legs.contains("421") && legs.contains("600") && legs.contains("NRT"), "{legs}");
}

/// Services stand before the flights: which one a seat is of, its ends tell.
#[test]
fn a_seat_before_the_flights_is_of_the_one_between_its_ends() {
    let (there, here) = ("SSR+SEAT:HK:1:ZZ:::ICN:BKK+20A::1'", "SSR+SEAT:HK:1:ZZ:::BKK:ICN+14A::1'");
    let out = "TVL+100327:0900:100327:1230+ICN+BKK+ZZ+422:Y'RPI+1+HK'";
    for seats in [format!("{there}{here}"), format!("{here}{there}")] {
        let reading = push("22", &format!("SRC'RCI+ZZ:AAAAAA'TIF+KIM+ARA:A:1'{seats}{out}{LEG}"));
        assert_eq!((one(&reading, "seat"), warnings(&reading)), ("14A".into(), vec![]), "{seats}");
    }
    for (seat, expected, code) in [
        ("SSR+SEAT:HK:1:ZZ:::ICN:NRT+20A::1'", "", Some("unknown_reference")),
        ("SSR+SEAT:HK:1:ZZ:::bkk:icn+20A::1'", "20A", None),
        ("SSR+SEAT:HK:1:ZZ:::BKK+20A::1'", "20A", None),
        ("SSR+SEAT:HK:1:ZZ+20A::1'", "20A", None),
    ] {
        let reading = one_with(seat, "");
        assert_eq!(one(&reading, "seat"), expected, "{seat}");
        assert_eq!(warnings(&reading), code.into_iter().collect::<Vec<_>>(), "{seat}");
    }
    // Under a flight too its ends have the last word, unless they are the cities of its airports.
    for (seat, expected, code) in [
        ("SSR+SEAT:HK:1:ZZ:::ICN:BKK+20A::1'", "", Some("unknown_reference")),
        ("SSR+SEAT:HK:1:ZZ:::BKK:SEL+20A::1'", "20A", None),
    ] {
        let reading = one_with("", seat);
        assert_eq!(one(&reading, "seat"), expected, "{seat}");
        assert_eq!(warnings(&reading), code.into_iter().collect::<Vec<_>>(), "{seat}");
    }
    let both = push("22", &format!("SRC'RCI+ZZ:AAAAAA'TIF+KIM+ARA:A:1'{out}{LEG}{there}"));
    assert_eq!((one(&both, "seat"), warnings(&both)), (String::new(), vec![]), "of the flight before");
}

#[test]
fn a_seat_that_was_refused_or_given_back_is_none() {
    for status in ["UN", "HX", "NO", "XX", "UC"] {
        let refused = format!("SSR+SEAT:{status}:1:ZZ:::BKK:ICN+20A::1'");
        assert_eq!(one(&one_with(&refused, &refused), "seat"), "", "{status}");
        let again = format!("{refused}SSR+SEAT:HK:1:ZZ:::BKK:ICN+14A::1'");
        assert_eq!(one(&one_with("", &again), "seat"), "14A", "{status}");
    }
}

#[test]
fn a_part_of_a_push_may_hold_fewer_bookings_than_all_of_it() {
    let said = |part: &str| {
        let text = format!(
            "UNB+IATA:1+ZZ+KR+270313:1530+R1'UNH+A1+PNRGOV:15:1:IA+X{part}'MSG+:22'ORG+ZZ:BKK'\
             TVL+140327:0105:140327:0830+BKK+ICN+ZZ+421'EQN+2'SRC'RCI+ZZ:AAAAAA'TIF+KIM+ARA:A:1'{LEG}UNT+11+A1'UNZ+1+R1'"
        );
        warnings(&read(&text))
    };
    assert_eq!(["", "+01:F"].map(said), [["cnt_mismatch"], ["cnt_mismatch"]]);
    assert_eq!(["+01:C", "+02:F", "+02"].map(said), [[""; 0]; 3]);
}

/// As in the first example of the guide: whoever has a boarding number or bags was checked in, whenever that was.
#[test]
fn who_has_a_boarding_number_or_bags_is_checked_in() {
    let tif = "TIF+KIM+ARA:A:1'";
    for (leg, state) in [
        ("DAT'TRI++017:::1'TIF+KIM+ARA:A:1'SSD+14A++++Y'TBD++1:10:700++HP+ZZ:0180123456:1:ICN'", "checked_in"),
        ("TRI++017:::1'", "checked_in"),
        ("TRI++017:::7'TIF+KIM+ARA:A:1'", "checked_in"),
        ("TIF+KIM+ARA:A:1'TBD++1:10:700'", "checked_in"),
        // A seat alone may have been reserved before.
        ("TIF+KIM+ARA:A:1'SSD+14A++++Y'", "booked"),
        ("SSR+SEAT:HK:1:ZZ:::BKK:ICN+14A::1'", "booked"),
    ] {
        let reading = one_with("", leg);
        assert_eq!((one(&reading, "state"), one(&reading, "checked_in_at")), (state.into(), String::new()), "{leg}");
        assert_eq!(warnings(&reading), Vec::<&str>::new(), "{leg}");
    }
    // On the flight before it, not on this one.
    let before = "TVL+130327:1800:130327:2130+CAN+BKK+ZZ+410:Y'RPI+1+HK'TRI++017:::1'";
    assert_eq!(one(&push("22", &format!("SRC'RCI+ZZ:AAAAAA'{tif}{before}{LEG}")), "state"), "booked");
}

#[test]
fn contacts_are_read_behind_the_letter_and_before_the_language() {
    for (segment, column, value, code) in [
        ("ADD++700:1 ST:SEOUL:::KR:04524:EBOB..KIM//EXAMPLE.COM'", "emails", "bob_kim@example.com", None),
        ("SSR+CTCE:HK:1:ZZ:::::A..KIM//EXAMPLE.COM/EN+::1'", "emails", "a_kim@example.com", None),
        ("SSR+CTCM:HK:1:ZZ:::::M821012345678+::1'", "phones", "821012345678", None),
        ("SSR+CTCM:HK:1:ZZ:::::+821012345678+::1'", "phones", "+821012345678", Some("short_composite")),
        ("SSR+CTCM:HK:1:ZZ+::1'", "phones", "", None),
        ("SSR+CTCM:HK:1:ZZ:::::ASK HIM+::1'", "phones", "", Some("malformed")),
        // Who does not want to be reached says so.
        ("SSR+CTCR:HK:1:ZZ:::::REFUSED+::1'", "phones", "", None),
    ] {
        let reading = one_with(segment, "");
        assert_eq!(one(&reading, column), value, "{segment}");
        assert_eq!(warnings(&reading), code.into_iter().collect::<Vec<_>>(), "{segment}");
    }
}

#[test]
fn a_service_marked_as_the_infant_s_is_not_the_adult_s() {
    let reading = push(
        "22",
        &format!(
            "SRC'RCI+ZZ:AAAAAA::010227:0912'TIF+KIM+ARA MRS:A:1'TIF+KIM+NURI:IN:2'\
             SSR+DOCO:HK:1:ZZ:::::/SEOUL KOR/V/V1/SEOUL/01SEP26/USA+::1'SSR+DOCO:HK:1:ZZ:::::/BUSAN KOR/V/V2/BUSAN/01OCT26/USA/I+::1'\
             SSR+DOCA:HK:1:ZZ:::::/D/USA/1 ST/NEW YORK/NY/10001+::1'SSR+DOCA:HK:1:ZZ:::::/D/USA/2 ST/BOSTON/MA/02101/I+::1'{LEG}"
        ),
    );
    for (name, adult, infant) in [
        ("birth_place", "SEOUL KOR", "BUSAN KOR"),
        ("document_no", "V1", "V2"),
        ("stay_address", "1 ST, NEW YORK, NY, 10001", "2 ST, BOSTON, MA, 02101"),
    ] {
        assert_eq!(column(&reading, "traveller", name), [adult, infant], "{name}");
    }
    let alone = one_with("SSR+DOCA:HK:1:ZZ:::::/D/USA/2 ST/BOSTON/MA/02101/I+::1'", "");
    assert_eq!((one(&alone, "stay_address"), warnings(&alone)), (String::new(), vec!["unknown_reference"]));
}

#[test]
fn what_was_given_up_holds_no_more() {
    let docs = |status: &str, number: &str, sex: &str| {
        format!("SSR+DOCS:{status}:1:ZZ:::::/P/KOR/{number}/KOR/14FEB88/{sex}/30JUN31/KIM/ARA+::1'")
    };
    let both = one_with(
        &format!(
            "{}{}SSR+TKNE:HX:1:ZZ:::::1230000000001C1+::1'SSR+TKNE:HK:1:ZZ:::::1230000000002C1+::1'\
             SSR+CTCM:XX:1:ZZ:::::821011111111+::1'SSR+CTCM:HK:1:ZZ:::::821022222222+::1'",
            docs("XX", "OLD", "M"),
            docs("HK", "NEW", "F")
        ),
        "",
    );
    assert_eq!((one(&both, "document_no"), one(&both, "gender")), ("NEW".into(), "F".into()));
    assert_eq!((one(&both, "tickets"), one(&both, "phones")), ("1230000000002".into(), "821022222222".into()));
    // Who shows no other is known by it all the same.
    assert_eq!(one(&one_with(&docs("XX", "OLD", "M"), ""), "document_no"), "OLD");
}

#[test]
fn a_document_of_nobody_s_number_goes_by_its_name() {
    let docs = |surname: &str, given: &str| {
        let text = format!("/P/KOR/M9/KOR/14FEB88/F/30JUN31/{surname}/{given}");
        let tifs = "TIF+KIM+ARA MRS:A:1'TIF+LEE+MINSU MR:A:2'";
        push("22", &format!("SRC'RCI+ZZ:AAAAAA::010227:0912'{tifs}SSR+DOCS:HK:1:ZZ:::::{text}+::9'{LEG}"))
    };
    for (surname, given, numbers) in [
        ("PARK", "JIN", ["", ""]),
        ("KIM", "ARA", ["M9", ""]),
        ("LEE", "MINSU", ["", "M9"]),
        ("LEE", "OTHER", ["", "M9"]),
    ] {
        let reading = docs(surname, given);
        assert_eq!(column(&reading, "traveller", "document_no"), numbers, "{surname}");
        assert_eq!(warnings(&reading).is_empty(), surname != "PARK");
    }
}

#[test]
fn a_flight_behind_a_hotel_is_a_leg_and_the_number_it_is_sold_under_is_told() {
    let other = "MSG+8'TVL+150327:160327+ICN++HH+HOTEL'TVL+160327:170327+ICN+ICN+ZE+4711'\
                 TVL+200327:1300:200327:1800+ICN+BKK+YY:ZZ+8422'RPI+1+HK'";
    let reading = one_with("", other);
    let legs = reading.records[0].1.column_by_name("itinerary").unwrap();
    let legs = arrow::array::AsArray::as_list::<i32>(legs).value_length(0);
    assert_eq!((legs, warnings(&reading).len()), (2, 0), "{:?}", reading.warnings);
    let sold = push(
        "22",
        "SRC'RCI+ZZ:AAAAAA::010227:0912'TIF+KIM+ARA:A:1'TVL+140327:0105:140327:0830+BKK+ICN+YY:ZZ+0421:Y'RPI+1+HK'",
    );
    assert_eq!((one(&sold, "marketing_flights"), one(&sold, "carrier")), ("YY421".into(), "ZZ".into()));
}

/// Whom a document or a service is of where the booking does not say it plainly.
#[test]
fn services_of_infants_and_given_up_documents_go_to_nobody_else() {
    let docs = |status: &str, person: &str, reference: &str| {
        format!("SSR+DOCS:{status}:1:ZZ:::::/P/KOR/M{reference}/KOR/14FEB26/{person}+::{reference}'")
    };
    let visa = "SSR+DOCO:HK:1:ZZ:::::/BUSAN KOR/V/V2/BUSAN/01OCT26/USA";
    let inft = "SSR+INFT:HK:1:ZZ:::::KIM/NURI 01JAN26+::1'";
    for (what, segments, numbers, warned) in [
        ("an infant that INFT names", format!("{visa}/I+::1'{inft}"), vec!["", "V2"], false),
        (
            "one that DOCS names",
            format!("{visa}/I+::1'{}", docs("HK", "FI/30JUN31/KIM/NURI", "1")),
            vec!["", "M1"],
            false,
        ),
        ("one of another name and an unknown number", docs("HK", "FI/30JUN31/LEE/BO", "9"), vec!["", "M9"], false),
        ("the only traveller", docs("HK", "F/30JUN31/KIMM/AHRA", "9"), vec!["M9"], false),
        (
            "a corrected infant",
            docs("HK", "FI/30JUN31/KIM/NURI", "1") + &docs("XX", "FI/30JUN31/KIM/BABY", "1"),
            vec!["", "M1"],
            false,
        ),
        ("a visa beside what was given up", docs("XX", "F/30JUN31/KIM/ARA", "1") + visa + "+::1'", vec!["M1"], false),
    ] {
        let reading = one_with(&segments, "");
        assert_eq!(column(&reading, "traveller", "document_no"), numbers, "{what}");
        assert_eq!(warnings(&reading).contains(&"unknown_reference"), warned, "{what}: {:?}", reading.warnings);
    }
    let given_up = one_with(&(docs("XX", "F/30JUN31/KIM/ARA", "1") + visa + "+::1'"), "");
    assert_eq!((one(&given_up, "nationality"), one(&given_up, "gender")), ("KR".into(), "F".into()));
    let two = push(
        "22",
        &format!(
            "SRC'RCI+ZZ:AAAAAA::010227:0912'TIF+KIM+ARA:A'TIF+LEE+BO:A'{LEG}{}{}",
            docs("HK", "F/30JUN31/KIM/ARA", ""),
            docs("XX", "F/30JUN31/KIMM/AHRA", "")
        ),
    );
    assert_eq!(column(&two, "traveller", "document_no"), ["M", ""], "nobody is guessed");
}
