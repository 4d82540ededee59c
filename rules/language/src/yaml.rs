//! YAML with the place of every key and value, read so that one slip does not hide the rest of the file.
//!
//! Built on the parser's events and not on its tree: the tree drops keys that stand twice, forgets how a text was
//! quoted, and recurses as deep as the file says. Here depth is bounded, aliases are refused, and after a syntax
//! error reading goes on at the next element of the list it happened in.
//! Begin at [`parse`]; [`sql_text`] takes a condition out with the way back to its bytes.

use std::ops::Range;

use rustc_hash::FxHashSet;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use crate::diagnostic::{Diagnostic, Span};
use crate::source::FileId;

mod origin;

pub(crate) use origin::flatten;
pub use origin::sql_text;

/// Lists and mappings inside one another.
const DEPTH_MAX: usize = 32;

/// Syntax errors after which the rest of a file is left alone.
const RESUMES_MAX: usize = 50;

/// Keys and values of one file.
const NODES_MAX: usize = 1_000_000;

/// A value of a YAML file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands, in bytes of the file. A list or mapping spans from its first element on.
    pub at: Range<usize>,
    /// What it is.
    pub value: Value,
    /// The file broke off inside: what is missing here may stand behind the syntax error.
    pub cut: bool,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, a number, a flag, nothing: what it is taken for depends on who asks.
    Scalar(Scalar),
    /// `[a, b]` or lines with `-`.
    List(Vec<Node>),
    /// `{a: b}` or lines with `key:`.
    Map(Vec<Entry>),
}

/// A scalar as its author wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The text, quotes and folding resolved.
    pub text: String,
    /// How it is written.
    pub style: Style,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bare.
    Plain,
    /// In `'`.
    SingleQuoted,
    /// In `"`.
    DoubleQuoted,
    /// After `|`: line breaks stay.
    Literal,
    /// After `>`: line breaks become blanks.
    Folded,
}

/// One key of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_at: Range<usize>,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// A scalar that stands bare at `at`, as a table cell does.
    pub fn plain(at: Range<usize>, text: impl Into<String>) -> Self {
        Self { at, value: Value::Scalar(Scalar { text: text.into(), style: Style::Plain }), cut: false }
    }

    /// The scalar's text, if it is one and not null.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if !self.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// Whether nothing is written, or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { text, style: Style::Plain })
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// `true` or `false`, bare.
    pub fn bool(&self) -> Option<bool> {
        match &self.value {
            Value::Scalar(Scalar { text, style: Style::Plain }) => match text.as_str() {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A finite number, bare.
    pub fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Scalar(Scalar { text, style: Style::Plain }) => number(text),
            _ => None,
        }
    }

    /// What to call the value in a message.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Scalar(_) if self.is_null() => "nothing",
            Value::Scalar(_) if self.bool().is_some() => "a flag",
            Value::Scalar(_) if self.number().is_some() => "a number",
            Value::Scalar(_) => "text",
        }
    }
}

/// A finite decimal number: no hexadecimal, no infinity, no name.
pub fn number(text: &str) -> Option<f64> {
    let first = text.bytes().find(|b| !matches!(b, b'+' | b'-'))?;
    (first.is_ascii_digit() || first == b'.').then(|| text.parse().ok()).flatten().filter(|n: &f64| n.is_finite())
}

/// The documents of a file, and what is wrong with their form. Whatever the text, this returns.
pub fn parse(file: FileId, text: &str) -> (Vec<Node>, Vec<Diagnostic>) {
    let mut reader = Reader { file, source: text, mistakes: Vec::new(), n_nodes: 0 };
    let mut end = text.len();
    if let Some(nul) = text.find('\0') {
        reader.mistake("E0104", nul..nul + 1, "a NUL byte in a text file", "save the file again as text");
        end = nul;
    }
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut documents: Vec<Node> = Vec::new();
    let mut resumes = 0..RESUMES_MAX;
    while resumes.next().is_some() {
        let broken = reader.segment(start..end, &mut documents);
        let Some(broken) = broken else { break };
        let Some(indent) = broken.indent else { break };
        let Some(line) = next_element(&text[..end], broken.at, indent) else { break };
        // The rest of the broken list, up to where its indentation ends, and whatever follows it.
        let list_end = end_of_block(&text[..end], line, indent);
        let mut rest = Vec::new();
        let mut from = line;
        while resumes.next().is_some() {
            let Some(again) = reader.segment(from..list_end, &mut rest) else { break };
            let Some(line) = next_element(&text[..list_end], again.at.max(from + 1), indent) else { break };
            from = line;
        }
        let elements = rest.into_iter().flat_map(|node| match node.value {
            Value::List(nodes) => nodes,
            _ => Vec::new(),
        });
        if let Some(list) = documents.last_mut().and_then(broken_list) {
            list.extend(elements);
        }
        if list_end >= end {
            break;
        }
        start = list_end;
    }
    (documents, reader.mistakes)
}

/// Where reading stopped.
struct Broken {
    at: usize,
    /// Indentation of the dashes of the outermost block list that was being read.
    indent: Option<usize>,
}

