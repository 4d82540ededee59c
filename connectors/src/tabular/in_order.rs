//! Tasks done beside each other, a few at a time, and what they give handed on in the order of the tasks.
//!
//! Memory is bounded twice: only as many tasks are begun as there are workers and one more, and each waits once it has
//! given [`ITEMS_AHEAD`] items that nobody has taken yet.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::Builder;

/// Items of a task that wait to be taken.
const ITEMS_AHEAD: usize = 2;

/// Where a worker puts what a task gives.
pub struct Outlet<T>(SyncSender<T>);

impl<T> Outlet<T> {
    /// Hands an item on, once there is room; `false` where nobody wants any more.
    pub fn put(&self, item: T) -> bool {
        self.0.send(item).is_ok()
    }
}

/// What tasks give, in their order.
pub struct InOrder<Task, T> {
    /// Not begun.
    tasks: std::vec::IntoIter<Task>,
    to_workers: Sender<(Task, Outlet<T>)>,
    /// Of the tasks begun, the earliest first.
    begun: VecDeque<Receiver<T>>,
}

impl<Task: Send + 'static, T: Send + 'static> InOrder<Task, T> {
    /// Starts a thread for each worker, of which there is at least one and which do not panic. They end when this is
    /// dropped.
    pub fn start<W>(tasks: Vec<Task>, workers: Vec<W>) -> io::Result<Self>
    where
        W: FnMut(Task, &Outlet<T>) + Send + 'static,
    {
        let (to_workers, queue) = channel::<(Task, Outlet<T>)>();
        let queue = Arc::new(Mutex::new(queue));
        let n_begun = workers.len() + 1;
        for mut worker in workers {
            let queue = Arc::clone(&queue);
            Builder::new().name("decode".to_owned()).spawn(move || {
                loop {
                    let next = queue.lock().map(|queue| queue.recv());
                    let Ok(Ok((task, outlet))) = next else { return };
                    worker(task, &outlet);
                }
            })?;
        }
        let mut tasks = Self { tasks: tasks.into_iter(), to_workers, begun: VecDeque::new() };
        (0..n_begun).for_each(|_| tasks.begin());
        Ok(tasks)
    }

    fn begin(&mut self) {
        let Some(task) = self.tasks.next() else { return };
        let (outlet, items) = sync_channel(ITEMS_AHEAD);
        self.to_workers.send((task, Outlet(outlet))).expect("workers wait for tasks as long as this can give any");
        self.begun.push_back(items);
    }
}

impl<Task: Send + 'static, T: Send + 'static> Iterator for InOrder<Task, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        loop {
            if let Ok(item) = self.begun.front()?.recv() {
                return Some(item);
            }
            self.begun.pop_front();
            self.begin();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Tasks that give their number `n_items` times; how many were begun is counted.
    fn numbers(workers: usize, n_items: usize, begun: &Arc<AtomicUsize>) -> InOrder<usize, usize> {
        let worker = |_| {
            let begun = Arc::clone(begun);
            move |task: usize, outlet: &Outlet<usize>| {
                begun.fetch_add(1, Ordering::Relaxed);
                // Later tasks are done sooner.
                std::thread::sleep(Duration::from_millis(5 - (task % 5) as u64));
                let _ = (0..n_items).all(|_| outlet.put(task));
            }
        };
        InOrder::start((0..20).collect(), (0..workers).map(worker).collect()).unwrap()
    }

    #[test]
    fn items_come_in_the_order_of_their_tasks() {
        for (workers, n_items) in [(1, 1), (2, 1), (4, 7), (30, 3)] {
            let expected: Vec<usize> = (0..20).flat_map(|task| std::iter::repeat_n(task, n_items)).collect();
            let begun = Arc::new(AtomicUsize::new(0));
            assert!(numbers(workers, n_items, &begun).eq(expected), "{workers} workers");
        }
    }

    #[test]
    fn few_tasks_are_begun_before_their_items_are_wanted() {
        let begun = Arc::new(AtomicUsize::new(0));
        let mut items = numbers(3, 1, &begun);
        std::thread::sleep(Duration::from_millis(60));
        assert!(begun.load(Ordering::Relaxed) <= 4);
        assert_eq!(items.next(), Some(0));
        drop(items);
    }
}
