//! Cargo-XML: XFWB, XFZB, XFFM.

use super::super::record::{Record, Records};
use super::document::{Document, escaped};
use super::utc;

/// What comes back of a master waybill.
pub(super) const WAYBILL: &[&str] = &[
    "master_bill_id",
    "transport_mode",
    "carrier_id",
    "forwarder_id",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "destination_place",
    "manifested_at",
    "departed_at",
    "arrival_expected_at",
    "consignee_id",
    "shipper_name",
    "consignee_name",
    "notify_name",
    "shipper_address",
    "consignee_address",
    "shipper_country",
    "consignee_country",
    "description",
    "hs_codes",
    "package_count",
    "gross_mass_kg",
    "volume_m3",
    "freight_usd",
    "value_usd",
    "special_handling",
    "customs_notes",
    "change_kind",
];

/// What comes back of a house waybill.
pub(super) const HOUSE: &[&str] = &[
    "master_bill_id",
    "house_bill_id",
    "transport_mode",
    "carrier_id",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "destination_place",
    "manifested_at",
    "consignee_id",
    "shipper_name",
    "consignee_name",
    "shipper_address",
    "consignee_address",
    "shipper_country",
    "consignee_country",
    "description",
    "hs_codes",
    "package_count",
    "gross_mass_kg",
    "volume_m3",
    "special_handling",
    "customs_notes",
];

/// What comes back of a flight manifest.
pub(super) const MANIFEST: &[&str] = &[
    "manifest_id",
    "house_bill_id",
    "transport_mode",
    "carrier_id",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "destination_place",
    "manifested_at",
    "departed_at",
    "arrival_expected_at",
    "description",
    "package_count",
    "gross_mass_kg",
    "volume_m3",
    "part_kind",
];

const INSTANT: &str = "%Y-%m-%dT%H:%M:%SZ";

fn begin(root: &'static str, space: &str, kind: &str, id: &str, row: Record<'_>) -> Document {
    let mut xml = Document::new("");
    xml.open_with(root, &format!("xmlns=\"iata:datamodel:3\" xmlns:ns2=\"iata:{space}:1\""));
    xml.open("ns2:MessageHeaderDocument");
    xml.leaf("ID", &format!("{id}_1"));
    xml.leaf("TypeCode", kind);
    xml.leaf("IssueDateTime", &utc(row.instant("manifested_at"), INSTANT));
    xml.leaf("PurposeCode", "Creation");
    xml.leaf("VersionID", "3.00");
    xml.raw(format_args!("<SenderParty><PrimaryID schemeID=\"C\">ZZCARGO</PrimaryID></SenderParty>"));
    xml.close(1);
    xml.at("ns2:BusinessHeaderDocument/ID", id);
    xml
}

/// XFWB of a bill.
pub(super) fn waybill(rows: &Records) -> String {
    let row = rows.at(0);
    let mut xml = begin("ns2:Waybill", "waybill", "741", row.text("master_bill_id"), row);
    xml.open("ns2:MasterConsignment");
    measures(&mut xml, row);
    xml.leaf("SummaryDescription", row.text("description"));
    parties(&mut xml, row);
    xml.at("FreightForwarderParty/CargoAgentID", row.text("forwarder_id"));
    xml.open("AssociatedParty");
    xml.leaf("Name", row.text("notify_name"));
    xml.leaf("RoleCode", "NI");
    xml.close(1);
    places(&mut xml, row);
    movement(&mut xml, row);
    notes(&mut xml, row);
    xml.leaf_with("DeclaredValueForCustomsAmount", "currencyID", "USD", &row.figure("value_usd"));
    xml.open("ApplicableRating");
    items(&mut xml, row, "IncludedMasterConsignmentItem");
    xml.close(1);
    xml.open("ApplicableTotalRating/ApplicablePrepaidCollectMonetarySummation");
    xml.leaf_with("GrandTotalAmount", "currencyID", "USD", &row.figure("freight_usd"));
    xml.finish()
}

/// XFZB of a bill.
pub(super) fn house(rows: &Records) -> String {
    let row = rows.at(0);
    let mut xml = begin("ns2:HouseWaybill", "housewaybill", "703", row.text("house_bill_id"), row);
    xml.open("ns2:MasterConsignment");
    xml.at("TransportContractDocument/ID", row.text("master_bill_id"));
    movement(&mut xml, row);
    xml.open("IncludedHouseConsignment");
    xml.leaf("ID", row.text("house_bill_id"));
    measures(&mut xml, row);
    xml.leaf("SummaryDescription", row.text("description"));
    parties(&mut xml, row);
    places(&mut xml, row);
    notes(&mut xml, row);
    items(&mut xml, row, "IncludedHouseConsignmentItem");
    xml.finish()
}

