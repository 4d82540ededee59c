//! Other people's bookings, against the asserts of their own test suites and the findings of an independent reader.
//! Where we differ on purpose is in [`DIFFERENCES`].
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod edifact_support;

use std::collections::BTreeMap;

use edifact_support::{count, messages, read_file, rows, table, text, warned};
use haechi_connectors::format::MessageReading;
use serde_json::Value;

/// Where we read otherwise than `expected.tsv` on purpose: path, check, what we read, why.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        "US-CBP__GTAS/gtas-loader/pnr-messages/infant.edi",
        "UNT_declared_vs_actual",
        "85 vs 83",
        "a line of history that lacks its terminator is a segment of its own",
    ),
    (
        "US-CBP__GTAS/gtas-loader/pnr-messages/2_pnrs_basic.edi",
        "pnr[0].itinerary",
        "DL 324 LHR JFK > DL 330 JFK YVR",
        "VN 67576 is a hotel: the TVL behind MSG 8 is no flight",
    ),
    (
        "US-CBP__GTAS/gtas-loader/pnr-messages/pnr1.txt",
        "pnr[0].itinerary",
        "DL 324 LHR JFK > DL 330 JFK YVR",
        "VN 67576 is a hotel: the TVL behind MSG 8 is no flight",
    ),
];

/// Rows, booking by booking.
fn bookings(rows: &[Value]) -> Vec<Vec<Value>> {
    let mut bookings: Vec<Vec<Value>> = Vec::new();
    for row in rows {
        match bookings.last_mut() {
            Some(last) if last[0]["locators"] == row["locators"] => last.push(row.clone()),
            _ => bookings.push(vec![row.clone()]),
        }
    }
    bookings
}

