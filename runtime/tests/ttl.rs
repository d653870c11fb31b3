//! How long each kind of state lives after it was last used.

use millstream::prelude::*;
use millstream::testing::Harness;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Value,
    List,
    Map,
    Reducing,
    Aggregating,
}

const KINDS: [Kind; 5] = [Kind::Value, Kind::List, Kind::Map, Kind::Reducing, Kind::Aggregating];

/// What a record has the operator do with the state of its key.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Action {
    Write(i64),
    Read,
    /// Changes what is stored in place, if anything is.
    Change,
    /// Uses none of the states.
    Nothing,
}

use Action::{Change, Nothing, Read, Write};

type Record = (u32, Kind, Action);

/// A state of each kind, all with the same time to live.
#[derive(Clone)]
struct Store {
    ttl: Ttl,
}

#[derive(Debug, Clone, Default)]
struct Sum;

impl Aggregate for Sum {
    type In = i64;
    type Acc = i64;
    type Out = i64;

    fn create(&self) -> i64 {
        0
    }

    fn add(&self, acc: &mut i64, value: i64) {
        *acc += value;
    }

    fn merge(&self, acc: &mut i64, other: i64) {
        *acc += other;
    }

    fn result(&self, acc: &i64) -> i64 {
        *acc
    }
}

type States = (Value<i64>, List<i64>, Map<i64, i64>, Reducing<i64>, Aggregating<Sum>);

fn contents(kind: Kind, (value, list, map, reducing, aggregating): &States) -> Vec<i64> {
    match kind {
        Kind::Value => value.get().copied().into_iter().collect(),
        Kind::List => list.iter().copied().collect(),
        Kind::Map => {
            let mut values: Vec<i64> = map.iter().map(|(_, value)| *value).collect();
            values.sort_unstable();
            values
        }
        Kind::Reducing => reducing.get().copied().into_iter().collect(),
        Kind::Aggregating => aggregating.get().into_iter().collect(),
    }
}

impl KeyedOperator<u32> for Store {
    type In = Record;
    type Out = Vec<i64>;
    type State = States;

    fn states(&self) -> Vec<StateSpec> {
        ["value", "list", "map", "reducing", "aggregating"].map(|name| StateSpec::new(name).ttl(self.ttl)).to_vec()
    }

    fn new_state(&self) -> States {
        let reducing = Reducing::new(|a: i64, b| a + b);
        (Value::default(), List::default(), Map::default(), reducing, Aggregating::default())
    }

    fn process(
        &mut self,
        (_, kind, action): Record,
        states: &mut States,
        ctx: &mut KeyedContext<'_, u32>,
        out: &mut Collector<Vec<i64>>,
    ) -> Result<()> {
        let (value, list, map, reducing, aggregating) = states;
        match (action, kind) {
            (Write(new), Kind::Value) => value.set(new),
            (Write(new), Kind::List) => list.push(new),
            (Write(new), Kind::Map) => drop(map.insert(new, new)),
            (Write(new), Kind::Reducing) => reducing.add(new),
            (Write(new), Kind::Aggregating) => aggregating.add(new),
            (Change, Kind::Value) => value.get_mut().into_iter().for_each(|value| *value += 1),
            (Change, Kind::Map) => map.get_mut(&1).into_iter().for_each(|value| *value += 1),
            (Change, _) => anyhow::bail!("{kind:?} cannot be changed in place"),
            (Read, _) => out.emit(contents(kind, states)),
            (Nothing, _) => ctx.set_processing_timer(ctx.processing_time()),
        }
        Ok(())
    }
}

/// Lives ten milliseconds.
const TTL: Ttl = Ttl::new(Duration::from_millis(10));

fn store(ttl: Ttl) -> impl Fn(Stream<Record>) -> Stream<Vec<i64>> {
    move |records| records.key_by(|record| &record.0).process("store", Store { ttl })
}

/// Does each action at its instant to a state of key 1; answers with what was read.
fn run(ttl: Ttl, kind: Kind, steps: &[(i64, Action)]) -> Vec<Vec<i64>> {
    let mut harness = Harness::new(store(ttl));
    for (now, action) in steps {
        harness.advance_processing_time(Timestamp::from_millis(*now));
        harness.push((1, kind, *action));
    }
    harness.output()
}

