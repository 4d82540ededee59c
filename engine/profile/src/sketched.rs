//! A series of too many values to keep: a sketch a tile. Nothing can be taken out of it.
//!
//! An answer follows from the tiles and from nothing else: not from when it was asked before. Values wait beside the
//! bytes of their tile, and those that wait are counted in steps, so that a window is put together again only once a
//! little more is in it. What is put together of all tiles but the newest is kept until one of them changes.

use crate::bag::{Asked, Bag, Value};
use crate::cell::{Answer, Fact};
use crate::codec::{Reader, Writer};
use crate::journal::PassNumber;
use crate::series::{Question, SeriesPlan};
use crate::sketch::{Distinct, Frequent, Kind, Quantiles, Sketch};
use crate::tiles::Place;
use crate::undo::Undo;

/// A step is such a part of the values in a window; in all less than two of them are not counted yet.
const STEPS: u64 = 256;
/// About what tiles take that are put together.
const WHOLE_BYTES: usize = 8 << 10;

/// Values that a kind of sketch can stand for.
pub(crate) trait Sketchable: Asked {
    type Kind: Kind<Item = Self>;
}

impl Sketchable for i64 {
    type Kind = Quantiles;
}

impl Sketchable for u64 {
    type Kind = Distinct;
}

impl Sketchable for Box<str> {
    type Kind = Frequent;
}

/// The tiles of a series as sketches.
#[derive(Debug)]
pub(crate) struct Sketched<K: Sketchable> {
    /// By time.
    tiles: Vec<(i64, Sketch<K>)>,
    /// By window: what was put together last. Follows from the tiles.
    windows: Vec<Whole<K>>,
    undo: Undo<Sketch<K>>,
}

/// The tiles of a window, put together.
#[derive(Debug)]
struct Whole<K: Sketchable> {
    /// Which tiles, and what of them, all but the newest one; nothing where none were put together yet.
    of: Option<u64>,
    older: Option<K::Kind>,
    newest: Option<u64>,
    /// By question asked of this window, in the order of the plan.
    said: Vec<(usize, Answer)>,
}

impl<K: Sketchable> Whole<K> {
    const NOTHING: Self = Self { of: None, older: None, newest: None, said: Vec::new() };
}

/// What of the tiles in a window is counted.
struct Counted<'t, K> {
    tiles: &'t [(i64, Sketch<K>)],
    /// Of values that wait beside the newest tile, and beside each of the others, whole steps are.
    step: usize,
    step_older: usize,
}

impl<'t, K: Sketchable> Counted<'t, K> {
    fn of(tiles: &'t [(i64, Sketch<K>)]) -> Self {
        let packed: u64 = tiles.iter().map(|(_, sketch)| sketch.packed_weight()).sum();
        let step = (packed / STEPS) as usize;
        Self { tiles, step: step.max(1), step_older: (step / tiles.len().max(1)).max(1) }
    }

    /// Another number where anything else of these tiles is counted.
    fn number(tiles: &[(i64, Sketch<K>)], step: usize) -> u64 {
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        let mix = |number: u64, part: u64| (number ^ part).wrapping_mul(ODD).rotate_left(23);
        tiles.iter().fold(tiles.len() as u64 + 1, |number, (tile, sketch)| {
            let number = mix(mix(number, *tile as u64), sketch.packed_weight());
            mix(number, sketch.waiting(step) as u64)
        })
    }
}

impl<K: Sketchable> Sketched<K> {
    /// Takes the place of tiles of values.
    pub fn of(tiles: &[(i64, Bag<K>)]) -> Self {
        let tiles = tiles.iter().map(|(tile, bag)| (*tile, Sketch::of::<K::Kind>(bag))).collect();
        Self { tiles, windows: Vec::new(), undo: Undo::default() }
    }

    /// The newest tile.
    pub fn newest(&self) -> Option<i64> {
        self.tiles.last().map(|(tile, _)| *tile)
    }

    /// Drops the tiles before one; `false` where none are left.
    pub fn forget_before(&mut self, first: i64) -> bool {
        let gone = self.tiles.partition_point(|(tile, _)| *tile < first);
        self.undo.gone(self.tiles.drain(..gone));
        !self.tiles.is_empty()
    }

    pub fn add(&mut self, tile: i64, fact: Fact<'_>) {
        let Some(value) = <K as Value>::of(fact) else { return };
        let place = match Place::of(tile, &self.tiles) {
            Place::There(place) => {
                self.undo.note(tile, || Some(self.tiles[place].1.clone()));
                place
            }
            Place::New(place) => {
                // Nothing waits beside a tile that others follow, but what comes late.
                if let Some((tile, before)) = self.tiles[..place].last_mut() {
                    self.undo.note(*tile, || Some(before.clone()));
                    before.put_in::<K::Kind>();
                }
                self.undo.note(tile, || None);
                self.tiles.insert(place, (tile, Sketch::of::<K::Kind>(&Bag::default())));
                place
            }
        };
        self.tiles[place].1.add::<K::Kind>(value);
    }

