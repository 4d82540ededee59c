//! The service, asked over HTTP as its senders and operators ask it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod events;
mod intake;
mod messages;
mod operation;
mod quarantine;
mod stopping;
mod support;
