use reqwest::Method;
use serde_json::Value;

use crate::support::{Port, Told, put_rules, told};

const RULES: &str = "rules:\n  \
    - {id: r-value, title: Worth much, stream: declaration, owner: desk, when: 'customs_value_usd > 1', lane: examine, instruction: Count them.}\n  \
    - {id: r-kim, title: Known, stream: traveller, owner: desk, when: \"surname = 'KIM'\", lane: do_not_board, instruction: Ask.}\n";

async fn port() -> Port {
    let folder = tempfile::tempdir().unwrap();
    put_rules(folder.path(), RULES);
    Port::in_folder(folder, "[answers]\nparty = \"DESK\"\n").await
}

fn list(reference: &str, request: &str, people: &[&str]) -> String {
    let people: Vec<String> = people.iter().map(|name| format!("NAD+FL+++{name}:A'RFF+ABO:{name}'")).collect();
    format!(
        "UNB+UNOA:4+ZZ+KR+270313:2200+{reference}'UNH+A1+PAXLST:D:15B:UN:IATA'BGM+745'{request}TDT+20+ZZ421+++ZZ'\
         LOC+125+BKK'DTM+189:2703140105:201'LOC+87+ICN'DTM+232:2703140830:201'{}UNT+9+A1'UNZ+1+{reference}'",
        people.concat()
    )
}

async fn send(port: &Port, accept: &str, body: &str) -> Told {
    let request = port.request(Method::POST, "/v1/messages").header("content-type", "application/edifact");
    let request = if accept.is_empty() { request } else { request.header("accept", accept) };
    told(request.body(body.to_owned())).await
}

