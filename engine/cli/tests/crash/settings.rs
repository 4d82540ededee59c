//! The settings file of the service under test.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// What differs between runs.
pub struct Places<'a> {
    /// Where the service listens.
    pub address: &'a str,
    /// Where the store lies.
    pub store: &'a Path,
    /// The receiver of webhooks.
    pub webhook: &'a str,
    /// The broker, if there is one.
    pub broker: Option<&'a str>,
}

/// Writes `folder/haechi.toml`. Everything is looked at often, so that much happens in a short run.
pub fn write(folder: &Path, places: &Places<'_>) {
    let Places { address, store, webhook, broker } = places;
    let store = store.display();
    let mut text = format!(
        r#"
[store]
path = "{store}"

[rules]
paths = ["rules/declaration", "rules/consignment", "rules/traveller"]
poll_ms = 50

[engine]
features_behind = 200

[http]
listen = "{address}"
"#
    );
    for kind in crate::stories::Kind::ALL {
        let stream = kind.stream();
        write!(
            text,
            r#"
[[source]]
name = "files-of-{stream}s"
kind = "folder"
path = "in/{stream}"
stream = "{stream}"
poll_ms = 50
settle_ms = 50
"#
        )
        .unwrap();
    }
    write!(
        text,
        r#"
[[sink]]
name = "files"
kind = "files"
path = "out"
roll_secs = 2

[[sink]]
name = "webhook"
kind = "webhook"
url = "http://{webhook}/selections"
secret_env = "CRASH_WEBHOOK"
timeout_secs = 1
attempts_max = 0
"#
    )
    .unwrap();
    if let Some(broker) = broker {
        write!(
            text,
            r#"
[[source]]
name = "topics"
kind = "kafka"
brokers = "{broker}"
topics = {{ "in.declarations" = {{ stream = "declaration" }}, "in.consignments" = {{ stream = "consignment" }} }}
properties = {{ "reconnect.backoff.max.ms" = "500" }}

[[sink]]
name = "kafka"
kind = "kafka"
brokers = "{broker}"
create = {{ partitions = {} }}
timeout_secs = 5
properties = {{ "reconnect.backoff.max.ms" = "500" }}
"#,
            crate::kafka::PARTITIONS
        )
        .unwrap();
    }
    fs::write(folder.join("haechi.toml"), text).unwrap();
}
