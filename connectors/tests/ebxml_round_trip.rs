//! Generated messages in envelopes give the rows that they give by themselves, whoever wraps them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod ebxml_support;

use ebxml_support::{count, read_as_found, recognised, rows};
use haechi_connectors::formats::ebxml::Opened;
use haechi_datasets::{EbxmlEnvelope, EbxmlKind, MessageKind, Spec, XmlFormat, samples, xml_messages};
use serde_json::Value;

/// Messages of each format that go into envelopes: `HAECHI_ROUND_TRIP` says how many envelopes there are of all of them.
fn wanted() -> usize {
    let envelopes: usize = std::env::var("HAECHI_ROUND_TRIP").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let each = envelopes.div_ceil(EbxmlKind::ALL.len() * (XmlFormat::ALL.len() + MessageKind::ALL.len()));
    each.max(8)
}

fn spec() -> Spec {
    let n = wanted() as u64;
    Spec { declarations: n.max(40), house_bills: n.max(10) * 40, flights: n.max(2), ..Spec::day(7) }
}

/// What an envelope says where the message is silent.
const FROM_ENVELOPE: [(&str, &str); 3] =
    [("message_id", "m-1@example.com"), ("sender_id", "99901"), ("message_issued_at", "2027-03-01T00:05:00")];

fn compare(name: &str, action: &str, media_type: &str, text: &str) -> usize {
    let alone = read_as_found(name, text.as_bytes());
    let mut n = 0;
    for kind in EbxmlKind::ALL {
        let [(_, message_id), (_, sender), _] = FROM_ENVELOPE;
        let sent_at = "2027-03-01T00:05:00Z";
        let envelope = EbxmlEnvelope { message_id, sender, recipient: "KCS", action, sent_at, media_type };
        let message = envelope.around(kind, text.as_bytes());
        assert_eq!(recognised(&message), Some("ebxml"), "{name}");
        let opened = Opened::new(&message);
        assert_eq!((opened.envelopes().len(), opened.envelopes()[0].sender()), (1, sender));
        let reading = read_as_found(name, &message);
        assert_eq!(count(&reading, "payloads"), 1, "{name}");
        assert_eq!(reading.set_aside.len(), alone.set_aside.len(), "{name}: {:?}", reading.set_aside);
        for stream in ["declaration", "consignment", "traveller", "cargo_event", "outcome"] {
            let (found, expected) = (rows(&reading, stream), rows(&alone, stream));
            assert_eq!(found.len(), expected.len(), "{name}");
            n += found.len();
            for (found, expected) in found.iter().zip(&expected) {
                same(name, found, expected);
            }
        }
    }
    n
}

fn same(name: &str, found: &Value, expected: &Value) {
    let (found, expected) = (found.as_object().unwrap(), expected.as_object().unwrap());
    let silent = FROM_ENVELOPE.iter().any(|(column, _)| !expected.contains_key(*column));
    for (column, value) in expected {
        let own = match column.as_str() {
            "source_position" | "message_path" => {
                let (place, own) = found[column].as_str().unwrap().split_once(", ").unwrap();
                assert_eq!(place, "part 2 `payload-1@example.com`");
                own.into()
            }
            // It is told no more that the sender is missing.
            "warnings" if silent => continue,
            _ => found[column].clone(),
        };
        assert_eq!(&own, value, "{name}: {column}");
    }
    for (column, said) in FROM_ENVELOPE.into_iter().filter(|(column, _)| !expected.contains_key(*column)) {
        let value = found[column].as_str().unwrap_or_default();
        assert!(value.starts_with(said), "{name}: {column} is {value}");
    }
}

#[test]
fn xml_messages_come_out_of_envelopes_as_they_went_in() {
    for format in XmlFormat::ALL {
        let messages = xml_messages(format, &spec());
        let n: usize = messages
            .take(wanted())
            .map(|message| compare(&format!("{format:?}"), "submit", "application/xml", &message.text))
            .sum();
        assert!(n > 0, "{format:?}");
    }
}

#[test]
fn interchanges_come_out_of_envelopes_as_they_went_in() {
    for kind in MessageKind::ALL {
        let messages = samples(&spec(), kind, 12).take(wanted());
        let n: usize = messages
            .map(|sample| compare(kind.name(), &kind.name().to_uppercase(), "application/edifact", &sample.text))
            .sum();
        assert!(n > 0, "{}", kind.name());
    }
}
