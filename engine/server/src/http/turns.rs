//! Questions take turns, so that threads are left for those who bring and take.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::intake::blocking;
use super::problem::Problem;

/// So many questions at once; others wait for a while.
pub struct Turns {
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Turns {
    /// So many at once, of which each waits so long.
    pub fn new(at_once: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), patience }
    }

    /// Works on a question elsewhere, when it is its turn.
    pub async fn take<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let place = in_time(self.patience, Arc::clone(&self.places).acquire_owned()).await?;
        // Held as long as it is worked on, whether or not somebody still waits for the answer.
        blocking(move || (work(), place)).await.map(|(answer, _)| answer)
    }
}

/// Waits for a turn, so long at most.
pub async fn in_time<T>(patience: Duration, turn: impl Future<Output = T>) -> Result<T, Problem> {
    let turn = tokio::time::timeout(patience, turn).await;
    turn.map_err(|_| Problem::later("busy", "as many questions as can be are being answered; ask again later", 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_too_long_is_told_to_come_again() {
        let turns = Arc::new(Turns::new(1, Duration::ZERO));
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let turns = Arc::clone(&turns);
            let work = move || {
                begin.send(()).unwrap();
                ended.recv().is_ok()
            };
            async move { turns.take(work).await }
        });
        begun.await.unwrap();
        let refused = format!("{:?}", turns.take(|| ()).await.unwrap_err());
        assert!(refused.contains("503") && refused.contains("busy"), "{refused}");
        end.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        assert!(turns.take(|| ()).await.is_ok(), "its place is free again");
    }
}
