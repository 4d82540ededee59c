//! A rule as its author wrote it, after the file's form was checked and before its condition is compiled.

use std::collections::BTreeMap;
use std::ops::Range;

use haechi_model::{Lane, Stream};

use crate::diagnostic::Span;
use crate::source::FileId;

/// Days since 1970-01-01, as in a `date` column.
pub type Day = i32;

/// One rule: a condition and what follows from it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Stable id; never derived from the title.
    pub id: String,
    /// Where the id stands.
    pub at: Span,
    /// What it looks for, in a line.
    pub title: String,
    /// The stream it reads.
    pub stream: &'static Stream,
    /// The condition.
    pub when: SqlText,
    /// The lane it asks for.
    pub lane: Option<Lane>,
    /// The score it adds.
    pub score: Option<f64>,
    /// Lowers instead of raising: a trusted-trader rule (`lower_to: LANE`).
    pub lower_to: Option<Lane>,
    /// What the examining officer sees.
    pub instruction: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Law, regulation or reason.
    pub legal_basis: Option<String>,
    /// First and last day it holds, inclusive.
    pub valid_from: Option<Day>,
    /// Last day it holds.
    pub valid_until: Option<Day>,
    /// Part of the hits to select, 0 to 1, by keyed hash.
    pub share: f64,
    /// No trusted-trader rule or capacity limit may lower it.
    pub mandatory: bool,
    /// Words to group rules by.
    pub tags: Vec<String>,
    /// The rule's own tests.
    pub tests: Vec<RuleTest>,
}

/// SQL text taken from a file, with the way back to it.
#[derive(Clone, Debug)]
pub struct SqlText {
    /// The expression.
    pub text: String,
    /// Which file it stands in.
    pub file: FileId,
    /// For every byte of `text`, and one past its end, the byte in the file it came from.
    pub origin: Origin,
}

/// From a byte of an expression to a byte of its file.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The text stands in the file as it is, from this byte.
    At(usize),
    /// One entry a byte, and one past the end: for folded and quoted text.
    Map(Vec<usize>),
    /// Text put together from cells of a table. A range over several cells is shown at the last of them:
    /// that is the value, the ones before are names and operators from the header.
    Cells {
        /// One entry a byte, and one past the end.
        map: Vec<usize>,
        /// The cells it was put together from.
        cells: Vec<Range<usize>>,
    },
}

impl SqlText {
    /// The span in the file of a range of the expression.
    pub fn span(&self, range: Range<usize>) -> Span {
        let at = |byte: usize| match &self.origin {
            Origin::At(start) => start + byte.min(self.text.len()),
            Origin::Map(map) | Origin::Cells { map, .. } => map.get(byte).or(map.last()).copied().unwrap_or(0),
        };
        let start = at(range.start);
        let end = if range.end > range.start { at(range.end - 1) + 1 } else { start };
        if let Origin::Cells { cells, .. } = &self.origin {
            let cell = |byte: usize| cells.iter().find(|cell| cell.contains(&byte));
            if let Some(last) = cell(end.saturating_sub(1)).filter(|last| !last.contains(&start)) {
                return Span { file: self.file, range: last.clone() };
            }
        }
        Span { file: self.file, range: start..end.max(start) }
    }
}

/// `{given: {...}, expect: hit}` or, for conditions over items, `{items: [{...}, {...}], expect: hit}`.
#[derive(Clone, Debug)]
pub struct RuleTest {
    /// Where it stands.
    pub at: Span,
    /// One entry an item; `given` makes one. Keys are column names.
    pub rows: Vec<BTreeMap<String, GivenValue>>,
    /// Whether the rule must hit one of the rows, or none.
    pub expect_hit: bool,
}

/// A value in a test, with its place: JSON in spirit (lists and records for list columns).
#[derive(Clone, Debug)]
pub struct GivenValue {
    /// The value.
    pub value: serde_json::Value,
    /// Where it stands.
    pub at: Span,
    /// Where its key stands.
    pub key_at: Span,
}
