//! Facts of files beside a run, in the order in which they became known.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, TimestampMillisecondArray, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use haechi_model::Stream;
use haechi_model::intake::SetAside;

use super::plan::MemoryPlan;
use crate::input::{Inputs, Progress, ReadAhead};
use crate::run::RunError;
use crate::stream::identities;

/// Facts that are not known yet.
#[derive(Default)]
pub(crate) struct Timeline {
    streams: Vec<OfStream>,
    /// When each became known, which stream it is of, and its row there; the next one last.
    coming: Vec<(i64, usize, u32)>,
}

struct OfStream {
    stream: &'static Stream,
    rows: RecordBatch,
    ids: arrow::array::StringArray,
}

/// Facts of one stream that became known one after the other.
pub(crate) struct Told {
    pub stream: &'static Stream,
    pub rows: RecordBatch,
    /// What tells each from the others.
    pub ids: Vec<Option<String>>,
}

impl Timeline {
    /// Reads files of facts; what could not be read of them is given apart.
    pub fn read(plan: &MemoryPlan, files: &[(&'static Stream, Inputs)]) -> Result<(Self, Vec<SetAside>), RunError> {
        let mut this = Self::default();
        let mut set_aside = Vec::new();
        for (stream, inputs) in files {
            let (_, base) = plan.columns(stream);
            let keys = stream.columns.iter().filter(|column| column.key).map(|column| column.name);
            let columns: Vec<&str> = base.iter().copied().chain(keys).chain(["known_at"]).collect();
            let mut reader = ReadAhead::start(inputs, stream, &columns, &Arc::new(Progress::default()))?;
            for intake in &mut reader {
                let intake = intake?;
                set_aside.extend(intake.set_aside);
                if intake.batch.num_rows() > 0 {
                    this.add(plan, stream, &intake.batch).map_err(crate::decide::DecideError::from)?;
                }
            }
            reader.finish()?;
        }
        // Facts that became known at one instant stay in the order of their files.
        this.coming.sort_by_key(|(known_at, ..)| *known_at);
        this.coming.reverse();
        Ok((this, set_aside))
    }

    fn add(&mut self, plan: &MemoryPlan, stream: &'static Stream, batch: &RecordBatch) -> Result<(), ArrowError> {
        let rows = plan.derive(stream, batch, 0)?;
        let given = batch.column_by_name("known_at").map(instants).transpose()?;
        let events = rows.column_by_name("event_at").map(instants).transpose()?;
        let at = |times: &Option<TimestampMillisecondArray>, row: usize| {
            times.as_ref().filter(|times| times.is_valid(row)).map(|times| times.value(row))
        };
        let ids = match identities(stream, batch)? {
            Some(ids) => cast(&ids, &DataType::Utf8)?.as_string().clone(),
            None => arrow::array::StringArray::new_null(batch.num_rows()),
        };
        let place = self.streams.iter().position(|of| of.stream == stream).unwrap_or_else(|| {
            let (rows, ids) = (rows.slice(0, 0), ids.slice(0, 0));
            self.streams.push(OfStream { stream, rows, ids });
            self.streams.len() - 1
        });
        let of = &mut self.streams[place];
        let first = of.rows.num_rows();
        for row in 0..rows.num_rows() {
            let known_at = at(&given, row).or_else(|| at(&events, row)).unwrap_or_default();
            self.coming.push((known_at, place, (first + row) as u32));
        }
        of.rows = concat_batches(&of.rows.schema(), [&of.rows, &rows])?;
        of.ids = arrow::compute::concat(&[&of.ids, &ids])?.as_string().clone();
        Ok(())
    }

    /// The streams whose facts are told.
    pub fn streams(&self) -> impl Iterator<Item = &'static Stream> {
        self.streams.iter().map(|of| of.stream)
    }

    /// When the next one becomes known.
    pub fn next(&self) -> Option<i64> {
        self.coming.last().map(|(known_at, ..)| *known_at)
    }

    /// The next facts of one stream that became known before an instant.
    pub fn before(&mut self, at_ms: i64) -> Result<Option<Told>, ArrowError> {
        let Some((_, place, _)) = self.coming.last().copied().filter(|(known_at, ..)| *known_at < at_ms) else {
            return Ok(None);
        };
        let mut taken = Vec::new();
        while let Some((_, _, row)) = self.coming.pop_if(|(known_at, of, _)| *known_at < at_ms && *of == place) {
            taken.push(row);
        }
        let OfStream { stream, rows, ids } = &self.streams[place];
        let id = |row: &u32| ids.is_valid(*row as usize).then(|| ids.value(*row as usize).to_owned());
        let ids = taken.iter().map(id).collect();
        Ok(Some(Told { stream, rows: take_record_batch(rows, &UInt32Array::from(taken))?, ids }))
    }
}

/// A column of instants, in ms since 1970 UTC.
pub(super) fn instants(array: &arrow::array::ArrayRef) -> Result<TimestampMillisecondArray, ArrowError> {
    let cast = cast(array, &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))?;
    Ok(cast.as_primitive::<TimestampMillisecondType>().clone())
}
