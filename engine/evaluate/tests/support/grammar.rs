//! Random conditions as text: every operator and form of the rule language, nested, over the columns of a domain.
//!
//! A condition comes in two spellings: ours, and DataFusion's where that differs (`/` always divides doubles,
//! `in_list` is an IN) or does not exist (`lookup`, `mentions`, looking across items and into records).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

use super::table::{DAYS, Domain, FLOATS, INSTANTS, INTS, LONGS, PATTERNS, WORDS};

/// A piece of SQL in our spelling and, where there is one, in DataFusion's.
#[derive(Clone, PartialEq)]
pub struct Sql {
    pub ours: String,
    pub theirs: Option<String>,
}

impl std::fmt::Debug for Sql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.ours)
    }
}

/// A strategy for one sort of expression; cheap to clone.
pub type Piece = BoxedStrategy<Sql>;

/// Forms beyond a domain's own columns.
#[derive(Default)]
pub struct Extra {
    pub numbers: Vec<Piece>,
    pub conditions: Vec<Piece>,
    /// Whether `any_item()` and its kin may stand here.
    pub items: bool,
}

/// Conditions over the columns of a domain, nested that deep.
pub fn conditions(domain: &'static Domain, extra: &Extra, depth: usize) -> Piece {
    let own = Columns::of(domain);
    let mut conditions = vec![select(&["TRUE", "FALSE", "1 > 2", "1.5 >= 1", "'a' < 'b'"][..]).prop_map(word).boxed()];
    conditions.extend([&own.bools, &own.bools, &own.bools].into_iter().flatten().cloned());
    conditions.extend(extra.conditions.iter().cloned());
    let leaves = Grammar {
        number: Union::new([own.number.clone(), number_constant()]).boxed(),
        text: Union::new([own.text.clone(), text_constant()]).boxed(),
        condition: Union::new(conditions).boxed(),
    };
    (0..depth).fold(leaves, |smaller, _| smaller.grown(&own, extra)).condition
}

/// Forms that look into the records and lists of a domain.
pub fn into_lists(domain: &'static Domain) -> Extra {
    let mut extra = Extra::default();
    for (column, fields) in domain.records {
        let one = haechi_rules::condition::singular(column);
        let inside = conditions(fields, &Extra::default(), 2);
        let number = Columns::of(fields).number;
        extra.conditions.push(ours_only(&[format!("any_{one}(?)"), format!("all_{one}s(?)")], [&inside]));
        extra.numbers.push(ours_only(&[format!("count_{one}s(?)"), format!("cardinality({column})")], [&inside]));
        extra.numbers.push(ours_only(&[format!("sum_{one}s(?)"), format!("sum_{one}s(? + 1)")], [&number]));
    }
    for (column, values) in domain.lists {
        let value = select(*values).prop_map(quoted).boxed();
        let has = [format!("array_has({column}, ?)"), format!("any_in_list({column}, 'watched')")];
        extra.conditions.push(ours_only(&has, [&value]));
        extra.numbers.push(ours_only(&[format!("cardinality({column})")], []));
    }
    extra
}

/// Strategies for the sorts of expression, up to some depth.
struct Grammar {
    number: Piece,
    text: Piece,
    condition: Piece,
}

impl Grammar {
    /// One level deeper.
    fn grown(&self, own: &Columns, extra: &Extra) -> Self {
        Self { number: self.numbers(own, extra), text: self.texts(own), condition: self.conditions(own, extra) }
    }

    fn numbers(&self, own: &Columns, extra: &Extra) -> Piece {
        let (n, t, c) = (&self.number, &self.text, &self.condition);
        let mut forms = vec![
            (6, n.clone()),
            (3, form(&["(? + ?)", "(? - ?)", "(? * ?)"], [n, n])),
            (1, spelled("(? / ?)", "(CAST(? AS DOUBLE) / ?)", [n, n])),
            (1, spelled("(? % ?)", "(CAST(? AS DOUBLE) % ?)", [n, n])),
            (
                1,
                form(
                    &["abs(?)", "ceil(?)", "floor(?)", "round(?)", "round(?, 1)", "signum(?)", "power(?, 2)", "- (?)"],
                    [n],
                ),
            ),
            (1, form(&["nullif(?, ?)", "greatest(?, ?)", "least(?, ?)"], [n, n])),
            (1, coalesced(n)),
            // These fail on some numbers: NULL for us, the end of the query for DataFusion.
            (1, ours_only(&["sqrt(?)", "ln(?)", "exp(?)", "power(2, ?)"], [&own.number])),
            (1, form(&["CASE WHEN ? THEN ? ELSE ? END"], [c, n, n])),
            (1, form(&["length(?)", "strpos(?, 'n')", "TRY_CAST(? AS DOUBLE)"], [t])),
            (1, ours_only(&["lookup('floor', ?)", "lookup('floor.usd_per_kg', left(?, 4))"], [&own.text])),
        ];
        forms.extend(own.instants.iter().map(|at| (1, form(&["date_part('year', ?)", "extract(hour FROM ?)"], [at]))));
        forms.extend(extra.numbers.iter().map(|number| (2, number.clone())));
        if extra.items {
            forms.push((2, ours_only(&["count_items(?)"], [c])));
            forms.push((2, ours_only(&["sum_items(?)", "sum_items(? * 2)"], [&own.number])));
        }
        Union::new_weighted(forms).boxed()
    }

