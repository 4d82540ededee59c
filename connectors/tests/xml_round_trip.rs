//! Generated rows, written as messages and read again, are the rows they were, in every column that the format carries.
//! `HAECHI_ROUND_TRIP` says how many subjects a format; a release build does 100,000 of them in some minutes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod xml_support;

use haechi_connectors::MessageReading;
use haechi_datasets::{Spec, XmlFormat, xml_messages};
use serde_json::Value;
use xml_support::{read, rows};

fn spec() -> Spec {
    let n = std::env::var("HAECHI_ROUND_TRIP").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    Spec { declarations: n, house_bills: n, flights: n / 200 + 1, ..Spec::day(7) }
}

/// A time to the second, or to the day in Seoul where the format has no more.
fn coarse(format: XmlFormat, column: &str, value: &Value) -> Value {
    // Readers tell each code once.
    if let (Some(codes), "hs_codes") = (value.as_array(), column) {
        let first = |(at, code): &(usize, &Value)| !codes[..*at].contains(code);
        return codes.iter().enumerate().filter(first).map(|(_, code)| code.clone()).collect();
    }
    let Some(text) = value.as_str().filter(|_| column.ends_with("_at")) else { return value.clone() };
    let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) else { return value.clone() };
    let days = matches!(format, XmlFormat::Govcbr929 | XmlFormat::Govcbr830 | XmlFormat::Sad | XmlFormat::Ncts);
    let seoul = at.with_timezone(&chrono_tz::Asia::Seoul);
    if days {
        seoul.format("%Y-%m-%d").to_string().into()
    } else {
        seoul.format("%Y-%m-%dT%H:%M:%S").to_string().into()
    }
}

fn compare(format: XmlFormat) {
    let (mut n_messages, mut n_rows) = (0, 0);
    for message in xml_messages(format, &spec()) {
        let reading = read("generated", message.text.as_bytes());
        assert!(reading.set_aside.is_empty(), "{format:?}: {:?}\n{}", reading.set_aside, message.text);
        let found = rows(&reading, format.stream());
        let stream = haechi_model::Stream::find(format.stream()).unwrap();
        let written = MessageReading { records: vec![(stream, message.rows)], ..reading };
        let written = rows(&written, format.stream());
        assert_eq!(found.len(), written.len(), "{format:?}\n{}", message.text);
        for (found, written) in found.iter().zip(&written) {
            for column in format.columns() {
                let (read, sent) = (coarse(format, column, &found[*column]), coarse(format, column, &written[*column]));
                let same = match (read.as_f64(), sent.as_f64()) {
                    (Some(read), Some(sent)) => (read - sent).abs() <= 1e-9 * sent.abs(),
                    _ => read == sent,
                };
                assert!(same, "{format:?} {column}: wrote {sent}, read {read}\n{}", message.text);
            }
        }
        n_messages += 1;
        n_rows += found.len();
    }
    assert!(n_messages > 2 && n_rows > 20, "{format:?}: {n_messages} messages, {n_rows} rows");
}

#[test]
fn declarations_come_back() {
    for format in [XmlFormat::Govcbr929, XmlFormat::Govcbr830, XmlFormat::Wco, XmlFormat::Sad] {
        compare(format);
    }
}

#[test]
fn consignments_come_back() {
    for format in
        [XmlFormat::Tracking, XmlFormat::Ens, XmlFormat::Awmds, XmlFormat::Xfwb, XmlFormat::Xfzb, XmlFormat::Xffm]
    {
        compare(format);
    }
}

#[test]
fn travellers_come_back() {
    compare(XmlFormat::Pnrgov);
}

#[test]
fn outcomes_come_back() {
    compare(XmlFormat::Ncts);
}
