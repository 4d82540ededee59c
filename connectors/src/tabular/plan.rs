//! Which column of a file feeds which of ours, settled once per file.

use chrono_tz::Tz;
use haechi_model::{Column, Stream};

use super::cell::{CellReader, Work};
use crate::mapping::{Change, Mapping, Origin, Piece};

/// Columns that the reader fills itself.
pub const READER_OWNED: [&str; 2] = ["source", "source_position"];

/// One of our columns and what feeds it.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Reads the cells.
    pub reader: CellReader,
    /// Where the cells come from.
    pub from: FeedFrom,
    /// Whether the column is asked for; one that is not is checked only.
    pub wanted: bool,
}

/// Where a cell comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedFrom {
    /// A column of the input, by position in [`Plan::inputs`].
    Input(usize),
    /// Several, joined.
    Template(Vec<Part>),
    /// The same on every row.
    Constant(String),
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Fixed text.
    Text(String),
    /// A column of the input, by position in [`Plan::inputs`].
    Input(usize),
}

/// How the rows of one file are read.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Names of the file's columns, in its order.
    pub inputs: Vec<String>,
    /// What feeds what; constants last.
    pub feeds: Vec<Feed>,
    /// Columns of the file that nothing reads although they have no name of ours.
    pub unknown: Vec<String>,
}

/// Why the columns of a file do not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A key column is in neither file nor mapping.
    #[error("no column gives `{column}`, the key of every {stream}{}", nearest.as_ref().map_or(String::new(), |n| format!("; nearest is {n:?}")))]
    NoKey {
        /// Ours.
        column: &'static str,
        /// Whose key it is.
        stream: &'static str,
        /// The most similar name in the file.
        nearest: Option<String>,
    },
    /// The mapping reads a column that the file does not have.
    #[error("no column {column:?}, which the mapping reads{}", nearest.as_ref().map_or(String::new(), |n| format!("; nearest is {n:?}")))]
    NoInput {
        /// Theirs.
        column: String,
        /// The most similar name in the file.
        nearest: Option<String>,
    },
    /// A column that is read stands in the file twice.
    #[error("column {column:?} is there twice")]
    Twice {
        /// Theirs.
        column: String,
    },
}

/// What is known of a file's columns before its rows are read.
#[derive(Clone, Copy, Debug)]
pub enum Inputs<'a> {
    /// Exactly these.
    Exactly(&'a [String]),
    /// These were seen at the beginning, and any other may follow: JSON objects.
    AtLeast(&'a [String]),
    /// These were seen so far; what any row must have or has by default is read as well. Once another is seen, there is
    /// another plan: JSON objects that come one by one, for ever.
    SoFar(&'a [String]),
}

/// Which of our columns are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// These; `None` asks for all.
    pub columns: Option<&'a [&'a str]>,
    /// And the keys, by which subjects are told apart.
    pub keys: bool,
}

impl Wanted<'_> {
    /// Whether a column is among them.
    pub fn has(&self, stream: &Stream, column: &Column) -> bool {
        let key = column.key || column.name == stream.subject_key || Some(column.name) == stream.together;
        (key && self.keys) || self.columns.is_none_or(|columns| columns.contains(&column.name))
    }
}

