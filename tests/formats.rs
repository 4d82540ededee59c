//! The same day as CSV, NDJSON and Parquet gives the same selections: nothing depends on how rows are written down.

use std::path::Path;

use haechi_datasets::{Format, Spec, write};
use tempfile::TempDir;

use crate::support::{BATCH_ROWS, PACKS, Row, inputs, ran};

#[test]
fn the_same_rows_in_another_format_get_the_same_selections() {
    let spec = Spec { declarations: 500, house_bills: 150, flights: 2, ..Spec::day(51) };
    let folder = TempDir::new().unwrap();
    let run = |format: Format, stream: &str| -> (Vec<Row>, Vec<Row>) {
        let day = folder.path().join(format.extension());
        if !day.exists() {
            write(&spec, &day, format).unwrap();
        }
        let file = day.join(Path::new(&format!("{stream}s")).with_extension(format.extension()));
        let ran = ran(stream, inputs(&[&file], None, BATCH_ROWS));
        assert_eq!(ran.report.set_aside, 0, "{stream} as {}: {:?}", format.extension(), ran.report.set_aside_reasons);
        // The generator writes times to the second as text, so values that follow from them differ a little.
        let hits = ran.hits().into_iter().map(|mut hit| hit.remove("values").map(|_| hit).unwrap());
        (ran.selections(), hits.collect())
    };
    for (stream, _) in PACKS {
        let (selections, hits) = run(Format::Parquet, stream);
        for format in [Format::Csv, Format::Ndjson] {
            let (again, hits_again) = run(format, stream);
            let what = format!("{stream} as {}", format.extension());
            let different = selections.iter().zip(&again).find(|(a, b)| a != b);
            assert!(different.is_none() && selections.len() == again.len(), "{what}: {different:#?}");
            let different = hits.iter().zip(&hits_again).find(|(a, b)| a != b);
            assert!(different.is_none() && hits.len() == hits_again.len(), "{what}: {different:#?}");
        }
    }
}
