//! Cargo-IMP, message by message and oddity by oddity.

use super::super::edifact::tests::{column, reasons, warnings};
use crate::format::{MessageInput, MessageReading};
use crate::options::ReadOptions;

fn read(text: &str) -> MessageReading {
    let options = ReadOptions {
        zone: chrono_tz::Asia::Seoul,
        received_on: chrono::NaiveDate::from_ymd_opt(2027, 3, 13),
        ..ReadOptions::default()
    };
    assert!((super::FORMAT.recognise)(text.as_bytes()), "{text}");
    super::read(MessageInput { source: "s", bytes: text.as_bytes(), options: &options })
}

fn of(reading: &MessageReading, name: &str) -> Vec<String> {
    column(reading, "consignment", name)
}

const FFM: &str = "QK ICNFMZZ\r\n.BKKFMZZ 131200\r\nFFM/8\r\n1/ZZ421/13MAR1805/BKK/HL0000\r\nICN/14MAR0830\r\n\
                   999-12345675BKKICN/T5K100.5MC1.2/SHOES/EAP\r\n/ECC\r\nULD/AKE12345ZZ\r\n\
                   999-12345686BKKICN/P3K30T5/PHONES\r\nOCI/KR/CNE/T/KRT1\r\n/KR//CP/MR KIM\r\n\
                   ULD/AKE12346ZZ\r\n999-12345686BKKICN/P2K20T5/PHONES/ELI\r\nPUS\r\nNIL\r\nLAST\r\n";

/// Found by fuzzing: pieces that no counter holds, twice.
#[test]
fn counts_have_no_bound_and_do_no_harm() {
    let reading = read(&FFM.replace("/T5K", "/T9999999999999999999999K").replace("/P2K", "/P9999999999999999999999K"));
    assert_eq!(reading.counts["pieces"], u64::MAX);
}

#[test]
fn a_flight_manifest_is_a_row_a_waybill() {
    let reading = read(FFM);
    assert_eq!(of(&reading, "master_bill_id"), ["999-12345675", "999-12345686"]);
    assert_eq!(of(&reading, "package_count"), ["5.0", "5.0"], "parts of one waybill add up");
    assert_eq!(of(&reading, "gross_mass_kg"), ["100.5", "50.0"]);
    assert_eq!(of(&reading, "volume_m3"), ["1.2", ""]);
    assert_eq!(of(&reading, "part_kind"), ["T", "P"]);
    assert_eq!(of(&reading, "description"), ["SHOES", "PHONES"]);
    assert_eq!(of(&reading, "special_handling"), ["EAP|ECC", "ELI"]);
    assert_eq!(of(&reading, "manifest_id")[0], "ZZ421/13MAR/BKK");
    assert_eq!(of(&reading, "departed_at")[0], "2027-03-13T11:05:00Z");
    assert_eq!(of(&reading, "arrival_expected_at")[0], "2027-03-13T23:30:00Z");
    assert_eq!(of(&reading, "consignee_id"), ["", "KRT1"]);
    assert_eq!((of(&reading, "carrier_id")[0].as_str(), of(&reading, "unloading_port")[0].as_str()), ("ZZ", "ICN"));
    assert_eq!((reading.format, reading.version.as_str()), ("ffm", "8"));
    assert_eq!((reading.counts["lines"], reading.counts["ulds"], reading.counts["masters"]), (3, 2, 2));
    assert_eq!((warnings(&reading), reasons(&reading)), (vec!["transport_dirt", "no_nature"], vec![]));
}

#[test]
fn without_the_day_of_arrival_days_have_no_year() {
    let options = ReadOptions::default();
    let reading = super::read(MessageInput { source: "s", bytes: FFM.as_bytes(), options: &options });
    assert_eq!(of(&reading, "departed_at")[0], "");
    assert!(warnings(&reading).contains(&"no_year"));
}

#[test]
fn one_bad_waybill_is_set_aside_alone() {
    let reading = read(&FFM.replace("999-12345675", "999-1234567"));
    assert_eq!((reasons(&reading), of(&reading, "master_bill_id")), (vec!["no_bill"], vec!["999-12345686".to_owned()]));
    let wrong = read(&FFM.replace("999-12345675", "999-12345674"));
    assert!(warnings(&wrong).contains(&"check_digit"));
    let no_flight = read("FFM/8\nLAST\n");
    assert_eq!(reasons(&no_flight), ["no_flight"]);
}

