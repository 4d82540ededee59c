//! NDJSON: one object a line. A declaration may come nested, as `{header columns..., "items": [{...}, ...]}` or
//! with its header columns under `"header"`; then every item is a row, and a bad item goes alone.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use haechi_model::intake::SetAside;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::cell::{Fault, Raw};
use super::csv::checked_text;
use super::lines::{Ahead, Lines};
use super::one_a_line::Numbers;
use super::rows::{Position, RawRow, RowSink, Wired};

/// Lines looked at to learn which fields there are.
const SAMPLE_LINES: usize = 100;
/// Different fields that are told apart; more are as unknown as any that comes later.
const FIELDS_MAX: usize = 2_000;

/// The names of the fields in the first lines. What was looked at is let go, so that long lines do not add up.
pub fn sample(lines: &mut Lines) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    for _ in 0..SAMPLE_LINES {
        let line = match lines.ahead(0) {
            Ahead::Line(line) => line,
            Ahead::TooLong => {
                lines.skip_long_line();
                continue;
            }
            Ahead::Torn(_) | Ahead::End => break,
        };
        let object = lines.bytes(line.start, line.end).map(|b| serde_json::from_slice(cut_bom(b)));
        lines.advance(line.next, 1);
        let Some(Ok(Value::Object(object))) = object else { continue };
        let nested = Nested::of(&object);
        let maps = nested
            .header
            .into_iter()
            .chain(nested.items.iter().flat_map(|items| items.iter()).filter_map(Value::as_object));
        for name in std::iter::once(&object).chain(maps).flat_map(Map::keys) {
            if names.len() < FIELDS_MAX && !nested.is_structure(name) && seen.insert(name.clone()) {
                names.push(name.clone());
            }
        }
    }
    names
}

pub fn cut_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(bytes)
}

/// An object taken apart.
struct Nested<'a> {
    header: Option<&'a Map<String, Value>>,
    items: Option<&'a Vec<Value>>,
}

impl<'a> Nested<'a> {
    fn of(object: &'a Map<String, Value>) -> Self {
        let items = object.get("items").and_then(Value::as_array);
        let header = object.get("header").and_then(Value::as_object).filter(|_| items.is_some());
        Self { header, items }
    }

    fn is_structure(&self, name: &str) -> bool {
        (name == "items" && self.items.is_some()) || (name == "header" && self.header.is_some())
    }
}

/// Objects read to rows, as a plan says.
pub struct Objects {
    wired: Wired,
    /// Position of each field in the plan's inputs; few, so a cheap hash does.
    inputs: FxHashMap<String, usize>,
    /// Position of `item_no`, which a nested item may leave to its place in the list.
    item_no: Option<usize>,
}

struct Slots<'a>(Vec<Option<&'a Value>>);

impl RawRow for Slots<'_> {
    fn cell(&self, input: usize) -> Raw<'_> {
        self.0.get(input).copied().flatten().map_or(Raw::Missing, Raw::Json)
    }
}

impl Objects {
    /// Reads rows as `wired` says.
    pub fn new(wired: Wired) -> Self {
        let inputs: FxHashMap<String, usize> = wired.plan.inputs.iter().cloned().zip(0..).collect();
        let item_no = inputs.get("item_no").copied();
        Self { wired, inputs, item_no }
    }

    /// Takes the rows of an object that stands on a line as `bytes`.
    pub fn take(
        &mut self,
        sink: &mut RowSink,
        source: &str,
        line: u64,
        object: &Map<String, Value>,
        bytes: &[u8],
        other: &mut impl FnMut(&mut RowSink, &str),
    ) {
        let Self { wired, inputs, item_no } = self;
        let at = Position::Line(line);
        let nested = Nested::of(object);
        let mut header = Slots(vec![None; inputs.len()]);
        let fields = object.iter().chain(nested.header.into_iter().flatten());
        fill(&mut header, inputs, fields.filter(|(name, _)| !nested.is_structure(name)), sink, other);
        let Some(items) = nested.items else {
            return sink.row(source, at, wired, &header, bytes);
        };
        if items.is_empty() {
            let reason = "the declaration has no items; send at least one".to_owned();
            return sink.refuse(source, at, &Fault { code: "no_items", reason }, bytes);
        }
        // A refused item is kept in its document, alone: that can be mended and read again, and the line may be long.
        let mut around: Option<Map<String, Value>> = None;
        let mut alone = |item: Value| {
            let mut whole = around.get_or_insert_with(|| header_kept(object)).clone();
            whole.insert("items".to_owned(), Value::from(vec![item]));
            Value::Object(whole).to_string()
        };
        for (i, item) in items.iter().enumerate() {
            let at = Position::Item(line, i + 1);
            let place = Value::from(i + 1);
            let Value::Object(item) = item else {
                let reason = "the item is no object; write its columns as `{...}`".to_owned();
                sink.refuse(source, at, &Fault { code: "bad_json", reason }, alone(items[i].clone()).as_bytes());
                continue;
            };
            let mut row = Slots(header.0.clone());
            fill(&mut row, inputs, item.iter(), sink, other);
            if let Some(slot) = item_no.and_then(|at| row.0.get_mut(at)) {
                slot.get_or_insert(&place);
            }
            let before = sink.n_set_aside();
            sink.row(source, at, wired, &row, b"");
            if sink.n_set_aside() > before {
                let mut item = item.clone();
                if item_no.is_some() {
                    // Alone it would be the first.
                    item.entry("item_no").or_insert(place);
                }
                sink.amend_last_text(&alone(Value::Object(item)));
            }
        }
    }
}

