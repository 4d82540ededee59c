//! Manifests, dialect by dialect and oddity by oddity.

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;

use super::super::tests::{column, read, reasons, warnings};
use crate::format::MessageReading;

/// A manifest with this header and these consignments.
fn manifest(header: &str, consignments: &str) -> MessageReading {
    let text = format!(
        "UNB+UNOA:2+ZZLX+KR+270301:0905+R1'UNH+C1+CUSCAR:D:95B:UN'BGM+85+M1+9'DTM+137:202703010900:203'{header}{consignments}\
         UNT+0+C1'UNZ+1+R1'"
    );
    let mut reading = read(&text);
    reading.warnings.retain(|w| w.code != "unt_count");
    reading
}

const VOYAGE: &str = "TDT+20+027W+1++ZZLX:172:20+++0000012:146:11:HAECHI PIONEER:PA'LOC+94+VNSGN'LOC+60+KRPUS'\
                      DTM+133:202702241800:203'DTM+132:202703020600:203'GIS+23'";

fn bills(consignments: &str) -> MessageReading {
    manifest(VOYAGE, consignments)
}

/// The numbers of each row: `consignment: kind, master, house`.
fn numbers(reading: &MessageReading) -> Vec<String> {
    let of = |name| column(reading, "consignment", name);
    let (ids, kinds, masters, houses) =
        (of("consignment_id"), of("bill_kind"), of("master_bill_id"), of("house_bill_id"));
    (0..ids.len()).map(|i| format!("{}: {}, {}, {}", ids[i], kinds[i], masters[i], houses[i])).collect()
}

fn one(reading: &MessageReading, name: &str) -> String {
    column(reading, "consignment", name).into_iter().next().unwrap_or_else(|| "no row".into())
}

#[test]
fn the_reference_says_how_a_bill_stands_to_others() {
    for (consignment, expected) in [
        ("CNI+1+B1'RFF+BM:B1'GID+1'", &["M1/B1: straight, , B1"][..]),
        ("CNI+1+MA'RFF+BH:H1'RFF+BH:H2'", &["M1/MA/H1: house, MA, H1", "M1/MA/H2: house, MA, H2"]),
        ("CNI+1'RFF+MB:MA'RFF+BH:H1'", &["M1/MA/H1: house, MA, H1"]),
        ("CNI+1'RFF+BH:H1'RFF+MB:MA'GID+1'RFF+BH:H2'", &["M1/MA/H1: house, MA, H1", "M1/MA/H2: house, MA, H2"]),
        ("CNI+1'RFF+BM:MA'RFF+BH:H1'", &["M1/MA/H1: house, MA, H1"]),
        ("CNI+1'RFF+MWB:999-1'RFF+HWB:HA'", &["M1/999-1/HA: house, 999-1, HA"]),
        ("CNI+1'DOC+714'RFF+AAM:W1'", &["M1/W1: straight, , W1"]),
        ("CNI+1'RFF+MB:MA'", &["M1/MA/MA: master_only, MA, MA"]),
        ("CNI+1+B1'", &["M1/B1: straight, , B1"]),
        ("CNI+1+B1'RFF+BM:B1'RFF+UCN:27ZZLX0001I00010001'", &["27ZZLX0001I00010001: straight, , B1"]),
    ] {
        assert_eq!(numbers(&bills(consignment)), expected, "{consignment}");
    }
}

/// As Australia's report of one consignment by air.
#[test]
fn one_consignment_may_have_its_bill_in_the_header() {
    let of = |header: &str| {
        read(&format!(
            "UNB+UNOA:2+ZZ+KR+270301:0905+R1'UNH+C1+CUSCAR:D:99B:UN'BGM+933:::AIRCR+S1:1+9'{header}\
             TDT+20+569++6+QF::3'CNI+1'GID+1'PAC+10'FTX+AAA+++TOYS'UNT+9+C1'UNZ+1+R1'"
        ))
    };
    let reading = of("RFF+HWB:H1'RFF+MWB:08156997662'NAD+CN+++BUYER'NAD+CZ+++SELLER'");
    assert_eq!(
        (reasons(&reading), numbers(&reading)),
        (vec![], vec!["S1/08156997662/H1: house, 08156997662, H1".into()])
    );
    for (name, value) in [("consignee_name", "BUYER"), ("shipper_name", "SELLER"), ("description", "TOYS")] {
        assert_eq!(column(&reading, "consignment", name), [value], "{name}");
    }
    assert_eq!(
        numbers(&of("RFF+MWB:08156997662'")),
        ["S1/08156997662/08156997662: master_only, 08156997662, 08156997662"]
    );
    assert_eq!(reasons(&of("")), ["no_bill"]);
}

#[test]
fn a_bill_without_number_is_set_aside_alone() {
    let reading = bills("CNI+1'GID+1+5:CT'FTX+AAA+++TOYS'CNI+2+B1'RFF+BM:B1'");
    assert_eq!((reasons(&reading), numbers(&reading).len()), (vec!["no_bill"], 1));
    assert_eq!(reading.set_aside[0].text, "CNI+1'GID+1+5:CT'FTX+AAA+++TOYS'");
    let nothing = read("UNB+UNOA:2+ZZ+KR+270301:0905+R1'UNH+C1+CUSCAR:D:95B:UN'BGM+85'UNT+3+C1'UNZ+1+R1'");
    assert_eq!(reasons(&nothing), ["no_manifest"]);
}

