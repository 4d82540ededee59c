//! Manifests and what is asked about them: UNI-PASS cargo tracking, IE315, AWMDS.

use super::super::record::{Record, Records};
use super::document::Document;
use super::{seoul, utc};

/// What comes back of cargo tracking.
pub(super) const TRACKING: &[&str] = &[
    "consignment_id",
    "master_bill_id",
    "house_bill_id",
    "nature",
    "carrier_id",
    "forwarder_id",
    "conveyance_name",
    "conveyance_country",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "manifested_at",
    "description",
    "package_count",
    "gross_mass_kg",
    "volume_m3",
];

/// What comes back of an entry summary declaration.
pub(super) const ENS: &[&str] = &[
    "line_no",
    "master_bill_id",
    "house_bill_id",
    "transport_mode",
    "office",
    "carrier_id",
    "conveyance_id",
    "conveyance_country",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "shipper_id",
    "consignee_id",
    "shipper_name",
    "consignee_name",
    "notify_name",
    "shipper_address",
    "consignee_address",
    "shipper_country",
    "consignee_country",
    "description",
    "marks",
    "package_count",
    "gross_mass_kg",
];

/// What comes back of an ASYCUDA manifest.
pub(super) const AWMDS: &[&str] = &[
    "line_no",
    "house_bill_id",
    "nature",
    "transport_mode",
    "office",
    "carrier_id",
    "conveyance_id",
    "conveyance_country",
    "voyage_no",
    "loading_port",
    "unloading_port",
    "shipper_id",
    "consignee_id",
    "shipper_name",
    "consignee_name",
    "notify_name",
    "shipper_address",
    "consignee_address",
    "description",
    "marks",
    "containers",
    "package_count",
    "gross_mass_kg",
    "volume_m3",
    "freight_usd",
    "value_usd",
];

fn straight(row: Record<'_>) -> bool {
    row.text("bill_kind") == "straight"
}

