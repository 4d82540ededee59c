//! The rules of a run, and their replacement while it lasts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dice::Dice;

/// A folder of rules that changes.
pub struct Rules {
    pub folder: PathBuf,
    dice: Dice,
    broken: bool,
    pub n_swaps: usize,
    pub n_refused: usize,
}

impl Rules {
    pub fn new(folder: &Path, seed: u64) -> Self {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("pack.yaml"), "name: crash\nowner: desk\n").unwrap();
        for (stream, scores, rate, lane) in [
            ("declaration", "{at_least: 10, lane: post_audit}", 0.1, "scan"),
            ("consignment", "{at_least: 10, lane: surveillance}", 0.1, "scan"),
            ("traveller", "{at_least: 10, lane: refer}", 0.05, "refer"),
        ] {
            let policy = format!(
                "stream: {stream}\nscores:\n  - {scores}\nrandom:\n  - {{stratum: baseline, rate: {rate}, lane: {lane}}}\n"
            );
            fs::write(folder.join(format!("{stream}.policy.yaml")), policy).unwrap();
        }
        let mut rules =
            Self { folder: folder.to_owned(), dice: Dice::of(seed, "rules"), broken: false, n_swaps: 0, n_refused: 0 };
        rules.write(500, false);
        rules
    }

    /// Puts other rules there; a few of them cannot be used.
    pub fn swap(&mut self) {
        let over = self.dice.between(1, 990);
        let broken = self.dice.percent(20);
        self.write(over, broken);
        if broken {
            self.n_refused += 1;
        } else {
            self.n_swaps += 1;
        }
    }

    /// Puts rules there that can be used, if they cannot: nothing starts without.
    pub fn mend(&mut self) {
        if self.broken {
            let over = self.dice.between(1, 990);
            self.write(over, false);
            self.n_swaps += 1;
        }
    }

    fn write(&mut self, over: usize, broken: bool) {
        self.broken = broken;
        let lane = if broken { "nowhere" } else { "documents" };
        let share = over as f64 / 1000.0;
        let rest = "owner: desk, instruction: Look., legal_basis: Customs Act";
        let rules = format!(
            "rules:
  - {{id: d-worth, title: Worth much, stream: declaration, when: 'customs_value_usd > {over}', lane: {lane}, {rest}}}
  - {{id: d-first, title: First item, stream: declaration, when: 'item_no = 1', score: 4, {rest}}}
  - {{id: d-more, title: More items, stream: declaration, when: 'item_no > 1', score: 7, {rest}}}
  - {{id: d-share, title: Some, stream: declaration, when: \"hs_code LIKE '85%'\", lane: scan, share: {share}, {rest}}}
  - {{id: c-worth, title: Worth much, stream: consignment, when: 'value_usd > {over}', lane: scan, {rest}}}
  - {{id: c-air, title: By air, stream: consignment, when: \"transport_mode = 'air'\", score: 10, {rest}}}
  - {{id: t-seat, title: In front, stream: traveller, when: \"seat LIKE '1%'\", lane: refer, share: {share}, {rest}}}
"
        );
        let path = self.folder.join("rules.yaml");
        let new = self.folder.join(".rules.yaml.new");
        fs::write(&new, rules).unwrap();
        fs::rename(&new, &path).unwrap();
    }
}
