//! Service characters: which bytes separate, end and release, whatever the sender announced.
//!
//! UNA is read in every form met (six characters, five, blanks and line ends behind it), and then the text itself
//! has the last word: the character behind `UNB` separates elements, the one before the first `UNG` or `UNH` ends
//! segments. So a missing UNA, a national dialect ending in `"` and a curly quote announced for an apostrophe are
//! one case. `edifact-rs` refuses such interchanges ([`edifact_rs::ServiceStringAdvice::from_bytes`] reads UNA at
//! the very start, with six characters, or takes the defaults); it is handed what is found here.
//!
//! The repetition separator is active where UNA announces one and UNB says syntax 4, which is the version that has it,
//! and never in service segments: asterisks stand in sender names (`APIS*ABE`).

use edifact_rs::ServiceStringAdvice;

/// The service characters of one interchange, as found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceChars {
    /// Between components.
    pub component: u8,
    /// Between elements.
    pub element: u8,
    /// Before a service character that is data; 0 where the sender has none.
    pub release: u8,
    /// After a segment.
    pub terminator: u8,
    /// Between repetitions of an element; 0 where the sender has none.
    pub repetition: u8,
}

/// What stands where at the beginning of an interchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// First byte that belongs to it: of UNA, else of UNB.
    pub at: usize,
    /// First byte of UNB, or of UNH where the envelope is missing.
    pub body: usize,
    /// The service characters of the text.
    pub chars: ServiceChars,
    /// Bytes of the terminator as sent where it is no single ASCII character: they are replaced by `chars.terminator`.
    pub wide_terminator: Option<(usize, usize)>,
    /// The text contradicts its UNA, or the standard where it has none.
    pub guessed: bool,
    /// There is no UNB.
    pub bare: bool,
}

const DEFAULT: ServiceChars = ServiceChars::DEFAULT;
/// Level B of the older syntax separates with control characters.
const LEVEL_B: ServiceChars =
    ServiceChars { component: 0x1F, element: 0x1D, release: 0, terminator: 0x1C, repetition: 0 };
/// Stands in for a terminator that is no single ASCII byte: information separator 4, as in level B.
const STAND_IN: u8 = 0x1C;
/// How far behind UNA its UNB may stand.
const UNA_REACH: usize = 32;
/// How far behind a doubtful beginning a sure one is looked for.
const DOUBT_REACH: usize = 512;
/// How far behind UNB the first UNG or UNH is looked for.
const ENVELOPE_REACH: usize = 512;

impl ServiceChars {
    /// Of the standard.
    pub const DEFAULT: Self = Self { component: b':', element: b'+', release: b'?', terminator: b'\'', repetition: 0 };

    /// For the tokenizer.
    pub fn advice(self) -> ServiceStringAdvice {
        ServiceStringAdvice {
            element_sep: self.element,
            component_sep: self.component,
            release_char: self.release,
            decimal_mark: b'.',
            repetition_sep: b' ',
            segment_term: self.terminator,
        }
    }
}

/// Finds the next interchange at or after `from`: UNA with UNB, or a UNB with its syntax. A damaged UNB or a bare UNH
/// counts where none of these follows soon.
pub fn find(bytes: &[u8], from: usize) -> Option<Start> {
    let mut doubtful: Option<(usize, u8, bool)> = None;
    for at in memchr::memchr_iter(b'U', bytes.get(from..)?).map(|i| from + i) {
        if doubtful.is_some_and(|(first, ..)| at > first + DOUBT_REACH) {
            break;
        }
        if let Some(start) = skip_tag(bytes, at, *b"UNA").and_then(|after| announced(bytes, at, after)) {
            return Some(start);
        }
        if preceded_by_word(bytes, at) {
            continue;
        }
        if let Some(element) = skip_tag(bytes, at, *b"UNB").and_then(|after| separator(bytes, after)) {
            if component_of(bytes, at + 3, element).is_some() {
                return Some(observed(bytes, at, at, default_for(element), false));
            }
            doubtful = doubtful.filter(|(_, _, bare)| !bare).or(Some((at, element, false)));
        } else if doubtful.is_none()
            && let Some(element) = skip_tag(bytes, at, *b"UNH").and_then(|after| separator(bytes, after))
        {
            doubtful = Some((at, element, true));
        }
    }
    let (at, element, bare) = doubtful?;
    Some(Start { bare, ..observed(bytes, at, at, default_for(element), false) })
}

