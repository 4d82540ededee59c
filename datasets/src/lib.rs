//! Seeded generators of border traffic, with planted schemes and the outcomes an inspection would have found.
//!
//! Begin at [`Spec::day`]. The streams come as batches ([`declarations`], [`consignments`], [`travellers`],
//! [`outcomes`]), as files ([`write`](fn@write)) or as real messages ([`write_messages`], [`samples`]); [`planted`] is the
//! answer key. The same [`Spec`] always gives the same rows, whatever the batch size: every subject has a
//! generator of its own, made from seed, stream and index. `datasets/README.md` says what is in the world.
//!
//! No clock in here, and nothing real: parties, people, vessels, flights and documents are invented; places,
//! codes and check digits are as in the world.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says why by panicking"))]

use std::sync::Arc;

use arrow::array::RecordBatch;

mod columns;
mod consignment;
mod damage;
mod declaration;
mod dice;
mod files;
mod ids;
mod messages;
mod mutate;
mod outcome;
mod parties;
mod plan;
mod rows;
mod scheme;
mod spec;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod traveller;
mod world;

pub use damage::{Damage, Damaged};
pub use files::{Format, WriteError, Written, WrittenFile, write};
pub use messages::{
    CargoImp, EbxmlEnvelope, EbxmlKind, MessageKind, Messages, Sample, XmlFormat, XmlMessage, cargo_imp_messages,
    samples, write_messages, xml_messages,
};
pub use mutate::{Mutator, Random};
pub use scheme::{Planted, Scheme};
pub use spec::{Spec, SpecError};

use world::World;

/// The declarations of a dataset, a row an item, in time order. A declaration's items stand in one batch.
pub fn declarations(spec: &Spec) -> impl Iterator<Item = RecordBatch> + use<> {
    declaration::Declarations::batches(world(spec))
}

/// The house bills of a dataset, manifest by manifest.
pub fn consignments(spec: &Spec) -> impl Iterator<Item = RecordBatch> + use<> {
    consignment::Consignments::batches(world(spec))
}

/// The travellers of a dataset, flight by flight, crew first.
pub fn travellers(spec: &Spec) -> impl Iterator<Item = RecordBatch> + use<> {
    traveller::Travellers::batches(world(spec))
}

/// What an inspection of each subject finds: one row a subject of the three streams, `NCF` where nothing is wrong.
pub fn outcomes(spec: &Spec) -> impl Iterator<Item = RecordBatch> + use<> {
    outcome::Outcomes::batches(world(spec))
}

/// What was planted: every subject that belongs to a scheme. Honest mistakes are not planted; they are in the
/// outcomes with severity 1.
pub fn planted(spec: &Spec) -> Vec<Planted> {
    let world = world(spec);
    let mut all = Vec::new();
    let mut declarations = declaration::Declarations::new(world.clone());
    while let Some((finding, id)) = declarations.next_planted() {
        all.extend(finding.planted_as("declaration", &id));
    }
    for manifest in consignment::Manifests::new(world.clone()) {
        for bill in manifest.bills.iter().filter(|b| b.finding.is_some()) {
            let id = consignment::BillText::new(&world, &manifest, bill).consignment_id;
            all.extend(world.bill_finding(bill).planted_as("consignment", &id));
        }
    }
    for flight in traveller::Flights::new(world) {
        for person in flight.people.iter().filter(|p| p.finding.is_some()) {
            all.extend(person.finding.as_ref().and_then(|f| f.planted_as("traveller", &person.id(&flight))));
        }
    }
    all
}

fn world(spec: &Spec) -> Arc<World> {
    Arc::new(World::new(spec))
}
