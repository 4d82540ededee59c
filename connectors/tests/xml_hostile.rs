//! Bytes are hostile: what attackers and broken lines send as XML is refused with a clear reason, in bounded time and
//! memory, and what is readable around it is read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod xml_support;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use haechi_connectors::MessageReading;
use haechi_connectors::formats::xml::codes;
use haechi_datasets::{Mutator, Random};
use xml_support::{count, messages, read, read_stream, rows, table, warned};

fn samples() -> Vec<PathBuf> {
    let folder = messages();
    let mut paths: Vec<PathBuf> =
        table(&folder.join("korea/MANIFEST.tsv")).iter().map(|row| folder.join("korea").join(&row[0])).collect();
    for file in [
        "asycuda_sad_im4.xml",
        "awmds_manifest.xml",
        "xfzb_house_waybill.xml",
        "xffm_flight_manifest.xml",
        "pnrgov_notif.xml",
    ] {
        paths.push(folder.join("synthetic").join(file));
    }
    for file in [
        "hmrc__import-control-entry-declaration-store/public/api/conf/1.0/examples/CC315A_full.xml",
        "hmrc__ctc-traders-phase5-tis/source/downloads/Example_IE029_Message_November_2023.xml",
        "hmrc__customs-declarations/annotated_XML_samples/TT_EX010a/TT_EX010a.xml",
        "hmrc__customs-declarations/annotated_XML_samples/Example_DMS_notifications/05_DMSCTL.xml",
        "hmrc__import-control-entry-declaration-intervention/test/resources/xmls/InterventionAllOptional.xml",
        "riege__one-record-converter/888-11111111_XFWB_multipleULD_multipleHTS.xml",
    ] {
        paths.push(folder.join("cargo").join(file));
    }
    paths
}

fn is_sound(reading: &MessageReading, what: &str) {
    let counted = reading.counts.values().any(|n| *n > 0);
    let spoken =
        !reading.set_aside.is_empty() || !reading.warnings.is_empty() || !reading.records.is_empty() || counted;
    assert!(spoken, "silence: {what}");
    for warning in &reading.warnings {
        assert!(codes::WARNINGS.iter().any(|(code, _)| *code == warning.code), "{}", warning.code);
    }
    for unit in &reading.set_aside {
        assert!(codes::REASONS.iter().any(|(code, _)| *code == unit.code), "{}", unit.code);
        assert!(!unit.reason.is_empty() && unit.text.len() <= 4096);
    }
}

fn n_rows(reading: &MessageReading) -> usize {
    reading.records.iter().map(|(_, batch)| batch.num_rows()).sum()
}

/// Reads within a time, whole and as a stream, and finds the same.
fn quickly(what: &str, bytes: &[u8]) -> MessageReading {
    let began = Instant::now();
    let reading = read(what, bytes);
    is_sound(&reading, what);
    let streamed = read_stream(what, bytes);
    is_sound(&streamed, what);
    assert_eq!(n_rows(&streamed), n_rows(&reading), "{what}");
    assert!(began.elapsed() < Duration::from_mins(1), "{what} took {:?}", began.elapsed());
    reading
}

fn has(reading: &MessageReading, code: &str) -> bool {
    reading.set_aside.iter().any(|unit| unit.code == code)
}

const HEAD: &str =
    "<Declaration xmlns=\"urn:kr:gov:kcs:data:standard:KCS_DeclarationOfIMP_929SchemaModule:1:0\"><ID>1</ID>";
const ITEM: &str = "<GoodsShipment><GovernmentAgencyGoodsItem><SequenceNumeric>1</SequenceNumeric>\
                    </GovernmentAgencyGoodsItem></GoodsShipment>";

#[test]
fn entities_are_not_expanded() {
    let mut laughs = String::from("<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY lol \"lol\">");
    for n in 1..10 {
        let ten = format!("&lol{};", n - 1).repeat(10);
        laughs.extend(["<!ENTITY lol", &n.to_string(), " \"", &ten, "\">"]);
    }
    laughs.extend(["]>", HEAD, "<DeclarationOfficeID>&lol9;</DeclarationOfficeID>", ITEM, "</Declaration>"]);
    let reading = quickly("laughs", laughs.as_bytes());
    assert!(has(&reading, "doctype") && warned(&reading, "unknown_entity"), "{:?}", reading.set_aside);
    assert_eq!(n_rows(&reading), 1, "the rest is read");
    let external = format!(
        "<!DOCTYPE x SYSTEM \"file:///etc/passwd\" [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{HEAD}\
         <DeclarationOfficeID>&e;</DeclarationOfficeID>{ITEM}</Declaration>"
    );
    let reading = quickly("external", external.as_bytes());
    assert!(rows(&reading, "declaration")[0].get("office").is_none());
    let known = format!(
        "{HEAD}<Importer><Name>A &amp; B &#x41;&#66; &lt;<![CDATA[<C>]]></Name></Importer>{ITEM}</Declaration>"
    );
    assert_eq!(rows(&quickly("known", known.as_bytes()), "declaration")[0]["importer_name"], "A & B AB <<C>");
}

