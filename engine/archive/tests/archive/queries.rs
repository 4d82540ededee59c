//! Questions of analysts.

use std::sync::Arc;

use haechi_archive::layout::Dataset;
use haechi_archive::{Archive, Place, SqlOptions};
use object_store::memory::InMemory;
use tokio_util::sync::CancellationToken;

use crate::world::{World, answer, ask, ask_with};

async fn archived() -> (World, Place) {
    let world = World::new();
    let place = Place::of(Arc::new(InMemory::new()));
    world.archiver(&place, 300).catch_up(&CancellationToken::new()).await.unwrap();
    (world, place)
}

#[tokio::test]
async fn lanes_are_counted_as_the_store_has_them() {
    let (world, place) = archived().await;
    let query = "SELECT stream, sum(n) FROM (SELECT stream, lane, count(*) AS n FROM selections GROUP BY 1, 2) \
                 GROUP BY 1 ORDER BY 1";
    let expected: Vec<Vec<String>> = ["consignment", "declaration", "traveller"]
        .map(|stream| vec![stream.to_owned(), world.count(Dataset::Selections, stream).to_string()])
        .to_vec();
    assert_eq!(ask(&place, query).await, expected);
}

#[tokio::test]
async fn only_the_days_that_are_asked_for_are_read() {
    let (world, place) = (World::new(), Place::of(Arc::new(InMemory::new())));
    // A plan shows the first five files: there is one a day.
    world.archiver(&place, 1_000_000).catch_up(&CancellationToken::new()).await.unwrap();
    let files = |query: &'static str| {
        let place = place.clone();
        async move {
            let plan = ask(&place, &format!("EXPLAIN FORMAT INDENT {query}")).await;
            let plan = plan.concat().concat();
            ["2027-03-03", "2027-03-04", "2027-03-05"].map(|day| plan.contains(&format!("day={day}")))
        }
    };
    assert_eq!(files("SELECT * FROM selections").await, [true, true, true]);
    assert_eq!(files("SELECT lane FROM selections WHERE day = '2027-03-04'").await, [false, true, false]);
    assert_eq!(files("SELECT surname FROM travellers WHERE day > '2027-03-04'").await, [false, false, false]);
    assert_eq!(files("SELECT * FROM hits WHERE day IN ('2027-03-05', '2027-04-01')").await, [false, false, true]);
    assert_eq!(
        files("SELECT * FROM selections WHERE day = '2027-03-03' AND lane = 'scan'").await,
        [true, false, false]
    );
}

#[tokio::test]
async fn the_last_version_stands_in_the_current_tables() {
    let (_, place) = archived().await;
    let amended = "SELECT count(DISTINCT declaration_id) FROM declarations WHERE version = 2";
    let [[amended]] =
        ask(&place, amended).await.try_into().map(|[row]: [Vec<String>; 1]| [row.try_into().unwrap()]).unwrap();
    let amended: [String; 1] = [amended];
    assert_ne!(amended, ["0"]);
    for (table, key) in [("declarations", "declaration_id"), ("selections", "stream, subject_id")] {
        let query = format!(
            "SELECT (SELECT count(*) FROM current_{table}) = \
             (SELECT count(*) FROM (SELECT version, max(version) OVER (PARTITION BY {key}) AS last FROM {table}) \
             WHERE version = last), (SELECT count(*) FROM current_{table}) < (SELECT count(*) FROM {table})"
        );
        assert_eq!(ask(&place, &query).await, [["true", "true"]], "{table}");
    }
}

#[tokio::test]
async fn every_table_is_there_where_nothing_was_archived() {
    let place = Place::of(Arc::new(InMemory::new()));
    let archive = Archive::at(&place, SqlOptions::default()).await.unwrap();
    for info in Archive::tables() {
        let counted = answer(&archive, &format!("SELECT count(*) FROM {}", info.table)).await.unwrap();
        assert_eq!(counted, [["0"]], "{}", info.table);
        let columns: Vec<_> = info.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        if !columns.is_empty() {
            let query = format!("SELECT {} FROM {}", columns.join(", "), info.table);
            assert_eq!(answer(&archive, &query).await.unwrap(), [] as [Vec<String>; 0], "{query}");
        }
    }
}

