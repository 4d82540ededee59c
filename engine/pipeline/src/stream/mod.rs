//! The running stream: deliveries in, decided, committed, answered, published.
//!
//! ```text
//! sources, requests -> inbox -> sequencer -> encoder -> committer -> answers
//!                                   ^                       |
//!                                 rules                   store -> publishers -> sinks
//! ```
//!
//! One thread each for sequencer, encoder and committer, with a few blocks between them. The sequencer is where the one
//! order of everything arises: it settles what a message is to what is known of its subject, gives out positions, and
//! has the evaluator decide (on all cores). The committer writes what has gathered in one go and one fsync, however many
//! requests wait for it, and only then answers. Nothing is taken back: where the disk refuses, the same is written again
//! until it takes it, and nobody is answered meanwhile.
//!
//! Begin at [`Engine::start`].

mod answer;
mod audit;
mod backtest;
mod block;
mod clock;
mod committer;
mod content;
mod engine;
mod entities;
mod filling;
mod health;
mod history;
mod inbox;
mod kept;
mod overlay;
mod past;
mod placing;
mod publish;
mod reach;
mod recent;
mod remembering;
mod sequencer;
mod settling;
mod standing;
mod versions;
mod work;

pub use answer::{Answer, Answered, Outcome};
pub use audit::{AuditError, FeatureAudit, audit_features};
pub use backtest::{JournalReplay, JournalReplayError, ReplayMode, StreamReplay, replay_journal};
pub(crate) use block::{identities, subject_rows};
pub use clock::wall_ms;
pub use engine::{Engine, EngineOptions, ReplayRefused, StartError, Status};
pub use entities::ReachesBack;
pub use inbox::Urgency;
pub(crate) use placing::published;
pub use publish::publish;
pub use recent::{RecentRecord, recent_records};
pub use standing::{EntityStanding, Remembered, RememberedError, entities_of};
