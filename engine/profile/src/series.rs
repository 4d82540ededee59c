//! The values of one expression over time, for one entity: a cell a tile, and windows over tiles.
//!
//! Tiles are days of the office's zone, or instants where windows are hours, or one for all time. A window is answered
//! from the tiles in it.

use haechi_rules::profile::{Aggregate, Window};
use serde::{Deserialize, Serialize};

use crate::bag::Bag;
use crate::cell::{Answer, Count, Fact, Keeps, Share};
use crate::codec::{Reader, Writer};
use crate::days::first_day;
use crate::ends::{Ends, Instant};
use crate::exact::{Moments, Sums};
use crate::journal::PassNumber;
use crate::latest::Latest;
use crate::sketched::{Sketchable, Sketched};
use crate::tiles::Tiles;
use crate::undo::Undo;

/// Values kept one by one in a series, over all its tiles; of more there are sketches. Few are so busy: sixty countries
/// on each day of a year are two thirds of it.
pub(crate) const ENTRIES_MAX: usize = 32_768;
/// Values kept one by one in a tile: each new one is put in its place among them.
pub(crate) const TILE_ENTRIES_MAX: usize = 2_048;
/// Days, beyond its longest window, for which a series keeps its tiles: how late a record may come and still see, and be
/// seen, where it belongs.
pub const LATE_DAYS: i64 = 31;
/// The same for windows of hours.
pub const LATE_HOURS: i64 = 24;

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
    /// When it became known.
    pub known_ms: i64,
    pub known_day: i64,
}

impl Moment {
    fn tile(self, grain: Grain) -> i64 {
        match grain {
            Grain::All => 0,
            Grain::Day => self.day,
            Grain::Instant => self.at_ms,
        }
    }

    /// The tile of now.
    fn known(self, grain: Grain) -> i64 {
        match grain {
            Grain::All => 0,
            Grain::Day => self.known_day,
            Grain::Instant => self.known_ms,
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

/// The place of one among all, where it is put if it is new.
pub(crate) fn place_of<T: PartialEq>(all: &mut Vec<T>, one: T) -> usize {
    all.iter().position(|known| *known == one).unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    })
}

/// The values of one entity, in the form that the plan's aggregates need.
#[derive(Debug)]
pub(crate) enum Series {
    Count(Tiles<Count>),
    Sums(Tiles<Sums>),
    Moments(Tiles<Moments>),
    Share(Tiles<Share>),
    Numbers(Tiles<Ends<i64>>),
    Instants(Tiles<Ends<Instant>>),
    Latest(Tiles<Latest>),
    Ties(Tiles<Bag<u128>>),
    Quantiles(Values<i64>),
    Distinct(Values<u64>),
    Texts(Values<Box<str>>),
}

/// Values that are kept one by one, until there are too many.
#[derive(Debug)]
pub(crate) struct Values<K: Sketchable> {
    kept: Kept<K>,
    undo: Undo<Kept<K>>,
}

#[derive(Debug)]
enum Kept<K: Sketchable> {
    Exact(Tiles<Bag<K>>),
    Sketched(Box<Sketched<K>>),
}

/// The same with any form of series.
macro_rules! in_any_form {
    ($series:expr, $tiles:ident => $with_tiles:expr, $values:ident => $with_values:expr) => {
        match $series {
            Series::Count($tiles) => $with_tiles,
            Series::Sums($tiles) => $with_tiles,
            Series::Moments($tiles) => $with_tiles,
            Series::Share($tiles) => $with_tiles,
            Series::Numbers($tiles) => $with_tiles,
            Series::Instants($tiles) => $with_tiles,
            Series::Latest($tiles) => $with_tiles,
            Series::Ties($tiles) => $with_tiles,
            Series::Quantiles($values) => $with_values,
            Series::Distinct($values) => $with_values,
            Series::Texts($values) => $with_values,
        }
    };
}

impl Series {
    /// One of no values.
    pub fn new(plan: &SeriesPlan) -> Self {
        match plan.keeps {
            Keeps::Count | Keeps::Members => Self::Count(Tiles::new(plan.grain)),
            Keeps::Sums => Self::Sums(Tiles::new(plan.grain)),
            Keeps::Moments => Self::Moments(Tiles::new(plan.grain)),
            Keeps::Share => Self::Share(Tiles::new(plan.grain)),
            Keeps::Numbers => Self::Numbers(Tiles::new(plan.grain)),
            Keeps::Instants => Self::Instants(Tiles::new(plan.grain)),
            Keeps::Latest => Self::Latest(Tiles::new(plan.grain)),
            Keeps::Ties => Self::Ties(Tiles::new(plan.grain)),
            Keeps::Quantiles => Self::Quantiles(Values::new(plan)),
            Keeps::Distinct => Self::Distinct(Values::new(plan)),
            Keeps::Texts => Self::Texts(Values::new(plan)),
        }
    }

