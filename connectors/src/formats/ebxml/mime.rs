//! MIME as gateways send it: one multipart body, cut at its boundary, its parts borrowed from the bytes.
//!
//! Written by hand because what comes is what is left of MIME when HTTP servers, queues and test tools are through with
//! it: the header that names the boundary is gone, lines end in LF, boundaries and headers are indented, text stands
//! before the first part, the end is missing. Libraries for mail take none of that and copy every part into a tree.
//! One level is cut and no more; every limit is below.

/// Parts that are looked at.
pub const PARTS_MAX: usize = 1000;
/// Bytes of the header of a part.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Lines of a header.
const HEADER_LINES_MAX: usize = 200;
/// Where an unannounced boundary is looked for.
const BOUNDARY_REACH: usize = 64 * 1024;
/// RFC 2046 allows 70; nobody writes much longer ones.
const BOUNDARY_BYTES_MAX: usize = 200;

/// What a message is made of, before anything in it is understood.
#[derive(Debug, Default)]
pub struct Body<'b> {
    /// Content-ID of the part that is the envelope, where the header says so.
    pub start: Option<String>,
    /// In order. A bare document is one part.
    pub parts: Vec<Part<'b>>,
    /// What is not as it should be, by warning code.
    pub oddities: Vec<(&'static str, &'static str)>,
    /// Parts stand behind the last one that was looked at, from this byte.
    pub more_from: Option<usize>,
}

/// A part.
#[derive(Clone, Debug, Default)]
pub struct Part<'b> {
    /// Names in lower case, values unfolded; `None` where it is too large.
    pub header: Option<Vec<(String, String)>>,
    /// What is in it, as transferred.
    pub body: &'b [u8],
}

impl<'b> Part<'b> {
    /// A field of the header, by its name in lower case; empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        self.header.iter().flatten().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }

    /// Content-ID without angle brackets.
    pub fn id(&self) -> Option<&str> {
        let id = bare_id(self.field("content-id"));
        (!id.is_empty()).then_some(id)
    }

    /// What its Content-Type says of its encoding, empty where it says nothing.
    pub fn charset(&self) -> String {
        parameter(self.field("content-type"), "charset").unwrap_or_default()
    }

    /// Whether it says that its body is written in base64 or quoted-printable.
    pub fn is_encoded(&self) -> bool {
        let encoding = self.field("content-transfer-encoding").trim();
        encoding.eq_ignore_ascii_case("base64") || encoding.eq_ignore_ascii_case("quoted-printable")
    }

    /// Whether gzip is in it, as it stands.
    pub fn is_packed(&self) -> bool {
        self.body.starts_with(b"\x1F\x8B")
    }

    /// What is in it, where it is multipart itself, or a mail that is sent on.
    pub fn inner(&self) -> Option<Body<'b>> {
        let kind = self.media_type();
        if kind == "message/rfc822" && !self.is_encoded() {
            return split(self.body);
        }
        let boundary = parameter(self.field("content-type"), "boundary").filter(|_| kind.starts_with("multipart/"))?;
        let boundary = boundary.as_bytes();
        (is_boundary(boundary) && next(self.body, 0, boundary).is_some()).then(|| cut(self.body, 0, boundary))
    }

    /// Content-Type without parameters, in lower case.
    pub fn media_type(&self) -> String {
        let field = self.field("content-type");
        field.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// An id without the blanks and angle brackets around it.
pub fn bare_id(id: &str) -> &str {
    let id = id.trim();
    id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id).trim()
}

