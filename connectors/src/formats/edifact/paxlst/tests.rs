//! Passenger lists, kind by kind and oddity by oddity.

use arrow::array::AsArray;
use arrow::datatypes::DataType;

use super::super::tests::{column, read, reasons, warnings};
use crate::format::MessageReading;

/// A list with this BGM, these flights and these people.
fn list(bgm: &str, flights: &str, people: &str) -> MessageReading {
    let text =
        format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+A1+PAXLST:D:15B:UN:IATA'{bgm}{flights}{people}UNT+0+A1'UNZ+1+R1'");
    let mut reading = read(&text);
    reading.warnings.retain(|w| w.code != "unt_count");
    reading
}

const FLIGHT: &str = "TDT+20+ZZ421+++ZZ'LOC+125+BKK'DTM+189:2703140105:201'LOC+87+ICN'DTM+232:2703140830:201'";

fn person(segments: &str) -> MessageReading {
    list("BGM+745'", FLIGHT, &format!("NAD+FL+++KIM:ARA'{segments}"))
}

/// One value of the only row.
fn one(reading: &MessageReading, name: &str) -> String {
    column(reading, "traveller", name).into_iter().next().unwrap_or_else(|| "no row".into())
}

#[test]
fn the_kind_of_list_says_what_happens_to_the_people_on_it() {
    for (bgm, role, state, change) in [
        ("BGM+745'", "FL", "listed", "new"),
        ("BGM+745+CP'", "FL", "listed", "amend"),
        ("BGM+745+XR'", "FL", "cancelled", "cancel"),
        ("BGM+745+RP'", "FL", "cancelled", "cancel"),
        ("BGM+250+C'", "FM", "listed", "new"),
        ("BGM+250+CC'", "FM", "listed", "amend"),
        ("BGM+250+B'", "FM", "listed", "new"),
        ("BGM+266+CLOB'", "FL", "boarded", "amend"),
        ("BGM+266+CLNB'", "FL", "no_show", "amend"),
        ("BGM+266+CF'", "FL", "listed", "amend"),
        ("BGM+655'", "FL", "listed", "new"),
        ("BGM+10'", "VW", "listed", "new"),
    ] {
        let reading = list(bgm, FLIGHT, &format!("NAD+{role}+++KIM:ARA'"));
        assert_eq!((one(&reading, "state").as_str(), one(&reading, "change_kind").as_str()), (state, change), "{bgm}");
        assert_eq!(warnings(&reading), Vec::<&str>::new(), "{bgm}");
    }
    let reading = list("BGM+999'", FLIGHT, "NAD+FL+++KIM:ARA'");
    assert_eq!((one(&reading, "state"), warnings(&reading)), ("listed".into(), vec!["unknown_code"]));
}

#[test]
fn a_qualifier_gives_the_role() {
    for (qualifier, role) in
        [("FL", "passenger"), ("FM", "crew"), ("DDU", "transit_passenger"), ("DDT", "transit_crew"), ("VW", "driver")]
    {
        assert_eq!(one(&list("BGM+745'", FLIGHT, &format!("NAD+{qualifier}+++KIM:ARA'")), "role"), role);
    }
}

#[test]
fn closing_and_cancelling_without_names_is_said() {
    for (bgm, count) in [("BGM+266+CL'", "on_board_total"), ("BGM+266+XF'", "flight_cancelled")] {
        let reading = list(bgm, FLIGHT, "CNT+42:1'");
        assert_eq!((warnings(&reading), reading.counts[count]), (vec!["nobody_listed"], 1), "{bgm}");
    }
}

/// The legs as `from-to`, those with a row first.
fn legs(flights: &str, person: &str) -> Vec<String> {
    let reading = list("BGM+745'", flights, &format!("NAD+FL+++KIM:ARA'{person}"));
    let from = column(&reading, "traveller", "departure_airport");
    let to = column(&reading, "traveller", "arrival_airport");
    from.iter().zip(to).map(|(from, to)| format!("{from}-{to}")).collect()
}

