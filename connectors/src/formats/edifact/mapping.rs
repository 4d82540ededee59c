//! What goes where: for each message type the elements it is read from and the columns they become. [`page`] prints one;
//! a test holds the pages to the columns that the readers write.

use std::fmt::Write;

/// The mapping of one message type.
#[derive(Debug)]
pub struct Page {
    /// As the column `message_format` writes it.
    pub format: &'static str,
    /// Message type and versions.
    pub title: &'static str,
    /// Stream of the rows; empty where a message makes none.
    pub stream: &'static str,
    /// Elements, and the columns they become.
    pub lines: &'static [(&'static str, &'static [&'static str])],
    /// What else there is to know.
    pub notes: &'static [&'static str],
}

/// Columns that come from the envelope and the place in it, the same for every message.
const ENVELOPE: (&str, &[&str]) = (
    "UNB, UNH; where the row stands",
    &[
        "source",
        "source_position",
        "message_format",
        "message_version",
        "message_id",
        "sender_id",
        "message_issued_at",
        "message_path",
        "warnings",
    ],
);

/// What terminals and depots tell of a container.
const MOVES: &[(&str, &[&str])] = &[
    ENVELOPE,
    ("EQD", &["container_id"]),
    ("RFF UCN; else AFB, MB MWB, BH HWB, BM AWB AAM; else BN; else the container", &["consignment_id"]),
    ("the three above and below", &["cargo_event_id"]),
    ("BGM 1001, 1000; EQD 8249", &["event_kind"]),
    ("DTM 334 78 7 203 of the container, local at the place; else DTM 137, UNB S004", &["happened_at"]),
    ("UNB S004", &["recorded_at"]),
    (
        "LOC 175 165 14 18; 11 60 where unloaded and carried out, 9 5 60 where loaded and carried in",
        &["place_id", "place_name"],
    ),
    ("BGM 1004, else RFF BN; 1225", &["reference_id", "change_kind", "version"]),
    ("RFF ABT AAE", &["declaration_id"]),
    ("GID 7224; MEA G, else VGM", &["packages", "gross_mass_kg"]),
    ("TDT C222 name and 8028, FTX", &["text"]),
];

