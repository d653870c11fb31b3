//! Window functions with states.

use crate::data::{Data, Key};
use crate::error::Result;
use crate::operator::{Collector, Context};
use crate::state::{StateRow, StateSpec};
use crate::window::WindowContext;

/// A window's function that remembers something: of a key, across its windows, and of a key in one window, from one firing
/// to the next.
///
/// Given to [`WindowedStream::process_window`] it gets all records of a window, to `aggregate_window` and `reduce_window` what
/// they were folded to. Each subtask works on a clone of its own. What it remembers of a window is dropped when the window is
/// over: when its end and the allowed lateness have passed. Windows that merge can have no such states.
///
/// ```
/// use millstream::prelude::*;
/// use millstream::window::{ProcessWindow, Tumbling, WindowStates};
///
/// /// How the number of records differs from that of the key's window before.
/// #[derive(Clone)]
/// struct Growth;
///
/// impl<K: Key> ProcessWindow<K> for Growth {
///     type In = Vec<i64>;
///     type Out = i64;
///     type State = (Value<i64>,);
///     type WindowState = ();
///     fn states(&self) -> Vec<StateSpec> {
///         vec![StateSpec::new("before")]
///     }
///     fn new_state(&self) -> Self::State {
///         Default::default()
///     }
///     fn new_window_state(&self) {}
///     fn process(
///         &mut self,
///         _key: &K,
///         records: Vec<i64>,
///         states: WindowStates<'_, Self::State, ()>,
///         _window: &mut WindowContext<'_>,
///         out: &mut Collector<i64>,
///     ) -> Result<()> {
///         let count = records.len() as i64;
///         let before = states.key.0.get().copied();
///         states.key.0.set(count);
///         out.emit(count - before.unwrap_or_default());
///         Ok(())
///     }
/// }
///
/// # let env = Environment::new("example");
/// let readings = env
///     .from_collection([1, 2, 11, 12, 13, 21])
///     .watermarks(WatermarkStrategy::monotonous().timestamps(|at: &i64| Timestamp::from_millis(*at)))
///     .key_by_owned(|_| ());
/// let windows = readings.window(Tumbling::of(Duration::from_millis(10)));
/// let growth = windows.process_window("growth", Growth).collect();
/// # env.execute()?;
/// assert_eq!(growth.take(), [2, 1, -2]);
/// # Ok::<(), millstream::JobError>(())
/// ```
///
/// [`WindowedStream::process_window`]: crate::stream::WindowedStream::process_window
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a window function for keys of type `{K}`",
    label = "this function does not fit this stream",
    note = "a function that names the type of its key fits streams keyed by that type"
)]
pub trait ProcessWindow<K: Key>: Clone + Send + Sync + 'static {
    /// What it is given when a window fires: the records as a `Vec`, or what they were folded to.
    type In: Data;
    /// What goes out.
    type Out: Data;
    /// The states of one key: a tuple of handles, or `()`.
    type State: StateRow;
    /// The states of one key in one window: a tuple of handles, or `()`.
    type WindowState: StateRow;

    /// The names and lifetimes of a key's states, in the order in which they stand in the row.
    fn states(&self) -> Vec<StateSpec> {
        Vec::new()
    }

    /// The names of the states of a key in one window, in the order in which they stand in the row.
    fn window_states(&self) -> Vec<StateSpec> {
        Vec::new()
    }

    /// The states of a key of which nothing is known.
    fn new_state(&self) -> Self::State;

    /// The states of a key in a window that has not fired.
    fn new_window_state(&self) -> Self::WindowState;

    /// Called once in each subtask before anything else.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called whenever a window fires; results have the event time of the window's last millisecond.
    fn process(
        &mut self,
        key: &K,
        input: Self::In,
        states: WindowStates<'_, Self::State, Self::WindowState>,
        window: &mut WindowContext<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called when a window is over, whether it has fired or not; what is remembered of the window is dropped afterwards.
    /// Can emit to side outputs only.
    fn clear(
        &mut self,
        _key: &K,
        _states: WindowStates<'_, Self::State, Self::WindowState>,
        _window: &mut WindowContext<'_>,
    ) -> Result<()> {
        Ok(())
    }

    /// Called once in each subtask after the last window; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// What a [`ProcessWindow`] remembers of the key and the window at hand.
#[derive(Debug)]
pub struct WindowStates<'a, S, W> {
    /// The states of the key, in all of its windows.
    pub key: &'a mut S,
    /// The states of the key in this window.
    pub window: &'a mut W,
}
