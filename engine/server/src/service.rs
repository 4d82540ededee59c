//! The service: everything opened in order, and closed in the opposite one, so that a stop loses nothing and leaves
//! nobody without an answer. Begin at [`Service::start`].

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use haechi_connectors::sink::open as open_sink;
use haechi_connectors::{Sink, SinkOpenError, Source, SourceContext, SourceError, source};
use haechi_model::derive::DeriveContext;
use haechi_pipeline::release::{Refused, ReleaseContext, RuleWatch};
use haechi_pipeline::replay::sample;
use haechi_pipeline::stream::{Engine, StartError, publish};
use haechi_select::Secret;
use haechi_store::{Store, StoreError};
use metrics_exporter_prometheus::{BuildError, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{App, Parts, router};
use crate::listen;
use crate::readers::Readers;
use crate::settings::{Settings, SettingsError};
use crate::status::{SourceState, waiting};

/// How often old numbers are put together, and the quarantine is looked at.
const TEND: Duration = Duration::from_secs(10);

/// How long closing takes at most, once there is nothing more to wait for.
const CLOSING: Duration = Duration::from_secs(2);

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rules have mistakes.
    #[error("[rules] paths: {}\n{}", .0.summary, .0.report.trim_end())]
    Rules(Box<Refused>),
    /// The engine does not start.
    #[error(transparent)]
    Engine(#[from] StartError),
    /// A source is wrong.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A sink is wrong.
    #[error(transparent)]
    Sink(#[from] SinkOpenError),
    /// The archive is wrong.
    #[error("[archive]: {0}")]
    Archive(#[from] haechi_archive::ArchiveError),
    /// The address is taken, or not ours.
    #[error("[http] listen: cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Numbers cannot be kept.
    #[error("cannot keep metrics: {0}")]
    Metrics(#[from] BuildError),
    /// The engine cannot go on.
    #[error("the engine has ended: {0}; what was not acknowledged comes again after a restart")]
    Ended(String),
    /// A thread failed.
    #[error("the service could not be started; this is a bug")]
    Failed,
}

impl From<Refused> for ServiceError {
    fn from(refused: Refused) -> Self {
        Self::Rules(Box::new(refused))
    }
}

/// Store, rules and engine: what decides, without anybody who brings or takes.
pub struct Core {
    /// The engine, which has the store.
    pub engine: Engine,
    /// What reads bodies.
    pub readers: Arc<Readers>,
    watch: RuleWatch,
    context: ReleaseContext,
}

/// Checks all that settings name as [`Service::start`] does; no store is opened, nothing is written or connected to.
/// Blocks.
pub fn check(settings: &Settings, secret: Secret) -> Result<(), ServiceError> {
    connectors(settings)?;
    rules(settings, &settings.release_context(secret))?;
    if settings.archive.is_on() {
        check_archive(&settings.archive.url)?;
    }
    Ok(())
}

fn check_archive(url: &str) -> Result<(), ServiceError> {
    let folder =
        if url.contains("://") { url.strip_prefix("file://").filter(|path| path.starts_with('/')) } else { Some(url) };
    // A folder that is not there yet is made when the service starts.
    if folder.is_none_or(|folder| Path::new(folder).exists()) {
        haechi_archive::Place::open(url)?;
    }
    Ok(())
}

type Connectors = (Vec<Box<dyn Sink>>, Vec<Box<dyn Source>>);

fn connectors(settings: &Settings) -> Result<Connectors, ServiceError> {
    let sinks = settings.sink.iter().map(|s| open_sink(&s.name, &s.settings)).collect::<Result<_, _>>()?;
    let sources = settings.source.iter().map(|s| source::open(&s.name, &s.settings)).collect::<Result<_, _>>()?;
    Ok((sinks, sources))
}

fn rules(settings: &Settings, context: &ReleaseContext) -> Result<RuleWatch, ServiceError> {
    if settings.rules.paths.is_empty() {
        let reason = "no rules: name packs under [rules], such as paths = [\"rules/packs/import\"]".to_owned();
        return Err(SettingsError::Mistake { at: "[rules] paths".to_owned(), reason }.into());
    }
    Ok(RuleWatch::begin(settings.rules.source(), context.clone())?)
}

impl Core {
    /// Opens the store and loads the rules. Blocks.
    pub fn open(settings: &Settings, secret: Secret) -> Result<Self, ServiceError> {
        let context = settings.release_context(secret);
        let watch = rules(settings, &context)?;
        let store = Store::open(&settings.store.path, &settings.store.options())?;
        let engine = Engine::start(store, watch.live(), &settings.engine.options())?;
        Ok(Self { engine, readers: Arc::new(Readers::new(settings)), watch, context })
    }
}

/// The running service.
pub struct Service {
    address: SocketAddr,
    app: Arc<App>,
    patience: Duration,
    sources: Tasks,
    sinks: Tasks,
    others: Tasks,
    http: Tasks,
}

/// Tasks that are stopped together.
#[derive(Default)]
struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }

    /// Waits for their end, until then at most; whether they have ended.
    async fn ended(&self, deadline: Instant) -> bool {
        self.tracker.close();
        tokio::time::timeout_at(deadline, self.tracker.wait()).await.is_ok()
    }
}

impl Service {
    /// Opens everything that settings name. When it returns, requests are taken.
    pub async fn start(settings: Settings, secret: Secret) -> Result<Self, ServiceError> {
        let metrics = crate::metrics::install()?;
        let opened = tokio::task::spawn_blocking(move || {
            let connectors = connectors(&settings)?;
            Ok::<_, ServiceError>((connectors, Core::open(&settings, secret)?, settings))
        });
        let ((sinks, sources), core, settings) = opened.await.map_err(|_| ServiceError::Failed)??;
        let Core { engine, readers, watch, context } = core;
        let address = settings.http.listen;
        let listen = |source| ServiceError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let others = Tasks::default();
        let states =
            sources.iter().map(|source| SourceState { name: source.name().to_owned(), failed: None }).collect();
        let states: Arc<Mutex<Vec<SourceState>>> = Arc::new(Mutex::new(states));
        let rules = watch.state();
        let (end, states_of) = (others.stop.clone(), Arc::clone(&states));
        let parts = Parts {
            engine: engine.clone(),
            readers,
            metrics: metrics.clone(),
            rules,
            sources: states_of,
            context: context.clone(),
            end,
        };
        let app = Arc::new(App::new(&settings, parts));
        let service = Self {
            address,
            app,
            patience: Duration::from_secs(settings.stop_secs),
            sources: Tasks::default(),
            sinks: Tasks::default(),
            others,
            http: Tasks::default(),
        };
        service.watch(&settings, watch, context, metrics)?;
        for sink in sinks {
            let stop = service.sinks.stop.clone();
            service.sinks.spawn(publish(sink, engine.store().clone(), engine.position(), stop));
        }
        for source in sources {
            let context = SourceContext { feed: engine.feed(), stop: service.sources.stop.clone() };
            service.sources.spawn(drive(source, context, Arc::clone(&states)));
        }
        service.serve(listener);
        tracing::info!(%address, position = engine.status().position, "ready");
        Ok(service)
    }

    /// Begins what goes on beside.
    fn watch(
        &self,
        settings: &Settings,
        rules: RuleWatch,
        context: ReleaseContext,
        metrics: PrometheusHandle,
    ) -> Result<(), ServiceError> {
        let (engine, stop) = (&self.app.engine, &self.others.stop);
        self.others.spawn(rules.run(stop.clone()));
        self.others.spawn(Arc::clone(&self.app.events).tell());
        self.others.spawn(tend(engine.store().clone(), metrics, settings.quarantine.alert_above, stop.clone()));
        let (share, position) = (settings.replay.share, engine.position());
        if share > 0.0 {
            let (store, after) = (engine.store().clone(), *position.borrow());
            self.others.spawn(sample(store, context, share, after, position, stop.clone()));
        }
        if settings.archive.is_on() {
            let archiver = haechi_archive::Archiver::new(engine.store().clone(), settings.archive.clone())?;
            let sinks: Vec<_> = settings.sink.iter().map(|sink| sink.name.clone()).collect();
            let (store, committed) = (engine.store().clone(), engine.position());
            // What a sink has not got yet stays in the store. Without sinks, who asks has it.
            let delivered = move || {
                let cursor = |sink: &String| store.cursor(sink).ok().flatten().unwrap_or_default();
                sinks.iter().map(cursor).min().or(Some(*committed.borrow()))
            };
            // Derived columns are archived as they were decided on.
            let derive = DeriveContext { zone: settings.engine.zone, ..DeriveContext::default() };
            self.others.spawn(archiver.with_context(&derive).with_delivered(delivered).run(stop.clone()));
        }
        Ok(())
    }

    fn serve(&self, listener: TcpListener) {
        let http = &self.app.http;
        let possible = listen::connections_possible().unwrap_or(usize::MAX);
        if possible < http.connections_max {
            let wanted = http.connections_max;
            tracing::warn!(wanted, possible, "the limit on open files bounds connections; raise it with `ulimit -n`");
        }
        let connections = listen::Listener {
            router: router(Arc::clone(&self.app)),
            connections_max: http.connections_max.min(possible),
            patience: http.timeout(),
            stop: self.http.stop.clone(),
        };
        self.http.spawn(connections.run(listener));
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The engine that decides.
    pub fn engine(&self) -> &Engine {
        &self.app.engine
    }

    /// Ends the service. First nothing new is taken, then all that was taken is decided, committed and answered, then
    /// sinks have what is left of the time for the rest; what they do not get now they get after the next start.
    pub async fn stop(self) {
        tracing::info!("stopping: nothing new is taken");
        let deadline = Instant::now() + self.patience;
        self.app.stop();
        self.sources.stop.cancel();
        if !self.sources.ended(deadline).await {
            tracing::warn!("sources are still at work; what they have not handed over they read again");
        }
        if !self.app.answered(deadline).await {
            tracing::warn!("requests are still at work; they are told to come again");
        }
        let engine = self.app.engine.clone();
        let drained = tokio::task::spawn_blocking(move || engine.stop());
        if tokio::time::timeout_at(deadline, drained).await.is_err() {
            tracing::warn!("the store takes too long; what was not answered was not taken");
        }
        // Each ends by itself when it has everything.
        if !self.sinks.ended(deadline).await {
            tracing::warn!("sinks are behind; they go on after the next start");
        }
        let deadline = deadline.min(Instant::now()) + CLOSING;
        for tasks in [&self.sinks, &self.others, &self.http] {
            tasks.stop.cancel();
        }
        for tasks in [&self.sinks, &self.others, &self.http] {
            tasks.ended(deadline).await;
        }
        // Whoever still holds it, such as a task that nobody waits for any more, is done with it.
        let store = self.app.engine.store().clone();
        let closed = tokio::task::spawn_blocking(move || store.close());
        if tokio::time::timeout_at(deadline, closed).await.is_err() {
            tracing::warn!("the store cannot be closed yet; it is as the next start needs it all the same");
        }
        tracing::info!("stopped");
    }
}

/// Runs a source to its end, and notes it where it should not have ended.
async fn drive(source: Box<dyn Source>, context: SourceContext, states: Arc<Mutex<Vec<SourceState>>>) {
    let (name, stop) = (source.name().to_owned(), context.stop.clone());
    // On a task of its own, so that a panic is its own end and nobody else's.
    let ended = match tokio::spawn(source.run(context)).await {
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(())) if stop.is_cancelled() => return,
        Ok(Ok(())) => "it has ended by itself".to_owned(),
        Err(_) => "it has failed by a bug of ours; the log says where".to_owned(),
    };
    tracing::error!(source = name, reason = ended, "a source has failed; the others go on");
    let mut states = states.lock().unwrap_or_else(PoisonError::into_inner);
    states.iter_mut().filter(|state| state.name == name).for_each(|state| state.failed = Some(ended.clone()));
}

/// Keeps numbers small, and warns when too much waits in quarantine.
async fn tend(store: Store, metrics: PrometheusHandle, alert_above: u64, stop: CancellationToken) {
    let mut warned = false;
    let mut pause = tokio::time::interval(TEND);
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = pause.tick() => {}
        }
        metrics.run_upkeep();
        let store = store.clone();
        let Ok(Ok(counts)) = tokio::task::spawn_blocking(move || store.quarantine_counts()).await else { continue };
        let units = waiting(&counts);
        if units > alert_above && !warned {
            tracing::warn!(units, alert_above, "many units wait in quarantine; `haechi quarantine list` shows them");
        }
        warned = units > alert_above;
    }
}

