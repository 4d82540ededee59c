//! How long things took: quantiles of all of them, none left out.

use std::time::Duration;

/// Sorted durations, in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<f64>);

impl FromIterator<Duration> for Latencies {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        let mut millis: Vec<f64> = durations.into_iter().map(|duration| duration.as_secs_f64() * 1e3).collect();
        millis.sort_by(f64::total_cmp);
        Self(millis)
    }
}

impl Latencies {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The least one that this share of all do not exceed, in milliseconds; 0 where there are none.
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.clamp(1, self.0.len().max(1)) - 1).copied().unwrap_or_default()
    }

    /// The longest, in milliseconds.
    pub fn max(&self) -> f64 {
        self.quantile(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let hundred: Latencies = (1..=100).rev().map(Duration::from_millis).collect();
        let got = [0.0, 0.5, 0.9, 0.99, 0.999, 1.0].map(|share| hundred.quantile(share));
        assert_eq!(got, [1.0, 50.0, 90.0, 99.0, 100.0, 100.0]);
        assert_eq!(Latencies::default().quantile(0.5), 0.0);
    }
}
