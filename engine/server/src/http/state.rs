//! What handlers share.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use haechi_connectors::SinkSettings;
use haechi_connectors::answers::AnswerSettings;
use haechi_model::Stream;
use haechi_pipeline::release::{ReleaseContext, WatchState};
use haechi_pipeline::replay::Replayer;
use haechi_pipeline::stream::Engine;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::body::Bounds;
use super::intake::blocking;
use super::problem::Problem;
use super::turns::{Turns, in_time};
use crate::events::Events;
use crate::readers::Readers;
use crate::settings::{Connector, HttpSettings, Settings};
use crate::status::SourceState;

/// Questions answered at once: those that read a little, and those that may read much. Others wait, see [`Turns`].
const LOOKS_MAX: usize = 16;
const SEARCHES_MAX: usize = 4;
/// Messages with ids of their own that are worked on at once.
const TURNS: usize = 64;

/// The service as handlers see it.
pub struct App {
    /// Who decides.
    pub engine: Engine,
    /// Who reads bodies.
    pub readers: Arc<Readers>,
    /// How bodies are received.
    pub bounds: Bounds,
    /// What is said under `[http]`.
    pub http: HttpSettings,
    /// How messages are answered.
    pub answers: AnswerSettings,
    /// More units waiting in quarantine are warned of.
    pub alert_above: u64,
    /// Selections as they are made.
    pub events: Arc<Events>,
    /// Numbers of this process.
    pub metrics: PrometheusHandle,
    /// What came of watching the rules.
    pub rules: Arc<Mutex<WatchState>>,
    /// How sources are.
    pub sources: Arc<Mutex<Vec<SourceState>>>,
    /// Where selections go.
    pub sinks: Vec<Connector<SinkSettings>>,
    /// What decides again, with the rules it has compiled.
    replayer: Arc<tokio::sync::Mutex<Replayer>>,
    /// Questions that read a little.
    looks: Turns,
    /// Questions that may read much.
    searches: Turns,
    stopping: AtomicBool,
    seats: Arc<Semaphore>,
    /// Messages that carry the same id take turns.
    turns: Vec<Arc<tokio::sync::Mutex<()>>>,
    hasher: RandomState,
}

/// What an [`App`] is made of.
pub struct Parts {
    /// See [`App::engine`].
    pub engine: Engine,
    /// See [`App::readers`].
    pub readers: Arc<Readers>,
    /// See [`App::metrics`].
    pub metrics: PrometheusHandle,
    /// See [`App::rules`].
    pub rules: Arc<Mutex<WatchState>>,
    /// See [`App::sources`].
    pub sources: Arc<Mutex<Vec<SourceState>>>,
    /// What decisions depend on besides rules.
    pub context: ReleaseContext,
    /// Cancelled when everything is to end.
    pub end: CancellationToken,
}

impl App {
    /// Everything handlers need.
    pub fn new(settings: &Settings, parts: Parts) -> Self {
        let Parts { engine, readers, metrics, rules, sources, context, end } = parts;
        let http = settings.http.clone();
        let events = Arc::new(Events::new(engine.store().clone(), engine.position(), http.listeners_max, end));
        let replayer = Arc::new(tokio::sync::Mutex::new(Replayer::new(engine.store().clone(), context)));
        Self {
            bounds: Bounds::new(http.body_bytes_max, http.timeout()),
            seats: Arc::new(Semaphore::new(http.requests_max.min(u32::MAX as usize))),
            http,
            answers: settings.answers.clone(),
            alert_above: settings.quarantine.alert_above,
            events,
            engine,
            readers,
            metrics,
            rules,
            sources,
            sinks: settings.sink.clone(),
            replayer,
            looks: Turns::new(LOOKS_MAX, settings.http.timeout()),
            searches: Turns::new(SEARCHES_MAX, settings.http.timeout()),
            stopping: AtomicBool::new(false),
            turns: (0..TURNS).map(|_| Arc::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Waits until nobody else works on a message of that id.
    pub async fn turn_of(&self, id: &str) -> OwnedMutexGuard<()> {
        let place = self.hasher.hash_one(id) as usize % self.turns.len();
        Arc::clone(&self.turns[place]).lock_owned().await
    }

    /// A place for a request that brings something; kept as long as it is worked on.
    pub fn seat(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if self.is_stopping() {
            return Err(Problem::stopping());
        }
        Arc::clone(&self.seats).try_acquire_owned().map_err(|_| {
            Problem::later("busy", "as many requests as can be are being worked on; send it again in a moment", 1)
        })
    }

    /// Refuses records of a stream that no rules decide on.
    pub fn need_rules(&self, stream: &Stream) -> Result<(), Problem> {
        if self.engine.rules().current().value.decider(stream).is_some() {
            return Ok(());
        }
        let detail = format!("no rules for stream `{}` are in force; add a pack under [rules] paths", stream.name);
        Err(Problem::later("no_rules", detail, 60))
    }

    /// Asks the store what it answers at once.
    pub async fn look<T: Send + 'static>(&self, ask: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        self.looks.take(ask).await
    }

    /// Asks the store what it may have to search for.
    pub async fn search<T: Send + 'static>(&self, ask: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        self.searches.take(ask).await
    }

    /// Decides again, one question after the other, so that rules are compiled once.
    pub async fn decide_again<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Replayer) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let mut replayer = in_time(self.http.timeout(), Arc::clone(&self.replayer).lock_owned()).await?;
        blocking(move || ask(&mut replayer)).await
    }

    /// Takes no more records.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Waits until all requests that bring something are answered, until then at most; whether they are.
    pub async fn answered(&self, deadline: Instant) -> bool {
        let all = self.http.requests_max.min(u32::MAX as usize) as u32;
        matches!(tokio::time::timeout_at(deadline, self.seats.acquire_many(all)).await, Ok(Ok(_)))
    }

    /// Whether it takes no more records.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// What came of watching the rules, as of now.
    pub fn watch_state(&self) -> WatchState {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How sources are, as of now.
    pub fn source_states(&self) -> Vec<SourceState> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
