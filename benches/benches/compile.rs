//! Ten thousand rules from their text to a program that can run: reading, hashing, parsing, lowering, lints.
//! `cargo bench -p haechi-benches --bench compile`; `max alloc` is the peak of memory. Counting it slows every
//! allocation, so the times here compare builds with each other; `haechi check` takes what a user waits for.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use haechi_model::streams::DECLARATION;
use haechi_pipeline::Packs;

/// So that divan reports how much memory is taken.
#[global_allocator]
static MEMORY: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const N_RULES: usize = 10_000;

/// As programs hand them over.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn json_lines(bencher: Bencher<'_, '_>) {
    let line = |(rule, when): (usize, String)| format!("{{\"id\": \"R{rule:05}\", \"when\": \"{when}\"}}\n");
    compile(bencher, "rules.jsonl", &conditions().map(line).collect::<String>());
}

/// As authors write them: the condition folded, with what a hit asks for.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn yaml(bencher: Bencher<'_, '_>) {
    let rule = |(rule, when): (usize, String)| {
        format!("- id: R{rule:05}\n  when: >\n    {when}\n  lane: scan\n  instruction: look\n  owner: desk\n")
    };
    compile(bencher, "rules.yaml", &format!("rules:\n{}", conditions().map(rule).collect::<String>()));
}

fn compile(bencher: Bencher<'_, '_>, name: &str, text: &str) {
    let file = File::holding(name, text);
    bencher.counter(ItemsCount::new(N_RULES)).bench(|| {
        let packs = Packs::load(std::slice::from_ref(&file.0), Some(&DECLARATION), None);
        assert_eq!(packs.ruleset(&DECLARATION).map(|r| r.rules.len()), Some(N_RULES));
        packs
    });
}

/// The kinds of rules that a desk has thousands of: watched companies, tariff lines by origin, words of a description,
/// prices per kilogram.
fn conditions() -> impl Iterator<Item = (usize, String)> {
    (0..N_RULES).map(|rule| {
        let (heading, origin, words) = (rule * 7 % 97, rule * 13 % 40, ["STEEL", "RUBBER", "POWDER", "TEXTILE"]);
        let when = match rule % 4 {
            0 => format!("importer_id IN ({}) AND transport_mode = 'sea'", companies(rule)),
            1 => format!("hs_code LIKE '{heading:02}%' AND origin_country IN ('K{origin}', 'M{origin}')"),
            2 => format!("description LIKE '%{}%' AND NOT importer_aeo AND quantity > {rule}", words[rule / 4 % 4]),
            _ => format!("customs_value_usd / net_mass_kg < {}.5 AND hs_code LIKE '{heading:02}%'", rule % 50),
        };
        (rule, when)
    })
}

/// 20 to 200 keys in single quotes.
fn companies(rule: usize) -> String {
    let mut keys = String::new();
    for key in 0..20 + rule % 181 {
        let _ = write!(keys, "{}'I{:07}'", if key == 0 { "" } else { ", " }, (rule * 31 + key * 997) % 100_000);
    }
    keys
}

/// A file that is gone when the measurement is.
struct File(PathBuf);

impl File {
    fn holding(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("haechi-{}-{name}", std::process::id()));
        assert!(std::fs::write(&path, text).is_ok(), "cannot write `{}`", Path::display(&path));
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // What stays behind stays in the folder for temporary files.
        let _ = std::fs::remove_file(&self.0);
    }
}