#[test]
fn four_stops_under_one_tdt_are_the_legs_of_two() {
    let two = "TDT+20+KE250+++KE'LOC+92+JFK'DTM+189:1402010220:201'LOC+92+ANC'DTM+232:1402010550:201'\
               TDT+20+KE250+++KE'LOC+125+ANC'DTM+189:1402010650:201'LOC+87+ICN'DTM+232:1402020840:201'";
    let one = two.replacen("TDT+20+KE250+++KE'LOC+125", "LOC+125", 1);
    for flights in [two, &one] {
        let reading = list("BGM+745'", flights, "");
        let labels: Vec<_> = reading.warnings.iter().map(|w| w.text.split(':').next().unwrap()).collect();
        assert_eq!(labels, ["KE250 JFK-ANC", "KE250 ANC-ICN"]);
        assert_eq!(reading.counts["flights"], 2);
        assert_eq!(legs(flights, ""), ["ANC-ICN"], "the leg across the border");
    }
}

#[test]
fn times_behind_both_places_are_of_one_leg() {
    let places = "TDT+20+ZZ421'LOC+125+BKK'LOC+87+ICN'";
    let (departs, arrives) = ("DTM+189:2703140105:201'", "DTM+232:2703140830:201'");
    for flights in [format!("{places}{departs}{arrives}"), format!("{places}{arrives}{departs}")] {
        let reading = list("BGM+745'", &flights, "NAD+FL+++KIM:ARA'");
        assert_eq!(column(&reading, "traveller", "departure_scheduled_at"), ["2027-03-13T18:05:00Z"], "{flights}");
        assert_eq!(column(&reading, "traveller", "arrival_scheduled_at"), ["2027-03-13T23:30:00Z"], "{flights}");
        assert_eq!((reading.counts["legs"], warnings(&reading)), (1, vec![]), "{flights}");
    }
}

#[test]
fn rows_are_for_the_legs_across_the_border_that_a_person_is_on() {
    let both = "TDT+20+ZZ1'LOC+125+SIN'LOC+87+ICN'TDT+20+ZZ1'LOC+125+ICN'LOC+87+LAX'";
    assert_eq!(legs(both, ""), ["SIN-ICN", "ICN-LAX"]);
    assert_eq!(legs(both, "LOC+178+ICN'LOC+179+LAX'"), ["ICN-LAX"]);
    assert_eq!(legs(both, "LOC+178+SIN'LOC+179+ICN'"), ["SIN-ICN"]);
    assert_eq!(legs(both, "LOC+178+BKK'LOC+179+SFO'"), ["SIN-ICN", "ICN-LAX"], "comes from and goes further");
    assert_eq!(legs(both, "LOC+178+ICN'LOC+179+ICN'"), ["SIN-ICN", "ICN-LAX"], "ends that contradict each other");
    let none_marked = "TDT+20+AA1'LOC+92+ATL'LOC+92+ORD'TDT+20+AA2'LOC+92+ORD'LOC+92+JFK'";
    assert_eq!(legs(none_marked, "LOC+178+ATL'LOC+179+JFK'"), ["ORD-JFK"]);
    let onward = "TDT+20+XZ1'LOC+92+BCN'LOC+92+IAD'TDT+20+XZ1'LOC+92+IAD'LOC+92+SFO'";
    assert_eq!(legs(onward, "LOC+22+IAD'LOC+178+BCN'LOC+179+SFO'"), ["BCN-IAD"], "the only one between countries");
    let through = "TDT+20+XZ1'LOC+92+SIN'LOC+92+ICN'TDT+20+XZ1'LOC+92+ICN'LOC+92+LAX'";
    assert_eq!(legs(through, ""), ["ICN-LAX"]);
    assert_eq!(legs(through, "LOC+22+ICN'"), ["SIN-ICN"], "he is cleared where it ends");
}

#[test]
fn flight_times_are_local_to_their_airports() {
    let reading = person("");
    assert_eq!(one(&reading, "departure_scheduled_at"), "2027-03-13T18:05:00Z");
    assert_eq!(one(&reading, "arrival_scheduled_at"), "2027-03-13T23:30:00Z");
    let unknown = list("BGM+745'", &FLIGHT.replace("BKK", "ZZX"), "NAD+FL+++KIM:ARA'");
    assert_eq!(
        (one(&unknown, "departure_airport"), one(&unknown, "departure_scheduled_at")),
        ("ZZX".into(), String::new())
    );
    assert_eq!(warnings(&unknown), ["unknown_airport", "no_departure_time"]);
    let swapped = list("BGM+745'", &FLIGHT.replace("0830", "0130"), "NAD+FL+++KIM:ARA'");
    assert_eq!((warnings(&swapped), reasons(&swapped)), (vec!["arrival_before_departure"], vec![]));
}

