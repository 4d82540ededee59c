//! What is asked of a row alone under a schedule: which rules an atom of its texts wakes, which rules a value rules
//! out, and what is left of each rule to ask.

use haechi_rules::program::{AtomId, Class, OperandId};

use super::masks::{Masked, Masking};
use crate::bits;
use crate::plan::Plan;
use crate::schedule::{Schedule, Start};
use crate::shares::Shares;
use crate::steps::{Step, Steps};

/// Fewer parts than this are asked where their rule is: an AND over all rules costs about as much as so many questions.
const MASKED_PARTS_MIN: usize = 8;

/// Of one schedule. Memory: sixteen bytes for each part of a rule, four for each rule that an atom wakes.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// By atom: where the rules it wakes or settles begin, and the end of the last.
    woken_starts: Vec<u32>,
    woken: Vec<Woken>,
    /// Text columns whose values are looked at first, with their place among those that are masked by text.
    pub looked_at: Vec<(OperandId, Option<usize>)>,
    /// A bit for each rule that starts at a part which masks answer: it is awake until its row rules it out.
    pub awake: Vec<u64>,
    /// Of other rules without an anchor: the part they start at, and they.
    pub gates: Vec<(Step, Box<[u32]>)>,
    /// Columns whose values rule out rules.
    pub masked: Vec<Masked>,
    /// A bit for each rule that has no alternatives.
    pub unconditional: Vec<u64>,
    /// By rule: where its steps begin, and the end of the last.
    starts: Vec<u32>,
    /// What is left to ask where nothing rules a rule out; rule by rule.
    steps: Vec<Step>,
}

/// A rule that an atom has to do with, the lowest bit set where it is the atom and no more: then it hits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Woken(u32);

impl Woken {
    fn new(rule: u32, settled: bool) -> Self {
        Self(rule << 1 | u32::from(settled))
    }

    /// Its bit is set among those that hit, or those that have to be asked.
    pub fn set(self, hits: &mut [u64], woken: &mut [u64]) {
        bits::set(if self.0 & 1 == 1 { hits } else { woken }, self.0 as usize >> 1);
    }
}

impl Questions {
    /// Of a schedule that is made but for these.
    pub fn new(plan: &Plan, shares: &Shares, schedule: &Schedule) -> Self {
        let parts = parts_of_rules(schedule);
        let masked = masked(plan, shares, &schedule.steps, &parts);
        let at_mask =
            |step: &Step| mask_of(plan, shares, step).filter(|(of, _)| masked.iter().any(|m| m.operand == *of));
        let mut questions = Self { awake: vec![0; bits::words(schedule.rules.len())], ..Self::default() };
        questions.starts.push(0);
        for (rule, parts) in parts.iter().enumerate() {
            let gated = matches!(schedule.rules[rule].start, Start::Gate(_));
            for (at, step) in parts.iter().enumerate() {
                let mask = at_mask(step);
                let is_gate = gated && at == 0;
                if is_gate && mask.is_some() {
                    bits::set(&mut questions.awake, rule);
                }
                // Masks of ranks only say what is possible.
                let answered = mask.is_some_and(|(_, masking)| masking != Masking::Ranks);
                if !answered && (!is_gate || mask.is_some()) {
                    questions.steps.push(*step);
                }
            }
            questions.starts.push(questions.steps.len() as u32);
        }
        let gates = schedule.gates.iter().map(|gate| (schedule.steps.of(gate.node), (*gate.rules).into()));
        questions.gates = gates.filter(|(step, _)| at_mask(step).is_none()).collect();
        questions.woken_starts.push(0);
        for atom in (0..plan.atoms.len() as u32).map(AtomId) {
            let anchored = schedule.anchor_of(atom).map_or(&[][..], |anchor| &schedule.anchors[anchor as usize].rules);
            questions.woken.extend(anchored.iter().map(|rule| Woken::new(*rule, false)));
            questions.woken.extend(schedule.settled_by(atom).iter().map(|rule| Woken::new(*rule, true)));
            questions.woken_starts.push(questions.woken.len() as u32);
        }
        let by_text = |id: &OperandId| masked.iter().position(|masked| masked.few_texts && masked.operand == *id);
        questions.looked_at = schedule.looked_at.iter().map(|id| (*id, by_text(id))).collect();
        questions.unconditional = bits::ones(schedule.rules.len());
        for (rule, _) in masked.iter().flat_map(|masked| &masked.alternatives) {
            bits::clear(&mut questions.unconditional, *rule as usize);
        }
        questions.masked = masked;
        questions
    }

