use super::*;

#[test]
fn every_format_has_its_page() {
    for format in FORMATS {
        assert!(pages::page(format.name).is_some_and(|page| page.len() > 500), "{}", format.name);
    }
}

/// The pages in `connectors/pages` are those that the tables give. `HAECHI_WRITE_PAGES=1` writes them.
#[test]
fn pages_are_current() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pages");
    for format in FORMATS {
        let path = folder.join(format!("{}.md", format.name));
        let page = pages::page(format.name).unwrap();
        if std::env::var_os("HAECHI_WRITE_PAGES").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &page).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, page, "{}: write it anew with HAECHI_WRITE_PAGES=1", path.display());
    }
}

#[test]
fn heads_are_recognised_by_content() {
    for (head, expected) in [
        (&b"<?xml version='1.0'?><a:Declaration xmlns:a='urn:KCS_DeclarationOfIMP_929:1:0'>"[..], Some(korea::IMPORT)),
        (b"<Declaration xmlns='urn:KCS_DeclarationOfEXP_830SchemaModule:1:0'>", Some(korea::EXPORT)),
        (b"<x:Envelope><MetaData><WCOTypeName>RES</WCOTypeName><Response>", Some(wco::RESPONSE)),
        (b"<MetaData><WCOTypeName>DEC</WCOTypeName><Declaration><GoodsShipment>", Some(wco::DECLARATION)),
        (b"<!-- a --><Declaration><ID>1</ID>", Some(wco::DECLARATION)),
        (b"<DeclarationStatusResponse><Declaration>", None),
        (b"<outcomeResponse><response><cc3:CC328A>", Some(ens::ANSWER)),
        (b"<ie:CC313A xmlns:ie='http://ics.dgtaxud.ec/CC313A'>", Some(ens::NAME)),
        (b"<ASYCUDA><Property>", Some(asycuda::NAME)),
        (b"<Awmds><General_segment>", Some(awmds::NAME)),
        (b"<ns2:Waybill xmlns:ns2='iata:waybill:1'>", Some(cargo::WAYBILL)),
        (b"<ns2:HouseWaybill>", Some(cargo::HOUSE)),
        (b"<ns2:FlightManifest>", Some(cargo::MANIFEST)),
        (b"<National><Push><PNR>", Some(pnrgov::NAME)),
        (b"<html><body>", None),
        (b"UNB+UNOA:4+<Declaration>", None),
        (b"", None),
    ] {
        let found = FORMATS.iter().find(|format| (format.recognise)(head)).map(|format| format.name);
        assert_eq!(found, expected, "{}", head.escape_ascii());
    }
    let utf16: Vec<u8> = "<Awmds><Bol_segment>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!((FORMATS.iter().find(|f| f.name == awmds::NAME).unwrap().recognise)(&utf16));
}

#[test]
fn an_entry_declaration_without_goods_is_set_aside() {
    let text = "<CC315A><MesIdeMES19>M1</MesIdeMES19><HEAHEA><RefNumHEA4>L1</RefNumHEA4></HEAHEA></CC315A>";
    let options = ReadOptions::default();
    let reading = read(MessageInput { source: "ens", bytes: text.as_bytes(), options: &options });
    let codes: Vec<_> = reading.set_aside.iter().map(|unit| unit.code).collect();
    assert_eq!((codes, reading.records.len()), (vec!["no_item"], 0));
    assert!(reading.set_aside[0].reason.contains("GOOITEGDS"), "{}", reading.set_aside[0].reason);
}
