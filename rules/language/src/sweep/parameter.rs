//! `--parameter`: the values that a threshold is given in turn.
//!
//! Numbers are kept as they are written, in decimals, so that the third step of 0.1 is 0.3 and not its neighbour.

use std::fmt;

use chrono::{Days, NaiveDate};

use crate::program::{Class, Literal};

/// Most values of one sweep.
pub const VALUES_MAX: usize = 10_000;

/// Steps of a range that names none, at most.
const STEPS: i128 = 20;

/// What the values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers.
    Number,
    /// Days, for dates and for instants (their midnight in UTC).
    Day,
}

impl Kind {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Day => "date",
        }
    }
}

/// The values as they were asked for: `FROM..TO`, `FROM..TO step STEP` or `A,B,C`.
#[derive(Clone, Debug)]
pub struct Parameter {
    kind: Kind,
    asked: Asked,
}

#[derive(Clone, Debug)]
enum Asked {
    List(Vec<Decimal>),
    Range { from: Decimal, to: Decimal, step: Option<Decimal> },
}

/// Why a parameter was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// Neither a range nor a list.
    #[error("write `FROM..TO`, `FROM..TO step STEP` or values with commas between them")]
    Form,
    /// Not a value of the sort that is needed.
    #[error("`{text}` is not {wanted}")]
    Value {
        /// The text.
        text: String,
        /// What was needed.
        wanted: &'static str,
    },
    /// Steps go up.
    #[error("the step `{0}` is not above zero")]
    Step(String),
    /// The range holds nothing.
    #[error("`{from}..{to}` is empty: it ends before it begins")]
    Empty {
        /// Its begin.
        from: String,
        /// Its end.
        to: String,
    },
    /// More than [`VALUES_MAX`].
    #[error("{0} values are more than {VALUES_MAX}; take a longer step")]
    Many(i128),
    /// A fraction for a threshold of whole numbers.
    #[error("`{0}` has a fraction, and the threshold counts in whole numbers")]
    Fraction(String),
}

impl Parameter {
    /// Reads it. Both ends of a range belong to it, whether or not the steps reach the second.
    pub fn parse(text: &str) -> Result<Self, ParameterError> {
        let (range, step) = match text.split_once("step") {
            Some((range, step)) => (range.trim(), Some(step.trim())),
            None => (text.trim(), None),
        };
        if let Some((from, to)) = range.split_once("..") {
            let (from, to) = (from.trim(), to.trim());
            let kind = if day(from).is_some() { Kind::Day } else { Kind::Number };
            let step = step.map(|step| positive(step, kind)).transpose()?;
            let asked = Asked::Range { from: value(from, kind)?, to: value(to, kind)?, step };
            return Ok(Self { kind, asked });
        }
        if step.is_some() || range.is_empty() {
            return Err(ParameterError::Form);
        }
        let texts: Vec<&str> = range.split(',').map(str::trim).collect();
        let kind = if day(texts[0]).is_some() { Kind::Day } else { Kind::Number };
        let values = texts.into_iter().map(|text| value(text, kind)).collect::<Result<_, _>>()?;
        Ok(Self { kind, asked: Asked::List(values) })
    }

    /// What the values are.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The values for a threshold of this class, ascending and distinct; at least one, at most [`VALUES_MAX`].
    pub fn values(&self, class: Class) -> Result<Vec<Literal>, ParameterError> {
        let whole = class != Class::Float;
        let mut decimals = match &self.asked {
            Asked::List(values) if values.len() > VALUES_MAX => return Err(ParameterError::Many(values.len() as i128)),
            Asked::List(values) => values.clone(),
            Asked::Range { from, to, step } => {
                let scale = [Some(from), Some(to), step.as_ref()].into_iter().flatten().map(|d| d.scale).max();
                self.range(*from, *to, *step, scale.unwrap_or(0), whole)?
            }
        };
        let scale = decimals.iter().map(|decimal| decimal.scale).max().unwrap_or(0);
        decimals.sort_by_key(|decimal| decimal.at(scale));
        let fraction = decimals.iter().find(|decimal| whole && decimal.trimmed().scale > 0);
        if let Some(fraction) = fraction {
            return Err(ParameterError::Fraction(fraction.trimmed().to_string()));
        }
        let mut values: Vec<Literal> = decimals.iter().map(|decimal| decimal.literal(class)).collect();
        values.dedup();
        Ok(values)
    }

