//! Other people's passenger lists and manifests, and our own messages of every type, against what is known of each.
//!
//! `travel/expected.tsv` holds asserts of the senders' own test suites, which must hold, and the findings of an
//! independent reader, from which we differ only as [`DIFFERENCES`] explains. `synthetic/MANIFEST.tsv` says of each of
//! our files what is in it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod edifact_support;

use std::collections::BTreeMap;

use edifact_support::{count, messages, read_file, rows, table, text, warned};
use haechi_connectors::format::MessageReading;
use haechi_model::codes;
use serde_json::Value;

/// Where we read otherwise than `expected.tsv` on purpose: path, check, what we read, why.
const DIFFERENCES: &[(&str, &str, &str, &str)] = &[
    (
        "deyoz__astra/iapi_cn_std/t16_40_PAXLST_BGM745.edi",
        "UNT_declared_vs_actual",
        "27 vs 27",
        "a terminator missing at a line end before a known tag is supplied; then the sender's count is right",
    ),
    (
        "deyoz__astra/iapi_cn_std/t16_40_PAXLST_BGM745.edi",
        "person[0]",
        "FL KIM:HUI HSIN dob=630311 sex= nat=KOR docs=P/4825552122/CHN/exp220130,V/C7155231//exp221025 refs=AVF=MLCKPM,ABO=1002,YZY=7812315763805C1",
        "the birth date behind the missing terminator is read; a gender of 15 characters is none",
    ),
    (
        "deyoz__astra/iapi_cn/t16_40_PAXLST_BGM745.edi",
        "person[0]",
        "FL KIM:HUI HSIN dob=630311 sex=U nat=KOR docs=P/4825552122/CHN/exp220130,V/C7155231//exp221025 refs=AVF=MLCKPM,ABO=1002,YZY=7812315763805C1",
        "the birth date stands on its own line behind junk that is no segment",
    ),
    (
        "US-CBP__GTAS/inline_from_unit_tests/UN_testAPISParsingWithNoMEASegment.edi",
        "pax[0].bagNum",
        "4",
        "the other reader keeps the last of four tags only; the note of the row says not to copy that",
    ),
];

