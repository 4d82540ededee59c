use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use arrow::array::RecordBatch;
use haechi_evaluate::{Evaluator, Hits};
use haechi_model::streams::DECLARATION;
use haechi_model::{Cell, StreamBuilder};

use super::*;

/// A pack of two rules: one with this condition, one that hits every declaration.
fn pack(folder: &Path, condition: &str) -> Packs {
    let path = folder.join("rules.yaml");
    let rest = "stream: declaration, owner: desk, instruction: Look.";
    let rules = format!(
        "rules:\n  - {{id: r-1, title: Worth much, when: '{condition}', lane: documents, {rest}}}\n  \
         - {{id: r-2, title: Declared here, when: 'item_no = 1', score: 10, {rest}}}\n"
    );
    std::fs::write(&path, rules).unwrap();
    Packs::load(&[path], None, None)
}

fn decider(packs: Packs) -> Result<Compiled<Decider>, Unusable> {
    Compiled::decider(packs, &DECLARATION, &Secret::demo(), DeriveContext::default(), Options { block_rows: 16 })
}

/// Compiles rules that hit declarations worth more than `over` USD, in a folder of their own.
fn over(over: usize) -> Result<Compiled<Decider>, Unusable> {
    let folder = tempfile::tempdir().unwrap();
    decider(pack(folder.path(), &format!("customs_value_usd > {over}")))
}

/// A hundred declarations of one item, worth 0 to 99 USD.
fn batch() -> RecordBatch {
    let names = ["declaration_id", "item_no", "customs_value_usd"];
    let mut builder = StreamBuilder::with_columns(&DECLARATION, &names).unwrap();
    for row in 0..100 {
        builder.set(0, Cell::Text(&format!("D{row:03}"))).unwrap();
        builder.set(1, Cell::I32(1)).unwrap();
        builder.set(2, Cell::F64(f64::from(row))).unwrap();
        builder.finish_row();
    }
    builder.finish()
}

/// The place of the rows that the first rule hits.
fn hit_rows(hits: &Hits) -> Vec<u32> {
    hits.iter().filter(|(_, rule)| *rule == 0).map(|(row, _)| row).collect()
}

/// Compilations that the test lets go on one by one.
struct Gate {
    begun: Receiver<usize>,
    go_on: Sender<()>,
    shared: (Sender<usize>, Arc<Mutex<Receiver<()>>>),
}

impl Gate {
    fn new() -> Self {
        let ((began, begun), (go_on, goes_on)) = (channel(), channel());
        Self { begun, go_on, shared: (began, Arc::new(Mutex::new(goes_on))) }
    }

    fn request(&self, live: &Live<usize, String>, value: usize) {
        let (began, goes_on) = self.shared.clone();
        live.request(move || {
            began.send(value).unwrap();
            goes_on.lock().unwrap().recv().unwrap();
            Ok(Compiled { hash: value.to_string(), value })
        });
    }
}

fn one() -> Compiled<usize> {
    Compiled { hash: "1".into(), value: 1 }
}

