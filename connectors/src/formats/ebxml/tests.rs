use super::*;

/// A question and all that our answers repeat of it.
fn asked(protocol: Protocol) -> Envelope {
    let party = |id: &str, role: &str| Party {
        ids: vec![(id.to_owned(), Some("urn:example:party".to_owned()))],
        role: Some(role.to_owned()),
    };
    Envelope {
        protocol,
        message_id: "m<1>&@example.com".into(),
        conversation_id: Some("c-1".into()),
        agreement: Some("CPA-1".into()),
        service: "urn:example:import".into(),
        action: "GOVCBR929".into(),
        from: party("99901", "Declarant"),
        to: party("KCS", "Customs"),
        issued_at: Some(1_800_000_000_000),
        ..Envelope::default()
    }
}

const NOW: i64 = 1_800_000_001_500;

/// Writes an answer and reads it again, as a partner would: no rows, nothing odd, nothing set aside.
fn answered(answer: &Answer, to: &Envelope) -> Envelope {
    let text = answer.write(to, "a-1@example.org", NOW).unwrap();
    assert!(recognise(&text.as_bytes()[..text.len().min(4096)]), "{text}");
    let opened = Opened::new(text.as_bytes());
    let reading = opened.read("answer", &ReadOptions::default());
    assert!(reading.set_aside.is_empty() && reading.records.is_empty(), "{reading:?}");
    assert!(reading.warnings.is_empty(), "{:?}", reading.warnings);
    assert_eq!(opened.envelopes().len(), 1);
    let read = opened.envelopes()[0].clone();
    assert_eq!((read.protocol, read.message_id.as_str()), (to.protocol, "a-1@example.org"));
    assert_eq!(read.ref_to_message_id.as_deref(), Some("m<1>&@example.com"));
    assert_eq!(read.issued_at, Some(NOW));
    assert_eq!(reading.counts.get(read.purpose.counted()), Some(&1));
    read
}

#[test]
fn answers_of_ebms_2_read_as_they_were_written() {
    let to = asked(Protocol::Ebms2);
    let read = answered(&Answer::Received, &to);
    assert_eq!(read.purpose, Purpose::Acknowledgment);
    assert_eq!((read.from.id(), read.to.id()), ("KCS", "99901"));
    assert_eq!((&read.conversation_id, &read.agreement), (&to.conversation_id, &to.agreement));
    assert_eq!(answered(&Answer::Pong, &to).purpose, Purpose::Pong);
    for (status, word) in [
        (Status::NotRecognized, "NotRecognized"),
        (Status::Received(NOW), "Received"),
        (Status::Processed(NOW), "Processed"),
        (Status::UnAuthorized, "UnAuthorized"),
    ] {
        let to = Envelope { purpose: Purpose::StatusRequest { about: "m-0".into() }, ..to.clone() };
        let read = answered(&Answer::Status(status), &to);
        assert_eq!(read.purpose, Purpose::StatusResponse { about: "m-0".into(), status: word.into() });
    }
    for kind in FaultKind::ALL {
        let fault = Fault { kind, location: Some("cid:p-1".into()), text: "send <it>".into(), warning: false };
        let Purpose::Errors(errors) = answered(&Answer::Refused(vec![fault]), &to).purpose else { panic!("{kind:?}") };
        let expected = ErrorItem {
            code: kind.ebms2().into(),
            severity: "Error".into(),
            location: Some("cid:p-1".into()),
            description: Some("send <it>".into()),
        };
        assert_eq!(errors, [expected]);
    }
}

#[test]
fn answers_of_as4_read_as_they_were_written() {
    let to = asked(Protocol::As4);
    // Nothing was signed: the receipt repeats the message.
    assert_eq!(answered(&Answer::Received, &to).purpose, Purpose::Receipt(vec![]));
    let text = Answer::Received.write(&to, "a", NOW).unwrap();
    assert!(text.contains("<eb:Action>GOVCBR929</eb:Action>"), "{text}");
    let digest = Digest {
        uri: "cid:p-1".into(),
        transforms: vec!["urn:transform".into()],
        method: "http://www.w3.org/2001/04/xmlenc#sha256".into(),
        value: "AAAA".into(),
    };
    let signed = Envelope { digests: vec![digest.clone()], signed: true, ..to.clone() };
    assert_eq!(answered(&Answer::Received, &signed).purpose, Purpose::Receipt(vec![digest]));
    for kind in FaultKind::ALL {
        let fault = Fault { kind, location: None, text: "send it".into(), warning: false };
        let Purpose::Errors(errors) = answered(&Answer::Refused(vec![fault]), &to).purpose else { panic!("{kind:?}") };
        let found: Vec<_> = errors.iter().map(|e| (e.code.as_str(), e.severity.as_str())).collect();
        assert_eq!(found, [(kind.as4().0, "failure")]);
        assert_eq!(errors[0].description.as_deref(), Some("send it"));
    }
    assert_eq!(Answer::Status(Status::NotRecognized).write(&to, "a", NOW), None);
}

#[test]
fn envelopes_are_recognised_by_content() {
    for (head, expected) in [
        (&b"Content-Type: Multipart/Related; boundary=x\r\n\r\n--x"[..], true),
        (b"POST / HTTP/1.1\nHost: a\nContent-Type: multipart/related;\n boundary=x\n\n", true),
        (b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\n<a xmlns='urn:ebxml-msg'/>", true),
        (b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nUNB+UNOA:4+A+B'", false),
        (b"------=_Part\n    Content-Type: application/soap+xml\n\n<Envelope xmlns:a='urn:ebxml-msg'>", true),
        (b"<?xml version='1.0'?><s:Envelope xmlns:e='http://x/ebxml-msg/y'>", true),
        (b"<s:Envelope><s:Header><w:Security xmlns:w='oasis-200401-wss-wssecurity-secext-1.0.xsd'>", true),
        (b"<s:Envelope><s:Body><MetaData><WCOTypeName>DEC</WCOTypeName>", false),
        (b"<Awmds><General_segment>", false),
        (b"UNA:+.? 'UNB+UNOA:4+A+B'", false),
        (b"declaration_id,item_no,x\n1,1,ebxml-msg\n", false),
        (b"", false),
    ] {
        assert_eq!(recognise(head), expected, "{}", head.escape_ascii());
        let found = crate::recognise(head).is_ok_and(|found| found.name() == NAME);
        assert_eq!(found, expected, "{}", head.escape_ascii());
    }
    let wide: Vec<u8> = "<Envelope xmlns='urn:ebxml-msg'>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(recognise(&wide));
}
