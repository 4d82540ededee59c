//! The kernels whose instructions `benches/instructions.py` counts: `instructions` lists them with their rows,
//! `instructions KERNEL` runs one.
//!
//! Everything is made from a seed and runs on one thread, once to warm up and [`TIMES`] more inside [`counted`], the
//! function that the counting begins and ends with.

use std::hint::black_box;
use std::io::{self, Write};
use std::process::ExitCode;

use arrow::array::RecordBatch;
use haechi_benches::programs::{Pack, evaluator};
use haechi_benches::workload::{Kind, Rule, Text, World};
use haechi_benches::{must, one_core};
use haechi_model::streams::DECLARATION;

/// What one kernel does.
enum Work {
    /// A hundred rules of one kind.
    Rules(Kind, Text),
    /// Rules of the mix, text by code.
    Mix { rules: usize },
    /// Rules of the mix, batches of one row.
    OneRow { rules: usize },
    /// Rules of the mix from text to an evaluator. The rows are rules.
    Compile,
}

struct Kernel {
    name: &'static str,
    rows: usize,
    work: Work,
}

const fn kernel(name: &'static str, rows: usize, work: Work) -> Kernel {
    Kernel { name, rows, work }
}

/// Two blocks and more, and few enough to run under an emulator.
const ROWS: usize = 16_384;
const RULES: usize = 100;
const TIMES: usize = 2;

const KERNELS: &[Kernel] = &[
    kernel("text_dictionary", ROWS, Work::Rules(Kind::Prefix, Text::ByCode)),
    kernel("text_plain", ROWS, Work::Rules(Kind::Prefix, Text::Plain)),
    kernel("words_dictionary", ROWS, Work::Rules(Kind::Words, Text::ByCode)),
    kernel("words_plain", ROWS, Work::Rules(Kind::Words, Text::Plain)),
    kernel("threshold_dense", ROWS, Work::Rules(Kind::Threshold, Text::ByCode)),
    kernel("threshold_sparse", ROWS, Work::Rules(Kind::SparseThreshold, Text::ByCode)),
    kernel("in_list", ROWS, Work::Rules(Kind::InList, Text::ByCode)),
    kernel("items", ROWS, Work::Rules(Kind::Items, Text::ByCode)),
    kernel("hits", ROWS, Work::Rules(Kind::Flag, Text::ByCode)),
    kernel("mix_1000", ROWS, Work::Mix { rules: 1_000 }),
    kernel("mix_5000", ROWS, Work::Mix { rules: 5_000 }),
    kernel("one_row_5000", 256, Work::OneRow { rules: 5_000 }),
    kernel("compile_1000", 1_000, Work::Compile),
];

fn main() -> io::Result<ExitCode> {
    let Some(name) = std::env::args().nth(1) else {
        let mut out = io::stdout().lock();
        for kernel in KERNELS {
            writeln!(out, "{}\t{}", kernel.name, kernel.rows * TIMES)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(kernel) = KERNELS.iter().find(|kernel| kernel.name == name) else { return Ok(ExitCode::FAILURE) };
    one_core();
    run(kernel);
    Ok(ExitCode::SUCCESS)
}

fn run(kernel: &Kernel) {
    let world = World::new(7);
    let batch = |text: Text| must(text.of(&world.rows().batch(kernel.rows)));
    match kernel.work {
        Work::Rules(kind, text) => evaluate(&world.rules_of(kind, RULES), &[batch(text)]),
        Work::Mix { rules } => evaluate(&world.rules(rules), &[batch(Text::ByCode)]),
        Work::OneRow { rules } => {
            let mut rows = world.rows();
            let batches: Vec<RecordBatch> = (0..kernel.rows).map(|_| rows.batch(1)).collect();
            evaluate(&world.rules(rules), &batches);
        }
        Work::Compile => {
            let pack = Pack::write(&DECLARATION, &world.rules(kernel.rows));
            warm_and_count(&mut || drop(black_box(pack.evaluator())));
        }
    }
}

fn evaluate(rules: &[Rule], batches: &[RecordBatch]) {
    let evaluator = evaluator(rules);
    warm_and_count(&mut || {
        for batch in batches {
            black_box(must(evaluator.evaluate(black_box(batch))));
        }
    });
}

fn warm_and_count(work: &mut dyn FnMut()) {
    work();
    for _ in 0..TIMES {
        counted(work);
    }
}

/// Counting is on in here and off outside.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
    // Something to return to: without it the call may become a jump, which counting does not see the end of.
    black_box(());
}
