//! Units that were set aside, and what became of them.

use haechi_model::SetAside;
use serde::{Deserialize, Serialize};

use crate::Position;

/// A unit set aside, with all that happened to it since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsideRecord {
    /// Stream it was meant for.
    pub stream: String,
    /// File, topic or connection it came from.
    pub source: String,
    /// Line, row, byte or segment.
    pub place: String,
    /// Stable reason code.
    pub code: String,
    /// Where, what, and what to do about it, without personal data.
    pub reason: String,
    /// The raw text of the unit, as far as it was kept. It may hold personal data, and is empty once it was resolved:
    /// gone from disk when the log and tables that have it are written anew.
    pub text: String,
    /// What has to stand before the text for it to be read again by itself: the header line of a CSV file. Goes with
    /// the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// When it came, in ms since 1970 UTC.
    pub received_at_ms: i64,
    /// What became of it, oldest first; empty while it waits.
    #[serde(default)]
    pub resolutions: Vec<Resolution>,
}

/// What became of a unit set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// What was done.
    pub outcome: Outcome,
    /// Who did it.
    pub who: String,
    /// When, in ms since 1970 UTC.
    pub at_ms: i64,
}

/// What was done with a unit set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was read after all, as it was or mended.
    Replayed {
        /// Position of the first row it became.
        position: Position,
    },
    /// It was given up.
    Discarded {
        /// Why.
        reason: String,
    },
}

/// Where a unit set aside is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineState {
    /// Nothing was done yet.
    Waiting,
    /// Read after all.
    Replayed,
    /// Given up.
    Discarded,
}

/// Which units to list; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarantineFilter {
    /// Reason code.
    pub code: Option<String>,
    /// Where it came from, to the letter.
    pub source: Option<String>,
    /// Where it is in its life.
    pub state: Option<QuarantineState>,
}

/// How many units have a code and a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineCount {
    /// Reason code.
    pub code: String,
    /// State.
    pub state: QuarantineState,
    /// How many.
    pub units: u64,
}

impl SetAsideRecord {
    /// A unit that was just set aside.
    pub fn new(unit: SetAside, stream: impl Into<String>, received_at_ms: i64) -> Self {
        let SetAside { source, position, code, reason, text, head } = unit;
        Self {
            stream: stream.into(),
            source,
            place: position,
            code: code.to_owned(),
            reason,
            text,
            head,
            received_at_ms,
            resolutions: Vec::new(),
        }
    }

    /// Notes what became of it. What it said is of no more use then, and may be personal.
    pub(crate) fn resolve(&mut self, resolution: Resolution) {
        self.resolutions.push(resolution);
        self.text = String::new();
        self.head = None;
    }

    /// The unit as it can be read again by itself.
    pub fn readable(&self) -> String {
        match &self.head {
            Some(head) => format!("{head}\n{}", self.text),
            None => self.text.clone(),
        }
    }

    /// What became of it last.
    pub fn state(&self) -> QuarantineState {
        match self.resolutions.last().map(|r| &r.outcome) {
            None => QuarantineState::Waiting,
            Some(Outcome::Replayed { .. }) => QuarantineState::Replayed,
            Some(Outcome::Discarded { .. }) => QuarantineState::Discarded,
        }
    }
}

impl QuarantineFilter {
    /// Whether it is one of those.
    pub fn takes(&self, record: &SetAsideRecord) -> bool {
        self.code.as_ref().is_none_or(|code| *code == record.code)
            && self.source.as_ref().is_none_or(|source| *source == record.source)
            && self.state.is_none_or(|state| state == record.state())
    }
}