#[test]
fn passenger_lists_and_manifests_of_others_read_as_expected() {
    let travel = messages().join("travel");
    let manifest = table(&travel.join("MANIFEST.tsv"));
    let ours: BTreeMap<&str, &str> = manifest
        .iter()
        .filter(|row| row[3].starts_with("PAXLST") || row[3].starts_with("CUSCAR"))
        .map(|row| (row[0].as_str(), row[5].as_str()))
        .collect();
    assert!(ours.len() >= 40, "{} files", ours.len());
    let readings: BTreeMap<&str, MessageReading> =
        ours.keys().map(|path| (*path, read_file(&travel.join(path)))).collect();

    let mut compared = 0;
    let mut explained = 0;
    let mut failures = Vec::new();
    for row in table(&travel.join("expected.tsv")) {
        let [path, _authority, check, expected, ..] = row.as_slice() else { panic!("short row {row:?}") };
        let Some(reading) = readings.get(path.as_str()) else { continue };
        let Some(found) = finding(reading, check, expected) else { continue };
        compared += 1;
        let different = DIFFERENCES.iter().find(|(p, c, ..)| p == path && c == check);
        explained += usize::from(different.is_some());
        let expected = different.map_or(expected.as_str(), |(_, _, ours, _)| ours);
        if found != expected {
            failures.push(format!("{path} {check}\n    expected {expected}\n    found    {found}"));
        }
    }
    assert!(failures.is_empty(), "{} of {compared} differ:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(explained, DIFFERENCES.len(), "a difference that is none");
    assert!(compared > 350, "only {compared} rows compared");

    for (path, validity) in ours {
        let reading = &readings[path];
        match validity {
            "VALID" => assert!(reading.set_aside.is_empty(), "{path}: {:?}", reading.set_aside),
            "VALID-AWKWARD" => assert_eq!(count(reading, "people_set_aside"), 0, "{path}"),
            "MALFORMED" => assert!(!reading.warnings.is_empty() || !reading.set_aside.is_empty(), "{path}: silence"),
            other => panic!("{path}: {other}"),
        }
    }
}

/// What we find for a check, written as `expected.tsv` writes it; `None` for what no reading tells.
fn finding(reading: &MessageReading, check: &str, expected: &str) -> Option<String> {
    let people = rows(reading, "traveller");
    let listed = |row: &Value| row["itinerary"].as_array().cloned().unwrap_or_default();
    let found = match check {
        "message_type" => {
            let version = reading.version.replace('.', ":");
            let head = format!("{}:{version}", reading.format.to_uppercase());
            format!("{head}{}", expected.strip_prefix(&head).unwrap_or(" is not what was expected"))
        }
        "n_UNH" => count(reading, "messages").to_string(),
        "UNT_declared_vs_actual" => {
            let declared = expected.split(' ').next()?;
            let actual = count(reading, "segments");
            if declared.parse() != Ok(actual) {
                assert!(warned(reading, "unt_count"), "{expected} without warning");
            }
            format!("{declared} vs {actual}")
        }
        "UNH_S010_part" => {
            let id = text(people.first()?, "message_id");
            let part: Vec<_> = id.rsplit(':').take(2).collect();
            if part[0].is_empty() { part[1].to_owned() } else { format!("{}:{}", part[1], part[0]) }
        }
        "BGM" => {
            let reason = text(people.first()?, "change_reason");
            let kind = expected.split('+').next()?;
            if reason.is_empty() { kind.to_owned() } else { format!("{kind}+{reason}") }
        }
        "n_persons" | "n_PDT" | "passengers.size" | "passengers screened" => {
            let counted = count(reading, "passengers") + count(reading, "crew");
            assert_eq!(counted, people.len() as u64, "rows and people");
            counted.to_string()
        }
        "persons_by_NAD_qualifier" => {
            let mut by: BTreeMap<&str, usize> = BTreeMap::new();
            for row in &people {
                *by.entry(qualifier(row)).or_default() += 1;
            }
            let parts: Vec<_> = by.iter().map(|(q, n)| format!("'{q}': {n}")).collect();
            format!("{{{}}}", parts.join(", "))
        }
        "flights.size" => count(reading, "flights").to_string(),
        "pax[0].bagNum" => people.first()?["bag_count"].as_i64()?.to_string(),
        "pax[0].totalBagWeight(kg)" => {
            let mass = people.first()?["bag_mass_kg"].as_f64();
            mass.map_or_else(|| expected.to_owned(), |m| m.to_string())
        }
        "prime flight" => {
            let row = people.first()?;
            let ends = format!("{} {}", text(row, "departure_airport"), text(row, "arrival_airport"));
            format!("{ends} {} {:04}", text(row, "carrier"), row["flight_no"].as_i64()?)
        }
        "prime flight key used" => {
            let row = people.first()?;
            assert!(text(row, "departure_scheduled_at").starts_with("2008-08-1"), "{row}");
            let ends = format!("{} {}", text(row, "departure_airport"), text(row, "arrival_airport"));
            format!("{ends} {} {:04} etd-date-ms 1218340800000", text(row, "carrier"), row["flight_no"].as_i64()?)
        }
        "cleaned output equals" => {
            let reference = messages().join("travel/janotaz__ediclean").join(expected);
            // Of one original there is no reference here.
            let clean = reference.exists().then(|| rows(&read_file(&reference), "traveller"))?;
            let bare = |rows: &[Value]| {
                let mut rows = rows.to_vec();
                for row in &mut rows {
                    let row = row.as_object_mut().unwrap();
                    row.remove("source");
                    row.remove("source_position");
                }
                rows
            };
            assert_eq!(bare(&people), bare(&clean));
            expected.to_owned()
        }
        _ => match check
            .split_once('[')
            .map(|(name, i)| (name, i.split(']').next().unwrap_or_default().parse::<usize>().unwrap()))
        {
            Some(("flight", i)) => {
                let empty: Vec<_> = reading.warnings.iter().filter(|w| w.code == "nobody_listed").collect();
                let label = empty.get(i)?.text.split(':').next()?.to_owned();
                let (number, ends) = label.split_once(' ')?;
                format!("{:0>4} {}", number.get(2..)?, ends.replace('-', " "))
            }
            Some(("person", i)) => person(people.get(i)?, expected),
            Some(("TDT", i)) => {
                let legs = people.first().map(listed)?;
                let leg = legs.get(i)?;
                let ends: Vec<_> = expected.split(" | ").filter_map(|stop| stop.split(' ').rev().nth(1)).collect();
                assert_eq!(ends, [text(leg, "from"), text(leg, "to")], "{expected}");
                let number = expected.split(' ').next()?;
                let digits = number[2..].parse::<i64>().unwrap();
                assert_eq!((text(leg, "carrier"), leg["flight_no"].as_i64()), (&number[..2], Some(digits)));
                expected.to_owned()
            }
            _ => return None,
        },
    };
    Some(found)
}

fn qualifier(row: &Value) -> &'static str {
    match text(row, "role") {
        "passenger" => "FL",
        "crew" => "FM",
        "transit_passenger" => "DDU",
        "transit_crew" => "DDT",
        "driver" => "VW",
        other => panic!("role {other}"),
    }
}

