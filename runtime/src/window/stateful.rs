//! Window functions with states, as the window operators see them.
//!
//! What always holds between calls: a key has a row only if something is stored in it, and states of a window only if
//! something is stored in these and the window is not over.

use std::borrow::Cow;

use super::fold::Fold;
use super::function::WindowLogic;
use super::process::{ProcessWindow, WindowStates};
use super::window_rows::WindowRowsCodec;
use super::{TimeWindow, WindowContext};
use crate::channel::hash::stable_hash;
use crate::data::Key;
use crate::error::{Cause, Result};
use crate::operator::{Collector, Context, TaskContext};
use crate::state::{
    KeyedRows, OperatorCapture, OperatorSnapshot, RowId, State, StateError, StateRow, StateSpec, StatesCodec, Sweep,
    Ttl,
};
use crate::time::Timestamp;

/// A fold, and a function with states that is given its outcome.
pub(crate) struct Stateful<K: Key, D, G, P: ProcessWindow<K>> {
    fold: D,
    /// What the function is given, if anything.
    give: G,
    function: P,
    states: FunctionStates<K, P::State, P::WindowState>,
}

impl<K, D, G, P> Stateful<K, D, G, P>
where
    K: Key,
    D: Fold,
    G: Fn(Cow<'_, D::Acc>) -> Option<P::In>,
    P: ProcessWindow<K>,
{
    pub(crate) fn new(fold: D, give: G, function: P) -> Self {
        let states = FunctionStates::new(
            (function.new_state(), function.states()),
            (function.new_window_state(), function.window_states()),
        );
        Self { fold, give, function, states }
    }
}

impl<K, D, G, P> WindowLogic<K> for Stateful<K, D, G, P>
where
    K: Key,
    D: Fold,
    G: Fn(Cow<'_, D::Acc>) -> Option<P::In> + 'static,
    P: ProcessWindow<K>,
{
    type In = D::In;
    type Acc = D::Acc;
    type Out = P::Out;

    const HAS_STATE: bool = true;

    #[inline]
    fn start(&self, value: D::In) -> D::Acc {
        self.fold.start(value)
    }

    #[inline]
    fn add(&self, acc: &mut D::Acc, value: D::In) {
        self.fold.add(acc, value);
    }

    #[inline]
    fn merge(&self, acc: &mut D::Acc, other: D::Acc) {
        self.fold.merge(acc, other);
    }

    fn empty(&self) -> Option<D::Acc> {
        self.fold.empty()
    }

    fn fire(
        &mut self,
        key: &K,
        acc: Cow<'_, D::Acc>,
        ctx: &mut WindowContext<'_>,
        out: &mut Collector<P::Out>,
    ) -> Result<(), Cause> {
        let Some(input) = (self.give)(acc) else { return Ok(()) };
        let now = self.states.now(ctx.base.task);
        let rows = self.states.find(key, now)?;
        let states = self.states.lend(rows, ctx.window(), now);
        let done = self.function.process(key, input, states, ctx, out);
        self.states.release(rows);
        done.map_err(Cause::User)
    }

    fn clear(&mut self, key: &K, ctx: &mut WindowContext<'_>) -> Result<(), Cause> {
        let now = self.states.now(ctx.base.task);
        let rows = self.states.find(key, now)?;
        let done = self.function.clear(key, self.states.lend(rows, ctx.window(), now), ctx);
        self.states.remove_window(rows, ctx.window());
        self.states.release(rows);
        done.map_err(Cause::User)
    }

    fn open(&mut self, ctx: &mut Context<'_>) -> Result<(), Cause> {
        self.states.open(ctx.task)?;
        self.function.open(ctx).map_err(Cause::User)
    }

    fn close(&mut self, ctx: &mut Context<'_>, out: &mut Collector<P::Out>) -> Result<(), Cause> {
        self.function.close(ctx, out).map_err(Cause::User)
    }

    fn tend(&mut self, task: &TaskContext) {
        self.states.sweep(task);
    }

    fn snapshot(&mut self, task: &TaskContext, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.states.snapshot(task, to)
    }

    fn restore(&mut self, task: &TaskContext, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.states.restore(task, from)
    }
}

/// What a function remembers.
struct FunctionStates<K, S: StateRow, W: StateRow> {
    has_ttl: bool,
    sweep: Sweep,
    /// `None` if no states of keys are declared, and then `blank` is lent.
    of_keys: Option<KeyedRows<K, StatesCodec<S>>>,
    blank: S,
    /// `None` if no states of windows are declared, and then `blank_window` is lent.
    of_windows: Option<StatesOfWindows<K, W>>,
    blank_window: W,
}

/// The rows, and what makes the states of another window.
type StatesOfWindows<K, W> = (KeyedRows<K, WindowRowsCodec<W>>, WindowRowsCodec<W>);

/// The rows of a key, where there are any.
#[derive(Debug, Clone, Copy)]
struct Rows {
    of_key: Option<RowId>,
    of_windows: Option<RowId>,
}

impl<K: Key, S: StateRow, W: StateRow> FunctionStates<K, S, W> {
    fn new((blank, specs): (S, Vec<StateSpec>), (blank_window, window_specs): (W, Vec<StateSpec>)) -> Self {
        let has_ttl = specs.iter().chain(&window_specs).filter_map(|spec| spec.ttl).any(|ttl: Ttl| ttl.is_enabled());
        let sweep = Sweep::of(&specs);
        let of_keys = (!specs.is_empty()).then(|| KeyedRows::new("rows", StatesCodec::new(blank.clone(), specs)));
        let of_windows = (!window_specs.is_empty()).then(|| {
            let codec = WindowRowsCodec::new(blank_window.clone(), window_specs);
            (KeyedRows::new("window rows", codec.clone()), codec)
        });
        Self { has_ttl, sweep, of_keys, blank, of_windows, blank_window }
    }

    /// What time it is, if any state depends on it.
    fn now(&self, task: &TaskContext) -> Timestamp {
        if self.has_ttl { task.clock.now() } else { Timestamp::MIN }
    }

    fn find(&mut self, key: &K, now: Timestamp) -> Result<Rows, StateError> {
        let hash = stable_hash(key);
        let mut rows = Rows { of_key: None, of_windows: None };
        if let Some(states) = &mut self.of_keys {
            states.make_room(now)?;
            rows.of_key = Some(states.find_or_load(hash, key, now)?);
        }
        if let Some((states, _)) = &mut self.of_windows {
            states.make_room(now)?;
            rows.of_windows = Some(states.find_or_load(hash, key, now)?);
        }
        Ok(rows)
    }

    fn lend(&mut self, rows: Rows, window: TimeWindow, now: Timestamp) -> WindowStates<'_, S, W> {
        let key = match (&mut self.of_keys, rows.of_key) {
            (Some(states), Some(row)) => states.rows.get_mut(row),
            _ => &mut self.blank,
        };
        let window = match (&mut self.of_windows, rows.of_windows) {
            (Some((states, codec)), Some(row)) => codec.find_or_insert(states.rows.get_mut(row), window),
            _ => &mut self.blank_window,
        };
        if self.has_ttl {
            let states = key.states_mut().into_iter().chain(window.states_mut());
            states.for_each(|state| State::set_now(state, now));
        }
        WindowStates { key, window }
    }

    /// Drops what is remembered of a window.
    fn remove_window(&mut self, rows: Rows, window: TimeWindow) {
        if let (Some((states, _)), Some(row)) = (&mut self.of_windows, rows.of_windows) {
            states.rows.get_mut(row).retain(|(other, _)| *other != window);
        }
    }

    /// Gives up rows that a call has left without content.
    fn release(&mut self, rows: Rows) {
        if let (Some(states), Some(row)) = (&mut self.of_keys, rows.of_key)
            && states.rows.get(row).is_vacant()
        {
            states.forget(row);
        }
        if let (Some((states, _)), Some(row)) = (&mut self.of_windows, rows.of_windows) {
            if states.rows.get(row).iter().any(|(_, state)| state.is_vacant()) {
                states.rows.get_mut(row).retain(|(_, state)| !state.is_vacant());
            }
            if states.rows.get(row).is_empty() {
                states.forget(row);
            }
        }
    }

    /// Looks at a few keys for state that has expired.
    fn sweep(&mut self, task: &TaskContext) {
        if let Some(states) = &mut self.of_keys {
            self.sweep.turn(states, task);
        }
    }

    fn open(&mut self, task: &TaskContext) -> Result<(), StateError> {
        self.of_keys.as_mut().map_or(Ok(()), |states| states.open(task))?;
        self.of_windows.as_mut().map_or(Ok(()), |(states, _)| states.open(task))
    }

    fn snapshot(&mut self, task: &TaskContext, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.of_keys.as_mut().map_or(Ok(()), |states| states.snapshot(task, to))?;
        self.of_windows.as_mut().map_or(Ok(()), |(states, _)| states.snapshot(task, to))
    }

    fn restore(&mut self, task: &TaskContext, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.of_keys.as_mut().map_or(Ok(()), |states| states.restore(task, from))?;
        self.of_windows.as_mut().map_or(Ok(()), |(states, _)| states.restore(task, from))
    }
}
