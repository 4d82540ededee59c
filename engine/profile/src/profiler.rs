//! Records in their order, each first told what is known of those it is about, then added to it.
//!
//! Entities do not depend on each other, so what a batch has for each of them goes to it together, record by record, and
//! threads take some of the entities each. What a record sees depends on those before it in the journal and on nothing
//! else: not on where a batch ends, nor on the number of threads.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use haechi_evaluate::EvaluateError;
use haechi_model::Stream;
use haechi_rules::profile::Each;
use rayon::prelude::*;

use crate::answers::{Told, column};
use crate::cell::{Answer, Fact};
use crate::facts::{Facts, Filter, Values, hash_key, keys};
use crate::plan::{EntityPlan, FeaturePlace, FeedPlan, ProfilePlan, SeriesInput, with_parents};
use crate::series::Moment;
use crate::shard::{KeyHash, OPEN_MAX, Shard};

/// Why features cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// An expression of a profile failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Arrow refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// Rows without `event_at`: nobody knows when they were.
    #[error("rows of stream `{0}` have no `event_at`; derive it first")]
    NoTime(&'static str),
    /// Asked for by a name that no pack declares.
    #[error("no feature `{0}`")]
    UnknownFeature(String),
}

/// Records of one stream, in the order of the journal.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    /// The stream.
    pub stream: &'static Stream,
    /// Their rows, with `event_at` derived, and with the columns of subjects that they speak of.
    pub rows: &'a RecordBatch,
    /// The rows of each record: where it begins, and the end of the last.
    pub starts: &'a [u32],
    /// The versions that they replace.
    pub replaced: Option<Replaced<'a>>,
}

/// Earlier versions of records.
#[derive(Clone, Copy, Debug)]
pub struct Replaced<'a> {
    /// Their rows, as those of [`Records`].
    pub rows: &'a RecordBatch,
    /// Where those that each record replaces begin, and the end of the last; none where nothing is replaced.
    pub starts: &'a [u32],
}

/// All that is known of everybody.
pub struct Profiler {
    plan: Arc<ProfilePlan>,
    /// By entity.
    known: Vec<Vec<Shard>>,
    seed: u64,
}

/// Entities of one kind, in as many parts, so that threads share the work on a kind too.
const SHARDS: usize = 8;

/// The place of the shard that a key is in.
fn shard_of(key: KeyHash) -> usize {
    (key >> (KeyHash::BITS - SHARDS.ilog2())) as usize
}

impl Profiler {
    /// One that knows nothing yet. `seed` is secret: with it keys are hashed.
    pub fn new(plan: Arc<ProfilePlan>, seed: u64) -> Self {
        let shards = || (0..SHARDS).map(|_| Shard::default()).collect();
        let known = plan.entities.iter().map(|_| shards()).collect();
        Self { plan, known, seed }
    }

    /// How features are computed.
    pub fn plan(&self) -> &Arc<ProfilePlan> {
        &self.plan
    }

    /// Tells what is known at each record, a column a feature and a value a row, and makes the records known.
    pub fn pass(&mut self, records: &Records<'_>, wanted: &[&str]) -> Result<Vec<ArrayRef>, ProfileError> {
        let plan = Arc::clone(&self.plan);
        let n_rows = records.rows.num_rows();
        let places: Vec<FeaturePlace> = wanted
            .iter()
            .map(|name| plan.feature(name).ok_or_else(|| ProfileError::UnknownFeature((*name).to_owned())))
            .collect::<Result<_, _>>()?;
        let asked = with_parents(&plan, &places);
        let Some(feed) = plan.feed(records.stream) else {
            return Ok(places.iter().map(|place| column(&plan, *place, &[], n_rows)).collect());
        };
        let stream = records.stream;
        let now = Prepared::new(&plan, feed, stream, records.rows, self.seed)?;
        let before = records.replaced.map(|of| Prepared::new(&plan, feed, stream, of.rows, self.seed)).transpose()?;
        let of_record = record_of_rows(records.starts, n_rows);
        let of_replaced = records.replaced.map_or(Vec::new(), |of| record_of_rows(of.starts, of.rows.num_rows()));
        let parts = self.known.iter_mut().enumerate().flat_map(|(entity, shards)| {
            shards.iter_mut().enumerate().map(move |(shard, known)| (entity, shard, known))
        });
        let told: Vec<Told> = parts
            .collect::<Vec<_>>()
            .into_par_iter()
            .filter_map(|(entity, shard, known)| {
                let of = now.of[entity].as_ref()?;
                let replaced = before.as_ref().and_then(|before| Some((before, before.of[entity].as_ref()?)));
                let asked = asked.iter().filter(|place| place.0 == entity).map(|place| place.1).collect();
                let told = Told::new(&plan, entity, asked);
                let mut pass = Pass { plan: &plan.entities[entity], known, now: &now, of, replaced, told };
                pass.run(&items(of, replaced.map(|(_, of)| of), shard, &of_record, &of_replaced));
                pass.known.pack(OPEN_MAX / SHARDS);
                Some(pass.told)
            })
            .collect();
        Ok(places.iter().map(|place| column(&plan, *place, &told, n_rows)).collect())
    }

