//! Goods declarations: GOVCBR929 and GOVCBR830, WCO Data Model, ASYCUDA SAD.

use super::super::record::{Record, Records};
use super::document::Document;
use super::{seoul, utc};

/// What comes back of an import.
pub(super) const KOREA_IMPORT: &[&str] = &[
    "declaration_id",
    "item_no",
    "declared_at",
    "flow",
    "filing_type",
    "procedure",
    "import_use",
    "payment_type",
    "office",
    "transport_mode",
    "importer_id",
    "importer_name",
    "exporter_id",
    "exporter_name",
    "exporter_country",
    "declarant_id",
    "courier_id",
    "forwarder_id",
    "platform_id",
    "origin_country",
    "departure_country",
    "unloading_port",
    "arrival_at",
    "carried_in_at",
    "warehouse_id",
    "conveyance_id",
    "house_bill_id",
    "master_bill_id",
    "cargo_control_id",
    "container_ids",
    "container_mode",
    "gross_mass_kg",
    "package_count",
    "package_kind",
    "incoterm",
    "currency",
    "invoice_amount",
    "freight_usd",
    "hs_code",
    "description",
    "trade_name",
    "model_lines",
    "quantity",
    "quantity_unit",
    "net_mass_kg",
    "customs_value_usd",
    "customs_value_local",
    "tariff_rate",
    "tariff_kind",
    "preference_claimed",
    "duty_local",
    "origin_certificate_id",
    "origin_marking",
    "permits",
    "inspection_wanted",
    "courier_selected",
    "change_kind",
];

/// What comes back of an export.
pub(super) const KOREA_EXPORT: &[&str] = &[
    "declaration_id",
    "item_no",
    "declared_at",
    "filing_type",
    "procedure",
    "import_use",
    "office",
    "exporter_id",
    "exporter_name",
    "declarant_id",
    "origin_country",
    "loading_port",
    "conveyance_id",
    "container_ids",
    "gross_mass_kg",
    "package_count",
    "package_kind",
    "incoterm",
    "hs_code",
    "description",
    "trade_name",
    "model_lines",
    "quantity",
    "quantity_unit",
    "net_mass_kg",
    "customs_value_local",
    "origin_marking",
];

/// What comes back of a declaration in the WCO Data Model.
pub(super) const WCO: &[&str] = &[
    "declaration_id",
    "item_no",
    "declared_at",
    "flow",
    "filing_type",
    "procedure",
    "office",
    "importer_id",
    "importer_name",
    "exporter_id",
    "exporter_name",
    "exporter_country",
    "declarant_id",
    "origin_country",
    "departure_country",
    "loading_port",
    "unloading_port",
    "warehouse_id",
    "conveyance_id",
    "house_bill_id",
    "master_bill_id",
    "cargo_control_id",
    "container_ids",
    "gross_mass_kg",
    "package_count",
    "package_kind",
    "incoterm",
    "currency",
    "invoice_amount",
    "freight_usd",
    "hs_code",
    "description",
    "quantity",
    "quantity_unit",
    "net_mass_kg",
    "customs_value_local",
    "tariff_rate",
    "tariff_kind",
    "duty_local",
    "change_kind",
];

/// What comes back of a SAD.
pub(super) const SAD: &[&str] = &[
    "item_no",
    "declared_at",
    "flow",
    "office",
    "importer_id",
    "importer_name",
    "exporter_id",
    "exporter_name",
    "declarant_id",
    "origin_country",
    "departure_country",
    "loading_port",
    "conveyance_id",
    "house_bill_id",
    "container_ids",
    "gross_mass_kg",
    "package_count",
    "package_kind",
    "incoterm",
    "currency",
    "invoice_amount",
    "freight_usd",
    "hs_code",
    "description",
    "quantity",
    "quantity_unit",
    "net_mass_kg",
    "customs_value_local",
    "tariff_rate",
    "duty_local",
    "change_kind",
];

