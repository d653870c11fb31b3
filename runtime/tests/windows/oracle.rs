//! Windows of one key by the letter of their definition: no queues, no cells, every window looked at whenever time goes on.

use std::collections::BTreeSet;

use super::case::{Assigner, Case, Evictor, Item, Output, Trigger};

/// The outcome of a trigger: whether the window fires, and whether it is emptied.
type Outcome = (bool, bool);
const NOTHING: Outcome = (false, false);
const FIRE: Outcome = (true, false);

/// What a trigger remembers of a window.
#[derive(Debug, Clone, Default)]
struct Remembered {
    count: u64,
    next: Option<i64>,
    last: Option<i64>,
    event_timers: BTreeSet<i64>,
    clock_timers: BTreeSet<i64>,
}

#[derive(Debug, Clone)]
struct Window {
    start: i64,
    end: i64,
    /// In order of arrival.
    records: Vec<Item>,
    trigger: Remembered,
}

/// The windows of one key, and what their function remembers.
pub(crate) struct Oracle<'a> {
    case: &'a Case,
    key: u64,
    watermark: i64,
    now: i64,
    windows: Vec<Window>,
    /// How often the function was called for the key.
    total: u64,
    /// How often it was called for windows that are not over.
    totals: Vec<((i64, i64), u64)>,
}

