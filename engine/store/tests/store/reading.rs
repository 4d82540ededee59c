//! What goes in comes out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use haechi_model::SetAside;
use haechi_model::streams::{DECLARATION, OUTCOME, TRAVELLER};
use haechi_store::{
    Commit, DeadLetter, Entry, Outcome, QuarantineFilter, QuarantineState, Release, Resolution, SetAsideRecord, Store,
    StoreError, StoredDecisions, SubjectVersion,
};

use crate::support::*;

#[test]
fn rows_and_selections_come_back_as_they_were_also_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!((store.next_position(), store.last_known_at_ms()), (1, 0));
    // One row, which is written plain, and many with dictionaries.
    let one = entry(1, &[subject("24KR1", 1, 1)]);
    let many: Vec<_> = (0..200).map(|i| subject(format!("24KR{:04}", i + 1000), 1, i % 3 + 1)).collect();
    let many = entry(5, &many);
    let encoded = Commit { entries: vec![one.clone(), many.clone()], ..Commit::default() }.encode().unwrap();
    store.write(vec![encoded]).unwrap();
    let before = everything(&store);
    assert_eq!(store.next_position(), 5 + many.rows.num_rows() as u64);
    drop(store);

    let store = open(folder.path());
    assert_eq!(everything(&store), before);
    let entries: Vec<_> = store.entries(0).map(Result::unwrap).collect();
    assert_eq!(entries.len(), 2);
    for (stored, given) in entries.iter().zip([&one, &many]) {
        assert_eq!((stored.first, stored.known_at_ms), (given.first, given.known_at_ms));
        assert_eq!(stored.decode().unwrap(), given.rows);
    }
    for (stored, given) in store.decisions(0).map(Result::unwrap).zip([&one, &many]) {
        let given = given.decided.as_ref().unwrap();
        let positions: Vec<_> = given.first_rows.iter().map(|row| stored.first + u64::from(*row)).collect();
        assert_eq!(stored.positions(), positions);
        let columns: Vec<_> = (1..stored.selections.num_columns()).collect();
        assert_eq!(stored.selections.project(&columns).unwrap().columns(), given.selections.columns());
        assert_eq!(stored.hits().unwrap(), given.hits);
    }
    assert!(store.verify(|_| ()).unwrap().is_sound());
}

#[test]
fn an_entry_is_found_by_each_of_its_positions_and_reading_goes_on_from_inside_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let two = [subject("a", 1, 2), subject("b", 1, 3)];
    store.write(vec![commit(1, &two), commit(10, &two)]).unwrap();
    let at = |position| store.entry(position).unwrap().map(|entry| entry.first);
    let found: Vec<_> = [0, 1, 5, 6, 9, 10, 14, 15].into_iter().map(at).collect();
    assert_eq!(found, [None, Some(1), Some(1), None, None, Some(10), Some(10), None]);

    let from = |from| store.entries(from).map(|entry| entry.unwrap().first).collect::<Vec<_>>();
    assert_eq!([from(0), from(5)], [[1, 10], [1, 10]]);
    assert_eq!([from(6), from(14), from(15)], [vec![10], vec![10], vec![]]);

    let after = |after| {
        let decisions = store.decisions(after).map(Result::unwrap);
        decisions.map(|d| (d.positions(), texts(&d.hits().unwrap(), "subject_id").join(""))).collect::<Vec<_>>()
    };
    let whole = (vec![10, 12], "aabb".to_owned());
    assert_eq!(after(0), [(vec![1, 3], "aabb".to_owned()), whole.clone()]);
    assert_eq!(after(1), [(vec![3], "bb".to_owned()), whole.clone()]);
    assert_eq!(after(2), [(vec![3], "bb".to_owned()), whole.clone()]);
    assert_eq!(after(3), [whole]);
    assert_eq!(after(11), [(vec![12], "bb".to_owned())]);
    assert_eq!(after(12), []);
}

#[test]
fn more_than_is_read_ahead_comes_in_order_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for i in 0..150 {
        write(&store, &[subject(format!("{i}"), 1, 1)]).unwrap();
    }
    let mut entries = store.entries(1);
    let mut decisions = store.decisions(0);
    assert_eq!(entries.next().unwrap().unwrap().first, 1);
    assert_eq!(decisions.next().unwrap().unwrap().first, 1);
    for i in 150..170 {
        write(&store, &[subject(format!("{i}"), 1, 1)]).unwrap();
    }
    store.recover().unwrap();
    let rest: Vec<_> = (2..=170).collect();
    assert_eq!(entries.map(|entry| entry.unwrap().first).collect::<Vec<_>>(), rest);
    assert_eq!(decisions.map(|entry| entry.unwrap().first).collect::<Vec<_>>(), rest);
}

