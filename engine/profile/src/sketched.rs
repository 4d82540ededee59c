//! A series of too many values to keep: a sketch a tile. Nothing can be taken out of it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bag::{Asked, Bag, Value};
use crate::cell::{Answer, Fact};
use crate::series::Question;
use crate::sketch::{Distinct, Frequent, Kind, Quantiles, Sketch};
use crate::tiles::Place;

/// A sketch is asked again once so large a part has been added to it.
const ASK_AGAIN: u64 = 128;

/// Values that a kind of sketch can stand for.
pub(crate) trait Sketchable: Asked + Serialize + DeserializeOwned {
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
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sketched<K> {
    /// By time.
    tiles: Vec<(i64, Sketch<K>)>,
    /// By question: the answer of then.
    said: Box<[Option<Said>]>,
}

/// An answer from sketches, which is given again until there is more to say.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Said {
    range: (i64, i64),
    weight: u64,
    answer: Answer,
}

impl<K: Sketchable> Sketched<K> {
    /// Takes the place of tiles of values; so many questions may be asked.
    pub fn of(tiles: &[(i64, Bag<K>)], questions: usize) -> Self {
        let tiles = tiles.iter().map(|(tile, bag)| (*tile, Sketch::of::<K::Kind>(bag))).collect();
        Self { tiles, said: vec![None; questions].into() }
    }

    /// The newest tile.
    pub fn newest(&self) -> Option<i64> {
        self.tiles.last().map(|(tile, _)| *tile)
    }

    /// Drops the tiles before one; `false` where none are left.
    pub fn forget_before(&mut self, first: i64) -> bool {
        let gone = self.tiles.partition_point(|(tile, _)| *tile < first);
        self.tiles.drain(..gone);
        !self.tiles.is_empty()
    }

    pub fn add(&mut self, tile: i64, fact: Fact<'_>) {
        let Some(value) = <K as Value>::of(fact) else { return };
        let place = match Place::of(tile, &self.tiles) {
            Place::There(place) => place,
            Place::New(place) => {
                self.tiles.insert(place, (tile, Sketch::of::<K::Kind>(&Bag::default())));
                place
            }
        };
        self.tiles[place].1.add::<K::Kind>(value);
    }

    /// That of before while the range is the same and little has come to it.
    pub fn answer(&mut self, place: usize, question: &Question, range: (i64, i64)) -> Answer {
        let from = self.tiles.partition_point(|(tile, _)| *tile < range.0);
        let to = self.tiles.partition_point(|(tile, _)| *tile <= range.1);
        let tiles = &self.tiles[from..to.max(from)];
        let weight: u64 = tiles.iter().map(|(_, sketch)| sketch.weight()).sum();
        let Some(said) = self.said.get_mut(place) else { return Answer::Nothing };
        if let Some(before) = said
            && before.range == range
            && weight < before.weight + before.weight / ASK_AGAIN + 1
            && weight >= before.weight
        {
            return before.answer.clone();
        }
        let mut sketches = tiles.iter().map(|(_, sketch)| sketch.open::<K::Kind>());
        let answer = match sketches.next() {
            None => K::answer(&Bag::default(), question),
            Some(mut whole) => {
                sketches.for_each(|sketch| whole.absorb(&sketch));
                whole.answer(question)
            }
        };
        *said = Some(Said { range, weight, answer: answer.clone() });
        answer
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        self.tiles.iter().map(|(_, sketch)| sketch.size()).sum()
    }
}
