//! An engine for the tests of sources: it keeps what is committed, and fails when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use haechi_model::intake::SetAside;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::source::{
    BoxFuture, Closed, Delivery, Feed, FeedError, NotCommitted, Receipt, Source, SourceContext, SourceError,
};

/// What an engine has committed.
#[derive(Debug, Default)]
pub struct Committed {
    /// The key of every row, `declaration_id/item_no`, in order.
    pub rows: Vec<String>,
    /// Positions of the rows.
    pub positions: Vec<String>,
    pub set_aside: Vec<SetAside>,
    pub stands: BTreeMap<String, String>,
    pub n_deliveries: usize,
    /// Rows of each delivery.
    pub sizes: Vec<usize>,
    /// After how many more deliveries the engine ends: that one and all after it are not committed.
    pub ends_after: Option<usize>,
    /// After how many more deliveries it takes nothing more.
    pub closes_after: Option<usize>,
    /// After how many more deliveries nothing is answered any more, as if the process had been killed.
    pub killed_after: Option<usize>,
    /// What waits for its commit, in order.
    pub unanswered: Vec<(Delivery, oneshot::Sender<Result<(), NotCommitted>>)>,
}

impl Committed {
    fn commit(&mut self, delivery: &Delivery) {
        let text = |column: &str, row: usize| {
            let Some(array) = delivery.rows.column_by_name(column) else { return String::new() };
            let options = arrow::util::display::FormatOptions::default();
            arrow::util::display::ArrayFormatter::try_new(array.as_ref(), &options).unwrap().value(row).to_string()
        };
        for row in 0..delivery.rows.num_rows() {
            self.rows.push(format!("{}/{}", text("declaration_id", row), text("item_no", row)));
            self.positions.push(format!("{} {}", text("source", row), text("source_position", row)));
        }
        self.set_aside.extend(delivery.set_aside.iter().cloned());
        self.n_deliveries += 1;
        self.sizes.push(delivery.rows.num_rows());
        if let Some(stand) = &delivery.stand {
            match &stand.at {
                Some(at) => self.stands.insert(stand.of.clone(), at.clone()),
                None => self.stands.remove(&stand.of),
            };
        }
    }
}

/// An engine.
#[derive(Debug, Default)]
pub struct Engine {
    committed: Mutex<Committed>,
    changed: watch::Sender<()>,
}

impl Engine {
    pub fn committed(&self) -> MutexGuard<'_, Committed> {
        self.committed.lock().unwrap()
    }

    /// Waits until something holds of what is committed.
    pub async fn until(&self, what: &str, holds: impl Fn(&Committed) -> bool) {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            while !holds(&self.committed()) {
                changed.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), waiting).await;
        assert!(waited.is_ok(), "waiting until {what}: {:?}", self.committed());
    }

    /// Answers again: what was handed over meanwhile is committed.
    pub fn answer_again(&self) {
        let mut committed = self.committed();
        committed.killed_after = None;
        for (delivery, sender) in std::mem::take(&mut committed.unanswered) {
            committed.commit(&delivery);
            let _ = sender.send(Ok(()));
        }
        drop(committed);
        self.changed.send_replace(());
    }

    /// Forgets what was not committed, as a process does that is killed.
    fn forget(&self) {
        let mut committed = self.committed();
        committed.killed_after = None;
        committed.unanswered.clear();
    }
}

impl Feed for Engine {
    fn hand_over(&self, delivery: Delivery) -> BoxFuture<'_, Result<Receipt, Closed>> {
        Box::pin(async move {
            let (sender, receipt) = Receipt::new();
            let mut committed = self.committed();
            if counted_down(&mut committed.closes_after) {
                return Err(Closed);
            }
            if counted_down(&mut committed.killed_after) {
                committed.unanswered.push((delivery, sender));
                drop(committed);
                self.changed.send_replace(());
                return Ok(receipt);
            }
            if counted_down(&mut committed.ends_after) {
                let _ = sender.send(Err(NotCommitted { reason: "the block cannot be encoded".to_owned() }));
                return Ok(receipt);
            }
            committed.commit(&delivery);
            drop(committed);
            let _ = sender.send(Ok(()));
            self.changed.send_replace(());
            Ok(receipt)
        })
    }

    fn stands(&self, prefix: &str) -> Result<Vec<(String, String)>, FeedError> {
        let stands = &self.committed().stands;
        Ok(stands.iter().filter(|(of, _)| of.starts_with(prefix)).map(|(of, at)| (of.clone(), at.clone())).collect())
    }
}

/// Whether so many deliveries have come; else counts this one.
fn counted_down(after: &mut Option<usize>) -> bool {
    match after {
        Some(0) => true,
        Some(n) => {
            *n -= 1;
            false
        }
        None => false,
    }
}

/// A source that runs.
pub struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), SourceError>>,
}

impl Running {
    pub fn start(source: impl Source + 'static, engine: &Arc<Engine>) -> Self {
        let stop = CancellationToken::new();
        let context = SourceContext { feed: engine.clone(), stop: stop.clone() };
        let run = Box::new(source).run(context);
        Self { stop, task: tokio::spawn(run) }
    }

    /// Stops it and waits until it has.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_mins(1), self.task).await.unwrap().unwrap().unwrap();
    }

    /// Waits until it ends by itself, and says why.
    pub async fn ended(self) -> String {
        let ended = tokio::time::timeout(Duration::from_mins(1), self.task).await.unwrap().unwrap();
        ended.unwrap_err().to_string()
    }

    /// Ends it at once, as if the process had been killed, and forgets what was not committed.
    pub async fn kill(self, engine: &Engine) {
        self.task.abort();
        self.stop.cancel();
        let _ = self.task.await;
        engine.forget();
    }
}
