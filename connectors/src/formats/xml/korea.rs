//! GOVCBR929 import and GOVCBR830 export declarations of Korea, version 1:0.
//!
//! One namespace stands behind two prefixes, `wco` and `kcs`; names are compared without either. Header first and last,
//! items between: a declaration is read whole. Times are days in Seoul.

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono::{TimeZone, Timelike};
use chrono_tz::{Asia::Seoul, Tz};

use super::convert::{id, joined, number, text, unit_of, value};
use super::declaration::{SHEET, amount, compare, money, records, write};
use super::map::Read::{
    By, Code, Count, Country, Day, DayOrInstant, First, Flag, Id, Ids, Instant, Mass, Mode, Number, Tariff, Text,
};
use super::map::{Field, field};
use super::output::{Output, Row};
use super::scan::Unit;
use super::tree::Element;
use super::unit::{Envelope, LazyTable, Parts, fill, table};
use super::value::Value;

/// The column `message_format` of imports.
pub const IMPORT: &str = "govcbr929";
/// The column `message_format` of exports.
pub const EXPORT: &str = "govcbr830";
const ZONE: Tz = Seoul;
/// More kinds of duty and tax than there are.
const HEADER_FEES_MAX: usize = 50;
/// What is told of an amount in a currency that is neither theirs nor ours.
const UNKNOWN: &str = "an amount neither in KRW nor in USD, or of no currency that can be told";
/// Attributes that hold a unit: as the schema has it, and as writers with a namespace of their own do.
const UNIT: &str = "kcsUnitCode|UnitCode|unitCode";
const ITEM: &str = "Declaration/GoodsShipment/GovernmentAgencyGoodsItem";

/// Header of both, under `Declaration`.
pub const HEADER: &[Field] = &[
    field("ID", "declaration_id", Id),
    field("DeclarationOfficeID", "office", First(3)),
    field("IssueDateTime", "declared_at", DayOrInstant),
    field("TransactionNatureCode", "procedure", Code),
    field("CustomsProcedure/TypeCode", "import_use", Code),
    field("CustomsProcedure/ProcessTypeCode", "filing_type", Code),
    field("PaymentTypeCode", "payment_type", Code),
    field("InvoiceAmount", "invoice_amount", Number),
    field("GoodsShipment/TradeTerms/ConditionCode", "incoterm", Code),
    field("TotalGrossMassMeasure", "gross_mass_kg", Mass(UNIT)),
    field("TotalPackageQuantity", "package_count", Number),
    field("TotalPackageQuantity@kcsUnitCode", "package_kind", Code),
    field("TotalPackageQuantity@UnitCode", "package_kind", Code),
    field("Packaging/TypeCode", "package_kind", Code),
    field("BorderTransportMeans/Name", "conveyance_id", Id),
    field("GoodsShipment/Agent/ID", "forwarder_id", Id),
    field("GoodsShipment/Consignment/Express/ID", "courier_id", Id),
    field("Agent/RegistrationID", "platform_id", Id),
    field("Consignment/Agent/ID", "platform_id", Id),
    field("GoodsShipment/Consignment/TransportContractDocument[TypeCode=714]/ID", "house_bill_id", Id),
    field("GoodsShipment/Consignment/TransportContractDocument[TypeCode=704]/ID", "master_bill_id", Id),
    field("GoodsShipment/UCR/CustomsAssignedReferenceID", "cargo_control_id", Id),
    field("GoodsShipment/Warehouse/ID", "warehouse_id", Id),
    field("Consignment/GoodsLocation/ID", "warehouse_id", Id),
    field("GoodsShipment/Warehouse/ArrivalDateTime", "carried_in_at", Instant),
    field("TransportEquipment/ID", "container_ids", Ids),
    field("BorderTransportMeans/TransportEquipment/ID", "container_ids", Ids),
    field("GoodsShipment/Consignment/TransportEquipment/CharacteristicCode", "container_mode", Code),
    field(
        "GoodsShipment/Consignment/BorderTransportMeans/TransportEquipment/CharacteristicCode",
        "container_mode",
        Code,
    ),
    field("InvoiceAmount@currencyID", "currency", By("as sent; without one KRW where the amount is whole and large")),
    field(
        "GoodsShipment/CustomsValuation/FreightChargeAmount",
        "freight_usd",
        By("KRW to USD by the rate of the declaration: RateNumeric where the invoice is in USD, else KRW over USD of \
            the customs value"),
    ),
];

