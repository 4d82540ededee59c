//! The envelope: interchange, groups and messages, their counts and references.
//!
//! Each message is handed whole to the reader of its type. Counts are hints: compared, warned about, never a reason
//! to refuse. A message type without reader is set aside, whole, with its name.

use haechi_model::SetAside;
use haechi_model::intake::Warning;

use super::answers::{self, syntax};
use super::carried;
use super::output::Output;
use super::places::{short, to_utc_in};
use super::segments::{Arena, Cutter, Raw, SEGMENT_BYTES_MAX, Segment};
use super::service::{self, ServiceChars, Start};
use super::transport::{self, Transported};
use super::{cuscar, cusdec, cusrep, dates, paxlst, pnrgov, tracking};

/// Message types with a reader, for people.
const READ: &str = "PAXLST, PNRGOV, CUSCAR, CUSDEC, CUSREP, IFTSTA, COARRI, CODECO, COPRAR, CUSRES and CONTRL";

/// What the envelope says about every message in it.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// S002 0004.
    pub sender: String,
    /// 0020.
    pub reference: String,
    /// S004 as an instant, UTC milliseconds; it carries no zone, so the configured one is taken.
    pub issued_at: Option<i64>,
    /// The same as a day: what two-digit years are held against when a message has no other.
    pub issued_on: Option<chrono::NaiveDate>,
    /// 0035: not to be evaluated.
    pub test: bool,
}

/// One message.
pub struct Message<'m> {
    /// Around it.
    pub envelope: &'m Envelope,
    /// 0065: `PAXLST`.
    pub kind: String,
    /// As the column `message_version` writes it: `D.15B`, `001.000`.
    pub version: String,
    /// 0062.
    pub reference: String,
    /// 0068, what ties a series together.
    pub common_reference: String,
    /// S010: part and `C` first or `F` last.
    pub part: Option<(String, String)>,
    /// Segments behind UNH and before UNT.
    pub segments: &'m [Raw<'m>],
    /// It ends with UNT.
    pub complete: bool,
    /// Service characters.
    pub chars: ServiceChars,
    /// First byte of its interchange in the input.
    pub byte: usize,
}

/// Where segments of a message stand, as text: made for each row in the same room.
pub struct Places {
    path: String,
    position: String,
    /// How much of either is the same for all.
    fixed: (usize, usize),
}

impl Places {
    /// In a message.
    pub fn of(message: &Message<'_>) -> Self {
        let path = format!("{}/", message.reference);
        let position = format!("byte {}, message {}, segment ", message.byte, message.reference);
        Self { fixed: (path.len(), position.len()), path, position }
    }

    /// What [`Message::path`] and [`Message::position`] say of a segment.
    pub fn at(&mut self, segment: u32) -> (&str, &str) {
        self.path.truncate(self.fixed.0);
        push_number(&mut self.path, segment);
        self.position.truncate(self.fixed.1);
        self.position.push_str(&self.path[self.fixed.0..]);
        (&self.path, &self.position)
    }
}

/// Every row writes one: formatting would cost as much as a name.
fn push_number(text: &mut String, mut n: u32) {
    let mut digits = [b'0'; 10];
    let mut from = digits.len() - 1;
    loop {
        digits[from] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
        from -= 1;
    }
    text.extend(digits[from..].iter().map(|digit| *digit as char));
}

