//! XML messages of others, and our own, against what is known of each.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod xml_support;

use serde_json::{Value, json};
use xml_support::{count, messages, read, read_file, read_stream, recognised, rows, table, text, warned};

/// What `MANIFEST.tsv` says is in a file: `items=3; customs_value_usd=10000`.
fn expected(folder: &str, file: &str) -> Vec<(String, String)> {
    let manifest = table(&messages().join(folder).join("MANIFEST.tsv"));
    let row = manifest.iter().find(|row| row[0] == file).unwrap_or_else(|| panic!("{file} is in no manifest"));
    let pairs = row.last().unwrap().split("; ").filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn sum(rows: &[Value], column: &str) -> f64 {
    rows.iter().filter_map(|row| row[column].as_f64()).sum()
}

/// What we find of a thing that a manifest counts.
fn finding(key: &str, reading: &haechi_connectors::MessageReading) -> Option<String> {
    let declarations = rows(reading, "declaration");
    let consignments = rows(reading, "consignment");
    let lists = |column: &str| consignments.iter().filter_map(|r| r[column].as_array()).map(Vec::len).sum::<usize>();
    Some(match key {
        "declarations" => count(reading, "declarations").to_string(),
        "items" => declarations.len().to_string(),
        "model_lines" => {
            declarations.iter().filter_map(|r| r["model_lines"].as_array()).map(Vec::len).sum::<usize>().to_string()
        }
        "customs_value_usd" => sum(&declarations, "customs_value_usd").to_string(),
        "customs_value" | "customs_value_krw" => sum(&declarations, "customs_value_local").to_string(),
        "duty_krw" => sum(&declarations, "duty_local").to_string(),
        "importer_is_person" => declarations[0]["importer_is_person"].to_string(),
        "consignments" | "masters" => consignments.len().to_string(),
        "bills" => consignments.len().to_string(),
        "events" => rows(reading, "cargo_event").len().to_string(),
        "managed" => text(&consignments[0], "managed").to_owned(),
        "containers" | "ulds" => {
            let ids = consignments.iter().filter_map(|r| r["containers"].as_array()).flatten();
            let ids: std::collections::BTreeSet<_> = ids.map(|c| text(c, "container_id").to_owned()).collect();
            ids.len().to_string()
        }
        "packages" | "pieces" => sum(&consignments, "package_count").to_string(),
        "gross_mass_kg" => sum(&consignments, "gross_mass_kg").to_string(),
        "lines" => lists("lines").to_string(),
        "pnrs" => count(reading, "bookings").to_string(),
        "travellers" => rows(reading, "traveller").len().to_string(),
        _ => return None,
    })
}

#[test]
fn our_own_samples_hold_what_their_manifests_say() {
    let korea = table(&messages().join("korea/MANIFEST.tsv"));
    let korea = korea.iter().map(|row| ("korea", row[0].clone()));
    let synthetic = [
        "asycuda_sad_im4.xml",
        "awmds_manifest.xml",
        "xfzb_house_waybill.xml",
        "xffm_flight_manifest.xml",
        "pnrgov_notif.xml",
    ];
    let mut compared = 0;
    for (folder, file) in korea.chain(synthetic.map(|file| ("synthetic", file.to_owned()))) {
        let path = messages().join(folder).join(&file);
        let bytes = std::fs::read(&path).unwrap();
        let reading = read_file(&path);
        assert_eq!(recognised(&bytes), Some(reading.format), "{file}");
        assert!(reading.set_aside.is_empty(), "{file}: {:?}", reading.set_aside);
        for (key, value) in expected(folder, &file) {
            let Some(found) = finding(&key, &reading) else { continue };
            let same = match (found.parse::<f64>(), value.parse::<f64>()) {
                (Ok(found), Ok(value)) => (found - value).abs() < 1e-6,
                _ => found == value,
            };
            assert!(same, "{file}: {key} is {value}, found {found}");
            compared += 1;
        }
        // Read as it comes it is the same.
        let streamed = read_stream(&path.display().to_string(), &bytes);
        for stream in ["declaration", "consignment", "cargo_event", "traveller"] {
            assert_eq!(rows(&streamed, stream), rows(&reading, stream), "{file}");
        }
    }
    assert!(compared > 30, "only {compared} compared");
}

/// The columns of a row that are not the same, of those asked.
fn check(row: &Value, columns: &Value) {
    for (column, value) in columns.as_object().unwrap() {
        assert_eq!(&row[column], value, "{column} of {row:#}");
    }
}

#[test]
fn a_korean_import_gives_every_column() {
    let reading = read_file(&messages().join("korea/govcbr929_import_3_items.xml"));
    let items = rows(&reading, "declaration");
    check(
        &items[0],
        &json!({
        "declaration_id": "9990127000123M", "item_no": 1, "declared_at": "2027-03-01T15:00:00Z", "flow": "import",
        "filing_type": "B", "procedure": "11", "import_use": "K", "payment_type": "11", "office": "030",
        "transport_mode": "sea", "importer_id": "해치시험0000001", "importer_name": "해치시험상사㈜",
        "importer_is_person": false, "exporter_id": "VNSAIG00001A", "exporter_name": "SAIGON EXAMPLE FOOTWEAR",
        "exporter_country": "VN", "declarant_id": "99901", "forwarder_id": "ZZFW", "departure_country": "VN",
        "unloading_port": "KRPUS", "arrival_at": "2027-03-01T15:00:00Z", "carried_in_at": "2027-03-01T15:00:00Z",
        "warehouse_id": "03012345", "conveyance_id": "HAECHI PIONEER", "house_bill_id": "HBLA270001",
        "master_bill_id": "ZZLXM270001", "cargo_control_id": "27ZZLX0001I00010001",
        "container_ids": ["ZZZU0000010"], "container_mode": "FC", "gross_mass_kg": 1850.5, "package_count": 120.0,
        "package_kind": "CT", "incoterm": "FOB", "currency": "USD", "invoice_amount": 9200.0, "freight_usd": 700.0,
        }),
    );
    check(
        &items[0],
        &json!({
            "hs_code": "6402991000", "description": "FOOTWEAR WITH OUTER SOLES OF RUBBER OR PLASTICS",
            "trade_name": "SPORTS SHOES / HAECHI RUN", "quantity": 1150.0, "quantity_unit": "2U", "net_mass_kg": 920.0,
            "customs_value_usd": 5000.0, "customs_value_local": 6750000.0, "unit_price_usd": 4.0, "tariff_rate": 13.0,
            "tariff_kind": "A", "preference_claimed": false, "duty_local": 877500.0, "origin_country": "VN",
            "origin_marking": "03", "inspection_wanted": true, "message_format": "govcbr929", "message_version": "1:0",
            "message_path": "Declaration/GoodsShipment/GovernmentAgencyGoodsItem[1]", "change_kind": "new",
            "permits": [{"law": "05", "exempt_reason": "A"}],
            "model_lines": [{"line_no": 1, "text": "HR-1 SIZE 250-280, UPPER SYNTHETIC",
                "ingredient": "SYNTHETIC 70 %, RUBBER 30 %", "quantity": 1150.0, "unit": "2U", "unit_price": 4.0,
                "amount": 4600.0}],
        }),
    );
    check(
        &items[1],
        &json!({
            "tariff_kind": "FCN1", "preference_claimed": true, "origin_certificate_id": "CO-CN-0000002",
            "trade_name": "HANDBAGS", "inspection_wanted": false,
        }),
    );
    check(
        &items[2],
        &json!({
            "permits": [
                {"law": "38", "permit_id": "KC-TEST-0001", "kind": "2", "issued_on": "2027-01-05"},
                {"law": "38", "permit_id": "KC-TEST-0002", "kind": "2", "issued_on": "2027-01-05"},
            ],
        }),
    );
    assert!(!warned(&reading, "total_mismatch") && warned(&reading, "day_only"), "{:?}", reading.warnings);

    // Prefixes do not matter.
    let default = read_file(&messages().join("korea/govcbr929_default_namespace.xml"));
    let bare = |reading: &haechi_connectors::MessageReading| {
        let mut rows = rows(reading, "declaration");
        for row in &mut rows {
            let row = row.as_object_mut().unwrap();
            row.remove("source");
            row.remove("source_position");
        }
        rows
    };
    assert_eq!(bare(&default), bare(&reading));

    let parcel = rows(&read_file(&messages().join("korea/govcbr929_express_personal.xml")), "declaration");
    check(
        &parcel[0],
        &json!({
            "courier_id": "ZZEX", "platform_id": "B00000001", "exporter_id": "A00000001", "courier_selected": true,
            "importer_id": "P000000000001", "transport_mode": "express", "conveyance_id": "ZZ421", "freight_usd": 10.0,
            "container_mode": "ETC", "origin_marking": "N", "unit_price_usd": 30.0,
        }),
    );
}

#[test]
fn a_korean_export_gives_every_column() {
    let items = rows(&read_file(&messages().join("korea/govcbr830_export_2_items.xml")), "declaration");
    check(
        &items[0],
        &json!({
            "flow": "export", "office": "030", "transport_mode": "sea", "exporter_id": "해치시험0000001",
            "destination_country": "US", "importer_id": "USEXAM00001B", "loading_port": "KRPUS",
            "declarant_id": "99901",
            "arrival_at": "2027-03-12T15:00:00Z", "container_ids": ["ZZZU0000052"], "container_mode": "FC",
            "invoice_amount": 20250000.0, "currency": "KRW", "customs_value_local": 16200000.0,
            "customs_value_usd": 12000.0, "unit_price_usd": 20.0, "warehouse_id": "03012345", "package_kind": "CT",
            "message_format": "govcbr830", "net_mass_kg": 1800.0,
        }),
    );
    check(
        &items[1],
        &json!({
            "vehicle_ids": ["ZZZTEST0000000001"], "prior_declaration_ids": ["9990126000001M"],
        }),
    );
    assert_eq!(items[1]["model_lines"][0]["text"], "HAECHI SEDAN 2019");
}

#[test]
fn cargo_tracking_gives_the_bill_and_its_events() {
    let reading = read_file(&messages().join("korea/cargo_tracking_released.xml"));
    check(
        &rows(&reading, "consignment")[0],
        &json!({
            "consignment_id": "27ZZLX0001I00010001", "manifest_id": "27ZZLX0001I", "master_bill_id": "ZZLXM270001",
            "house_bill_id": "HBLA270001", "bill_kind": "house", "nature": "import", "transport_mode": "sea",
            "loading_port": "VNSGN", "unloading_port": "KRPUS", "arrived_at": "2027-03-01T15:00:00Z",
            "conveyance_name": "HAECHI PIONEER", "conveyance_country": "PA", "voyage_no": "027W", "carrier_id": "ZZLX",
            "forwarder_id": "ZZFW", "package_count": 120.0, "gross_mass_kg": 1850.5, "volume_m3": 12.4, "managed": "N",
            "route_countries": ["VN", "KR"], "manifested_at": "2027-03-01T00:06:12Z",
        }),
    );
    let events = rows(&reading, "cargo_event");
    check(
        &events[0],
        &json!({
            "event_kind": "carried_out", "happened_at": "2027-03-03T06:58:11Z", "recorded_at": "2027-03-03T07:12:00Z",
            "reference_id": "0301234527R0000088", "declaration_id": "9990127000123M", "place_id": "03012345",
            "packages": 120.0, "gross_mass_kg": 1850.5, "consignment_id": "27ZZLX0001I00010001",
        }),
    );
    check(
        &events[1],
        &json!({
            "event_kind": "import_released", "declaration_id": "9990127000123M", "happened_at": "2027-03-02T07:05:01Z",
        }),
    );
    assert!(!warned(&reading, "unknown_code"), "{:?}", reading.warnings);
    // Some events have a name where others have a declaration, and a place where others have a time.
    let text_of = std::fs::read_to_string(messages().join("korea/cargo_tracking_released.xml")).unwrap();
    let named = text_of.replacen("<rlbrBssNo>9990127000123M<", "<rlbrBssNo>관세사무소<", 1);
    let start = named.find("<rlbrDttm>").unwrap();
    let end = start + named[start..].find("</rlbrDttm>").unwrap();
    let named = format!("{}<rlbrDttm>(도)03911095 창고{}", &named[..start], &named[end..]);
    let other = read("named", named.as_bytes());
    let first = &rows(&other, "cargo_event")[0];
    check(first, &json!({ "event_kind": "carried_out", "happened_at": "2027-03-03T07:12:00Z" }));
    assert!(first.get("declaration_id").is_none_or(Value::is_null), "{first:#}");
    assert!(text(first, "text").ends_with(": 관세사무소: (도)03911095 창고"), "{first:#}");
    assert!(!warned(&other, "bad_date"), "{:?}", other.warnings);
    // The answer comes again: the events are the same.
    let again = read("again", &std::fs::read(messages().join("korea/cargo_tracking_released.xml")).unwrap());
    let ids = |events: &[Value]| events.iter().map(|e| text(e, "cargo_event_id").to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&rows(&again, "cargo_event")), ids(&events));
    assert_eq!(ids(&events).iter().collect::<std::collections::BTreeSet<_>>().len(), events.len());
}

