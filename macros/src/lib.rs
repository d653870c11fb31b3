//! The annotations of Millstream, for users of the crate `millstream`, which exports them.
//!
//! An annotation only names types, implements a trait and forwards: whatever it makes can be written by hand, and the
//! documentation of each shows how. What is wrong is said all at once, each on the word that is wrong, with what is
//! allowed and what to write instead; the rest of the program is checked as if the annotation were right.
//!
//! Each macro is a pipeline: `parse` (tokens to syntax), `model` (the rules; afterwards nothing is left to check),
//! `expand` (to tokens, cannot fail). `attribute` parses the arguments of all of them, `diagnostics` collects the
//! errors. Generated code names everything by absolute paths, and its variables cannot clash with the user's.

mod asynchronous;
mod attribute;
mod cep;
mod diagnostics;
mod duration;
mod entry;
mod keyed_operator;
mod operator;
mod options;
mod pattern;
mod state;
mod types;
mod windowed;

use proc_macro::TokenStream;

/// Makes an operator of a function, or a windowed operator of an `impl Aggregate`.
///
/// # Functions
///
/// The function becomes a constructor of the same name, whose arguments are the parameters marked with `#[param]`. A
/// type of that name is the operator itself, and `name::call` the function as it was written, for unit tests.
///
/// ```
/// use millstream::prelude::*;
///
/// /// Splits a line into words.
/// #[operator]
/// fn words(line: String) -> Vec<String> {
///     line.split(' ').map(str::to_owned).collect()
/// }
///
/// /// Words of more than `limit` letters.
/// #[operator(filter)]
/// fn longer(word: &str, #[param] limit: usize) -> bool {
///     word.len() > limit
/// }
///
/// let env = Environment::new("example");
/// let out = env.from_collection(["a rose is".to_owned()]).apply(words()).apply(longer(1)).collect();
/// env.execute()?;
/// assert_eq!(out.take(), ["rose", "is"]);
/// assert!(longer::call("rose", 3));
/// # Ok::<(), millstream::JobError>(())
/// ```
///
/// By hand, `longer` is this:
///
/// ```
/// use millstream::operator::{Annotated, OperatorOptions};
/// use millstream::prelude::*;
///
/// #[derive(Clone)]
/// struct Longer {
///     limit: usize,
/// }
///
/// impl Process for Longer {
///     type In = String;
///     type Out = String;
///     fn process(&mut self, word: String, _ctx: &mut Context<'_>, out: &mut Collector<String>) -> Result<()> {
///         if word.len() > self.limit {
///             out.emit(word);
///         }
///         Ok(())
///     }
/// }
///
/// fn longer(limit: usize) -> Annotated<Longer, String> {
///     Annotated { operator: Longer { limit }, options: OperatorOptions::named("longer") }
/// }
/// # let _ = longer(1);
/// ```
///
/// ## Kinds
///
/// The signature says what kind of operator it is; `#[operator(map)]`, `filter`, `flat_map`, `process` and `keyed` say
/// so where it leaves a choice.
///
/// | signature | kind |
/// |---|---|
/// | `fn f(x: T) -> U` | map |
/// | `fn f(x: T) -> Vec<U>`, `Option<U>`, `impl Iterator<Item = U>` | flat_map (of anything iterable, if named) |
/// | `fn f(x: &T) -> bool` | filter |
/// | `fn f(x: T, out: &mut Collector<U>)` | process |
/// | any of these with `#[state] s: &mut ListState<S>` | the same, with a state of the subtask |
/// | any of these with `#[state] s: &mut Value<S>` or `ctx: &mut KeyedContext<'_, K>` | the same, keyed |
/// | `async fn f(x: T) -> U`, or any of the first three | the same, asynchronous |
/// | `#[operator(key = .., window = .., reduce)] fn f(a: T, b: T) -> T` | reduce of a window |
/// | `#[operator(key = .., window = ..)] fn f(key: &K, window: &WindowContext<'_>, values: Vec<T>, ..)` | all of a window |
/// | `#[operator(cep, key = ..)] fn f(found: P, ..)` | matches of a pattern |
///
/// * The record may be taken as `&T`; a `&str` is lent from records of type `String`, a `&[T]` from `Vec<T>`.
/// * What is returned may be wrapped into a `Result`; a collector goes with `Result<()>`.
/// * `ctx: &mut Context<'_>` may be added to any; to an `async fn`, `ctx: &AsyncContext`.
/// * `#[param] p: P` is cloned for each record; `#[param] p: &P` is lent.
/// * A macro sees names, not types: write `Vec`, `Result` and so on, not an alias of them.
///
/// ## States
///
/// A keyed operator declares its states as parameters; each call gets those of the record's key.
///
/// ```
/// use millstream::prelude::*;
///
/// /// Running count of each word, up to a limit.
/// #[operator]
/// fn count(word: String, #[state(ttl = "1 day")] total: &mut Value<u64>, #[param] limit: u64) -> Option<(String, u64)> {
///     *total.get_or_default() += 1;
///     let total = *total.get_or_default();
///     (total <= limit).then_some((word, total))
/// }
///
/// let env = Environment::new("example");
/// let out = env.from_collection(["a"; 3].map(str::to_owned)).key_by(|word| word).apply(count(2)).collect();
/// env.execute()?;
/// assert_eq!(out.take(), [("a".to_owned(), 1), ("a".to_owned(), 2)]);
/// # Ok::<(), millstream::JobError>(())
/// ```
///
/// By hand:
///
/// ```
/// use millstream::operator::{Annotated, OperatorOptions};
/// use millstream::prelude::*;
///
/// #[derive(Clone)]
/// struct Count {
///     limit: u64,
/// }
///
/// impl<K: Key> KeyedOperator<K> for Count {
///     type In = String;
///     type Out = (String, u64);
///     type State = (Value<u64>,);
///
///     fn states(&self) -> Vec<StateSpec> {
///         vec![StateSpec::new("total").ttl(Ttl::new(Duration::from_secs(86_400)))]
///     }
///
///     fn new_state(&self) -> Self::State {
///         (Value::default(),)
///     }
///
///     fn process(
///         &mut self,
///         word: String,
///         (total,): &mut Self::State,
///         _ctx: &mut KeyedContext<'_, K>,
///         out: &mut Collector<(String, u64)>,
///     ) -> Result<()> {
///         *total.get_or_default() += 1;
///         let total = *total.get_or_default();
///         out.extend((total <= self.limit).then_some((word, total)));
///         Ok(())
///     }
/// }
///
/// fn count(limit: u64) -> Annotated<Count, String> {
///     Annotated { operator: Count { limit }, options: OperatorOptions::named("count") }
/// }
/// # let _ = count(1);
/// ```
///
/// A state of keys is a `Value<T>`, `List<T>`, `Map<K, V>`, `Reducing<T>` or `Aggregating<A>`. What a subtask remembers
/// beside keys is a `ListState<T>`, `UnionList<T>` or `BroadcastState<K, V>`, which operators on unkeyed streams have, too:
///
/// ```
/// use millstream::prelude::*;
///
/// /// What its subtask has not seen before.
/// #[operator]
/// fn dedup(line: String, #[state] seen: &mut ListState<String>) -> Option<String> {
///     let is_new = !seen.contains(&line);
///     is_new.then(|| seen.push(line.clone()));
///     is_new.then_some(line)
/// }
///
/// let env = Environment::new("example");
/// let out = env.from_collection(["a", "b", "a"].map(str::to_owned)).apply(dedup()).collect();
/// env.execute()?;
/// assert_eq!(out.take(), ["a", "b"]);
/// # Ok::<(), millstream::JobError>(())
/// ```
///
/// By hand it is a `Process` that names its states by `operator_states`.
///
/// `#[state(..)]` may say:
///
/// | argument | meaning |
/// |---|---|
/// | `name = "total"` | its name in snapshots; the parameter's, unless given |
/// | `alias = "old"`, `alias = ["older", "oldest"]` | names that it had before |
/// | `ttl = "1 day"` | it is forgotten so long after it was last used; a `Duration` or a `Ttl`, which says when it is removed |
/// | `ttl_update = on_read_and_write` | what counts as use; `on_create_and_write`, unless given; by `disabled` it lives forever |
/// | `ttl_visibility = until_cleaned_up` | it may be seen until it is removed; `never_return_expired`, unless given |
/// | `reduce = \|a, b\| a + b` | for `Reducing`: how two values become one |
/// | `aggregate = Mean` | for `Aggregating`: the aggregate; its default, unless given |
///
/// # Two streams
///
/// A function that takes `Either<L, R>` is an operator on two connected streams, keyed or not, like any other on one.
/// `connect` and `broadcast` say so; both may be left out.
///
/// ```
/// use millstream::prelude::*;
///
/// /// Payments with the name of the account, once it is known.
/// #[operator(connect)]
/// fn named(
///     of: Either<(u64, String), (u64, i64)>,
///     #[state] name: &mut Value<String>,
/// ) -> Option<(String, i64)> {
///     match of {
///         Either::Left((_, known)) => name.set(known),
///         Either::Right((_, amount)) => return name.get().map(|name| (name.clone(), amount)),
///     }
///     None
/// }
///
/// # fn job(accounts: Stream<(u64, String)>, payments: Stream<(u64, i64)>) -> Stream<(String, i64)> {
/// accounts.key_by(|account| &account.0).connect(payments.key_by(|payment| &payment.0)).apply(named())
/// # }
/// # let _ = job;
/// ```
///
/// By hand it is a `KeyedOperator` (without states of keys, a `Process`) whose `In` is `Either<L, R>`. With timers, or a
/// function for each stream, it is a struct: see [`derive@KeyedOperator`].
///
/// # Asynchronous functions
///
/// An `async fn` waits for something outside, and other records go on meanwhile. What is in flight is bounded and part of the
/// snapshot; timeouts and retries are counted by the engine. A client that all calls share is a `#[param]` that is lent.
///
/// ```
/// use millstream::prelude::*;
/// use std::collections::HashMap;
/// use std::sync::Arc;
///
/// #[derive(Clone)]
/// struct Client(Arc<HashMap<u64, String>>);
///
/// impl Client {
///     async fn name(&self, user: u64) -> Result<String> {
///         self.0.get(&user).cloned().ok_or_else(|| anyhow::anyhow!("there is no user {user}"))
///     }
/// }
///
/// #[operator(timeout = "1 s", retry = fixed_delay(3, "1 ms"), on_error = skip)]
/// async fn lookup(user: u64, #[param] client: &Client) -> Result<(u64, String)> {
///     Ok((user, client.name(user).await?))
/// }
///
/// let client = Client(Arc::new(HashMap::from([(1, "Ada".to_owned())])));
/// let env = Environment::new("example");
/// let out = env.from_collection([1, 2]).apply(lookup(client)).collect();
/// env.execute()?;
/// assert_eq!(out.take(), [(1, "Ada".to_owned())]);
/// # Ok::<(), millstream::JobError>(())
/// ```
///
/// By hand it is an `AsyncFunction`, which may also open its client by itself, applied by `Stream::process_async`.
///
/// | argument of an `async fn` | meaning |
/// |---|---|
/// | `order = unordered` | results are handed on as they come, and overtake each other between two watermarks only; `ordered`, unless given |
/// | `capacity = 100` | how many records of each subtask may be in flight; 100, unless given |
/// | `timeout = "1 s"` | how long a record may take, retries included; for ever, unless given |
/// | `timed_out = \|user\| Profile::unknown(user)` | what a record becomes whose time is over: a function of the record to what the `async fn` returns, without `Result`; an error, unless given |
/// | `retry = fixed_delay(3, "100 ms")` | also `exponential_backoff(5, "100 ms", "10 s")`, with settings such as `.if_error(is_transient)`, or any expression |
///
/// # Windows
///
/// An `impl Aggregate` with a key and a window makes the type itself an operator. `create` may be left out if the
/// accumulator has a default. The results are those of `result`; a function `emit`, if there is one, makes results of the
/// key, the window and what `result` gives.
///
/// ```
/// use millstream::prelude::*;
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// struct Click {
///     user: String,
///     at: Timestamp,
/// }
///
/// /// The clicks of each user and minute.
/// #[derive(Clone)]
/// struct Clicks;
///
/// #[operator(key = click.user, window = tumbling("1 min"), allowed_lateness = "10 s")]
/// impl Aggregate for Clicks {
///     type In = Click;
///     type Acc = u64;
///     type Out = u64;
///     fn add(&self, count: &mut u64, _click: Click) {
///         *count += 1;
///     }
///     fn merge(&self, count: &mut u64, other: u64) {
///         *count += other;
///     }
///     fn result(&self, count: &u64) -> u64 {
///         *count
///     }
///     fn emit(&self, user: &str, window: &WindowContext<'_>, count: u64, out: &mut Collector<(String, Timestamp, u64)>) {
///         out.emit((user.to_owned(), window.start(), count));
///     }
/// }
///
/// # let env = Environment::new("example");
/// # let clicks = env.from_collection([Click { user: "a".into(), at: Timestamp::from_millis(1) }])
/// #     .watermarks(WatermarkStrategy::monotonous().timestamps(|click: &Click| click.at));
/// let counts = clicks.apply(Clicks).collect();
/// # env.execute()?;
/// assert_eq!(counts.take(), [("a".to_owned(), Timestamp::from_millis(0), 1)]);
/// # Ok::<(), millstream::JobError>(())
/// ```
///
/// By hand, `.apply(Clicks)` is this, after an ordinary `impl Aggregate` with `create`:
///
/// ```
/// # use millstream::prelude::*;
/// # use millstream::window::Tumbling;
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// # struct Click { user: String, at: Timestamp }
/// # #[derive(Clone)]
/// # struct Clicks;
/// # impl Aggregate for Clicks {
/// #     type In = Click;
/// #     type Acc = u64;
/// #     type Out = u64;
/// #     fn create(&self) -> u64 { 0 }
/// #     fn add(&self, count: &mut u64, _click: Click) { *count += 1; }
/// #     fn merge(&self, count: &mut u64, other: u64) { *count += other; }
/// #     fn result(&self, count: &u64) -> u64 { *count }
/// # }
/// # fn by_hand(clicks: Stream<Click>) -> Stream<(String, Timestamp, u64)> {
/// clicks
///     .key_by(|click: &Click| &click.user)
///     .window(Tumbling::of(Duration::from_secs(60)))
///     .allowed_lateness(Duration::from_secs(10))
///     .aggregate_with(Clicks, |user, window, count, out: &mut Collector<(String, Timestamp, u64)>| {
///         out.emit((user.clone(), window.start(), count));
///     })
///     .name("Clicks")
/// # }
/// ```
///
/// A function over all of a window's records may remember something: of the key, `#[state]`, and of the key in the window
/// from one firing to the next, `#[window_state]`. Both are written as for keyed operators. Windows that merge, such as
/// sessions, have no states of windows.
///
/// ```
/// use millstream::prelude::*;
///
/// /// The sum of a key's amounts in each ten seconds, and in all so far.
/// #[operator(key = amount.0, window = tumbling("10 s"))]
/// fn sums(key: &str, amounts: Vec<(String, i64)>, #[state] total: &mut Value<i64>) -> (String, i64, i64) {
///     let sum = amounts.iter().map(|amount| amount.1).sum();
///     *total.get_or_default() += sum;
///     (key.to_owned(), sum, *total.get_or_default())
/// }
///
/// # let env = Environment::new("example");
/// # let amounts = env.from_collection([("a".to_owned(), 1000), ("a".to_owned(), 11_000)])
/// #     .watermarks(WatermarkStrategy::monotonous().timestamps(|a: &(String, i64)| Timestamp::from_millis(a.1)));
/// let sums = amounts.apply(sums()).collect();
/// # env.execute()?;
/// assert_eq!(sums.take(), [("a".to_owned(), 1000, 1000), ("a".to_owned(), 11_000, 12_000)]);
/// # Ok::<(), millstream::JobError>(())
/// ```
///
/// By hand it is a [`ProcessWindow`], given to `.process_window(..)`. An `impl ProcessWindow` may be annotated, too, and then
/// leave out the rows of states that it has none of, and the functions that make rows which are empty by default:
///
/// ```
/// use millstream::prelude::*;
/// use millstream::window::{ProcessWindow, WindowStates};
///
/// #[derive(Clone)]
/// struct Sums;
///
/// #[operator(key = amount.0, window = tumbling("10 s"))]
/// impl ProcessWindow<String> for Sums {
///     type In = Vec<(String, i64)>;
///     type Out = (String, i64, i64);
///     type State = (Value<i64>,);
///
///     fn states(&self) -> Vec<StateSpec> {
///         vec![StateSpec::new("total")]
///     }
///
///     fn process(
///         &mut self,
///         key: &String,
///         amounts: Self::In,
///         states: WindowStates<'_, Self::State, ()>,
///         _window: &mut WindowContext<'_>,
///         out: &mut Collector<Self::Out>,
///     ) -> Result<()> {
///         let sum = amounts.iter().map(|amount| amount.1).sum();
///         let total = states.key.0.get_or_default();
///         *total += sum;
///         out.emit((key.clone(), sum, *total));
///         Ok(())
///     }
/// }
/// # fn apply(amounts: Stream<(String, i64)>) -> Stream<(String, i64, i64)> {
/// amounts.apply(Sums)
/// # }
/// ```
///
/// [`ProcessWindow`]: https://docs.rs/millstream/latest/millstream/window/trait.ProcessWindow.html
///
/// Arguments of windowed operators, where an impl may say `self.field`:
///
/// | argument | meaning |
/// |---|---|
/// | `key = click.user` | the first name stands for the record; a field is borrowed, anything else computed. Or a closure. |
/// | `window = tumbling("1 min")` | also `sliding("1 min", "10 s")`, `session("30 s")`, `count(100)`, `global()`, with settings such as `.offset("15 min")` or `.processing_time()`; or any expression |
/// | `window_all = tumbling("1 min")` | in place of `key` and `window`: windows of the stream as a whole, in one subtask; the key is then `()` |
/// | `trigger = count(100)` | also `purging(count(100))`, `event_time()`, `processing_time()`, `continuous_event_time("10 s")`, `continuous_processing_time("10 s")`, `delta(5.0, distance)`, `timeout(count(100), "10 s")`, with settings such as `.reset_on_record()`; or any expression |
/// | `evictor = count(100)` | also `time("1 min")`, `delta(5.0, distance)`, with `.after()` if it is to follow the function; or any expression |
/// | `allowed_lateness = "10 s"` | how long a window is kept after it has fired |
/// | `late = TAG` | the side output that takes records which come later still |
/// | `reduce` | the function makes one record of two |
/// | `on_error = skip` | what becomes of a window for which the function fails: as below, with an `OutputTag<((K, TimeWindow), String)>` |
///
/// # Patterns
///
/// With `cep`, a function takes the matches of a pattern, which is a struct that derives [`macro@Pattern`]. The operator is applied
/// to a stream, if there is a `key`, else to one that is keyed.
///
/// ```
/// use millstream::prelude::*;
///
/// /// A small number, and a large one soon after it.
/// #[derive(Pattern)]
/// #[pattern(event = i64, within = "1 s")]
/// struct Jump {
///     #[begin(filter = |n| *n < 10)]
///     small: i64,
///     #[next(filter = |n| *n > 100)]
///     large: i64,
/// }
///
/// /// Jumps by more than a limit.
/// #[operator(cep)]
/// fn jumps(found: Jump, #[param] limit: i64, ctx: &mut PatternContext<'_, u8>, out: &mut Collector<(u8, i64)>) {
///     let height = found.large - found.small;
///     if height > limit {
///         out.emit((*ctx.key(), height));
///     }
/// }
///
/// # fn job(numbers: KeyedStream<u8, i64>) -> Stream<(u8, i64)> {
/// numbers.apply(jumps(500))
/// # }
/// # let _ = job;
/// ```
///
/// By hand, `jumps` is this:
///
/// ```
/// use millstream::cep::{Match, PatternOperator, PatternProcess, TypedPattern};
/// use millstream::operator::OperatorOptions;
/// use millstream::prelude::*;
/// # #[derive(Pattern)]
/// # #[pattern(event = i64)]
/// # struct Jump {
/// #     #[begin]
/// #     small: i64,
/// #     #[next]
/// #     large: i64,
/// # }
///
/// #[derive(Clone)]
/// struct Jumps {
///     limit: i64,
/// }
///
/// impl PatternProcess<u8, i64> for Jumps {
///     type Out = (u8, i64);
///
///     fn process(
///         &mut self,
///         mut found: Match<i64>,
///         ctx: &mut PatternContext<'_, u8>,
///         out: &mut Collector<(u8, i64)>,
///     ) -> Result<()> {
///         let found = Jump::from_match(&mut found)?;
///         let height = found.large - found.small;
///         if height > self.limit {
///             out.emit((*ctx.key(), height));
///         }
///         Ok(())
///     }
/// }
///
/// fn jumps(limit: i64) -> PatternOperator<Jumps, Jump> {
///     PatternOperator::new(Jumps { limit }, OperatorOptions::named("jumps"))
/// }
/// # let _ = jumps(1);
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `key = event.user` | as for windows; may be left out |
/// | `late = TAG` | the side output that takes events which come after the watermark |
/// | `timed_out = TAG` | the side output that takes what partial matches hold when their time is over, an `OutputTag<Match<T>>` |
/// | `order = by_number` | in which order events of equal times are taken: a function or closure from two events to an `Ordering` |
/// | `processing_time` | events are taken as they come, and limits of time are by the clock |
/// | `on_error = skip` | what becomes of a match for which the function fails: as below, with an `OutputTag<(Match<T>, String)>` |
///
/// # Arguments of operators on two streams
///
/// | argument | meaning |
/// |---|---|
/// | `connect` | it takes `Either<L, R>` of two connected streams |
/// | `broadcast` | it takes `Either<T, B>` of a stream and a broadcast, and so has no states of keys |
///
/// # Arguments of all operators
///
/// Values are expressions, and may name a `#[param]` (as the constructor takes it). Durations are text, parsed when the
/// job is compiled, or expressions.
///
/// | argument | meaning |
/// |---|---|
/// | `name = "counter"` | what logs, metrics and plans call it; the function's or type's name, unless given |
/// | `uid = "count-1"` | what its state is filed under in snapshots; the name, unless given |
/// | `parallelism = 4` | how many subtasks it has; the job's parallelism, unless given |
/// | `on_error = skip` | what becomes of a record for which it fails: `fail` (the job, the default), `skip` or `side_output(TAG)`, with an `OutputTag<(T, String)>` |
/// | `blocking`, `blocking = 16` | it may block: so many records at a time wait for it elsewhere; not with keys, states or windows |
#[proc_macro_attribute]
pub fn operator(arguments: TokenStream, item: TokenStream) -> TokenStream {
    operator::operator(arguments.into(), item.into()).into()
}