impl Message<'_> {
    /// Where a segment stands, as warnings and rows write it: `A1/13`.
    pub fn path(&self, segment: u32) -> String {
        format!("{}/{segment}", self.reference)
    }

    /// For the column `message_id`: the references of UNB and UNH; of a part of a series also what ties it together
    /// (0068) and which part it is (S010).
    pub fn id(&self) -> String {
        let id = format!("{}/{}", self.envelope.reference, self.reference);
        match &self.part {
            Some((part, mark)) => format!("{id}/{}:{part}:{mark}", self.common_reference),
            None => id,
        }
    }

    /// Whether it is no part of a series, or its only one: number one, which is the last or says neither.
    pub fn is_whole(&self) -> bool {
        let whole =
            |(part, mark): &(String, String)| part.trim_start_matches('0') == "1" && matches!(mark.as_str(), "F" | "");
        self.part.as_ref().is_none_or(whole)
    }

    /// For the column `source_position` and for what is set aside.
    pub fn position(&self, segment: u32) -> String {
        format!("byte {}, message {}, segment {segment}", self.byte, self.reference)
    }

    /// Tokenises a segment; what is wrong with it becomes a warning.
    pub fn push<'t>(&self, arena: &mut Arena<'t>, raw: Raw<'t>, warnings: &mut Vec<Warning>) {
        if raw.is_rejoined() {
            let text = format!("{}: a terminator in it is not released", raw.tag());
            warnings.push(Warning { code: "unreleased_terminator", path: self.path(raw.number), text });
        }
        if let Err(error) = arena.push(raw) {
            let text = match raw.tag() {
                // Of what has no tag nothing else is shown: it may be a piece of a name.
                "" if begins_with_a_tag_in_lower_case(raw.text) => format!("`{}`: {error}", &raw.text[..3]),
                "" => error.to_owned(),
                tag => format!("{tag}: {error}"),
            };
            warnings.push(Warning { code: "bad_segment", path: self.path(raw.number), text });
        }
    }

    /// Tokenises the segments of a header, whose values every row repeats: long ones are cut.
    pub fn header<'t>(&self, segments: impl IntoIterator<Item = Raw<'t>>, warnings: &mut Vec<Warning>) -> Arena<'t> {
        let mut arena = Arena::new(self.chars);
        for raw in segments {
            self.push(&mut arena, raw, warnings);
        }
        for number in arena.cut_long_values() {
            let text = "a value of the header was cut".to_owned();
            warnings.push(Warning { code: "value_cut", path: self.path(number), text });
        }
        arena
    }

    /// Segments as sent, for what is set aside.
    pub fn raw(&self, segments: &[Raw<'_>]) -> String {
        let mut text = String::new();
        for segment in segments {
            text.push_str(segment.text);
            text.push(self.chars.terminator as char);
            if text.len() >= SetAside::TEXT_BYTES_MAX {
                break;
            }
        }
        text
    }
}

/// Reads every interchange of the input.
pub fn read_all(out: &mut Output<'_>) {
    let whole = out.input.bytes;
    let bytes = whole.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(whole);
    if !read_piece(&mut None, bytes, whole.len() - bytes.len(), true, out) {
        let reason = "byte 0: no UNB and no UNH found; send an EDIFACT interchange";
        out.set_aside("no_interchange", "byte 0", reason, out.input.bytes);
    }
}

/// Reads a piece of an input, which begins and ends between messages and stands `offset` bytes behind its beginning.
/// `open` is the interchange that goes on from the piece before, and into the next unless this is the `last`. Returns
/// whether anything of an interchange is in it.
pub fn read_piece(open: &mut Option<Walk>, bytes: &[u8], offset: usize, last: bool, out: &mut Output<'_>) -> bool {
    let mut from = 0;
    let continued = open.is_some();
    if let Some(mut walk) = open.take() {
        let start = Start { at: 0, body: 0, chars: walk.chars, wide_terminator: None, guessed: false, bare: false };
        let taken = transport::take_on(bytes, &start, &walk.syntax, &walk.wide);
        from = taken.end;
        if taken.folded > 0 || taken.dropped > 0 || taken.supplied > 0 || taken.replaced {
            report_transport(out, &start, walk.byte, &taken, 0, 0);
        }
        let more = !last && !taken.complete && from >= bytes.len();
        Walker { out, walk: &mut walk }.walk(&taken, more);
        if more {
            *open = Some(walk);
            return true;
        }
    }
    let mut next = service::find(bytes, from);
    let any = continued || next.is_some();
    if next.is_none() && continued && dirt(&bytes[from..]) > 0 {
        let text = format!("cut {} bytes behind the interchange", dirt(&bytes[from..]));
        out.warn("transport_dirt", format!("byte {}", offset + from), text);
    }
    while let Some(start) = next {
        let taken = transport::take(bytes, &start);
        let before = dirt(&bytes[from..start.at]);
        from = taken.end.max(start.body + 1);
        next = service::find(bytes, from);
        let more = !last && next.is_none() && !taken.complete && from >= bytes.len();
        let behind = if next.is_some() { 0 } else { dirt(&bytes[from.min(bytes.len())..]) };
        report_transport(out, &start, offset + start.at, &taken, before, behind);
        let mut walk = Walk::new(&start, offset + start.at);
        walk.syntax.clone_from(&taken.syntax);
        if let Some((from, to)) = start.wide_terminator {
            walk.wide = bytes[from..to].to_vec();
        }
        Walker { out, walk: &mut walk }.walk(&taken, more);
        if more {
            *open = Some(walk);
        }
    }
    any
}