fn text(told: &Told) -> &str {
    told.body.as_str().unwrap_or_else(|| panic!("{told:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passenger_list_is_answered_person_by_person() {
    let port = port().await;
    let asked = list("R1", "RFF+TN:T1'", &["KIM", "LEE"]);
    let answer = send(&port, "application/edifact", &asked).await;
    assert_eq!((answer.status, answer.media.as_str()), (200, "application/edifact"));
    let lines: Vec<&str> = text(&answer).lines().filter(|l| l.starts_with("RFF+ABO") || l.starts_with("ERC")).collect();
    assert_eq!(lines, ["RFF+ABO:KIM'", "ERC+1Z'", "RFF+ABO:LEE'", "ERC+0Z'"]);
    assert!(text(&answer).starts_with("UNB+UNOA:4+KR+ZZ+"), "sender and recipient change places");
    // Who does not ask for it gets selections.
    let told = send(&port, "", &asked).await;
    assert_eq!(told.media, "application/json");
    let outcomes: Vec<&Value> = told.body["selections"].as_array().unwrap().iter().map(|s| &s["outcome"]).collect();
    assert_eq!(outcomes, ["repeated", "repeated"], "the same people");
    // Found again by its own id, by that of a message in it, and by that of the request.
    for id in ["R1", "R1/A1", answer.headers["x-request-id"].to_str().unwrap()] {
        assert_eq!(text(&port.get(&format!("/v1/messages/{id}")).await), asked, "{id}");
    }
    assert_eq!(text(&port.get("/v1/messages/R1/A1?answer=true").await).matches("ERC+1Z").count(), 1);
    assert_eq!(port.get("/v1/messages/R2").await.problem(), "not_found");
    // A hit leads back to the message and the segment that it came from.
    let kim = told.body["selections"][0]["subject_id"].as_str().unwrap().replace('/', "%2F");
    let why = port.get(&format!("/v1/explanations/traveller/{kim}")).await.body;
    let from = &why["hits"][0]["from"];
    assert_eq!((&from["message_id"], &from["path"]), (&"R1/A1".into(), &"A1/9".into()), "{why}");
    assert!(why["text"].as_str().unwrap().contains("; message R1/A1, A1/9"), "{why}");
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_comes_again_gets_its_answer_again_and_makes_no_second_row() {
    let port = port().await;
    let first = enveloped(&port, "ZZ", &["KIM"], "").await;
    assert_eq!(first.status, 200, "{first:?}");
    assert!(first.media.starts_with("text/xml") && text(&first).contains("Acknowledgment"), "{first:?}");
    assert!(text(&first).contains("m1@zz") && !first.headers.contains_key("haechi-repeated"));
    let positions = port.get("/v1/status").await.body["next_position"].clone();
    let port = port.reopen().await;
    let again = enveloped(&port, "ZZ", &["KIM"], "").await;
    assert_eq!(again.body, first.body, "letter by letter");
    assert_eq!(again.headers["haechi-repeated"], "true");
    assert_eq!(port.get("/v1/status").await.body["next_position"], positions, "no second row");
    // Who wants JSON gets what was decided, and the answer that is kept stays.
    let told = enveloped(&port, "ZZ", &["KIM"], "application/json").await;
    assert_eq!(told.body["selections"][0]["outcome"], "repeated", "{told:?}");
    // The same id with other people in it: no row comes of it, and it is not lost.
    let other = enveloped(&port, "ZZ", &["LEE"], "").await;
    assert_eq!(other.body, first.body);
    let request = other.headers["x-request-id"].to_str().unwrap();
    assert!(text(&port.get(&format!("/v1/messages/{request}")).await).contains("NAD+FL+++LEE"), "kept whole");
    assert_eq!(enveloped(&port, "ZZ", &["LEE"], "application/json").await.problem(), "not_readable");
    let units = port.get("/v1/quarantine").await.body["units"].clone();
    assert_eq!((units.as_array().unwrap().len(), &units[0]["code"]), (2, &"message_id_reused".into()), "{units}");
    assert!(text(&port.get("/v1/messages/m1@zz").await).contains("NAD+FL+++KIM"));
    assert!(text(&port.get("/v1/messages/R1/A1").await).contains("NAD+FL+++KIM"), "by the id of its payload too");
    // Somebody else may count as he likes.
    let theirs = enveloped(&port, "YY", &["PARK"], "").await;
    assert!(text(&theirs).contains("Acknowledgment") && !theirs.headers.contains_key("haechi-repeated"), "{theirs:?}");
    assert_ne!(theirs.body, first.body);
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_that_come_at_once_get_one_answer() {
    let port = port().await;
    let sends = [(); 8].map(|()| enveloped(&port, "ZZ", &["KIM"], ""));
    let answers: Vec<Told> = futures(sends).await;
    assert!(answers.iter().all(|answer| answer.body == answers[0].body), "{answers:?}");
    let repeated = answers.iter().filter(|answer| answer.headers.contains_key("haechi-repeated")).count();
    assert_eq!(repeated, 7);
    port.service.stop().await;
}

async fn futures<F: Future<Output = Told>>(all: [F; 8]) -> Vec<Told> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut told: Vec<Option<Told>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, told) in all.iter_mut().zip(&mut told).filter(|(_, told)| told.is_none()) {
            if let std::task::Poll::Ready(ready) = future.as_mut().poll(context) {
                *told = Some(ready);
            }
        }
        if told.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    told.into_iter().flatten().collect()
}

async fn enveloped(port: &Port, from: &str, people: &[&str], accept: &str) -> Told {
    let header = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
         xmlns:eb=\"http://www.oasis-open.org/committees/ebxml-msg/schema/msg-header-2_0.xsd\"><s:Header>\
         <eb:MessageHeader eb:version=\"2.0\"><eb:From><eb:PartyId>{from}</eb:PartyId></eb:From><eb:To><eb:PartyId>KR\
         </eb:PartyId></eb:To><eb:Service>s</eb:Service><eb:Action>PAXLST</eb:Action><eb:MessageData><eb:MessageId>\
         m1@zz</eb:MessageId></eb:MessageData></eb:MessageHeader></s:Header><s:Body><eb:Manifest \
         eb:version=\"2.0\"><eb:Reference xlink:href=\"cid:p@zz\"/></eb:Manifest></s:Body></s:Envelope>"
    );
    let body = format!(
        "--b\r\nContent-ID: <e@zz>\r\nContent-Type: text/xml\r\n\r\n{header}\r\n--b\r\nContent-ID: <p@zz>\r\n\
         Content-Type: application/edifact\r\n\r\n{}\r\n--b--\r\n",
        list("R1", "", people)
    );
    let media = "multipart/related; boundary=b; start=\"<e@zz>\"; type=\"text/xml\"";
    let request = port.request(Method::POST, "/v1/messages").header("content-type", media);
    let request = if accept.is_empty() { request } else { request.header("accept", accept) };
    told(request.body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_may_speak_of_several_streams_and_of_facts() {
    let port = port().await;
    let declaration = "UNB+UNOA:2+99901+KR+270302:0930+R7'UNH+C1+CUSDEC:D:96B:UN'BGM+929+26KR1+9'LOC+41+030'\
                       DTM+137:20270302:102'NAD+IM+123::ZZZ'UNS+D'CST+1+8517130000:122'MOA+40:500:USD'UNS+S'UNT+10+C1'";
    let list = list("R8", "", &["KIM"]);
    let answer = send(&port, "", &format!("{declaration}UNZ+1+R7'\n{list}")).await;
    let streams: Vec<&Value> = answer.body["selections"].as_array().unwrap().iter().map(|s| &s["stream"]).collect();
    assert_eq!(streams, ["declaration", "traveller"], "{answer:?}");
    let both = send(&port, "application/edifact", &format!("{declaration}UNZ+1+R7'\n{list}")).await;
    assert_eq!(text(&both).matches("+CONTRL:").count(), 2, "{both:?}");
    let report = "UNB+UNOA:2+99901+KR+270302:0930+R9'UNH+P1+CUSREP:D:96B:UN'BGM+98+V1+9'DTM+132:202703021200:203'\
                  RFF+CN:27ZZ1'TDT+20+V1+1++ZZ:172:20+++9999999:146:11:STAR'LOC+60+KRPUS'UNT+7+P1'UNZ+1+R9'";
    let answer = send(&port, "application/edifact", report).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(text(&answer).contains("BGM+961"), "{answer:?}");
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_read_for_all_that_it_carries() {
    let port = port().await;
    let declared = "<Declaration xmlns='urn:kr:gov:kcs:data:standard:KCS_DeclarationOfIMP_929SchemaModule:1:0'>\
                    <ID>9990127000123M</ID><IssueDateTime>20270302</IssueDateTime><GoodsShipment><GovernmentAgencyGoodsItem>\
                    <SequenceNumeric>1</SequenceNumeric></GovernmentAgencyGoodsItem></GoodsShipment></Declaration>";
    let mail = format!(
        "From: a@zz\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: application/edifact\r\n\r\n{}\r\n--b\r\nContent-Type: text/xml\r\n\r\n{declared}\r\n--b--\r\n",
        list("R1", "", &["KIM"])
    );
    let request = port.request(Method::POST, "/v1/messages").header("content-type", "message/rfc822");
    let answer = told(request.body(mail)).await;
    let mut streams: Vec<&str> = answer.body["selections"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer:?}"))
        .iter()
        .filter_map(|s| s["stream"].as_str())
        .collect();
    streams.sort_unstable();
    assert_eq!(streams, ["declaration", "traveller"], "{answer:?}");
    assert!(text(&port.get("/v1/messages/R1").await).contains(&declared[..20]), "found by what is in it, and whole");

    // The body alone, whose header is that of the request.
    let parts = format!("--b\r\nContent-Type: application/edifact\r\n\r\n{}\r\n--b--\r\n", list("R2", "", &["LEE"]));
    let request = port.request(Method::POST, "/v1/messages").header("content-type", "multipart/mixed; boundary=b");
    let answer = told(request.body(parts)).await;
    assert_eq!(answer.body["selections"].as_array().map(Vec::len), Some(1), "{answer:?}");
    assert_eq!(port.get("/v1/messages/R2").await.status, 200);
    port.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_in_kind_and_kept() {
    let port = port().await;
    let flightless = list("R1", "RFF+TN:T1'", &["KIM"]).replace("TDT+20+ZZ421+++ZZ'", "");
    let answer = send(&port, "application/edifact", &flightless).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(text(&answer).contains("UCI+R1+ZZ+KR+4"), "CONTRL refuses it: {answer:?}");
    assert!(text(&answer).contains("ERP+1"), "and CUSRES says that there is no such flight");
    let kept = port.get("/v1/quarantine").await.body;
    assert_eq!(
        (&kept["units"][0]["code"], &kept["units"][0]["stream"]),
        (&"no_flight".into(), &"traveller".into()),
        "{kept}"
    );
    assert_eq!(send(&port, "", &flightless).await.problem(), "not_readable");
    assert_eq!(text(&port.get("/v1/messages/R1").await), flightless, "found by the reference that the refusal names");
    // Acknowledgements ask for nothing, and a number that somebody gave to his request is no message's.
    let contrl = "UNB+UNOA:2+A+B+270302:0930+R6'UNH+1+CONTRL:D:3:UN'UCI+R1+KR+ZZ+7'UNT+3+1'UNZ+1+R6'";
    for accept in ["", "application/edifact"] {
        let told = send(&port, accept, contrl).await;
        assert_eq!((told.status, told.body["selections"].as_array().map_or(0, Vec::len)), (202, 0), "{told:?}");
    }
    let named = port.request(Method::POST, "/v1/messages").header("content-type", "application/edifact");
    told(named.header("x-request-id", "R1").body(list("R2", "", &["LEE"]))).await;
    assert_eq!(text(&port.get("/v1/messages/R1").await), flightless);
    // What is refused behind the reader, as the same declaration in another message, is cleared by no answer.
    let once = "BGM+929+26KR8+9'LOC+41+030'DTM+137:20270302:102'NAD+IM+123::ZZZ'UNS+D'CST+1+8517130000:122'MOA+40:500:USD'UNS+S'";
    let of = |reference: &str| format!("UNH+{reference}+CUSDEC:D:96B:UN'{once}UNT+10+{reference}'");
    let twice = format!("UNB+UNOA:2+99901+KR+270302:0930+R8'{}{}UNZ+2+R8'", of("C1"), of("C2"));
    let answer = send(&port, "application/edifact", &twice).await;
    assert!(text(&answer).contains("BGM+963+C2") && text(&answer).matches("GIS+").count() == 1, "{answer:?}");
    // These are no messages, or nobody decides on them: nothing of them is taken.
    for (body, problem) in [
        ("declaration_id,item_no\nA,1\n", "not_a_message"),
        ("{\"declaration_id\": \"A\"}", "not_a_message"),
        ("PK\u{3}\u{4} a workbook", "not_readable"),
    ] {
        assert_eq!(send(&port, "", body).await.problem(), problem, "{body}");
    }
    let manifest = "UNB+UNOA:2+99901+KR+270302:0930+R5'UNH+M1+CUSCAR:D:95B:UN'BGM+85+27ZZ1+9'TDT+20+V1+1'CNI+1+B1'UNT+5+M1'UNZ+1+R5'";
    let refused = send(&port, "application/edifact", manifest).await;
    assert_eq!((refused.status, refused.problem()), (503, "no_rules"), "{refused:?}");
    assert_eq!(port.get("/v1/messages/R5").await.problem(), "not_found");
    port.service.stop().await;
}
