//! Which declaration belongs to which scheme. Declarations are planned in blocks, because a split order is
//! several declarations that follow closely on each other; any block can be planned without those before it.

use crate::dice::{Dice, Use};
use crate::spec::Spec;

/// Declarations of a block.
pub(crate) const BLOCK: u64 = 64;

/// Of the planted share: the ring, transhipment, and what remains for split orders.
const RING_PART: f64 = 0.4;
const TRANSHIP_PART: f64 = 0.3;
/// Parcels of a split order: three to six.
const SPLIT_MEAN: f64 = 4.5;

/// What a declaration is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Honest,
    Undervalued,
    Transhipped,
    /// A parcel of a split order.
    Split {
        order: u64,
        nth: u8,
        of: u8,
    },
}

/// The plan of one block.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    block: u64,
    slots: [Slot; BLOCK as usize],
}

impl Plan {
    /// The plan of the block that holds declaration `index`.
    pub(crate) fn of(spec: &Spec, index: u64) -> Self {
        let block = index / BLOCK;
        let mut dice = Dice::new(spec.seed, Use::DeclarationPlan, block);
        let ring = spec.planted_share * RING_PART;
        let through = ring + spec.planted_share * TRANSHIP_PART;
        let mut slots = [Slot::Honest; BLOCK as usize];
        for slot in &mut slots {
            let draw = dice.unit();
            if draw < ring {
                *slot = Slot::Undervalued;
            } else if draw < through {
                *slot = Slot::Transhipped;
            }
        }
        let orders = spec.planted_share * (1.0 - RING_PART - TRANSHIP_PART) * BLOCK as f64 / SPLIT_MEAN;
        let order_count = orders.floor() as u64 + u64::from(dice.chance(orders.fract()));
        for _ in 0..order_count {
            let order = dice.bits();
            let of = 3 + dice.below(4);
            let first = dice.below(BLOCK - 2 * of);
            // Others file in between.
            let places = (0..of).map(|nth| (first + 2 * nth) as usize);
            if places.clone().all(|at| slots[at] == Slot::Honest) {
                for (nth, at) in places.enumerate() {
                    slots[at] = Slot::Split { order, nth: nth as u8, of: of as u8 };
                }
            }
        }
        let mut plan = Self { block, slots };
        plan.cut_at(spec.declarations);
        plan
    }

    /// Whether declaration `index` stands in this block.
    pub(crate) fn holds(&self, index: u64) -> bool {
        index / BLOCK == self.block
    }

    /// What declaration `index` is to be.
    pub(crate) fn slot(&self, index: u64) -> Slot {
        self.slots[(index % BLOCK) as usize]
    }

    /// First index of a split order, given one of its parcels.
    pub(crate) fn first_of_order(index: u64, nth: u8) -> u64 {
        index - 2 * u64::from(nth)
    }

    /// A split order that the end of the stream would cut off is none.
    fn cut_at(&mut self, count: u64) {
        let first = self.block * BLOCK;
        for at in 0..BLOCK {
            if let Slot::Split { nth, of, .. } = self.slots[at as usize] {
                let last = first + at + 2 * u64::from(of - 1 - nth);
                if last >= count {
                    self.slots[at as usize] = Slot::Honest;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_out_as_asked_and_orders_are_whole() {
        let spec = Spec { planted_share: 0.02, declarations: 200_000, ..Spec::day(7) };
        let mut counts = [0.0; 3];
        let mut orders = std::collections::HashMap::new();
        for block in 0..spec.declarations / BLOCK {
            let plan = Plan::of(&spec, block * BLOCK);
            for index in block * BLOCK..(block + 1) * BLOCK {
                match plan.slot(index) {
                    Slot::Honest => {}
                    Slot::Undervalued => counts[0] += 1.0,
                    Slot::Transhipped => counts[1] += 1.0,
                    Slot::Split { order, of, .. } => {
                        counts[2] += 1.0;
                        orders.entry(order).or_insert((0, of)).0 += 1;
                    }
                }
            }
        }
        for (count, part) in counts.iter().zip([0.4, 0.3, 0.3]) {
            let share = count / spec.declarations as f64;
            assert!((share / (spec.planted_share * part) - 1.0).abs() < 0.1, "{share}");
        }
        assert!(orders.values().all(|(seen, of)| seen == of));
    }
}
