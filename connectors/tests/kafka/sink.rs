//! What the sink writes, and when it can be seen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use millstream::connector::{Committer, Guarantee, RecoverContext, Sink, SinkContext, SinkWriter};
use millstream::testing::conformance;
use millstream::time::{ManualClock, Timestamp};
use millstream_connectors::kafka::{KafkaSink, LostTransactions};
use rdkafka::Message;
use rdkafka::message::Headers;
use rdkafka::producer::Producer;

use crate::broker::{PATIENCE, brokers, committed, committed_text, new_topic, open_transactions, producer, unique};
use crate::common::put;

type Row = (String, u64);

#[test]
fn keeps_the_sink_contract() {
    let Some(brokers) = brokers() else { return };
    let records: Vec<Row> = (0..60).map(|number| (format!("word {number}"), number)).collect();
    for delivery in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
        let make = || {
            let topic = new_topic(&brokers, "contract", 2);
            let sink = KafkaSink::<Row>::json(&*brokers, &*topic).delivery(delivery);
            let brokers = brokers.clone();
            let visible =
                move || committed_text(&brokers, &topic).iter().map(|row| serde_json::from_str(row).unwrap()).collect();
            (sink, visible)
        };
        conformance::sink(make, records.clone());
    }
}

/// The only writer of a new job.
fn writer<T: millstream::Data>(sink: &KafkaSink<T>) -> <KafkaSink<T> as Sink>::Writer {
    sink.writer(SinkContext::new(0, 1, Arc::new(ManualClock::default()))).unwrap()
}

#[test]
fn records_have_keys_headers_timestamps_and_partitions() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "whole", 3);
    let sink = KafkaSink::<Row>::json(&*brokers, &*topic)
        .key(|(word, _), out| {
            out.extend_from_slice(word.as_bytes());
            Ok(())
        })
        .headers(|(word, _)| vec![("length".to_owned(), word.len().to_string().into_bytes())])
        .partition_by(|(_, number), partitions| *number as i32 % partitions)
        .tombstones(|(_, number)| *number == 2);
    let mut writer = writer(&sink);
    let at = Timestamp::from_millis;
    put(
        &mut writer,
        [(("a".to_owned(), 1), at(1000)), (("bb".to_owned(), 2), at(2000)), (("c".to_owned(), 3), Timestamp::MIN)],
    );
    writer.prepare_commit().unwrap();
    let mut found = committed(&brokers, &topic);
    found.sort_by_key(|message| message.key().unwrap().to_vec());
    let seen: Vec<_> = found
        .iter()
        .map(|message| {
            let header = message.headers().unwrap().get(0);
            let value = message.payload().map(|value| String::from_utf8_lossy(value).into_owned());
            (message.partition(), value, header.key.to_owned(), header.value.unwrap().to_vec())
        })
        .collect();
    let length = |length: &str| ("length".to_owned(), length.as_bytes().to_vec());
    let row = |partition, value: Option<&str>, (key, header)| (partition, value.map(str::to_owned), key, header);
    assert_eq!(
        seen,
        [row(1, Some(r#"["a",1]"#), length("1")), row(2, None, length("2")), row(0, Some(r#"["c",3]"#), length("1")),]
    );
    let times: Vec<_> = found.iter().map(|message| message.timestamp().to_millis().unwrap()).collect();
    assert_eq!(times[..2], [1000, 2000]);
    assert!(times[2] > 1_000_000_000_000, "without event time, the time of writing: {times:?}");
}

#[test]
fn each_record_goes_to_the_topic_that_it_names_exactly_once() {
    let Some(brokers) = brokers() else { return };
    let topics = ["even", "odd"].map(|name| new_topic(&brokers, name, 1));
    let named = topics.clone();
    let sink = KafkaSink::<u64>::text(&*brokers, "")
        .topic_by(move |number| named[(number % 2) as usize].clone())
        .delivery(Guarantee::ExactlyOnce);
    let mut writer = writer(&sink);
    put(&mut writer, (0..4).map(|number| (number, Timestamp::MIN)));
    let prepared = writer.prepare_commit().unwrap();
    assert!(committed_text(&brokers, &topics[0]).is_empty());
    sink.committer().unwrap().commit(prepared).unwrap();
    assert_eq!(topics.map(|topic| committed_text(&brokers, &topic)), [["0", "2"], ["1", "3"]]);
}

#[test]
fn ids_are_used_again_once_no_restart_asks_for_them_and_older_snapshots_are_known_to_be_committed() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "reuse", 1);
    let sink = KafkaSink::<u64>::text(&*brokers, &*topic).delivery(Guarantee::ExactlyOnce);
    let (mut writer, mut committer) = (writer(&sink), sink.committer().unwrap());
    let mut all = Vec::new();
    for number in 0..8 {
        put(&mut writer, [(number, Timestamp::MIN)]);
        // The latest complete snapshot describes what was prepared last.
        writer.released(number.saturating_sub(1));
        let prepared = writer.prepare_commit().unwrap();
        committer.commit(prepared.clone()).unwrap();
        all.extend(prepared);
    }
    let ids: BTreeSet<String> = all
        .iter()
        .map(|transaction| transaction.to_string())
        .map(|text| text.split(" (").next().unwrap().to_owned())
        .collect();
    assert!(ids.len() <= 4, "{ids:?}");
    let expected: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    for transaction in all {
        sink.committer().unwrap().recover(recovery(), vec![transaction]).unwrap();
        assert_eq!(committed_text(&brokers, &topic), expected);
    }
}

