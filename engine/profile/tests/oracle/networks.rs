//! Networks and keys of lists, against a search through all records that came before: no ties, no tiles, no keys.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMillisecondArray,
};
use arrow::compute::concat;
use arrow::datatypes::{Float64Type, Int64Type};
use haechi_model::streams::TRAVELLER;
use haechi_profile::{Profiler, Records, Replaced, Shelf, ShelfError, StateId};
use proptest::prelude::*;

use super::events::Dice;
use super::passes::plan_of;
use super::shelf::Map;
use super::taken_back::{everything, try_block};

const PACK: &str = "
entity: network
keys: {traveller: document_no}
retention_days: 400
network:
  links: {phone: {traveller: {each: phones}}, card: {traveller: card_number_masked}}
  window: 12d
  hub: 4
features:
  - {name: people, aggregate: members}
  - {name: records, aggregate: count, window: 20d}
  - {name: paid, aggregate: sum, of: fare_amount_usd, window: 20d}
  - {name: most, aggregate: max, of: fare_amount_usd, window: 5d}
  - {name: median, aggregate: quantile, at: 0.5, of: fare_amount_usd, window: 20d}
  - {name: names, aggregate: distinct, of: name_key, window: 20d}
---
entity: phone
keys: {traveller: {each: phones}}
retention_days: 400
features:
  - {name: records, aggregate: count, window: 20d}
  - {name: names, aggregate: distinct, of: name_key, window: 20d}
  - {name: least, aggregate: min, of: fare_amount_usd, window: 20d}
  - {name: dear, aggregate: share, of: fare_amount_usd > 50, window: 20d}
  - {name: name, aggregate: latest, of: name_key, window: 20d}
";
const FEATURES: [&str; 11] = [
    "network.people",
    "network.records",
    "network.paid",
    "network.most",
    "network.median",
    "network.names",
    "phone.records",
    "phone.names",
    "phone.least",
    "phone.dear",
    "phone.name",
];
const DAY_MS: i64 = 86_400_000;
const HUB: usize = 4;

/// A record of one row.
#[derive(Clone, Debug)]
struct Event {
    day: i64,
    document: Option<u8>,
    phones: Vec<u16>,
    card: Option<u8>,
    fare: f64,
    name: u8,
    /// The place of the record that it replaces.
    replaces: Option<usize>,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    events_of(1..70, 0i64..3)
}

/// So many, each so many days after the one before.
fn events_of(count: Range<usize>, later: impl Strategy<Value = i64>) -> impl Strategy<Value = Vec<Event>> {
    let event = (
        later,
        0i64..30,
        prop::option::weighted(0.95, 0u8..24),
        prop::collection::vec(0u16..14, 0..3),
        prop::option::weighted(0.4, 0u8..10),
        0u8..200,
        0u8..6,
        prop::option::weighted(0.15, any::<prop::sample::Index>()),
    );
    prop::collection::vec(event, count).prop_map(|events| {
        let (mut day, mut gone) = (0, BTreeSet::new());
        let mut made = Vec::new();
        for (place, (later, late, document, phones, card, fare, name, replaced)) in events.into_iter().enumerate() {
            day += later;
            // Some come late.
            let at = if late < 3 { day - late * 4 } else { day };
            let replaces = replaced.filter(|_| place > 0).map(|index| index.index(place));
            let replaces = replaces.filter(|of| gone.insert(*of));
            made.push(Event { day: at, document, phones, card, fare: f64::from(fare), name, replaces });
        }
        made
    })
}