/// Cuts a message into its parts. `None` where it is neither multipart nor a document with or without a header.
pub fn split(bytes: &[u8]) -> Option<Body<'_>> {
    let from = begin(bytes);
    let announced = header(&bytes[from..]).map(|(fields, length)| (fields, from + length));
    if let Some((fields, body)) = &announced {
        let part = Part { header: Some(fields.clone()), body: &bytes[*body..] };
        let kind = part.media_type();
        if kind.is_empty() && part.is_encoded() {
            return Some(Body { parts: vec![part], ..Body::default() });
        }
        if kind.is_empty() {
            return Some(with(unannounced(bytes, from)?, "there is no header that names the boundary"));
        }
        if !kind.starts_with("multipart/") {
            let bare = part.body.trim_ascii_start().starts_with(b"<") || part.is_encoded() || part.is_packed();
            return bare.then(|| Body { parts: vec![part], ..Body::default() });
        }
        let start = parameter(part.field("content-type"), "start").map(|id| bare_id(&id).to_owned());
        if let Some(boundary) = parameter(part.field("content-type"), "boundary")
            && is_boundary(boundary.as_bytes())
            && next(bytes, *body, boundary.as_bytes()).is_some()
        {
            return Some(Body { start, ..cut(bytes, *body, boundary.as_bytes()) });
        }
        let body = Body { start, ..unannounced(bytes, *body)? };
        return Some(with(body, "the header does not name the boundary that is there"));
    }
    if bytes[from..].starts_with(b"<") {
        let part = Part { header: Some(Vec::new()), body: &bytes[from..] };
        return Some(Body { parts: vec![part], ..Body::default() });
    }
    Some(with(unannounced(bytes, from)?, "there is no header that names the boundary"))
}

/// Whether the beginning of a message is that of a multipart body, and whether its header says `multipart/related`.
pub fn looks(head: &[u8]) -> Option<bool> {
    let from = begin(head);
    if let Some((fields, _)) = header(&head[from..]) {
        let part = Part { header: Some(fields), ..Part::default() };
        let kind = part.media_type();
        if !kind.is_empty() {
            return kind.starts_with("multipart/").then_some(kind == "multipart/related");
        }
    }
    (!head[from..].starts_with(b"<") && found(head, from).is_some()).then_some(false)
}

fn with<'b>(mut body: Body<'b>, oddity: &'static str) -> Body<'b> {
    body.oddities.push(("mime", oddity));
    body
}

/// Behind byte order mark and blanks.
fn begin(bytes: &[u8]) -> usize {
    let mark = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    mark + bytes[mark..].iter().take_while(|b| b.is_ascii_whitespace()).count()
}

fn unannounced(bytes: &[u8], from: usize) -> Option<Body<'_>> {
    let boundary = found(bytes, from)?;
    Some(cut(bytes, from, boundary))
}

/// The boundary that a line of two dashes before a header names.
fn found(bytes: &[u8], from: usize) -> Option<&[u8]> {
    let reach = &bytes[from..bytes.len().min(from + BOUNDARY_REACH)];
    let mut lines = reach.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).peekable();
    while let Some(line) = lines.next() {
        if let Some(boundary) = line.strip_prefix(b"--")
            && is_boundary(boundary)
            && lines.peek().is_some_and(|next| is_content_field(next))
        {
            return Some(boundary);
        }
    }
    None
}

fn is_boundary(text: &[u8]) -> bool {
    (1..=BOUNDARY_BYTES_MAX).contains(&text.len()) && text.iter().all(|b| (b' '..0x7F).contains(b))
}

fn is_content_field(line: &[u8]) -> bool {
    line.len() > 8 && line[..8].eq_ignore_ascii_case(b"content-") && memchr::memchr(b':', line).is_some()
}

/// A line that is a boundary: where it begins, blanks before it and the line end before these left out, where the next
/// line begins, and whether it is the last.
struct Delimiter {
    before: usize,
    behind: usize,
    last: bool,
    indented: bool,
}