#[test]
fn a_list_without_flight_is_refused_whole() {
    let reading = list("BGM+745'", "", "NAD+FL+++KIM:ARA'NAD+FL+++LEE:BO'");
    assert_eq!((reasons(&reading), reading.counts["people_set_aside"]), (vec!["no_flight"], 2));
    assert!(reading.set_aside[0].text.contains("NAD+FL+++LEE:BO'"));
}

#[test]
fn one_bad_person_is_set_aside_alone() {
    let reading = list("BGM+745'", FLIGHT, "NAD+FL+++KIM:ARA'NAD+FL+++:'ATT+2++M'NAD+FL++'DOC+P+M1'");
    assert_eq!(
        (reasons(&reading), column(&reading, "traveller", "surname")),
        (vec!["no_identity"], vec!["KIM".into(), String::new()])
    );
    let set_aside = &reading.set_aside[0];
    assert_eq!(set_aside.position, "byte 0, message A1, segment 9");
    assert_eq!(set_aside.text, "NAD+FL+++:'ATT+2++M'");
}

#[test]
fn a_road_carrier_of_the_us_numbers_the_trip_in_bgm() {
    let trip = |function: &str| {
        let people = "NAD+VW+41153:109++AOMAD:CHRIS::::1+1 ROAD+RESTON+VA:163+20190'NAT+2+US::5'DOC+5K+P1'LOC+91+US:162'\
                      LOC+91+VA:163'NAD+FL+1234:8++TURNER:BILL:BOB:::1'";
        list(
            &format!("BGM+10:::STANDARD+LOCKTRIP000042+{function}'"),
            "TDT+11++03++LOCK:172'DTM+132:20110923:102'",
            people,
        )
    };
    let new = trip("2");
    assert_eq!((one(&new, "carrier"), one(&new, "flight_no")), ("LOCK".to_owned(), "42".to_owned()));
    assert_eq!((one(&new, "change_kind"), one(&new, "change_reason")), ("new".to_owned(), String::new()));
    assert_eq!(one(&new, "document_country"), "US", "a state is no country");
    assert_eq!(column(&new, "traveller", "given_names"), ["CHRIS", "BILL BOB"]);
    assert_eq!(warnings(&new), Vec::<&str>::new());
    assert_eq!(one(&trip("4"), "change_kind"), "amend");
    assert_eq!(one(&trip("1"), "state"), "cancelled");
}

#[test]
fn a_list_of_one_part_is_whole_whatever_it_says_of_it() {
    for (part, complete) in [("", "true"), ("+01:F", "true"), ("+01", "true"), ("+01:C", "false"), ("+02:F", "")] {
        let text = format!(
            "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+A1+PAXLST:D:05B:UN:IATA+API01{part}'BGM+745'{FLIGHT}\
             NAD+FL+++KIM:ARA'CNT+42:1'UNT+10+A1'UNZ+1+R1'"
        );
        assert_eq!(one(&read(&text), "flight_complete"), complete, "{part}");
    }
}

#[test]
fn a_day_without_time_is_said_and_one_cut_in_two_is_whole() {
    let day = list("BGM+745'", &FLIGHT.replace("2703140105:201", "20270314:102"), "NAD+FL+++KIM:ARA'");
    assert_eq!(
        (one(&day, "departure_scheduled_at").as_str(), warnings(&day)),
        ("2027-03-13T17:00:00Z", vec!["day_only"])
    );
    let cut = list("BGM+745'", &FLIGHT.replace("2703140105:201", "20270314:0105:203"), "NAD+FL+++KIM:ARA'");
    assert_eq!((one(&cut, "departure_scheduled_at").as_str(), warnings(&cut)), ("2027-03-13T18:05:00Z", vec![]));
}

