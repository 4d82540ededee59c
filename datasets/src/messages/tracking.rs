//! What becomes of a voyage, its bills and boxes: CUSREP D.96B, that the ship comes; IFTSTA D.00B, an event a bill; COPRAR,
//! COARRI and CODECO D.95B, the boxes that a terminal is to unload, unloads, and lets out through its gate.

use arrow::array::RecordBatch;
use haechi_model::streams::CARGO_EVENT;

use super::{Interchange, released, utc};
use crate::consignment::{Bill, BillText, Manifest};
use crate::rows::{Rows, instant};
use crate::timeline::SEOUL_MS;
use crate::world::World;

const MINUTE_MS: i64 = 60_000;
/// How long a crane has for a box.
const BOX_MS: i64 = 4 * MINUTE_MS;
/// How long a box stands in the terminal.
const STORED_MS: i64 = 30 * 60 * MINUTE_MS;
/// How long before a ship comes its terminal is told what to unload.
const ORDERED_MS: i64 = 12 * 60 * MINUTE_MS;

/// The columns written, in order.
const COLUMNS: &[&str] = &[
    "cargo_event_id",
    "consignment_id",
    "container_id",
    "event_kind",
    "happened_at",
    "place_id",
    "reference_id",
    "gross_mass_kg",
    "version",
    "change_kind",
];

/// What happened to a bill or a box.
struct Event<'e> {
    consignment: &'e str,
    container: Option<&'e str>,
    kind: &'static str,
    at: i64,
    place: &'static str,
    gross_mass_kg: Option<f64>,
}

fn write(event: &Event<'_>, reference: &str, rows: &mut Rows) {
    let Event { consignment, container, kind, at, place, gross_mass_kg } = *event;
    rows.put("cargo_event_id", format!("{consignment}/{}/{kind}", container.unwrap_or_default()).as_str());
    rows.put("consignment_id", consignment);
    rows.put("container_id", container);
    rows.put("event_kind", kind);
    rows.put("happened_at", instant(at));
    rows.put("place_id", place);
    rows.put("reference_id", reference);
    rows.put("gross_mass_kg", gross_mass_kg);
    rows.put("version", 1);
    rows.put("change_kind", "new");
    rows.end();
}

/// The status of each bill: every other has left, the rest have come.
pub(super) fn status(world: &World, m: &Manifest) -> (String, RecordBatch) {
    let mut rows = Rows::new(&CARGO_EVENT, COLUMNS);
    let told_at = m.arrival_expected_at + MINUTE_MS;
    let reference = format!("S{:07}", m.number);
    let mut edi = Interchange::new("UNOA:2", m.carrier, "KRCUSTOMS", utc(told_at), reference.clone());
    edi.message("IFTSTA:D:00B:UN");
    edi.segment(format_args!("BGM+23+{reference}+9"));
    edi.segment(format_args!("DTM+137:{}:203", seoul(told_at)));
    for (n, bill) in m.bills.iter().enumerate().filter(|(_, bill)| !bill.is_empties()) {
        let text = BillText::new(world, m, bill);
        edi.segment(format_args!("CNI+{}+{}", n + 1, released(&text.house_bill)));
        let left = n % 2 == 0;
        let (kind, code, at, place) = if left {
            ("departed", "24", m.departed_at, m.loading_port)
        } else {
            ("arrived", "1", m.arrival_expected_at, m.unloading_port)
        };
        let at = at / MINUTE_MS * MINUTE_MS;
        edi.segment(format_args!("STS+1+{code}"));
        edi.segment(format_args!("RFF+UCN:{}", released(&text.consignment_id)));
        if left {
            edi.segment(format_args!("DTM+334:{}?+0000:205", utc(at).format("%Y%m%d%H%M")));
        } else {
            edi.segment(format_args!("DTM+334:{}:203", seoul(at)));
        }
        edi.segment(format_args!("LOC+175+{place}:139:6"));
        write(
            &Event { consignment: &text.consignment_id, container: None, kind, at, place, gross_mass_kg: None },
            &reference,
            &mut rows,
        );
    }
    (edi.finish(), rows.finish())
}

/// A message of a terminal that names boxes: all of them once, with the first bill that has goods in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BoxReport {
    /// COARRI: they are unloaded, one after the other.
    Unloaded,
    /// CODECO: they leave through the gate, in the order they came.
    CarriedOut,
    /// COPRAR: before the ship comes, that they are to be unloaded.
    UnloadingOrdered,
}

impl BoxReport {
    /// Type of the message, its BGM, letter of its reference, and the event.
    fn names(self) -> (&'static str, &'static str, char, &'static str) {
        match self {
            Self::Unloaded => ("COARRI:D:95B:UN", "44", 'U', "unloaded"),
            Self::CarriedOut => ("CODECO:D:95B:UN", "36", 'G', "carried_out"),
            Self::UnloadingOrdered => ("COPRAR:D:95B:UN", "43", 'O', "unloading_ordered"),
        }
    }

