//! Mail, and HTTP as it was caught, that hides messages: in base64 or quoted-printable, packed, as one body or attached.
//!
//! What stands in such a body as it is needs none of this: every reader cuts what transport put around its messages, and
//! interchanges undo a transfer encoding themselves, in their place. The rest would be lost or refused: it is written
//! out here, each body given to the reader of what it is, as [`ebxml`](super::ebxml) does it with payloads. Envelopes of
//! ebXML are tried before and not opened here.

use super::ebxml::mime::{self, Body, Part};
use super::ebxml::parts::{Reading, label};
use super::ebxml::{payloads, transfer};
use super::{FORMATS, ebxml, edifact, xml};
use crate::format::{HEAD_BYTES, MessageFormat, MessageInput, MessageReading};
use crate::options::{Around, ReadOptions};

/// Name of the format.
pub const NAME: &str = "mail";

/// The entry in the list of formats.
pub const FORMAT: MessageFormat = MessageFormat {
    name: NAME,
    title: "mail or HTTP that brings messages in base64, quoted-printable or gzip",
    versions: &["MIME 1.0"],
    recognise,
    read,
    stream: None,
    answer: None,
};

/// Multipart bodies in each other that are opened: a mail of several texts, sent on with an attachment, has three.
const DEPTH_MAX: usize = 4;
/// Bodies that are looked at.
const BODIES_MAX: usize = 100;
/// How much of a body tells what it is.
const LOOK_BYTES: usize = 4 * 1024;

fn recognise(head: &[u8]) -> bool {
    // Nearly every file names no encoding, and is not looked at.
    let names = |word: &[u8]| memchr::memmem::find(head, word).is_some();
    if head.trim_ascii_start().starts_with(b"<") || !(names(b"ncoding") || names(b"NCODING") || names(b"zip")) {
        return false;
    }
    let Some(body) = mime::split(head) else { return false };
    bodies(body).parts.iter().any(|part| {
        let begins = transfer::beginning(part.field("content-transfer-encoding"), part.body, LOOK_BYTES);
        let packed = !part.is_encoded() && part.is_packed();
        let hidden = packed || part.is_encoded();
        // An interchange is written out where it is read, and its answer goes by the places in it.
        hidden && message(&begins).is_some_and(|format| format.name != edifact::NAME || is_packed(part))
    })
}

/// Whether gzip is in a body, also where it is encoded.
fn is_packed(part: &Part<'_>) -> bool {
    part.is_packed()
        || (part.field("content-transfer-encoding").trim().eq_ignore_ascii_case("base64")
        // What every gzip begins with, in base64.
        && part.body.trim_ascii_start().starts_with(b"H4sI"))
}

/// All bodies that are none of several parts, in order.
fn bodies(body: Body<'_>) -> Body<'_> {
    let mut flat = Body { oddities: body.oddities, more_from: body.more_from, ..Body::default() };
    let mut open = vec![body.parts.into_iter()];
    while let Some(part) = open.last_mut().map(Iterator::next) {
        let Some(part) = part else {
            open.pop();
            continue;
        };
        if flat.parts.len() == BODIES_MAX {
            break;
        }
        match part.inner().filter(|_| open.len() < DEPTH_MAX) {
            Some(inner) => open.push(inner.parts.into_iter()),
            None => flat.parts.push(part),
        }
    }
    flat
}

/// Whose message begins so.
fn message(bytes: &[u8]) -> Option<&'static MessageFormat> {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let readers = || FORMATS.iter().filter(|format| format.name != NAME && format.name != ebxml::NAME);
    [&head[..head.len().min(LOOK_BYTES)], head].into_iter().find_map(|head| readers().find(|f| (f.recognise)(head)))
}

