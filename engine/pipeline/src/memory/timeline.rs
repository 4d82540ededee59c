//! Facts of files beside a run, in the order in which they became known.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array};
use arrow::compute::{cast, concat, concat_batches, take, take_record_batch};
use arrow::datatypes::{DataType, Int32Type, SchemaRef, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use haechi_model::Stream;
use haechi_model::intake::SetAside;
use rustc_hash::{FxHashMap, FxHashSet};

use super::plan::MemoryPlan;
use super::subjects::named;
use super::{in_types_of, plain};
use crate::decide::DecideError;
use crate::input::{Inputs, Progress, ReadAhead};
use crate::run::RunError;
use crate::stream::identities;

/// Facts that are not known yet.
#[derive(Default)]
pub(crate) struct Timeline {
    streams: Vec<OfStream>,
    /// When each becomes known, and which stream it is of; the next one last.
    coming: Vec<(i64, usize)>,
    /// The subjects that they speak of, by stream.
    named: FxHashMap<&'static str, FxHashSet<Box<str>>>,
}

/// Facts of one stream, in the order in which they become known.
struct OfStream {
    stream: &'static Stream,
    /// Their rows, texts plain, and the types that they have else.
    rows: RecordBatch,
    schema: SchemaRef,
    ids: StringArray,
    /// How many are known.
    told: usize,
    /// Those that come more than once.
    again: FxHashSet<Box<str>>,
}

/// Facts of one stream that became known one after the other.
pub(crate) struct Told {
    pub stream: &'static Stream,
    pub rows: RecordBatch,
    /// What tells each from the others.
    pub ids: StringArray,
}

impl Timeline {
    /// Reads files of facts; what could not be read of them is given apart.
    pub fn read(plan: &MemoryPlan, files: &[(&'static Stream, Inputs)]) -> Result<(Self, Vec<SetAside>), RunError> {
        let mut this = Self::default();
        let mut set_aside = Vec::new();
        let mut streams: Vec<Reading> = Vec::new();
        for (stream, inputs) in files {
            let (_, base) = plan.columns(stream);
            let keys = stream.columns.iter().filter(|column| column.key).map(|column| column.name);
            let columns: Vec<&str> = base.iter().copied().chain(keys).chain(["known_at"]).collect();
            let mut reader = ReadAhead::start(inputs, stream, &columns, &Arc::new(Progress::default()))?;
            let place = streams.iter().position(|of| of.stream == *stream).unwrap_or_else(|| {
                streams.push(Reading { stream, batches: Vec::new(), ids: Vec::new(), known_at: Vec::new() });
                streams.len() - 1
            });
            for intake in &mut reader {
                let intake = intake?;
                set_aside.extend(intake.set_aside);
                if intake.batch.num_rows() > 0 {
                    let rows = streams[place].add(plan, &intake.batch).map_err(DecideError::from)?;
                    for joined in plan.joined(stream) {
                        let ids = named(stream, joined.subject, &rows).map_err(DecideError::from)?;
                        this.named.entry(joined.subject.name).or_default().extend(ids);
                    }
                }
            }
            reader.finish()?;
        }
        for reading in streams.into_iter().filter(|reading| !reading.batches.is_empty()) {
            let (of, known_at) = reading.in_order().map_err(DecideError::from)?;
            let place = this.streams.len();
            this.coming.extend(known_at.into_iter().map(|known_at| (known_at, place)));
            this.streams.push(of);
        }
        // Those that become known at one instant stay in the order of their files.
        this.coming.sort_by_key(|(known_at, _)| *known_at);
        this.coming.reverse();
        Ok((this, set_aside))
    }

    /// The streams whose facts are told.
    pub fn streams(&self) -> impl Iterator<Item = &'static Stream> {
        self.streams.iter().map(|of| of.stream)
    }

    /// Whether any speaks of a subject.
    pub fn names(&self, subject: &Stream, id: &str) -> bool {
        self.named.get(subject.name).is_some_and(|named| named.contains(id))
    }

    /// Whether a fact comes more than once.
    pub fn comes_again(&self, stream: &Stream, id: &str) -> bool {
        self.streams.iter().any(|of| of.stream == stream && of.again.contains(id))
    }

    /// When the next one becomes known.
    pub fn next(&self) -> Option<i64> {
        self.coming.last().map(|(known_at, _)| *known_at)
    }

    /// The next facts of one stream that became known before an instant.
    pub fn before(&mut self, at_ms: i64) -> Result<Option<Told>, ArrowError> {
        let Some((_, place)) = self.coming.last().copied().filter(|(known_at, _)| *known_at < at_ms) else {
            return Ok(None);
        };
        let of = &mut self.streams[place];
        let first = of.told;
        while self.coming.pop_if(|(known_at, of)| *known_at < at_ms && *of == place).is_some() {
            of.told += 1;
        }
        let rows = in_types_of(&of.schema, &of.rows.slice(first, of.told - first))?;
        Ok(Some(Told { stream: of.stream, rows, ids: of.ids.slice(first, of.told - first) }))
    }
}

/// Facts of one stream, in the order of their files.
struct Reading {
    stream: &'static Stream,
    batches: Vec<RecordBatch>,
    ids: Vec<StringArray>,
    known_at: Vec<i64>,
}

impl Reading {
    /// Takes rows, and gives them in the columns that are remembered.
    fn add(&mut self, plan: &MemoryPlan, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let rows = plan.derive(self.stream, batch, 0)?;
        let given = batch.column_by_name("known_at").map(instants).transpose()?;
        let events = rows.column_by_name("event_at").map(instants).transpose()?;
        let at = |times: &Option<TimestampMillisecondArray>, row: usize| {
            times.as_ref().filter(|times| times.is_valid(row)).map(|times| times.value(row))
        };
        let known_at = |row: usize| at(&given, row).or_else(|| at(&events, row)).unwrap_or_default();
        self.known_at.extend((0..rows.num_rows()).map(known_at));
        self.ids.push(match identities(self.stream, batch)? {
            Some(ids) => cast(&ids, &DataType::Utf8)?.as_string().clone(),
            None => StringArray::new_null(batch.num_rows()),
        });
        self.batches.push(rows.clone());
        Ok(rows)
    }

    /// The facts in the order in which they become known, and when that is. Copied once: they are told by slices.
    fn in_order(self) -> Result<(OfStream, Vec<i64>), ArrowError> {
        let Self { stream, batches, ids, known_at } = self;
        let mut order: Vec<u32> = (0..known_at.len() as u32).collect();
        order.sort_by_key(|row| known_at[*row as usize]);
        let schema = batches[0].schema();
        let texts_plain = batches.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        drop(batches);
        let order = UInt32Array::from(order);
        let rows = take_record_batch(&concat_batches(&texts_plain[0].schema(), &texts_plain)?, &order)?;
        let ids = concat(&ids.iter().map(|ids| ids as &dyn Array).collect::<Vec<_>>())?;
        let ids = take(&ids, &order, None)?.as_string().clone();
        let (mut seen, mut again) = (FxHashSet::default(), FxHashSet::default());
        again.extend(ids.iter().flatten().filter(|id| !seen.insert(*id)).map(Box::from));
        let known_at = order.values().iter().map(|row| known_at[*row as usize]).collect();
        Ok((OfStream { stream, rows, schema, ids, told: 0, again }, known_at))
    }
}

/// The version that each row says it is.
pub(super) fn versions(rows: &RecordBatch) -> Result<Option<Int32Array>, ArrowError> {
    let versions = rows.column_by_name("version").map(|versions| cast(versions, &DataType::Int32)).transpose()?;
    Ok(versions.map(|versions| versions.as_primitive::<Int32Type>().clone()))
}

/// A column of instants, in ms since 1970 UTC.
pub(super) fn instants(array: &arrow::array::ArrayRef) -> Result<TimestampMillisecondArray, ArrowError> {
    let cast = cast(array, &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))?;
    Ok(cast.as_primitive::<TimestampMillisecondType>().clone())
}
