use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};

use crate::support::{LIMIT, Port, declaration, officers, put_rules, write_rules};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_says_how_it_is() {
    let port = Port::open().await;
    assert_eq!(port.get("/healthz").await.body, "ok\n");
    let ready = port.get("/readyz").await;
    assert_eq!((ready.status, &ready.body["ready"]), (200, &true.into()));
    port.declare(&declaration("D1", &[1.0, 5_000.0])).await;
    port.declare(&json!({ "declaration_id": "D2", "item_no": "x" })).await;

    let status = port.get("/v1/status").await.body;
    assert_eq!((&status["running"], &status["position"]), (&true.into(), &json!(3)));
    assert_eq!(status["quarantine"][0]["units"], 1);
    assert_eq!(status["release"]["from"], 1);
    assert!(status["keyspaces"].as_array().unwrap().len() > 5);

    let metrics = port.get("/metrics").await.body.as_str().unwrap().to_owned();
    for name in [
        "haechi_http_seconds_bucket{method=\"POST\",path=\"/v1/declarations\",status=\"200\",le=\"0.0001\"}",
        "haechi_delivery_seconds_bucket{urgency=\"request\"",
        "haechi_commit_seconds_count",
        "haechi_subjects_total{stream=\"declaration\",outcome=\"selected\"}",
        "haechi_set_aside_total",
        "haechi_quarantine_waiting",
        "haechi_store_bytes{keyspace=\"journal\"}",
        "haechi_position",
        "process_resident_memory_bytes",
    ] {
        assert!(metrics.contains(name), "{name} is not in\n{metrics}");
    }
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_replaced_while_it_runs_and_bad_ones_are_not() {
    let port = Port::open().await;
    let before = port.get("/v1/rules").await.body;
    assert_eq!((&before["rules"], &before["refused"], &before["swaps"]), (&json!(2), &json!(null), &json!(0)));
    put_rules(port.folder.path(), "rules:\n  - {id: r-value, stream: declaration, when: 'customs_valu > 1'}\n");
    let refused = port.until("/v1/rules", |rules| !rules["refused"].is_null()).await;
    assert_eq!(refused["release"], before["release"], "what works stays");
    assert!(refused["refused"]["report"].as_str().unwrap().contains("customs_value"), "{refused}");
    assert!(!refused["refused"]["diagnostics"].as_array().unwrap().is_empty());
    assert_eq!(port.declare(&declaration("D1", &[500.0])).await.selections(), ["D1 1 release selected"]);

    write_rules(port.folder.path(), LIMIT / 10.0);
    // Counted a moment before or after they are in force.
    let replaced = |rules: &Value| rules["swaps"] == 1 && rules["release"] != before["release"];
    let after = port.until("/v1/rules", replaced).await;
    assert_eq!(after["refused"], json!(null));
    assert_eq!(after["since_position"], json!(null), "nothing was decided by them yet");
    let told = port.declare(&declaration("D2", &[500.0])).await;
    assert_eq!(told.selections(), ["D2 1 examine selected"]);
    assert_eq!(port.get("/v1/rules").await.body["since_position"], told.body["selections"][0]["position"]);
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_explained_by_the_rules_of_then() {
    let port = Port::open().await;
    let before = port.get("/v1/rules").await.body;
    assert_eq!(port.declare(&declaration("D1", &[500.0])).await.selections(), ["D1 1 release selected"]);
    write_rules(port.folder.path(), LIMIT / 10.0);
    port.until("/v1/rules", |rules| rules["release"] != before["release"]).await;
    assert_eq!(port.declare(&declaration("D1", &[600.0, 1.0])).await.selections(), ["D1 2 examine selected"]);

    let path = "/v1/explanations/declaration/d1";
    let newest = port.get(path).await;
    assert_eq!(
        (newest.status, &newest.body["decision"]["lane"], &newest.body["rows"]),
        (200, &json!("examine"), &json!(2))
    );
    assert_eq!(newest.body["hits"][0]["rule"], "r-value");
    let first = port.get(&format!("{path}?version=1&rule=r-value")).await.body;
    assert_eq!((&first["decision"]["lane"], &first["asked"][0]["truth"]), (&json!("release"), &json!(false)));
    let text = first["text"].as_str().unwrap();
    assert!(
        text.contains(&format!("customs_value_usd > {LIMIT} ")) && text.contains("[customs_value_usd = 500.0]"),
        "{text}"
    );
    for wrong in ["/v1/explanations/declaration/D9", "/v1/explanations/declaration/D1?rule=r-none"] {
        assert_eq!(port.get(wrong).await.problem(), "not_found", "{wrong}");
    }
    let no_version = port.get(&format!("{path}?version=9")).await;
    assert_eq!((no_version.status, no_version.problem()), (404, "not_found"));
    let detail = no_version.body["detail"].as_str().unwrap();
    assert!(detail.ends_with("there is one on versions 1 and 2"), "{detail}");
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_and_delivered_again() {
    // A receiver that says what it is told to say.
    let says = Arc::new(AtomicU16::new(422));
    let said = Arc::clone(&says);
    let receive = post(move || async move { StatusCode::from_u16(said.load(Ordering::SeqCst)).unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let sink = officers(&folder, receive).await;
    let port = Port::in_folder(folder, &sink).await;
    let told = port.declare(&declaration("D1", &[1.0])).await;
    let path = "/v1/sinks/officers/dead-letters";
    let letters = port.until(path, |letters| letters["dead_letters"][0].is_object()).await;
    assert_eq!(letters["dead_letters"][0]["position"], told.body["selections"][0]["position"]);
    let retry = format!("{path}/retry");
    let again = port.post(&retry, "application/json", "").await;
    assert_eq!((&again.body["delivered"], again.body["refused"].as_array().unwrap().len()), (&json!(0), 1));
    let position = letters["dead_letters"][0]["position"].as_u64().unwrap();
    // Those behind it can be reached though it stays.
    let behind = port.post(&format!("{retry}?after={position}"), "application/json", "").await;
    assert_eq!((&behind.body["refused"], &behind.body["next"]), (&json!([]), &json!(null)));
    let page = port.post(&format!("{retry}?limit=1"), "application/json", "").await;
    assert_eq!((page.body["refused"].as_array().unwrap().len(), &page.body["next"]), (1, &json!(position)));
    says.store(200, Ordering::SeqCst);
    assert_eq!(port.post(&retry, "application/json", "").await.body["delivered"], 1);
    assert_eq!(port.get(path).await.body["dead_letters"], json!([]));
    let status = port.get("/v1/status").await.body;
    assert_eq!((&status["sinks"][0]["name"], &status["sinks"][0]["dead_letters"]), (&"officers".into(), &json!(0)));
    assert_eq!(port.get("/v1/sinks/others/dead-letters").await.problem(), "not_found");

    says.store(422, Ordering::SeqCst);
    for id in ["D2", "D3", "D4"] {
        port.declare(&declaration(id, &[1.0])).await;
    }
    let letters = port.until(path, |letters| letters["dead_letters"].as_array().is_some_and(|l| l.len() == 3)).await;
    let [second, third, fourth] = [0, 1, 2].map(|at| letters["dead_letters"][at]["position"].as_u64().unwrap());
    let discard =
        |body: Value| port.post("/v1/sinks/officers/dead-letters/discard", "application/json", body.to_string());
    for body in [
        json!({"reason": "x"}),
        json!({"through": 1, "reason": " "}),
        json!({"through": 1, "positions": [1], "reason": "x"}),
    ] {
        assert_eq!(discard(body.clone()).await.problem(), "bad_request", "{body}");
    }
    let listed = discard(json!({"positions": [third, 999, third], "reason": "told by telephone"})).await;
    assert_eq!(listed.body, json!({"discarded": 1}));
    let old = discard(json!({"through": second, "reason": "too old"})).await;
    assert_eq!(old.body, json!({"discarded": 1}));
    let left = port.get(path).await.body;
    assert_eq!(
        (&left["dead_letters"][0]["position"], left["dead_letters"].as_array().unwrap().len()),
        (&json!(fourth), 1)
    );
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_packs_decide_on_all_three_streams() {
    let folder = tempfile::tempdir().unwrap();
    let packs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../rules/packs");
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    let more =
        format!("[replay]\nshare = 1.0\n[rules]\npaths = ['{packs}/import', '{packs}/cargo', '{packs}/traveller']\n");
    let text = crate::support::settings(folder.path(), "");
    let store = text.store.path.display().to_string();
    let text = format!("[store]\npath = '{store}'\n[http]\nlisten = '127.0.0.1:0'\n{more}");
    let settings = haechi_server::Settings::parse("test", &text, []).unwrap();
    let service = haechi_server::Service::start(settings, haechi_select::Secret::demo()).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = |path: &str, body: Value| {
        let request =
            client.post(format!("http://{}{path}", service.address())).header("content-type", "application/json");
        crate::support::told(request.body(body.to_string()))
    };
    let item = json!({
        "declaration_id": "26KR001", "item_no": 1, "flow": "import", "hs_code": "0710807000",
        "description": "RED PEPPERS, DRIED, CRUSHED", "origin_country": "CN", "net_mass_kg": 24000.0,
        "customs_value_usd": 21000.0,
    });
    let declared = send("/v1/declarations", item).await;
    assert_eq!(declared.selections(), ["26KR001 1 examine selected"]);
    let bill = json!({ "consignment_id": "ccn:26ZZ-1", "house_bill": "H1", "goods_description": "TOYS" });
    let consignment = send("/v1/consignments", bill).await;
    assert_eq!(consignment.status, 200, "{consignment:?}");
    let person = json!({ "traveller_id": "t1", "flight_number": "ZZ421", "surname": "KIM" });
    let traveller = send("/v1/travellers", person).await;
    assert_eq!(traveller.status, 200, "{traveller:?}");
    service.stop().await;
}
