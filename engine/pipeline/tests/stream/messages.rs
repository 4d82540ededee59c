//! What comes of a message: new, sent again, changed, late, in conflict, and after a restart.

use haechi_connectors::{Feed, NotCommitted};
use haechi_model::SetAside;
use haechi_pipeline::replay::Replayer;
use haechi_pipeline::stream::Outcome;
use haechi_store::QuarantineFilter;

use super::support::*;

fn counted<'a>(id: &'a str, version: i32, values: &'a [f64]) -> Declaration<'a> {
    Declaration { version: Some(version), ..declaration(id, values) }
}

#[tokio::test]
async fn a_message_sent_again_is_answered_as_before() {
    let bench = Bench::new();
    let first = bench.send(declaration("A", &[5000.0])).await;
    assert_eq!(shown(&first), ["selected A v1: examine v1"]);
    let other = bench.send(declaration("B", &[1.0, 2.0])).await;
    assert_eq!(shown(&other), ["selected B v1: release v1"]);
    let again = bench.send(declaration("A", &[5000.0])).await;
    assert_eq!(shown(&again), ["repeated A v1: examine v1"]);
    assert_eq!(position(&again), position(&first));
    let bench = bench.restart();
    let again = bench.send(declaration("A", &[5000.0])).await;
    assert_eq!((shown(&again), position(&again)), (vec!["repeated A v1: examine v1".to_owned()], position(&first)));
    assert_eq!(selections(bench.store()).len(), 2);
}

#[tokio::test]
async fn a_change_supersedes_and_never_overwrites() {
    let bench = Bench::new();
    let first = bench.send(declaration("A", &[5000.0])).await;
    assert_eq!(shown(&bench.send(declaration("A", &[10.0])).await), ["selected A v2: release v2"]);
    let again = bench.send(declaration("A", &[5000.0])).await;
    assert_eq!(shown(&again), ["repeated A v1: examine v1 superseded"]);
    assert_eq!(position(&again), position(&first));
    // In a new envelope, the sender takes the change back.
    let back = Declaration { message: Some("M2"), ..declaration("A", &[5000.0]) };
    assert_eq!(shown(&bench.send(back).await), ["selected A v3: examine v3"]);
    let kinds: Vec<String> =
        bench.store().entries(1).map(|entry| text(&entry.unwrap().decode().unwrap(), "change_kind", 0)).collect();
    assert_eq!(kinds, ["new", "amend", "amend"]);
}

#[tokio::test]
async fn a_sender_who_counts_is_believed() {
    let bench = Bench::new();
    assert_eq!(shown(&bench.send(counted("A", 3, &[5000.0])).await), ["selected A v3: examine v3"]);
    assert_eq!(shown(&bench.send(counted("A", 2, &[10.0])).await), ["late A v2: examine v3 superseded"]);
    assert_eq!(shown(&bench.send(counted("A", 2, &[10.0])).await), ["repeated A v2: examine v3 superseded"]);
    assert_eq!(shown(&bench.send(counted("A", 3, &[10.0])).await), ["set aside: version_conflict"]);
    assert_eq!(shown(&bench.send(counted("A", 4, &[10.0])).await), ["selected A v4: release v4"]);
    assert_eq!(bench.store().entries(1).count(), 3, "what came late is in the journal too");
    assert_eq!(selections(bench.store()), ["A 3 examine 0.5 1", "A 4 release 0.5 1"]);
}

