//! Declarations, dialect by dialect and oddity by oddity.

use super::super::tests::{column, read, reasons, warnings};
use crate::format::MessageReading;

fn declaration(header: &str, items: &str) -> MessageReading {
    let text = format!("UNB+UNOA:2+99901+KR+270302:0930+R1'UNH+C1+CUSDEC:D:96B:UN'{header}{items}UNT+0+C1'UNZ+1+R1'");
    let mut reading = read(&text);
    reading.warnings.retain(|w| w.code != "unt_count");
    reading
}

const HEADER: &str = "BGM+929+26KR1+9'CST++11:117:ZZZ'LOC+41+03010:113:ZZZ'LOC+35+VN'LOC+9+VNSGN'LOC+11+KRPUS'\
                      DTM+150:202703020930:203'DTM+178:202703020615:203'MEA+WT+AAD+KGM:1850.5'EQD+CN+ZZZU0000010+22G1:102:5++3+8'\
                      RFF+MB:M1'RFF+BH:H1'RFF+UCN:27ZZ'PAC+120++CT'TDT+20+027W+1++ZZ:172:20+++0000012:146:11:PIONEER:PA'\
                      NAD+IM+KRT1:160:ZZZ++HAECHI TEST'NAD+SE+VN1:160:ZZZ++SAIGON+++++VN'NAD+CB+99901:160:ZZZ'TOD+++FOB:106:ZZZ'\
                      MOA+39:9200.00:USD'CUX+2:USD:4+3:KRW+1350.00'MOA+64:700.00:USD'";

const ITEM: &str = "CST+1+6402991000:122:ZZZ+11:117:ZZZ+FCN1:116:ZZZ'FTX+AAA+++SPORTS SHOES:OF RUBBER'LOC+27+VN'\
                    MEA+WT+AAF+KGM:920.0'MEA+AAE+ABT+NPR:1150'MOA+38:4600.00:USD'MOA+40:5000.00:USD'DOC+861+CO1'\
                    DOC+911+P1'DTM+182:20270218:102'TAX+1+CUD++5000.00+:::13'MOA+161:650.00:USD'TAX+1+VAT++1+:::10'MOA+161:565.00:USD'";

fn one(reading: &MessageReading, name: &str) -> String {
    column(reading, "declaration", name).into_iter().next().unwrap_or_else(|| "no row".into())
}