const FWB: &str = "FWB/17\n999-12345675BKKICN/T10K250.5MC1.2\nFLT/ZZ421/13\nRTG/ICNZZ\nSHP/123\nNAM/SAIGON EXAMPLE\n\
                   ADR/1 ROAD\nLOC/BANGKOK\n/TH/10000/TE/6620000\nCNE\nNAM/HAECHI TEST\nADR/2 RO\nLOC/SEOUL\n/KR/04500\n\
                   AGT//1234567\n/AGENT\n/PLACE\nCVD/USD/PP/PP/NVD/2500.00/XXX\nRTD/1/P10/K250.5/CQ/W300/T750\n/NG/SPORTS SHOES\n\
                   /2/NG/OF RUBBER\n/3/NV/MC1.3\n/4/NH/640299\nPPD/WT750.00\n/CT750.00\nISU/12MAR27/BKK\nSPH/EAP\nOCI/KR/CNE/T/KRT1\n";

#[test]
fn an_air_waybill_is_a_row() {
    for text in [
        FWB.to_owned(),
        // Before version 17 parties are bare lines.
        FWB.replace("FWB/17", "FWB/16").replace("NAM/", "/").replace("ADR/", "/").replace("LOC/", "/"),
    ] {
        let reading = read(&text);
        for (name, value) in [
            ("consignment_id", "999-12345675"),
            ("bill_kind", "straight"),
            ("shipper_name", "SAIGON EXAMPLE"),
            ("shipper_address", "1 ROAD, BANGKOK, 10000"),
            ("shipper_country", "TH"),
            ("consignee_name", "HAECHI TEST"),
            ("consignee_country", "KR"),
            ("consignee_id", "KRT1"),
            ("description", "SPORTS SHOES OF RUBBER"),
            ("hs_codes", "640299"),
            ("package_count", "10.0"),
            ("volume_m3", "1.3"),
            ("value_usd", "2500.0"),
            ("freight_usd", "750.0"),
            ("special_handling", "EAP"),
            ("voyage_no", "ZZ421"),
            ("manifested_at", "2027-03-11T17:00:00Z"),
        ] {
            assert_eq!(of(&reading, name), [value], "{name}");
        }
        assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
    }
}

/// As forwarders write version 17: a name folded at its width, several flights, lines numbered on.
#[test]
fn a_folded_name_and_several_flights_are_read() {
    let text = FWB
        .replace("NAM/SAIGON EXAMPLE", "NAM/SAIGON EXAMPLE SEA AND AIR LOGISTIC\n/S LTD")
        .replace("NAM/HAECHI TEST", "NAM/HAECHI\n/TEST")
        .replace("FLT/ZZ421/13", "FLT/ZZ100/12/ZZ421/13")
        .replace("/TH/10000/TE/6620000", "/TH/10000/TE/6620000\n/FX/6620001");
    let reading = read(&text);
    for (name, value) in [
        ("shipper_name", "SAIGON EXAMPLE SEA AND AIR LOGISTICS LTD"),
        ("shipper_address", "1 ROAD, BANGKOK, 10000, FX, 6620001"),
        ("consignee_name", "HAECHI TEST"),
        ("consignee_address", "2 RO, SEOUL, 04500"),
        ("voyage_no", "ZZ421"),
        ("forwarder_id", "1234567"),
    ] {
        assert_eq!(of(&reading, name), [value], "{name}");
    }
    assert_eq!((warnings(&reading), reasons(&reading)), (vec![], vec![]));
}

/// Found by the round trip: a name was cut before a blank, which was lost with it.
#[test]
fn a_name_that_was_cut_before_a_blank_keeps_its_words_apart() {
    for (begin, end) in [("LOGISTIC", " LTD"), ("LOGISTIC", " CO"), ("LOGISTI ", "CO")] {
        let folded = format!("NAM/SAIGON EXAMPLE SEA AND AIR {begin}\n/{end}");
        let reading = read(&FWB.replace("NAM/SAIGON EXAMPLE", &folded));
        assert_eq!(of(&reading, "shipper_name"), [format!("SAIGON EXAMPLE SEA AND AIR {begin}{end}")]);
        assert_eq!(of(&reading, "shipper_country"), ["TH"], "two letters of a name are no country");
    }
}

