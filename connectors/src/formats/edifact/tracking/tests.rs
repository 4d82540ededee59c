//! Tracking of consignments and containers.

use arrow::array::{AsArray, RecordBatch};

use super::super::tests::{column, read, reasons, warnings};
use crate::format::MessageReading;

fn message(kind: &str, segments: &str) -> MessageReading {
    let text = format!("UNB+UNOA:2+ZZLX+KR+270302:0900+R1'UNH+C1+{kind}:D:95B:UN'{segments}UNT+0+C1'UNZ+1+R1'");
    let mut reading = read(&text);
    reading.warnings.retain(|w| w.code != "unt_count");
    reading
}

fn of(reading: &MessageReading, name: &str) -> Vec<String> {
    column(reading, "cargo_event", name)
}

/// Kind, consignment, container, time and place of each row.
fn rows(reading: &MessageReading) -> Vec<String> {
    let columns = ["event_kind", "consignment_id", "container_id", "happened_at", "place_id"];
    let columns: Vec<Vec<String>> = columns.iter().map(|name| of(reading, name)).collect();
    (0..columns[0].len()).map(|row| columns.iter().map(|c| c[row].as_str()).collect::<Vec<_>>().join(" ")).collect()
}

const STATUS: &str = "BGM+23+T1+9'DTM+137:202703020900:203'RFF+BN:BOOK7'\
                      CNI+1'STS+1+24'RFF+BM:ZZLX001'DTM+334:202703011000:203'LOC+175+KRPUS:139:6:PUSAN'EQD+CN+MSKU1234565'\
                      STS+1+VA:::Vessel arrived'RFF+BM:ZZLX001'DTM+178:202703021000:203'LOC+11+JPTYO:139:6+T5'EQD+CN+MSKU1234565'";

#[test]
fn a_status_is_an_event_of_its_bill_and_container() {
    let reading = message("IFTSTA", STATUS);
    assert_eq!(
        rows(&reading),
        [
            "departed ZZLX001 MSKU1234565 2027-03-01T01:00:00Z KRPUS",
            "arrived ZZLX001 MSKU1234565 2027-03-02T01:00:00Z JPTYO"
        ]
    );
    for (name, values) in [
        ("place_name", ["PUSAN", "T5"]),
        ("reference_id", ["T1", "T1"]),
        ("text", ["", "Vessel arrived"]),
        ("recorded_at", ["2027-03-02T00:00:00Z"; 2]),
        ("message_format", ["iftsta", "iftsta"]),
        ("message_path", ["C1/6", "C1/11"]),
    ] {
        assert_eq!(of(&reading, name), values, "{name}");
    }
    assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
    assert_eq!((reading.counts["consignments"], reading.counts["events"]), (1, 2));
    let ids = of(&reading, "cargo_event_id");
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.len() == 24));
    assert_eq!(ids, of(&message("IFTSTA", STATUS), "cargo_event_id"), "the same again");
}

#[test]
fn a_number_is_of_the_list_it_is_sent_from() {
    for (status, kind, warned) in [
        ("STS+1+48'", "loaded", vec![]),
        ("STS+1+048:::x'", "loaded", vec![]),
        ("STS++OA'", "carried_out", vec![]),
        ("STS+1+disc'", "unloaded", vec![]),
        ("STS+1+85'", "short_landed", vec![]),
        ("STS+1+31'", "31", vec!["unknown_code"]),
        ("STS+1+48::87'", "48", vec!["unknown_code"]),
        ("STS+1:Q7:21'", "Q7", vec!["unknown_code"]),
        ("STS+1+:::at the gate'", "at the gate", vec!["unknown_code"]),
    ] {
        let reading = message("IFTSTA", &format!("BGM+23'CNI+1+B1'{status}DTM+334:202703011000:203'LOC+175+KRPUS'"));
        assert_eq!((of(&reading, "event_kind"), warnings(&reading)), (vec![kind.to_owned()], warned), "{status}");
    }
}

