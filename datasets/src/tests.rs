//! What a dataset promises, read from outside.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int16Type, Int32Type, TimestampMillisecondType};
use haechi_model::Stream;
use haechi_model::streams::{CONSIGNMENT, DECLARATION, OUTCOME, TRAVELLER};

use super::*;

/// Small enough for an unoptimised build.
pub(crate) fn small() -> Spec {
    Spec { declarations: 3_000, house_bills: 400, flights: 5, planted_share: 0.05, ..Spec::day(7) }
}

fn all(batches: impl Iterator<Item = RecordBatch>) -> RecordBatch {
    let batches: Vec<_> = batches.collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Texts of a column; NULL is the empty text.
fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    (0..batch.num_rows())
        .map(|row| match text::json(column, row) {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        })
        .collect()
}

fn numbers(batch: &RecordBatch, name: &str) -> Vec<f64> {
    batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec()
}

type Maker = fn(&Spec) -> Box<dyn Iterator<Item = RecordBatch>>;

fn streams() -> [(&'static Stream, Maker); 4] {
    [
        (&DECLARATION, |s| Box::new(declarations(s))),
        (&CONSIGNMENT, |s| Box::new(consignments(s))),
        (&TRAVELLER, |s| Box::new(travellers(s))),
        (&OUTCOME, |s| Box::new(outcomes(s))),
    ]
}

#[test]
fn the_same_spec_gives_the_same_rows_whatever_the_batch_size_and_another_seed_gives_others() {
    for (stream, make) in streams() {
        let spec = Spec { declarations: 700, house_bills: 200, flights: 2, ..small() };
        let whole = all(make(&spec));
        // Compared as text: a dictionary's order is no part of the rows.
        let rows = |batch: &RecordBatch| -> Vec<Vec<String>> {
            batch.schema().fields().iter().map(|f| texts(batch, f.name())).collect()
        };
        for batch_rows in [1, 7, 100_000] {
            let cut = all(make(&Spec { batch_rows, ..spec.clone() }));
            assert!(rows(&cut) == rows(&whole), "{} in batches of {batch_rows}", stream.name);
        }
        let other = all(make(&Spec { seed: 8, ..spec }));
        assert_ne!(texts(&other, stream.subject_key), texts(&whole, stream.subject_key), "{}", stream.name);
    }
}

#[test]
fn sizes_are_as_asked_and_a_declaration_stands_in_one_batch() {
    let spec = small();
    let mut seen = HashSet::new();
    let mut rows = 0;
    for batch in declarations(&Spec { batch_rows: 64, ..spec.clone() }) {
        rows += batch.num_rows();
        let here: HashSet<String> = texts(&batch, "declaration_id").into_iter().collect();
        assert!(seen.is_disjoint(&here));
        seen.extend(here);
    }
    assert_eq!(seen.len() as u64, spec.declarations);
    let per_declaration = rows as f64 / seen.len() as f64;
    assert!((1.8..2.3).contains(&per_declaration), "{per_declaration} items a declaration");

    assert_eq!(all(consignments(&spec)).num_rows() as u64, spec.house_bills);
    let people = all(travellers(&spec));
    let per_flight = people.num_rows() as f64 / spec.flights as f64;
    assert!((110.0..260.0).contains(&per_flight), "{per_flight} people a flight");
    let keys: HashSet<String> = texts(&people, "traveller_id").into_iter().collect();
    assert_eq!(keys.len(), people.num_rows());
    assert_eq!(all(outcomes(&spec)).num_rows() as u64, spec.declarations + spec.house_bills + keys.len() as u64);
}

#[test]
fn nothing_asked_is_nothing_given_but_the_columns() {
    let spec = Spec { declarations: 0, house_bills: 0, flights: 0, ..small() };
    for (stream, make) in streams() {
        let batch = all(make(&spec));
        assert_eq!(batch.num_rows(), 0, "{}", stream.name);
        assert!(batch.num_columns() > 20);
    }
    assert_eq!(planted(&spec), []);
}

#[test]
fn columns_are_those_of_the_streams() {
    for (stream, make) in streams() {
        let batch = all(make(&small()));
        for field in batch.schema().fields() {
            let column = stream.column(field.name()).unwrap_or_else(|| panic!("{}.{}", stream.name, field.name()));
            assert_eq!(field.data_type(), &column.kind.data_type(), "{}.{}", stream.name, column.name);
            let values = batch.column_by_name(column.name).unwrap();
            assert!(column.nullable || values.null_count() == 0, "{}.{} is NULL", stream.name, column.name);
            if !column.values.is_empty() {
                for value in texts(&batch, column.name).iter().filter(|v| !v.is_empty()) {
                    assert!(column.values.contains(&value.as_str()), "{}.{} is `{value}`", stream.name, column.name);
                }
            }
        }
        // What a reader adds of its own: where the row was read.
        let readers = ["source", "source_position", "message_format", "message_version", "message_id", "sender_id"];
        for column in stream.all_columns().filter(|c| !c.nullable && !c.derived && !readers.contains(&c.name)) {
            let is_list = matches!(column.kind, haechi_model::Kind::List(_) | haechi_model::Kind::Records(_));
            assert!(is_list || batch.column_by_name(column.name).is_some(), "{} lacks {}", stream.name, column.name);
        }
    }
}

#[test]
fn streams_are_in_time_order_and_inside_their_day() {
    let batch = all(declarations(&small()));
    let times =
        batch.column_by_name("declared_at").unwrap().as_primitive::<TimestampMillisecondType>().values().to_vec();
    assert!(times.is_sorted());
    let day = small().epoch_day();
    assert!(times.iter().all(|t| timeline::seoul_day(*t) == day));
}

#[test]
fn a_few_importers_bring_most() {
    let batch = all(declarations(&small()));
    let mut by_importer: HashMap<String, usize> = HashMap::new();
    for importer in texts(&batch, "importer_id") {
        *by_importer.entry(importer).or_default() += 1;
    }
    let mut counts: Vec<usize> = by_importer.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let top: usize = counts.iter().take(counts.len().div_ceil(100)).sum();
    assert!(top as f64 > 0.3 * batch.num_rows() as f64, "{top} of {} rows", batch.num_rows());
}

#[test]
fn people_order_parcels_mostly_under_the_duty_free_limit() {
    let batch = all(declarations(&Spec { planted_share: 0.0, ..small() }));
    let values = numbers(&batch, "customs_value_usd");
    let parcels: Vec<f64> = texts(&batch, "importer_is_person")
        .iter()
        .zip(&values)
        .filter(|(person, _)| *person == "true")
        .map(|(_, value)| *value)
        .collect();
    let share = parcels.len() as f64 / batch.num_rows() as f64;
    assert!((0.12..0.35).contains(&share), "{share} of the items are people's");
    let under = parcels.iter().filter(|v| **v <= 150.0).count() as f64 / parcels.len() as f64;
    assert!(under > 0.85, "{under} under the limit");
}

#[test]
fn honest_prices_are_near_the_headings_and_the_rings_are_not() {
    let spec = small();
    let batch = all(declarations(&spec));
    let ring: HashSet<String> =
        planted(&spec).into_iter().filter(|p| p.scheme == Scheme::UndervaluationRing).map(|p| p.subject_id).collect();
    assert!(ring.len() > 30, "{}", ring.len());
    let ids = texts(&batch, "declaration_id");
    let codes = texts(&batch, "hs_code");
    let (values, masses) = (numbers(&batch, "customs_value_usd"), numbers(&batch, "net_mass_kg"));
    let people = texts(&batch, "importer_is_person");
    let (mut low_honest, mut honest, mut low_ring, mut rings) = (0.0, 0.0, 0.0, 0.0);
    for row in 0..batch.num_rows() {
        if people[row] == "true" {
            continue;
        }
        let heading = tables::TABLES.heading_of(&codes[row][..6]).unwrap();
        let low = values[row] / masses[row] < 0.35 * tables::TABLES.heading(heading).usd_per_kg;
        let (lows, all) =
            if ring.contains(&ids[row]) { (&mut low_ring, &mut rings) } else { (&mut low_honest, &mut honest) };
        *lows += f64::from(u8::from(low));
        *all += 1.0;
    }
    assert!(low_honest / honest < 0.05, "{low_honest} of {honest} honest items are cheap");
    assert!(low_ring / rings > 0.8, "{low_ring} of {rings} of the ring's items are cheap");
}

#[test]
fn what_is_planted_is_what_inspections_find() {
    let spec = small();
    let planted = planted(&spec);
    let keys: HashSet<(&str, &str)> = planted.iter().map(|p| (p.stream, p.subject_id.as_str())).collect();
    assert_eq!(keys.len(), planted.len(), "a subject is planted once");
    let outcomes = all(outcomes(&spec));
    let (kinds, ids) = (texts(&outcomes, "subject_kind"), texts(&outcomes, "subject_id"));
    let severities = outcomes.column_by_name("severity").unwrap().as_primitive::<Int32Type>();
    let results = texts(&outcomes, "result");
    let mut found = HashSet::new();
    for row in 0..outcomes.num_rows() {
        let severity = severities.value(row);
        assert_eq!(severity == 0, results[row] == "NCF");
        if severity >= 2 {
            found.insert((kinds[row].as_str(), ids[row].as_str()));
        }
    }
    assert_eq!(found, keys);
    let mistakes = severities.values().iter().filter(|s| **s == 1).count() as f64 / outcomes.num_rows() as f64;
    assert!((0.008..0.025).contains(&mistakes), "{mistakes} honest mistakes");
}

#[test]
fn every_scheme_is_planted_in_its_share() {
    let spec = small();
    let planted = planted(&spec);
    let count = |scheme, stream| planted.iter().filter(|p| p.scheme == scheme && p.stream == stream).count() as f64;
    let near = |what: &str, seen: f64, of: f64, part: f64| {
        let expected = of * spec.planted_share * part;
        assert!((0.4 * expected..2.2 * expected).contains(&seen), "{what}: {seen}, expected about {expected}");
    };
    let n = spec.declarations as f64;
    near("ring", count(Scheme::UndervaluationRing, "declaration"), n, 0.4);
    near("transhipment", count(Scheme::Transhipment, "declaration"), n, 0.3);
    near("split", count(Scheme::SplitConsignments, "declaration"), n, 0.3);
    near("crew, cargo", count(Scheme::SmugglingCrew, "consignment"), spec.house_bills as f64, 1.0);
    let people = all(travellers(&spec)).num_rows() as f64;
    near("crew, travellers", count(Scheme::SmugglingCrew, "traveller"), people, 0.5);
    near("documents", count(Scheme::DocumentFraud, "traveller"), people, 0.5);
}

#[test]
fn a_split_order_is_one_person_on_one_day_just_under_the_limit() {
    let spec = small();
    let batch = all(declarations(&spec));
    let split: HashSet<String> =
        planted(&spec).into_iter().filter(|p| p.scheme == Scheme::SplitConsignments).map(|p| p.subject_id).collect();
    let (ids, people, values) =
        (texts(&batch, "declaration_id"), texts(&batch, "importer_id"), numbers(&batch, "customs_value_usd"));
    let mut orders: HashMap<&str, Vec<f64>> = HashMap::new();
    for row in (0..batch.num_rows()).filter(|row| split.contains(&ids[*row])) {
        assert!((100.0..150.0).contains(&values[row]), "{}", values[row]);
        orders.entry(&people[row]).or_default().push(values[row]);
    }
    assert!(orders.len() > 3);
    assert!(orders.values().all(|parcels| parcels.len() >= 3), "{orders:?}");
}

#[test]
fn transhipped_goods_claim_preference_and_come_from_elsewhere() {
    let spec = small();
    let batch = all(declarations(&spec));
    let through: HashSet<String> =
        planted(&spec).into_iter().filter(|p| p.scheme == Scheme::Transhipment).map(|p| p.subject_id).collect();
    let (ids, items) = (texts(&batch, "declaration_id"), texts(&batch, "item_no"));
    let (origin, departure, seller) =
        (texts(&batch, "origin_country"), texts(&batch, "departure_country"), texts(&batch, "exporter_country"));
    let (claimed, certificates) = (texts(&batch, "preference_claimed"), texts(&batch, "origin_certificate_id"));
    let mut seen = 0;
    for row in (0..batch.num_rows()).filter(|row| through.contains(&ids[*row]) && items[*row] == "1") {
        assert!(["VN", "MY", "TH"].contains(&origin[row].as_str()));
        assert!(departure[row] == "CN" || seller[row] == "CN");
        assert_eq!(claimed[row], "true");
        assert!(certificates[row].starts_with("CO-"));
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn hired_travellers_look_like_hired_travellers() {
    let spec = Spec { flights: 12, ..small() };
    let batch = all(travellers(&spec));
    let crew: HashSet<String> = planted(&spec)
        .into_iter()
        .filter(|p| p.stream == "traveller" && p.scheme == Scheme::SmugglingCrew)
        .map(|p| p.subject_id)
        .collect();
    let ids = texts(&batch, "traveller_id");
    let (payment, agency) = (texts(&batch, "payment_kind"), texts(&batch, "agency_id"));
    let legs = batch.column_by_name("itinerary").unwrap().as_list::<i32>();
    let roles = texts(&batch, "role");
    let mut agencies = HashSet::new();
    for row in (0..batch.num_rows()).filter(|row| crew.contains(&ids[*row]) && roles[*row] == "passenger") {
        assert_eq!(payment[row], "cash");
        assert_eq!(legs.value(row).len(), 1);
        agencies.insert(agency[row].clone());
    }
    assert_eq!(agencies.len(), 1, "one agency books for all: {agencies:?}");
}

#[test]
fn codes_stay_few_enough_for_their_columns() {
    // `code` columns number their values in 16 bits; a stream that outgrew that would fail at its first long batch.
    for (_, make) in streams() {
        let batch = all(make(&small()));
        for column in batch.columns() {
            if let Some(codes) = column.as_dictionary_opt::<Int16Type>() {
                assert!(codes.values().len() < 3_000);
            }
        }
    }
}

#[test]
fn parquet_is_whole_and_text_files_are_damaged_where_the_answer_key_says() {
    let spec = Spec { declarations: 600, house_bills: 120, flights: 1, bad_share: 0.2, ..small() };
    let dir = tempfile::tempdir().unwrap();
    let written = write(&spec, dir.path(), Format::Parquet).unwrap();
    assert_eq!(written.rows("damaged.json"), Some(0));
    let rows = all(declarations(&spec)).num_rows() as u64;
    assert_eq!(written.rows("declarations.parquet"), Some(rows));
    assert_eq!(written.rows("planted.json"), Some(planted(&spec).len() as u64));

    for format in [Format::Csv, Format::Ndjson] {
        let dir = tempfile::tempdir().unwrap();
        let written = write(&spec, dir.path(), format).unwrap();
        let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
        let damaged: Vec<serde_json::Value> = serde_json::from_slice(&read("damaged.json")).unwrap();
        assert_eq!(written.files.iter().map(|f| f.damaged).sum::<u64>(), damaged.len() as u64);
        let kinds: HashSet<&str> = damaged.iter().map(|d| d["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds.len(), Damage::ALL.len());

        for stem in ["declarations", "consignments", "travellers"] {
            let name = format!("{stem}.{}", format.extension());
            let whole = {
                let dir = tempfile::tempdir().unwrap();
                write(&Spec { bad_share: 0.0, ..spec.clone() }, dir.path(), format).unwrap();
                std::fs::read(dir.path().join(&name)).unwrap()
            };
            let (bytes, key) = (read(&name), &damaged);
            let is_damaged = |line: usize| key.iter().any(|d| d["file"] == name.as_str() && d["line"] == line as u64);
            let lines = bytes.split(|b| *b == b'\n').zip(whole.split(|b| *b == b'\n')).enumerate();
            for (n, (line, before)) in lines {
                assert_eq!(line != before, is_damaged(n + 1), "{name} line {}", n + 1);
            }
            let line_count = |bytes: &[u8]| bytes.split(|b| *b == b'\n').count();
            assert_eq!(line_count(&bytes), line_count(&whole));
        }
    }
}

#[test]
fn a_spec_that_cannot_be_made_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("out");
    let refused = write(&Spec { bad_share: 2.0, ..small() }, &folder, Format::Csv).unwrap_err();
    assert_eq!(refused.to_string(), "`bad_share` is 2; a share lies between 0 and 1");
    assert!(!folder.exists());
}
