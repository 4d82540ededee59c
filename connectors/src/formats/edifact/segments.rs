//! Segments: clean text cut at its terminators, then a handful of them (a person, a bill) tokenised into one
//! small arena that is used again for the next.
//!
//! Values are slices of the text; only a value with a release character is copied. `edifact-rs` tokenises what has one;
//! plain segments are cut here in one pass, and so are segments, since its parser builds two heap vectors a segment, and
//! since one bad segment must not end the reading.

use std::borrow::Cow;

use edifact_rs::{Token, Tokenizer};

use super::service::ServiceChars;

/// Longest segment that is read; longer ones are set aside.
pub const SEGMENT_BYTES_MAX: usize = 64 * 1024;
/// Longest value of a header that is kept; the standard's longest, a line of free text aside, has 70 characters.
const HEADER_VALUE_BYTES_MAX: usize = 140;
/// More repetitions than any element has.
const REPETITIONS_MAX: usize = 99;
/// Most components of one segment; the standard's largest has under a hundred.
const COMPONENTS_MAX: usize = 4096;

/// A segment as it stands in the text, without its terminator.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'t> {
    /// Tag, separators, values.
    pub text: &'t str,
    /// Its tag, found once.
    tag: &'t str,
    /// Its number in the message; UNH is 1.
    pub number: u32,
    /// Whether its terminator was there.
    pub terminated: bool,
}

impl<'t> Raw<'t> {
    /// A segment of this text.
    pub fn new(text: &'t str, number: u32, terminated: bool) -> Self {
        let bytes = text.as_bytes();
        let tag = match bytes {
            // What nearly every segment is.
            [a, b, c, separator, ..]
                if a.is_ascii_uppercase()
                    && b.is_ascii_uppercase()
                    && c.is_ascii_uppercase()
                    && separator.is_ascii_punctuation() =>
            {
                &text[..3]
            }
            _ => slow_tag(text),
        };
        Self { text, tag, number, terminated }
    }

    /// The tag, blanks behind it cut; empty if it is no tag.
    pub fn tag(&self) -> &'t str {
        self.tag
    }

    /// The first component of the first element.
    pub fn qualifier(&self, chars: ServiceChars) -> &'t str {
        let rest = self.text.get(3..).unwrap_or_default().trim_ascii_start();
        let Some(value) = rest.strip_prefix(chars.element as char) else { return "" };
        let end = value.bytes().position(|b| b == chars.element || b == chars.component).unwrap_or(value.len());
        value[..end].trim_ascii()
    }
}

fn slow_tag(text: &str) -> &str {
    let end = text.bytes().position(|b| !b.is_ascii_uppercase()).unwrap_or(text.len());
    let follows = text[end..].trim_ascii_start().bytes().next();
    if end == 3 && follows.is_none_or(|b| !b.is_ascii_alphanumeric()) { &text[..end] } else { "" }
}

/// Cuts text at unreleased terminators; blanks and line ends between segments vanish.
pub struct Cutter<'t> {
    rest: &'t str,
    chars: ServiceChars,
}

impl<'t> Cutter<'t> {
    /// Over clean text.
    pub fn new(text: &'t str, chars: ServiceChars) -> Self {
        Self { rest: text, chars }
    }
}

impl<'t> Iterator for Cutter<'t> {
    type Item = Raw<'t>;

    fn next(&mut self) -> Option<Raw<'t>> {
        loop {
            self.rest = self.rest.trim_ascii_start();
            if self.rest.is_empty() {
                return None;
            }
            let bytes = self.rest.as_bytes();
            let mut at = 0;
            let end = loop {
                match memchr::memchr2(self.chars.terminator, self.chars.release, &bytes[at..]) {
                    None => break None,
                    Some(i) if bytes[at + i] == self.chars.terminator => break Some(at + i),
                    Some(i) => at = (at + i + 2).min(bytes.len()),
                }
            };
            // Service characters are ASCII, so cuts fall between characters.
            let (text, rest, terminated) = match end {
                Some(end) => (&self.rest[..end], &self.rest[end + 1..], true),
                None => (self.rest, "", false),
            };
            self.rest = rest;
            if !text.trim_ascii().is_empty() {
                return Some(Raw::new(text, 0, terminated));
            }
        }
    }
}

