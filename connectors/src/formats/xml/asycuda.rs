//! ASYCUDA World SAD: a goods declaration, as clients of ASYCUDA keep it in a file.
//!
//! Empty values are `<null/>`, days are month/day/year, names of parties go on with their address on the lines behind.
//! Amounts are in the national currency.

use std::borrow::Cow;
use std::sync::LazyLock;

use haechi_model::codes;

use super::consignment::{id_at, text_at};
use super::convert::{id, moment, number, text};
use super::declaration::{SHEET, amount, compare, records, write};
use super::map::Read::{By, Code, Country, Day, DayOrInstant, Id, Ids, Mass, Mode, Number, OneOf};
use super::map::{Field, field};
use super::output::{Output, Row};
use super::scan::Unit;
use super::tree::{Element, value as said};
use super::unit::{Envelope, LazyTable, Parts, fill, table};
use super::value::Value;

/// The column `message_format`.
pub const NAME: &str = "asycuda_sad";

/// Customs duty, as the administrations code it; others are excise, VAT and fees.
const DUTIES: &[&str] = &["CUD", "IMD", "ID", "DDI", "DI", "DD", "CET", "TEC", "CD", "ICD", "DAI"];

/// Header, under `ASYCUDA`.
pub const HEADER: &[Field] = &[
    field(
        "Identification/Registration",
        "declaration_id",
        By("office/year/serial/number; before registration Declarant_code:Reference/Number"),
    ),
    field("Identification/Office_segment/Customs_clearance_office_code", "office", Code),
    field("Identification/Registration/Date", "declared_at", DayOrInstant),
    field("Property/Date_of_declaration", "declared_at", DayOrInstant),
    field(
        "Identification/Type/Type_of_declaration",
        "flow",
        By("Declaration_gen_procedure_code 7 warehouse, 8 transit; else IM import, EX export, TR transit; else, in \
             letters of other alphabets too, Declaration_gen_procedure_code 1 to 3 export, 4 to 6 import; else Sad_flow"),
    ),
    field("Identification/Type/Declaration_gen_procedure_code", "filing_type", Code),
    field("Traders/Consignee/Consignee_code", "importer_id", Id),
    field("Traders/Consignee/Consignee_name", "importer_name", By("its first line")),
    field("Traders/Exporter/Exporter_code", "exporter_id", Id),
    field("Traders/Exporter/Exporter_name", "exporter_name", By("its first line")),
    field("Declarant/Declarant_code", "declarant_id", Id),
    field("General_information/Country/Export/Export_country_code", "departure_country", Country),
    field("General_information/Country/Trading_country", "exporter_country", Country),
    field("General_information/Country/Destination/Destination_country_code", "destination_country", Country),
    field("Transport/Means_of_transport/Border_information/Mode", "transport_mode", Mode("asycuda")),
    field("Transport/Means_of_transport/Border_information/Identity", "conveyance_id", Id),
    field("Transport/Means_of_transport/Departure_arrival_information/Identity", "conveyance_id", Id),
    field("Transport/Delivery_terms/Code", "incoterm", Code),
    field("Transport/Place_of_loading/Code", "loading_port", Id),
    field("Warehouse/Identification", "warehouse_id", Id),
    field("Item/Previous_doc/Previous_warehouse_code", "warehouse_id", Id),
    field("Item/Previous_doc/Summary_declaration", "house_bill_id", Id),
    field("Container/Container_identity", "container_ids", Ids),
    field(
        "Container/Empty_full_indicator",
        "container_mode",
        OneOf(&[("FCL", "FC"), ("LCL", "LC"), ("5", "FC"), ("7", "LC"), ("8", "FC"), ("1/1", "FC")]),
    ),
    field("Valuation/Weight/Gross_weight", "gross_mass_kg", Mass("")),
    field(
        "Item/Valuation_item/Weight_itm/Gross_weight_itm",
        "gross_mass_kg",
        By("summed, where it gives no total or 0"),
    ),
    field("Property/Nbers/Total_number_of_packages", "package_count", Number),
    field("Item/Packages/Kind_of_packages_code", "package_kind", Code),
    field("Valuation/Gs_Invoice/Amount_foreign_currency", "invoice_amount", Number),
    field(
        "Valuation/Gs_Invoice/Currency_code",
        "currency",
        By("three letters, of a number too; else by Currency_name"),
    ),
    field(
        "Valuation/Gs_external_freight",
        "freight_usd",
        By("in USD, or in national currency by the rate of an invoice in USD"),
    ),
    field("Financial/Mode_of_payment", "payment_type", Code),
];