/// Header of an import only.
pub const IMPORT_HEADER: &[Field] = &[
    field("BorderTransportMeans/TypeCode", "transport_mode", Mode("govcbr929")),
    field("GoodsShipment/Consignment/Express/ID", "transport_mode", By("express where a courier is named")),
    field("BorderTransportMeans/ArrivalDateTime", "arrival_at", Instant),
    field("Importer/ID", "importer_id", Id),
    field("Payer/ID[@schemeAgencyID=380]", "importer_id", Id),
    field("Payer/ID[@schemeAgencyID=ZZZ]", "importer_id", Id),
    field("Importer/Name", "importer_name", Text),
    field("Payer/Name", "importer_name", Text),
    field("GoodsShipment/ExportationCountryCode", "departure_country", Country),
    field("GoodsShipment/Consignment/UnloadingLocation/ID", "unloading_port", Id),
    field("ID", "declarant_id", First(5)),
    field("Payer/RoleCode", "importer_is_person", By("01, 02, 03, 05: a person; else by the id")),
    field(
        "GoodsShipment/AdditionalDocument/Authenticator",
        "exporter_id",
        By("ID, Name and Address/CountryCode of the supplier; without one of GoodsShipment/Seller, else of \
            Consignment/Exporter"),
    ),
];

/// Header of an export only.
pub const EXPORT_HEADER: &[Field] = &[
    field("GoodsShipment/Consignment/BorderTransportMeans/TypeCode", "transport_mode", Mode("govcbr830")),
    field("BorderTransportMeans/EstimatedDepartureDateTime", "arrival_at", Instant),
    field("Exporter/ID[@schemeAgencyID=380]", "exporter_id", Id),
    field("Exporter/ID", "exporter_id", Id),
    field("Exporter/Name", "exporter_name", Text),
    field("GoodsShipment/Buyer/ID", "importer_id", Id),
    field("GoodsShipment/Buyer/Name", "importer_name", Text),
    field("GoodsShipment/Buyer/Address/CountryCode", "destination_country", Country),
    field("LoadingLocation/ID", "loading_port", Id),
    field("Submitter/ID", "declarant_id", Id),
    field("ID", "declarant_id", First(5)),
    field("PreviousDocument/ID", "cargo_control_id", Id),
    field("GoodsShipment/PreviousDocument/ID", "cargo_control_id", Id),
];

