//! Rows on their way into batches: cells read, keys admitted, and what does not do set aside.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use haechi_model::intake::{Intake, SetAside};
use haechi_model::{Cell, CellError, Column, Stream, StreamBuilder};
use serde_json::Value;

use super::cell::{Fault, Raw, Work, is_null};
use super::notes::Notes;
use super::plan::{Feed, FeedFrom, Part, Plan};
use super::subjects::{KeyHasher, Refused, RowKey, SubjectGate};
use crate::options::ReadOptions;

/// A row as a file has it: cells by position in [`Plan::inputs`].
pub trait RawRow {
    /// The cell at a position.
    fn cell(&self, input: usize) -> Raw<'_>;
}

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Line of a text file, from 1.
    Line(u64),
    /// Item of a nested object on a line, both from 1.
    Item(u64, usize),
    /// Row of a columnar file, from 1.
    Row(u64),
}

/// A word of a position and its number: `line 7`.
type Numbered = (&'static str, u64);

impl Position {
    /// Writes it as the column `source_position` has it.
    pub fn write(self, text: &mut String) {
        text.clear();
        self.append(text);
    }

    /// Writes it where it stands within something that has a position too.
    fn write_within(self, within: &str, text: &mut String) {
        text.clear();
        text.push_str(within);
        let (place, item) = self.parts();
        for (word, number) in std::iter::once(place).chain(item) {
            if !says(within, word) {
                if !text.is_empty() {
                    text.push_str(", ");
                }
                push_part(text, word, number);
            }
        }
    }

    fn append(self, text: &mut String) {
        let (place, item) = self.parts();
        push_part(text, place.0, place.1);
        if let Some((word, number)) = item {
            text.push_str(", ");
            push_part(text, word, number);
        }
    }

    fn parts(self) -> (Numbered, Option<Numbered>) {
        match self {
            Self::Line(line) => (("line", line), None),
            Self::Item(line, item) => (("line", line), Some(("item", item as u64))),
            Self::Row(row) => (("row", row), None),
        }
    }
}

/// A position in something that has one too: `offset 17, line 1`.
pub fn placed(within: &str, position: &str) -> String {
    let mut text = within.to_owned();
    for part in position.split(", ").filter(|part| !says(within, part.split(' ').next().unwrap_or_default())) {
        text.push_str(", ");
        text.push_str(part);
    }
    text
}

/// Whether a position says already which line, row or item it is. What was set aside is one of them, and is read again
/// under the position it had: where it stands in its own text is no news.
fn says(within: &str, word: &str) -> bool {
    let named = |words: &[&str]| within.split(", ").any(|part| words.iter().any(|word| part.starts_with(word)));
    match word {
        "line" | "row" => named(&["line ", "row "]),
        "item" => named(&["item "]),
        _ => false,
    }
}

fn push_part(text: &mut String, word: &str, number: u64) {
    text.push_str(word);
    text.push(' ');
    push_number(text, number);
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

/// Digits without the formatting machinery: this runs for every row.
fn push_number(text: &mut String, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}

/// Takes rows and makes batches.
#[derive(Debug)]
pub struct RowSink {
    /// What was tolerated.
    pub notes: Notes,
    /// Sees every key; `None` where rows stand by themselves.
    pub gate: Option<SubjectGate>,
    /// What units of the file being read have to stand below to be read again: the header line of a CSV.
    pub head: Option<Arc<str>>,
    /// What positions begin with: where the document stands that is being read.
    pub within: String,
    stream: &'static Stream,
    builder: StreamBuilder,
    source_at: Option<usize>,
    position_at: Option<usize>,
    batch_rows: usize,
    rows_max: usize,
    ready: Vec<RecordBatch>,
    set_aside: Vec<SetAside>,
    too_large: Vec<String>,
    oversized: Option<String>,
    /// Whether a subject of an earlier document was met in this one.
    came_earlier: bool,
    subject: String,
    position: String,
    joined: String,
}

/// A place in what a sink has taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark {
    rows: usize,
    n_set_aside: usize,
    n_warnings: usize,
}

impl Mark {
    /// Rows before it.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// A [`Plan`] tied to the columns of a sink, with room to work in.
#[derive(Debug)]
pub struct Wired {
    /// How the file's rows are read.
    pub plan: Plan,
    /// Where each feed goes; nowhere if it is checked only.
    sinks: Vec<(Option<usize>, Role)>,
    works: Vec<Work>,
}

/// What a column is to the key of its row.
#[derive(Clone, Copy, Debug)]
enum Role {
    Subject,
    Key(&'static str),
    Other,
}

impl RowSink {
    /// A sink for rows of these columns.
    pub fn new(stream: &'static Stream, builder: StreamBuilder, options: &ReadOptions) -> Self {
        let rows_max = options.subject_rows_max;
        Self {
            notes: Notes::default(),
            head: None,
            gate: (!options.rows_alone).then(|| SubjectGate::new(stream.lanes.is_some(), rows_max)),
            stream,
            source_at: builder.index("source"),
            position_at: builder.index("source_position"),
            builder,
            batch_rows: options.batch_rows.max(1),
            rows_max,
            ready: Vec::new(),
            set_aside: Vec::new(),
            too_large: Vec::new(),
            oversized: None,
            within: String::new(),
            came_earlier: false,
            subject: String::new(),
            position: String::new(),
            joined: String::new(),
        }
    }

    /// Ties a plan to this sink.
    pub fn wire(&self, plan: Plan) -> Wired {
        let role = |c: &Column| match c.name {
            name if name == self.stream.subject_key => Role::Subject,
            name if c.key => Role::Key(name),
            _ => Role::Other,
        };
        let sink = |feed: &Feed| {
            let column = feed.reader.column();
            (self.builder.index(column.name).filter(|_| feed.wanted), role(column))
        };
        let sinks = plan.feeds.iter().map(sink).collect();
        Wired { works: plan.works(), sinks, plan }
    }

    /// Takes a row, or sets it aside with the first reason. `text` is its raw text.
    pub fn row(&mut self, source: &str, at: Position, wired: &mut Wired, row: &impl RawRow, text: &[u8]) {
        let mut key = self.cells(source, at, wired, row);
        if matches!(key, Err(Stop::Full)) {
            // A dictionary is full: this batch ends here, and the row begins the next.
            self.flush();
            key = self.cells(source, at, wired, row);
        }
        let fault = match key {
            Ok(key) => match self.gate.as_mut().map_or(Ok(true), |gate| gate.admit(key)) {
                Ok(first) => {
                    // The row begins a subject, so a batch that is long enough may end before it.
                    if first && self.builder.len() >= self.batch_rows {
                        self.flush();
                        let again = self.cells(source, at, wired, row);
                        debug_assert!(again.is_ok(), "the same cells were read a moment ago");
                    }
                    self.notes.keep_row(|| format!("{source}: {at}"));
                    self.builder.finish_row();
                    return;
                }
                Err(Refused::Earlier) => {
                    self.came_earlier = true;
                    self.builder.discard_row();
                    self.notes.drop_row();
                    return;
                }
                Err(refused) => {
                    let subject = std::mem::take(&mut self.subject);
                    self.refusal(refused, &subject)
                }
            },
            Err(Stop::Fault(fault)) => fault,
            Err(Stop::Full) => Fault {
                code: "too_many_codes",
                reason: "the row has more different codes than a batch can hold; split it".to_owned(),
            },
        };
        self.refuse(source, at, &fault, text);
    }

    /// Sets the current row, or something that is no row, aside.
    pub fn refuse(&mut self, source: &str, at: Position, fault: &Fault, text: &[u8]) {
        self.builder.discard_row();
        self.notes.drop_row();
        at.write_within(&self.within, &mut self.position);
        let reason = format!("{}, {}", self.position, fault.reason);
        let unit = SetAside::new(source, self.position.as_str(), fault.code, reason, text);
        self.set_aside.push(unit.below(self.head.as_deref()));
    }

    /// Sets something aside that stands at a position of another kind.
    pub fn refuse_at(&mut self, source: &str, position: &str, fault: &Fault, text: &[u8]) {
        let reason = format!("{position}, {}", fault.reason);
        self.set_aside.push(SetAside::new(source, position, fault.code, reason, text));
    }

    /// Takes rows that are canonical and admitted already.
    pub fn push_batch(&mut self, batch: RecordBatch) {
        self.flush();
        if batch.num_rows() > 0 {
            self.ready.push(batch);
        }
    }

    /// Columns of the batches made.
    pub fn schema(&self) -> SchemaRef {
        self.builder.schema().clone()
    }

    /// Adds what a message reader set aside.
    pub fn extend_set_aside(&mut self, set_aside: impl IntoIterator<Item = SetAside>) {
        self.set_aside.extend(set_aside);
    }

    /// A field that no column of the stream and no mapping knows; said once.
    pub fn unknown_field(&mut self, name: &str) {
        let stream = self.stream.name;
        self.notes.row("unknown_column", "", name, || format!("{name:?} is no column of {stream}, and was left out"));
    }

    /// Gives what was last set aside another text.
    pub fn amend_last_text(&mut self, text: &str) {
        if let Some(last) = self.set_aside.last_mut() {
            *last = SetAside::new(&*last.source, &*last.position, last.code, &*last.reason, text.as_bytes());
        }
    }

    /// How much was set aside since last asked.
    pub fn n_set_aside(&self) -> usize {
        self.set_aside.len()
    }

    /// Whether it is time to take batches.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty() || !self.too_large.is_empty()
    }

    /// The batches that are done.
    pub fn take_ready(&mut self) -> Vec<RecordBatch> {
        std::mem::take(&mut self.ready)
    }

    /// Ends the current batch.
    pub fn flush(&mut self) {
        if !self.builder.is_empty() {
            self.ready.push(self.builder.finish());
        }
    }

    /// What was taken so far, to which [`RowSink::cut`] can go back.
    pub fn mark(&self) -> Mark {
        Mark { rows: self.builder.len(), n_set_aside: self.set_aside.len(), n_warnings: self.notes.len() }
    }

    /// Whether the document that is being read cannot go into one batch with those before it, or into one at all.
    pub fn is_at_odds(&self) -> bool {
        self.came_earlier || self.is_ready()
    }

    /// Everything up to the mark; what came after it is forgotten.
    pub fn cut(&mut self, mark: &Mark) -> Intake {
        self.flush();
        let batch = match self.ready.first() {
            Some(first) => first.slice(0, mark.rows.min(first.num_rows())),
            None => RecordBatch::new_empty(self.schema()),
        };
        self.ready.clear();
        self.too_large.clear();
        self.oversized = None;
        self.came_earlier = false;
        self.set_aside.truncate(mark.n_set_aside);
        if let Some(gate) = &mut self.gate {
            gate.clear();
        }
        self.notes.truncate(mark.n_warnings);
        let warnings = self.notes.take();
        self.notes.clear();
        Intake { batch, warnings, set_aside: self.take_set_aside() }
    }

    /// What was set aside since last asked.
    pub fn take_set_aside(&mut self) -> Vec<SetAside> {
        std::mem::take(&mut self.set_aside)
    }

    /// Subjects that turned out too large: rows of them that were taken before have to go as well.
    pub fn take_too_large(&mut self) -> Vec<String> {
        std::mem::take(&mut self.too_large)
    }

    /// Takes note that a row of a subject does not stay, and says why.
    pub fn refusal(&mut self, refused: Refused, subject: &str) -> Fault {
        if refused == Refused::TooLarge && self.oversized.as_deref() != Some(subject) {
            self.oversized = Some(subject.to_owned());
            self.too_large.push(subject.to_owned());
        }
        self.reason(refused, subject)
    }

    /// Why a row of a subject does not stay.
    pub fn reason(&self, refused: Refused, subject: &str) -> Fault {
        let key = self.stream.subject_key;
        let (code, reason) = match refused {
            Refused::Returned | Refused::Earlier => (
                "subject_returned",
                format!("{key} {subject:?} came before and other rows since; put all its rows together"),
            ),
            Refused::Repeated => {
                ("duplicate_row", format!("{key} {subject:?}: the same key came before; send a row once"))
            }
            Refused::TooLarge => {
                ("subject_too_large", format!("{key} {subject:?} has more than {} rows; split it", self.rows_max))
            }
        };
        Fault { code, reason }
    }

    /// Reads the cells of a row into the builder, and its key.
    fn cells(&mut self, source: &str, at: Position, wired: &mut Wired, row: &impl RawRow) -> Result<RowKey, Stop> {
        if let Some(source_at) = self.source_at {
            self.builder.set(source_at, Cell::Text(source)).map_err(|_| Stop::Full)?;
        }
        if let Some(position_at) = self.position_at {
            at.write_within(&self.within, &mut self.position);
            self.builder.set(position_at, Cell::Text(&self.position)).map_err(|_| Stop::Full)?;
        }
        let mut key = KeyHasher::default();
        for ((feed, (sink, role)), work) in wired.plan.feeds.iter().zip(&wired.sinks).zip(&mut wired.works) {
            let raw = match &feed.from {
                FeedFrom::Input(input) => row.cell(*input),
                FeedFrom::Constant(text) => Raw::Text(text),
                FeedFrom::Template(parts) => join(parts, row, &mut self.joined),
            };
            let cell = feed.reader.read(raw, work, &mut self.notes)?;
            match (role, &cell) {
                (Role::Other, _) => {}
                (Role::Subject, Cell::Text(subject)) => {
                    self.subject.clear();
                    self.subject.push_str(subject);
                    key.subject(subject);
                }
                (Role::Subject, _) => {}
                (Role::Key(of), cell) => key.and(of, cell),
            }
            if let (Some(sink), false) = (sink, matches!(cell, Cell::Null)) {
                self.builder.set(*sink, cell).map_err(|error| Stop::of(&error, feed))?;
            }
        }
        Ok(key.finish())
    }
}

/// Why the cells of a row were not taken.
enum Stop {
    Fault(Fault),
    Full,
}

impl Stop {
    fn of(error: &CellError, feed: &Feed) -> Self {
        match error {
            CellError::Full { .. } => Self::Full,
            other => {
                Self::Fault(Fault { code: "bad_type", reason: format!("column {:?}: {other}", feed.reader.shown()) })
            }
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Joins the parts of a template; nothing where a part is blank.
fn join<'a>(parts: &[Part], row: &impl RawRow, room: &'a mut String) -> Raw<'a> {
    room.clear();
    for part in parts {
        let Part::Input(input) = part else {
            if let Part::Text(text) = part {
                room.push_str(text);
            }
            continue;
        };
        let before = room.len();
        match row.cell(*input) {
            Raw::Text(text) => room.push_str(text.trim()),
            Raw::Json(Value::String(text)) => room.push_str(text.trim()),
            Raw::Json(Value::Number(n)) => room.push_str(&n.to_string()),
            Raw::Missing | Raw::Json(_) => {}
        }
        if is_null(&room[before..]) {
            return Raw::Text("");
        }
    }
    Raw::Text(room)
}
