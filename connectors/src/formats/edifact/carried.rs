//! What carries an interchange and hides it: UTF-16, as editors save text, and mail, whose header says that a body is in
//! base64 or quoted-printable, or which quotes every line of what it answers (`> UNB+...`).
//!
//! Read as they come, these lose values or all of the message. So they are undone before anything is looked for, and
//! only where an interchange comes out: what is plain, which is nearly everything, is not copied. Places are those in the
//! text that comes out.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};

use super::service;
use crate::formats::ebxml::transfer;

/// What it was, in words, and the text as it was before.
pub type Uncovered = (&'static str, Vec<u8>);

/// Bodies of one mail that are looked at.
const BODIES_MAX: usize = 100;
/// The field that says how a body is written, in lower case.
const FIELD: &[u8] = b"content-transfer-encoding:";
/// How deep mail is quoted: bytes of `> > `.
const QUOTE_BYTES_MAX: usize = 20;

/// The text of an input that is covered; `None` where it is as it should be, or holds no interchange either way.
pub fn uncovered(bytes: &[u8]) -> Option<Uncovered> {
    let begins = bytes.trim_ascii_start();
    if begins.starts_with(b"UNA") || begins.starts_with(b"UNB") || begins.starts_with(b"UNH") {
        return None;
    }
    if let Some(encoding) = wide(bytes) {
        let (text, _) = encoding.decode_with_bom_removal(bytes);
        return service::is_sure(text.as_bytes()).then(|| ("UTF-16", text.into_owned().into_bytes()));
    }
    mail(bytes).map(|text| ("mail in a transfer encoding", text)).or_else(|| {
        let text = unquoted(bytes)?;
        Some(("mail that quotes each line", text))
    })
}

/// UTF-16 by its mark, or by its first letter.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0xFF, 0xFE, ..] | [b'U', 0, b'N', 0, ..] => Some(UTF_16LE),
        [0xFE, 0xFF, ..] | [0, b'U', 0, b'N', ..] => Some(UTF_16BE),
        _ => None,
    }
}

/// The input with its encoded bodies written out, if one of them is an interchange.
fn mail(bytes: &[u8]) -> Option<Vec<u8>> {
    if !begins_with_header(bytes) {
        return None;
    }
    let mut out = Vec::new();
    let (mut taken, mut any) = (0, false);
    let lines = memchr::memchr_iter(b'\n', bytes).map(|at| at + 1);
    let fields = std::iter::once(0).chain(lines).filter(|at| {
        let name = bytes.get(*at..*at + FIELD.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(FIELD))
    });
    for at in fields.take(BODIES_MAX) {
        let Some((from, to)) = body(bytes, at).filter(|_| at >= taken) else { continue };
        let value = bytes[at + FIELD.len()..from].split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii();
        let encoding = String::from_utf8_lossy(value).to_ascii_lowercase();
        if !matches!(encoding.as_str(), "base64" | "quoted-printable") {
            continue;
        }
        let letters = transfer::whole_letters(&encoding, &bytes[from..to]);
        let Ok((text, _)) = transfer::decode(&encoding, &letters) else { continue };
        if service::is_sure(&text) {
            out.extend_from_slice(&bytes[taken..from]);
            out.extend_from_slice(&text);
            (taken, any) = (to, true);
        }
    }
    out.extend_from_slice(&bytes[taken..]);
    any.then_some(out)
}

/// Whether the first line is a field of a header, or the boundary before one.
fn begins_with_header(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let name = line.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    line.starts_with(b"--") || line.starts_with(b"From ") || (name > 1 && line.get(name) == Some(&b':'))
}

/// What stands behind the blank line that ends the header around `at`, up to the next boundary.
fn body(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = bytes.get(at..)?;
    let ends = [&b"\r\n\r\n"[..], b"\n\n"].map(|end| memchr::memmem::find(rest, end).map(|i| at + i + end.len()));
    let from = ends.into_iter().flatten().min()?;
    let to = memchr::memmem::find(&bytes[from..], b"\n--").map_or(bytes.len(), |i| from + i + 1);
    Some((from, to))
}

