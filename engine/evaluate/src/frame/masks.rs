//! For a single row: which rules a value of a column leaves possible. Columns of few values give the same answer again
//! and again, so it is kept, a bit a rule, and a row is an AND a column instead of a question a rule.

use rustc_hash::FxHashMap;

use super::Frame;
use crate::bits;
use crate::error::EvaluateError;
use crate::schedule::Masked;
use crate::values::Texts;

/// Values of a column that are kept, and their bytes at most. Of others, each rule that is awake is asked.
const VALUES_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 64;

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
            let room = masks.by_value.len() < VALUES_MAX && value.is_none_or(|value| value.len() <= VALUE_BYTES_MAX);
            if !room {
                self.ask_woken(masked)?;
                continue;
            }
            let mask = self.mask(masked)?;
            bits::and(&mut self.slots.woken, &mask);
            let masks = &mut self.slots.masks[at];
            match value {
                Some(value) => drop(masks.by_value.insert(value.into(), mask)),
                None => masks.of_null = Some(mask),
            }
        }
        Ok(())
    }

    fn mask(&mut self, masked: &Masked) -> Result<Vec<u64>, EvaluateError> {
        let mut mask = bits::ones(self.schedule.rules.len());
        for (rule, part) in &masked.parts {
            if !self.is_true(*part, 0)? {
                bits::clear(&mut mask, *rule as usize);
            }
        }
        Ok(mask)
    }

    fn ask_woken(&mut self, masked: &Masked) -> Result<(), EvaluateError> {
        for (rule, part) in &masked.parts {
            if bits::get(&self.slots.woken, *rule as usize) && !self.is_true(*part, 0)? {
                bits::clear(&mut self.slots.woken, *rule as usize);
            }
        }
        Ok(())
    }
}
