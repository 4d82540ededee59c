//! Rules that are replaced while they are used.
//!
//! A [`Live`] serves what was compiled last to any number of threads. [`Live::request`] has something newer compiled on
//! a thread beside; once that is done it takes the old one's place, all at once. Whoever took the old one before goes on
//! with it to the end of the batch, and the last of them drops it. What cannot be compiled replaces nothing.
//!
//! One compilation runs at a time and one waits: a request that comes while one waits takes its place, never that of the
//! one running. So after a burst of requests the last one wins, after two compilations at most.
//!
//! ```
//! use haechi_pipeline::live::{Compiled, Live};
//!
//! let compiled = |text: &str| Ok::<_, String>(Compiled { hash: text.to_owned(), value: text.len() });
//! let live = Live::new(compiled("three")?, |_swap| {});
//! let rules = live.current(); // once a batch
//! assert_eq!((rules.generation, rules.value), (1, 5));
//! live.request(move || compiled("seventh"));
//! live.settle();
//! assert_eq!((live.current().generation, live.current().value, rules.value), (2, 7, 5));
//! # Ok::<(), String>(())
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use haechi_evaluate::Options;
use haechi_model::Stream;
use haechi_model::derive::DeriveContext;
use haechi_select::Secret;

use crate::decide::{DecideError, Decider};
use crate::packs::Packs;

/// What a compilation gives.
#[derive(Clone, Debug)]
pub struct Compiled<T> {
    /// The content hash of what it was compiled from.
    pub hash: String,
    /// What works on batches.
    pub value: T,
}

/// What is in force, to be asked for once a batch.
#[derive(Debug)]
pub struct Rules<T> {
    /// Counts up from 1, one each time something takes the place of what was before.
    pub generation: u64,
    /// The content hash of what it was compiled from.
    pub hash: String,
    /// What works on batches.
    pub value: T,
}

/// Something took the place of what was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The generation now in force.
    pub generation: u64,
    /// Its content hash.
    pub hash: String,
    /// How long compiling took.
    pub compiling: Duration,
}

/// Why the newest compilation that ended replaced nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// What was to be compiled has mistakes.
    Mistakes(E),
    /// The compiler panicked, which is a bug.
    Panicked,
}

/// What is in force, and the thread that prepares what comes next. Dropping it waits for a compilation that runs.
pub struct Live<T, E> {
    shared: Arc<Shared<T, E>>,
    compiler: Option<JoinHandle<()>>,
}

type Compile<T, E> = Box<dyn FnOnce() -> Result<Compiled<T>, E> + Send>;

struct Shared<T, E> {
    current: ArcSwap<Rules<T>>,
    desk: Mutex<Desk<T, E>>,
    /// Something on the desk has changed.
    changed: Condvar,
}

struct Desk<T, E> {
    waiting: Option<Compile<T, E>>,
    running: bool,
    closed: bool,
    refused: Option<Arc<Refusal<E>>>,
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Live<T, E> {
    /// Begins with something that is compiled already. `told` hears of every swap right after it, on the compiling
    /// thread, in order; it should be quick.
    pub fn new(first: Compiled<T>, told: impl Fn(&Swap) + Send + 'static) -> Self {
        let Compiled { hash, value } = first;
        let desk = Desk { waiting: None, running: false, closed: false, refused: None };
        let current = ArcSwap::from_pointee(Rules { generation: 1, hash, value });
        let shared = Arc::new(Shared { current, desk: Mutex::new(desk), changed: Condvar::new() });
        let compiler = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.compile_what_comes(&told)
        });
        Self { shared, compiler: Some(compiler) }
    }

    /// What is in force. It stays the same however long it is held.
    pub fn current(&self) -> Arc<Rules<T>> {
        self.shared.current.load_full()
    }

    /// Has something compiled, to be in force as soon as that is done. Returns at once.
    pub fn request(&self, compile: impl FnOnce() -> Result<Compiled<T>, E> + Send + 'static) {
        let superseded = self.shared.desk().waiting.replace(Box::new(compile));
        self.shared.changed.notify_all();
        // Whatever it holds is dropped here, with the desk free.
        drop(superseded);
    }

    /// Why the newest compilation that ended replaced nothing; `None` if it did.
    pub fn refusal(&self) -> Option<Arc<Refusal<E>>> {
        self.shared.desk().refused.clone()
    }

    /// Whether something is being compiled or waits for it.
    pub fn busy(&self) -> bool {
        self.shared.desk().busy()
    }

    /// Waits until nothing is being compiled and nothing waits for it.
    pub fn settle(&self) {
        let desk = self.shared.desk();
        drop(self.shared.changed.wait_while(desk, |desk| desk.busy()));
    }
}

