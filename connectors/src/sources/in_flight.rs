//! Deliveries handed over and not yet committed: several at a time, so that a source need not wait for a commit before
//! it reads on.
//!
//! Nothing is handed over twice while the engine runs. Where it does not commit a delivery, it commits none after it
//! either and is ending: so the store stands before what was not committed, and a source that ends then goes on with
//! exactly that after a restart.

use std::collections::VecDeque;

use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::source::{Delivery, FeedError, NotCommitted, Receipt, SourceContext, SourceError, Stand};

/// Deliveries on the way at once.
const IN_FLIGHT_MAX: usize = 8;

/// Why nothing more can be handed over. What was not committed comes again after a start.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The source was told to stop, or the engine takes nothing more: it is stopping.
    #[error("stopped")]
    Stopped,
    /// The engine did not commit a delivery, and commits nothing after it.
    #[error("{at}: {why}; nothing after it is taken. Restart the service, which reads it again")]
    NotCommitted {
        /// Where what it has begins.
        at: String,
        /// Why.
        why: NotCommitted,
    },
    /// The engine cannot say where the source stands.
    #[error("{0}; restart the service")]
    Stands(#[from] FeedError),
}

impl Ended {
    /// What a source of a name ends with: to have been stopped is none of its faults.
    pub fn result(self, name: &str) -> Result<(), SourceError> {
        match self {
            Self::Stopped => Ok(()),
            fault => Err(SourceError { name: name.to_owned(), reason: fault.to_string() }),
        }
    }
}

/// Deliveries of one source on their way.
pub struct InFlight {
    name: String,
    context: SourceContext,
    /// In the order they were handed over.
    waiting: VecDeque<Waiting>,
}

/// A delivery whose receipt has not come.
struct Waiting {
    receipt: Receipt,
    answer: Option<Result<(), NotCommitted>>,
    at: String,
    n_rows: usize,
    n_set_aside: usize,
    stand: Option<Stand>,
}

impl InFlight {
    /// For the source of a name.
    pub fn new(name: &str, context: &SourceContext) -> Self {
        Self { name: name.to_owned(), context: context.clone(), waiting: VecDeque::new() }
    }

    /// Whether there is room for another delivery.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < IN_FLIGHT_MAX
    }

    /// Hands a delivery over; waits for room.
    pub async fn hand_over(&mut self, delivery: Delivery) -> Result<(), Ended> {
        while !self.has_room() {
            self.next().await?;
        }
        let (n_rows, n_set_aside) = (delivery.rows.num_rows(), delivery.set_aside.len());
        let (at, stand) = (place(&delivery), delivery.stand.clone());
        let receipt = tokio::select! {
            biased;
            handed = self.context.feed.hand_over(delivery) => handed.ok(),
            () = self.context.stop.cancelled() => return Err(Ended::Stopped),
        };
        let Some(receipt) = receipt else { return Err(self.closed().await) };
        self.waiting.push_back(Waiting { receipt, answer: None, at, n_rows, n_set_aside, stand });
        Ok(())
    }

    /// The engine takes nothing more: because it stops, or because it did not commit what is on its way.
    async fn closed(&mut self) -> Ended {
        self.settled().await.err().unwrap_or(Ended::Stopped)
    }

    /// Waits until it is known what became of the first of those on their way; for ever where nothing is. May be dropped
    /// and called again.
    pub async fn answered(&mut self) {
        match self.waiting.front_mut() {
            Some(Waiting { answer: Some(_), .. }) => {}
            Some(first) => first.answer = Some(first.receipt.answer().await),
            None => std::future::pending().await,
        }
    }

    /// Waits until the first of those on their way is committed, and says where the source then stands. Where it is not
    /// committed, neither are the others. May be dropped and called again.
    pub async fn next(&mut self) -> Result<Option<Stand>, Ended> {
        self.answered().await;
        let Some(Waiting { answer, at, n_rows, n_set_aside, stand, .. }) = self.waiting.pop_front() else {
            return Ok(None);
        };
        if let Some(Err(why)) = answer {
            self.waiting.clear();
            return Err(Ended::NotCommitted { at, why });
        }
        let count = |what: &'static str, n: usize| {
            metrics::counter!(what, "source" => self.name.clone()).increment(n as u64);
        };
        count("haechi_source_rows_total", n_rows);
        count("haechi_source_set_aside_total", n_set_aside);
        Ok(stand)
    }

    /// Waits until everything is committed.
    pub async fn settled(&mut self) -> Result<(), Ended> {
        while !self.waiting.is_empty() {
            self.next().await?;
        }
        Ok(())
    }
}

/// Where what a delivery has begins, as far as it says.
fn place(delivery: &Delivery) -> String {
    let text = |column: &str| {
        let array = delivery.rows.column_by_name(column).filter(|array| !array.is_empty())?;
        let options = FormatOptions::default();
        Some(ArrayFormatter::try_new(array.as_ref(), &options).ok()?.value(0).to_string())
    };
    if let (Some(source), Some(position)) = (text("source"), text("source_position")) {
        return format!("{source} {position}");
    }
    match (delivery.set_aside.first(), &delivery.stand) {
        (Some(unit), _) => format!("{} {}", unit.source, unit.position),
        (None, Some(stand)) => stand.of.clone(),
        (None, None) => "a delivery without rows".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use haechi_model::streams::DECLARATION;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::ReadOptions;
    use crate::sources::testing::Engine;

    fn delivery(n: usize) -> Delivery {
        let text = format!("declaration_id,item_no\nD{n},1\n");
        let reader = crate::read::bytes("in/a", text.into(), &DECLARATION, None, &ReadOptions::default()).unwrap();
        let stand = Stand { of: "in/a".to_owned(), at: Some(n.to_string()) };
        Delivery::new(&DECLARATION, reader.map(|intake| intake.unwrap()).next().unwrap(), Some(stand))
    }

    async fn hand_over(engine: &Arc<Engine>, n: usize) -> Result<(), Ended> {
        let context = SourceContext { feed: engine.clone(), stop: CancellationToken::new() };
        let mut in_flight = InFlight::new("in", &context);
        for n in 1..=n {
            in_flight.hand_over(delivery(n)).await?;
        }
        in_flight.settled().await
    }

    #[tokio::test]
    async fn what_is_not_committed_ends_the_source_and_nothing_after_it_is_handed_over() {
        for ends_after in 0..20 {
            let engine: Arc<Engine> = Arc::default();
            engine.committed().ends_after = Some(ends_after);
            let ended = hand_over(&engine, 30).await.unwrap_err();
            assert_eq!(
                ended.result("in").unwrap_err().to_string(),
                "source `in`: in/a line 2: not committed: the block cannot be encoded; nothing after it is taken. Restart \
                 the service, which reads it again"
            );
            let mut committed = engine.committed();
            let stand = (ends_after > 0).then(|| ends_after.to_string());
            assert_eq!(committed.stands.get("in/a"), stand.as_ref());
            assert_eq!(committed.rows, (1..=ends_after).map(|n| format!("D{n}/1")).collect::<Vec<_>>());
            committed.ends_after = None;
        }
    }

    #[tokio::test]
    async fn an_engine_that_closes_says_what_it_did_not_commit() {
        for (ends_after, expected) in [(Some(1), false), (None, true)] {
            let engine: Arc<Engine> = Arc::default();
            engine.committed().ends_after = ends_after;
            engine.committed().closes_after = Some(3);
            let ended = hand_over(&engine, 5).await.unwrap_err();
            assert_eq!(matches!(ended, Ended::Stopped), expected, "{ended}");
        }
    }
}
