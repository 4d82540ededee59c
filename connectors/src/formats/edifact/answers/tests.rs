//! Answers: what is written is read as the same, and says to traders no more than they are to know.

use chrono::NaiveDateTime;

use super::super::write::{Envelope, Group};
use super::boarding::{self, Board, BoardingAnswer, Kind, Leg, PersonAnswer, RequestError};
use super::customs::{self, BillAnswer, CustomsAnswer, CustomsError, ItemAnswer, Profile};
use super::syntax::{self, Action, MessageAnswer, SegmentAnswer, SyntaxAnswer, Version};
use super::*;
use crate::options::ReadOptions;

fn envelope() -> Envelope {
    Envelope {
        sender: "KRAPIS".into(),
        recipient: "Z'Z".into(),
        at: at("2027-03-13T22:01:00"),
        application: "IAPI".into(),
        group: Some(Group { reference: "1".into(), version: "D:05B".into() }),
        ..Envelope::new("KRAPIS0001")
    }
}

fn at(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

/// The answers in a text, which has nothing to warn about.
fn read_back(text: &str) -> Vec<Answer> {
    let options = ReadOptions::default();
    let (answers, reading) = read(MessageInput { source: "s", bytes: text.as_bytes(), options: &options });
    assert!(reading.warnings.is_empty() && reading.set_aside.is_empty(), "{text}\n{:?}", reading.warnings);
    answers
}

#[test]
fn boarding_answers_come_back() {
    let answer = BoardingAnswer {
        kind: Kind::Answer,
        reference: "1".into(),
        common_reference: "SER1".into(),
        request_ref: "ZZ421A0001".into(),
        legs: vec![
            Leg {
                flight: "ZZ421".into(),
                departs: Some(at("2027-03-14T01:05:00")),
                from: "CAN".into(),
                to: "BKK".into(),
                ..Leg::default()
            },
            Leg {
                flight: "ZZ421".into(),
                arrives: Some(at("2027-03-14T08:30:00")),
                from: "BKK".into(),
                to: "ICN".into(),
                border: true,
                ..Leg::default()
            },
        ],
        people: Board::ALL
            .iter()
            .map(|board| PersonAnswer {
                locator: "HAECH1".into(),
                reference: format!("R{}", board.code()),
                code: board.code().into(),
                text: Some("IT'S A+B: WHY? ".repeat(9).trim().to_owned()),
            })
            .collect(),
        errors: Vec::new(),
    };
    let refused = BoardingAnswer {
        reference: "2".into(),
        common_reference: String::new(),
        people: Vec::new(),
        errors: vec![RequestError { code: "118".into(), text: Some("FLIGHT NOT KNOWN".into()) }],
        ..answer.clone()
    };
    let change = BoardingAnswer { kind: Kind::Change, reference: "3".into(), ..answer.clone() };
    let taken = BoardingAnswer { kind: Kind::Acknowledgement, reference: "4".into(), ..answer.clone() };
    let all = [answer, refused, change, taken];
    let back = read_back(&boarding::write(&envelope(), &all));
    assert_eq!(back, all.map(Answer::Boarding));
}

#[test]
fn customs_answers_come_back() {
    let mut document = CustomsAnswer::new(customs::Kind::Document, "RS1", "26KR1");
    document.decided_at = Some(at("2027-03-02T09:31:00"));
    document.released_at = Some(at("2027-03-02T16:05:00"));
    document.office = Some("030".into());
    document.status = Some("5".into());
    document.references = vec![("ABT".into(), "26KR1".into())];
    document.items =
        (1..4).map(|n| ItemAnswer { item_no: n, status: "4".into(), text: Some("RELEASE".into()) }).collect();
    let mut manifest = CustomsAnswer::new(customs::Kind::Manifest, "RS2", "M1");
    manifest.status = Some("1".into());
    manifest.bills = vec![BillAnswer {
        kind: "714".into(),
        number: "H1".into(),
        status: "5".into(),
        text: Some("SCAN BEFORE STORAGE".into()),
        containers: vec!["ZZZU0000010".into()],
    }];
    let mut errors = CustomsAnswer::new(customs::Kind::Errors, "RS3", "26KR2");
    errors.errors = vec![
        CustomsError { section: "1".into(), item: None, code: "021".into(), text: Some("OFFICE".into()) },
        CustomsError { section: "2".into(), item: Some((2, Some(1))), code: "214".into(), text: None },
    ];
    let all = [document, manifest, errors];
    for profile in [
        Profile::default(),
        Profile {
            version: "CUSRES:D:02B:UN".into(),
            indicator: "GEI".into(),
            item_carrier: String::new(),
            ..Profile::default()
        },
    ] {
        let back = read_back(&customs::write(&envelope(), &profile, &all));
        assert_eq!(back, all.clone().map(Answer::Customs), "{}", profile.indicator);
    }
}

/// What administrations of other countries answer, in their own codes.
#[test]
fn answers_of_other_countries_are_told_from_those_to_passenger_requests() {
    let text = "UNB+UNOA:2+AU+ZZ+270313:2200+R1'UNH+1+CUSRES:D:99B:UN'BGM+961:::EXDR+2601:001+11'DTM+9:20270313150826120936:ZZZ'\
                FTX+AHN+++CLEAR'NAD+MR+331::95'RFF+ABO:S1/ME21::001'RFF+ED:AC7'CNT+5:0001'UNT+9+1'UNZ+1+R1'";
    let [Answer::Customs(answer)] = &read_back(text)[..] else { panic!("one answer of customs") };
    assert_eq!((answer.kind, answer.number.as_str()), (customs::Kind::Manifest, "2601"));
    assert_eq!(answer.decided_at, Some(at("2027-03-13T15:08:26")));
    assert_eq!(answer.references[0], ("ABO".to_owned(), "S1/ME21".to_owned()));
    assert_eq!(answer.status.as_deref(), Some("4"), "clear");
    // A passenger known by nothing but his number at the carrier.
    let boarding = "UNB+UNOA:4+KR+ZZ+270313:2200+R1'UNH+1+CUSRES:D:05B:UN'BGM+962'RFF+AF:ZZ421'ERP+2'RFF+ABO:1'ERC+0Z'UNT+7+1'UNZ+1+R1'";
    let [Answer::Boarding(answer)] = &read_back(boarding)[..] else { panic!("one answer to a request") };
    assert_eq!((answer.people.len(), answer.people[0].reference.as_str()), (1, "1"));
}

/// In the dialects that have a code, a kind of document or a text for what an indicator says elsewhere.
#[test]
fn dialects_say_what_happens_in_their_own_way() {
    let read = |body: &str| {
        let text = format!("UNB+UNOA:3+NZ+ZZ+270313:2200+R1'UNH+1+CUSRES:D:96B:UN'{body}UNT+0+1'UNZ+1+R1'");
        let options = ReadOptions::default();
        let (answers, reading) = read(MessageInput { source: "s", bytes: text.as_bytes(), options: &options });
        let codes: Vec<_> = reading.warnings.iter().map(|w| w.code).filter(|code| *code != "unt_count").collect();
        assert_eq!(codes, Vec::<&str>::new(), "{body}");
        let [Answer::Customs(answer)] = &answers[..] else { panic!("one answer of customs") };
        (answer.clone(), reading.counts)
    };
    let (bills, counts) = read(
        "BGM+932+19369111:01'DTM+9:20270313:102'GIS+819:120:143'DOC+WOF+H1'DOC+HLD+H2'FTX+DIN+++MAF HOLD'DOC+HLD+H3'GIS+5'",
    );
    let said: Vec<_> = bills.bills.iter().map(|bill| (bill.number.as_str(), bill.status.as_str())).collect();
    assert_eq!(said, [("H1", "4"), ("H2", "7"), ("H3", "5")]);
    assert_eq!((counts["release"], counts["scan"], bills.status.as_deref()), (1, 2, Some("819")));
    for (text, status) in
        [("CLEAR", Some("4")), ("CONSOLIDATED STATUS:HELD", Some("7")), ("DEPARTURE FROM LAST OVERSEAS PORT:YES", None)]
    {
        let (answer, _) = read(&format!("BGM+961+REF1+11'FTX+AHN+++{text}'RFF+BM:OBL1'"));
        assert_eq!(answer.status.as_deref(), status, "{text}");
    }
    assert_eq!(read("BGM+961+REF1+11'FTX+AHN+++CLEAR'").1["release"], 1);
    assert_eq!(read("BGM+961+REF1+11'FTX+AHN+++CLEAR'GIS+5'").0.status.as_deref(), Some("5"), "it has an indicator");
    let (road, _) = read("BGM+132:::STANDARD+TRIP1+22'ERP+1'ERC+509'FTX+AAO+++REJECTED'");
    assert_eq!((road.kind, road.errors[0].code.as_str()), (customs::Kind::Manifest, "509"));
}

#[test]
fn traders_are_not_told_of_audits_and_watches() {
    let profile = Profile::default();
    assert_eq!(profile.status("post_audit"), profile.status("release"));
    assert_eq!(profile.status("surveillance"), profile.status("none"));
    assert_eq!(profile.status("scan"), profile.status("examine"));
    assert_eq!(profile.status("do_not_board"), None);
    for lane in ["clear", "refer", "intercept"] {
        assert_eq!(Board::of_lane(lane), Board::Yes);
    }
    assert_eq!(Board::of_lane("do_not_board"), Board::No);
}

#[test]
fn syntax_answers_come_back() {
    for version in [Version::Two, Version::Three, Version::Four] {
        let answer = SyntaxAnswer {
            version,
            reference: "CT1".into(),
            interchange: "DEC1".into(),
            sender: "99901".into(),
            recipient: "KR".into(),
            action: Action::Rejected,
            fault: Some(18),
            messages: vec![MessageAnswer {
                reference: "CD1".into(),
                kind: "CUSDEC:D:96B:UN".into(),
                action: Action::Rejected,
                fault: None,
                segments: vec![SegmentAnswer {
                    position: 12,
                    fault: Some(15),
                    elements: vec![(13, 3, Some(1)), (12, 4, None)],
                }],
            }],
        };
        let back = read_back(&syntax::write(&envelope(), std::slice::from_ref(&answer)));
        assert_eq!(back, [Answer::Syntax(answer)]);
    }
}

/// What is answered to an input.
fn answered(text: &str) -> Vec<SyntaxAnswer> {
    let options = ReadOptions::default();
    let input = MessageInput { source: "s", bytes: text.as_bytes(), options: &options };
    syntax::of_reading(input, &super::super::read(input))
}

#[test]
fn every_interchange_is_answered_by_what_was_set_aside() {
    let person = "NAD+FL+++KIM:ARA'";
    let list = |reference: &str, people: &str| {
        format!(
            "UNH+{reference}+PAXLST:D:15B:UN:IATA'BGM+745'TDT+20+ZZ1+++ZZ'LOC+125+BKK'LOC+87+ICN'{people}UNT+0+{reference}'"
        )
    };
    let interchange = |reference: &str, messages: &str| {
        format!("UNB+UNOA:4+ZZ+KR+270313:2200+{reference}'{messages}UNZ+1+{reference}'")
    };
    let good = interchange("I1", &list("A1", person));
    let half = interchange("I2", &[list("A1", person), list("A2", "NAD+FL+++:'")].concat());
    let bad = interchange("I3", "UNH+B1+ORDERS:D:01B:UN'BGM+220'UNT+3+B1'");
    let answers = answered(&format!("{good}{half}{bad}"));
    let said: Vec<_> = answers.iter().map(|a| (a.interchange.as_str(), a.action, a.messages.len())).collect();
    assert_eq!(said, [("I1", Action::Acknowledged, 0), ("I2", Action::Acknowledged, 1), ("I3", Action::Rejected, 1)]);
    assert_eq!(
        (answers[0].sender.as_str(), answers[0].recipient.as_str(), answers[0].version),
        ("ZZ", "KR", Version::Four)
    );
    let half = &answers[1].messages[0];
    assert_eq!(
        (half.reference.as_str(), half.kind.as_str(), half.action),
        ("A2", "PAXLST:D:15B:UN:IATA", Action::Acknowledged)
    );
    assert_eq!(half.segments, [SegmentAnswer { position: 6, fault: Some(13), elements: Vec::new() }]);
    let bad = &answers[2].messages[0];
    assert_eq!((bad.kind.as_str(), bad.action, bad.fault), ("ORDERS:D:01B:UN", Action::Rejected, Some(17)));
    let cut = &good[..good.find("ARA'").unwrap()];
    let cut = &answered(cut)[0].messages[0];
    assert_eq!((cut.reference.as_str(), cut.segments[0].position, cut.segments[0].fault), ("A1", 6, Some(13)));
    assert!(answered("hello").is_empty());
}

/// What an input says, and what is counted of it.
fn counted(text: &str) -> MessageReading {
    let options = ReadOptions::default();
    super::super::read(MessageInput { source: "s", bytes: text.as_bytes(), options: &options })
}

#[test]
fn a_syntax_answer_without_its_interchange_accepts_nothing() {
    let of = |segments: &str| {
        counted(&format!(
            "UNB+UNOA:2+KR+ZZ+270313:2200+R1'UNH+1+CONTRL:D:3:UN'{segments}UNT+{}+1'UNZ+1+R1'",
            segments.matches('\'').count() + 2
        ))
    };
    let reading = of("UCM+CD1+CUSDEC:D:96B:UN+4'");
    assert_eq!((reading.set_aside[0].code, reading.counts.get("accepted")), ("no_answer", None));
    let reading = of("UCI+DEC5+99901+KR+7'UCM+CD1+CUSDEC:D:96B:UN+7'UCM+CD2+CUSDEC:D:96B:UN+4+13'UCS+5+13'");
    assert!(reading.warnings.is_empty() && reading.set_aside.is_empty());
    let counts = ["accepted", "rejected", "rejected_messages"].map(|name| reading.counts[name]);
    assert_eq!(counts, [1, 0, 1], "one message is rejected under an interchange that is accepted");
}

#[test]
fn an_answer_to_nothing_is_said() {
    let of = |segments: &str| {
        let reading = counted(&format!(
            "UNB+UNOA:2+KR+ZZ+270313:2200+R1'UNH+1+CUSRES:D:96B:UN'{segments}UNT+{}+1'UNZ+1+R1'",
            segments.matches('\'').count() + 2
        ));
        reading.warnings.iter().map(|w| format!("{} {}", w.code, w.text)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(of("DTM+9:202703021605:203'GIS+4'"), "no_subject no BGM says what kind of answer it is");
    assert_eq!(of("BGM+962'GIS+4'"), "no_subject no reference says what is answered");
    assert_eq!(of("BGM+962'RFF+ABT:26KR1'GIS+4'"), "");
}

#[test]
fn the_section_of_an_error_may_have_zeros_before_it() {
    let text = "UNB+UNOA:2+KR+ZZ+270313:2200+R1'UNH+1+CUSRES:D:96B:UN'BGM+963+E1+11'RFF+ABT:26KR1'\
                ERP+001'ERC+12'ERP+2:3'ERC+13'UNT+8+1'UNZ+1+R1'";
    let [Answer::Customs(answer)] = &read_back(text)[..] else { panic!("one answer of customs") };
    assert_eq!(answer.errors.iter().map(|error| error.section.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(counted(text).counts["header_errors"], 1);
}