#[test]
fn consignments_are_named_as_manifests_name_them() {
    for (references, consignments) in [
        ("RFF+BM:B1'", vec!["B1"]),
        ("RFF+BM:B1'RFF+BM:B2'", vec!["B1", "B2"]),
        ("RFF+AFB:M9'RFF+MB:A1'RFF+BH:H1'", vec!["M9/A1/H1"]),
        ("RFF+BM:A1'RFF+BH:H1'", vec!["A1/H1"]),
        ("RFF+MB:A1'", vec!["A1"]),
        ("RFF+UCN:27ZZLX0001I00010002'RFF+BM:B1'", vec!["27ZZLX0001I00010002"]),
        ("RFF+BN:BOOK8'", vec!["OWN"]),
    ] {
        let text = format!("BGM+23'CNI+1+OWN'STS+1+1'{references}DTM+334:202703011000:203'LOC+175+KRPUS'");
        assert_eq!(of(&message("IFTSTA", &text), "consignment_id"), consignments, "{references}");
    }
    let reading = message("IFTSTA", "BGM+23'RFF+BN:BOOK8'STS+1+1'DTM+334:202703011000:203'LOC+175+KRPUS'");
    assert_eq!(of(&reading, "consignment_id"), ["BOOK8"], "no CNI");
}

#[test]
fn what_stands_before_the_first_status_is_said_of_all() {
    let reading = message(
        "IFTSTA",
        "BGM+23'CNI+1+B1'EQD+CN+MSKU1234565'EQD+CN+MSKU7654328'LOC+175+KRPUS'\
         STS+1+29'DTM+334:202703011000:203'STS+1+98'DTM+334:202703011200:203'EQD+CN+MSKU7654328'",
    );
    assert_eq!(
        rows(&reading),
        [
            "unloaded B1 MSKU1234565 2027-03-01T01:00:00Z KRPUS",
            "unloaded B1 MSKU7654328 2027-03-01T01:00:00Z KRPUS",
            "carried_in B1 MSKU7654328 2027-03-01T03:00:00Z KRPUS",
        ]
    );
}

#[test]
fn a_time_is_the_events_own_then_a_planned_one_then_the_messages() {
    let event = |times: &str| {
        let reading = message("IFTSTA", &format!("BGM+23'{times}"));
        (of(&reading, "happened_at").join(" "), warnings(&reading))
    };
    for (times, at, warned) in [
        ("CNI+1+B'STS+1+1'DTM+132:202703011000:203'DTM+178:202703011100:203'LOC+11+KRPUS'", "02:00", vec![]),
        ("CNI+1+B'STS+1+1'DTM+132:202703011000:203'LOC+11+KRPUS'", "01:00", vec!["planned_time"]),
        // A schedule is a plan, and what stands before the first status is said of it too.
        ("CNI+1+B'STS+1+1'DTM+232:202703011000:203'LOC+11+KRPUS'", "01:00", vec!["planned_time"]),
        ("CNI+1+B'STS+1+24'DTM+189:202703011000:203'LOC+9+KRPUS'", "01:00", vec!["planned_time"]),
        ("CNI+1+B'DTM+178:202703011100:203'STS+1+1'LOC+11+KRPUS'", "02:00", vec![]),
        (
            "CNI+1+B'STS+1+1'TDT+20'LOC+9+JPTYO'DTM+186:202703010600:203'LOC+11+KRPUS'DTM+178:202703011200:203'",
            "03:00",
            vec![],
        ),
        ("CNI+1+B'STS+1+1'DTM+334:20270301:102'LOC+11+KRPUS'", "-", vec!["day_only"]),
        ("CNI+1+B'STS+1+1'DTM+334:202703011000?+0200:205'", "08:00", vec![]),
        ("CNI+1+B'STS+1+1'DTM+334:202703011000:203'", "01:00", vec!["unknown_port"]),
        ("DTM+137:202703011500:203'CNI+1+B'STS+1+1'LOC+11+KRPUS'", "06:00", vec!["no_event_time"]),
    ] {
        let at = if at == "-" { "2027-02-28T15:00:00Z".to_owned() } else { format!("2027-03-01T{at}:00Z") };
        assert_eq!(event(times), (at, warned), "{times}");
    }
    assert_eq!(
        event("CNI+1+B'STS+1+1'DTM+334:202713011000:203'LOC+11+KRPUS'"),
        ("2027-03-02T00:00:00Z".to_owned(), vec!["bad_date", "no_event_time"])
    );
}

