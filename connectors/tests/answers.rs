//! From a message and what was decided on it to the documents that go back, read again by our own readers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod answers_support;
mod edifact_support;

use answers_support::{AT_MS, answer_decided, edifact, options};
use edifact_support::messages;
use haechi_connectors::answers::{Decided, Document, EDIFACT, XML};
use haechi_connectors::format::MessageInput;
use haechi_connectors::formats::ebxml::{Opened, Purpose};
use haechi_connectors::formats::edifact::answers::customs::Kind;
use haechi_connectors::formats::edifact::answers::syntax::Action;
use haechi_connectors::formats::edifact::answers::{Answer, read};
use haechi_connectors::formats::xml::answers::{EntryAnswer, ResponseFunction, WcoResponse};
use haechi_connectors::formats::xml::notice::Notice;
use serde_json::Value;

fn sample(path: &str) -> Vec<u8> {
    std::fs::read(messages().join(path)).unwrap()
}

/// Answers a message; `lane` names that of each row.
fn answer(bytes: &[u8], lane: impl Fn(&Value) -> &'static str) -> Vec<Document> {
    answer_decided(bytes, |row, kind| {
        Some(Decided { lane: kind.lane(lane(row)).unwrap(), version: 1, superseded: false, at_ms: AT_MS })
    })
}

fn only(documents: &[Document], content_type: &str) -> String {
    let [document] = documents else { panic!("{documents:?}") };
    assert_eq!(document.content_type, content_type);
    document.text.clone()
}

/// The same, of answers that repeat odd things.
fn edifact_loose(text: &str) -> Vec<Answer> {
    let options = options();
    read(MessageInput { source: "s", bytes: text.as_bytes(), options: &options }).0
}

#[test]
fn a_passenger_request_is_answered_letter_by_letter_as_in_the_sample() {
    let request = sample("synthetic/zz421/01_paxlst_15b_745.edi");
    let lane = |row: &Value| if row["carrier_pax_ref"] == "ZZ421004" { "do_not_board" } else { "clear" };
    let written = only(&answer(&request, lane), EDIFACT);
    let expected = String::from_utf8(sample("synthetic/zz421/01a_cusres_05b_962.edi")).unwrap().replace("\r\n", "\n");
    // The sample asks for better data of that person; ours says that he must not board, so that is put in its place.
    let expected = expected.replace("KRAPIS0001", "KRAPIS0002").replace("4Z", "1Z");
    let expected: Vec<&str> = expected.lines().filter(|line| !line.contains("INSUFFICIENT")).collect();
    let written: Vec<&str> = written.lines().filter(|line| !line.contains("DO NOT BOARD")).collect();
    assert_eq!(written, expected);
}

#[test]
fn nobody_is_cleared_by_an_answer_that_does_not_hold() {
    let request = sample("synthetic/zz421/01_paxlst_15b_745.edi");
    let superseded = answer_decided(&request, |_, kind| {
        Some(Decided { lane: kind.lane("clear").unwrap(), version: 1, superseded: true, at_ms: AT_MS })
    });
    let undecided = answer_decided(&request, |_, _| None);
    for documents in [superseded, undecided] {
        let answers = edifact(&only(&documents, EDIFACT));
        let [Answer::Boarding(answer)] = &answers[..] else { panic!("{answers:?}") };
        assert!(answer.people.len() > 1 && answer.people.iter().all(|person| person.code == "4Z"));
    }
}

