//! Texts that may stand anywhere in a value: one pass of an Aho-Corasick automaton over the value finds all of them.

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, MatchKind, dfa, nfa};

use crate::error::EvaluateError;

/// Up to so many bytes of texts the automaton's table is small enough to be written out in full.
const TABLE_BYTES_MAX: usize = 16 << 10;

/// Texts, and the atoms of each.
#[derive(Debug)]
pub(super) struct Parts {
    machine: Machine,
    atoms: Vec<Vec<u32>>,
}

#[derive(Debug)]
enum Machine {
    /// A lookup a byte.
    Table(dfa::DFA),
    /// For very many texts: a few lookups a byte, in a fraction of the memory.
    Links(nfa::contiguous::NFA),
}

impl Parts {
    /// `None` where there are no texts.
    pub fn new(texts: Vec<(Box<str>, Vec<u32>)>) -> Result<Option<Self>, EvaluateError> {
        if texts.is_empty() {
            return Ok(None);
        }
        let (texts, atoms): (Vec<_>, Vec<_>) = texts.into_iter().unzip();
        let bytes = || texts.iter().map(|text| text.as_bytes());
        let machine = if bytes().map(<[u8]>::len).sum::<usize>() <= TABLE_BYTES_MAX {
            dfa::Builder::new().match_kind(MatchKind::Standard).build(bytes()).map(Machine::Table)
        } else {
            nfa::contiguous::Builder::new().match_kind(MatchKind::Standard).build(bytes()).map(Machine::Links)
        };
        let machine = machine
            .map_err(|e| EvaluateError::Pattern { pattern: format!("{} texts", texts.len()), reason: e.to_string() })?;
        Ok(Some(Self { machine, atoms }))
    }

    /// Hands the atoms of every text to `found`, as often as the text stands in the value.
    pub fn of(&self, value: &str, mut found: impl FnMut(&[u32])) {
        let each = |text: usize| found(&self.atoms[text]);
        match &self.machine {
            Machine::Table(machine) => search(machine, value, each),
            Machine::Links(machine) => search(machine, value, each),
        }
    }
}

/// Every text that ends at any byte. The crate's own iterator starts anew behind each, which takes longer than a word.
fn search(machine: &impl Automaton, value: &str, mut found: impl FnMut(usize)) {
    let Ok(mut state) = machine.start_state(Anchored::No) else { return };
    for byte in value.bytes() {
        state = machine.next_state(Anchored::No, state, byte);
        if machine.is_special(state) && machine.is_match(state) {
            (0..machine.match_len(state)).for_each(|at| found(machine.match_pattern(state, at).as_usize()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filler: usize) {
        let mut texts: Vec<_> = ["HE", "SHE", "HERS", "E", "총"].iter().map(|t| Box::from(*t)).zip(0u32..).collect();
        texts.extend((0..filler).map(|i| (format!("FILLER{i}").into(), 99)));
        let parts = Parts::new(texts.into_iter().map(|(text, atom)| (text, vec![atom])).collect()).unwrap().unwrap();
        for (value, expected) in
            [("USHERS", &[0, 1, 2, 3][..]), ("", &[]), ("EE", &[3, 3]), ("권총 HE", &[0, 3, 4]), ("XYZ", &[])]
        {
            let mut found = Vec::new();
            parts.of(value, |atoms| found.extend_from_slice(atoms));
            found.sort_unstable();
            assert_eq!(found, expected, "{value}");
        }
    }

    #[test]
    fn texts_are_found_wherever_they_stand() {
        check(0);
    }

    #[test]
    fn very_many_texts_too() {
        check(5_000);
    }
}
