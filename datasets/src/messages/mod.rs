//! The same traffic as real messages: a passenger list and a crew list a flight (PAXLST D.15B), its bookings (PNRGOV
//! 15.1), a manifest a voyage (CUSCAR D.95B), what becomes of it, its bills and boxes (CUSREP D.96B, IFTSTA D.00B, COPRAR,
//! COARRI and CODECO D.95B), a declaration (CUSDEC D.96B). A message carries less than its stream;
//! [`samples`] gives each with the rows it was written from.

mod cargo_imp;
mod clock;
mod cuscar;
mod cusdec;
mod ebxml;
mod paxlst;
mod pnrgov;
mod record;
#[cfg(test)]
mod tests;
mod together;
mod tracking;
mod xml;

pub use cargo_imp::{CargoImp, cargo_imp_messages};
pub use ebxml::{EbxmlEnvelope, EbxmlKind};
pub use xml::{XmlFormat, XmlMessage, xml_messages};

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::consignment::{self, Manifests};
use crate::declaration::Declarations;
use crate::files::WriteError;
use crate::spec::Spec;
use crate::traveller::{self, Flights};
use crate::world::World;
use tracking::BoxReport;

/// What was written as messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Messages {
    /// Files `paxlst/*.edi`, one a flight.
    pub flights: u64,
    /// People listed in them, crew too.
    pub travellers: u64,
    /// Files `cuscar/*.edi`, one a manifest.
    pub manifests: u64,
    /// Consignments in them; a manifest's empty containers count as one.
    pub consignments: u64,
}

/// Writes the flights and the manifests of a dataset as messages: `paxlst/*.edi` and `cuscar/*.edi` in `dir`.
/// File names sort in time order.
pub fn write_messages(spec: &Spec, dir: &Path) -> Result<Messages, WriteError> {
    spec.check()?;
    let world = Arc::new(World::new(spec));
    let mut written = Messages { flights: 0, travellers: 0, manifests: 0, consignments: 0 };
    let lists = dir.join("paxlst");
    fs::create_dir_all(&lists).map_err(WriteError::file(&lists))?;
    for flight in Flights::new(world.clone()) {
        let path = lists.join(format!("{:07}_{}{}.edi", flight.index, flight.carrier, flight.number));
        fs::write(&path, paxlst::interchange(&flight)).map_err(WriteError::file(&path))?;
        written.flights += 1;
        written.travellers += flight.people.len() as u64;
    }
    let manifests = dir.join("cuscar");
    fs::create_dir_all(&manifests).map_err(WriteError::file(&manifests))?;
    for manifest in Manifests::new(world.clone()) {
        let path = manifests.join(format!("{:07}_{}.edi", manifest.number, manifest.id));
        fs::write(&path, cuscar::interchange(&world, &manifest)).map_err(WriteError::file(&path))?;
        written.manifests += 1;
        written.consignments += manifest.bills.len() as u64;
    }
    Ok(written)
}

/// A type of message that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Passengers and crew of a flight.
    Paxlst,
    /// Bookings of a flight.
    Pnrgov,
    /// The bills of a voyage.
    Cuscar,
    /// A declaration.
    Cusdec,
    /// The status of the bills of a voyage.
    Iftsta,
    /// The boxes of a ship, unloaded.
    Coarri,
    /// They leave the terminal.
    Codeco,
    /// They are to be unloaded.
    Coprar,
    /// A ship comes.
    Cusrep,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Paxlst,
        Self::Pnrgov,
        Self::Cuscar,
        Self::Cusdec,
        Self::Iftsta,
        Self::Coarri,
        Self::Codeco,
        Self::Coprar,
        Self::Cusrep,
    ];

    /// Its name, as readers write it into `message_format`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paxlst => "paxlst",
            Self::Pnrgov => "pnrgov",
            Self::Cuscar => "cuscar",
            Self::Cusdec => "cusdec",
            Self::Iftsta => "iftsta",
            Self::Coarri => "coarri",
            Self::Codeco => "codeco",
            Self::Coprar => "coprar",
            Self::Cusrep => "cusrep",
        }
    }
}

/// A message, and the rows it was written from.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The message; of EDIFACT, an interchange.
    pub text: String,
    /// The canonical rows of everybody and everything in it.
    pub rows: RecordBatch,
}

