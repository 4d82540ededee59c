//! The payloads of a message: which part each one is, who reads it, and what the envelope adds to its rows.

use std::borrow::Cow;

use super::envelope::{Envelope, Purpose, Reference, content_id};
use super::mime::{PARTS_MAX, Part};
use super::parts::{Reading, label, said};
use super::transfer::{self, Refusal};
use super::{NAME, Opened};
use crate::format::{HEAD_BYTES, MessageFormat, MessageInput, MessageReading};
use crate::formats::{FORMATS, mail, xml};
use crate::options::{Around, ReadOptions};
use crate::recognise::{FIRST_LOOK_BYTES, Recognised, Unrecognised, recognise};

/// What is said of a part whose header cannot be read.
const PART_HEADER: &str = "its header has no end within 16 KiB, or is none; shorten it and send the message again";

/// Document codes in an Action, and the format of their readers.
const DOCUMENTS: &[(&str, &str)] = &[
    ("GOVCBR929", "govcbr929"),
    ("GOVCBR830", "govcbr830"),
    ("PAXLST", "edifact"),
    ("PNRGOV", "edifact"),
    ("PNRGOV", "pnrgov_xml"),
    ("CUSCAR", "edifact"),
    ("CUSDEC", "edifact"),
    ("CUSREP", "edifact"),
    ("IFTSTA", "edifact"),
    ("COARRI", "edifact"),
    ("CODECO", "edifact"),
    ("COPRAR", "edifact"),
    ("CUSRES", "edifact"),
    ("CONTRL", "edifact"),
    ("CC315A", "ens"),
    ("CC313A", "ens"),
    ("IE315", "ens"),
    ("IE313", "ens"),
    ("CC029C", "ncts_release"),
    ("CC029B", "ncts_release"),
    ("CC029A", "ncts_release"),
    ("IE029", "ncts_release"),
    ("CC051B", "ncts_release"),
    ("CC051A", "ncts_release"),
    ("IE051", "ncts_release"),
    ("AWMDS", "awmds"),
    ("XFWB", "xfwb"),
    ("XFZB", "xfzb"),
    ("XFFM", "xffm"),
    ("FWB", "cargo_imp"),
    ("FHL", "cargo_imp"),
    ("FFM", "cargo_imp"),
];

/// Reads the payloads of an opened message.
pub fn read(opened: &Opened<'_>, input: MessageInput<'_>) -> MessageReading {
    let mut reading = Reading::new(NAME, input);
    for (code, text) in &opened.body.oddities {
        reading.warn(code, "", text);
    }
    for (code, text) in &opened.found.oddities {
        reading.warn(code, "envelope", text);
    }
    if opened.found.envelopes.is_empty() || opened.found.broken.is_some() {
        let (code, says) = match &opened.found.broken {
            Some(says) => {
                ("envelope", format!("the envelope cannot be read: {says}; mend it and send the message again"))
            }
            None => ("no_envelope", "no ebXML envelope is in it; send the payload by itself, or in one".to_owned()),
        };
        reading.set_aside(code, "envelope", &says, input.bytes);
        return reading.finish();
    }
    opened.found.envelopes[0].protocol.version().clone_into(&mut reading.out.version);
    let mut taken = vec![false; opened.body.parts.len()];
    taken[opened.at] = true;
    let mut users = 0;
    for envelope in &opened.found.envelopes {
        reading.count("envelopes", 1);
        reading.count(envelope.purpose.counted(), 1);
        if envelope.message_id.is_empty() {
            reading.warn("no_message_id", "envelope", "it cannot be answered, nor told when it comes again");
        }
        if envelope.signed {
            reading.warn("signature_unchecked", "envelope", "it is signed; the signature was not checked here");
        }
        if envelope.purpose == Purpose::Payloads {
            users += 1;
            user_message(opened, envelope, &mut taken, &mut reading);
        }
    }
    rest(opened, users > 0, &taken, &mut reading);
    reading.finish()
}

