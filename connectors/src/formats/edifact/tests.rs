//! The envelope: what becomes of interchanges whole, cut, mixed and dirty.

use crate::format::{MessageInput, MessageReading};
use crate::options::ReadOptions;

pub(in crate::formats) fn read(text: &str) -> MessageReading {
    read_bytes(text.as_bytes())
}

fn read_bytes(bytes: &[u8]) -> MessageReading {
    let options = ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() };
    super::read(MessageInput { source: "test.edi", bytes, options: &options })
}

/// One column of one stream, as text; NULL is empty.
pub(in crate::formats) fn column(reading: &MessageReading, stream: &str, name: &str) -> Vec<String> {
    use arrow::array::{Array, AsArray};
    use arrow::compute::cast;
    use arrow::datatypes::DataType;
    let batches = reading.records.iter().filter(|(s, _)| s.name == stream);
    batches
        .flat_map(|(_, batch)| {
            let column = batch.column_by_name(name).unwrap();
            let column = match column.data_type() {
                DataType::Timestamp(unit, _) => {
                    cast(column, &DataType::Timestamp(*unit, Some("+00:00".into()))).unwrap()
                }
                _ => column.clone(),
            };
            let texts = match column.data_type() {
                DataType::List(_) => {
                    let lists = column.as_list::<i32>();
                    let lists = (0..lists.len()).map(|row| {
                        let items = cast(&lists.value(row), &DataType::Utf8).unwrap();
                        let items: Vec<_> = items.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
                        items.join("|")
                    });
                    return lists.collect::<Vec<_>>();
                }
                _ => cast(&column, &DataType::Utf8).unwrap(),
            };
            texts.as_string::<i32>().iter().map(|t| t.unwrap_or_default().to_owned()).collect()
        })
        .collect()
}

pub(in crate::formats) fn warnings(reading: &MessageReading) -> Vec<&'static str> {
    reading.warnings.iter().map(|w| w.code).collect()
}

pub(in crate::formats) fn reasons(reading: &MessageReading) -> Vec<&'static str> {
    reading.set_aside.iter().map(|s| s.code).collect()
}

const ONE: &str = "UNH+A1+PAXLST:D:15B:UN'BGM+745'TDT+20+ZZ1+++ZZ'LOC+125+BKK'DTM+189:2703140105:201'LOC+87+ICN'\
                   DTM+232:2703140830:201'NAD+FL+++KIM:ARA'CNT+42:1'UNT+10+A1'";

