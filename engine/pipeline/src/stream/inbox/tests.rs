use std::sync::Arc;
use std::time::Duration;

use arrow::array::{RecordBatch, StringArray};
use haechi_connectors::Stand;
use haechi_model::streams::DECLARATION;

use super::*;

fn delivery(name: &str, rows: usize) -> Delivery {
    let ids = StringArray::from(vec!["x"; rows]);
    Delivery {
        stream: &DECLARATION,
        rows: RecordBatch::try_from_iter([("declaration_id", Arc::new(ids) as _)]).unwrap(),
        warnings: Vec::new(),
        set_aside: Vec::new(),
        stand: Some(Stand { of: name.to_owned(), at: None }),
    }
}

async fn put(inbox: &Inbox, urgency: Urgency, name: &str, rows: usize) -> Result<(), Closed> {
    inbox.put(urgency, delivery(name, rows), Reply::Committed(oneshot::channel().0), None).await
}

fn names(taken: Option<(Urgency, Vec<Order>)>) -> String {
    let orders = taken.into_iter().flat_map(|(_, orders)| orders);
    orders.filter_map(|order| order.delivery.stand.map(|stand| stand.of)).collect()
}

#[tokio::test]
async fn a_flood_is_cut_into_blocks_and_takes_turns_with_requests() {
    let inbox = Inbox::new(1000);
    for (name, rows) in [("a", 3), ("b", 3), ("c", 9), ("d", 0), ("e", 20)] {
        put(&inbox, Urgency::Bulk, name, rows).await.unwrap();
    }
    for name in ["1", "2"] {
        put(&inbox, Urgency::Request, name, 1).await.unwrap();
    }
    let blocks = [(); 4].map(|()| names(inbox.take(10)));
    assert_eq!(blocks, ["ab", "12", "cd", "e"]);
}

#[tokio::test]
async fn who_puts_waits_for_room_until_what_was_taken_is_let_go() {
    let inbox = Arc::new(Inbox::new(10));
    put(&inbox, Urgency::Bulk, "a", 7).await.unwrap();
    let waiting = tokio::spawn({
        let inbox = Arc::clone(&inbox);
        async move { put(&inbox, Urgency::Bulk, "b", 4).await }
    });
    // Requests have room of their own.
    put(&inbox, Urgency::Request, "1", 10).await.unwrap();
    let taken = [inbox.take(100), inbox.take(100)];
    assert_eq!(inbox.waiting_rows().map(|(_, rows)| rows), [0, 0], "b has no room while a is worked on");
    drop(taken);
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(names(inbox.take(100)), "b");
}

#[tokio::test]
async fn once_closed_it_gives_out_what_waits_and_takes_nothing() {
    let inbox = Inbox::new(10);
    put(&inbox, Urgency::Bulk, "a", 1).await.unwrap();
    inbox.close();
    assert_eq!(put(&inbox, Urgency::Bulk, "b", 1).await, Err(Closed));
    assert_eq!(names(inbox.take(10)), "a");
    assert!(inbox.take(10).is_none());
}
