use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::StreamWriter;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Port, declaration, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_declaration_is_answered_with_its_selection() {
    let port = Port::open().await;
    let first = port.declare(&declaration("D1", &[10.0, 5_000.0])).await;
    assert_eq!((first.status, first.media.as_str()), (200, "application/json"));
    assert_eq!(first.selections(), ["D1 1 examine selected"]);
    let selection = &first.body["selections"][0];
    assert_eq!((&selection["rows"], &selection["reasons"]), (&2.into(), &json!(["r-value"])));
    assert_eq!(first.body["set_aside"], json!([]));

    let again = port.declare(&declaration("D1", &[10.0, 5_000.0])).await;
    assert_eq!(again.selections(), ["D1 1 examine repeated"]);
    assert_eq!(again.body["selections"][0]["position"], selection["position"], "the same selection");

    let amended = port.declare(&declaration("D1", &[10.0, 50.0])).await;
    assert_eq!(amended.selections(), ["D1 2 release selected"]);
    let mut counted = declaration("D1", &[1.0]);
    counted["version"] = 7.into();
    assert_eq!(port.declare(&counted).await.selections(), ["D1 7 release selected"]);
    counted["version"] = 5.into();
    assert_eq!(port.declare(&counted).await.selections(), ["D1 7 release late superseded"], "the newest answers it");

    let port = port.reopen().await;
    let after = port.declare(&declaration("D1", &[1.0])).await;
    assert_eq!(after.selections(), ["D1 7 release repeated"], "{after:?}");
    let shown = port.get("/v1/selections/declaration/D1?version=1").await;
    assert_eq!((&shown.body["lane"], &shown.body["position"]), (&"examine".into(), &selection["position"]));
    assert_eq!(shown.body["hits"][0]["rule_id"], "r-value");
    assert_eq!(shown.body["hits"][0]["row_key"], "2");
    assert_eq!(port.get("/v1/selections/declaration/D1").await.body["version"], 7);
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_read_by_what_they_are() {
    let port = Port::open().await;
    let two = format!("{}\n{}\n", declaration("A1", &[1.0]), declaration("A2", &[9e3]));
    let table = "declaration_id,item_no,customs_value_usd\nB1,1,2000\nB1,2,3\nB2,1,4\n";
    let array = json!([declaration("C1", &[1.0]), declaration("C2", &[2e3, 1.0])]).to_string();
    let arrow = arrow_stream();
    let packed = zstd::encode_all(table.replace('B', "E").as_bytes(), 1).unwrap();
    for (media, encoding, body, expected) in [
        ("application/x-ndjson", None, two.into_bytes(), &["A1 1 release selected", "A2 1 examine selected"][..]),
        ("text/csv", None, table.into(), &["B1 1 examine selected", "B2 1 release selected"]),
        ("application/json", None, array.into(), &["C1 1 release selected", "C2 1 examine selected"]),
        ("application/vnd.apache.arrow.stream", None, arrow, &["F1 1 examine selected"]),
        ("text/csv; charset=utf-8", Some("zstd"), packed, &["E1 1 examine selected", "E2 1 release selected"]),
        ("application/octet-stream", None, declaration("G1", &[1.0]).to_string().into(), &["G1 1 release selected"]),
    ] {
        let mut request = port.request(Method::POST, "/v1/declarations").header("content-type", media).body(body);
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let told = told(request).await;
        assert_eq!(told.selections(), expected, "{media}: {told:?}");
    }
    let list = "UNB+UNOA:4+ZZ+KR+270313:2200+R1'UNH+A1+PAXLST:D:15B:UN:IATA'BGM+745'TDT+20+ZZ421+++ZZ'LOC+125+BKK'\
                DTM+189:2703140105:201'LOC+87+ICN'DTM+232:2703140830:201'NAD+FL+++KIM:ARA'UNT+9+A1'UNZ+1+R1'";
    let travellers = port.post("/v1/travellers", "application/edifact", list).await;
    assert_eq!(travellers.body["selections"][0]["lane"], "refer", "{travellers:?}");
    // The same in an envelope, as a gateway sends it.
    let list = list.replace("ARA", "BORA");
    let envelope = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
                    xmlns:eb=\"http://www.oasis-open.org/committees/ebxml-msg/schema/msg-header-2_0.xsd\"><s:Header>\
                    <eb:MessageHeader eb:version=\"2.0\"><eb:From><eb:PartyId>ZZ</eb:PartyId></eb:From><eb:Action>PAXLST\
                    </eb:Action><eb:MessageData><eb:MessageId>m1@zz</eb:MessageId></eb:MessageData></eb:MessageHeader>\
                    </s:Header><s:Body/></s:Envelope>";
    let parts = format!(
        "--cut\r\nContent-Type: text/xml\r\n\r\n{envelope}\r\n--cut\r\nContent-Type: application/edifact\r\n\
         Content-ID: <list>\r\n\r\n{list}\r\n--cut--\r\n"
    );
    let enveloped = port.post("/v1/travellers", "multipart/related; boundary=cut", parts).await;
    assert_eq!(enveloped.body["selections"][0]["lane"], "refer", "{enveloped:?}");
    // A message of another stream is kept, and said to be.
    let elsewhere = port.post("/v1/declarations", "application/edifact", list).await;
    assert_eq!((elsewhere.status, elsewhere.problem()), (422, "not_readable"));
    assert_eq!(elsewhere.body["set_aside"][0]["code"], "other_stream", "{elsewhere:?}");
    port.service.stop().await;
}

fn arrow_stream() -> Vec<u8> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("declaration_id", DataType::Utf8, false),
        Field::new("item_no", DataType::Int32, false),
        Field::new("customs_value_usd", DataType::Float64, true),
    ]));
    let (ids, items) = (StringArray::from(vec!["F1"]), Int32Array::from(vec![1]));
    let columns: Vec<arrow::array::ArrayRef> =
        vec![Arc::new(ids), Arc::new(items), Arc::new(Float64Array::from(vec![2e4]))];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_why() {
    let port = Port::with("body_bytes_max = 2000\n").await;
    let long = "x".repeat(2_001);
    for (path, media, body, status, code) in [
        ("/v1/declarations", "application/json", "", 400, "bad_request"),
        ("/v1/declarations", "application/json", "[{\"declaration_id\": \"A\"", 400, "bad_request"),
        ("/v1/declarations", "image/png", "{}", 415, "unsupported_media_type"),
        ("/v1/declarations", "text/csv", &long, 413, "too_large"),
        ("/v1/declarations", "application/json", "{\"declaration_id\": \"A\"", 422, "not_readable"),
        ("/v1/declarations", "text/csv", "a,b,c\n1,2,3\n", 422, "not_readable"),
        ("/v1/consignments", "application/json", "{}", 503, "no_rules"),
        ("/v1/nothing", "application/json", "{}", 404, "not_found"),
    ] {
        let told = port.post(path, media, body.to_owned()).await;
        assert_eq!((told.status, told.problem()), (status, code), "{path} {media} {body}: {told:?}");
        if status == 422 {
            let id = told.body["set_aside"][0]["id"].as_u64().unwrap_or_else(|| panic!("{told:?}"));
            assert!(told.body["detail"].as_str().unwrap().contains(&format!("quarantine under {id}")), "{told:?}");
            assert_eq!(port.get(&format!("/v1/quarantine/{id}")).await.body["text"], body, "{told:?}");
        }
        if status == 503 {
            assert!(told.headers.contains_key("retry-after"));
        }
    }
    let brotli = port.request(Method::POST, "/v1/declarations").header("content-encoding", "br").body("x");
    assert_eq!(told(brotli).await.status, 415);
    let packed = zstd::encode_all(long.as_bytes(), 1).unwrap();
    assert_eq!(port.post("/v1/declarations", "text/csv", packed.clone()).await.status, 413);
    let twice = port.post("/v1/declarations", "text/csv", zstd::encode_all(&*packed, 1).unwrap()).await;
    assert!(twice.status == 400 && twice.body["detail"].as_str().unwrap().contains("packed twice"), "{twice:?}");
    assert_eq!(port.get("/v1/declarations").await.status, 405);
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_keeps_the_name_its_sender_gives_it() {
    let port = Port::open().await;
    let send = |id: &str| {
        let request = port.request(Method::POST, "/v1/declarations").header("x-request-id", id);
        told(request.header("content-type", "application/json").body("{\"declaration_id\": 3, \"item_no\": \"x\"}"))
    };
    let named = send("order-66").await;
    assert_eq!(named.headers["x-request-id"], "order-66");
    let place = named.body["set_aside"][0]["position"].as_str().unwrap().to_owned();
    assert!(place.starts_with("order-66"), "{place}");
    let unnamed = send("").await.headers["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(unnamed.len(), 16, "{unnamed}");
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_goes_away_loses_nothing() {
    let port = Port::open().await;
    let mut position = port.service.engine().position();
    let connection = send(&port, "D9").await;
    drop(connection);
    tokio::time::timeout(Duration::from_secs(30), position.changed()).await.unwrap().unwrap();
    assert_eq!(port.get("/v1/selections/declaration/D9").await.body["lane"], "release");
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_has_nothing_more_to_say_is_answered() {
    let port = Port::open().await;
    let mut answer = String::new();
    send(&port, "D8").await.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("D8"), "{answer}");
    port.service.stop().await;
}

/// A connection over which a declaration was sent, and on which nothing more comes.
async fn send(port: &Port, id: &str) -> TcpStream {
    let body = declaration(id, &[1.0]).to_string();
    let head = format!("POST /v1/declarations HTTP/1.1\r\nhost: port\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut connection = TcpStream::connect(port.service.address()).await.unwrap();
    connection.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_is_decided_in_parts() {
    let port = Port::open().await;
    let rows: Vec<String> = (0..40_000).map(|number| format!("L{number},1,{}", number % 2_000)).collect();
    let body = format!("declaration_id,item_no,customs_value_usd\n{}\n", rows.join("\n"));
    let told = port.post("/v1/declarations", "text/csv", body).await;
    let selections = told.selections();
    assert_eq!((selections.len(), selections.iter().filter(|s| s.contains("examine")).count()), (40_000, 19_980));
    port.service.stop().await;
}

/// Nothing is answered while a body is being sent, and the time for that is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_given_up() {
    let port = Port::with("timeout_secs = 1\n").await;
    let mut connection = TcpStream::connect(port.service.address()).await.unwrap();
    connection.write_all(b"POST /v1/declarations HTTP/1.1\r\nhost: port\r\ncontent-length: 10\r\n\r\n{").await.unwrap();
    let mut answer = vec![0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 408");
    drop(connection);
    port.service.stop().await;
}

/// However little of a request comes, it holds a connection only for so long.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_is_given_up() {
    let port = Port::with("timeout_secs = 1\nconnections_max = 3\n").await;
    let mut silent = Vec::new();
    for begun in ["", "PRI * HTTP", "POST /v1/declarations HTTP/1.1\r\nhost"] {
        let mut connection = TcpStream::connect(port.service.address()).await.unwrap();
        connection.write_all(begun.as_bytes()).await.unwrap();
        silent.push(connection);
    }
    // There is no place before one of them has ended.
    let body = declaration("D1", &[1.0]);
    let told = tokio::time::timeout(Duration::from_secs(20), port.declare(&body)).await;
    assert_eq!(told.expect("the silent ones are given up").status, 200);
    for mut connection in silent {
        let mut told = Vec::new();
        // Whatever it is told, and if only that it is over.
        let _ = connection.read_to_end(&mut told).await;
    }
    port.service.stop().await;
}
