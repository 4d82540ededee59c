//! Text to messages and lines: where one begins, what transport left around it, what a line goes on with.

use std::borrow::Cow;

use super::super::edifact::output::Output;

/// Longest line that is read; the standard's longest has under seventy characters.
const LINE_BYTES_MAX: usize = 4 * 1024;
/// Kinds of message, as their first line names them.
const KINDS: [&str; 3] = ["FFM", "FHL", "FWB"];

/// One message.
#[derive(Debug)]
pub struct Message<'t> {
    /// `FFM`, `FHL` or `FWB`.
    pub kind: &'static str,
    /// Behind the slash.
    pub version: &'t str,
    /// Number of its first line in the text, from 1.
    pub line: usize,
    /// Lines behind the first.
    pub lines: Vec<Line<'t>>,
}

/// One line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'t> {
    /// Without blanks at its end.
    pub text: &'t str,
    /// Number in the text, from 1.
    pub number: usize,
}

impl Message<'_> {
    /// Where a line stands, as warnings and rows write it: `FFM@3/5`.
    pub fn path(&self, line: usize) -> String {
        format!("{}@{}/{line}", self.kind, self.line)
    }
}

/// Where a line stands, for the column `source_position` and for what is set aside.
pub fn position(line: usize) -> String {
    format!("line {line}")
}

/// Control characters, blanks, a byte order mark.
fn is_dirt(c: char) -> bool {
    c.is_control() || matches!(c, ' ' | '\u{feff}')
}

/// Kind and version of a first line.
fn begins(line: &str) -> Option<(&'static str, &str)> {
    let line = line.trim_matches(is_dirt);
    let (name, version) = line.split_once('/')?;
    let kind = KINDS.iter().find(|kind| **kind == name)?;
    let digits = !version.is_empty() && version.len() <= 2 && version.bytes().all(|b| b.is_ascii_digit());
    digits.then_some((*kind, version))
}

/// Whether a message has a version that we know.
fn is_known(kind: &str, version: &str) -> bool {
    let known = match kind {
        "FFM" => 5..=8,
        "FHL" => 2..=5,
        _ => 9..=17,
    };
    version.parse().is_ok_and(|version: u8| known.contains(&version))
}

/// Whether a message begins in these first bytes, behind addresses of transport or the head of a mail.
pub fn recognise(head: &[u8]) -> bool {
    head.split(|b| matches!(b, b'\n' | b'\r'))
        .any(|line| std::str::from_utf8(line).is_ok_and(|line| begins(line).is_some()))
}

/// Other messages of the format, which are not read: what becomes of a shipment, answers, bookings.
const OTHERS: [&str; 14] =
    ["FAD", "FBL", "FFA", "FFR", "FMA", "FMB", "FNA", "FSA", "FSN", "FSR", "FSU", "FUM", "FWR", "FZB"];

/// What a text is that holds another message of the format, or one whose first line is written in small letters.
pub fn not_read(text: &str) -> Option<String> {
    text.lines().take(100).find_map(|line| {
        let line = line.trim_matches(is_dirt);
        if let Some((kind, _)) = begins(&line.to_ascii_uppercase()).filter(|_| begins(line).is_none()) {
            return Some(format!("is a Cargo-IMP {kind} in small letters; send it in capitals"));
        }
        let (name, version) = line.split_once('/').unwrap_or((line, "0"));
        let digits = !version.is_empty() && version.len() <= 2 && version.bytes().all(|b| b.is_ascii_digit());
        let name = OTHERS.iter().find(|other| **other == name).filter(|_| digits)?;
        Some(format!("is a Cargo-IMP {name}, which is not read; FWB, FHL and FFM are"))
    })
}

/// What begins and ends a message of teleprinters, each on a line of its own.
fn is_mark(line: &str) -> bool {
    matches!(line, "NNNN" | "ZZZZ") || line.starts_with("ZCZC")
}

/// What ends a line: on old machines a carriage return alone.
fn line_end(text: &str) -> char {
    let bytes = text.as_bytes();
    let alone = memchr::memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n')).count();
    if alone > memchr::memchr_iter(b'\n', bytes).count() { '\r' } else { '\n' }
}

fn blanks(line: &str) -> usize {
    line.bytes().take_while(|b| *b == b' ').count()
}

/// What may stand on a line of a waybill without a slash behind it. On a manifest any place may.
const ALONE: &[&str] = &["SHP", "CNE", "NFY", "AGT", "COL", "PPD", "TXT", "OCI", "SPH"];