#[test]
fn people_who_could_not_be_read_are_answered_too() {
    let request = String::from_utf8(sample("synthetic/zz421/01_paxlst_15b_745.edi")).unwrap();
    let whole = edifact(&only(&answer(request.as_bytes(), |_| "clear"), EDIFACT));
    let [Answer::Boarding(whole)] = &whole[..] else { panic!("{whole:?}") };
    // The first person loses the name, and every document is taken from it, so that nothing says who it is.
    let from = request.find("NAD+FL").unwrap();
    let to = from + 6 + request[from + 6..].find("NAD+FL").unwrap();
    let person: String = request[from..to]
        .lines()
        .filter(|line| !line.starts_with("DOC") && !line.starts_with("DTM+36") && !line.starts_with("LOC+91"))
        .map(|line| if line.starts_with("NAD") { "NAD+FL'\n".to_owned() } else { format!("{line}\n") })
        .collect();
    let damaged = format!("{}{person}{}", &request[..from], &request[to..]);
    let answers = edifact(&only(&answer(damaged.as_bytes(), |_| "clear"), EDIFACT));
    let boarding = answers.iter().find_map(|a| if let Answer::Boarding(b) = a { Some(b) } else { None }).unwrap();
    assert_eq!(boarding.people.len(), whole.people.len(), "everybody gets an answer");
    let lost = boarding.people.iter().find(|person| person.reference == whole.people[0].reference).unwrap();
    assert_eq!(lost.code, "4Z");
    assert_eq!(boarding.people.iter().filter(|person| person.code == "0Z").count(), whole.people.len() - 1);
}

#[test]
fn who_is_cut_off_is_not_cleared() {
    let request = String::from_utf8(sample("synthetic/zz421/01_paxlst_15b_745.edi")).unwrap();
    let last = request.rfind("NAD+FL").unwrap();
    let cut = &request[..last + request[last..].find("DOC+").unwrap() + 6];
    let answers = edifact(&only(&answer(cut.as_bytes(), |_| "clear"), EDIFACT));
    let boarding = answers.iter().find_map(|a| if let Answer::Boarding(b) = a { Some(b) } else { None }).unwrap();
    let codes: Vec<&str> = boarding.people.iter().map(|person| person.code.as_str()).collect();
    assert_eq!(codes.iter().filter(|code| **code == "4Z").count(), 1, "{codes:?}");
    assert_eq!(codes.last(), Some(&"4Z"));
}

#[test]
fn a_request_without_a_flight_is_refused_whole() {
    let request = String::from_utf8(sample("synthetic/zz421/01_paxlst_15b_745.edi")).unwrap();
    let without: Vec<&str> = request.lines().filter(|l| !l.starts_with("TDT")).collect();
    let answers = edifact(&only(&answer(without.join("\n").as_bytes(), |_| "clear"), EDIFACT));
    let boarding = answers.iter().find_map(|a| if let Answer::Boarding(b) = a { Some(b) } else { None }).unwrap();
    assert_eq!(boarding.request_ref, "ZZ421A0001");
    assert_eq!((boarding.people.len(), boarding.errors[0].code.as_str()), (0, "118"));
}

