use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::folder::{Folder, Roll};
use super::{FilesSink, Format, Settings};
use crate::sink::{DeliverError, Sink};
use crate::sinks::only::Only;
use crate::sinks::published::Published;
use crate::sinks::testing::{Row, declarations, published};

const NEVER: Roll = Roll { bytes: u64::MAX, age: Duration::MAX };
const AT_ONCE: Roll = Roll { bytes: 1, age: Duration::MAX };
const FORMATS: [Format; 2] = [Format::Ndjson, Format::Parquet];

/// A folder in memory, where there is one: the tests bring much to disk.
fn temp() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

fn folder(path: &Path, format: Format, roll: Roll) -> Folder {
    Folder::new("files", path, format, roll, Only::default().filter().unwrap())
}

fn names(path: &Path) -> Vec<String> {
    let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// The positions in finished files, by file.
fn finished(path: &Path) -> BTreeMap<String, Vec<u64>> {
    let read = |name: &String| -> Vec<u64> {
        let file = path.join(name);
        if name.ends_with(".ndjson") {
            let text = fs::read_to_string(file).unwrap();
            let position =
                |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["position"].as_u64().unwrap();
            return text.lines().map(position).collect();
        }
        let batches = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(file).unwrap()).unwrap().build().unwrap();
        let positions = |batch| {
            let selections = Published::of(&batch).unwrap();
            (0..selections.len()).map(|row| selections.position(row)).collect::<Vec<_>>()
        };
        batches.flat_map(|batch| positions(batch.unwrap())).collect()
    };
    names(path).into_iter().filter(|name| !name.ends_with(".unfinished")).map(|n| (n.clone(), read(&n))).collect()
}

fn all(path: &Path) -> Vec<u64> {
    finished(path).into_values().flatten().collect()
}