/// Tokenised segments of one group.
#[derive(Debug)]
pub struct Arena<'t> {
    chars: ServiceChars,
    components: Vec<Cow<'t, str>>,
    /// First component of each element.
    elements: Vec<u32>,
    segments: Vec<Entry<'t>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<'t> {
    raw: Raw<'t>,
    tag: &'t str,
    first_element: u32,
    first_component: u32,
}

/// One segment in an [`Arena`].
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a, 't> {
    arena: &'a Arena<'t>,
    index: usize,
}

impl<'t> Arena<'t> {
    /// Empty.
    pub fn new(chars: ServiceChars) -> Self {
        Self { chars, components: Vec::new(), elements: Vec::new(), segments: Vec::new() }
    }

    /// Forgets all segments, keeps the room.
    pub fn clear(&mut self) {
        self.components.clear();
        self.elements.clear();
        self.segments.clear();
    }

    /// Tokenises a segment. An error leaves what could be read of it, if its tag could. A segment with repeated elements
    /// becomes several, as if it had been sent once for each.
    pub fn push(&mut self, raw: Raw<'t>) -> Result<(), &'static str> {
        let tag = raw.tag();
        if tag.is_empty() {
            return Err("no segment tag");
        }
        let repetition = self.chars.repetition;
        if repetition != 0 && !tag.starts_with("UN") && memchr::memchr(repetition, raw.text.as_bytes()).is_some() {
            return self.push_repeated(raw, tag);
        }
        let entry = Entry {
            raw,
            tag,
            first_element: self.elements.len() as u32,
            first_component: self.components.len() as u32,
        };
        self.segments.push(entry);
        if self.plain(raw.text) {
            return Ok(());
        }
        let values = raw.text[3..].trim_ascii_start();
        if values.is_empty() {
            return Ok(());
        }
        if values.len() + 3 == raw.text.len() {
            self.tokenise(raw.text, Cow::Borrowed)
        } else {
            // Blanks between tag and separator: the tokenizer wants them gone.
            let text = format!("{tag}{values}");
            self.tokenise(&text, |value| Cow::Owned(value.to_owned()))
        }
    }

    /// Tokenises what nearly every segment is: a tag, an element separator right behind it, nothing released, no more
    /// components than there may be. Anything else is left alone, for the tokenizer.
    fn plain(&mut self, text: &'t str) -> bool {
        let ServiceChars { element, component, release, .. } = self.chars;
        let bytes = text.as_bytes();
        if bytes.get(3) != Some(&element) || (release != 0 && memchr::memchr(release, bytes).is_some()) {
            return false;
        }
        let (components, elements) = (self.components.len(), self.elements.len());
        let mut from = 4;
        self.elements.push(components as u32);
        for (at, byte) in bytes.iter().enumerate().skip(4) {
            if *byte == component || *byte == element {
                // Separators are ASCII, so cuts fall between characters.
                self.components.push(Cow::Borrowed(&text[from..at]));
                from = at + 1;
                if *byte == element {
                    self.elements.push(self.components.len() as u32);
                }
            }
        }
        self.components.push(Cow::Borrowed(&text[from..]));
        if self.components.len() - components > COMPONENTS_MAX {
            self.components.truncate(components);
            self.elements.truncate(elements);
            return false;
        }
        true
    }

    fn push_repeated(&mut self, raw: Raw<'t>, tag: &'t str) -> Result<(), &'static str> {
        let ServiceChars { element, release, repetition, .. } = self.chars;
        let elements: Vec<Vec<&str>> =
            unreleased(raw.text, element, release).into_iter().map(|e| unreleased(e, repetition, release)).collect();
        let times = elements.iter().map(Vec::len).max().unwrap_or(1).min(REPETITIONS_MAX);
        for nth in 0..times {
            let one = |repeated: &Vec<&'t str>| *repeated.get(nth).or(repeated.first()).unwrap_or(&"");
            let text = elements.iter().map(one).collect::<Vec<_>>().join(&String::from(element as char));
            self.segments.push(Entry {
                raw,
                tag,
                first_element: self.elements.len() as u32,
                first_component: self.components.len() as u32,
            });
            self.tokenise(&text, |value| Cow::Owned(value.to_owned()))?;
        }
        Ok(())
    }

