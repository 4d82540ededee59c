//! Selections as they are made, for any number of listeners.
//!
//! Who comes late reads from the store, a piece at a time, until it has caught up; then all hear of the same pieces, each
//! read and written once. Who is slow hears nothing of what it has missed, and reads that from the store again: so no
//! listener holds up another, and none takes more memory than two pieces.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use haechi_connectors::sinks::SelectionJson;
use haechi_connectors::sinks::published::{NotPublished, Published};
use haechi_model::Stream;
use haechi_store::{Position, Store, StoreError, StoredDecisions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Selections of a piece.
const PIECE: usize = 128;
/// Selections that a listener reads from the store in one go.
const STEP: usize = 2_048;
/// Pieces that a listener may be behind before it reads from the store again.
const BEHIND: usize = 256;
/// Listeners that read from the store at once.
const READING_MAX: usize = 4;

/// Some selections of one stream, written as events.
#[derive(Clone, Debug)]
struct Piece {
    stream: &'static str,
    /// Everything after this position is in this piece or in later ones.
    after: Position,
    /// Position of its first selection, and of its last.
    first: Position,
    last: Position,
    events: Bytes,
}

/// Where listeners come to.
pub struct Events {
    store: Store,
    position: watch::Receiver<Position>,
    live: broadcast::Sender<Piece>,
    places: Arc<Semaphore>,
    /// Those who catch up take turns, so that they hold up nobody else.
    reading: Semaphore,
    end: CancellationToken,
}

/// What a listener wants to hear.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Everything after this position.
    pub after: Position,
    /// Of this stream alone.
    pub stream: Option<&'static Stream>,
    /// After which silence it is told that the line is alive.
    pub heartbeat: Duration,
}

impl Events {
    /// Of a store, whose last position is told.
    pub fn new(
        store: Store,
        position: watch::Receiver<Position>,
        listeners_max: usize,
        end: CancellationToken,
    ) -> Self {
        let places = Arc::new(Semaphore::new(listeners_max.min(Semaphore::MAX_PERMITS)));
        Self {
            store,
            position,
            live: broadcast::Sender::new(BEHIND),
            places,
            reading: Semaphore::new(READING_MAX),
            end,
        }
    }

    /// The last position there is.
    pub fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// Begins to listen; `None` where there are listeners enough. What is received is to be sent on as it is.
    pub fn listen(self: &Arc<Self>, wanted: Wanted) -> Option<mpsc::Receiver<Bytes>> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let (sender, receiver) = mpsc::channel(1);
        let (events, cursor, due) = (Arc::clone(self), wanted.after, Instant::now() + wanted.heartbeat);
        tokio::spawn(Listener { events, wanted, cursor, due, sender, _place: place }.run());
        Some(receiver)
    }

    /// Tells listeners what is new, until it is to end.
    pub async fn tell(self: Arc<Self>) {
        let mut position = self.position.clone();
        let mut told = *position.borrow_and_update();
        let mut read = told;
        loop {
            tokio::select! {
                () = self.end.cancelled() => return,
                changed = position.changed() => if changed.is_err() { return },
            }
            let committed = *position.borrow_and_update();
            if self.live.receiver_count() == 0 {
                (told, read) = (committed, committed);
                continue;
            }
            while read < committed {
                let pieces = match self.read(read, told).await {
                    Ok(pieces) => pieces,
                    Err(error) => {
                        // Listeners see the gap, and read from the store themselves.
                        tracing::error!(%error, "cannot read selections for those who listen");
                        (told, read) = (committed, committed);
                        break;
                    }
                };
                let Some(last) = pieces.last().map(|piece| piece.last) else {
                    read = committed;
                    break;
                };
                (told, read) = (last, last);
                for piece in pieces {
                    // Nobody may be listening by now.
                    let _ = self.live.send(piece);
                }
            }
        }
    }

    /// The next selections after a position, in pieces that begin after `told`.
    async fn read(&self, after: Position, told: Position) -> Result<Vec<Piece>, ReadError> {
        let store = self.store.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut pieces: Vec<Piece> = Vec::new();
            let mut n = 0;
            for decisions in store.decisions(after) {
                n += write(&decisions?, STEP - n, told, &mut pieces)?;
                if n >= STEP {
                    break;
                }
            }
            Ok(pieces)
        });
        read.await.map_err(|_| ReadError::Failed)?
    }
}

/// Why selections cannot be told. Whoever listens is cut off: it comes again, and goes on where it was.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("selections of another form: {0}; this is a bug")]
    Form(#[from] NotPublished),
    #[error("reading them failed; this is a bug")]
    Failed,
}

/// Writes selections as pieces behind those there are, so many at most; how many it were.
fn write(
    decisions: &StoredDecisions,
    rows_max: usize,
    told: Position,
    pieces: &mut Vec<Piece>,
) -> Result<usize, NotPublished> {
    let columns = Published::of(&decisions.selections)?;
    let rows = decisions.selections.num_rows().min(rows_max);
    let writer = SelectionJson::over(columns);
    for from in (0..rows).step_by(PIECE) {
        let to = rows.min(from + PIECE);
        let mut events = Vec::with_capacity((to - from) * 700);
        for row in from..to {
            events.extend_from_slice(format!("id: {}\ndata: ", columns.position(row)).as_bytes());
            writer.write(row, &mut events);
            events.extend_from_slice(b"\n\n");
        }
        let after = pieces.last().map_or(told, |piece| piece.last);
        let (stream, events) = (decisions.stream.name, events.into());
        pieces.push(Piece { stream, after, first: columns.position(from), last: columns.position(to - 1), events });
    }
    Ok(rows)
}

