//! What follows from a rule's hit, without the rule: all that selection needs to know of the rule language.

use haechi_model::{Lane, SubjectKind};

use crate::secret::{Lots, Secret};

/// The consequences of one rule. Hits name a rule by its index in the list of effects.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleEffect {
    /// The rule's stable id.
    pub id: String,
    /// Lane it asks for.
    pub lane: Option<Lane>,
    /// Points it adds to the subject's score.
    pub score: Option<f64>,
    /// Trusted-trader rule: lowers the subject to at most this lane.
    pub lower_to: Option<Lane>,
    /// Whether nothing may lower what it asks for.
    pub mandatory: bool,
    /// Part of its hits to keep, 0 to 1.
    pub share: f64,
    /// What the examining officer reads.
    pub instruction: Option<String>,
}

impl RuleEffect {
    /// A rule that asks for nothing yet and keeps all its hits.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), lane: None, score: None, lower_to: None, mandatory: false, share: 1.0, instruction: None }
    }

    /// Whether it asks for a lane or adds points, and so can be a reason for a selection.
    pub fn asks(&self) -> bool {
        self.lane.is_some() || self.score.is_some()
    }
}

/// Why the consequences of a rule were refused. The rule language refuses these first; nothing here relies on it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EffectError {
    /// A lane of another kind of subject.
    #[error("rule `{rule}`: `{lane}` is not a lane of a {}", .kind.stream())]
    WrongLane {
        /// Whose.
        rule: String,
        /// The lane.
        lane: Lane,
        /// The kind the selector is for.
        kind: SubjectKind,
    },
    /// Points that do not add up.
    #[error("rule `{rule}`: score {score} is not a finite number")]
    BadScore {
        /// Whose.
        rule: String,
        /// The points.
        score: f64,
    },
    /// Not a part of anything.
    #[error("rule `{rule}`: share {share} is not between 0 and 1")]
    BadShare {
        /// Whose.
        rule: String,
        /// The share.
        share: f64,
    },
    /// Two rules of one id: reasons would be ambiguous.
    #[error("rule `{rule}` stands in the ruleset twice")]
    Duplicate {
        /// The id.
        rule: String,
    },
}

/// An effect as the decision reads it: small, flat, ids left behind.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    pub lane: Option<Lane>,
    pub score: Option<f64>,
    pub lower_to: Option<Lane>,
    pub mandatory: bool,
    pub share: f64,
    /// Draws, where the share is not the whole.
    pub lots: Option<Lots>,
    /// Place among the reasons of a selection: strictest lane first, then most points, then order in the ruleset.
    pub place: u32,
}

/// Checks all effects and makes them ready; every mistake is reported.
pub(crate) fn compile(
    kind: SubjectKind,
    effects: &[RuleEffect],
    secret: &Secret,
) -> Result<Vec<Effect>, Vec<EffectError>> {
    let mut errors = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for effect in effects {
        let rule = || effect.id.clone();
        for lane in [effect.lane, effect.lower_to].into_iter().flatten().filter(|l| l.kind() != kind) {
            errors.push(EffectError::WrongLane { rule: rule(), lane, kind });
        }
        if let Some(score) = effect.score.filter(|s| !s.is_finite()) {
            errors.push(EffectError::BadScore { rule: rule(), score });
        }
        if !(0.0..=1.0).contains(&effect.share) {
            errors.push(EffectError::BadShare { rule: rule(), share: effect.share });
        }
        if !ids.insert(effect.id.as_str()) {
            errors.push(EffectError::Duplicate { rule: rule() });
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut order: Vec<usize> = (0..effects.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&effects[a], &effects[b]);
        let points = |e: &RuleEffect| e.score.unwrap_or(0.0);
        b.lane.cmp(&a.lane).then(points(b).total_cmp(&points(a)))
    });
    let mut places = vec![0; effects.len()];
    for (place, rule) in order.into_iter().enumerate() {
        places[rule] = place as u32;
    }
    let ready = effects.iter().zip(places).map(|(effect, place)| Effect {
        lane: effect.lane,
        score: effect.score,
        lower_to: effect.lower_to,
        mandatory: effect.mandatory,
        share: effect.share,
        lots: (effect.share < 1.0).then(|| secret.lots("share", &effect.id)),
        place,
    });
    Ok(ready.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_of_every_effect_is_reported() {
        let good = RuleEffect { score: Some(40.0), ..RuleEffect::new("good") };
        let bad = RuleEffect {
            lane: SubjectKind::Traveller.lane("refer"),
            score: Some(f64::NAN),
            share: 1.5,
            ..RuleEffect::new("bad")
        };
        let errors = compile(SubjectKind::Declaration, &[good.clone(), bad, good], &Secret::demo()).unwrap_err();
        let texts: Vec<_> = errors.iter().map(EffectError::to_string).collect();
        assert_eq!(
            texts,
            [
                "rule `bad`: `refer` is not a lane of a declaration",
                "rule `bad`: score NaN is not a finite number",
                "rule `bad`: share 1.5 is not between 0 and 1",
                "rule `good` stands in the ruleset twice",
            ]
        );
    }

    #[test]
    fn reasons_come_strictest_first() {
        let lane = |name| SubjectKind::Declaration.lane(name);
        let effects = [
            RuleEffect { score: Some(10.0), ..RuleEffect::new("few points") },
            RuleEffect { lane: lane("documents"), ..RuleEffect::new("documents") },
            RuleEffect { score: Some(50.0), ..RuleEffect::new("many points") },
            RuleEffect { lane: lane("examine"), ..RuleEffect::new("examine") },
        ];
        let places: Vec<_> =
            compile(SubjectKind::Declaration, &effects, &Secret::demo()).unwrap().iter().map(|e| e.place).collect();
        assert_eq!(places, [3, 1, 2, 0]);
    }
}
