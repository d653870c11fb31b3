//! What the event time of an operator with several inputs is, some of which may be idle: by definition, for oracles.

/// How far event time has come in each input, and in all of them together.
#[derive(Debug, Clone)]
pub(crate) struct MergedTime {
    /// The watermark of each input, and whether it is idle.
    inputs: Vec<(Option<i64>, bool)>,
    reached: Option<i64>,
}

impl MergedTime {
    pub(crate) fn of_inputs(count: usize) -> Self {
        Self { inputs: vec![(None, false); count], reached: None }
    }

    /// An input has records again; answers where event time has come to if it has moved.
    pub(crate) fn wake(&mut self, input: usize) -> Option<i64> {
        self.inputs[input].1 = false;
        self.merge()
    }

    /// Event time has moved on in an input, which is not idle any more; answers as [`MergedTime::wake`].
    pub(crate) fn advance(&mut self, input: usize, watermark: i64) -> Option<i64> {
        let woken = self.wake(input);
        self.inputs[input].0 = self.inputs[input].0.max(Some(watermark));
        self.merge().or(woken)
    }

    /// Nothing is to wait for an input; answers as [`MergedTime::wake`].
    pub(crate) fn rest(&mut self, input: usize) -> Option<i64> {
        let rested_before = std::mem::replace(&mut self.inputs[input].1, true);
        if rested_before { None } else { self.merge() }
    }

    /// All is restored but what each input had said.
    pub(crate) fn restore(&mut self) {
        self.inputs.fill((None, false));
    }

    /// The least of the inputs that are not idle; once all are, the highest of all.
    fn merge(&mut self) -> Option<i64> {
        let waited_for = self.inputs.iter().filter(|(_, idle)| !idle).map(|(watermark, _)| *watermark);
        let merged = match waited_for.min() {
            Some(least) => least,
            None => self.inputs.iter().map(|(watermark, _)| *watermark).max().flatten(),
        };
        let moved = merged > self.reached;
        self.reached = self.reached.max(merged);
        merged.filter(|_| moved)
    }
}
