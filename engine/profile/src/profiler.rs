//! Records in their order, each first told what is known of those it is about, then added to it.
//!
//! Entities do not depend on each other, so each kind goes through the whole batch on a thread of its own, record by
//! record. What a record sees depends on those before it in the journal and on nothing else: not on where a batch ends,
//! nor on the number of threads.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};
use arrow::error::ArrowError;
use haechi_evaluate::EvaluateError;
use haechi_model::Stream;
use haechi_rules::profile::Each;
use rayon::prelude::*;

use crate::answers::{Answers, column};
use crate::cell::{Answer, Fact};
use crate::facts::{Facts, Filter, Values, hash_key, keys};
use crate::plan::{EntityPlan, FeaturePlace, FeedPlan, ProfilePlan, SeriesInput};
use crate::series::Moment;
use crate::table::{KeyHash, OPEN_MAX, Table};

/// Why features cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// An expression of a profile failed.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Arrow refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// Rows without `event_at`: nobody knows when they were.
    #[error("rows of stream `{0}` have no `event_at`; derive it first")]
    NoTime(&'static str),
    /// Asked for by a name that no pack declares.
    #[error("no feature `{0}`")]
    UnknownFeature(String),
}

/// Records of one stream, in the order of the journal.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    /// The stream.
    pub stream: &'static Stream,
    /// Their rows, with `event_at` derived, and with the columns of subjects that they speak of.
    pub rows: &'a RecordBatch,
    /// The rows of each record: where it begins, and the end of the last.
    pub starts: &'a [u32],
    /// The versions that they replace.
    pub replaced: Option<Replaced<'a>>,
}

/// Earlier versions of records.
#[derive(Clone, Copy, Debug)]
pub struct Replaced<'a> {
    /// Their rows, as those of [`Records`].
    pub rows: &'a RecordBatch,
    /// Where those that each record replaces begin, and the end of the last; none where nothing is replaced.
    pub starts: &'a [u32],
}

/// All that is known of everybody.
pub struct Profiler {
    plan: Arc<ProfilePlan>,
    tables: Vec<Table>,
    seed: u64,
}

impl Profiler {
    /// One that knows nothing yet. `seed` is secret: with it keys are hashed.
    pub fn new(plan: Arc<ProfilePlan>, seed: u64) -> Self {
        let tables = plan.entities.iter().map(|_| Table::default()).collect();
        Self { plan, tables, seed }
    }

    /// How features are computed.
    pub fn plan(&self) -> &Arc<ProfilePlan> {
        &self.plan
    }

    /// Tells what is known at each record, a column a feature and a value a row, and makes the records known.
    pub fn pass(&mut self, records: &Records<'_>, wanted: &[&str]) -> Result<Vec<ArrayRef>, ProfileError> {
        let plan = Arc::clone(&self.plan);
        let n_rows = records.rows.num_rows();
        let places: Vec<FeaturePlace> = wanted
            .iter()
            .map(|name| plan.feature(name).ok_or_else(|| ProfileError::UnknownFeature((*name).to_owned())))
            .collect::<Result<_, _>>()?;
        let asked = with_parents(&plan, &places);
        let Some(feed) = plan.feed(records.stream) else {
            return Ok(places.iter().map(|place| column(&plan, *place, &[], n_rows)).collect());
        };
        let now = Prepared::new(&plan, feed, records.stream, records.rows, self.seed)?;
        let before = records
            .replaced
            .map(|replaced| Prepared::new(&plan, feed, records.stream, replaced.rows, self.seed))
            .transpose()?;
        let answers: Vec<Answers> = self
            .tables
            .par_iter_mut()
            .zip(&plan.entities)
            .enumerate()
            .map(|(entity, (table, entity_plan))| {
                let asked = asked.iter().filter(|place| place.0 == entity).map(|place| place.1).collect();
                let replaced =
                    before.as_ref().zip(records.replaced).map(|(before, of)| (&before.of[entity], before, of.starts));
                let mut pass = Pass {
                    plan: entity_plan,
                    table,
                    now: &now,
                    of: now.of[entity].as_ref(),
                    replaced,
                    asked,
                    told: Answers::default(),
                };
                pass.run(records.starts);
                pass.table.pack(OPEN_MAX);
                pass.told
            })
            .collect();
        Ok(places.iter().map(|place| column(&plan, *place, &answers, n_rows)).collect())
    }

