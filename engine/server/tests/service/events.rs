use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{Port, declaration, told};

/// Somebody who listens.
struct Listener {
    answer: Response,
    text: String,
}

impl Listener {
    async fn at(port: &Port, query: &str, last: Option<u64>) -> Self {
        let mut request = port.request(Method::GET, &format!("/v1/selections/stream{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Self { answer, text: String::new() }
    }

    /// The next selections: position and subject. Signs of life are passed over.
    async fn next(&mut self, count: usize) -> Vec<(u64, String)> {
        let mut heard = Vec::new();
        while heard.len() < count {
            let Some((event, rest)) = self.text.split_once("\n\n") else {
                let piece = self.answer.chunk().await.unwrap().expect("the line is alive");
                self.text.push_str(std::str::from_utf8(&piece).unwrap());
                continue;
            };
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            if let Some(data) = field("data: ") {
                let selection: Value = serde_json::from_str(data).unwrap();
                let id = field("id: ").unwrap().parse().unwrap();
                assert_eq!(selection["position"], id);
                heard.push((id, selection["subject_id"].as_str().unwrap().to_owned()));
            }
            self.text = String::from(rest);
        }
        heard
    }
}

fn subjects(heard: &[(u64, String)]) -> Vec<&str> {
    heard.iter().map(|(_, subject)| subject.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_all_of_it_once_and_in_order() {
    let port = Port::open().await;
    for id in ["D1", "D2", "D3"] {
        port.declare(&declaration(id, &[1.0, 2.0])).await;
    }
    let mut from_start = Listener::at(&port, "?after=0", None).await;
    let mut from_now = Listener::at(&port, "", None).await;
    let past = from_start.next(3).await;
    assert_eq!(subjects(&past), ["D1", "D2", "D3"]);
    assert!(past.is_sorted());
    // What could not be read takes a position too, and is no selection.
    port.declare(&"no declaration".into()).await;
    port.declare(&declaration("D4", &[1.0])).await;
    port.declare(&declaration("D5", &[1.0])).await;
    let mut resumed = Listener::at(&port, "?after=0", Some(past[1].0)).await;
    assert_eq!(subjects(&from_start.next(2).await), ["D4", "D5"]);
    assert_eq!(subjects(&from_now.next(2).await), ["D4", "D5"]);
    assert_eq!(subjects(&resumed.next(3).await), ["D3", "D4", "D5"], "the header counts");
    port.declare(&declaration("D6", &[1.0])).await;
    for listener in [&mut from_start, &mut from_now, &mut resumed] {
        assert_eq!(subjects(&listener.next(1).await), ["D6"]);
    }
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_is_slow_misses_nothing() {
    let port = Port::open().await;
    let mut slow = Listener::at(&port, "", None).await;
    let rows = |from: usize| {
        let lines = (from..from + 10_000).map(|number| format!("S{number:05},1,1\n"));
        lines.fold(String::from("declaration_id,item_no,customs_value_usd\n"), |text, line| text + &line)
    };
    for round in 0..4 {
        port.post("/v1/declarations", "text/csv", rows(round * 10_000)).await;
    }
    let heard = slow.next(40_000).await;
    let expected: Vec<String> = (0..40_000).map(|number| format!("S{number:05}")).collect();
    assert_eq!(subjects(&heard), expected);
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_may_want_one_stream_alone() {
    let port = Port::open().await;
    let mut travellers = Listener::at(&port, "?stream=traveller", None).await;
    port.declare(&declaration("D1", &[1.0])).await;
    let list = "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+A1+PAXLST:D:15B:UN:IATA'BGM+745'TDT+20+ZZ421+++ZZ'LOC+125+BKK'\
                DTM+189:2703140105:201'LOC+87+ICN'DTM+232:2703140830:201'NAD+FL+++KIM:ARA'UNT+9+A1'UNZ+1+R1'";
    let told = port.post("/v1/travellers", "application/edifact", list).await;
    let heard = travellers.next(1).await;
    assert_eq!(told.body["selections"][0]["position"], heard[0].0);
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_refused() {
    let port = Port::with("listeners_max = 1\n").await;
    for (query, status) in [("?after=17", 400), ("?after=-1", 400), ("?stream=declarations", 404), ("?since=1", 400)] {
        let refused = port.get(&format!("/v1/selections/stream{query}")).await;
        assert_eq!(refused.status, status, "{query}: {refused:?}");
        refused.problem();
    }
    let last = port.request(Method::GET, "/v1/selections/stream").header("last-event-id", "abc");
    assert_eq!(told(last).await.status, 400);
    let only = Listener::at(&port, "", None).await;
    assert_eq!(port.get("/v1/selections/stream").await.problem(), "busy");
    drop(only);
    port.until("/v1/selections/declaration/none", |_| true).await;
    assert_eq!(port.get("/v1/selections/declaration/none").await.problem(), "not_found");
    assert_eq!(port.get("/v1/selections/permit/none").await.problem(), "not_found");
    port.service.stop().await;
}
