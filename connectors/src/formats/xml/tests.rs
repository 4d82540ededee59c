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

/// What a handler is told of a document that is read as a stream, and of one in memory: both the same.
fn scanned(document: &str) -> Vec<String> {
    #[derive(Default)]
    struct Told(Vec<String>);
    impl Handler for Told {
        fn begins(&mut self, local: &str, namespace: &str, _: &str, path: &[String]) -> Option<Kind> {
            kind::of(local, namespace, path)
        }
        fn unit(&mut self, unit: &Unit<'_>) {
            let faults: Vec<_> = unit.faults.iter().map(|fault| (fault.code, fault.reason)).collect();
            let texts: Vec<_> = unit.element.descendants().map(Element::text).filter(|text| text.len() < 100).collect();
            let (namespace, text) = (unit.namespace, unit.element.text());
            self.0.push(format!("{namespace}{text} {:?} {faults:?}", texts.iter().take(3).collect::<Vec<_>>()));
        }
        fn outside(&mut self, code: &'static str, _: Place, _: &'static str, _: &str) {
            self.0.push(code.to_owned());
        }
    }
    let (mut whole, mut streamed) = (Told::default(), Told::default());
    scan::scan(&mut Input::whole(document.as_bytes()), &mut whole).unwrap();
    scan::scan(&mut Input::stream(document.as_bytes()).unwrap(), &mut streamed).unwrap();
    assert_eq!(whole.0, streamed.0);
    whole.0
}

#[test]
fn byte_order_marks_in_the_middle_move_nothing() {
    for marks in ["", "\u{feff}", "\u{feff}\u{feff}", "\u{feff}\u{feff}\u{feff}"] {
        let told = scanned(&format!("<R><PNR>A</PNR>&{marks}한글a<!DOCTYPE x [<!ENTITY a 'b'>]><PNR>B</PNR></R>"));
        assert_eq!(told, ["A [] []", "doctype", "B [] []"], "{}", marks.len());
    }
}

#[test]
fn what_was_read_of_a_stream_is_let_go() {
    let filler = format!("<x>{}</x>", "y".repeat(1000)).repeat(1000);
    let told = scanned(&format!("<R><PNR>A<b>1</b></PNR>{filler}<PNR>B<b>2</b></PNR></R>"));
    assert_eq!(told, ["A [\"1\"] []", "B [\"2\"] []"]);
}

#[test]
fn texts_in_many_pieces_do_not_fill_the_memory() {
    let pieces = |n: usize| "x<b>&amp;</b>".repeat(n);
    let few = scanned(&format!("<R><PNR>{}</PNR></R>", pieces(3)));
    assert_eq!(few, ["xxx [\"&\", \"&\", \"&\"] []"]);
    // Copied for each piece these would be gigabytes.
    let told = scanned(&format!("<R><PNR>{}</PNR></R>", pieces(70_000)));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with(" [") && told[0].contains("cut by elements too often"), "{}", &told[0][..200]);
}

#[test]
fn of_a_text_that_is_too_long_nothing_is_kept() {
    let told = scanned(&format!("<R><PNR>{}&amp;rest</PNR></R>", "y".repeat(65 * 1024)));
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with(" [] [(\"text_too_long\""), "{}", told[0]);
}

#[test]
fn prefixes_are_not_remembered_without_end() {
    let many = |of: usize| (0..99).map(|n| format!(" xmlns:p{of}x{n}='u'")).collect::<String>();
    let late = "<q:PNR xmlns:q='late:'>A</q:PNR>";
    assert_eq!(scanned(&format!("<R><a{}>{late}</a></R>", many(0))), ["late:A [] []"]);
    // Each element would look through all of them.
    let open: String = (0..60).map(|of| format!("<a{}>", many(of))).collect();
    assert_eq!(scanned(&format!("<R>{open}{late}")), ["A [] []", "truncated"]);
}

