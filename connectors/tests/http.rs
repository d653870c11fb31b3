//! Records that are posted to a URL, or indexed by a server that speaks Elasticsearch's bulk protocol.

#![cfg(feature = "elasticsearch")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::http::{self, Server};
use common::{put, writer};
use millstream::channel::Batch;
use millstream::connector::{Sink, SinkWriter};
use millstream::testing::conformance;
use millstream::time::Timestamp;
use millstream_connectors::elasticsearch::{ElasticsearchSink, Refused};
use millstream_connectors::format::Text;
use millstream_connectors::http::HttpSink;
use serde_json::{Value, json};

type Row = (String, u64);

fn rows(count: u64) -> Vec<Row> {
    (0..count).map(|number| (format!("row {number}"), number)).collect()
}

fn untimed<T>(values: impl IntoIterator<Item = T>) -> impl Iterator<Item = (T, Timestamp)> {
    values.into_iter().map(|value| (value, Timestamp::MIN))
}

/// What a sink says about records.
fn rejected<S: Sink>(sink: &S, records: impl IntoIterator<Item = S::In>) -> String {
    let mut batch = Batch::new();
    records.into_iter().for_each(|record| batch.push(record));
    let mut writer = writer(sink);
    let written = writer.write(&mut batch.consume());
    written.and_then(|()| writer.prepare_commit().map(drop)).unwrap_err().to_string()
}

#[test]
fn posting_keeps_the_sink_contract_by_record_and_by_line() {
    for lines in [None, Some(7)] {
        let make = || {
            let server = Server::start(|_| (204, String::new()));
            let sink = HttpSink::<Row>::json(format!("{}/rows", server.url));
            let sink = lines.map_or(sink.clone(), |lines| sink.batch_lines(lines));
            (sink, move || {
                let requests = server.requests();
                let lines = requests.iter().flat_map(|request| request.body.lines());
                lines.map(|line| serde_json::from_str(line).unwrap()).collect()
            })
        };
        conformance::sink(make, rows(30));
    }
}

#[test]
fn a_request_says_what_it_was_told_to_and_is_repeated_while_that_may_help() {
    let mut answers = [503, 429, 200].into_iter();
    let server = Server::start(move |_| (answers.next().unwrap(), String::new()));
    let sink = HttpSink::<String, _>::new(&server.url, "text/plain", Text).header("X-Key", "Geheim");
    let mut writer = writer(&sink);
    put(&mut writer, untimed(["a\nb".to_owned()]));
    let requests = server.requests();
    assert_eq!(requests.iter().map(|request| request.body.as_str()).collect::<Vec<_>>(), ["a\nb"; 3]);
    for header in ["x-key: geheim", "content-type: text/plain"] {
        assert!(requests[2].headers.iter().any(|found| found == header), "{:?}", requests[2]);
    }
}

#[test]
fn what_a_server_refuses_fails_the_job_with_its_answer() {
    let server =
        Server::start(|request| if request.body == "7" { (400, "no sevens".to_owned()) } else { (503, String::new()) });
    let sink = HttpSink::<u64>::json(&server.url).retry_for(Duration::from_millis(60));
    let message = rejected(&sink, [7]);
    assert!(message.contains(&server.url) && message.ends_with("status 400: no sevens"), "{message}");
    assert!(rejected(&sink, [8]).ends_with("status 503: no reason given"));
    // Once, and once more each after 50 and 10 ms.
    assert_eq!(server.requests().len(), 1 + 3);

    let url = http::nowhere();
    let message = rejected(&HttpSink::<u64>::json(&url).retry_for(Duration::ZERO), [7]);
    assert!(message.starts_with(&format!("cannot post to {url}: ")), "{message}");
    let sink = HttpSink::<String, _>::new(&server.url, "text/plain", Text).batch_lines(2);
    assert!(rejected(&sink, ["a\nb".to_owned()]).contains("there is a newline in it"));
}

/// Documents by index and id; those without an id get one.
type Documents = Arc<Mutex<BTreeMap<(String, String), Value>>>;

