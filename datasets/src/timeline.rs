//! When things happen: the year's season, the week and the hours of the day, as one curve that indexes are laid
//! along. Subject i of n stands at the i-th n-th of the area under it, so a stream is in time order at any size.

use chrono::{Datelike, Days, NaiveDate};

use crate::dice::Dice;
use crate::spec::Spec;

/// Milliseconds in an hour, and in a day.
pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;
/// Seoul is nine hours ahead, all year.
pub(crate) const SEOUL_MS: i64 = 9 * HOUR_MS;

/// How busy each hour is: months from January, weekdays from Monday, hours of Seoul.
pub(crate) struct Rhythm {
    months: [f64; 12],
    weekdays: [f64; 7],
    hours: [f64; 24],
}

/// Declarations: offices work, machines file at night; November's sales and the weeks before the autumn feast.
pub(crate) const FILING: Rhythm = Rhythm {
    months: [0.98, 0.86, 1.0, 0.99, 0.98, 0.97, 1.0, 0.97, 1.06, 1.02, 1.16, 1.08],
    weekdays: [1.12, 1.1, 1.06, 1.04, 1.02, 0.42, 0.24],
    hours: [
        1.4, 0.8, 0.6, 0.5, 0.5, 0.6, 1.0, 2.2, 4.6, 8.8, 9.4, 8.6, 5.2, 7.6, 8.6, 8.2, 7.4, 6.2, 4.0, 3.0, 2.6, 2.4,
        2.2, 1.8,
    ],
};

/// Manifests are sent when ships and aircraft leave, which is at all hours.
pub(crate) const SAILING: Rhythm = Rhythm {
    months: [0.97, 0.88, 1.0, 1.0, 1.0, 1.0, 1.02, 1.0, 1.04, 1.02, 1.06, 1.02],
    weekdays: [0.95, 0.95, 1.0, 1.05, 1.1, 1.1, 0.85],
    hours: [
        2.0, 1.8, 1.6, 1.6, 1.8, 2.2, 2.8, 3.6, 4.6, 5.6, 6.0, 5.6, 4.6, 5.2, 5.8, 6.0, 6.2, 6.2, 5.6, 4.8, 4.2, 3.6,
        3.0, 2.4,
    ],
};

/// Flights: waves from six to eleven at night, full in August and at the turn of the year.
pub(crate) const FLYING: Rhythm = Rhythm {
    months: [1.1, 1.02, 0.92, 0.94, 0.97, 0.97, 1.06, 1.1, 0.97, 1.0, 0.95, 1.04],
    weekdays: [1.0, 0.94, 0.94, 1.0, 1.06, 1.04, 1.06],
    hours: [
        0.6, 0.3, 0.2, 0.4, 1.4, 3.0, 5.4, 6.6, 6.2, 5.6, 5.4, 5.8, 5.4, 5.0, 5.2, 5.8, 6.6, 6.8, 6.2, 5.6, 4.8, 3.8,
        2.4, 1.2,
    ],
};

/// A period's curve, summed up by hour.
#[derive(Debug)]
pub(crate) struct Timeline {
    start_ms: i64,
    until: Vec<f64>,
}

impl Timeline {
    pub(crate) fn new(spec: &Spec, rhythm: &Rhythm) -> Self {
        let mut sum = 0.0;
        let mut until = Vec::with_capacity(spec.days as usize * 24);
        for day in 0..spec.days {
            let date = spec.day.checked_add_days(Days::new(u64::from(day))).unwrap_or(NaiveDate::MAX);
            let busy =
                rhythm.months[date.month0() as usize] * rhythm.weekdays[date.weekday().num_days_from_monday() as usize];
            for hour in rhythm.hours {
                sum += busy * hour;
                until.push(sum);
            }
        }
        Self { start_ms: spec.epoch_day() * DAY_MS - SEOUL_MS, until }
    }

    /// The instant of subject `index` of `count`, in milliseconds UTC: non-decreasing in `index`.
    pub(crate) fn at(&self, index: u64, count: u64, dice: &mut Dice) -> i64 {
        let total = self.until.last().copied().unwrap_or(0.0);
        let area = (index as f64 + dice.unit()) / count as f64 * total;
        let hour = self.until.partition_point(|&until| until <= area).min(self.until.len() - 1);
        let before = if hour == 0 { 0.0 } else { self.until[hour - 1] };
        let within = ((area - before) / (self.until[hour] - before)).clamp(0.0, 1.0);
        // Whole seconds: nobody files to the millisecond.
        let second = ((hour as f64 + within) * 3_600.0) as i64;
        self.start_ms + second.min(self.until.len() as i64 * 3_600 - 1) * 1_000
    }
}

/// The day in Seoul, as days since 1970.
pub(crate) fn seoul_day(ms: i64) -> i64 {
    (ms + SEOUL_MS).div_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Use;

    #[test]
    fn subjects_are_in_time_order_inside_the_period_and_busy_in_office_hours() {
        let spec = Spec { days: 14, ..Spec::day(7) };
        let timeline = Timeline::new(&spec, &FILING);
        let n = 20_000;
        let times: Vec<i64> = (0..n).map(|i| timeline.at(i, n, &mut Dice::new(7, Use::Declaration, i))).collect();
        assert!(times.is_sorted());
        let first = spec.epoch_day();
        assert!(times.iter().all(|t| (first..first + 14).contains(&seoul_day(*t))));
        let hour = |t: &i64| (t + SEOUL_MS).rem_euclid(DAY_MS) / HOUR_MS;
        let count = |h: i64| times.iter().filter(|t| hour(t) == h).count();
        assert!(count(10) > 10 * count(3), "{} at ten, {} at three", count(10), count(3));
        // 3 March 2027 is a Wednesday, so the fifth day is a Sunday.
        let day = |d: i64| times.iter().filter(|t| seoul_day(**t) == first + d).count();
        assert!(day(5) > 3 * day(4), "{} on Monday, {} on Sunday", day(5), day(4));
    }
}
