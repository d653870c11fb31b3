//! A new version of a job reads what the one before has written, or says which field does not fit, whatever backend either
//! keeps its state in.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

#[path = "common/backend.rs"]
mod backend;

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use millstream::prelude::*;
use millstream::state::StateBackend;
use millstream::testing::{Harness, HarnessSnapshot};
use millstream::window::{Session, Tumbling};
use serde::{Deserialize, Serialize};

use self::backend::any_backend;

/// What the first version remembers.
mod before {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Visits {
        pub(crate) count: u64,
        pub(crate) site: String,
        pub(crate) dropped: Vec<u8>,
    }
}

/// What a later version remembers: a field is new, one is renamed, one is gone.
mod after {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Visits {
        #[serde(default)]
        pub(crate) region: Option<String>,
        pub(crate) count: u64,
        #[serde(alias = "site")]
        pub(crate) page: String,
    }
}

/// What it cannot become: a field has another type.
mod unfit {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Visits {
        pub(crate) count: u64,
        pub(crate) site: u64,
    }
}

/// What the later version has for what the first one wrote.
fn evolved(count: u64) -> after::Visits {
    after::Visits { region: None, count, page: "home".to_owned() }
}

trait Visits: Data {
    fn none() -> Self;
    fn count(&mut self) -> &mut u64;

    fn join(mut self, mut other: Self) -> Self {
        *self.count() += *other.count();
        self
    }

    fn one() -> Self {
        let mut one = Self::none();
        *one.count() = 1;
        one
    }
}

macro_rules! visits {
    ($($version:ident { $($field:ident: $value:expr),* })*) => {
        $(impl Visits for $version::Visits {
            fn none() -> Self {
                Self { count: 0, $($field: $value),* }
            }

            fn count(&mut self) -> &mut u64 {
                &mut self.count
            }
        })*
    };
}

visits! {
    before { site: "home".to_owned(), dropped: vec![1] }
    after { page: "start".to_owned(), region: Some("north".to_owned()) }
    unfit { site: 1 }
}

/// Counts visits.
#[derive(Debug, Clone)]
struct Join<V>(PhantomData<V>);

impl<V: Visits> Aggregate for Join<V> {
    type In = u32;
    type Acc = V;
    type Out = V;

    fn create(&self) -> V {
        V::none()
    }

    fn add(&self, acc: &mut V, _: u32) {
        *acc.count() += 1;
    }

    fn merge(&self, acc: &mut V, other: V) {
        *acc = acc.clone().join(other);
    }

    fn result(&self, acc: &V) -> V {
        acc.clone()
    }
}

const KINDS: [&str; 5] = ["value", "list", "map", "reducing", "aggregating"];

/// Remembers in one kind of state that there was a visit, and says what it remembers at a timer.
#[derive(Clone)]
struct Remember<V> {
    kind: &'static str,
    version: PhantomData<V>,
}

impl<V: Visits> KeyedOperator<u32> for Remember<V> {
    type In = u32;
    type Out = V;
    type State = (Value<V>, List<V>, Map<u32, V>, Reducing<V>, Aggregating<Join<V>>);

    fn states(&self) -> Vec<StateSpec> {
        KINDS.map(StateSpec::new).to_vec()
    }

    fn new_state(&self) -> Self::State {
        let aggregating = Aggregating::new(Join(PhantomData));
        (Value::default(), List::default(), Map::default(), Reducing::new(V::join), aggregating)
    }