#[test]
fn who_asks_for_no_answer_gets_contrl() {
    let list = sample("synthetic/pnrgov_21_1_push.edi");
    let answers = edifact(&only(&answer(&list, |_| "intercept"), EDIFACT));
    let [Answer::Syntax(answer)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(answer.action, Action::Acknowledged);
    assert!(answer.messages.is_empty());
}

#[test]
fn a_manifest_is_answered_bill_by_bill_and_nobody_learns_who_is_watched() {
    let manifest = sample("synthetic/cuscar_95b_sea_manifest.edi");
    let lanes = |row: &Value| match row["line_no"].as_i64().unwrap_or(0) % 3 {
        0 => "scan",
        1 => "surveillance",
        _ => "none",
    };
    let answers = edifact(&only(&answer(&manifest, lanes), EDIFACT));
    let [Answer::Syntax(_), Answer::Customs(customs)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(customs.kind, Kind::Manifest);
    assert!(customs.bills.len() > 2);
    let stopped: Vec<&str> = customs.bills.iter().map(|bill| bill.status.as_str()).collect();
    assert!(stopped.contains(&"5") && stopped.contains(&"8"), "{stopped:?}");
    for bill in &customs.bills {
        assert_eq!(bill.status == "5", bill.text.is_some(), "{bill:?}");
        assert!(bill.status == "5" || bill.containers.is_empty(), "{bill:?}");
    }
}

#[test]
fn a_declaration_is_answered_by_its_lane_and_not_at_all_cleared_where_a_part_is_missing() {
    let declaration = String::from_utf8(sample("synthetic/cusdec_96b_import.edi")).unwrap();
    for (lane, status, released) in [("release", "4", true), ("post_audit", "4", true), ("documents", "6", false)] {
        let answers = edifact(&only(&answer(declaration.as_bytes(), |_| lane), EDIFACT));
        let [Answer::Syntax(syntax), Answer::Customs(customs)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!((syntax.action, customs.kind), (Action::Acknowledged, Kind::Document));
        assert_eq!((customs.status.as_deref(), customs.released_at.is_some()), (Some(status), released), "{lane}");
        assert_eq!(customs.references.len(), 1);
    }
    // The message type is none that anybody agreed on.
    let refused = declaration.replace("CUSDEC:D:96B", "CUSDEQ:D:96B");
    let answers = edifact(&only(&answer(refused.as_bytes(), |_| "release"), EDIFACT));
    let [Answer::Syntax(syntax)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(syntax.action, Action::Rejected);
    // One item has an amount that is none: it is set aside, and the rest is not told to go.
    let declaration = declaration.replacen("'MOA", "'\nMOA", 1);
    let at = declaration.find("CST+1").unwrap();
    let unread = format!(
        "{}CST+1+85171300000000000000000000000000000000:122'\nGIS+{}'\n{}",
        &declaration[..at],
        "X".repeat(70_000),
        &declaration[at..]
    );
    let documents = answer(unread.as_bytes(), |_| "release");
    let answers = edifact_loose(&only(&documents, EDIFACT));
    let cleared = |a: &Answer| matches!(a, Answer::Customs(c) if c.status.is_some());
    assert!(answers.iter().any(|a| matches!(a, Answer::Customs(c) if c.kind == Kind::Errors)), "{answers:?}");
    assert!(!answers.iter().any(cleared), "{answers:?}");
}

/// Who tells what happened to containers is told that it came, and nothing else; a report of a conveyance is answered.
#[test]
fn tracking_is_acknowledged_and_not_answered() {
    let event = "UNH+1+IFTSTA:D:00B:UN'BGM+23'CNI+1+B1'STS+1+24'DTM+334:202703011000:203'LOC+175+KRPUS'UNT+7+1'";
    let of = |messages: &str, n: usize| {
        let text = format!("UNB+UNOA:2+ZZLX+KR+270302:0900+R1'{messages}UNZ+{n}+R1'");
        edifact(&only(&answer(text.as_bytes(), |_| "release"), EDIFACT))
    };
    let answers = of(event, 1);
    let [Answer::Syntax(syntax)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(syntax.action, Action::Acknowledged);
    let answers = of(&event.replace("STS+1+24'", ""), 1);
    let [Answer::Syntax(syntax)] = &answers[..] else { panic!("{answers:?}") };
    assert!(!syntax.messages[0].segments.is_empty(), "the consignment without a status: {syntax:?}");
    let report =
        "UNH+2+CUSREP:D:96B:UN'BGM+98+V1+9'DTM+132:202703021200:203'RFF+CN:27ZZ1'TDT+20+V1+1'LOC+60+KRPUS'UNT+7+2'";
    let answers = of(&format!("{event}{report}"), 2);
    let [Answer::Syntax(_), Answer::Customs(customs)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(customs.references, [("CN".to_owned(), "27ZZ1".to_owned())]);
}

#[test]
fn a_mark_before_an_interchange_changes_nothing() {
    let request = sample("synthetic/zz421/01_paxlst_15b_745.edi");
    let marked = [b"\xEF\xBB\xBF", request.as_slice()].concat();
    assert_eq!(answer(&marked, |_| "clear"), answer(&request, |_| "clear"));
}

#[test]
fn the_number_of_a_request_goes_back_as_it_was_sent() {
    let request = String::from_utf8(sample("synthetic/zz421/01_paxlst_15b_745.edi")).unwrap();
    let small = request.replace("TN:ZZ421A0001", "TN:zz421a0001");
    let written = only(&answer(small.as_bytes(), |_| "clear"), EDIFACT);
    assert!(written.contains("RFF+TN:zz421a0001'") && !written.contains("CONTRL"), "{written}");
}

#[test]
fn a_number_that_is_no_request_asks_for_nothing() {
    let declaration = String::from_utf8(sample("synthetic/cusdec_96b_import.edi")).unwrap();
    // A declaration cut off before its items is refused as such, and not as a request of a carrier would be.
    let number = declaration.find("LOC+").unwrap();
    let numbered = format!("{}RFF+TN:X1'\n{}", &declaration[..number], &declaration[number..]);
    let items = numbered.find("UNS+D").unwrap()..numbered.find("UNS+S").unwrap();
    let numbered = format!("{}{}", &numbered[..items.start], &numbered[items.end..]);
    let end = numbered.find("UNT+").unwrap();
    let behind = end + numbered[end..].find('\'').unwrap() + 1;
    let numbered = format!("{}{}", &numbered[..end], &numbered[behind..]);
    let answers = edifact_loose(&only(&answer(numbered.as_bytes(), |_| "release"), EDIFACT));
    assert!(answers.iter().any(|a| matches!(a, Answer::Customs(c) if c.kind == Kind::Errors)), "{answers:?}");
    assert!(answers.iter().any(|a| matches!(a, Answer::Syntax(_))), "CONTRL names the segment");
    assert!(!answers.iter().any(|a| matches!(a, Answer::Boarding(_))), "{answers:?}");
}

#[test]
fn acknowledgements_are_not_acknowledged_and_what_is_nothing_is_rejected() {
    assert!(answer(&sample("synthetic/contrl_3_accepted.edi"), |_| "clear").is_empty());
    let nothing = "UNB+UNOA:2+A+B+270302:0930+R1'UNZ+0+R1'";
    let answers = edifact(&only(&answer(nothing.as_bytes(), |_| "clear"), EDIFACT));
    let [Answer::Syntax(answer)] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(answer.action, Action::Rejected);
}

#[test]
fn wco_declarations_get_responses_and_those_with_a_missing_part_are_rejected() {
    let path = "cargo/hmrc__customs-declarations/annotated_XML_samples/TT_FI002a/TT_FI002a.xml";
    let declaration = sample(path);
    for (lane, function) in [
        ("release", ResponseFunction::Cleared),
        ("documents", ResponseFunction::Documents),
        ("examine", ResponseFunction::Control),
    ] {
        let responses = WcoResponse::read_all(only(&answer(&declaration, |_| lane), XML).as_bytes());
        let [response] = &responses[..] else { panic!("{responses:?}") };
        assert_eq!(response.function, Some(function));
        assert!(response.declaration_id.is_some() != response.declaration_reference.is_some());
        assert_eq!(response.limit_at.is_some(), lane == "documents");
    }
    // Another declaration behind it cannot be read: nothing in the body is cleared.
    let text = String::from_utf8(declaration).unwrap();
    let broken =
        format!("{text}<Declaration xmlns=\"urn:wco:datamodel:WCO:DEC-DMS:2\"><TypeCode>IMA</TypeCode></Declaration>");
    let documents = answer(broken.as_bytes(), |_| "release");
    let responses: Vec<WcoResponse> = documents.iter().flat_map(|d| WcoResponse::read_all(d.text.as_bytes())).collect();
    assert!(
        !responses.is_empty() && responses.iter().all(|r| r.function == Some(ResponseFunction::Rejected)),
        "{responses:?}"
    );
}

#[test]
fn korean_declarations_get_notices() {
    let declaration = sample("korea/govcbr929_import_3_items.xml");
    let of = |lane: &'static str| {
        let documents = answer(&declaration, move |_| lane);
        documents.iter().flat_map(|d| Notice::read_all(d.text.as_bytes())).collect::<Vec<_>>()
    };
    let released = of("post_audit");
    let [Notice::Review(review)] = &released[..] else { panic!("{released:?}") };
    assert_eq!((review.review_result, review.inspected, review.due_on), (13, false, None));
    let examined = of("scan");
    let [Notice::Review(review), Notice::Inspection(inspection)] = &examined[..] else { panic!("{examined:?}") };
    assert_eq!((review.review_result, review.inspected), (19, true));
    assert!(!inspection.containers.is_empty() && inspection.containers.iter().all(|(_, method)| *method == 15));
    let wanted = of("documents");
    let [Notice::Review(review)] = &wanted[..] else { panic!("{wanted:?}") };
    assert_eq!(review.review_result, 12);
    assert!(review.due_on.is_some());
}

#[test]
fn a_registered_entry_declaration_is_answered_where_something_is_to_happen() {
    let amended = sample(
        "cargo/hmrc__import-control-entry-declaration-store/test/resources/xmls/CC313A-schemaValidSample-v11-2.xml",
    );
    assert!(answer(&amended, |_| "surveillance").is_empty(), "who is watched is not told");
    let answers = EntryAnswer::read_all(only(&answer(&amended, |_| "scan"), XML).as_bytes());
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(answer.kind, "CC351A");
    assert!(!answer.header.mrn.is_empty() && !answer.interventions.is_empty());
    assert_eq!(answer.n_items, Some(answer.interventions.len() as u32));
}

#[test]
fn envelopes_are_acknowledged_and_questions_answered() {
    let documents = answer(&sample("synthetic/ebms2_govcbr929.mime"), |_| "examine");
    let [document] = &documents[..] else { panic!("{documents:?}") };
    let opened = Opened::new(document.text.as_bytes());
    assert_eq!(opened.envelopes()[0].purpose, Purpose::Acknowledgment);
    assert!(!document.text.contains("examine"), "an acknowledgement says nothing of what was decided");
    let ask = |action: &str, body: &str| {
        format!(
            r#"<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:eb="http://www.oasis-open.org/committees/ebxml-msg/schema/msg-header-2_0.xsd"><soap:Header><eb:MessageHeader eb:version="2.0"><eb:From><eb:PartyId>ZZ</eb:PartyId></eb:From><eb:To><eb:PartyId>KR</eb:PartyId></eb:To><eb:CPAId>c</eb:CPAId><eb:ConversationId>1</eb:ConversationId><eb:Service>urn:oasis:names:tc:ebxml-msg:service</eb:Service><eb:Action>{action}</eb:Action><eb:MessageData><eb:MessageId>q@example.com</eb:MessageId><eb:Timestamp>2027-03-13T00:00:00Z</eb:Timestamp></eb:MessageData></eb:MessageHeader></soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"#
        )
    };
    let purpose = |text: String| {
        let documents = answer(text.as_bytes(), |_| "release");
        let [document] = &documents[..] else { panic!("{documents:?}") };
        Opened::new(document.text.as_bytes()).envelopes()[0].purpose.clone()
    };
    assert_eq!(purpose(ask("Ping", "")), Purpose::Pong);
    for (about, status) in [("known@example.com", "Processed"), ("other@example.com", "NotRecognized")] {
        let body = format!(
            r#"<eb:StatusRequest eb:version="2.0"><eb:RefToMessageId>{about}</eb:RefToMessageId></eb:StatusRequest>"#
        );
        let expected = Purpose::StatusResponse { about: about.to_owned(), status: status.to_owned() };
        assert_eq!(purpose(ask("StatusRequest", &body)), expected);
    }
    let hash = |text: &str| Opened::new(text.as_bytes()).payload_hash();
    let (ping, pong) = (ask("Ping", ""), ask("Ping", "<a/>"));
    assert_eq!(hash(&ping), hash(&ping));
    assert_ne!(hash(&ping), hash(&pong), "what stands in the envelope itself counts where nothing else is there");
    let acknowledgment = sample("synthetic/ebms2_acknowledgment.xml");
    assert!(answer(&acknowledgment, |_| "release").is_empty(), "signals are not answered");
}
