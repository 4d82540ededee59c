//! A unit of a document, read: its elements in the order they begin, as places in the text.
//!
//! Nothing is copied but what is written in pieces (entities, CDATA). An [`Element`] is a place in it, and is asked by
//! local names; prefixes and namespaces are settled where a unit begins.

use std::borrow::Cow;

use super::attributes;

/// A stretch of the text, or of what was put together aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// Marks a stretch of what was put together aside.
const ASIDE: u32 = 1 << 31;
/// Bytes that may be put together aside, whatever the unit is; beyond them, [`ASIDE_TIMES_MAX`] times what was read of it.
const ASIDE_BYTES_FREE: usize = 1024 * 1024;
/// Texts are put together once, and are no longer than their unit. But one that goes on behind an element with an entity
/// in it is copied again: whoever does that on purpose makes gigabytes of little.
const ASIDE_TIMES_MAX: usize = 2;
/// The text of a node that was left out, as is what follows of it.
const LEFT_OUT: Span = Span { start: u32::MAX, end: u32::MAX };

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        debug_assert!(end < ASIDE as usize);
        Self { start: start as u32, end: end as u32 }
    }

    fn is_empty(self) -> bool {
        self.start == self.end
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    name: Span,
    mark: u32,
    text: Span,
    attributes: Span,
    /// First byte of its tag, and the byte behind its end tag.
    bytes: Span,
    /// The node behind its last descendant.
    end: u32,
}

/// Tells most names from each other at a glance, by their ends: an element is asked for many more than it has.
fn mark(name: &str) -> u32 {
    let name = name.as_bytes();
    let (first, last) = match (name.first_chunk(), name.last_chunk()) {
        (Some(first), Some(last)) => (u32::from_ne_bytes(*first), u32::from_ne_bytes(*last)),
        _ => name.iter().fold((0, 0), |(first, last), b| (first << 8 | u32::from(*b), last)),
    };
    // Of names that begin and end alike the length tells.
    first.wrapping_mul(0x9E37_79B1) ^ last.wrapping_add(name.len() as u32)
}

/// Elements of a unit.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    aside: String,
}

impl Tree {
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.aside.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn open(&mut self, at: usize, window: &str, name: Span, attributes: Span) -> u32 {
        let mark = mark(&window[name.start as usize..name.end as usize]);
        let node = Node { name, mark, text: Span::default(), attributes, bytes: Span::new(at, at), end: 0 };
        self.nodes.push(node);
        (self.nodes.len() - 1) as u32
    }

    pub(super) fn close(&mut self, node: u32, at: usize) {
        let end = self.nodes.len() as u32;
        let node = &mut self.nodes[node as usize];
        node.end = end;
        node.bytes.end = at as u32;
    }

    /// Appends to the text of a node. Returns how long it is now; `None` where it cannot be put together.
    pub(super) fn push_text(&mut self, node: u32, window: &str, piece: Span) -> Option<usize> {
        let text = self.nodes[node as usize].text;
        let joined = if text == LEFT_OUT {
            return Some(0);
        } else if text.is_empty() {
            piece
        } else if text.end == piece.start {
            Span { start: text.start, end: piece.end }
        } else if self.is_full() {
            return None;
        } else {
            let piece = &window[piece.start as usize..piece.end as usize];
            self.join(text, window, piece)
        };
        self.nodes[node as usize].text = joined;
        Some((joined.end - joined.start) as usize)
    }

    /// The same with text that does not stand in the document like this.
    pub(super) fn push_made(&mut self, node: u32, window: &str, piece: &str) -> Option<usize> {
        let text = self.nodes[node as usize].text;
        if text == LEFT_OUT {
            return Some(0);
        }
        if self.is_full() {
            return None;
        }
        let joined = self.join(text, window, piece);
        self.nodes[node as usize].text = joined;
        Some((joined.end - joined.start) as usize)
    }

