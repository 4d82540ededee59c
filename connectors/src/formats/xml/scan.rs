//! Tokens to units: quick-xml finds the tokens, this keeps the limits, the tree of the unit and its faults.
//!
//! A *unit* is the smallest part of a document that is read by itself: a declaration, a bill of a manifest. Only one is
//! held at a time. No entity is expanded but the five and characters by number, and no DTD is read. What is not
//! well-formed is a fault of the place where it stands; scanning goes on behind it, so that siblings are read. A unit or
//! a part of one that does not end does so where the next begins. Documents that an envelope holds as text, in CDATA or
//! with entities for their brackets, are scanned in their place.

use quick_xml::errors::SyntaxError;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::attributes;
use super::input::Input;
use super::kind::{self, Kind};
use super::tree::{Element, Span, Tree, entity, unescape};

/// What a document may be made of before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one unit.
    pub unit_bytes: usize,
    /// Bytes of one tag, comment, CDATA section or instruction.
    pub markup_bytes: usize,
    /// Bytes of the text of one element.
    pub text_bytes: usize,
    /// Bytes of a document that stands as text in an envelope, where it does not come whole.
    pub escaped_bytes: usize,
    /// Bytes of a name.
    pub name_bytes: usize,
    /// Elements inside each other within a unit; what is deeper is left out.
    pub unit_depth: usize,
    /// Prefixes that hold outside of units; more are not known.
    pub prefixes: usize,
    /// Elements inside each other anywhere; a document that goes deeper is not read on.
    pub depth: usize,
    /// Faults of one unit that are kept; of those that break a part of it ten times as many.
    pub faults: usize,
}

/// The limits in force. No real message comes near any of them.
pub const LIMITS: Limits = Limits {
    unit_bytes: 64 * 1024 * 1024,
    markup_bytes: 1024 * 1024,
    text_bytes: 64 * 1024,
    escaped_bytes: 16 * 1024 * 1024,
    name_bytes: 256,
    unit_depth: 64,
    prefixes: 200,
    depth: 10_000,
    faults: 100,
};

/// Something in a unit that is not as XML or we ask for.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its code, in [`super::codes`].
    pub code: &'static str,
    /// The element it stands in.
    pub node: u32,
    /// Line and column, from 1.
    pub line: u64,
    /// Column, in bytes, from 1.
    pub column: u64,
    /// What is wrong.
    pub reason: &'static str,
}

impl Fault {
    /// Whether the element around it cannot be relied upon; else a value is lost and no more.
    pub fn breaks(&self) -> bool {
        !matches!(self.code, "text_too_long" | "unknown_entity" | "lone_ampersand")
    }
}

/// What a document is scanned for.
pub trait Handler {
    /// Whether an element begins a unit, and of what kind; `path` is what it stands in, outermost first. Of one that
    /// does not, `attributes` are as written.
    fn begins(&mut self, local: &str, namespace: &str, attributes: &str, path: &[String]) -> Option<Kind>;
    /// A unit was read.
    fn unit(&mut self, unit: &Unit<'_>);
    /// Something that belongs to no unit: code, where, reason, and what stands there.
    fn outside(&mut self, code: &'static str, place: Place, reason: &'static str, raw: &str);
}

/// Where something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Byte, in the text as UTF-8, without byte order mark.
    pub byte: u64,
    /// Line, from 1.
    pub line: u64,
    /// Column in bytes, from 1.
    pub column: u64,
}

/// A unit that was read.
pub struct Unit<'u> {
    /// What it is.
    pub kind: Kind,
    /// Its outermost element.
    pub element: Element<'u>,
    /// Of that element.
    pub namespace: &'u str,
    /// What is wrong with it.
    pub faults: &'u [Fault],
    /// It was cut off, here.
    pub truncated: Option<Place>,
    /// Where it begins.
    pub place: Place,
    base: u64,
}

impl<'u> Unit<'u> {
    /// The same with other faults.
    pub fn with<'f>(&self, faults: &'f [Fault]) -> Unit<'f>
    where
        'u: 'f,
    {
        let Self { kind, element, namespace, truncated, place, base, .. } = *self;
        Unit { kind, element, namespace, faults, truncated, place, base }
    }

    /// First byte of an element in the text.
    pub fn byte(&self, element: Element<'_>) -> u64 {
        self.base + element.bytes().0 as u64
    }
}

