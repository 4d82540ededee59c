//! Rows as Cargo-IMP, the lines of text that airlines and forwarders sent before Cargo-XML and send still: FWB, FHL, FFM.
//!
//! Lines obey the format, so that it is the format that is read back: capitals, digits, full stop, hyphen and blank,
//! fields of the format's width. What does not fit is cut or left out, and [`CargoImp::columns`] says of which columns
//! there is something to compare.

mod houses;
mod lines;
mod manifest;
mod waybill;

use super::Sample;
use super::record::{Record, Records};
use super::together::together;
use crate::spec::Spec;

/// A type of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CargoImp {
    /// Air waybill: a bill of the dataset each, under the number of its master.
    Fwb,
    /// House manifest: the houses of a master.
    Fhl,
    /// Flight manifest: the masters of a flight. Houses of one master are its parts, each in a ULD.
    Ffm,
}

impl CargoImp {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fwb, Self::Fhl, Self::Ffm];

    /// Its name, as readers write it into `message_format`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fwb => "fwb",
            Self::Fhl => "fhl",
            Self::Ffm => "ffm",
        }
    }

    /// Columns that come back, as far as letters and widths of the format allow: times to the minute, `manifested_at`
    /// to the day; no Hangul, and of texts the words; in FFM the sums of the parts of a master.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Fwb => waybill::COLUMNS,
            Self::Fhl => houses::COLUMNS,
            Self::Ffm => manifest::COLUMNS,
        }
    }

    /// The columns that say which rows are one message.
    fn together(self) -> &'static [&'static str] {
        match self {
            Self::Fwb => &["consignment_id"],
            Self::Fhl => &["master_bill_id"],
            Self::Ffm => &["manifest_id"],
        }
    }

    fn write(self, rows: &Records) -> String {
        match self {
            Self::Fwb => waybill::write(rows),
            Self::Fhl => houses::write(rows),
            Self::Ffm => manifest::write(rows),
        }
    }
}

/// The air bills of a dataset as messages of one type, each with its rows, in the order of the rows.
pub fn cargo_imp_messages(format: CargoImp, spec: &Spec) -> impl Iterator<Item = Sample> + use<> {
    let by_air = |row: Record<'_>| row.text("transport_mode") == "air" && row.text("nature") != "empty";
    crate::consignments(spec)
        .flat_map(move |batch| together(&batch, format.together(), by_air))
        .map(move |rows| Sample { text: format.write(&Records::from(&rows)), rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::small;

    /// A line of a Type B message has at most 69 characters, of those that every teleprinter has.
    #[test]
    fn lines_are_of_the_width_and_the_letters_of_the_format() {
        for format in CargoImp::ALL {
            let mut n = 0;
            for sample in cargo_imp_messages(format, &small()) {
                assert!(sample.rows.num_rows() > 0 && sample.text.ends_with("\r\n"), "{}", sample.text);
                for line in sample.text.lines() {
                    let fits =
                        line.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b" .-/".contains(&b));
                    assert!(fits && !line.is_empty() && line.len() <= 69, "`{line}`");
                }
                n += 1;
            }
            assert!(n > 2, "{n} of {}", format.name());
        }
    }
}