#[test]
fn other_peoples_declarations_lose_no_item() {
    let cargo = messages().join("cargo");
    let manifest = table(&cargo.join("MANIFEST.tsv"));
    let (mut declarations, mut responses, mut items, mut broken) = (0, 0, 0, Vec::new());
    for row in manifest.iter().filter(|row| row[3].starts_with("WCO Data Model")) {
        let bytes = std::fs::read(cargo.join(&row[0])).unwrap();
        let reading = read(&row[0], &bytes);
        let is_wco = recognised(&bytes).is_some_and(|name| name.starts_with("wco_"));
        let text = String::from_utf8_lossy(&bytes);
        let holds = |name: &str| {
            text.contains(&format!("<{name}>"))
                || text.contains(&format!(":{name}>"))
                || text.contains(&format!("<{name} "))
                || text.contains(&format!(":{name} "))
        };
        let asked =
            text.contains("StatusResponse") || text.contains("VersionResponse") || text.contains("InformationResponse");
        if asked {
            assert_eq!((is_wco, reading.set_aside.len()), (false, 1), "{}", row[0]);
            continue;
        }
        assert!(is_wco, "{} is recognised as {:?}", row[0], recognised(&bytes));
        if !reading.set_aside.is_empty() {
            broken.push((row[0].clone(), reading.set_aside[0].reason.clone()));
            continue;
        }
        declarations += count(&reading, "declarations");
        responses += count(&reading, "responses");
        assert!(count(&reading, "declarations") + count(&reading, "responses") >= 1, "{}", row[0]);
        let closing = text.matches("GovernmentAgencyGoodsItem>").count() / 2;
        let found = rows(&reading, "declaration");
        items += found.len();
        if !holds("Response") {
            assert_eq!(found.len(), closing.max(1), "{}", row[0]);
        }
        for row in &found {
            assert!(!text_of(row, "declaration_id").is_empty() && row["item_no"].as_i64() >= Some(1), "{row}");
        }
    }
    assert!(broken.len() <= 5, "{broken:#?}");
    assert!(broken.iter().all(|(_, reason)| reason.contains("line ")), "{broken:#?}");
    assert!(declarations >= 170 && responses >= 270, "{declarations} {responses}");
    assert!(items > declarations as usize, "{items} items");
}