/// The multiple of `interval` at or before `time`.
fn floor(time: i64, interval: i64) -> i64 {
    time - time.rem_euclid(interval)
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(case: &'a Case, key: u64) -> Self {
        Self { case, key, watermark: i64::MIN, now: 0, windows: Vec::new(), total: 0, totals: Vec::new() }
    }

    /// What a record has the windows emit.
    pub(crate) fn record(&mut self, item: Item) -> Vec<Output> {
        let mut outputs = Vec::new();
        let mut is_in = false;
        for (start, end) in self.case.assigner.windows(&item, self.now) {
            let Some(index) = self.place(start, end) else { continue };
            is_in = true;
            self.windows[index].records.push(item.clone());
            let outcome = self.on_record(index, &item);
            self.obey(index, outcome, &mut outputs);
        }
        let by_clock = self.case.assigner.by_clock();
        if !is_in && !by_clock && item.time + self.case.lateness <= self.watermark {
            outputs.push(Output::Late(item.number));
        }
        outputs
    }

    /// When a window is over: an instant of its own time.
    fn over_at(&self, end: i64) -> i64 {
        match end {
            i64::MAX => i64::MAX,
            end if self.case.assigner.by_clock() => end,
            end => end - 1 + self.case.lateness,
        }
    }

    /// The index of the window that a record which was assigned to one goes to, unless that is over.
    fn place(&mut self, mut start: i64, mut end: i64) -> Option<usize> {
        let by_clock = self.case.assigner.by_clock();
        let is_over = !by_clock && self.over_at(end) <= self.watermark && end != i64::MAX;
        if !self.case.assigner.merges() {
            if is_over {
                return None;
            }
            let known = self.windows.iter().position(|window| (window.start, window.end) == (start, end));
            return Some(known.unwrap_or_else(|| self.add(start, end)));
        }
        self.windows.sort_by_key(|window| window.start);
        let touches = |window: &Window| window.start <= end && start <= window.end;
        let (touching, others): (Vec<_>, Vec<_>) = self.windows.drain(..).partition(touches);
        self.windows = others;
        let mut touching = touching.into_iter();
        let Some(mut merged) = touching.next() else {
            return (!is_over).then(|| self.add(start, end));
        };
        let before = (merged.start, merged.end);
        let mut taken_in = Vec::new();
        for window in touching {
            (start, end) = (start.min(window.start), end.max(window.end));
            merged.records.extend(window.records);
            taken_in.push(window.trigger);
        }
        (merged.start, merged.end) = (start.min(merged.start), end.max(merged.end));
        if (merged.start, merged.end) != before {
            self.on_merge(&mut merged, taken_in);
        }
        self.windows.push(merged);
        Some(self.windows.len() - 1)
    }

    fn add(&mut self, start: i64, end: i64) -> usize {
        self.windows.push(Window { start, end, records: Vec::new(), trigger: Remembered::default() });
        self.windows.len() - 1
    }

    /// Moves event time on.
    pub(crate) fn advance(&mut self, watermark: i64) -> Vec<Output> {
        let mut outputs = Vec::new();
        if watermark <= self.watermark {
            return outputs;
        }
        self.watermark = watermark;
        self.work_off(watermark, true, &mut outputs);
        outputs
    }

    /// Moves the clock on.
    pub(crate) fn advance_clock(&mut self, now: i64) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.now = now;
        self.work_off(now, false, &mut outputs);
        outputs
    }

    /// Calls the timers that are due, in order, and drops the windows that are over.
    fn work_off(&mut self, until: i64, in_event_time: bool, outputs: &mut Vec<Output>) {
        let own_time = in_event_time != self.case.assigner.by_clock();
        loop {
            let next_of = |oracle: &Self, window: &Window| {
                let timers = match in_event_time {
                    true => &window.trigger.event_timers,
                    false => &window.trigger.clock_timers,
                };
                let over = own_time.then(|| oracle.over_at(window.end)).filter(|at| *at != i64::MAX);
                timers.first().copied().into_iter().chain(over).min()
            };
            let due = (0..self.windows.len()).filter_map(|index| Some((next_of(self, &self.windows[index])?, index)));
            let Some((at, index)) = due.min().filter(|(at, _)| *at <= until) else { break };
            let trigger = &mut self.windows[index].trigger;
            let was_set =
                if in_event_time { trigger.event_timers.remove(&at) } else { trigger.clock_timers.remove(&at) };
            if was_set {
                let outcome = if in_event_time { self.on_event_time(index, at) } else { self.on_clock(index, at) };
                self.obey(index, outcome, outputs);
            } else {
                let over = self.windows.remove(index);
                self.clear((over.start, over.end), outputs);
            }
        }
    }

    fn clear(&mut self, window: (i64, i64), outputs: &mut Vec<Output>) {
        if self.case.has_states {
            let known = self.totals.iter().position(|(known, _)| *known == window);
            let total = known.map_or(0, |index| self.totals.remove(index).1);
            outputs.push(Output::Cleared(self.key, window, total));
        }
    }

    fn obey(&mut self, index: usize, (fires, purges): Outcome, outputs: &mut Vec<Output>) {
        if fires && !self.windows[index].records.is_empty() {
            self.fire(index, outputs);
        }
        if purges {
            self.windows[index].records.clear();
        }
    }

    fn fire(&mut self, index: usize, outputs: &mut Vec<Output>) {
        let (case, window) = (self.case, &mut self.windows[index]);
        evict(case.evictor, false, &mut window.records);
        let extent = (window.start, window.end);
        let records: Vec<u64> = window.records.iter().map(|item| item.number).collect();
        evict(case.evictor, true, &mut window.records);
        let mut total = 0;
        if case.has_states {
            self.total += 1;
            outputs.push(Output::Total(self.key, self.total));
            if !case.assigner.merges() {
                match self.totals.iter_mut().find(|(known, _)| *known == extent) {
                    Some((_, known)) => {
                        *known += 1;
                        total = *known;
                    }
                    None => {
                        self.totals.push((extent, 1));
                        total = 1;
                    }
                }
            }
        }
        outputs.push(Output::Fired(self.key, extent, total, records));
    }

    fn on_record(&mut self, index: usize, item: &Item) -> Outcome {
        let (watermark, now) = (self.watermark, self.now);
        let by_clock = self.case.assigner.by_clock();
        let Window { end, trigger, .. } = &mut self.windows[index];
        let last = if *end == i64::MAX { i64::MAX } else { *end - 1 };
        match self.case.trigger {
            Trigger::Default if by_clock => {
                trigger.clock_timers.insert(*end);
                NOTHING
            }
            // A window without an end has no default.
            Trigger::Default if *end == i64::MAX => NOTHING,
            Trigger::Default => {
                if last <= watermark {
                    return FIRE;
                }
                trigger.event_timers.insert(last);
                NOTHING
            }
            Trigger::Count { limit, purging } => {
                trigger.count += 1;
                if trigger.count < limit {
                    return NOTHING;
                }
                trigger.count = 0;
                (true, purging)
            }
            Trigger::EventTime { every } => {
                if last <= watermark {
                    return FIRE;
                }
                trigger.event_timers.insert(last);
                if trigger.next.is_none() {
                    let at = (floor(item.time, every) + every).min(last);
                    trigger.next = Some(at);
                    trigger.event_timers.insert(at);
                }
                NOTHING
            }
            Trigger::Clock { every } => {
                if trigger.next.is_none() {
                    let at = floor(now, every) + every;
                    let at = if *end > now { at.min(*end) } else { at };
                    trigger.next = Some(at);
                    trigger.clock_timers.insert(at);
                }
                NOTHING
            }
            Trigger::Delta { above } => match trigger.last {
                Some(weight) if item.weight - weight <= above => NOTHING,
                before => {
                    trigger.last = Some(item.weight);
                    (before.is_some(), false)
                }
            },
            Trigger::Timeout { limit, after, reset, purging } => {
                trigger.count += 1;
                if trigger.count >= limit {
                    *trigger = Remembered::default();
                    return (true, purging);
                }
                if reset || trigger.next.is_none() {
                    trigger.clock_timers.clear();
                    trigger.next = Some(now + after);
                    trigger.clock_timers.insert(now + after);
                }
                NOTHING
            }
            Trigger::Custom => match item.weight.rem_euclid(5) {
                0 => {
                    trigger.event_timers.insert(item.time + 7);
                    NOTHING
                }
                1 => FIRE,
                2 => (false, true),
                3 => (true, true),
                _ => {
                    trigger.clock_timers.insert(now + 5);
                    NOTHING
                }
            },
        }
    }

    fn on_event_time(&mut self, index: usize, at: i64) -> Outcome {
        let Window { end, trigger, .. } = &mut self.windows[index];
        let last = if *end == i64::MAX { i64::MAX } else { *end - 1 };
        match self.case.trigger {
            Trigger::EventTime { .. } if at == last => FIRE,
            Trigger::EventTime { every } if trigger.next == Some(at) => {
                let is_last = last == i64::MAX && self.watermark == i64::MAX;
                let next = if is_last { last } else { (at + every).min(last) };
                trigger.next = Some(next);
                trigger.event_timers.insert(next);
                FIRE
            }
            Trigger::Default => FIRE,
            Trigger::Custom => {
                trigger.count += 1;
                if trigger.count.is_multiple_of(2) { FIRE } else { (false, true) }
            }
            _ => NOTHING,
        }
    }

    fn on_clock(&mut self, index: usize, at: i64) -> Outcome {
        let now = self.now;
        let Window { end, trigger, .. } = &mut self.windows[index];
        match self.case.trigger {
            Trigger::Default => FIRE,
            Trigger::Clock { every } => {
                let next = if *end > now { (at + every).min(*end) } else { at + every };
                trigger.next = Some(next);
                trigger.clock_timers.insert(next);
                FIRE
            }
            Trigger::Timeout { purging, .. } => {
                *trigger = Remembered::default();
                (true, purging)
            }
            Trigger::Custom => (true, true),
            _ => NOTHING,
        }
    }

    fn on_merge(&self, window: &mut Window, others: Vec<Remembered>) {
        let (start, end, trigger) = (window.start, window.end, &mut window.trigger);
        debug_assert!(start < end);
        trigger.event_timers.clear();
        trigger.clock_timers.clear();
        match self.case.trigger {
            Trigger::Default if self.case.assigner.by_clock() => {
                trigger.clock_timers.insert(end);
            }
            Trigger::Default if end - 1 > self.watermark => {
                trigger.event_timers.insert(end - 1);
            }
            Trigger::Count { .. } => trigger.count += others.iter().map(|other| other.count).sum::<u64>(),
            Trigger::EventTime { .. } | Trigger::Clock { .. } => {
                trigger.next = others.iter().map(|other| other.next).chain([trigger.next]).flatten().min();
                let timers = match self.case.trigger {
                    Trigger::Clock { .. } => &mut trigger.clock_timers,
                    _ => &mut trigger.event_timers,
                };
                timers.extend(trigger.next);
            }
            _ => {}
        }
    }
}

