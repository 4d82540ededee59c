//! One block of rows on its way through the plan: operands are read, atoms decided and formulas combined at most once,
//! and only when something asks for them.
//!
//! A frame is reused from block to block; what it holds is valid where its epoch is the current one. Records in list
//! columns get a frame of their own, whose rows are the records.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Int32Type};
use haechi_rules::condition::input_type;
use haechi_rules::program::{AtomId, Class, Cmp, Node, NodeId, Operand, OperandId, Over, Scope, Test};

use crate::batch::{CodeAtoms, Prepared, readable, reads_rows};
use crate::bits;
use crate::error::EvaluateError;
use crate::numeric;
use crate::plan::{AtomPlan, Plan};
use crate::text::Scratch;
use crate::values::{Texts, each_text, evaluate_scalar, fields_of, look_up, numbers, records_of, sum};

/// Below this many candidate rows a number is compared row by row instead of for the whole block.
const SPARSE_ROWS: usize = 48;

pub(crate) struct Frame<'e> {
    plan: &'e Plan,
    prepared: Option<&'e Prepared>,
    scope: Scope,
    block: Range<usize>,
    rows: usize,
    epoch: u32,
    ones: Vec<u64>,
    atoms: Vec<AtomBits>,
    operands: Vec<OperandSlot>,
    memo: Vec<AtomBits>,
    records: Vec<(u32, RecordFrame<'e>)>,
    /// For a frame of records: the fields, by place.
    fields: Vec<Option<ArrayRef>>,
    pool: Vec<Vec<u64>>,
}

#[derive(Default)]
struct AtomBits {
    epoch: u32,
    /// Whether any bit is set; the bits have no meaning where none is.
    any: bool,
    bits: Vec<u64>,
}

#[derive(Default)]
struct OperandSlot {
    epoch: u32,
    array: Option<ArrayRef>,
    nulls: Option<Vec<u64>>,
    keys: Option<Vec<i64>>,
    text_answered: bool,
}

struct RecordFrame<'e> {
    frame: Frame<'e>,
    /// Where each row's records begin in the frame, and the end.
    offsets: Vec<usize>,
}

impl<'e> Frame<'e> {
    /// A frame for the rows of batches.
    pub fn rows(plan: &'e Plan) -> Self {
        Self::new(plan, Scope::Row)
    }

    fn new(plan: &'e Plan, scope: Scope) -> Self {
        let mut frame = Self {
            plan,
            prepared: None,
            scope,
            block: 0..0,
            rows: 0,
            epoch: 0,
            ones: Vec::new(),
            atoms: Vec::new(),
            operands: Vec::new(),
            memo: Vec::new(),
            records: Vec::new(),
            fields: Vec::new(),
            pool: Vec::new(),
        };
        frame.atoms.resize_with(plan.atoms.len(), AtomBits::default);
        frame.operands.resize_with(plan.operands.len(), OperandSlot::default);
        frame.memo.resize_with(plan.shared.len(), AtomBits::default);
        frame
    }

    /// Goes on to a block of a batch.
    pub fn begin(&mut self, prepared: &'e Prepared, block: Range<usize>) {
        self.prepared = Some(prepared);
        self.rows = block.len();
        self.block = block;
        self.ones = bits::ones(self.rows);
        self.records.clear();
        self.epoch += 1;
    }

    /// Rows (from the block's start) and rules that match, rule by rule.
    pub fn hits(&mut self) -> Result<Vec<(u32, u32)>, EvaluateError> {
        let plan = self.plan;
        let mut found = Vec::new();
        let mut out = vec![0; self.ones.len()];
        for (rule, root) in plan.program.roots.iter().enumerate() {
            if self.node(*root, &mut out)? {
                found.extend(bits::rows(&out).map(|row| (row as u32, rule as u32)));
            }
        }
        Ok(found)
    }

    /// Whether an atom is true for one row.
    pub fn holds(&mut self, atom: AtomId, row: usize) -> Result<bool, EvaluateError> {
        self.decide(atom)?;
        let decided = &self.atoms[atom.0 as usize];
        Ok(decided.any && bits::get(&decided.bits, row))
    }

    /// The values of an operand in this block.
    pub fn values(&mut self, operand: OperandId) -> Result<ArrayRef, EvaluateError> {
        self.load(operand)?;
        let slot = &self.operands[operand.0 as usize];
        Ok(slot.array.clone().unwrap_or_else(|| new_null_array(&DataType::Null, self.rows)))
    }

