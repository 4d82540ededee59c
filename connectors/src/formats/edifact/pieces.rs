//! An input of any size, in bounded memory: read piece by piece, cut between messages.
//!
//! A piece ends behind a UNT; what an interchange says of itself (UNB, counts) goes on from one piece to the next, so
//! that the readings of all pieces together say what a reading of the whole would. One message that is longer than
//! [`MESSAGE_BYTES_MAX`] is set aside by its beginning, and what follows it is read.
//!
//! ```
//! use haechi_connectors::{ReadOptions, formats::edifact::pieces::pieces};
//!
//! let options = ReadOptions::default();
//! let text = "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNZ+0+R1'";
//! let readings: Vec<_> = pieces("file.edi", text.as_bytes(), &options).collect::<Result<_, _>>()?;
//! assert_eq!(readings.len(), 1);
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io::{self, Read};

use super::interchange::{Walk, read_piece};
use super::output::{Formats, Output};
use crate::format::{MessageInput, MessageReading};
use crate::options::ReadOptions;
use crate::sources::is_damage;

/// Longest message that is read from a stream.
pub const MESSAGE_BYTES_MAX: usize = 48 * 1024 * 1024;
/// How much is read at once.
const PIECE_BYTES: usize = 4 * 1024 * 1024;

/// The readings of an input, a piece each. An error of the input ends them.
pub fn pieces<'o, R: Read>(source: &'o str, input: R, options: &'o ReadOptions) -> Pieces<'o, R> {
    Pieces::new(source, input, options, PIECE_BYTES, MESSAGE_BYTES_MAX)
}

/// The readings of an input, a piece each.
pub struct Pieces<'o, R> {
    source: &'o str,
    input: R,
    options: &'o ReadOptions,
    piece_bytes: usize,
    message_bytes_max: usize,
    /// Read and not yet taken.
    rest: Vec<u8>,
    /// Where `rest` begins in the input.
    offset: usize,
    open: Option<Walk>,
    formats: Formats,
    /// Inside a message that is too long.
    skipping: bool,
    /// The input breaks off, and this is still to be told.
    broken: Option<io::Error>,
    ended: bool,
    any: bool,
}

impl<'o, R: Read> Pieces<'o, R> {
    fn new(source: &'o str, input: R, options: &'o ReadOptions, piece_bytes: usize, message_bytes_max: usize) -> Self {
        Self {
            source,
            input,
            options,
            piece_bytes,
            message_bytes_max,
            rest: Vec::new(),
            offset: 0,
            open: None,
            formats: Formats::new(),
            skipping: false,
            broken: None,
            ended: false,
            any: false,
        }
    }

    /// Reads on; false where that was the rest of the input.
    fn fill(&mut self) -> io::Result<bool> {
        let wanted = self.piece_bytes as u64;
        let before = self.rest.len();
        if let Err(error) = self.input.by_ref().take(wanted).read_to_end(&mut self.rest) {
            if !is_damage(&error) || self.rest.is_empty() {
                return Err(error);
            }
            // What is in hand ends here, as a message that is cut off does.
            self.broken = Some(error);
        }
        let read = self.rest.len() - before;
        if self.offset == 0 && self.rest.starts_with(b"\xEF\xBB\xBF") {
            self.rest.drain(..3);
            self.offset = 3;
        }
        Ok(read == self.piece_bytes && self.broken.is_none())
    }

    fn next_piece(&mut self) -> io::Result<MessageReading> {
        loop {
            if !self.fill()? {
                self.ended = true;
                let (rest, offset) = (std::mem::take(&mut self.rest), self.offset);
                // The message that ends here may be the one set aside.
                let from = if self.skipping { first_message_end(&rest).unwrap_or(rest.len()) } else { 0 };
                return Ok(self.read(&rest[from..], offset + from, true));
            }
            if let Some(end) = last_message_end(&self.rest) {
                let behind = self.rest.split_off(end);
                let piece = std::mem::replace(&mut self.rest, behind);
                let offset = self.offset;
                self.offset += end;
                if std::mem::take(&mut self.skipping) {
                    // The first message that ends here is the one set aside.
                    let from = first_message_end(&piece).unwrap_or(piece.len());
                    return Ok(self.read(&piece[from..], offset + from, false));
                }
                return Ok(self.read(&piece, offset, false));
            }
            if self.rest.len() > self.message_bytes_max {
                // Enough is kept to see a UNT that stands on the seam.
                let behind = self.rest.split_off(self.rest.len() - 64);
                let dropped = std::mem::replace(&mut self.rest, behind);
                let offset = self.offset;
                self.offset += dropped.len();
                if !std::mem::replace(&mut self.skipping, true) {
                    return Ok(self.too_long(&dropped, offset));
                }
            }
        }
    }