/// An item, under `GoodsShipment/GovernmentAgencyGoodsItem`.
pub const ITEMS: &[Field] = &[
    field("SequenceNumeric", "item_no", Count),
    field("AdditionalCode/ExaminationIndicatorCode", "inspection_wanted", Flag),
    field("Commodity/AdditionalCode/ExaminationIndicatorCode", "courier_selected", Flag),
    field("Commodity/Classification/ID", "hs_code", Tariff),
    field("Commodity/Description", "description", Text),
    field("Commodity/CargoDescription", "trade_name", By("brand (Commodity/Name) behind ` / `, unless it is NO")),
    field("Commodity/CountQuantity", "quantity", Number),
    field("Commodity/CountQuantity@kcsUnitCode", "quantity_unit", Code),
    field("Commodity/CountQuantity@UnitCode", "quantity_unit", Code),
    field("GoodsMeasure/NetNetWeightMeasure", "net_mass_kg", Mass(UNIT)),
    field("Commodity/CertificateOfOrigin/IssueID", "origin_certificate_id", Id),
    field("Origin/CountryCode", "origin_country", Country),
    field("Origin/OriginDescription/MarksNumbersID", "origin_marking", Code),
    field("Origin/OriginDescription/DisplayIndicatorCode", "origin_marking", Code),
    field("Commodity/PreviousDocument/ID", "prior_declaration_ids", Ids),
    field("Commodity/DutyTaxFee[TypeCode=CUD]/DutyRegimeCode", "tariff_kind", Code),
    field("Commodity/DutyTaxFee[TypeCode=CUD]/TaxRateNumeric", "tariff_rate", Number),
    field("Commodity/DutyTaxFee[TypeCode=CUD]/Payment/TaxAssessedAmount", "duty_local", Number),
    field("Commodity/DetailedCommodity/Vehicle/ID", "vehicle_ids", Ids),
    field(
        "Commodity/DutyTaxFee[TypeCode=CUD]/AdValoremTaxBaseAmount",
        "customs_value_local",
        By(
            "told apart by `@currencyID`: KRW (also without one, of whole and large amounts) and customs_value_usd; on export Commodity/ValueAmount in KRW, over the \
            rate in USD",
        ),
    ),
    field(
        "Commodity/DetailedCommodity",
        "model_lines",
        By("SequenceNumeric, Description (export: CargoDescription), Constituent/ElementName, CountQuantity, \
            UnitPriceAmount, ValueAmount; unit_price_usd is their value over their quantity, converted"),
    ),
    field(
        "Commodity/DetailedCommodity/AdditionalDocument",
        "permits",
        By("CriteriaConformanceCode, ID, TypeCode, IssueDateTime; and AdditionalInformation of the item with its \
            ReconciliationReasonCode: why none was needed"),
    ),
    field(
        "Commodity/DutyTaxFee[TypeCode=CUD]/DutyRegimeCode",
        "preference_claimed",
        By("a rate of an agreement (F and a country, E1), or a certificate of origin"),
    ),
];

static HEADER_TABLE: LazyTable = LazyLock::new(|| table(HEADER, &SHEET));
static IMPORT_TABLE: LazyTable = LazyLock::new(|| table(IMPORT_HEADER, &SHEET));
static EXPORT_TABLE: LazyTable = LazyLock::new(|| table(EXPORT_HEADER, &SHEET));
static ITEM_TABLE: LazyTable = LazyLock::new(|| table(ITEMS, &SHEET));

/// What amounts are converted by: KRW for a unit of the currency of the invoice, and for a dollar.
#[derive(Clone, Copy, Default)]
struct Rates {
    invoice: Option<f64>,
    usd: Option<f64>,
}

/// Reads a declaration: an import, or an export.
pub fn read<'u>(unit: &Unit<'u>, root: Element<'u>, import: bool, out: &mut Output<'_>) {
    let shipment = root.at("GoodsShipment");
    let items: Vec<Element<'u>> =
        root.all("GoodsShipment").flat_map(|shipment| shipment.all("GovernmentAgencyGoodsItem")).collect();
    let version = version(unit.namespace);
    out.saw(if import { IMPORT } else { EXPORT }, &version);
    let Some(parts) = Parts::of(unit, &items, out) else { return };
    let Some(number) = root.get("ID") else {
        let position = format!("byte {}, Declaration/ID", unit.place.byte);
        return out.set_aside("no_declaration", &position, "the declaration has no number", root.raw());
    };

    let mut header = Row::default();
    let at = || "Declaration".to_owned();
    fill(&HEADER_TABLE, root, ZONE, &at, &mut header);
    fill(if import { &IMPORT_TABLE } else { &EXPORT_TABLE }, root, ZONE, &at, &mut header);
    let rates = money_of(root, import, &mut header);
    if import {
        parties(root, shipment, &mut header);
    }
    if import && header.get(&SHEET, "courier_id").is_some() {
        header.put(&SHEET, "transport_mode", "express");
    }
    header.put(&SHEET, "flow", if import { "import" } else { "export" });
    let (change, reason) = change(root.get("FunctionCode"));
    let number = id(Cow::Borrowed(number));
    let sender = header.text(&SHEET, "declarant_id").map_or_else(|| number.to_string(), str::to_owned);
    let issued_at = match header.get(&SHEET, "declared_at") {
        Some(Value::Ts(instant)) => Some(*instant),
        _ => None,
    };
    let local = issued_at.and_then(|instant| ZONE.timestamp_millis_opt(instant).single());
    header.put(&SHEET, "declared_hour", local.map(|local| local.hour() as i32));
    let format = if import { IMPORT } else { EXPORT };
    let id = number.into_owned();
    Envelope { format, version, id, sender: sender.into(), issued_at, change, reason }.put(&SHEET, &mut header);
    if unit.truncated.is_none() {
        totals(root, &items, &mut header);
    }
    write(&parts, header, &items, ITEM, out, |item, at, _, row| {
        fill(&ITEM_TABLE, item, ZONE, at, row);
        goods(item, import, rates, at, row);
    });
}

