//! A real broker, a door to it that can be shut, a sender, and a reader of what came out.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::dice::Dice;
use crate::encode::Format;
use crate::events;
use crate::seen::Seen;
use crate::service::free_port;
use crate::stories::{Kind, Message, Stories};

pub const OBSERVER: &str = "kafka";
pub const PARTITIONS: i32 = 3;
/// Topics that records come by.
pub const IN: [(Kind, &str); 2] = [(Kind::Declaration, "in.declarations"), (Kind::Consignment, "in.consignments")];
/// Topics that selections go to.
pub const OUT: [&str; 3] = ["selection.clearance", "selection.cargo", "selection.apis"];
/// How many selections may be outstanding before nothing more is sent: a service that is killed every second gets little
/// done, and the run has to come to an end.
const AHEAD_MAX: usize = 2_000;
const TIMEOUT: Duration = Duration::from_secs(10);

/// A broker process. It keeps everything in memory, so it lives as long as the run; what a restart looks like from
/// outside is made by its door.
pub struct Broker {
    child: Child,
    /// Where the service finds it.
    pub address: String,
    pub door: Door,
}

impl Broker {
    pub async fn start(folder: &Path) -> Self {
        let inner = format!("127.0.0.1:{}", free_port());
        let door = Door::open(&inner).await;
        let log = || File::options().create(true).append(true).open(folder.join("broker.log")).unwrap();
        // It ends with us, however we end.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(binary());
        command.args(["--listener-url", &format!("tcp://{inner}")]);
        command.args(["--advertised-listener-url", &format!("tcp://{}", door.address)]);
        let child = command.stdin(Stdio::null()).stdout(log()).stderr(log()).spawn().unwrap();
        let broker = Self { child, address: door.address.clone(), door };
        broker.create(&IN.map(|(_, topic)| topic)).await;
        broker.create(&OUT).await;
        broker
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    async fn create(&self, topics: &[&str]) {
        let started = Instant::now();
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        loop {
            let new = topics.iter().map(|topic| NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1)));
            let new: Vec<_> = new.collect();
            let created = admin.create_topics(&new, &AdminOptions::new().request_timeout(Some(TIMEOUT))).await;
            match created {
                Ok(results) if results.iter().all(Result::is_ok) => return,
                other => assert!(started.elapsed() < Duration::from_secs(30), "the broker makes no topics: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn sender(
        &self,
        kind: Kind,
        topic: &'static str,
        seed: u64,
        book: &Arc<Mutex<Book>>,
        seen: &Arc<Seen>,
    ) -> Sender {
        let mut config = self.client();
        config
            .set("linger.ms", "0")
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("reconnect.backoff.max.ms", "500");
        Sender { kind, topic, seed, book: Arc::clone(book), seen: Arc::clone(seen), producer: config.create().unwrap() }
    }

    /// Reads all selections, from the first one on and as they come.
    pub fn read(&self, seen: &Arc<Seen>) -> Reader {
        let mut config = self.client();
        config.set("group.id", "crash").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        config.set("fetch.wait.max.ms", "50").set("reconnect.backoff.max.ms", "500");
        let ending = Arc::new(AtomicBool::new(false));
        let threads = OUT.map(|topic| {
            let consumer: BaseConsumer = config.create().unwrap();
            let mut list = TopicPartitionList::new();
            for partition in 0..PARTITIONS {
                list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
            }
            consumer.assign(&list).unwrap();
            let (seen, until) = (Arc::clone(seen), Arc::clone(&ending));
            std::thread::spawn(move || read_all(topic, &consumer, &seen, &until))
        });
        Reader { ending, threads }
    }
}

/// Reads topics, each on a thread of its own.
pub struct Reader {
    ending: Arc<AtomicBool>,
    threads: [JoinHandle<()>; 3],
}

impl Reader {
    /// Reads to where the topics end now.
    pub fn finish(self) {
        self.ending.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// A partition ends where the broker has no more messages for it; high watermarks may stand before that.
fn read_all(topic: &'static str, consumer: &BaseConsumer, seen: &Seen, ending: &AtomicBool) {
    let (mut at_end, mut ending_since) = (BTreeSet::new(), None);
    loop {
        let message = consumer.poll(Duration::from_millis(300));
        if ending.load(Ordering::Relaxed) {
            if message.is_none() && at_end.len() == PARTITIONS as usize {
                return;
            }
            if ending_since.get_or_insert_with(Instant::now).elapsed() > TIMEOUT {
                return seen.fault(format!("kafka: only of partitions {at_end:?} of {topic} the end was found"));
            }
        }
        match message {
            Some(Ok(message)) => {
                at_end.remove(&message.partition());
                take(topic, message.key(), message.payload(), seen);
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                at_end.insert(partition);
            }
            // A broker that is away comes back; what is missing in the end is noticed.
            Some(Err(_)) | None => {}
        }
    }
}

fn take(topic: &str, key: Option<&[u8]>, payload: Option<&[u8]>, seen: &Seen) {
    let Ok(selection) = serde_json::from_slice::<Value>(payload.unwrap_or_default()) else {
        return seen.fault(format!("kafka: no JSON in {topic}: {payload:?}"));
    };
    if key != selection["subject_id"].as_str().map(str::as_bytes) {
        seen.fault(format!("kafka: the key is not the subject: {selection}"));
    }
    seen.selection(OBSERVER, &selection);
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The broker's program: where the environment says, else where the script puts it.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("HAECHI_KAFKA").filter(|path| !path.is_empty()) {
        return path.into();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/kafka.sh");
    let output = Command::new(&script).output().unwrap_or_else(|e| panic!("{}: {e}", script.display()));
    assert!(output.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

/// A port that leads to another one, and can be shut: connections break, and new ones are refused.
pub struct Door {
    pub address: String,
    inner: String,
    open: Mutex<Option<CancellationToken>>,
}

impl Door {
    async fn open(inner: &str) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let door = Self { address, inner: inner.to_owned(), open: Mutex::new(None) };
        door.reopen().await;
        door
    }

    pub async fn reopen(&self) {
        let shut = CancellationToken::new();
        let listener = tokio::net::TcpListener::bind(&self.address).await.unwrap();
        *self.open.lock().unwrap() = Some(shut.clone());
        let inner = self.inner.clone();
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = shut.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((mut outside, _)) = accepted else { continue };
                let (inner, shut) = (inner.clone(), shut.clone());
                tokio::spawn(async move {
                    let Ok(mut inside) = tokio::net::TcpStream::connect(&inner).await else { return };
                    let _ = (outside.set_nodelay(true), inside.set_nodelay(true));
                    tokio::select! {
                        () = shut.cancelled() => {}
                        _ = tokio::io::copy_bidirectional(&mut outside, &mut inside) => {}
                    }
                });
            }
        });
    }

    pub fn shut(&self) {
        if let Some(shut) = self.open.lock().unwrap().take() {
            shut.cancel();
        }
    }
}

/// Sends messages to a topic.
pub struct Sender {
    kind: Kind,
    topic: &'static str,
    seed: u64,
    book: Arc<Mutex<Book>>,
    seen: Arc<Seen>,
    producer: FutureProducer,
}

impl Sender {
    pub async fn run(self, stop: CancellationToken) {
        let mut dice = Dice::of(self.seed, self.topic);
        let mut stories = Stories::new(self.kind, "k", self.seed);
        while !stop.is_cancelled() {
            if self.book.lock().unwrap().n_decided() > self.seen.n_told(events::OBSERVER) + AHEAD_MAX {
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
            for message in stories.next(dice.between(1, 8)) {
                self.book.lock().unwrap().expect(&message);
                // One object a line: an array is no message.
                self.send(&message.subject, Some(&Format::Ndjson.encode(&message.rows()))).await;
            }
            if dice.percent(3) {
                let mark = self.book.lock().unwrap().bad();
                self.send(&mark, Some(format!("{{\"description\": \"{mark}\", ").as_bytes())).await;
            }
            if dice.percent(1) {
                self.book.lock().unwrap().tombstones += 1;
                self.send("nobody", None).await;
            }
            tokio::time::sleep(dice.pause(60)).await;
        }
        // The last of each partition is a record, so that who has seen all records has seen everything.
        for partition in 0..PARTITIONS {
            let subject = format!("{}-LAST-{partition}-", self.kind.initial());
            let (kind, letter) = (self.kind, 'A');
            let last = Message { kind, subject, letter, version: None, envelope: None, shared: false };
            self.book.lock().unwrap().expect(&last);
            self.put(partition, &last.subject, Some(&Format::Ndjson.encode(&last.rows()))).await;
        }
    }

    /// A subject's messages all go to one partition.
    async fn send(&self, key: &str, payload: Option<&[u8]>) {
        let partition = Dice::of(0, key).below(PARTITIONS as usize) as i32;
        self.put(partition, key, payload).await;
    }

    async fn put(&self, partition: i32, key: &str, payload: Option<&[u8]>) {
        let mut record = FutureRecord::<str, [u8]>::to(self.topic).partition(partition).key(key);
        record.payload = payload;
        self.producer.send(record, Duration::MAX).await.unwrap_or_else(|(e, _)| panic!("{}: {e}", self.topic));
    }
}
