//! What a case is: an assigner, a trigger, an evictor, and the job that is made of them.

use std::time::Duration;

use fastrand::Rng;
use millstream::prelude::*;
use millstream::window::{
    AssignWindows, AssignerContext, ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, CountEvictor,
    CountTrigger, CustomWindows, DeltaEvictor, DeltaTrigger, Global, ProcessWindow, ProcessingTimeoutTrigger,
    PurgingTrigger, Session, Sliding, TimeEvictor, TimeWindow, TriggerContext, TriggerResult, WindowAssigner,
    WindowStates,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) key: u64,
    pub(crate) number: u64,
    pub(crate) weight: i64,
    pub(crate) time: i64,
}

/// What comes out of a job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Output {
    /// Key, window, how often it has fired (if that is remembered), and the numbers of its records.
    Fired(u64, (i64, i64), u64, Vec<u64>),
    /// How often windows of the key have fired.
    Total(u64, u64),
    /// A window is over: key, window, how often it has fired.
    Cleared(u64, (i64, i64), u64),
    /// The number of a late record.
    Late(u64),
}

#[derive(Debug, Clone)]
pub(crate) enum Assigner {
    Regular { size: i64, slide: i64, by_clock: bool },
    Session { gap: i64, by_clock: bool },
    Global,
    Custom { merging: bool },
}

impl Assigner {
    pub(crate) fn by_clock(&self) -> bool {
        matches!(self, Self::Regular { by_clock: true, .. } | Self::Session { by_clock: true, .. })
    }

    pub(crate) fn merges(&self) -> bool {
        matches!(self, Self::Session { .. } | Self::Custom { merging: true })
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Trigger {
    Default,
    Count { limit: u64, purging: bool },
    EventTime { every: i64 },
    Clock { every: i64 },
    Delta { above: i64 },
    Timeout { limit: u64, after: i64, reset: bool, purging: bool },
    Custom,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Evictor {
    None,
    Count { keep: usize, after: bool },
    Time { keep: i64, after: bool },
    Delta { below: i64, after: bool },
}

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) assigner: Assigner,
    pub(crate) trigger: Trigger,
    pub(crate) evictor: Evictor,
    pub(crate) lateness: i64,
    /// Whether the function remembers something.
    pub(crate) has_states: bool,
    /// Whether the stream has no keys.
    pub(crate) unkeyed: bool,
}

impl Case {
    pub(crate) fn random(random: &mut Rng) -> Self {
        let by_clock = random.u8(..4) == 0;
        let assigner = match random.u8(..6) {
            0 => Assigner::Regular { size: random.i64(1..30), slide: random.i64(1..30), by_clock },
            1 | 2 => Assigner::Session { gap: random.i64(1..20), by_clock },
            3 => Assigner::Global,
            other => Assigner::Custom { merging: other == 4 },
        };
        // The last three cannot be merged.
        let trigger = match random.u8(..if assigner.merges() { 4 } else { 7 }) {
            0 => Trigger::Default,
            1 => Trigger::Count { limit: random.u64(1..5), purging: random.bool() },
            2 => Trigger::EventTime { every: random.i64(1..20) },
            3 => Trigger::Clock { every: random.i64(1..20) },
            4 => Trigger::Delta { above: random.i64(0..30) },
            5 => {
                let (limit, after) = (random.u64(1..6), random.i64(1..20));
                Trigger::Timeout { limit, after, reset: random.bool(), purging: random.bool() }
            }
            _ => Trigger::Custom,
        };
        let after = random.bool();
        let evictor = match random.u8(..6) {
            0 => Evictor::Count { keep: random.usize(0..5), after },
            1 => Evictor::Time { keep: random.i64(1..30), after },
            2 => Evictor::Delta { below: random.i64(1..30), after },
            _ => Evictor::None,
        };
        let lateness = if random.bool() && !assigner.by_clock() { random.i64(0..30) } else { 0 };
        Self { assigner, trigger, evictor, lateness, has_states: random.bool(), unkeyed: random.u8(..4) == 0 }
    }
}

impl Case {
    /// Whether windows are put together of panes, so that their records come pane by pane.
    pub(crate) fn shares_panes(&self) -> bool {
        let is_plain = matches!((&self.trigger, self.evictor), (Trigger::Default, Evictor::None));
        is_plain && !self.has_states && matches!(self.assigner, Assigner::Regular { .. })
    }
}

/// The windows of a record, by its weight: none, one or two.
pub(crate) fn custom_windows(item: &Item) -> Vec<(i64, i64)> {
    let Item { weight, time, .. } = *item;
    match weight.rem_euclid(6) {
        5 => Vec::new(),
        0 | 2 => vec![(time, time + 1 + weight.rem_euclid(11)), (time + 20, time + 25)],
        rest => vec![(time - rest, time + 10)],
    }
}

const LATE: OutputTag<Item> = OutputTag::new("late");
const CLEARED: OutputTag<Output> = OutputTag::new("cleared");

/// The job of a case.
pub(crate) fn job(case: &Case, items: Stream<Item>) -> Stream<Output> {
    let Case { assigner, .. } = case;
    match *assigner {
        Assigner::Regular { size, slide, by_clock } => {
            let windows = Sliding::of(millis(size), millis(slide));
            windowed(case, items, if by_clock { windows.processing_time() } else { windows })
        }
        Assigner::Session { gap, by_clock } => {
            let windows = Session::gap(millis(gap));
            windowed(case, items, if by_clock { windows.processing_time() } else { windows })
        }
        Assigner::Global => windowed(case, items, Global),
        Assigner::Custom { merging } => windowed(case, items, CustomWindows::of(ByWeight { merging })),
    }
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis as u64)
}

