//! What annotated operators do in a running job: one test for each form.

use millstream::prelude::*;
use millstream::window::{ProcessWindow, TimeWindow, WindowStates};

/// Splits a line into words.
#[operator]
fn words(line: String) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Splits a line into words, lazily.
#[operator]
fn lazy_words(line: &str) -> impl Iterator<Item = String> {
    line.split(' ').map(str::to_owned)
}

/// Words of more than `limit` letters.
#[operator(filter)]
fn longer(word: &str, #[param] limit: usize) -> bool {
    word.len() > limit
}

/// The length of a word, unless it is listed.
#[operator]
fn length(word: String, #[param] except: &[String]) -> Option<usize> {
    (!except.contains(&word)).then_some(word.len())
}

#[operator]
fn parse(text: String) -> Result<i64> {
    Ok(text.parse()?)
}

const BAD: OutputTag<(String, String)> = OutputTag::new("bad");

#[operator(on_error = side_output(BAD))]
fn parse_or_tell(text: String) -> Result<i64, std::num::ParseIntError> {
    text.parse()
}

#[operator(on_error = skip, name = format!("parser {radix}"), parallelism = 1)]
fn parse_radix(text: &str, #[param] radix: u32) -> Result<Option<i64>> {
    Ok(Some(i64::from_str_radix(text, radix)?))
}

#[operator]
fn twice(value: i64, ctx: &mut Context<'_>, out: &mut Collector<(i64, usize)>) -> Result<()> {
    out.emit((value, ctx.subtask_index()));
    out.emit((value, ctx.subtask_index()));
    Ok(())
}

/// A generic operator.
#[operator]
fn same<T: Data>(value: T) -> T {
    value
}

/// Running count of each word.
#[operator(keyed)]
fn count(word: String, #[state] total: &mut Value<u64>, out: &mut Collector<(String, u64)>) {
    let value = 1;
    *total.get_or_default() += value;
    out.emit((word, *total.get_or_default()));
}

/// The first records of each key; kind inferred.
#[operator]
fn first<T: Data>(
    _value: &T,
    #[state(ttl = "1 day", ttl_update = on_read_and_write)] seen: &mut Value<u32>,
    #[param] limit: u32,
) -> bool {
    *seen.get_or_default() += 1;
    *seen.get_or_default() <= limit
}

fn mean() -> Mean {
    Mean
}

#[derive(Clone, Default)]
struct Mean;

impl Aggregate for Mean {
    type In = i64;
    type Acc = (i64, i64);
    type Out = i64;
    fn create(&self) -> (i64, i64) {
        (0, 0)
    }
    fn add(&self, acc: &mut (i64, i64), value: i64) {
        acc.0 += value;
        acc.1 += 1;
    }
    fn merge(&self, acc: &mut (i64, i64), other: (i64, i64)) {
        acc.0 += other.0;
        acc.1 += other.1;
    }
    fn result(&self, acc: &(i64, i64)) -> i64 {
        acc.0 / acc.1
    }
}

type Statistics = (i64, i64, i64, usize, u64);

/// All kinds of states, and the key from the context.
#[operator]
#[expect(clippy::too_many_arguments, reason = "one of each kind")]
fn statistics(
    value: i64,
    #[state(reduce = |a, b| a.max(b), alias = ["max", "top"])] highest: &mut Reducing<i64>,
    #[state(name = "mean of all")] mean: &mut Aggregating<Mean>,
    #[state(aggregate = mean(), ttl = lifetime)] mean_again: &mut Aggregating<Mean>,
    #[state] all: &mut List<i64>,
    #[state] counts: &mut Map<i64, u64>,
    #[param] lifetime: &Duration,
    ctx: &mut KeyedContext<'_, u8>,
) -> Result<Statistics> {
    assert_eq!(lifetime, &Duration::from_secs(3600));
    highest.add(value);
    mean.add(value);
    mean_again.add(value);
    all.push(value);
    let seen = counts.get(&value).copied().unwrap_or_default() + 1;
    counts.insert(value, seen);
    assert_eq!(mean.get(), mean_again.get());
    Ok((i64::from(*ctx.key()), *highest.get().expect("added"), mean.get().expect("added"), all.len(), seen))
}

