//! Records in their order, each first told what is known of those it is about, then added to it.
//!
//! Entities do not depend on each other, so what a batch has for each of them goes to it together, record by record, and
//! threads take some of the entities each. What a record sees depends on those before it in the journal and on nothing
//! else: not on where a batch ends, nor on the number of threads.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::error::ArrowError;
use haechi_evaluate::EvaluateError;
use haechi_model::Stream;
use rayon::prelude::*;

use crate::answers::{Told, column};
use crate::entity::Entity;
use crate::journal::PassNumber;
use crate::network::{Brought, Joined, Ties};
use crate::plan::{FeaturePlace, ProfilePlan, with_parents};
use crate::shard::{BYTES_MAX, KeyHash, Shard, open_bytes_max};
use crate::shelf::{Position, Shelf, ShelfError, Shelved, StateId, from_shelf};

mod brought;
mod pass;

use brought::{Guests, Item, Known, Prepared, items};
use pass::Pass;

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
    /// When each became known, in ms since 1970 UTC.
    pub known_at_ms: &'a [i64],
}

impl Records<'_> {
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
    /// Room for what the next batch is told.
    spare: Vec<Told>,
    /// How often records were passed that may have to be taken back.
    passes: PassNumber,
    /// Whether those that come may.
    marked: bool,
}

/// A place among what was passed: what came after it can be taken back.
#[derive(Clone, Copy, Debug)]
pub struct Mark(PassNumber);

/// All that is known of the entities of one kind.
struct Kind {
    id: StateId,
    /// None while it is not known yet what was before: nothing is told of them then, and nothing added.
    shards: Option<Vec<Shard>>,
}

/// Entities of one kind, in as many parts, so that threads share the work on a kind too.
const SHARDS: usize = 8;

/// A record dated further ahead is as good as one dated so far.
const AHEAD_DAYS: i64 = 366;

/// The last day that a record may be dated that became known on a day.
pub(crate) fn last_day(known_day: i64) -> i64 {
    known_day.saturating_add(AHEAD_DAYS)
}

/// So few rows are done before other threads have begun to help.
const FEW: usize = 256;

/// Expressions that a thread takes at once: what they have in common is made once for all of them.
const OPERANDS_AT_ONCE: usize = 8;

/// The place of the shard that a key is in.
pub(crate) fn shard_of(key: KeyHash) -> usize {
    (key >> (KeyHash::BITS - SHARDS.ilog2())) as usize
}

fn no_shards() -> Vec<Shard> {
    (0..SHARDS).map(|_| Shard::default()).collect()
}

impl Profiler {
    /// One that knows nothing yet. `seed` is secret: with it keys are hashed.
    pub fn new(plan: Arc<ProfilePlan>, seed: u64) -> Self {
        let known = plan.state_ids(seed).into_iter().map(|id| Kind { id, shards: Some(no_shards()) }).collect();
        Self { plan, known, seed, shelf: None, spare: Vec::new(), passes: 0, marked: false }
    }

