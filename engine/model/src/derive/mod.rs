//! Derived columns: what follows from a row itself, or from the declaration it stands in.
//!
//! Each derivation names the columns it reads. A value that is given stays as it is; what is given as NULL is
//! filled; a derivation without its inputs is left out. Columns that need more than the batch (profiles, the
//! trusted-trader register, the outbox) come from the pipeline.
//!
//! Begin at [`derive()`]; [`inputs`] tells a reader which columns a rule really needs.

mod common;
mod consignment;
mod declaration;
mod facts;
mod fill;
mod itinerary;
mod kernels;
mod rows;
mod traveller;

pub use consignment::is_dangerous_handling;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use chrono_tz::Tz;
use rustc_hash::FxHashMap;

use crate::conform::conform;
use crate::ids::Country;
use crate::stream::Stream;
use crate::streams::STREAMS;
use rows::Rows;

/// What derivations need besides the rows. The default: UTC, Korea, no clock.
#[derive(Clone, Debug)]
pub struct DeriveContext {
    /// The instant rows are known and stand for where they do not say so themselves, in ms since 1970 UTC.
    /// `None`: they stay NULL.
    pub now: Option<i64>,
    /// Zone of the customs office, for local hours.
    pub zone: Tz,
    /// Whose borders are crossed.
    pub home_country: Country,
    /// Key of the hash that stands for a person in `traveller_id`.
    pub id_key: [u8; 32],
}

impl Default for DeriveContext {
    fn default() -> Self {
        Self { now: None, zone: Tz::UTC, home_country: Country::KR, id_key: [0; 32] }
    }
}

/// A new column, or none where its inputs are absent.
type Derived = Result<Option<ArrayRef>, ArrowError>;

/// How one column follows from others.
#[derive(Clone, Copy)]
struct Derivation {
    column: &'static str,
    /// Columns read, derived ones included. Derivations stand after those they read.
    inputs: &'static [&'static str],
    compute: fn(&Rows<'_>) -> Derived,
    /// Whether it looks at rows of other subjects.
    across: bool,
}

impl Derivation {
    const fn new(column: &'static str, inputs: &'static [&'static str], compute: fn(&Rows<'_>) -> Derived) -> Self {
        Self { column, inputs, compute, across: false }
    }

    /// One that looks at rows of other subjects, which have to be there: those of the same message.
    const fn across(self) -> Self {
        Self { across: true, ..self }
    }
}

/// Adds every derived column that can be computed, and fills those that are partly given.
///
/// The items of a declaration must be contiguous and must not be cut across batches. Columns come out in their
/// canonical types, the given ones first, unknown ones untouched.
pub fn derive(
    stream: &'static Stream,
    batch: &RecordBatch,
    context: &DeriveContext,
) -> Result<RecordBatch, ArrowError> {
    derive_columns(stream, batch, context, &|_| true)
}

/// As [`derive()`], but only the columns that are `wanted`, and what they rest on on the way there.
pub fn derive_columns(
    stream: &'static Stream,
    batch: &RecordBatch,
    context: &DeriveContext,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<RecordBatch, ArrowError> {
    let derivations = of(stream);
    let mut needed: Vec<bool> = derivations.iter().map(|d| wanted(d.column)).collect();
    for (i, earlier) in resting_on(stream).iter().enumerate().rev() {
        if needed[i] {
            for earlier in earlier {
                needed[*earlier] = true;
            }
        }
    }

    let mut rows = Rows::new(conform(stream, batch.clone())?, context);
    for (derivation, _) in derivations.iter().zip(needed).filter(|(_, needed)| *needed) {
        let given = rows.array(derivation.column);
        if given.is_some_and(|array| array.logical_null_count() == 0 && !array.is_empty()) {
            continue;
        }
        if let Some(computed) = (derivation.compute)(&rows)? {
            let filled = match given {
                Some(given) => fill::fill(given, computed)?,
                None => computed,
            };
            rows.put(derivation.column, filled);
        }
    }
    finish(stream, rows, wanted)
}

/// The columns read from a message that `column` follows from, through however many steps. Empty for columns that
/// follow from no other. A column that is only filled where NULL (`unit_price_usd`) is not among its own inputs.
pub fn inputs(stream: &'static Stream, column: &str) -> &'static [&'static str] {
    static INPUTS: LazyLock<Inputs> = LazyLock::new(all_inputs);
    INPUTS.get(stream.name).and_then(|of_stream| of_stream.get(column)).map_or(&[], Vec::as_slice)
}

/// The columns of a stream that follow from other subjects of the same message. Whoever keeps rows apart from their
/// message has to keep these with them.
pub fn across_subjects(stream: &'static Stream) -> impl Iterator<Item = &'static str> {
    of(stream).iter().filter(|derivation| derivation.across).map(|derivation| derivation.column)
}

/// By derivation of a stream: the places of those whose columns it reads.
fn resting_on(stream: &Stream) -> &'static [Vec<usize>] {
    static ALL: LazyLock<FxHashMap<&'static str, Vec<Vec<usize>>>> = LazyLock::new(|| {
        let of_stream = |stream: &&'static Stream| {
            let all = of(stream);
            let earlier = |(place, derivation): (usize, &Derivation)| {
                let read = |earlier: &usize| derivation.inputs.contains(&all[*earlier].column);
                (0..place).filter(read).collect()
            };
            (stream.name, all.iter().enumerate().map(earlier).collect())
        };
        STREAMS.iter().map(of_stream).collect()
    });
    ALL.get(stream.name).map_or(&[], Vec::as_slice)
}

fn of(stream: &Stream) -> &'static [Derivation] {
    match stream.name {
        "declaration" => declaration::DERIVATIONS,
        "consignment" => consignment::DERIVATIONS,
        "traveller" => traveller::DERIVATIONS,
        name => facts::derivations(name),
    }
}

/// By stream and column.
type Inputs = FxHashMap<&'static str, FxHashMap<&'static str, Vec<&'static str>>>;

fn all_inputs() -> Inputs {
    let mut all = Inputs::default();
    for stream in STREAMS {
        let of_stream = all.entry(stream.name).or_default();
        for derivation in of(stream) {
            let mut base = Vec::new();
            for input in derivation.inputs {
                // What is derived may also be given: both ways are inputs.
                base.push(*input);
                base.extend(of_stream.get(input).into_iter().flatten());
            }
            base.sort_unstable();
            base.dedup();
            base.retain(|name| stream.column(name).is_some_and(|c| !c.derived) && *name != derivation.column);
            of_stream.insert(derivation.column, base);
        }
    }
    all
}

/// The rows as a batch: given columns in their order, new ones in the stream's.
fn finish(stream: &'static Stream, rows: Rows<'_>, wanted: &dyn Fn(&str) -> bool) -> Result<RecordBatch, ArrowError> {
    let (batch, mut new) = rows.into_parts();
    let mut fields = Vec::with_capacity(batch.num_columns() + new.len());
    let mut arrays = Vec::with_capacity(fields.capacity());
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        fields.push(field.clone());
        let filled = new.remove(field.name().as_str()).filter(|_| wanted(field.name()));
        arrays.push(filled.unwrap_or_else(|| array.clone()));
    }
    for column in stream.all_columns().filter(|c| wanted(c.name)) {
        if let Some(array) = new.remove(column.name) {
            fields.push(Arc::new(column.field()));
            arrays.push(array);
        }
    }
    let schema = Schema::new_with_metadata(fields, batch.schema().metadata().clone());
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)
}

#[cfg(test)]
mod tests;