    fn tokenise<'s>(&mut self, text: &'s str, keep: impl Fn(&'s str) -> Cow<'t, str>) -> Result<(), &'static str> {
        let release = self.chars.release;
        let unreleased = release == 0 || memchr::memchr(release, text.as_bytes()).is_none();
        let first = self.components.len();
        for token in Tokenizer::for_segment(text.as_bytes(), self.chars.advice(), SEGMENT_BYTES_MAX) {
            if self.components.len() - first >= COMPONENTS_MAX {
                return Err("too many components");
            }
            let value = match token {
                Ok(Token::SegmentTag { .. } | Token::SegmentTerminator { .. }) => continue,
                Ok(Token::DataElement { value, .. }) => {
                    self.elements.push(self.components.len() as u32);
                    value
                }
                Ok(Token::ComponentElement { value, .. } | Token::RepeatElement { value, .. }) => value,
                Err(_) => return Err("dangling release character"),
            };
            self.components.push(if unreleased { keep(value) } else { released(value, release) });
        }
        Ok(())
    }

    /// Cuts values that are longer than any sender writes, and gives the numbers of their segments. For headers, whose
    /// values every row repeats: one of 64 KiB over a hundred thousand rows would fill the memory.
    pub fn cut_long_values(&mut self) -> Vec<u32> {
        let mut cut = Vec::new();
        for i in 0..self.segments.len() {
            let from = self.segments[i].first_component as usize;
            let to = self.segments.get(i + 1).map_or(self.components.len(), |next| next.first_component as usize);
            let long = self.components[from..to].iter_mut().filter(|c| c.len() > HEADER_VALUE_BYTES_MAX);
            let mut any = false;
            for value in long {
                *value = Cow::Owned(value[..value.floor_char_boundary(HEADER_VALUE_BYTES_MAX)].to_owned());
                any = true;
            }
            cut.extend(any.then(|| self.segments[i].raw.number));
        }
        cut
    }

    /// The segments, in order.
    pub fn iter(&self) -> impl Iterator<Item = Segment<'_, 't>> + Clone {
        (0..self.segments.len()).map(|index| Segment { arena: self, index })
    }

    /// The first segment.
    pub fn first(&self) -> Option<Segment<'_, 't>> {
        (!self.segments.is_empty()).then_some(Segment { arena: self, index: 0 })
    }
}

/// `text` without blanks around it; nearly always there are none.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        [one] if one.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// `text` cut at each `separator` that is not released.
fn unreleased(text: &str, separator: u8, release: u8) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at < bytes.len() {
        if release != 0 && bytes[at] == release {
            at += 1;
        } else if bytes[at] == separator {
            parts.push(&text[from..at]);
            from = at + 1;
        }
        at += 1;
    }
    parts.push(&text[from..]);
    parts
}

/// `value` with its release characters resolved.
fn released<'t>(value: &str, release: u8) -> Cow<'t, str> {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        let c = if c == release as char { chars.next() } else { Some(c) };
        text.extend(c);
    }
    Cow::Owned(text)
}