/// Whether an interchange begins in these first bytes, beyond doubt: UNA, `UNB` with its syntax, or a bare `UNH` with
/// a message type. A `UNB` column in some table is none.
pub fn is_sure(head: &[u8]) -> bool {
    let Some(start) = find(head, 0) else { return false };
    let typed = || {
        let mut elements = head[start.body..].split(|b| *b == start.chars.element).skip(2);
        let kind = elements.next().and_then(|e| e.split(|b| *b == start.chars.component).next());
        kind.is_some_and(|k| k.len() == 6 && k.iter().all(u8::is_ascii_uppercase))
    };
    start.at < start.body
        || (start.bare && typed())
        || component_of(head, start.body + 3, start.chars.element).is_some()
}

/// Where `tag` ends if it stands at `at`; line ends inside it are folding.
pub fn skip_tag(bytes: &[u8], at: usize, tag: [u8; 3]) -> Option<usize> {
    let mut i = at;
    for wanted in tag {
        while matches!(bytes.get(i), Some(b'\r' | b'\n')) && i > at {
            i += 1;
        }
        if bytes.get(i) != Some(&wanted) {
            return None;
        }
        i += 1;
    }
    Some(i)
}

/// UNA at `at` with its characters from `after`, if a UNB follows.
fn announced(bytes: &[u8], at: usize, after: usize) -> Option<Start> {
    let reach = (after + UNA_REACH).min(bytes.len());
    let body = (after..reach).find(|i| {
        let follows = skip_tag(bytes, *i, *b"UNB").or_else(|| skip_tag(bytes, *i, *b"UNH"));
        follows.and_then(|end| separator(bytes, end)).is_some()
    })?;
    let sent: Vec<u8> = bytes[after..body].iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    let chars = match sent[..] {
        [component, element, _, release, repetition, terminator, ..] if is_service(terminator) => {
            ServiceChars { component, element, release, terminator, repetition }
        }
        // Five characters: the reserved blank is missing.
        [component, element, _, release, terminator, ..] if is_service(terminator) => {
            ServiceChars { component, element, release, terminator, repetition: 0 }
        }
        [component, element, _, release, ..] => {
            ServiceChars { component, element, release, terminator: 0, repetition: 0 }
        }
        _ => DEFAULT,
    };
    Some(observed(bytes, at, body, chars, true))
}

/// The separator behind a tag, blanks and folding skipped.
fn separator(bytes: &[u8], after: usize) -> Option<u8> {
    let found = bytes[after..].iter().copied().find(|b| !matches!(b, b' ' | b'\r' | b'\n'))?;
    (found.is_ascii_punctuation() || found == LEVEL_B.element).then_some(found)
}

fn is_service(b: u8) -> bool {
    b.is_ascii_punctuation() || (0x1C..=0x1F).contains(&b)
}

fn default_for(element: u8) -> ServiceChars {
    if element == LEVEL_B.element { LEVEL_B } else { ServiceChars { element, ..DEFAULT } }
}

/// Holds what was announced against the text from `body` on.
fn observed(bytes: &[u8], at: usize, body: usize, announced: ServiceChars, una: bool) -> Start {
    let mut chars = announced;
    let after = body + 3;
    if let Some(element) = bytes.get(after..).and_then(|_| separator(bytes, after)) {
        chars.element = element;
    }
    if !una && let Some(component) = component_of(bytes, after, chars.element) {
        chars.component = component;
    }
    let mut wide_terminator = None;
    if !occurs_as_terminator(bytes, body, chars) {
        match before_first_message(bytes, body, chars).or_else(|| before_line_end(bytes, body, chars)) {
            Some((from, to)) if to - from == 1 && bytes[from].is_ascii() => chars.terminator = bytes[from],
            Some(wide) => {
                chars.terminator = STAND_IN;
                wide_terminator = Some(wide);
            }
            None if chars.terminator == 0 => chars.terminator = DEFAULT.terminator,
            None => {}
        }
    }
    if !is_service(chars.component) || chars.component == chars.element {
        chars.component = DEFAULT.component;
    }
    if !is_service(chars.release) || [chars.element, chars.component, chars.terminator].contains(&chars.release) {
        chars.release = 0;
    }
    let others = [chars.element, chars.component, chars.terminator, chars.release];
    let repeats = is_service(chars.repetition) && !others.contains(&chars.repetition);
    if !repeats || !is_syntax_4(bytes, after, chars) {
        chars.repetition = 0;
    }
    let expected = if una { announced } else { default_for(b'+') };
    let same = ServiceChars { release: expected.release, repetition: expected.repetition, ..chars };
    let guessed = same != expected && chars != LEVEL_B;
    Start { at, body, chars, wide_terminator, guessed, bare: false }
}