/// An item, under `Item`.
pub const ITEMS: &[Field] = &[
    field("Item", "item_no", By("its place")),
    field("Tarification/HScode", "hs_code", By("Commodity_code and Precision_1 joined, digits")),
    field("Tarification/Extended_customs_procedure", "procedure", By("National_customs_procedure behind it")),
    field("Goods_description/Country_of_origin_code", "origin_country", Country),
    field("Goods_description/Description_of_goods", "description", super::map::Read::Text),
    field("Goods_description/Commercial_Description", "trade_name", super::map::Read::Text),
    field("Tarification/Supplementary_unit/Suppplementary_unit_quantity", "quantity", Number),
    field("Tarification/Supplementary_unit/Supplementary_unit_quantity", "quantity", Number),
    field("Tarification/Supplementary_unit/Suppplementary_unit_code", "quantity_unit", Code),
    field("Tarification/Supplementary_unit/Supplementary_unit_code", "quantity_unit", Code),
    field("Valuation_item/Weight_itm/Net_weight_itm", "net_mass_kg", Mass("")),
    field("Valuation_item/Total_CIF_itm", "customs_value_local", By("number; where it is 0, the next")),
    field("Valuation_item/Statistical_value", "customs_value_local", By("number")),
    field("Previous_doc/Previous_document_reference", "prior_declaration_ids", Ids),
    field(
        "Valuation_item/Item_Invoice/Currency_rate",
        "customs_value_usd",
        By("the value over the rate, where the invoice is in USD"),
    ),
    field("Tarification/Item_price", "unit_price_usd", By("over the quantity, where the invoice is in USD")),
    field(
        "Taxation/Taxation_line[Duty_tax_code=CUD|IMD|ID|DDI|DI|DD|CET|TEC|CD|ICD|DAI]/Duty_tax_rate",
        "tariff_rate",
        Number,
    ),
    field(
        "Taxation/Taxation_line[Duty_tax_code=CUD|IMD|ID|DDI|DI|DD|CET|TEC|CD|ICD|DAI]/Duty_tax_amount",
        "duty_local",
        Number,
    ),
    field("Tarification/Preference_code", "tariff_kind", Code),
    field("Tarification/Preference_code", "preference_claimed", By("yes where there is one")),
    field(
        "Attached_documents",
        "permits",
        By("Attached_document_code, Attached_document_reference, Attached_document_date"),
    ),
];

static HEADER_TABLE: LazyTable = LazyLock::new(|| table(HEADER, &SHEET));
static ITEM_TABLE: LazyTable = LazyLock::new(|| table(ITEMS, &SHEET));