/// The envelope of an interchange, as the beginning of the syntax answer to it.
pub struct Seen {
    /// First byte of it in the input.
    pub byte: usize,
    /// S001: `UNOA:4`.
    pub syntax: String,
    /// Its service characters.
    pub chars: ServiceChars,
    /// Its references, and those of its messages; all of it acknowledged.
    pub answer: syntax::SyntaxAnswer,
    /// Its messages, in order.
    pub messages: Vec<SeenMessage>,
}

/// A message of it.
#[derive(Default)]
pub struct SeenMessage {
    /// 0062.
    pub reference: String,
    /// S009, `PAXLST:D:15B:UN`.
    pub kind: String,
    /// RFF TN, empty where there is none: a request for an answer.
    pub request: String,
}

/// The envelopes of an input, without reading what is in the messages.
pub fn envelopes(bytes: &[u8]) -> Vec<Seen> {
    let uncovered = carried::uncovered(bytes);
    let bytes = uncovered.as_ref().map_or(bytes, |(_, text)| text.as_slice());
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    // Where rows and units say that they stand, a mark before everything counts.
    let mark = bytes.len() - text.len();
    let bytes = text;
    let mut seen = Vec::new();
    let mut next = service::find(bytes, 0);
    while let Some(start) = next {
        let taken = transport::take(bytes, &start);
        next = service::find(bytes, taken.end.max(start.body + 1));
        let mut answer = syntax::SyntaxAnswer::to_nobody();
        let mut arena = Arena::new(start.chars);
        let (mut syntax, mut messages) = (String::new(), Vec::<SeenMessage>::new());
        let mut asks = false;
        for raw in
            Cutter::new(&taken.text, start.chars).filter(|raw| matches!(raw.tag(), "UNB" | "UNH" | "RFF" | "NAD"))
        {
            arena.clear();
            // A dangling release character leaves what was read before it.
            let _ = arena.push(raw);
            arena.cut_long_values();
            match arena.first() {
                Some(unb) if unb.tag() == "UNB" => {
                    answer.interchange(unb);
                    syntax = unb.components(0).take(2).collect::<Vec<_>>().join(":");
                }
                Some(unh) if unh.tag() == "UNH" => {
                    answer.message(unh);
                    let (reference, kind) = answer
                        .messages
                        .last()
                        .map_or(Default::default(), |message| (message.reference.clone(), message.kind.clone()));
                    asks = kind.starts_with("PAXLST");
                    messages.push(SeenMessage { reference, kind, request: String::new() });
                }
                // The number of a request stands before everybody in it; elsewhere TN is something else.
                Some(rff) if rff.tag() == "RFF" && rff.get(0, 0) == "TN" && asks => {
                    if let Some(message) = messages.last_mut().filter(|message| message.request.is_empty()) {
                        rff.get(0, 1).clone_into(&mut message.request);
                    }
                }
                Some(nad) if nad.tag() == "NAD" => asks = false,
                _ => {}
            }
        }
        seen.push(Seen { byte: mark + start.at, syntax, chars: start.chars, answer, messages });
    }
    seen
}

/// Bytes that are more than blanks.
fn dirt(bytes: &[u8]) -> usize {
    bytes.trim_ascii().len()
}

