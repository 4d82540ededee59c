//! Over which time a feature looks back from the record that asks.

use std::fmt;

/// A window.
///
/// What counts is when a record *was* (its event time); which records are known at all is decided by the order in which
/// they came. Hours are exact. Days and calendar units are whole days of the office's zone, and the day of the record
/// that asks is in it as far as it is known: `90d` reaches back to the beginning of the day 90 days before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Window {
    /// Everything known.
    All,
    /// So many hours back, both ends in it; 24 at most.
    Hours(u32),
    /// So many days back.
    Days(u32),
    /// The unit of the calendar that the record is in, up to its day.
    This(Calendar),
}

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Calendar {
    /// The day.
    Day,
    /// From Monday.
    Week,
    /// The month.
    Month,
    /// From January, April, July or October.
    Quarter,
    /// The year.
    Year,
}

/// The longest window of days: ten years.
pub(super) const DAYS_MAX: u32 = 3_660;
/// Windows of hours keep each record by itself.
pub(super) const HOURS_MAX: u32 = 24;

impl Calendar {
    const ALL: [(&'static str, Self); 5] = [
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("quarter", Self::Quarter),
        ("year", Self::Year),
    ];

    /// The most days a unit has before its last one.
    pub fn days(self) -> u32 {
        match self {
            Self::Day => 0,
            Self::Week => 6,
            Self::Month => 30,
            Self::Quarter => 91,
            Self::Year => 365,
        }
    }
}

impl Window {
    /// How many days back it looks at most; `None` where there is no end to it.
    pub fn days(self) -> Option<u32> {
        match self {
            Self::All => None,
            Self::Hours(hours) => Some(hours.div_ceil(24)),
            Self::Days(days) => Some(days),
            Self::This(unit) => Some(unit.days()),
        }
    }

    /// Reads `all`, `12h`, `90d`, `this month`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "all" {
            return Some(Self::All);
        }
        if let Some(unit) = text.strip_prefix("this ") {
            return Calendar::ALL.iter().find(|(name, _)| *name == unit.trim()).map(|(_, unit)| Self::This(*unit));
        }
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: u32 = number.parse().ok()?;
        match unit {
            "h" => (1..=HOURS_MAX).contains(&number).then_some(Self::Hours(number)),
            "d" => (1..=DAYS_MAX).contains(&number).then_some(Self::Days(number)),
            _ => None,
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Hours(hours) => write!(f, "{hours}h"),
            Self::Days(days) => write!(f, "{days}d"),
            Self::This(unit) => {
                let name = Calendar::ALL.iter().find(|(_, known)| known == unit).map_or("", |(name, _)| name);
                write!(f, "this {name}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_read_as_they_are_written() {
        for text in ["all", "1h", "24h", "1d", "3660d", "this day", "this quarter"] {
            assert_eq!(Window::parse(text).map(|window| window.to_string()).as_deref(), Some(text));
        }
        for text in ["", "d", "0d", "25h", "3661d", "90", "90 d", "-1d", "this decade", "9한", "4294967296d"] {
            assert_eq!(Window::parse(text), None, "{text}");
        }
    }
}