#[test]
fn header_and_item_make_a_row() {
    let reading = declaration(HEADER, &format!("UNS+D'{ITEM}UNS+S'CNT+5:1'TAX+4+CUD'MOA+161:650.00:USD'"));
    for (name, value) in [
        ("declaration_id", "26KR1"),
        ("item_no", "1"),
        ("declared_at", "2027-03-02T00:30:00Z"),
        ("arrival_at", "2027-03-01T21:15:00Z"),
        ("flow", "import"),
        ("procedure", "11"),
        ("office", "030"),
        ("transport_mode", "sea"),
        ("importer_id", "KRT1"),
        ("importer_name", "HAECHI TEST"),
        ("exporter_id", "VN1"),
        ("exporter_country", "VN"),
        ("declarant_id", "99901"),
        ("departure_country", "VN"),
        ("loading_port", "VNSGN"),
        ("unloading_port", "KRPUS"),
        ("conveyance_id", "0000012"),
        ("master_bill_id", "M1"),
        ("house_bill_id", "H1"),
        ("cargo_control_id", "27ZZ"),
        ("container_ids", "ZZZU0000010"),
        ("container_mode", "FC"),
        ("gross_mass_kg", "1850.5"),
        ("package_count", "120.0"),
        ("package_kind", "CT"),
        ("incoterm", "FOB"),
        ("currency", "USD"),
        ("invoice_amount", "9200.0"),
        ("freight_usd", "700.0"),
        ("hs_code", "6402991000"),
        ("description", "SPORTS SHOES OF RUBBER"),
        ("origin_country", "VN"),
        ("net_mass_kg", "920.0"),
        ("quantity", "1150.0"),
        ("quantity_unit", "NPR"),
        ("customs_value_usd", "5000.0"),
        ("customs_value_local", "6750000.0"),
        ("unit_price_usd", "4.0"),
        ("tariff_rate", "13.0"),
        ("tariff_kind", "FCN1"),
        ("preference_claimed", "true"),
        ("duty_local", "877500.0"),
        ("origin_certificate_id", "CO1"),
        ("version", "1"),
        ("change_kind", "new"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
    assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
}

#[test]
fn an_amendment_names_its_items_and_a_cancellation_none() {
    let amended = declaration(&HEADER.replace("26KR1+9", "26KR1:00003+4"), &ITEM.replace("CST+1", "CST+3"));
    assert_eq!((one(&amended, "item_no"), one(&amended, "version")), ("3".into(), "3".into()));
    assert_eq!((one(&amended, "change_kind"), one(&amended, "change_reason")), ("amend".into(), "4".into()));
    let revised = declaration(&HEADER.replace("26KR1+9", "26KR1::00004+4"), ITEM);
    assert_eq!(one(&revised, "version"), "4");
    let cancelled = declaration("BGM+929+26KR1+1'", "UNS+D'UNS+S'");
    assert_eq!((one(&cancelled, "change_kind"), one(&cancelled, "declaration_id")), ("cancel".into(), "26KR1".into()));
    assert_eq!((cancelled.counts["cancelled"], reasons(&cancelled)), (1, vec![]));
}

#[test]
fn dialects_are_read_everywhere() {
    // No UNS, the kind in words, the tariff in RFF ABD, the rate without currencies, amounts local.
    let header =
        "BGM+ZEM:::EX+E1+9'LOC+22+030'DTM+148:20270302:102'NAD+EX+KR1++OURS'NAD+BY+US1++THEIRS+++++US'CUX+2++1350'";
    let reading = declaration(
        header,
        "CST+1'RFF+ABD:8517130000X'FTX+AAA+++PHONES'MOA+40:1350000:KRW'CST+2+85171400:169:143'CNT+5:2'",
    );
    assert_eq!(column(&reading, "declaration", "hs_code"), ["8517130000", "85171400"]);
    assert_eq!(
        (one(&reading, "flow"), one(&reading, "exporter_id"), one(&reading, "importer_id")),
        ("export".into(), "KR1".into(), "US1".into())
    );
    assert_eq!(warnings(&reading), ["day_only"], "won are the money of the office");
    let own = declaration("BGM+929++9'RFF+ABE:OWN1'LOC+41+030'DTM+150:202703020930:203'", ITEM);
    assert_eq!(one(&own, "declaration_id"), "99901:OWN1");
}

#[test]
fn the_export_dialect_of_australia_is_read() {
    let header = "BGM+830:::EXD+S1:1+9'LOC+9+AUMEL::6'LOC+12+MYTPP::6'LOC+28+VN::6'DTM+129:20181023:102'PAC+++C:67:95'TDT+20+++11'\
                  NAD+CN+++DELPHI CO., LTD++HO CHI MINH CITY'NAD+GO+620045/001::95'MOA+39::AUD'MOA+63:48849:AUD'";
    let items = "UNS+D'CST+1+I::95'FTX+AAA+++ADHESIVES'LOC+27++AU-VI::6'MEA+WT++KG:10296'MEA+ABW++KG:9708'MOA+63:48849'RFF+HS:35069100'UNS+S'";
    let reading = declaration(header, items);
    for (name, value) in [
        ("flow", "export"),
        ("transport_mode", "sea"),
        ("exporter_id", "620045/001"),
        ("importer_name", "DELPHI CO., LTD"),
        ("destination_country", "VN"),
        ("unloading_port", "MYTPP"),
        ("arrival_at", "2018-10-22T13:00:00Z"),
        ("invoice_amount", "48849.0"),
        ("currency", "AUD"),
        ("hs_code", "35069100"),
        ("origin_country", "AU"),
        ("quantity", "9708.0"),
        ("quantity_unit", "KG"),
        ("customs_value_local", "48849.0"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
    assert_eq!(warnings(&reading), ["no_declared_time", "no_office"]);
}

#[test]
fn the_import_dialect_of_south_africa_is_read() {
    let header = "BGM+929+26ZA1::00001+9'CST++D:117:ZZZ'LOC+96+JSA::ZZZ'RFF+AAS:082-12345675'DTM+137:20161020:102'PAC+1'TDT+20+SA132+4'\
                  DOC+380+INV'DTM+3:20161020:102'NAD+IM+00549578++IMPORT CO'";
    let items = "UNS+D'CST+0002+820110059:108:ZZZ+100'MOA+40:5000'TAX+1+1P1:107:ZZZ'MOA+161:500.00'UNS+S'";
    let reading = declaration(header, items);
    for (name, value) in [
        ("office", "JSA"),
        ("house_bill_id", "082-12345675"),
        ("duty_local", "500.0"),
        ("declared_at", "2027-03-02T00:30:00Z"),
        ("item_no", "2"),
        ("hs_code", "820110059"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
    // The day of the bill is none of the declaration.
    assert_eq!(warnings(&reading), ["no_declared_time"]);
    let with_house = declaration(&header.replace("RFF+AAS", "RFF+BH:H1'RFF+AAS"), items);
    assert_eq!(
        (one(&with_house, "house_bill_id"), one(&with_house, "master_bill_id")),
        ("H1".into(), "082-12345675".into())
    );
    let own = declaration(&header.replace("RFF+AAS:082-12345675", "RFF+ABE:1"), items);
    assert_eq!((one(&own, "declared_at").as_str(), warnings(&own)), ("2016-10-19T15:00:00Z", vec!["day_only"]));
}

#[test]
fn a_rate_may_carry_its_sign() {
    let reading = declaration(HEADER, &ITEM.replace(":::13'", ":::13 %'"));
    assert_eq!((one(&reading, "tariff_rate").as_str(), warnings(&reading)), ("13.0", vec![]));
}

#[test]
fn the_means_at_the_border_goes_before_the_one_at_departure() {
    for stage in ["12", "10"] {
        let header = HEADER.replace("NAD+IM", &format!("TDT+{stage}+TRUCK1+3++++++XX99'NAD+IM"));
        let reading = declaration(&header, ITEM);
        assert_eq!((one(&reading, "conveyance_id"), one(&reading, "transport_mode")), ("0000012".into(), "sea".into()));
    }
    let inland = declaration(&HEADER.replace("TDT+20+", "TDT+12+"), ITEM);
    assert_eq!(one(&inland, "conveyance_id"), "0000012");
}

#[test]
fn oddities_are_taken_with_a_warning() {
    for (from, to, column_name, value, code) in [
        ("CST+1+", "CST+A+", "item_no", "1", "bad_number"),
        ("6402991000", "6402", "hs_code", "", "unknown_code"),
        ("LOC+27+VN", "LOC+27+QQQ", "origin_country", "QQQ", "unknown_country"),
        ("KGM:920.0", "STN:920.0", "net_mass_kg", "", "bad_unit"),
        ("KGM:920.0", "KGM:HEAVY", "net_mass_kg", "", "bad_number"),
        ("MOA+40:5000.00:USD", "MOA+40:5000.00:EUR", "customs_value_usd", "", "amount_currency"),
        ("MOA+40:5000.00", "MOA+40:MUCH", "customs_value_usd", "", "bad_number"),
        ("DOC+861", "XYZ+1'DOC+861", "hs_code", "6402991000", "unknown_segment"),
        (":::13'", ":::FREE'", "tariff_rate", "", "bad_number"),
        ("182:20270218", "182:20271318", "hs_code", "6402991000", "bad_date"),
    ] {
        let reading = declaration(HEADER, &ITEM.replace(from, to));
        assert_eq!(one(&reading, column_name), value, "{to}");
        assert_eq!(warnings(&reading), [code], "{to}");
    }
    for (from, to, code) in [
        ("LOC+41+03010:113:ZZZ'", "", "no_office"),
        ("DTM+150:202703020930:203'", "", "no_declared_time"),
        ("150:202703020930:203", "150:20270302:102", "day_only"),
        ("MOA+64:700.00:USD", "MOA+64:700.00:EUR", "amount_currency"),
        ("NAD+CB", "NAD+QQ", "unknown_party"),
        ("BGM+929", "BGM+999", "unknown_code"),
    ] {
        assert_eq!(warnings(&declaration(&HEADER.replace(from, to), ITEM)), [code], "{to}");
    }
    assert_eq!(warnings(&declaration(HEADER, &format!("{ITEM}UNS+S'CNT+5:2'"))), ["cnt_mismatch"]);
}

#[test]
fn what_has_no_number_or_no_item_is_refused_whole() {
    assert_eq!(reasons(&declaration("BGM+929++9'", ITEM)), ["no_declaration"]);
    // What is cut off before its first item says nothing of how many it had.
    let cut = read(&format!("UNB+UNOA:2+99901+KR+270302:0930+R1'UNH+C1+CUSDEC:D:96B:UN'{HEADER}"));
    assert_eq!((reasons(&cut), column(&cut, "declaration", "item_no").len()), (vec!["no_item"], 0));
}

/// As Australia and the United Kingdom have it: who imports is NAD AT, terms are a reference, items without number.
#[test]
fn items_behind_the_section_control_need_no_number() {
    let header = "BGM+929++9'CST++IMD+2'LOC+41+1'DTM+150:202703020930:203'RFF+ABO:8-B1'RFF+APH:FOB'TDT+20++A++QF::3'\
                  NAD+AT+51006765546::95'NAD+DP++CITY'UNS+D'DMS+1'";
    let item = "CST++4000000+6403911898+A999++100'FTX+AAA+++SHOES'";
    let reading = declaration(header, &format!("{item}{item}UNS+S'CNT+5:2'"));
    assert_eq!((reasons(&reading), warnings(&reading)), (vec![], vec![]));
    assert_eq!(column(&reading, "declaration", "item_no"), ["1", "2"]);
    for (name, value) in [
        ("declaration_id", "99901:8-B1"),
        ("importer_id", "51006765546"),
        ("incoterm", "FOB"),
        ("transport_mode", "air"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
}

#[test]
fn a_supplier_may_stand_in_the_items() {
    let header = "BGM+929+7+9'LOC+41+NZAKL'DTM+150:20270302:102'DTM+150:0930:401'LOC+11+NZAKL'";
    let item = |n: u32, supplier: &str| format!("CST+{n}+6402991000:122'NAD+SU+{supplier}:ZZZ:143'");
    let reading = declaration(header, &format!("{}{}", item(1, "S1"), item(2, "S1")));
    assert_eq!(column(&reading, "declaration", "exporter_id"), ["S1", "S1"]);
    assert_eq!(one(&reading, "declared_at"), "2027-03-02T00:30:00Z", "the hour, behind the day");
    let several = declaration(header, &format!("{}{}", item(1, "S1"), item(2, "S2")));
    assert_eq!(column(&several, "declaration", "exporter_id"), ["", ""], "a column of the header is equal on all rows");
}

/// Small consignments in Australia, and a broker in Spain.
#[test]
fn a_declaration_without_items_is_a_row_of_all_its_goods() {
    let reading = declaration(
        "BGM+929:::SAC+B1/MEL1:1+9'LOC+12+AUSYD::6'DTM+178:20200903:102'FTX+AAA+++FROZEN FISH'LOC+27+NZ'RFF+MWB:08657962155'\
         RFF+ABT:OTHER'CST++11:117:ZZZ'MEA+WT+AAF+KGM:9.5'MOA+40:120:USD'TDT+20++A'NAD+AT+19001670864::95'",
        "UNS+D'UNS+S'",
    );
    for (name, value) in [
        ("declaration_id", "B1/MEL1"),
        ("item_no", "1"),
        ("importer_id", "19001670864"),
        ("description", "FROZEN FISH"),
        ("origin_country", "NZ"),
        ("procedure", "11"),
        ("net_mass_kg", "9.5"),
        ("customs_value_usd", "120.0"),
        ("prior_declaration_ids", "OTHER"),
        ("arrival_at", "2020-09-02T14:00:00Z"),
        ("change_kind", "new"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
    assert_eq!(warnings(&reading), ["no_declared_time", "no_office", "no_items"]);
    assert_eq!((reasons(&reading), reading.counts["declarations"]), (vec![], 1));
    let without_cst = declaration("BGM+929+ES1+9'MEA+AAE+G+KGM:450'MOA+39:15000.00'CUX+2:EUR:9'", "");
    for (name, value) in [("gross_mass_kg", "450.0"), ("invoice_amount", "15000.0"), ("currency", "EUR")] {
        assert_eq!(one(&without_cst, name), value, "{name}");
    }
    assert_eq!(warnings(&without_cst), ["no_declared_time", "no_office", "no_items"]);
    // One row for all goods would take the place of the first item.
    let amended = declaration("BGM+929+ES1+4'MEA+AAE+G+KGM:450'", "");
    assert_eq!((reasons(&amended), amended.records.len()), (vec!["no_item"], 0));
    let replaced = declaration("BGM+929+ES1+5'MEA+AAE+G+KGM:450'", "");
    assert_eq!((one(&replaced, "gross_mass_kg"), one(&replaced, "change_kind")), ("450.0".into(), "amend".into()));
    let cut = read("UNB+UNOA:2+99901+KR+270302:0930+R1'UNH+C1+CUSDEC:D:96B:UN'BGM+929+ES1+4'LOC+41+03010'");
    assert!(cut.set_aside.iter().any(|unit| unit.reason.contains("cut off before")), "{:?}", cut.set_aside);
    // What is said of all items may name a tariff, and is no item where a section control begins those.
    let common = declaration(&format!("{HEADER}CST++99999999:122'"), &format!("UNS+D'{ITEM}UNS+S'"));
    assert_eq!(column(&common, "declaration", "hs_code"), ["6402991000"]);
    // Items that have neither number nor section control are still items, not one row.
    let bare = declaration(HEADER, "CST++84713000:122'FTX+AAA+++A'CST++85171300:122'FTX+AAA+++B'");
    assert_eq!(column(&bare, "declaration", "hs_code"), ["84713000", "85171300"]);
}

#[test]
fn each_item_has_a_number_of_its_own() {
    let item = |number: &str| ITEM.replace("CST+1+", &format!("CST+{number}+"));
    let items = ["2", "2", "-5", "0", "1"].map(item).concat();
    let reading = declaration(HEADER, &items);
    assert_eq!(column(&reading, "declaration", "item_no"), ["2", "3", "4", "5", "1"]);
    assert_eq!(warnings(&reading), ["item_numbers"; 3]);
    // Never one that another item has, before it or behind it.
    let items = ["1", "1", "2"].map(item).concat();
    assert_eq!(column(&declaration(HEADER, &items), "declaration", "item_no"), ["1", "3", "2"]);
}

#[test]
fn totals_and_what_is_said_of_all_items_stand_in_the_header() {
    let header =
        HEADER.replace("MEA+WT+AAD+KGM:1850.5'", "").replace("PAC+120++CT'", "PAC+100++CT'PAC+20++PK'LOC+27+CN'");
    let reading = declaration(&header, &format!("{}{ITEM}CNT+7:1.2:TNE'", ITEM.replace("LOC+27+VN'", "")));
    assert_eq!((one(&reading, "package_count"), one(&reading, "package_kind")), ("120.0".into(), "CT".into()));
    for levels in ["PAC+10+3+CT'PAC+240+1+BX'", "PAC+240+1+BX'PAC+10+3+CT'", "PAC++3+PX'PAC+10+2+CT'PAC+240+1+BX'"] {
        let reading = declaration(&HEADER.replace("PAC+120++CT'", levels), &format!("{ITEM}UNS+S'"));
        assert_eq!((one(&reading, "package_count"), one(&reading, "package_kind")), ("10.0".into(), "CT".into()));
    }
    assert_eq!(one(&reading, "gross_mass_kg"), "1200.0");
    assert_eq!(column(&reading, "declaration", "origin_country"), ["CN", "VN"]);
    let counted = declaration(&HEADER.replace("PAC+120++CT'", ""), &format!("{ITEM}UNS+S'CNT+8:7'"));
    assert_eq!(one(&counted, "package_count"), "7.0");
}

#[test]
fn goods_for_export_leave() {
    let header = HEADER.replace("BGM+929", "BGM+830").replace("DTM+178", "DTM+133");
    assert_eq!(
        one(&declaration(&header, ITEM), "arrival_at"),
        "2027-03-01T23:15:00Z",
        "on the clock of Ho Chi Minh City"
    );
    let unknown = declaration(&header.replace("VNSGN", "USZZZ"), ITEM);
    assert_eq!(
        (one(&unknown, "arrival_at").as_str(), warnings(&unknown)),
        ("2027-03-01T21:15:00Z", vec!["unknown_port"])
    );
}

/// A header must not make more of a message than it is.
#[test]
fn lists_that_every_item_repeats_are_bounded() {
    let containers = (0..6_000).map(|n| format!("EQD+BX+ZZZU{n:07}'")).collect::<Vec<_>>().concat();
    let items = (1..=2_000).map(|n| format!("CST+{n}+84713000:122'")).collect::<Vec<_>>().concat();
    let reading = declaration(&format!("{HEADER}{containers}"), &items);
    let listed = column(&reading, "declaration", "container_ids");
    assert_eq!((listed.len(), listed[0].split('|').count()), (2_000, 500));
    assert_eq!(warnings(&reading), ["value_cut"]);
}

#[test]
fn invoices_add_up_where_no_total_is_told() {
    let invoices = "UNS+D'DMS+I1+380'MOA+39:100:USD'PAC+9++CT'DMS+I2+380'MOA+39:200:USD'TOD+++CIF'";
    let bare = HEADER.replace("MOA+39:9200.00:USD'", "");
    for (header, invoice) in [(HEADER, "9200.0"), (bare.as_str(), "300.0")] {
        let reading = declaration(&format!("{header}{invoices}"), &format!("{ITEM}UNS+S'"));
        assert_eq!(one(&reading, "invoice_amount"), invoice);
        assert_eq!((one(&reading, "incoterm"), one(&reading, "package_count")), ("FOB".into(), "120.0".into()));
    }
    let mixed = declaration(&format!("{bare}{}", invoices.replace("200:USD", "200:EUR")), ITEM);
    assert_eq!((one(&mixed, "invoice_amount").as_str(), warnings(&mixed)), ("100.0", vec!["amount_currency"]));
}

#[test]
fn a_terminator_in_the_name_of_a_company_ends_nothing() {
    for (name, read) in [("LEVI'S+12 ROAD+SEOUL++12345+KR", "LEVI'S"), ("HAECHI+SANA'A+++YE", "HAECHI")] {
        let header = HEADER.replace("++HAECHI TEST'NAD+SE", &format!("++{name}'NAD+SE"));
        let reading = declaration(&header, ITEM);
        assert_eq!(
            (one(&reading, "importer_name").as_str(), warnings(&reading)),
            (read, vec!["unreleased_terminator"])
        );
        assert_eq!(one(&reading, "exporter_name"), "SAIGON");
    }
}

/// The text of a warning.
fn told(reading: &MessageReading, code: &str) -> String {
    reading.warnings.iter().find(|w| w.code == code).map_or_else(String::new, |w| w.text.clone())
}

#[test]
fn freight_told_by_item_is_that_of_all() {
    let items = |currency: &str| {
        format!(
            "CST+1+8471300000:122'MOA+40:532:USD'MOA+64:30:USD'CST+2+8471300000:122'MOA+40:522:USD'MOA+64:20:{currency}'"
        )
    };
    let header = HEADER.replace("MOA+64:700.00:USD'", "");
    let reading = declaration(&header, &items("USD"));
    assert_eq!(column(&reading, "declaration", "freight_usd"), ["50.0", "50.0"]);
    assert_eq!(one(&declaration(HEADER, &items("USD")), "freight_usd"), "700.0", "the header says it");
    let reading = declaration(&header, &items("EUR"));
    assert_eq!((one(&reading, "freight_usd"), warnings(&reading)), (String::new(), vec!["amount_currency"]));
    let amended = declaration(&header.replace("26KR1+9", "26KR1:2+4"), &items("USD"));
    assert_eq!(one(&amended, "freight_usd"), "", "an amendment tells of some items only");
}

#[test]
fn won_and_dollars_may_be_the_money_of_the_office() {
    let header = "BGM+929+26KR1+9'LOC+41+030'DTM+150:202703020930:203'";
    let of = |cux: &str, amounts: &str| {
        let reading = declaration(&format!("{header}{cux}"), &format!("CST+1+8471300000:122'{amounts}"));
        let columns = ["customs_value_usd", "customs_value_local", "duty_local"];
        (columns.map(|name| one(&reading, name)).join(" "), warnings(&reading))
    };
    for (cux, amounts, expected, warned) in [
        ("", "MOA+40:1350000:KRW'TAX+1+CUD'MOA+161:650:KRW'", " 1350000.0 650.0", vec![]),
        ("CUX+2:USD:4++1350'", "MOA+40:1350000:KRW'", "1000.0 1350000.0 ", vec![]),
        ("CUX+2:EUR:4+3:USD+1.10'", "MOA+40:1100:EUR'", "1210.0 1210.0 ", vec![]),
        ("CUX+2:EUR:4+3:USD+1.10'", "MOA+40:1100:JPY'", "  ", vec!["amount_currency"]),
        ("", "MOA+40:1100:EUR'", "  ", vec!["amount_currency"]),
    ] {
        assert_eq!(of(cux, amounts), (expected.to_owned(), warned), "{cux}{amounts}");
    }
}

#[test]
fn an_air_waybill_is_the_house_bill_or_its_master() {
    let of = |references: &str| {
        let header = format!("BGM+929+26KR1+9'LOC+41+030'DTM+150:202703020930:203'{references}");
        let reading = declaration(&header, "CST+1+8471300000:122'");
        ["house_bill_id", "master_bill_id"].map(|name| one(&reading, name)).join(" ")
    };
    for (references, expected) in [
        ("RFF+AWB:180-1'", "180-1 "),
        ("DOC+740+180-1'", "180-1 "),
        ("RFF+AWB:180-1'DOC+740+180-1'", "180-1 "),
        ("RFF+AWB:180-1'RFF+HWB:H1'", "H1 180-1"),
        ("RFF+MWB:180-1'RFF+HWB:H1'DOC+740+180-9'", "H1 180-1"),
        ("DOC+740+180-1'DOC+703+H1'", "H1 180-1"),
    ] {
        assert_eq!(of(references), expected, "{references}");
    }
}

#[test]
fn a_declarant_with_an_id_goes_before_one_with_a_name() {
    for (parties, declarant) in [
        ("NAD+DT+++BROKER NAME'NAD+AE+AE99:160'", "AE99"),
        ("NAD+AE+AE99:160'NAD+DT+DT1'", "DT1"),
        ("NAD+AE+++AGENT'NAD+DT+++BROKER NAME'", "BROKER NAME"),
    ] {
        let header = HEADER.replace("NAD+CB+99901:160:ZZZ'", parties);
        assert_eq!(one(&declaration(&header, ITEM), "declarant_id"), declarant, "{parties}");
    }
}

#[test]
fn lines_of_an_invoice_are_models_of_the_only_item() {
    let line = |n: u32, text: &str, quantity: u32| {
        format!("LIN+{n}++SKU{n}:SRV'IMD+F++:::{text}'QTY+47:{quantity}:NMB'MOA+203:1000:USD'PRI+AAA:10'")
    };
    let lines = format!("UNS+D'DMS+INV1+380'{}{}", line(1, "SHOE MODEL A", 100), line(2, "SHOE MODEL B", 50));
    let of = |reading: &MessageReading| format!("{:?}", reading.records[0].1.column_by_name("model_lines").unwrap());
    let reading = declaration(HEADER, &format!("{lines}{ITEM}UNS+S'"));
    assert_eq!((warnings(&reading), column(&reading, "declaration", "item_no").len()), (vec![], 1));
    for value in ["SHOE MODEL A", "SHOE MODEL B", "100.0", "50.0", "NMB", "10.0", "1000.0"] {
        assert!(of(&reading).contains(value), "{value}: {}", of(&reading));
    }
    let several = declaration(HEADER, &format!("{lines}{ITEM}CST+2+8471300000:122'UNS+S'"));
    assert_eq!(warnings(&several), ["line_without_item"]);
    assert!(!of(&several).contains("SHOE MODEL"));
    // Under the item it is of, and its amount is not the item's.
    let own = declaration(HEADER, &format!("{ITEM}LIN+7'IMD+F++:::SOLE'MOA+38:1.5:USD'CST+2+8471300000:122'"));
    assert!(of(&own).contains("SOLE") && of(&own).contains("1.5"));
    assert_eq!(one(&own, "unit_price_usd"), "4.0");
    let many: String = (1..=120).map(|n| line(n, "X", 1)).collect();
    assert_eq!(warnings(&declaration(HEADER, &format!("UNS+D'DMS+INV1+380'{many}{ITEM}UNS+S'"))), ["value_cut"]);
}

#[test]
fn an_item_from_elsewhere_than_its_declaration_is_said() {
    let reading = declaration(HEADER, "CST+1+8471300000:122'LOC+35+CN'CST+2+8471300000:122'LOC+35+VN'");
    assert_eq!(column(&reading, "declaration", "departure_country"), ["VN", "VN"], "equal on all rows");
    assert_eq!(
        (warnings(&reading), told(&reading, "item_differs")),
        (vec!["item_differs"], "LOC 35 `CN`; the declaration is from `VN`".to_owned())
    );
}

#[test]
fn an_amendment_of_the_header_is_told_how_to_be_sent() {
    let reading = declaration("BGM+929+26KR1:2+4'LOC+14+03099999'", "UNS+D'UNS+S'");
    assert_eq!(reasons(&reading), ["no_item"]);
    assert!(reading.set_aside[0].reason.ends_with("or send the declaration again as replacement (5)"));
}

/// As the dialect of Britain has it.
#[test]
fn a_procedure_of_seven_digits_is_no_tariff() {
    let item = "CST++4000000+6403911898+A999++100'LOC+27+CN'IMD+++:::COVERING THE ANKLE'";
    let reading = declaration(HEADER, &format!("UNS+D'{item}UNS+S'"));
    for (name, value) in [("hs_code", "6403911898"), ("procedure", "4000000"), ("description", "COVERING THE ANKLE")] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
    let described = declaration(HEADER, &format!("{ITEM}IMD+++:::OF RUBBER'"));
    assert_eq!(one(&described, "description"), "SPORTS SHOES OF RUBBER");
    assert_eq!(one(&declaration(HEADER, "CST+1+6402991'"), "hs_code"), "6402991", "alone, seven digits are a tariff");
}

#[test]
fn goods_by_air_are_on_a_flight_and_containers_have_check_digits() {
    for (tdt, conveyance) in [
        ("TDT+20+KE123+4++KE:172:3+++HL7531'", "KE123"),
        ("TDT+20++4+++++:::QF253'", "QF253"),
        ("TDT+20++4+++++HL7531'", "HL7531"),
        ("TDT+20+027W+1++ZZ:172:20+++:::PIONEER'", "PIONEER"),
    ] {
        let header = HEADER.replace("TDT+20+027W+1++ZZ:172:20+++0000012:146:11:PIONEER:PA'", tdt);
        assert_eq!(one(&declaration(&header, ITEM), "conveyance_id"), conveyance, "{tdt}");
    }
    let reading = declaration(&HEADER.replace("ZZZU0000010", "ZZZU0000011"), ITEM);
    assert_eq!(
        (warnings(&reading), told(&reading, "check_digit")),
        (vec!["check_digit"], "container ZZZU0000011".into())
    );
}

#[test]
fn what_is_said_of_lines_is_not_said_of_their_item() {
    let models =
        |reading: &MessageReading| format!("{:?}", reading.records[0].1.column_by_name("model_lines").unwrap());
    let item = "CST+1+6403911898:122'FTX+AAA+++SHOES OF LEATHER'MEA+WT+AAF+KGM:10'MEA+AAE+ABT+NPR:100'";
    let line = |n: u32, amount: &str| format!("LIN+{n}++ART{n}'FTX+AAA+++MODEL {n}'QTY+47:1:PCE'PRI+AAA:7'{amount}");
    let of = |rest: &str| declaration(HEADER, &format!("UNS+D'{item}{rest}UNS+S'"));
    let two = of(&format!("MOA+38:1000:USD'{}{}", line(1, "MOA+38:1:USD'"), line(2, "MOA+38:2:USD'")));
    assert_eq!((one(&two, "description"), one(&two, "unit_price_usd")), ("SHOES OF LEATHER".into(), "10.0".into()));
    assert!(models(&two).contains("MODEL 1") && models(&two).contains("MODEL 2"), "{}", models(&two));
    assert_eq!(warnings(&two), Vec::<&str>::new());
    // IMD goes before FTX.
    let both = of("LIN+1++ART1'FTX+AAA+++FREE WORDS'IMD+F++:::ARTICLE NAME'");
    assert!(models(&both).contains("ARTICLE NAME") && !models(&both).contains("FREE WORDS"));
    // An item that says nothing itself is what its lines are.
    let silent = declaration(HEADER, "CST+1+6403911898:122'LIN+1'FTX+AAA+++MODEL 1'LIN+2'FTX+AAA+++MODEL 2'");
    assert_eq!(one(&silent, "description"), "MODEL 1 MODEL 2");

    // Lines beyond those that are kept.
    let many: String = (1..=120).map(|n| line(n, "IMD+F++:::NAME'MOA+38:3:USD'")).collect();
    for many in [of(&format!("MOA+38:1000:USD'{many}")), of(&format!("{many}MOA+38:1000:USD'"))] {
        let (description, price) = (one(&many, "description"), one(&many, "unit_price_usd"));
        assert_eq!((description.as_str(), price.as_str()), ("SHOES OF LEATHER", "10.0"));
        assert_eq!(warnings(&many), ["value_cut"]);
    }
    let undescribed = "LIN+1'IMD+F++:::NAME'".repeat(100);
    assert_eq!(one(&declaration(HEADER, &format!("CST+1+6403911898:122'{undescribed}")), "description"), "");

    // The item's own price behind its lines, and lines that tell theirs twice.
    let twice = |n| line(n, "MOA+203:5:USD'MOA+38:5:USD'");
    for (rest, price) in [
        (format!("{}{}MOA+38:1000:USD'", line(1, "MOA+203:1:USD'"), line(2, "MOA+203:2:USD'")), "10.0"),
        (format!("{}{}MOA+38:1000:USD'", line(1, "MOA+38:1:USD'"), line(2, "MOA+38:2:USD'")), "10.0"),
        (format!("{}MOA+203:9:USD'", line(1, "MOA+203:1:USD'")), ""),
        (format!("{}{}", twice(1), twice(2)), ""),
        (format!("MOA+38:1000:USD'{}", twice(1)), "10.0"),
    ] {
        assert_eq!(one(&of(&rest), "unit_price_usd"), price, "{rest}");
    }
}

#[test]
fn a_declaration_without_items_has_not_the_price_of_its_last_line() {
    let lines = "LIN+1'IMD+F++:::SOLE'QTY+47:1:PCE'PRI+AAA:1'MOA+38:1.5:USD'FTX+AAA+++OF RUBBER'";
    let of = |rest: &str| declaration(HEADER, &format!("MEA+AAE+ABT+NPR:100'{rest}"));
    let reading = of(&format!("MOA+38:1000:USD'FTX+AAA+++SHOES'DMS+INV1+380'{lines}UNS+S'CNT+5:0'"));
    for (name, value) in [("unit_price_usd", "10.0"), ("description", "SHOES")] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
    assert_eq!(warnings(&reading), ["no_items"]);
    assert_eq!(one(&of(lines), "unit_price_usd"), "");
    // What stands behind the lines is of the declaration.
    assert_eq!(one(&of(&format!("{lines}UNS+S'MOA+38:1000:USD'")), "unit_price_usd"), "10.0");
}

#[test]
fn the_first_place_of_an_item_is_the_tariff_s_whatever_list_it_names() {
    for (cst, tariff, warned) in [
        ("CST+1+6402991000:HS:WCO", "6402991000", true),
        ("CST+1+6402991000::ZZZ", "6402991000", false),
        ("CST+1+4000000:117+6402991000:122", "6402991000", false),
        ("CST+1+ABC:HS:WCO", "", false),
        ("CST+1+4000000:ZZ1+6403911898:ZZ2", "6403911898", true),
    ] {
        let reading = declaration(HEADER, &format!("{cst}'MOA+40:10:USD'"));
        assert_eq!(
            (one(&reading, "hs_code"), !told(&reading, "unknown_code").is_empty()),
            (tariff.into(), warned),
            "{cst}"
        );
    }
}

#[test]
fn a_part_and_an_amendment_need_not_list_all_items() {
    let cnt = |bgm: &str, part: &str, said: u32| {
        let text = format!(
            "UNB+UNOA:4+ZZ+KR+270302:0900+R1'UNH+1+CUSDEC:D:96B:UN+{part}'BGM+929+D1+{bgm}'LOC+41+03010:113:ZZZ'UNS+D'{ITEM}UNS+S'\
             CNT+5:{said}'UNT+0+1'UNZ+1+R1'"
        );
        warnings(&read(&text)).contains(&"cnt_mismatch")
    };
    assert!(cnt("9", "", 2));
    assert!(!cnt("9", "C1+1:C", 2) && !cnt("9", "C1+2:F", 2), "in parts");
    assert!(!cnt("4", "", 3) && cnt("4", "", 0), "an amendment");
}