impl<T, E> Drop for Live<T, E> {
    fn drop(&mut self) {
        let waiting = {
            let mut desk = self.shared.desk();
            desk.closed = true;
            desk.waiting.take()
        };
        self.shared.changed.notify_all();
        drop(waiting);
        if let Some(compiler) = self.compiler.take()
            // Whoever is told of a swap may hold the last reference: a thread does not wait for itself.
            && compiler.thread().id() != std::thread::current().id()
        {
            // It has nothing to say that is not on the desk.
            let _ = compiler.join();
        }
    }
}

impl<T, E> Desk<T, E> {
    fn busy(&self) -> bool {
        self.running || self.waiting.is_some()
    }
}

impl<T, E> Shared<T, E> {
    /// The desk. A thread that panicked on it left it as it was: every change is one assignment.
    fn desk(&self) -> MutexGuard<'_, Desk<T, E>> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The compiling thread: one request after the other, until the desk is closed.
    fn compile_what_comes(&self, told: &dyn Fn(&Swap)) {
        while let Some(compile) = self.next() {
            let start = Instant::now();
            let compiled = catch_unwind(AssertUnwindSafe(compile)).map_err(|_| Refusal::Panicked);
            let refused = match compiled.and_then(|compiled| compiled.map_err(Refusal::Mistakes)) {
                Ok(compiled) => {
                    let swap = self.put_in_force(compiled, start.elapsed());
                    // Whoever is told may fail by itself; the rules are in force all the same.
                    let _ = catch_unwind(AssertUnwindSafe(|| told(&swap)));
                    None
                }
                Err(refusal) => Some(Arc::new(refusal)),
            };
            let mut desk = self.desk();
            desk.refused = refused;
            desk.running = false;
            drop(desk);
            self.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Compile<T, E>> {
        let desk = self.changed.wait_while(self.desk(), |desk| desk.waiting.is_none() && !desk.closed);
        let mut desk = desk.unwrap_or_else(PoisonError::into_inner);
        let next = desk.waiting.take();
        desk.running = next.is_some();
        next
    }

    /// Only the compiling thread comes here, so generations follow each other.
    fn put_in_force(&self, compiled: Compiled<T>, compiling: Duration) -> Swap {
        let Compiled { hash, value } = compiled;
        let generation = self.current.load().generation + 1;
        let swap = Swap { generation, hash: hash.clone(), compiling };
        self.current.store(Arc::new(Rules { generation, hash, value }));
        swap
    }
}

/// Why packs cannot decide.
#[derive(Debug)]
pub enum Unusable {
    /// Their rules have errors: among [`Packs::diagnostics`], beside the files to show them in.
    Rules(Box<Packs>),
    /// They have no rules for the stream, or no policy that can be used.
    Decider(DecideError),
}

impl Compiled<Decider> {
    /// A decider for one stream of these packs, if nothing is wrong with them.
    pub fn decider(
        packs: Packs,
        stream: &'static Stream,
        secret: &Secret,
        derive: DeriveContext,
        options: Options,
    ) -> Result<Self, Unusable> {
        if !packs.usable() {
            return Err(Unusable::Rules(Box::new(packs)));
        }
        let value = Decider::new(&packs, stream, secret, derive, options).map_err(Unusable::Decider)?;
        Ok(Self { hash: value.ruleset.hash.clone(), value })
    }
}

#[cfg(test)]
mod tests;