/// Whether a line begins something, and does not go on in the middle of a word. `line` is without blanks around it.
fn is_begun(line: &str, kind: &str) -> bool {
    let (tag, slash) = line.split_once('/').map_or((line, false), |(tag, _)| (tag, true));
    let is_tag = matches!(tag.len(), 3 | 4) && tag.bytes().all(|b| b.is_ascii_uppercase());
    let begun = is_tag && (slash || kind == "FFM" || ALONE.contains(&tag));
    // A slash goes on with what was begun; numbers are of waybills and of flights.
    begun || is_mark(line) || line.starts_with(|c: char| c == '/' || c.is_ascii_digit()) || begins(line).is_some()
}

/// Lines that transport folded joined again, as many of them left empty behind, so that all keep their numbers; and how
/// many they were.
pub fn unfolded(text: &str) -> (Cow<'_, str>, usize) {
    let end = line_end(text);
    // Of the message that is open: its kind, and how far all of it is indented.
    let mut open: Option<(&str, usize)> = None;
    let (mut before, mut folded) = (0, 0);
    let mut joined = String::new();
    let (mut taken, mut at, mut owed) = (0, 0, 0);
    for line in text.split(end) {
        let indent = open.map_or(0, |(_, indent)| blanks(line).min(indent));
        let own = line[indent..].trim_end_matches('\r');
        let begun = |(kind, _): (&str, usize)| own.trim().is_empty() || is_begun(own.trim(), kind);
        if FOLDED_WIDTHS.contains(&before) && !open.is_none_or(begun) {
            // Without the end of the line before.
            joined.push_str(text[taken..at - end.len_utf8()].trim_end_matches('\r'));
            (taken, owed, folded) = (at + indent, owed + 1, folded + 1);
        } else if owed > 0 {
            joined.push_str(&text[taken..at]);
            joined.extend(std::iter::repeat_n(end, owed));
            (taken, owed) = (at, 0);
        }
        if let Some((kind, _)) = begins(own) {
            open = Some((kind, blanks(line)));
        } else if is_mark(own.trim()) {
            open = None;
        }
        before = own.len();
        at += line.len() + end.len_utf8();
    }
    if folded == 0 {
        return (Cow::Borrowed(text), 0);
    }
    joined.push_str(&text[taken..]);
    (Cow::Owned(joined), folded)
}

/// How long a line is that transport folded: 63 or 69 columns, and what gateways make of them.
const FOLDED_WIDTHS: std::ops::RangeInclusive<usize> = 60..=80;

/// The messages of a text. What stands before the first, and between the end mark of one and the next, is transport's.
pub fn messages<'t>(text: &'t str, out: &mut Output<'_>) -> Vec<Message<'t>> {
    let mut messages: Vec<Message<'t>> = Vec::new();
    let (mut dirt, mut ended, mut indent) = (0, false, 0);
    for (n, line) in text.split(line_end(text)).enumerate() {
        let number = n + 1;
        let line = line.trim_end_matches(|c: char| c.is_control() || c == ' ');
        if let Some((kind, version)) = begins(line) {
            ended = false;
            // Mail that sends a message on indents all of it.
            indent = blanks(line);
            if !is_known(kind, version) {
                let text = format!("{kind} of version {version}; read as those we know");
                out.warn("unknown_code", format!("{kind}@{number}"), text);
            }
            messages.push(Message { kind, version, line: number, lines: Vec::new() });
            continue;
        }
        ended |= is_mark(line.trim());
        if let Some(message) = messages.last_mut().filter(|_| !ended) {
            let text = line[blanks(line).min(indent)..].trim_start_matches(|c: char| c.is_control());
            if text.len() > LINE_BYTES_MAX {
                let position = position(number);
                let reason = format!("{position}: a line of {} bytes", text.len());
                out.set_aside("segment_too_long", position, reason, text.as_bytes());
            } else if !text.trim().is_empty() {
                message.lines.push(Line { text, number });
            }
        } else {
            dirt += usize::from(!line.trim().is_empty());
        }
    }
    if messages.is_empty() {
        let reason = "line 1: no FFM, FHL or FWB begins; send a Cargo-IMP message";
        out.set_aside("no_interchange", "line 1", reason, text.as_bytes());
    } else if dirt > 0 {
        out.warn("transport_dirt", "line 1", format!("cut {dirt} lines around the messages"));
    }
    messages
}