/// The input without the quotes before its lines, if they stand before the interchange.
fn unquoted(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = service::find(bytes, 0)?;
    let line = memchr::memrchr(b'\n', &bytes[..start.at]).map_or(0, |at| at + 1);
    let quote = &bytes[line..start.at];
    let is_quote = quote.len() <= QUOTE_BYTES_MAX && quote.iter().all(|b| matches!(b, b'>' | b' '));
    if !is_quote || quote.first() != Some(&b'>') {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let bare = line.strip_prefix(quote).or_else(|| line.strip_prefix(quote.trim_ascii_end()));
        out.extend_from_slice(bare.unwrap_or(line));
    }
    service::is_sure(&out).then_some(out)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    const MESSAGE: &str =
        "UNB+UNOA:4+A:ZZ+B:ZZ+270301:1200+1'\r\nUNH+1+PAXLST:D:12B:UN:IATA'\r\nNAD+FL+++KIM'\r\nUNZ+1+1'\r\n";

    fn text(bytes: &[u8]) -> Option<String> {
        uncovered(bytes).map(|(_, text)| String::from_utf8(text).unwrap())
    }

    #[test]
    fn what_is_plain_is_left_alone() {
        let forwarded = format!("From: a@b.example\r\nContent-Transfer-Encoding: 7bit\r\n\r\n{MESSAGE}");
        for plain in [MESSAGE, &forwarded, "", "a,b\n1,2\n", "> a quoted line\n", "{\"a\": 1}", "\u{feff}UNB+UNOA:4+A'"]
        {
            assert_eq!(text(plain.as_bytes()), None, "{plain}");
        }
        // Attachments that are no interchange.
        let other = "Content-Type: a/b\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQ=\n";
        assert_eq!(text(other.as_bytes()), None);
    }

    #[test]
    fn utf_16_is_undone() {
        let little: Vec<u8> = MESSAGE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = MESSAGE.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for wide in [&little, &big, &[&b"\xFF\xFE"[..], &little].concat(), &[&b"\xFE\xFF"[..], &big].concat()] {
            assert_eq!(text(wide).as_deref(), Some(MESSAGE));
            // The first bytes of it, cut anywhere.
            assert!(text(&wide[..99]).is_some_and(|text| text.starts_with("UNB+UNOA:4+A:ZZ")));
        }
        let table: Vec<u8> = "\u{feff}a,b\n1,2".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&table), None);
    }

    #[test]
    fn bodies_of_mail_are_written_out() {
        let encoded = BASE64_STANDARD.encode(MESSAGE);
        let lines: Vec<_> = encoded.as_bytes().chunks(76).map(|line| str::from_utf8(line).unwrap()).collect();
        let quoted = MESSAGE.replace("\r\n", "").replace("NAD+FL", "NAD+F=\r\nL").replace("KIM", "=4BIM");
        for (encoding, body, expected) in [
            ("base64", lines.join("\r\n"), MESSAGE.to_owned()),
            ("Quoted-Printable", quoted, MESSAGE.replace("\r\n", "")),
        ] {
            let header = format!("Content-Transfer-Encoding: {encoding}\r\nContent-Type: text/plain\r\n\r\n");
            let single = format!("Subject: a list\r\n{header}{body}\r\n");
            let several = format!("--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n--b\r\n{header}{body}\r\n--b--\r\n");
            for mail in [&single, &several, &single.replace("\r\n", "\n")] {
                let text = text(mail.as_bytes()).unwrap_or_default().replace("\r\n", "\n");
                assert!(text.contains(&expected.replace("\r\n", "\n")), "{mail}\n{text}");
                assert_eq!(text.contains("--b--"), mail.contains("--b--"));
            }
            for cut in header.len() + 60..header.len() + 80 {
                assert!(text(&single.as_bytes()[..cut]).is_some(), "{encoding} {cut}");
            }
        }
    }

    #[test]
    fn quotes_before_lines_are_taken_off() {
        for quote in ["> ", ">", "> > ", ">> "] {
            let lines = MESSAGE.lines().map(|line| format!("{quote}{line}\n")).collect::<Vec<_>>().concat();
            let text = text(format!("On Monday somebody wrote:\n{lines}\nRegards\n").as_bytes()).unwrap();
            assert!(text.contains(&MESSAGE.replace("\r\n", "\n")) && text.ends_with("\nRegards\n"), "{text}");
        }
        assert_eq!(text(b"a > UNB+UNOA:4+A'UNZ+0'"), None);
    }
}
