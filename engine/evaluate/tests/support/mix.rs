//! Many rules that share their parts, over many rows with few values and many: what makes an evaluator measure, rank,
//! anchor and settle. Templates, since a grammar deep enough to hit on them by chance would be slow.
//!
//! Rows are *patterns*, repeated: an oracle that takes its time answers for each pattern once.

use std::collections::BTreeMap;
use std::ops::Range;

use haechi_model::Stream;

use super::grammar::Sql;
use super::table::{COUNTRIES, Cell, Dice, INSTANTS, INTS, LONGS, PATTERNS, Table, WORDS};

const TEXTS: &[&str] = &["hs_code", "hs4", "origin_country", "departure_country", "description", "trade_name"];
const NUMBERS: &[&str] = &["customs_value_usd", "net_mass_kg", "quantity", "item_no"];
const BOOLS: &[&str] = &["importer_aeo", "inspection_wanted"];
/// Words of a description; some stand in others, some twice in one text.
const PARTS: &[&str] =
    &["gun", "GUN", "begun", "toy", "air rifle", "설명", "straße", "100%", "a_b", "plastic", "gungun"];
/// Distinct tariff codes: more than a byte or a small matrix holds.
const HS_CODES: usize = 300;
/// Numbers run up to here, besides a few awkward ones.
const NUMBER_MAX: usize = 1_000;

/// Rows that occur again and again, subject by subject.
pub struct Patterns {
    pub table: Table,
    subjects: Vec<Range<usize>>,
}

impl Patterns {
    /// So many subjects or a few rows each. With `flipped`, what was frequent is rare.
    pub fn random(subjects: usize, flipped: bool, dice: &mut Dice) -> Self {
        let stream = Stream::find("declaration").expect("a stream's name");
        let mut rows = 0;
        let mut keys = Vec::new();
        let subjects: Vec<Range<usize>> = (0..subjects)
            .map(|subject| {
                let start = rows;
                rows += if dice.one_in(20) { 1 + dice.below(30) } else { 1 + dice.below(3) };
                // A row without a key stands alone.
                let key = if rows - start == 1 && dice.one_in(3) { Cell::Null } else { text(&format!("{subject}")) };
                keys.resize(rows, key);
                start..rows
            })
            .collect();
        let mut columns = BTreeMap::from([(stream.subject_key, keys)]);
        let plain = ["version", "journal_position", "declared_at", "arrival_at"];
        for name in [TEXTS, NUMBERS, BOOLS, &plain].concat() {
            let null_share = *dice.pick(&[0, 0, 1, 5]);
            let cell =
                |dice: &mut Dice| if dice.below(12) < null_share { Cell::Null } else { value(name, flipped, dice) };
            let cells = (0..rows).map(|_| cell(dice)).collect();
            if !dice.one_in(15) {
                columns.insert(name, cells);
            }
        }
        Self { table: Table { stream, rows, columns }, subjects }
    }

    /// Whether a row is the first of its subject.
    pub fn begins(&self, row: usize) -> bool {
        self.subjects.binary_search_by_key(&row, |subject| subject.start).is_ok()
    }

    /// About so many rows, and the pattern of each. Neighbours have different keys.
    pub fn repeated(&self, rows: usize, dice: &mut Dice) -> (Table, Vec<usize>) {
        let mut patterns = Vec::with_capacity(rows);
        let mut keys = Vec::with_capacity(rows);
        let stream = self.table.stream;
        while patterns.len() < rows {
            let subject = dice.pick(&self.subjects).clone();
            let key = match self.table.cell(stream.subject_key, subject.start) {
                Cell::Null => Cell::Null,
                _ => text(&format!("{}", keys.len() % 997)),
            };
            keys.resize(keys.len() + subject.len(), key);
            patterns.extend(subject);
        }
        let again = |cells: &Vec<Cell>| patterns.iter().map(|row| cells[*row].clone()).collect::<Vec<_>>();
        let mut columns: BTreeMap<_, _> =
            self.table.columns.iter().map(|(name, cells)| (*name, again(cells))).collect();
        columns.insert(stream.subject_key, keys);
        (Table { stream, rows: patterns.len(), columns }, patterns)
    }
}