    fn texts(&self, own: &Columns) -> Piece {
        let (t, c) = (&self.text, &self.condition);
        let functions = ["upper(?)", "lower(?)", "trim(?)", "left(?, 2)", "right(?, 2)", "split_part(?, ' ', 1)"];
        Union::new_weighted(vec![
            (6, t.clone()),
            (2, form(&functions, [t])),
            (1, form(&["substr(?, 1, 2)", "replace(?, 'C', 'V')", "translate(?, 'CV', 'V')"], [t])),
            (1, form(&["concat(?, ?)", "(? || ?)", "nullif(?, ?)"], [t, t])),
            (1, coalesced(t)),
            (1, form(&["CASE WHEN ? THEN ? ELSE ? END"], [c, t, t])),
            (1, ours_only(&["lookup('floor.label', ?)"], [&own.text])),
        ])
        .boxed()
    }

    fn conditions(&self, own: &Columns, extra: &Extra) -> Piece {
        let (t, c) = (&self.text, &self.condition);
        // What is compared. DataFusion tells one NaN from another.
        let n = &spelled("?", ONE_NAN, [&self.number]);
        let number = &spelled("?", ONE_NAN, [&own.number]);
        // What LIKE and in_list() look at: a column or something made of one.
        let read = Union::new_weighted(vec![
            (4, own.text.clone()),
            (1, form(&["upper(?)", "trim(?)", "left(?, 2)"], [&own.text])),
            (1, form(&["concat(?, ?)"], [&own.text, t])),
        ])
        .boxed();
        let mut forms = vec![
            (4, c.clone()),
            (4, form(&["(? AND ?)", "(? OR ?)"], [c, c])),
            (1, form(&["(? AND ? OR ?)", "(? OR NOT ? AND ?)", "(? AND ? AND ?)"], [c, c, c])),
            (1, form(&["CASE WHEN ? THEN ? ELSE ? END"], [c, c, c])),
            (2, form(&["NOT (?)", "NOT ?"], [c])),
            (2, form(&["(?) IS TRUE", "(?) IS NOT TRUE", "(?) IS FALSE", "(?) IS NOT FALSE", "(?) = FALSE"], [c])),
            (1, form(&["(?) IS UNKNOWN", "(?) IS NOT UNKNOWN", "(?) IS NULL", "(?) IS NOT NULL"], [c])),
            (1, form(&["(?) = (?)", "(?) <> (?)", "(?) IS DISTINCT FROM (?)"], [c, c])),
            (1, spelled("(?) IN (?, NULL)", "((?) = (?) OR CAST(NULL AS BOOLEAN))", [c, c])),
            (1, spelled("(? AND NULL)", "(? AND CAST(NULL AS BOOLEAN))", [c])),
            (1, spelled("(NULL OR ?)", "(CAST(NULL AS BOOLEAN) OR ?)", [c])),
            (5, form(COMPARED, [n, n])),
            (4, form(COMPARED, [&own.text, t])),
            (2, form(COMPARED, [t, &own.text])),
            (1, form(DISTINCT, [n, n])),
            (1, form(DISTINCT, [t, t])),
            (1, form(&["? IS NULL", "? IS NOT NULL"], [n])),
            (1, form(&["? IS NULL", "? IS NOT NULL"], [t])),
            (2, form(BETWEEN, [n, n, n])),
            (1, form(BETWEEN, [t, t, t])),
            (2, one_of_values(number, &number_constant())),
            (1, one_of_values(n, n)),
            (3, one_of(&own.text, &text_constant())),
            (1, one_of_values(t, t)),
            (4, form(&["? LIKE ?", "? NOT LIKE ?", "? ILIKE ?", "? NOT ILIKE ?"], [&read, &pattern()])),
            (
                1,
                form(
                    &["starts_with(?, '64')", "ends_with(?, '')", "contains(?, 'un')", "regexp_like(?, '^[a-z]')"],
                    [&read],
                ),
            ),
            (1, spelled("in_list(?, 'watched')", "upper(trim(?)) IN ('CN', 'VN')", [&read])),
            (1, ours_only(&["mentions(?, 'weapons')"], [&read])),
        ];
        let instants = own.instants.as_ref().map(|at| spelled("?", MILLIS, [at]));
        for (column, constant) in [(&own.dates, day()), (&instants, instant())] {
            if let Some(column) = column {
                forms.push((3, form(COMPARED, [column, &constant])));
                forms.push((1, form(COMPARED, [&constant, column])));
                forms.push((1, form(COMPARED, [column, column])));
                forms.push((1, form(DISTINCT, [column, column])));
                forms.push((2, form(BETWEEN, [column, &constant, &constant])));
                forms.push((1, form(BETWEEN, [column, column, &constant])));
                forms.push((1, one_of(column, &constant)));
            }
        }
        if let (Some(date), Some(instant)) = (&own.dates, &instants) {
            let date = spelled("?", "(CAST(CAST(? AS INT) AS BIGINT) * 86400000)", [date]);
            forms.push((2, form(COMPARED, [&date, instant])));
            forms.push((1, form(BETWEEN, [instant, &date, &date])));
        }
        if let Some(long) = &own.longs {
            let constant = select(LONGS).prop_map(|value| word(value.to_string())).boxed();
            forms.push((2, form(COMPARED, [long, &constant])));
            forms.push((1, one_of(long, &constant)));
        }
        if extra.items {
            forms.push((4, ours_only(&["any_item(?)", "all_items(?)"], [c])));
        }
        Union::new_weighted(forms).boxed()
    }
}