/// A server that indexes; before, a document has the status that `status` says, if any.
fn index(mut status: impl FnMut(&Value) -> Option<u16> + Send + 'static) -> (Server, Documents) {
    let documents = Documents::default();
    let indexed = Arc::clone(&documents);
    let server = Server::start(move |request| {
        assert_eq!(request.what, "POST /_bulk");
        let lines: Vec<Value> = request.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut documents = indexed.lock().unwrap();
        let items: Vec<Value> = lines
            .chunks(2)
            .map(|pair| {
                let (action, document) = (&pair[0]["index"], pair[1].clone());
                if let Some(status) = status(&document) {
                    let error = json!({ "reason": "failed to parse", "caused_by": { "reason": "no number" } });
                    return json!({ "index": { "status": status, "error": error } });
                }
                let name = action["_index"].as_str().unwrap().to_owned();
                let id = action["_id"].as_str().map_or(format!("new {}", documents.len()), str::to_owned);
                documents.insert((name, id), document);
                json!({ "index": { "status": 201 } })
            })
            .collect();
        let errors = items.iter().any(|item| item["index"]["status"] != 201);
        (200, json!({ "took": 1, "errors": errors, "items": items }).to_string())
    });
    (server, documents)
}

#[test]
fn indexing_keeps_the_sink_contract_with_ids_and_without() {
    for has_ids in [true, false] {
        let make = || {
            let (server, documents) = index(|_| None);
            let sink = ElasticsearchSink::new(&server.url, "rows").batch_records(7);
            let sink = if has_ids { sink.id(|(name, _): &Row| name.clone()) } else { sink };
            (sink, move || {
                let documents = documents.lock().unwrap();
                documents.values().map(|document| serde_json::from_value(document.clone()).unwrap()).collect()
            })
        };
        conformance::sink(make, rows(30));
    }
}

#[test]
fn a_document_that_finds_no_room_is_sent_again_and_the_last_of_an_id_is_there() {
    let mut calls = 0;
    let (server, documents) = index(move |_| {
        calls += 1;
        (calls % 3 == 1).then_some(429)
    });
    let sink = ElasticsearchSink::new(&server.url, "rows")
        .id(|(name, _): &Row| name.clone())
        .index_by(|(_, number)| format!("rows-{}", number % 2));
    let mut writer = writer(&sink);
    put(&mut writer, untimed((0..60).map(|number| (format!("row {}", number % 6), number))));
    writer.flush().unwrap();
    assert!(server.requests().len() > 1);
    let documents = documents.lock().unwrap();
    let expected: BTreeMap<_, _> = (54..60u64)
        .map(|number| {
            (
                (format!("rows-{}", number % 2), format!("row {}", number % 6)),
                json!([format!("row {}", number % 6), number]),
            )
        })
        .collect();
    assert_eq!(*documents, expected);
}

#[test]
fn a_document_that_is_refused_is_named_or_left_out() {
    let (server, documents) = index(|document| (document[1] == 3).then_some(400));
    let sink = ElasticsearchSink::new(&server.url, "rows").id(|(name, _): &Row| name.clone());
    let message = rejected(&sink, rows(5));
    let expected = "index `rows`, id `row 3`";
    assert!(message.contains(expected) && message.ends_with("status 400: failed to parse (no number)"), "{message}");
    let mut writer = writer(&sink.on_refused(Refused::Skip));
    put(&mut writer, untimed(rows(5)));
    writer.flush().unwrap();
    assert_eq!(documents.lock().unwrap().len(), 4);
}

#[test]
fn a_server_that_never_has_room_or_is_no_index_fails_the_job() {
    let (server, _) = index(|_| Some(429));
    let sink = ElasticsearchSink::<Row>::new(&server.url, "rows").retry_for(Duration::from_millis(60));
    assert!(rejected(&sink, rows(1)).contains("no resources for it, again and again"));
    let other = Server::start(|_| (200, "<html>".to_owned()));
    assert!(rejected(&ElasticsearchSink::<Row>::new(&other.url, "rows"), rows(1)).contains("is the URL right?"));
    let locked = Server::start(|_| (401, r#"{"error":"missing credentials"}"#.to_owned()));
    let message = rejected(&ElasticsearchSink::<Row>::new(&locked.url, "rows"), rows(1));
    assert!(message.contains("/_bulk") && message.contains("status 401: ") && message.contains("missing credentials"));
}
