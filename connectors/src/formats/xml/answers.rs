//! Answers that we write in XML, and read again: the WCO response, and IE328 and IE351 to an entry summary declaration.
//!
//! An answer tells a trader what to do, never why: no rule, score or instruction stands in it. Which one a lane gets is
//! here; who gets it and when is the business of whoever sends it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use haechi_model::{Lane, SubjectKind};

use super::convert::{id, moment};
use super::scan::Unit;
use super::tree::Element;
use super::write::Document;
use crate::formats::edifact::places::to_utc_in;

/// What a response says: the function code of the WCO Data Model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFunction {
    /// 01.
    Accepted,
    /// 02.
    Received,
    /// 03.
    Rejected,
    /// 05: the goods will be looked at.
    Control,
    /// 06: documents are to be produced.
    Documents,
    /// 07: changed after control.
    Changed,
    /// 08.
    Released,
    /// 09.
    Cleared,
    /// 11: a request was answered.
    Answered,
    /// 13.
    Tax,
    /// 14.
    Balance,
    /// 16.
    Exit,
}

const FUNCTIONS: &[(ResponseFunction, &str, &str)] = &[
    (ResponseFunction::Accepted, "01", "function_accepted"),
    (ResponseFunction::Received, "02", "function_received"),
    (ResponseFunction::Rejected, "03", "function_rejected"),
    (ResponseFunction::Control, "05", "function_control"),
    (ResponseFunction::Documents, "06", "function_documents"),
    (ResponseFunction::Changed, "07", "function_changed"),
    (ResponseFunction::Released, "08", "function_released"),
    (ResponseFunction::Cleared, "09", "function_cleared"),
    (ResponseFunction::Answered, "11", "function_answered"),
    (ResponseFunction::Tax, "13", "function_tax"),
    (ResponseFunction::Balance, "14", "function_balance"),
    (ResponseFunction::Exit, "16", "function_exit"),
];

impl ResponseFunction {
    /// What the declarant of a subject in this lane is told. Lanes of other subjects have none.
    pub fn of_lane(lane: Lane) -> Option<Self> {
        if lane.kind() != SubjectKind::Declaration {
            return None;
        }
        match lane.name() {
            "release" | "post_audit" => Some(Self::Cleared),
            "documents" => Some(Self::Documents),
            "scan" | "examine" => Some(Self::Control),
            _ => None,
        }
    }

    /// Two digits.
    pub fn code(self) -> &'static str {
        FUNCTIONS.iter().find(|(function, ..)| *function == self).map_or("", |(_, code, _)| code)
    }

    /// In counts.
    pub fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(function, ..)| *function == self).map_or("", |(.., name)| name)
    }

    fn of_code(code: &str) -> Option<Self> {
        let same = |known: &str| known.trim_start_matches('0') == code.trim_start_matches('0');
        FUNCTIONS.iter().find(|(_, known, _)| same(known)).map(|(function, ..)| *function)
    }
}

/// A mistake in a declaration, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseError {
    /// Validation code.
    pub code: String,
    /// From the declaration inwards.
    pub pointers: Vec<Pointer>,
}

/// A step towards a part of a declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    /// Which of them, from 1.
    pub sequence: Option<u32>,
    /// `42A` declaration, `67A` shipment, `68A` item.
    pub section: String,
    /// Element in it.
    pub tag: Option<String>,
}

/// A response in the WCO Data Model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WcoResponse {
    /// What it says; unknown codes are none.
    pub function: Option<ResponseFunction>,
    /// Our own reference.
    pub reference: String,
    /// Milliseconds since 1970, UTC.
    pub issued_at: Option<i64>,
    /// The declarant's reference.
    pub declaration_reference: Option<String>,
    /// The number at customs.
    pub declaration_id: Option<String>,
    /// Of the declaration.
    pub declaration_version: Option<u32>,
    /// Until when documents are to be produced.
    pub limit_at: Option<i64>,
    /// Result of a control: `A1`.
    pub control_result: Option<String>,
    /// Mistakes.
    pub errors: Vec<ResponseError>,
}