/// Found by the round trip: the day was taken for one in the reader's zone.
#[test]
fn a_waybill_is_made_out_on_the_day_of_its_place() {
    for (isu, instant) in [
        ("ISU/12MAR27/LAX", "2027-03-12T08:00:00Z"),
        ("ISU/12MAR27/BANGKOK", "2027-03-11T17:00:00Z"),
        ("ISU/12MAR27", "2027-03-11T17:00:00Z"),
    ] {
        assert_eq!(of(&read(&FWB.replace("ISU/12MAR27/BKK", isu)), "manifested_at"), [instant], "{isu}");
    }
    let nowhere = FWB.replace("BKKICN", "").replace("ISU/12MAR27/BKK", "ISU/12MAR27");
    assert_eq!(of(&read(&nowhere), "manifested_at"), ["2027-03-11T15:00:00Z"], "in the zone of the reader");
}

/// Found by the round trip: what the line of the house says stands in its text again.
#[test]
fn a_text_that_begins_again_or_goes_on_says_everything_once() {
    let full = "WILD CHERRY BAR DIMS 13X12X15 IN X 2 DIMS 48X40X40 IN X 1 DIMS 12";
    assert_eq!(full.len(), 65);
    for (summary, txt, description) in [
        ("PORTABLE COMPUT", "TXT/PORTABLE COMPUTERS\n/OF STEEL", "PORTABLE COMPUTERS OF STEEL".to_owned()),
        ("TABLETS AND MED", "TXT/TABLETS", "TABLETS AND MED".to_owned()),
        ("SHOES", "TXT/OF RUBBER\n/SHOES", "SHOES OF RUBBER SHOES".to_owned()),
        ("WILD CHERRY BAR", &format!("TXT/{full}\n/X11X16 IN"), format!("{full}X11X16 IN")),
        ("WILD CHERRY BAR", &format!("TXT/{full}\n/ X 11"), format!("{full} X 11")),
    ] {
        let reading = read(&format!("FHL/4\nMBI/999-12345675BKKICN/T1K1\nHBS/H1/BKKICN/1/K1/1/{summary}\n{txt}\n"));
        assert_eq!(of(&reading, "description"), [description]);
    }
}

#[test]
fn pieces_of_a_house_are_read_in_both_forms() {
    let house = |amounts: &str| read(&format!("FHL/5\nMBI/999-12345675\nHBS/H1/PVGLAX/{amounts}\nTXT/PADS\n"));
    for (amounts, pieces, mass, odd) in [
        ("25/K380.5/250/X", "25.0", "380.5", 0),
        ("25K380.5/S250", "25.0", "380.5", 0),
        ("MANY/K380.5", "", "380.5", 1),
    ] {
        let reading = house(amounts);
        assert_eq!(
            (&*of(&reading, "package_count")[0], &*of(&reading, "gross_mass_kg")[0]),
            (pieces, mass),
            "{amounts}"
        );
        assert_eq!(warnings(&reading).iter().filter(|code| **code == "bad_number").count(), odd, "{amounts}");
    }
}

#[test]
fn a_house_manifest_is_a_row_a_house() {
    let reading = read(
        "FHL/4\nMBI/999-12345675BKKICN/T10K250.5\nHBS/H1/BKKICN/5/K120/25/SHOES\nTXT/OF RUBBER\nHTS/640299/640391\n\
         OCI/KR/CNE/T/KRT1\nSHP/SAIGON EXAMPLE\n/1 ROAD\n/BANGKOK\n/TH/10000\nCNE\nNAM/HAECHI\nADR/2 RO\nLOC/SEOUL\n/KR\n\
         HBS/H2/BKKICN/5/L100/5/TOYS\nSHP\n/HANOI EXAMPLE\nHBS//BKKICN/5/K1\n",
    );
    assert_eq!(of(&reading, "consignment_id"), ["999-12345675/H1", "999-12345675/H2"]);
    assert_eq!(of(&reading, "description"), ["SHOES OF RUBBER", "TOYS"]);
    assert_eq!(of(&reading, "gross_mass_kg"), ["120.0", "45.359237"]);
    assert_eq!(of(&reading, "hs_codes"), ["640299|640391", ""]);
    assert_eq!(of(&reading, "shipper_name"), ["SAIGON EXAMPLE", "HANOI EXAMPLE"], "houses have no account numbers");
    assert_eq!(of(&reading, "shipper_address"), ["1 ROAD, BANGKOK, 10000", ""]);
    assert_eq!(of(&reading, "consignee_name"), ["HAECHI", ""]);
    assert_eq!(of(&reading, "consignee_address"), ["2 RO, SEOUL", ""]);
    assert_eq!(of(&reading, "shipper_country"), ["TH", ""]);
    assert_eq!((warnings(&reading), reasons(&reading)), (vec!["no_nature"], vec!["no_bill"]));
    assert_eq!(reasons(&read("FHL/4\nHBS/H1/BKKICN/5/K1\n")), ["no_bill"]);
}