#[test]
fn oddities_are_taken_with_a_warning() {
    for (segments, column, value, code) in [
        ("ATT+2++Q'", "gender", "Q", Some("unknown_gender")),
        ("ATT+2++x'", "gender", "X", None),
        ("ATT+2+F'", "gender", "F", None),
        ("ATT+2++Female'", "gender", "F", None),
        ("DTM+329:1967-06-03'", "birth_date", "1967-06-03", None),
        ("NAT+2+:::KOREA'", "nationality", "KOREA", Some("unknown_country")),
        ("FTX+BAG+++ZZ000099:x'", "bag_tags", "ZZ000099", Some("bad_number")),
        ("FTX+BAG+++ZZ000001:99'FTX+BAG+++A'", "bag_count", "99", Some("too_many_tags")),
        ("COM+TE:0100000000'", "phones", "0100000000", None),
        ("COM+0100000000:0200000000'", "phones", "", Some("unknown_code")),
        ("ATT+2++M*M'", "gender", "M", None),
        ("ATT+2++*'", "gender", "", None),
        ("DTM+329:991399'", "birth_date", "", Some("bad_date")),
        ("DTM+329+670603'", "birth_date", "1967-06-03", Some("short_composite")),
        ("DTM+329'", "birth_date", "", None),
        ("DTM+329: 670603'", "birth_date", "1967-06-03", None),
        ("DTM+329:700000'", "birth_date_precision", "year", None),
        ("DTM+329:19260301:102'", "birth_date", "1926-03-01", None),
        ("NAT+2+D'", "nationality", "DE", None),
        ("NAT+2+XXB'", "nationality", "XXB", None),
        ("NAT+2+ABC'", "nationality", "ABC", Some("unknown_country")),
        ("LOC+179+ZZX'", "debark_airport", "ZZX", Some("unknown_airport")),
        ("LOC+180+ABC:::SEOUL'", "birth_place", "SEOUL", None),
        ("DOC+P:1812019+123456789'", "document_kind", "P", None),
        ("DOC++448763368'", "document_no", "448763368", None),
        ("DOC+P:110:111+'", "document_kind", "P", None),
        ("DOC++'DTM+36:190919'LOC+91+KOR'", "document_country", "", Some("empty_document")),
        ("LOC+91+KOR'", "document_country", "", Some("orphan_segment")),
        ("GIS+173'DOC+P+M1'", "document_verified", "true", None),
        ("GEI+4+174'DOC+P+M1'", "document_verified", "false", None),
        ("DOC+V+V1'DOC+P+M1'", "document_no", "M1", None),
        ("DOC+V+V1'DOC+I+I1'", "document_no", "V1", None),
        ("DTM+329:000000'", "birth_date", "", Some("bad_date")),
        ("DTM+329:00000000:102'", "birth_date", "", Some("bad_date")),
        ("MEA+WT++:44'", "bag_mass_kg", "44.0", Some("bad_unit")),
        ("MEA+CT++:2'", "bag_count", "2", None),
        ("MEA+CT++2'", "bag_count", "2", None),
        ("MEA+CT++two'", "bag_count", "", Some("bad_number")),
        ("MEA+WT++LBR:100'", "bag_mass_kg", "45.359237", None),
        ("MEA+WT++K:5'", "bag_mass_kg", "5.0", None),
        ("MEA+WT++LB:100'", "bag_mass_kg", "45.359237", None),
        ("MEA+WT++STN:5'", "bag_mass_kg", "", Some("bad_unit")),
        ("FTX+BAG+++ZZ000099:3'", "bag_tags", "ZZ000099|ZZ000100|ZZ000101", None),
        ("FTX+BAG+++A'FTX+BAG+++B'", "bag_count", "2", None),
        ("FTX+BAG+++NULL'", "bag_tags", "", None),
        ("COM+82 10-0000:TE+a@EXAMPLE.com:EM+1:FX'", "phones", "82100000", None),
        ("COM+a@EXAMPLE.com:EM'", "emails", "a@example.com", None),
        ("RFF+SEA:014A'", "seat", "14A", None),
        ("EMP+1+CR2:110:111'", "crew_kind", "CR2", None),
        ("XYZ+1'", "surname", "KIM", Some("unknown_segment")),
        ("### junk'", "surname", "KIM", Some("bad_segment")),
    ] {
        let reading = person(segments);
        assert_eq!(one(&reading, column), value, "{segments}");
        assert_eq!(warnings(&reading), code.into_iter().collect::<Vec<_>>(), "{segments}");
    }
}

