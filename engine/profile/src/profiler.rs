//! Records in their order, each first told what is known of those it is about, then added to it.
//!
//! Entities do not depend on each other, so what a batch has for each of them goes to it together, record by record, and
//! threads take some of the entities each. What a record sees depends on those before it in the journal and on nothing
//! else: not on where a batch ends, nor on the number of threads.

use std::ops::Range;
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
use crate::cell::Fact;
use crate::entity::Entity;
use crate::facts::{Facts, Filter, Values, keys};
use crate::plan::{EntityPlan, FeaturePlace, FeedPlan, Input, ProfilePlan, SeriesInput, with_parents};
use crate::series::Moment;
use crate::shard::{KeyHash, Shard, open_bytes_max};
use crate::shelf::{Position, Shelf, ShelfError, Shelved, StateId, from_shelf};

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
    /// What is kept of entities cannot be read; nothing has changed.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
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
    /// Where the first row stands in the journal, and the others after it.
    pub first: Position,
    /// When they became known, in ms since 1970 UTC.
    pub known_at_ms: i64,
}

impl<'a> Records<'a> {
    /// Records that make these as if they had never been. Only where nothing was replaced is it without records.
    fn inverse(self, nothing: &'a RecordBatch, no_starts: &'a [u32]) -> Self {
        let Self { stream, rows, starts, replaced, first, known_at_ms } = self;
        let Replaced { rows: now, starts: now_starts } =
            replaced.unwrap_or(Replaced { rows: nothing, starts: no_starts });
        Self { stream, rows: now, starts: now_starts, replaced: Some(Replaced { rows, starts }), first, known_at_ms }
    }

    fn position(&self, record: u32) -> Position {
        self.first + Position::from(self.starts.get(record as usize).copied().unwrap_or_default())
    }
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
    known: Vec<Kind>,
    seed: u64,
    /// Without it all is in memory.
    shelf: Option<Arc<dyn Shelf>>,
}

/// All that is known of the entities of one kind.
struct Kind {
    id: StateId,
    /// None while it is not known yet what was before: nothing is told of them then, and nothing added.
    shards: Option<Vec<Shard>>,
}

/// Entities of one kind, in as many parts, so that threads share the work on a kind too.
const SHARDS: usize = 8;
/// Entities of one kind that stay in memory though the shelf has them.
const IN_MEMORY_MAX: usize = 1 << 21;

/// A record dated further ahead is as good as one dated so far.
const AHEAD_DAYS: i64 = 366;

/// So few rows are done before other threads have begun to help.
const FEW: usize = 256;

/// The place of the shard that a key is in.
fn shard_of(key: KeyHash) -> usize {
    (key >> (KeyHash::BITS - SHARDS.ilog2())) as usize
}

fn no_shards() -> Vec<Shard> {
    (0..SHARDS).map(|_| Shard::default()).collect()
}

impl Profiler {
    /// One that knows nothing yet. `seed` is secret: with it keys are hashed.
    pub fn new(plan: Arc<ProfilePlan>, seed: u64) -> Self {
        let known = plan.state_ids(seed).into_iter().map(|id| Kind { id, shards: Some(no_shards()) }).collect();
        Self { plan, known, seed, shelf: None }
    }

    /// One that knows what a shelf has of those kinds of entities that are `complete` there. It has to be told again
    /// what came since, see [`Profiler::catch_up`].
    pub fn on(plan: Arc<ProfilePlan>, seed: u64, shelf: Arc<dyn Shelf>, complete: impl Fn(StateId) -> bool) -> Self {
        let kind = |id| Kind { id, shards: complete(id).then(no_shards) };
        let known = plan.state_ids(seed).into_iter().map(kind).collect();
        Self { plan, known, seed, shelf: Some(shelf) }
    }

