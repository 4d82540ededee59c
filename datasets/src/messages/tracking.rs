//! What becomes of the bills and boxes of a voyage: IFTSTA D.00B, an event a bill, and COARRI D.95B, the boxes that a
//! terminal unloads.

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

/// The boxes of a ship as they are unloaded, each with the first bill that has goods in it.
pub(super) fn unloaded(world: &World, m: &Manifest, boxes_max: usize) -> (String, RecordBatch) {
    let mut rows = Rows::new(&CARGO_EVENT, COLUMNS);
    let told_at = m.arrival_expected_at + BOX_MS * (m.boxes.len() as i64 + 1);
    let reference = format!("U{:07}", m.number);
    let mut edi = Interchange::new("UNOA:2", "KRTERMINAL", m.carrier, utc(told_at), reference.clone());
    edi.message("COARRI:D:95B:UN");
    edi.segment(format_args!("BGM+44+{reference}+9"));
    edi.segment(format_args!("TDT+20+{}+1++{}:172:20+++{}:146:11", m.voyage_no, m.carrier, m.conveyance_id));
    edi.segment(format_args!("LOC+11+{}:139:6", m.unloading_port));
    edi.segment(format_args!("DTM+178:{}:203", seoul(m.arrival_expected_at)));
    let boxes = &m.boxes[..m.boxes.len().min(boxes_max)];
    for (n, container) in boxes.iter().enumerate() {
        let at = (m.arrival_expected_at + BOX_MS * (n as i64 + 1)) / MINUTE_MS * MINUTE_MS;
        let holds = |bill: &&Bill| !bill.is_empties() && bill.boxes.iter().any(|(of, _)| *of == n);
        let bill = m.bills.iter().find(holds).map(|bill| BillText::new(world, m, bill).consignment_id);
        let fill = if container.empty { 4 } else { 5 };
        edi.segment(format_args!("EQD+CN+{}+{}:102:5++3+{fill}", container.id, container.iso_type));
        if let Some(bill) = &bill {
            edi.segment(format_args!("RFF+UCN:{}", released(bill)));
        }
        edi.segment(format_args!("DTM+203:{}:203", seoul(at)));
        edi.segment(format_args!("LOC+147+{:07}::5", n + 1));
        edi.segment(format_args!("MEA+AAE+G+KGM:{}", container.gross_mass_kg));
        let event = Event {
            consignment: bill.as_deref().unwrap_or(&container.id),
            container: Some(&container.id),
            kind: "unloaded",
            at,
            place: m.unloading_port,
            gross_mass_kg: Some(container.gross_mass_kg),
        };
        write(&event, &reference, &mut rows);
    }
    edi.segment(format_args!("CNT+16:{}", boxes.len()));
    (edi.finish(), rows.finish())
}

fn seoul(ms: i64) -> String {
    utc(ms + SEOUL_MS).format("%Y%m%d%H%M").to_string()
}