#[test]
fn the_function_says_what_happens_to_the_bills() {
    for (function, change, count) in [
        ("9", "new", None),
        ("4", "amend", Some("amended")),
        ("5", "amend", Some("amended")),
        ("1", "cancel", Some("cancelled")),
        ("3", "cancel", Some("cancelled")),
    ] {
        let text = format!(
            "UNB+UNOA:2+ZZ+KR+270301:0905+R1'UNH+C1+CUSCAR:D:95B:UN'BGM+85+M1+{function}'DTM+137:202703010900:203'GIS+23'CNI+1+B1'RFF+BM:B1'UNT+7+C1'UNZ+1+R1'"
        );
        let reading = read(&text);
        assert_eq!(one(&reading, "change_kind"), change);
        assert_eq!(count.map(|c| reading.counts[c]), count.map(|_| 1), "{function}");
    }
}

#[test]
fn the_voyage_stands_on_every_bill() {
    let reading = bills("CNI+1+B1'RFF+BM:B1'");
    for (name, value) in [
        ("voyage_no", "027W"),
        ("transport_mode", "sea"),
        ("carrier_id", "ZZLX"),
        ("conveyance_id", "0000012"),
        ("conveyance_name", "HAECHI PIONEER"),
        ("conveyance_country", "PA"),
        ("loading_port", "VNSGN"),
        ("unloading_port", "KRPUS"),
        ("nature", "import"),
        ("manifested_at", "2027-03-01T00:00:00Z"),
        ("departed_at", "2027-02-24T11:00:00Z"),
        ("arrival_expected_at", "2027-03-01T21:00:00Z"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
    assert_eq!(warnings(&reading), Vec::<&str>::new());
}

#[test]
fn national_dialects_say_packages_and_places_elsewhere() {
    let us = bills("CNI+1+:24'RFF+AAM:W1'LOC+9+01535:78'GID+1'PAC+500++BOX'FTX+AAA+++COMPUTERS'MEA+AAI++K:5000'");
    for (name, value) in
        [("package_count", "500.0"), ("loading_port", "01535"), ("route_countries", "KR"), ("gross_mass_kg", "5000.0")]
    {
        assert_eq!(one(&us, name), value, "{name}");
    }
    let au = manifest(
        "TDT+20+936++11++++8811924::11'LOC+9+SGSIN::6'LOC+12+AUSYD::6'DTM+132:20050903:102'GIS+23'",
        "CNI+1+:::I'RFF+BM:O1'RFF+BH:H1'GID+1+600:BX'",
    );
    for (name, value) in [("transport_mode", "sea"), ("unloading_port", "AUSYD"), ("route_countries", "SG|AU")] {
        assert_eq!(one(&au, name), value, "{name}");
    }
    assert_eq!(one(&au, "arrival_expected_at"), "2005-09-02T14:00:00Z");
    let both = bills("CNI+1'RFF+BM:B1'GID+1+5:CT'PAC+500++BOX'");
    assert_eq!(one(&both, "package_count"), "5.0");
    let za = bills("CNI+1'RFF+BM:B1'LOC+8+ZADUR'GID+1+5:BAG'");
    assert_eq!(one(&za, "destination_place"), "ZADUR");
}

#[test]
fn the_main_carriage_names_the_voyage_wherever_it_stands() {
    let before = VOYAGE.replace("TDT+20", "TDT+10+TRUCK+3'TDT+20");
    let behind = VOYAGE.replace("GIS+23", "TDT+30+TRUCK+3++XX:172:20'GIS+23");
    for header in [before, behind] {
        let reading = manifest(&header, "CNI+1+B1'RFF+BM:B1'");
        for (name, value) in [("voyage_no", "027W"), ("transport_mode", "sea"), ("conveyance_id", "0000012")] {
            assert_eq!(one(&reading, name), value, "{header}");
        }
        assert_eq!((one(&reading, "carrier_id").as_str(), warnings(&reading)), ("ZZLX", vec![]));
    }
}

#[test]
fn what_a_bill_says_of_itself_goes_before_the_header() {
    let reading = bills("CNI+1+B1'RFF+BM:B1'LOC+76+CNSHA'LOC+9+HKHKG'LOC+11+KRINC'LOC+20+USLAX'GIS+28'");
    for (name, value) in [
        ("nature", "transhipment"),
        ("loading_port", "HKHKG"),
        ("unloading_port", "KRINC"),
        ("destination_place", "USLAX"),
        ("route_countries", "CN|HK|KR|US"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
}

#[test]
fn empty_containers_without_a_bill_are_not_forgotten() {
    let equipment = "EQD+CN+ZZZU0000010+22G1:102:5++3+4'EQD+CN+ZZZU0000026+45G1:102:5++3+8'";
    let reading = manifest(&format!("{VOYAGE}{equipment}"), "CNI+1+B1'RFF+BM:B1'GID+1+5:CT'SGP+ZZZU0000026+5'");
    assert_eq!(column(&reading, "consignment", "nature"), ["import", "empty"]);
    assert_eq!(numbers(&reading)[1], "M1/EMPTY: straight, , EMPTY");
    assert_eq!((reading.counts["bills"], reading.counts["empty_consignments"]), (1, 1));
    let reading = manifest(&format!("{VOYAGE}{equipment}"), "CNI+1+B1'RFF+BM:B1'");
    assert_eq!(warnings(&reading), ["container_without_bill"], "the full one");
}

#[test]
fn goods_of_several_lines_add_up() {
    let reading = bills(
        "CNI+1+B1'RFF+BM:B1'GID+1+60:CT'FTX+AAA+++PHONE CASES:AND CHARGERS'MEA+AAE+G+KGM:3100'MEA+AAE+AAW+MTQ:14.7'\
         DGS+IMD+9+3481'PCI+28+NO MARKS'CST++851830:122:ZZZ'GID+2+30:BX'FTX+AAA+++EARPHONES'MEA+WT+AAG+TNE:1.5'\
         PCI+28+NO MARKS'CST++8518.30:122:ZZZ'",
    );
    for (name, value) in [
        ("description", "PHONE CASES AND CHARGERS / EARPHONES"),
        ("marks", "NO MARKS"),
        ("hs_codes", "851830"),
        ("package_count", "90.0"),
        ("gross_mass_kg", "4600.0"),
        ("volume_m3", "14.7"),
        ("dangerous", "true"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
}

#[test]
fn parties_are_resolved() {
    let reading = bills(
        "CNI+1+B1'RFF+BM:B1'NAD+SU+S1+A PERSON, ROAD, TOWN'NAD+CZ+++ACME+1 ROAD+HO CHI MINH+++VN'\
         NAD+CN+KRT1:160:ZZZ++HAECHI TEST+2 RO+BUSAN+++KR'NAD+NI+++SAME AS CONSIGNEE'NAD+QQ+++WHO'",
    );
    for (name, value) in [
        ("shipper_name", "ACME"),
        ("shipper_address", "1 ROAD, HO CHI MINH"),
        ("shipper_country", "VN"),
        ("consignee_id", "KRT1"),
        ("notify_name", "HAECHI TEST"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
    assert_eq!(warnings(&reading), ["unknown_party"]);
}

#[test]
fn oddities_are_taken_with_a_warning() {
    for (segments, code) in [
        ("GID+1+many:CT'", "bad_number"),
        ("GID+1'MEA+AAE+G+STN:5'", "bad_unit"),
        ("GID+1'CST++12:122'", "unknown_code"),
        ("GID+1'SGP+ZZZU0000010+5'", "no_containers_listed"),
        ("MOA+64:100:KRW'", "amount_currency"),
        ("XYZ+1'", "unknown_segment"),
    ] {
        let reading = bills(&format!("CNI+1+B1'RFF+BM:B1'{segments}"));
        assert_eq!((warnings(&reading), numbers(&reading).len()), (vec![code], 1), "{segments}");
    }
    for (header, code) in [
        ("EQD+CN+ZZZU0000011+22G1:102:5++3+4'", "check_digit"),
        ("CNT+16:4'", "cnt_mismatch"),
        ("CNT+7:99:KGM'", "cnt_mismatch"),
        ("CNT+10:7'", "cnt_mismatch"),
    ] {
        let reading = manifest(&format!("{VOYAGE}{header}"), "CNI+1+B1'RFF+BM:B1'");
        assert_eq!(warnings(&reading), [code], "{header}");
    }
    let unknown_port = manifest(&VOYAGE.replace("KRPUS", "USZZZ"), "CNI+1+B1'RFF+BM:B1'");
    assert_eq!(
        (warnings(&unknown_port), one(&unknown_port, "arrival_expected_at")),
        (vec!["unknown_port"], String::new())
    );
    let no_nature = manifest(&VOYAGE.replace("GIS+23'", ""), "CNI+1+B1'RFF+BM:B1'");
    assert_eq!(warnings(&no_nature), ["no_nature"]);
}

#[test]
fn the_road_dialect_names_office_and_trailer() {
    let header = "TDT+20+TRIP1+3++ZZRD:172'LOC+60+0207:77'NAD+CA+ZZRD:172'NAD+VW+D1+++DRIVER'EQD+BI+TRAILER1'GEI+5+23'";
    let reading = manifest(
        header,
        "CNI+1'DOC+714'RFF+AAM:W1'LOC+9+KRPUS:78'NAD+CZ+++ACME'NAD+CN+++HAECHI'GID+1+5:PX'SGP+TRAILER1'",
    );
    for (name, value) in
        [("transport_mode", "road"), ("office", "0207"), ("carrier_id", "ZZRD"), ("house_bill_id", "W1")]
    {
        assert_eq!(one(&reading, name), value, "{name}");
    }
    assert_eq!(warnings(&reading), Vec::<&str>::new());
}

#[test]
fn the_air_dialect_names_waybills_and_values() {
    let header = "TDT+20+ZZ421+4++ZZ'LOC+9+BKK'LOC+11+ICN'DTM+132:202703140830:203'GIS+23'";
    let reading = manifest(
        header,
        "CNI+1+999-12345675'RFF+HWB:H1'GID+1+8'MEA+WT+AAG+KGM:176'MOA+14:1200:USD'MOA+64:90:USD'HAN+PER'",
    );
    for (name, value) in [
        ("transport_mode", "air"),
        ("master_bill_id", "999-12345675"),
        ("house_bill_id", "H1"),
        ("gross_mass_kg", "176.0"),
        ("value_usd", "1200.0"),
        ("freight_usd", "90.0"),
        ("special_handling", "PER"),
        ("arrival_expected_at", "2027-03-13T23:30:00Z"),
    ] {
        assert_eq!(one(&reading, name), value, "{name}");
    }
}

#[test]
fn what_the_bills_of_one_cni_share_is_bounded() {
    let shared = format!("FTX+AAA+++{}'", "A".repeat(20_000));
    let reading = bills(&format!("CNI+1'{shared}RFF+BH:H1'GID+1'RFF+BH:H2'GID+1'CNI+2'RFF+BM:B1'GID+1'"));
    assert_eq!(reasons(&reading), ["group_too_long", "group_too_long"]);
    assert_eq!(numbers(&reading), ["M1/B1: straight, , B1"]);
}

#[test]
fn what_every_bill_repeats_of_the_manifest_is_bounded() {
    let voyage = VOYAGE.replace("HAECHI PIONEER", &"N".repeat(60_000));
    let equipment = format!("EQD+CN+MSKU0000012+22G1++3+5'{}", "SEL+1'".repeat(500));
    let reading = manifest(&format!("{voyage}{equipment}"), "CNI+1'RFF+BM:B1'GID+1'SGP+MSKU0000012'");
    assert!(warnings(&reading).contains(&"value_cut"));
    assert_eq!(one(&reading, "conveyance_name"), "N".repeat(140));
    assert_eq!(warnings(&reading).iter().filter(|code| **code == "value_cut").count(), 1 + 480);
}

#[test]
fn times_take_the_clock_of_the_port_of_the_place_behind_which_they_stand_or_of_the_country() {
    let arrives = |header: &str| {
        let reading = manifest(&format!("TDT+20+027W+1'{header}GIS+23'"), "CNI+1+B1'RFF+BM:B1'");
        (one(&reading, "arrival_expected_at"), warnings(&reading))
    };
    for (header, expected) in [
        ("LOC+60+USNYC'DTM+132:202703020600:203'", "2027-03-02T11:00:00Z"),
        ("LOC+60+MYTPP'DTM+132:202703020600:203'", "2027-03-01T22:00:00Z"),
        ("LOC+22+NZAKL'DTM+132:20270302:102'", "2027-03-01T11:00:00Z"),
        ("LOC+35+BW'LOC+36+ZA'LOC+17+KFN'DTM+132:20270302:102'", "2027-03-01T22:00:00Z"),
        ("LOC+60+KRPUS'DTM+132:202703020600:203'LOC+61+JPUKB'DTM+132:202703041400:203'", "2027-03-01T21:00:00Z"),
        ("LOC+60+KRPUS'DTM+132:20270302:102'DTM+132:0600:401'", "2027-03-01T21:00:00Z"),
        ("LOC+60+KRPUS'DTM+252:202703020600:203'", "2027-03-01T21:00:00Z"),
        ("LOC+60+KRPUS'LOC+61+JPUKB'DTM+132:202703020600:203'", "2027-03-01T21:00:00Z"),
    ] {
        assert_eq!(arrives(header), (expected.to_owned(), vec![]), "{header}");
    }
    assert_eq!(arrives("LOC+60+0901:77'DTM+132:202703020600:203'"), (String::new(), vec!["unknown_port"]));
}

#[test]
fn a_road_vehicle_is_named_by_its_plate_or_its_chassis() {
    let vehicle = |numbers: &str| {
        let reading = manifest(&format!("{numbers}GIS+23'"), "CNI+1+B1'RFF+BM:B1'");
        ["conveyance_id", "conveyance_name", "conveyance_country"].map(|column| one(&reading, column))
    };
    let chassis = "TDT+11++03+:::BT++I++:146::9ZZLX00P012345678'";
    let plate = "TDT+11++03+:::BT++I++:215::ZZ1234:US'";
    assert_eq!(vehicle(&format!("TDT+11++03+:::BT++I++:8::100000'{chassis}{plate}")), ["ZZ1234", "", "US"]);
    assert_eq!(vehicle(&format!("{plate}{chassis}")), ["ZZ1234", "", "US"]);
    assert_eq!(vehicle(chassis), ["9ZZLX00P012345678", "", ""]);
}

#[test]
fn equipment_without_number_has_a_plate() {
    let reading = manifest("EQD+CH+++++5'RFF+ABZ:ZZ-1234'", "CNI+1+B1'RFF+BM:B1'GID+1+1:CT'SGP+ZZ1234+1'");
    let containers = format!("{:?}", reading.records[0].1.column_by_name("containers").unwrap());
    assert!(containers.contains("ZZ1234") && containers.contains("full"), "{containers}");
    assert!(!warnings(&reading).contains(&"no_containers_listed"));
}

#[test]
fn a_bill_is_described_by_all_its_texts_and_its_tariff_may_stand_in_a_reference() {
    let reading = bills("CNI+1+B1'RFF+BM:B1'RFF+HS:03026200'FTX+AAA+++FROZEN FISH'FTX+AAA+++IN BLOCKS'");
    assert_eq!(one(&reading, "description"), "FROZEN FISH IN BLOCKS");
    assert_eq!(one(&reading, "hs_codes"), "03026200");
}

#[test]
fn a_mass_behind_a_container_is_of_what_is_in_it() {
    let goods = |own: &str| {
        bills(&format!(
            "CNI+1'RFF+BM:B1'GID+1+100:CT'{own}SGP+ZZZU0000010+60'MEA+AAE+G+KGM:600'MEA+AAE+AAW+MTQ:1'SGP+ZZZU0000026+40'\
             MEA+AAE+G+KGM:400'"
        ))
    };
    for own in ["MEA+AAE+G+KGM:1000'MEA+AAE+AAW+MTQ:1'", ""] {
        let reading = goods(own);
        assert_eq!(
            (one(&reading, "gross_mass_kg"), one(&reading, "volume_m3")),
            ("1000.0".into(), "1.0".into()),
            "{own}"
        );
    }
    let twice = "CNI+1'RFF+BM:B1'GID+1+100:CT'SGP+ZZZU0000010+60'MEA+AAE+G+KGM:600'MEA+AAE+G+TNE:0.6'SGP+ZZZU0000026+40'\
                 MEA+AAE+G+KGM:400'";
    assert_eq!(one(&bills(twice), "gross_mass_kg"), "1000.0", "of one container in kilograms and in tonnes");
    let nameless = "CNI+1'RFF+BM:B1'GID+1+100:CT'SGP+ZZZU0000010+60'MEA+AAE+G+KGM:600'SGP++40'MEA+AAE+G+KGM:400'";
    assert_eq!(one(&bills(nameless), "gross_mass_kg"), "1000.0", "of a container whose number is missing");
}

#[test]
fn what_a_house_says_goes_before_what_its_master_says() {
    let reading = bills(
        "CNI+1+MA'RFF+BM:MA'NAD+CN+++FORWARDER'NAD+CZ+++SHIPPER'GIS+23'GID+1+30:CT'FTX+AAA+++CONSOLIDATION'\
         RFF+BH:H1'NAD+CN+++OWNER'GIS+28'GID+1+10:CT'FTX+AAA+++HATS'RFF+BH:H2'GID+1+20:CT'FTX+AAA+++SHOES'RFF+BH:H3'",
    );
    let of = |name| column(&reading, "consignment", name);
    assert_eq!(of("consignee_name"), ["OWNER", "FORWARDER", "FORWARDER"]);
    assert_eq!(of("shipper_name"), ["SHIPPER"; 3]);
    assert_eq!(of("nature"), ["transhipment", "import", "import"]);
    assert_eq!(of("package_count"), ["10.0", "20.0", "30.0"], "goods of the master are of whom lists none");
    assert_eq!(of("description"), ["HATS", "SHOES", "CONSOLIDATION"]);
}

#[test]
fn a_bill_that_is_alone_may_have_its_reference_anywhere() {
    let reading = bills("CNI+1'NAD+CZ+++SENDER'GID+1+5:CT'RFF+BM:B1'NAD+OS+++SHIPPER'GID+2+6:CT'");
    assert_eq!((one(&reading, "shipper_name"), one(&reading, "package_count")), ("SENDER".into(), "11.0".into()));
}

#[test]
fn goods_by_air_are_on_a_flight() {
    for (tdt, flight) in [("TDT+20+ZZ421+4'", "ZZ421"), ("TDT+20+421++6+ZZ::3'", "ZZ421"), ("TDT+20+421+4'", "421")] {
        let reading = manifest(
            &format!("{tdt}LOC+76+BKK'LOC+11+ICN'GIS+23'"),
            "CNI+1'RFF+MWB:999-12345675'RFF+HWB:H1'LOC+20+PUS'",
        );
        assert_eq!(one(&reading, "conveyance_id"), flight, "{tdt}");
        assert_eq!((one(&reading, "loading_port"), one(&reading, "route_countries")), ("BKK".into(), "TH|KR".into()));
    }
    assert_eq!(one(&bills("CNI+1+B1'"), "conveyance_id"), "0000012");
}

#[test]
fn the_first_of_several_dangers_is_kept() {
    let reading = bills("CNI+1'RFF+BM:B1'GID+1+1:CT'DGS+IMD+3+1993'DGS+IMD+8'");
    assert_eq!(one(&reading, "dangerous"), "true");
    assert!(format!("{:?}", reading.records).contains("1993"));
}

#[test]
fn goods_of_which_nobody_says_what_happens_are_taken_as_import_aloud() {
    let of = |first: &str, second: &str| {
        let voyage = VOYAGE.replace("GIS+23'", "");
        let reading = manifest(&voyage, &format!("CNI+1+B1'{first}CNI+2+B2'{second}"));
        (column(&reading, "consignment", "nature").join(" "), warnings(&reading))
    };
    assert_eq!(of("GEI+7+135'", ""), ("import import".into(), vec!["no_nature"]));
    assert_eq!(of("GEI+5+22'", "GIS+N:109'"), ("export import".into(), vec!["no_nature"]));
    assert_eq!(of("GIS+22'", "GIS+24'"), ("export transit".into(), vec![]));
}

/// Amounts of the bill go before those of its lines, which add up.
#[test]
fn amounts_of_lines_add_up_where_the_bill_tells_none() {
    let of = |amounts: &str| {
        let reading = bills(&format!("CNI+1'RFF+BM:B1'{amounts}"));
        ["value_usd", "freight_usd"].map(|name| one(&reading, name)).join(" ")
    };
    for (amounts, expected) in [
        ("GID+1+4:CT'MOA+14:45.5:USD'MOA+64:1:USD'GID+2+6:CT'MOA+14:54.5:USD'MOA+64:2:USD'", "100.0 3.0"),
        ("MOA+40:500:USD'MOA+64:9:USD'GID+1+4:CT'MOA+44:100:USD'MOA+64:2:USD'", "500.0 9.0"),
        ("GID+1'MOA+40:30:USD'MOA+44:20:USD'GID+2'MOA+44:5:USD'", "35.0 "),
        // A sum without a part of it would be too small.
        ("GID+1'MOA+14:30:USD'GID+2'MOA+14:20:EUR'", " "),
        ("MOA+40:500:EUR'GID+1'MOA+14:30:USD'", "30.0 "),
    ] {
        assert_eq!(of(amounts), expected, "{amounts}");
    }
    let shared = bills("CNI+1+MA'MOA+40:500:USD'RFF+BH:H1'GID+1'RFF+BH:H2'MOA+44:20:USD'GID+1'");
    assert_eq!(column(&shared, "consignment", "value_usd"), ["500.0", "20.0"]);
}

#[test]
fn a_bill_whose_number_is_missing_is_not_of_the_bill_before() {
    let house =
        |number: &str, name: &str| format!("RFF+BH{number}'NAD+CN+++{name}'LOC+9+CNSHA'GID+1+10:CT'FTX+AAA+++{name}'");
    let reading = bills(&format!("CNI+1+MA'{}{}{}", house(":H1", "ONE"), house("", "TWO"), house(":H3", "THREE")));
    assert_eq!(numbers(&reading), ["M1/MA/H1: house, MA, H1", "M1/MA/H3: house, MA, H3"]);
    assert_eq!(column(&reading, "consignment", "description"), ["ONE", "THREE"]);
    assert_eq!(column(&reading, "consignment", "package_count"), ["10.0", "10.0"]);
    assert_eq!((reasons(&reading), reading.set_aside[0].text.contains("TWO")), (vec!["no_bill"], true));
    let first = bills("CNI+1+MA'RFF+BM::2'GID+1+1:CT'RFF+BM:B2'GID+1+2:CT'");
    assert_eq!((numbers(&first), reasons(&first)), (vec!["M1/MA/B2: house, MA, B2".into()], vec!["no_bill"]));
    // The number may stand elsewhere.
    assert_eq!(numbers(&bills("CNI+1+B1'RFF+BM'GID+1'")), ["M1/B1: straight, , B1"]);
    assert_eq!(numbers(&bills("CNI+1'RFF+AAM'RFF+BM:B1'GID+1'")), ["M1/B1: straight, , B1"]);
    for places in ["RFF+AWB:B1'RFF+BM'", "RFF+BM'RFF+AWB:B1'", "RFF+BM'RFF+BM'RFF+BM:B1'RFF+BM'"] {
        let reading = bills(&format!("CNI+1'{places}GID+1+4:CT'"));
        assert_eq!((numbers(&reading), reasons(&reading)), (vec!["M1/B1: straight, , B1".into()], vec![]), "{places}");
        assert_eq!(one(&reading, "package_count"), "4.0", "{places}");
    }
}

#[test]
fn a_manifest_without_any_bill_is_not_passed_over() {
    for function in ["1", "9", "20"] {
        let text = format!(
            "UNB+UNOA:2+ZZ+KR+270301:0905+R1'UNH+C1+CUSCAR:D:95B:UN'BGM+85+M1+{function}'DTM+137:202703010900:203'\
             {VOYAGE}UNT+10+C1'UNZ+1+R1'"
        );
        let reading = read(&text);
        assert_eq!((reasons(&reading), numbers(&reading).len()), (vec!["no_bill"], 0), "{function}");
        assert_eq!(reading.set_aside[0].reason.contains("withdrawal"), function == "1");
    }
    let empties = manifest(&format!("{VOYAGE}EQD+CN+ZZZU0000010+22G1:102:5++3+4'"), "");
    assert_eq!((reasons(&empties), numbers(&empties).len()), (vec![], 1));
}

#[test]
fn an_aircraft_is_known_by_its_flight() {
    for (tdt, conveyance, voyage, name) in [
        ("TDT+20++4+++++:::QF253'", "QF253", "QF253", ""),
        ("TDT+20+KE123+4++KE:172:3+++HL7531'", "KE123", "KE123", ""),
        ("TDT+20++4+++++HL7531:::SPIRIT'", "HL7531", "", "SPIRIT"),
    ] {
        let reading = manifest(&format!("{tdt}LOC+9+LAX'LOC+11+ICN'GIS+23'"), "CNI+1'RFF+HWB:H1'");
        let found = ["conveyance_id", "voyage_no", "conveyance_name"].map(|column| one(&reading, column));
        assert_eq!(found, [conveyance, voyage, name], "{tdt}");
    }
}

#[test]
fn several_bills_under_another_number_are_its_houses() {
    for (consignment, expected) in [
        ("CNI+1+MA'RFF+BM:B1'GID+1'RFF+BM:B2'GID+1'", &["M1/MA/B1: house, MA, B1", "M1/MA/B2: house, MA, B2"][..]),
        ("CNI+1+B1'RFF+BM:B1'GID+1'RFF+BM:B2'GID+1'", &["M1/B1: straight, , B1", "M1/B2: straight, , B2"]),
        ("CNI+1'RFF+BM:B1'GID+1'RFF+BM:B2'GID+1'", &["M1/B1: straight, , B1", "M1/B2: straight, , B2"]),
        ("CNI+1+MA'RFF+BM:B1'GID+1'", &["M1/B1: straight, , B1"]),
        // None is its own master.
        ("CNI+1+H1'RFF+HWB:H1'GID+1'", &["M1/H1: house, , H1"]),
        ("CNI+1+H1'RFF+HWB:H1'RFF+MWB:MA'GID+1'", &["M1/MA/H1: house, MA, H1"]),
    ] {
        assert_eq!(numbers(&bills(consignment)), expected, "{consignment}");
    }
}

#[test]
fn a_bill_is_held_to_its_own_counts() {
    let goods = "GID+1+5:CT'MEA+AAE+G+KGM:100'SGP+ZZZU0000010+60'";
    let of = |counts: &str| {
        let reading =
            manifest(&format!("{VOYAGE}EQD+CN+ZZZU0000010+22G1++3+7'"), &format!("CNI+1'RFF+BM:B1'{counts}{goods}"));
        reading.warnings.iter().map(|w| format!("{} {}", w.code, w.text)).collect::<Vec<_>>().join(", ")
    };
    for counts in ["CNT+7:100:KGM'", "CNT+7:0.1:TNE'", "CNT+8:5'", "CNT+11:60'", "CNT+16:1'", "CNT+10:9'"] {
        assert_eq!(of(counts), "", "{counts}");
    }
    assert_eq!(
        of("CNT+7:999:KGM'CNT+8:61'CNT+16:2'"),
        "cnt_mismatch CNT of the bill says equipment 2, listed 1; packages 61, listed 5; gross mass 999 kg, listed 100 kg"
    );
    // Those of a CNI are of all its bills together.
    let shared = bills("CNI+1+MA'CNT+8:30'RFF+BH:H1'GID+1+10:CT'RFF+BH:H2'GID+1+20:CT'");
    assert_eq!(warnings(&shared), Vec::<&str>::new());
}

#[test]
fn a_bill_that_stands_twice_is_said() {
    let reading = bills("CNI+1'RFF+BM:B1'GID+1'CNI+2'RFF+BM:B2'GID+1'CNI+3'RFF+BM:B1'GID+1'");
    assert_eq!((warnings(&reading), numbers(&reading).len()), (vec!["duplicate_bill"], 3));
}

#[test]
fn packages_and_tariffs_of_one_line_are_all_read() {
    let reading = bills(
        "CNI+1'RFF+BM:B1'GID+1'PAC+10++CT'PAC+5++PK'CST+1+640299:122+640391+4000:117+X12:122'GID+2+3:BX'PAC+9++CT'",
    );
    assert_eq!((one(&reading, "package_count"), one(&reading, "hs_codes")), ("18.0".into(), "640299|640391".into()));
    assert_eq!(warnings(&reading), ["unknown_code"], "a tariff that is none");
    let inner = bills("CNI+1'RFF+BM:B1'GID+1'PAC+10+1+CT'PAC+2+3+PX'");
    assert_eq!(one(&inner, "package_count"), "2.0", "cartons on two pallets");
}

#[test]
fn a_un_number_has_four_digits() {
    for (dgs, un_no, warned) in [
        ("DGS+IMD+8+UN1830'", "1830", vec![]),
        ("DGS+IMD+8+1830'", "1830", vec![]),
        ("DGS+IMD+8+ACID'", "ACID", vec!["unknown_code"]),
    ] {
        let reading = bills(&format!("CNI+1'RFF+BM:B1'GID+1+1:CT'{dgs}"));
        let lines = format!("{:?}", reading.records[0].1.column_by_name("lines").unwrap());
        assert!(lines.contains(&format!("\"{un_no}\"")), "{lines}");
        assert_eq!((warnings(&reading), one(&reading, "dangerous")), (warned, "true".into()), "{dgs}");
    }
}

#[test]
fn replaced_headings_and_bills_are_amendments() {
    for function in ["20", "21"] {
        let text = format!(
            "UNB+UNOA:2+ZZ+KR+270301:0905+R1'UNH+C1+CUSCAR:D:98A:UN'BGM+785+M1+{function}'DTM+137:202703010900:203'GIS+23'\
             CNI+1+B1'RFF+BM:B1'UNT+7+C1'UNZ+1+R1'"
        );
        let reading = read(&text);
        assert_eq!((one(&reading, "change_kind"), warnings(&reading)), ("amend".into(), vec![]), "{function}");
    }
}

#[test]
fn what_says_nothing_and_what_is_not_known_are_told_apart() {
    let empty = bills("CNI+1+B1'RFF+BM:B1'");
    assert_eq!(warnings(&empty), Vec::<&str>::new());
    let undated = manifest(&format!("{VOYAGE}DTM+178::102'"), "CNI+1+B1'RFF+BM:B1'");
    assert_eq!(warnings(&undated), Vec::<&str>::new(), "an empty time says nothing");
    let other = manifest(&VOYAGE.replace("GIS+23", "GIS+99"), "CNI+1+B1'RFF+BM:B1'");
    assert_eq!(other.warnings[0].text, "GIS `99` does not say; taken as import");
    let nowhere = bills("CNI+1+B1'RFF+BM:B1'LOC+9+ZZZZZ'");
    assert_eq!(one(&nowhere, "route_countries"), "KR", "ZZ is no country");
    let withdrawn = read(
        "UNB+UNOA:2+ZZ+KR+270301:0905+R1'UNH+C1+CUSCAR:D:95B:UN'BGM+85+M1+1'DTM+137:202703010900:203'CNI+1+B1'RFF+BM:B1'\
         UNT+6+C1'UNZ+1+R1'",
    );
    assert_eq!((one(&withdrawn, "change_kind"), warnings(&withdrawn)), ("cancel".into(), vec![]));
}

#[test]
fn a_container_without_number_is_said_once() {
    for status in ["4", "5"] {
        let reading = manifest(&format!("{VOYAGE}EQD+CN++22G1++3+{status}'SEL+S1'"), "CNI+1+B1'RFF+BM:B1'");
        assert_eq!((warnings(&reading), numbers(&reading).len()), (vec!["no_container_number"], 1), "{status}");
    }
    let in_bill = bills("CNI+1+B1'RFF+BM:B1'EQD+CN++22G1++3+5'SEL+S1'");
    assert_eq!(warnings(&in_bill), ["no_container_number"]);
}

#[test]
fn a_container_weighs_what_is_in_it_alone() {
    let of = |equipment: &str, goods: &str| {
        let reading =
            manifest(&format!("{VOYAGE}EQD+CN+ZZZU0000010+22G1++3+7'{equipment}"), &format!("CNI+1'RFF+BM:B1'{goods}"));
        let list = reading.records[0].1.column_by_name("containers").unwrap().as_list::<i32>().value(0);
        let masses = list.as_struct().column_by_name("gross_mass_kg").unwrap().as_primitive::<Float64Type>().clone();
        masses.iter().collect::<Vec<_>>()
    };
    let goods = "GID+1+5:CT'SGP+ZZZU0000010+5'MEA+AAE+G+KGM:600'GID+2+5:CT'SGP+ZZZU0000010+5'MEA+AAE+G+KGM:400'";
    assert_eq!(of("", goods), [Some(1000.0)]);
    assert_eq!(of("MEA+AAE+G+KGM:3000'", goods), [Some(3000.0)]);
    let split = "GID+1+5:CT'SGP+ZZZU0000010+3'MEA+AAE+G+KGM:600'SGP+ZZZU0000026+2'MEA+AAE+G+KGM:400'";
    assert_eq!(of("EQD+CN+ZZZU0000026+22G1++3+7'", split), [None, None]);
}

#[test]
fn places_left_empty_cost_no_more_than_others() {
    let blanks = "RFF+BM'".repeat(200_000);
    let begun = std::time::Instant::now();
    let reading = bills(&format!("CNI+1'{blanks}RFF+BM:B1'GID+1+4:CT'"));
    assert_eq!(reasons(&reading), ["group_too_long"]);
    assert!(begun.elapsed().as_secs() < 20, "took {:?}", begun.elapsed());
    // Beside a place that was left out, but not beside the bill before it.
    let apart = bills("CNI+1'RFF+BM:B1'RFF+BM'GID+1+1:CT'RFF+BM'GID+2+2:CT'RFF+BM:B2'GID+1+3:CT'");
    assert_eq!((numbers(&apart).len(), reasons(&apart)), (2, vec!["no_bill"]));
}

/// One part lists the containers and tells the totals of all.
#[test]
fn a_part_of_a_series_is_not_judged_as_the_whole() {
    let bill = |n: u32| {
        format!("CNI+{n}+B{n}'RFF+BM:B{n}'LOC+9+VNSGN'LOC+11+KRPUS'GID+1+10:CT'MEA+AAE+G+KGM:100'SGP+ZZZU000001{n}+10'")
    };
    let part = |part: &str, equipment: &str, n: u32| {
        let text = format!(
            "UNB+UNOA:4+ZZ+KR+270302:0900+R1'UNH+1+CUSCAR:D:95B:UN+{part}'BGM+85+M1+9'{VOYAGE}{equipment}CNT+16:2'CNT+8:20'{}UNT+0+1'UNZ+1+R1'",
            bill(n)
        );
        let reading = read(&text);
        let told = ["cnt_mismatch", "container_without_bill", "no_containers_listed"];
        warnings(&reading).into_iter().filter(|code| told.contains(code)).map(str::to_owned).collect::<Vec<_>>()
    };
    let equipment = "EQD+CN+ZZZU0000011+22G1:102:5++3+5'EQD+CN+ZZZU0000012+22G1:102:5++3+5'";
    assert_eq!(part("C1+1:C", equipment, 1), Vec::<String>::new());
    assert_eq!(part("C1+2:F", "", 2), Vec::<String>::new());
    assert_eq!(part("", equipment, 1).len(), 2);
}
