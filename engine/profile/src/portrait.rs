//! What is known of one, for people.

use serde::{Deserialize, Serialize};

use crate::cell::Answer;
use crate::entity::Entity;
use crate::facts::hash_key;
use crate::profiler::{ProfileError, Profiler};
use crate::series::{Grain, Moment};
use crate::shelf::Position;

/// What is known of one at an instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Portrait {
    /// Which kind of entity.
    pub entity: String,
    /// What that is, in a line.
    pub title: String,
    /// In the order of their declaration.
    pub features: Vec<Portrayed>,
    /// Where the last records about it stand in the journal, newest first.
    pub positions: Vec<Position>,
}

/// A feature of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Portrayed {
    /// Its name, without the entity.
    pub name: String,
    /// What it says, in a line; may be empty.
    pub title: String,
    /// How it is made.
    pub made: String,
    /// What a record would see that came now.
    pub now: Answer,
    /// What one would have seen at this hour of each of the days before, by what is known now; oldest first. None where
    /// that cannot be told: windows of hours, and all time.
    pub before: Vec<Answer>,
}

const DAY_MS: i64 = 86_400_000;

impl Profiler {
    /// What is known of one by its key, at an instant and on so many `days` before it; `None` where nothing is known, or
    /// there is no such entity.
    pub fn portrait(&self, entity: &str, key: &str, at_ms: i64, days: u16) -> Result<Option<Portrait>, ProfileError> {
        let plan = self.plan();
        let Some(place) = plan.entities.iter().position(|plan| plan.name == entity) else { return Ok(None) };
        let Some((_, id, _)) = self.kinds().nth(place) else { return Ok(None) };
        let bytes = self.packed(id, hash_key(key, self.seed()))?;
        let entity = &plan.entities[place];
        let today = plan.days.of(at_ms);
        let known = bytes.and_then(|bytes| Entity::unpack(entity, &bytes));
        let Some(mut known) = known.filter(|known| !known.is_over(today, entity.forget_after)) else { return Ok(None) };
        let positions = known.recent();
        let about = &plan.about()[place];
        let feature = |(planned, about): (&crate::plan::FeaturePlan, &crate::plan::AboutFeature)| {
            let series = &entity.series[planned.series];
            let mut answer = |days: i64| {
                let at_ms = at_ms.saturating_sub(days * DAY_MS);
                let day = plan.days.of(at_ms);
                let moment = Moment { at_ms, day, known_ms: at_ms, known_day: day };
                known.series[planned.series].answer(series, planned.question, moment)
            };
            let before = if series.grain == Grain::Day { days } else { 0 };
            Portrayed {
                name: about.name.clone(),
                title: about.title.clone(),
                made: about.made.clone(),
                before: (1..=i64::from(before)).rev().map(&mut answer).collect(),
                now: answer(0),
            }
        };
        let features = entity.features.iter().zip(&about.features).map(feature).collect();
        Ok(Some(Portrait { entity: about.name.clone(), title: about.title.clone(), features, positions }))
    }
}
