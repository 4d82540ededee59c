//! What a reading gathers: rows by stream, warnings, what was set aside, counts; handed on whole, or as it comes.
//!
//! Bounded by the input: a unit set aside keeps at most 4 KiB of text, warnings beyond [`WARNINGS_MAX`] are only
//! counted, rows leave the builders every `batch_rows`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow::record_batch::RecordBatch;
use haechi_model::intake::{SetAside, Warning};
use haechi_model::streams::DECLARATION;
use haechi_model::{Cell, Column, Kind, Stream, StreamBuilder};
use rustc_hash::FxHashMap;

use super::super::kept;
use super::codes;
use super::value::{Value, warning_cells};
use crate::format::MessageReading;
use crate::options::{Around, ReadOptions};

/// More warnings than anybody reads.
const WARNINGS_MAX: usize = 10_000;
/// Bytes that one value of a header may make on all rows together.
const REPEATED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Whether a row is of a declaration's change, which brings only what changes.
fn changes_parts(sheet: &Sheet, rows: &[&Row<'_>]) -> bool {
    let kind = || rows.iter().rev().find_map(|row| row.text(sheet, "change_kind"));
    sheet.stream.name == DECLARATION.name && kind().is_some_and(|kind| kind != "new")
}

/// The columns of a stream that XML readers fill, looked up once.
pub struct Sheet {
    /// Whose columns.
    pub stream: &'static Stream,
    /// Derived ones among them, that a reader may be given.
    pub also: &'static [&'static str],
    by_name: FxHashMap<&'static str, usize>,
    keys: Vec<(usize, &'static Column)>,
    wanted: Vec<(usize, &'static Column)>,
}

/// A sheet of its own.
pub type LazySheet = LazyLock<Sheet>;

impl Sheet {
    /// The columns of a stream, and these derived ones.
    pub fn new(stream: &'static Stream, also: &'static [&'static str]) -> Self {
        let builder = kept::builder(stream, also);
        let columns = builder.columns();
        let by_name = columns.iter().enumerate().map(|(at, column)| (column.name, at)).collect();
        let list = |column: &Column| matches!(column.kind, Kind::List(_) | Kind::Records(_));
        let of = |wanted: &dyn Fn(&Column) -> bool| {
            let found = columns.iter().copied().enumerate().filter(|(_, column)| wanted(column));
            found.collect::<Vec<_>>()
        };
        let keys = of(&|column| column.key && !column.nullable && !column.derived);
        let wanted = of(&|column| !column.nullable && !column.derived && !column.key && !list(column));
        Self { stream, also, by_name, keys, wanted }
    }

    /// Where a column is.
    pub fn at(&self, column: &str) -> usize {
        *self.by_name.get(column).expect("a column of the stream; every test reads it")
    }
}

/// Values of a row, or of a header that rows repeat.
pub struct Row<'u> {
    cells: Vec<(usize, Value<'u>)>,
    /// What was tolerated in it.
    pub warnings: Vec<Warning>,
}

impl Default for Row<'_> {
    fn default() -> Self {
        // As many as most rows have: growing costs more than room that is not used.
        Self { cells: Vec::with_capacity(48), warnings: Vec::new() }
    }
}

impl<'u> Row<'u> {
    /// A value by the place of its column; nothing is put nowhere. The last one put holds.
    pub fn put_at(&mut self, column: usize, value: Value<'u>) {
        if !value.is_null() {
            self.cells.push((column, value));
        }
    }

    /// A value by the name of its column.
    pub fn put(&mut self, sheet: &Sheet, column: &str, value: impl Into<Value<'u>>) {
        self.put_at(sheet.at(column), value.into());
    }

    /// The same where there is no value yet.
    pub fn put_if_none(&mut self, sheet: &Sheet, column: &str, value: impl Into<Value<'u>>) {
        let at = sheet.at(column);
        if !self.cells.iter().any(|(column, _)| *column == at) {
            self.put_at(at, value.into());
        }
    }

    /// The value of a column.
    pub fn get(&self, sheet: &Sheet, column: &str) -> Option<&Value<'u>> {
        let at = sheet.at(column);
        self.cells.iter().rev().find(|(column, _)| *column == at).map(|(_, value)| value)
    }

    /// The text of a column.
    pub fn text(&self, sheet: &Sheet, column: &str) -> Option<&str> {
        self.get(sheet, column).and_then(Value::text)
    }

    /// The number of a column.
    pub fn number(&self, sheet: &Sheet, column: &str) -> Option<f64> {
        self.get(sheet, column).and_then(Value::number)
    }

    /// Something was tolerated. `text` holds no personal data.
    pub fn warn(&mut self, code: &'static str, path: impl Into<String>, text: impl Into<String>) {
        if self.warnings.len() < 1000 {
            self.warnings.push(Warning { code, path: path.into(), text: text.into() });
        }
    }

    /// Cuts what `n_rows` rows are to repeat: a header must not make more of a message than it is. What real messages
    /// have is far below.
    pub fn bound(&mut self, n_rows: usize, path: &str) {
        let bytes = (REPEATED_BYTES_MAX / n_rows.max(1)).clamp(64, 64 * 1024);
        let mut cut = 0;
        for (_, value) in &mut self.cells {
            match value {
                Value::Text(text) if text.len() > bytes => {
                    let end = text.floor_char_boundary(bytes);
                    text.to_mut().truncate(end);
                    cut += 1;
                }
                Value::List(items) if items.len() > bytes / 12 => {
                    items.truncate(bytes / 12);
                    cut += 1;
                }
                _ => {}
            }
        }
        if cut > 0 {
            self.warn("value_cut", path, format!("{cut} values"));
        }
    }

    /// The same values without the warnings, which then stand on the rows before only.
    pub fn hush(&mut self) {
        self.warnings.clear();
    }

    /// The same values, held by themselves.
    pub fn into_owned(self) -> Row<'static> {
        let cells = self.cells.into_iter().map(|(column, value)| (column, value.into_owned())).collect();
        Row { cells, warnings: self.warnings }
    }
}