/// `1:0`, the end of the namespace.
fn version(namespace: &str) -> String {
    let mut parts = namespace.rsplit(':');
    let minor = parts.next().filter(|p| p.bytes().all(|b| b.is_ascii_digit()) && !p.is_empty());
    let major = parts.next().filter(|p| p.bytes().all(|b| b.is_ascii_digit()) && !p.is_empty());
    match (major, minor) {
        (Some(major), Some(minor)) if major.len() + minor.len() < 8 => format!("{major}:{minor}"),
        _ => String::new(),
    }
}

fn change(function: Option<&str>) -> (&'static str, Option<String>) {
    match function {
        // Sent again, or as a copy: nothing changed.
        None | Some("9" | "7" | "31" | "35") => ("new", None),
        Some("1" | "3") => ("cancel", function.map(str::to_owned)),
        Some(other) => ("amend", Some(super::convert::short(other).to_owned())),
    }
}

/// Currency, rates and freight.
fn money_of(root: Element<'_>, import: bool, header: &mut Row<'_>) -> Rates {
    let rate = amount(root, "CurrencyExchange/RateNumeric").filter(|rate| *rate > 0.0);
    let invoice = root.at("InvoiceAmount").and_then(money);
    let currency = match &invoice {
        Some((Some(currency), _)) => Some(id(currency.clone()).into_owned()),
        Some((None, sum)) if *sum > 0.0 && is_won(*sum) => Some("KRW".to_owned()),
        Some((None, _)) => {
            header.warn("amount_currency", "Declaration/InvoiceAmount", "no currency is given");
            None
        }
        None => None,
    };
    let settled = root.at("Consignment/ConsignmentItem/Commodity/ValueAmount").and_then(money);
    let quoted = if import { currency.clone() } else { settled.and_then(|(c, _)| c).map(|c| id(c).into_owned()) };
    let total = root.all("DutyTaxFee").find(|fee| fee.get("TypeCode") == Some("CUD"));
    let Values { krw, usd, unknown } = total.map(values).unwrap_or_default();
    if unknown {
        header.warn("amount_currency", "Declaration/DutyTaxFee[TypeCode=CUD]/AdValoremTaxBaseAmount", UNKNOWN);
    }
    let implied = krw.zip(usd).filter(|(_, usd)| *usd > 0.0).map(|(krw, usd)| krw / usd);
    let by_quote = rate.filter(|_| quoted.as_deref() == Some("USD"));
    let usd = by_quote.or(implied);
    let invoice = if currency.as_deref() == Some("KRW") { Some(1.0) } else { rate };
    if let Some(freight) = root.at("GoodsShipment/CustomsValuation/FreightChargeAmount")
        && let Some((unit, sum)) = money(freight)
    {
        let dollars = match unit.as_deref() {
            Some("USD") => Some(sum),
            Some("KRW") | None if sum == 0.0 => Some(0.0),
            Some("KRW") => usd.map(|rate| sum / rate),
            None if is_won(sum) => usd.map(|rate| sum / rate),
            _ => None,
        };
        if dollars.is_none() {
            header.warn("amount_currency", "Declaration/GoodsShipment/CustomsValuation/FreightChargeAmount", "no rate");
        }
        header.put(&SHEET, "freight_usd", dollars);
    }
    header.put(&SHEET, "currency", currency);
    Rates { invoice, usd }
}

