//! The documents that answer XML messages: a response to a declaration in the WCO Data Model, notices to a Korean one,
//! interventions to an entry summary declaration.
//!
//! A number at customs (an MRN) is given by the office's register and not by us: an entry summary declaration that has
//! none yet is registered there, and answered with IE351 once it has one.

use std::ops::Range;

use haechi_model::intake::SetAside;

use super::answers::{
    EntryHeader, EntryTransport, Intervention, Pointer, ResponseError, ResponseFunction, WcoResponse, ie351,
};
use super::notice::{InspectionNotice, ReviewNotice, SEOUL_MS, method_of, review_of};
use super::{ens, korea, wco};
use crate::answers::{Answering, Decided, Document, Rows, Taken, XML, strictest};

const DAY_MS: i64 = 86_400_000;
/// Errors that one answer names.
const ERRORS_MAX: usize = 99;
/// Sections of a declaration, as pointers write them: the declaration, its shipment, an item.
const SECTIONS: [&str; 3] = ["42A", "67A", "68A"];

/// Answers all messages of a document that ask for an answer.
pub fn answer(to: &Answering<'_>) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut add = |text: String| documents.push(Document { content_type: XML, text });
    if let Some(taken) = to.of("declaration") {
        let cells = Rows::new(&taken.rows, &["message_format", "declaration_id", "sender_id", "office"]);
        for (n, run) in cells.runs("declaration_id").into_iter().enumerate() {
            let subject = Subject { to, taken, cells: &cells, run, n: n + 1 };
            match cells.text("message_format", subject.run.start) {
                wco::DECLARATION => subject.response().into_iter().for_each(&mut add),
                korea::IMPORT | korea::EXPORT => subject.notices().into_iter().for_each(&mut add),
                _ => {}
            }
        }
    }
    if let Some(taken) = to.of("consignment") {
        let cells = Rows::new(&taken.rows, ENTRY);
        for (n, run) in cells.runs("manifest_id").into_iter().enumerate() {
            let subject = Subject { to, taken, cells: &cells, run, n: n + 1 };
            if cells.text("message_format", subject.run.start) == ens::NAME {
                subject.interventions().into_iter().for_each(&mut add);
            }
        }
    }
    documents
}

/// Columns of consignments that an intervention repeats.
const ENTRY: &[&str] = &[
    "message_format",
    "message_id",
    "manifest_id",
    "consignment_id",
    "sender_id",
    "office",
    "forwarder_id",
    "conveyance_id",
    "conveyance_country",
    "voyage_no",
];

/// A declaration, and the rows that are of it.
struct Subject<'a> {
    to: &'a Answering<'a>,
    taken: &'a Taken,
    cells: &'a Rows<'a>,
    run: Range<usize>,
    n: usize,
}

