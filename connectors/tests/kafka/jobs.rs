//! Whole jobs from topic to topic that fail and die at every point of their lives.

use std::time::Duration;

use millstream::connector::{Guarantee, RateLimited};
use millstream::testing::{Fault, FaultPoint, Faults, MiniCluster};
use millstream_connectors::kafka::{KafkaSink, KafkaSource, Offsets};

use crate::broker::{brokers, committed_text, group_offsets, new_topic, open_transactions, put, unique};

const RECORDS: i64 = 900;
const PARTITIONS: i32 = 3;

/// A topic with records 0, 1, ...
fn input(brokers: &str) -> String {
    let topic = new_topic(brokers, "input", PARTITIONS);
    put(brokers, &topic, (0..RECORDS).map(|number| (number as i32 % PARTITIONS, number + 1, number.to_string())));
    topic
}

/// A job that copies the input, within a second and a half, with a checkpoint every 50 ms.
fn copying(brokers: &str, input: &str, output: &str, prefix: &str, faults: &Faults) -> MiniCluster {
    let source = KafkaSource::<i64>::json(brokers, input).group(prefix).until(Offsets::Latest);
    let sink = KafkaSink::<i64>::json(brokers, output).delivery(Guarantee::ExactlyOnce).transactional_id_prefix(prefix);
    let tapped = faults.clone();
    let cluster = MiniCluster::new(move |env| {
        let numbers = env.source(RateLimited::new(source.clone(), 600.0)).uid("numbers");
        numbers.map(tapped.tap()).rebalance().map(|number| number).sink(sink.clone()).uid("copies");
    });
    cluster.checkpointing(|settings| settings.interval(Duration::from_millis(50))).faults(faults)
}

#[track_caller]
fn check(brokers: &str, output: &str, when: &str) {
    let mut found: Vec<i64> = committed_text(brokers, output).iter().map(|text| text.parse().unwrap()).collect();
    found.sort_unstable();
    let repeated = found.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!(found.iter().copied().eq(0..RECORDS), "{when}: {} records, {repeated} repeated", found.len());
}

#[test]
fn output_is_there_once_whatever_fails_or_dies_wherever() {
    let Some(brokers) = brokers() else { return };
    let (input, prefix) = (input(&brokers), unique("faults"));
    for (at, point) in FaultPoint::ALL.into_iter().enumerate() {
        for fault in [Fault::Fail, Fault::Die] {
            // Taps can only panic.
            let fault = if point == FaultPoint::Record && fault == Fault::Fail { Fault::Panic } else { fault };
            let nth = if matches!(point, FaultPoint::Recover | FaultPoint::Restore) { 2 } else { 5 };
            let when = format!("{fault:?} at {point:?}, number {nth}");
            let output = new_topic(&brokers, "output", 2);
            // Restores happen only after a failure.
            let faults = Faults::new().at(point, nth, fault).at(FaultPoint::Record, 400, Fault::Die);
            let prefix = format!("{prefix}{at}");
            let cluster = copying(&brokers, &input, &output, &prefix, &faults);
            cluster.set_parallelism(2);
            let mut ended = cluster.run().map(drop);
            for parallelism in [3, 1, 2, 3] {
                if ended.is_ok() {
                    break;
                }
                cluster.set_parallelism(parallelism);
                ended = cluster.resume().and_then(|running| running.join()).map(drop);
            }
            ended.unwrap_or_else(|error| panic!("{when}: {error}"));
            assert_eq!(faults.struck(), 2, "{when}");
            check(&brokers, &output, &when);
        }
    }
    assert!(open_transactions(&brokers, &prefix).is_empty());
}

#[test]
fn the_group_is_told_how_far_the_job_has_come() {
    let Some(brokers) = brokers() else { return };
    let (input, output, group) = (input(&brokers), new_topic(&brokers, "output", 1), unique("group"));
    let cluster = copying(&brokers, &input, &output, &group, &Faults::new());
    let running = cluster.start().unwrap();
    assert!(running.wait_for_checkpoints(4));
    running.stop_with_savepoint().unwrap();
    let told = group_offsets(&brokers, &group, &input, PARTITIONS);
    let copied = committed_text(&brokers, &output).len() as i64;
    assert!(told.iter().all(|offset| *offset > 0) && told.iter().sum::<i64>() <= copied, "{told:?} of {copied}");
    // A job that begins from there copies the rest.
    let source = KafkaSource::<i64>::json(&*brokers, &*input).group(&*group).start_from(Offsets::Committed);
    let source = source.until(Offsets::Latest);
    let rest = crate::common::values(&source).len() as i64;
    assert_eq!(rest, RECORDS - told.iter().sum::<i64>());
}
