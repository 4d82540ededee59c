//! The engine: its threads, and the handle by which all others speak to it.

use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use haechi_connectors::source::FeedError;
use haechi_connectors::{BoxFuture, Closed, Delivery, Feed, Receipt};
use haechi_profile::{Portrait, ProfileError};
use haechi_store::{Position, Store, StoreError};
use tokio::sync::{oneshot, watch};

use super::answer::Answer;
use super::committer::{Committer, answer_from_store, encode_all};
use super::entities::{Entities, ReachesBack};
use super::health::{Guard, Health};
use super::inbox::{Inbox, Reply, Urgency};
use super::remembering::Known;
use super::sequencer::{Sequencer, SettleError};
use super::standing::{EntityStanding, forgotten_before, portrait, standing};
use crate::release::LiveRelease;

/// Blocks that wait between two threads, and so at most as many more than there are threads. What comes while all are
/// busy waits in the inbox, where it becomes one larger block.
const BEFORE_ENCODER: usize = 0;
/// One, so that the committer finds the next as soon as it is done.
const BEFORE_COMMITTER: usize = 1;

/// How much the engine works on at once.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Rows decided on together, at most, unless one delivery has more.
    pub block_rows: usize,
    /// Rows that wait or are worked on, for requests and for bulk each.
    pub waiting_rows: usize,
    /// Positions, at most, that what the store has of features stands behind the journal: a start reads so much of it
    /// again. Fewer cost more writing.
    pub features_behind: u64,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { block_rows: 16_384, waiting_rows: 65_536, features_behind: 65_536 }
    }
}

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store does not say where it ends.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is remembered cannot be brought up to the end of the journal.
    #[error("features cannot be brought up to the end of the journal: {0}")]
    Features(String),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// Why a unit of the quarantine is not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayRefused {
    /// There is none.
    #[error("nothing is set aside at position {0}")]
    NotSetAside(Position),
    /// The store cannot say.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine is stopping.
    #[error(transparent)]
    Closed(#[from] Closed),
}

/// The running engine. Clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    rules: Arc<LiveRelease>,
    known: Known,
    entities: Arc<Entities>,
    inbox: Arc<Inbox>,
    position: watch::Receiver<Position>,
    health: Arc<Health>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// How the engine is.
#[derive(Clone, Debug)]
pub struct Status {
    /// The last position committed; 0 before the first.
    pub position: Position,
    /// Rows that wait, by urgency.
    pub waiting_rows: [(Urgency, usize); 2],
    /// Why nothing can be committed, while that is so.
    pub failing: Option<String>,
}

impl From<SettleError> for StartError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Store(error) => Self::Store(error),
            SettleError::Thread(error) => Self::Thread(error),
            error => Self::Features(error.to_string()),
        }
    }
}