    /// What is known of one, by its key, as a record at that instant would see it: the value of each feature of the
    /// entity in the order of their declaration. `None` where nothing is known, or no such entity.
    pub fn ask(&mut self, entity: &str, key: &str, at_ms: i64) -> Option<Vec<(String, Answer)>> {
        let place = self.plan.entities.iter().position(|plan| plan.name == entity)?;
        let plan = &self.plan.entities[place];
        let moment = Moment { at_ms, day: self.plan.days.of(at_ms) };
        let key = hash_key(key, self.seed);
        let known = self.known[place][shard_of(key)].get(plan, key)?;
        let answers = plan.features.iter().map(|feature| {
            let answer = known.series[feature.series].answer(&plan.series[feature.series], feature.question, moment);
            (feature.name.clone(), answer)
        });
        Some(answers.collect())
    }

    /// How many entities of each kind are known.
    pub fn known(&self) -> impl Iterator<Item = (&str, usize)> {
        let count = |shards: &Vec<Shard>| shards.iter().map(Shard::len).sum();
        self.plan.entities.iter().zip(&self.known).map(move |(plan, shards)| (plan.name.as_str(), count(shards)))
    }

    /// All that is known, as bytes: equal where two profilers would answer the same for ever.
    pub fn state(&self) -> Vec<Vec<(u128, Box<[u8]>)>> {
        self.known.iter().map(|shards| shards.iter().flat_map(Shard::packed).collect()).collect()
    }
}

/// The record of each row.
fn record_of_rows(starts: &[u32], rows: usize) -> Vec<u32> {
    let mut of = vec![0; rows];
    for (record, window) in starts.windows(2).enumerate() {
        of[window[0] as usize..window[1] as usize].fill(record as u32);
    }
    of
}

/// The rows of a batch, in the form that entities take.
struct Prepared {
    moments: Vec<Moment>,
    /// By entity; `None` where the stream says nothing of it.
    of: Vec<Option<OfEntity>>,
}

/// What the rows of a batch bring to one entity.
struct OfEntity {
    keys: Vec<Option<KeyHash>>,
    brings: Vec<Brings>,
}

/// What rows bring to one series.
struct Brings {
    series: usize,
    each: Each,
    facts: Facts,
    filter: Filter,
}

impl Prepared {
    fn new(
        plan: &ProfilePlan,
        feed: &FeedPlan,
        stream: &'static Stream,
        rows: &RecordBatch,
        seed: u64,
    ) -> Result<Self, ProfileError> {
        let arrays = feed.evaluator.values(rows, &feed.operands)?;
        let times = rows.column_by_name("event_at").ok_or(ProfileError::NoTime(stream.name))?;
        let times = cast(times, &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))?;
        let times = times.as_primitive::<TimestampMillisecondType>();
        let moments = times.values().iter().map(|at_ms| Moment { at_ms: *at_ms, day: plan.days.of(*at_ms) }).collect();
        let brings = |input: &SeriesInput| -> Result<Brings, ArrowError> {
            let values = |input: &Option<_>| input.as_ref().map(|input| Values::of(input, &arrays));
            Ok(Brings {
                series: input.series,
                each: input.each,
                facts: Facts::of(input.keeps, values(&input.of).as_ref())?,
                filter: Filter::of(values(&input.filter).as_ref())?,
            })
        };
        let of = feed.keys.iter().zip(&feed.inputs).map(|(key, inputs)| {
            let Some(key) = key else { return Ok(None) };
            let keys = keys(&Values::of(key, &arrays), rows.num_rows(), seed)?;
            let brings = inputs.iter().map(brings).collect::<Result<_, _>>()?;
            Ok(Some(OfEntity { keys, brings }))
        });
        let of = of.collect::<Result<_, ArrowError>>()?;
        Ok(Self { moments, of })
    }
}

