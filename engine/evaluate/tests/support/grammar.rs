//! Random conditions as text: every operator and form of the rule language, nested, over the columns of a domain.
//!
//! A condition comes in two spellings: ours, and DataFusion's where that differs (`/` always divides doubles,
//! `in_list` is an IN) or does not exist (`lookup`, `mentions`, looking across items and into records).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

use super::table::{CODES, COUNTRIES, DAYS, Domain, FLOATS, INSTANTS, INTS, LONGS, WORDS};

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

/// The same in both spellings, each `?` replaced by the next part.
fn both(form: &str, parts: &[Sql]) -> Sql {
    spelled(form, Some(form), parts)
}

/// With a form for each spelling; `None` where DataFusion has no such thing.
fn spelled(ours: &str, theirs: Option<&str>, parts: &[Sql]) -> Sql {
    let fill = |form: &str, part: &dyn Fn(&Sql) -> Option<String>| {
        let mut parts = parts.iter();
        form.split_inclusive('?').try_fold(String::new(), |text, piece| match piece.strip_suffix('?') {
            Some(before) => Some(text + before + &part(parts.next().expect("a part for each `?`"))?),
            None => Some(text + piece),
        })
    };
    Sql {
        ours: fill(ours, &|part| Some(part.ours.clone())).unwrap_or_default(),
        theirs: theirs.and_then(|form| fill(form, &|part| part.theirs.clone())),
    }
}

fn word(text: impl Into<String>) -> Sql {
    let ours = text.into();
    Sql { theirs: Some(ours.clone()), ours }
}

type Some_ = BoxedStrategy<Sql>;

/// Strategies for the three sorts of expression, up to some depth.
#[derive(Clone)]
pub struct Grammar {
    number: Some_,
    text: Some_,
    condition: Some_,
}

/// Forms of a domain beyond its columns, such as those that look into its records.
pub struct Extra {
    pub numbers: Vec<Some_>,
    pub conditions: Vec<Some_>,
    /// Whether `any_item()` and its kin may stand here.
    pub items: bool,
}

/// Conditions over the columns of a domain; `depth` levels of nesting.
pub fn conditions(domain: &'static Domain, extra: &Extra, depth: usize) -> Some_ {
    let leaves = Grammar {
        number: Union::new([columns(domain.floats), columns(domain.ints), number_constant()].into_iter().flatten()).boxed(),
        text: Union::new([columns(&names(domain.texts)), Some(text_constant())].into_iter().flatten()).boxed(),
        condition: Union::new(
            extra
                .conditions
                .iter()
                .cloned()
                .map(|c| (6, c))
                .chain(columns(domain.bools).map(|c| (4, c)))
                .chain([(1, select(vec!["TRUE", "FALSE", "1 > 2", "1.5 >= 1", "'a' < 'b'"]).prop_map(word).boxed())])
                .map(|(_, c)| c),
        )
        .boxed(),
    };
    (0..depth).fold(leaves, |smaller, _| smaller.grown(domain, extra)).condition
}

/// Forms that look into the records and lists of a domain.
pub fn into_lists(domain: &'static Domain) -> Extra {
    let mut extra = Extra { numbers: Vec::new(), conditions: Vec::new(), items: false };
    for (column, fields) in domain.records {
        let one = haechi_rules::condition::singular(column).to_owned();
        let inside = conditions(fields, &Extra { numbers: Vec::new(), conditions: Vec::new(), items: false }, 2);
        let number = columns(&[fields.floats, fields.ints].concat()).expect("a number among the fields");
        extra.conditions.push(over(&[&format!("any_{one}"), &format!("all_{one}s")], inside.clone()));
        extra.numbers.push(over(&[&format!("count_{one}s")], inside));
        extra.numbers.push(over(&[&format!("sum_{one}s")], number));
        extra.numbers.push(Just(spelled(&format!("cardinality({column})"), None, &[])).boxed());
    }
    for (column, values) in domain.lists {
        let has = select(*values).prop_map(move |value| spelled(&format!("array_has({column}, ?)"), None, &[quoted(value)]));
        extra.conditions.push(has.boxed());
        extra.conditions.push(Just(spelled(&format!("any_in_list({column}, 'watched')"), None, &[])).boxed());
        extra.numbers.push(Just(spelled(&format!("cardinality({column})"), None, &[])).boxed());
    }
    extra
}