struct Reader<'a> {
    file: FileId,
    source: &'a str,
    mistakes: Vec<Diagnostic>,
    n_nodes: usize,
}

enum Frame {
    List { at: Range<usize>, nodes: Vec<Node>, indent: Option<usize> },
    Map { at: Range<usize>, entries: Vec<Entry>, key: Option<Key>, seen: FxHashSet<String> },
}

/// A key whose value is still to come; `None` text where it was no text.
struct Key {
    text: Option<String>,
    at: Range<usize>,
}

impl Reader<'_> {
    fn mistake(&mut self, code: &'static str, at: Range<usize>, message: impl Into<String>, help: &str) {
        let span = Span { file: self.file, range: at };
        self.mistakes.push(Diagnostic::error(code, span, message).help(help));
    }

    /// Reads one stretch of the file. Lists and mappings left open by a mistake are closed where it stands.
    fn segment(&mut self, range: Range<usize>, documents: &mut Vec<Node>) -> Option<Broken> {
        let text = self.source.get(range.clone())?;
        let mut places = Places::new(text, range.start);
        let mut stack: Vec<Frame> = Vec::new();
        let mut parser = Parser::new_from_str(text);
        let broken = loop {
            let (event, span) = match parser.next_event() {
                None => break None,
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    let at = self.syntax_error(&error, &mut places);
                    break Some(Broken { at, indent: resumable(&stack) });
                }
            };
            let at = places.byte(span.start);
            self.n_nodes += 1;
            if self.n_nodes > NODES_MAX {
                let help = "split it; long lists stand in `lists/NAME.txt`";
                self.mistake("E0102", at..at, "more than a million keys and values in one file", help);
                break Some(Broken { at, indent: None });
            }
            match event {
                Event::Scalar(text, style, ..) => {
                    let at = self.scalar_range(at, places.byte(span.end), &text, style);
                    let scalar = Scalar { text: text.into_owned(), style: Style::from(style) };
                    self.attach(&mut stack, documents, Node { at, value: Value::Scalar(scalar), cut: false });
                }
                Event::SequenceStart(..) | Event::MappingStart(..) if stack.len() >= DEPTH_MAX => {
                    let help = "no rule file needs more than 32 levels";
                    self.mistake("E0106", at..at, "lists and mappings nested too deep", help);
                    break Some(Broken { at, indent: resumable(&stack) });
                }
                Event::SequenceStart(..) => {
                    let dash = self.source[at..].starts_with('-');
                    let indent = dash.then(|| at - line_start(self.source, at));
                    stack.push(Frame::List { at: at..at, nodes: Vec::new(), indent });
                }
                Event::MappingStart(..) => {
                    stack.push(Frame::Map { at: at..at, entries: Vec::new(), key: None, seen: FxHashSet::default() });
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(frame) = stack.pop() {
                        let node = frame.close(false);
                        self.attach(&mut stack, documents, node);
                    }
                }
                Event::Alias(_) => {
                    let end = places.byte(span.end).max(at);
                    let help = "write the value out: aliases are not read";
                    self.mistake("E0105", at..end, "an alias in a rule file", help);
                    self.attach(&mut stack, documents, Node::plain(at..end, ""));
                }
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
            }
        };
        while let Some(frame) = stack.pop() {
            let node = frame.close(true);
            self.attach(&mut stack, documents, node);
        }
        broken
    }

    fn syntax_error(&mut self, error: &ScanError, places: &mut Places<'_>) -> usize {
        let at = places.byte(*error.marker());
        let help = if error.info().contains("tab") {
            "indent with blanks, not tabs"
        } else if error.info().contains("quoted scalar") {
            "close the quote; inside single quotes a quote is doubled"
        } else {
            "quote text that holds `: ` or ` #` or begins with one of []{}&*!|>%@, and check the indentation"
        };
        let info = error.info().trim_end_matches('.');
        self.mistake("E0104", at..at, format!("this is no YAML: {info}"), help);
        at
    }

    /// The bytes of a scalar: with its quotes, without the blanks and comments behind it.
    fn scalar_range(&self, start: usize, end: usize, text: &str, style: ScalarStyle) -> Range<usize> {
        let end = end.clamp(start, self.source.len());
        match style {
            ScalarStyle::SingleQuoted => start..origin::quoted_end(self.source, start, '\''),
            ScalarStyle::DoubleQuoted => start..origin::quoted_end(self.source, start, '"'),
            _ if text.is_empty() => start..start,
            _ => start..start + self.source.get(start..end).map_or(0, |raw| raw.trim_end().len()),
        }
    }

    fn attach(&mut self, stack: &mut [Frame], documents: &mut Vec<Node>, mut node: Node) {
        match stack.last_mut() {
            None => documents.push(node),
            Some(Frame::List { at, nodes, .. }) => {
                at.end = at.end.max(node.at.end);
                nodes.push(node);
            }
            Some(Frame::Map { at, entries, key, seen }) => {
                at.end = at.end.max(node.at.end);
                let Some(Key { text, at: key_at }) = key.take() else {
                    let text = match node.value {
                        Value::Scalar(scalar) => Some(scalar.text),
                        _ => None,
                    };
                    if text.is_none() {
                        let help = "a key is a plain word";
                        self.mistake("E0109", node.at.clone(), "a key that is not text", help);
                    }
                    *key = Some(Key { text, at: node.at });
                    return;
                };
                let Some(text) = text else { return };
                if node.is_null() {
                    // Nothing is written, so the parser's place is that of whatever comes next.
                    node.at = key_at.end..key_at.end;
                }
                if !seen.insert(text.clone()) {
                    let message = format!("`{text}` stands twice in one mapping");
                    self.mistake("E0107", key_at, message, "keep one of them");
                    return;
                }
                entries.push(Entry { key: text, key_at, value: node });
            }
        }
    }
}

