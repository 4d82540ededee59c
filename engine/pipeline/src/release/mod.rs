//! A release: rule packs as a whole, checked, tested, compiled for every stream they speak of, and frozen.
//!
//! What a stream decides by is replaced a release at a time. Its files are kept in the store, so that any decision can
//! be taken again by the rules that took it. Begin at [`Release::load`].

mod files;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use chrono_tz::Tz;
use haechi_evaluate::Options;
use haechi_model::derive::DeriveContext;
use haechi_model::{Stream, SubjectKind};
use haechi_rules::{Diagnostic, Severity, render};
use haechi_select::Secret;
use serde::Serialize;

use crate::decide::Decider;
use crate::live::{Compiled, Live};
use crate::memory::MemoryPlan;
use crate::packs::Packs;
use crate::profile_tests::run_profile_tests;
use crate::rule_tests::run_tests;

pub use watch::{RuleSource, RuleWatch, WatchState};

const DAY_MS: i64 = 86_400_000;

/// What decisions need besides rules.
#[derive(Clone, Debug)]
pub struct ReleaseContext {
    /// Key of random draws and pseudonyms.
    pub secret: Secret,
    /// Zone of the office's hours.
    pub zone: Tz,
    /// Stream of rules that name none.
    pub default_stream: Option<&'static Stream>,
    /// How to evaluate.
    pub options: Options,
}

/// Rules in force: a decider for each stream, and the files they were made from.
pub struct Release {
    deciders: Vec<Decider>,
    /// How what is remembered of importers, routes and travellers is kept.
    pub(crate) memory: Arc<MemoryPlan>,
    /// What the store keeps of it.
    pub kept: Arc<haechi_store::Release>,
    /// Warnings of the rules, as text.
    pub warnings: usize,
    /// Tests of rules that were run, all of which passed.
    pub tests: usize,
}

/// A release that can be replaced while it is used.
pub type LiveRelease = Live<Release, Refused>;

/// Why files do not make a release. What was in force stays in force.
#[derive(Clone, Debug, Serialize, thiserror::Error)]
#[error("{summary}")]
pub struct Refused {
    /// In one line.
    pub summary: String,
    /// Every mistake with its place in the file, as a terminal shows it.
    pub report: String,
    /// The same for programs.
    pub diagnostics: Vec<serde_json::Value>,
    /// Tests that failed.
    pub failed_tests: Vec<String>,
}

impl Refused {
    fn because(summary: impl Into<String>) -> Self {
        let summary = summary.into();
        Self { report: summary.clone(), summary, diagnostics: Vec::new(), failed_tests: Vec::new() }
    }
}

impl Release {
    /// Loads, checks, tests and compiles packs. `revision` names the state of the files where they are versioned.
    pub fn load(
        paths: &[PathBuf],
        revision: Option<String>,
        context: &ReleaseContext,
        now_ms: i64,
    ) -> Result<Self, Refused> {
        let packs = Packs::load(paths, context.default_stream, Some((now_ms / DAY_MS) as i32));
        let tests = check(&packs)?;
        let kept = files::keep(&packs.sources, paths, revision, context);
        Self::compile(&packs, kept, tests, context)
    }

    /// The release that the store kept, compiled again. Its tests were passed when it was taken into force.
    pub fn restore(kept: &haechi_store::Release, context: &ReleaseContext) -> Result<Self, Refused> {
        let unpacked =
            files::unpack(kept, context).map_err(|e| Refused::because(format!("cannot unpack rules: {e}")))?;
        let packs = Packs::load(&unpacked.paths, unpacked.context.default_stream, None);
        if !packs.usable() {
            return Err(mistakes(&packs));
        }
        Self::compile(&packs, kept.clone(), 0, &unpacked.context)
    }

