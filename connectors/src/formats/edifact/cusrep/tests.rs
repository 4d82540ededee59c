//! Reports of conveyances.

use super::super::tests::{column, read, reasons, warnings};
use crate::format::MessageReading;

fn report(bgm: &str, segments: &str) -> MessageReading {
    let text = format!(
        "UNB+UNOA:2+ZZLX+KR+270301:0900+R1'UNH+C1+CUSREP:D:96B:UN'{bgm}{segments}\
         TDT+20+027W+1++ZZLX:172:20+++0000012:146:11:HAECHI PIONEER:PA'UNT+0+C1'UNZ+1+R1'"
    );
    let mut reading = read(&text);
    reading.warnings.retain(|w| w.code != "unt_count");
    reading
}

const VOYAGE: &str = "RFF+CN:27ZZLX0001I'LOC+94+VNSGN'DTM+136:202702241810:203'LOC+60+KRPUS'DTM+132:202703020600:203'\
                      LOC+61+JPUKB'DTM+132:202703041400:203'";

#[test]
fn an_arrival_tells_of_the_last_port_too() {
    let reading = report("BGM+98+A1+9'", VOYAGE);
    let of = |name| column(&reading, "cargo_event", name);
    assert_eq!(of("event_kind"), ["departed", "arrived"]);
    assert_eq!(of("happened_at"), ["2027-02-24T11:10:00Z", "2027-03-01T21:00:00Z"]);
    assert_eq!(of("place_id"), ["VNSGN", "KRPUS"]);
    assert_eq!(of("consignment_id"), ["27ZZLX0001I", "27ZZLX0001I"]);
    assert_eq!(of("text"), ["HAECHI PIONEER 027W", "HAECHI PIONEER 027W"]);
    assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
    let ids = of("cargo_event_id");
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.len() == 24));
    assert_eq!(ids, column(&report("BGM+98+A1+9'", VOYAGE), "cargo_event", "cargo_event_id"), "the same again");
}

#[test]
fn a_departure_leaves_here() {
    let reading = report("BGM+124+A1+9'", "LOC+60+KRPUS'DTM+136:202703040600:203'");
    assert_eq!(column(&reading, "cargo_event", "event_kind"), ["departed"]);
    assert_eq!(column(&reading, "cargo_event", "consignment_id"), ["0000012/027W"], "no manifest: the voyage");
}

#[test]
fn every_manifest_gets_its_events_and_a_withdrawal_cancels_them() {
    let reading = report("BGM+98+A1+1'", &format!("RFF+CN:M2'{VOYAGE}"));
    assert_eq!(column(&reading, "cargo_event", "consignment_id"), ["M2", "M2", "27ZZLX0001I", "27ZZLX0001I"]);
    assert_eq!(column(&reading, "cargo_event", "change_kind"), ["cancel"; 4]);
}

#[test]
fn what_says_nothing_is_refused() {
    assert_eq!(reasons(&report("BGM+98+A1+9'", "LOC+60+KRPUS'")), ["no_report"]);
    let reading = report("BGM+98+A1+9'", &VOYAGE.replace("202703020600", "209913020600"));
    assert_eq!(
        (warnings(&reading), column(&reading, "cargo_event", "event_kind")),
        (vec!["bad_date"], vec!["departed".to_owned()])
    );
}

#[test]
fn the_hour_may_come_behind_the_day() {
    let reading = report("BGM+98+A1+9'", "LOC+60+KRPUS'DTM+132:20270302:102'DTM+132:0600:401'");
    assert_eq!(column(&reading, "cargo_event", "happened_at"), ["2027-03-01T21:00:00Z"]);
    let reading = report("BGM+98+A1+9'", "DTM+252:20270302:102'DTM+252:1830:401'LOC+60+KRPUS'");
    assert_eq!(column(&reading, "cargo_event", "happened_at"), ["2027-03-02T09:30:00Z"]);
    assert_eq!(warnings(&reading), Vec::<&str>::new());
}

#[test]
fn a_trip_on_the_road_stands_for_its_manifest() {
    let text = "UNB+UNOA:2+ZZLX+US+270301:0900+R1'UNH+C1+CUSREP:D:03B:UN'BGM+336:::STANDARD+ZZLXTRIP01+3'\
                DTM+132:202703020600:203'LOC+60+0901:77'UNT+5+C1'UNZ+1+R1'";
    let reading = read(text);
    assert_eq!(column(&reading, "cargo_event", "consignment_id"), ["ZZLXTRIP01"]);
    assert_eq!(column(&reading, "cargo_event", "change_kind"), ["cancel"]);
    assert_eq!((warnings(&reading), reasons(&reading)), (vec!["unknown_port"], vec![]));
}

#[test]
fn a_departure_is_from_here_wherever_the_last_port_stands() {
    let reading = report("BGM+124+A1+9'DTM+136:202703040600:203'", "LOC+94+VNSGN'LOC+60+KRPUS'LOC+61+JPUKB'");
    assert_eq!(column(&reading, "cargo_event", "place_id"), ["KRPUS"]);
    assert_eq!(column(&reading, "cargo_event", "happened_at"), ["2027-03-03T21:00:00Z"]);
}

/// As Australia and Korea withdraw a report: neither its place nor its time is told again.
#[test]
fn a_withdrawal_needs_no_time() {
    for function in ["1", "50"] {
        let reading = report(&format!("BGM+98+A1+{function}'"), "RFF+CN:27ZZLX0001I'");
        let of = |name| column(&reading, "cargo_event", name);
        assert_eq!(
            (of("event_kind"), of("change_kind")),
            (vec!["arrived".into()], vec!["cancel".to_owned()]),
            "{function}"
        );
        assert_eq!((of("consignment_id"), of("place_id")), (vec!["27ZZLX0001I".to_owned()], vec![String::new()]));
        assert_eq!(of("happened_at"), ["2027-03-01T00:00:00Z"], "of the interchange");
        assert_eq!((warnings(&reading), reasons(&reading)), (vec!["no_event_time"], vec![]));
    }
    let reading = report("BGM+124+A1+1'", "DTM+137:202703010800:203'LOC+60+KRPUS'");
    assert_eq!(column(&reading, "cargo_event", "event_kind"), ["departed"]);
    assert_eq!(column(&reading, "cargo_event", "place_id"), ["KRPUS"]);
    assert_eq!(column(&reading, "cargo_event", "happened_at"), ["2027-02-28T23:00:00Z"]);
}
