//! `swap`: a larger ruleset is put in place of the one in force while requests come at a constant rate.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use super::Common;
use super::post::{Load, Prepared, found_again};
use crate::source::Source;
use crate::stream::judge::Judge;
use crate::stream::load::{self, Shot};
use crate::stream::report::Bar;
use crate::stream::rules;
use crate::stream::service::{From, Service};
use crate::stream::watch::Wrong;
use crate::stream::{Failure, Report};

/// How long after the first answer by the new rules still counts as "during the swap".
const AFTER: Duration = Duration::from_secs(1);

/// New rules under the load of `post`
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    load: Load,
    /// Workload that the new rules are from; without it, that of the old ones
    #[arg(long, value_name = "DIR")]
    new_workload: Option<PathBuf>,
    /// How many new rules
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    new_rules: usize,
}

/// Measures.
pub fn run(args: &Args) -> Result<Report, Failure> {
    let Args { common, load, .. } = args;
    let (_folder, place) = common.place()?;
    let of = format!(
        "{} rules replaced by {} after a third of {} s, {} requests/s",
        common.rules, args.new_rules, load.seconds, load.rate
    );
    let mut report = Report::new("swap", of);
    let prepared = Prepared::new(common, load)?;
    let old = Judge::new(&place.pack(), &prepared.traffic)?;
    let source = Source::new(args.new_workload.clone().or_else(|| common.workload.clone()));
    let new_rules = source.rules(args.new_rules).map_err(|error| error.to_string())?;
    let next_pack = place.0.join("next-rules");
    rules::write(&next_pack, &new_rules)?;
    let new = Judge::new(&next_pack, &prepared.traffic)?;
    let replacement = rules::Prepared::beside(&place.pack(), &new_rules)?;

    let service = Service::start(&common.haechi, &place, &From::Requests)?;
    let third = Duration::from_secs_f64(load.seconds / 3.0);
    let fired = prepared.fire(&service, load, |start: Instant| {
        thread::sleep((start + third).saturating_duration_since(Instant::now()));
        replacement.put().map(|()| start.elapsed())
    })?;
    let put = *fired.beside.as_ref().map_err(ToString::to_string)?;
    let answers = fired.describe(&mut report);

    let by_new = answers.iter().filter(|(_, selection)| new.made(selection));
    let swapped = by_new.filter_map(|(n, _)| fired.shots.get((n - fired.first) as usize)).map(Shot::answered).min();
    let Some(swapped) = swapped else {
        report.wrong.push("no answer was given by the new rules".to_owned());
        return Ok(report);
    };
    let during = |shot: &&Shot| shot.answered() >= put && shot.due <= swapped + AFTER;
    let latencies = load::latencies(fired.shots.iter().filter(during));
    let others = load::latencies(fired.shots.iter().filter(|shot| !during(shot)));
    report.add(
        "from the files' replacement to the first answer by the new rules",
        swapped.saturating_sub(put).as_secs_f64() * 1e3,
        "ms",
    );
    match compiling_ms(&service.log()?) {
        Some(millis) => report.add("of it compiling, as the service logs it", millis, "ms"),
        None => report.wrong.push("the log does not say how long compiling took".to_owned()),
    }
    report.add("answer after commit during the swap, p50", latencies.quantile(0.5), "ms");
    report.hold("answer after commit during the swap, p99", latencies.quantile(0.99), "ms", Bar::AtMost(20.0));
    report.add(format!("answer after commit during the swap, longest of {}", latencies.len()), latencies.max(), "ms");
    report.quantiles("answer after commit at other times", &others, &[0.5, 0.99]);

    let mut wrong = Wrong::default();
    for (n, selection) in &answers {
        let judge = if new.made(selection) { &new } else { &old };
        if let Err(what) = judge.check(&prepared.traffic, *n, selection) {
            wrong.note(what);
        }
    }
    wrong.into_report("answers", &mut report);
    found_again(&service, &prepared, &[&old, &new], &answers, &mut report)?;
    Ok(report)
}

/// The last `compiling_ms` of a log, whether it is text (`compiling_ms=17`) or JSON (`"compiling_ms":17`).
fn compiling_ms(log: &str) -> Option<f64> {
    let (_, after) = log.rsplit_once("compiling_ms")?;
    let digits = after.trim_start_matches(['"', ':', '=', ' ']);
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_how_long_compiling_took() {
        let cases = [
            ("rules replaced release=ab compiling_ms=170", Some(170.0)),
            (r#"{"fields":{"compiling_ms":42,"release":"ab"}}"#, Some(42.0)),
            ("compiling_ms=1\ncompiling_ms=2 x", Some(2.0)),
            ("nothing", None),
        ];
        for (log, millis) in cases {
            assert_eq!(compiling_ms(log), millis, "{log}");
        }
    }
}