#[test]
fn what_is_shown_of_a_document_type_ends_between_characters() {
    for pad in 0..4 {
        let entity = format!("{}{}", "x".repeat(pad), "\u{d55c}".repeat(1000));
        let text = format!("<!DOCTYPE x [<!ENTITY e \"{entity}\">]>{HEAD}{ITEM}</Declaration>");
        let reading = quickly("doctype", text.as_bytes());
        assert!(has(&reading, "doctype"), "{:?}", reading.set_aside);
        assert_eq!(n_rows(&reading), 1);
    }
}

#[test]
fn a_million_levels_are_refused() {
    for open in ["<a>", "<Declaration>", "<PNR>", "<ns:b x='1'>"] {
        let reading = quickly(open, open.repeat(1_000_000).as_bytes());
        assert!(has(&reading, "too_deep") || has(&reading, "no_message"), "{open}: {:?}", reading.set_aside);
    }
    let inside = format!("{HEAD}{}{}{ITEM}</Declaration>", "<a>".repeat(5_000), "</a>".repeat(5_000));
    let reading = quickly("inside", inside.as_bytes());
    assert!(has(&reading, "too_deep"));
}

#[test]
fn a_hundred_megabytes_in_one_piece_are_refused() {
    let long = "x".repeat(100 << 20);
    for (what, bytes) in [
        ("text", format!("{HEAD}<DeclarationOfficeID>{long}</DeclarationOfficeID>{ITEM}</Declaration>")),
        ("attribute", format!("{HEAD}<InvoiceAmount currencyID=\"{long}\">1</InvoiceAmount>{ITEM}</Declaration>")),
        ("name", format!("{HEAD}<{long}/>{ITEM}</Declaration>")),
        ("comment", format!("{HEAD}<!--{long}-->{ITEM}</Declaration>")),
        ("cdata", format!("{HEAD}<DeclarationOfficeID><![CDATA[{long}]]></DeclarationOfficeID>{ITEM}</Declaration>")),
        ("instruction", format!("{HEAD}<?{long}?>{ITEM}</Declaration>")),
        ("dirt", long.clone()),
    ] {
        let began = Instant::now();
        for reading in [read(what, bytes.as_bytes()), read_stream(what, bytes.as_bytes())] {
            is_sound(&reading, what);
            assert!(!reading.set_aside.is_empty(), "{what}: {:?}", reading.warnings);
            assert!(reading.set_aside.iter().all(|unit| unit.reason.len() < 400), "{what}");
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{what} took {:?}", began.elapsed());
    }
    // One text that is a little too long costs itself only.
    let text = "y".repeat(70_000);
    let bytes = format!("{HEAD}<TradeName>{text}</TradeName>{ITEM}</Declaration>");
    let reading = quickly("a little", bytes.as_bytes());
    assert!(has(&reading, "text_too_long") && n_rows(&reading) == 1, "{:?}", reading.set_aside);
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let mut bytes = format!("{HEAD}<Importer><Name>A").into_bytes();
    bytes.extend_from_slice(b"\xFF\xFE\0\x80");
    bytes.extend_from_slice(format!("B</Name></Importer>{ITEM}</Declaration>").as_bytes());
    let reading = quickly("bytes", &bytes);
    assert!(warned(&reading, "charset"));
    let name = rows(&reading, "declaration")[0]["importer_name"].as_str().unwrap().to_owned();
    assert!(name.starts_with('A') && name.ends_with('B'), "{name}");
}

/// Found by fuzzing: the end of what a unit that is cut off stands in, with a prefix before its name.
#[test]
fn an_outer_end_tag_with_a_prefix_ends_what_is_cut_off_in_it() {
    for prefix in ["soap", "\u{fffd}\u{ac00}"] {
        let bytes = format!("<{prefix}:W>{HEAD}<TypeCode>1</{prefix}:W>{HEAD}{ITEM}</Declaration>");
        let reading = quickly("prefix", bytes.as_bytes());
        assert!(has(&reading, "truncated") && n_rows(&reading) == 1, "{:?}", reading.set_aside);
    }
}

#[test]
fn many_small_faults_cost_little() {
    for (what, piece) in [
        ("ends", "</b>"),
        ("tags", "<a <a "),
        ("ampersands", "&&&"),
        ("bangs", "<!x"),
        ("angles", "<<<"),
        ("comments", "<!-- <!-- -->"),
        ("references", "&x;"),
        ("attributes", "<a a='1' a='2' a=3 a/>"),
        ("namespaces", "<a xmlns:b='c'/>"),
        ("escaped", "&lt;a&gt;"),
        ("escaped apart", "&lt;a&gt;<b/>"),
        ("sections", "<![CDATA[<a>]]>"),
        ("open sections", "<![CDATA[<"),
        ("parts", "<GovernmentAgencyGoodsItem>"),
        ("fees", "<DutyTaxFee><TypeCode>CUD</TypeCode></DutyTaxFee>"),
    ] {
        let bytes = format!("{HEAD}{}{ITEM}</Declaration>", piece.repeat(60_000));
        quickly(what, bytes.as_bytes());
        let bytes = format!("<root>{}</root>", piece.repeat(60_000));
        quickly(what, bytes.as_bytes());
    }
    let items =
        "<GovernmentAgencyGoodsItem><SequenceNumeric>7</SequenceNumeric></GovernmentAgencyGoodsItem>".repeat(20_000);
    let reading = quickly("items", format!("{HEAD}<GoodsShipment>{items}</GoodsShipment></Declaration>").as_bytes());
    assert_eq!(n_rows(&reading), 20_000);
    assert!(reading.counts.contains_key("warnings_lost"));
}

/// Faults beyond those that are kept are not counted one by one each time.
#[test]
fn faults_that_are_not_kept_cost_what_tags_do() {
    let took = |piece: &str| {
        let bytes = format!("{HEAD}<TypeCode>{}</TypeCode>{ITEM}</Declaration>", piece.repeat(200_000));
        let began = Instant::now();
        is_sound(&read(piece, bytes.as_bytes()), piece);
        began.elapsed()
    };
    let tags = took("<a/>");
    for piece in ["<!", "</x>", "<x></y>", "&"] {
        let faults = took(piece);
        assert!(faults < tags * 10, "{piece}: {faults:?}, where tags take {tags:?}");
    }
}

/// What is taken as it stands is told, as often as it helps.
#[test]
fn a_lone_ampersand_is_kept_and_told() {
    let named = |name: &str| format!("{HEAD}<Importer><Name>{name}</Name></Importer>{ITEM}</Declaration>");
    let reading = quickly("lone", named("A & B &amp; C&").as_bytes());
    assert_eq!(rows(&reading, "declaration")[0]["importer_name"], "A & B & C&");
    let n_told = |reading: &MessageReading| reading.warnings.iter().filter(|w| w.code == "lone_ampersand").count();
    assert_eq!(n_told(&reading), 2, "{:?}", reading.warnings);
    let many = quickly("many", named(&"& ".repeat(10_000)).as_bytes());
    assert_eq!((n_told(&many), n_rows(&many)), (100, 1));
    assert_eq!(n_told(&quickly("none", named("A &amp; B").as_bytes())), 0);
}

/// What transport put before a document, or behind it, is cut and told, wherever the input is cut.
#[test]
fn a_document_in_mail_or_a_log_is_read() {
    let document = format!("<?xml version=\"1.0\" encoding=\"EUC-KR\"?>\n{HEAD}{ITEM}</Declaration>\n");
    let header = "From: <a@b.example>\r\nSubject: a <declaration>\r\n\r\nDear Sirs & all, see 1 < 2.\r\n\r\n";
    for (before, behind) in [
        ("\u{2}", "\u{3}"),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n", ""),
        ("2027-03-10 09:00:00,123 INFO <main> received: ", ""),
        ("Please find it below\n\n", "\nRegards\n--\nA <a@b.example>\n"),
        (header, "Regards"),
    ] {
        let text = format!("{before}{document}{behind}");
        assert_eq!(xml_support::recognised(text.as_bytes()), Some("govcbr929"), "{text}");
        let reading = quickly(before, text.as_bytes());
        assert_eq!(n_rows(&reading), 1, "{before}: {:?}", reading.set_aside);
        assert!(warned(&reading, "transport_dirt"), "{before}: {:?}", reading.warnings);
        assert!(!warned(&reading, "truncated") && !warned(&reading, "charset"), "{before}: {:?}", reading.warnings);
        let position = rows(&reading, "declaration")[0]["source_position"].as_str().unwrap().to_owned();
        let at = text.find("<GovernmentAgencyGoodsItem").unwrap_or_default();
        assert!(position.starts_with(&format!("byte {at}")), "{position}, not {at}");
    }
}

#[test]
fn every_cut_of_a_sample_is_told() {
    for path in samples() {
        let bytes = std::fs::read(&path).unwrap();
        let whole = n_rows(&read("whole", &bytes));
        let step = bytes.len() / 1500 + 1;
        for cut in (0..bytes.len()).step_by(step) {
            let reading = read("cut.xml", &bytes[..cut]);
            is_sound(&reading, &format!("{} cut at {cut}", path.display()));
            let told = !reading.set_aside.is_empty() || warned(&reading, "truncated");
            let found = n_rows(&reading);
            assert!(found <= whole, "{} cut at {cut}", path.display());
            assert!(told || found == whole, "{} cut at {cut} lost {} rows silently", path.display(), whole - found);
        }
    }
}

#[test]
fn damaged_messages_never_panic_and_never_fall_silent() {
    let originals = samples().iter().map(|path| std::fs::read(path).unwrap()).collect();
    let mut mutator = Mutator::new(originals, 20_270_314);
    for path in samples() {
        let original = std::fs::read(&path).unwrap();
        for _ in 0..25 {
            let bytes = mutator.damaged(&original);
            let reading = read("mutated.xml", &bytes);
            is_sound(&reading, &path.display().to_string());
            let streamed = read_stream("mutated.xml", &bytes);
            assert_eq!(n_rows(&streamed), n_rows(&reading), "{}", path.display());
        }
    }
}

#[test]
fn any_bytes_are_survived() {
    let mut random = Random(7);
    for _ in 0..400 {
        let mut bytes: Vec<u8> = (0..random.below(300)).map(|_| random.below(256) as u8).collect();
        let head: &[u8] =
            [&b""[..], b"<Declaration>", b"<Awmds><Bol_segment>", b"<PNR>", b"\xFF\xFE<", b"<ASYCUDA><Item>"]
                [random.below(6)];
        bytes.splice(0..0, head.iter().copied());
        is_sound(&read("random.xml", &bytes), "random");
        is_sound(&read_stream("random.xml", &bytes), "random");
    }
}

/// One bad item does not cost the declaration, one bad bill not the manifest.
#[test]
fn siblings_of_a_broken_part_are_read() {
    let path = messages().join("korea/govcbr929_import_3_items.xml");
    let text = std::fs::read_to_string(path).unwrap();
    let broken = text.replacen("<wco:Name>HAECHI RUN</wco:Name>", "<wco:Name>HAECHI RUN</wco:Nam>", 1);
    let reading = quickly("item", broken.as_bytes());
    assert_eq!((n_rows(&reading), reading.set_aside.len()), (2, 1), "{:?}", reading.set_aside);
    assert!(reading.set_aside[0].reason.contains("GovernmentAgencyGoodsItem[1]"), "{}", reading.set_aside[0].reason);
    assert!(reading.set_aside[0].reason.contains("line 116"), "{}", reading.set_aside[0].reason);
    let text = std::fs::read_to_string(messages().join("synthetic/awmds_manifest.xml")).unwrap();
    let broken = text.replacen("</Bol_id>", "</Bol_idd>", 1);
    let reading = quickly("bill", broken.as_bytes());
    assert_eq!((n_rows(&reading), reading.set_aside.len()), (1, 1), "{:?}", reading.set_aside);
    assert_eq!(count(&reading, "consignments"), 1);
}

/// Several messages one behind the other, each with its own XML declaration, or in one root.
#[test]
fn several_messages_in_one_document_are_all_read() {
    let text = std::fs::read_to_string(messages().join("korea/govcbr929_import_3_items.xml")).unwrap();
    let reading = quickly("one behind the other", text.repeat(3).as_bytes());
    assert_eq!(n_rows(&reading), 9);
    let bare = text.split_once("?>").unwrap().1;
    let reading = quickly("in one root", format!("<All>{}</All>", bare.repeat(4)).as_bytes());
    assert_eq!(n_rows(&reading), 12);
}

/// Every bill is named after its manifest: a name of 60 KB in each of many short bills would fill the memory.
#[test]
fn the_name_of_a_manifest_is_cut_in_its_bills_too() {
    let long = "x".repeat(60_000);
    let bills = "<Bol_segment><Bol_id><Bol_reference>B</Bol_reference></Bol_id></Bol_segment>".repeat(2_000);
    for text in [
        format!(
            "<Awmds><General_segment><General_segment_id><Customs_office_code>{long}</Customs_office_code>\
             </General_segment_id></General_segment>{bills}</Awmds>"
        ),
        format!(
            "<Awbolds><Master_bol><Customs_office_code>{long}</Customs_office_code><Reference_number>{long}\
             </Reference_number></Master_bol>{bills}</Awbolds>"
        ),
    ] {
        let reading = quickly("a long name", text.as_bytes());
        assert!(warned(&reading, "value_cut"), "{:?}", reading.warnings);
        let ids = rows(&reading, "consignment");
        assert_eq!(ids.len(), 2_000);
        for column in ["consignment_id", "master_bill_id"] {
            assert!(ids.iter().all(|row| row[column].as_str().unwrap_or_default().len() < 1_000), "{column}");
        }
    }
}