const ONE_NAN: &str = "nanvl(?, CAST('NaN' AS DOUBLE))";
/// Left alone, DataFusion compares instants with text and days in nanoseconds, which end in 2262.
const MILLIS: &str = "CAST(? AS BIGINT)";
const COMPARED: &[&str] = &["? = ?", "? <> ?", "? < ?", "? <= ?", "? > ?", "? >= ?"];
const DISTINCT: &[&str] = &["(? IS DISTINCT FROM (?))", "(? IS NOT DISTINCT FROM (?))"];
const BETWEEN: &[&str] = &["? BETWEEN ? AND ?", "? NOT BETWEEN ? AND ?"];

/// Strategies for the columns of a domain.
struct Columns {
    text: Piece,
    number: Piece,
    floats: Option<Piece>,
    longs: Option<Piece>,
    bools: Option<Piece>,
    dates: Option<Piece>,
    instants: Option<Piece>,
}

impl Columns {
    fn of(domain: &'static Domain) -> Self {
        let one_of = |names: Vec<&'static str>| (!names.is_empty()).then(|| select(names).prop_map(word).boxed());
        Self {
            text: one_of(domain.texts.iter().map(|(name, _)| *name).collect()).expect("a text column"),
            number: one_of([domain.floats, domain.ints].concat()).expect("a number column"),
            floats: one_of(domain.floats.to_vec()),
            longs: one_of(domain.longs.to_vec()),
            bools: one_of(domain.bools.to_vec()),
            dates: one_of(domain.dates.to_vec()),
            instants: one_of(domain.instants.to_vec()),
        }
    }
}

fn number_constant() -> Piece {
    let floats = FLOATS.iter().filter(|x| x.is_finite()).map(|x| format!("{x:?}"));
    let texts: Vec<String> = floats.chain(INTS.iter().map(ToString::to_string)).collect();
    select(texts).prop_map(word).boxed()
}

fn text_constant() -> Piece {
    select(WORDS).prop_map(quoted).boxed()
}

fn pattern() -> Piece {
    select(PATTERNS).prop_map(quoted).boxed()
}

fn day() -> Piece {
    let written: Vec<&str> = DAYS.iter().map(|(text, _)| *text).filter(|text| !text.is_empty()).collect();
    (select(&["?", "DATE ?"][..]), select(written))
        .prop_map(|(form, text)| filled(form, Some(form), &[quoted(text)]))
        .boxed()
}