/// In `UNB+UNOA:4` the character behind the four letters of the syntax.
fn component_of(bytes: &[u8], after: usize, element: u8) -> Option<u8> {
    let text = bytes.get(after..(after + 16).min(bytes.len()))?;
    let value = text.iter().position(|b| *b == element)? + 1;
    let end = text[value..].iter().position(|b| !b.is_ascii_alphanumeric())? + value;
    let found = text[end];
    (end - value == 4 && found != element && (found.is_ascii_punctuation() || found == LEVEL_B.component))
        .then_some(found)
}

/// Whether UNB says syntax 4, as in `UNB+UNOA:4`.
fn is_syntax_4(bytes: &[u8], after: usize, chars: ServiceChars) -> bool {
    let text = bytes.get(after..(after + 16).min(bytes.len())).unwrap_or_default();
    let version = text.iter().position(|b| *b == chars.component).and_then(|at| text.get(at + 1));
    version == Some(&b'4')
}

/// Whether the announced terminator stands before the first UNG or UNH.
fn occurs_as_terminator(bytes: &[u8], body: usize, chars: ServiceChars) -> bool {
    match before_first_message(bytes, body, chars) {
        Some((from, to)) => to - from == 1 && bytes[from] == chars.terminator,
        None => chars.terminator != 0 && memchr::memchr(chars.terminator, &bytes[body..]).is_some(),
    }
}

/// The character before the first UNG or UNH behind `body`, as a byte range.
fn before_first_message(bytes: &[u8], body: usize, chars: ServiceChars) -> Option<(usize, usize)> {
    let reach = (body + ENVELOPE_REACH).min(bytes.len());
    let window = &bytes[..reach];
    for at in memchr::memchr_iter(b'U', &window[body + 1..]).map(|i| body + 1 + i) {
        let tag = skip_tag(window, at, *b"UNG").or_else(|| skip_tag(window, at, *b"UNH"));
        if tag.and_then(|end| separator(window, end)) != Some(chars.element) {
            continue;
        }
        let end = window[..at].iter().rposition(|b| !b.is_ascii_whitespace())? + 1;
        let last = window[end - 1];
        if last.is_ascii_alphanumeric() || last == chars.element || last == chars.component {
            continue;
        }
        return Some((character_start(window, end), end));
    }
    None
}

/// The character before the first line end behind `body`.
fn before_line_end(bytes: &[u8], body: usize, chars: ServiceChars) -> Option<(usize, usize)> {
    let line_end = body + memchr::memchr2(b'\r', b'\n', &bytes[body..])?;
    let end = bytes[..line_end].iter().rposition(|b| !b.is_ascii_whitespace())? + 1;
    let last = bytes[end - 1];
    let data = last.is_ascii_alphanumeric() || last == chars.element || last == chars.component;
    (!data && end > body + 3).then(|| (character_start(bytes, end), end))
}

/// Start of the character that ends at `end`: several bytes if it is UTF-8, else one.
fn character_start(bytes: &[u8], end: usize) -> usize {
    let floor = end.saturating_sub(4);
    (floor..end)
        .find(|from| std::str::from_utf8(&bytes[*from..end]).is_ok_and(|s| s.chars().count() == 1))
        .unwrap_or(end - 1)
}