fn lines(env: &Environment) -> millstream::stream::Stream<String> {
    env.from_collection(["a bb a".to_owned(), "a ccc".to_owned()])
}

#[test]
fn words_are_split_filtered_and_measured() {
    let env = Environment::new("test");
    let longer = longer(1);
    let lengths = lines(&env).apply(words()).apply(longer).apply(length(vec!["x".into()])).collect();
    env.execute().unwrap();
    assert_eq!(lengths.take(), [2, 3]);
}

#[test]
fn a_borrowed_line_gives_words_lazily() {
    let env = Environment::new("test");
    let out = lines(&env).apply(lazy_words()).apply(same()).collect();
    env.execute().unwrap();
    assert_eq!(out.take(), ["a", "bb", "a", "a", "ccc"]);
}

#[test]
fn a_failure_goes_where_the_annotation_says() {
    let texts = || ["1".to_owned(), "x".to_owned(), "3".to_owned()];
    let env = Environment::new("test");
    let parsed = env.from_collection(texts()).apply(parse_or_tell());
    let bad = parsed.side_output(BAD).collect();
    let good = parsed.apply(twice()).collect();
    let skipped = env.from_collection(texts()).uid("more").apply(parse_radix(16)).collect();
    env.execute().unwrap();
    assert_eq!(good.take(), [(1, 0), (1, 0), (3, 0), (3, 0)]);
    assert_eq!(bad.take()[0].0, "x");
    assert_eq!(skipped.take(), [1, 3]);

    let env = Environment::new("test");
    env.from_collection(texts()).apply(parse()).collect();
    let error = env.execute().unwrap_err().to_string();
    assert!(error.contains("operator `parse`"), "{error}");
}

#[test]
fn each_word_is_counted() {
    let env = Environment::new("test");
    let out = lines(&env).apply(words()).key_by(|word| word).apply(count()).collect();
    env.execute().unwrap();
    assert_eq!(out.take_sorted().last().unwrap(), &("ccc".to_owned(), 1));
}

#[test]
fn a_stateful_filter_keeps_the_first_of_each_key() {
    let env = Environment::new("test");
    let out = env.from_collection([1, 11, 21, 2]).key_by_owned(|n: &i64| n % 10).apply(first(2)).collect();
    env.execute().unwrap();
    assert_eq!(out.take_sorted(), [1, 2, 11]);
}

#[test]
fn all_kinds_of_states_work_side_by_side() {
    let env = Environment::new("test");
    let keyed = env.from_collection([4, 2, 4]).key_by_owned(|_: &i64| 7u8);
    let out = keyed.apply(statistics(Duration::from_secs(3600))).collect();
    env.execute().unwrap();
    assert_eq!(out.take(), [(7, 4, 4, 1, 1), (7, 4, 3, 2, 1), (7, 4, 3, 3, 2)]);
}

#[test]
fn the_annotated_function_itself_can_be_called() {
    assert_eq!(words::call("a b".to_owned()), ["a", "b"]);
    assert!(longer::call("long", 3));
    let mut total = Value::default();
    total.set(2);
    assert!(!first::call(&7, &mut Value::default(), 0));
}

#[test]
fn options_are_those_of_the_annotation() {
    let options = parse_radix(8).options;
    assert_eq!(options.name.as_deref(), Some("parser 8"));
    assert_eq!(options.parallelism, Some(1));
    assert_eq!(count().options.name.as_deref(), Some("count"));
}

/// No event of a user for a while.
#[derive(KeyedOperator)]
#[operator(uid = "quiet", parallelism = threads)]
struct Inactivity {
    #[state(ttl = lifetime)]
    last_seen: Value<Timestamp>,
    #[param]
    limit: Duration,
    #[param]
    lifetime: Duration,
    #[param]
    threads: usize,
    #[transient]
    opened: bool,
}

