//! All that rules ask of one text operand, answered value by value: one look at a value gives every atom true for it.
//!
//! Equality and IN are one hash lookup, prefixes one lookup per distinct length, text inside one pass of an
//! Aho-Corasick automaton, whole words one lookup per word of the value. So a thousand rules on a tariff code cost a
//! value about what three do.

mod like;
mod map;
mod parts;
mod test;

use haechi_rules::lists::List;
use haechi_rules::program::{AtomId, Cmp, Literal, Program, Test};
use regex::Regex;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::error::EvaluateError;
use like::Like;
use map::{Collected, TextMap};
use parts::Parts;
pub(crate) use test::TextTest;

type Atoms = Vec<u32>;

/// The atoms of one text operand.
#[derive(Debug, Default)]
pub(crate) struct TextIndex {
    always: Atoms,
    exact: TextMap,
    prefixes: Prefixes<TextMap>,
    suffixes: Vec<(Box<str>, u32)>,
    contains: Option<Parts>,
    ordered: Vec<(Cmp, Box<str>, u32)>,
    patterns: Vec<(Regex, u32)>,
    /// Entries of lists, trimmed and upper-cased.
    listed: TextMap,
    mentions: Phrases,
}

/// Texts that values may begin with, by their length in bytes, shortest first.
#[derive(Debug)]
struct Prefixes<T>(Vec<(usize, T)>);

/// Texts that may stand in a value as whole words, by their first word (none, where one begins with another sign).
/// An automaton would do, but building one takes minutes for a list of some hundred thousand names.
#[derive(Debug, Default)]
struct Phrases(FxHashMap<Box<str>, Prefixes<Collected>>);

/// Buffers reused from value to value.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    upper: String,
}

impl TextIndex {
    /// Builds the index of the operand's text atoms.
    pub fn new<'a>(program: &Program, tests: impl Iterator<Item = (u32, &'a TextTest)>) -> Result<Self, EvaluateError> {
        let mut index = Self::default();
        let [mut exact, mut listed, mut contains] = [const { Collected::with_hasher(FxBuildHasher) }; 3];
        let mut prefixes = Prefixes::default();
        for (id, test) in tests {
            match test {
                TextTest::Compare(Cmp::Eq, text) => push(&mut exact, text, id),
                TextTest::Compare(cmp, text) => index.ordered.push((*cmp, (**text).into(), id)),
                TextTest::OneOf(values) => {
                    for value in values.iter() {
                        if let Literal::Text(text) = value {
                            push(&mut exact, text, id);
                        }
                    }
                }
                TextTest::Like(like) => match like {
                    Like::Exact(text) => push(&mut exact, text, id),
                    Like::Prefix(text) => prefixes.push(text, id),
                    Like::Suffix(text) => index.suffixes.push((text.as_str().into(), id)),
                    Like::Contains(text) => push(&mut contains, text, id),
                    Like::Any => index.always.push(id),
                    Like::Pattern(regex) => index.patterns.push((regex.clone(), id)),
                },
                TextTest::Listed => match &program.atom(AtomId(id)).test {
                    Test::InList(list) => {
                        for entry in entries(program, *list) {
                            push(&mut listed, &entry, id);
                        }
                    }
                    Test::Mentions(list) => {
                        for entry in entries(program, *list).filter(|entry| !entry.is_empty()) {
                            index.mentions.push(&entry, id);
                        }
                    }
                    _ => {}
                },
            }
        }
        index.exact = TextMap::new(exact);
        index.listed = TextMap::new(listed);
        index.prefixes =
            Prefixes(prefixes.0.into_iter().map(|(length, texts)| (length, TextMap::new(texts))).collect());
        index.contains = Parts::new(contains.into_iter().collect())?;
        Ok(index)
    }

    /// Whether an atom may be handed out more than once for a value.
    pub fn repeats(&self) -> bool {
        self.contains.is_some() || !self.mentions.0.is_empty() || !self.listed.is_empty()
    }

    /// Hands every atom that is true for this value to `found`; some more than once, where it [repeats](Self::repeats).
    pub fn atoms_of(&self, value: &str, scratch: &mut Scratch, mut found: impl FnMut(u32)) {
        self.always.iter().copied().for_each(&mut found);
        if let Some(atoms) = self.exact.get(value) {
            atoms.iter().copied().for_each(&mut found);
        }
        self.prefixes.of(value, |_, atoms| atoms.iter().copied().for_each(&mut found));
        for (suffix, atom) in &self.suffixes {
            if value.ends_with(&**suffix) {
                found(*atom);
            }
        }
        if let Some(parts) = &self.contains {
            parts.of(value, |atoms| atoms.iter().copied().for_each(&mut found));
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
        if !self.listed.is_empty() || !self.mentions.0.is_empty() {
            upper_into(value, &mut scratch.upper);
            if let Some(atoms) = self.listed.get(scratch.upper.trim()) {
                atoms.iter().copied().for_each(&mut found);
            }
            self.mentions.of(&scratch.upper, &mut found);
        }
    }
}

