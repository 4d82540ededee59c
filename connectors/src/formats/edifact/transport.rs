//! Transport dirt: what mail gateways, Type-B lines and folding leave on an interchange, taken off before anything
//! is read.
//!
//! From the found start ([`super::service::find`]) to the end of UNZ: line ends inside segments are folding and
//! vanish without adding or eating a blank, control characters vanish, a line that ends without terminator before
//! a known tag gets one. Text that is clean is borrowed, not copied. `edifact-rs` cannot do this: line ends inside
//! values are data to it, and a tag folded in the middle ends its scan.

use std::borrow::Cow;

use super::charset;
use super::marks::{Marks, PlainSegments, is_plain_start};
use super::service::{ServiceChars, Start};

/// One interchange, clean, in UTF-8.
#[derive(Debug)]
pub struct Transported<'a> {
    /// From UNB to UNZ. Between segments there may be blanks and line ends, inside there are none.
    pub text: Cow<'a, str>,
    /// Where it ends in the input.
    pub end: usize,
    /// UNZ was met.
    pub complete: bool,
    /// Lines joined.
    pub folded: u32,
    /// Terminators supplied.
    pub supplied: u32,
    /// Control characters dropped.
    pub dropped: u32,
    /// It is not in the character set it declares.
    pub replaced: bool,
    /// The syntax identifier that named the character set.
    pub syntax: String,
}

/// Takes the interchange that begins at `start` out of `bytes`.
pub fn take<'a>(bytes: &'a [u8], start: &Start) -> Transported<'a> {
    let window = &bytes[start.body..(start.body + 64).min(bytes.len())];
    let unfolded: Vec<u8> = window.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let syntax = syntax_identifier(&unfolded, start.chars).unwrap_or_default();
    let wide = start.wide_terminator.map(|(from, to)| &bytes[from..to]);
    take_on(bytes, start, &syntax, wide.unwrap_or_default())
}

/// Takes what goes on of an interchange whose character set is known, and its terminator if that is no single ASCII
/// character.
pub fn take_on<'a>(bytes: &'a [u8], start: &Start, syntax: &str, wide: &[u8]) -> Transported<'a> {
    let clean = if wide.is_empty() { end_of_clean(bytes, start.body, start.chars) } else { None };
    if let Some((end, complete)) = clean {
        let (text, replaced) = charset::decode(Cow::Borrowed(&bytes[start.body..end]), syntax);
        let syntax = syntax.to_owned();
        return Transported { text, end, complete, folded: 0, supplied: 0, dropped: 0, replaced, syntax };
    }
    let mut cleaner = Cleaner::new(bytes, start, wide);
    cleaner.shifts_are_data = syntax == "UNOX";
    cleaner.run();
    let Cleaner { out, end, complete, folded, supplied, dropped, .. } = cleaner;
    let clean = match out {
        Some(owned) => Cow::Owned(owned),
        None => Cow::Borrowed(&bytes[start.body..end]),
    };
    let (text, replaced) = charset::decode(clean, syntax);
    Transported { text, end, complete, folded, supplied, dropped, replaced, syntax: syntax.to_owned() }
}

/// Where an interchange ends that needs no cleaning, as most do, and whether at its UNZ. `None` where something in it is
/// for the [`Cleaner`].
fn end_of_clean(bytes: &[u8], body: usize, chars: ServiceChars) -> Option<(usize, bool)> {
    let mut segment = body;
    let mut unreleased = body;
    // Nothing but blanks stands between the begin of the segment and here.
    let mut blank = body;
    let mut marks = Marks::with_controls(bytes, body, [chars.terminator, chars.release, 0, 0]);
    let plain = PlainSegments::of(chars.terminator, chars.release);
    loop {
        // Nearly all of a list: blocks in which nothing but plain segments begin and end.
        while let Some((block, from)) = marks.next_block().filter(|(_, from)| unreleased <= *from)
            && (segment == from || is_plain_start(bytes[segment]))
            && let Some(last) = plain.last_start(block, from, segment)
        {
            segment = last;
            marks.skip_block();
        }
        let Some(at) = marks.next() else { break };
        let b = bytes[at];
        if at < unreleased {
            continue;
        }
        if b == chars.terminator {
            if is_plain_start(bytes[segment]) {
                segment = at + 1;
                continue;
            }
            match bytes[segment..=at].trim_ascii_start().get(..3) {
                Some(b"UNZ") => return Some((at + 1, true)),
                // The next interchange begins and this one had no UNZ.
                Some(b"UNB" | b"UNA") if segment > body => return Some((segment, false)),
                _ => segment = at + 1,
            }
        } else if b == chars.release && b != 0 {
            if matches!(bytes.get(at + 1), Some(b'\r' | b'\n')) {
                return None;
            }
            unreleased = at + 2;
        } else if matches!(b, b'\r' | b'\n') {
            // Between segments, else a fold. What was looked at before is not looked at again: lines may be many.
            bytes[segment.max(blank)..at].iter().all(|b| matches!(b, b' ' | b'\r' | b'\n')).then_some(())?;
            blank = at;
        } else if b != chars.element && b != chars.component {
            return None;
        }
    }
    Some((bytes.len(), false))
}