    pub fn is_empty(&self) -> bool {
        in_any_form!(self, tiles => tiles.is_empty(), values => values.is_empty())
    }

    /// The newest tile.
    fn newest(&self) -> Option<i64> {
        in_any_form!(self, tiles => tiles.newest(), values => values.newest())
    }

    /// Looks at what the next record will need; what it finds says nothing.
    pub fn warm(&self) -> i64 {
        in_any_form!(self, tiles => tiles.warm(), values => values.warm())
    }

    /// Adds what a record brings.
    pub fn add(&mut self, plan: &SeriesPlan, moment: Moment, fact: Fact<'_>) {
        let tile = moment.tile(plan.grain);
        // A record may be dated far ahead, by a slip or on purpose: what goes is what is old now too.
        let now = moment.known(plan.grain);
        let first = match self.newest() {
            // Before all that any window could still see.
            Some(newest) if tile < newest.min(now).saturating_sub(plan.span) => return,
            Some(newest) if tile <= newest => (newest > now).then(|| now.saturating_sub(plan.span)),
            // A new tile behind all others; those that no window sees any more go.
            _ => Some(tile.min(now).saturating_sub(plan.span)),
        };
        if let Some(first) = first {
            in_any_form!(self, tiles => tiles.forget_before(first), values => values.forget_before(plan, first));
        }
        in_any_form!(self, tiles => { tiles.add(tile, fact); }, values => values.add(tile, fact));
    }

    /// Takes back what a record brought, if it is still here. A sketch keeps it.
    pub fn remove(&mut self, plan: &SeriesPlan, moment: Moment, fact: Fact<'_>) {
        let tile = moment.tile(plan.grain);
        in_any_form!(self, tiles => tiles.remove(tile, fact), values => values.remove(tile, fact));
    }

    /// The answer to a question of the plan at a moment.
    pub fn answer(&mut self, plan: &SeriesPlan, question: usize, moment: Moment) -> Answer {
        let place = question;
        let question = &plan.questions[place];
        let range = moment.range(plan.windows[usize::from(question.window)]);
        in_any_form!(
            self,
            tiles => tiles.answer(plan, question, range, moment.at_ms),
            values => values.answer(plan, place, range, moment.at_ms)
        )
    }

    /// What the window of a question holds at a moment, to be put together with that of others.
    pub fn part(&self, plan: &SeriesPlan, question: usize, moment: Moment) -> Self {
        let range = moment.range(plan.windows[usize::from(plan.questions[question].window)]);
        match self {
            Self::Count(tiles) => Self::Count(tiles.part(range)),
            Self::Sums(tiles) => Self::Sums(tiles.part(range)),
            Self::Moments(tiles) => Self::Moments(tiles.part(range)),
            Self::Share(tiles) => Self::Share(tiles.part(range)),
            Self::Numbers(tiles) => Self::Numbers(tiles.part(range)),
            Self::Instants(tiles) => Self::Instants(tiles.part(range)),
            Self::Latest(tiles) => Self::Latest(tiles.part(range)),
            Self::Ties(tiles) => Self::Ties(tiles.part(range)),
            Self::Quantiles(values) => Self::Quantiles(values.part(range)),
            Self::Distinct(values) => Self::Distinct(values.part(range)),
            Self::Texts(values) => Self::Texts(values.part(range)),
        }
    }

    /// Puts a part of another to this one.
    pub fn absorb(&mut self, other: Self) {
        match (self, other) {
            (Self::Count(part), Self::Count(other)) => part.absorb(other),
            (Self::Sums(part), Self::Sums(other)) => part.absorb(other),
            (Self::Moments(part), Self::Moments(other)) => part.absorb(other),
            (Self::Share(part), Self::Share(other)) => part.absorb(other),
            (Self::Numbers(part), Self::Numbers(other)) => part.absorb(other),
            (Self::Instants(part), Self::Instants(other)) => part.absorb(other),
            (Self::Latest(part), Self::Latest(other)) => part.absorb(other),
            (Self::Ties(part), Self::Ties(other)) => part.absorb(other),
            (Self::Quantiles(part), Self::Quantiles(other)) => part.absorb(other),
            (Self::Distinct(part), Self::Distinct(other)) => part.absorb(other),
            (Self::Texts(part), Self::Texts(other)) => part.absorb(other),
            // Parts of one plan are of one form.
            _ => {}
        }
    }

