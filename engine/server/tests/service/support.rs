//! A service with two rules on a store of its own, and somebody who asks it.

use std::path::Path;

use haechi_select::Secret;
use haechi_server::{Service, Settings};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What is worth more than this is examined.
pub const LIMIT: f64 = 1_000.0;

/// A running service.
pub struct Port {
    pub folder: TempDir,
    pub service: Service,
    client: Client,
}

/// What was answered.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub media: String,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Port {
    pub async fn open() -> Self {
        Self::with("").await
    }

    /// With more settings.
    pub async fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_rules(folder.path(), LIMIT);
        Self::in_folder(folder, more).await
    }

    pub async fn in_folder(folder: TempDir, more: &str) -> Self {
        let settings = settings(folder.path(), more);
        let service = Service::start(settings, Secret::demo()).await.unwrap_or_else(|error| panic!("{error}"));
        Self { folder, service, client: Client::builder().no_proxy().build().unwrap() }
    }

    /// Stops the service, and starts another on the same store.
    pub async fn reopen(self) -> Self {
        let Self { folder, service, .. } = self;
        service.stop().await;
        Self::in_folder(folder, "").await
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.service.address()))
    }

    pub async fn get(&self, path: &str) -> Told {
        told(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, media: &str, body: impl Into<reqwest::Body>) -> Told {
        told(self.request(Method::POST, path).header("content-type", media).body(body)).await
    }

    /// Posts a declaration as JSON.
    pub async fn declare(&self, declaration: &Value) -> Told {
        self.post("/v1/declarations", "application/json", declaration.to_string()).await
    }

    /// Asks until the answer is as wanted.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let told = self.get(path).await;
                if wanted(&told.body) {
                    return told.body;
                }
                tokio::task::yield_now().await;
            }
        };
        let asked = tokio::time::timeout(std::time::Duration::from_secs(30), asking).await;
        asked.unwrap_or_else(|_| panic!("{path} is never as wanted"))
    }
}

pub async fn told(request: RequestBuilder) -> Told {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let media = headers.get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = answer.bytes().await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into());
    Told { status, media, headers, body }
}

impl Told {
    /// Its selections as `subject version lane outcome`, with a mark where a newer one is known.
    pub fn selections(&self) -> Vec<String> {
        let list = self.body["selections"].as_array().unwrap_or_else(|| panic!("{self:?}"));
        let line = |s: &Value| {
            let text = |name: &str| s[name].as_str().unwrap_or("-").to_owned();
            let superseded = if s["superseded"] == true { " superseded" } else { "" };
            format!("{} {} {} {}{superseded}", text("subject_id"), s["version"], text("lane"), text("outcome"))
        };
        list.iter().map(line).collect()
    }

    /// The code of the problem it is.
    pub fn problem(&self) -> &str {
        assert_eq!(self.media, "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status, "{self:?}");
        self.body["type"].as_str().and_then(|t| t.strip_prefix("urn:haechi:problem:")).unwrap()
    }
}

pub fn settings(folder: &Path, more: &str) -> Settings {
    let (store, rules) = (folder.join("store").display().to_string(), folder.join("rules").display().to_string());
    let text = format!(
        "stop_secs = 20\n[store]\npath = {store:?}\nwrite_buffer_bytes = 1048576\n[rules]\npaths = [{rules:?}]\n\
         poll_ms = 10\n[http]\nlisten = \"127.0.0.1:0\"\n{more}"
    );
    Settings::parse("test", &text, []).unwrap_or_else(|error| panic!("{error}"))
}

/// Rules that examine what is worth more than `limit` USD.
pub fn write_rules(folder: &Path, limit: f64) {
    let rules = format!(
        "rules:\n  - {{id: r-value, title: Worth much, stream: declaration, owner: desk, when: 'customs_value_usd > {limit}', \
         lane: examine, instruction: Count them.}}\n  - {{id: r-person, title: Anybody, stream: traveller, owner: desk, \
         when: 'surname IS NOT NULL', lane: refer, instruction: Ask.}}\n"
    );
    put_rules(folder, &rules);
}

pub fn put_rules(folder: &Path, rules: &str) {
    std::fs::create_dir_all(folder.join("rules")).unwrap();
    let unfinished = folder.join(".rules.yaml.part");
    std::fs::write(&unfinished, rules).unwrap();
    std::fs::rename(unfinished, folder.join("rules/rules.yaml")).unwrap();
}

/// A declaration of items with these values.
pub fn declaration(id: &str, values: &[f64]) -> Value {
    let item = |(place, value): (usize, &f64)| json!({ "item_no": place + 1, "hs_code": "8517130000", "customs_value_usd": value, "net_mass_kg": 1.5 });
    let items: Vec<Value> = values.iter().enumerate().map(item).collect();
    json!({ "declaration_id": id, "flow": "import", "items": items })
}

/// Puts rules in a folder, and starts a receiver of webhooks; gives its sink, `officers`, as settings have it.
pub async fn officers(folder: &TempDir, receive: axum::routing::MethodRouter) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/", receive)).await });
    write_rules(folder.path(), LIMIT);
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "a secret between the two of us").unwrap();
    format!(
        "[[sink]]\nname = \"officers\"\nkind = \"webhook\"\nurl = \"{url}\"\nsecret_file = '{}'\n",
        secret.display()
    )
}