/// One delivery may hold all of it.
#[tokio::test]
async fn versions_within_one_block_follow_each_other() {
    let bench = Bench::new();
    let values = [[5000.0], [10.0], [5000.0], [20.0]];
    let mut declarations: Vec<_> = values.iter().map(|values| declaration("A", values)).collect();
    declarations.insert(1, declaration("B", &[1.0]));
    let mut receipts = Vec::new();
    for one in &declarations {
        receipts.push(bench.engine.hand_over(delivery(&[*one])).await.unwrap());
    }
    for receipt in receipts {
        receipt.committed().await.unwrap();
    }
    let mut found = selections(bench.store());
    found.sort();
    assert_eq!(found, ["A 1 examine 0.5 1", "A 2 release 0.5 1", "A 3 release 0.5 1", "B 1 release 0.5 1"]);
    let versions = bench.store().versions(&haechi_model::streams::DECLARATION, ["A"]).unwrap().remove(0);
    assert_eq!(versions.iter().map(|v| v.version).collect::<Vec<_>>(), [1, 2, 3]);
    for version in versions {
        let entry = bench.store().entry(version.position).unwrap().unwrap();
        assert!(entry.first <= version.position && version.position < entry.first + u64::from(entry.rows));
    }
}

/// What comes late in the block in which newer versions come: the index must not forget any of them.
#[tokio::test]
async fn what_comes_late_within_a_block_hides_nothing() {
    let bench = Bench::new();
    let sent = [counted("A", 3, &[1.0]), counted("A", 2, &[2.0]), counted("A", 4, &[5000.0])];
    let mut receipts = Vec::new();
    for one in &sent {
        receipts.push(bench.engine.hand_over(delivery(&[*one])).await.unwrap());
    }
    for receipt in receipts {
        receipt.committed().await.unwrap();
    }
    let bench = bench.restart();
    let versions = bench.store().versions(&haechi_model::streams::DECLARATION, ["A"]).unwrap().remove(0);
    let versions: Vec<_> = versions.iter().map(|v| (v.version, v.decided)).collect();
    assert_eq!(versions, [(2, false), (3, true), (4, true)]);
    assert_eq!(shown(&bench.send(sent[2]).await), ["repeated A v4: examine v4"]);
    assert_eq!(shown(&bench.send(sent[1]).await), ["repeated A v2: examine v4 superseded"]);
}

#[tokio::test]
async fn all_of_a_large_delivery_sent_again_is_answered_as_before() {
    let bench = Bench::new();
    let ids: Vec<String> = (0..500).map(|n| format!("D{n}")).collect();
    let values: Vec<[f64; 1]> = (0..500).map(|n| [f64::from(n) * 4.0]).collect();
    let all: Vec<_> = ids.iter().zip(&values).map(|(id, values)| declaration(id, values)).collect();
    let first = bench.engine.submit(delivery(&all)).await.unwrap();
    let again = bench.engine.submit(delivery(&all)).await.unwrap();
    assert_eq!(shown(&again).len(), 500);
    for (first, again) in shown(&first).iter().zip(shown(&again)) {
        assert_eq!(first.replace("selected", "repeated"), again);
    }
}

#[tokio::test]
async fn an_identifier_that_is_none_is_set_aside_and_stops_nobody() {
    let bench = Bench::new();
    let long = "X".repeat(65_530);
    let answer = bench.engine.submit(delivery(&[declaration(&long, &[1.0]), declaration("B", &[1.0])])).await.unwrap();
    assert_eq!(shown(&answer), ["selected B v1: release v1", "set aside: long_key"]);
    assert_eq!(shown(&bench.send(declaration("A", &[1.0])).await), ["selected A v1: release v1"]);
}

