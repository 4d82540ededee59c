//! A store with three days of traffic in it, and what a query has to say about them.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use haechi_archive::layout::Dataset;
use haechi_archive::{Archive, ArchiveError, ArchiveSettings, Archiver, Day, Place, SqlOptions};
use haechi_datasets::{Spec, consignments, declarations, outcomes, travellers};
use haechi_model::selection::{hit_schema, selection_schema};
use haechi_model::streams::{CONSIGNMENT, DECLARATION, OUTCOME, TRAVELLER};
use haechi_model::{DeriveContext, Stream, derive};
use haechi_store::{Commit, Decisions, Entry, Position, Store, StoreOptions, SubjectVersion, Subjects};
use tempfile::TempDir;

/// 2027-03-03, 00:00 UTC.
pub const FIRST_DAY_MS: i64 = 1_804_032_000_000;
pub const DAY_MS: i64 = 86_400_000;

/// Rows by dataset, stream and day.
pub type Counts = BTreeMap<(Dataset, &'static str, Day), u64>;

/// A store and what was put into it.
pub struct World {
    _folder: TempDir,
    pub store: Store,
    pub counts: Counts,
}

/// Batches of each stream, made once.
static TRAFFIC: LazyLock<Vec<(&'static Stream, Vec<RecordBatch>)>> = LazyLock::new(|| {
    let spec = Spec { declarations: 150, house_bills: 40, flights: 1, batch_rows: 64, ..Spec::day(7) };
    vec![
        (&DECLARATION, declarations(&spec).collect()),
        (&CONSIGNMENT, consignments(&spec).collect()),
        (&TRAVELLER, travellers(&spec).collect()),
        (&OUTCOME, outcomes(&spec).take(1).collect()),
    ]
});

impl World {
    /// Nothing came in.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &StoreOptions::default()).unwrap();
        Self { _folder: folder, store, counts: Counts::new() }
    }

    /// Traffic on two days and the first minute of a third, one batch a commit; the first declarations come again,
    /// amended.
    pub fn new() -> Self {
        let mut world = Self::empty();
        let batches: Vec<_> = TRAFFIC.iter().flat_map(|(stream, all)| all.iter().map(move |b| (*stream, b))).collect();
        let half = batches.len() / 2;
        for (i, (stream, rows)) in batches.iter().enumerate() {
            let day = if i < half { 0 } else { DAY_MS };
            world.enter(stream, rows, 1, FIRST_DAY_MS + day + i as i64);
        }
        let first = &TRAFFIC[0].1[0];
        world.enter(&DECLARATION, first, 2, FIRST_DAY_MS + 2 * DAY_MS);
        world
    }

    /// Commits rows, each subject decided on and every other one hit by a rule.
    pub fn enter(&mut self, stream: &'static Stream, rows: &RecordBatch, version: i32, known_at_ms: i64) {
        // A unit was set aside in between: positions have gaps.
        let first = self.store.next_position() + 3;
        let rows = with_version(stream, rows, version);
        let subjects = stream.lanes.map(|_| Subject::of(&rows, stream));
        let ids: Vec<&str> = subjects.iter().flatten().map(|subject| subject.id.as_str()).collect();
        let first_rows: Vec<u32> = subjects.iter().flatten().map(|subject| subject.first_row).collect();
        let day = Day::of_ms(known_at_ms);
        let mut count = |dataset, rows: usize| {
            if rows > 0 {
                *self.counts.entry((dataset, stream.name, day)).or_default() += rows as u64;
            }
        };
        count(Dataset::Journal, rows.num_rows());
        count(Dataset::Selections, ids.len());
        count(Dataset::Hits, ids.len().div_ceil(2));
        let earlier = self.store.versions(stream, ids.iter().copied()).unwrap();
        let decided = subjects.is_some().then(|| Decisions {
            selections: selections(stream, &ids, version),
            hits: hits(&ids, version),
            first_rows: first_rows.clone(),
        });
        let subjects = subjects.as_ref().map(|subjects| Subjects {
            late: false,
            ids: Arc::new(StringArray::from_iter_values(ids.iter())),
            versions: vec![version; subjects.len()],
            first_rows,
            contents: vec![[version as u8; 16]; subjects.len()],
            envelopes: vec![0; subjects.len()],
            earlier: earlier as Vec<Vec<SubjectVersion>>,
        });
        let entry = Entry { first, stream, known_at_ms, rows, subjects, decided };
        let commit = Commit { entries: vec![entry], ..Commit::default() };
        self.store.write([commit.encode().unwrap()]).unwrap();
    }

    /// Rows of a dataset and stream.
    pub fn count(&self, dataset: Dataset, stream: &str) -> u64 {
        self.counts.iter().filter(|((d, s, _), _)| *d == dataset && *s == stream).map(|(_, rows)| rows).sum()
    }

    /// The last position.
    pub fn end(&self) -> Position {
        self.store.next_position() - 1
    }

    /// Takes back that anything was archived.
    pub fn forget_archive(&self) {
        self.note(None);
    }

    /// Writes what is noted of the archive.
    pub fn note(&self, note: Option<&str>) {
        let state = vec![(b"archive".to_vec(), note.map(|note| note.as_bytes().to_vec()))];
        let commit = Commit { state, ..Commit::default() };
        self.store.write([commit.encode().unwrap()]).unwrap();
    }

    pub fn archiver(&self, place: &Place, rows_max: u64) -> Archiver {
        let settings = ArchiveSettings { rows_max, ..ArchiveSettings::default() };
        Archiver::at(self.store.clone(), settings, place.clone())
    }
}