    /// One that knows what a shelf has of those kinds of entities that are `complete` there. It has to be told again
    /// what came since, see [`Profiler::catch_up`].
    pub fn on(plan: Arc<ProfilePlan>, seed: u64, shelf: Arc<dyn Shelf>, complete: impl Fn(StateId) -> bool) -> Self {
        let kind = |id| Kind { id, shards: complete(id).then(no_shards) };
        let known = plan.state_ids(seed).into_iter().map(kind).collect();
        Self { shelf: Some(shelf), known, ..Self::new(plan, seed) }
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
        // Its entities may remember passes by number; those of here go on behind them, so that none is taken for another.
        self.passes = self.passes.max(other.passes);
        for kind in self.known.iter_mut().filter(|kind| kind.shards.is_none()) {
            let known = other.known.iter_mut().find(|other| other.id == kind.id);
            kind.shards = known.and_then(|known| known.shards.take());
            kind.shards.iter_mut().flatten().for_each(|shard| shard.keep(self.passes));
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
        let (told, joined) = self.run(records, &asked, false)?;
        let known: Vec<bool> = (0..plan.entities.len()).map(|entity| self.is_known(entity)).collect();
        let known = |place: &FeaturePlace| plan.lineage(*place).all(|(entity, _)| known[entity]);
        let column = |place: &FeaturePlace| {
            if plan.is_members(*place) {
                let joined = plan.networks.iter().zip(&joined).find(|(network, _)| network.entity == place.0);
                return members(joined.map(|(_, joined)| joined), records.rows.num_rows());
            }
            let told = if known(place) { told.as_slice() } else { &[] };
            column(&plan, *place, told, records.rows.num_rows())
        };
        let columns = if records.rows.num_rows() <= FEW {
            places.iter().map(column).collect()
        } else {
            places.par_iter().map(column).collect()
        };
        self.spare = told;
        Ok(columns)
    }

    /// Makes records known again that some entities know already, since the shelf has them as they were later.
    pub fn catch_up(&mut self, records: &Records<'_>) -> Result<(), ProfileError> {
        self.spare = self.run(records, &[], true)?.0;
        Ok(())
    }

    /// What comes from here on is new to all.
    pub fn caught_up(&mut self) {
        self.shards_mut().for_each(|(_, shard)| shard.caught_up());
    }

    /// What is passed from here on, also by a pass that panics, can be taken back up to this mark, until it is kept. Not
    /// what is made known again, or taken over.
    pub fn mark(&mut self) -> Mark {
        self.marked = true;
        Mark(self.passes)
    }

    /// Makes all that was passed since a mark as if it had never been; marks before it go on.
    pub fn take_back(&mut self, mark: Mark) {
        self.shards_mut().for_each(|(_, shard)| shard.take_back(mark.0));
    }

    /// Nothing of what was passed will be taken back any more.
    pub fn keep(&mut self) {
        self.marked = false;
        let passes = self.passes;
        self.shards_mut().for_each(|(_, shard)| shard.keep(passes));
    }

    fn run(
        &mut self,
        records: &Records<'_>,
        asked: &[FeaturePlace],
        again: bool,
    ) -> Result<(Vec<Told>, Vec<Joined>), ProfileError> {
        let plan = Arc::clone(&self.plan);
        let Some(feed) = plan.feed(records.stream) else { return Ok((Vec::new(), Vec::new())) };
        let known = Known::of(&plan, records.known_at_ms);
        let now = Prepared::new(&plan, feed, (records.rows, records.starts), &known, self.seed)?;
        let before = records.replaced.map(|of| Prepared::new(&plan, feed, (of.rows, of.starts), &known, self.seed));
        let before = before.transpose()?;
        self.passes += 1;
        let joined = self.join(records, &now, before.as_ref(), asked, again)?;
        let told = self.tell(records, (&now, before.as_ref()), &joined, asked, again);
        if told.is_err() {
            self.untie();
        } else if !self.marked {
            let passes = self.passes;
            self.ties_mut().for_each(|shards| shards.iter_mut().for_each(|shard| shard.keep(passes)));
        }
        Ok((told?, joined))
    }

    /// The ties of networks that are known, by network.
    fn ties_mut(&mut self) -> impl Iterator<Item = &mut Vec<Shard>> {
        let declared = self.known.len() - self.plan.networks.len();
        self.known[declared..].iter_mut().filter_map(|kind| kind.shards.as_mut())
    }

    /// Under which number ties change: where the shelf cannot be read they have to become as they were.
    fn ties_pass(&self) -> Option<PassNumber> {
        (self.marked || self.shelf.is_some()).then_some(self.passes)
    }

    /// Ties are as if these records had not come.
    fn untie(&mut self) {
        let Some(number) = self.ties_pass() else { return };
        self.ties_mut().for_each(|shards| shards.iter_mut().for_each(|shard| shard.take_back(number - 1)));
    }

    /// Whom the rows are joined to, by network; they join from now on.
    fn join(
        &mut self,
        records: &Records<'_>,
        now: &Prepared,
        before: Option<&Prepared>,
        asked: &[FeaturePlace],
        again: bool,
    ) -> Result<Vec<Joined>, ProfileError> {
        let plan = Arc::clone(&self.plan);
        let (shelf, number) = (self.shelf.clone(), self.ties_pass());
        let open_bytes_max = self.open_bytes_max();
        let mut all = Vec::with_capacity(plan.networks.len());
        let mut failed = None;
        for (place, network) in plan.networks.iter().enumerate() {
            let kind = &mut self.known[network.ties];
            let (Some(shared), Some(shards)) = (&now.shared[place], kind.shards.as_mut()) else {
                all.push(Joined::default());
                continue;
            };
            for shard in shards.iter_mut() {
                shard.begin(number);
            }
            let mut ties = Ties {
                plan: network,
                entity: &plan.entities[network.ties],
                id: kind.id,
                shards,
                shelf: shelf.as_deref(),
                again,
                first: records.first,
            };
            let brought: Brought<'_> = (shared, &now.moments, records.starts);
            let replaced = before
                .zip(records.replaced)
                .and_then(|(before, of)| Some((before.shared[place].as_ref()?, before.moments.as_slice(), of.starts)));
            let asked = asked.iter().any(|asked| asked.0 == network.entity);
            match ties.pass(brought, replaced, asked, |record| records.position(record)) {
                Ok(joined) => {
                    ties.shards.iter_mut().for_each(|shard| shard.pack(open_bytes_max));
                    all.push(joined);
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        match failed {
            None => Ok(all),
            Some(error) => {
                self.untie();
                Err(error.into())
            }
        }
    }

    /// About how many bytes open entities of a shard may take.
    fn open_bytes_max(&self) -> usize {
        let packed = self.known.iter().flat_map(|kind| kind.shards.iter().flatten()).map(Shard::packed_bytes).sum();
        open_bytes_max(packed) / (SHARDS * self.known.len().max(1))
    }

    /// What rows are told of entities; from now on they are known.
    fn tell(
        &mut self,
        records: &Records<'_>,
        (now, before): (&Prepared, Option<&Prepared>),
        joined: &[Joined],
        asked: &[FeaturePlace],
        again: bool,
    ) -> Result<Vec<Told>, ProfileError> {
        let plan = Arc::clone(&self.plan);
        let guests: Vec<Guests> = plan.networks.iter().zip(joined).map(Guests::of).collect();
        let shelf = self.shelf.clone();
        let number = self.marked.then_some(self.passes);
        let open_bytes_max = self.open_bytes_max();
        let mut parts: Vec<Part<'_>> = Vec::new();
        for (entity, kind) in self.known.iter_mut().enumerate() {
            let Some(keys) = &now.keys[entity] else { continue };
            let replaced = before.and_then(|before| before.keys[entity].as_ref());
            let guests = guests.iter().find(|guests| guests.entity == entity).map(|guests| &guests.keys);
            for (shard, known) in kind.shards.iter_mut().flatten().enumerate() {
                let looked_at = [Some(keys), replaced, guests];
                if looked_at.into_iter().flatten().all(|keys| keys[shard].is_empty()) {
                    continue;
                }
                let told = self.spare.pop().unwrap_or_default();
                parts.push(Part { entity, id: kind.id, shard, known, items: Vec::new(), fetched: Vec::new(), told });
            }
        }
        // All that can fail comes before anything changes.
        let look_up = |part: &mut Part<'_>| -> Result<(), ProfileError> {
            if let Some(of) = &now.keys[part.entity] {
                let replaced = before.and_then(|before| before.keys[part.entity].as_ref());
                let guests = guests.iter().find(|of| of.entity == part.entity).map(|of| of.keys[part.shard].as_slice());
                let of_replaced = before.map_or(&[][..], |before| before.of_record.as_slice());
                let of = (of, replaced, guests.unwrap_or_default());
                part.items = items(of, part.shard, &now.of_record, of_replaced);
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
        let inputs = plan.feed(records.stream).map_or(&[][..], |feed| feed.inputs.as_slice());
        let pass = |part: Part<'_>| {
            let Part { entity, known, items, fetched, mut told, .. } = part;
            known.begin(number);
            for (key, bytes) in &fetched {
                known.take_from_shelf(*key, bytes, again);
            }
            let asked = asked.iter().filter(|place| place.0 == entity && !plan.is_members(**place));
            told.ask(entity, asked.map(|place| place.1), items.len());
            let joined = plan.networks.iter().zip(joined).find(|(network, _)| network.entity == entity);
            let mut pass = Pass {
                plan: &plan.entities[entity],
                known,
                inputs: &inputs[entity],
                now,
                replaced: before,
                joined: joined.map(|(_, joined)| joined),
                told,
                records,
                again,
                shelved: shelf.is_some(),
            };
            pass.run(&items);
            pass.known.pack(open_bytes_max);
            pass.told
        };
        let mut told: Vec<Told> =
            if few { parts.into_iter().map(pass).collect() } else { parts.into_par_iter().map(pass).collect() };
        for (network, joined) in plan.networks.iter().zip(joined) {
            let together = Told::together(&plan, network.entity, joined, &mut told);
            told.extend(together);
        }
        Ok(told)
    }

    /// Whether what was before is known of a kind of entity, and of what joins it.
    pub(crate) fn is_known(&self, entity: usize) -> bool {
        let ties = self.plan.networks.iter().find(|network| network.entity == entity).map(|network| network.ties);
        [Some(entity), ties].into_iter().flatten().all(|place| self.known[place].shards.is_some())
    }

    /// The entities that have changed before a position and are not on the shelf as they are; they will be with that
    /// commit. Everything before `upto` has been passed.
    pub fn shelve(&mut self, before: Position, upto: Position, commit: u64) -> Vec<Shelved> {
        let lacks = |shard: &Shard| shard.lacks().filter(|from| *from < before);
        let least = self.shards_mut().filter_map(|(_, shard)| lacks(shard)).min();
        let Some(least) = least else { return Vec::new() };
        let shards = self.shards_mut().filter(|(_, shard)| lacks(shard).is_some());
        let shards: Vec<_> = shards.collect();
        let shelve = |(id, shard): (StateId, &mut Shard)| shard.shelve(id, before, upto, commit);
        if before - least <= FEW as Position {
            shards.into_iter().flat_map(shelve).collect()
        } else {
            shards.into_par_iter().flat_map_iter(shelve).collect()
        }
    }

    /// By kind of entity: the least position that the shelf lacks anything of, with all that was given to it; `None`
    /// where it lacks nothing. Kinds of which it is not known what was before are left out.
    pub fn lacks(&self) -> impl Iterator<Item = (StateId, Option<Position>)> {
        let known = self.known.iter().filter_map(|kind| Some((kind.id, kind.shards.as_ref()?)));
        known.map(|(id, shards)| (id, shards.iter().filter_map(Shard::lacks).min()))
    }

    /// Everything that was given to the shelf in commits up to this one is there.
    pub fn committed(&mut self, commit: u64) {
        let all: usize = self.shards_mut().map(|(_, shard)| shard.bytes()).sum();
        self.shards_mut().for_each(|(_, shard)| {
            // Each gives up the same part.
            let max = if all > BYTES_MAX { shard.bytes() / 1_024 * (BYTES_MAX / (all / 1_024)) } else { usize::MAX };
            shard.committed(commit, max);
        });
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
        last_day.is_none_or(|last_day| today.saturating_sub(last_day) > after) && self.let_go(of, key)
    }

    /// Whether what the shelf has of an entity may go from there, with what is in memory of it: nothing newer is on its way.
    pub fn let_go(&mut self, of: StateId, key: u128) -> bool {
        let shards = self.known.iter_mut().find(|kind| kind.id == of).and_then(|kind| kind.shards.as_mut());
        shards.is_some_and(|shards| shards[shard_of(key)].forget(key))
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
        if !self.known.iter().any(|kind| kind.id == of && kind.shards.is_some()) {
            return Ok(None);
        }
        match (self.in_memory(of, key), &self.shelf) {
            (None, Some(shelf)) => fetch(shelf.as_ref(), of, key),
            (bytes, _) => Ok(bytes),
        }
    }

    /// The same, where it is in memory.
    pub(crate) fn in_memory(&self, of: StateId, key: KeyHash) -> Option<Box<[u8]>> {
        let kind = self.known.iter().find(|kind| kind.id == of)?;
        kind.shards.as_ref()?[shard_of(key)].packed_one(key)
    }

    /// Where the others are.
    pub(crate) fn shelf(&self) -> Option<&Arc<dyn Shelf>> {
        self.shelf.as_ref()
    }

    fn shards_mut(&mut self) -> impl Iterator<Item = (StateId, &mut Shard)> {
        self.known.iter_mut().flat_map(|kind| kind.shards.iter_mut().flatten().map(|shard| (kind.id, shard)))
    }
}

/// The bytes of one entity as they are in memory, from the shelf.
pub(crate) fn fetch(shelf: &dyn Shelf, of: StateId, key: KeyHash) -> Result<Option<Box<[u8]>>, ProfileError> {
    let bytes = shelf.fetch(of, &[key])?.pop().flatten();
    Ok(bytes.and_then(|bytes| Some(from_shelf(&bytes)?.1.into())))
}

/// A shard, what a batch has for it, and what of that has to come from the shelf first.
struct Part<'p> {
    entity: usize,
    id: StateId,
    shard: usize,
    known: &'p mut Shard,
    items: Vec<Item>,
    fetched: Vec<(KeyHash, Vec<u8>)>,
    told: Told,
}

impl Part<'_> {
    fn fetch(&mut self, shelf: &dyn Shelf) -> Result<(), ShelfError> {
        let missing = self.known.missing(self.items.chunk_by(|a, b| a.key == b.key).map(|items| items[0].key));
        if missing.is_empty() {
            return Ok(());
        }
        let found = shelf.fetch(self.id, &missing)?;
        self.fetched = missing.into_iter().zip(found).filter_map(|(key, bytes)| Some((key, bytes?))).collect();
        Ok(())
    }
}

/// How many are joined, by row.
fn members(joined: Option<&Joined>, rows: usize) -> ArrayRef {
    let members = joined.map(|joined| joined.members.clone()).filter(|members| members.len() == rows);
    Arc::new(Int64Array::from(members.unwrap_or_else(|| vec![None; rows])))
}

#[cfg(test)]
mod tests;
