//! What reads bodies, one for each stream that has selections; and what reads again what a source has set aside.

use std::path::Path;

use chrono::DateTime;
use chrono_tz::Tz;
use haechi_connectors::{Documents, Mapping, ReadOptions, SourceSettings};
use haechi_model::Stream;
use haechi_model::streams::{CONSIGNMENT, DECLARATION, STREAMS, TRAVELLER};

use crate::settings::{Connector, Settings};

/// What rows that came over HTTP have in the column `source`.
pub const HTTP: &str = "http";

/// Readers of bodies.
pub struct Readers {
    bodies: [Documents; 3],
    /// Of facts, which come in messages alone.
    facts: Vec<Documents>,
    zone: Tz,
    sources: Vec<Connector<SourceSettings>>,
}

/// How what was set aside is read again.
pub enum Again {
    /// As its source reads.
    AsSource(Box<Documents>),
    /// As bodies are: it came as one.
    AsBody,
    /// As bodies are: no source of that name is in the settings any more.
    Unknown,
}

impl Readers {
    /// Reads wall times without a zone in that of the service.
    pub fn new(settings: &Settings) -> Self {
        let zone = settings.engine.zone;
        let reader =
            |stream| Documents::new(stream, None, options(zone)).expect("no mapping, so none for another stream");
        let bodies = [&DECLARATION, &CONSIGNMENT, &TRAVELLER].map(reader);
        let facts = STREAMS.iter().copied().filter(|stream| stream.lanes.is_none()).map(reader);
        Self { bodies, facts: facts.collect(), zone, sources: settings.source.clone() }
    }

    /// What reads the rows of a stream out of messages.
    pub fn of_messages(&self, stream: &Stream) -> &Documents {
        let facts = self.facts.iter().find(|reader| reader.stream().name == stream.name);
        facts.unwrap_or_else(|| self.of(stream))
    }

    /// How messages are read that arrive at this time (UTC milliseconds).
    pub fn message_options(&self, at_ms: i64) -> ReadOptions {
        let received_on = DateTime::from_timestamp_millis(at_ms).map(|at| at.with_timezone(&self.zone).date_naive());
        ReadOptions { received_on, ..options(self.zone) }
    }

    /// The reader of a stream; streams without selections are read by none.
    pub fn of(&self, stream: &Stream) -> &Documents {
        self.bodies.iter().find(|reader| reader.stream().name == stream.name).unwrap_or(&self.bodies[0])
    }

    /// The stream of that name, if it is read.
    pub fn stream(&self, name: &str) -> Option<&'static Stream> {
        self.bodies.iter().map(Documents::stream).find(|stream| stream.name == name)
    }

    /// What reads again what came from there: `http`, or the name of a source with a file or topic behind it. An error
    /// says what of the source's settings cannot be used.
    pub fn again(&self, came_from: &str, stream: &'static Stream) -> Result<Again, String> {
        if came_from == HTTP {
            return Ok(Again::AsBody);
        }
        let (name, within) = came_from.split_once('/').unwrap_or((came_from, ""));
        let Some(source) = self.sources.iter().find(|source| source.name == name) else { return Ok(Again::Unknown) };
        let (mapping, zone) = match &source.settings {
            SourceSettings::Folder(folder) => (folder.mapping.as_deref(), &folder.zone),
            SourceSettings::Kafka(kafka) => {
                // A topic has no `/` in its name; its partition may stand behind one.
                let topic = within.split('/').next().unwrap_or_default();
                let Some(topic) = kafka.topics.get(topic) else { return Ok(Again::Unknown) };
                (topic.mapping.as_deref(), &topic.zone)
            }
        };
        self.as_source(stream, mapping, zone).map(|documents| Again::AsSource(Box::new(documents)))
    }

    fn as_source(&self, stream: &'static Stream, mapping: Option<&Path>, zone: &str) -> Result<Documents, String> {
        let mapping = mapping.map(Mapping::read).transpose().map_err(|error| format!("`mapping`: {error}"))?;
        // Settings were checked when the service started, files may have changed since.
        let options = options(zone.parse().unwrap_or(self.zone));
        Documents::new(stream, mapping, options).map_err(|error| format!("`mapping`: {error}"))
    }
}

fn options(zone: Tz) -> ReadOptions {
    ReadOptions { zone, threads: 1, ..ReadOptions::default() }
}
