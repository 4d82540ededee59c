//! Tiles by time, and windows that are put together from them.
//!
//! Of a few tiles a window is put together each time it is asked. Of more, it is kept until another range is asked for,
//! so that the next record of a busy importer costs one addition. It is made from the tiles and can be made from them
//! again at any time, which is what makes a restart, or another size of batch, answer the same.

use crate::cell::{Answer, Cell, Fact};
use crate::codec::{Reader, Writer};
use crate::journal::PassNumber;
use crate::series::{Grain, Question, SeriesPlan};
use crate::undo::Undo;

/// Up to so many tiles, and values in them, windows are put together each time.
const FEW: usize = 8;
/// How far from its place a tile is looked for one by one.
const NEAR: usize = 8;
/// A range of no tiles.
const NOWHERE: (i64, i64) = (i64::MAX, i64::MIN);

/// What is kept of one entity, by time.
#[derive(Debug)]
pub(crate) struct Tiles<C> {
    grain: Grain,
    /// Values kept one by one.
    entries: u32,
    all: Vec<(i64, C)>,
    /// By window: what was put together last. Follows from the tiles.
    windows: Box<[Whole<C>]>,
    undo: Undo<C>,
}

/// The tiles of a range, put together.
#[derive(Clone, Debug)]
struct Whole<C> {
    range: (i64, i64),
    cell: C,
}

/// Where a tile is among others.
pub(crate) enum Place {
    There(usize),
    New(usize),
}

impl Place {
    pub fn of<C>(tile: i64, tiles: &[(i64, C)]) -> Self {
        match tiles.last() {
            Some((last, _)) if *last == tile => Self::There(tiles.len() - 1),
            Some((last, _)) if *last > tile => match tiles.binary_search_by_key(&tile, |(at, _)| *at) {
                Ok(place) => Self::There(place),
                Err(place) => Self::New(place),
            },
            _ => Self::New(tiles.len()),
        }
    }
}