#[test]
fn versions_of_a_subject_are_kept_by_version_with_what_was_decided() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = |store: &Store, id| store.versions(&DECLARATION, [id]).unwrap().remove(0);
    write(&store, &[subject("a", 1, 2), subject("b", 1, 1)]).unwrap();
    write(&store, &[Subject { earlier: known(&store, "a"), ..subject("a", 3, 1) }]).unwrap();
    // Late: after version 3 nothing is decided about version 2, but it is kept, in its place.
    write(&store, &[Subject { earlier: known(&store, "a"), decided: false, ..subject("a", 2, 1) }]).unwrap();
    let version = |version, position, decided| SubjectVersion {
        version,
        position,
        content: content("a", version),
        envelope: 0,
        decided,
    };
    let all = vec![version(1, 1, true), version(2, 5, false), version(3, 4, true)];
    assert_eq!(store.versions(&DECLARATION, ["a", "none"]).unwrap(), [all, vec![]]);
    assert_eq!(store.versions(&TRAVELLER, ["a"]).unwrap(), [vec![]], "another stream has subjects of its own");

    let selection = |id, version| {
        let found = store.selection(&DECLARATION, id, version).unwrap();
        let hits = |found: &StoredDecisions| texts(&found.hits().unwrap(), "subject_id").len();
        found.map(|found| (found.positions(), texts(&found.selections, "subject_id"), hits(&found)))
    };
    assert_eq!(selection("a", None), Some((vec![4], vec!["a".to_owned()], 2)));
    assert_eq!(selection("a", Some(1)), Some((vec![1], vec!["a".to_owned()], 2)));
    assert_eq!(selection("a", Some(2)), None, "nothing was decided");
    assert_eq!(selection("b", Some(1)), Some((vec![3], vec!["b".to_owned()], 2)));
    assert_eq!(selection("c", None), None);
}

#[test]
fn the_last_of_several_values_counts_within_a_group_of_commits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let stand = |of: &str, at: Option<&str>| (of.to_owned(), at.map(str::to_owned));
    let commits = [
        Commit { stands: vec![stand("files/a", Some("1")), stand("kafka/t/0", Some("7"))], ..Commit::default() },
        Commit { stands: vec![stand("files/a", Some("2")), stand("files/b", Some("1"))], ..Commit::default() },
        Commit {
            stands: vec![stand("files/b", None)],
            state: vec![(b"e/1".to_vec(), Some(b"x".to_vec())), (b"e/2".to_vec(), Some(b"y".to_vec()))],
            ..Commit::default()
        },
    ];
    store.write(commits.into_iter().map(|commit| commit.encode().unwrap()).collect::<Vec<_>>()).unwrap();
    assert_eq!(store.stands("files/").unwrap(), [("files/a".to_owned(), "2".to_owned())]);
    assert_eq!(store.stands("").unwrap().len(), 2);
    assert_eq!(store.state(b"e/2").unwrap().unwrap(), b"y");
    let keys = |after: Option<&[u8]>| store.states(b"e/", after, 1).unwrap().into_iter().map(|(key, _)| key).collect();
    let keys: [Vec<Vec<u8>>; 3] = [keys(None), keys(Some(b"e/1")), keys(Some(b"e/2"))];
    assert_eq!(keys, [vec![b"e/1".to_vec()], vec![b"e/2".to_vec()], vec![]]);
}

fn unit(code: &'static str, source: &str) -> SetAsideRecord {
    let unit = SetAside::new(source, "line 2", code, "line 2: `abc` is no number", b"24KR1,abc").below(Some("id,mass"));
    SetAsideRecord::new(unit, "declaration", 1_700_000_000_000)
}

