//! Features over time on the workload: eight entities with five features each, and rules that ask for all of them.

use std::fmt::Write;
use std::fs;

use haechi_model::derive::DeriveContext;
use haechi_model::streams::DECLARATION;
use haechi_pipeline::{Decider, Packs};
use haechi_rules::Severity;
use haechi_select::Secret;
use tempfile::TempDir;

use crate::must;
use crate::workload::Rule;

/// Entities by their key.
const ENTITIES: [(&str, &str); 8] = [
    ("importer", "importer_id"),
    ("exporter", "exporter_id"),
    ("declarant", "declarant_id"),
    ("office", "office"),
    ("price_reference", "substr(hs_code, 1, 6) || origin_country"),
    ("route", "origin_country || departure_country || substr(hs_code, 1, 4)"),
    ("importer_origin", "importer_id || origin_country"),
    ("exporter_heading", "exporter_id || substr(hs_code, 1, 4)"),
];

/// Features by their name.
const FEATURES: [(&str, &str); 5] = [
    ("declarations_90d", "aggregate: count, window: 90d"),
    ("value_30d", "aggregate: sum, of: customs_value_usd, window: 30d"),
    ("price_365d", "aggregate: mean, of: unit_price_usd, window: 365d"),
    ("origins_90d", "aggregate: distinct, of: origin_country, window: 90d"),
    ("since", "aggregate: days_since, window: all"),
];

/// Later than all rows, 2100-01-01: what is dated after the run would keep tiles from going.
const NOW_MS: i64 = 4_102_444_800_000;

/// How many features a row is told.
pub const COUNT: usize = ENTITIES.len() * FEATURES.len();

/// A decider of these rules, and of one a feature.
///
/// # Panics
/// Where they cannot be written, or a rule has an error.
#[expect(clippy::panic, reason = "a benchmark has nobody to report to")]
pub fn decider(rules: &[Rule]) -> Decider {
    let folder: TempDir = must(tempfile::tempdir());
    let profiles = folder.path().join("profiles");
    must(fs::create_dir(&profiles));
    let mut asking = String::from("rules:\n");
    for (entity, key) in ENTITIES {
        let mut text = format!("entity: {entity}\nkeys: {{declaration: \"{key}\"}}\nfeatures:\n");
        for (feature, form) in FEATURES {
            must(writeln!(text, "  - {{name: {feature}, {form}}}"));
            must(writeln!(asking, "  - {{id: f-{entity}-{feature}, when: {entity}.{feature} > 1000000, score: 1}}"));
        }
        must(fs::write(profiles.join(format!("{entity}.yaml")), text));
    }
    must(fs::write(folder.path().join("asking.yaml"), asking));
    let lines: Vec<String> = rules.iter().map(|rule| must(serde_json::to_string(rule))).collect();
    must(fs::write(folder.path().join("rules.jsonl"), lines.join("\n")));
    let packs = Packs::load(&[folder.path().to_owned()], Some(&DECLARATION), None);
    if let Some(error) = packs.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        panic!("{}", error.message);
    }
    let derive = DeriveContext { now: Some(NOW_MS), ..DeriveContext::default() };
    must(Decider::new(&packs, &DECLARATION, &Secret::demo(), derive, haechi_evaluate::Options::default()))
}