/// A row that is about an entity of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    key: KeyHash,
    record: u32,
    /// Whether it is of the version that is there now; those that it replaces come first.
    now: bool,
    row: u32,
}

/// The rows that are about entities of a shard, those of one entity together, in the order of the journal. What one
/// entity is told and given does not depend on any other, so each is looked up once, and is in the caches then.
fn items(
    of: &OfEntity,
    replaced: Option<&OfEntity>,
    shard: usize,
    of_record: &[u32],
    of_replaced: &[u32],
) -> Vec<Item> {
    let rows = |of: &OfEntity, records: &[u32], now: bool, items: &mut Vec<Item>| {
        let keys = of.keys.iter().zip(records).enumerate();
        let here = keys.filter_map(|(row, (key, record))| Some((row, (*key)?, *record)));
        let here = here.filter(|(_, key, _)| shard_of(*key) == shard);
        items.extend(here.map(|(row, key, record)| Item { key, record, now, row: row as u32 }));
    };
    let mut items = Vec::new();
    if let Some(replaced) = replaced {
        rows(replaced, of_replaced, false, &mut items);
    }
    rows(of, of_record, true, &mut items);
    items.sort_unstable();
    items
}

impl OfEntity {
    /// What a row brings: each series it feeds, and the fact. `earlier` are the rows of its record about the same entity
    /// that came before it.
    fn of_row<'f>(
        &'f self,
        earlier: &'f [Item],
        row: usize,
        moments: &'f [Moment],
    ) -> impl Iterator<Item = (usize, Fact<'f>)> {
        self.brings.iter().filter_map(move |brings| {
            let fact_of = |row: usize| brings.facts.at(row, moments[row]).filter(|_| brings.filter.holds(row));
            let fact = fact_of(row)?;
            // A record counts once for each of those it is about, by the first of its rows that says something.
            let said = brings.each == Each::Record && earlier.iter().any(|item| fact_of(item.row as usize).is_some());
            (!said).then_some((brings.series, fact))
        })
    }
}

/// A part of one kind of entity on its way through a batch.
struct Pass<'p> {
    plan: &'p EntityPlan,
    known: &'p mut Shard,
    now: &'p Prepared,
    of: &'p OfEntity,
    replaced: Option<(&'p Prepared, &'p OfEntity)>,
    told: Told,
}

impl Pass<'_> {
    fn run(&mut self, items: &[Item]) {
        for of_entity in items.chunk_by(|a, b| a.key == b.key) {
            for of_record in of_entity.chunk_by(|a, b| a.record == b.record) {
                let (replaced, now) = of_record.split_at(of_record.partition_point(|item| !item.now));
                self.take_back(replaced);
                self.tell(now);
                self.add(now);
            }
        }
    }

    /// The record is not there any more as it was.
    fn take_back(&mut self, items: &[Item]) {
        let (Some((prepared, of)), Some(first)) = (self.replaced, items.first()) else { return };
        let Some(entity) = self.known.get(self.plan, first.key) else { return };
        for (place, item) in items.iter().enumerate() {
            let row = item.row as usize;
            for (series, fact) in of.of_row(&items[..place], row, &prepared.moments) {
                entity.series[series].remove(&self.plan.series[series], prepared.moments[row], fact);
            }
        }
    }

    /// All rows of a record see the same: what was before it.
    fn tell(&mut self, items: &[Item]) {
        let Some(first) = items.first().filter(|_| self.told.asks()) else { return };
        let mut known = self.known.get(self.plan, first.key);
        let mut last = None;
        for item in items {
            let moment = self.now.moments[item.row as usize];
            if last.replace(moment) == Some(moment) {
                self.told.repeat(item.row);
            } else {
                self.told.add(self.plan, item.row, known.as_deref_mut(), moment);
            }
        }
    }

    fn add(&mut self, items: &[Item]) {
        for (place, item) in items.iter().enumerate() {
            let row = item.row as usize;
            let moment = self.now.moments[row];
            let mut brings = self.of.of_row(&items[..place], row, &self.now.moments).peekable();
            if brings.peek().is_none() {
                continue;
            }
            let entity = self.known.get_or_new(self.plan, item.key);
            for (series, fact) in brings {
                entity.series[series].add(&self.plan.series[series], moment, fact);
            }
        }
    }
}
