use serde_json::{Value, json};

use crate::support::{Port, declaration, write_rules};

/// A declaration whose second item of three cannot be read.
fn torn(id: &str) -> Value {
    let mut torn = declaration(id, &[10.0, 20.0, 30.0]);
    torn["items"][1]["customs_value_usd"] = "much".into();
    torn["importer_id"] = "KR123".into();
    torn
}

/// How many units wait.
async fn waiting(port: &Port) -> usize {
    port.get("/v1/quarantine?state=waiting").await.body["units"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_item_joins_the_others() {
    let port = Port::open().await;
    let told = port.declare(&torn("D1")).await;
    assert_eq!(told.selections(), ["D1 1 release selected"]);
    assert_eq!(told.body["selections"][0]["rows"], 2);
    let id = told.body["set_aside"][0]["id"].as_u64().unwrap();

    let listed = port.get("/v1/quarantine?code=bad_number").await;
    let unit = &listed.body["units"][0];
    assert_eq!((&unit["id"], &unit["state"], &unit["source"]), (&json!(id), &"waiting".into(), &"http".into()));
    assert!(unit.get("text").is_none(), "texts may hold personal data: {unit}");
    let shown = port.get(&format!("/v1/quarantine/{id}")).await.body;
    assert!(shown["text"].as_str().unwrap().contains("much"), "{shown}");

    let replay = format!("/v1/quarantine/{id}/replay");
    let as_it_was = port.post(&replay, "application/octet-stream", "").await;
    assert_eq!((as_it_was.status, as_it_was.problem()), (422, "not_readable"));
    let detail = as_it_was.body["detail"].as_str().unwrap();
    let unit_at = unit["position"].as_str().unwrap();
    assert!(unit_at.ends_with(", line 1, item 2"), "{unit_at}");
    assert!(
        detail.contains(&format!(": {unit_at}, column \"customs_value_usd\": \"much\"")),
        "each place once: {detail}"
    );
    let mut half_mended = torn("D1");
    half_mended["items"][0]["hs_code"] = "8517120000".into();
    let half = port.post(&replay, "application/json", half_mended.to_string()).await;
    assert_eq!((half.status, &half.body["set_aside"][0]["code"]), (422, &"bad_number".into()), "{half:?}");
    assert_eq!(waiting(&port).await, 1, "a replay that fails sets nothing aside anew");
    assert_eq!(port.get("/v1/selections/declaration/D1").await.body["version"], 1, "and decides nothing");

    let mended = json!({ "declaration_id": "D1", "item_no": 2, "customs_value_usd": 5_000.0 }).to_string();
    let request = port.request(reqwest::Method::POST, &replay).header("content-type", "application/json");
    let replayed = crate::support::told(request.header("haechi-user", "ara").body(mended.clone())).await;
    assert_eq!(replayed.selections(), ["D1 2 examine selected"]);
    assert_eq!(replayed.body["selections"][0]["rows"], 3, "the others stay");
    let settled = port.get(&format!("/v1/quarantine/{id}")).await.body;
    assert_eq!((&settled["state"], &settled["resolutions"][0]["who"]), (&"replayed".into(), &"ara".into()));
    let position = &settled["resolutions"][0]["outcome"]["replayed"]["position"];
    assert_eq!(position, &replayed.body["selections"][0]["position"]);
    let again = port.post(&replay, "application/json", mended).await;
    assert_eq!((again.status, again.problem()), (409, "settled"));
    assert_eq!(waiting(&port).await, 0);

    // The rows of the new version are those of the old one with the mended among them, and the header on each.
    let store = port.service.engine().store().clone();
    let entry = store.entry(position.as_u64().unwrap()).unwrap().unwrap();
    let rows = entry.decode().unwrap();
    let column = |name: &str| {
        let array = rows.column_by_name(name).unwrap();
        let texts = arrow::compute::cast(array, &arrow::datatypes::DataType::Utf8).unwrap();
        arrow::array::AsArray::as_string::<i32>(&texts).iter().map(|t| t.unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(column("item_no"), ["1", "2", "3"]);
    assert_eq!(column("customs_value_usd"), ["10.0", "5000.0", "30.0"]);
    assert_eq!(column("importer_id"), ["KR123"; 3]);
    assert_eq!(column("change_kind"), ["amend"; 3]);
    drop((store, entry));
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_of_a_bad_item_can_be_mended_and_replayed_as_it_is_shown() {
    let port = Port::open().await;
    let mut declared = torn("D1");
    declared["items"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|item| drop(item.as_object_mut().unwrap().remove("item_no")));
    let told = port.declare(&declared).await;
    let id = told.body["set_aside"][0]["id"].as_u64().unwrap();
    let shown = port.get(&format!("/v1/quarantine/{id}")).await.body;
    let text = shown["text"].as_str().unwrap();
    let document: Value = serde_json::from_str(text).unwrap();
    assert_eq!((&document["declaration_id"], document["items"].as_array().unwrap().len()), (&json!("D1"), 1));
    let mended = text.replace("\"much\"", "5000");
    let replayed = port.post(&format!("/v1/quarantine/{id}/replay"), "application/json", mended).await;
    assert_eq!(replayed.selections(), ["D1 2 examine selected"]);
    let store = port.service.engine().store().clone();
    let rows = store.entry(replayed.body["selections"][0]["position"].as_u64().unwrap()).unwrap().unwrap();
    let rows = rows.decode().unwrap();
    let column = |name: &str| {
        let texts =
            arrow::compute::cast(rows.column_by_name(name).unwrap(), &arrow::datatypes::DataType::Utf8).unwrap();
        arrow::array::AsArray::as_string::<i32>(&texts).iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(column("item_no"), ["1", "2", "3"], "it stays the second");
    let unit_at = shown["position"].as_str().unwrap();
    let body = unit_at.strip_suffix(", line 1, item 2").unwrap();
    assert_eq!(column("source_position"), [1, 2, 3].map(|item| format!("{body}, line 1, item {item}")));
    drop((store, rows));
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_was_never_read_comes_anew() {
    let port = Port::open().await;
    let told =
        port.post("/v1/declarations", "text/csv", "declaration_id,item_no,customs_value_usd\nD1,1,x\nD2,1,3\n").await;
    assert_eq!(told.selections(), ["D2 1 release selected"]);
    let id = told.body["set_aside"][0]["id"].as_u64().unwrap();
    let mended = "declaration_id,item_no,customs_value_usd\nD1,1,4000\n";
    let replayed = port.post(&format!("/v1/quarantine/{id}/replay"), "text/csv", mended).await;
    assert_eq!(replayed.selections(), ["D1 1 examine selected"]);
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_says_by_whom_and_why() {
    let port = Port::open().await;
    for id in ["D1", "D2", "D3"] {
        port.declare(&torn(id)).await;
    }
    let page = port.get("/v1/quarantine?limit=2").await.body;
    let first = page["units"][0]["id"].as_u64().unwrap();
    let rest = port.get(&format!("/v1/quarantine?limit=2&after={}", page["next"])).await.body;
    assert_eq!((rest["units"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    let path = format!("/v1/quarantine/{first}/discard");
    let given_up = port.post(&path, "application/json", "{\"reason\": \"sent twice\"}").await.body;
    let last = &given_up["resolutions"][0];
    assert_eq!((&given_up["state"], &last["who"]), (&"discarded".into(), &"unknown".into()));
    assert_eq!(last["outcome"]["discarded"]["reason"], "sent twice");
    assert_eq!(port.post(&path, "application/json", "{\"reason\": \"x\"}").await.problem(), "settled");
    for (path, body, status) in [
        ("/v1/quarantine/999/discard", "{\"reason\": \"x\"}", 404),
        ("/v1/quarantine/999/replay", "{}", 404),
        (path.as_str(), "{\"reason\": \" \"}", 400),
        (path.as_str(), "{\"why\": \"x\"}", 422),
    ] {
        let refused = port.post(path, "application/json", body).await;
        assert_eq!(refused.status, status, "{path} {body}: {refused:?}");
        refused.problem();
    }
    assert_eq!(port.get("/v1/quarantine?state=gone").await.status, 400);
    for (method, path) in [("GET", "/v1/quarantine/abc"), ("GET", "/v1/selections/declaration/%FF")] {
        let refused = crate::support::told(port.request(method.parse().unwrap(), path)).await;
        assert_eq!((refused.status, refused.problem()), (400, "bad_request"), "{path}");
    }
    let port = port.reopen().await;
    assert_eq!(waiting(&port).await, 2);
    port.service.stop().await;
}

/// A row of a file is read again below the header of that file, with the mapping and the zone of its source.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_read_again_as_its_source_reads() {
    let folder = tempfile::tempdir().unwrap();
    write_rules(folder.path(), crate::support::LIMIT);
    let (inbox, mapping) = (folder.path().join("in"), folder.path().join("mapping.toml"));
    std::fs::create_dir(&inbox).unwrap();
    let columns = "declaration_id = \"Nr\"\nitem_no = \"Item\"\ndeclared_at = \"At\"\ncustoms_value_usd = \"Value\"\n";
    std::fs::write(&mapping, format!("stream = \"declaration\"\n[columns]\n{columns}")).unwrap();
    let rows = "Nr,Item,At,Value\nD1,1,2027-03-13 09:30:00,much\nD2,1,2027-03-13 09:30:00,more\n";
    std::fs::write(inbox.join("day.csv"), rows).unwrap();
    let source = format!(
        "[[source]]\nname = \"brokers\"\nkind = \"folder\"\npath = {inbox:?}\nstream = \"declaration\"\n\
         mapping = {mapping:?}\nzone = \"Asia/Seoul\"\npoll_ms = 10\nsettle_ms = 10\n"
    );
    let port = Port::in_folder(folder, &source).await;
    let units =
        port.until("/v1/quarantine", |list| list["units"].as_array().is_some_and(|units| units.len() == 2)).await;
    let [first, second] = [0, 1].map(|at| units["units"][at]["id"].as_u64().unwrap());
    let shown = port.get(&format!("/v1/quarantine/{first}")).await.body;
    assert_eq!((&shown["source"], &shown["head"]), (&"brokers/day.csv".into(), &"Nr,Item,At,Value".into()), "{shown}");
    let replay = format!("/v1/quarantine/{first}/replay");
    let as_it_was = port.post(&replay, "text/csv", "").await;
    assert_eq!((as_it_was.status, &as_it_was.body["set_aside"][0]["code"]), (422, &"bad_number".into()));
    let mended =
        format!("{}\n{}", shown["head"].as_str().unwrap(), shown["text"].as_str().unwrap().replace("much", "1"));
    let replayed = port.post(&replay, "text/csv", mended).await;
    assert_eq!(replayed.selections(), ["D1 1 release selected"], "{replayed:?}");
    assert_eq!(replayed.body["warnings"], json!([]));
    let position = replayed.body["selections"][0]["position"].as_u64().unwrap();
    assert_eq!(declared_at(&port, position), "2027-03-13T00:30:00");
    let metrics = port.get("/metrics").await.body.as_str().unwrap().to_owned();
    assert!(metrics.contains("haechi_source_failed{source=\"brokers\"} 0"), "{metrics}");

    // Without the source nobody knows its zone any more, and says so.
    let port = port.reopen().await;
    let mended = "declaration_id,item_no,declared_at,customs_value_usd\nD2,1,2027-03-13 09:30:00,1\n";
    let replayed = port.post(&format!("/v1/quarantine/{second}/replay"), "text/csv", mended).await;
    assert_eq!(replayed.body["warnings"][0]["code"], "unknown_source", "{replayed:?}");
    let position = replayed.body["selections"][0]["position"].as_u64().unwrap();
    assert_eq!(declared_at(&port, position), "2027-03-13T09:30:00");
    port.service.stop().await;
}

/// When the declaration at a position was declared, in UTC.
fn declared_at(port: &Port, position: u64) -> String {
    let rows = port.service.engine().store().entry(position).unwrap().unwrap().decode().unwrap();
    let at = rows.column_by_name("declared_at").unwrap();
    let text = arrow::util::display::array_value_to_string(at, 0).unwrap();
    text.trim_end_matches('Z').to_owned()
}
