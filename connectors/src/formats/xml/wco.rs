//! Goods declarations in the WCO Data Model, 3.x, and the responses to them.
//!
//! `MetaData` stands around `Declaration` or `Response`, and gateways wrap it again; a bare `Declaration` is taken too.
//! A request to correct (`COR`) or to withdraw (`INV`) is a declaration with fewer parts: it gives rows of what it
//! names.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::answers::WcoResponse;
use super::convert::{id, number, text};
use super::declaration::{SHEET, amount, compare, money, records, write};
use super::korea;
use super::map::Read::{By, Code, Count, Country, DayOrInstant, Id, Ids, Instant, Mass, Mode, Number, OneOf, Text};
use super::map::{Field, field};
use super::output::{Output, Row};
use super::scan::{Fault, Unit};
use super::tree::Element;
use super::unit::{Envelope, LazyTable, Parts, fill, table};
use super::value::Value;

/// The column `message_format` of declarations.
pub const DECLARATION: &str = "wco_dec";
/// The name of responses.
pub const RESPONSE: &str = "wco_res";
/// More earlier declarations than one shipment has: every item repeats them.
const PRIOR_MAX: usize = 99;
const ITEM: &str = "Declaration/GoodsShipment/GovernmentAgencyGoodsItem";

/// Header, under `Declaration`.
pub const HEADER: &[Field] = &[
    field("ID", "declaration_id", By("without one `sender:FunctionalReferenceID`")),
    field("AcceptanceDateTime/DateTimeString", "declared_at", DayOrInstant),
    field("AcceptanceDateTime/DateTime", "declared_at", DayOrInstant),
    field("AcceptanceDateTime", "declared_at", DayOrInstant),
    field("IssueDateTime/DateTimeString", "declared_at", DayOrInstant),
    field("IssueDateTime/DateTime", "declared_at", DayOrInstant),
    field("IssueDateTime", "declared_at", DayOrInstant),
    field(
        "TypeCode",
        "flow",
        By("first two letters: IM and CO import, EX export, T transit; 929 import, 830 export; not of COR, INV, GPR"),
    ),
    field(
        "TypeCode",
        "filing_type",
        By("third letter: A standard, D pre-lodged, C and F simplified, Y and Z supplementary"),
    ),
    field(
        "TypeCode",
        "change_kind",
        By("COR amend, INV cancel, GPR amend; else by FunctionCode: 9 new, 1 and 3 cancel, others amend"),
    ),
    field("DeclarationOfficeID", "office", Code),
    field("DeclarationOffice/ID", "office", Code),
    field("SupervisingOffice/ID", "office", Code),
    field("ExitOffice/ID", "office", Code),
    field("PresentationOffice/ID", "office", Code),
    field("BorderTransportMeans/ModeCode", "transport_mode", Mode("wco")),
    field("BorderTransportMeans/TypeCode", "transport_mode", Mode("wco")),
    field("GoodsShipment/Consignment/ArrivalTransportMeans/ModeCode", "transport_mode", Mode("wco")),
    field("BorderTransportMeans/ID", "conveyance_id", Id),
    field("BorderTransportMeans/JourneyID", "conveyance_id", Id),
    field("BorderTransportMeans/Name", "conveyance_id", Id),
    field("GoodsShipment/Consignment/ArrivalTransportMeans/ID", "conveyance_id", Id),
    field("GoodsShipment/Consignment/DepartureTransportMeans/ID", "conveyance_id", Id),
    field("BorderTransportMeans/ArrivalDateTime/DateTimeString", "arrival_at", Instant),
    field("BorderTransportMeans/ArrivalDateTime/DateTime", "arrival_at", Instant),
    field("BorderTransportMeans/ArrivalDateTime", "arrival_at", Instant),
    field("GoodsShipment/Consignment/ArrivalTransportMeans/ArrivalDateTime/DateTimeString", "arrival_at", Instant),
    field("Declarant/ID", "declarant_id", Id),
    field("Agent/ID", "declarant_id", Id),
    field("Submitter/ID", "declarant_id", Id),
    field("Exporter/ID", "exporter_id", Id),
    field("GoodsShipment/Exporter/ID", "exporter_id", Id),
    field("GoodsShipment/Seller/ID", "exporter_id", Id),
    field("Exporter/Name", "exporter_name", Text),
    field("GoodsShipment/Exporter/Name", "exporter_name", Text),
    field("GoodsShipment/Seller/Name", "exporter_name", Text),
    field("Exporter/Address/CountryCode", "exporter_country", Country),
    field("GoodsShipment/Exporter/Address/CountryCode", "exporter_country", Country),
    field("GoodsShipment/Seller/Address/CountryCode", "exporter_country", Country),
    field("GoodsShipment/Importer/ID", "importer_id", Id),
    field("Importer/ID", "importer_id", Id),
    field("GoodsShipment/Consignee/ID", "importer_id", Id),
    field("GoodsShipment/Buyer/ID", "importer_id", Id),
    field("GoodsShipment/Importer/Name", "importer_name", Text),
    field("Importer/Name", "importer_name", Text),
    field("GoodsShipment/Consignee/Name", "importer_name", Text),
    field("GoodsShipment/Buyer/Name", "importer_name", Text),
    field("AuthorisationHolder", "importer_aeo", By("yes where the importer holds AEOC, AEOS or AEOF")),
    field("GoodsShipment/ExportCountry/ID", "departure_country", Country),
    field("GoodsShipment/GovernmentAgencyGoodsItem/ExportCountry/ID", "departure_country", Country),
    field("GoodsShipment/Destination/CountryCode", "destination_country", Country),
    field("GoodsShipment/GovernmentAgencyGoodsItem/Destination/CountryCode", "destination_country", Country),
    field("GoodsShipment/Consignment/LoadingLocation/ID", "loading_port", Id),
    field("GoodsShipment/Consignment/LoadingLocation/Name", "loading_port", Id),
    field("GoodsShipment/Consignment/UnloadingLocation/ID", "unloading_port", Id),
    field("GoodsShipment/Consignment/ContainerCode", "container_mode", OneOf(&[("1", "FC"), ("0", "ETC")])),
    field("GoodsShipment/Consignment/TransportEquipment/ID", "container_ids", Ids),
    field("GoodsShipment/Warehouse/ID", "warehouse_id", Id),
    field("GoodsShipment/Consignment/GoodsLocation/ID", "warehouse_id", Id),
    field("GoodsShipment/Consignment/GoodsLocation/Name", "warehouse_id", Id),
    field(
        "GoodsShipment/PreviousDocument[TypeCode=MRN|CLE|SDE|355|337]/ID",
        "prior_declaration_ids",
        By("of all items, before those of the item"),
    ),
    field("GoodsShipment/PreviousDocument[TypeCode=714|703|705|740]/ID", "house_bill_id", Id),
    field("GoodsShipment/GovernmentAgencyGoodsItem/PreviousDocument[TypeCode=714|703|705|740]/ID", "house_bill_id", Id),
    field(
        "GoodsShipment/Consignment/TransportContractDocument[TypeCode=714|703|705|740|HB|HWB|BM]/ID",
        "house_bill_id",
        Id,
    ),
    field("GoodsShipment/PreviousDocument[TypeCode=704|741]/ID", "master_bill_id", Id),
    field("GoodsShipment/GovernmentAgencyGoodsItem/PreviousDocument[TypeCode=704|741]/ID", "master_bill_id", Id),
    field("GoodsShipment/Consignment/TransportContractDocument[TypeCode=704|741|MB|MWB]/ID", "master_bill_id", Id),
    field("GoodsShipment/PreviousDocument[TypeCode=DCR]/ID", "cargo_control_id", Id),
    field("GoodsShipment/GovernmentAgencyGoodsItem/PreviousDocument[TypeCode=DCR]/ID", "cargo_control_id", Id),
    field("GoodsShipment/PreviousDocument[TypeCode=MCR]/ID", "cargo_control_id", Id),
    field("GoodsShipment/GovernmentAgencyGoodsItem/PreviousDocument[TypeCode=MCR]/ID", "cargo_control_id", Id),
    field("TotalGrossMassMeasure", "gross_mass_kg", Mass("unitCode")),
    field("TotalPackageQuantity", "package_count", Number),
    field("GoodsShipment/GovernmentAgencyGoodsItem/Packaging/TypeCode", "package_kind", Code),
    field("GoodsShipment/TradeTerms/ConditionCode", "incoterm", Code),
    field("InvoiceAmount", "invoice_amount", Number),
    field("InvoiceAmount@currencyID", "currency", Code),
    field(
        "GoodsShipment/GovernmentAgencyGoodsItem/Commodity/InvoiceLine/ItemChargeAmount@currencyID",
        "currency",
        Code,
    ),
    field("GoodsShipment/CustomsValuation/FreightChargeAmount", "freight_usd", By("where it is in USD")),
];

