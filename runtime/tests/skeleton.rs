//! Whole jobs in one process.

use millstream::channel::batch::Consume;
use millstream::connector::{
    CollectionSource, Guarantee, NoCommitter, RateLimited, Sink, SinkContext, SinkError, SinkWriter,
};
use millstream::prelude::*;

fn numbers(parallelism: usize) -> Vec<(u64, u64)> {
    let env = Environment::new("numbers");
    env.set_parallelism(parallelism);
    let out = env
        .from_collection(0..10_000u64)
        .rebalance()
        .map(|n| n * 3)
        .filter(|n| n % 2 == 0)
        .key_by_owned(|n| n % 10)
        .count()
        .collect();
    let summary = env.execute().expect("the job runs");
    assert_eq!(summary.records_read, 10_000);
    assert_eq!(summary.records_written, 5_000);
    out.take_sorted()
}

#[test]
fn parallelism_does_not_change_the_result() {
    let expected: Vec<(u64, u64)> =
        [0, 2, 4, 6, 8].into_iter().flat_map(|key| (1..=1000).map(move |count| (key, count))).collect();
    for parallelism in [1, 2, 3, 8] {
        assert_eq!(numbers(parallelism), expected, "parallelism {parallelism}");
    }
}

#[test]
fn a_panic_fails_the_job_and_names_operator_and_event_time() {
    let env = Environment::new("panics");
    env.from_collection(0..10_000i64)
        .watermarks(WatermarkStrategy::monotonous().timestamps(|n| Timestamp::from_millis(n * 1000)))
        .map(|n| 10 / (n - 7_200))
        .name("divide")
        .collect();
    let error = env.execute().unwrap_err().to_string();
    assert!(error.contains("`divide`") && error.contains("1970-01-01T02:00:00Z"), "{error}");
    assert!(error.contains("divide by zero"), "{error}");
}

/// Opening takes the writer's thread a while; records come later still.
struct SlowToOpen;

impl Sink for SlowToOpen {
    type In = u64;
    type Committable = ();
    type Writer = Forget;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        "slow to open".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::None
    }

    fn writer(&self, _ctx: SinkContext) -> std::result::Result<Forget, SinkError> {
        std::thread::sleep(Duration::from_millis(30));
        Ok(Forget)
    }

    fn committer(&self) -> std::result::Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

struct Forget;

impl SinkWriter for Forget {
    type In = u64;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, u64>) -> std::result::Result<(), SinkError> {
        records.for_each(drop);
        Ok(())
    }

    fn prepare_commit(&mut self) -> std::result::Result<Vec<()>, SinkError> {
        Ok(Vec::new())
    }
}

#[test]
fn flushes_of_an_idle_subtask_do_not_fill_the_queue_of_a_writer_that_is_opening() {
    let env = Environment::new("slow to open");
    let slowly = RateLimited::new(CollectionSource::new((0..20u64).collect()), 1000.0);
    env.source(slowly).sink(SlowToOpen);
    let summary = env.execute().expect("the job runs");
    assert_eq!(summary.records_written, 20);
}
