//! Answers by row, and the columns they make.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBufferBuilder, PrimitiveArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{ArrowPrimitiveType, Float64Type, Int64Type, TimestampMillisecondType};
use haechi_rules::profile::Aggregate;
use haechi_rules::program::Class;

use crate::cell::{Answer, Keeps};
use crate::entity::Entity;
use crate::network::Joined;
use crate::plan::{EntityPlan, FeaturePlace, ProfilePlan};
use crate::series::{Moment, Series};
use crate::shard::KeyHash;

/// What rows of a batch were told of some entities of one kind, in the order in which they asked.
///
/// Its room is used again for the next batch: as much as all rows are told would be new memory each time.
#[derive(Debug, Default)]
pub(crate) struct Told {
    entity: usize,
    /// Places of the features asked for in the entity.
    asked: Vec<usize>,
    rows: Vec<u32>,
    /// By row, and feature asked for.
    said: Vec<Said>,
    /// The texts among them.
    texts: Vec<Box<str>>,
    /// Shares among them: of how many, and how many. Not a number yet: it may be drawn towards another share.
    shares: Vec<(i64, i64)>,
    /// What entities hold that rows ask together.
    parts: Vec<Part>,
}

/// What one of several entities holds for a row, by feature asked for.
#[derive(Debug)]
struct Part {
    row: u32,
    key: KeyHash,
    /// The instant of the row.
    at_ms: i64,
    of: Vec<Series>,
}

/// An answer, or where it stands in [`Told`].
#[derive(Clone, Copy, Debug, Default)]
enum Said {
    #[default]
    Nothing,
    Whole(i64),
    Number(f64),
    Text(usize),
    Share(usize),
}

impl Told {
    /// Nothing yet, of the features at these places of an entity; so many rows will ask.
    pub fn ask(&mut self, entity: usize, asked: impl Iterator<Item = usize>, rows: usize) {
        self.entity = entity;
        self.asked.clear();
        self.asked.extend(asked);
        self.rows.clear();
        self.said.clear();
        self.texts.clear();
        self.shares.clear();
        self.parts.clear();
        if self.asks() {
            self.rows.reserve(rows);
            self.said.reserve(rows * self.asked.len());
        }
    }

    /// Whether anything is asked.
    pub fn asks(&self) -> bool {
        !self.asked.is_empty()
    }

    /// A row asks of this entity.
    pub fn add(&mut self, plan: &EntityPlan, row: u32, entity: &mut Entity, moment: Moment) {
        self.rows.push(row);
        for place in 0..self.asked.len() {
            let feature = &plan.features[self.asked[place]];
            let series = &plan.series[feature.series];
            let answer = entity.series[feature.series].answer(series, feature.question, moment);
            self.push(answer);
        }
    }

    #[inline]
    fn push(&mut self, answer: Answer) {
        self.said.push(match answer {
            Answer::Nothing => Said::Nothing,
            Answer::Count(n) => Said::Whole(n),
            Answer::Instant(at_ms) => Said::Whole(at_ms),
            Answer::Number(value) => Said::Number(value),
            Answer::Text(text) => {
                self.texts.push(text);
                Said::Text(self.texts.len() - 1)
            }
            Answer::Share { n, yes } => {
                self.shares.push((n, yes));
                Said::Share(self.shares.len() - 1)
            }
        });
    }

    /// A row asks what the one before did.
    pub fn repeat(&mut self, row: u32) {
        self.rows.push(row);
        self.said.extend_from_within(self.said.len().saturating_sub(self.asked.len())..);
    }

    /// A row asks this entity, and others with it: what they hold is put together, see [`Told::together`].
    pub fn add_part(&mut self, plan: &EntityPlan, row: u32, key: KeyHash, entity: &Entity, moment: Moment) {
        let part = |feature: &usize| {
            let feature = &plan.features[*feature];
            entity.series[feature.series].part(&plan.series[feature.series], feature.question, moment)
        };
        let of = self.asked.iter().map(part).collect();
        self.parts.push(Part { row, key, at_ms: moment.at_ms, of });
    }

    /// What rows, and those they ask for, are told of all entities of a kind that they asked together. Takes what they hold
    /// out of `told`.
    pub fn together(plan: &ProfilePlan, entity: usize, joined: &Joined, told: &mut [Self]) -> Option<Self> {
        let mut parts = Vec::new();
        let mut asked = None;
        for told in told.iter_mut().filter(|told| told.entity == entity && !told.parts.is_empty()) {
            parts.append(&mut told.parts);
            asked = Some(told.asked.clone());
        }
        let plan = &plan.entities[entity];
        let mut together = Self { entity, asked: asked?, ..Self::default() };
        // In one order, whatever thread they come from.
        parts.sort_unstable_by_key(|part| (part.row, part.key));
        let mut parts = parts.into_iter().peekable();
        while let Some(mut all) = parts.next() {
            while let Some(other) = parts.next_if(|other| other.row == all.row) {
                all.of.iter_mut().zip(other.of).for_each(|(series, other)| series.absorb(other));
            }
            together.rows.push(all.row);
            for (place, series) in all.of.iter().enumerate() {
                let feature = &plan.features[together.asked[place]];
                let question = &plan.series[feature.series].questions[feature.question];
                together.push(series.answer_alone(question, all.at_ms));
            }
            joined.repeats(all.row).for_each(|row| together.repeat(row));
        }
        Some(together)
    }