const DAY: &str = "%Y%m%d";

/// The code of a mode of transport.
fn mode(row: Record<'_>) -> &'static str {
    match row.text("transport_mode") {
        "sea" => "1",
        "post" => "5",
        _ => "4",
    }
}

fn party(xml: &mut Document, name: &'static str, id: &str, called: &str, country: &str) {
    xml.open(name);
    xml.leaf("ID", id);
    xml.leaf("Name", called);
    xml.at("Address/CountryCode", country);
    xml.close(1);
}

/// GOVCBR929, or GOVCBR830.
pub(super) fn korea(rows: &Records, import: bool) -> String {
    let h = rows.at(0);
    let (kind, space) = if import { ("GOVCBR929", "IMP_929") } else { ("GOVCBR830", "EXP_830") };
    let mut xml = Document::new("wco:");
    let namespace = format!("urn:kr:gov:kcs:data:standard:KCS_DeclarationOf{space}SchemaModule:1:0");
    xml.open_with("Declaration", &format!("xmlns:wco=\"{namespace}\" xmlns:kcs=\"{namespace}\""));
    xml.leaf("DeclarationOfficeID", &format!("{}10", h.text("office")));
    if !import {
        xml.leaf("FunctionCode", "9");
    }
    xml.leaf("ID", h.text("declaration_id"));
    xml.leaf_with("InvoiceAmount", "currencyID", h.text("currency"), &h.figure("invoice_amount"));
    xml.leaf("IssueDateTime", &seoul(h.instant("declared_at"), DAY));
    xml.leaf_with("TotalGrossMassMeasure", "kcsUnitCode", "KG", &h.figure("gross_mass_kg"));
    xml.leaf_with("TotalPackageQuantity", "kcsUnitCode", h.text("package_kind"), &h.figure("package_count"));
    xml.leaf("TypeCode", kind);
    xml.leaf("TransactionNatureCode", h.text("procedure"));
    xml.leaf("PaymentTypeCode", h.text("payment_type"));
    if import {
        xml.at("Agent/RegistrationID", h.text("platform_id"));
    }
    xml.open("BorderTransportMeans");
    xml.leaf("ArrivalDateTime", &seoul(h.instant("arrival_at"), DAY));
    xml.leaf("Name", h.text("conveyance_id"));
    xml.leaf("TypeCode", if import { mode(h) } else { "" });
    xml.close(1);
    xml.at("CurrencyExchange/RateNumeric", if h.text("currency") == "USD" { "1380" } else { "" });
    xml.open("CustomsProcedure");
    xml.leaf("ProcessTypeCode", h.text("filing_type"));
    xml.leaf("TypeCode", h.text("import_use"));
    xml.close(1);
    let sum = |name: &str| (0..rows.len()).filter_map(|at| rows.at(at).number(name)).sum::<f64>();
    if import {
        duty(&mut xml, &sum("customs_value_local").to_string(), &sum("customs_value_usd").to_string(), None);
        xml.at("Payment/TaxAssessedAmount", &sum("duty_local").to_string());
        xml.close(1);
    }
    shipment(&mut xml, rows, import);
    if import {
        xml.open("Importer");
        xml.leaf("ID", h.text("importer_id"));
        xml.leaf("Name", h.text("importer_name"));
        xml.close(1);
    } else {
        xml.open("Exporter");
        xml.leaf_with("ID", "schemeAgencyID", "380", h.text("exporter_id"));
        xml.leaf("Name", h.text("exporter_name"));
        xml.close(1);
        xml.at("LoadingLocation/ID", h.text("loading_port"));
        xml.at("Submitter/ID", h.text("declarant_id"));
    }
    for (n, id) in h.texts("container_ids").iter().enumerate() {
        xml.open("TransportEquipment");
        xml.leaf("SequenceNumeric", &format!("{:03}", n + 1));
        xml.leaf("ID", id);
        xml.close(1);
    }
    xml.finish()
}

/// Opens a duty: its base in two currencies, kind and rate. The payment and the end are the caller's.
fn duty(xml: &mut Document, krw: &str, usd: &str, rate: Option<(&str, &str)>) {
    xml.open("DutyTaxFee");
    xml.leaf_with("AdValoremTaxBaseAmount", "currencyID", "KRW", krw);
    xml.leaf_with("AdValoremTaxBaseAmount", "currencyID", "USD", usd);
    if let Some((kind, rate)) = rate {
        xml.leaf("DutyRegimeCode", kind);
        xml.leaf("TaxRateNumeric", rate);
    }
    xml.leaf("TypeCode", "CUD");
}

fn shipment(xml: &mut Document, rows: &Records, import: bool) {
    let h = rows.at(0);
    xml.open("GoodsShipment");
    if import {
        xml.leaf("ExportationCountryCode", h.text("departure_country"));
        xml.at("Agent/ID", h.text("forwarder_id"));
        xml.open("AdditionalDocument");
        party(xml, "Authenticator", h.text("exporter_id"), h.text("exporter_name"), h.text("exporter_country"));
        xml.close(1);
    }
    xml.open("Consignment");
    xml.at("Express/ID", h.text("courier_id"));
    for (kind, column) in [("714", "house_bill_id"), ("704", "master_bill_id")] {
        if !h.text(column).is_empty() {
            xml.open("TransportContractDocument");
            xml.leaf("ID", h.text(column));
            xml.leaf("TypeCode", kind);
            xml.close(1);
        }
    }
    xml.at("TransportEquipment/CharacteristicCode", h.text("container_mode"));
    xml.at("UnloadingLocation/ID", h.text("unloading_port"));
    xml.close(1);
    xml.open("CustomsValuation");
    xml.leaf_with("FreightChargeAmount", "currencyID", "USD", &h.figure("freight_usd"));
    xml.close(1);
    for at in 0..rows.len() {
        item(xml, rows.at(at), import);
    }
    xml.at("TradeTerms/ConditionCode", h.text("incoterm"));
    xml.at("UCR/CustomsAssignedReferenceID", h.text("cargo_control_id"));
    xml.open("Warehouse");
    xml.leaf("ArrivalDateTime", &seoul(h.instant("carried_in_at"), DAY));
    xml.leaf("ID", h.text("warehouse_id"));
    xml.close(2);
}

fn flag(value: Option<bool>) -> &'static str {
    value.map_or("", |yes| if yes { "Y" } else { "N" })
}

