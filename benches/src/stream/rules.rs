//! The rules of a workload as a pack that the service watches.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Failure;
use crate::workload::Rule;

/// Lanes that rules ask for: one rule in so many asks for one, in turn.
const LANES: [&str; 3] = ["documents", "scan", "examine"];
const RULES_A_LANE: usize = 10;

/// A rule of the workload with what makes its hits seen in an answer: the score counts rules that hit, and a tenth of
/// them ask for a lane.
#[derive(Serialize)]
struct Line<'a> {
    stream: &'static str,
    #[serde(flatten)]
    rule: &'a Rule,
    score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<&'static str>,
}

/// Puts rules into a folder, all at once: whoever reads meanwhile finds the old ones or the new ones.
pub fn write(pack: &Path, rules: &[Rule]) -> Result<(), Failure> {
    Prepared::beside(pack, rules)?.put()
}

/// Rules that lie ready beside their pack.
pub struct Prepared {
    from: PathBuf,
    to: PathBuf,
}

impl Prepared {
    /// Writes them where nobody looks.
    pub fn beside(pack: &Path, rules: &[Rule]) -> Result<Self, Failure> {
        fs::create_dir_all(pack)?;
        let lines = rules.iter().enumerate().map(|(n, rule)| {
            let lane = (n % RULES_A_LANE == 0).then(|| LANES[n / RULES_A_LANE % LANES.len()]);
            serde_json::to_string(&Line { stream: "declaration", rule, score: 1.0, lane })
        });
        let from = pack.with_extension("prepared.jsonl");
        fs::write(&from, lines.collect::<Result<Vec<_>, _>>()?.join("\n"))?;
        Ok(Self { from, to: pack.join("rules.jsonl") })
    }

    /// Puts them in place of what is there.
    pub fn put(&self) -> Result<(), Failure> {
        Ok(fs::rename(&self.from, &self.to)?)
    }
}