    /// Goes on under another plan with the kinds of entities that it shares with this one.
    pub fn follow(&mut self, plan: Arc<ProfilePlan>, seed: u64) {
        let ids = plan.state_ids(seed);
        let mut old = std::mem::take(&mut self.known);
        let kind = |id: StateId| {
            let same = old.iter_mut().find(|kind| kind.id == id).and_then(|kind| kind.shards.take());
            Kind { id, shards: same }
        };
        self.known = ids.into_iter().map(kind).collect();
        (self.plan, self.seed) = (plan, seed);
    }

    /// Takes over what another one knows of kinds of which nothing is known here. Both have been told the same.
    pub fn adopt(&mut self, mut other: Self) {
        for kind in self.known.iter_mut().filter(|kind| kind.shards.is_none()) {
            let known = other.known.iter_mut().find(|other| other.id == kind.id);
            kind.shards = known.and_then(|known| known.shards.take());
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// How features are computed.
    pub fn plan(&self) -> &Arc<ProfilePlan> {
        &self.plan
    }

    /// The kinds of entities by name, and whether what was before is known of them.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, StateId, bool)> {
        let kinds = self.plan.entities.iter().zip(&self.known);
        kinds.map(|(plan, kind)| (plan.name.as_str(), kind.id, kind.shards.is_some()))
    }

    /// Tells what is known at each record, a column a feature and a value a row, and makes the records known. Where it
    /// fails nothing has changed.
    pub fn pass(&mut self, records: &Records<'_>, wanted: &[&str]) -> Result<Vec<ArrayRef>, ProfileError> {
        let plan = Arc::clone(&self.plan);
        let places: Vec<FeaturePlace> = wanted
            .iter()
            .map(|name| plan.feature(name).ok_or_else(|| ProfileError::UnknownFeature((*name).to_owned())))
            .collect::<Result<_, _>>()?;
        let asked = with_parents(&plan, &places);
        let told = self.run(records, &asked, false)?;
        let known = |place: &FeaturePlace| with_parents(&plan, &[*place]).iter().all(|p| self.known[p.0].is_known());
        let column = |place: &FeaturePlace| {
            let told = if known(place) { told.as_slice() } else { &[] };
            column(&plan, *place, told, records.rows.num_rows())
        };
        Ok(places.par_iter().map(column).collect())
    }

    /// Makes records known again that some entities know already, since the shelf has them as they were later.
    pub fn catch_up(&mut self, records: &Records<'_>) -> Result<(), ProfileError> {
        self.run(records, &[], true).map(|_| ())
    }

    /// What comes from here on is new to all.
    pub fn caught_up(&mut self) {
        self.shards_mut().for_each(|(_, shard)| shard.caught_up());
    }

    /// Makes records that were passed last as if they had never been: they did not get into the journal.
    pub fn take_back(&mut self, records: Records<'_>) -> Result<(), ProfileError> {
        let nothing = records.rows.slice(0, 0);
        let no_starts = vec![0; records.starts.len()];
        self.run(&records.inverse(&nothing, &no_starts), &[], false).map(|_| ())
    }

    fn run(&mut self, records: &Records<'_>, asked: &[FeaturePlace], again: bool) -> Result<Vec<Told>, ProfileError> {
        let plan = Arc::clone(&self.plan);
        let Some(feed) = plan.feed(records.stream) else { return Ok(Vec::new()) };
        let stream = records.stream;
        let known_ms = records.known_at_ms;
        let now = Prepared::new(&plan, feed, stream, records.rows, known_ms, self.seed)?;
        let before = records.replaced.map(|of| Prepared::new(&plan, feed, stream, of.rows, known_ms, self.seed));
        let before = before.transpose()?;
        let of_record = record_of_rows(records.starts, records.rows.num_rows());
        let of_replaced = records.replaced.map_or(Vec::new(), |of| record_of_rows(of.starts, of.rows.num_rows()));
        let shelf = self.shelf.clone();
        let known = self.known.iter().flat_map(|kind| kind.shards.iter().flatten()).map(Shard::len).sum();
        let open_bytes_max = open_bytes_max(known) / (SHARDS * self.known.len().max(1));
        let mut parts: Vec<Part<'_>> = self
            .known
            .iter_mut()
            .enumerate()
            .flat_map(|(entity, kind)| {
                let id = kind.id;
                let shards = kind.shards.iter_mut().flatten().enumerate();
                shards.map(move |(shard, known)| Part {
                    entity,
                    id,
                    shard,
                    known,
                    items: Vec::new(),
                    fetched: Vec::new(),
                })
            })
            .filter(|part| {
                let of = [Some(&now), before.as_ref()].into_iter().flatten().filter_map(|p| p.of[part.entity].as_ref());
                now.of[part.entity].is_some() && of.into_iter().any(|of| !of.keys[part.shard].is_empty())
            })
            .collect();
        // All that can fail comes before anything changes.
        let look_up = |part: &mut Part<'_>| -> Result<(), ProfileError> {
            if let Some(of) = &now.of[part.entity] {
                let replaced = before.as_ref().and_then(|before| before.of[part.entity].as_ref());
                part.items = items(of, replaced, part.shard, &of_record, &of_replaced);
            }
            if let Some(shelf) = &shelf {
                part.fetch(shelf.as_ref())?;
            }
            Ok(())
        };
        let few = records.rows.num_rows() <= FEW;
        if few {
            parts.iter_mut().try_for_each(look_up)?;
        } else {
            parts.par_iter_mut().try_for_each(look_up)?;
        }
        let pass = |part: Part<'_>| {
            let Part { entity, known, items, fetched, .. } = part;
            for (key, bytes) in &fetched {
                known.take_from_shelf(*key, bytes, again);
            }
            let of = now.of[entity].as_ref()?;
            let replaced = before.as_ref().and_then(|before| Some((before, before.of[entity].as_ref()?)));
            let asked = asked.iter().filter(|place| place.0 == entity).map(|place| place.1).collect();
            let told = Told::new(&plan, entity, asked, items.len());
            let (shelved, known_day) = (shelf.is_some(), plan.days.of(records.known_at_ms));
            let mut pass = Pass {
                plan: &plan.entities[entity],
                known,
                now: &now,
                of,
                replaced,
                told,
                records,
                again,
                shelved,
                known_day,
            };
            pass.run(&items);
            pass.known.pack(open_bytes_max);
            Some(pass.told)
        };
        Ok(if few {
            parts.into_iter().filter_map(pass).collect()
        } else {
            parts.into_par_iter().filter_map(pass).collect()
        })
    }

    /// The entities that have changed before a position and are not on the shelf as they are; they will be with that
    /// commit. Everything before `upto` has been passed.
    pub fn shelve(&mut self, before: Position, upto: Position, commit: u64) -> Vec<Shelved> {
        let shards: Vec<_> = self.shards_mut().collect();
        let shelve = |(id, shard): (StateId, &mut Shard)| shard.shelve(id, before, upto, commit);
        shards.into_par_iter().flat_map_iter(shelve).collect()
    }

    /// By kind of entity: the least position that the shelf lacks anything of, with all that was given to it; `None`
    /// where it lacks nothing. Kinds of which it is not known what was before are left out.
    pub fn lacks(&self) -> impl Iterator<Item = (StateId, Option<Position>)> {
        let known = self.known.iter().filter_map(|kind| Some((kind.id, kind.shards.as_ref()?)));
        known.map(|(id, shards)| (id, shards.iter().filter_map(Shard::lacks).min()))
    }

    /// Everything that was given to the shelf in commits up to this one is there.
    pub fn committed(&mut self, commit: u64) {
        self.shards_mut().for_each(|(_, shard)| shard.committed(commit, IN_MEMORY_MAX / SHARDS));
    }

    /// How many entities of each kind are in memory.
    pub fn known(&self) -> impl Iterator<Item = (&str, usize)> {
        let count = |kind: &Kind| kind.shards.iter().flatten().map(Shard::len).sum();
        self.plan.entities.iter().zip(&self.known).map(move |(plan, kind)| (plan.name.as_str(), count(kind)))
    }

    /// All that is in memory, as bytes: equal where two profilers would answer the same for ever.
    pub fn state(&self) -> Vec<Vec<(u128, Box<[u8]>)>> {
        self.known.iter().map(|kind| kind.shards.iter().flatten().flat_map(Shard::packed).collect()).collect()
    }

    /// Whether what the shelf has of an entity may go from there, with what is in memory of it: on that day it has to be
    /// forgotten, and nothing newer than `bytes` is on its way.
    pub fn forget(&mut self, of: StateId, key: u128, bytes: &[u8], now_ms: i64) -> bool {
        let today = self.plan.days.of(now_ms);
        let Some(place) = self.known.iter().position(|kind| kind.id == of) else { return false };
        let Some(after) = self.plan.entities[place].forget_after else { return false };
        let last_day = from_shelf(bytes).and_then(|(_, packed)| Entity::last_day(packed));
        let over = last_day.is_none_or(|last_day| today.saturating_sub(last_day) > after);
        let Some(shards) = self.known[place].shards.as_mut().filter(|_| over) else { return false };
        shards[shard_of(key)].forget(key)
    }

    /// On that day, whether an entity of these bytes would have to be forgotten.
    pub fn is_over(&self, of: StateId, packed: &[u8], now_ms: i64) -> bool {
        let today = self.plan.days.of(now_ms);
        let plan = self.known.iter().zip(&self.plan.entities).find(|(kind, _)| kind.id == of).map(|(_, plan)| plan);
        let after = plan.and_then(|plan| plan.forget_after);
        after.zip(Entity::last_day(packed)).is_some_and(|(after, last_day)| today.saturating_sub(last_day) > after)
    }

    /// The bytes of one entity as [`Profiler::state`] has them, wherever it is.
    pub fn packed(&self, of: StateId, key: u128) -> Result<Option<Box<[u8]>>, ProfileError> {
        let Some(shards) = self.known.iter().find(|kind| kind.id == of).and_then(|kind| kind.shards.as_ref()) else {
            return Ok(None);
        };
        if let Some(bytes) = shards[shard_of(key)].packed_one(key) {
            return Ok(Some(bytes));
        }
        let Some(shelf) = &self.shelf else { return Ok(None) };
        let bytes = shelf.fetch(of, &[key])?.pop().flatten();
        Ok(bytes.and_then(|bytes| Some(from_shelf(&bytes)?.1.into())))
    }

    fn shards_mut(&mut self) -> impl Iterator<Item = (StateId, &mut Shard)> {
        self.known.iter_mut().flat_map(|kind| kind.shards.iter_mut().flatten().map(|shard| (kind.id, shard)))
    }
}

