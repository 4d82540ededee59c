//! How selections are written for who receives them: as JSON, or as the answers that declarants and carriers know.
//!
//! What such an answer says follows from the selection alone, so the same selection is the same document however often it
//! is sent. Travellers have none here: a passenger list that is posted is answered where it came in, person by person; who sends
//! it in an envelope, a file or a topic gets no CUSRES.

use chrono::{DateTime, NaiveDateTime};
use chrono_tz::Tz;
use haechi_model::{Lane, SubjectKind};
use serde::{Deserialize, Serialize};

use super::json::SelectionJson;
use super::published::Published;
use crate::answers::{AnswerSettings, EDIFACT, XML};
use crate::formats::edifact::answers::customs::{self, BillAnswer, CustomsAnswer};
use crate::formats::edifact::write::Envelope;
use crate::formats::xml::answers::{ResponseFunction, WcoResponse};
use crate::formats::xml::notice::{ReviewNotice, SEOUL_MS, review_of};

const DAY_MS: i64 = 86_400_000;
/// 023: documents are wanted.
const PENDING: u8 = 12;

/// `form`: how selections are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// An array of objects, one a selection.
    #[default]
    Json,
    /// An interchange with the CUSRES of a declaration or bill.
    Cusres,
    /// A response of the WCO Data Model, of a declaration.
    WcoRes,
    /// A notice 023 in the manner of GOVCBR, of a declaration.
    GovcbrNotice,
}

impl Form {
    /// Media type of a body.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Cusres => EDIFACT,
            Self::WcoRes | Self::GovcbrNotice => XML,
        }
    }

    /// Whether a body has one selection: what goes to one declarant says nothing of others.
    pub fn is_single(self) -> bool {
        self != Self::Json
    }

    /// Whether subjects of a kind are told about in it.
    pub fn takes(self, kind: Option<SubjectKind>) -> bool {
        match self {
            Self::Json => true,
            Self::Cusres => matches!(kind, Some(SubjectKind::Declaration | SubjectKind::Consignment)),
            Self::WcoRes | Self::GovcbrNotice => kind == Some(SubjectKind::Declaration),
        }
    }
}

/// Writes selections in a form.
#[derive(Clone, Debug)]
pub struct FormWriter {
    /// Which.
    pub form: Form,
    /// What is the country's own in it.
    pub answers: AnswerSettings,
    /// Whom interchanges are addressed to; empty for nobody named.
    pub recipient: String,
    /// On whose clock times without a zone are.
    pub zone: Tz,
}

impl FormWriter {
    /// Writes some selections of a batch, of kinds that the form [takes](Form::takes).
    pub fn body(&self, json: &SelectionJson<'_>, selections: &Published<'_>, rows: &[usize]) -> Vec<u8> {
        match self.form {
            Form::Json => {
                let mut body = Vec::new();
                for row in rows {
                    body.push(if body.is_empty() { b'[' } else { b',' });
                    json.write(*row, &mut body);
                }
                body.push(b']');
                body
            }
            Form::Cusres => self.cusres(selections, rows).into_bytes(),
            Form::WcoRes => single(rows, |row| self.response(selections, row)),
            Form::GovcbrNotice => single(rows, |row| self.notice(selections, row)),
        }
    }

    fn local(&self, at_ms: i64) -> NaiveDateTime {
        DateTime::from_timestamp_millis(at_ms).unwrap_or_default().with_timezone(&self.zone).naive_local()
    }

    fn cusres(&self, selections: &Published<'_>, rows: &[usize]) -> String {
        let answers: Vec<CustomsAnswer> = rows.iter().map(|row| self.answer(selections, *row)).collect();
        let first = rows.first().copied().unwrap_or_default();
        let envelope = Envelope {
            sender: self.answers.party.clone(),
            recipient: self.recipient.clone(),
            at: self.local(selections.decided_at.value(first)),
            ..Envelope::new(format!("S{}", selections.position(first)))
        };
        customs::write(&envelope, &self.answers.cusres, &answers)
    }

    fn answer(&self, selections: &Published<'_>, row: usize) -> CustomsAnswer {
        let (id, position) = (selections.subject_id(row), selections.position(row));
        let lane = selections.lane(row).unwrap_or_default();
        let status = self.answers.cusres.status(lane).map(str::to_owned);
        let decided_at = Some(self.local(selections.decided_at.value(row)));
        let is_bill = selections.kind(row) == Some(SubjectKind::Consignment);
        let kind = if is_bill { customs::Kind::Manifest } else { customs::Kind::Document };
        let mut answer = CustomsAnswer { decided_at, ..CustomsAnswer::new(kind, format!("S{position}"), id) };
        if is_bill {
            answer.references.push(("UCN".to_owned(), id.to_owned()));
            let status = status.unwrap_or_default();
            answer.bills.push(BillAnswer {
                kind: "714".to_owned(),
                number: id.to_owned(),
                status,
                ..BillAnswer::default()
            });
        } else {
            answer.released_at = decided_at.filter(|_| matches!(lane, "release" | "post_audit"));
            answer.status = status;
            let (qualifier, reference) = own_reference(id).map_or(("ABT", id), |own| ("ABE", own));
            answer.references.push((qualifier.to_owned(), reference.to_owned()));
        }
        answer
    }

