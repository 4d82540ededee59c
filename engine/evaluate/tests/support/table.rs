//! Rows as plain values, before any Arrow: what the oracles read, and where they come from.
//!
//! Values are few on purpose, so that conditions match, and awkward on purpose: empty text, quotes, wildcards and
//! several scripts; NaN of both signs, infinities, -0.0; the first and last day there is.

use std::collections::BTreeMap;

use haechi_model::{Kind, Stream};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    /// A whole number, days or milliseconds.
    Int(i64),
    Float(f64),
    Text(String),
    /// Of records or plain values; any of them may be `Null`, as may the list.
    List(Vec<Cell>),
    /// Fields in the stream's order.
    Record(Vec<Cell>),
}

/// Rows of a stream by column. A column that is absent is NULL in every row.
#[derive(Clone, Debug)]
pub struct Table {
    pub stream: &'static Stream,
    pub rows: usize,
    pub columns: BTreeMap<&'static str, Vec<Cell>>,
}

impl Table {
    pub fn cell(&self, column: &str, row: usize) -> Cell {
        self.columns.get(column).map_or(Cell::Null, |cells| cells[row].clone())
    }

    /// What a row holds, for messages: NULLs left out.
    pub fn describe(&self, row: usize) -> String {
        let known = self.columns.iter().map(|(name, cells)| (name, &cells[row])).filter(|(_, c)| **c != Cell::Null);
        known.map(|(name, cell)| format!("\n    {name}: {cell:?}")).collect::<Vec<_>>().concat()
    }

    /// Random rows: one column in twelve is missing, the others have few or many NULLs.
    pub fn random(domain: &Domain, rows: usize, dice: &mut Dice) -> Self {
        let stream = Stream::find(domain.stream).expect("a stream's name");
        let mut columns = BTreeMap::new();
        for column in stream.all_columns().filter(|column| domain.has(column.name)) {
            let null_share = *dice.pick(&[0, 1, 5, 12]);
            let mut value =
                || if dice.below(12) < null_share { Cell::Null } else { domain.cell(column.name, column.kind, dice) };
            let cells = (0..rows).map(|_| value()).collect();
            if !dice.one_in(12) {
                columns.insert(column.name, cells);
            }
        }
        if !dice.one_in(12) {
            columns.insert(stream.subject_key, subjects(rows, dice));
        }
        Self { stream, rows, columns }
    }
}

/// Runs of equal keys; a key may come back later, or be NULL.
fn subjects(rows: usize, dice: &mut Dice) -> Vec<Cell> {
    let mut key = Cell::Null;
    (0..rows)
        .map(|_| {
            if dice.one_in(3) {
                key =
                    if dice.one_in(6) { Cell::Null } else { Cell::Text((*dice.pick(&["A", "B", "C", ""])).to_owned()) };
            }
            key.clone()
        })
        .collect()
}

/// A small generator of our own (SplitMix64), so that one number repeats a case anywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    pub fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// The columns of a stream (or fields of a record) that generated rules speak of.
#[derive(Debug)]
pub struct Domain {
    pub stream: &'static str,
    /// With the values they take.
    pub texts: &'static [(&'static str, &'static [&'static str])],
    pub floats: &'static [&'static str],
    pub ints: &'static [&'static str],
    /// Whole numbers that are only compared: sums with them would leave the range.
    pub longs: &'static [&'static str],
    pub bools: &'static [&'static str],
    pub dates: &'static [&'static str],
    pub instants: &'static [&'static str],
    /// Plain list columns.
    pub lists: &'static [(&'static str, &'static [&'static str])],
    /// List columns of records: the column, and the fields.
    pub records: &'static [(&'static str, &'static Domain)],
}

impl Domain {
    pub const NONE: Self = Self {
        stream: "",
        texts: &[],
        floats: &[],
        ints: &[],
        longs: &[],
        bools: &[],
        dates: &[],
        instants: &[],
        lists: &[],
        records: &[],
    };