impl Kind {
    fn is_known(&self) -> bool {
        self.shards.is_some()
    }
}

/// A shard, what a batch has for it, and what of that has to come from the shelf first.
struct Part<'p> {
    entity: usize,
    id: StateId,
    shard: usize,
    known: &'p mut Shard,
    items: Vec<Item>,
    fetched: Vec<(KeyHash, Vec<u8>)>,
}

impl Part<'_> {
    fn fetch(&mut self, shelf: &dyn Shelf) -> Result<(), ShelfError> {
        let missing = self.known.missing(self.items.chunk_by(|a, b| a.key == b.key).map(|items| items[0].key));
        let found = shelf.fetch(self.id, &missing)?;
        self.fetched = missing.into_iter().zip(found).filter_map(|(key, bytes)| Some((key, bytes?))).collect();
        Ok(())
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
    /// By shard: the rows about entities there, and which those are.
    keys: [Vec<(KeyHash, u32)>; SHARDS],
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
        known_ms: i64,
        seed: u64,
    ) -> Result<Self, ProfileError> {
        let arrays = if rows.num_rows() <= FEW {
            feed.evaluator.values(rows, &feed.operands)?
        } else {
            let values = |operand| feed.evaluator.values(rows, std::slice::from_ref(operand));
            feed.operands.par_iter().map(values).collect::<Result<Vec<_>, _>>()?.concat()
        };
        let times = rows.column_by_name("event_at").ok_or(ProfileError::NoTime(stream.name))?;
        let times = cast(times, &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))?;
        let times = times.as_primitive::<TimestampMillisecondType>();
        let known_day = plan.days.of(known_ms);
        let moment_of = |at_ms: i64| Moment { at_ms, day: plan.days.of(at_ms), known_ms, known_day };
        let moments = times.values().iter().map(|at_ms| moment_of(*at_ms)).collect();
        let brings = |input: &SeriesInput| -> Result<Brings, ArrowError> {
            let values = |input: &Option<_>| input.as_ref().map(|input| Values::of(input, &arrays));
            Ok(Brings {
                series: input.series,
                each: input.each,
                facts: Facts::of(input.keeps, values(&input.of).as_ref())?,
                filter: Filter::of(values(&input.filter).as_ref())?,
            })
        };
        let of = |(key, inputs): (&Option<Input>, &Vec<SeriesInput>)| {
            let Some(key) = key else { return Ok(None) };
            let keys = by_shard(&keys(&Values::of(key, &arrays), rows.num_rows(), seed)?);
            let brings = inputs.iter().map(brings).collect::<Result<_, _>>()?;
            Ok(Some(OfEntity { keys, brings }))
        };
        let of = if rows.num_rows() <= FEW {
            feed.keys.iter().zip(&feed.inputs).map(of).collect::<Result<_, ArrowError>>()?
        } else {
            feed.keys.par_iter().zip(&feed.inputs).map(of).collect::<Result<_, ArrowError>>()?
        };
        Ok(Self { moments, of })
    }
}

