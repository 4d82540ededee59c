//! What has to come of what is sent, reckoned apart from the engine.

use std::collections::BTreeMap;

use crate::stories::{Kind, Message};

/// A version of a subject that has to be there in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub version: i32,
    pub letter: char,
    pub rows: usize,
    envelope: Option<String>,
    /// Whether it was decided on: not where it came after a later one.
    pub decided: bool,
}

/// What has to come of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Selected(i32),
    Repeated(i32),
    Late(i32),
    Conflict(i32),
}

/// Units that have to be in quarantine under a mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// How many for each time it was sent.
    pub units: usize,
    /// How often it was sent: a sender that got no answer sends again, and what cannot be read is set aside again.
    pub sent_max: usize,
}

/// Everything sent so far, and what has to come of it.
#[derive(Debug, Default)]
pub struct Book {
    pub subjects: BTreeMap<(Kind, String), Vec<Known>>,
    pub aside: BTreeMap<String, Aside>,
    pub messages: usize,
    /// Messages without content, which are set aside without a mark.
    pub tombstones: usize,
    n_bad: usize,
}

impl Book {
    /// Takes note of a message about to be sent. Messages of a subject are noted in the order they are sent.
    pub fn expect(&mut self, message: &Message) -> Fate {
        self.messages += 1;
        let known = self.subjects.entry((message.kind, message.subject.clone())).or_default();
        let fate = fate(message, known);
        if let Fate::Selected(version) | Fate::Late(version) = fate {
            let decided = matches!(fate, Fate::Selected(_));
            let (letter, envelope) = (message.letter, message.envelope.clone());
            known.push(Known { version, letter, rows: message.n_rows(), envelope, decided });
        }
        if let Fate::Conflict(_) = fate {
            self.aside.insert(message.mark(), Aside { units: message.n_rows(), sent_max: 1 });
        }
        fate
    }

    /// A mark for something that cannot be read, and has to be set aside.
    pub fn bad(&mut self) -> String {
        self.n_bad += 1;
        let mark = format!("#bad-{:06}#", self.n_bad);
        self.aside.insert(mark.clone(), Aside { units: 1, sent_max: 1 });
        mark
    }

    /// The same was sent once more, since nobody answered.
    pub fn sent_again<'a>(&mut self, marks: impl IntoIterator<Item = &'a str>) {
        for mark in marks {
            if let Some(aside) = self.aside.get_mut(mark) {
                aside.sent_max += 1;
            }
        }
    }

    /// Versions that have to be decided on.
    pub fn n_decided(&self) -> usize {
        self.subjects.values().flatten().filter(|known| known.decided).count()
    }
}

fn fate(message: &Message, known: &[Known]) -> Fate {
    let newest = known.iter().filter(|k| k.decided).max_by_key(|k| k.version);
    let fits = |k: &&Known| k.letter == message.letter && message.version.is_none_or(|version| version == k.version);
    let sent_before =
        newest.filter(fits).or_else(|| known.iter().rev().filter(fits).find(|k| k.envelope == message.envelope));
    match (sent_before, newest, message.version) {
        // What came too late was never decided on: whoever sends it again is told what stands.
        (Some(before), Some(newest), _) if !before.decided => Fate::Repeated(newest.version),
        (Some(before), ..) => Fate::Repeated(before.version),
        (None, None, version) => Fate::Selected(version.unwrap_or(1)),
        (None, Some(newest), None) => Fate::Selected(newest.version + 1),
        (None, Some(newest), Some(version)) if version > newest.version => Fate::Selected(version),
        (None, _, Some(version)) if known.iter().any(|k| k.version == version) => Fate::Conflict(version),
        (None, _, Some(version)) => Fate::Late(version),
    }
}
