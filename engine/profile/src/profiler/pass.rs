//! A batch on its way through the entities of a part: record by record, taken back, told, added.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use haechi_rules::profile::Each;

use super::Records;
use super::brought::{Item, Prepared, Why};
use super::last_day;
use crate::answers::Told;
use crate::cell::Fact;
use crate::entity::Entity;
use crate::network::Joined;
use crate::plan::{EntityPlan, SeriesInput};
use crate::series::Moment;
use crate::shard::{Shard, Taken};

/// What rows bring, in the order in which entities take it.
///
/// Rows about an entity are all over the batch, and each entity is somewhere else in memory. Gathered for many at once,
/// none has to wait for the one before it.
#[derive(Default)]
pub(super) struct Gathered<'p> {
    pub moments: Vec<Moment>,
    /// By row and series fed.
    pub facts: Vec<Option<Fact<'p>>>,
}

/// Rows gathered at once, or a few more: those of an entity stay together.
const AHEAD: usize = 96;

/// Where the next rows to be gathered end.
pub(super) fn ahead(items: &[Item]) -> usize {
    let Some(last) = items.get(AHEAD - 1) else { return items.len() };
    AHEAD + items[AHEAD..].iter().take_while(|item| item.key == last.key).count()
}

/// A part of one kind of entity on its way through a batch.
pub(super) struct Pass<'p> {
    pub plan: &'p EntityPlan,
    pub known: &'p mut Shard,
    /// What rows bring to its series.
    pub inputs: &'p [SeriesInput],
    pub now: &'p Prepared,
    pub replaced: Option<&'p Prepared>,
    /// Whom rows are joined to, where these are a network.
    pub joined: Option<&'p Joined>,
    pub told: Told,
    pub records: &'p Records<'p>,
    /// Whether some entities may know the records already.
    pub again: bool,
    /// Whether it matters what has changed.
    pub shelved: bool,
}

impl<'p> Pass<'p> {
    pub fn run(&mut self, items: &[Item]) {
        let mut gathered = Gathered::default();
        let mut rest = items;
        while !rest.is_empty() {
            let (next, later) = rest.split_at(ahead(rest));
            rest = later;
            self.known.warm(next.chunk_by(|a, b| a.key == b.key).map(|items| items[0].key));
            self.gather(next, &mut gathered);
            let mut first = 0;
            for of_entity in next.chunk_by(|a, b| a.key == b.key) {
                self.pass(of_entity, first, &gathered);
                first += of_entity.len();
            }
        }
    }

    fn gather(&self, items: &[Item], into: &mut Gathered<'p>) {
        let of = |item: &Item| self.replaced.filter(|_| item.why == Why::Replaced).unwrap_or(self.now);
        into.moments.clear();
        into.moments.extend(items.iter().map(|item| of(item).moments[item.row as usize]));
        let width = self.inputs.len();
        into.facts.clear();
        into.facts.resize(items.len() * width, None);
        for (series, input) in self.inputs.iter().enumerate() {
            let facts = into.facts.iter_mut().skip(series).step_by(width);
            for ((item, moment), fact) in items.iter().zip(&into.moments).zip(facts) {
                let (row, of) = (item.row as usize, of(item));
                if of.filters[input.filter].holds(row) {
                    *fact = of.facts[input.facts].at(row, *moment);
                }
            }
        }
    }

    /// The rows about one entity; `first` is the place of the first among those gathered.
    fn pass(&mut self, items: &[Item], first: usize, gathered: &Gathered<'p>) {
        let mut taken = self.known.take(self.plan, items[0].key);
        let passed = catch_unwind(AssertUnwindSafe(|| self.pass_to(&mut taken, items, first, gathered)));
        // Half way, too, it is given back: it has to be put right from there.
        self.known.give_back(taken, *passed.as_ref().unwrap_or(&false));
        if let Err(panic) = passed {
            resume_unwind(panic);
        }
    }

    /// The same, to an entity that was taken out; whether it has changed.
    fn pass_to(&mut self, taken: &mut Taken, items: &[Item], mut first: usize, gathered: &Gathered<'p>) -> bool {
        let key = items[0].key;
        let (mut touched, mut changed) = (false, false);
        for of_record in items.chunk_by(|a, b| a.record == b.record) {
            let replaced = of_record.partition_point(|item| item.why == Why::Replaced);
            let asking = of_record.partition_point(|item| item.why < Why::About);
            let known_day = gathered.moments[first].known_day;
            let (then, told) = (first..first + replaced, first + replaced..first + of_record.len());
            let now = first + asking..told.end;
            first = now.end;
            if self.again && self.known.has(key, self.records.position(of_record[0].record)) {
                continue;
            }
            let changes = !then.is_empty() || !now.is_empty();
            if taken.entity().is_over(known_day, self.plan.forget_after) {
                if !changes {
                    continue;
                }
                taken.entity().clear(self.plan);
                changed = true;
            }
            touched |= changes;
            // The record is not there any more as it was. Of one of whom nothing is known nothing can be taken back.
            if !then.is_empty() && (taken.known || changed) {
                self.bring(gathered, then, |place, moment, fact| {
                    taken.entity().series[place].remove(&self.plan.series[place], moment, fact);
                });
                changed = true;
            }
            self.tell(taken.entity(), &of_record[replaced..], &gathered.moments[told]);
            // From now on it is there.
            let mut day = None;
            self.bring(gathered, now, |place, moment, fact| {
                taken.entity().series[place].add(&self.plan.series[place], moment, fact);
                day = day.max(Some(moment.day));
            });
            if let Some(day) = day {
                let day = day.clamp(known_day, last_day(known_day));
                taken.entity().note(day, self.records.position(of_record[0].record));
                changed = true;
            }
        }
        // Of whom nothing is known, before and after, there is nothing to be kept.
        if self.shelved && touched && (taken.known || changed) {
            // That of the first of all: what changes is in the order of positions then.
            self.known.changed(key, self.records.first);
        }
        changed
    }

    /// All rows of a record see the same: what was before it.
    fn tell(&mut self, entity: &mut Entity, items: &[Item], moments: &[Moment]) {
        if !self.told.asks() {
            return;
        }
        let mut last = None;
        for (item, moment) in items.iter().zip(moments) {
            // Rows that ask the same of a network are told what the first of them is.
            let asks = self.joined.and_then(|joined| joined.asks_for(item.row));
            if asks.is_some_and(|row| row != item.row) {
                continue;
            }
            if asks.is_some() {
                self.told.add_part(self.plan, item.row, item.key, entity, *moment);
            } else if last.replace(moment) == Some(moment) {
                self.told.repeat(item.row);
            } else {
                self.told.add(self.plan, item.row, entity, *moment);
            }
        }
    }

    /// What a record brings to each series.
    fn bring(&self, gathered: &Gathered<'p>, rows: Range<usize>, mut to: impl FnMut(usize, Moment, Fact<'p>)) {
        let width = self.inputs.len();
        let facts = |row: usize| &gathered.facts[row * width..][..width];
        for row in rows.clone() {
            for (place, (input, fact)) in self.inputs.iter().zip(facts(row)).enumerate() {
                let Some(fact) = fact else { continue };
                // A record counts once for each of those it is about, by the first of its rows that says something.
                let said = || (rows.start..row).any(|earlier| facts(earlier)[place].is_some());
                if input.each == Each::Item || !said() {
                    to(input.series, gathered.moments[row], *fact);
                }
            }
        }
    }
}
