//! Many rules that share their parts over thousands of rows: where the evaluator measures the rows and orders its work
//! by them, answers for the codes of dictionaries, ranks thresholds and goes over from lists of rows to bitmaps.
//!
//! One evaluator sees batches in turn, small and large, of other values and in other forms, as a whole, row by row and
//! from several threads. Whatever it has learned and kept, the hits are those of the oracles.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test should say so loudly")]

mod support;

use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use haechi_evaluate::{Evaluator, Options};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError};
use rayon::{ThreadPool, ThreadPoolBuilder};
use support::grammar::{Extra, Sql, conditions};
use support::mix::{Patterns, Templates, ladder};
use support::naive::Naive;
use support::table::{Dice, ITEMS};
use support::{datafusion, encode, program};

/// The same cases each time. `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more or for others.
fn config() -> ProptestConfig {
    let given = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { given.cases } else { 12 };
    let rng_seed = if given.rng_seed == RngSeed::Random { RngSeed::Fixed(7) } else { given.rng_seed };
    ProptestConfig { cases, rng_seed, failure_persistence: None, max_shrink_iters: 40, ..given }
}

/// What is generated: a seed for each rule of the templates, so that a failure sheds those that do not matter.
#[derive(Debug)]
struct Case {
    seed: u64,
    rules: Vec<u64>,
    nested: Vec<Sql>,
    ladder: bool,
    block_rows: usize,
}

fn case(items: bool) -> impl Strategy<Value = Case> {
    let block_rows = prop::sample::select(vec![1usize, 7, 64, 100, 4_096, 100_000]);
    let nested = vec(conditions(ITEMS, &Extra { items, ..Extra::default() }, 2), 0..6);
    let rules = prop_oneof![2 => vec(any::<u64>(), 30..120), 1 => vec(any::<u64>(), 0..12)];
    (any::<u64>(), rules, nested, proptest::bool::weighted(0.3), block_rows)
        .prop_map(|(seed, rules, nested, ladder, block_rows)| Case { seed, rules, nested, ladder, block_rows })
}

/// Where rules are true, by pattern, as the oracles have it.
struct Truth(Vec<Vec<bool>>);

impl Truth {
    fn of(program: &haechi_rules::Program, rules: &[Sql], patterns: &Patterns) -> Result<Self, TestCaseError> {
        let table = &patterns.table;
        let (naive, plain) = (Naive { program, table }, encode::plain(table, ITEMS));
        let mut truths = Vec::with_capacity(rules.len());
        for (rule, sql) in rules.iter().enumerate() {
            let truth: Vec<bool> = (0..table.rows).map(|row| naive.rule(rule, row) == Some(true)).collect();
            if let Some(text) = &sql.theirs {
                let theirs = datafusion::true_rows(text, &plain)
                    .map_err(|e| TestCaseError::fail(format!("DataFusion refuses {text}\n{e}")))?;
                let ours: Vec<usize> = (0..table.rows).filter(|row| truth[*row]).collect();
                prop_assert_eq!(ours, theirs, "naive (left) and DataFusion differ\n{}\n{}", sql.ours, text);
            }
            truths.push(truth);
        }
        Ok(Self(truths))
    }

    /// The hits of rows that are these patterns.
    fn hits(&self, patterns: &[usize]) -> Vec<(u32, u32)> {
        let of = |(row, pattern): (usize, &usize)| {
            let pattern = *pattern;
            let rules = self.0.iter().enumerate().filter(move |(_, truth)| truth[pattern]);
            rules.map(move |(rule, _)| (row as u32, rule as u32))
        };
        patterns.iter().enumerate().flat_map(of).collect()
    }
}

/// A batch, and its hits as the oracles have it.
struct Sample {
    batch: RecordBatch,
    hits: Vec<(u32, u32)>,
    /// The first rows of subjects, and the end.
    starts: Vec<usize>,
}

impl Sample {
    fn new(truth: &Truth, patterns: &Patterns, rows: usize, dice: &mut Dice) -> Self {
        let (table, of) = patterns.repeated(rows, dice);
        let mut starts: Vec<usize> = (0..of.len()).filter(|row| patterns.begins(of[*row])).collect();
        starts.push(of.len());
        Self { batch: encode::encoded(&table, dice), hits: truth.hits(&of), starts }
    }

    /// Subjects from one on, about so many rows.
    fn part(&self, from: usize, rows: usize) -> Self {
        let end = self.starts[from..].iter().position(|start| start - self.starts[from] >= rows);
        let to = end.map_or(self.starts.len() - 1, |end| from + end);
        let (start, end) = (self.starts[from], self.starts[to]);
        let hits = &self.hits[self.hits_before(start)..self.hits_before(end)];
        Self {
            batch: self.batch.slice(start, end - start),
            hits: hits.iter().map(|(row, rule)| (row - start as u32, *rule)).collect(),
            starts: self.starts[from..=to].iter().map(|at| at - start).collect(),
        }
    }

    fn row(&self, row: usize) -> Self {
        let hits = &self.hits[self.hits_before(row)..self.hits_before(row + 1)];
        let hits = hits.iter().map(|(_, rule)| (0, *rule)).collect();
        Self { batch: self.batch.slice(row, 1), hits, starts: vec![0, 1] }
    }

    fn hits_before(&self, row: usize) -> usize {
        self.hits.partition_point(|(at, _)| (*at as usize) < row)
    }

