//! Deliveries handed over and not yet committed: several at a time, so that a source need not wait for a commit before
//! it reads on. Each is kept until its receipt comes, and handed over again where it was not committed.

use std::collections::VecDeque;
use std::time::Duration;

use haechi_model::intake::SetAside;

use crate::read::no_rows;
use crate::source::{Delivery, NotCommitted, Receipt, SourceContext, Stand};
use crate::tabular::row_text;

/// Deliveries on the way at once.
const IN_FLIGHT_MAX: usize = 8;
/// Pauses before something is handed over again, the first and the longest.
const PAUSES: (Duration, Duration) = if cfg!(test) {
    (Duration::from_millis(1), Duration::from_millis(4))
} else {
    (Duration::from_millis(100), Duration::from_secs(30))
};
/// How often rows are handed over before they are set aside: a little more than a minute.
const TRIES_MAX: u32 = 10;

/// Why nothing more can be handed over. What was not committed comes again after a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The engine takes nothing more.
    Closed,
    /// The source was told to stop.
    Stopped,
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
    delivery: Delivery,
    receipt: Receipt,
    answer: Option<Result<(), NotCommitted>>,
    /// How often it was handed over in vain.
    n_tries: u32,
}

impl Waiting {
    async fn answered(&mut self) {
        if self.answer.is_none() {
            self.answer = Some(self.receipt.answer().await);
        }
    }
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
        self.put(delivery, 0).await
    }

    async fn put(&mut self, delivery: Delivery, n_tries: u32) -> Result<(), Ended> {
        let receipt = tokio::select! {
            biased;
            handed = self.context.feed.hand_over(delivery.clone()) => handed.map_err(|_| Ended::Closed)?,
            () = self.context.stop.cancelled() => return Err(Ended::Stopped),
        };
        self.waiting.push_back(Waiting { delivery, receipt, answer: None, n_tries });
        Ok(())
    }

    /// Waits until it is known what became of the first of those on their way; for ever where nothing is. May be dropped
    /// and called again.
    pub async fn answered(&mut self) {
        match self.waiting.front_mut() {
            Some(first) => first.answered().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the first of those on their way is committed, and says where the source then stands. Must not be
    /// dropped before it is done.
    pub async fn next(&mut self) -> Result<Option<Stand>, Ended> {
        loop {
            self.answered().await;
            let Some(first) = self.waiting.pop_front() else { continue };
            match first.answer.clone() {
                None | Some(Ok(())) => return Ok(self.committed(first.delivery)),
                Some(Err(why)) => self.again(first, &why).await?,
            }
        }
    }

    /// Waits until everything is committed.
    pub async fn settled(&mut self) -> Result<(), Ended> {
        while !self.waiting.is_empty() {
            self.next().await?;
        }
        Ok(())
    }

    fn committed(&self, delivery: Delivery) -> Option<Stand> {
        let count = |what: &'static str, n: usize| {
            metrics::counter!(what, "source" => self.name.clone()).increment(n as u64);
        };
        count("haechi_source_rows_total", delivery.rows.num_rows());
        count("haechi_source_set_aside_total", delivery.set_aside.len());
        delivery.stand
    }

    /// Hands over again what was not committed, in order, after a pause.
    async fn again(&mut self, first: Waiting, why: &NotCommitted) -> Result<(), Ended> {
        let n_tries = first.n_tries + 1;
        tracing::warn!(source = self.name, reason = why.reason, n_tries, "not committed; it is handed over again");
        let mut failed = vec![Waiting { n_tries, ..first }];
        // What follows was handed over already: its fate has to be known before anything is put in its place.
        for mut later in std::mem::take(&mut self.waiting) {
            later.answered().await;
            if matches!(later.answer, Some(Err(_))) {
                failed.push(later);
                continue;
            }
            // The source stands further already; what comes late must not set it back.
            if let Some(stand) = self.committed(later.delivery) {
                for earlier in failed.iter_mut().filter_map(|failed| failed.delivery.stand.as_mut()) {
                    if earlier.of == stand.of {
                        earlier.clone_from(&stand);
                    }
                }
            }
        }
        let pause = PAUSES.0.saturating_mul(1 << (n_tries - 1).min(16)).min(PAUSES.1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.context.stop.cancelled() => return Err(Ended::Stopped),
        }
        if n_tries >= TRIES_MAX
            && let Some(first) = failed.first_mut()
        {
            tracing::error!(source = self.name, reason = why.reason, "rows cannot be committed and are set aside");
            set_rows_aside(&mut first.delivery, why);
        }
        for Waiting { delivery, n_tries, .. } in failed {
            self.put(delivery, n_tries).await?;
        }
        Ok(())
    }
}

/// Keeps the rows of a delivery that is never committed as text.
fn set_rows_aside(delivery: &mut Delivery, why: &NotCommitted) {
    let rows = std::mem::replace(&mut delivery.rows, no_rows(delivery.stream));
    let of = delivery.stand.as_ref().map_or("", |stand| stand.of.as_str());
    delivery.set_aside.extend((0..rows.num_rows()).map(|row| {
        let text = row_text(&rows, row);
        let reason = format!("could not be committed: {}; replay it", why.reason);
        SetAside::new(of, format!("row {} of its delivery", row + 1), "not_committed", reason, text.as_bytes())
    }));
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

    async fn hand_over(n_refusals: usize, n: usize) -> Arc<Engine> {
        let engine: Arc<Engine> = Arc::default();
        engine.committed().n_refusals = n_refusals;
        let context = SourceContext { feed: engine.clone(), stop: CancellationToken::new() };
        let mut in_flight = InFlight::new("in", &context);
        for n in 1..=n {
            in_flight.hand_over(delivery(n)).await.unwrap();
        }
        in_flight.settled().await.unwrap();
        engine
    }

    #[tokio::test]
    async fn what_is_committed_late_does_not_set_the_stand_back() {
        for n_refusals in 0..=6 {
            let engine = hand_over(n_refusals, 3).await;
            let mut committed = engine.committed();
            committed.rows.sort();
            assert_eq!(committed.rows, ["D1/1", "D2/1", "D3/1"], "{n_refusals} refusals");
            assert_eq!(committed.stands["in/a"], "3", "{n_refusals} refusals");
        }
    }

    #[tokio::test]
    async fn rows_that_are_never_committed_are_set_aside() {
        let engine = hand_over(TRIES_MAX as usize, 1).await;
        let committed = engine.committed();
        assert!(committed.rows.is_empty());
        let [unit] = committed.set_aside.as_slice() else { panic!("{:?}", committed.set_aside) };
        assert_eq!((&*unit.source, unit.code), ("in/a", "not_committed"));
        assert!(unit.text.contains("\"declaration_id\":\"D1\""), "{}", unit.text);
        assert_eq!(committed.stands["in/a"], "1");
    }
}
