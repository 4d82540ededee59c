//! Where results go, one file or folder each.
//!
//! Sinks of the stream (what one is: [`mod@crate::sink`]): [`kafka`], [`webhook`], [`files`]. They share the form of a
//! selection ([`json`], or answers: [`form`]) and the choice of what is sent ([`only`]). Files of a run: [`parquet`], [`quarantine`].

pub mod files;
pub mod form;
pub mod json;
pub mod kafka;
pub mod only;
pub mod parquet;
pub mod published;
pub mod quarantine;
#[cfg(test)]
mod testing;
pub mod webhook;

pub use json::SelectionJson;
pub use quarantine::QuarantineFile;
