//! Jobs whose broker is killed while they run. In a file of its own, since other tests do not reckon with that.
//!
//! The broker is the one that MILLSTREAM_KAFKA_BROKERS leads to, and MILLSTREAM_KAFKA_RESTART kills and starts it again:
//! `eval "$(scripts/services up kafka)"`. Without it, this test says so and does nothing.

#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "kafka/broker.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod broker;

use std::process::Command;
use std::time::Duration;

use broker::{brokers, committed_text, new_topic, open_transactions, put, unique};
use millstream::connector::{Guarantee, RateLimited};
use millstream::testing::MiniCluster;
use millstream_connectors::kafka::{KafkaSink, KafkaSource, Offsets};

const RECORDS: i64 = 3000;

/// Kills the broker, and starts it again.
fn restart() {
    let command = std::env::var("MILLSTREAM_KAFKA_RESTART").expect("set together with MILLSTREAM_KAFKA_BROKERS");
    let status = Command::new("bash").args(["-c", &command]).status().unwrap();
    assert!(status.success(), "{command}: {status}");
}

#[test]
fn a_job_outlives_its_broker_and_writes_everything_once() {
    let Some(brokers) = brokers() else { return };
    let topics = ["input", "output"].map(|name| new_topic(&brokers, name, 3));
    let [input, output] = topics.clone();
    put(&brokers, &input, (0..RECORDS).map(|number| ((number % 3) as i32, number + 1, number.to_string())));
    let prefix = unique("restart");
    let source = KafkaSource::<i64>::json(&*brokers, &*input).until(Offsets::Latest);
    let sink = KafkaSink::<i64>::json(&*brokers, &*output).delivery(Guarantee::ExactlyOnce);
    let sink = sink.transactional_id_prefix(&*prefix);
    let cluster = MiniCluster::new(move |env| {
        let numbers = env.source(RateLimited::new(source.clone(), 1000.0)).uid("numbers");
        numbers.rebalance().map(|number| number).sink(sink.clone()).uid("copies");
    });
    let cluster = cluster.checkpointing(|settings| settings.interval(Duration::from_millis(50)));
    cluster.set_parallelism(2);
    let running = cluster.start().unwrap();
    for killed_at in [3, 6] {
        assert!(running.wait_for_checkpoints(killed_at));
        restart();
    }
    running.join().unwrap();
    let mut found: Vec<i64> = committed_text(&brokers, &output).iter().map(|text| text.parse().unwrap()).collect();
    found.sort_unstable();
    assert!(found.iter().copied().eq(0..RECORDS), "{} records instead of {RECORDS}", found.len());
    assert!(open_transactions(&brokers, &prefix).is_empty());
}