/// Every page.
pub const PAGES: &[Page] = &[
    Page {
        format: "paxlst",
        title: "PAXLST D.99A to D.16B and the US variant: passenger and crew lists",
        stream: "traveller",
        lines: &[
            ENVELOPE,
            ("BGM 1001: 745 passengers, 250 crew, 266 flight status, 336 master crew, 655, 10", &["role"]),
            ("BGM 1004: CP, XR, RP; CL, CLOB, CLNB, XF, CF", &["state", "change_kind", "change_reason"]),
            ("RFF TN, component 5 the revision", &["request_ref", "version"]),
            ("TDT 8028, C040; of a road carrier BGM 1004", &["carrier", "flight_no", "flight_suffix"]),
            ("of a road carrier (BGM 10) the same: carrier and reference of the trip", &["flight_id"]),
            (
                "LOC 125, 87, 92 under TDT; of a road carrier LOC 60",
                &["departure_airport", "arrival_airport", "itinerary"],
            ),
            (
                "DTM 189, 232 under TDT, local; of a road carrier DTM 132, at the office",
                &["departure_scheduled_at", "arrival_scheduled_at"],
            ),
            ("NAD FL FM DDU DDT VW, C080", &["surname", "given_names"]),
            ("NAD C059 and on, 3207", &["address", "address_country"]),
            ("ATT 2", &["gender"]),
            ("DTM 329", &["birth_date", "birth_date_precision"]),
            ("LOC 180, component 4", &["birth_place"]),
            ("NAT 2; LOC 174", &["nationality", "residence_country"]),
            ("MEA CT; MEA WT KGM, LBR; FTX BAG `tag:count`", &["bag_count", "bag_mass_kg", "bag_tags"]),
            ("LOC 178, 179, 22", &["embark_airport", "debark_airport", "clearance_airport"]),
            ("EMP", &["crew_kind"]),
            ("COM TE AL, EM", &["phones", "emails"]),
            ("RFF AVF; ABO; SEA; CR; YZY", &["locator", "locators", "carrier_pax_ref", "seat", "loyalty", "tickets"]),
            (
                "DOC, DTM 36 182, LOC 91, GEI 4 173 174; RFF AEA",
                &[
                    "documents",
                    "document_kind",
                    "document_no",
                    "document_country",
                    "document_issued_on",
                    "document_expires_on",
                    "document_verified",
                ],
            ),
            ("S010, CNT 42 41", &["flight_complete"]),
            ("the message itself", &["in_api", "in_pnr"]),
        ],
        notes: &[
            "A two-digit birth year is the latest not after the flight, an expiry within fifty years of it.",
            "A row for each leg across the border that the person is on; the itinerary holds all legs.",
            "BGM 1004 is taken where it is a code of that list (BGM 1001); else it is the sender's number of the message.",
        ],
    },
    Page {
        format: "pnrgov",
        title: "PNRGOV 10.1 to 21.1: bookings",
        stream: "traveller",
        lines: &[
            ENVELOPE,
            ("MSG 22, 141", &["change_kind", "change_reason", "version"]),
            ("TVL of level 0", &["carrier", "flight_no", "flight_suffix", "departure_airport", "arrival_airport"]),
            ("TVL of level 0, local", &["departure_scheduled_at", "arrival_scheduled_at"]),
            ("EQN of level 0", &["flight_complete"]),
            ("RCI carrier:locator:type:date:time", &["locator", "locators", "booked_at"]),
            ("DAT 710", &["ticketed_at"]),
            ("ORG", &["agency_id", "agency_country", "booking_channel"]),
            ("ADD 700, 702", &["address", "address_country"]),
            ("ADD last component, IFT 4:28 CTC, SSR CTCM CTCE CTCH", &["phones", "emails"]),
            ("TIF, SSR DOCS, INFT", &["surname", "given_names", "person_kind"]),
            ("SSR DOCS", &["gender", "birth_date", "birth_date_precision", "nationality"]),
            (
                "SSR DOCS, DOCO",
                &[
                    "documents",
                    "document_kind",
                    "document_no",
                    "document_country",
                    "document_issued_on",
                    "document_expires_on",
                ],
            ),
            ("SSR DOCO; DOCA R, D", &["birth_place", "residence_country", "stay_address"]),
            ("FTI, SSR FQTV", &["loyalty"]),
            ("REF", &["carrier_pax_ref"]),
            ("TKT, SSR TKNE; MON T in USD", &["tickets", "fare_amount_usd"]),
            ("FOP; IFT 4:43", &["payment_kind", "card_issuer", "card_number_masked", "payer_name"]),
            ("TVL of the booking, RPI status; DAT 2, TRI, TBD checked in", &["itinerary", "state"]),
            ("TVL with a number alone, TRA; the first carrier of a TVL that names two", &["marketing_flights"]),
            ("RPI; EQN RCI", &["party_size", "split_locators"]),
            ("DAT 2; SSD, SSR SEAT of the flight unless refused or given back", &["checked_in_at", "seat"]),
            ("TBD", &["bag_count", "bag_mass_kg", "bag_tags", "bag_pool_head"]),
            ("SAC behind ABI", &["booking_changes"]),
            ("other SSR, as far as the configuration allows", &["ssr_codes"]),
            ("the message itself", &["role", "in_api", "in_pnr"]),
        ],
        notes: &[
            "Times of flights are local; all others UTC, or on the clock of the departure airport where a check-in would \
             otherwise lie behind the departure.",
            "An adult's two-digit birth year is the latest in which he is twelve when travelling, up to 115 years back.",
            "A title glued to a name is split only where the document shows the name without it.",
            "Bags are those of the flight's leg, else of the last leg before it.",
            "A cancelled booking (nothing but RCI and an empty ORG) gives one row without a name.",
        ],
    },
    Page {
        format: "cuscar",
        title: "CUSCAR D.95B to D.16B: manifests",
        stream: "consignment",
        lines: &[
            ENVELOPE,
            ("BGM 1004, RFF CN SS ABO", &["manifest_id"]),
            ("BGM 1225: 9, 4, 5, 20, 21, 1, 3", &["change_kind", "change_reason", "version"]),
            (
                "CNI, RFF BM BH MB AWB MWB HWB AAM UCN",
                &["consignment_id", "line_no", "master_bill_id", "house_bill_id", "bill_kind"],
            ),
            ("GIS or GEI 22 23 24 28", &["nature"]),
            ("TDT", &["transport_mode", "voyage_no", "conveyance_id", "conveyance_name", "conveyance_country"]),
            ("NAD CA CG MS, FW; LOC 60 list 77", &["carrier_id", "forwarder_id", "office"]),
            (
                "LOC 9 5 94 76, 11 60 12, 20 7 8, 76",
                &["loading_port", "unloading_port", "destination_place", "route_countries"],
            ),
            (
                "DTM 137, 136 133 253, 132 232 252, 178, local",
                &["manifested_at", "departed_at", "arrival_expected_at", "arrived_at"],
            ),
            ("NAD CZ OS SU EX", &["shipper_id", "shipper_name", "shipper_address", "shipper_country"]),
            (
                "NAD CN IM; NI",
                &["consignee_id", "consignee_name", "consignee_address", "consignee_country", "notify_name"],
            ),
            ("GID, FTX AAA, CST or RFF HS, PCI, DGS", &["lines", "description", "hs_codes", "marks", "dangerous"]),
            ("EQD, SEL, SGP", &["containers"]),
            ("GID 7224, else PAC, added up, CNT; MEA", &["package_count", "gross_mass_kg", "volume_m3"]),
            (
                "MOA 64; 40 44 14 39, of the bill, else of its lines together; HAN",
                &["freight_usd", "value_usd", "special_handling"],
            ),
        ],
        notes: &[
            "Empty containers without a bill give one consignment of nature `empty` a manifest.",
            "What a bill says itself goes before what is said for all bills of its CNI; MEA behind SGP is of the goods in that \
             container, and its mass where EQD tells none and the line is in no other.",
            "Several RFF BM under a CNI of another number are its houses. A bill without number is set aside alone, a \
             manifest without any bill, be it withdrawn, as a whole.",
            "An aircraft is named by its flight: TDT 8028, with C040 where it is a number alone, else C222 8212.",
        ],
    },
    Page {
        format: "cusdec",
        title: "CUSDEC D.95B to D.16B: goods declarations",
        stream: "declaration",
        lines: &[
            ENVELOPE,
            ("BGM 1001, or its name", &["flow"]),
            ("BGM 1004 and its version, RFF ABE, else ABO", &["declaration_id", "version"]),
            ("BGM 1225: 9, 4, 5, 1", &["change_kind", "change_reason"]),
            ("CST 117, 105", &["procedure", "filing_type"]),
            (
                "LOC 41 22, else 96 116; 35; 36, else 28; 9; 11 12; 14 18",
                &[
                    "office",
                    "departure_country",
                    "destination_country",
                    "loading_port",
                    "unloading_port",
                    "warehouse_id",
                ],
            ),
            ("DTM 150 148 137 9; 178 132 151 129, of what leaves 136 133 189", &["declared_at", "arrival_at"]),
            (
                "MEA AAD G, else CNT 7; PAC, added up, else CNT 11 8; EQD",
                &["gross_mass_kg", "package_count", "package_kind", "container_ids", "container_mode"],
            ),
            (
                "RFF MB BH UCN ABT, AWB, AAS; DOC 704 741 714 705 703 740",
                &["master_bill_id", "house_bill_id", "cargo_control_id", "prior_declaration_ids"],
            ),
            ("TDT 20", &["transport_mode", "conveyance_id"]),
            (
                "NAD IM AT GO CN; SE SU EX CZ, export EX GO; CB DT AE AG; FW",
                &[
                    "importer_id",
                    "importer_name",
                    "exporter_id",
                    "exporter_name",
                    "exporter_country",
                    "declarant_id",
                    "forwarder_id",
                ],
            ),
            (
                "TOD, else RFF APH; MOA 39, else 63 141; MOA 64, else those of the items together",
                &["incoterm", "invoice_amount", "currency", "freight_usd"],
            ),
            ("CST 1496; 122 169 108, RFF ABD", &["item_no", "hs_code"]),
            ("FTX AAA, else IMD; LOC 27, else that of the header", &["description", "origin_country"]),
            ("LIN, IMD, QTY, PRI, MOA 203 38 66, of the only item or under its own", &["model_lines"]),
            ("MEA AAF; ABT AAR AAS AAT ABW AAA", &["net_mass_kg", "quantity", "quantity_unit"]),
            (
                "MOA 40, else 63 141, by the rate of CUX; MOA 38 14",
                &["customs_value_usd", "customs_value_local", "unit_price_usd"],
            ),
            ("TAX 1 CUD A00 1P1, MOA 161 55", &["tariff_rate", "duty_local"]),
            ("CST 116 184; DOC 861", &["tariff_kind", "preference_claimed", "origin_certificate_id"]),
            ("other DOC, DTM 182; GIN VV", &["permits", "vehicle_ids"]),
        ],
        notes: &[
            "A bare date is the beginning of the day, with the warning `day_only`.",
            "A cancellation gives one row, under item 1; so does a declaration without items, with `no_items`: what others say \
             of an item it says of all its goods.",
            "KRW is the money of an office in the zone of Seoul, where CUX names none.",
            "An aircraft is named by its flight. LOC 35 of an item stands for the declaration where the header has none.",
            "AWB and DOC 740 are the house bill, or the master where a house bill is told. Of the declarants one with an id \
             goes before those with a name only.",
        ],
    },
    Page {
        format: "cusrep",
        title: "CUSREP D.95B to D.16B: reports of conveyances",
        stream: "cargo_event",
        lines: &[
            ENVELOPE,
            (
                "RFF CN, else BGM 336 and its number, else TDT C222 and RFF VON; kind and time",
                &["cargo_event_id", "consignment_id"],
            ),
            ("BGM 1001: 98 arrived, 124 departed", &["event_kind"]),
            ("BGM 1004; 1225", &["reference_id", "change_kind", "version"]),
            ("LOC 60, 94", &["place_id"]),
            ("DTM 178 132 252; 186 136 133 253, local", &["happened_at"]),
            ("UNB S004", &["recorded_at"]),
            ("TDT C222 name, RFF VON", &["text"]),
        ],
        notes: &[
            "An arrival tells of the departure from the last port too.",
            "A withdrawal (1225 1, 3, 50) without time is of the arrival, or departure, at the time of the message, with \
             `no_event_time`.",
        ],
    },
    Page {
        format: "iftsta",
        title: "IFTSTA D.95B to D.16B: status of consignments",
        stream: "cargo_event",
        lines: &[
            ENVELOPE,
            (
                "RFF UCN; else AFB, MB MWB, BH HWB, BM AWB AAM; else CNI 1004; else BN; else the container; else SRN CU CW",
                &["consignment_id"],
            ),
            ("EQD, else RFF EQ", &["container_id"]),
            ("the three above and below", &["cargo_event_id"]),
            ("STS 4405 (older: 9011)", &["event_kind"]),
            (
                "DTM 334 78 7 203, 178 186 136 35, local at the place; else DTM 132 232, 133 189, 17 191 76; else 137",
                &["happened_at"],
            ),
            ("UNB S004", &["recorded_at"]),
            (
                "LOC 175 165 14 18; 11 60 8 7 where it was reached, 7 8 first where it was delivered, 9 5 60 where it was left",
                &["place_id", "place_name"],
            ),
            ("BGM 1004, else RFF BN; 1225", &["reference_id", "change_kind", "version"]),
            ("RFF ABT AAE", &["declaration_id"]),
            ("GID 7224; MEA G, else VGM", &["packages", "gross_mass_kg"]),
            ("TDT C222 name and 8028 of the header, STS 4404 and 9012, FTX", &["text"]),
        ],
        notes: &[
            "A row for each bill and each container that an STS names; what it does not name stands under its CNI or at the \
             beginning of the message.",
            "Numbers are those of UN/ECE Recommendation 24 where the category is 1 and the list is nobody's own; letters \
             those of ANSI X12, DCSA and IATA. A status of neither is kept as sent, with `unknown_code`.",
            "Cleared by customs (12) is `import_released` wherever it was; the place says where.",
            "An event that has no time of its own takes that of its message, with `no_event_time`.",
        ],
    },
    Page {
        format: "coarri",
        title: "COARRI D.95B to D.16B: containers unloaded and loaded",
        stream: "cargo_event",
        lines: MOVES,
        notes: &[
            "BGM 44 98 `unloaded`, 46 270 `loaded`; else by the words in it, else by the one port of the header, LOC 11 or \
             LOC 9.",
            "A container of EQD 8249 7 was not on the ship, `short_landed`, one of 8 should not have been, `over_landed`.",
            "A stowage plan (BAPLIE) tells of no event: it is set aside by name.",
        ],
    },
    Page {
        format: "codeco",
        title: "CODECO D.95B to D.16B: containers through a gate",
        stream: "cargo_event",
        lines: MOVES,
        notes: &[
            "BGM 34 `carried_in`, 36 `carried_out`; else by the words in it; else kept as sent, with `unknown_code`.",
            "A chassis (EQD CH, CZ) is no container: its events are left out, with `other_equipment`.",
        ],
    },
    Page {
        format: "coprar",
        title: "COPRAR D.95B to D.16B: containers to be unloaded and loaded",
        stream: "cargo_event",
        lines: MOVES,
        notes: &[
            "BGM 43 `unloading_ordered`, 45 `loading_ordered`: the event is that it was ordered, at the time of the message.",
            "A message without any time of its own is taken at the time of the call, with `planned_time`.",
        ],
    },
    Page {
        format: "cusres",
        title: "CUSRES D.95B to D.16B: answers, read and written",
        stream: "",
        lines: &[],
        notes: &[
            "iAPI: BGM 962 132 312, RFF TN, RFF AF with DTM and LOC a leg, ERP 2 with RFF AVF ABO, ERC, FTX AAP a person; \
             ERP 1 for the whole request. An answer that names nothing it answers, or has no BGM, is read with `no_subject`.",
            "Customs: BGM 962 961 963, DTM 9 58, LOC 22, GIS or GEI, RFF ABT ABE CN UCN, DOC 929 with CST, DOC 714 705 a \
             bill with EQD, ERP, ERC, FTX.",
        ],
    },
    Page {
        format: "contrl",
        title: "CONTRL 2.2, D.3, 4.1: syntax answers, read and written",
        stream: "",
        lines: &[],
        notes: &[
            "UCI with action 7, 8 or 4; UCM a message, UCS a segment, UCD an element that is named. Without UCI it is set aside.",
            "Rejected messages (UCM 4) are counted, under an accepted interchange too.",
        ],
    },
];