#[test]
fn damaged_messages_are_survived() {
    let mut seed = 7_u64;
    let mut below = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n.max(1)
    };
    for text in [FFM, FWB] {
        for _ in 0..2_000 {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..=below(5) {
                let at = below(bytes.len());
                match below(4) {
                    0 => bytes[at] = below(256) as u8,
                    1 => bytes.truncate(at),
                    2 => bytes.insert(at, b"/-\n0A\xff\0"[below(7)]),
                    _ => drop(bytes.drain(at..(at + below(30)).min(bytes.len()))),
                }
                if bytes.is_empty() {
                    break;
                }
            }
            let options = ReadOptions::default();
            let reading = super::read(MessageInput { source: "s", bytes: &bytes, options: &options });
            assert!(!reading.records.is_empty() || !reading.set_aside.is_empty() || !reading.warnings.is_empty());
        }
    }
}

#[test]
fn lines_of_a_flight_manifest_go_on_with_what_was_begun() {
    let ffm = "FFM/8\n1/ZZ421/13MAR1805/BKK\nTPE/NIL/13MAR2200/13MAR2330\nICN//14MAR0830\n\
               999-12345675BKKICN/S10K206MC0.15T92/CNSL\n/EAW/SPX\nDIM/K100/CMT10-10-10/5\n/K106/CMT20-20-20/5\n\
               OCI/KR/SHP/RA/RA1\n///ED/1299\n//DNR/D/UN3480\nOSI/HANDLE WITH CARE\n/KEEP DRY\nLAST\n";
    let reading = read(ffm);
    assert_eq!(of(&reading, "special_handling"), ["EAW|SPX"]);
    assert_eq!(of(&reading, "arrival_expected_at"), ["2027-03-13T23:30:00Z"]);
    assert_eq!(of(&reading, "bill_kind"), ["master_only"]);
    let notes = format!("{:?}", reading.records[0].1.column_by_name("customs_notes").unwrap());
    assert!(notes.contains("1299") && notes.contains("UN3480"), "{notes}");
    assert_eq!((warnings(&reading), reasons(&reading)), (vec!["no_nature"], vec![]));
}

#[test]
fn what_korean_forwarders_tell_customs_is_no_description() {
    let txt = "TXT/.COM.LENSES\n/.FLT.20270314-ZZ0421-ZZZZ-TK-AK\n/.SNM.KIM TRADE\n/.SAR.1 EXAMPLE RO\n/.CNM.LEE\n";
    let fhl = format!("FHL/5\nMBI/999-12345675ICNTSN/T5K120\nHBS/H1/ICNTSN/5/K120//LENSES\n{txt}");
    let reading = read(&fhl);
    assert_eq!(of(&reading, "description"), ["LENSES"]);
    assert_eq!(
        (of(&reading, "shipper_name"), of(&reading, "shipper_address")),
        (vec!["KIM TRADE".into()], vec!["1 EXAMPLE RO".into()])
    );
    let named = read(&format!("{fhl}SHP\nNAM/ACME\nADR/2 ROAD\n"));
    assert_eq!(
        (of(&named, "shipper_name"), of(&named, "shipper_address")),
        (vec!["ACME".into()], vec!["2 ROAD".into()])
    );
    assert_eq!(of(&named, "consignee_name"), ["LEE"]);
    let other = read(&fhl.replace(txt, "TXT/.5 MM LENSES\n/NO. 7. NEW\n"));
    assert_eq!(of(&other, "description"), ["LENSES .5 MM LENSES NO. 7. NEW"]);
}

