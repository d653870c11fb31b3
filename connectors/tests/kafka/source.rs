//! What the source reads, from where to where, and what it says of what it cannot read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millstream::connector::{Assignment, Enumerator, ReaderContext, Source};
use millstream::testing::conformance;
use millstream::time::Timestamp;
use millstream_connectors::format::Malformed;
use millstream_connectors::kafka::{KafkaSource, Offsets, Otherwise, Topics};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer};

use crate::broker::{PATIENCE, brokers, grow, new_topic, producer, put, unique};
use crate::common::{error, read, values};

/// Records 0, 1, .. at times 1000, 2000, .. in turns in all partitions.
fn numbers(brokers: &str, topic: &str, partitions: i32, count: i64) {
    put(brokers, topic, (0..count).map(|number| (number as i32 % partitions, (number + 1) * 1000, number.to_string())));
}

fn source(brokers: &str, topic: impl Into<Topics>) -> KafkaSource<i64> {
    KafkaSource::json(brokers, topic).until(Offsets::Latest)
}

fn sorted(source: &KafkaSource<i64>) -> Vec<i64> {
    let mut values = values(source);
    values.sort_unstable();
    values
}

#[test]
fn keeps_the_source_contract() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "contract", 3);
    numbers(&brokers, &topic, 3, 100);
    // Between the records of some partitions are those of transactions, and what marks their ends.
    let mut expected: Vec<i64> = (0..100).collect();
    for (number, is_committed) in [(1000, true), (2000, false), (3000, true)] {
        let producer = producer(&brokers, &[("transactional.id", &unique("contract"))]);
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
        for offset in 0..5 {
            let value = (number + offset).to_string();
            let record = BaseRecord::<[u8], [u8]>::to(&topic).partition((offset % 2) as i32).payload(value.as_bytes());
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(PATIENCE).unwrap();
        if is_committed {
            producer.commit_transaction(PATIENCE).unwrap();
            expected.extend(number..number + 5);
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    conformance::source(|| source(&brokers, &*topic), expected);
}

#[test]
fn reading_begins_and_ends_where_it_is_told_to() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "offsets", 2);
    numbers(&brokers, &topic, 2, 10);
    let at = |millis| Offsets::Timestamp(Timestamp::from_millis(millis));
    let given =
        |first, second| Offsets::Given(BTreeMap::from([((topic.clone(), 0), first), ((topic.clone(), 1), second)]));
    let check = |start: Offsets, stop: Offsets, expected: std::ops::Range<i64>| {
        let found = sorted(&source(&brokers, &*topic).start_from(start.clone()).until(stop.clone()));
        assert_eq!(found, expected.collect::<Vec<_>>(), "from {start:?} until {stop:?}");
    };
    check(Offsets::Earliest, Offsets::Latest, 0..10);
    check(Offsets::Latest, Offsets::Latest, 0..0);
    check(at(5000), Offsets::Latest, 4..10);
    check(Offsets::Earliest, at(5000), 0..4);
    check(at(4500), at(60_000), 4..10);
    check(given(1, 1), given(3, 3), 2..6);
    check(Offsets::Earliest, Offsets::Earliest, 0..0);
    // Of the second partition nothing is said.
    let one = || Offsets::Given(BTreeMap::from([((topic.clone(), 0), 4)]));
    let from_one = || source(&brokers, &*topic).start_from(one());
    assert_eq!(sorted(&from_one()), [1, 3, 5, 7, 8, 9]);
    assert_eq!(sorted(&from_one().otherwise(Otherwise::Latest)), [8]);
    let error = error(&from_one().otherwise(Otherwise::Fail));
    assert!(error.contains(&format!("topic {topic} partition 1")), "{error}");
}

#[test]
fn several_topics_and_those_of_a_pattern_are_read() {
    let Some(brokers) = brokers() else { return };
    let name = unique("several");
    let topics = ["a", "b"].map(|end| new_topic(&brokers, &format!("{name}-{end}"), 1));
    for (topic, number) in topics.iter().zip([1, 2]) {
        put(&brokers, topic, [(0, 0, number.to_string())]);
    }
    assert_eq!(sorted(&source(&brokers, [&*topics[0], &*topics[1]])), [1, 2]);
    assert_eq!(sorted(&source(&brokers, Topics::pattern(format!("{name}-.*")))), [1, 2]);
    assert_eq!(sorted(&source(&brokers, Topics::pattern(format!("{name}-b.*")))), [2]);
}