#[test]
fn a_booking_has_no_more_parts_than_can_be_looked_through() {
    let read = |passengers: usize, flights: usize, contacts: usize| {
        let flight = "<DepartureAirport LocationCode='ICN'/><ArrivalAirport LocationCode='NRT'/>";
        let leg = format!("<Flight CarrierCode='ZZ' FlightNumber='421'>{flight}</Flight>");
        let text = format!(
            "<R><FlightLeg CarrierCode='ZZ' FlightNumber='421' DepartureDateTime='2027-03-01T12:00:00'>{flight}\
             </FlightLeg><PNR><BookingRefID ID='A'/>{}{}{}</PNR><PNR><Passenger><Surname>KIM</Surname></Passenger></PNR></R>",
            "<Passenger><Surname>LEE</Surname></Passenger>".repeat(passengers),
            leg.repeat(flights),
            (0..contacts).map(|n| format!("<ContactInfo PhoneNumber='H555{n:06}'/>")).collect::<String>(),
        );
        let input = MessageInput { source: "a.xml", bytes: text.as_bytes(), options: &ReadOptions::default() };
        let found = read(input);
        let rows: usize = found.records.iter().map(|(_, batch)| batch.num_rows()).sum();
        let codes: Vec<_> = found.set_aside.iter().map(|unit| unit.code).collect();
        let cut = found.warnings.iter().filter(|warning| warning.code == "value_cut").count();
        (rows, codes, cut)
    };
    assert_eq!(read(1000, 2, 3), (1001, vec![], 0));
    assert_eq!(read(1001, 2, 3), (1, vec!["too_many_items"], 0));
    assert_eq!(read(2, 1001, 3), (1, vec!["too_many_items"], 0));
    // What is kept of contacts is told.
    assert_eq!(read(2, 1, 50), (3, vec![], 0));
    assert_eq!(read(2, 1, 100_000), (3, vec![], 2));
}

#[test]
fn names_lose_titles_and_mail_its_letter() {
    use crate::formats::edifact::tests::column;
    let person = |given: &str, surname: &str, more: &str| {
        format!("<Passenger><GivenName>{given}</GivenName><Surname>{surname}</Surname>{more}</Passenger>")
    };
    let text = format!(
        "<R><FlightLeg CarrierCode='ZZ' FlightNumber='421' DepartureDateTime='2027-03-01T12:00:00'>\
         <DepartureAirport LocationCode='ICN'/></FlightLeg><PNR>{}{}{}{}{}</PNR></R>",
        person("ARA MS", "KIM", "<ContactInfo PhoneNumber='Eara@x.example'/>"),
        person("MARUMR", "KIM MR", "<DOCS><GivenName>MARU</GivenName></DOCS>"),
        person("YASIR", "AMR", "<DOCS><GivenName>YASIR</GivenName></DOCS>"),
        person("MR", "LEE", "<ContactInfo PhoneNumber='EVE@X.EXAMPLE'/>"),
        person("SUMR", "LEE", "<ContactInfo PhoneNumber='E:EVE@X.EXAMPLE'/>"),
    );
    let read = read(MessageInput { source: "a.xml", bytes: text.as_bytes(), options: &ReadOptions::default() });
    assert_eq!(column(&read, "traveller", "given_names"), ["ARA", "MARU", "YASIR", "", "SUMR"]);
    assert_eq!(column(&read, "traveller", "surname"), ["KIM", "KIM", "AMR", "LEE", "LEE"]);
    assert_eq!(column(&read, "traveller", "emails"), ["ara@x.example", "", "", "eve@x.example", "eve@x.example"]);
}

#[test]
fn items_of_an_entry_summary_declaration_are_not_looked_through_for_each() {
    let items: String = (0..20_000).map(|n| format!("<GOOITEGDS><IteNumGDS7>{n}</IteNumGDS7></GOOITEGDS>")).collect();
    let text = format!(
        "<CC315A><HEAHEA><RefNumHEA4>1</RefNumHEA4></HEAHEA>{items}\
         <NOTPAR670><NamNOTPAR672>HAECHI TEST</NamNOTPAR672></NOTPAR670></CC315A>"
    );
    let begun = std::time::Instant::now();
    let read = read(MessageInput { source: "a.xml", bytes: text.as_bytes(), options: &ReadOptions::default() });
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    let names = crate::formats::edifact::tests::column(&read, "consignment", "notify_name");
    assert!(names.len() == 20_000 && names.iter().all(|name| name == "HAECHI TEST"));
}
