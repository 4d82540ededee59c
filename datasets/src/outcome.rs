//! Outcomes: what an inspection of each subject finds, for every subject there is. Nobody inspects everything;
//! the point is to know what inspecting would have found, so that any selection can be scored.

use std::sync::Arc;

use arrow::array::RecordBatch;
use haechi_model::Cell;
use haechi_model::streams::OUTCOME;

use crate::consignment::{BillText, Manifest, Manifests};
use crate::declaration::{Declarations, Owner};
use crate::dice::{Dice, Use};
use crate::rows::{Batches, Rows, Subjects, instant};
use crate::scheme::Finding;
use crate::timeline::HOUR_MS;
use crate::traveller::{Flight, Flights};
use crate::world::World;

/// The columns written, in order.
const COLUMNS: &[&str] = &[
    "outcome_id",
    "item_no",
    "rule_id",
    "subject_kind",
    "subject_id",
    "subject_version",
    "selected_by",
    "propensity",
    "inspected_at",
    "office",
    "officer_id",
    "method",
    "result",
    "severity",
    "irregularities",
    "found_hs_code",
    "found_origin_country",
    "found_value_usd",
    "found_quantity",
    "duty_delta_usd",
    "penalty_usd",
    "seized_quantity",
    "seized_unit",
    "seized_kind",
    "text",
    "waived",
    "final",
    "version",
    "change_kind",
];

/// One inspected subject.
struct Inspected {
    kind: &'static str,
    prefix: char,
    index: u64,
    subject_id: String,
    office: &'static str,
    method: &'static str,
    /// The earliest an officer gets to it.
    ready_at: i64,
    finding: Finding,
}

/// The outcomes of a dataset: declarations, then consignments, then travellers.
pub(crate) struct Outcomes {
    world: Arc<World>,
    declarations: Declarations,
    manifests: Manifests,
    manifest: Option<(Manifest, usize)>,
    flights: Flights,
    flight: Option<(Flight, usize)>,
}

impl Outcomes {
    pub(crate) fn batches(world: Arc<World>) -> impl Iterator<Item = RecordBatch> + use<> {
        let batch_rows = world.spec.batch_rows;
        let outcomes = Self {
            declarations: Declarations::new(world.clone()),
            manifests: Manifests::new(world.clone()),
            manifest: None,
            flights: Flights::new(world.clone()),
            flight: None,
            world,
        };
        Batches::new(Rows::new(&OUTCOME, COLUMNS), outcomes, batch_rows)
    }

    fn next_inspected(&mut self) -> Option<Inspected> {
        self.next_declaration().or_else(|| self.next_consignment()).or_else(|| self.next_traveller())
    }

    fn next_declaration(&mut self) -> Option<Inspected> {
        let (d, subject_id) = self.declarations.next_with_id()?;
        let parcel = matches!(d.owner, Owner::Person(_));
        Some(Inspected {
            kind: "declaration",
            prefix: 'D',
            index: d.index,
            subject_id,
            office: d.office,
            method: if parcel { "scan" } else { ["documents", "front_sample", "inside_sample"][(d.bits % 3) as usize] },
            ready_at: d.declared_at.max(d.arrival_at),
            finding: self.world.declaration_finding(&d),
        })
    }

    fn next_consignment(&mut self) -> Option<Inspected> {
        if self.manifest.as_ref().is_none_or(|(m, place)| *place >= m.bills.len()) {
            self.manifest = self.manifests.next().map(|m| (m, 0));
        }
        let (manifest, place) = self.manifest.as_mut()?;
        let bill = &manifest.bills[*place];
        *place += 1;
        Some(Inspected {
            kind: "consignment",
            prefix: 'C',
            index: bill.index,
            subject_id: BillText::new(&self.world, manifest, bill).consignment_id,
            office: manifest.office,
            method: if manifest.by_sea { "full_unloading" } else { "scan" },
            ready_at: manifest.arrival_expected_at,
            finding: self.world.bill_finding(bill),
        })
    }

    fn next_traveller(&mut self) -> Option<Inspected> {
        if self.flight.as_ref().is_none_or(|(f, place)| *place >= f.people.len()) {
            self.flight = self.flights.next().map(|f| (f, 0));
        }
        let (flight, place) = self.flight.as_mut()?;
        let person = &flight.people[*place];
        *place += 1;
        let finding = self.world.traveller_finding(flight, person);
        Some(Inspected {
            kind: "traveller",
            prefix: 'T',
            index: flight.index * 1_024 + u64::from(person.number),
            subject_id: person.id(flight),
            office: if flight.inbound && flight.to.iata != "ICN" { "033" } else { "040" },
            method: if finding.seized.is_some() { "search" } else { "interview" },
            ready_at: if flight.inbound { flight.arrives_at } else { flight.departs_at - 2 * HOUR_MS },
            finding,
        })
    }
}

impl Subjects for Outcomes {
    fn write_next(&mut self, rows: &mut Rows) -> bool {
        let Some(inspected) = self.next_inspected() else { return false };
        write(&self.world, &inspected, rows);
        true
    }
}

fn write(world: &World, inspected: &Inspected, rows: &mut Rows) {
    let Inspected { finding, prefix, index, .. } = inspected;
    let mut dice = Dice::new(world.spec.seed ^ u64::from(u32::from(*prefix)), Use::Inspection, *index);
    let waited = if inspected.kind == "traveller" { dice.between(0.2, 1.5) } else { dice.between(3.0, 40.0) };
    let seized = finding.seized.as_ref();
    let penalty = finding.duty_delta_usd.filter(|_| finding.severity >= 2).map(|delta| (delta * 0.4).round());

    rows.put("outcome_id", format!("O{prefix}{index:09}").as_str());
    rows.put("item_no", finding.item_no);
    rows.put("rule_id", None::<&str>);
    rows.put("subject_kind", inspected.kind);
    rows.put("subject_id", inspected.subject_id.as_str());
    rows.put("subject_version", 1);
    rows.put("selected_by", "random");
    rows.put("propensity", 1.0);
    rows.put("inspected_at", instant(inspected.ready_at + (waited * HOUR_MS as f64) as i64 / 1_000 * 1_000));
    rows.put("office", inspected.office);
    rows.put("officer_id", format!("{}-{:02}", inspected.office, dice.below(24)).as_str());
    rows.put("method", inspected.method);
    rows.put("result", finding.irregularities.first().copied().unwrap_or("NCF"));
    rows.put("severity", finding.severity);
    rows.put("irregularities", Cell::List(finding.irregularities.iter().map(|code| Cell::Text(code)).collect()));
    rows.put("found_hs_code", finding.found_hs_code.as_deref());
    rows.put("found_origin_country", finding.found_origin);
    rows.put("found_value_usd", finding.found_value_usd);
    rows.put("found_quantity", finding.found_quantity);
    rows.put("duty_delta_usd", finding.duty_delta_usd);
    rows.put("penalty_usd", penalty);
    rows.put("seized_quantity", seized.map(|s| s.kg));
    rows.put("seized_unit", seized.map(|_| "KG"));
    rows.put("seized_kind", seized.map(|s| s.kind));
    rows.put("text", (!finding.note.is_empty()).then_some(finding.note.as_str()));
    rows.put("waived", false);
    rows.put("final", true);
    rows.put("version", 1);
    rows.put("change_kind", "new");
    rows.end();
}
