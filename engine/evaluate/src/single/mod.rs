//! A row alone, as a request for a selection brings it: no blocks, no bitmaps of rows, no arrays.
//!
//! Its [`values`] are read once; the indexes of its texts wake rules; [`masks`] take off those that its values rule
//! out; of the others the few [steps](crate::steps) that are left are asked ([`questions`]). Only what has to be
//! computed, by DataFusion or over records, goes to a [`Frame`] of one row, made when something asks for it.

mod masks;
mod questions;
mod values;

use std::cell::OnceCell;

use haechi_rules::program::{AtomId, Class, Cmp, Node, NodeId, OperandId, Over};

use crate::batch::Prepared;
use crate::bits;
use crate::error::EvaluateError;
use crate::frame::{BlockRow, Frame, Slots};
use crate::plan::{AtomPlan, Plan};
use crate::schedule::Schedule;
use crate::steps::{Row, Step};
use crate::text::Scratch;
use masks::Masks;
pub(crate) use questions::Questions;
pub(crate) use values::Columns;
use values::Value;

/// A row, and the rules it has woken.
pub(crate) struct Single<'e> {
    plan: &'e Plan,
    schedule: &'e Schedule,
    columns: &'e Columns<'e>,
    /// By operand.
    values: Vec<Value<'e>>,
    memory: &'e mut Memory,
    /// What the frame reads.
    prepared: &'e OnceCell<Prepared>,
    frame: Option<Frame<'e>>,
}

/// What is used again from row to row.
#[derive(Default)]
pub(crate) struct Memory {
    /// A bit for each rule that has to be asked.
    woken: Vec<u64>,
    /// A bit for each rule that hits.
    hits: Vec<u64>,
    /// A bit for each text atom that is true, of operands that were looked at.
    atoms: Vec<u64>,
    /// By operand: whether its index was asked.
    looked_at: Vec<bool>,
    /// By masked operand.
    masks: Vec<Masks>,
    /// A bit for each rule of whose OR one side is possible, or that has none.
    alternative: Vec<u64>,
    /// The schedule they were made for.
    schedule: u64,
    scratch: Scratch,
    slots: Slots,
}

impl Memory {
    fn begin(&mut self, plan: &Plan, schedule: &Schedule) {
        if self.schedule != schedule.id {
            self.schedule = schedule.id;
            self.masks.clear();
            self.masks.resize_with(schedule.questions.masked.len(), Masks::default);
        }
        self.woken.clone_from(&schedule.questions.awake);
        self.hits.clear();
        self.hits.resize(self.woken.len(), 0);
        self.atoms.clear();
        self.atoms.resize(bits::words(plan.atoms.len()), 0);
        self.looked_at.clear();
        self.looked_at.resize(plan.program.operands.len(), false);
    }
}

impl<'e> Single<'e> {
    /// The only row of these columns; `prepared` is empty, and outlives it.
    pub fn new(
        plan: &'e Plan,
        schedule: &'e Schedule,
        columns: &'e Columns<'e>,
        prepared: &'e OnceCell<Prepared>,
        memory: &'e mut Memory,
    ) -> Self {
        memory.begin(plan, schedule);
        Self { plan, schedule, columns, values: columns.values(plan), memory, prepared, frame: None }
    }

    /// The rules that hit, ascending, and how many had to be asked.
    pub fn run(mut self) -> Result<(Vec<u32>, u64), EvaluateError> {
        let schedule = self.schedule;
        for (operand, mask) in &schedule.questions.looked_at {
            let Value::Text(text) = self.value(*operand) else { continue };
            let Memory { woken, hits, masks, .. } = &mut *self.memory;
            if let Some(known) = mask.and_then(|mask| masks[mask].woken(text)) {
                for rule in known {
                    rule.set(hits, woken);
                }
                continue;
            }
            self.look_at(*operand, text, |Memory { woken, hits, .. }, atom| {
                for rule in schedule.questions.woken_by(atom) {
                    rule.set(hits, woken);
                }
            });
        }
        for (gate, rules) in &schedule.questions.gates {
            if self.holds(*gate)? {
                rules.iter().for_each(|rule| bits::set(&mut self.memory.woken, *rule as usize));
            }
        }
        self.rule_out()?;
        let mut asked = 0;
        for word in 0..self.memory.woken.len() {
            let mut woken = self.memory.woken[word];
            asked += u64::from(woken.count_ones());
            while woken != 0 {
                let rule = word * 64 + woken.trailing_zeros() as usize;
                woken &= woken - 1;
                if self.all_hold(schedule.questions.of(rule))? {
                    bits::set(&mut self.memory.hits, rule);
                }
            }
        }
        let mut hits = Vec::with_capacity(bits::count(&self.memory.hits));
        bits::append_rows(&self.memory.hits, &mut hits);
        if let Some(mut frame) = self.frame {
            self.memory.slots = frame.take_slots();
        }
        Ok((hits, asked))
    }

