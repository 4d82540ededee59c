//! Bytes to text: the encoding by byte order mark, then by declaration, then UTF-8; held a window at a time.
//!
//! What is whole in memory and UTF-8 already is not copied. Of a stream only what is not yet read is held, so the
//! reader decides how much that is.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, EUC_KR, Encoding, GBK, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE};

/// How much of a stream is read at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// What is larger is read as a stream, also when it is in memory.
const WHOLE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Where an XML declaration would stand.
const DECLARATION_BYTES: usize = 256;

/// The text of a document: all of it, or the part in hand.
pub struct Input<'b> {
    text: Cow<'b, str>,
    base: u64,
    lines: u64,
    /// Bytes of its first line that went.
    column: u64,
    stream: Option<Stream<'b>>,
    replaced: bool,
}

struct Stream<'b> {
    bytes: Box<dyn Read + 'b>,
    decoder: Decoder,
    chunk: Vec<u8>,
    at_end: bool,
}

impl<'b> Input<'b> {
    /// A document in memory.
    pub fn whole(bytes: &'b [u8]) -> Self {
        if bytes.len() > WHOLE_BYTES_MAX
            && let Ok(input) = Self::stream(bytes)
        {
            return input;
        }
        let (encoding, mark) = encoding_of(bytes);
        let bytes = &bytes[mark..];
        let (text, replaced) = if encoding == UTF_8 {
            match std::str::from_utf8(bytes) {
                Ok(text) => (Cow::Borrowed(text), false),
                Err(_) => (String::from_utf8_lossy(bytes), true),
            }
        } else {
            let (text, replaced) = encoding.decode_without_bom_handling(bytes);
            (text, replaced)
        };
        let mut input = Self { text, base: 0, lines: 1, column: 0, stream: None, replaced };
        if memchr::memchr(0, input.text.as_bytes()).is_some() {
            input.text = Cow::Owned(input.text.replace('\0', "\u{fffd}"));
            input.replaced = true;
        }
        input
    }

    /// A document that is read as it comes. Its encoding is settled by the first bytes.
    pub fn stream(mut bytes: impl Read + 'b) -> io::Result<Self> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let n = fill(&mut bytes, &mut chunk)?;
        let (encoding, mark) = encoding_of(&chunk[..n]);
        let decoder = encoding.new_decoder_without_bom_handling();
        let stream = Stream { bytes: Box::new(bytes), decoder, chunk, at_end: n < CHUNK_BYTES };
        let text = Cow::Owned(String::new());
        let mut input = Self { text, base: 0, lines: 1, column: 0, stream: Some(stream), replaced: false };
        input.decode(mark, n);
        Ok(input)
    }

    /// What is in hand.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where what is in hand begins in the text.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The line, from 1, on which what is in hand begins.
    pub fn first_line(&self) -> u64 {
        self.lines
    }

    /// How many bytes of that line stand before it.
    pub fn first_column(&self) -> u64 {
        self.column
    }

    /// Nothing comes behind what is in hand.
    pub fn is_last(&self) -> bool {
        self.stream.as_ref().is_none_or(|s| s.at_end)
    }

    /// Bytes were replaced that its encoding does not have, or that no XML has.
    pub fn replaced(&self) -> bool {
        self.replaced
    }

    /// Lets go of the first `n` bytes in hand.
    pub fn discard(&mut self, n: usize) {
        if self.stream.is_none() || n == 0 {
            return;
        }
        self.base += n as u64;
        let gone = &self.text.as_bytes()[..n];
        self.lines += memchr::memchr_iter(b'\n', gone).count() as u64;
        self.column = memchr::memrchr(b'\n', gone).map_or(self.column + n as u64, |at| (n - at - 1) as u64);
        self.text.to_mut().drain(..n);
    }

    /// Reads on.
    pub fn more(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if stream.at_end {
            return Ok(());
        }
        let n = fill(&mut stream.bytes, &mut stream.chunk)?;
        stream.at_end = n < CHUNK_BYTES;
        self.decode(0, n);
        Ok(())
    }

    fn decode(&mut self, from: usize, to: usize) {
        let Some(stream) = &mut self.stream else { return };
        let text = self.text.to_mut();
        let start = text.len();
        let mut bytes = &stream.chunk[from..to];
        loop {
            let room = stream.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len() * 3 + 16);
            // As much again as is held already, at most: a window that doubles would be twice what is needed.
            text.reserve_exact(room);
            let (result, read, replaced) = stream.decoder.decode_to_string(bytes, text, stream.at_end);
            self.replaced |= replaced;
            bytes = &bytes[read..];
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if memchr::memchr(0, &text.as_bytes()[start..]).is_some() {
            let clean = text[start..].replace('\0', "\u{fffd}");
            text.truncate(start);
            text.push_str(&clean);
            self.replaced = true;
        }
    }
}

