//! Segments: clean text cut at its terminators, then a handful of them (a person, a bill) tokenised into one
//! small arena that is used again for the next.
//!
//! Values are slices of the text; only a value with a release character is copied. `edifact-rs` tokenises what has one;
//! plain segments are cut here when a value is asked for, at the separators that were met when the text was cut into
//! segments, since its parser builds two heap vectors a segment, and since one bad segment must not end the reading.

use std::borrow::Cow;

use edifact_rs::{Token, Tokenizer};

use super::marks::{Ahead, Marks, places_of};
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
#[expect(clippy::struct_excessive_bools, reason = "each is asked by itself, of every segment")]
pub struct Raw<'t> {
    /// Tag, separators, values.
    pub text: &'t str,
    /// Its number in the message; UNH is 1.
    pub number: u32,
    /// Whether its terminator was there.
    pub terminated: bool,
    /// It begins with a tag.
    tagged: bool,
    /// A terminator stands in it that its sender did not release.
    rejoined: bool,
    /// Whether `separators` says where all of them stand: not of a long segment, nor where something is released.
    known: bool,
    separators: Separators,
}

/// Where the separators of a segment stand in its first bytes, a bit for each, as the [`Cutter`] met them: nothing needs
/// to look for them again, and what nobody asks for is never cut.
#[derive(Clone, Copy, Debug)]
struct Separators {
    elements: u64,
    components: u64,
}

impl Separators {
    const NONE: Self = Self { elements: 0, components: 0 };

    /// Where an element begins, where it ends if another follows, and the separators of components in between.
    #[allow(clippy::inline_always, reason = "its loop unrolls where the element is known")]
    #[inline(always)]
    fn element(self, element: usize) -> Option<(usize, Option<usize>, u64)> {
        let mut left = self.elements;
        for _ in 0..element {
            left &= left.wrapping_sub(1);
        }
        if left == 0 {
            return None;
        }
        let from = left.trailing_zeros() as usize + 1;
        let up_to_from = left ^ (left - 1);
        left &= left - 1;
        let before_end = (left & left.wrapping_neg()).wrapping_sub(1);
        let to = (left != 0).then_some(left.trailing_zeros() as usize);
        Some((from, to, self.components & before_end & !up_to_from))
    }
}

impl<'t> Raw<'t> {
    /// A segment of this text.
    pub fn new(text: &'t str, number: u32, terminated: bool) -> Self {
        Self::cut(text, number, terminated, None)
    }

    #[inline]
    fn cut(text: &'t str, number: u32, terminated: bool, separators: Option<Separators>) -> Self {
        let known = separators.is_some();
        let separators = separators.unwrap_or(Separators::NONE);
        let tagged = match text.as_bytes() {
            // What nearly every segment is.
            [a, b, c, ..] if (separators.elements | separators.components).trailing_zeros() == 3 => {
                a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_uppercase()
            }
            _ => begins_with_tag(text),
        };
        Self { text, number, terminated, tagged, rejoined: false, known, separators }
    }

    /// A segment of a text in which a terminator stands that ends nothing.
    pub fn rejoined(text: &'t str, number: u32) -> Self {
        Self { rejoined: true, ..Self::new(text, number, true) }
    }

    /// Whether a tag and an element begin it, as far as that is known without a look at its text.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.tagged && self.known && self.separators.elements >> 3 & 1 == 1
    }

    /// Whether it was made by [`Raw::rejoined`].
    #[inline]
    pub fn is_rejoined(&self) -> bool {
        self.rejoined
    }

    /// The tag, blanks behind it cut; empty if it is no tag.
    #[inline]
    pub fn tag(&self) -> &'t str {
        if self.tagged { &self.text[..3] } else { "" }
    }

    /// Where elements end that are no shorter than four bytes behind the last separator before them, released or not;
    /// of the last element it is not said.
    #[inline]
    pub fn ends_of_four(&self, element: u8) -> impl Iterator<Item = usize> + use<'t> {
        let Separators { elements, components } = self.separators;
        let any = elements | components;
        let ends = elements & !(any << 1 | any << 2 | any << 3 | any << 4) & !0b1111;
        let mut known = places_of(ends);
        let mut unknown = (!self.known).then(|| memchr::memchr_iter(element, self.text.as_bytes()));
        std::iter::from_fn(move || known.next().or_else(|| unknown.as_mut()?.next()))
    }

    /// Whether it is a tag, an element separator right behind it, and values that are known to stand as they are.
    #[inline]
    fn plain(&self) -> bool {
        self.known && self.separators.elements & 0b1111 == 0b1000
    }

    /// The first component of the first element.
    pub fn qualifier(&self, chars: ServiceChars) -> &'t str {
        if self.plain() {
            let Separators { elements, components } = self.separators;
            let behind = (elements | components) & !0b1111;
            let to = if behind == 0 { self.text.len() } else { behind.trailing_zeros() as usize };
            return self.text[4..to].trim_ascii();
        }
        let rest = self.text.get(3..).unwrap_or_default().trim_ascii_start();
        let Some(value) = rest.strip_prefix(chars.element as char) else { return "" };
        let end = value.bytes().position(|b| b == chars.element || b == chars.component).unwrap_or(value.len());
        value[..end].trim_ascii()
    }
}

