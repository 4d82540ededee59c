//! The values of one expression over time, for one entity: a cell a tile, and windows over tiles.
//!
//! Tiles are days of the office's zone, or instants where windows are hours, or one for all time. A window is answered
//! from the tiles in it. What it has put together is kept until another range is asked for, so that the next record of
//! a busy importer costs one addition; it is made from the tiles and can be made from them again at any time, which is
//! what makes a restart, or another size of batch, answer the same.

use haechi_rules::profile::{Aggregate, Window};
use serde::{Deserialize, Serialize};

use crate::cell::{Answer, Cell, Fact, Keeps, answer_of_sketches};
use crate::days::first_day;

/// Values kept one by one in a series, over all its tiles; of more there are sketches. Few are so busy: sixty countries
/// on each day of a year are two thirds of it.
pub(crate) const ENTRIES_MAX: usize = 32_768;
/// Values kept one by one in a tile: each new one is put in its place among them.
pub(crate) const TILE_ENTRIES_MAX: usize = 2_048;
/// A sketch is asked again once so large a part has been added to it.
const ASK_AGAIN: u64 = 128;
/// Days, beyond its longest window, for which a series keeps its tiles: how late a record may come and still see, and be
/// seen, where it belongs.
pub const LATE_DAYS: i64 = 31;
/// The same for windows of hours.
pub const LATE_HOURS: i64 = 24;

/// Tiles for which room is made one by one.
const FEW: usize = 3;
const HOUR_MS: i64 = 3_600_000;

/// What a tile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grain {
    /// One for all time.
    All,
    /// A day.
    Day,
    /// A millisecond.
    Instant,
}

impl Grain {
    /// That of a window.
    pub fn of(window: Window) -> Self {
        match window {
            Window::All => Self::All,
            Window::Hours(_) => Self::Instant,
            Window::Days(_) | Window::This(_) => Self::Day,
        }
    }
}

/// When a record was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub at_ms: i64,
    pub day: i64,
}

impl Moment {
    fn tile(self, grain: Grain) -> i64 {
        match grain {
            Grain::All => 0,
            Grain::Day => self.day,
            Grain::Instant => self.at_ms,
        }
    }

    /// The tiles, first and last, that a window looks at from here.
    fn range(self, window: Window) -> (i64, i64) {
        match window {
            Window::All => (0, 0),
            Window::Hours(hours) => (self.at_ms.saturating_sub(i64::from(hours) * HOUR_MS), self.at_ms),
            Window::Days(days) => (self.day - i64::from(days), self.day),
            Window::This(unit) => (first_day(unit, self.day), self.day),
        }
    }
}

/// How a series is made; the same for all entities.
#[derive(Clone, Debug)]
pub(crate) struct SeriesPlan {
    pub keeps: Keeps,
    pub grain: Grain,
    /// Tiles kept before the newest one.
    pub span: i64,
    /// Windows asked for, each distinct one once.
    pub windows: Vec<Window>,
    /// The questions asked of a window: its place, the aggregate, the share of a quantile.
    pub questions: Vec<Question>,
}

/// One question to a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Question {
    pub window: u16,
    pub aggregate: Aggregate,
    pub share: f64,
}

impl SeriesPlan {
    pub fn new(keeps: Keeps, grain: Grain) -> Self {
        Self { keeps, grain, span: 0, windows: Vec::new(), questions: Vec::new() }
    }

    /// The place of a question, asked here from now on.
    pub fn ask(&mut self, window: Window, aggregate: Aggregate, share: f64) -> usize {
        let span = match window {
            Window::All => 0,
            Window::Hours(hours) => (i64::from(hours) + LATE_HOURS) * HOUR_MS,
            Window::Days(days) => i64::from(days) + LATE_DAYS,
            Window::This(unit) => i64::from(unit.days()) + LATE_DAYS,
        };
        self.span = self.span.max(span);
        let window = place_of(&mut self.windows, window) as u16;
        place_of(&mut self.questions, Question { window, aggregate, share })
    }
}

