//! What is remembered of importers, routes and travellers while the stream runs.
//!
//! Records are told what is known and become known in the order of the journal, before they are in it; what does not get
//! there is taken back. What is remembered lies in memory and, a while later, in the store: entities that have changed go
//! there with the commits, the longest changed first. So a restart reads on in the journal a little before its end.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use haechi_model::Stream;
use haechi_profile::{Mark, ProfileError, Profiler, Records, Replaced, Shelf, ShelfError, StateId};
use haechi_store::{Commit, Entry, Position, Store, StoreError, SubjectVersion};

use super::entities::Entities;
use super::filling::{Filled, Filling, filler};
use super::history::{prepare, read, replaced_rows};
use super::kept::{
    Told, complete_from, forget_kind, next_entities, put_complete_from, put_usable_from, state_key, told,
};
use super::past::Past;
use super::reach::Reach;
use super::sequencer::SettleError;
use crate::decide::DecideError;
use crate::memory::MemoryPlan;

/// Entities looked at for forgetting with each commit.
const SWEPT_AT_ONCE: usize = 32;

/// All that is known of entities, for those who ask.
pub(crate) type Known = Arc<Mutex<Profiler>>;

/// All that is remembered, and what has just been added to it.
pub(crate) struct Remembering {
    plan: Arc<MemoryPlan>,
    /// Others may look, between two blocks.
    profiler: Known,
    past: Past,
    entities: Arc<Entities>,
    reach: Reach,
    /// By kind of entity: from where on the store lacks anything, as it was written down last.
    noted: Vec<(StateId, Position)>,
    /// Kinds that have just become known, and what is told of them.
    usable: Vec<(StateId, Told)>,
    /// What was before is found out beside, for kinds that are new.
    filling: Option<Filling>,
    /// Up to where the store was looked through for what has to be forgotten.
    swept: Option<Vec<u8>>,
    swept_at: Position,
    /// What the journal has to be kept from once a commit is there.
    holds: VecDeque<(u64, Position)>,
    /// Whether there are kinds of which it still has to be.
    unfilled: bool,
    starting: bool,
}

/// Records of one stream on their way to the journal.
pub(crate) struct Coming<'a> {
    pub stream: &'static Stream,
    /// Their rows; of subjects derived as far as rules need it.
    pub rows: &'a RecordBatch,
    /// Where each begins, and the end of the last.
    pub starts: Vec<u32>,
    /// What each replaces.
    pub replaces: Vec<Replaces>,
    /// Where the first row will stand.
    pub first: Position,
    pub now_ms: i64,
}

/// What a record replaces.
#[derive(Clone, Debug)]
pub(crate) enum Replaces {
    /// It is the first of its subject.
    Nothing,
    /// The version that begins there.
    At(Position),
    /// One that is on its way to the journal with it.
    Rows(RecordBatch),
}

/// Every version known of subjects, by stream and id.
pub(crate) type VersionsOf<'a> = dyn Fn(&'static Stream, &[&str]) -> Result<Vec<Vec<SubjectVersion>>, StoreError> + 'a;

impl Remembering {
    /// What the store has, brought up to the end of the journal.
    pub fn start(
        store: &Store,
        plan: Arc<MemoryPlan>,
        committed: Arc<AtomicU64>,
        reach: Reach,
    ) -> Result<Self, SettleError> {
        let entities = Arc::new(Entities::new(store.clone()));
        let shelf: Arc<dyn Shelf> = Arc::<Entities>::clone(&entities);
        let profiler = Profiler::on(Arc::clone(plan.profiles()), plan.seed(), shelf, |_| false);
        let profiler = Arc::new(Mutex::new(profiler));
        let past = Past::new(store.clone(), committed);
        let mut this = Self {
            plan,
            profiler,
            past,
            entities,
            reach,
            noted: Vec::new(),
            usable: Vec::new(),
            filling: None,
            swept: None,
            swept_at: store.next_position(),
            holds: VecDeque::new(),
            unfilled: false,
            starting: true,
        };
        let end = store.next_position();
        this.fill(end, reach.at_start(), &|stream, ids| store.versions(stream, ids.iter().copied()))?;
        this.starting = false;
        let kinds = this.plan.profiles().state_ids(this.plan.seed());
        this.noted = complete_from(store, kinds)?;
        if !this.noted.is_empty() {
            store.hold(this.needed_from(end));
        }
        Ok(this)
    }

