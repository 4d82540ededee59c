//! Releases for transit: IE029 of phase 5, for declarations that were inspected and in order.

use super::super::record::Records;
use super::document::Document;
use super::{seoul, utc};

/// What comes back of a release; the time of the control to the day.
pub(super) const NCTS: &[&str] = &[
    "subject_kind",
    "subject_id",
    "subject_version",
    "inspected_at",
    "office",
    "officer_id",
    "result",
    "severity",
    "irregularities",
    "text",
    "waived",
    "final",
];

/// IE029.
pub(super) fn ncts(rows: &Records) -> String {
    let row = rows.at(0);
    let inspected = row.instant("inspected_at");
    let mut xml = Document::new("");
    xml.open_with("CC029C", "xmlns=\"http://ncts.dgtaxud.ec\" PhaseID=\"NCTS5.1\"");
    xml.leaf("messageSender", "NTA.ZZ");
    xml.leaf("preparationDateAndTime", &utc(inspected, "%Y-%m-%dT%H:%M:%SZ"));
    xml.leaf("messageIdentification", row.text("outcome_id"));
    xml.leaf("messageType", "CC029C");
    xml.open("TransitOperation");
    xml.leaf("MRN", row.text("subject_id"));
    xml.leaf("releaseDate", &seoul(inspected, "%Y-%m-%d"));
    xml.close(1);
    xml.open("CustomsOfficeOfDeparture");
    xml.leaf("referenceNumber", row.text("office"));
    xml.close(1);
    xml.open("ControlResult");
    xml.leaf("code", "A1");
    xml.leaf("date", &seoul(inspected, "%Y-%m-%d"));
    xml.leaf("controlledBy", row.text("officer_id"));
    xml.leaf("text", row.text("text"));
    xml.finish()
}