/// What stands around the items, as far as there is room for it in what is set aside: every refused item is kept with
/// it, and both may be many megabytes.
fn header_kept(object: &Map<String, Value>) -> Map<String, Value> {
    let mut room = SetAside::TEXT_BYTES_MAX;
    let mut fits = |name: &str, value: &Value| match room.checked_sub(name.len() + value.to_string().len()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    let header = object.iter().filter(|(name, _)| *name != "items");
    header.filter(|(name, value)| fits(name, value)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The object that a text is.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    checked_text(bytes).and_then(|text| match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => {
            Err(Fault { code: "bad_json", reason: "the line is no JSON object; write one object a line".to_owned() })
        }
        Err(error) => {
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or("");
            let line = if error.line() > 1 { format!("line {} of it, ", error.line()) } else { String::new() };
            Err(Fault { code: "bad_json", reason: format!("{line}character {}: {what}", error.column()) })
        }
    })
}

/// An NDJSON file.
pub struct NdjsonFile {
    source: Arc<str>,
    lines: Lines,
    objects: Objects,
    /// Where the objects begin that were spread over lines.
    numbers: Option<Numbers>,
    blank: Option<(u64, u64)>,
}

impl NdjsonFile {
    /// Reads rows as `wired` says, from lines that have `numbers` of their own or are those of the file.
    pub fn new(source: Arc<str>, (lines, numbers): (Lines, Option<Numbers>), wired: Wired) -> Self {
        Self { source, lines, objects: Objects::new(wired), numbers, blank: None }
    }

    /// Reads some lines; `false` at the end.
    pub fn step(&mut self, sink: &mut RowSink, lines: usize) -> io::Result<bool> {
        for _ in 0..lines {
            let ahead = self.lines.ahead(0);
            let told = self.numbers.as_ref().filter(|_| ahead != Ahead::End).and_then(Numbers::next);
            let number = told.unwrap_or_else(|| self.lines.number());
            match ahead {
                Ahead::End => return self.lines.take_error().map_or(Ok(false), Err),
                Ahead::Torn(line) => {
                    let fault = Fault { code: "torn_line", reason: "the file breaks off in this line".to_owned() };
                    let bytes = self.lines.bytes(line.start, line.end).unwrap_or_default();
                    sink.refuse(&self.source, Position::Line(number), &fault, bytes);
                    self.lines.advance(line.next, 1);
                }
                Ahead::TooLong => {
                    let begin = self.lines.skip_long_line();
                    let reason = format!("the line has more than {} bytes", super::lines::LINE_BYTES_MAX);
                    sink.refuse(&self.source, Position::Line(number), &Fault { code: "line_too_long", reason }, &begin);
                }
                Ahead::Line(line) => {
                    self.line(sink, number, line.end);
                    self.lines.advance(line.next, 1);
                }
            }
            if sink.is_ready() {
                break;
            }
        }
        Ok(true)
    }

    fn line(&mut self, sink: &mut RowSink, number: u64, end: usize) {
        let Self { source, lines, objects, blank, .. } = self;
        let bytes = lines.bytes(0, end).unwrap_or_default();
        let bytes = if number == 1 { cut_bom(bytes) } else { bytes };
        if bytes.trim_ascii().is_empty() {
            let (first, n) = blank.unwrap_or((number, 0));
            *blank = Some((first, n + 1));
            return;
        }
        if let Some((first, n)) = blank.take() {
            for line in first..first + n {
                let fault = Fault { code: "blank_line", reason: "the line is blank; remove it".to_owned() };
                sink.refuse(source, Position::Line(line), &fault, b"");
            }
        }
        match object(bytes) {
            Ok(object) => objects.take(sink, source, number, &object, bytes, &mut RowSink::unknown_field),
            Err(fault) => sink.refuse(source, Position::Line(number), &fault, bytes),
        }
    }
}

fn fill<'a>(
    slots: &mut Slots<'a>,
    inputs: &FxHashMap<String, usize>,
    fields: impl Iterator<Item = (&'a String, &'a Value)>,
    sink: &mut RowSink,
    other: &mut impl FnMut(&mut RowSink, &str),
) {
    for (name, value) in fields {
        match inputs.get(name).and_then(|at| slots.0.get_mut(*at)) {
            Some(slot) => *slot = Some(value),
            None => other(sink, name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_look_at_the_first_lines_is_bounded() {
        let wide: Vec<String> = (0..3 * FIELDS_MAX).map(|i| format!("\"f{i}\":1")).collect();
        let text = format!("{{\"a\":1}}\nno object\n{{{}}}\n{{\"b\":1}}\n", wide.join(","));
        let mut lines = Lines::new(Box::new(io::Cursor::new(text.into_bytes())), 1 << 20);
        let names = sample(&mut lines);
        assert_eq!((names.len(), names[0].as_str()), (FIELDS_MAX, "a"));
        assert_eq!(lines.number(), 5, "what was looked at is let go");
    }
}