/// Reads until `chunk` is full or nothing comes any more.
fn fill(bytes: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < chunk.len() {
        match bytes.read(&mut chunk[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}

/// The encoding of a document, and the length of its byte order mark.
pub fn encoding_of(bytes: &[u8]) -> (&'static Encoding, usize) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return (encoding, mark);
    }
    match bytes {
        [b'<', 0, ..] => return (UTF_16LE, 0),
        [0, b'<', ..] => return (UTF_16BE, 0),
        _ => {}
    }
    let head = &bytes[..bytes.len().min(DECLARATION_BYTES)];
    let declared = declared(head).and_then(|label| Encoding::for_label(label).or_else(|| known_elsewhere(label)));
    // Whoever declares UTF-16 and writes one byte a character has changed the bytes and not the declaration.
    (declared.filter(|e| *e != UTF_16LE && *e != UTF_16BE).unwrap_or(UTF_8), 0)
}

/// An encoding by a name that Java and Windows have for it and the web has not.
fn known_elsewhere(label: &[u8]) -> Option<&'static Encoding> {
    let name: Vec<u8> = label.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).collect();
    match name.as_slice() {
        b"MS949" | b"CP949" | b"949" | b"XWINDOWS949" | b"UHC" | b"EUCKR" | b"KSC56011992" => Some(EUC_KR),
        b"MS932" | b"CP932" | b"WINDOWS932" => Some(SHIFT_JIS),
        b"CP936" | b"MS936" => Some(GBK),
        _ => None,
    }
}

/// What stands in `encoding="..."` of an XML declaration.
fn declared(head: &[u8]) -> Option<&[u8]> {
    let head = head.trim_ascii_start().strip_prefix(b"<?xml")?;
    let head = &head[..memchr::memchr(b'>', head)?];
    let at = memchr::memmem::find(head, b"encoding")?;
    let value = head[at + b"encoding".len()..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let quote = *value.first().filter(|q| matches!(q, b'"' | b'\''))?;
    let value = &value[1..];
    Some(&value[..memchr::memchr(quote, value)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(bytes: &[u8]) -> (String, bool) {
        let mut input = Input::stream(bytes).unwrap();
        while !input.is_last() {
            input.more().unwrap();
        }
        (input.text().to_owned(), input.replaced())
    }

    #[test]
    fn the_mark_wins_then_the_declaration_then_utf_8() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for (bytes, text, replaced) in [
            (b"<a>\xEA\xB0\x80</a>".to_vec(), "<a>\u{ac00}</a>", false),
            (b"\xEF\xBB\xBF<a/>".to_vec(), "<a/>", false),
            (
                b"<?xml version='1.0' encoding='EUC-KR'?><a>\xB0\xA1</a>".to_vec(),
                "<?xml version='1.0' encoding='EUC-KR'?><a>\u{ac00}</a>",
                false,
            ),
            (
                b"<?xml version='1.0' encoding='MS949'?><a>\xB0\xA1</a>".to_vec(),
                "<?xml version='1.0' encoding='MS949'?><a>\u{ac00}</a>",
                false,
            ),
            (
                b"<?xml version='1.0' encoding='cp949'?><a>\xB0\xA1</a>".to_vec(),
                "<?xml version='1.0' encoding='cp949'?><a>\u{ac00}</a>",
                false,
            ),
            (
                b"<?xml version='1.0' encoding=\"ISO-8859-1\"?><a>\xFC</a>".to_vec(),
                "<?xml version='1.0' encoding=\"ISO-8859-1\"?><a>\u{fc}</a>",
                false,
            ),
            ([b"\xFF\xFE".to_vec(), utf16("<a>\u{fc}</a>")].concat(), "<a>\u{fc}</a>", false),
            (utf16("<a>\u{fc}</a>"), "<a>\u{fc}</a>", false),
            (
                b"<?xml version='1.0' encoding='UTF-16'?><a/>".to_vec(),
                "<?xml version='1.0' encoding='UTF-16'?><a/>",
                false,
            ),
            (b"<a>\xFF</a>".to_vec(), "<a>\u{fffd}</a>", true),
            (b"<a>\0</a>".to_vec(), "<a>\u{fffd}</a>", true),
        ] {
            let whole = Input::whole(&bytes);
            assert_eq!((whole.text(), whole.replaced()), (text, replaced));
            assert_eq!(streamed(&bytes), (text.to_owned(), replaced));
        }
    }

    #[test]
    fn a_stream_is_held_in_part_and_counted_whole() {
        let line = "<a>\u{ac00}</a>\n";
        let bytes = line.repeat(100_000);
        let mut input = Input::stream(bytes.as_bytes()).unwrap();
        let mut seen = 0;
        loop {
            seen += input.text().len();
            assert!(input.text().len() <= 2 * CHUNK_BYTES);
            input.discard(input.text().len());
            if input.is_last() {
                break;
            }
            input.more().unwrap();
        }
        assert_eq!((seen, input.base(), input.first_line()), (bytes.len(), bytes.len() as u64, 100_001));
    }
}