impl<'a, 't> Segment<'a, 't> {
    /// Its tag.
    pub fn tag(&self) -> &'t str {
        self.entry().tag
    }

    /// Its number in the message.
    pub fn number(&self) -> u32 {
        self.entry().raw.number
    }

    /// As it stands in the text, release characters and all.
    pub fn raw(&self) -> &'t str {
        self.entry().raw.text
    }

    /// Every component it has.
    pub fn all(&self) -> impl Iterator<Item = &'a str> + use<'a, 't> {
        let segment = *self;
        (0..self.len()).flat_map(move |element| segment.components(element))
    }

    /// Component `component` of element `element`, both from 0, blanks around it cut; empty where there is none.
    pub fn get(&self, element: usize, component: usize) -> &'a str {
        let (from, to) = self.range(element);
        if component < to - from { trimmed(&self.arena.components[from + component]) } else { "" }
    }

    /// The same, `None` for what stands for nothing: blank, `NULL`, a lone dash.
    pub fn value(&self, element: usize, component: usize) -> Option<&'a str> {
        let value = self.get(element, component);
        (!matches!(value, "" | "-" | "NULL" | "null" | "<null/>")).then_some(value)
    }

    /// The components of an element.
    pub fn components(&self, element: usize) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        let (from, to) = self.range(element);
        self.arena.components[from..to].iter().map(|c| trimmed(c))
    }

    /// How many components an element has.
    pub fn width(&self, element: usize) -> usize {
        let (from, to) = self.range(element);
        to - from
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        let (from, to) = self.elements();
        to - from
    }

    fn entry(&self) -> &'a Entry<'t> {
        &self.arena.segments[self.index]
    }

    fn elements(&self) -> (usize, usize) {
        let next = self.arena.segments.get(self.index + 1);
        let end = next.map_or(self.arena.elements.len(), |e| e.first_element as usize);
        (self.entry().first_element as usize, end)
    }

    fn range(&self, element: usize) -> (usize, usize) {
        let (from, to) = self.elements();
        if element >= to - from {
            return (0, 0);
        }
        let end = match self.arena.elements.get(from + element + 1) {
            Some(next) if from + element + 1 < to => *next as usize,
            _ => {
                let next = self.arena.segments.get(self.index + 1);
                next.map_or(self.arena.components.len(), |e| e.first_component as usize)
            }
        };
        (self.arena.elements[from + element] as usize, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHARS: ServiceChars = ServiceChars::DEFAULT;

    /// `A:B` as lists: elements by `|`, components by `,`.
    fn values(text: &str) -> Vec<String> {
        let mut arena = Arena::new(CHARS);
        for raw in Cutter::new(text, CHARS) {
            arena.push(raw).unwrap();
        }
        arena
            .iter()
            .map(|s| {
                let elements: Vec<_> = (0..s.len()).map(|e| s.components(e).collect::<Vec<_>>().join(",")).collect();
                format!("{}={}", s.tag(), elements.join("|"))
            })
            .collect()
    }

    #[test]
    fn release_characters_give_the_character_behind_them() {
        assert_eq!(values("NAD+FL+++GAUS?:S:OLIVE?+R'"), ["NAD=FL|||GAUS:S,OLIVE+R"]);
        assert_eq!(values("FTX+A??+B???'+?C'LOC+1'"), ["FTX=A?|B?'|C", "LOC=1"]);
    }

    #[test]
    fn repeated_elements_are_segments_of_their_own() {
        let mut arena = Arena::new(ServiceChars { repetition: b'*', ..CHARS });
        for raw in Cutter::new("RFF+AVF:A*ABO:B?*C'UNB+A*B'NAT+2+KOR'", CHARS) {
            arena.push(raw).unwrap();
        }
        let values: Vec<_> =
            arena.iter().map(|s| format!("{}={}", s.tag(), s.all().collect::<Vec<_>>().join(","))).collect();
        assert_eq!(values, ["RFF=AVF,A", "RFF=ABO,B*C", "UNB=A*B", "NAT=2,KOR"]);
    }

    #[test]
    fn empty_values_keep_their_place() {
        assert_eq!(values("DOC++:1:'UNZ'LOC+91+'\r\n TDT++X'"), ["DOC=|,1,", "UNZ=", "LOC=91|", "TDT=|X"]);
    }

    #[test]
    fn a_blank_behind_the_tag_is_cut() {
        assert_eq!(values("UNG +PAXLST+A'"), ["UNG=PAXLST|A"]);
    }

    #[test]
    fn bad_segments_say_so() {
        let mut arena = Arena::new(CHARS);
        let raws: Vec<_> = Cutter::new("### F'nad+fl'NAD+FL+X?", CHARS).collect();
        assert_eq!(raws.iter().map(|r| r.terminated).collect::<Vec<_>>(), [true, true, false]);
        let errors: Vec<_> = raws.into_iter().map(|raw| arena.push(raw)).collect();
        assert_eq!(errors, [Err("no segment tag"), Err("no segment tag"), Err("dangling release character")]);
    }

    #[test]
    fn qualifiers_are_seen_without_tokenising() {
        let raw = Cutter::new("NAD+FL:X+++A'", CHARS).next().unwrap();
        assert_eq!((raw.tag(), raw.qualifier(CHARS)), ("NAD", "FL"));
    }
}