fn item(xml: &mut Document, row: Record<'_>, import: bool) {
    xml.open("GovernmentAgencyGoodsItem");
    xml.leaf("SequenceNumeric", &format!("{:03}", row.number("item_no").unwrap_or(0.0)));
    xml.at("AdditionalCode/ExaminationIndicatorCode", flag(row.flag("inspection_wanted")));
    let permits = row.records("permits");
    for permit in permits.iter().filter(|permit| !permit.text("exempt_reason").is_empty()) {
        xml.open("AdditionalInformation");
        xml.leaf("ReconciliationReasonCode", permit.text("exempt_reason"));
        xml.leaf("CriteriaConformanceCode", permit.text("law"));
        xml.close(1);
    }
    xml.open("Commodity");
    let (name, brand) = row.text("trade_name").split_once(" / ").unwrap_or((row.text("trade_name"), "NO"));
    xml.leaf("CargoDescription", name);
    xml.leaf_with("CountQuantity", "kcsUnitCode", row.text("quantity_unit"), &row.figure("quantity"));
    xml.leaf("Description", row.text("description"));
    xml.leaf("Name", brand);
    if !import {
        xml.leaf("ValueAmount", &row.figure("customs_value_local"));
    }
    xml.at("AdditionalCode/ExaminationIndicatorCode", flag(row.flag("courier_selected")));
    xml.at("CertificateOfOrigin/IssueID", if import { row.text("origin_certificate_id") } else { "" });
    xml.at("Classification/ID", row.text("hs_code"));
    for line in row.records("model_lines") {
        xml.open("DetailedCommodity");
        xml.leaf("SequenceNumeric", &line.figure("line_no"));
        xml.leaf(if import { "Description" } else { "CargoDescription" }, line.text("text"));
        xml.at("Constituent/ElementName", line.text("ingredient"));
        xml.leaf_with("CountQuantity", "kcsUnitCode", line.text("unit"), &line.figure("quantity"));
        xml.leaf("UnitPriceAmount", &line.figure("unit_price"));
        xml.leaf("ValueAmount", &line.figure("amount"));
        xml.close(1);
    }
    for permit in permits.iter().filter(|permit| permit.text("exempt_reason").is_empty()) {
        xml.open("AdditionalDocument");
        xml.leaf("CriteriaConformanceCode", permit.text("law"));
        xml.leaf("ID", permit.text("permit_id"));
        xml.leaf("IssueDateTime", &utc(permit.day("issued_on").map(|day| day * 86_400_000), DAY));
        xml.leaf("TypeCode", permit.text("kind"));
        xml.close(1);
    }
    if import {
        let rate = row.figure("tariff_rate");
        let (krw, usd) = (row.figure("customs_value_local"), row.figure("customs_value_usd"));
        duty(xml, &krw, &usd, Some((row.text("tariff_kind"), &rate)));
        xml.at("Payment/TaxAssessedAmount", &row.figure("duty_local"));
        xml.close(1);
    }
    xml.close(1);
    xml.open("GoodsMeasure");
    xml.leaf_with("NetNetWeightMeasure", "kcsUnitCode", "KGM", &row.figure("net_mass_kg"));
    xml.close(1);
    xml.open("Origin");
    xml.leaf("CountryCode", row.text("origin_country"));
    xml.at("OriginDescription/MarksNumbersID", row.text("origin_marking"));
    xml.close(2);
}