#[test]
fn one_event_that_says_nothing_costs_the_others_nothing() {
    let reading = message(
        "IFTSTA",
        "BGM+23'CNI+1'STS+1+1'LOC+11+KRPUS'DTM+334:202703011000:203'CNI+2+B2'LOC+11+KRPUS'CNI+3+B3'STS+1'\
         STS+1+21'LOC+11+KRPUS'DTM+334:202703011000:203'",
    );
    assert_eq!(reasons(&reading), ["no_event"; 3], "nobody, no status, no code");
    assert_eq!(rows(&reading), ["delivered B3  2027-03-01T01:00:00Z KRPUS"]);
    assert_eq!(reasons(&message("IFTSTA", "BGM+23'LOC+11+KRPUS'EQD+CN+MSKU1234565'")), ["no_event"]);
}

#[test]
fn a_short_message_makes_no_millions_of_rows() {
    let containers: String = (0..2_000).flat_map(|n| ["EQD+CN+MSKU".to_owned(), format!("{n:07}'")]).collect();
    let reading = message("IFTSTA", &format!("BGM+23'CNI+1+B1'{containers}{}", "STS+1+1'".repeat(1_000)));
    assert!(of(&reading, "event_kind").len() <= 2 * 3_010 + 256);
    assert!(reasons(&reading).contains(&"group_too_long"));
    // What a header says is asked for by each event: nobody lists as much as makes that long.
    let events = "STS+1+1'".repeat(25_000);
    for (listed, code) in [("LOC+99+X'DTM+9:20270301:102'", "value_cut"), ("RFF+BM:", "group_too_long")] {
        let header: String = (0..25_000)
            .flat_map(|n| [listed.to_owned(), if listed.ends_with(':') { format!("{n}'") } else { String::new() }])
            .collect();
        let started = std::time::Instant::now();
        let reading = message("IFTSTA", &format!("BGM+23'RFF+BM:B1'{header}{events}"));
        assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
        assert!(warnings(&reading).contains(&code) || reasons(&reading).contains(&code), "{code}");
    }
}

const TERMINAL: &str = "TDT+20+027W+1++ZZLX:172:20+++0000012:146:11:HAECHI PIONEER'LOC+11+KRPUS:139:6+PNIT:TER:ZZZ'\
                        DTM+178:202703010600:203'NAD+CA+ZZLX:172:20'";

#[test]
fn terminals_tell_of_each_container() {
    let boxes = "EQD+CN+MSKU1234565+45G1:102:5++3+5'RFF+BM:ZZLX001'DTM+203:202703011000:203'LOC+147+0100112::5'\
                 LOC+9+JPTYO:139:6'PCD+93:20'MEA+AAE+VGM+KGM:26200'MEA+AAE+G+KGM:24200'\
                 EQD+CN+MSKU7654328+22G1:102:5++7+4'DTM+203:202703011030:203'CNT+16:2'";
    let reading = message("COARRI", &format!("BGM+98+D1+9'{TERMINAL}{boxes}"));
    assert_eq!(
        rows(&reading),
        [
            "unloaded ZZLX001 MSKU1234565 2027-03-01T01:00:00Z KRPUS",
            "short_landed MSKU7654328 MSKU7654328 2027-03-01T01:30:00Z KRPUS"
        ]
    );
    assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
    assert_eq!(of(&reading, "gross_mass_kg"), ["24200.0", ""]);
    assert_eq!(of(&reading, "text"), ["HAECHI PIONEER 027W"; 2]);
    assert_eq!(of(&reading, "place_name"), ["PNIT"; 2]);
    assert_eq!(reading.counts["containers"], 2);
    let counted = message("COARRI", &format!("BGM+98+D1+9'{TERMINAL}{}", boxes.replace("16:2", "16:3")));
    assert_eq!(warnings(&counted), ["cnt_mismatch"]);
}

/// Where a container goes on to is told beside it: it was unloaded at the port of the header all the same.
#[test]
fn a_container_is_unloaded_at_the_port_and_delivered_where_it_goes() {
    let on = "LOC+8+JPTYO:139:6'LOC+7+JPTYO:139:6'";
    for (kind, header) in [("COARRI", "BGM+44'"), ("COPRAR", "BGM+43'"), ("CODECO", "BGM+36'")] {
        let reading = message(
            kind,
            &format!("{header}TDT+20+1+1'LOC+11+USNYC:139:6'EQD+CN+MSKU1234565'DTM+203:202703011000:203'{on}"),
        );
        assert_eq!(of(&reading, "place_id"), ["USNYC"], "{kind}");
    }
    let delivered = format!("BGM+23'CNI+1+B'STS+1+21'LOC+11+KRPUS'{on}DTM+334:202703011000:203'");
    assert_eq!(of(&message("IFTSTA", &delivered), "place_id"), ["JPTYO"]);
}

