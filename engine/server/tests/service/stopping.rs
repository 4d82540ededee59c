use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Port, declaration};

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
    let folder = tempfile::tempdir().unwrap();
    crate::support::write_rules(folder.path(), 1_000.0);
    let out = folder.path().join("out");
    let sink = format!("[[sink]]\nname = \"files\"\nkind = \"files\"\npath = {out:?}\n");
    let port = Port::in_folder(folder, &sink).await;
    for number in 0..20 {
        port.declare(&declaration(&format!("D{number}"), &[1.0])).await;
    }
    let Port { folder, service, .. } = port;
    let end = *service.engine().position().borrow();
    service.stop().await;
    let settings = crate::support::settings(folder.path(), &sink);
    let store = haechi_store::Store::open(&settings.store.path, &settings.store.options()).unwrap();
    assert_eq!(store.cursor("files").unwrap(), Some(end));
}
