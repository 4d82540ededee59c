//! The running service under load, from outside: a process of its own, fed over loopback, folders and topics.
//!
//! Begin at [`bars`]: one file a thing that is measured. Every answer is compared with what the same rules say of the
//! same rows in this process ([`judge`]), so a service that is fast and wrong is seen to be wrong.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]

pub mod bars;
mod disk;
mod floor;
mod folder;
mod http;
mod judge;
mod latency;
mod load;
mod proc;
mod report;
mod rules;
mod service;
mod traffic;
mod watch;

/// What ends a measurement: anything that went wrong, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

pub use report::Report;

/// The most memory that was resident in this process so far, in MiB.
pub fn resident_max_mib() -> Result<f64, Failure> {
    proc::resident_max_mib(std::process::id())
}
