use axum::routing::post;
use haechi_store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use crate::support::{Port, declaration, officers, settings};

#[tokio::test(flavor = "multi_thread")]
async fn who_was_let_in_is_answered() {
    let port = Port::open().await;
    let body = declaration("D1", &[5_000.0]).to_string();
    let mut connection = TcpStream::connect(port.service.address()).await.unwrap();
    let head = format!(
        "POST /v1/declarations HTTP/1.1\r\nhost: port\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut invited = [0; 25];
    connection.read_exact(&mut invited).await.unwrap();
    assert_eq!(&invited, b"HTTP/1.1 100 Continue\r\n\r\n");

    let Port { folder, service, .. } = port;
    let address = service.address();
    let stopping = tokio::spawn(service.stop());
    // It says so before anything else.
    loop {
        let answer = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = answer.post(format!("http://{address}/v1/declarations")).body("{}").send().await.unwrap();
        if answer.status() == 503 {
            assert!(answer.headers().contains_key("retry-after"));
            assert!(answer.text().await.unwrap().contains("stopping"));
            break;
        }
    }
    connection.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"lane\":\"examine\""), "{answer}");
    stopping.await.unwrap();

    let port = Port::in_folder(folder, "").await;
    assert_eq!(port.get("/v1/selections/declaration/D1").await.body["lane"], "examine");
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sinks_get_the_last_of_it() {
    // A receiver that takes its time.
    let (called, mut calls) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    let receive = post(move || async move {
        let (answer, answered) = oneshot::channel();
        called.send(answer).unwrap();
        answered.await.unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let sink = officers(&folder, receive).await;
    let port = Port::in_folder(folder, &sink).await;
    port.declare(&declaration("D1", &[1.0])).await;
    let first = calls.recv().await.unwrap();
    port.declare(&declaration("D2", &[1.0])).await;
    let Port { folder, service, .. } = port;
    let end = *service.engine().position().borrow();
    let mut position = service.engine().position();
    let stopping = tokio::spawn(service.stop());
    // The engine has ended, so sinks are all that is waited for.
    while position.changed().await.is_ok() {}
    first.send(()).unwrap();
    calls.recv().await.unwrap().send(()).unwrap();
    stopping.await.unwrap();
    let settings = settings(folder.path(), &sink);
    let store = Store::open(&settings.store.path, &settings.store.options()).unwrap();
    assert_eq!(store.cursor("officers").unwrap(), Some(end));
}