#[test]
fn a_finished_file_says_what_it_holds() {
    for (format, ending) in FORMATS.into_iter().zip(["ndjson", "parquet"]) {
        let dir = temp();
        let mut folder = folder(dir.path(), format, AT_ONCE);
        assert_eq!(folder.begin(0).unwrap(), 0);
        folder.deliver(&declarations([3, 4, 9])).unwrap();
        folder.deliver(&published(&[Row::new(10, "traveller", "P1", "clear")])).unwrap();
        folder.finish_due().unwrap();
        let name = |stream, first, last| format!("{stream}-{first:020}-{last:020}.{ending}");
        let expected = [(name("declaration", 3, 9), vec![3, 4, 9]), (name("traveller", 10, 10), vec![10])];
        assert_eq!(finished(dir.path()), BTreeMap::from(expected));
        assert_eq!(names(dir.path()).len(), 2, "and nothing else is left: {:?}", names(dir.path()));
        for name in names(dir.path()) {
            assert_eq!(fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn an_old_file_is_finished_while_nothing_comes() {
    let dir = temp();
    let mut folder = folder(dir.path(), Format::Ndjson, Roll { bytes: u64::MAX, age: Duration::ZERO });
    folder.begin(0).unwrap();
    folder.deliver(&declarations([1])).unwrap();
    assert!(all(dir.path()).is_empty());
    folder.finish_due().unwrap();
    assert_eq!(all(dir.path()), [1]);
}

#[test]
fn a_file_has_decisions_of_one_day() {
    const NOON: i64 = 1_795_348_800_000;
    const DAY: i64 = 86_400_000;
    let dir = temp();
    let mut folder = folder(dir.path(), Format::Ndjson, NEVER);
    folder.begin(0).unwrap();
    let row = |position, decided_at| Row { decided_at, ..Row::new(position, "declaration", "D", "release") };
    folder.deliver(&published(&[row(1, NOON), row(2, NOON + 1), row(3, NOON + DAY)])).unwrap();
    // The clock of 4 jumped back.
    folder.deliver(&published(&[row(4, NOON)])).unwrap();
    folder.deliver(&published(&[row(5, NOON + DAY), row(6, NOON + 2 * DAY)])).unwrap();
    assert_eq!(finished(dir.path()).into_values().collect::<Vec<_>>(), [vec![1, 2], vec![3, 4, 5]]);
}

#[test]
fn streams_that_come_together_go_to_files_of_their_own_in_the_order_of_the_journal() {
    let dir = temp();
    let mut mixed = folder(dir.path(), Format::Ndjson, NEVER);
    mixed.begin(0).unwrap();
    let row = |(position, stream)| Row::new(position, stream, "S", "none");
    let rows =
        [(1, "consignment"), (2, "traveller"), (3, "consignment"), (4, "consignment"), (6, "traveller")].map(row);
    mixed.deliver(&published(&rows[..3])).unwrap();
    // The file of consignments takes no more: what stands behind them in the journal must not be written before them.
    let path = dir.path().join(super::names::growing("consignment", 1, Format::Ndjson));
    mixed.growing.get_mut("consignment").unwrap().file = fs::File::open(path).unwrap();
    assert!(matches!(mixed.deliver(&published(&rows[3..])), Err(DeliverError::Later { .. })));
    drop(mixed);
    let mut again = folder(dir.path(), Format::Ndjson, AT_ONCE);
    assert_eq!(again.begin(0), Ok(3));
    again.deliver(&published(&rows[3..])).unwrap();
    again.finish_due().unwrap();
    let of = |stream: &str| {
        let files = finished(dir.path()).into_iter().filter(|(name, _)| name.starts_with(stream));
        files.flat_map(|(_, positions)| positions).collect::<Vec<_>>()
    };
    assert_eq!((of("consignment"), of("traveller")), (vec![1, 3, 4], vec![2, 6]));
}

/// Were they written a stream at a time, by name, a crash between the two would lose what stands before: the folder is
/// as far as the highest position in it.
#[test]
fn streams_are_written_in_the_order_of_their_positions_and_not_of_their_names() {
    let dir = temp();
    let mut mixed = folder(dir.path(), Format::Ndjson, NEVER);
    mixed.begin(0).unwrap();
    let row = |(position, stream)| Row::new(position, stream, "S", "none");
    let rows = [(1, "consignment"), (2, "traveller"), (3, "traveller"), (4, "consignment")].map(row);
    mixed.deliver(&published(&rows[..2])).unwrap();
    // The file of travellers takes no more.
    let path = dir.path().join(super::names::growing("traveller", 2, Format::Ndjson));
    mixed.growing.get_mut("traveller").unwrap().file = fs::File::open(path).unwrap();
    assert!(matches!(mixed.deliver(&published(&rows[2..])), Err(DeliverError::Later { .. })));
    drop(mixed);
    assert_eq!(folder(dir.path(), Format::Ndjson, NEVER).begin(0), Ok(2), "4 is not written before 3");
    let mut again = folder(dir.path(), Format::Ndjson, AT_ONCE);
    assert_eq!(again.begin(0), Ok(2));
    again.deliver(&published(&rows[2..])).unwrap();
    again.finish_due().unwrap();
    let mut all = all(dir.path());
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4]);
}

/// Whatever order the system lists them in.
#[test]
fn a_folder_is_as_far_as_the_highest_position_of_any_file_in_it() {
    let streams = ["consignment", "declaration", "traveller"];
    for format in FORMATS {
        for highest in 0..3 {
            let positions = |place: usize| if place == highest { [2, 9] } else { [3 + place as u64, 6 + place as u64] };
            // Finished before the stop, or by looking through what was left.
            for roll in [AT_ONCE, NEVER] {
                let dir = temp();
                let mut rows: Vec<_> =
                    (0..3).flat_map(|s| positions(s).map(|p| Row::new(p, streams[s], "S", "none"))).collect();
                rows.sort_by_key(|row| row.position);
                let mut left = folder(dir.path(), format, roll);
                left.begin(0).unwrap();
                left.deliver(&published(&rows)).unwrap();
                left.finish_due().unwrap();
                drop(left);
                assert_eq!(
                    folder(dir.path(), format, roll).begin(0),
                    Ok(9),
                    "{} {format:?} {roll:?}",
                    streams[highest]
                );
            }
        }
    }
}

/// Deliveries, of which the last may be torn.
fn deliveries() -> [RecordBatch; 3] {
    [declarations([1, 2, 5]), declarations([6]), declarations([8, 9, 10])]
}

/// Goes on after a crash as a driver does: from where `begin` says, cursor lost or not.
fn go_on(path: &Path, format: Format, delivered: u64) {
    let mut folder = folder(path, format, AT_ONCE);
    let from = folder.begin(delivered).unwrap();
    assert!(from >= delivered);
    for delivery in deliveries() {
        let selections = Published::of(&delivery).unwrap();
        let n_before = (0..selections.len()).take_while(|row| selections.position(*row) <= from).count();
        folder.deliver(&delivery.slice(n_before, delivery.num_rows() - n_before)).unwrap();
    }
    folder.finish_due().unwrap();
}

#[test]
fn killed_at_any_byte_every_selection_is_there_once() {
    for format in FORMATS {
        let dir = temp();
        let mut whole = folder(dir.path(), format, NEVER);
        whole.begin(0).unwrap();
        for delivery in deliveries() {
            whole.deliver(&delivery).unwrap();
        }
        let [name] = names(dir.path()).try_into().unwrap();
        let bytes = fs::read(dir.path().join(&name)).unwrap();
        let step = bytes.len() / 150 + 1;
        for length in (0..bytes.len()).step_by(step).chain([bytes.len() - 1, bytes.len()]) {
            for is_filled in [false, true] {
                let dir = temp();
                let mut left = bytes[..length].to_vec();
                // After a power cut the file may have its length and not its content.
                left.resize(if is_filled { bytes.len() } else { length }, 0);
                fs::write(dir.path().join(&name), left).unwrap();
                go_on(dir.path(), format, 0);
                assert_eq!(all(dir.path()), [1, 2, 5, 6, 8, 9, 10], "cut at {length} of {name}, filled: {is_filled}");
                assert!(finished(dir.path()).len() == names(dir.path()).len(), "{:?}", names(dir.path()));
            }
        }
    }
}

#[test]
fn a_cursor_that_is_behind_the_folder_repeats_nothing() {
    for format in FORMATS {
        for roll in [NEVER, AT_ONCE] {
            let dir = temp();
            let mut first = folder(dir.path(), format, roll);
            first.begin(0).unwrap();
            for delivery in deliveries() {
                first.deliver(&delivery).unwrap();
            }
            drop(first);
            go_on(dir.path(), format, 2);
            assert_eq!(all(dir.path()), [1, 2, 5, 6, 8, 9, 10]);
        }
    }
}

#[test]
fn what_comes_again_is_written_once() {
    for format in FORMATS {
        let dir = temp();
        let mut folder = folder(dir.path(), format, NEVER);
        folder.begin(0).unwrap();
        // As after a delivery that nobody waited for to the end; newer selections may follow what is known.
        folder.deliver(&declarations([1, 2])).unwrap();
        folder.deliver(&declarations([1, 2, 5])).unwrap();
        drop(folder);
        go_on(dir.path(), format, 0);
        assert_eq!(all(dir.path()), [1, 2, 5, 6, 8, 9, 10]);
    }
}

#[test]
fn a_parquet_file_moved_away_is_not_made_again() {
    let dir = temp();
    let mut first = folder(dir.path(), Format::Parquet, NEVER);
    first.begin(0).unwrap();
    first.deliver(&declarations([1, 2])).unwrap();
    drop(first);
    let [frames] = names(dir.path()).try_into().unwrap();
    let kept = fs::read(dir.path().join(&frames)).unwrap();
    go_on(dir.path(), Format::Parquet, 0);
    // As if it had been killed before the frames were removed: the file is whole and waits for its name.
    let name = super::names::finished("declaration", 1, 2, Format::Parquet);
    fs::rename(dir.path().join(name), dir.path().join(super::names::whole("declaration", 1, 2))).unwrap();
    fs::write(dir.path().join(frames), kept).unwrap();
    fs::write(dir.path().join(super::names::whole("declaration", 11, 12) + ".unfinished"), "half").unwrap();
    go_on(dir.path(), Format::Parquet, 10);
    assert_eq!(all(dir.path()), [1, 2, 5, 6, 8, 9, 10]);
    assert_eq!(finished(dir.path()).len(), names(dir.path()).len());
}

#[test]
fn a_write_that_fails_is_repeated_later() {
    for format in FORMATS {
        let dir = temp();
        let mut folder = folder(dir.path(), format, NEVER);
        folder.begin(0).unwrap();
        let [first, second, third] = deliveries();
        folder.deliver(&first).unwrap();
        let path = dir.path().join(&names(dir.path())[0]);
        // Neither to be written nor to be cut: what is in it has to be looked through.
        folder.growing.values_mut().next().unwrap().file = fs::File::open(&path).unwrap();
        assert!(matches!(folder.deliver(&second), Err(DeliverError::Later { .. })));
        folder.deliver(&second).unwrap();
        folder.deliver(&third).unwrap();
        drop(folder);
        go_on(dir.path(), format, 0);
        assert_eq!(all(dir.path()), [1, 2, 5, 6, 8, 9, 10]);
    }
}

#[tokio::test]
async fn a_folder_has_one_sink() {
    let dir = temp();
    let path = dir.path().join("made/for/it");
    let settings = Settings { path, format: Format::Ndjson, only: Only::default(), roll_mib: 1, roll_secs: 60 };
    let open = || FilesSink::open("files", &settings).unwrap();
    let (mut one, mut other) = (open(), open());
    assert_eq!(one.begin(3).await, Ok(3));
    let refused = other.begin(3).await.unwrap_err().to_string();
    assert!(refused.contains("does another sink write to this folder?"), "{refused}");
    one.deliver(&declarations([4])).await.unwrap();
    one.idle().await.unwrap();
    drop(one);
    assert_eq!(other.begin(3).await, Ok(4));
}
