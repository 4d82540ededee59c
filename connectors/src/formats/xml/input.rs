//! Bytes to text: the encoding by byte order mark, then by declaration, then as the header of what it came in says, then
//! UTF-8; held a window at a time. What says one encoding and is plainly another ([`really`]) is read as what it is.
//! What transport put before the document ([`dirt`]) is let go.
//!
//! What is whole in memory and UTF-8 already is not copied. Of a stream only what is not yet read is held, so the
//! reader decides how much that is.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, EUC_KR, Encoding, GBK, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::dirt;

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
    mistold: bool,
    dirt: bool,
}

struct Stream<'b> {
    bytes: Box<dyn Read + 'b>,
    decoder: Decoder,
    /// What it says to be in, while nothing but ASCII has come.
    said: Option<&'static Encoding>,
    chunk: Vec<u8>,
    at_end: bool,
    /// The stream breaks off, and this is why.
    broken: Option<io::Error>,
}

impl<'b> Input<'b> {
    /// A document in memory, in `told` where it does not say itself in what.
    pub fn whole(bytes: &'b [u8], told: Option<&'static Encoding>) -> Self {
        if bytes.len() > WHOLE_BYTES_MAX
            && let Ok(input) = Self::stream(bytes, told)
        {
            return input;
        }
        let Said { encoding: said, mark, cannot } = said(bytes, told);
        let bytes = &bytes[mark..];
        let valid = if said == UTF_8 { std::str::from_utf8(bytes).ok() } else { None };
        let asked = valid.is_none() && is_asked(said, mark);
        let found = asked.then(|| really(said, bytes)).flatten();
        let encoding = found.unwrap_or(said);
        let (text, replaced) = match valid {
            Some(text) => (Cow::Borrowed(text), false),
            None => encoding.decode_without_bom_handling(bytes),
        };
        let mistold = cannot || encoding != said;
        let mut input = Self { text, base: 0, lines: 1, column: 0, stream: None, replaced, mistold, dirt: false };
        if memchr::memchr(0, input.text.as_bytes()).is_some() {
            input.text = Cow::Owned(input.text.replace('\0', "\u{fffd}"));
            input.replaced = true;
        }
        input.begin();
        input
    }

