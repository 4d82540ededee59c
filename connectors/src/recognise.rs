//! What a file is, from its first bytes; never from its name.
//!
//! Magic numbers first, then the message formats, then JSON, and what is left and looks like text is CSV. The
//! reasons for refusing say what to do, since the usual cause is a spreadsheet saved the wrong way.

use crate::format::MessageFormat;
use crate::formats::{FORMATS, cargo_imp, xml};
use crate::tabular::split::{Cells, SEPARATORS, Split};

/// What a file holds, once unwrapped.
#[derive(Clone, Copy)]
pub enum Recognised {
    /// No bytes at all.
    Empty,
    /// A header line and rows: comma, semicolon or tab.
    Csv,
    /// JSON objects: one a line, over several, or in an array.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, file format.
    ArrowFile,
    /// Arrow IPC, stream format.
    ArrowStream,
    /// A message of one of [`FORMATS`].
    Message(&'static MessageFormat),
}

impl Recognised {
    /// Name of the format, as `message_format` and reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::ArrowFile => "arrow_file",
            Self::ArrowStream => "arrow_stream",
            Self::Message(format) => format.name,
        }
    }
}

impl std::fmt::Debug for Recognised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a file is none of the formats we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecognised {
    /// UTF-16, as some spreadsheets save "Unicode text".
    #[error("is UTF-16 text; save it as UTF-8")]
    Utf16,
    /// A zip archive, which an Excel workbook is too.
    #[error("is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV")]
    Zip,
    /// XML of a kind we have no reader for.
    #[error("is XML of a kind not read here")]
    Xml,
    /// What a poll is answered where messages wait elsewhere, or none do.
    #[error("is the answer to a poll, with links or nothing, and no message in it; fetch what its links name")]
    Poll,
    /// Parquet with an encrypted footer.
    #[error("is an encrypted Parquet file; decrypt it first")]
    EncryptedParquet,
    /// A PDF, as people attach what a message says.
    #[error("is a PDF; send the message that it shows")]
    Pdf,
    /// Binary data.
    #[error("is binary data of no known kind")]
    Binary,
}

/// The marker before each message of an Arrow stream.
const ARROW_CONTINUATION: &[u8] = &[0xFF; 4];
const UTF8_BOM: &[u8] = &[0xEF, 0xBB, 0xBF];

/// What nearly every file tells within.
pub(crate) const FIRST_LOOK_BYTES: usize = 4096;

/// What a file is that begins with `head` ([`HEAD_BYTES`](crate::format::HEAD_BYTES) of it, or all).
pub fn recognise(head: &[u8]) -> Result<Recognised, Unrecognised> {
    let first = look(&head[..head.len().min(FIRST_LOOK_BYTES)]);
    let goes_on = match first {
        Ok(Recognised::Empty) | Err(Unrecognised::Xml | Unrecognised::Poll) => true,
        // Behind the first message of a mail another may stand.
        Ok(Recognised::Csv | Recognised::Message(_)) => begins_with_header_field(head),
        _ => false,
    };
    if goes_on && head.len() > FIRST_LOOK_BYTES { look(head) } else { first }
}

/// Whether mail or HTTP begins so: `Received: from ...`, `POST /msh HTTP/1.1`. A message may stand far behind it.
fn begins_with_header_field(head: &[u8]) -> bool {
    let head = head.strip_prefix(UTF8_BOM).unwrap_or(head).trim_ascii_start();
    let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
    let name = line.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    (name >= 2 && line.get(name..name + 2) == Some(b": "))
        || line.starts_with(b"From ")
        || (line.starts_with(b"POST ") || line.starts_with(b"HTTP/1"))
}