fn place_of<T: PartialEq>(all: &mut Vec<T>, one: T) -> usize {
    all.iter().position(|known| *known == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    })
}

/// The tiles of one entity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    /// By time.
    tiles: Vec<(i64, Cell)>,
    /// Values kept one by one.
    entries: u32,
    /// Once there were too many values. By question: the answer of then.
    sketched: Option<Box<[Option<Asked>]>>,
    /// By window: what was put together last. Follows from the tiles.
    #[serde(skip)]
    windows: Box<[Whole]>,
}

/// An answer from sketches, which is given again until there is more to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Asked {
    range: (i64, i64),
    weight: u64,
    answer: Answer,
}

/// The tiles of a range, put together.
#[derive(Clone, Debug)]
struct Whole {
    range: (i64, i64),
    cell: Cell,
}

/// What follows from the tiles says nothing of its own.
impl PartialEq for Whole {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A range of no tiles.
const NOWHERE: (i64, i64) = (i64::MAX, i64::MIN);

impl Series {
    /// The newest tile.
    fn newest(&self) -> Option<i64> {
        self.tiles.last().map(|(tile, _)| *tile)
    }

    /// Adds what a record brings.
    pub fn add(&mut self, plan: &SeriesPlan, moment: Moment, fact: Fact<'_>) {
        let tile = moment.tile(plan.grain);
        if self.newest().is_some_and(|newest| tile < newest.saturating_sub(plan.span)) {
            // Before all that any window could still see.
            return;
        }
        let place = match self.tiles.last() {
            Some((last, _)) if *last == tile => self.tiles.len() - 1,
            Some((last, _)) if *last < tile => self.begin(plan, tile),
            None => self.begin(plan, tile),
            Some(_) => match self.tiles.binary_search_by_key(&tile, |(at, _)| *at) {
                Ok(place) => place,
                Err(place) => {
                    self.tiles.insert(place, (tile, self.empty(plan)));
                    place
                }
            },
        };
        let cell = &mut self.tiles[place].1;
        let before = cell.entries();
        cell.add(fact);
        let after = cell.entries();
        self.entries += (after - before) as u32;
        for whole in &mut self.windows {
            if whole.range.0 <= tile && tile <= whole.range.1 {
                whole.cell.add(fact);
            }
        }
        if after > TILE_ENTRIES_MAX || self.entries as usize > ENTRIES_MAX {
            self.sketch(plan);
        }
    }

    /// Takes back what a record brought, if it is still here.
    pub fn remove(&mut self, plan: &SeriesPlan, moment: Moment, fact: Fact<'_>) {
        let tile = moment.tile(plan.grain);
        let Ok(place) = self.tiles.binary_search_by_key(&tile, |(at, _)| *at) else { return };
        let cell = &mut self.tiles[place].1;
        let before = cell.entries();
        cell.remove(fact);
        self.entries -= (before - cell.entries()) as u32;
        if self.tiles[place].1.is_empty() {
            self.tiles.remove(place);
        }
        for whole in &mut self.windows {
            if whole.range.0 <= tile && tile <= whole.range.1 {
                whole.range = NOWHERE;
            }
        }
    }

    /// The answer to a question of the plan at a moment.
    pub fn answer(&mut self, plan: &SeriesPlan, question: usize, moment: Moment) -> Answer {
        let Question { window, aggregate, share } = plan.questions[question];
        if self.tiles.is_empty() {
            return nothing(plan, aggregate);
        }
        let range = moment.range(plan.windows[usize::from(window)]);
        if self.sketched.is_some() {
            return self.asked(question, aggregate, share, range);
        }
        if let [(tile, cell)] = self.tiles.as_slice() {
            let inside = range.0 <= *tile && *tile <= range.1;
            return if inside { cell.answer(aggregate, share, moment.at_ms) } else { nothing(plan, aggregate) };
        }
        if self.windows.is_empty() {
            let nowhere = Whole { range: NOWHERE, cell: plan.keeps.empty() };
            self.windows = vec![nowhere; plan.windows.len()].into();
        }
        let whole = &mut self.windows[usize::from(window)];
        if whole.range != range {
            whole.turn_to(range, &self.tiles, plan.keeps);
        }
        if whole.cell.is_empty() {
            return nothing(plan, aggregate);
        }
        whole.cell.answer(aggregate, share, moment.at_ms)
    }