    /// A document that is read as it comes. Its encoding is settled by the first bytes.
    pub fn stream(mut bytes: impl Read + 'b, told: Option<&'static Encoding>) -> io::Result<Self> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let (n, broken) = fill(&mut bytes, &mut chunk);
        if n == 0
            && let Some(error) = broken
        {
            return Err(error);
        }
        let Said { encoding, mark, cannot } = said(&chunk[..n], told);
        let decoder = encoding.new_decoder_without_bom_handling();
        let said = is_asked(encoding, mark).then_some(encoding);
        let at_end = n < CHUNK_BYTES;
        let stream = Stream { bytes: Box::new(bytes), decoder, said, chunk, at_end, broken };
        let (text, stream) = (Cow::Owned(String::new()), Some(stream));
        let mut input =
            Self { text, base: 0, lines: 1, column: 0, stream, replaced: false, mistold: cannot, dirt: false };
        input.decode(mark, n);
        input.begin();
        Ok(input)
    }

    /// Lets go of what transport put before the document.
    fn begin(&mut self) {
        if let Some((at, true)) = dirt::begins(&self.text) {
            self.dirt = true;
            self.discard(at);
        }
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

    /// It is not in the encoding that it says, and was read as what it is.
    pub fn mistold(&self) -> bool {
        self.mistold
    }

    /// Something stood before the document, and was let go.
    pub fn dirt(&self) -> bool {
        self.dirt
    }

    /// Text that was made of a part of a document, which begins at this byte, in this line behind so many bytes.
    pub fn made(text: &'b str, byte: u64, line: u64, column: u64) -> Self {
        let text = Cow::Borrowed(text);
        Self { text, base: byte, lines: line, column, stream: None, replaced: false, mistold: false, dirt: false }
    }

    /// Lets go of the first `n` bytes in hand.
    pub fn discard(&mut self, n: usize) {
        if n == 0 {
            return;
        }
        self.base += n as u64;
        let gone = &self.text.as_bytes()[..n];
        self.lines += memchr::memchr_iter(b'\n', gone).count() as u64;
        self.column = memchr::memrchr(b'\n', gone).map_or(self.column + n as u64, |at| (n - at - 1) as u64);
        match &mut self.text {
            Cow::Borrowed(text) => *text = &text[n..],
            Cow::Owned(text) => drop(text.drain(..n)),
        }
    }

    /// Reads on. Where the stream breaks off, what came before is in hand, and the last.
    pub fn more(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        if stream.at_end {
            return;
        }
        let (n, broken) = fill(&mut stream.bytes, &mut stream.chunk);
        stream.at_end = n < CHUNK_BYTES;
        stream.broken = broken;
        self.decode(0, n);
    }

    /// Why nothing comes any more, where that is not its end.
    pub fn broken(&mut self) -> Option<io::Error> {
        self.stream.as_mut().and_then(|stream| stream.broken.take())
    }

    fn decode(&mut self, from: usize, to: usize) {
        let Some(stream) = &mut self.stream else { return };
        if let Some(said) = stream.said
            && let Some(real) = really(said, &stream.chunk[from..to])
        {
            stream.said = None;
            if real != said {
                // Nothing but ASCII was decoded so far, which is the same in both.
                stream.decoder = real.new_decoder_without_bom_handling();
                self.mistold = true;
            }
        }
        let text = self.text.to_mut();
        let start = text.len();
        let mut bytes = &stream.chunk[from..to];
        loop {
            let room = stream.decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len() * 3 + 16);
            // As much again as is held already, at most: a window that doubles would be twice what is needed.
            text.reserve_exact(room);
            // A character that breaks off is none that its encoding does not have.
            let last = stream.at_end && stream.broken.is_none();
            let (result, read, replaced) = stream.decoder.decode_to_string(bytes, text, last);
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

/// Reads until `chunk` is full or nothing comes any more; and why, where that is not the end.
fn fill(bytes: &mut impl Read, chunk: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut n = 0;
    while n < chunk.len() {
        match bytes.read(&mut chunk[n..]) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (n, Some(error)),
        }
    }
    (n, None)
}

/// What a document says of its encoding.
struct Said {
    encoding: &'static Encoding,
    /// Bytes of the byte order mark.
    mark: usize,
    /// It declares one in which its declaration could not be read.
    cannot: bool,
}

/// The encoding of a document, and the length of its byte order mark.
pub fn encoding_of(bytes: &[u8]) -> (&'static Encoding, usize) {
    let Said { encoding, mark, .. } = said(bytes, None);
    (encoding, mark)
}

/// An encoding by its name in a header.
pub fn by_name(name: &str) -> Option<&'static Encoding> {
    Encoding::for_label(name.as_bytes()).or_else(|| known_elsewhere(name.as_bytes()))
}

fn said(bytes: &[u8], told: Option<&'static Encoding>) -> Said {
    let sure = |encoding, mark| Said { encoding, mark, cannot: false };
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return sure(encoding, mark);
    }
    match bytes {
        [b'<' | b' ' | b'\t' | b'\r' | b'\n', 0, ..] => return sure(UTF_16LE, 0),
        [0, b'<' | b' ' | b'\t' | b'\r' | b'\n', ..] => return sure(UTF_16BE, 0),
        _ => {}
    }
    let head = dirt::declaration(bytes);
    let declared = declared(&head[..head.len().min(DECLARATION_BYTES)]);
    let declared = declared.and_then(|label| Encoding::for_label(label).or_else(|| known_elsewhere(label)));
    // Whoever declares UTF-16 and writes one byte a character has changed the bytes and not the declaration.
    let cannot = declared.is_some_and(|e| e == UTF_16LE || e == UTF_16BE);
    let told =
        told.or_else(|| dirt::charset(bytes).and_then(by_name)).filter(|told| !cannot && told.is_ascii_compatible());
    Said { encoding: declared.filter(|_| !cannot).or(told).unwrap_or(UTF_8), mark: 0, cannot }
}

/// Whether it may turn out to be in another encoding: not with a byte order mark, and not where letters of ASCII are
/// written otherwise.
fn is_asked(said: &'static Encoding, mark: usize) -> bool {
    mark == 0 && said.is_ascii_compatible()
}