#[test]
fn each_batch_is_decided_wholly_by_the_generation_it_names() {
    const SWAPS: usize = 60;
    let live = Arc::new(Live::new(over(0).unwrap(), |_: &Swap| {}));
    let (batch, done) = (batch(), AtomicBool::new(false));
    let generations = std::thread::scope(|scope| {
        let worker = || {
            let mut seen = Vec::new();
            while !done.load(Ordering::Acquire) {
                let rules = live.current();
                let decided = rules.value.decide(&batch, &mut rules.value.memory().unwrap()).unwrap();
                // Generation g hits what is worth more than g - 1.
                let expected: Vec<u32> = (rules.generation as u32..100).collect();
                assert_eq!(hit_rows(&decided.row_hits), expected, "generation {}", rules.generation);
                assert_eq!(decided.row_hits.len(), expected.len() + 100);
                assert_eq!(rules.hash, rules.value.ruleset.hash);
                seen.push(rules.generation);
            }
            seen
        };
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        for swap in 1..=SWAPS {
            live.request(move || over(swap));
            // Settled, so that every one of them is compiled; the workers never wait.
            live.settle();
        }
        done.store(true, Ordering::Release);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(live.current().generation, SWAPS as u64 + 1);
    assert!(generations.iter().all(|seen| seen.is_sorted()), "a worker went back");
    assert!(generations.iter().flatten().collect::<std::collections::BTreeSet<_>>().len() > 5, "{generations:?}");
}

#[test]
fn an_evaluator_can_be_live_as_well() {
    let evaluator = |over: usize| {
        let Compiled { hash, value } = self::over(over)?;
        Ok::<_, Unusable>(Compiled { hash, value: value.evaluator().clone() })
    };
    let live: Live<Evaluator, Unusable> = Live::new(evaluator(0).unwrap(), |_| {});
    let before = live.current();
    live.request(move || evaluator(97));
    live.settle();
    let rows = |rules: &Rules<Evaluator>| hit_rows(&rules.value.evaluate(&batch()).unwrap()).len();
    assert_eq!((rows(&before), rows(&live.current())), (99, 2));
}

#[test]
fn swaps_are_told_in_order_with_the_hash_of_the_rules() {
    let (teller, told) = channel();
    let live = Live::new(over(0).unwrap(), move |swap: &Swap| teller.send(swap.clone()).unwrap());
    let mut hashes = vec![live.current().hash.clone()];
    for threshold in [5, 6, 5] {
        live.request(move || over(threshold));
        live.settle();
        let swap = told.try_recv().unwrap();
        assert_eq!((swap.generation, &swap.hash), (live.current().generation, &live.current().hash));
        assert!(swap.compiling > Duration::ZERO);
        hashes.push(swap.hash);
    }
    assert_eq!(live.current().generation, 4);
    assert!(hashes[1] == hashes[3] && hashes[0] != hashes[1] && hashes[1] != hashes[2], "{hashes:?}");
}

#[test]
fn rules_with_errors_replace_nothing_and_say_why() {
    let live = Live::new(over(10).unwrap(), |_: &Swap| {});
    let broken = || decider(pack(tempfile::tempdir().unwrap().path(), "customs_valu_usd > 5"));
    live.request(broken);
    live.settle();
    let refusal = live.refusal().unwrap();
    let Refusal::Mistakes(Unusable::Rules(packs)) = &*refusal else { panic!("{refusal:?}") };
    let shown = haechi_rules::render::render(&packs.diagnostics, &packs.sources, false);
    assert!(shown.contains("unknown column `customs_valu_usd`"), "{shown}");
    assert_eq!(
        (
            live.current().generation,
            hit_rows(
                &live.current().value.decide(&batch(), &mut live.current().value.memory().unwrap()).unwrap().row_hits
            )
            .len()
        ),
        (1, 89)
    );

    live.request(|| decider(Packs::load(&[], None, None)));
    live.settle();
    let refusal = live.refusal().unwrap();
    assert!(
        matches!(&*refusal, Refusal::Mistakes(Unusable::Decider(DecideError::NoRules("declaration")))),
        "{refusal:?}"
    );

    live.request(|| over(20));
    live.settle();
    assert!(live.refusal().is_none());
    assert_eq!(live.current().generation, 2);
}

#[test]
fn a_newer_request_takes_the_place_of_the_one_that_waits() {
    let (teller, told) = channel();
    let live = Live::new(one(), move |swap: &Swap| teller.send(swap.hash.clone()).unwrap());
    let gate = Gate::new();
    gate.request(&live, 2);
    assert_eq!(gate.begun.recv(), Ok(2));
    for value in 3..=9 {
        gate.request(&live, value);
    }
    assert!(live.busy());
    assert_eq!((live.current().generation, live.current().value), (1, 1));
    gate.go_on.send(()).unwrap();
    assert_eq!(gate.begun.recv(), Ok(9));
    assert_eq!((live.current().generation, live.current().value), (2, 2));
    gate.go_on.send(()).unwrap();
    live.settle();
    assert!(!live.busy());
    assert_eq!((live.current().generation, live.current().value), (3, 9));
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["2", "9"]);
}

#[test]
fn never_more_than_one_compiles() {
    let live = Arc::new(Live::<usize, String>::new(one(), |_| {}));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (live, now, most) = (&live, &now, &most);
            scope.spawn(move || {
                for value in 0..50 {
                    let (now, most) = (Arc::clone(now), Arc::clone(most));
                    live.request(move || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        Ok(Compiled { hash: String::new(), value: thread * 100 + value })
                    });
                }
            });
        }
    });
    live.settle();
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert_eq!(live.current().value % 100, 49, "the last request of a thread wins");
}

#[test]
fn the_last_user_of_old_rules_drops_them() {
    let first = Arc::new(());
    let live = Live::<_, String>::new(Compiled { hash: String::new(), value: Arc::clone(&first) }, |_| {});
    let (mine, another) = (live.current(), live.current());
    live.request(|| Ok(Compiled { hash: String::new(), value: Arc::new(()) }));
    live.settle();
    assert_eq!(Arc::strong_count(&first), 2);
    drop(mine);
    assert_eq!(Arc::strong_count(&first), 2);
    drop(another);
    assert_eq!(Arc::strong_count(&first), 1);
}

#[test]
fn dropping_waits_for_what_compiles_and_forgets_what_waits() {
    let live = Live::<usize, String>::new(one(), |_| {});
    let gate = Gate::new();
    gate.request(&live, 2);
    assert_eq!(gate.begun.recv(), Ok(2));
    gate.request(&live, 3);
    let held = live.current();
    let dropping = std::thread::spawn(move || drop(live));
    std::thread::sleep(Duration::from_millis(20));
    assert!(!dropping.is_finished(), "the thread is joined");
    gate.go_on.send(()).unwrap();
    dropping.join().unwrap();
    assert!(gate.begun.try_recv().is_err(), "what waited was compiled");
    assert_eq!(held.value, 1);
}

#[test]
fn dropping_an_idle_one_ends_its_thread() {
    let kept = Arc::new(());
    let told = Arc::clone(&kept);
    drop(Live::<usize, String>::new(one(), move |_| drop(Arc::clone(&told))));
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn who_is_told_may_hold_the_last_of_it() {
    let place: Arc<Mutex<Option<Live<usize, String>>>> = Arc::default();
    let (teller, told) = channel();
    let inside = Arc::clone(&place);
    let live = Live::new(one(), move |swap: &Swap| {
        drop(inside.lock().unwrap().take());
        teller.send(swap.generation).unwrap();
    });
    let mut held = place.lock().unwrap();
    live.request(|| Ok(Compiled { hash: String::new(), value: 2 }));
    *held = Some(live);
    drop(held);
    assert_eq!(told.recv(), Ok(2));
    // The thread is gone, and who was to be told with it.
    assert!(told.recv().is_err());
}

#[test]
fn a_panic_while_compiling_or_telling_stops_nothing() {
    let live = Live::<usize, String>::new(one(), |swap| assert!(swap.generation != 2, "expected here"));
    live.request(|| panic!("expected here"));
    live.settle();
    assert_eq!((live.refusal().as_deref(), live.current().generation), (Some(&Refusal::Panicked), 1));
    for generation in [2, 3] {
        live.request(move || Ok(Compiled { hash: String::new(), value: 7 }));
        live.settle();
        assert_eq!((live.refusal(), live.current().generation), (None, generation));
    }
}
