//! Aggregates in two steps, for keys of which some have very many records.

use std::sync::Arc;
use std::time::Duration;

use super::stream::NodeSpec;
use super::{KeyedStream, Stream, WindowedStream};
use crate::channel::Batch;
use crate::channel::partitioner::Rule;
use crate::data::{Data, Key};
use crate::operator::keyed::{KeySelector, LocalAggregate, LocalSettings, MergePartials, Partial};
use crate::operator::{Aggregate, Collector};
use crate::window::{Grid, IntoResult, OnGrid, WindowAssigner, WindowContext, WindowError, Windows};

/// What the hashes of a key's salts differ by: its multiples are spread evenly over all hashes.
const SALT: u64 = 0x9e37_79b9_7f4a_7c15;

/// A keyed stream whose records are added up before they are sent to the owner of their key: made by
/// [`KeyedStream::local_aggregation`].
pub struct LocalAggregation<K, T> {
    stream: KeyedStream<K, T>,
    settings: LocalSettings,
    salts: Option<usize>,
    uid: Option<String>,
}

/// A [`LocalAggregation`] cut into windows.
///
/// Results have the event time of the last millisecond of their window.
pub struct LocalWindows<K, T> {
    local: LocalAggregation<K, T>,
    /// An error is reported when the job is planned.
    windows: Result<Windows<T>, WindowError>,
    allowed_lateness: Duration,
}

impl<K: Key, T: Data> KeyedStream<K, T> {
    /// Aggregates in two steps: each sender adds up the records that it has of a key, and the key's owner adds up the
    /// partial sums. So a key with very many records does not overload its owner.
    ///
    /// A sender keeps partial sums until it has 4096 of them, for 100 ms, or until event time goes on, and sends them at
    /// once if it has nothing else to do. What it keeps is part of snapshots.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::Tumbling;
    /// # #[derive(Clone)]
    /// # struct Count;
    /// # impl Aggregate for Count {
    /// #     type In = i64;
    /// #     type Acc = u64;
    /// #     type Out = u64;
    /// #     fn create(&self) -> u64 { 0 }
    /// #     fn add(&self, acc: &mut u64, _: i64) { *acc += 1 }
    /// #     fn merge(&self, acc: &mut u64, other: u64) { *acc += other }
    /// #     fn result(&self, acc: &u64) -> u64 { *acc }
    /// # }
    /// # let env = Environment::new("example");
    /// let counts = env
    ///     .from_collection([100, 900, 1000])
    ///     .watermarks(WatermarkStrategy::monotonous().timestamps(|at: &i64| Timestamp::from_millis(*at)))
    ///     .key_by_owned(|at| at % 2)
    ///     .local_aggregation()
    ///     .window(Tumbling::of(Duration::from_secs(1)))
    ///     .aggregate(Count)
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(counts.take_sorted(), [(0, 1), (0, 2)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    pub fn local_aggregation(self) -> LocalAggregation<K, T> {
        let settings = LocalSettings { max_partials: 4096, max_age: Duration::from_millis(100) };
        LocalAggregation { stream: self, settings, salts: None, uid: None }
    }
}

impl<K: Key, T: Data> LocalAggregation<K, T> {
    /// How many partial sums each sender keeps at most.
    #[must_use]
    pub fn max_partials(mut self, max_partials: usize) -> Self {
        self.settings.max_partials = max_partials;
        self
    }

    /// How long a partial sum is kept at most, in processing time.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.settings.max_age = max_age;
        self
    }

    /// Spreads the records of each key over up to `salts` subtasks before they are added up the first time, instead of
    /// adding them up where they are: for streams that come from fewer subtasks than there are.
    #[must_use]
    pub fn salted(mut self, salts: usize) -> Self {
        self.salts = Some(salts);
        self
    }

    /// Gives the first step an identity that outlives changes of the job around it; the second gets its own by
    /// [`Stream::uid`].
    #[must_use]
    pub fn uid(mut self, uid: &str) -> Self {
        self.uid = Some(uid.to_owned());
        self
    }

    /// Folds each key's records by an [`Aggregate`], and emits key and result for every partial sum: the last of a key is
    /// that of [`KeyedStream::aggregate`], which emits one for every record.
    #[track_caller]
    pub fn aggregate<A: Aggregate<In = T>>(self, aggregate: A) -> Stream<(K, A::Out)> {
        let spec = NodeSpec::anonymous("local_aggregate");
        self.partials(spec, aggregate.clone(), None).aggregate(MergePartials::new(aggregate))
    }

    /// Cuts the stream of each key into [`Tumbling`](crate::window::Tumbling) or [`Sliding`](crate::window::Sliding)
    /// windows in event time. Others, and triggers, cannot be served by partial sums.
    pub fn window(self, assigner: impl WindowAssigner<T>) -> LocalWindows<K, T> {
        LocalWindows { local: self, windows: assigner.windows(), allowed_lateness: Duration::ZERO }
    }

    /// Adds the first step.
    fn partials<A: Aggregate<In = T>>(
        self,
        mut spec: NodeSpec,
        aggregate: A,
        grid: Option<Grid>,
    ) -> KeyedStream<K, Partial<K, A::Acc>> {
        let Self { stream: KeyedStream { mut stream, selector }, settings, salts, uid } = self;
        if settings.max_partials == 0 {
            spec.invalid = Some("0 partial sums kept: allow at least 1".to_owned());
        }
        if salts == Some(0) {
            spec.invalid = Some("0 salts for each key: there must be at least 1".to_owned());
        }
        let rule = salts.map(|salts| salted(Arc::clone(&selector), salts.max(1)));
        for origin in &mut stream.origins {
            origin.rule.clone_from(&rule);
        }
        let make = move |_: &_| LocalAggregate::new(aggregate.clone(), Arc::clone(&selector), settings, grid);
        let mut partials = stream.transform(spec.stateful(), make);
        if let Some(uid) = uid {
            partials = partials.uid(&uid);
        }
        partials.key_by(|partial| &partial.key)
    }
}

/// Spreads a key's records by their hash and a salt.
fn salted<K: Key, T: Data>(selector: Arc<dyn KeySelector<T, K>>, salts: usize) -> Rule<T> {
    Rule::Hash(Arc::new(move |batch: &mut Batch<T>| {
        selector.hash(batch);
        batch.assign_hashes(|_, hashes| {
            for (hash, salt) in hashes.iter_mut().zip((0..salts as u64).cycle()) {
                *hash = hash.wrapping_add(salt.wrapping_mul(SALT));
            }
        });
    }))
}

impl<K: Key, T: Data> LocalWindows<K, T> {
    /// Keeps windows for so long after they have fired, and fires them again with each partial sum that comes in that time.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.allowed_lateness = lateness;
        self
    }

