//! What is shown of personal data to those who did not ask for all of it.
//!
//! | class | shown |
//! |---|---|
//! | `name` | first letter of each part: `K*** M***` |
//! | `birth` | the year, as its first day; of places nothing |
//! | `document` | last three characters, of six or more |
//! | `contact` | country code of a phone, domain of a mail address, last part of an address where it is a word, city |
//! | `payment`, `sensitive` | nothing: NULL |
//! | `business` | all; where the party is a person, as `name` or `document` |
//!
//! Codes (kind or country of a document, precision of a birth date) name nobody and are shown, but for sensitive ones.
//! A table is masked before a query sees it, so nothing can be learned from conditions, joins or groups either.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, ListArray, StringArray, StringViewArray, StructArray, new_null_array,
};
use arrow::datatypes::{DataType, Date32Type};
use chrono::{Datelike, NaiveDate};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, col, when,
};
use haechi_model::{Column, Kind, Personal};

/// Stands for what is not shown.
const HIDDEN: &str = "***";

/// How the values of a column are masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mask {
    Nothing,
    Initials,
    Year,
    LastThree,
    Contact,
}

/// What is shown of a column of a table that has these columns. `None`: all of it.
pub(crate) fn masked(column: &Column, columns: &[Column]) -> Option<Expr> {
    let class = column.personal?;
    let code = matches!(column.kind, Kind::Code | Kind::List(Kind::Code));
    let mask = match class {
        Personal::Sensitive | Personal::Payment => Mask::Nothing,
        _ if code => return None,
        Personal::Contact if column.name == "city" => return None,
        Personal::Name => Mask::Initials,
        Personal::Birth => Mask::Year,
        Personal::Document => Mask::LastThree,
        Personal::Contact => Mask::Contact,
        Personal::Business => {
            let is_person = is_person(column.name, columns)?;
            let mask = if column.kind == Kind::Id { Mask::LastThree } else { Mask::Initials };
            let shown = when(col(is_person).is_true(), mask.of(column)).otherwise(col(column.name)).ok()?;
            return Some(shown.alias(column.name));
        }
    };
    Some(mask.of(column).alias(column.name))
}

/// The column that says whether the party of a column is a person.
fn is_person(name: &str, columns: &[Column]) -> Option<&'static str> {
    let party = name.split('_').next().unwrap_or_default();
    let says = |column: &&Column| {
        let of = column.name.strip_suffix("is_person");
        of.is_some_and(|of| of.is_empty() || of.strip_suffix('_') == Some(party))
    };
    columns.iter().find(says).map(|column| column.name)
}

impl Mask {
    fn of(self, column: &Column) -> Expr {
        let function = MaskFunction { mask: self, signature: Signature::any(1, Volatility::Immutable) };
        ScalarUDF::new_from_impl(function).call(vec![col(column.name)])
    }

    /// An array of the same type with what is shown.
    fn apply(self, array: &ArrayRef) -> Result<ArrayRef> {
        if self == Self::Nothing {
            return Ok(new_null_array(array.data_type(), array.len()));
        }
        Ok(match array.data_type() {
            DataType::Utf8View => {
                let texts = array.as_string_view().iter().map(|text| self.text(text?));
                Arc::new(texts.collect::<StringViewArray>())
            }
            DataType::Utf8 => {
                let texts = array.as_string::<i32>().iter().map(|text| self.text(text?));
                Arc::new(texts.collect::<StringArray>())
            }
            DataType::Date32 => {
                let dates = array.as_primitive::<Date32Type>().iter().map(|date| self.date(date?));
                Arc::new(dates.collect::<Date32Array>())
            }
            DataType::List(item) => {
                let lists = array.as_list::<i32>();
                let items = self.apply(lists.values())?;
                Arc::new(ListArray::try_new(item.clone(), lists.offsets().clone(), items, lists.nulls().cloned())?)
            }
            DataType::Struct(fields) => {
                let records = array.as_struct();
                let members = records.columns().iter().zip(fields);
                let shown = |name: &str| matches!(name, "kind" | "country" | "script" | "from" | "level" | "carrier");
                let members = members.map(|(member, field)| match member.data_type() {
                    // Codes and places of origin among the members name nobody; dates are masked whatever their name.
                    DataType::Utf8 if shown(field.name()) => Ok(member.clone()),
                    _ => self.apply(member),
                });
                let members = members.collect::<Result<Vec<_>>>()?;
                Arc::new(StructArray::try_new(fields.clone(), members, records.nulls().cloned())?)
            }
            // Numbers and flags are of no person without the rest.
            DataType::Boolean | DataType::Int32 | DataType::Float64 => array.clone(),
            other => new_null_array(other, array.len()),
        })
    }

