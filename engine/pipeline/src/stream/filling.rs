//! Features that are new, filled from the journal beside the stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use haechi_profile::{Profiler, Shelf, StateId};
use haechi_store::{Commit, Position};

use super::entities::Entities;
use super::history::read;
use super::kept::{Told, put_complete_from, put_usable_from, state_key};
use super::past::Past;
use super::reach::Reach;
use super::remembering::settle_error;
use super::sequencer::SettleError;
use crate::memory::MemoryPlan;

/// Pause before the store is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// What has become of it.
pub(super) enum Filled {
    /// It goes on.
    NotYet,
    /// All before a position is in it.
    UpTo(Box<Profiler>, Position),
    /// The thread has ended, and said why.
    Failed,
}

/// A thread that reads the journal. Dropping it stops it, and waits until it has ended: it has the store, and nobody else
/// may write of the same kinds meanwhile.
pub(super) struct Filling {
    ready: Receiver<(Profiler, Position)>,
    stop: Arc<AtomicBool>,
    reads_from: Arc<AtomicU64>,
    /// None once it was waited for.
    thread: Option<JoinHandle<()>>,
}

impl Filling {
    /// Fills these kinds of entities, each from where the store lacks anything of it.
    pub fn start(
        entities: &Arc<Entities>,
        plan: Arc<MemoryPlan>,
        from: Vec<(StateId, Position)>,
        reach: Reach,
    ) -> Result<Self, SettleError> {
        let (sender, ready) = channel();
        let stop: Arc<AtomicBool> = Arc::default();
        let begin = from.iter().map(|(_, from)| *from).min().unwrap_or_default();
        let reads_from = Arc::new(AtomicU64::new(begin));
        let ids: Vec<StateId> = from.into_iter().map(|(id, _)| id).collect();
        let mut filler = Filler {
            profiler: filler(entities, &plan, &ids),
            past: Past::new(entities.store().clone(), Arc::default()),
            entities: Arc::clone(entities),
            plan,
            ids,
            reach,
            commits: 0,
            stop: Arc::clone(&stop),
            reads_from: Arc::clone(&reads_from),
        };
        tracing::info!(kinds = filler.ids.len(), from = begin, "features are filled beside; they are NULL until then");
        let fill = move || match filler.run(begin, &sender) {
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "features could not be filled; a restart tries again"),
        };
        let thread = std::thread::Builder::new().name("haechi-filling".to_owned()).spawn(fill);
        let thread = Some(thread.map_err(SettleError::Thread)?);
        Ok(Self { ready, stop, reads_from, thread })
    }

    /// What was filled, and up to where, once it is there.
    pub fn ready(&self) -> Filled {
        match self.ready.try_recv() {
            Ok((profiler, upto)) => Filled::UpTo(Box::new(profiler), upto),
            Err(TryRecvError::Empty) => Filled::NotYet,
            Err(TryRecvError::Disconnected) => Filled::Failed,
        }
    }

    /// What lies before this is not needed any more.
    pub fn reads_from(&self) -> Position {
        self.reads_from.load(Ordering::Acquire)
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that fills features has failed; this is a bug");
        }
    }
}

/// One that knows of these kinds what the store has, and nothing of others.
pub(super) fn filler(entities: &Arc<Entities>, plan: &MemoryPlan, ids: &[StateId]) -> Profiler {
    let shelf: Arc<dyn Shelf> = Arc::<Entities>::clone(entities);
    Profiler::on(Arc::clone(plan.profiles()), plan.seed(), shelf, |id| ids.contains(&id))
}

struct Filler {
    profiler: Profiler,
    past: Past,
    entities: Arc<Entities>,
    plan: Arc<MemoryPlan>,
    ids: Vec<StateId>,
    reach: Reach,
    /// Writes so far.
    commits: u64,
    stop: Arc<AtomicBool>,
    reads_from: Arc<AtomicU64>,
}

impl Filler {
    fn run(&mut self, begin: Position, ready: &Sender<(Profiler, Position)>) -> Result<(), SettleError> {
        let mut upto = begin;
        let mut written = begin;
        loop {
            let end = self.past.store().next_position();
            if end.saturating_sub(upto) <= self.reach.at_once() {
                break;
            }
            let to = end.min(upto + self.reach.write_after());
            match self.read(&mut upto, to) {
                Ok(()) => {}
                Err(SettleError::Store(error)) if error.may_pass() => std::thread::sleep(PAUSE),
                Err(error) => return Err(error),
            }
            if self.stop.load(Ordering::Acquire) {
                return Ok(());
            }
            if upto - written >= self.reach.write_after() {
                self.write(upto)?;
                written = upto;
            }
        }
        let nothing = filler(&self.entities, &self.plan, &[]);
        // Whoever waited for it may be gone.
        let _ = ready.send((std::mem::replace(&mut self.profiler, nothing), upto));
        Ok(())
    }

    /// Reads the entries that begin before a position, from `upto` on, which rises with what was read.
    fn read(&mut self, upto: &mut Position, to: Position) -> Result<(), SettleError> {
        let Self { profiler, past, plan, stop, .. } = self;
        let store = past.store().clone();
        let mut last = to;
        let entries = past.entries(*upto).take_while(|entry| match entry {
            Ok(entry) => entry.first < to && !stop.load(Ordering::Acquire),
            Err(_) => true,
        });
        let entries = entries.inspect(|entry| {
            if let Ok(entry) = entry {
                last = last.max(entry.end());
            }
        });
        let versions =
            |stream: &'static haechi_model::Stream, ids: &[&str]| store.versions(stream, ids.iter().copied());
        read(plan, (past, false), entries, &versions, |records, _| {
            profiler.catch_up(&records).map_err(settle_error)?;
            // Entities that are new in memory do not know what they know: nothing may be read twice.
            *upto = records.first + records.rows.num_rows() as Position;
            Ok(())
        })?;
        *upto = last;
        Ok(())
    }

    /// Everything so far goes to the store.
    fn write(&mut self, upto: Position) -> Result<(), SettleError> {
        self.commits += 1;
        let mut commit = Commit::default();
        let shelved = self.profiler.shelve(upto, upto, self.commits);
        commit.state.extend(shelved.into_iter().map(|entity| (state_key(entity.of, entity.key), Some(entity.bytes))));
        for id in &self.ids {
            commit.state.push(put_complete_from(*id, upto));
            // A restart goes on from there, and would not see any more that the journal was cut.
            if let Some(cut) = self.entities.reaches_back(*id) {
                commit.state.push(put_usable_from(*id, Told { usable_from: None, reaches_back: Some(cut) }));
            }
        }
        let encoded = [commit.encode()?];
        while let Err(error) = self.past.store().write(&encoded) {
            if !error.may_pass() || self.stop.load(Ordering::Acquire) {
                return Err(error.into());
            }
            std::thread::sleep(PAUSE);
        }
        self.profiler.committed(self.commits);
        self.reads_from.store(upto, Ordering::Release);
        Ok(())
    }
}