    /// The answer to a question of the plan over a range of tiles.
    pub fn answer(&mut self, plan: &SeriesPlan, place: usize, range: (i64, i64)) -> Answer {
        let question = &plan.questions[place];
        let from = self.tiles.partition_point(|(tile, _)| *tile < range.0);
        let to = self.tiles.partition_point(|(tile, _)| *tile <= range.1);
        let counted = Counted::of(&self.tiles[from..to.max(from)]);
        let Some((newest, older)) = counted.tiles.split_last() else { return K::answer(&Bag::default(), question) };
        self.windows.resize_with(plan.windows.len(), || Whole::NOTHING);
        let whole = &mut self.windows[usize::from(question.window)];
        let of = Some(Counted::number(older, counted.step_older));
        if whole.of != of {
            let mut sketches = older.iter().map(|(_, sketch)| sketch.open(counted.step_older));
            whole.older = sketches.next().map(|mut first: K::Kind| {
                sketches.for_each(|sketch| first.absorb(&sketch));
                first
            });
            (whole.of, whole.newest) = (of, None);
        }
        let of = Some(Counted::number(std::slice::from_ref(newest), counted.step));
        if whole.newest != of {
            let newest = newest.1.open(counted.step);
            let mut all = match whole.older.clone() {
                None => newest,
                Some(mut older) => {
                    older.absorb(&newest);
                    older
                }
            };
            let asked = plan.questions.iter().enumerate().filter(|(_, other)| other.window == question.window);
            whole.said = asked.map(|(place, question)| (place, all.answer(question))).collect();
            whole.newest = of;
        }
        let said = whole.said.iter().find(|(known, _)| *known == place);
        said.map_or(Answer::Nothing, |(_, answer)| answer.clone())
    }

    /// What is passed from here on may have to be taken back; what was passed up to `kept` will not be.
    pub fn begin(&mut self, pass: Option<PassNumber>, kept: PassNumber) {
        self.undo.begin(pass, kept);
    }

    /// Makes it what it was before all passes after this one.
    pub fn undo(&mut self, after: PassNumber) {
        if self.undo.put_back(after, &mut self.tiles) {
            // Other values may be as many as those were.
            self.windows.clear();
        }
    }

    pub fn write(&self, to: &mut Writer<'_>) {
        to.unsigned(self.tiles.len() as u64);
        let mut before = 0;
        for (tile, sketch) in &self.tiles {
            to.signed(tile.wrapping_sub(before));
            before = *tile;
            sketch.write(to);
        }
    }

    /// Nothing where the bytes are not those of sketches.
    pub fn read(from: &mut Reader<'_>) -> Option<Self> {
        let len = from.length()?;
        let mut tiles: Vec<(i64, Sketch<K>)> = Vec::with_capacity(len);
        let mut before = 0i64;
        for _ in 0..len {
            before = before.wrapping_add(from.signed()?);
            tiles.push((before, Sketch::read(from)?));
        }
        Some(Self { tiles, windows: Vec::new(), undo: Undo::default() })
    }

    /// What the tiles of a range hold, as one tile.
    pub fn part(&self, range: (i64, i64)) -> Self {
        let inside = self.tiles.iter().filter(|(tile, _)| range.0 <= *tile && *tile <= range.1);
        let mut part = Self { tiles: Vec::new(), windows: Vec::new(), undo: Undo::default() };
        inside.for_each(|(_, sketch)| part.put(sketch));
        part
    }

    /// Adds one tile to another.
    pub fn absorb(&mut self, other: &Self) {
        other.tiles.iter().for_each(|(_, sketch)| self.put(sketch));
    }

    fn put(&mut self, sketch: &Sketch<K>) {
        match self.tiles.first_mut() {
            Some((_, whole)) => whole.absorb::<K::Kind>(sketch),
            None => self.tiles.push((0, sketch.clone())),
        }
    }

