#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::print_stdout, missing_docs)]
use haechi_evaluate::{Evaluator, Options};
use haechi_model::Stream;
use haechi_pipeline::Packs;
use std::sync::Arc;
use std::time::Instant;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (rules_dir, n): (&str, usize) = (&a[1], a[2].parse().unwrap());
    let block: usize = a.get(3).map_or(0, |s| s.parse().unwrap());
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    let text: String = std::fs::read_to_string(format!("{rules_dir}/rules.jsonl"))
        .unwrap()
        .lines()
        .take(n)
        .map(|l| format!("{l}\n"))
        .collect();
    let path = format!("/tmp/rules-{n}.jsonl");
    std::fs::write(&path, text).unwrap();
    let stream = Stream::find("declaration").unwrap();
    let t = Instant::now();
    let packs = Packs::load(&[path.into()], Some(stream), None);
    let rs = packs.ruleset(stream).unwrap();
    println!(
        "compile {:?} rules {} atoms {} nodes {}",
        t.elapsed(),
        rs.rules.len(),
        rs.program.atoms.len(),
        rs.program.nodes.len()
    );
    let t = Instant::now();
    let options = if block == 0 { Options::default() } else { Options { block_rows: block } };
    let e = Evaluator::new(Arc::clone(&rs.program), options).unwrap();
    println!("plan {:?}", t.elapsed());
    let file = std::fs::File::open("/root/bench/w1k/rows.arrows").unwrap();
    let batches: Vec<_> = arrow::ipc::reader::StreamReader::try_new(std::io::BufReader::new(file), None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let rows: usize = batches.iter().map(|b| b.num_rows()).sum();
    let reps: usize = std::env::var("REPS").ok().map_or(3, |s| s.parse().unwrap());
    for _ in 0..if std::env::var("COUNT").is_ok() { 0 } else { reps } {
        let t = Instant::now();
        let hits: usize = batches.iter().map(|b| e.evaluate(b).unwrap().len()).sum();
        println!("block {block} hits {hits} {:.4} us/row", t.elapsed().as_secs_f64() * 1e6 / rows as f64);
    }
    for _ in 0..reps {
        let t = Instant::now();
        let mut c = vec![0u64; rs.rules.len()];
        for b in &batches {
            e.count(b, &mut c).unwrap();
        }
        println!(
            "count {block} hits {} {:.4} us/row",
            c.iter().sum::<u64>(),
            t.elapsed().as_secs_f64() * 1e6 / rows as f64
        );
    }
    if std::env::var("LOOP").is_ok() {
        let ones: Vec<_> = (0..2000).map(|i| batches[i % 7].slice(i * 3, 1)).collect();
        e.evaluate(&batches[0]).unwrap();
        for _ in 0..100 {
            for one in &ones {
                std::hint::black_box(e.evaluate(one).unwrap().len());
            }
        }
    }
    if std::env::var("ONE").is_ok() {
        let mut times = Vec::new();
        let mut h = 0;
        for i in 0..20000 {
            let one = batches[i % 7].slice(i * 3, 1);
            let t = Instant::now();
            h += e.evaluate(&one).unwrap().len();
            times.push(t.elapsed().as_nanos());
        }
        times.sort();
        println!(
            "one row: hits {h} median {} ns p90 {} p99 {} max {}",
            times[10000], times[18000], times[19800], times[19999]
        );
    }
}
