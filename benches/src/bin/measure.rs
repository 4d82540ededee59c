//! Plain numbers about evaluation in memory, with rules of the mix:
//!
//! - `measure in-memory [DIR]`: microseconds a row, in batches of 131,072 rows with text by code, on one core.
//! - `measure one-row [DIR]`: microseconds from a batch of one row to its hits.
//! - `measure features [DIR]`: rows a second with forty features over eight entities told to each row; with
//!   `--one-by-one`, microseconds for a declaration alone with the features of the pack `import`.
//! - `measure schemes`: what the shipped packs find of the generator's planted schemes, over a month.
//!
//! DIR is a workload of `benches/peers/workload.py`; without it, rows and rules are made from seed 7.

use std::error::Error;
use std::hint::black_box;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use clap::{Args, Parser, Subcommand};
use haechi_benches::features;
use haechi_benches::programs::evaluator;
use haechi_benches::source::Source;
use haechi_benches::workload::Text;
use haechi_datasets::Spec;
use haechi_evaluate::Evaluator;
use rayon::ThreadPoolBuilder;

/// As the service has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Evaluation in memory, in plain numbers
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Microseconds a row over whole batches
    InMemory(InMemory),
    /// Microseconds for a batch of one row
    OneRow(OneRow),
    /// Rows a second, each told what is known of eight entities and added to it
    Features(Features),
    /// What the shipped packs find of the planted schemes, and how much of the honest traffic they select
    Schemes(Schemes),
}

