//! Every selection that anybody was given: answers to requests, events, calls, messages, lines of files. One position
//! has one content, whoever looks and however often.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// What all observers saw.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Notes>);

#[derive(Debug, Default)]
pub struct Notes {
    /// The content of each position, as it was first seen.
    pub contents: BTreeMap<u64, String>,
    /// Positions in the order each observer saw them.
    pub by_observer: BTreeMap<&'static str, Vec<u64>>,
    pub faults: Faults,
}

/// What is wrong: the first few, and how many.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    pub first: Vec<String>,
    pub n: usize,
}

impl Faults {
    pub fn note(&mut self, fault: impl Into<String>) {
        let fault = fault.into();
        self.n += 1;
        // A few of each kind: one fault must not hide another.
        let kind = |fault: &str| fault.chars().filter(|c| c.is_ascii_lowercase()).take(24).collect::<String>();
        if self.first.iter().filter(|known| kind(known) == kind(&fault)).count() < 3 && self.first.len() < 50 {
            self.first.push(fault);
        }
    }

    /// Notes something where it is not so.
    pub fn must(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.note(fault());
        }
    }
}

impl Seen {
    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a selection; gives back its position.
    pub fn selection(&self, observer: &'static str, selection: &Value) -> Option<u64> {
        let mut notes = self.notes();
        let Some(position) = selection["position"].as_u64() else {
            notes.faults.note(format!("{observer}: a selection without a position: {selection}"));
            return None;
        };
        if selection["selection_id"].as_str() != Some(&position.to_string()) {
            notes.faults.note(format!("{observer}: position and `selection_id` differ: {selection}"));
        }
        let content = content(selection);
        let first = notes.contents.entry(position).or_insert_with(|| content.clone()).clone();
        if first != content {
            notes.faults.note(format!(
                "{observer}: another answer under position {position}\n    before: {first}\n    now:    {content}"
            ));
        }
        notes.by_observer.entry(observer).or_default().push(position);
        Some(position)
    }

    pub fn fault(&self, fault: impl Into<String>) {
        self.notes().faults.note(fault);
    }

    /// How many selections an observer was told of, those told twice counted twice.
    pub fn n_told(&self, observer: &str) -> usize {
        self.notes().by_observer.get(observer).map_or(0, Vec::len)
    }

    /// How many different selections an observer has seen.
    pub fn n_distinct(&self, observer: &str) -> usize {
        let notes = self.notes();
        let mut positions = notes.by_observer.get(observer).cloned().unwrap_or_default();
        positions.sort_unstable();
        positions.dedup();
        positions.len()
    }
}

/// The selection itself, without what an answer says about the asking.
pub fn content(selection: &Value) -> String {
    let mut selection = selection.clone();
    if let Value::Object(fields) = &mut selection {
        fields.retain(|name, _| !matches!(name.as_str(), "outcome" | "superseded"));
        fields.sort_keys();
    }
    selection.to_string()
}