/// What a bill shares with others of its manifest is known from their message, and from the journal ever after.
#[tokio::test]
async fn neighbours_are_those_of_the_message() {
    let bench = Bench::new();
    let together = bench.engine.submit(bills(&[("B1", "KIM"), ("B2", "LEE")])).await.unwrap();
    assert_eq!(shown(&together), ["selected B1 v1: scan v1", "selected B2 v1: scan v1"]);
    let mut receipts = Vec::new();
    for (id, consignee) in [("B3", "KIM"), ("B4", "LEE"), ("B5", "CHOI")] {
        receipts.push(bench.engine.hand_over(bills(&[(id, consignee)])).await.unwrap());
    }
    for receipt in receipts {
        receipt.committed().await.unwrap();
    }
    let mut replayer = Replayer::new(bench.store().clone(), context());
    let stream = &haechi_model::streams::CONSIGNMENT;
    for (id, lane) in [("B1", "scan"), ("B2", "scan"), ("B3", "none"), ("B4", "none"), ("B5", "none")] {
        let replayed = replayer.subject(stream, id, None).unwrap().remove(0);
        assert_eq!((replayed.same(), text(&replayed.then, "lane", 0).as_str()), (true, lane), "{id}");
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_kept_and_told() {
    let bench = Bench::new();
    let mut mixed = delivery(&[declaration("A", &[1.0])]);
    mixed.set_aside.push(SetAside::new("post", "line 2", "bad_number", "line 2, ...", b"{\"declaration_id\": 1}"));
    let answer = bench.engine.submit(mixed).await.unwrap();
    assert_eq!(shown(&answer), ["selected A v1: release v1", "set aside: bad_number"]);
    let kept = bench.store().quarantine(&QuarantineFilter::default(), 0, 10).unwrap();
    assert_eq!((kept[0].0, kept[0].1.code.as_str()), (answer.set_aside[0].0, "bad_number"));

    // Mended and sent again, it is out of the quarantine with the same commit.
    let mended = delivery(&[declaration("B", &[1.0])]);
    let answer = bench.engine.replay_quarantined(kept[0].0, "kim".to_owned(), mended).await.unwrap();
    assert_eq!(answer.subjects[0].outcome, Outcome::Selected);
    let kept = bench.store().set_aside(kept[0].0).unwrap().unwrap();
    assert_eq!(kept.resolutions[0].who, "kim");
}

#[tokio::test]
async fn rows_that_belong_to_nobody_are_set_aside_alone() {
    let bench = Bench::new();
    let good = rows(&[declaration("A", &[1.0]), declaration("B", &[2.0])]);
    let ids: arrow::array::ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(vec![Some("A"), None]));
    let mut columns = good.columns().to_vec();
    columns[good.schema().index_of("declaration_id").unwrap()] = ids;
    let schema = good.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let batch = arrow::array::RecordBatch::try_from_iter_with_nullable(names.zip(columns).map(|(n, c)| (n, c, true)));
    let mut sent = delivery(&[]);
    sent.rows = batch.unwrap();
    let answer = bench.engine.submit(sent).await.unwrap();
    assert_eq!(shown(&answer), ["selected A v1: release v1", "set aside: missing_key"]);
    assert!(answer.set_aside[0].1.text.contains('2'), "{}", answer.set_aside[0].1.text);
}

#[tokio::test]
async fn where_a_source_stands_is_kept_with_what_it_read() {
    let bench = Bench::new();
    for (id, at) in [("A", "1"), ("B", "2")] {
        let sent = standing(delivery(&[declaration(id, &[1.0])]), "customs/a.csv", at);
        bench.engine.hand_over(sent).await.unwrap().committed().await.unwrap();
    }
    let bench = bench.restart();
    assert_eq!(bench.engine.feed().stands("customs/").unwrap(), [("customs/a.csv".to_owned(), "2".to_owned())]);
}

#[tokio::test]
async fn once_stopped_nothing_is_taken_and_all_that_was_is_committed() {
    let bench = Bench::new();
    let receipt = bench.engine.hand_over(delivery(&[declaration("A", &[1.0])])).await.unwrap();
    let engine = bench.engine.clone();
    tokio::task::spawn_blocking(move || engine.stop()).await.unwrap();
    assert_eq!(receipt.committed().await, Ok::<(), NotCommitted>(()));
    assert!(bench.engine.submit(delivery(&[declaration("B", &[1.0])])).await.is_err());
    assert_eq!(selections(bench.store()), ["A 1 release 0.5 1"]);
}