/// What is wrong with an event is said with each of its rows, which may be many: a few bytes for each would be megabytes.
#[test]
fn many_rows_repeat_few_warnings() {
    let event = |n: usize| {
        let many =
            |text: &str| (0..n).flat_map(|i| [text.to_owned(), i.to_string(), "'".to_owned()]).collect::<String>();
        let (bills, boxes) = (many("RFF+BM:"), many("EQD+BX+"));
        let text = format!("BGM+23'{bills}{boxes}STS+1+1'DTM+334:202703011000:203'LOC+11+KRPUS'{}", "XXX'".repeat(40));
        let reading = message("IFTSTA", &text);
        let listed = |batch: &RecordBatch| batch.column_by_name("warnings").unwrap().as_list::<i32>().values().len();
        (of(&reading, "event_kind").len(), reading.records.iter().map(|(_, batch)| listed(batch)).sum::<usize>())
    };
    assert_eq!(event(1), (1, 32));
    assert_eq!(event(16), (256, 1024));
}

#[test]
fn what_happened_is_said_by_code_by_words_or_by_the_port() {
    let container = "EQD+CN+MSKU1234565'DTM+203:202703011000:203'LOC+165+KRPUS'";
    for (kind, header, event, warned) in [
        ("COARRI", "BGM+44'", "unloaded", vec![]),
        ("COARRI", "BGM+270'", "loaded", vec![]),
        ("COARRI", "BGM+X:::LOADING REPORT'", "loaded", vec![]),
        ("COARRI", "BGM+X:::Discharge report'", "unloaded", vec![]),
        ("COARRI", "BGM+X'LOC+9+KRPUS'", "loaded", vec!["unknown_code"]),
        ("COARRI", "BGM+X'LOC+11+KRPUS'", "unloaded", vec!["unknown_code"]),
        ("COARRI", "BGM+X'", "X", vec!["unknown_code"]),
        ("CODECO", "BGM+34'", "carried_in", vec![]),
        ("CODECO", "BGM+36:::GATE OUT REPORT'", "carried_out", vec![]),
        ("CODECO", "BGM+265'LOC+9+KRPUS'", "265", vec!["unknown_code"]),
        ("COPRAR", "BGM+43'", "unloading_ordered", vec![]),
        ("COPRAR", "BGM+45'", "loading_ordered", vec![]),
    ] {
        let reading = message(kind, &format!("{header}{container}"));
        assert_eq!((of(&reading, "event_kind"), warnings(&reading)), (vec![event.to_owned()], warned), "{header}");
        assert_eq!(of(&reading, "message_format"), [kind.to_lowercase()]);
    }
    assert_eq!(reasons(&message("COARRI", "BGM+44'")), ["no_event"], "no container");
    assert_eq!(reasons(&message("COARRI", "EQD+CN+MSKU1234565'")), ["no_event"], "no BGM");
}

#[test]
fn an_order_is_given_when_it_is_written() {
    let order = "BGM+45+O1+9'TDT+20+027W'LOC+9+KRPUS'DTM+132:202703051000:203'EQD+CN+MSKU1234565'RFF+BN:BOOK7'";
    let reading = message("COPRAR", order);
    assert_eq!(rows(&reading), ["loading_ordered BOOK7 MSKU1234565 2027-03-02T00:00:00Z KRPUS"]);
    assert_eq!(warnings(&reading), Vec::<&str>::new());
    let mut bare = read(&format!("UNH+C1+COPRAR:D:95B:UN'{order}UNT+0+C1'"));
    bare.warnings.retain(|w| !matches!(w.code, "unt_count" | "no_envelope" | "truncated"));
    assert_eq!(
        (of(&bare, "happened_at"), warnings(&bare)),
        (vec!["2027-03-05T01:00:00Z".to_owned()], vec!["planned_time"])
    );
    let without = read(&format!("UNH+C1+COPRAR:D:95B:UN'{}UNT+0+C1'", order.replace("DTM+132:202703051000:203'", "")));
    assert_eq!(reasons(&without), ["no_event"], "no time at all");
}

#[test]
fn a_withdrawn_report_cancels_its_events() {
    for (function, change) in [("9", "new"), ("4", "amend"), ("5", "amend"), ("1", "cancel"), ("3", "cancel")] {
        let reading = message(
            "CODECO",
            &format!("BGM+34+G1+{function}'EQD+CN+MSKU1234565'DTM+7:202703011000:203'LOC+165+KRPUS'"),
        );
        assert_eq!(of(&reading, "change_kind"), [change], "{function}");
    }
}