    /// A new tile behind all others; those that no window sees any more go.
    fn begin(&mut self, plan: &SeriesPlan, tile: i64) -> usize {
        let first = tile.saturating_sub(plan.span);
        let gone = self.tiles.partition_point(|(at, _)| *at < first);
        if gone > 0 {
            let entries: usize = self.tiles.drain(..gone).map(|(_, cell)| cell.entries()).sum();
            self.entries -= entries as u32;
            if self.tiles.is_empty() {
                // Nothing of the many values is left.
                self.sketched = None;
            }
            self.windows = Box::default();
        }
        if self.tiles.len() < FEW {
            // Most entities are seen once or twice.
            self.tiles.reserve_exact(1);
        }
        self.tiles.push((tile, self.empty(plan)));
        self.tiles.len() - 1
    }

    fn empty(&self, plan: &SeriesPlan) -> Cell {
        let cell = plan.keeps.empty();
        if self.sketched.is_some() { cell.sketched() } else { cell }
    }

    fn sketch(&mut self, plan: &SeriesPlan) {
        for (_, cell) in &mut self.tiles {
            *cell = cell.sketched();
        }
        self.entries = 0;
        self.sketched = Some(vec![None; plan.questions.len()].into());
        self.windows = Box::default();
    }

    /// The answer from sketches: that of before while the range is the same and little has come to it.
    fn asked(&mut self, question: usize, aggregate: Aggregate, share: f64, range: (i64, i64)) -> Answer {
        let from = self.tiles.partition_point(|(tile, _)| *tile < range.0);
        let to = self.tiles.partition_point(|(tile, _)| *tile <= range.1);
        let tiles = &self.tiles[from..to.max(from)];
        let weight: u64 = tiles.iter().map(|(_, cell)| cell.weight()).sum();
        let Some(asked) = self.sketched.as_mut().and_then(|asked| asked.get_mut(question)) else {
            return Answer::Nothing;
        };
        if let Some(before) = asked
            && before.range == range
            && weight < before.weight + before.weight / ASK_AGAIN + 1
            && weight >= before.weight
        {
            return before.answer.clone();
        }
        let answer = answer_of_sketches(tiles.iter().map(|(_, cell)| cell), aggregate, share);
        *asked = Some(Asked { range, weight, answer: answer.clone() });
        answer
    }
}

/// What an aggregate says of no values.
fn nothing(plan: &SeriesPlan, aggregate: Aggregate) -> Answer {
    plan.keeps.empty().answer(aggregate, 0.0, 0)
}

impl Whole {
    /// Makes it that of another range: by a few tiles more and less where it only moves on, else anew.
    fn turn_to(&mut self, range: (i64, i64), tiles: &[(i64, Cell)], keeps: Keeps) {
        let place = |tile: i64| tiles.partition_point(|(at, _)| *at < tile);
        let after = |tile: i64| tiles.partition_point(|(at, _)| *at <= tile);
        let (lo, hi) = self.range;
        let moves_on = self.range != NOWHERE && lo <= range.0 && hi <= range.1 && range.0 <= hi;
        if moves_on {
            let less = &tiles[place(lo)..place(range.0)];
            let more = &tiles[after(hi)..after(range.1)];
            if less.len() + more.len() < after(range.1) - place(range.0)
                && less.iter().all(|(_, cell)| self.cell.unmerge(cell))
            {
                for (_, cell) in more {
                    self.cell.merge(cell);
                }
                self.range = range;
                return;
            }
        }
        self.cell = keeps.empty();
        tiles[place(range.0)..after(range.1).max(place(range.0))].iter().for_each(|(_, cell)| self.cell.merge(cell));
        self.range = range;
    }
}