/// The page of a message type as Markdown.
pub fn page(format: &str) -> Option<String> {
    let page = PAGES.iter().find(|page| page.format == format)?;
    let mut text = format!("# {}\n\n", page.title);
    if !page.lines.is_empty() {
        let _ = writeln!(text, "Rows of stream `{}`.\n\n| element | column |\n|---|---|", page.stream);
        for (element, columns) in page.lines {
            let columns: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
            let _ = writeln!(text, "| {element} | {} |", columns.join(" "));
        }
        text.push('\n');
    }
    for note in page.notes {
        let _ = writeln!(text, "- {note}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use haechi_model::streams::STREAMS;

    use super::super::{cuscar, cusdec, cusrep, paxlst, pnrgov, tracking};
    use super::*;

    #[test]
    fn pages_name_the_columns_that_are_written() {
        for (format, written) in [
            ("paxlst", paxlst::COLUMNS),
            ("pnrgov", pnrgov::COLUMNS),
            ("cuscar", cuscar::COLUMNS),
            ("cusdec", cusdec::COLUMNS),
            ("cusrep", cusrep::COLUMN_NAMES),
            (tracking::IFTSTA, tracking::COLUMN_NAMES),
            (tracking::COARRI, tracking::COLUMN_NAMES),
            (tracking::CODECO, tracking::COLUMN_NAMES),
            (tracking::COPRAR, tracking::COLUMN_NAMES),
        ] {
            let page = PAGES.iter().find(|page| page.format == format).unwrap();
            let named: Vec<&str> = page.lines.iter().flat_map(|(_, columns)| *columns).copied().collect();
            let each_once: BTreeSet<&str> = named.iter().copied().collect();
            assert_eq!(each_once.len(), named.len(), "{format} names a column twice");
            assert_eq!(each_once, written.iter().copied().collect(), "{format}");
            let stream = STREAMS.iter().find(|stream| stream.name == page.stream).unwrap();
            assert!(named.iter().all(|name| stream.column(name).is_some()), "{format}");
        }
        assert!(
            page("pnrgov")
                .unwrap()
                .contains("| RCI carrier:locator:type:date:time | `locator` `locators` `booked_at` |")
        );
        assert!(page("nothing").is_none());
    }
}