#[test]
fn a_house_manifest_without_houses_is_not_passed_over() {
    let reading = read("FHL/4\nMBI/999-12345675BKKICN/T10K250.5\n");
    assert_eq!((reasons(&reading), of(&reading, "house_bill_id").len()), (vec!["no_bill"], 0));
}

#[test]
fn a_bad_waybill_costs_its_own_houses_only() {
    let reading = read(
        "FHL/4\nMBI/999-12345675BKKICN/T10K250.5\nHBS/H1/BKKICN/5/K120/25/SHOES\nMBI/XXX\nHBS/H2/BKKICN/1/K1/1/HATS\n\
         MBI/99912345686BKKICN/T1K1\nHBS/H3/BKKICN/5/K120/25/BAGS\n",
    );
    assert_eq!(of(&reading, "consignment_id"), ["999-12345675/H1", "999-12345686/H3"], "a hyphen may be left out");
    assert_eq!(reasons(&reading), ["no_bill"]);
}

#[test]
fn the_way_of_a_waybill_goes_through_countries() {
    let text = "FWB/16\n999-12345675BKKLAX/T10K250.5\nRTG/ICNZZ/LAXZZ\nCVD/EUR//PP/NVD/NCV/XXX\nPPD/WT750.00\nISU/12MAR27/BKK\n";
    let reading = read(text);
    assert_eq!(of(&reading, "route_countries"), ["TH|KR|US"]);
    assert_eq!((warnings(&reading), of(&reading, "freight_usd")), (vec!["amount_currency"], vec![String::new()]));
}

#[test]
fn words_without_end_are_cut_and_told() {
    let words = "/ABCDEFGHIJ KLMNOPQRST UVWXYZ\n".repeat(2_000);
    let reading = read(&format!("FHL/4\nMBI/999-12345675BKKICN/T1K1\nHBS/H1/BKKICN/1/K1/1/X\nTXT{words}"));
    assert!(of(&reading, "description")[0].len() <= 16 * 1024);
    assert_eq!(warnings(&reading), ["no_nature", "value_cut"]);
}

#[test]
fn a_waybill_that_is_unloaded_twice_is_two_consignments() {
    let text = "FFM/8\n1/ZZ421/13MAR1805/BKK\nICN\n999-12345675BKKPUS/P5K100T8/SHOES\nPUS\n999-12345675BKKPUS/P3K60T8/SHOES\nLAST\n";
    let reading = read(text);
    assert_eq!(of(&reading, "consignment_id"), ["999-12345675", "999-12345675/PUS"]);
    assert_eq!(of(&reading, "unloading_port"), ["ICN", "PUS"]);
}

#[test]
fn marks_of_teleprinters_are_dirt() {
    for (text, dirt) in [
        (format!("{FWB}NNNN\n"), vec!["transport_dirt"]),
        (format!("{FWB}ZZZZ\r\n"), vec!["transport_dirt"]),
        (format!("ZCZC ABC001\n.ICNFMZZ\n{FWB}NNNN\n\nZCZC ABC002\n.ICNFMZZ\n{FWB}NNNN\n"), vec!["transport_dirt"]),
        (FWB.to_owned(), vec![]),
    ] {
        let reading = read(&text);
        assert_eq!((warnings(&reading), reasons(&reading)), (dirt, vec![]), "{text}");
        assert_eq!(of(&reading, "special_handling")[0], "EAP", "{text}");
    }
}

/// As somebody's own version writes it: every line behind a slash, and no point of unloading.
#[test]
fn waybills_before_any_point_of_unloading_are_not_lost() {
    let ffm = "FFM/1\n1/LH8234/15MAR/FRA/ORD\n/1/125-99887766FRAORD/T10K550.5MC1.2/FLOWERS\n/ULD/AKE12345LH\nLAST\n";
    let reading = read(ffm);
    assert_eq!((reasons(&reading), reading.set_aside[0].text.contains("FLOWERS")), (vec!["no_bill"], true));
    assert_eq!(warnings(&reading), ["unknown_code", "orphan_segment"]);
    let bare = read(&ffm.replace("FFM/1", "FFM/8").replace("\n/1/125", "\n125").replace("/ULD", "ULD"));
    assert_eq!((of(&bare, "unloading_port"), reasons(&bare)), (vec!["ORD".to_owned()], vec![]));
    assert!(warnings(&bare).contains(&"orphan_segment"));
}