fn by_shard(keys: &[Option<KeyHash>]) -> [Vec<(KeyHash, u32)>; SHARDS] {
    let mut shards = [const { Vec::new() }; SHARDS];
    for (row, key) in keys.iter().enumerate() {
        if let Some(key) = key {
            shards[shard_of(*key)].push((*key, row as u32));
        }
    }
    shards
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
        let item = |(key, row): &(KeyHash, u32)| Item { key: *key, record: records[*row as usize], now, row: *row };
        items.extend(of.keys[shard].iter().map(item));
    };
    let mut items = Vec::new();
    if let Some(replaced) = replaced {
        rows(replaced, of_replaced, false, &mut items);
    }
    rows(of, of_record, true, &mut items);
    items.sort_unstable();
    items
}

/// What rows bring, in the order in which entities take it.
///
/// Rows about an entity are all over the batch, and each entity is somewhere else in memory. Gathered for many at once,
/// none has to wait for the one before it.
#[derive(Default)]
struct Gathered<'p> {
    moments: Vec<Moment>,
    /// By row and series fed.
    facts: Vec<Option<Fact<'p>>>,
}

/// Rows gathered at once, or a few more: those of an entity stay together.
const AHEAD: usize = 96;

/// Where the next rows to be gathered end.
fn ahead(items: &[Item]) -> usize {
    let Some(last) = items.get(AHEAD - 1) else { return items.len() };
    AHEAD + items[AHEAD..].iter().take_while(|item| item.key == last.key).count()
}