    /// Asks the index of an operand which atoms are true.
    fn look_at(&mut self, operand: OperandId, text: &str, mut also: impl FnMut(&mut Memory, u32)) {
        let Some(index) = &self.plan.texts[operand.0 as usize] else { return };
        let mut scratch = std::mem::take(&mut self.memory.scratch);
        self.memory.looked_at[operand.0 as usize] = true;
        index.atoms_of(text, &mut scratch, |atom| {
            bits::set(&mut self.memory.atoms, atom as usize);
            also(self.memory, atom);
        });
        self.memory.scratch = scratch;
    }

    fn all_hold(&mut self, steps: &[Step]) -> Result<bool, EvaluateError> {
        for step in steps {
            if !self.holds(*step)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn holds(&mut self, step: Step) -> Result<bool, EvaluateError> {
        self.schedule.steps.hold(self.plan, step, self)
    }

    fn value(&self, operand: OperandId) -> Value<'e> {
        self.values[operand.0 as usize]
    }

    /// The row as a block, for what has to be computed.
    fn computed(&mut self) -> Result<BlockRow<'_, 'e>, EvaluateError> {
        if self.prepared.get().is_none() {
            drop(self.prepared.set(self.columns.prepared(self.plan)?));
        }
        let frame = self.frame.get_or_insert_with(|| {
            let mut frame = Frame::rows(self.plan, self.schedule, std::mem::take(&mut self.memory.slots));
            if let Some(prepared) = self.prepared.get() {
                frame.begin(prepared, 0..1);
            }
            frame
        });
        Ok(frame.row(0))
    }
}

impl Row for Single<'_> {
    fn key(&mut self, operand: OperandId) -> Result<Option<i64>, EvaluateError> {
        match self.value(operand) {
            Value::Key(key) => Ok(Some(key)),
            Value::Computed => {
                let key = self.computed()?.key(operand)?;
                self.values[operand.0 as usize] = key.map_or(Value::Null, Value::Key);
                Ok(key)
            }
            _ => Ok(None),
        }
    }

    fn flag(&mut self, operand: OperandId) -> Result<Option<bool>, EvaluateError> {
        match self.value(operand) {
            Value::Flag(flag) => Ok(Some(flag)),
            Value::Computed => self.computed()?.flag(operand),
            _ => Ok(None),
        }
    }

    fn is_null(&mut self, operand: OperandId) -> Result<bool, EvaluateError> {
        match self.value(operand) {
            Value::Computed => self.computed()?.is_null(operand),
            value => Ok(value == Value::Null),
        }
    }

    fn text(&mut self, atom: AtomId, operand: OperandId) -> Result<Option<bool>, EvaluateError> {
        let text = match self.value(operand) {
            Value::Text(text) => text,
            Value::Computed => return self.computed()?.text(atom, operand),
            _ => return Ok(None),
        };
        if !self.memory.looked_at[operand.0 as usize] {
            if let AtomPlan::Text(test) = self.plan.atom(atom)
                && let Some(held) = test.holds(text)
            {
                return Ok(Some(held));
            }
            // Only the index knows. It wakes nobody: that has been done.
            self.look_at(operand, text, |_, _| {});
        }
        Ok(Some(bits::get(&self.memory.atoms, atom.0 as usize)))
    }

    fn pair(&mut self, left: OperandId, cmp: Cmp, right: OperandId) -> Result<Option<bool>, EvaluateError> {
        Ok(match (self.value(left), self.value(right)) {
            (Value::Text(left), Value::Text(right)) => Some(cmp.holds(left.cmp(right))),
            (Value::Null, _) | (_, Value::Null) => None,
            _ if self.plan.program.operand(left).class == Class::Text => self.computed()?.pair(left, cmp, right)?,
            _ => self.key(left)?.zip(self.key(right)?).map(|(left, right)| cmp.holds(left.cmp(&right))),
        })
    }

    fn across(&mut self, formula: NodeId) -> Result<bool, EvaluateError> {
        match self.plan.program.node(formula) {
            // The row is all that its subject has.
            Node::Any(Over::Items, inner) | Node::All(Over::Items, inner) => self.holds(self.schedule.steps.of(*inner)),
            _ => self.computed()?.across(formula),
        }
    }
}
