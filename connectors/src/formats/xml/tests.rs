use super::*;
use crate::formats::edifact::tests::column;

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

/// What is read of a document, whole and as a stream, which must be the same.
fn read_both(bytes: &[u8]) -> MessageReading {
    let options = ReadOptions::default();
    let whole = read(MessageInput { source: "s", bytes, options: &options });
    let mut n_rows = 0;
    let mut bytes = bytes;
    stream("s", &mut bytes, &options, &mut |reading| n_rows += rows(&reading)).unwrap();
    assert_eq!(n_rows, rows(&whole), "as a stream");
    whole
}

fn rows(reading: &MessageReading) -> usize {
    reading.records.iter().map(|(_, batch)| batch.num_rows()).sum()
}

fn codes(reading: &MessageReading) -> (Vec<&str>, Vec<&str>) {
    let warnings = reading.warnings.iter().map(|warning| warning.code);
    (warnings.collect(), reading.set_aside.iter().map(|unit| unit.code).collect())
}

/// An import with items of these numbers.
fn import(number: &str, items: &[&str]) -> String {
    let items = items
        .iter()
        .map(|n| {
            format!(
                "<GovernmentAgencyGoodsItem><SequenceNumeric>{n}</SequenceNumeric><Commodity><Description>\u{ac00}\
                 </Description></Commodity></GovernmentAgencyGoodsItem>"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<?xml version='1.0' encoding='UTF-8'?>\n<Declaration \
         xmlns='urn:kr:gov:kcs:data:standard:KCS_DeclarationOfIMP_929SchemaModule:1:0'><ID>{number}</ID>\
         <DeclarationOfficeID>03010</DeclarationOfficeID><IssueDateTime>20270302</IssueDateTime><GoodsShipment>{items}\
         </GoodsShipment></Declaration>"
    )
}

#[test]
fn a_document_that_an_envelope_holds_as_text_is_read() {
    let inner = import("9990127000123M", &["1", "2"]);
    let escaped = inner.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let soap = |body: &str| {
        format!(
            "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><x>{body}</x></s:Body></s:Envelope>"
        )
    };
    for document in [
        soap(&inner),
        soap(&format!("<![CDATA[{inner}]]>")),
        soap(&format!("\n <![CDATA[\n{inner}\n]]>\n")),
        soap(&format!("<![CDATA[<!-- made by X -->{inner}]]>")),
        soap(&format!("<![CDATA[<?app x?>{inner}]]>")),
        soap(&escaped),
        soap(&format!("\n{escaped}\n")),
        // Longer than a section may be.
        soap(&format!(
            "<![CDATA[{}]]>",
            inner.replace("<GoodsShipment>", &format!("{}<GoodsShipment>", " ".repeat(2 << 20)))
        )),
    ] {
        let shown = &document[..200];
        let found = FORMATS.iter().find(|format| (format.recognise)(document.as_bytes())).map(|format| format.name);
        assert_eq!(found, Some(korea::IMPORT), "{shown}");
        let reading = read_both(document.as_bytes());
        assert_eq!(column(&reading, "declaration", "item_no"), ["1", "2"], "{shown}");
        assert_eq!(codes(&reading).1, Vec::<&str>::new(), "{shown}");
    }
    // Text of an envelope that only looks like a tag.
    let reading = read_both(soap(&format!("a &lt; b</x>{inner}<x>")).as_bytes());
    assert_eq!(codes(&reading), (vec!["day_only"], vec![]));
    let reading = read_both(soap(&format!("<![CDATA[<-- see below]]></x>{inner}<x>")).as_bytes());
    assert_eq!((codes(&reading).1, column(&reading, "declaration", "item_no").len()), (vec![], 2));
}

#[test]
fn what_does_not_end_costs_nothing_of_what_comes_next() {
    let whole = import("9990127000123M", &["1", "2", "3"]);
    let end = "</GovernmentAgencyGoodsItem>";
    let unended = whole.replacen(end, "", 1);
    let reading = read_both(unended.as_bytes());
    assert_eq!(column(&reading, "declaration", "item_no"), ["2", "3"]);
    assert_eq!(codes(&reading).1, ["not_well_formed"]);

    let cut = &whole[..whole.find(end).unwrap()];
    let reading = read_both(format!("{cut}{}", import("9990127000124M", &["1", "2"])).as_bytes());
    assert_eq!(column(&reading, "declaration", "declaration_id"), ["9990127000124M", "9990127000124M"]);
    assert_eq!(codes(&reading).1, ["truncated"]);

    let bill = |n: u32| format!("<Bol_segment><Bol_id><Bol_reference>B{n}</Bol_reference></Bol_id>");
    let manifest = format!("<Awmds>{}{}</Bol_segment>{}</Bol_segment></Awmds>", bill(1), bill(2), bill(3));
    let reading = read_both(manifest.as_bytes());
    assert_eq!(column(&reading, "consignment", "house_bill_id"), ["B2", "B3"]);
    assert_eq!(codes(&reading).1, ["truncated"]);
}

#[test]
fn after_very_many_faults_no_item_passes_as_whole() {
    let items: Vec<String> = (1..=1200).map(|n| n.to_string()).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let odd = import("9990127000123M", &items);
    let nonsense = odd.replace("<Description>", "&nbsp;<Description>");
    assert_eq!(rows(&read_both(nonsense.as_bytes())), 1200, "entities break nothing");
    let broken = odd.replace("</Description>", "</Descripton>").replacen("</Descripton>", "</Description>", 1);
    let reading = read_both(broken.as_bytes());
    assert!(rows(&reading) <= 1, "{}", rows(&reading));
}

#[test]
fn what_says_another_encoding_than_it_has_is_told() {
    let text = import("9990127000123M", &["1"]);
    let (korean, ..) = encoding_rs::EUC_KR.encode(&text);
    for bytes in [korean.into_owned(), text.replace("UTF-8", "EUC-KR").into_bytes()] {
        let reading = read_both(&bytes);
        assert_eq!(column(&reading, "declaration", "description"), ["\u{ac00}"]);
        assert_eq!(codes(&reading).0, ["day_only", "charset"]);
    }
    let twice = format!("\u{feff}\u{feff}{text}");
    assert!((FORMATS[0].recognise)(twice.as_bytes()));
    assert_eq!(rows(&read_both(twice.as_bytes())), 1);
}

/// A declaration of the WCO Data Model, with this in its shipment and its item.
fn wco_declaration(reference: &str, shipment: &str, item: &str) -> String {
    format!(
        "<Declaration xmlns='urn:wco:datamodel:WCO:DEC-DMS:2'><AcceptanceDateTime><DateTimeString formatCode='2'>020327\
         </DateTimeString></AcceptanceDateTime><FunctionalReferenceID>{reference}</FunctionalReferenceID>\
         <TypeCode>IMA</TypeCode><GoodsShipment>{shipment}<GovernmentAgencyGoodsItem>\
         <SequenceNumeric>1</SequenceNumeric>{item}</GovernmentAgencyGoodsItem></GoodsShipment></Declaration>"
    )
}

#[test]
fn countries_and_earlier_declarations_of_an_item_stand_beside_those_of_the_shipment() {
    let document = |kind: &str, number: &str| {
        format!("<PreviousDocument><ID>{number}</ID><TypeCode>{kind}</TypeCode></PreviousDocument>")
    };
    let shipment = "<ExportCountry><ID>FR</ID></ExportCountry><Destination><CountryCode>GB</CountryCode></Destination>"
        .to_owned()
        + &document("MRN", "27GB1")
        + &document("705", "BL1");
    let item = "<Destination><CountryCode>IE</CountryCode></Destination>".to_owned() + &document("CLE", "27GB2");
    for (item, to, prior) in [(item.as_str(), "IE", "27GB1|27GB2"), ("", "GB", "27GB1")] {
        let reading = read_both(wco_declaration("R1", &shipment, item).as_bytes());
        let of = |name| column(&reading, "declaration", name).concat();
        assert_eq!((of("departure_country"), of("destination_country")), ("FR".to_owned(), to.to_owned()));
        assert_eq!(of("prior_declaration_ids"), prior);
        assert_eq!(of("declared_at"), "2027-03-02T00:00:00Z");
    }
}

#[test]
fn what_is_wrong_with_one_declaration_is_not_held_against_another() {
    let (first, second) = (wco_declaration("R1", "", ""), wco_declaration("R2", "", "<x></y>"));
    let reading = read_both(format!("<MetaData>{first}{second}</MetaData>").as_bytes());
    assert_eq!(column(&reading, "declaration", "declaration_id"), [":R1"]);
    assert_eq!(codes(&reading).1, ["not_well_formed"]);
    // That it breaks off is told behind whatever else is wrong.
    let junk = "<Jn>&nbsp;</Jn>".repeat(40);
    let cut = read_both(format!("<MetaData>{first}{junk}<A").as_bytes());
    assert!(codes(&cut).0.contains(&"truncated"), "{:?}", codes(&cut));
}

#[test]
fn an_entry_summary_declaration_has_items_of_different_numbers() {
    let declaration = |items: &str| {
        format!(
            "<CC315A><MesSenMES3>S</MesSenMES3><DatOfPreMES9>20270302</DatOfPreMES9><TimOfPreMES10>930</TimOfPreMES10>\
             <HEAHEA><RefNumHEA4>R</RefNumHEA4><TotGroMasHEA307>5</TotGroMasHEA307></HEAHEA>{items}</CC315A>"
        )
    };
    let item = |n: &str| format!("<GOOITEGDS><IteNumGDS7>{n}</IteNumGDS7></GOOITEGDS>");
    let items: String = ["1", "1", "0", "2"].map(item).concat();
    let reading = read_both(declaration(&items).as_bytes());
    // What replaces a number is no other item's.
    assert_eq!(column(&reading, "consignment", "line_no"), ["1", "3", "4", "2"]);
    assert_eq!(column(&reading, "consignment", "consignment_id"), ["S:R/1", "S:R/3", "S:R/4", "S:R/2"]);
    assert_eq!(column(&reading, "consignment", "message_issued_at")[0], "2027-03-02T09:30:00Z");
    assert_eq!(codes(&reading).0.iter().filter(|code| **code == "total_mismatch").count(), 0);
    assert_eq!(codes(&read_both(declaration("").as_bytes())).1, ["no_item"]);
}

#[test]
fn an_event_of_no_known_kind_keeps_its_whole_name() {
    let answer = "<cargCsclPrgsInfoQryRtnVo><cargCsclPrgsInfoQryVo><cargMtNo>27ZZLX0001I00010001</cargMtNo>\
        <mblNo>M</mblNo></cargCsclPrgsInfoQryVo><tCnt>1</tCnt><cargCsclPrgsInfoDtlQryVo><cargTrcnRelaBsopTpcd>\
        하기결과 이상보고 접수완료</cargTrcnRelaBsopTpcd><prcsDttm>20270302071500</prcsDttm></cargCsclPrgsInfoDtlQryVo>\
        <cargCsclPrgsInfoDtlQryVo><cargTrcnRelaBsopTpcd>반입신고</cargTrcnRelaBsopTpcd><prcsDttm>20270302081500\
        </prcsDttm></cargCsclPrgsInfoDtlQryVo></cargCsclPrgsInfoQryRtnVo>";
    let reading = read_both(answer.as_bytes());
    assert_eq!(column(&reading, "cargo_event", "event_kind"), ["하기결과 이상보고 접수완료", "carried_in"]);
    assert!(!codes(&reading).0.contains(&"item_count"), "one cargo is what it counts");
    let unended = answer.replacen("</cargCsclPrgsInfoDtlQryVo>", "", 1);
    assert_eq!(column(&read_both(unended.as_bytes()), "cargo_event", "event_kind"), ["carried_in"]);
}

#[test]
fn days_of_a_manifest_come_in_every_form() {
    for (day, time) in [
        ("2027-03-02", "06:00"),
        ("3/2/27", "06:00"),
        ("2027-03-02T00:00:00", "06:00:00"),
        ("20270302", "6:00"),
        ("2027-03-02T06:00:00", ""),
    ] {
        let manifest = format!(
            "<Awmds><General_segment><General_segment_id><Customs_office_code>X</Customs_office_code><Date_of_arrival>\
             {day}</Date_of_arrival><Time_of_arrival>{time}</Time_of_arrival></General_segment_id></General_segment>\
             <Bol_segment><Bol_id><Bol_reference>B1</Bol_reference></Bol_id></Bol_segment></Awmds>"
        );
        let reading = read_both(manifest.as_bytes());
        assert_eq!(column(&reading, "consignment", "arrival_expected_at"), ["2027-03-02T06:00:00Z"], "{day} {time}");
    }
}

#[test]
fn a_currency_by_its_name() {
    for (sent, expected, odd) in [
        ("USD", "USD", false),
        ("840", "USD", false),
        ("US Dollar", "USD", false),
        ("Euro", "EUR", false),
        ("U.S. Dollar", "USD", false),
        ("Aus Dollar", "AUS DOLLAR", true),
        ("Pa'anga", "PA'ANGA", true),
    ] {
        let declaration = format!(
            "<ASYCUDA><Declarant><Reference><Number>1</Number></Reference></Declarant><Valuation><Gs_Invoice>\
             <Currency_code>{sent}</Currency_code></Gs_Invoice></Valuation><Item/></ASYCUDA>"
        );
        let reading = read_both(declaration.as_bytes());
        assert_eq!(column(&reading, "declaration", "currency"), [expected]);
        assert_eq!(codes(&reading).0.contains(&"unknown_code"), odd, "{sent}");
    }
}

#[test]
fn who_pays_imports_where_nobody_else_does() {
    let with = |parties: &str| {
        import("9990127000123M", &["1"]).replace("<GoodsShipment>", &format!("{parties}<GoodsShipment>"))
    };
    let payer =
        "<Payer><ID schemeAgencyID='KTS'>99</ID><ID schemeAgencyID='ZZZ'>P000000000001</ID><Name>N</Name></Payer>";
    for (parties, number, name) in [
        (payer.to_owned(), "P000000000001", "N"),
        (format!("{payer}<Importer><ID>I</ID><Name>M</Name></Importer>"), "I", "M"),
    ] {
        let reading = read_both(with(&parties).as_bytes());
        let of = |column_name| column(&reading, "declaration", column_name).concat();
        assert_eq!((of("importer_id"), of("importer_name")), (number.to_owned(), name.to_owned()));
    }
}

#[test]
fn the_fill_of_a_container_is_known_or_told() {
    for (status, expected, odd) in
        [("FCL", "full", false), ("fcl", "full", false), ("Mty", "empty", false), ("Q", "", true)]
    {
        let manifest = format!(
            "<Awmds><Bol_segment><Bol_id><Bol_reference>B1</Bol_reference></Bol_id><ctn_segment><Ctn_reference>\
             ZZZU0000010</Ctn_reference><Status>{status}</Status></ctn_segment></Bol_segment></Awmds>"
        );
        let reading = read_both(manifest.as_bytes());
        let batch = &reading.records[0].1;
        let shown = arrow::util::display::array_value_to_string(batch.column_by_name("containers").unwrap(), 0);
        let containers = shown.unwrap();
        assert_eq!(containers.contains("full"), expected == "full", "{containers}");
        assert_eq!(containers.contains("empty"), expected == "empty", "{containers}");
        assert_eq!(codes(&reading).0.contains(&"unknown_code"), odd, "{status}");
    }
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
    scan::scan(&mut Input::whole(document.as_bytes(), None), &mut whole).unwrap();
    scan::scan(&mut Input::stream(document.as_bytes(), None).unwrap(), &mut streamed).unwrap();
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
    let many = |of: usize| (0..99).map(|n| format!(" xmlns:p{of}x{n}='u'")).collect::<Vec<_>>().concat();
    let late = "<q:PNR xmlns:q='late:'>A</q:PNR>";
    assert_eq!(scanned(&format!("<R><a{}>{late}</a></R>", many(0))), ["late:A [] []"]);
    // Each element would look through all of them.
    let open = (0..60).map(|of| format!("<a{}>", many(of))).collect::<Vec<_>>().concat();
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
            (0..contacts).map(|n| format!("<ContactInfo PhoneNumber='H555{n:06}'/>")).collect::<Vec<_>>().concat(),
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
         <DepartureAirport LocationCode='ICN'/></FlightLeg><PNR>{}{}{}{}{}{}{}</PNR></R>",
        person("ARA MS", "KIM", "<ContactInfo PhoneNumber='Eara@x.example'/>"),
        person("MARUMR", "KIM MR", "<DOCS><GivenName>MARU</GivenName></DOCS>"),
        person("YASIR", "AMR", "<DOCS><GivenName>YASIR</GivenName></DOCS>"),
        person("MR", "LEE", "<ContactInfo PhoneNumber='EEVE@X.EXAMPLE'/>"),
        person("SUMR", "LEE", "<ContactInfo PhoneNumber='E:EVE@X.EXAMPLE'/>"),
        person("EMMA", "LEE", "<ContactInfo Email='Emma@x.example'/>"),
        person(
            "BO",
            "LEE",
            "<ContactInfo PhoneNumber='EBO.LEE@X.EXAMPLE'/><ContactInfo PhoneNumber='EBO..LEE//X.EXAMPLE'/>\
             <ContactInfo Email='ELSE//X.EXAMPLE'/>",
        ),
    );
    let read = read(MessageInput { source: "a.xml", bytes: text.as_bytes(), options: &ReadOptions::default() });
    assert_eq!(column(&read, "traveller", "given_names"), ["ARA", "MARU", "YASIR", "", "SUMR", "EMMA", "BO"]);
    assert_eq!(column(&read, "traveller", "surname"), ["KIM", "KIM", "AMR", "LEE", "LEE", "LEE", "LEE"]);
    let several = "bo.lee@x.example|bo_lee@x.example|else@x.example";
    let emails = ["ara@x.example", "", "", "eve@x.example", "eve@x.example", "emma@x.example", several];
    assert_eq!(column(&read, "traveller", "emails"), emails);
}

/// A push of ZZ421 with these attributes, and the bookings in it.
fn push(attributes: &str, bookings: &str) -> String {
    format!(
        "<IATA_PNRGOV_NotifRQ Version='13.1' {attributes}><FlightLeg CarrierCode='ZZ' FlightNumber='421' \
         DepartureDateTime='2027-03-01T12:00:00'><DepartureAirport LocationCode='ICN'/></FlightLeg>{bookings}\
         </IATA_PNRGOV_NotifRQ>"
    )
}

const BOOKING: &str = "<PNR><BookingRefID ID='AAAAAA'><CompanyName Code='ZZ'/></BookingRefID>\
                       <Passenger><GivenName>ARA</GivenName><Surname>KIM</Surname></Passenger></PNR>";

#[test]
fn a_push_of_bookings_says_how_many_it_holds() {
    let said = |attributes: &str, n: &str| {
        let list = format!("<PNRs NumberOfPnrs='{n}'>{BOOKING}</PNRs>");
        let read = read_both(push(attributes, &list).as_bytes());
        read.warnings.iter().map(|warning| format!("{} {}", warning.code, warning.text)).collect::<Vec<_>>()
    };
    assert_eq!(said("", "7"), ["item_count says 7, 1 are listed"]);
    assert_eq!([said("", "1"), said("", "")], [[""; 0]; 2]);
    // The others are in other documents.
    assert_eq!([said("SequenceNmbr='2'", "7"), said("TransactionStatusCode='Start'", "7")], [[""; 0]; 2]);
    // What is cut off holds fewer, and is told for that.
    let cut = push("", &format!("<PNRs NumberOfPnrs='7'>{BOOKING}<PNR><Passenger>"));
    assert!(!codes(&read_both(cut.split("</IATA").next().unwrap().as_bytes())).0.contains(&"item_count"));
    // Each push of a batch by itself.
    let two = [
        push("", &format!("<PNRs NumberOfPnrs='1'>{BOOKING}</PNRs>")),
        push("", &format!("<PNRs NumberOfPnrs='2'>{BOOKING}</PNRs>")),
    ];
    let read = read_both(format!("<Batch>{}</Batch>", two.concat()).as_bytes());
    assert_eq!((rows(&read), codes(&read).0), (2, vec!["item_count"]));
}

#[test]
fn the_version_of_a_push_is_known_whatever_stands_around_it() {
    use crate::formats::edifact::tests::column;
    for (before, behind) in
        [("", ""), ("<s:Envelope xmlns:s='x'><s:Body>", "</s:Body></s:Envelope>"), ("<Batch>", "</Batch>")]
    {
        let read = read_both(format!("{before}{}{behind}", push("", BOOKING)).as_bytes());
        assert_eq!(column(&read, "traveller", "message_version"), ["13.1"], "{before}");
    }
}

#[test]
fn a_booking_that_is_nothing_but_its_locator_is_cancelled() {
    use crate::formats::edifact::tests::column;
    let reference = "<BookingRefID ID='BBBBBB'><CompanyName Code='ZZ'/></BookingRefID>";
    let leg = "<Flight><DepartureAirport LocationCode='ICN'/></Flight>";
    let all = format!("{BOOKING}<PNR>{reference}</PNR><PNR>{reference}{leg}</PNR><PNR></PNR>");
    let read = read_both(push("", &all).as_bytes());
    assert_eq!(column(&read, "traveller", "locator"), ["AAAAAA", "BBBBBB"]);
    assert_eq!(column(&read, "traveller", "state"), ["booked", "cancelled"]);
    assert_eq!(column(&read, "traveller", "change_kind"), ["new", "cancel"]);
    assert_eq!(codes(&read), (vec!["missing_value"; 0], vec!["no_identity", "no_identity"]));
}

#[test]
fn who_has_no_name_of_his_own_has_that_of_his_document() {
    use crate::formats::edifact::tests::column;
    let passenger = |docs: &str| format!("<Passenger><DOC_SSR SSR_Code='DOCS'><DOCS {docs}/></DOC_SSR></Passenger>");
    let shown = passenger("TravelDocNbr='M1' Surname='LEE' FirstGivenName='ARA'");
    let all = format!("<PNR>{shown}{}{}</PNR>", passenger("TravelDocNbr='M2'"), passenger("Gender='F'"));
    let read = read_both(push("", &all).as_bytes());
    assert_eq!(column(&read, "traveller", "surname"), ["LEE", ""]);
    assert_eq!(column(&read, "traveller", "given_names"), ["ARA", ""]);
    assert_eq!(column(&read, "traveller", "document_no"), ["M1", "M2"]);
    assert_eq!(codes(&read).1, ["no_identity"]);
}

#[test]
fn items_of_an_entry_summary_declaration_are_not_looked_through_for_each() {
    let items = (0..20_000)
        .map(|n| format!("<GOOITEGDS><IteNumGDS7>{n}</IteNumGDS7></GOOITEGDS>"))
        .collect::<Vec<_>>()
        .concat();
    let text = format!(
        "<CC315A><HEAHEA><RefNumHEA4>1</RefNumHEA4></HEAHEA>{items}\
         <NOTPAR670><NamNOTPAR672>HAECHI TEST</NamNOTPAR672></NOTPAR670></CC315A>"
    );
    let begun = std::time::Instant::now();
    let read = read(MessageInput { source: "a.xml", bytes: text.as_bytes(), options: &ReadOptions::default() });
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
    let names = column(&read, "consignment", "notify_name");
    assert!(names.len() == 20_000 && names.iter().all(|name| name == "HAECHI TEST"));
}

/// It could not be said in an answer.
#[test]
fn a_number_of_control_characters_is_none() {
    for number in ["\u{1d}", "\u{1d}\n\u{1}", "\u{fffe}"] {
        let text = format!(
            "<Response xmlns='urn:wco:datamodel:WCO:RES-DMS:2'><FunctionCode>9</FunctionCode><Declaration><ID> {number} </ID></Declaration></Response>"
        );
        assert!(answers::WcoResponse::read_all(text.as_bytes()).is_empty(), "{number:?}");
        let named = answers::WcoResponse::read_all(text.replace(number, "A\u{1d}1").as_bytes());
        assert_eq!(named[0].declaration_id.as_deref(), Some("A\u{1d}1"));
    }
}
