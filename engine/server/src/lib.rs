//! The service that takes records, decides and tells: settings, HTTP API, metrics, health, logs.
//!
//! Begin at [`Settings`] and [`Service::start`]. Decisions are taken in `haechi-pipeline`, and kept in `haechi-store`;
//! here they are asked for, and shown.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly"))]

mod events;
mod http;
mod letters;
mod listen;
mod mending;
mod metrics;
pub mod profiles;
pub mod quarantine;
mod readers;
pub mod replays;
mod service;
pub mod settings;
mod status;
mod telemetry;

pub use http::{Reply, listed, shown};
pub use readers::Readers;
pub use service::{Core, Service, ServiceError, check};
pub use settings::{Settings, SettingsError};
pub use status::{KeyspaceStatus, ReleaseStatus, SinkStatus, SourceState, SourceStatus, Status};
pub use telemetry::{Telemetry, TelemetryError};