fn report_transport(
    out: &mut Output<'_>,
    start: &Start,
    byte: usize,
    taken: &Transported<'_>,
    before: usize,
    behind: usize,
) {
    let path = format!("byte {byte}");
    if before + behind > 0 || taken.folded > 0 || taken.dropped > 0 {
        let Transported { folded, dropped, .. } = taken;
        let text = format!(
            "cut {before} bytes before and {behind} behind the interchange, joined {folded} folded lines, dropped {dropped} control characters"
        );
        out.warn("transport_dirt", path.as_str(), text);
    }
    if start.guessed {
        let ServiceChars { component, element, terminator, .. } = start.chars;
        let text = format!(
            "read with component `{}`, element `{}`, terminator `{}`",
            (component as char).escape_default(),
            (element as char).escape_default(),
            (terminator as char).escape_default()
        );
        out.warn("service_characters", path.as_str(), text);
    }
    if taken.supplied > 0 {
        out.warn("missing_terminator", path.as_str(), format!("supplied {} segment terminators", taken.supplied));
    }
    if taken.replaced {
        let text = "not in the declared character set: bytes were replaced, or it was read in another";
        out.warn("charset", path.as_str(), text);
    }
    if start.bare {
        out.warn("no_envelope", path, "the text begins with UNH");
    }
}

/// How far an interchange was walked: what goes on from one piece of it to the next.
pub struct Walk {
    chars: ServiceChars,
    syntax: String,
    wide: Vec<u8>,
    byte: usize,
    envelope: Envelope,
    messages: u64,
    groups: u64,
    group_messages: u64,
    group_reference: Option<String>,
    truncated: bool,
}

impl Walk {
    fn new(start: &Start, byte: usize) -> Self {
        Self {
            chars: start.chars,
            syntax: String::new(),
            wide: Vec::new(),
            byte,
            envelope: Envelope::default(),
            messages: 0,
            groups: 0,
            group_messages: 0,
            group_reference: None,
            truncated: false,
        }
    }
}

struct Walker<'o, 'i> {
    out: &'o mut Output<'i>,
    walk: &'o mut Walk,
}

impl Walker<'_, '_> {
    /// Walks a text; behind it comes `more` of the interchange, or nothing.
    fn walk(&mut self, taken: &Transported<'_>, more: bool) {
        let mut arena = Arena::new(self.walk.chars);
        // As many as short segments make of it, as far as that is a message of some hundred people.
        let mut body: Vec<Raw<'_>> = Vec::with_capacity((taken.text.len() / 16).min(4_096));
        let mut open: Option<Raw<'_>> = None;
        let mut number = 0;
        for mut raw in Cutter::new(&taken.text, self.walk.chars) {
            let tag = raw.tag();
            let service = tag.starts_with("UN");
            if service && open.is_some() && matches!(tag, "UNH" | "UNE" | "UNZ" | "UNB" | "UNG") {
                self.message(&taken.text, open.take(), &body, None);
                self.cut_off("UNT is missing");
            }
            if open.is_some() && is_counted(&raw) {
                number += 1;
            }
            raw.number = number;
            if raw.text.len() > SEGMENT_BYTES_MAX {
                self.refuse(open, raw, "segment_too_long", "is longer than 64 KiB; check for a missing terminator");
            } else if !raw.terminated && !matches!(tag, "UNT" | "UNZ" | "UNE") {
                self.refuse(open, raw, "truncated", "is cut off; send the interchange again");
                self.cut_off("the last segment is cut off");
            } else if service && tag == "UNH" {
                number = 1;
                raw.number = 1;
                open = Some(raw);
                body.clear();
            } else if service && tag == "UNT" {
                if open.is_none() {
                    self.out.warn("orphan_segment", format!("byte {}", self.walk.byte), "UNT without UNH");
                }
                self.message(&taken.text, open.take(), &body, Some(raw));
            } else if open.is_some() {
                body.push(raw);
            } else {
                arena.clear();
                let pushed = arena.push(raw);
                self.cut_long_values(&mut arena);
                self.service(&arena, pushed);
            }
        }
        if open.is_some() {
            self.message(&taken.text, open, &body, None);
            self.cut_off("UNT is missing");
        } else if !more && !taken.complete && !taken.text.trim_ascii_end().contains("UNZ") {
            self.cut_off("UNZ is missing");
        }
        if !more && self.walk.messages == 0 && !self.walk.truncated {
            // As when a lost terminator joins UNB to all that follows.
            let position = format!("byte {}", self.walk.byte);
            let reason = format!(
                "{position}: no message is in the interchange; look for a missing terminator, and send it again"
            );
            self.out.set_aside("no_message", position, reason, taken.text.as_bytes());
        }
    }

