//! What a reading gathers: rows by stream, warnings, what was set aside, counts.
//!
//! Everything is bounded by the input: a unit set aside keeps at most 4 KiB of text, warnings beyond
//! [`WARNINGS_MAX`] are only counted, rows leave the builders every `batch_rows`.

use std::collections::HashSet;

use arrow::record_batch::RecordBatch;
use haechi_model::intake::{SetAside, Warning};
use haechi_model::{Cell, CellError, Stream, StreamBuilder};

use super::answers::Answer;
use super::codes;
use crate::format::{MessageInput, MessageReading};
use crate::formats::kept;
use crate::options::Around;

/// More warnings than anybody reads.
pub const WARNINGS_MAX: usize = 10_000;

/// Formats and versions, each once.
pub type Formats = Vec<(&'static str, String)>;

/// More formats and versions than one input has.
const FORMATS_MAX: usize = 32;

/// Where a reading is gathered.
pub struct Output<'i> {
    /// What is read.
    pub input: MessageInput<'i>,
    /// Flights seen, for the count.
    pub flights: HashSet<String>,
    /// Series of which a part was seen, by what ties them together.
    pub series: HashSet<String>,
    /// Answers read, where somebody asked for them.
    pub answers: Option<Vec<Answer>>,
    /// Formats and versions of the messages so far, those of earlier pieces of the input too.
    pub formats: Formats,
    tables: Vec<Table>,
    records: Vec<(&'static Stream, RecordBatch)>,
    warnings: Vec<Warning>,
    warnings_lost: u64,
    set_aside: Vec<SetAside>,
    /// Few, and asked for by every person: found faster in a row than in a tree.
    counts: Vec<(&'static str, u64)>,
}

/// The columns that a reader writes: those of a stream, and derived ones that only it can know.
pub struct Sheet {
    /// Whose columns.
    pub stream: &'static Stream,
    /// The derived ones among them.
    pub also: &'static [&'static str],
}

impl Sheet {
    /// A builder for its rows.
    pub fn builder(&self) -> StreamBuilder {
        kept::builder(self.stream, self.also)
    }
}

/// Rows of one sheet on their way into batches.
pub struct Table {
    sheet: &'static Sheet,
    builder: StreamBuilder,
    refused: Option<String>,
    /// What of the values held was refused: no row of theirs is taken.
    refused_to_hold: Option<String>,
}

impl<'i> Output<'i> {
    /// Empty.
    pub fn new(input: MessageInput<'i>) -> Self {
        Self {
            input,
            flights: HashSet::new(),
            series: HashSet::new(),
            answers: None,
            formats: Vec::new(),
            tables: Vec::new(),
            records: Vec::new(),
            warnings: Vec::new(),
            warnings_lost: 0,
            set_aside: Vec::new(),
            counts: Vec::with_capacity(16),
        }
    }

    /// Something was tolerated. `text` holds no personal data.
    pub fn warn(&mut self, code: &'static str, path: impl Into<String>, text: impl Into<String>) {
        self.warn_with(Warning { code, path: path.into(), text: text.into() });
    }

    /// The same, ready made.
    pub fn warn_with(&mut self, warning: Warning) {
        debug_assert!(codes::WARNINGS.iter().any(|(c, _)| *c == warning.code), "undocumented code {}", warning.code);
        if self.warnings.len() < WARNINGS_MAX {
            self.warnings.push(warning);
        } else {
            self.warnings_lost += 1;
        }
    }

    /// A unit could not be taken.
    pub fn set_aside(
        &mut self,
        code: &'static str,
        position: impl Into<String>,
        reason: impl Into<String>,
        raw: &[u8],
    ) {
        debug_assert!(codes::REASONS.iter().any(|(c, _)| *c == code), "undocumented code {code}");
        self.set_aside.push(SetAside::new(self.input.source, position, code, reason, raw));
        self.count("set_aside", 1);
    }

    /// Adds to a count.
    pub fn count(&mut self, name: &'static str, n: u64) {
        // What senders write as a count has no bound.
        match self.counts.iter_mut().find(|(known, _)| std::ptr::eq(*known, name) || *known == name) {
            Some((_, count)) => *count = count.saturating_add(n),
            None => self.counts.push((name, n)),
        }
    }

    /// An answer was read.
    pub fn answer(&mut self, answer: Answer) {
        if let Some(answers) = &mut self.answers {
            answers.push(answer);
        }
    }

    /// A message of this format and version was read.
    pub fn saw(&mut self, format: &'static str, version: &str) {
        let known = self.formats.iter().any(|(f, v)| *f == format && v == version);
        if !known && self.formats.len() < FORMATS_MAX {
            self.formats.push((format, version.to_owned()));
        }
    }

    /// The table of `sheet`.
    pub fn table(&mut self, sheet: &'static Sheet) -> &mut Table {
        let at = self.tables.iter().position(|t| std::ptr::eq(t.sheet, sheet)).unwrap_or_else(|| {
            self.tables.push(Table { sheet, builder: sheet.builder(), refused: None, refused_to_hold: None });
            self.tables.len() - 1
        });
        &mut self.tables[at]
    }

    /// Ends the row begun in the table of `sheet`. A refused cell sets the unit aside instead; returns whether
    /// the row was taken.
    pub fn finish_row(&mut self, sheet: &'static Sheet, position: &str, raw: impl FnOnce() -> String) -> bool {
        let batch_rows = self.input.options.batch_rows.max(1);
        let Some(table) = self.tables.iter_mut().find(|t| std::ptr::eq(t.sheet, sheet)) else { return false };
        if let Some(refused) = table.refused.take().or_else(|| table.refused_to_hold.clone()) {
            table.builder.discard_row();
            self.set_aside("cell", position, format!("{position}: {refused}"), raw().as_bytes());
            return false;
        }
        for (column, cell) in self.input.options.around.iter().flat_map(Around::cells) {
            if let Some(at) = table.builder.index(column).filter(|at| !table.builder.is_set(*at)) {
                // Text and times go into these.
                let _ = table.builder.set(at, cell);
            }
        }
        table.builder.finish_row();
        if table.builder.len() >= batch_rows {
            self.records.push((sheet.stream, table.builder.finish()));
        }
        true
    }

    /// The reading.
    pub fn finish(mut self) -> MessageReading {
        let batches = self.records.len();
        for Table { sheet, mut builder, .. } in std::mem::take(&mut self.tables) {
            let rows = if batches == 0 { builder.len() } else { usize::MAX };
            if !builder.is_empty() {
                self.records.push((sheet.stream, builder.finish()));
            }
            builder.release();
            kept::give_back(sheet.stream, sheet.also, builder, rows);
        }
        if !self.flights.is_empty() {
            self.count("flights", self.flights.len() as u64);
        }
        if self.warnings_lost > 0 {
            self.count("warnings_lost", self.warnings_lost);
            let text = format!("{} further warnings were counted only", self.warnings_lost);
            self.warnings.push(Warning { code: "warnings_capped", path: String::new(), text });
        }
        let (format, version) = match self.formats.as_slice() {
            [(format, version)] => (*format, version.clone()),
            [] => (super::NAME, String::new()),
            several => {
                let mut versions: Vec<_> = several.iter().map(|(_, v)| v.as_str()).collect();
                versions.dedup();
                let first = several[0].0;
                let format = if several.iter().all(|(f, _)| *f == first) { first } else { super::NAME };
                (format, versions.join(" "))
            }
        };
        MessageReading {
            format,
            version,
            records: self.records,
            warnings: self.warnings,
            set_aside: self.set_aside,
            counts: self.counts.into_iter().collect(),
        }
    }
}

impl Table {
    /// A value for the current row. A refused one makes [`Output::finish_row`] set the unit aside.
    #[inline]
    pub fn set<'c>(&mut self, column: usize, cell: impl Into<Cell<'c>>) {
        let cell = cell.into();
        if !matches!(cell, Cell::Null) {
            self.set_some(column, cell);
        }
    }

    #[inline(never)]
    fn set_some(&mut self, column: usize, cell: Cell<'_>) {
        if let Err(error) = self.builder.set(column, cell) {
            self.refuse(&error);
        }
    }

    /// Texts for a list column of the current row.
    pub fn set_texts<'c, T: AsRef<str> + 'c>(&mut self, column: usize, texts: impl IntoIterator<Item = &'c T>) {
        let mut cells = texts.into_iter().map(|text| Cell::Text(text.as_ref())).peekable();
        // A column that is not set is the empty list.
        if cells.peek().is_some()
            && let Err(error) = self.builder.set_list(column, cells)
        {
            self.refuse(&error);
        }
    }

    /// Records for a list column of the current row, by their members.
    pub fn set_records<'c, const N: usize>(&mut self, column: usize, records: impl IntoIterator<Item = [Cell<'c>; N]>) {
        let mut records = records.into_iter().peekable();
        if records.peek().is_some()
            && let Err(error) = self.builder.set_records(column, records)
        {
            self.refuse(&error);
        }
    }

    /// The column `warnings` of the current row.
    pub fn set_warnings(&mut self, column: usize, warnings: &[Warning]) {
        let records = warnings.iter().map(|w| [Cell::Text(w.code), Cell::Text(&w.path), Cell::Text(&w.text)]);
        self.set_records(column, records);
    }

    /// A value for the current row and all that follow and set none, until [`Table::release`].
    pub fn hold<'c>(&mut self, column: usize, cell: impl Into<Cell<'c>>) {
        if let Err(error) = self.builder.hold(column, cell.into()) {
            self.refused_to_hold.get_or_insert_with(|| error.to_string());
        }
    }

    /// What was held stands in the rows so far and in no further one.
    pub fn release(&mut self) {
        self.builder.release();
        self.refused_to_hold = None;
    }

    fn refuse(&mut self, error: &CellError) {
        self.refused.get_or_insert_with(|| error.to_string());
    }
}

/// Positions of columns in a builder, looked up once.
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident { $($column:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $name { $(pub $column: usize),* }

        impl $name {
            /// The columns, as the mapping page has to name them.
            #[cfg(test)]
            #[allow(dead_code, reason = "not every format has its page among those of EDIFACT")]
            pub(super) const NAMES: &'static [&'static str] = &[$(stringify!($column)),*];

            pub(super) fn of(builder: &haechi_model::StreamBuilder) -> Self {
                Self { $($column: builder.index(stringify!($column)).expect("a column of this stream; every test reads it")),* }
            }
        }
    };
}
pub(in crate::formats) use columns;