#[track_caller]
fn check(ttl: Ttl, kinds: &[Kind], steps: &[(i64, Action)], expected: &[&[i64]]) {
    for kind in kinds {
        assert_eq!(run(ttl, *kind, steps), expected, "{kind:?}");
    }
}

#[test]
fn what_was_written_lives_for_the_lifetime_and_no_longer() {
    check(TTL, &KINDS, &[(0, Write(5)), (9, Read), (10, Read)], &[&[5], &[]]);
}

#[test]
fn what_has_expired_is_not_built_upon() {
    check(TTL, &KINDS, &[(0, Write(5)), (10, Write(1)), (10, Read)], &[&[1]]);
}

#[test]
fn writing_renews_a_state_that_is_one_value() {
    let kinds = [Kind::Reducing, Kind::Aggregating];
    check(TTL, &kinds, &[(0, Write(5)), (6, Write(1)), (15, Read), (16, Read)], &[&[6], &[]]);
    check(TTL, &[Kind::Value], &[(0, Write(5)), (6, Write(1)), (15, Read), (16, Read)], &[&[1], &[]]);
}

#[test]
fn changing_in_place_is_writing() {
    let steps = [(0, Write(1)), (6, Change), (15, Read), (16, Read), (16, Change), (16, Read)];
    check(TTL, &[Kind::Value, Kind::Map], &steps, &[&[2], &[], &[]]);
}

#[test]
fn each_entry_lives_for_itself() {
    let steps = [(0, Write(1)), (6, Write(2)), (9, Read), (10, Read), (15, Read), (16, Read)];
    check(TTL, &[Kind::List, Kind::Map], &steps, &[&[1, 2], &[2], &[2], &[]]);
}

#[test]
fn reading_renews_only_if_the_state_says_so() {
    let steps = [(0, Write(5)), (6, Read), (11, Read)];
    check(TTL, &KINDS, &steps, &[&[5], &[]]);
    check(TTL.renewed_by_reading(), &KINDS, &steps, &[&[5], &[5]]);
}

#[test]
fn reading_renews_for_one_lifetime() {
    let steps = [(0, Write(5)), (6, Read), (15, Read), (24, Read), (34, Read)];
    check(TTL.renewed_by_reading(), &KINDS, &steps, &[&[5], &[5], &[5], &[]]);
}

#[test]
fn reading_renews_all_entries_that_are_still_alive() {
    let steps = [(0, Write(1)), (6, Write(2)), (12, Read), (21, Read), (22, Write(3)), (22, Read)];
    let ttl = TTL.renewed_by_reading();
    check(ttl, &[Kind::List, Kind::Map], &steps, &[&[2], &[2], &[2, 3]]);
}

#[test]
fn what_has_expired_is_not_renewed_by_reading() {
    check(TTL.renewed_by_reading(), &KINDS, &[(0, Write(5)), (10, Read), (11, Read)], &[&[], &[]]);
}

#[test]
fn a_disabled_lifetime_never_ends() {
    check(TTL.disabled(), &KINDS, &[(0, Write(5)), (1_000_000, Read), (2_000_000, Read)], &[&[5], &[5]]);
}

/// Nothing is removed but what is all that its key has.
const VISIBLE: Ttl = TTL.visible_until_cleaned_up().keys_per_batch(0);

#[test]
fn what_has_expired_may_be_seen_until_it_is_removed() {
    // The key has nothing else, so the record that sees it is the last.
    check(VISIBLE, &KINDS, &[(0, Write(5)), (10, Read), (11, Read)], &[&[5], &[]]);
    check(VISIBLE.renewed_by_reading(), &KINDS, &[(0, Write(5)), (10, Read), (11, Read)], &[&[5], &[]]);
}

#[test]
fn what_is_seen_can_be_changed_and_lives_again() {
    let steps = [(0, Write(1)), (10, Change), (19, Read), (20, Read), (21, Read)];
    check(VISIBLE, &[Kind::Value, Kind::Map], &steps, &[&[2], &[2], &[]]);
}

/// What is seen of a state that has expired beside another of the same key that is alive, after records of another key.
fn seen_after_batches_of_another_key(ttl: Ttl, kind: Kind) -> Vec<i64> {
    let mut harness = Harness::new(store(ttl));
    let beside = if kind == Kind::Value { Kind::List } else { Kind::Value };
    harness.push((1, kind, Write(5)));
    harness.advance_processing_time(Timestamp::from_millis(9));
    harness.push((1, beside, Write(1)));
    harness.advance_processing_time(Timestamp::from_millis(13));
    for _ in 0..2 {
        harness.push((2, kind, Write(0)));
        harness.settle();
    }
    harness.push((1, kind, Read));
    harness.output().remove(0)
}