#[derive(Debug, Args)]
struct InMemory {
    /// Folder of a workload
    dir: Option<PathBuf>,
    /// Count hits by rule instead of putting them in order of rows
    #[arg(long)]
    count: bool,
    /// How many rules
    #[arg(long, default_value_t = 5_000)]
    rules: usize,
    /// How many rows
    #[arg(long, default_value_t = 524_288)]
    rows: usize,
    /// Rows a batch
    #[arg(long, default_value_t = 131_072)]
    batch_rows: usize,
    /// Times over all rows, after one that is not counted
    #[arg(long, default_value_t = 7)]
    repeat: usize,
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

#[derive(Debug, Args)]
struct OneRow {
    /// Folder of a workload
    dir: Option<PathBuf>,
    /// How many rules
    #[arg(long, default_value_t = 5_000)]
    rules: usize,
    /// How many different rows
    #[arg(long, default_value_t = 1_024)]
    rows: usize,
    /// Times each row is evaluated, after one that is not counted
    #[arg(long, default_value_t = 20)]
    repeat: usize,
}

#[derive(Debug, Args)]
struct Features {
    /// Folder of a workload
    dir: Option<PathBuf>,
    /// How many rules, besides one for each feature
    #[arg(long, default_value_t = 1_000)]
    rules: usize,
    /// How many rows
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// How many entities are known before the first row that counts
    #[arg(long, default_value_t = 0)]
    entities: usize,
    /// Rows a batch
    #[arg(long, default_value_t = 16_384)]
    batch_rows: usize,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// The pack `import` over as many generated rows instead, declaration by declaration, as single requests come
    #[arg(long, conflicts_with_all = ["dir", "entities"])]
    one_by_one: bool,
}

#[derive(Debug, Args)]
struct Schemes {
    /// Names the dataset
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Days
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// Traffic of a day, as a part of a busy country's
    #[arg(long, default_value_t = 0.25)]
    scale: f64,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::InMemory(args) => in_memory(&args),
        Command::OneRow(args) => one_row(&args),
        Command::Features(args) => features(&args),
        Command::Schemes(args) => schemes(&args),
    };
    match done {
        Ok(line) if writeln!(stdout(), "{line}").is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "measure: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn in_memory(args: &InMemory) -> Result<String, Box<dyn Error>> {
    ThreadPoolBuilder::new().num_threads(args.threads).use_current_thread().build_global()?;
    let source = Source::new(args.dir.clone());
    let evaluator = evaluator(&source.rules(args.rules)?);
    let batches = source.batches(args.rows, args.batch_rows, Text::ByCode)?;
    let once = |evaluator: &Evaluator, batches: &[RecordBatch]| {
        if args.count { counted(evaluator, batches, args.rules) } else { once(evaluator, batches) }
    };
    let hits = once(&evaluator, &batches)?;
    let mut micros = Vec::with_capacity(args.repeat);
    for _ in 0..args.repeat {
        let start = Instant::now();
        black_box(once(&evaluator, &batches)?);
        micros.push(start.elapsed().as_secs_f64() * 1e6 / args.rows as f64);
    }
    let times = Times::of(micros);
    Ok(format!(
        "{} rules, {} rows in batches of {}, {} hits, threads: {}: microseconds a row: min {:.3}, median {:.3}",
        args.rules, args.rows, args.batch_rows, hits, args.threads, times.min, times.median
    ))
}

fn features(args: &Features) -> Result<String, Box<dyn Error>> {
    ThreadPoolBuilder::new().num_threads(args.threads).build_global()?;
    if args.one_by_one {
        return one_by_one(args.rows);
    }
    let source = Source::new(args.dir.clone());
    let decider = features::decider(&source.rules(args.rules)?);
    let mut batches = source.stream(args.rows, args.batch_rows)?;
    let mut memory = decider.memory()?;
    let mut before = 0;
    while memory.known().map(|(_, known)| known).sum::<usize>() < args.entities {
        let batch = batches.next().ok_or("the folder has too few rows for so many entities")?;
        before += batch.num_rows();
        memory.join(&batch, decider.derive(&batch)?)?;
    }
    let (mut deriving, mut telling, mut evaluating, mut hits, mut rows) = (0.0, 0.0, 0.0, 0, 0);
    for batch in batches {
        if rows >= args.rows {
            break;
        }
        rows += batch.num_rows();
        let start = Instant::now();
        let derived = decider.derive(&batch)?;
        let at_derived = start.elapsed().as_secs_f64();
        let told = memory.join(&batch, derived)?;
        let at_told = start.elapsed().as_secs_f64();
        hits += decider.evaluator().evaluate(black_box(&told))?.len();
        deriving += at_derived;
        telling += at_told - at_derived;
        evaluating += start.elapsed().as_secs_f64() - at_told;
    }
    let (n, total) = (rows as f64, deriving + telling + evaluating);
    Ok(format!(
        "{} rules, {} features, {rows} rows in batches of {} after {before} others, {hits} hits, threads: {}: \
         {:.0} rows/s; microseconds a row: derived {:.2}, told and remembered {:.2} ({:.3} a feature), evaluated {:.2}; \
         known: {}; {:.0} MiB resident",
        args.rules,
        features::COUNT,
        args.batch_rows,
        args.threads,
        n / total,
        deriving * 1e6 / n,
        telling * 1e6 / n,
        telling * 1e6 / n / features::COUNT as f64,
        evaluating * 1e6 / n,
        memory.known().map(|(entity, known)| format!("{entity} {known}")).collect::<Vec<_>>().join(", "),
        haechi_benches::stream::resident_max_mib().map_err(|error| error.to_string())?,
    ))
}

/// Declarations of the generator, each by itself, told the features of the pack `import`.
fn one_by_one(rows: usize) -> Result<String, Box<dyn Error>> {
    let (decider, declarations) = haechi_benches::schemes::one_by_one(rows)?;
    let mut memory = decider.memory()?;
    let mut micros = [Vec::new(), Vec::new(), Vec::new()];
    for declaration in &declarations {
        let start = Instant::now();
        let derived = decider.derive(declaration)?;
        let at_derived = start.elapsed().as_secs_f64();
        let told = memory.join(declaration, derived)?;
        let at_told = start.elapsed().as_secs_f64();
        black_box(decider.decide_derived(&told, 0)?);
        let at_end = start.elapsed().as_secs_f64();
        let parts = [at_derived, at_told - at_derived, at_end - at_told];
        micros.iter_mut().zip(parts).for_each(|(all, one)| all.push(one * 1e6));
    }
    let n = declarations.len() as f64;
    let means: Vec<f64> = micros.iter().map(|all| all.iter().sum::<f64>() / n).collect();
    let [derived, told, decided] = micros.map(Times::of);
    Ok(format!(
        "{rows} rows of {} declarations one by one, {} features: microseconds a declaration, median and mean: derived \
         {:.1}, {:.1}; told and remembered {:.1}, {:.1} (p99 {:.1}); decided {:.1}, {:.1}",
        declarations.len(),
        decider.features().len(),
        derived.median,
        means[0],
        told.median,
        means[1],
        told.p99,
        decided.median,
        means[2],
    ))
}

fn schemes(args: &Schemes) -> Result<String, Box<dyn Error>> {
    let spec = Spec { days: args.days, ..Spec::day(args.seed).scaled(args.scale * f64::from(args.days)) };
    spec.check()?;
    let start = Instant::now();
    let [without, with] = haechi_benches::schemes::measure(&spec);
    let seconds = start.elapsed().as_secs_f64();
    let of = format!("{} days at {} of a day's traffic, seed {}, {seconds:.0} s", args.days, args.scale, args.seed);
    Ok(format!("{of}\n\nWithout outcomes:\n\n{without}\nWith the outcomes of what was looked at then:\n\n{with}"))
}

/// How often each rule hits, which is what `haechi evaluate` asks for without `--hits`.
fn counted(evaluator: &Evaluator, batches: &[RecordBatch], rules: usize) -> Result<usize, Box<dyn Error>> {
    let mut counts = vec![0; rules];
    for batch in batches {
        evaluator.count(black_box(batch), &mut counts)?;
    }
    Ok(counts.iter().sum::<u64>() as usize)
}

fn once(evaluator: &Evaluator, batches: &[RecordBatch]) -> Result<usize, Box<dyn Error>> {
    let mut hits = 0;
    for batch in batches {
        hits += evaluator.evaluate(black_box(batch))?.len();
    }
    Ok(hits)
}

/// On this thread, which is no thread of a pool: as a request would be served.
fn one_row(args: &OneRow) -> Result<String, Box<dyn Error>> {
    let source = Source::new(args.dir.clone());
    let evaluator = evaluator(&source.rules(args.rules)?);
    let batches = source.batches(args.rows, 1, Text::AsStream)?;
    let hits = once(&evaluator, &batches)?;
    let mut micros = Vec::with_capacity(args.rows * args.repeat);
    for _ in 0..args.repeat {
        for batch in &batches {
            let batch = made_anew(batch)?;
            let start = Instant::now();
            black_box(evaluator.evaluate(black_box(&batch))?);
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    let times = Times::of(micros);
    Ok(format!(
        "{} rules, {} rows one by one, {} hits: microseconds: min {:.1}, median {:.1}, p99 {:.1}",
        args.rules, args.rows, hits, times.min, times.median, times.p99
    ))
}

/// The same row in memory of its own, with a schema of its own. A request's row has been read a moment ago and is in the
/// caches still; rules have left them for those of other rows.
fn made_anew(row: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let copy = |array: &ArrayRef| take(array, &UInt32Array::from_iter_values(0..array.len() as u32), None);
    let columns = row.columns().iter().map(|column| {
        let column = copy(column)?;
        match column.as_any_dictionary_opt() {
            Some(coded) => Ok(coded.with_values(copy(coded.values())?)),
            None => Ok(column),
        }
    });
    let fields: Vec<Field> = row.schema().fields().iter().map(|field| (**field).clone()).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.collect::<Result<_, ArrowError>>()?)
}

struct Times {
    min: f64,
    median: f64,
    p99: f64,
}

impl Times {
    fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
        Self { min: at(0.0), median: at(0.5), p99: at(0.99) }
    }
}