fn rows(events: &[&Event]) -> RecordBatch {
    let mut phones = ListBuilder::new(StringBuilder::new());
    for event in events {
        event.phones.iter().for_each(|phone| phones.values().append_value(format!("+82{phone}")));
        phones.append(true);
    }
    let text = |of: &dyn Fn(&Event) -> Option<String>| -> ArrayRef {
        Arc::new(events.iter().map(|event| of(event)).collect::<StringArray>())
    };
    let at = events.iter().map(|event| (20_000 + event.day) * DAY_MS + 1_000).collect::<Vec<_>>();
    let columns: [(&str, ArrayRef); 6] = [
        ("event_at", Arc::new(TimestampMillisecondArray::from(at).with_timezone("UTC"))),
        ("document_no", text(&|event| event.document.map(|document| format!("M{document}")))),
        ("card_number_masked", text(&|event| event.card.map(|card| format!("400000XXXXXX{card}")))),
        ("name_key", text(&|event| Some(format!("N{}", event.name)))),
        ("fare_amount_usd", Arc::new(events.iter().map(|event| event.fare).collect::<Float64Array>())),
        ("phones", Arc::new(phones.finish())),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// What some of the events are told, a column a feature.
fn pass(profiler: &mut Profiler, events: &[Event], of: Range<usize>) -> Vec<ArrayRef> {
    let batch = &events[of.clone()];
    let old: Vec<&Event> = batch.iter().filter_map(|event| Some(&events[event.replaces?])).collect();
    let mut old_starts = vec![0];
    for event in batch {
        old_starts.push(old_starts.last().unwrap() + u32::from(event.replaces.is_some()));
    }
    let starts: Vec<u32> = (0..=batch.len() as u32).collect();
    let (now, old) = (rows(&batch.iter().collect::<Vec<_>>()), rows(&old));
    let records = Records {
        stream: &TRAVELLER,
        rows: &now,
        starts: &starts,
        replaced: Some(Replaced { rows: &old, starts: &old_starts }),
        first: of.start as u64,
        known_at_ms: &vec![20_400 * DAY_MS; batch.len()],
    };
    // A shelf that fails now and then answers at last.
    (0..2_000).find_map(|_| profiler.pass(&records, &FEATURES).ok()).unwrap()
}

fn told(profiler: &mut Profiler, events: &[Event], size: usize) -> BTreeMap<&'static str, ArrayRef> {
    let begins = (0..events.len()).step_by(size);
    let told: Vec<_> = begins.map(|begin| pass(profiler, events, begin..events.len().min(begin + size))).collect();
    by_feature(&told)
}

/// What was told to some batches, together.
fn by_feature(told: &[Vec<ArrayRef>]) -> BTreeMap<&'static str, ArrayRef> {
    let whole =
        |column: usize| concat(&told.iter().map(|columns| columns[column].as_ref()).collect::<Vec<_>>()).unwrap();
    FEATURES.into_iter().enumerate().map(|(column, name)| (name, whole(column))).collect()
}

/// What counts when a record comes: all before it that nothing has replaced yet, itself replacing one.
fn counting(events: &[Event], at: usize) -> Vec<&Event> {
    let gone: BTreeSet<usize> = events[..=at].iter().filter_map(|event| event.replaces).collect();
    (0..at).filter(|place| !gone.contains(place)).map(|place| &events[place]).collect()
}

fn links(event: &Event) -> BTreeSet<String> {
    let phones = event.phones.iter().map(|phone| format!("phone {phone}"));
    phones.chain(event.card.map(|card| format!("card {card}"))).collect()
}

fn network(counting: &[&Event], asking: &Event, own: u8) -> BTreeSet<u8> {
    let window = asking.day - 12..=asking.day;
    let ties: BTreeSet<(u8, String)> = counting
        .iter()
        .filter(|event| window.contains(&event.day))
        .filter_map(|event| event.document.map(|document| (document, links(event))))
        .flat_map(|(document, links)| links.into_iter().map(move |link| (document, link)))
        .collect();
    let of = |document: u8| ties.iter().filter(|(of, _)| *of == document).map(|(_, link)| link.clone()).collect();
    let by = |link: &str| -> Vec<u8> { ties.iter().filter(|(_, of)| of == link).map(|(by, _)| *by).collect() };
    let few = |links: Vec<String>| if links.len() > HUB { Vec::new() } else { links };
    let mut members = BTreeSet::from([own]);
    let mut next: Vec<String> = few(of(own));
    next.extend(links(asking));
    while let Some(link) = next.pop() {
        let by = by(&link);
        if by.len() <= HUB {
            for other in by {
                if members.insert(other) {
                    next.extend(few(of(other)));
                }
            }
        }
    }
    members
}

fn within<'e>(events: &[&'e Event], asking: &Event, days: i64) -> Vec<&'e Event> {
    events.iter().copied().filter(|event| (asking.day - days..=asking.day).contains(&event.day)).collect()
}

fn number(told: &BTreeMap<&'static str, ArrayRef>, feature: &str, row: usize) -> Option<f64> {
    let column = &told[feature];
    column.is_valid(row).then(|| match column.as_primitive_opt::<Int64Type>() {
        Some(counts) => counts.value(row) as f64,
        None => column.as_primitive::<Float64Type>().value(row),
    })
}

