use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::RecordBatch;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::{KafkaSink, Settings};
use crate::kafka::broker::Broker;
use crate::sink::{DeliverError, Sink};
use crate::sinks::testing::{Row, declarations, published};

fn settings(address: &str, more: &str) -> Settings {
    toml::from_str(&format!("brokers = '{address}'\n{more}")).unwrap()
}

fn sink(address: &str) -> KafkaSink {
    KafkaSink::open("kafka", &settings(address, "create = { partitions = 3 }")).unwrap()
}

/// A message, as a reader finds it.
#[derive(Clone, Debug)]
struct Found {
    partition: i32,
    key: String,
    value: serde_json::Value,
    headers: BTreeMap<String, String>,
}

impl Found {
    fn position(&self) -> u64 {
        self.value["position"].as_u64().unwrap()
    }
}

/// Everything in a topic, by partition and offset.
fn read(address: &str, topic: &str) -> Vec<Found> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "50")
        .create()
        .unwrap();
    let wait = Duration::from_secs(10);
    let mut found = Vec::new();
    let metadata = consumer.fetch_metadata(Some(topic), wait).unwrap();
    for partition in metadata.topics()[0].partitions() {
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition_offset(topic, partition.id(), rdkafka::Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        loop {
            let message = match consumer.poll(wait).unwrap() {
                Err(KafkaError::PartitionEOF(_)) => break,
                message => message.unwrap(),
            };
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let headers = message.headers().unwrap().iter();
            found.push(Found {
                partition: message.partition(),
                key: text(message.key().unwrap()),
                value: serde_json::from_slice(message.payload().unwrap()).unwrap(),
                headers: headers.map(|h| (h.key.to_owned(), text(h.value.unwrap()))).collect(),
            });
        }
    }
    found
}

fn positions(address: &str) -> Vec<u64> {
    let mut positions: Vec<_> = read(address, "selection.clearance").iter().map(Found::position).collect();
    positions.sort_unstable();
    positions
}

