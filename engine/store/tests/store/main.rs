//! The store from outside: what goes in comes out, whatever happens in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

mod damage;
mod kill;
mod reading;
#[path = "../support/mod.rs"]
mod support;
