//! What the world is made of: goods, origins, countries, airports. The tables are text beside the sources
//! (`tables/*.tsv`), so that who knows the trade can read and correct them; they are parsed once.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::dice::{Dice, Skewed};

/// A tariff heading with what is normal for it.
#[derive(Debug)]
pub(crate) struct Heading {
    /// Ten digits: the subheading and the national `0000`.
    pub(crate) hs_code: String,
    pub(crate) origins: Skewed,
    /// Countries that `origins` draws from, as indexes of [`Tables::countries`].
    pub(crate) origin_countries: Vec<u16>,
    pub(crate) trade: f64,
    pub(crate) parcel: f64,
    pub(crate) usd_per_kg: f64,
    pub(crate) spread: f64,
    pub(crate) unit_kg: f64,
    pub(crate) unit: &'static str,
    pub(crate) tariff: f64,
    pub(crate) package: &'static str,
    pub(crate) law: Option<&'static str>,
    pub(crate) descriptions: Vec<&'static str>,
}

impl Heading {
    /// Six digits.
    pub(crate) fn hs6(&self) -> &str {
        &self.hs_code[..6]
    }

    /// Shipped loose, in a hold and not in boxes.
    pub(crate) fn is_bulk(&self) -> bool {
        matches!(self.package, "VR" | "VQ")
    }
}

/// A country with its places.
#[derive(Debug)]
pub(crate) struct Country {
    pub(crate) code: &'static str,
    pub(crate) alpha3: &'static str,
    pub(crate) currency: &'static str,
    pub(crate) agreement: Option<&'static str>,
    pub(crate) price: f64,
    pub(crate) sea_days: f64,
    pub(crate) names: &'static str,
    /// UN/LOCODEs; none for a landlocked country.
    pub(crate) seaports: Vec<&'static str>,
    /// IATA codes, the busiest first; at least one.
    pub(crate) airports: Vec<&'static str>,
}

/// An airport.
#[derive(Debug)]
pub(crate) struct Airport {
    pub(crate) iata: &'static str,
    /// Index of [`Tables::countries`].
    pub(crate) country: u16,
    pub(crate) zone: chrono_tz::Tz,
    pub(crate) minutes: i64,
    pub(crate) share: f64,
}

/// All tables.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) goods: Vec<Heading>,
    pub(crate) countries: Vec<Country>,
    pub(crate) airports: Vec<Airport>,
    /// Headings by what companies bring.
    pub(crate) trade: Skewed,
    /// Headings by what people order.
    pub(crate) parcel: Skewed,
    /// Airports by direct flights.
    pub(crate) direct: Skewed,
}

/// The shipped tables.
pub(crate) static TABLES: LazyLock<Tables> =
    LazyLock::new(|| parse().expect("the shipped tables parse; a test reads every cell"));

impl Tables {
    /// Index of the country of that code.
    pub(crate) fn country_of(&self, code: &str) -> Option<u16> {
        self.countries.iter().position(|c| c.code == code).map(|i| i as u16)
    }

    /// Index of the heading of that subheading.
    pub(crate) fn heading_of(&self, hs6: &str) -> Option<u16> {
        self.goods.iter().position(|h| h.hs6() == hs6).map(|i| i as u16)
    }

    /// The airport of that code.
    pub(crate) fn airport_of(&self, iata: &str) -> Option<&Airport> {
        self.airports.iter().find(|a| a.iata == iata)
    }

    pub(crate) fn heading(&self, at: u16) -> &Heading {
        &self.goods[at as usize]
    }

    pub(crate) fn country(&self, at: u16) -> &Country {
        &self.countries[at as usize]
    }
}

impl Heading {
    /// Draws an origin.
    pub(crate) fn origin(&self, dice: &mut Dice) -> u16 {
        self.origin_countries[self.origins.draw(dice)]
    }
}