#[test]
fn names_are_kept_as_sent_and_addresses_become_one_line() {
    let reading = list("BGM+745'", FLIGHT, "NAD+FL+++O?'Brien:MARU MR:J+1 ROAD+SEOUL+:::SEOUL+00000+KOR'");
    assert_eq!((one(&reading, "surname"), one(&reading, "given_names")), ("O'Brien".into(), "MARU MR J".into()));
    assert_eq!(one(&reading, "address"), "1 ROAD, SEOUL, SEOUL, 00000");
    assert_eq!(one(&reading, "address_country"), "KR");
}

#[test]
fn the_request_is_known_by_its_number_and_revision() {
    let reading = list("BGM+745'RFF+TN:zz421a:::3'", FLIGHT, "NAD+FL+++KIM:ARA'");
    assert_eq!((one(&reading, "request_ref"), one(&reading, "version")), ("ZZ421A".into(), "3".into()));
}

#[test]
fn a_road_carrier_s_list_is_keyed_by_carrier_and_trip() {
    let trip = "TDT+20+TRIP0042+3++ABCD'LOC+87+ICN'DTM+232:202703140830:203'";
    let reading = list("BGM+10'", trip, "NAD+VW+++KIM:ARA'ATT+2++M*M'DTM+329:19700101:102'DOC+5K+L1'NAD+FM+++LEE:BO'");
    assert_eq!(column(&reading, "traveller", "carrier"), ["ABCD", "ABCD"]);
    assert_eq!(column(&reading, "traveller", "flight_no"), ["42", "42"]);
    assert_eq!(column(&reading, "traveller", "role"), ["driver", "crew"]);
}

#[test]
fn warnings_stand_on_the_row_they_are_about() {
    let reading = list("BGM+745'", FLIGHT, "NAD+FL+++KIM:ARA'ATT+2++Q'NAD+FL+++LEE:BO'");
    let (_, batch) = &reading.records[0];
    let warnings = batch.column_by_name("warnings").unwrap().as_list::<i32>();
    assert_eq!((warnings.value_length(0), warnings.value_length(1)), (1, 0));
    assert_eq!(column(&reading, "traveller", "message_path"), ["A1/8", "A1/10"]);
}

#[test]
fn legs_are_bounded_and_those_across_the_border_stay() {
    let inland = "TDT+20+ZZ1'LOC+92+SIN'LOC+92+BKK'".repeat(30);
    let reading = list("BGM+745'", &format!("{inland}{FLIGHT}"), "NAD+FL+++KIM:ARA'");
    assert!(warnings(&reading).contains(&"too_many_legs"));
    assert_eq!(reading.counts["legs"], 8);
    assert_eq!(column(&reading, "traveller", "arrival_airport"), ["ICN"]);
}

#[test]
fn a_value_that_every_row_repeats_is_bounded() {
    let long = "R".repeat(60_000);
    let text = format!(
        "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+{long}+PAXLST:D:15B'BGM+745'RFF+TN:{long}'{FLIGHT}{}UNT+0+A1'UNZ+1+R1'",
        "NAD+FL+++KIM:ARA'".repeat(50)
    );
    let reading = read(&text);
    assert_eq!(warnings(&reading).iter().filter(|code| **code == "value_cut").count(), 2);
    for name in ["source_position", "message_path", "message_id", "request_ref"] {
        let values = column(&reading, "traveller", name);
        assert!(values.len() == 50 && values.iter().all(|value| (100..300).contains(&value.len())), "{name}");
    }
}

#[test]
fn warnings_repeat_no_long_value() {
    let name = "KIM ARA ".repeat(50);
    let text = format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+A1+{name}:D:15B'UNT+{name}+A1'UNZ+{name}+R1'");
    let reading = read(&text);
    assert_eq!(reasons(&reading), ["message_type"]);
    assert!(!reading.set_aside[0].reason.contains(name.trim()), "{}", reading.set_aside[0].reason);
    let reading = [reading, person(&format!("DTM+{name}:991399'"))];
    let texts: Vec<_> = reading.iter().flat_map(|r| &r.warnings).map(|w| w.text.as_str()).collect();
    assert!(texts.len() > 2 && texts.iter().all(|text| !text.contains(name.trim())), "{texts:?}");
}

