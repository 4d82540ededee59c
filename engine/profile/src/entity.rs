//! What is known of one entity, open to be asked and added to, or packed as bytes.

use crate::codec::{Reader, Writer};
use crate::journal::PassNumber;
use crate::plan::EntityPlan;
use crate::series::Series;
use crate::shelf::Position;

/// So many of the last records are known by their position.
const RECENT: usize = 8;

/// What is known of one.
#[derive(Debug)]
pub(crate) struct Entity {
    /// By place in the plan.
    pub series: Vec<Series>,
    /// The day of the last record: when it was, or when it became known, whichever is later.
    last_day: i64,
    /// Where the last records stand, oldest first.
    recent: Vec<Position>,
}

impl Entity {
    /// One of whom nothing is known.
    pub fn new(plan: &EntityPlan) -> Self {
        Self { series: plan.series.iter().map(Series::new).collect(), last_day: i64::MIN, recent: Vec::new() }
    }

    /// Takes note of a record that is added.
    pub fn note(&mut self, day: i64, position: Position) {
        self.note_day(day);
        if self.recent.len() == RECENT {
            self.recent.remove(0);
        }
        self.recent.push(position);
    }

    /// Takes note of the day of a record that is added.
    pub fn note_day(&mut self, day: i64) {
        self.last_day = self.last_day.max(day);
    }

    /// What is passed from here on may have to be taken back, if that pass has a number; what was passed up to `kept`
    /// will not be.
    pub fn begin(&mut self, pass: Option<PassNumber>, kept: PassNumber) {
        self.series.iter_mut().for_each(|series| series.begin(pass, kept));
    }

    /// Becomes what it was before all passes after this one; `seen` is what [`Entity::write_seen`] wrote then.
    pub fn undo(&mut self, after: PassNumber, seen: &[u8]) {
        self.series.iter_mut().for_each(|series| series.undo(after));
        self.recent.clear();
        self.read_seen(&mut Reader::new(seen));
    }

    /// Whether it has to be forgotten on that day, where it is so many days after the last record.
    pub fn is_over(&self, day: i64, after: Option<i64>) -> bool {
        after.is_some_and(|after| self.last_day != i64::MIN && day.saturating_sub(self.last_day) > after)
    }

    /// Where the last records stand, newest first.
    pub fn recent(&self) -> Vec<Position> {
        self.recent.iter().rev().copied().collect()
    }

    /// The day of the last record of a packed one.
    pub fn last_day(bytes: &[u8]) -> Option<i64> {
        Reader::new(bytes).signed()
    }

    /// The bytes that [`Entity::unpack`] reads.
    pub fn pack(&self) -> Box<[u8]> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes.into()
    }

    /// `None` where the bytes are not those of an entity of this plan.
    pub fn unpack(plan: &EntityPlan, bytes: &[u8]) -> Option<Self> {
        let mut entity = Self::new(plan);
        entity.read(plan, bytes)?;
        Some(entity)
    }

    /// Appends what [`Entity::read`] reads: how many series, which of them hold anything, and those.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        let mut to = Writer::new(bytes);
        self.write_seen(&mut to);
        to.unsigned(self.series.len() as u64);
        for eight in self.series.chunks(8) {
            let held = eight.iter().enumerate().map(|(place, series)| u8::from(!series.is_empty()) << place);
            to.bytes.push(held.sum());
        }
        self.series.iter().filter(|series| !series.is_empty()).for_each(|series| series.write(&mut to));
    }

    /// When records about it came.
    pub fn write_seen(&self, to: &mut Writer<'_>) {
        to.signed(self.last_day);
        to.unsigned(self.recent.len() as u64);
        let mut before = 0;
        for position in &self.recent {
            to.unsigned(position.wrapping_sub(before));
            before = *position;
        }
    }

    fn read_seen(&mut self, from: &mut Reader<'_>) -> Option<()> {
        self.last_day = from.signed()?;
        let mut before = 0;
        for _ in 0..from.unsigned().filter(|recent| *recent <= RECENT as u64)? {
            before = from.unsigned()?.wrapping_add(before);
            self.recent.push(before);
        }
        Some(())
    }

    /// Becomes what the bytes say; `None`, and in pieces, where they are not those of an entity of this plan.
    pub fn read(&mut self, plan: &EntityPlan, bytes: &[u8]) -> Option<()> {
        self.clear(plan);
        let mut from = Reader::new(bytes);
        self.read_seen(&mut from)?;
        if from.unsigned()? != plan.series.len() as u64 {
            return None;
        }
        let held = from.take(plan.series.len().div_ceil(8))?;
        for (place, series) in self.series.iter_mut().enumerate() {
            if held[place / 8] >> (place % 8) & 1 == 1 {
                series.read(&mut from)?;
            }
        }
        from.is_done().then_some(())
    }

    /// Becomes one of whom nothing is known, and keeps its room.
    pub fn clear(&mut self, plan: &EntityPlan) {
        self.series.iter_mut().zip(&plan.series).for_each(|(series, plan)| series.clear(plan));
        self.last_day = i64::MIN;
        self.recent.clear();
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        self.series.iter().map(Series::size).sum()
    }
}

