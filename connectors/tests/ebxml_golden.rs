//! Envelopes of others, and our own, against what is known of each; and what gateways do to them on the way.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod ebxml_support;

use std::io::Write;

use ebxml_support::{
    count, has, messages, n_rows, read, read_as_found, recognised, rows, samples, table, text, warned,
};
use haechi_connectors::formats::ebxml::{Answer, Envelope, FaultKind, Opened, Protocol, Purpose};

/// What `MANIFEST.tsv` says is in a file: `payloads=1; items=3`.
fn expected(file: &str) -> Vec<(String, String)> {
    let manifest = table(&messages().join("synthetic/MANIFEST.tsv"));
    let row = manifest.iter().find(|row| row[0] == file).unwrap_or_else(|| panic!("{file} is in no manifest"));
    let pairs = row.last().unwrap().split("; ").filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn sample(file: &str) -> String {
    std::fs::read_to_string(messages().join("synthetic").join(file)).unwrap()
}

fn envelope(bytes: &[u8]) -> Envelope {
    let opened = Opened::new(bytes);
    assert_eq!((opened.broken(), opened.envelopes().len()), (None, 1));
    opened.envelopes()[0].clone()
}

#[test]
fn our_own_samples_hold_what_their_manifest_says() {
    let mut compared = 0;
    for (path, _) in samples().into_iter().filter(|(_, own)| *own) {
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(recognised(&bytes), Some("ebxml"), "{file}");
        let reading = read(&file, &bytes);
        assert!(reading.set_aside.is_empty(), "{file}: {:?}", reading.set_aside);
        for (key, value) in expected(&file) {
            let found = match key.as_str() {
                "payloads" => count(&reading, "payloads"),
                "declarations" => count(&reading, "declarations"),
                "items" => rows(&reading, "declaration").len() as u64,
                "bills" => rows(&reading, "consignment").iter().filter(|row| row["nature"] != "empty").count() as u64,
                other => panic!("{file}: {other}"),
            };
            assert_eq!(found.to_string(), value, "{file}: {key}");
            compared += 1;
        }
    }
    assert_eq!(compared, 8);
}

#[test]
fn an_ebms_2_message_says_what_its_envelope_says() {
    let mime = sample("ebms2_govcbr929.mime");
    let found = envelope(mime.as_bytes());
    assert_eq!((found.protocol, found.purpose.clone()), (Protocol::Ebms2, Purpose::Payloads));
    assert_eq!(found.message_id, "msg-270302-0001@example.com");
    assert_eq!((found.from.id(), found.from.role.as_deref()), ("99901", Some("Declarant")));
    assert_eq!((found.to.id(), found.agreement.as_deref()), ("KCS", Some("CPA-99901-KCS")));
    assert_eq!(found.conversation_id.as_deref(), Some("CONV-270302-0001"));
    assert_eq!((found.service.as_str(), found.action.as_str()), ("urn:example:import", "GOVCBR929"));
    // 2027-03-02T00:30:00Z
    assert_eq!((found.issued_at, found.ref_to_message_id.as_deref()), (Some(1_803_947_400_000), None));
    assert!(found.ack_requested && found.duplicate_elimination && !found.signed && !found.encrypted);
    let references: Vec<_> = found.references.iter().map(|reference| reference.href.as_str()).collect();
    assert_eq!(references, ["cid:payload-1@example.com"]);
    let reading = read("a.mime", mime.as_bytes());
    assert_eq!((reading.format, reading.version.as_str()), ("ebxml", "2.0"));
    assert!(reading.warnings.iter().all(|warning| warning.path.starts_with("part 2 ")), "{:?}", reading.warnings);
    let row = &rows(&reading, "declaration")[0];
    assert!(text(row, "source_position").starts_with("part 2 `payload-1@example.com`, "), "{row}");
    assert_eq!((text(row, "source"), text(row, "message_format")), ("a.mime", "govcbr929"));
    assert_eq!(text(row, "declaration_id"), "9990127000123M");
    // The same rows as the payload by itself.
    let at = mime.rfind("<?xml").unwrap();
    let alone = read_as_found("a.mime", &mime.as_bytes()[at..mime.rfind("\r\n--=haechi-1--").unwrap()]);
    let plain = |mut row: serde_json::Value| {
        for column in ["source_position", "message_path", "warnings", "message_id"] {
            row.as_object_mut().unwrap().remove(column);
        }
        row
    };
    let of = |reading| rows(reading, "declaration").into_iter().map(plain).collect::<Vec<_>>();
    assert_eq!(of(&reading), of(&alone));
}

#[test]
fn signals_make_no_rows_and_are_no_errors() {
    for (file, purpose, about) in [
        ("ebms2_acknowledgment.xml", Purpose::Acknowledgment, "msg-270302-0001@example.com"),
        ("as4_receipt.xml", Purpose::Receipt(vec![]), "m-270301-1@example.com"),
    ] {
        let found = envelope(sample(file).as_bytes());
        assert_eq!((found.purpose, found.ref_to_message_id.as_deref()), (purpose, Some(about)), "{file}");
    }
    let found = envelope(sample("ebms2_message_error.xml").as_bytes());
    let Purpose::Errors(errors) = found.purpose else { panic!("no error") };
    let errors: Vec<_> =
        errors.iter().map(|e| (e.code.as_str(), e.severity.as_str(), e.location.as_deref().unwrap())).collect();
    assert_eq!(errors, [("MimeProblem", "Error", "cid:payload-1@example.com")]);
    assert_eq!(found.ref_to_message_id.as_deref(), Some("msg-270302-0002@example.com"));
    for (path, _) in samples().into_iter().filter(|(path, _)| path.extension().unwrap() == "xml") {
        let reading = read("a.xml", &std::fs::read(&path).unwrap());
        assert!(reading.set_aside.is_empty() && reading.warnings.is_empty() && n_rows(&reading) == 0);
        assert_eq!((count(&reading, "envelopes"), count(&reading, "user_messages")), (1, 0));
    }
}

#[test]
fn messages_of_others_are_opened_and_what_is_no_message_of_ours_is_set_aside() {
    for (path, _) in samples().into_iter().filter(|(_, own)| !own) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.display().to_string();
        assert_eq!(recognised(&bytes), Some("ebxml"), "{name}");
        let found = envelope(&bytes);
        let entsog = name.ends_with("entsog.txt");
        let (sender, to, n) = if entsog {
            ("C1", "flame-c2", 1)
        } else {
            ("urn:oasis:names:tc:ebcore:partyid-type:unregistered:C1", "", 2)
        };
        assert_eq!((found.sender(), found.references.len()), (sender, n), "{name}");
        assert!(to.is_empty() || found.to.id() == to, "{name}");
        assert_eq!(found.references[0].properties["MimeType"], "application/xml", "{name}");
        let reading = read(&name, &bytes);
        // No customs message is in them; nothing is missing though boundaries are indented and ids are without `cid:`.
        let codes: Vec<_> = reading.set_aside.iter().map(|unit| unit.code).collect();
        assert_eq!(codes, vec!["unknown_content"; n], "{name}: {:?}", reading.set_aside);
        assert!(warned(&reading, "mime"), "{name}");
        assert_eq!(warned(&reading, "href"), !entsog, "{name}");
        assert!(reading.set_aside[0].position.starts_with("part 2 `"), "{name}");
    }
    let first = &samples()[5].0;
    let found = envelope(&std::fs::read(first).unwrap());
    assert_eq!((found.message_id.as_str(), found.action.as_str()), ("submission@corner1", "Submit"));
    // 2015-11-07T19:44:00.062Z
    assert_eq!(found.issued_at, Some(1_446_925_440_062));
}

