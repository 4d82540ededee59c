//! Generated messages are answered by what was decided on each subject, and the answers, read again, say it of each: nobody
//! is forgotten, and nobody gets another's. `HAECHI_ROUND_TRIP` says how many messages a format.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod answers_support;
mod edifact_support;

use answers_support::{AT_MS, answer_decided, edifact};
use edifact_support::objects;
use haechi_connectors::answers::{Decided, Document};
use haechi_connectors::formats::edifact::answers::Answer;
use haechi_connectors::formats::xml::answers::{ResponseFunction, WcoResponse};
use haechi_connectors::formats::xml::notice::Notice;
use haechi_datasets::{MessageKind, Sample, Spec, XmlFormat, samples, xml_messages};
use serde_json::Value;

const GOODS: [&str; 5] = ["release", "post_audit", "documents", "scan", "examine"];

fn wanted() -> usize {
    std::env::var("HAECHI_ROUND_TRIP").ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}

fn spec() -> Spec {
    let n = wanted() as u64;
    Spec { declarations: n, house_bills: n * 40, flights: n, ..Spec::day(31) }
}

/// What is decided on whoever has this id: any of the lanes, always the same.
fn lane_of(id: &str, lanes: &[&'static str]) -> &'static str {
    lanes[id.bytes().map(usize::from).sum::<usize>() % lanes.len()]
}

fn text<'v>(row: &'v Value, column: &str) -> &'v str {
    row[column].as_str().unwrap_or_default()
}

/// Answers a message by the lane of what stands in `column`.
fn answer(message: &str, column: &str, lanes: &[&'static str]) -> Vec<Document> {
    answer_decided(message.as_bytes(), |row, kind| {
        let lane = kind.lane(lane_of(text(row, column), lanes)).unwrap();
        Some(Decided { lane, version: 1, superseded: false, at_ms: AT_MS })
    })
}

/// Answers to messages of a kind, with the rows of each.
fn answered(
    kind: MessageKind,
    column: &'static str,
    lanes: &'static [&'static str],
) -> impl Iterator<Item = (Vec<Answer>, Vec<Value>)> {
    samples(&spec(), kind, 12).take(wanted()).map(move |Sample { text, rows }| {
        let answers = answer(&text, column, lanes).iter().flat_map(|document| edifact(&document.text)).collect();
        (answers, objects(&rows))
    })
}

fn sorted<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values
}

#[test]
fn everybody_on_a_list_may_board_or_not() {
    const LANES: [&str; 4] = ["clear", "refer", "intercept", "do_not_board"];
    let mut n = 0;
    for (answers, rows) in answered(MessageKind::Paxlst, "carrier_pax_ref", &LANES) {
        let people =
            answers.iter().filter_map(|a| if let Answer::Boarding(answer) = a { Some(&answer.people) } else { None });
        let told = sorted(people.flatten().map(|person| (person.reference.clone(), person.code.clone())));
        let expected = rows.iter().map(|row| text(row, "carrier_pax_ref")).map(|reference| {
            let code = if lane_of(reference, &LANES) == "do_not_board" { "1Z" } else { "0Z" };
            (reference.to_owned(), code.to_owned())
        });
        assert_eq!(told, sorted(expected));
        n += told.len();
    }
    assert!(n >= wanted(), "{n} people");
}

#[test]
fn every_bill_of_a_manifest_moves_or_not() {
    const LANES: [&str; 5] = ["none", "surveillance", "after_storage", "scan", "immediate"];
    let mut n = 0;
    for (answers, rows) in answered(MessageKind::Cuscar, "house_bill_id", &LANES) {
        let bills =
            answers.iter().filter_map(|a| if let Answer::Customs(answer) = a { Some(&answer.bills) } else { None });
        let told = sorted(bills.flatten().map(|bill| (bill.number.clone(), bill.status.clone())));
        // A manifest's empty boxes stand under a name of their own.
        let with_goods = rows.iter().filter(|row| row["nature"] != "empty").map(|row| text(row, "house_bill_id"));
        let expected = sorted(with_goods.map(|number| {
            let moves = matches!(lane_of(number, &LANES), "none" | "surveillance");
            (number.to_owned(), if moves { "8" } else { "5" }.to_owned())
        }));
        let of_goods = told.iter().filter(|bill| expected.iter().any(|expected| expected.0 == bill.0));
        assert_eq!(of_goods.cloned().collect::<Vec<_>>(), expected);
        n += expected.len();
    }
    assert!(n >= wanted(), "{n} bills");
}

