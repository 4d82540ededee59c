//! What a reader hands on, step by step: rows, what it tolerated, and what it had to set aside.
//! Nothing is dropped silently: every unit of the input is a row or a [`SetAside`].

use arrow::array::RecordBatch;
use serde::Serialize;

/// Something odd that was read all the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Warning {
    /// Stable and documented.
    pub code: &'static str,
    /// Where in the message: segment numbers or XPath.
    pub path: String,
    /// What was met and what was made of it, without personal data.
    pub text: String,
}

/// The smallest unit that could not be read, kept so that it can be fixed and sent again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SetAside {
    /// File, topic or connection it came from.
    pub source: String,
    /// Line, row, byte or segment.
    pub position: String,
    /// Stable reason code, `bad_number` and the like.
    pub code: &'static str,
    /// Where, what, and what to do about it.
    pub reason: String,
    /// The raw text of the unit, cut at [`SetAside::TEXT_BYTES_MAX`].
    pub text: String,
    /// What has to stand before the text for it to be read again by itself: the header line of a CSV file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
}

impl SetAside {
    /// How much raw text is kept.
    pub const TEXT_BYTES_MAX: usize = 4 * 1024;

    /// Sets a unit aside. Bytes that are no UTF-8 show as the replacement character.
    pub fn new(
        source: impl Into<String>,
        position: impl Into<String>,
        code: &'static str,
        reason: impl Into<String>,
        raw: &[u8],
    ) -> Self {
        // A character has at most four bytes, and a replacement character three: cut before and after.
        let mut text = String::from_utf8_lossy(&raw[..raw.len().min(Self::TEXT_BYTES_MAX)]).into_owned();
        text.truncate(text.floor_char_boundary(Self::TEXT_BYTES_MAX));
        Self { source: source.into(), position: position.into(), code, reason: reason.into(), text, head: None }
    }

    /// With what has to stand before its text.
    #[must_use]
    pub fn below(self, head: Option<&str>) -> Self {
        Self { head: head.map(str::to_owned), ..self }
    }
}

/// What a reader returns per step. The batch may have no rows.
#[derive(Clone, Debug)]
pub struct Intake {
    /// Rows in the stream's schema, or a part of its columns.
    pub batch: RecordBatch,
    /// What was tolerated in this step.
    pub warnings: Vec<Warning>,
    /// What was set aside in this step.
    pub set_aside: Vec<SetAside>,
}

impl Intake {
    /// Rows and nothing else to say.
    pub fn rows(batch: RecordBatch) -> Self {
        Self { batch, warnings: Vec::new(), set_aside: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_text_is_cut_between_characters() {
        let raw = "가".repeat(3000);
        let kept = SetAside::new("a.csv", "line 2", "bad_number", "line 2: `net_mass_kg`", raw.as_bytes());
        assert!(kept.text.len() <= SetAside::TEXT_BYTES_MAX);
        assert!(kept.text.len() > SetAside::TEXT_BYTES_MAX - 6);
        assert!(kept.text.starts_with("가가"));
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_readable() {
        let kept = SetAside::new("a.edi", "segment 4", "bad_text", "segment 4", b"NAD\xFF+FL");
        assert_eq!(kept.text, "NAD\u{FFFD}+FL");
    }
}