    /// What rows were told of a feature.
    fn of(&self, place: FeaturePlace) -> impl Iterator<Item = (usize, Said)> {
        let asked = if self.entity == place.0 { self.asked.iter().position(|asked| *asked == place.1) } else { None };
        asked.into_iter().flat_map(|asked| {
            let said = self.said.iter().skip(asked).step_by(self.asked.len());
            self.rows.iter().map(|row| *row as usize).zip(said.copied())
        })
    }
}

/// The column of a feature; NULL for rows that are about nobody. Of a row that is about several, each is asked, and the
/// greatest answer counts: the busiest of its phones, the container that most importers declared. Where less is more,
/// the least does; of texts it is the first by the alphabet.
pub(crate) fn column(plan: &ProfilePlan, place: FeaturePlace, told: &[Told], rows: usize) -> ArrayRef {
    let feature = &plan.entities[place.0].features[place.1];
    let whole = |_: &Told, said: Said| if let Said::Whole(value) = said { Some(value) } else { None };
    let least = is_least(plan, place);
    let better = |one: i64, other: i64| if least { one < other } else { one > other };
    match feature.class {
        Class::Int => Arc::new(PrimitiveArray::<Int64Type>::from(in_order(place, told, rows, whole, better))),
        Class::Ts => {
            let instants = PrimitiveArray::<TimestampMillisecondType>::from(in_order(place, told, rows, whole, better));
            Arc::new(instants.with_timezone("UTC"))
        }
        Class::Text => {
            let mut texts = vec![None; rows];
            for told in told {
                for (row, said) in told.of(place) {
                    let Said::Text(text) = said else { continue };
                    let text = &*told.texts[text];
                    texts[row] = Some(texts[row].map_or(text, |other| text.min(other)));
                }
            }
            Arc::new(StringArray::from(texts))
        }
        Class::Float | Class::Bool | Class::Date => {
            Arc::new(PrimitiveArray::<Float64Type>::from(numbers(plan, place, told, rows)))
        }
    }
}

/// Whether the least of several answers says most.
fn is_least(plan: &ProfilePlan, (entity, place): FeaturePlace) -> bool {
    let entity = &plan.entities[entity];
    let feature = &entity.features[place];
    let aggregate = entity.series[feature.series].questions[feature.question].aggregate;
    matches!(aggregate, Aggregate::Min | Aggregate::FirstSeen | Aggregate::DaysSince)
}

/// Values by row, and which of them are there.
struct ByRow<T> {
    values: Vec<T>,
    known: BooleanBufferBuilder,
}

impl<T: Copy> ByRow<T> {
    fn at(&self, row: usize) -> Option<T> {
        self.known.get_bit(row).then(|| self.values[row])
    }
}

impl<P: ArrowPrimitiveType> From<ByRow<P::Native>> for PrimitiveArray<P> {
    fn from(of: ByRow<P::Native>) -> Self {
        let ByRow { values, mut known } = of;
        let nulls = Some(NullBuffer::new(known.finish())).filter(|nulls| nulls.null_count() > 0);
        Self::new(values.into(), nulls)
    }
}

/// The answers of all parts.
fn in_order<T: Copy + Default>(
    place: FeaturePlace,
    told: &[Told],
    rows: usize,
    of: impl Fn(&Told, Said) -> Option<T>,
    better: impl Fn(T, T) -> bool,
) -> ByRow<T> {
    let mut known = BooleanBufferBuilder::new(rows);
    known.append_n(rows, false);
    let mut by_row = ByRow { values: vec![T::default(); rows], known };
    for told in told {
        for (row, said) in told.of(place) {
            if let Some(value) = of(told, said)
                && by_row.at(row).is_none_or(|other| better(value, other))
            {
                by_row.values[row] = value;
                by_row.known.set_bit(row, true);
            }
        }
    }
    by_row
}

/// Numbers; shares drawn towards those of their group.
fn numbers(plan: &ProfilePlan, place: FeaturePlace, told: &[Told], rows: usize) -> ByRow<f64> {
    let number = |_: &Told, said: Said| if let Said::Number(value) = said { Some(value) } else { None };
    let feature = &plan.entities[place.0].features[place.1];
    if plan.entities[place.0].series[feature.series].keeps != Keeps::Share {
        let least = is_least(plan, place);
        return in_order(place, told, rows, number, |one, other| if least { one < other } else { one > other });
    }
    let own = |told: &Told, said: Said| if let Said::Share(share) = said { Some(told.shares[share]) } else { None };
    let own = in_order(place, told, rows, own, is_larger_share);
    let group = feature.shrink.map(|(parent, weight)| (numbers(plan, parent, told, rows), weight));
    let mut known = BooleanBufferBuilder::new(rows);
    let of_row = |row: usize| {
        let toward = group.as_ref().and_then(|(group, weight)| Some((group.at(row)?, *weight)));
        let number = own.at(row).and_then(|(n, yes)| share(n, yes, toward));
        known.append(number.is_some());
        number.unwrap_or_default()
    };
    let values = (0..rows).map(of_row).collect();
    ByRow { values, known }
}

/// A share, drawn towards that of a group by so many records of it.
fn share(n: i64, yes: i64, toward: Option<(f64, f64)>) -> Option<f64> {
    match toward {
        Some((group, weight)) => Some((yes as f64 + weight * group) / (n as f64 + weight)),
        None => (n > 0).then(|| yes as f64 / n as f64),
    }
}

/// Whether one share, of how many and how many, is larger than another; of equal ones that of more.
fn is_larger_share((n, yes): (i64, i64), (other_n, other_yes): (i64, i64)) -> bool {
    let (one, other) = (i128::from(yes) * i128::from(other_n), i128::from(other_yes) * i128::from(n));
    if n == 0 || other_n == 0 || one == other { n > other_n } else { one > other }
}
