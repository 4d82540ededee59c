//! For a single row: which rules a value of a column leaves possible. Columns of few values give the same answer again
//! and again, so it is kept, a bit a rule, and a row is an AND a column instead of a question a rule.

use rustc_hash::FxHashMap;

use super::Frame;
use crate::bits;
use crate::error::EvaluateError;
use crate::values::Texts;

/// Values of a column that are kept; past this all are forgotten.
const VALUES_MAX: usize = 1_024;

/// By value, the rules it leaves possible.
#[derive(Default)]
pub(crate) struct Masks {
    by_value: FxHashMap<Box<str>, Vec<u64>>,
    of_null: Option<Vec<u64>>,
}

impl Frame<'_> {
    /// Takes rules off the woken ones that the values of the only row rule out.
    pub(super) fn rule_out(&mut self) -> Result<(), EvaluateError> {
        let schedule = self.schedule;
        for (at, masked) in schedule.masked.iter().enumerate() {
            self.load(masked.operand)?;
            let Some(array) = self.slots.operands[masked.operand.0 as usize].array.clone() else { continue };
            let value = Texts::new(&array).at(0);
            let masks = &self.slots.masks[at];
            let known = value.map_or(masks.of_null.as_ref(), |value| masks.by_value.get(value));
            if let Some(mask) = known {
                bits::and(&mut self.slots.woken, mask);
                continue;
            }
            let mask = self.mask(at)?;
            bits::and(&mut self.slots.woken, &mask);
            let masks = &mut self.slots.masks[at];
            match value {
                Some(value) => {
                    if masks.by_value.len() >= VALUES_MAX {
                        masks.by_value.clear();
                    }
                    masks.by_value.insert(value.into(), mask);
                }
                None => masks.of_null = Some(mask),
            }
        }
        Ok(())
    }

    fn mask(&mut self, at: usize) -> Result<Vec<u64>, EvaluateError> {
        let schedule = self.schedule;
        let mut mask = bits::ones(schedule.rules.len());
        for (rule, part) in &schedule.masked[at].parts {
            if !self.is_true(*part, 0)? {
                bits::clear(&mut mask, *rule as usize);
            }
        }
        Ok(mask)
    }
}