fn parse() -> Option<Tables> {
    let countries: Vec<Country> = lines(include_str!("../tables/countries.tsv"))
        .map(|f| {
            Some(Country {
                code: f.first()?,
                alpha3: f.get(1)?,
                currency: f.get(2)?,
                agreement: known(f.get(3)?),
                price: f.get(4)?.parse().ok()?,
                sea_days: f.get(5)?.parse().ok()?,
                names: f.get(6)?,
                seaports: known(f.get(7)?).map(|p| p.split(' ').collect()).unwrap_or_default(),
                airports: f.get(8)?.split(' ').collect(),
            })
        })
        .collect::<Option<_>>()?;
    let country_of = |code: &str| countries.iter().position(|c| c.code == code).map(|i| i as u16);

    let origins: HashMap<&str, (Vec<u16>, Skewed)> = lines(include_str!("../tables/origins.tsv"))
        .map(|f| {
            let shares: Vec<(u16, f64)> = f
                .get(1)?
                .split(',')
                .map(|share| {
                    let (code, weight) = share.split_once(' ')?;
                    Some((country_of(code)?, weight.parse().ok()?))
                })
                .collect::<Option<_>>()?;
            let weights: Vec<f64> = shares.iter().map(|s| s.1).collect();
            Some((*f.first()?, (shares.iter().map(|s| s.0).collect(), Skewed::new(&weights))))
        })
        .collect::<Option<_>>()?;

    let goods: Vec<Heading> = lines(include_str!("../tables/goods.tsv"))
        .map(|f| {
            let (origin_countries, skewed) = origins.get(f.get(1)?)?.clone();
            Some(Heading {
                hs_code: format!("{}0000", f.first()?),
                origins: skewed,
                origin_countries,
                trade: f.get(2)?.parse().ok()?,
                parcel: f.get(3)?.parse().ok()?,
                usd_per_kg: f.get(4)?.parse().ok()?,
                spread: f.get(5)?.parse().ok()?,
                unit_kg: f.get(6)?.parse().ok()?,
                unit: f.get(7)?,
                tariff: f.get(8)?.parse().ok()?,
                package: f.get(9)?,
                law: known(f.get(10)?),
                descriptions: f.get(11)?.split('|').collect(),
            })
        })
        .collect::<Option<_>>()?;

    let airports: Vec<Airport> = lines(include_str!("../tables/airports.tsv"))
        .map(|f| {
            Some(Airport {
                iata: f.first()?,
                country: country_of(f.get(1)?)?,
                zone: f.get(2)?.parse().ok()?,
                minutes: f.get(3)?.parse().ok()?,
                share: f.get(4)?.parse().ok()?,
            })
        })
        .collect::<Option<_>>()?;

    let weights = |of: fn(&Heading) -> f64| Skewed::new(&goods.iter().map(of).collect::<Vec<_>>());
    let trade = weights(|h| h.trade);
    let parcel = weights(|h| h.parcel);
    let direct = Skewed::new(&airports.iter().map(|a| a.share).collect::<Vec<_>>());
    Some(Tables { goods, countries, airports, trade, parcel, direct })
}

/// The cells of each line that is not a comment.
fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('\t').collect())
}

/// A lone dash is nothing.
fn known(cell: &'static str) -> Option<&'static str> {
    (cell != "-").then_some(cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use haechi_model::ids::{Country as CountryCode, HsCode, UnLocode};

    #[test]
    fn every_cell_of_the_tables_parses_and_names_something_real() {
        let tables = parse().unwrap();
        assert!(tables.goods.len() >= 120, "{}", tables.goods.len());
        for heading in &tables.goods {
            HsCode::parse(&heading.hs_code).unwrap();
            assert!(heading.usd_per_kg > 0.0 && heading.unit_kg > 0.0, "{heading:?}");
            assert!(heading.descriptions.iter().all(|d| d.len() > 3), "{heading:?}");
        }
        for country in &tables.countries {
            CountryCode::parse(country.code).unwrap();
            for port in &country.seaports {
                UnLocode::parse(port).unwrap();
                assert!(port.starts_with(country.code), "{port}");
            }
            for airport in &country.airports {
                assert!(tables.airport_of(airport).is_some(), "{airport}");
            }
        }
        let codes: std::collections::HashSet<_> = tables.goods.iter().map(|h| &h.hs_code).collect();
        assert_eq!(codes.len(), tables.goods.len(), "a subheading stands once");
    }
}