/// What happens to messages on their way changes nothing but warnings.
#[test]
fn dirt_is_tolerated_and_told() {
    let mime = sample("ebms2_govcbr929.mime");
    let body = mime.split_once("\r\n\r\n").unwrap().1.to_owned();
    for (what, text, code) in [
        ("as sent", mime.clone(), None),
        ("LF for CRLF", mime.replace("\r\n", "\n"), None),
        ("text before", mime.replacen("\r\n--=haechi-1", "\r\nThis is MIME.\r\n--=haechi-1", 1), Some("transport_dirt")),
        ("no header", body.clone(), Some("mime")),
        ("no header, text before", format!("hello\r\n\r\n{body}"), Some("mime")),
        ("other boundary announced", mime.replace("boundary=\"=haechi-1\"", "boundary=\"x\""), Some("mime")),
        ("no end", mime.replace("\r\n--=haechi-1--", ""), Some("mime")),
        ("no Content-ID", mime.replace("Content-ID: <payload-1@example.com>\r\n", ""), Some("no_content_id")),
        ("no cid:", mime.replace("cid:payload-1", "payload-1"), Some("href")),
        ("escaped cid", mime.replace("cid:payload-1@", "CID:payload%2D1%40"), None),
        ("bare Content-ID", mime.replace("<payload-1@example.com>", "payload-1@example.com"), None),
        ("start missing", mime.replace("; start=\"<envelope@example.com>\"", ""), None),
        ("start wrong", mime.replace("start=\"<envelope", "start=\"<other"), None),
        ("no manifest", mime.replace("<eb:Reference xlink:type=\"simple\" xlink:href=\"cid:payload-1@example.com\"/>", ""), Some("no_manifest")),
        ("other action", mime.replace(">GOVCBR929</eb:Action>", ">submit</eb:Action>"), None),
        ("wrong action", mime.replace(">GOVCBR929</eb:Action>", ">CUSCAR</eb:Action>"), Some("action_content")),
        ("named twice", mime.replace("<eb:Reference ", "<eb:Reference xlink:href=\"cid:payload-1@example.com\"/><eb:Reference "), Some("repeated_reference")),
        ("caught on the wire", format!("POST /msh HTTP/1.1\r\nHost: gateway\r\n{mime}"), None),
        ("no id", mime.replace("<eb:MessageId>msg-270302-0001@example.com</eb:MessageId>", ""), Some("no_message_id")),
        ("signed", mime.replace("</soap:Header>", "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo/></ds:Signature></soap:Header>"), Some("signature_unchecked")),
    ] {
        assert!(what == "as sent" || text != mime, "{what} changes nothing");
        assert_eq!(recognised(text.as_bytes()), Some("ebxml"), "{what}");
        let reading = read("a.mime", text.as_bytes());
        assert_eq!(rows(&reading, "declaration").len(), 3, "{what}: {:?}", reading.set_aside);
        assert!(reading.set_aside.is_empty(), "{what}: {:?}", reading.set_aside);
        let own: Vec<_> =
            haechi_connectors::formats::ebxml::codes::WARNINGS.iter().filter(|(c, _)| warned(&reading, c)).map(|(c, _)| *c).collect();
        let expected: Vec<_> = code.into_iter().collect();
        assert!(own.iter().all(|c| expected.contains(c) || *c == "transport_dirt" || *c == "mime"), "{what}: {own:?}");
        assert!(expected.iter().all(|c| own.contains(c)), "{what}: {own:?}");
        assert_eq!(own.is_empty(), code.is_none(), "{what}: {own:?}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An AS4 message: payloads by header lines and bytes; what the envelope names.
fn as4(hrefs: &[&str], parts: &[(&str, &[u8])]) -> Vec<u8> {
    let infos: Vec<String> = hrefs.iter().map(|href| format!("<eb:PartInfo href=\"{href}\"/>")).collect();
    let infos = infos.concat();
    let mut out = format!(
        "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: application/soap+xml\r\n\r\n\
         <e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:eb=\"http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/\"><e:Header><eb:Messaging>\
         <eb:UserMessage><eb:MessageInfo><eb:MessageId>m-1</eb:MessageId></eb:MessageInfo><eb:PartyInfo><eb:From>\
         <eb:PartyId>ZZSEND</eb:PartyId></eb:From></eb:PartyInfo><eb:PayloadInfo>{infos}</eb:PayloadInfo>\
         </eb:UserMessage></eb:Messaging></e:Header><e:Body/></e:Envelope>"
    )
    .into_bytes();
    for (header, body) in parts {
        out.extend_from_slice(format!("\r\n--b\r\n{header}\r\n\r\n").as_bytes());
        out.extend_from_slice(body);
    }
    out.extend_from_slice(b"\r\n--b--\r\n");
    out
}

/// What a payload is may stand behind kilobytes of comment.
#[test]
fn a_payload_behind_a_long_comment_is_read() {
    let good = std::fs::read_to_string(messages().join("korea/govcbr929_import_3_items.xml")).unwrap();
    let (declaration, body) = good.split_at(good.find("?>").unwrap() + 2);
    let commented = format!("{declaration}<!--{}-->{body}", " as agreed".repeat(1_000));
    let reading = read("a.mime", &as4(&["cid:a"], &[("Content-ID: <a>", commented.as_bytes())]));
    assert_eq!((rows(&reading, "declaration").len(), reading.set_aside.len()), (3, 0));
}

/// A payload that does not say in what it is written is in what its part or the envelope says; what it says itself holds.
#[test]
fn a_payload_is_in_the_charset_that_is_told_of_it() {
    let file = std::fs::read_to_string(messages().join("korea/govcbr929_import_3_items.xml")).unwrap();
    let bare = &file[file.find("?>").unwrap() + 2..];
    let name = bare.split("Importer>").nth(1).and_then(|importer| importer.split("Name>").nth(1)).unwrap();
    let name = &name[..name.find('<').unwrap()];
    let polish = bare.replace(name, "\u{141}\u{f3}d\u{17a}");
    let (latin2, ..) = encoding_rs::ISO_8859_2.encode(&polish);
    let with = |header: &str, properties: &str, body: &[u8]| {
        let message = as4(&["cid:p"], &[(&format!("Content-ID: <p>\r\n{header}"), body)]);
        let at = message.windows(2).position(|two| two == b"/>" && properties.len() > 1).unwrap_or(0);
        let message = if properties.is_empty() {
            message
        } else {
            let properties = format!("><eb:PartProperties>{properties}</eb:PartProperties></eb:PartInfo>");
            [&message[..at], properties.as_bytes(), &message[at + 2..]].concat()
        };
        read("a.mime", &message)
    };
    let property = "<eb:Property name=\"CharacterSet\">iso-8859-2</eb:Property>";
    let utf8 = "<eb:Property name=\"CharacterSet\">utf-8</eb:Property>";
    let declared = [b"<?xml version='1.0' encoding='ISO-8859-2'?>", &*latin2].concat();
    for (header, properties, body) in [
        ("Content-Type: text/xml; charset=ISO-8859-2", "", &*latin2),
        ("Content-Type: text/xml", property, &*latin2),
        ("Content-Type: text/xml; charset=\"utf-8\"", "", polish.as_bytes()),
        ("Content-Type: text/xml; charset=nonsense", "", polish.as_bytes()),
        ("Content-Type: text/xml; charset=utf-8", utf8, declared.as_slice()),
    ] {
        let reading = with(header, properties, body);
        let found = rows(&reading, "declaration");
        assert_eq!(text(&found[0], "importer_name"), "\u{141}\u{f3}d\u{17a}", "{header} {properties}");
        assert!(!warned(&reading, "charset"), "{header}: {:?}", reading.warnings);
    }
}

/// What is no text, or too long to be looked at, is called what it is, whatever the Action says.
#[test]
fn the_reason_of_a_refusal_is_the_true_one() {
    let long = format!("X-Trace: {}\r\nContent-ID: <p>", "a".repeat(20_000));
    for (header, body, code, says) in [
        ("Content-ID: <p>", &b"%PDF-1.4\n%\xE2\xE3\n1 0 obj\n"[..], "unknown_content", "is a PDF"),
        ("Content-ID: <p>", b"PK\x03\x04\x14\0a", "unknown_content", "zip archive"),
        (long.as_str(), b"<a/>", "part_header", "its header has no end within 16 KiB"),
    ] {
        let message = String::from_utf8_lossy(&as4(&["cid:p"], &[(header, b"PAYLOAD")])).into_owned();
        let message = message.replace(
            "</eb:PartyInfo>",
            "</eb:PartyInfo><eb:CollaborationInfo><eb:Action>PAXLST</eb:Action></eb:CollaborationInfo>",
        );
        let (before, behind) = message.split_once("PAYLOAD").unwrap();
        let reading = read("a.mime", &[before.as_bytes(), body, behind.as_bytes()].concat());
        let found: Vec<_> = reading.set_aside.iter().map(|unit| (unit.code, unit.reason.as_str())).collect();
        assert!(found.len() == 1 && found[0].0 == code && found[0].1.contains(says), "{found:?}");
    }
}

/// One payload that cannot be taken costs itself only.
#[test]
fn what_cannot_be_taken_is_set_aside_and_the_rest_goes_on() {
    let good = std::fs::read(messages().join("korea/govcbr929_import_3_items.xml")).unwrap();
    let packed = gzip(&good);
    let cut = &packed[..packed.len() / 2];
    let nested = String::from_utf8(as4(&["cid:a"], &[("Content-ID: <a>", &good)])).unwrap();
    let nested = nested.replace("boundary=b", "boundary=inner").replace("--b", "--inner").into_bytes();
    let cases: [(&str, &str, &[u8], &str); 12] = [
        ("cid:bad", "Content-ID: <bad>\r\nContent-Type: application/gzip", cut, "compression"),
        ("cid:bad", "Content-ID: <bad>\r\nContent-Type: application/gzip", b"no gzip", "compression"),
        ("cid:bad", "Content-ID: <bad>\r\nContent-Transfer-Encoding: base64", b"a*b", "transfer_encoding"),
        ("cid:bad", "Content-ID: <bad>\r\nContent-Transfer-Encoding: x-token", b"a", "transfer_encoding"),
        ("cid:bad", "Content-ID: <bad>", b"\x89PNG\0\0\0\0", "unknown_content"),
        ("cid:bad", "Content-ID: <bad>", b"a,b\n1,2\n", "unknown_content"),
        ("cid:bad", "Content-ID: <bad>", b" \r\n", "empty_payload"),
        (
            "cid:bad",
            "Content-ID: <bad>\r\nContent-Type: multipart/mixed; boundary=c",
            b"--c\r\n\r\nx\r\n--c--",
            "nested",
        ),
        ("cid:bad", "Content-ID: <bad>", &nested, "nested"),
        ("cid:bad", "Content-ID: <bad>", b"<xenc:EncryptedData xmlns:xenc='x'/>", "encrypted"),
        ("cid:gone", "Content-ID: <bad>", b"a", "missing_part"),
        ("http://example.com/a.xml", "Content-ID: <bad>", b"a", "external_payload"),
    ];
    for (href, header, body, code) in cases {
        let message = as4(&[href, "cid:good"], &[(header, body), ("Content-ID: <good>", &good)]);
        let reading = read("a.mime", &message);
        assert_eq!(rows(&reading, "declaration").len(), 3, "{code}: {:?}", reading.set_aside);
        let own: Vec<_> = reading.set_aside.iter().map(|unit| unit.code).collect();
        assert_eq!(own[0], code, "{:?}", reading.set_aside);
        let expected = if matches!(code, "missing_part" | "external_payload") { 2 } else { 1 };
        assert_eq!(own.len(), expected, "a part that is not named is set aside too: {:?}", reading.set_aside);
        let place = if expected == 2 { "envelope" } else { "part 2 `bad`" };
        assert_eq!(reading.set_aside[0].position, place, "{code}");
        assert!(reading.set_aside[0].reason.starts_with(place), "{}", reading.set_aside[0].reason);
        let Answer::Refused(faults) = Answer::to(&reading.set_aside) else { panic!("{code} is not answered") };
        assert!(!matches!(faults[0].kind, FaultKind::Other), "{code}");
    }
    // Every way in which a payload may come.
    let base64 = {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(&packed);
        text.as_bytes().chunks(76).collect::<Vec<_>>().join(&b"\r\n"[..])
    };
    for (header, body) in [
        ("Content-ID: <good>", good.as_slice()),
        ("Content-ID: <good>\r\nContent-Type: application/gzip", &packed),
        ("Content-ID: <good>\r\nContent-Encoding: gzip", &packed),
        ("Content-ID: <good>", &packed),
        ("Content-ID: <good>\r\nContent-Transfer-Encoding: base64", &base64),
        ("content-id:good\r\ncontent-transfer-encoding:\r\n Binary", &good),
        ("", &good),
    ] {
        let reading = read("a.mime", &as4(&["cid:good"], &[(header, body)]));
        assert_eq!((rows(&reading, "declaration").len(), reading.set_aside.len()), (3, 0), "{header}");
        assert_eq!(Answer::to(&reading.set_aside), Answer::Received);
    }
    // A fault inside of a payload names the part it is in.
    let broken = String::from_utf8(good.clone()).unwrap().replacen("</wco:SequenceNumeric>", "</wco:Sequence>", 1);
    let reading = read("a.mime", &as4(&["cid:good"], &[("Content-ID: <good>", broken.as_bytes())]));
    assert_eq!((rows(&reading, "declaration").len(), reading.set_aside.len()), (2, 1), "{:?}", reading.set_aside);
    assert!(reading.set_aside[0].position.starts_with("part 2 `good`, "), "{:?}", reading.set_aside);
    assert_eq!(Answer::to(&reading.set_aside), Answer::Received);
}

/// What the payload leaves open is as the envelope says; what it says itself stands.
#[test]
fn rows_carry_what_the_envelope_says_where_the_payload_says_nothing() {
    let own = |file: &str| std::fs::read(messages().join("synthetic").join(file)).unwrap();
    let sad = own("asycuda_sad_im4.xml");
    let alone = rows(&read_as_found("a", &sad), "declaration")[0].clone();
    let reading = read("a.mime", &as4(&["cid:p"], &[("Content-ID: <p>", &sad)]));
    let row = rows(&reading, "declaration")[0].clone();
    for (column, said) in [("message_id", "m-1"), ("sender_id", "ZZSEND")] {
        let expected = if text(&alone, column).is_empty() { said } else { text(&alone, column) };
        assert_eq!(text(&row, column), expected, "{column} of {alone}");
    }
    let ffm = "FFM/8\n1/ZZ123/12MAR1230/ICN\nLAX\n999-12345675ICNLAX/T10K250.5MC1.2/SHOES\n";
    let reading = read("a.mime", &as4(&["cid:p"], &[("Content-ID: <p>", ffm.as_bytes())]));
    let found = rows(&reading, "consignment");
    assert_eq!(found.len(), 1, "{:?}", reading.set_aside);
    assert_eq!((text(&found[0], "message_id"), text(&found[0], "sender_id")), ("m-1", "ZZSEND"));
    let cuscar = own("cuscar_95b_sea_manifest.edi");
    let reading = read("a.mime", &as4(&["cid:p"], &[("Content-ID: <p>", &cuscar)]));
    assert_eq!(text(&rows(&reading, "consignment")[0], "sender_id"), "ZZLX");
}

/// A payload may stand in the SOAP body.
#[test]
fn a_payload_in_the_body_is_read() {
    let good = std::fs::read_to_string(messages().join("korea/govcbr929_import_3_items.xml")).unwrap();
    let payload = &good[good.find("?>").unwrap() + 2..];
    let message = String::from_utf8(as4(&[], &[])).unwrap();
    let soap = &message[message.find("<e:Envelope").unwrap()..message.rfind("\r\n--b--").unwrap()];
    let soap = soap.replace("<e:Body/>", &format!("<e:Body>{payload}</e:Body>"));
    assert_eq!(recognised(soap.as_bytes()), Some("ebxml"));
    let reading = read("a.xml", soap.as_bytes());
    assert_eq!((rows(&reading, "declaration").len(), reading.set_aside.len()), (3, 0), "{:?}", reading.set_aside);
    assert!(text(&rows(&reading, "declaration")[0], "source_position").starts_with("SOAP body, "));
}

#[test]
fn an_envelope_that_cannot_be_read_is_refused_whole() {
    let mime = sample("ebms2_govcbr929.mime");
    for (text, code) in [
        (mime.replace("</eb:Action>", "</eb:Actio>"), "envelope"),
        (mime.replace("eb:MessageHeader", "eb:Other"), "envelope"),
        (mime.replace("soap:Envelope", "soap:Other"), "no_envelope"),
        ("Content-Type: multipart/related; boundary=b\r\n\r\nnothing".to_owned(), "no_envelope"),
    ] {
        let reading = read("a.mime", text.as_bytes());
        assert!(has(&reading, code) && reading.set_aside.len() == 1, "{:?}", reading.set_aside);
        assert_eq!(n_rows(&reading), 0);
    }
}