    /// One warning however much is missing.
    fn cut_off(&mut self, text: &str) {
        if !std::mem::replace(&mut self.walk.truncated, true) {
            self.out.warn("truncated", format!("byte {}", self.walk.byte), text);
        }
    }

    fn cut_long_values(&mut self, arena: &mut Arena<'_>) {
        if !arena.cut_long_values().is_empty() {
            let tag = arena.first().map_or("", |s| s.tag());
            self.out.warn("value_cut", format!("byte {}", self.walk.byte), format!("{tag} has a value that was cut"));
        }
    }

    /// Sets a segment aside, of the message that is open.
    fn refuse(&mut self, open: Option<Raw<'_>>, raw: Raw<'_>, code: &'static str, why: &str) {
        let reference = open.and_then(|unh| unh.text.split(self.walk.chars.element as char).nth(1)).map(str::trim);
        let of = match reference {
            Some(reference) => format!(", message {}", &reference[..reference.floor_char_boundary(35)]),
            None => String::new(),
        };
        let position = format!("byte {}{of}, segment {}", self.walk.byte, raw.number.max(1));
        self.out.set_aside(code, position.as_str(), format!("{position}: the segment {why}"), raw.text.as_bytes());
    }

    fn service(&mut self, arena: &Arena<'_>, pushed: Result<(), &'static str>) {
        let path = format!("byte {}", self.walk.byte);
        let Some(segment) = arena.first() else {
            self.out.warn("bad_segment", path, "between messages: no segment tag");
            return;
        };
        if let Err(error) = pushed {
            self.out.warn("bad_segment", path.as_str(), format!("{}: {error}", segment.tag()));
        }
        match segment.tag() {
            "UNB" => self.interchange_header(segment),
            "UNG" => {
                self.open_group(&path);
                self.walk.groups += 1;
                self.walk.group_messages = 0;
                self.walk.group_reference = Some(segment.get(4, 0).to_owned());
                self.out.count("groups", 1);
            }
            "UNE" => {
                let reference = self.walk.group_reference.take();
                self.trailer(segment, self.walk.group_messages, reference.as_deref());
            }
            "UNZ" => {
                self.open_group(&path);
                let counted = if self.walk.groups > 0 { self.walk.groups } else { self.walk.messages };
                let reference = self.walk.envelope.reference.clone();
                self.trailer(segment, counted, Some(&reference));
            }
            "UNA" => {}
            tag => self.out.warn("unknown_segment", path, format!("{tag} between messages")),
        }
    }

    /// The group before has no end of its own.
    fn open_group(&mut self, path: &str) {
        if self.walk.group_reference.take().is_some() {
            self.out.warn("unz_count", path, "UNE is missing");
        }
    }

    fn interchange_header(&mut self, unb: Segment<'_, '_>) {
        let zone = self.out.input.options.zone;
        let date = unb.get(3, 0);
        let time = unb.get(3, 1);
        let issued = issued(date, time);
        self.walk.envelope = Envelope {
            sender: unb.get(1, 0).to_owned(),
            reference: unb.get(4, 0).to_owned(),
            issued_at: issued.and_then(|m| to_utc_in(m, zone)),
            issued_on: issued.map(|m| m.date),
            test: unb.get(10, 0) == "1",
        };
        if issued.is_none() && !date.is_empty() {
            self.out.warn("bad_date", format!("byte {}", self.walk.byte), "UNB: date of preparation");
        }
        if self.walk.envelope.test {
            self.out.warn("test_interchange", format!("byte {}", self.walk.byte), "UNB 0035 is 1: not for evaluation");
            self.out.count("test", 1);
        }
    }

