//! Runs the fuzz targets without a nightly compiler: mutates the corpus at random and feeds it to the readers for a while.
//!
//! It is not guided by coverage and finds less than cargo-fuzz in the same time. What it has in common with it: the
//! targets, the corpus, a bound on memory, a time-out for each input, and that it keeps the input that failed
//! (`artifacts/TARGET/`). Each target runs in a process of its own, so that one that runs out of memory is told and
//! the next one goes on.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use haechi_datasets::Mutator;

/// Address space of a worker.
const MEMORY_KIB_MAX: u64 = 4 * 1024 * 1024;
/// Time for one input.
const INPUT_SECONDS_MAX: u64 = 20;
/// Failures of one target that are kept.
const FAILURES_MAX: usize = 20;
const USAGE: &str = "usage: runner [--seconds N] [--seed N] [TARGET...]";

struct Settings {
    seconds: u64,
    seed: u64,
    targets: Vec<String>,
    worker: bool,
}

fn main() -> ExitCode {
    let Some(settings) = settings() else {
        eprintln!("{USAGE}\ntargets: {}", haechi_fuzz::targets().collect::<Vec<_>>().join(" "));
        return ExitCode::from(2);
    };
    if settings.worker { work(&settings) } else { drive(&settings) }
}

fn settings() -> Option<Settings> {
    let mut settings = Settings { seconds: 60, seed: 7, targets: Vec::new(), worker: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => settings.seconds = args.next()?.parse().ok()?,
            "--seed" => settings.seed = args.next()?.parse().ok()?,
            "--worker" => settings.worker = true,
            name if haechi_fuzz::targets().any(|target| target == name) => settings.targets.push(arg),
            _ => return None,
        }
    }
    if settings.targets.is_empty() {
        settings.targets = haechi_fuzz::targets().map(str::to_owned).collect();
    }
    Some(settings)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs each target in a worker of its own.
fn drive(settings: &Settings) -> ExitCode {
    println!("not guided by coverage: random mutations of the corpus, {} s a target", settings.seconds);
    let Ok(own) = std::env::current_exe() else {
        eprintln!("this program does not find itself");
        return ExitCode::from(3);
    };
    let mut failed = 0;
    for target in &settings.targets {
        // The shell bounds the memory, so that nothing unsafe is needed for it.
        let script = format!("ulimit -v {MEMORY_KIB_MAX}; exec \"$0\" \"$@\"");
        let status = Command::new("sh")
            .args(["-c", &script])
            .arg(&own)
            .args([
                "--worker",
                "--seconds",
                &settings.seconds.to_string(),
                "--seed",
                &settings.seed.to_string(),
                target,
            ])
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                failed += 1;
                if status.code() != Some(1) {
                    let kept = keep(target, "died", &fs::read(current(target)).unwrap_or_default());
                    println!("{target}: died ({status}); the input is {}", kept.display());
                }
            }
            Err(error) => {
                eprintln!("{target}: {error}");
                return ExitCode::from(3);
            }
        }
    }
    println!("{failed} of {} targets failed", settings.targets.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn current(target: &str) -> PathBuf {
    std::env::temp_dir().join(format!("haechi-fuzz-{target}.current"))
}

/// Keeps an input that failed.
fn keep(target: &str, how: &str, bytes: &[u8]) -> PathBuf {
    let folder = folder().join("artifacts").join(target);
    let _ = fs::create_dir_all(&folder);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    let path = folder.join(format!("{how}-{hash:016x}"));
    if let Err(error) = fs::write(&path, bytes) {
        eprintln!("{}: {error}", path.display());
    }
    path
}

/// Milliseconds since the worker began at which the current input did; 0 between inputs.
static BEGAN_MS: AtomicU64 = AtomicU64::new(0);

/// Mutates and runs until the time is over.
fn work(settings: &Settings) -> ExitCode {
    let target = &settings.targets[0];
    let began = Instant::now();
    let path = current(target);
    watch(began, target.clone());
    let mut file = match File::create(&path) {
        Ok(file) => file,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(3);
        }
    };
    let mut mutator = Mutator::new(corpus(&folder().join("corpus").join(target)), settings.seed);
    let (mut n_inputs, mut slowest, mut failures) = (0_u64, Duration::ZERO, 0);
    panic::set_hook(Box::new(|_| {}));
    while began.elapsed() < Duration::from_secs(settings.seconds) && failures < FAILURES_MAX {
        let bytes = mutator.any();
        // What is in the file when the worker dies is what it died of.
        let written = file.rewind().and_then(|()| file.set_len(0)).and_then(|()| file.write_all(&bytes));
        if let Err(error) = written {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(3);
        }
        BEGAN_MS.store(began.elapsed().as_millis() as u64 + 1, Ordering::Relaxed);
        let one = Instant::now();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| haechi_fuzz::run(target, &bytes)));
        BEGAN_MS.store(0, Ordering::Relaxed);
        n_inputs += 1;
        slowest = slowest.max(one.elapsed());
        if let Err(panic) = outcome {
            failures += 1;
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            let text: String = text.chars().take(300).collect();
            println!("{target}: {text}; the input is {}", keep(target, "panic", &bytes).display());
        }
    }
    println!("{target}: {n_inputs} inputs, slowest {slowest:.1?}, {failures} failures");
    let _ = fs::remove_file(&path);
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Ends the worker where an input takes too long; it is in the file.
fn watch(began: Instant, target: String) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let since = BEGAN_MS.load(Ordering::Relaxed);
            if since > 0 && began.elapsed().as_millis() as u64 > since + INPUT_SECONDS_MAX * 1000 {
                println!("{target}: an input takes more than {INPUT_SECONDS_MAX} s");
                std::process::exit(70);
            }
        }
    });
}

fn corpus(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}