fn recovery() -> RecoverContext {
    let [job, run, sink] = ["job", "run", "sink"].map(Arc::from);
    RecoverContext { job, run, sink, attempt: 0, restored: true, checkpoint_interval: None }
}

#[test]
fn a_transaction_that_has_expired_or_was_taken_over_is_lost_and_named() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "expired", 1);
    let sink = KafkaSink::<u64>::text(&*brokers, &*topic).delivery(Guarantee::ExactlyOnce);
    let brief = sink.clone().transaction_timeout(Duration::from_secs(4));
    for (sink, expires) in [(brief, true), (sink, false)] {
        let mut writer = writer(&sink);
        put(&mut writer, [(1, Timestamp::MIN)]);
        let prepared = writer.prepare_commit().unwrap();
        let text = prepared[0].to_string();
        let id = text.split_whitespace().nth(1).unwrap();
        if expires {
            while open_transactions(&brokers, id).len() == 1 {}
        } else {
            producer(&brokers, &[("transactional.id", id)]).init_transactions(PATIENCE).unwrap();
        }
        for _ in 0..2 {
            let error = sink.committer().unwrap().recover(recovery(), prepared.clone()).unwrap_err().to_string();
            assert!(error.contains(&text) && error.contains("is lost") && error.contains(&topic), "{error}");
            assert!(sink.committer().unwrap().commit(prepared.clone()).is_err());
        }
        let tolerant = sink.clone().lost_transactions(LostTransactions::Warn);
        tolerant.committer().unwrap().recover(recovery(), prepared).unwrap();
    }
    assert!(committed_text(&brokers, &topic).is_empty());
}

#[test]
fn a_start_with_the_same_prefix_aborts_what_another_run_has_left() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "prefix", 1);
    let prefix = unique("prefix");
    let sink = KafkaSink::<u64>::text(&*brokers, &*topic).delivery(Guarantee::ExactlyOnce);
    let sink = sink.transactional_id_prefix(&*prefix);
    let place = SinkContext { run: "another".into(), ..SinkContext::new(4, 9, Arc::new(ManualClock::default())) };
    let mut left = sink.writer(place).unwrap();
    put(&mut left, [(1, Timestamp::MIN)]);
    left.prepare_commit().unwrap();
    put(&mut left, [(2, Timestamp::MIN)]);
    std::mem::forget(left);
    sink.committer().unwrap().recover(recovery(), Vec::new()).unwrap();
    assert!(open_transactions(&brokers, &prefix).is_empty());
    assert!(committed_text(&brokers, &topic).is_empty());
}

#[test]
fn settings_that_would_lose_output_later_are_refused_at_the_start() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "refused", 1);
    let sink = || KafkaSink::<u64>::text(&*brokers, &*topic).delivery(Guarantee::ExactlyOnce);
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let error_of = |sink: KafkaSink<u64>, interval| {
        let ctx = RecoverContext { checkpoint_interval: interval, restored: false, ..recovery() };
        let recovered = sink.committer().and_then(|mut committer| committer.recover(ctx, Vec::new()));
        recovered.unwrap_err().to_string()
    };
    let error = error_of(sink().transaction_timeout(minutes(16)), None);
    assert!(error.contains("960s") && error.contains("900s"), "{error}");
    let error = error_of(sink().transaction_timeout(minutes(6)).allowed_downtime(minutes(5)), Some(minutes(2)));
    assert!(error.contains("360s") && error.contains("120s") && error.contains("300s"), "{error}");
    let missing = unique("missing");
    let error = error_of(KafkaSink::text(&*brokers, &*missing).delivery(Guarantee::ExactlyOnce), None);
    assert!(error.contains(&missing) && error.contains("does not exist"), "{error}");
    let error = error_of(sink().property("security.protocol", "ssl"), None);
    assert!(error.contains("security.protocol"), "{error}");
    let nobody = KafkaSink::<u64>::text("127.0.0.1:1", "orders").request_timeout(Duration::from_millis(300));
    let error = error_of(nobody.clone().delivery(Guarantee::ExactlyOnce), None);
    assert!(error.contains("127.0.0.1:1"), "{error}");
    let place = SinkContext::new(0, 1, Arc::new(ManualClock::default()));
    let error = nobody.writer(place).map(drop).unwrap_err().to_string();
    assert!(error.contains("cannot reach Kafka for topic orders"), "{error}");
}
