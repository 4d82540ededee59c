//! Bytes are hostile: what broken lines and attackers send as an envelope is refused with a clear reason, in bounded time
//! and memory, and what is readable around it is read. Seeds are fixed, so a failure comes again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod ebxml_support;

use std::io::Write;
use std::time::{Duration, Instant};

use ebxml_support::{count, has, is_sound, messages, n_rows, read, recognised, samples, warned};
use haechi_connectors::MessageReading;
use haechi_connectors::formats::ebxml::{Answer, Opened};
use haechi_datasets::{EbxmlEnvelope, EbxmlKind, Mutator, Random};

/// Samples, and what the generator makes of a declaration and a manifest.
fn originals() -> Vec<Vec<u8>> {
    let mut all: Vec<_> = samples().iter().map(|(path, _)| std::fs::read(path).unwrap()).collect();
    for (file, action) in
        [("korea/govcbr929_import_3_items.xml", "GOVCBR929"), ("synthetic/cuscar_95b_sea_manifest.edi", "CUSCAR")]
    {
        let payload = std::fs::read(messages().join(file)).unwrap();
        all.extend(EbxmlKind::ALL.map(|kind| envelope(action).around(kind, &payload)));
    }
    all
}

fn envelope(action: &str) -> EbxmlEnvelope<'_> {
    EbxmlEnvelope {
        message_id: "m-1@example.com",
        sender: "99901",
        recipient: "KCS",
        action,
        sent_at: "2027-03-01T00:05:00Z",
        media_type: "application/xml",
    }
}

/// Reads within a time.
fn quickly(what: &str, bytes: &[u8]) -> MessageReading {
    let began = Instant::now();
    let reading = read(what, bytes);
    is_sound(&reading, what);
    assert!(began.elapsed() < Duration::from_secs(20), "{what} took {:?}", began.elapsed());
    reading
}

#[test]
fn damaged_messages_never_panic_and_never_fall_silent() {
    let originals = originals();
    let mut mutator = Mutator::new(originals.clone(), 20_270_314);
    for original in originals {
        for _ in 0..150 {
            let bytes = mutator.damaged(&original);
            recognised(&bytes);
            let reading = read("mutated", &bytes);
            is_sound(&reading, "mutated");
            // No damage makes more of a message than it is.
            assert!(n_rows(&reading) <= 200, "{} rows", n_rows(&reading));
            for envelope in Opened::new(&bytes).envelopes() {
                let answer = Answer::to(&reading.set_aside).write(envelope, "a", 0);
                assert!(answer.is_some_and(|text| Opened::new(text.as_bytes()).broken().is_none()));
            }
        }
    }
}

#[test]
fn every_cut_is_told() {
    for original in originals() {
        let whole = n_rows(&read("whole", &original));
        for cut in (0..original.len()).step_by(original.len() / 300 + 1) {
            let reading = read("cut", &original[..cut]);
            is_sound(&reading, "cut");
            let found = n_rows(&reading);
            let told = !reading.set_aside.is_empty() || warned(&reading, "truncated") || warned(&reading, "mime");
            assert!(found <= whole && (told || found == whole), "cut at {cut} lost {} rows silently", whole - found);
        }
    }
}

