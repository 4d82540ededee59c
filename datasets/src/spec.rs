//! What to generate. Everything else follows from it: the same [`Spec`] gives the same bytes.

use chrono::{Datelike, NaiveDate};
use serde::{Serialize, Serializer};

/// How much border traffic, when, and how much of it is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spec {
    /// Names the dataset: another seed, other traffic.
    pub seed: u64,
    /// First day, Seoul time.
    #[serde(serialize_with = "iso_day")]
    pub day: NaiveDate,
    /// Days, from one; traffic is spread over them by season, weekday and hour.
    pub days: u32,
    /// Import declarations; two items each on average.
    pub declarations: u64,
    /// House bills on manifests.
    pub house_bills: u64,
    /// Flights, each with some 170 passengers and its crew.
    pub flights: u64,
    /// Part of the subjects of each stream that belongs to a planted scheme.
    pub planted_share: f64,
    /// Part of the rows that text files damage. Parquet and the batches are never damaged.
    pub bad_share: f64,
    /// Rows of a batch, about: a subject's rows are never cut apart. Changes no row.
    pub batch_rows: usize,
}

/// Why a [`Spec`] was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// A share is a part of the whole.
    #[error("`{name}` is {value}; a share lies between 0 and {most}")]
    Share {
        /// The field.
        name: &'static str,
        /// What stands in it.
        value: f64,
        /// The largest that still leaves honest traffic.
        most: f64,
    },
    /// At least this many, or nothing can be made.
    #[error("`{name}` is 0; give at least 1")]
    Zero {
        /// The field.
        name: &'static str,
    },
    /// Beyond what identifiers of the generated form can number.
    #[error("`{name}` is {value}; the generator numbers at most {most}")]
    TooMany {
        /// The field.
        name: &'static str,
        /// What stands in it.
        value: u64,
        /// The limit.
        most: u64,
    },
}

impl Spec {
    /// A day of a busy country's border traffic: 118,000 declarations, 3,000 house bills, 200 flights.
    pub fn day(seed: u64) -> Self {
        Self {
            seed,
            day: NaiveDate::from_ymd_opt(2027, 3, 3).expect("3 March 2027 is a day, and a Wednesday"),
            days: 1,
            declarations: 118_000,
            house_bills: 3_000,
            flights: 200,
            planted_share: 0.01,
            bad_share: 0.0,
            batch_rows: 8_192,
        }
    }

    /// The same traffic at `factor` times the size, at least one subject a stream where there were any.
    pub fn scaled(mut self, factor: f64) -> Self {
        let scale = |n: u64| if n == 0 { 0 } else { ((n as f64 * factor).round() as u64).max(1) };
        self.declarations = scale(self.declarations);
        self.house_bills = scale(self.house_bills);
        self.flights = scale(self.flights);
        self
    }

    /// Refuses what the generator cannot make.
    pub fn check(&self) -> Result<(), SpecError> {
        let shares = [("planted_share", self.planted_share, 0.5), ("bad_share", self.bad_share, 1.0)];
        if let Some(&(name, value, most)) = shares.iter().find(|(_, value, most)| !(0.0..=*most).contains(value)) {
            return Err(SpecError::Share { name, value, most });
        }
        let least_one = [("days", self.days as usize), ("batch_rows", self.batch_rows)];
        if let Some(&(name, _)) = least_one.iter().find(|(_, n)| *n == 0) {
            return Err(SpecError::Zero { name });
        }
        let limits = [
            ("declarations", self.declarations, 36u64.pow(6)),
            ("house_bills", self.house_bills, 10_000_000),
            ("flights", self.flights, 10_000_000),
            ("days", u64::from(self.days), 36_600),
        ];
        match limits.iter().find(|(_, value, most)| value > most) {
            Some(&(name, value, most)) => Err(SpecError::TooMany { name, value, most }),
            None => Ok(()),
        }
    }

    /// Days from 1970-01-01 to the first day.
    pub(crate) fn epoch_day(&self) -> i64 {
        i64::from(self.day.num_days_from_ce()) - 719_163
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn iso_day<S: Serializer>(day: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day() {
        let day = Spec::day(7);
        assert_eq!(day.check(), Ok(()));
        assert_eq!((day.declarations, day.house_bills, day.flights), (118_000, 3_000, 200));
        assert_eq!(Spec { day: NaiveDate::from_ymd_opt(1970, 1, 2).unwrap(), ..day }.epoch_day(), 1);
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        let refused = |change: fn(&mut Spec)| {
            let mut spec = Spec::day(7);
            change(&mut spec);
            spec.check().unwrap_err().to_string()
        };
        assert_eq!(refused(|s| s.bad_share = 1.5), "`bad_share` is 1.5; a share lies between 0 and 1");
        assert_eq!(refused(|s| s.planted_share = f64::NAN), "`planted_share` is NaN; a share lies between 0 and 0.5");
        assert_eq!(refused(|s| s.days = 0), "`days` is 0; give at least 1");
        assert_eq!(
            refused(|s| s.flights = 99_000_000),
            "`flights` is 99000000; the generator numbers at most 10000000"
        );
    }
}