/// An item, under `GoodsShipment/GovernmentAgencyGoodsItem`.
pub const ITEMS: &[Field] = &[
    field("SequenceNumeric", "item_no", Count),
    field("GovernmentProcedure", "procedure", By("CurrentCode and PreviousCode of the first that has both: `4071`")),
    field("Origin[TypeCode=1]/CountryCode", "origin_country", Country),
    field("Origin/CountryCode", "origin_country", Country),
    field("ExportCountry/ID", "departure_country", Country),
    field("Destination/CountryCode", "destination_country", Country),
    field(
        "PreviousDocument[TypeCode=MRN|CLE|SDE|355|337]/ID",
        "prior_declaration_ids",
        By("list of ids, each once; behind those of the shipment"),
    ),
    field(
        "Commodity/Classification",
        "hs_code",
        By(
            "ID of type TSP with that of TRC behind it; else of type HS, SRZ or none; else the first of six digits or more",
        ),
    ),
    field("Commodity/Description", "description", Text),
    field("Commodity/CargoDescription", "description", Text),
    field("Commodity/GoodsMeasure/NetNetWeightMeasure", "net_mass_kg", Mass("unitCode")),
    field("GoodsMeasure/NetNetWeightMeasure", "net_mass_kg", Mass("unitCode")),
    field("Commodity/GoodsMeasure/TariffQuantity", "quantity", Number),
    field("GoodsMeasure/TariffQuantity", "quantity", Number),
    field("Commodity/GoodsMeasure/TariffQuantity@unitCode", "quantity_unit", Code),
    field("Commodity/DutyTaxFee/DutyRegimeCode", "tariff_kind", Code),
    field("Commodity/DutyTaxFee[TypeCode=A00|CUD]/TaxRateNumeric", "tariff_rate", Number),
    field("Commodity/DutyTaxFee[TypeCode=A00|CUD]/Payment/TaxAssessedAmount", "duty_local", Number),
    field(
        "CustomsValueAmount",
        "customs_value_local",
        By("else StatisticalValueAmount; else the item's price times the rate of its currency where delivery is CIF \
            or CIP; in USD where the price is in USD and has a rate"),
    ),
    field("Commodity/InvoiceLine/ItemChargeAmount", "unit_price_usd", By("over the quantity, where it is in USD")),
    field("Commodity/DutyTaxFee/DutyRegimeCode", "preference_claimed", By("2xx to 4xx, or a proof of origin")),
    field("AdditionalDocument[CategoryCode=U]/ID", "origin_certificate_id", Id),
    field("AdditionalDocument[TypeCode=954|865|018]/ID", "origin_certificate_id", Id),
    field("AdditionalDocument", "permits", By("CategoryCode with TypeCode (`C501`), ID, LPCOExemptionCode")),
];