    fn process(
        &mut self,
        key: u32,
        (value, list, map, reducing, aggregating): &mut Self::State,
        ctx: &mut KeyedContext<'_, u32>,
        _out: &mut Collector<V>,
    ) -> Result<()> {
        ctx.set_event_timer(Timestamp::from_millis(10));
        match self.kind {
            "value" => value.set(V::one()),
            "list" => list.push(V::one()),
            "map" => drop(map.insert(key, V::one())),
            "reducing" => reducing.add(V::one()),
            _ => aggregating.add(key),
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _at: Timestamp,
        (value, list, map, reducing, aggregating): &mut Self::State,
        _ctx: &mut KeyedContext<'_, u32>,
        out: &mut Collector<V>,
    ) -> Result<()> {
        out.extend(value.take());
        out.extend(list.take());
        out.extend(map.iter().map(|(_, visits)| visits.clone()));
        out.extend(reducing.take());
        out.extend(aggregating.get());
        Ok(())
    }
}

/// Remembers visits beside keys, and says how many at 0.
#[operator(uid = "lists")]
fn lists<V: Visits>(key: u32, #[state] all: &mut ListState<V>, #[state] last: &mut BroadcastState<u32, V>) -> Vec<V> {
    if key == 0 {
        return all.iter().chain(last.values()).cloned().collect();
    }
    all.push(V::one());
    last.insert(key, V::one());
    Vec::new()
}

/// A stretch of a job, in any version of the visits.
trait Job {
    fn build<V: Visits>(&self, keys: Stream<u32>) -> Stream<V>;
}

struct States(&'static str);

impl Job for States {
    fn build<V: Visits>(&self, keys: Stream<u32>) -> Stream<V> {
        keys.key_by(|key| key).process("remember", Remember { kind: self.0, version: PhantomData })
    }
}

struct OperatorStates;

impl Job for OperatorStates {
    fn build<V: Visits>(&self, keys: Stream<u32>) -> Stream<V> {
        keys.apply(lists())
    }
}

struct Rolling;

impl Job for Rolling {
    fn build<V: Visits>(&self, keys: Stream<u32>) -> Stream<V> {
        keys.key_by(|key| key).aggregate(Join(PhantomData)).uid("rolling").map(|(_, visits)| visits)
    }
}

struct AlignedWindows;

impl Job for AlignedWindows {
    fn build<V: Visits>(&self, keys: Stream<u32>) -> Stream<V> {
        keys.key_by(|key| key)
            .window(Tumbling::of(Duration::from_secs(1)))
            .aggregate(Join(PhantomData))
            .uid("aligned")
            .map(|(_, visits)| visits)
    }
}

struct SessionWindows;

impl Job for SessionWindows {
    fn build<V: Visits>(&self, keys: Stream<u32>) -> Stream<V> {
        keys.key_by(|key| key)
            .window(Session::gap(Duration::from_secs(1)))
            .aggregate(Join(PhantomData))
            .uid("session")
            .map(|(_, visits)| visits)
    }
}

/// RocksDB with a cache that holds no row longer than it has to, if it is there, and the heap.
fn backends() -> [StateBackend; 2] {
    [0, 3].map(any_backend)
}

/// Checkpoints and savepoints of the first version, of each backend.
fn snapshots<V: Visits>(build: impl Fn(Stream<u32>) -> Stream<V>) -> Vec<HarnessSnapshot> {
    let both = |backend: &StateBackend| {
        let mut harness = Harness::with_backend(&build, 1, None, backend);
        harness.push_at(7, Timestamp::from_millis(1));
        [harness.snapshot(), harness.savepoint()]
    };
    backends().iter().flat_map(both).collect()
}

fn of_first_version(job: &impl Job) -> Vec<HarnessSnapshot> {
    snapshots(|keys| job.build::<before::Visits>(keys))
}

/// What the later version says at the end of its input, after more `keys`.
#[track_caller]
fn check(job: &impl Job, keys: &[u32], expected: &[after::Visits]) {
    for (snapshot, backend) in of_first_version(job).iter().flat_map(|snapshot| backends().map(|to| (snapshot, to))) {
        let build = |keys| job.build::<after::Visits>(keys);
        let mut harness = Harness::with_backend(build, 1, Some(snapshot), &backend);
        keys.iter().for_each(|key| harness.push_at(*key, Timestamp::from_millis(2)));
        harness.end();
        assert_eq!(harness.output(), expected, "on {backend:?}");
    }
}

/// Why a job is refused, before any record has come.
#[track_caller]
fn refused<V: Data>(
    build: impl Fn(Stream<u32>) -> Stream<V>,
    snapshot: &HarnessSnapshot,
    backend: &StateBackend,
) -> String {
    let restore = || drop(Harness::with_backend(&build, 1, Some(snapshot), backend));
    let refusal = catch_unwind(AssertUnwindSafe(restore)).expect_err("the types do not fit");
    *refusal.downcast::<String>().expect("a refusal is a text")
}

/// What is said when the types do not fit.
#[track_caller]
fn check_unfit(job: &impl Job, place: &str) {
    for (snapshot, backend) in of_first_version(job).iter().flat_map(|snapshot| backends().map(|to| (snapshot, to))) {
        let message = refused(|keys| job.build::<unfit::Visits>(keys), snapshot, &backend);
        assert!(message.contains(place), "on {backend:?}: {message}");
        assert!(message.contains("invalid type: string \"home\", expected u64"), "{message}");
    }
}

/// What a trial of another version against a sample of the snapshot says.
#[track_caller]
fn tried<V: Visits>(job: &impl Job, snapshot: &HarnessSnapshot) -> Vec<String> {
    let misfits = Harness::misfits(|keys| job.build::<V>(keys), snapshot).expect("a job that can be built");
    misfits.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check_trial(job: &impl Job, places: &[&str]) {
    for snapshot in of_first_version(job) {
        assert_eq!(tried::<after::Visits>(job, &snapshot), [""; 0]);
        let misfits = tried::<unfit::Visits>(job, &snapshot);
        assert_eq!(misfits.len(), places.len(), "{misfits:?}");
        misfits.iter().zip(places).for_each(|(misfit, place)| assert!(misfit.contains(place), "{misfit}"));
    }
}

#[test]
fn fields_of_keyed_states_may_come_and_go_and_be_renamed() {
    for kind in KINDS {
        check(&States(kind), &[], &[evolved(1)]);
    }
}

#[test]
fn fields_of_operator_states_may_come_and_go_and_be_renamed() {
    check(&OperatorStates, &[0], &[evolved(1), evolved(1)]);
}

#[test]
fn fields_of_accumulators_may_come_and_go_and_be_renamed() {
    check(&Rolling, &[7], &[evolved(2)]);
    check(&AlignedWindows, &[7], &[evolved(2)]);
    check(&SessionWindows, &[7], &[evolved(2)]);
}

#[test]
fn an_error_names_operator_state_and_field() {
    let places = [
        ("value", "the value of state `value`, field `site`"),
        ("list", "the list of state `list`, field `[0].site`"),
        ("map", "the map of state `map`, field `[0][1].site`"),
        ("reducing", "the value of state `reducing`, field `site`"),
        ("aggregating", "the value of state `aggregating`, field `site`"),
    ];
    for (kind, place) in places {
        check_unfit(&States(kind), &format!("state of operator `remember` cannot be decoded: {place}"));
    }
    check_unfit(
        &OperatorStates,
        "state of operator `lists` cannot be decoded: an entry of a list of state `all`, field `site`",
    );
    check_unfit(&Rolling, "state of operator `rolling` cannot be decoded: an accumulator, field `site`");
    check_unfit(&AlignedWindows, "state of operator `aligned` cannot be decoded: what a window holds, field `site`");
    check_unfit(&SessionWindows, "state of operator `session` cannot be decoded: what a window holds, field `site`");
}

#[test]
fn types_are_tried_against_a_sample_of_a_snapshot() {
    for kind in KINDS {
        check_trial(&States(kind), &[&format!("state `{kind}`, field")]);
    }
    check_trial(&Rolling, &["operator `rolling` cannot be decoded: an accumulator, field `site`"]);
    check_trial(&AlignedWindows, &["operator `aligned` cannot be decoded: what a window holds, field `site`"]);
    check_trial(&SessionWindows, &["operator `session` cannot be decoded: what a window holds, field `site`"]);
}

#[test]
fn a_trial_names_all_that_does_not_fit() {
    check_trial(&OperatorStates, &["state `all`, field `site`", "state `last`, field `[1].site`"]);
}

#[test]
fn a_field_that_is_new_and_has_no_default_is_named() {
    #[derive(Clone, Serialize, Deserialize)]
    struct Short {
        count: u32,
    }

    #[derive(Clone, Serialize, Deserialize)]
    struct Long {
        count: u32,
        region: String,
    }

    #[operator(keyed, uid = "total")]
    fn first(key: u32, #[state] total: &mut Value<Short>) -> u32 {
        total.set(Short { count: key });
        key
    }

    #[operator(keyed, uid = "total")]
    fn second(key: u32, #[state] total: &mut Value<Long>) -> u32 {
        total.get().map_or(key, |long| long.count + long.region.len() as u32)
    }

    let said = "state of operator `total` cannot be decoded: the value of state `total`: missing field `region` (a field \
                that is new needs `#[serde(default)]`";
    for backend in backends() {
        let mut harness =
            Harness::with_backend(|keys: Stream<u32>| keys.key_by(|key| key).apply(first()), 1, None, &backend);
        harness.push(7);
        let snapshot = harness.snapshot();
        let message = refused(|keys: Stream<u32>| keys.key_by(|key| key).apply(second()), &snapshot, &backend);
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn a_renamed_keyed_state_is_found_by_its_alias_and_one_that_is_gone_is_skipped() {
    #[operator(keyed, uid = "total")]
    fn first(key: u32, #[state] sum: &mut Value<u32>, #[state] gone: &mut List<String>) -> u32 {
        gone.push("text".to_owned());
        *sum.get_or_default() += key;
        *sum.get_or_default()
    }

    #[operator(keyed, uid = "total")]
    fn second(key: u32, #[state(alias = ["amount", "sum"])] total: &mut Value<u32>) -> u32 {
        *total.get_or_default() += key;
        *total.get_or_default()
    }

    for backend in backends() {
        let job = |keys: Stream<u32>| keys.key_by(|key| key).apply(first());
        let mut harness = Harness::with_backend(job, 1, None, &backend);
        harness.push(7);
        let snapshot = harness.snapshot();
        let job = |keys: Stream<u32>| keys.key_by(|key| key).apply(second());
        let mut harness = Harness::with_backend(job, 2, Some(&snapshot), &backend);
        harness.push(7);
        assert_eq!(harness.output(), [14]);
    }
}

#[test]
fn a_key_of_another_type_is_refused() {
    let numbers = |keys: Stream<u32>| keys.key_by_owned(|key| *key).count().uid("count");
    let texts = |keys: Stream<u32>| keys.key_by_owned(|key| (*key, 0)).count().uid("count");
    for backend in backends() {
        let mut harness = Harness::with_backend(numbers, 1, None, &backend);
        harness.push(7);
        let refused = refused(texts, &harness.snapshot(), &backend);
        assert!(refused.contains("operator `count`") && refused.contains("a key"), "{refused}");
    }
}

#[test]
fn a_savepoint_writes_all_in_the_form_of_the_version_that_takes_it() {
    #[operator(keyed, uid = "total")]
    fn first(key: u32, #[state] sum: &mut Value<u32>) -> u32 {
        *sum.get_or_default() += key;
        *sum.get_or_default()
    }

    #[operator(keyed, uid = "total")]
    fn second(key: u32, #[state(alias = "sum")] total: &mut Value<u32>) -> u32 {
        *total.get_or_default() += key;
        *total.get_or_default()
    }

    #[operator(keyed, uid = "total")]
    fn third(key: u32, #[state] total: &mut Value<u32>) -> u32 {
        *total.get_or_default() += key;
        *total.get_or_default()
    }

    for backend in backends() {
        let job = |keys: Stream<u32>| keys.key_by(|key| key).apply(first());
        let mut harness = Harness::with_backend(job, 1, None, &backend);
        harness.push(7);
        let snapshot = harness.snapshot();
        let job = |keys: Stream<u32>| keys.key_by(|key| key).apply(second());
        // No record comes to the key.
        let savepoint = Harness::with_backend(job, 1, Some(&snapshot), &backend).savepoint();
        let job = |keys: Stream<u32>| keys.key_by(|key| key).apply(third());
        let mut harness = Harness::with_backend(job, 1, Some(&savepoint), &backend);
        harness.push(7);
        assert_eq!(harness.output(), [14], "on {backend:?}");
    }
}