/// A value of a column; low places in its pool are frequent.
fn value(column: &str, flipped: bool, dice: &mut Dice) -> Cell {
    let mut place = |places: usize| {
        let bound = dice.below(places) + 1;
        let low = dice.below(bound);
        if flipped { places - 1 - low } else { low }
    };
    match column {
        "hs_code" => text(&hs_code(place(HS_CODES))),
        "hs4" => text(&hs_code(place(20))[..4]),
        "origin_country" | "departure_country" => text(COUNTRIES[place(COUNTRIES.len())]),
        "trade_name" => text(WORDS[place(WORDS.len())]),
        "description" => {
            let words: Vec<&str> = (0..2 + place(3)).map(|_| PARTS[place(PARTS.len())]).collect();
            text(&words.join([" ", ", ", ""][place(3)]))
        }
        "item_no" if place(9) == 8 => Cell::Int(*dice.pick(INTS)),
        "item_no" => Cell::Int(place(NUMBER_MAX) as i64),
        "version" => Cell::Int(1 + place(2) as i64),
        "journal_position" => Cell::Int(*dice.pick(LONGS)),
        "declared_at" | "arrival_at" => Cell::Int(dice.pick(INSTANTS).1),
        "importer_aeo" | "inspection_wanted" => Cell::Bool(place(3) == 0),
        _ if place(9) == 8 => Cell::Float(*dice.pick(super::table::FLOATS)),
        _ => Cell::Float(place(NUMBER_MAX) as f64),
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn hs_code(place: usize) -> String {
    format!("{}{:02}", 6400 + 7 * (place % 20), place / 20)
}

/// Makes rules whose parts come from a small pool, so that rules share them.
pub struct Templates {
    texts: Vec<Sql>,
    others: Vec<Sql>,
    /// Whether rules may look across items.
    items: bool,
}

impl Templates {
    pub fn new(items: bool, dice: &mut Dice) -> Self {
        let texts = (0..12).map(|_| text_atom(dice)).collect();
        let others = (0..8).map(|_| other_atom(dice)).collect();
        Self { texts, others, items }
    }

    /// A rule.
    pub fn rule(&self, dice: &mut Dice) -> Sql {
        let texts: Vec<Sql> = (0..4).map(|_| self.text(dice)).collect();
        let others: Vec<Sql> = (0..3).map(|_| self.other(dice)).collect();
        let [t, u, v, w] = &*texts else { unreachable!() };
        let [a, b, c] = &*others else { unreachable!() };
        if self.items && dice.one_in(3) {
            return match dice.below(11) {
                0 => filled("any_item(?)", &[t]),
                1 => filled("any_item(?) AND ?", &[t, a]),
                2 => filled("any_item(?) AND any_item(?)", &[t, u]),
                3 => filled("any_item(? AND ?) AND ?", &[t, a, u]),
                4 => filled("any_item(? OR ?) AND ?", &[t, u, a]),
                5 => filled("(any_item(?) OR ?) AND ?", &[t, u, a]),
                6 => filled("all_items(?)", &[t]),
                7 => filled("all_items(? OR ?) AND ?", &[t, a, u]),
                8 => filled("count_items(?) >= 2 AND ?", &[t, u]),
                9 => filled("NOT any_item(?) AND ?", &[t, u]),
                _ => filled("sum_items(quantity) > 100 AND any_item(?)", &[t]),
            };
        }
        match dice.below(28) {
            0..4 => t.clone(),
            4..7 => filled("? AND ?", &[t, a]),
            7 => filled("? AND ? AND ?", &[t, u, a]),
            8 => filled("? AND ? AND ? AND ?", &[t, a, b, c]),
            9 => filled("? OR ?", &[t, u]),
            10 => filled("(? OR ? OR ?) AND ?", &[t, u, v, a]),
            11 => filled("(? OR ?) AND (? OR ?)", &[t, u, v, w]),
            12 => filled("(? AND ? OR ? AND ?) AND ?", &[t, a, u, b, c]),
            13 => filled("(? OR ?) AND ?", &[t, a, b]),
            14 => filled("NOT ? AND ?", &[t, a]),
            15 => filled("NOT ?", &[t]),
            16 => filled("(?) IS TRUE", &[t]),
            17 => filled("(? OR ?) IS TRUE AND ?", &[t, u, a]),
            18 => filled("(?) IS NOT TRUE AND ?", &[t, a]),
            19 => filled("(? AND ?) IS NOT TRUE AND NOT ?", &[t, a, u]),
            20 => a.clone(),
            21 => filled("? AND ?", &[a, b]),
            22 => filled("? OR ?", &[a, b]),
            23 => filled("NOT ? AND ? AND ?", &[a, b, t]),
            24 => filled("? AND ((? OR ?) AND ? OR ?)", &[t, a, b, u, c]),
            25 => filled("(? OR ?) AND (? OR ? AND (? OR ?))", &[t, u, a, b, c, v]),
            26 => filled("NOT (? OR ?) AND NOT ?", &[t, u, a]),
            _ => filled("CASE WHEN ? THEN ? ELSE ? END", &[t, a, u]),
        }
    }

    fn text(&self, dice: &mut Dice) -> Sql {
        if dice.one_in(4) { text_atom(dice) } else { dice.pick(&self.texts).clone() }
    }

    fn other(&self, dice: &mut Dice) -> Sql {
        if dice.one_in(4) { other_atom(dice) } else { dice.pick(&self.others).clone() }
    }
}

/// Rules that differ in a threshold alone, so many of them that a rank takes two bytes.
pub fn ladder(dice: &mut Dice) -> Vec<Sql> {
    let column = *dice.pick(&["item_no", "quantity"]);
    let cmp = *dice.pick(&[">", ">=", "<", "<="]);
    (0..300).map(|step| number(column, &format!("{cmp} {}", step * 3))).collect()
}

/// A question about the text of one column.
fn text_atom(dice: &mut Dice) -> Sql {
    let column = *dice.pick(TEXTS);
    let constant = |dice: &mut Dice| match value(column, dice.one_in(2), dice) {
        Cell::Text(text) if !dice.one_in(12) => quoted(&text),
        _ => quoted(WORDS[dice.below(WORDS.len())]),
    };
    let pattern = |dice: &mut Dice| {
        let Cell::Text(text) = value(column, dice.one_in(2), dice) else { return quoted("%") };
        let letters: Vec<String> = text.chars().map(|c| c.to_string().replace(['%', '_', '\\'], "%")).collect();
        let from = dice.below(letters.len().max(1));
        let part = letters[from.min(letters.len())..].iter().take(1 + dice.below(4)).cloned().collect::<String>();
        let head = letters.iter().take(1 + dice.below(4)).cloned().collect::<String>();
        let tail = letters[letters.len().saturating_sub(2)..].concat();
        quoted(&match dice.below(8) {
            0 | 1 => format!("{head}%"),
            2 => format!("%{tail}"),
            3 | 4 => format!("%{part}%"),
            5 => format!("{head}_%"),
            6 => format!("%{part}%{tail}"),
            _ => (*dice.pick(PATTERNS)).to_owned(),
        })
    };
    let both = |text: String| Sql { theirs: Some(text.clone()), ours: text };
    match dice.below(12) {
        0..3 => both(format!("{column} = {}", constant(dice))),
        3 => {
            let values: Vec<String> = (0..=dice.below(12)).map(|_| constant(dice)).collect();
            both(format!("{column} IN ({})", values.join(", ")))
        }
        4 => both(format!("{column} NOT IN ({}, {})", constant(dice), *dice.pick(&["'x'", "NULL"]))),
        5..8 => both(format!("{column} LIKE {}", pattern(dice))),
        8 => both(format!("{column} ILIKE {}", pattern(dice))),
        9 => both(format!("{column} {} {}", *dice.pick(&["<>", "<", "<=", ">", ">="]), constant(dice))),
        10 => {
            let theirs = format!("upper(trim({column})) IN ('CN', 'VN')");
            Sql { ours: format!("in_list({column}, 'watched')"), theirs: Some(theirs) }
        }
        _ => Sql { ours: format!("mentions({}, 'weapons')", *dice.pick(&[column, "description"])), theirs: None },
    }
}

/// Any other question: about numbers, flags, instants, missing values, or two columns at once.
fn other_atom(dice: &mut Dice) -> Sql {
    let both = |text: String| Sql { theirs: Some(text.clone()), ours: text };
    let column = *dice.pick(NUMBERS);
    let bound = |dice: &mut Dice| *dice.pick(&[0, 1, 2, 5, 20, 50, 100, 300, 600, 900, 999]);
    let cmp = |dice: &mut Dice| *dice.pick(&["<", "<=", ">", ">=", "<>", "="]);
    let missing = |dice: &mut Dice| if dice.one_in(2) { column } else { *dice.pick(TEXTS) };
    match dice.below(16) {
        0..4 => number(column, &format!("{} {}", cmp(dice), bound(dice))),
        4 => number(column, &format!("BETWEEN {} AND {}", bound(dice), bound(dice))),
        5 => {
            let values = [bound(dice), bound(dice), bound(dice)];
            let theirs: Vec<String> = values.iter().map(|value| format!("{column} = {value}")).collect();
            let ours = format!("{column} IN ({}, {}, {})", values[0], values[1], values[2]);
            Sql { ours, theirs: Some(format!("({})", theirs.join(" OR "))) }
        }
        6 => both((*dice.pick(BOOLS)).to_owned()),
        7 => both(format!("{} IS NOT TRUE", *dice.pick(BOOLS))),
        8 => both(format!("{} IS NULL", missing(dice))),
        9 => both(format!("{} IS NOT NULL", missing(dice))),
        10 => {
            let (left, right) = (column, *dice.pick(NUMBERS));
            let cmp = cmp(dice);
            let known = |column: &str| format!("nanvl({column}, CAST('NaN' AS DOUBLE))");
            Sql {
                ours: format!("{left} {cmp} {right}"),
                theirs: Some(format!("{} {cmp} {}", known(left), known(right))),
            }
        }
        11 | 12 => {
            let pair = *dice.pick(&[
                ("origin_country", "departure_country"),
                ("departure_country", "origin_country"),
                ("description", "trade_name"),
                ("hs_code", "hs4"),
            ]);
            let cmp = *dice.pick(&["=", "=", "<>", "<>", "<", ">="]);
            both(format!("{}{} {cmp} {}", *dice.pick(&["", "NOT "]), pair.0, pair.1))
        }
        13 => Sql { ours: format!("customs_value_usd / net_mass_kg < {}", bound(dice)), theirs: None },
        14 => Sql { ours: format!("quantity < lookup('floor', hs4) + {}", bound(dice)), theirs: None },
        _ => Sql {
            ours: "declared_at < arrival_at".into(),
            theirs: Some("CAST(declared_at AS BIGINT) < CAST(arrival_at AS BIGINT)".into()),
        },
    }
}

/// DataFusion tells one NaN from another.
fn number(column: &str, question: &str) -> Sql {
    let theirs = Some(format!("nanvl({column}, CAST('NaN' AS DOUBLE)) {question}"));
    Sql { ours: format!("{column} {question}"), theirs }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A form with each `?` replaced by a part, in brackets. What looks across items DataFusion does not have.
fn filled(form: &str, parts: &[&Sql]) -> Sql {
    let fill = |part: &dyn Fn(&Sql) -> Option<String>| {
        let mut parts = parts.iter();
        form.split_inclusive('?').try_fold(String::new(), |text, piece| match piece.strip_suffix('?') {
            Some(before) => Some(text + before + "(" + &part(parts.next().expect("a part for each `?`"))? + ")"),
            None => Some(text + piece),
        })
    };
    let theirs = if form.contains("_item") { None } else { fill(&|part| part.theirs.clone()) };
    Sql { ours: fill(&|part| Some(part.ours.clone())).expect("ours is always there"), theirs }
}