impl Plan {
    /// Settles how a file with these columns is read.
    pub fn new(
        inputs: Inputs<'_>,
        stream: &'static Stream,
        mapping: Option<&Mapping>,
        wanted: Wanted<'_>,
        zone: Tz,
    ) -> Result<Self, PlanError> {
        let zone = mapping.and_then(|m| m.zone).unwrap_or(zone);
        let (names, open) = match inputs {
            Inputs::Exactly(names) => (names, false),
            Inputs::AtLeast(names) | Inputs::SoFar(names) => (names, true),
        };
        let unseen = |c: &'static Column| match inputs {
            Inputs::Exactly(_) => false,
            Inputs::AtLeast(_) => !c.derived && mapping.is_none(),
            Inputs::SoFar(_) => {
                c.name == stream.subject_key || (!c.derived && (c.key || CellReader::new(c, zone).has_default()))
            }
        };
        let mut wiring = Wiring { inputs: names.to_vec(), n_given: names.len(), open, zone, feeds: Vec::new() };
        for mapped in mapping.iter().flat_map(|m| &m.columns) {
            wiring.map(mapped.column, &mapped.from, &mapped.change)?;
        }
        for (column, value) in mapping.iter().flat_map(|m| &m.constants) {
            wiring.constant(column, value);
        }
        let used: Vec<&str> = mapping.iter().flat_map(|m| m.inputs()).collect();
        let candidates: Vec<&'static Column> = stream
            .all_columns()
            .filter(|c| !READER_OWNED.contains(&c.name))
            .filter(|c| names.iter().any(|name| name == c.name) || unseen(c))
            .filter(|c| !used.contains(&c.name))
            .collect();
        for column in candidates {
            if !wiring.feeds.iter().any(|feed| feed.reader.column().name == column.name) {
                wiring.map(column, &Origin::Column(column.name.to_owned()), &Change::default())?;
            }
        }
        wiring.finish(stream, mapping, wanted)
    }

    /// Room for the cells of a row.
    pub fn works(&self) -> Vec<Work> {
        self.feeds.iter().map(|_| Work::default()).collect()
    }

    /// Ours that this file fills and that are asked for.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.feeds.iter().filter(|feed| feed.wanted).map(|feed| feed.reader.column())
    }
}

struct Wiring {
    inputs: Vec<String>,
    n_given: usize,
    open: bool,
    zone: Tz,
    feeds: Vec<Feed>,
}

impl Wiring {
    fn map(&mut self, column: &'static Column, from: &Origin, change: &Change) -> Result<(), PlanError> {
        let from_feed = match from {
            Origin::Column(name) => FeedFrom::Input(self.input(name)?),
            Origin::Template(pieces) => {
                let parts = pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => Ok(Part::Text(text.clone())),
                    Piece::Column(name) => self.input(name).map(Part::Input),
                });
                FeedFrom::Template(parts.collect::<Result<_, _>>()?)
            }
        };
        let shown = from.inputs().join(", ");
        let reader = CellReader::mapped(column, &shown, change.clone(), self.zone);
        self.feeds.push(Feed { reader, from: from_feed, wanted: true });
        Ok(())
    }

    fn constant(&mut self, column: &'static Column, value: &str) {
        let reader = CellReader::new(column, self.zone);
        self.feeds.push(Feed { reader, from: FeedFrom::Constant(value.to_owned()), wanted: true });
    }

    fn input(&mut self, name: &str) -> Result<usize, PlanError> {
        let mut found = self.inputs.iter().enumerate().filter(|(_, input)| *input == name).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(at), None) => Ok(at),
            (Some(_), Some(_)) => Err(PlanError::Twice { column: name.to_owned() }),
            (None, _) if self.open => {
                self.inputs.push(name.to_owned());
                Ok(self.inputs.len() - 1)
            }
            (None, _) => Err(PlanError::NoInput { column: name.to_owned(), nearest: nearest(name, &self.inputs) }),
        }
    }

    fn finish(
        mut self,
        stream: &'static Stream,
        mapping: Option<&Mapping>,
        wanted: Wanted<'_>,
    ) -> Result<Plan, PlanError> {
        let key =
            |c: &Column| c.name == stream.subject_key || (c.key && !c.nullable && !c.derived && c.name != "version");
        if let Some(column) = stream.all_columns().find(|c| key(c) && !self.has(c)) {
            let nearest = nearest(column.name, &self.inputs);
            return Err(PlanError::NoKey { column: column.name, stream: stream.name, nearest });
        }
        let read = |name: &str| {
            let maps = mapping.is_some_and(|m| m.inputs().any(|input| input == name));
            maps || self.feeds.iter().any(|feed| feed.reader.shown() == name)
        };
        let unknown: Vec<String> = self.inputs[..self.n_given]
            .iter()
            .filter(|name| !read(name) && !READER_OWNED.contains(&name.as_str()))
            .cloned()
            .collect();
        for feed in &mut self.feeds {
            feed.wanted = wanted.has(stream, feed.reader.column());
        }
        // The first reason given for a row is the leftmost in the file.
        self.feeds.sort_by_key(|feed| match &feed.from {
            FeedFrom::Input(at) => *at,
            FeedFrom::Template(parts) => parts
                .iter()
                .filter_map(|part| if let Part::Input(at) = part { Some(*at) } else { None })
                .min()
                .unwrap_or(0),
            FeedFrom::Constant(_) => usize::MAX,
        });
        Ok(Plan { inputs: self.inputs, feeds: self.feeds, unknown })
    }

    fn has(&self, column: &Column) -> bool {
        self.feeds.iter().any(|feed| feed.reader.column().name == column.name)
    }
}

