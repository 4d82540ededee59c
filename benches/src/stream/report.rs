//! What was measured, as a table for people and as JSON for programs. A bar that was missed says so.

use std::fmt::Write;

use serde::Serialize;

use super::latency::Latencies;

/// The outcome of one measurement.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was measured.
    pub measurement: &'static str,
    /// On what, in one line.
    pub of: String,
    /// Everything measured, in the order of the table.
    pub measured: Vec<Measured>,
    /// What was not as it must be; where there is anything, the figures mean nothing.
    pub wrong: Vec<String>,
}

/// One figure.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Of what.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of which unit.
    pub unit: &'static str,
    /// What it has to hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bar: Option<Bar>,
    /// Whether it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
}

/// What a figure has to hold.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bar {
    /// Not more.
    AtMost(f64),
    /// Not less.
    AtLeast(f64),
}

impl Bar {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl Report {
    /// Begins one.
    pub fn new(measurement: &'static str, of: impl Into<String>) -> Self {
        Self { measurement, of: of.into(), measured: Vec::new(), wrong: Vec::new() }
    }

    /// Adds a figure.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.measured.push(Measured { name: name.into(), value, unit, bar: None, held: None });
    }

    /// Adds a figure that has a bar.
    pub fn hold(&mut self, name: impl Into<String>, value: f64, unit: &'static str, bar: Bar) {
        let held = Some(bar.holds(value));
        self.measured.push(Measured { name: name.into(), value, unit, bar: Some(bar), held });
    }

    /// Adds these quantiles, and the longest.
    pub fn quantiles(&mut self, of: &str, latencies: &Latencies, shares: &[f64]) {
        for share in shares {
            self.add(format!("{of}, p{}", share * 100.0), latencies.quantile(*share), "ms");
        }
        self.add(format!("{of}, longest of {}", latencies.len()), latencies.max(), "ms");
    }

    /// The table.
    pub fn table(&self) -> String {
        let mut text = format!("{}: {}\n\n| what | measured | bar | |\n|---|---|---|---|\n", self.measurement, self.of);
        for Measured { name, value, unit, bar, held } in &self.measured {
            let bar = match bar {
                None => String::new(),
                Some(Bar::AtMost(most)) => format!("at most {} {unit}", plain(*most)),
                Some(Bar::AtLeast(least)) => format!("at least {} {unit}", plain(*least)),
            };
            let held = held.map_or("", |held| if held { "held" } else { "**missed**" });
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {name} | {} {unit} | {bar} | {held} |", plain(*value));
        }
        for wrong in &self.wrong {
            let _ = writeln!(text, "\nwrong: {wrong}");
        }
        text
    }
}

/// Large numbers whole and grouped, small ones with three digits.
fn plain(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 1_000.0 {
        let digits = format!("{:.0}", value.abs());
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
        return format!("{}{}", if value < 0.0 { "-" } else { "" }, groups.join(","));
    }
    let places = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.places$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_was_missed() {
        let mut report = Report::new("post", "1,000 rules");
        report.add("rows", 1_234_567.0, "items");
        report.hold("p50", 2.456, "ms", Bar::AtMost(3.0));
        report.hold("rate", 49_999.0, "items/s", Bar::AtLeast(50_000.0));
        let rows: Vec<String> = report.table().lines().skip(4).map(str::to_owned).collect();
        assert_eq!(
            rows,
            [
                "| rows | 1,234,567 items |  |  |",
                "| p50 | 2.46 ms | at most 3 ms | held |",
                "| rate | 49,999 items/s | at least 50,000 items/s | **missed** |",
            ]
        );
    }
}
