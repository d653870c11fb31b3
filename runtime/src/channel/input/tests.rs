//! Tests of the input gate.

use proptest::prelude::*;

use crate::checkpoint::Purpose;

use super::*;

fn gate(channels: usize) -> InputGate {
    let sources: Vec<ChannelSource> = (0..channels).map(|sender| ChannelSource { input: 0, sender }).collect();
    InputGate::new(&sources, true)
}

#[track_caller]
fn check(channels: usize, steps: &[(usize, Signal)], expected: &[Signal]) {
    let mut gate = gate(channels);
    for (channel, signal) in steps {
        gate.put(*channel, Payload::Signal(signal.clone()));
    }
    let mut produced = Vec::new();
    while let Some(Work::Signal(signal)) = gate.next(|| Timestamp::MIN) {
        produced.push(signal);
    }
    assert_eq!(produced, expected);
}

fn watermark(millis: i64) -> Signal {
    Signal::Watermark(Timestamp::from_millis(millis))
}

#[test]
fn the_slowest_channel_holds_the_watermark() {
    check(
        2,
        &[(0, watermark(5)), (1, watermark(3)), (0, watermark(9)), (1, watermark(7))],
        &[watermark(3), watermark(7)],
    );
}

#[test]
fn an_idle_channel_is_left_out_and_does_not_move_time_back_when_it_returns() {
    check(
        2,
        &[(0, watermark(5)), (1, Signal::Idle), (1, watermark(3)), (1, watermark(8)), (0, watermark(9))],
        &[watermark(5), watermark(8)],
    );
}

#[test]
fn all_idle_is_idle_and_any_active_is_active() {
    check(2, &[(0, Signal::Idle), (1, Signal::Idle), (0, watermark(4))], &[Signal::Idle, Signal::Active, watermark(4)]);
}

#[test]
fn once_all_are_idle_time_is_that_of_the_furthest_whichever_was_idle_first() {
    for order in [[0, 1], [1, 0]] {
        let idle = order.map(|channel| (channel, Signal::Idle));
        let steps = [vec![(0, watermark(5)), (1, watermark(9))], idle.to_vec()].concat();
        let mut gate = gate(2);
        steps.into_iter().for_each(|(channel, signal)| gate.put(channel, Payload::Signal(signal)));
        let mut produced = Vec::new();
        while let Some(Work::Signal(signal)) = gate.next(|| Timestamp::MIN) {
            produced.push(signal);
        }
        assert_eq!(produced, [watermark(5), watermark(9), Signal::Idle], "{order:?}");
    }
}

#[test]
fn an_idle_channel_that_others_have_ended_beside_waits_with_its_own_time() {
    let max = Signal::Watermark(Timestamp::MAX);
    check(2, &[(1, watermark(3)), (0, max), (0, Signal::End), (1, Signal::Idle)], &[watermark(3), Signal::Idle]);
}

#[test]
fn without_channels_the_end_comes_at_once() {
    check(0, &[], &[Signal::Watermark(Timestamp::MAX), Signal::End]);
}

#[test]
fn an_ended_channel_holds_nobody_back() {
    check(2, &[(0, Signal::End), (1, watermark(4)), (1, Signal::End)], &[watermark(4), Signal::End]);
}

/// What a channel brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Batch(u32),
    /// The barrier with this number.
    Barrier(u64),
}

/// A number of batches before each barrier, and after the last.
fn items(batches: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut next = 0;
    for (barrier, count) in batches.iter().enumerate() {
        for _ in 0..*count {
            items.push(Item::Batch(next));
            next += 1;
        }
        if barrier + 1 < batches.len() {
            items.push(Item::Barrier(barrier as u64 + 1));
        }
    }
    items
}

/// What has become of the batches of each channel by each barrier.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Cut {
    processed: Vec<Vec<u32>>,
    captured: Vec<Vec<u32>>,
}

/// Drives a gate by hand, as a task does.
struct Run {
    gate: InputGate,
    overtake_at: Timestamp,
    now: i64,
    processed: Vec<Vec<u32>>,
    cuts: Vec<Cut>,
}

impl Run {
    fn put(&mut self, channel: usize, item: Item) {
        let payload = match item {
            Item::Batch(number) => Payload::Batch(Box::new(number), Grant::of_nobody()),
            Item::Barrier(id) => Payload::Signal(Signal::Barrier(Arc::new(Barrier {
                id: CheckpointId(id),
                purpose: Purpose::Checkpoint,
                overtake_at: self.overtake_at,
                at_least_once: false,
                released: CheckpointId(0),
            }))),
        };
        self.gate.put(channel, payload);
        self.capture();
    }