    fn trailer(&mut self, segment: Segment<'_, '_>, counted: u64, reference: Option<&str>) {
        let tag = segment.tag();
        let path = format!("byte {}", self.walk.byte);
        if leading_number(segment.get(0, 0)) != Some(counted) {
            self.out.warn(
                "unz_count",
                path.as_str(),
                format!("{tag} says {}, counted {counted}", short(segment.get(0, 0))),
            );
        }
        if reference.is_some_and(|r| r != segment.get(1, 0)) {
            self.out.warn("unz_count", path, format!("{tag} repeats another reference"));
        }
    }

    fn message<'t>(&mut self, text: &'t str, unh: Option<Raw<'t>>, segments: &[Raw<'t>], unt: Option<Raw<'t>>) {
        let Some(unh) = unh else { return };
        let whole = all_rejoined(text, segments, self.walk.chars);
        let segments = whole.as_deref().unwrap_or(segments);
        self.walk.messages += 1;
        self.walk.group_messages += 1;
        self.out.count("messages", 1);
        let mut arena = Arena::new(self.walk.chars);
        let pushed = arena.push(unh);
        self.cut_long_values(&mut arena);
        let Some(header) = arena.first().filter(|_| pushed.is_ok()) else {
            let position = format!("byte {}, message {}", self.walk.byte, self.walk.messages);
            let reason = format!("{position}: UNH cannot be read; send the message again");
            self.out.set_aside("bad_header", position, reason, unh.text.as_bytes());
            return;
        };
        let message = Message {
            envelope: &self.walk.envelope,
            kind: header.get(1, 0).to_owned(),
            version: format!("{}.{}", header.get(1, 1), header.get(1, 2)),
            reference: header.get(0, 0).to_owned(),
            common_reference: header.get(2, 0).to_owned(),
            part: (!header.get(3, 0).is_empty()).then(|| (header.get(3, 0).to_owned(), header.get(3, 1).to_owned())),
            segments,
            complete: unt.is_some(),
            chars: self.walk.chars,
            byte: self.walk.byte,
        };
        if let Some(unt) = unt {
            let counted = segments.iter().filter(|s| is_counted(s)).count() as u64 + 2;
            self.out.count("segments", counted);
            let mut arena = Arena::new(self.walk.chars);
            // A dangling release character leaves what was read before it.
            let _ = arena.push(unt);
            arena.cut_long_values();
            if let Some(unt) = arena.first() {
                check_unt(self.out, &message, unt, counted);
            }
        }
        match message.kind.as_str() {
            "PAXLST" => paxlst::read(&message, self.out),
            "PNRGOV" => pnrgov::read(&message, self.out),
            "CUSCAR" => cuscar::read(&message, self.out),
            "CUSDEC" => cusdec::read(&message, self.out),
            "CUSREP" => cusrep::read(&message, self.out),
            "IFTSTA" => tracking::read_statuses(&message, self.out),
            "COARRI" => tracking::read_moves(tracking::COARRI, &message, self.out),
            "CODECO" => tracking::read_moves(tracking::CODECO, &message, self.out),
            "COPRAR" => tracking::read_moves(tracking::COPRAR, &message, self.out),
            "CUSRES" => answers::read_cusres(&message, self.out),
            "CONTRL" => answers::read_contrl(&message, self.out),
            kind => {
                let position = message.position(1);
                let reason = format!("{position}: message type `{}` is not read; {READ} are", short(kind));
                let raw = format!("{}{}{}", unh.text, self.walk.chars.terminator as char, message.raw(segments));
                self.out.set_aside("message_type", position, reason, raw.as_bytes());
            }
        }
    }
}