#[cfg(test)]
mod tests {
    use haechi_connectors::{BoxFuture, Closed, Delivery, Feed, Receipt, source::FeedError};

    use super::*;

    struct NoFeed;

    impl Feed for NoFeed {
        fn hand_over(&self, _delivery: Delivery) -> BoxFuture<'_, Result<Receipt, Closed>> {
            Box::pin(std::future::ready(Err(Closed)))
        }

        fn stands(&self, _prefix: &str) -> Result<Vec<(String, String)>, FeedError> {
            Ok(Vec::new())
        }
    }

    /// Ends at once, or when it is told to.
    struct Ends(Option<Result<(), &'static str>>);

    const PANIC: &str = "panic";

    impl Source for Ends {
        fn name(&self) -> &'static str {
            "brokers"
        }

        fn run(self: Box<Self>, context: SourceContext) -> BoxFuture<'static, Result<(), SourceError>> {
            Box::pin(async move {
                assert_ne!(self.0, Some(Err(PANIC)), "a bug");
                if let Some(result) = self.0 {
                    return result.map_err(|reason| SourceError { name: "brokers".into(), reason: reason.into() });
                }
                context.stop.cancelled().await;
                Ok(())
            })
        }
    }

    #[tokio::test]
    async fn a_source_that_ends_is_noted() {
        for (ends, expected) in [
            (Some(Err("no such topic")), Some("source `brokers`: no such topic")),
            (Some(Ok(())), Some("it has ended by itself")),
            (Some(Err(PANIC)), Some("it has failed by a bug of ours; the log says where")),
            (None, None),
        ] {
            let state = |name: &str| SourceState { name: name.to_owned(), failed: None };
            let states = Arc::new(Mutex::new(vec![state("others"), state("brokers")]));
            let context = SourceContext { feed: Arc::new(NoFeed), stop: CancellationToken::new() };
            if ends.is_none() {
                context.stop.cancel();
            }
            drive(Box::new(Ends(ends)), context, Arc::clone(&states)).await;
            let states = states.lock().unwrap();
            assert_eq!((states[0].failed.as_deref(), states[1].failed.as_deref()), (None, expected));
        }
    }
}