#[test]
fn entry_summary_declarations_give_a_consignment_an_item() {
    let folder = messages().join("cargo/hmrc__import-control-entry-declaration-store");
    let reading = read_file(&folder.join("public/api/conf/1.0/examples/CC315A_full.xml"));
    assert!(reading.set_aside.is_empty(), "{:?}", reading.set_aside);
    let found = rows(&reading, "consignment");
    check(
        &found[0],
        &json!({
            "consignment_id": "MYEORI/MYBRANCH:REFNUM/42", "manifest_id": "REFNUM", "line_no": 42,
            "transport_mode": "rail",
            "conveyance_id": "IDENTITY OF MOTCB", "conveyance_country": "GB", "voyage_no": "CONVEYANCEREFNUM",
            "office": "AB3C4D5E", "shipper_name": "consignor goods name",
            "shipper_address": "consignor goods street, consignor, consignor goods city", "shipper_country": "EN",
            "consignee_name": "consignee goods name", "notify_name": "notify party goods name",
            "description": "Goods description", "gross_mass_kg": 123.456, "dangerous": true,
            "route_countries": ["AA", "BB"], "carrier_id": "CARRIER NAME", "change_kind": "new",
            "message_format": "ens", "message_version": "CC315A",
        }),
    );
    let packages = found[0]["package_count"].as_f64().unwrap();
    assert!(packages >= 1102.0 && warned(&reading, "total_mismatch") && warned(&reading, "bad_tariff"));
    let reading = read_file(&folder.join("test/resources/xmls/CC313A-schemaValidSample-v11-2.xml"));
    let found = rows(&reading, "consignment");
    assert!(!found.is_empty() && reading.set_aside.is_empty(), "{:?}", reading.set_aside);
    assert!(found.iter().all(|row| row["change_kind"] == "amend"));
    let cargo = messages().join("cargo");
    let (mut entries, mut answers) = (0, 0);
    for row in table(&cargo.join("MANIFEST.tsv")).iter().filter(|row| row[3].starts_with("EU ICS")) {
        let bytes = std::fs::read(cargo.join(&row[0])).unwrap();
        match recognised(&bytes) {
            Some("ens") => entries += rows(&read(&row[0], &bytes), "consignment").len(),
            Some("ens_answer") => {
                let reading = read(&row[0], &bytes);
                assert!(reading.set_aside.is_empty(), "{}: {:?}", row[0], reading.set_aside);
                answers += count(&reading, "answers");
            }
            // Success, error and list answers of the gateway hold no message.
            other => assert!(other.is_none(), "{} is {other:?}", row[0]),
        }
    }
    assert!(entries >= 4 && answers >= 5, "{entries} {answers}");
}

