//! `haechi profile`: what is known of an importer, a route, a traveller.

use std::process::ExitCode;

use clap::Args;
use haechi_pipeline::release::Release;
use haechi_pipeline::stream::{RecentRecord, Remembered, recent_records, wall_ms};
use haechi_pipeline::{Answer, Portrayed};
use haechi_server::profiles::{AskedProfile, DAYS, DAYS_MAX, Profile};

use crate::commands::archive::runtime;
use crate::commands::run::instant;
use crate::commands::{DONE, FOUND_WRONG};
use crate::error::CommandError;
use crate::output::{Output, table};
use crate::service::{Reached, Where, secret, store};

pub const EXAMPLE: &str = "\
Example:
  haechi profile importer I0000123 --config haechi.toml
  haechi profile route CN/CN/6402 --days 14 --url http://127.0.0.1:8080

`haechi features` lists the entities and what their keys are made of.";

/// Arguments of `haechi profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// Kind of entity: importer, route, and so on
    entity: String,

    /// Which one, as records name it
    key: String,

    /// Days of history
    #[arg(long, default_value_t = DAYS, value_parser = clap::value_parser!(u16).range(..=i64::from(DAYS_MAX)))]
    days: u16,

    /// What a record of this instant would be told, by what is known now; RFC 3339, by default now
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    at: Option<i64>,

    #[command(flatten)]
    place: Where,
}

/// Runs it.
pub fn run(args: &ProfileArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let Some(profile) = runtime()?.block_on(profile(args))? else {
        if !out.json {
            out.line(format!("nothing is known of {} `{}`", args.entity, args.key))?;
        }
        return Ok(ExitCode::from(FOUND_WRONG));
    };
    if out.json {
        out.document(&profile)?;
    } else {
        show(&args.key, args.days, &profile, out)?;
    }
    Ok(DONE)
}

async fn profile(args: &ProfileArgs) -> Result<Option<Profile>, CommandError> {
    let asked =
        AskedProfile { entity: args.entity.clone(), key: args.key.clone(), days: Some(args.days), at_ms: args.at };
    match args.place.reach().await? {
        Reached::Running(remote) => remote.ask(&["v1", "profiles"], &asked).await,
        Reached::Stopped(settings) => {
            let context = settings.release_context(secret(&settings)?);
            let store = store(&settings)?;
            let Some((_, kept)) = store.release_at(store.next_position())? else {
                return Err(CommandError::Usage("the store has no rules yet; run the service first".to_owned()));
            };
            let release = Release::restore(&kept, &context).map_err(|error| CommandError::Usage(error.to_string()))?;
            let names: Vec<String> = release.catalogue().into_iter().map(|entity| entity.name).collect();
            if !names.contains(&args.entity) {
                let message = format!("no entity `{}`; there are: {}", args.entity, names.join(", "));
                return Err(CommandError::Usage(message));
            }
            let remembered =
                Remembered::read(&store, &release).map_err(|error| CommandError::Usage(error.to_string()))?;
            let at_ms = args.at.unwrap_or_else(wall_ms);
            let portrait = remembered.portrait(&args.entity, &args.key, at_ms, args.days);
            let Some(portrait) = portrait.map_err(|error| CommandError::Usage(error.to_string()))? else {
                return Ok(None);
            };
            let recent = recent_records(&store, &portrait.positions)?;
            Ok(Some(Profile { portrait, recent, at_ms }))
        }
    }
}

/// Prints what is known of one for people.
pub fn show(key: &str, days: u16, profile: &Profile, out: &Output) -> Result<(), CommandError> {
    let portrait = &profile.portrait;
    out.line(format!("{} {key}: {}", portrait.entity, portrait.title))?;
    let days = format!("last {days} days");
    let rows = portrait.features.iter().map(|feature| {
        let says = if feature.title.is_empty() { &feature.made } else { &feature.title };
        vec![feature.name.clone(), shown(&feature.now), chart(feature), says.clone()]
    });
    out.line(table(&["feature", "now", &days, "what it says"], &[1], rows).to_string())?;
    if !profile.recent.is_empty() {
        out.line("")?;
        let rows = profile.recent.iter().map(|record| {
            let what = match (&record.lane, &record.result) {
                (Some(lane), _) => lane.clone(),
                (None, Some(result)) => match record.severity {
                    Some(severity) => format!("{result}, severity {severity}"),
                    None => result.clone(),
                },
                (None, None) => String::new(),
            };
            vec![day(record), record.stream.clone(), record.id.clone(), what, record.rules.join(" ")]
        });
        out.line(table(&["known", "record", "id", "lane or result", "rules that hit"], &[], rows).to_string())?;
    }
    Ok(())
}

fn day(record: &RecentRecord) -> String {
    let at = chrono::DateTime::from_timestamp_millis(record.known_at_ms);
    at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M").to_string())
}

/// An answer as people read it.
fn shown(answer: &Answer) -> String {
    match answer {
        Answer::Nothing => "-".to_owned(),
        Answer::Count(n) => n.to_string(),
        Answer::Number(number) => short(*number),
        Answer::Share { n: 0, .. } => "none yet".to_owned(),
        Answer::Share { n, yes } => format!("{:.1} % of {n}", *yes as f64 / *n as f64 * 100.0),
        Answer::Instant(at) => {
            let at = chrono::DateTime::from_timestamp_millis(*at);
            at.map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string())
        }
        Answer::Text(text) => text.to_string(),
    }
}

fn short(number: f64) -> String {
    if number.abs() >= 1_000.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}

/// The days before and now as columns of different height; nothing where they cannot be told.
fn chart(feature: &Portrayed) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if feature.before.is_empty() {
        return String::new();
    }
    let values: Vec<Option<f64>> = feature.before.iter().chain([&feature.now]).map(number).collect();
    let known = || values.iter().flatten().copied();
    let (low, high) = (known().fold(0.0, f64::min), known().fold(f64::MIN, f64::max));
    let height = |value: f64| {
        if high > low { ((value - low) / (high - low) * 7.0).round() as usize } else { 0 }
    };
    values.iter().map(|value| value.map_or(' ', |value| HEIGHTS[height(value).min(7)])).collect()
}

fn number(answer: &Answer) -> Option<f64> {
    match answer {
        Answer::Count(n) => Some(*n as f64),
        Answer::Number(number) => Some(*number),
        Answer::Share { n, yes } => (*n > 0).then(|| *yes as f64 / *n as f64),
        Answer::Nothing | Answer::Instant(_) | Answer::Text(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_rises_with_its_values() {
        let feature = |before: &[i64], now| Portrayed {
            name: String::new(),
            title: String::new(),
            made: String::new(),
            now: Answer::Count(now),
            before: before.iter().map(|n| Answer::Count(*n)).collect(),
        };
        assert_eq!(chart(&feature(&[0, 1, 2, 3, 4, 5, 6], 7)), "▁▂▃▄▅▆▇█");
        assert_eq!(chart(&feature(&[0, 0], 0)), "▁▁▁");
        assert_eq!(chart(&feature(&[], 3)), "");
    }
}