fn mode(row: Record<'_>) -> &'static str {
    if row.text("transport_mode") == "sea" { "1" } else { "4" }
}

/// The answer to a question about one cargo.
pub(super) fn tracking(rows: &Records) -> String {
    let row = rows.at(0);
    let sent = seoul(row.instant("manifested_at"), "%Y%m%d%H%M%S");
    let mut xml = Document::new("");
    xml.open("cargCsclPrgsInfoQryRtnVo/cargCsclPrgsInfoQryVo");
    xml.leaf("cargMtNo", row.text("consignment_id"));
    xml.leaf("mblNo", row.text("master_bill_id"));
    xml.leaf("hblNo", if straight(row) { "" } else { row.text("house_bill_id") });
    xml.leaf("blPt", if straight(row) { "S" } else { "C" });
    let cargo = match row.text("nature") {
        "export" => "수출 일반화물",
        "transhipment" => "환적화물",
        "transit" => "통과화물",
        _ => "수입 일반화물",
    };
    xml.leaf("cargTp", cargo);
    xml.leaf("prnm", row.text("description"));
    xml.leaf("pckGcnt", &row.figure("package_count"));
    xml.leaf("ttwg", &row.figure("gross_mass_kg"));
    xml.leaf("wghtUt", "KG");
    xml.leaf("msrm", &row.figure("volume_m3"));
    xml.leaf("ldprCd", row.text("loading_port"));
    xml.leaf("dsprCd", row.text("unloading_port"));
    xml.leaf("shipNm", row.text("conveyance_name"));
    xml.leaf("shipNat", row.text("conveyance_country"));
    xml.leaf("vydf", row.text("voyage_no"));
    xml.leaf("shcoFlcoSgn", row.text("carrier_id"));
    xml.leaf("frwrSgn", row.text("forwarder_id"));
    xml.close(1);
    xml.leaf("tCnt", "1");
    xml.open("cargCsclPrgsInfoDtlQryVo");
    xml.leaf("cargTrcnRelaBsopTpcd", "입항적하목록 제출");
    xml.leaf("prcsDttm", &sent);
    xml.finish()
}

/// IE315: an item a bill.
pub(super) fn ens(rows: &Records) -> String {
    let h = rows.at(0);
    let all = || (0..rows.len()).map(|at| rows.at(at));
    let sum = |name: &str| all().filter_map(|row| row.number(name)).sum::<f64>().to_string();
    let mut xml = Document::new("");
    xml.open_with("ie:CC315A", "xmlns:ie=\"http://ics.dgtaxud.ec/CC315A\"");
    xml.leaf("MesSenMES3", h.text("carrier_id"));
    xml.leaf("DatOfPreMES9", &seoul(h.instant("manifested_at"), "%y%m%d"));
    xml.leaf("TimOfPreMES10", &seoul(h.instant("manifested_at"), "%H%M"));
    xml.leaf("MesIdeMES19", h.text("manifest_id"));
    xml.open("HEAHEA");
    xml.leaf("RefNumHEA4", h.text("manifest_id"));
    xml.leaf("TraModAtBorHEA76", mode(h));
    xml.leaf("IdeOfMeaOfTraCroHEA85", h.text("conveyance_id"));
    xml.leaf("NatOfMeaOfTraCroHEA87", h.text("conveyance_country"));
    xml.leaf("TotNumOfIteHEA305", &rows.len().to_string());
    xml.leaf("TotNumOfPacHEA306", &sum("package_count"));
    xml.leaf("ConRefNumHEA", h.text("voyage_no"));
    xml.leaf("CodPlUnHEA357", h.text("unloading_port"));
    xml.leaf("DecDatTimHEA114", &seoul(h.instant("manifested_at"), "%Y%m%d%H%M"));
    xml.close(1);
    for row in all() {
        ens_item(&mut xml, row);
    }
    xml.open("CUSOFFFENT730");
    xml.leaf("RefNumCUSOFFFENT731", h.text("office"));
    xml.leaf("ExpDatOfArrFIRENT733", &seoul(h.instant("arrival_expected_at"), "%Y%m%d%H%M"));
    xml.close(1);
    xml.at("TRACARENT601/TINTRACARENT602", h.text("carrier_id"));
    xml.finish()
}

fn ens_item(xml: &mut Document, row: Record<'_>) {
    xml.open("GOOITEGDS");
    xml.leaf("IteNumGDS7", &row.figure("line_no"));
    xml.leaf("GooDesGDS23", row.text("description"));
    xml.leaf("GroMasGDS46", &row.figure("gross_mass_kg"));
    xml.leaf("PlaLoaGOOITE333", row.text("loading_port"));
    let kind = if straight(row) { "N705" } else { "N714" };
    for (kind, column) in [(kind, "house_bill_id"), ("N704", "master_bill_id")] {
        xml.open("PRODOCDC2");
        xml.leaf("DocTypDC21", kind);
        xml.leaf("DocRefDC23", row.text(column));
        xml.close(1);
    }
    xml.at("COMCODGODITM/ComNomCMD1", row.texts("hs_codes").first().copied().unwrap_or_default());
    for (element, end, number, who) in
        [("TRACONCO2", "CO2", "TINCO259", "shipper"), ("TRACONCE2", "CE2", "TINCE259", "consignee")]
    {
        xml.open(element);
        let part = |part: &str| row.text(&format!("{who}_{part}"));
        xml.leaf(&format!("Nam{end}7"), part("name"));
        xml.leaf(&format!("StrAndNum{end}22"), part("address"));
        xml.leaf(&format!("Cou{end}25"), part("country"));
        xml.leaf(number, part("id"));
        xml.close(1);
    }
    for container in row.records("containers") {
        xml.at("CONNR2/ConNumNR21", container.text("container_id"));
    }
    xml.open("PACGS2");
    xml.leaf("KinOfPacGS23", "CT");
    xml.leaf("NumOfPacGS24", &row.figure("package_count"));
    xml.leaf("MarNumOfPacGSL21", row.text("marks"));
    xml.close(1);
    xml.at("PRTNOT640/NamPRTNOT642", row.text("notify_name"));
    xml.close(1);
}

/// ASYCUDA manifest.
pub(super) fn awmds(rows: &Records) -> String {
    let h = rows.at(0);
    let all = || (0..rows.len()).map(|at| rows.at(at));
    let sum = |name: &str| all().filter_map(|row| row.number(name)).sum::<f64>().to_string();
    let mut xml = Document::new("");
    xml.open("Awmds/General_segment/General_segment_id");
    xml.leaf("Customs_office_code", h.text("office"));
    xml.leaf("Voyage_number", h.text("voyage_no"));
    xml.leaf("Date_of_departure", &utc(h.instant("departed_at"), "%Y-%m-%d"));
    xml.leaf("Date_of_arrival", &seoul(h.instant("arrival_expected_at"), "%Y-%m-%d"));
    xml.leaf("Time_of_arrival", &seoul(h.instant("arrival_expected_at"), "%H:%M"));
    xml.close(1);
    xml.open("Totals_segment");
    xml.leaf("Total_number_of_bols", &rows.len().to_string());
    xml.leaf("Total_number_of_packages", &sum("package_count"));
    xml.close(1);
    xml.open("Transport_information");
    xml.at("Carrier/Carrier_code", h.text("carrier_id"));
    xml.leaf("Mode_of_transport_code", mode(h));
    xml.leaf("Identity_of_transporter", h.text("conveyance_name"));
    xml.leaf("Nationality_of_transporter_code", h.text("conveyance_country"));
    xml.leaf("Registration_number_of_transport_code", h.text("conveyance_id"));
    xml.close(2);
    for row in all() {
        bill(&mut xml, row);
    }
    xml.finish()
}

fn bill(xml: &mut Document, row: Record<'_>) {
    xml.open("Bol_segment/Bol_id");
    xml.leaf("Bol_reference", row.text("house_bill_id"));
    xml.leaf("Line_number", &row.figure("line_no"));
    let nature = match row.text("nature") {
        "export" => "22",
        "transit" => "24",
        "on_board" => "26",
        "transhipment" => "28",
        _ => "23",
    };
    xml.leaf("Bol_nature", nature);
    xml.leaf("Bol_type_code", if straight(row) { "BL" } else { "HSB" });
    xml.leaf("Master_bol_ref_number", if straight(row) { "" } else { row.text("master_bill_id") });
    xml.close(1);
    xml.open("Load_unload_place");
    xml.leaf("Port_of_origin_code", row.text("loading_port"));
    xml.leaf("Place_of_unloading_code", row.text("unloading_port"));
    xml.close(1);
    xml.open("Traders_segment");
    for (role, who) in [("Exporter", "shipper"), ("Notify", "notify"), ("Consignee", "consignee")] {
        xml.raw(format_args!("<{role}>"));
        let part = |part: &str| row.text(&format!("{who}_{part}"));
        xml.leaf(&format!("{role}_code"), if who == "notify" { "" } else { part("id") });
        xml.leaf(&format!("{role}_name"), part("name"));
        xml.leaf(&format!("{role}_address"), if who == "notify" { "" } else { part("address") });
        xml.raw(format_args!("</{role}>"));
    }
    xml.close(1);
    for container in row.records("containers") {
        xml.open("ctn_segment");
        xml.leaf("Ctn_reference", container.text("container_id"));
        xml.leaf("Number_of_packages", &container.figure("packages"));
        xml.leaf("Type_of_container", container.text("iso_type"));
        xml.leaf("Status", container.text("load"));
        for seal in container.texts("seals") {
            xml.leaf("Seal_number", seal);
        }
        xml.leaf("Gross_weight", &container.figure("gross_mass_kg"));
        xml.close(1);
    }
    xml.open("Goods_segment");
    xml.leaf("Number_of_packages", &row.figure("package_count"));
    xml.leaf("Package_type_code", "CT");
    xml.leaf("Gross_mass", &row.figure("gross_mass_kg"));
    xml.leaf("Shipping_marks", row.text("marks"));
    xml.leaf("Goods_description", row.text("description"));
    xml.leaf("Volume_in_cubic_meters", &row.figure("volume_m3"));
    xml.close(1);
    xml.open("Value_segment");
    for (segment, column) in [("Freight", "freight_usd"), ("Customs", "value_usd")] {
        let value = row.figure(column);
        if !value.is_empty() {
            xml.raw(format_args!("<{segment}_segment>"));
            xml.leaf(&format!("{segment}_value"), &value);
            xml.leaf(&format!("{segment}_currency"), "USD");
            xml.raw(format_args!("</{segment}_segment>"));
        }
    }
    xml.close(2);
}
