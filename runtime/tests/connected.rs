//! Two streams as the inputs of one operator.

use millstream::operator::Either;
use millstream::prelude::*;
use millstream::testing::TwoInputHarness;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// What is known of a key from the left, for each record on the right; a timer tells that a key was forgotten.
#[operator(keyed)]
fn lookup(
    of: Either<(u64, u64), u64>,
    #[state] known: &mut Value<u64>,
    ctx: &mut KeyedContext<'_, u64>,
) -> Option<(u64, Option<u64>)> {
    match of {
        Either::Left((_, value)) => known.set(value),
        Either::Right(_) => return Some((*ctx.key(), known.get().copied())),
    }
    None
}

fn job(facts: Stream<(u64, u64)>, questions: Stream<u64>) -> Stream<(u64, Option<u64>)> {
    facts.key_by(|fact| &fact.0).connect(questions.key_by(|key| key)).apply(lookup())
}

#[test]
fn the_records_of_a_key_meet_whichever_stream_they_are_of() {
    for parallelism in 1..4 {
        let mut harness = TwoInputHarness::with_parallelism(job, parallelism);
        (0..20).for_each(|key| harness.push_left((key, key * 10)));
        harness.settle();
        (0..21).for_each(|key| harness.push_right(key));
        let mut output = harness.output();
        output.sort_unstable();
        let expected: Vec<_> = (0..21).map(|key| (key, (key < 20).then_some(key * 10))).collect();
        assert_eq!(output, expected);
    }
}

#[test]
fn states_go_along_to_another_parallelism() {
    let mut first = TwoInputHarness::with_parallelism(job, 2);
    (0..20).for_each(|key| first.push_left((key, key + 1)));
    let mut second = TwoInputHarness::restored(job, 3, &first.snapshot());
    (0..20).for_each(|key| second.push_right(key));
    let mut output = second.output();
    output.sort_unstable();
    assert_eq!(output, (0..20).map(|key| (key, Some(key + 1))).collect::<Vec<_>>());
}

#[test]
fn the_watermark_is_the_lower_of_both() {
    #[operator]
    fn watermark(_of: Either<u64, u64>, ctx: &mut Context<'_>) -> Timestamp {
        ctx.watermark()
    }

    let mut harness =
        TwoInputHarness::new(|left: Stream<u64>, right: Stream<u64>| left.connect(right).apply(watermark()));
    harness.watermark_left(at(10));
    harness.settle();
    harness.push_right(0);
    assert_eq!(harness.output(), [Timestamp::MIN]);
    harness.watermark_right(at(5));
    harness.settle();
    harness.push_left(0);
    assert_eq!(harness.output(), [at(5)]);
    harness.watermark_right(at(20));
    harness.settle();
    harness.push_left(0);
    assert_eq!(harness.output(), [at(10)]);
}
