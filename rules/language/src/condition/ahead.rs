//! Conditions read on a thread of their own, while those before them are lowered.
//!
//! The trees go back to be dropped by the thread that made them: memory freed on another thread costs more than what
//! reading ahead gains.

use std::num::NonZero;
use std::sync::mpsc;
use std::thread;

use super::parse::Reading;

/// Bytes of the texts that are handed over together, so that threads wait for each other rarely.
const LOT_BYTES: usize = 32 * 1024;
/// Lots read and not yet taken.
const LOTS_AHEAD: usize = 2;

/// Reads every condition and hands it over, in order. What comes of it does not depend on how many threads there are.
pub(super) fn read_ahead<'t>(texts: &[&'t str], mut each: impl FnMut(usize, &mut Reading<'t>)) {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let lots = lots(texts);
    if cores == 1 || lots.len() <= LOTS_AHEAD || !beside(&lots, &mut each) {
        for (index, text) in texts.iter().enumerate() {
            each(index, &mut Reading::of(text));
        }
    }
}

/// Whether a thread was to be had to read beside this one; if not, nothing was done.
fn beside<'t>(lots: &[&[&'t str]], each: &mut impl FnMut(usize, &mut Reading<'t>)) -> bool {
    let (to_lower, read) = mpsc::sync_channel::<Vec<Reading<'t>>>(LOTS_AHEAD);
    let (to_drop, lowered) = mpsc::channel();
    let reader = move || {
        for lot in lots {
            lowered.try_iter().for_each(drop);
            if to_lower.send(lot.iter().map(|text| Reading::of(text)).collect()).is_err() {
                return;
            }
        }
        drop(to_lower);
        lowered.iter().for_each(drop);
    };
    thread::scope(|scope| {
        let started = thread::Builder::new().spawn_scoped(scope, reader).is_ok();
        let mut index = 0;
        for mut lot in read {
            for reading in &mut lot {
                each(index, reading);
                index += 1;
            }
            // If it fails, the reader is done for, and the scope says so.
            let _ = to_drop.send(lot);
        }
        drop(to_drop);
        started
    })
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
        let mut seen = Vec::new();
        let read = |seen: &mut Vec<_>, reading: &mut Reading<'_>| {
            seen.push(match &reading.read {
                Read::Tree(parsed) => parsed.expr.to_string(),
                Read::Deep(_) => "deep".to_owned(),
                Read::Mistake(mistake) => mistake.message.clone(),
            });
        };
        read_ahead(&texts, |index, reading| {
            assert_eq!(index, seen.len());
            read(&mut seen, reading);
        });
        let mut alone = Vec::new();
        texts.iter().for_each(|text| read(&mut alone, &mut Reading::of(text)));
        assert!(seen == alone);
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