#[cfg(test)]
mod tests {
    use haechi_rules::profile::{Aggregate, Calendar, Window};
    use proptest::prelude::*;

    use super::*;
    use crate::cell::{Fact, Keeps};
    use crate::series::{Grain, Moment, SeriesPlan};

    const AGGREGATES: [Aggregate; 10] = [
        Aggregate::Count,
        Aggregate::Sum,
        Aggregate::Stddev,
        Aggregate::Share,
        Aggregate::Max,
        Aggregate::LastSeen,
        Aggregate::Quantile,
        Aggregate::Distinct,
        Aggregate::Entropy,
        Aggregate::Latest,
    ];
    const WINDOWS: [Window; 4] = [Window::All, Window::Hours(6), Window::Days(2), Window::This(Calendar::Month)];

    fn plan() -> EntityPlan {
        let series = |(aggregate, window): (Aggregate, Window)| {
            let mut series = SeriesPlan::new(Keeps::of(aggregate), Grain::of(window));
            series.ask(window, aggregate, 0.5);
            series
        };
        let all = AGGREGATES.iter().flat_map(|aggregate| WINDOWS.iter().map(|window| (*aggregate, *window)));
        EntityPlan {
            name: "all".to_owned(),
            series: all.map(series).collect(),
            features: Vec::new(),
            forget_after: None,
        }
    }

    /// A record by its hours and a number.
    fn records() -> impl Strategy<Value = Vec<(i64, i16)>> {
        prop::collection::vec((0i64..2_000, any::<i16>()), 0..40)
    }

    fn moment(hour: i64) -> Moment {
        let (at_ms, day) = (1_790_000_000_000 + hour * 3_600_000, 20_717 + hour / 24);
        Moment { at_ms, day, known_ms: i64::MAX, known_day: i64::MAX }
    }

    fn add(entity: &mut Entity, plan: &EntityPlan, (hour, number): (i64, i16)) {
        let text = number.to_string();
        for (series, plan) in entity.series.iter_mut().zip(&plan.series) {
            let fact = match plan.keeps {
                Keeps::Count | Keeps::Members => Fact::There,
                Keeps::Ties => Fact::Tie(u128::from(number.unsigned_abs())),
                Keeps::Sums | Keeps::Moments | Keeps::Numbers | Keeps::Quantiles => {
                    Fact::Number(f64::from(number) / 7.0)
                }
                Keeps::Share => Fact::Holds(number > 0),
                Keeps::Instants => Fact::At(moment(hour).at_ms),
                Keeps::Distinct => Fact::Hash(number as u64),
                Keeps::Texts => Fact::Text(&text),
                Keeps::Latest => Fact::TextAt((number % 3 != 0).then_some(text.as_str()), moment(hour).at_ms),
            };
            series.add(plan, moment(hour), fact);
        }
    }

    proptest! {
        #[test]
        fn packed_in_between_is_the_same_entity(records in records(), packed in any::<u64>(), asked in 0i64..2_000) {
            let plan = plan();
            let (mut open, mut other) = (Entity::new(&plan), Entity::new(&plan));
            for (place, record) in records.iter().enumerate() {
                add(&mut open, &plan, *record);
                add(&mut other, &plan, *record);
                if packed >> (place % 64) & 1 == 1 {
                    let bytes = other.pack();
                    prop_assert!(other.read(&plan, &bytes).is_some());
                }
                for place in 0..plan.series.len() {
                    let answer = |entity: &mut Entity| entity.series[place].answer(&plan.series[place], 0, moment(asked));
                    prop_assert_eq!(answer(&mut open), answer(&mut other));
                }
            }
            prop_assert_eq!(open.pack(), other.pack());
        }

        #[test]
        fn other_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), records in records()) {
            let plan = plan();
            let mut entity = Entity::new(&plan);
            for record in records {
                add(&mut entity, &plan, record);
            }
            let whole = entity.pack();
            prop_assert!(Entity::unpack(&plan, &whole[..whole.len() - 1]).is_none());
            // Whatever they are, reading them ends.
            let damaged: Vec<u8> = whole.iter().zip(bytes.iter().cycle()).map(|(a, b)| a ^ b).collect();
            let _ = Entity::unpack(&plan, &damaged);
            let _ = Entity::unpack(&plan, &bytes);
        }
    }
}