/// `f(inner)` for one of these functions, which DataFusion does not have.
fn over(functions: &[&str], inner: Some_) -> Some_ {
    let functions: Vec<String> = functions.iter().map(|f| format!("{f}(?)")).collect();
    (select(functions), inner).prop_map(|(form, inner)| spelled(&form, None, &[inner])).boxed()
}

impl Grammar {
    /// One level deeper.
    fn grown(&self, domain: &'static Domain, extra: &Extra) -> Self {
        Self { number: self.numbers(domain, extra), text: self.texts(domain), condition: self.conditions(domain, extra) }
    }

    fn numbers(&self, domain: &'static Domain, extra: &Extra) -> Some_ {
        let (n, t, c) = (&self.number, &self.text, &self.condition);
        let mut forms = vec![
            (6, n.clone()),
            (3, form(&["(? + ?)", "(? - ?)", "(? * ?)"], [n, n])),
            (1, (n.clone(), n.clone()).prop_map(|(a, b)| spelled("(? / ?)", Some("(CAST(? AS DOUBLE) / ?)"), &[a, b])).boxed()),
            (1, (n.clone(), n.clone()).prop_map(|(a, b)| spelled("(? % ?)", Some("(CAST(? AS DOUBLE) % ?)"), &[a, b])).boxed()),
            (1, form(&["abs(?)", "ceil(?)", "floor(?)", "round(?)", "sqrt(?)", "- (?)", "round(?, 1)", "signum(?)"], [n])),
            (1, form(&["coalesce(?, ?)", "nullif(?, ?)", "greatest(?, ?)", "least(?, ?)"], [n, n])),
            (1, form(&["CASE WHEN ? THEN ? ELSE ? END"], [c, n, n])),
            (1, form(&["length(?)", "strpos(?, 'n')", "TRY_CAST(? AS DOUBLE)"], [t])),
        ];
        forms.extend(columns(domain.instants).map(|at| (1, form(&["date_part('year', ?)", "extract(hour FROM ?)"], [&at]))));
        let texts = columns(&names(domain.texts)).expect("a text column");
        forms.push((1, over(&["lookup('floor', ?)", "lookup('floor.usd_per_kg', upper(?))"].map(|f| f), texts)));
        forms.extend(extra.numbers.iter().cloned().map(|number| (2, number)));
        if extra.items {
            let number = columns(&[domain.floats, domain.ints].concat()).expect("a number column");
            forms.push((2, over(&["count_items"], c.clone())));
            forms.push((2, over(&["sum_items"], number)));
        }
        Union::new_weighted(forms).boxed()
    }

    fn texts(&self, domain: &'static Domain) -> Some_ {
        let (t, c) = (&self.text, &self.condition);
        let texts = columns(&names(domain.texts)).expect("a text column");
        Union::new_weighted(vec![
            (6, t.clone()),
            (2, form(&["upper(?)", "lower(?)", "trim(?)", "substr(?, 1, 2)", "left(?, 2)", "right(?, 2)", "replace(?, 'C', 'V')", "split_part(?, ' ', 1)"], [t])),
            (1, form(&["concat(?, ?)", "(? || ?)", "coalesce(?, ?)", "nullif(?, ?)"], [t, t])),
            (1, form(&["CASE WHEN ? THEN ? ELSE ? END"], [c, t, t])),
            (1, over(&["lookup('floor.label', ?)"].map(|f| f), texts)),
        ])
        .boxed()
    }