    fn response(&self, selections: &Published<'_>, row: usize) -> Option<String> {
        let function = ResponseFunction::of_lane(lane(selections, row)?)?;
        let (id, at_ms) = (selections.subject_id(row), selections.decided_at.value(row));
        let days = i64::from(self.answers.documents_days);
        let own = own_reference(id);
        let response = WcoResponse {
            function: Some(function),
            reference: format!("S{}", selections.position(row)),
            issued_at: Some(at_ms),
            declaration_reference: own.map(str::to_owned),
            declaration_id: own.is_none().then(|| id.to_owned()),
            declaration_version: u32::try_from(selections.versions.value(row)).ok(),
            limit_at: (function == ResponseFunction::Documents).then_some(at_ms + days * DAY_MS),
            ..WcoResponse::default()
        };
        Some(response.write())
    }

    fn notice(&self, selections: &Published<'_>, row: usize) -> Option<String> {
        let (review_result, inspected) = review_of(lane(selections, row)?)?;
        let at_ms = selections.decided_at.value(row);
        let due_on = ((at_ms + SEOUL_MS) / DAY_MS + i64::from(self.answers.documents_days)) as i32;
        let notice = ReviewNotice {
            declaration_id: selections.subject_id(row).to_owned(),
            version: u32::try_from(selections.versions.value(row)).unwrap_or_default(),
            review_result,
            noticed_at: at_ms,
            inspected,
            due_on: (review_result == PENDING).then_some(due_on),
            ..ReviewNotice::default()
        };
        Some(notice.write())
    }
}

fn single(rows: &[usize], write: impl Fn(usize) -> Option<String>) -> Vec<u8> {
    rows.first().and_then(|row| write(*row)).unwrap_or_default().into_bytes()
}

fn lane(selections: &Published<'_>, row: usize) -> Option<Lane> {
    selections.kind(row)?.lane(selections.lane(row)?)
}

/// Of a declaration without a number yet: what its sender calls it, behind who that is.
fn own_reference(id: &str) -> Option<&str> {
    id.split_once(':').map(|(_, own)| own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::MessageInput;
    use crate::formats::edifact::answers::{Answer, read};
    use crate::formats::xml::notice::Notice;
    use crate::options::ReadOptions;
    use crate::sinks::testing::{Row, published};

    fn writer(form: Form) -> FormWriter {
        let recipient = "DEC1".to_owned();
        FormWriter { form, answers: AnswerSettings::default(), recipient, zone: Tz::Asia__Seoul }
    }

    fn bodies(form: Form, rows: &[Row]) -> Vec<String> {
        let batch = published(rows);
        let selections = Published::of(&batch).unwrap();
        let json = SelectionJson::over(selections);
        let taken: Vec<usize> = (0..rows.len()).filter(|row| form.takes(selections.kind(*row))).collect();
        let size = if form.is_single() { 1 } else { rows.len() };
        let body = |rows: &[usize]| String::from_utf8(writer(form).body(&json, &selections, rows)).unwrap();
        taken.chunks(size).map(body).collect()
    }

    fn rows() -> Vec<Row> {
        vec![
            Row::new(7, "declaration", "26KR1", "documents"),
            Row::new(8, "declaration", "99901:OWN1", "release"),
            Row::new(9, "consignment", "27ZZ1/1", "surveillance"),
            Row::new(10, "traveller", "ZZ1/A", "intercept"),
        ]
    }

    #[test]
    fn answers_read_as_what_was_selected() {
        let options = ReadOptions::default();
        let mut answers = Vec::new();
        for interchange in bodies(Form::Cusres, &rows()) {
            let (read, reading) = read(MessageInput { source: "s", bytes: interchange.as_bytes(), options: &options });
            assert!(reading.warnings.is_empty() && reading.set_aside.is_empty(), "{interchange}");
            assert!(interchange.contains("+CUSTOMS+DEC1+"), "{interchange}");
            answers.extend(read);
        }
        let told: Vec<(&str, Option<&str>)> = answers
            .iter()
            .map(|answer| match answer {
                Answer::Customs(answer) => {
                    let bill = answer.bills.first().map(|bill| bill.status.as_str());
                    (answer.references[0].0.as_str(), answer.status.as_deref().or(bill))
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [("ABT", Some("6")), ("ABE", Some("4")), ("UCN", Some("8"))], "who is watched is not told");

        let responses: Vec<WcoResponse> =
            bodies(Form::WcoRes, &rows()).iter().flat_map(|body| WcoResponse::read_all(body.as_bytes())).collect();
        let functions: Vec<_> =
            responses.iter().map(|response| (response.function, response.limit_at.is_some())).collect();
        assert_eq!(functions, [(Some(ResponseFunction::Documents), true), (Some(ResponseFunction::Cleared), false)]);
        assert_eq!(responses[1].declaration_reference.as_deref(), Some("OWN1"));

        let notices: Vec<Notice> =
            bodies(Form::GovcbrNotice, &rows()).iter().flat_map(|body| Notice::read_all(body.as_bytes())).collect();
        let [Notice::Review(wanted), Notice::Review(released)] = &notices[..] else { panic!("{notices:?}") };
        assert_eq!((wanted.review_result, released.review_result), (12, 13));
        assert!(wanted.due_on.is_some() && released.due_on.is_none());
    }
}