#[test]
fn a_un_number_in_customs_notes_makes_goods_dangerous() {
    let dangerous = |oci: &str| of(&read(&FWB.replace("OCI/KR/CNE/T/KRT1", oci)), "dangerous").join(" ");
    assert_eq!(dangerous("OCI/US/DNR/D/UN1234"), "true");
    assert_eq!(dangerous("OCI/US/SHP/T/1\n/US/DNR/D/UN 1234"), "true");
    // Whether they are otherwise follows from the handling codes.
    assert_eq!(dangerous("OCI/KR/CNE/T/UN1234"), "");
}

#[test]
fn a_waybill_without_pieces_is_said() {
    let ffm = read(&FFM.replace("BKKICN/T5K100.5MC1.2", "BKKICN/K100.5"));
    assert!(ffm.warnings.iter().any(|w| w.text == "waybill 999-12345675 tells no number of pieces; left NULL"));
    let fwb = read(&FWB.replace("/T10K250.5MC1.2", "/K250.5"));
    assert_eq!((warnings(&fwb), of(&fwb, "gross_mass_kg")), (vec!["bad_number"], vec!["250.5".to_owned()]));
}

#[test]
fn a_day_without_a_year_is_named_whole() {
    let options = ReadOptions::default();
    let reading = super::read(MessageInput { source: "s", bytes: FFM.as_bytes(), options: &options });
    let text = reading.warnings.iter().find(|w| w.code == "no_year").map(|w| w.text.as_str()).unwrap();
    assert!(text.starts_with("`13MAR1805` has no year") && text.contains("haechi serve"), "{text}");
    assert!(warnings(&read(&FFM.replace("13MAR1805", "31FEB1805"))).contains(&"bad_date"));
    let leap_day = FFM.replace("13MAR1805", "29FEB1805");
    let reading = super::read(MessageInput { source: "s", bytes: leap_day.as_bytes(), options: &options });
    let text = reading.warnings.iter().find(|w| w.text.starts_with("`29FEB1805`")).map(|w| w.code);
    assert_eq!(text, Some("no_year"), "{:?}", reading.warnings);
}

#[test]
fn an_amount_with_something_else_behind_it_is_none() {
    for (amounts, [pieces, kg, m3], warned) in [
        ("T5K44.5MC1.2T9", ["5.0", "44.5", "1.2"], false),
        ("T5 K44 DG5", ["5.0", "44.0", ""], false),
        ("T5K44O", ["5.0", "", ""], true),
        ("T5K1,234.5", ["5.0", "", ""], true),
        ("T5K4 4", ["5.0", "", ""], true),
        ("T5L1E3", ["5.0", "", ""], true),
        ("T2OK440MC3.333", ["", "", "3.333"], true),
        ("T20K44O.5MC3,333", ["20.0", "", ""], true),
        ("P5K100T1O", ["5.0", "100.0", ""], true),
    ] {
        let reading = read(&FFM.replace("T5K100.5MC1.2", amounts));
        let found = ["package_count", "gross_mass_kg", "volume_m3"].map(|name| of(&reading, name)[0].clone());
        assert_eq!(found, [pieces, kg, m3], "{amounts}");
        let told = reading.warnings.iter().find(|w| w.code == "bad_number");
        assert_eq!(told.is_some_and(|w| w.text.contains(amounts)), warned, "{amounts}");
    }
    // Of several parts with one that cannot be read there is no sum.
    let parts = read(&FFM.replace("/P3K30T5/", "/P3K3O/"));
    assert_eq!((of(&parts, "package_count")[1].as_str(), of(&parts, "gross_mass_kg")[1].as_str()), ("5.0", ""));
    let together = read("FHL/4\nMBI/999-12345675BKKICN/T20K440\nHBS/H1/BKKICN/T8K44O//TOYS\n");
    assert_eq!(
        (of(&together, "gross_mass_kg"), warnings(&together)),
        (vec![String::new()], vec!["no_nature", "bad_number"])
    );
    let house = |mass: &str| read(&format!("FHL/4\nMBI/999-12345675BKKICN/T20K440\nHBS/H1/BKKICN/8/{mass}//TOYS\n"));
    for (mass, kg, code) in [("K100", "100.0", None), ("K1O0", "", Some("bad_number")), ("X100", "", Some("bad_unit"))]
    {
        let reading = house(mass);
        assert_eq!(of(&reading, "gross_mass_kg"), [kg]);
        let told = |code: &str| warnings(&reading).contains(&code);
        assert_eq!(
            ["bad_number", "bad_unit"].map(told),
            ["bad_number", "bad_unit"].map(|known| Some(known) == code),
            "{mass}"
        );
    }
}

