//! Mail, and HTTP as it was caught, that hides messages: in base64 or quoted-printable, packed, as one body or attached.
//!
//! What stands in such a body as it is needs none of this: every reader cuts what transport put around its messages, and
//! interchanges undo a transfer encoding themselves, in their place. The rest would be lost or refused: it is written
//! out here, each body given to the reader of what it is, as [`ebxml`] does it with payloads. So are bodies
//! that hold messages of several formats, which no other reader would take all of. Envelopes of ebXML are tried before
//! and not opened here.
//!
//! What more is behind the first bytes cannot be known from them: mail that goes on is taken here, and where one reader
//! can take all of it after all, it is handed to that one whole, and answered by it.

use super::ebxml::mime::{self, Body, Part};
use super::ebxml::parts::{Reading, label};
use super::ebxml::{payloads, transfer};
use super::{FORMATS, ebxml, edifact, xml};
use crate::answers::{Answering, Document};
use crate::format::{HEAD_BYTES, MessageFormat, MessageInput, MessageReading};
use crate::options::{Around, ReadOptions};

/// Name of the format.
pub const NAME: &str = "mail";

/// The entry in the list of formats.
pub const FORMAT: MessageFormat = MessageFormat {
    name: NAME,
    title: "mail or HTTP that brings messages in base64, quoted-printable or gzip, or of several formats",
    versions: &["MIME 1.0"],
    recognise,
    read,
    stream: None,
    answer: Some(answer),
};

/// Multipart bodies in each other that are opened: a mail of several texts, sent on with an attachment, has three.
const DEPTH_MAX: usize = 4;
/// Messages that are read.
const MESSAGES_MAX: usize = 100;
/// Bodies that are looked at, be they messages, words or pictures.
const BODIES_MAX: usize = 1000;
/// What becomes of messages beyond these.
const NOT_READ: &str = "what follows is not read, send it in several messages";
/// How much of a body tells what it is.
const LOOK_BYTES: usize = 4 * 1024;

fn recognise(head: &[u8]) -> bool {
    // Nearly every file has no header of a body, and is not looked at.
    let names = |word: &[u8]| memchr::memmem::find(head, word).is_some();
    let has_header = names(b"ontent-") || names(b"ONTENT-") || names(b"zip");
    if head.trim_ascii_start().starts_with(b"<") || !has_header {
        return false;
    }
    let Some(body) = mime::split(head) else { return false };
    let bodies = bodies(body);
    let seen: Vec<_> = bodies.parts.iter().map(begins).collect();
    if needs_opening(&bodies.parts, &seen) {
        return true;
    }
    if head.len() < LOOK_BYTES || !bodies.cut_off {
        return false;
    }
    match seen.last() {
        // One interchange as far as can be seen.
        Some(Some(format)) if format.name == edifact::NAME => false,
        _ if seen.iter().flatten().next().is_some() => true,
        _ => {
            let attached = bodies.parts.iter().filter(|part| !is_words(part));
            let mut kinds: Vec<_> = attached.map(Part::media_type).collect();
            kinds.sort_unstable();
            kinds.dedup();
            kinds.len() > 1 || bodies.parts.iter().any(Part::is_encoded)
        }
    }
}