fn user_message(opened: &Opened<'_>, envelope: &Envelope, taken: &mut [bool], reading: &mut Reading<'_>) {
    let around = Around {
        message_id: (!envelope.message_id.is_empty()).then(|| envelope.message_id.clone()),
        sender_id: (!envelope.sender().is_empty()).then(|| envelope.sender().to_owned()),
        issued_at: envelope.issued_at,
        charset: None,
    };
    let options = ReadOptions { around: Some(around), ..reading.input.options.clone() };
    let mut in_body = opened.found.body_payload;
    for reference in &envelope.references {
        if reference.href.is_empty() {
            // The payload is the SOAP body.
            in_body = true;
            continue;
        }
        let (id, says_cid) = content_id(&reference.href);
        let said = said(&id);
        if !says_cid && id.contains("://") {
            let says = format!("payload `{said}` stands elsewhere, and nothing is fetched; send it in the message");
            reading.set_aside("external_payload", "envelope", &says, reference.href.as_bytes());
            continue;
        }
        let Some(at) = part_of(opened, &id, &reference.href, taken, reading) else {
            if let Some(at) = unnamed_by_header(opened, taken) {
                // Which part it is, its header would say.
                taken[at] = true;
                let says = format!("{PART_HEADER}; it may be payload `{said}`");
                reading.set_aside("part_header", &label(at, &opened.body.parts[at]), &says, opened.body.parts[at].body);
                continue;
            }
            let says = format!("payload `{said}` is not in the message; ask the sender to send all parts");
            reading.set_aside("missing_part", "envelope", &says, reference.href.as_bytes());
            continue;
        };
        if !says_cid {
            reading.warn("href", "envelope", &format!("the reference to `{said}` does not say `cid:`"));
        }
        if std::mem::replace(&mut taken[at], true) {
            reading.warn("repeated_reference", "envelope", &format!("payload `{said}` is named again"));
            continue;
        }
        payload(envelope, &opened.body.parts[at], at, Some(reference), &options, reading);
    }
    if envelope.references_cut {
        let says = "names more payloads than a message is read with; send it in several";
        reading.set_aside("too_many_references", "envelope", says, b"");
    }
    if envelope.references.is_empty() {
        let all: Vec<usize> = (0..taken.len()).filter(|at| !taken[*at]).collect();
        if !all.is_empty() {
            reading.warn("no_manifest", "envelope", &format!("{} parts came that it does not name", all.len()));
        }
        for at in all {
            taken[at] = true;
            payload(envelope, &opened.body.parts[at], at, None, &options, reading);
        }
    }
    if in_body {
        // Only XML stands in XML: the document is read as it is, and what is in its body is found.
        let part = &opened.body.parts[opened.at];
        let bytes = transfer::decode(part.field("content-transfer-encoding"), part.body);
        let bytes = bytes.map_or(Cow::Borrowed(part.body), |(bytes, _)| bytes);
        reading.count("payloads", 1);
        let input = MessageInput { source: reading.input.source, bytes: &bytes, options: &options };
        reading.take("SOAP body", xml::read(input));
    }
}

/// The part that a reference means: by its id, by its location, else the next one that has no id.
fn part_of(opened: &Opened<'_>, id: &str, href: &str, taken: &[bool], reading: &mut Reading<'_>) -> Option<usize> {
    let parts = &opened.body.parts;
    let is = |part: &Part<'_>| part.id().is_some_and(|own| own == id || own == href);
    let by_id = parts.iter().enumerate().position(|(at, part)| at != opened.at && is(part));
    let by_place = || parts.iter().position(|part| !id.is_empty() && part.field("content-location") == href);
    if let Some(at) = by_id.or_else(by_place) {
        return Some(at);
    }
    let at =
        parts.iter().zip(taken).position(|(part, taken)| !taken && part.id().is_none() && part.header.is_some())?;
    let text = format!("part {} has no Content-ID and was taken for `{}`", at + 1, said(id));
    reading.warn("no_content_id", &label(at, &parts[at]), &text);
    Some(at)
}

/// The first part whose header cannot be read, of those that are left.
fn unnamed_by_header(opened: &Opened<'_>, taken: &[bool]) -> Option<usize> {
    opened.body.parts.iter().zip(taken).position(|(part, taken)| !taken && part.header.is_none())
}

/// What came beside: parts that nobody named, or that were not looked at.
fn rest(opened: &Opened<'_>, any_user: bool, taken: &[bool], reading: &mut Reading<'_>) {
    for (at, part) in opened.body.parts.iter().enumerate().filter(|(at, _)| !taken[*at]) {
        let says = if any_user {
            "the envelope names other payloads and not this one; have it named, and send the message again"
        } else {
            "came with a signal, which brings no payload; send it in a message of its own"
        };
        reading.set_aside("unreferenced", &label(at, part), says, part.body);
    }
    if let Some(from) = opened.body.more_from {
        let says = format!("more than {PARTS_MAX} parts; what follows is not read, send it in several messages");
        reading.set_aside("too_many_parts", &format!("byte {from}"), &says, &opened.bytes[from..]);
    }
}

/// Unpacks a part and gives it to its reader.
fn payload(
    envelope: &Envelope,
    part: &Part<'_>,
    at: usize,
    reference: Option<&Reference>,
    options: &ReadOptions,
    reading: &mut Reading<'_>,
) {
    let place = label(at, part);
    match open(envelope, part, reference, &place, reading) {
        Err((code, says)) => reading.set_aside(code, &place, &says, part.body),
        Ok(bytes) => match reader(&envelope.action, &bytes, &place, reading) {
            Err((code, says)) => reading.set_aside(code, &place, &says, &bytes),
            Ok(format) => {
                reading.count("payloads", 1);
                let mut options = options.clone();
                if let Some(around) = &mut options.around {
                    around.charset = xml::charset(&charset(part, reference));
                }
                let input = MessageInput { source: reading.input.source, bytes: &bytes, options: &options };
                reading.take(&place, (format.read)(input));
            }
        },
    }
}

/// The encoding of a payload as the envelope or its part tells it; empty where neither does.
fn charset(part: &Part<'_>, reference: Option<&Reference>) -> String {
    let property = property(reference, "CharacterSet");
    if property.is_empty() { part.charset() } else { property.to_owned() }
}

