//! The command line as its users meet it: what it prints, the files it leaves, the exit code it ends with.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod bucket;
mod check;
mod convert;
mod demo;
mod evaluate;
mod explain;
mod failing;
mod help;
mod profile;
mod service;
mod sql;
mod support;
mod sweep;