    /// Goes on under the rules in force, with all that was committed so far.
    pub fn turn(
        &mut self,
        plan: &Arc<MemoryPlan>,
        next: Position,
        versions: &VersionsOf<'_>,
    ) -> Result<(), SettleError> {
        let committed = self.past.prune();
        self.known().committed(committed);
        // Only what is certain lets go of the journal before it.
        while let Some((_, from)) = self.holds.pop_front_if(|(number, _)| *number <= committed) {
            self.past.store().hold(from);
        }
        if !Arc::ptr_eq(plan, &self.plan) {
            self.plan = Arc::clone(plan);
            self.known().follow(Arc::clone(plan.profiles()), plan.seed());
            let kept: Vec<StateId> = self.known().kinds().filter(|(.., known)| *known).map(|(_, id, _)| id).collect();
            self.noted.retain(|(id, _)| kept.contains(id));
            self.filling = None;
            self.unfilled = true;
        }
        match self.filling.as_ref().map_or(Filled::NotYet, Filling::ready) {
            Filled::NotYet => {}
            // Where taking it over fails it is begun anew.
            Filled::UpTo(filled, upto) => {
                (self.filling, self.unfilled) = (None, true);
                self.adopt(*filled, upto, next, versions)?;
            }
            // What would fail again at once is tried with the next rules, or the next start.
            Filled::Failed => self.filling = None,
        }
        if self.unfilled {
            self.fill(next, self.reach.at_once(), versions)?;
            self.unfilled = false;
        }
        Ok(())
    }

    /// The features asked for, of the records that come now, a column each; from now on they are known themselves.
    pub fn tell(
        &mut self,
        coming: Coming<'_>,
        wanted: &[String],
        versions: &VersionsOf<'_>,
    ) -> Result<Vec<ArrayRef>, SettleError> {
        let Coming { stream, rows, starts, replaces, first, now_ms } = coming;
        let known_at_ms = vec![now_ms; starts.len().saturating_sub(1)];
        if !self.plan.takes(stream) {
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let records = Records { stream, rows, starts: &starts, replaced: None, first, known_at_ms: &known_at_ms };
            return self.known().pass(&records, &wanted).map_err(settle_error);
        }
        let (plan, past) = (&*self.plan, &self.past);
        let rows = prepare(plan, past, stream, rows, now_ms, &|_| Position::MAX, versions)?;
        let replaced = replaced_rows(plan, past, stream, &replaces, now_ms, versions)?;
        let replaced = replaced.as_ref().map(|(rows, starts)| Replaced { rows, starts });
        let records = Records { stream, rows: &rows, starts: &starts, replaced, first, known_at_ms: &known_at_ms };
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        self.known().pass(&records, &wanted).map_err(settle_error)
    }

    /// What is passed from here on can be taken back, until it is kept.
    pub fn mark(&self) -> Mark {
        self.known().mark()
    }

    /// What was passed since a mark is not known any more.
    pub fn take_back(&self, mark: Mark) {
        self.known().take_back(mark);
    }

    /// Rows that will be in the journal with that commit.
    pub fn note(&mut self, commit: u64, entry: &Entry) {
        self.past.note(commit, entry);
    }

    /// All that was passed goes to the journal with this commit, which ends before `next`; with it goes what has changed
    /// long ago.
    pub fn keep(&mut self, commit: &mut Commit, number: u64, next: Position, now_ms: i64) {
        self.known().keep();
        self.sweep(commit, next, now_ms);
        let shelved = self.known().shelve(self.reach.overdue(next), next, number);
        commit.state.extend(shelved.into_iter().map(|entity| (state_key(entity.of, entity.key), Some(entity.bytes))));
        let lacks: Vec<(StateId, Position)> =
            self.known().lacks().map(|(id, from)| (id, from.unwrap_or(next))).collect();
        let far = |(id, from): &(StateId, Position)| {
            let noted = self.noted.iter().find(|(known, _)| known == id);
            noted.is_none_or(|(_, noted)| from.saturating_sub(*noted) >= self.reach.note_after())
        };
        let noted: Vec<_> = lacks.into_iter().filter(far).collect();
        for (id, from) in noted {
            commit.state.push(put_complete_from(id, from));
            self.noted.retain(|(known, _)| *known != id);
            self.noted.push((id, from));
        }
        commit.state.extend(self.usable.drain(..).map(|(id, from)| put_usable_from(id, from)));
        let from = self.needed_from(next);
        if self.holds.back().is_none_or(|(_, held)| *held != from) {
            self.holds.push_back((number, from));
        }
    }