impl<T> Default for Prefixes<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Prefixes<Collected> {
    fn push(&mut self, text: &str, atom: u32) {
        let place = self.0.binary_search_by_key(&text.len(), |(length, _)| *length).unwrap_or_else(|place| {
            self.0.insert(place, (text.len(), Collected::default()));
            place
        });
        push(&mut self.0[place].1, text, atom);
    }
}

impl<T: AtomsByText> Prefixes<T> {
    /// Hands the length and the atoms of every text that the value begins with to `found`.
    fn of(&self, value: &str, mut found: impl FnMut(usize, &[u32])) {
        for (length, texts) in self.0.iter().take_while(|(length, _)| *length <= value.len()) {
            if let Some(atoms) = value.get(..*length).and_then(|head| texts.atoms(head)) {
                found(*length, atoms);
            }
        }
    }
}

/// Atoms of texts, still collected or in their place.
trait AtomsByText {
    fn atoms(&self, text: &str) -> Option<&[u32]>;
}

impl AtomsByText for Collected {
    fn atoms(&self, text: &str) -> Option<&[u32]> {
        self.get(text).map(Vec::as_slice)
    }
}

impl AtomsByText for TextMap {
    fn atoms(&self, text: &str) -> Option<&[u32]> {
        self.get(text)
    }
}

impl Phrases {
    fn push(&mut self, text: &str, atom: u32) {
        let first = first_word(text);
        if !self.0.contains_key(first) {
            self.0.insert(first.into(), Prefixes::default());
        }
        if let Some(phrases) = self.0.get_mut(first) {
            phrases.push(text, atom);
        }
    }

    /// A phrase stands apart where neither the character before nor the one after belongs to a word.
    fn of(&self, text: &str, found: &mut impl FnMut(u32)) {
        let mut apart = true;
        for (at, c) in text.char_indices() {
            let rest = &text[at..];
            if apart && let Some(phrases) = self.0.get(first_word(rest)) {
                phrases.of(rest, |length, atoms| {
                    if rest[length..].chars().next().is_none_or(|c| !c.is_alphanumeric()) {
                        atoms.iter().copied().for_each(&mut *found);
                    }
                });
            }
            apart = !c.is_alphanumeric();
        }
    }
}

fn first_word(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len())]
}

fn push(map: &mut Collected, text: &str, atom: u32) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_as_whole_words() {
        let mut phrases = Phrases::default();
        for (atom, text) in ["GUN", "AIR RIFLE", "AIR", "4\" PIPE", "-X", "C++", "총"].iter().enumerate() {
            phrases.push(text, atom as u32);
        }
        for (text, expected) in [
            ("TOY GUN, PLASTIC", &[0][..]),
            ("BEGUN GUNS", &[]),
            ("AIR RIFLE", &[2, 1]),
            ("AIR RIFLES", &[2]),
            ("GUN AND 4\" PIPE", &[0, 3]),
            ("14\" PIPE", &[]),
            ("Y -X", &[4]),
            ("Y-X", &[]),
            ("C++ 총", &[5, 6]),
            ("권총", &[]),
            ("", &[]),
        ] {
            let mut found = Vec::new();
            phrases.of(text, &mut |atom| found.push(atom));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_large_list_is_ready_at_once() {
        let mut phrases = Phrases::default();
        for name in 0..300_000 {
            phrases.push(&format!("KEY{name}"), 0);
        }
        let mut found = 0;
        phrases.of("KEY0 KEY299999 KEY300000", &mut |_| found += 1);
        assert_eq!(found, 2);
    }
}