static HEADER_TABLE: LazyTable = LazyLock::new(|| table(HEADER, &SHEET));
static ITEM_TABLE: LazyTable = LazyLock::new(|| table(ITEMS, &SHEET));

/// What stands around a declaration.
#[derive(Clone, Copy, Default)]
struct Wrap<'u> {
    version: &'u str,
    country: Option<&'u str>,
}

/// Where the office stands that the declaration goes to; as a rule its code begins with its country.
const OFFICES: [&str; 4] =
    ["DeclarationOfficeID", "DeclarationOffice/ID", "SupervisingOffice/ID", "PresentationOffice/ID"];

/// Reads a message: the declarations and responses in it.
pub fn read(unit: &Unit<'_>, out: &mut Output<'_>) {
    let root = unit.element;
    let wrap = match root.name() {
        "MetaData" | "DocumentMetadata" | "DocumentMetaData" => {
            let named = root.get("WCODataModelVersionCode").or_else(|| root.get("WCODataModelVersion"));
            Wrap { version: named.unwrap_or_default(), country: root.get("ResponsibleCountryCode") }
        }
        "Response" => return response(unit, root, "", out),
        _ => return declaration(unit, root, Wrap::default(), out),
    };
    let messages: Vec<Element<'_>> =
        root.children().filter(|part| matches!(part.name(), "Declaration" | "Response")).collect();
    // What is wrong with one message is not held against another. They stand one behind the other.
    let owner = |fault: &Fault| {
        let at = messages.partition_point(|message| message.index() <= fault.node).checked_sub(1)?;
        messages[at].holds(fault.node).then_some(at)
    };
    let mut of_each: Vec<Vec<Fault>> = vec![Vec::new(); messages.len()];
    let mut of_all = Vec::new();
    for fault in unit.faults {
        match owner(fault) {
            Some(at) => of_each[at].push(fault.clone()),
            None if fault.breaks() => of_all.push(fault.clone()),
            // Told once, which is enough of what is in no message.
            None => of_each.first_mut().into_iter().for_each(|first| first.push(fault.clone())),
        }
    }
    if !messages.is_empty() && of_all.iter().any(|fault| fault.breaks() && fault.code != "truncated") {
        // Sets all of them aside, once.
        let _ = Parts::of(&unit.with(&of_all), &[], out);
        return;
    }
    for (message, mut faults) in messages.iter().zip(of_each) {
        faults.extend(of_all.iter().cloned());
        let own = unit.with(&faults);
        match message.name() {
            "Response" => response(&own, *message, wrap.version, out),
            _ => declaration(&own, *message, wrap, out),
        }
    }
    // Some write it in front of the declaration, not around it.
    if messages.is_empty() && root.name() == "MetaData" {
        let position = format!("byte {}, MetaData", unit.place.byte);
        let fault = unit.faults.iter().find(|fault| fault.breaks());
        let (code, reason) =
            fault.map_or(("no_message", "neither Declaration nor Response is in it"), |f| (f.code, f.reason));
        out.set_aside(code, &position, reason, root.raw());
    }
}