fn look(head: &[u8]) -> Result<Recognised, Unrecognised> {
    if head.is_empty() {
        return Ok(Recognised::Empty);
    }
    // XML says itself how it is encoded, and an interchange is found in any case; tables of two bytes a character are
    // not read.
    let wide = head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF");
    if wide && let Some(format) = FORMATS.iter().find(|format| (format.recognise)(head)) {
        return Ok(Recognised::Message(format));
    }
    for (magic, found) in [
        (&b"PAR1"[..], Ok(Recognised::Parquet)),
        (b"PARE", Err(Unrecognised::EncryptedParquet)),
        (b"ARROW1", Ok(Recognised::ArrowFile)),
        (ARROW_CONTINUATION, Ok(Recognised::ArrowStream)),
        (b"PK\x03\x04", Err(Unrecognised::Zip)),
        (b"%PDF-", Err(Unrecognised::Pdf)),
        (b"\x89PNG", Err(Unrecognised::Binary)),
        (b"\xFF\xD8\xFF", Err(Unrecognised::Binary)),
        (b"\xD0\xCF\x11\xE0", Err(Unrecognised::Binary)),
        (b"\xFF\xFE", Err(Unrecognised::Utf16)),
        (b"\xFE\xFF", Err(Unrecognised::Utf16)),
    ] {
        if head.starts_with(magic) {
            return found;
        }
    }
    let text = head.strip_prefix(UTF8_BOM).unwrap_or(head).trim_ascii_start();
    // What a trader writes into a row must not decide how the file is read: a cell may hold the beginning of a message.
    // What begins with a tag is none, however alike the commas in its comments stand.
    let is_table = match text.first() {
        Some(b'{') => true,
        Some(b'<') => false,
        Some(b'[') => is_json_array(text),
        _ => is_table(text),
    };
    if !is_table && let Some(format) = FORMATS.iter().find(|format| (format.recognise)(head)) {
        return Ok(Recognised::Message(format));
    }
    match text.first() {
        None => Ok(Recognised::Empty),
        Some(b'{') => Ok(Recognised::Ndjson),
        Some(b'[') if is_json_array(text) => Ok(Recognised::Ndjson),
        Some(b'<') if xml::is_poll(head) => Err(Unrecognised::Poll),
        Some(b'<') => Err(Unrecognised::Xml),
        Some(_) => {
            // Rows may be damaged in any way, so only the header line is asked to be text.
            let header = text.split(|b| *b == b'\n').next().unwrap_or(text);
            if header.contains(&0) { Err(Unrecognised::Binary) } else { Ok(Recognised::Csv) }
        }
    }
}

/// What is said, to who wants messages, of text that looks like no table either; `None` where it looks like one: a header
/// of several cells, and as many in the row behind it.
pub fn no_table(head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head.strip_prefix(UTF8_BOM).unwrap_or(head).trim_ascii_start());
    let mut lines = text.lines();
    let (header, row) = (lines.next().unwrap_or_default(), lines.next());
    let looks_so = SEPARATORS.into_iter().any(|separator| {
        let mut cells = Cells::default();
        let mut count = |line: &str| (cells.split(line, separator) == Split::Whole).then(|| cells.len());
        count(header).is_some_and(|n| n > 1 && row.is_none_or(|row| count(row) == Some(n)))
    });
    let reason = || {
        cargo_imp::not_read(&text).unwrap_or_else(|| {
            "holds no message that is read: no EDIFACT segment, no XML document and no Cargo-IMP line (FWB, FHL, FFM) \
             begins in it"
                .to_owned()
        })
    };
    if header.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("sep=")) {
        return Some("begins with the line `sep=` of a spreadsheet; send it without that line".to_owned());
    }
    let names = |kind: &str| memchr::memmem::find(head, kind.as_bytes()).is_some();
    if !looks_so && (names("ontent-Type: text/csv") || names("ontent-Type: application/json")) {
        return Some("is a mail or a request around a table or JSON; send what is in it alone".to_owned());
    }
    (!looks_so).then(reason)
}

/// Whether a JSON array begins here, and not the `[main]` of a log.
fn is_json_array(text: &[u8]) -> bool {
    let behind = text[1..].trim_ascii_start();
    matches!(behind.first(), Some(b'{' | b'[' | b'"' | b']'))
}

