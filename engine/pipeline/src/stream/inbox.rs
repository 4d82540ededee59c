//! What waits for the sequencer: requests that somebody waits for, and everything else, each bounded by rows.
//!
//! A lone delivery is taken at once. Where more wait, they are taken together, up to a full block; requests and the
//! rest take turns, so that neither starves the other.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use haechi_connectors::{Closed, Delivery};
use haechi_store::Position;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::answer::Answer;

/// Whether somebody waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A request: small, and answered as soon as can be.
    Request,
    /// Files and topics: what matters is how many a second.
    Bulk,
}

impl Urgency {
    const ALL: [Self; 2] = [Self::Request, Self::Bulk];

    /// As it is called in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Bulk => "bulk",
        }
    }
}

/// Who is told what became of a delivery.
pub(crate) enum Reply {
    /// That it is committed.
    Committed(oneshot::Sender<Result<(), haechi_connectors::NotCommitted>>),
    /// What was selected.
    Answer(oneshot::Sender<Answer>),
}

/// A delivery that waits.
pub(crate) struct Order {
    pub delivery: Delivery,
    pub reply: Reply,
    /// The unit in quarantine that this puts right, and who did it.
    pub replays: Option<(Position, String)>,
    pub arrived: Instant,
    /// Its room, given back once it is committed.
    pub room: OwnedSemaphorePermit,
}

/// The two queues.
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    room: [Arc<Semaphore>; 2],
    room_rows: usize,
}

#[derive(Default)]
struct Waiting {
    queues: [VecDeque<Order>; 2],
    last: usize,
    closed: bool,
}

impl Inbox {
    /// Room for so many rows of each urgency, those being worked on among them.
    pub fn new(room_rows: usize) -> Self {
        let room_rows = room_rows.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let room = Urgency::ALL.map(|_| Arc::new(Semaphore::new(room_rows)));
        Self { waiting: Mutex::default(), changed: Condvar::new(), room, room_rows }
    }

    /// Puts a delivery at the end of its queue; waits for room.
    pub async fn put(
        &self,
        urgency: Urgency,
        delivery: Delivery,
        reply: Reply,
        replays: Option<(Position, String)>,
    ) -> Result<(), Closed> {
        let arrived = Instant::now();
        let rows = delivery.rows.num_rows().clamp(1, self.room_rows);
        let room = Arc::clone(&self.room[urgency as usize]).acquire_many_owned(rows as u32).await;
        let order = Order { delivery, reply, replays, arrived, room: room.map_err(|_| Closed)? };
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Closed);
        }
        waiting.queues[urgency as usize].push_back(order);
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// The next deliveries to work on together, of `rows_max` rows or one; waits for some. `None` once it is closed and
    /// empty.
    pub fn take(&self, rows_max: usize) -> Option<(Urgency, Vec<Order>)> {
        let idle = |waiting: &mut Waiting| waiting.queues.iter().all(VecDeque::is_empty) && !waiting.closed;
        let mut waiting = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let other = 1 - waiting.last;
        let turn = if waiting.queues[other].is_empty() { waiting.last } else { other };
        waiting.last = turn;
        let mut taken = Vec::new();
        let mut rows = 0;
        while let Some(order) = waiting.queues[turn].front() {
            let more = order.delivery.rows.num_rows().max(1);
            if !taken.is_empty() && rows + more > rows_max {
                break;
            }
            rows += more;
            taken.extend(waiting.queues[turn].pop_front());
        }
        (!taken.is_empty()).then_some((Urgency::ALL[turn], taken))
    }

    /// Takes nothing more; what waits is still taken out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.room.iter().for_each(|room| room.close());
        self.changed.notify_all();
    }

    /// Closes it and gives back to its senders what waits.
    pub fn abandon(&self) {
        self.close();
        // Dropped after the lock is free: senders wake up by it.
        let waiting = std::mem::take(&mut self.lock().queues);
        drop(waiting);
    }

    /// Rows that wait, by urgency.
    pub fn waiting_rows(&self) -> [(Urgency, usize); 2] {
        let waiting = self.lock();
        let rows = |queue: &VecDeque<Order>| queue.iter().map(|order| order.delivery.rows.num_rows()).sum();
        Urgency::ALL.map(|urgency| (urgency, rows(&waiting.queues[urgency as usize])))
    }

    /// Every change is a push or a pop, so a thread that panicked left the queues whole.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
