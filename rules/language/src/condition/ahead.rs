//! Conditions read on a thread of their own, while those before them are lowered.
//!
//! Reading takes longer than lowering, so the thread that lowers reads too, rather than wait. Trees go back to be
//! dropped by the thread that made them: memory freed on another costs more than what reading ahead gains.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use rustc_hash::FxHashMap;

use super::parse::Reading;

/// Bytes of the texts that are handed over together, so that threads wait for each other rarely.
const LOT_BYTES: usize = 16 * 1024;
/// Lots that each thread has read before their turn.
const LOTS_AHEAD: usize = 2;

/// What the thread beside has to walk trees in that are not deep: as much as a main thread usually has.
const STACK_BYTES: usize = 8 << 20;

/// Reads every condition and hands it over, in order. What comes of it does not depend on how many threads read.
pub(super) fn read_ahead<'t>(texts: &[&'t str], each: impl FnMut(usize, &mut Reading<'t>)) {
    read_with(thread::available_parallelism().map_or(1, NonZero::get), texts, each);
}

fn read_with<'t>(cores: usize, texts: &[&'t str], mut each: impl FnMut(usize, &mut Reading<'t>)) {
    let lots = lots(texts);
    let unclaimed = AtomicUsize::new(0);
    let read_one = || {
        let place = unclaimed.fetch_add(1, Ordering::Relaxed);
        lots.get(place).map(|lot| (place, lot.iter().map(|text| Reading::of(text)).collect::<Vec<_>>()))
    };
    thread::scope(|scope| {
        // Owned in here, so that the thread beside ends whatever becomes of this one.
        let (to_lower, read_beside) = mpsc::sync_channel(LOTS_AHEAD);
        let (to_drop, lowered) = mpsc::channel();
        let beside = move || {
            while let Some(lot) = read_one() {
                if to_lower.send(lot).is_err() {
                    return;
                }
                lowered.try_iter().for_each(drop);
            }
            drop(to_lower);
            lowered.iter().for_each(drop);
        };
        if cores > 1 && lots.len() > LOTS_AHEAD {
            // Without a thread to be had, this one reads all.
            let _ = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, beside);
        } else {
            drop(beside);
        }
        let mut index = 0;
        let mut waiting = FxHashMap::default();
        for next in 0..lots.len() {
            let (mut lot, read_here) = loop {
                if let Some(lot) = waiting.remove(&next) {
                    break lot;
                }
                let lot = match read_beside.try_recv() {
                    Ok(lot) => Some((lot, false)),
                    Err(_) if waiting.len() < LOTS_AHEAD => read_one().map(|lot| (lot, true)),
                    Err(_) => None,
                };
                // Where there is none, the thread beside has it in work; if that broke off, the scope says so.
                let lot = lot.or_else(|| Some((read_beside.recv().ok()?, false)));
                let Some(((place, lot), read_here)) = lot else { return };
                waiting.insert(place, (lot, read_here));
            };
            for reading in &mut lot {
                each(index, reading);
                index += 1;
            }
            if !read_here {
                // If nobody takes it, the thread beside broke off.
                let _ = to_drop.send(lot);
            }
        }
    });
}

/// Texts in lots of about [`LOT_BYTES`], at least one in each.
fn lots<'a, 't>(texts: &'a [&'t str]) -> Vec<&'a [&'t str]> {
    let mut bytes = 0;
    let cut = |before: &&str, _: &&str| {
        bytes += before.len();
        let full = bytes >= LOT_BYTES;
        bytes = if full { 0 } else { bytes };
        !full
    };
    texts.chunk_by(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::parse::Read;

    #[test]
    fn every_condition_comes_once_and_in_order() {
        let long = format!("a IN ({}'z')", "'x', ".repeat(LOT_BYTES));
        let deep = format!("{}a{}", "(".repeat(40), ")".repeat(40));
        let short: Vec<_> = (0..20_000).map(|i| format!("hs4 = '{i}'")).collect();
        let mut texts: Vec<_> = short.iter().map(String::as_str).collect();
        texts[5_000] = &long;
        texts[12_000] = &deep;
        texts[19_999] = "a = 'b";
        assert!(lots(&texts).len() > 2 * LOTS_AHEAD);
        let read = |seen: &mut Vec<_>, reading: &mut Reading<'_>| {
            seen.push(match &reading.read {
                Read::Parsed(Ok(parsed)) => parsed.expr.to_string(),
                Read::Parsed(Err(mistake)) => mistake.message.clone(),
                Read::Deep(_) => "deep".to_owned(),
            });
        };
        let mut alone = Vec::new();
        for text in &texts {
            read(&mut alone, &mut Reading::of(text));
        }
        for cores in [1, 2] {
            let mut seen = Vec::new();
            read_with(cores, &texts, |index, reading| {
                assert_eq!(index, seen.len());
                read(&mut seen, reading);
            });
            assert!(seen == alone, "{cores} cores");
        }
    }

    #[test]
    fn lots_hold_some_bytes_and_at_least_one_text() {
        let (half, whole) = ("x".repeat(LOT_BYTES / 2), "x".repeat(LOT_BYTES));
        let sizes = |texts: &[&str]| lots(texts).iter().map(|lot| lot.len()).collect::<Vec<_>>();
        assert!(lots(&[]).is_empty());
        assert_eq!(sizes(&[&half, &half, &half]), [2, 1]);
        assert_eq!(sizes(&[&whole, "", "", &whole, &whole]), [1, 3, 1]);
    }
}