/// Whether the first line and the one behind it have the same number of cells, several: what no mail disclaimer or
/// address line before a message has.
fn is_table(text: &[u8]) -> bool {
    let mut lines = text.split(|b| *b == b'\n').filter_map(|line| str::from_utf8(line).ok());
    let (Some(header), Some(row)) = (lines.next(), lines.next()) else { return false };
    if FORMATS.iter().any(|format| (format.recognise)(header.as_bytes())) {
        return false;
    }
    SEPARATORS.into_iter().any(|separator| {
        let mut cells = Cells::default();
        let mut count = |line: &str| (cells.split(line, separator) == Split::Whole).then(|| cells.len());
        count(header).is_some_and(|n| n > 2 && count(row) == Some(n))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        for (head, expected) in [
            (&b""[..], "empty"),
            (b"  \n", "empty"),
            (b"PAR1\x15\x04", "parquet"),
            (b"ARROW1\0\0", "arrow_file"),
            (b"\xFF\xFF\xFF\xFF\x10\x01\0\0", "arrow_stream"),
            (b"{\"declaration_id\": \"1\"}\n", "ndjson"),
            (b" [{\"declaration_id\": \"1\"}]", "ndjson"),
            (b"[{\"a\": \"\n<?xml version='1.0'?><ASYCUDA/>\"}]", "ndjson"),
            (b"\xEF\xBB\xBF\n {\"declaration_id\": \"1\"}\n", "ndjson"),
            (b"declaration_id,item_no\n1,1\n", "csv"),
            (b"\xEF\xBB\xBFdeclaration_id;item_no\n", "csv"),
            (b"declaration_id\n\0\0\0", "csv"),
            (b"declaration_id,item_no,description\n1,1,UNB+UNOA:4+A'\n", "csv"),
            (b"declaration_id,item_no,description\n1,1,X\n2,1,\"Y\nUNA:+.? 'UNB+UNOA:4+A'\"\n", "csv"),
            (b"{\"description\": \"UNB+UNOA:4+A'\"}\n", "ndjson"),
            (b"QP ICNAPKR\r\n.BKKRMZZ 220100\r\nUNB+UNOA:4+A'", "edifact"),
            (b"UNB+UNOA:4+A,B,C'\nUNH+1,2,3'", "edifact"),
            (b"\xFF\xFEU\0N\0B\0+\0U\0N\0O\0A\0:\x004\0+\0A\0'\0", "edifact"),
            (b"Subject: a\nContent-Transfer-Encoding: base64\n\nVU5CK1VOT0E6NCtBJw==\n", "edifact"),
            // Commas in comments, blanks in tags: XML is no table.
            (b"<!-- a, b, c -->\n<!-- d, e, f -->\n<ASYCUDA/>", "asycuda_sad"),
            (b"<ASYCUDA a='1;2;3'\n b='1;2;3'/>", "asycuda_sad"),
            (b"Please find it below\n\n<?xml version='1.0'?>\n<ASYCUDA/>", "asycuda_sad"),
            (b"From: <a@b.example>\nSubject: SAD\n\nDear Sirs, see below.\n\n<ASYCUDA>", "asycuda_sad"),
            (b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<ASYCUDA>", "asycuda_sad"),
            (b"2027-03-10 09:00:00,123 INFO received: <?xml version='1.0'?><ASYCUDA>", "asycuda_sad"),
            (b"[main] INFO received: <?xml version='1.0'?><ASYCUDA>", "asycuda_sad"),
            (b"\x02<?xml version='1.0'?><ASYCUDA>\x03", "asycuda_sad"),
            (b"declaration_id,item_no,description\n1,1,<ASYCUDA xmlns='a'/>\n", "csv"),
            (b"id,description\n1,see <ASYCUDA>\n", "csv"),
        ] {
            assert_eq!(recognise(head).map(Recognised::name), Ok(expected), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn what_mail_and_comments_put_before_a_message_is_looked_through() {
        let edifact = "UNB+UNOA:4+A'UNH+1+PAXLST:D:15B:UN'";
        let mail = format!("{}\r\n{edifact}", "Received: from a.example by b.example\r\n".repeat(200));
        let http = format!("POST /in HTTP/1.1\r\n{}\r\n{edifact}", "X-Trace: 0123456789\r\n".repeat(300));
        let imp = format!("{}\r\nFWB/16\r\n999-12345675BKKICN/T1K1\r\n", "Received: from a.example\r\n".repeat(200));
        let xml = format!("<?xml version='1.0'?><!--{}--><Awmds><General_segment/></Awmds>", " a word".repeat(900));
        let blanks = format!("{}{edifact}", " \n".repeat(3000));
        for (text, expected) in
            [(mail, "edifact"), (http, "edifact"), (imp, "cargo_imp"), (xml, "awmds"), (blanks, "edifact")]
        {
            assert!(text.len() > FIRST_LOOK_BYTES);
            assert_eq!(recognise(text.as_bytes()).map(Recognised::name), Ok(expected));
        }
        // What a trader writes far down in a table of one column is none.
        let column = format!("description\n{}UNA:+.? '{edifact}\n", "SHOES\n".repeat(1000));
        assert_eq!(recognise(column.as_bytes()).map(Recognised::name), Ok("csv"));
    }

    #[test]
    fn text_that_is_no_table_is_not_called_one() {
        for (text, says) in [
            ("declaration_id,item_no\n1,1\n", None),
            ("a;b\n", None),
            ("hello world\n", Some("holds no message")),
            ("Dear Sirs, see below.\nRegards\n", Some("holds no message")),
            ("fwb/16\n999-12345675BKKICN/T1K1\n", Some("Cargo-IMP FWB in small letters")),
            ("QK ICNAPKR\n.BKKRMZZ 220100\nFSU/12\n999-12345675BKKICN/T1K1\n", Some("Cargo-IMP FSU")),
            ("\u{1}FNA\nACK/ERROR\n", Some("Cargo-IMP FNA")),
            ("FMA\nACK/MESSAGE PROCESSED\n", Some("Cargo-IMP FMA")),
            ("FMA AND OTHERS\n", Some("holds no message")),
        ] {
            let found = no_table(text.as_bytes());
            assert_eq!(found.is_some(), says.is_some(), "{text}: {found:?}");
            assert!(found.unwrap_or_default().contains(says.unwrap_or_default()), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_table_is_told_what_it_is() {
        for (head, expected) in [
            (&b"sep=;\na;b\n1;2\n"[..], Some("`sep=`")),
            (b"MIME-Version: 1.0\nContent-Type: text/csv\n\na,b,c\n1,2,3\n", Some("a table or JSON")),
            (b"hello world\n", Some("no EDIFACT segment")),
            (b"FSU/15\n", Some("FSU, which is not read")),
            (b"a,b\n1,2\n", None),
        ] {
            let told = no_table(head);
            assert_eq!(told.is_some(), expected.is_some(), "{told:?}");
            assert!(told.unwrap_or_default().contains(expected.unwrap_or_default()));
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        for (head, expected) in [
            (&b"\xFF\xFEd\0e\0"[..], Unrecognised::Utf16),
            (b"PK\x03\x04\x14\0", Unrecognised::Zip),
            (b"%PDF-1.4\n%\xE2\xE3\n", Unrecognised::Pdf),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", Unrecognised::Binary),
            (b"<html>", Unrecognised::Xml),
            (b"<entryDeclarationResponses><response><link>/a</link>", Unrecognised::Poll),
            (b"<advancedNotifications/>", Unrecognised::Poll),
            (b"<?xml version='1.0'?>\n<outcomeResponse><response/>", Unrecognised::Poll),
            (b"\x7FELF\0\0", Unrecognised::Binary),
        ] {
            assert_eq!(recognise(head).map(Recognised::name), Err(expected), "{}", head.escape_ascii());
        }
    }
}