fn delta(from: &Item, to: &Item) -> f64 {
    (to.weight - from.weight) as f64
}

/// The settings of a case, whether the stream has keys or not.
macro_rules! settings {
    ($case:ident, $windows:expr) => {{
        let windows = $windows.allowed_lateness(millis($case.lateness)).late_output(LATE);
        let windows = match $case.trigger {
            Trigger::Default => windows,
            Trigger::Count { limit, purging: false } => windows.trigger(CountTrigger::of(limit)),
            Trigger::Count { limit, purging: true } => windows.trigger(PurgingTrigger::of(CountTrigger::of(limit))),
            Trigger::EventTime { every } => windows.trigger(ContinuousEventTimeTrigger::every(millis(every))),
            Trigger::Clock { every } => windows.trigger(ContinuousProcessingTimeTrigger::every(millis(every))),
            Trigger::Delta { above } => windows.trigger(DeltaTrigger::of(above as f64, delta)),
            Trigger::Timeout { limit, after, reset, purging } => {
                let trigger = ProcessingTimeoutTrigger::of(CountTrigger::of(limit), millis(after));
                let trigger = if reset { trigger.reset_on_record() } else { trigger };
                if purging { windows.trigger(PurgingTrigger::of(trigger)) } else { windows.trigger(trigger) }
            }
            Trigger::Custom => windows.trigger(Whimsical),
        };
        match $case.evictor {
            Evictor::None => windows,
            Evictor::Count { keep, after: false } => windows.evictor(CountEvictor::keep(keep)),
            Evictor::Count { keep, after: true } => windows.evictor(CountEvictor::keep(keep).after()),
            Evictor::Time { keep, after: false } => windows.evictor(TimeEvictor::keep(millis(keep))),
            Evictor::Time { keep, after: true } => windows.evictor(TimeEvictor::keep(millis(keep)).after()),
            Evictor::Delta { below, after: false } => windows.evictor(DeltaEvictor::of(below as f64, delta)),
            Evictor::Delta { below, after: true } => windows.evictor(DeltaEvictor::of(below as f64, delta).after()),
        }
    }};
}

fn windowed(case: &Case, items: Stream<Item>, assigner: impl WindowAssigner<Item>) -> Stream<Output> {
    let extent = |window: TimeWindow| (window.start().as_millis(), window.end().as_millis());
    let fired = if case.unkeyed {
        let windows = settings!(case, items.window_all(assigner));
        match (case.has_states, case.assigner.merges()) {
            (true, true) => windows.process_window("counted", CountedByKey),
            (true, false) => windows.process_window("counted", Counted),
            (false, _) => windows.process(move |window, items: Vec<Item>, out| {
                let window = extent(window.window());
                out.emit(Output::Fired(0, window, 0, numbers(&items)));
            }),
        }
    } else {
        let windows = settings!(case, items.key_by(|item| &item.key).window(assigner));
        match (case.has_states, case.assigner.merges()) {
            (true, true) => windows.process_window("counted", CountedByKey),
            (true, false) => windows.process_window("counted", Counted),
            (false, _) => windows.process(move |key, window, items: Vec<Item>, out| {
                let window = extent(window.window());
                out.emit(Output::Fired(*key, window, 0, numbers(&items)));
            }),
        }
    };
    let late = fired.side_output(LATE).map(|item| Output::Late(item.number));
    let cleared = fired.side_output(CLEARED);
    fired.union([late, cleared])
}