    /// What parts put together say.
    pub fn answer_alone(&self, question: &Question, now: i64) -> Answer {
        in_any_form!(self, tiles => tiles.answer_alone(question, now), values => values.answer_alone(question, now))
    }

    /// Whom or what it is tied to by the tiles of a window, in their order; `None` where those are more than `most`.
    pub fn ties(&self, window: Window, moment: Moment, most: usize) -> Option<Vec<u128>> {
        let Self::Ties(tiles) = self else { return Some(Vec::new()) };
        let (first, last) = moment.range(window);
        // What is a hub was one lately.
        let inside = tiles.as_slice().iter().rev().filter(|(tile, _)| first <= *tile && *tile <= last);
        different(inside.flat_map(|(_, bag)| bag.iter().map(|(other, _)| *other)), most)
    }

    /// How many ties its tile of a moment has.
    pub fn ties_at(&self, moment: Moment) -> usize {
        let Self::Ties(tiles) = self else { return 0 };
        let day = tiles.as_slice().binary_search_by_key(&moment.day, |(tile, _)| *tile);
        day.map_or(0, |place| tiles.as_slice()[place].1.len())
    }

    /// What is passed from here on may have to be taken back; what was passed up to `kept` will not be.
    pub fn begin(&mut self, pass: Option<PassNumber>, kept: PassNumber) {
        in_any_form!(self, tiles => tiles.begin(pass, kept), values => values.begin(pass, kept));
    }

    /// Makes it what it was before all passes after this one.
    pub fn undo(&mut self, after: PassNumber) {
        in_any_form!(self, tiles => tiles.undo(after), values => values.undo(after));
    }

    pub fn write(&self, to: &mut Writer<'_>) {
        in_any_form!(self, tiles => tiles.write(to), values => values.write(to));
    }

    /// Fills what is empty; nothing where the bytes are not those of such a series.
    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        in_any_form!(self, tiles => tiles.read(from), values => values.read(from))
    }

    /// Makes it empty, and keeps its room.
    pub fn clear(&mut self, plan: &SeriesPlan) {
        in_any_form!(self, tiles => tiles.clear(), values => values.clear(plan));
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + in_any_form!(self, tiles => tiles.size(), values => values.size())
    }
}

/// The different ones among ties, in their order; `None` once there are more than `most`: no more of them are looked at.
fn different(ties: impl Iterator<Item = u128>, most: usize) -> Option<Vec<u128>> {
    let mut all = Vec::new();
    for tie in ties {
        if let Err(place) = all.binary_search(&tie) {
            if all.len() == most {
                return None;
            }
            all.insert(place, tie);
        }
    }
    Some(all)
}

impl<K: Sketchable> Values<K> {
    fn new(plan: &SeriesPlan) -> Self {
        Self { kept: Kept::Exact(Tiles::new(plan.grain)), undo: Undo::default() }
    }

    /// Keeps values in another way from here on.
    fn turn(&mut self, kept: Kept<K>) {
        let was = std::mem::replace(&mut self.kept, kept);
        self.undo.gone(std::iter::once((0, was)));
    }

    fn begin(&mut self, pass: Option<PassNumber>, kept: PassNumber) {
        self.undo.begin(pass, kept);
        match &mut self.kept {
            Kept::Exact(tiles) => tiles.begin(pass, kept),
            Kept::Sketched(sketched) => sketched.begin(pass, kept),
        }
    }

    fn undo(&mut self, after: PassNumber) {
        if let Some(kept) = self.undo.first(after) {
            self.kept = kept;
        }
        match &mut self.kept {
            Kept::Exact(tiles) => tiles.undo(after),
            Kept::Sketched(sketched) => sketched.undo(after),
        }
    }

    fn is_empty(&self) -> bool {
        self.newest().is_none()
    }

    fn newest(&self) -> Option<i64> {
        match &self.kept {
            Kept::Exact(tiles) => tiles.newest(),
            Kept::Sketched(sketched) => sketched.newest(),
        }
    }

    fn warm(&self) -> i64 {
        match &self.kept {
            Kept::Exact(tiles) => tiles.warm(),
            Kept::Sketched(sketched) => sketched.newest().unwrap_or_default(),
        }
    }

    fn forget_before(&mut self, plan: &SeriesPlan, first: i64) {
        match &mut self.kept {
            Kept::Exact(tiles) => tiles.forget_before(first),
            Kept::Sketched(sketched) => {
                if !sketched.forget_before(first) {
                    // Nothing of the many values is left.
                    self.turn(Kept::Exact(Tiles::new(plan.grain)));
                }
            }
        }
    }

