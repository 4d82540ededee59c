//! What is kept of the values of one tile: enough for an aggregate, and no more.

use haechi_rules::profile::Aggregate;
use serde::{Deserialize, Serialize};

use crate::bag::Bag;
use crate::ends::Ends;
use crate::exact::{Moments, ordered, unordered};
use crate::latest::Latest;
use crate::sketch::{Distinct, Frequent, Kind, Quantiles, Sketch};

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

/// Which cell an aggregate needs. Features that need the same of the same values share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Keeps {
    /// How many.
    Count,
    /// How many, sum, squares.
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
}

impl Keeps {
    /// What this aggregate needs.
    pub fn of(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::Count => Self::Count,
            Aggregate::Sum | Aggregate::Mean | Aggregate::Stddev => Self::Moments,
            Aggregate::Share => Self::Share,
            Aggregate::Min | Aggregate::Max => Self::Numbers,
            Aggregate::Quantile => Self::Quantiles,
            Aggregate::Distinct => Self::Distinct,
            Aggregate::MostFrequent | Aggregate::Entropy => Self::Texts,
            Aggregate::FirstSeen | Aggregate::LastSeen | Aggregate::DaysSince => Self::Instants,
            Aggregate::Latest => Self::Latest,
        }
    }

    pub(crate) fn empty(self) -> Cell {
        match self {
            Self::Count => Cell::Count(0),
            Self::Moments => Cell::Moments(Box::default()),
            Self::Share => Cell::Share { n: 0, yes: 0 },
            Self::Numbers | Self::Instants => Cell::Ends(Ends::default()),
            Self::Quantiles => Cell::Numbers(Bag::default()),
            Self::Distinct => Cell::Hashes(Bag::default()),
            Self::Texts => Cell::Texts(Bag::default()),
            Self::Latest => Cell::Latest(Latest::default()),
        }
    }
}

/// The values of a tile, in the form that its aggregates need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Cell {
    Count(i64),
    /// In a box, as sketches are: most tiles hold a count or a few values, and there are millions of them.
    Moments(Box<Moments>),
    Share {
        n: i64,
        yes: i64,
    },
    Ends(Ends),
    Latest(Latest),
    Numbers(Bag<i64>),
    Hashes(Bag<u64>),
    Texts(Bag<Box<str>>),
    NumberSketch(Box<Sketch<i64>>),
    HashSketch(Box<Sketch<u64>>),
    TextSketch(Box<Sketch<Box<str>>>),
}

impl Cell {
    pub fn add(&mut self, fact: Fact<'_>) {
        match (self, fact) {
            (Self::Count(n), _) => *n += 1,
            (Self::Moments(moments), Fact::Number(value)) => moments.add(value),
            (Self::Share { n, yes }, Fact::Holds(holds)) => {
                *n += 1;
                *yes += i64::from(holds);
            }
            (Self::Ends(ends), Fact::Number(value)) => ends.add(ordered(value)),
            (Self::Ends(ends), Fact::At(at)) => ends.add(at),
            (Self::Latest(latest), Fact::TextAt(value, at)) => latest.add(at, value.map(Box::from)),
            (Self::Numbers(bag), Fact::Number(value)) => bag.add(ordered(value), 1),
            (Self::Hashes(bag), Fact::Hash(hash)) => bag.add(hash, 1),
            (Self::Texts(bag), Fact::Text(text)) => bag.add(text.into(), 1),
            (Self::NumberSketch(sketch), Fact::Number(value)) => sketch.add::<Quantiles>(ordered(value)),
            (Self::HashSketch(sketch), Fact::Hash(hash)) => sketch.add::<Distinct>(hash),
            (Self::TextSketch(sketch), Fact::Text(text)) => sketch.add::<Frequent>(text.into()),
            // Facts are made for the cell they go to.
            _ => debug_assert!(false, "a fact of another kind"),
        }
    }