fn read(input: MessageInput<'_>) -> MessageReading {
    let mut reading = Reading::new(NAME, input);
    let Some(body) = mime::split(input.bytes) else {
        reading.set_aside(
            "unknown_content",
            "byte 0",
            "is neither mail nor HTTP; send the message by itself",
            input.bytes,
        );
        return reading.finish();
    };
    let body = bodies(body);
    for (code, text) in &body.oddities {
        reading.warn(code, "", text);
    }
    let (mut messages, mut words) = (0, 0);
    for (at, part) in body.parts.iter().enumerate() {
        let place = label(at, part);
        let bytes =
            transfer::decode(part.field("content-transfer-encoding"), part.body).and_then(|(bytes, damaged)| {
                if damaged {
                    reading.warn("transfer_encoding", &place, "an `=` in it means nothing and was kept");
                }
                transfer::unpack("", bytes, &mut reading.left)
            });
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(_) if is_words(part) => {
                words += 1;
                continue;
            }
            Err((code, says)) => {
                reading.set_aside(code, &place, &says, part.body);
                continue;
            }
        };
        if let Some(format) = message(&bytes) {
            messages += 1;
            if part.is_encoded() || part.is_packed() {
                let text = "it came encoded or packed; places are those in what came out";
                reading.warn("transport_encoding", &place, text);
            }
            let around = input.options.around.clone().unwrap_or_default();
            let around = Around { charset: xml::charset(&part.charset()), ..around };
            let options = ReadOptions { around: Some(around), ..input.options.clone() };
            reading.take(&place, (format.read)(MessageInput { bytes: &bytes, options: &options, ..input }));
        } else if is_words(part) || bytes.trim_ascii().is_empty() {
            words += 1;
        } else {
            let (_, says) = payloads::other(&bytes);
            reading.set_aside("unknown_content", &place, &says, &bytes);
        }
    }
    reading.count("bodies", messages);
    if body.parts.len() == BODIES_MAX {
        let says = format!("more than {BODIES_MAX} bodies; what follows is not read, send it in several messages");
        reading.set_aside("too_many_parts", "byte 0", &says, b"");
    }
    if messages == 0 {
        let says = "no message that is read is in it; send the message by itself";
        reading.set_aside("unknown_content", "byte 0", says, input.bytes);
    } else if words > 0 {
        let text = format!("{words} bodies of words or pictures were left out");
        reading.warn("transport_dirt", "", &text);
    }
    reading.finish()
}