/// An amount of one name in KRW and USD.
#[derive(Clone, Copy, Default)]
struct Values {
    krw: Option<f64>,
    usd: Option<f64>,
    /// One of them stands in another currency, or in none that can be told.
    unknown: bool,
}

/// Wons have no decimals and are many: an amount that does not say its currency is of them only then.
fn is_won(sum: f64) -> bool {
    sum == 0.0 || (sum.fract() == 0.0 && sum >= 10_000.0)
}

fn values(fee: Element<'_>) -> Values {
    let mut found = Values::default();
    let mut nameless = Vec::new();
    for (currency, sum) in fee.all("AdValoremTaxBaseAmount").filter_map(money) {
        match currency.as_deref() {
            Some("USD") => found.usd = Some(sum),
            Some("KRW") => found.krw = Some(sum),
            None => nameless.push(sum),
            _ => found.unknown = true,
        }
    }
    // The one beside dollars is in wons even where it is small, as long as it is as many of them.
    let many = |sum: f64, usd: f64| usd > 0.0 && (100.0..10_000.0).contains(&(sum / usd));
    let beside = |sum: f64| nameless.len() == 1 && sum.fract() == 0.0 && found.usd.is_some_and(|usd| many(sum, usd));
    // Of two, the one in wons is the larger.
    let won = nameless.iter().copied().filter(|sum| is_won(*sum) || beside(*sum)).reduce(f64::max);
    found.unknown |= nameless.iter().any(|sum| !is_won(*sum) && !beside(*sum));
    found.unknown |= nameless.iter().filter(|sum| **sum > 0.0).count() + usize::from(found.krw.is_some()) > 1;
    found.krw = found.krw.or(won);
    found
}

/// The value of goods that leave: in KRW, which it need not say.
fn exported(commodity: Element<'_>, rate: Option<f64>) -> Values {
    let Some((currency, sum)) = commodity.at("ValueAmount").and_then(money) else { return Values::default() };
    let (krw, usd) = match currency.as_deref() {
        None | Some("KRW") => (Some(sum), rate.map(|rate| sum / rate)),
        Some("USD") => (rate.map(|rate| sum * rate), Some(sum)),
        Some(_) => (None, None),
    };
    Values { krw, usd, unknown: krw.is_none() && usd.is_none() }
}

fn parties<'u>(root: Element<'u>, shipment: Option<Element<'u>>, header: &mut Row<'u>) {
    let supplier = shipment.and_then(|s| s.at("AdditionalDocument/Authenticator"));
    let seller = shipment.and_then(|s| s.at("Seller"));
    let named = |party: &Element<'u>| party.get("ID").or(party.get("Name")).is_some();
    if let Some(party) = [supplier, seller, root.at("Consignment/Exporter")].into_iter().flatten().find(named) {
        header.put(&SHEET, "exporter_id", party.get("ID").map(|p| id(Cow::Borrowed(p))));
        header.put(&SHEET, "exporter_name", party.get("Name").map(|p| text(Cow::Borrowed(p))));
        // A supplier may come without address, the trading partner has one.
        let country = |party: Element<'u>| party.at("Address/CountryCode").filter(|code| code.value().is_some());
        if let Some(element) = country(party).or_else(|| [supplier, seller].into_iter().flatten().find_map(country))
            && let Some(code) = element.value()
        {
            let (country, oddity) = value(Country, element, Cow::Borrowed(code), ZONE);
            header.put_at(SHEET.at("exporter_country"), country);
            if let Some(oddity) = oddity {
                header.warn(oddity.code, "Declaration/GoodsShipment/Seller/Address/CountryCode", oddity.text);
            }
        }
    }
    let role = root.get("Payer/RoleCode");
    header.put(&SHEET, "importer_is_person", role.map(|role| matches!(role, "01" | "02" | "03" | "05")));
}