/// A traveller as the independent reader prints one. Where we hold a value in another form (a country, a date, a seat
/// without padding) and it agrees, the expected spelling is printed.
fn person(row: &Value, expected: &str) -> String {
    let (head, refs) = expected.split_once(" refs=").unwrap();
    let (head, docs) = head.split_once(" docs=").unwrap();
    let (head, nat) = head.split_once(" nat=").unwrap();
    let (head, _sex) = head.split_once(" sex=").unwrap();
    let (head, _dob) = head.split_once(" dob=").map_or((head, ""), |(h, d)| (h, d));
    let name = head.split_once(' ').unwrap().1;

    let ours = format!("{} {}", text(row, "surname"), text(row, "given_names"));
    let same_name = name.replace(':', " ").split_whitespace().eq(ours.split_whitespace());
    let name = if same_name { name.to_owned() } else { ours };
    let dob = compact(text(row, "birth_date"));
    let nationality = text(row, "nationality");
    let nat = if same_country(nationality, nat) { nat } else { nationality };

    let documents = row["documents"].as_array().cloned().unwrap_or_default();
    // The independent reader lists an empty DOC too; we leave it out.
    let wanted: Vec<&str> = docs.split(',').filter(|d| !d.starts_with("//")).collect();
    let documents: Vec<String> = documents
        .iter()
        .enumerate()
        .map(|(i, d)| {
            let wanted: Vec<&str> = wanted.get(i).map(|w| w.split('/').collect()).unwrap_or_default();
            let wanted_country = wanted.get(2).copied().unwrap_or_default();
            let country = text(d, "country");
            let country = if same_country(country, wanted_country) { wanted_country } else { country };
            format!("{}/{}/{country}/exp{}", text(d, "kind"), text(d, "number"), compact(text(d, "expires_on")))
        })
        .collect();
    let documents = if docs.contains("///") {
        format!("{},{}", documents.join(","), &docs[docs.find("///").unwrap()..])
    } else {
        documents.join(",")
    };

    let refs: Vec<String> = refs
        .split(',')
        .filter(|r| !r.is_empty())
        .map(|reference| {
            let (code, value) = reference.split_once('=').unwrap();
            let ours = match code {
                "AVF" => text(row, "locator").to_owned(),
                "ABO" => text(row, "carrier_pax_ref").to_owned(),
                "SEA" => text(row, "seat").to_owned(),
                "YZY" => row["tickets"][0].as_str().unwrap_or_default().to_owned(),
                "CR" => text(&row["loyalty"][0], "number").to_owned(),
                "AEA" => row["documents"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|d| text(d, "kind") == "AEA")
                    .map_or(String::new(), |d| text(d, "number").to_owned()),
                other => panic!("reference {other}"),
            };
            let agrees = ours == value || (code == "SEA" && value.trim_start_matches('0') == ours);
            format!("{code}={}", if agrees { value } else { &ours })
        })
        .collect();
    let documents = if refs.iter().any(|r| r.starts_with("AEA")) {
        documents.replace("AEA/1234567890ABC//exp", "")
    } else {
        documents
    };
    format!(
        "{} {name} dob={dob} sex={} nat={nat} docs={documents} refs={}",
        qualifier(row),
        text(row, "gender"),
        refs.join(",")
    )
}