/// Scans a document to its end, or to where it cannot be read on.
pub fn scan(input: &mut Input<'_>, handler: &mut dyn Handler) -> std::io::Result<()> {
    let mut scanner = Scanner::new(LIMITS);
    let mut from = 0;
    loop {
        let step = scanner.run(input, from, handler);
        if scanner.over {
            break;
        }
        from = step;
        let unneeded = scanner.unit.as_ref().map_or(from, |unit| unit.needed);
        if let Some(unit) = &mut scanner.unit
            && from - unit.needed > scanner.limits.unit_bytes
        {
            let place = unit.place;
            scanner.too_large(input, place, handler);
            continue;
        }
        if input.is_last() {
            scanner.end(input, handler);
            break;
        }
        input.discard(unneeded);
        from -= unneeded;
        scanner.shift(unneeded);
        input.more();
    }
    // What was read is not lost with what was not.
    input.broken().map_or(Ok(()), Err)
}

struct Open {
    kind: Kind,
    namespace: String,
    place: Place,
    /// First byte in hand that the unit needs.
    needed: usize,
    nodes: Vec<u32>,
    faults: Vec<Fault>,
    /// How many of them do not break anything, and how many do.
    kept: [usize; 2],
}

#[expect(clippy::struct_excessive_bools, reason = "what was met of a document, each by itself")]
struct Scanner {
    limits: Limits,
    tree: Tree,
    unit: Option<Open>,
    /// Local names outside of units, outermost first.
    path: Vec<String>,
    /// Prefixes and their namespaces, with the depth at which they hold.
    prefixes: Vec<(usize, String, String)>,
    /// Elements left out: how deep we are in them.
    skipped: usize,
    /// Where lines were last counted: byte in hand, line, first byte of it.
    counted: (usize, u64, i64),
    any_unit: bool,
    over: bool,
    /// The document stands as text in another.
    inner: bool,
    /// Text stands outside of the outermost element.
    dirt: bool,
}

/// What follows a token.
enum Next {
    Go,
    /// Scan on from this byte.
    From(usize),
}

