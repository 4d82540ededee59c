//! Constants, and how one fits what it is compared with: days and instants out of text, whole numbers out of doubles.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use datafusion_common::ScalarValue;
use datafusion_sql::sqlparser::ast::Expr;

use super::constant_lists::quoted;
use super::lower::{LabelHelp, Lowering};
use super::value::Value;
use crate::program::{Class, Cmp, Literal, OperandId};

/// A comparison once its constant has the class of its operand.
pub(super) enum Fitted {
    /// This comparison with this constant.
    To(Cmp, Literal),
    /// Equality with something no value of the operand can be, such as a whole number with 2.5.
    Never,
}

impl Lowering<'_, '_> {
    /// A number as it is written.
    pub fn number(&mut self, at: &Expr, digits: &str) -> Option<Value> {
        let number = number(digits);
        if number.is_none() {
            self.error("E0201", at, format!("`{digits}` is not a number")).label_help("", None);
        }
        number.map(Value::Literal)
    }

    /// A constant in the class of what it is compared with.
    pub fn fit(&mut self, at: &Expr, cmp: Cmp, operand: OperandId, literal: &Literal) -> Option<Fitted> {
        let class = self.class(operand);
        let unfit = match fitted(class, cmp, literal.clone()) {
            Ok(fitted) => return Some(fitted),
            Err(literal) => literal,
        };
        if let (Class::Date | Class::Ts, Literal::Text(text)) = (class, &unfit) {
            self.error("E0206", at, format!("`{text}` is not a date or an instant"))
                .label_help("cannot be read", Some("write '2026-01-31' or '2026-01-31T08:00:00Z'"));
            return None;
        }
        self.mismatch(at, &Value::Operand(operand), &Value::Literal(unfit))
    }
}

/// A comparison with a constant, in the class of the operand; the constant where it has none there.
pub(super) fn fitted(class: Class, cmp: Cmp, literal: Literal) -> Result<Fitted, Literal> {
    let constant = match (class, &literal) {
        (Class::Text, Literal::Text(_)) | (Class::Int, Literal::Int(_)) | (Class::Float, Literal::Float(_)) => {
            return Ok(Fitted::To(cmp, literal));
        }
        (Class::Float, Literal::Int(value)) => Some(Literal::float(*value as f64)),
        (Class::Int, Literal::Float(bits)) => return Ok(whole_number(cmp, f64::from_bits(*bits))),
        (Class::Date, Literal::Text(text)) => day(text).map(Literal::Int),
        (Class::Ts, Literal::Text(text)) => instant(text).map(Literal::Int),
        _ => None,
    };
    constant.map(|constant| Fitted::To(cmp, constant)).ok_or(literal)
}

/// A text in quotes or a number, as it is written.
pub(super) fn written(constant: &str) -> Option<Literal> {
    match quoted(constant) {
        Some(text) => Some(Literal::Text(text.into())),
        None => number(constant),
    }
}

fn number(digits: &str) -> Option<Literal> {
    if let Ok(whole) = digits.parse() {
        return Some(Literal::Int(whole));
    }
    digits.parse().ok().filter(|number: &f64| number.is_finite()).map(Literal::float)
}

/// A comparison of integers with a number that may have a fraction or be out of their range, as a comparison with an
/// integer.
fn whole_number(cmp: Cmp, number: f64) -> Fitted {
    // NaN is above all numbers.
    let floor = if number.is_nan() { f64::INFINITY } else { number.floor() };
    let nearest = floor as i64;
    let below_all = floor < nearest as f64;
    let cmp = match cmp {
        cmp if nearest as f64 == number => cmp,
        Cmp::Eq | Cmp::Ne => return Fitted::Never,
        Cmp::Gt | Cmp::Ge if below_all => Cmp::Ge,
        Cmp::Lt | Cmp::Le if below_all => Cmp::Lt,
        Cmp::Gt | Cmp::Ge => Cmp::Gt,
        Cmp::Lt | Cmp::Le => Cmp::Le,
    };
    Fitted::To(cmp, Literal::Int(nearest))
}

/// Days since 1970.
pub(super) fn day(text: &str) -> Option<i64> {
    let date = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok()?;
    Some(date.signed_duration_since(NaiveDate::default()).num_days())
}

/// Milliseconds since 1970 of a day, a wall time in UTC, or an instant with zone.
pub(super) fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(day) = day(text) {
        return Some(day * 86_400_000);
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Some(instant.timestamp_millis());
    }
    let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    formats.iter().find_map(|f| NaiveDateTime::parse_from_str(text, f).ok()).map(|t| t.and_utc().timestamp_millis())
}

/// A value that DataFusion computed, if it can be compared. Days and instants go back to the text they are written
/// as: what they meet says which of the two is meant.
pub(super) fn literal_of(value: &ScalarValue) -> Option<Value> {
    if value.is_null() {
        return Some(Value::Null);
    }
    Some(Value::Literal(match value {
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            Literal::Text(text.as_str().into())
        }
        ScalarValue::Boolean(Some(value)) => Literal::Bool(*value),
        ScalarValue::Int64(Some(value)) => Literal::Int(*value),
        ScalarValue::Int32(Some(value)) => Literal::Int((*value).into()),
        ScalarValue::Float64(Some(value)) => Literal::float(*value),
        ScalarValue::Date32(Some(days)) => Literal::Text(day_text(i64::from(*days))?.into()),
        ScalarValue::TimestampSecond(Some(s), _) => Literal::Text(instant_text(s.checked_mul(1_000)?)?.into()),
        ScalarValue::TimestampMillisecond(Some(ms), _) => Literal::Text(instant_text(*ms)?.into()),
        ScalarValue::TimestampMicrosecond(Some(us), _) => Literal::Text(instant_text(us.div_euclid(1_000))?.into()),
        ScalarValue::TimestampNanosecond(Some(ns), _) => Literal::Text(instant_text(ns.div_euclid(1_000_000))?.into()),
        _ => return None,
    }))
}

fn day_text(days: i64) -> Option<String> {
    DateTime::from_timestamp(days.checked_mul(86_400)?, 0).map(|at| at.date_naive().to_string())
}

fn instant_text(ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(ms).map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
