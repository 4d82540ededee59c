//! The streams, one a file. A new column is one line in its file; a new stream is a file and a line below.

use crate::stream::{Column, Kind, Member, Stream, column, member};

mod cargo_event;
mod company;
mod consignment;
mod crossing;
mod declaration;
mod outcome;
mod permit;
mod reference;
mod traveller;
mod watchlist;

pub use cargo_event::CARGO_EVENT;
pub use company::COMPANY;
pub use consignment::CONSIGNMENT;
pub use crossing::CROSSING;
pub use declaration::DECLARATION;
pub use outcome::OUTCOME;
pub use permit::PERMIT;
pub use reference::{Reference, references};
pub use traveller::TRAVELLER;
pub use watchlist::WATCHLIST;

/// Every stream, in the order `haechi schema` prints them: subjects, facts, reference records.
pub static STREAMS: &[&Stream] =
    &[&DECLARATION, &CONSIGNMENT, &TRAVELLER, &OUTCOME, &CROSSING, &PERMIT, &CARGO_EVENT, &COMPANY, &WATCHLIST];

/// Modes of transport, as streams write them: UN Rec 19 by name, and the carriage class `express`.
const TRANSPORT_MODES: &[&str] =
    &["sea", "air", "rail", "road", "post", "express", "multimodal", "fixed", "inland_water", "other", "unknown"];

const WARNING: &[Member] =
    &[member("code", Kind::Code), member("path", Kind::Text).null(), member("text", Kind::Text).null()];

/// The columns that every stream has, after its own.
pub const COMMON: &[Column] = &[
    column("version", Kind::I32, "1, then +1 for each accepted change; with the key it names one state for ever").key(),
    column("change_kind", Kind::Code, "what this version does to the one before")
        .one_of(&["new", "amend", "cancel", "split", "merge", "restate"]),
    column("change_reason", Kind::Code, "the sender's reason code").null(),
    column("known_at", Kind::Ts, "when the row entered the journal: no feature, rule or backtest sees it earlier")
        .derived(),
    column("as_of", Kind::Ts, "the instant the decision stands for; equals `known_at` except on re-screening")
        .derived(),
    column("event_at", Kind::Ts, "event time for windows; `known_at` where that is NULL").derived(),
    column("journal_position", Kind::I64, "the order of everything").derived(),
    column("source", Kind::Id, "connector instance"),
    column("source_position", Kind::Text, "offset, file and byte: enough to find the bytes again"),
    column("message_format", Kind::Code, "`paxlst`, `wco_dec`, `govcbr929`, `csv` and so on"),
    column("message_version", Kind::Code, "`D.15B`, `3.6`, `1:0` and so on"),
    column("message_id", Kind::Text, "UNB and UNH references, ebMS MessageId, header ID"),
    column("sender_id", Kind::Id, "the party on the envelope"),
    column("message_issued_at", Kind::Ts, "time the sender wrote on it").null(),
    column("received_at", Kind::Ts, "when our first byte arrived").derived(),
    column("content_hash", Kind::Hash, "SHA-256 of the payload without envelope counters").derived(),
    column("message_path", Kind::Text, "segment numbers or XPath of the smallest part the row came from").derived(),
    column("warnings", Kind::Records(WARNING), "what the reader tolerated; the codes are stable and documented")
        .derived(),
];

#[cfg(test)]
mod tests;