fn begins_with_tag(text: &str) -> bool {
    let end = text.bytes().position(|b| !b.is_ascii_uppercase()).unwrap_or(text.len());
    let follows = text[end..].trim_ascii_start().bytes().next();
    end == 3 && follows.is_none_or(|b| !b.is_ascii_alphanumeric())
}

/// Cuts text at unreleased terminators; blanks and line ends between segments vanish.
pub struct Cutter<'t> {
    text: &'t str,
    chars: ServiceChars,
    ahead: Ahead<'t>,
    /// First byte that belongs to no segment yet.
    from: usize,
}

/// Stands in no text.
const NO_BYTE: u8 = 0xFF;

impl<'t> Cutter<'t> {
    /// Over clean text.
    pub fn new(text: &'t str, chars: ServiceChars) -> Self {
        let ServiceChars { terminator, element, component, release, .. } = chars;
        let release = if release == 0 { NO_BYTE } else { release };
        let ahead = Ahead::of(text.as_bytes(), [terminator, element, component, release]);
        Self { text, chars, ahead, from: 0 }
    }

    /// Where the segment that begins at `from` ends and where its separators stand, if it is short and nothing is
    /// released in it.
    #[inline]
    fn near_end(&mut self, from: usize) -> Option<(usize, Option<Separators>)> {
        let [terminators, elements, components, releases] = self.ahead.look(from);
        if terminators != 0 {
            let before = (terminators & terminators.wrapping_neg()) - 1;
            let separators = Separators { elements: elements & before, components: components & before };
            let end = from + terminators.trailing_zeros() as usize;
            return (releases & before == 0).then_some((end, Some(separators)));
        }
        // Text without separators may go on behind them.
        let [terminators, more_elements, more_components, more_releases] = self.ahead.look(from + Ahead::BYTES);
        let before = (terminators & terminators.wrapping_neg()).wrapping_sub(1);
        if terminators == 0 || releases != 0 || more_releases & before != 0 {
            return None;
        }
        let near = (more_elements | more_components) & before == 0;
        let end = from + Ahead::BYTES + terminators.trailing_zeros() as usize;
        Some((end, near.then_some(Separators { elements, components })))
    }

    /// Where the segment that begins at `from` ends, however long it is and whatever is released in it.
    fn end_behind(&self, mut from: usize) -> Option<usize> {
        let ServiceChars { terminator, release, .. } = self.chars;
        let release = if release == 0 { NO_BYTE } else { release };
        loop {
            let rest = self.text.as_bytes().get(from..)?;
            let at = from + memchr::memchr2(terminator, release, rest)?;
            if self.text.as_bytes()[at] == terminator {
                return Some(at);
            }
            from = at + 2;
        }
    }
}

impl<'t> Iterator for Cutter<'t> {
    type Item = Raw<'t>;

    #[inline]
    fn next(&mut self) -> Option<Raw<'t>> {
        let bytes = self.text.as_bytes();
        loop {
            while bytes.get(self.from).is_some_and(u8::is_ascii_whitespace) {
                self.from += 1;
            }
            let from = self.from;
            if from >= bytes.len() {
                return None;
            }
            let (end, separators) = match self.near_end(from) {
                Some((end, separators)) => (Some(end), separators),
                None => (self.end_behind(from), None),
            };
            self.from = end.map_or(bytes.len(), |end| end + 1);
            // Service characters are ASCII, so cuts fall between characters.
            let text = &self.text[from..end.unwrap_or(bytes.len())];
            if !text.is_empty() {
                return Some(Raw::cut(text, 0, end.is_some(), separators));
            }
        }
    }
}

/// The segments of one group: those cut by their separators when somebody asks, and those that had to be tokenised.
#[derive(Debug)]
pub struct Arena<'t> {
    chars: ServiceChars,
    components: Vec<Cow<'t, str>>,
    /// First component of each element, and behind the last element of a segment where its components end.
    elements: Vec<u32>,
    segments: Vec<Entry<'t>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<'t> {
    raw: Raw<'t>,
    /// Place of its first element, and how many it has; `None` where its separators tell.
    tokenised: Option<(u32, u32)>,
}

