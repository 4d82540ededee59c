//! CUSDEC D.96B: one declaration, from its rows. Amounts are in USD, with the rate that makes them local.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, TimestampMillisecondType};

use super::{Interchange, released, utc};
use crate::timeline::{HOUR_MS, SEOUL_MS};

/// The rows of a declaration, by name.
struct Cells<'r> {
    rows: &'r RecordBatch,
    row: usize,
}

impl Cells<'_> {
    fn text(&self, name: &str) -> Option<String> {
        let column = cast(self.rows.column_by_name(name)?, &DataType::Utf8).ok()?;
        let column = column.as_string::<i32>();
        column.is_valid(self.row).then(|| released(column.value(self.row)))
    }

    fn number(&self, name: &str) -> Option<f64> {
        let column = self.rows.column_by_name(name)?.as_primitive_opt::<Float64Type>()?;
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn time(&self, name: &str) -> Option<i64> {
        let column = self.rows.column_by_name(name)?.as_primitive_opt::<TimestampMillisecondType>()?;
        column.is_valid(self.row).then(|| column.value(self.row))
    }

    fn flag(&self, name: &str) -> bool {
        let column = self.rows.column_by_name(name).and_then(|c| c.as_boolean_opt());
        column.is_some_and(|c| c.is_valid(self.row) && c.value(self.row))
    }

    fn list(&self, name: &str) -> Vec<String> {
        let Some(column) = self.rows.column_by_name(name).and_then(|c| c.as_list_opt::<i32>()) else {
            return Vec::new();
        };
        let Ok(items) = cast(&column.value(self.row), &DataType::Utf8) else { return Vec::new() };
        items.as_string::<i32>().iter().flatten().map(released).collect()
    }
}

/// The message of a declaration, filed when its rows say.
pub(super) fn interchange(rows: &RecordBatch) -> String {
    let h = Cells { rows, row: 0 };
    let id = h.text("declaration_id").unwrap_or_default();
    let declarant = h.text("declarant_id").unwrap_or_default();
    let filed = h.time("declared_at").unwrap_or_default();
    // Importers' numbers hold Hangul.
    let mut edi = Interchange::new("UNOW:4", &declarant, "KRCUSTOMS", utc(filed + HOUR_MS / 60), format!("D{id}"));
    edi.message("CUSDEC:D:96B:UN");
    edi.segment(format_args!("BGM+929+{id}+9"));
    let regime = h.text("procedure").unwrap_or_default();
    let filing = h.text("filing_type").unwrap_or_default();
    edi.segment(format_args!("CST++{regime}:117:ZZZ+{filing}:105:ZZZ"));
    for (qualifier, column, list) in [
        ("41", "office", ":113:ZZZ"),
        ("35", "departure_country", ""),
        ("9", "loading_port", ":139:6"),
        ("11", "unloading_port", ":139:6"),
        ("14", "warehouse_id", ":ZZZ"),
    ] {
        if let Some(place) = h.text(column) {
            edi.segment(format_args!("LOC+{qualifier}+{place}{list}"));
        }
    }
    for (qualifier, column) in [("150", "declared_at"), ("178", "arrival_at")] {
        if let Some(at) = h.time(column) {
            edi.segment(format_args!("DTM+{qualifier}:{}:204", utc(at + SEOUL_MS).format("%Y%m%d%H%M%S")));
        }
    }
    if let Some(mass) = h.number("gross_mass_kg") {
        edi.segment(format_args!("MEA+WT+AAD+KGM:{mass}"));
    }
    let load = match h.text("container_mode").as_deref() {
        Some("LC") => "7",
        _ => "8",
    };
    for container in h.list("container_ids") {
        edi.segment(format_args!("EQD+CN+{container}+22G1:102:5++3+{load}"));
    }
    for (qualifier, column) in [("MB", "master_bill_id"), ("BH", "house_bill_id"), ("UCN", "cargo_control_id")] {
        if let Some(number) = h.text(column) {
            edi.segment(format_args!("RFF+{qualifier}:{number}"));
        }
    }
    if let Some(packages) = h.number("package_count") {
        edi.segment(format_args!("PAC+{packages}++{}", h.text("package_kind").unwrap_or_default()));
    }
    let mode = match h.text("transport_mode").as_deref() {
        Some("sea") => "1",
        _ => "4",
    };
    edi.segment(format_args!("TDT+20++{mode}+++++{}", h.text("conveyance_id").unwrap_or_default()));
    for (role, id, name, country) in [
        ("IM", "importer_id", "importer_name", ""),
        ("SE", "exporter_id", "exporter_name", "exporter_country"),
        ("CB", "declarant_id", "", ""),
        ("FW", "forwarder_id", "", ""),
    ] {
        let value = |column| h.text(column).unwrap_or_default();
        if h.text(id).is_some() {
            edi.segment(format_args!("NAD+{role}+{}:160:ZZZ++{}+++++{}", value(id), value(name), value(country)));
        }
    }
    edi.segment(format_args!("TOD+++{}:106:ZZZ", h.text("incoterm").unwrap_or_default()));
    let currency = h.text("currency").unwrap_or_default();
    edi.segment(format_args!("MOA+39:{}:{currency}", h.number("invoice_amount").unwrap_or_default()));
    edi.segment(format_args!("CUX+2:USD:4+3:KRW+{}", crate::declaration::LOCAL_PER_USD));
    if let Some(freight) = h.number("freight_usd") {
        edi.segment(format_args!("MOA+64:{freight}:USD"));
    }
    edi.segment(format_args!("UNS+D"));
    for row in 0..rows.num_rows() {
        item(&mut edi, &Cells { rows, row });
    }
    edi.segment(format_args!("UNS+S"));
    edi.segment(format_args!("CNT+5:{}", rows.num_rows()));
    edi.finish()
}

fn item(edi: &mut Interchange, c: &Cells<'_>) {
    let number =
        c.rows.column_by_name("item_no").and_then(|n| n.as_primitive_opt::<Int32Type>()).map_or(1, |n| n.value(c.row));
    let kind = c.text("tariff_kind").filter(|_| c.flag("preference_claimed"));
    let preference = kind.map(|kind| format!("+{kind}:116:ZZZ")).unwrap_or_default();
    edi.segment(format_args!("CST+{number}+{}:122:ZZZ{preference}", c.text("hs_code").unwrap_or_default()));
    if let Some(text) = c.text("description") {
        edi.segment(format_args!("FTX+AAA+++{text}"));
    }
    if let Some(country) = c.text("origin_country") {
        edi.segment(format_args!("LOC+27+{country}"));
    }
    if let Some(mass) = c.number("net_mass_kg") {
        edi.segment(format_args!("MEA+WT+AAF+KGM:{mass}"));
    }
    if let Some(quantity) = c.number("quantity") {
        edi.segment(format_args!("MEA+AAE+ABT+{}:{quantity}", c.text("quantity_unit").unwrap_or_default()));
    }
    if let Some(value) = c.number("customs_value_usd") {
        edi.segment(format_args!("MOA+40:{value}:USD"));
    }
    if let Some(certificate) = c.text("origin_certificate_id") {
        edi.segment(format_args!("DOC+861+{certificate}"));
    }
    edi.segment(format_args!("TAX+1+CUD+++:::{}", c.number("tariff_rate").unwrap_or_default()));
    if let Some(duty) = c.number("duty_local") {
        edi.segment(format_args!("MOA+161:{duty}:KRW"));
    }
}