/// Byte order marks, blanks for hyphens, indented mail, carriage returns alone.
#[test]
fn harmless_writing_loses_no_waybill() {
    let fwb = "FWB/17\n999-12345675BKKICN/T20K440\nNFY\n/LEE\nISU/04MAR27/BKK\n";
    for text in [
        format!("\u{feff}{fwb}"),
        fwb.replace('-', " "),
        fwb.replace("75BKK", "75 BKK"),
        fwb.lines().flat_map(|line| ["  ", line, "\n"]).collect(),
        fwb.replace('\n', "\r"),
        fwb.replace('\n', "\r") + "\n",
    ] {
        let reading = read(&text);
        assert_eq!(of(&reading, "master_bill_id"), ["999-12345675"], "{text}");
        assert_eq!(
            (of(&reading, "loading_port"), of(&reading, "notify_name")),
            (vec!["BKK".into()], vec!["LEE".into()])
        );
        assert_eq!(of(&reading, "manifested_at"), ["2027-03-03T17:00:00Z"]);
    }
    let set_aside = read(&FFM.replace("999-12345675BKK", "9X9 12345675BKK"));
    assert_eq!(reasons(&set_aside), ["no_bill"]);
}

#[test]
fn folded_lines_are_joined_and_keep_their_numbers() {
    let text = "FWB/17\n999-12345675BKKICN/T20K440\nSHP\n/HANKOOK SANGSA VERY LONG COMPANY NAME THAT IS FOLDED AT SIXTY N\n\
                INE COLUMNS LTD\n/SEOUL RO\n/SEOUL\n/KR\nISU/99XXX27/BKK\n";
    let reading = read(text);
    assert_eq!(
        of(&reading, "shipper_name"),
        ["HANKOOK SANGSA VERY LONG COMPANY NAME THAT IS FOLDED AT SIXTY NINE COLUMNS LTD"]
    );
    assert_eq!(
        (of(&reading, "shipper_country"), of(&reading, "shipper_address")),
        (vec!["KR".into()], vec!["SEOUL RO, SEOUL".into()])
    );
    let told: Vec<_> = reading.warnings.iter().map(|w| (w.code, w.path.as_str())).collect();
    assert!(told.contains(&("transport_dirt", "line 1")) && told.contains(&("bad_date", "FWB@1/9")), "{told:?}");
    // All of it indented, as mail does.
    let indented: String = text.lines().flat_map(|line| ["   ", line, "\n"]).collect();
    assert_eq!(of(&read(&indented), "shipper_name"), of(&read(text), "shipper_name"));
    // A line of its own, though a long one stands before it; and words behind the end.
    let long = format!("TXT/{}", "A".repeat(65));
    let fhl =
        format!("FHL/4\nMBI/999-12345675BKKICN/T20K440\nHBS/H1/BKKICN/8/K44//TOYS\n{long}\nMFT/X\n{long}\nNNNN\n");
    let reading = read(&(fhl + &"These words are those of a mail and of nobody who sends goods by air.\n".repeat(3)));
    let told: Vec<_> = reading.warnings.iter().map(|w| (w.code, w.text.as_str())).collect();
    assert!(told.contains(&("unknown_segment", "`MFT` in a house manifest")), "{told:?}");
    assert!(!told.iter().any(|(_, text)| text.contains("joined")), "{told:?}");
    let goods = format!("/{}", "A".repeat(66));
    let reading = read(&FFM.replace("/ECC\r\n", &format!("{goods}\r\nPUS/14MAR1000\r\n")));
    assert!(!warnings(&reading).contains(&"unknown_segment"), "{:?}", reading.warnings);
}
