//! Selection notices in the manner of GOVCBR: 023 result of the review, 5EM inspection. Their layouts are not public,
//! their lists of fields are; so these have a namespace of our own and those fields, one document a notice.
//!
//! | lane | 023 | 5EM |
//! |---|---|---|
//! | `release`, `post_audit` | 13, C/S `S` | none |
//! | `documents` | 12, C/S `S` | none |
//! | `scan` | 19, C/S `Y` | method 15 |
//! | `examine` | 19, C/S `Y` | method 11 to 14, as the office says |

use haechi_model::{Lane, SubjectKind};

use super::answers::stamp;
use super::convert::moment;
use super::output::Output;
use super::scan::Unit;
use super::tree::Element;
use super::write::Document;
use crate::formats::edifact::dates::days;
use crate::formats::edifact::places::to_utc_in;

/// Name of the format.
pub const NAME: &str = "govcbr_notice";
/// The namespace, with its version behind.
pub const NAMESPACE: &str = "urn:haechi:govcbr:notice:";
const VERSIONED: &str = "urn:haechi:govcbr:notice:1:0";
/// Milliseconds that Seoul is ahead.
pub const SEOUL_MS: i64 = 9 * 3_600_000;

/// 023: the result of the review of a declaration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReviewNotice {
    /// Number of the declaration.
    pub declaration_id: String,
    /// Of the declaration.
    pub version: u32,
    /// 11 to 19.
    pub review_result: u8,
    /// UTC milliseconds, to the second.
    pub noticed_at: i64,
    /// Three digits; empty where it is not known.
    pub office: String,
    /// Who reviewed.
    pub officer: Option<String>,
    /// Code and text of the reason, where the declarant is to do something.
    pub reason: Option<(String, String)>,
    /// Selected for inspection.
    pub inspected: bool,
    /// Item by item.
    pub items: Vec<ItemResult>,
    /// Days since 1970.
    pub due_on: Option<i32>,
}

/// The result for an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemResult {
    /// From 1.
    pub item_no: u32,
    /// Entry code of its reason.
    pub entry_code: Option<String>,
    /// In words.
    pub reason: Option<String>,
    /// Selected for inspection.
    pub inspected: bool,
}

/// 5EM: how containers are inspected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InspectionNotice {
    /// Number of the declaration.
    pub declaration_id: String,
    /// Of the declaration.
    pub version: u32,
    /// UTC milliseconds, to the second.
    pub noticed_at: i64,
    /// Three digits.
    pub office: String,
    /// Containers and how each is inspected: 11 to 15, 99.
    pub containers: Vec<(String, u8)>,
}

/// Review result, and whether inspected, of a declaration's lane.
pub fn review_of(lane: Lane) -> Option<(u8, bool)> {
    if lane.kind() != SubjectKind::Declaration {
        return None;
    }
    match lane.name() {
        "release" | "post_audit" => Some((13, false)),
        "documents" => Some((12, false)),
        "scan" | "examine" => Some((19, true)),
        _ => None,
    }
}

/// How a container of a declaration in this lane is inspected; `examination` is what the office does of 11 to 14.
pub fn method_of(lane: Lane, examination: u8) -> Option<u8> {
    match (lane.kind(), lane.name()) {
        (SubjectKind::Declaration, "scan") => Some(15),
        (SubjectKind::Declaration, "examine") => Some(if (11..=14).contains(&examination) { examination } else { 99 }),
        _ => None,
    }
}

fn selected(inspected: bool) -> &'static str {
    if inspected { "Y" } else { "S" }
}

fn begin(kind: &str, declaration_id: &str, version: u32, noticed_at: i64, office: &str) -> Document {
    let mut xml = Document::new();
    xml.open_with("SelectionNotice", &[("xmlns", VERSIONED)])
        .leaf("DocumentCode", kind)
        .leaf("DeclarationID", declaration_id)
        .leaf("VersionID", &version.to_string())
        .leaf("NoticeDateTime", &stamp(noticed_at + SEOUL_MS, "%Y%m%d%H%M%S"))
        .leaf_if("DeclarationOfficeID", Some(office).filter(|office| !office.is_empty()));
    xml
}

impl ReviewNotice {
    /// Writes it.
    pub fn write(&self) -> String {
        let mut xml = begin("023", &self.declaration_id, self.version, self.noticed_at, &self.office);
        xml.leaf("ReviewResultCode", &self.review_result.to_string())
            .leaf_if("OfficerName", self.officer.as_deref())
            .leaf("CargoSelectivityResultCode", selected(self.inspected));
        if let Some((code, text)) = &self.reason {
            xml.open("Reason").leaf("ReasonCode", code).leaf("ReasonDescription", text).close();
        }
        let due = self.due_on.map(|day| stamp(i64::from(day) * 86_400_000, "%Y%m%d"));
        xml.leaf_if("DueDate", due.as_deref());
        for item in &self.items {
            xml.open("Item")
                .leaf("SequenceNumeric", &item.item_no.to_string())
                .leaf_if("EntryCode", item.entry_code.as_deref())
                .leaf_if("ReasonDescription", item.reason.as_deref())
                .leaf("CargoSelectivityResultCode", selected(item.inspected))
                .close();
        }
        xml.finish()
    }
}