fn names(events: &[&Event]) -> f64 {
    events.iter().map(|event| event.name).collect::<BTreeSet<_>>().len() as f64
}

fn check(events: &[Event], told: &BTreeMap<&'static str, ArrayRef>) {
    for (row, asking) in events.iter().enumerate() {
        let counting = counting(events, row);
        let expect = |feature: &str, expected: Option<f64>| {
            let found = number(told, feature, row);
            let same = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
                (found, expected) => found == expected,
            };
            assert!(same, "{feature} of row {row}: told {found:?}, expected {expected:?}\n{events:#?}");
        };
        let members = asking.document.map(|own| network(&counting, asking, own));
        expect("network.people", members.as_ref().map(|members| members.len() as f64));
        let about = |event: &&Event| {
            event.document.is_some_and(|document| members.as_ref().is_some_and(|members| members.contains(&document)))
        };
        let about: Vec<&Event> = counting.iter().copied().filter(about).collect();
        let known = |value: f64| members.as_ref().map(|_| value);
        let month = within(&about, asking, 20);
        let mut fares: Vec<f64> = month.iter().map(|event| event.fare).collect();
        fares.sort_unstable_by(f64::total_cmp);
        expect("network.records", known(month.len() as f64));
        expect("network.paid", known(fares.iter().sum()));
        expect("network.names", known(names(&month)));
        expect("network.median", fares.get(fares.len().div_ceil(2).saturating_sub(1)).copied());
        let week = within(&about, asking, 5);
        expect("network.most", week.iter().map(|event| event.fare).reduce(f64::max));
        // Each phone for itself, then the one that says most.
        let phones: BTreeSet<u16> = asking.phones.iter().copied().collect();
        let by_phone: Vec<Vec<&Event>> = phones
            .iter()
            .map(|phone| counting.iter().copied().filter(|event| event.phones.contains(phone)).collect::<Vec<_>>())
            .map(|events| within(&events, asking, 20))
            .collect();
        let greatest = |of: &dyn Fn(&Vec<&Event>) -> Option<f64>| by_phone.iter().filter_map(of).reduce(f64::max);
        expect("phone.records", greatest(&|events| Some(events.len() as f64)));
        expect("phone.names", greatest(&|events| Some(names(events))));
        let least = by_phone.iter().flatten().map(|event| event.fare).reduce(f64::min);
        expect("phone.least", least);
        let dear = |events: &Vec<&Event>| {
            let dear = events.iter().filter(|event| event.fare > 50.0).count() as f64;
            (!events.is_empty()).then(|| dear / events.len() as f64)
        };
        expect("phone.dear", greatest(&dear));
    }
}

/// A shelf that has nothing, and fails now and then.
struct Flaky(AtomicUsize);

impl Shelf for Flaky {
    fn fetch(&self, _: StateId, keys: &[u128]) -> Result<Vec<Option<Vec<u8>>>, ShelfError> {
        let call = self.0.fetch_add(1, Ordering::Relaxed);
        if (call.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40).is_multiple_of(41) {
            return Err(ShelfError("the disk is away".into()));
        }
        Ok(vec![None; keys.len()])
    }
}

