//! The index: every version of a subject, under its stream and identifier.

use crate::Position;

/// One version of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectVersion {
    /// Which.
    pub version: i32,
    /// Position of its first row, which names its selection.
    pub position: Position,
    /// Hash of its content.
    pub content: [u8; 16],
    /// Hash of the envelope it came in; 0 without one. It tells a message sent again from one that says the same anew.
    pub envelope: u64,
    /// Whether it was decided on. One that came after a later version is kept and not decided on.
    pub decided: bool,
}