/// In both the day of the control is the time limit of the carriage, behind the message.
#[test]
fn releases_for_transit_give_the_outcome_of_their_control() {
    let folder = messages().join("cargo/hmrc__ctc-traders-phase5-tis/source/downloads");
    for (file, expected) in [
        (
            "Example_IE029_Message_November_2023.xml",
            json!({
                "outcome_id": "23GB000246IF9W5YJ0/control", "subject_id": "23GB000246IF9W5YJ0", "office": "GB000060",
                "text": "Simplified procedure", "message_id": "token", "sender_id": "TOKEN",
                "inspected_at": "2023-11-26T15:00:00Z", "message_issued_at": "2023-11-25T22:36:28Z",
            }),
        ),
        (
            "Post-Transition_IE029_TAD.xml",
            json!({
                "outcome_id": "24GB000246J8NY33L7/control", "subject_id": "24GB000246J8NY33L7", "office": "GB000246",
                "message_id": "83ONFTMIOXMT11", "sender_id": "NTA.GB", "inspected_at": "2024-12-03T15:00:00Z",
                "text": null,
            }),
        ),
    ] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        assert_eq!(recognised(&bytes), Some("ncts_release"));
        let reading = read(file, &bytes);
        let limits = reading.warnings.iter().filter(|warning| warning.code == "time_limit").count();
        assert_eq!((reading.set_aside.len(), limits), (0, 1), "{:?}", reading.warnings);
        let found = rows(&reading, "outcome");
        assert_eq!(found.len(), 1);
        check(&found[0], &expected);
        check(
            &found[0],
            &json!({
                "subject_kind": "declaration", "subject_version": 1, "selected_by": "manual", "method": "documents",
                "result": "NCF", "severity": 0, "waived": true, "waive_reason": "A3", "final": true,
                "officer_id": null, "message_format": "ncts_release", "message_version": "CC029C",
            }),
        );
    }
}

/// A release in the manner of a phase.
fn release(code: &str, date: &str, more: &str) -> String {
    format!(
        "<n:CC029C xmlns:n=\"http://ncts.dgtaxud.ec\"><messageSender>nta.zz</messageSender>\
         <preparationDateAndTime>2027-03-02T09:00:00</preparationDateAndTime><TransitOperation><LRN>l1</LRN>{more}\
         <releaseDate>2027-03-02</releaseDate></TransitOperation><CustomsOfficeOfDeparture><referenceNumber>ZZ000001\
         </referenceNumber></CustomsOfficeOfDeparture><ControlResult><code>{code}</code><date>{date}</date><controlledBy>\
         Kim</controlledBy></ControlResult></n:CC029C>"
    )
}

#[test]
fn a_control_result_is_an_outcome_and_what_nobody_looked_at_is_waived() {
    let mrn = "<MRN>27zz0000000000001</MRN>";
    for (code, result, severity, waived) in
        [("A1", "NCF", 0, false), ("a2", "NCF", 0, true), ("A3", "NCF", 0, true), ("B1", "ADM", 1, false)]
    {
        let reading = read("r.xml", release(code, "2027-03-01", mrn).as_bytes());
        assert!(reading.set_aside.is_empty(), "{:?}", reading.set_aside);
        let found = rows(&reading, "outcome");
        check(
            &found[0],
            &json!({
                "subject_id": "27ZZ0000000000001", "result": result, "severity": severity, "waived": waived,
                "inspected_at": "2027-02-28T15:00:00Z",
                "officer_id": if waived { Value::Null } else { json!("KIM") },
                "waive_reason": if waived { json!(code.to_uppercase()) } else { Value::Null },
            }),
        );
        assert_eq!((warned(&reading, "day_only"), warned(&reading, "time_limit")), (true, false));
        assert_eq!(count(&reading, "outcomes"), 1);
    }
    let own = read("r.xml", release("A1", "2027-03-01", "").as_bytes());
    assert_eq!(text(&rows(&own, "outcome")[0], "subject_id"), "NTA.ZZ:L1", "no MRN yet");
    for code in ["A4", "ok"] {
        let unknown = read("r.xml", release(code, "2027-03-01", mrn).as_bytes());
        assert_eq!((unknown.set_aside[0].code, unknown.records.len()), ("no_result", 0), "{code}");
    }
    let silent = read("r.xml", release("", "", mrn).as_bytes());
    assert!(warned(&silent, "no_result") && silent.set_aside.is_empty() && silent.records.is_empty());
    let nameless = release("A1", "2027-03-01", "").replace("<LRN>l1</LRN>", "");
    assert_eq!(read("r.xml", nameless.as_bytes()).set_aside[0].code, "no_declaration");
}

#[test]
fn phase_four_says_it_in_other_names() {
    let text = |root: &str, code: &str, more: &str| {
        format!(
            "<{root}><MesSenMES3>NTA.ZZ</MesSenMES3><DatOfPreMES9>20270302</DatOfPreMES9><TimOfPreMES10>1340</TimOfPreMES10>\
             <MesIdeMES19>7</MesIdeMES19><HEAHEA><RefNumHEA4>L1</RefNumHEA4><DocNumHEA5>27ZZ1</DocNumHEA5>{more}</HEAHEA>\
             <CUSOFFDEPEPT><RefNumEPT1>ZZ000001</RefNumEPT1></CUSOFFDEPEPT><CONRESERS><ConDatERS14>20270301</ConDatERS14>\
             <ConResCodERS16>{code}</ConResCodERS16><ConByERS18>Not Controlled</ConByERS18><DatLimERS69>20270309\
             </DatLimERS69></CONRESERS></{root}>"
        )
    };
    let released = read("r.xml", text("CC029B", "A3", "").as_bytes());
    check(
        &rows(&released, "outcome")[0],
        &json!({
            "outcome_id": "27ZZ1/control", "office": "ZZ000001", "inspected_at": "2027-02-28T15:00:00Z", "waived": true,
            "officer_id": null, "message_issued_at": "2027-03-02T04:40:00Z", "message_version": "CC029B", "message_id": "7",
        }),
    );
    let motive = "<NoRelMotHEA272>Seals are missing</NoRelMotHEA272>";
    let refused = read("r.xml", text("CC051B", "B1", motive).as_bytes());
    check(&rows(&refused, "outcome")[0], &json!({"result": "ADM", "text": "Seals are missing", "waived": false}));
    // What says nothing hides nothing, and a time limit is told of by its own name.
    let described = "<RESOFCON534><DesTOC2>N/A</DesTOC2></RESOFCON534></CC051B>";
    let late = text("CC051B", "B1", motive).replace("</CC051B>", described).replace("20270301", "20270309");
    let refused = read("r.xml", late.as_bytes());
    check(&rows(&refused, "outcome")[0], &json!({"text": "Seals are missing", "inspected_at": "2027-03-02T04:40:00Z"}));
    let limit = refused.warnings.iter().find(|w| w.code == "time_limit").unwrap();
    assert_eq!(limit.path, "CC051B/CONRESERS/ConDatERS14");
    assert_eq!((count(&refused, "releases"), count(&released, "releases")), (0, 1));
}