    /// What is known of one, by its key, as a record at that instant would see it: the value of each feature of the
    /// entity in the order of their declaration. `None` where nothing is known, or no such entity.
    pub fn ask(&mut self, entity: &str, key: &str, at_ms: i64) -> Option<Vec<(String, Answer)>> {
        let place = self.plan.entities.iter().position(|plan| plan.name == entity)?;
        let plan = &self.plan.entities[place];
        let moment = Moment { at_ms, day: self.plan.days.of(at_ms) };
        let known = self.tables[place].get(plan, hash_key(key, self.seed))?;
        let answers = plan.features.iter().map(|feature| {
            let answer = known.series[feature.series].answer(&plan.series[feature.series], feature.question, moment);
            (feature.name.clone(), answer)
        });
        Some(answers.collect())
    }

    /// How many entities of each kind are known.
    pub fn known(&self) -> impl Iterator<Item = (&str, usize)> {
        self.plan.entities.iter().zip(&self.tables).map(|(plan, table)| (plan.name.as_str(), table.len()))
    }

    /// All that is known, as bytes: equal where two profilers would answer the same for ever.
    pub fn state(&self) -> Vec<Vec<(u128, Box<[u8]>)>> {
        self.tables.iter().map(Table::packed).collect()
    }
}

/// The features asked for, and the shares that they are drawn towards.
fn with_parents(plan: &ProfilePlan, places: &[FeaturePlace]) -> Vec<FeaturePlace> {
    let mut all: Vec<FeaturePlace> = Vec::with_capacity(places.len());
    for place in places {
        let mut next = Some(*place);
        while let Some(place) = next.filter(|place| !all.contains(place)) {
            all.push(place);
            next = plan.entities[place.0].features[place.1].shrink.map(|(parent, _)| parent);
        }
    }
    all
}

/// The rows of a batch, in the form that entities take.
struct Prepared {
    moments: Vec<Moment>,
    /// By entity; `None` where the stream says nothing of it.
    of: Vec<Option<OfEntity>>,
}

/// What the rows of a batch bring to one entity.
struct OfEntity {
    keys: Vec<Option<KeyHash>>,
    brings: Vec<Brings>,
}

/// What rows bring to one series.
struct Brings {
    series: usize,
    each: Each,
    facts: Facts,
    filter: Filter,
}

impl Prepared {
    fn new(
        plan: &ProfilePlan,
        feed: &FeedPlan,
        stream: &'static Stream,
        rows: &RecordBatch,
        seed: u64,
    ) -> Result<Self, ProfileError> {
        let arrays = feed.evaluator.values(rows, &feed.operands)?;
        let times = rows.column_by_name("event_at").ok_or(ProfileError::NoTime(stream.name))?;
        let times = cast(times, &DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))?;
        let times = times.as_primitive::<TimestampMillisecondType>();
        let moments = times.values().iter().map(|at_ms| Moment { at_ms: *at_ms, day: plan.days.of(*at_ms) }).collect();
        let brings = |input: &SeriesInput| -> Result<Brings, ArrowError> {
            let values = |input: &Option<_>| input.as_ref().map(|input| Values::of(input, &arrays));
            Ok(Brings {
                series: input.series,
                each: input.each,
                facts: Facts::of(input.keeps, values(&input.of).as_ref())?,
                filter: Filter::of(values(&input.filter).as_ref())?,
            })
        };
        let of = feed.keys.iter().zip(&feed.inputs).map(|(key, inputs)| {
            let Some(key) = key else { return Ok(None) };
            let keys = keys(&Values::of(key, &arrays), rows.num_rows(), seed)?;
            let brings = inputs.iter().map(brings).collect::<Result<_, _>>()?;
            Ok(Some(OfEntity { keys, brings }))
        });
        let of = of.collect::<Result<_, ArrowError>>()?;
        Ok(Self { moments, of })
    }
}

