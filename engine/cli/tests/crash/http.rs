//! Clients that post, and post again until they are answered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::book::{Book, Fate};
use crate::dice::Dice;
use crate::encode::{Format, Row};
use crate::seen::Seen;
use crate::stories::{Kind, Message, Stories};

pub const OBSERVER: &str = "answers";

/// How the clients of a run have fared.
#[derive(Debug, Default)]
pub struct Tally {
    pub posts: usize,
    pub repeated_posts: usize,
    pub busy: usize,
}

pub struct Client {
    pub name: String,
    pub url: String,
    pub seed: u64,
    pub book: Arc<Mutex<Book>>,
    pub seen: Arc<Seen>,
    pub tally: Arc<Mutex<Tally>>,
    /// Longest pause between two posts.
    pub pause_ms: usize,
}

/// A body, and what has to come of it.
struct Post {
    kind: Kind,
    content_type: &'static str,
    body: Vec<u8>,
    fates: Vec<(Message, Fate)>,
    bad: Vec<String>,
}

impl Client {
    /// Posts until it is stopped, and then to the end of what it has begun.
    pub async fn run(self, stop: CancellationToken) {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(15)).build().unwrap();
        let mut dice = Dice::of(self.seed, &self.name);
        let mut stories = Kind::ALL.map(|kind| Stories::new(kind, &self.name, self.seed));
        while !stop.is_cancelled() {
            let post = self.compose(&mut dice, &mut stories);
            self.send(&http, post).await;
            tokio::time::sleep(dice.pause(self.pause_ms)).await;
        }
    }

    fn compose(&self, dice: &mut Dice, stories: &mut [Stories; 3]) -> Post {
        let place = *dice.pick(&[0, 0, 0, 1, 2]);
        let kind = Kind::ALL[place];
        let mut book = self.book.lock().unwrap();
        if dice.percent(3) {
            let mark = book.bad();
            let body = format!("{{\"description\": \"{mark}\", \"declaration_id\": ").into_bytes();
            return Post { kind, content_type: "application/json", body, fates: Vec::new(), bad: vec![mark] };
        }
        let n = if dice.percent(60) { 1 } else { dice.between(2, 12) };
        let messages = stories[place].next(n);
        let mut rows: Vec<Row> = messages.iter().flat_map(Message::rows).collect();
        let fates = messages.into_iter().map(|message| (message.clone(), book.expect(&message))).collect();
        let format = match kind {
            Kind::Traveller => Format::Json,
            _ => *dice.pick(&[Format::Json, Format::Json, Format::Ndjson, Format::Csv, Format::ArrowStream]),
        };
        let mut bad = Vec::new();
        if kind != Kind::Traveller && dice.percent(4) {
            bad.push(book.bad());
            let mut row = Row::new();
            row.insert("description".to_owned(), bad[0].as_str().into());
            rows.push(row);
        }
        Post { kind, content_type: format.content_type(), body: format.encode(&rows), fates, bad }
    }

    async fn send(&self, http: &reqwest::Client, post: Post) {
        let url = format!("{}/v1/{}s", self.url, post.kind.stream());
        // Whether it may have arrived before, with nobody left to answer.
        let mut again = false;
        loop {
            let request = http.post(&url).header("content-type", post.content_type).body(post.body.clone());
            // A connection that breaks in the middle of an answer is no answer.
            let (status, text) = match request.send().await {
                Ok(response) => (response.status().as_u16(), response.text().await.ok()),
                Err(error) if error.is_connect() => (0, None),
                Err(_) => (1, None),
            };
            match (status, text) {
                (200 | 422, Some(text)) => {
                    self.tally.lock().unwrap().posts += 1;
                    return self.check(&post, again, &text);
                }
                (503 | 429, _) => self.tally.lock().unwrap().busy += 1,
                (0 | 1 | 200 | 422, _) => {}
                (status, text) => {
                    return self.seen.fault(format!("{}: answered with {status}: {text:?}", self.name));
                }
            }
            if status != 0 {
                again = true;
                let conflicts = post.fates.iter().filter(|(_, fate)| matches!(fate, Fate::Conflict(_)));
                let marks: Vec<_> = conflicts.map(|(message, _)| message.mark()).chain(post.bad.clone()).collect();
                self.book.lock().unwrap().sent_again(marks.iter().map(String::as_str));
                self.tally.lock().unwrap().repeated_posts += 1;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether the answer is what had to come.
    fn check(&self, post: &Post, again: bool, text: &str) {
        let about =
            || format!("{}, post of {}", self.name, post.fates.iter().map(|(m, _)| m.mark()).collect::<String>());
        let Ok(answer) = serde_json::from_str::<Value>(text) else {
            return self.seen.fault(format!("{}: no JSON: {text}", about()));
        };
        let none = Vec::new();
        let list = |name: &str| answer[name].as_array().unwrap_or(&none).clone();
        let (selections, set_aside) = (list("selections"), list("set_aside"));
        let answered: Vec<_> = post.fates.iter().filter(|(_, fate)| !matches!(fate, Fate::Conflict(_))).collect();
        if selections.len() != answered.len() {
            self.seen.fault(format!(
                "{}: {} selections where {} had to come: {text}",
                about(),
                selections.len(),
                answered.len()
            ));
            return;
        }
        let conflicts: usize =
            post.fates.iter().filter(|(_, f)| matches!(f, Fate::Conflict(_))).map(|(m, _)| m.n_rows()).sum();
        if set_aside.len() != conflicts + post.bad.len() {
            self.seen.fault(format!(
                "{}: {} units set aside where {} had to be: {text}",
                about(),
                set_aside.len(),
                conflicts + post.bad.len()
            ));
        }
        for ((message, fate), selection) in answered.into_iter().zip(&selections) {
            let (outcome, version) = match fate {
                Fate::Selected(version) => ("selected", version),
                Fate::Repeated(version) => ("repeated", version),
                Fate::Late(version) => ("late", version),
                Fate::Conflict(_) => continue,
            };
            let got = selection["outcome"].as_str().unwrap_or("none");
            // What was committed and not answered is a repeat the next time.
            let right =
                got == outcome || ((again || message.shared) && matches!(got, "selected" | "repeated" | "late"));
            if !right {
                self.seen.fault(format!(
                    "{}: {got} where {} had to be {outcome}: {selection}",
                    about(),
                    message.mark()
                ));
            }
            if message.kind != Kind::Traveller && selection["subject_id"] != message.subject.as_str() {
                self.seen.fault(format!("{}: an answer about another subject: {selection}", about()));
            }
            // What came late is told what stands, however often it is sent.
            if !matches!(fate, Fate::Late(_)) && got != "late" && selection["version"] != *version {
                self.seen.fault(format!("{}: not version {version}: {selection}", about()));
            }
            self.seen.selection(OBSERVER, selection);
        }
    }
}