impl KeyedProcess for Inactivity {
    type Key = u32;
    type In = (u32, i64);
    type Out = (u32, Timestamp);

    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        self.opened = true;
        Ok(())
    }

    fn process(
        &mut self,
        (_, at): (u32, i64),
        ctx: &mut KeyedContext<'_, u32>,
        _out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        assert!(self.opened && self.threads == 1 && self.lifetime > Duration::ZERO);
        let at = Timestamp::from_millis(at);
        self.last_seen.set(at);
        ctx.set_event_timer(at.saturating_add(self.limit));
        Ok(())
    }

    fn on_timer(
        &mut self,
        at: Timestamp,
        ctx: &mut KeyedContext<'_, u32>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()> {
        let last_seen = *self.last_seen.get().expect("a timer has a record");
        if last_seen.saturating_add(self.limit) == at {
            out.emit((*ctx.key(), last_seen));
        }
        Ok(())
    }
}

/// A generic struct with states.
#[derive(KeyedOperator)]
struct Latest<T> {
    #[state]
    latest: Value<T>,
}

impl<T: Data> KeyedProcess for Latest<T> {
    type Key = u32;
    type In = T;
    type Out = Option<T>;

    fn process(&mut self, value: T, _ctx: &mut KeyedContext<'_, u32>, out: &mut Collector<Option<T>>) -> Result<()> {
        out.emit(self.latest.take());
        self.latest.set(value);
        Ok(())
    }
}

#[test]
fn a_struct_with_states_has_several_entry_points() {
    let env = Environment::new("test");
    let events = env
        .from_collection([(1, 0), (2, 50), (1, 80)])
        .watermarks(WatermarkStrategy::monotonous().timestamps(|event: &(u32, i64)| Timestamp::from_millis(event.1)));
    let operator = Inactivity::operator(Duration::from_millis(100), Duration::from_secs(60), 1);
    assert_eq!(operator.options.uid.as_deref(), Some("quiet"));
    let out = events.key_by(|event| &event.0).apply(operator).collect();
    env.execute().unwrap();
    let at = Timestamp::from_millis;
    assert_eq!(out.take_sorted(), [(1, at(80)), (2, at(50))]);
}

#[test]
fn a_generic_struct_with_states_keeps_them_apart_by_key() {
    let env = Environment::new("test");
    let out = env.from_collection([1, 2, 11]).key_by_owned(|n: &u32| n % 10).apply(Latest::operator()).collect();
    env.execute().unwrap();
    assert_eq!(out.take_sorted(), [None, None, Some(1)]);
}

#[test]
fn an_operator_can_stand_inside_a_function() {
    struct Local(i64);

    #[operator]
    fn local(value: i64) -> i64 {
        Local(value).0 + 1
    }

    let env = Environment::new("test");
    let local = env.from_collection([1]).apply(local()).collect();
    env.execute().unwrap();
    assert_eq!(local.take(), [2]);
}

type Click = (String, i64);

/// The clicks of each user and second.
#[derive(Clone)]
struct Clicks;

#[operator(key = click.0, window = tumbling("1 s"), allowed_lateness = "1 s", uid = "clicks", parallelism = 1)]
impl Aggregate for Clicks {
    type In = Click;
    type Acc = u64;
    type Out = u64;

    fn add(&self, acc: &mut u64, _click: Click) {
        *acc += 1;
    }

    fn merge(&self, acc: &mut u64, other: u64) {
        *acc += other;
    }

    fn result(&self, acc: &u64) -> u64 {
        *acc
    }
}

const LATE: OutputTag<Click> = OutputTag::new("late");

/// The latest click in each window, with the user and the window.
#[derive(Clone)]
struct Last {
    size: Duration,
}

#[operator(key = (click.0, click.1 % 2), window = tumbling(self.size), late = LATE, name = "last")]
impl Aggregate for Last {
    type In = Click;
    type Acc = i64;
    type Out = i64;

    fn create(&self) -> i64 {
        i64::MIN
    }

    fn add(&self, acc: &mut i64, click: Click) {
        self.merge(acc, click.1);
    }

    fn merge(&self, acc: &mut i64, other: i64) {
        *acc = other.max(*acc);
    }

    fn result(&self, acc: &i64) -> i64 {
        *acc
    }

    fn emit(
        &self,
        key: &(String, i64),
        window: &mut WindowContext<'_>,
        result: Self::Out,
        out: &mut Collector<(String, i64, i64)>,
    ) {
        assert_eq!(window.end(), window.start().saturating_add(self.size));
        out.emit((key.0.clone(), window.start().as_millis(), result));
    }
}