/// `3.6`, at most eight characters.
fn short_version(version: &str) -> String {
    super::convert::short(version).to_owned()
}

/// Reads a response.
fn response<'u>(unit: &Unit<'u>, root: Element<'u>, version: &str, out: &mut Output<'_>) {
    out.saw(RESPONSE, &short_version(version));
    let Some(_) = Parts::of(unit, &[], out) else { return };
    if let Some(response) = WcoResponse::read(root) {
        out.count("responses", 1);
        out.count(response.function.map_or("function_other", super::answers::ResponseFunction::name), 1);
    } else {
        let position = format!("byte {}, Response", unit.byte(root));
        out.set_aside("no_declaration", &position, "the response names no declaration", root.raw());
    }
}

/// Reads a declaration.
fn declaration<'u>(unit: &Unit<'u>, root: Element<'u>, wrap: Wrap<'u>, out: &mut Output<'_>) {
    let kind = root.get("TypeCode").unwrap_or_default();
    if matches!(kind, "GOVCBR929" | "GOVCBR830") {
        return korea::read(unit, root, kind == "GOVCBR929", out);
    }
    out.saw(DECLARATION, &short_version(wrap.version));
    let shipments: Vec<Element<'u>> = root.all("GoodsShipment").collect();
    let items: Vec<Element<'u>> = shipments.iter().flat_map(|s| s.all("GovernmentAgencyGoodsItem")).collect();
    let Some(parts) = Parts::of(unit, &items, out) else { return };
    let reference = root.get("FunctionalReferenceID");
    let sender = ["Submitter/ID", "Declarant/ID", "Agent/ID"].into_iter().find_map(|path| root.get(path));
    let sender = sender.map_or(Cow::Borrowed(""), |sender| id(Cow::Borrowed(sender)));
    let number = match (root.get("ID"), reference) {
        (Some(number), _) => id(Cow::Borrowed(number)).into_owned(),
        (None, Some(reference)) => format!("{sender}:{}", id(Cow::Borrowed(reference))),
        (None, None) => {
            let position = format!("byte {}, Declaration", unit.byte(root));
            let reason = "the declaration has neither number nor reference";
            return out.set_aside("no_declaration", &position, reason, root.raw());
        }
    };
    let zone = out.options.zone;
    let mut header = Row::default();
    fill(&HEADER_TABLE, root, zone, &|| "Declaration".to_owned(), &mut header);
    header.put(&SHEET, "declaration_id", number.clone());
    let (flow, filing) = of_type(kind);
    header.put(&SHEET, "flow", flow);
    header.put(&SHEET, "filing_type", filing.map(str::to_owned));
    aeo(root, &mut header);
    freight(root, &mut header);
    let (change, reason) = change(root, kind);
    if change == "new" {
        compare(
            &mut header,
            "item_count",
            "Declaration/GoodsItemQuantity",
            root.get("GoodsItemQuantity"),
            items.len() as f64,
        );
    } else {
        pointers(root, &items, &mut header);
    }
    let issued_at = match header.get(&SHEET, "declared_at") {
        Some(Value::Ts(instant)) => Some(*instant),
        _ => None,
    };
    let message = reference.map_or(number, |reference| id(Cow::Borrowed(reference)).into_owned());
    let version = short_version(wrap.version);
    Envelope { format: DECLARATION, version, id: message, sender, issued_at, change, reason }.put(&SHEET, &mut header);
    let office = OFFICES.into_iter().find_map(|path| root.get(path));
    let country = wrap.country.or_else(|| office?.get(..2)).unwrap_or_default();
    let rates = Rates::of(root, country);
    let common: Vec<Cow<'u, str>> = shipments.iter().flat_map(|shipment| prior(*shipment)).collect();
    if items.is_empty() {
        header.put_at(SHEET.at("prior_declaration_ids"), Value::texts(common.iter().take(PRIOR_MAX).cloned()));
    }
    write(&parts, header, &items, ITEM, out, |item, at, header, row| {
        fill(&ITEM_TABLE, item, zone, at, row);
        let prior = common.iter().take(PRIOR_MAX).cloned().chain(prior(item));
        row.put_at(SHEET.at("prior_declaration_ids"), Value::texts(prior));
        goods(item, &rates, header, at, row);
    });
}