fn instant() -> Piece {
    let written: Vec<&str> = INSTANTS.iter().map(|(text, _)| *text).filter(|text| !text.is_empty()).collect();
    (select(&["?", "TIMESTAMP ?"][..]), select(written))
        .prop_map(|(form, text)| filled(form, Some("CAST(CAST(? AS TIMESTAMP(3)) AS BIGINT)"), &[quoted(text)]))
        .boxed()
}

/// IN or NOT IN some constants, now and then with NULL among them.
fn one_of(value: &Piece, others: &Piece) -> Piece {
    among(value, others, |value, others| format!("{value} IN ({})", others.join(", ")))
}

/// The same among doubles or what has to be computed: `=` with each in turn, as SQL has it. DataFusion's IN tells -0.0
/// from 0.0, which its `=` does not, and takes a CASE for a constant.
fn one_of_values(value: &Piece, others: &Piece) -> Piece {
    among(value, others, |value, others| {
        let equal: Vec<String> = others.iter().map(|other| format!("{value} = {other}")).collect();
        format!("({})", equal.join(" OR "))
    })
}

fn among(value: &Piece, others: &Piece, theirs: fn(&str, &[String]) -> String) -> Piece {
    (value.clone(), vec(others.clone(), 1..6), proptest::bool::ANY, proptest::bool::weighted(0.2))
        .prop_map(move |(value, mut others, not, null)| {
            if null {
                others.push(word("NULL"));
            }
            let ours: Vec<&str> = others.iter().map(|other| other.ours.as_str()).collect();
            let spelled: Option<Vec<String>> = others.iter().map(|other| other.theirs.clone()).collect();
            let theirs = value.theirs.zip(spelled).map(|(value, others)| theirs(&value, &others));
            Sql {
                ours: format!("{} {}IN ({})", value.ours, if not { "NOT " } else { "" }, ours.join(", ")),
                theirs: theirs.map(|theirs| if not { format!("NOT ({theirs})") } else { theirs }),
            }
        })
        .boxed()
}

/// One of these forms, each `?` replaced by a part.
fn form<const N: usize>(forms: &[&str], parts: [&Piece; N]) -> Piece {
    let forms: Vec<String> = forms.iter().map(ToString::to_string).collect();
    (select(forms), parts.map(Piece::clone)).prop_map(|(form, parts)| filled(&form, Some(&form), &parts)).boxed()
}

/// DataFusion only knows how to simplify `coalesce`, not how to compute it.
fn coalesced(part: &Piece) -> Piece {
    (part.clone(), part.clone())
        .prop_map(|(a, b)| Sql {
            ours: filled("coalesce(?, ?)", None, &[a.clone(), b.clone()]).ours,
            theirs: filled("", Some("CASE WHEN ? IS NOT NULL THEN ? ELSE ? END"), &[a.clone(), a, b]).theirs,
        })
        .boxed()
}

/// A form that DataFusion spells otherwise.
fn spelled<const N: usize>(ours: &'static str, theirs: &'static str, parts: [&Piece; N]) -> Piece {
    parts.map(Piece::clone).prop_map(move |parts| filled(ours, Some(theirs), &parts)).boxed()
}

/// Forms that DataFusion does not have.
fn ours_only<const N: usize>(forms: &[impl ToString], parts: [&Piece; N]) -> Piece {
    let forms: Vec<String> = forms.iter().map(ToString::to_string).collect();
    (select(forms), parts.map(Piece::clone)).prop_map(|(form, parts)| filled(&form, None, &parts)).boxed()
}

fn filled(ours: &str, theirs: Option<&str>, parts: &[Sql]) -> Sql {
    let fill = |form: &str, spelling: &dyn Fn(&Sql) -> Option<String>| {
        let mut parts = parts.iter();
        form.split_inclusive('?').try_fold(String::new(), |text, piece| match piece.strip_suffix('?') {
            Some(before) => Some(text + before + &spelling(parts.next().expect("a part for each `?`"))?),
            None => Some(text + piece),
        })
    };
    let ours = fill(ours, &|part| Some(part.ours.clone())).expect("ours is always there");
    Sql { ours, theirs: theirs.and_then(|form| fill(form, &|part| part.theirs.clone())) }
}

fn word(text: impl Into<String>) -> Sql {
    let ours = text.into();
    Sql { theirs: Some(ours.clone()), ours }
}

fn quoted(text: &str) -> Sql {
    word(format!("'{}'", text.replace('\'', "''")))
}
