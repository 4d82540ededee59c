//! How to read what an input leaves open.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use chrono::NaiveDate;
use chrono_tz::Tz;
use encoding_rs::Encoding;
use haechi_model::Cell;
use haechi_model::summary::PartSummary;

/// Options of every reader; a mapping file may override the zone.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Zone of wall times that carry none.
    pub zone: Tz,
    /// Rows a batch should have; a batch has more where a subject would otherwise be cut.
    pub batch_rows: usize,
    /// Rows one subject may have before all of it is set aside: what bounds the memory of a batch.
    pub subject_rows_max: usize,
    /// Threads that decode a Parquet file, a row group each.
    pub threads: usize,
    /// Takes each row by itself, for those who ask nothing about subjects: keys are read only where they are asked
    /// for, rows that come again are not noticed, and batches may cut a subject.
    pub rows_alone: bool,
    /// Hands free text on as the file has it: as a dictionary where it is one. The batches of a reader may then differ
    /// in that, and in nothing else.
    pub text_by_code: bool,
    /// Which row groups of a Parquet file are read, asked where rows stand alone; `None` reads all. Of a row group that
    /// is left out nothing is looked at but its summary, so faulty rows in it are not set aside.
    pub keep: Option<Keep>,
    /// Special services of bookings (SSR codes, upper case) that may be stored. They tell of health and belief, so none
    /// are unless the configuration names them, with its legal basis.
    pub services_kept: Vec<String>,
    /// The day the input arrived: what days without a year are near to. Without it such days are not known.
    pub received_on: Option<NaiveDate>,
    /// What the envelope around a message says, for what the message itself leaves open.
    pub around: Option<Around>,
}

/// What an envelope says of the message in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// For the column `message_id`.
    pub message_id: Option<String>,
    /// For the column `sender_id`.
    pub sender_id: Option<String>,
    /// For the column `message_issued_at`, UTC milliseconds.
    pub issued_at: Option<i64>,
    /// In what encoding its text is.
    pub charset: Option<&'static Encoding>,
}

impl Around {
    /// The columns of which it says something.
    pub fn cells(&self) -> impl Iterator<Item = (&'static str, Cell<'_>)> {
        let cells = [
            ("message_id", self.message_id.as_deref().map(Cell::Text)),
            ("sender_id", self.sender_id.as_deref().map(Cell::Text)),
            ("message_issued_at", self.issued_at.map(Cell::Ts)),
        ];
        cells.into_iter().filter_map(|(column, cell)| Some((column, cell?)))
    }
}

/// Says of a part of a file, by what is known of it before it is read, whether its rows are wanted. The summary is of the
/// rows as a reader gives them, without derived columns.
#[derive(Clone)]
pub struct Keep(Arc<dyn Fn(PartSummary) -> bool + Send + Sync>);

impl Keep {
    /// Asks this of every part.
    pub fn new(keeps: impl Fn(PartSummary) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(keeps))
    }

    /// Whether rows of a part like this are wanted.
    pub fn keeps(&self, part: PartSummary) -> bool {
        (self.0)(part)
    }
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep").finish_non_exhaustive()
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            zone: Tz::UTC,
            batch_rows: 16_384,
            subject_rows_max: 100_000,
            threads: available_parallelism().map_or(1, NonZero::get),
            rows_alone: false,
            text_by_code: false,
            keep: None,
            services_kept: Vec::new(),
            received_on: None,
            around: None,
        }
    }
}