/// The next line that is the boundary.
fn next(bytes: &[u8], from: usize, boundary: &[u8]) -> Option<Delimiter> {
    let delimiter = [b"--", boundary].concat();
    let finder = memchr::memmem::Finder::new(&delimiter);
    let mut at = from;
    loop {
        let found = at + finder.find(&bytes[at..])?;
        let end = found + delimiter.len();
        at = found + 1;
        let blanks = bytes[from..found].iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let line = found - blanks;
        if line > from && bytes[line - 1] != b'\n' {
            continue;
        }
        let last = bytes[end..].starts_with(b"--");
        let tail = end + if last { 2 } else { 0 };
        let blank = bytes[tail..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
        let behind = match bytes.get(tail + blank) {
            None => tail + blank,
            Some(b'\n') => tail + blank + 1,
            Some(_) => continue,
        };
        let mut before = line;
        for end in [b'\n', b'\r'] {
            before -= usize::from(before > from && bytes[before - 1] == end);
        }
        return Some(Delimiter { before, behind, last, indented: blanks > 0 });
    }
}

/// Cuts at a boundary that is known to be there.
fn cut<'b>(bytes: &'b [u8], from: usize, boundary: &[u8]) -> Body<'b> {
    let mut body = Body::default();
    let mut indented = false;
    let mut begun: Option<usize> = None;
    let mut at = from;
    let mut ended = false;
    while let Some(line) = next(bytes, at, boundary) {
        indented |= line.indented;
        match begun {
            None if !bytes[from..line.before].trim_ascii().is_empty() => {
                body.oddities.push(("transport_dirt", "text before the first part was left out"));
            }
            None => {}
            Some(begun) => body.parts.push(part(bytes, begun, line.before.max(begun))),
        }
        at = line.behind;
        begun = Some(at);
        if line.last {
            ended = true;
            break;
        }
        if body.parts.len() == PARTS_MAX {
            body.more_from = Some(at);
            break;
        }
    }
    if ended {
        if !bytes[at..].trim_ascii().is_empty() {
            body.oddities.push(("transport_dirt", "text behind the last part was left out"));
        }
    } else if body.more_from.is_none() {
        body.oddities.push(("mime", "the last boundary is missing, the message may be cut off"));
        if let Some(begun) = begun.filter(|begun| *begun < bytes.len()) {
            body.parts.push(part(bytes, begun, bytes.len()));
        }
    }
    if indented {
        body.oddities.push(("mime", "boundaries are indented"));
    }
    body
}

fn part(bytes: &[u8], from: usize, to: usize) -> Part<'_> {
    let raw = &bytes[from..to];
    // A part may have no header, and begins with a blank line then.
    for line_end in [&b"\r\n"[..], b"\n"] {
        if let Some(body) = raw.strip_prefix(line_end) {
            return Part { header: Some(Vec::new()), body };
        }
    }
    if raw.trim_ascii_start().starts_with(b"<") {
        return Part { header: Some(Vec::new()), body: raw };
    }
    match header(raw) {
        Some((fields, length)) => Part { header: Some(fields), body: &raw[length..] },
        None => Part { header: None, body: raw },
    }
}

/// The fields at the beginning, and where what follows the blank line behind them begins. A request or status line
/// before them is left out. `None` where there are none, or too many.
fn header(bytes: &[u8]) -> Option<(Vec<(String, String)>, usize)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    for n in 0.. {
        if n > HEADER_LINES_MAX || at > HEADER_BYTES_MAX {
            return None;
        }
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end);
        let line = &bytes[at..end];
        at = (end + 1).min(bytes.len());
        let text = String::from_utf8_lossy(line.get(..HEADER_BYTES_MAX).unwrap_or(line));
        let trimmed = text.trim();
        if trimmed.is_empty() {
            break;
        }
        let folded = text.starts_with([' ', '\t']) && !is_content_field(trimmed.as_bytes());
        if let Some((_, value)) = fields.last_mut().filter(|_| folded) {
            value.push(' ');
            value.push_str(trimmed);
        } else if let Some((name, value)) = trimmed.split_once(':').filter(|(name, _)| is_name(name)) {
            fields.push((name.trim_end().to_ascii_lowercase(), value.trim().to_owned()));
        } else if !(n == 0 && is_start_line(trimmed)) {
            return None;
        }
        if at == bytes.len() {
            break;
        }
    }
    (!fields.is_empty()).then_some((fields, at))
}