impl WcoResponse {
    /// Reads a `Response`. One that names no declaration is none.
    pub(super) fn read(root: Element<'_>) -> Option<Self> {
        let own = |path: &str| root.get(path).map(str::to_owned);
        let response = Self {
            function: root.get("FunctionCode").and_then(ResponseFunction::of_code),
            reference: own("FunctionalReferenceID").unwrap_or_default(),
            issued_at: instant(root, "IssueDateTime"),
            declaration_reference: own("Declaration/FunctionalReferenceID"),
            declaration_id: root.get("Declaration/ID").map(|number| id(Cow::Borrowed(number)).into_owned()),
            declaration_version: root.get("Declaration/VersionID").and_then(|version| version.parse().ok()),
            limit_at: root.all("AdditionalInformation").find_map(|info| instant(info, "LimitDateTime")),
            control_result: own("Status/NameCode"),
            errors: root.all("Error").take(1000).map(error).collect(),
        };
        (response.declaration_id.is_some() || response.declaration_reference.is_some()).then_some(response)
    }

    /// All responses in a document.
    pub fn read_all(bytes: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        super::each_unit(bytes, &mut |unit: &Unit<'_>| {
            let root = unit.element;
            let direct = (root.name() == "Response").then_some(root);
            found.extend(direct.into_iter().chain(root.all("Response")).filter_map(Self::read));
        });
        found
    }

    /// Writes it, in its `MetaData`.
    pub fn write(&self) -> String {
        let mut xml = Document::new();
        let metadata = "urn:wco:datamodel:WCO:DocumentMetaData-DMS:2";
        xml.open_with("MetaData", &[("xmlns", metadata)])
            .leaf("WCODataModelVersionCode", "3.6")
            .leaf("WCOTypeName", "RES")
            .open_with("Response", &[("xmlns", "urn:wco:datamodel:WCO:RES-DMS:2")])
            .leaf("FunctionCode", self.function.map_or("", ResponseFunction::code))
            .leaf("FunctionalReferenceID", &self.reference);
        if let Some(issued_at) = self.issued_at {
            date_time(&mut xml, "IssueDateTime", issued_at);
        }
        if let Some(limit_at) = self.limit_at {
            xml.open("AdditionalInformation").leaf("StatementCode", "ACA");
            date_time(&mut xml, "LimitDateTime", limit_at);
            xml.leaf("StatementTypeCode", "ACA").close();
        }
        for error in &self.errors {
            xml.open("Error").leaf("ValidationCode", &error.code);
            for Pointer { sequence, section, tag } in &error.pointers {
                xml.open("Pointer")
                    .leaf_if("SequenceNumeric", sequence.map(|n| n.to_string()).as_deref())
                    .leaf("DocumentSectionCode", section)
                    .leaf_if("TagID", tag.as_deref())
                    .close();
            }
            xml.close();
        }
        if let Some(result) = &self.control_result {
            xml.open("Status").leaf("NameCode", result).close();
        }
        xml.open("Declaration")
            .leaf_if("FunctionalReferenceID", self.declaration_reference.as_deref())
            .leaf_if("ID", self.declaration_id.as_deref())
            .leaf_if("VersionID", self.declaration_version.map(|n| n.to_string()).as_deref());
        xml.finish()
    }
}

fn error(error: Element<'_>) -> ResponseError {
    let pointer = |pointer: Element<'_>| Pointer {
        sequence: pointer.get("SequenceNumeric").and_then(|n| n.parse().ok()),
        section: pointer.get("DocumentSectionCode").unwrap_or_default().to_owned(),
        tag: pointer.get("TagID").map(str::to_owned),
    };
    ResponseError {
        code: error.get("ValidationCode").unwrap_or_default().to_owned(),
        pointers: error.all("Pointer").take(100).map(pointer).collect(),
    }
}

fn instant(element: Element<'_>, name: &str) -> Option<i64> {
    let element = element.at(name)?;
    let text = element.get("DateTimeString").or(element.value())?;
    to_utc_in(moment(text)?, chrono_tz::Tz::UTC)
}

fn date_time(xml: &mut Document, name: &'static str, instant: i64) {
    xml.open(name).leaf_with("DateTimeString", &[("formatCode", "304")], &stamp(instant, "%Y%m%d%H%M%SZ")).close();
}

