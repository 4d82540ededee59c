//! What a stream is: named columns of one Arrow schema each, with everything a reader, a rule author or a
//! privacy officer asks about them. The streams themselves stand one a file in [`crate::streams`].
//!
//! A column is declared once, here its type is chosen, and schema, documentation and checks follow from it.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use rustc_hash::FxHashMap;

/// What a column holds, in the words of the stream tables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Identifiers that repeat: parties, ports, tariff codes, documents. `Dictionary(Int32, Utf8)`.
    Id,
    /// Closed or nearly closed code lists. `Dictionary(Int16, Utf8)`.
    Code,
    /// Free text as sent. `Utf8`.
    Text,
    /// Counts.
    I32,
    /// Positions and large counts.
    I64,
    /// Amounts and measures.
    F64,
    /// Flags.
    Bool,
    /// Days. `Date32`.
    Date,
    /// Instants. `Timestamp(Millisecond, "UTC")`.
    Ts,
    /// SHA-256. `FixedSizeBinary(32)`.
    Hash,
    /// A list of one scalar kind; never null, the empty list where nothing is known.
    List(&'static Kind),
    /// A list of records; never null.
    Records(&'static [Member]),
}

/// One field of the records in a list column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Field name.
    pub name: &'static str,
    /// Scalar kind, or a list of one.
    pub kind: Kind,
    /// Whether it may be unknown.
    pub nullable: bool,
}

/// How a column is masked for those without the right to see it, and for everyone after its retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Personal {
    /// A person's name: first letter of each part.
    Name,
    /// Birth date and place: year only.
    Birth,
    /// Passport, visa, personal customs code, loyalty number: last three characters.
    Document,
    /// Phone, e-mail, address: country code, mail domain, city.
    Contact,
    /// Card number, payer: stored as first six and last four at most.
    Payment,
    /// Health, religion, diet, remarks: not stored unless the configuration names the code.
    Sensitive,
    /// Company names and tax numbers: shown, masked where the party is a person.
    Business,
}

impl Personal {
    /// The class in documentation.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Birth => "birth",
            Self::Document => "document",
            Self::Contact => "contact",
            Self::Payment => "payment",
            Self::Sensitive => "sensitive",
            Self::Business => "business",
        }
    }
}

/// One column of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent properties, each a letter in the stream tables")]
pub struct Column {
    /// Name; a quantity ends in its unit.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Part of the key.
    pub key: bool,
    /// Computed by the engine, never read from a message.
    pub derived: bool,
    /// A header column: repeated and equal on every item of a declaration.
    pub header: bool,
    /// Personal-data class.
    pub personal: Option<Personal>,
    /// The values of a closed code list; empty where the list is open or lives elsewhere.
    pub values: &'static [&'static str],
    /// Meaning, unit, codes.
    pub meaning: &'static str,
}

impl Kind {
    /// The Arrow type of this kind.
    pub fn data_type(self) -> DataType {
        let dictionary = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
        match self {
            Self::Id => dictionary(DataType::Int32),
            Self::Code => dictionary(DataType::Int16),
            Self::Text => DataType::Utf8,
            Self::I32 => DataType::Int32,
            Self::I64 => DataType::Int64,
            Self::F64 => DataType::Float64,
            Self::Bool => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Ts => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Self::Hash => DataType::FixedSizeBinary(32),
            Self::List(kind) => DataType::List(Arc::new(Field::new("item", kind.in_list(), true))),
            Self::Records(members) => {
                let fields: Fields = members.iter().map(|m| Field::new(m.name, m.kind.in_list(), true)).collect();
                DataType::List(Arc::new(Field::new("item", DataType::Struct(fields), true)))
            }
        }
    }

    /// Strings inside lists are plain: a dictionary per list child costs more than it saves.
    fn in_list(self) -> DataType {
        match self {
            Self::Id | Self::Code => DataType::Utf8,
            other => other.data_type(),
        }
    }

    /// The word used for this kind in documentation.
    pub fn word(self) -> String {
        match self {
            Self::Id => "id".into(),
            Self::Code => "code".into(),
            Self::Text => "text".into(),
            Self::I32 => "i32".into(),
            Self::I64 => "i64".into(),
            Self::F64 => "f64".into(),
            Self::Bool => "bool".into(),
            Self::Date => "date".into(),
            Self::Ts => "ts".into(),
            Self::Hash => "hash".into(),
            Self::List(kind) => format!("list<{}>", kind.word()),
            Self::Records(members) => {
                let parts: Vec<_> = members
                    .iter()
                    .map(|m| format!("{} {}{}", m.name, m.kind.word(), if m.nullable { "?" } else { "" }))
                    .collect();
                format!("list<{}>", parts.join(", "))
            }
        }
    }