    /// All but the lists.
    pub fn plain_columns(&self) -> impl Iterator<Item = &'static str> {
        let texts = self.texts.iter().map(|(name, _)| *name);
        let others = [self.floats, self.ints, self.longs, self.bools, self.dates, self.instants];
        texts.chain(others.into_iter().flatten().copied())
    }

    fn has(&self, name: &str) -> bool {
        self.plain_columns().any(|known| known == name)
            || self.lists.iter().any(|(known, _)| *known == name)
            || self.records.iter().any(|(known, _)| *known == name)
    }

    fn cell(&self, name: &str, kind: Kind, dice: &mut Dice) -> Cell {
        let text = |pool: &[&str], dice: &mut Dice| Cell::Text((*dice.pick(pool)).to_owned());
        if let Some((_, pool)) = self.texts.iter().find(|(known, _)| *known == name) {
            return text(pool, dice);
        }
        let mut list = |one: &dyn Fn(&mut Dice) -> Cell| {
            let cells = (0..dice.below(4)).map(|_| if dice.one_in(8) { Cell::Null } else { one(dice) });
            Cell::List(cells.collect())
        };
        if let Some((_, pool)) = self.lists.iter().find(|(known, _)| *known == name) {
            return list(&|dice| text(pool, dice));
        }
        if let (Some((_, fields)), Kind::Records(members)) =
            (self.records.iter().find(|(known, _)| *known == name), kind)
        {
            return list(&|dice| {
                let field = |member: &haechi_model::Member, dice: &mut Dice| {
                    let known = fields.has(member.name) && !dice.one_in(6);
                    if known { fields.cell(member.name, member.kind, dice) } else { Cell::Null }
                };
                Cell::Record(members.iter().map(|member| field(member, dice)).collect())
            });
        }
        match kind {
            Kind::F64 => Cell::Float(*dice.pick(FLOATS)),
            Kind::I32 => Cell::Int(*dice.pick(INTS)),
            Kind::I64 => Cell::Int(*dice.pick(LONGS)),
            Kind::Bool => Cell::Bool(dice.one_in(2)),
            Kind::Date => Cell::Int(dice.pick(DAYS).1),
            Kind::Ts => Cell::Int(dice.pick(INSTANTS).1),
            _ => Cell::Null,
        }
    }
}

/// Goods declarations, an item a row.
pub const ITEMS: &Domain = &Domain {
    stream: "declaration",
    texts: &[
        ("origin_country", COUNTRIES),
        ("departure_country", COUNTRIES),
        ("hs_code", CODES),
        ("hs4", CODES),
        ("description", WORDS),
        ("trade_name", WORDS),
    ],
    floats: &["customs_value_usd", "net_mass_kg", "quantity"],
    ints: &["item_no", "version"],
    longs: &["journal_position"],
    bools: &["importer_aeo", "inspection_wanted"],
    instants: &["declared_at", "arrival_at"],
    ..Domain::NONE
};

pub const COUNTRIES: &[&str] = &["CN", "cn", "VN", " vn ", "KR", "", "\u{1F9F8}"];
pub const CODES: &[&str] = &["6402", "6403", "8517", "64", "", "0640"];
pub const WORDS: &[&str] = &[
    "",
    "gun",
    "Toy GUN, plastic",
    "begun",
    "air rifle",
    "설명 100%",
    "공기총 gun",
    "Straße",
    "STRASSE",
    "É",
    "aé",
    "Σς",
    "A%B",
    "a_b",
    "a\\b",
    "x'y",
    "one\ntwo",
    "12.5",
    "CN",
    "6402",
];
pub const FLOATS: &[f64] = &[
    0.0,
    -0.0,
    0.5,
    1.0,
    2.0,
    3.0,
    4.5,
    60.0,
    100.0,
    -1.5,
    f64::NAN,
    -f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
    1e300,
];
pub const INTS: &[i64] = &[0, 1, 2, 3, -1, 60, 100, i32::MAX as i64, i32::MIN as i64];
pub const LONGS: &[i64] = &[0, 1, 2, -1, 1 << 53, (1 << 53) + 1, i64::MAX];
/// As a rule writes them, and as days since 1970. The last two, the ends of the calendar, cannot be written.
pub const DAYS: &[(&str, i64)] = &[
    ("1970-01-01", 0),
    ("2025-12-31", 20_453),
    ("2026-01-01", 20_454),
    ("2024-02-29", 19_782),
    ("1899-12-31", -25_568),
    ("9999-12-31", 2_932_896),
    ("0001-01-01", -719_162),
    ("", 95_026_236),
    ("", -96_465_292),
];
/// As a rule writes them, and as milliseconds since 1970. The last two cannot be written.
pub const INSTANTS: &[(&str, i64)] = &[
    ("1970-01-01T00:00:00Z", 0),
    ("2025-12-31T23:59:59.999Z", 1_767_225_599_999),
    ("2026-01-01T00:00:00Z", 1_767_225_600_000),
    ("2026-01-01T09:00:00+09:00", 1_767_225_600_000),
    ("2026-01-01", 1_767_225_600_000),
    ("1969-12-31 23:59:59.999", -1),
    ("9999-12-31T00:00:00Z", 253_402_214_400_000),
    ("", i64::MAX / 1_000_000),
    ("", i64::MIN / 1_000_000),
];
/// For LIKE: by shape (equality, prefix, suffix, part, anything), with escapes, in several scripts.
pub const PATTERNS: &[&str] = &[
    "",
    "gun",
    "%",
    "%%",
    "_",
    "__",
    "64%",
    "%2",
    "%gun%",
    "%GUN%",
    "%un_%",
    "C_",
    "a\\_b",
    "A\\%B",
    "%\\%",
    "a\\\\b",
    "%\\",
    "\\gun",
    "설%",
    "설명%",
    "_명%",
    "stra%E",
    "%é",
    "σ_",
    "one%two",
    "one_two",
    "_%_",
    "%6%0%",
    "_ir%",
    "설명 1%",
    "공%",
    "A%",
];