/// Totals of the header against the sums of the items.
fn totals(root: Element<'_>, items: &[Element<'_>], header: &mut Row<'_>) {
    compare(header, "item_count", "Declaration/GoodsItemQuantity", root.get("GoodsItemQuantity"), items.len() as f64);
    for fee in root.all("DutyTaxFee").take(HEADER_FEES_MAX) {
        let Some(kind) = fee.get("TypeCode") else { continue };
        let fees = || {
            let commodities = items.iter().filter_map(|item| item.at("Commodity"));
            commodities.flat_map(|c| c.all("DutyTaxFee")).filter(|own| own.get("TypeCode") == Some(kind))
        };
        if fees().next().is_none() {
            continue;
        }
        let paid: f64 = fees().filter_map(|own| amount(own, "Payment/TaxAssessedAmount")).sum();
        let path = format!("Declaration/DutyTaxFee[TypeCode={kind}]/Payment/TaxAssessedAmount");
        compare(header, "total_mismatch", &path, fee.get("Payment/TaxAssessedAmount"), paid);
        if let Some(krw) = values(fee).krw {
            let sum: f64 = fees().filter_map(|own| values(own).krw).sum();
            if (krw - sum).abs() > 0.5 {
                let path = format!("Declaration/DutyTaxFee[TypeCode={kind}]/AdValoremTaxBaseAmount");
                header.warn("total_mismatch", path, format!("says {krw}, the items have {sum}"));
            }
        }
    }
}

fn goods<'u>(item: Element<'u>, import: bool, rates: Rates, at: &dyn Fn() -> String, row: &mut Row<'u>) {
    let Some(commodity) = item.at("Commodity") else { return };
    let brand = commodity.get("Name").filter(|name| !matches!(*name, "NO" | "N/A" | "NONE"));
    let names = [commodity.get("CargoDescription"), brand].into_iter().flatten().map(|t| text(Cow::Borrowed(t)));
    row.put(&SHEET, "trade_name", joined(names));
    let Values { krw, usd, unknown } = if import {
        let duty = commodity.all("DutyTaxFee").find(|fee| fee.get("TypeCode") == Some("CUD"));
        duty.map(values).unwrap_or_default()
    } else {
        exported(commodity, rates.usd)
    };
    if unknown {
        let name = if import { "DutyTaxFee[TypeCode=CUD]/AdValoremTaxBaseAmount" } else { "ValueAmount" };
        let path = format!("{}/Commodity/{name}", at());
        row.warn("amount_currency", path, UNKNOWN);
    } else if !import && krw.is_some_and(|krw| krw > 0.0) && usd.is_none() {
        let path = format!("{}/Commodity/ValueAmount", at());
        row.warn("amount_currency", path, "the declaration has no rate of the dollar");
    }
    row.put(&SHEET, "customs_value_local", krw);
    row.put(&SHEET, "customs_value_usd", usd);
    let certified = row.get(&SHEET, "origin_certificate_id").is_some();
    let kind = row.text(&SHEET, "tariff_kind").unwrap_or_default();
    let agreement = kind == "E1" || (kind.starts_with('F') && kind.len() > 2);
    row.put(&SHEET, "preference_claimed", certified || agreement);
    model_lines(commodity, import, rates, at, row);
    permits(item, commodity, at, row);
}