/// A declaration in the WCO Data Model, in its `MetaData`.
pub(super) fn wco(rows: &Records) -> String {
    let h = rows.at(0);
    let mut xml = Document::new("");
    xml.open_with("MetaData", "xmlns=\"urn:wco:datamodel:WCO:DocumentMetaData-DMS:2\"");
    xml.leaf("WCODataModelVersionCode", "3.6");
    xml.leaf("WCOTypeName", "DEC");
    xml.open_with("Declaration", "xmlns=\"urn:wco:datamodel:WCO:DEC-DMS:2\"");
    xml.open("AcceptanceDateTime");
    xml.leaf_with("DateTimeString", "formatCode", "304", &utc(h.instant("declared_at"), "%Y%m%d%H%M%SZ"));
    xml.close(1);
    xml.leaf("FunctionCode", "9");
    xml.leaf("FunctionalReferenceID", &format!("R{}", h.text("declaration_id")));
    xml.leaf("ID", h.text("declaration_id"));
    xml.leaf("TypeCode", &format!("IM{}", h.text("filing_type")));
    xml.leaf("DeclarationOfficeID", h.text("office"));
    xml.leaf("GoodsItemQuantity", &rows.len().to_string());
    xml.leaf_with("InvoiceAmount", "currencyID", h.text("currency"), &h.figure("invoice_amount"));
    xml.leaf_with("TotalGrossMassMeasure", "unitCode", "KGM", &h.figure("gross_mass_kg"));
    xml.leaf("TotalPackageQuantity", &h.figure("package_count"));
    xml.open("BorderTransportMeans");
    xml.leaf("ID", h.text("conveyance_id"));
    xml.leaf("ModeCode", mode(h));
    xml.close(1);
    xml.at("Declarant/ID", h.text("declarant_id"));
    party(&mut xml, "Exporter", h.text("exporter_id"), h.text("exporter_name"), h.text("exporter_country"));
    xml.open("GoodsShipment");
    xml.open("Consignment");
    xml.at("GoodsLocation/ID", h.text("warehouse_id"));
    xml.at("LoadingLocation/ID", h.text("loading_port"));
    xml.at("UnloadingLocation/ID", h.text("unloading_port"));
    for id in h.texts("container_ids") {
        xml.open("TransportEquipment");
        xml.leaf("ID", id);
        xml.close(1);
    }
    xml.close(1);
    xml.open("CustomsValuation");
    xml.leaf_with("FreightChargeAmount", "currencyID", "USD", &h.figure("freight_usd"));
    xml.close(1);
    xml.at("ExportCountry/ID", h.text("departure_country"));
    for at in 0..rows.len() {
        wco_item(&mut xml, rows.at(at));
    }
    xml.open("Importer");
    xml.leaf("ID", h.text("importer_id"));
    xml.leaf("Name", h.text("importer_name"));
    xml.close(1);
    for (kind, column) in [("714", "house_bill_id"), ("704", "master_bill_id"), ("DCR", "cargo_control_id")] {
        if !h.text(column).is_empty() {
            xml.open("PreviousDocument");
            xml.leaf("CategoryCode", "Z");
            xml.leaf("ID", h.text(column));
            xml.leaf("TypeCode", kind);
            xml.close(1);
        }
    }
    xml.at("TradeTerms/ConditionCode", h.text("incoterm"));
    xml.finish()
}

