use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::RecordBatch;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Settings, WebhookSink};
use crate::sink::{DeliverError, Sink};
use crate::sinks::only::Only;
use crate::sinks::testing::{Row, declarations, published};

/// A call as the receiver got it.
#[derive(Clone, Debug)]
struct Got {
    headers: HashMap<String, String>,
    body: Vec<u8>,
    positions: Vec<u64>,
}

/// What the receiver does with a call: an answer's first line after the version, and its headers.
type Answer = dyn Fn(&[u64]) -> String + Send + Sync;

/// A receiver on this machine that keeps what it answered 2xx.
struct Officers {
    url: String,
    calls: Arc<Mutex<Vec<Got>>>,
    taken: Arc<Mutex<Vec<u64>>>,
    answer: Arc<Mutex<Box<Answer>>>,
}

impl Officers {
    async fn open(answer: impl Fn(&[u64]) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/selections?token=hidden", listener.local_addr().unwrap());
        let (calls, taken) = <(Arc<Mutex<Vec<Got>>>, Arc<Mutex<Vec<u64>>>)>::default();
        let answer: Arc<Mutex<Box<Answer>>> = Arc::new(Mutex::new(Box::new(answer)));
        let officers = Self { url, calls, taken, answer };
        let (calls, taken, answer) = (officers.calls.clone(), officers.taken.clone(), officers.answer.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (calls, taken, answer) = (calls.clone(), taken.clone(), answer.clone());
                tokio::spawn(async move {
                    while let Some(got) = read(&mut stream).await {
                        let status = answer.lock().unwrap()(&got.positions);
                        if status.starts_with('2') {
                            taken.lock().unwrap().extend(&got.positions);
                        }
                        calls.lock().unwrap().push(got);
                        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        officers
    }

    fn answer(&self, answer: impl Fn(&[u64]) -> String + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    fn calls(&self) -> Vec<Got> {
        self.calls.lock().unwrap().clone()
    }

    fn taken(&self) -> Vec<u64> {
        self.taken.lock().unwrap().clone()
    }

    fn sink(&self, batch_max: usize, attempts_max: u32) -> WebhookSink {
        let settings =
            Settings { only: Only::default(), batch_max, timeout_secs: 5, attempts_max, ..settings_of(self) };
        WebhookSink::open("officers", &settings).unwrap()
    }
}

async fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: HashMap<_, _> = head.lines().filter_map(header).collect();
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    // Answers are no JSON, and have no positions.
    let is_json = headers["content-type"] == "application/json";
    let selections: Vec<Value> = if is_json { serde_json::from_slice(&body).unwrap() } else { Vec::new() };
    let positions = selections.iter().map(|selection| selection["position"].as_u64().unwrap()).collect();
    Some(Got { headers, body, positions })
}

fn ok(_: &[u64]) -> String {
    "204 No Content".to_owned()
}

/// Answers `status` where a call has one of these positions.
fn but(status: &'static str, positions: &'static [u64]) -> impl Fn(&[u64]) -> String {
    move |call| if call.iter().any(|p| positions.contains(p)) { status.to_owned() } else { ok(call) }
}

/// Delivers again until it is settled, as a driver does; gives the positions refused and how often it was later.
async fn drive(sink: &mut WebhookSink, selections: &RecordBatch) -> (Vec<u64>, u32) {
    for n_later in 0..50 {
        match sink.deliver(selections).await {
            Ok(()) => return (vec![], n_later),
            Err(DeliverError::Refused { refused }) => return (refused.iter().map(|r| r.position).collect(), n_later),
            Err(DeliverError::Later { .. }) => {}
        }
    }
    panic!("never settled");
}

#[tokio::test]
async fn calls_are_signed_and_named() {
    let officers = Officers::open(ok).await;
    let mut sink = officers.sink(2, 5);
    assert_eq!(sink.begin(4).await, Ok(4));
    sink.deliver(&declarations([5, 7, 8])).await.unwrap();
    let calls = officers.calls();
    assert_eq!(calls.iter().map(|call| call.positions.clone()).collect::<Vec<_>>(), [vec![5, 7], vec![8]]);
    let call = &calls[0];
    assert_eq!(call.headers["content-type"], "application/json");
    assert_eq!(call.headers["haechi-attempt"], "1");
    assert!(call.headers["idempotency-key"].starts_with("5-7-"), "{:?}", call.headers["idempotency-key"]);
    let signature = &call.headers["haechi-signature"];
    let time = signature.strip_prefix("t=").unwrap().split(',').next().unwrap().parse().unwrap();
    let secret = super::Secret::from_env("PATH").unwrap();
    assert_eq!(*signature, secret.sign(time, &call.body));
}

#[tokio::test]
async fn a_receiver_that_is_away_loses_nothing() {
    let officers = Officers::open(|_| "503 Busy\r\nRetry-After: 7".to_owned()).await;
    let mut sink = officers.sink(2, 1);
    let batch = declarations(1..=5);
    let Err(DeliverError::Later { pause, .. }) = sink.deliver(&batch).await else { panic!("it was busy") };
    assert_eq!(pause, Some(Duration::from_secs(7)));
    for status in ["429 Slow Down", "404 Not Found", "401 Who", "307 Elsewhere\r\nLocation: http://127.0.0.1:1/"] {
        officers.answer(move |_| status.to_owned());
        for _ in 0..20 {
            assert!(matches!(sink.deliver(&batch).await, Err(DeliverError::Later { .. })), "{status}");
        }
    }
    officers.answer(ok);
    assert_eq!(drive(&mut sink, &batch).await, (vec![], 0));
    assert_eq!(officers.taken(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn nobody_there_is_later_without_the_address() {
    let officers = Officers::open(ok).await;
    let mut sink = officers.sink(2, 1);
    let settings = Settings { url: "http://127.0.0.1:1/?token=hidden".to_owned(), ..settings_of(&officers) };
    let mut nobody = WebhookSink::open("officers", &settings).unwrap();
    let error = nobody.deliver(&declarations([1])).await.unwrap_err().to_string();
    assert!(error.contains("refused") && !error.contains("hidden"), "{error}");
    sink.deliver(&declarations([1])).await.unwrap();
}

fn settings_of(officers: &Officers) -> Settings {
    toml::from_str(&format!("url = '{}'\nsecret_env = 'PATH'", officers.url)).unwrap()
}

#[tokio::test]
async fn answers_are_sent_one_a_call_in_their_own_media_type() {
    let officers = Officers::open(ok).await;
    let text = format!("url = '{}'\nsecret_env = 'PATH'\nform = 'wco_res'\nzone = 'Asia/Seoul'", officers.url);
    let mut sink = WebhookSink::open("declarants", &toml::from_str::<Settings>(&text).unwrap()).unwrap();
    sink.deliver(&published(&[
        Row::new(1, "declaration", "D1", "documents"),
        Row::new(2, "traveller", "T1", "refer"),
        Row::new(3, "declaration", "D2", "release"),
    ]))
    .await
    .unwrap();
    let calls = officers.calls();
    let told: Vec<(&str, bool, bool)> = calls
        .iter()
        .map(|call| {
            let body = std::str::from_utf8(&call.body).unwrap();
            (call.headers["content-type"].as_str(), body.contains("<ID>D1</ID>"), body.contains("<ID>D2</ID>"))
        })
        .collect();
    assert_eq!(told, [("application/xml", true, false), ("application/xml", false, true)]);
    let nowhere: Settings = toml::from_str(&text.replace("Asia/Seoul", "Asia/Nowhere")).unwrap();
    let error = WebhookSink::open("declarants", &nowhere).err().unwrap();
    assert!(error.contains("Asia/Nowhere"), "{error}");
}

#[tokio::test]
async fn what_was_taken_is_not_sent_again() {
    let officers = Officers::open(but("503 Busy", &[4])).await;
    let mut sink = officers.sink(2, 5);
    let batch = declarations(1..=6);
    assert!(matches!(sink.deliver(&batch).await, Err(DeliverError::Later { .. })));
    officers.answer(ok);
    sink.deliver(&batch).await.unwrap();
    assert_eq!(officers.taken(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(officers.calls().last().unwrap().headers["haechi-attempt"], "1");
    assert_eq!(officers.calls()[2].headers["haechi-attempt"], "2");
}

#[tokio::test]
async fn only_selections_that_are_refused_are_dead() {
    let officers = Officers::open(but("422 No", &[3, 9])).await;
    let mut sink = officers.sink(8, 5);
    assert_eq!(drive(&mut sink, &declarations(1..=10)).await, (vec![3, 9], 0));
    assert_eq!(officers.taken(), [1, 2, 4, 5, 6, 7, 8, 10]);
}

#[tokio::test]
async fn a_selection_that_makes_the_receiver_fail_is_found_while_others_go_on() {
    for batch_max in [1, 2, 8, 100] {
        let officers = Officers::open(but("500 Oops", &[1, 6, 7])).await;
        let mut sink = officers.sink(batch_max, 3);
        let (refused, n_later) = drive(&mut sink, &declarations(1..=10)).await;
        assert_eq!(refused, [1, 6, 7], "batches of {batch_max}");
        assert!(n_later >= 2, "it is tried whole at first");
        assert_eq!(officers.taken(), [2, 3, 4, 5, 8, 9, 10]);
    }
}

#[tokio::test]
async fn a_receiver_that_fails_over_everything_loses_nothing() {
    let officers = Officers::open(|_| "500 Oops".to_owned()).await;
    let mut sink = officers.sink(4, 2);
    let batch = declarations(1..=30);
    for _ in 0..20 {
        assert!(matches!(sink.deliver(&batch).await, Err(DeliverError::Later { .. })));
    }
    // It falls ill in the middle: what it took before proves nothing.
    officers.answer(but("500 Oops", &[3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]));
    assert!(matches!(sink.deliver(&batch).await, Err(DeliverError::Later { .. })));
    officers.answer(ok);
    assert_eq!(drive(&mut sink, &batch).await, (vec![], 0));
    assert_eq!(officers.taken(), (1..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lone_selection_in_doubt_waits_for_company() {
    let officers = Officers::open(but("500 Oops", &[1])).await;
    let mut sink = officers.sink(4, 2);
    for _ in 0..10 {
        assert!(matches!(sink.deliver(&declarations([1])).await, Err(DeliverError::Later { .. })));
    }
    assert_eq!(drive(&mut sink, &declarations([1, 2])).await, (vec![1], 0));
}

#[tokio::test]
async fn later_selections_of_a_subject_wait_for_the_one_in_doubt() {
    let subjects = ["A", "A", "B", "C"];
    let rows: Vec<_> =
        (1..).zip(subjects).map(|(position, subject)| Row::new(position, "declaration", subject, "release")).collect();
    // Whole twice, half, alone: and well when it has its second look.
    let n_failures = AtomicU32::new(0);
    let officers = Officers::open(move |call| {
        let is_failure = call.contains(&1) && n_failures.fetch_add(1, Ordering::Relaxed) < 4;
        if is_failure { "500 Oops".to_owned() } else { ok(call) }
    })
    .await;
    let mut sink = officers.sink(4, 2);
    assert_eq!(drive(&mut sink, &published(&rows)).await, (vec![], 1));
    assert_eq!(officers.taken(), [3, 4, 1, 2]);
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_sent() {
    let officers = Officers::open(ok).await;
    let settings: Settings =
        toml::from_str(&format!("url = '{}'\nsecret_env = 'PATH'\nonly = {{ declaration = 'scan' }}", officers.url))
            .unwrap();
    let mut sink = WebhookSink::open("officers", &settings).unwrap();
    let row = |position, lane| Row::new(position, "declaration", "D", lane);
    sink.deliver(&published(&[row(1, "release"), row(2, "examine"), row(3, "scan")])).await.unwrap();
    sink.deliver(&published(&[Row::new(4, "traveller", "P", "intercept")])).await.unwrap();
    assert_eq!(officers.taken(), [2, 3]);
}

#[test]
fn settings_that_cannot_work_are_refused_early() {
    let open = |text: &str| WebhookSink::open("officers", &toml::from_str(text).unwrap()).err().unwrap();
    assert_eq!(open("url = 'https://a'"), "calls are signed: name either `secret_env` or `secret_file`");
    assert_eq!(
        open("url = 'https://a'\nsecret_env = 'HAECHI_NO_SUCH'"),
        "`secret_env`: the environment variable `HAECHI_NO_SUCH` is not set"
    );
    assert_eq!(
        open("url = 'https://a'\nsecret_env = 'PATH'\nbatch_max = 0"),
        "`batch_max` and `timeout_secs` are at least 1"
    );
    assert!(toml::from_str::<Settings>("url = 'https://a'\nsekret = 'x'").is_err());
}