/// What these bytes of a document are in, which says to be in `said`; `None` while all of them are ASCII.
///
/// Gateways decode a document and write it again without changing its declaration; the names in it would be lost. So what
/// is UTF-8 throughout is UTF-8 whatever it says; what says UTF-8 and holds none is Korean or Latin where nothing
/// speaks against it. Single bytes that do not fit are damage, and change nothing.
fn really(said: &'static Encoding, bytes: &[u8]) -> Option<&'static Encoding> {
    if bytes.is_ascii() {
        return None;
    }
    let high = &bytes[bytes.iter().position(|b| !b.is_ascii())?..];
    // A character may be cut by the end of what is in hand.
    let cut = match std::str::from_utf8(high) {
        Ok(_) if said == UTF_8 => return Some(UTF_8),
        Ok(_) => false,
        Err(error) => error.error_len().is_none(),
    };
    let (mut pairs, mut longer, mut broken) = (0usize, 0, 0);
    for chunk in high.utf8_chunks() {
        for lead in chunk.valid().bytes().filter(|b| *b >= 0xC0) {
            *(if lead < 0xE0 { &mut pairs } else { &mut longer }) += 1;
        }
        broken += usize::from(!chunk.invalid().is_empty());
    }
    broken -= usize::from(cut);
    if said != UTF_8 {
        // Some syllables of two bytes are a pair of UTF-8 too.
        let told = if said.is_single_byte() { pairs + longer } else { longer };
        return Some(if broken == 0 && told > 0 { UTF_8 } else { said });
    }
    Some(match () {
        // Of Korean text too a part is UTF-8 by chance.
        () if pairs + longer >= broken => UTF_8,
        () if is_korean(high) => EUC_KR,
        () if is_latin(bytes) => WINDOWS_1252,
        () => UTF_8,
    })
}

/// Whether bytes beyond ASCII come in pairs, as in EUC-KR, and half of them or more are syllables.
fn is_korean(bytes: &[u8]) -> bool {
    let (mut syllables, mut others) = (0, 0);
    let mut rest = bytes.iter().copied();
    while let Some(lead) = rest.next() {
        if lead.is_ascii() {
            continue;
        }
        match (lead, rest.next()) {
            (0xB0..=0xC8, Some(0xA1..=0xFE)) => syllables += 1,
            (0xA1..=0xFE, Some(0xA1..=0xFE)) | (_, None) => others += 1,
            // The syllables that Windows added.
            (0x81..=0xC6, Some(b'A'..=b'Z' | b'a'..=b'z' | 0x81..=0xFE)) => others += 1,
            _ => return false,
        }
    }
    syllables > 0 && syllables >= others
}

/// Whether what is beyond ASCII stands as letters of Latin-1 in words of ASCII letters, mostly.
fn is_latin(bytes: &[u8]) -> bool {
    let is_letter = |b: u8| b.is_ascii() || matches!(b, 0xC0..=0xD6 | 0xD8..=0xF6 | 0xF8..=0xFF);
    let (mut words, mut others) = (0, 0);
    for part in bytes.split(|b| b.is_ascii() && !b.is_ascii_alphabetic()).filter(|part| !part.is_ascii()) {
        let is_word = part.iter().all(|b| is_letter(*b)) && part.iter().any(u8::is_ascii);
        *(if is_word { &mut words } else { &mut others }) += 1;
    }
    words > 0 && words >= others
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
        let mut input = Input::stream(bytes, None).unwrap();
        while !input.is_last() {
            input.more();
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
            // What it says and what it is differ.
            (
                b"<?xml version='1.0' encoding='EUC-KR'?><a>\xEA\xB0\x80</a>".to_vec(),
                "<?xml version='1.0' encoding='EUC-KR'?><a>\u{ac00}</a>",
                false,
            ),
            (
                b"<?xml version='1.0' encoding='EUC-KR'?><a>\xC3\xBB</a>".to_vec(),
                "<?xml version='1.0' encoding='EUC-KR'?><a>\u{ccad}</a>",
                false,
            ),
            (
                b"<?xml version='1.0' encoding='ISO-8859-1'?><a>M\xC3\x9CLLER</a>".to_vec(),
                "<?xml version='1.0' encoding='ISO-8859-1'?><a>M\u{dc}LLER</a>",
                false,
            ),
            (
                b"<?xml version='1.0' encoding='UTF-8'?><a>\xC7\xD8\xC4\xA1</a>".to_vec(),
                "<?xml version='1.0' encoding='UTF-8'?><a>\u{d574}\u{ce58}</a>",
                false,
            ),
            (b"<a>M\xDCLLER</a>".to_vec(), "<a>M\u{dc}LLER</a>", false),
            (b"<a>\xEA\xB0\x80\xFF</a>".to_vec(), "<a>\u{ac00}\u{fffd}</a>", true),
            (utf16("\r\n<a/>"), "\r\n<a/>", false),
            (b"<a>\0</a>".to_vec(), "<a>\u{fffd}</a>", true),
        ] {
            let whole = Input::whole(&bytes, None);
            assert_eq!((whole.text(), whole.replaced()), (text, replaced));
            assert_eq!(streamed(&bytes), (text.to_owned(), replaced));
        }
    }

    #[test]
    fn a_header_tells_where_the_document_does_not() {
        let latin2 = Encoding::for_label(b"iso-8859-2");
        for (bytes, text, mistold) in [
            (&b"<a>\xB3</a>"[..], "<a>\u{142}</a>", false),
            (b"POST / HTTP/1.1\r\n\r\n<a>\xB3</a>", "<a>\u{142}</a>", false),
            (b"HTTP/1.1 200 OK\r\nContent-Type: a;charset=iso-8859-5\r\n\r\n<a>\xB3</a>", "<a>\u{142}</a>", false),
            (b"<a>\xC5\x82</a>", "<a>\u{142}</a>", true),
            (b"\xEF\xBB\xBF<a>\xC5\x82</a>", "<a>\u{142}</a>", false),
            (b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xB3</a>", "<a>\u{b3}</a>", false),
            (b"\x02<?xml version='1.0' encoding='ISO-8859-1'?><a>\xB3</a>", "<a>\u{b3}</a>", false),
            (b"<?xml version='1.0' encoding='UTF-16'?><a>\xC5\x82</a>", "<a>\u{142}</a>", true),
        ] {
            let whole = Input::whole(bytes, latin2);
            assert!(whole.text().ends_with(text) && !whole.replaced(), "{}", whole.text());
            assert_eq!(whole.mistold(), mistold, "{text}");
            let streamed = Input::stream(bytes, latin2).unwrap();
            assert_eq!((streamed.text(), streamed.mistold()), (whole.text(), mistold));
        }
        let header = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=iso-8859-2\r\n\r\n<a>\xB3</a>";
        assert_eq!(Input::whole(header, None).text(), "<a>\u{142}</a>");
    }

    #[test]
    fn places_are_those_in_the_input_whatever_stands_before_the_document() {
        let bytes = b"Subject: a\n\nSee below:\n <a/>";
        for input in [Input::whole(bytes, None), Input::stream(&bytes[..], None).unwrap()] {
            assert_eq!((input.text(), input.dirt()), ("<a/>", true));
            assert_eq!((input.base(), input.first_line(), input.first_column()), (24, 4, 1));
        }
    }

    #[test]
    fn the_first_letter_beyond_ascii_tells() {
        let text = format!("<a>{}M\u{dc}LLER \u{ac00}</a>", " ".repeat(CHUNK_BYTES));
        let declared = format!("<?xml version='1.0' encoding='ISO-8859-1'?>{text}");
        let whole = Input::whole(declared.as_bytes(), None);
        assert!(whole.mistold() && whole.text().ends_with("M\u{dc}LLER \u{ac00}</a>"));
        assert_eq!(streamed(declared.as_bytes()), (whole.text().to_owned(), false));
        assert!(!Input::whole(text.as_bytes(), None).mistold());
    }

    #[test]
    fn a_stream_is_held_in_part_and_counted_whole() {
        let line = "<a>\u{ac00}</a>\n";
        let bytes = line.repeat(100_000);
        let mut input = Input::stream(bytes.as_bytes(), None).unwrap();
        let mut seen = 0;
        loop {
            seen += input.text().len();
            assert!(input.text().len() <= 2 * CHUNK_BYTES);
            input.discard(input.text().len());
            if input.is_last() {
                break;
            }
            input.more();
        }
        assert_eq!((seen, input.base(), input.first_line()), (bytes.len(), bytes.len() as u64, 100_001));
    }
}