#[test]
fn a_terminator_in_a_name_ends_nothing() {
    for (name, surname, given) in [
        ("O'NEIL:PAT", "O'NEIL", "PAT"),
        ("O'LEE:PAT", "O'LEE", "PAT"),
        ("KIM:D'ARCY", "KIM", "D'ARCY"),
        ("KIM:PAT:D'AMI", "KIM", "PAT D'AMI"),
        ("D' ANGELO:PAT", "D' ANGELO", "PAT"),
        ("N'G'OLO:PAT", "N'G'OLO", "PAT"),
    ] {
        let reading = list("BGM+745'", FLIGHT, &format!("NAD+FL+++{name}'NAD+FL+++LEE:BO'CNT+42:2'"));
        assert_eq!(column(&reading, "traveller", "surname"), [surname, "LEE"], "{name}");
        assert_eq!(column(&reading, "traveller", "given_names"), [given, "BO"], "{name}");
        assert!(warnings(&reading).iter().all(|code| *code == "unreleased_terminator"), "{name}");
        assert!(!warnings(&reading).is_empty(), "{name}");
    }
    // Not what stands on a line of its own, is no text, or a segment.
    for junk in ["\nJUNK'", "XYZ+1'", "### F'", "nad+fl'", "ATT'", "DC+P:1'", "TT+2++F'"] {
        let reading = list("BGM+745'", FLIGHT, &format!("NAD+FL+++KIM:ARA'{junk}"));
        assert_eq!(column(&reading, "traveller", "given_names"), ["ARA"], "{junk}");
    }
}

#[test]
fn a_party_that_only_a_person_can_be_is_one() {
    let reading = list("BGM+745'", FLIGHT, "NAD+ZZZ+++KIM:ARA'ATT+2++F'DOC+P+M1'NAD+CA+++LINE'NAD+FL+++LEE:BO'");
    assert_eq!(column(&reading, "traveller", "surname"), ["KIM", "LEE"]);
    assert_eq!((one(&reading, "role"), one(&reading, "document_no")), ("passenger".into(), "M1".into()));
    assert_eq!(warnings(&reading), ["unknown_party", "unknown_party"]);
}

#[test]
fn who_closes_a_flight_may_name_people_by_number_alone() {
    for (bgm, state) in [("BGM+266+CLOB'", "boarded"), ("BGM+745+XR'", "cancelled")] {
        let reading = list(bgm, FLIGHT, "NAD+FL'RFF+ABO:ZZ1'");
        assert_eq!((one(&reading, "state"), one(&reading, "carrier_pax_ref")), (state.into(), "ZZ1".into()), "{bgm}");
        assert_eq!(reasons(&list(bgm, FLIGHT, "NAD+FL'")), ["no_identity"], "{bgm}");
    }
    assert_eq!(reasons(&list("BGM+745'", FLIGHT, "NAD+FL'RFF+ABO:ZZ1'")), ["no_identity"]);
}

#[test]
fn a_list_of_passengers_and_crew_counts_both() {
    for (counts, complete) in
        [("CNT+42:1'CNT+41:1'", "true"), ("CNT+42:2'", "true"), ("CNT+42:1'", "false"), ("CNT+42:2'CNT+41:2'", "true")]
    {
        let reading = list("BGM+745'", FLIGHT, &format!("NAD+FL+++KIM:ARA'NAD+FM+++LEE:BO'{counts}"));
        assert_eq!(one(&reading, "flight_complete"), complete, "{counts}");
        assert_eq!(warnings(&reading).len(), usize::from(complete == "false"), "{counts}");
    }
}