#[test]
fn asycuda_gives_declarations_and_bills() {
    let folder = messages().join("synthetic");
    let items = rows(&read_file(&folder.join("asycuda_sad_im4.xml")), "declaration");
    check(
        &items[0],
        &json!({
            "declaration_id": "XX01A/2027/C/1234", "item_no": 1, "flow": "import", "filing_type": "4",
            "office": "XX01A",
            "importer_id": "XT0000001", "importer_name": "EXAMPLE IMPORTS", "exporter_name": "SAIGON EXAMPLE FOOTWEAR",
            "declarant_id": "XD0001", "departure_country": "VN", "destination_country": "XX", "transport_mode": "sea",
            "incoterm": "CIF", "loading_port": "VNSGN", "container_ids": ["ZZZU0000010"], "container_mode": "FC",
            "gross_mass_kg": 1500.0, "package_count": 95.0, "invoice_amount": 8000.0, "currency": "USD",
        }),
    );
    check(
        &items[0],
        &json!({
            "hs_code": "6402991000", "procedure": "4000000", "quantity": 600.0, "quantity_unit": "NAR",
            "net_mass_kg": 920.0, "customs_value_local": 5000.0, "customs_value_usd": 5000.0, "tariff_rate": 13.0,
            "duty_local": 650.0, "origin_country": "VN", "preference_claimed": false, "house_bill_id": "HBLX270001",
        }),
    );
    check(&items[1], &json!({ "item_no": 2, "preference_claimed": true, "tariff_kind": "CNFTA" }));
    let reading = read_file(&folder.join("awmds_manifest.xml"));
    let bills = rows(&reading, "consignment");
    check(
        &bills[0],
        &json!({
            "consignment_id": "XX01A/027W/2027-02-24/ZZLXM270099/HBLX270001", "bill_kind": "house", "nature": "import",
            "line_no": 1, "transport_mode": "sea", "office": "XX01A", "carrier_id": "ZZLX", "conveyance_id": "0000012",
            "conveyance_name": "HAECHI PIONEER", "voyage_no": "027W", "loading_port": "VNSGN",
            "unloading_port": "XXPRT", "shipper_name": "SAIGON EXAMPLE FOOTWEAR",
            "shipper_address": "1 MAU STREET, HO CHI MINH, VN",
            "consignee_id": "XT0000001", "notify_name": "EXAMPLE IMPORTS", "package_count": 600.0,
            "gross_mass_kg": 11500.0, "volume_m3": 62.4, "freight_usd": 700.0,
            "arrival_expected_at": "2027-03-01T21:00:00Z",
        }),
    );
    check(
        &bills[0]["containers"][0],
        &json!({
            "container_id": "ZZZU0000010", "iso_type": "22G1", "fill": "full", "load": "FCL", "seals": ["ZZ100001"],
        }),
    );
    check(&bills[1], &json!({ "bill_kind": "straight", "nature": "transit", "house_bill_id": "ZZLXB270099" }));
    assert!(!warned(&reading, "item_count") && !warned(&reading, "total_mismatch"), "{:?}", reading.warnings);
}