#[test]
fn the_hour_may_come_behind_the_day() {
    let reading = message("IFTSTA", "CNI+1'STS+1+21'RFF+BM:B1'DTM+35:20270316:102'DTM+35:1130:401'LOC+7+KRPUS'");
    assert_eq!(rows(&reading), ["delivered B1  2027-03-16T02:30:00Z KRPUS"]);
    let alone = message("IFTSTA", "CNI+1'STS+1+21'RFF+BM:B1'DTM+35:1130:401'LOC+7+KRPUS'");
    assert_eq!(warnings(&alone), ["bad_date", "no_event_time"]);
}

/// Found in the wild: a container was weighed, and its documents lodged, before anything happened to it.
#[test]
fn a_weighing_or_a_document_is_no_event() {
    let told = |kind: &str, bgm: &str, times: &str| {
        let text = format!("BGM+{bgm}+G1+9'LOC+9+KRPUS'EQD+CN+MSKU1234565'{times}LOC+165+KRPUS'");
        let reading = message(kind, &text);
        (of(&reading, "happened_at").join(" "), warnings(&reading))
    };
    let written = "2027-03-02T00:00:00Z".to_owned();
    for times in ["DTM+798:202702280700:203'", "DTM+148:202702280700:203'", "DTM+94:20270101:102'"] {
        assert_eq!(told("CODECO", "34", times), (written.clone(), vec!["no_event_time"]), "{times}");
        assert_eq!(told("COPRAR", "45", times), (written.clone(), vec![]), "{times}");
    }
    assert_eq!(
        told("COPRAR", "45", "DTM+ACT:202702280700:203'"),
        (written, vec![]),
        "an order is given when it is written"
    );
    assert_eq!(told("CODECO", "34", "DTM+ACT:202702280700:203'"), ("2027-02-27T22:00:00Z".into(), vec![]));
}

#[test]
fn without_bill_booking_and_container_the_shipment_stands_for_itself() {
    let told = |references: &str| {
        let reading =
            message("IFTSTA", &format!("BGM+23'{references}CNI+1'STS+1+21'DTM+78:202703011000:203'LOC+14+KRPUS'"));
        of(&reading, "consignment_id").join(" ")
    };
    assert_eq!(told("RFF+CW:1Z3F4W576807747148'"), "1Z3F4W576807747148");
    assert_eq!(told("RFF+CU:C1'RFF+BN:BOOK7'"), "BOOK7");
    assert_eq!(told("RFF+SRN:S1'EQD+CN+MSKU1234565'"), "MSKU1234565");
    assert_eq!(told("RFF+ZZZ:S1'"), "");
}

#[test]
fn a_chassis_is_no_container() {
    let times = "DTM+7:202703011000:203'LOC+165+KRPUS'";
    let reading = message("CODECO", &format!("BGM+36'EQD+CN+MSKU1234565'{times}EQD+CZ+CHASSIS001'{times}CNT+16:2'"));
    assert_eq!(
        (of(&reading, "container_id"), warnings(&reading)),
        (vec!["MSKU1234565".into()], vec!["other_equipment"])
    );
    let told = message("IFTSTA", "CNI+1+B1'EQD+CH+CHASSIS001'STS+1+21'DTM+35:202703011000:203'LOC+7+KRPUS'");
    assert_eq!((of(&told, "container_id"), warnings(&told)), (vec![String::new()], vec!["other_equipment"]));
}

#[test]
fn a_place_that_nobody_tells_is_not_said_to_have_no_zone() {
    let reading = message("CODECO", "BGM+34'EQD+CN+MSKU1234565'DTM+7:202703011000:203'");
    assert_eq!(reading.warnings[0].text, "no place is told by its code; read in the zone of the office, Asia/Seoul");
    let reading = message("CODECO", "BGM+34'EQD+CN+MSKU1234565'DTM+7:202703011000:203'LOC+165+LANDSKRONA'");
    let text = "`LANDSKRONA` has no time zone we know; read in that of the office, Asia/Seoul";
    assert_eq!(reading.warnings[0].text, text);
    assert_eq!(message("COARRI", "BGM+X'EQD+CN+MSKU1234565'").warnings[0].text, "BGM X; kept as sent");
}
