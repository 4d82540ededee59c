//! Reads everything and checks it: blocks and values against their checksums, rows and selections by decoding them, and
//! whether what belongs together is there.

use serde::Serialize;

use crate::database::{Pair, Table, View, key_position};
use crate::{
    DeadLetter, Position, SetAsideRecord, Store, StoreError, StoredDecisions, StoredEntry, messages, meta, releases,
    subjects,
};

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    const FAULTS_MAX: usize = 1_000;

    /// Whether all is as it was written.
    pub fn is_sound(&self) -> bool {
        self.faulty == 0
    }

    fn fault(&mut self, error: &StoreError) {
        self.faulty += 1;
        if self.faults.len() < Self::FAULTS_MAX {
            self.faults.push(error.to_string());
        }
    }
}

const AHEAD_VALUES: usize = 256;
const AHEAD_BYTES: usize = 4 << 20;

impl Store {
    /// Reads all that was committed when each part of it is reached, and checks it. Others read and write meanwhile. An
    /// error means that reading failed; what is damaged is in the report.
    pub fn verify(&self, mut progress: impl FnMut(Progress)) -> Result<Report, StoreError> {
        let mut verification = Verification::default();
        for table in Table::ALL {
            let of = self.sizes()?.keyspaces.iter().find(|size| size.keyspace == table.name()).map_or(0, |s| s.values);
            let (mut from, mut values) = (Vec::new(), 0);
            loop {
                let pairs = self.read(|view| Ok(verification.some(view, table, &from)))?;
                for pair in &pairs {
                    self.read(|view| {
                        if let Err(error) = verification.check(view, table, pair) {
                            verification.report.fault(&error);
                        }
                        Ok(())
                    })?;
                }
                values += pairs.len() as u64;
                progress(Progress { keyspace: table.name(), values, of });
                let Some((last, _)) = pairs.last() else { break };
                from = [last, &[0][..]].concat();
            }
            verification.report.values += values;
        }
        Ok(verification.report)
    }
}

#[derive(Default)]
struct Verification {
    report: Report,
    /// Positions that entries have, in order: from each to its end.
    covered: Vec<(Position, Position)>,
}

impl Verification {
    /// Some values from a key on. What cannot be read is a fault and skipped, where there is a way around it.
    fn some(&mut self, view: &View<'_>, table: Table, from: &[u8]) -> Vec<Pair> {
        let (mut pairs, mut bytes, mut tried) = (Vec::new(), 0, 0);
        for pair in view.from(table, from) {
            tried += 1;
            match pair {
                Ok(pair) => {
                    bytes += pair.1.len();
                    pairs.push(pair);
                }
                Err(error) => self.report.fault(&error),
            }
            if tried == AHEAD_VALUES || bytes >= AHEAD_BYTES {
                break;
            }
        }
        pairs
    }

    fn check(&mut self, view: &View<'_>, table: Table, (key, value): &Pair) -> Result<(), StoreError> {
        let bad = |reason: String| view.corrupt(table, key, reason);
        match table {
            Table::Journal => {
                let entry = StoredEntry::read(key, value.clone(), view.schemas())?;
                self.report.rows += entry.decode()?.num_rows() as u64;
                match self.covered.last_mut() {
                    Some((_, end)) if entry.first < *end => {
                        return Err(bad(format!("the entry before it reaches up to position {}", *end - 1)));
                    }
                    Some((_, end)) if entry.first == *end => *end = entry.end(),
                    _ => self.covered.push((entry.first, entry.end())),
                }
            }
            Table::Decisions => {
                let decisions = StoredDecisions::read(key, value, view.schemas())?;
                let positions = decisions.positions();
                self.report.selections += positions.len() as u64;
                decisions.hits()?;
                if !positions.is_sorted_by(|a, b| a < b) {
                    return Err(bad("its selections do not rise".to_owned()));
                }
                if let Some(stray) = positions.iter().find(|position| !self.is_covered(**position)) {
                    return Err(bad(format!("no entry has position {stray}")));
                }
            }
            Table::Subjects => {
                let forgotten = meta::forgotten(view)?;
                let versions = subjects::decode(value).map_err(bad)?;
                let stray = versions.iter().find(|v| v.position >= forgotten && !self.is_covered(v.position));
                if let Some(stray) = stray.filter(|stray| stray.position < self.end()) {
                    return Err(bad(format!("no entry has position {} of version {}", stray.position, stray.version)));
                }
            }
            Table::Quarantine => drop(view.json::<SetAsideRecord>(table, key, value)?),
            Table::DeadLetters => drop(view.json::<DeadLetter>(table, key, value)?),
            Table::Releases => {
                for (_, hash) in releases::read(view, key, value)?.files {
                    releases::content(view, &hash)?;
                }
            }
            Table::Files => drop(releases::check_content(view, key, value)?),
            Table::Schemas => {
                let message = view.sealed(table, key, value, |_, body| Ok(body))?;
                let id = key_position(key).ok_or_else(|| bad("its key is no hash".to_owned()))?;
                crate::columns::Schemas::default().add(id, &message).map_err(bad)?;
            }
            Table::Meta => drop((meta::end(view)?, meta::format(view)?, meta::Counts::read(view)?)),
            Table::Messages => messages::check(view, key)?,
            Table::Stands | Table::Cursors | Table::State => {}
        }
        Ok(())
    }

    /// Up to where the journal was read; more may have come since.
    fn end(&self) -> Position {
        self.covered.last().map_or(0, |(_, end)| *end)
    }

    fn is_covered(&self, position: Position) -> bool {
        let after = self.covered.partition_point(|(first, _)| *first <= position);
        after.checked_sub(1).and_then(|at| self.covered.get(at)).is_some_and(|(_, end)| position < *end)
            || position >= self.end()
    }
}