#[test]
fn cargo_xml_gives_waybills_and_what_is_on_a_flight() {
    let folder = messages().join("synthetic");
    let house = rows(&read_file(&folder.join("xfzb_house_waybill.xml")), "consignment");
    check(
        &house[0],
        &json!({
            "consignment_id": "000-12345675/HAWB270001", "master_bill_id": "000-12345675",
            "house_bill_id": "HAWB270001",
            "bill_kind": "house", "package_count": 8.0, "gross_mass_kg": 176.0, "consignee_id": "KRT0000025",
            "shipper_country": "TH", "consignee_country": "KR", "hs_codes": ["850980"], "loading_port": "BKK",
            "manifested_at": "2027-03-04T00:00:00Z", "sender_id": "ZZCARGO", "transport_mode": "air",
        }),
    );
    assert_eq!(house[0]["customs_notes"].as_array().unwrap().len(), 3);
    let bare = std::fs::read_to_string(folder.join("xfzb_house_waybill.xml")).unwrap();
    let charges = "<TotalPrepaidChargeAmount currencyID=\"USD\">1408</TotalPrepaidChargeAmount>\
                   <TotalCollectChargeAmount currencyID=\"USD\">2</TotalCollectChargeAmount>";
    let bare = bare.replace("<ID>000-12345675</ID>", "<ID>00012345675</ID>");
    let bare = bare.replace("<IncludedHouseConsignment>", &format!("<IncludedHouseConsignment>{charges}"));
    check(
        &rows(&read("bare", bare.as_bytes()), "consignment")[0],
        &json!({ "consignment_id": "000-12345675/HAWB270001", "master_bill_id": "000-12345675", "freight_usd": 1410.0 }),
    );
    let flight = rows(&read_file(&folder.join("xffm_flight_manifest.xml")), "consignment");
    check(
        &flight[1],
        &json!({
            "house_bill_id": "000-76543213", "package_count": 35.0, "gross_mass_kg": 420.0, "part_kind": "P",
            "voyage_no": "ZZ421", "unloading_port": "ICN", "arrival_expected_at": "2027-03-13T23:30:00Z",
            "departed_at": "2027-03-13T18:05:00Z",
        }),
    );
    check(&flight[2], &json!({ "part_kind": "S", "destination_place": "PUS", "route_countries": ["TH", "KR"] }));
    assert_eq!(flight[0]["containers"][0]["container_id"], "PMC00001ZZ");
    // Each part of a waybill says what is in it.
    let part = |more: &str| {
        format!(
            "<AssociatedTransportCargo><TypeCode>BLK</TypeCode><IncludedMasterConsignment>\
             <TransportContractDocument><ID>000-12345675</ID></TransportContractDocument>{more}\
             </IncludedMasterConsignment></AssociatedTransportCargo>"
        )
    };
    let parts = part("<HandlingSPHInstructions><DescriptionCode>PER</DescriptionCode></HandlingSPHInstructions>")
        + &part(
            "<HandlingSPHInstructions><DescriptionCode>RFL</DescriptionCode></HandlingSPHInstructions><IncludedCustomsNote>\
             <ContentCode>T</ContentCode><Content>KR1</Content><SubjectCode>CNE</SubjectCode><CountryID>KR</CountryID>\
             </IncludedCustomsNote>",
        );
    let manifest = format!(
        "<FlightManifest xmlns='iata:flightmanifest:1'><MessageHeaderDocument><ID>M1</ID><PurposeCode>CREATION</PurposeCode>\
         </MessageHeaderDocument><BusinessHeaderDocument><ID>ZZ421</ID></BusinessHeaderDocument><ArrivalEvent>\
         <ArrivalOccurrenceDateTime>2027-03-14T08:30:00</ArrivalOccurrenceDateTime>\
         <ArrivalDateTimeTypeCode>A</ArrivalDateTimeTypeCode><OccurrenceArrivalLocation><ID>ICN</ID>\
         </OccurrenceArrivalLocation>{parts}</ArrivalEvent></FlightManifest>"
    );
    let merged = rows(&read("parts", manifest.as_bytes()), "consignment");
    check(
        &merged[0],
        &json!({
            "special_handling": ["PER", "RFL"], "dangerous": true, "consignee_id": "KR1", "change_kind": "new",
            "arrived_at": "2027-03-13T23:30:00Z",
        }),
    );
    assert_eq!((merged.len(), merged[0]["customs_notes"].as_array().map(Vec::len)), (1, Some(1)));
    let twice = manifest.replace("</FlightManifest>", &format!(
        "<ArrivalEvent><OccurrenceArrivalLocation><ID>PUS</ID></OccurrenceArrivalLocation>{}</ArrivalEvent></FlightManifest>",
        part("")
    ));
    let twice = rows(&read("twice", twice.as_bytes()), "consignment");
    let ids: Vec<_> = twice.iter().map(|row| text(row, "consignment_id")).collect();
    assert_eq!(ids, ["ZZ421/000-12345675", "ZZ421/000-12345675/PUS"]);
    // Goods that are rated twice are there once.
    let rated = |purpose: &str| {
        format!(
            "<ApplicableRating><TypeCode>{purpose}</TypeCode><IncludedMasterConsignmentItem><PieceQuantity>10</PieceQuantity>\
             </IncludedMasterConsignmentItem></ApplicableRating>"
        )
    };
    let waybill = format!(
        "<Waybill xmlns='iata:waybill:1'><MessageHeaderDocument><ID>M1</ID></MessageHeaderDocument><BusinessHeaderDocument>\
         <ID>000-12345675</ID></BusinessHeaderDocument><MasterConsignment>\
         <DeclaredValueForCustomsAmount currencyID='EUR'>5</DeclaredValueForCustomsAmount>{}{}</MasterConsignment></Waybill>",
        rated("F"),
        rated("A")
    );
    let reading = read("rated", waybill.as_bytes());
    let rated = rows(&reading, "consignment");
    check(&rated[0], &json!({ "package_count": 10.0 }));
    assert_eq!(rated[0]["lines"].as_array().map(Vec::len), Some(1));
    assert!(warned(&reading, "amount_currency") && !warned(&reading, "pieces_mismatch"));
    let folder = messages().join("cargo/riege__one-record-converter");
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "xml") {
            continue;
        }
        let reading = read_file(&path);
        let bills = rows(&reading, "consignment");
        assert_eq!((bills.len(), reading.set_aside.len()), (1, 0), "{}", path.display());
        assert_eq!((text(&bills[0], "house_bill_id"), text(&bills[0], "loading_port")), ("888-11111111", "ORK"));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(warned(&reading, "no_mode"), name.contains("noModeCode"), "{name}");
        if name.contains("multipleULD") {
            check(
                &bills[0],
                &json!({
                    "bill_kind": "master_only", "carrier_id": "XX", "voyage_no": "XX345", "unloading_port": "AUH",
                    "destination_place": "PVG", "route_countries": ["IE", "AE", "CN"], "package_count": 3.0,
                    "gross_mass_kg": 1042.0, "volume_m3": 2.602, "hs_codes": ["000111", "000222"],
                    "shipper_id": "IE1234567N", "consignee_name": "FORWARDER COMPANY SHANGHAI LTD",
                    "special_handling": ["NSC"],
                }),
            );
            let ids: Vec<_> =
                bills[0]["containers"].as_array().unwrap().iter().map(|c| text(c, "container_id")).collect();
            assert_eq!(ids, ["PMC1337XX", "AKE4711XX"]);
        }
    }
}

#[test]
fn bookings_give_a_traveller_a_passenger() {
    let reading = read_file(&messages().join("synthetic/pnrgov_notif.xml"));
    let people = rows(&reading, "traveller");
    check(
        &people[0],
        &json!({
            "carrier": "ZZ", "flight_no": 421, "departure_airport": "BKK", "arrival_airport": "ICN",
            "departure_scheduled_at": "2027-03-13T18:05:00Z", "arrival_scheduled_at": "2027-03-13T23:30:00Z",
            "surname": "SAEBYEOK", "given_names": "MARU", "locator": "HAECH1", "party_size": 2, "seat": "14A",
            "state": "checked_in", "checked_in_at": "2027-03-13T15:01:00Z", "phones": ["+000000000000"],
            "booked_at": "2027-02-01T09:12:00Z", "role": "passenger", "message_version": "13.1",
        }),
    );
    assert_eq!(people[0]["locators"].as_array().unwrap().len(), 2);
    check(&people[1], &json!({ "given_names": "NARAE", "state": "booked" }));
    check(&people[2], &json!({ "locator": "HAECH2", "surname": "TESTMANN" }));
}