    fn conditions(&self, domain: &'static Domain, extra: &Extra) -> Some_ {
        let (n, t, c) = (&self.number, &self.text, &self.condition);
        let columns_of_text = columns(&names(domain.texts)).expect("a text column");
        // A column or something made of one: what LIKE and in_list() look at.
        let read = Union::new_weighted(vec![
            (4, columns_of_text.clone()),
            (1, form(&["upper(?)", "trim(?)", "left(?, 2)"], [&columns_of_text])),
            (1, form(&["concat(?, ?)"], [&columns_of_text, t])),
        ])
        .boxed();
        let mut forms = vec![
            (4, c.clone()),
            (4, form(&["(? AND ?)", "(? OR ?)"], [c, c])),
            (1, form(&["(? AND ? OR ?)", "(? OR NOT ? AND ?)", "(? AND ? AND ?)", "CASE WHEN ? THEN ? ELSE ? END"], [c, c, c])),
            (2, form(&["NOT (?)", "NOT ?"], [c])),
            (2, form(&["(?) IS TRUE", "(?) IS NOT TRUE", "(?) IS FALSE", "(?) IS NOT FALSE", "(?) IS UNKNOWN", "(?) IS NOT UNKNOWN", "(?) IS NULL", "(?) = FALSE"], [c])),
            (1, form(&["(?) = (?)", "(?) <> (?)", "(?) IS DISTINCT FROM (?)", "(?) IN (?, NULL)"], [c, c])),
            (1, c.clone().prop_map(|c| spelled("(? AND NULL)", Some("(? AND CAST(NULL AS BOOLEAN))"), &[c])).boxed()),
            (5, form(COMPARED, [n, n])),
            (5, form(COMPARED, [&columns_of_text, t])),
            (2, form(COMPARED, [t, &columns_of_text])),
            (1, form(&["? IS NULL", "? IS NOT NULL"], [n])),
            (1, form(&["? IS NULL", "? IS NOT NULL"], [t])),
            (2, form(&["? BETWEEN ? AND ?", "? NOT BETWEEN ? AND ?", "? IN (?, ?)", "? NOT IN (?, ?)"], [n, n, n])),
            (2, form(&["? BETWEEN ? AND ?", "? NOT BETWEEN ? AND ?", "? IN (?, ?)", "? NOT IN (?, ?)"], [t, t, t])),
            (3, one_of(n.clone(), number_constant_no_box())),
            (3, one_of(t.clone(), text_constant())),
            (4, liked(read.clone())),
            (1, form(&["starts_with(?, '64')", "contains(?, 'un')", "regexp_like(?, '^[a-z]')", "ends_with(?, '')"], [&read])),
            (1, read.clone().prop_map(|x| spelled("in_list(?, 'watched')", Some("upper(trim(?)) IN ('CN', 'VN')"), &[x])).boxed()),
            (1, over(&["mentions_weapons"], read).prop_map(|sql| Sql { ours: sql.ours.replace("mentions_weapons(", "mentions(").strip_suffix(')').map(|s| format!("{s}, 'weapons')")).unwrap_or_default(), theirs: None }).boxed()),
        ];
        forms.extend(timely(domain.dates, day_constant()).map(|form| (4, form)));
        forms.extend(timely(domain.instants, instant_constant()).map(|form| (4, form)));
        if let (Some(dates), Some(instants)) = (columns(domain.dates), columns(domain.instants)) {
            forms.push((1, form(COMPARED, [&dates, &instants])));
        }
        if let Some(longs) = columns(domain.longs) {
            let constant = select(LONGS).prop_map(|value| word(value.to_string())).boxed();
            forms.push((2, form(COMPARED, [&longs, &constant])));
            forms.push((1, one_of(longs, constant)));
        }
        if extra.items {
            forms.push((3, over(&["any_item", "all_items"], c.clone())));
        }
        Union::new_weighted(forms).boxed()
    }
}

const COMPARED: &[&str] = &["? = ?", "? <> ?", "? < ?", "? <= ?", "? > ?", "? >= ?", "? IS DISTINCT FROM ?", "? IS NOT DISTINCT FROM ?"];