    fn capture(&mut self) {
        let Some(cut) = self.cuts.last_mut() else { return };
        let captured: Result<(), ()> = self.gate.capture(|source, batch| {
            cut.captured[source.sender].push(*batch.downcast_ref::<u32>().unwrap());
            Ok(())
        });
        captured.unwrap();
    }

    /// Answers whether there was anything to do.
    fn take(&mut self) -> bool {
        let now = Timestamp::from_millis(self.now);
        match self.gate.next(|| now) {
            None => return false,
            Some(Work::Batch { input, batch, .. }) => {
                self.processed[input].push(*batch.downcast::<u32>().unwrap());
            }
            Some(Work::Signal(_)) => {}
            Some(Work::Barrier(barrier)) => {
                assert_eq!(barrier.id.0, self.cuts.len() as u64 + 1, "barriers come in order, each once");
                let none = vec![Vec::new(); self.processed.len()];
                self.cuts.push(Cut { processed: self.processed.clone(), captured: none });
                self.capture();
            }
        }
        true
    }
}

proptest! {
    /// Whenever each barrier begins to overtake, what was processed before it and what was captured are together what
    /// stood before it in each channel, in order, and all is processed once.
    #[test]
    fn a_barrier_cuts_every_channel_where_it_stands(
        channels in prop::collection::vec(prop::collection::vec(0u8..4, 3), 1..4),
        steps in prop::collection::vec((0usize..6, 0i64..3), 0..80),
        overtake_at in prop::option::of(0i64..60),
    ) {
        let channels: Vec<Vec<Item>> = channels.iter().map(|batches| items(batches)).collect();
        let count = channels.len();
        let sources: Vec<ChannelSource> = (0..count).map(|sender| ChannelSource { input: sender, sender }).collect();
        let mut run = Run {
            gate: InputGate::new(&sources, true),
            overtake_at: overtake_at.map_or(Timestamp::MAX, Timestamp::from_millis),
            now: 0,
            processed: vec![Vec::new(); count],
            cuts: Vec::new(),
        };
        let mut waiting: Vec<std::vec::IntoIter<Item>> = channels.iter().map(|items| items.clone().into_iter()).collect();
        let rest = (0..count).cycle().take(count * 20).map(|channel| (channel, 0));
        for (action, millis) in steps.into_iter().chain(rest) {
            run.now += millis;
            match waiting.get_mut(action).and_then(Iterator::next) {
                Some(item) => run.put(action, item),
                None => {
                    run.take();
                }
            }
        }
        while run.take() {}
        prop_assert_eq!(run.cuts.len(), 2);
        for (channel, items) in channels.iter().enumerate() {
            let batches = |items: &[Item]| -> Vec<u32> {
                items.iter().filter_map(|item| if let Item::Batch(number) = item { Some(*number) } else { None }).collect()
            };
            for (number, cut) in run.cuts.iter().enumerate() {
                let end = items.iter().position(|item| *item == Item::Barrier(number as u64 + 1)).unwrap();
                let before = [cut.processed[channel].clone(), cut.captured[channel].clone()].concat();
                prop_assert_eq!(before, batches(&items[..end]));
                prop_assert!(overtake_at.is_some() || cut.captured[channel].is_empty());
            }
            prop_assert_eq!(&run.processed[channel], &batches(items));
        }
    }
}

#[test]
fn at_least_once_goes_on_beyond_the_barrier() {
    let mut gate = gate(2);
    let barrier = Arc::new(Barrier {
        id: CheckpointId(1),
        purpose: Purpose::Checkpoint,
        overtake_at: Timestamp::MAX,
        at_least_once: true,
        released: CheckpointId(0),
    });
    gate.put(0, Payload::Signal(Signal::Barrier(Arc::clone(&barrier))));
    gate.put(0, Payload::Batch(Box::new(1u32), Grant::of_nobody()));
    assert!(matches!(gate.next(|| Timestamp::MIN), Some(Work::Batch { .. })));
    assert!(gate.next(|| Timestamp::MIN).is_none());
    gate.put(1, Payload::Signal(Signal::Barrier(barrier)));
    assert!(matches!(gate.next(|| Timestamp::MIN), Some(Work::Barrier(_))));
}