/// Makes a keyed operator of a struct with states, which says what it does by `impl KeyedProcess`.
///
/// Each field is marked: `#[state]` (kept for each key, with the arguments that `#[operator]` describes), `#[param]` (an
/// argument of the constructor, `Name::operator(..)`) or `#[transient]` (made by `Default` in each subtask, in no
/// snapshot). `#[operator(uid = .., name = .., parallelism = .., on_error = ..)]` on the struct says more, and with `connect`
/// or `broadcast` that it is an operator on two streams.
///
/// The struct gets an `impl Clone`, since each subtask works on a clone; do not derive it.
///
/// ```
/// use millstream::prelude::*;
///
/// /// No event of a user for a while.
/// #[derive(KeyedOperator)]
/// #[operator(uid = "inactivity")]
/// struct Inactivity {
///     #[state(ttl = "1 day")]
///     last_seen: Value<Timestamp>,
///     #[param]
///     limit: Duration,
/// }
///
/// impl KeyedProcess for Inactivity {
///     type Key = String;
///     type In = (String, Timestamp);
///     type Out = String;
///
///     fn process(
///         &mut self,
///         (_, at): (String, Timestamp),
///         ctx: &mut KeyedContext<'_, String>,
///         _out: &mut Collector<String>,
///     ) -> Result<()> {
///         self.last_seen.set(at);
///         ctx.set_event_timer(at.saturating_add(self.limit));
///         Ok(())
///     }
///
///     fn on_timer(
///         &mut self,
///         at: Timestamp,
///         ctx: &mut KeyedContext<'_, String>,
///         out: &mut Collector<String>,
///     ) -> Result<()> {
///         if self.last_seen.get().is_some_and(|seen| seen.saturating_add(self.limit) == at) {
///             out.emit(ctx.key().clone());
///         }
///         Ok(())
///     }
/// }
///
/// let env = Environment::new("example");
/// let events = [("a", 0), ("b", 5), ("a", 9)].map(|(user, at)| (user.to_owned(), Timestamp::from_millis(at)));
/// let quiet = env
///     .from_collection(events)
///     .watermarks(WatermarkStrategy::monotonous().timestamps(|event: &(String, Timestamp)| event.1))
///     .key_by(|event| &event.0)
///     .apply(Inactivity::operator(Duration::from_millis(10)))
///     .collect();
/// env.execute()?;
/// assert_eq!(quiet.take_sorted(), ["a", "b"]);
/// # Ok::<(), millstream::JobError>(())
/// ```
///
/// By hand it is a [`KeyedOperator`] whose functions take the states of the key as an argument:
///
/// ```
/// use millstream::operator::{Annotated, OperatorOptions};
/// use millstream::prelude::*;
///
/// #[derive(Clone)]
/// struct Inactivity {
///     limit: Duration,
/// }
///
/// impl KeyedOperator<String> for Inactivity {
///     type In = (String, Timestamp);
///     type Out = String;
///     type State = (Value<Timestamp>,);
///
///     fn states(&self) -> Vec<StateSpec> {
///         vec![StateSpec::new("last_seen").ttl(Ttl::new(Duration::from_secs(86_400)))]
///     }
///
///     fn new_state(&self) -> Self::State {
///         (Value::default(),)
///     }
///
///     fn process(
///         &mut self,
///         (_, at): (String, Timestamp),
///         (last_seen,): &mut Self::State,
///         ctx: &mut KeyedContext<'_, String>,
///         _out: &mut Collector<String>,
///     ) -> Result<()> {
///         last_seen.set(at);
///         ctx.set_event_timer(at.saturating_add(self.limit));
///         Ok(())
///     }
///
///     // `on_timer` likewise.
/// }
///
/// impl Inactivity {
///     fn operator(limit: Duration) -> Annotated<Self, (String, Timestamp)> {
///         Annotated { operator: Self { limit }, options: OperatorOptions::named("Inactivity").uid("inactivity") }
///     }
/// }
/// # let _ = Inactivity::operator(Duration::ZERO);
/// ```
///
/// # Two streams
///
/// With `#[operator(connect)]` the struct is an operator on two streams with the same keys, which says what it does by
/// `impl KeyedCoProcess`, with a function for each; states and timers belong to the key, whichever stream a record is of.
///
/// ```
/// use millstream::prelude::*;
///
/// /// Orders that have not been paid for a while.
/// #[derive(KeyedOperator)]
/// #[operator(connect)]
/// struct Unpaid {
///     #[state]
///     due: Value<Timestamp>,
///     #[param]
///     patience: Duration,
/// }
///
/// impl KeyedCoProcess for Unpaid {
///     type Key = u64;
///     type Left = (u64, Timestamp);
///     type Right = u64;
///     type Out = u64;
///
///     fn process_left(
///         &mut self,
///         (_, ordered): (u64, Timestamp),
///         ctx: &mut KeyedContext<'_, u64>,
///         _out: &mut Collector<u64>,
///     ) -> Result<()> {
///         let due = ordered.saturating_add(self.patience);
///         self.due.set(due);
///         ctx.set_event_timer(due);
///         Ok(())
///     }
///
///     fn process_right(&mut self, _: u64, ctx: &mut KeyedContext<'_, u64>, _: &mut Collector<u64>) -> Result<()> {
///         self.due.take().into_iter().for_each(|due| ctx.delete_event_timer(due));
///         Ok(())
///     }
///
///     fn on_timer(&mut self, _: Timestamp, ctx: &mut KeyedContext<'_, u64>, out: &mut Collector<u64>) -> Result<()> {
///         out.emit(*ctx.key());
///         Ok(())
///     }
/// }
///
/// # fn job(orders: Stream<(u64, Timestamp)>, payments: Stream<u64>) -> Stream<u64> {
/// let unpaid = Unpaid::operator(Duration::from_secs(3600));
/// orders.key_by(|order| &order.0).connect(payments.key_by(|number| number)).apply(unpaid)
/// # }
/// # let _ = job;
/// ```
///
/// By hand it is a [`KeyedOperator`] whose `In` is `Either<Left, Right>`, and whose `process` tells the two apart.
///
/// # A stream and a broadcast
///
/// With `#[operator(broadcast)]` the struct is an operator on a keyed stream and one that all subtasks see, and says what it
/// does by `impl KeyedBroadcastProcess`. What the subtasks have been told is lent to its functions, and only the one for the
/// broadcast may change it.
///
/// ```
/// use millstream::prelude::*;
///
/// /// Readings above the limit of their kind, and how often that was so for the sensor.
/// #[derive(KeyedOperator)]
/// #[operator(broadcast)]
/// struct Above {
///     #[state]
///     times: Value<u64>,
/// }
///
/// impl KeyedBroadcastProcess for Above {
///     type Key = u64;
///     type In = (u64, char, f64);
///     type Broadcast = (char, f64);
///     type Shared = BroadcastState<char, f64>;
///     type Out = (u64, u64);
///
///     fn process(
///         &mut self,
///         (sensor, kind, reading): (u64, char, f64),
///         limits: &Self::Shared,
///         _ctx: &mut KeyedContext<'_, u64>,
///         out: &mut Collector<(u64, u64)>,
///     ) -> Result<()> {
///         if limits.get(&kind).is_some_and(|limit| reading > *limit) {
///             *self.times.get_or_default() += 1;
///             out.emit((sensor, *self.times.get_or_default()));
///         }
///         Ok(())
///     }
///
///     fn process_broadcast(
///         &mut self,
///         (kind, limit): (char, f64),
///         limits: &mut Self::Shared,
///         _ctx: &mut BroadcastContext<'_>,
///         _out: &mut Collector<(u64, u64)>,
///     ) -> Result<()> {
///         limits.insert(kind, limit);
///         Ok(())
///     }
/// }
///
/// # fn job(readings: Stream<(u64, char, f64)>, limits: Stream<(char, f64)>) -> Stream<(u64, u64)> {
/// readings.key_by(|reading| &reading.0).connect_broadcast(limits).apply(Above::operator())
/// # }
/// # let _ = job;
/// ```
///
/// By hand it is a `KeyedBroadcastOperator` whose functions take the states of the key as an argument, too.
///
/// [`KeyedOperator`]: https://docs.rs/millstream/latest/millstream/operator/trait.KeyedOperator.html
#[proc_macro_derive(KeyedOperator, attributes(operator, state, param, transient))]
pub fn keyed_operator(input: TokenStream) -> TokenStream {
    keyed_operator::keyed_operator(input.into()).into()
}