    /// Leaves out the text of a node, and what follows of it.
    pub(super) fn drop_text(&mut self, node: u32) {
        self.nodes[node as usize].text = LEFT_OUT;
    }

    /// Whether so much is put together aside that no more is.
    fn is_full(&self) -> bool {
        let (Some(first), Some(last)) = (self.nodes.first(), self.nodes.last()) else { return false };
        let read = last.bytes.start.saturating_sub(first.bytes.start) as usize;
        self.aside.len() > ASIDE_BYTES_FREE + ASIDE_TIMES_MAX * read
    }

    fn join(&mut self, text: Span, window: &str, piece: &str) -> Span {
        let behind = text.start & ASIDE != 0 && (text.end & !ASIDE) as usize == self.aside.len();
        let start = if behind {
            text.start
        } else {
            let start = self.aside.len() as u32 | ASIDE;
            if text.start & ASIDE == 0 {
                self.aside.push_str(&window[text.start as usize..text.end as usize]);
            } else {
                self.aside.extend_from_within((text.start & !ASIDE) as usize..(text.end & !ASIDE) as usize);
            }
            start
        };
        self.aside.push_str(piece);
        Span { start, end: self.aside.len() as u32 | ASIDE }
    }

    /// The first `n` bytes of the text went.
    pub(super) fn shift(&mut self, n: usize) {
        let n = n as u32;
        for node in &mut self.nodes {
            for span in [&mut node.name, &mut node.text, &mut node.attributes] {
                if span.start & ASIDE == 0 && !span.is_empty() {
                    *span = Span { start: span.start - n, end: span.end - n };
                }
            }
            node.bytes = Span { start: node.bytes.start.saturating_sub(n), end: node.bytes.end.saturating_sub(n) };
        }
    }

    fn str<'u>(&'u self, window: &'u str, span: Span) -> &'u str {
        if span.start & ASIDE == 0 {
            &window[span.start as usize..span.end as usize]
        } else if span == LEFT_OUT {
            ""
        } else {
            &self.aside[(span.start & !ASIDE) as usize..(span.end & !ASIDE) as usize]
        }
    }

    pub(super) fn name<'u>(&'u self, window: &'u str, node: u32) -> &'u str {
        self.str(window, self.nodes[node as usize].name)
    }

    pub(super) fn element<'u>(&'u self, window: &'u str, node: u32) -> Element<'u> {
        Element { tree: self, window, node }
    }
}

/// An element of a unit.
#[derive(Clone, Copy)]
pub struct Element<'u> {
    tree: &'u Tree,
    window: &'u str,
    node: u32,
}

impl std::fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}>", self.name())
    }
}