impl Frame {
    fn close(self, cut: bool) -> Node {
        match self {
            Self::List { at, nodes, .. } => Node { at, value: Value::List(nodes), cut },
            Self::Map { at, entries, .. } => Node { at, value: Value::Map(entries), cut },
        }
    }
}

impl From<ScalarStyle> for Style {
    fn from(style: ScalarStyle) -> Self {
        match style {
            ScalarStyle::Plain => Self::Plain,
            ScalarStyle::SingleQuoted => Self::SingleQuoted,
            ScalarStyle::DoubleQuoted => Self::DoubleQuoted,
            ScalarStyle::Literal => Self::Literal,
            ScalarStyle::Folded => Self::Folded,
        }
    }
}

/// From the parser's lines and columns to bytes. Its running index is not used: lines and columns cannot drift.
struct Places<'a> {
    text: &'a str,
    base: usize,
    lines: Vec<usize>,
    /// The last place asked for (line, column, byte), so that a long line is not walked again for every token.
    last: (usize, usize, usize),
}

impl<'a> Places<'a> {
    fn new(text: &'a str, base: usize) -> Self {
        let bytes = text.as_bytes();
        let breaks = (0..bytes.len()).filter(|i| match bytes[*i] {
            b'\n' => true,
            b'\r' => bytes.get(i + 1) != Some(&b'\n'),
            _ => false,
        });
        let lines = std::iter::once(0).chain(breaks.map(|i| i + 1)).collect();
        Self { text, base, lines, last: (1, 0, 0) }
    }

    fn byte(&mut self, marker: Marker) -> usize {
        let (line, column) = (marker.line().max(1), marker.col());
        let Some(start) = self.lines.get(line - 1).copied() else { return self.base + self.text.len() };
        let (from_column, from) = match self.last {
            (last_line, last_column, byte) if last_line == line && last_column <= column => (last_column, byte),
            _ => (0, start),
        };
        let rest = &self.text[from..];
        let byte = from + rest.char_indices().nth(column - from_column).map_or(rest.len(), |(i, _)| i);
        self.last = (line, column, byte);
        self.base + byte
    }
}

/// The indentation at which reading may go on: that of the outermost block list.
fn resumable(stack: &[Frame]) -> Option<usize> {
    stack.iter().find_map(|frame| match frame {
        Frame::List { indent, .. } => *indent,
        Frame::Map { .. } => None,
    })
}

/// The outermost list of a document that was cut.
fn broken_list(node: &mut Node) -> Option<&mut Vec<Node>> {
    match &mut node.value {
        Value::List(nodes) => Some(nodes),
        Value::Map(entries) => match &mut entries.last_mut()?.value.value {
            Value::List(nodes) => Some(nodes),
            _ => None,
        },
        Value::Scalar(_) => None,
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The next line after `at` that opens an element (`- `) at this indentation.
fn next_element(text: &str, at: usize, indent: usize) -> Option<usize> {
    lines_after(text, at).find(|(_, line)| is_element(line, indent)).map(|(start, _)| start)
}

fn is_element(line: &str, indent: usize) -> bool {
    let content = line.trim_start_matches(' ');
    line.len() - content.len() == indent && (content.starts_with("- ") || content.trim_end() == "-")
}

/// Where the block that opens at line `from` ends: the first line that is indented less, or as much without a dash.
fn end_of_block(text: &str, from: usize, indent: usize) -> usize {
    let outside = |line: &str| {
        let content = line.trim_start_matches(' ');
        let column = line.len() - content.len();
        let blank = content.trim().is_empty() || content.starts_with('#');
        !blank && (column < indent || (column == indent && !is_element(line, indent)))
    };
    lines_after(text, from).find(|(_, line)| outside(line)).map_or(text.len(), |(start, _)| start)
}

/// The lines that begin after byte `at`.
fn lines_after(text: &str, at: usize) -> impl Iterator<Item = (usize, &str)> {
    let at = (at..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len());
    let mut start = text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
    std::iter::from_fn(move || {
        if start >= text.len() {
            return None;
        }
        let line_at = start;
        let end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        start = end + 1;
        Some((line_at, &text[line_at..end]))
    })
}

#[cfg(test)]
mod tests;
