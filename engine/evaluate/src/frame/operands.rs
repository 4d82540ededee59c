//! The values of operands for one block: a column's slice, or what is computed from other operands.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, new_null_array};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use haechi_rules::condition::input_type;
use haechi_rules::program::{Operand, OperandId, Over, Scope};

use super::Frame;
use crate::batch::readable;
use crate::bits;
use crate::codes::CodeAtoms;
use crate::error::EvaluateError;
use crate::numeric;
use crate::values::{evaluate_scalar, look_up, numbers, records_of, sum};

/// The array in a type; itself where it has that.
fn in_type(array: ArrayRef, wanted: &DataType) -> Result<ArrayRef, EvaluateError> {
    if array.data_type() == wanted { Ok(array) } else { Ok(cast(&array, wanted)?) }
}

impl<'e> Frame<'e> {
    /// Reads or computes an operand for this block, if that has not been done.
    pub(super) fn load(&mut self, id: OperandId) -> Result<(), EvaluateError> {
        if self.slots.operands[id.0 as usize].epoch == self.slots.epoch {
            return Ok(());
        }
        let array = self.compute(id)?;
        let nulls = bits::nulls(array.logical_nulls().as_ref());
        let slot = &mut self.slots.operands[id.0 as usize];
        slot.epoch = self.slots.epoch;
        slot.array = Some(array);
        slot.nulls = nulls;
        self.slots.loaded.push(id.0);
        Ok(())
    }

    /// Makes the sortable integers of an operand; `false` if its type has none.
    pub(super) fn load_keys(&mut self, id: OperandId) -> Result<bool, EvaluateError> {
        self.load(id)?;
        let slot = &mut self.slots.operands[id.0 as usize];
        if slot.keys_epoch != self.slots.epoch {
            slot.keys_epoch = self.slots.epoch;
            if !slot.array.as_ref().is_some_and(|array| numeric::keys(array, &mut slot.keys)) {
                slot.keys.clear();
            }
        }
        Ok(slot.keys.len() == self.rows)
    }

    /// Ranks the keys among the operand's cuts.
    pub(super) fn load_ranks(&mut self, id: OperandId) {
        let slot = &mut self.slots.operands[id.0 as usize];
        if slot.ranks_epoch != self.slots.epoch
            && let Some(cuts) = &self.schedule.cuts[id.0 as usize]
        {
            slot.ranks_epoch = self.slots.epoch;
            cuts.ranks(&slot.keys, &mut slot.ranks);
        }
    }

    /// What the index said of the codes of a dictionary column.
    pub(super) fn codes(&self, id: OperandId) -> Option<&'e CodeAtoms> {
        self.prepared.filter(|_| self.scope == Scope::Row)?.codes(id)
    }

    fn compute(&mut self, id: OperandId) -> Result<ArrayRef, EvaluateError> {
        let plan = self.plan;
        let entry = plan.program.operand(id);
        let missing = || new_null_array(&input_type(entry.class), self.rows);
        match &entry.operand {
            Operand::Column(column) => {
                let column = self.prepared.and_then(|p| p.columns[*column as usize].as_ref());
                Ok(column.map_or_else(missing, |array| {
                    if array.len() == self.rows { Arc::clone(array) } else { array.slice(self.block.start, self.rows) }
                }))
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
                        in_type(array, &input_type(plan.program.operand(*input).class))
                    })
                    .collect::<Result<_, EvaluateError>>()?;
                let batch = RecordBatch::try_new(Arc::clone(&scalar.schema), columns)?;
                let values = evaluate_scalar(&*scalar.expr, &batch, &entry.text)?;
                in_type(values, &input_type(entry.class))
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
}