/// `UNOA` in `UNB+UNOA:4`.
fn syntax_identifier(text: &[u8], chars: ServiceChars) -> Option<String> {
    let value = text.strip_prefix(b"UNB")?.trim_ascii_start().strip_prefix(&[chars.element])?;
    let end = value.iter().position(|b| !b.is_ascii_alphanumeric())?;
    Some(String::from_utf8_lossy(&value[..end]).into_owned())
}

/// How much text tells at what width it is folded.
const WINDOW: usize = 16 * 1024;

struct Cleaner<'a> {
    bytes: &'a [u8],
    chars: ServiceChars,
    /// The terminator as sent, where it is no single ASCII character.
    wide: Vec<u8>,
    /// Bytes that may end, release, fold or be dropped.
    stops: [bool; 256],
    /// Escape and shift characters are data under code extension.
    shifts_are_data: bool,
    body: usize,
    at: usize,
    /// Cleaned text; none while the input needs no cleaning.
    out: Option<Vec<u8>>,
    /// First byte of the current segment, in the cleaned text and in the input.
    segment: (usize, usize),
    line: usize,
    /// Between segments: nothing but blanks since the last terminator.
    between: bool,
    widest: Option<(usize, usize)>,
    /// No terminator stands anywhere in the text.
    unterminated: Option<bool>,
    end: usize,
    complete: bool,
    folded: u32,
    supplied: u32,
    dropped: u32,
}

impl<'a> Cleaner<'a> {
    fn new(bytes: &'a [u8], start: &Start, wide: &[u8]) -> Self {
        let body = start.body;
        let mut stops = [false; 256];
        stops[..usize::from(b' ')].fill(true);
        stops[usize::from(start.chars.terminator)] = true;
        stops[usize::from(start.chars.release)] = true;
        if let Some(first) = wide.first() {
            stops[usize::from(*first)] = true;
        }
        Self {
            bytes,
            chars: start.chars,
            stops,
            wide: wide.to_vec(),
            shifts_are_data: false,
            body,
            at: body,
            out: None,
            segment: (0, body),
            line: line_start(bytes, body),
            between: true,
            widest: None,
            unterminated: None,
            end: bytes.len(),
            complete: false,
            folded: 0,
            supplied: 0,
            dropped: 0,
        }
    }

    fn run(&mut self) {
        while let Some(&b) = self.bytes.get(self.at) {
            if b == self.chars.terminator {
                self.take_byte();
                if self.ends_segment() {
                    return;
                }
            } else if !self.wide.is_empty() && self.bytes[self.at..].starts_with(&self.wide) {
                self.copy();
                self.at += self.wide.len();
                self.push(self.chars.terminator);
                if self.ends_segment() {
                    return;
                }
            } else if b == self.chars.release && b != 0 {
                self.between = false;
                self.take_byte();
                while matches!(self.bytes.get(self.at), Some(b'\r' | b'\n')) {
                    self.skip_line_end();
                }
                if self.at < self.bytes.len() {
                    self.take_byte();
                }
            } else if matches!(b, b'\r' | b'\n') {
                self.line_end();
            } else if b < b' ' && !self.is_data(b) {
                self.copy();
                self.dropped += 1;
                self.at += 1;
            } else {
                self.take_text();
            }
        }
    }

    /// Takes everything up to the next byte that may mean something.
    fn take_text(&mut self) {
        let rest = &self.bytes[self.at..];
        let end = 1 + rest[1..].iter().position(|b| self.stops[usize::from(*b)]).unwrap_or(rest.len() - 1);
        let text = &rest[..end];
        self.between = self.between && text.iter().all(|b| *b == b' ');
        if let Some(out) = &mut self.out {
            out.extend_from_slice(text);
        }
        self.at += end;
    }