/// Asks, and gives the values as text.
pub async fn ask(place: &Place, query: &str) -> Vec<Vec<String>> {
    ask_with(place, query, SqlOptions { threads: Some(2), ..SqlOptions::default() }).await.unwrap()
}

/// Asks in a certain way.
pub async fn ask_with(place: &Place, query: &str, options: SqlOptions) -> Result<Vec<Vec<String>>, String> {
    let archive = Archive::at(place, options).await.map_err(|error| error.to_string())?;
    answer(&archive, query).await.map_err(|error| error.to_string())
}

/// The answer, as text.
pub async fn answer(archive: &Archive, query: &str) -> Result<Vec<Vec<String>>, ArchiveError> {
    let mut answer = archive.sql(query).await?;
    let mut rows = Vec::new();
    while let Some(batch) = answer.next().await? {
        rows.extend(texts(&batch));
    }
    Ok(rows)
}

/// The values of each row as text.
pub fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default();
    let columns: Vec<_> =
        batch.columns().iter().map(|array| ArrayFormatter::try_new(array, &options).unwrap()).collect();
    (0..batch.num_rows()).map(|row| columns.iter().map(|c| c.value(row).to_string()).collect()).collect()
}

/// Rows by dataset, stream and day, as queries see them.
pub async fn counted(place: &Place) -> Counts {
    let archive = Archive::at(place, SqlOptions { threads: Some(1), ..SqlOptions::default() }).await.unwrap();
    let mut counts = Counts::new();
    for dataset in Dataset::ALL {
        let streams = match dataset {
            Dataset::Journal => ["declaration", "consignment", "traveller", "outcome"]
                .map(|stream| format!("SELECT '{stream}' AS stream, day FROM {stream}s"))
                .join(" UNION ALL "),
            Dataset::Selections | Dataset::Hits => format!("SELECT stream, day FROM {}", dataset.folder()),
        };
        let query = format!("SELECT stream, day, count(*) FROM ({streams}) GROUP BY stream, day");
        for row in answer(&archive, &query).await.unwrap() {
            let [stream, day, rows] = row.try_into().unwrap();
            let date: chrono::NaiveDate = day.parse().unwrap();
            let key = (dataset, Stream::find(&stream).unwrap().name, Day(date.to_epoch_days()));
            counts.insert(key, rows.parse().unwrap());
        }
    }
    counts
}