#[test]
fn units_set_aside_are_listed_counted_and_keep_what_became_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let quarantined = vec![(1, unit("bad_number", "a")), (2, unit("bad_code", "a")), (3, unit("bad_number", "b"))];
    let discarded = Outcome::Discarded { reason: "a test message".to_owned() };
    let by = |outcome: &Outcome, at_ms| Resolution { outcome: outcome.clone(), who: "kim".to_owned(), at_ms };
    store.write(vec![Commit { quarantined, ..Commit::default() }.encode().unwrap()]).unwrap();
    assert_eq!(store.next_position(), 4);
    let resolved = vec![(3, by(&discarded, 5)), (3, by(&Outcome::Replayed { position: 9 }, 6))];
    // In one group with a unit that it resolves as well.
    let fresh = Commit { quarantined: vec![(4, unit("bad_code", "b"))], ..Commit::default() };
    let resolves = Commit { resolved: [resolved, vec![(4, by(&discarded, 7))]].concat(), ..Commit::default() };
    store.write(vec![fresh.encode().unwrap(), resolves.encode().unwrap()]).unwrap();

    let list = |filter: QuarantineFilter, after, limit| {
        let listed = store.quarantine(&filter, after, limit).unwrap();
        listed.into_iter().map(|(position, _)| position).collect::<Vec<_>>()
    };
    let any = QuarantineFilter::default();
    assert_eq!(list(any.clone(), 0, 10), [1, 2, 3, 4]);
    assert_eq!(list(any.clone(), 1, 2), [2, 3]);
    assert_eq!(list(QuarantineFilter { code: Some("bad_number".into()), ..any.clone() }, 0, 10), [1, 3]);
    assert_eq!(list(QuarantineFilter { source: Some("b".into()), ..any.clone() }, 0, 10), [3, 4]);
    assert_eq!(list(QuarantineFilter { state: Some(QuarantineState::Waiting), ..any }, 0, 10), [1, 2]);
    let record = store.set_aside(3).unwrap().unwrap();
    assert_eq!((record.text.as_str(), record.head), ("", None), "what is resolved is not kept to the letter");
    let waiting_record = store.set_aside(1).unwrap().unwrap();
    assert_eq!(waiting_record.text, "24KR1,abc");
    assert_eq!(waiting_record.head.as_deref(), Some("id,mass"));
    assert_eq!(record.resolutions, [by(&discarded, 5), by(&Outcome::Replayed { position: 9 }, 6)]);
    let counts = store.quarantine_counts().unwrap();
    let counts: Vec<_> = counts.iter().map(|count| (count.code.as_str(), count.state, count.units)).collect();
    let (waiting, replayed, discarded) =
        (QuarantineState::Waiting, QuarantineState::Replayed, QuarantineState::Discarded);
    assert_eq!(
        counts,
        [("bad_code", waiting, 1), ("bad_code", discarded, 1), ("bad_number", waiting, 1), ("bad_number", replayed, 1)]
    );
    let nothing = Commit { resolved: vec![(77, by(&Outcome::Replayed { position: 9 }, 6))], ..Commit::default() };
    let error = store.write(vec![nothing.encode().unwrap()]).unwrap_err();
    assert!(matches!(error, StoreError::NotSetAside { position: 77 }), "{error}");
    write(&store, &[subject("a", 1, 1)]).expect("a refused commit leaves the store as it was");
}

#[test]
fn releases_are_in_force_from_their_position_and_share_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let release = |hash: u8, second: &[u8]| Release {
        hash: [hash; 32],
        files: vec![("a.yaml".into(), vec![b'x'; 500]), ("lists/b.csv".into(), second.to_vec())],
        rulesets: vec![("declaration".into(), [hash + 100; 32])],
        revision: Some(format!("r{hash}")),
    };
    let (one, two) = (release(1, b"1"), release(2, b"2"));
    for (from, release) in [(1, &one), (50, &two)] {
        let commit = Commit { release: Some((from, release.clone())), ..Commit::default() };
        store.write(vec![commit.encode().unwrap()]).unwrap();
    }
    let at = |position| store.release_at(position).unwrap();
    for position in [0, 1, 49, 50] {
        let summary = store.release_summary_at(position).unwrap().map(|summary| (summary.from, summary.hash));
        assert_eq!(summary, at(position).map(|(from, release)| (from, release.hash)));
    }
    assert_eq!([at(0), at(1), at(49), at(50)], [None, Some((1, one.clone())), Some((1, one)), Some((50, two))]);
    let listed = store.releases().unwrap();
    assert_eq!(listed.iter().map(|r| (r.from, r.files.len())).collect::<Vec<_>>(), [(1, 2), (50, 2)]);
    let files = store.sizes().unwrap().keyspaces.into_iter().find(|size| size.keyspace == "files").unwrap();
    assert_eq!(files.values, 3, "the file that both have is kept once");
    assert!(store.verify(|_| ()).unwrap().is_sound());
}