    /// Looks at the next few entities in the store, and lets those go that have to be forgotten.
    fn sweep(&mut self, commit: &mut Commit, next: Position, now_ms: i64) {
        // As many as may have come, and some more.
        let limit = SWEPT_AT_ONCE + next.saturating_sub(std::mem::replace(&mut self.swept_at, next)) as usize / 8;
        let looked = match next_entities(self.past.store(), &mut self.swept, limit.min(4_096)) {
            Ok(looked) => looked,
            Err(error) => return tracing::debug!(%error, "entities cannot be looked at for forgetting"),
        };
        let mut dropped: Vec<StateId> = Vec::new();
        let mut known = self.known();
        let kinds: Vec<StateId> = known.kinds().map(|(_, id, _)| id).collect();
        for (of, ..) in &looked {
            // Nothing is told of it any more. Should its rules come back, it is filled anew.
            if !kinds.contains(of) && !dropped.contains(of) {
                dropped.push(*of);
                commit.state.extend(forget_kind(*of));
            }
        }
        let gone = looked.into_iter().filter(|(of, key, bytes)| {
            let too_old = self.entities.is_too_old(*of, bytes);
            dropped.contains(of) || known.forget(*of, *key, bytes, now_ms) || too_old && known.let_go(*of, *key)
        });
        let before = commit.state.len();
        commit.state.extend(gone.map(|(of, key, _)| (state_key(of, key), None)));
        metrics::counter!("haechi_entities_forgotten_total").increment((commit.state.len() - before) as u64);
    }

    /// From where on a restart would read the journal again.
    fn needed_from(&self, next: Position) -> Position {
        let from = self.noted.iter().map(|(_, from)| *from).min();
        let filling = self.filling.as_ref().map(Filling::reads_from);
        from.into_iter().chain(filling).min().unwrap_or(next)
    }

    /// Finds out what was before, for kinds of entities of which that is not known: at once where little of the journal
    /// has to be read for it, else beside.
    fn fill(&mut self, next: Position, at_once: Position, versions: &VersionsOf<'_>) -> Result<(), SettleError> {
        let missing: Vec<StateId> = self.known().kinds().filter(|(.., known)| !known).map(|(_, id, _)| id).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (near, far): (Vec<_>, Vec<_>) =
            self.entities.begin(missing)?.into_iter().partition(|(_, from)| next.saturating_sub(*from) <= at_once);
        if let Some(from) = near.iter().map(|(_, from)| *from).min() {
            let ids: Vec<StateId> = near.into_iter().map(|(id, _)| id).collect();
            self.adopt(filler(&self.entities, &self.plan, &ids), from, next, versions)?;
        }
        if !far.is_empty() {
            self.filling = Some(Filling::start(&self.entities, Arc::clone(&self.plan), far, self.reach)?);
        }
        Ok(())
    }

    /// Takes over kinds of entities that were filled up to a position, and are told of from `next` on.
    fn adopt(
        &mut self,
        mut filled: Profiler,
        upto: Position,
        next: Position,
        versions: &VersionsOf<'_>,
    ) -> Result<(), SettleError> {
        let (plan, past) = (&self.plan, &self.past);
        read(plan, (past, false), past.entries(upto), versions, |records, _| {
            filled.catch_up(&records).map_err(settle_error)
        })?;
        filled.caught_up();
        let kinds: Vec<(&str, StateId)> =
            filled.kinds().filter(|(.., known)| *known).map(|(name, id, _)| (name, id)).collect();
        let names: Vec<&str> = kinds.iter().map(|(name, _)| *name).collect();
        tracing::info!(entities = names.join(", "), position = next, "features are known from here on");
        for (_, id) in kinds {
            let reaches_back = self.entities.reaches_back(id);
            let before = told(past.store(), id)?;
            // A restart does not interrupt what was told before it.
            if !self.starting || before.usable_from.is_none() || before.reaches_back != reaches_back {
                self.usable.push((id, Told { usable_from: Some(next), reaches_back }));
            }
        }
        self.known().adopt(filled);
        Ok(())
    }

    /// All that is known, for whoever asks.
    pub fn shared(&self) -> Known {
        Arc::clone(&self.profiler)
    }

    /// Entities as the store keeps them.
    pub fn entities(&self) -> &Arc<Entities> {
        &self.entities
    }

    /// All that is known of entities. A thread that panicked over it left what it has passed.
    pub fn known(&self) -> MutexGuard<'_, Profiler> {
        self.profiler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure of the store may pass; others are of the records.
pub(super) fn settle_error(error: ProfileError) -> SettleError {
    match error {
        ProfileError::Shelf(ShelfError(error)) => match error.downcast::<StoreError>() {
            Ok(error) => SettleError::Store(*error),
            Err(error) => SettleError::Arrow(ArrowError::ExternalError(error)),
        },
        error => SettleError::Decide(DecideError::Profile(error)),
    }
}
