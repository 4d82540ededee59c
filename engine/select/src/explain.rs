//! Why a subject got its lane: the steps of the decision, heard while it is taken.
//!
//! Draws are shown as they fell. Whoever sees many of them learns nothing about other subjects, but sees who was
//! taken by chance: an explanation stays inside.

use std::fmt;

use haechi_model::Lane;
use serde::Serialize;

use crate::batch::{RowHit, SubjectBatch};
use crate::decide::{Event, Floor, Listener};
use crate::select::SelectError;
use crate::selector::Selector;

/// The decision about one subject, and how it came about. Displays as text, one step a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SubjectDecision {
    /// Who.
    pub subject_id: String,
    /// Which state of it.
    pub version: i32,
    /// The lane it gets.
    pub lane: Lane,
    /// What rules asked for, before lowering and chance.
    pub requested_lane: Lane,
    /// Points of the kept rules.
    pub score: f64,
    /// Kept rules that ask for something, strictest first.
    pub reasons: Vec<String>,
    /// The rule that lowered it.
    pub lowered_by: Option<String>,
    /// The stratum in which the random arm took it.
    pub random_stratum: Option<String>,
    /// Whether a mandatory rule hit it.
    pub mandatory: bool,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// One step of a decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// A rule hit rows of the subject.
    Hit {
        /// The rule.
        rule: String,
        /// Rows of the batch, from 0; shown from 1.
        rows: Vec<u32>,
        /// Lane it asks for.
        lane: Option<Lane>,
        /// Points it adds.
        score: Option<f64>,
        /// Lane it lowers to.
        lower_to: Option<Lane>,
        /// Whether nothing may lower what it asks for.
        mandatory: bool,
        /// Part of its hits that it keeps.
        share: f64,
        /// What was drawn where it does not keep all.
        draw: Option<f64>,
        /// Whether it was kept, so that the rest counts.
        kept: bool,
    },
    /// Points were added up.
    Score {
        /// Of all kept rules.
        total: f64,
        /// Of mandatory rules alone.
        mandatory: f64,
        /// Points of the threshold reached.
        threshold: Option<f64>,
        /// Lane that the threshold asks for.
        lane: Option<Lane>,
    },
    /// Lanes and score together ask for this.
    Requested {
        /// The lane.
        lane: Lane,
    },
    /// A trusted-trader rule lowered it, or could not.
    Lowering {
        /// The rule.
        rule: String,
        /// What it lowers to.
        lower_to: Lane,
        /// The lane before.
        from: Lane,
        /// The lane after.
        to: Lane,
        /// Why it is not lower.
        stopped_by: Option<StopReason>,
    },
    /// The random arm drew.
    Random {
        /// The subject's stratum.
        stratum: String,
        /// Part of the stratum that is taken.
        rate: f64,
        /// What was drawn; missing where the rate is 0.
        draw: Option<f64>,
        /// Whether it was taken: the draw is below the rate.
        taken: bool,
        /// The lane before.
        from: Lane,
        /// The lane after.
        to: Lane,
    },
    /// The lane it gets.
    Final {
        /// The lane.
        lane: Lane,
    },
}

/// Why a trusted-trader rule did not lower a subject as far as it says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It was as low already.
    AlreadyThere,
    /// A mandatory rule asks for the lane.
    MandatoryRule(String),
    /// The points of mandatory rules alone reach the lane's threshold.
    MandatoryScore,
}

impl Selector {
    /// The decision about one subject of a batch, step by step. `hits` are those of the batch, in any order.
    pub fn explain(
        &self,
        subjects: &SubjectBatch,
        subject: usize,
        hits: &[RowHit],
    ) -> Result<SubjectDecision, SelectError> {
        self.check(subjects, hits)?;
        if subject >= subjects.len() {
            return Err(SelectError::NoSuchSubject { subject, n_subjects: subjects.len() });
        }
        let rows = subjects.rows(subject);
        let mut own: Vec<RowHit> = hits.iter().copied().filter(|hit| rows.contains(&hit.row)).collect();
        own.sort_unstable_by_key(|hit| (hit.rule, hit.row));
        let mut notes = Notes { selector: self, steps: Vec::new() };
        let mut kept = Vec::new();
        let id = subjects.id(subject);
        let decision = self.rulebook.decide(id, subjects.stratum(subject), &own, &mut kept, &mut notes);
        let steps = notes.steps;
        self.rulebook.keep_reasons(&mut kept);
        Ok(SubjectDecision {
            subject_id: id.to_owned(),
            version: subjects.version(subject),
            lane: decision.lane,
            requested_lane: decision.requested,
            score: decision.score,
            reasons: kept.into_iter().map(|rule| self.rule_id(rule)).collect(),
            lowered_by: decision.lowered_by.map(|rule| self.rule_id(rule)),
            random_stratum: decision.drawn_in.map(|stratum| self.policy.strata()[stratum as usize].name.clone()),
            mandatory: decision.mandatory,
            steps,
        })
    }