/// Declarations that a shipment or an item uses up.
fn prior<'u>(element: Element<'u>) -> impl Iterator<Item = Cow<'u, str>> {
    let uses = |document: &Element<'u>| {
        document.get("TypeCode").is_some_and(|kind| matches!(kind, "MRN" | "CLE" | "SDE" | "355" | "337"))
    };
    let documents = element.all("PreviousDocument").filter(uses);
    documents.filter_map(|document| document.get("ID").map(|number| id(Cow::Borrowed(number))))
}

/// Flow and filing form of a type of declaration.
fn of_type(kind: &str) -> (Option<&'static str>, Option<&str>) {
    if matches!(kind, "COR" | "INV" | "GPR") || !kind.is_char_boundary(2) {
        return (None, None);
    }
    let flow = match kind.get(..2) {
        Some("IM" | "CO") => Some("import"),
        Some("EX") => Some("export"),
        Some(two) if two.starts_with('T') => Some("transit"),
        _ => match kind {
            "929" | "930" => Some("import"),
            "830" => Some("export"),
            _ => None,
        },
    };
    (flow, kind.get(2..3).filter(|form| kind.len() == 3 && form.bytes().all(|b| b.is_ascii_uppercase())))
}

fn change(root: Element<'_>, kind: &str) -> (&'static str, Option<String>) {
    let reason = root.get("Amendment/ChangeReasonCode").map(|code| id(Cow::Borrowed(code)).into_owned());
    let function = root.get("FunctionCode");
    match (kind, function) {
        ("INV", _) => ("cancel", reason.or_else(|| Some(kind.to_owned()))),
        (_, Some(other @ ("1" | "3"))) => ("cancel", reason.or_else(|| Some(other.to_owned()))),
        ("COR" | "GPR", _) => ("amend", reason.or_else(|| Some(kind.to_owned()))),
        // Sent again, or as a copy: nothing changed.
        (_, None | Some("9" | "7" | "31" | "35")) => ("new", None),
        (_, Some(other)) => ("amend", reason.or_else(|| Some(super::convert::short(other).to_owned()))),
    }
}