/// The later of two clicks.
#[operator(key = click.0.clone(), window = tumbling(size).offset("0"), trigger = event_time(), reduce)]
fn later(a: Click, b: Click, #[param] size: Duration) -> Click {
    assert_eq!(size, Duration::from_secs(1));
    if a.1 > b.1 { a } else { b }
}

/// All clicks of a user in a session.
#[operator(key = click.0, window = session("500 ms"))]
fn session(user: &str, window: &WindowContext<'_>, clicks: Vec<Click>, #[param] mark: &str) -> Result<Vec<String>> {
    let times: Vec<i64> = clicks.iter().map(|click| click.1).collect();
    Ok(vec![format!("{user}{mark} {times:?} {}", window.start().as_millis())])
}

/// The number of clicks of each two.
#[operator(key = click.0, window = global(), trigger = purging(count(2)))]
fn pairs(clicks: Vec<Click>, out: &mut Collector<usize>) {
    out.emit(clicks.len());
}

/// How many clicks of a user there were up to each window, and how often the window has fired.
#[operator(
    key = click.0,
    window = tumbling("1 s"),
    trigger = purging(timeout(count(2), "1 h")),
    evictor = count(10).after(),
)]
fn so_far(
    user: &str,
    clicks: Vec<Click>,
    #[state] total: &mut Value<usize>,
    #[window_state] fired: &mut Value<u64>,
    #[param] mark: char,
) -> Result<String> {
    *total.get_or_default() += clicks.len();
    *fired.get_or_default() += 1;
    Ok(format!("{user}{mark} {} {}", total.get_or_default(), fired.get_or_default()))
}

/// All clicks, whoever made them.
#[operator(window_all = tumbling("1 s"), trigger = continuous_event_time("250 ms"))]
fn all(window: &WindowContext<'_>, clicks: Vec<Click>) -> (i64, usize) {
    (window.start().as_millis(), clicks.len())
}

/// The latest click of all.
#[operator(window_all = count(4), evictor = delta(1000.0, |a: &Click, b: &Click| (b.1 - a.1) as f64), reduce)]
fn latest(a: Click, b: Click) -> Click {
    if a.1 > b.1 { a } else { b }
}

const UNLUCKY: OutputTag<((String, TimeWindow), String)> = OutputTag::new("unlucky");

/// Fails for those who clicked twice.
#[operator(key = click.0, window = tumbling("1 s"), on_error = side_output(UNLUCKY))]
fn once(user: &str, clicks: Vec<Click>) -> Result<String> {
    match clicks.len() {
        1 => Ok(user.to_owned()),
        more => Err(std::io::Error::other(format!("{more} clicks")).into()),
    }
}

/// The number of a user's window.
#[derive(Clone)]
struct Numbered;

#[operator(key = click.0, window = count(1))]
impl ProcessWindow<String> for Numbered {
    type In = Vec<Click>;
    type Out = (String, u64);
    type State = (Value<u64>,);

    fn states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("windows")]
    }

    fn process(
        &mut self,
        user: &String,
        _clicks: Vec<Click>,
        states: WindowStates<'_, Self::State, ()>,
        _window: &mut WindowContext<'_>,
        out: &mut Collector<(String, u64)>,
    ) -> Result<()> {
        *states.key.0.get_or_default() += 1;
        out.emit((user.clone(), *states.key.0.get_or_default()));
        Ok(())
    }
}

fn clicks(env: &Environment) -> Stream<Click> {
    let clicks = [("a", 100), ("b", 200), ("a", 300), ("a", 1100)];
    env.from_collection(clicks.map(|(user, at)| (user.to_owned(), at)))
        .watermarks(WatermarkStrategy::monotonous().timestamps(|click: &Click| Timestamp::from_millis(click.1)))
}

#[test]
fn an_annotated_aggregate_is_applied_as_it_is() {
    let env = Environment::new("test");
    let out = clicks(&env).apply(Clicks).collect();
    env.execute().unwrap();
    assert_eq!(out.take_sorted(), [1, 1, 2]);
}

