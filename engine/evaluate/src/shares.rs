//! For how many of the rows each atom is true: guessed from its form, or measured on rows. It decides which part of a
//! rule is tried first, and never what is found.

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;
use haechi_rules::program::{AtomId, Class, Cmp, Node, Operand, OperandId, Test};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::batch::Prepared;
use crate::numeric;
use crate::plan::{AtomPlan, Plan};
use crate::text::Scratch;
use crate::values::Texts;

/// Rows that are measured: enough to tell one in a hundred from one in ten, few enough to cost nothing.
const SAMPLE_ROWS: usize = 2_048;

/// Up to so many values in a sample a column has few.
const FEW_VALUES: usize = 128;

/// The share of rows each atom is true for.
#[derive(Debug)]
pub(crate) struct Shares {
    /// By atom, 0 to 1.
    pub atoms: Vec<f32>,
    /// By operand: a text column that was seen to have few values.
    pub few_values: Vec<bool>,
}

impl Shares {
    /// From the form of each atom, before any row was seen.
    pub fn guess(plan: &Plan) -> Self {
        let atoms = (0..plan.atoms.len()).map(|id| guess(plan, AtomId(id as u32))).collect();
        Self { atoms, few_values: vec![false; plan.atoms_of.len()] }
    }

    /// From rows of a batch, spread over it. Atoms on what has to be computed keep their guess.
    pub fn measure(plan: &Plan, prepared: &Prepared) -> Self {
        let mut shares = Self::guess(plan);
        let rows = sample(prepared.rows);
        if rows.is_empty() {
            return shares;
        }
        for (operand, entry) in plan.program.operands.iter().enumerate() {
            let Operand::Column(column) = entry.operand else { continue };
            let Some(array) = &prepared.columns[column as usize] else {
                for atom in &plan.atoms_of[operand] {
                    let null = matches!(plan.atoms[*atom as usize], AtomPlan::IsNull);
                    shares.atoms[*atom as usize] = f32::from(u8::from(null));
                }
                continue;
            };
            if let Ok(array) = take(array, &rows, None) {
                shares.measure_column(plan, OperandId(operand as u32), &array);
            }
        }
        shares
    }

    fn measure_column(&mut self, plan: &Plan, operand: OperandId, array: &ArrayRef) {
        let rows = array.len() as f32;
        let nulls = array.logical_nulls();
        let known = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        if let Some(index) = &plan.texts[operand.0 as usize] {
            let (texts, mut scratch) = (Texts::new(array), Scratch::default());
            let values: FxHashSet<&str> = (0..array.len()).filter_map(|row| texts.at(row)).collect();
            self.few_values[operand.0 as usize] = values.len() <= FEW_VALUES;
            let mut counts = FxHashMap::<u32, u32>::default();
            for value in (0..array.len()).filter_map(|row| texts.at(row)) {
                index.atoms_of(value, &mut scratch, |atom| *counts.entry(atom).or_default() += 1);
            }
            for atom in &plan.atoms_of[operand.0 as usize] {
                if let AtomPlan::Text(_) = &plan.atoms[*atom as usize] {
                    // The index may hand out an atom twice for a value; a share is not more than all.
                    self.atoms[*atom as usize] = (counts.get(atom).copied().unwrap_or(0) as f32 / rows).min(1.0);
                }
            }
        }
        let mut keys = Vec::new();
        if numeric::keys(array, &mut keys) {
            let mut row = 0;
            keys.retain(|_| {
                row += 1;
                known(row - 1)
            });
            keys.sort_unstable();
        }
        for atom in &plan.atoms_of[operand.0 as usize] {
            let count = match &plan.atoms[*atom as usize] {
                AtomPlan::Key(cmp, threshold) => holding(&keys, *cmp, *threshold),
                AtomPlan::KeyIn(values) => values.iter().map(|value| holding(&keys, Cmp::Eq, *value)).sum(),
                AtomPlan::IsTrue => array
                    .as_boolean_opt()
                    .map_or(0, |values| (0..values.len()).filter(|row| known(*row) && values.value(*row)).count()),
                AtomPlan::IsNull => nulls.as_ref().map_or(0, arrow::buffer::NullBuffer::null_count),
                AtomPlan::Nowhere => 0,
                AtomPlan::Text(_) | AtomPlan::With(..) => continue,
            };
            self.atoms[*atom as usize] = count as f32 / rows;
        }
    }