/// Where a row stands.
pub struct Stand<'s> {
    /// For `source_position`.
    pub position: String,
    /// For `message_path`.
    pub path: String,
    /// The unit as it stands there.
    pub raw: &'s str,
}

/// Where a reading is gathered.
pub struct Output<'i> {
    /// Where it comes from.
    pub source: &'i str,
    /// How to read what is left open.
    pub options: &'i ReadOptions,
    formats: Vec<(&'static str, String)>,
    tables: Vec<(&'static Sheet, StreamBuilder)>,
    records: Vec<(&'static Stream, RecordBatch)>,
    warnings: Vec<Warning>,
    n_warnings: usize,
    set_aside: Vec<SetAside>,
    counts: BTreeMap<&'static str, u64>,
}

impl<'i> Output<'i> {
    /// Empty.
    pub fn new(source: &'i str, options: &'i ReadOptions) -> Self {
        Self {
            source,
            options,
            formats: Vec::new(),
            tables: Vec::new(),
            records: Vec::new(),
            warnings: Vec::new(),
            n_warnings: 0,
            set_aside: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Something was tolerated that belongs to no row. `text` holds no personal data.
    pub fn warn(&mut self, code: &'static str, path: impl Into<String>, text: impl Into<String>) {
        self.warn_with(&Warning { code, path: path.into(), text: text.into() });
    }

    /// The same, ready made.
    pub fn warn_with(&mut self, warning: &Warning) {
        debug_assert!(codes::WARNINGS.iter().any(|(c, _)| *c == warning.code), "undocumented code {}", warning.code);
        self.n_warnings += 1;
        if self.n_warnings <= WARNINGS_MAX {
            self.warnings.push(warning.clone());
        }
    }

    /// A unit could not be taken.
    pub fn set_aside(&mut self, code: &'static str, position: &str, reason: &str, raw: &str) {
        debug_assert!(codes::REASONS.iter().any(|(c, _)| *c == code), "undocumented code {code}");
        let raw = &raw.as_bytes()[..raw.len().min(SetAside::TEXT_BYTES_MAX)];
        self.set_aside.push(SetAside::new(self.source, position, code, format!("{position}: {reason}"), raw));
        self.count("set_aside", 1);
    }

    /// Adds to a count.
    pub fn count(&mut self, name: &'static str, n: u64) {
        // What senders write as a count has no bound.
        let count = self.counts.entry(name).or_default();
        *count = count.saturating_add(n);
    }

    /// A message of this format and version was read.
    pub fn saw(&mut self, format: &'static str, version: &str) {
        if self.formats.len() < 100 && !self.formats.iter().any(|(f, v)| *f == format && v == version) {
            self.formats.push((format, version.to_owned()));
        }
    }

    /// Writes a row of the values of these, the later before the earlier. Returns whether it was taken: a row
    /// without its key is set aside.
    pub fn write(&mut self, sheet: &'static Sheet, rows: &[&Row<'_>], stand: &Stand<'_>) -> bool {
        let at = self.tables.iter().position(|(of, _)| std::ptr::eq(*of, sheet));
        let at = at.unwrap_or_else(|| {
            self.tables.push((sheet, kept::builder(sheet.stream, sheet.also)));
            self.tables.len() - 1
        });
        let builder = &mut self.tables[at].1;
        let mut refused = None;
        for (column, value) in rows.iter().flat_map(|row| &row.cells) {
            if let Err(error) = builder.set(*column, value.cell()) {
                refused.get_or_insert_with(|| ("cell", error.to_string()));
            }
        }
        for (column, cell) in self.options.around.iter().flat_map(Around::cells) {
            if let Some(at) = sheet.by_name.get(column).filter(|at| !builder.is_set(**at)) {
                // Text and times go into these.
                let _ = builder.set(*at, cell);
            }
        }
        for (column, text) in [
            ("source", self.source),
            ("source_position", stand.position.as_str()),
            ("message_path", stand.path.as_str()),
        ] {
            // Text goes into any of these.
            let _ = builder.set(sheet.at(column), Cell::Text(text));
        }
        if let Some((_, column)) = sheet.keys.iter().find(|(at, _)| !builder.is_set(*at)) {
            refused.get_or_insert_with(|| ("no_key", format!("`{}` is missing", column.name)));
        }
        if let Some((code, reason)) = refused {
            builder.discard_row();
            self.set_aside(code, &stand.position, &reason, stand.raw);
            return false;
        }
        let mut missing: Vec<&str> =
            sheet.wanted.iter().filter(|(at, _)| !builder.is_set(*at)).map(|(_, column)| column.name).collect();
        if !missing.is_empty() && changes_parts(sheet, rows) {
            missing.clear();
        }
        let missing = (!missing.is_empty()).then(|| Warning {
            code: "missing_value",
            path: stand.path.clone(),
            text: missing.join(", "),
        });
        let warnings = || rows.iter().flat_map(|row| &row.warnings).chain(&missing);
        if warnings().next().is_some() {
            let _ = builder.set(sheet.at("warnings"), warning_cells(warnings()));
        }
        builder.finish_row();
        if builder.len() >= self.options.batch_rows.max(1) {
            let batch = builder.finish();
            self.records.push((sheet.stream, batch));
        }
        // A header's own warnings are told once, by whoever read it.
        for warning in rows.last().iter().flat_map(|row| &row.warnings).chain(&missing) {
            debug_assert!(codes::WARNINGS.iter().any(|(c, _)| *c == warning.code), "undocumented {}", warning.code);
            self.n_warnings += 1;
            if self.n_warnings <= WARNINGS_MAX {
                self.warnings.push(warning.clone());
            }
        }
        true
    }

    /// How many batches, warnings and set-aside units wait to be handed on.
    pub fn waiting(&self) -> usize {
        self.records.len() + self.set_aside.len() / 64 + self.warnings.len() / 1024
    }

    /// Takes what is complete and leaves the rows that do not fill a batch.
    pub fn take(&mut self) -> MessageReading {
        let (format, version) = self.format();
        MessageReading {
            format,
            version,
            records: std::mem::take(&mut self.records),
            warnings: std::mem::take(&mut self.warnings),
            set_aside: std::mem::take(&mut self.set_aside),
            counts: std::mem::take(&mut self.counts),
        }
    }

    /// The reading, or the rest of it.
    pub fn finish(mut self) -> MessageReading {
        let batches = self.records.len();
        for (sheet, mut builder) in self.tables.drain(..) {
            let rows = if batches == 0 { builder.len() } else { usize::MAX };
            if !builder.is_empty() {
                self.records.push((sheet.stream, builder.finish()));
            }
            kept::give_back(sheet.stream, sheet.also, builder, rows);
        }
        if self.n_warnings > WARNINGS_MAX {
            let lost = (self.n_warnings - WARNINGS_MAX) as u64;
            self.count("warnings_lost", lost);
            let text = format!("{lost} further warnings were counted only");
            self.warnings.push(Warning { code: "warnings_capped", path: String::new(), text });
        }
        self.take()
    }

    fn format(&self) -> (&'static str, String) {
        match self.formats.as_slice() {
            [] => (super::NAME, String::new()),
            [(format, version)] => (format, version.clone()),
            several => {
                let first = several[0].0;
                let format = if several.iter().all(|(f, _)| *f == first) { first } else { super::NAME };
                let mut versions: Vec<_> = several.iter().map(|(_, v)| v.as_str()).collect();
                versions.dedup();
                (format, versions.join(" "))
            }
        }
    }
}