    fn read(&mut self, piece: &[u8], offset: usize, last: bool) -> MessageReading {
        let input = MessageInput { source: self.source, bytes: piece, options: self.options };
        let mut out = Output::new(input);
        out.formats = std::mem::take(&mut self.formats);
        self.any |= read_piece(&mut self.open, piece, offset, last, &mut out);
        if last && !self.any {
            let reason = "byte 0: no UNB and no UNH found; send an EDIFACT interchange";
            out.set_aside("no_interchange", "byte 0", reason, piece);
        }
        self.formats.clone_from(&out.formats);
        out.finish()
    }

    fn too_long(&mut self, beginning: &[u8], offset: usize) -> MessageReading {
        self.any = true;
        let mut out = Output::new(MessageInput { source: self.source, bytes: beginning, options: self.options });
        // What stands before it, UNB at least, is read.
        let from = message_start(beginning).unwrap_or(0);
        out.formats.clone_from(&self.formats);
        read_piece(&mut self.open, &beginning[..from], offset, false, &mut out);
        let position = format!("byte {}", offset + from);
        let reason = format!("{position}: a message of more than {} bytes; send it in parts", self.message_bytes_max);
        out.set_aside("message_too_long", position, reason, &beginning[from..]);
        out.finish()
    }
}

impl<R: Read> Iterator for Pieces<'_, R> {
    type Item = io::Result<MessageReading>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return self.broken.take().map(Err);
        }
        let next = self.next_piece();
        self.ended |= next.is_err();
        Some(next)
    }
}

/// Behind the terminator of a UNT that begins at `at`: the character before it ends segments, whatever it is.
fn end_of_unt(bytes: &[u8], at: usize) -> Option<usize> {
    let before = bytes[..at].iter().rposition(|b| !b.is_ascii_whitespace())?;
    let terminator = bytes[before];
    let released = before > 0 && bytes[before - 1] == b'?';
    let separator = bytes.get(at + 3).is_some_and(|b| !b.is_ascii_alphanumeric());
    if terminator.is_ascii_alphanumeric() || released || !separator {
        return None;
    }
    memchr::memchr(terminator, &bytes[at..]).map(|end| at + end + 1)
}

fn last_message_end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::rfind_iter(bytes, b"UNT").find_map(|at| end_of_unt(bytes, at))
}

fn first_message_end(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(bytes, b"UNT").find_map(|at| end_of_unt(bytes, at))
}