fn profiler() -> Profiler {
    Profiler::new(plan_of(PACK), 7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn networks_and_lists_are_what_a_search_finds(events in events(), size in 2usize..40) {
        let mut whole = profiler();
        let expected = told(&mut whole, &events, events.len());
        check(&events, &expected);
        for size in [1, size] {
            let mut parts = profiler();
            prop_assert_eq!(&told(&mut parts, &events, size), &expected, "batches of {}", size);
            prop_assert_eq!(parts.state(), whole.state());
        }
    }

    #[test]
    fn nothing_is_joined_where_the_shelf_fails(events in events(), size in 2usize..6, marked in any::<bool>()) {
        let expected = told(&mut profiler(), &events, size);
        let shelf = Arc::new(Flaky(AtomicUsize::new(0)));
        let mut flaky = Profiler::on(plan_of(PACK), 7, shelf, |_| true);
        if marked {
            flaky.mark();
        }
        prop_assert_eq!(told(&mut flaky, &events, size), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// In blocks, some of them tried more than once, by one thread or several, against all at once.
    #[test]
    fn ties_that_are_taken_back_were_never_there(events in busy(), seed in any::<u64>(), threads in 1usize..4) {
        let mut whole = profiler();
        let expected = told(&mut whole, &events, events.len());
        let (mut tried, mut dice) = (profiler(), Dice::new(seed));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let told = pool.install(|| in_blocks(events.len(), &mut Dice::new(seed)).map(|block| {
            try_block(&mut tried, block, &mut dice, |profiler, of| pass(profiler, &events, of))
        }).collect::<Vec<_>>());
        prop_assert_eq!(by_feature(&told), expected);
        prop_assert_eq!(tried.state(), whole.state());
    }

    #[test]
    fn ties_from_a_shelf_are_taken_back_too(events in busy(), seed in any::<u64>()) {
        let shelves = [Arc::new(Map::default()), Arc::new(Map::default())];
        let on = |which: usize| {
            let shelf = Arc::clone(&shelves[which]) as Arc<dyn Shelf>;
            Profiler::on(plan_of(PACK), 7, shelf, |_| true)
        };
        let (mut tried, mut plain, mut dice) = (on(0), on(1), Dice::new(seed));
        for (commit, block) in (1..).zip(in_blocks(events.len(), &mut Dice::new(seed))) {
            let end = block.end as u64;
            let told = try_block(&mut tried, block.clone(), &mut dice, |profiler, of| pass(profiler, &events, of));
            prop_assert_eq!(told, pass(&mut plain, &events, block));
            prop_assert_eq!(everything(&tried), everything(&plain));
            if dice.below(3) == 0 {
                let shelved = [tried.shelve(end, end, commit), plain.shelve(end, end, commit)];
                prop_assert_eq!(&shelved[0], &shelved[1]);
                shelved.into_iter().zip(&shelves).for_each(|(shelved, shelf)| shelf.put(shelved));
                (tried, plain) = (on(0), on(1));
            }
        }
    }
}

/// Many on one day, so that what they share has many ties, and is open.
fn busy() -> impl Strategy<Value = Vec<Event>> {
    events_of(500..900, prop::sample::select(vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 1]))
}

/// Blocks in which so many are passed: of a few, or of so many that threads help.
fn in_blocks(count: usize, dice: &mut Dice) -> impl Iterator<Item = Range<usize>> {
    let mut begin = 0;
    std::iter::from_fn(move || {
        let most = if dice.below(2) == 0 { 20 } else { 600 };
        let block = begin..count.min(begin + 1 + dice.below(most) as usize);
        begin = block.end;
        (!block.is_empty()).then_some(block)
    })
}

#[test]
fn of_a_long_list_the_first_elements_join() {
    let event = |document: u8, phones: Range<u16>, replaces: Option<usize>| Event {
        day: 0,
        document: Some(document),
        phones: phones.collect(),
        card: None,
        fare: 1.0,
        name: 0,
        replaces,
    };
    let events = [
        event(1, 0..5_000, None),
        event(2, 1_023..1_024, None),
        event(3, 1_024..1_025, None),
        // It is taken back as it was added.
        event(1, 0..0, Some(0)),
        event(4, 1_023..1_024, None),
        event(5, 1_022..1_023, None),
    ];
    let told = told(&mut profiler(), &events, events.len());
    let expect = |feature: &str, expected: [Option<i64>; 6]| {
        assert_eq!(told[feature].as_primitive::<Int64Type>(), &Int64Array::from(expected.to_vec()), "{feature}");
    };
    expect("network.people", [1, 2, 1, 1, 2, 1].map(Some));
    expect("phone.records", [Some(0), Some(1), Some(0), None, Some(1), Some(0)]);
}

#[test]
fn networks_end_where_too_many_are_joined() {
    // A chain of eighty, each with the phone of the one before.
    let event = |place: u8| Event {
        day: 0,
        document: Some(place),
        phones: vec![place.into(), u16::from(place) + 1],
        card: None,
        fare: 1.0,
        name: 0,
        replaces: None,
    };
    let events: Vec<Event> = (0..80).map(event).collect();
    let told = told(&mut profiler(), &events, 80);
    let people = told["network.people"].as_primitive::<Int64Type>();
    let expected: Int64Array = (1..=80).map(|place: i64| Some(place.min(64))).collect();
    assert_eq!(people, &expected);
}