    fn is_data(&self, control: u8) -> bool {
        control == self.chars.element
            || control == self.chars.component
            || (control == b'\t' && !self.between)
            || (self.shifts_are_data && matches!(control, 0x0E | 0x0F | 0x1B))
    }

    fn take_byte(&mut self) {
        let b = self.bytes[self.at];
        self.at += 1;
        self.push(b);
    }

    fn push(&mut self, b: u8) {
        if let Some(out) = &mut self.out {
            out.push(b);
        }
    }

    /// From here on the cleaned text differs from the input.
    fn copy(&mut self) {
        if self.out.is_none() {
            let mut out = Vec::with_capacity(2 * (self.at - self.body) + 1024);
            out.extend_from_slice(&self.bytes[self.body..self.at]);
            self.out = Some(out);
        }
    }

    fn skip_line_end(&mut self) {
        self.copy();
        self.at += 1;
        self.line = self.at;
    }

    fn line_end(&mut self) {
        if self.between {
            self.take_byte();
            self.line = self.at;
            return;
        }
        let width = self.at - self.line;
        let next = self.bytes[self.at..].iter().position(|b| !matches!(b, b'\r' | b'\n')).map(|i| self.at + i);
        let supply = next.is_some_and(|i| self.known_tag_at(i)) && !self.is_fold_width(width);
        self.copy();
        self.at = next.unwrap_or(self.bytes.len());
        self.line = self.at;
        if supply {
            self.supplied += 1;
            self.push(self.chars.terminator);
            self.ends_segment();
        } else {
            self.folded += 1;
        }
    }

    /// Several lines as wide as the widest: the text is folded at this width. Where nothing but line ends can end its
    /// segments, some of these are as long as each other by chance.
    fn is_fold_width(&mut self, width: usize) -> bool {
        if self.is_unterminated() {
            return false;
        }
        let (widest, times) = *self.widest.get_or_insert_with(|| {
            let window = &self.bytes[self.line..(self.line + WINDOW).min(self.bytes.len())];
            window.split(|b| *b == b'\n').fold((0, 0), |(widest, times), line| {
                let line = line.strip_suffix(b"\r").unwrap_or(line).len();
                match line.cmp(&widest) {
                    std::cmp::Ordering::Greater => (line, 1),
                    std::cmp::Ordering::Equal => (widest, times + 1),
                    std::cmp::Ordering::Less => (widest, times),
                }
            })
        });
        width == widest && times > 1
    }

    fn is_unterminated(&mut self) -> bool {
        let (bytes, terminator) = (&self.bytes[self.body..], self.chars.terminator);
        let wide = !self.wide.is_empty();
        *self.unterminated.get_or_insert_with(|| !wide && memchr::memchr(terminator, bytes).is_none())
    }

    fn known_tag_at(&self, at: usize) -> bool {
        let rest = self.bytes[at..(at + 16).min(self.bytes.len())].trim_ascii_start();
        let Some((tag, rest)) = rest.split_at_checked(3) else { return false };
        rest.first() == Some(&self.chars.element) && KNOWN_TAGS.contains(&tag)
    }

    /// A terminator was just taken. Returns whether the interchange is over.
    fn ends_segment(&mut self) -> bool {
        let (cleaned, sent) = self.segment;
        let text = match &self.out {
            Some(out) => &out[cleaned..],
            None => &self.bytes[self.body + cleaned..self.at],
        };
        let tag = text.trim_ascii_start().get(..3).unwrap_or_default();
        if matches!(tag, b"UNB" | b"UNA") && sent > self.body {
            // The next interchange begins and this one had no UNZ.
            if let Some(out) = &mut self.out {
                out.truncate(cleaned);
            }
            self.end = sent;
            return true;
        }
        self.complete = tag == b"UNZ";
        self.between = true;
        self.segment = (self.out.as_ref().map_or(self.at - self.body, Vec::len), self.at);
        if self.complete {
            self.end = self.at;
        }
        self.complete
    }
}

/// Whether a tag is one of those that border authorities exchange.
pub fn is_known_tag(tag: &str) -> bool {
    KNOWN_TAGS.contains(&tag.as_bytes())
}