    fn text(self, text: &str) -> Option<String> {
        match self {
            Self::Nothing | Self::Year => None,
            Self::Initials => {
                let initial = |part: &str| part.chars().next().map(|first| format!("{first}{HIDDEN}"));
                Some(text.split_whitespace().filter_map(initial).collect::<Vec<_>>().join(" "))
            }
            Self::LastThree => {
                let length = text.chars().count();
                let last: String = text.chars().skip(if length < 6 { length } else { length - 3 }).collect();
                Some(format!("{HIDDEN}{last}"))
            }
            Self::Contact => Some(contact(text)),
        }
    }

    fn date(self, days: i32) -> Option<i32> {
        if self != Self::Year {
            return None;
        }
        let year = NaiveDate::from_epoch_days(days)?.year();
        Some(NaiveDate::from_ymd_opt(year, 1, 1)?.to_epoch_days())
    }
}

/// A mail address, a phone number or a place.
fn contact(text: &str) -> String {
    if let Some((_, domain)) = text.rsplit_once('@') {
        return format!("{HIDDEN}@{domain}");
    }
    if let Some(number) = text.strip_prefix('+') {
        return format!("+{}{HIDDEN}", number.chars().take(country_code_digits(number)).collect::<String>());
    }
    match text.rsplit_once(", ") {
        Some((_, place)) if !place.bytes().any(|b| b.is_ascii_digit()) => format!("{HIDDEN}, {place}"),
        _ => HIDDEN.to_owned(),
    }
}

/// How long the country code of an international number is, by ITU-T E.164: zones 1 and 7 have one digit, and these
/// have two.
fn country_code_digits(number: &str) -> usize {
    const OF_TWO: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 \
                          65 66 81 82 84 86 90 91 92 93 94 95 98";
    let two = number.get(..2).unwrap_or_default();
    match number.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if two.len() == 2 && OF_TWO.split(' ').any(|code| code == two) => 2,
        _ => 3,
    }
}

/// A mask as a function. It stands in the plans of tables, and no query can name it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct MaskFunction {
    mask: Mask,
    signature: Signature,
}

impl ScalarUDFImpl for MaskFunction {
    fn name(&self) -> &'static str {
        "masked"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types.first().cloned().ok_or_else(|| DataFusionError::Plan("masks have one argument".to_owned()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Array(array)) => Ok(ColumnarValue::Array(self.mask.apply(array)?)),
            Some(ColumnarValue::Scalar(value)) => {
                let shown = self.mask.apply(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&shown, 0)?))
            }
            None => Err(DataFusionError::Internal("a mask without a column".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use haechi_model::streams::{COMPANY, DECLARATION, STREAMS, TRAVELLER};

    use super::*;

    #[test]
    fn texts_show_what_their_class_allows() {
        let cases = [
            (Mask::Initials, "KIM MIN JUN", "K*** M*** J***"),
            (Mask::Initials, "김민준", "김***"),
            (Mask::LastThree, "M12345678", "***678"),
            (Mask::LastThree, "M1234", "***"),
            (Mask::Contact, "+821012345678", "+82***"),
            (Mask::Contact, "+14155550100", "+1***"),
            (Mask::Contact, "+85212345678", "+852***"),
            (Mask::Contact, "someone@example.org", "***@example.org"),
            (Mask::Contact, "12 High St, 04524, Seoul", "***, Seoul"),
            (Mask::Contact, "12 High St, 04524", "***"),
            (Mask::Contact, "010-1234-5678", "***"),
        ];
        for (mask, text, expected) in cases {
            assert_eq!(mask.text(text).as_deref(), Some(expected), "{mask:?} {text}");
        }
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap().to_epoch_days();
        assert_eq!(Mask::Year.date(day(1987, 6, 5)), Some(day(1987, 1, 1)));
        assert_eq!(Mask::Year.text("Busan"), None);
    }

    #[test]
    fn every_personal_column_is_masked_or_said_to_be_shown() {
        let mut shown: Vec<String> = Vec::new();
        for stream in STREAMS {
            let columns: Vec<_> = stream.all_columns().copied().collect();
            for column in columns.iter().filter(|c| c.personal.is_some_and(|class| class != Personal::Business)) {
                if masked(column, &columns).is_none() {
                    shown.push(format!("{}.{}", stream.name, column.name));
                }
            }
        }
        let expected = "traveller.birth_date_precision traveller.document_kind traveller.document_country \
                        traveller.address_country crossing.document_country company.city company.country";
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn businesses_are_masked_where_they_are_persons() {
        let columns = |stream: &haechi_model::Stream| stream.all_columns().copied().collect::<Vec<_>>();
        let of = |stream, name| is_person(name, &columns(stream));
        assert_eq!(of(&DECLARATION, "importer_name"), Some("importer_is_person"));
        assert_eq!(of(&DECLARATION, "exporter_name"), None);
        assert_eq!(of(&COMPANY, "name"), Some("is_person"));
        assert_eq!(of(&TRAVELLER, "surname"), None);
    }
}
