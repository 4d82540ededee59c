//! Cargo-IMP: air waybills (FWB), house manifests (FHL) and flight manifests (FFM) as lines of text, to consignments.
//!
//! Withdrawn by IATA at the end of 2024 and still sent. A message begins with its name and version on a line of its own
//! (`FWB/17`); what transport put around it (Type B addresses, STX, ETX) is cut. Lines that begin with a slash go on
//! with what was begun. One file may hold several messages.
//!
//! | line | column |
//! |---|---|
//! | waybill `999-12345675ICNLAX/T10K250.5MC1.2` | `master_bill_id`, `loading_port`, `unloading_port`, `part_kind`, `package_count`, `gross_mass_kg` (K, L), `volume_m3` (MC, CF, CC, CI) |
//! | FFM flight `1/ZZ123/12MAR1230/ICN` | `manifest_id`, `voyage_no`, `carrier_id`, `departed_at` |
//! | FFM point of unloading `LAX/13MAR1500`, `LAX//13MAR1500` | `unloading_port` of what follows, `arrival_expected_at` |
//! | FFM `ULD/AKE12345ZZ` | `containers` of what follows; parts of one waybill on one flight are added up |
//! | goods `/DESC/SPH/SPH`, SPH | `description`, `special_handling` |
//! | FWB SHP CNE NFY (NAM ADR LOC, or bare lines) | parties |
//! | FWB FLT, the last flight; RTG; AGT, its IATA number | `voyage_no`, `carrier_id`; `route_countries`; `forwarder_id` |
//! | FWB RTD `/NG/`, `/NC/`, `/NH/`, `/NV/`, `/NU/` | `description`, consolidation, `hs_codes`, `volume_m3`, `containers` |
//! | FWB CVD, PPD, COL | `value_usd`, `freight_usd` where in USD |
//! | FWB ISU `12MAR27/BKK`, the day there, else where the waybill begins | `manifested_at` |
//! | FHL MBI; HBS `number/ICNLAX/5/K120/25/DESC`; TXT; HTS | `master_bill_id`; `house_bill_id` and its goods; `description`, told once where TXT begins with it again; `hs_codes` |
//! | FHL TXT as Korean forwarders write it: `.COM.`, `.SNM.`, `.CNM.` | `description`; parties that have no SHP or CNE |
//! | OCI `country/subject/kind/text`, subject carried over | `customs_notes`; kind T of SHP and CNE is `shipper_id`, `consignee_id`; subject DNR with a UN number is `dangerous` |
//!
//! Days come without a year: the one nearest to [`ReadOptions::received_on`](crate::ReadOptions) is meant; without it
//! they stay NULL, with a warning.

mod consignment;
mod lines;
mod manifest;
mod rows;
mod waybill;

use super::edifact::output::Output;
use crate::format::{MessageFormat, MessageInput, MessageReading};
use lines::Message;
pub(crate) use lines::not_read;

/// The entry in the list of formats.
pub const FORMAT: MessageFormat = MessageFormat {
    name: "cargo_imp",
    title: "Cargo-IMP: FWB air waybill, FHL house manifest, FFM flight manifest",
    versions: &["FWB 9 to 17", "FHL 2 to 5", "FFM 5 to 8"],
    recognise: lines::recognise,
    read,
    stream: None,
    answer: None,
};

fn read(input: MessageInput<'_>) -> MessageReading {
    let mut out = Output::new(input);
    let text = if let Ok(text) = std::str::from_utf8(input.bytes) {
        std::borrow::Cow::Borrowed(text)
    } else {
        out.warn("charset", "byte 0", "bytes that are no UTF-8 were read as Windows-1252");
        encoding_rs::WINDOWS_1252.decode_without_bom_handling(input.bytes).0
    };
    let (text, folded) = lines::unfolded(&text);
    if folded > 0 {
        out.warn("transport_dirt", "line 1", format!("joined {folded} folded lines"));
    }
    let messages = lines::messages(&text, &mut out);
    for message in &messages {
        out.count("messages", 1);
        match message.kind {
            "FFM" => manifest::read(message, &mut out),
            "FHL" => waybill::read_houses(message, &mut out),
            _ => waybill::read(message, &mut out),
        }
    }
    out.finish()
}

/// The column `message_format`.
fn format_of(message: &Message<'_>) -> &'static str {
    match message.kind {
        "FFM" => "ffm",
        "FHL" => "fhl",
        _ => "fwb",
    }
}

#[cfg(test)]
mod tests;
