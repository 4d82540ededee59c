//! The rules of a run, and their replacement while it lasts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dice::Dice;
use crate::stories::Kind;

/// Three packs of rules that change.
pub struct Rules {
    pub folder: PathBuf,
    dice: Dice,
    /// The pack that cannot be used, if one cannot.
    broken: Option<Kind>,
    pub n_swaps: usize,
    pub n_refused: usize,
}

impl Rules {
    pub fn new(folder: &Path, seed: u64) -> Self {
        let dice = Dice::of(seed, "rules");
        let mut rules = Self { folder: folder.to_owned(), dice, broken: None, n_swaps: 0, n_refused: 0 };
        for kind in Kind::ALL {
            let pack = rules.pack(kind);
            fs::create_dir_all(&pack).unwrap();
            let (lane, strict) = lanes(kind);
            let policy = format!(
                "stream: {}\nscores:\n  - {{at_least: 10, lane: {lane}}}\n\
                 random:\n  - {{stratum: baseline, rate: 0.1, lane: {strict}}}\n",
                kind.stream()
            );
            fs::write(pack.join("policy.yaml"), policy).unwrap();
            fs::write(pack.join("pack.yaml"), format!("name: {0}s\nstream: {0}\nowner: desk\n", kind.stream()))
                .unwrap();
            for (file, profile) in profiles(kind) {
                fs::create_dir_all(pack.join("profiles")).unwrap();
                fs::write(pack.join("profiles").join(file), profile).unwrap();
            }
            rules.write(kind, 500, false);
        }
        rules
    }

    fn pack(&self, kind: Kind) -> PathBuf {
        self.folder.join(kind.stream())
    }

    /// Puts other rules there for one kind of subject; a few of them cannot be used.
    pub fn swap(&mut self) {
        self.mend();
        let kind = *self.dice.pick(&Kind::ALL);
        let (over, broken) = (self.dice.between(1, 990), self.dice.percent(20));
        self.write(kind, over, broken);
        if broken {
            self.n_refused += 1;
        } else {
            self.n_swaps += 1;
        }
    }

    /// Puts rules there that can be used, if they cannot: nothing starts without.
    pub fn mend(&mut self) {
        if let Some(kind) = self.broken.take() {
            let over = self.dice.between(1, 990);
            self.write(kind, over, false);
            self.n_swaps += 1;
        }
    }

    fn write(&mut self, kind: Kind, over: usize, broken: bool) {
        self.broken = broken.then_some(kind);
        let (_, strict) = lanes(kind);
        let lane = if broken { "nowhere" } else { strict };
        let share = over as f64 / 1000.0;
        let rules = match kind {
            Kind::Declaration => [
                format!("id: d-worth, when: 'customs_value_usd > {over}', lane: {lane}"),
                "id: d-first, when: 'item_no = 1', score: 4".to_owned(),
                "id: d-more, when: 'item_no > 1', score: 7".to_owned(),
                format!("id: d-often, when: 'importer.items_24h > {over} OR importer.value_90d > {over}', lane: scan"),
                "id: d-goods, when: 'goods.importers_30d > 3 AND goods.value_p90 > 500', score: 5".to_owned(),
                "id: d-network, when: 'suppliers.importers > 2 AND suppliers.items_30d > 4', score: 1".to_owned(),
                "id: d-container, when: 'container.importers_30d > 1', score: 1".to_owned(),
                format!("id: d-share, when: \"hs_code LIKE '85%'\", lane: scan, share: {share}"),
            ]
            .to_vec(),
            Kind::Consignment => [
                format!("id: c-worth, when: 'value_usd > {over}', lane: {lane}"),
                "id: c-air, when: \"transport_mode = 'air'\", score: 10".to_owned(),
            ]
            .to_vec(),
            Kind::Traveller => vec![format!("id: t-seat, when: \"seat LIKE '1%'\", lane: {lane}, share: {share}")],
        };
        let rest = "title: Some, owner: desk, instruction: Look., legal_basis: Customs Act";
        let rules: Vec<_> = rules.into_iter().map(|rule| format!("  - {{{rule}, {rest}}}\n")).collect();
        let (path, new) = (self.pack(kind).join("rules.yaml"), self.pack(kind).join(".rules.yaml.new"));
        fs::write(&new, format!("rules:\n{}", rules.concat())).unwrap();
        fs::rename(&new, &path).unwrap();
    }
}

/// A lane that points lead to, and one that is asked for.
fn lanes(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Declaration => ("post_audit", "documents"),
        Kind::Consignment => ("surveillance", "scan"),
        Kind::Traveller => ("refer", "intercept"),
    }
}

/// What is remembered of whom.
fn profiles(kind: Kind) -> Vec<(&'static str, &'static str)> {
    match kind {
        Kind::Declaration => vec![
            (
                "importer.yaml",
                "entity: importer\nkeys: {declaration: importer_id}\nfeatures:\n  \
                 - {name: items_24h, aggregate: count, each: item, window: 24h}\n  \
                 - {name: value_90d, aggregate: sum, of: customs_value_usd, window: 90d}\n",
            ),
            (
                "goods.yaml",
                "entity: goods\nkeys: {declaration: hs_code}\nfeatures:\n  \
                 - {name: importers_30d, aggregate: distinct, of: importer_id, window: 30d}\n  \
                 - {name: value_p90, aggregate: quantile, at: 0.9, of: customs_value_usd, window: all}\n",
            ),
            (
                "suppliers.yaml",
                "entity: suppliers\nkeys: {declaration: importer_id}\nnetwork:\n  \
                 links: {supplier: {declaration: exporter_id}}\n  window: 30d\n  hub: 5\nfeatures:\n  \
                 - {name: importers, aggregate: members}\n  \
                 - {name: items_30d, aggregate: count, each: item, window: 30d}\n",
            ),
            (
                "container.yaml",
                "entity: container\nkeys: {declaration: {each: container_ids}}\nfeatures:\n  \
                 - {name: importers_30d, aggregate: distinct, of: importer_id, window: 30d}\n",
            ),
        ],
        Kind::Consignment | Kind::Traveller => Vec::new(),
    }
}
