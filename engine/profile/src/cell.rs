//! What is kept of the values of one tile: enough for an aggregate, and no more.

use std::fmt::Debug;

use haechi_rules::profile::Aggregate;
use serde::{Deserialize, Serialize};

use crate::codec::{Reader, Writer};
use crate::series::Question;

/// What a record brings to an aggregate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fact<'a> {
    /// That it is there.
    There,
    /// A number.
    Number(f64),
    /// Whether something holds.
    Holds(bool),
    /// A value by its hash.
    Hash(u64),
    /// A text.
    Text(&'a str),
    /// When it was.
    At(i64),
    /// Someone, or something, that the record joins it to.
    Tie(u128),
    /// A text and when it was; `None` where the record has none.
    TextAt(Option<&'a str>, i64),
}

/// What an aggregate says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Nothing is known.
    Nothing,
    /// A count.
    Count(i64),
    /// A number.
    Number(f64),
    /// Of `n`, for how many something holds.
    Share {
        /// All.
        n: i64,
        /// Those.
        yes: i64,
    },
    /// An instant, in ms since 1970.
    Instant(i64),
    /// A text.
    Text(Box<str>),
}

impl Answer {
    /// A number, where there is one.
    pub(crate) fn number(value: Option<f64>) -> Self {
        value.map_or(Self::Nothing, Self::Number)
    }
}

/// Which cell an aggregate needs. Features that need the same of the same values share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Keeps {
    /// How many.
    Count,
    /// How many, and their sum.
    Sums,
    /// The same, and the sum of their squares.
    Moments,
    /// How many, and of how many something holds.
    Share,
    /// The least and the greatest number.
    Numbers,
    /// The first and the last instant.
    Instants,
    /// All numbers, or a sketch of them.
    Quantiles,
    /// All values by hash, or a sketch of them.
    Distinct,
    /// All texts, or a sketch of them.
    Texts,
    /// The value of the newest record.
    Latest,
    /// Nothing: the network says how many it joins.
    Members,
    /// What one shares, or those who share it.
    Ties,
}

impl Keeps {
    /// What this aggregate needs.
    pub fn of(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::Count => Self::Count,
            Aggregate::Sum | Aggregate::Mean => Self::Sums,
            Aggregate::Stddev => Self::Moments,
            Aggregate::Share => Self::Share,
            Aggregate::Min | Aggregate::Max => Self::Numbers,
            Aggregate::Quantile => Self::Quantiles,
            Aggregate::Distinct => Self::Distinct,
            Aggregate::MostFrequent | Aggregate::Entropy => Self::Texts,
            Aggregate::FirstSeen | Aggregate::LastSeen | Aggregate::DaysSince => Self::Instants,
            Aggregate::Latest => Self::Latest,
            Aggregate::Members => Self::Members,
        }
    }

    /// What serves this and another; `None` where they have to be kept apart.
    pub fn with(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Sums, Self::Moments) | (Self::Moments, Self::Sums) => Some(Self::Moments),
            _ => (self == other).then_some(self),
        }
    }

    /// What takes the same of each record.
    pub(crate) fn takes(self) -> Self {
        match self {
            Self::Sums | Self::Moments | Self::Quantiles => Self::Numbers,
            other => other,
        }
    }
}

/// The values of a tile, or of several, in the form that an aggregate needs.
pub(crate) trait Cell: Clone + Debug + Default {
    fn add(&mut self, fact: Fact<'_>);
    /// Takes back what was added.
    fn remove(&mut self, fact: Fact<'_>);
    /// Adds all of another tile.
    fn merge(&mut self, other: &Self);
    /// Takes off all of another tile; `false` where that cannot be done.
    fn unmerge(&mut self, other: &Self) -> bool;
    fn is_empty(&self) -> bool;
    /// Different values that are kept one by one.
    fn entries(&self) -> usize {
        0
    }
    /// What these values say; `now` is the instant of the record that asks.
    fn answer(&self, question: &Question, now: i64) -> Answer;
    /// What the values of a few tiles say together.
    fn answer_of_few(tiles: &[(i64, Self)], question: &Question, now: i64) -> Answer {
        match tiles {
            [] => Self::default().answer(question, now),
            [(_, only)] => only.answer(question, now),
            [(_, first), others @ ..] => {
                let mut whole = first.clone();
                for (_, cell) in others {
                    whole.merge(cell);
                }
                whole.answer(question, now)
            }
        }
    }
    fn write(&self, to: &mut Writer<'_>);
    fn read(from: &mut Reader<'_>) -> Option<Self>;
}

/// How many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count(i64);

impl Cell for Count {
    fn add(&mut self, _: Fact<'_>) {
        self.0 += 1;
    }

    fn remove(&mut self, _: Fact<'_>) {
        self.0 -= 1;
    }

    fn merge(&mut self, other: &Self) {
        self.0 += other.0;
    }

    fn unmerge(&mut self, other: &Self) -> bool {
        self.0 -= other.0;
        true
    }

    fn is_empty(&self) -> bool {
        self.0 <= 0
    }

    fn answer(&self, _: &Question, _: i64) -> Answer {
        Answer::Count(self.0)
    }

    fn write(&self, to: &mut Writer<'_>) {
        to.unsigned(self.0 as u64);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self(from.unsigned()? as i64))
    }
}

/// How many, and of how many something holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    n: i64,
    yes: i64,
}

impl Share {
    fn shift(&mut self, fact: Fact<'_>, by: i64) {
        if let Fact::Holds(holds) = fact {
            self.n += by;
            self.yes += by * i64::from(holds);
        }
    }
}

impl Cell for Share {
    fn add(&mut self, fact: Fact<'_>) {
        self.shift(fact, 1);
    }

    fn remove(&mut self, fact: Fact<'_>) {
        self.shift(fact, -1);
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.yes += other.yes;
    }

    fn unmerge(&mut self, other: &Self) -> bool {
        self.n -= other.n;
        self.yes -= other.yes;
        true
    }

    fn is_empty(&self) -> bool {
        self.n <= 0
    }

    fn answer(&self, _: &Question, _: i64) -> Answer {
        Answer::Share { n: self.n, yes: self.yes }
    }

    fn write(&self, to: &mut Writer<'_>) {
        to.unsigned(self.n as u64);
        to.unsigned(self.yes as u64);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self { n: from.unsigned()? as i64, yes: from.unsigned()? as i64 })
    }
}