/// The most similar of some names, if any is similar at all.
fn nearest(name: &str, names: &[String]) -> Option<String> {
    let plain = |text: &str| text.to_lowercase().replace([' ', '-'], "_");
    let likeness = |other: &&String| (strsim::jaro_winkler(&plain(other), &plain(name)) * 1e6) as u32;
    names.iter().max_by_key(likeness).filter(|best| likeness(best) > 750_000).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use haechi_model::streams::DECLARATION;

    fn names(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    fn plan(header: &str, mapping: Option<&str>, columns: Option<&[&str]>) -> Result<String, String> {
        plan_of(header, mapping, Wanted { columns, keys: true })
    }

    fn plan_of(header: &str, mapping: Option<&str>, wanted: Wanted<'_>) -> Result<String, String> {
        let mapping = mapping.map(|text| Mapping::parse("m.toml", text).unwrap());
        let names = names(header);
        Plan::new(Inputs::Exactly(&names), &DECLARATION, mapping.as_ref(), wanted, Tz::UTC)
            .map(|plan| {
                let feeds: Vec<_> = plan.columns().map(|c| c.name).collect();
                format!("{} | {}", feeds.join(","), plan.unknown.join(","))
            })
            .map_err(|e| e.to_string())
    }

    const KOREA: &str = "stream = \"declaration\"\n[columns]\ndeclaration_id = \"ID\"\nnet_mass_kg = \"Mass\"\n[constants]\nitem_no = 1\n";

    #[test]
    fn names_of_ours_are_read_and_others_reported() {
        assert_eq!(plan("item_no,declaration_id,Fraud", None, None).unwrap(), "item_no,declaration_id | Fraud");
        assert_eq!(
            plan("ID,Mass,hs_code,Fraud", Some(KOREA), None).unwrap(),
            "declaration_id,net_mass_kg,hs_code,item_no | Fraud"
        );
        assert_eq!(
            plan("ID,Mass,hs_code", Some(KOREA), Some(&["hs_code"])).unwrap(),
            "declaration_id,hs_code,item_no | "
        );
        let alone = Wanted { columns: Some(&["hs_code"]), keys: false };
        assert_eq!(plan_of("ID,Mass,hs_code", Some(KOREA), alone).unwrap(), "hs_code | ");
    }

    #[test]
    fn a_file_that_cannot_do_is_refused() {
        assert_eq!(
            plan("Declaration ID,item_no", None, None).unwrap_err(),
            "no column gives `declaration_id`, the key of every declaration; nearest is \"Declaration ID\""
        );
        assert_eq!(plan("ID,Net Mass", Some(KOREA), None).unwrap_err(), "no column \"Mass\", which the mapping reads");
        assert_eq!(
            plan("declaration_id,item_no,hs_code,hs_code", None, None).unwrap_err(),
            "column \"hs_code\" is there twice"
        );
    }
}