/// One segment in an [`Arena`].
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a, 't> {
    arena: &'a Arena<'t>,
    entry: &'a Entry<'t>,
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
            return self.push_repeated(raw);
        }
        if raw.plain() {
            self.segments.push(Entry { raw, tokenised: None });
            return Ok(());
        }
        self.entry(raw, |arena| if arena.cut_all(&raw) { Ok(()) } else { arena.any(raw, tag) })
    }

    /// A segment of what `tokenise` makes.
    fn entry<T>(&mut self, raw: Raw<'t>, tokenise: impl FnOnce(&mut Self) -> T) -> T {
        let first = self.elements.len();
        let made = tokenise(self);
        let len = (self.elements.len() - first) as u32;
        self.elements.push(self.components.len() as u32);
        self.segments.push(Entry { raw, tokenised: Some((first as u32, len)) });
        made
    }

    /// Tokenises whatever stands in a segment.
    fn any(&mut self, raw: Raw<'t>, tag: &'t str) -> Result<(), &'static str> {
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

    /// Cuts a segment of a tag, an element separator right behind it, and fewer bytes than there may be components.
    /// Anything else, and what ends in a release character, is left alone, for the tokenizer.
    fn cut_all(&mut self, raw: &Raw<'t>) -> bool {
        let ServiceChars { element, component, release, .. } = self.chars;
        let bytes = raw.text.as_bytes();
        if bytes.get(3) != Some(&element) || bytes.len() >= COMPONENTS_MAX {
            return false;
        }
        let (elements, components) = (self.elements.len(), self.components.len());
        self.elements.push(components as u32);
        let third = if release == 0 { NO_BYTE } else { release };
        let (mut from, mut unreleased, mut plain) = (4, 4, true);
        for met in Marks::of(bytes, 4, [element, component, third, 0]) {
            if met < unreleased {
                continue;
            }
            if bytes[met] == third {
                // What is released is no separator; where it has several bytes, none of them is.
                unreleased = met + 2;
                plain = false;
                if unreleased > bytes.len() {
                    self.elements.truncate(elements);
                    self.components.truncate(components);
                    return false;
                }
                continue;
            }
            self.component(&raw.text[from..met], plain);
            (from, plain) = (met + 1, true);
            if bytes[met] == element {
                self.elements.push(self.components.len() as u32);
            }
        }
        self.component(&raw.text[from..], plain);
        true
    }

    /// Separators are ASCII, so cuts fall between characters.
    fn component(&mut self, value: &'t str, plain: bool) {
        self.components.push(if plain { Cow::Borrowed(value) } else { released(value, self.chars.release) });
    }

    fn push_repeated(&mut self, raw: Raw<'t>) -> Result<(), &'static str> {
        let ServiceChars { element, release, repetition, .. } = self.chars;
        let elements: Vec<Vec<&str>> =
            unreleased(raw.text, element, release).into_iter().map(|e| unreleased(e, repetition, release)).collect();
        let times = elements.iter().map(Vec::len).max().unwrap_or(1).min(REPETITIONS_MAX);
        for nth in 0..times {
            let one = |repeated: &Vec<&'t str>| *repeated.get(nth).or(repeated.first()).unwrap_or(&"");
            let text = elements.iter().map(one).collect::<Vec<_>>().join(&String::from(element as char));
            self.entry(raw, |arena| arena.tokenise(&text, |value| Cow::Owned(value.to_owned())))?;
        }
        Ok(())
    }

    fn tokenise<'s>(&mut self, text: &'s str, keep: impl Fn(&'s str) -> Cow<'t, str>) -> Result<(), &'static str> {
        let release = self.chars.release;
        let unreleased = release == 0 || memchr::memchr(release, text.as_bytes()).is_none();
        let first = self.components.len();
        // It is one segment, even where a terminator stands in it.
        let mut advice = self.chars.advice();
        advice.segment_term = 0;
        for token in Tokenizer::for_segment(text.as_bytes(), advice, SEGMENT_BYTES_MAX) {
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
            let plain = unreleased || memchr::memchr(release, value.as_bytes()).is_none();
            self.components.push(if plain { keep(value) } else { released(value, release) });
        }
        Ok(())
    }

    /// Cuts values that are longer than any sender writes, and gives the numbers of their segments. For headers, whose
    /// values every row repeats: one of 64 KiB over a hundred thousand rows would fill the memory.
    pub fn cut_long_values(&mut self) -> Vec<u32> {
        let mut cut = Vec::new();
        // What is not tokenised is shorter as a whole.
        const { assert!(HEADER_VALUE_BYTES_MAX >= 2 * Ahead::BYTES) };
        for Entry { raw, tokenised } in &self.segments {
            let Some((first, len)) = tokenised.filter(|_| raw.text.len() > HEADER_VALUE_BYTES_MAX) else { continue };
            let (first, last) = (first as usize, (first + len) as usize);
            let (from, to) = (self.elements[first] as usize, self.elements[last] as usize);
            let long = self.components[from..to].iter_mut().filter(|c| c.len() > HEADER_VALUE_BYTES_MAX);
            let mut any = false;
            for value in long {
                *value = Cow::Owned(value[..value.floor_char_boundary(HEADER_VALUE_BYTES_MAX)].to_owned());
                any = true;
            }
            cut.extend(any.then_some(raw.number));
        }
        cut
    }

    /// The components of an element of a segment that was tokenised.
    fn tokenised(&self, first: u32, len: u32, element: usize) -> &[Cow<'t, str>] {
        if element >= len as usize {
            return &[];
        }
        let at = first as usize + element;
        &self.components[self.elements[at] as usize..self.elements[at + 1] as usize]
    }

    /// The segments, in order.
    pub fn iter(&self) -> impl Iterator<Item = Segment<'_, 't>> + Clone {
        self.segments.iter().map(|entry| Segment { arena: self, entry })
    }

    /// The first segment.
    pub fn first(&self) -> Option<Segment<'_, 't>> {
        self.iter().next()
    }
}