/// A property that the envelope tells of a part, empty where it tells none.
fn property<'r>(reference: Option<&'r Reference>, name: &str) -> &'r str {
    let properties = reference.into_iter().flat_map(|reference| &reference.properties);
    let found = properties.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value.as_str())
}

fn open<'b>(
    envelope: &Envelope,
    part: &Part<'b>,
    reference: Option<&Reference>,
    place: &str,
    reading: &mut Reading<'_>,
) -> Result<Cow<'b, [u8]>, Refusal> {
    if part.header.is_none() {
        return Err(("part_header", PART_HEADER.into()));
    }
    let kind = part.media_type();
    if kind.starts_with("multipart/") {
        return Err(("nested", "is a multipart body itself; send its parts as parts of the message".into()));
    }
    let (bytes, damaged) = transfer::decode(part.field("content-transfer-encoding"), part.body)?;
    if damaged {
        reading.warn("transfer_encoding", place, "an `=` in it means nothing and was kept");
    }
    let property = |name: &str| property(reference, name);
    let gzip = |kind: &&str| kind.ends_with("/gzip") || kind.ends_with("/x-gzip");
    let encoding =
        Some(part.field("content-encoding")).filter(|e| !e.is_empty() && !e.eq_ignore_ascii_case("identity"));
    let announced = [property("CompressionType"), kind.as_str()].into_iter().find(gzip).or(encoding);
    let announced = announced.or(Some(property("CompressionType"))).unwrap_or_default();
    let is_cipher = |bytes: &[u8]| {
        let head = &bytes[..bytes.len().min(FIRST_LOOK_BYTES)];
        kind.ends_with("pkcs7-mime") || memchr::memmem::find(head, b"EncryptedData").is_some()
    };
    let refused = || ("encrypted", "is encrypted; have the gateway decrypt it before it comes here".to_owned());
    let bytes = transfer::unpack(announced, bytes, &mut reading.left)
        .map_err(|refusal| if envelope.encrypted { refused() } else { refusal })?;
    if bytes.trim_ascii().is_empty() {
        return Err(("empty_payload", "is empty; send the message again with its payload".into()));
    }
    if is_cipher(&bytes) || (envelope.encrypted && recognise_in(&bytes).is_none()) {
        return Err(refused());
    }
    Ok(bytes)
}

/// The format of a payload by its content, of those that stand in envelopes.
fn recognise_in(bytes: &[u8]) -> Option<&'static MessageFormat> {
    heads(bytes).find_map(|head| FORMATS.iter().find(|format| (format.recognise)(head)))
}

/// Its first bytes, and where there are more of them, those too: a comment may stand before what it is.
fn heads(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let first = &bytes[..bytes.len().min(FIRST_LOOK_BYTES)];
    let more = bytes.get(..bytes.len().min(HEAD_BYTES)).filter(|more| more.len() > first.len());
    std::iter::once(first).chain(more)
}

/// Who reads a payload: whom the Action names, if it is of that kind, else whom its content names.
fn reader(
    action: &str,
    bytes: &[u8],
    place: &str,
    reading: &mut Reading<'_>,
) -> Result<&'static MessageFormat, Refusal> {
    let upper = action.to_ascii_uppercase();
    let named = DOCUMENTS.iter().filter(|(code, _)| upper.contains(code)).filter_map(|(_, name)| find(name));
    let named: Vec<_> = named.collect();
    if let Some(format) = heads(bytes).find_map(|head| named.iter().find(|format| (format.recognise)(head))) {
        return Ok(format);
    }
    if let Some(format) = recognise_in(bytes) {
        if format.name == NAME || format.name == mail::NAME {
            return Err(("nested", "is an envelope or mail itself; send it by itself".into()));
        }
        if let Some(other) = named.first() {
            let text = format!("the Action says {}, the content is {}", other.name, format.name);
            reading.warn("action_content", place, &text);
        }
        return Ok(format);
    }
    // A sender who says what it is may still be told best by the reader of that, unless it is no text at all.
    match other(bytes) {
        (may_be_damaged, _) if may_be_damaged && !named.is_empty() => Ok(named[0]),
        (_, what) => Err(("unknown_content", what)),
    }
}

/// What is not recognised as a message: whether it may be a damaged one, and what it is.
pub fn other(bytes: &[u8]) -> (bool, String) {
    match recognise(&bytes[..bytes.len().min(HEAD_BYTES)]) {
        Ok(Recognised::Ndjson) => (false, "is JSON, which is taken by itself and not out of envelopes".to_owned()),
        Ok(Recognised::Csv | Recognised::Empty | Recognised::Message(_)) => {
            (true, "is text of no kind that is read here; tables are taken by themselves".to_owned())
        }
        Ok(other) => (false, format!("is {}, which is taken by itself and not out of envelopes", other.name())),
        Err(Unrecognised::Xml) => (true, Unrecognised::Xml.to_string()),
        Err(unrecognised) => (false, unrecognised.to_string()),
    }
}

fn find(name: &str) -> Option<&'static MessageFormat> {
    FORMATS.iter().find(|format| format.name == name)
}