#[test]
fn times_of_a_flight_stand_before_it_and_with_a_bare_plus_too() {
    for (flight, said) in [
        ("DTM+189:2703140105:201'DTM+232:2703140830:201'TDT+20+ZZ421'LOC+125+BKK'LOC+87+ICN'", vec![]),
        (
            "TDT+20+ZZ421'LOC+125+BKK'DTM+189:202703140105+0700:205'LOC+87+ICN'DTM+232:202703132330?+00?:00:205'",
            vec!["short_composite"],
        ),
        (
            "TDT+20+ZZ421'LOC+125+BKK'DTM+189:202703140205+0800:205'LOC+87+ICN'DTM+232:202703140830:203'",
            vec!["short_composite"],
        ),
    ] {
        let reading = list("BGM+745'", flight, "NAD+FL+++KIM:ARA'");
        assert_eq!(one(&reading, "departure_scheduled_at"), "2027-03-13T18:05:00Z", "{flight}");
        assert_eq!(one(&reading, "arrival_scheduled_at"), "2027-03-13T23:30:00Z", "{flight}");
        assert_eq!(warnings(&reading), said, "{flight}");
    }
}

/// A trip by road has no airports and no hours: who carries it and its reference are what tells it from others.
#[test]
fn a_trip_by_road_is_known_by_its_reference() {
    let trip = |reference: &str| {
        let reading = list(
            &format!("BGM+10:::STANDARD+{reference}+9'"),
            "TDT+11++03++ABCD:172'DTM+132:20270318:102'LOC+60+2704:77'",
            "NAD+VW+0000041153:109++DRIVER:A'ATT+2++M*M'",
        );
        assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]), "{reference}");
        ["flight_id", "flight_no", "arrival_airport", "arrival_scheduled_at"].map(|column| one(&reading, column))
    };
    // The day at an office is that of its clock.
    assert_eq!(trip("LOCKA000001"), ["ABCD/LOCKA000001", "1", "2704", "2027-03-17T15:00:00Z"]);
    assert_eq!(trip("LOCKB000001")[0], "ABCD/LOCKB000001");
    let by_tdt = list("BGM+10'", "TDT+20+TRIP0042+3++ABCD'DTM+132:20270318:102'", "NAD+VW+++KIM:ARA'");
    assert_eq!((one(&by_tdt, "flight_id"), warnings(&by_tdt)), ("ABCD/TRIP0042".into(), vec![]));
    // Whoever is on it is known by that too. The key of a flight follows from other columns.
    for (reading, begin) in [(&by_tdt, "ABCD/TRIP0042/"), (&person(""), "ZZ421/BKK/2027-03-13T18:05Z/")] {
        let (stream, batch) = &reading.records[0];
        let derived = haechi_model::derive(stream, batch, &haechi_model::DeriveContext::default()).unwrap();
        let ids = arrow::compute::cast(derived.column_by_name("traveller_id").unwrap(), &DataType::Utf8).unwrap();
        assert!(ids.as_string::<i32>().value(0).starts_with(begin), "{ids:?}");
    }
    // Two trips of one carrier, and of one number, are two.
    let one_trip = |n: &str| {
        format!(
            "UNH+{n}+PAXLST:D:03B:UN'BGM+10+LOCK{n}000001+9'TDT+11++03++ABCD'DTM+132:20270318:102'NAD+VW+++KIM:ARA'UNT+6+{n}'"
        )
    };
    let text = format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{}{}UNZ+2+R1'", one_trip("A"), one_trip("B"));
    assert_eq!(read(&text).counts["flights"], 2);
}

#[test]
fn the_number_of_a_message_is_no_code() {
    for (bgm, state, change, reason, code) in [
        ("BGM+745+MSG001+9'", "listed", "new", "", None),
        ("BGM+745+CP'", "listed", "amend", "CP", None),
        ("BGM+745+QX'", "listed", "new", "", Some("unknown_code")),
        ("BGM+250+C'", "listed", "new", "C", None),
        ("BGM+250+AC'", "listed", "amend", "AC", None),
        ("BGM+250+1C'", "listed", "new", "", None),
        ("BGM+250+MSG12C'", "listed", "new", "", None),
        ("BGM+655+G1'", "listed", "new", "", None),
        ("BGM+266+MSG001'", "listed", "amend", "", Some("unknown_code")),
    ] {
        let reading = list(bgm, FLIGHT, "NAD+FL+++KIM:ARA'");
        let found = ["state", "change_kind", "change_reason"].map(|column| one(&reading, column));
        assert_eq!(found, [state, change, reason], "{bgm}");
        assert_eq!(warnings(&reading), code.into_iter().collect::<Vec<_>>(), "{bgm}");
    }
}