    fn check(&self, evaluator: &Evaluator, rules: &[Sql], what: &str) -> Result<(), TestCaseError> {
        let found: Vec<(u32, u32)> = evaluator.evaluate(&self.batch).unwrap().iter().collect();
        if found != self.hits {
            let at = found.iter().zip(&self.hits).take_while(|(found, expected)| found == expected).count();
            let text = |hit: Option<&(u32, u32)>| hit.map(|(row, rule)| (*row, *rule, &rules[*rule as usize].ours));
            return Err(TestCaseError::fail(format!(
                "{what}, {} rows: hit {at} is\n  {:?}\nbut should be\n  {:?}",
                self.batch.num_rows(),
                text(found.get(at)),
                text(self.hits.get(at)),
            )));
        }
        let (mut counts, mut expected) = (vec![3; rules.len()], vec![3; rules.len()]);
        evaluator.count(&self.batch, &mut counts).unwrap();
        self.hits.iter().for_each(|(_, rule)| expected[*rule as usize] += 1);
        let wrong = (0..rules.len()).find(|rule| counts[*rule] != expected[*rule]);
        let wrong = wrong.map(|rule| (&rules[rule].ours, counts[rule] - 3, expected[rule] - 3));
        prop_assert!(wrong.is_none(), "{what}: counts {wrong:?}");
        Ok(())
    }

    fn explain(&self, evaluator: &Evaluator, rules: &[Sql], dice: &mut Dice) -> Result<(), TestCaseError> {
        let rows = self.batch.num_rows();
        for _ in 0..if rules.is_empty() { 0 } else { 4 } {
            let (row, rule) = (dice.below(rows), dice.below(rules.len()));
            let why = evaluator.explain(&self.batch, row, rule).unwrap();
            let hit = self.hits.binary_search(&(row as u32, rule as u32)).is_ok();
            prop_assert_eq!(why.truth == Some(true), hit, "row {}, {}\n{:#?}", row, rules[rule].ours, why);
        }
        Ok(())
    }
}

static POOL: LazyLock<ThreadPool> = LazyLock::new(|| ThreadPoolBuilder::new().num_threads(2).build().unwrap());

fn check(case: &Case, items: bool) -> Result<(), TestCaseError> {
    let mut dice = Dice(case.seed);
    let templates = Templates::new(items, &mut dice);
    let mut rules: Vec<Sql> = case.rules.iter().map(|seed| templates.rule(&mut Dice(*seed))).collect();
    rules.extend(case.nested.iter().cloned());
    let small_blocks = case.block_rows < 64;
    if case.ladder && !small_blocks {
        rules.extend(ladder(&mut dice));
    }
    let texts: Vec<&str> = rules.iter().map(|rule| rule.ours.as_str()).collect();
    let program = program("declaration", &texts).map_err(|d| TestCaseError::fail(format!("refused: {d:#?}")))?;
    let first = Patterns::random(60 + dice.below(80), false, &mut dice);
    let other = Patterns::random(60 + dice.below(80), true, &mut dice);
    let first_truth = Truth::of(&program, &rules, &first)?;
    let other_truth = Truth::of(&program, &rules, &other)?;

    // A block costs more than its rows do: few rows where blocks are small, and just enough to be measured.
    let many = if small_blocks { 1_100 } else { 2_000 + dice.below(4_000) };
    let few = [1, 2, 20, 63, 64, 65, 200][dice.below(7)];
    let large = Sample::new(&first_truth, &first, many, &mut dice);
    let drifted = Sample::new(&other_truth, &other, many, &mut dice);
    let small = Sample::new(&first_truth, &first, few, &mut dice);
    let subject = |sample: &Sample, dice: &mut Dice| dice.below(sample.starts.len() - 1);
    let from_large = large.part(subject(&large, &mut dice), 70 + dice.below(130));
    let from_drifted = drifted.part(subject(&drifted, &mut dice), 1 + dice.below(90));

    let evaluator = Evaluator::new(Arc::clone(&program), Options { block_rows: case.block_rows }).unwrap();
    let turns = [
        (&small, "small"),
        (&large, "large"),
        (&from_large, "a part of the large"),
        (&drifted, "drifted"),
        (&drifted, "drifted again"),
        (&small, "small again"),
        (&from_drifted, "a part of the drifted"),
        (&large, "large again"),
    ];
    POOL.install(|| turns.iter().try_for_each(|(sample, what)| sample.check(&evaluator, &rules, what)))?;

    large.explain(&evaluator, &rules, &mut dice)?;
    from_drifted.explain(&evaluator, &rules, &mut dice)?;

    // Subjects alone; where no rule looks across items, rows.
    for sample in [&large, &drifted, &small] {
        for _ in 0..30 {
            let subject = sample.part(subject(sample, &mut dice), 1);
            let alone = if items { subject } else { subject.row(dice.below(subject.batch.num_rows())) };
            alone.check(&evaluator, &rules, "alone")?;
        }
    }
    std::thread::scope(|scope| {
        let turn = |at: usize| {
            let (evaluator, rules) = (&evaluator, &rules);
            scope.spawn(move || {
                (0..2).try_for_each(|n| turns[(at + 2 * n) % turns.len()].0.check(evaluator, rules, "beside others"))
            })
        };
        let threads: Vec<_> = [0, 1, 5].into_iter().map(turn).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap())
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn many_rules_over_many_rows(case in case(false)) {
        check(&case, false)?;
    }

    #[test]
    fn many_rules_across_items(case in case(true)) {
        check(&case, true)?;
    }
}
