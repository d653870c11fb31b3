//! Keyed streams cut into windows: when windows fire, and what becomes of what does not fit.

use std::sync::Arc;
use std::time::Duration;

use super::stream::NodeSpec;
use super::{KeyedStream, Stream};
use crate::data::{Data, Key};
use crate::operator::{OnError, OutputTag};
use crate::window::evictor::Evictor;
use crate::window::function::WindowLogic;
use crate::window::runner::{WindowPlan, WindowRunner};
use crate::window::{TimeWindow, Trigger, WindowAssigner, WindowError, Windows};

/// A keyed stream cut into windows: made by [`KeyedStream::window`], ended by a function that makes results of them.
///
/// Results have the event time of the last millisecond of their window.
pub struct WindowedStream<K, T> {
    stream: KeyedStream<K, T>,
    /// An error is reported when the job is planned.
    windows: Result<Windows<T>, WindowError>,
    allowed_lateness: Duration,
    late_output: Option<OutputTag<T>>,
    evictor: Option<Arc<dyn Evictor<T>>>,
    on_error: OnError<(K, TimeWindow)>,
    /// Whether one subtask does all the work.
    single: bool,
}

impl<K: Key, T: Data> KeyedStream<K, T> {
    /// Cuts the stream of each key into windows: [`Tumbling`], [`Sliding`], [`Session`], [`Global`], [`CountWindow`] or
    /// [`CustomWindows`].
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::Tumbling;
    /// # let env = Environment::new("example");
    /// let readings = [("a", 100), ("b", 200), ("a", 900), ("a", 1000)].map(|(key, at)| (key.to_owned(), at));
    /// let counts = env
    ///     .from_collection(readings)
    ///     .watermarks(WatermarkStrategy::monotonous().timestamps(|r: &(String, i64)| Timestamp::from_millis(r.1)))
    ///     .key_by(|reading| &reading.0)
    ///     .window(Tumbling::of(Duration::from_secs(1)))
    ///     .count()
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(counts.take_sorted(), [("a".to_owned(), 1), ("a".to_owned(), 2), ("b".to_owned(), 1)]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    ///
    /// [`Tumbling`]: crate::window::Tumbling
    /// [`Sliding`]: crate::window::Sliding
    /// [`Session`]: crate::window::Session
    /// [`Global`]: crate::window::Global
    /// [`CountWindow`]: crate::window::CountWindow
    /// [`CustomWindows`]: crate::window::CustomWindows
    pub fn window(self, assigner: impl WindowAssigner<T>) -> WindowedStream<K, T> {
        WindowedStream {
            stream: self,
            windows: assigner.windows(),
            allowed_lateness: Duration::ZERO,
            late_output: None,
            evictor: None,
            on_error: OnError::Fail,
            single: false,
        }
    }
}

impl<K: Key, T: Data> WindowedStream<K, T> {
    /// Has a trigger decide when windows fire, instead of at their end.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{CountTrigger, Global};
    /// # let env = Environment::new("example");
    /// let sums = env
    ///     .from_collection([1, 2, 3, 4, 5])
    ///     .key_by_owned(|_| ())
    ///     .window(Global)
    ///     .trigger(CountTrigger::of(2))
    ///     .reduce(|a, b| a + b)
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [3, 10]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn trigger<R: Trigger<T>>(mut self, trigger: R) -> Self {
        self.windows = self.windows.and_then(|windows| windows.triggered(trigger));
        self
    }

    /// Has an evictor take records out of windows when they fire. Windows then keep all of their records, and what folds
    /// them does so each time they fire.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::window::{CountEvictor, CountWindow};
    /// # let env = Environment::new("example");
    /// let sums = env
    ///     .from_collection([1, 2, 3, 4])
    ///     .key_by_owned(|_| ())
    ///     .window(CountWindow::tumbling(4))
    ///     .evictor(CountEvictor::keep(2))
    ///     .reduce(|a, b| a + b)
    ///     .collect();
    /// # env.execute()?;
    /// assert_eq!(sums.take(), [7]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn evictor(mut self, evictor: impl Evictor<T>) -> Self {
        self.evictor = Some(Arc::new(evictor));
        self
    }

    /// Keeps windows for so long after they have fired, and fires them again with each record that comes in that time.
    /// None by default; without effect in processing time.
    #[must_use]
    pub fn allowed_lateness(mut self, lateness: Duration) -> Self {
        self.allowed_lateness = lateness;
        self
    }

    /// Sends records that come too late for all of their windows to a side output of the operator. Otherwise they are
    /// dropped and counted as `numLateRecordsDropped`.
    #[must_use]
    pub fn late_output(mut self, tag: OutputTag<T>) -> Self {
        self.late_output = Some(tag);
        self
    }

    /// What becomes of a window for which the function fails. The job fails by default; else the firing counts as
    /// `numRecordsFailed`, and key, window and error go to the side output, if that is what is asked for.
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// # use millstream::operator::OnError;
    /// # use millstream::window::{CountWindow, TimeWindow};
    /// const FAILED: OutputTag<((String, TimeWindow), String)> = OutputTag::new("failed");
    /// # let env = Environment::new("example");
    /// let words = env.from_collection(["7", "seven"].map(str::to_owned));
    /// let windows = words.key_by(|word| word).window(CountWindow::tumbling(1));
    /// let numbers = windows.on_error(OnError::SideOutput(FAILED)).process(|word, _, _, out| {
    ///     out.emit(word.parse::<u64>()?);
    ///     Ok(())
    /// });
    /// let failed = numbers.side_output(FAILED).map(|((word, _), error)| format!("{word}: {error}")).collect();
    /// # env.execute()?;
    /// assert_eq!(failed.take(), ["seven: invalid digit found in string"]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[must_use]
    pub fn on_error(mut self, on_error: OnError<(K, TimeWindow)>) -> Self {
        self.on_error = on_error;
        self
    }

    /// Has one subtask do all the work, whatever the job's parallelism.
    pub(super) fn single(mut self) -> Self {
        self.single = true;
        self
    }

    /// Whether windows that touch become one.
    pub(super) fn merge(&self) -> bool {
        self.windows.as_ref().is_ok_and(Windows::merge)
    }

    /// Adds the operator, whose function is made anew in each subtask.
    pub(super) fn run<L: WindowLogic<K, In = T>>(
        self,
        mut spec: NodeSpec,
        make: impl Fn() -> L + Send + Sync + 'static,
    ) -> Stream<L::Out> {
        let Self { stream, windows, allowed_lateness, late_output, evictor, on_error, single } = self;
        let windows = windows.unwrap_or_else(|error| {
            spec.invalid = Some(error.to_string());
            Windows::global()
        });
        let plan = WindowPlan { windows, evictor, allowed_lateness, late_output, on_error };
        let results = stream.transform_keyed(spec, move |selector, _| WindowRunner::new(&plan, selector, make()));
        if single { results.parallelism(1).max_parallelism(1) } else { results }
    }
}
