//! All that rules ask of one text operand, answered value by value: one look at a value gives every atom true for it.
//!
//! Equality and IN are one hash lookup, prefixes one lookup per distinct length, words inside one pass of an
//! Aho-Corasick automaton. So a thousand rules on a tariff code cost a value about what three do.

use aho_corasick::{AhoCorasick, MatchKind};
use haechi_rules::lists::List;
use haechi_rules::program::{Atom, Cmp, Literal, Program, Test};
use regex::Regex;
use rustc_hash::FxHashMap;

use crate::error::EvaluateError;
use crate::like::Like;

type Atoms = Vec<u32>;
type ByText = FxHashMap<Box<str>, Atoms>;

/// The atoms of one text operand.
#[derive(Debug, Default)]
pub(crate) struct TextIndex {
    always: Atoms,
    exact: ByText,
    /// By length in bytes.
    prefixes: Vec<(usize, ByText)>,
    suffixes: Vec<(Box<str>, u32)>,
    contains: Option<Words>,
    ordered: Vec<(Cmp, Box<str>, u32)>,
    patterns: Vec<(Regex, u32)>,
    /// Entries of lists, trimmed and upper-cased.
    listed: ByText,
    mentions: Option<Words>,
}

#[derive(Debug)]
struct Words {
    automaton: AhoCorasick,
    /// The atoms of each pattern.
    atoms: Vec<Atoms>,
}

/// Buffers reused from value to value.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    upper: String,
}

impl TextIndex {
    /// Builds the index of the operand's atoms; `None` where no atom looks at the text itself.
    pub fn new<'a>(
        program: &Program,
        atoms: impl Iterator<Item = (u32, &'a Atom)>,
    ) -> Result<Option<Self>, EvaluateError> {
        let mut index = Self::default();
        let mut contains: FxHashMap<Box<str>, Atoms> = FxHashMap::default();
        let mut mentions: FxHashMap<Box<str>, Atoms> = FxHashMap::default();
        let mut prefixes: FxHashMap<usize, ByText> = FxHashMap::default();
        let mut found = false;
        for (id, atom) in atoms {
            match &atom.test {
                Test::Compare(Cmp::Eq, Literal::Text(text)) => push(&mut index.exact, text, id),
                Test::Compare(cmp, Literal::Text(text)) => index.ordered.push((*cmp, (**text).into(), id)),
                Test::In { values, .. } => {
                    for value in values.iter() {
                        if let Literal::Text(text) = value {
                            push(&mut index.exact, text, id);
                        }
                    }
                }
                Test::Like { pattern, ignore_case } => match Like::new(pattern, *ignore_case)? {
                    Like::Exact(text) => push(&mut index.exact, &text, id),
                    Like::Prefix(text) => push(prefixes.entry(text.len()).or_default(), &text, id),
                    Like::Suffix(text) => index.suffixes.push((text.into(), id)),
                    Like::Contains(text) => push(&mut contains, &text, id),
                    Like::Any => index.always.push(id),
                    Like::Pattern(regex) => index.patterns.push((regex, id)),
                },
                Test::InList(list) => {
                    for entry in entries(program, *list) {
                        push(&mut index.listed, &entry, id);
                    }
                }
                Test::Mentions(list) => {
                    for entry in entries(program, *list).filter(|entry| !entry.is_empty()) {
                        push(&mut mentions, &entry, id);
                    }
                }
                Test::IsNull | Test::IsTrue | Test::CompareWith(..) | Test::Compare(..) => continue,
            }
            found = true;
        }
        index.prefixes = prefixes.into_iter().collect();
        index.prefixes.sort_unstable_by_key(|(length, _)| *length);
        index.contains = Words::new(contains)?;
        index.mentions = Words::new(mentions)?;
        Ok(found.then_some(index))
    }

    /// Hands every atom that is true for this value to `found`; some more than once.
    pub fn atoms_of(&self, value: &str, scratch: &mut Scratch, mut found: impl FnMut(u32)) {
        self.always.iter().copied().for_each(&mut found);
        if let Some(atoms) = self.exact.get(value) {
            atoms.iter().copied().for_each(&mut found);
        }
        for (length, prefixes) in &self.prefixes {
            let Some(head) = value.get(..*length) else {
                if *length > value.len() {
                    break;
                }
                continue;
            };
            if let Some(atoms) = prefixes.get(head) {
                atoms.iter().copied().for_each(&mut found);
            }
        }
        for (suffix, atom) in &self.suffixes {
            if value.ends_with(&**suffix) {
                found(*atom);
            }
        }
        if let Some(words) = &self.contains {
            for hit in words.automaton.find_overlapping_iter(value) {
                words.atoms[hit.pattern().as_usize()].iter().copied().for_each(&mut found);
            }
        }
        for (cmp, text, atom) in &self.ordered {
            if cmp.holds(value.cmp(text)) {
                found(*atom);
            }
        }
        for (regex, atom) in &self.patterns {
            if regex.is_match(value) {
                found(*atom);
            }
        }
        if !self.listed.is_empty() || self.mentions.is_some() {
            upper_into(value, &mut scratch.upper);
            if let Some(atoms) = self.listed.get(scratch.upper.trim()) {
                atoms.iter().copied().for_each(&mut found);
            }
            if let Some(words) = &self.mentions {
                words.whole_words(&scratch.upper, &mut found);
            }
        }
    }
}

impl Words {
    fn new(words: FxHashMap<Box<str>, Atoms>) -> Result<Option<Self>, EvaluateError> {
        if words.is_empty() {
            return Ok(None);
        }
        let (patterns, atoms): (Vec<_>, Vec<_>) = words.into_iter().unzip();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(patterns.iter().map(|p| p.as_bytes()))
            .map_err(|e| EvaluateError::Pattern {
                pattern: format!("{} words", patterns.len()),
                reason: e.to_string(),
            })?;
        Ok(Some(Self { automaton, atoms }))
    }

    fn whole_words(&self, text: &str, found: &mut impl FnMut(u32)) {
        for hit in self.automaton.find_overlapping_iter(text) {
            let before = text[..hit.start()].chars().next_back();
            let after = text[hit.end()..].chars().next();
            let apart = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            if apart(before) && apart(after) {
                self.atoms[hit.pattern().as_usize()].iter().copied().for_each(&mut *found);
            }
        }
    }
}

fn push(map: &mut ByText, text: &str, atom: u32) {
    match map.get_mut(text) {
        Some(atoms) => atoms.push(atom),
        None => {
            map.insert(text.into(), vec![atom]);
        }
    }
}

/// The entries of a list in the form they are compared in.
fn entries(program: &Program, list: u32) -> impl Iterator<Item = String> + '_ {
    let list: Option<&List> = program.lists.get(list as usize).map(|list| &**list);
    list.into_iter().flat_map(|list| list.entries.iter().map(|entry| entry.trim().to_uppercase()))
}

/// Upper case, without allocating where the text is plain.
fn upper_into(text: &str, upper: &mut String) {
    upper.clear();
    if text.is_ascii() {
        upper.push_str(text);
        upper.make_ascii_uppercase();
    } else {
        upper.extend(text.chars().flat_map(char::to_uppercase));
    }
}