/// Where the first message begins.
fn message_start(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(bytes, b"UNH").find(|at| bytes.get(at + 3).is_some_and(|b| !b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tests::{column, read, reasons, warnings};
    use super::*;

    fn message(n: usize) -> String {
        format!(
            "UNH+{n}+PAXLST:D:15B:UN'BGM+745'TDT+20+ZZ{n}+++ZZ'LOC+125+BKK'DTM+189:2703140105:201'LOC+87+ICN'\
             DTM+232:2703140830:201'NAD+FL+++KIM:A{n}'NAD+FL+++LEE:B{n}'CNT+42:2'UNT+11+{n}'\r\n"
        )
    }

    fn interchange(reference: &str, messages: usize, said: usize) -> String {
        let messages: String = (1..=messages).map(message).collect();
        format!("UNB+UNOA:4+ZZ+KR+270313:2200+{reference}'\r\n{messages}UNZ+{said}+{reference}'\r\n")
    }

    /// All readings of `text` in pieces of that size, as one: rows, positions, warnings, reasons, counts.
    fn together(
        text: &str,
        piece_bytes: usize,
        message_bytes_max: usize,
    ) -> (Vec<MessageReading>, BTreeMap<&'static str, u64>) {
        let options = ReadOptions::default();
        let readings: Vec<MessageReading> =
            Pieces::new("test.edi", text.as_bytes(), &options, piece_bytes, message_bytes_max)
                .map(Result::unwrap)
                .collect();
        let mut counts = BTreeMap::new();
        for reading in &readings {
            for (name, n) in &reading.counts {
                *counts.entry(*name).or_default() += n;
            }
        }
        (readings, counts)
    }

    #[test]
    fn pieces_say_together_what_the_whole_says() {
        let text = format!("{}{}{}", interchange("R1", 5, 5), interchange("R2", 3, 9), interchange("R3", 1, 1));
        let whole = read(&text);
        for piece_bytes in [64, 300, 500, 1_000, 100_000] {
            let (readings, counts) = together(&text, piece_bytes, 1 << 20);
            for name in ["surname", "given_names", "source_position", "message_path", "message_id", "message_issued_at"]
            {
                let pieced: Vec<String> = readings.iter().flat_map(|r| column(r, "traveller", name)).collect();
                if name == "message_issued_at" {
                    assert_eq!(pieced.len(), 18);
                } else {
                    assert_eq!(pieced, column(&whole, "traveller", name), "{name} in pieces of {piece_bytes}");
                }
            }
            let said: Vec<&str> = readings.iter().flat_map(warnings).collect();
            assert_eq!((said, counts["messages"]), (vec!["unz_count"], 9), "pieces of {piece_bytes}");
            assert_eq!(readings.iter().flat_map(reasons).count(), 0);
        }
    }

    #[test]
    fn a_terminator_of_several_bytes_ends_segments_in_every_piece() {
        let text = interchange("R1", 5, 5).replace('\'', "\u{2019}");
        let (readings, counts) = together(&text, 300, 1 << 20);
        assert_eq!((counts["messages"], counts["passengers"]), (5, 10));
        assert_eq!(readings.iter().flat_map(reasons).count(), 0);
    }

    #[test]
    fn a_message_too_long_costs_only_itself() {
        let long = message(2).replace("NAD+FL+++LEE:B2'", &"NAD+FL+++LEE:B2'".repeat(500));
        let text = format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{}{long}{}UNZ+3+R1'", message(1), message(3));
        let (readings, counts) = together(&text, 256, 2_000);
        let names: Vec<String> = readings.iter().flat_map(|r| column(r, "traveller", "given_names")).collect();
        assert_eq!(names, ["A1", "B1", "A3", "B3"]);
        assert_eq!(readings.iter().flat_map(reasons).collect::<Vec<_>>(), ["message_too_long"]);
        assert_eq!(counts["messages"], 2);
    }

    #[test]
    fn what_only_looks_like_the_end_of_a_message_ends_none() {
        for value in ["O?'UNT+1:1'", "AUNTIE:1'", "X:AUNT'"] {
            let text = interchange("R1", 3, 3).replace("LEE:B2'", value);
            let whole = read(&text);
            for piece_bytes in (64..700).step_by(7) {
                let (readings, counts) = together(&text, piece_bytes, 1 << 20);
                let pieced: Vec<String> = readings.iter().flat_map(|r| column(r, "traveller", "surname")).collect();
                assert_eq!(pieced, column(&whole, "traveller", "surname"), "{value} in pieces of {piece_bytes}");
                assert_eq!((readings.iter().flat_map(warnings).count(), counts["messages"]), (0, 3), "{piece_bytes}");
            }
        }
    }

    #[test]
    fn a_mark_of_utf_8_is_no_dirt() {
        let text = interchange("R1", 2, 2);
        let (plain, _) = together(&text, 300, 1 << 20);
        let (marked, _) = together(&format!("\u{feff}{text}"), 300, 1 << 20);
        assert_eq!(marked.iter().flat_map(warnings).count(), 0);
        assert_eq!(column(&plain[0], "traveller", "source_position")[0], "byte 0, message 1, segment 8");
        let marked = [&marked[0], &read(&format!("\u{feff}{text}"))].map(|r| column(r, "traveller", "source_position"));
        assert_eq!([&*marked[0][0], &marked[1][0]], ["byte 3, message 1, segment 8"; 2]);
    }

    /// Wherever the seam falls: into the UNT of the message that is too long, before it, or behind it.
    #[test]
    fn a_message_too_long_costs_only_itself_wherever_it_is_cut() {
        for (people, behind) in [(150, 0..0), (150, 3..4), (150, 3..7), (115, 3..7)] {
            for pad in 0..280 {
                let long = message(2).replace("LEE:B2'", &format!("LEE:B2'{}", "NAD+FL+++LEE:B'".repeat(people)));
                let long = long.replace(
                    "CNT+42:2'",
                    &format!("CNT+42:{}'FTX+{}+{}'", people + 2, "A".repeat(pad / 2), "A".repeat(pad - pad / 2)),
                );
                let messages: String = behind.clone().map(message).collect();
                let text = format!("UNB+UNOA:4+ZZ+KR+270313:2200+R1'{}{long}{messages}UNZ+99+R1'", message(1));
                let (readings, _) = together(&text, 256, 2_000);
                let refused: Vec<&str> = readings.iter().flat_map(reasons).collect();
                // One that is just as long as may be is read.
                let read_whole = people == 115 && refused.is_empty();
                assert!(read_whole || refused == ["message_too_long"], "{people} {pad}: {refused:?}");
                let names: Vec<String> = readings.iter().flat_map(|r| column(r, "traveller", "given_names")).collect();
                let others: Vec<&String> = names.iter().filter(|n| !matches!(n.as_str(), "A2" | "B2" | "B")).collect();
                let read = [1].into_iter().chain(behind.clone());
                let expected: Vec<String> = read.flat_map(|n| [format!("A{n}"), format!("B{n}")]).collect();
                assert_eq!(others, expected.iter().collect::<Vec<_>>(), "{people} {pad}");
                assert_eq!(names.len() > expected.len(), read_whole, "{people} {pad}");
                let said: Vec<&str> = readings.iter().flat_map(warnings).filter(|code| *code != "unt_count").collect();
                assert_eq!(said, ["unz_count"], "{people} {pad}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_nothing_is_said() {
        let text = interchange("R1", 3, 3);
        let cut = &text[..text.len() - 40];
        let (readings, _) = together(cut, 300, 1 << 20);
        assert!(readings.iter().flat_map(warnings).any(|code| code == "truncated"));
        let (readings, _) = together("hello", 300, 1 << 20);
        assert_eq!(readings.iter().flat_map(reasons).collect::<Vec<_>>(), ["no_interchange"]);
    }
}
