//! Batch mode: final results only.

use std::time::Duration;

use millstream::checkpoint::Checkpointing;
use millstream::connector::GeneratorSource;
use millstream::prelude::*;
use millstream::stream::RuntimeMode;
use millstream::window::Tumbling;

fn batch(parallelism: usize) -> Environment {
    let env = Environment::new("batch");
    env.set_parallelism(parallelism).set_runtime_mode(RuntimeMode::Batch);
    env
}

#[test]
fn rolling_aggregates_give_the_last_result_of_each_key() {
    for parallelism in 1..=3 {
        let env = batch(parallelism);
        let numbers = env.source(GeneratorSource::new(10_000, |n| n)).uid("numbers");
        let counts = numbers.key_by_owned(|n| n % 1000).sum(|n| *n).uid("sums");
        let sums = counts.key_by_owned(|(key, _)| key % 10).count().uid("keys").collect();
        env.execute().unwrap();
        let expected: Vec<(u64, u64)> = (0..10).map(|digit| (digit, 100)).collect();
        assert_eq!(sums.take_sorted(), expected, "one sum for each key is counted");
    }
}

#[test]
fn nothing_is_late_and_each_window_fires_once() {
    let env = batch(2);
    let scattered = GeneratorSource::new(1000, |n: u64| (n * 7919 % 1000) as i64);
    let windows = env
        .source(scattered)
        .uid("times")
        .watermarks(WatermarkStrategy::monotonous().timestamps(|at: &i64| Timestamp::from_millis(*at)))
        .key_by_owned(|at| at % 2)
        .window(Tumbling::of(Duration::from_millis(100)))
        .count()
        .uid("windows")
        .collect();
    env.execute().unwrap();
    let windows = windows.take();
    assert_eq!((windows.len(), windows.iter().map(|(_, count)| count).sum::<u64>()), (20, 1000));
}

#[test]
fn what_batch_mode_has_not_is_told_before_the_job_starts() {
    let refused = |change: fn(&Environment)| {
        let env = batch(1);
        change(&env);
        env.execute().unwrap_err().to_string()
    };
    let unbounded = refused(|env| drop(env.source(GeneratorSource::new(None, |n| n)).uid("ticks").collect()));
    assert!(unbounded.contains("never ends"), "{unbounded}");
    let checkpoints = refused(|env| {
        env.set_checkpointing(Checkpointing::to("nowhere"));
        env.from_collection([1]).collect();
    });
    assert!(checkpoints.contains("batch mode takes no checkpoints"), "{checkpoints}");
}