fn wco_item(xml: &mut Document, row: Record<'_>) {
    xml.open("GovernmentAgencyGoodsItem");
    xml.leaf_with("CustomsValueAmount", "currencyID", "KRW", &row.figure("customs_value_local"));
    xml.leaf("SequenceNumeric", &row.figure("item_no"));
    xml.open("Commodity");
    xml.leaf("Description", row.text("description"));
    let code = row.text("hs_code");
    for (part, kind) in [(code.get(..8).unwrap_or(code), "TSP"), (code.get(8..).unwrap_or(""), "TRC")] {
        if !part.is_empty() {
            xml.open("Classification");
            xml.leaf("ID", part);
            xml.leaf("IdentificationTypeCode", kind);
            xml.close(1);
        }
    }
    xml.open("DutyTaxFee");
    xml.leaf("DutyRegimeCode", row.text("tariff_kind"));
    xml.leaf("TaxRateNumeric", &row.figure("tariff_rate"));
    xml.leaf("TypeCode", "A00");
    xml.at("Payment/TaxAssessedAmount", &row.figure("duty_local"));
    xml.close(1);
    xml.open("GoodsMeasure");
    xml.leaf_with("NetNetWeightMeasure", "unitCode", "KGM", &row.figure("net_mass_kg"));
    xml.leaf_with("TariffQuantity", "unitCode", row.text("quantity_unit"), &row.figure("quantity"));
    xml.close(2);
    xml.at("GovernmentProcedure/CurrentCode", row.text("procedure"));
    xml.at("Origin/CountryCode", row.text("origin_country"));
    xml.at("Packaging/TypeCode", row.text("package_kind"));
    xml.close(1);
}