impl Scanner {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            tree: Tree::default(),
            unit: None,
            path: Vec::new(),
            prefixes: Vec::new(),
            skipped: 0,
            counted: (0, 0, 0),
            any_unit: false,
            over: false,
            inner: false,
            dirt: false,
        }
    }

    /// Reads tokens until more of the document is needed. Returns how far.
    fn run(&mut self, input: &Input<'_>, from: usize, handler: &mut dyn Handler) -> usize {
        let window = input.text();
        let mut from = from;
        'restart: loop {
            // One is taken off by the reader, and not counted.
            from = window.len() - window[from..].trim_start_matches('\u{feff}').len();
            let mut reader = Reader::from_str(&window[from..]);
            let config = reader.config_mut();
            config.check_end_names = false;
            config.allow_unmatched_ends = true;
            loop {
                let at = from + reader.buffer_position() as usize;
                let event = reader.read_event();
                let end = from + reader.buffer_position() as usize;
                let too_long = end - at > self.limits.markup_bytes;
                if matches!(event, Ok(Event::CData(_)) | Err(_))
                    && let Some(begins) = self.embedded(window, at)
                {
                    from = begins;
                    continue 'restart;
                }
                let next = match event {
                    Ok(Event::Text(text)) => {
                        self.text(window, slice(window, &text), input, handler);
                        Next::Go
                    }
                    Ok(Event::Eof) => return window.len(),
                    Ok(_) if too_long => return self.stop(input, at, "markup_too_long", handler),
                    Ok(Event::Start(tag)) => {
                        let attributes = tag.attributes_raw();
                        let (qname, inner) = (slice(window, tag.name().as_ref()), slice(window, attributes));
                        self.start(input, at, qname, inner, false, end, handler)
                    }
                    Ok(Event::Empty(tag)) => {
                        let attributes = tag.attributes_raw();
                        let (qname, inner) = (slice(window, tag.name().as_ref()), slice(window, attributes));
                        self.start(input, at, qname, inner, true, end, handler)
                    }
                    Ok(Event::End(tag)) => {
                        let name = slice(window, tag.name().as_ref());
                        self.end_tag(input, at, local(window, name), end, handler);
                        Next::Go
                    }
                    Ok(Event::CData(data)) => {
                        self.text(window, slice(window, &data), input, handler);
                        Next::Go
                    }
                    Ok(Event::GeneralRef(name)) if &*name == b"lt" && self.is_envelope() => {
                        match self.escaped(input, at, handler) {
                            Some(behind) => Next::From(behind),
                            None => return at,
                        }
                    }
                    Ok(Event::GeneralRef(name)) => {
                        self.reference(input, at, &name, handler);
                        Next::Go
                    }
                    Ok(Event::Comment(text)) => {
                        if memchr::memmem::find(&text, b"<!--").is_some() {
                            self.fault(
                                input,
                                at,
                                "not_well_formed",
                                "a comment does not end, or holds another",
                                handler,
                            );
                        }
                        Next::Go
                    }
                    Ok(Event::DocType(text)) => {
                        let place = self.place(input, at);
                        let raw = &window[at..window.floor_char_boundary(end.min(at + 1024))];
                        if memchr::memmem::find(&text, b"<!").is_some() {
                            let reason = "declares entities or elements; none is read, send the document without DTD";
                            handler.outside("doctype", place, reason, raw);
                        }
                        Next::Go
                    }
                    Ok(Event::Decl(_) | Event::PI(_)) => Next::Go,
                    Err(quick_xml::Error::IllFormed(_)) => {
                        if !input.is_last() && window.len() - at < 64 {
                            return at;
                        }
                        // A lone `&` means itself.
                        self.reference(input, at, b"", handler);
                        Next::From(window.ceil_char_boundary(at + 1))
                    }
                    Err(quick_xml::Error::Syntax(SyntaxError::InvalidBangMarkup)) if window.len() - at > 2 => {
                        self.fault(input, at, "not_well_formed", "`<!` begins nothing known", handler);
                        Next::From(at + 2)
                    }
                    Err(_) => return self.unfinished(input, at, handler),
                };
                if self.over {
                    return end;
                }
                if let Next::From(again) = next {
                    from = again;
                    continue 'restart;
                }
            }
        }
    }

    /// Whether what stands here is the text of an element around our messages.
    fn is_envelope(&self) -> bool {
        !self.inner && self.unit.is_none() && self.skipped == 0 && !self.path.is_empty()
    }

    /// Where a document begins that an envelope holds in a CDATA section, which begins at `at`.
    fn embedded(&self, window: &str, at: usize) -> Option<usize> {
        let inner = window[at..].strip_prefix("<![CDATA[").filter(|_| self.is_envelope())?;
        let document = inner.trim_start();
        let behind = document.strip_prefix('<')?;
        let begins = behind.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '?' | '!'));
        begins.then(|| window.len() - document.len())
    }

    /// Scans a document that an envelope holds with `&lt;` for its brackets. Returns where its text ends, nothing where
    /// that is not in hand yet.
    fn escaped(&mut self, input: &Input<'_>, at: usize, handler: &mut dyn Handler) -> Option<usize> {
        let window = input.text();
        let end = memchr::memchr(b'<', &window.as_bytes()[at..]).map(|length| at + length);
        let too_long = window.len() - at > self.limits.escaped_bytes;
        if end.is_none() && !input.is_last() && !too_long {
            return None;
        }
        let end = end.unwrap_or(window.len());
        let text = unescape(&window[at..end]);
        if !text[1..].starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '?' | '!')) {
            return Some(end);
        }
        let Place { byte, line, column } = self.place(input, at);
        let inner = Input::made(&text, byte, line, column - 1);
        let mut scanner = Self::new(self.limits);
        // Text that it holds in turn is text.
        scanner.inner = true;
        scanner.run(&inner, 0, handler);
        scanner.cut_off(&inner, text.len(), handler);
        self.any_unit |= scanner.any_unit;
        Some(end)
    }

    /// A token that does not end in what is in hand begins at `at`.
    fn unfinished(&mut self, input: &Input<'_>, at: usize, handler: &mut dyn Handler) -> usize {
        let length = input.text().len() - at;
        if length > self.limits.markup_bytes {
            return self.stop(input, at, "markup_too_long", handler);
        }
        if input.is_last() { input.text().len() } else { at }
    }

    /// The document is not read on.
    fn stop(&mut self, input: &Input<'_>, at: usize, code: &'static str, handler: &mut dyn Handler) -> usize {
        let place = self.place(input, at);
        let window = input.text();
        let raw = &window[at..window.floor_char_boundary((at + 1024).min(window.len()))];
        let reason = match code {
            "markup_too_long" => "a tag, comment or section is longer than 1 MiB; what follows is not read",
            _ => "elements stand more than 10,000 deep in each other; what follows is not read",
        };
        self.cut_off(input, at, handler);
        handler.outside(code, place, reason, raw);
        self.over = true;
        at
    }

    #[expect(clippy::too_many_arguments, reason = "a tag and where it stands")]
    fn start(
        &mut self,
        input: &Input<'_>,
        at: usize,
        name: (usize, usize),
        attributes: (usize, usize),
        empty: bool,
        end: usize,
        handler: &mut dyn Handler,
    ) -> Next {
        let window = input.text();
        // An empty name stands nowhere.
        let name = if name.0 == name.1 { (at + 1, at + 1) } else { name };
        let raw = &window[attributes.0..attributes.1];
        let first = window.as_bytes().get(name.0).copied().unwrap_or(b' ');
        let named = first.is_ascii_alphabetic() || first == b'_' || first >= 0x80;
        let length = name.1 - name.0;
        let inner = memchr::memrchr(b'<', &window.as_bytes()[name.0..attributes.1.max(name.1)]);
        if !named || length > self.limits.name_bytes || inner.is_some() {
            self.fault(input, at, "not_well_formed", "`<` begins no tag", handler);
            return match inner {
                Some(inner) => Next::From(name.0 + inner),
                None => Next::Go,
            };
        }
        if self.skipped > 0 {
            self.skipped += usize::from(!empty);
            if self.path.len() + self.skipped > self.limits.depth {
                return Next::From(self.stop(input, at, "too_deep", handler));
            }
            return Next::Go;
        }
        let local = local(window, name);
        if self.unit.is_some() {
            self.unended(input, at, &window[local.0..local.1], handler);
        }
        match &mut self.unit {
            Some(unit) if at - unit.needed > self.limits.unit_bytes => {
                let place = unit.place;
                self.too_large(input, place, handler);
                self.skipped += usize::from(!empty);
            }
            Some(unit) => {
                if unit.nodes.len() >= self.limits.unit_depth {
                    let reason = "elements stand more than 64 deep in each other; what is deeper is left out";
                    self.fault(input, at, "too_deep", reason, handler);
                    self.skipped = usize::from(!empty);
                    return Next::Go;
                }
                let node = self.tree.open(at, window, Span::new(local.0, local.1), trimmed(window, attributes));
                unit.nodes.push(node);
                if empty {
                    self.close(input, end, handler);
                }
            }
            None => self.outside_start(input, at, name, local, raw, attributes, empty, end, handler),
        }
        Next::Go
    }

    /// Ends what cannot hold an element of this name, which begins at `at`: a unit of the same name, a part of one.
    fn unended(&mut self, input: &Input<'_>, at: usize, name: &str, handler: &mut dyn Handler) {
        let Some(unit) = &self.unit else { return };
        let parts = kind::parts(unit.kind);
        let is_part = parts.contains(&name);
        if !is_part && !kind::stands_alone(unit.kind, name) {
            return;
        }
        let named = |node: &u32| self.tree.name(input.text(), *node);
        if !is_part {
            // Of one that holds nothing complete there is nothing to save from being lost.
            let holds_any = self.tree.len() > unit.nodes.len();
            if holds_any && unit.nodes.first().is_some_and(|root| named(root) == name) {
                self.cut_off(input, at, handler);
            }
            return;
        }
        let Some(open) = unit.nodes.iter().rposition(|node| parts.contains(&named(node))).filter(|open| *open > 0)
        else {
            return;
        };
        self.fault(input, at, "not_well_formed", "does not end before the next begins", handler);
        while self.unit.as_ref().is_some_and(|unit| unit.nodes.len() > open) {
            self.close(input, at, handler);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a tag and where it stands")]
    fn outside_start(
        &mut self,
        input: &Input<'_>,
        at: usize,
        name: (usize, usize),
        local: (usize, usize),
        raw: &str,
        attributes: (usize, usize),
        empty: bool,
        end: usize,
        handler: &mut dyn Handler,
    ) {
        let window = input.text();
        let depth = self.path.len();
        let odd = |b: u8| b.is_ascii() && !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-' | b'.' | b':');
        if depth == 0 && window[name.0..name.1].bytes().any(odd) {
            // Who writes signs with an address in angle brackets.
            self.dirt = true;
            return;
        }
        if depth >= self.limits.unit_depth {
            self.skipped = usize::from(!empty);
            return;
        }
        self.prefixes.retain(|(at, ..)| *at <= depth);
        for (key, uri) in attributes::all(raw).take(100) {
            let prefix = match key.strip_prefix("xmlns") {
                Some("") => "",
                Some(prefixed) => prefixed.strip_prefix(':').unwrap_or("\0"),
                None => continue,
            };
            if prefix.len() + uri.len() <= 1024 && self.prefixes.len() < self.limits.prefixes {
                self.prefixes.push((depth + 1, prefix.to_owned(), uri.trim().to_owned()));
            }
        }
        let prefix = if local.0 > name.0 { &window[name.0..local.0 - 1] } else { "" };
        let namespace = self.prefixes.iter().rev().find(|(_, p, _)| p == prefix).map_or("", |(.., uri)| uri.as_str());
        let local_name = &window[local.0..local.1];
        if let Some(kind) = handler.begins(local_name, namespace, raw, &self.path) {
            let namespace = namespace.to_owned();
            let place = self.place(input, at);
            self.any_unit = true;
            self.tree.clear();
            let node = self.tree.open(at, window, Span::new(local.0, local.1), trimmed(window, attributes));
            self.unit =
                Some(Open { kind, namespace, place, needed: at, nodes: vec![node], faults: Vec::new(), kept: [0; 2] });
            if empty {
                self.close(input, end, handler);
            }
        } else if !empty {
            self.path.push(local_name.to_owned());
        }
    }

    fn end_tag(&mut self, input: &Input<'_>, at: usize, name: (usize, usize), end: usize, handler: &mut dyn Handler) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        let window = input.text();
        let span = name;
        let name = &window[span.0..span.1];
        let Some(unit) = &self.unit else {
            if self.path.last().is_some_and(|last| last == name) {
                self.path.pop();
            } else if let Some(depth) = self.path.iter().rposition(|open| open == name) {
                self.path.truncate(depth);
            }
            return;
        };
        let is = |node: &u32| self.tree.name(window, *node) == name;
        match unit.nodes.iter().rposition(is) {
            Some(depth) if depth + 1 == unit.nodes.len() => self.close(input, end, handler),
            Some(depth) => {
                self.fault(input, at, "not_well_formed", "an end tag closes other elements than its own", handler);
                while self.unit.as_ref().is_some_and(|unit| unit.nodes.len() > depth) {
                    self.close(input, end, handler);
                }
            }
            None if self.path.iter().any(|open| open == name) => {
                self.cut_off(input, at, handler);
                self.end_tag(input, at, span, end, handler);
            }
            None => self.fault(input, at, "not_well_formed", "an end tag without its start", handler),
        }
    }

    /// Ends the innermost element; with the outermost, the unit.
    fn close(&mut self, input: &Input<'_>, end: usize, handler: &mut dyn Handler) {
        let Some(unit) = &mut self.unit else { return };
        let Some(node) = unit.nodes.pop() else { return };
        self.tree.close(node, end);
        if unit.nodes.is_empty()
            && let Some(unit) = self.unit.take()
        {
            Self::hand_on(&self.tree, input, &unit, None, handler);
        }
    }

    fn hand_on(tree: &Tree, input: &Input<'_>, unit: &Open, truncated: Option<Place>, handler: &mut dyn Handler) {
        handler.unit(&Unit {
            kind: unit.kind,
            element: tree.element(input.text(), 0),
            namespace: &unit.namespace,
            faults: &unit.faults,
            truncated,
            place: unit.place,
            base: input.base(),
        });
    }

    /// Hands on a unit that does not end.
    fn cut_off(&mut self, input: &Input<'_>, at: usize, handler: &mut dyn Handler) {
        let place = self.place(input, at);
        self.skipped = 0;
        let Some(mut unit) = self.unit.take() else { return };
        let Place { line, column, .. } = place;
        let node = unit.nodes.last().copied().unwrap_or(0);
        unit.faults.push(Fault { code: "truncated", node, line, column, reason: "is cut off here" });
        for node in unit.nodes.drain(..).rev() {
            self.tree.close(node, at);
        }
        Self::hand_on(&self.tree, input, &unit, Some(place), handler);
    }

    /// Sets a unit aside and leaves out the rest of it.
    fn too_large(&mut self, input: &Input<'_>, place: Place, handler: &mut dyn Handler) {
        let needed = self.unit.as_ref().map_or(0, |unit| unit.needed);
        let raw: String = input.text()[needed..].chars().take(1024).collect();
        handler.outside("unit_too_large", place, "is larger than 64 MiB; send it in several", &raw);
        if let Some(unit) = self.unit.take() {
            self.skipped += unit.nodes.len();
        }
        self.tree.clear();
    }

    /// The document ends.
    fn end(&mut self, input: &Input<'_>, handler: &mut dyn Handler) {
        self.cut_off(input, input.text().len(), handler);
        if !self.path.is_empty() && self.any_unit {
            let place = self.place(input, input.text().len());
            handler.outside("truncated", place, "the document ends before its outermost element", "");
        }
        if self.dirt || input.dirt() {
            let place = Place::default();
            handler.outside("transport_dirt", place, "text stands outside of the outermost element", "");
        }
        if input.mistold() {
            let reason = "is in another encoding than it says, and was read as what it is";
            handler.outside("charset", Place::default(), reason, "");
        }
        if input.replaced() {
            handler.outside("charset", Place::default(), "bytes that the encoding does not have were replaced", "");
        }
        if !self.any_unit {
            let raw: String = input.text().chars().take(1024).collect();
            handler.outside("no_message", Place { byte: 0, line: 1, column: 1 }, "holds no message that is read", &raw);
        }
    }

    fn text(&mut self, window: &str, piece: (usize, usize), input: &Input<'_>, handler: &mut dyn Handler) {
        if self.skipped > 0 || piece.0 == piece.1 {
            return;
        }
        let Some(node) = self.unit.as_ref().and_then(|unit| unit.nodes.last().copied()) else {
            self.dirt |= self.path.is_empty() && !window[piece.0..piece.1].trim().is_empty();
            return;
        };
        // Blanks between elements.
        let bytes = &window.as_bytes()[piece.0..piece.1];
        let blank = self.tree.len() as u32 > node + 1 && bytes.iter().all(u8::is_ascii_whitespace);
        if blank || bytes.len() < 64 && bytes.iter().all(u8::is_ascii_whitespace) && bytes[0] == b'\n' {
            return;
        }
        let length = self.tree.push_text(node, window, Span::new(piece.0, piece.1));
        self.bounded(length, node, piece.0, input, handler);
    }

    fn bounded(&mut self, length: Option<usize>, node: u32, at: usize, input: &Input<'_>, handler: &mut dyn Handler) {
        let reason = match length {
            Some(length) if length <= self.limits.text_bytes => return,
            Some(_) => "a text is longer than 64 KiB and was left out",
            None => "a text is cut by elements too often and was left out",
        };
        self.tree.drop_text(node);
        self.fault(input, at, "text_too_long", reason, handler);
    }

    fn reference(&mut self, input: &Input<'_>, at: usize, name: &[u8], handler: &mut dyn Handler) {
        if self.skipped > 0 {
            return;
        }
        let Some(node) = self.unit.as_ref().and_then(|unit| unit.nodes.last().copied()) else { return };
        let name = std::str::from_utf8(name).unwrap_or_default();
        let mut buffer = [0; 4];
        let piece: &str = match entity(name) {
            Some(c) => c.encode_utf8(&mut buffer),
            None if name.is_empty() => {
                let reason = "an `&` that begins nothing, taken as it stands; send `&amp;`";
                self.fault(input, at, "lone_ampersand", reason, handler);
                "&"
            }
            None => {
                let reason = "an entity that is not expanded, left out: only the five of XML and characters are";
                self.fault(input, at, "unknown_entity", reason, handler);
                return;
            }
        };
        let length = self.tree.push_made(node, input.text(), piece);
        self.bounded(length, node, at, input, handler);
    }

    fn fault(
        &mut self,
        input: &Input<'_>,
        at: usize,
        code: &'static str,
        reason: &'static str,
        handler: &mut dyn Handler,
    ) {
        if self.skipped > 0 {
            return;
        }
        let Some(unit) = &self.unit else {
            let place = self.place(input, at);
            return self.outside_fault(place, code, reason, handler);
        };
        let node = unit.nodes.last().copied().unwrap_or(0);
        let mut fault = Fault { code, node, line: 0, column: 0, reason };
        let breaks = fault.breaks();
        let n = unit.kept[usize::from(breaks)];
        let most = if breaks { self.limits.faults * 10 } else { self.limits.faults };
        if n == most + usize::from(breaks) {
            return;
        }
        if n == most {
            // Which other parts are broken is not kept: none can be relied upon.
            (fault.node, fault.reason) = (0, "more is not well-formed than is kept");
        }
        let place = self.place(input, at);
        (fault.line, fault.column) = (place.line, place.column);
        if let Some(unit) = &mut self.unit {
            unit.kept[usize::from(breaks)] += 1;
            unit.faults.push(fault);
        }
    }

    fn outside_fault(&mut self, place: Place, code: &'static str, reason: &'static str, handler: &mut dyn Handler) {
        if !self.dirt {
            self.dirt = true;
            handler.outside(if code == "not_well_formed" { "envelope" } else { code }, place, reason, "");
        }
    }

    /// Line and column of a byte in hand. Bytes are mostly asked for in order.
    fn place(&mut self, input: &Input<'_>, at: usize) -> Place {
        let window = input.text().as_bytes();
        let at = at.min(window.len());
        let (mut from, mut line, mut begins) = self.counted;
        if at < from || line == 0 {
            (from, line, begins) = (0, input.first_line(), -(input.first_column() as i64));
        }
        let start = from;
        for newline in memchr::memchr_iter(b'\n', &window[from..at]) {
            line += 1;
            begins = (start + newline + 1) as i64;
        }
        from = at;
        self.counted = (from, line, begins);
        Place { byte: input.base() + at as u64, line, column: (at as i64 - begins) as u64 + 1 }
    }

    /// `n` bytes in hand went.
    fn shift(&mut self, n: usize) {
        if n == 0 {
            return;
        }
        match &mut self.unit {
            Some(unit) => {
                unit.needed -= n;
                self.tree.shift(n);
            }
            // What was read is let go with the text it stood in.
            None => self.tree.clear(),
        }
        self.counted = (0, 0, 0);
    }
}

/// Where a part of the window stands in it.
fn slice(window: &str, part: &[u8]) -> (usize, usize) {
    if part.is_empty() {
        return (0, 0);
    }
    let start = part.as_ptr() as usize - window.as_ptr() as usize;
    (start, start + part.len())
}

/// The local part of a name.
fn local(window: &str, name: (usize, usize)) -> (usize, usize) {
    let colon = memchr::memchr(b':', &window.as_bytes()[name.0..name.1]);
    (colon.map_or(name.0, |at| name.0 + at + 1), name.1)
}

/// Attributes without the blanks around them.
fn trimmed(window: &str, (start, end): (usize, usize)) -> Span {
    let text = &window[start..end];
    let cut = text.len() - text.trim_start().len();
    if cut == text.len() { Span::default() } else { Span::new(start + cut, start + text.trim_end().len()) }
}