/// Reads a declaration.
pub fn read<'u>(unit: &Unit<'u>, out: &mut Output<'_>) {
    let root = unit.element;
    out.saw(NAME, "SAD");
    let items: Vec<Element<'u>> = root.all("Item").collect();
    let Some(parts) = Parts::of(unit, &items, out) else { return };
    let zone = out.options.zone;
    let Some(number) = number_of(root) else {
        let position = format!("byte {}, ASYCUDA/Identification", unit.place.byte);
        let reason = "the declaration has neither registration nor reference";
        return out.set_aside("no_declaration", &position, reason, root.raw());
    };
    let mut header = Row::default();
    fill(&HEADER_TABLE, root, zone, &|| "ASYCUDA".to_owned(), &mut header);
    header.put(&SHEET, "flow", flow(root));
    for (path, column) in
        [("Traders/Consignee/Consignee_name", "importer_name"), ("Traders/Exporter/Exporter_name", "exporter_name")]
    {
        let line = root.get(path).and_then(|name| name.lines().map(str::trim).find_map(said));
        header.put(&SHEET, column, line.map(|line| text(Cow::Borrowed(line))));
    }
    let currency_sent = root.at("Valuation/Gs_Invoice").and_then(currency);
    if let Some(sent) = currency_sent.as_deref().filter(|sent| codes::currency(sent).is_none()) {
        let path = "ASYCUDA/Valuation/Gs_Invoice/Currency_code";
        header.warn("unknown_code", path, format!("currency `{}`", super::convert::short(sent)));
    }
    header.put(&SHEET, "currency", currency_sent);
    if header.number(&SHEET, "gross_mass_kg").is_none_or(|kg| kg == 0.0) {
        let masses = items.iter().filter_map(|item| amount(*item, "Valuation_item/Weight_itm/Gross_weight_itm"));
        header.put(&SHEET, "gross_mass_kg", masses.reduce(|sum, kg| sum + kg));
    }
    let freight = root.at("Valuation/Gs_external_freight");
    if let Some(freight) = freight {
        match freight_usd(freight, root.at("Valuation/Gs_Invoice")) {
            Ok(dollars) => header.put(&SHEET, "freight_usd", dollars),
            Err(text) => header.warn("amount_currency", "ASYCUDA/Valuation/Gs_external_freight", text),
        }
    }
    let path = "ASYCUDA/Property/Nbers/Total_number_of_items";
    compare(&mut header, "item_count", path, root.get("Property/Nbers/Total_number_of_items"), items.len() as f64);
    let packages: f64 = items.iter().filter_map(|item| amount(*item, "Packages/Number_of_packages")).sum();
    let path = "ASYCUDA/Property/Nbers/Total_number_of_packages";
    compare(&mut header, "total_mismatch", path, root.get("Property/Nbers/Total_number_of_packages"), packages);
    let issued_at = match header.get(&SHEET, "declared_at") {
        Some(Value::Ts(instant)) => Some(*instant),
        _ => None,
    };
    let sender = id_at(root, "Declarant/Declarant_code").unwrap_or_default();
    header.put(&SHEET, "declaration_id", number.clone());
    let version = "SAD".to_owned();
    Envelope { format: NAME, version, id: number, sender, issued_at, change: "new", reason: None }
        .put(&SHEET, &mut header);
    let mut place = 0;
    write(&parts, header, &items, "ASYCUDA/Item", out, |item, at, _, row| {
        fill(&ITEM_TABLE, item, zone, at, row);
        place += 1;
        row.put(&SHEET, "item_no", place);
        goods(item, at, row);
    });
}

/// office/year/serial/number, or who declares it and his reference.
fn number_of(root: Element<'_>) -> Option<String> {
    let registration = root.at("Identification/Registration");
    let office = id_at(root, "Identification/Office_segment/Customs_clearance_office_code");
    if let Some(registration) = registration
        && let Some(number) = id_at(registration, "Number")
    {
        let year = registration.get("Date").and_then(moment).map(|day| day.date.format("%Y").to_string());
        let serial = id_at(registration, "Serial_number").map(Cow::into_owned);
        let parts = [office.map(Cow::into_owned), year, serial, Some(number.into_owned())];
        return Some(parts.into_iter().flatten().collect::<Vec<_>>().join("/"));
    }
    let reference = id_at(root, "Declarant/Reference/Number")?;
    Some(format!("{}:{reference}", id_at(root, "Declarant/Declarant_code").unwrap_or_default()))
}