    /// The frame of the records in a list column, and where each row's records begin.
    pub fn records(&mut self, list: u32) -> Result<(&mut Frame<'e>, &[usize]), EvaluateError> {
        let at = self.record_frame(list)?;
        let entry = &mut self.records[at].1;
        Ok((&mut entry.frame, &entry.offsets))
    }

    /// The subjects' row ranges in this block.
    pub fn subjects(&self) -> Vec<Range<usize>> {
        self.prepared.map(|p| p.subjects_in(&self.block).collect()).unwrap_or_default()
    }

    fn take(&mut self) -> Vec<u64> {
        let mut bits = self.pool.pop().unwrap_or_default();
        bits.resize(self.ones.len(), 0);
        bits
    }

    /// Where a formula is true. `false`: nowhere, and `out` has no meaning.
    fn node(&mut self, id: NodeId, out: &mut [u64]) -> Result<bool, EvaluateError> {
        if !self.plan.shared[id.0 as usize] {
            return self.node_anew(id, out);
        }
        let memo = &self.memo[id.0 as usize];
        if memo.epoch == self.epoch {
            if memo.any {
                out.copy_from_slice(&memo.bits);
            }
            return Ok(memo.any);
        }
        let any = self.node_anew(id, out)?;
        let memo = &mut self.memo[id.0 as usize];
        memo.epoch = self.epoch;
        memo.any = any;
        if any {
            memo.bits.clear();
            memo.bits.extend_from_slice(out);
        }
        Ok(any)
    }

