//! Whole blocks at once: a bit a row.

use arrow::array::AsArray;
use arrow::datatypes::Int32Type;
use haechi_rules::program::{AtomId, Class, Cmp, Node, NodeId, OperandId, Test};

use super::Frame;
use crate::bits;
use crate::codes::{CodeAtoms, code};
use crate::error::EvaluateError;
use crate::numeric;
use crate::plan::AtomPlan;
use crate::text::{Scratch, TextIndex};
use crate::values::{Texts, each_text};

impl Frame<'_> {
    /// Where a formula is true. `false`: nowhere, and `out` has no meaning.
    pub(super) fn node(&mut self, id: NodeId, out: &mut [u64]) -> Result<bool, EvaluateError> {
        if !self.plan.shared[id.0 as usize] {
            return self.node_anew(id, out);
        }
        let memo = &self.slots.memo[id.0 as usize];
        if memo.epoch == self.slots.epoch {
            if memo.any {
                out.copy_from_slice(&memo.bits);
            }
            return Ok(memo.any);
        }
        let any = self.node_anew(id, out)?;
        let memo = &mut self.slots.memo[id.0 as usize];
        memo.epoch = self.slots.epoch;
        memo.any = any;
        if any {
            memo.bits.clear();
            memo.bits.extend_from_slice(out);
        }
        Ok(any)
    }

    fn node_anew(&mut self, id: NodeId, out: &mut [u64]) -> Result<bool, EvaluateError> {
        let (plan, schedule) = (self.plan, self.schedule);
        match plan.program.node(id) {
            Node::Never => Ok(false),
            Node::Always => {
                out.copy_from_slice(&self.slots.ones);
                Ok(self.rows > 0)
            }
            Node::Atom { atom, negated: false } => {
                self.decide(*atom)?;
                let decided = &self.slots.atoms[atom.0 as usize];
                if decided.any {
                    out.copy_from_slice(&decided.bits);
                }
                Ok(decided.any)
            }
            Node::Atom { atom, negated: true } => {
                out.copy_from_slice(&self.slots.ones);
                self.narrow_atom(*atom, true, out)
            }
            Node::And(_) => {
                let mut parts = schedule.parts[id.0 as usize].iter();
                let Some(first) = parts.next() else { return Ok(false) };
                if !self.node(*first, out)? {
                    return Ok(false);
                }
                for part in parts {
                    if !self.narrow(*part, out)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Node::Or(_) => {
                let mut any = false;
                let mut other = self.slots.take_bits();
                out.fill(0);
                for part in &schedule.parts[id.0 as usize] {
                    if self.node(*part, &mut other)? {
                        any = true;
                        out.iter_mut().zip(&other).for_each(|(out, other)| *out |= other);
                    }
                }
                self.slots.give_bits(other);
                Ok(any)
            }
            Node::Any(over, inner) => self.quantified(*over, *inner, false, out),
            Node::All(over, inner) => self.quantified(*over, *inner, true, out),
            Node::Holds { inner, negated } => {
                let any = self.node(*inner, out)?;
                if !negated {
                    return Ok(any);
                }
                if !any {
                    out.fill(0);
                }
                out.iter_mut().zip(&self.slots.ones).for_each(|(out, one)| *out = !*out & one);
                Ok(bits::any(out))
            }
        }
    }

    /// Whether a part costs a block of rows no more than a hundred rows one by one.
    pub(super) fn is_cheap(&self, id: NodeId) -> bool {
        let epoch = self.slots.epoch;
        match self.plan.program.node(id) {
            Node::Atom { atom, .. } => {
                self.slots.atoms[atom.0 as usize].epoch == epoch
                    || match self.plan.atom(*atom) {
                        AtomPlan::IsTrue | AtomPlan::IsNull | AtomPlan::Nowhere => true,
                        AtomPlan::Key(..) => self.schedule.rank_tests[atom.0 as usize].is_some(),
                        AtomPlan::Text(_) => {
                            self.codes(self.plan.program.atom(*atom).operand).is_some_and(CodeAtoms::few)
                        }
                        AtomPlan::KeyIn(_) | AtomPlan::With(..) => false,
                    }
            }
            Node::Always | Node::Never => true,
            _ => self.plan.shared[id.0 as usize] && self.slots.memo[id.0 as usize].epoch == epoch,
        }
    }

    /// Keeps the rows where a formula is true. `false`: none, and `out` has no meaning.
    pub(super) fn narrow(&mut self, id: NodeId, out: &mut [u64]) -> Result<bool, EvaluateError> {
        if let Node::Atom { atom, negated } = self.plan.program.node(id) {
            return self.narrow_atom(*atom, *negated, out);
        }
        let mut other = self.slots.take_bits();
        let any = self.node(id, &mut other)? && bits::and(out, &other);
        self.slots.give_bits(other);
        Ok(any)
    }

    fn narrow_atom(&mut self, id: AtomId, negated: bool, out: &mut [u64]) -> Result<bool, EvaluateError> {
        if negated && self.plan.unknown_when_absent(id) {
            return Ok(false);
        }
        let atom = self.plan.program.atom(id);
        if self.slots.atoms[id.0 as usize].epoch != self.slots.epoch
            && self.schedule.anchor_of(id).is_none()
            && self.codes(atom.operand).is_some_and(|codes| !codes.few())
            && matches!(self.plan.atom(id), AtomPlan::Text(_))
        {
            return self.narrow_by_row(id, negated, out);
        }
        self.decide(id)?;
        let decided = &self.slots.atoms[id.0 as usize];
        if !negated {
            return Ok(decided.any && bits::and(out, &decided.bits));
        }
        if decided.any {
            out.iter_mut().zip(&decided.bits).for_each(|(out, bits)| *out &= !bits);
        }
        self.remove_unknown(id, out)?;
        Ok(bits::any(out))
    }

    /// For a dictionary of many codes: a question a row that is left is less than one a row of the block.
    fn narrow_by_row(&mut self, id: AtomId, negated: bool, out: &mut [u64]) -> Result<bool, EvaluateError> {
        let mut rows = self.slots.take_rows();
        bits::append_rows(out, &mut rows);
        self.filter_atom(id, negated, &mut rows)?;
        out.fill(0);
        for row in &rows {
            bits::set(out, *row as usize);
        }
        let any = !rows.is_empty();
        self.slots.give_rows(rows);
        Ok(any)
    }

    /// False is not the same as "not true": where a value is missing, neither holds.
    fn remove_unknown(&mut self, id: AtomId, out: &mut [u64]) -> Result<(), EvaluateError> {
        let atom = self.plan.program.atom(id);
        if matches!(atom.test, Test::IsNull) {
            return Ok(());
        }
        self.load(atom.operand)?;
        self.remove_nulls(atom.operand, out);
        if let Test::CompareWith(_, right) = &atom.test {
            self.load(*right)?;
            self.remove_nulls(*right, out);
        }
        Ok(())
    }

    fn remove_nulls(&self, operand: OperandId, out: &mut [u64]) {
        if let Some(nulls) = &self.slots.operands[operand.0 as usize].nulls {
            out.iter_mut().zip(nulls).for_each(|(out, null)| *out &= !null);
        }
    }

    /// Decides an atom for the whole block, if that has not been done.
    pub(super) fn decide(&mut self, id: AtomId) -> Result<(), EvaluateError> {
        let index = id.0 as usize;
        if self.slots.atoms[index].epoch == self.slots.epoch {
            return Ok(());
        }
        let plan = self.plan;
        let operand = plan.program.atom(id).operand;
        if let AtomPlan::Text(_) = plan.atom(id) {
            return self.decide_text(id, operand);
        }
        self.load(operand)?;
        let mut decided = std::mem::take(&mut self.slots.atoms[index].bits);
        decided.clear();
        decided.resize(self.slots.ones.len(), 0);
        match plan.atom(id) {
            AtomPlan::Key(cmp, threshold) => {
                if self.load_keys(operand)? {
                    if let Some(test) = self.schedule.rank_tests[index] {
                        self.load_ranks(operand);
                        numeric::compare_ranks(&self.slots.operands[operand.0 as usize].ranks, test, &mut decided);
                    } else {
                        let keys = &self.slots.operands[operand.0 as usize].keys;
                        numeric::compare(keys, *cmp, *threshold, &mut decided);
                    }
                }
                self.remove_nulls(operand, &mut decided);
            }
            AtomPlan::KeyIn(values) => {
                if self.load_keys(operand)? {
                    numeric::one_of(&self.slots.operands[operand.0 as usize].keys, values, &mut decided);
                }
                self.remove_nulls(operand, &mut decided);
            }
            AtomPlan::IsTrue => {
                let array = self.slots.operands[operand.0 as usize].array.as_ref();
                if let Some(array) = array.and_then(|a| a.as_boolean_opt()) {
                    bits::copy_from_buffer(array.values(), &mut decided);
                }
                self.remove_nulls(operand, &mut decided);
            }
            AtomPlan::IsNull => {
                if let Some(nulls) = &self.slots.operands[operand.0 as usize].nulls {
                    decided.copy_from_slice(nulls);
                }
            }
            AtomPlan::With(cmp, right) => {
                self.compare_operands(id, operand, *cmp, *right, &mut decided)?;
                self.remove_nulls(operand, &mut decided);
                self.remove_nulls(*right, &mut decided);
            }
            AtomPlan::Text(_) | AtomPlan::Nowhere => {}
        }
        self.settle(id, decided);
        Ok(())
    }

    fn settle(&mut self, id: AtomId, bits: Vec<u64>) {
        let atom = &mut self.slots.atoms[id.0 as usize];
        atom.epoch = self.slots.epoch;
        atom.any = bits::any(&bits);
        atom.bits = bits;
    }

    /// A text atom: from its anchor's rows, else from the codes of a dictionary column, else by the index for all atoms
    /// of the operand at once.
    fn decide_text(&mut self, id: AtomId, operand: OperandId) -> Result<(), EvaluateError> {
        let (plan, schedule) = (self.plan, self.schedule);
        if let Some(anchor) = schedule.anchor_of(id)
            && !self.codes(operand).is_some_and(CodeAtoms::few)
        {
            self.collect_anchors()?;
            let mut decided = std::mem::take(&mut self.slots.atoms[id.0 as usize].bits);
            decided.clear();
            decided.resize(self.slots.ones.len(), 0);
            self.slots.anchors.of(anchor).flatten().for_each(|row| bits::set(&mut decided, *row as usize));
            self.settle(id, decided);
            return Ok(());
        }
        self.load(operand)?;
        if let Some(codes) = self.codes(operand) {
            let mut decided = std::mem::take(&mut self.slots.atoms[id.0 as usize].bits);
            decided.clear();
            decided.resize(self.slots.ones.len(), 0);
            let slot = &mut self.slots.operands[operand.0 as usize];
            let dictionary = slot.array.as_ref().and_then(|array| array.as_dictionary_opt::<Int32Type>());
            let keys = dictionary.map_or(&[][..], |dictionary| dictionary.keys().values());
            if codes.few() {
                let words = decided.len();
                if slot.code_rows_epoch != self.slots.epoch {
                    slot.code_rows_epoch = self.slots.epoch;
                    collect_code_rows(keys, codes.len(), words, &mut slot.code_rows);
                }
                for code in codes.codes_of(plan, id) {
                    let rows = &slot.code_rows[code * words..(code + 1) * words];
                    decided.iter_mut().zip(rows).for_each(|(out, rows)| *out |= rows);
                }
            } else {
                for (word, chunk) in decided.iter_mut().zip(keys.chunks(64)) {
                    *word = chunk
                        .iter()
                        .enumerate()
                        .fold(0, |word, (i, key)| word | u64::from(codes.holds(plan, schedule, id, code(*key))) << i);
                }
            }
            self.remove_nulls(operand, &mut decided);
            self.settle(id, decided);
            return Ok(());
        }
        if self.slots.operands[operand.0 as usize].indexed_epoch != self.slots.epoch
            && let Some(index) = &plan.texts[operand.0 as usize]
        {
            self.index_text(operand, index);
        }
        let atom = &mut self.slots.atoms[id.0 as usize];
        if atom.epoch != self.slots.epoch {
            atom.epoch = self.slots.epoch;
            atom.any = false;
        }
        Ok(())
    }

    /// Decides all text atoms of an operand in one pass over its rows.
    fn index_text(&mut self, operand: OperandId, index: &TextIndex) {
        let (epoch, words) = (self.slots.epoch, self.slots.ones.len());
        let slot = &mut self.slots.operands[operand.0 as usize];
        slot.indexed_epoch = epoch;
        let Some(array) = slot.array.clone() else { return };
        let atoms = &mut self.slots.atoms;
        let mut scratch = Scratch::default();
        each_text(&array, |row, value| {
            let Some(value) = value else { return };
            index.atoms_of(value, &mut scratch, |atom| {
                let atom = &mut atoms[atom as usize];
                if atom.epoch != epoch {
                    atom.epoch = epoch;
                    atom.any = true;
                    atom.bits.clear();
                    atom.bits.resize(words, 0);
                }
                bits::set(&mut atom.bits, row);
            });
        });
    }

    fn compare_operands(
        &mut self,
        id: AtomId,
        left: OperandId,
        cmp: Cmp,
        right: OperandId,
        out: &mut [u64],
    ) -> Result<(), EvaluateError> {
        self.load(left)?;
        self.load(right)?;
        if self.plan.program.operand(left).class == Class::Text {
            let (left, right) = (self.values(left)?, self.values(right)?);
            if let Some(pair) = self.prepared.and_then(|prepared| prepared.pair(id))
                && let Some(left) = left.as_dictionary_opt::<Int32Type>()
                && let Some(right) = right.as_dictionary_opt::<Int32Type>()
            {
                let flip = if cmp == Cmp::Eq { 0 } else { u64::MAX };
                let codes = left.keys().values().chunks(64).zip(right.keys().values().chunks(64));
                for (word, (left, right)) in out.iter_mut().zip(codes) {
                    let same = left.iter().zip(right).enumerate();
                    *word = flip ^ same.fold(0, |word, (i, (l, r))| word | u64::from(pair.same(*l, *r)) << i);
                }
                bits::and(out, &self.slots.ones);
                return Ok(());
            }
            let right = Texts::new(&right);
            each_text(&left, |row, value| {
                if let (Some(value), Some(other)) = (value, right.at(row))
                    && cmp.holds(value.cmp(other))
                {
                    bits::set(out, row);
                }
            });
            return Ok(());
        }
        if self.load_keys(left)? && self.load_keys(right)? {
            let keys = |id: OperandId| &self.slots.operands[id.0 as usize].keys;
            for (row, (l, r)) in keys(left).iter().zip(keys(right)).enumerate() {
                if cmp.holds(l.cmp(r)) {
                    bits::set(out, row);
                }
            }
        }
        Ok(())
    }
}

/// A bitmap of the rows of each code. Codes behind NULL may be anything.
fn collect_code_rows(keys: &[i32], n_codes: usize, words: usize, out: &mut Vec<u64>) {
    out.clear();
    out.resize(n_codes * words, 0);
    for (row, key) in keys.iter().enumerate() {
        if let Some(word) = out.get_mut(code(*key) * words + row / 64) {
            *word |= 1 << (row % 64);
        }
    }
}