/// Whether a body is what people write to each other, and the pictures under it.
fn is_words(part: &Part<'_>) -> bool {
    let kind = part.media_type();
    let named = part.field("content-disposition").trim_start().to_ascii_lowercase().starts_with("attachment");
    kind.starts_with("image/") || (!named && matches!(kind.as_str(), "" | "text/plain" | "text/html"))
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use std::io::Write;

    use super::*;
    use crate::recognise::recognise;

    const XML: &str = "<?xml version=\"1.0\"?>\n<cargCsclPrgsInfoQryRtnVo><tCnt>0</tCnt>\n<ntceInfo>N01</ntceInfo>\n\
                       </cargCsclPrgsInfoQryRtnVo>\n";
    const IMP: &str = "FWB/16\r\n999-12345675BKKICN/T1K1\r\n";
    const EDI: &str = "UNB+UNOA:4+A:ZZ+B:ZZ+270301:1200+1'UNH+1+PAXLST:D:12B:UN:IATA'UNT+2+1'UNZ+1+1'";

    fn base64(bytes: &[u8]) -> String {
        let text = BASE64_STANDARD.encode(bytes);
        let lines: Vec<_> = text.as_bytes().chunks(76).map(|line| str::from_utf8(line).unwrap()).collect();
        lines.join("\r\n") + "\r\n"
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    }

    fn part(kind: &str, encoding: &str, body: &str) -> String {
        format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}")
    }

    fn mixed(boundary: &str, parts: &[String]) -> String {
        let parts = parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n")).collect::<Vec<_>>().concat();
        format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n{parts}--{boundary}--\r\n")
    }

    fn named(bytes: &[u8]) -> &'static str {
        recognise(&bytes[..bytes.len().min(HEAD_BYTES)]).map_or("none", |found| found.name())
    }

    fn reading(bytes: &[u8]) -> MessageReading {
        read(MessageInput { source: "mail", bytes, options: &ReadOptions::default() })
    }

    fn codes(reading: &MessageReading) -> (Vec<&'static str>, Vec<&'static str>) {
        (reading.warnings.iter().map(|w| w.code).collect(), reading.set_aside.iter().map(|u| u.code).collect())
    }

    #[test]
    fn what_mail_hides_is_found_and_read_by_its_reader() {
        let quoted = XML.replace('=', "=3D").replace("<tCnt>", "<tC=\r\nnt>");
        let hello = part("text/plain", "7bit", "please see attached");
        let xml = part("application/xml; name=a.xml", "base64", &base64(XML.as_bytes()));
        for (mail, reads) in [
            (format!("From: a@b\r\n{}", part("text/xml", "quoted-printable", &quoted)), 1),
            (part("application/xml", "BASE64", &base64(XML.as_bytes())), 1),
            (format!("From a@b.example Mon Mar 1\r\nTo: c\r\n{xml}"), 1),
            (format!("From: a@b\r\n{}", mixed("B1", &[hello.clone(), xml.clone()])), 1),
            (mixed("B1", &[mixed("B2", &[hello.clone(), part("text/html", "7bit", "<p>see</p>")]), xml.clone()]), 1),
            (
                mixed(
                    "B1",
                    &[xml.clone(), part("application/edifact", "base64", &base64(EDI.as_bytes())), xml.clone()],
                ),
                3,
            ),
            (part("application/gzip", "base64", &base64(&gzip(XML))), 1),
            (part("application/gzip", "base64", &base64(&gzip(EDI))), 1),
            (part("text/plain", "base64", &base64(IMP.as_bytes())), 1),
            (
                mixed("B1", &[hello.clone(), part("message/rfc822", "7bit", &mixed("B2", std::slice::from_ref(&xml)))]),
                1,
            ),
        ] {
            assert_eq!(named(mail.as_bytes()), NAME, "{mail}");
            let reading = reading(mail.as_bytes());
            assert_eq!(reading.counts["bodies"], reads, "{mail}");
            let unread = reading.set_aside.iter().filter(|unit| unit.code == "unknown_content").count();
            assert_eq!(unread, 0, "{mail}: {:?}", reading.set_aside);
            // Places begin with the part.
            assert!(reading.set_aside.iter().all(|unit| unit.position.starts_with("part ")), "{:?}", reading.set_aside);
        }
        let (warnings, _) = codes(&reading(mixed("B1", &[hello, xml]).as_bytes()));
        assert_eq!((warnings[0], warnings.last()), ("transport_encoding", Some(&"transport_dirt")));
    }

    #[test]
    fn what_is_read_in_its_place_is_left_there() {
        for (mail, name) in [
            (part("application/edifact", "base64", &base64(EDI.as_bytes())), "edifact"),
            (part("text/xml", "7bit", XML), "unipass_cargo"),
            (format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n{XML}"), "unipass_cargo"),
            (mixed("B", &[part("text/xml", "8bit", XML)]), "unipass_cargo"),
            (part("application/pdf", "base64", &base64(b"%PDF-1.4")), "csv"),
        ] {
            assert_eq!(named(mail.as_bytes()), name, "{mail}");
        }
    }

    #[test]
    fn what_is_no_message_is_told() {
        let pdf = part("application/pdf", "base64", &base64(b"%PDF-1.4"));
        let broken = part("application/xml", "base64", "a*b");
        let table = part("text/csv", "base64", &base64(b"a,b\n1,2\n"));
        let mail = mixed("B1", &[part("text/xml", "base64", &base64(XML.as_bytes())), pdf, broken, table]);
        let (_, set_aside) = codes(&reading(mail.as_bytes()));
        let found: Vec<_> = set_aside.into_iter().filter(|code| *code != "error_answer").collect();
        assert_eq!(found, ["unknown_content", "transfer_encoding", "unknown_content"]);
        assert_eq!(codes(&reading(b"a,b\n1,2\n")).1, ["unknown_content"]);
    }

    #[test]
    fn bodies_in_bodies_end() {
        let mut mail = part("application/xml", "base64", &base64(XML.as_bytes()));
        for n in 0..20 {
            mail = mixed(
                &format!("B{n}"),
                &[mail.clone(), mail.clone()].map(|part| part[..part.len().min(200_000)].into()),
            );
        }
        let reading = reading(mail.as_bytes());
        assert!(!reading.set_aside.is_empty(), "{:?}", reading.counts);
    }
}