    /// What one tile says.
    pub fn answer_alone(&self, question: &Question) -> Answer {
        match self.tiles.first() {
            Some((_, sketch)) => sketch.open::<K::Kind>(1).answer(question),
            None => K::answer(&Bag::default(), question),
        }
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        self.windows.len() * WHOLE_BYTES + self.tiles.iter().map(|(_, sketch)| sketch.size()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use haechi_rules::profile::{Aggregate, Window};
    use proptest::prelude::*;

    use super::*;
    use crate::cell::Keeps;
    use crate::series::Grain;

    fn plan(keeps: Keeps, aggregates: &[Aggregate]) -> SeriesPlan {
        let mut plan = SeriesPlan::new(keeps, Grain::Day);
        for window in [Window::Days(2), Window::Days(30)] {
            for aggregate in aggregates {
                plan.ask(window, *aggregate, 0.9);
            }
        }
        plan
    }

    fn bytes<K: Sketchable>(of: &Sketched<K>) -> Vec<u8> {
        let mut bytes = Vec::new();
        of.write(&mut Writer::new(&mut bytes));
        bytes
    }

    /// One that is asked at every value, and one that is read back now and then, and asked seldom.
    fn check<K: Sketchable>(plan: &SeriesPlan, values: &[u16], fact: impl Fn(u16, &mut dyn FnMut(Fact<'_>))) {
        let (mut asked, mut other) = (Sketched::<K>::of(&[]), Sketched::<K>::of(&[]));
        for (i, value) in values.iter().enumerate() {
            // A few come late.
            let day = (i / 300) as i64 - i64::from(*value % 20 == 0 && i > 900) * 2;
            let range = |window: usize| (day - [2, 30][window], day);
            fact(*value, &mut |fact| asked.add(day, fact));
            fact(*value, &mut |fact| other.add(day, fact));
            let all = |of: &mut Sketched<K>| -> Vec<Answer> {
                let places = plan.questions.iter().enumerate();
                places.map(|(place, question)| of.answer(plan, place, range(question.window.into()))).collect()
            };
            let told = all(&mut asked);
            if *value % 61 == 0 {
                let mut bytes = bytes(&other);
                assert_eq!(told, all(&mut other));
                assert_eq!(bytes, self::bytes(&other), "asking changes nothing");
                assert_eq!(bytes, self::bytes(&asked));
                other = Sketched::read(&mut Reader::new(&bytes)).unwrap();
                assert_eq!(told, all(&mut other));
                bytes.pop();
                assert!(Sketched::<K>::read(&mut Reader::new(&bytes)).is_none());
            }
        }
    }

    #[test]
    fn a_day_of_which_nothing_is_counted_yet_has_an_answer() {
        let plan = plan(Keeps::Quantiles, &[Aggregate::Quantile]);
        let mut days = Sketched::<i64>::of(&[]);
        for value in 0..601i32 {
            days.add(i64::from(value / 300), Fact::Number(f64::from(value)));
            days.answer(&plan, 0, (0, 2));
        }
        let mut others = Sketched::<i64>::read(&mut Reader::new(&bytes(&days))).unwrap();
        assert_eq!(days.answer(&plan, 0, (0, 2)), others.answer(&plan, 0, (0, 2)));
    }

    #[test]
    fn what_was_taken_back_is_in_no_answer() {
        let plan = plan(Keeps::Quantiles, &[Aggregate::Quantile]);
        let mut days = Sketched::<i64>::of(&[]);
        let put = |days: &mut Sketched<i64>, from: i32| {
            (from..from + 200).for_each(|value| days.add(i64::from(value / 100 % 2), Fact::Number(f64::from(value))));
            days.answer(&plan, 0, (0, 2))
        };
        put(&mut days, 0);
        let before = bytes(&days);
        days.begin(Some(1), 0);
        put(&mut days, 1_000);
        days.undo(0);
        assert_eq!(bytes(&days), before);
        days.begin(Some(1), 0);
        // As many other values, on the same days.
        let told = put(&mut days, 5_000);
        let mut read = Sketched::<i64>::read(&mut Reader::new(&bytes(&days))).unwrap();
        assert_eq!(told, read.answer(&plan, 0, (0, 2)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn answers_follow_from_the_tiles(values in prop::collection::vec(any::<u16>(), 1_000..2_500)) {
            let number = |value: u16, to: &mut dyn FnMut(Fact<'_>)| to(Fact::Number(f64::from(value).powi(3)));
            check::<i64>(&plan(Keeps::Quantiles, &[Aggregate::Quantile]), &values, number);
            let hash = |value: u16, to: &mut dyn FnMut(Fact<'_>)| to(Fact::Hash((u64::from(value) << 40) + 77));
            check::<u64>(&plan(Keeps::Distinct, &[Aggregate::Distinct]), &values, hash);
            let text = |value: u16, to: &mut dyn FnMut(Fact<'_>)| to(Fact::Text(&(value % 777).to_string()));
            check::<Box<str>>(&plan(Keeps::Texts, &[Aggregate::MostFrequent, Aggregate::Entropy]), &values, text);
        }
    }
}
