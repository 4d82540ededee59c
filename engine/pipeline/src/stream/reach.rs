//! How far what the store has of entities may stand behind the journal.

use haechi_store::Position;

/// How far, and what follows from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    behind: Position,
}

impl Reach {
    /// So many positions at most.
    pub fn behind(behind: Position) -> Self {
        Self { behind }
    }

    /// An entity that has changed before this position goes to the store with what ends before `next`.
    pub fn overdue(self, next: Position) -> Position {
        next.saturating_sub(self.behind)
    }

    /// After so many positions it is written down anew how far the store has all.
    pub fn note_after(self) -> Position {
        self.behind / 16
    }

    /// For who only reads: all of it is read at once.
    pub fn whole() -> Self {
        Self { behind: Position::MAX / 4 }
    }

    /// So much of the journal is read before anything is taken in; where more has to be, it is read beside.
    pub fn at_start(self) -> Position {
        self.behind + self.behind / 2
    }

    /// The same while the stream runs and everybody waits; and so near to its end the journal is left to whoever takes
    /// over from one who reads beside.
    pub fn at_once(self) -> Position {
        self.behind / 32
    }

    /// After so many positions what was read beside is written to the store, and a restart goes on there.
    pub fn write_after(self) -> Position {
        self.behind.max(1)
    }
}
