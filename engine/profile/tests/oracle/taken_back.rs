//! What is taken back was never there, whatever it was and however often it was tried.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use haechi_profile::{Position, Profiler, Shelf, StateId};

use super::SKETCHED;
use super::events::{Dice, versions};
use super::passes::{by_feature, pass, position, profiler, profiler_of, run};
use super::shelf::Map;

/// All of a profiler that may differ.
type Everything = (Vec<Vec<(u128, Box<[u8]>)>>, Vec<(StateId, Option<Position>)>);

pub fn everything(profiler: &Profiler) -> Everything {
    (profiler.state(), profiler.lacks().collect())
}

/// Passes a block as one does that fails to be decided: the whole, then halves of halves, some of which are taken back
/// too, and in the end what is left. Gives what that was told.
pub fn try_block(
    profiler: &mut Profiler,
    block: Range<usize>,
    dice: &mut Dice,
    pass: impl Fn(&mut Profiler, Range<usize>) -> Vec<ArrayRef>,
) -> Vec<ArrayRef> {
    let before = everything(profiler);
    let whole = profiler.mark();
    for _ in 0..dice.below(3) {
        let middle = block.start + block.len() / 2;
        pass(profiler, block.start..middle);
        let after_half = everything(profiler);
        let half = profiler.mark();
        pass(profiler, middle..block.end);
        profiler.take_back(half);
        assert_eq!(everything(profiler), after_half);
        if dice.below(2) == 0 {
            pass(profiler, middle..block.end);
        }
        profiler.take_back(whole);
        assert_eq!(everything(profiler), before);
    }
    let told = pass(profiler, block);
    profiler.keep();
    told
}

#[test]
fn what_is_taken_back_was_never_there() {
    for seed in 31..=34 {
        let versions = versions(seed, 300, 6);
        let mut dice = Dice::new(seed);
        let shelves = [Arc::new(Map::default()), Arc::new(Map::default())];
        let on = |which: usize| {
            let shelf = Arc::clone(&shelves[which]) as Arc<dyn Shelf>;
            Profiler::on(Arc::clone(profiler().plan()), 7, shelf, |_| true)
        };
        let (mut tried, mut plain) = (on(0), on(1));
        let mut begin = 0;
        let mut commit = 0;
        while begin < versions.len() {
            let end = versions.len().min(begin + 1 + dice.below(40) as usize);
            let told = try_block(&mut tried, begin..end, &mut dice, |profiler, of| pass(profiler, &versions, of));
            assert_eq!(told, pass(&mut plain, &versions, begin..end), "seed {seed}, block at {begin}");
            assert_eq!(everything(&tried), everything(&plain));
            begin = end;
            commit += 1;
            let (before, next) = (position(&versions, begin / 2), position(&versions, begin));
            // Now and then all goes to the shelf and comes from there again.
            let before = if dice.below(5) == 0 { next } else { before };
            let shelved = [tried.shelve(before, next, commit), plain.shelve(before, next, commit)];
            assert_eq!(shelved[0], shelved[1]);
            let all_there = before == next;
            shelved.into_iter().zip(&shelves).for_each(|(shelved, shelf)| shelf.put(shelved));
            if all_there {
                (tried, plain) = (on(0), on(1));
            }
        }
    }
}

#[test]
fn sketches_are_taken_back_too() {
    let versions = versions(41, 6_000, 6_000);
    let sketched = || profiler_of(&|aggregate, window| SKETCHED.contains(&aggregate) && window == "all");
    let (mut tried, mut plain) = (sketched(), sketched());
    let mut dice = Dice::new(41);
    let begins = (0..versions.len()).step_by(500);
    let of_versions = |profiler: &mut Profiler, of: Range<usize>| pass(profiler, &versions, of);
    let told: Vec<_> = begins.map(|begin| try_block(&mut tried, begin..begin + 500, &mut dice, of_versions)).collect();
    assert_eq!(by_feature(&tried, &told), run(&mut plain, &versions, 500));
    assert_eq!(tried.state(), plain.state());
}
