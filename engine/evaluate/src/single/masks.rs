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
use crate::steps::{Row, Step};

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
    pub parts: Vec<(u32, Step)>,
    /// Rule and one side of an OR in it, whose other sides are masked too; one OR a rule.
    pub alternatives: Vec<(u32, Step)>,
    n_rules: usize,
}

/// By class, what follows from it. Memory a column: for each of at most 257 classes one or two bits a rule, and of
/// texts four bytes for each rule that they wake.
#[derive(Default)]
pub(super) struct Masks {
    by_class: Vec<Option<Kept>>,
    texts: FxHashMap<Box<str>, usize>,
}

struct Kept {
    /// A bit for each rule that is possible.
    possible: Box<[u64]>,
    /// A bit for each rule with an alternative that is; empty where nothing asks for one.
    alternative: Box<[u64]>,
    /// Rules that a text wakes or settles.
    woken: Box<[Woken]>,
}

impl Masked {
    pub(super) fn new(operand: OperandId, few_texts: bool, n_rules: usize) -> Self {
        Self { operand, few_texts, cuts: Vec::new(), parts: Vec::new(), alternatives: Vec::new(), n_rules }
    }

    /// Finds the cuts of what is asked.
    pub(super) fn cut(&mut self) {
        let mut cuts = Vec::new();
        for (_, step) in self.parts.iter().chain(&self.alternatives) {
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
        self.cuts = cuts;
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

impl<'e> Single<'e> {
    /// Takes rules off those that are awake which the row's values rule out.
    pub(super) fn rule_out(&mut self) -> Result<(), EvaluateError> {
        let schedule = self.schedule;
        let mut alternative = std::mem::take(&mut self.memory.alternative);
        alternative.clone_from(&schedule.questions.unconditional);
        for (at, masked) in schedule.questions.masked.iter().enumerate() {
            let value = self.value_for(masked)?;
            let Some(class) = self.memory.masks[at].class(masked, value) else {
                self.ask_masked(masked)?;
                masked.alternatives.iter().for_each(|(rule, _)| bits::set(&mut alternative, *rule as usize));
                continue;
            };
            if self.memory.masks[at].known(class).is_none() {
                let kept = self.kept(masked)?;
                self.memory.masks[at].keep(class, kept);
            }
            if let Some(kept) = self.memory.masks[at].known(class) {
                bits::and(&mut self.memory.woken, &kept.possible);
                alternative.iter_mut().zip(&kept.alternative).for_each(|(out, bits)| *out |= bits);
            }
        }
        bits::and(&mut self.memory.woken, &alternative);
        self.memory.alternative = alternative;
        Ok(())
    }

    /// The value of an operand; what has to be computed is where a rule is awake that asks for it.
    fn value_for(&mut self, masked: &Masked) -> Result<Value<'e>, EvaluateError> {
        let operand = masked.operand;
        let mut rules = masked.parts.iter().chain(&masked.alternatives);
        if self.value(operand) == Value::Computed
            && rules.any(|(rule, _)| bits::get(&self.memory.woken, *rule as usize))
        {
            self.key(operand)?;
        }
        Ok(self.value(operand))
    }

    /// What follows from the class of the row's value.
    fn kept(&mut self, masked: &Masked) -> Result<Kept, EvaluateError> {
        let mut possible = bits::ones(masked.n_rules);
        for (rule, step) in &masked.parts {
            if !self.is_possible(masked, *step)? {
                bits::clear(&mut possible, *rule as usize);
            }
        }
        let words = if masked.alternatives.is_empty() { 0 } else { possible.len() };
        let mut alternative = vec![0; words];
        for (rule, step) in &masked.alternatives {
            if self.is_possible(masked, *step)? {
                bits::set(&mut alternative, *rule as usize);
            }
        }
        let woken = self.woken_by(masked.operand);
        Ok(Kept { possible: possible.into(), alternative: alternative.into(), woken })
    }

    /// Whether a step holds for any value of the class of the row's value.
    fn is_possible(&mut self, masked: &Masked, step: Step) -> Result<bool, EvaluateError> {
        match (step, self.value(masked.operand)) {
            (Step::Key { cmp, threshold, .. }, Value::Key(key)) => {
                let (first, last) = masked.keys(key);
                Ok(numeric::may_hold(cmp, first, last, threshold))
            }
            _ => self.holds(step),
        }
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

    /// Asks each rule that is awake itself.
    fn ask_masked(&mut self, masked: &Masked) -> Result<(), EvaluateError> {
        for (rule, step) in &masked.parts {
            if bits::get(&self.memory.woken, *rule as usize) && !self.holds(*step)? {
                bits::clear(&mut self.memory.woken, *rule as usize);
            }
        }
        Ok(())
    }
}