/// An instant, UTC, by a pattern.
pub(in crate::formats) fn stamp(instant: i64, pattern: &str) -> String {
    DateTime::<Utc>::from_timestamp_millis(instant).unwrap_or_default().format(pattern).to_string()
}

/// What the answers to an entry summary declaration repeat of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryHeader {
    /// MesSenMES3: us.
    pub sender: String,
    /// MesRecMES6: who lodged it.
    pub recipient: String,
    /// MesIdeMES19: our number of this answer.
    pub message_id: String,
    /// CorIdeMES25: the message that is answered.
    pub correlation_id: Option<String>,
    /// When the answer was made; UTC milliseconds, to the minute.
    pub prepared_at: i64,
    /// RefNumHEA4.
    pub reference: String,
    /// DocNumHEA5: the MRN.
    pub mrn: String,
    /// When it was registered.
    pub registered_at: i64,
    /// RefNumCUSOFFFENT731: office of first entry.
    pub office: String,
    /// When the goods are expected there.
    pub arrival_expected_at: Option<i64>,
    /// TINPLD1: the person lodging it.
    pub lodging_person: Option<String>,
    /// How the goods come.
    pub transport: EntryTransport,
}

/// How the goods come, as the declaration said it; an IE351 repeats it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryTransport {
    /// TraModAtBorHEA76.
    pub mode: Option<String>,
    /// NatHEA001.
    pub country: Option<String>,
    /// IdeOfMeaOfTraCroHEA85.
    pub conveyance: Option<String>,
    /// ComRefNumHEA.
    pub commercial_reference: Option<String>,
    /// ConRefNumHEA.
    pub conveyance_reference: Option<String>,
}

/// What is to happen to an item before or on arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intervention {
    /// Of the declaration.
    pub item_no: u32,
    /// Code of the intervention, of the partner's list.
    pub code: String,
    /// In words.
    pub text: String,
}

impl Intervention {
    /// Whether carriers are told of a consignment in this lane: of `scan` and `immediate`, never of `surveillance`.
    pub fn is_told(lane: Lane) -> bool {
        lane.kind() == SubjectKind::Consignment && matches!(lane.name(), "scan" | "immediate")
    }
}

/// IE328: registered, with its MRN.
pub fn ie328(header: &EntryHeader) -> String {
    let mut xml = Document::new();
    xml.open_with("cc3:CC328A", &[("xmlns:cc3", "http://ics.dgtaxud.ec/CC328A")]);
    envelope(&mut xml, header, "CC328A");
    xml.open("HEAHEA").leaf("RefNumHEA4", &header.reference).leaf("DocNumHEA5", &header.mrn);
    xml.leaf("DecRegDatTimHEA115", &stamp(header.registered_at, MINUTE)).close();
    people(&mut xml, header);
    xml.finish()
}

/// IE351: interventions, item by item.
pub fn ie351(header: &EntryHeader, notified_at: i64, n_items: u32, interventions: &[Intervention]) -> String {
    let mut xml = Document::new();
    xml.open_with("cc3:CC351A", &[("xmlns:cc3", "http://ics.dgtaxud.ec/CC351A")]);
    envelope(&mut xml, header, "CC351A");
    xml.open("HEAHEA")
        .leaf("RefNumHEA4", &header.reference)
        .leaf("DocNumHEA5", &header.mrn)
        .leaf_if("TraModAtBorHEA76", header.transport.mode.as_deref())
        .leaf_if("NatHEA001", header.transport.country.as_deref())
        .leaf_if("IdeOfMeaOfTraCroHEA85", header.transport.conveyance.as_deref())
        .leaf("TotNumOfIteHEA305", &n_items.to_string())
        .leaf_if("ComRefNumHEA", header.transport.commercial_reference.as_deref())
        .leaf_if("ConRefNumHEA", header.transport.conveyance_reference.as_deref())
        .leaf("NotDatTimHEA104", &stamp(notified_at, MINUTE))
        .leaf("DecRegDatTimHEA115", &stamp(header.registered_at, MINUTE))
        .close();
    people(&mut xml, header);
    for Intervention { item_no, code, text } in interventions {
        xml.open("CUSINT632")
            .leaf("IteNumConCUSINT668", &item_no.to_string())
            .leaf("CusIntCodCUSINT665", code)
            .leaf("CusIntTexCUSINT666", text)
            .leaf("CusIntTexCUSINT667LNG", "EN")
            .close();
    }
    xml.finish()
}