    fn range(
        &self,
        from: Decimal,
        to: Decimal,
        step: Option<Decimal>,
        scale: u32,
        whole: bool,
    ) -> Result<Vec<Decimal>, ParameterError> {
        let span = to.at(scale) - from.at(scale);
        if span < 0 {
            let shown = |end: Decimal| if self.kind == Kind::Day { end.day() } else { end.to_string() };
            return Err(ParameterError::Empty { from: shown(from), to: shown(to) });
        }
        let (step, scale) = if let Some(step) = step {
            (step.at(scale), scale)
        } else {
            // Two more decimals, so that the step may be smaller than the ends say.
            let finer = if whole { 0 } else { 2 };
            (round_step(span * 10_i128.pow(finer)), scale + finer)
        };
        let (from, to) = (from.at(scale), to.at(scale));
        let steps = (to - from) / step;
        let reached = (to - from) % step == 0;
        let count = steps + if reached { 1 } else { 2 };
        if count > VALUES_MAX as i128 {
            return Err(ParameterError::Many(count));
        }
        let end = (!reached).then_some(to);
        Ok((0..=steps).map(|i| from + i * step).chain(end).map(|units| Decimal { units, scale }).collect())
    }
}

/// The shortest of 1, 2, 5, 10, 20, ... that needs at most [`STEPS`] steps.
fn round_step(span: i128) -> i128 {
    let mut power = 1;
    loop {
        if let Some(step) = [1, 2, 5].map(|first| first * power).into_iter().find(|step| step * STEPS >= span) {
            return step;
        }
        power *= 10;
    }
}

fn value(text: &str, kind: Kind) -> Result<Decimal, ParameterError> {
    let (found, wanted) = match kind {
        Kind::Number => (Decimal::parse(text), "a number written in digits, such as 12 or 0.5"),
        Kind::Day => (day(text), "a date such as 2026-01-31"),
    };
    found.ok_or_else(|| ParameterError::Value { text: text.to_owned(), wanted })
}

fn positive(step: &str, kind: Kind) -> Result<Decimal, ParameterError> {
    let wanted = match kind {
        Kind::Number => "a step written in digits, such as 5 or 0.25",
        Kind::Day => "a number of days",
    };
    let fits = |step: &Decimal| kind == Kind::Number || step.scale == 0;
    let found = Decimal::parse(step).filter(fits);
    let found = found.ok_or_else(|| ParameterError::Value { text: step.to_owned(), wanted })?;
    if found.units > 0 { Ok(found) } else { Err(ParameterError::Step(step.to_owned())) }
}

/// Days since 1970.
fn day(text: &str) -> Option<Decimal> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(Decimal { units: day.signed_duration_since(NaiveDate::default()).num_days().into(), scale: 0 })
}

/// `units` over ten to the `scale`.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    units: i128,
    scale: u32,
}

