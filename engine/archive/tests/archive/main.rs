//! The archive from a real store to answers: what went in comes out, once, whatever failed on the way.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

mod compaction;
mod failing;
mod queries;
mod rounds;
mod world;