/// Roots of national systems are other roots: a booking is found by its name.
#[test]
fn bookings_are_found_in_any_root() {
    let text = std::fs::read_to_string(messages().join("synthetic/pnrgov_notif.xml")).unwrap();
    let other = text.replace("IATA_PNRGOV_NotifRQ", "NationalPush");
    assert_eq!(rows(&read("other", other.as_bytes()), "traveller").len(), 3);
    let start = text.find("<FlightLeg").unwrap();
    let end = text.find("</FlightLeg>").unwrap() + "</FlightLeg>".len();
    let without = format!("{}{}", &text[..start], &text[end..]);
    let people = rows(&read("without", without.as_bytes()), "traveller");
    assert_eq!((people.len(), text_of(&people[0], "carrier")), (3, "ZZ"));
}

/// Some put the bookings into the leg they are on: none may be lost, and a broken one costs no other.
#[test]
fn bookings_inside_their_flight_are_read_as_those_behind_it() {
    let text = std::fs::read_to_string(messages().join("synthetic/pnrgov_notif.xml")).unwrap();
    let start = text.find("<PNRs").unwrap();
    let end = text.find("</PNRs>").unwrap() + "</PNRs>".len();
    let bookings = &text[start..end];
    let nested =
        format!("{}{}", &text[..start], &text[end..]).replace("</FlightLeg>", &format!("{bookings}</FlightLeg>"));
    let names = |reading: &haechi_connectors::MessageReading| -> Vec<String> {
        let people = rows(reading, "traveller");
        people
            .iter()
            .map(|row| ["carrier", "locator", "surname", "given_names"].map(|c| text_of(row, c)).join(" "))
            .collect()
    };
    let (behind, inside) = (read("behind", text.as_bytes()), read("inside", nested.as_bytes()));
    assert_eq!(names(&inside), names(&behind));
    assert_eq!(
        (count(&inside, "bookings"), inside.warnings.len()),
        (count(&behind, "bookings"), behind.warnings.len())
    );
    let broken = nested.replacen("<Passenger", "<Passenger><", 1);
    let reading = read("broken", broken.as_bytes());
    assert_eq!((names(&reading), reading.set_aside.len()), (vec![names(&behind)[2].clone()], 1));
}

/// Types in the letters of the state, currencies by number, and no total mass, as clients of ASYCUDA leave it.
#[test]
fn a_sad_of_another_alphabet_has_its_flow_currency_and_mass() {
    let text = std::fs::read_to_string(messages().join("synthetic/asycuda_sad_im4.xml")).unwrap();
    let mass = text.find("<Gross_weight>").unwrap();
    let end = text.find("</Gross_weight>").unwrap();
    let foreign = format!("{}<Gross_weight>0{}", &text[..mass], &text[end..]);
    let foreign = foreign.replace("<Type_of_declaration>IM<", "<Type_of_declaration>\u{10d8}\u{10db}<");
    let foreign = foreign.replace("<Sad_flow>I<", "<Sad_flow>?<").replace("<Currency_code>USD<", "<Currency_code>840<");
    let (ours, theirs) = (read("ours", text.as_bytes()), read("theirs", foreign.as_bytes()));
    let mut items = rows(&theirs, "declaration");
    for (item, ours) in items.iter_mut().zip(rows(&ours, "declaration")) {
        for column in ["flow", "currency", "customs_value_usd", "unit_price_usd", "freight_usd", "gross_mass_kg"] {
            assert_eq!(item[column], ours[column], "{column}");
        }
    }
}

/// House bills of a master come under a root of their own, and say where they are loaded themselves.
#[test]
fn house_bills_of_a_master_are_read_with_their_seals_and_tariffs() {
    let message = "<Awbolds><Master_bol><Customs_office_code>SECMB</Customs_office_code><Voyage_number>012W</Voyage_number>
        <Date_of_departure>2027-03-01</Date_of_departure><Reference_number>ZZZZ123456</Reference_number></Master_bol>
        <Bol_segment><Bol_id><Bol_reference>H1</Bol_reference><Line_number>1</Line_number><Nature>23</Nature>
          <Master_bol_ref_number/></Bol_id><Consolidated_Cargo>1</Consolidated_Cargo>
        <Load_unload_place><Place_of_loading_code>INNSA</Place_of_loading_code>
          <Place_of_unloading_code>LKCMB</Place_of_unloading_code></Load_unload_place>
        <ctn_segment><Ctn_reference>CSQU3054383</Ctn_reference><Empty_Full>FS</Empty_Full><IMCO>3</IMCO><UN>1263</UN></ctn_segment>
        <Goods_segment><Number_of_packages>10</Number_of_packages><Goods_description>PAINT</Goods_description>
          <Seals_segment><Marks_of_seals>S1,S2,</Marks_of_seals></Seals_segment></Goods_segment>
        <HS_Compliance><HS_code>3208.10</HS_code><Gross_mass>5</Gross_mass><HS_code>320990</HS_code></HS_Compliance>
        </Bol_segment></Awbolds>";
    assert_eq!(recognised(message.as_bytes()), Some("awmds"));
    let reading = read("awbolds", message.as_bytes());
    check(
        &rows(&reading, "consignment")[0],
        &json!({
            "consignment_id": "SECMB/012W/2027-03-01/ZZZZ123456/H1", "master_bill_id": "ZZZZ123456", "bill_kind": "house",
            "nature": "import", "office": "SECMB", "voyage_no": "012W", "departed_at": "2027-02-28T18:30:00Z",
            "manifested_at": "2027-02-28T18:30:00Z", "hs_codes": ["320810", "320990"], "dangerous": true,
            "route_countries": ["IN", "LK"], "message_version": "AWBOLDS",
        }),
    );
    let container = &rows(&reading, "consignment")[0]["containers"][0];
    assert_eq!((&container["load"], &container["seals"]), (&json!("FCL"), &json!(["S1", "S2"])));
    let harmless = message.replace("<IMCO>3</IMCO><UN>1263</UN>", "<IMCO>0</IMCO><UN>0</UN>");
    check(&rows(&read("harmless", harmless.as_bytes()), "consignment")[0], &json!({ "dangerous": false }));
    let head = "<Awmds><General_segment><General_segment_id><Date_of_arrival>2027-03-10</Date_of_arrival>
        <Time_of_arrival>08:30:00.000</Time_of_arrival></General_segment_id><Load_unload_place>
        <Place_of_destination_code>MGTMM</Place_of_destination_code></Load_unload_place></General_segment>
        <Bol_segment><Bol_id><Bol_reference>B1</Bol_reference></Bol_id></Bol_segment></Awmds>";
    let reading = read("awmds", head.as_bytes());
    assert_eq!(text_of(&rows(&reading, "consignment")[0], "arrival_expected_at"), "2027-03-10T05:30:00Z");
}