/// The segments of a message, where some of them are what [`rejoined`] joins: numbered as they then stand.
fn all_rejoined<'t>(text: &'t str, segments: &[Raw<'t>], chars: ServiceChars) -> Option<Vec<Raw<'t>>> {
    let joins = |last: &Raw<'t>, next: &Raw<'t>| if next.is_plain() { None } else { rejoined(text, last, next, chars) };
    segments.windows(2).find(|pair| joins(&pair[0], &pair[1]).is_some())?;
    let mut whole: Vec<Raw<'t>> = Vec::with_capacity(segments.len());
    let mut removed = 0;
    for segment in segments {
        if let Some(last) = whole.last_mut()
            && let Some(joined) = joins(last, segment)
        {
            *last = joined;
            removed += u32::from(!segment.tag().is_empty());
        } else {
            let mut segment = *segment;
            segment.number -= removed;
            whole.push(segment);
        }
    }
    Some(whole)
}

/// A name or text and what stands behind a terminator in it that its sender did not release (`NAD+FL+++O'NEIL:PAT'`): on
/// the same line, and beginning with no tag. Both segments are pieces of the text.
#[cold]
fn rejoined<'t>(text: &'t str, last: &Raw<'t>, next: &Raw<'t>, chars: ServiceChars) -> Option<Raw<'t>> {
    /// Those that hold what people write.
    const WITH_TEXT: [&str; 12] = ["NAD", "TIF", "FTX", "IFT", "SSR", "ADD", "LTS", "LOC", "CTA", "PDT", "PCI", "DOC"];
    let is_segment = !next.tag().is_empty() && next.text.as_bytes().get(3) == Some(&chars.element);
    if is_segment || !next.terminated || !last.terminated || !WITH_TEXT.contains(&last.tag()) {
        return None;
    }
    let place = |piece: &str| (piece.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
    let (from, start) = (place(last.text)?, place(next.text)?);
    let between = text.get(from + last.text.len()..start)?;
    let same_line = between.bytes().skip(1).all(|b| b == b' ');
    let is_text = next.text.starts_with(char::is_alphanumeric) && !begins_with_a_tag_in_lower_case(next.text);
    // `O'LEE'` looks like a segment of its own, and only one letter before it says that it is none.
    let initial = || last.text.bytes().rev().take_while(u8::is_ascii_alphabetic).count() == 1;
    // So does one whose tag lost a letter; `LEVI'S+1 ROAD` does not.
    let begin = next.text.find(char::from(chars.element)).filter(|at| (2..=4).contains(at)).map(|at| &next.text[..at]);
    let is_damaged = begin.is_some_and(|begin| begin.bytes().all(|b| b.is_ascii_uppercase()));
    let looks_so = !next.tag().is_empty() || is_damaged;
    let is_tag = looks_so && (transport::is_known_tag(next.tag()) || !initial());
    let joined = text.get(from..start + next.text.len()).filter(|joined| joined.len() <= SEGMENT_BYTES_MAX)?;
    (same_line && is_text && !is_tag).then(|| Raw::rejoined(joined, last.number))
}

/// Whether its sender counts it as a segment: what has a tag, be it in lower case.
#[inline]
fn is_counted(raw: &Raw<'_>) -> bool {
    !raw.tag().is_empty() || begins_with_a_tag_in_lower_case(raw.text)
}

/// `nad+fl`: a segment that is none, and no part of a name.
#[cold]
fn begins_with_a_tag_in_lower_case(text: &str) -> bool {
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    letters == 3
        && text.as_bytes().get(3).is_some_and(u8::is_ascii_punctuation)
        && !text.starts_with(char::is_uppercase)
}

fn check_unt(out: &mut Output<'_>, message: &Message<'_>, unt: Segment<'_, '_>, counted: u64) {
    let sent = unt.get(0, 0);
    let mut says = Vec::new();
    if leading_number(sent) != Some(counted) {
        says.push(format!("UNT says {}, counted {counted}", short(sent)));
    }
    if unt.get(1, 0) != message.reference {
        says.push("UNT repeats another reference".to_owned());
    }
    if !says.is_empty() {
        out.warn("unt_count", message.path(counted as u32), says.join("; "));
    }
}

/// S004: YYMMDD or CCYYMMDD with HHMM, of some with seconds. What both together look like says nothing: with seconds, six
/// digits of a date are as long as eight without.
fn issued(date: &str, time: &str) -> Option<dates::Moment> {
    let day = dates::parse(date, "", dates::Century::Recent).ok()?;
    if day.precision != dates::Precision::Day {
        return None;
    }
    if time.is_empty() || day.time.is_some() {
        return Some(day);
    }
    let format = if time.len() == 6 { "204" } else { "203" };
    dates::parse(&format!("{}{time}", day.date.format("%Y%m%d")), format, dates::Century::Recent).ok()
}

/// A count, leading zeros and blanks inside allowed.
pub fn leading_number(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits.parse().ok()
}
