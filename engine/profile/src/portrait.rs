//! What is known of one, for people.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cell::{Answer, Keeps};
use crate::entity::Entity;
use crate::facts::hash_key;
use crate::network::{NetworkPlan, follow};
use crate::plan::{AboutFeature, FeaturePlan, ProfilePlan};
use crate::profiler::{ProfileError, Profiler, fetch};
use crate::series::{Grain, Moment};
use crate::shard::KeyHash;
use crate::shelf::{Position, Shelf, StateId};

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

/// One who is to be portrayed: all that has to be taken from a profiler for it, so that nobody who passes records waits
/// for what takes long.
pub struct Sitter {
    plan: Arc<ProfilePlan>,
    /// Which kind of entity.
    place: usize,
    of: StateId,
    /// It, and those that it is joined to where these are a network, each with its bytes where it is in memory.
    all: Vec<(KeyHash, Option<Box<[u8]>>)>,
    /// Where they are else.
    shelf: Option<Arc<dyn Shelf>>,
}

impl Profiler {
    /// One by its key at an instant; `None` where there is no such kind of entity, or it is not known yet what was before.
    /// Nothing is read for it but memory, and the ties of a network.
    pub fn sitter(&self, entity: &str, key: &str, at_ms: i64) -> Result<Option<Sitter>, ProfileError> {
        let plan = Arc::clone(self.plan());
        let found = plan.about().iter().position(|about| about.name == entity);
        let Some(place) = found.filter(|place| self.is_known(*place)) else { return Ok(None) };
        let Some((_, of, _)) = self.kinds().nth(place) else { return Ok(None) };
        let own = hash_key(key, self.seed());
        let mut keys = vec![own];
        if let Some(network) = plan.networks.iter().find(|network| network.entity == place) {
            keys.extend(self.others(network, own, at_ms)?);
        }
        let all = keys.into_iter().map(|key| (key, self.in_memory(of, key))).collect();
        Ok(Some(Sitter { plan, place, of, all, shelf: self.shelf().cloned() }))
    }

    /// Those that one is joined to.
    fn others(&self, network: &NetworkPlan, own: KeyHash, at_ms: i64) -> Result<Vec<KeyHash>, ProfileError> {
        let plan = self.plan();
        let entity = &plan.entities[network.ties];
        let Some((_, of, _)) = self.kinds().nth(network.ties) else { return Ok(Vec::new()) };
        let moment = moment(plan, at_ms);
        follow(own, &[], |key| {
            let known = self.packed(of, key)?.and_then(|bytes| Entity::unpack(entity, &bytes));
            let known = known.filter(|known| !known.is_over(moment.day, entity.forget_after));
            Ok(known.map_or(Vec::new(), |known| network.ties(&known, moment)))
        })
    }

    /// What is known of one by its key, at an instant and on so many `days` before it; `None` where nothing is known, or
    /// there is no such entity.
    pub fn portrait(&self, entity: &str, key: &str, at_ms: i64, days: u16) -> Result<Option<Portrait>, ProfileError> {
        self.sitter(entity, key, at_ms)?.map_or(Ok(None), |sitter| sitter.portrait(at_ms, days))
    }
}

fn moment(plan: &ProfilePlan, at_ms: i64) -> Moment {
    let day = plan.days.of(at_ms);
    Moment { at_ms, day, known_ms: at_ms, known_day: day }
}

impl Sitter {
    /// As [`Profiler::portrait`], of what was known when it was asked for.
    pub fn portrait(self, at_ms: i64, days: u16) -> Result<Option<Portrait>, ProfileError> {
        let Self { plan, place, of, all, shelf } = self;
        let entity = &plan.entities[place];
        let today = plan.days.of(at_ms);
        let people = all.len() as i64;
        let mut known = Vec::with_capacity(all.len());
        for (key, packed) in all {
            let bytes = match (packed, &shelf) {
                (Some(bytes), _) => Some(bytes),
                (None, Some(shelf)) => fetch(shelf.as_ref(), of, key)?,
                (None, None) => None,
            };
            let one = bytes.and_then(|bytes| Entity::unpack(entity, &bytes));
            known.push(one.filter(|one| !one.is_over(today, entity.forget_after)));
        }
        if known.iter().all(Option::is_none) {
            return Ok(None);
        }
        let positions = known[0].as_ref().map_or(Vec::new(), Entity::recent);
        let mut known: Vec<Entity> = known.into_iter().flatten().collect();
        let about = &plan.about()[place];
        let feature = |(planned, about): (&FeaturePlan, &AboutFeature)| {
            let series = &entity.series[planned.series];
            let is_members = series.keeps == Keeps::Members;
            let mut answer = |days: i64| {
                let moment = moment(&plan, at_ms.saturating_sub(days * DAY_MS));
                match known.as_mut_slice() {
                    _ if is_members => Answer::Count(people),
                    [one] => one.series[planned.series].answer(series, planned.question, moment),
                    all => {
                        let parts =
                            all.iter().map(|one| one.series[planned.series].part(series, planned.question, moment));
                        let together = parts.reduce(|mut together, part| {
                            together.absorb(part);
                            together
                        });
                        together.map_or(Answer::Nothing, |together| {
                            together.answer_alone(&series.questions[planned.question], moment.at_ms)
                        })
                    }
                }
            };
            let before = if series.grain == Grain::Day && !is_members { days } else { 0 };
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
