//! How many values become one.

use crate::program::Class;

/// An aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aggregate {
    /// How many records, or values that are not NULL.
    Count,
    /// Sum of a number; 0 where there is none.
    Sum,
    /// Mean of a number.
    Mean,
    /// Standard deviation of a sample; needs two values.
    Stddev,
    /// Part of the records for which a condition holds; records for which it is unknown do not count.
    Share,
    /// Least number.
    Min,
    /// Greatest number.
    Max,
    /// Different values.
    Distinct,
    /// The least number that a share of all do not exceed.
    Quantile,
    /// The value that comes most often; of several the first by the alphabet.
    MostFrequent,
    /// Shannon's entropy of the values, in bits: 0 where all are the same.
    Entropy,
    /// When the first record was.
    FirstSeen,
    /// When the last record was.
    LastSeen,
    /// Days from the last record to the one that asks.
    DaysSince,
    /// The value of the newest record.
    Latest,
    /// How many a network joins, the one that asks among them.
    Members,
}

/// What an aggregate is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Records; a value is welcome and counted where it is not NULL.
    Records,
    /// Records and nothing else.
    RecordsOnly,
    /// A number.
    Number,
    /// A condition.
    Condition,
    /// A value of any kind.
    Value,
    /// Nothing of any record.
    Nothing,
}

impl Aggregate {
    /// All of them, by the name that a pack writes.
    pub const ALL: [(&'static str, Self); 16] = [
        ("count", Self::Count),
        ("sum", Self::Sum),
        ("mean", Self::Mean),
        ("stddev", Self::Stddev),
        ("share", Self::Share),
        ("min", Self::Min),
        ("max", Self::Max),
        ("distinct", Self::Distinct),
        ("quantile", Self::Quantile),
        ("most_frequent", Self::MostFrequent),
        ("entropy", Self::Entropy),
        ("first_seen", Self::FirstSeen),
        ("last_seen", Self::LastSeen),
        ("days_since", Self::DaysSince),
        ("latest", Self::Latest),
        ("members", Self::Members),
    ];

    /// The aggregate of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, aggregate)| *aggregate)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, aggregate)| *aggregate == self).map_or("", |(name, _)| name)
    }

    /// What it is made of.
    pub fn needs(self) -> Needs {
        match self {
            Self::Count => Needs::Records,
            Self::FirstSeen | Self::LastSeen | Self::DaysSince => Needs::RecordsOnly,
            Self::Sum | Self::Mean | Self::Stddev | Self::Min | Self::Max | Self::Quantile => Needs::Number,
            Self::Share => Needs::Condition,
            Self::Distinct | Self::MostFrequent | Self::Entropy | Self::Latest => Needs::Value,
            Self::Members => Needs::Nothing,
        }
    }

    /// The class of what it says, as rules see it.
    pub fn class(self) -> Class {
        match self {
            Self::Count | Self::Distinct | Self::Members => Class::Int,
            Self::FirstSeen | Self::LastSeen => Class::Ts,
            Self::MostFrequent | Self::Latest => Class::Text,
            _ => Class::Float,
        }
    }
}