    fn compile(
        packs: &Packs,
        mut kept: haechi_store::Release,
        tests: usize,
        context: &ReleaseContext,
    ) -> Result<Self, Refused> {
        let derive = DeriveContext {
            now: None,
            zone: context.zone,
            id_key: context.secret.subkey("traveller_id"),
            ..DeriveContext::default()
        };
        let memory =
            MemoryPlan::new(packs, &context.secret, derive.clone()).map_err(|e| Refused::because(e.to_string()))?;
        let memory = Arc::new(memory);
        let mut deciders = Vec::new();
        for kind in SubjectKind::ALL {
            let Some(stream) = Stream::find(kind.stream()) else { continue };
            if packs.ruleset(stream).is_none() {
                continue;
            }
            let memory = Arc::clone(&memory);
            let decider = Decider::remembering(packs, stream, &context.secret, derive.clone(), context.options, memory)
                .map_err(|e| Refused::because(e.to_string()))?;
            deciders.push(decider);
        }
        if deciders.is_empty() {
            return Err(Refused::because("these packs hold no rules"));
        }
        kept.rulesets = deciders.iter().map(|d| (d.stream.name.to_owned(), d.ruleset_hash())).collect();
        let warnings = packs.diagnostics.iter().filter(|d| d.severity != Severity::Error).count();
        Ok(Self { deciders, memory, kept: Arc::new(kept), warnings, tests })
    }

    /// The decider of a stream.
    pub fn decider(&self, stream: &Stream) -> Option<&Decider> {
        self.deciders.iter().find(|decider| decider.stream.name == stream.name)
    }

    /// The streams it decides on.
    pub fn streams(&self) -> impl Iterator<Item = &'static Stream> {
        self.deciders.iter().map(|decider| decider.stream)
    }

    /// Name of the release: its content hash in hex.
    pub fn hash(&self) -> String {
        hex(&self.kept.hash)
    }

    /// How many rules it has.
    pub fn rules(&self) -> usize {
        self.deciders.iter().map(|decider| decider.ruleset.rules.len()).sum()
    }
}

impl From<Release> for Compiled<Release> {
    fn from(release: Release) -> Self {
        Self { hash: release.hash(), value: release }
    }
}

/// Checks packs and runs their tests; how many there were.
fn check(packs: &Packs) -> Result<usize, Refused> {
    if !packs.usable() {
        return Err(mistakes(packs));
    }
    let (mut tests, mut failed) = (0, Vec::new());
    for ruleset in &packs.rulesets {
        let outcomes = run_tests(ruleset, &packs.sources).map_err(|e| Refused::because(e.to_string()))?;
        tests += outcomes.len();
        failed.extend(outcomes.into_iter().filter(|outcome| !outcome.passed()).map(|outcome| {
            let why = outcome.error.unwrap_or_else(|| {
                let (expected, got) = if outcome.expected_hit { ("hit", "no_hit") } else { ("no_hit", "hit") };
                format!("expected {expected}, got {got}")
            });
            format!("{}: rule `{}`, test {}: {why}", outcome.at, outcome.rule, outcome.test)
        }));
    }
    let (profile_tests, profile_failed) = run_profile_tests(packs);
    tests += profile_tests;
    failed.extend(
        profile_failed.into_iter().map(|test| {
            format!("{}: entity `{}`, test {}: {}", test.at, test.entity, test.test, test.reasons.join("; "))
        }),
    );
    if failed.is_empty() {
        return Ok(tests);
    }
    let summary = format!("{} of {tests} tests of rules failed", failed.len());
    let report = format!("{summary}\n{}", failed.join("\n"));
    Err(Refused { summary, report, diagnostics: Vec::new(), failed_tests: failed })
}

fn mistakes(packs: &Packs) -> Refused {
    let errors: Vec<Diagnostic> = packs.diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    let n = errors.len();
    Refused {
        summary: format!("{n} {} in the rules", if n == 1 { "mistake" } else { "mistakes" }),
        report: render::render(&errors, &packs.sources, false),
        diagnostics: errors.iter().map(|error| render::to_json(error, &packs.sources)).collect(),
        failed_tests: Vec::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