    fn node_anew(&mut self, id: NodeId, out: &mut [u64]) -> Result<bool, EvaluateError> {
        let plan = self.plan;
        match plan.program.node(id) {
            Node::Never => Ok(false),
            Node::Always => {
                out.copy_from_slice(&self.ones);
                Ok(self.rows > 0)
            }
            Node::Atom { atom, negated: false } => {
                self.decide(*atom)?;
                let decided = &self.atoms[atom.0 as usize];
                if decided.any {
                    out.copy_from_slice(&decided.bits);
                }
                Ok(decided.any)
            }
            Node::Atom { atom, negated: true } => {
                out.copy_from_slice(&self.ones);
                self.narrow(*atom, true, out)
            }
            Node::And(_) => {
                let mut parts = plan.parts[id.0 as usize].iter();
                let Some(first) = parts.next() else { return Ok(false) };
                if !self.node(*first, out)? {
                    return Ok(false);
                }
                for part in parts {
                    let any = if let Node::Atom { atom, negated } = plan.program.node(*part) {
                        self.narrow(*atom, *negated, out)?
                    } else {
                        let mut other = self.take();
                        let any = self.node(*part, &mut other)? && and(out, &other);
                        self.pool.push(other);
                        any
                    };
                    if !any {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Node::Or(_) => {
                let mut any = false;
                let mut other = self.take();
                out.fill(0);
                for part in &plan.parts[id.0 as usize] {
                    if self.node(*part, &mut other)? {
                        any = true;
                        out.iter_mut().zip(&other).for_each(|(out, other)| *out |= other);
                    }
                }
                self.pool.push(other);
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
                out.iter_mut().zip(&self.ones).for_each(|(out, one)| *out = !*out & one);
                Ok(bits::any(out))
            }
        }
    }

    /// Keeps the rows where the atom is true (negated: false).
    fn narrow(&mut self, id: AtomId, negated: bool, out: &mut [u64]) -> Result<bool, EvaluateError> {
        let plan = self.plan;
        let atom = plan.program.atom(id);
        if negated && plan.unknown_when_absent(id) {
            return Ok(false);
        }
        if !negated
            && self.atoms[id.0 as usize].epoch != self.epoch
            && let AtomPlan::Key(cmp, threshold) = &plan.atoms[id.0 as usize]
            && bits::count(out) <= SPARSE_ROWS
        {
            return self.narrow_by_row(atom.operand, *cmp, *threshold, out);
        }
        self.decide(id)?;
        let decided = &self.atoms[id.0 as usize];
        if !negated {
            return Ok(decided.any && and(out, &decided.bits));
        }
        if decided.any {
            out.iter_mut().zip(&decided.bits).for_each(|(out, bits)| *out &= !bits);
        }
        // False is not the same as "not true": where a value is missing, neither holds.
        if !matches!(atom.test, Test::IsNull) {
            self.remove_nulls(atom.operand, out);
            if let Test::CompareWith(_, right) = &atom.test {
                self.remove_nulls(*right, out);
            }
        }
        Ok(bits::any(out))
    }

    fn remove_nulls(&self, operand: OperandId, out: &mut [u64]) {
        if let Some(nulls) = &self.operands[operand.0 as usize].nulls {
            out.iter_mut().zip(nulls).for_each(|(out, null)| *out &= !null);
        }
    }

    fn narrow_by_row(
        &mut self,
        operand: OperandId,
        cmp: Cmp,
        threshold: i64,
        out: &mut [u64],
    ) -> Result<bool, EvaluateError> {
        self.load_keys(operand)?;
        let slot = &self.operands[operand.0 as usize];
        let Some(keys) = &slot.keys else { return Ok(false) };
        let mut any = 0;
        for (i, word) in out.iter_mut().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                if !cmp.holds(keys[i * 64 + bit].cmp(&threshold)) {
                    *word &= !(1 << bit);
                }
            }
            if let Some(nulls) = &slot.nulls {
                *word &= !nulls[i];
            }
            any |= *word;
        }
        Ok(any != 0)
    }

    /// Decides an atom for the whole block, if that has not been done.
    fn decide(&mut self, id: AtomId) -> Result<(), EvaluateError> {
        let index = id.0 as usize;
        if self.atoms[index].epoch == self.epoch {
            return Ok(());
        }
        let plan = self.plan;
        let operand = plan.program.atom(id).operand;
        if let AtomPlan::Text = &plan.atoms[index] {
            self.answer_text(operand)?;
            let atom = &mut self.atoms[index];
            if atom.epoch != self.epoch {
                atom.epoch = self.epoch;
                atom.any = false;
            }
            return Ok(());
        }
        self.load(operand)?;
        let mut decided = std::mem::take(&mut self.atoms[index].bits);
        decided.clear();
        decided.resize(self.ones.len(), 0);
        match &plan.atoms[index] {
            AtomPlan::Key(cmp, threshold) => {
                self.load_keys(operand)?;
                if let Some(keys) = &self.operands[operand.0 as usize].keys {
                    numeric::compare(keys, *cmp, *threshold, &mut decided);
                }
                self.remove_nulls(operand, &mut decided);
            }
            AtomPlan::KeyIn(values) => {
                self.load_keys(operand)?;
                if let Some(keys) = &self.operands[operand.0 as usize].keys {
                    numeric::one_of(keys, values, &mut decided);
                }
                self.remove_nulls(operand, &mut decided);
            }
            AtomPlan::IsTrue => {
                let array = self.operands[operand.0 as usize].array.as_ref();
                if let Some(array) = array.and_then(|a| a.as_boolean_opt()) {
                    decided = bits::from_buffer(array.values());
                }
                self.remove_nulls(operand, &mut decided);
            }
            AtomPlan::IsNull => {
                if let Some(nulls) = &self.operands[operand.0 as usize].nulls {
                    decided.copy_from_slice(nulls);
                }
            }
            AtomPlan::With(cmp, right) => {
                self.compare_operands(operand, *cmp, *right, &mut decided)?;
                self.remove_nulls(operand, &mut decided);
                self.remove_nulls(*right, &mut decided);
            }
            AtomPlan::Text | AtomPlan::Nowhere => {}
        }
        let any = bits::any(&decided);
        self.atoms[index] = AtomBits { epoch: self.epoch, any, bits: decided };
        Ok(())
    }

    /// Decides all text atoms of an operand in one pass over its rows.
    fn answer_text(&mut self, operand: OperandId) -> Result<(), EvaluateError> {
        self.load(operand)?;
        let plan = self.plan;
        let slot = &mut self.operands[operand.0 as usize];
        let (Some(array), false) = (slot.array.clone(), slot.text_answered) else { return Ok(()) };
        slot.text_answered = true;
        let Some(index) = &plan.operands[operand.0 as usize].text else { return Ok(()) };
        let (epoch, words) = (self.epoch, self.ones.len());
        let atoms = &mut self.atoms;
        let mut mark = |atom: u32, row: usize| {
            let atom = &mut atoms[atom as usize];
            if atom.epoch != epoch {
                atom.epoch = epoch;
                atom.any = true;
                atom.bits.clear();
                atom.bits.resize(words, 0);
            }
            bits::set(&mut atom.bits, row);
        };
        let codes: Option<&CodeAtoms> = match (self.scope, self.prepared) {
            (Scope::Row, Some(prepared)) => prepared.codes[operand.0 as usize].as_ref(),
            _ => None,
        };
        if let (Some(codes), Some(dictionary)) = (codes, array.as_dictionary_opt::<Int32Type>()) {
            for (row, code) in dictionary.keys().iter().enumerate() {
                if let Some(code) = code {
                    codes.of(code as usize).iter().for_each(|atom| mark(*atom, row));
                }
            }
            return Ok(());
        }
        let mut scratch = Scratch::default();
        each_text(&array, |row, value| {
            if let Some(value) = value {
                index.atoms_of(value, &mut scratch, |atom| mark(atom, row));
            }
        });
        Ok(())
    }

    fn compare_operands(
        &mut self,
        left: OperandId,
        cmp: Cmp,
        right: OperandId,
        out: &mut [u64],
    ) -> Result<(), EvaluateError> {
        self.load(right)?;
        if self.plan.program.operand(left).class == Class::Text {
            let (left, right) = (self.values(left)?, self.values(right)?);
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
        self.load_keys(left)?;
        self.load_keys(right)?;
        let keys = |id: OperandId| self.operands[id.0 as usize].keys.as_deref().unwrap_or_default();
        for (row, (l, r)) in keys(left).iter().zip(keys(right)).enumerate() {
            if cmp.holds(l.cmp(r)) {
                bits::set(out, row);
            }
        }
        Ok(())
    }

    fn load_keys(&mut self, operand: OperandId) -> Result<(), EvaluateError> {
        self.load(operand)?;
        let slot = &mut self.operands[operand.0 as usize];
        if slot.keys.is_none() {
            slot.keys = slot.array.as_ref().and_then(numeric::keys);
        }
        Ok(())
    }

    /// Reads or computes an operand for this block, if that has not been done.
    fn load(&mut self, id: OperandId) -> Result<(), EvaluateError> {
        if self.operands[id.0 as usize].epoch == self.epoch {
            return Ok(());
        }
        let array = self.compute(id)?;
        let nulls = bits::nulls(array.logical_nulls().as_ref());
        self.operands[id.0 as usize] =
            OperandSlot { epoch: self.epoch, array: Some(array), nulls, keys: None, text_answered: false };
        Ok(())
    }

    fn compute(&mut self, id: OperandId) -> Result<ArrayRef, EvaluateError> {
        let plan = self.plan;
        let entry = plan.program.operand(id);
        let missing = || new_null_array(&input_type(entry.class), self.rows);
        match &entry.operand {
            Operand::Column(column) => {
                let column = self.prepared.and_then(|p| p.columns[*column as usize].as_ref());
                Ok(column.map_or_else(missing, |array| array.slice(self.block.start, self.rows)))
            }
            Operand::Member { member, .. } => match self.fields.get(*member as usize) {
                Some(Some(field)) => readable(field, &entry.text, &input_type(entry.class)),
                _ => Ok(missing()),
            },
            Operand::Lookup { table, column, key } => {
                let keys = self.values(*key)?;
                let found = plan.program.tables.get(*table as usize).map(|t| look_up(t, *column as usize, &keys));
                Ok(found.unwrap_or_else(|| new_null_array(&input_type(entry.class), self.rows)))
            }
            Operand::Scalar(scalar) => {
                let scalar = &plan.program.scalars[*scalar as usize];
                let columns: Vec<ArrayRef> = scalar
                    .inputs
                    .iter()
                    .map(|input| {
                        let array = self.values(*input)?;
                        Ok(cast(&array, &input_type(plan.program.operand(*input).class))?)
                    })
                    .collect::<Result<_, EvaluateError>>()?;
                let batch = RecordBatch::try_new(Arc::clone(&scalar.schema), columns)?;
                let values = evaluate_scalar(&*scalar.expr, &batch, &entry.text)?;
                Ok(cast(&values, &input_type(entry.class))?)
            }
            Operand::Condition { yes, no } => {
                let yes = self.bits_of(*yes)?;
                let no = self.bits_of(*no)?;
                let known: Vec<u64> = yes.iter().zip(&no).map(|(y, n)| y | n).collect();
                let bits = |bits: Vec<u64>| BooleanBuffer::new(bits.into(), 0, self.rows);
                Ok(Arc::new(BooleanArray::new(bits(yes), Some(NullBuffer::new(bits(known))))))
            }
            Operand::Count(Over::Items, node) => {
                let bits = self.bits_of(*node)?;
                let mut counts = vec![0i64; self.rows];
                for range in self.subjects() {
                    let count = bits::count_in(&bits, range.clone()) as i64;
                    counts[range].fill(count);
                }
                Ok(Arc::new(Int64Array::from(counts)))
            }
            Operand::Count(Over::Records(list), node) => {
                let (frame, offsets) = self.records(*list)?;
                let bits = frame.bits_of(*node)?;
                let counts: Int64Array =
                    offsets.windows(2).map(|w| Some(bits::count_in(&bits, w[0]..w[1]) as i64)).collect();
                Ok(Arc::new(counts))
            }
            Operand::Sum(Over::Items, operand) => {
                let values = numbers(&self.values(*operand)?)?;
                let mut sums = vec![None; self.rows];
                for range in self.subjects() {
                    let sum = sum(&values, range.clone());
                    sums[range].fill(sum);
                }
                Ok(Arc::new(Float64Array::from(sums)))
            }
            Operand::Sum(Over::Records(list), operand) => {
                let (frame, offsets) = self.records(*list)?;
                let values = numbers(&frame.values(*operand)?)?;
                let sums: Float64Array = offsets.windows(2).map(|w| sum(&values, w[0]..w[1])).collect();
                Ok(Arc::new(sums))
            }
            Operand::Size(list) => {
                let sizes = self.list(*list).map_or_else(
                    || vec![0; self.rows],
                    |list| (0..list.len()).map(|row| records_of(&list, row).len() as i64).collect(),
                );
                Ok(Arc::new(Int64Array::from(sizes)))
            }
        }
    }

    fn bits_of(&mut self, node: NodeId) -> Result<Vec<u64>, EvaluateError> {
        let mut out = vec![0; self.ones.len()];
        if !self.node(node, &mut out)? {
            out.fill(0);
        }
        Ok(out)
    }

    fn quantified(&mut self, over: Over, inner: NodeId, all: bool, out: &mut [u64]) -> Result<bool, EvaluateError> {
        let holds = |bits: &[u64], range: Range<usize>| {
            if all { bits::count_in(bits, range.clone()) == range.len() } else { bits::any_in(bits, range) }
        };
        out.fill(0);
        match over {
            Over::Items => {
                let bits = self.bits_of(inner)?;
                for range in self.subjects() {
                    if holds(&bits, range.clone()) {
                        range.for_each(|row| bits::set(out, row));
                    }
                }
            }
            Over::Records(list) => {
                let (frame, offsets) = self.records(list)?;
                let bits = frame.bits_of(inner)?;
                for (row, window) in offsets.windows(2).enumerate() {
                    if holds(&bits, window[0]..window[1]) {
                        bits::set(out, row);
                    }
                }
            }
        }
        Ok(bits::any(out))
    }

    fn list(&self, column: u32) -> Option<ListArray> {
        let array = self.prepared.filter(|_| reads_rows(self.scope))?.columns[column as usize].as_ref()?;
        array.as_list_opt::<i32>().map(|list| list.slice(self.block.start, self.rows))
    }

    fn record_frame(&mut self, list: u32) -> Result<usize, EvaluateError> {
        if let Some(at) = self.records.iter().position(|(known, _)| *known == list) {
            return Ok(at);
        }
        let mut frame = Frame::new(self.plan, Scope::Records(list));
        let mut offsets = vec![0; self.rows + 1];
        if let Some(lists) = self.list(list) {
            let (mut pieces, mut next): (Vec<ArrayRef>, usize) = (Vec::new(), 0);
            let whole = lists.null_count() == 0;
            for row in 0..lists.len() {
                let range = records_of(&lists, row);
                if !whole && !range.is_empty() {
                    pieces.push(lists.values().slice(range.start, range.len()));
                }
                next += range.len();
                offsets[row + 1] = next;
            }
            let first = lists.value_offsets().first().copied().unwrap_or_default() as usize;
            let values = if whole {
                lists.values().slice(first, next)
            } else {
                // A NULL list may hide values behind it: take the others alone.
                let pieces: Vec<&dyn Array> = pieces.iter().map(|p| &**p).collect();
                if pieces.is_empty() { lists.values().slice(0, 0) } else { concat(&pieces)? }
            };
            let column = self.plan.program.stream.all_columns().nth(list as usize);
            frame.fields = fields_of(&values, column.map(|column| column.kind));
            frame.rows = next;
        }
        frame.ones = bits::ones(frame.rows);
        frame.epoch = 1;
        self.records.push((list, RecordFrame { frame, offsets }));
        Ok(self.records.len() - 1)
    }
}

fn and(out: &mut [u64], other: &[u64]) -> bool {
    let mut any = 0;
    for (out, other) in out.iter_mut().zip(other) {
        *out &= other;
        any |= *out;
    }
    any != 0
}