#[test]
fn a_deserializer_sees_all_of_a_record() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "whole", 2);
    let producer = producer(&brokers, &[]);
    let headers = [("a", Some("1")), ("b", None), ("a", Some("2"))];
    let insert = |made: OwnedHeaders, (key, value): (&str, Option<&str>)| made.insert(Header { key, value });
    let headers = headers.into_iter().fold(OwnedHeaders::new(), insert);
    let record =
        BaseRecord::<[u8], [u8]>::to(&topic).partition(1).key(b"k").payload(b"v").timestamp(7).headers(headers);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.send(BaseRecord::<[u8], [u8]>::to(&topic).partition(1).timestamp(8)).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
    let source = KafkaSource::with_deserializer(&*brokers, &*topic, |record| {
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let headers =
            record.headers().map(|(name, value)| format!("{name}={:?}", text(value))).collect::<Vec<_>>().join(" ");
        let place = format!("{} {} {}", record.topic(), record.partition(), record.offset());
        let time = record.timestamp().unwrap().as_millis();
        Ok(Some((text(record.key()), text(record.value()), (headers, text(record.header("a"))), (place, time))))
    });
    let some = |text: &str| Some(text.to_owned());
    let headers = r#"a=Some("1") b=None a=Some("2")"#.to_owned();
    assert_eq!(
        values(&source.until(Offsets::Latest)),
        [
            (some("k"), some("v"), (headers, some("2")), (format!("{topic} 1 0"), 7)),
            (None, None, (String::new(), None), (format!("{topic} 1 1"), 8)),
        ]
    );
}

#[test]
fn a_malformed_record_fails_the_job_or_is_counted_or_put_aside() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "malformed", 1);
    put(&brokers, &topic, [(0, 0, "1".to_owned()), (0, 0, "one".to_owned()), (0, 0, "3".to_owned())]);
    let with = |policy| source(&brokers, &*topic).on_malformed(policy);
    let error = error(&with(Malformed::Fail));
    assert!(error.contains(&format!("topic {topic} partition 0 offset 1")) && error.contains("expected"), "{error}");
    let skipped = read(&with(Malformed::Skip)).unwrap();
    assert_eq!((skipped.values, skipped.skipped), (vec![1, 3], 1));
    let aside = read(&with(Malformed::SideOutput)).unwrap();
    assert_eq!((aside.values, aside.rejected[0].1.as_str()), (vec![1, 3], "one"));
    assert!(aside.rejected[0].0.contains("offset 1"), "{:?}", aside.rejected);
    // What is left out is behind the position, as what is handed on.
    let all_malformed = new_topic(&brokers, "malformed", 1);
    put(&brokers, &all_malformed, (0..5).map(|_| (0, 0, "one".to_owned())));
    let lines = KafkaSource::<i64>::json(&*brokers, &*all_malformed).on_malformed(Malformed::SideOutput);
    conformance::source(|| lines.clone().until(Offsets::Latest), Vec::new());
}

#[test]
fn what_cannot_be_reached_is_an_error_when_the_job_starts() {
    let Some(brokers) = brokers() else { return };
    let missing = unique("missing");
    let error_of_missing = error(&source(&brokers, &*missing));
    assert!(error_of_missing.contains(&missing) && error_of_missing.contains("does not exist"), "{error_of_missing}");
    let began = Instant::now();
    let nobody = source("127.0.0.1:1", "orders").request_timeout(Duration::from_millis(300));
    let error_of_nobody = error(&nobody);
    assert!(error_of_nobody.contains("orders at 127.0.0.1:1"), "{error_of_nobody}");
    assert!(began.elapsed() < Duration::from_secs(20));
    let error_of_group = error(&source(&brokers, &*missing).start_from(Offsets::Committed));
    assert!(error_of_group.contains("`group`"), "{error_of_group}");
}

#[test]
fn partitions_that_come_later_are_read_from_their_beginning() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "growing", 1);
    let source = KafkaSource::<i64>::json(&*brokers, &*topic).start_from(Offsets::Latest);
    put(&brokers, &topic, [(0, 0, "1".to_owned())]);
    let mut enumerator = source.enumerator(None).unwrap();
    enumerator.discover().unwrap();
    let ctx = ReaderContext { subtask: 0, parallelism: 1 };
    let places = |assignment| match assignment {
        Assignment::Splits(splits) => splits
            .iter()
            .map(|split: &millstream_connectors::kafka::KafkaSplit| (split.partition(), split.next()))
            .collect(),
        other => panic!("{other:?}"),
    };
    let first: Vec<(i32, i64)> = places(enumerator.next(&ctx));
    assert_eq!(first, [(0, 1)]);
    assert_eq!(enumerator.next(&ctx), Assignment::Later);
    grow(&brokers, &topic, 3);
    put(&brokers, &topic, [(2, 0, "2".to_owned())]);
    // The state holds what is known already.
    let mut enumerator = source.enumerator(Some(enumerator.snapshot())).unwrap();
    enumerator.discover().unwrap();
    assert_eq!(places(enumerator.next(&ctx)), [(1, 0), (2, 0)]);
}

#[test]
fn records_that_were_deleted_before_they_were_read_are_an_error() {
    let Some(brokers) = brokers() else { return };
    let topic = new_topic(&brokers, "deleted", 1);
    numbers(&brokers, &topic, 1, 10);
    let source = source(&brokers, &*topic);
    let mut enumerator = source.enumerator(None).unwrap();
    enumerator.discover().unwrap();
    crate::broker::delete_before(&brokers, &topic, 0, 5);
    let error = crate::common::drain(&source, &mut enumerator).map(drop).unwrap_err().to_string();
    assert!(error.contains(&format!("topic {topic} partition 0 offset 0")) && error.contains("deleted"), "{error}");
}