#[tokio::test]
async fn queries_read_and_nothing_else() {
    let (_, place) = archived().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    std::fs::write(&file, "a\n1\n").unwrap();
    let file = file.display();
    for query in [
        format!("SELECT * FROM '{file}'"),
        format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{file}'"),
        format!("COPY (SELECT 1) TO '{file}.parquet'"),
        format!("EXPLAIN ANALYZE COPY (SELECT 1) TO '{file}.parquet'"),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "CREATE VIEW v AS SELECT 1".to_owned(),
        "DROP TABLE selections".to_owned(),
        "INSERT INTO selections SELECT * FROM selections".to_owned(),
        "DELETE FROM selections".to_owned(),
        "UPDATE selections SET lane = 'release'".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        "PREPARE p AS SELECT 1".to_owned(),
        "SELECT masked(lane) FROM selections".to_owned(),
    ] {
        let refused = ask_with(&place, &query, SqlOptions::default()).await;
        assert!(refused.is_err(), "{query}: {refused:?}");
        assert!(!folder.path().join("rows.csv.parquet").exists(), "{query}");
    }
    let wrong = ask_with(&place, "SELECT lanes FROM selections", SqlOptions::default()).await.unwrap_err();
    assert!(wrong.contains("lanes") && wrong.contains("selections.lane"), "{wrong}");
}

#[tokio::test]
async fn personal_data_is_masked_unless_it_is_asked_for() {
    let (_, place) = archived().await;
    let unmasked = SqlOptions { unmasked: true, ..SqlOptions::default() };
    let plain = "SELECT surname, document_no, birth_date FROM travellers WHERE document_no IS NOT NULL \
                 AND surname IS NOT NULL AND birth_date IS NOT NULL ORDER BY position LIMIT 5";
    let seen = ask_with(&place, plain, unmasked).await.unwrap();
    let masked = ask(&place, plain).await;
    assert_eq!((seen.len(), masked.len()), (5, 5));
    for (seen, masked) in seen.iter().zip(&masked) {
        assert_eq!(masked[0].split(' ').next().unwrap(), format!("{}***", seen[0].chars().next().unwrap()));
        assert_eq!(masked[1], format!("***{}", &seen[1][seen[1].len() - 3..]));
        assert_eq!(masked[2], format!("{}-01-01", &seen[2][..4]));
    }
    // Nor can it be guessed at.
    let guess = format!("SELECT count(*) FROM travellers WHERE document_no = '{}'", seen[0][1]);
    assert_eq!(ask(&place, &guess).await, [["0"]]);
    assert_eq!(ask_with(&place, &guess, unmasked).await.unwrap(), [["1"]]);
    // Lists of records keep their form.
    let documents = ask(&place, "SELECT documents FROM travellers WHERE cardinality(documents) > 0 LIMIT 1").await;
    assert!(documents[0][0].contains("***") && !documents[0][0].contains(&seen[0][1]), "{documents:?}");
    let companies = "SELECT count(*) FROM declarations WHERE importer_name LIKE '%***%' AND NOT importer_is_person";
    assert_eq!(ask(&place, companies).await, [["0"]]);
}

#[tokio::test]
async fn what_does_not_fit_into_memory_goes_to_disk() {
    let (world, place) = archived().await;
    let query = "SELECT count(*) FROM (SELECT * FROM selections ORDER BY subject_id, lane)";
    let little = SqlOptions { memory_bytes: 24 << 20, threads: Some(1), ..SqlOptions::default() };
    let rows: u64 =
        ["declaration", "consignment", "traveller"].map(|s| world.count(Dataset::Selections, s)).iter().sum();
    assert_eq!(ask_with(&place, query, little).await.unwrap(), [[rows.to_string()]]);
    let none = SqlOptions { memory_bytes: 1 << 10, threads: Some(1), ..SqlOptions::default() };
    let refused = ask_with(&place, "SELECT * FROM selections ORDER BY subject_id", none).await.unwrap_err();
    assert!(refused.contains("memory") || refused.contains("Resources"), "{refused}");
}