#[test]
fn a_clean_interchange_gives_rows_and_nothing_to_say() {
    let reading = read(&format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{ONE}UNZ+1+R1'"));
    assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
    assert_eq!((reading.format, reading.version.as_str()), ("paxlst", "D.15B"));
    assert_eq!(column(&reading, "traveller", "message_issued_at"), ["2027-03-13T13:00:00Z"], "configured zone");
    assert_eq!(column(&reading, "traveller", "message_id"), ["R1/A1"]);
    assert_eq!(column(&reading, "traveller", "sender_id"), ["ZZ"]);
}

/// Found by fuzzing: UNB without its terminator takes all that follows into itself.
#[test]
fn an_interchange_without_messages_is_not_passed_over() {
    for text in [
        "UNB+UNOA:2+KRCUSTOMS+99901+270302:0930+CTUNZ+1+KRAPIS0009'",
        "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNZ+0+R1'",
        "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNS+D'UNZ+1+R1'",
    ] {
        assert_eq!(reasons(&read(text)), ["no_message"], "{text}");
    }
    assert_eq!(warnings(&read("UNB+UNOA:4+ZZ+KR+270313:2200+R1'")), ["truncated"]);
}

#[test]
fn lists_and_bookings_of_one_interchange_write_their_own_columns() {
    let bookings = "UNH+B1+PNRGOV:15:1:IA'MSG+:22'ORG+ZZ:BKK'TVL+140327:0105:140327:0830+BKK+ICN+ZZ+421'EQN+1'SRC'\
                    RCI+ZZ:AAAAAA::010227:0912'TIF+LEE+BO:A:1'TVL+140327:0105:140327:0830+BKK+ICN+ZZ+421:Y'RPI+1+HK'UNT+11+B1'";
    let reading =
        read(&format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{ONE}{bookings}{}UNZ+3+R1'", ONE.replace("KIM", "HAN")));
    assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
    for (name, values) in [
        ("surname", ["KIM", "HAN", "LEE"]),
        ("message_format", ["paxlst", "paxlst", "pnrgov"]),
        ("message_path", ["A1/8", "A1/8", "B1/8"]),
        ("flight_no", ["1", "1", "421"]),
        ("in_pnr", ["false", "false", "true"]),
    ] {
        assert_eq!(column(&reading, "traveller", name), values, "{name}");
    }
}

#[test]
fn several_interchanges_in_one_input_are_all_read() {
    let one = format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{ONE}UNZ+1+R1'");
    let other = format!("UNA:*.? #{}", one.replace('+', "*").replace('\'', "#"));
    let reading = read(&format!("{one}\r\n{other}\r\n{one}"));
    assert_eq!((reading.counts["messages"], warnings(&reading)), (3, vec![]));
}

#[test]
fn counts_and_references_are_hints() {
    for (from, to, code) in [
        ("UNT+10", "UNT+9", "unt_count"),
        ("UNT+10+A1", "UNT+10+A2", "unt_count"),
        ("UNZ+1", "UNZ+2", "unz_count"),
        ("UNZ+1+R1", "UNZ+1+R2", "unz_count"),
        ("CNT+42:1", "CNT+42:2", "cnt_mismatch"),
        ("CNT+42:1", "CNT+42+1", "cnt_format"),
    ] {
        let reading = read(&format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{ONE}UNZ+1+R1'").replace(from, to));
        assert_eq!((warnings(&reading), reading.counts["passengers"]), (vec![code], 1), "{to}");
    }
    let reading = read(&format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{ONE}UNZ+1+R1'").replace("UNT+10+", "UNT+00 10+"));
    assert_eq!(warnings(&reading), Vec::<&str>::new(), "leading zeros and blanks");
}

#[test]
fn a_message_type_without_reader_is_set_aside_by_name() {
    let reading =
        read(&format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+P1+ORDERS:D:01B:UN'BGM+220'UNT+3+P1'{ONE}UNZ+2+R1'"));
    assert_eq!((reasons(&reading), reading.counts["passengers"]), (vec!["message_type"], 1));
    let set_aside = &reading.set_aside[0];
    assert!(set_aside.reason.contains("message type `ORDERS` is not read"), "{}", set_aside.reason);
    assert!(set_aside.text.contains("BGM+220'"));
}

#[test]
fn what_is_cut_off_is_said_once_and_the_rest_is_read() {
    let whole = format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{ONE}UNZ+1+R1'");
    let cut = |at: &str| read(&whole[..whole.find(at).unwrap() + at.len()]);
    let reading = cut("CNT+42:1'");
    assert_eq!((warnings(&reading), reasons(&reading), reading.counts["passengers"]), (vec!["truncated"], vec![], 1));
    let reading = cut("CNT+4");
    assert_eq!((warnings(&reading), reasons(&reading)), (vec!["truncated"], vec!["truncated"]));
    let reading = cut("UNT+10+A1'");
    assert_eq!((warnings(&reading), reading.counts["passengers"]), (vec!["truncated"], 1));
    let reading = cut("UNZ+1+R1");
    assert_eq!(warnings(&reading), Vec::<&str>::new(), "only the last terminator is missing");
}

#[test]
fn a_message_that_never_ends_gives_way_to_the_next() {
    let headless = ONE.replace("UNT+10+A1'", "");
    let reading = read(&format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{headless}{ONE}UNZ+2+R1'"));
    assert_eq!((warnings(&reading), reading.counts["passengers"]), (vec!["truncated"], 2));
}

#[test]
fn no_interchange_is_no_silence() {
    for text in ["", "hello", "\u{feff}", "UN", "UNA"] {
        let reading = read(text);
        assert_eq!(reasons(&reading), ["no_interchange"], "{text:?}");
    }
}

#[test]
fn a_bare_message_is_read() {
    let reading = read(ONE);
    assert_eq!((warnings(&reading), reading.counts["passengers"]), (vec!["no_envelope", "truncated"], 1));
}

#[test]
fn a_test_interchange_is_marked() {
    let reading = read(&format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1++APIS++++1'{ONE}UNZ+1+R1'"));
    assert_eq!((warnings(&reading), reading.counts["test"]), (vec!["test_interchange"], 1));
}

#[test]
fn names_are_read_in_the_declared_character_set() {
    let text = format!("UNB+UNOC:3+ZZ+KR+270313:2200+R1'{ONE}UNZ+1+R1'").replace("KIM:ARA", "M#LLER:JOS@");
    let bytes: Vec<u8> = text
        .bytes()
        .map(|b| {
            if b == b'#' {
                0xDC
            } else if b == b'@' {
                0xC9
            } else {
                b
            }
        })
        .collect();
    let reading = read_bytes(&bytes);
    assert_eq!(column(&reading, "traveller", "surname"), ["M\u{dc}LLER"]);
    assert_eq!(column(&reading, "traveller", "given_names"), ["JOS\u{c9}"]);
    assert_eq!(warnings(&reading), Vec::<&str>::new());
}

#[test]
fn a_segment_without_end_is_set_aside_and_bounded() {
    let text =
        format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+A1+PAXLST:D:15B:UN'FTX+{}'UNT+3+A1'UNZ+1+R1'", "A".repeat(70_000));
    let reading = read(&text);
    assert!(reasons(&reading).contains(&"segment_too_long"));
    assert!(reading.set_aside.iter().all(|s| s.text.len() <= 4096));
}

#[test]
fn rows_leave_in_batches() {
    let people = "NAD+FL+++KIM:ARA'".repeat(10);
    let text = format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{}UNZ+1+R1'", ONE.replace("NAD+FL+++KIM:ARA'", &people));
    let options = ReadOptions { batch_rows: 4, ..ReadOptions::default() };
    let reading = super::read(MessageInput { source: "s", bytes: text.as_bytes(), options: &options });
    assert_eq!(reading.records.iter().map(|(_, b)| b.num_rows()).collect::<Vec<_>>(), [4, 4, 2]);
}

#[test]
fn what_came_as_mail_or_utf_16_is_read_behind_that() {
    use base64::Engine;
    let plain = format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{ONE}UNZ+1+R1'");
    let mail = |encoding: &str, body: &str| {
        format!("From: a@b.example\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n").into_bytes()
    };
    let soft: Vec<&str> = plain.as_bytes().chunks(70).map(|line| str::from_utf8(line).unwrap()).collect();
    let quoted = plain.split_inclusive('\'').map(|line| format!("> {line}\r\n")).collect::<Vec<_>>().concat();
    for (what, covered) in [
        ("UTF-16", plain.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("base64", mail("base64", &base64::prelude::BASE64_STANDARD.encode(&plain))),
        ("quoted-printable", mail("quoted-printable", &soft.join("=\r\n"))),
        ("quoted", format!("Somebody wrote:\r\n{quoted}").into_bytes()),
    ] {
        assert!(super::recognise(&covered), "{what}");
        let mut streamed = Vec::new();
        let options = ReadOptions { zone: chrono_tz::Asia::Seoul, ..ReadOptions::default() };
        super::stream("test.edi", &mut covered.as_slice(), &options, &mut |reading| streamed.push(reading)).unwrap();
        for reading in streamed.iter().chain([&read_bytes(&covered)]) {
            assert_eq!(column(reading, "traveller", "surname"), ["KIM"], "{what}");
            assert_eq!(column(reading, "traveller", "arrival_airport"), ["ICN"], "{what}");
            assert_eq!(warnings(reading)[0], "transport_encoding", "{what}");
            assert_eq!(reasons(reading), [""; 0], "{what}");
        }
        assert_eq!(super::references(&covered), ["R1"], "{what}");
    }
}

#[test]
fn the_time_of_an_interchange_may_have_seconds() {
    for (said, issued) in [
        ("270313:2200", "2027-03-13T13:00:00Z"),
        ("270313:220000", "2027-03-13T13:00:00Z"),
        ("201203:101010", "2020-12-03T01:10:10Z"),
        ("20270313:2200", "2027-03-13T13:00:00Z"),
        ("20270313:220059", "2027-03-13T13:00:59Z"),
        ("270313", "2027-03-12T15:00:00Z"),
    ] {
        let reading = read(&format!("UNB+UNOA:4+ZZ+KR+{said}+R1'{ONE}UNZ+1+R1'"));
        assert_eq!(column(&reading, "traveller", "message_issued_at"), [issued], "{said}");
        assert_eq!(warnings(&reading), Vec::<&str>::new(), "{said}");
    }
    for said in ["271313:2200", "270313:2560", "2703:2200"] {
        let reading = read(&format!("UNB+UNOA:4+ZZ+KR+{said}+R1'{ONE}UNZ+1+R1'"));
        assert_eq!(column(&reading, "traveller", "message_issued_at"), [""], "{said}");
        assert_eq!(warnings(&reading), ["bad_date"], "{said}");
    }
}

#[test]
fn a_group_without_its_end_and_letters_beside_ascii_are_said() {
    let group = "UNG+PAXLST+ZZ+KR+270313:2200+G1+UN+D:15B'";
    let reading = read(&format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{group}{ONE}UNZ+1+R1'"));
    assert_eq!((warnings(&reading), reading.counts["passengers"]), (vec!["unz_count"], 1));
    let reading = read(&format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{}UNZ+1+R1'", ONE.replace("KIM", "\u{ae40}")));
    assert_eq!(
        (warnings(&reading), column(&reading, "traveller", "surname")),
        (vec!["charset"], vec!["\u{ae40}".to_owned()])
    );
}