fn model_lines<'u>(commodity: Element<'u>, import: bool, rates: Rates, at: &dyn Fn() -> String, row: &mut Row<'u>) {
    let mut lines = Vec::new();
    let (mut value, mut pieces) = (0.0, 0.0);
    for (index, line) in commodity.all("DetailedCommodity").enumerate() {
        let described = if import { ["Description", "CargoDescription"] } else { ["CargoDescription", "Description"] };
        let described = described.into_iter().find_map(|name| line.get(name)).unwrap_or_default();
        let made_of =
            line.all("Constituent").filter_map(|part| part.get("ElementName")).map(|t| text(Cow::Borrowed(t)));
        let quantity = amount(line, "CountQuantity");
        let price = amount(line, "UnitPriceAmount");
        let sum = amount(line, "ValueAmount");
        for name in ["CountQuantity", "UnitPriceAmount", "ValueAmount"] {
            if line.get(name).is_some_and(|text| number(text).is_none()) {
                row.warn(
                    "bad_number",
                    format!("{}/Commodity/DetailedCommodity[{}]/{name}", at(), index + 1),
                    "no number",
                );
            }
        }
        if let (Some(quantity), Some(sum)) = (quantity, sum.or(price.zip(quantity).map(|(p, q)| p * q))) {
            value += sum;
            pieces += quantity;
        }
        let unit = line.at("CountQuantity").and_then(|q| unit_of(q, UNIT));
        let sent = line.get("SequenceNumeric").and_then(|n| n.parse().ok());
        lines.push(vec![
            Value::I32(sent.unwrap_or(index as i32 + 1)),
            text(Cow::Borrowed(described)).into(),
            joined(made_of).into(),
            quantity.into(),
            unit.map(id).into(),
            price.into(),
            sum.into(),
        ]);
    }
    if pieces > 0.0
        && let (Some(invoice), Some(usd)) = (rates.invoice.filter(|_| import).or(rates.usd), rates.usd)
    {
        // Prices are in the currency of the invoice; on export in the one it is settled in, as a rule dollars.
        let in_usd = if (invoice - usd).abs() < f64::EPSILON { 1.0 } else { invoice / usd };
        row.put(&SHEET, "unit_price_usd", value / pieces * in_usd);
    }
    row.put_at(SHEET.at("model_lines"), records(lines));
}