/// Pointers of amendments to items that the message does not bring.
fn pointers(root: Element<'_>, items: &[Element<'_>], header: &mut Row<'_>) {
    // `002` points at `2`.
    fn bare(number: &str) -> &str {
        number.trim_start_matches('0')
    }
    let numbers = items.iter().filter_map(|item| item.get("SequenceNumeric"));
    let brought: rustc_hash::FxHashSet<&str> = numbers.map(bare).collect();
    for amendment in root.all("Amendment").take(1000) {
        let item = amendment.all("Pointer").find(|pointer| pointer.get("DocumentSectionCode") == Some("68A"));
        if let Some(number) = item.and_then(|pointer| pointer.get("SequenceNumeric"))
            && !brought.contains(bare(number))
        {
            let text = format!("item {} is pointed at and not in the message", super::convert::short(number));
            header.warn("pointer", "Declaration/Amendment/Pointer", text);
        }
    }
}

fn aeo(root: Element<'_>, header: &mut Row<'_>) {
    let importer = header.text(&SHEET, "importer_id").map(str::to_owned);
    let holds = root.all("AuthorisationHolder").any(|holder| {
        holder.get("CategoryCode").is_some_and(|category| matches!(category, "AEOC" | "AEOS" | "AEOF"))
            && importer.as_deref() == holder.get("ID").map(|holder| id(Cow::Borrowed(holder))).as_deref()
    });
    if holds && importer.is_some() {
        header.put(&SHEET, "importer_aeo", true);
    }
}

fn freight(root: Element<'_>, header: &mut Row<'_>) {
    let path = "GoodsShipment/CustomsValuation/FreightChargeAmount";
    let Some((currency, sum)) = root.at(path).and_then(money) else { return };
    if currency.as_deref() == Some("USD") {
        header.put(&SHEET, "freight_usd", sum);
    } else {
        header.warn("amount_currency", format!("Declaration/{path}"), "not in USD");
    }
}

/// Local currency for one unit of another, as the declaration gives it.
struct Rates<'u> {
    given: Vec<(Cow<'u, str>, f64)>,
    /// The country to whose office it goes, if it is told.
    country: &'u str,
}

/// Where the euro is the money.
const EURO: &[&str] = &[
    "AT", "BE", "BG", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PT",
    "SI", "SK",
];

impl<'u> Rates<'u> {
    fn of(root: Element<'u>, country: &'u str) -> Self {
        let inside = root.at("GoodsShipment/CustomsValuation").into_iter().chain(root.at("GoodsShipment"));
        let exchanges = std::iter::once(root).chain(inside).flat_map(|element| element.all("CurrencyExchange"));
        // A rate that names no currency is that of the invoice.
        let invoiced = root.at("InvoiceAmount").and_then(|amount| amount.attribute_value("currencyID"));
        let rate = |exchange: Element<'u>| {
            let currency = exchange.get("CurrencyTypeCode").map(Cow::Borrowed).or_else(|| invoiced.clone())?;
            Some((currency, amount(exchange, "RateNumeric").filter(|rate| *rate > 0.0)?))
        };
        Self { given: exchanges.filter_map(rate).take(100).collect(), country }
    }

    fn get(&self, currency: &str) -> Option<f64> {
        let given = self.given.iter().find(|(known, _)| *known == currency).map(|(_, rate)| *rate);
        given.or_else(|| self.is_local(currency).then_some(1.0))
    }

    /// Whether a currency is the country's own: as a rule its code begins with that of the country.
    fn is_local(&self, currency: &str) -> bool {
        let euro = currency == "EUR" && EURO.contains(&self.country);
        euro || (self.country.len() == 2 && currency.len() == 3 && currency.starts_with(self.country))
    }
}

