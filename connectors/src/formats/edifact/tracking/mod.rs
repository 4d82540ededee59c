//! Tracking: what carriers, terminals and depots say of consignments and containers, to cargo events.
//!
//! IFTSTA tells one status after the other, each under the consignment it is of ([`status`]); COARRI, CODECO and COPRAR
//! tell by container what was unloaded or loaded, what came through a gate, and what is to be unloaded or loaded
//! ([`moves`]). Either way an event is what a group of segments says ([`told`]) with what its consignment and its message
//! say before it, and a row for each bill and each container it names ([`rows`]). Which code is which event: [`kinds`].
//!
//! A stowage plan (BAPLIE) says where containers stand and not that anything happened to them: it is set aside by name.

mod kinds;
mod moves;
mod rows;
mod status;
mod told;

pub use moves::{COARRI, CODECO, COPRAR, read as read_moves};
#[cfg(test)]
pub use status::FORMAT as IFTSTA;
pub use status::read as read_statuses;

use haechi_model::intake::Warning;

use super::interchange::Message;
use super::output::Output;
use super::places::upper;
use super::segments::{Arena, Raw};
use told::Told;

/// More segments than what is told of one event has.
const GROUP_SEGMENTS_MAX: usize = 50_000;

/// The columns it writes.
#[cfg(test)]
pub(super) const COLUMN_NAMES: &[&str] = rows::COLUMN_NAMES;

/// The beginning of a message: what it is, and what it says of all that follows.
#[derive(Debug, Default)]
pub struct Header {
    /// BGM 1001.
    pub kind: String,
    /// BGM 1000, the words for it.
    pub kind_text: String,
    /// BGM 1004.
    pub number: Option<String>,
    /// BGM 1225.
    pub function: String,
    /// Everything else.
    pub told: Told,
}

impl Header {
    /// Reads the segments before the first event.
    fn read(segments: &[Raw<'_>], message: &Message<'_>, out: &mut Output<'_>) -> Self {
        let mut warnings = Vec::new();
        let arena = message.header(segments.iter().copied(), &mut warnings);
        let mut header = Self::default();
        for bgm in arena.iter().filter(|s| s.tag() == "BGM") {
            bgm.get(0, 0).clone_into(&mut header.kind);
            header.kind_text = upper(bgm.get(0, 3)).into_owned();
            header.number = bgm.value(1, 0).map(|number| upper(number).into_owned());
            bgm.get(2, 0).clone_into(&mut header.function);
        }
        header.told = Told::header(&arena, message, &mut warnings);
        for warning in warnings {
            out.warn_with(warning);
        }
        header
    }

    /// Column `change_kind`.
    fn change_kind(&self) -> &'static str {
        match self.function.as_str() {
            "1" | "3" | "50" => "cancel",
            "4" | "5" => "amend",
            _ => "new",
        }
    }
}

/// Tokenises what is told of one event; `None` where that is more than anybody says of one.
fn group<'m>(message: &Message<'m>, segments: &[Raw<'m>], warnings: &mut Vec<Warning>) -> Option<Arena<'m>> {
    // Its rows repeat its values, as all rows do those of the header.
    (segments.len() <= GROUP_SEGMENTS_MAX).then(|| message.header(segments.iter().copied(), warnings))
}

#[cfg(test)]
mod tests;
