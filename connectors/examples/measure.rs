use haechi_connectors::{Document, Documents, ReadOptions, read};
use haechi_model::streams::DECLARATION;
use std::time::Instant;
fn main() {
    let doc = |i: usize| {
        format!(
            r#"{{"declaration_id":"26KR{i:08}","item_no":1,"declared_at":"2026-03-01T09:30:00+09:00","flow":"import","office":"020","transport_mode":"sea","importer_id":"I{}","importer_name":"Trading {}","exporter_name":"Shenzhen Co {}","exporter_country":"CN","origin_country":"CN","loading_port":"CNSHA","unloading_port":"KRINC","hs_code":"8504402090","description":"power supply unit for laptop computers","net_mass_kg":12.5,"gross_mass_kg":14.0,"customs_value_usd":1250.0,"packages":3,"preference_claimed":false,"container_ids":["ABCU1234567"]}}"#,
            i % 5000,
            i % 5000,
            i % 700
        )
    };
    let docs: Vec<Document> = (0..200_000)
        .map(|i| Document { source: "customs/d/0".into(), position: format!("offset {i}"), bytes: doc(i).into() })
        .collect();
    let documents = Documents::new(&DECLARATION, None, ReadOptions::default()).unwrap();
    for round in 0..3 {
        let t = Instant::now();
        let n: usize =
            docs[..20_000].iter().map(|d| documents.message(d).map(|i| i.batch.num_rows()).sum::<usize>()).sum();
        println!(
            "{round} one by one: {n} in {:?}, {:.1} us each",
            t.elapsed(),
            t.elapsed().as_micros() as f64 / n as f64
        );
        let t = Instant::now();
        let g = documents.gather(&docs);
        let n: usize = g.iter().map(|g| g.intake.batch.num_rows()).sum();
        println!(
            "{round} gathered: {n} in {} batches in {:?}, {:.0} rows/s; {} columns",
            g.len(),
            t.elapsed(),
            n as f64 / t.elapsed().as_secs_f64(),
            g[0].intake.batch.num_columns()
        );
        let all: bytes::Bytes =
            docs.iter().map(|d| std::str::from_utf8(&d.bytes).unwrap().to_owned() + "\n").collect::<String>().into();
        let t = Instant::now();
        let n: usize = read::bytes("x", all, &DECLARATION, None, &ReadOptions::default())
            .unwrap()
            .map(|i| i.unwrap().batch.num_rows())
            .sum();
        println!("{round} ndjson: {n} in {:?}, {:.0} rows/s", t.elapsed(), n as f64 / t.elapsed().as_secs_f64());
        let t = Instant::now();
        for d in &docs[..5000] {
            for i in read::bytes("x", d.bytes.clone(), &DECLARATION, None, &ReadOptions::default()).unwrap() {
                assert_eq!(i.unwrap().batch.num_rows(), 1);
            }
        }
        println!("{round} a reader each: {:.1} us each", t.elapsed().as_micros() as f64 / 5000.0);
    }
}
