//! What a source is: it hands deliveries to a feed until it is told to stop. The sources themselves stand one a file
//! in [`crate::sources`].

use std::future::Future;
use std::pin::Pin;

use arrow::record_batch::RecordBatch;
use haechi_model::Stream;
use haechi_model::intake::{Intake, SetAside, Warning};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::sources::{folder, kafka};

/// A future that can be kept in a box, as traits that stand behind `dyn` need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a source hands on at once: one message, or a part of a file that is larger than a batch. All rows of a subject
/// are in one delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What the rows are.
    pub stream: &'static Stream,
    /// Rows in the stream's columns, or some of them; may be none.
    pub rows: RecordBatch,
    /// What was tolerated.
    pub warnings: Vec<Warning>,
    /// What could not be read, in the smallest units.
    pub set_aside: Vec<SetAside>,
    /// Where the source stands once all this is committed. Kept in the same commit, so that nothing comes twice.
    pub stand: Option<Stand>,
}

impl Delivery {
    /// What a reader read.
    pub fn new(stream: &'static Stream, intake: Intake, stand: Option<Stand>) -> Self {
        let Intake { batch, warnings, set_aside } = intake;
        Self { stream, rows: batch, warnings, set_aside, stand }
    }
}

/// How far a source is with one of the things it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// What it reads: `SOURCE/FILE`, `SOURCE/TOPIC/PARTITION`. Begins with the name of the source.
    pub of: String,
    /// How far, in the source's own words; `None` forgets it.
    pub at: Option<String>,
}

/// Where deliveries go: the engine, seen by a source.
pub trait Feed: Send + Sync {
    /// Hands a delivery over; waits while the engine is behind. What is handed over in order is committed in order.
    fn hand_over(&self, delivery: Delivery) -> BoxFuture<'_, Result<Receipt, Closed>>;
    /// Everything committed for what begins with `prefix`: where to go on after a start.
    fn stands(&self, prefix: &str) -> Result<Vec<(String, String)>, FeedError>;
}

/// The promise of an answer once a delivery is committed, or has failed. It may be dropped by who does not care.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<(), NotCommitted>>);

impl Receipt {
    /// A receipt and what answers it.
    pub fn new() -> (oneshot::Sender<Result<(), NotCommitted>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// Waits for the commit. An error means that nothing of the delivery is kept, nor of any after it: the engine is
    /// ending, and the source goes on from its stand after a restart.
    pub async fn committed(mut self) -> Result<(), NotCommitted> {
        self.answer().await
    }

    /// As [`Receipt::committed`], for who may have to stop waiting and go on later.
    pub(crate) async fn answer(&mut self) -> Result<(), NotCommitted> {
        (&mut self.0).await.unwrap_or(Err(NotCommitted { reason: "the engine stopped".to_owned() }))
    }
}

/// The engine takes nothing more: it is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine is stopping and takes nothing more")]
pub struct Closed;

/// A delivery was not committed, nor is any that is handed over after it: the engine is ending.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not committed: {reason}")]
pub struct NotCommitted {
    /// Why.
    pub reason: String,
}

/// The engine cannot say where a source stands.
#[derive(Debug, thiserror::Error)]
#[error("cannot read where the source stands: {0}")]
pub struct FeedError(pub Box<dyn std::error::Error + Send + Sync>);

/// What a source is given when it starts.
#[derive(Clone)]
pub struct SourceContext {
    /// Where deliveries go.
    pub feed: std::sync::Arc<dyn Feed>,
    /// Cancelled when it is to stop: it then hands over nothing more, waits for what it handed over, and ends.
    pub stop: CancellationToken,
}

/// A source that is configured and checked, ready to run.
pub trait Source: Send {
    /// Its name: the first part of [`Stand::of`] and of what the column `source` has, and the label of its metrics.
    fn name(&self) -> &str;
    /// Runs until it is stopped. What may pass (a broker away, a folder unmounted) it logs, waits out and tries again
    /// by itself; an error is one that only a person can mend.
    fn run(self: Box<Self>, context: SourceContext) -> BoxFuture<'static, Result<(), SourceError>>;
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
#[error("source `{name}`: {reason}")]
pub struct SourceError {
    /// Which.
    pub name: String,
    /// Why, and what to do.
    pub reason: String,
}

/// A source as it is written in the settings: `kind` says which, the rest is its own.
///
/// ```toml
/// [[source]]
/// name = "brokers"
/// kind = "folder"
/// path = "/data/inbox/declarations"
/// stream = "declaration"
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceSettings {
    /// Files that appear in a folder.
    Folder(folder::Settings),
    /// Topics of a Kafka cluster.
    Kafka(kafka::Settings),
}

/// Checks settings and makes the source they describe; nothing is connected to or read yet, but for mapping files.
pub fn open(name: &str, settings: &SourceSettings) -> Result<Box<dyn Source>, SourceError> {
    let refuse = |reason: String| SourceError { name: name.to_owned(), reason };
    if name.is_empty() || name.contains('/') {
        return Err(refuse("a name is not empty and has no `/`, which stands behind it".to_owned()));
    }
    Ok(match settings {
        SourceSettings::Folder(settings) => Box::new(folder::FolderSource::open(name, settings).map_err(refuse)?),
        SourceSettings::Kafka(settings) => Box::new(kafka::KafkaSource::open(name, settings).map_err(refuse)?),
    })
}
