//! Rules by kind: each kind leans on another part of the evaluator.

use super::rules::Author;
use super::{MODES, Rule, WORDS, World};

/// The list that rules of [`Kind::InList`] ask for: its name, and how many keys it has.
pub const WATCHED: (&str, usize) = ("watched", 100_000);

/// What a rule asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tariff prefix, origin, and a bound or a flag.
    PrefixOriginBound,
    /// One importer, exporter or declarant.
    OneParty,
    /// Some dozens of importers.
    PartyList,
    /// Words in the goods description.
    Description,
    /// Bounds on numbers, OR, NOT.
    Broad,
    /// Across the items of a declaration.
    Items,
    /// One column against another.
    Columns,
    /// Arithmetic over columns.
    Arithmetic,
    /// Regular expressions and functions of text.
    Functions,
    /// A named list of 100,000 keys.
    InList,
    /// One bound on a number, met by about a hundredth of the rows.
    Threshold,
    /// One importer and a bound on a number: few rows are left when the bound is looked at.
    SparseThreshold,
    /// A tariff prefix alone.
    Prefix,
    /// Two words of the goods description, side by side.
    Words,
    /// The same flag for all: nothing to decide, many hits.
    Flag,
}

impl Kind {
    /// The kinds that benchmarks of evaluation go through.
    pub const RULES: [Self; 10] = [
        Self::PrefixOriginBound,
        Self::OneParty,
        Self::PartyList,
        Self::Description,
        Self::Broad,
        Self::Items,
        Self::Columns,
        Self::Arithmetic,
        Self::Functions,
        Self::InList,
    ];
}

pub(super) fn rules(world: &World, kind: Kind, count: usize) -> Vec<Rule> {
    let mut author = Author::new(world);
    Rule::numbered((0..count).map(|_| author.condition(kind)))
}

/// The keys of [`WATCHED`]: every tenth importer, and many more that no row has.
pub fn watched() -> impl Iterator<Item = String> {
    (0..WATCHED.1).map(|key| format!("I{:07}", key * 10))
}

impl Author<'_> {
    /// A condition of this kind.
    pub fn condition(&mut self, kind: Kind) -> String {
        match kind {
            Kind::PrefixOriginBound => self.prefix_origin_bound(),
            Kind::OneParty => self.one_party(),
            Kind::PartyList => self.party_list(),
            Kind::Description => self.description(),
            Kind::Broad => self.broad(),
            Kind::Items => match self.dice.below(3) {
                0 => format!("any_item(hs_code LIKE '{}%') AND item_no = 1", self.prefix()),
                1 => format!("sum_items(customs_value_usd) > {}", self.dice.between(5_000, 100_000)),
                _ => format!("count_items(quantity > {}) >= 2", self.dice.between(50, 500)),
            },
            Kind::Columns => {
                let price = self.dice.real(1.0, 20.0);
                let other = self.dice.one(&["origin_country <> departure_country", "net_mass_kg > customs_value_usd"]);
                format!("{other} AND unit_price_usd < {price:.2}")
            }
            Kind::Arithmetic => match self.dice.below(2) {
                0 => format!("customs_value_usd / net_mass_kg < {:.3}", self.dice.real(0.01, 0.2)),
                _ => format!("abs(unit_price_usd * quantity - net_mass_kg) < {:.2}", self.dice.real(0.5, 5.0)),
            },
            Kind::Functions => match self.dice.below(3) {
                0 => format!("regexp_like(description, '^{} .*S$')", self.dice.one(&WORDS)),
                1 => format!("substr(hs_code, 3, 2) = '{:02}'", self.dice.between(1, 98)),
                _ => format!("length(description) > {}", self.dice.between(24, 28)),
            },
            Kind::InList => {
                let (mode, value) = (self.dice.one(&MODES), self.dice.between(500, 50_000));
                format!(
                    "in_list(importer_id, '{}') AND transport_mode = '{mode}' AND customs_value_usd > {value}",
                    WATCHED.0
                )
            }
            Kind::Threshold => format!("customs_value_usd > {:.2}", self.dice.real(15_000.0, 40_000.0)),
            Kind::SparseThreshold => {
                format!("importer_id = '{}' AND unit_price_usd < {:.2}", self.party(0), self.dice.real(1.0, 20.0))
            }
            Kind::Prefix => format!("hs_code LIKE '{}%'", self.prefix()),
            Kind::Words => format!("description LIKE '%{} {}%'", self.dice.one(&WORDS), self.dice.one(&WORDS)),
            Kind::Flag => "preference_claimed".to_owned(),
        }
    }
}
