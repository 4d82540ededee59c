//! A run: the service with everything that lives around it, from the first record to the judgement.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::check::{Judgement, judge};
use crate::dice::Dice;
use crate::events::{self, Listener};
use crate::files;
use crate::folder::{Writer, waiting};
use crate::http::{Client, Tally};
use crate::kafka::{self, Broker, Reader};
use crate::rules::Rules;
use crate::seen::Seen;
use crate::service::{Service, free_port};
use crate::settings::{self, Places};
use crate::stories::Kind;
use crate::webhook::{self, Receiver};

/// Longest from the last record sent to the last selection delivered; a second more for each kill, since a life of a
/// moment takes little from a topic.
const DRAINING: Duration = Duration::from_secs(90);

/// What a run is made of.
pub struct Setup {
    pub name: &'static str,
    pub kafka: bool,
    pub clients: usize,
    /// Where the store lies, if not in the folder of the run.
    pub store: Option<PathBuf>,
    pub environment: Vec<(String, String)>,
}

impl Setup {
    pub fn new(name: &'static str) -> Self {
        Self { name, kafka: true, clients: 4, store: None, environment: Vec::new() }
    }
}

pub struct Run {
    name: &'static str,
    folder: tempfile::TempDir,
    store: PathBuf,
    pub seed: u64,
    pub dice: Dice,
    pub book: Arc<Mutex<Book>>,
    pub seen: Arc<Seen>,
    pub tally: Arc<Mutex<Tally>>,
    pub service: Service,
    pub rules: Rules,
    pub broker: Option<Broker>,
    reader: Option<Reader>,
    pub receiver: Receiver,
    senders: Vec<JoinHandle<()>>,
    listener: JoinHandle<()>,
    connections: Arc<AtomicUsize>,
    stop_sending: CancellationToken,
    stop_listening: CancellationToken,
    pub n_kills: usize,
    begun: Instant,
}

/// The seed of this run: from the environment, or one.
pub fn seed() -> u64 {
    number("CRASH_SEED", 1)
}

/// A number from the environment.
pub fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")),
        _ => default,
    }
}

impl Run {
    /// Starts the service and everybody who sends and listens.
    pub async fn begin(setup: Setup) -> Self {
        let seed = seed();
        let folder = tempfile::Builder::new().prefix(&format!("haechi-{}-", setup.name)).tempdir().unwrap();
        let path = folder.path();
        let seen = Arc::new(Seen::default());
        let rules = Rules::new(&path.join("rules"), seed);
        for kind in Kind::ALL {
            fs::create_dir_all(path.join("in").join(kind.stream())).unwrap();
        }
        let receiver = Receiver::start(Arc::clone(&seen), seed).await;
        let broker = if setup.kafka { Some(Broker::start(path).await) } else { None };
        let address = format!("127.0.0.1:{}", free_port());
        let store = setup.store.unwrap_or_else(|| path.join("store"));
        let places = Places {
            address: &address,
            store: &store,
            webhook: &receiver.address,
            broker: broker.as_ref().map(|broker| broker.address.as_str()),
        };
        settings::write(path, &places);
        let mut service = Service::new(path, &address);
        service.environment = setup.environment;
        service.start();
        let mut run = Self {
            name: setup.name,
            store,
            seed,
            dice: Dice::of(seed, setup.name),
            book: Arc::default(),
            seen: Arc::clone(&seen),
            tally: Arc::default(),
            rules,
            reader: broker.as_ref().map(|broker| broker.read(&seen)),
            broker,
            receiver,
            senders: Vec::new(),
            listener: tokio::spawn(async {}),
            connections: Arc::default(),
            stop_sending: CancellationToken::new(),
            stop_listening: CancellationToken::new(),
            n_kills: 0,
            begun: Instant::now(),
            service,
            folder,
        };
        run.ready().await;
        run.feed(setup.clients);
        run
    }

