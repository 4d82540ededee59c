//! Answers of others and our own: read as they say, and written again letter by letter as they were sent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod edifact_support;

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDateTime;
use edifact_support::{messages, table};
use haechi_connectors::format::{MessageInput, MessageReading};
use haechi_connectors::formats::edifact::answers::{Answer, answers_to, boarding, customs, read, syntax};
use haechi_connectors::formats::edifact::write::{Envelope, Group};
use haechi_connectors::options::ReadOptions;

fn answers(path: &Path) -> (Vec<Answer>, MessageReading) {
    let bytes = std::fs::read(path).unwrap();
    let options = ReadOptions::default();
    read(MessageInput { source: "s", bytes: &bytes, options: &options })
}

#[test]
fn answers_of_others_read_as_expected() {
    let travel = messages().join("travel");
    let mut files: BTreeMap<String, (Vec<Answer>, MessageReading)> = BTreeMap::new();
    for row in table(&travel.join("MANIFEST.tsv")) {
        if row[3].starts_with("CUSRES") {
            files.insert(row[0].clone(), answers(&travel.join(&row[0])));
        }
    }
    assert!(files.len() >= 20, "{} files", files.len());
    let mut compared = 0;
    for row in table(&travel.join("expected.tsv")) {
        let Some((answers, reading)) = files.get(&row[0]) else { continue };
        let [Answer::Boarding(answer)] = answers.as_slice() else { panic!("{}: {answers:?}", row[0]) };
        let expected = row[3].as_str();
        let found = match row[2].as_str() {
            "BGM" => match answer.kind {
                boarding::Kind::Answer => "962".to_owned(),
                boarding::Kind::Change => "132".to_owned(),
                boarding::Kind::Acknowledgement => "312".to_owned(),
            },
            "header_refs" => {
                let flights: Vec<_> = answer.legs.iter().map(|leg| format!("AF:{}", leg.flight)).collect();
                format!("TN:{} {}", answer.request_ref, flights.join(" "))
            }
            "status_by_ABO" => {
                let glue = " ";
                let people: Vec<_> = answer.people.iter().map(|p| format!("{}={}", p.reference, p.code)).collect();
                people.join(glue)
            }
            "n_UNH" => reading.counts["messages"].to_string(),
            _ => continue,
        };
        assert_eq!(found, expected, "{} {}", row[0], row[2]);
        compared += 1;
    }
    assert!(compared > 60, "{compared} compared");
    for (path, (_, reading)) in &files {
        assert!(reading.set_aside.is_empty(), "{path}");
    }
}

/// The envelope of a text that our samples use.
fn envelope(text: &str) -> Envelope {
    let segment = |tag: &str| text.lines().find(|line| line.starts_with(tag)).map(|l| l.trim_end_matches('\''));
    let unb: Vec<&str> = segment("UNB").unwrap().split('+').collect();
    let group = segment("UNG").map(|ung| {
        let parts: Vec<&str> = ung.split('+').collect();
        Group { reference: parts[5].to_owned(), version: parts[7].to_owned() }
    });
    Envelope {
        syntax: unb[1].to_owned(),
        sender: unb[2].to_owned(),
        recipient: unb[3].to_owned(),
        at: NaiveDateTime::parse_from_str(&format!("20{}", unb[4]), "%Y%m%d:%H%M").unwrap(),
        reference: unb[5].to_owned(),
        application: unb.get(7).copied().unwrap_or_default().to_owned(),
        group,
    }
}

/// From the request of one flight to the answer that we sent to it, letter by letter.
#[test]
fn requests_are_answered_person_by_person() {
    let folder = messages().join("synthetic/zz421");
    for (request, answer, denied) in [
        ("00_paxlst_15b_745_one_person.edi", "00a_cusres_05b_962.edi", None),
        ("01_paxlst_15b_745.edi", "01a_cusres_05b_962.edi", Some(("ZZ421004", boarding::Board::SendAgain))),
        ("03_paxlst_15b_745_cp.edi", "03a_cusres_05b_962.edi", Some(("ZZ421004", boarding::Board::No))),
    ] {
        let reading = edifact_support::read_file(&folder.join(request));
        let people = edifact_support::rows(&reading, "traveller");
        let (_, batch) = &reading.records[0];
        let answers = answers_to(batch, |row| match denied {
            Some((reference, board)) if people[row]["carrier_pax_ref"] == reference => board,
            _ => boarding::Board::Yes,
        });
        let text = std::fs::read_to_string(folder.join(answer)).unwrap().replace("\r\n", "\n");
        assert_eq!(boarding::write(&envelope(&text), &answers).trim_end(), text.trim_end(), "{request}");
    }
}

#[test]
fn our_own_answers_are_written_again_as_they_were_sent() {
    let synthetic = messages().join("synthetic");
    let mut written = 0;
    for row in table(&synthetic.join("MANIFEST.tsv")) {
        if !row[1].starts_with("CUSRES") && !row[1].starts_with("CONTRL") {
            continue;
        }
        let path = synthetic.join(&row[0]);
        let text = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        let (answers, reading) = answers(&path);
        assert!(reading.warnings.is_empty() && reading.set_aside.is_empty(), "{}: {:?}", row[0], reading.warnings);
        let envelope = envelope(&text);
        let again = match &answers[..] {
            [Answer::Boarding(answer)] => boarding::write(&envelope, std::slice::from_ref(answer)),
            [Answer::Customs(answer)] => {
                customs::write(&envelope, &customs::Profile::default(), std::slice::from_ref(answer))
            }
            [Answer::Syntax(answer)] => syntax::write(&envelope, std::slice::from_ref(answer)),
            other => panic!("{}: {other:?}", row[0]),
        };
        assert_eq!(again.trim_end(), text.trim_end(), "{}", row[0]);
        written += 1;
    }
    assert_eq!(written, 12, "answers in the samples");
}
