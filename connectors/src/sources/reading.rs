//! What a source reads: of which stream, through which mapping, with times of which zone.

use std::path::Path;

use haechi_model::Stream;
use haechi_model::streams::STREAMS;

use crate::mapping::Mapping;
use crate::options::ReadOptions;
use crate::tabular::in_full;

/// What settings say about rows, looked up once.
pub(crate) struct Reading {
    pub stream: &'static Stream,
    pub mapping: Option<Mapping>,
    pub options: ReadOptions,
}

/// What `zone` is where it is not set.
pub(crate) fn default_zone() -> String {
    "UTC".to_owned()
}

impl Reading {
    /// Looks up the settings of these names.
    pub fn open(stream: &str, mapping: Option<&Path>, zone: &str) -> Result<Self, String> {
        let found = Stream::find(stream).ok_or_else(|| {
            let known: Vec<_> = STREAMS.iter().map(|stream| stream.name).collect();
            format!("`stream`: there is no stream `{stream}`; there are {}", known.join(", "))
        })?;
        let mapping = mapping.map(Mapping::read).transpose();
        let mapping = mapping.map_err(|error| format!("`mapping`: {}", in_full(&error)))?;
        if let Some(other) = mapping.as_ref().filter(|mapping| mapping.stream.name != found.name) {
            return Err(format!("`mapping`: makes {} rows, not {stream} rows", other.stream.name));
        }
        let zone = zone.parse().map_err(|_| format!("`zone`: there is no zone `{zone}`; write one as `Asia/Seoul`"))?;
        Ok(Self { stream: found, mapping, options: ReadOptions { zone, ..ReadOptions::default() } })
    }
}