fn permits<'u>(item: Element<'u>, commodity: Element<'u>, at: &dyn Fn() -> String, row: &mut Row<'u>) {
    let code =
        |element: Element<'u>, name: &str| -> Value<'u> { element.get(name).map(|c| id(Cow::Borrowed(c))).into() };
    let law = |element: Element<'u>| -> Value<'u> {
        element.get("CriteriaConformanceCode").map_or_else(|| "unknown".into(), |c| id(Cow::Borrowed(c)).into())
    };
    let mut permits = Vec::new();
    let of_lines = commodity.all("DetailedCommodity").flat_map(|line| line.all("AdditionalDocument"));
    for document in of_lines.chain(commodity.all("AdditionalDocument")) {
        let issued = document.at("IssueDateTime").and_then(|e| Some((e, e.value()?)));
        let (issued, oddity) = issued.map_or((Value::Null, None), |(e, day)| value(Day, e, Cow::Borrowed(day), ZONE));
        if let Some(oddity) = oddity {
            row.warn(oddity.code, format!("{}//AdditionalDocument/IssueDateTime", at()), oddity.text);
        }
        permits.push(vec![law(document), code(document, "ID"), code(document, "TypeCode"), issued]);
    }
    for exempt in item.all("AdditionalInformation").filter(|i| i.get("ReconciliationReasonCode").is_some()) {
        let reason = code(exempt, "ReconciliationReasonCode");
        permits.push(vec![law(exempt), Value::Null, Value::Null, Value::Null, reason]);
    }
    row.put_at(SHEET.at("permits"), records(permits));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of an item in KRW and USD, and the codes of its warnings, with these amounts.
    fn valued(amounts: &str) -> (String, String, bool) {
        let text = format!(
            "<Declaration xmlns='urn:kr:gov:kcs:data:standard:KCS_DeclarationOfIMP_929SchemaModule:1:0'>\
             <ID>9990127000123M</ID><GoodsShipment><GovernmentAgencyGoodsItem><SequenceNumeric>1</SequenceNumeric>\
             <Commodity><DutyTaxFee>{amounts}<TypeCode>CUD</TypeCode></DutyTaxFee></Commodity>\
             </GovernmentAgencyGoodsItem></GoodsShipment></Declaration>"
        );
        values_of(&text)
    }

    fn values_of(text: &str) -> (String, String, bool) {
        let options = crate::ReadOptions::default();
        let input = crate::MessageInput { source: "s", bytes: text.as_bytes(), options: &options };
        let reading = super::super::read(input);
        let column = |name| crate::formats::edifact::tests::column(&reading, "declaration", name).concat();
        let warned = reading.warnings.iter().any(|warning| warning.code == "amount_currency");
        (column("customs_value_local"), column("customs_value_usd"), warned)
    }

    #[test]
    fn goods_that_leave_are_valued_in_wons_unless_it_is_said() {
        for (amount, krw, usd, warned) in [
            ("<ValueAmount>16200000</ValueAmount>", "16200000", "12000", false),
            ("<ValueAmount currencyID='KRW'>16200000</ValueAmount>", "16200000", "12000", false),
            ("<ValueAmount currencyID='USD'>12000</ValueAmount>", "16200000", "12000", false),
            ("<ValueAmount currencyID='EUR'>12000</ValueAmount>", "", "", true),
        ] {
            let text = format!(
                "<Declaration xmlns='urn:kr:gov:kcs:data:standard:KCS_DeclarationOfEXP_830SchemaModule:1:0'>\
                 <ID>9990127000789X</ID><CurrencyExchange><RateNumeric>1350</RateNumeric></CurrencyExchange>\
                 <Consignment><ConsignmentItem><Commodity><ValueAmount currencyID='USD'>12000</ValueAmount></Commodity>\
                 </ConsignmentItem></Consignment><GoodsShipment><GovernmentAgencyGoodsItem>\
                 <SequenceNumeric>1</SequenceNumeric><Commodity>{amount}</Commodity></GovernmentAgencyGoodsItem>\
                 </GoodsShipment></Declaration>"
            );
            let cell = |sum: &str| if sum.is_empty() { String::new() } else { format!("{sum}.0") };
            assert_eq!(values_of(&text), (cell(krw), cell(usd), warned), "{amount}");
        }
    }

    #[test]
    fn amounts_without_currency_are_wons_where_whole_and_large_and_else_nothing() {
        let of = |sum: &str, currency: &str| {
            let currency = if currency.is_empty() { String::new() } else { format!(" currencyID='{currency}'") };
            format!("<AdValoremTaxBaseAmount{currency}>{sum}</AdValoremTaxBaseAmount>")
        };
        for (amounts, krw, usd, warned) in [
            (of("6750000", "KRW") + &of("5000", "USD"), "6750000", "5000", false),
            (of("6750000", "") + &of("5000", "USD"), "6750000", "5000", false),
            (of("6750000", "") + &of("5000", ""), "6750000", "", true),
            (of("13500000", "") + &of("10000", ""), "13500000", "", true),
            (of("5000.50", ""), "", "", true),
            (of("8500", "") + &of("6", "USD"), "8500", "6", false),
            (of("6", "") + &of("7", "USD"), "", "7", true),
            (of("1200", "") + &of("1000", "USD"), "", "1000", true),
            (of("5", "") + &of("0", "USD"), "", "0", true),
            (of("8500", ""), "", "", true),
            (of("5000", "EUR") + &of("6750000", "KRW"), "6750000", "", true),
            (of("6750000", "KRW") + &of("5000", "EUR"), "6750000", "", true),
        ] {
            let cell = |sum: &str| if sum.is_empty() { String::new() } else { format!("{sum}.0") };
            assert_eq!(valued(&amounts), (cell(krw), cell(usd), warned), "{amounts}");
        }
    }

    #[test]
    fn versions_and_changes() {
        assert_eq!(version("urn:kr:gov:kcs:data:standard:KCS_DeclarationOfIMP_929SchemaModule:1:0"), "1:0");
        assert_eq!(version("urn:x"), "");
        assert_eq!(change(Some("9")), ("new", None));
        assert_eq!(change(Some("1")).0, "cancel");
    }
}
