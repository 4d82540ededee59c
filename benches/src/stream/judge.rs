//! What the rules say, computed here, for every answer to be compared with.

use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use haechi_evaluate::Options;
use haechi_model::derive::DeriveContext;
use haechi_model::streams::DECLARATION;
use haechi_pipeline::{Decider, Packs};
use haechi_select::Secret;
use serde::Deserialize;

use super::Failure;
use super::traffic::Traffic;
use crate::workload::Text;

/// Declarations decided on together.
const TOGETHER: usize = 8_192;

/// A selection as the service answers it, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Selection {
    /// Names it.
    pub position: u64,
    subject_id: String,
    version: i32,
    lane: String,
    score: f64,
    reasons: Vec<String>,
    rows: i32,
    /// Which rules decided.
    pub ruleset_hash: String,
}

/// An answer with one selection, alone or in a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Listed { selections: Vec<Selection> },
    Alone(Selection),
}

impl Selection {
    /// The one selection of an answer.
    pub fn of_answer(body: &[u8]) -> Result<Self, String> {
        let shown = || String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        match serde_json::from_slice(body) {
            Ok(Answer::Alone(selection)) => Ok(selection),
            Ok(Answer::Listed { mut selections }) if selections.len() == 1 => Ok(selections.remove(0)),
            Ok(Answer::Listed { selections }) => {
                Err(format!("{} selections instead of one: {}", selections.len(), shown()))
            }
            Err(error) => Err(format!("no selection ({error}): {}", shown())),
        }
    }
}

/// What a selection must say.
#[derive(Debug, PartialEq)]
struct Verdict {
    lane: String,
    score: f64,
    reasons: Vec<String>,
    rows: i32,
}

/// Verdicts of one ruleset on all the traffic there is.
pub struct Judge {
    verdicts: Vec<Verdict>,
    ruleset_hash: String,
}

impl Judge {
    /// Decides on everything that differs in the traffic. The rules have no random arm and no share, so neither ids nor
    /// the secret count.
    pub fn new(pack: &Path, traffic: &Traffic) -> Result<Self, Failure> {
        let packs = Packs::load(&[pack.to_owned()], None, None);
        let context = DeriveContext { now: Some(0), ..DeriveContext::default() };
        let decider = Decider::new(&packs, &DECLARATION, &Secret::demo(), context, Options::default())?;
        let hash = decider.ruleset_hash();
        let mut verdicts = Vec::with_capacity(traffic.distinct());
        for first in (0..traffic.distinct()).step_by(TOGETHER) {
            let count = TOGETHER.min(traffic.distinct() - first);
            let rows = Text::AsStream.of(&traffic.rows(first as u64, count as u64)?)?;
            verdicts.extend(verdicts_of(&decider.decide(&rows, &mut decider.memory()?)?.selected.selections)?);
        }
        if verdicts.len() != traffic.distinct() {
            return Err(format!("{} verdicts on {} declarations", verdicts.len(), traffic.distinct()).into());
        }
        Ok(Self { verdicts, ruleset_hash: hex::encode(hash) })
    }

    /// Whether a selection was made by these rules.
    pub fn made(&self, selection: &Selection) -> bool {
        selection.ruleset_hash == self.ruleset_hash
    }

    /// Rules that hit something, summed over all that differs: shows that there was something to get wrong.
    pub fn score_sum(&self) -> f64 {
        self.verdicts.iter().map(|verdict| verdict.score).sum()
    }

    /// Compares the selection of declaration `n` with what it must be.
    pub fn check(&self, traffic: &Traffic, n: u64, selection: &Selection) -> Result<(), String> {
        let id = traffic.id(n);
        let Selection { subject_id, version, lane, score, reasons, rows, .. } = selection;
        if *subject_id != id || *version != 1 {
            return Err(format!("asked for {id} version 1, got {subject_id} version {version}"));
        }
        if !self.made(selection) {
            return Err(format!("{id}: decided by ruleset {}, not {}", selection.ruleset_hash, self.ruleset_hash));
        }
        let got = Verdict { lane: lane.clone(), score: *score, reasons: reasons.clone(), rows: *rows };
        let must = &self.verdicts[(n % self.verdicts.len() as u64) as usize];
        if got == *must { Ok(()) } else { Err(format!("{id}: {got:?} instead of {must:?}")) }
    }
}

fn verdicts_of(selections: &RecordBatch) -> Result<Vec<Verdict>, Failure> {
    let column = |name: &str| selections.column_by_name(name).ok_or_else(|| format!("selections have no `{name}`"));
    let lanes = cast(column("lane")?, &DataType::Utf8)?;
    let scores = column("score")?.as_primitive::<Float64Type>();
    let rows = column("rows")?.as_primitive::<Int32Type>();
    let reasons = column("reasons")?.as_list::<i32>();
    let verdict = |row: usize| {
        let listed = cast(&reasons.value(row), &DataType::Utf8)?;
        Ok(Verdict {
            lane: lanes.as_string::<i32>().value(row).to_owned(),
            score: scores.value(row),
            reasons: listed.as_string::<i32>().iter().flatten().map(str::to_owned).collect(),
            rows: rows.value(row),
        })
    };
    (0..selections.num_rows()).map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use crate::stream::rules;

    #[test]
    fn a_wrong_answer_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("pack");
        let source = Source::new(None);
        rules::write(&pack, &source.rules(200).unwrap()).unwrap();
        let traffic = Traffic::new(&source, 400).unwrap();
        let judge = Judge::new(&pack, &traffic).unwrap();
        assert!(judge.score_sum() > 0.0);
        let n = judge.verdicts.iter().position(|verdict| verdict.score > 0.0).unwrap() as u64;
        let verdict = &judge.verdicts[n as usize];
        let answer = |score: f64, lane: &str| {
            let selection = serde_json::json!({
                "position": 7, "subject_id": traffic.id(n), "version": 1, "lane": lane, "score": score,
                "reasons": verdict.reasons, "rows": verdict.rows, "ruleset_hash": judge.ruleset_hash,
            });
            let body = serde_json::to_vec(&serde_json::json!({ "selections": [selection] })).unwrap();
            judge.check(&traffic, n, &Selection::of_answer(&body).unwrap())
        };
        assert_eq!(answer(verdict.score, &verdict.lane), Ok(()));
        assert!(answer(verdict.score + 1.0, &verdict.lane).is_err());
        assert!(answer(verdict.score, "nowhere").is_err());
        assert!(Selection::of_answer(br#"{"selections":[]}"#).is_err());
    }
}
