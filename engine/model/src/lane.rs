//! Lanes: where a subject goes next, per kind of subject, ordered by strictness.

use serde::{Deserialize, Serialize};

/// What gets a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A goods declaration with its items.
    Declaration,
    /// A house bill on a manifest.
    Consignment,
    /// One person on one flight.
    Traveller,
}

/// Where a subject goes next: a rank among the lanes of its kind, so that several rules combine with `max`.
///
/// Made only by [`SubjectKind::lane`] or [`SubjectKind::lowest`], so the rank is always in range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    kind: u8,
    rank: u8,
}

const DECLARATION: &[&str] = &["release", "post_audit", "documents", "scan", "examine"];
const CONSIGNMENT: &[&str] = &["none", "surveillance", "after_storage", "scan", "immediate"];
const TRAVELLER: &[&str] = &["clear", "refer", "intercept", "do_not_board"];

impl SubjectKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Declaration, Self::Consignment, Self::Traveller];

    /// Its lanes, strictest last.
    pub const fn lanes(self) -> &'static [&'static str] {
        match self {
            Self::Declaration => DECLARATION,
            Self::Consignment => CONSIGNMENT,
            Self::Traveller => TRAVELLER,
        }
    }

    /// The lane of that name.
    pub fn lane(self, name: &str) -> Option<Lane> {
        let rank = self.lanes().iter().position(|l| *l == name)?;
        Some(Lane { kind: self as u8, rank: rank as u8 })
    }

    /// The lane of a subject nobody asks for.
    pub const fn lowest(self) -> Lane {
        Lane { kind: self as u8, rank: 0 }
    }

    /// All lanes in order.
    pub fn all_lanes(self) -> impl Iterator<Item = Lane> {
        (0..self.lanes().len()).map(move |rank| Lane { kind: self as u8, rank: rank as u8 })
    }

    /// The stream whose rows are these subjects.
    pub const fn stream(self) -> &'static str {
        match self {
            Self::Declaration => "declaration",
            Self::Consignment => "consignment",
            Self::Traveller => "traveller",
        }
    }
}

impl Lane {
    /// The kind of subject it is a lane of.
    pub fn kind(self) -> SubjectKind {
        SubjectKind::ALL[self.kind as usize]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.kind().lanes()[self.rank as usize]
    }

    /// Its place among the lanes of its kind: 0 is the most lenient.
    pub fn rank(self) -> usize {
        self.rank as usize
    }
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Lane {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_combine_with_max() {
        let lane = |name| SubjectKind::Declaration.lane(name).expect("a lane");
        assert_eq!(lane("documents").max(lane("examine")).name(), "examine");
        assert_eq!(lane("release"), SubjectKind::Declaration.lowest());
        assert!(SubjectKind::Traveller.lane("examine").is_none());
    }
}