#[test]
fn bookings_of_others_read_as_expected() {
    let travel = messages().join("travel");
    let manifest = table(&travel.join("MANIFEST.tsv"));
    let ours: BTreeMap<&str, &str> = manifest
        .iter()
        .filter(|row| row[3].starts_with("PNRGOV"))
        .map(|row| (row[0].as_str(), row[5].as_str()))
        .collect();
    assert!(ours.len() >= 15, "{} files", ours.len());
    let readings: BTreeMap<&str, MessageReading> =
        ours.keys().map(|path| (*path, read_file(&travel.join(path)))).collect();
    let mut compared = 0;
    let mut explained = 0;
    let mut failures = Vec::new();
    for row in table(&travel.join("expected.tsv")) {
        let [path, _authority, check, expected, ..] = row.as_slice() else { panic!("short row {row:?}") };
        let Some(reading) = readings.get(path.as_str()) else { continue };
        let different = DIFFERENCES.iter().find(|(p, c, ..)| p == path && c == check);
        let Some((found, expected)) = finding(reading, check, expected) else { continue };
        compared += 1;
        explained += usize::from(different.is_some());
        let expected = different.map_or(expected, |(_, _, ours, _)| (*ours).to_owned());
        if found != expected {
            failures.push(format!("{path} {check}\n    expected {expected}\n    found    {found}"));
        }
    }
    assert!(failures.is_empty(), "{} of {compared} differ:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(explained, DIFFERENCES.len(), "a difference that is none");
    assert!(compared > 150, "only {compared} rows compared");
    for (path, validity) in ours {
        let reading = &readings[path];
        assert!(reading.set_aside.is_empty(), "{path}: {:?}", reading.set_aside);
        if validity != "VALID" {
            assert!(!reading.warnings.is_empty(), "{path}: silence");
        }
    }
}

/// What we find for a check and what was expected, in one form; `None` for what no reading tells.
fn finding(reading: &MessageReading, check: &str, expected: &str) -> Option<(String, String)> {
    let people = rows(reading, "traveller");
    let same = expected.to_owned();
    let found = match check {
        "message_type" => format!("{}:{}:IA", reading.format.to_uppercase(), reading.version.replace('.', ":")),
        "n_UNH" => count(reading, "messages").to_string(),
        "UNT_declared_vs_actual" => {
            let declared = expected.split(' ').next()?;
            let actual = count(reading, "segments");
            if declared.parse() != Ok(actual) {
                assert!(warned(reading, "unt_count"), "{expected} without warning");
            }
            format!("{declared} vs {actual}")
        }
        "MSG_function" => text(&people[0], "change_reason").to_owned(),
        "level0_TVL" => {
            let row = &people[0];
            let mut parts = expected.splitn(5, ' ').map(str::to_owned).collect::<Vec<_>>();
            let when = parts.pop()?;
            let number = parts[1].trim_start_matches('0').to_owned();
            parts[1] = number;
            assert!(!text(row, "departure_scheduled_at").is_empty(), "{when}");
            let (from, to) = (text(row, "departure_airport"), text(row, "arrival_airport"));
            let found = format!("{} {} {from} {to}", text(row, "carrier"), row["flight_no"]);
            return Some((found, parts.join(" ")));
        }
        "EQN" => {
            let pnrs = count(reading, "pnrs").to_string();
            assert!(pnrs == expected || warned(reading, "cnt_mismatch"), "{expected} for {pnrs} without warning");
            same.clone()
        }
        "n_SRC_groups" => count(reading, "pnrs").to_string(),
        "record_locators" => {
            let known: Vec<String> = people
                .iter()
                .flat_map(|row| row["locators"].as_array().unwrap().clone())
                .map(|l| format!("{}:{}", text(&l, "carrier"), text(&l, "locator")))
                .collect();
            let wanted = expected.split(' ').map(|l| l.split(':').take(2).collect::<Vec<_>>().join(":"));
            let missing: Vec<String> = wanted.filter(|l| l.contains(':') && !known.contains(l)).collect();
            return Some((missing.join(" "), String::new()));
        }
        "n_GR2_TIF_total" => people.len().to_string(),
        "n_SSR_DOCS_total" => count(reading, "docs").to_string(),
        "split pnr[46]" => return Some((count(reading, "pnrs").to_string(), "47".to_owned())),
        "origin" => {
            let legs = people[0]["itinerary"].as_array()?;
            text(&legs[0], "from").to_owned()
        }
        "reservationCreateDate" | "dateBooked" => text(&people[0], "booked_at").trim_end_matches('Z').to_owned(),
        "pax[0].pnrRecordLocator" => text(&people[0], "locator").to_owned(),
        "pax[0].pnrReservationReferenceNumber" => text(&people[0], "carrier_pax_ref").to_owned(),
        "phones[1].number" => people[0]["phones"][1].as_str()?.to_owned(),
        "emails[0].address" => {
            return Some((people[0]["emails"][0].as_str()?.to_uppercase(), expected.trim().to_owned()));
        }
        "pax[0].documents[1]" => {
            let visa = &people[0]["documents"][1];
            let found = format!("number={} type={}", text(visa, "number"), text(visa, "kind"));
            return Some((found, expected.split(" issuanceCountry").next()?.to_owned()));
        }
        // Each leg repeats the bags: the other reader counts them twice.
        "total_bag_count" => {
            let bags: i64 = people.iter().filter_map(|row| row["bag_count"].as_i64()).sum();
            (bags * 2).to_string()
        }
        _ => {
            let (pnr, what) = check.strip_prefix("pnr[")?.split_once("].")?;
            let pnr: usize = pnr.parse().unwrap();
            let all = bookings(&people);
            let booking = all.get(pnr).unwrap_or_else(|| panic!("{check}: only {} bookings", all.len()));
            return of_booking(booking, what, expected);
        }
    };
    Some((found, same))
}

fn of_booking(booking: &[Value], what: &str, expected: &str) -> Option<(String, String)> {
    match what {
        "names" => {
            let letters = |name: &str| name.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            let titles = ["MRS", "MSTR", "MISS", "MR", "MS"];
            // A title is split where it is a token or the document shows the name without it.
            let wanted = expected.split("; ").zip(booking).map(|(name, row)| {
                let name = name.split('|').next().unwrap();
                let ours = letters(&format!("{}{}", text(row, "surname"), text(row, "given_names")));
                let sent = letters(name);
                let split = titles.iter().any(|t| sent.strip_suffix(t) == Some(&ours));
                if split { ours } else { sent }
            });
            let wanted: Vec<String> = wanted.collect();
            let found: Vec<String> = booking
                .iter()
                .map(|row| letters(&format!("{}{}", text(row, "surname"), text(row, "given_names"))))
                .collect();
            Some((found.join("; "), wanted.join("; ")))
        }
        "itinerary" => {
            let legs = booking[0]["itinerary"].as_array()?;
            let found: Vec<String> = legs
                .iter()
                .map(|l| format!("{} {} {} {}", text(l, "carrier"), l["flight_no"], text(l, "from"), text(l, "to")))
                .collect();
            let wanted: Vec<String> = expected
                .split(" > ")
                .filter_map(|leg| {
                    let parts: Vec<&str> = leg.split(' ').collect();
                    // A number alone is a codeshare of the leg before it.
                    let [carrier, number, from, to, ..] = parts[..] else { return None };
                    let carrier = carrier.split(':').next_back().unwrap();
                    Some(format!("{carrier} {} {from} {to}", number.trim_start_matches('0')))
                })
                .collect();
            Some((found.join(" > "), wanted.join(" > ")))
        }
        "docs" => {
            let ours: Vec<String> = booking
                .iter()
                .flat_map(|row| row["documents"].as_array().unwrap().clone())
                .map(|d| text(&d, "number").to_owned())
                .collect();
            let numbers = expected.split(" || ").filter_map(|docs| docs.split('/').nth(3)).filter(|n| !n.is_empty());
            let missing: Vec<&str> = numbers.filter(|n| !ours.iter().any(|own| own == n)).collect();
            Some((missing.join(" "), String::new()))
        }
        _ => None,
    }
}

/// One flight of our own, as far as bookings tell it.
#[test]
fn zz421_s_bookings_are_read_whole() {
    let folder = messages().join("synthetic/zz421");
    let push = rows(&read_file(&folder.join("04_pnrgov_15_1_push.edi")), "traveller");
    let names: Vec<String> =
        push.iter().map(|r| format!("{}/{}", text(r, "surname"), text(r, "given_names"))).collect();
    assert_eq!(
        names,
        ["SAEBYEOK/MARU", "SAEBYEOK/NARAE", "SAEBYEOK/NURI", "TESTMANN/GRETE", "PROBANSKI/JAN", "SHIYAN/LI"]
    );
    let of = |name: &str| push.iter().map(|r| text(r, name).to_owned()).collect::<Vec<_>>();
    assert_eq!(of("locator"), ["HAECH1", "HAECH1", "HAECH1", "HAECH2", "HAECH3", "HAECH4"]);
    assert_eq!(of("document_no"), ["M00000001", "M00000003", "M00000002", "", "ZS0000006", "E00000005"]);
    assert_eq!(of("seat"), ["14A", "14B", "", "31K", "", ""]);
    assert_eq!(of("state"), ["checked_in", "checked_in", "booked", "checked_in", "booked", "booked"]);
    assert_eq!(of("payment_kind"), ["card", "card", "card", "cash", "card", "card"]);
    assert_eq!(of("agency_id")[4], "99999990");
    assert_eq!(of("checked_in_at")[0], "2027-03-13T15:01:00Z", "on the clock of Bangkok");
    assert_eq!(push[0]["bag_tags"].as_array().unwrap().len(), 2);
    assert_eq!(push[0]["booking_changes"], 3);
    assert_eq!(push[5]["itinerary"].as_array().unwrap().len(), 3);
    let update = rows(&read_file(&folder.join("06_pnrgov_15_1_update_141.edi")), "traveller");
    let states: Vec<_> =
        update.iter().map(|r| (text(r, "locator"), text(r, "state"), text(r, "change_kind"))).collect();
    assert_eq!(states, [("HAECH2", "checked_in", "amend"), ("HAECH3", "cancelled", "cancel")]);
    assert_eq!((text(&update[0], "seat"), &update[0]["phones"][0]), ("12A", &Value::from("0000000002")));
}

#[test]
fn the_century_follows_the_type_of_traveller() {
    let push = rows(&read_file(&messages().join("synthetic/pnrgov_21_1_push.edi")), "traveller");
    let born: Vec<_> = push.iter().map(|r| text(r, "birth_date")).collect();
    assert_eq!(born, ["1975-05-30", "1999-12-31", "1926-03-01"]);
    assert_eq!((text(&push[1], "gender"), text(&push[1], "nationality")), ("X", "XXB"));
    assert_eq!(push[1]["split_locators"][0], "HAECHI");
}
