//! Answers by row, and the columns they make.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMillisecondArray};
use haechi_rules::program::Class;

use crate::cell::Answer;
use crate::entity::Entity;
use crate::plan::{EntityPlan, FeaturePlace, ProfilePlan};
use crate::series::{Moment, Series};

/// What the rows of a batch were told of one kind of entity.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// By feature asked for: its place, and an answer a row.
    of: Vec<(usize, Vec<Answer>)>,
}

impl Answers {
    pub fn new(_: &EntityPlan, asked: &[usize], rows: usize) -> Self {
        Self { of: asked.iter().map(|feature| (*feature, Vec::with_capacity(rows))).collect() }
    }

    /// The next row asks of this entity, or of one of which nothing is known.
    pub fn add(&mut self, plan: &EntityPlan, asked: &[usize], mut known: Option<&mut Entity>, moment: Moment) {
        for (feature, (_, answers)) in asked.iter().zip(&mut self.of) {
            let feature = &plan.features[*feature];
            let series = &plan.series[feature.series];
            answers.push(match &mut known {
                Some(entity) => entity.series[feature.series].answer(series, feature.question, moment),
                None => Series::default().answer(series, feature.question, moment),
            });
        }
    }

    /// The next row is about nobody.
    pub fn nobody(&mut self) {
        self.of.iter_mut().for_each(|(_, answers)| answers.push(Answer::Nothing));
    }

    /// The next row asks what the one before did.
    pub fn repeat(&mut self) {
        for (_, answers) in &mut self.of {
            let last = answers.last().cloned().unwrap_or(Answer::Nothing);
            answers.push(last);
        }
    }

    fn of(&self, feature: usize) -> Option<&[Answer]> {
        self.of.iter().find(|(place, _)| *place == feature).map(|(_, answers)| answers.as_slice())
    }
}

/// The column of a feature; all NULL where the stream says nothing of its entity.
pub(crate) fn column(plan: &ProfilePlan, place: FeaturePlace, all: &[Answers], rows: usize) -> ArrayRef {
    let feature = &plan.entities[place.0].features[place.1];
    let answers = all.get(place.0).and_then(|answers| answers.of(place.1)).filter(|answers| answers.len() == rows);
    let answers = || answers.unwrap_or_default().iter();
    let absent = rows - answers().len();
    match feature.class {
        Class::Int => {
            let values = answers().map(|answer| if let Answer::Count(n) = answer { Some(*n) } else { None });
            Arc::new(values.chain(std::iter::repeat_n(None, absent)).collect::<Int64Array>())
        }
        Class::Ts => {
            let values = answers().map(|answer| if let Answer::Instant(at) = answer { Some(*at) } else { None });
            let values = values.chain(std::iter::repeat_n(None, absent)).collect::<TimestampMillisecondArray>();
            Arc::new(values.with_timezone("UTC"))
        }
        Class::Text => {
            let values = answers().map(|answer| if let Answer::Text(text) = answer { Some(&**text) } else { None });
            Arc::new(values.chain(std::iter::repeat_n(None, absent)).collect::<StringArray>())
        }
        Class::Float | Class::Bool | Class::Date => {
            let numbers = numbers(plan, place, all, rows);
            Arc::new(Float64Array::from(numbers))
        }
    }
}

/// Numbers; shares drawn towards those of their group.
fn numbers(plan: &ProfilePlan, place: FeaturePlace, all: &[Answers], rows: usize) -> Vec<Option<f64>> {
    let answers = all.get(place.0).and_then(|answers| answers.of(place.1)).filter(|answers| answers.len() == rows);
    let Some(answers) = answers else { return vec![None; rows] };
    let shrink = plan.entities[place.0].features[place.1].shrink;
    let group = shrink.map(|(parent, weight)| (numbers(plan, parent, all, rows), weight));
    let number = |(row, answer): (usize, &Answer)| match answer {
        Answer::Number(number) => Some(*number),
        Answer::Share { n, yes } => {
            let toward = group.as_ref().and_then(|(group, weight)| Some((group[row]?, *weight)));
            share(*n, *yes, toward)
        }
        _ => None,
    };
    answers.iter().enumerate().map(number).collect()
}

/// A share, drawn towards that of a group by so many records of it.
pub(crate) fn share(n: i64, yes: i64, toward: Option<(f64, f64)>) -> Option<f64> {
    match toward {
        Some((group, weight)) => Some((yes as f64 + weight * group) / (n as f64 + weight)),
        None => (n > 0).then(|| yes as f64 / n as f64),
    }
}