/// Digits before the point, and after it: with room in an i128 for one brought to the scale of another.
const DIGITS_MAX: (usize, usize) = (18, 12);

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || whole.len() > DIGITS_MAX.0 || fraction.len() > DIGITS_MAX.1 {
            return None;
        }
        let units: i128 = format!("{whole}{fraction}").parse().ok()?;
        let units = if text.starts_with('-') { -units } else { units };
        Some(Self { units, scale: fraction.len() as u32 }.trimmed())
    }

    /// Without zeros at the end of the fraction.
    fn trimmed(mut self) -> Self {
        while self.scale > 0 && self.units % 10 == 0 {
            self.units /= 10;
            self.scale -= 1;
        }
        self
    }

    /// The units at a scale that is not smaller.
    fn at(&self, scale: u32) -> i128 {
        self.units * 10_i128.pow(scale - self.scale)
    }

    /// In the class of a threshold; whole for all but `Float`.
    fn literal(&self, class: Class) -> Literal {
        const DAY_MS: i64 = 86_400_000;
        let whole = self.trimmed().units as i64;
        match class {
            // Read as the text of a rule is, so that it is the same double.
            Class::Float => Literal::float(self.to_string().parse().unwrap_or(f64::NAN)),
            Class::Ts => Literal::Int(whole * DAY_MS),
            _ => Literal::Int(whole),
        }
    }

    fn day(&self) -> String {
        let days = Days::new(self.units.unsigned_abs() as u64);
        let epoch = NaiveDate::default();
        let day = if self.units < 0 { epoch.checked_sub_days(days) } else { epoch.checked_add_days(days) };
        day.map_or_else(|| self.to_string(), |day| day.to_string())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let (units, one) = (self.units.unsigned_abs(), 10_u128.pow(self.scale));
        match self.scale {
            0 => write!(f, "{sign}{units}"),
            scale => write!(f, "{sign}{}.{:0width$}", units / one, units % one, width = scale as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, class: Class) -> String {
        let values = Parameter::parse(text).and_then(|parameter| parameter.values(class));
        match values {
            Ok(values) => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    fn check(class: Class, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            assert_eq!(values(text, class), *expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_those_that_are_written() {
        check(
            Class::Float,
            &[
                ("0.5..2 step 0.5", "0.5 1 1.5 2"),
                ("  0.5 .. 2   step 0.5 ", "0.5 1 1.5 2"),
                // In doubles the third of these would be 0.30000000000000004.
                ("0.1..0.4 step 0.1", "0.1 0.2 0.3 0.4"),
                ("0..10 step 3", "0 3 6 9 10"),
                ("-1..1 step 0.5", "-1 -0.5 0 0.5 1"),
                ("-5..-4 step 1", "-5 -4"),
                ("7..7", "7"),
                ("7", "7"),
                ("10, 1,2.50,2.5,.5,1.", "0.5 1 2.5 10"),
                ("999999999999999999", "1000000000000000000"),
            ],
        );
        check(Class::Int, &[("1..5 step 2", "1 3 5"), ("1.0,2.00", "1 2"), ("0..3", "0 1 2 3")]);
    }

    #[test]
    fn a_step_that_is_not_given_is_a_round_one() {
        check(
            Class::Float,
            &[
                ("0..1", "0 0.05 0.1 0.15 0.2 0.25 0.3 0.35 0.4 0.45 0.5 0.55 0.6 0.65 0.7 0.75 0.8 0.85 0.9 0.95 1"),
                (
                    "0.5..20",
                    "0.5 1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5 10.5 11.5 12.5 13.5 14.5 15.5 16.5 17.5 18.5 19.5 20",
                ),
            ],
        );
        check(Class::Int, &[("0..90", "0 5 10 15 20 25 30 35 40 45 50 55 60 65 70 75 80 85 90")]);
        let million = Parameter::parse("1..1000000").unwrap().values(Class::Float).unwrap();
        assert_eq!((million.len(), million[1].as_f64(), million[20].as_f64()), (21, Some(50_001.0), Some(1e6)));
    }

    #[test]
    fn days_are_days() {
        let days = "2026-01-01..2026-01-31 step 7";
        check(
            Class::Date,
            &[
                (days, "20454 20461 20468 20475 20482 20484"),
                ("2026-01-02,2026-01-01", "20454 20455"),
                ("1969-12-31", "-1"),
            ],
        );
        check(Class::Ts, &[("1970-01-01..1970-01-02", "0 86400000")]);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let form = "write `FROM..TO`, `FROM..TO step STEP` or values with commas between them";
        check(
            Class::Float,
            &[
                ("", form),
                ("1,2 step 3", form),
                ("..", "`` is not a number written in digits, such as 12 or 0.5"),
                ("1..x", "`x` is not a number written in digits, such as 12 or 0.5"),
                ("1..NaN", "`NaN` is not a number written in digits, such as 12 or 0.5"),
                ("1..inf step 1", "`inf` is not a number written in digits, such as 12 or 0.5"),
                ("1,,2", "`` is not a number written in digits, such as 12 or 0.5"),
                ("1e3..1e4", "`1e3` is not a number written in digits, such as 12 or 0.5"),
                ("500..1,000", "`1,000` is not a number written in digits, such as 12 or 0.5"),
                ("1..2 step", "`` is not a step written in digits, such as 5 or 0.25"),
                ("1..2 step 0", "the step `0` is not above zero"),
                ("1..2 step -0.5", "the step `-0.5` is not above zero"),
                ("2..1 step 0.5", "`2..1` is empty: it ends before it begins"),
                ("0..10000 step 1", "10001 values are more than 10000; take a longer step"),
                (
                    "0..999999999999999999 step 0.000000000001",
                    "999999999999999999000000000001 values are more than 10000; take a longer step",
                ),
                ("1000000000000000000", "`1000000000000000000` is not a number written in digits, such as 12 or 0.5"),
            ],
        );
        check(
            Class::Int,
            &[
                ("0..2 step 0.5", "`0.5` has a fraction, and the threshold counts in whole numbers"),
                ("0.5..20", "`0.5` has a fraction, and the threshold counts in whole numbers"),
            ],
        );
        check(
            Class::Date,
            &[
                ("2026-01-01..5", "`5` is not a date such as 2026-01-31"),
                ("2026-01-01..2026-02-30", "`2026-02-30` is not a date such as 2026-01-31"),
                ("2026-02-01..2026-01-01", "`2026-02-01..2026-01-01` is empty: it ends before it begins"),
                ("2026-01-01..2026-02-01 step 0.5", "`0.5` is not a number of days"),
            ],
        );
    }
}
