//! What a batch brings, in the form that entities take: whom its rows are about, when they were, and what they say.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use rayon::prelude::*;

use super::{FEW, OPERANDS_AT_ONCE, ProfileError, SHARDS, shard_of};
use crate::cell::Keeps;
use crate::facts::{Facts, Filter, Values, in_type, keys};
use crate::network::{Joined, NetworkPlan, Shared};
use crate::plan::{FeedPlan, Input, KeyFrom, ProfilePlan};
use crate::series::Moment;
use crate::shard::KeyHash;

/// The record of each row.
pub(super) fn record_of_rows(starts: &[u32], rows: usize) -> Vec<u32> {
    let mut of = vec![0; rows];
    for (record, window) in starts.windows(2).enumerate() {
        of[window[0] as usize..window[1] as usize].fill(record as u32);
    }
    of
}

/// When records became known.
pub(super) struct Known {
    /// By record: in ms, and the day.
    pub of: Vec<(i64, i64)>,
}

impl Known {
    pub fn of(plan: &ProfilePlan, at_ms: &[i64]) -> Self {
        let mut of: Vec<(i64, i64)> = Vec::with_capacity(at_ms.len());
        for at_ms in at_ms {
            // Many become known at once.
            let same = of.last().filter(|(last, _)| last == at_ms).copied();
            of.push(same.unwrap_or_else(|| (*at_ms, plan.days.of(*at_ms))));
        }
        Self { of }
    }
}

/// The rows of a batch, in the form that entities take.
pub(super) struct Prepared {
    /// By row.
    pub of_record: Vec<u32>,
    pub moments: Vec<Moment>,
    /// As [`FeedPlan::facts`] and [`FeedPlan::filters`].
    pub facts: Vec<Facts>,
    pub filters: Vec<Filter>,
    /// By entity; `None` where the stream says nothing of it.
    pub keys: Vec<Option<Keys>>,
    /// By network; the same.
    pub shared: Vec<Option<Shared>>,
}

/// By shard: the rows about entities there, and which those are.
pub(super) type Keys = [Vec<(KeyHash, u32)>; SHARDS];

impl Prepared {
    pub fn new(
        plan: &ProfilePlan,
        feed: &FeedPlan,
        (rows, starts): (&RecordBatch, &[u32]),
        known: &Known,
        seed: u64,
    ) -> Result<Self, ProfileError> {
        let of_record = record_of_rows(starts, rows.num_rows());
        let arrays = if rows.num_rows() <= FEW {
            feed.evaluator.values(rows, &feed.operands)?
        } else {
            let values = |operands| feed.evaluator.values(rows, operands);
            feed.operands.par_chunks(OPERANDS_AT_ONCE).map(values).collect::<Result<Vec<_>, _>>()?.concat()
        };
        let times = rows.column_by_name("event_at").ok_or(ProfileError::NoTime(feed.stream.name))?;
        let times = in_type(times, &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))?;
        let times = times.as_primitive::<TimestampMillisecondType>();
        let moment_of = |(at_ms, record): (&i64, &u32)| {
            let (known_ms, known_day) = known.of[*record as usize];
            Moment { at_ms: *at_ms, day: plan.days.of(*at_ms), known_ms, known_day }
        };
        let moments = times.values().iter().zip(&of_record).map(moment_of).collect();
        let values = |input: &Option<_>| input.as_ref().map(|input| Values::of(input, &arrays));
        let facts = |(keeps, of): &(Keeps, Option<Input>)| Facts::of(*keeps, values(of).as_ref());
        let facts = if rows.num_rows() <= FEW {
            feed.facts.iter().map(facts).collect::<Result<Vec<_>, _>>()?
        } else {
            feed.facts.par_iter().map(facts).collect::<Result<Vec<_>, _>>()?
        };
        let filters = feed.filters.iter().map(|filter| Filter::of(values(filter).as_ref()));
        let filters = filters.collect::<Result<Vec<_>, _>>()?;
        let of = |key: &Option<KeyFrom>| {
            let hashed = key.as_ref().map(|key| keys(key, &arrays, rows, seed)).transpose()?;
            Ok(hashed.map(|hashed| by_shard(&hashed)))
        };
        let by_entity = if rows.num_rows() <= FEW {
            feed.keys.iter().map(of).collect::<Result<_, ArrowError>>()?
        } else {
            feed.keys.par_iter().map(of).collect::<Result<_, ArrowError>>()?
        };
        let shared = |(network, links): (&NetworkPlan, &Vec<(u64, KeyFrom)>)| {
            let Some(key) = &feed.keys[network.entity] else { return Ok(None) };
            let own = keys(key, &arrays, rows, seed)?;
            let links = links.iter().map(|(number, from)| Ok((*number, keys(from, &arrays, rows, seed)?)));
            let links = links.collect::<Result<Vec<_>, ArrowError>>()?;
            Ok(Some(Shared::new(rows.num_rows(), &own, links.into_iter())))
        };
        let shared = plan.networks.iter().zip(&feed.links).map(shared).collect::<Result<_, ArrowError>>()?;
        Ok(Self { of_record, moments, facts, filters, keys: by_entity, shared })
    }
}

pub(super) fn by_shard(keys: &[(u32, KeyHash)]) -> Keys {
    // A little more than a part of them, so that few have to move.
    let room = if keys.len() <= FEW { 0 } else { keys.len() / SHARDS + keys.len() / (4 * SHARDS) };
    let mut shards = std::array::from_fn(|_| Vec::with_capacity(room));
    for (row, key) in keys {
        shards[shard_of(*key)].push((*key, *row));
    }
    shards
}

/// Rows that look at entities of a network which they are not about.
pub(super) struct Guests {
    pub entity: usize,
    pub keys: Keys,
}

impl Guests {
    pub fn of((network, joined): (&NetworkPlan, &Joined)) -> Self {
        let mut keys = [const { Vec::new() }; SHARDS];
        joined.pairs().for_each(|(row, key)| keys[shard_of(key)].push((key, row)));
        Self { entity: network.entity, keys }
    }
}

/// Why a row looks at an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// It is of the version that is replaced, which goes first.
    Replaced,
    /// It is about another one of the same network.
    Asks,
    /// It is about it.
    About,
}

/// A row that is about an entity of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub key: KeyHash,
    pub record: u32,
    pub why: Why,
    pub row: u32,
}

/// The rows that are about entities of a shard, those of one entity together, in the order of the journal. What one
/// entity is told and given does not depend on any other, so each is looked up once, and is in the caches then.
pub(super) fn items(
    (of, replaced, guests): (&Keys, Option<&Keys>, &[(KeyHash, u32)]),
    shard: usize,
    of_record: &[u32],
    of_replaced: &[u32],
) -> Vec<Item> {
    let rows = |of: &[(KeyHash, u32)], records: &[u32], why: Why, items: &mut Vec<Item>| {
        let item = |(key, row): &(KeyHash, u32)| Item { key: *key, record: records[*row as usize], why, row: *row };
        items.extend(of.iter().map(item));
    };
    let mut items = Vec::with_capacity(of[shard].len());
    if let Some(replaced) = replaced {
        rows(&replaced[shard], of_replaced, Why::Replaced, &mut items);
    }
    rows(guests, of_record, Why::Asks, &mut items);
    rows(&of[shard], of_record, Why::About, &mut items);
    items.sort_unstable();
    items
}
