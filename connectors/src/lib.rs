//! Everything that enters or leaves: message formats, tables of rows, sources and sinks, one file each.
//!
//! - [`formats`]: messages (EDIFACT and others), listed in [`formats::FORMATS`]; what one is: [`mod@format`].
//! - [`answers`]: what messages are answered, each in the manner of its format.
//! - [`messages`]: the same of any size, a reading at a time.
//! - [`tabular`]: CSV, NDJSON, Parquet and Arrow IPC to canonical batches; begin at [`tabular::open`].
//! - [`read`]: what comes in memory (posted bodies, messages of a broker), read the same way, many at once.
//! - [`mapping`]: files that say which of their columns is which of ours.
//! - [`mod@recognise`]: what a file is, from its first bytes.
//! - [`sources`], [`sinks`]: where bytes come from, where results go; what one is: [`mod@source`], [`mod@sink`]; all
//!   their settings: [`SETTINGS_EXAMPLES`].
//!
//! No opinion in here on what a column means for risk.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise"))]

pub mod answers;
pub mod format;
pub mod formats;
pub mod kafka;
pub mod mapping;
pub mod messages;
pub mod options;
pub mod read;
pub mod recognise;
mod settings_examples;
pub mod sink;
pub mod sinks;
pub mod source;
pub mod sources;
pub mod tabular;

pub use format::{MessageFormat, MessageInput, MessageReading};
pub use mapping::Mapping;
pub use options::ReadOptions;
pub use read::{Document, Documents, Gathered};
pub use recognise::{Recognised, recognise};
pub use settings_examples::SETTINGS_EXAMPLES;
pub use sink::{DeliverError, GATHER_MAX, Refusal, Sink, SinkOpenError, SinkSettings};
pub use source::{
    BoxFuture, Closed, Delivery, Feed, NotCommitted, Receipt, Source, SourceContext, SourceError, SourceSettings, Stand,
};
