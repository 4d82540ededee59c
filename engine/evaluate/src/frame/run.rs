//! The rules over one block: collect the rows of anchors, open the gates, and take each rule that either woke through
//! the rest of its condition.

use haechi_rules::program::NodeId;

use super::Frame;
use crate::bits;
use crate::error::EvaluateError;
use crate::hits::Found;
use crate::schedule::{Start, sparse_rows};

impl Frame<'_> {
    /// Adds the hits of the block to `found`, but for those of rules that values settle.
    pub fn run(&mut self, found: &mut Found) -> Result<(), EvaluateError> {
        let schedule = self.schedule;
        self.slots.woken.fill(0);
        self.collect_anchors()?;
        let slots = &mut self.slots;
        for anchor in &slots.anchors.touched {
            schedule.anchors[*anchor as usize]
                .rules
                .iter()
                .for_each(|rule| bits::set(&mut slots.woken, *rule as usize));
        }
        for gate in 0..schedule.gates.len() {
            self.open_gate(gate)?;
        }
        let (mut rows, mut bits) = (self.slots.take_rows(), self.slots.take_bits());
        for word in 0..self.slots.woken.len() {
            let mut woken = self.slots.woken[word];
            while woken != 0 {
                let rule = word * 64 + woken.trailing_zeros() as usize;
                woken &= woken - 1;
                let run = &schedule.rules[rule];
                rows.clear();
                let (count, dense) = self.start(&run.start, &mut rows, &mut bits)?;
                found.looked_at += count as u64;
                let mut rest = &*run.rest;
                if dense && self.narrow_all(&mut rest, &mut bits, &mut rows)? {
                    found.bits(rule as u32, &bits);
                    continue;
                }
                self.filter_all(rest, &mut rows)?;
                found.rows(rule as u32, &rows);
            }
        }
        self.slots.give_rows(rows);
        self.slots.give_bits(bits);
        Ok(())
    }

    /// The rows a rule starts with: how many, and whether they came as bits, since they are many.
    fn start(&mut self, start: &Start, rows: &mut Vec<u32>, bits: &mut [u64]) -> Result<(usize, bool), EvaluateError> {
        match start {
            Start::Settled => {}
            Start::Anchor(anchor) => {
                let count = self.slots.anchors.count(*anchor);
                if count > self.sparse_rows() {
                    let atom = self.schedule.anchors[*anchor as usize].atom;
                    self.decide(atom)?;
                    bits.copy_from_slice(&self.slots.atoms[atom.0 as usize].bits);
                    return Ok((count, true));
                }
                self.slots.anchors.of(*anchor).for_each(|of| rows.extend_from_slice(of));
            }
            Start::AnyAnchor(anchors) => {
                let anchored = &self.slots.anchors;
                if anchors.iter().map(|anchor| anchored.count(*anchor)).sum::<usize>() > self.sparse_rows() {
                    bits.fill(0);
                    let of_each = anchors.iter().flat_map(|anchor| anchored.of(*anchor)).flatten();
                    of_each.for_each(|row| bits::set(bits, *row as usize));
                    return Ok((bits::count(bits), true));
                }
                for anchor in anchors {
                    self.slots.anchors.of(*anchor).for_each(|of| rows.extend_from_slice(of));
                }
                rows.sort_unstable();
                rows.dedup();
            }
            Start::Gate(gate) => {
                let gate = &self.slots.gates[*gate as usize];
                if gate.count > self.sparse_rows() {
                    bits.copy_from_slice(&gate.bits);
                    return Ok((gate.count, true));
                }
                bits::append_rows(&gate.bits, rows);
            }
            Start::Block if self.rows > self.sparse_rows() => {
                bits.copy_from_slice(&self.slots.ones);
                return Ok((self.rows, true));
            }
            Start::Block => rows.extend(0..self.rows as u32),
        }
        Ok((rows.len(), false))
    }

    /// Narrows bits part by part. Before a part that costs more for a block than for a few rows, few rows go to `rows`,
    /// with the parts that remain (`false`).
    fn narrow_all(
        &mut self,
        parts: &mut &[NodeId],
        bits: &mut [u64],
        rows: &mut Vec<u32>,
    ) -> Result<bool, EvaluateError> {
        while let Some((part, rest)) = parts.split_first() {
            if !self.is_cheap(*part) && bits::count(bits) <= self.sparse_rows() {
                bits::append_rows(bits, rows);
                return Ok(false);
            }
            *parts = rest;
            if !self.narrow(*part, bits)? {
                *parts = &[];
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn filter_all(&mut self, parts: &[NodeId], rows: &mut Vec<u32>) -> Result<(), EvaluateError> {
        for part in parts {
            if rows.is_empty() {
                break;
            }
            self.filter(*part, rows)?;
        }
        Ok(())
    }

    /// Rows of the block above which a set of rows is worth a bitmap.
    fn sparse_rows(&self) -> usize {
        sparse_rows(self.rows)
    }

    fn open_gate(&mut self, gate: usize) -> Result<(), EvaluateError> {
        let schedule = self.schedule;
        let mut bits = std::mem::take(&mut self.slots.gates[gate].bits);
        bits.resize(self.slots.ones.len(), 0);
        let open = self.node(schedule.gates[gate].node, &mut bits)?;
        let slots = &mut self.slots;
        let count = if open { bits::count(&bits) } else { 0 };
        slots.gates[gate].bits = bits;
        slots.gates[gate].count = count;
        if count > 0 {
            schedule.gates[gate].rules.iter().for_each(|rule| bits::set(&mut slots.woken, *rule as usize));
        }
        Ok(())
    }
}
