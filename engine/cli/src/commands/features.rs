//! `haechi features`: what rules may ask for, what it costs, and who asks.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use haechi_pipeline::stream::ReachesBack;
use haechi_pipeline::{CatalogueEntity, CatalogueFeature, catalogue};
use haechi_server::profiles::Features;

use crate::commands::DONE;
use crate::commands::archive::runtime;
use crate::error::CommandError;
use crate::output::{Output, count, counted, table};
use crate::rules;
use crate::service::{Reached, Where};

pub const EXAMPLE: &str = "\
Example:
  haechi features --rules rules/packs/import rules/packs/traveller
  haechi features --url http://127.0.0.1:8080        (what is in force, and how many of each are known)";

/// Arguments of `haechi features`.
#[derive(Debug, Args)]
pub struct FeaturesArgs {
    /// Rule packs; without them those of the running service
    #[arg(long, num_args = 1.., value_name = "PACK")]
    rules: Vec<PathBuf>,

    /// Only entities whose name begins so
    #[arg(long, value_name = "TEXT")]
    entity: Option<String>,

    #[command(flatten)]
    place: Where,
}

/// Runs it.
pub fn run(args: &FeaturesArgs, out: &Output) -> Result<ExitCode, CommandError> {
    let mut features = if args.rules.is_empty() {
        runtime()?.block_on(in_force(&args.place))?
    } else {
        let packs = rules::load(&args.rules, None, out)?;
        Features { entities: catalogue(packs)?, standing: Vec::new(), forgotten_before: None }
    };
    if let Some(begin) = &args.entity {
        features.entities.retain(|entity| entity.name.starts_with(begin));
    }
    if out.json {
        out.document(&features)?;
        return Ok(DONE);
    }
    for entity in &features.entities {
        show(entity, &features, out)?;
    }
    if let Some(from) = features.forgotten_before {
        out.line(format!("a fact about a subject that came {} is not joined to it\n", before(&from)))?;
    }
    let all = || features.entities.iter().flat_map(|entity| &entity.features);
    let unused = all().filter(|feature| feature.rules.is_empty()).count() as u64;
    let kept: usize = features.entities.iter().map(series).sum();
    out.line(format!(
        "{} of {}, kept in {}; {} no rule asks for",
        counted(all().count() as u64, "feature"),
        counted(features.entities.len() as u64, "entity").replace("entitys", "entities"),
        counted(kept as u64, "series").replace("seriess", "series"),
        count(unused)
    ))?;
    Ok(DONE)
}

/// How many series an entity keeps: features that look at the same share one.
fn series(entity: &CatalogueEntity) -> usize {
    let first = |(place, feature): &(usize, &CatalogueFeature)| {
        !entity.features[..*place]
            .iter()
            .any(|other| feature.shares_with.iter().any(|name| other.name.ends_with(&format!(".{name}"))))
    };
    entity.features.iter().enumerate().filter(first).count()
}

fn show(entity: &CatalogueEntity, features: &Features, out: &Output) -> Result<(), CommandError> {
    let standing = features.standing.iter().find(|standing| standing.entity == entity.name);
    let stands = standing.map_or(String::new(), |standing| match (standing.usable, standing.usable_from) {
        (false, _) => "; being filled from the journal, NULL until then".to_owned(),
        (true, from) => {
            let from = from.map_or(String::new(), |from| format!(" since position {}", count(from)));
            format!("; told{from}, {} in memory", count(standing.in_memory))
        }
    });
    let reaches_back = standing.and_then(|standing| standing.reaches_back);
    let history =
        reaches_back.map_or(String::new(), |from| format!("  may know nothing of what came {}\n", before(&from)));
    let keys: Vec<String> = entity.keys.iter().map(|(stream, key)| format!("{stream}: {key}")).collect();
    let title = if entity.title.is_empty() { String::new() } else { format!(": {}", entity.title) };
    out.line(format!("{}{title}{stands}", entity.name))?;
    out.line(format!("{history}  key of {}", keys.join("; ")))?;
    let rows = entity.features.iter().map(|feature| {
        let kept = match feature.tiles {
            Some(1) => "1 value".to_owned(),
            Some(days) => format!("up to {} days", count(days.unsigned_abs())),
            None => "instants".to_owned(),
        };
        let kept = if feature.shares_with.is_empty() { kept } else { format!("{kept}, shared") };
        let rules = match feature.rules.as_slice() {
            [] => "-".to_owned(),
            [one] => one.clone(),
            [one, rest @ ..] => format!("{one} and {} more", rest.len()),
        };
        vec![feature.name.clone(), format!("{} of {}", feature.made, feature.stream), kept, rules]
    });
    out.line(table(&["feature", "made", "kept of each", "rules that ask"], &[], rows).to_string())?;
    out.line("")?;
    Ok(())
}

/// In words what a history that was cut lacks.
fn before(begins: &ReachesBack) -> String {
    let day = chrono::DateTime::from_timestamp_millis(begins.known_at_ms);
    let day = day.map_or_else(String::new, |day| format!("{}, ", day.format("%Y-%m-%d")));
    format!("before {day}position {}: those days were archived and forgotten", count(begins.position))
}

async fn in_force(place: &Where) -> Result<Features, CommandError> {
    match place.reach().await? {
        Reached::Running(remote) => remote.read(&["v1", "features"], &[]).await,
        Reached::Stopped(_) => {
            Err(CommandError::Usage("the service is not running; name packs with --rules".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_that_was_cut_is_told_by_day_and_position() {
        let begins = ReachesBack { position: 12_345, known_at_ms: 1_772_323_200_000 };
        assert_eq!(before(&begins), "before 2026-03-01, position 12,345: those days were archived and forgotten");
    }
}
