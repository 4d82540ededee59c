//! Reads everything and checks it.

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Keyspace being read.
    pub keyspace: &'static str,
    /// Values of it that were read.
    pub values: u64,
    /// About how many it has.
    pub of: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Values read.
    pub values: u64,
    /// Rows decoded.
    pub rows: u64,
    /// Selections decoded.
    pub selections: u64,
    /// What is wrong, the first thousand.
    pub faults: Vec<String>,
    /// How many are wrong.
    pub faulty: u64,
}

impl Report {
    /// Whether all was as it was written.
    pub fn is_sound(&self) -> bool {
        self.faulty == 0
    }
}