/// Of what format the message in a body is, by its first bytes.
fn begins(part: &Part<'_>) -> Option<&'static MessageFormat> {
    let head = &part.body[..part.body.len().min(HEAD_BYTES)];
    message(&transfer::beginning(part.field("content-transfer-encoding"), head, LOOK_BYTES))
}

/// Whether a message in these bodies would be lost on every other reader. `seen` is of what format each body is.
fn needs_opening(parts: &[Part<'_>], seen: &[Option<&'static MessageFormat>]) -> bool {
    let hidden = parts.iter().zip(seen).any(|(part, format)| {
        let hidden = part.is_packed() || part.is_encoded();
        // An interchange is written out where it is read, and its answer goes by the places in it.
        hidden && format.is_some_and(|format| format.name != edifact::NAME || is_packed(part))
    });
    let mut formats = seen.iter().flatten();
    let first = formats.next();
    // Of XML one document is read and no more.
    let is_xml = first.is_some_and(|first| xml::FORMATS.iter().any(|format| format.name == first.name));
    hidden || formats.any(|format| is_xml || first.is_some_and(|first| first.name != format.name))
}

/// Who can read mail whole, since it needs no opening: its first bytes did not tell.
fn reads_whole(bytes: &[u8], parts: &[Part<'_>]) -> Option<&'static MessageFormat> {
    let seen: Vec<_> = parts.iter().map(begins).collect();
    let format = seen.iter().flatten().next().filter(|_| !needs_opening(parts, &seen))?;
    // Interchanges are looked for in all of it, other messages in its first bytes.
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    (format.name == edifact::NAME || (format.recognise)(head)).then_some(*format)
}

/// What mail that one reader can take is answered by that one.
fn answer(answering: &Answering<'_>) -> Vec<Document> {
    let bytes = answering.message.bytes;
    let whole = mime::split(bytes).and_then(|body| reads_whole(bytes, &bodies(body).parts));
    whole.and_then(|format| format.answer).map_or_else(Vec::new, |write| write(answering))
}

/// Whether gzip is in a body, also where it is encoded.
fn is_packed(part: &Part<'_>) -> bool {
    part.is_packed()
        || (part.field("content-transfer-encoding").trim().eq_ignore_ascii_case("base64")
        // What every gzip begins with, in base64.
        && part.body.trim_ascii_start().starts_with(b"H4sI"))
}

/// All bodies of a mail that are none of several parts, in order.
struct Bodies<'b> {
    parts: Vec<Part<'b>>,
    oddities: Vec<(&'static str, &'static str)>,
    /// More of them were there.
    stopped: bool,
    /// Its last boundary is not there.
    cut_off: bool,
}

fn bodies(body: Body<'_>) -> Bodies<'_> {
    let cut_off = body.oddities.iter().any(|(_, says)| says.starts_with("the last boundary is missing"));
    let stopped = body.more_from.is_some();
    let mut flat = Bodies { parts: Vec::new(), oddities: body.oddities, stopped, cut_off };
    let mut open = vec![body.parts.into_iter()];
    while let Some(part) = open.last_mut().map(Iterator::next) {
        let Some(part) = part else {
            open.pop();
            continue;
        };
        if flat.parts.len() == BODIES_MAX {
            flat.stopped = true;
            break;
        }
        match part.inner().filter(|_| open.len() < DEPTH_MAX) {
            Some(inner) => {
                flat.stopped |= inner.more_from.is_some();
                open.push(inner.parts.into_iter());
            }
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
    if let Some(format) = reads_whole(input.bytes, &body.parts) {
        return (format.read)(input);
    }
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
            if messages == MESSAGES_MAX as u64 {
                let says = format!("more than {MESSAGES_MAX} messages; {NOT_READ}");
                reading.set_aside("too_many_parts", &place, &says, b"");
                break;
            }
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
    if body.stopped {
        let says = format!("more than {BODIES_MAX} bodies; {NOT_READ}");
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

    /// Whether the XML and the interchange were read.
    fn brought(mail: &str) -> (bool, bool) {
        assert_eq!(named(mail.as_bytes()), NAME, "{mail}");
        let reading = reading(mail.as_bytes());
        (reading.counts.contains_key("answers"), reading.counts.contains_key("segments"))
    }

    #[test]
    fn messages_of_several_formats_are_all_read() {
        let (xml, hidden_xml) =
            (part("text/xml", "7bit", XML), part("application/xml", "base64", &base64(XML.as_bytes())));
        let (edi, hidden_edi) =
            (part("application/edifact", "7bit", EDI), part("application/edifact", "base64", &base64(EDI.as_bytes())));
        for xml in [&xml, &hidden_xml] {
            for edi in [&edi, &hidden_edi] {
                for parts in [[xml.clone(), edi.clone()], [edi.clone(), xml.clone()]] {
                    let mail = format!("From: a@b\r\n{}", mixed("B1", &parts));
                    assert_eq!(brought(&mail), (true, true), "{mail}");
                    assert_eq!(reading(mail.as_bytes()).counts["bodies"], 2);
                }
            }
        }
        // No encoding is named at all, and of one format there are two.
        let plain = |kind: &str, body: &str| format!("Content-Type: {kind}\r\n\r\n{body}");
        let mail = mixed("B1", &[plain("text/xml", XML), plain("application/edifact", EDI)]);
        assert_eq!(brought(&mail), (true, true));
        assert_eq!(reading(mixed("B1", &[xml.clone(), xml]).as_bytes()).counts["bodies"], 2);
    }

    #[test]
    fn what_stands_behind_the_first_bytes_is_read() {
        let hello = part("text/plain", "7bit", "please see attached");
        let long = |kind: &str, bytes: usize| part(kind, "7bit", &"a long text\r\n".repeat(bytes / 13));
        let pdf = part("application/pdf", "base64", &base64(format!("%PDF-1.4{}", "x".repeat(40_000)).as_bytes()));
        let xml = part("application/xml", "base64", &base64(XML.as_bytes()));
        let edi = part("application/edifact", "7bit", EDI);
        let far_xml = format!("{XML}<!--{}-->\r\n", " a word\r\n".repeat(1000));
        for (mail, expected) in [
            (mixed("B1", &[hello.clone(), pdf.clone(), xml.clone()]), (true, false)),
            (mixed("B1", &[edi.clone(), long("text/plain", 40_000), xml.clone()]), (true, true)),
            (mixed("B1", &[hello.clone(), edi.clone(), long("text/plain", 5_000), xml]), (true, true)),
            (mixed("B1", &[part("text/xml", "7bit", &far_xml), edi.clone()]), (true, true)),
        ] {
            let (xml, interchange) = brought(&mail);
            assert_eq!((xml, interchange), expected, "{}", &mail[..500]);
        }
        // What holds nothing else in the end is read, and answered, by who reads it whole.
        let options = ReadOptions::default();
        for mail in [
            mixed("B1", &[edi.clone(), long("text/plain", 40_000)]),
            mixed("B1", &[part("application/edifact", "base64", &base64(EDI.as_bytes())), pdf.clone()]),
            mixed("B1", &[hello.clone(), pdf.clone(), edi]),
        ] {
            assert_eq!(named(mail.as_bytes()), NAME);
            let input = MessageInput { source: "mail", bytes: mail.as_bytes(), options: &options };
            let (own, edifact) = (read(input), (edifact::FORMAT.read)(input));
            assert_eq!(own.counts, edifact.counts);
            assert_eq!((own.format, codes(&own)), (edifact.format, codes(&edifact)));
        }
        // One interchange in sight, and mail without anything encoded, stay where they were.
        let many = EDI.replace("UNT", &"NAD+FL+++MUSTERFRAU:LINA'\r\n".repeat(400)).replace("\r\n", "\n");
        for (mail, name) in [
            (mixed("B1", &[hello.clone(), part("application/edifact", "7bit", &many)]), "edifact"),
            (mixed("B1", &[hello.clone(), part("a/b", "base64", &base64(many.as_bytes()))]), "edifact"),
            (mixed("B1", &[hello, long("text/plain", 40_000)]), "csv"),
        ] {
            assert_eq!(named(mail.as_bytes()), name, "{}", &mail[..500]);
        }
        assert_eq!(named(mixed("B1", &[pdf]).as_bytes()), NAME, "its head does not show that nothing follows");
    }

    #[test]
    fn a_hundred_messages_are_read_however_many_words_come_with_them() {
        let xml = part("text/xml", "base64", &base64(XML.as_bytes()));
        let words = part("text/plain", "7bit", "Kind regards");
        let too_many = |reading: &MessageReading| codes(reading).1.iter().filter(|c| **c == "too_many_parts").count();
        for (parts, messages, refused) in [
            (vec![xml.clone(); MESSAGES_MAX], 100, 0),
            (vec![xml.clone(); MESSAGES_MAX + 1], 100, 1),
            ([vec![words.clone(); 110], vec![xml.clone()]].concat(), 1, 0),
            ([vec![words.clone(); BODIES_MAX - 1], vec![xml.clone()]].concat(), 1, 0),
            ([vec![xml.clone()], vec![words.clone(); BODIES_MAX]].concat(), 1, 1),
            ([vec![xml.clone()], vec![mixed("B2", &vec![words; BODIES_MAX]); 2]].concat(), 1, 1),
        ] {
            let reading = reading(mixed("B1", &parts).as_bytes());
            assert_eq!((reading.counts["bodies"], too_many(&reading)), (messages, refused), "{}", parts.len());
        }
    }
}