fn goods<'u>(item: Element<'u>, rates: &Rates<'u>, header: &Row<'u>, at: &dyn Fn() -> String, row: &mut Row<'u>) {
    tariff(item, at, row);
    procedure(item, row);
    let price = item.at("Commodity/InvoiceLine/ItemChargeAmount").and_then(money);
    let delivered = matches!(header.text(&SHEET, "incoterm"), Some("CIF" | "CIP"));
    let rate_of = |currency: &Option<Cow<'u, str>>| currency.as_deref().and_then(|currency| rates.get(currency));
    let valued =
        ["CustomsValueAmount", "StatisticalValueAmount"].into_iter().find_map(|path| item.at(path).and_then(money));
    let by_price = || {
        let (currency, price) = price.as_ref().filter(|_| delivered)?;
        Some(price * rate_of(currency)?)
    };
    let local = valued.as_ref().map(|(_, sum)| *sum).or_else(by_price);
    row.put(&SHEET, "customs_value_local", local);
    if local.is_none() && delivered && price.is_some() {
        row.warn("amount_currency", format!("{}/Commodity/InvoiceLine/ItemChargeAmount", at()), "no rate converts it");
    }
    let dollars = |currency: &Option<Cow<'u, str>>| currency.as_deref() == Some("USD");
    let usd = match (&valued, &price) {
        (Some((currency, sum)), _) if dollars(currency) => Some(*sum),
        (_, Some((currency, _))) if dollars(currency) => local.zip(rate_of(currency)).map(|(local, rate)| local / rate),
        _ => None,
    };
    row.put(&SHEET, "customs_value_usd", usd);
    if let Some((currency, price)) = &price
        && dollars(currency)
        && let Some(quantity) = row.number(&SHEET, "quantity").filter(|n| *n > 0.0)
    {
        row.put(&SHEET, "unit_price_usd", price / quantity);
    }
    let regime = row.text(&SHEET, "tariff_kind").and_then(|regime| regime.bytes().next());
    let proof = row.get(&SHEET, "origin_certificate_id").is_some();
    row.put(&SHEET, "preference_claimed", proof || matches!(regime, Some(b'2'..=b'4')));
    let permits = item.all("AdditionalDocument").filter_map(|document| {
        let (category, kind) = (document.get("CategoryCode"), document.get("TypeCode"));
        let law = format!("{}{}", category.unwrap_or_default(), kind.unwrap_or_default());
        let number = document.get("ID").map(|number| id(Cow::Borrowed(number)));
        let exempt = document.get("LPCOExemptionCode").map(|code| id(Cow::Borrowed(code)));
        (!law.is_empty() || number.is_some()).then(|| {
            let law: Value<'u> = if law.is_empty() { "unknown".into() } else { law.into() };
            vec![law, number.into(), category.map(|c| id(Cow::Borrowed(c))).into(), Value::Null, exempt.into()]
        })
    });
    row.put_at(SHEET.at("permits"), records(permits));
    let lines = item.all("Commodity").flat_map(|c| c.all("DetailedCommodity")).enumerate().map(|(n, line)| {
        let described = line.get("Description").map_or(Cow::Borrowed(""), |t| text(Cow::Borrowed(t)));
        vec![Value::I32(n as i32 + 1), described.into()]
    });
    row.put_at(SHEET.at("model_lines"), records(lines));
}

