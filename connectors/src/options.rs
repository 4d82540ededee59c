//! How to read what an input leaves open.

use std::num::NonZero;
use std::thread::available_parallelism;

use chrono_tz::Tz;

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
        }
    }
}