/// Whether our country is the one sent, in whatever code; what is in no list is kept.
fn same_country(ours: &str, sent: &str) -> bool {
    codes::country(sent).map_or(ours == sent, |country| country.as_str() == ours)
}

/// `1978-07-06` as `780706`.
fn compact(date: &str) -> String {
    date.replace('-', "").get(2..).unwrap_or_default().to_owned()
}

#[test]
fn messages_of_other_types_are_set_aside_by_name() {
    let travel = messages().join("travel");
    let mut seen = 0;
    for row in table(&travel.join("MANIFEST.tsv")) {
        let kind = row[3].split(':').next().unwrap();
        if READ.contains(&kind) {
            continue;
        }
        let reading = read_file(&travel.join(&row[0]));
        assert!(reading.records.is_empty(), "{}", row[0]);
        let expected = format!("message type `{kind}` is not read");
        assert!(
            reading.set_aside.iter().any(|s| s.reason.contains(&expected)),
            "{}: {:?}",
            row[0],
            reading.set_aside.first()
        );
        seen += 1;
    }
    assert!(seen >= 4, "{seen} files");
}

/// Message types with a reader.
const READ: &[&str] =
    &["PAXLST", "PNRGOV", "CUSCAR", "CUSDEC", "CUSREP", "IFTSTA", "COARRI", "CODECO", "COPRAR", "CUSRES", "CONTRL"];

/// A carrier's status in letters of ANSI X12, and an order to load that has no envelope.
#[test]
fn containers_are_tracked() {
    let folder = messages().join("cargo/apimeister__edifact-types/test-data");
    let reading = read_file(&folder.join("d00b_iftsta.edi"));
    assert_eq!((reading.format, reading.version.as_str()), ("iftsta", "D.00B"));
    assert!(reading.set_aside.is_empty(), "{:?}", reading.set_aside);
    let events = rows(&reading, "cargo_event");
    assert_eq!(events.len(), 1);
    for (column, value) in [
        ("event_kind", "departed"),
        ("consignment_id", "ABCD224O4023815X"),
        ("container_id", "TRHU4561222"),
        ("happened_at", "2022-11-19T12:10:00Z"),
        ("place_id", "USSYR"),
        ("place_name", "SYRACUSE"),
        ("reference_id", "2BOG129382"),
        ("text", "Rail Departed from In-Transit Locat"),
    ] {
        assert_eq!(text(&events[0], column), value, "{column}");
    }
    let reading = read_file(&folder.join("d95b_coprar.edi"));
    assert!(reading.set_aside.is_empty(), "{:?}", reading.set_aside);
    let orders = rows(&reading, "cargo_event");
    assert_eq!(orders.len(), 2);
    for order in orders {
        assert_eq!((text(&order, "event_kind"), text(&order, "container_id")), ("loading_ordered", "MSTI6415664"));
        assert_eq!((text(&order, "place_id"), text(&order, "happened_at")), ("AEJEA", "2012-11-23T20:00:00Z"));
    }
    assert!(warned(&reading, "planned_time") && warned(&reading, "cnt_mismatch"), "{:?}", reading.warnings);
}

