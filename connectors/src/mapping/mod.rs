//! Mapping files: which of their columns is which of ours, and what has to be done to the values.
//!
//! ```toml
//! stream = "declaration"
//! zone = "Asia/Seoul"                 # of times that carry no zone
//!
//! [columns]                           # ours = theirs
//! declaration_id = "Declaration ID"
//! office = { from = "Office ID", pad = 3 }                     # leading zeros restored
//! net_mass_kg = { from = "Net Mass", unit = "lb" }             # kg g t lb oz; m3 l ft3
//! customs_value_usd = { from = "Item Price", divide_by = 1180.0 } # or scale = 0.5
//! declared_at = { from = "Date", date = "%d.%m.%Y" }
//! transport_mode = { from = "Mode", codes = "transport_mode" }
//! preference_claimed = { from = "Tax Type", codes = "preference", otherwise = "false" }
//! cargo_control_id = { template = "{MRN}{MSN}-{HSN}" }         # NULL where a part is blank
//!
//! [constants]                         # the same on every row
//! flow = "import"
//! item_no = 1
//!
//! [codes.transport_mode]              # theirs = ours
//! 10 = "sea"
//! ```
//!
//! Every mistake of a file is reported at once, with its line and column.

mod errors;
mod file;
mod units;

use std::collections::HashMap;
use std::path::Path;

use chrono_tz::Tz;
use haechi_model::{Column, Stream};

pub use errors::{MappingError, Mistake};

/// A mapping file that was read and checked.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Stream whose rows it makes.
    pub stream: &'static Stream,
    /// Zone of times that carry none.
    pub zone: Option<Tz>,
    /// Columns read from the input, in the order of their names.
    pub columns: Vec<MappedColumn>,
    /// Columns that have the same value on every row.
    pub constants: Vec<(&'static Column, String)>,
}

/// How one of our columns is read.
#[derive(Clone, Debug)]
pub struct MappedColumn {
    /// Ours.
    pub column: &'static Column,
    /// Theirs.
    pub from: Origin,
    /// What their values become.
    pub change: Change,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A column of the input.
    Column(String),
    /// Several, joined with text between them.
    Template(Vec<Piece>),
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Fixed text.
    Text(String),
    /// A column of the input.
    Column(String),
}

/// What is done to a value before it is read as its kind.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Numbers are multiplied by this: unit, scale and rate in one. `None`: left as they are.
    pub factor: Option<f64>,
    /// `strftime` pattern of dates and times; `None` is ISO 8601.
    pub date: Option<String>,
    /// Shorter values are filled with zeros on the left.
    pub pad: usize,
    /// Their codes and ours.
    pub codes: Option<CodeTable>,
}

/// A translation of codes.
#[derive(Clone, Debug)]
pub struct CodeTable {
    /// Name in the mapping file.
    pub name: String,
    /// Theirs to ours.
    pub ours: HashMap<String, String>,
    /// What a code that is not in the table becomes; `None` keeps it as sent, with a warning.
    pub otherwise: Option<String>,
}

impl Mapping {
    /// Reads a mapping file.
    pub fn read(path: &Path) -> Result<Self, MappingError> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text),
            Err(source) => Err(MappingError::Unreadable { file: name, source }),
        }
    }

    /// Reads a mapping from its text; `file` is the name shown in mistakes.
    pub fn parse(file: &str, text: &str) -> Result<Self, MappingError> {
        file::parse(file, text)
    }

    /// Every column of the input that is read.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().flat_map(|mapped| mapped.from.inputs())
    }
}

impl Origin {
    /// The columns of the input it reads.
    pub fn inputs(&self) -> Vec<&str> {
        match self {
            Self::Column(name) => vec![name],
            Self::Template(pieces) => pieces
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Column(name) => Some(name.as_str()),
                    Piece::Text(_) => None,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