    /// Whether values are text of some sort.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Id | Self::Code | Self::Text)
    }
}

/// A member of a record list that is always present.
pub const fn member(name: &'static str, kind: Kind) -> Member {
    Member { name, kind, nullable: false }
}

impl Member {
    /// May be unknown.
    pub const fn null(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// A column of `kind`, not null, until said otherwise.
pub const fn column(name: &'static str, kind: Kind, meaning: &'static str) -> Column {
    Column {
        name,
        kind,
        nullable: false,
        key: false,
        derived: false,
        header: false,
        personal: None,
        values: &[],
        meaning,
    }
}

impl Column {
    /// May be NULL.
    pub const fn null(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// Part of the key.
    pub const fn key(self) -> Self {
        Self { key: true, ..self }
    }

    /// Computed by the engine.
    pub const fn derived(self) -> Self {
        Self { derived: true, ..self }
    }

    /// Repeated on every item of a declaration.
    pub const fn header(self) -> Self {
        Self { header: true, ..self }
    }

    /// Personal data of this class.
    pub const fn personal(self, class: Personal) -> Self {
        Self { personal: Some(class), ..self }
    }

    /// One of these values.
    pub const fn one_of(self, values: &'static [&'static str]) -> Self {
        Self { values, ..self }
    }

    /// The unit, read off the end of the name.
    pub fn unit(&self) -> Option<&'static str> {
        const UNITS: &[(&str, &str)] = &[
            ("_per_kg_usd", "USD/kg"),
            ("_usd", "USD"),
            ("_local", "currency of the office"),
            ("_kg", "kg"),
            ("_m3", "m3"),
            ("_years", "years"),
            ("_days", "days"),
            ("_days_left", "days"),
            ("_hours", "hours"),
            ("tariff_rate", "percent"),
            ("hours_before_arrival", "hours"),
            ("hours_before_departure", "hours"),
            ("days_in_storage", "days"),
        ];
        UNITS.iter().find(|(suffix, _)| self.name.ends_with(suffix)).map(|(_, unit)| *unit)
    }

    /// The Arrow field, always nullable: at the edge any value may be unknown, and a batch that lacks one is
    /// still read. [`Column::nullable`] says what a complete row has.
    pub fn field(&self) -> Field {
        Field::new(self.name, self.kind.data_type(), true)
    }
}

/// A stream: named records with one Arrow schema.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Name as written in rules and commands.
    pub name: &'static str,
    /// One line: what a row is.
    pub row: &'static str,
    /// Columns in order, without those every stream has.
    pub columns: &'static [Column],
    /// The column that identifies a subject.
    pub subject_key: &'static str,
    /// Neighbouring rows that are equal in this column are never cut apart: derived columns look across them.
    pub together: Option<&'static str>,
    /// The column that gives `event_at`.
    pub event_time: &'static str,
    /// The lanes of a subject stream; `None` for facts and reference records.
    pub lanes: Option<crate::lane::SubjectKind>,
}

/// There is one of each name.
impl PartialEq for Stream {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Stream {}

impl Stream {
    /// All columns: the stream's own, then those that every stream has.
    pub fn all_columns(&self) -> impl Iterator<Item = &'static Column> + use<> {
        self.columns.iter().chain(crate::streams::COMMON)
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        static BY_NAME: LazyLock<FxHashMap<(&'static str, &'static str), &'static Column>> = LazyLock::new(|| {
            let of_stream = |stream: &&'static Stream| {
                let stream = *stream;
                stream.all_columns().map(move |column| ((stream.name, column.name), column))
            };
            crate::streams::STREAMS.iter().flat_map(of_stream).collect()
        });
        BY_NAME.get(&(self.name, name)).copied()
    }

    /// The column whose name is most like `name`: what the author may have meant.
    pub fn nearest(&self, name: &str) -> &'static str {
        let likeness = |column: &&Column| (strsim::normalized_damerau_levenshtein(column.name, name) * 1e6) as u32;
        self.all_columns().max_by_key(likeness).map_or("", |c| c.name)
    }

    /// The Arrow schema of all columns, in order.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.all_columns().map(Column::field).collect::<Vec<_>>()))
    }

    /// The stream of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        crate::streams::STREAMS.iter().copied().find(|s| s.name == name)
    }
}