struct Listener {
    events: Arc<Events>,
    wanted: Wanted,
    /// Everything up to here is sent, or not wanted.
    cursor: Position,
    /// When it is to be told that the line is alive, unless it hears something before.
    due: Instant,
    sender: mpsc::Sender<Bytes>,
    _place: OwnedSemaphorePermit,
}

/// Nobody listens any more.
struct Gone;

impl Listener {
    /// Sends until there is nobody to send to, or it is to end.
    async fn run(mut self) {
        let end = self.events.end.clone();
        tokio::select! {
            () = end.cancelled() => {}
            _gone = self.follow() => {}
        }
    }

    async fn follow(&mut self) -> Result<(), Gone> {
        let mut live = self.events.live.subscribe();
        self.alive().await?;
        loop {
            self.catch_up().await?;
            loop {
                let heard = tokio::select! {
                    () = self.sender.closed() => return Err(Gone),
                    heard = tokio::time::timeout_at(self.due, live.recv()) => heard,
                };
                match heard {
                    Err(_) => self.alive().await?,
                    Ok(Ok(piece)) if piece.last <= self.cursor => {}
                    Ok(Ok(piece)) if piece.after <= self.cursor && self.cursor < piece.first => {
                        self.send(piece).await?;
                    }
                    Ok(Ok(_) | Err(broadcast::error::RecvError::Lagged(_))) => break,
                    Ok(Err(broadcast::error::RecvError::Closed)) => return Err(Gone),
                }
            }
        }
    }

    /// Sends what is in the store.
    async fn catch_up(&mut self) -> Result<(), Gone> {
        loop {
            let committed = self.events.position();
            if self.cursor >= committed {
                return Ok(());
            }
            // It is never closed.
            let turn = self.events.reading.acquire().await;
            let read = self.events.read(self.cursor, self.cursor).await;
            drop(turn);
            match read {
                Ok(pieces) if pieces.is_empty() => self.cursor = committed,
                Ok(pieces) => {
                    for piece in pieces {
                        self.send(piece).await?;
                    }
                }
                Err(error) => {
                    // It comes again, and goes on where it was.
                    tracing::error!(%error, "cannot read selections for one who listens");
                    return Err(Gone);
                }
            }
        }
    }

    async fn send(&mut self, piece: Piece) -> Result<(), Gone> {
        self.cursor = piece.last;
        if self.wanted.stream.is_none_or(|stream| stream.name == piece.stream) {
            return self.tell(piece.events).await;
        }
        // Where much is made that it does not want, there is always something to pass over.
        if self.due <= Instant::now() { self.alive().await } else { Ok(()) }
    }

    /// Shows that the line is alive, and how far it is where nothing was wanted.
    async fn alive(&mut self) -> Result<(), Gone> {
        self.tell(format!(": alive\nid: {}\n\n", self.cursor).into()).await
    }

    async fn tell(&mut self, events: Bytes) -> Result<(), Gone> {
        self.sender.send(events).await.map_err(|_| Gone)?;
        self.due = Instant::now() + self.wanted.heartbeat;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use haechi_model::streams::TRAVELLER;
    use haechi_store::StoreOptions;

    use super::*;

    /// One who listens for travellers on an empty store, and what it hears.
    fn listener(folder: &std::path::Path) -> (Listener, mpsc::Receiver<Bytes>) {
        let store = Store::open(folder, &StoreOptions::default()).unwrap();
        let (_position, told) = watch::channel(9);
        let events = Arc::new(Events::new(store, told, 1, CancellationToken::new()));
        let place = Arc::clone(&events.places).try_acquire_owned().unwrap();
        let wanted = Wanted { after: 0, stream: Some(&TRAVELLER), heartbeat: Duration::from_hours(1) };
        let (sender, heard) = mpsc::channel(8);
        (Listener { events, wanted, cursor: 0, due: Instant::now(), sender, _place: place }, heard)
    }

    #[tokio::test]
    async fn much_that_is_not_wanted_does_not_make_a_line_look_dead() {
        let folder = tempfile::tempdir().unwrap();
        let (mut listener, mut heard) = listener(folder.path());
        let unwanted = |at| Piece { stream: "declaration", after: at - 1, first: at, last: at, events: Bytes::new() };
        assert!(listener.send(unwanted(1)).await.is_ok() && listener.send(unwanted(2)).await.is_ok());
        assert_eq!(heard.try_recv().unwrap(), ": alive\nid: 1\n\n", "it was due");
        assert!(heard.try_recv().is_err(), "and is not due again before the pause is over");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let (mut listener, _heard) = listener(folder.path());
        listener.events.store.close();
        assert!(listener.catch_up().await.is_err());
        assert_eq!(listener.cursor, 0);
    }
}
