//! From text to settings, and what is said where that fails.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use haechi_rules::diagnostic::nearest;
use toml::Table;

use super::Settings;
use super::overrides::{PREFIX, apply};

const DAY_SECS: u64 = 24 * 60 * 60;

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is not there or may not be read.
    #[error("cannot read settings `{}`: {source}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{at}: {reason}")]
    Mistake {
        /// File, line and column; or the variable; or the key.
        at: String,
        /// What is wrong, and what to do.
        reason: String,
    },
}

impl Settings {
    /// The settings of a file, with what the environment puts over them; without a file, the defaults.
    pub fn read(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let Some(path) = path else { return Self::parse("defaults", "", environment) };
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&path.display().to_string(), &text, environment)
    }

    /// The same of a text. `file` is what it is called in messages.
    pub fn parse(
        file: &str,
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let wrong = |error: toml::de::Error| mistake(file, text, &error);
        let mut settings: Self = toml::from_str(text).map_err(wrong)?;
        let mut table: Table = toml::from_str(text).map_err(wrong)?;
        let mut variables: Vec<_> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value)))
            .collect();
        variables.sort();
        for (path, value) in variables {
            // One after the other, so that the one at fault is named.
            let wrong = |reason| SettingsError::Mistake { at: format!("{PREFIX}{path}"), reason };
            apply(&mut table, &path, &value).map_err(wrong)?;
            settings = table.clone().try_into().map_err(|error: toml::de::Error| wrong(told(error.message())))?;
        }
        for sink in &mut settings.sink {
            sink.settings.answer_as(&settings.answers);
        }
        settings.check().map_err(|(key, reason)| SettingsError::Mistake { at: format!("{file}: {key}"), reason })?;
        Ok(settings)
    }

    /// What no single key can be blamed for when it is read; the key and what to do.
    fn check(&self) -> Result<(), (String, String)> {
        let wrong = |key: &str, reason: &str| Err((key.to_owned(), reason.to_owned()));
        let at_least_one = [
            ("[engine] block_rows", self.engine.block_rows),
            ("[engine] waiting_rows", self.engine.waiting_rows),
            ("[http] body_bytes_max", self.http.body_bytes_max),
            ("[http] requests_max", self.http.requests_max),
            ("[http] connections_max", self.http.connections_max),
            ("[http] timeout_secs", self.http.timeout_secs as usize),
            ("[http] heartbeat_secs", self.http.heartbeat_secs as usize),
        ];
        if let Some((key, _)) = at_least_one.into_iter().find(|(_, value)| *value == 0) {
            return wrong(key, "is at least 1");
        }
        // Longer ones are slips, and instants that far away there are none.
        let seconds = [
            ("stop_secs", self.stop_secs),
            ("[http] timeout_secs", self.http.timeout_secs),
            ("[http] heartbeat_secs", self.http.heartbeat_secs),
        ];
        if let Some((key, _)) = seconds.into_iter().find(|(_, value)| *value > DAY_SECS) {
            return wrong(key, "is at most a day, 86400");
        }
        if self.http.requests_max > u32::MAX as usize {
            return wrong("[http] requests_max", "is more than any machine has");
        }
        if !(0.0..=1.0).contains(&self.replay.share) {
            return wrong("[replay] share", "is a share from 0 to 1");
        }
        let (mut sources, mut sinks) = (HashSet::new(), HashSet::new());
        let again =
            self.source.iter().map(|s| &s.name).find(|name| !sources.insert(*name)).map(|name| ("source", name));
        let again =
            again.or_else(|| self.sink.iter().map(|s| &s.name).find(|name| !sinks.insert(*name)).map(|n| ("sink", n)));
        match again {
            Some((what, name)) => wrong(
                &format!("[[{what}]] name"),
                &format!("two are named `{name}`; how far each is stands under its name"),
            ),
            None => Ok(()),
        }
    }
}

/// A mistake at its place in the file.
fn mistake(file: &str, text: &str, error: &toml::de::Error) -> SettingsError {
    let reason = told(error.message());
    let Some(span) = error.span() else { return SettingsError::Mistake { at: file.to_owned(), reason } };
    let before = &text[..text.floor_char_boundary(span.start.min(text.len()))];
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    let (line, column) = (before.matches('\n').count() + 1, before[begin..].chars().count() + 1);
    // What is wrong about a value is said of its key.
    let key = before[begin..].split_once('=').map(|(key, _)| key.trim());
    let reason = key.map_or(reason.clone(), |key| format!("`{key}`: {reason}"));
    SettingsError::Mistake { at: format!("{file}:{line}:{column}"), reason }
}

/// What a reader says, with the nearest right name where a wrong one was written.
pub(super) fn told(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (Some(what), [wrong, right @ ..]) = (message.strip_prefix("unknown "), names.as_slice()) else {
        return message.trim_end().replace('\n', ", ");
    };
    let what = if what.starts_with("variant") { "value" } else { "key" };
    match nearest(wrong, right.iter().copied()) {
        Some(near) => format!("unknown {what} `{wrong}`, nearest is `{near}`"),
        None if right.is_empty() => format!("unknown {what} `{wrong}`; there is none here"),
        None => format!("unknown {what} `{wrong}`; there are `{}`", right.join("`, `")),
    }
}

/// Time zones by their IANA names.
pub(super) mod zone {
    use chrono_tz::Tz;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
    pub fn serialize<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown =
            |_| D::Error::custom(format_args!("no time zone `{name}`; write an IANA name such as Asia/Seoul"));
        name.parse().map_err(unknown)
    }
}

/// Streams by their names.
pub(super) mod stream {
    use haechi_model::Stream;
    use haechi_model::streams::STREAMS;
    use haechi_rules::diagnostic::nearest;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option_ref, clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
    pub fn serialize<S: Serializer>(stream: &Option<&'static Stream>, serializer: S) -> Result<S::Ok, S::Error> {
        stream.map(|stream| stream.name).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'static Stream>, D::Error> {
        let name = String::deserialize(deserializer)?;
        let near = nearest(&name, STREAMS.iter().map(|stream| stream.name)).unwrap_or("declaration");
        let unknown = || D::Error::custom(format_args!("no stream `{name}`, nearest is `{near}`"));
        Stream::find(&name).map(Some).ok_or_else(unknown)
    }
}