impl<C: Cell> Tiles<C> {
    /// None yet, of this size.
    pub fn new(grain: Grain) -> Self {
        Self { grain, entries: 0, all: Vec::new(), windows: Box::default(), undo: Undo::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The newest tile.
    pub fn newest(&self) -> Option<i64> {
        self.all.last().map(|(tile, _)| *tile)
    }

    /// Looks at the newest tile and at the windows.
    pub fn warm(&self) -> i64 {
        let windows = self.windows.iter().map(|whole| whole.range.0).fold(0, i64::wrapping_add);
        self.newest().unwrap_or_default().wrapping_add(windows)
    }

    pub fn as_slice(&self) -> &[(i64, C)] {
        &self.all
    }

    /// Values kept one by one, over all tiles.
    pub fn entries(&self) -> usize {
        self.entries as usize
    }

    /// Drops the tiles before one.
    pub fn forget_before(&mut self, first: i64) {
        if self.all.first().is_none_or(|(oldest, _)| first <= *oldest) {
            return;
        }
        let gone = self.all.partition_point(|(tile, _)| *tile < first);
        self.entries -= self.all[..gone].iter().map(|(_, cell)| cell.entries() as u32).sum::<u32>();
        self.undo.gone(self.all.drain(..gone));
        for whole in self.windows.iter_mut().filter(|whole| whole.range.0 < first) {
            whole.range = NOWHERE;
        }
    }

    /// Adds what a record brings; how many values its tile has then.
    pub fn add(&mut self, tile: i64, fact: Fact<'_>) -> usize {
        let place = match Place::of(tile, &self.all) {
            Place::There(place) => {
                self.undo.note(tile, || Some(self.all[place].1.clone()));
                place
            }
            Place::New(place) => {
                self.undo.note(tile, || None);
                self.all.insert(place, (tile, C::default()));
                place
            }
        };
        let cell = &mut self.all[place].1;
        let before = cell.entries();
        cell.add(fact);
        let after = cell.entries();
        self.entries = self.entries + after as u32 - before as u32;
        for whole in &mut self.windows {
            if whole.range.0 <= tile && tile <= whole.range.1 {
                whole.cell.add(fact);
            }
        }
        after
    }

    /// Takes back what a record brought, if it is still here.
    pub fn remove(&mut self, tile: i64, fact: Fact<'_>) {
        let Place::There(place) = Place::of(tile, &self.all) else { return };
        self.undo.note(tile, || Some(self.all[place].1.clone()));
        let cell = &mut self.all[place].1;
        let before = cell.entries();
        cell.remove(fact);
        self.entries = self.entries + cell.entries() as u32 - before as u32;
        if cell.is_empty() {
            self.all.remove(place);
        }
        for whole in &mut self.windows {
            if whole.range.0 <= tile && tile <= whole.range.1 {
                whole.range = NOWHERE;
            }
        }
    }

    /// The answer to a question over a range of tiles.
    pub fn answer(&mut self, plan: &SeriesPlan, question: &Question, range: (i64, i64), now: i64) -> Answer {
        if self.all.len() <= FEW && self.entries() <= FEW {
            let from = self.all.iter().position(|(tile, _)| range.0 <= *tile).unwrap_or(self.all.len());
            let inside = &self.all[from..];
            let upto = inside.iter().rposition(|(tile, _)| *tile <= range.1).map_or(0, |last| last + 1);
            return C::answer_of_few(&inside[..upto], question, now);
        }
        if let [(tile, cell)] = self.all.as_slice() {
            let inside = range.0 <= *tile && *tile <= range.1;
            return if inside { cell.answer(question, now) } else { C::default().answer(question, now) };
        }
        if self.windows.is_empty() {
            self.windows = vec![Whole { range: NOWHERE, cell: C::default() }; plan.windows.len()].into();
        }
        let whole = &mut self.windows[usize::from(question.window)];
        if whole.range != range {
            whole.turn_to(range, &self.all);
        }
        if whole.cell.is_empty() {
            return C::default().answer(question, now);
        }
        whole.cell.answer(question, now)
    }

    /// What the tiles of a range hold, as one tile.
    pub fn part(&self, range: (i64, i64)) -> Self {
        let from = first_from(&self.all, range.0);
        let mut part = Self::new(Grain::All);
        if let [(_, first), others @ ..] = &self.all[from..upto(&self.all, range.1).max(from)] {
            let mut cell = first.clone();
            for (_, other) in others {
                cell.merge(other);
            }
            part.push(0, cell);
        }
        part
    }

    /// Adds one tile to another.
    pub fn absorb(&mut self, other: Self) {
        match (self.all.first_mut(), other.all.first()) {
            (Some((_, cell)), Some((_, other))) => cell.merge(other),
            (None, Some(_)) => *self = other,
            (_, None) => {}
        }
    }

    /// What one tile says.
    pub fn answer_alone(&self, question: &Question, now: i64) -> Answer {
        match self.all.first() {
            Some((_, cell)) => cell.answer(question, now),
            None => C::default().answer(question, now),
        }
    }

    pub fn write(&self, to: &mut Writer<'_>) {
        let mut before = match self.grain {
            // There is one tile at most.
            Grain::All => return self.all.iter().for_each(|(_, cell)| cell.write(to)),
            Grain::Day => to.day,
            Grain::Instant => to.day_ms(),
        };
        to.unsigned(self.all.len() as u64);
        for (place, (tile, cell)) in self.all.iter().enumerate() {
            if place == 0 {
                to.signed(tile.wrapping_sub(before));
                if self.grain == Grain::Day {
                    to.day = *tile;
                }
            } else {
                to.unsigned(tile.wrapping_sub(before) as u64);
            }
            before = *tile;
            cell.write(to);
        }
    }

    /// Fills what is empty; nothing where the bytes are not those of tiles.
    pub fn read(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let mut before = match self.grain {
            Grain::All => {
                self.push(0, C::read(from)?);
                return Some(());
            }
            Grain::Day => from.day,
            Grain::Instant => from.day_ms(),
        };
        let len = from.length()?;
        self.all.reserve_exact(len);
        for place in 0..len {
            let tile = if place == 0 {
                let first = before.wrapping_add(from.signed()?);
                if self.grain == Grain::Day {
                    from.day = first;
                }
                first
            } else {
                before.wrapping_add(from.unsigned()? as i64)
            };
            before = tile;
            self.push(tile, C::read(from)?);
        }
        Some(())
    }

    fn push(&mut self, tile: i64, cell: C) {
        self.entries += cell.entries() as u32;
        self.all.push((tile, cell));
    }

    /// What is passed from here on may have to be taken back; what was passed up to `kept` will not be.
    pub fn begin(&mut self, pass: Option<PassNumber>, kept: PassNumber) {
        self.undo.begin(pass, kept);
    }

    /// Makes it what it was before all passes after this one.
    pub fn undo(&mut self, after: PassNumber) {
        if self.undo.put_back(after, &mut self.all) {
            self.entries = self.all.iter().map(|(_, cell)| cell.entries() as u32).sum();
            self.windows = Box::default();
        }
    }

    /// Makes it empty, and keeps its room.
    pub fn clear(&mut self) {
        self.undo.gone(self.all.drain(..));
        self.entries = 0;
        self.windows = Box::default();
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        let cells = self.all.capacity() + self.windows.len();
        // Values stand in their tile and in windows.
        cells * size_of::<(i64, C)>() + self.entries() * size_of::<(i64, i64)>() * 3 / 2
    }
}

impl<C: Cell> Whole<C> {
    /// Makes it that of another range: by a few tiles more and less where it only moves on, else anew.
    fn turn_to(&mut self, range: (i64, i64), tiles: &[(i64, C)]) {
        let (lo, hi) = self.range;
        let from = first_from(tiles, range.0);
        let upto = upto(tiles, range.1).max(from);
        if self.range != NOWHERE && lo <= range.0 && hi <= range.1 && range.0 <= hi {
            // What comes and goes is next to the ends.
            let gone = tiles[..from].iter().rev().take_while(|(tile, _)| *tile >= lo).count();
            let old = self::upto(&tiles[..upto], hi);
            let (less, more) = (&tiles[from - gone..from], &tiles[old..upto]);
            if less.len() + more.len() < upto - from && less.iter().all(|(_, cell)| self.cell.unmerge(cell)) {
                for (_, cell) in more {
                    self.cell.merge(cell);
                }
                self.range = range;
                return;
            }
        }
        self.cell = C::default();
        tiles[from..upto].iter().for_each(|(_, cell)| self.cell.merge(cell));
        self.range = range;
    }
}

/// The place of the first tile that is not before one. Tiles of many days are spread evenly in most cases, and to look
/// once where it should be costs less than to halve.
fn first_from<C>(tiles: &[(i64, C)], first: i64) -> usize {
    let (Some((oldest, _)), Some((newest, _))) = (tiles.first(), tiles.last()) else { return 0 };
    if first <= *oldest {
        return 0;
    }
    let part = first.saturating_sub(*oldest) as f64 / (newest.saturating_sub(*oldest) as f64 + 1.0);
    let guess = ((part * tiles.len() as f64) as usize).min(tiles.len());
    let near = guess.saturating_sub(NEAR)..(guess + NEAR).min(tiles.len());
    let back = tiles[near.start..guess].iter().rev().take_while(|(tile, _)| *tile >= first).count();
    let on = tiles[guess..near.end].iter().take_while(|(tile, _)| *tile < first).count();
    let place = guess - back + on;
    let fits = (place == 0 || tiles[place - 1].0 < first) && (place == tiles.len() || tiles[place].0 >= first);
    if fits { place } else { tiles.partition_point(|(tile, _)| *tile < first) }
}

/// How many tiles are not after one, which is among the last in most cases.
fn upto<C>(tiles: &[(i64, C)], last: i64) -> usize {
    tiles.len() - tiles.iter().rev().take_while(|(tile, _)| *tile > last).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_found(times in prop::collection::btree_set(0i64..2_000, 0..60), far in 0i64..2, at in -5i64..2_005) {
            // Evenly, or most of them at one end.
            let tiles: Vec<(i64, ())> = times.into_iter().map(|at| (at * (1 + far * at * at), ())).collect();
            let at = at * (1 + far * at * at);
            prop_assert_eq!(first_from(&tiles, at), tiles.partition_point(|(tile, ())| *tile < at));
            prop_assert_eq!(upto(&tiles, at), tiles.partition_point(|(tile, ())| *tile <= at));
        }
    }
}