    /// The rules that an atom wakes or settles.
    pub(super) fn woken_by(&self, atom: u32) -> &[Woken] {
        &self.woken[self.woken_starts[atom as usize] as usize..self.woken_starts[atom as usize + 1] as usize]
    }

    /// What is left to ask of a rule that is awake.
    pub(super) fn of(&self, rule: usize) -> &[Step] {
        &self.steps[self.starts[rule] as usize..self.starts[rule + 1] as usize]
    }
}

/// By rule: the part it starts at, where that is a gate, and what is left to try behind its start.
fn parts_of_rules(schedule: &Schedule) -> Vec<Vec<Step>> {
    let parts = schedule.rules.iter().map(|run| {
        let gate = match run.start {
            Start::Gate(gate) => Some(schedule.gates[gate as usize].node),
            _ => None,
        };
        gate.iter().chain(&run.rest).map(|part| schedule.steps.of(*part)).collect()
    });
    parts.collect()
}

/// The column whose value can answer a step for many rules at once, and how.
fn mask_of(plan: &Plan, shares: &Shares, step: &Step) -> Option<(OperandId, Masking)> {
    let (operand, masking) = match step {
        Step::Text { operand, .. } if shares.few_values[operand.0 as usize] => (*operand, Masking::Texts),
        Step::Key { operand, .. } => (*operand, Masking::Ranks),
        Step::Flag { operand, .. } | Step::Null { operand, .. } => (*operand, Masking::States),
        _ => return None,
    };
    // A computed number is computed where a rule is awake that asks for it.
    (masking == Masking::Ranks || plan.is_column(operand)).then_some((operand, masking))
}

/// The operands that are asked about often enough, and what of each; first the columns, then what has to be computed.
fn masked(plan: &Plan, shares: &Shares, steps: &Steps, parts: &[Vec<Step>]) -> Vec<Masked> {
    let mut uses = vec![0; plan.program.operands.len()];
    let of = |step: &Step| mask_of(plan, shares, step).map(|(operand, _)| operand);
    for step in parts.iter().flatten() {
        steps.either(step).iter().filter_map(of).for_each(|operand| uses[operand.0 as usize] += 1);
    }
    let often = |operand: OperandId| uses[operand.0 as usize] >= MASKED_PARTS_MIN;
    let mut masked: Vec<Masked> = (0..uses.len() as u32)
        .map(OperandId)
        .filter(|operand| often(*operand))
        .map(|operand| {
            let entry = plan.program.operand(operand);
            Masked::new(operand, entry.class == Class::Text && shares.few_values[operand.0 as usize], parts.len())
        })
        .collect();
    masked.sort_by_key(|masked| !plan.is_column(masked.operand));
    let place = |step: &Step| masked.iter().position(|masked| Some(masked.operand) == of(step));
    let places: Vec<Vec<Vec<usize>>> = parts
        .iter()
        .map(|parts| parts.iter().map(|step| steps.either(step).iter().filter_map(place).collect()).collect())
        .collect();
    for (rule, (parts, places)) in parts.iter().zip(&places).enumerate() {
        let mut alternatives = false;
        for (step, places) in parts.iter().zip(places) {
            let either = steps.either(step);
            if places.len() < either.len() {
                continue;
            }
            match (step, &**places) {
                (Step::Any { .. }, places) if !alternatives => {
                    alternatives = true;
                    let each = places.iter().zip(either);
                    each.for_each(|(at, step)| masked[*at].alternatives.push((rule as u32, *step)));
                }
                (Step::Any { .. }, _) => {}
                (step, places) => places.iter().for_each(|at| masked[*at].parts.push((rule as u32, *step))),
            }
        }
    }
    masked.iter_mut().for_each(Masked::cut);
    masked
}
