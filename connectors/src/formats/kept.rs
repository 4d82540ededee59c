//! Builders of small readings, kept for the next ones of the same thread: making one takes as long as reading five
//! kilobytes.

use std::cell::RefCell;

use haechi_model::{Stream, StreamBuilder};

/// More than one thread reads in turns.
const KEPT_MAX: usize = 8;
/// What held more rows keeps room for as many.
const ROWS_MAX: usize = 1024;

/// Which columns a builder has: those of a stream, and these derived ones.
type Columns = (&'static Stream, &'static [&'static str]);

thread_local! {
    static KEPT: RefCell<Vec<(Columns, StreamBuilder)>> = const { RefCell::new(Vec::new()) };
}

fn same(a: Columns, b: Columns) -> bool {
    std::ptr::eq(a.0, b.0) && a.1 == b.1
}

/// A builder for the columns of `stream` and the derived ones in `also`: one that an earlier reading gave back, where
/// there is one.
pub fn builder(stream: &'static Stream, also: &'static [&'static str]) -> StreamBuilder {
    let kept = KEPT.with_borrow_mut(|kept| {
        let at = kept.iter().position(|(columns, _)| same(*columns, (stream, also)))?;
        Some(kept.swap_remove(at).1)
    });
    kept.unwrap_or_else(|| {
        StreamBuilder::with_also(stream, also).expect("columns of the stream; every test reads them")
    })
}

/// Keeps a builder whose rows were taken, of which there were `rows` at most.
pub fn give_back(stream: &'static Stream, also: &'static [&'static str], builder: StreamBuilder, rows: usize) {
    if rows <= ROWS_MAX && builder.is_empty() {
        KEPT.with_borrow_mut(|kept| {
            if kept.len() < KEPT_MAX {
                kept.push(((stream, also), builder));
            }
        });
    }
}