/// XFFM of the bills of a manifest.
pub(super) fn manifest(rows: &Records) -> String {
    let h = rows.at(0);
    let mut xml = begin("ns2:FlightManifest", "flightmanifest", "122", h.text("manifest_id"), h);
    xml.open("ns2:LogisticsTransportMovement");
    xml.leaf("ModeCode", "4");
    xml.leaf("ID", h.text("voyage_no"));
    xml.at("UsedLogisticsTransportMeans/Name", h.text("carrier_id"));
    xml.at("DepartureEvent/DepartureOccurrenceDateTime", &utc(h.instant("departed_at"), INSTANT));
    xml.close(1);
    xml.open("ns2:ArrivalEvent");
    xml.leaf("ArrivalOccurrenceDateTime", &utc(h.instant("arrival_expected_at"), INSTANT));
    xml.at("OccurrenceArrivalLocation/ID", h.text("unloading_port"));
    xml.open("AssociatedTransportCargo");
    xml.leaf("TypeCode", "BLK");
    for row in (0..rows.len()).map(|at| rows.at(at)) {
        xml.open("IncludedMasterConsignment");
        xml.leaf_with("GrossWeightMeasure", "unitCode", "KGM", &row.figure("gross_mass_kg"));
        xml.leaf_with("GrossVolumeMeasure", "unitCode", "MTQ", &row.figure("volume_m3"));
        xml.leaf("TotalPieceQuantity", &row.figure("package_count"));
        xml.leaf("SummaryDescription", row.text("description"));
        xml.leaf("TransportSplitDescription", row.text("part_kind"));
        xml.at("TransportContractDocument/ID", row.text("house_bill_id"));
        places(&mut xml, row);
        xml.close(1);
    }
    xml.finish()
}

fn measures(xml: &mut Document, row: Record<'_>) {
    xml.leaf_with("IncludedTareGrossWeightMeasure", "unitCode", "KGM", &row.figure("gross_mass_kg"));
    xml.leaf_with("GrossVolumeMeasure", "unitCode", "MTQ", &row.figure("volume_m3"));
    xml.leaf("TotalPieceQuantity", &row.figure("package_count"));
}

fn parties(xml: &mut Document, row: Record<'_>) {
    for (element, who) in [("ConsignorParty", "shipper"), ("ConsigneeParty", "consignee")] {
        let part = |part: &str| row.text(&format!("{who}_{part}"));
        xml.open(element);
        xml.leaf("Name", part("name"));
        xml.open("PostalStructuredAddress");
        xml.leaf("StreetName", part("address"));
        xml.leaf("CountryID", part("country"));
        xml.close(2);
    }
}

fn places(xml: &mut Document, row: Record<'_>) {
    xml.at("OriginLocation/ID", row.text("loading_port"));
    xml.at("FinalDestinationLocation/ID", row.text("destination_place"));
    for code in row.texts("special_handling") {
        xml.at("HandlingSPHInstructions/DescriptionCode", code);
    }
}

fn movement(xml: &mut Document, row: Record<'_>) {
    xml.open("SpecifiedLogisticsTransportMovement");
    xml.leaf("ModeCode", "4");
    xml.leaf("ID", row.text("voyage_no"));
    xml.at("UsedLogisticsTransportMeans/Name", row.text("carrier_id"));
    xml.open("ArrivalEvent");
    xml.leaf("ScheduledOccurrenceDateTime", &utc(row.instant("arrival_expected_at"), INSTANT));
    xml.at("OccurrenceArrivalLocation/ID", row.text("unloading_port"));
    xml.close(1);
    xml.open("DepartureEvent");
    xml.leaf("ScheduledOccurrenceDateTime", &utc(row.instant("departed_at"), INSTANT));
    xml.at("OccurrenceDepartureLocation/ID", row.text("loading_port"));
    xml.close(2);
}

fn notes(xml: &mut Document, row: Record<'_>) {
    for note in row.records("customs_notes") {
        let (kind, text) = (note.text("kind"), escaped(note.text("text")));
        let (subject, country) = (note.text("subject"), note.text("country"));
        xml.raw(format_args!(
            "<IncludedCustomsNote><ContentCode>{kind}</ContentCode><Content>{text}</Content><SubjectCode>{subject}\
             </SubjectCode><CountryID>{country}</CountryID></IncludedCustomsNote>"
        ));
    }
}

fn items(xml: &mut Document, row: Record<'_>, element: &'static str) {
    for line in row.records("lines") {
        xml.open(element);
        xml.leaf("SequenceNumeric", &line.figure("line_no"));
        xml.leaf("TypeCode", line.text("hs_code"));
        xml.leaf_with("GrossWeightMeasure", "unitCode", "KGM", &line.figure("gross_mass_kg"));
        xml.leaf_with("GrossVolumeMeasure", "unitCode", "MTQ", &line.figure("volume_m3"));
        xml.leaf("PieceQuantity", &line.figure("packages"));
        xml.at("NatureIdentificationTransportCargo/Identification", line.text("description"));
        xml.close(1);
    }
}
