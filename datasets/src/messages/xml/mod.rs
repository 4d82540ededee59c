//! Rows as XML messages, in every format that is read: what goes in comes out again, as far as the format carries it.
//!
//! A message is made of rows, so that whoever reads it can be held to them: [`XmlFormat::columns`] says which columns
//! come back as they were.

mod cargo;
mod declarations;
mod document;
mod manifests;
mod transit;
mod travellers;

use arrow::array::RecordBatch;

use super::clock::{local, seoul, utc};
use super::record::{Record, Records};
use super::together::together;
use crate::spec::Spec;

/// A format of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XmlFormat {
    /// Korean import declaration.
    Govcbr929,
    /// Korean export declaration: the imports of a dataset, sent the other way.
    Govcbr830,
    /// WCO Data Model declaration.
    Wco,
    /// ASYCUDA SAD.
    Sad,
    /// UNI-PASS cargo tracking: a consignment an answer.
    Tracking,
    /// Entry summary declaration, IE315.
    Ens,
    /// ASYCUDA manifest.
    Awmds,
    /// Cargo-XML master waybill.
    Xfwb,
    /// Cargo-XML house waybill.
    Xfzb,
    /// Cargo-XML flight manifest.
    Xffm,
    /// Bookings of a flight.
    Pnrgov,
    /// NCTS release for transit, of what was inspected and in order.
    Ncts,
}

/// A message, and the rows it was made of.
#[derive(Clone, Debug)]
pub struct XmlMessage {
    /// The document.
    pub text: String,
    /// Rows of the format's stream.
    pub rows: RecordBatch,
}

impl XmlFormat {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Govcbr929,
        Self::Govcbr830,
        Self::Wco,
        Self::Sad,
        Self::Tracking,
        Self::Ens,
        Self::Awmds,
        Self::Xfwb,
        Self::Xfzb,
        Self::Xffm,
        Self::Pnrgov,
        Self::Ncts,
    ];

    /// Stream of its rows.
    pub fn stream(self) -> &'static str {
        match self {
            Self::Govcbr929 | Self::Govcbr830 | Self::Wco | Self::Sad => "declaration",
            Self::Pnrgov => "traveller",
            Self::Ncts => "outcome",
            _ => "consignment",
        }
    }

    /// Columns that come back as they were. Times come back to the second, of Korean declarations and SAD
    /// to the day.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Govcbr929 => declarations::KOREA_IMPORT,
            Self::Govcbr830 => declarations::KOREA_EXPORT,
            Self::Wco => declarations::WCO,
            Self::Sad => declarations::SAD,
            Self::Tracking => manifests::TRACKING,
            Self::Ens => manifests::ENS,
            Self::Awmds => manifests::AWMDS,
            Self::Xfwb => cargo::WAYBILL,
            Self::Xfzb => cargo::HOUSE,
            Self::Xffm => cargo::MANIFEST,
            Self::Pnrgov => travellers::PNRGOV,
            Self::Ncts => transit::NCTS,
        }
    }

    /// The columns that say which rows are one message.
    fn together(self) -> &'static [&'static str] {
        match self.stream() {
            "declaration" => &["declaration_id"],
            "outcome" => &["outcome_id"],
            "traveller" => &["carrier", "flight_no", "departure_airport", "departure_scheduled_at"],
            _ => match self {
                Self::Awmds | Self::Ens | Self::Xffm => &["manifest_id"],
                _ => &["consignment_id"],
            },
        }
    }

    /// Whether a row can be in a message of this format.
    fn takes(self, row: Record<'_>) -> bool {
        match self {
            Self::Xfwb | Self::Xfzb | Self::Xffm => {
                row.text("transport_mode") == "air" && row.text("nature") != "empty"
            }
            Self::Tracking | Self::Awmds | Self::Ens => row.text("nature") != "empty",
            Self::Pnrgov => row.text("role") == "passenger",
            // Of what was found, a release says nothing.
            Self::Ncts => row.text("subject_kind") == "declaration" && row.text("result") == "NCF",
            _ => true,
        }
    }

    fn write(self, rows: &Records) -> String {
        match self {
            Self::Govcbr929 => declarations::korea(rows, true),
            Self::Govcbr830 => declarations::korea(rows, false),
            Self::Wco => declarations::wco(rows),
            Self::Sad => declarations::sad(rows),
            Self::Tracking => manifests::tracking(rows),
            Self::Ens => manifests::ens(rows),
            Self::Awmds => manifests::awmds(rows),
            Self::Xfwb => cargo::waybill(rows),
            Self::Xfzb => cargo::house(rows),
            Self::Xffm => cargo::manifest(rows),
            Self::Pnrgov => travellers::pnrgov(rows),
            Self::Ncts => transit::ncts(rows),
        }
    }
}

/// The messages of a dataset in a format, in the order of its rows.
pub fn xml_messages(format: XmlFormat, spec: &Spec) -> Box<dyn Iterator<Item = XmlMessage>> {
    let batches: Box<dyn Iterator<Item = RecordBatch>> = match format.stream() {
        "declaration" => Box::new(crate::declarations(spec)),
        "traveller" => Box::new(crate::travellers(spec)),
        "outcome" => Box::new(crate::outcomes(spec)),
        _ => Box::new(crate::consignments(spec)),
    };
    let message = move |rows| XmlMessage { text: format.write(&Records::from(&rows)), rows };
    Box::new(batches.flat_map(move |batch| together(&batch, format.together(), |row| format.takes(row))).map(message))
}