struct Subject {
    id: String,
    first_row: u32,
}

impl Subject {
    fn of(rows: &RecordBatch, stream: &Stream) -> Vec<Self> {
        let ids = cast(rows.column_by_name(stream.subject_key).unwrap(), &DataType::Utf8).unwrap();
        let mut subjects: Vec<Self> = Vec::new();
        for (row, id) in ids.as_string::<i32>().iter().enumerate() {
            let id = id.unwrap();
            if subjects.last().is_none_or(|last| last.id != id) {
                subjects.push(Self { id: id.to_owned(), first_row: row as u32 });
            }
        }
        subjects
    }
}

/// As the stream gives them to the store: with their identifiers, in a version, without columns of the engine's own.
fn with_version(stream: &'static Stream, rows: &RecordBatch, version: i32) -> RecordBatch {
    let derived = derive(stream, rows, &DeriveContext::default()).unwrap();
    let kept = |name: &str| !["known_at", "as_of", "journal_position", "received_at", "version"].contains(&name);
    let fields = derived.schema().fields().clone();
    let columns = fields.iter().zip(derived.columns()).filter(|(field, _)| {
        kept(field.name()) && (field.name() == stream.subject_key || rows.column_by_name(field.name()).is_some())
    });
    let version: ArrayRef = Arc::new(Int32Array::from(vec![version; rows.num_rows()]));
    let columns = columns.map(|(field, array)| (field.name().clone(), array.clone()));
    RecordBatch::try_from_iter_with_nullable(
        columns.chain([("version".to_owned(), version)]).map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

fn selections(stream: &Stream, ids: &[&str], version: i32) -> RecordBatch {
    let lanes = stream.lanes.unwrap().lanes();
    let lane: ArrayRef = Arc::new(StringArray::from_iter_values((0..ids.len()).map(|i| lanes[i % lanes.len()])));
    let rows = ids.len();
    let given: Vec<(&str, ArrayRef)> = vec![
        ("subject_id", Arc::new(StringArray::from_iter_values(ids))),
        ("version", Arc::new(Int32Array::from(vec![version; rows]))),
        ("stream", Arc::new(StringArray::from(vec![stream.name; rows]))),
        ("lane", lane.clone()),
        ("requested_lane", lane),
        ("score", Arc::new(Float64Array::from(vec![1.5; rows]))),
        ("mandatory", Arc::new(BooleanArray::from(vec![false; rows]))),
        ("rows", Arc::new(Int32Array::from(vec![1; rows]))),
    ];
    filled(&selection_schema(), &given, rows)
}

fn hits(ids: &[&str], version: i32) -> RecordBatch {
    let ids: Vec<&str> = ids.iter().step_by(2).copied().collect();
    let rows = ids.len();
    let given: Vec<(&str, ArrayRef)> = vec![
        ("subject_id", Arc::new(StringArray::from_iter_values(&ids))),
        ("version", Arc::new(Int32Array::from(vec![version; rows]))),
        ("row_key", Arc::new(StringArray::from(vec!["1"; rows]))),
        ("rule_id", Arc::new(StringArray::from(vec!["undervaluation"; rows]))),
        ("share_kept", Arc::new(BooleanArray::from(vec![true; rows]))),
    ];
    filled(&hit_schema(), &given, rows)
}

/// A batch of the schema with these columns; the others are NULL or empty lists.
fn filled(schema: &SchemaRef, given: &[(&str, ArrayRef)], rows: usize) -> RecordBatch {
    let column = |field: &Arc<Field>| match given.iter().find(|(name, _)| name == field.name()) {
        Some((_, array)) => cast(array, field.data_type()).unwrap(),
        None => arrow::array::new_null_array(field.data_type(), rows),
    };
    let columns = schema.fields().iter().map(column).collect();
    RecordBatch::try_new(schema.clone(), columns).unwrap()
}