    /// Takes back what was added. A sketch keeps it.
    pub fn remove(&mut self, fact: Fact<'_>) {
        match (self, fact) {
            (Self::Count(n), _) => *n -= 1,
            (Self::Moments(moments), Fact::Number(value)) => moments.remove(value),
            (Self::Share { n, yes }, Fact::Holds(holds)) => {
                *n -= 1;
                *yes -= i64::from(holds);
            }
            (Self::Ends(ends), Fact::Number(value)) => ends.remove(ordered(value)),
            (Self::Ends(ends), Fact::At(at)) => ends.remove(at),
            (Self::Latest(latest), Fact::TextAt(value, at)) => latest.remove(at, value),
            (Self::Numbers(bag), Fact::Number(value)) => bag.remove(&ordered(value), 1),
            (Self::Hashes(bag), Fact::Hash(hash)) => bag.remove(&hash, 1),
            (Self::Texts(bag), Fact::Text(text)) => bag.remove(&text.into(), 1),
            _ => {}
        }
    }

    /// Adds all of another tile, of the same form.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Count(n), Self::Count(more)) => *n += more,
            (Self::Moments(moments), Self::Moments(more)) => moments.merge(more),
            (Self::Share { n, yes }, Self::Share { n: more, yes: more_yes }) => {
                *n += more;
                *yes += more_yes;
            }
            (Self::Ends(ends), Self::Ends(more)) => ends.merge(more),
            (Self::Latest(latest), Self::Latest(more)) => latest.merge(more),
            (Self::Numbers(bag), Self::Numbers(more)) => bag.merge(more),
            (Self::Hashes(bag), Self::Hashes(more)) => bag.merge(more),
            (Self::Texts(bag), Self::Texts(more)) => bag.merge(more),
            _ => debug_assert!(false, "cells of two forms"),
        }
    }

    /// Takes off all of another tile; `false` where that cannot be done.
    pub fn unmerge(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Count(n), Self::Count(less)) => *n -= less,
            (Self::Moments(moments), Self::Moments(less)) => moments.unmerge(less),
            (Self::Share { n, yes }, Self::Share { n: less, yes: less_yes }) => {
                *n -= less;
                *yes -= less_yes;
            }
            (Self::Numbers(bag), Self::Numbers(less)) => bag.unmerge(less),
            (Self::Hashes(bag), Self::Hashes(less)) => bag.unmerge(less),
            (Self::Texts(bag), Self::Texts(less)) => bag.unmerge(less),
            _ => return false,
        }
        true
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Self::Count(n) | Self::Share { n, .. } => *n <= 0,
            Self::Moments(moments) => moments.is_empty(),
            Self::Ends(ends) => ends.is_empty(),
            Self::Latest(latest) => latest.is_empty(),
            Self::Numbers(bag) => bag.is_empty(),
            Self::Hashes(bag) => bag.is_empty(),
            Self::Texts(bag) => bag.is_empty(),
            Self::NumberSketch(_) | Self::HashSketch(_) | Self::TextSketch(_) => false,
        }
    }

    /// Different values that are kept one by one.
    pub fn entries(&self) -> usize {
        match self {
            Self::Numbers(bag) => bag.len(),
            Self::Hashes(bag) => bag.len(),
            Self::Texts(bag) => bag.len(),
            _ => 0,
        }
    }

    /// The sketch of the values that were kept one by one.
    pub fn sketched(&self) -> Self {
        fn all<K: Ord + Clone>(bag: &Bag<K>) -> impl Iterator<Item = (K, u32)> {
            bag.iter().map(|(value, count)| (value.clone(), count))
        }
        match self {
            Self::Numbers(bag) => Self::NumberSketch(Box::new(Sketch::of::<Quantiles>(all(bag)))),
            Self::Hashes(bag) => Self::HashSketch(Box::new(Sketch::of::<Distinct>(all(bag)))),
            Self::Texts(bag) => Self::TextSketch(Box::new(Sketch::of::<Frequent>(all(bag)))),
            other => other.clone(),
        }
    }

    /// Values that went into a sketch.
    pub fn weight(&self) -> u64 {
        match self {
            Self::NumberSketch(sketch) => sketch.weight(),
            Self::HashSketch(sketch) => sketch.weight(),
            Self::TextSketch(sketch) => sketch.weight(),
            _ => 0,
        }
    }

    /// What the aggregate says of these values; `share` is that of a quantile, `now` the instant of the record that asks.
    pub fn answer(&self, aggregate: Aggregate, share: f64, now: i64) -> Answer {
        let number = |value: Option<f64>| value.map_or(Answer::Nothing, Answer::Number);
        match (self, aggregate) {
            (Self::Count(n), _) => Answer::Count(*n),
            (Self::Moments(moments), Aggregate::Sum) => Answer::Number(moments.sum()),
            (Self::Moments(moments), Aggregate::Mean) => number(moments.mean()),
            (Self::Moments(moments), _) => number(moments.standard_deviation()),
            (Self::Share { n, yes }, _) => Answer::Share { n: *n, yes: *yes },
            (Self::Ends(ends), Aggregate::Min) => number(ends.least().map(unordered)),
            (Self::Ends(ends), Aggregate::Max) => number(ends.greatest().map(unordered)),
            (Self::Ends(ends), Aggregate::FirstSeen) => ends.least().map_or(Answer::Nothing, Answer::Instant),
            (Self::Ends(ends), Aggregate::LastSeen) => ends.greatest().map_or(Answer::Nothing, Answer::Instant),
            (Self::Ends(ends), _) => number(ends.greatest().map(|last| (now - last) as f64 / DAY_MS)),
            (Self::Latest(latest), _) => latest.value().map_or(Answer::Nothing, |value| Answer::Text(value.into())),
            (Self::Numbers(bag), _) => number(bag.quantile(share).map(|value| unordered(*value))),
            (Self::Hashes(bag), _) => Answer::Count(bag.len() as i64),
            (Self::Texts(bag), Aggregate::Entropy) => number(bag.entropy()),
            (Self::Texts(bag), _) => bag.most_frequent().map_or(Answer::Nothing, |value| Answer::Text(value.clone())),
            (Self::NumberSketch(_) | Self::HashSketch(_) | Self::TextSketch(_), _) => {
                answer_of_sketches(std::iter::once(self), aggregate, share)
            }
        }
    }
}

