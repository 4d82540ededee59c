//! What stood at tiles before they changed, while that may be taken back.

use crate::journal::PassNumber;

/// The tiles of one series that have changed, as they were, oldest first.
#[derive(Debug)]
pub(crate) struct Undo<T> {
    /// The pass that goes on; none where it will not be taken back.
    pass: Option<PassNumber>,
    was: Vec<(PassNumber, i64, Option<T>)>,
}

impl<T> Default for Undo<T> {
    fn default() -> Self {
        Self { pass: None, was: Vec::new() }
    }
}

impl<T> Undo<T> {
    /// A pass begins; what was passed up to another one is kept.
    pub fn begin(&mut self, pass: Option<PassNumber>, kept: PassNumber) {
        self.pass = pass;
        if self.was.last().is_some_and(|(last, ..)| *last <= kept) {
            self.was.clear();
        }
    }

    /// A tile is about to change. One that has just been noted in this pass may be noted again, or not.
    #[inline]
    pub fn note(&mut self, tile: i64, was: impl FnOnce() -> Option<T>) {
        let Some(pass) = self.pass else { return };
        if self.was.last().is_none_or(|(of, known, _)| (*of, *known) != (pass, tile)) {
            self.was.push((pass, tile, was()));
        }
    }

    /// These have gone.
    pub fn gone(&mut self, tiles: impl Iterator<Item = (i64, T)>) {
        match self.pass {
            Some(pass) => self.was.extend(tiles.map(|(tile, was)| (pass, tile, Some(was)))),
            None => tiles.for_each(drop),
        }
    }

    /// What stood at the tile that changed last in a pass after this one.
    fn last(&mut self, after: PassNumber) -> Option<(i64, Option<T>)> {
        self.was.pop_if(|(pass, ..)| *pass > after).map(|(_, tile, was)| (tile, was))
    }

    /// What had gone first in a pass after this one.
    pub fn first(&mut self, after: PassNumber) -> Option<T> {
        let mut first = None;
        while let Some((_, was)) = self.last(after) {
            first = was;
        }
        first
    }

    /// Puts tiles back as they were before all passes after this one; whether there were any.
    pub fn put_back(&mut self, after: PassNumber, tiles: &mut Vec<(i64, T)>) -> bool {
        let mut any = false;
        while let Some((tile, was)) = self.last(after) {
            any = true;
            match (tiles.binary_search_by_key(&tile, |(at, _)| *at), was) {
                (Ok(place), Some(was)) => tiles[place].1 = was,
                (Ok(place), None) => drop(tiles.remove(place)),
                (Err(place), Some(was)) => tiles.insert(place, (tile, was)),
                (Err(_), None) => {}
            }
        }
        any
    }
}