    fn feed(&mut self, clients: usize) {
        let url = self.service.url("");
        let path = self.folder.path();
        for number in 0..clients {
            let client = Client {
                name: format!("h{number}"),
                url: url.clone(),
                seed: self.seed,
                book: Arc::clone(&self.book),
                seen: Arc::clone(&self.seen),
                tally: Arc::clone(&self.tally),
                pause_ms: 40,
            };
            self.senders.push(tokio::spawn(client.run(self.stop_sending.clone())));
        }
        for kind in Kind::ALL.into_iter() {
            let folder = path.join("in").join(kind.stream());
            let writer = Writer { kind, folder, seed: self.seed, book: Arc::clone(&self.book), messages_max: 80 };
            self.senders.push(tokio::spawn(writer.run(self.stop_sending.clone())));
        }
        for (kind, topic) in kafka::IN.iter().filter(|_| self.broker.is_some()) {
            let sender = self.broker.as_ref().unwrap().sender(*kind, topic, self.seed, &self.book, &self.seen);
            self.senders.push(tokio::spawn(sender.run(self.stop_sending.clone())));
        }
        let listener = Listener { url, seen: Arc::clone(&self.seen), connections: Arc::clone(&self.connections) };
        self.listener = tokio::spawn(listener.run(self.stop_listening.clone()));
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until the service is ready; the run is over if it never is.
    pub async fn ready(&mut self) {
        if let Err(reason) = self.service.ready().await {
            self.give_up(&reason);
        }
    }

    /// Kills the service. That it had ended by itself is a fault.
    pub fn kill(&mut self) {
        self.n_kills += 1;
        if let Some(status) = self.service.kill() {
            self.seen.fault(format!("the service had ended by itself before kill {}: {status}", self.n_kills));
        }
    }

    /// Starts it again.
    pub fn start(&mut self) {
        self.rules.mend();
        self.service.start();
    }

    /// Waits until nobody gets an answer any more; false if they go on getting some.
    pub async fn stands_still(&self) -> bool {
        let posts = || self.tally.lock().unwrap().posts;
        let (begun, mut changed, mut last) = (Instant::now(), Instant::now(), posts());
        while changed.elapsed() < Duration::from_secs(1) {
            if begun.elapsed() > Duration::from_secs(30) {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            if posts() != last {
                (last, changed) = (posts(), Instant::now());
            }
        }
        true
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            if begun.elapsed() > Duration::from_secs(30) {
                return self.seen.fault(format!("waited in vain: {what}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops sending, waits until everything is delivered, stops the service, judges; fails where anything is wrong.
    pub async fn finish(mut self) {
        self.receiver.calm_down();
        self.stop_sending.cancel();
        let began = Instant::now();
        let patience = DRAINING + Duration::from_secs(self.n_kills as u64);
        for mut sender in std::mem::take(&mut self.senders) {
            match tokio::time::timeout(patience, &mut sender).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.seen.fault(format!("a sender failed: {error}")),
                Err(_) => {
                    sender.abort();
                    self.seen.fault("a sender was not answered to the end");
                }
            }
        }
        while !self.is_drained() && began.elapsed() < patience {
            if let Some(status) = self.service.ended() {
                self.seen.fault(format!("the service ended by itself at the end: {status}"));
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let drained = began.elapsed();
        if let Err(reason) = self.service.stop().await {
            self.seen.fault(reason);
            self.service.kill();
        }
        self.stop_listening.cancel();
        let _ = (&mut self.listener).await;
        for kind in Kind::ALL {
            let left = waiting(&self.path().join("in").join(kind.stream()));
            if !left.is_empty() {
                self.seen.fault(format!("{} files of {}s were never taken: {left:?}", left.len(), kind.stream()));
            }
        }
        files::read_back(&self.path().join("out"), &self.seen);
        if let Some(reader) = self.reader.take() {
            tokio::task::block_in_place(|| reader.finish());
        }
        let judgement = {
            let (book, notes) = (self.book.lock().unwrap(), self.seen.notes());
            judge(&self.store, &book, &notes, self.broker.is_some())
        };
        self.report(&judgement, drained);
        if judgement.faults.n > 0 {
            self.fail(&judgement.faults.first, judgement.faults.n);
        }
    }

    /// Whether everybody has everything.
    fn is_drained(&self) -> bool {
        let all = self.book.lock().unwrap().n_decided();
        Kind::ALL.iter().all(|kind| waiting(&self.path().join("in").join(kind.stream())).is_empty())
            && self.seen.n_distinct(events::OBSERVER) >= all
            && self.seen.n_distinct(webhook::OBSERVER) >= all
            && files::n_lines(&self.path().join("out")) >= all
            && (self.broker.is_none() || self.seen.n_distinct(kafka::OBSERVER) >= all)
    }

    #[expect(clippy::print_stdout, reason = "the figures of a run are for who reads its output")]
    fn report(&self, judgement: &Judgement, drained: Duration) {
        let mut ready = self.service.ready_after.clone();
        ready.sort_by(f64::total_cmp);
        let tally = self.tally.lock().unwrap();
        println!(
            "{}: seed {}, {} kills in {:.0} s, {} rule swaps, {} refused",
            self.name,
            self.seed,
            self.n_kills,
            self.begun.elapsed().as_secs_f64(),
            self.rules.n_swaps,
            self.rules.n_refused
        );
        println!(
            "  ready after s: min {:.2}, median {:.2}, max {:.2} of {} starts; drained in {:.1} s",
            ready.first().unwrap_or(&f64::NAN),
            ready.get(ready.len() / 2).unwrap_or(&f64::NAN),
            ready.last().unwrap_or(&f64::NAN),
            ready.len(),
            drained.as_secs_f64()
        );
        println!(
            "  {} posts answered, {} sent again, {} answered busy; {} connections for events; {} calls refused",
            tally.posts,
            tally.repeated_posts,
            tally.busy,
            self.connections.load(Ordering::Relaxed),
            self.receiver.n_refused()
        );
        for (what, n) in &judgement.counts {
            println!("  {n:>8} {what}");
        }
        println!("  {:>8} faults", judgement.faults.n);
    }

    fn fail(self, first: &[String], n: usize) -> ! {
        let log = self.service.log_end();
        let (name, seed) = (self.name, self.seed);
        let Self { folder, service, .. } = self;
        drop(service);
        let kept = folder.keep();
        panic!(
            "{name}, CRASH_SEED={seed}: {n} faults; the folder is kept: {}\n  {}\nend of the log:\n{log}",
            kept.display(),
            first.join("\n  ")
        );
    }

    /// Keeps the folder and fails.
    fn give_up(&mut self, reason: &str) -> ! {
        let log = self.service.log_end();
        let kept = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()).keep();
        panic!(
            "{}, CRASH_SEED={}, after {} kills: {reason}; the folder is kept: {}\nend of the log:\n{log}",
            self.name,
            self.seed,
            self.n_kills,
            kept.display()
        );
    }
}