impl Engine {
    /// Starts on a store, where it ends.
    pub fn start(store: Store, rules: Arc<LiveRelease>, options: &EngineOptions) -> Result<Self, StartError> {
        let inbox = Arc::new(Inbox::new(options.waiting_rows));
        let committed = Arc::new(AtomicU64::new(0));
        let (sender, position) = watch::channel(store.next_position().saturating_sub(1));
        let health: Arc<Health> = Arc::default();
        let sequencer =
            Sequencer::new(Arc::clone(&inbox), store.clone(), Arc::clone(&rules), Arc::clone(&committed), options)?;
        let (known, entities) = sequencer.known();
        // What waits in there has its room in the inbox until it is answered.
        let (to_reader, to_answer) = channel();
        let committer = Committer {
            store: store.clone(),
            committed: Arc::clone(&committed),
            position: sender,
            health: Arc::clone(&health),
            to_reader,
        };
        let (to_encoder, works) = sync_channel(BEFORE_ENCODER);
        let (to_committer, ready) = sync_channel(BEFORE_COMMITTER);
        let guard = |name| Guard { name, health: Arc::clone(&health), inbox: Arc::clone(&inbox) };
        let (encoder_health, reader_store) = (Arc::clone(&health), store.clone());
        let threads = vec![
            thread(guard("sequencer"), move || sequencer.run(&to_encoder)),
            thread(guard("encoder"), move || encode_all(&works, &to_committer, &encoder_health)),
            thread(guard("committer"), move || committer.run(&ready)),
            thread(guard("answers"), move || answer_from_store(&reader_store, &to_answer)),
        ];
        let threads = threads.into_iter().collect::<Result<_, _>>().map_err(StartError::Thread)?;
        let shared = Shared { store, rules, known, entities, inbox, position, health, threads: Mutex::new(threads) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Has a delivery decided on, and waits for the answer, which comes after the commit.
    pub async fn submit(&self, delivery: Delivery) -> Result<Answer, Closed> {
        self.ask(delivery, None).await
    }

    /// As [`Engine::submit`], for a unit of the quarantine that was mended: it is out of it with the same commit, unless
    /// something had to be set aside again.
    pub async fn replay_quarantined(
        &self,
        unit: Position,
        who: String,
        delivery: Delivery,
    ) -> Result<Answer, ReplayRefused> {
        // A commit that speaks of a unit there is not could never be written.
        self.shared.store.set_aside(unit)?.ok_or(ReplayRefused::NotSetAside(unit))?;
        Ok(self.ask(delivery, Some((unit, who))).await?)
    }

    async fn ask(&self, delivery: Delivery, replays: Option<(Position, String)>) -> Result<Answer, Closed> {
        let (sender, answer) = oneshot::channel();
        self.shared.inbox.put(Urgency::Request, delivery, Reply::Answer(sender), replays).await?;
        answer.await.map_err(|_| Closed)
    }

    /// Where sources hand over what they read.
    pub fn feed(&self) -> Arc<dyn Feed> {
        Arc::new(self.clone())
    }

    /// The store it writes to.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The rules it decides by.
    pub fn rules(&self) -> &Arc<LiveRelease> {
        &self.shared.rules
    }

    /// What is known of one entity at an instant, and would have been on so many days before; `None` where nothing is.
    /// Waits for the records that are being told; they do not wait for it.
    pub fn portrait(&self, entity: &str, key: &str, at_ms: i64, days: u16) -> Result<Option<Portrait>, ProfileError> {
        portrait(&self.shared.known, entity, key, at_ms, days)
    }

    /// Every kind of entity, and how it stands.
    pub fn entities(&self) -> Result<Vec<EntityStanding>, StoreError> {
        standing(&self.shared.entities, &self.shared.known)
    }

    /// Where the journal begins, where earlier days were archived and forgotten. Facts about subjects of those days are not
    /// joined to them, and amendments of them are counted as new.
    pub fn forgotten_before(&self) -> Result<Option<ReachesBack>, StoreError> {
        forgotten_before(&self.shared.store)
    }

    /// The last position committed, now and later.
    pub fn position(&self) -> watch::Receiver<Position> {
        self.shared.position.clone()
    }

    /// Waits until it has ended: it was stopped, or cannot go on.
    pub async fn ended(&self) {
        let mut position = self.position();
        while position.changed().await.is_ok() {}
    }

    /// How it is.
    pub fn status(&self) -> Status {
        Status {
            position: *self.shared.position.borrow(),
            waiting_rows: self.shared.inbox.waiting_rows(),
            failing: self.shared.health.failing(),
        }
    }

    /// Takes nothing more, and waits until all that was taken is committed and answered. Blocks.
    pub fn stop(&self) {
        self.shared.inbox.close();
        let threads = std::mem::take(&mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine has failed; this is a bug");
            }
        }
    }
}

fn thread(guard: Guard, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    let named = std::thread::Builder::new().name(format!("haechi-{}", guard.name));
    named.spawn(move || {
        let _guard = guard;
        work();
    })
}

impl Feed for Engine {
    fn hand_over(&self, delivery: Delivery) -> BoxFuture<'_, Result<Receipt, Closed>> {
        Box::pin(async move {
            let (sender, receipt) = Receipt::new();
            self.shared.inbox.put(Urgency::Bulk, delivery, Reply::Committed(sender), None).await?;
            Ok(receipt)
        })
    }

    fn stands(&self, prefix: &str) -> Result<Vec<(String, String)>, FeedError> {
        self.shared.store.stands(prefix).map_err(|error| FeedError(Box::new(error)))
    }
}
