//! The decision about one subject. There is one function for it, [`Rulebook::decide`]; selecting a batch and
//! explaining a subject differ only in who listens.

use haechi_model::{Lane, SubjectKind};

use crate::batch::RowHit;
use crate::effect::Effect;
use crate::policy::{Policy, Threshold};
use crate::secret::{Lots, Secret};

/// Everything a decision depends on besides the subject and its hits.
#[derive(Clone, Debug)]
pub(crate) struct Rulebook {
    lowest: Lane,
    effects: Vec<Effect>,
    thresholds: Vec<Threshold>,
    strata: Vec<ReadyStratum>,
    fallback: Option<u32>,
}

/// A stratum as the decision reads it.
#[derive(Clone, Debug)]
struct ReadyStratum {
    rate: f64,
    lane: Lane,
    lots: Lots,
}

/// What was decided; rules and strata by index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    pub lane: Lane,
    pub requested: Lane,
    pub score: f64,
    pub lowered_by: Option<u32>,
    pub drawn_in: Option<u32>,
    pub mandatory: bool,
}

/// What mandatory rules insist on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Floor {
    pub lane: Lane,
    /// The rule whose lane it is; none where their points together reached it.
    pub rule: Option<u32>,
}

/// What a listener hears, in the order in which it happens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event<'a> {
    /// A rule hit these rows of the subject. `draw` is there where its share is not the whole.
    Hit { rule: u32, rows: &'a [RowHit], draw: Option<f64>, kept: bool },
    /// The kept rules' points, those of mandatory rules apart, and the threshold reached.
    Score { total: f64, mandatory: f64, reached: Option<&'a Threshold> },
    /// What is asked for, lanes and score together.
    Requested { lane: Lane },
    /// A trusted-trader rule was kept.
    Lowering { rule: u32, target: Lane, from: Lane, to: Lane, floor: Option<Floor> },
    /// The subject's stratum; `draw` is missing where the rate is 0.
    Random { stratum: u32, draw: Option<f64>, drawn: bool, from: Lane, to: Lane },
    /// Where it ends.
    Final { lane: Lane },
}

/// Someone who wants to know how a decision comes about.
pub(crate) trait Listener {
    fn hear(&mut self, event: Event<'_>);
}

/// Nobody.
impl Listener for () {
    fn hear(&mut self, _: Event<'_>) {}
}

impl Rulebook {
    pub fn new(kind: SubjectKind, policy: &Policy, effects: Vec<Effect>, secret: &Secret) -> Self {
        let strata = policy.strata().iter().map(|s| ReadyStratum {
            rate: s.rate,
            lane: s.lane,
            lots: secret.lots("random", &s.name),
        });
        Self {
            lowest: kind.lowest(),
            effects,
            thresholds: policy.thresholds().to_vec(),
            strata: strata.collect(),
            fallback: policy.fallback().map(|index| index as u32),
        }
    }

    pub fn n_rules(&self) -> usize {
        self.effects.len()
    }

    pub fn n_strata(&self) -> usize {
        self.strata.len()
    }

    /// The rules' effects, by rule index.
    pub fn effect(&self, rule: u32) -> &Effect {
        &self.effects[rule as usize]
    }

    /// Decides about one subject.
    ///
    /// `hits` are the subject's, sorted by rule; indexes have been checked. `stratum` is the stratum whose
    /// condition holds, if any. `kept` is scratch space; it comes back with the kept rules, by rising index.
    pub fn decide(
        &self,
        subject_id: &str,
        stratum: Option<u32>,
        hits: &[RowHit],
        kept: &mut Vec<u32>,
        listener: &mut impl Listener,
    ) -> Decision {
        kept.clear();
        let mut asked = self.lowest;
        let mut floor: Option<Floor> = None;
        let (mut total, mut mandatory_points) = (0.0, 0.0);
        let (mut scored, mut mandatory) = (false, false);

        // Points are added by rising rule index, whatever the order of hits: sums of doubles depend on order.
        for rows in hits.chunk_by(|a, b| a.rule == b.rule) {
            let rule = rows[0].rule;
            let effect = self.effect(rule);
            let draw = effect.lots.as_ref().map(|lots| lots.draw(subject_id));
            let is_kept = draw.is_none_or(|draw| draw < effect.share);
            listener.hear(Event::Hit { rule, rows, draw, kept: is_kept });
            if !is_kept {
                continue;
            }
            kept.push(rule);
            mandatory |= effect.mandatory;
            scored |= effect.score.is_some();
            total += effect.score.unwrap_or(0.0);
            if let Some(lane) = effect.lane {
                asked = asked.max(lane);
                if effect.mandatory && floor.is_none_or(|f| lane > f.lane) {
                    floor = Some(Floor { lane, rule: Some(rule) });
                }
            }
            if effect.mandatory {
                mandatory_points += effect.score.unwrap_or(0.0);
            }
        }

        if scored {
            let reached = self.reached(total);
            listener.hear(Event::Score { total, mandatory: mandatory_points, reached });
            asked = asked.max(reached.map_or(self.lowest, |t| t.lane));
            if let Some(insisted) = self.reached(mandatory_points)
                && floor.is_none_or(|f| insisted.lane > f.lane)
            {
                floor = Some(Floor { lane: insisted.lane, rule: None });
            }
        }
        // Points below zero may pull the total under what mandatory rules reach by themselves; the floor stays.
        let requested = asked.max(floor.map_or(self.lowest, |f| f.lane));
        listener.hear(Event::Requested { lane: requested });

        let (mut lane, lowered_by) = self.lower(requested, floor, kept, listener);
        let drawn_in = self.draw(subject_id, stratum, &mut lane, listener);
        listener.hear(Event::Final { lane });
        Decision { lane, requested, score: total, lowered_by, drawn_in, mandatory }
    }

    /// Of the kept rules leaves those that ask for something, strictest first: the reasons.
    pub fn keep_reasons(&self, kept: &mut Vec<u32>) {
        kept.retain(|&rule| self.effect(rule).lane.is_some() || self.effect(rule).score.is_some());
        kept.sort_unstable_by_key(|&rule| self.effect(rule).place);
    }

    /// The strictest threshold that so many points reach.
    fn reached(&self, points: f64) -> Option<&Threshold> {
        // Sorted by points, and stricter with more of them: a policy where they are not is refused.
        let above = self.thresholds.partition_point(|t| t.at_least <= points);
        above.checked_sub(1).map(|last| &self.thresholds[last])
    }

    /// The lane after the trusted-trader rules, and the rule that brought it down: the first of those that lower most.
    fn lower(
        &self,
        requested: Lane,
        floor: Option<Floor>,
        kept: &[u32],
        listener: &mut impl Listener,
    ) -> (Lane, Option<u32>) {
        let (mut lane, mut lowered_by) = (requested, None);
        for &rule in kept {
            let Some(target) = self.effect(rule).lower_to else { continue };
            let to = lane.min(target.max(floor.map_or(self.lowest, |f| f.lane)));
            listener.hear(Event::Lowering { rule, target, from: lane, to, floor });
            if to < lane {
                (lane, lowered_by) = (to, Some(rule));
            }
        }
        (lane, lowered_by)
    }

    /// The random arm: raises the lane of a drawn subject, and gives the stratum that drew it.
    fn draw(
        &self,
        subject_id: &str,
        stratum: Option<u32>,
        lane: &mut Lane,
        listener: &mut impl Listener,
    ) -> Option<u32> {
        let stratum = stratum.or(self.fallback)?;
        let ReadyStratum { rate, lane: at_least, lots } = &self.strata[stratum as usize];
        let draw = (*rate > 0.0).then(|| lots.draw(subject_id));
        let drawn = draw.is_some_and(|draw| draw < *rate);
        let from = *lane;
        if drawn {
            *lane = from.max(*at_least);
        }
        listener.hear(Event::Random { stratum, draw, drawn, from, to: *lane });
        drawn.then_some(stratum)
    }
}