    fn rule_id(&self, rule: u32) -> String {
        self.effects[rule as usize].id.clone()
    }
}

/// A listener that writes down what it hears, with names for indexes.
struct Notes<'a> {
    selector: &'a Selector,
    steps: Vec<Step>,
}

impl Listener for Notes<'_> {
    fn hear(&mut self, event: Event<'_>) {
        let step = match event {
            Event::Hit { rule, rows, draw, kept } => {
                let effect = &self.selector.effects[rule as usize];
                Step::Hit {
                    rule: effect.id.clone(),
                    rows: rows.iter().map(|hit| hit.row).collect(),
                    lane: effect.lane,
                    score: effect.score,
                    lower_to: effect.lower_to,
                    mandatory: effect.mandatory,
                    share: effect.share,
                    draw,
                    kept,
                }
            }
            Event::Score { total, mandatory, reached } => {
                Step::Score { total, mandatory, threshold: reached.map(|t| t.at_least), lane: reached.map(|t| t.lane) }
            }
            Event::Requested { lane } => Step::Requested { lane },
            Event::Lowering { rule, target, from, to, floor } => Step::Lowering {
                rule: self.selector.rule_id(rule),
                lower_to: target,
                from,
                to,
                stopped_by: self.stop_reason(target, from, to, floor),
            },
            Event::Random { stratum, draw, drawn, from, to } => {
                let stratum = &self.selector.policy.strata()[stratum as usize];
                Step::Random { stratum: stratum.name.clone(), rate: stratum.rate, draw, taken: drawn, from, to }
            }
            Event::Final { lane } => Step::Final { lane },
        };
        self.steps.push(step);
    }
}

impl Notes<'_> {
    fn stop_reason(&self, target: Lane, from: Lane, to: Lane, floor: Option<Floor>) -> Option<StopReason> {
        match floor {
            _ if from <= target => Some(StopReason::AlreadyThere),
            Some(floor) if to > target => Some(match floor.rule {
                Some(rule) => StopReason::MandatoryRule(self.selector.rule_id(rule)),
                None => StopReason::MandatoryScore,
            }),
            _ => None,
        }
    }
}

impl fmt::Display for SubjectDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.subject_id, self.lane)?;
        self.steps.iter().try_for_each(|step| write!(f, "\n  {step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hit { rule, rows, lane, score, lower_to, mandatory, share, draw, kept } => {
                let rows: Vec<_> = rows.iter().map(|row| (row + 1).to_string()).collect();
                write!(f, "{rule} hits row {}", rows.join(", "))?;
                if let Some(draw) = draw {
                    let verdict = if *kept { "kept" } else { "not kept, so it does nothing" };
                    write!(f, ", {verdict} (drew {draw:.6}, share {share})")?;
                }
                if *kept {
                    let asks = if *mandatory { "insists on" } else { "asks for" };
                    lane.iter().try_for_each(|lane| write!(f, ", {asks} {lane}"))?;
                    let points = if *mandatory { "mandatory points" } else { "points" };
                    score.iter().try_for_each(|score| write!(f, ", {score} {points}"))?;
                    lower_to.iter().try_for_each(|lane| write!(f, ", lowers to {lane}"))?;
                }
                Ok(())
            }
            Self::Score { total, threshold: Some(points), lane: Some(lane), .. } => {
                write!(f, "score {total}: reaches {points}, asks for {lane}")
            }
            Self::Score { total, .. } => write!(f, "score {total}: reaches no threshold"),
            Self::Requested { lane } => write!(f, "asked for: {lane}"),
            Self::Lowering { rule, lower_to, from, to, stopped_by } => {
                if from == to {
                    write!(f, "{rule} would lower to {lower_to}, stays {to}")?;
                } else {
                    write!(f, "{rule} lowers {from} to {to}")?;
                }
                match stopped_by {
                    None => Ok(()),
                    Some(StopReason::AlreadyThere) => write!(f, ": no stricter already"),
                    Some(StopReason::MandatoryRule(mandatory)) => write!(f, ": {mandatory} is mandatory"),
                    Some(StopReason::MandatoryScore) => write!(f, ": the points of mandatory rules reach it"),
                }
            }
            Self::Random { stratum, rate, draw, taken, from, to } => {
                write!(f, "random arm `{stratum}` at {rate}: ")?;
                match draw {
                    None => write!(f, "takes nobody"),
                    Some(draw) if !taken => write!(f, "drew {draw:.6}, not taken"),
                    Some(draw) if from == to => write!(f, "drew {draw:.6}, taken, {to} already"),
                    Some(draw) => write!(f, "drew {draw:.6}, taken, {from} becomes {to}"),
                }
            }
            Self::Final { lane } => write!(f, "lane: {lane}"),
        }
    }
}