#[test]
fn a_place_of_a_flight_that_is_none_of_its_stops_is_told() {
    for (place, code) in
        [("22", Some("unknown_code")), ("60", Some("unknown_code")), ("130", None), ("172", None), ("188", None)]
    {
        let flight = FLIGHT.replacen("LOC+125", &format!("LOC+{place}+LHR'LOC+125"), 1);
        let reading = list("BGM+745'", &flight, "NAD+FL+++KIM:ARA'");
        assert_eq!(warnings(&reading), code.into_iter().collect::<Vec<_>>(), "{place}");
    }
}

#[test]
fn the_parts_of_a_series_say_once_how_many_there_are() {
    let part = |number: &str, of: &str| {
        format!(
            "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+A1+PAXLST:D:05B:UN:IATA+{of}+{number}'BGM+745'{FLIGHT}\
             NAD+FL+++KIM:ARA'CNT+42:5'UNT+10+A1'UNZ+1+R1'"
        )
    };
    let parts = [part("01:C", "S1"), part("02", "S1"), part("03:F", "S1")].concat();
    assert_eq!(read(&parts).counts["series_total"], 5);
    assert_eq!(read(&(parts + &part("01:C", "S2"))).counts["series_total"], 10);
}

#[test]
fn a_segment_in_lower_case_is_counted_and_shown() {
    let text = format!(
        "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+A1+PAXLST:D:15B:UN:IATA'BGM+745'{FLIGHT}NAD+FL+++KIM:ARA'att+2++M'\
         NAD+FL+++LEE:BO'UNT+11+A1'UNZ+1+R1'"
    );
    let reading = read(&text);
    let said: Vec<_> = reading.warnings.iter().map(|w| format!("{} {} {}", w.code, w.path, w.text)).collect();
    assert_eq!(said, ["bad_segment A1/9 `att`: no segment tag"]);
    assert_eq!(column(&reading, "traveller", "message_path"), ["A1/8", "A1/10"]);
}

#[test]
fn the_nationality_of_now_goes_before_that_of_birth() {
    for (nat, expected) in [
        ("NAT+1+IND'NAT+2+GBR'", "GB"),
        ("NAT+2+GBR'NAT+1+IND'", "GB"),
        ("NAT+1+IND'NAT+3+GBR'", "IN"),
        ("NAT+2+GBR'NAT+2+IND'", "GB"),
    ] {
        assert_eq!(one(&person(nat), "nationality"), expected, "{nat}");
    }
    let mail = person("COM+A..KIM//EXAMPLE.COM:EM'");
    assert_eq!(one(&mail, "emails"), "a_kim@example.com");
}

#[test]
fn the_us_variant_loses_titles_and_keeps_an_unknown_sex() {
    for (names, surname, given, sex) in [
        ("DR KIM:MARU:MR:880214:N", "KIM", "MARU", "N"),
        ("SAEBYEOK:MARU MR::880214:M", "SAEBYEOK", "MARU", "M"),
        ("KIM:MRS SORA:JIN:880214:F", "KIM", "SORA JIN", "F"),
    ] {
        let reading = read(&format!(
            "UNB+UNOC:3+ZZ+KRCUS+270313:2200+R1'UNH+1+PAXLST:001:000:NZ'CTA+IC+:DESK+000-000-0000:TE'TDT++ZZ421+40+ZZ'\
             LOC+005+THBKK:50'DTM+136+270314+0105+Z07'LOC+008+KRICN:50'DTM+132+270314+0830+Z09'UNS+D'\
             PDT+P/M1:310630:KR+{names}+PAX+THBKK:KRICN'UNT+10+1'UNZ+1+R1'"
        ));
        let found = ["surname", "given_names", "gender"].map(|name| one(&reading, name));
        assert_eq!(found, [surname, given, sex], "{names}");
        let told = reading.warnings.iter().any(|w| w.code == "unknown_gender" && w.text.contains(sex));
        assert_eq!(told, sex == "N", "{:?}", reading.warnings);
    }
}
