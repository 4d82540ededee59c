//! Answers by row, and the columns they make.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMillisecondArray};
use haechi_rules::program::Class;

use crate::cell::{Answer, Keeps};
use crate::entity::Entity;
use crate::plan::{EntityPlan, FeaturePlace, FeaturePlan, ProfilePlan};
use crate::series::Moment;

/// What rows of a batch were told of some entities of one kind, in the order in which they asked.
#[derive(Debug)]
pub(crate) struct Told {
    entity: usize,
    rows: Vec<u32>,
    /// By feature asked for: its place in the entity, and what it says.
    of: Vec<(usize, Values)>,
}

/// Answers in the form of their column; what is not known has a place too.
#[derive(Debug)]
enum Values {
    Counts(Vec<Option<i64>>),
    Numbers(Vec<Option<f64>>),
    Instants(Vec<Option<i64>>),
    Texts(Vec<Option<Box<str>>>),
    /// Not a number yet: it may be drawn towards another share.
    Shares(Vec<Option<(i64, i64)>>),
}

impl Values {
    fn new(plan: &EntityPlan, feature: &FeaturePlan, rows: usize) -> Self {
        match feature.class {
            _ if plan.series[feature.series].keeps == Keeps::Share => Self::Shares(Vec::with_capacity(rows)),
            Class::Int => Self::Counts(Vec::with_capacity(rows)),
            Class::Ts => Self::Instants(Vec::with_capacity(rows)),
            Class::Text => Self::Texts(Vec::with_capacity(rows)),
            Class::Float | Class::Bool | Class::Date => Self::Numbers(Vec::with_capacity(rows)),
        }
    }

    fn add(&mut self, answer: Answer) {
        match self {
            Self::Counts(counts) => counts.push(if let Answer::Count(n) = answer { Some(n) } else { None }),
            Self::Numbers(numbers) => numbers.push(if let Answer::Number(x) = answer { Some(x) } else { None }),
            Self::Instants(instants) => instants.push(if let Answer::Instant(at) = answer { Some(at) } else { None }),
            Self::Texts(texts) => texts.push(if let Answer::Text(text) = answer { Some(text) } else { None }),
            Self::Shares(shares) => {
                shares.push(if let Answer::Share { n, yes } = answer { Some((n, yes)) } else { None });
            }
        }
    }

    /// The same answer again.
    fn repeat(&mut self) {
        match self {
            Self::Counts(counts) => counts.extend_from_within(counts.len().saturating_sub(1)..),
            Self::Numbers(numbers) => numbers.extend_from_within(numbers.len().saturating_sub(1)..),
            Self::Instants(instants) => instants.extend_from_within(instants.len().saturating_sub(1)..),
            Self::Texts(texts) => texts.extend_from_within(texts.len().saturating_sub(1)..),
            Self::Shares(shares) => shares.extend_from_within(shares.len().saturating_sub(1)..),
        }
    }
}

/// Those of one form.
macro_rules! of_form {
    ($($name:ident: $form:ident($type:ty)),*) => {
        impl Values {
            $(fn $name(&self) -> &[Option<$type>] {
                if let Self::$form(values) = self { values } else { &[] }
            })*
        }
    };
}

of_form!(
    counts: Counts(i64), numbers: Numbers(f64), instants: Instants(i64), texts: Texts(Box<str>), shares: Shares((i64, i64))
);

impl Told {
    /// Nothing yet, of the features at these places of an entity; so many rows will ask.
    pub fn new(plan: &ProfilePlan, entity: usize, asked: Vec<usize>, rows: usize) -> Self {
        let plan = &plan.entities[entity];
        let values = |feature| (feature, Values::new(plan, &plan.features[feature], rows));
        let of = asked.into_iter().map(values).collect();
        Self { entity, rows: Vec::with_capacity(rows), of }
    }

    /// Whether anything is asked.
    pub fn asks(&self) -> bool {
        !self.of.is_empty()
    }

    /// A row asks of this entity.
    pub fn add(&mut self, plan: &EntityPlan, row: u32, entity: &mut Entity, moment: Moment) {
        self.rows.push(row);
        for (feature, values) in &mut self.of {
            let feature = &plan.features[*feature];
            let series = &plan.series[feature.series];
            values.add(entity.series[feature.series].answer(series, feature.question, moment));
        }
    }

    /// A row asks what the one before did.
    pub fn repeat(&mut self, row: u32) {
        self.rows.push(row);
        self.of.iter_mut().for_each(|(_, values)| values.repeat());
    }

    fn of(&self, place: FeaturePlace) -> Option<(&[u32], &Values)> {
        let found = self.of.iter().filter(|_| self.entity == place.0).find(|(feature, _)| *feature == place.1);
        found.map(|(_, values)| (self.rows.as_slice(), values))
    }
}

/// The column of a feature; NULL for rows that are about nobody.
pub(crate) fn column(plan: &ProfilePlan, place: FeaturePlace, told: &[Told], rows: usize) -> ArrayRef {
    let feature = &plan.entities[place.0].features[place.1];
    match feature.class {
        Class::Int => Arc::new(Int64Array::from(in_order(place, told, rows, Values::counts))),
        Class::Ts => {
            let instants = TimestampMillisecondArray::from(in_order(place, told, rows, Values::instants));
            Arc::new(instants.with_timezone("UTC"))
        }
        Class::Text => Arc::new(in_order(place, told, rows, Values::texts).into_iter().collect::<StringArray>()),
        Class::Float | Class::Bool | Class::Date => Arc::new(Float64Array::from(numbers(plan, place, told, rows))),
    }
}

/// The answers of all parts, by row.
fn in_order<T: Clone>(
    place: FeaturePlace,
    told: &[Told],
    rows: usize,
    of: fn(&Values) -> &[Option<T>],
) -> Vec<Option<T>> {
    let mut by_row = vec![None; rows];
    for (asking, values) in told.iter().filter_map(|told| told.of(place)) {
        for (row, value) in asking.iter().zip(of(values)) {
            by_row[*row as usize].clone_from(value);
        }
    }
    by_row
}

/// Numbers; shares drawn towards those of their group.
fn numbers(plan: &ProfilePlan, place: FeaturePlace, told: &[Told], rows: usize) -> Vec<Option<f64>> {
    let entity = &plan.entities[place.0];
    let feature = &entity.features[place.1];
    if entity.series[feature.series].keeps != Keeps::Share {
        return in_order(place, told, rows, Values::numbers);
    }
    let group = feature.shrink.map(|(parent, weight)| (numbers(plan, parent, told, rows), weight));
    let number = |(row, own): (usize, Option<(i64, i64)>)| {
        let toward = group.as_ref().and_then(|(group, weight)| Some((group[row]?, *weight)));
        own.and_then(|(n, yes)| share(n, yes, toward))
    };
    in_order(place, told, rows, Values::shares).into_iter().enumerate().map(number).collect()
}

/// A share, drawn towards that of a group by so many records of it.
fn share(n: i64, yes: i64, toward: Option<(f64, f64)>) -> Option<f64> {
    match toward {
        Some((group, weight)) => Some((yes as f64 + weight * group) / (n as f64 + weight)),
        None => (n > 0).then(|| yes as f64 / n as f64),
    }
}
