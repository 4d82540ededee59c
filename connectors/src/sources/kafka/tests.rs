//! Against a real broker. It keeps topics in memory, so that a broker that is started anew has none of them: what is
//! tested of a restart is that we notice.

use std::time::Duration;

use arrow::array::{Array, ArrayRef, Int32Array, ListArray, RecordBatch, StringArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use arrow_avro::schema::{FingerprintStrategy, SCHEMA_METADATA_KEY};
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroSoeFormat;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::kafka::broker::{Broker, free_address};
use crate::source::{SourceSettings, open};
use crate::sources::testing::{Engine, Running};

const TOPIC: &str = "declarations";
const WAIT: Duration = Duration::from_secs(20);

impl Broker {
    async fn create(&self, topic: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let new = [NewTopic::new(topic, partitions, TopicReplication::Fixed(1))];
        let created = admin.create_topics(&new, &AdminOptions::new().request_timeout(Some(WAIT))).await.unwrap();
        assert!(created.into_iter().all(|topic| topic.is_ok()));
    }

    async fn send(&self, partition: i32, payloads: impl IntoIterator<Item = Option<Vec<u8>>>) {
        let config = self.config();
        let payloads: Vec<_> = payloads.into_iter().collect();
        let sent = spawn_blocking(move || {
            let producer: ThreadedProducer<DefaultProducerContext> = config.create().unwrap();
            for payload in &payloads {
                let record = BaseRecord::<[u8], [u8]>::to(TOPIC).partition(partition).key(b"key");
                let record = payload.iter().fold(record, |record, payload| record.payload(payload));
                producer.send(record).map_err(|(error, _)| error).unwrap();
            }
            producer.flush(WAIT).unwrap();
        });
        sent.await.unwrap();
    }

    /// One by one: of several at once this broker does not count all when it is asked where a partition ends.
    async fn send_one_by_one(&self, partition: i32, ids: std::ops::Range<usize>) {
        for id in ids {
            self.send(partition, [Some(declaration(partition, id))]).await;
        }
    }

    async fn send_declarations(&self, partition: i32, ids: std::ops::Range<usize>) {
        self.send(partition, ids.map(|id| Some(declaration(partition, id)))).await;
    }
}

fn declaration(partition: i32, id: usize) -> Vec<u8> {
    format!("{{\"declaration_id\":\"P{partition}D{id}\",\"item_no\":1,\"hs_code\":\"850440\"}}").into_bytes()
}

fn rows(partition: i32, ids: std::ops::Range<usize>) -> Vec<String> {
    ids.map(|id| format!("P{partition}D{id}/1")).collect()
}

fn of_partition(committed: &[String], partition: i32) -> Vec<String> {
    committed.iter().filter(|row| row.starts_with(&format!("P{partition}D"))).cloned().collect()
}

fn source(address: &str, more: &str) -> KafkaSource {
    let topics = if more.contains("topics") { "" } else { "topics.declarations = { stream = 'declaration' }" };
    let text = format!("brokers = '{address}'\n{topics}\n{more}");
    KafkaSource::open("in", &toml::from_str(&text).unwrap()).unwrap()
}

fn start(broker: &Broker, engine: &Arc<Engine>, more: &str) -> Running {
    Running::start(source(&broker.address, more), engine)
}

async fn until_rows(engine: &Engine, n: usize) {
    engine.until(&format!("{n} rows are committed"), |committed| committed.rows.len() >= n).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_taken_by_partition_in_order_and_on_from_where_the_store_stands() {
    let broker = Broker::start().await;
    broker.create(TOPIC, 2).await;
    broker.send_declarations(0, 0..300).await;
    broker.send_declarations(1, 0..100).await;
    let engine = Arc::default();
    let running = start(&broker, &engine, "");
    until_rows(&engine, 400).await;
    running.stop().await;
    let stands = engine.committed().stands.clone();
    assert_eq!(stands["in/declarations/0"], "300");
    assert_eq!(stands["in/declarations/1"], "100");
    assert_eq!(engine.committed().positions[0].split(' ').nth(1), Some("offset"));
    broker.send_declarations(0, 300..350).await;
    let running = start(&broker, &engine, "");
    until_rows(&engine, 450).await;
    // What comes while it runs is taken as well.
    broker.send_declarations(1, 100..101).await;
    until_rows(&engine, 451).await;
    running.stop().await;
    let committed = engine.committed();
    assert_eq!(of_partition(&committed.rows, 0), rows(0, 0..350));
    assert_eq!(of_partition(&committed.rows, 1), rows(1, 0..101));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_commit_every_message_comes_once() {
    let broker = Broker::start().await;
    broker.create(TOPIC, 1).await;
    broker.send_declarations(0, 0..100).await;
    for killed_after in [0, 1, 3, 9] {
        let engine: Arc<Engine> = Arc::default();
        engine.committed().killed_after = Some(killed_after);
        let running = start(&broker, &engine, "gather_messages = 10");
        engine.until("it is killed", |committed| !committed.unanswered.is_empty()).await;
        running.kill(&engine).await;
        engine.committed().ends_after = Some(1);
        let why = start(&broker, &engine, "gather_messages = 7").ended().await;
        assert!(why.starts_with("source `in`: in/declarations/0 offset "), "{why}");
        engine.committed().ends_after = None;
        let running = start(&broker, &engine, "gather_messages = 7");
        until_rows(&engine, 100).await;
        running.stop().await;
        assert_eq!(engine.committed().rows, rows(0, 0..100), "killed after {killed_after}");
        assert_eq!(engine.committed().stands["in/declarations/0"], "100");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_record_is_set_aside_with_its_offset() {
    let broker = Broker::start().await;
    broker.create(TOPIC, 1).await;
    let texts = ["{\"declaration_id\":", "", "declaration_id,item_no\nC,1\nC,x\n", "[]", "{\"item_no\":1}"];
    broker.send_declarations(0, 0..1).await;
    broker.send(0, [None]).await;
    broker.send(0, texts.map(|text| Some(text.as_bytes().to_vec()))).await;
    broker.send_declarations(0, 1..2).await;
    let engine = Arc::default();
    let running = start(&broker, &engine, "");
    until_rows(&engine, 3).await;
    running.stop().await;
    let committed = engine.committed();
    assert_eq!(committed.rows, ["P0D0/1", "C/1", "P0D1/1"]);
    assert_eq!(committed.positions[1], "in/declarations/0 offset 4, line 2");
    let aside: Vec<_> = committed.set_aside.iter().map(|unit| format!("{} {}", unit.position, unit.code)).collect();
    assert_eq!(
        aside,
        [
            "offset 1 empty_message",
            "offset 2, line 1 bad_json",
            "offset 3 empty_message",
            "offset 4, line 3 bad_number",
            "offset 5 no_rows",
            "offset 6, line 1 missing_key"
        ]
    );
    assert_eq!(committed.stands["in/declarations/0"], "8");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_and_topics_that_are_not_there_yet_are_waited_for() {
    let address = free_address();
    let engine = Arc::default();
    let running = Running::start(source(&address, "start = 'latest'"), &engine);
    let broker = Broker::start_at(&address).await;
    broker.create(TOPIC, 1).await;
    broker.send_declarations(0, 0..10).await;
    engine.until("a stand is known", |committed| !committed.stands.is_empty()).await;
    broker.send_declarations(0, 10..20).await;
    engine.until("messages are taken", |committed| committed.rows.last().is_some_and(|row| row == "P0D19/1")).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_latest_is_taken_though_we_were_killed_before() {
    let broker = Broker::start().await;
    broker.create(TOPIC, 1).await;
    broker.send_one_by_one(0, 0..10).await;
    let engine = Arc::default();
    let running = start(&broker, &engine, "start = 'latest'");
    engine.until("a stand is known", |committed| !committed.stands.is_empty()).await;
    running.stop().await;
    broker.send_declarations(0, 10..20).await;
    let running = start(&broker, &engine, "start = 'latest'");
    until_rows(&engine, 10).await;
    running.stop().await;
    assert_eq!(engine.committed().rows, rows(0, 10..20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_is_taken_from_its_beginning() {
    let broker = Broker::start().await;
    broker.create(TOPIC, 1).await;
    broker.send_declarations(0, 0..50).await;
    let engine = Arc::default();
    let running = start(&broker, &engine, "");
    until_rows(&engine, 50).await;
    // The broker is restarted, and has lost everything.
    let address = broker.address.clone();
    drop(broker);
    let broker = Broker::start_at(&address).await;
    broker.create(TOPIC, 1).await;
    broker.send_declarations(0, 100..105).await;
    until_rows(&engine, 55).await;
    running.stop().await;
    assert_eq!(engine.committed().stands["in/declarations/0"], "5");
    // Once more, while we are not there.
    drop(broker);
    let broker = Broker::start_at(&address).await;
    broker.create(TOPIC, 1).await;
    broker.send_declarations(0, 200..203).await;
    let running = start(&broker, &engine, "");
    until_rows(&engine, 58).await;
    running.stop().await;
    let expected = [rows(0, 0..50), rows(0, 100..105), rows(0, 200..203)].concat();
    assert_eq!(engine.committed().rows, expected);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "this broker takes half a minute to let a member join; run it with --ignored"]
async fn a_group_gives_partitions_and_the_store_says_where_to_go_on() {
    let broker = Broker::start().await;
    broker.create(TOPIC, 1).await;
    broker.send_declarations(0, 0..20).await;
    let engine: Arc<Engine> = Arc::default();
    engine.committed().stands.insert("in/declarations/0".to_owned(), "5".to_owned());
    let running = start(&broker, &engine, "group = 'haechi'");
    until_rows(&engine, 15).await;
    running.stop().await;
    assert_eq!(engine.committed().rows, rows(0, 5..20));
}

const NESTED: &str = r#"{"type":"record","name":"Declaration","fields":[
    {"name":"declaration_id","type":"string"},
    {"name":"items","type":{"type":"array","items":{"type":"record","name":"Item","fields":[
        {"name":"hs_code","type":["null","string"]},{"name":"item_no","type":"int"}]}}}]}"#;

/// Records in the wire format, each with the items numbered from 1.
fn avro(id: u32, declarations: &[(&str, &[&str])]) -> Vec<Vec<u8>> {
    let one = |(declaration, codes): &(&str, &[&str])| {
        let fields = vec![Field::new("hs_code", DataType::Utf8, true), Field::new("item_no", DataType::Int32, false)];
        let numbers = Int32Array::from_iter_values(1..=codes.len() as i32);
        let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(codes.to_vec())), Arc::new(numbers)];
        let items = StructArray::new(fields.into(), columns, None);
        let item = Arc::new(Field::new("item", items.data_type().clone(), false));
        let list = ListArray::new(item, OffsetBuffer::from_lengths([codes.len()]), Arc::new(items), None);
        let fields = vec![
            Field::new("declaration_id", DataType::Utf8, false),
            Field::new("items", list.data_type().clone(), false),
        ];
        let metadata = [(SCHEMA_METADATA_KEY.to_owned(), NESTED.to_owned())].into();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec![*declaration])), Arc::new(list)];
        let rows = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let writer = WriterBuilder::new(schema.as_ref().clone()).with_fingerprint_strategy(FingerprintStrategy::Id(id));
        let mut writer = writer.build::<_, AvroSoeFormat>(Vec::new()).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap();
        writer.into_inner()
    };
    declarations.iter().map(one).collect()
}

/// A registry that fails at first, then knows one schema, for those who say who they are.
async fn registry() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for n in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let request = String::from_utf8(request).unwrap().to_lowercase();
            let schema = serde_json::json!({ "schema": NESTED }).to_string();
            // `user:word`
            let (status, body) = match request.contains("authorization: basic dxnlcjp3b3jk") {
                _ if n == 0 => ("503 Away", String::new()),
                false => ("401 Unauthorized", String::new()),
                true if request.starts_with("get /schemas/ids/7 ") => ("200 OK", schema),
                true => ("404 Not Found", "{\"error_code\":40403}".to_owned()),
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn avro_is_read_by_the_schemas_of_a_registry() {
    let broker = Broker::start().await;
    broker.create(TOPIC, 1).await;
    let records = avro(7, &[("A", &["850440", "010121"]), ("B", &["?"]), ("C", &["850440"])]);
    let cut = records[2][..records[2].len() - 3].to_vec();
    let long = [&records[2][..], &[0, 1]].concat();
    let unknown = avro(8, &[("D", &["850440"])]).remove(0);
    let mut last = avro(7, &[("E", &["850440"])]);
    let messages = [records, vec![cut, long, unknown, b"{}".to_vec()], std::mem::take(&mut last)].concat();
    broker.send(0, messages.into_iter().map(Some).chain([None])).await;
    let registry = registry().await;
    let more = format!(
        "topics.declarations = {{ stream = 'declaration', format = 'avro' }}\nregistry = {{ url = '{registry}', user_env = 'HAECHI_TEST_USER', password_env = 'HAECHI_TEST_PASSWORD' }}"
    );
    let missing = KafkaSource::open("in", &toml::from_str(&format!("brokers = 'x'\n{more}")).unwrap());
    assert!(missing.err().unwrap().contains("HAECHI_TEST_PASSWORD"));
    let settings: Settings = toml::from_str(&format!("brokers = '{}'\n{more}", broker.address)).unwrap();
    let secrets = |name: &str| Some(if name.ends_with("USER") { "user" } else { "word" }.to_owned());
    let engine = Arc::default();
    let running = Running::start(KafkaSource::open_with("in", &settings, &secrets).unwrap(), &engine);
    engine.until("all is taken", |committed| committed.set_aside.len() == 6).await;
    running.stop().await;
    let committed = engine.committed();
    assert_eq!(committed.rows, ["A/1", "A/2", "C/1", "E/1"]);
    let aside: Vec<_> = committed.set_aside.iter().map(|unit| format!("{} {}", unit.position, unit.code)).collect();
    assert_eq!(
        aside,
        [
            "offset 1, line 1, item 1 bad_hs_code",
            "offset 3 bad_avro",
            "offset 4 bad_avro",
            "offset 5 unknown_schema",
            "offset 6 no_schema_id",
            "offset 8 empty_message"
        ]
    );
}

#[test]
fn settings_are_checked() {
    for (text, expected) in [
        ("brokers = ' '\ntopics.a = { stream = 'declaration' }", "`brokers`: "),
        ("brokers = 'x'\ntopics = {}", "`topics`: "),
        ("brokers = 'x'\ntopics.a = { stream = 'b' }", "`topics.a`: `stream`: there is no stream `b`"),
        ("brokers = 'x'\ntopics.a = { stream = 'declaration', format = 'avro' }", "`topics.a`: is Avro; `registry`"),
        (
            "brokers = 'x'\ntopics.a = { stream = 'declaration' }\nproperties = { 'group.id' = 'x' }",
            "`properties`: `group.id`",
        ),
        ("brokers = 'x'\ntopics.a = { stream = 'declaration' }\nproperties = { 'no.such' = 'x' }", "`properties`: "),
    ] {
        let settings: SourceSettings = toml::from_str(&format!("kind = 'kafka'\n{text}")).unwrap();
        let error = open("in", &settings).err().unwrap().to_string();
        assert!(error.starts_with(&format!("source `in`: {expected}")), "{error}");
    }
    let secret = "brokers = 'x'\ntopics.a = { stream = 'declaration' }\nproperties = { 'sasl.password' = 'hidden' }";
    let settings: Settings = toml::from_str(secret).unwrap();
    assert!(!format!("{settings:?}").contains("hidden"));
}

#[test]
fn a_partition_is_known_by_the_name_of_its_stand() {
    let of = offsets::stand_of("in", "a.b-c", 12);
    assert_eq!((&*of, partition_of(&of)), ("in/a.b-c/12", Some(("a.b-c".to_owned(), 12))));
    assert_eq!(partition_of("in/file.csv"), None);
}