/// The traffic of a dataset as messages of one type, each with the rows it was written from. A flight or voyage keeps at
/// most `units_max` people or bills.
pub fn samples(spec: &Spec, kind: MessageKind, units_max: usize) -> Box<dyn Iterator<Item = Sample>> {
    let world = Arc::new(World::new(spec));
    match kind {
        MessageKind::Paxlst => Box::new(Flights::new(world).map(move |mut flight| {
            flight.people.reverse();
            flight.people.truncate(units_max);
            Sample { text: paxlst::interchange(&flight), rows: traveller::rows_of(&flight, flight.people.iter()) }
        })),
        MessageKind::Pnrgov => Box::new(Flights::new(world).map(move |mut flight| {
            flight.people.retain(|person| person.booking.is_some());
            flight.people.truncate(units_max);
            Sample { text: pnrgov::interchange(&flight), rows: traveller::rows_of(&flight, flight.people.iter()) }
        })),
        MessageKind::Cuscar => {
            let manifests = Manifests::new(world.clone());
            Box::new(manifests.map(move |mut manifest| {
                manifest.bills.truncate(units_max);
                let text = cuscar::interchange(&world, &manifest);
                Sample { text, rows: consignment::rows_of(&world, &manifest) }
            }))
        }
        MessageKind::Iftsta => {
            let manifests = Manifests::new(world.clone());
            Box::new(manifests.filter_map(move |mut manifest| {
                manifest.bills.truncate(units_max);
                let (text, rows) = tracking::status(&world, &manifest);
                (rows.num_rows() > 0).then_some(Sample { text, rows })
            }))
        }
        MessageKind::Coarri => boxes(world, BoxReport::Unloaded, units_max),
        MessageKind::Codeco => boxes(world, BoxReport::CarriedOut, units_max),
        MessageKind::Coprar => boxes(world, BoxReport::UnloadingOrdered, units_max),
        MessageKind::Cusrep => Box::new(Manifests::new(world).filter(|manifest| manifest.by_sea).map(|manifest| {
            let (text, rows) = tracking::arrival(&manifest);
            Sample { text, rows }
        })),
        MessageKind::Cusdec => {
            let mut declarations = Declarations::new(world);
            Box::new(std::iter::from_fn(move || {
                let rows = declarations.next_rows()?;
                Some(Sample { text: cusdec::interchange(&rows), rows })
            }))
        }
    }
}

/// The reports of one kind on the boxes of each ship.
fn boxes(world: Arc<World>, report: BoxReport, boxes_max: usize) -> Box<dyn Iterator<Item = Sample>> {
    let manifests = Manifests::new(world.clone()).filter(|manifest| manifest.by_sea);
    Box::new(manifests.filter_map(move |manifest| {
        let (text, rows) = report.write(&world, &manifest, boxes_max);
        (rows.num_rows() > 0).then_some(Sample { text, rows })
    }))
}

/// An interchange under construction, default service characters, a segment a line.
pub(crate) struct Interchange {
    out: String,
    reference: String,
    messages: usize,
    /// Reference of the open message, and segments in it.
    open: Option<(String, usize)>,
}

impl Interchange {
    /// Opens with UNB. The character set is UTF-8 (`UNOW`) where names or ids may hold Hangul, else plain.
    pub(crate) fn new(syntax: &str, sender: &str, recipient: &str, at: DateTime<Utc>, reference: String) -> Self {
        let mut out = String::with_capacity(16 * 1024);
        let _ = writeln!(out, "UNB+{syntax}+{sender}+{recipient}+{}+{reference}'", at.format("%y%m%d:%H%M"));
        Self { out, reference, messages: 0, open: None }
    }

    /// Opens a message.
    pub(crate) fn message(&mut self, kind: &str) {
        self.end_message();
        self.messages += 1;
        let reference = format!("{}{:02}", self.reference, self.messages);
        let _ = writeln!(self.out, "UNH+{reference}+{kind}'");
        self.open = Some((reference, 1));
    }

    /// Appends a segment, written without its terminator; values in it are already [`released`].
    pub(crate) fn segment(&mut self, text: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.out, "{text}'");
        if let Some((_, segments)) = &mut self.open {
            *segments += 1;
        }
    }

    fn end_message(&mut self) {
        if let Some((reference, segments)) = self.open.take() {
            let _ = writeln!(self.out, "UNT+{}+{reference}'", segments + 1);
        }
    }

    /// Closes the message and the interchange.
    pub(crate) fn finish(mut self) -> String {
        self.end_message();
        let _ = writeln!(self.out, "UNZ+{}+{}'", self.messages, self.reference);
        self.out
    }
}

/// A value with its service characters released.
pub(crate) fn released(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '?' | '+' | ':' | '\'') {
            out.push('?');
        }
        out.push(c);
    }
    out
}

/// An instant.
pub(crate) fn utc(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// A day as YYMMDD.
pub(crate) fn short_day(day: i64) -> String {
    utc(day * crate::timeline::DAY_MS).format("%y%m%d").to_string()
}
