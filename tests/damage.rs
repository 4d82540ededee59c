//! Damages lines of a CSV file without quotes, in the ways real files are damaged, and remembers what it did. It
//! shares nothing with the readers, so that what they say can be held against it.

use std::collections::{BTreeMap, BTreeSet};

/// A way for a line to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    TextForNumber,
    TextForDate,
    ImpossibleDate,
    NegativeMass,
    NumberTooLarge,
    LettersInTariffCode,
    NoKey,
    CellMissing,
    CellTooMany,
    QuoteNotClosed,
    TextBehindQuote,
    NotUtf8,
    NulByte,
    Blank,
    /// The row again, right behind itself.
    Repeated,
    /// An earlier row again, with others between.
    Returned,
}

impl Way {
    pub const ALL: [Self; 16] = [
        Self::TextForNumber,
        Self::TextForDate,
        Self::ImpossibleDate,
        Self::NegativeMass,
        Self::NumberTooLarge,
        Self::LettersInTariffCode,
        Self::NoKey,
        Self::CellMissing,
        Self::CellTooMany,
        Self::QuoteNotClosed,
        Self::TextBehindQuote,
        Self::NotUtf8,
        Self::NulByte,
        Self::Blank,
        Self::Repeated,
        Self::Returned,
    ];

    /// The reason such a line is set aside for.
    pub fn code(self) -> &'static str {
        match self {
            Self::TextForNumber => "bad_number",
            Self::TextForDate => "bad_date",
            Self::ImpossibleDate => "impossible_date",
            Self::NegativeMass | Self::NumberTooLarge => "out_of_range",
            Self::LettersInTariffCode => "bad_hs_code",
            Self::NoKey => "missing_key",
            Self::CellMissing | Self::CellTooMany => "wrong_cell_count",
            Self::QuoteNotClosed => "open_quote",
            Self::TextBehindQuote => "bad_quote",
            Self::NotUtf8 => "bad_utf8",
            Self::NulByte => "nul_byte",
            Self::Blank => "blank_line",
            Self::Repeated => "duplicate_row",
            Self::Returned => "subject_returned",
        }
    }

    /// The damaged line; of the two that come twice, the second.
    fn line(self, columns: &[&str], row: &str, earlier: &str) -> Vec<u8> {
        let with = |column: &str, change: &dyn Fn(&str) -> Vec<u8>| {
            let at = columns.iter().position(|name| *name == column).unwrap();
            let cells: Vec<Vec<u8>> = row
                .split(',')
                .enumerate()
                .map(|(i, cell)| if i == at { change(cell) } else { cell.as_bytes().to_vec() })
                .collect();
            cells.join(&b',')
        };
        let put = |column: &str, value: &str| with(column, &|_| value.as_bytes().to_vec());
        match self {
            Self::TextForNumber => put("Net Mass", "heavy"),
            Self::TextForDate => put("Date", "soon"),
            Self::ImpossibleDate => put("Date", "2020-02-30"),
            Self::NegativeMass => put("Net Mass", "-12.5"),
            Self::NumberTooLarge => put("Item Price", "1e999"),
            Self::LettersInTariffCode => put("HS6 Code", "85I7I2"),
            Self::NoKey => put("Declaration ID", ""),
            Self::CellMissing => row.rsplit_once(',').unwrap().0.as_bytes().to_vec(),
            Self::CellTooMany => [row.as_bytes(), b",0"].concat(),
            Self::QuoteNotClosed => with("Seller ID", &|cell| format!("\"{cell}").into_bytes()),
            Self::TextBehindQuote => put("Importer ID", "\"QLRUBN9\" Ltd"),
            Self::NotUtf8 => with("Importer ID", &|cell| [cell.as_bytes(), b"\xC7\xD1"].concat()),
            Self::NulByte => with("Declarant ID", &|cell| [cell.as_bytes(), b"\0"].concat()),
            Self::Blank => Vec::new(),
            Self::Repeated => row.as_bytes().to_vec(),
            Self::Returned => earlier.as_bytes().to_vec(),
        }
    }

    /// Whether the row itself stays and the damage is one more line.
    fn adds_a_line(self) -> bool {
        matches!(self, Self::Repeated | Self::Returned)
    }
}

/// A damaged file, and the truth about it.
pub struct Damaged {
    pub bytes: Vec<u8>,
    /// What was done to which line, from 1, and the line as it is now.
    pub lines: BTreeMap<u64, (Way, Vec<u8>)>,
    /// First cells of the rows nothing was done to.
    pub whole: BTreeSet<String>,
    /// Lines behind the header.
    pub rows: u64,
}

/// One row in `one_in` is damaged, the ways by turns.
pub fn damage(text: &str, one_in: u64, seed: u64) -> Damaged {
    let (header, body) = text.split_once('\n').unwrap();
    let columns: Vec<&str> = header.trim_end().split(',').collect();
    let rows: Vec<&str> = body.lines().collect();
    let mut damaged = Damaged {
        bytes: text.as_bytes()[..=header.len()].to_vec(),
        lines: BTreeMap::new(),
        whole: BTreeSet::new(),
        rows: 0,
    };
    // A whole row that others have followed since.
    let mut earlier: Option<&str> = None;
    let mut turn = 0;
    for (i, row) in rows.iter().enumerate() {
        // The last line stays: blank lines at the end of a file are not damage.
        let hit = mix(seed ^ i as u64).is_multiple_of(one_in) && i + 1 < rows.len();
        let way = hit.then(|| Way::ALL[turn % Way::ALL.len()]).filter(|way| *way != Way::Returned || earlier.is_some());
        let stays = way.is_none_or(Way::adds_a_line);
        if stays {
            damaged.push(row.as_bytes());
            damaged.whole.insert(row.split(',').next().unwrap().to_owned());
        }
        if let Some(way) = way {
            turn += 1;
            let line = way.line(&columns, row, earlier.unwrap_or_default());
            damaged.push(&line);
            damaged.lines.insert(damaged.rows + 1, (way, line));
        }
        if stays && i % 97 == 0 {
            earlier = Some(row);
        }
    }
    damaged
}

impl Damaged {
    fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        self.rows += 1;
    }
}

/// SplitMix64: what looks like chance and is the same every time.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
