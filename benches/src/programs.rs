//! Rules to evaluators, the way users' rules go: as a pack on disk.

use std::fs;
use std::sync::Arc;

use haechi_evaluate::{Evaluator, Options};
use haechi_model::Stream;
use haechi_model::streams::DECLARATION;
use haechi_pipeline::Packs;
use haechi_rules::{Diagnostic, Severity};
use tempfile::TempDir;

use crate::must;
use crate::workload::{Rule, WATCHED, watched};

/// A pack of rules on disk, gone when dropped. It has the list that [`crate::workload::Kind::InList`] asks for.
#[derive(Debug)]
pub struct Pack {
    folder: TempDir,
    stream: &'static Stream,
}

impl Pack {
    /// Writes the rules.
    ///
    /// # Panics
    /// Where they cannot be written.
    pub fn write(stream: &'static Stream, rules: &[Rule]) -> Self {
        let folder = must(tempfile::tempdir());
        let lines: Vec<String> = rules.iter().map(|rule| must(serde_json::to_string(rule))).collect();
        must(fs::write(folder.path().join("rules.jsonl"), lines.join("\n")));
        if rules.iter().any(|rule| rule.when.contains("in_list")) {
            must(fs::create_dir(folder.path().join("lists")));
            let keys: Vec<String> = watched().collect();
            must(fs::write(folder.path().join("lists").join(format!("{}.txt", WATCHED.0)), keys.join("\n")));
        }
        Self { folder, stream }
    }

    /// From text to something that evaluates.
    ///
    /// # Panics
    /// Where a rule has an error.
    #[expect(clippy::panic, reason = "a benchmark has nobody to report to")]
    pub fn evaluator(&self) -> Evaluator {
        let packs = Packs::load(&[self.folder.path().to_owned()], Some(self.stream), None);
        let is_error = |d: &&Diagnostic| d.severity == Severity::Error;
        if let Some(error) = packs.diagnostics.iter().find(is_error) {
            panic!("{}", error.message);
        }
        let Some(ruleset) = packs.ruleset(self.stream) else { panic!("no rules of stream {}", self.stream.name) };
        must(Evaluator::new(Arc::clone(&ruleset.program), Options::default()))
    }
}

/// An evaluator of rules about declarations.
pub fn evaluator(rules: &[Rule]) -> Evaluator {
    Pack::write(&DECLARATION, rules).evaluator()
}