/// ASYCUDA SAD.
pub(super) fn sad(rows: &Records) -> String {
    let h = rows.at(0);
    let mut xml = Document::new("");
    xml.open("ASYCUDA/Property");
    xml.leaf("Sad_flow", "I");
    xml.open("Nbers");
    xml.leaf("Total_number_of_items", &rows.len().to_string());
    xml.leaf("Total_number_of_packages", &h.figure("package_count"));
    xml.close(2);
    xml.open("Identification");
    xml.at("Office_segment/Customs_clearance_office_code", h.text("office"));
    xml.open("Type");
    xml.leaf("Type_of_declaration", "IM");
    xml.leaf("Declaration_gen_procedure_code", "4");
    xml.close(1);
    xml.open("Registration");
    xml.leaf("Serial_number", "C");
    xml.leaf("Number", h.text("declaration_id"));
    xml.leaf("Date", &seoul(h.instant("declared_at"), "%-m/%-d/%y"));
    xml.close(2);
    xml.open("Traders");
    for (role, id, name) in
        [("Exporter", "exporter_id", "exporter_name"), ("Consignee", "importer_id", "importer_name")]
    {
        xml.raw(format_args!("<{role}>"));
        xml.leaf(&format!("{role}_code"), h.text(id));
        xml.leaf(&format!("{role}_name"), &format!("{}\n1 EXAMPLE ROAD", h.text(name)));
        xml.raw(format_args!("</{role}>"));
    }
    xml.close(1);
    xml.at("Declarant/Declarant_code", h.text("declarant_id"));
    xml.at("General_information/Country/Export/Export_country_code", h.text("departure_country"));
    xml.open("Transport/Means_of_transport/Border_information");
    xml.leaf("Identity", h.text("conveyance_id"));
    xml.leaf("Mode", mode(h));
    xml.close(2);
    xml.at("Delivery_terms/Code", h.text("incoterm"));
    xml.at("Place_of_loading/Code", h.text("loading_port"));
    xml.close(1);
    xml.open("Valuation");
    xml.at("Weight/Gross_weight", &h.figure("gross_mass_kg"));
    xml.open("Gs_Invoice");
    xml.leaf("Amount_foreign_currency", &h.figure("invoice_amount"));
    xml.leaf("Currency_code", h.text("currency"));
    xml.close(1);
    xml.open("Gs_external_freight");
    xml.leaf("Amount_foreign_currency", &h.figure("freight_usd"));
    xml.leaf("Currency_code", "USD");
    xml.close(2);
    for id in h.texts("container_ids") {
        xml.at("Container/Container_identity", id);
    }
    for at in 0..rows.len() {
        sad_item(&mut xml, rows.at(at), at == 0);
    }
    xml.finish()
}

fn sad_item(xml: &mut Document, row: Record<'_>, first: bool) {
    xml.open("Item/Packages");
    xml.leaf("Number_of_packages", if first { row.figure("package_count") } else { "0".to_owned() }.as_str());
    xml.leaf("Kind_of_packages_code", row.text("package_kind"));
    xml.raw(format_args!("<Marks2_of_packages><null/></Marks2_of_packages>"));
    xml.close(1);
    xml.open("Tarification/HScode");
    let code = row.text("hs_code");
    xml.leaf("Commodity_code", code.get(..8).unwrap_or(code));
    xml.leaf("Precision_1", code.get(8..).unwrap_or(""));
    xml.close(1);
    xml.leaf("Extended_customs_procedure", "4000");
    xml.open("Supplementary_unit");
    xml.leaf("Suppplementary_unit_code", row.text("quantity_unit"));
    xml.leaf("Suppplementary_unit_quantity", &row.figure("quantity"));
    xml.close(2);
    xml.open("Goods_description");
    xml.leaf("Country_of_origin_code", row.text("origin_country"));
    xml.leaf("Description_of_goods", row.text("description"));
    xml.close(1);
    xml.at("Previous_doc/Summary_declaration", row.text("house_bill_id"));
    xml.open("Taxation/Taxation_line");
    xml.leaf("Duty_tax_code", "CUD");
    xml.leaf("Duty_tax_rate", &row.figure("tariff_rate"));
    xml.leaf("Duty_tax_amount", &row.figure("duty_local"));
    xml.close(2);
    xml.open("Valuation_item");
    xml.at("Weight_itm/Net_weight_itm", &row.figure("net_mass_kg"));
    xml.leaf("Total_CIF_itm", &row.figure("customs_value_local"));
    xml.close(2);
}
