//! A progress bar over bytes read, on a terminal only.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use haechi_pipeline::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// How often the bar is drawn.
const EVERY: Duration = Duration::from_millis(100);

/// Draws until it is dropped.
#[derive(Debug)]
pub struct Bar {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Begins to draw, if anybody can see it.
    pub fn start(progress: &Arc<Progress>) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let thread = std::io::stderr().is_terminal().then(|| {
            let (progress, done) = (Arc::clone(progress), Arc::clone(&done));
            std::thread::spawn(move || {
                let bar = ProgressBar::no_length();
                let style = "{spinner} {bar:32} {bytes}/{total_bytes}  {msg}  {elapsed}";
                bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
                while !done.load(Ordering::Relaxed) {
                    bar.set_length(progress.total_bytes.load(Ordering::Relaxed));
                    bar.set_position(progress.bytes.load(Ordering::Relaxed));
                    bar.set_message(format!("{} rows", crate::output::count(progress.rows.load(Ordering::Relaxed))));
                    std::thread::park_timeout(EVERY);
                }
                bar.finish_and_clear();
            })
        });
        Self { done, thread }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A bar that panicked has nothing to tell.
            let _ = thread.join();
        }
    }
}
