//! The evaluator against two oracles, over random rules and random rows: a naive row-by-row interpreter of the compiled
//! program (is it run rightly?), and DataFusion on the text of the rule (is it compiled rightly?).
//!
//! Every case compiles several rules together, so that what they share is shared, and delivers the rows in a random
//! form, cut at random. Seeds are fixed: a failure repeats, and names the rule and the row.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use haechi_evaluate::{Evaluator, Options};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError};
use rayon::{ThreadPool, ThreadPoolBuilder};
use support::grammar::{Extra, Sql, conditions, into_lists};
use support::naive::Naive;
use support::table::{CODES, COUNTRIES, Dice, Domain, ITEMS, Table, WORDS};
use support::{datafusion, encode, program};

const TRAVELLERS: &Domain = &Domain {
    stream: "traveller",
    texts: &[("nationality", COUNTRIES), ("document_no", CODES), ("surname", WORDS)],
    floats: &["bag_mass_kg"],
    ints: &["bag_count"],
    bools: &["document_verified"],
    dates: &["birth_date", "document_expires_on"],
    instants: &["booked_at", "checked_in_at"],
    ..Domain::NONE
};

const CONSIGNMENTS: &Domain = &Domain {
    stream: "consignment",
    texts: &[("shipper_country", COUNTRIES), ("description", WORDS)],
    floats: &["gross_mass_kg"],
    ints: &["container_count"],
    bools: &["dangerous"],
    lists: &[("route_countries", COUNTRIES), ("hs_codes", CODES)],
    records: &[
        (
            "containers",
            &Domain {
                texts: &[("container_id", CODES), ("iso_type", CODES), ("fill", WORDS)],
                floats: &["gross_mass_kg", "packages"],
                bools: &["check_digit_ok"],
                ..Domain::NONE
            },
        ),
        (
            "lines",
            &Domain {
                texts: &[("description", WORDS), ("hs_code", CODES)],
                floats: &["gross_mass_kg"],
                ints: &["line_no"],
                ..Domain::NONE
            },
        ),
    ],
    ..Domain::NONE
};

/// One run: how many rows, from which seed, and how the work is cut.
#[derive(Clone, Debug)]
struct Run {
    rows: usize,
    seed: u64,
    block_rows: usize,
    threads: usize,
}

fn run() -> impl Strategy<Value = Run> {
    let rows = prop::sample::select(vec![0usize, 1, 2, 5, 20, 64, 65, 150]);
    let block_rows = prop::sample::select(vec![4_096usize, 64, 7, 1]);
    (rows, any::<u64>(), block_rows, 1usize..=2).prop_map(|(rows, seed, block_rows, threads)| Run {
        rows,
        seed,
        block_rows,
        threads,
    })
}

/// The same cases each time. `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more or for others.
fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { 150 };
    let rng_seed = if given.rng_seed == RngSeed::Random { RngSeed::Fixed(7) } else { given.rng_seed };
    ProptestConfig { cases, rng_seed, failure_persistence: None, max_shrink_iters: 2_000, ..given }
}

static POOLS: LazyLock<[ThreadPool; 2]> =
    LazyLock::new(|| [1, 2].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap()));

fn check(domain: &'static Domain, rules: &[Sql], run: &Run) -> Result<(), TestCaseError> {
    let mut dice = Dice(run.seed);
    let table = Table::random(domain, run.rows, &mut dice);
    let batch = encode::encoded(&table, &mut dice);
    let texts: Vec<&str> = rules.iter().map(|rule| rule.ours.as_str()).collect();
    let program = program(domain.stream, &texts).map_err(|d| TestCaseError::fail(format!("refused: {d:#?}")))?;
    let evaluator = Evaluator::new(Arc::clone(&program), Options { block_rows: run.block_rows }).unwrap();
    let hits = POOLS[run.threads - 1].install(|| evaluator.evaluate(&batch)).unwrap();
    let in_order: Vec<_> = hits.iter().collect();
    prop_assert!(in_order.is_sorted_by(|a, b| a < b), "hits out of order");
    let hits: BTreeSet<(u32, u32)> = in_order.into_iter().collect();

    let naive = Naive { program: &program, table: &table };
    let plain = encode::plain(&table, domain);
    for (rule, sql) in rules.iter().enumerate() {
        let found = |row: usize| hits.contains(&(row as u32, rule as u32));
        for row in 0..run.rows {
            let truth = naive.rule(rule, row);
            prop_assert_eq!(
                found(row),
                truth == Some(true),
                "naive says {:?} of row {}\n{}{}",
                truth,
                row,
                sql.ours,
                table.describe(row)
            );
        }
        if let Some(text) = &sql.theirs {
            let theirs = datafusion::true_rows(text, &plain)
                .map_err(|e| TestCaseError::fail(format!("DataFusion refuses {text}\n{e}")))?;
            for row in 0..run.rows {
                prop_assert_eq!(
                    found(row),
                    theirs.contains(&row),
                    "DataFusion differs at row {}\n{}\n{}{}",
                    row,
                    sql.ours,
                    text,
                    table.describe(row)
                );
            }
        }
    }
    if run.rows > 0 {
        let row = dice.below(run.rows);
        for (rule, sql) in rules.iter().enumerate() {
            let why = evaluator.explain(&batch, row, rule).unwrap();
            prop_assert_eq!(
                why.truth,
                naive.rule(rule, row),
                "the explanation of row {}\n{}{}\n{:#?}",
                row,
                sql.ours,
                table.describe(row),
                why
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn rules_over_declarations(rules in vec(conditions(ITEMS, &Extra::default(), 3), 1..8), run in run()) {
        check(ITEMS, &rules, &run)?;
    }

    #[test]
    fn rules_over_travellers(rules in vec(conditions(TRAVELLERS, &Extra::default(), 3), 1..8), run in run()) {
        check(TRAVELLERS, &rules, &run)?;
    }

    #[test]
    fn rules_across_items(rules in vec(conditions(ITEMS, &Extra { items: true, ..Extra::default() }, 3), 1..8), run in run()) {
        check(ITEMS, &rules, &run)?;
    }

    #[test]
    fn rules_into_records(rules in vec(conditions(CONSIGNMENTS, &into_lists(CONSIGNMENTS), 2), 1..8), run in run()) {
        check(CONSIGNMENTS, &rules, &run)?;
    }
}