const MINUTE: &str = "%Y%m%d%H%M";

fn envelope(xml: &mut Document, header: &EntryHeader, kind: &str) {
    xml.leaf("MesSenMES3", &header.sender)
        .leaf("MesRecMES6", &header.recipient)
        .leaf("DatOfPreMES9", &stamp(header.prepared_at, "%y%m%d"))
        .leaf("TimOfPreMES10", &stamp(header.prepared_at, "%H%M"))
        .leaf("MesIdeMES19", &header.message_id)
        .leaf("MesTypMES20", kind)
        .leaf_if("CorIdeMES25", header.correlation_id.as_deref());
}

fn people(xml: &mut Document, header: &EntryHeader) {
    if let Some(person) = &header.lodging_person {
        xml.open("PERLODSUMDEC").leaf("TINPLD1", person).close();
    }
    xml.open("CUSOFFFENT730").leaf("RefNumCUSOFFFENT731", &header.office);
    let expected = header.arrival_expected_at.map(|at| stamp(at, MINUTE));
    xml.leaf_if("ExpDatOfArrFIRENT733", expected.as_deref()).close();
}

/// An answer to an entry summary declaration, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryAnswer {
    /// `CC328A`.
    pub kind: String,
    /// What it repeats.
    pub header: EntryHeader,
    /// When the declarant was told, of an IE351.
    pub notified_at: Option<i64>,
    /// Items of the declaration, of an IE351.
    pub n_items: Option<u32>,
    /// Of an IE351.
    pub interventions: Vec<Intervention>,
    /// Of a refusal: pointer, reason.
    pub errors: Vec<(String, String)>,
}

