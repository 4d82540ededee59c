//! What senders write beside what the guides show: each case a document of a few elements, the cells it must give and
//! the warnings it must raise.

use super::read;
use crate::formats::edifact::tests::column;
use crate::{MessageInput, MessageReading, ReadOptions};

fn reading(text: &str) -> MessageReading {
    let options = ReadOptions::default();
    read(MessageInput { source: "s", bytes: text.as_bytes(), options: &options })
}

fn codes(reading: &MessageReading) -> Vec<&'static str> {
    reading.warnings.iter().map(|warning| warning.code).collect()
}

/// A list of the first row, as arrow shows it: `column` shows no lists.
fn list(reading: &MessageReading, stream: &str, name: &str) -> String {
    let rows = reading.records.iter().find(|(of, _)| of.name == stream).map(|(_, rows)| rows);
    let array = rows.and_then(|rows| rows.column_by_name(name)).expect("rows with this column");
    arrow::util::display::array_value_to_string(array, 0).expect("a list can be shown")
}

/// Cells of the first row, `-` for NULL.
fn cells(reading: &MessageReading, stream: &str, columns: &[&str]) -> String {
    let cell = |name: &&str| column(reading, stream, name).into_iter().next().unwrap_or_else(|| "no row".to_owned());
    let cells = columns.iter().map(cell).map(|cell| if cell.is_empty() { "-".to_owned() } else { cell });
    cells.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_cargo_without_ship_goes_as_its_port_and_carrier_say() {
    for (told, expected) in [
        ("<dsprCd>KRPUS</dsprCd><dsprNm>부산항</dsprNm>", "sea -"),
        ("<dsprCd>KRPUS</dsprCd><dsprNm>김해국제공항</dsprNm>", "air -"),
        ("<dsprCd>KRPUS</dsprCd><shcoFlcoSgn>ZZLX</shcoFlcoSgn>", "sea -"),
        ("<dsprCd>KRPUS</dsprCd><shcoFlcoSgn>KE</shcoFlcoSgn>", "air -"),
        ("<dsprCd>KRPUS</dsprCd>", "sea -"),
        ("<dsprCd>KRICN</dsprCd>", "air -"),
        ("<dsprCd>KRICN</dsprCd><shipNm>KE706</shipNm>", "air KE706"),
        ("<dsprCd>KRPUS</dsprCd><shipNm>EVER GREAT</shipNm>", "sea -"),
        ("<shipNm>KE 0901</shipNm>", "air KE0901"),
        ("<shipNm>KE0901A</shipNm>", "air KE0901A"),
        ("<shipNm>LADY B</shipNm>", "sea -"),
        ("<shipNm>한라</shipNm>", "sea -"),
        ("<shipNm>KE</shipNm>", "sea -"),
        ("<dsprNm>부산항</dsprNm><shipNm>JS 101</shipNm>", "sea -"),
        ("<dsprNm>인천공항</dsprNm><shipNm>KOREAN AIR 901</shipNm>", "air KOREANAIR901"),
    ] {
        let text = format!(
            "<cargCsclPrgsInfoQryRtnVo><cargCsclPrgsInfoQryVo><cargMtNo>27ZZLX0001I00010001</cargMtNo>\
             <hblNo>H1</hblNo>{told}</cargCsclPrgsInfoQryVo><tCnt>1</tCnt></cargCsclPrgsInfoQryRtnVo>"
        );
        assert_eq!(cells(&reading(&text), "consignment", &["transport_mode", "conveyance_id"]), expected, "{told}");
    }
}

#[test]
fn events_are_known_by_old_and_new_names_with_or_without_blanks() {
    for (name, kind) in [
        ("입항적하목록 제출", "manifest_submitted"),
        ("입항적재화물목록 제출", "manifest_submitted"),
        ("입항보고수리", "arrival_accepted"),
        ("수입신고 수리", "import_released"),
        ("수입신고", "import_declared"),
    ] {
        let text = format!(
            "<cargCsclPrgsInfoQryRtnVo><cargCsclPrgsInfoQryVo><cargMtNo>27ZZLX0001I00010001</cargMtNo>\
             <hblNo>H1</hblNo></cargCsclPrgsInfoQryVo><cargCsclPrgsInfoDtlQryVo>\
             <cargTrcnRelaBsopTpcd>{name}</cargTrcnRelaBsopTpcd><prcsDttm>20270302090000</prcsDttm>\
             </cargCsclPrgsInfoDtlQryVo><tCnt>1</tCnt></cargCsclPrgsInfoQryRtnVo>"
        );
        let reading = reading(&text);
        assert_eq!(column(&reading, "cargo_event", "event_kind"), [kind], "{name}");
        let earliest = codes(&reading).contains(&"no_manifest_time");
        assert_eq!(earliest, kind != "manifest_submitted", "{name}: the manifest's own time is known by its event");
    }
}

fn wco(country: &str, header: &str, shipment: &str, item: &str) -> MessageReading {
    reading(&format!(
        "<MetaData><WCODataModelVersionCode>3.6</WCODataModelVersionCode>{country}<Declaration><ID>1</ID>{header}\
         <GoodsShipment>{shipment}<GovernmentAgencyGoodsItem><SequenceNumeric>2</SequenceNumeric>{item}\
         </GovernmentAgencyGoodsItem></GoodsShipment></Declaration></MetaData>"
    ))
}

#[test]
fn prices_are_valued_by_the_rate_of_their_currency() {
    let country = |code: &str| format!("<ResponsibleCountryCode>{code}</ResponsibleCountryCode>");
    let (gb, nl) = (country("GB"), country("NL"));
    let lone = "<InvoiceAmount currencyID='USD'>10</InvoiceAmount><CurrencyExchange><RateNumeric>0.8</RateNumeric>\
                </CurrencyExchange>";
    let office = "<DeclarationOfficeID>GBLHR001</DeclarationOfficeID>";
    for (country, header, terms, price, expected, warned) in [
        (&*gb, "", "CIF", "GBP", "1000.0 -", false),
        (&nl, "", "CIP", "EUR", "1000.0 -", false),
        (&gb, "", "CIF", "EUR", "- -", true),
        ("", "", "CIF", "GBP", "- -", true),
        ("", office, "CIF", "GBP", "1000.0 -", false),
        (&gb, lone, "CIF", "USD", "800.0 1000.0", false),
        (&gb, "", "FOB", "GBP", "- -", false),
    ] {
        let terms = format!("<TradeTerms><ConditionCode>{terms}</ConditionCode></TradeTerms>");
        let item = format!(
            "<Commodity><InvoiceLine><ItemChargeAmount currencyID='{price}'>1000</ItemChargeAmount></InvoiceLine>\
             </Commodity>"
        );
        let reading = wco(country, &format!("<TypeCode>IMA</TypeCode>{header}"), &terms, &item);
        let found = cells(&reading, "declaration", &["customs_value_local", "customs_value_usd"]);
        assert_eq!(found, expected, "{country} {header} {terms} {price}");
        assert_eq!(codes(&reading).contains(&"amount_currency"), warned, "{country} {header} {terms} {price}");
    }
}

#[test]
fn a_change_says_why_and_lacks_nothing() {
    for (kind, function, expected) in [
        ("IMA", "1", "cancel 1"),
        ("IMA", "3", "cancel 3"),
        ("INV", "13", "cancel INV"),
        ("COR", "13", "amend COR"),
        ("IMA", "9", "new -"),
        ("IMA", "7", "new -"),
        ("IMA", "31", "new -"),
        ("IMA", "35", "new -"),
        ("IMA", "13", "amend 13"),
    ] {
        let header = format!("<TypeCode>{kind}</TypeCode><FunctionCode>{function}</FunctionCode>");
        let reading = wco("", &header, "", "");
        assert_eq!(cells(&reading, "declaration", &["change_kind", "change_reason"]), expected);
        assert_eq!(codes(&reading).contains(&"missing_value"), expected.starts_with("new"), "{kind} {function}");
    }
    for (number, warned) in [("002", false), ("2", false), ("3", true)] {
        let header = format!(
            "<TypeCode>COR</TypeCode><Amendment><Pointer><DocumentSectionCode>68A</DocumentSectionCode>\
             <SequenceNumeric>{number}</SequenceNumeric></Pointer></Amendment>"
        );
        assert_eq!(codes(&wco("", &header, "", "")).contains(&"pointer"), warned, "{number}");
    }
}

#[test]
fn declarations_of_other_administrations_are_read() {
    let text = "<DocumentMetadata xmlns='urn:wco:datamodel:WCO:DM:1'><WCODataModelVersion>3.2</WCODataModelVersion>\
        <Declaration xmlns='urn:wco:datamodel:WCO:DeclarationModel:1'><TypeCode>IMA</TypeCode><ID>1</ID>\
        <BorderTransportMeans><Name>QF108</Name><TypeCode>4</TypeCode>\
        <ArrivalDateTime formatCode='102'>20270301</ArrivalDateTime></BorderTransportMeans><GoodsShipment><Consignment>\
        <TransportContractDocument><ID>08100293484</ID><TypeCode>MB</TypeCode></TransportContractDocument>\
        <TransportContractDocument><ID>H1</ID><TypeCode>714</TypeCode></TransportContractDocument></Consignment>\
        <GovernmentAgencyGoodsItem><SequenceNumeric>1</SequenceNumeric><Commodity>\
        <CargoDescription>MENS GARMENTS</CargoDescription></Commodity></GovernmentAgencyGoodsItem></GoodsShipment>\
        </Declaration></DocumentMetadata>";
    let columns =
        ["message_version", "transport_mode", "conveyance_id", "master_bill_id", "house_bill_id", "description"];
    assert_eq!(cells(&reading(text), "declaration", &columns), "3.2 air QF108 08100293484 H1 MENS GARMENTS");
    assert_ne!(cells(&reading(text), "declaration", &["arrival_at"]), "-");
    let offices = "<PresentationOffice><ID>GB51</ID></PresentationOffice><SupervisingOffice><ID>GBLHR001</ID>\
                   </SupervisingOffice>";
    assert_eq!(cells(&wco("", offices, "", ""), "declaration", &["office"]), "GBLHR001");
    let northern = "<Exporter><Name>A</Name><Address><CountryCode>XI</CountryCode></Address></Exporter>";
    let northern = wco("", northern, "", "");
    assert_eq!(cells(&northern, "declaration", &["exporter_country"]), "XI");
    assert!(!codes(&northern).contains(&"unknown_country"));
}

#[test]
fn korean_hours_are_those_of_seoul_and_a_supplier_may_come_from_where_the_seller_lives() {
    let text = |partner: &str, end: &str| {
        format!(
            "<Declaration xmlns='urn:kr:gov:kcs:data:standard:KCS_DeclarationOfIMP_929SchemaModule:1:0'>\
             <ID>9990127000123M</ID><IssueDateTime>20270302</IssueDateTime>\
             <DutyTaxFee><TypeCode>CUD</TypeCode><Payment><TaxAssessedAmount>9</TaxAssessedAmount></Payment></DutyTaxFee>\
             <GoodsShipment>{partner}<GovernmentAgencyGoodsItem><SequenceNumeric>1</SequenceNumeric><Commodity><DutyTaxFee>\
             <TypeCode>CUD</TypeCode><Payment><TaxAssessedAmount>5</TaxAssessedAmount></Payment></DutyTaxFee></Commodity>\
             </GovernmentAgencyGoodsItem>{end}"
        )
    };
    let partner = "<AdditionalDocument><Authenticator><ID>VN1</ID><Name>MADE CO</Name></Authenticator></AdditionalDocument>\
                   <Seller><Name>SOLD CO</Name><Address><CountryCode>VN</CountryCode></Address></Seller>";
    let whole = reading(&text(partner, "</GoodsShipment></Declaration>"));
    let columns = ["declared_hour", "exporter_name", "exporter_country"];
    assert_eq!(cells(&whole, "declaration", &columns), "0 MADE CO VN");
    assert!(codes(&whole).contains(&"total_mismatch"));
    let cut = reading(&text(partner, "<GovernmentAgencyGoodsItem><SequenceNumeric>2</SequenceNumeric><Comm"));
    assert!(!codes(&cut).contains(&"total_mismatch"), "what is cut off adds up to nothing");
    assert!(list(&cut, "declaration", "warnings").contains("truncated"));
}

#[test]
fn duties_and_freight_of_a_sad_are_known_or_told() {
    let sad = |freight: &str, taxes: &[(&str, f64)]| {
        let line = |(code, sum): &(&str, f64)| {
            format!(
                "<Taxation_line><Duty_tax_code>{code}</Duty_tax_code><Duty_tax_rate>8</Duty_tax_rate>\
                 <Duty_tax_amount>{sum}</Duty_tax_amount></Taxation_line>"
            )
        };
        let taxes: String = taxes.iter().map(line).collect();
        reading(&format!(
            "<ASYCUDA><Declarant><Declarant_code>D</Declarant_code><Reference><Number>1</Number></Reference></Declarant>\
             <Valuation><Gs_Invoice><Amount_foreign_currency>100</Amount_foreign_currency>\
             <Currency_code>USD</Currency_code><Currency_rate>2.7</Currency_rate></Gs_Invoice>\
             <Gs_external_freight>{freight}</Gs_external_freight></Valuation><Item><Taxation>{taxes}</Taxation></Item>\
             </ASYCUDA>"
        ))
    };
    let freight = |foreign: &str, national: &str, currency: &str| {
        format!(
            "<Amount_foreign_currency>{foreign}</Amount_foreign_currency>\
             <Amount_national_currency>{national}</Amount_national_currency><Currency_code>{currency}</Currency_code>"
        )
    };
    for (foreign, national, currency, expected, warned) in [
        ("700", "1890", "USD", "700.0", false),
        ("1890", "1890", "XCD", "700.0", false),
        ("0", "0", "XCD", "0.0", false),
        ("500", "", "EUR", "-", true),
    ] {
        let reading = sad(&freight(foreign, national, currency), &[]);
        assert_eq!(cells(&reading, "declaration", &["freight_usd"]), expected, "{foreign} {national} {currency}");
        assert_eq!(codes(&reading).contains(&"amount_currency"), warned, "{foreign} {national} {currency}");
    }
    for (taxes, expected, warned) in [
        (&[("CET", 5.0), ("VAT", 9.0)][..], "8.0 5.0", false),
        (&[("DD", 5.0)], "8.0 5.0", false),
        (&[("VAT", 9.0)], "- -", false),
        (&[("XYZ", 5.0), ("VAT", 9.0)], "- -", true),
        (&[("XYZ", 0.0)], "- -", false),
        (&[("CUD", 0.0), ("XYZ", 50.0)], "8.0 0.0", false),
    ] {
        let reading = sad("", taxes);
        assert_eq!(cells(&reading, "declaration", &["tariff_rate", "duty_local"]), expected, "{taxes:?}");
        assert_eq!(codes(&reading).contains(&"unknown_code"), warned, "{taxes:?}");
    }
}

#[test]
fn goods_in_several_segments_are_added_up() {
    let goods = |packages: u32, mass: u32, text: &str| {
        format!(
            "<Goods_segment><Number_of_packages>{packages}</Number_of_packages><Gross_mass>{mass}</Gross_mass>\
             <Goods_description>{text}</Goods_description></Goods_segment>"
        )
    };
    let bill = |goods: &str| {
        reading(&format!(
            "<Awmds><General_segment/><Bol_segment><Bol_id><Bol_reference>B1</Bol_reference></Bol_id>{goods}\
             </Bol_segment></Awmds>"
        ))
    };
    let columns = ["package_count", "gross_mass_kg", "description"];
    let both = bill(&(goods(600, 11_500, "SHOES") + &goods(5, 100, "BAGS")));
    assert_eq!(cells(&both, "consignment", &columns), "605.0 11600.0 SHOES / BAGS");
    assert_eq!(list(&both, "consignment", "lines").matches("package_kind").count(), 2);
    let one = bill(&goods(600, 11_500, "SHOES"));
    assert_eq!(cells(&one, "consignment", &columns), "600.0 11500.0 SHOES");
}

#[test]
fn numbers_that_are_none_are_told_and_left_out() {
    let ens = |header: &str, item: &str| {
        reading(&format!(
            "<CC315A><MesSenMES3>S</MesSenMES3><HEAHEA><RefNumHEA4>L1</RefNumHEA4>{header}</HEAHEA><GOOITEGDS>\
             <IteNumGDS7>1</IteNumGDS7>{item}</GOOITEGDS></CC315A>"
        ))
    };
    let packed = |packages: &str| {
        format!("<PACGS2><NumOfPacGS24>{packages}</NumOfPacGS24><NumOfPieGS25>42</NumOfPieGS25></PACGS2>")
    };
    for (header, item, expected, warned) in [
        ("", packed("7") + "<GroMasGDS46>5.5</GroMasGDS46>", "7.0 5.5", 0),
        ("", packed("XXX") + "<GroMasGDS46>12OO.5</GroMasGDS46>", "- -", 2),
        ("", packed("-7") + "<GroMasGDS46>-1</GroMasGDS46>", "- -", 2),
        ("<TotNumOfIteHEA305>XXX</TotNumOfIteHEA305>", packed("7"), "7.0 -", 1),
    ] {
        let reading = ens(header, &item);
        assert_eq!(cells(&reading, "consignment", &["package_count", "gross_mass_kg"]), expected, "{item}");
        let bad = codes(&reading).into_iter().filter(|code| *code == "bad_number").count();
        assert_eq!(bad, warned, "{header} {item}: {:?}", reading.warnings);
    }
}

/// A waybill of these parts of its consignment.
fn waybill(purpose: &str, consignment: &str) -> MessageReading {
    reading(&format!(
        "<Waybill><MessageHeaderDocument><ID>M</ID><IssueDateTime>2027-03-04T09:00:00Z</IssueDateTime>\
         <PurposeCode>{purpose}</PurposeCode></MessageHeaderDocument><BusinessHeaderDocument><ID>618 12345675</ID>\
         </BusinessHeaderDocument><MasterConsignment><OriginLocation><ID>BKK</ID></OriginLocation>\
         <FinalDestinationLocation><ID>ICN</ID></FinalDestinationLocation>{consignment}</MasterConsignment></Waybill>"
    ))
}

#[test]
fn pieces_win_over_packages_and_a_unit_is_one_unit() {
    let item = |parts: &str| format!("<IncludedMasterConsignmentItem>{parts}</IncludedMasterConsignmentItem>");
    let uld = "<AssociatedUnitLoadTransportEquipment><ID>1337</ID><CharacteristicCode>PMC</CharacteristicCode>\
               </AssociatedUnitLoadTransportEquipment>";
    let rated = format!(
        "<ApplicableRating><TypeCode>F</TypeCode>{}{}{}</ApplicableRating>",
        item(&format!("<PieceQuantity>4</PieceQuantity>{uld}")),
        item(&format!("<GrossVolumeMeasure unitCode='CMQ'>199000</GrossVolumeMeasure>{uld}")),
        item("<PackageQuantity>4</PackageQuantity>"),
    );
    let reading = waybill("Creation", &format!("<TotalPieceQuantity>4</TotalPieceQuantity>{rated}"));
    assert!(!codes(&reading).contains(&"pieces_mismatch"), "{:?}", reading.warnings);
    assert_eq!(cells(&reading, "consignment", &["package_count", "consignment_id"]), "4.0 618-12345675");
    let lines = list(&reading, "consignment", "lines");
    assert!(lines.contains("volume_m3: 0.199,"), "{lines}");
    assert_eq!(list(&reading, "consignment", "containers").matches("PMC1337").count(), 1);
    let reading = waybill("Creation", &rated);
    assert_eq!(cells(&reading, "consignment", &["package_count"]), "4.0");
}

#[test]
fn movements_go_in_their_order_and_purposes_have_numbers_too() {
    let leg = |number: u32, flight: &str, from: &str, to: &str, name: &str| {
        let from = match from {
            "" => String::new(),
            from => {
                format!("<OccurrenceDepartureLocation><ID>{from}</ID></OccurrenceDepartureLocation>")
            }
        };
        format!(
            "<SpecifiedLogisticsTransportMovement><ModeCode>4</ModeCode><ID>{flight}</ID>\
             <SequenceNumeric>{number}</SequenceNumeric><UsedLogisticsTransportMeans><Name>{name}</Name>\
             </UsedLogisticsTransportMeans><ArrivalEvent><OccurrenceArrivalLocation><ID>{to}</ID>\
             </OccurrenceArrivalLocation></ArrivalEvent><DepartureEvent><ScheduledOccurrenceDateTime>2027-03-10T23:30:00\
             </ScheduledOccurrenceDateTime>{from}</DepartureEvent></SpecifiedLogisticsTransportMovement>"
        )
    };
    let reversed = leg(2, "CX410", "HKG", "ICN", "B777") + &leg(1, "TG600", "", "HKG", "TG");
    for (purpose, kind, warned) in [
        ("Creation", "new", false),
        ("9", "new", false),
        ("5", "amend", false),
        ("3", "cancel", false),
        ("Whatever", "amend", true),
    ] {
        let reading = waybill(purpose, &reversed);
        let columns = ["change_kind", "voyage_no", "unloading_port", "carrier_id"];
        assert_eq!(cells(&reading, "consignment", &columns), format!("{kind} CX410 ICN CX"));
        assert_eq!(codes(&reading).contains(&"unknown_code"), warned, "{purpose}");
        assert!(!codes(&reading).contains(&"unknown_airport"), "it leaves from its origin");
        assert_ne!(cells(&reading, "consignment", &["departed_at"]), "-");
    }
}

#[test]
fn what_a_flight_carries_is_compared_and_what_is_nowhere_is_set_aside() {
    let part = |uld: &str, pieces: u32, outside: bool| {
        let consignment = |name: &str| {
            format!(
                "<{name}><GrossWeightMeasure unitCode='KGM'>50</GrossWeightMeasure>\
                 <TotalPieceQuantity>{pieces}</TotalPieceQuantity><TransportContractDocument><ID>618-12345675</ID>\
                 </TransportContractDocument></{name}>"
            )
        };
        if outside {
            return consignment("MasterConsignment");
        }
        format!(
            "<ArrivalEvent><AssociatedTransportCargo><UtilizedUnitLoadTransportEquipment><ID>{uld}</ID>\
             </UtilizedUnitLoadTransportEquipment>{0}{0}</AssociatedTransportCargo></ArrivalEvent>",
            consignment("IncludedMasterConsignment")
        )
    };
    let flight = |pieces: u32, rest: &str| {
        reading(&format!(
            "<FlightManifest><BusinessHeaderDocument><ID>F</ID></BusinessHeaderDocument><LogisticsTransportMovement>\
             <ModeCode>4</ModeCode><ID>TG658</ID><TotalGrossWeightMeasure unitCode='KGM'>100</TotalGrossWeightMeasure>\
             <TotalPieceQuantity>{pieces}</TotalPieceQuantity></LogisticsTransportMovement>{rest}</FlightManifest>"
        ))
    };
    let fits = flight(8, &part("1234", 4, false));
    assert!(!codes(&fits).contains(&"total_mismatch"), "{:?}", fits.warnings);
    let containers = list(&fits, "consignment", "containers");
    assert!(containers.matches("1234").count() == 1 && containers.contains("packages: 8.0"), "{containers}");
    assert!(codes(&flight(9, &part("1234", 4, false))).contains(&"total_mismatch"));
    let stray = flight(8, &part("", 4, true));
    assert_eq!(stray.set_aside.iter().map(|unit| unit.code).collect::<Vec<_>>(), ["no_flight"]);
}

#[test]
fn a_release_without_its_declaration_is_set_aside() {
    let stub = reading("<ncts:CC029C PhaseID='NCTS5.0' xmlns:ncts='http://ncts.dgtaxud.ec'></ncts:CC029C>");
    assert_eq!(stub.set_aside.iter().map(|unit| unit.code).collect::<Vec<_>>(), ["no_declaration"]);
}

#[test]
fn services_of_bookings_name_tickets_seats_and_infants() {
    let booking = |passengers: &str, leg: &str, legs: &str| {
        reading(&format!(
            "<IATA_PNRGOV_NotifRQ Version='13.1'><FlightLeg CarrierCode='ZZ' FlightNumber='421' \
             DepartureDateTime='2027-03-14T01:05:00'><DepartureAirport LocationCode='BKK'/>\
             <ArrivalAirport LocationCode='ICN'/></FlightLeg><PNRs><PNR><BookingRefID ID='ABC123'/>{passengers}\
             <Flight><DepartureAirport LocationCode='BKK'/><ArrivalAirport LocationCode='ICN'/>{leg}</Flight>{legs}</PNR>\
             </PNRs></IATA_PNRGOV_NotifRQ>"
        ))
    };
    let ssr = |code: &str, number: u32, text: &str| {
        format!("<SSR SSR_Code='{code}' RPH='{number}'><Text>{text}</Text></SSR>")
    };
    let one = "<Passenger RPH='1'><GivenName>MARU</GivenName><Surname>SAEBYEOK</Surname></Passenger>";
    let two = one.to_owned() + "<Passenger RPH='2'><GivenName>ARA</GivenName><Surname>LEE</Surname></Passenger>";
    let told = ssr("TKNE", 1, "9991234567890C1") + &ssr("SEAT", 2, "15C") + &ssr("NSSA", 1, "014A");
    let other = format!(
        "<Flight><DepartureAirport LocationCode='ICN'/><ArrivalAirport LocationCode='NRT'/>{}</Flight>",
        ssr("SEAT", 1, "30F")
    );
    let both = booking(&two, &told, &other);
    assert_eq!(column(&both, "traveller", "seat"), ["14A", "15C"]);
    assert_eq!(column(&both, "traveller", "state"), ["booked", "booked"], "a seat asked for is no check-in");
    assert_eq!(list(&both, "traveller", "tickets"), "[9991234567890]");
    let refused = "<SSR SSR_Code='SEAT' RPH='1' Status='UN'><Text>14A</Text></SSR>";
    assert_eq!(column(&booking(one, refused, ""), "traveller", "seat"), [""]);

    let nameless = one.replace(" RPH='1'", "") + &two.replace(" RPH='2'", "").replace(one, "");
    assert_eq!(column(&booking(&nameless, &ssr("SEAT", 1, "14A"), ""), "traveller", "seat"), ["", ""]);

    let named = ssr("INFT", 1, "SAEBYEOK/BABY MISS 01JAN27");
    let shown = ssr("DOCS", 1, "/P/KOR/M1/KOR/01JAN27/FI/01JAN30/SAEBYEOK/BABY");
    for (told, columns) in
        [(named.clone(), "- 20454"), (named.clone() + &shown, "M1 20454"), (shown + &named, "M1 20454")]
    {
        let infants = booking(one, &told, "");
        assert_eq!(column(&infants, "traveller", "given_names"), ["MARU", "BABY"], "{told}");
        assert_eq!(column(&infants, "traveller", "person_kind"), ["", "infant"], "{told}");
        let last = |name: &str| column(&infants, "traveller", name).pop().unwrap();
        let number = Some(last("document_no")).filter(|n| !n.is_empty()).unwrap_or_else(|| "-".to_owned());
        assert!(last("birth_date").contains("2027") && columns.starts_with(&number), "{told}");
    }
}

#[test]
fn what_is_no_time_and_no_number_in_a_booking_is_told() {
    let sent = "<IATA_PNRGOV_NotifRQ><FlightLeg CarrierCode='ZZ' FlightNumber='421' DepartureDateTime='2027-03-14T01:05:00' \
        ArrivalDateTime='soon'><DepartureAirport LocationCode='BKK'/><ArrivalAirport LocationCode='ICN'/></FlightLeg><PNRs>\
        <PNR NumberOfPassengers='one' PNR_CreationDate='yesterday' PNR_TransDate='??'><Passenger RPH='1'>\
        <Surname>LEE</Surname><TicketDocument TicketDocumentNbr='1' DateOfIssue='99'>\
        <TotalFare Amount='abc' CurrencyCode='USD'/></TicketDocument></Passenger><Flight>\
        <DepartureAirport LocationCode='BKK'/><CheckInInfo Time='late'><BoardingNumber RPH='1'/></CheckInInfo></Flight></PNR>\
        </PNRs></IATA_PNRGOV_NotifRQ>";
    let reading = reading(sent);
    let paths: Vec<_> = reading.warnings.iter().map(|w| format!("{} {}", w.code, w.path)).collect();
    for part in [
        "bad_date FlightLeg@ArrivalDateTime",
        "bad_number PNR[1]@NumberOfPassengers",
        "bad_date PNR[1]@PNR_CreationDate",
        "bad_date PNR[1]@PNR_TransDate",
        "bad_date PNR[1]/Passenger[1]//TicketDocument@DateOfIssue",
        "bad_number PNR[1]/Passenger[1]//TotalFare@Amount",
        "bad_date PNR[1]/Passenger[1]: CheckInInfo@Time",
        "missing_value PNR[1]/BookingRefID",
    ] {
        assert!(paths.iter().any(|path| path == part), "{part} is not in {paths:?}");
    }
}

#[test]
fn korean_units_and_currencies_are_known_however_they_are_written() {
    let text = |mass: &str, quantity: &str, function: &str| {
        reading(&format!(
            "<Declaration xmlns='urn:kr:gov:kcs:data:standard:KCS_DeclarationOfIMP_929SchemaModule:1:0' xmlns:k='k'>\
             <ID>9990127000123M</ID><FunctionCode>{function}</FunctionCode><TotalGrossMassMeasure {mass}>1.5</TotalGrossMassMeasure>\
             <InvoiceAmount currencyID='usd'>9</InvoiceAmount>\
             <GoodsShipment><GovernmentAgencyGoodsItem><SequenceNumeric>1</SequenceNumeric>\
             <Commodity><CountQuantity {quantity}>3</CountQuantity><DutyTaxFee><TypeCode>CUD</TypeCode>\
             <AdValoremTaxBaseAmount currencyID='krw'>5000</AdValoremTaxBaseAmount></DutyTaxFee></Commodity></GovernmentAgencyGoodsItem></GoodsShipment>\
             </Declaration>"
        ))
    };
    for (mass, quantity, expected) in [
        ("kcsUnitCode='TNE'", "kcsUnitCode='2U'", "1500.0 2U new"),
        ("k:UnitCode='TNE'", "k:UnitCode='2U'", "1500.0 2U new"),
        ("unitCode='TNE'", "", "1500.0 - new"),
        ("", "", "1.5 - new"),
    ] {
        let found =
            cells(&text(mass, quantity, "9"), "declaration", &["gross_mass_kg", "quantity_unit", "change_kind"]);
        assert_eq!(found, expected, "{mass} {quantity}");
    }
    let reading = text("", "", "35");
    let columns = ["customs_value_local", "currency", "change_kind"];
    assert_eq!(cells(&reading, "declaration", &columns), "5000.0 USD new");
    assert!(!codes(&reading).contains(&"amount_currency"), "{:?}", reading.warnings);
}

#[test]
fn a_sad_names_its_currency_its_value_and_what_it_uses_up() {
    let sad = |invoice: &str, item: &str| {
        reading(&format!(
            "<ASYCUDA><Declarant><Declarant_code>D</Declarant_code><Reference><Number>1</Number></Reference></Declarant>\
             <Valuation><Gs_Invoice>{invoice}</Gs_Invoice></Valuation><Item>{item}</Item></ASYCUDA>"
        ))
    };
    for (invoice, currency, warned) in [
        ("<Currency_code><null/></Currency_code><Currency_name>US Dollar</Currency_name>", "USD", false),
        ("<Currency_code/><Currency_name>No foreign currency</Currency_name>", "-", false),
        ("<Currency_name>Pa'anga</Currency_name>", "PA'ANGA", true),
    ] {
        let reading = sad(invoice, "");
        assert_eq!(cells(&reading, "declaration", &["currency"]), currency, "{invoice}");
        assert_eq!(codes(&reading).contains(&"unknown_code"), warned, "{invoice}");
    }
    let value = |cif: &str, statistical: &str| {
        let item = format!(
            "<Valuation_item><Total_CIF_itm>{cif}</Total_CIF_itm><Statistical_value>{statistical}</Statistical_value>\
             </Valuation_item>"
        );
        cells(&sad("", &item), "declaration", &["customs_value_local"])
    };
    let found = [value("5100", "5000"), value("0.0", "5000"), value("", "5000"), value("0.0", "0"), value("", "")];
    assert_eq!(found, ["5100.0", "5000.0", "5000.0", "0.0", "-"]);
    let used = "<Previous_doc><Previous_document_reference>XX01A 2026 C 999</Previous_document_reference>\
                <Previous_warehouse_code>WH01</Previous_warehouse_code></Previous_doc>";
    let reading = sad("", used);
    assert_eq!(list(&reading, "declaration", "prior_declaration_ids"), "[XX01A 2026 C 999]");
    assert_eq!(cells(&reading, "declaration", &["warehouse_id"]), "WH01");
}

#[test]
fn groupage_counts_a_container_once_or_in_each_bill() {
    let bill = |number: u32, kind: &str, container: &str| {
        format!(
            "<Bol_segment><Bol_id><Bol_reference>B{number}</Bol_reference><Bol_type_code>{kind}</Bol_type_code></Bol_id>\
             <ctn_segment><Ctn_reference>{container}</Ctn_reference><Status>LCL</Status></ctn_segment></Bol_segment>"
        )
    };
    let manifest = |said: u32, second: &str| {
        reading(&format!(
            "<Awmds><General_segment><Totals_segment><Total_number_of_containers>{said}</Total_number_of_containers>\
             </Totals_segment></General_segment>{}{}</Awmds>",
            bill(1, "HSB", "ZZZU0000010"),
            bill(2, "BL", second)
        ))
    };
    for (said, second, warned) in
        [(1, "ZZZU0000010", false), (2, "ZZZU0000010", false), (1, "ZZZU0000026", true), (3, "ZZZU0000010", true)]
    {
        let reading = manifest(said, second);
        assert_eq!(codes(&reading).contains(&"total_mismatch"), warned, "{said} {second}");
        assert_eq!(column(&reading, "consignment", "bill_kind"), ["house", "straight"]);
    }
}

#[test]
fn items_of_a_flight_say_what_they_are() {
    let item = "<IncludedMasterConsignmentItem><SequenceNumeric>1</SequenceNumeric><TypeCode>610910</TypeCode>\
                <TypeCode>620520</TypeCode><NatureIdentificationTransportCargo><Identification>COTTON SHIRTS\
                </Identification></NatureIdentificationTransportCargo></IncludedMasterConsignmentItem>";
    let part = |summary: &str| {
        reading(&format!(
            "<FlightManifest xmlns='iata:flightmanifest:1'><MessageHeaderDocument><ID>1</ID></MessageHeaderDocument><ArrivalEvent>\
             <OccurrenceArrivalLocation><ID>ICN</ID></OccurrenceArrivalLocation><AssociatedTransportCargo>\
             <IncludedMasterConsignment>{summary}<TransportContractDocument><ID>000-12345675</ID></TransportContractDocument>{item}\
             </IncludedMasterConsignment></AssociatedTransportCargo></ArrivalEvent></FlightManifest>"
        ))
    };
    for (summary, expected) in [("", "COTTON SHIRTS"), ("<SummaryDescription>CLOTHES</SummaryDescription>", "CLOTHES")]
    {
        let reading = part(summary);
        assert_eq!(cells(&reading, "consignment", &["description"]), expected);
        assert_eq!(list(&reading, "consignment", "hs_codes"), "[610910, 620520]");
    }
}

#[test]
fn addresses_and_times_are_read_in_the_other_forms_of_their_schema() {
    let shipper = "<ConsignorParty><Name>A</Name><PostalStructuredAddress><PostOfficeBox>12</PostOfficeBox><CityName>BLR</CityName>\
                   <CountryID>IN</CountryID><CountrySubDivisionID>KA</CountrySubDivisionID></PostalStructuredAddress></ConsignorParty>";
    assert_eq!(cells(&waybill("Creation", shipper), "consignment", &["shipper_address"]), "12, BLR, KA");
    let issued = "<IssueDateTime><DateTime>2027-03-02T10:30:00</DateTime></IssueDateTime>";
    assert_eq!(cells(&wco("", issued, "", ""), "declaration", &["declared_at"]), "2027-03-02T10:30:00Z");
}

#[test]
fn an_infant_s_address_in_a_booking_is_not_the_adult_s() {
    let text = |infant: &str| {
        format!(
            "<IATA_PNRGOV_NotifRQ Version='13.1'><FlightLeg CarrierCode='ZZ' FlightNumber='421' \
             DepartureDateTime='2027-03-14T01:05:00'><DepartureAirport LocationCode='BKK'/><ArrivalAirport LocationCode='ICN'/>\
             </FlightLeg><PNRs><PNR><BookingRefID ID='ABC123'/><Passenger RPH='1' PassengerTypeCode='ADT'><GivenName>ARA</GivenName>\
             <Surname>LEE</Surname></Passenger>{infant}<Flight><DepartureAirport LocationCode='BKK'/>\
             <ArrivalAirport LocationCode='ICN'/><SSR SSR_Code='DOCA' RPH='1'><Text>/D/USA/1 ST/NEW YORK</Text></SSR>\
             <SSR SSR_Code='DOCA' RPH='1'><Text>/D/USA/2 ST/BOSTON/MA/02101/I</Text></SSR></Flight></PNR></PNRs></IATA_PNRGOV_NotifRQ>"
        )
    };
    let infant =
        "<Passenger RPH='2' PassengerTypeCode='INF'><GivenName>BO</GivenName><Surname>LEE</Surname></Passenger>";
    let both = reading(&text(infant));
    assert_eq!(column(&both, "traveller", "stay_address"), ["1 ST, NEW YORK", "2 ST, BOSTON, MA, 02101"]);
    let alone = reading(&text(""));
    assert_eq!(column(&alone, "traveller", "stay_address"), ["1 ST, NEW YORK"]);
    assert!(codes(&alone).contains(&"unknown_reference"));
    // One that only a service names, before or behind it.
    let named = "<SSR SSR_Code='INFT' RPH='1'><Text>LEE/BO 01JAN27</Text></SSR>";
    let unlisted = reading(&text("").replace("</Flight></PNR>", &format!("{named}</Flight></PNR>")));
    assert_eq!(column(&unlisted, "traveller", "stay_address"), ["1 ST, NEW YORK", "2 ST, BOSTON, MA, 02101"]);
    assert!(!codes(&unlisted).contains(&"unknown_reference"));
    let gone = reading(&text(infant).replace("SSR_Code='DOCA' RPH='1'", "SSR_Code='DOCA' RPH='1' Status='XX'"));
    assert_eq!(column(&gone, "traveller", "stay_address"), ["", ""]);
    let shown = |status: &str| {
        let docs = |status: &str, number: &str| {
            format!(
                "<SSR SSR_Code='DOCS' RPH='1' Status='{status}'><Text>/P/KOR/{number}/KOR/14FEB88/F/30JUN31/LEE/ARA</Text></SSR>"
            )
        };
        let docs = docs("XX", "OLD") + &docs(status, "NEW");
        column(
            &reading(&text("").replace("</Flight></PNR>", &format!("{docs}</Flight></PNR>"))),
            "traveller",
            "document_no",
        )
    };
    assert_eq!((shown("HK"), shown("XX")), (vec!["NEW".to_owned()], vec!["OLD".to_owned()]));
}