/// A part of one kind of entity on its way through a batch.
struct Pass<'p> {
    plan: &'p EntityPlan,
    known: &'p mut Shard,
    now: &'p Prepared,
    of: &'p OfEntity,
    replaced: Option<(&'p Prepared, &'p OfEntity)>,
    told: Told,
    records: &'p Records<'p>,
    /// Whether some entities may know the records already.
    again: bool,
    /// Whether it matters what has changed.
    shelved: bool,
    /// The day on which the records became known.
    known_day: i64,
}

impl<'p> Pass<'p> {
    fn run(&mut self, items: &[Item]) {
        let mut gathered = Gathered::default();
        let mut rest = items;
        while !rest.is_empty() {
            let (next, later) = rest.split_at(ahead(rest));
            rest = later;
            self.known.warm(next.chunk_by(|a, b| a.key == b.key).map(|items| items[0].key));
            self.gather(next, &mut gathered);
            let mut first = 0;
            for of_entity in next.chunk_by(|a, b| a.key == b.key) {
                self.pass(of_entity, first, &gathered);
                first += of_entity.len();
            }
        }
    }

    fn gather(&self, items: &[Item], into: &mut Gathered<'p>) {
        let of = |item: &Item| self.replaced.filter(|_| !item.now).unwrap_or((self.now, self.of));
        into.moments.clear();
        into.moments.extend(items.iter().map(|item| of(item).0.moments[item.row as usize]));
        let width = self.of.brings.len();
        into.facts.clear();
        into.facts.resize(items.len() * width, None);
        for series in 0..width {
            let facts = into.facts.iter_mut().skip(series).step_by(width);
            for ((item, moment), fact) in items.iter().zip(&into.moments).zip(facts) {
                let (row, brings) = (item.row as usize, &of(item).1.brings[series]);
                if brings.filter.holds(row) {
                    *fact = brings.facts.at(row, *moment);
                }
            }
        }
    }