#[test]
fn cursors_and_dead_letters_are_kept_by_sink() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let letter = |position| DeadLetter { position, reason: "410 gone".into(), at_ms: 5, attempts: 9 };
    assert_eq!(store.cursor("hook").unwrap(), None);
    store.put_dead_letters("hook", &[letter(3), letter(9), letter(300)]).unwrap();
    store.put_dead_letters("hook2", &[letter(4)]).unwrap();
    store.set_cursor("hook", 300).unwrap();
    store.set_cursor("hook", 301).unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!((store.cursor("hook").unwrap(), store.cursor("hook2").unwrap()), (Some(301), None));
    store.remove_dead_letters("hook", &[9]).unwrap();
    assert_eq!(store.dead_letters("hook", 0, 10).unwrap(), [letter(3), letter(300)]);
    assert_eq!(store.dead_letters("hook", 3, 10).unwrap(), [letter(300)]);
    assert_eq!(store.dead_letters("hook", 0, 1).unwrap(), [letter(3)]);
    store.remove_cursor("hook").unwrap();
    assert_eq!(store.cursor("hook").unwrap(), None);
}

#[test]
fn what_was_archived_is_forgotten_and_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for id in ["a", "b", "c", "d"] {
        write(&store, &[subject(id, 1, 10)]).unwrap();
    }
    store.forget_before(25).unwrap();
    assert_eq!(store.entries(0).map(|entry| entry.unwrap().first).collect::<Vec<_>>(), [21, 31]);
    assert_eq!(store.decisions(0).map(|entry| entry.unwrap().first).collect::<Vec<_>>(), [21, 31]);
    let forgotten = |error: StoreError| matches!(error, StoreError::Forgotten { first: 21, .. });
    assert!(forgotten(store.entry(5).unwrap_err()));
    assert!(forgotten(store.selection(&DECLARATION, "b", None).unwrap_err()));
    assert!(store.selection(&DECLARATION, "c", None).unwrap().is_some());
    let versions = store.versions(&DECLARATION, ["a"]).unwrap().remove(0);
    assert_eq!((versions.len(), versions[0].position), (1, 1), "a resend is recognised all the same");
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.next_position(), 41);
    assert!(store.verify(|_| ()).unwrap().is_sound());
    store.forget_before(1_000).unwrap();
    assert_eq!(store.entries(0).count(), 1, "the last entry may stay");
    assert_eq!(write(&store, &[subject("e", 1, 1)]).unwrap(), 41);
}

#[test]
fn selections_are_had_by_position_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.write([commit(1, &[subject("a", 1, 2), Subject { decided: false, ..subject("b", 1, 1) }])]).unwrap();
    store.write([commit(10, &[subject("c", 1, 2), subject("d", 1, 3)])]).unwrap();
    let named = |positions: &[u64]| {
        let found = store.selections_at(positions).unwrap();
        found.into_iter().map(|row| row.map_or("-".to_owned(), |(batch, row)| texts(&batch, "subject_id")[row].clone()))
    };
    // A second row of a, b that was not decided on, and places that nothing has.
    let asked = [12, 1, 2, 3, 7, 10, 15, 12, 0];
    assert_eq!(named(&asked).collect::<Vec<_>>(), ["d", "a", "-", "-", "-", "c", "-", "d", "-"]);
    assert_eq!(named(&[]).count(), 0);
    store.forget_before(10).unwrap();
    assert_eq!(named(&[1, 10]).collect::<Vec<_>>(), ["-", "c"], "archived");
}

#[test]
fn units_that_were_resolved_are_forgotten_with_the_rows_around_them_and_those_that_wait_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let by = |at_ms| {
        let outcome = Outcome::Discarded { reason: "a test message".to_owned() };
        Resolution { outcome, who: "kim".to_owned(), at_ms }
    };
    let quarantined = (1..=3).map(|position| (position, unit("bad_number", "a"))).collect();
    let resolved = vec![(1, by(5)), (3, by(5))];
    store.write([Commit { quarantined, resolved, ..Commit::default() }.encode().unwrap()]).unwrap();
    write(&store, &[subject("a", 1, 2)]).unwrap();
    let late =
        Commit { quarantined: vec![(6, unit("bad_code", "a"))], resolved: vec![(6, by(6))], ..Commit::default() };
    store.write([late.encode().unwrap()]).unwrap();
    let left = || {
        let units = store.quarantine(&QuarantineFilter::default(), 0, 10).unwrap();
        let counts = store.quarantine_counts().unwrap();
        let counts: Vec<_> = counts.into_iter().map(|count| (count.code, count.state, count.units)).collect();
        (units.into_iter().map(|(position, _)| position).collect::<Vec<_>>(), counts)
    };
    let (waiting, discarded) = (QuarantineState::Waiting, QuarantineState::Discarded);
    let (bad_code, bad_number) = ("bad_code".to_owned(), "bad_number".to_owned());
    store.forget_before(4).unwrap();
    let counts = vec![(bad_code, discarded, 1), (bad_number.clone(), waiting, 1)];
    assert_eq!(left(), (vec![2, 6], counts));
    // Two dealt with the same unit at once, and the later of them finds it gone.
    let again = Commit { resolved: vec![(1, by(7))], ..Commit::default() };
    store.write([again.encode().unwrap()]).unwrap();
    store.write([commit(9, &[subject("b", 1, 1)])]).unwrap();
    store.forget_before(9).unwrap();
    assert_eq!(left(), (vec![2], vec![(bad_number, waiting, 1)]));
    assert!(store.verify(|_| ()).unwrap().is_sound());
}

