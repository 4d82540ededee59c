//! How to read what an input leaves open.

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
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { zone: Tz::UTC, batch_rows: 16_384, subject_rows_max: 100_000 }
    }
}