/// What writers put into services, by the number of the passenger, is his alone; so is what stands under him.
#[test]
fn a_passenger_has_what_his_own_elements_and_services_tell() {
    let message = r#"<IATA_PNRGOV_NotifRQ><FlightLeg CarrierCode="ZZ" FlightNumber="ZZ421"
        DepartureDateTime="2027-03-14T01:05:00" ArrivalDateTime="2027-03-14T08:30:00">
        <DepartureAirport LocationCode="BKK"/><ArrivalAirport LocationCode="ICN"/></FlightLeg>
        <PNR NumberOfPassengers="2"><BookingRefID ID="HAECH1"/>
        <POS><Source ISOCountry="TH"><RequestorID ID="99999992"/></Source></POS>
        <Passenger RPH="1"><GivenName>MARU</GivenName><Surname>SAEBYEOK</Surname>
          <CustLoyalty ProgramID="ZZ" MembershipID="123456"/>
          <TicketDocument TicketDocumentNbr="9991234567890" DateOfIssue="2027-02-01"><TotalFare Amount="400" CurrencyCode="USD"/>
            <PaymentInfo PaymentType="CC" VendorCode="VI" AccountNbr="4000001234560002" CardHolderName="ARA KIM"/></TicketDocument>
          <DOC_SSR SSR_Code="DOCA"><DOCA AddressType="R" Address="1 ROAD" CityName="BANGKOK" Country="TH"/></DOC_SSR>
          <DOC_SSR SSR_Code="DOCO"><DOCO BirthLocation="SEOUL KOR" TravelDocType="V" TravelDocNbr="V5" CountryState="KR"/></DOC_SSR>
          <DOC_SSR SSR_Code="DOCS"><DOCS DateOfBirth="1988-13-14"/></DOC_SSR></Passenger>
        <Passenger RPH="2"><GivenName>NARAE</GivenName><Surname>SAEBYEOK</Surname></Passenger>
        <Flight DepartureDateTime="2027-03-14T01:05:00" Status="HK" FlightNumber="7001">
          <DepartureAirport LocationCode="BKK"/><ArrivalAirport LocationCode="ICN"/>
          <OperatingAirline Code="ZZ" FlightNumber="421"/><MarketingAirline Code="XK"/>
          <SSR SSRCode="DOCS" RPH="2"><Text>/P/KOR/M1234567/KOR/14FEB88/F/30JUN31/SAEBYEOK/NARAE</Text></SSR>
          <SSR SSRCode="DOCS" RPH="2"><Text>/P/KOR/M7654321/KOR/02JAN27/MI/30JUN31/SAEBYEOK/NURI</Text></SSR>
          <SSR SSRCode="DOCA" RPH="2"><Text>/D/KOR/2 HOTEL/SEOUL</Text></SSR>
          <SSR SSRCode="CTCM" RPH="2"><Text>+821000000000-1SAEBYEOK/NARAE</Text></SSR>
        </Flight></PNR></IATA_PNRGOV_NotifRQ>"#;
    let reading = read("services", message.as_bytes());
    let people = rows(&reading, "traveller");
    assert_eq!((people.len(), count(&reading, "passengers")), (3, 3));
    check(
        &people[0],
        &json!({
            "flight_no": 421, "tickets": ["9991234567890"], "ticketed_at": "2027-02-01T00:00:00Z",
            "fare_amount_usd": 400.0, "payment_kind": "card", "card_issuer": "VI",
            "card_number_masked": "400000XXXXXX0002", "payer_name": "ARA KIM", "agency_id": "99999992",
            "agency_country": "TH", "residence_country": "TH", "address": "1 ROAD, BANGKOK", "address_country": "TH",
            "birth_place": "SEOUL KOR", "document_kind": "V", "document_no": "V5",
            "loyalty": [{ "carrier": "ZZ", "number": "123456" }],
        }),
    );
    assert_eq!(
        (&people[0]["itinerary"][0]["carrier"], &people[0]["itinerary"][0]["flight_no"]),
        (&json!("ZZ"), &json!(421))
    );
    check(
        &people[1],
        &json!({
            "given_names": "NARAE", "document_no": "M1234567", "document_expires_on": "2031-06-30", "nationality": "KR",
            "birth_date": "1988-02-14", "gender": "F", "stay_address": "2 HOTEL, SEOUL", "phones": ["+821000000000"],
        }),
    );
    assert!(people[1].get("tickets").is_none_or(|tickets| *tickets == json!([])), "{:#}", people[1]);
    check(
        &people[2],
        &json!({
            "given_names": "NURI", "person_kind": "infant", "document_no": "M7654321", "birth_date": "2027-01-02",
            "gender": "M", "locator": "HAECH1", "state": "booked",
        }),
    );
    let codes: Vec<&str> = reading.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, ["bad_date"]);
    // An infant that is listed, be its type told or not, keeps its document.
    let listed = message.replace(
        "<Flight D",
        "<Passenger RPH=\"3\"><GivenName>NURI</GivenName><Surname>SAEBYEOK</Surname></Passenger><Flight D",
    );
    let listed = rows(&read("listed", listed.as_bytes()), "traveller");
    assert_eq!(listed.len(), 3);
    check(&listed[2], &json!({ "given_names": "NURI", "person_kind": "infant", "document_no": "M7654321" }));
    let own = message.replace("NURI", "NARAE");
    let own = rows(&read("own", own.as_bytes()), "traveller");
    assert_eq!(own.len(), 2);
    check(&own[1], &json!({ "given_names": "NARAE", "person_kind": "infant" }));
}

fn text_of<'v>(row: &'v Value, column: &str) -> &'v str {
    text(row, column)
}
