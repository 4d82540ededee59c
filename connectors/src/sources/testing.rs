//! An engine for the tests of sources: it keeps what is committed, and fails when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use haechi_model::intake::SetAside;
use tokio::sync::watch;
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
    /// How many of the deliveries to come are not committed.
    pub n_refusals: usize,
    /// After how many more deliveries nothing is answered any more, as if the process had been killed.
    pub killed_after: Option<usize>,
    /// Receipts that are never answered, kept so that they stay open.
    pub unanswered: Vec<tokio::sync::oneshot::Sender<Result<(), NotCommitted>>>,
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

    /// Answers again: what was handed over meanwhile is not committed.
    pub fn answer_again(&self) {
        let mut committed = self.committed();
        committed.killed_after = None;
        committed.unanswered.clear();
    }

    fn commit(&self, delivery: &Delivery) {
        let mut committed = self.committed();
        let text = |column: &str, row: usize| {
            let Some(array) = delivery.rows.column_by_name(column) else { return String::new() };
            let options = arrow::util::display::FormatOptions::default();
            arrow::util::display::ArrayFormatter::try_new(array.as_ref(), &options).unwrap().value(row).to_string()
        };
        for row in 0..delivery.rows.num_rows() {
            committed.rows.push(format!("{}/{}", text("declaration_id", row), text("item_no", row)));
            committed.positions.push(format!("{} {}", text("source", row), text("source_position", row)));
        }
        committed.set_aside.extend(delivery.set_aside.iter().cloned());
        committed.n_deliveries += 1;
        committed.sizes.push(delivery.rows.num_rows());
        if let Some(stand) = &delivery.stand {
            match &stand.at {
                Some(at) => committed.stands.insert(stand.of.clone(), at.clone()),
                None => committed.stands.remove(&stand.of),
            };
        }
    }
}

impl Feed for Engine {
    fn hand_over(&self, delivery: Delivery) -> BoxFuture<'_, Result<Receipt, Closed>> {
        Box::pin(async move {
            let (sender, receipt) = Receipt::new();
            let mut committed = self.committed();
            match &mut committed.killed_after {
                Some(0) => {
                    committed.unanswered.push(sender);
                    drop(committed);
                    self.changed.send_replace(());
                    return Ok(receipt);
                }
                Some(n) => *n -= 1,
                None => {}
            }
            if committed.n_refusals > 0 {
                committed.n_refusals -= 1;
                let _ = sender.send(Err(NotCommitted { reason: "the disk is full".to_owned() }));
                return Ok(receipt);
            }
            drop(committed);
            self.commit(&delivery);
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

    /// Ends it at once, as if the process had been killed, and forgets what was not committed.
    pub async fn kill(self, engine: &Engine) {
        self.task.abort();
        self.stop.cancel();
        let _ = self.task.await;
        engine.answer_again();
    }
}