fn flow(root: Element<'_>) -> Option<&'static str> {
    let kind = root.at("Identification/Type");
    match kind.and_then(|kind| kind.get("Declaration_gen_procedure_code")) {
        Some("7") => return Some("warehouse"),
        Some("8") => return Some("transit"),
        _ => {}
    }
    let named = |name: Option<&str>| match name? {
        "IM" | "I" => Some("import"),
        "EX" | "E" => Some("export"),
        "TR" | "T" => Some("transit"),
        _ => None,
    };
    let by_procedure = || match kind?.get("Declaration_gen_procedure_code")? {
        "1" | "2" | "3" => Some("export"),
        "4" | "5" | "6" => Some("import"),
        _ => None,
    };
    let typed = named(kind.and_then(|kind| kind.get("Type_of_declaration")));
    typed.or_else(by_procedure).or_else(|| named(root.get("Property/Sad_flow")))
}

/// The letters of a currency; states of the former Soviet Union send its number, and some senders its name.
fn currency(amount: Element<'_>) -> Option<Cow<'_, str>> {
    let Some(code) = id_at(amount, "Currency_code") else {
        // What the forms have of themselves where there is none.
        let name = id_at(amount, "Currency_name").filter(|name| name != "NO FOREIGN CURRENCY")?;
        return Some(named(&name).map_or(name, Cow::Borrowed));
    };
    if code.len() == 3 && codes::currency(&code).is_some() {
        return Some(code);
    }
    let letters = codes::currency_numbered(&code).or_else(|| named(&code));
    Some(letters.map_or(code, Cow::Borrowed))
}

/// The letters of a currency that trade is invoiced in, by its name.
fn named(name: &str) -> Option<&'static str> {
    const NAMES: &[(&str, &str)] = &[
        ("USD", "USD"),
        ("US DOLLAR", "USD"),
        ("US DOLLARS", "USD"),
        ("DOLLAR US", "USD"),
        ("UNITED STATES DOLLAR", "USD"),
        ("UNITED STATES DOLLARS", "USD"),
        ("EUR", "EUR"),
        ("EURO", "EUR"),
        ("EUROS", "EUR"),
        ("STERLING", "GBP"),
        ("YUAN", "CNY"),
        ("RENMINBI", "CNY"),
    ];
    // Whole words: the Australian dollar is another.
    let words = name.replace('.', "");
    let words: Vec<&str> = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name = format!(" {} ", words.join(" "));
    NAMES.iter().find(|(known, _)| name.contains(&format!(" {known} "))).map(|(_, letters)| *letters)
}

/// Freight in dollars: in them, or in national currency by the rate of an invoice in dollars. Empty forms have 0.
fn freight_usd(freight: Element<'_>, invoice: Option<Element<'_>>) -> Result<Option<f64>, &'static str> {
    let in_dollars = |amount: &Element<'_>| currency(*amount).as_deref() == Some("USD");
    let (foreign, national) = (amount(freight, "Amount_foreign_currency"), amount(freight, "Amount_national_currency"));
    if foreign.or(national).is_none_or(|sum| sum == 0.0) && national.is_none_or(|sum| sum == 0.0) {
        return Ok(foreign.or(national));
    }
    if in_dollars(&freight) && foreign.is_some() {
        return Ok(foreign);
    }
    let rate = invoice.filter(in_dollars).and_then(|invoice| amount(invoice, "Currency_rate"));
    let dollars = national.zip(rate.filter(|rate| *rate > 0.0)).map(|(sum, rate)| sum / rate);
    dollars.map(Some).ok_or("not in USD, and no rate of the invoice converts it")
}

