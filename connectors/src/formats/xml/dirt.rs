//! Where a document begins behind what transport put before it: control characters, the header of mail or HTTP, a line
//! of a log, a word of whoever sends it on.
//!
//! Only the beginning is looked at, as far as a file is looked at to be recognised, and only where it does not begin with
//! a tag: what comes clean, which is nearly everything, costs one comparison.

use crate::format::HEAD_BYTES;

/// How long the first tag may be that carries a namespace.
const TAG_BYTES_MAX: usize = 4 * 1024;
/// What names an encoding in a header.
const CHARSET: &[u8] = b"charset=";

/// Where the document begins, and whether anything but blanks stands before it; `None` where no document is found.
///
/// Behind text it begins with its declaration, which stands nowhere else, or with a tag on a line of its own or of a
/// namespace: addresses in angle brackets and the tags in somebody's sentence are neither.
pub fn begins(text: &str) -> Option<(usize, bool)> {
    let blank = text.len() - text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
    if text[blank..].starts_with('<') {
        return Some((blank, false));
    }
    let reach = &text.as_bytes()[..text.len().min(HEAD_BYTES)];
    memchr::memchr_iter(b'<', reach).find(|at| is_beginning(reach, *at)).map(|at| (at, true))
}

/// The declaration of a document in these bytes, or what else it begins with.
pub fn declaration(bytes: &[u8]) -> &[u8] {
    let begins = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    if begins.starts_with(b"<") {
        return begins;
    }
    let reach = &bytes[..bytes.len().min(HEAD_BYTES)];
    memchr::memchr_iter(b'<', reach).find(|at| is_beginning(reach, *at)).map_or(begins, |at| &bytes[at..])
}

/// The encoding that a header before the document names: the last one, which is the nearest.
pub fn charset(bytes: &[u8]) -> Option<&str> {
    let before = &bytes[..bytes.len() - declaration(bytes).len()];
    let at = before.windows(CHARSET.len()).rposition(|name| name.eq_ignore_ascii_case(CHARSET))?;
    let value = before[at + CHARSET.len()..].trim_ascii_start();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    let end = value.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':')));
    str::from_utf8(&value[..end.unwrap_or(value.len())]).ok()
}

fn is_beginning(bytes: &[u8], at: usize) -> bool {
    let behind = &bytes[at + 1..];
    if let Some(rest) = behind.strip_prefix(b"?xml") {
        return rest.first().is_some_and(u8::is_ascii_whitespace);
    }
    let is_letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':') || *b >= 0x80;
    let name = behind.iter().take_while(|b| is_letter(b)).count();
    let begins = behind.first().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | 0x80..));
    let ends = behind.get(name).is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'));
    // `<https://...>` is an address.
    let is_tag = begins && ends && !behind[name..].starts_with(b"//");
    if !is_tag {
        return false;
    }
    let tag = &behind[..behind.len().min(TAG_BYTES_MAX)];
    let tag = &tag[..memchr::memchr2(b'<', b'>', tag).unwrap_or(tag.len())];
    let line = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1);
    let alone = bytes[line..at].iter().all(|b| b.is_ascii_whitespace() || b.is_ascii_control());
    alone || memchr::memmem::find(tag, b"xmlns").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_begins_behind_what_transport_put_before_it() {
        for (before, document) in [
            ("", "<a/>"),
            (" \r\n\u{feff}", "<a/>"),
            ("\u{2}", "<a/>"),
            ("\u{1}\u{2}", "<?xml version='1.0'?><a/>"),
            ("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n", "<a/>"),
            ("From: A <a@example.com>\nTo: <b@example.com>\n\nDear <all>, see below.\n\n", "<a/>"),
            ("See <https://example.com/a> and 1 < 2 <b>\n", "<a b='1'/>"),
            ("2027-03-10 09:00:00,123 INFO received: ", "<?xml version='1.0'?><a/>"),
            ("2027-03-10 INFO <main> received ", "<n:a xmlns:n='urn:n'/>"),
        ] {
            let text = format!("{before}{document}");
            let dirty = !before.trim_matches('\u{feff}').trim().is_empty() && !before.starts_with(' ');
            assert_eq!(begins(&text), Some((before.len(), dirty)), "{text}");
            assert!(!dirty || declaration(text.as_bytes()) == document.as_bytes(), "{text}");
        }
        for text in ["", "a", "a < b", "<", "see <b>this</b>", "<?xml", "x <?xml-stylesheet a?>"] {
            assert_eq!(begins(text).filter(|(_, dirty)| *dirty), None, "{text}");
        }
        for (text, name) in [
            ("Content-Type: text/xml; Charset=\"ISO-8859-2\"\r\n\r\n<a/>", Some("ISO-8859-2")),
            ("Content-Type: a; charset=utf-8\n\n--b\nContent-Type: b;charset=latin2\n\n<a/>", Some("latin2")),
            ("Content-Type: text/xml\n\n<a b='charset=utf-8'/>", None),
            ("<a/>", None),
        ] {
            assert_eq!(charset(text.as_bytes()), name, "{text}");
        }
        // No further than files are looked at.
        let far = format!("{}\n<a/>", "x".repeat(HEAD_BYTES));
        assert_eq!(begins(&far), None);
    }
}