    /// The share of each formula, parts taken as independent of each other.
    pub fn nodes(&self, plan: &Plan) -> Vec<f32> {
        let mut shares: Vec<f32> = Vec::with_capacity(plan.program.nodes.len());
        for node in &plan.program.nodes {
            let of = |id: &haechi_rules::program::NodeId| shares.get(id.0 as usize).copied().unwrap_or(1.0);
            shares.push(match node {
                Node::Always => 1.0,
                Node::Never => 0.0,
                Node::Atom { atom, negated } => {
                    let share = self.atoms[atom.0 as usize];
                    if *negated { 1.0 - share } else { share }
                }
                Node::And(parts) => parts.iter().map(of).product(),
                Node::Or(parts) => 1.0 - parts.iter().map(|part| 1.0 - of(part)).product::<f32>(),
                // A subject has a few rows: any of them will do, or all have to.
                Node::Any(_, inner) => (2.0 * of(inner)).min(1.0),
                Node::All(_, inner) => of(inner),
                Node::Holds { inner, negated } => {
                    if *negated {
                        1.0 - of(inner)
                    } else {
                        of(inner)
                    }
                }
            });
        }
        shares
    }
}

/// Rows spread evenly: neighbours are often alike.
fn sample(rows: usize) -> UInt32Array {
    let taken = rows.min(SAMPLE_ROWS);
    (0..taken).map(|i| (i * rows / taken) as u32).collect::<Vec<_>>().into()
}

/// How many of the sorted keys compare so.
fn holding(keys: &[i64], cmp: Cmp, threshold: i64) -> usize {
    let below = keys.partition_point(|key| *key < threshold);
    let up_to = keys.partition_point(|key| *key <= threshold);
    match cmp {
        Cmp::Eq => up_to - below,
        Cmp::Ne => keys.len() - (up_to - below),
        Cmp::Lt => below,
        Cmp::Le => up_to,
        Cmp::Gt => keys.len() - up_to,
        Cmp::Ge => keys.len() - below,
    }
}

fn guess(plan: &Plan, id: AtomId) -> f32 {
    let atom = plan.program.atom(id);
    let text = plan.program.operand(atom.operand).class == Class::Text;
    match &atom.test {
        Test::Compare(Cmp::Eq, _) if text => 0.005,
        Test::Compare(Cmp::Eq, _) => 0.05,
        Test::In { values, .. } => (0.005 * values.len() as f32).min(0.5),
        Test::Like { .. } => 0.02,
        Test::InList(_) | Test::Mentions(_) => 0.02,
        Test::IsNull => 0.05,
        Test::Compare(Cmp::Ne, _) | Test::CompareWith(Cmp::Ne, _) => 0.9,
        Test::Compare(..) | Test::CompareWith(..) => 0.4,
        Test::IsTrue => 0.3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_never_larger_than_the_batch() {
        assert_eq!(sample(0).len(), 0);
        assert_eq!(sample(3).values(), &[0, 1, 2]);
        let many = sample(1_000_000);
        assert_eq!(many.len(), SAMPLE_ROWS);
        assert!(many.values().is_sorted() && many.value(SAMPLE_ROWS - 1) > 999_000);
    }

    #[test]
    fn keys_are_counted_on_both_sides_of_a_threshold() {
        let keys = [1, 2, 2, 3];
        let counts = [Cmp::Eq, Cmp::Ne, Cmp::Lt, Cmp::Le, Cmp::Gt, Cmp::Ge].map(|cmp| holding(&keys, cmp, 2));
        assert_eq!(counts, [2, 2, 1, 3, 1, 3]);
    }
}