/// What is told where duties and taxes are paid and none of them is known as the customs duty.
fn unknown_taxes(item: Element<'_>) -> Option<String> {
    let lines = || item.all("Taxation").flat_map(|taxation| taxation.all("Taxation_line"));
    // Of goods that come free the duty stands there with nothing to pay.
    if lines().filter_map(|line| line.get("Duty_tax_code")).any(|code| DUTIES.contains(&code)) {
        return None;
    }
    let paid = lines().filter(|line| amount(*line, "Duty_tax_amount").is_some_and(|sum| sum != 0.0));
    let paid: Vec<&str> = paid.filter_map(|line| line.get("Duty_tax_code")).collect();
    let codes = || paid.iter().copied();
    // VAT alone is paid where the duty is nothing.
    let is_tax = |code: &str| matches!(code, "VAT" | "TVA" | "IVA" | "GST" | "EXC");
    if codes().all(is_tax) {
        return None;
    }
    let codes: Vec<&str> = codes().filter(|code| !is_tax(code)).take(5).map(super::convert::short).collect();
    Some(format!("none of the taxes is known as the customs duty: `{}`", codes.join("`, `")))
}

fn goods<'u>(item: Element<'u>, at: &dyn Fn() -> String, row: &mut Row<'u>) {
    if let Some(code) = item.at("Tarification/HScode") {
        let joined =
            ["Commodity_code", "Precision_1"].into_iter().filter_map(|part| code.get(part)).collect::<String>();
        match super::convert::tariff(&joined) {
            Some(digits) => row.put(&SHEET, "hs_code", digits.into_owned()),
            None if joined.is_empty() => {}
            None => row.warn("bad_tariff", format!("{}/Tarification/HScode", at()), "no tariff code"),
        }
    }
    let values = ["Valuation_item/Total_CIF_itm", "Valuation_item/Statistical_value"];
    let values = values.map(|path| super::convert::told(item, path, &at(), row));
    row.put(
        &SHEET,
        "customs_value_local",
        values.into_iter().flatten().find(|value| *value != 0.0).or(values[0]).or(values[1]),
    );
    let procedure = ["Tarification/Extended_customs_procedure", "Tarification/National_customs_procedure"];
    let procedure = procedure.into_iter().filter_map(|path| item.get(path)).collect::<String>();
    row.put(&SHEET, "procedure", (!procedure.is_empty()).then_some(procedure));
    let invoice = item.at("Valuation_item/Item_Invoice").filter(|i| currency(*i).as_deref() == Some("USD"));
    if let Some(rate) = invoice.and_then(|i| amount(i, "Currency_rate")).filter(|rate| *rate > 0.0) {
        row.put(&SHEET, "customs_value_usd", row.number(&SHEET, "customs_value_local").map(|value| value / rate));
    }
    if let (Some(_), Some(price), Some(quantity)) =
        (invoice, item.get("Tarification/Item_price").and_then(number), row.number(&SHEET, "quantity"))
        && quantity > 0.0
    {
        row.put(&SHEET, "unit_price_usd", price / quantity);
    }
    if let Some(text) = unknown_taxes(item) {
        row.warn("unknown_code", format!("{}/Taxation", at()), text);
    }
    row.put(&SHEET, "preference_claimed", row.get(&SHEET, "tariff_kind").is_some());
    let mut odd = Vec::new();
    let permits = item.all("Attached_documents").filter_map(|document| {
        let law = document.get("Attached_document_code").map(|code| id(Cow::Borrowed(code)))?;
        let day = document.at("Attached_document_date").and_then(|e| Some((e, e.value()?)));
        let day = day.map(|(e, day)| super::convert::value(Day, e, Cow::Borrowed(day), chrono_tz::Tz::UTC));
        let (day, oddity) = day.unwrap_or_default();
        odd.extend(oddity.map(|oddity| (oddity.code, oddity.text)));
        let number = text_at(document, "Attached_document_reference");
        Some(vec![law.into(), number.into(), Value::Null, day])
    });
    row.put_at(SHEET.at("permits"), records(permits));
    for (code, text) in odd {
        row.warn(code, format!("{}/Attached_documents/Attached_document_date", at()), text);
    }
}
