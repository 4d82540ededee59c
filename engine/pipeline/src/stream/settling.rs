//! What the rows of each subject in a block are, settled one delivery after the other against all that is known.

use haechi_store::{Position, SubjectVersion};
use rustc_hash::FxHashMap;

use super::answer::Outcome;
use super::block::{Ids, Run};
use super::content::{Content, Hasher};
use super::versions::{Fate, Said, settle};
use super::work::{From, Pending};

/// Stands for the place of a version that has none yet.
const NOT_PLACED: Position = Position::MAX;

/// The subjects of a block, and what was sent of them.
pub(super) struct Settlement {
    /// What was sent, in the order of the rows.
    pub sent: Vec<Settling>,
    /// Every version known of each subject; those of this block once they are placed.
    versions: Vec<Vec<SubjectVersion>>,
}

/// Where an earlier version is.
pub(super) enum Earlier {
    /// In the journal, at that position.
    At(Position),
    /// In this block, sent at that place.
    Sent(usize),
}

/// The rows of one subject in a delivery.
pub(super) struct Settling {
    pub run: Run,
    pub content: Content,
    pub envelope: u64,
    pub fate: Fate,
    /// Whether they are the first word on their subject.
    pub is_first: bool,
    /// Which of the subjects they are about.
    subject: usize,
    /// The newest version decided before.
    newest: Option<i32>,
}

impl Settling {
    /// The version that these rows become, and whether it is decided on; `None` where they become none.
    pub fn version(&self) -> Option<(i32, bool)> {
        match self.fate {
            Fate::Accepted { version } => Some((version, true)),
            Fate::Late { version } => Some((version, false)),
            Fate::Repeated { .. } | Fate::Conflict { .. } => None,
        }
    }

    fn known_as(&self) -> Option<SubjectVersion> {
        let (content, envelope, position) = (self.content, self.envelope, NOT_PLACED);
        self.version().map(|(version, decided)| SubjectVersion { version, position, content, envelope, decided })
    }
}

impl Settlement {
    /// Settles runs of rows in their order: each sees what those before it did. `known` has the versions that the
    /// subject of each run had before the block.
    pub fn of(ids: &Ids<'_>, runs: Vec<Run>, known: Vec<Vec<SubjectVersion>>, hasher: &mut Hasher<'_>) -> Self {
        let mut places: FxHashMap<&str, usize> = FxHashMap::default();
        let mut versions: Vec<Vec<SubjectVersion>> = Vec::with_capacity(runs.len());
        let mut sent = Vec::with_capacity(runs.len());
        for (run, known) in runs.into_iter().zip(known) {
            let subject = *places.entry(ids.get(run.rows.start).unwrap_or_default()).or_insert_with(|| {
                versions.push(known);
                versions.len() - 1
            });
            let known = &mut versions[subject];
            let (content, envelope) = hasher.hash(run.rows.clone());
            let fate = settle(&Said { version: run.version, content, envelope }, known);
            let newest = known.iter().filter(|v| v.decided).map(|v| v.version).max();
            let settling = Settling { run, content, envelope, fate, is_first: known.is_empty(), subject, newest };
            known.extend(settling.known_as());
            sent.push(settling);
        }
        Self { sent, versions }
    }

    /// What was sent at a place stands at a position from now on.
    pub fn place(&mut self, place: usize, position: Position) {
        let settling = &self.sent[place];
        let Some((version, _)) = settling.version() else { return };
        let mut known = self.versions[settling.subject].iter_mut();
        if let Some(known) = known.find(|known| known.version == version && known.position == NOT_PLACED) {
            known.position = position;
        }
    }

    /// The version that what was sent at a place takes the place of; `None` where it is the first that counts. What
    /// `failed` is said of did not become a version.
    pub fn replaces(&self, place: usize, failed: impl Fn(usize) -> bool) -> Option<Earlier> {
        let settling = &self.sent[place];
        let (this, _) = settling.version()?;
        let sent_as = |version: i32| {
            let is_it = |s: &Settling| s.subject == settling.subject && s.version() == Some((version, true));
            self.sent[..place].iter().rposition(is_it)
        };
        let mut earlier: Vec<&SubjectVersion> =
            self.versions[settling.subject].iter().filter(|known| known.decided && known.version < this).collect();
        earlier.sort_unstable_by_key(|known| std::cmp::Reverse(known.version));
        earlier.into_iter().find_map(|known| {
            if known.position != NOT_PLACED {
                return Some(Earlier::At(known.position));
            }
            sent_as(known.version).filter(|place| !failed(*place)).map(Earlier::Sent)
        })
    }

    /// Nothing more is placed: what has no place now could not be decided on, and is no version of anything.
    pub fn close(&mut self) {
        self.versions.iter_mut().for_each(|versions| versions.retain(|version| version.position != NOT_PLACED));
    }

    /// Every other version of the subject that what was sent at a place is about.
    pub fn others(&self, place: usize) -> Vec<SubjectVersion> {
        let settling = &self.sent[place];
        let this = settling.version().map(|(version, _)| version);
        let versions = self.versions[settling.subject].iter().copied();
        versions.filter(|version| Some(version.version) != this).collect()
    }

    /// The subjects of which there is a new version, each with all its versions, and one of its rows.
    pub fn changed(&self) -> impl Iterator<Item = (usize, &[SubjectVersion])> {
        let mut seen = vec![false; self.versions.len()];
        self.sent.iter().filter_map(move |settling| {
            let is_new = settling.version().is_some() && !std::mem::replace(&mut seen[settling.subject], true);
            is_new.then(|| (settling.run.rows.start, self.versions[settling.subject].as_slice()))
        })
    }

    /// Where the version stands that what was sent at a place is or repeats; `None` where there is none, or
    /// it could not be decided on.
    pub fn stands_at(&self, place: usize) -> Option<Position> {
        let settling = &self.sent[place];
        let version = match settling.fate {
            Fate::Accepted { version } | Fate::Late { version } | Fate::Repeated { version } => version,
            Fate::Conflict { .. } => return None,
        };
        self.find(settling, version).map(|known| known.position)
    }

    /// The place before this one at which the very version was sent that this one repeats.
    pub fn original(&self, place: usize) -> Option<usize> {
        let repeat = &self.sent[place];
        let Fate::Repeated { version } = repeat.fate else { return None };
        let is_it = |s: &Settling| s.subject == repeat.subject && s.version().is_some_and(|(v, _)| v == version);
        self.sent[..place].iter().rposition(is_it)
    }

    fn find(&self, settling: &Settling, version: i32) -> Option<&SubjectVersion> {
        self.versions[settling.subject].iter().find(|known| known.version == version)
    }

    /// What is to be told of what was sent at a place; `here` is its selection, where it was decided on.
    pub fn pending(&self, place: usize, id: &str, here: Option<From>) -> Pending {
        let settling = &self.sent[place];
        let (outcome, version) = match settling.fate {
            Fate::Accepted { version } => (Outcome::Selected, version),
            Fate::Late { version } => (Outcome::Late, version),
            Fate::Repeated { version } | Fate::Conflict { version } => (Outcome::Repeated, version),
        };
        let superseded = outcome != Outcome::Selected && settling.newest.is_some_and(|newest| newest > version);
        // A late version has no selection of its own: what counts is the newest.
        let decided = |version| self.find(settling, version).filter(|known| known.decided);
        let counts = decided(version).or_else(|| settling.newest.and_then(decided));
        let from = here.or_else(|| counts.map(|known| From::Store(known.position)));
        Pending { subject_id: id.to_owned(), version, outcome, superseded, from }
    }
}