/// Where the line that holds `at` begins, looked for no further back than a line is long.
fn line_start(bytes: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(256);
    bytes[from..at].iter().rposition(|b| *b == b'\n').map_or(from, |i| from + i + 1)
}

/// Tags of the messages that border authorities exchange: PAXLST, PNRGOV, CUSCAR, CUSDEC, CUSRES, CUSREP, CONTRL.
const KNOWN_TAGS: &[&[u8]] = &[
    b"ABI", b"ADD", b"AJT", b"APD", b"ATT", b"AUT", b"BGM", b"CNI", b"CNT", b"COM", b"CPI", b"CST", b"CTA", b"CUX",
    b"DAT", b"DGS", b"DIM", b"DMS", b"DOC", b"DTM", b"EBD", b"EFI", b"EMP", b"EQD", b"EQN", b"ERC", b"ERP", b"FAR",
    b"FII", b"FOP", b"FTI", b"FTX", b"GEI", b"GID", b"GIN", b"GIR", b"GIS", b"HAN", b"IFT", b"LIN", b"LOC", b"LTS",
    b"MEA", b"MOA", b"MON", b"MSG", b"NAD", b"NAT", b"ORG", b"PAC", b"PCI", b"PDT", b"POC", b"PTK", b"QTY", b"RCI",
    b"REF", b"RFF", b"RNG", b"RPI", b"SAC", b"SEL", b"SGP", b"SRC", b"SSD", b"SSR", b"STS", b"TAX", b"TBD", b"TDT",
    b"TIF", b"TKT", b"TMD", b"TMP", b"TOD", b"TPL", b"TRA", b"TRI", b"TSR", b"TVL", b"TXD", b"UCD", b"UCI", b"UCM",
    b"UCS", b"UNA", b"UNB", b"UNE", b"UNG", b"UNH", b"UNS", b"UNT", b"UNZ",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::service;
    use super::*;

    fn cleaned(input: &str) -> Transported<'_> {
        take(input.as_bytes(), &service::find(input.as_bytes(), 0).unwrap())
    }

    #[test]
    fn clean_text_is_borrowed() {
        let clean = cleaned("UNA:+.? '\r\nUNB+UNOA:4+A'\r\nUNH+1'\r\nUNZ+1+A'\r\n");
        assert!(matches!(clean.text, Cow::Borrowed("UNB+UNOA:4+A'\r\nUNH+1'\r\nUNZ+1+A'")));
        assert_eq!((clean.complete, clean.folded, clean.supplied), (true, 0, 0));
    }

    #[test]
    fn folded_lines_are_joined_without_adding_or_eating_a_blank() {
        let clean = cleaned("UNB+UNOA:4+A B'UN\r\nH+1+PAXLST:D:02B'N\r\nAD+FL+++VAN\r\n DYK:JO?\r\n'S'UNZ+1+A'");
        assert_eq!(clean.text, "UNB+UNOA:4+A B'UNH+1+PAXLST:D:02B'NAD+FL+++VAN DYK:JO?'S'UNZ+1+A'");
        assert_eq!(clean.folded, 3);
    }

    #[test]
    fn a_fold_in_front_of_a_tag_is_still_a_fold() {
        let clean = cleaned("UNB+UNOA:4'UNH+\r\n1+X'FTX+A+++GRE\r\nNAD+FL+++A'UNZ+\r\n1+A'");
        assert!(clean.text.contains("GRENAD+FL"), "{}", clean.text);
        assert_eq!((clean.folded, clean.supplied), (3, 0));
    }

    #[test]
    fn a_line_without_terminator_gets_one_before_a_known_tag() {
        let clean = cleaned("UNB+UNOA:4+A'\nUNH+1'\nATT+2++U ###\nDTM+329:630311'\nUNZ+1+A'\n");
        assert!(clean.text.contains("ATT+2++U ###'DTM+329:630311'"), "{}", clean.text);
        assert_eq!((clean.folded, clean.supplied), (0, 1));
    }

    #[test]
    fn lines_of_one_length_are_segments_where_nothing_else_ends_them() {
        // The widest line stands twice.
        let text =
            "UNB+UNOA:4+SENDER+RECIPIENT+270313:2200+R\nUNH+1+PAXLST:D:02B:UN:IATA+REFERENCE+01:F\nBGM+745\nUNZ+1+R1\n";
        let clean = cleaned(text);
        assert_eq!(text.lines().next().unwrap().len(), text.lines().nth(1).unwrap().len());
        assert_eq!((clean.folded, clean.supplied), (1, 3), "{}", clean.text);
        assert!(clean.text.contains("R'UNH+1"), "{}", clean.text);
    }

    #[test]
    fn the_end_is_unz_or_the_next_interchange() {
        let text = "UNB+UNOA:4+A'UNH+1'UNZ+1+A'\r\nEmail secured\r\nUNB+UNOA:4+B'UNH+2'UNB+UNOA:4+C'UNZ+0+C'";
        let first = service::find(text.as_bytes(), 0).unwrap();
        let taken = take(text.as_bytes(), &first);
        assert!(taken.complete && text[taken.end..].starts_with("\r\nEmail"));
        let second = service::find(text.as_bytes(), taken.end).unwrap();
        let taken = take(text.as_bytes(), &second);
        assert_eq!((&*taken.text, taken.complete), ("UNB+UNOA:4+B'UNH+2'", false));
        assert!(text[taken.end..].starts_with("UNB+UNOA:4+C"));
    }

    proptest! {
        /// What is taken as clean is what cleaning makes of it, wherever blocks are cut; but for the end of the line
        /// before the next interchange, which belongs to neither.
        #[test]
        fn clean_text_needs_no_cleaning(
            segments in prop::collection::vec(
                prop_oneof![
                    12 => "[A-T]{3}[A-Z+:]{1,30}'(\n|\r\n|)",
                    4 => "[A-T]{3}[A-Z+:]{1,30}\\?['?+][A-Z]{0,9}'",
                    1 => "[A-T]{3}[A-Z+:]{1,30}\\?['?+]\n?[A-Z]{0,9}'",
                    1 => "(UN|NA|UNB| |\r)[A-Z+:]{1,30}'(\n|\r| )",
                ],
                0..20,
            ),
            last in "(UNZ\\+1'X|)",
            at in 0usize..200,
            byte in prop_oneof![Just(b'\n'), Just(b'?'), Just(b'\''), Just(b'U'), Just(b' '), any::<u8>()],
        ) {
            let mut text = format!("UNB+A'{}{last}", segments.concat()).into_bytes();
            for _ in 0..2 {
                let start = service::find(&text, 0).unwrap();
                if let Some((end, complete)) = end_of_clean(&text, start.body, start.chars) {
                    let mut cleaner = Cleaner::new(&text, &start, &[]);
                    cleaner.run();
                    let cleaned = cleaner.out.as_deref().unwrap_or(&text[start.body..cleaner.end]);
                    let taken = text[start.body..end].trim_ascii_end();
                    prop_assert_eq!(String::from_utf8_lossy(taken), String::from_utf8_lossy(cleaned.trim_ascii_end()));
                    prop_assert_eq!((complete, cleaner.folded + cleaner.supplied), (cleaner.complete, 0));
                }
                if let Some(changed) = text.get_mut(at.max(6)) {
                    *changed = byte;
                }
            }
        }
    }

    #[test]
    fn empty_lines_are_looked_at_once() {
        // Were each of them looked at from the first on, this would take longer than anybody waits.
        let text = format!("UNB+UNOA:4+A'UNH+1'{}NAD+FL'{} X+Y'UNZ+1+A'", "\n".repeat(4 << 20), "\r\n".repeat(2 << 20));
        let clean = cleaned(&text);
        assert!(matches!(clean.text, Cow::Borrowed(_)) && clean.complete);
        assert!(clean.text.ends_with(" X+Y'UNZ+1+A'"));
        // A fold is one, however much stands before it.
        let text = text.replace("NAD+FL", "NAD+\nFL");
        let folded = cleaned(&text);
        assert_eq!((folded.folded, folded.supplied, folded.complete), (1, 0, true));
    }

    #[test]
    fn a_released_terminator_ends_nothing() {
        let clean = cleaned("UNB+UNOA:4+A'UNH+???'?'\nB'UNZ+1+A'\u{3}");
        assert_eq!(clean.text, "UNB+UNOA:4+A'UNH+???'?'B'UNZ+1+A'");
        // Wherever the release and what it releases stand in a block: what follows is a fold.
        for before in 0..64 {
            let text = format!("UNB+A'FTX+{}?'\nB{}'UNZ+1'", "A".repeat(before), "B".repeat(200));
            assert_eq!(cleaned(&text).folded, 1, "{before}");
        }
    }
}