    fn add(&mut self, tile: i64, fact: Fact<'_>) {
        match &mut self.kept {
            Kept::Exact(tiles) => {
                if tiles.add(tile, fact) > TILE_ENTRIES_MAX || tiles.entries() > ENTRIES_MAX {
                    let sketched = Sketched::of(tiles.as_slice());
                    self.turn(Kept::Sketched(Box::new(sketched)));
                }
            }
            Kept::Sketched(sketched) => sketched.add(tile, fact),
        }
    }

    fn remove(&mut self, tile: i64, fact: Fact<'_>) {
        if let Kept::Exact(tiles) = &mut self.kept {
            tiles.remove(tile, fact);
        }
    }

    fn answer(&mut self, plan: &SeriesPlan, question: usize, range: (i64, i64), now: i64) -> Answer {
        match &mut self.kept {
            Kept::Exact(tiles) => tiles.answer(plan, &plan.questions[question], range, now),
            Kept::Sketched(sketched) => sketched.answer(plan, question, range),
        }
    }

    fn part(&self, range: (i64, i64)) -> Self {
        let kept = match &self.kept {
            Kept::Exact(tiles) => Kept::Exact(tiles.part(range)),
            Kept::Sketched(sketched) => Kept::Sketched(Box::new(sketched.part(range))),
        };
        Self { kept, undo: Undo::default() }
    }

    fn absorb(&mut self, other: Self) {
        match (&mut self.kept, other.kept) {
            (Kept::Exact(part), Kept::Exact(other)) => part.absorb(other),
            (Kept::Sketched(part), Kept::Sketched(other)) => part.absorb(&other),
            (Kept::Sketched(part), Kept::Exact(other)) => part.absorb(&Sketched::of(other.as_slice())),
            (Kept::Exact(part), Kept::Sketched(mut other)) => {
                other.absorb(&Sketched::of(part.as_slice()));
                self.kept = Kept::Sketched(other);
            }
        }
    }

    fn answer_alone(&self, question: &Question, now: i64) -> Answer {
        match &self.kept {
            Kept::Exact(tiles) => tiles.answer_alone(question, now),
            Kept::Sketched(sketched) => sketched.answer_alone(question),
        }
    }

    fn write(&self, to: &mut Writer<'_>) {
        to.unsigned(u64::from(matches!(self.kept, Kept::Sketched(_))));
        match &self.kept {
            Kept::Exact(tiles) => tiles.write(to),
            Kept::Sketched(sketched) => sketched.write(to),
        }
    }

    fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        match (from.unsigned()?, &mut self.kept) {
            (0, Kept::Exact(tiles)) => tiles.read(from),
            (1, _) => {
                self.kept = Kept::Sketched(Box::new(Sketched::read(from)?));
                Some(())
            }
            _ => None,
        }
    }

    fn clear(&mut self, plan: &SeriesPlan) {
        match &mut self.kept {
            Kept::Exact(tiles) => tiles.clear(),
            Kept::Sketched(_) => self.turn(Kept::Exact(Tiles::new(plan.grain))),
        }
    }

    fn size(&self) -> usize {
        match &self.kept {
            Kept::Exact(tiles) => tiles.size(),
            Kept::Sketched(sketched) => sketched.size(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_looked_at_until_they_are_too_many() {
        let looked_at = |ties: &[u128], most: usize| {
            let mut n = 0;
            let found = different(ties.iter().copied().inspect(|_| n += 1), most);
            (found, n)
        };
        assert_eq!(looked_at(&[7, 2, 7, 9, 2], 3), (Some(vec![2, 7, 9]), 5));
        assert_eq!(looked_at(&[7, 2, 7, 9, 2, 1, 3, 4], 2), (None, 4));
        assert_eq!(looked_at(&[], 2), (Some(Vec::new()), 0));
    }

    #[test]
    fn ties_of_a_window_are_those_of_its_days() {
        let mut plan = SeriesPlan::new(Keeps::Ties, Grain::Day);
        plan.ask(Window::Days(3), Aggregate::Members, 0.0);
        let moment = |day: i64| Moment { at_ms: day * 24 * HOUR_MS, day, known_ms: i64::MAX, known_day: i64::MAX };
        let mut series = Series::new(&plan);
        for (day, tie) in [(100, 1), (102, 2), (102, 5), (103, 2), (105, 4)] {
            series.add(&plan, moment(day), Fact::Tie(tie));
        }
        let ties = |day: i64, most: usize| series.ties(Window::Days(3), moment(day), most);
        assert_eq!(ties(103, 3), Some(vec![1, 2, 5]));
        assert_eq!(ties(103, 2), None, "one too many");
        assert_eq!(ties(105, 3), Some(vec![2, 4, 5]));
        assert_eq!(ties(99, 3), Some(Vec::new()));
    }
}