/// `text` without blanks around it; nearly always there are none.
#[inline]
pub fn trimmed(text: &str) -> &str {
    match (text.as_bytes().first(), text.as_bytes().last()) {
        (Some(first), Some(last)) if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        (None, _) => text,
        _ => text.trim(),
    }
}

#[inline]
fn stands_for_nothing(value: &str) -> bool {
    // What nearly every value is, in two guesses.
    match value.as_bytes() {
        [] => true,
        [b'-' | b'N' | b'n' | b'<', ..] => matches!(value, "-" | "NULL" | "null" | "<null/>"),
        _ => false,
    }
}

/// `text` cut at each `separator` that is not released.
pub fn unreleased(text: &str, separator: u8, release: u8) -> Vec<&str> {
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
    #[inline]
    pub fn tag(&self) -> &'t str {
        self.entry.raw.tag()
    }

    /// Its number in the message.
    pub fn number(&self) -> u32 {
        self.entry.raw.number
    }

    /// As it stands in the text, release characters and all.
    pub fn raw(&self) -> &'t str {
        self.entry.raw.text
    }

    /// Every component it has.
    pub fn all(&self) -> impl Iterator<Item = &'a str> + use<'a, 't> {
        let segment = *self;
        (0..self.len()).flat_map(move |element| segment.components(element))
    }

    /// Component `component` of element `element`, both from 0, blanks around it cut; empty where there is none.
    // Both are nearly always written where it is called: there the loops over them unroll, and which value is asked for
    // is nothing that the processor has to guess.
    #[allow(clippy::inline_always, reason = "its loops unroll where the value is known")]
    #[inline(always)]
    pub fn get(&self, element: usize, component: usize) -> &'a str {
        if self.entry.tokenised.is_some() {
            return self.get_tokenised(element, component);
        }
        let Raw { text, separators, .. } = self.entry.raw;
        let Some((mut from, to, mut left)) = separators.element(element) else { return "" };
        if component > 0 {
            for _ in 1..component {
                left &= left.wrapping_sub(1);
            }
            if left == 0 {
                return "";
            }
            from = left.trailing_zeros() as usize + 1;
            left &= left - 1;
        }
        let to = if left == 0 { to.unwrap_or(text.len()) } else { left.trailing_zeros() as usize };
        trimmed(&text[from..to])
    }

    #[cold]
    fn get_tokenised(&self, element: usize, component: usize) -> &'a str {
        let Some((first, len)) = self.entry.tokenised else { return "" };
        self.arena.tokenised(first, len, element).get(component).map_or("", |value| trimmed(value))
    }

    /// The same, `None` for what stands for nothing: blank, `NULL`, a lone dash.
    #[allow(clippy::inline_always, reason = "its loops unroll where the value is known")]
    #[inline(always)]
    pub fn value(&self, element: usize, component: usize) -> Option<&'a str> {
        let value = self.get(element, component);
        (!stands_for_nothing(value)).then_some(value)
    }

    /// The components of an element.
    pub fn components(&self, element: usize) -> impl Iterator<Item = &'a str> + Clone + use<'a, 't> {
        let segment = *self;
        (0..self.width(element)).map(move |component| segment.get(element, component))
    }

    /// How many components an element has.
    pub fn width(&self, element: usize) -> usize {
        if let Some((first, len)) = self.entry.tokenised {
            return self.arena.tokenised(first, len, element).len();
        }
        let components = self.entry.raw.separators.element(element);
        components.map_or(0, |(.., between)| 1 + between.count_ones() as usize)
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.entry
            .tokenised
            .map_or_else(|| self.entry.raw.separators.elements.count_ones() as usize, |(_, len)| len as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// A released separator in the first bytes of a segment that ends behind them.
    #[test]
    fn what_is_released_early_in_a_long_segment_separates_nothing() {
        let long = "A".repeat(70);
        assert_eq!(values(&format!("FTX+AB?+C+{long}'LOC+1'")), [format!("FTX=AB+C|{long}"), "LOC=1".to_owned()]);
        // The last byte of the first sixty-four releases the first behind them.
        for pad in 40..70 {
            let text = format!("FTX+{}?'{long}'LOC+1'", "B".repeat(pad));
            assert_eq!(values(&text), [format!("FTX={}'{long}", "B".repeat(pad)), "LOC=1".to_owned()], "{pad}");
        }
    }

    #[test]
    fn qualifiers_are_seen_without_tokenising() {
        let raw = Cutter::new("NAD+FL:X+++A'", CHARS).next().unwrap();
        assert_eq!((raw.tag(), raw.qualifier(CHARS)), ("NAD", "FL"));
    }

    /// Every component of the segments in an arena, an element a line.
    fn cut(arena: &Arena<'_>) -> Vec<Vec<String>> {
        let segment =
            |s: Segment<'_, '_>| (0..s.len()).map(|e| s.components(e).map(str::to_owned).collect()).collect::<Vec<_>>();
        arena.iter().flat_map(segment).collect()
    }

    proptest! {
        /// As a look at each byte says; of a segment that is long or releases something more may be given, never less.
        #[test]
        fn ends_of_long_elements_are_all_given(body in "[A1+:]{0,58}|([A1+:]|\\?[+:']){0,60}") {
            let text = format!("TVL+{body}'");
            let raw = Cutter::new(&text, CHARS).next().unwrap();
            let bytes = raw.text.as_bytes();
            let long = |at: &usize| !bytes[at - 4..*at].iter().any(|b| matches!(b, b'+' | b':'));
            let ends = (4..bytes.len()).filter(|at| bytes[*at] == b'+').filter(long).collect::<Vec<_>>();
            let given = raw.ends_of_four(b'+').collect::<Vec<_>>();
            if raw.known {
                prop_assert_eq!(given, ends);
            } else {
                prop_assert!(ends.iter().all(|end| given.contains(end)), "{:?} of {:?}", given, ends);
            }
        }

        /// Segments end where a byte after the other says, and are cut as the tokenizer cuts them, however long they are.
        #[test]
        fn segments_are_cut_as_the_tokenizer_does(bodies in prop::collection::vec("[A+:? \u{e9}']{0,20}|[AB+:]{0,40}|[AB\u{e9}]{40,90}", 1..8)) {
            let text = format!("ABC+{}'", bodies.concat());
            let mut expected = Vec::new();
            let (mut from, mut released) = (0, false);
            for (at, b) in text.bytes().enumerate() {
                if !released && b == b'\'' {
                    expected.push(text[from..at].trim_start());
                    from = at + 1;
                }
                released = !released && b == b'?';
            }
            expected.push(text[from..].trim_start());
            expected.retain(|segment| !segment.is_empty());
            let raws: Vec<_> = Cutter::new(&text, CHARS).collect();
            prop_assert_eq!(raws.iter().map(|raw| raw.text).collect::<Vec<_>>(), expected);
            for raw in raws.into_iter().filter(|raw| !raw.tag().is_empty()) {
                let (mut ours, mut tokenised) = (Arena::new(CHARS), Arena::new(CHARS));
                prop_assert_eq!(ours.push(raw), tokenised.entry(raw, |arena| arena.any(raw, raw.tag())));
                prop_assert_eq!(cut(&ours), cut(&tokenised), "{}", raw.text);
                let first = tokenised.first().map_or("", |s| s.get(0, 0));
                if !raw.text.contains('?') {
                    prop_assert_eq!(raw.qualifier(CHARS), first);
                }
            }
        }
    }
}