    /// The rows about one entity; `first` is the place of the first among those gathered.
    fn pass(&mut self, items: &[Item], mut first: usize, gathered: &Gathered<'p>) {
        let key = items[0].key;
        let mut taken = self.known.take(self.plan, key);
        let mut changed = false;
        for of_record in items.chunk_by(|a, b| a.record == b.record) {
            let replaced = of_record.partition_point(|item| !item.now);
            let (then, now) = (first..first + replaced, first + replaced..first + of_record.len());
            first = now.end;
            if self.again && self.known.has(key, self.records.position(of_record[0].record)) {
                continue;
            }
            if taken.entity().is_over(self.known_day, self.plan.forget_after) {
                taken.entity().clear(self.plan);
                changed = true;
            }
            if self.shelved {
                // That of the first of all: what changes is in the order of positions then.
                self.known.changed(key, self.records.first);
            }
            // The record is not there any more as it was. Of one of whom nothing is known nothing can be taken back.
            if !then.is_empty() && (taken.known || changed) {
                self.bring(gathered, then, |place, moment, fact| {
                    taken.entity().series[place].remove(&self.plan.series[place], moment, fact);
                });
                taken.entity().unnote(self.records.position(of_record[0].record));
                changed = true;
            }
            self.tell(taken.entity(), &of_record[replaced..], &gathered.moments[now.clone()]);
            // From now on it is there.
            let mut day = None;
            self.bring(gathered, now, |place, moment, fact| {
                taken.entity().series[place].add(&self.plan.series[place], moment, fact);
                day = day.max(Some(moment.day));
            });
            if let Some(day) = day {
                let day = day.clamp(self.known_day, self.known_day.saturating_add(AHEAD_DAYS));
                taken.entity().note(day, self.records.position(of_record[0].record));
                changed = true;
            }
        }
        self.known.give_back(taken, changed);
    }

    /// All rows of a record see the same: what was before it.
    fn tell(&mut self, entity: &mut Entity, items: &[Item], moments: &[Moment]) {
        if !self.told.asks() {
            return;
        }
        let mut last = None;
        for (item, moment) in items.iter().zip(moments) {
            if last.replace(moment) == Some(moment) {
                self.told.repeat(item.row);
            } else {
                self.told.add(self.plan, item.row, entity, *moment);
            }
        }
    }

    /// What a record brings to each series.
    fn bring(&self, gathered: &Gathered<'p>, rows: Range<usize>, mut to: impl FnMut(usize, Moment, Fact<'p>)) {
        let brings = &self.of.brings;
        let facts = |row: usize| &gathered.facts[row * brings.len()..][..brings.len()];
        for row in rows.clone() {
            for (place, (brings, fact)) in brings.iter().zip(facts(row)).enumerate() {
                let Some(fact) = fact else { continue };
                // A record counts once for each of those it is about, by the first of its rows that says something.
                let said = || (rows.start..row).any(|earlier| facts(earlier)[place].is_some());
                if brings.each == Each::Item || !said() {
                    to(brings.series, gathered.moments[row], *fact);
                }
            }
        }
    }
}