const DAY_MS: f64 = 86_400_000.0;

/// What the aggregate says of several tiles that are sketches, put together in their order.
pub(crate) fn answer_of_sketches<'c>(
    cells: impl Iterator<Item = &'c Cell>,
    aggregate: Aggregate,
    share: f64,
) -> Answer {
    let (mut distinct, mut quantiles, mut frequent) = (None::<Distinct>, None::<Quantiles>, None::<Frequent>);
    for cell in cells {
        match cell {
            Cell::HashSketch(sketch) => put_together(&mut distinct, sketch),
            Cell::NumberSketch(sketch) => put_together(&mut quantiles, sketch),
            Cell::TextSketch(sketch) => put_together(&mut frequent, sketch),
            _ => debug_assert!(false, "a cell that is no sketch"),
        }
    }
    let number = |value: Option<f64>| value.map_or(Answer::Nothing, Answer::Number);
    match aggregate {
        Aggregate::Distinct => Answer::Count(distinct.map_or(0, |sketch| sketch.estimate().round() as i64)),
        Aggregate::Quantile => number(quantiles.and_then(|mut sketch| sketch.at(share))),
        Aggregate::Entropy => number(frequent.and_then(|sketch| sketch.entropy())),
        _ => frequent.and_then(|sketch| sketch.most()).map_or(Answer::Nothing, |value| Answer::Text(value.into())),
    }
}

fn put_together<K: Kind>(whole: &mut Option<K>, sketch: &Sketch<K::Item>) {
    let more = sketch.open::<K>();
    match whole {
        Some(whole) => whole.absorb(&more),
        None => *whole = Some(more),
    }
}
