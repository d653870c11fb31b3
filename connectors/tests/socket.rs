//! Lines that come and go over TCP.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

mod common;

use std::io::{Read as _, Write};
use std::net::{Shutdown, TcpListener};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use common::{error, place, put, read, values, writer};
use millstream::connector::{
    Assignment, CollectSink, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Sink, SinkWriter, Source,
};
use millstream::stream::Environment;
use millstream::time::Timestamp;
use millstream_connectors::format::{Json, Malformed};
use millstream_connectors::socket::{SocketSink, SocketSource};

/// A server that sends parts, one after another, to each who connects; and its address.
fn sending(parts: &'static [&'static str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            parts.iter().for_each(|part| connection.write_all(part.as_bytes()).unwrap());
        }
    });
    address
}

/// A server that takes what so many connections send, in order; and its address.
fn taking(connections: usize) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let taken = spawn(move || {
        let mut taken = String::new();
        for connection in listener.incoming().take(connections) {
            connection.unwrap().read_to_string(&mut taken).unwrap();
        }
        taken
    });
    (address, taken)
}

/// An address at which nobody listens.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn lines_are_records_however_they_come() {
    let address = sending(&["a", "b\r\nc", "\n\n", "d"]);
    assert_eq!(values(&SocketSource::lines(&address)), ["ab", "c", "", "d"]);
}

#[test]
fn a_job_ends_when_the_server_closes_the_connection() {
    let address = sending(&["[1,2]\n[3,4]\n"]);
    let (sink, output) = CollectSink::new();
    let env = Environment::new("test");
    env.set_parallelism(2);
    env.source(SocketSource::new(&address, Json::<(u64, u64)>::new())).uid("in").sink(sink).uid("out");
    env.execute().unwrap();
    assert_eq!(output.take(), [(1, 2), (3, 4)]);
}

#[test]
fn a_line_that_is_malformed_or_too_long_is_named_by_its_number() {
    let address = sending(&["1\nx\n3\n"]);
    let source = || SocketSource::new(&address, Json::<u64>::new());
    assert_eq!(error(&source()), format!("{address} line 2: expected value"));
    let skipping = read(&source().on_malformed(Malformed::Skip)).unwrap();
    assert_eq!((skipping.values, skipping.skipped), (vec![1, 3], 1));
    let long: &'static str = String::leak("x".repeat(200_000));
    let address = sending(vec!["short\n", long].leak());
    let message = error(&SocketSource::lines(&address).max_line_bytes(100_000));
    assert!(message.starts_with(&format!("{address} line 2: the line is longer than 100000 bytes")), "{message}");
}

#[test]
fn a_reader_waits_a_little_for_lines_and_tries_to_connect_as_long_as_it_may() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ctx = ReaderContext { subtask: 0, parallelism: 1 };
    let mut readers = [&address, &nowhere()].map(|address| {
        let source = SocketSource::lines(address).retry_for(Duration::from_millis(60));
        let mut enumerator = source.enumerator(None).unwrap();
        let Assignment::Splits(mut splits) = enumerator.next(&ctx) else { panic!("no split") };
        assert_eq!(enumerator.next(&ctx), Assignment::End);
        let mut reader = source.reader(ctx.clone()).unwrap();
        reader.add(splits.remove(0)).unwrap();
        reader
    });
    let mut out = ReadBuffer::default();
    assert!(matches!(readers[0].read(&mut out).unwrap(), Read::From(_)));
    assert_eq!(readers[0].read(&mut out).unwrap(), Read::Nothing(Duration::ZERO));
    let (connection, _) = listener.accept().unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    while !matches!(readers[0].read(&mut out).unwrap(), Read::EndOf(_)) {}
    assert!(out.is_empty());

    for pause in [50, 10] {
        assert_eq!(readers[1].read(&mut out).unwrap(), Read::Paused(Duration::from_millis(pause)));
    }
    let message = readers[1].read(&mut out).unwrap_err().to_string();
    assert!(message.starts_with("cannot connect to 127.0.0.1:"), "{message}");
}

#[test]
fn records_are_sent_as_lines() {
    let (address, taken) = taking(1);
    let sink = SocketSink::lines(&address);
    let mut writer = writer(&sink);
    put(&mut writer, (0..30_000).map(|number| (number, Timestamp::MIN)));
    writer.prepare_commit().unwrap();
    drop(writer);
    assert_eq!(taken.join().unwrap(), (0..30_000).map(|number| format!("{number}\n")).collect::<String>());
}

#[test]
fn a_sink_says_to_whom_it_cannot_send_and_what() {
    let address = nowhere();
    let sink = SocketSink::<String>::lines(&address).retry_for(Duration::from_millis(10));
    let message = sink.writer(place()).map(drop).unwrap_err().to_string();
    assert!(message.starts_with(&format!("cannot send to {address}: ")), "{message}");
    let (address, _taken) = taking(1);
    let mut batch = millstream::channel::Batch::new();
    batch.push("a\nb".to_owned());
    let message = writer(&SocketSink::lines(&address)).write(&mut batch.consume()).unwrap_err().to_string();
    assert!(message.contains(&address) && message.contains("there is a newline in it"), "{message}");
}