/// A `UNB` inside a word is none.
fn preceded_by_word(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `input` is read with these characters: component, element, release, terminator.
    fn check(input: &str, chars: &str, guessed: bool) {
        let start = find(input.as_bytes(), 0).unwrap();
        let [component, element, release, terminator] = chars.as_bytes() else { panic!("four characters") };
        let release = if *release == b' ' { 0 } else { *release };
        let repetition = start.chars.repetition;
        let expected =
            ServiceChars { component: *component, element: *element, release, terminator: *terminator, repetition };
        assert_eq!(start.chars, expected, "{input}");
        assert_eq!(start.guessed, guessed, "{input}");
    }

    #[test]
    fn una_is_read_in_every_form() {
        check("UNA:+.? 'UNB+UNOA:4+A'UNH+1'", ":+?'", false);
        check("UNA:+.?*'\r\n UNB+UNOA:4+A'\r\n UNH+1'", ":+?'", false);
        check("UNA:*.? $\r\nUNB*UNOA:4*A$\r\nUNG *PAXLST$", ":*?$", false);
        check("UNA:*.? #UNB*UNOA:4*A#UN\r\nG*PAXLST#", ":*?#", false);
        check("UNA:-.? *UNB-UNOA:4-A*UNH-1*", ":-?*", false);
        check("UNA:+.\\*'UNB+UNOA:4+A'UNH+1'", ":+\\'", false);
        check("UNA:+.?'\nUNB+UNOA:4+A'\nUNH+1'", ":+?'", false);
        check("UNA:+.? ' UNB+UNOA:4+A' UNH+1'", ":+?'", false);
    }

    #[test]
    fn elements_repeat_where_una_and_syntax_4_say_so() {
        for (text, repetition) in [
            ("UNA:+.?*'UNB+UNOA:4+A'UNH+1'", b'*'),
            ("UNA:+.?*'UNB+UNOA:3+A'UNH+1'", 0),
            ("UNA:+.?*'UNB+IATA:1+A'UNH+1'", 0),
            ("UNA:+.? 'UNB+UNOA:4+A'UNH+1'", 0),
            ("UNB+UNOA:4+A'UNH+1'", 0),
            ("UNA:+.?+'UNB+UNOA:4+A'UNH+1'", 0),
        ] {
            assert_eq!(find(text.as_bytes(), 0).unwrap().chars.repetition, repetition, "{text}");
        }
    }

    #[test]
    fn the_text_has_the_last_word() {
        check("UNA:+.? \u{2019}UNB+UNOA:4+A'UNH+1'", ":+?'", true);
        check("UNB+SIRE:4+A\"UNG+PAXLST\"UNH+1\"", ":+?\"", true);
        check("UNB+UNOA:4+A'UNH+1'", ":+?'", false);
        check("UNB*UNOA:4*A'UNH*1'", ":*?'", true);
        check("UNB+UNOA:4+SAMSUNG+KR'UNH+1'", ":+?'", false);
        check("UNA:+.? ~UNB+UNOA:4+A|\nBGM+1|\n", ":+?|", true);
        check("UNB\u{1d}UNOB\u{1f}1\u{1d}A\u{1c}UNH\u{1d}1\u{1c}", "\u{1f}\u{1d} \u{1c}", false);
    }

    #[test]
    fn a_terminator_of_several_bytes_is_replaced() {
        let start = find("UNA:+.? 'UNB+UNOA:4+A\u{2019}UNH+1\u{2019}".as_bytes(), 0).unwrap();
        assert_eq!((start.chars.terminator, start.wide_terminator.map(|(a, b)| b - a)), (STAND_IN, Some(3)));
    }

    #[test]
    fn a_table_with_such_a_column_is_no_interchange() {
        assert!(!is_sure(b"id,UNB,UNH,name\n1,2,3,4\n"));
        assert!(is_sure(b"UNB+UNOA:4+A'") && is_sure(b"QP X\r\nUNH+1+PAXLST:D:02B:UN'") && is_sure(b"UNA:+.? 'UNB+1'"));
    }

    #[test]
    fn an_interchange_begins_behind_the_dirt() {
        let text = b"\x02QP ICNAPKR UNBOUND\r\n.BKKRMZZ 220100\r\nUNA:+.? 'UNB+UNOA:4'UNH+1'";
        let start = find(text, 0).unwrap();
        assert_eq!((&text[start.at..start.at + 3], &text[start.body..start.body + 3]), (&b"UNA"[..], &b"UNB"[..]));
        assert!(find(b"no interchange here", 0).is_none());
        assert!(find(b"UNH+1+PAXLST:D:02B:UN'BGM+745'", 0).unwrap().bare);
    }
}
