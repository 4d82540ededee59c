//! Which rules a value leaves possible. Values that rules cannot tell apart are one *class*; what a class rules out is
//! kept, a bit a rule, so that a row is an AND a column instead of a question a rule.

use haechi_rules::program::OperandId;
use rustc_hash::FxHashMap;

use super::Single;
use super::questions::Woken;
use super::values::Value;
use crate::bits;
use crate::error::EvaluateError;
use crate::numeric::{self, Cuts};
use crate::steps::Step;

/// Texts of a column that are kept, and their bytes at most. Of others, each rule that is awake is asked.
const TEXTS_MAX: usize = 256;
const TEXT_BYTES_MAX: usize = 64;

/// Cuts of a column at most: more would cost memory and tell few rules apart.
const CUTS_MAX: usize = 63;

/// How values of a column are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Masking {
    /// By text, where a column has few.
    Texts,
    /// By NULL, true, false.
    States,
    /// By place among thresholds. Between two that are kept may be others, so this says only what is possible.
    Ranks,
}

/// A column, and the parts of rules that ask for no more than its value.
#[derive(Debug)]
pub(crate) struct Masked {
    pub operand: OperandId,
    pub few_texts: bool,
    /// Keys at which answers change, sorted: all, or some of them.
    cuts: Vec<i64>,
    /// Rule and part.
    parts: Vec<(u32, Step)>,
    n_rules: usize,
}

/// By class, what follows from it. Memory a column: for each of at most 257 classes an eighth of a byte a rule, and of
/// texts four bytes for each rule that they wake.
#[derive(Default)]
pub(super) struct Masks {
    by_class: Vec<Option<Kept>>,
    texts: FxHashMap<Box<str>, usize>,
}

struct Kept {
    /// A bit for each rule that is possible.
    possible: Box<[u64]>,
    /// Rules that a text wakes or settles.
    woken: Box<[Woken]>,
}

impl Masked {
    pub(super) fn new(operand: OperandId, few_texts: bool, parts: Vec<(u32, Step)>, n_rules: usize) -> Self {
        let mut cuts = Vec::new();
        for (_, step) in &parts {
            if let Step::Key { cmp, threshold, .. } = step {
                match Cuts::key(*cmp, *threshold) {
                    Some((key, _)) => cuts.push(key),
                    // Equality changes at the threshold and behind it.
                    None => cuts.extend([Some(*threshold), threshold.checked_add(1)].into_iter().flatten()),
                }
            }
        }
        cuts.sort_unstable();
        cuts.dedup();
        if cuts.len() > CUTS_MAX {
            cuts = (0..CUTS_MAX).map(|n| cuts[n * cuts.len() / CUTS_MAX]).collect();
        }
        Self { operand, few_texts, cuts, parts, n_rules }
    }

    /// The keys of a class of keys, both ends included.
    fn keys(&self, key: i64) -> (i64, i64) {
        let rank = self.rank(key);
        let first = rank.checked_sub(1).map_or(i64::MIN, |below| self.cuts[below]);
        (first, self.cuts.get(rank).map_or(i64::MAX, |above| above - 1))
    }

    fn rank(&self, key: i64) -> usize {
        self.cuts.partition_point(|cut| *cut <= key)
    }
}

impl Masks {
    /// The class of a value; `None` where there is no room for it.
    fn class(&mut self, masked: &Masked, value: Value<'_>) -> Option<usize> {
        Some(match value {
            Value::Null => 0,
            Value::Text(text) if masked.few_texts => match self.texts.get(text) {
                Some(class) => *class,
                None if self.texts.len() < TEXTS_MAX && text.len() <= TEXT_BYTES_MAX => {
                    let class = self.texts.len() + 1;
                    self.texts.insert(text.into(), class);
                    class
                }
                None => return None,
            },
            Value::Text(_) => 1,
            Value::Flag(flag) => 1 + usize::from(flag),
            Value::Key(key) => 1 + masked.rank(key),
            Value::Computed => return None,
        })
    }

    fn known(&self, class: usize) -> Option<&Kept> {
        self.by_class.get(class)?.as_ref()
    }

    /// The rules that a text wakes, where it is one of a few that are kept.
    pub fn woken(&self, text: &str) -> Option<&[Woken]> {
        self.texts.get(text).and_then(|class| self.known(*class)).map(|kept| &*kept.woken)
    }

    fn keep(&mut self, class: usize, kept: Kept) {
        if self.by_class.len() <= class {
            self.by_class.resize_with(class + 1, || None);
        }
        self.by_class[class] = Some(kept);
    }
}

impl Single<'_> {
    /// Takes rules off those that are awake which the row's values rule out.
    pub(super) fn rule_out(&mut self) -> Result<(), EvaluateError> {
        let schedule = self.schedule;
        for (at, masked) in schedule.questions.masked.iter().enumerate() {
            let value = self.values[masked.operand.0 as usize];
            let Some(class) = self.memory.masks[at].class(masked, value) else {
                self.ask(masked)?;
                continue;
            };
            if self.memory.masks[at].known(class).is_none() {
                let (possible, woken) = (self.possible(masked)?.into(), self.woken_by(masked.operand));
                self.memory.masks[at].keep(class, Kept { possible, woken });
            }
            if let Some(kept) = self.memory.masks[at].known(class) {
                bits::and(&mut self.memory.woken, &kept.possible);
            }
        }
        Ok(())
    }

    /// The rules that all values of the class of the row's value leave possible.
    fn possible(&mut self, masked: &Masked) -> Result<Vec<u64>, EvaluateError> {
        let mut mask = bits::ones(masked.n_rules);
        let value = self.values[masked.operand.0 as usize];
        for (rule, step) in &masked.parts {
            let possible = match (step, value) {
                (Step::Key { cmp, threshold, .. }, Value::Key(key)) => {
                    let (first, last) = masked.keys(key);
                    numeric::may_hold(*cmp, first, last, *threshold)
                }
                _ => self.holds(*step)?,
            };
            if !possible {
                bits::clear(&mut mask, *rule as usize);
            }
        }
        Ok(mask)
    }

    /// The rules that the text of a column wakes.
    fn woken_by(&mut self, operand: OperandId) -> Box<[Woken]> {
        let (questions, mut woken) = (&self.schedule.questions, Vec::new());
        if let (Value::Text(text), Some(index)) =
            (self.values[operand.0 as usize], &self.plan.texts[operand.0 as usize])
        {
            index.atoms_of(text, &mut self.memory.scratch, |atom| woken.extend_from_slice(questions.woken_by(atom)));
        }
        woken.into()
    }

    fn ask(&mut self, masked: &Masked) -> Result<(), EvaluateError> {
        for (rule, step) in &masked.parts {
            if bits::get(&self.memory.woken, *rule as usize) && !self.holds(*step)? {
                bits::clear(&mut self.memory.woken, *rule as usize);
            }
        }
        Ok(())
    }
}