fn is_name(name: &str) -> bool {
    let name = name.trim_end();
    !name.is_empty() && name.len() <= 100 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_start_line(line: &str) -> bool {
    // Mail in a folder of mail begins with `From` and no colon.
    line.starts_with("From ")
        || line.starts_with("HTTP/1.")
        || line.ends_with(" HTTP/1.1")
        || line.ends_with(" HTTP/1.0")
}

/// A parameter of a field, without its quotes.
fn parameter(field: &str, wanted: &str) -> Option<String> {
    let mut rest = field.split_once(';')?.1;
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let behind = behind.trim_start();
        let (value, after) = if let Some(quoted) = behind.strip_prefix('"') {
            unquote(quoted)
        } else {
            let end = behind.find(';').unwrap_or(behind.len());
            (behind[..end].trim().to_owned(), &behind[end..])
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after.split_once(';').map_or("", |(_, after)| after);
    }
    None
}

/// What stands before the closing quote, and what behind it.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(bytes: &[u8]) -> Vec<String> {
        let body = split(bytes).unwrap_or_default();
        body.parts.iter().map(|part| String::from_utf8_lossy(part.body).into_owned()).collect()
    }

    fn oddities(bytes: &[u8]) -> Vec<&'static str> {
        split(bytes).unwrap_or_default().oddities.into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn parts_are_what_stands_between_boundaries() {
        let mime = "Content-Type: multipart/related;\r\n boundary=\"b 1\"; start=\"<e@x>\"\r\n\r\n--b 1\r\n\
                    Content-ID: <e@x>\r\n\r\n<a/>\r\n--b 1\r\n\r\ntwo\r\n\r\n--b 1--\r\n";
        let body = split(mime.as_bytes()).unwrap();
        assert_eq!((body.start.as_deref(), body.oddities.len()), (Some("e@x"), 0), "{body:?}");
        assert_eq!(body.parts[0].id(), Some("e@x"));
        for text in [mime.to_owned(), mime.replace("\r\n", "\n")] {
            let two = if text.contains('\r') { "two\r\n" } else { "two\n" };
            assert_eq!(bodies(text.as_bytes()), ["<a/>", two]);
            // A request as it was caught on the wire.
            assert_eq!(bodies(format!("POST /msh HTTP/1.1\r\n{text}").as_bytes()), ["<a/>", two]);
        }
    }

    #[test]
    fn dirt_is_tolerated_and_told() {
        let whole = "--b\nContent-Type: a/b\n\n1\n--b\nContent-Type: a/b\n\n2\n--b--";
        for (text, expected, odd) in [
            (whole.to_owned(), vec!["1", "2"], vec!["mime"]),
            (format!("hello\n{whole}"), vec!["1", "2"], vec!["transport_dirt", "mime"]),
            (format!("{whole}\nbye"), vec!["1", "2"], vec!["transport_dirt", "mime"]),
            (whole.replace("\n--b", "\n   --b"), vec!["1", "2"], vec!["mime", "mime"]),
            (whole.replace("\nContent", "\n   Content"), vec!["1", "2"], vec!["mime"]),
            (whole.trim_end_matches("--b--").to_owned(), vec!["1", "2\n"], vec!["mime", "mime"]),
            (format!("Content-Type: multipart/related; boundary=x\n\n{whole}"), vec!["1", "2"], vec!["mime"]),
            (
                "Content-Type: multipart/related; boundary=b\n\n--b-\n--b\n\n1\n--bc\n--b --\n--b--".to_owned(),
                vec!["1\n--bc\n--b --"],
                vec!["transport_dirt"],
            ),
        ] {
            assert_eq!(bodies(text.as_bytes()), expected, "{text}");
            assert_eq!(oddities(text.as_bytes()), odd, "{text}");
        }
    }

    #[test]
    fn what_is_no_body_is_none() {
        for text in ["", "--b", "UNB+UNOA:4'", "a: b\n\nc", "Content-Type: multipart/related\n\n--\n--\n", "a,b\n1,2"] {
            assert!(split(text.as_bytes()).is_none(), "{text}");
        }
        assert_eq!(bodies(b"\xEF\xBB\xBF <a/>"), ["<a/>"]);
        assert_eq!(bodies(b"Content-Type: text/xml\n\n<a/>"), ["<a/>"]);
    }

    #[test]
    fn parameters_are_found_in_any_manner() {
        let field = r#"multipart/related; type = "a;b"; Boundary="x\"y" ; start=<e>"#;
        assert_eq!(parameter(field, "boundary").as_deref(), Some("x\"y"));
        assert_eq!(parameter(field, "start").as_deref(), Some("<e>"));
        assert_eq!(parameter(field, "type").as_deref(), Some("a;b"));
        assert_eq!(parameter(field, "charset"), None);
        assert_eq!(parameter("a; boundary", "boundary"), None);
    }
}