#[test]
fn our_own_messages_hold_what_their_manifest_says() {
    let synthetic = messages().join("synthetic");
    let mut files = 0;
    for row in table(&synthetic.join("MANIFEST.tsv")) {
        let [path, format, note, expected] = row.as_slice() else { panic!("short row {row:?}") };
        if !READ.contains(&format.split(' ').next().unwrap()) || path.ends_with("xml") {
            continue;
        }
        files += 1;
        let reading = read_file(&synthetic.join(path));
        let (name, version) = format.split_once(' ').unwrap();
        assert_eq!(reading.format, name.to_lowercase(), "{path}");
        let version = match version {
            "US variant 001:000" => "001.000".to_owned(),
            "3" => "D.3".to_owned(),
            version => version.replace('_', "."),
        };
        assert_eq!(reading.version, version, "{path}");
        for claim in expected.split("; ") {
            let (key, value) = claim.split_once('=').unwrap();
            let found = match key {
                "quarantined" => reading.set_aside.len() as u64,
                "warnings" => reading.warnings.len() as u64,
                "message_kept" => count(&reading, "messages"),
                // A booking that is cancelled names nobody, but has a row.
                "travellers" => rows(&reading, "traveller").iter().filter(|r| r["surname"].is_string()).count() as u64,
                "lane" => {
                    assert_eq!(count(&reading, value), 1, "{path}: {key}");
                    continue;
                }
                "customs_value_usd" | "duty_usd" => {
                    let column = if key == "duty_usd" { "duty_local" } else { key };
                    let sum: f64 = rows(&reading, "declaration").iter().filter_map(|r| r[column].as_f64()).sum();
                    let sum = if key == "duty_usd" { sum / 1350.0 } else { sum };
                    assert_eq!(format!("{sum:.2}"), value, "{path}: {key}");
                    continue;
                }
                "incomplete" => u64::from(rows(&reading, "traveller").iter().all(|r| r["flight_complete"] == false)),
                key => count(&reading, key),
            };
            assert_eq!(found.to_string(), value, "{path}: {key} ({note})\n{:#?}", reading.warnings);
        }
        if !note.contains("WRONG ON PURPOSE") {
            assert!(reading.set_aside.is_empty(), "{path}: {:?}", reading.set_aside);
        }
    }
    assert!(files >= 48, "{files} files");
}

/// One flight from the first request to its close-out, as far as passenger lists tell it.
#[test]
fn zz421_ends_as_known() {
    let folder = messages().join("synthetic/zz421");
    let mut states: BTreeMap<String, Value> = BTreeMap::new();
    let mut close_outs = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for path in files.iter().filter(|p| p.to_str().unwrap().contains("_paxlst_")) {
        for row in rows(&read_file(path), "traveller") {
            assert_eq!(text(&row, "departure_scheduled_at"), "2027-03-13T18:05:00Z");
            let name = format!("{}/{}", text(&row, "surname"), text(&row, "given_names").split(' ').next().unwrap());
            if text(&row, "state") == "no_show" {
                close_outs.push(name.clone());
            }
            states.insert(name, row);
        }
    }
    let expected = table(&folder.join("expected.tsv"));
    assert_eq!(states.len(), expected.len());
    for row in expected {
        let [name, api, _pnr, locator, document, _seat, state] = row.as_slice() else { panic!("{row:?}") };
        let found = &states[name];
        assert_eq!(text(found, "locator"), locator, "{name}");
        assert_eq!(text(found, "document_no"), document, "{name}");
        assert_eq!(text(found, "role"), if api == "crew" { "crew" } else { "passenger" }, "{name}");
        // Closed by naming who is not on board: everyone else is.
        let final_state = match text(found, "state") {
            "listed" if !close_outs.is_empty() => "boarded",
            other => other,
        };
        assert_eq!(final_state, state, "{name}");
    }
}

#[test]
fn a_series_is_complete_only_behind_its_last_part() {
    let folder = messages().join("synthetic/series_zz510");
    let complete = |part: &str| {
        let rows = rows(&read_file(&folder.join(part)), "traveller");
        rows.iter().map(|r| r["flight_complete"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(complete("part_1.edi"), [false, false]);
    assert_eq!(complete("part_2.edi"), [false, false]);
    assert_eq!(complete("part_3.edi"), [Value::Null], "only who has seen the others knows");
}