/// Takes out what the evictor does on this side of the function.
fn evict(evictor: Evictor, after: bool, records: &mut Vec<Item>) {
    match evictor {
        Evictor::Count { keep, after: side } if side == after => {
            while records.len() > keep {
                records.remove(0);
            }
        }
        Evictor::Time { keep, after: side } if side == after => {
            let latest = records.iter().map(|item| item.time).max();
            records.retain(|item| latest.is_none_or(|latest| item.time > latest - keep));
        }
        Evictor::Delta { below, after: side } if side == after => {
            let last = records.last().map(|item| item.weight);
            records.retain(|item| last.is_none_or(|last| last - item.weight < below));
        }
        _ => {}
    }
}

impl Assigner {
    /// The windows that a record is in.
    fn windows(&self, item: &Item, now: i64) -> Vec<(i64, i64)> {
        match *self {
            Self::Regular { size, slide, by_clock } => {
                let time = if by_clock { now } else { item.time };
                let mut start = floor(time, slide);
                let mut windows = Vec::new();
                while start + size > time {
                    windows.push((start, start + size));
                    start -= slide;
                }
                windows
            }
            Self::Session { gap, by_clock } => {
                let time = if by_clock { now } else { item.time };
                vec![(time, time + gap)]
            }
            Self::Global => vec![(i64::MIN, i64::MAX)],
            Self::Custom { .. } => super::case::custom_windows(item),
        }
    }
}