#[test]
fn a_second_one_is_refused_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let error = Store::open(folder.path(), &options()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("another process has this store open"), "{error}");
    // Closed, it is free, whoever still holds a clone.
    let clone = store.clone();
    store.close();
    let closed = |error: StoreError| matches!(error, StoreError::Closed { .. }) && !error.may_pass();
    assert!(closed(clone.cursor("files").unwrap_err()));
    assert!(closed(clone.set_cursor("files", 1).unwrap_err()));
    assert!(closed(clone.recover().unwrap_err()));
    assert!(closed(clone.write([commit(1, &[subject("a", 1, 1)])]).unwrap_err()));
    Store::open(folder.path(), &options()).unwrap();
    drop(store);
    open(folder.path());
}

#[test]
fn commits_that_do_not_fit_are_refused_and_nothing_of_them_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let good = entry(1, &[subject("a", 1, 2), subject("b", 1, 1)]);
    let refused = |change: &dyn Fn(&mut Entry)| {
        let mut entry = good.clone();
        change(&mut entry);
        Commit { entries: vec![entry], ..Commit::default() }.encode().unwrap_err().to_string()
    };
    let all = [
        refused(&|e| e.first = 0),
        refused(&|e| e.rows = e.rows.slice(0, 0)),
        refused(&|e| e.decided.as_mut().unwrap().first_rows = vec![0, 1]),
        refused(&|e| e.decided.as_mut().unwrap().first_rows = vec![2, 0]),
        refused(&|e| e.subjects.as_mut().unwrap().versions = vec![1]),
        refused(&|e| e.subjects.as_mut().unwrap().first_rows = vec![0, 3]),
        refused(&|e| e.subjects = None),
    ];
    assert!(all.iter().all(|error| error.starts_with("a commit that does not fit together")), "{all:?}");

    store.write(vec![commit(5, &[subject("a", 1, 2)])]).unwrap();
    let before = everything(&store);
    let error = store.write(vec![commit(7, &[subject("b", 1, 1)]), commit(6, &[subject("c", 1, 1)])]).unwrap_err();
    assert_eq!(error.to_string(), "a commit that does not fit together: position 6 comes after position 7");
    assert_eq!(everything(&store), before);
}

#[test]
fn of_a_large_dictionary_only_what_occurs_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let names: Vec<String> = (0..16_000).map(|i| format!("a company of number {i} and a long name")).collect();
    let values: ArrayRef = Arc::new(StringArray::from_iter_values(&names));
    let mut first = 1;
    for rows in [1, 1_000] {
        let keys = (0..rows).map(|i| (i % 3 != 2).then_some(15_000 + i % 10)).collect::<Int32Array>();
        let dictionary = DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(&values)).unwrap();
        let schema = OUTCOME.schema();
        let name = schema.fields().iter().find(|f| f.data_type() == dictionary.data_type()).unwrap().name();
        let rows: RecordBatch = batch(OUTCOME.schema(), vec![(name, Arc::new(dictionary.clone()))]);
        let entry =
            Entry { first, stream: &OUTCOME, known_at_ms: 1, rows: rows.clone(), subjects: None, decided: None };
        let encoded = Commit { entries: vec![entry], ..Commit::default() }.encode().unwrap();
        assert!(encoded.bytes() < 3_000, "{} bytes", encoded.bytes());
        store.write(vec![encoded]).unwrap();
        let stored = store.entry(first).unwrap().unwrap().decode().unwrap();
        assert_eq!(texts(&stored, name), texts(&rows, name));
        assert_eq!(stored.schema(), rows.schema());
        assert!(stored.column_by_name(name).unwrap().as_any_dictionary().values().len() <= 10);
        first = store.next_position();
    }
}