impl OfEntity {
    /// What a row of a record brings: each series it feeds, and the fact.
    fn of_row<'f>(
        &'f self,
        record: &Range<usize>,
        row: usize,
        moments: &'f [Moment],
    ) -> impl Iterator<Item = (usize, Fact<'f>)> {
        let (first, key) = (record.start, self.keys[row]);
        self.brings.iter().filter_map(move |brings| {
            let fact_of = |row: usize| brings.facts.at(row, moments[row]).filter(|_| brings.filter.holds(row));
            let fact = fact_of(row)?;
            // A record counts once for each of those it is about, by the first of its rows that says something.
            let said = brings.each == Each::Record
                && (first..row).any(|earlier| self.keys[earlier] == key && fact_of(earlier).is_some());
            (!said).then_some((brings.series, fact))
        })
    }
}

/// One kind of entity on its way through a batch.
struct Pass<'p> {
    plan: &'p EntityPlan,
    table: &'p mut Table,
    now: &'p Prepared,
    of: Option<&'p OfEntity>,
    replaced: Option<(&'p Option<OfEntity>, &'p Prepared, &'p [u32])>,
    /// Places of the features asked for.
    asked: Vec<usize>,
    told: Answers,
}

impl Pass<'_> {
    fn run(&mut self, starts: &[u32]) {
        let Some(of) = self.of else { return };
        self.told = Answers::new(self.plan, &self.asked, of.keys.len());
        for (record, window) in starts.windows(2).enumerate() {
            let rows = window[0] as usize..window[1] as usize;
            self.take_back(record);
            for row in rows.clone() {
                self.tell(of, &rows, row);
            }
            for row in rows.clone() {
                self.add(of, &rows, row);
            }
        }
    }

    /// The record is not there any more as it was.
    fn take_back(&mut self, record: usize) {
        let Some((Some(of), prepared, starts)) = self.replaced else { return };
        let Some([first, end]) = starts.get(record..record + 2) else { return };
        let rows = *first as usize..*end as usize;
        for row in rows.clone() {
            let Some(key) = of.keys[row] else { continue };
            let Some(entity) = self.table.get(self.plan, key) else { continue };
            for (series, fact) in of.of_row(&rows, row, &prepared.moments) {
                entity.series[series].remove(&self.plan.series[series], prepared.moments[row], fact);
            }
        }
    }

    fn tell(&mut self, of: &OfEntity, record: &Range<usize>, row: usize) {
        if self.asked.is_empty() {
            return;
        }
        if row > record.start && of.keys[row] == of.keys[row - 1] && self.now.moments[row] == self.now.moments[row - 1]
        {
            return self.told.repeat();
        }
        let Some(key) = of.keys[row] else { return self.told.nobody() };
        let moment = self.now.moments[row];
        let known = self.table.get(self.plan, key);
        self.told.add(self.plan, &self.asked, known, moment);
    }

    fn add(&mut self, of: &OfEntity, record: &Range<usize>, row: usize) {
        let Some(key) = of.keys[row] else { return };
        let moment = self.now.moments[row];
        let mut brings = of.of_row(record, row, &self.now.moments).peekable();
        if brings.peek().is_none() {
            return;
        }
        let entity = self.table.get_or_new(self.plan, key);
        entity.newest_ms = entity.newest_ms.max(moment.at_ms);
        for (series, fact) in brings {
            entity.series[series].add(&self.plan.series[series], moment, fact);
        }
    }
}