    /// Folds the records of each window, and emits key and result, as
    /// [`WindowedStream::aggregate`](super::WindowedStream::aggregate).
    #[track_caller]
    pub fn aggregate<A: Aggregate<In = T>>(self, aggregate: A) -> Stream<(K, A::Out)> {
        let spec = NodeSpec::anonymous("local_aggregate");
        self.windowed(spec, aggregate.clone()).aggregate(MergePartials::new(aggregate))
    }

    /// Folds the records of each window, and hands the result with key and window to a function, as
    /// [`WindowedStream::aggregate_with`](super::WindowedStream::aggregate_with).
    #[track_caller]
    pub fn aggregate_with<A, O, R>(
        self,
        aggregate: A,
        function: impl Fn(&K, &mut WindowContext<'_>, A::Out, &mut Collector<O>) -> R + Clone + Send + Sync + 'static,
    ) -> Stream<O>
    where
        A: Aggregate<In = T>,
        O: Data,
        R: IntoResult,
    {
        let spec = NodeSpec::anonymous("local_aggregate");
        self.windowed(spec, aggregate.clone()).aggregate_with(MergePartials::new(aggregate), function)
    }

    fn windowed<A: Aggregate<In = T>>(self, mut spec: NodeSpec, aggregate: A) -> WindowedStream<K, Partial<K, A::Acc>> {
        let grid = match &self.windows {
            Ok(windows) => windows.grid().ok_or_else(|| {
                "partial sums need tumbling or sliding windows in event time: leave out `.local_aggregation()`"
                    .to_owned()
            }),
            Err(error) => Err(error.to_string()),
        };
        let grid = grid.unwrap_or_else(|reason| {
            spec.invalid = Some(reason);
            Grid::new(1, 1, 0)
        });
        let partials = self.local.partials(spec, aggregate, Some(grid));
        partials.window(OnGrid(grid)).allowed_lateness(self.allowed_lateness)
    }
}