impl Subject<'_> {
    fn text(&self, name: &str) -> &str {
        self.cells.text(name, self.run.start)
    }

    /// What was decided, unless it does not hold any more.
    fn decided(&self) -> Option<Decided> {
        let decided = strictest(self.run.clone().filter_map(|row| self.taken.decided[row]))?;
        (!decided.superseded).then_some(decided)
    }

    fn reference(&self) -> String {
        format!("{}{}", self.to.reference, self.n)
    }

    fn response(&self) -> Option<String> {
        let decided = self.decided()?;
        let errors: Vec<ResponseError> = self.to.set_aside.iter().take(ERRORS_MAX).map(error).collect();
        // A part of it is missing: the rest is not told to go.
        let function =
            if errors.is_empty() { ResponseFunction::of_lane(decided.lane)? } else { ResponseFunction::Rejected };
        let number = self.text("declaration_id");
        let own = number.strip_prefix(self.text("sender_id")).and_then(|rest| rest.strip_prefix(':'));
        let days = i64::from(self.to.settings.documents_days);
        let wanted = function == ResponseFunction::Documents;
        let response = WcoResponse {
            function: Some(function),
            reference: self.reference(),
            issued_at: Some(self.to.at_ms),
            declaration_reference: own.map(str::to_owned),
            declaration_id: own.is_none().then(|| number.to_owned()),
            declaration_version: u32::try_from(decided.version).ok(),
            limit_at: wanted.then_some(decided.at_ms + days * DAY_MS),
            control_result: None,
            errors,
        };
        Some(response.write())
    }

    fn notices(&self) -> Vec<String> {
        let Some(decided) = self.decided() else { return Vec::new() };
        let Some((review_result, inspected)) = review_of(decided.lane) else { return Vec::new() };
        // What is incomplete is not cleared: it is pending, and why is said.
        let fault = self.to.set_aside.first().map(|unit| (unit.code.to_owned(), unit.reason.clone()));
        let version = u32::try_from(decided.version).unwrap_or_default();
        let days = i64::from(self.to.settings.documents_days);
        let due_on = ((decided.at_ms + SEOUL_MS) / DAY_MS + days) as i32;
        let review_result = if fault.is_some() && !inspected { PENDING } else { review_result };
        let review = ReviewNotice {
            declaration_id: self.text("declaration_id").to_owned(),
            version,
            review_result,
            noticed_at: self.to.at_ms,
            office: self.text("office").to_owned(),
            officer: None,
            reason: fault,
            inspected,
            items: Vec::new(),
            due_on: (review_result == PENDING).then_some(due_on),
        };
        let containers: Vec<(String, u8)> = match method_of(decided.lane, self.to.settings.examination) {
            Some(method) => {
                let containers = self.cells.listed("container_ids", None, self.run.start);
                containers.into_iter().map(|container| (container, method)).collect()
            }
            None => Vec::new(),
        };
        let inspection = (!containers.is_empty()).then(|| InspectionNotice {
            declaration_id: review.declaration_id.clone(),
            version,
            noticed_at: self.to.at_ms,
            office: review.office.clone(),
            containers,
        });
        let mut notices = vec![review.write()];
        notices.extend(inspection.map(|notice| notice.write()));
        notices
    }

    /// IE351, where anything is to happen to an item and the declaration is registered.
    fn interventions(&self) -> Option<String> {
        let number = self.text("manifest_id");
        let intervention = |row: usize| {
            let decided = self.taken.decided[row].filter(|decided| !decided.superseded)?;
            let item_no = self.cells.number("line_no", row).and_then(|n| u32::try_from(n).ok())?;
            Intervention::is_told(decided.lane).then(|| Intervention {
                item_no,
                code: decided.lane.name().to_uppercase(),
                text: if decided.lane.name() == "scan" { "SCAN BEFORE STORAGE" } else { "EXAMINATION ON ARRIVAL" }
                    .to_owned(),
            })
        };
        // Of one that is not registered the subject is `sender:reference`.
        let unregistered = self.text("consignment_id").starts_with(&format!("{}:", self.text("sender_id")))
            || self.text("consignment_id").starts_with(':');
        let interventions: Vec<Intervention> = self.run.clone().filter_map(intervention).collect();
        if unregistered || interventions.is_empty() {
            return None;
        }
        let row = self.run.start;
        let header = EntryHeader {
            sender: self.to.settings.party.clone(),
            recipient: self.text("sender_id").to_owned(),
            message_id: self.reference(),
            correlation_id: self.cells.some("message_id", row),
            prepared_at: self.to.at_ms,
            reference: String::new(),
            mrn: number.to_owned(),
            registered_at: self.cells.instant("manifested_at", row).unwrap_or(self.to.at_ms),
            office: self.text("office").to_owned(),
            arrival_expected_at: self.cells.instant("arrival_expected_at", row),
            lodging_person: self.cells.some("forwarder_id", row),
            transport: EntryTransport {
                mode: None,
                country: self.cells.some("conveyance_country", row),
                conveyance: self.cells.some("conveyance_id", row),
                commercial_reference: None,
                conveyance_reference: self.cells.some("voyage_no", row),
            },
        };
        Some(ie351(&header, self.to.at_ms, self.run.len() as u32, &interventions))
    }
}

/// 023: something is missing.
const PENDING: u8 = 12;

/// A unit that was set aside, with the item it is in where it says so.
fn error(unit: &SetAside) -> ResponseError {
    let item = unit.position.split_once("GovernmentAgencyGoodsItem[").and_then(|(_, rest)| rest.split_once(']'));
    let item = item.and_then(|(n, _)| n.parse().ok());
    let depth = if item.is_some() { SECTIONS.len() } else { 1 };
    let pointer = |section: &&str| Pointer {
        sequence: if *section == SECTIONS[2] { item } else { Some(1) },
        section: (*section).to_owned(),
        tag: None,
    };
    ResponseError { code: unit.code.to_owned(), pointers: SECTIONS[..depth].iter().map(pointer).collect() }
}