#[test]
fn any_bytes_are_survived() {
    let mut random = Random(7);
    let heads: [&[u8]; 6] = [
        b"",
        b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\n",
        b"--b\r\nContent-Type: text/xml\r\n\r\n",
        b"<e:Envelope xmlns:e='x'><e:Header><eb:Messaging xmlns:eb='ebxml-msg'>",
        b"<e:Envelope><e:Header><eb:MessageHeader/></e:Header><e:Body>",
        b"HTTP/1.1 200 OK\r\n",
    ];
    for _ in 0..2000 {
        let mut bytes: Vec<u8> = (0..random.below(300)).map(|_| random.below(256) as u8).collect();
        bytes.splice(0..0, heads[random.below(heads.len())].iter().copied());
        is_sound(&read("random", &bytes), "random");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const HEAD: &str = "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/xml\r\n\r\n";

/// An ebMS 2.0 envelope of its own, with something in its header and something in its body.
fn soap(header: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:eb=\"http://www.oasis-open.org/committees/ebxml-msg/schema/msg-header-2_0.xsd\"><s:Header>\
         <eb:MessageHeader><eb:Action>x</eb:Action><eb:MessageData><eb:MessageId>m</eb:MessageId></eb:MessageData>\
         {header}</eb:MessageHeader></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}

#[test]
fn gzip_bombs_do_not_go_off() {
    let bomb = gzip(&vec![b' '; 300 << 20]);
    assert!(bomb.len() < 400_000);
    for (what, payload) in [("once", bomb.clone()), ("twice", gzip(&bomb)), ("behind", [gzip(b"UNB"), bomb].concat())] {
        let message = envelope("CUSCAR").around(EbxmlKind::Ebms2, &payload);
        let reading = quickly(what, &message);
        assert!(!reading.set_aside.is_empty() && n_rows(&reading) == 0, "{what}: {:?}", reading.counts);
        // In the second the payload is a bomb still, which nobody lights.
        let code = if what == "twice" { "compression" } else { "too_large" };
        assert!(has(&reading, code), "{what}: {:?}", reading.set_aside);
    }
    // Many small ones share one budget.
    let small = gzip(&vec![b' '; 15 << 20]);
    let mut message = format!("{HEAD}{}", soap("", "")).into_bytes();
    for _ in 0..200 {
        message.extend_from_slice(b"\r\n--b\r\nContent-Type: application/gzip\r\n\r\n");
        message.extend_from_slice(&small);
    }
    message.extend_from_slice(b"\r\n--b--\r\n");
    let reading = quickly("many", &message);
    assert_eq!(reading.set_aside.len(), 200);
    let spent = reading.set_aside.iter().filter(|unit| unit.code == "too_large").count();
    assert!(spent > 150, "{spent} of 200 were refused");
}

#[test]
fn a_hundred_thousand_parts_are_not_read() {
    let mut message = format!("{HEAD}{}", soap("", ""));
    message.push_str(&"\r\n--b\r\n\r\nx".repeat(100_000));
    let reading = quickly("parts", message.as_bytes());
    assert!(has(&reading, "too_many_parts"));
    assert!(reading.set_aside.len() <= 1001, "{}", reading.set_aside.len());
    let references = "<eb:Reference href=\"cid:a\"/>".repeat(100_000);
    let body = format!("<eb:Manifest>{references}</eb:Manifest>");
    let message = format!(
        "{HEAD}{}\r\n--b\r\nContent-ID: <a>\r\n\r\nUNB+UNOA:4+A+B+270301:0905+1'\r\n--b--\r\n",
        soap("", &body)
    );
    let reading = quickly("references", message.as_bytes());
    assert!(has(&reading, "too_many_references"));
    assert_eq!(count(&reading, "payloads"), 1, "a part is read once");
    let messages = format!("{}{}", "<eb:UserMessage/>".repeat(100_000), "<eb:SignalMessage/>".repeat(100_000));
    let message = format!(
        "<s:Envelope><s:Header><eb:Messaging xmlns:eb='ebxml-msg'>{messages}</eb:Messaging></s:Header></s:Envelope>"
    );
    let reading = quickly("messages", message.as_bytes());
    assert!(count(&reading, "envelopes") <= 100);
}

#[test]
fn a_multipart_body_in_another_is_not_opened() {
    let mut message = "x".to_owned();
    for n in 0..2_000 {
        message = format!("Content-Type: multipart/mixed; boundary=n{n}\r\n\r\n--n{n}\r\n{message}\r\n--n{n}--\r\n");
    }
    quickly("nested", message.as_bytes());
    let message = format!("{HEAD}{}\r\n--b\r\n{message}\r\n--b--\r\n", soap("", ""));
    assert!(has(&quickly("nested in an envelope", message.as_bytes()), "nested"));
}

#[test]
fn a_boundary_that_never_ends_is_told() {
    let whole = envelope("GOVCBR929").around(EbxmlKind::Ebms2, b"<a/>");
    let at = whole.windows(4).rposition(|w| w == b"\r\n--").unwrap();
    let reading = quickly("open", &whole[..at]);
    assert!(warned(&reading, "mime"));
    for (what, piece) in
        [("dashes", "-"), ("lines", "\r\n--"), ("almost", "\r\n--bb"), ("blanks", " \t"), ("spoilt", "\r\n  --b x")]
    {
        let message = format!("{HEAD}{}", piece.repeat(2_000_000 / piece.len()));
        quickly(what, message.as_bytes());
        let message = format!("{}{}", piece.repeat(2_000_000 / piece.len()), "\r\n--b\r\nContent-Type: a\r\n\r\n");
        quickly(what, message.as_bytes());
        let field = format!("Content-Type: multipart/related; boundary=\"{}", piece.repeat(100_000));
        quickly(what, field.as_bytes());
        quickly(what, format!("X: {}\r\n{HEAD}", piece.repeat(100_000)).as_bytes());
    }
    quickly("fields", "a: b\r\n".repeat(500_000).as_bytes());
    quickly("quotes", format!("Content-Type: multipart/related; {}", "a=\"\\\";".repeat(100_000)).as_bytes());
}

#[test]
fn entities_of_an_envelope_are_not_expanded() {
    let mut laughs = String::from("<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY lol0 \"lol\">");
    for n in 1..10 {
        laughs.extend(["<!ENTITY lol", &n.to_string(), " \"", &format!("&lol{};", n - 1).repeat(10), "\">"]);
    }
    laughs.push_str("]>");
    laughs.push_str(&soap("<eb:ConversationId>&lol9;</eb:ConversationId>", ""));
    let reading = quickly("laughs", laughs.as_bytes());
    assert!(warned(&reading, "envelope"), "{:?}", reading.warnings);
    let opened = Opened::new(laughs.as_bytes());
    assert!(opened.envelopes()[0].conversation_id.as_ref().is_none_or(|id| id.len() < 100));
    let deep = format!("<s:Envelope xmlns:x='ebxml-msg'>{}", "<s:Header>".repeat(1_000_000));
    quickly("deep", deep.as_bytes());
    let long = soap(&format!("<eb:ConversationId>{}</eb:ConversationId>", "x".repeat(10 << 20)), "");
    quickly("long", long.as_bytes());
}