#[test]
fn every_declaration_gets_its_lane() {
    let mut n = 0;
    for (answers, rows) in answered(MessageKind::Cusdec, "declaration_id", &GOODS) {
        let id = text(&rows[0], "declaration_id");
        let status = match lane_of(id, &GOODS) {
            "release" | "post_audit" => "4",
            "documents" => "6",
            _ => "5",
        };
        let [Answer::Syntax(_), Answer::Customs(answer)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(answer.status.as_deref(), Some(status), "{id}");
        assert!(answer.references.iter().any(|(_, number)| number == id), "{id}: {:?}", answer.references);
        assert_eq!(answer.released_at.is_some(), status == "4", "{id}");
        n += 1;
    }
    assert!(n >= wanted(), "{n} declarations");
}

#[test]
fn every_ship_is_answered_and_no_status() {
    for (answers, rows) in answered(MessageKind::Cusrep, "consignment_id", &["release"]) {
        let [Answer::Syntax(_), Answer::Customs(answer)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(answer.references, [("CN".to_owned(), text(&rows[0], "consignment_id").to_owned())]);
    }
    for (answers, _) in answered(MessageKind::Iftsta, "consignment_id", &["release"]) {
        assert!(matches!(&answers[..], [Answer::Syntax(_)]), "{answers:?}");
    }
}

#[test]
fn every_declaration_in_xml_gets_its_lane() {
    for format in [XmlFormat::Wco, XmlFormat::Govcbr929] {
        let (mut n, mut n_containers) = (0, 0);
        for message in xml_messages(format, &spec()).take(wanted()) {
            let rows = objects(&message.rows);
            let id = text(&rows[0], "declaration_id");
            let lane = lane_of(id, &GOODS);
            let documents = answer(&message.text, "declaration_id", &GOODS);
            let texts = documents.iter().map(|document| document.text.as_bytes());
            if format == XmlFormat::Wco {
                let responses: Vec<WcoResponse> = texts.flat_map(WcoResponse::read_all).collect();
                let [response] = &responses[..] else { panic!("{responses:?}") };
                let function = match lane {
                    "release" | "post_audit" => ResponseFunction::Cleared,
                    "documents" => ResponseFunction::Documents,
                    _ => ResponseFunction::Control,
                };
                let named = response.declaration_id.as_deref().or(response.declaration_reference.as_deref());
                assert_eq!((named, response.function), (Some(id), Some(function)), "{lane}");
            } else {
                let notices: Vec<Notice> = texts.flat_map(Notice::read_all).collect();
                let Some(Notice::Review(review)) = notices.first() else { panic!("{notices:?}") };
                let result = match lane {
                    "release" | "post_audit" => 13,
                    "documents" => 12,
                    _ => 19,
                };
                assert_eq!((review.declaration_id.as_str(), review.review_result), (id, result), "{lane}");
                // How containers are looked at is a notice of its own.
                let containers: usize = notices[1..]
                    .iter()
                    .map(|notice| if let Notice::Inspection(own) = notice { own.containers.len() } else { 0 })
                    .sum();
                let sent = rows[0]["container_ids"].as_array().filter(|_| result == 19).map_or(0, Vec::len);
                assert_eq!(containers, sent, "{notices:?}");
                n_containers += containers;
            }
            n += 1;
        }
        assert!(n >= wanted() && (n_containers > 0 || format == XmlFormat::Wco), "{n} of {format:?}");
    }
}