impl<'u> Element<'u> {
    fn node(self) -> &'u Node {
        &self.tree.nodes[self.node as usize]
    }

    /// Its place in the unit.
    pub fn index(self) -> u32 {
        self.node
    }

    /// Whether a place in the unit is in it.
    pub fn holds(self, index: u32) -> bool {
        (self.node..self.node().end).contains(&index)
    }

    /// Local name.
    pub fn name(self) -> &'u str {
        self.tree.str(self.window, self.node().name)
    }

    /// Its own text, without blanks around it.
    pub fn text(self) -> &'u str {
        self.tree.str(self.window, self.node().text).trim()
    }

    /// The text, unless it stands for nothing: blank, `NULL`, a lone dash, `<null/>`.
    pub fn value(self) -> Option<&'u str> {
        value(self.text())
    }

    /// First byte of it in what was in hand, and the byte behind it.
    pub fn bytes(self) -> (usize, usize) {
        let Span { start, end } = self.node().bytes;
        (start as usize, end as usize)
    }

    /// It as it stands in the document.
    pub fn raw(self) -> &'u str {
        let (start, end) = self.bytes();
        self.window.get(start..end.min(self.window.len())).unwrap_or_default()
    }

    /// An attribute, by its local name.
    pub fn attribute(self, name: &str) -> Option<Cow<'u, str>> {
        attributes::find(self.attributes(), name).map(plain)
    }

    /// An attribute that says something.
    pub fn attribute_value(self, name: &str) -> Option<Cow<'u, str>> {
        said(self.attribute(name)?)
    }

    /// All that is said in elements and attributes right below, by local names: elements first.
    pub fn parts(self) -> impl Iterator<Item = (&'u str, Cow<'u, str>)> {
        let elements = self.children().filter_map(|child| Some((child.name(), Cow::Borrowed(child.value()?))));
        let attributes = attributes::all(self.attributes());
        let local = |key: &'u str| key.split_once(':').map_or(key, |(_, local)| local);
        elements.chain(attributes.filter_map(move |(key, value)| Some((local(key), said(plain(value))?))))
    }

    fn attributes(self) -> &'u str {
        self.tree.str(self.window, self.node().attributes)
    }

    /// The elements in it.
    pub fn children(self) -> Children<'u> {
        Children { parent: self, next: self.node + 1, end: self.node().end }
    }

    /// The elements of a name in it.
    pub fn all<'n>(self, name: &'n str) -> impl Iterator<Item = Element<'u>> + use<'u, 'n> {
        let mark = mark(name);
        self.children().filter(move |child| child.node().mark == mark && child.name() == name)
    }

    /// The first element at a path of names, `A/B/C`.
    pub fn at(self, path: &str) -> Option<Element<'u>> {
        match path.split_once('/') {
            None => self.all(path).next(),
            Some((name, rest)) => self.all(name).find_map(|child| child.at(rest)),
        }
    }

    /// The first value at a path of names.
    pub fn get(self, path: &str) -> Option<&'u str> {
        match path.split_once('/') {
            None => self.all(path).find_map(Element::value),
            Some((name, rest)) => self.all(name).find_map(|child| child.get(rest)),
        }
    }

    /// All elements below it.
    pub fn descendants(self) -> impl Iterator<Item = Element<'u>> {
        (self.node + 1..self.node().end).map(move |node| Element { node, ..self })
    }
}

/// The elements right below another.
pub struct Children<'u> {
    parent: Element<'u>,
    next: u32,
    end: u32,
}

impl<'u> Iterator for Children<'u> {
    type Item = Element<'u>;

    fn next(&mut self) -> Option<Element<'u>> {
        (self.next < self.end).then(|| {
            let child = Element { node: self.next, ..self.parent };
            self.next = child.node().end.max(self.next + 1);
            child
        })
    }
}

/// A text that says something.
pub fn value(text: &str) -> Option<&str> {
    let says_nothing = matches!(text, "" | "-" | "NULL" | "null");
    // Of characters that no XML may hold nothing could be said to anybody else.
    let unsayable = text.starts_with(is_unsayable) && text.chars().all(is_unsayable);
    (!says_nothing && !unsayable).then_some(text)
}

/// Whether no XML may hold it, or it is blank there.
fn is_unsayable(c: char) -> bool {
    c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// The value of an attribute without entities.
fn plain(value: Cow<'_, str>) -> Cow<'_, str> {
    if value.contains('&') { Cow::Owned(unescape(&value)) } else { value }
}

/// The value of an attribute, if it says something.
fn said(sent: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let trimmed = match sent {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    value(&trimmed).is_some().then_some(trimmed)
}

/// The five entities and characters by number; others stay as they are.
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let end = behind.find(';').filter(|end| *end <= 10);
        if let Some((c, end)) = end.and_then(|end| entity(&behind[..end]).map(|c| (c, end))) {
            out.push(c);
            rest = &behind[end + 1..];
        } else {
            out.push('&');
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

/// What `&name;` stands for, if it is one of the five or a character by number that XML allows.
pub fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| *c >= ' ' || matches!(c, '\t' | '\n' | '\r'))
        }
    }
}