    /// When it happens to a box.
    fn at(self, m: &Manifest, nth: usize) -> i64 {
        let at = match self {
            Self::Unloaded => m.arrival_expected_at + BOX_MS * (nth as i64 + 1),
            Self::CarriedOut => m.arrival_expected_at + STORED_MS + BOX_MS * (nth as i64 + 1),
            Self::UnloadingOrdered => m.arrival_expected_at - ORDERED_MS,
        };
        at / MINUTE_MS * MINUTE_MS
    }

    /// Writes it for the boxes of a ship.
    pub(super) fn write(self, world: &World, m: &Manifest, boxes_max: usize) -> (String, RecordBatch) {
        let mut rows = Rows::new(&CARGO_EVENT, COLUMNS);
        let (message, code, letter, kind) = self.names();
        let boxes = &m.boxes[..m.boxes.len().min(boxes_max)];
        let told_at = self.at(m, boxes.len());
        let reference = format!("{letter}{:07}", m.number);
        let mut edi = Interchange::new("UNOA:2", "KRTERMINAL", m.carrier, utc(told_at), reference.clone());
        edi.message(message);
        edi.segment(format_args!("BGM+{code}+{reference}+9"));
        edi.segment(format_args!("DTM+137:{}:203", seoul(told_at)));
        edi.segment(format_args!("TDT+20+{}+1++{}:172:20+++{}:146:11", m.voyage_no, m.carrier, m.conveyance_id));
        if self != Self::CarriedOut {
            edi.segment(format_args!("LOC+11+{}:139:6", m.unloading_port));
            edi.segment(format_args!("DTM+178:{}:203", seoul(m.arrival_expected_at)));
        }
        for (n, container) in boxes.iter().enumerate() {
            let at = self.at(m, n);
            let holds = |bill: &&Bill| !bill.is_empties() && bill.boxes.iter().any(|(of, _)| *of == n);
            let bill = m.bills.iter().find(holds).map(|bill| BillText::new(world, m, bill).consignment_id);
            let fill = if container.empty { 4 } else { 5 };
            edi.segment(format_args!("EQD+CN+{}+{}:102:5++3+{fill}", container.id, container.iso_type));
            if let Some(bill) = &bill {
                edi.segment(format_args!("RFF+UCN:{}", released(bill)));
            }
            match self {
                Self::Unloaded => {
                    edi.segment(format_args!("DTM+203:{}:203", seoul(at)));
                    edi.segment(format_args!("LOC+147+{:07}::5", n + 1));
                }
                Self::CarriedOut => {
                    edi.segment(format_args!("DTM+7:{}:203", seoul(at)));
                    edi.segment(format_args!("LOC+165+{}:139:6", m.unloading_port));
                }
                Self::UnloadingOrdered => {}
            }
            edi.segment(format_args!("MEA+AAE+G+KGM:{}", container.gross_mass_kg));
            let event = Event {
                consignment: bill.as_deref().unwrap_or(&container.id),
                container: Some(&container.id),
                kind,
                at,
                place: m.unloading_port,
                gross_mass_kg: Some(container.gross_mass_kg),
            };
            write(&event, &reference, &mut rows);
        }
        edi.segment(format_args!("CNT+16:{}", boxes.len()));
        (edi.finish(), rows.finish())
    }
}

/// A ship's arrival (CUSREP), and that it left the port before, of the manifest that it carries.
pub(super) fn arrival(m: &Manifest) -> (String, RecordBatch) {
    let mut rows = Rows::new(&CARGO_EVENT, COLUMNS);
    let reference = format!("R{:07}", m.number);
    let mut edi = Interchange::new("UNOA:2", m.carrier, "KRCUSTOMS", utc(m.manifested_at), reference.clone());
    edi.message("CUSREP:D:96B:UN");
    edi.segment(format_args!("BGM+98+{reference}+9"));
    edi.segment(format_args!("RFF+CN:{}", released(&m.id)));
    let (left, reached) = (m.departed_at / MINUTE_MS * MINUTE_MS, m.arrival_expected_at / MINUTE_MS * MINUTE_MS);
    edi.segment(format_args!("LOC+94+{}:139:6", m.loading_port));
    edi.segment(format_args!("DTM+136:{}?+0000:205", utc(left).format("%Y%m%d%H%M")));
    edi.segment(format_args!("LOC+60+{}:139:6", m.unloading_port));
    edi.segment(format_args!("DTM+132:{}:203", seoul(reached)));
    let name = released(m.conveyance_name.as_deref().unwrap_or_default());
    edi.segment(format_args!("TDT+20+{}+1++{}:172:20+++{}:146:11:{name}", m.voyage_no, m.carrier, m.conveyance_id));
    for (kind, at, place) in [("departed", left, m.loading_port), ("arrived", reached, m.unloading_port)] {
        let event = Event { consignment: &m.id, container: None, kind, at, place, gross_mass_kg: None };
        write(&event, &reference, &mut rows);
    }
    (edi.finish(), rows.finish())
}

fn seoul(ms: i64) -> String {
    utc(ms + SEOUL_MS).format("%Y%m%d%H%M").to_string()
}