async fn later(sink: &mut KafkaSink, selections: &RecordBatch) -> String {
    match sink.deliver(selections).await {
        Err(DeliverError::Later { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_a_selection_in_the_topic_of_its_workflow() {
    let broker = Broker::start().await;
    let mut sink = sink(&broker.address);
    assert_eq!(sink.begin(0).await, Ok(0));
    let rows: Vec<_> = (1..=300).map(|p| Row::new(p, "declaration", &format!("D{}", p % 7), "release")).collect();
    for part in rows.chunks(100) {
        sink.deliver(&published(part)).await.unwrap();
    }
    sink.deliver(&published(&[Row::new(301, "traveller", "P1", "clear")])).await.unwrap();
    let found = read(&broker.address, "selection.clearance");
    assert_eq!(found.len(), 300);
    for message in &found {
        assert_eq!(message.value["subject_id"], message.key);
        assert_eq!(message.headers["selection_id"], message.position().to_string());
        assert_eq!(message.headers["version"], "1");
        assert_eq!(message.headers["ruleset"], "ab".repeat(32));
    }
    for subject in 0..7 {
        let of: Vec<_> = found.iter().filter(|message| message.key == format!("D{subject}")).collect();
        assert!(of.is_sorted_by_key(|message| message.position()), "one partition has a subject in order");
        assert!(of.iter().all(|message| message.partition == of[0].partition));
    }
    assert_eq!(read(&broker.address, "selection.apis").len(), 1);
    assert_eq!(read(&broker.address, "selection.cargo").len(), 0);
}

#[tokio::test]
async fn what_a_crash_left_in_the_topics_is_not_sent_again() {
    let broker = Broker::start().await;
    let mut first = sink(&broker.address);
    first.begin(0).await.unwrap();
    first.deliver(&declarations(1..=6000)).await.unwrap();
    // Of the last batch only a part arrived, and the cursor stands far behind.
    first.deliver(&declarations((6001..=7000).filter(|p| p % 3 == 0))).await.unwrap();
    drop(first);
    let mut second = sink(&broker.address);
    assert_eq!(second.begin(100).await, Ok(100));
    second.deliver(&declarations(101..=6000)).await.unwrap();
    second.deliver(&declarations(6001..=7000)).await.unwrap();
    assert!(positions(&broker.address).into_iter().eq(1..=7000), "each once");
}

#[tokio::test]
async fn messages_of_another_engine_hide_none_of_ours() {
    let broker = Broker::start().await;
    let mut sink = sink(&broker.address);
    sink.begin(0).await.unwrap();
    let theirs: ThreadedProducer<DefaultProducerContext> =
        ClientConfig::new().set("bootstrap.servers", &broker.address).create().unwrap();
    let headers = OwnedHeaders::new().insert(Header { key: "selection_id", value: Some("2") });
    let theirs_of_2 = BaseRecord::to("selection.clearance").key("X").payload(r#"{"position":2}"#).headers(headers);
    theirs.send(theirs_of_2).map_err(|(error, _)| error).unwrap();
    theirs.flush(Duration::from_secs(10)).unwrap();
    sink.session = None;
    sink.deliver(&declarations([1, 2])).await.unwrap();
    assert_eq!(positions(&broker.address), [1, 2, 2]);
}

#[tokio::test]
async fn a_broker_that_stands_still_is_waited_for_and_gets_nothing_twice() {
    let broker = Broker::start().await;
    let settings = settings(&broker.address, "create = { partitions = 3 }\ntimeout_secs = 1");
    let mut sink = KafkaSink::open("kafka", &settings).unwrap();
    sink.begin(0).await.unwrap();
    while sink.deliver(&declarations(1..=10)).await.is_err() {}
    broker.signal("-STOP");
    let batch = declarations(11..=500);
    for _ in 0..2 {
        let reason = later(&mut sink, &batch).await;
        assert!(reason.starts_with("490 messages are not acknowledged yet"), "{reason}");
    }
    broker.signal("-CONT");
    while sink.deliver(&batch).await.is_err() {}
    assert!(positions(&broker.address).into_iter().eq(1..=500), "each once");
}

#[tokio::test]
async fn nobody_there_is_later() {
    let settings = settings("127.0.0.1:1", "timeout_secs = 1");
    let mut sink = KafkaSink::open("kafka", &settings).unwrap();
    let error = sink.begin(0).await.unwrap_err();
    assert!(matches!(error, DeliverError::Later { .. }), "{error}");
    assert!(error.to_string().starts_with("cannot reach the brokers: "), "{error}");
}

#[tokio::test]
async fn a_message_too_large_is_refused_and_the_others_are_not() {
    let broker = Broker::start().await;
    let more = "create = {}\nproperties = { 'message.max.bytes' = '1000' }";
    let mut sink = KafkaSink::open("kafka", &settings(&broker.address, more)).unwrap();
    sink.begin(0).await.unwrap();
    let long = Row { reasons: vec!["a_rule_with_a_long_name"; 50], ..Row::new(2, "declaration", "D2", "scan") };
    let rows = [Row::new(1, "declaration", "D1", "scan"), long, Row::new(3, "declaration", "D3", "scan")];
    let Err(DeliverError::Refused { refused }) = sink.deliver(&published(&rows)).await else {
        panic!("it is too large")
    };
    assert_eq!(refused.iter().map(|r| r.position).collect::<Vec<_>>(), [2]);
    assert_eq!(positions(&broker.address), [1, 3]);
}

/// What a real broker does only when it is out of order is told to a simulated one.
async fn simulated(errors: &[RDKafkaRespErr]) -> (MockCluster<'static, DefaultProducerContext>, KafkaSink) {
    let cluster = MockCluster::new(1).unwrap();
    for topic in ["selection.clearance", "selection.cargo", "selection.apis"] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let mut sink = KafkaSink::open("kafka", &settings(&cluster.bootstrap_servers(), "")).unwrap();
    sink.begin(0).await.unwrap();
    cluster.request_errors(RDKafkaApiKey::Produce, errors);
    (cluster, sink)
}

#[tokio::test]
async fn a_request_refused_as_too_large_is_taken_apart() {
    let (cluster, mut sink) = simulated(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]).await;
    sink.deliver(&declarations(1..=5)).await.unwrap();
    assert_eq!(positions(&cluster.bootstrap_servers()), [1, 2, 3, 4, 5]);
    let twice = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 2];
    cluster.request_errors(RDKafkaApiKey::Produce, &twice);
    let Err(DeliverError::Refused { refused }) = sink.deliver(&declarations(6..=8)).await else { panic!("one is") };
    assert_eq!(refused.iter().map(|r| r.position).collect::<Vec<_>>(), [6]);
    assert_eq!(positions(&cluster.bootstrap_servers()), [1, 2, 3, 4, 5, 7, 8]);
}

#[tokio::test]
async fn what_is_sent_again_alone_does_not_come_behind_a_later_version() {
    let cluster = MockCluster::new(1).unwrap();
    for topic in ["selection.clearance", "selection.cargo", "selection.apis"] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    // A message a request.
    let settings = settings(&cluster.bootstrap_servers(), "properties = { 'batch.num.messages' = '1' }");
    let mut sink = KafkaSink::open("kafka", &settings).unwrap();
    sink.begin(0).await.unwrap();
    cluster.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    let rows = [(1, "D1"), (2, "D2"), (3, "D1"), (4, "D1"), (5, "D2")]
        .map(|(position, subject)| Row::new(position, "declaration", subject, "scan"));
    sink.deliver(&published(&rows)).await.unwrap();
    let found = read(&cluster.bootstrap_servers(), "selection.clearance");
    let of = |key: &str| found.iter().filter(|found| found.key == key).map(Found::position).collect::<Vec<_>>();
    assert_eq!((of("D1"), of("D2")), (vec![1, 3, 4], vec![2, 5]));
}

#[tokio::test]
async fn an_answer_in_doubt_means_that_the_topics_are_read_again() {
    let (cluster, mut sink) = simulated(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]).await;
    let batch = declarations(1..=5);
    let reason = later(&mut sink, &batch).await;
    assert!(reason.contains("not acknowledged"), "{reason}");
    assert!(sink.session.is_none());
    sink.deliver(&batch).await.unwrap();
    assert_eq!(positions(&cluster.bootstrap_servers()), [1, 2, 3, 4, 5]);
}

#[test]
fn settings_that_cannot_work_are_refused_early() {
    let open = |more: &str| KafkaSink::open("kafka", &settings("localhost:9092", more)).err().unwrap();
    assert_eq!(
        open("properties = { acks = '0' }"),
        "`properties`: `acks` has a setting of its own or must not be changed; take it out"
    );
    assert!(open("properties = { 'no.such' = '1' }").contains("no.such"));
    assert!(open("topics = { declaration = 'a b' }").starts_with("`topics`: `a b` is not a name of a topic"));
    let shown = format!("{:?}", settings("localhost:9092", "properties = { 'sasl.password' = 'hidden' }"));
    assert!(shown.contains("sasl.password") && !shown.contains("hidden"), "{shown}");
}