fn numbers(items: &[Item]) -> Vec<u64> {
    items.iter().map(|item| item.number).collect()
}

/// Windows that a record's weight decides on.
struct ByWeight {
    merging: bool,
}

impl AssignWindows<Item> for ByWeight {
    fn assign(&self, item: &Item, ctx: &AssignerContext) -> impl IntoIterator<Item = TimeWindow> {
        assert_eq!(ctx.timestamp().as_millis(), item.time);
        let window = |(start, end)| TimeWindow::new(Timestamp::from_millis(start), Timestamp::from_millis(end));
        custom_windows(item).into_iter().map(window)
    }

    fn merges(&self) -> bool {
        self.merging
    }
}

/// Decides by the records' weights, with all results and both kinds of timers.
struct Whimsical;

impl millstream::window::Trigger<Item> for Whimsical {
    type State = u64;

    fn on_element(&self, item: &Item, time: Timestamp, _: &mut u64, ctx: &mut TriggerContext<'_>) -> TriggerResult {
        match item.weight.rem_euclid(5) {
            0 => {
                ctx.set_event_timer(time.saturating_add(millis(7)));
                TriggerResult::Continue
            }
            1 => TriggerResult::Fire,
            2 => TriggerResult::Purge,
            3 => TriggerResult::FireAndPurge,
            _ => {
                let at = ctx.processing_time().saturating_add(millis(5));
                ctx.set_processing_timer(at);
                TriggerResult::Continue
            }
        }
    }

    fn on_event_time(&self, _: Timestamp, calls: &mut u64, _: &mut TriggerContext<'_>) -> TriggerResult {
        *calls += 1;
        if calls.is_multiple_of(2) { TriggerResult::Fire } else { TriggerResult::Purge }
    }

    fn on_processing_time(&self, _: Timestamp, _: &mut u64, _: &mut TriggerContext<'_>) -> TriggerResult {
        TriggerResult::FireAndPurge
    }
}

/// A key as a number.
pub(crate) trait Number: Key {
    fn number(&self) -> u64;
}

impl Number for u64 {
    fn number(&self) -> u64 {
        *self
    }
}

impl Number for () {
    fn number(&self) -> u64 {
        0
    }
}

/// Counts how often windows fire, by key and by window.
#[derive(Clone)]
struct Counted;

/// Counts how often windows fire, by key.
#[derive(Clone)]
struct CountedByKey;

macro_rules! counted {
    ($ty:ty, $window_state:ty, $window_specs:expr, $blank:expr, |$window:ident| $total:expr, |$over:ident| $last:expr) => {
        impl<K: Number> ProcessWindow<K> for $ty {
            type In = Vec<Item>;
            type Out = Output;
            type State = (Value<u64>,);
            type WindowState = $window_state;

            fn states(&self) -> Vec<StateSpec> {
                vec![StateSpec::new("total")]
            }

            fn window_states(&self) -> Vec<StateSpec> {
                $window_specs
            }

            fn new_state(&self) -> Self::State {
                Default::default()
            }

            fn new_window_state(&self) -> Self::WindowState {
                $blank
            }

            fn process(
                &mut self,
                key: &K,
                items: Vec<Item>,
                states: WindowStates<'_, Self::State, Self::WindowState>,
                window: &mut WindowContext<'_>,
                out: &mut Collector<Output>,
            ) -> Result<()> {
                let total = states.key.0.get_or_default();
                *total += 1;
                out.emit(Output::Total(key.number(), *total));
                let $window = states.window;
                let total = $total;
                let extent = (window.start().as_millis(), window.end().as_millis());
                out.emit(Output::Fired(key.number(), extent, total, numbers(&items)));
                Ok(())
            }

            fn clear(
                &mut self,
                key: &K,
                states: WindowStates<'_, Self::State, Self::WindowState>,
                window: &mut WindowContext<'_>,
            ) -> Result<()> {
                let $over = states.window;
                let total = $last;
                let extent = (window.start().as_millis(), window.end().as_millis());
                window.output(CLEARED, Output::Cleared(key.number(), extent, total));
                Ok(())
            }
        }
    };
}

counted!(
    Counted,
    (Value<u64>,),
    vec![StateSpec::new("fired")],
    Default::default(),
    |window| {
        *window.0.get_or_default() += 1;
        *window.0.get_or_default()
    },
    |window| window.0.get().copied().unwrap_or_default()
);
counted!(CountedByKey, (), Vec::new(), (), |_window| 0, |_window| 0);
