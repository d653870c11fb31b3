//! Windows by the letter of their definition, without panes or queues, for one key: what the operators are tested against.

/// One firing: key, start, end, revision, and the records' numbers in order.
pub(crate) type Firing = (u64, i64, i64, u32, Vec<u64>);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    Regular { size: i64, slide: i64, offset: i64 },
    Session { gap: i64 },
}

struct Window {
    start: i64,
    end: i64,
    records: Vec<u64>,
    firings: u32,
    pending: bool,
}

/// The windows of one key.
pub(crate) struct KeyOracle {
    key: u64,
    shape: Shape,
    lateness: i64,
    pub(crate) watermark: i64,
    windows: Vec<Window>,
}

impl KeyOracle {
    pub(crate) fn new(key: u64, shape: Shape, lateness: i64) -> Self {
        Self { key, shape, lateness, watermark: i64::MIN, windows: Vec::new() }
    }

    /// What a record makes fire; `None` if it is late.
    pub(crate) fn record(&mut self, time: i64, record: u64) -> Option<Vec<Firing>> {
        let mut firings = Vec::new();
        let mut assigned = Vec::new();
        match self.shape {
            Shape::Regular { size, slide, offset } => {
                let last = time - (time - offset).rem_euclid(slide);
                let mut start = last;
                while start > time - size {
                    assigned.push((start, start + size));
                    start -= slide;
                }
                assigned.retain(|(_, end)| end - 1 + self.lateness > self.watermark);
                if assigned.is_empty() {
                    return if time + self.lateness <= self.watermark { None } else { Some(firings) };
                }
            }
            Shape::Session { gap } => {
                let (mut start, mut end) = (time, time + gap);
                let touching: Vec<usize> = (0..self.windows.len())
                    .filter(|index| self.windows[*index].start <= end && start <= self.windows[*index].end)
                    .collect();
                if touching.is_empty() && end - 1 + self.lateness <= self.watermark {
                    return None;
                }
                let mut merged = Window { start, end, records: Vec::new(), firings: 0, pending: false };
                for index in touching.into_iter().rev() {
                    let window = self.windows.remove(index);
                    start = start.min(window.start);
                    end = end.max(window.end);
                    merged.records.extend(window.records);
                    merged.firings = merged.firings.max(window.firings);
                }
                (merged.start, merged.end) = (start, end);
                self.windows.push(merged);
                assigned.push((start, end));
            }
        }
        for (start, end) in assigned {
            let known = self.windows.iter().position(|window| (window.start, window.end) == (start, end));
            let index = known.unwrap_or_else(|| {
                self.windows.push(Window { start, end, records: Vec::new(), firings: 0, pending: false });
                self.windows.len() - 1
            });
            let window = &mut self.windows[index];
            window.records.push(record);
            window.pending = end - 1 > self.watermark;
            if !window.pending {
                firings.push(fire(self.key, window));
            }
        }
        Some(firings)
    }

    /// What a watermark makes fire.
    pub(crate) fn advance(&mut self, watermark: i64) -> Vec<Firing> {
        self.watermark = self.watermark.max(watermark);
        let now = self.watermark;
        let key = self.key;
        let due = self.windows.iter_mut().filter(|window| window.pending && window.end - 1 <= now);
        let firings = due.map(|window| {
            window.pending = false;
            fire(key, window)
        });
        let firings = firings.collect();
        let lateness = self.lateness;
        self.windows.retain(|window| (window.end - 1).saturating_add(lateness) > now);
        firings
    }
}

fn fire(key: u64, window: &mut Window) -> Firing {
    let mut records = window.records.clone();
    records.sort_unstable();
    window.firings += 1;
    (key, window.start, window.end, window.firings - 1, records)
}