#[test]
fn the_sweep_removes_what_has_expired_beside_what_is_alive() {
    for kind in KINDS {
        assert_eq!(seen_after_batches_of_another_key(VISIBLE, kind), [5], "{kind:?}");
        assert_eq!(seen_after_batches_of_another_key(VISIBLE.keys_per_batch(1), kind), [0; 0], "{kind:?}");
    }
}

#[test]
fn what_has_expired_is_not_written_to_snapshots_unless_asked_for() {
    for kind in KINDS {
        for (ttl, expected) in [(VISIBLE, vec![]), (VISIBLE.cleanup_in_snapshots(false), vec![5])] {
            let mut first = Harness::new(store(ttl));
            first.push((1, kind, Write(5)));
            first.advance_processing_time(Timestamp::from_millis(10));
            let mut second = Harness::restored(store(ttl), 2, &first.snapshot());
            second.advance_processing_time(Timestamp::from_millis(10));
            second.push((1, kind, Read));
            assert_eq!(second.output(), [expected], "{kind:?}");
        }
    }
}

#[test]
fn a_record_that_does_not_read_a_state_does_not_renew_it() {
    let steps = [(0, Write(5)), (6, Nothing), (11, Read)];
    check(TTL.renewed_by_reading(), &KINDS, &steps, &[&[]]);
}

#[test]
fn records_of_other_keys_renew_nothing() {
    for kind in KINDS {
        let mut harness = Harness::new(store(TTL.renewed_by_reading()));
        harness.push((1, kind, Write(5)));
        for now in 0..11 {
            harness.advance_processing_time(Timestamp::from_millis(now));
            harness.push((2, kind, Read));
        }
        harness.settle();
        harness.output();
        harness.push((1, kind, Read));
        assert_eq!(harness.output(), [[0; 0]], "{kind:?}");
    }
}

#[test]
fn a_lifetime_goes_on_after_a_restore() {
    for ttl in [TTL, TTL.renewed_by_reading()] {
        for kind in KINDS {
            let mut first = Harness::new(store(ttl));
            first.push((1, kind, Write(5)));
            first.advance_processing_time(Timestamp::from_millis(6));
            first.push((1, kind, Read));
            assert_eq!(first.output(), [[5]]);
            let snapshot = first.snapshot();
            let end = if ttl == TTL { 10 } else { 16 };
            for (now, expected) in [(end - 1, vec![5]), (end, vec![])] {
                let mut second = Harness::restored(store(ttl), 2, &snapshot);
                second.advance_processing_time(Timestamp::from_millis(now));
                second.push((1, kind, Read));
                assert_eq!(second.output(), [expected], "{kind:?} at {now}");
            }
        }
    }
}

#[test]
fn a_state_that_gets_a_lifetime_later_begins_it_at_the_restore() {
    /// Without a time to live, or with one.
    #[derive(Clone)]
    struct Last(Option<Ttl>);

    impl KeyedOperator<u32> for Last {
        type In = (u32, Option<i64>);
        type Out = Option<i64>;
        type State = (Value<i64>,);

        fn states(&self) -> Vec<StateSpec> {
            let spec = StateSpec::new("last");
            vec![self.0.map_or(spec.clone(), |ttl| spec.ttl(ttl))]
        }

        fn new_state(&self) -> Self::State {
            Self::State::default()
        }

        fn process(
            &mut self,
            (_, new): Self::In,
            (last,): &mut Self::State,
            _ctx: &mut KeyedContext<'_, u32>,
            out: &mut Collector<Option<i64>>,
        ) -> Result<()> {
            match new {
                Some(new) => last.set(new),
                None => out.emit(last.get().copied()),
            }
            Ok(())
        }
    }

    let job =
        |ttl| move |records: Stream<(u32, Option<i64>)>| records.key_by(|record| &record.0).process("last", Last(ttl));
    let mut first = Harness::new(job(None));
    first.push((1, Some(5)));
    let mut second = Harness::restored(job(Some(TTL)), 1, &first.snapshot());
    for now in [9, 10] {
        second.advance_processing_time(Timestamp::from_millis(now));
        second.push((1, None));
    }
    assert_eq!(second.output(), [Some(5), None]);
}