impl InspectionNotice {
    /// Writes it.
    pub fn write(&self) -> String {
        let mut xml = begin("5EM", &self.declaration_id, self.version, self.noticed_at, &self.office);
        for (container, method) in &self.containers {
            xml.open("Container").leaf("ID", container).leaf("InspectionMethodCode", &method.to_string()).close();
        }
        xml.finish()
    }
}

/// A notice, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// 023.
    Review(ReviewNotice),
    /// 5EM.
    Inspection(InspectionNotice),
}

impl Notice {
    fn read(root: Element<'_>) -> Option<Self> {
        let own = |path: &str| root.get(path).map(str::to_owned);
        let declaration_id = own("DeclarationID")?;
        let version = root.get("VersionID").and_then(|n| n.parse().ok())?;
        let noticed_at = to_utc_in(moment(root.get("NoticeDateTime")?)?, chrono_tz::Asia::Seoul)?;
        let office = own("DeclarationOfficeID").unwrap_or_default();
        let inspected = |element: Element<'_>| element.get("CargoSelectivityResultCode") == Some("Y");
        match root.get("DocumentCode")? {
            "023" => {
                let item = |item: Element<'_>| ItemResult {
                    item_no: item.get("SequenceNumeric").and_then(|n| n.parse().ok()).unwrap_or(0),
                    entry_code: item.get("EntryCode").map(str::to_owned),
                    reason: item.get("ReasonDescription").map(str::to_owned),
                    inspected: inspected(item),
                };
                Some(Self::Review(ReviewNotice {
                    declaration_id,
                    version,
                    review_result: root.get("ReviewResultCode").and_then(|n| n.parse().ok())?,
                    noticed_at,
                    office,
                    officer: own("OfficerName"),
                    reason: own("Reason/ReasonCode").zip(own("Reason/ReasonDescription")),
                    inspected: inspected(root),
                    items: root.all("Item").map(item).collect(),
                    due_on: root.get("DueDate").and_then(moment).map(|day| days(day.date)),
                }))
            }
            "5EM" => {
                let container = |c: Element<'_>| {
                    Some((c.get("ID")?.to_owned(), c.get("InspectionMethodCode").and_then(|n| n.parse().ok())?))
                };
                let containers = root.all("Container").filter_map(container).collect();
                Some(Self::Inspection(InspectionNotice { declaration_id, version, noticed_at, office, containers }))
            }
            _ => None,
        }
    }

    /// All notices in a document.
    pub fn read_all(bytes: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        super::each_unit(bytes, &mut |unit: &Unit<'_>| found.extend(Self::read(unit.element)));
        found
    }
}

/// A notice that came back to us: nothing is to be decided on, so it gives no rows and is counted.
pub(super) fn count(unit: &Unit<'_>, out: &mut Output<'_>) {
    out.saw(NAME, "1:0");
    if Notice::read(unit.element).is_some() {
        return out.count("notices", 1);
    }
    let position = format!("byte {}, SelectionNotice", unit.place.byte);
    out.set_aside("no_declaration", &position, "the notice lacks a field it must have", unit.element.raw());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_read_as_they_were_written() {
        for lane in SubjectKind::Declaration.all_lanes() {
            let (review_result, inspected) = review_of(lane).unwrap();
            let item = ItemResult { item_no: 1, entry_code: None, reason: Some("A & B".into()), inspected };
            let review = ReviewNotice {
                declaration_id: "9990127000123M".into(),
                version: 1,
                review_result,
                noticed_at: 1_800_000_000_000,
                office: "030".into(),
                officer: Some("가나다".into()),
                reason: (review_result == 12).then(|| ("01".into(), "원산지 증명서".into())),
                inspected,
                items: vec![item],
                due_on: Some(20_000),
            };
            assert_eq!(Notice::read_all(review.write().as_bytes()), [Notice::Review(review)]);
            if let Some(method) = method_of(lane, 12) {
                let inspection = InspectionNotice {
                    declaration_id: "9990127000123M".into(),
                    version: 1,
                    noticed_at: 1_800_000_000_000,
                    office: "030".into(),
                    containers: vec![("ZZZU0000010".into(), method)],
                };
                assert_eq!(Notice::read_all(inspection.write().as_bytes()), [Notice::Inspection(inspection)]);
            }
        }
    }
}