/// Makes a pattern of a struct whose fields are the stages, in order: a match is a value of it.
///
/// Each field is marked with how its stage follows the one before: `#[begin(..)]` for the first, then `#[next(..)]`,
/// `#[followed_by(..)]`, `#[followed_by_any(..)]`, or, for what is not to be, `#[not_next(..)]` and `#[not_followed_by(..)]`.
/// They are methods of the builder, [`cep::Pattern`], which says what they mean.
///
/// ```
/// use millstream::prelude::*;
///
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// enum Event {
///     Login { user: String },
///     Logout { user: String },
///     Purchase { user: String, price: u64 },
/// }
///
/// impl Event {
///     fn user(&self) -> &String {
///         match self {
///             Self::Login { user } | Self::Logout { user } | Self::Purchase { user, .. } => user,
///         }
///     }
/// }
///
/// /// Purchases within ten minutes of a login, before the logout.
/// #[derive(Pattern)]
/// #[pattern(event = Event, within = "10 min", after_match = skip_past_last)]
/// struct LoginThenPurchases {
///     #[begin(variant = Event::Login)]
///     login: Event,
///     #[followed_by(variant = Event::Purchase, times = 1.., greedy)]
///     purchases: Vec<Event>,
///     #[followed_by(variant = Event::Logout)]
///     logout: Event,
/// }
///
/// #[operator(cep, key = event.user().clone())]
/// fn bought(found: LoginThenPurchases) -> (String, usize) {
///     (found.login.user().clone(), found.purchases.len())
/// }
///
/// # let env = Environment::new("example");
/// # let [user, buyer, leaver] = ["ann"; 3].map(str::to_owned);
/// # let events = [Event::Login { user }, Event::Purchase { user: buyer, price: 3 }, Event::Logout { user: leaver }];
/// # let events = env.from_collection(events)
/// #     .watermarks(WatermarkStrategy::monotonous().timestamps(|_: &Event| Timestamp::from_millis(1)));
/// let bought = events.apply(bought()).collect();
/// # env.execute()?;
/// assert_eq!(bought.take(), [("ann".to_owned(), 1)]);
/// # Ok::<(), millstream::JobError>(())
/// ```
///
/// By hand the struct is this:
///
/// ```
/// use millstream::cep::{AfterMatch, Match, Pattern, TypedPattern};
/// use millstream::prelude::*;
/// # enum Event { Login { user: String }, Logout { user: String }, Purchase { user: String, price: u64 } }
///
/// struct LoginThenPurchases {
///     login: Event,
///     purchases: Vec<Event>,
///     logout: Event,
/// }
///
/// impl TypedPattern for LoginThenPurchases {
///     type Event = Event;
///
///     fn pattern() -> Pattern<Event> {
///         Pattern::begin("login")
///             .where_(|event| matches!(event, Event::Login { .. }))
///             .followed_by("purchases")
///             .where_(|event| matches!(event, Event::Purchase { .. }))
///             .times(1..)
///             .greedy()
///             .followed_by("logout")
///             .where_(|event| matches!(event, Event::Logout { .. }))
///             .within(Duration::from_secs(600))
///             .after_match(AfterMatch::SkipPastLastEvent)
///     }
///
///     fn from_match(found: &mut Match<Event>) -> Result<Self> {
///         Ok(Self {
///             login: found.take_one("login")?,
///             purchases: found.take("purchases"),
///             logout: found.take_one("logout")?,
///         })
///     }
/// }
/// ```
///
/// # Types of fields
///
/// | type | the stage matches |
/// |---|---|
/// | `Event` | once |
/// | `Option<Event>` | once or not at all |
/// | `Vec<Event>` | as often as `times` says |
/// | `()` | never: `not_next` and `not_followed_by` |
/// | `Login`, `Option<Login>`, `Vec<Login>`, with `variant = Event::Login` | the same; the field holds what `Event::Login(..)` does |
/// | `Pair`, `Option<Pair>`, `Vec<Pair>`, with `group` | the same, for all stages of `Pair`, a pattern itself |
///
/// # Arguments of stages
///
/// | argument | meaning |
/// |---|---|
/// | `filter = is_login` | what the event has to be: a function or closure from `&Event` to `bool` or `Result<bool>`; of several, all |
/// | `when = \|event, so_far\| ..` | the same with the [`MatchContext`], which knows what the partial match holds so far |
/// | `or = is_login`, `or_when = ..` | or this, in place of the conditions before it |
/// | `variant = Event::Login` | the event is of this variant; if the field holds what the variant does, so do the conditions take that |
/// | `times = 3`, `2..=4`, `2..` | how often |
/// | `one_or_more` | `times = 1..` |
/// | `optional` | or not at all, beside `times` |
/// | `greedy` | it takes an event that the next stage could take as well |
/// | `consecutive` | its events come directly one after the other |
/// | `allow_combinations` | matching events may lie between its own |
/// | `until = is_logout`, `until_when = ..` | what ends its loop; any event, whatever the variant |
/// | `within_previous = "1 min"` | how long after the event before |
/// | `repeats_within = "1 min"` | how long between its own events |
/// | `group` | the field is a pattern itself |
///
/// # Arguments of the pattern
///
/// | argument | meaning |
/// |---|---|
/// | `event = Event` | the type of the events |
/// | `within = "10 min"` | how long a match may take: text, or an expression of type `Duration` |
/// | `after_match = skip_past_last` | which other matches are given up then: `none` (the default), `to_next`, `skip_past_last`, `to_first(stage)` or `to_last(stage)`; the last two also with `.throw_exception_on_miss()` |
/// | `group` | the struct is part of other patterns only, which say what ends it |
///
/// # Groups
///
/// A pattern without `after_match` can be a field of another one. Names of stages are unique in the whole pattern. A group that
/// is repeated, `Vec<Pair>`, has stages with a fixed number of events each, so that rounds can be told apart.
///
/// ```
/// use millstream::cep::{TypedPattern, testing::matches};
/// use millstream::prelude::*;
///
/// #[derive(Debug, PartialEq, Pattern)]
/// #[pattern(event = i64, group)]
/// struct Pair {
///     #[begin(filter = |n| n % 2 == 1)]
///     odd: i64,
///     #[next(filter = |n| n % 2 == 0)]
///     even: i64,
/// }
///
/// #[derive(Pattern)]
/// #[pattern(event = i64)]
/// struct Pairs {
///     #[begin(group, times = 2, consecutive)]
///     pairs: Vec<Pair>,
/// }
///
/// let mut found = matches(&Pairs::pattern(), [1, 2, 3, 4].map(|n| (n, Timestamp::from_millis(n))))?.matches;
/// assert_eq!(Pairs::from_match(&mut found[0])?.pairs, [Pair { odd: 1, even: 2 }, Pair { odd: 3, even: 4 }]);
/// # millstream::Result::<()>::Ok(())
/// ```
///
/// What is wrong is said when the program is compiled, but for what only all groups together tell, such as two stages of one name:
/// that is an error of the plan.
///
/// [`cep::Pattern`]: https://docs.rs/millstream/latest/millstream/cep/struct.Pattern.html
/// [`MatchContext`]: https://docs.rs/millstream/latest/millstream/cep/struct.MatchContext.html
#[proc_macro_derive(Pattern, attributes(pattern, begin, next, followed_by, followed_by_any, not_next, not_followed_by))]
pub fn pattern(input: TokenStream) -> TokenStream {
    pattern::pattern(input.into()).into()
}

