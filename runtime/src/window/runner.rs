//! Picks the operator that runs windows of a kind.

use std::sync::Arc;
use std::time::Duration;

use super::TimeWindow;
use super::aligned::{self, AlignedWindows};
use super::assigner::{Kind, Windows, millis};
use super::cell::Ending;
use super::cells::{self, CellWindows};
use super::evictor::{Evicting, Evictor};
use super::function::{WindowFunction, WindowLogic};
use super::last_n::LastN;
use super::late::Late;
use super::refold::Refolding;
use crate::channel::Batch;
use crate::data::Key;
use crate::operator::keyed::KeySelector;
use crate::operator::{OnError, Operator, Output, OutputTag, Progress};
use crate::state::{OperatorCapture, OperatorSnapshot, StateError};
use crate::time::Timestamp;

/// All that a window operator needs to know beside its function.
pub(crate) struct WindowPlan<K, T> {
    pub(crate) windows: Windows<T>,
    pub(crate) evictor: Option<Arc<dyn Evictor<T>>>,
    /// Without effect in processing time, where nothing is late.
    pub(crate) allowed_lateness: Duration,
    pub(crate) late_output: Option<OutputTag<T>>,
    /// What becomes of a window for which the function fails.
    pub(crate) on_error: OnError<(K, TimeWindow)>,
}

/// Windows of any kind.
pub(crate) enum WindowRunner<K: Key, L: WindowLogic<K>> {
    Aligned(Box<AlignedWindows<K, L>>),
    Cells(Box<CellWindows<K, L>>),
    LastN(Box<CellWindows<K, Refolding<LastN, L>>>),
    Evicting(Box<EvictingWindows<K, L>>),
}

type EvictingWindows<K, L> = CellWindows<K, Refolding<Evicting<<L as WindowLogic<K>>::In>, L>>;

impl<K: Key, L: WindowLogic<K>> WindowRunner<K, L> {
    pub(crate) fn new(plan: &WindowPlan<K, L::In>, selector: Arc<dyn KeySelector<L::In, K>>, logic: L) -> Self {
        Self::with_late(plan, Late::to(plan.late_output), selector, logic)
    }

    /// For records whose late ones go elsewhere than the plan says.
    pub(crate) fn with_late(
        plan: &WindowPlan<K, L::In>,
        late: Late<L::In>,
        selector: Arc<dyn KeySelector<L::In, K>>,
        logic: L,
    ) -> Self {
        let Windows { kind, processing_time, trigger, keep_last } = &plan.windows;
        let processing_time = *processing_time;
        let lateness = if processing_time { 0 } else { millis(plan.allowed_lateness) };
        if let (Kind::Regular(grid), None, None, false) = (kind, trigger, &plan.evictor, L::HAS_STATE) {
            let settings = aligned::Settings { grid: *grid, processing_time, lateness, late };
            let function = WindowFunction::new(logic, plan.on_error.clone());
            return Self::Aligned(Box::new(AlignedWindows::new(settings, selector, function)));
        }
        let ending = Ending { processing_time, lateness };
        let settings = cells::Settings { kind: kind.clone(), ending, trigger: trigger.clone(), late };
        match (&plan.evictor, *keep_last) {
            (Some(evictor), _) => {
                let buffer = Evicting(Arc::clone(evictor));
                Self::Evicting(cells(settings, selector, Refolding { buffer, logic }, plan))
            }
            (None, Some(count)) => {
                let buffer = LastN { count };
                Self::LastN(cells(settings, selector, Refolding { buffer, logic }, plan))
            }
            (None, None) => Self::Cells(cells(settings, selector, logic, plan)),
        }
    }
}

fn cells<K: Key, L: WindowLogic<K>>(
    settings: cells::Settings<L::In>,
    selector: Arc<dyn KeySelector<L::In, K>>,
    logic: L,
    plan: &WindowPlan<K, L::In>,
) -> Box<CellWindows<K, L>> {
    Box::new(CellWindows::new(settings, selector, WindowFunction::new(logic, plan.on_error.clone())))
}

/// Calls a method of whichever operator it is.
macro_rules! forward {
    ($self:ident, $method:ident ( $($argument:expr),* )) => {
        match $self {
            Self::Aligned(windows) => windows.$method($($argument),*),
            Self::Cells(windows) => windows.$method($($argument),*),
            Self::LastN(windows) => windows.$method($($argument),*),
            Self::Evicting(windows) => windows.$method($($argument),*),
        }
    };
}

impl<K: Key, L: WindowLogic<K>> Operator for WindowRunner<K, L> {
    type In = L::In;
    type Out = L::Out;

    fn open(&mut self, out: &mut Output<L::Out>) -> Progress {
        forward!(self, open(out))
    }

    fn process(&mut self, input: &mut Batch<L::In>, out: &mut Output<L::Out>) -> Progress {
        forward!(self, process(input, out))
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut Output<L::Out>) -> Progress {
        forward!(self, watermark(watermark, out))
    }

    fn processing_time(&mut self, now: Timestamp, out: &mut Output<L::Out>) -> Progress {
        forward!(self, processing_time(now, out))
    }

    fn close(&mut self, out: &mut Output<L::Out>) -> Progress {
        forward!(self, close(out))
    }

    fn snapshot(&mut self, out: &Output<L::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        forward!(self, snapshot(out, to))
    }

    fn restore(&mut self, out: &Output<L::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        forward!(self, restore(out, from))
    }
}