#[test]
fn an_annotated_aggregate_may_emit_key_and_window() {
    let env = Environment::new("test");
    let last = clicks(&env).apply(Last { size: Duration::from_secs(1) });
    let late = last.side_output(LATE).collect();
    let out = last.collect();
    env.execute().unwrap();
    let expected =
        [("a", 0, 300), ("a", 1000, 1100), ("b", 0, 200)].map(|(user, start, at)| (user.to_owned(), start, at));
    assert_eq!(out.take_sorted(), expected);
    assert_eq!(late.take(), []);
}

#[test]
fn windows_are_reduced_or_seen_as_a_whole() {
    let env = Environment::new("test");
    let clicks = clicks(&env);
    let later = clicks.clone().apply(later(Duration::from_secs(1))).collect();
    let sessions = clicks.clone().apply(session("!".to_owned())).collect();
    let pairs = clicks.apply(pairs()).collect();
    env.execute().unwrap();
    let expected = [("a", 300), ("a", 1100), ("b", 200)].map(|(user, at)| (user.to_owned(), at));
    assert_eq!(later.take_sorted(), expected);
    assert_eq!(sessions.take_sorted(), ["a! [100, 300] 100", "a! [1100] 1100", "b! [200] 200"]);
    assert_eq!(pairs.take(), [2]);
}

#[test]
fn a_window_function_remembers_of_keys_and_of_windows() {
    let env = Environment::new("test");
    let clicks = clicks(&env);
    let numbered = clicks.clone().apply(Numbered).collect();
    let so_far = clicks.apply(so_far('!')).collect();
    env.execute().unwrap();
    assert_eq!(so_far.take_sorted(), ["a! 2 1"]);
    let expected = [("a", 1), ("a", 2), ("a", 3), ("b", 1)].map(|(user, number)| (user.to_owned(), number));
    assert_eq!(numbered.take_sorted(), expected);
}

#[test]
fn a_stream_as_a_whole_is_cut_into_windows() {
    let env = Environment::new("test");
    let clicks = clicks(&env);
    let all = clicks.clone().apply(all()).collect();
    let latest = clicks.apply(latest()).collect();
    env.execute().unwrap();
    // At the end of the input, each interval up to the end of the window counts.
    let all = all.take();
    assert_eq!((all.first(), all.last()), (Some(&(0, 3)), Some(&(1000, 1))));
    assert_eq!(latest.take(), [("a".to_owned(), 1100)]);
}

#[test]
fn a_window_whose_function_fails_goes_where_the_annotation_says() {
    let env = Environment::new("test");
    let once = clicks(&env).apply(once());
    let unlucky = once.side_output(UNLUCKY).map(|((user, window), error)| (user, window.start(), error)).collect();
    let once = once.collect();
    env.execute().unwrap();
    assert_eq!(once.take_sorted(), ["a", "b"]);
    assert_eq!(unlucky.take(), [("a".to_owned(), Timestamp::from_millis(0), "2 clicks".to_owned())]);
}

const UNPAID: OutputTag<((String, i64), String)> = OutputTag::new("unpaid");

/// What is left to pay, as often as the order says.
#[operator(join, on_error = side_output(UNPAID))]
fn left_to_pay(order: &str, payment: &i64, #[param] tip: i64) -> Result<Vec<i64>> {
    let price: i64 = order.parse()?;
    Ok(vec![price + tip - payment; 2])
}

#[test]
fn a_function_of_pairs_may_fail_and_gives_any_number_of_results() {
    use millstream::join::Offset::After;

    let env = Environment::new("pairs");
    let orders = WatermarkStrategy::monotonous().timestamps(|_: &String| Timestamp::from_millis(10));
    let payments = WatermarkStrategy::monotonous().timestamps(|_: &i64| Timestamp::from_millis(20));
    let orders = env.from_collection(["9", "much"].map(str::to_owned)).watermarks(orders).key_by_owned(|_| ());
    let payments = env.from_collection([4i64]).watermarks(payments).key_by_owned(|_| ());
    let join = orders.interval_join(payments).between(After(Duration::ZERO), After(Duration::from_millis(10)));
    let left = join.apply_operator(left_to_pay(1));
    let unpaid = left.side_output(UNPAID).map(|((order, _), error)| format!("{order}: {error}")).collect();
    let left = left.collect();
    env.execute().unwrap();
    assert_eq!(left.take(), [6, 6]);
    assert_eq!(unpaid.take(), ["much: invalid digit found in string"]);
}