impl EntryAnswer {
    /// Reads an answer; one that names no declaration is none.
    pub(super) fn read(root: Element<'_>) -> Option<Self> {
        let own = |path: &str| root.get(path).unwrap_or_default().to_owned();
        let at = |path: &str| root.get(path).and_then(moment).and_then(|m| to_utc_in(m, chrono_tz::Tz::UTC));
        let prepared = format!("20{}{}", own("DatOfPreMES9"), own("TimOfPreMES10"));
        let header = EntryHeader {
            sender: own("MesSenMES3"),
            recipient: own("MesRecMES6"),
            message_id: own("MesIdeMES19"),
            correlation_id: root.get("CorIdeMES25").map(str::to_owned),
            prepared_at: moment(&prepared).and_then(|m| to_utc_in(m, chrono_tz::Tz::UTC)).unwrap_or_default(),
            reference: own("HEAHEA/RefNumHEA4"),
            mrn: own("HEAHEA/DocNumHEA5"),
            registered_at: at("HEAHEA/DecRegDatTimHEA115").unwrap_or_default(),
            office: own("CUSOFFFENT730/RefNumCUSOFFFENT731"),
            arrival_expected_at: at("CUSOFFFENT730/ExpDatOfArrFIRENT733"),
            lodging_person: root.get("PERLODSUMDEC/TINPLD1").map(str::to_owned),
            transport: EntryTransport {
                mode: root.get("HEAHEA/TraModAtBorHEA76").map(str::to_owned),
                country: root.get("HEAHEA/NatHEA001").map(str::to_owned),
                conveyance: root.get("HEAHEA/IdeOfMeaOfTraCroHEA85").map(str::to_owned),
                commercial_reference: root.get("HEAHEA/ComRefNumHEA").map(str::to_owned),
                conveyance_reference: root.get("HEAHEA/ConRefNumHEA").map(str::to_owned),
            },
        };
        let intervention = |item: Element<'_>| Intervention {
            item_no: item.get("IteNumConCUSINT668").and_then(|n| n.parse().ok()).unwrap_or(0),
            code: item.get("CusIntCodCUSINT665").unwrap_or_default().to_owned(),
            text: item.get("CusIntTexCUSINT666").unwrap_or_default().to_owned(),
        };
        let error = |error: Element<'_>| {
            let value = |end: &str| {
                let mut all = error.children().filter(|child| child.name().starts_with(end));
                all.find_map(Element::value).unwrap_or_default().to_owned()
            };
            (value("ErrPoi"), value("ErrRea"))
        };
        let answer = Self {
            kind: root.name().to_owned(),
            notified_at: at("HEAHEA/NotDatTimHEA104"),
            n_items: root.get("HEAHEA/TotNumOfIteHEA305").and_then(|n| n.parse().ok()),
            interventions: root.all("CUSINT632").map(intervention).collect(),
            errors: root.children().filter(|c| c.name().starts_with("FUNERR")).map(error).collect(),
            header,
        };
        let named = !answer.header.mrn.is_empty() || !answer.header.reference.is_empty();
        named.then_some(answer)
    }

    /// All answers in a document.
    pub fn read_all(bytes: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        super::each_unit(bytes, &mut |unit: &Unit<'_>| found.extend(Self::read(unit.element)));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_800_000_000_000;

    #[test]
    fn a_response_reads_as_it_was_written() {
        for lane in SubjectKind::Declaration.all_lanes() {
            let function = ResponseFunction::of_lane(lane);
            assert!(function.is_some(), "{}", lane.name());
            let pointer = Pointer { sequence: Some(2), section: "68A".into(), tag: Some("145".into()) };
            let response = WcoResponse {
                function,
                reference: "H-1".into(),
                issued_at: Some(NOON),
                declaration_reference: Some("LRN <1> & \"2\"".into()),
                declaration_id: Some("27ZZ000000000001".into()),
                declaration_version: Some(3),
                limit_at: (function == Some(ResponseFunction::Documents)).then_some(NOON + 60_000),
                control_result: None,
                errors: vec![ResponseError { code: "CDS12056".into(), pointers: vec![pointer] }],
            };
            assert_eq!(WcoResponse::read_all(response.write().as_bytes()), [response]);
        }
    }

    #[test]
    fn answers_to_an_entry_read_as_they_were_written() {
        let header = EntryHeader {
            sender: "CUSTOMS".into(),
            recipient: "GB000012340003/1".into(),
            message_id: "M1".into(),
            correlation_id: Some("C1".into()),
            prepared_at: NOON,
            reference: "LRN1".into(),
            mrn: "27ZZ08I01234567891".into(),
            registered_at: NOON,
            office: "ZZ000011".into(),
            arrival_expected_at: Some(NOON + 3_600_000),
            lodging_person: Some("ZZ1".into()),
            transport: EntryTransport::default(),
        };
        let transport = EntryTransport {
            mode: Some("1".into()),
            country: Some("PA".into()),
            conveyance: Some("0000012".into()),
            commercial_reference: Some("C-1".into()),
            conveyance_reference: Some("027W".into()),
        };
        let with_transport = EntryHeader { transport, ..header.clone() };
        let told = [Intervention { item_no: 2, code: "A001".into(), text: "GOODS NOT TO BE LOADED".into() }];
        let read = EntryAnswer::read_all(ie351(&with_transport, NOON, 2, &told).as_bytes());
        let expected = EntryAnswer {
            kind: "CC351A".into(),
            header: with_transport,
            notified_at: Some(NOON),
            n_items: Some(2),
            interventions: told.to_vec(),
            errors: vec![],
        };
        assert_eq!(read, [expected]);
        let read = EntryAnswer::read_all(ie328(&header).as_bytes());
        assert_eq!((read.len(), read[0].kind.as_str(), &read[0].header), (1, "CC328A", &header));
    }

    #[test]
    fn carriers_are_told_of_two_lanes() {
        let told: Vec<_> =
            SubjectKind::Consignment.all_lanes().filter(|l| Intervention::is_told(*l)).map(Lane::name).collect();
        assert_eq!(told, ["scan", "immediate"]);
    }
}
