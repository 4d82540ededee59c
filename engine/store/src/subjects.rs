//! The index: every version of a subject, under its stream and identifier.

use haechi_model::Stream;

use crate::Position;
use crate::bytes::Reader;

/// One version of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectVersion {
    /// Which.
    pub version: i32,
    /// Position of its first row, which names its selection.
    pub position: Position,
    /// Hash of its content.
    pub content: [u8; 16],
    /// Hash of the envelope it came in; 0 without one. It tells a message sent again from one that says the same anew.
    pub envelope: u64,
    /// Whether it counts: it was decided on, or is a fact. One that came after a later version is kept and counts not.
    pub decided: bool,
}

const FORMAT: u8 = 1;

/// The key of a subject, into `key`.
pub(crate) fn key(stream: &Stream, id: &str, key: &mut Vec<u8>) {
    key.clear();
    key.extend_from_slice(stream.name.as_bytes());
    key.push(0);
    key.extend_from_slice(id.as_bytes());
}

/// Versions for disk: by version, and by position where a version came twice.
///
/// They carry no checksum of their own: some forty bytes a subject, checked with the block they lie in.
pub(crate) fn encode(versions: &[SubjectVersion]) -> Vec<u8> {
    let mut value = Vec::with_capacity(1 + 37 * versions.len());
    value.push(FORMAT);
    for version in versions {
        value.extend_from_slice(&version.version.to_le_bytes());
        value.extend_from_slice(&version.position.to_le_bytes());
        value.extend_from_slice(&version.content);
        value.extend_from_slice(&version.envelope.to_le_bytes());
        value.push(u8::from(version.decided));
    }
    value
}

/// Reads what [`encode`] wrote. The error says what is wrong with it.
pub(crate) fn decode(value: &[u8]) -> Result<Vec<SubjectVersion>, String> {
    let mut reader = Reader(value);
    match reader.u8() {
        Some(FORMAT) => {}
        other => return Err(format!("it begins with {other:?}, which is no list of versions")),
    }
    let mut versions = Vec::with_capacity(reader.0.len() / 37);
    while !reader.0.is_empty() {
        versions.push(version(&mut reader).ok_or("the last version is cut off")?);
    }
    Ok(versions)
}

fn version(reader: &mut Reader<'_>) -> Option<SubjectVersion> {
    Some(SubjectVersion {
        version: reader.i32()?,
        position: reader.u64()?,
        content: reader.array()?,
        envelope: reader.u64()?,
        decided: reader.u8()? == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_were_written_and_cuts_are_seen() {
        let versions: Vec<_> = (1..4)
            .map(|i| SubjectVersion {
                version: i,
                position: 7 << 40 | i as u64,
                content: [i as u8; 16],
                envelope: i as u64 - 1,
                decided: i > 1,
            })
            .collect();
        let value = encode(&versions);
        assert_eq!(decode(&value), Ok(versions));
        assert!(decode(&value[..value.len() - 1]).is_err());
        assert!(decode(&[]).is_err());
    }
}
