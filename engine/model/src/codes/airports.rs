//! Airports: country, time zone and place by IATA code.

use std::sync::LazyLock;

use chrono_tz::Tz;

use super::letters::ByLetters;
use super::table::rows;
use crate::ids::Country;

pub(super) const AIRPORTS: &str = include_str!("../../codes/airports.tsv");
/// Cities of several airports have a code of their own, which waybills and bookings name.
pub(super) const CITIES: &str = include_str!("../../codes/cities.tsv");

/// What an IATA code tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Airport {
    /// Where it lies.
    pub country: Country,
    /// Its time zone.
    pub tz: Tz,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl Airport {
    /// Great-circle distance.
    pub fn distance_km(&self, other: &Self) -> f64 {
        const EARTH_RADIUS_KM: f64 = 6371.0;
        let (lat1, lat2) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half_lat = (lat2 - lat1) / 2.0;
        let half_lon = (other.longitude - self.longitude).to_radians() / 2.0;
        let chord = half_lat.sin().powi(2) + lat1.cos() * lat2.cos() * half_lon.sin().powi(2);
        2.0 * EARTH_RADIUS_KM * chord.sqrt().min(1.0).asin()
    }
}

/// The airport of an IATA code in upper case; of a city (`SEL`) the airport that stands for it.
pub fn airport(iata: &str) -> Option<Airport> {
    BY_IATA.get(iata).copied()
}

static BY_IATA: LazyLock<ByLetters<Airport>> = LazyLock::new(|| {
    let mut airports: ByLetters<Airport> = rows(AIRPORTS)
        .filter_map(|[iata, _icao, country, tz, latitude, longitude]| {
            let airport = Airport {
                country: Country::from_letters(country)?,
                tz: tz.parse().ok()?,
                latitude: latitude.parse().ok()?,
                longitude: longitude.parse().ok()?,
            };
            Some((iata, airport))
        })
        .collect();
    for [city, airport] in rows(CITIES) {
        if let Some(airport) = airports.get(airport).copied() {
            airports.insert(city, airport);
        }
    }
    airports
});

#[cfg(test)]
pub(super) fn known() -> usize {
    BY_IATA.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn airports_know_country_zone_and_distance() {
        let incheon = airport("ICN").unwrap();
        assert_eq!((incheon.country.as_str(), incheon.tz), ("KR", chrono_tz::Asia::Seoul));
        assert_eq!(airport("SEL"), airport("ICN"), "a city");
        assert!(airport("ZZX").is_none() && airport("icn").is_none() && airport("").is_none());
        for (from, to, km) in [("ICN", "GMP", 31.0), ("HND", "NRT", 60.0), ("ICN", "BKK", 3680.0), ("ICN", "ICN", 0.0)]
        {
            let distance = airport(from).unwrap().distance_km(&airport(to).unwrap());
            assert!((distance - km).abs() < 20.0, "{from} {to} {distance}");
        }
    }
}
