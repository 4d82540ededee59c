//! Targeting rules in the mix of the workload, by share: 45 % tariff prefix, origin and a bound; 20 % one party, most
//! with a second condition; 15 % a list of importers; 10 % goods description; 10 % broad rules with numeric bounds,
//! OR and NOT.

use super::{COUNTRIES, DECLARANTS, Dice, EXPORTERS, IMPORTERS, Kind, MODES, OFFICES, WORDS, World, Zipf};

/// A rule as JSON lines have it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Its condition.
    pub when: String,
}

impl Rule {
    /// Rules of these conditions, numbered.
    pub fn numbered(conditions: impl IntoIterator<Item = String>) -> Vec<Self> {
        conditions.into_iter().enumerate().map(|(n, when)| Self { id: format!("R{n:05}"), when }).collect()
    }
}

pub(super) fn mixed(world: &World, count: usize) -> Vec<Rule> {
    let mut author = Author::new(world);
    Rule::numbered((0..count).map(|_| {
        let kind = match author.dice.below(100) {
            0..45 => Kind::PrefixOriginBound,
            45..65 => Kind::OneParty,
            65..80 => Kind::PartyList,
            80..90 => Kind::Description,
            _ => Kind::Broad,
        };
        author.condition(kind)
    }))
}

/// Writes conditions. Exponents are smaller than those of rows: rules are spread wider than what they look for.
pub(super) struct Author<'w> {
    world: &'w World,
    pub dice: Dice,
    countries: Zipf,
    tariff_codes: Zipf,
    parties: [(&'static str, char, Zipf); 3],
}

impl<'w> Author<'w> {
    pub fn new(world: &'w World) -> Self {
        Self {
            world,
            dice: Dice::new(world.seed, 2),
            countries: Zipf::new(COUNTRIES.len(), 1.0),
            tariff_codes: Zipf::new(world.tariff_codes.len(), 0.7),
            parties: [
                ("importer_id", 'I', Zipf::new(IMPORTERS, 0.6)),
                ("exporter_id", 'X', Zipf::new(EXPORTERS, 0.6)),
                ("declarant_id", 'B', Zipf::new(DECLARANTS, 0.6)),
            ],
        }
    }

    pub fn prefix_origin_bound(&mut self) -> String {
        let (prefix, n_countries) = (self.prefix(), 1 + self.dice.below(5));
        let origins = self.countries(n_countries);
        let dice = &mut self.dice;
        let bound = match dice.below(5) {
            0 => format!("customs_value_usd > {}", dice.between(500, 50_000)),
            1 => format!("unit_price_usd < {:.2}", dice.real(1.0, 20.0)),
            2 => "preference_claimed AND departure_country <> origin_country".to_owned(),
            3 => format!("net_mass_kg BETWEEN {} AND {}", dice.between(1, 50), dice.between(60, 5_000)),
            _ => "NOT importer_aeo".to_owned(),
        };
        format!("hs_code LIKE '{prefix}%' AND origin_country IN ({origins}) AND {bound}")
    }

    pub fn one_party(&mut self) -> String {
        let which = self.dice.below(3) as usize;
        let (column, party) = (self.parties[which].0, self.party(which));
        let second = match self.dice.below(10) {
            0..3 => String::new(),
            n if n % 3 == 0 => format!(" AND origin_country = '{}'", self.country()),
            n if n % 3 == 1 => format!(" AND hs_code LIKE '{}%'", self.prefix()),
            _ => format!(" AND customs_value_usd > {}", self.dice.between(100, 5_000)),
        };
        format!("{column} = '{party}'{second}")
    }

    pub fn party_list(&mut self) -> String {
        let keys = self.dice.between(20, 200);
        let mut parties: Vec<String> = (0..keys).map(|_| format!("'{}'", self.party(0))).collect();
        parties.sort();
        parties.dedup();
        let parties = parties.join(", ");
        if self.dice.chance(0.5) {
            return format!("importer_id IN ({parties})");
        }
        format!("importer_id IN ({parties}) AND transport_mode = '{}'", self.dice.one(&MODES))
    }

    pub fn description(&mut self) -> String {
        let (first, second) = (self.dice.one(&WORDS), self.dice.one(&WORDS));
        let second = if self.dice.chance(0.7) { format!(" AND description LIKE '%{second}%'") } else { String::new() };
        format!("description LIKE '%{first}%'{second} AND origin_country IN ({})", self.countries(3))
    }

    pub fn broad(&mut self) -> String {
        let dice = &mut self.dice;
        match dice.below(4) {
            0 => {
                let (price, value) = (dice.real(0.2, 2.0), dice.between(50_000, 500_000));
                format!(
                    "(unit_price_usd < {price:.2} OR customs_value_usd > {value}) AND tariff_rate >= 13 AND NOT importer_aeo"
                )
            }
            1 => format!("customs_value_usd / net_mass_kg < {:.3} AND transport_mode = 'air'", dice.real(0.01, 0.2)),
            2 => {
                let (office, quantity) = (10 + dice.below(OFFICES), dice.between(50, 500));
                format!("office = '{office:03}' AND procedure <> '11' AND quantity > {quantity}")
            }
            _ => format!(
                "exporter_id IS NULL AND departure_country <> origin_country AND customs_value_usd > {}",
                dice.between(1_000, 20_000)
            ),
        }
    }

    /// The first two, four or six digits of a tariff code.
    pub fn prefix(&mut self) -> &'w str {
        let code = &self.world.tariff_codes[self.tariff_codes.draw(&mut self.dice)];
        &code[..self.dice.one(&[2, 4, 4, 4, 4, 4, 6, 6, 6, 6])]
    }

    /// An importer (0), exporter (1) or declarant (2).
    pub fn party(&mut self, which: usize) -> String {
        let (_, letter, parties) = &self.parties[which];
        format!("{letter}{:07}", parties.draw(&mut self.dice))
    }

    fn country(&mut self) -> &'static str {
        COUNTRIES[self.countries.draw(&mut self.dice)]
    }

    fn countries(&mut self, draws: u64) -> String {
        let mut countries: Vec<String> = (0..draws).map(|_| format!("'{}'", self.country())).collect();
        countries.sort();
        countries.dedup();
        countries.join(", ")
    }
}
