//! The codes that the reader of envelopes gives, beside those of the readers of what is in them. Codes are stable.

/// Warning codes and what each one says.
pub const WARNINGS: &[(&str, &str)] = &[
    ("mime", "a multipart body that is not as it should be: no header, an indented or unannounced boundary, no end"),
    ("transport_dirt", "text before the first or behind the last boundary was left out"),
    ("transport_encoding", "mail whose bodies came encoded or packed: places are those in what came out"),
    ("transfer_encoding", "a part whose transfer encoding is damaged in places, kept as sent there"),
    ("href", "a reference to a part without `cid:`, taken as one"),
    ("no_content_id", "a part without Content-ID, taken for the one that is referred to and missing, by its place"),
    ("no_manifest", "the envelope names no payload, and parts came with it: all were read"),
    ("repeated_reference", "a part that is referred to again, read once"),
    ("no_message_id", "the envelope has no MessageId: it cannot be answered, nor told when it is sent again"),
    ("signature_unchecked", "the message is signed, and the signature was not checked"),
    ("action_content", "the content is of another kind than the Action says; the content decided"),
    ("charset", "bytes of the envelope that its encoding does not have were replaced"),
    ("envelope", "something in the envelope that is not as XML has it, or that is not expanded, left out"),
    ("warnings_capped", "more warnings than are kept; the rest were only counted"),
];

/// Reasons for setting something aside.
pub const REASONS: &[(&str, &str)] = &[
    ("no_envelope", "no ebXML envelope is in it"),
    ("envelope", "the envelope cannot be read, so nothing in the message is"),
    ("too_many_parts", "more parts than a message is read with"),
    ("too_many_references", "more references to payloads than a message is read with"),
    ("part_header", "a part whose header is larger than any sender writes"),
    ("missing_part", "a payload that the envelope names and the message does not bring"),
    ("external_payload", "a payload that stands elsewhere; nothing is fetched"),
    ("unreferenced", "a part that the envelope, naming others, does not name"),
    ("transfer_encoding", "a part whose transfer encoding is unknown or broken"),
    ("compression", "a compressed payload that is damaged, cut off or of an unknown compression"),
    ("too_large", "a payload that unpacks to more than is read, or to far more than it is"),
    ("encrypted", "an encrypted payload"),
    ("nested", "a payload that is an envelope or a multipart body itself"),
    ("unknown_content", "a payload that is no message we read"),
    ("empty_payload", "a payload of no bytes"),
    ("message_id_reused", "another content under the MessageId of a message that was answered before"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        for table in [WARNINGS, REASONS] {
            let mut codes: Vec<_> = table.iter().map(|(code, _)| *code).collect();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), table.len());
        }
    }
}
