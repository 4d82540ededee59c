//! Units that were set aside: mended and replayed, or given up.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use haechi_connectors::{Closed, Delivery, Document};
use haechi_model::Stream;
use haechi_model::intake::{Intake, SetAside, Warning};
use haechi_pipeline::stream::{Answer, Engine, ReplayRefused};
use haechi_store::{Commit, Outcome, Position, QuarantineState, Resolution, SetAsideRecord, Store, StoreError};

use crate::mending::{MergeError, merge};
use crate::readers::{Again, Readers};

/// Why a unit stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum QuarantineError {
    /// There is none.
    #[error("nothing was set aside at position {0}")]
    Unknown(Position),
    /// Somebody dealt with it before.
    #[error("the unit at position {id} is {} already", state_name(*.state))]
    Settled {
        /// Which.
        id: Position,
        /// What became of it.
        state: QuarantineState,
    },
    /// Only a part of its text was kept.
    #[error("only the first {} bytes of its text were kept; send all of it, mended", SetAside::TEXT_BYTES_MAX)]
    Cut,
    /// Its rows are of no stream that is decided on.
    #[error("no rules for stream `{0}` are in force; add a pack, then replay it")]
    NoRules(String),
    /// It cannot be read this way either. Nothing was set aside anew.
    #[error("it still cannot be read: {}", .0.first().map_or("there are no rows in it", |unit| unit.reason.as_str()))]
    Unreadable(Vec<SetAside>),
    /// The settings of its source do not say how to read it.
    #[error("it cannot be read as its source reads: {0}; mend the settings of the source, then replay it")]
    Source(String),
    /// The rest of its subject cannot be had.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The service is stopping.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// A thread failed.
    #[error("replaying failed; this is a bug")]
    Failed,
}

/// A unit with the position it is known by.
pub fn show(store: &Store, id: Position) -> Result<SetAsideRecord, QuarantineError> {
    store.set_aside(id)?.ok_or(QuarantineError::Unknown(id))
}

/// Gives a unit up.
pub fn discard(store: &Store, id: Position, who: &str, reason: &str) -> Result<SetAsideRecord, QuarantineError> {
    waiting(store, id)?;
    let outcome = Outcome::Discarded { reason: reason.to_owned() };
    let resolved = vec![(id, Resolution { outcome, who: who.to_owned(), at_ms: now_ms() })];
    store.write(&[Commit { resolved, ..Commit::default() }.encode()?])?;
    show(store, id)
}

/// Reads a unit again, as it is or mended, and has it decided on: in the zone and through the mapping of the source it
/// came from. Rows of its subject that were read before stay.
pub async fn replay(
    engine: &Engine,
    readers: &std::sync::Arc<Readers>,
    id: Position,
    who: String,
    mended: Option<Bytes>,
) -> Result<Answer, QuarantineError> {
    let (store, readers, rules) = (engine.store().clone(), readers.clone(), engine.rules().current());
    let read = tokio::task::spawn_blocking(move || {
        let record = waiting(&store, id)?;
        let stream = Stream::find(&record.stream).filter(|stream| rules.value.decider(stream).is_some());
        let stream = stream.ok_or_else(|| QuarantineError::NoRules(record.stream.clone()))?;
        let intake = read(&readers, stream, record, mended)?;
        let Intake { batch, warnings, .. } = intake;
        let batch = merge(&store, stream, batch)?;
        Ok::<_, QuarantineError>(Delivery::new(stream, Intake { batch, warnings, set_aside: Vec::new() }, None))
    });
    let delivery = read.await.map_err(|_| QuarantineError::Failed)??;
    engine.replay_quarantined(id, who, delivery).await.map_err(|refused| match refused {
        ReplayRefused::NotSetAside(id) => QuarantineError::Unknown(id),
        ReplayRefused::Store(error) => error.into(),
        ReplayRefused::Closed(closed) => closed.into(),
    })
}

/// The rows of a unit; all of it has to be readable.
fn read(
    readers: &Readers,
    stream: &'static Stream,
    record: SetAsideRecord,
    mended: Option<Bytes>,
) -> Result<Intake, QuarantineError> {
    let again = readers.again(&record.source, stream).map_err(QuarantineError::Source)?;
    let bytes = match mended {
        Some(bytes) => bytes,
        // A text is cut between characters, of which none has more than four bytes.
        None if record.text.len() > SetAside::TEXT_BYTES_MAX - 4 => return Err(QuarantineError::Cut),
        None => Bytes::from(record.readable()),
    };
    let documents = match &again {
        Again::AsSource(documents) => documents,
        Again::AsBody | Again::Unknown => readers.of(stream),
    };
    let warning = matches!(again, Again::Unknown).then(|| Warning {
        code: "unknown_source",
        path: record.place.clone(),
        text: format!(
            "settings name no source for `{}`; read in the zone of the service, without a mapping",
            record.source
        ),
    });
    let document = Document { source: record.source.into(), position: record.place, bytes };
    let gathered = documents.gather(&[document]).pop();
    let mut intake = gathered.map(|gathered| gathered.intake).ok_or(QuarantineError::Failed)?;
    intake.warnings.extend(warning);
    if intake.set_aside.is_empty() && intake.batch.num_rows() > 0 {
        Ok(intake)
    } else {
        Err(QuarantineError::Unreadable(intake.set_aside))
    }
}

fn waiting(store: &Store, id: Position) -> Result<SetAsideRecord, QuarantineError> {
    let record = show(store, id)?;
    match record.state() {
        QuarantineState::Waiting => Ok(record),
        state => Err(QuarantineError::Settled { id, state }),
    }
}

/// A state as it is written.
pub fn state_name(state: QuarantineState) -> &'static str {
    match state {
        QuarantineState::Waiting => "waiting",
        QuarantineState::Replayed => "replayed",
        QuarantineState::Discarded => "discarded",
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64)
}