/// Makes a program of a function that builds a job: the function stays, and `main` gives it its command line.
///
/// The function takes the environment and, if it likes, one struct of arguments that derives `clap::Args`.
///
/// ```no_run
/// use millstream::prelude::*;
///
/// #[derive(clap::Args)]
/// struct Args {
///     #[arg(long)]
///     limit: u64,
/// }
///
/// #[millstream::main]
/// fn job(env: &Environment, args: Args) -> Result<()> {
///     env.from_collection(0..args.limit).print();
///     Ok(())
/// }
/// ```
///
/// By hand:
///
/// ```no_run
/// # use millstream::prelude::*;
/// # #[derive(clap::Args)]
/// # struct Args {}
/// # fn job(_env: &Environment, _args: Args) -> Result<()> { Ok(()) }
/// fn main() -> std::process::ExitCode {
///     millstream::cli::run::<Args>(env!("CARGO_CRATE_NAME"), "Counts words.", job)
/// }
/// ```
///
/// and, beside it, a `#[global_allocator]`.
///
/// | argument | meaning |
/// |---|---|
/// | `name = "clicks"` | what the job is called; the binary's name, unless given |
/// | `allocator = "system"` | keep the system's allocator; else the program gets the one that jobs do best with, if the feature `mimalloc` of `millstream` is on, as it is by default |
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::main(arguments.into(), item.into()).into()
}
