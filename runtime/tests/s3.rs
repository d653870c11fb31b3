//! A whole job that keeps its checkpoints in S3.

#![cfg(feature = "s3")]

mod common;

use std::time::Duration;

use common::within_a_minute;
use millstream::checkpoint::Checkpointing;
use millstream::connector::{CollectSink, GeneratorSource};
use millstream::testing::MiniCluster;

const RECORDS: u64 = 20_000;
const KEYS: u64 = 10;

#[test]
fn a_job_that_is_killed_goes_on_from_its_latest_checkpoint_in_s3() {
    let Ok(url) = std::env::var("MILLSTREAM_TEST_S3") else {
        eprintln!("skipped: there is no S3 server, begin with scripts/s3");
        return;
    };
    let (sink, output) = CollectSink::new();
    let cluster = MiniCluster::new(move |env| {
        let numbers = env.source(GeneratorSource::new(RECORDS, |n| n).rate(20_000.0)).uid("numbers");
        numbers.key_by_owned(|n| n % KEYS).count().uid("count").sink(sink.clone()).uid("out");
    });
    let place = format!("{url}/job-{}", std::process::id());
    let cluster = cluster.checkpointing(|_| Checkpointing::to(place).interval(Duration::from_millis(20)));
    cluster.set_parallelism(2);
    within_a_minute(|| {
        let running = cluster.start().unwrap();
        assert!(running.wait_for_checkpoints(2));
        running.kill();
        cluster.set_parallelism(3);
        cluster.restore_latest().unwrap().join().unwrap();
    });
    let mut expected: Vec<_> = (0..KEYS).flat_map(|key| (1..=RECORDS / KEYS).map(move |count| (key, count))).collect();
    expected.sort_unstable();
    assert!(output.take_sorted() == expected, "not every count is there once");
}