fn tariff<'u>(item: Element<'u>, at: &dyn Fn() -> String, row: &mut Row<'u>) {
    let Some(commodity) = item.at("Commodity") else { return };
    let of = |kind: Option<&str>| {
        let mut all = commodity.all("Classification");
        all.find(|c| c.get("IdentificationTypeCode") == kind).and_then(|c| c.get("ID"))
    };
    let code = match (of(Some("TSP")), of(Some("TRC"))) {
        (Some(first), Some(rest)) => Some(Cow::Owned(format!("{first}{rest}"))),
        (Some(first), None) => Some(Cow::Borrowed(first)),
        (None, _) => {
            let known = [Some("HS"), Some("SRZ"), None].into_iter().find_map(of);
            // Other administrations have types of their own; those that add to a tariff code have few digits.
            let of_any_type = || {
                let ids = commodity.all("Classification").filter_map(|c| c.get("ID"));
                ids.into_iter().find(|id| super::convert::tariff(id).is_some_and(|digits| digits.len() >= 6))
            };
            known.or_else(of_any_type).map(Cow::Borrowed)
        }
    };
    let Some(code) = code else { return };
    if let Some(digits) = super::convert::tariff(&code) {
        return row.put(&SHEET, "hs_code", digits.into_owned());
    }
    let path = format!("{}/Commodity/Classification", at());
    row.warn("bad_tariff", path, format!("`{}`", super::convert::short(&code)));
}

fn procedure<'u>(item: Element<'u>, row: &mut Row<'u>) {
    let mut first = None;
    for procedure in item.all("GovernmentProcedure") {
        let (current, previous) = (procedure.get("CurrentCode"), procedure.get("PreviousCode"));
        if let (Some(current), Some(previous)) = (current, previous) {
            return row.put(&SHEET, "procedure", format!("{current}{previous}"));
        }
        first = first.or(current);
    }
    row.put(&SHEET, "procedure", first.filter(|code| number(code).is_some()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tariff codes of one declaration with these classifications.
    fn hs_codes(classifications: &str) -> Vec<String> {
        let text = format!(
            "<Declaration xmlns='urn:wco:datamodel:WCO:DEC:3'><ID>1</ID><TypeCode>IMA</TypeCode><GoodsShipment>\
             <GovernmentAgencyGoodsItem><SequenceNumeric>1</SequenceNumeric><Commodity>{classifications}</Commodity>\
             </GovernmentAgencyGoodsItem></GoodsShipment></Declaration>"
        );
        let options = crate::ReadOptions::default();
        let input = crate::MessageInput { source: "s", bytes: text.as_bytes(), options: &options };
        crate::formats::edifact::tests::column(&super::super::read(input), "declaration", "hs_code")
    }

    #[test]
    fn the_tariff_code_is_found_by_its_type_and_else_by_its_length() {
        let of = |id: &str, kind: &str| {
            let kind = if kind.is_empty() {
                String::new()
            } else {
                format!("<IdentificationTypeCode>{kind}</IdentificationTypeCode>")
            };
            format!("<Classification><ID>{id}</ID>{kind}</Classification>")
        };
        for (classifications, expected) in [
            (of("2500", "TRA") + &of("64029910", "TSP") + &of("00", "TRC"), "6402991000"),
            (of("999", "CV") + &of("6402.99.10", "HS"), "64029910"),
            (of("2500", "TRA") + &of("6402991000", "LOC"), "6402991000"),
            (of("2500", "TRA"), ""),
        ] {
            assert_eq!(hs_codes(&classifications), [expected], "{classifications}");
        }
    }

    #[test]
    fn types_say_flow_and_form() {
        for (kind, expected) in [
            ("IMA", (Some("import"), Some("A"))),
            ("EXD", (Some("export"), Some("D"))),
            ("COR", (None, None)),
            ("INV", (None, None)),
            ("TRA", (Some("transit"), Some("A"))),
            ("929", (Some("import"), None)),
            ("830", (Some("export"), None)),
            ("", (None, None)),
            ("가나", (None, None)),
        ] {
            assert_eq!(of_type(kind), expected, "{kind}");
        }
    }
}
